"""Operations that hold graphs: ``call`` runs its body once, ``loop`` once a trip.

A body is a closed graph, its inputs known by position alone: whatever it captures is an operand of
the node. So equal bodies are equal parameters, and a call or a loop is a node like any other. It is
differentiated, batched and evaluated as what it is: the derivative of a loop is a loop, and takes
as much room in a graph at ten thousand trips as at ten.

The rules know no calculus. Each is handed the walk that asks it, and applies that to the body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.node import Node, input_node
from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, TupleType
from .arithmetic import add, multiply
from .bodies import (
    chosen,
    conformed,
    fit,
    frontier,
    grown,
    lighter,
    planned,
    start,
    typed,
    variable,
    widened,
    zero,
)
from .structural import lead_all, transpose

Walk = Callable[..., Any]


class Holder(Primitive):
    """The kind of operations that hold graphs. A result is a tuple; rules are handed the walk."""

    def handed(self, walk: Walk) -> tuple[Walk]:
        return (walk,)


class Call(Holder):
    """``body(*operands)``."""

    name = "call"
    parameters = ("body",)
    text = "{body}({args})"

    def __call__(self, body: Graph, operands: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs of ``body``, with ``operands`` for its inputs."""
        return tuple(self.bind(tuple(operands), body.closed()))

    def infer(self, types: Sequence[ArrayType], body: Graph) -> TupleType:
        fit("operand", types, body.inputs)
        return TupleType(tuple(o.type for o in body.outputs))

    def evaluate(self, arrays: Sequence[Any], body: Graph) -> tuple[Any, ...]:
        return tuple(planned(body).run(arrays))

    def evaluator(self, types: Sequence[ArrayType], body: Graph) -> Callable[..., tuple[Any, ...]]:
        run = planned(body).run
        return lambda *arrays: tuple(run(arrays))

    def jvp(
        self, out: Any, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, walk: Walk
    ) -> tuple[Maybe, ...]:
        """A call of the body's pushforward."""
        seeds = {i: variable("tangent", i, body.inputs[i]) for i, t in enumerate(tangents) if t is not None}
        pushed = walk(body.outputs, [body.inputs[i] for i in seeds], list(seeds.values()))
        operands = [*args, *(conformed(tangents[i], s) for i, s in seeds.items())]
        return self._derived(pushed, body.outputs, [*body.inputs, *seeds.values()], operands)

    def pullback(
        self,
        out: Any,
        ct: Sequence[Maybe],
        args: Sequence[Array],
        wanted: Sequence[bool],
        body: Graph,
        walk: Walk,
    ) -> Sequence[Maybe]:
        """A call of the body's pullback."""
        seeds = {k: variable("cotangent", k, body.outputs[k]) for k, c in enumerate(ct) if c is not None}
        sources = [v for v, want in zip(body.inputs, wanted, strict=True) if want]
        pulled = iter(walk(body.outputs, sources, [seeds.get(k) for k in range(len(ct))]))
        results = [next(pulled) if want else None for want in wanted]
        operands = [*args, *(conformed(ct[k], s) for k, s in seeds.items())]
        return self._derived(results, body.inputs, [*body.inputs, *seeds.values()], operands)

    def _derived(
        self,
        outputs: Sequence[Node | None],
        like: Sequence[Node],
        variables: Sequence[Node],
        operands: Sequence[Array],
    ) -> tuple[Maybe, ...]:
        """A call that gives those ``outputs`` that are not zero by structure."""
        present = [typed(n, t) for n, t in zip(outputs, like, strict=True) if n is not None]
        if not present:
            return (None,) * len(outputs)
        reached = set(toposort(present))
        used = [(v, x) for v, x in zip(variables, operands, strict=True) if v in reached]
        body = Graph(tuple(v for v, _ in used), tuple(present))
        results = iter(self(body, [x for _, x in used]))
        return tuple(None if n is None else next(results) for n in outputs)

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, body: Graph, walk: Walk
    ) -> tuple[Array, ...]:
        wide = widened(body.inputs, batched, size)
        outputs = walk(body.outputs, wide, size)
        return self(Graph(tuple(wide.get(v, v) for v in body.inputs), tuple(outputs)), args)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, y = (input_node(1, k, ArrayType((3,), np.dtype(float))) for k in range(2))
        product = multiply.build((x, y))
        body = Graph((x, y), (add.build((product, y)), multiply.build((product, x))))
        a, b = np.random.default_rng(21).normal(size=(2, 3))
        return (((a, b), (body.closed(),)),)


#: What a variable of a loop's body is.
CARRIED, SCANNED, CONSTANT = range(3)


