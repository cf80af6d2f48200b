"""``curve_fit``: a model through points, as SciPy's, with the exact Jacobian."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import numpy as np
from scipy.optimize import OptimizeWarning

from ..errors import ArgumentError, ShapeMismatch
from .least_squares import least_squares, spread
from .variables import refuse_nan


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Callable[..., Any] | None = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **keywords: Any,
) -> Any:
    """Parameters of a model that fit points, and their covariance: `scipy.optimize.curve_fit`.

    Parameters
    ----------
    f
        The model, ``f(xdata, a, b, …)``, in plain NumPy.
    xdata, ydata
        Where it was measured, any object, and what, an array of shape ``(M,)``.
    p0
        Where to start; 1 for each parameter, or the middle of its bounds, if None.
    sigma
        The standard deviations of ``ydata``, ``(M,)``, one number, or their covariance ``(M, M)``.
    absolute_sigma
        Whether ``sigma`` counts as it is; otherwise only the ratios count, and the covariance is
        scaled by the residuals.
    check_finite
        Whether NaN or infinity in the data is refused; unless ``nan_policy`` is given, it is.
    bounds, method
        As for :func:`~chainrule.optimize.least_squares.least_squares`.
    jac
        A Jacobian of your own, ``jac(xdata, a, b, …)`` of shape ``(M, n)``; otherwise it is exact.
    full_output
        Whether to return SciPy's five values instead of two.
    nan_policy
        ``"omit"`` leaves out points with NaN in ``xdata`` or ``ydata``; ``"raise"`` refuses them.
    **keywords
        Further options of ``least_squares``; ``maxfev`` is its ``max_nfev``.

    Returns
    -------
    popt, pcov
        Arrays ``(n,)`` and ``(n, n)``. Where the data do not determine the parameters, the
        covariance is infinite and an `OptimizeWarning` says so.

    Raises
    ------
    RuntimeError
        When the fit does not converge.
    ArgumentError, ShapeMismatch
        When the data hold NaN, or are not of the model's shape.

    >>> import numpy as np
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> popt, pcov = curve_fit(lambda t, a, k: a * np.exp(-k * t), t, [2.0, 1.2, 0.8, 0.4])
    >>> popt
    array([2.0005, 0.4971])
    """
    y = np.asarray(ydata, float)
    if nan_policy not in (None, "omit", "raise"):
        raise ArgumentError(
            f"curve_fit: nan_policy is {nan_policy!r}. Write 'omit' or 'raise'."
        )
    if nan_policy == "omit":
        xdata, y, sigma = _without_nan(xdata, y, sigma)
    elif nan_policy == "raise":
        refuse_nan("curve_fit", xdata=xdata, ydata=y)
    if check_finite or (check_finite is None and nan_policy is None):
        refuse_nan("curve_fit", xdata=xdata, ydata=y)
        if not np.all(np.isfinite(y)):
            raise ArgumentError(
                "curve_fit: ydata holds infinite values. Drop those points first."
            )
    if y.size == 0:
        raise ArgumentError("curve_fit: ydata is empty. Give points to fit.")
    if isinstance(xdata, list | tuple):
        xdata = np.asarray(xdata, float)
    elif isinstance(xdata, np.ndarray) and xdata.dtype.kind in "iu":
        xdata = xdata.astype(float)
    start = _start(f, p0, bounds)
    weigh = _weights(sigma, y)

    def residual(p: Any, x: Any, y: Any) -> Any:
        made = f(x, *[p[k] for k in range(start.size)])
        if np.shape(made) != np.shape(y):
            if np.ndim(made) == 0 or np.shape(made) == (1,):
                made = np.zeros(np.shape(y)) + made
            else:
                raise ShapeMismatch(
                    f"curve_fit: f(xdata, …) has shape {np.shape(made)}, and ydata has shape "
                    f"{np.shape(y)}. Let the model return one value for each point."
                )
        return weigh(np.reshape(made - y, -1))

    own: Any = None
    if callable(jac):

        def own(p: Any, x: Any, y: Any) -> Any:
            return weigh(np.asarray(jac(x, *p), float))

    if "maxfev" in keywords:
        keywords["max_nfev"] = keywords.pop("maxfev") or None
    keywords.pop("epsfcn", None)  # of differences
    strange = sorted(set(keywords) - set(signature(least_squares).parameters))
    if strange:
        raise ArgumentError(
            f"curve_fit: there is no option {strange[0]!r}. It takes those of cr.least_squares."
        )
    found = least_squares(
        residual, start, own, bounds, method, args=(xdata, y), **keywords
    )
    if not found.success:
        raise RuntimeError(f"Optimal parameters not found: {found.message}")
    covariance = _covariance(found, y.size, absolute_sigma)
    if not full_output:
        return found.x, covariance
    shown = {"fvec": found.fun, "nfev": found.nfev, "njev": found.njev}
    return found.x, covariance, shown, found.message, max(1, int(found.status))


def _without_nan(xdata: Any, y: Any, sigma: Any) -> tuple[Any, Any, Any]:
    """The points without NaN; ``xdata`` has them along its last axis."""
    x = np.asarray(xdata, float)
    if x.shape[-1:] != y.shape:
        raise ShapeMismatch(
            f"curve_fit: nan_policy='omit' needs one row of ydata, {y.shape}, and xdata with as many "
            f"columns, {x.shape}. Leave the points out before."
        )
    bad = np.isnan(x).reshape(-1, x.shape[-1]).any(axis=0) | np.isnan(y)
    if sigma is not None and np.ndim(sigma):
        s = np.asarray(sigma, float)
        sigma = s[~bad] if s.ndim == 1 else s[np.ix_(~bad, ~bad)]
    return x[..., ~bad], y[~bad], sigma


def _start(f: Callable[..., Any], p0: Any, bounds: Any) -> Any:
    if p0 is not None:
        given = np.atleast_1d(np.asarray(p0))
        return given.astype(float) if given.dtype.kind in "iu" else given
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = list(signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    count = sum(p.kind in kinds for p in parameters) - 1
    if count < 1 or any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        raise ArgumentError(
            "curve_fit: the number of parameters cannot be read from the model. Give p0, one number "
            "for each."
        )
    lower, upper = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    low = np.broadcast_to(np.asarray(lower, float), count)
    high = np.broadcast_to(np.asarray(upper, float), count)
    start = np.ones(count)
    both, above, below = np.isfinite(low) & np.isfinite(high), np.isfinite(low), np.isfinite(high)
    start[below] = high[below] - 1
    start[above] = low[above] + 1
    start[both] = (low[both] + high[both]) / 2
    return start


def _weights(sigma: Any, y: Any) -> Callable[[Any], Any]:
    """What turns residuals, or rows of their Jacobian, into ones of variance 1."""
    if sigma is None:
        return lambda r: r
    s = np.asarray(sigma, float)
    if s.size == 1 or s.shape == (y.size,):
        s = np.broadcast_to(s.reshape(-1), (y.size,))
        if not np.all(s > 0):
            raise ArgumentError(
                "curve_fit: sigma has values that are not above 0. Give standard deviations, or drop "
                "those points."
            )
        return lambda r: r / (s if np.ndim(r) == 1 else s[:, None])
    if s.shape != (y.size, y.size):
        raise ShapeMismatch(
            f"curve_fit: sigma has shape {s.shape}, and there are {y.size} points. Give one standard "
            "deviation for each, or their covariance matrix."
        )
    from scipy.linalg import solve_triangular

    try:
        inverse = solve_triangular(np.linalg.cholesky(s), np.eye(y.size), lower=True)
    except np.linalg.LinAlgError:
        raise ArgumentError(
            "curve_fit: sigma is a matrix that is not positive definite, so it is no covariance. "
            "Check that it is symmetric and of full rank."
        ) from None
    return lambda r: inverse @ r


def _covariance(found: Any, count: int, absolute: bool) -> Any:
    size = found.x.size
    try:
        free = np.ones(size, bool)
        variance = 1.0 if absolute else None
        return spread(np.asarray(found.jac), found.fun, found["_variables"], free, variance)
    except ArgumentError as why:
        warnings.warn(
            f"The covariance could not be estimated: {why.message}", OptimizeWarning, stacklevel=3
        )
        return np.full((size, size), np.inf)
