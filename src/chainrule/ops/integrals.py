"""Elliptic integrals and functions, integrals of elementary functions, hypergeometric functions.

Sources: Olver et al., NIST Digital Library of Mathematical Functions, 6.2, 7.2, 13.3, 15.5, 19.4,
19.18, 22.13; Corless et al., On the Lambert W function, 1996; Byrd and Friedman, Handbook of
Elliptic Integrals, 1971, 710, for the derivatives of elliptic functions by the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array
from .bessel import Component
from .elementwise import Elementwise
from .slopes import Computed
from .special import Refused, Special

_INF = np.inf
_PI = float(np.pi)
_ROOT_PI = float(np.sqrt(np.pi))
_POSITIVE = (0, _INF)
_BELOW_1 = (-_INF, 1)


def _like(value: float, x: Array) -> Any:
    return x.dtype.type(value) if x.dtype.kind == "f" else value


def _two_f_one(a: float, b: float, c: float, x: Array) -> Array:
    return hyp2f1(_like(a, x), _like(b, x), _like(c, x), x)


def _spence_slope(out: Array, x: Array) -> Array:
    """``−log(x) / (x − 1)``, near 1 by the series that ₂F₁ knows."""
    if x.dtype.kind == "c":
        return -np.log(x) / (x - 1)
    near = np.abs(x - 1) < 0.25
    series = _two_f_one(1, 1, 2, np.where(near, 1 - x, 0.0).astype(x.dtype))
    apart = np.where(near, 2.0, x).astype(x.dtype)
    return -np.where(near, series, np.log(apart) / (apart - 1))


def _over(value: Array, x: Array, at_0: float) -> Array:
    """``value / x``, with what it tends to at 0."""
    return np.where(x == 0, at_0, value / np.where(x == 0, 1, x))


# -- incomplete elliptic integrals -----------------------------------------------------------------


def _periods(phi: Any) -> tuple[Any, Any]:
    """``phi`` less a multiple of π, in [−π/2, π/2], and twice that multiple."""
    count = np.rint(phi / np.pi)
    return phi - count * np.pi, 2 * count


def _ellip_d(phi: Any, m: Any) -> Any:
    """``(F − E)/m = ∫ sin² / √(1 − m sin²)``."""
    from scipy.special import elliprd

    rest, periods = _periods(phi)
    s, c = np.sin(rest), np.cos(rest)
    part = s**3 / 3 * elliprd(c * c, 1 - m * s * s, 1.0)
    return part + np.where(periods == 0, 0.0, periods * elliprd(0.0, 1 - m, 1.0) / 3)


def _ellip_dd(phi: Any, m: Any) -> Any:
    """``2 ∂F/∂m = ∫ sin² / (1 − m sin²)^(3/2)``."""
    from scipy.special import elliprd

    rest, periods = _periods(phi)
    s, c = np.sin(rest), np.cos(rest)
    part = s**3 / 3 * elliprd(c * c, 1.0, 1 - m * s * s)
    return part + np.where(periods == 0, 0.0, periods * elliprd(0.0, 1.0, 1 - m) / 3)


def _delta(phi: Array, m: Array) -> Array:
    return np.sqrt(1 - m * np.square(np.sin(phi)))


def _ellip_d_by_m(out: Array, phi: Array, m: Array) -> Array:
    # D = (F − E)/m, so m D′ = F′ − E′ − D = dd/2 − D/2.
    return (ellip_dd(phi, m) - out) / (2 * m)


def _ellip_dd_by_m(out: Array, phi: Array, m: Array) -> Array:
    # From (1 − m) dd = F − D − sin cos / Δ.
    s, c, delta = np.sin(phi), np.cos(phi), _delta(phi, m)
    change = 0.5 * out - ellip_d_by(phi, m) - 0.5 * s**3 * c / delta**3
    return (change + out) / (1 - m)


def ellip_d_by(phi: Array, m: Array) -> Array:
    """The derivative of ``ellip_d`` by the parameter."""
    return (ellip_dd(phi, m) - ellip_d(phi, m)) / (2 * m)


def _carlson(by_x: int, by_z: int) -> Any:
    """The derivative of ``R_D = 3/2 ∫ (t+x)^(−1/2) (t+y)^(−1/2) (t+z)^(−3/2) dt``, as its integral."""
    factor = 1.5 * (-0.5) ** by_x * (-1.5) ** by_z
    tau = np.arange(-5.2, 5.2, 0.04)
    points = np.exp(0.5 * np.pi * np.sinh(tau))
    weights = 0.04 * 0.5 * np.pi * np.cosh(tau) * points

    def slope(x: Any, y: Any, z: Any) -> Any:
        x, y, z = np.broadcast_arrays(x, y, z)
        t = points[(...,) + (None,) * x.ndim]
        w = weights[(...,) + (None,) * x.ndim]
        inside = (t + x / z) ** (-0.5 - by_x) * (t + y / z) ** -0.5 * (t + 1) ** (-1.5 - by_z)
        return factor * np.sum(w * inside, axis=0) / z**2.5

    return slope


# -- Jacobi's elliptic functions: by the amplitude φ, of which F(φ, m) = u --------------------------


def _amplitude_by_m(u: Array, m: Array) -> Array:
    sn, cn, dn, ph = (row(u, m) for row in (ellipj_sn, ellipj_cn, ellipj_dn, ellipj_ph))
    return (dn * (ellip_d(ph, m) - u) + sn * cn) / (2 * (1 - m))


class _Lambert(Special):
    """SciPy's function of (z, branch, tolerance); always complex."""

    def __init__(self) -> None:
        super().__init__("lambertw", "W({0})", lambda out, z: np.exp(-out) / (1 + out))

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        dtype = np.result_type(*[o if isinstance(o, np.dtype) else o() for o in operands], np.float32)
        out = np.result_type(dtype, np.complex64)
        return (out,), out

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        (z,) = arrays
        dtype = np.result_type(z, np.complex64)
        return np.asarray(self.function(z), dtype)[()]

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        return lambda z: self.evaluate((z,))


