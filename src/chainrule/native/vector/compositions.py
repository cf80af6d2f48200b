"""Functions made of others: entropies, ``x log y`` and the like, with SciPy's values at the edges."""

from __future__ import annotations

from .exponential import quarter_expm1
from .lanes import Lanes, where
from .logarithm import log, log1p, log_of
from .pairs import exact_product, quotient, single
from .trigonometric import sin

INF = float("inf")


def entr(x: Lanes) -> Lanes:
    """``-x log x``."""
    y = -(x * log(x))
    return where(x == 0.0, 0.0, where(x < 0.0, -INF, y))


def xlogy(x: Lanes, y: Lanes) -> Lanes:
    """``x log y``, 0 where ``x`` is, unless ``y`` is NaN."""
    return where((x == 0.0) & (y == y), 0.0, x * log(y))  # noqa: PLR0124


def xlog1py(x: Lanes, y: Lanes) -> Lanes:
    """``x log(1 + y)``, 0 where ``x`` is, unless ``y`` is NaN."""
    return where((x == 0.0) & (y == y), 0.0, x * log1p(y))  # noqa: PLR0124


def _log_ratio(x: Lanes, y: Lanes) -> Lanes:
    ratio = x / y
    far, near = {"double": (2.0**500, 2.0**500), "float": (2.0**60, 2.0**50)}[x.element]
    inside = (ratio > 1 / far) & (ratio < far)
    # So that no square of them, nor of their quotient, is out of range.
    scale = where(y < 1 / near, near, where(y > 1.0, 1 / near, x.constant(1.0)))
    top, below = where(inside, x * scale, 1.0), where(inside, y * scale, 1.0)
    close = log_of(quotient(single(top), single(below))).total
    a, b = log_of(single(x)), log_of(single(y))
    apart = (a.high - b.high) + (a.low - b.low)
    return where(
        x == y, 0.0, where(inside, close, where(x == INF, INF, where(y == INF, -INF, apart)))
    )


def rel_entr(x: Lanes, y: Lanes) -> Lanes:
    """``x log(x / y)``."""
    inner = x * _log_ratio(x, y)
    edge = where((x == 0.0) & (y >= 0.0), 0.0, x.constant(INF))
    result = where((x > 0.0) & (y > 0.0), inner, edge)
    return where(x.is_nan | y.is_nan, float("nan"), result)


def kl_div(x: Lanes, y: Lanes) -> Lanes:
    """``x log(x / y) - x + y``."""
    high, low = exact_product(x, _log_ratio(x, y))
    inner = (high - (x - y)) + where(
        abs(high) < {"double": 2.0**900, "float": 2.0**100}[x.element], low, 0.0
    )
    edge = where((x == 0.0) & (y >= 0.0), y, INF)
    result = where((x > 0.0) & (y > 0.0), inner, edge)
    return where(x.is_nan | y.is_nan, float("nan"), result)


def boxcox(x: Lanes, power: Lanes) -> Lanes:
    """``(x**power - 1) / power``, the logarithm where the power is 0."""
    usual = (x > 0.0) & (x < INF)
    logarithm = log_of(single(where(usual, x, 1.0))).normal
    high, low = exact_product(power, logarithm.high)
    least, most = {"double": (-40.0, 711.0), "float": (-20.0, 90.0)}[x.element]
    rest = where((high > least) & (high < most), power.muladd(logarithm.low, low), 0.0)
    grown = quarter_expm1(high.clamp(least, most), rest).total
    flat = abs(power) < {"double": 1e-19, "float": 1e-10}[x.element]
    result = where(flat, logarithm.total, (grown / where(flat, 1.0, power)) * 4.0)
    empty = where((power > 0.0) & ~flat, -1.0 / power, -INF)
    full = where(power < 0.0, -1.0 / power, INF)
    edge = where(x == 0.0, empty, where(x == INF, full, float("nan")))
    result = where(x == 1.0, 0.0, where(usual, result, edge))
    return where(power.is_nan, power, result)


def cosm1(x: Lanes) -> Lanes:
    """``cos x - 1``."""
    half = sin(x * 0.5)
    return 0.0 - 2.0 * (half * half)
