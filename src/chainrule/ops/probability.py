"""Distribution functions and their inverses that are not compositions of other rows.

Sources: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994 and 1995;
Marsaglia, Tsang and Wang, Evaluating Kolmogorov's distribution, 2003.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.primitive import Array
from .bessel import ive
from .elementwise import Elementwise
from .incomplete import beta_by_a, beta_by_b, beta_density, gamma_by_a, gamma_density
from .slopes import Computed
from .special import Refused, Special, erfcx, gammaln

_INF = np.inf
_ROOT_2 = float(np.sqrt(2.0))
_ROOT_PI = float(np.sqrt(np.pi))


def _t_density(df: Array, t: Array) -> Array:
    """Student's density."""
    half = 0.5 * df
    front = gammaln(half + 0.5) - gammaln(half) - 0.5 * np.log(np.pi * df)
    return np.exp(front - (half + 0.5) * np.log1p(t * t / df))


def _t_by_df(df: Array, t: Array) -> Array:
    # In the middle 1/2 ± I(1/2, df/2, u)/2 with u = t²/(df + t²), in the tails I(df/2, 1/2, 1 − u)/2.
    square = t * t
    half = 0.5 + 0 * t
    tail = square > df
    far = np.where(tail, df / (df + square), 0.5)
    near = np.where(tail | (t == 0), 0.5, square / (df + square))
    move = square / np.square(df + square)
    outside = -0.5 * beta_by_a(0.5 * df, half, far) - beta_density(0.5 * df, half, far) * move
    inside = 0.5 * beta_by_b(half, 0.5 * df, near) - beta_density(half, 0.5 * df, near) * move
    return np.where(t == 0, 0.0, 0.5 * np.sign(t) * np.where(tail, outside, inside))


def _noncentral_density(x: Array, df: Array, nc: Array) -> Array:
    root = np.sqrt(nc * x)
    power = (x / nc) ** (0.25 * df - 0.5)
    return 0.5 * np.exp(root - 0.5 * (x + nc)) * power * ive(0.5 * df - 1, root)


def _kolmogorov(order: int) -> Any:
    """A derivative of ``2 Σ (−1)^(k−1) exp(−2k²y²)``, for small y from the dual series."""

    def slope(y: Any) -> Any:
        k = np.arange(1, 40).reshape(-1, *(1,) * np.ndim(y))
        far = np.maximum(y, 0.8)
        near = np.clip(y, 0.03, 0.8)
        square = k * k
        c = (2 * k - 1) ** 2 * np.pi**2 / 8
        growth = 2 * c / near**4 - 1 / near**2
        if order == 1:
            terms, dual = far, growth
        else:
            terms = 1 - 4 * square * far * far
            dual = 2 * c / near**3 * growth - 8 * c / near**5 + 2 / near**3
        large = np.sum(8 * (-1.0) ** k * square * terms * np.exp(-2 * square * far * far), axis=0)
        small = -float(np.sqrt(2 * np.pi)) * np.sum(np.exp(-c / near**2) * dual, axis=0)
        return np.where(y >= 0.8, large, np.where(y < 0.03, 0.0, small))

    return slope


_NC: Any = ((0, _INF), (2, _INF), (0, _INF))

