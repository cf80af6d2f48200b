"""Executables in use: from several threads, within each other, with errors, and very often."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.function import execution
from chainrule.ir.graph import Graph
from chainrule.native import llvm
from chainrule.native.plan import Callback
from chainrule.native.program import compile_graph
from tests.native.long import graph_of
from tests.native.sound import assert_sound, strips_of

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)


def compiled(f: Callable[..., Any], *args: Any) -> tuple[Any, list[Any]]:
    graph, values = graph_of(f, *args)
    executable = compile_graph(graph)
    assert_sound(executable)
    return executable, values


def heavy(x: Any, w: Any) -> Any:
    """With strips, a workspace, LAPACK and a call-back."""
    hidden = np.tanh(x @ w)
    square = hidden.T @ hidden + np.eye(w.shape[1])
    solved = np.linalg.solve(square, hidden.sum(axis=0))
    return np.sum(hidden @ solved) + np.sum(np.sort(hidden, axis=1)[:, :3]), hidden


def arguments(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(700, 5)), rng.normal(size=(5, 8))]


# -- threads ---------------------------------------------------------------------------------------


def test_threads_have_memory_of_their_own() -> None:
    executable, (_, _, *captured) = compiled(heavy, *arguments(0))
    assert executable.workspace > 1 << 12
    assert list(strips_of(executable.steps))
    assert any(isinstance(s, Callback) for s in executable.steps)
    entry = executable.entry(lambda *args: pytest.fail("a call went the slow way"))
    expected = [heavy(*arguments(seed)) for seed in range(8)]
    gate = threading.Barrier(8)

    def work(seed: int) -> bool:
        args = [*arguments(seed), *captured]
        gate.wait()
        for k in range(40):
            value, hidden = entry(*args) if k % 2 else executable(args)
            np.testing.assert_allclose(value, expected[seed][0], rtol=1e-10)
            np.testing.assert_allclose(hidden, expected[seed][1], rtol=1e-12)
        return True

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(before)


def test_a_call_inside_a_call_back() -> None:
    """What a call-back runs may call the same executable again."""
    executable, values = compiled(heavy, *arguments(0))
    expected = executable(values)
    assert expected is not None
    entry = executable.entry(lambda *args: None)
    step = next(s for s in executable.steps if isinstance(s, Callback))
    plain, depth = step.compute, 0

    def nested(*arrays: Any) -> Any:
        nonlocal depth
        depth += 1
        if depth < 4:
            inside = entry(*values) if depth % 2 else executable(values)
            np.testing.assert_array_equal(inside[1], expected[1])
        return plain(*arrays)

    step.compute = nested
    found = entry(*values)
    assert depth == 4
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


# -- errors ----------------------------------------------------------------------------------------


def test_what_a_call_back_raises_is_raised() -> None:
    executable, values = compiled(lambda x: x[np.argsort(x * 2)] + 1, np.ones(30))
    step = next(s for s in executable.steps if isinstance(s, Callback))
    plain = step.compute

    def raising(x: Any) -> Any:
        if x[0] > 10:
            raise FileNotFoundError("nothing there")
        return plain(x)

    step.compute = raising
    np.testing.assert_allclose(executable(values)[0], np.full(30, 2.0))
    for _ in range(3):
        with pytest.raises(FileNotFoundError, match="nothing there"):
            executable([values[0] * 29])
    np.testing.assert_allclose(executable(values)[0], np.full(30, 2.0))


@pytest.mark.parametrize("size", [2, 3, 40])
def test_singular_matrices_are_errors(size: int) -> None:
    def f(a: Any, b: Any) -> Any:
        return np.linalg.solve(a, b) * 2 + np.linalg.inv(a) @ b

    good, b = np.eye(size) * 2, np.ones(size)
    fast = cr.jit(f)
    slope = cr.jit(cr.grad(lambda a: np.sum(f(a, b))))
    root = cr.jit(lambda a: np.linalg.cholesky(a) + 1)
    for call in (lambda: fast(good, b), lambda: slope(good), lambda: root(good)):
        call()
        call()
    for bad in (np.zeros((size, size)), np.ones((size, size))):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            fast(bad, b)
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            slope(bad)
        with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
            root(bad - np.eye(size))
    np.testing.assert_allclose(fast(good, b), f(good, b))


INDEXED: dict[str, Callable[..., Any]] = {
    "gather": lambda x, i: x[i] * 2,
    "two axes": lambda x, i: np.outer(x, x)[i, i[::-1]],
    "take": lambda x, i: np.take(x, i) + 1,
    "take along": lambda x, i: np.take_along_axis(x[None], i[None], 1),
    "one": lambda x, i: x[i[0]] * x,
}


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("at", [6, -7, 10**12, -(10**12)])
def test_no_index_is_out_of_bounds(name: str, at: int) -> None:
    f = INDEXED[name]
    x, good = np.arange(6.0), np.array([0, 5, -1, -6, 3] * 5)
    bad = good.copy()
    bad[0] = at
    for fast in (cr.jit(f), cr.jit(cr.grad(lambda x, i: np.sum(f(x, i) ** 2)))):
        expected = fast(x, good)
        np.testing.assert_array_equal(fast(x, good), expected)
        with pytest.raises(IndexError, match=str(at)):
            fast(x, bad)
        np.testing.assert_array_equal(fast(x, good), expected)


def test_an_index_out_of_bounds_where_the_path_is_another() -> None:
    def f(x: Any, i: Any) -> Any:
        if i[0] > 5:
            return x * 0
        return x[i] * 2

    x, good, bad = np.arange(6.0), np.array([1, 2, 3, 0, 4, 5]), np.array([8] * 6)
    fast = cr.jit(f)
    for i in (good, bad, good, bad):
        np.testing.assert_array_equal(fast(x, i), f(x, i))


# -- guards ----------------------------------------------------------------------------------------


def guarded(x: Any, w: Any) -> tuple[Any, list[Any]]:
    """An executable with results, and a check computed from arrays in a strip."""
    graph, values = graph_of(
        lambda x, w: (np.tanh(x @ w), np.all(np.sum(x @ w, axis=1) < 1e3)), x, w
    )
    return compile_graph(Graph(graph.inputs, graph.outputs[:1]), graph.outputs[1]), values


def test_a_check_of_arrays() -> None:
    x, w = arguments(1)
    executable, _ = guarded(x, w)
    assert_sound(executable)
    slow = executable.entry(lambda *args: "slow")
    for _ in range(3):
        np.testing.assert_allclose(executable([x, w])[0], np.tanh(x @ w))
        np.testing.assert_allclose(slow(x, w), np.tanh(x @ w))
        bad = x.copy()
        bad[-1] = 1e6 * np.sign(w.sum(axis=1))
        assert executable([bad, w]) is None
        assert slow(bad, w) == "slow"


def test_a_check_that_is_an_output_too() -> None:
    graph, values = graph_of(lambda x: (x * 2, np.sum(x) > 0), np.ones(5))
    executable = compile_graph(graph, graph.outputs[1])
    assert_sound(executable)
    doubled, truth = executable(values)  # type: ignore[misc]
    assert doubled.tolist() == [2.0] * 5
    assert truth
    assert executable([-np.ones(5)]) is None


# -- memory ----------------------------------------------------------------------------------------


def resident() -> int:
    """Bytes of this process in memory."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_calls_leak_nothing() -> None:
    small, values = compiled(lambda x: (np.sin(x) * x, np.sum(x)), np.ones(16))
    large, many = compiled(heavy, *arguments(0))
    fast, entry = small.entry(lambda *args: None), large.entry(lambda *args: None)

    def calls(n: int) -> None:
        for _ in range(n):
            fast(*values)
        for _ in range(n // 1000):
            entry(*many)
            large(many)

    calls(20_000)
    before = resident()
    calls(60_000)
    assert resident() - before < 1 << 20


def test_the_native_code_is_really_used() -> None:
    """Where a graph is not compiled, NumPy stands in silently: not in these tests."""
    assert execution.compiler() is not None


def test_any_number_of_errors_changes_nothing(recwarn: pytest.WarningsRecorder) -> None:
    fast = cr.jit(lambda x, i: x[i] * 2)
    x, good, bad = np.arange(6.0), np.array([1, 2]), np.array([1, 99])
    fast(x, good)
    for _ in range(100):
        with pytest.raises(IndexError):
            fast(x, bad)
    assert fast(x, good).tolist() == [2.0, 4.0]
    assert not recwarn.list
    assert "kernel" in fast.lower(x, good).llvm


def test_an_index_out_of_bounds_in_a_part_of_another_thread() -> None:
    def f(x: Any, w: Any, at: Any) -> Any:
        scores = np.tanh(x @ w)
        picked = np.take_along_axis(scores, at[:, None], 1)
        return np.sum(picked**2), scores.sum(axis=0)

    rng = np.random.default_rng(0)
    x, w, at = rng.normal(size=(60_000, 8)), rng.normal(size=(8, 8)), rng.integers(0, 8, 60_000)
    graph, values = graph_of(f, x, w, at)
    executable = compile_graph(graph, threads=2)
    assert any(s.share is not None for s in strips_of(executable.steps))
    for _ in range(2):
        found = executable(values)
        for a, b in zip(found, f(x, w, at), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-8)
        wrong = at.copy()
        wrong[rng.integers(60_000)] = 8
        with pytest.raises(IndexError, match="8"):
            executable([x, w, wrong])
