"""What must hold of the steps of any executable: every access in its buffer, every buffer its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.native.plan import (
    Buffer,
    Callback,
    Indirect,
    Library,
    Nest,
    Product,
    Scan,
    Step,
    Straight,
    Strip,
    View,
)


def assert_sound(executable: Any) -> None:
    """Raise unless the steps of an executable keep to the memory that is theirs."""
    _Check(executable.workspace, executable.steps, len(executable.outputs))


def strips_of(steps: Sequence[Step]) -> Iterator[Strip]:
    """The strips among some steps, those inside of others too."""
    for s in steps:
        if isinstance(s, Strip):
            yield s
            yield from strips_of(s.steps)
            yield from strips_of(s.rest)


def accesses(step: Step) -> Iterator[tuple[View, bool, int, int]]:
    """The views in memory of a step, whether it writes there, and how far index arrays reach."""
    match step:
        case Nest() | Straight():
            for s in step.statements:
                for r in s.reads:
                    if isinstance(r, View | Indirect):
                        yield from _indirect(r, False)
                if s.target is not None and (s.stored or s.reduce):
                    if s.adds:
                        yield from _indirect(s.target, False)
                    yield from _indirect(s.target, True)
        case Product():
            yield step.left, False, 0, 0
            yield step.right, False, 0, 0
            if step.adds:
                yield step.target, False, 0, 0
            yield step.target, True, 0, 0
        case Scan() | Library() | Callback():
            for v in step.sources:
                if isinstance(v, View):
                    yield v, False, 0, 0
            for t in step.targets:
                if t is not None:
                    yield t, True, 0, 0


def _indirect(r: Any, writes: bool) -> Iterator[tuple[View, bool, int, int]]:
    if isinstance(r, View):
        yield r, writes, 0, 0
        return
    ends = [(n - 1) * stride for _, stride, n in r.indices]
    yield r.view, writes, sum(min(e, 0) for e in ends), sum(max(e, 0) for e in ends)
    for source, _, _ in r.indices:
        if isinstance(source, View | Indirect):
            yield from _indirect(source, False)


class _Check:
    def __init__(self, workspace: int, steps: Sequence[Step], outputs: int) -> None:
        self.workspace = workspace
        self.written: set[Buffer] = set()
        self.outputs = outputs
        lives: dict[Buffer, list[int]] = {}
        for k, step in enumerate(steps):
            for b in self._step(step, {}):
                lives.setdefault(b, [k, k])[1] = k
        for b in lives:
            assert b.place == "scratch"
            assert 0 <= b.index <= workspace - b.nbytes, "scratch outside of the workspace"
        _disjoint(lives)

    def _step(self, step: Step, moved: dict[Buffer, tuple[int, list[int]]]) -> set[Buffer]:
        """Check one step; gives the scratch buffers that it touches."""
        if isinstance(step, Strip):
            return self._strip(step, moved)
        touched: set[Buffer] = set()
        registers = set()
        if isinstance(step, Straight):
            targets = [s for s in step.statements if s.target is not None]
            registers = {s.target.buffer for s in targets if s.target.buffer.size <= step.most}
            registers -= {s.target.buffer for s in targets if s.stored}
        for view, writes, low, high in accesses(step):
            b = view.buffer
            if b in registers:
                continue
            self._within(view, low, high, moved)
            root = b
            while root.base is not None:
                root = root.base
            if root.place == "scratch":
                touched.add(root)
            owner = b
            while owner.place == "block":
                assert owner.base is not None
                owner = owner.base
            if owner.place in ("scratch", "part"):
                if writes:
                    self.written.add(owner)
                elif 0 not in view.shape and not isinstance(step, Straight):
                    mine = any(w and v.buffer is b for v, w, _, _ in accesses(step))
                    assert owner in self.written or mine, "read before anything was written"
            else:
                assert not writes or owner.place == "output", f"writes to {owner.place}"
        if isinstance(step, Library):
            touched.add(step.scratch)
        return touched

    def _within(
        self, view: View, low: int, high: int, moved: dict[Buffer, tuple[int, list[int]]]
    ) -> None:
        if 0 in view.shape:
            return
        first = view.offset + low
        last = view.offset + high
        for n, s in zip(view.shape, view.strides, strict=True):
            first += min((n - 1) * s, 0)
            last += max((n - 1) * s, 0)
        b = view.buffer
        while b.place == "block":
            stride, places = moved[b]
            ends = [p * stride for p in places]
            first, last = first + min(ends), last + max(ends)
            assert b.base is not None
            b = b.base
        size = b.size
        assert first >= 0, f"{view} begins before its buffer"
        assert last < size, f"{view} ends after its buffer"

    def _strip(self, strip: Strip, moved: dict[Buffer, tuple[int, list[int]]]) -> set[Buffer]:
        touched: set[Buffer] = set()
        if strip.arena.base is None:
            touched.add(strip.arena)
        end = strip.trips * strip.length
        blocks = [(strip.steps, [0, end - strip.length])] if strip.trips else []
        if strip.rest:
            blocks.append((strip.rest, [end]))
        for steps, places in blocks:
            seen = {**moved, **{b: (stride, places) for b, stride in strip.moved}}
            lives: dict[Buffer, list[int]] = {}
            for at, step in enumerate(steps):
                for b in self._step(step, seen):
                    if b is not strip.arena:
                        touched.add(b)
                for inner in _parts(step):
                    if inner.base is strip.arena:
                        lives.setdefault(inner, [at, at])[1] = at
            for b in lives:
                assert b.place == "part"
                assert 0 <= b.index <= strip.arena.size - b.nbytes, "a part outside of its arena"
            _disjoint(lives)
        return touched


def _parts(step: Step) -> Iterator[Buffer]:
    """The parts of arenas that a step touches."""
    if isinstance(step, Strip):
        yield step.arena
        for s in (*step.steps, *step.rest):
            yield from _parts(s)
        return
    for view, *_ in accesses(step):
        b: Buffer | None = view.buffer
        while b is not None:
            if b.place == "part":
                yield b
            b = b.base


def _disjoint(lives: dict[Buffer, list[int]]) -> None:
    """Raise if two that are in use at once overlap."""
    sorted_ = sorted(lives, key=lambda b: b.index)
    active: list[Buffer] = []
    for b in sorted_:
        active = [a for a in active if a.index + a.nbytes > b.index]
        for a in active:
            if b.nbytes and a.nbytes:
                early, late = sorted((a, b), key=lambda x: lives[x])
                apart = lives[early][1] < lives[late][0]
                # A result may be written where what it is made of was read for the last time.
                heir = lives[early][1] == lives[late][0] and (a.index, a.size) == (b.index, b.size)
                assert apart or heir, "two buffers in use at once overlap"
        active.append(b)
