"""The memory plan: which scratch buffers share room in the workspace, by when they are in use."""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from .plan import (
    Buffer,
    Callback,
    Indirect,
    Library,
    Nest,
    Product,
    Repeat,
    Scan,
    Statement,
    Step,
    Straight,
    Strip,
    View,
)

#: Every buffer begins at a multiple of this many bytes.
ALIGNMENT = 64


def touched(step: Step) -> Iterable[Buffer]:
    """The buffers that a step reads or writes."""
    match step:
        case Straight():
            yield from _of_straight(step)
        case Nest():
            for s in step.statements:
                for r in s.reads:
                    yield from _buffers(r)
                if s.stored and s.target is not None:
                    yield from _buffers(s.target)
        case Product():
            yield from (step.left.buffer, step.right.buffer, step.target.buffer)
        case Strip():
            yield step.arena
            if step.guard is not None:
                yield step.guard.buffer
            for inner in (*step.steps, *step.rest):
                for b in touched(inner):
                    yield b
                    while b.base is not None:
                        b = b.base
                        yield b
        case Repeat():
            yield step.arena
            yield from (v.buffer for v in (*step.sources, *step.targets))
        case Scan():
            yield from (v.buffer for v in (*step.sources, step.target))
        case Library():
            yield from (v.buffer for v in (*step.sources, *step.targets))
            yield step.scratch
        case Callback():
            for v in (*step.sources, *step.targets):
                if isinstance(v, View):
                    yield v.buffer


def _of_straight(step: Straight) -> Iterable[Buffer]:
    """What is in memory: not what is made and used in registers alone."""
    inner = {s.target.buffer for s in step.statements if isinstance(s.target, View)}
    inner.difference_update(
        s.target.buffer for s in step.statements if s.stored and isinstance(s.target, View)
    )
    inner = {b for b in inner if b.size <= step.most}
    for s in step.statements:
        for r in (*s.reads, s.target):
            if isinstance(r, View) and r.buffer not in inner:
                yield r.buffer


def _buffers(r: Any) -> Iterable[Buffer]:
    if isinstance(r, View):
        yield r.buffer
    elif isinstance(r, Indirect):
        yield r.view.buffer
        for i, _, _ in r.indices:
            yield from _buffers(i)


def assign(
    steps: Sequence[Step], kept: Iterable[Buffer] = (), only: Container[Buffer] | None = None
) -> int:
    """Give every scratch buffer its place; how many bytes they take together.

    A buffer holds its place from the first step that touches it to the last. Those ``kept`` are
    read after the last step. ``only`` some buffers may be meant.
    """
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for k, step in enumerate(steps):
        for b in touched(step):
            if b.place == "output" or (b.place == "scratch" and (only is None or b in only)):
                first.setdefault(b, k)
                last[b] = k
    for b in kept:
        if b.place == "scratch":
            first.setdefault(b, 0)
            last[b] = len(steps)
    heirs = inherited(steps, first, last)
    for b, heir in heirs.items():
        root = _root(heir, heirs)
        first[root] = min(first[root], first[b])
        last[root] = max(last[root], last[b])
    starts: dict[int, list[Buffer]] = {}
    ends: dict[int, list[Buffer]] = {}
    for b, k in first.items():
        if b in heirs or b.place == "output":
            continue
        starts.setdefault(k, []).append(b)
        ends.setdefault(last[b], []).append(b)
    room = _Room()
    for k in sorted({*starts, *ends}):
        for b in starts.get(k, ()):
            b.index = room.take(_rounded(b.nbytes))
        for b in ends.get(k, ()):
            room.give(b.index, _rounded(b.nbytes))
    for b, heir in heirs.items():
        root = _root(heir, heirs)
        b.place, b.index = root.place, root.index
    return room.top


def _root(b: Buffer, heirs: dict[Buffer, Buffer]) -> Buffer:
    while b in heirs:
        b = heirs[b]
    return b


