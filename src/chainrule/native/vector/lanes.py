"""Values with Python's operators, in which the functions of this package are written.

:class:`Lanes` is a value together with the function that it is emitted into: ``x * y + 1.0`` emits
two instructions. All lanes do the same; what is chosen by lane is chosen by :func:`where`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..text import Function, Operand, Value


class Format(NamedTuple):
    """A format of floating point."""

    #: LLVM's names of the integer of the same size, and of the format in overloaded names.
    integer: str
    short: str
    bits: int
    #: Bits of the mantissa after the point.
    fraction: int
    bias: int
    #: The smallest normal and the largest finite number.
    tiny: float
    huge: float

    @property
    def shift(self) -> float:
        """Added to a number, it leaves the nearest integer in the low bits of the sum."""
        return 1.5 * 2.0**self.fraction

    @property
    def shift_bits(self) -> int:
        """The bits of the shift."""
        return (self.bias + self.fraction << self.fraction) + (1 << self.fraction - 1)


FORMATS = {
    "double": Format("i64", "f64", 64, 52, 1023, 2.0**-1022, 2.0**1023 * (2 - 2.0**-52)),
    "float": Format("i32", "f32", 32, 23, 127, 2.0**-126, 2.0**127 * (2 - 2.0**-23)),
}


class Lanes:
    """A value with Python's operators."""

    __slots__ = ("f", "v")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, f: Function, v: Value) -> None:
        self.f = f
        self.v = v

    @property
    def element(self) -> str:
        """LLVM's name of the type of an element."""
        return self.v.element

    @property
    def format(self) -> Format:
        """The format, of a value of floating point."""
        return FORMATS[self.v.element]

    def like(self, other: Other) -> Value:
        """An operand as a value of this type."""
        if isinstance(other, Lanes):
            return other.v
        return self.f.constant(other, self.v.element, self.v.width)

    def constant(self, number: Operand) -> Lanes:
        """A number of this type."""
        return Lanes(self.f, self.f.like(number, self.v))

    def made(self, value: Value) -> Lanes:
        """Another value in the same function."""
        return Lanes(self.f, value)

    def _binary(self, real: str, whole: str, x: Other, y: Other) -> Lanes:
        op = real if self.v.is_float else whole
        return self.made(self.f.binary(op, self.like(x), self.like(y)))

    def __add__(self, y: Other) -> Lanes:
        return self._binary("fadd", "add", self, y)

    def __radd__(self, y: Other) -> Lanes:
        return self._binary("fadd", "add", y, self)

    def __sub__(self, y: Other) -> Lanes:
        return self._binary("fsub", "sub", self, y)

    def __rsub__(self, y: Other) -> Lanes:
        return self._binary("fsub", "sub", y, self)

    def __mul__(self, y: Other) -> Lanes:
        return self._binary("fmul", "mul", self, y)

    def __rmul__(self, y: Other) -> Lanes:
        return self._binary("fmul", "mul", y, self)

    def __truediv__(self, y: Other) -> Lanes:
        return self._binary("fdiv", "fdiv", self, y)

    def __rtruediv__(self, y: Other) -> Lanes:
        return self._binary("fdiv", "fdiv", y, self)

    def __and__(self, y: Other) -> Lanes:
        return self._binary("and", "and", self, y)

    def __or__(self, y: Other) -> Lanes:
        return self._binary("or", "or", self, y)

    def __xor__(self, y: Other) -> Lanes:
        return self._binary("xor", "xor", self, y)

    def __invert__(self) -> Lanes:
        return self ^ (True if self.element == "i1" else -1)

    def __lshift__(self, y: Other) -> Lanes:
        return self._binary("shl", "shl", self, y)

    def __rshift__(self, y: Other) -> Lanes:
        return self._binary("ashr", "ashr", self, y)

    def shifted_right(self, offset: int, count: int) -> Lanes:
        """The integer plus ``offset``, which makes it positive, shifted."""
        return self.made(self.f.binary("lshr", (self + offset if offset else self).v, count))

    def __neg__(self) -> Lanes:
        return self.made(self.f.fneg(self.v)) if self.v.is_float else 0 - self

    def _compare(self, real: str, whole: str, y: Other) -> Lanes:
        if self.v.is_float:
            return self.made(self.f.fcmp(real, self.v, self.like(y)))
        if self.element == "i1":
            whole = whole.replace("s", "u")  # true is 1, not -1
        return self.made(self.f.icmp(whole, self.v, self.like(y)))

    def __lt__(self, y: Other) -> Lanes:
        return self._compare("olt", "slt", y)

    def __le__(self, y: Other) -> Lanes:
        return self._compare("ole", "sle", y)

    def __gt__(self, y: Other) -> Lanes:
        return self._compare("ogt", "sgt", y)

    def __ge__(self, y: Other) -> Lanes:
        return self._compare("oge", "sge", y)

    def __eq__(self, y: Other) -> Lanes:  # type: ignore[override]
        return self._compare("oeq", "eq", y)

    def __ne__(self, y: Other) -> Lanes:  # type: ignore[override]
        return self._compare("une", "ne", y)

    def __abs__(self) -> Lanes:
        if self.v.is_float:
            return self.intrinsic("fabs")
        return self if self.element == "i1" else where(self < 0, 0 - self, self)

    def fma(self, y: Other, z: Other) -> Lanes:
        """``self * y + z``, rounded once; without the instruction, exact if they nearly cancel."""
        a, b = self.like(y), self.like(z)
        if self.f.machine.fma:
            return self.made(self.f.fma(self.v, a, b))
        other = self.made(a)
        product = self * other
        (p, q), (r, s) = _halves(self), _halves(other)
        error = ((p * r - product) + p * s + q * r) + q * s
        return (product + self.made(b)) + error

    def muladd(self, y: Other, z: Other) -> Lanes:
        """``self * y + z`` as is fastest."""
        return self.made(self.f.muladd(self.v, self.like(y), self.like(z)))

    def intrinsic(self, name: str, *others: Other) -> Lanes:
        """An intrinsic of LLVM."""
        return self.made(self.f.intrinsic(name, self.v, *map(self.like, others)))

    def sqrt(self) -> Lanes:
        """The square root, rounded correctly."""
        return self.intrinsic("sqrt")

    def floor(self) -> Lanes:
        """The next integer below."""
        return self.intrinsic("floor")

    def trunc(self) -> Lanes:
        """The next integer towards 0."""
        return self.intrinsic("trunc")

    def rint(self) -> Lanes:
        """The nearest integer."""
        return self.intrinsic("rint")

    def with_sign(self, y: Other) -> Lanes:
        """The magnitude of this, the sign of ``y``."""
        return self.intrinsic("copysign", y)

    @property
    def is_nan(self) -> Lanes:
        """Whether it is NaN."""
        return self != self  # noqa: PLR0124

    @property
    def bits(self) -> Lanes:
        """The bits of a number of floating point, as an integer."""
        return self.made(self.f.convert("bitcast", self.v, self.format.integer))

    @property
    def real(self) -> Lanes:
        """The number of floating point of these bits."""
        element = {"i64": "double", "i32": "float"}[self.element]
        return self.made(self.f.convert("bitcast", self.v, element))

    def to(self, element: str) -> Lanes:
        """The same number in another type, as NumPy converts it."""
        return self.made(cast(self.f, self.v, element))

    def polynomial(self, coefficients: Sequence[float]) -> Lanes:
        """``c[0] + c[1] x + ...`` by Horner's rule: the most accurate, and short on vectors."""
        total = self.constant(coefficients[-1])
        for c in coefficients[-2::-1]:
            total = total.muladd(self, c)
        return total

    def clamp(self, low: float | None, high: float | None) -> Lanes:
        """The nearest number between two, NaN for NaN."""
        x = self
        if low is not None:
            x = where(x < low, low, x)
        if high is not None:
            x = where(x > high, high, x)
        return x


