"""Calls and loops: their value is that of Python's, and so is everything derived from them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.calculus.batch import batch
from chainrule.calculus.jacobian import forward_jacobian, reverse_jacobian, zeros
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.calculus.sparsity import pattern
from chainrule.ir.graph import Graph, toposort
from chainrule.ir.node import INPUT, Node, input_node
from chainrule.ir.types import ArrayType, type_of
from chainrule.ops.control import call, inlined, loop
from chainrule.ops.program import Program
from chainrule.trace.recording import symbolic

RNG = np.random.default_rng(0)


def graph(function: Callable[..., Any], *examples: Any, name: str = "x") -> Graph:
    """``function`` as a graph, recorded on inputs like ``examples``."""
    inputs = tuple(input_node(1, (name, k), type_of(e)) for k, e in enumerate(examples))
    outputs = function(*[symbolic(n) for n in inputs])
    return Graph(
        inputs,
        tuple(symbolic(0).lift(o).node if not hasattr(o, "node") else o.node for o in outputs),
    )


def evaluate(g: Graph, arrays: Sequence[Any]) -> list[Any]:
    return Program(g)(arrays)


class Case:
    """A graph with a loop or call in it, and the same function in Python."""

    def __init__(
        self, build: Callable[..., Any], reference: Callable[..., Any], arrays: Sequence[Any]
    ) -> None:
        self.graph = graph(build, *arrays)
        self.reference = reference
        self.arrays = list(arrays)


# -- programs: each is built of sub-graphs, and written out in Python ------------------------------


def recurrence(trip: int, reverse: bool) -> Case:
    """Two carries, h ← tanh(W h + x) and s ← s + h·h; the rows are h ⊙ x."""

    def step(h: Any, s: Any, x: Any, w: Any) -> Any:
        after = np.tanh(w @ h + x)
        return after, s + (h * h).sum(), after * x

    body = graph(step, np.zeros(3), 0.0 * np.ones(()), np.zeros(3), np.zeros((3, 3)))

    def build(h: Any, s: Any, xs: Any, w: Any) -> Any:
        carry, ys = loop(body, trip, (h, s), (xs,), (w,), reverse=reverse)
        return (*carry, *ys)

    def reference(h: Any, s: Any, xs: Any, w: Any) -> Any:
        ys = np.zeros(xs.shape, np.result_type(h, s, xs, w))
        for k in reversed(range(trip)) if reverse else range(trip):
            h, s, ys[k] = step(h, s, xs[k], w)
        return h, s, ys

    arrays = [
        RNG.normal(size=3),
        RNG.normal(size=()),
        RNG.normal(size=(trip, 3)),
        RNG.normal(size=(3, 3)) / 2,
    ]
    return Case(build, reference, arrays)


def nested() -> Case:
    """A loop whose body holds a loop and a call; the call's body holds a loop of its own."""

    def leaf(a: Any, b: Any) -> Any:
        return (np.sin(a) * b,)

    square = graph(leaf, np.zeros(2), np.zeros(2))

    def twice(a: Any, b: Any) -> Any:
        (c,), _ = loop(square, 2, (a,), (), (b,))
        return c, c * b

    doubled = graph(twice, np.zeros(2), np.zeros(2))

    def inner(c: Any, x: Any, w: Any) -> Any:
        p, q = call(doubled, (c * w, x))
        return p + c, q

    row = graph(inner, np.zeros(2), np.zeros(2), np.zeros(2))

    def outer(c: Any, xs: Any, w: Any) -> Any:
        (c,), (ys,) = loop(row, 3, (c,), (xs,), (w,), reverse=True)
        return c + ys.sum(0), (ys * ys).sum()

    body = graph(outer, np.zeros(2), np.zeros((3, 2)), np.zeros(2))

    def build(c: Any, xss: Any, w: Any) -> Any:
        (c,), (sums,) = loop(body, 4, (c,), (xss,), (w,))
        return c, sums

    def reference(c: Any, xss: Any, w: Any) -> Any:
        sums = []
        for k in range(4):
            ys = []
            for j in reversed(range(3)):
                p, x = c * w, xss[k, j]
                for _ in range(2):
                    p = np.sin(p) * x
                ys.append(p * x)
                c = p + c
            ys = np.array(ys)
            c = c + ys.sum(0)
            sums.append((ys * ys).sum())
        return c, np.array(sums)

    arrays = [RNG.uniform(-1, 1, size=shape) / 2 for shape in (2, (4, 3, 2), 2)]
    return Case(build, reference, arrays)


