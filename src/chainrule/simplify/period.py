"""Repetition in a sequence of nodes: after how many of them the same operations come again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ops.structural import slice_

#: How deep nodes are compared to find candidates, and how many of these are tried.
_DEPTH, _TRIED = 3, 12


def period_of(sequence: Sequence[Node], fewest: int) -> tuple[int, int, int] | None:
    """Where the longest repetition starts, how long its period is, and how long it is.

    It comes at least ``fewest`` times.
    """
    names: dict[Any, int] = {}
    token: dict[Node, int] = {}
    for n in sequence:
        # Which part is read may differ from step to step.
        params = () if n.op is slice_ else n.params
        token[n] = names.setdefault((n.op, params, n.type), len(names))
    tokens = np.array(list(token.values()))
    best: tuple[int, int, int] | None = None
    for period in _candidates(sequence, token, fewest):
        apart = np.flatnonzero(tokens[period:] != tokens[:-period])
        ends = np.concatenate([[-1], apart, [len(tokens) - period]])
        runs = np.diff(ends) - 1
        k = int(runs.argmax())
        length = int(runs[k]) + period
        # A multiple of a period is one too, and covers no more.
        if length >= fewest * period and (best is None or length > 1.05 * best[2]):
            best = int(ends[k]) + 1, period, length
    return best


def _candidates(sequence: Sequence[Node], token: dict[Node, int], fewest: int) -> list[int]:
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
    often = counts >= fewest - 1
    gaps, counts = gaps[often], counts[often]
    most = np.argsort(-counts * gaps, kind="stable")[:_TRIED]
    return sorted(int(g) for g in gaps[most])


def cut(sequence: Sequence[Node], start: int, period: int, length: int) -> tuple[int, int]:
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


def by_depth(sequence: Sequence[Node]) -> list[Node]:
    """The nodes by how long the way to them is: steps that overlap come out in step."""
    depth: dict[Node, int] = {}
    levels: dict[int, list[Node]] = {}
    for n in sequence:
        depth[n] = 1 + max((depth.get(a, 0) for a in n.args), default=0)
        levels.setdefault(depth[n], []).append(n)
    place: dict[Node, int] = {}
    for _, nodes in sorted(levels.items()):
        nodes.sort(key=lambda n: (n.op.name, [place.get(a, -1) for a in n.args]))
        for n in nodes:
            place[n] = len(place)
    return list(place)
