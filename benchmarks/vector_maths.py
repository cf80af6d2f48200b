"""Vector mathematics: nanoseconds an element, own code against NumPy, and JAX and PyTorch if there.

``python benchmarks/vector_maths.py [size]``: interleaved medians of arrays in the cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from chainrule import ops
from tests.native.compiling import element, kernel

#: Names, and the interval that the arguments are taken from.
FUNCTIONS: dict[str, tuple[tuple[float, float], ...]] = {
    "exp": ((-10, 10),), "exp2": ((-10, 10),), "expm1": ((-3, 3),), "log": ((0, 10),), "log1p": ((-0.9, 10),),
    "log2": ((0, 10),), "log10": ((0, 10),), "sin": ((-10, 10),), "cos": ((-10, 10),), "tan": ((-10, 10),),
    "arcsin": ((-1, 1),), "arccos": ((-1, 1),), "arctan": ((-5, 5),), "sinh": ((-5, 5),), "cosh": ((-5, 5),),
    "tanh": ((-3, 3),), "arcsinh": ((-10, 10),), "arccosh": ((1, 10),), "arctanh": ((-1, 1),), "cbrt": ((-10, 10),),
    "expit": ((-10, 10),), "log_expit": ((-10, 10),), "logit": ((0, 1),), "erf": ((-3, 3),), "erfc": ((-3, 3),),
    "ndtr": ((-5, 5),), "log_ndtr": ((-5, 5),), "gammaln": ((0, 20),), "psi": ((0, 20),),
    "power": ((0, 10), (-5, 5)), "arctan2": ((-5, 5), (-5, 5)), "hypot": ((-5, 5), (-5, 5)),
    "logaddexp": ((-5, 5), (-5, 5)), "fmod": ((-50, 50), (1, 5)), "remainder": ((-50, 50), (1, 5)),
    "xlogy": ((0, 3), (0, 3)), "sqrt": ((0, 10),), "maximum": ((-1, 1), (-1, 1)),
}  # fmt: skip
ROWS = {op.name: op for op in ops.PRIMITIVES}
JAX = {
    "expit": "jax.nn.sigmoid",
    "log_expit": "jax.nn.log_sigmoid",
    "psi": "jax.scipy.special.digamma",
}
TORCH = {
    "expit": "torch.sigmoid",
    "log_expit": "torch.nn.functional.logsigmoid",
    "power": "torch.pow",
    "gammaln": "torch.lgamma",
    "psi": "torch.digamma",
}


def found(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def jax_call(name: str, arrays: list[Any]) -> Callable[[], Any] | None:
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    for path in (JAX.get(name), f"jax.numpy.{name}", f"jax.scipy.special.{name}"):
        try:
            function = jax.jit(found(path or ""))
        except (AttributeError, ImportError, ValueError):
            continue
        inputs = [jax.numpy.asarray(a) for a in arrays]
        return lambda: function(*inputs).block_until_ready()
    return None


def torch_call(name: str, arrays: list[Any]) -> Callable[[], Any] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    for path in (TORCH.get(name), f"torch.{name}", f"torch.special.{name}"):
        try:
            function = found(path or "")
        except (AttributeError, ImportError, ValueError):
            continue
        inputs = [torch.from_numpy(a) for a in arrays]
        return lambda: function(*inputs)
    return None


def own_call(name: str, arrays: list[Any], inline: bool) -> Callable[[], Any]:
    kind = element(arrays[0].dtype)
    run = kernel(
        ROWS[name], (kind,) * len(arrays), kind, 64 // arrays[0].dtype.itemsize, True, inline
    )
    out = np.empty_like(arrays[0])
    addresses = [a.ctypes.data for a in arrays]
    return lambda: run.call(*addresses, out.ctypes.data, out.size)


def measured(name: str, dtype: Any, size: int, rounds: int = 25) -> list[float | None]:
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(low, high, size).astype(dtype) for low, high in FUNCTIONS[name]]
    out, function = np.empty_like(arrays[0]), ROWS[name].function
    calls = [
        own_call(name, arrays, False),
        own_call(name, arrays, True),
        lambda: function(*arrays, out=out),
        jax_call(name, arrays),
        torch_call(name, arrays),
    ]
    times: list[list[float]] = [[] for _ in calls]
    with np.errstate(all="ignore"):
        for _ in range(rounds):
            for call, record in zip(calls, times, strict=True):
                if call is not None:
                    start = time.perf_counter()
                    call()
                    record.append(time.perf_counter() - start)
    return [median(t) / size * 1e9 if t else None for t in times]


def main() -> None:
    size = int(sys.argv[1]) // 16 * 16 if len(sys.argv) > 1 else 100_000
    for dtype in (np.float64, np.float32):
        print(f"\nns/element at {size}, {np.dtype(dtype).name}\n")
        print("| function | called | inline | numpy | jax | torch |\n|---|---|---|---|---|---|")
        for name in FUNCTIONS:
            cells = [f"{t:.2f}" if t else "–" for t in measured(name, dtype, size)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
