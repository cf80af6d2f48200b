"""``least_squares``: residuals made small, by Gauss-Newton and Levenberg-Marquardt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from ..errors import ArgumentError
from .bounds import broadcast, feasible, limits
from .callbacks import Callback, reporting
from .equations import Equations
from .objective import quietly
from .profile import Profiler
from .result import FLAT, Result, raise_undetermined
from .variables import Variables, Vector

_METHODS = ("trf", "dogbox", "lm", "gauss-newton")
#: Steps shorter than this, relative to the unknowns, and gains smaller than this end a search.
TIGHT = 1e-14
#: The smallest tolerance that makes sense.
LEAST = 2.3e-16


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    ftol: float | None = TIGHT,
    xtol: float | None = TIGHT,
    gtol: float | None = TIGHT,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: dict[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    callback: Callable[..., Any] | None = None,
    workers: Any = None,
) -> Result:
    """Residuals made small: `scipy.optimize.least_squares` with the exact Jacobian.

    Parameters
    ----------
    fun
        ``fun(x, *args, **kwargs)``: the residuals, an array of any shape or several nested.
    x0
        Where to start: an array, or numbers and arrays nested in tuples, lists, dicts.
    jac
        A Jacobian of your own, ``(residuals, unknowns)``; otherwise it is exact.
    bounds
        SciPy's pair ``(lower, upper)``, each a number or shaped like ``x0``, a
        `scipy.optimize.Bounds`, or a tree like ``x0`` with one pair for each array.
    method
        SciPy's ``"trf"`` (a trust region; takes bounds and robust losses), ``"dogbox"``, ``"lm"``
        (MINPACK's Levenberg-Marquardt), or ``"gauss-newton"`` (with line search; Nocedal & Wright,
        §10.3). None chooses, and the message says why.
    ftol, xtol, gtol, loss, f_scale, tr_solver, tr_options, max_nfev, verbose, callback
        As for SciPy; the tolerances are tighter, for the Jacobian is exact. ``"gauss-newton"`` has
        ``xtol`` and ``max_nfev``, its steps, alone.
    diff_step, jac_sparsity, workers
        SciPy's, for differences: not needed here.
    x_scale
        As for SciPy; None scales each unknown by its column of the Jacobian.

    Returns
    -------
    Result
        With SciPy's ``x`` (in the structure of ``x0``), ``cost``, ``fun``, ``jac``, ``optimality``,
        and :meth:`~chainrule.optimize.result.Result.covariance`, ``standard_errors()``.

    Raises
    ------
    ArgumentError
        When an argument or a residual at ``x0`` is NaN, or ``x0`` lies outside its bounds.

    >>> import numpy as np
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> y = np.array([2.0, 1.2, 0.8, 0.4])
    >>> found = least_squares(lambda p: p["a"] * np.exp(-p["k"] * t) - y, {"a": 1.0, "k": 1.0})
    >>> round(float(found.x["a"]), 4), round(float(found.standard_errors()["k"]), 4)
    (2.0005, 0.0287)
    """
    equations = Equations.of(fun, x0, args, kwargs, jac=jac, verb="least_squares")
    variables = equations.variables
    box = _box(variables, bounds)
    report = reporting(callback, variables, "least_squares")
    with quietly():
        values = equations.begin()
        steered = bool(report or verbose or tr_solver or None in (ftol, xtol, gtol))
        name, why = _choose(method, values.size, variables.size, box, loss, steered=steered)

        def run(name: str) -> Result:
            """What one of SciPy's methods finds."""
            ends = {"ftol": ftol, "xtol": xtol, "gtol": gtol}
            if name == "lm":  # it refuses what is below the rounding
                ends = {key: LEAST if t is None else max(t, LEAST) for key, t in ends.items()}
            found = Result(
                scipy_optimize.least_squares(
                    equations.values,
                    variables.start,
                    equations.jacobian,
                    bounds=(-np.inf, np.inf) if box is None else box,
                    method=name,
                    **ends,
                    x_scale="jac" if x_scale is None else _scale(variables, x_scale),
                    loss=loss,
                    f_scale=f_scale,
                    max_nfev=max_nfev or 1000 * (variables.size + 1),
                    tr_solver=tr_solver, tr_options=tr_options or {}, verbose=verbose,
                    **({"callback": report.scipys(name)} if report else {}),
                )
            )  # fmt: skip
            if loss == "linear" and box is None and found.success:
                polish(equations, found)
            return found

        if name == "gauss-newton":
            found = _gauss_newton(equations, xtol or TIGHT, max_nfev, report)
        else:
            found = run(name)
        if name == "lm" and method is None and (not found.success or adrift(found, values)):
            other = run("trf")
            if other.success and (not found.success or other.cost < found.cost):
                found, name, why = other, "trf", "lm ended where there is no minimum"
        return _finish(equations, found, name, why, box, linear=loss == "linear")


