"""``minimize``: a function of any nested unknowns, by the method that suits it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from ..errors import ArgumentError, ChainruleError
from . import newton as newtons
from .constraints import exact, violation
from .objective import UNDEFINED, Objective, quietly
from .result import MOST_LOOKED_AT, Result, inverse, look
from .structure import band
from .variables import Variables, Vector, limits, nested_callback
from .words import ending

#: What each of SciPy's methods asks for besides the value: (gradient, Hessian, product, bounds,
#: constraints).
_NEEDS = {
    "Nelder-Mead":  (False, False, False, True,  False),
    "Powell":       (False, False, False, True,  False),
    "CG":           (True,  False, False, False, False),
    "BFGS":         (True,  False, False, False, False),
    "Newton-CG":    (True,  False, True,  False, False),
    "L-BFGS-B":     (True,  False, False, True,  False),
    "TNC":          (True,  False, False, True,  False),
    "COBYLA":       (False, False, False, True,  True),
    "COBYQA":       (False, False, False, True,  True),
    "SLSQP":        (True,  False, False, True,  True),
    "trust-constr": (True,  True,  False, True,  True),
    "dogleg":       (True,  True,  False, False, False),
    "trust-ncg":    (True,  False, True,  False, False),
    "trust-exact":  (True,  True,  False, False, False),
    "trust-krylov": (True,  False, True,  False, False),
}  # fmt: skip
_NAMES = {name.lower(): name for name in _NEEDS} | {
    "newton": "newton",
    "l-bfgs": "L-BFGS-B",
    "lbfgs": "L-BFGS-B",
    "trust-region": "trust-exact",
    "steihaug": "trust-ncg",
}

#: Up to so many unknowns a dense Hessian is the cheapest way to a minimum.
DENSE = 300
#: Up to so many unknowns SLSQP, whose steps are dense, is the method with constraints.
SMALL = 100


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Result:
    """A local minimum of a scalar function: `scipy.optimize.minimize` with exact derivatives.

    Parameters
    ----------
    fun
        ``fun(x, *args)`` is one real number, in plain NumPy; ``x`` has the structure of ``x0``.
    x0
        Where to start: an array, or numbers and arrays nested in tuples, lists, dicts and
        dataclasses. A flat list of numbers is an array.
    args
        Further arguments of ``fun``.
    method
        Any of SciPy's, or ``"newton"`` (line search with a modified Hessian, dense or banded;
        Nocedal & Wright, algorithm 3.2). None chooses, and the message says why.
    jac, hess, hessp
        Derivatives of your own, as SciPy takes them; otherwise they are exact. The names of
        difference schemes are not needed and change nothing.
    bounds
        A `scipy.optimize.Bounds`, a pair ``(low, high)`` for each number of a flat ``x0``, or a
        tree like ``x0`` with one pair for each array. None is no limit.
    constraints
        SciPy's dictionaries, `NonlinearConstraint` and `LinearConstraint`; their functions take
        ``x`` in its structure, and their Jacobians and Hessians are exact.
    tol, callback, options
        As SciPy takes them; ``"newton"`` has the options ``gtol`` and ``maxiter``.

    Returns
    -------
    Result
        A `scipy.optimize.OptimizeResult`; ``x`` and ``jac`` have the structure of ``x0``. See
        :class:`~chainrule.optimize.result.Result` for what else it knows.

    Raises
    ------
    NotScalar, NotDifferentiable, ArgumentError
        When ``fun`` is not a number or not finite at ``x0``, ``x0`` is of integers or outside its
        bounds, or an argument holds NaN. The message names the argument.

    >>> import numpy as np
    >>> def valley(p):
    ...     return (1 - p["a"]) ** 2 + 100 * (p["b"] - p["a"] ** 2) ** 2
    >>> found = minimize(valley, {"a": -1.2, "b": 1.0})
    >>> found.success, found.curvature, round(float(found.x["b"]), 9)
    (True, 'minimum', 1.0)
    """
    if callable(method):
        raise ArgumentError(
            "minimize: method is a function. Give it to scipy.optimize.minimize, with "
            "cr.value_and_grad(fun) and jac=True."
        )
    objective = Objective(fun, x0, args, jac=jac, hess=hess, hessp=hessp)
    variables = objective.variables
    box = limits(variables, bounds, "minimize")
    constrained = not isinstance(constraints, Iterable) or bool(constraints)
    with quietly():
        name = None if method is None else _known(method)
        objective.begin(gradient=name is None or _NEEDS.get(name, (True,))[0])
        width, why = None, ""
        if name is None:
            if box is None and not constrained and hess is None:
                width = band(objective)
            name, why = choose(
                variables.size, bounded=box is not None, constrained=constrained, width=width
            )
        _refuse_misfits(name, bounded=box is not None, constrained=constrained, given=method)
        made = exact(constraints, variables, name) if constrained else []
        settings = dict(options or {})
        if name == "newton":
            if method is not None and settings.pop("banded", True) and hess is None:
                width = band(objective)
            found = _newton(objective, width, tol, callback, settings)
        else:
            if method is None:
                _tighten(name, settings, tol)
            found = _scipy(objective, name, box, made, tol, callback, settings)
        return _finish(objective, found, name, why, box, made)


def choose(
    size: int, *, bounded: bool, constrained: bool, width: int | None
) -> tuple[str, str]:
    """The method for a problem of this make, and why.

    >>> choose(3, bounded=True, constrained=False, width=None)[0]
    'L-BFGS-B'
    """
    n = f"{size} unknown{'s' if size > 1 else ''}"
    if constrained and size <= SMALL:
        return "SLSQP", f"there are constraints and only {n}"
    if constrained:
        return "trust-constr", f"there are constraints and {n}"
    if bounded:
        return "L-BFGS-B", f"there are bounds on {n}"
    if width is not None:
        return "newton", f"the Hessian of {n} is banded, {width} beside the diagonal"
    if size <= DENSE:
        return "newton", f"the Hessian of {n} is cheap"
    return "L-BFGS-B", f"{n} are too many for a dense Hessian"


def _known(method: str) -> str:
    try:
        return _NAMES[method.lower()]
    except (KeyError, AttributeError):
        from difflib import get_close_matches

        close = get_close_matches(str(method).lower(), _NAMES, 1)
        hint = f"Did you mean {_NAMES[close[0]]!r}? " if close else ""
        raise ArgumentError(
            f"minimize: there is no method {method!r}. {hint}Leave it out for the one that suits, or "
            f"write one of {', '.join(sorted(set(_NAMES.values())))}."
        ) from None


def _refuse_misfits(name: str, *, bounded: bool, constrained: bool, given: Any) -> None:
    able = _NEEDS.get(name, (True, True, False, False, False))
    for asked, can, what, instead in (
        (bounded, able[3], "bounds", "L-BFGS-B"),
        (constrained, able[4], "constraints", "SLSQP or trust-constr"),
    ):
        if asked and not can:
            raise ArgumentError(
                f"minimize: the method {given!r} takes no {what}. Use {instead}, or leave the method "
                "out."
            )


def _tighten(name: str, settings: dict[str, Any], tol: float | None) -> None:
    """With exact derivatives there is nothing to gain by stopping early."""
    if tol is not None:
        return
    if name == "L-BFGS-B":
        for key, value in (("ftol", 1e-15), ("gtol", 1e-8), ("maxfun", 200_000), ("maxcor", 20)):
            settings.setdefault(key, value)
    elif name == "SLSQP":
        settings.setdefault("ftol", 1e-12)
        settings.setdefault("maxiter", 500)
    elif name == "trust-constr":
        settings.setdefault("gtol", 1e-8)


def _newton(
    objective: Objective,
    width: int | None,
    tol: float | None,
    callback: Callable[..., Any] | None,
    settings: dict[str, Any],
) -> Result:
    unknown = sorted(set(settings) - {"gtol", "maxiter", "disp", "banded"})
    if unknown:
        raise ArgumentError(
            f"minimize: 'newton' has no option {unknown[0]!r}. It has 'gtol' and 'maxiter'."
        )
    matrix = newtons.Dense(objective) if width is None else newtons.Banded(objective, width)
    x, status, steps = newtons.newton(
        objective,
        matrix,
        gtol=settings.get("gtol", 1e-8 if tol is None else tol),
        maxiter=settings.get("maxiter"),
        callback=_reporting(callback, objective.variables),
    )
    return Result(x=x, status=status, success=status == newtons.CONVERGED, nit=steps)


def _reporting(callback: Callable[..., Any] | None, variables: Variables) -> Any:
    """The callback as Newton's method calls it: true where it asks to stop, as in SciPy."""
    if callback is None:
        return None
    inner = nested_callback(callback, variables)
    from inspect import signature

    try:
        whole = list(signature(callback).parameters) == ["intermediate_result"]
    except (TypeError, ValueError):
        whole = False

    def report(x: Vector, value: float) -> bool:
        try:
            if whole:
                inner(intermediate_result=scipy_optimize.OptimizeResult(x=x.copy(), fun=value))
            else:
                inner(x.copy())
        except StopIteration:
            return True
        return False

    return report


