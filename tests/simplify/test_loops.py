"""Loops that carry and keep no more than is needed, and give the same."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph, toposort
from chainrule.ops.control import loop
from chainrule.ops.program import Program
from chainrule.simplify.loops import trimmed
from chainrule.trace.recording import tracing
from tests.native.test_repeat import body_of

RNG = np.random.default_rng(3)


def run(step, trip, carry, xs=(), consts=(), *, pick, reverse=False):
    """The one loop that is left, after its results were compared."""
    body = body_of(step, *carry, *[x[0] for x in xs], *consts)
    values = [*carry, *xs, *consts]
    with tracing() as trace:
        unique: dict[int, object] = {}
        for v in values:
            unique.setdefault(id(v), trace.input(v))
        args = [unique[id(v)] for v in values]
        a, b = len(carry), len(carry) + len(xs)
        last, rows = loop(body, trip, args[:a], args[a:b], args[b:], reverse=reverse)
        outputs = [trace.lift(r).node for r in pick(last, rows)]
    inputs = tuple(t.node for t in unique.values())
    given = list({id(v): v for v in values}.values())
    smaller = trimmed(outputs)
    expected = Program(Graph(inputs, tuple(outputs)))(given)
    found = Program(Graph(inputs, tuple(smaller)))(given)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
    (left,) = [n for n in toposort(smaller) if n.op is loop] or [None]
    return left


@pytest.mark.parametrize("reverse", [False, True])
def test_rows_that_are_the_same_are_stacked_once(reverse):
    c, x = RNG.normal(size=3), RNG.normal(size=(5, 3))
    left = run(
        lambda c, x: (c * x, c + x, c + x, c * x),
        5, [c], [x], pick=lambda last, rows: [*rows, *last], reverse=reverse,
    )  # fmt: skip
    assert len(left.params[0].outputs) == 1 + 2


def test_rows_that_nothing_reads_are_not_stacked():
    c, x = RNG.normal(size=3), RNG.normal(size=(5, 3))
    left = run(lambda c, x: (c * x, c + x, c - x), 5, [c], [x], pick=lambda last, rows: [rows[1]])
    assert len(left.params[0].outputs) == 1 + 1


def test_what_comes_out_as_it_went_in_is_not_carried():
    c, d, x = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=(5, 3))
    left = run(
        lambda c, d, x: (c * x + d, d, c), 5, [c, d], [x], pick=lambda last, rows: [*last, *rows]
    )
    assert left.params[1].carry == 1


def test_operands_that_are_the_same_are_read_once():
    c, x, w = RNG.normal(size=3), RNG.normal(size=(5, 3)), RNG.normal(size=3)
    left = run(
        lambda c, x, y, v, w: (c * x + y * v, c - w),
        5, [c], [x, x], [w, w], pick=lambda last, rows: [*last, *rows],
    )  # fmt: skip
    assert len(left.args) == 3


def test_what_begins_alike_and_goes_on_otherwise_stays_two():
    c, x = RNG.normal(size=3), RNG.normal(size=(5, 3))
    left = run(lambda c, d, x: (c * x, d + x), 5, [c, c], [x], pick=lambda last, rows: last)
    assert left.params[1].carry == 2


def test_a_loop_of_no_trips_is_left_alone():
    c, x = RNG.normal(size=3), RNG.normal(size=(5, 3))
    with tracing() as trace:
        c, x = trace.input(c), trace.input(x[:0])
        body = body_of(lambda c, x: (c, c + x), np.ones(3), np.ones(3))
        last, rows = loop(body, 0, [c], [x])
        outputs = [trace.lift(r).node for r in (*last, *rows)]
    assert trimmed(outputs) == outputs


def test_nothing_is_the_same_without_loops():
    with tracing() as trace:
        x = trace.lift(np.sin(trace.input(np.ones(3)))).node
    assert trimmed([x]) == [x]


def test_the_derivative_of_a_recurrent_network_keeps_each_state_once():
    def f(w, xs):
        h = np.zeros(4)
        for x in xs:
            both = np.concatenate([x, h])
            h = np.tanh(w @ both) * (w[:, :4] @ h)
        return h @ h

    w, xs = 0.3 * RNG.normal(size=(4, 8)), RNG.normal(size=(300, 4))
    slope = cr.grad(f)
    graph = cr.jit(slope).lower(w, xs).graph
    for n in graph.order:
        if n.op is loop:
            rows = n.params[0].outputs
            assert len(set(rows)) == len(rows)
            assert len(set(n.args)) == len(n.args)
    np.testing.assert_allclose(cr.jit(slope)(w, xs), slope(w, xs), rtol=1e-12)
