"""Loops that carry and keep no more than is needed.

What the second half of a derivative reads of the first is known before the bodies are simplified;
after that some of it turns out to be the same, and some not to be needed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..ir.graph import Graph, substitute, toposort
from ..ir.node import ITEM, Node, item, node
from ..ops.control import CARRIED, CONSTANT, Rounds, loop


def trimmed(outputs: Sequence[Node], level: int = 0) -> list[Node]:
    """``outputs`` with smaller loops; nodes below ``level`` are left alone.

    An operand is read once, rows are stacked if something reads them, once each, and what comes out
    of each trip as it went in is not carried round.
    """
    order = toposort(outputs, level)
    if not any(n.op is loop for n in order):
        return list(outputs)
    read: dict[Node, set[int]] = {}
    for n in order:
        if n.op is ITEM and n.args[0].op is loop:
            read.setdefault(n.args[0], set()).add(n.params[0])
    done: dict[Node, Node] = {}
    results: dict[Node, list[Node]] = {}
    for n in order:
        if n.op is ITEM and n.args[0] in results:
            done[n] = results[n.args[0]][n.params[0]]
            continue
        args = tuple([done.get(a, a) for a in n.args])
        done[n] = n if args == n.args else node(n.op, args, n.params, n.type)
        if n.op is loop and n.params[1].trip:
            results[n] = _smaller(n, args, read.get(n, set()))
    return [done.get(o, o) for o in outputs]


class _Operand(NamedTuple):
    input: Node
    value: Node


def _smaller(n: Node, args: Sequence[Node], read: set[int]) -> list[Node]:
    """The results of a loop with these operands, as far as they are read."""
    body: Graph
    rounds: Rounds
    body, rounds = n.params
    operands: list[list[_Operand]] = [[], [], []]
    first: dict[tuple[int, Node], Node] = {}
    same: dict[Node, Node] = {}  # inputs -> those that stand for them
    kept: list[int] = []
    for i, (v, a) in enumerate(zip(body.inputs, args, strict=True)):
        kind = rounds.kind(i)
        if kind == CARRIED and body.outputs[i] is v:
            kind = CONSTANT
        elif kind == CARRIED:
            kept.append(i)
        # What begins alike need not go on alike.
        stands = v if kind == CARRIED else first.setdefault((kind, a), v)
        if stands is v:
            operands[kind].append(_Operand(v, a))
        else:
            same[v] = stands
    outputs = substitute(body.outputs, same) if same else list(body.outputs)
    rows = dict.fromkeys(outputs[k] for k in range(rounds.carry, len(outputs)) if k in read)
    new = [*(outputs[i] for i in kept), *rows]
    if len(new) == len(outputs) and not same:
        made = node(loop, tuple(args), n.params, n.type)
        return [item(made, k) for k in range(len(outputs))]
    inside = Graph(tuple(o.input for part in operands for o in part), tuple(new)).closed()
    smaller = Rounds(rounds.trip, len(kept), len(operands[1]), rounds.reverse)
    made = node(loop, tuple(o.value for part in operands for o in part), (inside, smaller))
    place = {i: k for k, i in enumerate(kept)}
    row = {x: len(kept) + k for k, x in enumerate(rows)}
    results: list[Node] = []
    for k, x in enumerate(outputs):
        if k < rounds.carry:
            results.append(item(made, place[k]) if k in place else args[k])
        else:
            results.append(item(made, row[x]) if x in row else x)  # the last is read by nothing
    return results
