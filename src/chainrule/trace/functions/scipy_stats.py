"""What the families of ``scipy.stats`` call in compiled code of their own, by public functions.

Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994; Azzalini, A class of
distributions which includes the normal ones, 1985.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.incomplete import betainc, betaincinv
from ...ops.special import betaln, gammaln, ndtr, owens_t, xlog1py, xlogy

Function = Callable[..., Any]


def _below(k: Any, n: Any) -> Any:
    """The whole numbers up to ``k``, as one within 0 … n − 1."""
    return np.minimum(np.maximum(np.floor(k), 0.0), n - 1.0)


def _beta_pdf(x: Any, a: Any, b: Any) -> Any:
    return np.exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b))


def _beta_ppf(q: Any, a: Any, b: Any) -> Any:
    return betaincinv(a, b, q)


def _binom_pmf(k: Any, n: Any, p: Any) -> Any:
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p))


def _binom_cdf(k: Any, n: Any, p: Any) -> Any:
    m = _below(k, n)
    inside = betainc(n - m, m + 1.0, 1.0 - p)
    return np.where(np.floor(k) >= n, 1.0, np.where(k < 0, 0.0, inside))


def _binom_sf(k: Any, n: Any, p: Any) -> Any:
    m = _below(k, n)
    inside = betainc(m + 1.0, n - m, p)
    return np.where(np.floor(k) >= n, 0.0, np.where(k < 0, 1.0, inside))


def _nbinom_pmf(k: Any, n: Any, p: Any) -> Any:
    ways = gammaln(n + k) - gammaln(n) - gammaln(k + 1.0)
    return np.exp(ways + n * np.log(p) + xlog1py(k, -p))


def _nbinom_cdf(k: Any, n: Any, p: Any) -> Any:
    inside = betainc(n, np.maximum(np.floor(k), 0.0) + 1.0, p)
    return np.where(k < 0, 0.0, inside)


def _nbinom_sf(k: Any, n: Any, p: Any) -> Any:
    inside = betainc(np.maximum(np.floor(k), 0.0) + 1.0, n, 1.0 - p)
    return np.where(k < 0, 1.0, inside)


def _cauchy_ppf(q: Any, loc: Any, scale: Any) -> Any:
    return loc + scale * np.tan(np.pi * (q - 0.5))


def _cauchy_isf(q: Any, loc: Any, scale: Any) -> Any:
    return loc - scale * np.tan(np.pi * (q - 0.5))


def _skewnorm_cdf(x: Any, loc: Any, scale: Any, a: Any) -> Any:
    z = (x - loc) / scale
    return ndtr(z) - 2.0 * owens_t(z, a)


def _cosine_cdf(x: Any) -> Any:
    inside = (np.pi + x + np.sin(x)) / (2 * np.pi)
    return np.where(x >= np.pi, 1.0, np.where(x < -np.pi, 0.0, inside))


def _nbinom_mean(n: Any, p: Any) -> Any:
    return n * (1.0 - p) / p


def _nbinom_variance(n: Any, p: Any) -> Any:
    return n * (1.0 - p) / p**2


FUNCTIONS: dict[Any, Function] = {
    f"scipy.special.{f.__name__}": f
    for f in (
        _beta_pdf, _beta_ppf, _binom_pmf, _binom_cdf, _binom_sf, _nbinom_pmf, _nbinom_cdf,
        _nbinom_sf, _cauchy_ppf, _cauchy_isf, _skewnorm_cdf, _cosine_cdf, _nbinom_mean,
        _nbinom_variance,
    )
}  # fmt: skip
