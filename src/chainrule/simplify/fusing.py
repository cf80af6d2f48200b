"""Loops that go round together become one.

A loop and its derivative carry the same values: the derivative's first half goes the same way to
stack what its second half reads. Two loops of as many trips, neither of which needs the other, are
one loop if they share anything that they carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.node import ITEM, Node, input_node, item, node
from ..ops.control import CARRIED, Rounds, loop


def fused(outputs: Sequence[Node], level: int = 0) -> list[Node]:
    """``outputs`` with loops that carry the same as one; nodes below ``level`` are left alone."""
    found = list(outputs)
    while (better := _once(found, level)) is not None:
        found = better
    return found


def _once(outputs: list[Node], level: int) -> list[Node] | None:
    order = toposort(outputs, level)
    loops = [n for n in order if n.op is loop]
    for first, second in combinations(loops, 2):
        a, b = first.params[1], second.params[1]
        if (a.trip, a.reverse) != (b.trip, b.reverse) or not a.trip:
            continue
        if not set(first.args[: a.carry]).intersection(second.args[: b.carry]):
            continue
        if second in dependents(order, [first]):
            continue
        results = _merged(first, second)
        if results is not None:
            env = {n: results[n.args[0]][n.params[0]] for n in order if _is_result(n, results)}
            return substitute(outputs, env, level)
    return None


def _is_result(n: Node, results: dict[Node, list[Node]]) -> bool:
    return n.op is ITEM and n.args[0] in results


def _merged(first: Node, second: Node) -> dict[Node, list[Node]] | None:
    """The results of both loops, as those of one; ``None`` if they carry nothing in common."""
    a, b = first.params[0], second.params[0]
    one: Rounds = first.params[1]
    other: Rounds = second.params[1]
    known = {
        (one.kind(i), operand): v
        for i, (v, operand) in reversed(list(enumerate(zip(a.inputs, first.args, strict=True))))
    }
    place = {v: i for i, v in enumerate(a.inputs)}
    #: What stands for each input of the second body.
    stands: dict[Node, Node] = {}
    for i, (v, operand) in enumerate(zip(b.inputs, second.args, strict=True)):
        same = known.get((other.kind(i), operand))
        stands[v] = input_node(1, ("beside", i), v.type) if same is None else same
    while True:
        # What begins alike goes on alike if each trip makes the same of it.
        steps = substitute(b.outputs, stands)
        wrong = [
            i
            for i, v in enumerate(b.inputs[: other.carry])
            if (at := place.get(stands[v])) is not None and steps[i] is not a.outputs[at]
        ]
        if not wrong:
            break
        for i in wrong:
            stands[b.inputs[i]] = input_node(1, ("beside", i), b.inputs[i].type)
    if not any(stands[v] in place for v in b.inputs[: other.carry]):
        return None
    parts: list[list[tuple[Node, Node]]] = [[], [], []]
    for i, pair in enumerate(zip(a.inputs, first.args, strict=True)):
        parts[one.kind(i)].append(pair)
    new: dict[Node, int] = {}
    for i, (v, operand) in enumerate(zip(b.inputs, second.args, strict=True)):
        if stands[v] not in place:
            new[stands[v]] = i
            parts[other.kind(i)].append((stands[v], operand))
    carry = [*a.outputs[: one.carry], *[steps[new[v]] for v, _ in parts[CARRIED][one.carry :]]]
    rows = list(dict.fromkeys([*a.outputs[one.carry :], *steps[other.carry :]]))
    variables = [v for part in parts for v, _ in part]
    body = Graph(tuple(variables), (*carry, *rows)).closed()
    rounds = Rounds(one.trip, len(carry), len(parts[1]), one.reverse)
    whole = node(loop, tuple(x for part in parts for _, x in part), (body, rounds))
    carried = {v: k for k, (v, _) in enumerate(parts[CARRIED])}
    row = {n: len(carry) + k for k, n in enumerate(rows)}
    return {
        first: [
            *[item(whole, k) for k in range(one.carry)],
            *[item(whole, row[n]) for n in a.outputs[one.carry :]],
        ],
        second: [
            *[item(whole, carried[stands[v]]) for v in b.inputs[: other.carry]],
            *[item(whole, row[n]) for n in steps[other.carry :]],
        ],
    }