class Rounds(NamedTuple):
    """How a loop goes round: how often, which way, and what the inputs of its body are."""

    trip: int
    carry: int
    scanned: int
    reverse: bool

    def kind(self, i: int) -> int:
        """What input ``i`` of the body is."""
        return CARRIED if i < self.carry else SCANNED if i < self.carry + self.scanned else CONSTANT


class Loop(Holder):
    """``trip`` runs of a body that maps ``(carry, xs[k], consts)`` to ``(carry, ys[k])``.

    The operands, and so the inputs of the body, are first the ``carry`` values that go round, then
    the ``scanned`` arrays of which each trip reads one row, then what stays the same. The results
    are the carry as the last trip leaves it, then every ``ys`` with its rows in order. ``reverse``
    runs from the last row to the first. A loop of no trips leaves the carry as it was.
    """

    name = "loop"
    parameters = ("body", "rounds")
    text = "loop({args})"

    def __call__(
        self,
        body: Graph,
        trip: int,
        carry: Sequence[Array],
        xs: Sequence[Array] = (),
        consts: Sequence[Array] = (),
        *,
        reverse: bool = False,
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """``(carry, ys)``. The trips are counted by the first axis of ``xs`` and ``ys``."""
        rounds = Rounds(trip, len(carry), len(xs), reverse)
        results = self.bind((*carry, *xs, *consts), body.closed(), rounds)
        return tuple(results[: len(carry)]), tuple(results[len(carry) :])

    def infer(self, types: Sequence[ArrayType], body: Graph, rounds: Rounds) -> TupleType:
        trip, carry, scanned, _ = rounds
        rows = list(types)
        for j in range(carry, carry + scanned):
            if types[j].shape[:1] != (trip,):
                raise ValueError(f"a loop of {trip} trips cannot read the rows of {types[j]}")
            rows[j] = types[j].with_shape(types[j].shape[1:])
        fit("operand", rows, body.inputs)
        fit("carry", [o.type for o in body.outputs[:carry]], body.inputs[:carry])
        last = (v.type.strong() for v in body.inputs[:carry])
        return TupleType((*last, *(o.type.with_shape((trip, *o.type.shape)) for o in body.outputs[carry:])))

    # -- values ----------------------------------------------------------------------------------

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> tuple[Any, ...]:
        results: tuple[Any, ...] = self.evaluator((), *params)(*arrays)
        return results

    def evaluator(
        self, types: Sequence[ArrayType], body: Graph, rounds: Rounds
    ) -> Callable[..., tuple[Any, ...]]:
        trip, carry, scanned, reverse = rounds
        step = planned(body).run
        stacked = [((trip, *o.type.shape), o.type.dtype) for o in body.outputs[carry:]]
        order = range(trip)[::-1] if reverse else range(trip)

        def run(*arrays: Any) -> tuple[Any, ...]:
            state = list(arrays[:carry])
            xs, consts = arrays[carry : carry + scanned], arrays[carry + scanned :]
            ys = [np.empty(shape, dtype) for shape, dtype in stacked]
            for k in order:
                results = step([*state, *[x[k] for x in xs], *consts])
                state = results[:carry]
                for y, row in zip(ys, results[carry:], strict=True):
                    y[k] = row
            return (*state, *ys)

        return run

    # -- derivatives -----------------------------------------------------------------------------

    def jvp(
        self,
        out: Any,
        args: Sequence[Array],
        tangents: Sequence[Maybe],
        body: Graph,
        rounds: Rounds,
        walk: Walk,
    ) -> tuple[Maybe, ...]:
        """A loop over the carry and its tangent, side by side."""
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        if not rounds.trip:
            return (*tangents[:carry], *(None for _ in outputs[carry:]))
        seeds = [variable("tangent", i, v) for i, v in enumerate(variables)]
        moving = [t is not None for t in tangents]
        while True:
            pushed = walk(outputs, chosen(moving, variables), chosen(moving, seeds))
            if not grown(moving, (t is not None for t in pushed[:carry])):
                break
        pushed = [None if n is None else typed(n, o) for n, o in zip(pushed, outputs, strict=True)]
        making = Making(rounds.trip, rounds.reverse)
        for i, v in enumerate(variables):
            kind = rounds.kind(i)
            making.add(kind, v, args[i], outputs[i] if kind == CARRIED else None)
            if moving[i]:
                making.add(kind, seeds[i], start(tangents[i], args[i], v), pushed[i] if kind == CARRIED else None)
        last = [s for s, n in zip(seeds, pushed[:carry], strict=False) if n is not None]
        results = iter(making.made(last, [n for n in pushed[carry:] if n is not None]))
        return tuple(None if n is None else next(results) for n in pushed)

    def pullback(
        self,
        out: Any,
        ct: Sequence[Maybe],
        args: Sequence[Array],
        wanted: Sequence[bool],
        body: Graph,
        rounds: Rounds,
        walk: Walk,
    ) -> Sequence[Maybe]:
        """A loop the other way round, over the cotangents of the carry and of the constants.

        The pullback of the body falls into two parts. What does not depend on cotangents is
        computed by a loop in the old direction, which stacks it, and read back row by row.
        """
        variables, carry = body.inputs, rounds.carry
        if not rounds.trip:
            return [ct[i] if i < carry and want else None for i, want in enumerate(wanted)]
        seeds, pulled = self._pulled(ct, wanted, body, rounds, walk)
        backward = Making(rounds.trip, not rounds.reverse)
        kept = self._residuals(list(pulled.values()), list(seeds.values()), args, backward, body, rounds)
        linear = dict(zip(pulled, substitute(list(pulled.values()), kept), strict=True))
        for k, s in seeds.items():
            if k < carry:
                backward.add(CARRIED, s, start(ct[k], args[k], variables[k]), linear.get(k))
            else:
                backward.add(SCANNED, s, conformed(ct[k], s))
        last = {i: seeds[i] for i in linear if i < carry and wanted[i]}
        rows = {i: n for i, n in linear.items() if rounds.kind(i) == SCANNED}
        for i, n in linear.items():
            if rounds.kind(i) == CONSTANT:  # its cotangents are added up as the loop goes
                last[i] = variable("sum", i, variables[i])
                backward.add(CARRIED, last[i], start(None, args[i], variables[i]), add.build((last[i], n)))
        results = dict(zip([*last, *rows], backward.made([*last.values()], [*rows.values()]), strict=True))
        return [results.get(i) for i in range(len(args))]

    def _pulled(
        self, ct: Sequence[Maybe], wanted: Sequence[bool], body: Graph, rounds: Rounds, walk: Walk
    ) -> tuple[dict[int, Node], dict[int, Node]]:
        """The body's pullback: a variable for each cotangent that comes in, and what goes out.

        A part of the carry matters if something wanted flows into it, and if it flows into
        something that has a cotangent: round after round, until no more of it does.
        """
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        moving = list(wanted)
        while True:
            reached = dependents(body.order, chosen(moving, variables))
            if not grown(moving, (o in reached and o.type.differentiable for o in outputs[:carry])):
                break
        sources = chosen(moving, range(len(variables)))
        seeds = {k: variable("cotangent", k, o) for k, o in enumerate(outputs)}
        live = [c is not None and (k >= carry or moving[k]) for k, c in enumerate(ct)]
        while True:
            incoming = [s if live[k] else None for k, s in seeds.items()]
            found = zip(sources, walk(outputs, [variables[i] for i in sources], incoming), strict=True)
            pulled = {i: typed(n, variables[i]) for i, n in found if n is not None}
            if not grown(live, (k in pulled for k in range(carry))):
                return {k: s for k, s in seeds.items() if live[k]}, pulled

    def _residuals(
        self,
        linear: Sequence[Node],
        seeds: Sequence[Node],
        args: Sequence[Array],
        backward: Making,
        body: Graph,
        rounds: Rounds,
    ) -> dict[Node, Node]:
        """Give ``backward`` what ``linear`` reads besides the ``seeds``; under what names.

        A row or a constant that the loop was given is read again. What depends on constants alone
        is computed once, outside; what is cheap to compute from these and the rest is computed
        again; the rest is stacked.
        """
        kinds = {v: rounds.kind(i) for i, v in enumerate(body.inputs)}
        varying = dependents(toposort(linear), [v for v, kind in kinds.items() if kind != CONSTANT])
        forward = Making(rounds.trip, rounds.reverse)
        for i, (v, kind) in enumerate(kinds.items()):
            forward.add(kind, v, args[i], body.outputs[i] if kind == CARRIED else None)
        names: dict[Node, Node] = {}
        stacked: list[Node] = []
        outside: list[Node] = []
        free = {v for v, kind in kinds.items() if kind != CARRIED}
        for m, n in enumerate(lighter(frontier(linear, seeds), free, varying)):
            if n in free:
                backward.add(kinds[n], n, args[body.inputs.index(n)])
                continue
            names[n] = variable("residual", m, n)
            (stacked if n in varying else outside).append(n)
        for n, y in zip(stacked, forward.made((), stacked), strict=True):
            backward.add(SCANNED, names[n], y)
        for n, x in zip(outside, inlined(Graph(body.inputs, tuple(outside)), args), strict=True):
            backward.add(CONSTANT, names[n], x)
        return names

    # -- batching --------------------------------------------------------------------------------

    def batch(
        self,
        args: Sequence[Array],
        batched: Sequence[bool],
        size: int,
        body: Graph,
        rounds: Rounds,
        walk: Walk,
    ) -> tuple[Array, ...]:
        """A loop over what differs between examples, and beside it what does not."""
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        differs = list(batched)
        while True:
            reached = dependents(body.order, chosen(differs, variables))
            if not grown(differs, (o in reached for o in outputs[:carry])):
                break
        spread = [*differs[:carry], *(o in reached for o in outputs[carry:])]
        wide = widened(variables, differs, size)
        batches = iter(walk(chosen(spread, outputs), wide, size))
        steps = [next(batches) if s else o for s, o in zip(spread, outputs, strict=True)]
        making = Making(rounds.trip, rounds.reverse)
        for i, v in enumerate(variables):
            kind, operand = rounds.kind(i), args[i]
            if kind == CARRIED and differs[i]:
                (operand,) = lead_all([operand], [batched[i]], size)
            elif kind == SCANNED and batched[i]:
                operand = _swapped(operand)
            making.add(kind, wide.get(v, v), operand, steps[i] if kind == CARRIED else None)
        results = making.made([wide.get(v, v) for v in variables[:carry]], steps[carry:])
        return tuple(
            lead_all([x], [s], size)[0] if k < carry or not s else _swapped(x)
            for k, (x, s) in enumerate(zip(results, spread, strict=True))
        )

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        t = ArrayType((2,), np.dtype(float))
        c, d, x, w = (input_node(1, k, t) for k in range(4))
        product = multiply.build((multiply.build((c, w)), x))
        body = Graph((c, d, x, w), (add.build((product, d)), multiply.build((d, x)), multiply.build((product, w))))
        a, b, v = np.random.default_rng(22).normal(size=(3, 2))
        rows = np.random.default_rng(23).normal(size=(3, 2))
        return tuple(
            ((a, b, rows[:trip], v), (body.closed(), Rounds(trip, 2, 1, reverse)))
            for trip, reverse in ((3, False), (3, True), (0, False))
        )


class Making:
    """A loop in the making, one variable of its body after another."""

    def __init__(self, trip: int, reverse: bool) -> None:
        self._trip, self._reverse = trip, reverse
        self._parts: tuple[dict[Node, Array], ...] = ({}, {}, {})
        self._steps: dict[Node, Node] = {}

    def add(self, kind: int, variable: Node, operand: Array, step: Node | None = None) -> None:
        """A variable and its operand. A carried one becomes ``step`` with each trip, or zero."""
        self._parts[kind][variable] = operand
        if kind == CARRIED:
            self._steps[variable] = zero(variable.type) if step is None else step

    def made(self, last: Sequence[Node], rows: Sequence[Node]) -> list[Array]:
        """The ``last`` values of carried variables, then the stacked ``rows``.

        Only what these depend on is carried round or read at all.
        """
        if not last and not rows:
            return []
        carried = set(last)
        while True:
            steps = {v: n for v, n in self._steps.items() if v in carried}
            reached = carried.union(toposort([*steps.values(), *rows]))
            if carried == (more := {v for v in self._steps if v in reached}):
                break
            carried = more
        parts = [{v: x for v, x in part.items() if v in reached} for part in self._parts]
        body = Graph(tuple(v for part in parts for v in part), (*steps.values(), *rows))
        carry, xs, consts = (list(part.values()) for part in parts)
        final, ys = loop(body, self._trip, carry, xs, consts, reverse=self._reverse)
        results = dict(zip(parts[CARRIED], final, strict=True))
        return [*(results[v] for v in last), *ys]


call = Call()
loop = Loop()


def inlined(body: Graph, operands: Sequence[Array]) -> tuple[Array, ...]:
    """What ``call(body, operands)`` gives, with the operations of the body recorded one by one."""
    traced = next((x for x in operands if hasattr(type(x), "__record__")), None)
    if traced is None:
        return tuple(planned(body).run(operands))
    env = {v: traced.recorder.lift(x).node for v, x in zip(body.inputs, operands, strict=True)}
    return tuple(traced.wrap(n) for n in substitute(body.outputs, env))


def _swapped(x: Array) -> Array:
    """The axis of the trips and the axis of the examples, swapped."""
    return transpose(x, (1, 0, *range(2, np.ndim(x))))