def called() -> Case:
    """Calls of one body with different operands."""

    def f(x: Any, y: Any, unused: Any) -> Any:
        return np.exp(x) * y, x + y, np.cos(y)

    body = graph(f, np.zeros(3), np.zeros(3), np.zeros(3))

    def build(x: Any, y: Any) -> Any:
        a, b, c = call(body, (x, y, y))
        d, _, e = call(body, (a / 9, c, x))
        return d + e, b

    def reference(x: Any, y: Any) -> Any:
        a, b, c = f(x, y, y)
        d, _, e = f(a / 9, c, x)
        return d + e, b

    return Case(build, reference, [RNG.normal(size=3), RNG.normal(size=3)])


def partly_constant() -> Case:
    """Parts of the carry that no derivative reaches: a counter, a held value, one overwritten."""

    def step(n: Any, c: Any, d: Any, e: Any, x: Any, w: Any) -> Any:
        heavy = np.exp(w) * np.sin(w)  # the same in every trip
        return n + 1, c * heavy + d * n, x * w, e, c * e

    body = graph(step, np.int64(0), np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2))

    def build(n: Any, c: Any, d: Any, e: Any, xs: Any, w: Any) -> Any:
        carry, ys = loop(body, 5, (n, c, d, e), (xs,), (w,))
        return (*carry[1:], *ys)

    def reference(n: Any, c: Any, d: Any, e: Any, xs: Any, w: Any) -> Any:
        ys = []
        for k in range(5):
            n, c, d, e, y = step(n, c, d, e, xs[k], w)
            ys.append(y)
        return c, d, e, np.array(ys)

    arrays = [np.int64(2), *RNG.normal(size=(3, 2)), RNG.normal(size=(5, 2)), RNG.normal(size=2)]
    return Case(build, reference, arrays)


PROGRAMS = {
    "forward": lambda: recurrence(4, False),
    "reverse": lambda: recurrence(4, True),
    "one trip": lambda: recurrence(1, False),
    "no trips": lambda: recurrence(0, False),
    "nested": nested,
    "called": called,
    "partly constant": partly_constant,
}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Case:
    return PROGRAMS[request.param]()


def varying(p: Case) -> list[int]:
    return [k for k, n in enumerate(p.graph.inputs) if n.type.differentiable]


def pushed(g: Graph, moving: Sequence[int]) -> Graph:
    """The function of the inputs and the tangents of the ``moving`` ones that pushes forward."""
    seeds = [input_node(1, ("t", len(g.inputs), k), g.inputs[k].type) for k in moving]
    tangents = pushforward(g.outputs, [g.inputs[k] for k in moving], seeds)
    out = [zeros(o.type) if t is None else t for o, t in zip(g.outputs, tangents, strict=True)]
    return Graph((*g.inputs, *seeds), tuple(out))


def pulled(g: Graph, moving: Sequence[int]) -> Graph:
    seeds = [input_node(1, ("c", len(g.inputs), k), o.type) for k, o in enumerate(g.outputs)]
    sources = [g.inputs[k] for k in moving]
    cotangents = pullback(g.outputs, sources, seeds)
    out = [zeros(x.type) if c is None else c for x, c in zip(sources, cotangents, strict=True)]
    return Graph((*g.inputs, *seeds), tuple(out))


def like(nodes: Sequence[Node]) -> list[Any]:
    return [RNG.normal(size=n.type.shape) for n in nodes]


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(a, b, strict=True)))


def moved(
    arrays: Sequence[Any], moving: Sequence[int], directions: Sequence[Any], step: complex
) -> list[Any]:
    arrays = list(arrays)
    for k, d in zip(moving, directions, strict=True):
        arrays[k] = arrays[k] + step * d
    return arrays


def assert_same(found: Sequence[Any], expected: Sequence[Any], rtol: float = 1e-11) -> None:
    for f, e in zip(found, expected, strict=True):
        assert np.shape(f) == np.shape(e)
        np.testing.assert_allclose(f, e, rtol=rtol, atol=rtol)


# -- laws ------------------------------------------------------------------------------------------


def test_value_is_pythons(program: Case) -> None:
    assert_same(evaluate(program.graph, program.arrays), program.reference(*program.arrays))


