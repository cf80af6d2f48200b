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
    return lambda x: np.atleast_2d(f(variables.tree(x), *args))


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


def violation(constraints: list[Any], x: Vector) -> float:
    """By how much the worst of the constraints is broken at ``x``."""
    worst = 0.0
    for c in constraints:
        if isinstance(c, dict):
            values = np.asarray(c["fun"](x))
            off = np.abs(values) if c["type"] == "eq" else -values
        else:
            values = c.A @ x if isinstance(c, LinearConstraint) else np.asarray(c.fun(x))
            off = np.maximum(c.lb - values, values - c.ub)
        worst = max(worst, float(np.max(off, initial=0.0)))
    return worst
