"""Linear systems with a sparse matrix: its entries are an operand, their places a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..ir.literal import Literal
from ..ir.primitive import Array, Maybe, Primitive, total
from ..ir.types import ArrayType
from .implicit import by_example
from .indexing import gather, scatter_add


class Places(NamedTuple):
    """Where the entries of a square sparse matrix are; entries at one place add up."""

    rows: Literal
    columns: Literal
    size: int

    def transposed(self) -> Places:
        """The places of the transpose."""
        return Places(self.columns, self.rows, self.size)


class SparseSolve(Primitive):
    """``A⁻¹ b`` for the entries of ``A`` and a vector or matrix ``b``: SuperLU, by SciPy."""

    name = "sparse_solve"
    parameters = ("places",)
    text = "{0}⁻¹ {1}"
    linear_in = (1,)
    raises = True

    def __call__(self, entries: Array, b: Array, places: Places) -> Array:
        """The solution."""
        return self.bind((entries, b), places)

    def infer(self, types: Sequence[ArrayType], places: Places) -> ArrayType:
        entries, b = types
        if (
            entries.shape != places.rows.array.shape
            or b.ndim not in (1, 2)
            or b.shape[0] != places.size
        ):
            raise ValueError(
                f"a sparse system of {places.size} equations with the right-hand side {b}"
            )
        if entries.dtype.kind != "f" or b.dtype.kind != "f":
            raise TypeError("a sparse system is solved in real numbers")
        return ArrayType(b.shape, np.result_type(entries.dtype, b.dtype))

    def evaluate(self, arrays: Sequence[Any], places: Places) -> Any:
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu

        entries, b = (np.asarray(a) for a in arrays)
        at = (places.rows.array, places.columns.array)
        matrix = csc_matrix((entries.astype(float), at), shape=(places.size, places.size))
        try:
            found = splu(matrix).solve(np.asarray(b, float))
        except RuntimeError as error:
            raise np.linalg.LinAlgError(f"a sparse system has no solution: {error}") from None
        return found.astype(np.result_type(entries, b))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], places: Places
    ) -> Maybe:
        entries, _ = args
        moved, driven = tangents
        parts = [driven]
        if moved is not None:
            parts.append(-product(moved, out, places))
        right = total(p for p in parts if p is not None)
        return None if right is None else self(entries, right, places)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], places: Places
    ) -> Sequence[Maybe]:
        entries, _ = args
        back = self(entries, ct, places.transposed())
        slopes = None
        if wanted[0]:
            axis = (-1,) if np.ndim(out) == 1 else (-2,)
            left = gather(back, [places.rows.array], axis)
            products = left * gather(out, [places.columns.array], axis)
            slopes = -(products if np.ndim(out) == 1 else np.sum(products, axis=-1))
        return [slopes, back if wanted[1] else None]

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, places: Places
    ) -> Array:
        entries, b = args
        if not batched[0] and np.ndim(b) == 2:
            return np.transpose(self(entries, np.transpose(b), places))
        return by_example(self, args, batched, size, places)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        rows, columns = np.array([0, 1, 2, 0, 2, 1]), np.array([0, 1, 2, 2, 1, 1])
        places = Places(Literal(rows), Literal(columns), 3)
        entries = np.array([2.1, 1.7, 3.2, 0.4, -0.7, 0.9])
        b = np.random.default_rng(32).normal(size=(3, 2))
        return (((entries, b[:, 0]), (places,)), ((entries, b), (places,)))


def product(entries: Array, x: Array, places: Places) -> Array:
    """``A x`` for a vector or matrix ``x``."""
    rows, columns, size = places.rows.array, places.columns.array, places.size
    if np.ndim(x) == 1:
        return scatter_add([(entries * gather(x, [columns], (-1,)), (rows,), (-1,))], (size,))
    picked = np.expand_dims(entries, -1) * gather(x, [columns], (-2,))
    return scatter_add([(picked, (rows,), (-2,))], (size, int(np.shape(x)[1])))


sparse_solve = SparseSolve()
