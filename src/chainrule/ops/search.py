"""Searches: integers computed from arrays, with no derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Primitive
from ..ir.types import ArrayType
from .structural import lead_all


class Search(Primitive):
    """The kind: places in an array. The result is piecewise constant in every argument."""

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        return ArrayType(self.shape(types, *params), np.dtype(np.intp))

    def shape(self, types: Sequence[ArrayType], *params: Any) -> tuple[int, ...]:
        """The shape of the result."""
        raise NotImplementedError

    def jvp(self, out: Array, args: Any, tangents: Any, *params: Any) -> None:
        return None

    def pullback(
        self, out: Array, ct: Array, args: Any, wanted: Sequence[bool], *params: Any
    ) -> Any:
        return [None] * len(args)

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Array:
        return self.bind(lead_all(args, batched, size), *params)

    def dependence(self, i: int, types: Any, out: Any, *params: Any) -> Any:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)


class SearchSorted(Search):
    """Where each value would go into an ascending array: as :func:`numpy.searchsorted`.

    Leading axes of ``ascending`` beyond its last, and as many of ``values``, count examples.
    """

    name = "searchsorted"
    parameters = ("side",)
    text = "searchsorted({0}, {1})"

    def __call__(self, ascending: Array, values: Array, side: str = "left") -> Array:
        """The places of ``values``."""
        return self.bind((ascending, values), side)

    def shape(self, types: Sequence[ArrayType], side: str) -> tuple[int, ...]:
        return types[1].shape

    def evaluate(self, arrays: Sequence[Any], side: Any) -> Any:
        ascending, values = map(np.asarray, arrays)
        lead = ascending.shape[:-1]
        if not lead:
            return np.searchsorted(ascending, values, side)
        rows = ascending.reshape(-1, ascending.shape[-1])
        parts = values.reshape(len(rows), *values.shape[len(lead) :])
        found = [np.searchsorted(a, v, side) for a, v in zip(rows, parts, strict=True)]
        return np.array(found, np.intp).reshape(values.shape)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        ascending = np.array([0.0, 1.0, 1.0, 4.0])
        values = np.array([[0.5, 1.0], [-1.0, 9.0]])
        return (((ascending, values), ("left",)), ((ascending, values), ("right",)))


class FlatNonzero(Search):
    """The places of the ``count`` elements that are true: as :func:`numpy.flatnonzero`.

    ``shape`` is that of one example. Whoever records it guards the count.
    """

    name = "flatnonzero"
    parameters = ("shape", "count")
    text = "flatnonzero({0})"

    def __call__(self, x: Array, count: int) -> Array:
        """The flat places, ascending."""
        return self.bind((x,), np.shape(x), count)

    def shape(
        self, types: Sequence[ArrayType], shape: tuple[int, ...], count: int
    ) -> tuple[int, ...]:
        return (*types[0].shape[: types[0].ndim - len(shape)], count)

    def evaluate(self, arrays: Sequence[Any], shape: tuple[int, ...], count: int) -> Any:
        x = np.asarray(arrays[0])
        lead = x.shape[: x.ndim - len(shape)]
        if not lead:
            return np.flatnonzero(x)
        found = np.zeros((int(np.prod(lead)), count), np.intp)
        for row, example in zip(found, x.reshape(len(found), -1), strict=True):
            places = np.flatnonzero(example)[:count]  # of another count: then its guard does not hold
            row[: len(places)] = places
        return found.reshape(*lead, count)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        return (((np.array([[0.0, 2.0], [3.0, 0.0]]),), ((2, 2), 2)),)


class ArgPartition(Search):
    """The places, along the last axis, that put the elements in partitioned order."""

    name = "argpartition"
    parameters = ("kth",)
    text = "argpartition({0})"

    def __call__(self, x: Array, kth: tuple[int, ...]) -> Array:
        """As :func:`numpy.argpartition` along the last axis."""
        return self.bind((x,), kth)

    def shape(self, types: Sequence[ArrayType], kth: tuple[int, ...]) -> tuple[int, ...]:
        return types[0].shape

    def evaluate(self, arrays: Sequence[Any], kth: tuple[int, ...]) -> Any:
        return np.argpartition(arrays[0], kth, axis=-1)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        return (((np.array([[3.0, 1.0, 2.0], [0.5, 0.1, -1.0]]),), ((1,),)),)


searchsorted = SearchSorted()
flatnonzero = FlatNonzero()
argpartition = ArgPartition()
