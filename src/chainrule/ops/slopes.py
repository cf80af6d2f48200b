"""Slopes that no combination of SciPy's functions gives accurately: rows of their own.

``2x erfcx(x) - 2/√π`` and its kin are differences of nearly equal numbers where x is large; what is
left of them there is noise. The continued fractions of the functions give the differences without
subtracting. Sources: Abramowitz and Stegun, 7.1.14; Olver et al., Digital Library of Mathematical
Functions, 7.9.3 and 13.17; Temme, On the numerical evaluation of the modified Bessel function of
the third kind, 1975, in the form of Press et al., Numerical Recipes, section 6.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array
from .elementwise import Elementwise

_ROOT_PI = float(np.sqrt(np.pi))


class Computed(Elementwise):
    """The elementwise kind with a reference that is written here, in double precision."""

    def __init__(
        self,
        compute: Callable[..., Any],
        name: str,
        text: str,
        *,
        real: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__(f"{__name__}.{name}", text, name=name, **keywords)
        self._compute = compute
        self._real = real

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        kinds = [o if isinstance(o, np.dtype) else o() for o in operands]
        dtype = np.result_type(*kinds)
        if dtype.kind == "c" and self._real:
            raise TypeError(f"{self.name} is for real numbers")
        if dtype.kind not in "fc":
            dtype = np.dtype(float)
        return (dtype,) * len(operands), dtype

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        dtype = np.result_type(*arrays)
        if dtype.kind not in "fc":
            dtype = np.dtype(float)
        precise = np.promote_types(dtype, np.float64)
        with np.errstate(all="ignore"):
            result = self._compute(*[np.asarray(a, precise) for a in arrays])
        return result.astype(dtype)[()]

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        return lambda *arrays: self.evaluate(arrays)


def _erfcx_slope(x: Any) -> Any:
    from scipy.special import erfcx

    near = 2 * x * erfcx(x) - 2 / _ROOT_PI
    # √π erfcx = 1/K with K = x + (1/2)/T and T = x + 1/(x + (3/2)/(x + ...)): the slope is
    # 2x/K - 2 = -1/(K T), over √π.
    far = np.maximum(x, 1.0)
    tail = (far + np.sqrt(far * far + 320)) / 2  # what the rest of the fraction tends to
    for k in range(160, 1, -1):
        tail = far + 0.5 * k / tail
    return np.where(x < 1, near, -1 / (_ROOT_PI * (far + 0.5 / tail) * tail))


def _dawsn_slope(x: Any) -> Any:
    # D = x/K₀ with K[n] = 2n + 1 + 2x² - 4(n+1)x²/K[n+1]: the slope is 1 - 2x²/K₀ = (K₁ - 4x²)/(K₀K₁).
    square = x * x
    tail = 201 + 2 * square
    for n in range(99, 1, -1):
        tail = 2 * n + 1 + 2 * square - 4 * (n + 1) * square / tail
    rest = 8 * square / tail
    first = 3 + 2 * square - rest
    slope = (3 - 2 * square - rest) / ((1 + 2 * square - 4 * square / first) * first)
    return np.where(np.isinf(square), -0.5 / square, slope)


def _ratio(x: Any) -> Any:
    """``h`` with ``K₁/K₀ = (x + 1/2 - h)/x``, for x of at least 0.5."""
    b = 2 * (1 + x)
    d = 1 / b
    h = step = d
    a = -0.25
    for k in range(2, 160):
        a -= 2 * (k - 1)
        b = b + 2
        d = 1 / (b + a * d)
        step = (b * d - 1) * step
        h = h + step
    return 0.25 * h


def _k0e_slope(x: Any) -> Any:
    from scipy.special import k0e, k1e

    far = np.maximum(x, 0.5)
    return np.where(x < 0.5, k0e(x) - k1e(x), -k0e(far) * (0.5 - _ratio(far)) / far)


def _k1e_slope(x: Any) -> Any:
    from scipy.special import k0e, k1e

    far = np.maximum(x, 1.0)
    beyond = -k0e(far) * (0.5 + (0.5 + _ratio(far) * (far - 1)) / far) / far
    return np.where(x < 1, k1e(x) - k0e(x) - k1e(x) / x, beyond)


def psi_step_of(a: Any, b: Any) -> Any:
    """``ψ(a + b) - ψ(a)``, without the cancellation of a difference."""
    # ψ(a + b) - ψ(a), term by term; first the recurrence carries both on by 16.
    total: Any = 0.0
    for k in range(16):
        total = total + b / ((a + k) * (a + b + k))
    a = a + 16
    growth = np.log1p(b / a)
    total = total + growth - 0.5 * np.expm1(-growth) / a
    power = 1 / (a * a)
    for number, k in ((1 / 12, 2), (-1 / 120, 4), (1 / 252, 6), (-1 / 240, 8), (1 / 132, 10)):
        total = total - number * np.expm1(-k * growth) * power
        power = power / (a * a)
    return total


def gamma_density_of(a: Any, x: Any) -> Any:
    """The density of the gamma distribution, of which ``gammainc`` is the integral."""
    from scipy.special import gamma

    power = x**a
    plain = power / x * np.exp(-x) / gamma(a)
    # Loader, Fast and accurate computation of binomial probabilities, 2000: Stirling's error and
    # the deviance a log(a/x) + x - a, neither of which is a difference of large numbers.
    many = np.maximum(a, 20.0)
    stirling = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / many**2) / many**2) / many**2) / many
    large = np.exp(-stirling - _deviance(many, x)) * np.sqrt(many / (2 * np.pi)) / x
    density = np.where((a < 20) | (a < 140) & _normal(power), plain, large)
    return np.where(x == 0, np.where(a < 1, np.inf, np.where(a == 1, 1.0, 0.0)), density)


def _normal(x: Any) -> Any:
    return (x > 1e-290) & (x < 1e300)


def _deviance(a: Any, x: Any) -> Any:
    apart = a - x
    v = apart / (a + x)
    near = np.abs(v) < 0.1
    w = np.where(near, v, 0.0)
    total = apart * w
    term = 2 * a * w
    for k in range(1, 12):
        term = term * w * w
        total = total + term / (2 * k + 1)
    return np.where(near, total, a * np.log(a / x) - apart)


def beta_density_of(a: Any, b: Any, x: Any) -> Any:
    """The density of the beta distribution, of which ``betainc`` is the integral."""
    from scipy.special import beta, betaln

    power, root = x**a, x ** (0.5 * a)
    rest = (b - 1) * np.log1p(-x)
    # Taken in two steps, the power underflows only where the density does.
    first, second = np.where(_normal(power), power, root), np.where(_normal(power), 1.0, root)
    plain = first / x * np.exp(rest) / beta(a, b) * second
    by_logarithm = np.exp((a - 1) * np.log(x) + rest - betaln(a, b))
    density = np.where((a + b < 100) & _normal(root), plain, by_logarithm)
    return np.where(x == 0, np.where(a < 1, np.inf, np.where(a == 1, b, 0.0)), density)


# SciPy's own ufuncs: on traced arrays they record the rows of special.py, which need these slopes.


def _erfcx_second(out: Array, x: Array) -> Array:
    from scipy.special import erfcx

    return 2 * erfcx(x) + 2 * x * out


def _dawsn_second(out: Array, x: Array) -> Array:
    from scipy.special import dawsn

    return -2 * (dawsn(x) + x * out)


def _k0e_second(out: Array, x: Array) -> Array:
    from scipy.special import k0e

    return out * (2 - 1 / x) + k0e(x) / x


def _k1e_second(out: Array, x: Array) -> Array:
    from scipy.special import k1e

    return out * (2 - 1 / x) + k1e(x) * (1 + 1 / x) / x


# fmt: off
erfcx_slope: Elementwise    = Computed(_erfcx_slope, "erfcx_slope", "erfcx′({0})", partials=(_erfcx_second,))
dawsn_slope: Elementwise    = Computed(_dawsn_slope, "dawsn_slope", "dawsn′({0})", partials=(_dawsn_second,))
k0e_slope: Elementwise      = Computed(_k0e_slope,   "k0e_slope",   "k0e′({0})",   partials=(_k0e_second,), domain=(0, np.inf))
k1e_slope: Elementwise      = Computed(_k1e_slope,   "k1e_slope",   "k1e′({0})",   partials=(_k1e_second,), domain=(0, np.inf))
# fmt: on