def adrift(found: Any, first: Vector) -> bool:
    """Whether some unknown went where it has no influence, and the residuals are no smaller for it."""
    values, matrix = np.asarray(found.fun), np.asarray(found.jac)
    size = float(np.linalg.norm(values))
    if size <= 1e-10 * float(np.linalg.norm(first)):
        return False
    influence = np.sqrt(np.sum(matrix**2, axis=0)) * np.abs(found.x)
    return bool(np.any(influence < 1e-8 * size))


def _choose(
    method: Any, count: int, size: int, box: Any, loss: Any, *, steered: bool
) -> tuple[str, str]:
    if method is not None:
        if method not in _METHODS:
            raise ArgumentError(
                f"least_squares: there is no method {method!r}. Leave it out for the one that suits, "
                f"or write one of {', '.join(_METHODS)}."
            )
        if method in ("lm", "gauss-newton") and (box is not None or loss != "linear"):
            what = "bounds" if box is not None else f"loss {loss!r}"
            raise ArgumentError(
                f"least_squares: the method {method!r} takes no {what}. Use 'trf', or leave the method "
                "out."
            )
        if method == "lm" and count < size:
            raise ArgumentError(
                f"least_squares: 'lm' needs as many residuals as unknowns, and there are {count} for "
                f"{size}. Use 'trf', or leave the method out."
            )
        return str(method), ""
    if box is not None:
        return "trf", "there are bounds"
    if loss != "linear":
        return "trf", "the loss is robust"
    if count < size:
        return "trf", "there are fewer residuals than unknowns"
    if steered:
        return "trf", "it takes what was asked for"
    return "lm", "there are no bounds"


def _box(variables: Variables, bounds: Any) -> tuple[Vector, Vector] | None:
    if type(bounds) is tuple and len(bounds) == 2 and not _pairs_of_two(variables, bounds):
        low = broadcast(variables, bounds[0], "least_squares", "the lower bound")
        high = broadcast(variables, bounds[1], "least_squares", "the upper bound")
        box = feasible(variables, low, high, "least_squares")
    else:
        box = limits(variables, bounds, "least_squares")
    if box is not None:
        refuse_fixed(variables, box, "least_squares")
    return box


def refuse_fixed(variables: Variables, box: tuple[Vector, Vector], verb: str) -> None:
    """Raise where bounds leave an unknown no room: steps inside them take room."""
    fixed = box[0] == box[1]
    if np.any(fixed):
        name = variables.element(int(np.argmax(fixed)))
        raise ArgumentError(
            f"{verb}: the bounds hold {name} at one value, and least "
            "squares need room between them. Put the value in the function, or use cr.minimize."
        )


def _pairs_of_two(variables: Variables, bounds: Any) -> bool:
    """Whether ``bounds`` is a nested ``x0``'s own tuple, with a pair at each of two leaves."""
    return variables.structure.kind is tuple and all(
        type(b) is tuple and len(b) == 2 for b in bounds
    )


def _scale(variables: Variables, x_scale: Any) -> Any:
    if isinstance(x_scale, str):
        return x_scale
    return broadcast(variables, x_scale, "least_squares", "x_scale")


