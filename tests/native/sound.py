"""What must hold of the steps of any executable: every access in its buffer, every buffer its own."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chainrule.native import program
from chainrule.native.plan import (
    Buffer,
    Callback,
    Indirect,
    Library,
    Nest,
    Product,
    Repeat,
    Scan,
    Step,
    Straight,
    Strip,
    View,
)


def assert_sound(executable: Any) -> None:
    """Raise unless the steps of an executable keep to the memory that is theirs."""
    _Check(executable.workspace, executable.steps, len(executable.outputs))


@contextmanager
def checked() -> Iterator[None]:
    """Have `assert_sound` look at everything that is compiled."""
    before = program.compile_graph

    def compile_graph(*args: Any, **options: Any) -> Any:
        executable = before(*args, **options)
        assert_sound(executable)
        return executable

    program.compile_graph = compile_graph
    try:
        yield
    finally:
        program.compile_graph = before


def strips_of(steps: Sequence[Step]) -> Iterator[Strip]:
    """The strips among some steps, those inside of others too."""
    for s in steps:
        if isinstance(s, Strip):
            yield s
            yield from strips_of(s.steps)
            yield from strips_of(s.rest)
        elif isinstance(s, Repeat):
            yield from strips_of(s.steps)


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


def in_memory(step: Step) -> Iterator[tuple[View, bool, int, int]]:
    """The accesses but for those to what code without loops holds in registers."""
    registers: set[Buffer] = set()
    if isinstance(step, Straight):
        targets = [s for s in step.statements if isinstance(s.target, View)]
        registers = {s.target.buffer for s in targets if s.target.buffer.size <= step.most}
        registers -= {s.target.buffer for s in targets if s.stored}
    yield from (a for a in accesses(step) if a[0].buffer not in registers)


def _indirect(r: Any, writes: bool) -> Iterator[tuple[View, bool, int, int]]:
    if isinstance(r, View):
        yield r, writes, 0, 0
        return
    ends = [(n - 1) * stride for _, stride, n in r.indices]
    yield r.view, writes, sum(min(e, 0) for e in ends), sum(max(e, 0) for e in ends)
    for source, _, _ in r.indices:
        if isinstance(source, View | Indirect):
            yield from _indirect(source, False)


#: A buffer that moves: where it is at first, how far it goes at a time, and how often at least and most.
_Moved = dict[Buffer, tuple[int, int, list[int]]]


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
        _disjoint(lives, steps)

    def _step(self, step: Step, moved: _Moved) -> set[Buffer]:
        """Check one step; gives the scratch buffers that it touches."""
        if isinstance(step, Strip):
            return self._strip(step, moved)
        if isinstance(step, Repeat):
            return self._repeat(step, moved)
        touched: set[Buffer] = set()
        for view, writes, low, high in in_memory(step):
            b = view.buffer
            self._within(view, low, high, moved)
            root = _root(b)
            if root.place == "scratch":
                touched.add(root)
            owner = _owner(b)
            if owner.place in ("scratch", "part"):
                if writes:
                    self.written.add(owner)
                elif 0 not in view.shape and not isinstance(step, Straight):
                    mine = any(w and v.buffer is b for v, w, _, _ in accesses(step))
                    assert owner in self.written or mine, "read before anything was written"
            else:
                assert not writes or owner.place == "output", f"writes to {owner.place}"
        if isinstance(step, Library):
            touched.add(_root(step.scratch))
        return touched

    def _within(self, view: View, low: int, high: int, moved: _Moved) -> None:
        if 0 in view.shape:
            return
        first = view.offset + low
        last = view.offset + high
        for n, s in zip(view.shape, view.strides, strict=True):
            first += min((n - 1) * s, 0)
            last += max((n - 1) * s, 0)
        b = view.buffer
        while b.place == "block":
            start, stride, places = moved[b]
            ends = [start + p * stride for p in places]
            first, last = first + min(ends), last + max(ends)
            assert b.base is not None
            b = b.base
        size = b.size
        assert first >= 0, f"{view} begins before its buffer"
        assert last < size, f"{view} ends after its buffer"

    def _strip(self, strip: Strip, moved: _Moved) -> set[Buffer]:
        touched: set[Buffer] = set()
        if strip.arena.base is None:
            touched.add(strip.arena)
        end = strip.trips * strip.length
        blocks = [(strip.steps, [0, end - strip.length])] if strip.trips else []
        if strip.rest:
            blocks.append((strip.rest, [end]))
        for steps, places in blocks:
            seen = {**moved, **{b: (0, stride, places) for b, stride in strip.moved}}
            touched |= self._inside(steps, strip.arena, seen)
        return touched

    def _repeat(self, repeat: Repeat, moved: _Moved) -> set[Buffer]:
        """Check a loop: each trip finds what the one before made, and nothing else of it."""
        assert repeat.trips > 0, "a loop of no trips"
        last = repeat.trips - 1
        seen = dict(moved)
        for old, new, far in repeat.carried:
            assert old.base is new.base, "what is carried lies in two buffers"
            assert far >= max(old.size, new.size), "the halves of what is carried overlap"
            seen[old] = seen[new] = 0, far, [0, 1]
        for row, view, stride in repeat.moved:
            assert row.base is view.buffer, "a row of another array"
            seen[row] = view.offset, stride, [0, last]
        for v in repeat.sources:
            self._within(v, 0, 0, moved)
            owner = _owner(v.buffer)
            inside = owner.place in ("scratch", "part")
            assert not inside or owner in self.written, "a loop reads what was not written"
        for v in repeat.targets:
            self._within(v, 0, 0, moved)
        touched = self._inside(repeat.steps, repeat.arena, seen)
        if repeat.arena.base is None:
            touched.add(repeat.arena)
        self._trip(repeat, moved)
        return touched

    def _trip(self, repeat: Repeat, moved: _Moved) -> None:
        """Check what the steps of a trip read and write against what the loop says of itself."""
        olds = {old for old, _, _ in repeat.carried}
        news = {new for _, new, _ in repeat.carried}
        rows = {row for row, _, _ in repeat.moved}
        ours = {repeat.arena, *_arenas(repeat.steps)}
        moving = {*olds, *news, *rows, *moved}
        read: set[Buffer] = set()
        written: set[Buffer] = set()
        for step in _flat(repeat.steps):
            uses = [
                (_place(v.buffer, moving), writes)
                for v, writes, _, _ in in_memory(step)
                if (owner := _owner(v.buffer)).place != "constant" and owner.base not in ours
            ]
            written |= {b for b, writes in uses if writes}
            read |= {b for b, writes in uses if not writes and b not in written}
        assert written >= news, "a trip leaves what it found"
        assert not written & olds, "a trip changes what it was given"
        known = {_owner(v.buffer) for v in (*repeat.sources, *repeat.targets)}
        assert {_owner(b) for b in read | written} <= known, "a loop touches what it does not say"
        changed = {_owner(b) for b in written}
        assert changed.isdisjoint(map(_owner, read - olds)), "a trip reads where another one writes"

    def _inside(self, steps: Sequence[Step], arena: Buffer, moved: _Moved) -> set[Buffer]:
        """Check the steps inside of another, whose own buffers lie in an arena."""
        touched: set[Buffer] = set()
        lives: dict[Buffer, list[int]] = {}
        for at, step in enumerate(steps):
            touched |= self._step(step, moved) - {arena}
            for inner in _parts(step):
                if inner.base is arena:
                    lives.setdefault(inner, [at, at])[1] = at
        for b in lives:
            assert b.place == "part"
            assert 0 <= b.index <= arena.size - b.nbytes, "a part outside of its arena"
        _disjoint(lives, steps)
        return touched


def _root(b: Buffer) -> Buffer:
    """The buffer of the program that another one lies in."""
    while b.base is not None:
        b = b.base
    return b


def _owner(b: Buffer) -> Buffer:
    """What a block moves along."""
    while b.place == "block":
        assert b.base is not None
        b = b.base
    return b


def _place(b: Buffer, moving: Container[Buffer]) -> Buffer:
    """What a block of a strip moves along: something that itself moves, or what stays."""
    while b.place == "block" and b not in moving:
        assert b.base is not None
        b = b.base
    return b


def _arenas(steps: Sequence[Step]) -> Iterator[Buffer]:
    """The arenas of the steps inside of others."""
    for s in steps:
        if isinstance(s, Strip):
            yield s.arena
            yield from _arenas((*s.steps, *s.rest))
        elif isinstance(s, Repeat):
            yield s.arena
            yield from _arenas(s.steps)


def _flat(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps with those inside of others in the place of these."""
    for s in steps:
        if isinstance(s, Strip | Repeat):
            yield from _flat((*s.steps, *s.rest) if isinstance(s, Strip) else s.steps)
        else:
            yield s