def _scipy(
    objective: Objective,
    name: str,
    box: tuple[Vector, Vector] | None,
    constraints: list[Any],
    tol: float | None,
    callback: Callable[..., Any] | None,
    settings: dict[str, Any],
) -> Result:
    slope, matrix, product, _, _ = _NEEDS[name]
    given: dict[str, Any] = {"jac": objective.gradient} if slope else {}
    if matrix and objective.variables.size > DENSE and name == "trust-constr":
        given["hessp"] = objective.product
    elif matrix:
        given["hess"] = objective.hessian
    if product:
        given["hessp"] = objective.product
    if box is not None:
        given["bounds"] = scipy_optimize.Bounds(*box)
    if constraints:
        given["constraints"] = constraints
    found = scipy_optimize.minimize(
        objective.fun if slope else objective.value,
        objective.variables.start,
        method=name,
        tol=tol,
        callback=nested_callback(callback, objective.variables),
        options=settings or None,
        **given,
    )
    result = Result(found)
    result.solver_message = str(found.message)
    return result


def _finish(
    objective: Objective,
    found: Result,
    name: str,
    why: str,
    box: tuple[Vector, Vector] | None,
    constraints: list[Any],
) -> Result:
    """The result with what is known at the solution, in the user's structure and words."""
    variables = objective.variables
    x = np.array(found.x, np.float64).reshape(-1)
    value, slope = _value_and_slope(objective, x, name)
    free = np.ones(x.size, bool)
    if box is not None:
        low, high = box
        free = ~(((x <= low) & (slope > 0)) | ((x >= high) & (slope < 0)))
    found.update(objective.counts)
    found.x, found.fun, found.method = variables.tree(x), value, name
    found.jac = variables.tree(slope)
    found.gradient_norm = float(np.abs(slope[free]).max(initial=0.0))
    found.curvature = found.eigenvalues = None
    found.setdefault("solver_message", "")
    found["_variables"] = variables
    finite = bool(np.isfinite(value) and np.all(np.isfinite(slope)))
    derived = finite or bool(_NEEDS.get(name, (True,))[0])
    if constraints:
        found.violation = violation(constraints, x)
    elif finite and x.size <= MOST_LOOKED_AT and np.any(free):
        _look(objective, found, x, free)
    found.setdefault("_covariance", partial(_later, objective, x, free, bool(constraints)))
    if not constraints and found.gradient_norm <= 1e-8 and found.status != newtons.STOPPED:
        found.success = True
    found.message = ending(found, why, bounded=not bool(np.all(free)), derived=derived)
    return found


