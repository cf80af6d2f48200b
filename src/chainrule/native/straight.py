"""Code without loops for small arrays: each is one vector in registers, whatever its shape.

A program of scalars, or of short vectors unrolled by Python's own loop, is one long run of such
statements. A read of part of an array is a shuffle, of one element an extraction; a sum over an
axis adds the parts. Only what other steps read goes to memory.

Vectors have a power of two of lanes. What is in those beyond the array's own does not matter, but
is some number: a copy of the first element, or what stands after a part in the array it is of.
Arrays that :mod:`.apart` chooses are no vectors but a value for each element.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from .apart import kept_apart
from .nest import Pointers
from .plan import Buffer, Immediate, Shape, Statement, Straight, View, count
from .registers import across, combine, computed, element_of, load, neutral, store
from .text import STORAGE, Function, Value


class Registers:
    """The arrays of one run of statements, as vectors."""

    def __init__(self, f: Function, step: Straight, pointers: Pointers) -> None:
        self.f = f
        self.pointers = pointers
        self.step = step
        #: What is in registers, whole; and elements of larger arrays that were read.
        self.arrays: dict[Buffer, Value] = {}
        self._loaded: dict[Any, Value] = {}
        #: The elements, as far as they were made or read, of arrays that are no vectors.
        self.apart: dict[Buffer, dict[int, Value]] = {b: {} for b in kept_apart(step)}

    def emit(self) -> None:
        """All statements, then the stores."""
        stored: dict[Buffer, None] = {}
        for domain, s in zip(self.step.domains, self.step.statements, strict=True):
            if count(domain) or s.reduce:
                self._statement(domain, s)
                if s.stored:
                    assert isinstance(s.target, View)
                    stored[s.target.buffer] = None
        for b in stored:
            self._spill(b)

    def _spill(self, b: Buffer) -> None:
        for k, one in self.apart.get(b, {}).items():
            store(self.f, one, self.f.offset(self.pointers(b), STORAGE[b.dtype], k))
        x = self.arrays.get(b)
        if x is not None:
            store(self.f, x, self.pointers(b), self._mask(b))

    def _mask(self, b: Buffer) -> Value | None:
        """Which lanes have a place in memory: in scratch all, for it comes in whole lines."""
        if padded(b.size) == b.size or b.place in ("scratch", "part"):
            return None
        return self.f.first_lanes(b.size, padded(b.size))

    def _load(self, b: Buffer) -> Value:
        return load(self.f, b.dtype, self.pointers(b), padded(b.size), self._mask(b))

    # -- statements ------------------------------------------------------------------------------

    def _statement(self, domain: Shape, s: Statement) -> None:
        target = s.target
        assert isinstance(target, View)
        if not s.reduce and target.buffer in self.apart:
            n = count(domain)
            columns = [self._elements(r, n) for r in s.reads]
            made = [computed(self.f, s, list(args)) for args in zip(*columns, strict=True)]
            self._set(target, domain, made, "add" if s.adds else "")
            return
        if not s.reduce:
            x = self._value(s, [at_places(r, domain, ()) for r in s.reads])
            self._write(target, domain, x, "add" if s.adds else "")
            return
        kept = [k for k in range(len(domain)) if k not in s.axes]
        shape = tuple(domain[k] for k in kept)
        if not count(shape):
            return
        if s.axes and not kept and not (s.op == "product" and count(domain) <= 4):
            total = None
            if count(domain):
                x = self._value(s, [at_places(r, domain, ()) for r in s.reads])
                total = self._folded(s, x, count(domain))
        else:
            total = None
            for place in product(*(range(domain[k]) for k in sorted(s.axes))):
                fixed = tuple(zip(sorted(s.axes), place, strict=True))
                reads = [at_places(r, domain, fixed) for r in s.reads]
                total = self._accumulated(s, reads, count(shape), total)
        if total is None:
            start = self.f.constant(neutral(s.reduce, s.dtype), element_of(s.dtype))
            total = self.f.splat(start, padded(count(shape)))
        view = View(target.buffer, target.offset, shape, tuple(target.strides[k] for k in kept))
        self._write(view, shape, total, s.reduce if s.adds else "")

    def _accumulated(
        self, s: Statement, reads: Sequence[Any], width: int, total: Value | None
    ) -> Value:
        f = self.f
        if total is not None and s.op == "product" and s.reduce == "add" and len(reads) == 2:
            x, y = (f.splat(self._read(r), padded(width)) for r in reads)
            if x.is_float:
                return f.muladd(x, y, total)
        x = f.splat(self._value(s, reads), padded(width))
        return x if total is None else combine(f, s.reduce, total, x)

    def _folded(self, s: Statement, x: Value, n: int) -> Value:
        """The first ``n`` lanes as one."""
        f = self.f
        x = f.splat(x, padded(n))
        if n < x.width:
            rest = f.constant(neutral(s.reduce, s.dtype), x.element, x.width)
            x = f.select(f.first_lanes(n, x.width), x, rest)
        return across(f, s.reduce, x)

    def _value(self, s: Statement, reads: Sequence[Any]) -> Value:
        return computed(self.f, s, [self._read(r) for r in reads])

    # -- reads -----------------------------------------------------------------------------------

    def _read(self, r: Any) -> Value:
        """A source as a vector; of equal elements, one of them."""
        f = self.f
        if isinstance(r, Immediate):
            return f.constant(r.value, element_of(r.dtype))
        assert isinstance(r, View)
        b = r.buffer
        if all(n == 1 or not s for n, s in zip(r.shape, r.strides, strict=True)):
            return self._one(b, r.offset)
        places = places_of(r.offset, r.shape, r.strides)
        x = self._whole(b)
        if x is None:
            return self._gathered(b, places)
        if places == _ORDER[: b.size]:
            return x
        return self._picked(x, places)

    def _whole(self, b: Buffer) -> Value | None:
        """An array as a vector, if it is one."""
        x = self.arrays.get(b)
        if x is None and b.size <= self.step.most and b not in self.apart:
            x = self.arrays[b] = self._load(b)
        return x

    def _one(self, b: Buffer, k: int) -> Value:
        """One element of an array."""
        if b in self.apart:
            elements = self.apart[b]
            if k not in elements:
                elements[k] = self._element(b, k)
            return elements[k]
        x = self._whole(b)
        return self._element(b, k) if x is None else self._lane(x, b, k)

    def _elements(self, r: Any, n: int) -> list[Value]:
        """Each element of a source by itself."""
        if isinstance(r, Immediate):
            return [self.f.constant(r.value, element_of(r.dtype))] * n
        assert isinstance(r, View)
        return [self._one(r.buffer, k) for k in places_of(r.offset, r.shape, r.strides)]

    def _lane(self, x: Value, b: Buffer, k: int) -> Value:
        key = (b, x.text, k)
        found = self._loaded.get(key)
        if found is None:
            found = self._loaded[key] = self.f.lane(x, k)
        return found

    def _element(self, b: Buffer, k: int) -> Value:
        found = self._loaded.get((b, k))
        if found is None:
            at = self.f.offset(self.pointers(b), STORAGE[b.dtype], k)
            found = self._loaded[b, k] = load(self.f, b.dtype, at)
        return found

    def _gathered(self, b: Buffer, places: tuple[int, ...]) -> Value:
        f = self.f
        first, n = places[0], len(places)
        if places == tuple(range(first, first + n)) and b not in self.apart:
            at = f.offset(self.pointers(b), STORAGE[b.dtype], first)
            mask = None if n == padded(n) else f.first_lanes(n, padded(n))
            return load(f, b.dtype, at, padded(n), mask)
        x = f.splat(self._one(b, first), padded(n))
        for lane, k in enumerate(places):
            x = f.value(f"insertelement {x}, {self._one(b, k)}, i64 {lane}", x.element, x.width)
        return x

    # -- writes ----------------------------------------------------------------------------------

    def _write(self, view: View, shape: Shape, x: Value, kind: str) -> None:
        """Set the elements of a view, or combine with what they are."""
        f = self.f
        b = view.buffer
        n = count(shape)
        if n == 0:
            return
        if b in self.apart:
            made = [f.lane(x, k) if x.width > 1 else x for k in range(n)]
            self._set(view, shape, made, kind)
            return
        if b.size > self.step.most:
            self._to_memory(view, x, kind)
            return
        width = padded(b.size)
        places = places_of(view.offset, shape, view.strides)
        everything = places == _ORDER[: b.size]
        old = self.arrays.get(b)
        if old is None and (kind or b in self.step.begun):
            old = self._load(b)
        if kind:
            assert old is not None
            here = old if everything else self._picked(old, places)
            x = combine(f, kind, here, f.splat(x, here.width))
        if everything:
            self.arrays[b] = f.splat(x, width)
            return
        if old is None:
            old = f.splat(f.lane(x, 0), width)
        if n == 1:
            text = f"insertelement {old}, {f.lane(x, 0)}, i64 {places[0]}"
            self.arrays[b] = f.value(text, x.element, width)
            return
        # Widen to the whole, then take from either.
        lanes = [-1] * width
        for lane, k in enumerate(places):
            lanes[k] = lane
        wide = permuted(f, f.splat(x, padded(n)), lanes)
        picks = [k if lanes[k] < 0 else width + k for k in range(width)]
        self.arrays[b] = f.shuffle(old, wide, picks)

    def _set(self, view: View, shape: Shape, made: Sequence[Value], kind: str) -> None:
        """Set elements of an array that is kept apart."""
        for k, x in zip(places_of(view.offset, shape, view.strides), made, strict=True):
            old = self._one(view.buffer, k) if kind else x
            self.apart[view.buffer][k] = combine(self.f, kind, old, x) if kind else x

    def _picked(self, x: Value, places: tuple[int, ...]) -> Value:
        if len(places) == 1:
            return self.f.lane(x, places[0])
        # In the lanes left over: what comes next, so that it is a part of a register as it lies; of
        # integers a copy, for they may be divided by.
        after = range(places[-1] + 1, places[-1] + 1 + padded(len(places)) - len(places))
        rest = [k if k < x.width and x.is_float else places[0] for k in after]
        return permuted(self.f, x, (*places, *rest))

    def _to_memory(self, view: View, x: Value, kind: str) -> None:
        """Elements of an array that is too large for registers."""
        f = self.f
        b = view.buffer
        places = places_of(view.offset, view.shape, view.strides)
        first, n = places[0], len(places)
        for k in places:
            self._loaded.pop((b, k), None)
        if places == tuple(range(first, first + n)):
            at = f.offset(self.pointers(b), STORAGE[b.dtype], first)
            mask = None if n == padded(n) else f.first_lanes(n, padded(n))
            x = f.splat(x, padded(n))
            if kind:
                x = combine(f, kind, load(f, b.dtype, at, padded(n), mask), x)
            store(f, x, at, mask)
            return
        for lane, k in enumerate(places):
            at = f.offset(self.pointers(b), STORAGE[b.dtype], k)
            one = f.lane(x, lane) if x.width > 1 else x
            if kind:
                one = combine(f, kind, load(f, b.dtype, at), one)
            store(f, one, at)


def at_places(r: Any, domain: Shape, fixed: Sequence[tuple[int, int]]) -> Any:
    """A read where some axes of the domain have given places."""
    if isinstance(r, Immediate) or not fixed:
        return r
    assert isinstance(r, View)
    where = dict(fixed)
    offset = r.offset + sum(r.strides[k] * place for k, place in fixed)
    kept = [k for k in range(len(domain)) if k not in where]
    return View(r.buffer, offset, tuple(domain[k] for k in kept), tuple(r.strides[k] for k in kept))


@lru_cache(maxsize=4096)
def places_of(offset: int, shape: Shape, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Which elements of its buffer a view shows, in order."""
    places: tuple[int, ...] = (offset,)
    for n, stride in zip(shape, strides, strict=True):
        places = tuple(p + k * stride for p in places for k in range(n))
    return places


_ORDER = tuple(range(64))


@lru_cache(maxsize=64)
def padded(n: int) -> int:
    """How many lanes a vector of ``n`` elements has."""
    return 1 << (n - 1).bit_length() if n > 1 else 1


def permuted(f: Function, x: Value, picks: Sequence[int]) -> Value:
    """The lanes of ``x`` in another order; -1 is any.

    Where only the first two lanes of such a permutation are needed, LLVM 22 takes VPERMILPD for
    VPERMPD without changing its control, and lane 0 is taken for lane 1. A fence, of which no
    instruction comes, has LLVM take all lanes to be needed.
    """
    made = f.shuffle(x, None, picks)
    wide = f.machine.register == 64 and x.element in ("double", "i64")
    across = any(k >= 0 and k // 2 != lane // 2 for lane, k in enumerate(picks))
    if not (wide and across) or made.width < 4 or len({*picks} - {-1}) == 1:
        return made
    if x.is_float:
        return f.intrinsic("arithmetic.fence", made)
    fenced = f.intrinsic("arithmetic.fence", f.convert("bitcast", made, "double"))
    return f.convert("bitcast", fenced, x.element)
