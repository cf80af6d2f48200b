"""``root``: where several functions of as many unknowns are all zero."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from ..errors import ArgumentError
from .equations import Equations
from .objective import UNDEFINED, quietly
from .programs import watched
from .result import Result
from .variables import Variables, Vector

_EXACT = ("hybr", "lm")
_DERIVATIVE_FREE = (
    "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov",
    "df-sane",
)  # fmt: skip
_OWN = ("newton", "newton-krylov")
#: Up to so many unknowns the Jacobian is made as a matrix.
DENSE = 1000
EPS = float(np.finfo(float).eps)


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Result:
    """A root of a system of equations: `scipy.optimize.root` with the exact Jacobian.

    Parameters
    ----------
    fun
        ``fun(x, *args)``: as many values as there are unknowns, of any shape or nesting.
    x0
        Where to start: an array, or numbers and arrays nested in tuples, lists, dicts.
    method
        Any of SciPy's; ``"newton"`` (with line search on the sum of squares; Nocedal & Wright,
        algorithm 11.4), or ``"newton-krylov"`` (each step by GMRES on exact Jacobian-vector
        products, solved as far as it pays; Eisenstat & Walker 1996). None chooses, and the message
        says why.
    jac
        A Jacobian of your own, ``(n, n)``, or True where ``fun`` returns ``(values, Jacobian)``;
        otherwise it is exact.
    tol
        The largest value at a root (``"newton"``, ``"newton-krylov"``; 1e-10 of the largest value
        at ``x0`` or 1, whichever is more); for SciPy's methods as SciPy takes it.
    callback, options
        As for SciPy; ``"newton"`` and ``"newton-krylov"`` have the option ``maxiter``.

    Returns
    -------
    Result
        ``x`` in the structure of ``x0``, ``fun`` the values there, one vector.

    Raises
    ------
    ArgumentError
        When there are not as many values as unknowns, or one is not finite at ``x0``.

    >>> import numpy as np
    >>> def crossing(p):
    ...     return [p["x"] ** 2 + p["y"] ** 2 - 1, p["y"] - p["x"] ** 2]
    >>> found = root(crossing, {"x": 1.0, "y": 1.0})
    >>> found.success, round(float(found.x["y"]), 6)
    (True, 0.618034)
    """
    name, why = None, ""
    if method is not None:
        name = _known(method)
    both = jac is True and callable(fun)
    equations = Equations.of(
        First(fun) if both else fun, x0, args, jac=Second(fun) if both else jac, verb="root"
    )
    variables = equations.variables
    report = None if callback is None else _Report(callback, variables)
    with quietly():
        start = equations.values(variables.start)
        if start.size != variables.size and not (name == "lm" and start.size > variables.size):
            raise ArgumentError(
                f"root: the function has {start.size} values for {variables.size} unknowns. "
                "Give as many equations as unknowns, or use cr.least_squares."
            )
        if name is None:
            name, why = _choose(variables.size)
        equations.begin(matrix=name not in (*_DERIVATIVE_FREE, "newton-krylov"))
        scale = max(1.0, float(np.abs(start).max()))
        if name in _OWN:
            solve = _newton_step if name == "newton" else _krylov_step
            limit = 1e-10 * scale if tol is None else tol
            found = _search(equations, solve, limit, report, dict(options or {}), name)
        else:
            if callback is not None and name in _EXACT:
                warnings.warn(
                    f"root: the method {name!r} calls no callback. Use method='newton'.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            exact = {"jac": equations.jacobian} if name in _EXACT else {}
            try:
                found = Result(
                    scipy_optimize.root(
                        equations.values, variables.start, method=name, tol=tol, **exact,
                        callback=None if name in _EXACT else report,
                        options=options,
                    )
                )  # fmt: skip
                found.solver_message = str(found.message)
            except UNDEFINED as error:  # some of SciPy's go on until they overflow
                at = equations.latest
                said = f"{type(error).__name__}: {error}."
                found = Result(x=at, success=False, status=2, solver_message=said)
            except StopIteration:
                said = "stopped by the callback."
                found = Result(x=equations.latest, success=False, status=99, solver_message=said)
        x = np.array(found.x, np.float64)
        found.update(equations.counts)
        found.fun, found.x, found.method = equations.values(x), variables.tree(x), name
    found.message = _ending(found, why, scale)
    return found


class _Report:
    """SciPy's callback of a point and the values there, the point in the user's structure."""

    def __init__(self, callback: Any, variables: Variables) -> None:
        if not callable(callback):
            raise ArgumentError(
                f"root: callback is a {type(callback).__name__}. Give a function of the point and the "
                "values there, callback(x, values)."
            )
        self._callback, self._tree = callback, variables.tree

    def __call__(self, x: Vector, values: Vector) -> Any:
        """Call it."""
        return self._callback(self._tree(np.array(x)), np.array(values))


def _choose(size: int) -> tuple[str, str]:
    n = f"{size} unknown{'s' if size > 1 else ''}"
    if size <= DENSE:
        return "hybr", f"the Jacobian of {n} is cheap"
    return "newton-krylov", f"{n} are too many for a dense Jacobian"


def _known(method: Any) -> str:
    names = (*_OWN, *_EXACT, *_DERIVATIVE_FREE)
    name = method.lower() if isinstance(method, str) else method
    if name not in names:
        raise ArgumentError(
            f"root: there is no method {method!r}. Leave it out for the one that suits, or write one "
            f"of {', '.join(names)}."
        )
    return str(name)


class First:
    """The values of a function that returns its Jacobian too."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self._fun = watched(fun)

    def __call__(self, *given: Any) -> Any:
        """The values."""
        return self._fun(*given)[0]


