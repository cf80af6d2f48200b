"""The logarithm of the gamma function, its slope, and their kin; in double precision.

Beyond 8 the series of Stirling; below, recurrences lead to a polynomial about the zero at 2 or
1.46, so that results near the zero keep their digits on the right of it. Left of it, and at small
arguments, two terms of opposite sign are added: there the absolute error is what is small.
"""

from __future__ import annotations

from . import coefficients
from .lanes import Lanes, by_lane, far, where
from .logarithm import log_of
from .pairs import Pair, exact_product, exact_sum, ordered_sum, single
from .trigonometric import tan

INF = float("inf")
_HALF_LOG_2PI = (0.9189385332046728, -3.8782941580672414e-17)
_ZERO = (1.4616321449683622, 9.549995429965697e-17)


def _negative(x: Lanes) -> Lanes:
    return by_lane("lgamma", x)


def gammaln(x: Lanes) -> Lanes:
    """The logarithm of the absolute value of the gamma function."""
    large = x >= 8.0
    # Down to 1.5 ≤ y ≤ 2.5 by x - 1, x - 2, ..., or up by x, x + 1.
    y, factor = x, x.constant(1.0)
    for k in range(1, 7):
        step = x > k + 1.5
        factor = where(step, factor * (x - float(k)), factor)
        y = where(step, x - float(k), y)
    under = x < 1.5
    twice = x < 0.5
    factor = where(under, where(twice, x * (x + 1.0), x), factor)
    t = where(large, 0.0, where(under, where(twice, x, x - 1.0), y - 2.0))
    numbers = coefficients.GAMMALN["double"]
    slope = ordered_sum(x.constant(numbers[0]), t * t.polynomial(numbers[1:]))
    near, left = exact_product(t, slope.high)
    logarithm = log_of(single(where(large, x, where(x > 1e-300, factor, 1.0)))).normal
    logarithm = Pair(
        where(under, -logarithm.high, logarithm.high), where(under, -logarithm.low, logarithm.low)
    )
    high, low = exact_sum(logarithm.high, near)
    close = high + (low + (logarithm.low + t.muladd(slope.low, left)))
    # (x - 1/2) (log x - 1) - 1/2 + log(2π)/2 + ...
    far_x = where(large, x, 8.0)
    inverse = 1.0 / far_x
    series = inverse * (inverse * inverse).polynomial(coefficients.STIRLING["double"])
    less = exact_sum(logarithm.high, x.constant(-1.0))
    less = Pair(less.high, less.low + logarithm.low)
    half = far_x - 0.5
    high, low = exact_product(half, less.high)
    total, error = exact_sum(high, x.constant(_HALF_LOG_2PI[0] - 0.5))
    beyond = total + (error + (low + half.muladd(less.low, series)))
    beyond = where(x > 1e306, x * (less.high + less.low), beyond)
    result = where(large, where(x == INF, x, beyond), close)
    odd = ~(x > 1e-300)
    return far(odd, _negative, "gammaln_negative", result, x)


def loggamma(x: Lanes) -> Lanes:
    """The principal branch of the logarithm of the gamma function, real for positive numbers."""
    return where(x < 0.0, float("nan"), gammaln(x))


def psi(x: Lanes) -> Lanes:
    """The digamma function of positive numbers; by reflection of negative ones."""
    tiny = abs(x) < 1e-300
    negative = x <= 0.0
    p = where(negative, 1.0 - x, x)
    result = _positive_psi(where(tiny, 1.0, p))
    return where(
        tiny, -1.0 / x, far(negative & ~tiny, _reflected, "psi_negative", result, x, result)
    )


def _reflected(x: Lanes, above: Lanes) -> Lanes:
    """``ψ(1 - x) - π / tan(πx)``; NaN at negative integers."""
    part = x - x.rint()
    turn = where(abs(part) == 0.5, 0.0, 3.141592653589793 / tan(part * 3.141592653589793))
    pole = (part == 0.0) | (x == -INF)
    return where(pole, float("nan"), above - turn)


def _positive_psi(x: Lanes) -> Lanes:
    large = x >= 8.0
    # The sum of 1/(x - k) down to y below 2.46, of one division.
    y, top, below = x, x.constant(0.0), x.constant(1.0)
    for k in range(1, 7):
        step = x > k + 1.4616321449683622
        by = x - float(k)
        top, below = where(step, top.muladd(by, below), top), where(step, below * by, below)
        y = where(step, by, y)
    under = x < 1.4616321449683622
    twice = x < 0.4616321449683623
    top = where(under, where(twice, -1.0 - (x + x), -1.0), top)
    below = where(under, where(twice, x * (x + 1.0), x), below)
    # y - 2, without rounding where x is small.
    t = where(under, where(twice, x, x - 1.0), where(large, 0.0, y - 2.0))
    root = where(under, t + 0.5383678550316378, (y - _ZERO[0]) - _ZERO[1])
    near = root * t.polynomial(coefficients.PSI["double"])
    close = near + top / where(large, 1.0, below)
    logarithm = log_of(single(where(large, x, 8.0)))
    inverse = 1.0 / where(large, x, 8.0)
    square = inverse * inverse
    series = square * square.polynomial(coefficients.PSI_FAR["double"])
    high, low = exact_sum(logarithm.high, inverse * -0.5)
    beyond = high + (low + (logarithm.low - series))
    return where(large, where(x == INF, x, beyond), close)


def gamma(x: Lanes) -> Lanes:
    """The gamma function, by the C library."""
    return where(x == -INF, float("nan"), by_lane("tgamma", x))