class _Branch(Computed):
    """Other branches of Lambert's function, the branch a whole number."""

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        return (np.dtype(int), np.dtype(complex)), np.dtype(complex)

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        from scipy.special import lambertw

        return np.asarray(lambertw(arrays[1], arrays[0]), complex)[()]

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        k, z = np.array([1, -1, 2]), np.array([0.7, 1.3, 2.4])
        return (((k, z), ()), ((k, z + 1j * z[::-1]), ()))


_PARAMETER: Any = ((-_INF, _INF), (0, 0.9))
_ABC = Refused("a"), Refused("b"), Refused("c")

# fmt: off
# -- hypergeometric functions ------------------------------------------------------------------------

hyp0f1: Elementwise = Special("hyp0f1", "₀F₁({0}, {1})", Refused("v"), lambda out, v, x: hyp0f1(v + 1, x) / v, domain=(_POSITIVE, _POSITIVE), real=True)
hyp2f1: Elementwise = Special("hyp2f1", "₂F₁({0}, {1}, {2}, {3})", *_ABC, lambda out, a, b, c, x: a * b / c * hyp2f1(a + 1, b + 1, c + 1, x), domain=(_POSITIVE, _POSITIVE, _POSITIVE, (-1, 1)), real=True)
hyperu: Elementwise = Special("hyperu", "U({0}, {1}, {2})", *_ABC[:2], lambda out, a, b, x: -a * hyperu(a + 1, b + 1, x), domain=(_POSITIVE, _POSITIVE, _POSITIVE))
wright_bessel: Elementwise = Special("wright_bessel", "Φ({0}, {1}, {2})", *_ABC[:2], lambda out, a, b, x: wright_bessel(a, a + b, x), domain=(_POSITIVE, _POSITIVE, _POSITIVE))
log_wright_bessel: Elementwise = Special("log_wright_bessel", "log Φ({0}, {1}, {2})", *_ABC[:2], lambda out, a, b, x: np.exp(log_wright_bessel(a, a + b, x) - out), domain=(_POSITIVE, _POSITIVE, _POSITIVE))

# -- elliptic integrals ------------------------------------------------------------------------------

