"""The methods at work: each makes a `Result` on the vector of unknowns."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from ..errors import ArgumentError
from . import newton as newtons
from .callbacks import Callback, Halt
from .choice import DENSE, NEEDS, Choice
from .equations import Equations
from .least_squares import LEAST, TIGHT, adrift, polish, refuse_fixed
from .objective import Objective
from .result import Result
from .variables import Vector

#: Least squares are slow when after so many steps, in so many, they gain less than this share.
SLOW = 20, 6, 0.01

Box = tuple[Vector, Vector] | None


def by_newton(
    objective: Objective,
    choice: Choice,
    box: Box,
    tol: float | None,
    report: Callback | None,
    settings: dict[str, Any],
    start: Vector | None = None,
) -> Result:
    """Newton's method."""
    refuse_options("newton", settings, ("gtol", "maxiter", "banded"))
    x, status, steps = newtons.newton(
        objective,
        choice.matrix,
        gtol=settings.get("gtol", tol),
        maxiter=settings.get("maxiter"),
        callback=None if report is None else report.report,
        box=box,
        start=start,
    )
    return Result(x=x, status=status, success=status == newtons.CONVERGED, nit=steps)


def by_least_squares(
    objective: Objective,
    box: Box,
    tol: float | None,
    report: Callback | None,
    settings: dict[str, Any],
    *,
    patient: bool = True,
    start: Vector | None = None,
) -> Result:
    """Levenberg-Marquardt steps in a trust region on the residuals of a sum of squares.

    Unless it is ``patient``, it ends where it has become slow, as it does with large residuals.
    """
    refuse_options("least-squares", settings, ("maxiter", "ftol", "xtol", "gtol"))
    variables, made = objective.variables, objective.programs
    equations = Equations(variables, objective.args, "minimize", made.residuals, made.slopes)
    first = equations.begin()
    size = float(np.linalg.norm(first))
    if box is not None:
        refuse_fixed(variables, box, "minimize")
    taken = [0]
    most = settings.get("maxiter")
    recent = deque[float](maxlen=SLOW[1])

    def slopes(x: Vector) -> Vector:
        """The Jacobian, which is asked for at every point that a step was taken to."""
        if taken[0] and report is not None and report.report(x, objective.fun(x)):
            raise _Enough(newtons.STOPPED, x)
        if most is not None and taken[0] >= most:
            raise _Enough(newtons.LIMIT, x)
        taken[0] += 1
        if patient is False:
            recent.append(equations.cost(x))
            if taken[0] > SLOW[0] and recent[0] - recent[-1] < SLOW[2] * recent[0]:
                raise _Enough(newtons.SLOW_END, x)
        return equations.jacobian(x)

    # SciPy's solver for these refuses what is below the rounding.
    loose = TIGHT if tol is None else max(tol, LEAST)
    given = {name: max(settings.get(name, loose), LEAST) for name in ("ftol", "xtol", "gtol")}
    begin = variables.start if start is None else start

    def run(method: str) -> Any:
        return scipy_optimize.least_squares(
            equations.values,
            begin,
            slopes,
            bounds=(-np.inf, np.inf) if box is None else box,
            method=method,
            x_scale="jac",
            **given,
            max_nfev=1000 * (variables.size + 1),
        )

    try:
        enough = box is None and first.size >= variables.size
        found = run("lm" if enough else "trf")
        if enough and not (found.success and at_rest(found, size) and not adrift(found, first)):
            other = run("trf")
            found = other if other.cost < found.cost or not found.success else found
    except _Enough as end:
        objective.more(equations.counts)
        return Result(x=end.x, status=end.status, success=False, nit=taken[0])
    if box is None and found.success:
        polish(equations, found)
    objective.more(equations.counts)
    done = bool(found.success) and at_rest(found, size)
    status = newtons.CONVERGED if done else newtons.LIMIT if not found.status else newtons.SLOW_END
    result = Result(x=found.x, status=status, success=done, nit=taken[0])
    result.solver_message = str(found.message)
    return result


def at_rest(found: Any, first: float) -> bool:
    """Whether the residuals are at right angles to what each unknown can do, or as good as zero."""
    values, matrix = np.asarray(found.fun), np.asarray(found.jac)
    size = float(np.linalg.norm(values))
    if size <= 1e-10 * first:
        return True
    lengths = np.sqrt(np.sum(matrix**2, axis=0)) * size
    slope = np.abs(matrix.T @ values)
    held = np.asarray(found.active_mask) != 0
    return bool(np.all(held | (slope <= np.maximum(1e-6 * lengths, 1e-8))))


class _Enough(Exception):
    """The search ends here, by the callback or the limit."""

    def __init__(self, status: int, x: Vector) -> None:
        super().__init__()
        self.status, self.x = status, x.copy()


def by_scipy(
    objective: Objective,
    name: str,
    box: Box,
    constraints: list[Any],
    tol: float | None,
    report: Callback | None,
    settings: dict[str, Any],
    *,
    start: Vector | None = None,
) -> Result:
    """One of SciPy's, with the derivatives it asks for."""
    needs = NEEDS[name]
    given: dict[str, Any] = {"jac": objective.gradient} if needs.gradient else {}
    if needs.hessian and objective.variables.size > DENSE and name == "trust-constr":
        given["hessp"] = objective.product
    elif needs.hessian:
        given["hess"] = objective.hessian
    if needs.product:
        given["hessp"] = objective.product
    if box is not None:
        given["bounds"] = scipy_optimize.Bounds(*box)
    if constraints:
        given["constraints"] = constraints
    value = objective.fun if needs.gradient else objective.value
    try:
        found = scipy_optimize.minimize(
            value,
            objective.variables.start if start is None else start,
            method=name,
            tol=tol,
            callback=None if report is None else report.scipys(name, value),
            options=settings or None,
            **given,
        )
    except Halt as halt:
        steps = 0 if report is None else report.steps
        found = scipy_optimize.OptimizeResult(
            x=halt.x, fun=value(halt.x), nit=steps, success=False, message="stopped by the callback"
        )
    if report is not None and report.stopped:
        found.status, found.success = newtons.STOPPED, False
    result = Result(found)
    result.solver_message = str(found.message)
    return result


def refuse_options(name: str, settings: dict[str, Any], known: tuple[str, ...]) -> None:
    """Raise where a method of ours is given an option that it has not."""
    unknown = sorted(set(settings) - set(known))
    if unknown:
        has = " and ".join(repr(k) for k in known if k != "banded")
        raise ArgumentError(f"minimize: {name!r} has no option {unknown[0]!r}. It has {has}.")
