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
    count,
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
    types = [v.type for v in (*body.inputs, *outputs)]
    if not rounds.trip:
        views = [schedule.contiguous(schedule.sources[a]) for a in n.args[: rounds.carry]]
        empty = [whole(Buffer(o.type.dtype, 0), (0, *o.type.shape)) for o in outputs[rounds.carry :]]
        schedule.results(n, [*views, *empty])
        return True
    if not all(type(t) is ArrayType and t.dtype in NATIVE and t.size for t in types):
        return False
    given: dict[Node, Source] = {}
    carried: list[tuple[Buffer, Buffer, int]] = []
    moved: list[tuple[Buffer, View, int]] = []
    starts: list[tuple[Source, View]] = []
    ends: list[View] = []
    for i, (v, a) in enumerate(zip(body.inputs, n.args, strict=True)):
        t, source = v.type, schedule.sources[a]
        if rounds.kind(i) == CARRIED:
            far = -(-t.size * t.dtype.itemsize // ALIGNMENT) * ALIGNMENT // t.dtype.itemsize
            halves = Buffer(t.dtype, 2 * far)
            old, new = (Buffer(t.dtype, t.size, "block", base=halves) for _ in range(2))
            carried.append((old, new, far))
            given[v] = whole(old, t.shape)
            first = View(halves, 0, t.shape, row_major(t.shape))
            starts.append((source, first))
            ends.append(first._replace(offset=rounds.trip % 2 * far))
        elif rounds.kind(i) == SCANNED and isinstance(source, View):
            row = Buffer(t.dtype, t.size, "block", base=source.buffer)
            moved.append((row, source, source.strides[0]))
            given[v] = View(row, 0, t.shape, source.strides[1:])
        elif rounds.kind(i) == SCANNED:
            given[v] = Immediate(source.value, source.dtype, t.shape)
        else:
            given[v] = source
    rows = []
    for o in outputs[rounds.carry :]:
        t = o.type
        stack = whole(Buffer(t.dtype, rounds.trip * t.size), (rounds.trip, *t.shape))
        row = Buffer(t.dtype, t.size, "block", base=stack.buffer)
        moved.append((row, stack, t.size))
        rows.append(whole(row, t.shape))
        ends.append(stack)
    targets = [whole(new, o.type.shape) for (_, new, _), o in zip(carried, outputs, strict=False)]
    graph = Graph(body.inputs, tuple(outputs))
    inner = Schedule(
        graph, None, schedule.rules,
        given=given, targets=[*targets, *rows], constants=schedule.constants,
    )  # fmt: skip
    if _calls_back(inner.steps):
        return False
    for source, first in starts:
        schedule.copy(source, first)
        schedule.mark(first)
    sources = [s for s in (schedule.sources[a] for a in n.args[rounds.carry :]) if isinstance(s, View)]
    for s in sources:
        schedule.mark(s)
    sources += [first for _, first in starts]
    arena = Buffer(_BYTES, 0)
    repeat = Repeat(
        rounds.trip, rounds.reverse, inner.steps, inner.is_long, carried, moved, sources, ends, arena
    )
    schedule.step(repeat, ends)
    schedule.results(n, ends)
    return True


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


_BYTES = np.dtype(np.int8)