#: A value, or a number of the same type.
Other = Lanes | float | int | bool

#: What writes the instructions of a function of lanes.
Emitter = Callable[..., Lanes]


def where(condition: Lanes, x: Other, y: Other) -> Lanes:
    """``x`` where the condition holds, ``y`` elsewhere."""
    a = x.v if isinstance(x, Lanes) else x
    b = y.v if isinstance(y, Lanes) else y
    return condition.made(condition.f.select(condition.v, a, b))


def _halves(x: Lanes) -> tuple[Lanes, Lanes]:
    """Two numbers of half the bits with this sum: Dekker's product needs them."""
    scaled = x * {"double": 2.0**27 + 1, "float": 2.0**12 + 1}[x.element]
    high = scaled - (scaled - x)
    return high, x - high


def cast(f: Function, x: Value, element: str) -> Value:
    """The same numbers as another type, by the rules of NumPy."""
    if x.element == element:
        return x
    if element == "i1":
        return f.fcmp("une", x, 0.0) if x.is_float else f.icmp("ne", x, 0)
    sizes = {"i1": 1, "i8": 8, "i32": 32, "i64": 64, "float": 32, "double": 64}
    grows = sizes[element] > sizes[x.element]
    if x.is_float:
        if element in FORMATS:
            return f.convert("fpext" if grows else "fptrunc", x, element)
        return _to_integer(f, x, element)
    if element in FORMATS:
        if x.element == "i1":
            one, zero = (f.constant(v, element, x.width) for v in (1.0, 0.0))
            return f.select(x, one, zero)
        return f.convert("sitofp", x, element)
    if x.element == "i1":
        return f.convert("zext", x, element)
    return f.convert("sext" if grows else "trunc", x, element)


