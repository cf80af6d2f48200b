"""Loops found again: the same numbers as unrolled, by value and by derivative, and far fewer nodes."""

from contextlib import contextmanager

import chainrule as cr
import numpy as np
import pytest
from chainrule.function import engine
from chainrule.ir.graph import Graph, toposort
from chainrule.ir.node import input_node
from chainrule.ir.types import ArrayType
from chainrule.ops.control import loop
from chainrule.ops.program import Program
from chainrule.simplify import rerolling
from chainrule.simplify.fusing import fused
from chainrule.simplify.rerolling import rerolled
from chainrule.simplify.rules import RULES
from chainrule.trace.recording import symbolic, tracing
from tests.simplify import loops
from tests.simplify import written as programs

RNG = np.random.default_rng(5)
N = 120
X = RNG.normal(size=(N, 3))
W = RNG.normal(size=(3, 3)) / 2
V = RNG.normal(size=3)


def chain(x):
    for _ in range(N):
        x = np.sin(x) * 0.9 + np.cos(x) / 1.5
    return np.sum(x)


def fibonacci(x):
    a, b, c = x[0], x[1], x[2]
    for _ in range(N):
        a, b, c = b, c, np.tanh(a * b + c - 0.3 * a)
    return a + b * c


def recurrent(w, x, h):
    for t in range(N):
        h = np.tanh(w @ h + x[t])
    return np.sum(h**2)


def backwards(w, x, h):
    for t in reversed(range(N)):
        h = np.tanh(w @ h + x[t] * 2 - x[t, 1])
    return np.sum(h**2)


def stacked(w, x, h):
    states = []
    for t in range(N):
        h = np.tanh(w @ h + x[t])
        states.append(h)
    return np.sum(np.stack(states) * x)


def written(w, x, h):
    out = np.zeros((N, 3))
    for t in range(N):
        h = np.tanh(w @ h + x[t])
        out[t] = h
    return np.sum(out * np.cumsum(x, axis=0))


def added_up(w, x, h):
    total = 0.0
    for t in range(N - 1):
        h = np.tanh(w @ h + x[t])
        total = total + np.sum((h - x[t + 1]) ** 2) / (1 + t)
    return total


def with_times(x):
    t = 0.0
    for k in range(N):
        x = x + 0.01 * np.sin(x * (k + 1) + t)
        t = t + 0.01
    return np.sum(x)


def nested(x):
    for _ in range(40):
        for _ in range(12):
            x = np.sin(x) * 1.1
        x = x + np.sum(x**2) / 10
    return np.sum(x)


def one_after_another(x):
    for _ in range(N):
        x = np.sin(x) * 1.1
    y = x * 2
    for _ in range(N):
        y = np.cos(y) + np.tanh(y) * x
    return np.sum(y)


def far_apart(x):
    """Reads rows at no regular distance."""
    rows = [(7 * k * k) % N for k in range(N)]
    h = x[0]
    for r in rows:
        h = np.tanh(h + x[r] * 0.5) * 1.2
        h = h + 0.1 * np.sin(h)
    return np.sum(h)


def layers(ws, x):
    for w in ws:
        x = np.tanh(w @ x) + np.sqrt(1 + x**2) / 3 - 0.1 * np.sin(x)
    return np.sum(x)


def every_other(x):
    h = x[0]
    for t in range(0, N, 2):
        h = np.tanh(h + x[t] * 0.5) * x[t + 1] + np.sin(h) - h**3 / 9
    return np.sum(h)


def momentum(x, v):
    for _ in range(N):
        g = np.sin(x) + 0.1 * x
        v = 0.9 * v - 0.05 * g
        x = x + v
    return np.sum(x**2) + np.sum(v)


def single(x):
    """Single precision stays so."""
    x = x.astype(np.float32)
    for _ in range(N):
        x = np.sin(x) * np.float32(0.9) + np.cos(x) / np.float32(1.5)
    return np.sum(x)


def read_at_the_end(x):
    for _ in range(N):
        y = np.sin(x) * 1.2
        z = np.exp(-y)
        x = y * z
    return np.sum(x * y + z)


