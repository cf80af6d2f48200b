"""Repetition in a sequence of nodes: after how many of them the same operations come again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ops.structural import slice_

#: How deep nodes are compared to find candidates, by how many of their operands, and how many
#: candidates are tried.
_DEPTH, _READS, _TRIED = 3, 4, 12

#: Odd numbers, by which marks are mixed.
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    np.uint64,
)  # fmt: skip


def period_of(sequence: Sequence[Node], fewest: int) -> tuple[int, int, int] | None:
    """Where the longest repetition starts, how long its period is, and how long it is.

    It comes at least ``fewest`` times.
    """
    names: dict[Any, int] = {}
    # Which part is read may differ from step to step.
    tokens = np.array([
        names.setdefault((n.op, () if n.op is slice_ else n.params, n.type), len(names))
        for n in sequence
    ])  # fmt: skip
    best: tuple[int, int, int] | None = None
    for period in _candidates(sequence, tokens, fewest):
        apart = np.flatnonzero(tokens[period:] != tokens[:-period])
        ends = np.concatenate([[-1], apart, [len(tokens) - period]])
        runs = np.diff(ends) - 1
        k = int(runs.argmax())
        length = int(runs[k]) + period
        # A multiple of a period is one too, and covers no more.
        if length >= fewest * period and (best is None or length > 1.05 * best[2]):
            best = int(ends[k]) + 1, period, length
    return best


def _candidates(sequence: Sequence[Node], tokens: np.ndarray, fewest: int) -> list[int]:
    """Periods to try, shortest first: how far apart equal nodes often are.

    Nodes count as equal if they and what they read are, to some depth: then most places within a
    period differ from each other.
    """
    marks = _marks(sequence, tokens)
    by_mark = np.argsort(marks, kind="stable")
    same = marks[by_mark][1:] == marks[by_mark][:-1]
    gaps, counts = np.unique(np.diff(by_mark)[same], return_counts=True)
    often = counts >= fewest - 1
    gaps, counts = gaps[often], counts[often]
    most = np.argsort(-counts * gaps, kind="stable")[:_TRIED]
    return sorted(int(g) for g in gaps[most])


def _marks(sequence: Sequence[Node], tokens: np.ndarray) -> np.ndarray:
    """A number for each node, equal where it and what it reads have the same tokens."""
    place = {n: k for k, n in enumerate(sequence)}
    # By place in the sequence; what is not in it is one more, at the end.
    outside = len(sequence)
    reads = np.full((_READS, outside + 1), outside)
    number = np.array([len(n.args[:_READS]) for n in sequence])
    reader = np.repeat(np.arange(outside), number)
    which = np.arange(len(reader)) - np.repeat(number.cumsum() - number, number)
    reads[which, reader] = [place.get(a, outside) for n in sequence for a in n.args[:_READS]]
    own = np.append(tokens + 1, 0).astype(np.uint64) * _FACTORS[-1]
    marks = own
    for _ in range(_DEPTH):
        marks = own + (marks[reads] * _FACTORS[:_READS, None]).sum(axis=0, dtype=np.uint64)
        marks ^= marks >> np.uint64(29)
    found: np.ndarray = marks[:-1]
    return found


def cut(sequence: Sequence[Node], start: int, period: int, length: int) -> tuple[int, int]:
    """Where a step begins, so that the fewest bytes are carried on; how many steps there are."""
    seen = sequence[start : start + 4 * period]
    place = {n: k for k, n in enumerate(seen)}
    last: dict[int, int] = {}
    for k, n in enumerate(seen):
        for a in n.args:
            if a in place:
                last[place[a]] = k
    crossing = np.zeros(4 * period + 2)
    for made, read in last.items():  # live at each cut after `made`, up to that before `read`
        t: Any = seen[made].type
        size = sum(p.size * p.dtype.itemsize for p in getattr(t, "items", (t,)))
        crossing[made + 1] += size
        crossing[read + 1] -= size
    at = int(crossing.cumsum()[2 * period : 3 * period].argmin())
    return start + at, (length - at) // period


def by_depth(sequence: Sequence[Node]) -> list[Node]:
    """The nodes by how long the way to them is: steps that overlap come out in step."""
    depth: dict[Node, int] = {}
    levels: list[list[Node]] = []
    for n in sequence:
        deep = 0
        for a in n.args:
            deep = max(deep, depth.get(a, 0))
        if deep == len(levels):
            levels.append([])
        levels[deep].append(n)
        depth[n] = deep + 1
    place: dict[Node, int] = {}
    for nodes in levels:
        if len(nodes) > 1:
            nodes.sort(key=lambda n: (n.op.name, [place.get(a, -1) for a in n.args]))
        for n in nodes:
            place[n] = len(place)
    return list(place)
