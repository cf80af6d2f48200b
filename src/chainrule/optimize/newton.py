"""Newton's method with line search, for dense and for banded Hessians.

Nocedal & Wright, Numerical Optimization (2006), algorithm 3.2: a full Newton step where the Hessian
is positive definite; where it is not, the Hessian is modified. A small dense one gets the absolute
values of its eigenvalues (their §3.4), a large or banded one a multiple of its diagonal's size,
found by trying Cholesky's factorisation (algorithm 3.3). A point without slope that is no minimum
is left along the direction of most negative curvature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from .objective import Objective
from .result import FLAT, MOST_LOOKED_AT
from .variables import Vector

#: Armijo's constant, and the smallest and the largest share of a step that is tried next.
DECREASE, SHORTEST, LONGEST = 1e-4, 0.1, 0.5
#: A value below this is taken for minus infinity.
UNBOUNDED = -1e100
EPS = float(np.finfo(float).eps)

#: How a search can end: SciPy's status numbers where it has them.
CONVERGED, LIMIT, NO_DESCENT, UNBOUNDED_BELOW, STOPPED = 0, 1, 2, 4, 99


class Dense:
    """Steps from a whole Hessian."""

    kind = "dense"

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def at(self, x: Vector) -> Vector:
        """The Hessian, symmetric."""
        made = self._objective.hessian(x)
        return (made + made.T) / 2

    def step(self, hessian: Vector, slope: Vector) -> Vector:
        """Minus the (modified) inverse Hessian times the slope."""
        try:
            step = -linalg.cho_solve(linalg.cho_factor(hessian, lower=True), slope)
        except (linalg.LinAlgError, ValueError):
            step = None
        if step is not None and np.all(np.isfinite(step)):
            return np.asarray(step)
        scale = np.sqrt(np.abs(np.diag(hessian)))
        scale[scale <= EPS * scale.max(initial=0.0)] = 1.0
        if slope.size <= MOST_LOOKED_AT:
            values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
            along = vectors.T @ (slope / scale)
            size = np.abs(values)
            size = np.maximum(size, max(size.max() * FLAT, np.abs(along).max() * 1e-100))
            return np.asarray(-(vectors @ (along / size)) / scale)
        return shifted(
            lambda shift: -linalg.cho_solve(
                linalg.cho_factor(hessian + np.diag(shift * scale**2), lower=True), slope
            ),
            np.diag(hessian),
        )

    def downward(self, x: Vector) -> Vector | None:
        """A direction of clearly negative curvature, or None."""
        if x.size > MOST_LOOKED_AT:
            return None
        values, vectors = np.linalg.eigh(self.at(x))
        return vectors[:, 0] if values[0] < -1e3 * FLAT * np.abs(values).max() else None


class Banded:
    """Steps from a Hessian whose elements are 0 further than ``width`` from the diagonal.

    Its ``2·width + 1`` groups of columns that share no row come from as many Hessian-vector
    products (Curtis, Powell & Reid 1974); the solve is linear in the number of unknowns.
    """

    kind = "banded"

    def __init__(self, objective: Objective, width: int) -> None:
        self._objective, self.width = objective, width
        size, period = objective.variables.size, 2 * width + 1
        self._seeds = [(np.arange(size) % period == k).astype(float) for k in range(period)]

    def at(self, x: Vector) -> Vector:
        """The diagonal and those below it, ``(width + 1, n)``, as LAPACK stores them."""
        products = [self._objective.product(x, seed) for seed in self._seeds]
        size, period = x.size, len(products)
        rows = np.zeros((self.width + 1, size))
        columns = np.arange(size)
        stacked = np.stack(products)
        for d in range(self.width + 1):
            inside = columns[: size - d]
            rows[d, : size - d] = stacked[inside % period, inside + d]
        return rows

    def step(self, hessian: Vector, slope: Vector) -> Vector:
        """Minus the (modified) inverse Hessian times the slope."""
        scale = np.maximum(np.abs(hessian[0]), EPS * np.abs(hessian).max(initial=0.0))
        scale[scale == 0] = 1.0

        def solve(shift: float) -> Vector:
            rows = hessian.copy()
            rows[0] += shift * scale
            _, solved, status = lapack.dpbsv(rows, slope, lower=1, overwrite_ab=1)
            if status:
                raise linalg.LinAlgError("not positive definite")
            return np.asarray(-solved)

        return shifted(solve, hessian[0])

    def downward(self, x: Vector) -> Vector | None:
        """A direction of clearly negative curvature, or None."""
        rows = self.at(x)
        if lapack.dpbtrf(rows, lower=1)[1] == 0:
            return None
        values, vectors = linalg.eig_banded(
            rows, lower=True, select="i", select_range=(0, 0), check_finite=False
        )
        return np.asarray(vectors[:, 0]) if values[0] < -1e3 * FLAT * np.abs(rows).max() else None


def shifted(solve: Callable[[float], Any], diagonal: Vector) -> Vector:
    """``solve(shift)`` with the first shift that lets it be: Nocedal & Wright, algorithm 3.3."""
    low = float(np.min(diagonal))
    shift = 0.0 if low > 0 else 1e-3 + min(1.0, -low / max(float(np.abs(diagonal).max()), 1e-300))
    for _ in range(60):
        try:
            step = solve(shift)
            if np.all(np.isfinite(step)):
                return np.asarray(step)
        except (linalg.LinAlgError, ValueError):
            pass
        shift = max(2 * shift, 1e-3)
    raise linalg.LinAlgError("no multiple of the diagonal makes the Hessian positive definite")


def newton(
    objective: Objective,
    matrix: Dense | Banded,
    *,
    gtol: float = 1e-8,
    maxiter: int | None = None,
    callback: Callable[[Vector, float], Any] | None = None,
) -> tuple[Vector, int, int]:
    """The point where the search ended, how it ended, and the number of steps.

    ``gtol`` is the largest element of the gradient at which it stops, relative to the value and the
    gradient at the start where both are above 1.
    """
    x = objective.variables.start.copy()
    value, slope = objective.pair(x)
    most = max(1000, 10 * x.size) if maxiter is None else maxiter
    steepest = float(np.abs(slope).max())
    for count in range(most):
        at_rest = float(np.abs(slope).max()) <= gtol * max(1.0, min(abs(value), steepest))
        if at_rest:
            found = _leave(objective, matrix, x, value)
            if found is None:
                return _polish(objective, matrix, x), CONVERGED, count
        else:
            step = matrix.step(matrix.at(x), slope)
            longest = 1e3 * max(1.0, float(np.linalg.norm(x)))
            length = float(np.linalg.norm(step))
            if length > longest:
                step *= longest / length
            found = search(objective, x, value, slope, step)
            if found is None and 0 > float(step @ slope) > -EPS * abs(value):
                return x, CONVERGED, count  # no smaller value can be told from this one
            if found is None:
                found = search(objective, x, value, slope, -slope / max(1.0, np.abs(slope).max()))
            if found is None:
                return x, NO_DESCENT, count
        x = found
        value, slope = objective.pair(x)
        if value < UNBOUNDED or not np.isfinite(np.linalg.norm(x)):
            return x, UNBOUNDED_BELOW, count + 1
        if callback is not None and callback(x, value):
            return x, STOPPED, count + 1
    at_rest = float(np.abs(slope).max()) <= gtol * max(1.0, min(abs(value), steepest))
    return x, CONVERGED if at_rest else LIMIT, most


def search(
    objective: Objective, x: Vector, value: float, slope: Vector, step: Vector
) -> Vector | None:
    """A point along ``step`` that is lower by enough, or None: backtracking, algorithm 3.1.

    The next share of the step comes from the parabola through what is known (their §3.5). Where the
    decrease to be expected is below rounding, a smaller slope counts in its stead.
    """
    descent = float(slope @ step)
    if not descent < 0:
        return None
    share = 1.0
    floor = float(np.abs(slope).max())
    for _ in range(60):
        trial = x + share * step
        if np.array_equal(trial, x):
            return None
        reached, there = objective.pair(trial)
        if np.isfinite(reached) and np.all(np.isfinite(there)):
            if reached <= value + DECREASE * share * descent:
                return trial
            if (
                abs(reached - value) <= 10 * EPS * abs(value)
                and float(np.abs(there).max()) < 0.9 * floor
            ):
                return trial
            bend = 2 * (reached - value - share * descent)
            best = -descent * share**2 / bend if bend > 0 else LONGEST * share
            share = float(np.clip(best, SHORTEST * share, LONGEST * share))
        elif reached == -np.inf:
            return trial
        else:
            share *= SHORTEST
    return None


def _leave(objective: Objective, matrix: Dense | Banded, x: Vector, value: float) -> Vector | None:
    """A lower point beside a point without slope that is no minimum; None where there is none."""
    direction = matrix.downward(x)
    if direction is None:
        return None
    length = max(1.0, float(np.linalg.norm(x)))
    for share in 10.0 ** np.arange(0, -9, -1.0):
        for sign in (1.0, -1.0):
            trial = x + sign * share * length * direction
            reached, there = objective.pair(trial)
            if reached < value - 10 * EPS * abs(value) and np.all(np.isfinite(there)):
                return np.asarray(trial)
    return None


def _polish(objective: Objective, matrix: Dense | Banded, x: Vector) -> Vector:
    """One more full step where it makes the slope smaller: Newton doubles the digits by it."""
    value, slope = objective.pair(x)
    if not np.any(slope):
        return x
    try:
        trial = x + matrix.step(matrix.at(x), slope)
    except linalg.LinAlgError:
        return x
    reached, there = objective.pair(trial)
    better = float(np.abs(there).max()) < float(np.abs(slope).max())
    return trial if better and reached <= value + 10 * EPS * abs(value) else x
