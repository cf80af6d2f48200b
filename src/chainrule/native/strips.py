"""Strips: steps that share a long axis, done block by block so that what they make stays in cache.

A program over ``N`` points reads each array once, not once for every operation. Steps are put in
phases: within one, each place along the axis needs its own place alone of what the phase makes; a
result that needs all places (a sum over the axis) is there for the next phase. What is made and
read within a phase shrinks to a block of the axis. If the other axes fill vectors badly, blocks are
laid out with the long axis last, and it runs in the lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import numpy as np

from .axes import work_of
from .memory import ALIGNMENT, assign
from .phases import Item, accesses, is_local, phased, readers_of, touched
from .plan import (
    Buffer,
    Immediate,
    Indirect,
    Nest,
    Product,
    Shape,
    Statement,
    Step,
    Strip,
    View,
    count,
    whole,
)
from .registers import neutral
from .text import Machine

#: Bytes that what a block makes may take: most of the first cache, or a part of the second.
_NEAREST = 3 << 13
_NEAR = 1 << 18

#: Below this many bytes all is close anyway.
_CLOSE = 1 << 15


def stripped(
    steps: list[Step],
    machine: Machine,
    kept: Sequence[Buffer] = (),
    *,
    inside: AbstractSet[Buffer] | None = None,
    taken: int = 0,
) -> list[Step]:
    """The steps, those that gain by it gathered in strips; ``kept`` are read after the last.

    ``inside`` a block, whose own buffers these are, it is one place at a time, along another axis
    than the one whose blocks have the length ``taken``.
    """
    size = _longest(steps, machine, inside, taken)
    if size is None:
        return steps
    items = phased(steps, size)
    last = max(i.phase for i in items)
    result: list[Step] = []
    readers = readers_of(items, kept, inside)
    for p in range(last + 1):
        result.extend(i.step for i in items if i.phase == p and i.axis is None)
        group = [i for i in items if i.phase == p and i.axis is not None]
        if group:
            result.extend(_Block(group, size, machine, readers, inside is not None).steps())
    return result


def _longest(
    steps: Sequence[Step], machine: Machine, inside: AbstractSet[Buffer] | None, taken: int
) -> int | None:
    """The length along which most is done, if it is worth while."""
    weights: dict[int, float] = {}
    nbytes: dict[int, int] = {}
    for s in steps:
        if isinstance(s, Nest):
            work = count(s.domain) * sum(work_of(t) for t in s.statements)
            lengths = set(s.domain)
        elif isinstance(s, Product):
            work = count(tuple(s.lengths[c] for c in set("".join(s.letters))))
            lengths = {s.lengths[c] for c in set("".join(s.letters))}
        else:
            continue
        made = sum(
            b.nbytes
            for b, writes in touched(s)
            if writes and (b.place == "scratch" if inside is None else b in inside)
        )
        for n in lengths:
            weights[n] = weights.get(n, 0) + work
            nbytes[n] = nbytes.get(n, 0) + made
    if inside is not None:  # the outermost axis but for the one in the lanes
        nests = [s.domain for s in steps if isinstance(s, Nest) and len(s.domain) > 2]
        ours = {n for d in nests for n in d} - {taken}
        options = [
            (w * n, n) for n, w in weights.items() if n in ours and n >= 4 and nbytes[n] > _CLOSE
        ]
    else:
        least = 4 * machine.lanes("double")
        options = [
            (w * min(n, 4096), n) for n, w in weights.items() if n >= least and nbytes[n] > _CLOSE
        ]
    return max(options)[1] if options else None


class _Block:
    """The making of one strip."""

    def __init__(
        self,
        items: list[Item],
        size: int,
        machine: Machine,
        readers: dict[Buffer, set[int]],
        inside: bool,
    ) -> None:
        self.inside = inside
        self.items = items
        self.size = size
        self.machine = machine
        #: Buffers that live in one block, with their stride along the axis.
        self.inner: dict[Buffer, int] = {}
        for i in items:
            for a in accesses(i.step, i.axis):
                b = a.view.buffer
                if readers[b] == {i.phase} and a.stride and is_local(a.view, a.stride, size):
                    self.inner[b] = a.stride
        for i in items:  # all its views must be local
            for a in accesses(i.step, i.axis):
                b = a.view.buffer
                t = self.inner.get(b)
                if t is not None and (a.stride != t or not is_local(a.view, t, size)):
                    del self.inner[b]

    def steps(self) -> list[Step]:
        """The strip, after what must be in place before it."""
        per_place = sum(b.nbytes for b in self.inner) / self.size
        if per_place * self.size <= _CLOSE:
            return [i.step for i in self.items]
        self.last = not self.inside and self._lanes_last()
        length = 1 if self.inside else self._length(per_place)
        if length >= self.size and not self.last:
            return [i.step for i in self.items]
        made = self.made(length)
        if length < self.size and not self.inside:
            longer = self._length(made[-1].arena.size / length)  # type: ignore[union-attr]
            if longer >= 1.5 * length and longer < self.size:
                made = self.made(longer)
        return made

    def made(self, length: int) -> list[Step]:
        """The strip in blocks of ``length`` places."""
        self.length = length
        self.moved: dict[tuple[Buffer, int], Buffer] = {}
        before: list[Step] = []
        for i in self.items:
            before.extend(self._reset(i))
        trips, rest = divmod(self.size, length)
        arena = Buffer(np.dtype(np.int8), 0)
        full = self._placed(length, arena)
        short = self._placed(rest, arena) if rest else []
        moved = [(b, stride) for (_, stride), b in self.moved.items()]
        return [*before, Strip(trips, length, full, short, moved, arena)]

    def _placed(self, length: int, arena: Buffer) -> list[Step]:
        """The steps of one block, and what lives in it in its place in the arena.

        The last, shorter block has buffers of its own: its steps may come in another order.
        """
        self.shrunk: dict[Buffer, Buffer] = {
            b: Buffer(b.dtype, b.size // self.size * self.length) for b in self.inner
        }
        self.packed: dict[Any, tuple[View, View]] = {}
        steps = self._steps(length)
        ours = {*self.shrunk.values(), *(t.buffer for _, t in self.packed.values())}
        if self.last:
            steps = stripped(steps, self.machine, inside=ours, taken=length)
        ours |= {s.arena for s in steps if isinstance(s, Strip)}
        size = assign(steps, only=ours)
        arena.size = max(arena.size, -(-size // ALIGNMENT) * ALIGNMENT)
        for b in ours:
            b.place, b.base = "part", arena
        return steps

    def _length(self, per_place: float) -> int:
        """Places in a block: as many as stay close; if it can be, a divisor of all."""
        lanes = self.machine.lanes("double")
        most: int = int(_NEAREST / max(per_place, 1.0))
        if most < 4 * lanes:
            most = int(_NEAR / (per_place + self._read_again()))
            if most < 2 * lanes and 2 * lanes * per_place < 4 * _NEAR:
                most = 2 * lanes
        else:
            most = max(4 * lanes, min(most, int(_NEAR / (per_place + self._read_again()))))
        most = max(lanes, min(most // lanes * lanes, 1024))
        if most >= self.size:
            return self.size
        if self.last:
            most -= lanes * (most % (8 * lanes) == 0)  # rows of a power of two meet in one set
        nearby: list[int] = [*range(most, most * 3 // 2, lanes), *range(most, most // 2, -lanes)]
        for n in nearby:
            if self.size % n == 0 and not (self.last and n % (8 * lanes) == 0):
                return n
        return most

    def _read_again(self) -> float:
        """Bytes for each place of arrays from elsewhere that several steps read."""
        readers: dict[Any, set[int]] = {}
        for k, i in enumerate(self.items):
            for a in accesses(i.step, i.axis):
                if a.stride and a.view.buffer not in self.inner:
                    readers.setdefault(a.view.buffer, set()).add(k)
        again = (b.nbytes for b, steps in readers.items() if len(steps) > 1)
        return float(sum(again)) / self.size

    def _lanes_last(self) -> bool:
        """Whether it costs less to have the lanes run along this axis than along the others.

        These may fill vectors badly, and what is added up along them is added across lanes; but an
        array from elsewhere must be transposed, block by block.
        """
        lanes = self.machine.lanes("double")
        across = along = 0.0
        packed: set[Any] = set()
        for i in self.items:
            step = i.step
            if isinstance(step, Nest):
                inner = [m for k, m in enumerate(step.domain) if k != i.axis and m > 1]
                work = count(step.domain) * sum(work_of(s) for s in step.statements)
                last = inner[-1] if inner else None
                sums = any(s.reduce and len(step.domain) - 1 in s.axes for s in step.statements)
            else:
                assert isinstance(step, Product)
                names = set("".join(step.letters))
                work = float(count(tuple(step.lengths[c] for c in names)))
                last = max((step.lengths[c] for c in names if c != i.axis), default=None)
                sums = False
            for a in accesses(step, i.axis):
                v = a.view
                if a.stride not in (0, 1) and v.buffer not in self.inner and not a.writes:
                    key = (v.buffer, v.offset, frozenset(zip(v.shape, v.strides, strict=True)))
                    if key not in packed:
                        packed.add(key)
                        shape = [n for n, s in zip(v.shape, v.strides, strict=True) if s]
                        along += 3 * count(tuple(shape))
            if last is None:
                continue
            along += work
            vectors = -(-last // lanes)
            across += work * vectors * lanes / last * ((vectors + 3) / vectors if sums else 1.0)
        return along < 0.9 * across

    # -- views -----------------------------------------------------------------------------------

    def _strides(self, v: View, t: int, length: int) -> View:
        """A view of what lives in a block, in the block's layout."""
        period = t * self.size
        outer = t * self.length
        offset = v.offset // period * outer + v.offset % period * (self.length if self.last else 1)
        strides = tuple(
            self._stride(s, t) if n > 1 or s == t else 0
            for n, s in zip(v.shape, v.strides, strict=True)
        )
        return View(self.shrunk[v.buffer], offset, v.shape, strides)

    def _stride(self, s: int, t: int) -> int:
        """A stride in the block's layout, of a buffer whose stride along the axis is ``t``."""
        if s == t:
            return 1 if self.last else t
        if s % (t * self.size) == 0:
            return s // self.size * self.length
        return s * self.length if self.last else s

    def _seen(self, v: View, stride: int, shape: Shape, length: int, axis: Any) -> View:
        """A view as a block sees it."""
        t = self.inner.get(v.buffer)
        if t is not None:
            return self._strides(v, t, length)._replace(shape=shape)
        if stride == 0:
            return v._replace(shape=shape)
        key = (v.buffer, stride)
        alias = self.moved.get(key)
        if alias is None:
            alias = self.moved[key] = Buffer(v.dtype, v.buffer.size, "block", base=v.buffer)
        return View(alias, v.offset, shape, v.strides)

    def _steps(self, length: int) -> list[Step]:
        self.packs: list[Step] = []
        steps: list[Step] = []
        self._done: set[Any] = set()
        for i in self.items:
            made = self._nest(i, length) if isinstance(i.step, Nest) else self._product(i, length)
            steps.extend(self.packs)
            self.packs = []
            steps.append(made)
        return steps

    def _pack(self, v: View, axis: int, length: int) -> View:
        """A view from outside with the axis last, copied once for all that read it in a block."""
        if not self.last or v.buffer.place != "block" or v.strides[axis] == 1:
            return v
        dims = [
            (n, s)
            for k, (n, s) in enumerate(zip(v.shape, v.strides, strict=True))
            if s and n > 1 and k != axis
        ]
        shape = (*(n for n, _ in dims), length)
        key = (v.buffer, v.offset, tuple(dims), v.strides[axis])
        found = self.packed.get(key)
        full = (*(n for n, _ in dims), self.length)
        if found is None:
            target = whole(Buffer(v.dtype, count(full)), full)
            self.packed[key] = found = (v, target)
        target = found[1]._replace(shape=shape)
        if key not in self._done:
            self._done.add(key)
            source = View(v.buffer, v.offset, shape, (*(s for _, s in dims), v.strides[axis]))
            copy = Statement("copy", [source], v.dtype, target=target, stored=True)
            self.packs.append(Nest(shape, [copy]))
        strides = iter(target.strides)
        return View(
            target.buffer, 0, v.shape,
            tuple(
                1 if k == axis else next(strides) if s and n > 1 else 0
                for k, (n, s) in enumerate(zip(v.shape, v.strides, strict=True))
            ),
        )  # fmt: skip

    def _nest(self, item: Item, length: int) -> Nest:
        nest, axis = item.step, item.axis
        assert isinstance(nest, Nest)
        domain = (*nest.domain[:axis], length, *nest.domain[axis + 1 :])
        copies: dict[Statement, Statement] = {}

        def seen(r: Any) -> Any:
            if isinstance(r, Statement):
                return copies[r]
            if isinstance(r, Immediate):
                return r._replace(shape=domain)
            if isinstance(r, Indirect):
                view = self._seen(r.view, r.view.strides[axis], domain, length, axis)
                t = self.inner.get(r.view.buffer)
                return Indirect(
                    view,
                    [
                        (seen(s), stride if t is None or n == 1 else self._stride(stride, t), n)
                        for s, stride, n in r.indices
                    ],
                )
            return self._seen(r, r.strides[axis], domain, length, axis)

        def read(r: Any) -> Any:
            v = seen(r)
            return self._pack(v, axis, length) if isinstance(v, View) else v

        for s in nest.statements:
            target = s.target
            # What nothing reads from memory has no place in it.
            target = seen(target) if target is not None and (s.stored or s.reduce) else None
            copies[s] = replace(
                s,
                reads=[read(r) for r in s.reads],
                target=target,
                adds=s.adds or (bool(s.reduce) and axis in s.axes),
            )
        return Nest(domain, list(copies.values()))

    def _product(self, item: Item, length: int) -> Product:
        p, axis = item.step, item.axis
        assert isinstance(p, Product)
        lengths = {**p.lengths, axis: length}
        views = []
        for letters, v in zip(p.letters, (p.left, p.right, p.target), strict=True):
            shape = tuple(lengths[c] for c in letters)
            stride = sum(n for c, n in zip(letters, v.strides, strict=True) if c == axis)
            x = self._seen(v, stride, shape, length, axis)
            if axis in letters and v is not p.target:
                x = self._pack(x, letters.index(axis), length)
            views.append(x)
        adds = p.adds or axis not in p.letters[2]
        return Product(views[0], views[1], views[2], p.letters, lengths, adds)

    # -- before and around -----------------------------------------------------------------------

    def _reset(self, item: Item) -> list[Step]:
        """Neutral elements where the strip adds up."""
        step, axis = item.step, item.axis
        fills: list[Step] = []
        if isinstance(step, Product):
            if axis not in step.letters[2] and not step.adds:
                fills.append(_filled(step.target, 0.0))
        elif isinstance(step, Nest):
            sums = [s for s in step.statements if s.reduce and axis in s.axes and not s.adds]
            fills.extend(reset(step, s) for s in sums)
        return fills


def reset(nest: Nest, s: Statement) -> Nest:
    """The neutral element where a nest is going to put a reduction together in memory."""
    t = s.target
    assert isinstance(t, View)
    kept = [k for k in range(len(nest.domain)) if k not in s.axes]
    shape = tuple(nest.domain[k] for k in kept)
    target = View(t.buffer, t.offset, shape, tuple(t.strides[k] for k in kept))
    return _filled(target, neutral(s.reduce, s.dtype))


def _filled(target: View, value: Any) -> Nest:
    start = Immediate(value, target.dtype, target.shape)
    return Nest(
        target.shape, [Statement("copy", [start], target.dtype, target=target, stored=True)]
    )


def divided(step: Nest | Product, axis: Any, size: int, length: int, machine: Machine) -> list[Step]:
    """A step by itself as a strip along one axis, after what must be in place before it."""
    item = Item(step, size, 0)
    item.axis = axis
    block = _Block([item], size, machine, readers_of([item], (), frozenset()), False)
    block.last = False
    return block.made(length)
