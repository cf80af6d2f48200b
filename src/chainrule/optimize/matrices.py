"""The Hessian as a Newton method uses it: whole, banded, sparse, or by its products alone.

Each kind gives the matrix ``at`` a point, a ``step`` from it, and a direction ``downward`` where it
is indefinite. ``free`` marks the unknowns that may move; the others are at their bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from .objective import Objective
from .result import FLAT, MOST_LOOKED_AT
from .variables import Vector

EPS = float(np.finfo(float).eps)


class Matrix(Protocol):
    """What :func:`~chainrule.optimize.newton.newton` asks of a Hessian."""

    #: Whether it is Gauss and Newton's, which is never indefinite, in place of the Hessian.
    gauss: bool
    #: A step is judged by the worst of so many values: 1 where each must be lower than the last.
    memory: int
    #: Whether one more step at the end is cheap.
    polishes: bool

    def at(self, x: Vector) -> Any:
        """The matrix at ``x``."""

    def step(
        self, matrix: Any, slope: Vector, free: Any = None, longest: float = np.inf
    ) -> Vector:
        """Minus the (modified) inverse of the matrix times the slope.

        Where the matrix is flat it goes no further than ``longest``.
        """

    def downward(self, x: Vector, free: Any = None) -> Vector | None:
        """A direction of clearly negative curvature, or None."""


class Dense:
    """Steps from a whole Hessian."""

    gauss = False
    memory = 1
    polishes = True

    def __init__(self, objective: Objective) -> None:
        self._objective = objective

    def at(self, x: Vector) -> Vector:
        """The Hessian, symmetric."""
        made = self._objective.hessian(x)
        return (made + made.T) / 2

    def step(
        self, matrix: Vector, slope: Vector, free: Any = None, longest: float = np.inf
    ) -> Vector:
        """Minus the (modified) inverse Hessian times the slope."""
        if free is not None:
            whole = np.zeros(slope.size)
            if np.any(free):
                whole[free] = self.step(matrix[np.ix_(free, free)], slope[free], None, longest)
            return whole
        _, solved, status = lapack.dposv(matrix, slope)
        if status == 0 and np.all(np.isfinite(solved)):
            return np.asarray(-solved)
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.abs(diagonal))
        scale[~(scale > EPS * scale.max(initial=0.0))] = 1.0
        if slope.size <= MOST_LOOKED_AT:
            values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
            along = vectors.T @ (slope / scale)
            size = np.abs(values)
            size = np.maximum(size, max(size.max() * FLAT, np.abs(along).max() * 1e-100))
            # In these coordinates, so far is ``longest`` in the original ones, or less.
            flat = np.abs(values) <= 1e3 * FLAT * np.abs(values).max()
            far = np.abs(along) / (longest * scale.min())
            size = np.where(flat, np.maximum(size, far), size)
            return np.asarray(-(vectors @ (along / size)) / scale)

        def solve(shift: float) -> Vector:
            _, solved, status = lapack.dposv(matrix + np.diag(shift * scale**2), slope)
            if status:
                raise linalg.LinAlgError("not positive definite")
            return np.asarray(-solved)

        return shifted(solve, diagonal)

    def downward(self, x: Vector, free: Any = None) -> Vector | None:
        """A direction of clearly negative curvature, or None."""
        matrix = self.at(x)
        if free is not None:
            matrix = matrix[np.ix_(free, free)]
        if not matrix.size or not np.all(np.isfinite(matrix)) or lapack.dpotrf(matrix)[1] == 0:
            return None
        if matrix.shape[0] <= MOST_LOOKED_AT:
            values, vectors = np.linalg.eigh(matrix)
        else:
            values, vectors = linalg.eigh(matrix, subset_by_index=(0, 0))
        if not values[0] < -1e3 * FLAT * np.abs(matrix).max():
            return None
        return embedded(vectors[:, 0], free)


class Banded:
    """Steps from a Hessian whose elements are 0 further than ``width`` from the diagonal.

    Its ``2·width + 1`` groups of columns that share no row come from as many Hessian-vector
    products (Curtis, Powell & Reid 1974); the solve is linear in the number of unknowns.
    """

    memory = 10
    polishes = True

    def __init__(self, objective: Objective, width: int, *, gauss: bool = False) -> None:
        self._objective, self.width, self.gauss = objective, width, gauss
        size, period = objective.variables.size, 2 * width + 1
        columns = np.arange(size)
        self._seeds = (columns % period == np.arange(period)[:, None]).astype(float)
        below = columns + np.arange(width + 1)[:, None]
        self._outside = below >= size
        self._where = (columns % period) * size + np.minimum(below, size - 1)
        self._beyond = bool(np.any(self._outside))

    def at(self, x: Vector) -> Vector:
        """The diagonal and those below it, ``(width + 1, n)``, as LAPACK stores them."""
        rows: Vector = self._objective.products(x, self._seeds, gauss=self.gauss).take(self._where)
        if self._beyond:
            rows[self._outside] = 0.0
        return rows

    def step(
        self, matrix: Vector, slope: Vector, free: Any = None, longest: float = np.inf
    ) -> Vector:
        """Minus the (modified) inverse Hessian times the slope."""
        if free is not None and not np.all(free):
            matrix = matrix * free
            for d in range(1, self.width + 1):
                matrix[d, :-d] *= free[d:]
            matrix[0, ~free] = 1.0
            slope = slope * free
        if matrix[0].min() > 0:
            if self.width == 1:  # LAPACK's band solver works column by column; this one is a loop
                _, _, solved, status = lapack.dptsv(matrix[0], matrix[1, :-1], slope)
            else:
                _, solved, status = lapack.dpbsv(matrix, slope, lower=1)
            if status == 0 and np.isfinite(solved @ solved):
                return np.asarray(-solved)
        scale = np.maximum(np.abs(matrix[0]), EPS * np.abs(matrix).max(initial=0.0))
        scale[scale == 0] = 1.0

        def solve(shift: float) -> Vector:
            rows = matrix.copy()
            rows[0] += shift * scale
            _, solved, status = lapack.dpbsv(rows, slope, lower=1, overwrite_ab=1)
            if status:
                raise linalg.LinAlgError("not positive definite")
            return np.asarray(-solved)

        return shifted(solve, matrix[0])

    def downward(self, x: Vector, free: Any = None) -> Vector | None:
        """A direction of clearly negative curvature, or None."""
        before, self.gauss = self.gauss, False
        rows = self.at(x)
        self.gauss = before
        if free is not None and not np.all(free):
            rows = rows * free
            for d in range(1, self.width + 1):
                rows[d, :-d] *= free[d:]
        if not np.all(np.isfinite(rows)) or lapack.dpbtrf(rows, lower=1)[1] == 0:
            return None
        values, vectors = linalg.eig_banded(
            rows, lower=True, select="i", select_range=(0, 0), check_finite=False
        )
        return np.asarray(vectors[:, 0]) if values[0] < -1e3 * FLAT * np.abs(rows).max() else None


def embedded(part: Vector, free: Any) -> Vector:
    """A vector of the free unknowns as one of all, 0 elsewhere."""
    if free is None:
        return np.asarray(part)
    whole = np.zeros(free.size)
    whole[free] = part
    return whole


def shifted(solve: Callable[[float], Any], diagonal: Vector) -> Vector:
    """``solve(shift)`` with the first shift that lets it be: Nocedal & Wright, algorithm 3.3."""
    low = float(np.min(diagonal))
    shift = 0.0 if low > 0 else 1e-3 + min(1.0, -low / max(float(np.abs(diagonal).max()), 1e-300))
    for _ in range(60):
        try:
            step = solve(shift)
            if np.all(np.isfinite(step)):
                return np.asarray(step)
        except (linalg.LinAlgError, ValueError, RuntimeError):
            pass
        shift = max(2 * shift, 1e-3)
    raise linalg.LinAlgError("no multiple of the diagonal makes the Hessian positive definite")
