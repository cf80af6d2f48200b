"""Logarithms, what is made of them, and powers.

``x = 2**k (1 + f)`` with ``√½ ≤ 1 + f ≤ √2``, and ``log(1 + f) = f - f²/2 + f³ q(f)``.
"""

from __future__ import annotations

from typing import NamedTuple

from . import coefficients
from .exponential import (
    LN2,
    LN2_PAIR,
    LOG10_2,
    RANGE,
    decay,
    exp2,
    exp_parts,
    power_of_two,
    reduced,
)
from .lanes import Lanes, far, where
from .pairs import Pair, exact_product, exact_sum, ordered_sum, product, quotient, root, single

INF = float("inf")
NAN = float("nan")

#: The inverses of log 2 and log 10, as the nearest number and what is left.
LOG2_E = {
    "double": (1.4426950408889634, 2.0355273740931033e-17),
    "float": (1.4426950216293335, 1.925963033500011e-08),
}
LOG10_E = {
    "double": (0.4342944819032518, 1.098319650216765e-17),
    "float": (0.4342944920063019, -1.0103049952192578e-08),
}


class Decomposed(NamedTuple):
    """A positive number as ``2**k m`` with ``√½ ≤ m ≤ √2``."""

    #: ``k`` plus the bias of the format, as an integer.
    biased: Lanes
    k: Lanes
    m: Lanes


def decomposed(x: Lanes, *, normal: bool = False) -> Decomposed:
    """The exponent and the rest, of subnormal numbers too unless these are ``normal``."""
    form = x.format
    up = form.fraction + 2
    small = x < form.tiny
    bits = x.bits if normal else where(small, x * 2.0**up, x).bits
    least = {"double": 0x3FE6A09E667F3BCD, "float": 0x3F3504F3}[x.element]
    one = form.bias << form.fraction
    aligned = bits + (one - least)
    k = aligned.shifted_right(0, form.fraction)
    m = ((bits + one) - (aligned & -(1 << form.fraction))).real
    if not normal:
        k = k - where(small, up, k.constant(0))
    # An integer of few bits becomes a number by adding it to the bits of the shift.
    return Decomposed(k, (k + form.shift_bits).real - (form.shift + form.bias), m)


def _usual(x: Lanes) -> Lanes:
    """Whether it is a normal positive number."""
    form = x.format
    tiny = 1 << form.fraction
    most = (2 * form.bias + 1 << form.fraction) - tiny
    return x.made(x.f.icmp("ult", (x.bits - tiny).v, most))


def domain(x: Lanes, y: Lanes, zero: float = 0.0) -> Lanes:
    """The logarithm ``y`` with its values at ``zero``, below it and at infinity."""
    y = where(x == INF, x, y)
    y = where(x == zero, -INF, y)
    return where(x >= zero, y, NAN)


def log(x: Lanes) -> Lanes:
    """The natural logarithm."""
    return far(~_usual(x), _log_anywhere, "log_far", _log(x, normal=True), x)


def _log_anywhere(x: Lanes) -> Lanes:
    return domain(x, _log(x, normal=False))


def _log(x: Lanes, *, normal: bool) -> Lanes:
    _, k, m = decomposed(x, normal=normal)
    f = m - 1.0
    square = f * f
    rest = square * f * f.polynomial(coefficients.LOG[x.element])
    high, low = LN2[x.element]
    total = k.muladd(low, square.muladd(-0.5, rest)) + f
    return k.muladd(high, total)


def _fraction(low: Lanes, parts: Decomposed, *, normal: bool) -> Pair:
    """``f`` with ``x = 2**k (1 + f)``, of which ``low`` is the low part."""
    f = parts.m - 1.0
    biased, form = parts.biased, low.format
    if not normal:
        most = form.bias + (form.bias - 23)  # beyond that the low part does not count
        biased = where(biased > most, most, biased)
    low = low * ((2 * form.bias - biased) << form.fraction).real
    high = f + low
    return Pair(high, (f - high) + low)


def _beyond(f: Pair) -> Lanes:
    """``log(1 + f) - f.high``."""
    high = f.high
    square = high * high
    rest = square.muladd(-0.5, square * high * high.polynomial(coefficients.LOG[high.element]))
    return rest + (-f.low).muladd(high, f.low)


