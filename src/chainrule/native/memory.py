"""The memory plan: which scratch buffers share room in the workspace, by when they are in use."""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterable, Sequence
from typing import Any

from .plan import Buffer, Callback, Indirect, Library, Nest, Product, Step, Straight, Strip, View

#: Every buffer begins at a multiple of this many bytes.
ALIGNMENT = 64


def touched(step: Step) -> Iterable[Buffer]:
    """The buffers that a step reads or writes."""
    match step:
        case Nest() | Straight():
            for s in step.statements:
                for r in s.reads:
                    yield from _buffers(r)
                if s.stored and s.target is not None:
                    yield from _buffers(s.target)
        case Product():
            yield from (step.left.buffer, step.right.buffer, step.target.buffer)
        case Strip():
            yield step.arena
            for inner in (*step.steps, *step.rest):
                for b in touched(inner):
                    yield b
                    while b.base is not None:
                        b = b.base
                        yield b
        case Library():
            yield from (v.buffer for v in (*step.sources, *step.targets))
            yield step.scratch
        case Callback():
            for v in (*step.sources, *step.targets):
                if isinstance(v, View):
                    yield v.buffer


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
            if b.place == "scratch" and (only is None or b in only):
                first.setdefault(b, k)
                last[b] = k
    for b in kept:
        if b.place == "scratch":
            first.setdefault(b, 0)
            last[b] = len(steps)
    starts: dict[int, list[Buffer]] = {}
    ends: dict[int, list[Buffer]] = {}
    for b, k in first.items():
        starts.setdefault(k, []).append(b)
        ends.setdefault(last[b], []).append(b)
    free: list[tuple[int, int]] = []  # (offset, bytes), by offset
    top = 0
    for k in range(len(steps) + 1):
        for b in starts.get(k, ()):
            top = _take(b, free, top)
        for b in ends.get(k, ()):
            _give(free, b.index, _rounded(b.nbytes))
    return top


def _rounded(n: int) -> int:
    return max(-(-n // ALIGNMENT), 1) * ALIGNMENT


def _take(b: Buffer, free: list[tuple[int, int]], top: int) -> int:
    """Place a buffer in the smallest gap that holds it, or on top."""
    need = _rounded(b.nbytes)
    fits = [(size, offset) for offset, size in free if size >= need]
    if fits:
        size, offset = min(fits)
        free.remove((offset, size))
        if size > need:
            insort(free, (offset + need, size - need))
        b.index = offset
        return top
    if free and sum(free[-1]) == top:  # the last gap, made longer
        offset, _ = free.pop()
        b.index = offset
        return offset + need
    b.index = top
    return top + need


def _give(free: list[tuple[int, int]], offset: int, size: int) -> None:
    """Return a range, joined with the gaps beside it."""
    insort(free, (offset, size))
    k = free.index((offset, size))
    for at in (k, k - 1):
        if 0 <= at < len(free) - 1 and sum(free[at]) == free[at + 1][0]:
            free[at : at + 2] = [(free[at][0], free[at][1] + free[at + 1][1])]
