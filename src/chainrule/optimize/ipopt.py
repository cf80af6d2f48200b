"""IPOPT, where ``cyipopt`` is installed, fed with exact derivatives.

Wächter & Biegler, On the implementation of an interior-point filter line-search algorithm for
large-scale nonlinear programming (2006).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint

from ..errors import ArgumentError
from .callbacks import Callback
from .objective import Objective
from .result import Result
from .variables import Vector

#: What IPOPT's status says: solved; solved to an acceptable level; stopped by the callback.
SOLVED, ACCEPTABLE, USER = 0, 1, 5
#: IPOPT's word for no limit.
FAR = 2e19


def by_ipopt(
    objective: Objective,
    box: tuple[Vector, Vector] | None,
    constraints: list[Any],
    tol: float | None,
    report: Callback | None,
    settings: dict[str, Any],
) -> Result:
    """What IPOPT finds. ``settings`` are IPOPT's own options; ``maxiter`` and ``disp`` are SciPy's."""
    try:
        import cyipopt
    except ImportError:
        raise ArgumentError(
            "minimize: method 'ipopt' needs the package cyipopt, which is not installed. Install it "
            "(conda install -c conda-forge cyipopt), or use 'SLSQP' or 'trust-constr'."
        ) from None
    size = objective.variables.size
    problem = _Problem(objective, constraints, report)
    low, high = box if box is not None else (np.full(size, -np.inf), np.full(size, np.inf))
    limits = [_limits(c, problem.count(c)) for c in constraints]
    below = np.concatenate([a for a, _ in limits]) if limits else np.empty(0)
    above = np.concatenate([b for _, b in limits]) if limits else np.empty(0)
    made = cyipopt.Problem(
        n=size, m=below.size, problem_obj=problem,
        lb=np.clip(low, -FAR, FAR), ub=np.clip(high, -FAR, FAR),
        cl=np.clip(below, -FAR, FAR), cu=np.clip(above, -FAR, FAR),
    )  # fmt: skip
    options: dict[str, Any] = {"print_level": 5 if settings.pop("disp", False) else 0, "sb": "yes"}
    options |= {"tol": 1e-10 if tol is None else tol, "max_iter": settings.pop("maxiter", 3000)}
    options["bound_relax_factor"] = 0.0  # or a solution breaks its bounds by 1e-8
    for name, value in (options | settings).items():
        try:
            made.add_option(name, value)
        except TypeError:
            raise ArgumentError(
                f"minimize: IPOPT takes no option {name!r} of {value!r}. Its documentation lists them "
                "with their types: coin-or.github.io/Ipopt/OPTIONS.html."
            ) from None
    x, info = made.solve(objective.variables.start)
    said = info["status_msg"]
    status = int(info["status"])
    return Result(
        x=np.asarray(x), status=99 if status == USER else status, nit=problem.steps,
        success=status in (SOLVED, ACCEPTABLE),
        solver_message=said.decode() if isinstance(said, bytes) else str(said),
        multipliers=info.get("mult_g"),
    )  # fmt: skip


def _limits(constraint: Any, count: int) -> tuple[Vector, Vector]:
    low = np.broadcast_to(np.asarray(constraint.lb, float), count)
    return low, np.broadcast_to(np.asarray(constraint.ub, float), count)


class _Problem:
    """The functions that IPOPT calls; every matrix is whole, of the Hessian the lower half."""

    def __init__(self, objective: Objective, constraints: list[Any], report: Callback | None) -> None:
        self._objective, self._constraints, self._report = objective, constraints, report
        self._lower = np.tril_indices(objective.variables.size)
        self.steps = 0

    def count(self, constraint: Any) -> int:
        """How many values a constraint has."""
        return int(np.size(self._values(constraint, self._objective.variables.start)))

    def _values(self, constraint: Any, x: Vector) -> Vector:
        if isinstance(constraint, LinearConstraint):
            return np.atleast_1d(constraint.A @ x)
        return np.atleast_1d(constraint.fun(x))

    def objective(self, x: Vector) -> float:
        """The value."""
        return self._objective.fun(x)

    def gradient(self, x: Vector) -> Vector:
        """The slope."""
        return self._objective.gradient(x)

    def constraints(self, x: Vector) -> Vector:
        """The values of all constraints."""
        parts = [self._values(c, x) for c in self._constraints]
        return np.concatenate(parts) if parts else np.empty(0)

    def jacobian(self, x: Vector) -> Vector:
        """Their Jacobian, row after row."""
        parts = []
        for c in self._constraints:
            matrix = c.A if isinstance(c, LinearConstraint) else c.jac(x)
            whole = matrix.toarray() if hasattr(matrix, "toarray") else np.atleast_2d(matrix)
            parts.append(np.asarray(whole, float).reshape(-1))
        return np.concatenate(parts) if parts else np.empty(0)

    def hessian(self, x: Vector, multipliers: Vector, factor: float) -> Vector:
        """The lower half of the Lagrangian's Hessian."""
        total = factor * self._objective.hessian(x)
        start = 0
        for c in self._constraints:
            end = start + self.count(c)
            if not isinstance(c, LinearConstraint):
                total = total + c.hess(x, multipliers[start:end])
            start = end
        lower: Vector = total[self._lower]
        return lower

    def intermediate(self, *state: Any) -> bool:
        """After each step: whether to go on."""
        self.steps = int(state[1])
        best = self._objective
        x = best.latest
        return self._report is None or not self.steps or not self._report.report(x, best.fun(x))
