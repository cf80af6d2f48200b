"""The exponential function and its kin, hyperbolic functions and the logistic among them.

``x = n log 2 + r`` with ``|r| ≤ log(2)/2``, and ``exp(r) = 1 + r + r² q(r)``: Muller, Elementary
Functions, chapter 11. Where the result is a difference or a quotient of exponentials, these are
kept as pairs up to the last operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import coefficients
from .lanes import Lanes, where
from .pairs import Pair, exact_product, exact_sum, ordered_sum, quotient, single

#: log 2 in two parts, the first of so few bits that its multiples by an exponent are exact.
LN2 = {
    "double": (0.693147180559663, 2.8235290563031577e-13),
    "float": (0.693145751953125, 1.428606765330187e-06),
}
#: log 2 and log 10 as the nearest number and what is left.
LN2_PAIR = {
    "double": (0.6931471805599453, 2.3190468138462996e-17),
    "float": (0.6931471824645996, -1.9046542121259336e-09),
}
LN10_PAIR = {
    "double": (2.302585092994046, -2.1707562233822494e-16),
    "float": (2.3025851249694824, -3.1975435632602967e-08),
}
#: The decimal logarithm of 2 in two parts, as LN2.
LOG10_2 = {
    "double": (0.30102999566383914, 1.42050232272661e-13),
    "float": (0.301025390625, 4.605039066518657e-06),
}
LOG2_E = 1.4426950408889634
LOG2_10 = 3.321928094887362

#: Beyond these the exponential is 0 or infinite.
RANGE = {"double": (-746.0, 710.0), "float": (-105.0, 89.0)}
#: Where the hyperbolic functions are infinite.
BEYOND = {"double": 711.0, "float": 90.0}


def nearest(x: Lanes, factor: float) -> tuple[Lanes, Lanes]:
    """The integer nearest to ``x * factor``, as an integer and as a number."""
    shifted = x.muladd(factor, x.format.shift)
    return shifted.bits - x.format.shift_bits, shifted - x.format.shift


def power_of_two(n: Lanes) -> Lanes:
    """``2**n`` for an integer ``n`` in the range of the exponents of normal numbers."""
    bias, fraction = {"i64": (1023, 52), "i32": (127, 23)}[n.element]
    return ((n + bias) << fraction).real


def scaled(x: Lanes, n: Lanes, number: Lanes) -> Lanes:
    """``x * 2**n`` for ``n`` in twice the range of the exponents, rounded once."""
    instruction = _scaling(x)
    if instruction:
        return instruction(number)
    half = halved(n)
    return (x * power_of_two(half)) * power_of_two(n - half)


def halved(n: Lanes) -> Lanes:
    """Half of an exponent; shifts of negative numbers are not everywhere one instruction."""
    return n.shifted_right(4096, 1) - 2048


def _scaling(x: Lanes) -> Callable[[Lanes], Lanes] | None:
    """The instruction for this, where there is one."""
    width, short = x.v.width, {"double": "pd", "float": "ps"}[x.element]
    bits = width * x.format.bits
    machine = x.f.machine
    has = machine.register == 64 or "+avx512vl" in machine.features.split(",")
    if not (has and machine.triple.startswith("x86_64") and bits in (128, 256, 512)):
        return None
    name = f"llvm.x86.avx512.mask.scalef.{short}.{bits}"
    mask = f"i{max(width, 8)} -1" + (", i32 4" if bits == 512 else "")
    types = f"{x.v.type}, {x.v.type}, {x.v.type}, " + mask.replace(" -1", "").replace(" 4", "")
    x.f.module.declare(name, f"declare {x.v.type} @{name}({types})")

    def scale(number: Lanes) -> Lanes:
        args = f"{x.v}, {number.v}, {x.v}, {mask}"
        return x.made(x.f.value(f"call {x.v.type} @{name}({args})", x.element, width))

    return scale


def reduced(x: Lanes) -> tuple[Lanes, Lanes]:
    """``n`` and ``r`` with ``x = n log 2 + r``."""
    n, number = nearest(x, LOG2_E)
    head, rest = LN2[x.element]
    return n, number.muladd(-rest, number.muladd(-head, x))


def tail(r: Lanes) -> Lanes:
    """``exp(r) - 1 - r`` for small ``r``."""
    return r * r * r.polynomial(coefficients.EXP[r.element])


class Parts(NamedTuple):
    """``2**n (1 + p)``, ``n`` as an integer and as a number."""

    n: Lanes
    number: Lanes
    p: Pair

    def times(self, x: Lanes) -> Lanes:
        """``x * 2**n``."""
        return scaled(x, self.n, self.number)


def exp_parts(x: Lanes, low: Lanes | None = None) -> Parts:
    """The exponential of ``x + low``."""
    n, number = nearest(x, LOG2_E)
    head, rest = LN2[x.element]
    near = number.fma(-head, x)  # exact
    r = number.fma(-rest, near)
    left = number.fma(-rest, near - r)
    if low is not None:
        r, left = ordered_sum(r, left + low)
    return Parts(n, number, Pair(r, left + tail(r)))


def exp(x: Lanes) -> Lanes:
    """The exponential."""
    x = x.clamp(*RANGE[x.element])
    n, number = nearest(x, LOG2_E)
    head, rest = LN2[x.element]
    r = number.fma(-rest, number.fma(-head, x))
    q = r.polynomial(coefficients.EXP[r.element])
    return scaled(q.muladd(r * r, r) + 1.0, n, number)


def exp2(x: Lanes) -> Lanes:
    """2 to the power."""
    low, high = {"double": (-1080.0, 1024.0), "float": (-155.0, 128.0)}[x.element]
    x = x.clamp(low, high)
    n, number = nearest(x, 1.0)
    return _of_base(x - number, n, number, LN2_PAIR[x.element])


def exp10(x: Lanes) -> Lanes:
    """10 to the power."""
    low, high = {"double": (-325.0, 309.0), "float": (-47.0, 39.0)}[x.element]
    x = x.clamp(low, high)
    n, number = nearest(x, LOG2_10)
    head, rest = LOG10_2[x.element]
    return _of_base(number.fma(-rest, number.fma(-head, x)), n, number, LN10_PAIR[x.element])


def _of_base(t: Lanes, n: Lanes, number: Lanes, base: tuple[float, float]) -> Lanes:
    """``2**n exp(t log(base))``."""
    r = t * base[0]
    left = t.fma(base[1], t.fma(base[0], -r))
    return scaled((r + (tail(r) + left)) + 1.0, n, number)


def quarter_expm1(x: Lanes, low: Lanes | None = None) -> Pair:
    """A quarter of ``exp(x + low) - 1``: it overflows no sooner than hyperbolic functions do."""
    n, _, p = exp_parts(x, low)
    s = power_of_two(n - 2)
    high, low = ordered_sum(s - 0.25, s * p.high)
    return ordered_sum(high, s.muladd(p.low, low))


def _tiny(x: Lanes) -> Lanes:
    """Whether a function that is nearly its argument at 0 is equal to it: ±0 and subnormals."""
    return abs(x) < {"double": 2.0**-60, "float": 2.0**-30}[x.element]


def expm1(x: Lanes) -> Lanes:
    """``exp(x) - 1``."""
    low, high = {"double": (-40.0, 710.0), "float": (-20.0, 89.0)}[x.element]
    n, _, p = exp_parts(x.clamp(low, high))
    s = power_of_two(n - 1)  # half of it does not overflow
    less = s - 0.5
    part = s * p.high
    near = less + part
    half = near + s.muladd(p.low, part + (less - near))
    return where(_tiny(x), x, half + half)


def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent, ``e / (e + 2)`` with ``e = exp(2x) - 1``."""
    a = abs(x)
    n, _, p = exp_parts((a + a).clamp(None, {"double": 44.0, "float": 22.0}[x.element]))
    s = power_of_two(n)
    less = s - 1.0
    part = s * p.high
    near = less + part
    e = near + s.muladd(p.low, part + (less - near))
    return quotient(single(e), exact_sum(e, x.constant(2.0))).total.with_sign(x)


