"""Newton steps without a matrix: conjugate gradients on Hessian-vector products, as far as it pays.

Nocedal & Wright, Numerical Optimization (2006), algorithm 7.1, with the forcing of Eisenstat &
Walker (1996).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .matrices import EPS
from .objective import Objective
from .variables import Vector


class Products:
    """Steps from products with the Hessian alone, for very many unknowns."""

    gauss = False
    memory = 1
    polishes = False

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._first = 0.0

    def at(self, x: Vector) -> Vector:
        """The point: what a product needs."""
        return x

    def step(
        self, matrix: Vector, slope: Vector, free: Any = None, longest: float = np.inf
    ) -> Vector:
        """An approximate solution of ``H step = -slope``; along negative curvature if it is met."""
        left = -slope if free is None else -slope * free
        size = float(left @ left)
        norm = size**0.5
        self._first = self._first or norm
        enough = min(0.1, (norm / self._first) ** 0.5) * norm
        step = np.zeros(slope.size)
        direction = left
        product = self._objective.product
        for k in range(max(20, min(10 * slope.size, 2000))):
            bent = product(matrix, direction)
            if free is not None:
                bent = bent * free
            curvature = float(direction @ bent)
            if not curvature > 0:
                return step if k else left  # where the model falls for ever, what was found so far
            share = size / curvature
            step = step + share * direction
            left = left - share * bent
            size, before = float(left @ left), size
            if size**0.5 <= enough:
                break
            direction = left + (size / before) * direction
        return step

    def downward(self, x: Vector, free: Any = None) -> Vector | None:
        """A direction of clearly negative curvature among some random ones, or None."""
        rng = np.random.default_rng(0)
        for _ in range(3):
            v = rng.standard_normal(x.size)
            v /= np.linalg.norm(v)
            if free is not None:
                v = v * free
            for _ in range(10):
                bent = self._objective.product(x, v)
                size = float(np.linalg.norm(bent))
                if float(v @ bent) < -1e-6 * size:
                    return v
                if size == 0 or not np.isfinite(size):
                    break
                v = v - bent / size  # away from the directions that rise most
                v /= max(float(np.linalg.norm(v)), EPS)
        return None
