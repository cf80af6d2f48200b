"""Special functions of ``scipy.special``, imported when first used: one row each.

The partials are written so that they are accurate over the whole domain: σ(x)σ(−x) rather than
σ(x)(1 − σ(x)), and where two nearly equal numbers would be subtracted, another form (also in
``slopes.py``). Sources: Abramowitz and Stegun, Handbook of Mathematical Functions; Olver et al.,
NIST Digital Library of Mathematical Functions, chapters 5 to 10 and 13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedFunction
from ..ir.primitive import Array
from .elementwise import Elementwise, Partial
from .slopes import (
    Computed,
    dawsn_slope,
    erfcx_slope,
    k0e_slope,
    k1e_slope,
    psi_step_of,
)

_ROOT_PI = float(np.sqrt(np.pi))
_ROOT_2 = float(np.sqrt(2.0))
_INF = np.inf
_DOUBLE = np.dtype(float)


class Special(Elementwise):
    """The kind: a ufunc of SciPy, which takes complex numbers too unless it is ``real``.

    SciPy has no complex trigamma, and some of its complex functions are rough near the real line.
    """

    def __init__(
        self, name: str, text: str, *partials: Partial, real: bool = False, makes_complex: bool = False,
        **keywords: Any,
    ) -> None:  # fmt: skip
        super().__init__(f"scipy.special.{name}", text, partials=partials, **keywords)
        self._held = [isinstance(p, Refused) or p is None for p in partials]
        self._real = real
        self._makes_complex = makes_complex

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        if self._real and any(np.dtype(o).kind == "c" for o in operands):
            raise TypeError(f"scipy.special.{self.name} is differentiated by real numbers only")
        if not self._makes_complex and all(np.dtype(o) == _DOUBLE for o in operands):  # no need to import SciPy for that
            return [_DOUBLE] * len(operands), _DOUBLE
        return super().dtypes(operands)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        if not any(self._held):
            return ()
        # Parameters by which there is no derivative are whole numbers here.
        domain: Any = self.domain
        intervals = domain if isinstance(domain[0], tuple) else (domain,)
        places = np.random.default_rng(8).uniform(0.1, 0.9, (len(intervals), 2, 3))
        args = []
        for k, ((low, high), held) in enumerate(zip(intervals, self._held, strict=True)):
            low = max(low, -2.0)
            high = min(high, low + 3.0)
            x = low + (high - low) * places[k]
            args.append(np.ceil(x).astype(int) if held else x)
        return ((tuple(args), ()),)


class Refused:
    """The partial derivative by a parameter for which there is no formula in these functions."""

    def __init__(self, argument: str) -> None:
        self._argument = argument

    def __call__(self, out: Array, *args: Array) -> Array:
        raise UnsupportedFunction(
            f"this special function has no derivative by its parameter {self._argument} here. Keep "
            f"{self._argument} constant, or give the step a derivative of its own with "
            "chainrule.custom_derivative."
        )


def _complex(x: Array) -> bool:
    return bool(x.dtype.kind == "c")


def _within(x: Array, high: float) -> Array:
    """``x``, no larger than ``high`` and finite: SciPy's 1F1 never returns from 1e300."""
    return np.minimum(np.maximum(x, -np.finfo(x.dtype).max), x.dtype.type(high))


def _like(x: Array, value: float) -> Any:
    """A parameter in the precision of ``x``."""
    return x.dtype.type(value) if x.dtype.kind == "f" else value


def exprel_slope(x: Array) -> Array:
    """The derivative of ``(exp(x) − 1) / x``."""
    return 0.5 * hyp1f1(_like(x, 2), _like(x, 3), x if _complex(x) else _within(x, 800.0))


# -- quotients that are 0 where their numerator is --------------------------------------------------


def _quotient(x: Any, y: Any) -> Any:
    return np.where(x == 0, np.where(np.isnan(y), y, 0 * x), x / np.where(x == 0, 1, y))


#: x / y as it stands in the derivative of ``x log y``: 0 for x = 0, also where y is 0.
ratio: Elementwise = Computed(_quotient, "ratio", "{0} ⊘ {1}", real=False, precedence=5, partials=(lambda out, x, y: 1 / y, lambda out, x, y: -(out / y)), latex=r"\frac{{{0}}}{{{1}}}")  # fmt: skip

# -- logistic, entropies ---------------------------------------------------------------------------