LAYERS = [RNG.normal(size=(3, 3)) for _ in range(60)]
PROGRAMS = [
    (chain, (V,)),
    (fibonacci, (V,)),
    (recurrent, (W, X, V)),
    (backwards, (W, X, V)),
    (stacked, (W, X, V)),
    (written, (W, X, V)),
    (added_up, (W, X, V)),
    (with_times, (V,)),
    (nested, (V,)),
    (one_after_another, (V,)),
    (far_apart, (X,)),
    (layers, (LAYERS, V)),
    (every_other, (X,)),
    (momentum, (V, V[::-1].copy())),
    (single, (V,)),
    (read_at_the_end, (V,)),
]
IDS = [f.__name__ for f, _ in PROGRAMS]


def traced(f, args):
    """The inputs of ``f``, its result as it was traced, and the values of these."""
    with tracing() as trace:
        leaves = []

        def lift(x):
            if isinstance(x, list):
                return [lift(e) for e in x]
            leaves.append((trace.input(x), x))
            return leaves[-1][0]

        result = f(*[lift(a) for a in args])
        outputs = [trace.lift(result).node]
    graph = Graph(tuple(t.node for t, _ in leaves), tuple(outputs))
    return graph, [x for _, x in leaves]


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=IDS)
def test_a_loop_computes_the_same_to_the_bit(f, args):
    graph, values = traced(f, args)
    short = graph.map(rerolled)
    assert any(n.op is loop for n in short.order)
    assert len(short.map(RULES).order) < len(graph.order) / (4 if f is layers else 10)
    (expected,), (found,) = Program(graph)(values), Program(short)(values)
    assert expected.dtype == found.dtype
    assert expected == found
    (found,) = Program(short.map(RULES))(values)
    assert np.allclose(expected, found, rtol=1e-12 if found.dtype == float else 1e-5)


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=IDS)
def test_derivatives_are_those_of_the_unrolled_program(f, args, monkeypatch):
    wrt = tuple(range(len(args)))
    slope = cr.value_and_grad(f, wrt=wrt)
    with cr.tiers(False):
        engine.forget()
        found = slope(*args)
        fast = cr.jit(slope)(*args)
        monkeypatch.setattr(engine, "rerolled", lambda nodes, level=0: list(nodes))
        engine.forget()
        expected = slope(*args)
        engine.forget()
    rtol = 1e-4 if f is single else 1e-9
    for a, b, c in zip(leaves(expected), leaves(found), leaves(fast), strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
        np.testing.assert_allclose(c, a, rtol=rtol, atol=rtol)


def leaves(tree):
    if isinstance(tree, tuple | list):
        return [x for part in tree for x in leaves(part)]
    return [tree]


@pytest.mark.parametrize(("f", "args"), PROGRAMS[:5], ids=IDS[:5])
def test_second_derivatives(f, args, monkeypatch):
    last = args[-1]
    at = len(args) - 1

    def products():
        engine.forget()
        return cr.hvp(f, wrt=at)(*args, np.cos(np.arange(3.0)))

    with cr.tiers(False):
        found = products()
        monkeypatch.setattr(engine, "rerolled", lambda nodes, level=0: list(nodes))
        expected = products()
        engine.forget()
    assert last.shape == found.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@contextmanager
def short_programs():
    """Loops are looked for in short programs too."""
    before = rerolling.SHORTEST
    rerolling.SHORTEST = 30
    try:
        with cr.tiers(False):
            yield
    finally:
        rerolling.SHORTEST = before
        engine.forget()


def unrolled(run):
    """What ``run`` gives when no loops are looked for."""
    before = rerolling.SHORTEST
    rerolling.SHORTEST = 10**9
    engine.forget()
    try:
        return run()
    finally:
        rerolling.SHORTEST = before
        engine.forget()


@pytest.mark.parametrize("seed", [*range(10), 50, 135, 347])
def test_random_loops(seed):
    with short_programs():
        assert not loops.mistakes(seed, unrolled)


@pytest.mark.parametrize("seed", [0, 1, 2, 4, 5, 312])
def test_random_programs_as_people_write_them(seed):
    with short_programs():
        assert not programs.mistakes(seed, unrolled)


def test_a_branch_in_a_loop_is_decided_as_in_python():
    def f(x):
        count = 0.0
        for _ in range(200):
            if x > 1:
                x = x / 2 + 0.1
            else:
                x = x * 1.5
                count = count + x * x
        return x + count

    fast, slope = cr.jit(f), cr.jit(cr.grad(f))
    for x in RNG.uniform(0.1, 3, size=8):
        assert np.isclose(fast(x), f(x), rtol=1e-12)
        assert np.isclose(slope(x), cr.grad(f)(x), rtol=1e-9)


def test_a_search_until_it_converges():
    def root(a):
        x = a
        while abs(x * x * x - a) > 1e-12:
            x = x - (x * x * x - a) / (3 * x * x) / 40
        return x

    fast = cr.jit(cr.value_and_grad(root))
    for a in (2.0, 2.000001, 5.0):
        value, slope = fast(a)
        assert value == root(a)
        assert np.isclose(slope, a ** (-2 / 3) / 3, rtol=1e-6)


def test_every_step_is_in_the_loop():
    """What is computed once, in the first step, does not keep that out."""
    short = traced(recurrent, (W, X, V))[0].map(rerolled)
    (n,) = (n for n in short.order if n.op is loop)
    assert n.params[1].trip == N


def test_what_repeats_for_a_short_while_is_left_alone():
    def f(x):
        for k in range(6):
            x = np.sin(x)
            for j in range(k + 3):
                x = np.cos(x) + np.tanh(x * (j + 1))
        return x

    graph, _ = traced(f, (V,))
    assert graph.map(rerolled) == graph


def test_a_loop_and_its_derivative_go_round_together():
    def f(w, x, h):
        return recurrent(w, x, h), np.sum(h)

    with cr.tiers(False):
        engine.forget()
        text = str(cr.jit(cr.value_and_grad(recurrent)).lower(W, X, V))
    assert text.count("= loop(") == 2  # there and back


def test_loops_that_need_each_other_stay_two():
    def f(x):
        y = x
        for _ in range(N):
            y = np.sin(y) * 1.1
        z = x
        for _ in range(N):
            z = np.sin(z) * 1.1 + y
        return np.sum(z)

    short = traced(f, (V,))[0].map(rerolled)
    assert sum(n.op is loop for n in short.order) == 2
    assert short.map(fused) == short


def test_loops_that_carry_the_same_become_one():
    t = ArrayType((3,), np.dtype(float))
    x, y, row = (input_node(1, k, t) for k in range(3))
    step = RULES([np.sin(symbolic(x)).node])[0]
    one = Graph((x,), (step,))
    more = (symbolic(y) + symbolic(x)).node
    two = Graph((y, x, row), (more, step, (symbolic(x) * symbolic(row)).node))

    def f(v, w, rows):
        (a,), _ = loop(one, 9, [v])
        (total, b), (products,) = loop(two, 9, [w, v], [rows])
        return np.sum(a * 2 + b + total) + np.sum(products)

    graph, values = traced(f, (V, V + 1, X[:9]))
    short = graph.map(fused)
    assert [n.op for n in short.order].count(loop) == 1
    assert np.isclose(Program(graph)(values)[0], Program(short)(values)[0], rtol=1e-14)


def test_steps_that_need_no_other_are_done_at_once():
    def f(w, x):
        total = 0.0
        for k in range(N):
            total = total + np.sum(np.tanh(x[k] * w) ** 2)
        return total

    graph, values = traced(f, (V, X))
    short = graph.map(rerolled)
    assert len(short.order) < 20
    assert loop not in [n.op for n in short.order]
    assert np.isclose(Program(graph)(values)[0], Program(short)(values)[0], rtol=1e-14)
    assert np.allclose(cr.jit(cr.grad(f))(V, X), cr.grad(f)(V, X), rtol=1e-12)


def test_a_table_that_is_filled_place_by_place():
    def f(x):
        table = np.zeros((N, 2))
        for k in range(N):
            table[k, 0] = np.sin(x[k, 0])
            table[k, 1] = x[k, 1] ** 2 - k
        return np.sum(table * np.cos(x[:, :2]))

    graph, values = traced(f, (X,))
    short = graph.map(rerolled)
    assert np.isclose(Program(graph)(values)[0], Program(short)(values)[0], rtol=1e-14)
    with cr.tiers(False):
        slope = cr.jit(cr.grad(f))(X)
    assert np.allclose(slope[:, 0], np.cos(2 * X[:, 0]))


def test_it_costs_the_same_at_many_trips():
    def f(x, n):
        for _ in range(n):
            x = np.sin(x) * 0.9 + np.cos(x) / 1.5
        return np.sum(x)

    sizes = [len(traced(lambda x, n=n: f(x, n), (V,))[0].map(rerolled).order) for n in (200, 2000)]
    assert sizes[0] == sizes[1]
    assert len(toposort(traced(lambda x: f(x, 200), (V,))[0].outputs)) > 500


def test_pieces_that_are_no_slices_stay():
    def f(x):
        y = x.copy()
        y[0], y[-1] = y[-1], y[0] * 2
        return np.array([x[0], x[0], 0.5]) + np.sum(np.sort(y))

    assert np.allclose(cr.jacobian(f)(V)[2], [2, 1, 1])


def test_what_is_cheap_is_computed_again_and_not_kept():
    """The second half of a gradient reads ``x`` and ``cos(a x)``: ``3 x²`` is made of the former."""

    def f(x, a):
        for _ in range(N):
            x = x + 0.1 * (np.sin(a * x) - x**3)
        return np.sum(x)

    def joined(w, x, h):
        for t in range(N):
            h = np.tanh(w @ np.concatenate([x[t], h]))
        return np.sum(h)

    with cr.tiers(False):
        one = kept(cr.grad(f, wrt=(0, 1)), V, V)
        other = kept(cr.grad(joined, wrt=(0, 1, 2)), RNG.normal(size=(3, 6)), X, V)
    assert one == [(N, 3)] * 2
    assert other == [(N, 3)] * 2  # tanh', and h without the row that stands beside it


def kept(slope, *args):
    """The shapes of the arrays that the first half of a gradient leaves for the second."""
    engine.forget()
    order = cr.jit(slope).lower(*args).graph.order
    (first,) = [n for n in order if n.op is loop and not n.params[1].reverse]
    engine.forget()
    return [t.shape for t in first.type.items[first.params[1].carry :]]


@pytest.mark.parametrize("kept", ["rows", "numbers", "tail", "backwards", "joined", "lifted"])
def test_rows_made_by_loops_are_one_piece(kept):
    """What a loop leaves, row by row, and what stands before it are two pieces, not a piece a row."""

    def f(x, h):
        if kept == "joined":
            rows = [h * 2]
            for t in range(N):
                rows.append(np.tanh(rows[-1] + x[t]))
            return np.sum(np.sin(np.cumsum(np.concatenate(rows))))
        if kept == "lifted":  # rows from outside of the loop, each made from a row
            for t in range(N):
                h = np.tanh(h + np.sum(h) * np.sin(x[-t - 1])[::-1])
            return np.sum(h)
        table = np.zeros((N + 4, 3))
        table[0] = h
        for t in range(N):
            if kept == "numbers":
                table[t + 1, 1] = np.sin(table[t, 1] + x[t, 0])
            elif kept == "backwards":
                h = np.tanh(h + x[t])
                table[N - t] = h
            else:
                table[t + 1] = np.sin(table[t] + x[t])
        if kept == "tail":
            table[N + 2] = h * 3
        return np.sum(np.sin(np.cumsum(table)))

    graph, values = traced(f, (X, V))
    short = graph.map(rerolled).map(RULES)
    assert len(short.order) < 40
    np.testing.assert_allclose(Program(short)(values)[0], Program(graph)(values)[0], rtol=1e-12)
    with cr.tiers(False):
        slope = cr.grad(f, wrt=(0, 1))
        for a, b in zip(cr.jit(slope)(X, V), unrolled(lambda: slope(X, V)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
