"""Along which axes a mask is the same everywhere, as its nodes tell, and what it is there.

A mask that is made for rows and repeated along them stays a mask of rows whatever a row is put
through: a solve, a softmax, a product with a matrix.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..ir.node import CONSTANT, INPUT, Node, node
from .contraction import einsum, split_subscripts
from .indexing import gather, scatter_add
from .structural import broadcast, cast, place, reshape, slice_, transpose

#: How far back a mask is read.
_DEPTH = 24


def steady(n: Node, axes: tuple[int, ...], depth: int = _DEPTH) -> bool:
    """Whether ``n`` is the same all along ``axes``, counted from the right."""
    shape = n.type.shape
    axes = tuple(a for a in axes if shape[a] != 1)
    if not axes:
        return True
    if n.op is CONSTANT:
        array = n.params[0].array
        return bool((array == array[tuple(slice(0, 1) if a - len(shape) in axes else slice(None) for a in range(len(shape)))]).all())
    before = _before(n, axes) if depth else None
    return before is not None and all(steady(a, own, depth - 1) for a, own in before)


def _before(n: Node, axes: tuple[int, ...]) -> list[tuple[Node, tuple[int, ...]]] | None:
    """What must be the same, and along which axes, for ``n`` to be so along ``axes``."""
    op: Any = n.op
    if hasattr(op, "partials"):  # elementwise
        return [(a, axes) for a in n.args]
    if op is cast:
        return [(n.args[0], axes)]
    if op is broadcast:
        (x,) = n.args
        places = n.params[1]
        return [(x, tuple(k - len(places) for k, a in enumerate(places) if a in axes))]
    if op is transpose:
        return [(n.args[0], tuple(n.params[0][a] if -a <= len(n.params[0]) else a for a in axes))]
    if op is reshape:
        return _of_reshaped(n, axes)
    if op is slice_:
        index = n.params[0]
        stay = [k - len(index) for k, e in enumerate(index) if not isinstance(e, int)]
        gone = len(index) - len(stay)
        return [(n.args[0], tuple(stay[a] if -a <= len(stay) else a - gone for a in axes))]
    if op is place:
        return _of_placed(n, axes)
    if op is einsum:
        return _of_diagonal(n, axes)
    if op is gather or op is scatter_add:
        # Along an axis that is not indexed, beside one that is indexed by a vector.
        every = n.params[0] if op is gather else n.params[1]
        groups = (every,) if op is gather else every
        if len(groups) != 1 or len(groups[0]) != 1 or len(n.args) != 2 or n.args[1].type.ndim != 1:
            return None
        return None if groups[0][0] in axes else [(n.args[0], axes)]
    return None


def _of_reshaped(n: Node, axes: tuple[int, ...]) -> list[tuple[Node, tuple[int, ...]]] | None:
    """The last axes from the first of these on are as many elements as some last axes before."""
    shape, before = n.type.shape, n.args[0].type.shape
    for count in range(-min(axes), len(shape) + 1):
        for k in range(len(before) + 1):
            if prod(before[len(before) - k :]) == prod(shape[len(shape) - count :]):
                return [(n.args[0], tuple(range(-k, 0)))]
    return None


def _of_placed(n: Node, axes: tuple[int, ...]) -> list[tuple[Node, tuple[int, ...]]] | None:
    shape, indices = n.params
    found = []
    for piece, index in zip(n.args, indices, strict=True):
        for a in axes:
            if -a <= len(index) and index[a] != (0, shape[a], 1):
                return None
        gone = [k - len(index) for k, e in enumerate(index) if isinstance(e, int)]
        found.append((piece, tuple(a + sum(g > a for g in gone) for a in axes)))
    return found


def _of_diagonal(n: Node, axes: tuple[int, ...]) -> list[tuple[Node, tuple[int, ...]]] | None:
    """What lies on a diagonal is there at the first place of all its axes, if anywhere."""
    inputs, output = split_subscripts(n.params[0])
    taken = {output[a] for a in axes}
    if len(inputs) != 1 or len(set(inputs[0])) < len(inputs[0]) or set(inputs[0]) != set(output):
        return None
    if any(c in taken and k - len(output) not in axes for k, c in enumerate(output)):
        return None
    return [(n.args[0], tuple(k - len(inputs[0]) for k, c in enumerate(inputs[0]) if c in taken))]


def given(n: Node, depth: int = _DEPTH) -> bool:
    """Whether ``n`` is a mask that the program was given, moved and repeated at most."""
    if n.op is INPUT or n.op is CONSTANT:
        return True
    moved = n.op in (broadcast, cast, reshape, transpose, slice_) or hasattr(n.op, "partials")
    return moved and depth > 0 and all(a.type.dtype.kind == "b" and given(a, depth - 1) for a in n.args)


def first(n: Node, axes: tuple[int, ...]) -> Node:
    """``n`` at the first place along ``axes``, without them."""
    shape = n.type.shape
    if not axes:
        return n
    index = tuple(0 if a in axes else (0, shape[a], 1) for a in range(-len(shape), 0))
    return node(slice_, (n,), (index,))


def cover(n: Node, axes: tuple[int, ...]) -> Node | None:
    """A mask, without ``axes``, of the rows along them in which ``n`` may be true; if not of all."""
    op: Any = n.op
    if steady(n, axes):
        mask = first(n, axes)
        return None if n.op is CONSTANT and n.params[0].array.all() else mask
    if op.name in ("logical_and", "logical_or"):
        parts = [cover(a, axes) for a in n.args]
        found = [p for p in parts if p is not None]
        if len(found) < 1 + (op.name == "logical_or"):
            return None
        return found[0] if len(found) == 1 else op.build(tuple(found))
    if op is broadcast:
        return _cover_of_repeated(n, axes)
    return _cover_of_placed(n, axes) if op is place else None


def _cover_of_repeated(n: Node, axes: tuple[int, ...]) -> Node | None:
    shape, places = n.params
    own = tuple(k - len(places) for k, a in enumerate(places) if a in axes)
    covering = cover(n.args[0], own) if own else n.args[0]
    if covering is None:
        return None
    left = tuple(shape[a] for a in range(-len(shape), 0) if a not in axes)
    where = tuple(a + sum(g > a for g in axes) for a in places if a not in axes)
    return covering if covering.type.shape == left else node(broadcast, (covering,), (left, where))


def _cover_of_placed(n: Node, axes: tuple[int, ...]) -> Node | None:
    """The cover of pieces, placed as they are along the other axes."""
    shape, indices = n.params
    if len(n.type.shape) != len(shape) or len(axes) == len(shape):
        return None
    pieces, rests = [], []
    for piece, index in zip(n.args, indices, strict=True):
        gone = [k - len(index) for k, e in enumerate(index) if isinstance(e, int)]
        own = tuple(a + sum(g > a for g in gone) for a in axes if a not in gone)
        if not steady(piece, own):
            return None
        pieces.append(first(piece, own))
        rests.append(tuple(index[a] for a in range(-len(shape), 0) if a not in axes))
    left = tuple(shape[a] for a in range(-len(shape), 0) if a not in axes)
    if all(p.op is CONSTANT for p in pieces) and place.covers(left, tuple(rests)):
        return None
    return node(place, tuple(pieces), (left, tuple(rests)))