# fmt: off
stdtr: Elementwise   = Special("stdtr",   "t({0}, {1})",   lambda out, df, t: _t_by_df(df, t), lambda out, df, t: _t_density(df, t), domain=((0, _INF), (-_INF, _INF)))
stdtrit: Elementwise = Special("stdtrit", "t⁻¹({0}, {1})", lambda out, df, p: -_t_by_df(df, out) / _t_density(df, out), lambda out, df, p: 1 / _t_density(df, out), domain=((0, _INF), (0, 1)))
chndtr: Elementwise  = Special("chndtr",  "χ²({0}, {1}, {2})", lambda out, x, df, nc: _noncentral_density(x, df, nc), Refused("df"), lambda out, x, df, nc: -_noncentral_density(x, df + 2, nc), domain=_NC)
kolmogorov_curve: Elementwise = Computed(_kolmogorov(2), "kolmogorov_curve", "kolmogorov″({0})", partials=(Refused("y"),), domain=(0, _INF))
kolmogorov_slope: Elementwise = Computed(_kolmogorov(1), "kolmogorov_slope", "kolmogorov′({0})", partials=(lambda out, y: kolmogorov_curve(y),), domain=(0, _INF))
kolmogorov: Elementwise = Special("kolmogorov", "kolmogorov({0})",  lambda out, y: kolmogorov_slope(y), domain=(0, _INF))
kolmogi: Elementwise    = Special("kolmogi",    "kolmogorov⁻¹({0})", lambda out, p: 1 / kolmogorov_slope(out), domain=(0, 1))
chndtrix: Elementwise  = Special("chndtrix", "χ²⁻¹({0}, {1}, {2})", lambda out, p, df, nc: 1 / _noncentral_density(out, df, nc), Refused("df"), lambda out, p, df, nc: _noncentral_density(out, df + 2, nc) / _noncentral_density(out, df, nc), domain=((0, 1), (2, _INF), (0, _INF)))
# With p^λ − (1 − p)^λ = λx.
tklmbda: Elementwise    = Special("tklmbda",    "Λ({0}, {1})", lambda out, x, k: 1 / (out ** (k - 1) + (1 - out) ** (k - 1)), Refused("lmbda"), domain=((-1, 1), (0, 1)))
# exp(y)/φ(out), where φ is the normal density and exp(y) the distribution function.
ndtri_exp: Elementwise  = Special("ndtri_exp",  "Φ⁻¹(exp({0}))", lambda out, y: _ROOT_PI / _ROOT_2 * erfcx(-out / _ROOT_2), domain=(-_INF, 0))

# -- inverses by a parameter -------------------------------------------------------------------------

btdtria: Elementwise = Special("btdtria", "btdtria({0}, {1}, {2})", lambda out, p, b, x: 1 / beta_by_a(out, b, x), lambda out, p, b, x: -beta_by_b(out, b, x) / beta_by_a(out, b, x), lambda out, p, b, x: -beta_density(out, b, x) / beta_by_a(out, b, x), domain=((0, 1), (0, _INF), (0, 1)))
btdtrib: Elementwise = Special("btdtrib", "btdtrib({0}, {1}, {2})", lambda out, a, p, x: -beta_by_a(a, out, x) / beta_by_b(a, out, x), lambda out, a, p, x: 1 / beta_by_b(a, out, x), lambda out, a, p, x: -beta_density(a, out, x) / beta_by_b(a, out, x), domain=((0, _INF), (0, 1), (0, 1)))
gdtrib: Elementwise  = Special("gdtrib",  "gdtrib({0}, {1}, {2})",  lambda out, a, p, x: -x * gamma_density(out, a * x) / gamma_by_a(out, a * x), lambda out, a, p, x: 1 / gamma_by_a(out, a * x), lambda out, a, p, x: -a * gamma_density(out, a * x) / gamma_by_a(out, a * x), domain=((0, _INF), (0, 1), (0, _INF)))
chdtriv: Elementwise = Special("chdtriv", "chdtriv({0}, {1})", lambda out, p, x: 2 / gamma_by_a(out / 2, x / 2), lambda out, p, x: -gamma_density(out / 2, x / 2) / gamma_by_a(out / 2, x / 2), domain=((0, 1), (0, _INF)))
stdtridf: Elementwise = Special("stdtridf", "stdtridf({0}, {1})", lambda out, p, t: 1 / _t_by_df(out, t), lambda out, p, t: -_t_density(out, t) / _t_by_df(out, t), domain=((0.55, 0.7), (0.6, 0.9)))
pdtrik: Elementwise  = Special("pdtrik",  "pdtrik({0}, {1})",  lambda out, p, m: -1 / gamma_by_a(out + 1, m), lambda out, p, m: -gamma_density(out + 1, m) / gamma_by_a(out + 1, m), domain=((0, 1), (2, _INF)))
# fmt: on