ellipk: Elementwise   = Special("ellipk",   "K({0})", lambda out, m: _PI / 8 * _two_f_one(1.5, 1.5, 2, m), domain=_BELOW_1)
ellipkm1: Elementwise = Special("ellipkm1", "K(1 - {0})", lambda out, p: -(1 / 6) * elliprd(_like(0, p), _like(1, p), p), domain=_POSITIVE)
ellipe: Elementwise   = Special("ellipe",   "E({0})", lambda out, m: -_PI / 8 * _two_f_one(0.5, 1.5, 2, m), domain=_BELOW_1)
ellip_d: Elementwise  = Computed(_ellip_d,  "ellip_d",  "D({0}, {1})", partials=(lambda out, phi, m: np.square(np.sin(phi)) / _delta(phi, m), _ellip_d_by_m), domain=_PARAMETER)
ellip_dd: Elementwise = Computed(_ellip_dd, "ellip_dd", "D′({0}, {1})", partials=(lambda out, phi, m: np.square(np.sin(phi)) / _delta(phi, m) ** 3, _ellip_dd_by_m), domain=_PARAMETER)
ellipkinc: Elementwise = Special("ellipkinc", "F({0}, {1})", lambda out, phi, m: 1 / _delta(phi, m), lambda out, phi, m: 0.5 * ellip_dd(phi, m), domain=_PARAMETER)
ellipeinc: Elementwise = Special("ellipeinc", "E({0}, {1})", lambda out, phi, m: _delta(phi, m), lambda out, phi, m: -0.5 * ellip_d(phi, m), domain=_PARAMETER)
elliprf: Elementwise  = Special("elliprf", "R_F({0}, {1}, {2})", lambda out, x, y, z: -(1 / 6) * elliprd(y, z, x), lambda out, x, y, z: -(1 / 6) * elliprd(z, x, y), lambda out, x, y, z: -(1 / 6) * elliprd(x, y, z), domain=(_POSITIVE, _POSITIVE, _POSITIVE), real=True)
elliprc: Elementwise  = Special("elliprc", "R_C({0}, {1})", lambda out, x, y: -(1 / 6) * elliprd(y, y, x), lambda out, x, y: -(1 / 3) * elliprd(x, y, y), domain=(_POSITIVE, _POSITIVE), real=True)
elliprd: Elementwise  = Special("elliprd", "R_D({0}, {1}, {2})", lambda out, x, y, z: elliprd_by_x(x, y, z), lambda out, x, y, z: elliprd_by_x(y, x, z), lambda out, x, y, z: elliprd_by_z(x, y, z), domain=(_POSITIVE, _POSITIVE, _POSITIVE), real=True)
elliprd_by_x: Elementwise = Computed(_carlson(1, 0), "elliprd_by_x", "∂₁R_D({0}, {1}, {2})", partials=(Refused("x"), Refused("y"), Refused("z")), domain=(_POSITIVE, _POSITIVE, _POSITIVE))
elliprd_by_z: Elementwise = Computed(_carlson(0, 1), "elliprd_by_z", "∂₃R_D({0}, {1}, {2})", partials=(Refused("x"), Refused("y"), Refused("z")), domain=(_POSITIVE, _POSITIVE, _POSITIVE))
ellipj_sn: Elementwise = Component("ellipj", 0, "ellipj_sn", "sn({0}, {1})", lambda out, u, m: ellipj_cn(u, m) * ellipj_dn(u, m), lambda out, u, m: ellipj_cn(u, m) * _amplitude_by_m(u, m), domain=_PARAMETER)
ellipj_cn: Elementwise = Component("ellipj", 1, "ellipj_cn", "cn({0}, {1})", lambda out, u, m: -ellipj_sn(u, m) * ellipj_dn(u, m), lambda out, u, m: -ellipj_sn(u, m) * _amplitude_by_m(u, m), domain=_PARAMETER)
ellipj_dn: Elementwise = Component("ellipj", 2, "ellipj_dn", "dn({0}, {1})", lambda out, u, m: -m * ellipj_sn(u, m) * ellipj_cn(u, m), lambda out, u, m: -(0.5 * np.square(ellipj_sn(u, m)) + m * ellipj_sn(u, m) * ellipj_cn(u, m) * _amplitude_by_m(u, m)) / out, domain=_PARAMETER)
ellipj_ph: Elementwise = Component("ellipj", 3, "ellipj_ph", "am({0}, {1})", lambda out, u, m: ellipj_dn(u, m), lambda out, u, m: _amplitude_by_m(u, m), domain=_PARAMETER)

# -- sine, cosine, logarithmic and Fresnel integrals -------------------------------------------------

si: Elementwise  = Component("sici", 0, "si",  "Si({0})",  lambda out, x: np.sin(x) / x if x.dtype.kind == "c" else np.sinc(x / _PI), real=False)
ci: Elementwise  = Component("sici", 1, "ci",  "Ci({0})",  lambda out, x: np.cos(x) / x, real=False, domain=_POSITIVE)
shi: Elementwise = Component("shichi", 0, "shi", "Shi({0})", lambda out, x: _over(np.sinh(x), x, 1.0), real=False)
chi: Elementwise = Component("shichi", 1, "chi", "Chi({0})", lambda out, x: np.cosh(x) / x, real=False, domain=_POSITIVE)
fresnel_s: Elementwise = Component("fresnel", 0, "fresnel_s", "S({0})", lambda out, x: np.sin(_PI / 2 * x * x), real=False)
fresnel_c: Elementwise = Component("fresnel", 1, "fresnel_c", "C({0})", lambda out, x: np.cos(_PI / 2 * x * x), real=False)
spence: Elementwise = Special("spence", "Li₂(1 - {0})", _spence_slope, domain=_POSITIVE)

# -- Faddeeva's, Lambert's and Wright's functions ----------------------------------------------------

wofz: Elementwise = Special("wofz", "w({0})", lambda out, z: -2 * z * out + 2j / _ROOT_PI, makes_complex=True)
lambertw: Elementwise = _Lambert()
lambertw_branch: Elementwise = _Branch(lambda k, z: z, "lambertw_branch", "W({0}, {1})", partials=(None, lambda out, k, z: np.exp(-out) / (1 + out)))
wrightomega: Elementwise = Special("wrightomega", "ω({0})", lambda out, z: out / (1 + out))
# fmt: on
