"""Loops compiled as loops: what is carried, rows of all sorts, bodies of all sizes."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.native import llvm, program
from chainrule.native.plan import Buffer, Callback, Nest, Repeat, View
from chainrule.ops.control import loop
from chainrule.ops.program import Program
from chainrule.trace.recording import tracing
from tests.native.sound import assert_sound

pytestmark = pytest.mark.skipif(not llvm.available(), reason="no compiler here")

RNG = np.random.default_rng(11)
BEGIN = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def the_same_numbers_in_whatever_order_tests_run():
    RNG.bit_generator.state = BEGIN


def body_of(step, *like):
    """The graph of a step, traced on arrays of these types."""
    with tracing() as trace:
        inputs = [trace.input(np.asarray(x)) for x in like]
        results = step(*inputs)
        outputs = [trace.lift(r).node for r in results]
    return Graph(tuple(t.node for t in inputs), tuple(outputs))


def run(step, trip, carry, xs=(), consts=(), *, reverse=False, around=lambda *a: a):
    """A loop compiled and by NumPy, to be compared; the steps of the compiled one."""
    body = body_of(step, *carry, *[x[0] for x in xs], *consts)
    with tracing() as trace:
        args = [trace.input(np.asarray(a)) for a in (*carry, *xs, *consts)]
        given = around(*args)
        a, b = len(carry), len(carry) + len(xs)
        last, rows = loop(body, trip, given[:a], given[a:b], given[b:], reverse=reverse)
        outputs = [trace.lift(r).node for r in (*last, *rows)]
    graph = Graph(tuple(t.node for t in args), tuple(outputs))
    values = [np.asarray(a) for a in (*carry, *xs, *consts)]
    made = program.compile_graph(graph)
    assert_sound(made)
    found, expected = made(values), Program(graph)(values)
    for x, y in zip(found, expected, strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        single = np.asarray(y).dtype == np.float32
        np.testing.assert_allclose(x, y, rtol=1e-4 if single else 1e-12, atol=1e-6 if single else 1e-14)
    return made.steps


def repeats(steps):
    return [s for s in steps if isinstance(s, Repeat)]


@pytest.mark.parametrize("trip", [1, 2, 3, 17])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_carry_rows_and_constants(trip, reverse, dtype):
    c, d, w = (RNG.normal(size=5).astype(dtype) for _ in range(3))
    rows = RNG.normal(size=(trip, 5)).astype(dtype)
    steps = run(
        lambda c, d, x, w: (np.tanh(c * w + x), d + c, c * x, d - w),
        trip, [c, d], [rows], [w], reverse=reverse,
    )  # fmt: skip
    assert repeats(steps)


def test_no_trips():
    c = RNG.normal(size=3)
    body = body_of(lambda c: (c * 2, c + 1), c)
    with tracing() as trace:
        x = trace.input(c)
        last, rows = loop(body, 0, [x])
        graph = Graph((x.node,), tuple(trace.lift(r).node for r in (*last, *rows)))
    made = program.compile_graph(graph)
    kept, empty = made([c])
    assert np.array_equal(kept, c)
    assert empty.shape == (0, 3)


def test_values_that_change_places():
    a, b = RNG.normal(size=(2, 4))
    run(lambda a, b: (b, a, a), 7, [a, b])
    run(lambda a, b: (b, b), 6, [a, b])


def test_scalars_of_several_types():
    steps = run(
        lambda x, n, up: (np.where(up, x * 1.5, x / 2), n + 1, np.less(x, 1.0), x > 2),
        20, [np.float64(0.7), np.int64(0), np.bool_(True)],
    )  # fmt: skip
    assert repeats(steps)


def test_rows_that_are_views():
    c = RNG.normal(size=4)
    x = RNG.normal(size=(4, 9))
    y = RNG.normal(size=(9, 3, 4))

    def step(c, x, y):
        return np.sin(c + x) + np.sum(y, axis=0), y[1] * c

    around = lambda c, x, y: (c, x.T, y[::-1])  # noqa: E731
    body = body_of(step, c, x[:, 0], y[0])
    with tracing() as trace:
        args = [trace.input(a) for a in (c, x, y)]
        first, *rows = around(*args)
        last, made = loop(body, 9, [first], rows)
        graph = Graph(tuple(t.node for t in args), tuple(trace.lift(r).node for r in (*last, *made)))
    executable = program.compile_graph(graph)
    assert_sound(executable)
    for a, b in zip(executable([c, x, y]), Program(graph)([c, x, y]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert repeats(executable.steps)


def test_constants_that_are_numbers_or_views():
    c = RNG.normal(size=(3, 3))
    around = lambda c, w, z: (c, w.T, np.zeros(3))  # noqa: E731
    body = body_of(lambda c, w, z: (np.tanh(w @ c + z),), c, c, np.zeros(3))
    with tracing() as trace:
        args = [trace.input(a) for a in (c, c + 1, np.ones(3))]
        first, *consts = around(*args)
        last, _ = loop(body, 5, [first], [], consts)
        graph = Graph(tuple(t.node for t in args[:2]), (trace.lift(last[0]).node,))
    values = [c, c + 1]
    np.testing.assert_allclose(
        program.compile_graph(graph)(values)[0], Program(graph)(values)[0], rtol=1e-12
    )


@pytest.mark.parametrize("n", [3, 20, 70])
def test_bodies_with_products_of_matrices(n):
    h, w = RNG.normal(size=(n, n)), RNG.normal(size=(n, n)) / n
    rows = RNG.normal(size=(6, n))
    steps = run(lambda h, x, w: (np.tanh(w @ h + x), np.sum(h @ w, axis=1)), 6, [h], [rows], [w])
    assert repeats(steps)


def test_a_body_along_a_long_axis_is_done_in_strips():
    X = RNG.normal(size=(5000, 8))
    w = RNG.normal(size=8)

    def step(w, X):
        p = 1 / (1 + np.exp(-X @ w))
        return w - X.T @ (p - 0.5) / 5000, np.sum(p * p)

    (repeat,) = repeats(run(step, 4, [w], [], [X]))
    assert any(type(s).__name__ == "Strip" for s in repeat.steps)


def test_linear_algebra_in_a_body():
    a = np.eye(4) * 3 + RNG.normal(size=(4, 4)) / 4
    x = RNG.normal(size=4)
    steps = run(lambda x, a: (np.linalg.solve(a, x) + 1, np.linalg.det(a) * x), 5, [x], [], [a])
    assert repeats(steps)


def test_a_body_that_calls_back_is_called_back_as_a_whole():
    x = RNG.normal(size=8)
    steps = run(lambda x: (np.fft.irfft(np.fft.rfft(x)) * 0.9,), 5, [x])
    assert not repeats(steps)
    assert any(isinstance(s, Callback) for s in steps)


def test_a_loop_in_a_loop():
    inner = body_of(lambda y, w: (np.sin(y) * w, np.tanh(y / 4)), np.zeros(3), np.zeros(3))

    def step(c, x, w):
        (y,), (squares,) = loop(inner, 5, [c + x], [], [w])
        return y + np.sum(squares, axis=0), squares[2]

    c, w = RNG.uniform(0.3, 0.9, size=(2, 3))  # more would be chaos
    steps = run(step, 6, [c], [RNG.normal(size=(6, 3))], [w])
    (outer,) = repeats(steps)
    assert repeats(outer.steps)


def test_a_long_body():
    def step(x, w):
        for k in range(300):
            x = np.sin(x * w) + x[::-1] * (0.1 + k / 999)
        return (x / 30, x)

    x, w = RNG.normal(size=(2, 4))
    steps = run(step, 3, [x], [], [w])
    assert repeats(steps)


def test_what_is_made_before_and_read_after():
    def f(x, w):
        h, kept = x * 2, []
        for t in range(80):
            h = np.tanh(w @ h + x * t) + 0.1 * h
            kept.append(np.sum(h))
        return np.sum(h * x) + np.stack(kept) @ np.cos(np.arange(80.0))

    x, w = RNG.normal(size=3), RNG.normal(size=(3, 3))
    with cr.tiers(False):
        np.testing.assert_allclose(cr.jit(f)(x, w), f(x, w), rtol=1e-12)
        slope = cr.grad(f, wrt=(0, 1))
        for a, b in zip(cr.jit(slope)(x, w), slope(x, w), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)


def test_lowered_text_names_the_loop():
    def f(x):
        for _ in range(150):
            x = np.sin(x) * 0.9 + np.cos(x)
        return np.sum(x)

    text = str(cr.jit(cr.grad(f)).lower(np.ones(3)))
    assert "repeat for t < 150" in text
    assert "repeat for t < 150, from the last to the first" in text


def test_other_threads_run_python_during_a_long_loop():
    """However little memory it takes: forty thousand trips over three numbers are long, ten are not."""
    x = RNG.uniform(0.3, 0.9, size=3)
    body = body_of(lambda x: (np.cos(x),), x)
    releases = {}
    for trip in (10, 40_000):
        with tracing() as trace:
            first = trace.input(x)
            (last,), _ = loop(body, trip, [first])
            graph = Graph((first.node,), (trace.lift(last).node,))
        made = program.compile_graph(graph)
        releases[trip] = made._release
        assert made.workspace < 1 << 12
    assert releases == {10: False, 40_000: True}


# -- the check of memory plans, which is to find what is wrong with a loop -------------------------


def planned_loop():
    """A loop that carries, reads rows and constants, stacks, and has scratch of its own."""
    h, w = RNG.normal(size=(20, 20)), RNG.normal(size=(20, 20)) / 20
    body = body_of(lambda h, x, w: (np.tanh(w @ h + x) + h @ w, np.sum(h, axis=1)), h, h[0], w)
    with tracing() as trace:
        args = [trace.input(a) for a in (h, h[:6], w)]
        (last,), (sums,) = loop(body, 6, [args[0] * 2], [np.sin(args[1])], [np.cos(args[2])])
        outputs = [trace.lift(r).node for r in (np.sum(last), np.sum(np.exp(sums), axis=0))]
    made = program.compile_graph(Graph(tuple(t.node for t in args), tuple(outputs)))
    (repeat,) = repeats(made.steps)
    return made, repeat


def rows_out(repeat):
    targets = {v.buffer for v in repeat.targets}
    return next(k for k, (row, _, _) in enumerate(repeat.moved) if row.base in targets)


def overlapping_halves(made, repeat):
    (old, new, far), *_ = repeat.carried
    repeat.carried[0] = (old, new, far // 2)


def halves_of_two_buffers(made, repeat):
    _, new, far = repeat.carried[0]
    new.base = Buffer(new.dtype, 2 * far)


def rows_past_the_end(made, repeat):
    row, view, stride = repeat.moved[0]
    repeat.moved[0] = (row, view, stride + 1)


def more_trips_than_rows(made, repeat):
    repeat.trips += 1


def results_where_constants_are(made, repeat):
    constant = next(v for v in repeat.sources if v.shape == (20, 20) and v.buffer not in
                    {old.base for old, _, _ in repeat.carried})  # fmt: skip
    repeat.moved[rows_out(repeat)][0].base.index = constant.buffer.index


def a_read_that_is_not_said(made, repeat):
    halves = {old.base for old, _, _ in repeat.carried}
    repeat.sources = [v for v in repeat.sources if v.buffer in halves]


def a_result_that_is_not_said(made, repeat):
    k = rows_out(repeat)
    repeat.targets = [v for v in repeat.targets if v.buffer is not repeat.moved[k][0].base]


def scratch_at_one_place(made, repeat):
    parts = {v.buffer for s in repeat.steps if isinstance(s, Nest) for x in s.statements
             for v in (*x.reads, x.target) if isinstance(v, View) and v.buffer.place == "part"}  # fmt: skip
    for b in parts:
        b.index = 0
    assert len(parts) > 1


def an_arena_among_the_rows(made, repeat):
    repeat.arena.index = repeat.carried[0][0].base.index


def too_small_an_arena(made, repeat):
    repeat.arena.size //= 2


def steps_left_out(made, repeat):
    del repeat.steps[-1]


def steps_in_the_wrong_order(made, repeat):
    repeat.steps.reverse()


def a_row_written_where_one_is_read(made, repeat):
    """The rows that come out in the place of those that go in: another trip reads these."""
    out = rows_out(repeat)
    into = 1 - out
    row, _, _ = repeat.moved[out]
    _, place, _ = repeat.moved[into]
    row.base = place.buffer
    repeat.moved[out] = (row, place, 20)


def results_read_before_they_are_made(made, repeat):
    at = made.steps.index(repeat)
    made.steps.insert(0, made.steps.pop(at))


@pytest.mark.parametrize(
    "spoil",
    [
        overlapping_halves, halves_of_two_buffers, rows_past_the_end, more_trips_than_rows,
        results_where_constants_are, a_read_that_is_not_said, a_result_that_is_not_said,
        scratch_at_one_place, an_arena_among_the_rows, too_small_an_arena, steps_left_out,
        steps_in_the_wrong_order, a_row_written_where_one_is_read, results_read_before_they_are_made,
    ],
)  # fmt: skip
def test_a_broken_plan_of_a_loop_is_found(spoil):
    made, repeat = planned_loop()
    assert_sound(made)
    spoil(made, repeat)
    with pytest.raises(AssertionError):
        assert_sound(made)
