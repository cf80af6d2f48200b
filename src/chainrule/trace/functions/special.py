"""``scipy.special`` where it is not a ufunc, or is one that NumPy has as well.

The keys are dotted names: SciPy is not imported for their sake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops import softmax as soft
from ...ops import special as sp
from ...ops.structural import cast
from ..site import here
from .reductions import as_array, normalized_axes, with_kept_axes


def _axes(a: Any, axis: Any) -> tuple[int, ...]:
    return normalized_axes(axis, np.ndim(a))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """As :func:`scipy.special.logsumexp`."""
    a = as_array(a)
    if keepdims and not a.ndim:  # SciPy counts a number as one along one axis
        a = np.reshape(a, (1,))
    if not a.size and all(not np.shape(a)[k] for k in _axes(a, axis)) and b is None and not return_sign:
        return np.sum(a, axis=axis, keepdims=keepdims) - np.inf
    if b is not None or return_sign or a.dtype.kind == "c":
        return _signed_logsumexp(a, axis, b, keepdims, return_sign)
    axes = _axes(a, axis)
    result = soft.logsumexp(a, axes) if axes else a
    return with_kept_axes(result, a, axes) if keepdims else result


def _signed_logsumexp(a: Any, axis: Any, b: Any, keepdims: bool, return_sign: bool) -> Any:
    weights = 1.0 if b is None else b
    top = np.max(np.real(a) if a.dtype.kind == "c" else a, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.sum(weights * np.exp(a - top), axis=axis, keepdims=True)
    if total.dtype.kind == "c":
        log, sign = np.log(total) + top, None
    else:
        log, sign = np.log(np.abs(total) if return_sign else total) + top, np.sign(total)
    results = [x if keepdims or x is None else np.squeeze(x, axis) for x in (log, sign)]
    if not return_sign:
        return results[0]
    if sign is None:
        raise UnsupportedFunction(
            "scipy.special.logsumexp with return_sign=True of complex numbers has no derivative "
            "here. Leave return_sign out: the logarithm has the phase in its imaginary part.",
            here(),
        )
    return tuple(results)


def softmax(x: Any, axis: Any = None) -> Any:
    """As :func:`scipy.special.softmax`."""
    x = as_array(x)
    return soft.softmax(x, _axes(x, axis)) if np.ndim(x) else np.ones_like(x)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """As :func:`scipy.special.log_softmax`."""
    x = as_array(x)
    return soft.log_softmax(x, _axes(x, axis)) if np.ndim(x) else np.zeros_like(x)


def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """As :func:`scipy.special.zeta`, differentiated by ``q``."""
    return sp.zeta(x, 1.0 if q is None else q)


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """As :func:`scipy.special.factorial`: ``Γ(n + 1)``."""
    return np.where(np.less(n, 0), 0.0, sp.gamma(n + 1.0))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """As :func:`scipy.special.comb`."""
    n = N + k - 1 if repetition else N
    there = np.less_equal(k, n) & np.greater_equal(n, 0) & np.greater_equal(k, 0)
    return np.where(there, sp.binom(n, k), 0.0)


def multigammaln(a: Any, d: int) -> Any:
    """As :func:`scipy.special.multigammaln`."""
    result = d * (d - 1) / 4 * math.log(math.pi)
    for j in range(1, d + 1):
        result = result + sp.gammaln(a + (1.0 - j) / 2)
    return result


def huber(delta: Any, r: Any) -> Any:
    """As :func:`scipy.special.huber`."""
    size = np.abs(r)
    inside = np.less_equal(size, delta)
    value = np.where(inside, 0.5 * np.square(r), delta * (size - 0.5 * delta))
    if np.ndim(delta) == 0 and delta >= 0:
        return value
    return np.where(np.less(delta, 0), np.inf, value)


def pseudo_huber(delta: Any, r: Any) -> Any:
    """As :func:`scipy.special.pseudo_huber`."""
    return np.square(delta) * (np.sqrt(1 + np.square(r / delta)) - 1)


def inv_boxcox(y: Any, lmbda: Any) -> Any:
    """As :func:`scipy.special.inv_boxcox`."""
    root = 1 / np.where(lmbda == 0, 1.0, lmbda)
    return np.where(lmbda == 0, np.exp(y), (1 + lmbda * y) ** root)


def _floats(function: np.ufunc) -> Callable[..., Any]:
    """NumPy's function of the same meaning, on floats as SciPy computes."""

    def same(*args: Any) -> Any:
        return function(*[cast(a, float) if as_array(a).dtype.kind in "iub" else a for a in args])

    same.__name__ = function.__name__
    same.__doc__ = f"As ``scipy.special.{function.__name__}``."
    return same


_BY_NAME: dict[str, Callable[..., Any]] = {
    "_beta_pdf": lambda x, a, b: np.exp(
        sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b)
    ),
    "logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax,
    "zeta": zeta, "polygamma": sp.polygamma, "multigammaln": multigammaln,
    "factorial": factorial, "comb": comb, "huber": huber, "pseudo_huber": pseudo_huber,
    "softplus": lambda x: np.logaddexp(0, x), "sinc": np.sinc,
    "expm1": _floats(np.expm1), "log1p": _floats(np.log1p), "exp2": _floats(np.exp2),
    "cbrt": _floats(np.cbrt), "round": np.rint,
    "inv_boxcox": inv_boxcox,
    "inv_boxcox1p": lambda y, k: inv_boxcox(y, k) - 1, "boxcox1p": lambda x, k: sp.boxcox(1 + x, k),
}  # fmt: skip

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    f"scipy.special.{name}": composite for name, composite in _BY_NAME.items()
}
