"""``minimize``: a function of any nested unknowns, by the method that suits it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError, ChainruleError, EndedTrace
from . import newton as newtons
from .bounds import limits
from .callbacks import Callback, reporting
from .choice import (
    DENSE,
    NEEDS,
    OURS,
    Choice,
    asked,
    checked,
    choose,
    fitting,
    known,
    refuse_misfits,
    tighten,
)
from .constraints import exact, stationarity, violation
from .matrices import Dense
from .objective import UNDEFINED, Objective, quietly
from .profile import Profiler
from .result import MOST_LOOKED_AT, Result, look
from .solvers import by_least_squares, by_newton, by_scipy
from .statistics import Statistics
from .variables import Vector
from .words import ending

Box = tuple[Vector, Vector] | None

#: A search that leaves more than this share of what it gained ended short of a minimum.
SHORT = 1e-3
#: Methods that come near a bound from inside, and what is near.
INTERIOR, NEAR = ("trust-constr", "ipopt"), 1e-6
#: Constraints hold to this, and hold the slope in balance to this part of it, at a solution.
HOLDS, BALANCED = 1e-7, 1e-6


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
        Any of SciPy's; ``"newton"`` (line search with a modified Hessian: dense, banded, sparse or by
        its products, with bounds or without; Nocedal & Wright, algorithms 3.2 and 7.1),
        ``"least-squares"`` (for a sum of squares, which is read from the program) or ``"ipopt"``
        (where ``cyipopt`` is installed). None chooses, and the message says why.
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
        As SciPy takes them; ``"newton"`` has the options ``gtol``, the largest element of the
        gradient at which it stops, and ``maxiter``.

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
    settings = checked(options, tol)
    objective = Objective(fun, x0, args, jac=jac, hess=hess, hessp=hessp)
    variables = objective.variables
    box = limits(variables, bounds, "minimize")
    constraints = () if constraints is None else constraints
    constrained = not isinstance(constraints, Iterable) or bool(constraints)
    fixed = box is not None and bool(np.any(box[0] == box[1]))
    with quietly():
        name = None if method is None else known(method)
        if name is not None:
            refuse_misfits(name, bounded=box is not None, constrained=constrained, given=method)
        objective.begin(gradient=name is None or NEEDS[name].gradient)
        try:
            if name is None:
                bounded = box is not None
                choice = choose(objective, bounded=bounded, fixed=fixed, constrained=constrained)
                settings = fitting(choice.method, settings, bounded=bounded, constrained=constrained)
                tighten(choice.method, settings, tol)
            else:
                choice = asked(objective, name, banded=settings.get("banded", True))
            made = exact(constraints, variables, choice.method) if constrained else []
            own = choice.method in ("newton", "least-squares")
            show = own and bool(settings.pop("disp", False))
            keep = own and bool(settings.pop("return_all", False))
            report = reporting(callback, variables, keep=keep)
            found = _run(objective, choice, box, made, tol, report, settings)
            if name is None and choice.method == "SLSQP":
                found, choice = _inside(objective, found, choice, box, constraints, report)
            if name is None and choice.method in OURS:
                most = settings.get("maxiter")
                if most is None or found.nit < most:
                    rest = {} if most is None else {"maxiter": most - found.nit}
                    found, choice = _further(objective, found, choice, box, report, tol, rest)
            found = _finish(objective, found, choice, box, made)
        except BaseException as error:
            _keep(error, objective)
            raise
    if keep and report is not None:
        found.allvecs = report.points
    if show:
        print(found.message)  # noqa: T201 (SciPy's option asks for it)
    return found


def _run(
    objective: Objective,
    choice: Choice,
    box: Box,
    constraints: list[Any],
    tol: float | None,
    report: Callback | None,
    settings: dict[str, Any],
) -> Result:
    """What the chosen method finds."""
    if choice.method == "newton":
        return by_newton(objective, choice, box, tol, report, settings)
    if choice.method == "least-squares":
        patient = not choice.why
        return by_least_squares(objective, box, tol, report, settings, patient=patient)
    if choice.method == "ipopt":
        from .ipopt import by_ipopt  # it needs a package that need not be there

        return by_ipopt(objective, box, constraints, tol, report, settings)
    return by_scipy(objective, choice.method, box, constraints, tol, report, settings)


def _inside(
    objective: Objective,
    found: Result,
    choice: Choice,
    box: Box,
    constraints: Any,
    report: Callback | None,
) -> tuple[Result, Choice]:
    """Where SLSQP ends at no solution, trust-constr begins anew."""

    def judged(x: Vector, made: list[Any]) -> tuple[float, float]:
        slope = objective.gradient(x)
        if not np.all(np.isfinite(slope)):
            return np.inf, np.inf
        return violation(made, x), stationarity(made, x, slope, box)

    made = exact(constraints, objective.variables, "trust-constr")
    if found.status == newtons.STOPPED:
        return found, choice
    x = np.asarray(found.x, float)
    broken, off = judged(x, made)
    if (found.success and broken <= HOLDS) or (broken <= HOLDS and off <= BALANCED):
        return found, choice
    settings: dict[str, Any] = {}
    tighten("trust-constr", settings, None)
    try:
        other = by_scipy(objective, "trust-constr", box, made, None, report, settings)
    except (ChainruleError, *UNDEFINED, ValueError):
        return found, choice
    there, rest = judged(np.asarray(other.x, float), made)
    if there > max(broken, HOLDS) or (broken <= HOLDS and off <= rest):
        return found, choice
    why = f"{choice.why}, and SLSQP found no solution"
    return other, Choice("trust-constr", why)


def _further(
    objective: Objective,
    found: Result,
    choice: Choice,
    box: Box,
    report: Callback | None,
    tol: float | None,
    settings: dict[str, Any],
) -> tuple[Result, Choice]:
    """Where the method that was chosen ended at no minimum, another goes on from there."""
    if found.status in (newtons.STOPPED, newtons.UNBOUNDED_BELOW):
        return found, choice
    if choice.method == "newton":
        return _on_kinks(objective, found, choice, box, report, settings)
    if choice.method != "least-squares" or _is_minimum(objective, found, box):
        return found, choice
    second = Choice("newton", matrix=Dense(objective))
    try:
        more = by_newton(objective, second, box, tol, report, settings, start=np.asarray(found.x))
        ended = more.status in (newtons.STOPPED, newtons.UNBOUNDED_BELOW)
        if not (more.success or found.success or ended or settings):
            best = objective.best[1] if box is None else np.asarray(more.x)
            more = by_least_squares(objective, box, tol, report, {}, start=best)
    except (ChainruleError, *UNDEFINED):
        return found, choice
    more.nit += found.nit
    if found.success and not more.success and more.status != newtons.STOPPED:
        more.success = True
        if objective.pair(np.asarray(more.x))[0] >= objective.pair(np.asarray(found.x))[0]:
            more.x = found.x
    second = Choice("least-squares", f"{choice.why}; Newton's method went on from its end")
    return _on_kinks(objective, more, second, box, report, settings)


def _is_minimum(objective: Objective, found: Result, box: Box) -> bool:
    """Whether a search by least squares ended where there is no slope and no way down."""
    if not found.success or box is not None:  # it stops short of bounds
        return False
    x = np.asarray(found.x)
    value, slope = objective.pair(x)
    if newtons.largest(slope, None) > 1e-8 * max(1.0, abs(value)):
        return False
    try:
        return Dense(objective).downward(x) is None
    except (ChainruleError, *UNDEFINED):
        return True


def _on_kinks(
    objective: Objective,
    found: Result,
    choice: Choice,
    box: Box,
    report: Callback | None,
    given: dict[str, Any],
) -> tuple[Result, Choice]:
    """Where Newton's method finds no way down, the function may have kinks: BFGS gets on there.

    From the lowest point, and where that is of no use, from the start.
    """
    if found.success or found.status in (newtons.STOPPED, newtons.UNBOUNDED_BELOW):
        return found, choice
    name = "BFGS" if box is None and objective.variables.size <= DENSE else "L-BFGS-B"
    value, x = objective.best
    lower: list[tuple[float, Result, str]] = []
    for start, what in ((x, "end"), (objective.variables.start, "start")):
        settings = dict(given)
        tighten(name, settings, None)
        try:
            more = by_scipy(objective, name, box, [], None, report, settings, start=start)
        except (ChainruleError, *UNDEFINED):
            return found, choice
        if more.status == newtons.STOPPED:
            return more, choice
        if more.fun < value - 1e-9 * abs(value):
            lower.append((more.fun, more, what))
            if more.success:
                break
    if not lower:
        return found, choice
    _, more, what = min(lower, key=lambda each: each[0])
    more.nit += found.nit
    more.status = newtons.NO_DESCENT if not more.success else more.status
    return more, Choice(choice.method, f"{choice.why}; {name} went on from its {what}")


def _keep(error: BaseException, objective: Objective) -> None:
    """Note the best point so far in an error that ends a search: nothing that was found is lost."""
    if isinstance(error, EndedTrace):
        error.add_note(
            "minimize: fun keeps x, or what it made of it, from one call to the next, as a cache does. "
            "Leave that out: value and gradient come from one evaluation here."
        )
    value, x = objective.best
    if not np.isfinite(value):
        return
    kept = Result(x=objective.variables.tree(x), fun=value, success=False, **objective.counts)
    kept.message = (
        f"Ended by {type(error).__name__}; this is the lowest point of {kept.nfev} evaluations."
    )
    try:
        error.best = kept  # type: ignore[attr-defined]
        error.add_note(
            f"The lowest value of {kept.nfev} evaluations was {value:.6g}; the point is kept in the "
            "error's attribute best."
        )
    except (AttributeError, TypeError):
        pass


def _finish(
    objective: Objective,
    found: Result,
    choice: Choice,
    box: Box,
    constraints: list[Any],
) -> Result:
    """The result with what is known at the solution, in the user's structure and words."""
    variables, name = objective.variables, choice.method
    x = np.array(found.x, np.float64).reshape(-1)
    if not (constraints or found.success):
        x = _lowest(objective, found, x, name)
    value, slope = _value_and_slope(objective, x, name)
    free = np.ones(x.size, bool)
    if box is not None:
        low, high = box
        near = (NEAR if name in INTERIOR else 1e-12) * np.maximum(1.0, np.abs(x))
        at_low, at_high = (x - low <= near) & (slope > 0), (high - x <= near) & (slope < 0)
        free = ~(at_low | at_high)
        there = np.where(at_low, low, np.where(at_high, high, x))
        if NEEDS[name].gradient and name not in INTERIOR and not np.array_equal(there, x):
            reached, further = objective.pair(there)
            if reached <= value:
                x, value, slope = there, reached, further
    found.update(objective.counts)
    found.x, found.fun, found.method = variables.tree(x), value, name
    found.jac = variables.tree(slope)
    found.gradient_norm = float(np.abs(slope[free]).max(initial=0.0))
    found.curvature = found.eigenvalues = hessian = None
    found.setdefault("solver_message", "")
    found["_variables"] = variables
    finite = bool(np.isfinite(value) and np.all(np.isfinite(slope)))
    derived = finite or bool(NEEDS[name].gradient)
    if constraints:
        found.violation = violation(constraints, x)
        found.stationarity = stationarity(constraints, x, slope, box) if finite else np.inf
        if found.violation <= HOLDS and found.stationarity <= BALANCED:
            found.success = True  # whatever the solver says of its last step
    elif finite and x.size <= MOST_LOOKED_AT and np.any(free):
        hessian = _look(objective, found, x, free)
    kept = Statistics(objective, x, free, constrained=bool(constraints), hessian=hessian)
    found["_statistics"] = kept
    if not constraints:
        found["_profiler"] = Profiler(objective.flat, objective.args, variables, x, box)
    if not constraints and found.status != newtons.STOPPED:
        least = 1e-8 * min(1.0, max(objective.steep, newtons.TINY))
        if found.gradient_norm <= (1e-8 if found.status == newtons.NO_DESCENT else least):
            found.success = True
        if found.success and NEEDS[name].gradient:
            _doubt(objective, found, x, slope, chosen=bool(choice.why))
    found.message = ending(found, choice.why, bounded=not bool(np.all(free)), derived=derived)
    return found


