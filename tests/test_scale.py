"""Long programs: graphs grow in proportion, and nothing recurses. Counted in nodes, not seconds."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.function import tiers
from chainrule.ir.graph import Graph, substitute, toposort
from chainrule.ir.node import Node, constant, input_node
from chainrule.ir.types import type_of
from chainrule.ops.arithmetic import add, multiply
from chainrule.ops.program import Program
from chainrule.ops.transcendental import sin


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of nodes of every graph that is planned while the test runs."""
    seen: list[int] = []

    class Counted(Program):
        def __init__(self, graph: Graph) -> None:
            seen.append(len(graph.order))
            super().__init__(graph)

    monkeypatch.setattr(tiers, "Program", Counted)
    return seen


def _reads(x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        total = total + x[i] * x[i]
    return total


def _writes(x: Any) -> Any:
    out = np.zeros(x.shape[0])
    for i in range(x.shape[0]):
        out[i] = x[i] * 2.0
    return np.sum(out * out)


def _recurrence(x: Any) -> Any:
    out = np.zeros(x.shape[0])
    out[0] = x[0]
    for i in range(1, x.shape[0]):
        out[i] = 0.5 * out[i - 1] + x[i]
    return np.sum(out)


@pytest.mark.parametrize("f", [_reads, _writes, _recurrence], ids=lambda f: f.__name__[1:])
def test_nodes_of_a_gradient_grow_in_proportion(f: Any, sizes: list[int]) -> None:
    for n in (1_000, 10_000):
        x = np.linspace(0.1, 1.0, n)
        gradient = cr.grad(f)(x)
        assert gradient.shape == (n,)
    small, large = sizes
    assert large < 10.1 * small
    assert large < 12 * 10_000
    exact = {_reads: 2 * x, _writes: 8 * x, _recurrence: 2 - 0.5 ** np.arange(n)[::-1]}
    np.testing.assert_allclose(gradient, exact[f], rtol=1e-12)


def test_ten_thousand_reads_in_forward_mode_and_of_second_order(sizes: list[int]) -> None:
    for n in (1_000, 10_000):
        x = np.linspace(0.1, 1.0, n)
        _, tangent = cr.jvp(_reads, (x,), (np.ones(n),))
        np.testing.assert_allclose(tangent, 2 * np.sum(x), rtol=1e-12)
        product = cr.hvp(_reads)(x, x)
        np.testing.assert_allclose(product, 2 * x, rtol=1e-12)
    pushed, second, pushed_large, second_large = sizes
    assert pushed_large < 10.1 * pushed
    assert second_large < 10.1 * second


def test_a_read_in_a_gradient_does_not_make_an_array_each() -> None:
    """N reads come back as one node with n pieces, not as n arrays of n zeros."""
    n = 2_000
    x = input_node(1, 0, type_of(np.zeros(n)))
    from chainrule.trace.recording import symbolic

    out = _reads(symbolic(x)).node
    (ct,) = pullback([out], [x], [constant(1.0)])
    assert ct is not None
    whole = [m for m in toposort([ct]) if m.type.shape == (n,)]
    assert len(whole) < 5


CHAIN = 100_000


def _chain(x: Node) -> Node:
    n = x
    for k in range(CHAIN // 2):
        n = add.build((sin.build((n,)), x)) if k % 2 else multiply.build((n, constant(0.5)))
    return n


def test_a_chain_of_a_hundred_thousand_operations_as_a_program() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(CHAIN // 2):
            y = np.sin(y) + x
        return y

    value, slope = cr.value_and_grad(f)(0.3)
    # At the fixed point y = sin y + x, dy/dx = 1 / (1 - cos y).
    assert float(value) == pytest.approx(float(np.sin(value) + 0.3), rel=1e-12)
    assert float(slope) == pytest.approx(1 / (1 - np.cos(float(value))), rel=1e-10)


def test_every_walk_over_a_deep_graph_is_iterative() -> None:
    x = input_node(1, 0, type_of(1.0))
    out = _chain(x)
    graph = Graph((x,), (out,))
    assert len(graph.order) > CHAIN // 2
    t = input_node(1, 1, type_of(1.0))
    assert pushforward([out], [x], [t])[0] is not None
    assert substitute([out], {x: t})[0] is not out
    assert substitute([out], {x: x})[0] is out
    again = pickle.loads(pickle.dumps(graph))  # noqa: S301 - our own bytes
    assert again.outputs[0] is out
    assert len(str(graph).splitlines()) > CHAIN // 2
    del graph, again, out
    gc.collect()


def test_deep_graphs_are_freed() -> None:
    from chainrule.ir import node as interning

    gc.collect()
    before = len(interning._table)
    x = input_node(1, 0, type_of(1.0))
    out = _chain(x)
    assert len(interning._table) > before + CHAIN // 3
    del out
    gc.collect()
    assert len(interning._table) < before + 100


def test_a_wide_sum_adds_its_cotangents_once(sizes: list[int]) -> None:
    def f(x: Any) -> Any:
        return sum(np.sin(x * k) for k in range(2_000))

    assert cr.grad(f)(0.5) == pytest.approx(sum(k * np.cos(0.5 * k) for k in range(2_000)))
    assert sizes[-1] < 12 * 2_000


@pytest.mark.parametrize("steps", [20, 200])
def test_a_runge_kutta_loop_grows_in_proportion(steps: int, sizes: list[int]) -> None:
    def f(p: Any) -> Any:
        y = np.array([p[0], 0.0])

        def slope(y: Any) -> Any:
            return np.array([y[1], -p[1] * np.sin(y[0])])

        h = 1.0 / steps
        for _ in range(steps):
            k1 = slope(y)
            k2 = slope(y + h / 2 * k1)
            k3 = slope(y + h / 2 * k2)
            k4 = slope(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y[0]

    gradient = cr.grad(f)(np.array([0.5, 2.0]))
    assert np.isfinite(gradient).all()
    assert sizes[-1] < 260 * steps