def sinh(x: Lanes) -> Lanes:
    """The hyperbolic sine, ``(e + e / (e + 1)) / 2`` with ``e = exp(|x|) - 1``."""
    e = quarter_expm1(abs(x).clamp(None, BEYOND[x.element]))
    near = Pair(e.high.clamp(None, 2.0**60), e.low)  # beyond, the quotient is 1
    above, rest = exact_sum(near.high, x.constant(0.25))
    t = quotient(near.scaled(0.25), Pair(above, rest + near.low))
    high, low = ordered_sum(e.high, t.high)
    y = (high + (low + (e.low + t.low))) * 2.0
    return where(_tiny(x), x, where(abs(x) > BEYOND[x.element], abs(x) * INF, y).with_sign(x))


def cosh(x: Lanes) -> Lanes:
    """The hyperbolic cosine."""
    e = quarter_expm1(abs(x).clamp(None, BEYOND[x.element]))
    high, low = exact_sum(e.high, x.constant(0.25))
    y = (high + ((low + e.low) + 0.0625 / high)) * 2.0
    return where(abs(x) > BEYOND[x.element], abs(x) * INF, y)


INF = float("inf")


def decay(x: Lanes) -> Pair:
    """``exp(-|x|)``."""
    a = -abs(x)
    low, _ = RANGE[x.element]
    parts = exp_parts(a.clamp(low, None))
    p = parts.p
    high, rest = ordered_sum(x.constant(1.0), p.high)
    high, rest = ordered_sum(high, rest + p.low)
    return Pair(parts.times(high), parts.times(rest))


def expit(x: Lanes) -> Lanes:
    """The logistic function, ``1 / (1 + exp(-x))``."""
    e = decay(x)
    high, low = ordered_sum(x.constant(1.0), e.high)
    above = x < 0
    top = Pair(where(above, e.high, 1.0), where(above, e.low, 0.0))
    return quotient(top, Pair(high, low + e.low)).total


def exprel(x: Lanes) -> Lanes:
    """``(exp(x) - 1) / x``, 1 at 0."""
    low, high = {"double": -40.0, "float": -20.0}[x.element], BEYOND[x.element]
    y = (quarter_expm1(x.clamp(low, high)).total / x) * 4.0
    return where(_tiny(x), 1.0, where(x > high, INF, y))


def exact_square(x: Lanes) -> Pair:
    """``x * x`` as a pair, with a low part of 0 where it overflows."""
    high, low = exact_product(x, x)
    return Pair(high, where(high < INF, low, 0.0))