def log_of(x: Pair, twice: Lanes | None = None, *, normal: bool = False) -> Pair:
    """The logarithm of a positive pair, or of two of it."""
    parts = decomposed(x.high, normal=normal)
    k, f = parts.k, _fraction(x.low, parts, normal=normal)
    if twice is not None:
        k = k + where(twice, 1.0, x.high.constant(0.0))
    head, rest = LN2[x.high.element]
    high, low = ordered_sum(k * head, f.high)
    return Pair(high, low + k.muladd(rest, _beyond(f)))


def log1p_of(x: Pair, twice: Lanes | None = None) -> Pair:
    """``log(1 + x)``."""
    high, low = exact_sum(x.high.constant(1.0), x.high)
    if twice is not None:
        high, low = where(twice, x.high, high), where(twice, 0.0, low)
    return log_of(Pair(high, low + x.low), twice)


def log1p(x: Lanes) -> Lanes:
    """``log(1 + x)``."""
    most = {"double": 2.0**900, "float": 2.0**100}[x.element]
    usual = (x > -1.0) & (x < most)
    y = log_of(exact_sum(x.constant(1.0), x), normal=True).total.with_sign(x)
    return far(~usual, _log1p_anywhere, "log1p_far", y, x)


def _log1p_anywhere(x: Lanes) -> Lanes:
    return domain(x, log1p_of(single(x)).total, -1.0)


def _of_base(x: Lanes, inverse: tuple[float, float], unit: tuple[float, float] | None) -> Lanes:
    """The logarithm times ``inverse``, with ``unit`` the logarithm of 2, 1 if ``None``."""
    _, k, m = decomposed(x)
    f = m - 1.0
    near = f * inverse[0]
    left = f.fma(inverse[1], f.fma(inverse[0], -near))
    left = _beyond(single(f)).muladd(inverse[0], left)
    if unit is not None:
        left = k.muladd(unit[1], left)
        k = k * unit[0]
    high, low = ordered_sum(k, near)
    return domain(x, high + (low + left))


def log2(x: Lanes) -> Lanes:
    """The binary logarithm."""
    return _of_base(x, LOG2_E[x.element], None)


def log10(x: Lanes) -> Lanes:
    """The decimal logarithm."""
    return _of_base(x, LOG10_E[x.element], LOG10_2[x.element])


# -- inverse hyperbolic functions, the logit, soft maxima ------------------------------------------


def arcsinh(x: Lanes) -> Lanes:
    """``log(a + √(1 + a²))``, by ``log1p(a + a² / (1 + √(1 + a²)))``."""
    a = abs(x)
    large = a > 2.0**28
    near = where(large, 1.0, a)
    one = x.constant(1.0)
    square = exact_product(near, near)
    above, rest = exact_sum(one, square.high)
    r = root(Pair(above, rest + square.low))
    below, rest = exact_sum(one, r.high)
    part = quotient(square, Pair(below, rest + r.low))
    high, low = exact_sum(near, part.high)
    y = log1p_of(Pair(where(large, a, high), low + part.low), large).total
    y = where(a < {"double": 2.0**-40, "float": 2.0**-20}[x.element], a, y)
    return where(a == INF, a, y).with_sign(x)


def arccosh(x: Lanes) -> Lanes:
    """``log1p(t + √(t (t + 2)))`` with ``t = x - 1``."""
    large = x > 2.0**28
    t = where(large, 1.0, x - 1.0)
    above, rest = exact_sum(t, x.constant(2.0))
    r = root(product(single(t), Pair(above, rest)))
    high, low = exact_sum(t, r.high)
    y = log1p_of(Pair(where(large, x, high), low + r.low), large).total
    return where(x >= 1.0, where(x == INF, x, y), NAN)


def arctanh(x: Lanes) -> Lanes:
    """``log1p(2a / (1 - a)) / 2``."""
    a = abs(x)
    most = {"double": 1.0 - 2.0**-53, "float": 1.0 - 2.0**-24}[x.element]
    below = exact_sum(x.constant(1.0), -a.clamp(None, most))
    y = log1p_of(quotient(single(a + a), below)).total * 0.5
    y = where(a < {"double": 2.0**-40, "float": 2.0**-20}[x.element], a, y)
    return where(a < 1.0, y, where(a == 1.0, INF, x.constant(NAN))).with_sign(x)


