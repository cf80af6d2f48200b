"""Indexing by integer arrays: elements picked by index, and their adjoint, added up by index.

Two pairs, each the other's transpose. ``gather`` and ``scatter_add`` take whole index arrays for
some axes, as ``x[i, j]`` does; ``take_along`` and ``add_along`` take an index for every place
along one axis, as a sort does. Index arrays are arguments like any other, so that they may be
traced and batched; they are in bounds, and negative ones count from the end. No operation is ever
differentiated in an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..ir.node import Node, node
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, Shape
from .structural import Structural, lead_all, transpose

#: A value to add, the index arrays that say where, and the axes that these index.
Piece: TypeAlias = tuple[Array, Sequence[Array], tuple[int, ...]]

Pairs: TypeAlias = tuple[np.ndarray, np.ndarray]

_NONE: Pairs = (np.zeros(0, np.intp), np.zeros(0, np.intp))


class Gather(Structural):
    """``x`` read at integer arrays on ``axes``; the axes of the index stand in place of the first.

    Arguments are ``x`` and one index array for each of ``axes`` (ascending, from the right), all
    of one shape ``I``. With ``x`` of shape ``(a, i, b, j, c)`` and indices on the axes of lengths
    ``i`` and ``j``, the result has shape ``(a, *I, b, c)``.
    """

    name = "gather"
    parameters = ("axes",)
    text = "{0}[{args}]"

    def __call__(self, x: Array, indices: Sequence[Array], axes: tuple[int, ...]) -> Array:
        """``x`` at index arrays that broadcast together, one for each of ``axes``."""
        return self.bind((x, *_one_shape(indices)), tuple(axes))

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        x, index = types[0], types[1]
        before, after = _around(x.shape, axes)
        return ArrayType(before + index.shape + after, x.dtype)

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...]) -> Any:
        x, *indices = arrays
        if len(axes) == 1:
            return np.take(x, indices[0], axis=axes[0])
        # With the indexed axes side by side NumPy, too, puts those of the index in their place.
        first, count = axes[0], len(axes)
        if axes[-1] - first >= count:
            x = np.moveaxis(x, axes, range(first, first + count))
        return x[(..., *indices, *(slice(None),) * (-first - count))]

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        axes: tuple[int, ...],
    ) -> Sequence[Maybe]:
        x, *indices = args
        added = scatter_add([(ct, indices, axes)], np.shape(x)) if wanted[0] else None
        return (added, *(None for _ in indices))

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, axes: tuple[int, ...]
    ) -> Array:
        if not any(batched[1:]):
            return self.bind(args, axes)
        x, *indices = args
        indices = lead_all(indices, batched[1:], size)
        first = np.ndim(x) + axes[0]
        if not batched[0]:  # the batch axis comes out as the first axis of the index
            return _moved(self.bind((x, *indices), axes), first, 0)
        # One more index has example k of x read by example k of the indices. All axes of the
        # index come out in front then; the example's own go back to their place.
        picked = self.bind((x, _examples(indices[0]), *indices), (-np.ndim(x), *axes))
        return _moved(picked, 1, first, np.ndim(indices[0]) - 1)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> Pairs:
        return _NONE if i else _reads(types[0].shape, types[1].shape, *params)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x = np.random.default_rng(0).normal(size=(3, 2, 4))
        return (
            ((x, np.array([2, 0, 2])), ((-3,),)),
            ((x, np.array([[1, 0], [-1, 1]])), ((-2,),)),
            ((x, np.array([0, 2, 2]), np.array([3, -1, 3])), ((-3, -1),)),
            ((x, np.array(1), np.array(0), np.array(2)), ((-3, -2, -1),)),
            ((x, np.zeros((0,), int)), ((-1,),)),
        )


class ScatterAdd(Structural):
    """Zeros of ``shape``, with each piece added at its own index arrays: the adjoint of gathers.

    The arguments are those of all pieces in a row: a value, then one index array for each of its
    axes. One node takes any number of pieces, so that n reads of an array cost O(n) in reverse.
    An element that is hit twice gets the sum.
    """

    name = "scatter_add"
    parameters = ("shape", "axes")
    text = "scatter_add({args})"

    def __call__(self, pieces: Sequence[Piece], shape: Shape) -> Array:
        """Sum of the pieces, each as ``gather`` would read it from an array of ``shape``."""
        args = [a for value, indices, _ in pieces for a in (value, *_one_shape(indices))]
        return self.bind(args, tuple(shape), tuple(tuple(axes) for _, _, axes in pieces))

    @property
    def linear_in(self) -> Any:  # type: ignore[override]
        """Every position, however many: the indices never vary."""
        return range(1 << 30)

    def sum_key(self, shape: Shape, axes: Any) -> Any:
        return shape

    def sum_of(self, nodes: Sequence[Node]) -> Node:
        args = tuple(a for n in nodes for a in n.args)
        return node(self, args, (nodes[0].params[0], tuple(a for n in nodes for a in n.params[1])))

    def infer(
        self, types: Sequence[ArrayType], shape: Shape, axes: tuple[tuple[int, ...], ...]
    ) -> ArrayType:
        pieces = split_pieces(types, axes)
        value, (index, *_), first = pieces[0]
        lead = value.shape[: value.ndim - index.ndim - len(shape) + len(first)]
        return ArrayType(lead + shape, np.result_type(*{v.dtype for v, _, _ in pieces}))

    def evaluate(
        self, arrays: Sequence[Any], shape: Shape, axes: tuple[tuple[int, ...], ...]
    ) -> Any:
        pieces = split_pieces([np.asarray(a) for a in arrays], axes)
        value, (index, *_), first = pieces[0]
        lead = value.shape[: value.ndim - index.ndim - len(shape) + len(first)]
        full = lead + shape
        total: Any = None
        for axes_of_group in dict.fromkeys(axes):
            group = [(v, ix) for v, ix, a in pieces if a == axes_of_group]
            count = len(axes_of_group)
            lengths = [full[a] for a in axes_of_group]
            where = np.concatenate([np.ravel(_flat(ix, lengths)) for _, ix in group])
            # Indexed axes to the front, as one; all else behind, as one.
            rest = [n for a, n in enumerate(full) if a - len(full) not in axes_of_group]
            at = len(full) + axes_of_group[0]
            width = int(np.prod(rest))
            values = [
                np.moveaxis(v, range(at, at + ix[0].ndim), range(ix[0].ndim)).reshape(ix[0].size, width)
                for v, ix in group
            ]
            summed = _add_up(where, np.concatenate(values), int(np.prod(lengths)))
            placed = np.moveaxis(summed.reshape(*lengths, *rest), range(count), axes_of_group)
            total = placed if total is None else total + placed
        return total

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        shape, axes = params
        pieces = zip(split_pieces(args, axes), split_pieces(tangents, axes), strict=True)
        return self([(t, ix, a) for (_, ix, a), (t, _, _) in pieces if t is not None], shape)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        shape: Shape,
        axes: tuple[tuple[int, ...], ...],
    ) -> Sequence[Maybe]:
        results: list[Maybe] = []
        for _, indices, own in split_pieces(args, axes):
            want = wanted[len(results)]
            results.append(gather.bind((ct, *indices), own) if want else None)
            results.extend(None for _ in indices)
        return results

    def batch(
        self,
        args: Sequence[Array],
        batched: Sequence[bool],
        size: int,
        shape: Shape,
        axes: tuple[tuple[int, ...], ...],
    ) -> Array:
        pieces = split_pieces(args, axes)
        flags = split_pieces(batched, axes)
        if not any(any(on_indices) for _, on_indices, _ in flags):
            leading = [
                (lead_all([value], [flag], size)[0], indices, own)
                for (value, indices, own), (flag, _, _) in zip(pieces, flags, strict=True)
            ]
            return self(leading, shape)
        # The batch axis becomes an indexed axis of every piece, in front.
        full = self.infer([_type(a, b) for a, b in zip(args, batched, strict=True)], shape, axes).shape
        every: list[Piece] = []
        for (value, indices, own), (flag, on_indices, _) in zip(pieces, flags, strict=True):
            (value,) = lead_all([value], [flag], size)
            indices = lead_all(indices, on_indices, size)
            spread = np.ndim(indices[0]) - 1
            value = _moved(value, len(full) + 1 + own[0], 1, spread)
            every.append((value, (_examples(indices[0]), *indices), (-len(full) - 1, *own)))
        return self(every, (size, *full))

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> Pairs:
        (_, axes) = params
        positions = split_pieces(range(len(types)), axes)
        for value, indices, own in positions:
            if value == i:
                columns, rows = _reads(out.shape, types[indices[0]].shape, own)
                return rows, columns
        return _NONE

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        rng = np.random.default_rng(1)
        i, j = np.array([2, 0, 2]), np.array([3, -1, 3])
        return (
            ((rng.normal(size=(3, 4)), i), ((3, 4), ((-2,),))),
            ((rng.normal(size=(2, 3)), i), ((4,), ((-1,),))),
            ((rng.normal(size=(3, 2)), i, j), ((3, 2, 4), ((-3, -1),))),
            (
                (rng.normal(size=(3, 4)), i, rng.normal(size=(3,)), i, j),
                ((3, 4), ((-2,), (-2, -1))),
            ),
        )


class TakeAlong(Structural):
    """``x[..., index[..., k, ...], ...]`` along one axis: as :func:`numpy.take_along_axis`.

    The other axes of ``x`` and ``index`` have the same lengths.
    """

    name = "take_along"
    parameters = ("axis",)
    text = "take_along({0}, {1})"

    def __call__(self, x: Array, index: Array, axis: int) -> Array:
        """Pick along ``axis``, counted from the right."""
        return self.bind((x, index), axis)

    def infer(self, types: Sequence[ArrayType], axis: int) -> ArrayType:
        return ArrayType(types[1].shape, types[0].dtype)

    def evaluate(self, arrays: Sequence[Any], axis: int) -> Any:
        return np.take_along_axis(arrays[0], arrays[1], axis)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], axis: int
    ) -> Sequence[Maybe]:
        x, index = args
        return add_along(ct, index, np.shape(x)[axis], axis) if wanted[0] else None, None

    def batch(self, args: Sequence[Array], batched: Sequence[bool], size: int, axis: int) -> Array:
        return self.bind(lead_all(args, batched, size), axis)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> Pairs:
        return _NONE if i else _reads_along(types[0].shape, out.shape, *params)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x = np.random.default_rng(2).normal(size=(3, 4))
        return (
            ((x, np.argsort(x, -1)), (-1,)),
            ((x, np.array([[1, 1, -1, 0]])), (-2,)),
            ((x, np.zeros((3, 0), int)), (-1,)),
        )


class AddAlong(Structural):
    """Zeros with ``value`` added along one axis at ``index``: the adjoint of ``take_along``."""

    name = "add_along"
    parameters = ("length", "axis")
    text = "add_along({0}, {1})"

    def __call__(self, value: Array, index: Array, length: int, axis: int) -> Array:
        """An array with ``length`` places along ``axis``, counted from the right."""
        return self.bind((value, index), int(length), axis)

    def infer(self, types: Sequence[ArrayType], length: int, axis: int) -> ArrayType:
        shape = list(types[0].shape)
        shape[axis] = length
        return ArrayType(tuple(shape), types[0].dtype)

    def evaluate(self, arrays: Sequence[Any], length: int, axis: int) -> Any:
        value = np.moveaxis(np.asarray(arrays[0]), axis, -1)
        index = np.moveaxis(np.asarray(arrays[1]), axis, -1)
        lead = value.shape[:-1]
        rows = np.arange(int(np.prod(lead))).reshape(*lead, 1)
        where = rows * length + _flat([index], [length])
        summed = _add_up(np.ravel(where), value.reshape(-1, 1), rows.size * length)
        return np.moveaxis(summed.reshape(*lead, length), -1, axis)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        length: int,
        axis: int,
    ) -> Sequence[Maybe]:
        return take_along(ct, args[1], axis) if wanted[0] else None, None

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, length: int, axis: int
    ) -> Array:
        return self.bind(lead_all(args, batched, size), length, axis)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> Pairs:
        if i:
            return _NONE
        columns, rows = _reads_along(out.shape, types[0].shape, params[1])
        return rows, columns

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        value = np.random.default_rng(3).normal(size=(3, 4))
        return (
            ((value, np.argsort(value, -1)), (4, -1)),
            ((value, np.array([[1, 1, -1, 0]] * 3)), (2, -2)),
        )


gather = Gather()
scatter_add = ScatterAdd()
take_along = TakeAlong()
add_along = AddAlong()


# -- pieces and axes -------------------------------------------------------------------------------


def split_pieces(
    args: Sequence[Any], axes: tuple[tuple[int, ...], ...]
) -> list[tuple[Any, list[Any], tuple[int, ...]]]:
    """The arguments of ``scatter_add`` piece by piece: the value, its index arrays, their axes."""
    pieces: list[tuple[Any, list[Any], tuple[int, ...]]] = []
    start = 0
    for own in axes:
        stop = start + 1 + len(own)
        pieces.append((args[start], list(args[start + 1 : stop]), own))
        start = stop
    return pieces


def _one_shape(indices: Sequence[Array]) -> list[Array]:
    """Index arrays repeated to the shape that they broadcast to together."""
    shape = np.broadcast_shapes(*[np.shape(i) for i in indices])
    return [i if np.shape(i) == shape else np.broadcast_to(i, shape) for i in indices]


def _around(shape: Shape, axes: tuple[int, ...]) -> tuple[Shape, Shape]:
    """The lengths before the first of ``axes``, and those after it that are not indexed."""
    first = len(shape) + axes[0]
    after = (n for a, n in enumerate(shape) if a > first and a - len(shape) not in axes)
    return shape[:first], tuple(after)


def _moved(x: Array, source: int, destination: int, count: int = 1) -> Array:
    """``x`` with ``count`` neighbouring axes moved."""
    order = list(range(np.ndim(x)))
    block = [order.pop(source) for _ in range(count)]
    return transpose(x, [*order[:destination], *block, *order[destination:]])


def _examples(index: Array) -> Any:
    """For every element of a batched index array, the number of its example."""
    shape = np.shape(index)
    numbers = np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    return np.broadcast_to(numbers, shape)


def _type(x: Array, batched: bool) -> ArrayType:
    """The type of one example of ``x``."""
    return ArrayType(tuple(np.shape(x))[1 if batched else 0 :], x.dtype)


def _reads(shape: Shape, index: Shape, axes: tuple[int, ...]) -> Pairs:
    """What ``gather`` may read: any place on ``axes``, on all others its own."""
    before, after = _around(shape, axes)
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    numbers = np.moveaxis(numbers, axes, range(-len(axes), 0))
    anywhere = int(np.prod([shape[a] for a in axes]))
    columns = numbers.reshape(*before, *(1,) * len(index), *after, anywhere)
    out = (*before, *index, *after)
    rows = np.arange(int(np.prod(out))).reshape(*out, 1)
    rows, columns = np.broadcast_arrays(rows, columns)
    return np.ravel(rows), np.ravel(columns)


def _reads_along(shape: Shape, out: Shape, axis: int) -> Pairs:
    """What ``take_along`` may read: any place along the axis."""
    columns = np.moveaxis(np.arange(int(np.prod(shape))).reshape(shape), axis, -1)
    rows = np.moveaxis(np.arange(int(np.prod(out))).reshape(out), axis, -1)
    rows, columns = np.broadcast_arrays(rows[..., :, None], columns[..., None, :])
    return np.ravel(rows), np.ravel(columns)


# -- adding up -------------------------------------------------------------------------------------


def _flat(indices: Sequence[Any], lengths: Sequence[int]) -> Any:
    """Index arrays for several axes as one for these axes laid flat."""
    flat: Any = 0
    for index, length in zip(indices, lengths, strict=True):
        flat = flat * length + np.where(index < 0, index + length, index)
    return flat


def _add_up(where: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """``out[where[k]] += values[k]`` for rows of values, in ``count`` rows."""
    dtype = values.dtype
    width = values.shape[1]
    if dtype.char not in "efdFD":
        out = np.zeros((count, width), dtype)
        np.add.at(out, where, values)
        return out
    # bincount is the fast way to add by index, and adds in double precision.
    if width != 1:
        where = (where[:, None] * width + np.arange(width)).ravel()
    values = values.ravel()
    parts = (values.real, values.imag) if dtype.kind == "c" else (values,)
    sums = [np.bincount(where, part, count * width) for part in parts]
    total = sums[0] if len(sums) == 1 else sums[0] + 1j * sums[1]
    return total.astype(dtype, copy=False).reshape(count, width)
