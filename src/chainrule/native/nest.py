"""Loops for a nest: the axes in order, one of them in vector lanes, reductions in registers.

Each value is computed at the outermost loop in which all that it depends on is known, so nothing
is loaded or computed twice for want of a pass that hoists. The lane axis runs in whole vectors and
one masked rest. A reduction over the innermost loops is carried round them in registers, in several
accumulators; over outer loops it is added up in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import vector
from .axes import Axes, arranged
from .plan import Buffer, Immediate, Indirect, Nest, Statement, View
from .registers import across, combine, computed, element_of, load, neutral, store
from .scopes import Place, Scope, Sink, deal, sums_of_products, views_of
from .text import STORAGE, Function, Value

#: Where the elements of a buffer are, in the function that is being written.
Pointers = Callable[[Buffer], Value]


#: After how many rounds a sum is added to the sum of all.
_CHUNK = 512


class Emission:
    """The loops of one nest."""

    def __init__(self, f: Function, nest: Nest, pointers: Pointers) -> None:
        self.f = f
        self.pointers = pointers
        self.statements = nest.statements
        self.places: dict[Any, Place] = {}
        views = [v for s in nest.statements for v in views_of(s)]
        self.axes: Axes = arranged(nest, views, f.machine)
        for v in views:
            self._place(v)
        reads = (r for s in nest.statements for r in s.reads)
        #: What is read as it lies, each at the loop where its place is known.
        self.loads = list(dict.fromkeys(self._place(r) for r in reads if isinstance(r, View)))
        #: Products that are only added up: each is computed as it is added, with one rounding.
        self.added = sums_of_products(nest.statements)
        self.depths: dict[Statement, int] = {}
        for s in self.statements:
            self.depths[s] = max((self._depth(r) for r in s.reads), default=0)
            if isinstance(s.target, Indirect):
                self.depths[s] = max(self.depths[s], self._depth(s.target))

    def _place(self, v: View) -> Place:
        key = (v.buffer, v.offset, v.strides)
        found = self.places.get(key)
        if found is None:
            strides = self.axes.strides(v)
            depth = max((p + 1 for p, s in enumerate(strides) if s), default=0)
            found = self.places[key] = Place(v, strides, depth)
        return found

    def _depth(self, read: Any) -> int:
        if isinstance(read, Statement):
            return self.depths[read]
        if isinstance(read, Indirect):
            inner = (self._depth(s) for s, _, _ in read.indices)
            return max(self._place(read.view).depth, *inner)
        return 0 if isinstance(read, Immediate) else self._place(read).depth

    def _varies(self, read: Any) -> bool:
        """Whether a read differs from lane to lane."""
        lane = self.axes.lane
        if lane is None:
            return False
        if isinstance(read, Statement):
            return any(self._varies(r) for r in read.reads)
        if isinstance(read, Indirect):
            return self._place(read.view).strides[lane] != 0 or any(
                self._varies(s) for s, _, _ in read.indices
            )
        return not isinstance(read, Immediate) and self._place(read).strides[lane] != 0

    # -- the walk --------------------------------------------------------------------------------

    def emit(self) -> None:
        """All of it."""
        f, axes = self.f, self.axes
        self.sinks = [self._sink(s) for s in self.statements if s.reduce]
        if axes.empty:
            for sink in self.sinks:
                self._reset(sink)
            return
        for sink in self.sinks:
            if sink.partial and not sink.statement.adds:
                self._reset(sink)
        scope = Scope({}, {})
        for place in self.places.values():
            base = self.pointers(place.view.buffer)
            element = STORAGE[place.view.dtype]
            scope.pointers[id(place)] = f.offset(base, element, place.view.offset)
        self._inside(0, scope)

    def _sink(self, s: Statement) -> Sink:
        axes = self.axes.reduced(s)
        start = len(self.axes.sizes)
        while start and start - 1 in axes:
            start -= 1
        return Sink(s, axes, start, any(p < start for p in axes) or s.adds)

    def _reset(self, sink: Sink) -> None:
        """Put the neutral element where results will be combined."""
        s = sink.statement
        view = s.target
        assert isinstance(view, View)
        kept = [k for k, stride in enumerate(view.strides) if k not in s.axes]
        shape = tuple(view.shape[k] for k in kept)
        target = View(view.buffer, view.offset, shape, tuple(view.strides[k] for k in kept))
        start = Immediate(neutral(s.reduce, s.dtype), s.dtype, shape)
        fill = Statement("copy", [start], s.dtype, target=target, stored=True)
        Emission(self.f, Nest(shape, [fill]), self.pointers).emit()

    def _inside(self, p: int, scope: Scope) -> None:
        """What is done once ``p`` loops are open."""
        self._compute(p, scope)
        if p == len(self.axes.sizes):
            for s in self.statements:
                if s.stored and not s.reduce:
                    self._store(s, scope)
            for sink in self.sinks:
                self._take(sink, scope)
            return
        starting = [s for s in self.sinks if s.start == p and p < len(self.axes.sizes)]
        for sink in starting:
            width = self._accumulator_width(sink, scope)
            element = element_of(sink.statement.dtype)
            zero = self.f.constant(
                neutral(sink.statement.reduce, sink.statement.dtype), element, width
            )
            sink.copies = [zero] * self.axes.unroll
        self._loop(p, scope)
        for sink in starting:
            self._finish(sink, scope)
            sink.copies = []

    def _accumulator_width(self, sink: Sink, scope: Scope) -> int:
        lane = self.axes.lane
        if lane is None:
            return 1
        if lane >= sink.start:
            return self.axes.width
        return scope.width if self._varies_sink(sink) else 1

    def _varies_sink(self, sink: Sink) -> bool:
        return any(self._varies(r) for r in sink.statement.reads)

    def _loop(self, p: int, scope: Scope) -> None:
        axes = self.axes
        n = axes.sizes[p]
        innermost = p == len(axes.sizes) - 1
        unroll = axes.unroll if innermost else 1
        step = axes.width if p == axes.lane else 1
        whole, rest = divmod(n, step)
        rounds, single = divmod(whole, unroll)
        done = 0
        if rounds:
            self._rounds(p, scope, done, rounds, step, unroll)
            done = rounds * unroll * step
        if single:
            self._rounds(p, scope, done, single, step, 1)
            done += single * step
        if rest:
            inner = self._entered(p, scope, Value(str(done), "i64"))
            inner.width, inner.lanes = axes.width, rest
            inner.mask = self.f.first_lanes(rest, axes.width)
            self._inside(p + 1, inner)

    def _rounds(
        self, p: int, scope: Scope, start: int, rounds: int, step: int, unroll: int
    ) -> None:
        """``rounds`` rounds of ``unroll`` steps each."""
        f, axes = self.f, self.axes
        active = [s for s in self.sinks if s.copies]

        def once(index: Value, k: int) -> None:
            inner = self._entered(p, scope, index)
            if p == axes.lane:
                inner.width = inner.lanes = axes.width
            for sink in active:
                sink.copies[0], sink.copies[k] = sink.copies[k], sink.copies[0]
            self._inside(p + 1, inner)
            for sink in active:
                sink.copies[0], sink.copies[k] = sink.copies[k], sink.copies[0]

        if rounds == 1:
            for k in range(unroll):
                once(Value(str(start + k * step), "i64"), k)
            return

        def all_once(base: Value) -> None:
            for k in range(unroll):
                offset = start + k * step
                once(f.value(f"add i64 {base.text}, {offset}", "i64") if offset else base, k)

        before = [c for s in active for c in s.copies]
        each = unroll * step
        if rounds < 2 * _CHUNK or not any(s.statement.dtype.kind == "f" for s in active):
            loop = f.begin(rounds * each, before, each)
            deal(active, loop.carried)
            all_once(loop.index)
            deal(active, f.end(loop, [c for s in active for c in s.copies]))
            return
        # Long sums are sums of sums, so that errors do not grow with the length.
        outer = f.begin(rounds * each, before, _CHUNK * each)
        left = f.binary("sub", rounds * each, outer.index)
        stop = f.select(f.icmp("slt", left, _CHUNK * each), left, _CHUNK * each)
        kinds = [s.statement for s in active for _ in s.copies]
        zeros = [
            f.constant(neutral(s.reduce, s.dtype), c.element, c.width)
            for s, c in zip(kinds, before, strict=True)
        ]
        loop = f.begin(stop, zeros, each)
        deal(active, loop.carried)
        all_once(f.binary("add", outer.index, loop.index))
        parts = f.end(loop, [c for s in active for c in s.copies])
        triples = zip(kinds, outer.carried, parts, strict=True)
        deal(active, f.end(outer, [combine(f, s.reduce, x, y) for s, x, y in triples]))

    def _entered(self, p: int, scope: Scope, index: Value) -> Scope:
        """The scope inside loop ``p`` at ``index``: pointers moved on."""
        inner = scope.inner()
        f = self.f
        for place in self.places.values():
            stride = place.strides[p]
            if not stride:
                continue
            element = STORAGE[place.view.dtype]
            pointer = scope.pointers[id(place)]
            if index.text[0] != "%":
                moved = f.offset(pointer, element, int(index.text) * stride)
            elif stride == 1:
                moved = f.offset(pointer, element, index)
            else:
                moved = f.offset(
                    pointer, element, f.value(f"mul i64 {index.text}, {stride}", "i64")
                )
            inner.pointers[id(place)] = moved
        return inner

    # -- values ----------------------------------------------------------------------------------

    def _compute(self, p: int, scope: Scope) -> None:
        for place in self.loads:
            if place.depth == p:
                scope.values[id(place)] = self._loaded(place, scope)
        for s in self.statements:
            if self.depths[s] != p or s in self.added.values():
                continue
            if s not in self.added and not (s.reduce and len(s.reads) > 1):
                scope.values[s] = self._value(s, scope)

    def _value(self, s: Statement, scope: Scope) -> Value:
        return computed(self.f, s, [self.read(r, scope) for r in s.reads])

    def read(self, r: Any, scope: Scope) -> Value:
        """The value of a read."""
        f = self.f
        if isinstance(r, Statement):
            return scope.values[r]
        if isinstance(r, Immediate):
            return f.constant(r.value, element_of(r.dtype))
        if isinstance(r, Indirect):
            return self._gathered(r, scope)
        place = self._place(r)
        found = scope.values.get(id(place))
        if found is None:
            found = scope.values[id(place)] = self._loaded(place, scope)
        return found

    def _loaded(self, place: Place, scope: Scope) -> Value:
        f, lane = self.f, self.axes.lane
        pointer = scope.pointers[id(place)]
        dtype = place.view.dtype
        stride = 0 if lane is None or scope.width == 1 else place.strides[lane]
        if stride == 0:
            return load(f, dtype, pointer)
        if stride == 1:
            return load(f, dtype, pointer, scope.width, scope.mask)
        element = STORAGE[dtype]
        return self._lanes(
            lambda k: load(f, dtype, f.offset(pointer, element, k * stride)),
            element_of(dtype), scope,
        )  # fmt: skip

    def _lanes(self, one: Callable[[int], Value], element: str, scope: Scope) -> Value:
        """A vector put together lane by lane."""
        f = self.f
        zero = f.constant(0, element, scope.width)
        x = Value("zeroinitializer", element, zero.width)
        for k in range(scope.lanes):
            x = f.value(f"insertelement {x}, {one(k)}, i64 {k}", element, scope.width)
        return x

    def _offsets(self, r: Indirect, scope: Scope) -> Value:
        """How many elements on an indirect access goes: negative indices count from the end."""
        f = self.f
        total: Value | None = None
        for source, stride, length in r.indices:
            index = self.read(source, scope)
            if index.element != "i64":
                index = vector.cast(f, index, "i64")
            index = f.select(f.icmp("slt", index, 0), f.binary("add", index, length), index)
            self._keep_inside(index, length, scope)
            index = f.binary("mul", index, stride)
            if total is None:
                total = index
            else:
                width = max(total.width, index.width)
                total = f.binary("add", f.splat(total, width), f.splat(index, width))
        assert total is not None
        return total

    def _keep_inside(self, index: Value, length: int, scope: Scope) -> None:
        """Leave it to the reference to say which index is out of bounds."""
        f = self.f
        bad = f.icmp("uge", index, length)
        if bad.width > 1:
            bad = f.reduce("or", bad if scope.mask is None else f.binary("and", bad, scope.mask))
        outside, inside = f.fresh("outside"), f.fresh("inside")
        f.line(f"br i1 {bad.text}, label %{outside}, label %{inside}")
        f.label(outside)
        f.ret(f.constant(3, "i32"))
        f.label(inside)

    def _gathered(self, r: Indirect, scope: Scope) -> Value:
        f, lane = self.f, self.axes.lane
        place = self._place(r.view)
        pointer = scope.pointers[id(place)]
        element = STORAGE[place.view.dtype]
        offsets = self._offsets(r, scope)
        stride = 0 if lane is None or scope.width == 1 else place.strides[lane]
        if offsets.width == 1:
            pointer = f.offset(pointer, element, offsets)
            if stride == 0:
                return load(f, r.dtype, pointer)
            if stride == 1:
                return load(f, r.dtype, pointer, scope.width, scope.mask)

        def one(k: int) -> Value:
            at = f.offset(pointer, element, k * stride)
            if offsets.width > 1:
                at = f.offset(at, element, f.lane(offsets, k))
            return load(f, r.dtype, at)

        return self._lanes(one, element_of(r.dtype), scope)

    # -- results ---------------------------------------------------------------------------------

    def _store(self, s: Statement, scope: Scope) -> None:
        x = scope.values[s]
        if isinstance(s.target, Indirect):
            place = self._place(s.target.view)
            pointer = scope.pointers[id(place)]
            element = STORAGE[place.view.dtype]
            offset = self._offsets(s.target, scope)
            assert offset.width == 1  # lanes never meet in one place
            pointer = self.f.offset(pointer, element, offset)
            self._put(x, place, pointer, scope, "add" if s.adds else "")
            return
        assert s.target is not None
        place = self._place(s.target)
        self._put(x, place, scope.pointers[id(place)], scope, "add" if s.adds else "")

    def _put(self, x: Value, place: Place, pointer: Value, scope: Scope, kind: str) -> None:
        """Store, or with a ``kind`` combine with what is there."""
        f, lane = self.f, self.axes.lane
        dtype = place.view.dtype
        stride = 0 if lane is None or scope.width == 1 else place.strides[lane]
        if stride == 0:
            assert x.width == 1
            if kind:
                x = combine(f, kind, load(f, dtype, pointer), x)
            store(f, x, pointer)
            return
        x = f.splat(x, scope.width)
        if stride == 1:
            if kind:
                x = combine(f, kind, load(f, dtype, pointer, scope.width, scope.mask), x)
            store(f, x, pointer, scope.mask)
            return
        element = STORAGE[dtype]
        for k in range(scope.lanes):
            at = f.offset(pointer, element, k * stride)
            one = f.lane(x, k)
            if kind:
                one = combine(f, kind, load(f, dtype, at), one)
            store(f, one, at)

    def _take(self, sink: Sink, scope: Scope) -> None:
        """Combine one value into the accumulator, or into memory if there is none."""
        f, s = self.f, sink.statement
        lane = self.axes.lane
        if sink.copies:
            acc = sink.copies[0]
            factors = self._factors(s)
            if factors is not None and acc.is_float:
                x, y = (f.splat(self.read(r, scope), acc.width) for r in factors)
                new = f.muladd(x, y, acc)
            else:
                new = combine(f, s.reduce, acc, f.splat(self._final(s, scope), acc.width))
            if scope.mask is not None and lane is not None and lane >= sink.start:
                new = f.select(scope.mask, new, acc)
            sink.copies[0] = new
            return
        x = self._final(s, scope)
        if lane in sink.axes:
            x = self._across(sink, f.splat(x, scope.width), scope)
        assert isinstance(s.target, View)
        place = self._place(s.target)
        # Along axes of length 1 alone there is nothing to combine with.
        kind = s.reduce if sink.partial else ""
        self._put(x, place, scope.pointers[id(place)], scope, kind)

    def _factors(self, s: Statement) -> list[Any] | None:
        """The two factors of what a sink adds up, if it is a product."""
        if s in self.added:
            reads = self.added[s].reads
            return [reads[0], reads[-1]]
        return s.reads if s.op == "product" and s.reduce == "add" and len(s.reads) == 2 else None

    def _final(self, s: Statement, scope: Scope) -> Value:
        if s in self.added:
            return self._value(self.added[s], scope)
        found = scope.values.get(s)
        return self._value(s, scope) if found is None else found

    def _across(self, sink: Sink, x: Value, scope: Scope) -> Value:
        """All lanes in use as one."""
        f, s = self.f, sink.statement
        if scope.mask is not None:
            start = f.constant(neutral(s.reduce, s.dtype), x.element, x.width)
            x = f.select(scope.mask, x, start)
        return across(f, s.reduce, x)

    def _finish(self, sink: Sink, scope: Scope) -> None:
        f, s = self.f, sink.statement
        lane = self.axes.lane
        copies = sink.copies
        while len(copies) > 1:
            copies = [
                combine(f, s.reduce, copies[k], copies[k + 1]) if k + 1 < len(copies) else copies[k]
                for k in range(0, len(copies), 2)
            ]
        x = copies[0]
        if lane is not None and lane >= sink.start:
            x = across(f, s.reduce, x)
        elif lane in sink.axes and x.width > 1:
            x = self._across(sink, x, scope)
        elif lane in sink.axes:
            x = self._across(sink, f.splat(x, scope.width), scope)
        assert isinstance(s.target, View)
        place = self._place(s.target)
        kind = s.reduce if sink.partial else ""
        self._put(x, place, scope.pointers[id(place)], scope, kind)