def inherited(
    steps: Sequence[Step], first: dict[Buffer, int], last: dict[Buffer, int]
) -> dict[Buffer, Buffer]:
    """Buffers whose room their reader takes over: it writes each element where it has just read it."""
    heirs: dict[Buffer, Buffer] = {}
    for k, step in enumerate(steps):
        if not isinstance(step, Nest):
            continue
        reads: dict[Buffer, set[View]] = {}
        writes: dict[Buffer, list[Statement]] = {}
        for s in step.statements:
            for r in s.reads:
                for v in _views(r):
                    reads.setdefault(v.buffer, set()).add(v)
            if s.stored and s.target is not None:
                for v in _views(s.target):
                    writes.setdefault(v.buffer, []).append(s)
        free = [
            b
            for b, views in reads.items()
            if last.get(b) == k and first[b] < k and b.place == "scratch" and b not in writes
            and all(v.is_whole and v.shape == step.domain for v in views)
        ]  # fmt: skip
        for heir, statements in writes.items():
            if first.get(heir) != k or heir in reads or len(statements) > 1:
                continue
            (s,) = statements
            t = s.target
            if (
                s.reduce
                or s.adds
                or not (isinstance(t, View) and t.is_whole and t.shape == step.domain)
            ):
                continue
            for b in free:
                if b.dtype == heir.dtype and b.size == heir.size:
                    heirs[b] = heir
                    free.remove(b)
                    break
    return heirs


def _views(r: Any) -> Iterable[View]:
    if isinstance(r, View):
        yield r
    elif isinstance(r, Indirect):
        yield r.view
        for i, _, _ in r.indices:
            yield from _views(i)


def _rounded(n: int) -> int:
    return max(-(-n // ALIGNMENT), 1) * ALIGNMENT


class _Room:
    """Which ranges of the workspace are free."""

    def __init__(self) -> None:
        self.top = 0
        #: Ranges of the size of the smallest, which there may be very many of, wait for their like.
        self._small: dict[int, list[int]] = {}
        self._free: list[tuple[int, int]] = []  # (offset, bytes), by offset

    def take(self, need: int) -> int:
        """The smallest gap that holds so many bytes, or what is on top."""
        waiting = self._small.get(need)
        if waiting:
            return waiting.pop()
        fits = [(size, offset) for offset, size in self._free if size >= need]
        if fits:
            size, offset = min(fits)
            self._free.remove((offset, size))
            if size > need:
                insort(self._free, (offset + need, size - need))
            return offset
        if self._free and sum(self._free[-1]) == self.top:  # the last gap, made longer
            offset, _ = self._free.pop()
        else:
            offset = self.top
        self.top = offset + need
        return offset

    def give(self, offset: int, size: int) -> None:
        """Return a range, joined with the gaps beside it."""
        if size <= 4 * ALIGNMENT:
            self._small.setdefault(size, []).append(offset)
            return
        free = self._free
        insort(free, (offset, size))
        k = free.index((offset, size))
        for at in (k, k - 1):
            if 0 <= at < len(free) - 1 and sum(free[at]) == free[at + 1][0]:
                free[at : at + 2] = [(free[at][0], free[at][1] + free[at + 1][1])]


def begin(steps: Sequence[Step]) -> None:
    """Tell code without loops which buffers an earlier step has written a part of.

    Only now is it known: statements join earlier steps as they come.
    """
    written: set[Buffer] = set()
    for step in steps:
        made = {v.buffer for v in _written(step)}
        if isinstance(step, Straight):
            step.begun = made & written
        written |= made


def _written(step: Step) -> Iterator[View]:
    match step:
        case Nest() | Straight():
            for s in step.statements:
                if isinstance(s.target, Indirect):
                    yield s.target.view
                elif s.target is not None:
                    yield s.target
        case Product():
            yield step.target
        case Scan() | Library() | Callback() | Repeat():
            yield from (t for t in step.targets if t is not None)