def _doubt(
    objective: Objective, found: Result, x: Vector, slope: Vector, *, chosen: bool
) -> None:
    """Take back the success of a search whose end shows that it cannot be trusted; say why."""
    if objective.wavers(x, float(found.fun)):
        found["_doubt"] = (
            "the function gives other values when it is asked again at the same point, as one that "
            "draws random numbers does. Draw them once, before"
        )
    elif not np.any(slope) and _level(found.eigenvalues) and objective.steps_down(x):
        found["_doubt"] = (
            "all derivatives are 0 here, and yet the function is lower nearby: it rounds, counts, "
            "compares, or has a kink. Use method='Nelder-Mead'"
        )
    elif chosen and found.curvature != "minimum":
        size = max(1.0, abs(found.fun), 1e-3 * objective.steep)
        if found.gradient_norm > 1e-5 * size:
            found.success = False


def _level(eigenvalues: Vector | None) -> bool:
    return eigenvalues is not None and not np.any(eigenvalues)


def _lowest(objective: Objective, found: Result, x: Vector, name: str) -> Vector:
    """The lowest point of a search that failed, which need not be its last."""
    value, best = objective.best
    if name in ("least-squares", "ipopt") or not np.isfinite(value):
        return x
    try:
        last = objective.fun(x) if NEEDS[name].gradient else float(found.fun)
    except UNDEFINED:
        last = np.nan
    found["_undefined"] = not np.isfinite(last) and last != -np.inf
    return x if last <= value else best


