"""The exponential function and its kin.

``x = n log 2 + r`` with ``|r| ≤ log(2)/2``, and ``exp(r) = 1 + r + r² q(r)``: Muller, Elementary
Functions, chapter 11.
"""

from __future__ import annotations

from . import coefficients
from .lanes import Lanes

#: log 2 in two parts, in each format: the first is the nearest number.
LN2 = {
    "double": (0.6931471805599453, 2.3190468138462996e-17),
    "float": (0.6931471824645996, -1.904654323148236e-09),
}
LOG2_E = 1.4426950408889634


def nearest(x: Lanes, factor: float) -> tuple[Lanes, Lanes]:
    """The integer nearest to ``x * factor``, as an integer and as a number."""
    shifted = x.fma(factor, x.format.shift)
    return shifted.bits - x.format.shift_bits, shifted - x.format.shift


def power_of_two(n: Lanes) -> Lanes:
    """``2**n`` for an integer ``n`` in the range of the exponents of normal numbers."""
    form = {"i64": (1023, 52), "i32": (127, 23)}[n.element]
    return ((n + form[0]) << form[1]).real


def scaled(x: Lanes, n: Lanes) -> Lanes:
    """``x * 2**n`` for ``n`` in twice the range of the exponents, rounded once."""
    half = n >> 1
    return (x * power_of_two(half)) * power_of_two(n - half)


def reduced(x: Lanes) -> tuple[Lanes, Lanes]:
    """``n`` and ``r`` with ``x = n log 2 + r``."""
    n, number = nearest(x, LOG2_E)
    high, low = LN2[x.element]
    return n, number.fma(-low, number.fma(-high, x))


def expm1_tail(r: Lanes) -> Lanes:
    """``exp(r) - 1 - r`` for small ``r``."""
    return r * r * r.polynomial(coefficients.EXP[r.element])


#: Beyond these the exponential is 0 or infinite.
RANGE = {"double": (-746.0, 710.0), "float": (-105.0, 89.0)}


def exp(x: Lanes) -> Lanes:
    """The exponential."""
    n, r = reduced(x.clamp(*RANGE[x.element]))
    q = r.polynomial(coefficients.EXP[r.element])
    return scaled(q.fma(r * r, r) + 1.0, n)
