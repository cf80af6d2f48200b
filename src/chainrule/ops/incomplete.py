"""Incomplete gamma and beta functions, and how they change with their shape parameters.

For the latter there is no closed form; the integral of the derivative of the density is taken. Of the two tails
the one is taken on which the integrand of the first derivative keeps its sign, so that nothing
cancels, and substituted such that it falls off exponentially; then the double-exponential rule
(Takahasi and Mori, Double exponential formulas for numerical integration, 1974) is right to
rounding, at a few hundred points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.primitive import Array
from .elementwise import Elementwise
from .slopes import Computed, beta_density_of, gamma_density_of
from .special import Refused, Special, polygamma, psi, psi_step

_TAU = np.arange(-4.6, 3.6, 0.0125)
#: Points in (0, ∞) and weights, dense towards 0 as any scale of the integrand may need.
_S = np.exp(0.5 * np.pi * np.sinh(_TAU))
_W = 0.0125 * 0.5 * np.pi * np.cosh(_TAU) * _S


def _gamma_slope(order: int) -> Any:
    def slope(a: Any, x: Any) -> Any:
        from scipy.special import polygamma, psi

        a, x = np.broadcast_arrays(a, x)
        near, first, second = np.log(x), psi(a), polygamma(1, a)
        below = near < first
        s = _S[(...,) + (None,) * a.ndim]
        w = _W[(...,) + (None,) * a.ndim]
        log = near - first + np.where(below, -s, s)
        decay = np.where(below, -a * s - x * np.expm1(-s), a * s - x * np.expm1(np.minimum(s, 700.0)))
        weight = log if order == 1 else log * log - second
        integral = np.sum(w * weight * np.exp(decay), axis=0)
        result = np.where(below, 1.0, -1.0) * gamma_density_of(a, x) * x * integral
        return np.where(x == 0, 0.0, result)

    return slope


def _gamma_by_x(out: Array, a: Array, x: Array) -> Array:
    return gamma_density(a, x) * (np.log(x) - psi(a))


def _gamma_second_by_x(out: Array, a: Array, x: Array) -> Array:
    return gamma_density(a, x) * ((np.log(x) - psi(a)) ** 2 - polygamma(1, a))


def _logarithms(a: Any, b: Any, x: Any, s: Any, lower: Any) -> tuple[Any, Any, Any]:
    """The logarithms of t and 1 − t, and the logarithm of the integrand over its value at x."""
    rest = 1 - x
    # Of 1 − t, or of t, without the difference of nearly equal numbers.
    inner = np.log(np.where(lower, rest, x) - np.where(lower, x, rest) * np.expm1(-s))
    outer = np.log(np.where(lower, x, rest)) - s
    log_t, log_rest = np.where(lower, outer, inner), np.where(lower, inner, outer)
    decay = np.where(
        lower, -a * s + (b - 1) * (inner - np.log1p(-x)), -b * s + (a - 1) * (inner - np.log(x))
    )
    return log_t, log_rest, decay


def _beta_slope(*by: int) -> Any:
    """The derivative by parameters 0 and 1 in turn, as in ``(0, 1)``."""

    def slope(a: Any, b: Any, x: Any) -> Any:
        from scipy.special import polygamma, psi

        a, b, x = np.broadcast_arrays(a, b, x)
        means = psi(a) - psi(a + b), psi(b) - psi(a + b)
        at = np.log(x) < means[0], np.log1p(-x) > means[1]
        lower = at[by[0]]
        s = _S[(...,) + (None,) * a.ndim]
        w = _W[(...,) + (None,) * a.ndim]
        log_t, log_rest, decay = _logarithms(a, b, x, s, lower)
        apart = log_t - means[0], log_rest - means[1]
        weight = apart[by[0]]
        if len(by) == 2:
            both = polygamma(1, a + b)
            curve = both if by[0] != by[1] else both - polygamma(1, (a, b)[by[0]])
            weight = weight * apart[by[1]] + curve
        integral = np.sum(w * weight * np.exp(decay), axis=0)
        edge = np.where(lower, x, -(1 - x))
        return np.where((x == 0) | (x == 1), 0.0, beta_density_of(a, b, x) * edge * integral)

    return slope


def _beta_by_x(*by: int) -> Any:
    def by_x(out: Array, a: Array, b: Array, x: Array) -> Array:
        apart = np.log(x) + psi_step(a, b), np.log1p(-x) + psi_step(b, a)
        weight = apart[by[0]]
        if len(by) == 2:
            both = polygamma(1, a + b)
            curve = both if by[0] != by[1] else both - polygamma(1, (a, b)[by[0]])
            weight = weight * apart[by[1]] + curve
        return beta_density(a, b, x) * weight

    return by_x


def _within(inside: Array, slope: Array) -> Array:
    """A slope by a shape parameter; at an end of the range, where quantiles stay whatever the shape, 0."""
    return np.where(inside == 0, 0.0, slope).astype(slope.dtype)


_INF = np.inf
_GAMMA: Any = ((0, _INF), (0, _INF))
_BETA: Any = ((0, _INF), (0, _INF), (0, 1))
_A, _B = Refused("a"), Refused("b")

# fmt: off
# The densities of which the incomplete gamma and beta functions are the integrals.
gamma_density: Elementwise = Computed(gamma_density_of, "gamma_density", "gamma_density({0}, {1})",
                         partials=(lambda out, a, x: out * (np.log(x) - psi(a)), lambda out, a, x: out * ((a - 1) / x - 1)), domain=((0, np.inf), (0, np.inf)))
beta_density: Elementwise = Computed(beta_density_of,  "beta_density",  "beta_density({0}, {1}, {2})",
                         partials=(lambda out, a, b, x: out * (np.log(x) + psi_step(a, b)), lambda out, a, b, x: out * (np.log1p(-x) + psi_step(b, a)),
                                   lambda out, a, b, x: out * ((a - 1) / x - (b - 1) / (1 - x))), domain=((0, np.inf), (0, np.inf), (0, 1)))

gamma_by_aa: Elementwise = Computed(_gamma_slope(2), "gamma_by_aa", "∂ₐ²P({0}, {1})", partials=(_A, _gamma_second_by_x), domain=_GAMMA)
gamma_by_a: Elementwise  = Computed(_gamma_slope(1), "gamma_by_a",  "∂ₐP({0}, {1})",  partials=(lambda out, a, x: gamma_by_aa(a, x), _gamma_by_x), domain=_GAMMA)
beta_by_aa: Elementwise  = Computed(_beta_slope(0, 0), "beta_by_aa", "∂ₐ²I({0}, {1}, {2})",  partials=(_A, _B, _beta_by_x(0, 0)), domain=_BETA)
beta_by_ab: Elementwise  = Computed(_beta_slope(0, 1), "beta_by_ab", "∂ₐ∂ᵦI({0}, {1}, {2})", partials=(_A, _B, _beta_by_x(0, 1)), domain=_BETA)
beta_by_bb: Elementwise  = Computed(_beta_slope(1, 1), "beta_by_bb", "∂ᵦ²I({0}, {1}, {2})",  partials=(_A, _B, _beta_by_x(1, 1)), domain=_BETA)
beta_by_a: Elementwise   = Computed(_beta_slope(0), "beta_by_a",    "∂ₐI({0}, {1}, {2})",   partials=(lambda out, a, b, x: beta_by_aa(a, b, x), lambda out, a, b, x: beta_by_ab(a, b, x), _beta_by_x(0)), domain=_BETA)
beta_by_b: Elementwise   = Computed(_beta_slope(1), "beta_by_b",    "∂ᵦI({0}, {1}, {2})",   partials=(lambda out, a, b, x: beta_by_ab(a, b, x), lambda out, a, b, x: beta_by_bb(a, b, x), _beta_by_x(1)), domain=_BETA)

gammainc: Elementwise   = Special("gammainc",   "P({0}, {1})",   lambda out, a, x: gamma_by_a(a, x),  lambda out, a, x: gamma_density(a, x),    domain=((0, _INF), (0, _INF)))
gammaincc: Elementwise  = Special("gammaincc",  "Q({0}, {1})",   lambda out, a, x: -gamma_by_a(a, x), lambda out, a, x: -gamma_density(a, x),   domain=((0, _INF), (0, _INF)))
gammaincinv: Elementwise= Special("gammaincinv", "P⁻¹({0}, {1})", lambda out, a, p: _within(out, -gamma_by_a(a, out) / gamma_density(a, out)), lambda out, a, p: 1 / gamma_density(a, out), domain=((0, _INF), (0, 1)))
gammainccinv: Elementwise= Special("gammainccinv", "Q⁻¹({0}, {1})", lambda out, a, q: _within(out, -gamma_by_a(a, out) / gamma_density(a, out)), lambda out, a, q: -1 / gamma_density(a, out), domain=((0, _INF), (0, 1)))
betaincc: Elementwise   = Special("betaincc",   "1 - I({0}, {1}, {2})", lambda out, a, b, x: -beta_by_a(a, b, x), lambda out, a, b, x: -beta_by_b(a, b, x), lambda out, a, b, x: -beta_density(a, b, x), domain=((0, _INF), (0, _INF), (0, 1)))
betainc: Elementwise    = Special("betainc",    "I({0}, {1}, {2})", lambda out, a, b, x: beta_by_a(a, b, x), lambda out, a, b, x: beta_by_b(a, b, x), lambda out, a, b, x: beta_density(a, b, x), domain=((0, _INF), (0, _INF), (0, 1)))
betaincinv: Elementwise = Special("betaincinv", "I⁻¹({0}, {1}, {2})", lambda out, a, b, p: _within(out * (1 - out), -beta_by_a(a, b, out) / beta_density(a, b, out)), lambda out, a, b, p: _within(out * (1 - out), -beta_by_b(a, b, out) / beta_density(a, b, out)), lambda out, a, b, p: 1 / beta_density(a, b, out), domain=((0, _INF), (0, _INF), (0, 1)))

betainccinv: Elementwise = Special("betainccinv", "(1 - I)⁻¹({0}, {1}, {2})", lambda out, a, b, p: _within(out * (1 - out), -beta_by_a(a, b, out) / beta_density(a, b, out)), lambda out, a, b, p: _within(out * (1 - out), -beta_by_b(a, b, out) / beta_density(a, b, out)), lambda out, a, b, p: -1 / beta_density(a, b, out), domain=((0, _INF), (0, _INF), (0, 1)))
# fmt: on
