"""Error functions and the normal distribution.

``erf(x) = x (1 + p(x²))`` near 0, and far out ``erfc(x) = exp(-x²) q(t) / (1 + 2x)`` with
``t = (x - 4)/(x + 4)``: Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x²)
erfc x, 1981. The square is a pair, so that its rounding does not show in the exponential.
"""

from __future__ import annotations

from . import coefficients
from .exponential import exact_square, exp_parts
from .lanes import Lanes, where
from .logarithm import log1p, log_of
from .pairs import Pair, exact_sum, ordered_sum, quotient

_ROOT_HALF = {
    "double": (0.7071067811865476, -4.833646656726457e-17),
    "float": (0.7071067690849304, 1.2101617485882343e-08),
}
#: As good as infinite.
_INFINITE = {"double": 2.0**100, "float": 2.0**60}
#: Beyond this erfc is 0.
_FAR = {"double": 28.0, "float": 11.0}
INF = float("inf")


def _near(x: Lanes) -> Lanes:
    """``erf(x) - x`` for ``|x| ≤ 1``."""
    return x * (x * x).polynomial(coefficients.ERF[x.element])


def _scaled_tail(x: Lanes) -> Pair:
    """``exp(x²) erfc(x)`` for ``x ≥ 0``."""
    x = x.clamp(None, _INFINITE[x.element])
    numbers = coefficients.ERFCX[x.element]
    four = x.constant(4.0)
    t, left = quotient(exact_sum(x, -four), exact_sum(x, four))
    high, low = ordered_sum(x.constant(numbers[0]), t * t.polynomial(numbers[1:]))
    top = Pair(high, left.muladd(t.polynomial(coefficients.ERFCX_SLOPE[x.element]), low))
    above, rest = exact_sum(x + x, x.constant(1.0))
    return quotient(top, Pair(above, rest))


def _decayed(tail: Pair, square: Pair) -> Lanes:
    """``tail * exp(-square)``, which may be subnormal."""
    low = {"double": -800.0, "float": -140.0}[tail.high.element]
    parts = exp_parts((-square.high).clamp(low, None), -square.low)
    more = tail.high.muladd(parts.p.total, tail.low)
    return parts.times(tail.high + more)


def _tail(a: Lanes) -> Lanes:
    """``erfc(a)`` for ``a`` of at least 1/4."""
    a = a.clamp(None, _FAR[a.element])
    return _decayed(_scaled_tail(a), exact_square(a))


def erf(x: Lanes) -> Lanes:
    """The error function."""
    a = abs(x)
    y = where(a < 1.0, x + _near(x.clamp(-1.0, 1.0)), (1.0 - _tail(a)).with_sign(x))
    return where(x == 0.0, x, y)


def erfc(x: Lanes) -> Lanes:
    """1 less the error function."""
    tail = _tail(abs(x))
    near = x.clamp(-0.5, 0.5)
    close = (1.0 - near) - _near(near)
    return where(abs(x) < 0.375, close, where(x < 0.0, 2.0 - tail, tail))


def erfcx(x: Lanes) -> Lanes:
    """``exp(x²) erfc(x)``."""
    near = abs(x).clamp(None, 0.5)
    close = _decayed(exact_sum(1.0 - near, -_near(near)), -exact_square(near))
    far = where(x > _INFINITE[x.element], 0.5641895835477563 / x, _scaled_tail(abs(x)).total)
    tail = where(abs(x) < 0.375, close, far)
    squared = exact_square(x.clamp({"double": -27.0, "float": -10.0}[x.element], 0.0))
    parts = exp_parts(squared.high, squared.low)
    high, low = ordered_sum(x.constant(1.0), parts.p.high)
    grown = parts.times(2.0 * (high + (low + parts.p.low)))
    return where(x < 0.0, grown - tail, tail)


def _half_square(x: Lanes) -> Pair:
    return exact_square(x).scaled(0.5)


def _normal_tail(a: Lanes) -> Pair:
    """``exp(a²/2) Φ(-a)``."""
    high, low = _ROOT_HALF[a.element]
    z = a * high
    lost = where(a < 64.0, a.fma(low, a.fma(high, -z)), 0.0)
    tail = _scaled_tail(z)
    slope = (z + z).muladd(tail.high, -1.1283791670955126)
    return Pair(tail.high, slope.muladd(lost, tail.low)).scaled(0.5)


def ndtr(x: Lanes) -> Lanes:
    """The distribution function of the normal distribution."""
    a = abs(x).clamp(None, {"double": 39.0, "float": 15.0}[x.element])
    tail = _decayed(_normal_tail(a), _half_square(a))
    z = x.clamp(-1.0, 1.0)
    high = z * _ROOT_HALF[x.element][0]
    close = 0.5 + 0.5 * (high + _near(high))
    return where(a < 0.5, close, where(x < 0.0, tail, 1.0 - tail))


def log_ndtr(x: Lanes) -> Lanes:
    """The logarithm of the distribution function of the normal distribution."""
    a = abs(x)
    near = a.clamp(None, {"double": 39.0, "float": 15.0}[x.element])
    tail = _normal_tail(near)
    right = log1p(-_decayed(tail, _half_square(near)))
    square = _half_square(a)
    logarithm = log_of(_normal_tail(a))
    high, low = exact_sum(-square.high, logarithm.high)
    left = high + (low + (logarithm.low - square.low))
    left = where(square.high == INF, -INF, left)
    inner = x.clamp(-1.0, 1.25)
    factor, rest_of_factor = _ROOT_HALF[x.element]
    z = inner * factor
    lost = inner.fma(rest_of_factor, inner.fma(factor, -z))
    # The slope of erf, as roughly as its small factor allows.
    above, rest = exact_sum(z, lost.muladd((z * z).muladd(-0.7, 1.1), _near(z)))
    half = exact_sum(x.constant(0.5), 0.5 * above)
    middle = log_of(Pair(half.high, half.low + 0.5 * rest)).total
    return where(x > 1.25, right, where(x > -0.7, middle, where(x.is_nan, x, left)))
