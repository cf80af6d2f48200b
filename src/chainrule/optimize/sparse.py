"""A Hessian with few elements: found by colouring, factorised as a sparse matrix."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh, splu

from .matrices import EPS, shifted
from .objective import Objective
from .result import FLAT
from .variables import Vector


def colours(pattern: Any) -> Any:
    """A colour for each column of a symmetric pattern: those of one colour share no row.

    Greedy, the columns with most neighbours first (Curtis, Powell & Reid 1974; Gebremedhin, Manne &
    Pothen 2005, §3).

    >>> band = sparse.diags([1.0, 1.0, 1.0], [-1, 0, 1], shape=(7, 7), format="csr")
    >>> colours(band).tolist()
    [2, 0, 1, 2, 0, 1, 2]
    """
    start, rows = pattern.indptr, pattern.indices
    near = [rows[a:b].tolist() for a, b in pairwise(start)]
    given = [-1] * len(near)
    for column in sorted(range(len(near)), key=lambda c: -len(near[c])):
        taken = {given[other] for row in near[column] for other in near[row]}
        colour = 0
        while colour in taken:
            colour += 1
        given[column] = colour
    return np.array(given)


class Sparse:
    """Steps from a sparse Hessian, by the LU factors of a symmetric ordering.

    Columns that share no row come from one Hessian-vector product together.
    """

    memory = 10
    polishes = True

    def __init__(self, objective: Objective, pattern: Any, *, gauss: bool = False) -> None:
        self._objective, self.gauss = objective, gauss
        given = colours(pattern)
        self.count = int(given.max()) + 1
        self._seeds = (given == np.arange(self.count)[:, None]).astype(float)
        size = objective.variables.size
        places = sparse.csc_matrix(pattern)
        columns = np.repeat(np.arange(size), np.diff(places.indptr))
        self._where = given[columns] * size + places.indices
        self._indices, self._starts, self._shape = places.indices, places.indptr, (size, size)

    def at(self, x: Vector) -> Any:
        """The Hessian, a SciPy CSC matrix."""
        data = self._objective.products(x, self._seeds, gauss=self.gauss).take(self._where)
        made = sparse.csc_matrix((data, self._indices, self._starts), shape=self._shape)
        return (made + made.T) / 2

    def step(
        self, matrix: Any, slope: Vector, free: Any = None, longest: float = np.inf
    ) -> Vector:
        """Minus the (modified) inverse Hessian times the slope."""
        if free is not None and not np.all(free):
            keep = sparse.diags(free.astype(float))
            matrix = keep @ matrix @ keep + sparse.diags((~free).astype(float))
            slope = slope * free
        diagonal = matrix.diagonal()
        scale = np.maximum(np.abs(diagonal), EPS * np.abs(matrix.data).max(initial=0.0))
        scale[scale == 0] = 1.0

        def solve(shift: float) -> Vector:
            factors = _factors(matrix + sparse.diags(shift * scale) if shift else matrix)
            if factors is None:
                raise linalg.LinAlgError("not positive definite")
            return np.asarray(-factors.solve(slope))

        return shifted(solve, diagonal)

    def downward(self, x: Vector, free: Any = None) -> Vector | None:
        """A direction of clearly negative curvature, or None."""
        before, self.gauss = self.gauss, False
        matrix = self.at(x)
        self.gauss = before
        if free is not None and not np.all(free):
            keep = sparse.diags(free.astype(float))
            matrix = keep @ matrix @ keep + sparse.diags((~free).astype(float))
        if not np.all(np.isfinite(matrix.data)) or _factors(matrix) is not None:
            return None
        try:
            start = np.ones(x.size)
            values, vectors = eigsh(matrix, k=1, which="SA", tol=1e-4, maxiter=1000, v0=start)
        except RuntimeError:
            return None
        clear = values[0] < -1e3 * FLAT * np.abs(matrix.data).max(initial=0.0)
        return np.asarray(vectors[:, 0]) if clear else None


def _factors(matrix: Any) -> Any:
    """The LU factors of a positive definite matrix without exchanges, None of another.

    Without exchanges of rows ``U = D Lᵀ``, and the signs of its diagonal are those of the
    eigenvalues (Sylvester's law of inertia).
    """
    try:
        made = splu(
            sparse.csc_matrix(matrix),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError:  # singular
        return None
    if not np.array_equal(made.perm_r, made.perm_c):
        return None
    pivots = made.U.diagonal()
    return made if pivots.min(initial=1.0) > EPS * pivots.max(initial=0.0) else None
