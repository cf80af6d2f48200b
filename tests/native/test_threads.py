"""Loops shared by several threads: the same results, the same at every call, whoever else is at work."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from chainrule import grad, jit, value_and_grad
from chainrule.native import llvm, pool, shares
from chainrule.native.plan import Buffer, Nest, Statement, Strip, View, whole

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

rng = np.random.default_rng(7)
POINTS = rng.normal(size=(20011, 12))
SIGNS = np.sign(rng.normal(size=20011))
LABELS = rng.integers(0, 5, 20011)


def logistic(w: Any, x: Any, y: Any) -> Any:
    return np.mean(np.logaddexp(0, -y * (x @ w)))


def softmax_regression(w: Any, x: Any, labels: Any) -> Any:
    z = x @ w
    top = z.max(axis=1, keepdims=True)
    total = np.log(np.exp(z - top).sum(axis=1)) + top[:, 0]
    return np.mean(total - z[np.arange(len(labels)), labels])


def kmeans(centers: Any, x: Any) -> Any:
    return np.sum(np.min(((x[:, None, :] - centers) ** 2).sum(axis=-1), axis=1))


def mixture(weights: Any, means: Any, scales: Any, x: Any) -> Any:
    d = (x[:, None, :] - means) * np.exp(scales)
    e = weights + scales.sum(axis=1) - (d**2).sum(axis=-1) / 2
    top = e.max(axis=1)
    return np.sum(top + np.log(np.exp(e - top[:, None]).sum(axis=1)))


def reductions(x: Any) -> Any:
    y = np.sin(x)
    return (
        np.max(y, axis=0), np.min(y), np.any(x > 3.9, axis=0), np.all(x > -99), np.prod(1 + y / 99),
    )  # fmt: skip


PROGRAMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "logistic": (value_and_grad(logistic), (rng.normal(size=12) / 9, POINTS, SIGNS)),
    "softmax regression": (grad(softmax_regression), (rng.normal(size=(12, 5)), POINTS, LABELS)),
    "k-means": (grad(kmeans), (rng.normal(size=(6, 12)), POINTS)),
    "mixture": (
        grad(mixture, (0, 1, 2)),
        (rng.normal(size=6), rng.normal(size=(6, 12)), rng.normal(size=(6, 12)) / 9, POINTS),
    ),
    "single precision": (
        value_and_grad(logistic),
        tuple(a.astype(np.float32) for a in (rng.normal(size=12) / 9, POINTS, SIGNS)),
    ),
    "elementwise": (lambda x: np.sin(x) * x, (POINTS,)),
    "rows": (lambda x: np.exp(x).sum(axis=1), (POINTS,)),
    "columns": (lambda x: np.exp(x).sum(axis=0), (POINTS,)),
    "transposed": (lambda x: np.exp(x.T) + 1.0, (POINTS,)),
    "reductions": (reductions, (POINTS,)),
    "product": (lambda x: np.ones(7) @ np.ones((7, 12)) @ x.T, (POINTS,)),
    "gram": (lambda x: x.T @ (2 * x), (POINTS,)),
    "integers": (lambda x: (np.sum(x * x % 7), np.max(x, axis=0)), (np.tile(LABELS, 9),)),
    "blas": (lambda x: x[:300, :] @ np.ones((12, 40)) @ np.ones((40, 900)), (POINTS,)),
}


def leaves(results: Any) -> list[np.ndarray]:
    if isinstance(results, tuple):
        return [leaf for r in results for leaf in leaves(r)]
    return [np.asarray(results)]


def is_shared(compiled: Any, args: Any) -> bool:
    return "threads" in "\n".join(compiled.lower(*args).steps)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_WORTH", 1 << 14)


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_are_those_of_one_thread(name: str) -> None:
    f, args = PROGRAMS[name]
    shared = jit(f, threads=2)
    assert is_shared(shared, args) or name == "blas"
    found = leaves(shared(*args))
    for a, b in zip(found, leaves(jit(f)(*args)), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        eps = np.finfo(b.dtype).eps if b.dtype.kind == "f" else 0
        np.testing.assert_allclose(a, b, rtol=2000 * eps, atol=200 * eps * np.max(np.abs(b)))
    for _ in range(5):
        for a, b in zip(leaves(shared(*args)), found, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_number_of_threads_is_not_seen_in_the_results() -> None:
    f, args = PROGRAMS["mixture"]
    for a, b in zip(
        leaves(jit(f, threads=4)(*args)), leaves(jit(f, threads=2)(*args)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_more_threads_than_there_is_work_for() -> None:
    f, args = PROGRAMS["k-means"]
    many, two = jit(f, threads=1000), jit(f, threads=2)
    np.testing.assert_allclose(many(*args), two(*args), rtol=1e-12)
    assert many.memory(*args) < 64 * two.memory(*args)


def test_one_thread_is_the_default() -> None:
    f, args = PROGRAMS["logistic"]
    assert not is_shared(jit(f), args)
    assert jit(f).lower(*args).llvm == jit(f, threads=1).lower(*args).llvm


def test_small_loops_are_left_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "_WORTH", 1 << 40)
    f, args = PROGRAMS["logistic"]
    assert jit(f, threads=2).lower(*args).llvm == jit(f).lower(*args).llvm


def test_many_callers() -> None:
    compiled = {n: jit(f, threads=3) for n, (f, _) in PROGRAMS.items() if n != "blas"}
    expected = {n: leaves(c(*PROGRAMS[n][1])) for n, c in compiled.items()}
    barrier = threading.Barrier(4)

    def work(k: int) -> None:
        barrier.wait()
        names = list(compiled)
        for name in (names[k:] + names[:k]) * 3:
            for a, b in zip(
                leaves(compiled[name](*PROGRAMS[name][1])), expected[name], strict=True
            ):
                np.testing.assert_array_equal(a, b)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, k) for k in range(4)]:
            done.result()


WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)


def share(work: Callable[[int], None], helpers: int) -> None:
    """Have Python run in the slots."""
    call = ctypes.CFUNCTYPE(None, WORK, ctypes.c_void_p, ctypes.c_int64)(pool.ready(helpers + 1))
    call(WORK(lambda _, slot: work(slot)), None, helpers)


def test_helpers_work_at_the_same_time() -> None:
    barrier, slots = threading.Barrier(3), []

    def work(slot: int) -> None:
        barrier.wait(20)  # until all three are here
        slots.append(slot)

    for _ in range(3):
        slots.clear()
        share(work, 2)
        assert sorted(slots) == [0, 1, 2]


def test_helpers_that_come_late_are_not_waited_for() -> None:
    done: list[int] = []
    for k in range(2000):
        share(lambda slot, k=k: done.append(k) if slot == 0 else None, 3)
    assert done == list(range(2000))


def test_helpers_that_are_busy_are_left_alone() -> None:
    inner: list[int] = []

    def work(slot: int) -> None:
        for _ in range(50):
            share(inner.append, 1)

    share(work, 2)
    assert inner.count(0) >= 50
    assert set(inner) <= {0, 1}


def test_bound_calls_and_errors() -> None:
    f, args = PROGRAMS["logistic"]
    bound = jit(f, threads=2).bind(*args)
    for a, b in zip(leaves(bound()), leaves(jit(f, threads=2)(*args)), strict=True):
        np.testing.assert_array_equal(a, b)

    inverse = jit(lambda x: np.linalg.inv(np.exp(x).sum(axis=0).reshape(4, 3)[:3] * 0), threads=2)
    with pytest.raises(np.linalg.LinAlgError):
        inverse(POINTS)
    gather = jit(lambda x, k: np.sum(np.exp(x[k])), threads=2)
    assert is_shared(gather, (POINTS, LABELS))
    np.testing.assert_allclose(gather(POINTS, LABELS), np.exp(POINTS[LABELS]).sum())
    with pytest.raises(IndexError):
        gather(POINTS, LABELS + 20010)
    np.testing.assert_allclose(gather(POINTS, LABELS), np.exp(POINTS[LABELS]).sum())

    gate = jit(lambda x: np.sin(x).sum() if np.exp(x).sum() > 0 else x.sum(), threads=2)
    np.testing.assert_allclose(gate(POINTS), np.sin(POINTS).sum())
    np.testing.assert_allclose(gate(POINTS * np.nan), np.nan)


def test_what_overlaps_is_not_shared() -> None:
    """Blocks that write to the same places, other than by adding up, are done in turn."""
    size, wide = 4000, 40
    domain = (size, wide)
    read = whole(Buffer(np.dtype(float), size * wide, "input", 0), domain)

    def nest(strides: tuple[int, int], **more: Any) -> Nest:
        room = Buffer(
            np.dtype(float), 1 + sum(s * (n - 1) for s, n in zip(strides, domain, strict=True))
        )
        target = View(room, 0, domain, strides)
        return Nest(
            domain, [Statement("copy", [read], read.dtype, target=target, stored=True, **more)]
        )

    def shared(step: Nest) -> bool:
        made = shares.shared([step], llvm.machine(), 2)
        return isinstance(made[-1], Strip)

    assert shared(nest((wide, 1)))
    assert shared(nest((1, size)))
    assert shared(nest((0, 1), reduce="add", axes=frozenset({0})))
    assert not shared(nest((1, 1), adds=True))  # windows
    assert not shared(nest((0, 1)))


_SCRIPT = """
import os, warnings
import numpy as np
from chainrule import jit
warnings.simplefilter("ignore")
x = np.linspace(0, 1, 3_000_001)
f = jit(lambda x: np.exp(x).sum(), threads=2)
expected = f(x)
child = os.fork()
if child == 0:
    again = jit(lambda x: np.sin(x).sum(), threads=2)
    good = f(x) == expected and abs(again(x) - np.sin(x).sum()) < 1e-6 and f(x) == expected
    os._exit(0 if good else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert f(x) == expected
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_after_a_fork_and_at_the_end() -> None:
    """A child works alone, or with helpers of its own; no helper keeps a process from ending."""
    made = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (made.returncode, made.stdout.strip(), made.stderr) == (0, "done", "")
