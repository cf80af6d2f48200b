"""Loops: the body's steps, done once a trip, on what the trip before has carried on.

The body is scheduled as a program of its own whose inputs and outputs are places in the memory of
the program around it: the two halves of a buffer for what is carried, which are read and written by
turns; the rows of arrays; and, for what stays the same, the very sources outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.types import ArrayType
from ..ops.control import CARRIED, SCANNED
from .memory import ALIGNMENT, assign, touched
from .plan import (
    Buffer,
    Callback,
    Immediate,
    Repeat,
    Source,
    Step,
    View,
    row_major,
    whole,
)
from .prepare import prepared
from .schedule import NATIVE, Schedule
from .strips import stripped
from .text import Machine


def lower_loop(schedule: Schedule, n: Node) -> bool:
    """A loop, if all that its body does can be done without calling back."""
    body, rounds = n.params
    outputs, _ = prepared(body, None)
    if not rounds.trip:
        views = [schedule.contiguous(schedule.sources[a]) for a in n.args[: rounds.carry]]
        empty = [whole(Buffer(o.type.dtype, 0), (0, *o.type.shape)) for o in outputs[rounds.carry :]]
        schedule.results(n, [*views, *empty])
        return True
    types = [v.type for v in (*body.inputs, *outputs)]
    if not all(type(t) is ArrayType and t.dtype in NATIVE and t.size for t in types):
        return False
    places = _Places(schedule, n, outputs)
    inner = Schedule(
        Graph(body.inputs, tuple(outputs)), None, schedule.rules,
        given=places.given, targets=places.targets, constants=schedule.constants,
    )  # fmt: skip
    if _calls_back(inner.steps):
        return False
    for source, first in places.starts:
        schedule.copy(source, first)
        schedule.mark(first)
    outside = [schedule.sources[a] for a in n.args[rounds.carry + rounds.scanned :]]
    sources = [s for s in (*places.rows, *outside) if isinstance(s, View)]
    for s in sources:
        schedule.mark(s)
    sources += [first for _, first in places.starts]
    repeat = Repeat(
        rounds.trip, rounds.reverse, inner.steps, inner.is_long, places.carried, places.moved,
        sources, places.ends, Buffer(np.dtype(np.int8), 0),
    )  # fmt: skip
    schedule.step(repeat, places.ends)
    schedule.results(n, places.ends)
    return True


class _Places:
    """Where a body finds its inputs and puts its outputs."""

    def __init__(self, schedule: Schedule, n: Node, outputs: Sequence[Node]) -> None:
        self.given: dict[Node, Source] = {}
        self.targets: list[View] = []
        self.carried: list[tuple[Buffer, Buffer, int]] = []
        self.moved: list[tuple[Buffer, View, int]] = []
        #: The arrays of which each trip reads a row.
        self.rows: list[View] = []
        #: What is carried into the first trip, and where to; all results after the last.
        self.starts: list[tuple[Source, View]] = []
        self.ends: list[View] = []
        body, rounds = n.params
        for i, (v, a) in enumerate(zip(body.inputs, n.args, strict=True)):
            kind, source = rounds.kind(i), schedule.sources[a]
            if kind == CARRIED:
                self._carry(v, source, rounds.trip)
            elif kind == SCANNED:
                self._row(schedule, v, source)
            else:
                self.given[v] = source
        for o in outputs[rounds.carry :]:
            t = o.type
            stack = whole(Buffer(t.dtype, rounds.trip * t.size), (rounds.trip, *t.shape))
            row = Buffer(t.dtype, t.size, "block", base=stack.buffer)
            self.moved.append((row, stack, t.size))
            self.targets.append(whole(row, t.shape))
            self.ends.append(stack)

    def _carry(self, v: Node, source: Source, trips: int) -> None:
        t = v.type
        line = ALIGNMENT // t.dtype.itemsize
        far = -(-t.size // line) * line
        halves = Buffer(t.dtype, 2 * far)
        old, new = (Buffer(t.dtype, t.size, "block", base=halves) for _ in range(2))
        self.carried.append((old, new, far))
        self.given[v] = whole(old, t.shape)
        self.targets.append(whole(new, t.shape))
        first = View(halves, 0, t.shape, row_major(t.shape))
        self.starts.append((source, first))
        self.ends.append(first._replace(offset=trips % 2 * far))

    def _row(self, schedule: Schedule, v: Node, source: Source) -> None:
        t = v.type
        if isinstance(source, Immediate):
            self.given[v] = Immediate(source.value, source.dtype, t.shape)
            return
        if any(s < 0 for s in source.strides[1:]):
            source = schedule.contiguous(source)
        # From the first element of a row to its last, whatever lies between.
        size = 1 + sum((n - 1) * s for n, s in zip(t.shape, source.strides[1:], strict=True))
        row = Buffer(t.dtype, size, "block", base=source.buffer)
        self.rows.append(source)
        self.moved.append((row, source, source.strides[0]))
        self.given[v] = View(row, 0, t.shape, source.strides[1:])


def _calls_back(steps: Sequence[Step]) -> bool:
    return any(isinstance(s, Callback) for s in steps)


def settle(steps: Sequence[Step], machine: Machine) -> None:
    """Arrange the steps of all bodies, and give what they make a place in the memory of theirs."""
    for step in steps:
        if isinstance(step, Repeat):
            settle(step.steps, machine)
            outer = {v.buffer for v in (*step.sources, *step.targets)}
            step.steps = stripped(step.steps, machine, list(outer))
            ours = {b for s in step.steps for b in touched(s) if b.place == "scratch"} - outer
            size = assign(step.steps, only=ours)
            step.arena.size = -(-size // ALIGNMENT) * ALIGNMENT
            for b in ours:
                b.place, b.base = "part", step.arena


def traffic(steps: Sequence[Step]) -> int:
    """Bytes that the trips of all loops among some steps read and write, about."""
    total = 0
    for step in steps:
        if isinstance(step, Repeat):
            once = sum(b.nbytes for s in step.steps for b in {*touched(s)})
            total += step.trips * (once + traffic(step.steps))
    return total
