"""Hand-written C, built with the compiler of this system."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Workload

from peers import Call, Unsupported, leaves

SOURCES = [Path(__file__).parents[1] / name for name in ("limit.c", "limit_loops.c")]
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")


def compiler() -> str | None:
    return shutil.which(shlex.split(os.environ.get("CC", "cc"))[0])


@cache
def library() -> ctypes.CDLL:
    """The kernels. Linked without ``-ffast-math``, which would make all of Python flush denormals."""
    cc = compiler()
    if cc is None:
        raise Unsupported("no C compiler")
    with tempfile.TemporaryDirectory() as folder:
        whole = f"{folder}/limit.so"
        parts = [f"{folder}/{source.stem}.o" for source in SOURCES]
        for source, part in zip(SOURCES, parts, strict=True):
            subprocess.run([cc, *FLAGS, "-c", str(source), "-o", part], check=True)  # noqa: S603
        subprocess.run([cc, "-shared", *parts, "-o", whole, "-lm"], check=True)  # noqa: S603
        kernels = ctypes.CDLL(whole)
    kernels.seconds.restype = ctypes.c_double
    kernels.seconds.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_long]
    return kernels


def _sizes(w: Workload, args: tuple[Any, ...]) -> tuple[str, list[int]]:
    """The kernel, and the sizes that it is told."""
    match w.objective, w.kind:
        case "rosenbrock", "gradient":
            return "rosenbrock", [len(args[0])]
        case "recurrence", "gradient":
            return "recurrence", [w.constants.get("steps", 250)]
        case "toy_map", "Jacobian":
            return "toy_map_jacobian", []
        case "toy", "Hessian":
            return "toy_hessian", []
        case "mean_squared_error", "gradient":
            return "mean_squared_error", [*args[2].shape]
        case "logistic", "gradient":
            return "logistic", [*args[1].shape]
        case "regressor", kind:
            p, X, _ = w.primal_args(args)
            return f"regressor_{kind.split()[0].lower()}", [*X.shape, len(p[1])]
        case "log_sum_exp", _:
            return "log_sum_exp", [len(args[0])]
        case "k_means", _:
            return "k_means", [len(args[0]), *args[1].shape]
        case "gaussian_mixture", _:
            n, d = args[3].shape
            return "gaussian_mixture", [d, len(args[0]), n]
        case "runge_kutta", _:
            return "runge_kutta", [w.constants["steps"]]
        case "lstm", _:
            return "lstm", [len(args[2]) // 2, *args[3].shape]
        case _:
            raise Unsupported("NumPy with BLAS is the limit")


def _count(w: Workload, args: tuple[Any, ...]) -> int:
    """How many numbers the result has."""
    match w.kind:
        case "Jacobian":
            return 6
        case "Hessian":
            return 9
        case "gradient and curvature":
            return 2 * int(args[0].size)
        case "gradient":
            chosen = [w.wrt] if isinstance(w.wrt, int) else w.wrt
            return sum(np.size(args[i]) for i in chosen)
        case _:
            return sum(np.size(a) for a in leaves(args[: 1 if w.kind == "SGD step" else 3]))


def make(w: Workload, args: tuple[Any, ...]) -> Call:
    """Repeated in C: what the arithmetic takes."""
    name, sizes = _sizes(w, args)
    kernel = getattr(library(), name)
    kernel.restype = None
    inputs = [np.ascontiguousarray(a, float) for a in leaves(args)]
    table = (ctypes.c_void_p * len(inputs))(*(a.ctypes.data for a in inputs))
    told = (ctypes.c_long * max(1, len(sizes)))(*sizes)
    result = np.zeros(_count(w, args))
    place = ctypes.c_void_p(result.ctypes.data)
    address = ctypes.cast(kernel, ctypes.c_void_p)

    def run(kernel: Any = kernel, table: Any = table, place: Any = place, told: Any = told) -> None:
        kernel(table, place, told)

    def repeat(count: int) -> float:
        return float(library().seconds(address, table, place, told, count))

    return Call(run, lambda _: result.copy(), repeat, keeps=inputs)


def called(w: Workload, args: tuple[Any, ...]) -> Call:
    """Called from Python each time, with everything prepared."""
    call = make(w, args)
    return Call(call.run, call.read, keeps=call.keeps)
