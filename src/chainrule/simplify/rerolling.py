"""Loops found again: what Python unrolled while it was traced becomes one node.

A trace of ``for t in range(1000): y = step(y, x[t])`` holds the operations of every step. Listed
in topological order they repeat with a period. `rerolled` finds the period, compares each step's
operands with those of the step before, and builds a ``loop`` whose body is one step: what comes
from the step before is carried round, what is the same in all steps is a constant of the body, and
what differs is read row by row. From then on the loop is differentiated, batched and compiled as a
loop, and costs as much to derive at ten thousand trips as at ten.

The loop does the operations of the program, in the order of the program: the results are the same
to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..calculus.batch import batch
from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.literal import Literal
from ..ir.node import CONSTANT, INPUT, Node, input_node, item, node
from ..ops.arithmetic import add, subtract
from ..ops.bodies import zero
from ..ops.control import Rounds, loop
from ..ops.program import Program
from ..ops.structural import broadcast, cast, reduce_sum, reshape, slice_, transpose
from ..trace.recording import symbolic
from .period import by_depth, cut, period_of
from .rows import rows_of

#: Programs of fewer nodes are left as they are.
SHORTEST = 200
#: A loop has at least so many trips.
FEWEST = 8
#: Rows that lie apart are put together in an array if they have at most so many elements.
MOST_STACKED = 1 << 14
#: Steps that do not need each other are done at once if nothing in them gets larger than this.
MOST_ACROSS = 1 << 18
#: Less than this part of the nodes is to be left.
_SHORTER = 0.9
#: How many steps before the period sets in are looked past.
_PEELED = 3


def rerolled(outputs: Sequence[Node], level: int = 0) -> list[Node]:
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
    sequence = [n for n in order if n.op is not INPUT and (n.level or not _is_closed(n, closed))]
    for arrange in (list, by_depth):
        arranged = arrange(sequence)
        if arrange is by_depth and arranged == sequence:
            break
        where = period_of(arranged, FEWEST)
        if where is None:
            continue
        start, period, length = where
        start, trips = cut(arranged, start, period, length)
        for peeled in range(_PEELED + 1):
            if trips - peeled < FEWEST:
                break
            first = start + peeled * period
            last = start + trips * period
            steps = [arranged[k : k + period] for k in range(first, last, period)]
            made = _made(steps, order, outputs, closed)
            if made is not None:
                shorter = substitute(outputs, made, level)
                if len(toposort(shorter, level)) < _SHORTER * len(order):
                    return shorter
                break
    return None


def _made(
    steps: list[list[Node]], order: list[Node], outputs: list[Node], closed: dict[Node, bool]
) -> dict[Node, Node] | None:
    """What the nodes of the steps that are used outside are replaced by, if they make a loop.

    As many steps as there are before the first are taken in: twice as many at a time while that
    goes well, then half as many.
    """
    try:
        rolling = _Rolling(steps, order, outputs, closed)
        found = rolling.made()
    except _Different:
        return None
    ahead, growing = 1, True
    while ahead:
        more = rolling.steps_before(ahead)
        growing = growing and len(more) == ahead
        if not more:
            break
        try:
            longer = _Rolling([*more, *steps], order, outputs, closed)
            found = longer.made()
        except _Different:
            growing, ahead = False, len(more)
        else:
            rolling, steps = longer, [*more, *steps]
        ahead = ahead * 2 if growing else ahead // 2
    return found


def _is_closed(n: Node, known: dict[Node, bool]) -> bool:
    if n.level:
        return False
    if n not in known:
        for m in [n] if all(a in known for a in n.args) else toposort([n]):
            known[m] = m.op is not INPUT and all(known[a] for a in m.args)
    return known[n]


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
        #: The places that read another part of an array in each step. They are there from the start.
        self._rows = {j for j, n in enumerate(steps[1]) if n.op is slice_ and self._is_row(j)}
        for step in steps:
            for j in self._rows:
                del self._place[step[j]]
        self._outer = dependents(order, self._place)

    def made(self) -> dict[Node, Node]:
        """What the nodes of the steps that are used outside are replaced by."""
        body: list[Node] = []
        for j, model in enumerate(self._steps[1]):
            if j in self._rows:
                if model.args[0] in self._outer:
                    raise _Different
                body.append(self._scan(tuple([step[j] for step in self._steps])))
                continue
            if any(step[j].params != model.params for step in self._steps):
                raise _Different
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
        across = self._across(body, last, rows)
        if across is not None:
            return {
                self._steps[at][j]: symbolic(n)[at].node if j in rows else n
                for j, n in across.items()
                for at in uses[j]
            }
        given = [*self._carried.values(), *self._scanned.values()]
        variables = [*[v for v, _ in given], *self._constant.values()]
        operands = [*[x for _, x in given], *self._constant]
        graph = Graph(tuple(variables), (*steps, *[body[j] for j in rows]))
        graph = graph.map(rerolled).closed()
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

    def _across(
        self, body: list[Node], last: Mapping[int, Any], rows: Mapping[int, Any]
    ) -> dict[int, Node] | None:
        """What is wanted of the ``body``, computed for all steps at once.

        That is if no step needs another, but to add to a sum, and if nothing gets too large. A sum
        and what is wanted of the ``last`` step are given as they end, others with their ``rows``.
        """
        carried = {v for v, _ in self._carried.values()}
        #: By place: the sum that is made there, what it starts from, and what is added.
        sums: dict[int, tuple[Node, Node, Node]] = {}
        for key, (v, first) in self._carried.items():
            j = self._next[key]
            if type(j) is not int:
                return None
            if not key[1]:  # nothing goes round: it is read at the end
                continue
            total = body[j]
            if total.op not in (add, subtract) or v not in total.args or j not in last:
                return None
            left, right = total.args
            if right is v and (left is v or total.op is subtract):
                return None
            sums[j] = total, first, right if left is v else left
        found = {j: sums[j][2] if j in sums else body[j] for j in (*last, *rows)}
        order = toposort(found.values())
        largest = max((n.type.size for n in order), default=0)
        if not carried.isdisjoint(order) or largest * self._trips > MOST_ACROSS:
            return None
        wide = {v: _wide(v, self._trips) for v, _ in self._scanned.values()}
        operands = {wide[v]: x for v, x in self._scanned.values()}
        operands.update({v: n for n, v in self._constant.items()})
        stacks = substitute(batch(list(found.values()), wide, self._trips), operands)
        results = dict(zip(found, stacks, strict=True))
        for j in last:
            if j in sums:
                total, first, _ = sums[j]
                added = reduce_sum.build((results[j],), (-results[j].type.ndim,))
                results[j] = total.op.build((first, added))
            else:
                results[j] = symbolic(results[j])[-1].node
        return results

    def steps_before(self, most: int) -> list[list[Node]]:
        """The nodes of up to so many more steps, before the first: those its carry comes from.

        Whether they make a loop with the others is not known yet.
        """
        #: By place in a step, what the step before the first known one made there.
        made: dict[int, Node] = {}
        for j, before in self._carried:
            if len(before) > 1:
                return []
            if before:
                (made[j],) = before
        model = self._steps[1]
        inside = {n: j for j, n in enumerate(model)}
        carried = {n: j for j, n in enumerate(self._steps[0])}
        known: set[Node] = set()
        steps: list[list[Node]] = []
        while len(steps) < most:
            found, made = made, {}
            for j in reversed(range(len(model))):
                n, like = found.get(j), model[j]
                if n is None or n in self._place or n in known:
                    return steps
                if not _same_operation(n, like, j in self._rows):
                    return steps
                for a, b in zip(n.args, like.args, strict=True):
                    if b in inside:
                        same = found.setdefault(inside[b], a)
                    elif b in carried:
                        same = made.setdefault(carried[b], a)
                    elif b in self._constant or _is_closed(b, self._closed):
                        same = b
                    else:  # a row
                        continue
                    if same is not a:
                        return steps
            steps.insert(0, [found[j] for j in range(len(model))])
            known.update(steps[0])
        return steps

    # -- what a step reads -----------------------------------------------------------------------

    def _is_row(self, j: int) -> bool:
        nodes = [step[j] for step in self._steps]
        first = nodes[0]
        return (
            any(n.params != first.params for n in nodes)
            and all(n.args == first.args for n in nodes)
            and first.args[0] not in self._place
        )

    def _operand(self, column: tuple[Node, ...], body: list[Node]) -> Node:
        """What stands in the body for the operands that the steps have in one place."""
        model = column[-1]  # the first ones may come from before the loop
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
        if k == self._trips - 1:
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


#: What is done to all rows at once rather than to each.
_MOVES = frozenset({broadcast, cast, reshape, transpose})

#: How many steps back a value is looked for.
_FARTHEST = 4


def _same_operation(n: Node, like: Node, is_row: bool) -> bool:
    same = n.op is like.op and len(n.args) == len(like.args) and n.type == like.type
    return bool(same and (is_row or n.params == like.params))


def _wide(v: Node, size: int) -> Node:
    """What stands for all the rows that ``v`` stands for."""
    return input_node(1, ("rows", v.params[1]), v.type.with_shape((size, *v.type.shape)))


def _variable(role: str, number: int, like: Node) -> Node:
    return input_node(1, (role, number), like.type.strong())


def _alike(a: Node, b: Node) -> bool:
    return bool(a.type.shape == b.type.shape and a.type.dtype == b.type.dtype)


def _stacked(nodes: Sequence[Node]) -> Node:
    """Nodes of one type as the rows of an array."""
    first = nodes[0]
    if not all(_alike(n, first) for n in nodes):
        raise _Different
    rows = rows_of(nodes)
    if rows is not None:
        return rows
    if first.op in _MOVES and all(n.op is first.op and n.params == first.params for n in nodes):
        below = _stacked([n.args[0] for n in nodes])
        v = _variable("moved", 0, first.args[0])
        wide = _wide(v, len(nodes))
        (moved,) = batch([node(first.op, (v,), first.params)], {v: wide}, len(nodes))
        return substitute([moved], {wide: below})[0]
    if first.type.size > MOST_STACKED:
        raise _Different
    if not any(m.op is INPUT for m in toposort(nodes)):  # numbers that stand in the program
        values = Program(Graph((), tuple(nodes)))(())
        return node(CONSTANT, (), (Literal(np.array(values, first.type.dtype)),))
    stack: Node = np.stack([symbolic(n) for n in nodes]).node  # type: ignore[attr-defined]
    return stack
