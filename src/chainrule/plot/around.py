"""A loss around a point: its values along directions, and products with its Hessian, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..function.jit import jit
from ..function.vectors import ravel
from ..function.verbs import hvp
from ..trace.tree import flatten

Vector = np.ndarray


class Around:
    """``loss(params, *data)`` as a function of one vector, around ``params``."""

    def __init__(self, loss: Callable[..., Any], params: Any, data: tuple[Any, ...]) -> None:
        leaves, self.structure = flatten(params)
        for leaf, path in zip(leaves, self.structure.paths, strict=True):
            dtype = np.asarray(leaf).dtype
            if dtype.kind != "f":
                raise ArgumentError(
                    f"plot: params{path} has dtype {dtype}. Give parameters that are real numbers."
                )
        if not leaves:
            raise ArgumentError("plot: params holds no arrays. Give at least one.")
        if not isinstance(data, tuple):
            raise ArgumentError(
                f"plot: data is a {type(data).__name__}. Give a tuple of what the loss takes after the "
                "parameters, such as (X, y), or (X,)."
            )
        self.loss, self.params, self.data = loss, params, data
        vector, unravel = ravel(params)
        self.vector: Vector = np.asarray(vector, np.float64)
        self.shapes = [np.shape(leaf) for leaf in leaves]
        self.names = [path or "params" for path in self.structure.paths]

        def along(shifts: Vector, directions: Vector, origin: Vector, *data: Any) -> Any:
            return loss(unravel(origin + shifts @ directions), *data)

        def of_vector(v: Vector, *data: Any) -> Any:
            return loss(unravel(v), *data)

        self._along = jit(along)
        self._product = jit(hvp(of_vector))

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return int(self.vector.size)

    def value(self, shifts: Vector, directions: Vector) -> float:
        """The loss at ``params + shifts @ directions``."""
        return float(self._along(shifts, directions, self.vector, *self.data))

    def product(self, v: Vector) -> Vector:
        """The Hessian times a vector, exact."""
        return np.asarray(self._product(self.vector, np.asarray(v).ravel(), *self.data))

    def probe(self) -> Vector:
        """The Hessian times a random vector.

        Raises `ArgumentError` where it is not finite.
        """
        found = self.product(np.random.default_rng(0).standard_normal(self.size))
        if not np.all(np.isfinite(found)):
            raise ArgumentError(
                "plot: the Hessian is not finite at params. Look at the loss there: is it smooth?"
            )
        return found

    def hessian(self) -> Vector:
        """The whole matrix, symmetric to the last bit, a column at a time."""
        H = np.stack([self.product(e) for e in np.eye(self.size)])
        symmetric: Vector = (H + H.T) / 2
        return symmetric

    def leaves(self, v: Vector) -> list[Vector]:
        """A vector in the pieces that the parameters have."""
        sizes = [int(np.prod(shape, dtype=int)) for shape in self.shapes]
        parts = np.split(v, np.cumsum(sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def vector_of(self, tree: Any, what: str) -> Vector:
        """A tree like the parameters as one vector.

        Raises `ArgumentError` where it is nested or shaped otherwise.
        """
        leaves, structure = flatten(tree)
        shapes = [np.shape(leaf) for leaf in leaves]
        if structure.paths != self.structure.paths or shapes != self.shapes:
            raise ArgumentError(
                f"plot: {what} is not nested and shaped like params. Give one array for each of "
                f"{', '.join(self.names[:3])}{', …' if len(self.names) > 3 else ''}."
            )
        return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves])