def logit(x: Lanes) -> Lanes:
    """``log(x / (1 - x))``."""
    inside = (x > 0.0) & (x < 1.0)
    p = where(inside, x, 0.5)
    y = log_of(quotient(single(p), exact_sum(x.constant(1.0), -p))).total
    edge = where(x == 0.0, -INF, where(x == 1.0, INF, x.constant(NAN)))
    return where(inside, y, edge)


def log_expit(x: Lanes) -> Lanes:
    """The logarithm of the logistic function, ``min(x, 0) - log1p(exp(-|x|))``."""
    soft = log1p_of(decay(x))
    least = where(x > 0.0, 0.0, x)
    high, low = exact_sum(least, -soft.high)
    # Where exp(-|x|) is subnormal, the logarithm is the same.
    y = where(
        x > {"double": 700.0, "float": 85.0}[x.element], -decay(x).high, high + (low - soft.low)
    )
    return where(x == -INF, x, y)


def logaddexp(x: Lanes, y: Lanes) -> Lanes:
    """``log(exp(x) + exp(y))``."""
    soft = log1p_of(decay(x - y))
    most = where(x > y, x, y)
    high, low = exact_sum(most, soft.high)
    result = where(abs(most) == INF, most, high + (low + soft.low))
    result = where(x == y, x + LN2_PAIR[x.element][0], result)
    return where(x.is_nan | y.is_nan, NAN, result)


def logaddexp2(x: Lanes, y: Lanes) -> Lanes:
    """``log2(2**x + 2**y)``."""
    soft = log1p_of(single(exp2(-abs(x - y)))).total * LOG2_E[x.element][0]
    most = where(x > y, x, y)
    result = where(abs(most) == INF, most, most + soft)
    return where(x.is_nan | y.is_nan, NAN, where(x == y, x + 1.0, result))


# -- powers ----------------------------------------------------------------------------------------


def _accurate_log(x: Lanes, *, normal: bool) -> Pair:
    """The logarithm to some 65 bits: ``2 atanh(s)`` with ``s = f / (2 + f)``."""
    _, k, m = decomposed(x, normal=normal)
    below = exact_sum(m, x.constant(1.0))
    s = quotient(single(m - 1.0), below)
    square = product(s, s)
    z = square.high
    third, rest = 0.3333333333333333, 1.850371707708594e-17
    above = (z * z.polynomial(coefficients.LOG_RATIO[x.element])) + rest
    series = ordered_sum(x.constant(third), above)
    cube = product(product(s, square), series)
    high, low = ordered_sum(s.high, cube.high)
    low = low + (s.low + cube.low)
    head, left = LN2[x.element]
    total, error = ordered_sum(k * head, high + high)
    return Pair(total, error + k.fma(left, low + low))


def _positive_power(x: Lanes, y: Lanes, *, normal: bool) -> Lanes:
    """``x ** y`` for finite ``x > 0``."""
    logarithm = _accurate_log(x, normal=normal)
    if not normal:
        y = y.clamp(-1e200, 1e200)  # an infinite logarithm either way
    high, low = exact_product(logarithm.high, y)
    low = logarithm.low.fma(y, low)
    low = where(abs(high) < 800.0, low, 0.0)
    parts = exp_parts(high.clamp(*RANGE["double"]), low)
    top, rest = ordered_sum(x.constant(1.0), parts.p.high)
    return parts.times(top + (rest + parts.p.low))


def _rough_power(x: Lanes, y: Lanes) -> Lanes:
    """``x ** y`` to some 30 bits, of numbers in the range of single precision."""
    _, k, m = decomposed(x, normal=True)
    f = m - 1.0
    square = f * f
    rest = square * f * f.polynomial(coefficients.LOG_ROUGH["double"])
    logarithm = k.muladd(LN2_PAIR["double"][0], f + square.muladd(-0.5, rest))
    n, r = reduced((y * logarithm).clamp(-110.0, 90.0))
    q = r.polynomial(coefficients.EXP_ROUGH["double"])
    return (q.muladd(r * r, r) + 1.0) * power_of_two(n)


