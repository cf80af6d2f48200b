"""Soft maxima of what is equal along their axes: the weights are one over the count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.node import Node
from ..ir.primitive import Primitive
from ..ops.monomial import SOFTMAX, UNIT
from ..ops.transcendental import log


def soft_of_equal(algebra: Any, op: Primitive, x: Node, dropped: Sequence[int]) -> Node:
    """``softmax(c)`` is ``1/n``, and ``logsumexp(c)`` is ``c + log n``."""
    axes = algebra.axes(x)
    kept = [k for k in range(len(axes)) if k not in dropped]
    count = UNIT
    for p in dropped:
        count = count.by_size(axes[p])
    if op is SOFTMAX:
        result: Node = algebra.constant(count**-1, axes)
        return result
    size = algebra.apply(log, [algebra.constant(count)])
    spread = algebra.spread(size, tuple(axes[k] for k in kept), ())
    total: Node = algebra.total([algebra.without(x, kept), spread])
    return total
