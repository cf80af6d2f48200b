"""Logarithms.

``x = 2**k (1 + f)`` with ``√½ ≤ 1 + f ≤ √2``, and ``log(1 + f) = f - f²/2 + f³ q(f)``.
"""

from __future__ import annotations

from . import coefficients
from .exponential import LN2
from .lanes import Lanes, where

INF = float("inf")
NAN = float("nan")


def decomposed(x: Lanes) -> tuple[Lanes, Lanes]:
    """``k`` and ``m`` with ``x = 2**k m`` and ``√½ ≤ m ≤ √2``, for positive ``x``."""
    form = x.format
    small = x < form.tiny
    up = float(form.fraction + 2)
    bits = where(small, x * 2.0**up, x).bits
    root = {"double": 0x3FE6A09E667F3BCD, "float": 0x3F3504F3}[x.element]
    k = (bits - root) >> form.fraction
    m = (bits - (k << form.fraction)).real
    # An integer of few bits becomes a number by adding it to the bits of the shift.
    number = (k + form.shift_bits).real - form.shift
    return number - where(small, up, x.constant(0.0)), m


def domain(x: Lanes, y: Lanes, zero: float = 0.0) -> Lanes:
    """The logarithm ``y`` with its values at ``zero``, below it and at infinity."""
    y = where(x == INF, x, y)
    y = where(x == zero, -INF, y)
    return where((x < zero) | x.is_nan, NAN, y)


def log(x: Lanes) -> Lanes:
    """The natural logarithm."""
    k, m = decomposed(x)
    f = m - 1.0
    square = f * f
    tail = square * f * f.polynomial(coefficients.LOG[x.element])
    high, low = LN2[x.element]
    total = k.fma(low, square.fma(-0.5, tail)) + f
    return domain(x, k.fma(high, total))