def _parts(step: Step) -> Iterator[Buffer]:
    """The parts of arenas that a step touches."""
    if isinstance(step, Strip):
        yield step.arena
        for s in (*step.steps, *step.rest):
            yield from _parts(s)
        return
    if isinstance(step, Repeat):
        yield step.arena
        for s in step.steps:
            yield from _parts(s)
        return
    if isinstance(step, Library):
        yield step.scratch
    for view, *_ in in_memory(step):
        b: Buffer | None = view.buffer
        while b is not None:
            if b.place == "part":
                yield b
            b = b.base


def _disjoint(lives: dict[Buffer, list[int]], steps: Sequence[Step]) -> None:
    """Raise if two that are in use at once overlap."""
    sorted_ = sorted(lives, key=lambda b: b.index)
    active: list[Buffer] = []
    for b in sorted_:
        active = [a for a in active if a.index + a.nbytes > b.index]
        for a in active:
            if b.nbytes and a.nbytes:
                early, late = sorted((a, b), key=lambda x: lives[x])
                apart = lives[early][1] < lives[late][0]
                # A result may be written where what it is made of was read for the last time,
                # place by place: not by a step that comes back to what it has read.
                at = lives[late][0]
                heir = lives[early][1] == at and isinstance(steps[at], Nest)
                heir = heir and (a.index, a.size) == (b.index, b.size)
                assert apart or heir, "two buffers in use at once overlap"
        active.append(b)
