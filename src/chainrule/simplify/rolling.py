"""Loops found again: what Python unrolled while it was traced becomes one node.

A trace of ``for t in range(1000): y = step(y, x[t])`` holds the operations of every step. Listed
in topological order they repeat with a period. `rolled` finds the period, compares each step's
operands with those of the step before, and builds a ``loop`` whose body is one step: what comes
from the step before is carried round, what is the same in all steps is a constant of the body, and
what differs is read row by row. From then on the loop is differentiated, batched and compiled as a
loop, and costs as much to derive at ten thousand trips as at ten.

The loop does the operations of the program, in the order of the program: the results are the same
to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.literal import Literal
from ..ir.node import CONSTANT, INPUT, Node, input_node, item, node
from ..ops.bodies import zero
from ..ops.control import Rounds, loop
from ..ops.structural import slice_
from ..trace.recording import symbolic

#: Programs of fewer nodes are left as they are.
SHORTEST = 400
#: A loop has at least so many trips.
FEWEST = 8
#: Rows that lie apart are put together in an array if they have at most so many elements.
MOST_STACKED = 1 << 14
#: How many steps before the period sets in are looked past.
_PEELED = 3


def rolled(outputs: Sequence[Node], level: int = 0) -> list[Node]:
    """``outputs`` with long repetitions as loops; nodes below ``level`` are left alone."""
    found = list(outputs)
    while (better := _once(found, level)) is not None:
        found = better
    return found


def _once(outputs: list[Node], level: int) -> list[Node] | None:
    """The longest repetition made a loop, if there is one that is worth it."""
    order = toposort(outputs, level)
    if len(order) < SHORTEST:
        return None
    #: Whether it is an expression of numbers alone.
    closed: dict[Node, bool] = {}
    sequence = [n for n in order if n.op is not INPUT and not _is_closed(n, closed)]
    where = _period(sequence)
    if where is None:
        return None
    start, period, length = where
    start, trips = _cut(sequence, start, period, length)
    for peeled in range(_PEELED + 1):
        if trips - peeled < FEWEST:
            return None
        first = start + peeled * period
        steps = [sequence[k : k + period] for k in range(first, start + trips * period, period)]
        made = _Rolling(steps, order, outputs, closed).made()
        if made is not None:
            return substitute(outputs, made, level)
    return None


def _is_closed(n: Node, known: dict[Node, bool]) -> bool:
    if n not in known:
        if n.level:
            known[n] = False
        else:
            for m in toposort([n]):
                known[m] = m.op is not INPUT and all(known[a] for a in m.args)
    return known[n]


# -- the period ------------------------------------------------------------------------------------


def _period(sequence: Sequence[Node]) -> tuple[int, int, int] | None:
    """Where the longest repetition starts, how long its period is, and how long it is."""
    names: dict[Any, int] = {}
    token: dict[Node, int] = {}
    for n in sequence:
        # Which part is read may differ from step to step.
        params = () if n.op is slice_ else n.params
        token[n] = names.setdefault((n.op, params, n.type), len(names))
    tokens = np.array(list(token.values()))
    best: tuple[int, int, int] | None = None
    for period in _candidates(sequence, token):
        apart = np.flatnonzero(tokens[period:] != tokens[:-period])
        ends = np.concatenate([[-1], apart, [len(tokens) - period]])
        runs = np.diff(ends) - 1
        k = int(runs.argmax())
        length = int(runs[k]) + period
        # A multiple of a period is one too, and covers no more.
        if length >= FEWEST * period and (best is None or length > 1.05 * best[2]):
            best = int(ends[k]) + 1, period, length
    return best if best is not None and best[2] >= SHORTEST // 2 else None


def _candidates(sequence: Sequence[Node], token: dict[Node, int]) -> list[int]:
    """Periods to try, shortest first: how far apart equal nodes often are.

    Nodes count as equal if they and what they read are, to some depth: then most places within a
    period differ from each other.
    """
    known = token
    for _ in range(_DEPTH):
        names: dict[Any, int] = {}
        known = {
            n: names.setdefault((token[n], *[known.get(a, -1) for a in n.args]), len(names))
            for n in sequence
        }
    marks = np.array(list(known.values()))
    by_mark = np.argsort(marks, kind="stable")
    same = marks[by_mark][1:] == marks[by_mark][:-1]
    gaps, counts = np.unique(np.diff(by_mark)[same], return_counts=True)
    often = counts >= FEWEST - 1
    gaps, counts = gaps[often], counts[often]
    most = np.argsort(-counts * gaps, kind="stable")[:_TRIED]
    return sorted(int(g) for g in gaps[most])


_DEPTH, _TRIED = 3, 12


def _cut(sequence: Sequence[Node], start: int, period: int, length: int) -> tuple[int, int]:
    """Where a step begins, so that the least is carried from one to the next; how many there are."""
    seen = sequence[start : start + 4 * period]
    place = {n: k for k, n in enumerate(seen)}
    last: dict[int, int] = {}
    for k, n in enumerate(seen):
        for a in n.args:
            if a in place:
                last[place[a]] = k
    crossing = np.zeros(4 * period + 2)
    for made, read in last.items():  # live at each cut after `made`, up to that before `read`
        crossing[made + 1] += 1
        crossing[read + 1] -= 1
    at = int(crossing.cumsum()[2 * period : 3 * period].argmin())
    return start + at, (length - at) // period


# -- a loop of the steps ---------------------------------------------------------------------------


class _Different(Exception):
    """The steps are not the same function."""


class _Rolling:
    """A loop in the making, of ``steps`` that do the same operations."""

    def __init__(
        self,
        steps: list[list[Node]],
        order: list[Node],
        outputs: list[Node],
        closed: dict[Node, bool],
    ) -> None:
        self._steps = steps
        self._trips = len(steps)
        self._closed = closed
        self._place = {n: (k, j) for k, step in enumerate(steps) for j, n in enumerate(step)}
        self._order, self._outputs = order, outputs
        #: Body variables: by what makes them one, with their operands.
        self._carried: dict[Any, tuple[Node, Node]] = {}
        self._scanned: dict[Any, tuple[Node, Node]] = {}
        self._constant: dict[Node, Node] = {}
        #: Of each carried variable, the place in the step, or the variable, that it becomes.
        self._next: dict[Any, Any] = {}
        self._outer = dependents(order, self._place)

    def made(self) -> dict[Node, Node] | None:
        """What the nodes of the steps that are used outside are replaced by."""
        try:
            return self._made()
        except _Different:
            return None

    def _made(self) -> dict[Node, Node]:
        body: list[Node] = []
        for j, model in enumerate(self._steps[1]):
            read = self._row(j, model)
            if read is not None:
                body.append(read)
                continue
            columns = zip(*(step[j].args for step in self._steps), strict=True)
            args = tuple([self._operand(column, body) for column in columns])
            made = node(model.op, args, model.params)
            if not _alike(made, model):
                raise _Different
            body.append(made)
        uses = self._uses()
        last = {j: self._last(j, body) for j, ks in uses.items() if ks == {self._trips - 1}}
        rows = {j: len(self._carried) + r for r, j in enumerate(j for j in uses if j not in last)}
        keys = list(self._carried)
        steps = [
            body[key] if type(key) is int else self._carried[key][0]
            for key in (self._next[k] for k in keys)
        ]
        parts = [self._carried.values(), self._scanned.values(), self._constant.items()]
        variables, operands = zip(*[
            pair if part is not parts[2] else pair[::-1] for part in parts for pair in part
        ], strict=True) if any(parts) else ((), ())
        graph = Graph(tuple(variables), (*steps, *[body[j] for j in rows]))
        graph = graph.map(rolled).closed()
        rounds = Rounds(self._trips, len(keys), len(self._scanned), False)
        whole = node(loop, tuple(operands), (graph, rounds))
        made_of: dict[Node, Node] = {}
        for j, key in last.items():
            made_of[self._steps[-1][j]] = item(whole, keys.index(key))
        for j, k in rows.items():
            stack = symbolic(item(whole, k))
            for at in uses[j]:
                made_of[self._steps[at][j]] = stack[at].node
        return made_of

    # -- what a step reads -----------------------------------------------------------------------

    def _row(self, j: int, model: Node) -> Node | None:
        """The variable of a place that reads another part of an array in each step."""
        if model.op is not slice_:
            return None
        nodes = [step[j] for step in self._steps]
        if all(n.params == model.params for n in nodes):
            return None
        if any(n.args != model.args for n in nodes) or model.args[0] in self._outer:
            raise _Different
        return self._scan(tuple(nodes))

    def _operand(self, column: tuple[Node, ...], body: list[Node]) -> Node:
        """What stands in the body for the operands that the steps have in one place."""
        model = column[1]
        found = self._place.get(model)
        if found is None:
            if _is_closed(model, self._closed) and all(a is model for a in column):
                return model
            if any(a in self._outer for a in column):
                raise _Different
            if all(a is model for a in column):
                return self._fixed(model)
            return self._scan(column)
        k, j = found
        if k == 1:
            if all(self._place.get(a) == (i, j) for i, a in enumerate(column)):
                return body[j]
            raise _Different
        return self._previous(column, j)

    def _fixed(self, n: Node) -> Node:
        found = self._constant.get(n)
        if found is None:
            found = self._constant[n] = _variable("constant", len(self._constant), n)
        return found

    def _scan(self, nodes: tuple[Node, ...]) -> Node:
        found = self._scanned.get(nodes)
        if found is None:
            rows = _stacked(nodes)
            found = self._scanned[nodes] = _variable("row", len(self._scanned), nodes[0]), rows
        return found[0]

    def _previous(self, column: tuple[Node, ...], j: int) -> Node:
        """What another step has made: the one before, or some before that."""
        at = next(
            (i for i, a in enumerate(column) if self._place.get(a) == (0, j)), self._trips
        )
        if not 1 <= at <= _FARTHEST:
            raise _Different
        if any(self._place.get(a) != (i - at, j) for i, a in enumerate(column) if i >= at):
            raise _Different
        before = column[:at]
        if any(a in self._outer or not _alike(a, self._steps[0][j]) for a in before):
            raise _Different
        return self._delayed(j, before)

    def _delayed(self, j: int, before: tuple[Node, ...]) -> Node:
        """The variable of what was made at ``j`` as many steps ago as there are values ``before``."""
        key = (j, before)
        found = self._carried.get(key)
        if found is None:
            self._next[key] = j
            if len(before) > 1:
                self._delayed(j, before[1:])
                self._next[key] = (j, before[1:])
            variable = _variable("carried", len(self._carried), before[0])
            found = self._carried[key] = variable, before[0]
        return found[0]

    # -- what is read of the steps ---------------------------------------------------------------

    def _uses(self) -> dict[int, set[int]]:
        """By place, the steps whose value is read outside."""
        uses: dict[int, set[int]] = {}
        for n in (*self._order, None):
            if n in self._place:
                continue
            for a in self._outputs if n is None else n.args:
                found = self._place.get(a)
                if found is not None:
                    uses.setdefault(found[1], set()).add(found[0])
        return uses

    def _last(self, j: int, body: list[Node]) -> Any:
        """The carried variable that ends as what the last step made at ``j``."""
        for key, then in self._next.items():
            if type(then) is int and then == j:
                return key
        key = (j, ())
        variable = _variable("carried", len(self._carried), body[j])
        self._carried[key] = variable, zero(body[j].type)
        self._next[key] = j
        return key


#: How many steps back a value is looked for.
_FARTHEST = 4


def _variable(role: str, number: int, like: Node) -> Node:
    return input_node(1, (role, number), like.type.strong())


def _alike(a: Node, b: Node) -> bool:
    return bool(a.type.shape == b.type.shape and a.type.dtype == b.type.dtype)


def _stacked(nodes: Sequence[Node]) -> Node:
    """Nodes of one type as the rows of an array."""
    first = nodes[0]
    if not all(_alike(n, first) for n in nodes):
        raise _Different
    if all(n.op is CONSTANT for n in nodes):
        return node(CONSTANT, (), (Literal(np.array([n.params[0].array for n in nodes])),))
    part = _part(nodes)
    if part is not None:
        return part
    if first.type.size > MOST_STACKED:
        raise _Different
    rows: Node = np.stack([symbolic(n) for n in nodes]).node  # type: ignore[attr-defined]
    return rows


def _part(nodes: Sequence[Node]) -> Node | None:
    """The array of which the nodes are rows at equal distances, if they are."""
    first = nodes[0]
    if any(n.op is not slice_ or n.args != first.args for n in nodes):
        return None
    indices = [n.params[0] for n in nodes]
    moving = [k for k, e in enumerate(indices[0]) if any(i[k] != e for i in indices)]
    if len(moving) != 1 or any(type(i[moving[0]]) is not int for i in indices):
        return None
    (axis,) = moving
    places = [i[axis] for i in indices]
    step = places[1] - places[0]
    if any(b - a != step for a, b in zip(places, places[1:], strict=False)):
        return None
    index = (*indices[0][:axis], (places[0], len(nodes), step), *indices[0][axis + 1 :])
    (x,) = first.args
    lead = x.type.ndim - len(index)
    kept = lead + sum(not isinstance(e, int) for e in index[:axis])
    rows: Node = np.moveaxis(slice_(symbolic(x), index), kept, 0).node  # type: ignore[arg-type]
    return rows
