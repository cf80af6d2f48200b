"""Operations that only move elements, composed: two casts, two reshapes, a slice of a join.

Repeating comes last and picking comes first, so that nothing is moved that is not needed.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..ir.node import Node, constant, node
from ..ops.structural import (
    BasicIndex,
    broadcast,
    cast,
    concatenate,
    place,
    reduce_sum,
    reshape,
    slice_,
    transpose,
)
from .pattern import Algorithm, algorithm, spread


def _ascending(axes: tuple[int, ...]) -> bool:
    return all(a < b for a, b in pairwise(axes))


# -- one after another -----------------------------------------------------------------------------


@algorithm(cast)
def a_cast_that_does_nothing(n: Node) -> Node | None:
    """A cast to the same type goes; so does a lossless cast before another."""
    (x,) = n.args
    if x.type == n.type:
        return x
    if x.op is cast:
        (source,) = x.args
        if np.can_cast(source.type.dtype, x.type.dtype, "safe"):
            return source if source.type == n.type else node(cast, (source,), n.params)
    return None


@algorithm(reshape)
def a_reshape_of_a_reshape(n: Node) -> Node | None:
    """Only the last shape counts."""
    (x,) = n.args
    if x.type.shape == n.type.shape:
        return x
    return node(reshape, x.args, n.params) if x.op is reshape else None


@algorithm(reshape)
def axes_of_length_one_put_in(n: Node) -> Node | None:
    """New axes of length 1 are a broadcast, which further rules see through."""
    (x,) = n.args
    axes = _inserted(x.type.shape, n.type.shape)
    return None if axes is None else spread(x, n.type.shape, axes)


@algorithm(reshape)
def axes_of_length_one_taken_out(n: Node) -> Node | None:
    """Axes of length 1 are dropped where they arose: by a broadcast, or by a slice of length 1."""
    (x,) = n.args
    kept = _inserted(n.type.shape, x.type.shape)
    if kept is None:
        return None
    dropped = set(range(-x.type.ndim, 0)).difference(kept)
    if x.op is broadcast:
        axes = x.params[1]
        if dropped.intersection(axes):
            return None
        places = {a: k - len(kept) for k, a in enumerate(kept)}
        return spread(x.args[0], n.type.shape, tuple(places[a] for a in axes))
    if x.op is slice_:
        (index,) = x.params
        ends = [k - len(index) for k, e in enumerate(index) if not isinstance(e, int)]
        where = {k - len(ends): a for k, a in enumerate(ends)}
        if not all(a in where for a in dropped):
            return None
        entries = list(index)
        for a in dropped:
            entries[where[a]] = entries[where[a]][0]
        return node(slice_, x.args, (tuple(entries),))
    return None


def _inserted(short: tuple[int, ...], long: tuple[int, ...]) -> tuple[int, ...] | None:
    """Where the axes of ``short`` are in ``long``, if that has only axes of length 1 besides."""
    if len(long) <= len(short):
        return None
    axes = []
    k = 0
    for a, length in enumerate(long):
        if k < len(short) and length == short[k]:
            axes.append(a - len(long))
            k += 1
        elif length != 1:
            return None
    return tuple(axes) if k == len(short) else None


@algorithm(transpose)
def a_transpose_of_a_transpose(n: Node) -> Node | None:
    """One permutation after another is one permutation; the trivial one goes."""
    (x,) = n.args
    axes = _full(n.params[0], x.type.ndim)
    if axes == tuple(range(-len(axes), 0)):
        return x
    if x.op is not transpose:
        return None
    inner = _full(x.params[0], x.type.ndim)
    return node(transpose, x.args, (tuple(inner[a] for a in axes),))


@algorithm(transpose)
def a_transpose_of_a_broadcast(n: Node) -> Node | None:
    """What is repeated is permuted before."""
    (x,) = n.args
    if x.op is not broadcast:
        return None
    order = _full(n.params[0], x.type.ndim)
    places = {a: k - len(order) for k, a in enumerate(order)}
    return spread(x.args[0], n.type.shape, tuple(places[a] for a in x.params[1]))


def _full(axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    return tuple(range(-ndim, -len(axes))) + axes


@algorithm(broadcast)
def a_broadcast_of_a_broadcast(n: Node) -> Node | None:
    """Repeating what is repeated repeats once; in order of axes, and not to the same shape."""
    return spread(n.args[0], *n.params)


# -- sums ------------------------------------------------------------------------------------------


@algorithm(reduce_sum)
def a_sum_of_a_transpose(n: Node) -> Node | None:
    """A sum does not mind the order of its axes, nor the shape of what is summed as a whole."""
    (x,) = n.args
    (axes,) = n.params
    if not axes:
        return x
    if x.op is reshape and len(axes) == x.type.ndim:
        (source,) = x.args
        return node(reduce_sum, (source,), (tuple(range(-source.type.ndim, 0)),), n.type)
    if x.op is transpose:
        order = _full(x.params[0], x.type.ndim)
        kept = tuple(order[k] for k in range(-len(order), 0) if k not in axes)
        if _ascending(kept):
            return node(reduce_sum, x.args, (tuple(sorted(order[k] for k in axes)),))
    return None


# -- slices ----------------------------------------------------------------------------------------


@algorithm(slice_)
def a_slice_of_a_slice(n: Node) -> Node | None:
    """Part of a part is a part; all of it is itself."""
    (x,) = n.args
    (index,) = n.params
    trailing = x.type.shape[x.type.ndim - len(index) :]
    if all(e == (0, length, 1) for e, length in zip(index, trailing, strict=True)):
        return x
    if x.op is not slice_:
        return None
    (source,) = x.args
    (inner,) = x.params
    outer = list(_whole(index, x.type.shape))
    entries: list[Any] = []
    for e in _whole(inner, source.type.shape):
        if isinstance(e, int):
            entries.append(e)
            continue
        start, _, step = e
        k = outer.pop(0)
        entries.append(
            start + k * step if isinstance(k, int) else (start + k[0] * step, k[1], k[2] * step)
        )
    return node(slice_, (source,), (tuple(entries),))


def _whole(index: BasicIndex, shape: tuple[int, ...]) -> BasicIndex:
    """An entry for every axis, those that lead too."""
    return tuple((0, length, 1) for length in shape[: len(shape) - len(index)]) + index


@algorithm(slice_)
def a_slice_of_a_broadcast(n: Node) -> Node | None:
    """Only what is repeated is sliced."""
    (x,) = n.args
    if x.op is not broadcast:
        return None
    (source,) = x.args
    axes = x.params[1]
    index = _whole(n.params[0], x.type.shape)
    picked = tuple(index[a] for a in axes)
    if any(e != (0, length, 1) for e, length in zip(picked, source.type.shape, strict=True)):
        source = node(slice_, (source,), (picked,))
    left = [a for a in range(-len(index), 0) if not isinstance(index[a], int)]
    places = {a: k - len(left) for k, a in enumerate(left)}
    return spread(source, n.type.shape, tuple(places[a] for a in axes if a in places))


#: Of a join: where its pieces begin. Of an assembly: which pieces lie at an index.
_starts: WeakKeyDictionary[Node, list[int]] = WeakKeyDictionary()
_at: WeakKeyDictionary[Node, dict[BasicIndex, list[Node]]] = WeakKeyDictionary()


@algorithm(slice_)
def a_slice_of_a_join(n: Node) -> Node | None:
    """A slice that lies in one piece of a concatenation is a slice of that piece."""
    (x,) = n.args
    if x.op is not concatenate:
        return None
    (axis,) = x.params
    index = _whole(n.params[0], x.type.shape)
    starts = _starts.get(x)
    if starts is None:
        starts = _starts[x] = [0, *accumulate(a.type.shape[axis] for a in x.args)]
    e = index[axis]
    first, last = (e, e) if isinstance(e, int) else (e[0], e[0] + (e[1] - 1) * e[2])
    if not isinstance(e, int) and not e[1]:
        return None
    piece = bisect_right(starts, first) - 1
    if bisect_right(starts, last) - 1 != piece:
        return None
    entries = list(index)
    offset = starts[piece]
    entries[axis] = e - offset if isinstance(e, int) else (e[0] - offset, e[1], e[2])
    return node(slice_, (x.args[piece],), (tuple(entries),))


@algorithm(slice_)
def a_slice_of_an_assembly(n: Node) -> Node | None:
    """What was put in one place and is read there is itself; in a place of its own, 0."""
    (x,) = n.args
    if x.op is not place or x.type.ndim != len(x.params[0]) or n.type.shape:
        return None
    (index,) = n.params
    table = _at.get(x)
    if table is None:
        table = _at[x] = {}
        for piece, at in zip(x.args, x.params[1], strict=True):
            # Larger pieces may overlap in part: they are kept apart, and nothing is said.
            table.setdefault(at if not piece.type.shape else (), []).append(piece)
    if () in table:
        return None
    pieces = table.get(index, [])
    if not pieces:
        return constant(n.type.dtype.type(0))
    return pieces[0] if len(pieces) == 1 and pieces[0].type == n.type else None


@algorithm(concatenate)
def a_join_of_one(n: Node) -> Node | None:
    """One array joined to nothing is itself."""
    return n.args[0] if len(n.args) == 1 else None


@algorithm(place)
def an_assembly_of_one_whole(n: Node) -> Node | None:
    """An array put everywhere into zeros of its shape is itself, perhaps read back to front."""
    if len(n.args) > 1 or n.args[0].type != n.type or prod(n.type.shape) == 0:
        return None
    shape, (index,) = n.params
    for entry, length in zip(index, shape, strict=True):
        if isinstance(entry, int) or entry[1] != length:
            return None
    if all(step == 1 for _, _, step in index):
        return n.args[0]
    return node(slice_, n.args, (index,))


MOVES: tuple[Algorithm, ...] = (
    a_cast_that_does_nothing,
    a_reshape_of_a_reshape,
    axes_of_length_one_put_in,
    axes_of_length_one_taken_out,
    a_transpose_of_a_transpose,
    a_transpose_of_a_broadcast,
    a_broadcast_of_a_broadcast,
    a_sum_of_a_transpose,
    a_slice_of_a_slice,
    a_slice_of_a_broadcast,
    a_slice_of_a_join,
    a_slice_of_an_assembly,
    a_join_of_one,
    an_assembly_of_one_whole,
)
