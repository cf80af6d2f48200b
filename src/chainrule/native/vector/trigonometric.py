"""Sine, cosine, tangent and their inverses.

The multiple of π that is taken off is known to three times the bits of the format, and what the
first subtraction leaves is exact: Cody and Waite, Software Manual for the Elementary Functions.
Beyond the range of that the C library takes over, lane by lane.
"""

from __future__ import annotations

from functools import partial

from . import coefficients
from .lanes import Lanes, by_lane, far, shared, where
from .pairs import Pair, exact_sum, ordered_sum, quotient, single

#: π in three parts, all positive: their multiples by 0 keep the sign of what they are taken from.
PI = {
    "double": (3.141592653589793, 1.224646799147353e-16, 2.1657133478438278e-32),
    "float": (3.141592502593994, 1.5099578831723193e-07, 1.078060505991553e-14),
}
INVERSE_PI = 0.3183098861837907
#: How far the reduction holds.
LIMIT = {"double": 2.0**30, "float": 2.0**14}
INF = float("inf")
NAN = float("nan")


def _off(x: Lanes, n: Lanes, scale: float) -> Pair:
    """``x - n π``, with π times ``scale``."""
    first, second, third = (p * scale for p in PI[x.element])
    near = n.fma(-first, x)
    r = n.muladd(-third, n.fma(-second, near))
    # What r lacks; near 0 it lacks nothing, and this difference would not be exact.
    low = n.fma(-second, near - r)
    edge = {"double": 2.0**-12, "float": 2.0**-8}[x.element]
    return Pair(r, where(abs(near) > edge, low, 0.0))


def _beyond(name: str, x: Lanes) -> Lanes:
    """The function of large numbers."""
    if x.element == "float":
        return shared(_SINES[name], name, x.to("double")).to("float")
    return by_lane(name, x)


def _anywhere(name: str, x: Lanes, y: Lanes) -> Lanes:
    large = abs(x) > LIMIT[x.element]
    return far(large, partial(_beyond, name), f"{name}_far", y, x)


def _sine(angle: Pair, parity: Lanes) -> Lanes:
    """The sine of an angle within ±π/2, negated where the lowest bit of ``parity`` is set."""
    r, low = angle
    square = r * r
    numbers = coefficients.SIN[r.element]
    first = ordered_sum(r.constant(numbers[0]), square * square.polynomial(numbers[1:]))
    cube = r * square
    left = cube.muladd(first.low, low * square.muladd(-0.5, 1.0))
    y = r + cube.muladd(first.high, left)
    return (y.bits ^ (parity << (r.format.bits - 1))).real


def sin(x: Lanes) -> Lanes:
    """The sine."""
    shifted = x.muladd(INVERSE_PI, x.format.shift)
    y = _sine(_off(x, shifted - x.format.shift, 1.0), shifted.bits)
    return _anywhere("sin", x, where(x == 0.0, x, y))


def cos(x: Lanes) -> Lanes:
    """The cosine, the sine of ``x + π/2``."""
    shifted = x.muladd(INVERSE_PI, 0.5) + x.format.shift
    number = (shifted - x.format.shift) - 0.5
    return _anywhere("cos", x, _sine(_off(x, number, 1.0), shifted.bits))


def tan(x: Lanes) -> Lanes:
    """The tangent: of sine and cosine within ±π/4 the quotient, one way or the other."""
    shifted = x.muladd(2 * INVERSE_PI, x.format.shift)
    r, low = _off(x, shifted - x.format.shift, 0.5)
    square = r * r
    series = square.polynomial(coefficients.SIN_SHORT[x.element])
    sine = ordered_sum(r, (r * square).muladd(series, low))
    series = square.polynomial(coefficients.COS_SHORT[x.element])
    rest = square * square.muladd(series, -0.5)
    cosine = ordered_sum(x.constant(1.0), (-r).muladd(low, rest))
    odd = (shifted.bits & 1) != 0
    top = Pair(where(odd, -cosine.high, sine.high), where(odd, -cosine.low, sine.low))
    below = Pair(where(odd, sine.high, cosine.high), where(odd, sine.low, cosine.low))
    return _anywhere("tan", x, where(x == 0.0, x, quotient(top, below).total))


_SINES = {"sin": sin, "cos": cos, "tan": tan}


# -- inverses ------------------------------------------------------------------------------------


