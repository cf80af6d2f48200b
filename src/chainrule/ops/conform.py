"""Operands made alike: casts and broadcasts as nodes of their own."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..ir.literal import Literal
from ..ir.node import CONSTANT, Node, node
from .structural import broadcast, cast, reshape


def conform(n: Node, dtype: np.dtype | None, shape: tuple[int, ...] | None) -> Node:
    """``n`` cast to ``dtype`` and repeated to ``shape``, each as a node of its own."""
    if dtype is not None:
        if n.op is CONSTANT:
            n = node(CONSTANT, (), (_literal_as(n.params[0], dtype),))
        else:
            n = node(cast, (n,), (dtype, False))
    if shape is not None:
        axes = range(-n.type.ndim, 0)
        kept = tuple(a for a in axes if n.type.shape[a] == shape[a])
        if len(kept) < n.type.ndim:  # an axis of length 1 is repeated: drop it, then add it anew
            n = node(reshape, (n,), (tuple(n.type.shape[a] for a in kept),))
        if n.type.shape != shape:
            n = node(broadcast, (n,), (shape, kept))
    return n


@lru_cache(maxsize=1024)
def _literal_as(literal: Literal, dtype: np.dtype) -> Literal:
    return Literal(literal.array.astype(dtype), weak=False)