# fmt: off
expit: Elementwise      = Special("expit",      "σ({0})",        lambda out, x: out * expit(-x), latex=r"\sigma({0})")
logit: Elementwise      = Special("logit",      "logit({0})",    lambda out, p: 1 / (p * (1 - p)), latex=r"\operatorname{{logit}}({0})", domain=(0, 1))
log_expit: Elementwise  = Special("log_expit",  "log σ({0})",    lambda out, x: expit(-x), latex=r"\log\sigma({0})")
xlogy: Elementwise      = Special("xlogy",      "xlogy({0}, {1})",   lambda out, x, y: np.log(y), lambda out, x, y: ratio(x, y), domain=((-_INF, _INF), (0, _INF)))
xlog1py: Elementwise    = Special("xlog1py",    "xlog1py({0}, {1})", lambda out, x, y: np.log1p(y), lambda out, x, y: ratio(x, 1 + y), domain=((-_INF, _INF), (-1, _INF)))
entr: Elementwise       = Special("entr",       "entr({0})",     lambda out, x: -np.log(x) - 1, domain=(0, _INF))
rel_entr: Elementwise   = Special("rel_entr",   "rel_entr({0}, {1})", lambda out, x, y: np.log(x / y) + 1, lambda out, x, y: -ratio(x, y), domain=((0, _INF), (0, _INF)))
kl_div: Elementwise     = Special("kl_div",     "kl_div({0}, {1})",   lambda out, x, y: np.log(x / y), lambda out, x, y: ratio(y - x, y), domain=((0, _INF), (0, _INF)))
boxcox: Elementwise     = Special("boxcox",     "boxcox({0}, {1})",   lambda out, x, k: x ** (k - 1), lambda out, x, k: np.square(np.log(x)) * exprel_slope(k * np.log(x)), domain=((0, _INF), (-_INF, _INF)))
exprel: Elementwise     = Special("exprel",     "exprel({0})",   lambda out, x: exprel_slope(x))
cosm1: Elementwise      = Special("cosm1",      "cosm1({0})",    lambda out, x: -np.sin(x))
exp10: Elementwise      = Special("exp10",      "10^{0}",        lambda out, x: float(np.log(10.0)) * out, precedence=7, latex="10^{{{0}}}")

# -- error functions -------------------------------------------------------------------------------

erf: Elementwise        = Special("erf",        "erf({0})",      lambda out, x: (2 / _ROOT_PI) * np.exp(-(x * x)),  latex=r"\operatorname{{erf}}({0})")
erfc: Elementwise       = Special("erfc",       "erfc({0})",     lambda out, x: (-2 / _ROOT_PI) * np.exp(-(x * x)), latex=r"\operatorname{{erfc}}({0})")
erfcx: Elementwise      = Special("erfcx",      "erfcx({0})",    lambda out, x: 2 * x * out - 2 / _ROOT_PI if _complex(x) else erfcx_slope(x), latex=r"\operatorname{{erfcx}}({0})")
erfi: Elementwise       = Special("erfi",       "erfi({0})",     lambda out, x: (2 / _ROOT_PI) * np.exp(x * x), latex=r"\operatorname{{erfi}}({0})")
erfinv: Elementwise     = Special("erfinv",     "erfinv({0})",   lambda out, x: (_ROOT_PI / 2) * np.exp(out * out), latex=r"\operatorname{{erf}}^{{-1}}({0})", domain=(-1, 1))
# With erfc(out) = x: exp(out²) is erfcx(out) / x, which does not magnify the error of out.
erfcinv: Elementwise    = Special("erfcinv",    "erfcinv({0})",  lambda out, x: (-_ROOT_PI / 2) * erfcx(np.abs(out)) / np.minimum(x, 2 - x), latex=r"\operatorname{{erfc}}^{{-1}}({0})", domain=(0, 2))
dawsn: Elementwise      = Special("dawsn",      "dawsn({0})",    lambda out, x: 1 - 2 * x * out if _complex(x) else dawsn_slope(x))
ndtr: Elementwise       = Special("ndtr",       "Φ({0})",        lambda out, x: (1 / (_ROOT_2 * _ROOT_PI)) * np.exp(-0.5 * (x * x)), latex=r"\Phi({0})")
log_ndtr: Elementwise   = Special("log_ndtr",   "log Φ({0})",    lambda out, x: (_ROOT_2 / _ROOT_PI) / erfcx(x / -_ROOT_2), latex=r"\log\Phi({0})")
ndtri: Elementwise      = Special("ndtri",      "Φ⁻¹({0})",      lambda out, p: (_ROOT_PI / _ROOT_2) * erfcx(np.abs(out) / _ROOT_2) / np.minimum(p, 1 - p), latex=r"\Phi^{{-1}}({0})", domain=(0, 1))
owens_t: Elementwise    = Special("owens_t",    "T({0}, {1})",
                  lambda out, h, a: (-1 / (2 * _ROOT_2 * _ROOT_PI)) * np.exp(-0.5 * (h * h)) * erf(a * h / _ROOT_2),
                  lambda out, h, a: np.exp(-0.5 * (h * h) * (1 + a * a)) / (2 * np.pi * (1 + a * a)))