def test_tangent_is_the_complex_step(program: Case) -> None:
    moving = varying(program)
    directions = like([program.graph.inputs[k] for k in moving])
    found = evaluate(pushed(program.graph, moving), [*program.arrays, *directions])
    stepped = program.reference(*moved(program.arrays, moving, directions, 1e-30j))
    assert_same(found, [np.imag(y) * 1e30 for y in stepped])


def test_pullback_is_the_adjoint(program: Case) -> None:
    every = varying(program)
    for moving in [every, *([k] for k in every)]:  # also by each argument alone
        directions = like([program.graph.inputs[k] for k in moving])
        weights = like(program.graph.outputs)
        tangents = evaluate(pushed(program.graph, moving), [*program.arrays, *directions])
        cotangents = evaluate(pulled(program.graph, moving), [*program.arrays, *weights])
        np.testing.assert_allclose(
            inner(tangents, weights), inner(directions, cotangents), rtol=1e-11, atol=1e-12
        )


def test_pullback_of_each_output_alone(program: Case) -> None:
    moving = varying(program)
    directions = like([program.graph.inputs[k] for k in moving])
    tangents = evaluate(pushed(program.graph, moving), [*program.arrays, *directions])
    for k, o in enumerate(program.graph.outputs):
        alone = pulled(Graph(program.graph.inputs, (o,)), moving)
        (weight,) = like([o])
        cotangents = evaluate(alone, [*program.arrays, weight])
        np.testing.assert_allclose(
            inner([tangents[k]], [weight]), inner(directions, cotangents), rtol=1e-11, atol=1e-12
        )


@pytest.mark.parametrize("second", ["forward", "reverse"])
@pytest.mark.parametrize("first", ["forward", "reverse"])
def test_second_derivatives(program: Case, first: str, second: str) -> None:
    """Each mode over each mode, against a difference of first derivatives."""
    moving = varying(program)
    once = (pushed if first == "forward" else pulled)(program.graph, moving)
    extra = like(once.inputs[len(program.arrays) :])
    arrays = [*program.arrays, *extra]
    again = (pushed if second == "forward" else pulled)(once, moving)
    directions = like([once.inputs[k] for k in moving])
    h = 1e-5
    ahead, behind = (evaluate(once, moved(arrays, moving, directions, s * h)) for s in (1, -1))
    difference = [(a - b) / (2 * h) for a, b in zip(ahead, behind, strict=True)]
    if second == "forward":
        assert_same(evaluate(again, [*arrays, *directions]), difference, 1e-7)
    else:
        weights = like(once.outputs)
        cotangents = evaluate(again, [*arrays, *weights])
        np.testing.assert_allclose(
            inner(directions, cotangents), inner(difference, weights), rtol=1e-6, atol=1e-7
        )


def test_third_derivative_is_symmetric() -> None:
    program = recurrence(3, False)
    moving = [0, 3]
    g = program.graph
    arrays = list(program.arrays)
    directions = []
    for _ in range(3):
        g = pushed(g, moving)
        directions.append(like([program.graph.inputs[k] for k in moving]))
    first = evaluate(g, [*arrays, *directions[0], *directions[1], *directions[2]])
    second = evaluate(g, [*arrays, *directions[2], *directions[0], *directions[1]])
    assert_same(first, second)


@pytest.mark.parametrize("subset", [(0,), (2,), (3,), (0, 2), (0, 1, 2, 3)])
@pytest.mark.parametrize("reverse", [False, True])
def test_batch_is_a_loop_over_examples(subset: tuple[int, ...], reverse: bool) -> None:
    _batch_law(recurrence(4, reverse), subset)


def test_batch_of_the_others(program: Case) -> None:
    for k in varying(program):
        _batch_law(program, (k,))


def _batch_law(program: Case, subset: Sequence[int]) -> None:
    """Also for the pullback, which reads back what the loop has stacked."""
    for g in (program.graph, pulled(program.graph, varying(program))):
        arrays = [*program.arrays, *like(g.inputs[len(program.arrays) :])]
        batches = {k: RNG.normal(size=(2, *np.shape(arrays[k]))) for k in subset}
        wide = {g.inputs[k]: input_node(1, ("wide", k), type_of(b)) for k, b in batches.items()}
        together = Graph(tuple(wide.get(n, n) for n in g.inputs), tuple(batch(g.outputs, wide, 2)))
        found = evaluate(together, [batches.get(k, a) for k, a in enumerate(arrays)])
        each = [
            evaluate(g, [batches[k][e] if k in batches else a for k, a in enumerate(arrays)])
            for e in range(2)
        ]
        assert_same(found, [np.stack(parts) for parts in zip(*each, strict=True)])