def _gauss_newton(
    equations: Equations, xtol: float, max_nfev: int | None, report: Callback | None
) -> Result:
    """Gauss-Newton with Armijo's line search; each step by the SVD of the Jacobian."""
    x = equations.variables.start.copy()
    values = equations.values(x)
    most = max_nfev or 200
    for count in range(most):
        matrix = equations.jacobian(x)
        step = -np.linalg.lstsq(matrix, values, rcond=None)[0]
        descent = float((matrix @ step) @ values)
        cost, share = float(values @ values) / 2, 1.0
        while share > 1e-14:
            trial = equations.values(x + share * step)
            if float(trial @ trial) / 2 <= cost + 1e-4 * share * descent:
                break
            share /= 2
        else:
            return _ended(equations, x, count, status=2)
        x, values = x + share * step, trial
        if report is not None and report.report(x, float(values @ values) / 2):
            return _ended(equations, x, count + 1, status=-2)
        if np.linalg.norm(share * step) <= xtol * (xtol + np.linalg.norm(x)):
            return _ended(equations, x, count + 1, status=3)
    return _ended(equations, x, most, status=0)


def polish(equations: Equations, found: Result) -> None:
    """Whole Gauss-Newton steps from a solution, while they become shorter.

    A sum of squares tells solutions apart to half the digits; the step to half again.
    """
    x, values, matrix = found.x, found.fun, np.asarray(found.jac)
    cost = float(values @ values)
    last = np.inf
    for _ in range(30):
        part, scale = _scaled(matrix)
        step = -np.linalg.lstsq(part, values, rcond=FLAT * 1e-3)[0] / scale
        length = float(np.linalg.norm(step * scale))
        if not length < 0.7 * last or not np.all(np.isfinite(step)):
            return
        trial = equations.values(x + step)
        if not float(trial @ trial) <= cost * (1 + 1e-13):
            return
        last, x, values = length, x + step, trial
        matrix = equations.jacobian(x)
        slope = matrix.T @ values
        found.update(
            x=x, fun=values, jac=matrix, grad=slope, cost=float(values @ values) / 2,
            optimality=float(np.abs(slope).max()),
        )  # fmt: skip


def _ended(equations: Equations, x: Vector, count: int, status: int) -> Result:
    values, matrix = equations.values(x), equations.jacobian(x)
    slope = matrix.T @ values
    rest = float(np.linalg.norm(slope)) <= 1e-6 * (
        1e-300 + float(np.linalg.norm(matrix)) * float(np.linalg.norm(values))
    )
    return Result(
        x=x, fun=values, jac=matrix, grad=slope, cost=float(values @ values) / 2, nit=count,
        optimality=float(np.abs(slope).max()), active_mask=np.zeros(x.size, int), status=status,
        success=status == 3 or (rest and status >= 0), message="",
    )  # fmt: skip


def _finish(
    equations: Equations, found: Result, name: str, why: str, box: Any, *, linear: bool
) -> Result:
    variables = equations.variables
    x = np.array(found.x, np.float64)
    free = np.ones(x.size, bool)
    if box is not None:
        free = ~(((x <= box[0]) & (found.grad > 0)) | ((x >= box[1]) & (found.grad < 0)))
        free &= np.asarray(found.active_mask) == 0
    matrix = np.asarray(found.jac)
    found.update(equations.counts)
    found.x, found.method, found.solver_message = variables.tree(x), name, str(found.message)
    found.gradient_norm = float(np.abs(found.grad[free]).max(initial=0.0))
    rank = int(np.linalg.matrix_rank(_scaled(matrix[:, free])[0])) if np.any(free) else 0
    found.curvature = "minimum" if rank == int(free.sum()) else "flat"
    found["_variables"] = variables
    found["_statistics"] = Spread(matrix, found.fun, variables, free, robust=not linear)
    freedom = found.fun.size - int(free.sum())
    if linear and freedom > 0 and found.cost > 0:
        found["_profiler"] = Profiler(
            HalfSquares(equations.flat), equations.args, variables, x, box,
            scale=freedom / (2 * found.cost), freedom=freedom,
        )  # fmt: skip
    found.message = _ending(found, why, int(free.sum()) - rank, at_bounds=not bool(np.all(free)))
    return found