# -- gamma functions -------------------------------------------------------------------------------

gamma: Elementwise      = Special("gamma",      "Γ({0})",        lambda out, x: out * psi(x), latex=r"\Gamma({0})", domain=(0, _INF))
gammaln: Elementwise    = Special("gammaln",    "log|Γ({0})|",   lambda out, x: psi(x), latex=r"\log\left|\Gamma({0})\right|", domain=(0, _INF))
loggamma: Elementwise   = Special("loggamma",   "log Γ({0})",    lambda out, x: psi(x), latex=r"\log\Gamma({0})", domain=(0, _INF))
rgamma: Elementwise     = Special("rgamma",     "1 / Γ({0})",    lambda out, x: -(out * psi(x)), precedence=5, latex=r"\frac{{1}}{{\Gamma({0})}}", domain=(0, _INF), real=True)
gammasgn: Elementwise   = Special("gammasgn",   "gammasgn({0})", None)
psi: Elementwise        = Special("psi",        "ψ({0})",        lambda out, x: polygamma(1, x), latex=r"\psi({0})", domain=(0, _INF))
beta: Elementwise       = Special("beta",       "B({0}, {1})",   lambda out, a, b: -out * psi_step(a, b), lambda out, a, b: -out * psi_step(b, a), domain=((0, _INF), (0, _INF)))
betaln: Elementwise     = Special("betaln",     "log B({0}, {1})", lambda out, a, b: -psi_step(a, b), lambda out, a, b: -psi_step(b, a), domain=((0, _INF), (0, _INF)))
poch: Elementwise       = Special("poch",       "poch({0}, {1})", lambda out, z, m: out * psi_step(z, m), lambda out, z, m: out * psi(z + m), domain=((0, _INF), (0, _INF)))
powm1: Elementwise      = Special("powm1",      "{0}^{1} - 1",   lambda out, x, y: y * x ** (y - 1), lambda out, x, y: x ** y * np.log(x), precedence=4, domain=((0, _INF), (-_INF, _INF)))
binom: Elementwise      = Special("binom",      "binom({0}, {1})",
                  lambda out, n, k: out * psi_step(n - k + 1, k),
                  lambda out, n, k: out * psi_step(k + 1, n - 2 * k), domain=((2, _INF), (0, 2)), latex=r"\binom{{{0}}}{{{1}}}")
# -- exponential integrals, hypergeometric functions -----------------------------------------------

expi: Elementwise       = Special("expi",       "Ei({0})",       lambda out, x: np.exp(x) / x,   latex=r"\operatorname{{Ei}}({0})", domain=(0, _INF), real=True)
exp1: Elementwise       = Special("exp1",       "E₁({0})",       lambda out, x: -np.exp(-x) / x, latex="E_1({0})", domain=(0, _INF))
expn: Elementwise       = Special("expn",       "E({0}, {1})",   None, lambda out, n, x: -expn(n - 1, x), domain=((1, 9), (0, _INF)))
hyp1f1: Elementwise     = Special("hyp1f1",     "₁F₁({0}, {1}, {2})", Refused("a"), Refused("b"), lambda out, a, b, x: a / b * hyp1f1(a + 1, b + 1, x), domain=((0, _INF), (0, _INF), (-_INF, _INF)))

# -- Bessel functions ------------------------------------------------------------------------------

