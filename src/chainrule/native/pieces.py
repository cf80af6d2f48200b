"""The arrays of long programs: scalars and pieces, in instructions that are translated one by one.

LLVM's fast selection takes a microsecond for an instruction that it knows, and ten times that for
the others, among them all that moves lanes. So here an array of a few elements is as many scalars,
a longer one is pieces of up to a register each; an array that is put together from others consists
of their pieces, and who reads one of them reads it as it was made. Where pieces do not fit, they go
through memory. What fast selection does not know stands in a function of its own or, if it is
short, in a block of its own, for the rest of a block is lost to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from .nest import Pointers
from .plan import Buffer, Immediate, Shape, Straight, View
from .registers import element_of, load, store
from .straight import places_of
from .text import STORAGE, Function, Value

#: Up to how many elements an array is scalars.
FEW = 4

#: Places in a domain, and how many: what is computed at once.
Cuts = Sequence[tuple[int, int]]


class Pieces:
    """The arrays of one run of statements: in registers, on the stack, or still in memory."""

    def __init__(self, f: Function, step: Straight, pointers: Pointers) -> None:
        self.f = f
        self.step = step
        self.pointers = pointers
        self.lanes = f.machine.lanes("double")
        #: Of arrays of a few elements, each, or ``None`` while it is in memory.
        self.scalars: dict[Buffer, list[Value | None]] = {}
        #: Of longer ones, by where it begins: how many elements, and their value.
        self.pieces: dict[Buffer, dict[int, tuple[int, Value]]] = {}
        #: What is where there is no piece; if nothing is said here, what is in memory.
        self.fills: dict[Buffer, Value] = {}
        #: Arrays that live on the stack because their pieces did not fit.
        self.homes: dict[Buffer, Value] = {}
        self._loaded: dict[Buffer, dict[Any, Value]] = {}
        self._known: dict[Any, Value] = {}
        #: Whether the block is for what fast selection does not know.
        self.is_slow = False

    def block(self, *, slow: bool) -> None:
        """Be in a block for what fast selection knows, or does not."""
        if slow != self.is_slow:
            name = self.f.fresh("b")
            self.f.line(f"br label %{name}")
            self.f.label(name)
            self.is_slow = slow

    # -- vectors ---------------------------------------------------------------------------------

    def apart(
        self, name: str, args: Sequence[Value], element: str, width: int, body: Callable[..., Any]
    ) -> Value:
        """What a function of the module's own gives, for what takes long to translate."""
        f = self.f
        out = Value("", element, width)
        if name not in f.module.functions:
            parameters = [Value(f"%a{k}", a.element, a.width) for k, a in enumerate(args)]
            attributes = f"noinline {f.machine.attributes}"
            made = f.module.function(name, parameters, out.type, attributes, "internal")
            made.ret(body(made, *parameters))
        self.block(slow=False)
        return f.call(name, args, element, width)

    def spread(self, x: Value) -> Value:
        """A scalar in every lane, a constant as it may stand in an instruction."""
        if x.text[0] == "%":
            return self.wide(x)
        return self.f.splat(x, self.lanes)

    def wide(self, x: Value) -> Value:
        """A scalar in every lane."""
        key = (x.text, x.element)
        found = self._known.get(key)
        if found is not None:
            return found
        f, n = self.f, self.lanes
        if not x.is_float:
            self.block(slow=True)
            found = f.splat(x, n)
        elif x.text[0] == "%":
            name = f"spread_{x.element}x{n}"
            found = self.apart(name, [x], x.element, n, lambda g, p: g.splat(p, n))
        else:
            name = f"@{x.element}x{n}.{x.text}"
            lanes = ", ".join(f"{x.element} {x.text}" for _ in range(n))
            t = f"[{n} x {x.element}]"
            f.module.declare(name, f"{name} = private unnamed_addr constant {t} [{lanes}], align 64")
            self.block(slow=False)
            found = f.load(Value(name, "ptr"), x.element, n)
        self._known[key] = found
        return found

    def held(self, x: Value) -> Value:
        """A scalar of floating point; a constant as it was loaded before."""
        if x.text[0] == "%":
            return x
        key = ("held", x.text, x.element)
        found = self._known.get(key)
        if found is None:
            f = self.f
            name = f"@{x.element}.{x.text}"
            f.module.declare(name, f"{name} = private unnamed_addr constant {x}, align 8")
            found = self._known[key] = f.load(Value(name, "ptr"), x.element)
        return found

    def lane(self, x: Value, k: int) -> Value:
        """One lane, by way of the stack."""
        if x.width == 1:
            return x
        f = self.f
        storage = "i8" if x.element == "i1" else x.element
        space = self._known.get(("space", x.text))
        if space is None:
            self.block(slow=not x.is_float)
            space = self._known["space", x.text] = f.space(storage, x.width)
            store(f, x, space)
        found = self._known.get((x.text, k))
        if found is None:
            self.block(slow=False)
            at = f.offset(space, storage, k)
            found = self._known[x.text, k] = load(f, DTYPES[x.element], at)
        return found

    def get(self, b: Buffer, at: Value, n: int, room: int) -> Value:
        """A vector of the first ``n`` elements at an address, of which there are ``room``."""
        f, w = self.f, self.lanes
        element = STORAGE[b.dtype]
        real = b.dtype.kind == "f"
        if n == 1 and room < w:
            return load(f, b.dtype, at)
        if room >= w or not real:
            self.block(slow=not real)
            return load(f, b.dtype, at, w, None if room >= w else f.first_lanes(n, w))

        def body(g: Function, p: Value) -> Value:
            return load(g, b.dtype, p, w, g.first_lanes(n, w))

        return self.apart(f"get_{element}x{w}_{n}", [at], element, w, body)

    def put(self, b: Buffer, x: Value, at: Value, n: int, room: int) -> None:
        """Store the first ``n`` lanes; there is room for so many."""
        f, w = self.f, self.lanes
        if n == 1:
            x = self.lane(x, 0)
            self.block(slow=not x.is_float)
            store(f, x, at)
            return
        if x.width == 1:
            x = self.wide(x)
        if room >= w or not x.is_float:
            self.block(slow=not x.is_float)
            store(f, x, at, None if room >= w else f.first_lanes(n, w))
            return
        name = f"put_{x.element}x{w}_{n}"
        if name not in f.module.functions:
            parameters = [Value("%x", x.element, w), Value("%p", "ptr")]
            attributes = f"noinline {f.machine.attributes}"
            made = f.module.function(name, parameters, "void", attributes, "internal")
            store(made, parameters[0], parameters[1], made.first_lanes(n, w))
            made.ret()
        self.block(slow=False)
        f.call(name, [x, at])

    def _at(self, b: Buffer, k: int) -> Value:
        """Where an element is in memory: an address that the instruction adds up by itself."""
        if b.place == "scratch":
            far = b.index + k * b.dtype.itemsize
            return self.f.value(f"getelementptr i8, ptr %workspace, i64 {far}", "ptr")
        return self.f.offset(self.pointers(b), STORAGE[b.dtype], k)

    def _room(self, b: Buffer) -> int:
        """How many elements there is memory for: scratch comes in whole lines."""
        if b.place not in ("scratch", "part"):
            return b.size
        return -(-b.nbytes // 64) * 64 // b.dtype.itemsize

    # -- reads -----------------------------------------------------------------------------------

    def elements(self, r: Any, n: int) -> list[Value]:
        """Each element of a source."""
        if isinstance(r, Immediate):
            return [self.f.constant(r.value, element_of(r.dtype))] * n
        b = r.buffer
        if n == 1:
            return [self.element(b, r.offset)]
        return [self.element(b, k) for k in places_of(r.offset, r.shape, r.strides)]

    def element(self, b: Buffer, k: int) -> Value:
        """One element of an array."""
        f = self.f
        if b.size <= FEW:
            known = self.scalars.get(b)
            if known is None:
                known = self.scalars[b] = [None] * b.size
            x = known[k]
            if x is None:
                self.block(slow=b.dtype.kind == "b")
                x = known[k] = load(f, b.dtype, self._at(b, k))
            return x
        home = self.homes.get(b)
        if home is not None:
            self.block(slow=b.dtype.kind == "b")
            return load(f, b.dtype, f.offset(home, STORAGE[b.dtype], k))
        for start, (n, x) in self.pieces.get(b, {}).items():
            if start <= k < start + n:
                return self.lane(x, k - start)
        fill = self.fills.get(b)
        if fill is not None:
            return fill
        known_here = self._loaded.setdefault(b, {})
        found = known_here.get(k)
        if found is None:
            self.block(slow=b.dtype.kind == "b")
            at = self._at(b, k)
            found = known_here[k] = load(f, b.dtype, at)
        return found

    def cuts(self, reads: Sequence[Any], n: int) -> Cuts:
        """How a domain is cut: as something that is read is."""
        for r in reads:
            if type(r) is not View or r.buffer not in self.pieces or order_of(r) != "row":
                continue
            pieces = self.pieces[r.buffer]
            if not r.offset and len(pieces) * self.lanes == r.buffer.size:
                continue
            at, stop, found = r.offset, r.offset + n, []
            while at < stop:
                m = pieces[at][0] if at in pieces else 0
                if m <= 1 or at + m > stop:
                    break
                found.append((at - r.offset, m))
                at += m
            if at == stop:
                return found
        return _even(n, self.lanes)

    def chunk(self, r: Any, start: int, n: int) -> Value:
        """Elements of a source: a vector, or a scalar if they are all the same."""
        if isinstance(r, Immediate):
            return self.f.constant(r.value, element_of(r.dtype))
        b, order = r.buffer, order_of(r)
        if order == "one":
            return self.element(b, r.offset)
        if order == "row" and b.size > FEW:
            return self._piece(b, r.offset + start, n)
        f, storage = self.f, STORAGE[b.dtype]
        space = f.space(storage, self.lanes)
        for k, place in enumerate(places_of(r.offset, r.shape, r.strides)[start : start + n]):
            x = self.element(b, place)
            self.block(slow=b.dtype.kind == "b")
            store(f, x, f.offset(space, storage, k))
        return self.get(b, space, n, self.lanes)

    def _piece(self, b: Buffer, start: int, n: int) -> Value:
        f, storage = self.f, STORAGE[b.dtype]
        if b not in self.homes:
            pieces = self.pieces.get(b)
            if pieces:
                found = pieces.get(start)
                if found is not None and found[0] >= n:
                    return found[1]
            if pieces and _overlap(pieces, start, n):
                self._settle(b)
            elif b in self.fills:
                return self.fills[b]
        home = self.homes.get(b)
        if home is not None:
            return self.get(b, f.offset(home, storage, start), n, self.lanes)
        known = self._loaded.setdefault(b, {})
        x = known.get((start, n))
        if x is None:
            at = self._at(b, start)
            x = known[start, n] = self.get(b, at, n, self._room(b) - start)
        return x

    # -- writes ----------------------------------------------------------------------------------

    def forget(self, b: Buffer) -> None:
        """Drop all that is known of an array, because all of it is set."""
        for known in (self.pieces, self.fills, self.homes, self._loaded):
            known.pop(b, None)

    def write_elements(self, view: View, values: Sequence[Value]) -> None:
        """Set the elements of a view, one by one."""
        b = view.buffer
        if len(values) == 1:
            places: tuple[int, ...] = (view.offset,)
        else:
            places = places_of(view.offset, view.shape, view.strides)
        if b.size <= FEW:
            known = self.scalars.get(b)
            if known is None:
                known = self.scalars[b] = [None] * b.size
            for k, x in zip(places, values, strict=True):
                known[k] = x
            return
        for k, x in zip(places, values, strict=True):
            self._set(b, k, 1, x)

    def write(self, view: View, cuts: Cuts, values: Sequence[Value]) -> None:
        """Set the elements of a view, vector by vector."""
        b = view.buffer
        if order_of(view) == "row" and b.size > FEW:
            for (start, n), x in zip(cuts, values, strict=True):
                self._set(b, view.offset + start, n, x)
            return
        places = places_of(view.offset, view.shape, view.strides)
        singles = [
            self.lane(x, k) for (_, n), x in zip(cuts, values, strict=True) for k in range(n)
        ]
        order = [start + k for start, n in cuts for k in range(n)]
        for k, x in zip(order, singles, strict=True):
            self.write_elements(View(b, places[k], (), ()), [x])

    def _set(self, b: Buffer, start: int, n: int, x: Value) -> None:
        """Elements of a longer array."""
        f, storage = self.f, STORAGE[b.dtype]
        self._loaded.pop(b, None)
        if b.size > self.step.most:
            self.put(b, x, self._at(b, start), n, n)
            return
        if b not in self.homes:
            pieces = self.pieces.setdefault(b, {})
            found = pieces.get(start)
            if (found is not None and found[0] == n) or not _overlap(pieces, start, n):
                pieces[start] = (n, x)
                return
            self._settle(b)
        self.put(b, x, f.offset(self.homes[b], storage, start), n, n)

    def _settle(self, b: Buffer) -> None:
        """Have an array live on the stack from now on."""
        f, storage = self.f, STORAGE[b.dtype]
        home = f.space(storage, b.size + self.lanes)
        pieces = self.pieces.pop(b)
        covered = sum(n for n, _ in pieces.values()) == b.size
        if not covered and (b in self.fills or b in self.step.begun):
            for start, n in _even(b.size, self.lanes):
                x = self.fills.get(b)
                if x is None:
                    at = self._at(b, start)
                    x = self.get(b, at, n, self._room(b) - start)
                self.put(b, x, f.offset(home, storage, start), n, self.lanes)
        for start in sorted(pieces):
            n, x = pieces[start]
            self.put(b, x, f.offset(home, storage, start), n, self.lanes if covered else n)
        self.fills.pop(b, None)
        self.homes[b] = home

    def spill(self, b: Buffer) -> None:
        """Store what was made."""
        if b.size > self.step.most:
            return
        f, storage = self.f, STORAGE[b.dtype]
        room = self._room(b)
        if b.size <= FEW:
            for k, one in enumerate(self.scalars.get(b, ())):
                if one is not None:
                    self.put(b, one, self._at(b, k), 1, 1)
            return
        home = self.homes.get(b)
        if home is not None:
            for start, n in _even(b.size, self.lanes):
                x = self.get(b, f.offset(home, storage, start), n, self.lanes)
                self.put(b, x, self._at(b, start), n, room - start)
            return
        pieces = self.pieces.get(b, {})
        covered = sum(n for n, _ in pieces.values()) == b.size
        if b in self.fills and not covered:
            for start, n in _even(b.size, self.lanes):
                self.put(b, self.fills[b], self._at(b, start), n, room - start)
        for start in sorted(pieces):
            n, x = pieces[start]
            self.put(b, x, self._at(b, start), n, room - start if covered else n)


def _overlap(pieces: dict[int, tuple[int, Value]], start: int, n: int) -> bool:
    """Whether a piece has some of ``n`` elements."""
    for at, (m, _) in pieces.items():  # noqa: SIM110 - half the time of ``any``
        if at < start + n and start < at + m:
            return True
    return False


DTYPES = {element_of(d): d for d in STORAGE}


def order_of(r: Any) -> str:
    """Whether a source shows one element, a row of them, or (empty) neither."""
    return "one" if isinstance(r, Immediate) else _order(r.shape, r.strides)


@lru_cache(maxsize=4096)
def _order(shape: Shape, strides: tuple[int, ...]) -> str:
    axes = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    if not any(s for _, s in axes):
        return "one"
    step = 1
    for n, s in reversed(axes):
        if s != step:
            return ""
        step *= n
    return "row"


@lru_cache(maxsize=256)
def _even(n: int, lanes: int) -> tuple[tuple[int, int], ...]:
    """A domain cut into vectors."""
    return tuple((k, min(lanes, n - k)) for k in range(0, n, lanes))
