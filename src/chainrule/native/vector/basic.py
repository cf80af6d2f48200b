"""Arithmetic, comparisons, logic, rounding: functions of a few instructions, on every type.

Ties and NaN are NumPy's: of two equal numbers ``maximum`` gives the second, which tells 0 from -0.
"""

from __future__ import annotations

import math

import numpy as np

from .lanes import Lanes, where

_PI = np.float32(math.pi)


def _is_bool(x: Lanes) -> bool:
    return x.element == "i1"


def identity(x: Lanes) -> Lanes:
    """The number itself."""
    return x


def zero(x: Lanes) -> Lanes:
    """0, the imaginary part of a real number."""
    return x.constant(0)


def add(x: Lanes, y: Lanes) -> Lanes:
    """The sum; of Booleans, whether one holds."""
    return x | y if _is_bool(x) else x + y


def multiply(x: Lanes, y: Lanes) -> Lanes:
    """The product; of Booleans, whether both hold."""
    return x & y if _is_bool(x) else x * y


def square(x: Lanes) -> Lanes:
    """The square."""
    return multiply(x, x)


def true(x: Lanes) -> Lanes:
    """Whether it is not 0; NaN is not."""
    return x if _is_bool(x) else x != 0


def gate(weight: Lanes, t: Lanes) -> Lanes:
    """The product, 0 where the weight is."""
    if _is_bool(weight):
        return weight & t
    if not weight.v.is_float:
        return weight * t
    return weight * where(weight == 0, 0.0, t)


def toward(x: Lanes, length: Lanes) -> Lanes:
    """The quotient, 0 where the length is."""
    return where(length == 0, length, x / length)


def ratio(x: Lanes, y: Lanes) -> Lanes:
    """The quotient, 0 where the numerator is."""
    return where(x == 0, where(y.is_nan, y, 0.0 * x), x / where(x == 0, 1.0, y))


def _extremum(x: Lanes, y: Lanes, *, greatest: bool) -> Lanes:
    if _is_bool(x):
        return x | y if greatest else x & y
    return where(x > y if greatest else x < y, x, y)


def maximum(x: Lanes, y: Lanes) -> Lanes:
    """The larger one, NaN if one is."""
    result = _extremum(x, y, greatest=True)
    return where(x.is_nan, x, result) if x.v.is_float else result


def minimum(x: Lanes, y: Lanes) -> Lanes:
    """The smaller one, NaN if one is."""
    result = _extremum(x, y, greatest=False)
    return where(x.is_nan, x, result) if x.v.is_float else result


def fmax(x: Lanes, y: Lanes) -> Lanes:
    """The larger one, the other if one is NaN."""
    result = _extremum(x, y, greatest=True)
    return where(y.is_nan, x, result) if x.v.is_float else result


def fmin(x: Lanes, y: Lanes) -> Lanes:
    """The smaller one, the other if one is NaN."""
    result = _extremum(x, y, greatest=False)
    return where(y.is_nan, x, result) if x.v.is_float else result


def relu(x: Lanes) -> Lanes:
    """The larger one of it and 0."""
    if _is_bool(x):
        return x
    zero = x.constant(0)
    # The second of two that do not compare: NaN.
    return where(zero > x, zero, x) + zero if x.v.is_float else where(x > zero, x, zero)


def sign(x: Lanes) -> Lanes:
    """-1, 0 or 1, or NaN."""
    one = where(x > 0, 1, x.constant(0))
    if _is_bool(x):
        return x
    result = where(x < 0, -1, one)
    return where(x.is_nan, x, result) if x.v.is_float else result


def negative(x: Lanes) -> Lanes:
    """The negative."""
    return -x


def signbit(x: Lanes) -> Lanes:
    """Whether it is negative, -0 included."""
    return x.bits < 0 if x.v.is_float else x < 0


def heaviside(x: Lanes, h: Lanes) -> Lanes:
    """0 or 1 by the sign, ``h`` at 0."""
    return where(x.is_nan, x, where(x == 0, h, where(x < 0, 0.0, x.constant(1.0))))


def isnan(x: Lanes) -> Lanes:
    """Whether it is NaN."""
    return x.is_nan if x.v.is_float else x != x  # noqa: PLR0124


def isinf(x: Lanes) -> Lanes:
    """Whether it is infinite."""
    return abs(x) == float("inf") if x.v.is_float else x != x  # noqa: PLR0124


def isfinite(x: Lanes) -> Lanes:
    """Whether it is a number."""
    return abs(x) < float("inf") if x.v.is_float else x == x  # noqa: PLR0124


def fabs(x: Lanes) -> Lanes:
    """The absolute value."""
    return abs(x)


def sqrt(x: Lanes) -> Lanes:
    """The square root."""
    return x.sqrt()


def rounding(name: str, x: Lanes) -> Lanes:
    """An integer nearby; an integer itself."""
    return x.intrinsic(name) if x.v.is_float else x


def in_radians(x: Lanes) -> Lanes:
    """An angle in degrees as radians."""
    return x * {"double": math.pi / 180, "float": float(_PI / np.float32(180))}[x.element]


def in_degrees(x: Lanes) -> Lanes:
    """An angle in radians as degrees."""
    return x * {"double": 180 / math.pi, "float": float(np.float32(180) / _PI)}[x.element]


# -- division of integers ------------------------------------------------------------------------


def _divided(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Quotient towards 0, remainder, and whether they are one too high; by 0 both are 0."""
    f, smallest = x.f, -(1 << int(x.element[1:]) - 1)
    overflows = (x == smallest) & (y == -1)
    by = where((y == 0) | overflows, 1, y)  # what the processor refuses
    quotient, rest = x.made(f.binary("sdiv", x.v, by.v)), x.made(f.binary("srem", x.v, by.v))
    quotient = where(y == 0, 0, quotient)
    return quotient, rest, (rest != 0) & ((rest ^ y) < 0)


def whole_floor_divide(x: Lanes, y: Lanes) -> Lanes:
    """The quotient of integers, rounded down."""
    quotient, _, high = _divided(x, y)
    return where((y != 0) & high, quotient - 1, quotient)


def whole_remainder(x: Lanes, y: Lanes) -> Lanes:
    """The remainder of integers, with the sign of the divisor."""
    _, rest, high = _divided(x, y)
    return where(y == 0, 0, where(high, rest + y, rest))


def whole_fmod(x: Lanes, y: Lanes) -> Lanes:
    """The remainder of integers, with the sign of the dividend."""
    _, rest, _ = _divided(x, y)
    return where(y == 0, 0, rest)