class Second(First):
    """The Jacobian of a function that returns it beside its values."""

    def __call__(self, *given: Any) -> Any:
        """The matrix."""
        return self._fun(*given)[1]


def _newton_step(equations: Equations, x: Vector, values: Vector, forcing: float) -> Vector:
    matrix = equations.jacobian(x)
    try:
        step = np.linalg.solve(matrix, -values)
        if np.all(np.isfinite(step)) and np.linalg.cond(matrix, 1) < 1 / EPS:
            return np.asarray(step)
    except np.linalg.LinAlgError:
        pass
    return np.asarray(-np.linalg.lstsq(matrix, values, rcond=None)[0])


def _krylov_step(equations: Equations, x: Vector, values: Vector, forcing: float) -> Vector:
    from scipy.sparse.linalg import LinearOperator, gmres

    shape = (x.size, x.size)
    operator = LinearOperator(shape, matvec=lambda v: equations.product(x, np.ravel(v)), dtype=float)
    restart = min(x.size, 50)
    step, _ = gmres(operator, -values, rtol=forcing, atol=0.0, restart=restart, maxiter=10)
    return np.asarray(step)


def _search(
    equations: Equations,
    solve: Callable[[Equations, Vector, Vector, float], Vector],
    tol: float,
    report: _Report | None,
    options: dict[str, Any],
    name: str,
) -> Result:
    most = options.pop("maxiter", 200)
    if options:
        raise ArgumentError(
            f"root: {name!r} has no option {min(options)!r}. It has 'maxiter'."
        )
    x = equations.variables.start.copy()
    values = equations.values(x)
    norm, forcing = float(np.linalg.norm(values)), 0.5
    done, count = float(np.abs(values).max()) <= tol, 0
    while not done and count < most:
        count += 1
        step = solve(equations, x, values, forcing)
        share = 1.0
        while share > 1e-12:
            trial = equations.values(x + share * step)
            size = float(np.linalg.norm(trial))
            if size <= (1 - 1e-4 * share) * norm:
                break
            share = share / 2 if np.isfinite(size) else share / 10
        else:
            break
        x, values = x + share * step, trial
        forcing = float(np.clip(0.9 * (size / norm) ** 2, 1e-6, 0.5))
        norm = size
        done = float(np.abs(values).max()) <= tol
        if report is not None:
            try:
                report(x, values)
            except StopIteration:
                said = "stopped by the callback."
                return Result(x=x, success=done, status=99, nit=count, solver_message=said)
    if done and norm > 0 and name == "newton":  # one more step doubles the digits
        further = x + solve(equations, x, values, forcing)
        if float(np.linalg.norm(equations.values(further))) < norm:
            x = further
    return Result(x=x, success=done, status=1 if done else 2, nit=count, solver_message="")


def _ending(found: Result, why: str, scale: float) -> str:
    worst = float(np.abs(found.fun).max())
    because = f" Method {found.method}, because {why}." if why else ""
    at = f"the largest value is {worst:.1e}"
    if found.success and worst <= 1e-4 * scale:
        return f"Converged to a root: {at}.{because}"
    found.success = False
    if not np.isfinite(worst):
        return f"Not a number: {at}. Start elsewhere.{because}"
    said = f" The solver says: {found.solver_message.strip()}" if found.solver_message else ""
    return (
        f"No root found: {at}.{said} There may be none near here; start elsewhere, or use "
        f"cr.least_squares for the point where the values are least.{because}"
    )