def test_jacobians_of_both_modes_agree(program: Case) -> None:
    for k in varying(program):
        x = program.graph.inputs[k]
        forward = evaluate(
            Graph(program.graph.inputs, tuple(forward_jacobian(program.graph.outputs, x))),
            program.arrays,
        )
        for o, f in zip(program.graph.outputs, forward, strict=True):
            assert_same(
                evaluate(
                    Graph(program.graph.inputs, tuple(reverse_jacobian(o, [x]))), program.arrays
                ),
                [f],
            )


def test_pattern_covers_the_jacobian(program: Case) -> None:
    for k in varying(program):
        x = program.graph.inputs[k]
        for o in program.graph.outputs:
            (found,) = evaluate(
                Graph(program.graph.inputs, tuple(reverse_jacobian(o, [x]))), program.arrays
            )
            outside = ~pattern(o, x).toarray().reshape(found.shape)
            assert not found[outside].any()


def test_pattern_of_what_only_integers_reach() -> None:
    body = graph(lambda n, c: (n + 1, c * 2.0), np.zeros(2, int), np.zeros(2))
    g = graph(lambda x, c: loop(body, 3, (x.astype(int), c))[0], np.zeros(2), np.zeros(2))
    assert not pattern(g.outputs[1], g.inputs[0]).toarray().any()


def test_pickle_gives_the_same_graph(program: Case) -> None:
    for g in (program.graph, pulled(program.graph, varying(program))):
        copy = pickle.loads(pickle.dumps(g))  # noqa: S301
        assert copy == g
        assert copy.outputs[0] is g.outputs[0]


# -- what kind of graph it is ----------------------------------------------------------------------


def test_equal_bodies_are_one_node() -> None:
    def step(c: Any, x: Any) -> Any:
        return (c * np.sin(x),)

    one, other = (graph(step, np.zeros(2), np.zeros(2), name=name) for name in "ab")
    assert one != other
    assert one.closed() == other.closed()
    assert hash(one.closed()) == hash(other.closed())
    c, x = (
        symbolic(input_node(1, k, type_of(np.zeros(shape)))) for k, shape in enumerate([2, (5, 2)])
    )
    ((first,), _), ((second,), _) = (loop(g, 5, (c,), (x,)) for g in (one, other))
    assert first.node is second.node


def test_a_body_that_captures_is_refused() -> None:
    outside = symbolic(input_node(1, "outside", type_of(np.zeros(2))))
    body = graph(lambda c: (c * outside,), np.zeros(2))
    with pytest.raises(LookupError, match="not an input"):
        call(body, (outside,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((np.zeros(3), np.zeros((4, 3)), np.zeros(3)), 5), "5 trips cannot read the rows"),
        (((np.zeros(2), np.zeros((4, 3)), np.zeros(3)), 4), "operand 0"),
        (((np.zeros(3, np.float32), np.zeros((4, 3)), np.zeros(3)), 4), "operand 0"),
    ],
)
def test_operands_that_do_not_fit_are_refused(arguments: Any, message: str) -> None:
    body = graph(lambda c, x, w: (c * x + w,), np.zeros(3), np.zeros(3), np.zeros(3))
    operands, trip = arguments
    c, x, w = (symbolic(input_node(1, k, type_of(a))) for k, a in enumerate(operands))
    with pytest.raises(ValueError, match=message):
        loop(body, trip, (c,), (x,), (w,))


def test_a_carry_that_changes_type_is_refused() -> None:
    body = graph(lambda c: (c.sum(),), np.zeros(3))
    with pytest.raises(ValueError, match="carry 0"):
        loop(body, 2, (symbolic(input_node(1, 0, type_of(np.zeros(3)))),))


def count(g: Graph) -> int:
    """All nodes, those of bodies included."""
    bodies: list[Graph] = [g]
    for body in bodies:
        bodies.extend(
            p for n in body.order for p in n.params if isinstance(p, Graph) and p not in bodies
        )
    return sum(len(body.order) for body in bodies)


