"""Rows that were taken from an array one by one, as one array again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ops.structural import broadcast, concatenate, place, slice_
from ..trace.recording import symbolic
from .pattern import Algorithm, algorithm


def rows_of(nodes: Sequence[Node]) -> Node | None:
    """The nodes one after the other along a new first axis, if they are places of one array.

    They are to be slices that differ in one index. Equal distances give a slice, others a gather.
    """
    first = nodes[0]
    if len(nodes) < 2 or any(n.op is not slice_ or n.args != first.args for n in nodes):
        return None
    indices = [n.params[0] for n in nodes]
    moving = [k for k, e in enumerate(indices[0]) if any(i[k] != e for i in indices)]
    if len(moving) != 1 or any(type(i[moving[0]]) is not int for i in indices):
        return None
    (axis,) = moving
    x: Any = symbolic(first.args[0])
    places = [i[axis] for i in indices]
    step = places[1] - places[0]
    if step and all(b - a == step for a, b in pairwise(places)):
        entry = (places[0], len(nodes), step)
    else:
        x = np.take(x, np.array(places), axis=axis - len(indices[0]))
        entry = (0, len(nodes), 1)
    index = (*indices[0][:axis], entry, *indices[0][axis + 1 :])
    lead = x.ndim - len(index)
    at = lead + sum(not isinstance(e, int) for e in index[:axis])
    rows: Node = np.moveaxis(slice_(x, index), at, 0).node
    return rows


@algorithm(concatenate, of_arrays=True)
def rows_joined_again(n: Node) -> Node | None:
    """Slices that are taken one after another from an array, and joined, are a slice of it."""
    axis = n.params[0] + n.type.ndim
    args: list[Node] = []
    for run in _runs(n.args):
        stack = _stack(run) if _shrinks(run, n.args) else None
        if stack is None:
            args.extend(run)
            continue
        shape = list(run[0].type.shape)
        shape[axis] *= len(run)
        rows: Any = symbolic(stack)
        joined: Any = np.reshape(np.moveaxis(rows, 0, axis), shape)
        args.append(joined.node)
    if len(args) == len(n.args):
        return None
    return args[0] if len(args) == 1 else concatenate.build(tuple(args), n.params[0])


@algorithm(place, of_arrays=True)
def runs_placed_again(n: Node) -> Node | None:
    """Slices that are taken one after another from an array, and placed so, are one piece."""
    shape, indices = n.params
    if n.type.shape != shape or len(indices) < _MANY or _overlap(shape, indices):
        return None
    found = dict(zip(indices, n.args, strict=True))
    order = sorted(found, key=lambda index: [(e, 0, 0) if type(e) is int else e for e in index])
    pieces: list[tuple[Node, Any]] = []
    at = 0
    for run in _runs([found[index] for index in order]):
        places = order[at : at + len(run)]
        at += len(run)
        entry = _steps(places) if len(run) >= _MANY else None
        stack = None if entry is None else _stack(run)
        if entry is None or stack is None:
            pieces.extend(zip(run, places, strict=True))
            continue
        axis, steps = entry
        index = (*places[0][:axis], steps, *places[0][axis + 1 :])
        rows: Any = symbolic(stack)
        rows = np.moveaxis(rows, 0, sum(type(e) is not int for e in index[:axis]))
        piece: Any = np.reshape(rows, [e[1] for e in index if type(e) is not int])
        pieces.append((piece.node, index))
    if len(pieces) == len(indices):
        return None
    return place.build(tuple(x for x, _ in pieces), shape, tuple(index for _, index in pieces))


def _steps(places: Sequence[Any]) -> tuple[int, tuple[int, int, int]] | None:
    """The axis along which places lie at equal distances, and where; ``None`` if they do not."""
    first = places[0]
    moving = [k for k, e in enumerate(first) if any(index[k] != e for index in places)]
    if len(moving) != 1:
        return None
    (axis,) = moving
    entries = [index[axis] for index in places]
    if any(e[1] != 1 if type(e) is not int else type(entries[0]) is not int for e in entries):
        return None
    at = [e if type(e) is int else e[0] for e in entries]
    if at[0] < 0 or any(b - a != at[1] - at[0] for a, b in pairwise(at)):
        return None
    return axis, (at[0], len(at), at[1] - at[0])


def _overlap(shape: Sequence[int], indices: Sequence[Any]) -> bool:
    """Whether pieces share a place, as far as that is plain to see."""
    count = np.zeros(shape, np.int64)
    for index in indices:
        if any(type(e) is not int and e[2] < 1 for e in index):
            return True
        at = [e if type(e) is int else slice(e[0], e[0] + e[1] * e[2], e[2]) for e in index]
        count[tuple(at)] += 1
    return bool(count.max(initial=0) > 1)


def _runs(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """The nodes, in runs of slices of one array; others by themselves."""
    for key, run in groupby(nodes, lambda a: None if (row := _row(a)) is None else (row.args, a.type)):
        if key is None:
            yield from ([a] for a in run)
        else:
            yield list(run)


def _row(a: Node) -> Node | None:
    """The slice that a node is, but for further axes of length 1."""
    if a.op is broadcast:
        _, axes = a.params
        if a.type.size != a.args[0].type.size or list(axes) != sorted(axes):
            return None
        (a,) = a.args
    return a if a.op is slice_ else None


def _stack(run: Sequence[Node]) -> Node | None:
    """Pieces that are rows of one array, one after the other along a new first axis."""
    rows = rows_of([row for a in run if (row := _row(a)) is not None])
    if rows is None:
        return None
    shaped: Node = np.reshape(symbolic(rows), (len(run), *run[0].type.shape)).node  # type: ignore[attr-defined]
    return shaped


@algorithm(place, heads={0: (slice_,)}, of_arrays=True)
def rows_placed_again(n: Node) -> Node | None:
    """Slices that are put side by side until all is covered are the array they come from."""
    shape, indices = n.params
    if len(indices) < 2 or not shape or len(n.args) != len(indices) or not _shrinks(n.args, n.args):
        return None
    moving = [k for k, e in enumerate(indices[0]) if any(i[k] != e for i in indices)]
    if len(moving) != 1 or n.type.shape != shape:
        return None
    (axis,) = moving
    if len({type(i[axis]) for i in indices}) > 1:  # a single element beside a run of them
        return None
    others = [(0, length, 1) for length in shape]
    pieces = {}
    for index, arg in zip(indices, n.args, strict=True):
        if any(e != o for k, (e, o) in enumerate(zip(index, others, strict=True)) if k != axis):
            return None
        entry = index[axis]
        if type(entry) is int:
            start, length = entry, 0
        else:
            start, length, step = entry
            if step != 1 or length != indices[0][axis][1]:
                return None
        pieces[start] = arg
    if sorted(pieces) != list(range(0, shape[axis], max(length, 1))):
        return None
    stack = rows_of([pieces[k] for k in sorted(pieces)])
    if stack is None:
        return None
    rows: Any = symbolic(stack)
    placed: Any = np.moveaxis(rows, 0, axis)
    if length:
        placed = np.reshape(placed, shape)
    found: Node = placed.node
    return found


def _shrinks(run: Sequence[Node], pieces: Sequence[Node]) -> bool:
    """Whether a run is long, or all that there is of an array: a few rows are as cheap as they are."""
    row = _row(run[0])
    if row is None or len(run) < 2:
        return False
    (x,) = row.args
    return len(run) >= _MANY or (len(run) == len(pieces) and len(run) == x.type.shape[0])


#: From how many pieces on an array of them is worth while.
_MANY = 16

ROWS: tuple[Algorithm, ...] = (rows_joined_again, rows_placed_again, runs_placed_again)
