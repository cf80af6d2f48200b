"""Operations that hold graphs: ``call`` runs its body once, ``loop`` once a trip.

A body is a closed graph, its inputs known by position alone: whatever it captures is an operand of
the node. So equal bodies are equal parameters, and a call or a loop is a node like any other. It is
differentiated, batched and evaluated as what it is: the derivative of a loop is a loop, and takes
as much room in a graph at ten thousand trips as at ten.

The rules know no calculus. Each is handed the walk that asks it, and applies that to the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.node import Node, constant, input_node, node
from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, TupleType
from .arithmetic import add, multiply
from .program import Program
from .structural import broadcast, cast, lead_all, transpose, zeros

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
        _fit("operand", types, body.inputs)
        return TupleType(tuple(o.type for o in body.outputs))

    def evaluate(self, arrays: Sequence[Any], body: Graph) -> tuple[Any, ...]:
        return tuple(_planned(body).run(arrays))

    def evaluator(self, types: Sequence[ArrayType], body: Graph) -> Callable[..., tuple[Any, ...]]:
        run = _planned(body).run
        return lambda *arrays: tuple(run(arrays))

    def jvp(
        self, out: Any, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph, walk: Walk
    ) -> Sequence[Maybe]:
        """A call of the body's pushforward."""
        seeds = {i: _variable("tangent", i, body.inputs[i]) for i, t in enumerate(tangents) if t is not None}
        pushed = walk(body.outputs, [body.inputs[i] for i in seeds], list(seeds.values()))
        operands = [*args, *(_like(tangents[i], s) for i, s in seeds.items())]
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
        seeds = {k: _variable("cotangent", k, body.outputs[k]) for k, c in enumerate(ct) if c is not None}
        sources = [v for v, want in zip(body.inputs, wanted, strict=True) if want]
        pulled = iter(walk(body.outputs, sources, [seeds.get(k) for k in range(len(ct))]))
        results = [next(pulled) if want else None for want in wanted]
        operands = [*args, *(_like(ct[k], s) for k, s in seeds.items())]
        return self._derived(results, body.inputs, [*body.inputs, *seeds.values()], operands)

    def _derived(
        self,
        outputs: Sequence[Node | None],
        like: Sequence[Node],
        variables: Sequence[Node],
        operands: Sequence[Array],
    ) -> Sequence[Maybe]:
        """A call that gives those ``outputs`` that are not zero by structure."""
        present = [_typed(n, t) for n, t in zip(outputs, like, strict=True) if n is not None]
        if not present:
            return [None] * len(outputs)
        reached = set(toposort(present))
        used = [(v, x) for v, x in zip(variables, operands, strict=True) if v in reached]
        body = Graph(tuple(v for v, _ in used), tuple(present))
        results = iter(self(body, [x for _, x in used]))
        return [None if n is None else next(results) for n in outputs]

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, body: Graph, walk: Walk
    ) -> Sequence[Array]:
        wide = _widened(body.inputs, batched, size)
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

    def infer(
        self, types: Sequence[ArrayType], body: Graph, rounds: Rounds
    ) -> TupleType:
        trip, carry, scanned, _ = rounds
        rows = list(types)
        for j in range(carry, carry + scanned):
            if types[j].shape[:1] != (trip,):
                raise ValueError(f"a loop of {trip} trips cannot read the rows of {types[j]}")
            rows[j] = types[j].with_shape(types[j].shape[1:])
        _fit("operand", rows, body.inputs)
        _fit("carry", [o.type for o in body.outputs[:carry]], body.inputs[:carry])
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
        step = _planned(body).run
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
    ) -> Sequence[Maybe]:
        """A loop over the carry and its tangent, side by side."""
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        if not rounds.trip:
            return [*tangents[:carry], *(None for _ in outputs[carry:])]
        seeds = [_variable("tangent", i, v) for i, v in enumerate(variables)]
        moving = [t is not None for t in tangents]
        while True:
            pushed = walk(outputs, _where(moving, variables), _where(moving, seeds))
            if not _grown(moving, (t is not None for t in pushed[:carry])):
                break
        pushed = [None if n is None else _typed(n, o) for n, o in zip(pushed, outputs, strict=True)]
        making = Making(rounds.trip, rounds.reverse)
        for i, v in enumerate(variables):
            kind = rounds.kind(i)
            making.add(kind, v, args[i], outputs[i] if kind == CARRIED else None)
            if moving[i]:
                making.add(kind, seeds[i], _start(tangents[i], args[i], v), pushed[i] if kind == CARRIED else None)
        last = [s for s, n in zip(seeds, pushed[:carry], strict=False) if n is not None]
        results = iter(making.made(last, [n for n in pushed[carry:] if n is not None]))
        return [None if n is None else next(results) for n in pushed]

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
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        if not rounds.trip:
            return [ct[i] if i < carry and want else None for i, want in enumerate(wanted)]
        moving = list(wanted)
        while True:  # a part of the carry moves if what moves flows into it
            reached = dependents(body.order, _where(moving, variables))
            if not _grown(moving, (o in reached and o.type.differentiable for o in outputs[:carry])):
                break
        seeds = [_variable("cotangent", k, o) for k, o in enumerate(outputs)]
        live = [c is not None and (k >= carry or moving[k]) for k, c in enumerate(ct)]
        while True:  # and it has a cotangent if it flows into what has one
            found = iter(walk(outputs, _where(moving, variables), [s if a else None for s, a in zip(seeds, live, strict=True)]))
            pulled = [next(found) if m else None for m in moving]
            if not _grown(live, (n is not None for n in pulled[:carry])):
                break
        present = {i: _typed(n, variables[i]) for i, n in enumerate(pulled) if n is not None}
        linear = list(present.values())
        backward = Making(rounds.trip, not rounds.reverse)
        held = self._residuals(linear, seeds, args, backward, body, rounds)
        back = dict(zip(present, substitute(linear, held), strict=True))
        for k in _where(live, range(len(outputs))):
            if k < carry:
                backward.add(CARRIED, seeds[k], _start(ct[k], args[k], variables[k]), back.get(k))
            else:
                backward.add(SCANNED, seeds[k], _like(ct[k], seeds[k]))
        last, rows = [], []
        for i, n in back.items():
            kind = rounds.kind(i)
            if kind == SCANNED:
                rows.append(i)
            elif kind == CONSTANT:
                sum_so_far = _variable("sum", i, variables[i])
                backward.add(CARRIED, sum_so_far, _start(None, args[i], variables[i]), add.build((sum_so_far, n)))
                last.append((i, sum_so_far))
            elif wanted[i]:
                last.append((i, seeds[i]))
        results = backward.made([v for _, v in last], [back[i] for i in rows])
        cotangents = dict(zip([*(i for i, _ in last), *rows], results, strict=True))
        return [cotangents.get(i) for i in range(len(args))]

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
        is computed once, outside; the rest is stacked.
        """
        kinds = {v: rounds.kind(i) for i, v in enumerate(body.inputs)}
        varying = dependents(toposort(linear), [v for v, kind in kinds.items() if kind != CONSTANT])
        forward = Making(rounds.trip, rounds.reverse)
        for i, (v, kind) in enumerate(kinds.items()):
            forward.add(kind, v, args[i], body.outputs[i] if kind == CARRIED else None)
        names: dict[Node, Node] = {}
        stacked: list[Node] = []
        outside: list[Node] = []
        for m, n in enumerate(_frontier(linear, seeds)):
            if kinds.get(n, CARRIED) != CARRIED:
                backward.add(kinds[n], n, args[body.inputs.index(n)])
                continue
            names[n] = _variable("residual", m, n)
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
    ) -> Sequence[Array]:
        """A loop over what differs between examples, and beside it what does not."""
        variables, outputs, carry = body.inputs, body.outputs, rounds.carry
        differs = list(batched)
        while True:
            reached = dependents(body.order, _where(differs, variables))
            if not _grown(differs, (o in reached for o in outputs[:carry])):
                break
        spread = [*differs[:carry], *(o in reached for o in outputs[carry:])]
        wide = _widened(variables, differs, size)
        batches = iter(walk(_where(spread, outputs), wide, size))
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
        return [
            lead_all([x], [s], size)[0] if k < carry or not s else _swapped(x)
            for k, (x, s) in enumerate(zip(results, spread, strict=True))
        ]

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
            self._steps[variable] = _zero(variable.type) if step is None else step

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
        return tuple(_planned(body).run(operands))
    env = {v: traced.recorder.lift(x).node for v, x in zip(body.inputs, operands, strict=True)}
    return tuple(traced.wrap(n) for n in substitute(body.outputs, env))


@lru_cache(maxsize=256)
def _planned(body: Graph) -> Program:
    return Program(body)


def _fit(what: str, types: Sequence[ArrayType], variables: Sequence[Node]) -> None:
    """Refuse types that are not those of the variables."""
    if len(types) != len(variables):
        raise ValueError(f"the body takes {len(variables)} arguments, not {len(types)}")
    for k, (t, v) in enumerate(zip(types, variables, strict=True)):
        if (t.shape, t.dtype) != (v.type.shape, v.type.dtype):
            raise ValueError(f"{what} {k} is {t}, and the body takes {v.type}")


# -- variables of a body ---------------------------------------------------------------------------


def _variable(role: str, number: int, like: Node) -> Node:
    """A further variable for a body, of the type of ``like``."""
    return input_node(1, (role, number), like.type.strong())


def _widened(variables: Sequence[Node], batched: Sequence[bool], size: int) -> dict[Node, Node]:
    """For each batched variable, the one that stands for all its examples."""
    return {
        v: input_node(1, ("examples", i), v.type.with_shape((size, *v.type.shape)))
        for i, v in enumerate(variables)
        if batched[i]
    }


def _where(chosen: Sequence[bool], items: Sequence[Any]) -> list[Any]:
    return [item for item, c in zip(items, chosen, strict=True) if c]


def _grown(marks: list[bool], more: Iterable[bool]) -> bool:
    """Set the first marks where ``more`` says so; whether any of these is new."""
    before = list(marks)
    for k, m in enumerate(more):
        marks[k] = marks[k] or m
    return marks != before


def _frontier(linear: Sequence[Node], seeds: Sequence[Node]) -> list[Node]:
    """What ``linear`` reads that does not depend on the ``seeds``, but for literals.

    What is only repeated along new axes is repeated again rather than kept.
    """
    order = toposort(linear)
    moving = dependents(order, seeds)
    found: dict[Node, None] = {}
    for n in [*linear, *(a for n in order if n in moving for a in n.args)]:
        if n not in moving:
            while n.op is broadcast:
                (n,) = n.args
            if n.level:
                found[n] = None
    return list(found)


# -- types -----------------------------------------------------------------------------------------


def _zero(t: ArrayType) -> Node:
    scalar = constant(t.dtype.type(0))
    return node(broadcast, (scalar,), (t.shape, ())) if t.shape else scalar


def _typed(n: Node, like: Node) -> Node:
    """``n`` as the dtype of what it is a tangent or cotangent of."""
    dtype = like.type.dtype
    return n if n.type.dtype == dtype else cast.build((n,), dtype, False)


def _like(t: Array, variable: Node) -> Array:
    """An operand of the dtype that ``variable`` has."""
    return cast(t, variable.type.dtype)


def _start(t: Maybe, primal: Array, variable: Node) -> Array:
    """A tangent or cotangent to begin with: zeros if it is zero by structure."""
    return zeros(np.shape(primal), variable.type.dtype) if t is None else _like(t, variable)


def _swapped(x: Array) -> Array:
    """The axis of the trips and the axis of the examples, swapped."""
    return transpose(x, (1, 0, *range(2, np.ndim(x))))