def power(x: Lanes, y: Lanes) -> Lanes:
    """``x ** y``."""
    if x.element == "double":
        usual = _usual(x) & (abs(y) < 1e200)
        near = _positive_power(x, y, normal=True)
    else:
        usual = _usual(x) & (abs(y) < INF)
        near = _rough_power(x.to("double"), y.to("double")).to("float")
    return far(~usual, _power_anywhere, "power_far", near, x, y)


def _power_anywhere(x: Lanes, y: Lanes) -> Lanes:
    a = abs(x)
    if x.element == "double":
        result = _positive_power(a, y, normal=False)
    else:  # double precision takes no more care than that
        result = _rough_power(a.to("double"), y.to("double")).to("float")
    result = where(a == 0.0, where(y < 0.0, INF, x.constant(0.0)), result)
    result = where(a == INF, where(y < 0.0, 0.0, x.constant(INF)), result)
    whole = y == y.trunc()
    half = y * 0.5
    odd = whole & (half != half.trunc())
    result = where((x < 0.0) & ~whole & (a < INF), NAN, result)
    result = where(odd, result.with_sign(x), result)
    result = where(x.is_nan | y.is_nan, NAN, result)
    return where((y == 0.0) | (x == 1.0) | ((x == -1.0) & (abs(y) == INF)), 1.0, result)


def literal_power(x: Lanes, exponent: float) -> Lanes | None:
    """``x ** exponent`` for the exponents for which products and roots are as accurate."""
    if exponent == 0.0:
        return x.constant(1.0)
    if exponent < 0.0:
        return literal_power(1.0 / x, -exponent) if exponent in (-1.0, -2.0) else None
    if exponent == 0.5:
        return where(x == -INF, INF, (x + 0.0).sqrt())
    if exponent not in (1.0, 2.0, 3.0, 4.0, 5.0):
        return None
    if exponent == 1.0:
        return x
    result = square = x * x
    if exponent >= 4.0:
        result = square * square
    return result * x if exponent in (3.0, 5.0) else result


def cbrt(x: Lanes) -> Lanes:
    """The cube root: ``y = m**(-1/3)`` by a polynomial and a step of third order, then ``m y²``."""
    a = abs(x)
    usual = (a > 0.0) & (a < INF)
    _, k, m = decomposed(where(usual, a, 1.0))
    third = (k * 0.3333333333333333).rint()
    left = k - 3.0 * third
    y = m.polynomial(coefficients.INVERSE_ROOT[x.element])
    y = y * where(
        left > 0.5, 0.7937005259840998, where(left < -0.5, 1.2599210498948732, x.constant(1.0))
    )
    m = m * where(left > 0.5, 2.0, where(left < -0.5, 0.5, x.constant(1.0)))
    cube = y * y * y
    error = 1.0 - m * cube
    y = y + y * error * error.muladd(2.0 / 9.0, 1.0 / 3.0)
    square = y * y
    c = m * square
    high, low = exact_product(c, c)
    rest = high.fma(c, -m) + low * c
    c = c - rest * (square * (1.0 / 3.0))
    n = (third + x.format.shift).bits - x.format.shift_bits
    return where(usual, c * power_of_two(n), a).with_sign(x)


def hypot(x: Lanes, y: Lanes) -> Lanes:
    """``√(x² + y²)``, scaled so that the squares are in range."""
    a, b = abs(x), abs(y)
    large, small = where(a > b, a, b), where(a > b, b, a)
    edge, factor = {"double": (2.0**500, 2.0**600), "float": (2.0**60, 2.0**100)}[x.element]
    scale, back = [
        where(large > edge, 1 / s, where(large < 1 / edge, s, x.constant(1.0)))
        for s in (factor, 1 / factor)
    ]
    u, v = large * scale, small * scale
    result = u.fma(u, v * v).sqrt() * back
    result = where(a.is_nan | b.is_nan, NAN, result)
    return where((a == INF) | (b == INF), INF, result)