def test_the_graph_does_not_grow_with_the_trips() -> None:
    sizes = set()
    for trip in (10, 10_000):
        program = recurrence(trip, False)
        sizes.add((count(program.graph), count(pulled(program.graph, [0, 1, 2, 3]))))
    ((direct, reverse),) = sizes
    assert reverse < 8 * direct
    start = [a * 0.1 for a in program.arrays]
    weights = like(program.graph.outputs)
    weights[2] *= 0
    cotangents = evaluate(pulled(program.graph, [0, 1, 2, 3]), [*start, *weights])
    assert all(np.isfinite(c).all() for c in cotangents)
    assert cotangents[1] == weights[1]


def test_only_what_the_tangents_need_is_stacked() -> None:
    """``c' = c w + exp(u)``: the pullback reads c by w, and exp(u), which is the same, but once."""

    def step(c: Any, w: Any, u: Any) -> Any:
        return (c * w + np.exp(u),)

    body = graph(step, np.zeros(2), np.zeros(2), np.zeros(2))
    g = graph(
        lambda c, w, u: loop(body, 7, (c,), (), (w, u))[0], np.zeros(2), np.zeros(2), np.zeros(2)
    )
    loops = [n for n in pulled(g, [0]).order if n.op is loop]
    assert len(loops) == 1  # linear in c: nothing to stack, the cotangent alone goes round
    assert [len(n.args) for n in loops] == [2]
    by_w = [n for n in pulled(g, [1]).order if n.op is loop]
    stacking = [n for n in by_w if not n.params[1].reverse]
    assert [n.type.items[1:] for n in stacking] == [(ArrayType((7, 2), np.dtype(float)),)]
    by_u = pulled(g, [2])
    assert sum(n.op.name == "exp" for n in by_u.order) == 1  # outside
    assert all(
        n.op.name != "exp"
        for loop_ in by_u.order
        if loop_.op is loop
        for n in loop_.params[0].order
    )


def test_a_linear_loop_pushes_its_tangent_alone() -> None:
    body = graph(lambda c, w: (c * w,), np.zeros(2), np.zeros(2))
    g = graph(lambda c, w: loop(body, 3, (c,), (), (w,))[0], np.zeros(2), np.zeros(2))
    (made,) = [n for n in pushed(g, [0]).order if n.op is loop]
    assert made.params[1].carry == 1


def test_zero_by_structure_goes_through() -> None:
    """What no tangent reaches has none, and what no cotangent reaches neither."""
    program = partly_constant()
    inputs, outputs = program.graph.inputs, program.graph.outputs
    seed = input_node(1, "seed", inputs[1].type)
    tangents = pushforward(outputs, [inputs[1]], [seed])
    assert [t is None for t in tangents] == [False, True, True, False]
    seed = input_node(1, "seed", outputs[2].type)
    cotangents = pullback([outputs[2]], [inputs[k] for k in varying(program)], [seed])
    assert [c is None for c in cotangents] == [True, True, False, True, True]


def test_inlined_is_the_same_function() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.exp(x) * y, x + 2.0

    body = graph(f, np.zeros(3), np.zeros(3))
    flat = graph(lambda x, y: inlined(body.closed(), (x, y)), np.zeros(3), np.zeros(3))
    assert flat == body
    arrays = RNG.normal(size=(2, 3))
    assert_same(inlined(body, arrays), f(*arrays))


def test_rules_compute_on_arrays() -> None:
    program = recurrence(4, False)
    (made,) = [n for n in toposort(program.graph.outputs) if n.op is loop]
    tangents = [RNG.normal(size=np.shape(a)) for a in program.arrays]
    out = loop.evaluate(program.arrays, *made.params)
    found = loop.jvp(out, program.arrays, tangents, *made.params, pushforward)
    assert_same(found, evaluate(pushed(program.graph, [0, 1, 2, 3]), [*program.arrays, *tangents]))
    weights = like(program.graph.outputs)
    found = loop.pullback(out, weights, program.arrays, [True] * 4, *made.params, pullback)
    assert_same(found, evaluate(pulled(program.graph, [0, 1, 2, 3]), [*program.arrays, *weights]))


def test_float32_stays() -> None:
    body = graph(lambda c, w: (c * w, np.sin(c)), np.float32([0, 0]), np.float32([0, 0]))
    g = graph(
        lambda c, w: (*loop(body, 3, (c,), (), (w,))[0],), np.float32([0, 0]), np.float32([0, 0])
    )
    for derived in (pushed(g, [0, 1]), pulled(g, [0, 1])):
        assert all(o.type.dtype == np.float32 for o in derived.outputs)