def _value_and_slope(objective: Objective, x: Vector, name: str) -> tuple[float, Vector]:
    """Both at the solution; a method that needs no gradient is for functions that may have none."""
    if NEEDS[name].gradient:
        return objective.pair(x)
    try:
        return objective.pair(x)
    except (ChainruleError, *UNDEFINED):
        return objective.value(x), np.full(x.size, np.nan)


def _look(objective: Objective, found: Result, x: Vector, free: Any) -> Vector | None:
    """Note the curvature at the solution, if there are second derivatives there; the Hessian."""
    try:
        hessian = objective.hessian(x)
    except (ChainruleError, *UNDEFINED):  # with derivatives of the user's, it may be no NumPy at all
        return None
    part = hessian[np.ix_(free, free)]
    if np.all(np.isfinite(part)):
        # What bends the function by less than it is rounded, over the length of x, is flat.
        size = max(abs(found.fun), abs(objective.first))
        rounding = 1e-16 * size / max(1.0, float(x @ x))
        found.curvature, found.eigenvalues = look(part, rounding)
        slope = objective.gradient(x)[free]
        if found.curvature == "minimum":
            gain = float(slope @ np.linalg.solve(part, slope)) / 2
            if gain <= 1e-14 * abs(found.fun) and found.status != newtons.STOPPED:
                found.success = True  # what is left to gain is lost in rounding
            share = SHORT * (objective.first - found.fun + gain)
            if gain > max(share, 1e-6 * abs(found.fun)) and found.gradient_norm > 1e-5:
                found.success = False  # a Newton step would gain as much again as counts
        return hessian
    return None
