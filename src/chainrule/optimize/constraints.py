"""Constraints as SciPy takes them, with exact Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint, NonlinearConstraint

from ..errors import ArgumentError
from ..function.vectors import ravel
from ..function.verbs import hessian, jacobian
from .objective import as_arguments
from .programs import Late
from .variables import Variables, Vector

#: The methods that take a constraint's Hessian too.
WHOLE = ("trust-constr", "ipopt")


def exact(constraints: Any, variables: Variables, method: str) -> list[Any]:
    """The constraints on the vector of unknowns, each with its exact derivatives.

    ``constraints`` is one or several of SciPy's: dictionaries with ``type``, ``fun``, ``args``;
    `NonlinearConstraint`; `LinearConstraint`. Their functions take the user's structure.
    """
    if isinstance(constraints, dict | LinearConstraint | NonlinearConstraint):
        constraints = (constraints,)
    return [_one(c, k, variables, method) for k, c in enumerate(constraints)]


def _one(given: Any, k: int, variables: Variables, method: str) -> Any:
    if isinstance(given, LinearConstraint):
        columns = given.A.shape[1]
        if columns != variables.size:
            raise ArgumentError(
                f"minimize: constraints[{k}] is a LinearConstraint of {columns} columns, and x0 holds "
                f"{variables.size} numbers. Give one column for each, in the order of cr.ravel(x0)."
            )
        return given
    if isinstance(given, NonlinearConstraint):
        flat = _flat(given.fun, variables, ())
        _begin(flat, k, variables)
        jac = _user(given.jac, variables) if callable(given.jac) else Late(jacobian(flat))
        if method not in WHOLE:
            return NonlinearConstraint(Late(flat), given.lb, given.ub, jac=jac)
        hess = _curvature(flat)
        return NonlinearConstraint(Late(flat), given.lb, given.ub, jac, hess, given.keep_feasible)
    if not isinstance(given, dict) or not callable(given.get("fun")):
        raise ArgumentError(
            f"minimize: constraints[{k}] is a {type(given).__name__} and not a constraint. Write "
            "{'type': 'ineq', 'fun': f} for f(x) >= 0, 'eq' for f(x) = 0, or SciPy's "
            "NonlinearConstraint or LinearConstraint."
        )
    kind = str(given.get("type")).lower()
    if kind not in ("eq", "ineq"):
        raise ArgumentError(
            f"minimize: constraints[{k}] has type {given.get('type')!r}. Write 'eq' for f(x) = 0 or "
            "'ineq' for f(x) >= 0."
        )
    flat = _flat(given["fun"], variables, as_arguments(given.get("args", ())))
    _begin(flat, k, variables)
    own = given.get("jac")
    jac = _user(own, variables, as_arguments(given.get("args", ()))) if callable(own) else None
    jac = jac or Late(jacobian(flat))
    if method in WHOLE:
        high = 0.0 if kind == "eq" else np.inf
        return NonlinearConstraint(Late(flat), 0.0, high, jac=jac, hess=_curvature(flat))
    return {"type": kind, "fun": Late(flat), "jac": jac}


def _flat(fun: Callable[..., Any], variables: Variables, args: tuple[Any, ...]) -> Any:
    return lambda x: ravel(fun(variables.tree(x), *args))[0]


def _user(f: Callable[..., Any], variables: Variables, args: tuple[Any, ...] = ()) -> Any:
    def whole(x: Vector) -> Any:
        made = f(variables.tree(x), *args)
        return np.atleast_2d(made.toarray() if hasattr(made, "toarray") else made)

    return whole


def _curvature(flat: Callable[[Any], Any]) -> Callable[[Vector, Vector], Vector]:
    """The Hessian of the constraints' sum with weights, as SciPy asks for it: ``hess(x, v)``."""
    weighted: Any = Late(hessian(lambda x, v: np.sum(flat(x) * v)))
    return lambda x, v: np.asarray(weighted(x, np.asarray(v, np.float64)))


def _begin(flat: Callable[[Any], Any], k: int, variables: Variables) -> None:
    values = np.asarray(flat(variables.start))
    if not np.all(np.isfinite(values)):
        raise ArgumentError(
            f"minimize: constraints[{k}] is {values[~np.isfinite(values)][0]} at x0. Start where it "
            "is a finite number."
        )


def stationarity(
    constraints: list[Any], x: Vector, slope: Vector, box: tuple[Vector, Vector] | None
) -> float:
    """How far the slope is from one that constraints and bounds hold in balance, relative to it.

    The residual of the first of Karush, Kuhn and Tucker's conditions (Nocedal & Wright, theorem
    12.1), with the multipliers that fit best: of the right sign where a constraint has two sides.
    """
    from scipy.optimize import lsq_linear

    rows: list[Vector] = []
    signs: list[tuple[float, float]] = []  # what the multiplier of a row may be

    def hold(row: Any, low: float, high: float) -> None:
        rows.append(np.asarray(row, float).reshape(-1))
        signs.append((low, high))

    for c in constraints:
        if isinstance(c, dict):
            values, matrix = np.atleast_1d(c["fun"](x)), np.atleast_2d(c["jac"](x))
            low: Any = np.zeros(values.size)
            high: Any = low if c["type"] == "eq" else np.full(values.size, np.inf)
        else:
            linear = isinstance(c, LinearConstraint)
            values = np.asarray(c.A @ x if linear else c.fun(x)).reshape(-1)
            given = c.A if linear else c.jac(x)
            matrix = np.atleast_2d(given.toarray() if hasattr(given, "toarray") else np.asarray(given))
            low, high = np.broadcast_to(c.lb, values.shape), np.broadcast_to(c.ub, values.shape)
        near = 1e-6 * np.maximum(1.0, np.abs(values))
        for k in range(values.size):
            at_low, at_high = values[k] - low[k] <= near[k], high[k] - values[k] <= near[k]
            if at_low or at_high:
                hold(matrix[k], -np.inf if at_high else 0.0, np.inf if at_low else 0.0)
    if box is not None:
        near = 1e-6 * np.maximum(1.0, np.abs(x))
        for bound, side in ((box[0], 1.0), (box[1], -1.0)):
            for place in np.flatnonzero(np.abs(x - bound) <= near):
                hold(side * np.eye(x.size)[place], 0.0, np.inf)
    size = max(1.0, float(np.abs(slope).max(initial=0.0)))
    if not rows:
        return float(np.abs(slope).max(initial=0.0)) / size
    matrix = np.stack(rows)
    scale = np.maximum(np.linalg.norm(matrix, axis=1), 1e-300)
    limits = np.array(signs).T
    best = lsq_linear((matrix / scale[:, None]).T, slope, bounds=limits, tol=1e-14)
    return float(np.abs(best.fun).max()) / size


def violation(constraints: list[Any], x: Vector) -> float:
    """By how much the worst of the constraints is broken at ``x``."""
    worst = 0.0
    for c in constraints:
        if isinstance(c, dict):
            values = np.asarray(c["fun"](x))
            off = np.abs(values) if c["type"] == "eq" else -values
        else:
            linear = isinstance(c, LinearConstraint)
            values = np.asarray(c.A @ x if linear else c.fun(x)).reshape(-1)
            off = np.maximum(c.lb - values, values - c.ub)
        worst = max(worst, float(np.max(off, initial=0.0)))
    return worst
