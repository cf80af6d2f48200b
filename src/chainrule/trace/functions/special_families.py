"""``scipy.special``: functions of several results, families of functions, and distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops import bessel as be
from ...ops import incomplete as ig
from ...ops import integrals as it
from ...ops import orthogonal as op
from ...ops import special as sp
from ..site import here
from .reductions import as_array


def _refused(what: str, remedy: str) -> UnsupportedFunction:
    return UnsupportedFunction(f"scipy.special.{what} has no derivative here. {remedy}", here())


# -- several results -------------------------------------------------------------------------------


def _together(*rows: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: tuple(row(*args) for row in rows)


def kelvin(x: Any) -> Any:
    """As :func:`scipy.special.kelvin`."""
    return (
        be.ber(x) + 1j * be.bei(x), be.ker(x) + 1j * be.kei(x),
        be.berp(x) + 1j * be.beip(x), be.kerp(x) + 1j * be.keip(x),
    )  # fmt: skip


# -- derivatives of Bessel functions as functions --------------------------------------------------


def _nth(row: Callable[..., Any], sign: float) -> Callable[..., Any]:
    """The n-th derivative by the recurrence ``2 f′(v) = ± f(v − 1) ∓ f(v + 1)``."""

    def derivative(v: Any, z: Any, n: int = 1) -> Any:
        if n == 0:
            return row(v, z)
        first = 1.0 if row is not sp.kv else -1.0
        terms = [
            math.comb(n, k) * (sign**k) * row(v - n + 2 * k, z) for k in range(n + 1)
        ]
        return first**n * sum(terms[1:], terms[0]) / 2**n

    return derivative


def _spherical(row: Callable[..., Any], before: float, after: float) -> Callable[..., Any]:
    """``(2n + 1) f′(n) = ± n f(n − 1) ± (n + 1) f(n + 1)``."""

    def function(n: Any, z: Any, derivative: bool = False) -> Any:
        if not derivative:
            return row(n, z)
        lower = row(np.maximum(n - 1, 0), z)
        return (before * n * lower + after * (n + 1) * row(n + 1, z)) / (2 * n + 1)

    return function


# -- other families --------------------------------------------------------------------------------


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """As :func:`scipy.special.lambertw`, of a fixed branch."""
    if isinstance(k, int) and k == 0:
        return it.lambertw(as_array(z))
    return it.lambertw_branch(k, as_array(z))


def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """As :func:`scipy.special.voigt_profile` for a positive ``sigma``."""
    scale = sigma * math.sqrt(2.0)
    return np.real(it.wofz((x + 1j * gamma) / scale)) / (scale * math.sqrt(math.pi))


def agm(a: Any, b: Any) -> Any:
    """As :func:`scipy.special.agm`, of positive numbers."""
    share = 4 * a * b / np.square(a + b)
    return math.pi / 4 * (a + b) / it.ellipkm1(share)


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    """As :func:`scipy.special.sph_harm_y`."""
    if diff_n:
        raise _refused("sph_harm_y with diff_n=", "Take the derivative with chainrule.jacobian.")
    n, m = np.asarray(n), np.asarray(m)
    order = np.abs(m)
    front = np.sqrt((2 * n + 1) / (4 * np.pi)) * np.exp(
        0.5 * (_log_factorial(n - order) - _log_factorial(n + order))
    )
    front = front * np.where((m < 0) & (m % 2 == 1), -1.0, 1.0)
    legendre = be.legendre_of_angle(order.astype(float), n.astype(float), as_array(theta))
    return front * legendre * np.exp(1j * m * as_array(phi))


def _log_factorial(n: Any) -> Any:
    return np.vectorize(math.lgamma, otypes=[float])(n + 1.0)


def diric(x: Any, n: int) -> Any:
    """As :func:`scipy.special.diric`: ``sin(nx/2) / (n sin(x/2))``."""
    x = as_array(x)
    half = 0.5 * x
    low = np.sin(half)
    whole = np.abs(low) < 1e-7  # there to rounding the square of the distance counts
    distance = np.where(whole, half - np.pi * np.rint(half / np.pi), 0.0)
    sign = np.where(np.rint(half / np.pi) * (n - 1) % 2 == 0, 1.0, -1.0)
    near = sign * (1 - (n * n - 1) / 6 * np.square(distance))
    return np.where(whole, near, np.sin(n * half) / (n * np.where(whole, 1.0, low)))


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """As :func:`scipy.special.perm`."""
    there = np.less_equal(k, N) & np.greater_equal(N, 0) & np.greater_equal(k, 0)
    return np.where(there, sp.poch(np.where(there, N - k + 1.0, 1.0), k), 0.0)


# -- angles in degrees -----------------------------------------------------------------------------


def radian(d: Any, m: Any, s: Any) -> Any:
    """As :func:`scipy.special.radian`: degrees, minutes and seconds in radians."""
    return np.deg2rad(d + m / 60 + s / 3600)


# -- distributions, as incomplete gamma and beta functions ------------------------------------------


def _ratio(dfn: Any, dfd: Any, x: Any) -> Any:
    return dfn * x / (dfd + dfn * x)


def fdtri(dfn: Any, dfd: Any, p: Any) -> Any:
    """As :func:`scipy.special.fdtri`."""
    y = ig.betaincinv(dfn / 2, dfd / 2, p)
    return y * dfd / (dfn * (1 - y))


_BY_NAME: dict[str, Callable[..., Any]] = {
    "airy": _together(be.airy_ai, be.airy_aip, be.airy_bi, be.airy_bip),
    "airye": _together(be.airye_ai, be.airye_aip, be.airye_bi, be.airye_bip),
    "iti0k0": _together(be.iti0, be.itk0), "itj0y0": _together(be.itj0, be.ity0),
    "it2i0k0": _together(be.it2i0, be.it2k0), "it2j0y0": _together(be.it2j0, be.it2y0),
    "pbdv": _together(be.pbdv_d, be.pbdv_dp),
    "pbwa": _together(be.pbwa_w, be.pbwa_wp), "kelvin": kelvin,
    "ellipj": _together(it.ellipj_sn, it.ellipj_cn, it.ellipj_dn, it.ellipj_ph),
    "sici": _together(it.si, it.ci), "shichi": _together(it.shi, it.chi),
    "fresnel": _together(it.fresnel_s, it.fresnel_c),
    "jvp": _nth(sp.jv, -1.0), "yvp": _nth(sp.yv, -1.0), "h1vp": _nth(be.hankel1, -1.0),
    "h2vp": _nth(be.hankel2, -1.0), "ivp": _nth(sp.iv, 1.0), "kvp": _nth(sp.kv, 1.0),
    "spherical_jn": _spherical(be.spherical_jn, 1, -1),
    "spherical_in": _spherical(be.spherical_in, 1, 1),
    "spherical_yn": be.spherical_yn, "spherical_kn": be.spherical_kn,
    "lambertw": lambertw, "voigt_profile": voigt_profile, "agm": agm, "sph_harm_y": sph_harm_y,
    "assoc_laguerre": lambda x, n, k=0.0: op.eval_genlaguerre(n, k, x),
    "diric": diric, "perm": perm, "radian": radian,
    "sindg": lambda x: np.sin(np.deg2rad(x)), "cosdg": lambda x: np.cos(np.deg2rad(x)),
    "tandg": lambda x: np.tan(np.deg2rad(x)), "cotdg": lambda x: 1 / np.tan(np.deg2rad(x)),
    "chdtr": lambda v, x: ig.gammainc(v / 2, x / 2), "chdtrc": lambda v, x: ig.gammaincc(v / 2, x / 2),
    "chdtri": lambda v, p: 2 * ig.gammainccinv(v / 2, p),
    "gdtr": lambda a, b, x: ig.gammainc(b, a * x), "gdtrc": lambda a, b, x: ig.gammaincc(b, a * x),
    "gdtrix": lambda a, b, p: ig.gammaincinv(b, p) / a,
    "gdtria": lambda p, b, x: ig.gammaincinv(b, p) / x,
    "btdtr": ig.betainc,
    "pdtr": lambda k, m: ig.gammaincc(np.floor(k) + 1, m),
    "pdtrc": lambda k, m: ig.gammainc(np.floor(k) + 1, m),
    "pdtri": lambda k, y: ig.gammainccinv(k + 1, y),
    "bdtr": lambda k, n, p: ig.betaincc(np.floor(k) + 1, n - np.floor(k), p),
    "bdtrc": lambda k, n, p: ig.betainc(np.floor(k) + 1, n - np.floor(k), p),
    "bdtri": lambda k, n, y: ig.betainccinv(np.floor(k) + 1, n - np.floor(k), y),
    "nbdtr": lambda k, n, p: ig.betainc(n, k + 1, p), "nbdtrc": lambda k, n, p: ig.betaincc(n, k + 1, p),
    "nbdtri": lambda k, n, y: ig.betaincinv(n, k + 1, y),
    "fdtr": lambda dfn, dfd, x: ig.betainc(dfn / 2, dfd / 2, _ratio(dfn, dfd, x)),
    "fdtrc": lambda dfn, dfd, x: ig.betaincc(dfn / 2, dfd / 2, _ratio(dfn, dfd, x)), "fdtri": fdtri,
    "nrdtrimn": lambda p, std, x: x - std * sp.ndtri(p),
    "nrdtrisd": lambda mn, p, x: (x - mn) / sp.ndtri(p),
}  # fmt: skip

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    f"scipy.special.{name}": composite for name, composite in _BY_NAME.items()
}