def test_complex_numbers() -> None:
    """The pullback is the adjoint under Re⟨a, b⟩, where real and complex carries mix."""

    def step(c: Any, r: Any, w: Any) -> Any:
        return c * w + r, r + np.real(c * np.conj(c)), np.abs(c) * c

    c, w = RNG.normal(size=(2, 2)) + 1j * RNG.normal(size=(2, 2))
    r = RNG.normal(size=2)
    body = graph(step, c, r, w)
    g = graph(lambda c, r, w: sum(loop(body, 3, (c, r), (), (w,)), ()), c, r, w)

    def some(nodes: Sequence[Node]) -> list[Any]:
        return [
            RNG.normal(size=n.type.shape)
            + (1j * RNG.normal(size=n.type.shape) if n.type.dtype.kind == "c" else 0)
            for n in nodes
        ]

    directions, weights = some(g.inputs), some(g.outputs)
    tangents = evaluate(pushed(g, [0, 1, 2]), [c, r, w, *directions])
    cotangents = evaluate(pulled(g, [0, 1, 2]), [c, r, w, *weights])
    ahead, behind = (
        evaluate(g, [x + s * 1e-6 * d for x, d in zip((c, r, w), directions, strict=True)])
        for s in (1, -1)
    )
    assert_same(tangents, [(a - b) / 2e-6 for a, b in zip(ahead, behind, strict=True)], 1e-7)
    left = sum(np.sum(np.real(np.conj(a) * b)) for a, b in zip(tangents, weights, strict=True))
    right = sum(
        np.sum(np.real(np.conj(a) * b)) for a, b in zip(directions, cotangents, strict=True)
    )
    np.testing.assert_allclose(left, right, rtol=1e-11)


def test_public_verbs_take_loops() -> None:
    """What will re-roll loops records them in a user's trace; a captured array is an operand."""
    body = graph(lambda c, w: (np.tanh(c * w + 1.0),), np.zeros(2), np.zeros(2))
    weights = np.array([0.3, 0.7])

    def rolled(x: Any) -> Any:
        (c,), _ = loop(body, 5, (x,), (), (weights,))
        return (c * c).sum()

    def written_out(x: Any) -> Any:
        for _ in range(5):
            x = np.tanh(x * weights + 1.0)
        return (x * x).sum()

    def curvature(f: Callable[..., Any]) -> Callable[..., Any]:
        return cr.grad(lambda x: (cr.grad(f)(x) ** 2).sum())

    x = np.array([0.1, -0.4])
    for verb in (cr.grad, cr.hessian, curvature):
        assert_same([verb(rolled)(x)], [verb(written_out)(x)])
    xs = np.stack([x, 2 * x])
    assert_same([cr.vmap(cr.grad(rolled))(xs)], [cr.vmap(cr.grad(written_out))(xs)])


def test_a_body_that_is_not_holomorphic_has_no_complex_jacobian() -> None:
    z = np.array([1 + 2j])
    for step, holomorphic in ((lambda c: (c * c,), True), (lambda c: (c * np.conj(c),), False)):
        body = graph(step, z)
        jacobian = cr.jacobian(lambda z, body=body: loop(body, 2, (z,))[0][0])
        if holomorphic:
            assert_same([jacobian(z)], [[4 * z**3]])
        else:
            with pytest.raises(cr.errors.NotHolomorphic, match="conj"):
                jacobian(z)


def test_results_are_the_callers_own() -> None:
    """A loop of no trips gives its carry back, and the caller may still write to it."""
    program = recurrence(0, False)
    results = evaluate(program.graph, program.arrays)
    assert all(r is not a for r in results for a in program.arrays)
    results[0][...] = 0
    assert program.arrays[0].all()


def test_printing_shows_each_body_once() -> None:
    program = nested()
    text = str(program.graph)
    assert text.count("loop(") == 3
    assert text.count("call(") == 1
    for name in ("@0", "@1", "@2", "@3"):
        assert text.count(f"\n{name}: inputs") == 1
    rounds = "Rounds(trip=4, carry=1, scanned=1, reverse=False)"
    assert f"loop(%0, %1, %2, @0, {rounds}): (float64[2], float64[4])" in text


def test_no_input_is_left_in_a_body(program: Case) -> None:
    for g in (pushed(program.graph, varying(program)), pulled(program.graph, varying(program))):
        for n in g.order:
            for body in n.params:
                if isinstance(body, Graph):
                    assert all(m in body.inputs for m in body.order if m.op is INPUT)