j0: Elementwise         = Special("j0",  "J₀({0})", lambda out, x: -j1(x), latex="J_0({0})")
j1: Elementwise         = Special("j1",  "J₁({0})", lambda out, x: 0.5 * (j0(x) - jv(_like(x, 2), x)), latex="J_1({0})")
y0: Elementwise         = Special("y0",  "Y₀({0})", lambda out, x: -y1(x), latex="Y_0({0})", domain=(0, _INF))
y1: Elementwise         = Special("y1",  "Y₁({0})", lambda out, x: y0(x) - out / x, latex="Y_1({0})", domain=(0, _INF))
i0: Elementwise         = Special("i0",  "I₀({0})", lambda out, x: i1(x), latex="I_0({0})")
i1: Elementwise         = Special("i1",  "I₁({0})", lambda out, x: 0.5 * (i0(x) + iv(_like(x, 2), x)), latex="I_1({0})")
i0e: Elementwise        = Special("i0e", "i0e({0})", lambda out, x: -np.sign(x) * hyp1f1(_like(x, 1.5), _like(x, 2), -2 * np.abs(x)))
i1e: Elementwise        = Special("i1e", "i1e({0})", lambda out, x: 0.5 * hyp1f1(_like(x, 1.5), _like(x, 3), -2 * np.abs(x)) - 0.5 * np.abs(x) * hyp1f1(_like(x, 2.5), _like(x, 4), -2 * np.abs(x)))
k0: Elementwise         = Special("k0",  "K₀({0})", lambda out, x: -k1(x), latex="K_0({0})", domain=(0, _INF))
k1: Elementwise         = Special("k1",  "K₁({0})", lambda out, x: -k0(x) - out / x, latex="K_1({0})", domain=(0, _INF))
k0e: Elementwise        = Special("k0e", "k0e({0})", lambda out, x: k0e_slope(x), domain=(0, _INF))
k1e: Elementwise        = Special("k1e", "k1e({0})", lambda out, x: k1e_slope(x), domain=(0, _INF))
jv: Elementwise         = Special("jv",  "J({0}, {1})", Refused("v"), lambda out, v, x: 0.5 * (jv(v - 1, x) - jv(v + 1, x)), domain=((0, _INF), (0, _INF)), real=True)
yv: Elementwise         = Special("yv",  "Y({0}, {1})", Refused("v"), lambda out, v, x: 0.5 * (yv(v - 1, x) - yv(v + 1, x)), domain=((0, _INF), (0, _INF)), real=True)
iv: Elementwise         = Special("iv",  "I({0}, {1})", Refused("v"), lambda out, v, x: 0.5 * (iv(v - 1, x) + iv(v + 1, x)), domain=((0, _INF), (0, _INF)))
kv: Elementwise         = Special("kv",  "K({0}, {1})", Refused("v"), lambda out, v, x: -0.5 * (kv(v - 1, x) + kv(v + 1, x)), domain=((0, _INF), (0, _INF)))
# fmt: on


def _zeta(x: Any, q: Any) -> Any:
    from scipy import special

    return special.zeta(x, q)


def _polygamma(n: Any, x: Any) -> Any:
    from scipy import special

    if np.iscomplexobj(x):
        each = np.vectorize(_polygamma_of, otypes=[complex])
        return each(np.real(n).astype(int), x)
    return special.polygamma(n, x)


def _polygamma_of(n: int, z: complex) -> complex:
    """``ψ⁽ⁿ⁾(z)`` by recurrence to where the asymptotic series converges, and by reflection.

    Abramowitz and Stegun, 6.4.6, 6.4.7 and 6.4.11.
    """
    from scipy.special import psi

    if n == 0:
        return complex(psi(z))
    if not np.isfinite(z):
        return complex(np.nan, np.nan)
    if z.real < 0.5:
        # Each derivative of cot is a polynomial in it: d cot = −(1 + cot²).
        turn = np.polynomial.Polynomial([0.0, np.pi])
        for _ in range(n):
            turn = turn.deriv() * np.polynomial.Polynomial([-np.pi, 0.0, -np.pi])
        slope = 0.0 + 0.0j
        if abs(z.imag) < 100:  # beyond, it is lost beside the rest; near the line 1 + cot² cancels, 1/sin² not
            rest: Any = turn // np.polynomial.Polynomial([1.0, 0.0, 1.0])
            slope = complex(rest(1 / np.tan(np.pi * z)) / np.sin(np.pi * z) ** 2)
        result: complex = (-1) ** n * _polygamma_of(n, 1 - z) - slope
        return result
    total: complex = 0.0j
    while z.real < 15:
        total += math.factorial(n) / z ** (n + 1)
        z += 1
    total += math.factorial(n - 1) / z**n + math.factorial(n) / (2 * z ** (n + 1))
    for k, number in enumerate(_BERNOULLI, 1):
        total += number * math.factorial(2 * k + n - 1) / math.factorial(2 * k) / z ** (2 * k + n)
    total *= (-1) ** (n + 1)
    return total


#: The Bernoulli numbers B₂, B₄, …
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


class Parametric(Computed):
    """Computed functions whose first argument is a parameter, whole in the examples."""

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        return (((np.array([3, 4, 2]), np.array([0.7, 1.3, 2.4])), ()),)


# fmt: off
zeta: Elementwise       = Parametric(_zeta, "zeta", "ζ({0}, {1})", partials=(Refused("x"), lambda out, s, q: -s * zeta(s + 1, q)), domain=((2, _INF), (0, _INF)), latex=r"\zeta({0}, {1})")
# The n-th derivative of ψ, for whole numbers n.
polygamma: Elementwise  = Parametric(_polygamma, "polygamma", "ψ⁽{0}⁾({1})", partials=(None, lambda out, n, x: polygamma(n + 1, x)), domain=((0, 3), (0, _INF)), real=False, latex=r"\psi^{{({0})}}({1})")
psi_step: Elementwise = Computed(psi_step_of,    "psi_step",    "ψ_step({0}, {1})",
                       partials=(lambda out, a, b: polygamma(1, a + b) - polygamma(1, a), lambda out, a, b: polygamma(1, a + b)), domain=((0, np.inf), (0, np.inf)))
# fmt: on
