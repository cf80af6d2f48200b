"""Bessel functions and their kin: Airy, Kelvin, Struve, Hankel, parabolic cylinder, spherical.

Sources: Olver et al., NIST Digital Library of Mathematical Functions, 9.2, 10.6, 10.29, 10.51,
10.61, 11.4 and 12.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array
from .elementwise import Elementwise, Partial
from .slopes import Computed
from .special import Refused, Special, gamma, iv, jv, kv, yv

_INF = np.inf
_POSITIVE = (0, _INF)


class Component(Elementwise):
    """One of the results of a ufunc of SciPy that has several."""

    def __init__(
        self, ufunc: str, index: int, name: str, text: str, *partials: Partial, real: bool = True,
        **keywords: Any,
    ) -> None:  # fmt: skip
        super().__init__(f"scipy.special.{ufunc}", text, partials=partials, name=name, **keywords)
        self._index = index
        self._real = real
        self._held = [isinstance(p, Refused) for p in partials]

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        if self._real and any(np.dtype(o).kind == "c" for o in operands):
            raise TypeError(f"{self.name} is differentiated by real numbers only")
        function = self.function
        found = function.resolve_dtypes((*operands, *(None,) * function.nout))
        return found[: function.nin], found[function.nin + self._index]

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        return self.function(*arrays)[self._index]

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        function, index = self.function, self._index
        return lambda *arrays: function(*arrays)[index]

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        if not any(self._held):
            return ()
        x = np.array([[0.37, 1.3, 2.2], [0.9, 1.7, 0.61]])
        return ((tuple(np.floor(x) + 1 if held else x for held in self._held), ()),)


def _fixed(value: float, x: Array) -> Any:
    return x.dtype.type(value) if x.dtype.kind == "f" else value


_order = Refused("v")


def _between(row: Callable[[], Any], sign: int = -1, factor: float = 0.5) -> Partial:
    """``(f(v − 1, x) ± f(v + 1, x)) / 2``."""
    return lambda out, v, x: factor * (row()(v - 1, x) + sign * row()(v + 1, x))


def _struve_rest(v: Array, x: Array) -> Array:
    return (0.5 * x) ** v / (float(np.sqrt(np.pi)) * 2 * gamma(v + _fixed(1.5, x)))


def _spherical(name: str) -> Callable[..., Any]:
    def compute(n: Any, x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(np.asarray(n, int), x)

    return compute


class Whole(Computed):
    """Computed functions whose first argument is a whole number."""

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        return (((np.array([3, 1, 2]), np.array([0.7, 1.3, 2.4])), ()),)


def _spherical_slope(row: Callable[[], Any], sign: int) -> Partial:
    # n f(n−1) ∓ (n+1) f(n+1), over 2n + 1: it needs no division by x.
    return lambda out, n, x: (n * row()(np.maximum(n - 1, 0), x) + sign * (n + 1) * row()(n + 1, x)) / (2 * n + 1)



def _root(x: Array) -> Array:
    """√x: for negative x there is no scale."""
    return np.sqrt(np.where(x > 0, x, 0))


def _ratio_at_0(x: Array, value: Array, slope: float) -> Array:
    """``value / x``, which tends to ``slope``."""
    return np.where(x == 0, slope, value / np.where(x == 0, 1, x))


# fmt: off
# -- Airy functions: y″ = xy -----------------------------------------------------------------------

airy_ai: Elementwise  = Component("airy", 0, "airy_ai",  "Ai({0})",  lambda out, x: airy_aip(x), real=False)
airy_aip: Elementwise = Component("airy", 1, "airy_aip", "Ai′({0})", lambda out, x: x * airy_ai(x), real=False)
airy_bi: Elementwise  = Component("airy", 2, "airy_bi",  "Bi({0})",  lambda out, x: airy_bip(x), real=False)
airy_bip: Elementwise = Component("airy", 3, "airy_bip", "Bi′({0})", lambda out, x: x * airy_bi(x), real=False)
# Scaled by exp(±(2/3) x^(3/2)), for x > 0.
airye_ai: Elementwise  = Component("airye", 0, "airye_ai",  "airye_ai({0})",  lambda out, x: airye_aip(x) + _root(x) * out, domain=_POSITIVE)
airye_aip: Elementwise = Component("airye", 1, "airye_aip", "airye_aip({0})", lambda out, x: x * airye_ai(x) + _root(x) * out, domain=_POSITIVE)
airye_bi: Elementwise  = Component("airye", 2, "airye_bi",  "airye_bi({0})",  lambda out, x: airye_bip(x) - _root(x) * out, domain=_POSITIVE)
airye_bip: Elementwise = Component("airye", 3, "airye_bip", "airye_bip({0})", lambda out, x: x * airye_bi(x) - _root(x) * out, domain=_POSITIVE)

# -- Kelvin functions: ber + i bei solves x²w″ + xw′ = i x² w, as does ker + i kei -------------------

ber: Elementwise  = Special("ber",  "ber({0})",  lambda out, x: berp(x), domain=_POSITIVE)
bei: Elementwise  = Special("bei",  "bei({0})",  lambda out, x: beip(x), domain=_POSITIVE)
ker: Elementwise  = Special("ker",  "ker({0})",  lambda out, x: kerp(x), domain=_POSITIVE)
kei: Elementwise  = Special("kei",  "kei({0})",  lambda out, x: keip(x), domain=_POSITIVE)
berp: Elementwise = Special("berp", "ber′({0})", lambda out, x: -bei(x) - _ratio_at_0(x, out, 0.0), domain=_POSITIVE)
beip: Elementwise = Special("beip", "bei′({0})", lambda out, x: ber(x) - _ratio_at_0(x, out, 0.5), domain=_POSITIVE)
kerp: Elementwise = Special("kerp", "ker′({0})", lambda out, x: -kei(x) - out / x, domain=_POSITIVE)
keip: Elementwise = Special("keip", "kei′({0})", lambda out, x: ker(x) - out / x, domain=_POSITIVE)

# -- scaled, of whole order, and of the third kind ---------------------------------------------------

_BOTH: Any = (_POSITIVE, _POSITIVE)
ive: Elementwise = Special("ive", "ive({0}, {1})", _order, lambda out, v, x: 0.5 * (ive(v - 1, x) + ive(v + 1, x)) - np.sign(x) * out, domain=_BOTH, real=True)
kve: Elementwise = Special("kve", "kve({0}, {1})", _order, lambda out, v, x: -0.5 * (kve(v - 1, x) + kve(v + 1, x)) + out, domain=_BOTH, real=True)
jve: Elementwise = Special("jve", "jve({0}, {1})", _order, lambda out, v, x: 0.5 * (jv(v - 1, x) - jv(v + 1, x)), domain=_BOTH, real=True)
yve: Elementwise = Special("yve", "yve({0}, {1})", _order, lambda out, v, x: 0.5 * (yv(v - 1, x) - yv(v + 1, x)), domain=_BOTH, real=True)
kn: Elementwise  = Special("kn",  "K({0}, {1})",   _order, lambda out, v, x: -0.5 * (kv(v - 1, x) + kv(v + 1, x)), domain=_BOTH)
yn: Elementwise  = Special("yn",  "Y({0}, {1})",   _order, lambda out, v, x: 0.5 * (yv(v - 1, x) - yv(v + 1, x)), domain=_BOTH)
hankel1: Elementwise  = Special("hankel1", "H⁽¹⁾({0}, {1})", _order, _between(lambda: hankel1), domain=_BOTH, makes_complex=True)
hankel2: Elementwise  = Special("hankel2", "H⁽²⁾({0}, {1})", _order, _between(lambda: hankel2), domain=_BOTH, makes_complex=True)
hankel1e: Elementwise = Special("hankel1e", "hankel1e({0}, {1})", _order, lambda out, v, x: 0.5 * (hankel1e(v - 1, x) - hankel1e(v + 1, x)) - 1j * out, domain=_BOTH, makes_complex=True)
hankel2e: Elementwise = Special("hankel2e", "hankel2e({0}, {1})", _order, lambda out, v, x: 0.5 * (hankel2e(v - 1, x) - hankel2e(v + 1, x)) + 1j * out, domain=_BOTH, makes_complex=True)

# -- Struve functions, integrals ---------------------------------------------------------------------

struve: Elementwise    = Special("struve",    "H({0}, {1})", _order, lambda out, v, x: 0.5 * (struve(v - 1, x) - struve(v + 1, x)) + _struve_rest(v, x), domain=_BOTH)
modstruve: Elementwise = Special("modstruve", "L({0}, {1})", _order, lambda out, v, x: 0.5 * (modstruve(v - 1, x) + modstruve(v + 1, x)) + _struve_rest(v, x), domain=_BOTH)
itstruve0: Elementwise    = Special("itstruve0",    "∫H₀({0})",   lambda out, x: struve(_fixed(0, x), x))
it2struve0: Elementwise   = Special("it2struve0",   "∫H₀/t({0})", lambda out, x: -struve(_fixed(0, x), x) / x, domain=_POSITIVE)
itmodstruve0: Elementwise = Special("itmodstruve0", "∫L₀({0})",   lambda out, x: modstruve(_fixed(0, x), x))
iti0: Elementwise  = Component("iti0k0", 0, "iti0",  "∫I₀({0})",        lambda out, x: iv(_fixed(0, x), x), domain=_POSITIVE)
itk0: Elementwise  = Component("iti0k0", 1, "itk0",  "∫K₀({0})",        lambda out, x: kv(_fixed(0, x), x), domain=_POSITIVE)
itj0: Elementwise  = Component("itj0y0", 0, "itj0",  "∫J₀({0})",        lambda out, x: jv(_fixed(0, x), x), domain=_POSITIVE)
ity0: Elementwise  = Component("itj0y0", 1, "ity0",  "∫Y₀({0})",        lambda out, x: yv(_fixed(0, x), x), domain=_POSITIVE)
it2i0: Elementwise = Component("it2i0k0", 0, "it2i0", "∫(I₀ - 1)/t({0})", lambda out, x: (iv(_fixed(0, x), x) - 1) / x, domain=_POSITIVE)
it2k0: Elementwise = Component("it2i0k0", 1, "it2k0", "∫K₀/t({0})",       lambda out, x: -kv(_fixed(0, x), x) / x, domain=_POSITIVE)
it2j0: Elementwise = Component("it2j0y0", 0, "it2j0", "∫(1 - J₀)/t({0})", lambda out, x: (1 - jv(_fixed(0, x), x)) / x, domain=_POSITIVE)
it2y0: Elementwise = Component("it2j0y0", 1, "it2y0", "∫Y₀/t({0})",       lambda out, x: -yv(_fixed(0, x), x) / x, domain=_POSITIVE)

# -- parabolic cylinder functions: D″ = (x²/4 - v - 1/2) D -------------------------------------------

pbdv_d: Elementwise  = Component("pbdv", 0, "pbdv_d",  "D({0}, {1})",  _order, lambda out, v, x: pbdv_dp(v, x))
pbdv_dp: Elementwise = Component("pbdv", 1, "pbdv_dp", "D′({0}, {1})", _order, lambda out, v, x: (0.25 * x * x - v - 0.5) * pbdv_d(v, x))
pbwa_w: Elementwise  = Component("pbwa", 0, "pbwa_w",  "W({0}, {1})",  Refused("a"), lambda out, a, x: pbwa_wp(a, x))
pbwa_wp: Elementwise = Component("pbwa", 1, "pbwa_wp", "W′({0}, {1})", Refused("a"), lambda out, a, x: (a - 0.25 * x * x) * pbwa_w(a, x))

# -- spherical Bessel functions ----------------------------------------------------------------------

spherical_jn: Elementwise = Whole(_spherical("spherical_jn"), "spherical_jn", "j({0}, {1})", partials=(None, _spherical_slope(lambda: spherical_jn, -1)), domain=_BOTH)
spherical_in: Elementwise = Whole(_spherical("spherical_in"), "spherical_in", "i({0}, {1})", partials=(None, _spherical_slope(lambda: spherical_in, 1)), domain=_BOTH)
spherical_yn: Elementwise = Whole(_spherical("spherical_yn"), "spherical_yn", "y({0}, {1})", partials=(None, lambda out, n, x: np.where(n == 0, -spherical_yn(n + 1, x), spherical_yn(np.maximum(n - 1, 0), x) - (n + 1) / x * out)), domain=_BOTH)
spherical_kn: Elementwise = Whole(_spherical("spherical_kn"), "spherical_kn", "k({0}, {1})", partials=(None, lambda out, n, x: np.where(n == 0, -spherical_kn(n + 1, x), -spherical_kn(np.maximum(n - 1, 0), x) - (n + 1) / x * out)), domain=_BOTH)

def _legendre(m: Any, n: Any, theta: Any) -> Any:
    from scipy.special import lpmv

    within = np.abs(m) <= n
    return np.where(within, lpmv(np.where(within, m, 0.0), n, np.cos(theta)), 0.0)


class Angular(Computed):
    """Legendre functions of the cosine of an angle, with whole orders and degrees."""

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        return (((np.array([0, 1, 2]), np.array([2, 3, 3]), np.array([0.7, 1.3, 2.4])), ()),)


#: P(m, n, cos θ): its slope needs no division by sin θ.
legendre_of_angle: Elementwise = Angular(
    _legendre, "legendre_of_angle", "P({0}, {1}, cos {2})",
    partials=(None, None, lambda out, m, n, t: 0.5 * (legendre_of_angle(m + 1, n, t) - (n + m) * (n - m + 1) * legendre_of_angle(m - 1, n, t))),
)
# fmt: on
