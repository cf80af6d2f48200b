"""Phases: in which order the steps of a strip can run block by block.

Within a phase, each place along the axis needs its own place alone of what the phase makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from .plan import Buffer, Indirect, Nest, Product, Statement, Step, Straight, Strip, View


@dataclass(eq=False)
class Access:
    """One view of a step, and how far it moves with a place along the axis."""

    view: View
    stride: int
    writes: bool


class Item:
    """A step, with its axis of the length in question, if it has one."""

    def __init__(self, step: Step, size: int, origin: int) -> None:
        self.step = step
        #: The number of the step that it is, or is a part of.
        self.origin = origin
        self.axes: list[Any] = _candidates(step, size)
        self.axis: Any = self.axes[0] if self.axes else None
        self.phase = 0


def phased(steps: Sequence[Step], size: int) -> list[Item]:
    """The steps with their phases. Parts of a nest that belong to several become nests of their own."""
    parts = [Item(part, size, k) for k, s in enumerate(steps) for part in _parts(s)]
    assign_phases(parts, size)
    items: dict[Any, Item] = {}
    for part in parts:
        key = (part.origin, part.phase, part.axis)
        whole = items.setdefault(key, part)
        if whole is not part:
            assert isinstance(whole.step, Nest)
            assert isinstance(part.step, Nest)
            whole.step.statements.extend(part.step.statements)
    return list(items.values())


def _parts(step: Step) -> list[Step]:
    """A nest as nests of statements that have to do with each other."""
    if not isinstance(step, Nest) or len(step.statements) == 1:
        return [step]
    root: dict[Any, Any] = {}

    def find(x: Any) -> Any:
        while root.setdefault(x, x) is not x:
            root[x] = root[root[x]]
            x = root[x]
        return x

    for s in step.statements:
        target = s.target.view if isinstance(s.target, Indirect) else s.target
        for other in (*_within(s), None if target is None else target.buffer):
            if isinstance(other, Statement | Buffer):
                root[find(other)] = find(s)
    groups: dict[Any, list[Statement]] = {}
    for s in step.statements:
        groups.setdefault(find(s), []).append(s)
    return [Nest(step.domain, statements) for statements in groups.values()]


def _within(s: Statement) -> Iterator[Any]:
    for r in (*s.reads, s.target):
        if isinstance(r, Indirect):
            yield from (i for i, _, _ in r.indices)
        else:
            yield r


def _candidates(step: Step, size: int) -> list[Any]:
    if isinstance(step, Nest):
        return [k for k, n in enumerate(step.domain) if n == size]
    if isinstance(step, Product):
        return [
            c for c, n in step.lengths.items() if n == size and any(c in s for s in step.letters)
        ]
    return []


def accesses(step: Step, axis: Any) -> Iterator[Access]:
    """The views of a step of a kind that may be in a strip."""
    if isinstance(step, Nest | Straight):
        for s in step.statements:
            for r in (*s.reads, *([s.target] if s.stored else [])):
                yield from _of_read(r, axis, r is s.target)
    elif isinstance(step, Product):
        views = (step.left, step.right, step.target)
        for letters, v in zip(step.letters, views, strict=True):
            stride = sum(n for c, n in zip(letters, v.strides, strict=True) if c == axis)
            yield Access(v, stride, v is step.target)


def _of_read(r: Any, axis: int | None, writes: bool) -> Iterator[Access]:
    if isinstance(r, View):
        yield Access(r, 0 if axis is None else r.strides[axis], writes)
    elif isinstance(r, Indirect):
        yield Access(reach(r), 0 if axis is None else r.view.strides[axis], writes)
        for i, _, _ in r.indices:
            yield from _of_read(i, axis, False)


def reach(r: Indirect) -> View:
    """All that an indirect access may show: a view with an axis more for each index array."""
    shape = (*r.view.shape, *(n for _, _, n in r.indices))
    strides = (*r.view.strides, *(s for _, s, _ in r.indices))
    return r.view._replace(shape=shape, strides=strides)


def touched(step: Step) -> Iterator[tuple[Buffer, bool]]:
    """The buffers of any step, and whether it writes to them."""
    if isinstance(step, Nest | Straight | Product):
        for a in accesses(step, None):
            yield a.view.buffer, a.writes
    else:
        assert not isinstance(step, Strip), "strips are made once"
        for v in step.sources:
            if isinstance(v, View):
                yield v.buffer, False
        for t in step.targets:
            if t is not None:
                yield t.buffer, True


def assign_phases(items: list[Item], size: int) -> None:
    """Give each step its phase, and each that has several axes of the length the one that fits."""
    made: dict[Buffer, tuple[int, int | None]] = {}  # phase, stride along the axis
    used: dict[Buffer, int] = {}  # the last phase that reads it
    for item in items:
        seen = list(touched(item.step))
        phase = 0
        if item.axes:
            item.axis = _fitting(item, made)
            for a in accesses(item.step, item.axis):
                phase = max(phase, _after(a, made, size))
                if a.writes:
                    phase = max(phase, used.get(a.view.buffer, 0))
            for a in accesses(item.step, item.axis):
                b = a.view.buffer
                if a.writes:
                    whole_axis = a.stride if a.stride and is_local(a.view, a.stride, size) else None
                    before = made.get(b)
                    if before is not None and before[0] == phase and before[1] != whole_axis:
                        whole_axis = None
                    made[b] = (phase, whole_axis)
        else:
            for b, writes in seen:
                if b in made:
                    p, stride = made[b]
                    phase = max(phase, p if stride == -1 else p + 1)
                if writes:
                    phase = max(phase, used.get(b, 0))
            for b, writes in seen:
                if writes:
                    made[b] = (phase, -1)
        item.phase = phase
        for b, writes in seen:
            if not writes:
                used[b] = max(used.get(b, 0), phase + (1 if item.axes else 0))


def _after(a: Access, made: dict[Buffer, tuple[int, int | None]], size: int) -> int:
    """The first phase in which an access finds what it needs."""
    found = made.get(a.view.buffer)
    if found is None:
        return 0
    phase, stride = found
    if stride == -1:  # made by a step outside of strips, before the strip of its phase
        return phase
    if stride is not None and stride == a.stride and is_local(a.view, stride, size):
        return phase
    if a.writes and a.stride == 0 and stride is None:  # added to what is added up
        return phase
    return phase + 1


def _fitting(item: Item, made: dict[Buffer, tuple[int, int | None]]) -> Any:
    """The axis along which a step moves as what it reads was made."""
    for axis in item.axes:
        for a in accesses(item.step, axis):
            found = made.get(a.view.buffer)
            if found is not None and found[1] is not None and found[1] == a.stride:
                return axis
    return item.axes[0]


def is_local(v: View, stride: int, size: int) -> bool:
    """Whether a view that moves by ``stride`` along the axis stays in its place along it."""
    period = stride * size
    if stride <= 0 or v.buffer.size % period or (v.offset % period) >= stride:
        return False
    along = 0
    for n, s in zip(v.shape, v.strides, strict=True):
        if s == 0 or n == 1:
            continue
        if s == stride:
            along += 1
            if along > 1:  # an index moves along it too
                return False
            continue
        if s < 0 or not (s % period == 0 or s * n <= stride):
            return False
    return True


def readers_of(
    items: list[Item], kept: Sequence[Buffer], inside: AbstractSet[Buffer] | None
) -> dict[Buffer, set[int]]:
    """The phases in which each buffer is touched; -1 if it is from elsewhere or read at the end."""
    found: dict[Buffer, set[int]] = {b: {-1} for b in kept}
    for i in items:
        for b, _ in touched(i.step):
            where = i.phase if i.axis is not None else -1
            found.setdefault(b, set()).add(where)
            if b.place != "scratch" or (inside is not None and b not in inside):
                found[b].add(-1)
    return found
