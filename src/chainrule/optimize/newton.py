"""Newton's method with line search, for every kind of Hessian, with bounds where there are any.

Nocedal & Wright, Numerical Optimization (2006), algorithm 3.2: a full Newton step where the Hessian
is positive definite; where it is not, the Hessian is modified. A small dense one gets the absolute
values of its eigenvalues (their §3.4), a large one a multiple of its diagonal's size, found by
trying Cholesky's factorisation (algorithm 3.3). A point without slope that is no minimum is left
along the direction of most negative curvature.

With many unknowns a step may rise above the value before as long as it stays below the worst of the
last few (Grippo, Lampariello & Lucidi 1986): along a curved valley such steps are far longer. With
bounds, steps are projected, and unknowns that are held at a bound take no part in the Newton system
(Bertsekas 1982).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg
from scipy.linalg import blas

from .matrices import EPS, Matrix
from .objective import Objective
from .variables import Vector

#: Armijo's constant, and the smallest and the largest share of a step that is tried next.
DECREASE, SHORTEST, LONGEST = 1e-4, 0.1, 0.5
#: A slope below this counts as no larger than this.
TINY = 1e-12
#: A value below this is taken for minus infinity.
UNBOUNDED = -1e100
#: Gauss and Newton's matrix gives way to the Hessian after so many short steps in a row, each more
#: than this share of the one before: the residuals are too large for it.
SLOW, TOO_SLOW = 3, 0.2

#: After so many steps in which it falls by less than this share of the value, it gets nowhere.
STALL, GAIN = 40, 1e-9
#: What is gained in them counts as nothing below this share of the value at the start.
NOTHING = 1e-20

#: How a search can end: SciPy's status numbers where it has them.
CONVERGED, LIMIT, NO_DESCENT, SLOW_END, UNBOUNDED_BELOW, STOPPED = 0, 1, 2, 3, 4, 99

Box = tuple[Vector, Vector] | None


def newton(
    objective: Objective,
    matrix: Matrix,
    *,
    gtol: float | None = None,
    maxiter: int | None = None,
    callback: Callable[[Vector, float], Any] | None = None,
    box: Box = None,
    start: Vector | None = None,
) -> tuple[Vector, int, int]:
    """The point where the search ended, how it ended, and the number of steps.

    ``gtol`` is the largest element of the gradient at which it stops; None is 1e-8, relative to the
    gradient at the start where that is very small, and to the value and it where both are above 1.
    """
    x = objective.variables.start if start is None else start
    value, slope = objective.pair(x)
    most = max(1000, 10 * x.size) if maxiter is None else int(maxiter)
    free = None if box is None else movable(x, slope, box)
    steepest = largest(slope, free) if gtol is None else None
    least = min(1.0, 1e3 * max(objective.steep, TINY))
    gtol = 1e-8 if gtol is None else gtol

    def at_rest() -> bool:
        size = 1.0 if steepest is None else max(least, min(abs(value), steepest))
        return largest(slope, free) <= gtol * size

    recent = deque([value], matrix.memory)
    slow, before, first = 0, np.inf, abs(value)
    mark = value
    for count in range(most):
        if box is not None:
            free = movable(x, slope, box)
        if at_rest():
            # Elsewhere than at the start, a point is hardly ever at rest and no minimum.
            found = _leave(objective, matrix, x, value, free, box)
            if found is None:
                return _polish(objective, matrix, x, free, box), CONVERGED, count
            recent.clear()
        else:
            step = _step(matrix, x, slope, free)
            found = search(objective, x, value, slope, step, recent, free, box)
            if found is None:
                downhill = float(step @ slope)
                if 0 >= downhill > -EPS * max(abs(value), min(first, 1.0)):
                    return x, CONVERGED, count  # no smaller value can be told from this one
                plain = -slope / max(1.0, float(np.abs(slope).max()))
                found = search(objective, x, value, slope, plain, (value,), free, box)
            if found is None and matrix.gauss:
                matrix.gauss = False
                continue
            if found is None:
                return x, NO_DESCENT, count
            if matrix.gauss:
                moved = found - x
                length = float(moved @ moved) ** 0.5
                short = length <= 1e-2 * float(x @ x) ** 0.5
                slow = slow + 1 if short and length > TOO_SLOW * before else 0
                before = length
                matrix.gauss = slow < SLOW
        x = found
        value, slope = objective.pair(x)
        recent.append(value)
        if count % STALL == STALL - 1:
            if mark - value < max(GAIN * abs(mark), NOTHING * first):
                return x, NO_DESCENT, count + 1
            mark = value
        if value < UNBOUNDED or not np.isfinite(x @ x):
            return x, UNBOUNDED_BELOW, count + 1
        if callback is not None and callback(x, value):
            return x, STOPPED, count + 1
    if box is not None:
        free = movable(x, slope, box)
    return x, CONVERGED if at_rest() else LIMIT, most


def movable(x: Vector, slope: Vector, box: tuple[Vector, Vector]) -> Any:
    """Which unknowns are not held by a bound that the slope pushes against."""
    low, high = box
    near: Any = min(1e-8, float(np.linalg.norm(x - np.clip(x - slope, low, high))))
    near = near * np.maximum(1.0, np.abs(x))
    at_low = (x - low <= near) & (slope > 0)
    at_high = (high - x <= near) & (slope < 0)
    return ~(at_low | at_high)


def largest(slope: Vector, free: Any) -> float:
    """The largest partial derivative by an unknown that may move."""
    if free is not None:
        slope = slope * free
    return abs(float(slope[blas.idamax(slope)])) if slope.size else 0.0


def _step(matrix: Matrix, x: Vector, slope: Vector, free: Any) -> Vector:
    """The Newton step, of a sensible length; straight down where there is none."""
    size = max(1.0, float(x @ x) ** 0.5)
    try:
        step = matrix.step(matrix.at(x), slope, free, 10 * size)
    except linalg.LinAlgError:
        step = -slope
    length = float(step @ step) ** 0.5
    longest = 1e3 * size
    if not length < np.inf:
        step, length = -slope, float(slope @ slope) ** 0.5
    if length > longest:
        step = step * (longest / length)
    if free is not None:
        step = np.where(free, step, -slope)  # a held unknown goes the rest of the way to its bound
    return step


def search(
    objective: Objective,
    x: Vector,
    value: float,
    slope: Vector,
    step: Vector,
    recent: Any,
    free: Any = None,
    box: Box = None,
) -> Vector | None:
    """A point along ``step`` that is low enough, or None: backtracking, algorithm 3.1.

    The next share of the step comes from the parabola through what is known (their §3.5). Where the
    decrease to be expected is below rounding, a smaller slope counts in its stead.
    """
    descent = float(slope @ step)
    if not descent < 0:
        return None
    share = 1.0
    above = max(recent)
    for _ in range(60):
        trial = x + share * step
        expected = share * descent
        if box is not None:
            trial = np.clip(trial, *box)
            expected = float(slope @ (trial - x))
            if not expected < 0:
                share *= SHORTEST
                continue
        if share < 1.0 and np.array_equal(trial, x):
            return None
        reached, there = objective.evaluate(trial)
        if np.isfinite(reached) and np.isfinite(there @ there):
            if reached <= above + DECREASE * expected:
                return trial
            if (
                abs(reached - value) <= 10 * EPS * abs(value)
                and largest(there, free) < 0.9 * largest(slope, free)
            ):
                return trial
            bend = 2 * (reached - value - expected)
            best = -expected * share / bend if bend > 0 else LONGEST * share
            share = min(max(best, SHORTEST * share), LONGEST * share)
        elif reached == -np.inf:
            return trial
        else:
            share *= SHORTEST
    return None


def _leave(
    objective: Objective, matrix: Matrix, x: Vector, value: float, free: Any, box: Box
) -> Vector | None:
    """A lower point beside a point without slope that is no minimum; None where there is none."""
    direction = matrix.downward(x, free)
    if direction is None:
        return None
    length = max(1.0, float(np.linalg.norm(x)))
    for share in 10.0 ** np.arange(0, -9, -1.0):
        for sign in (1.0, -1.0):
            trial = x + sign * share * length * direction
            if box is not None:
                trial = np.clip(trial, *box)
            reached, there = objective.evaluate(trial)
            if reached < value - 10 * EPS * abs(value) and np.all(np.isfinite(there)):
                return np.asarray(trial)
    return None


def _polish(objective: Objective, matrix: Matrix, x: Vector, free: Any, box: Box) -> Vector:
    """One more full step where it makes the slope smaller: Newton doubles the digits by it."""
    if box is not None:  # what is held is held at the bound itself
        low, high = box
        at_bound = np.where(objective.gradient(x) > 0, low, high)
        x = np.where(free | ~np.isfinite(at_bound), x, at_bound)
    value, slope = objective.pair(x)
    if not matrix.polishes or not largest(slope, free) > 0:
        return x
    matrix.gauss = False
    try:
        step = matrix.step(matrix.at(x), slope, free)
    except linalg.LinAlgError:
        return x
    trial = x + step
    if box is not None:
        trial = np.clip(trial, *box)
    reached, there = objective.evaluate(trial)
    better = largest(there, free) < largest(slope, free)
    return trial if better and reached <= value + 10 * EPS * abs(value) else x
