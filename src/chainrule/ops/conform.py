"""Operands made alike: casts and broadcasts as nodes of their own."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..ir.literal import Literal
from ..ir.node import CONSTANT, Node, node
from .structural import broadcast, cast, reshape


def conform(n: Node, dtype: np.dtype | None, shape: tuple[int, ...] | None) -> Node:
    """``n`` cast to ``dtype`` and repeated to ``shape``, each as a node of its own."""
    if n.op is CONSTANT and not n.type.shape:
        return _number(n, dtype, shape)
    if dtype is not None:
        n = _literal_as(n, dtype) if n.op is CONSTANT else node(cast, (n,), (dtype, False))
    return n if shape is None else _repeated(n, shape)


@lru_cache(maxsize=1024)
def _number(n: Node, dtype: np.dtype | None, shape: tuple[int, ...] | None) -> Node:
    """The same for a number that stands in the program, of which a long one has few."""
    if dtype is not None:
        n = _literal_as(n, dtype)
    return n if shape is None else _repeated(n, shape)


def _literal_as(n: Node, dtype: np.dtype) -> Node:
    return node(CONSTANT, (), (Literal(n.params[0].array.astype(dtype), weak=False),))


def _repeated(n: Node, shape: tuple[int, ...]) -> Node:
    axes = range(-n.type.ndim, 0)
    kept = tuple(a for a in axes if n.type.shape[a] == shape[a])
    if len(kept) < n.type.ndim:  # an axis of length 1 is repeated: drop it, then add it anew
        n = node(reshape, (n,), (tuple(n.type.shape[a] for a in kept),))
    return n if n.type.shape == shape else node(broadcast, (n,), (shape, kept))
