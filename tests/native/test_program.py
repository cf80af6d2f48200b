"""Native code gives what the NumPy reference gives: every row, and programs of many."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.ir.primitive import Primitive
from chainrule.native import llvm
from chainrule.native.program import compile_graph
from chainrule.ops import PRIMITIVES
from chainrule.simplify import rerolling
from tests.laws.arguments import Case, cases
from tests.native.long import compare, graph_of
from tests.native.sound import assert_sound

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)


def compiled(case: Case) -> tuple[list[Any], list[Any]]:
    """What native code and the reference make of a case."""
    inputs = case.inputs()
    outputs = case.outputs(inputs)
    with np.errstate(all="ignore"):
        expected = case.value()
    executable = compile_graph(Graph(tuple(inputs), tuple(outputs)))
    assert_sound(executable)
    found = executable(case.arrays)
    assert found is not None
    return found, expected


def assert_same(found: list[Any], expected: list[Any], row: Primitive) -> None:
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype or b.ndim == 0
        assert a.shape == b.shape
        if b.dtype.kind in "fc":
            eps = float(np.finfo(b.dtype).eps)
            np.testing.assert_allclose(a, b, rtol=200 * eps, atol=50 * eps, equal_nan=True)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [float, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_native_is_the_reference(row: Primitive, dtype: Any) -> None:
    for case in cases(row):
        found, expected = compiled(case.as_dtype(dtype))
        assert_same(found, expected, row)


def recurrent(w: Any, x: Any) -> Any:
    """Many steps over small arrays, with a result of LAPACK and of a call-back on the way."""
    h = x
    total = 0.0
    for k in range(90):
        h = np.tanh(w @ h + x * (k % 7) - h[::-1] / (1 + h[0] ** 2))
        total = total + np.sum(h * x) * 0.01
        if k in (30, 60):
            h = np.linalg.solve(w @ w.T + np.eye(len(x)) * 3, h)
            h = h + np.cumprod(1 + 0.1 * h)
        if k % 50 == 49:
            h = np.concatenate([h[1:], h[:1] * 0.5])
    return total + np.max(h)


@pytest.mark.parametrize("size", [1, 3, 16, 17])
def test_long_programs_without_loops_over_arrays(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerolling, "SHORTEST", 10**9)  # it is to stay long
    rng = np.random.default_rng(size)
    args = [rng.normal(size=(size, size)) / size, rng.normal(size=size)]
    graph, values = graph_of(cr.value_and_grad(recurrent, wrt=(0, 1)), *args)
    assert len(graph.order) > 1000
    compare(graph, values)


def test_more_statements_over_one_domain_than_one_nest_takes() -> None:
    def f(x: Any, y: Any) -> Any:
        found = []
        for k in range(600):
            x = x * np.cos(y + k) + 0.1
            found.append(np.sum(x))
        return x, np.stack(found), np.sum(np.stack(found[::7]) ** 2)

    rng = np.random.default_rng(0)
    graph, values = graph_of(f, rng.normal(size=(7, 30)), rng.normal(size=30))
    compare(graph, values)


def test_outputs_that_are_inputs_each_other_constants_and_views() -> None:
    constant = np.arange(12.0).reshape(3, 4)

    def f(x: Any, y: Any, n: Any) -> Any:
        double = x * 2
        return (
            x, x, x.T, double, double, double.T, double[::-1], double[1:, ::2], np.ones((2, 3)), constant + 0,
            np.zeros((0, 3)), x[:0], y, y + 0, 3.5, np.float32(1), True, n, n + 1, np.broadcast_to(y, (4, 2)),
            np.broadcast_to(double[0], (3, 4)), double.reshape(4, 3), double.T.reshape(3, 4), x > 0, ~(x > 0),
            np.diagonal(double[:, :3]), np.sum(double, axis=0), np.sum(double, axis=0)[::-1],
        )  # fmt: skip

    graph, values = graph_of(f, np.random.default_rng(0).normal(size=(3, 4)), np.float64(0.5), 4)
    compare(graph, values)


def test_an_element_of_what_the_same_nest_makes() -> None:
    def f(x: Any, i: Any, j: Any) -> Any:
        v = np.broadcast_to(x * 0.9, (3,))
        w = np.broadcast_to(v[i], (3,))
        return w[j] * x

    graph, values = graph_of(f, np.float64(0.7), np.array(2), np.array(1))
    compare(graph, values)


def test_pieces_of_no_length() -> None:
    def f(x: Any) -> Any:
        v = x[np.arange(2), None][np.arange(2), None]
        return np.sum(np.prod(v, axis=2) ** 2)

    graph, values = graph_of(lambda x, t: cr.hvp(f)(x, t), np.array([-1.52, 0.777]), np.ones(2))
    compare(graph, values)