def _to_integer(f: Function, x: Value, element: str) -> Value:
    """Towards 0, and as the processor does, which is as C does, where it does not fit."""
    bits = int(element[1:])
    # The result of fptosi is undefined there; x86 gives the smallest integer.
    outside = f.select(f.fcmp("olt", x, 2.0 ** (bits - 1)), x, -(2.0 ** (bits - 1)))
    inside = f.select(f.fcmp("oge", outside, -(2.0 ** (bits - 1))), outside, -(2.0 ** (bits - 1)))
    return f.convert("fptosi", inside, element)


def far(beyond: Lanes, emitter: Callable[..., Any], name: str, near: Lanes, *args: Lanes) -> Lanes:
    """``near``, but in the rare lanes ``beyond`` a function of ``args`` that is slow and apart."""
    f = near.f
    rare, after = f.fresh("rare"), f.fresh("near")
    hit = f.reduce("or", beyond.v)
    before = f.block
    f.line(f"br i1 {hit.text}, label %{rare}, label %{after}")
    f.label(rare)
    slow = where(beyond, shared(emitter, name, *args), near)
    f.line(f"br label %{after}")
    f.label(after)
    pairs = f"[{near.v.text}, %{before}], [{slow.v.text}, %{rare}]"
    return near.made(f.value(f"phi {near.v.type} {pairs}", near.element, near.v.width))


def by_lane(name: str, *args: Lanes) -> Lanes:
    """A function of the C library, or another external one, of each lane; in double precision."""
    f, first = args[0].f, args[0]
    wide = [x.to("double") for x in args]
    results = [
        f.external(name, [f.lane(x.v, k) for x in wide], "double") for k in range(first.v.width)
    ]
    if first.v.width == 1:
        return first.made(results[0]).to(first.element)
    whole = Value("poison", "double", first.v.width)
    for k, one in enumerate(results):
        whole = f.value(f"insertelement {whole}, {one}, i64 {k}", "double", first.v.width)
    return first.made(whole).to(first.element)


def in_double(emitter: Emitter, name: str) -> Emitter:
    """The emitter of a function that is computed in double precision for both."""

    def emit(*args: Lanes) -> Lanes:
        if args[0].element == "double":
            return emitter(*args)
        return shared(emitter, name, *(x.to("double") for x in args)).to("float")

    return emit


def shared(emitter: Callable[..., Any], name: str, *args: Lanes) -> Lanes:
    """A call of the module's one copy of a long function for these types."""
    first = args[0]
    f, width = first.f, first.v.width
    full = f"{name}_{first.format.short}x{width}"
    if full not in f.module.functions:
        parameters = [Value(f"%a{k}", a.element, width) for k, a in enumerate(args)]
        made = f.module.function(
            full,
            parameters,
            Value("", first.element, width).type,
            f"noinline willreturn memory(none) {f.machine.attributes}",
            "internal",
        )
        made.ret(emitter(*(Lanes(made, p) for p in parameters)).v)
    return first.made(f.call(full, [a.v for a in args], first.element, width))