def _value_and_slope(objective: Objective, x: Vector, name: str) -> tuple[float, Vector]:
    """Both at the solution; a method that needs no gradient is for functions that may have none."""
    if _NEEDS.get(name, (True,))[0]:
        return objective.pair(x)
    try:
        return objective.pair(x)
    except (ChainruleError, *UNDEFINED):
        return objective.value(x), np.full(x.size, np.nan)


def _look(objective: Objective, found: Result, x: Vector, free: Any) -> None:
    """Note the curvature at the solution, if there are second derivatives there."""
    try:
        hessian = objective.hessian(x)
    except (ChainruleError, *UNDEFINED):  # with derivatives of the user's, it may be no NumPy at all
        return
    part = hessian[np.ix_(free, free)]
    if np.all(np.isfinite(part)):
        found.curvature, found.eigenvalues = look(part)
        slope = objective.gradient(x)[free]
        least = 1e-14 * abs(found.fun)
        if found.curvature == "minimum" and slope @ np.linalg.solve(part, slope) / 2 <= least:
            found.success = True  # what is left to gain is lost in rounding
        found["_covariance"] = partial(inverse, hessian, objective.variables, free)


def _later(objective: Objective, x: Vector, free: Any, constrained: bool) -> Vector:
    if constrained:
        raise ArgumentError(
            "covariance: there are constraints, and the inverse Hessian is no covariance under them. "
            "Write the problem in unknowns that are free."
        )
    return inverse(objective.hessian(x), objective.variables, free)