def _arctan(top: Pair, below: Pair, turned: Lanes) -> Pair:
    """The angle of ``top / below``, both positive, less a right angle where ``turned``."""
    middle = top.high > below.high * 0.41421356237309503
    difference = exact_sum(top.high, -below.high)
    total = exact_sum(below.high, top.high)
    lowest = where(middle, difference.low + (top.low - below.low), top.low)
    t = quotient(
        Pair(where(middle, difference.high, top.high), lowest),
        Pair(
            where(middle, total.high, below.high),
            where(middle, total.low + (top.low + below.low), below.low),
        ),
    )
    z = t.high * t.high
    rest = (t.high * z).muladd(z.polynomial(coefficients.ARCTAN[z.element]), t.low)
    first, second, _ = PI[z.element]
    base = where(middle, first / 4, z.constant(0.0))
    left = where(middle, second / 4, z.constant(0.0))
    # The angle of what is turned: a right angle less it.
    base = where(turned, base - first / 2, base)
    left = where(turned, left - second / 2, left)
    swap = abs(base) >= abs(t.high)
    high, low = ordered_sum(where(swap, base, t.high), where(swap, t.high, base))
    return Pair(high, low + (rest + left))


def arctan(x: Lanes) -> Lanes:
    """The arc tangent."""
    a = abs(x).clamp(None, {"double": 2.0**100, "float": 2.0**60}[x.element])
    large = a > 1.0
    one = x.constant(1.0)
    angle = _arctan(single(where(large, one, a)), single(where(large, a, one)), large)
    y = where(large, -angle.high - angle.low, angle.total)
    return where(a < {"double": 2.0**-40, "float": 2.0**-20}[x.element], x, y.with_sign(x))


def arctan2(y: Lanes, x: Lanes) -> Lanes:
    """The angle of a point."""
    a, b = abs(y), abs(x)
    steep = a > b
    large, small = where(steep, a, b), where(steep, b, a)
    # So that the inverse of the larger one is a normal number.
    above, under, down, up = {
        "double": (2.0**900, 2.0**400, 2.0**-200, 2.0**500),
        "float": (2.0**90, 2.0**30, 2.0**-40, 2.0**50),
    }[x.element]
    scale = where(large > above, down, where(large < under, up, x.constant(1.0)))
    both = small == INF
    below = where((large == 0.0) | (large == INF), 1.0, large * scale)
    top = where(large == INF, where(both, 1.0, x.constant(0.0)), small * scale)
    never = x.made(x.f.constant(False, "i1", x.v.width))
    angle = _arctan(single(top), single(below), never)
    first, second, _ = PI[x.element]
    behind = x.bits < 0
    # An angle of the first eighth, reflected on the diagonal, then on the vertical.
    back = steep ^ behind
    base = where(steep, first / 2, where(behind, first, x.constant(0.0)))
    left = where(steep, second / 2, where(behind, second, x.constant(0.0)))
    part = where(back, -angle.high, angle.high), where(back, -angle.low, angle.low)
    high, low = exact_sum(base, part[0])
    result = (high + (low + (part[1] + left))).with_sign(y)
    return where(y.is_nan | x.is_nan, NAN, result)


def _chord(x: Lanes) -> tuple[Lanes, Pair, Lanes]:
    """Whether ``|x| > 1/2``, and the arc sine of ``x``, or there of ``√((1 - |x|)/2)``."""
    a = abs(x)
    large = a > 0.5
    z = where(large, a.muladd(-0.5, 0.5), a * a)
    s = where(large, z.sqrt(), a)
    rest = s * z * z.polynomial(coefficients.ARCSIN[x.element])
    # What the root lacks.
    lost = (-s).fma(s, z) / where(large, s + s, 1.0).clamp(x.format.tiny, None)
    return large, Pair(s, where(large, lost, 0.0)), rest


def arcsin(x: Lanes) -> Lanes:
    """The arc sine."""
    large, s, rest = _chord(x)
    first, second, _ = PI[x.element]
    high, low = ordered_sum(x.constant(first / 2), -2.0 * s.high)
    beyond = high + (low + (second / 2 - 2.0 * (rest + s.low)))
    y = where(large, beyond, s.high + rest).with_sign(x)
    return where(abs(x) <= 1.0, y, NAN)


def arccos(x: Lanes) -> Lanes:
    """The arc cosine."""
    large, s, rest = _chord(x)
    first, second, _ = PI[x.element]
    negative = x < 0.0
    # π/2 - asin(x); 2 asin(s) near 1; π - 2 asin(s) near -1.
    base = where(large, where(negative, first, x.constant(0.0)), first / 2)
    left = where(large, where(negative, second, x.constant(0.0)), second / 2)
    high = where(large, s.high + s.high, s.high)
    below = where(large, (rest + s.low) * 2.0, rest)
    minus = negative == large
    total, low = exact_sum(base, where(minus, -high, high))
    y = total + (low + (where(minus, -below, below) + left))
    return where(abs(x) <= 1.0, y, NAN)