def _ending(found: Result, why: str, missing: int, *, at_bounds: bool) -> str:
    at = f"the sum of squares is {2 * found.cost:.6g}, the largest slope {found.gradient_norm:.1e}"
    because = f" Method {found.method}, because {why}." if why else ""
    if not np.isfinite(found.cost):
        found.success = False
        return f"Not a number: {at}. Start elsewhere, or add bounds.{because}"
    if found.status == -2:
        return f"Stopped by the callback: {at}.{because}"
    if not found.success:
        return (
            f"Not converged after {found.nfev} evaluations: {at}. Start nearer, bring the unknowns to "
            f"a similar scale, or raise max_nfev.{because}"
        )
    where = " with unknowns at their bounds" if at_bounds else ""
    if missing:
        open_ = f"{missing} direction{'s' * (missing > 1)} of the unknowns open"
        return (
            f"Converged{where}: {at}. The residuals leave {open_}, so other points are as good.{because}"
        )
    return f"Converged to a minimum{where}: {at}.{because}"


class HalfSquares:
    """Half the sum of squares of residuals."""

    def __init__(self, values: Callable[..., Any]) -> None:
        self._values = values

    def __call__(self, x: Any, *rest: Any) -> Any:
        """The value."""
        return np.sum(self._values(x, *rest) ** 2) / 2


class Spread:
    """The covariances at the solution of ``least_squares``."""

    def __init__(
        self, matrix: Vector, values: Vector, variables: Variables, free: Any, *, robust: bool
    ) -> None:
        self._matrix, self._values, self._variables = matrix, values, variables
        self._free, self._robust = free, robust

    def covariance(self, kind: str | None, **given: Any) -> Vector:
        """See :meth:`~chainrule.optimize.result.Result.covariance`."""
        if kind not in (None, "expected", "sandwich"):
            raise ArgumentError(
                f"covariance: least squares have no kind {kind!r}. Leave it out for s² (JᵀJ)⁻¹, write "
                "'sandwich' for residuals of different variances, or minimise the negative "
                "log-likelihood by cr.minimize."
            )
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise ArgumentError(
                f"covariance: least squares need no {unused[0]}, for the residuals are at hand. Leave "
                "it out."
            )
        if kind != "sandwich":
            return spread(self._matrix, self._values, self._variables, self._free)
        inner = spread(self._matrix, self._values, self._variables, self._free, 1.0)
        scores = self._matrix * self._values[:, None]
        return inner @ (scores.T @ scores) @ inner


def _scaled(matrix: Vector) -> tuple[Vector, Vector]:
    scale = np.sqrt(np.sum(matrix**2, axis=0))
    scale[scale == 0] = 1.0
    return matrix / scale, scale


def spread(
    matrix: Vector, values: Vector, variables: Variables, free: Any, variance: float | None = None
) -> Vector:
    """``s² (JᵀJ)⁻¹`` by the SVD of the Jacobian with its columns scaled; 0 where not free.

    ``variance`` is ``s²``; None estimates it by the residuals over the degrees of freedom.
    """
    freedom = values.size - int(np.sum(free))
    if variance is None and freedom <= 0:
        raise ArgumentError(
            f"covariance: {values.size} residuals for {int(np.sum(free))} unknowns leave nothing to "
            "estimate the variance by. Add data, or use curve_fit with absolute_sigma=True."
        )
    part, scale = _scaled(matrix[:, free])
    _, sizes, rows = np.linalg.svd(part, full_matrices=False)
    if sizes.size < part.shape[1] or (sizes.size and sizes[-1] <= FLAT * 1e-3 * sizes[0]):
        raise_undetermined(variables, np.flatnonzero(free), rows[-1] / scale)
    inner = (rows.T / sizes**2) @ rows / np.outer(scale, scale)
    made = np.zeros((variables.size, variables.size))
    made[np.ix_(free, free)] = inner * (
        float(values @ values) / freedom if variance is None else variance
    )
    return made
