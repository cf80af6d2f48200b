"""Rows that were taken from an array one by one, as one array again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ops.structural import concatenate, place, slice_
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


@algorithm(concatenate, heads={0: (slice_,)}, of_arrays=True)
def rows_joined_again(n: Node) -> Node | None:
    """Slices that are taken one after another from an array, and joined, are a slice of it."""
    if not _shrinks(n):
        return None
    stack = rows_of(n.args)
    if stack is None:
        return None
    rows: Any = symbolic(stack)
    axis = n.params[0] + n.type.ndim
    joined: Node = np.reshape(np.moveaxis(rows, 0, axis), n.type.shape).node  # type: ignore[attr-defined]
    return joined


@algorithm(place, heads={0: (slice_,)}, of_arrays=True)
def rows_placed_again(n: Node) -> Node | None:
    """Slices that are put side by side until all is covered are the array they come from."""
    shape, indices = n.params
    if len(indices) < 2 or not shape or len(n.args) != len(indices) or not _shrinks(n):
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


def _shrinks(n: Node) -> bool:
    """Whether the pieces are many, or all that there is of the array: few are as cheap as they are."""
    if any(a.op is not slice_ for a in n.args):  # but broadcasts of slices
        return False
    (x,) = n.args[0].args
    return len(n.args) >= _MANY or len(n.args) == x.type.shape[0]


#: From how many pieces on an array of them is worth while.
_MANY = 16

ROWS: tuple[Algorithm, ...] = (rows_joined_again, rows_placed_again)
