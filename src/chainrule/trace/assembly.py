"""An array put together from the traced pieces and the constants that were written to it.

``owner`` says for each element which piece it comes from (0: a constant), ``place`` which element
of the piece it is. The result is one node over the pieces: the piece itself where nothing else was
written, a concatenation where the pieces tile an axis, a selection between two, else ``place``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..ops import structural as st
from ..ops.elementwise import where
from ..ops.indexing import gather


def assemble(
    owner: np.ndarray, place: np.ndarray, pieces: Sequence[Any], constants: np.ndarray, trace: Any
) -> Any:
    """The traced array. ``constants`` has the values of the elements that no piece owns."""
    flat = owner.ravel()
    first = int(flat[0])
    if first and (flat == first).all():
        return part(pieces[first - 1], place)
    ids, counts = np.unique(flat, return_counts=True)
    owners = ids[ids > 0].tolist()
    scalar = all(not pieces[k - 1].node.type.shape for k in owners)
    if scalar and (counts[ids > 0] == 1).all():
        return _scalars(owner, pieces, constants, trace)
    if len(ids) == 2 and any(
        n > 1 and k and not pieces[k - 1].node.type.shape
        for k, n in zip(ids.tolist(), counts.tolist(), strict=True)
    ):
        chosen = _selected(owner, place, pieces, constants, trace, ids.tolist())
        if chosen is not None:
            return chosen
    tiled = _tiled(owner, place, pieces, constants, trace)
    if tiled is not None:
        return tiled
    if len(ids) == 2:
        chosen = _selected(owner, place, pieces, constants, trace, ids.tolist())
        if chosen is not None:
            return chosen
    return _placed(owner, place, pieces, constants, trace)


def _placed(
    owner: np.ndarray, place: np.ndarray, pieces: Sequence[Any], constants: np.ndarray, trace: Any
) -> Any:
    """Every piece at its own place. Sorting finds the elements of each: n pieces cost n log n."""
    shape = owner.shape
    full = tuple((0, n, 1) for n in shape)
    flat, sources = owner.ravel(), place.ravel()
    order = np.argsort(flat, kind="stable")
    cuts = np.flatnonzero(np.diff(flat[order])) + 1
    every: list[Any] = []
    indices: list[st.BasicIndex] = []
    for hit in np.split(order, cuts):
        k = int(flat[hit[0]])
        if not k:
            continue
        box = _box(np.unravel_index(hit, shape))
        if box is not None:
            lengths = tuple(e[1] for e in box if not isinstance(e, int))
            every.append(part(pieces[k - 1], sources[hit].reshape(lengths)))
            indices.append(box)
        else:
            mask = owner == k
            whole = part(pieces[k - 1], np.where(mask, place, 0))
            every.append(where(mask, whole, 0.0))
            indices.append(full)
    if constants.any():
        every.append(trace.lift(trace.snapshot(constants)))
        indices.append(full)
    return st.place(every, shape, tuple(indices))


def part(piece: Any, places: np.ndarray) -> Any:
    """The elements of ``piece`` at flat ``places``, in the shape of these."""
    own = piece.node.type.shape
    shape = places.shape
    size = piece.node.type.size
    if not own:
        return st.broadcast(piece, shape)
    flat = places.ravel()
    if size == flat.size and flat[0] == 0 and (flat == np.arange(size)).all():
        return st.reshape(piece.copy(), shape)
    index = _slice_of(own, places)
    if index is not None:
        return st.reshape(st.slice_(piece, index), shape)
    return gather(st.reshape(piece, (size,)), [places], (-1,))


def _slice_of(shape: tuple[int, ...], places: np.ndarray) -> st.BasicIndex | None:
    """The basic index that reads ``places`` of an array of ``shape``, if there is one."""
    if not places.size:
        return None
    origin = [int(c) for c in np.unravel_index(int(places.flat[0]), shape)]
    index: list[Any] = list(origin)
    last = -1
    for axis, length in enumerate(places.shape):
        if length == 1:
            continue
        step = (
            (slice(None, 1),) * axis + (slice(1, 2),) + (slice(None, 1),) * (places.ndim - axis - 1)
        )
        here = np.unravel_index(int(places[step].flat[0]), shape)
        moved = [
            (a, int(c) - o) for a, (c, o) in enumerate(zip(here, origin, strict=True)) if c != o
        ]
        if len(moved) != 1 or moved[0][0] <= last:
            return None
        last, stride = moved[0]
        end = origin[last] + stride * (length - 1)
        if not 0 <= end < shape[last]:
            return None
        index[last] = (origin[last], length, stride)
    numbers = st.slice_.evaluate((np.arange(int(np.prod(shape))).reshape(shape),), tuple(index))
    return tuple(index) if (numbers.ravel() == places.ravel()).all() else None


def _box(coordinates: Sequence[np.ndarray]) -> st.BasicIndex | None:
    """The basic index of elements in ascending order, if they form a regular grid."""
    index: list[Any] = []
    count = 1
    for column in coordinates:
        if len(column) == 1:
            index.append(int(column[0]))
            continue
        hit = np.unique(column)
        count *= len(hit)
        step = int(hit[1] - hit[0]) if len(hit) > 1 else 1
        if len(hit) > 2 and (np.diff(hit) != step).any():
            return None
        index.append((int(hit[0]), len(hit), step))
    return tuple(index) if count == len(coordinates[0]) else None


def _scalars(owner: np.ndarray, pieces: Sequence[Any], constants: np.ndarray, trace: Any) -> Any:
    """One number for each element that is traced at all."""
    where_ = np.flatnonzero(owner)
    columns = [c.tolist() for c in np.unravel_index(where_, owner.shape)]
    chosen = [pieces[k - 1] for k in owner.ravel()[where_].tolist()]
    placed = st.place(chosen, owner.shape, tuple(zip(*columns, strict=True)))
    if not constants.any():
        return placed
    return placed + trace.lift(trace.snapshot(constants))


def _tiled(
    owner: np.ndarray, place: np.ndarray, pieces: Sequence[Any], constants: np.ndarray, trace: Any
) -> Any:
    """A concatenation along an axis, if there is one whose stretches are of one piece each."""
    for axis in range(owner.ndim):
        lane = owner[tuple(slice(None) if a == axis else 0 for a in range(owner.ndim))]
        spread = lane.reshape(tuple(-1 if a == axis else 1 for a in range(owner.ndim)))
        if not (owner == spread).all():
            continue
        cuts = np.flatnonzero(np.diff(lane)) + 1
        if owner.ndim == 1:
            # A stretch of one piece may itself consist of several runs of its elements.
            cuts = np.union1d(cuts, _breaks(lane, place))
        if len(cuts) > max(8, len(lane) // 2):
            continue  # mostly single elements
        bounds = [0, *cuts.tolist(), len(lane)]
        blocks = []
        for start, stop in pairwise(bounds):
            index = (slice(None),) * axis + (slice(start, stop),)
            k = int(lane[start])
            if k:
                blocks.append(part(pieces[k - 1], place[index]))
            else:
                blocks.append(trace.lift(trace.snapshot(constants[index])))
        return st.concatenate(blocks, axis - owner.ndim)
    return None


def _breaks(lane: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Where a run of consecutive elements of one piece ends, in one dimension."""
    steps = np.diff(place)
    same = (lane[1:] == lane[:-1]) & (lane[1:] > 0)
    changed = np.zeros(len(steps), bool)
    changed[1:] = steps[1:] != steps[:-1]
    changed[1:] &= same[1:] & same[:-1]
    cuts = np.flatnonzero(changed) + 1
    return cuts[np.diff(cuts, prepend=-1) > 1]  # after a jump the step is new, not broken again


def _selected(
    owner: np.ndarray, place: np.ndarray, pieces: Sequence[Any], constants: np.ndarray, trace: Any,
    ids: list[int],
) -> Any:  # fmt: skip
    """``where(mask, one, other)`` of a scalar and an array of the same shape, or constants."""
    aligned = np.arange(owner.size).reshape(owner.shape)
    values: list[Any] = []
    for k in ids:
        if k == 0:
            values.append(trace.lift(trace.snapshot(constants)))
            continue
        piece = pieces[k - 1]
        own = owner == k
        if not piece.node.type.shape:
            values.append(piece)
        elif piece.node.type.size == owner.size and (place[own] == aligned[own]).all():
            values.append(st.reshape(piece, owner.shape))
        else:
            return None
    if all(not np.shape(v) for v in values):
        values[0] = np.broadcast_to(values[0], owner.shape)
    return where(trace.lift(trace.snapshot(owner == ids[1])), values[1], values[0])
