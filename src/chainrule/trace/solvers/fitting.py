"""Fits of ``scipy.optimize`` by name: their solution is that of least squares, or of fewer unknowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nesting import innermost
from .closures import lifted, plain
from .optimize import is_traced, least_squares, refused

Function = Callable[..., Any]


class Withheld:
    """A result that depends on the parameters and is not traced: reading it is an error."""

    def __init__(self, what: str) -> None:
        self._what = what

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise refused(self._what, "only the solution itself is differentiated")

    __getitem__ = __array__ = __iter__ = __len__ = __add__ = __mul__ = __float__ = _refuse
    __array_ufunc__ = __array_function__ = __radd__ = __rmul__ = __matmul__ = __sub__ = _refuse


def curve_fit(
    trace: Any, original: Function, f: Function, xdata: Any, ydata: Any, p0: Any = None,
    sigma: Any = None, absolute_sigma: bool = False, check_finite: Any = None,
    bounds: Any = (-np.inf, np.inf), method: Any = None, jac: Any = None, *,
    full_output: bool = False, nan_policy: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """As :func:`scipy.optimize.curve_fit`; the covariance is not differentiated."""
    import inspect

    import scipy.optimize

    if p0 is None:
        p0 = np.ones(len(inspect.signature(f).parameters) - 1)
    start = np.atleast_1d(np.asarray(plain(p0), float))
    y = lifted(ydata)

    def residual(p: Any) -> Any:
        r = lifted(f(xdata, *[p[k] for k in range(start.size)])) - y
        return np.ravel(r if sigma is None else r / np.asarray(sigma))

    if not is_traced(trace, residual, start) and innermost((p0,)) is None:
        return original(f, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, jac,
                        full_output=full_output, nan_policy=nan_policy, **options)  # fmt: skip
    if full_output or (sigma is not None and np.ndim(sigma) > 1):
        raise refused(
            "scipy.optimize.curve_fit", "full_output= and a matrix sigma are not supported"
        )
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    free = not (np.any(np.isfinite(low)) or np.any(np.isfinite(high)))
    result = least_squares(
        trace, scipy.optimize.least_squares, residual, p0, bounds=(low, high),
        method=method or ("lm" if free else "trf"),
    )  # fmt: skip
    return result.x, Withheld("the covariance that scipy.optimize.curve_fit estimates")


def nnls(trace: Any, original: Function, A: Any, b: Any, *args: Any, **keywords: Any) -> Any:
    """As :func:`scipy.optimize.nnls`: least squares in the unknowns that are not zero."""
    if innermost((A, b)) is None:
        return original(A, b, *args, **keywords)
    A, b = (np.asarray(plain(v)) if innermost((v,)) is None else trace.lift(v) for v in (A, b))
    x, _ = original(np.asarray(plain(A)), np.asarray(plain(b)), *args, **keywords)
    support = np.flatnonzero(x > 0)
    columns = A[:, support]
    part = np.linalg.lstsq(columns, b, rcond=None)[0] if support.size else np.zeros(0)
    full = np.zeros(x.size) if not support.size else np.dot(np.eye(x.size)[:, support], part)
    gap = b - columns @ part if support.size else b
    # The same unknowns are zero as long as the others are positive and theirs would not help.
    slack = np.delete(np.transpose(A) @ gap, support)
    if support.size and not bool(np.all(part > 0)):
        raise refused("scipy.optimize.nnls", "its solution changes its zeros here")
    if slack.size and not bool(np.all(slack <= 1e-9)):
        raise refused("scipy.optimize.nnls", "its solution changes its zeros here")
    return full, np.linalg.norm(gap)


SOLVERS: dict[str, Function] = {
    "scipy.optimize.curve_fit": curve_fit,
    "scipy.optimize.nnls": nnls,
}
