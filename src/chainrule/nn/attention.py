"""Scaled dot-product attention (Vaswani et al., Attention is all you need, 2017)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeMismatch
from .activations import softmax
from .layers import Parameters, linear, parameter


def attention(query: Any, key: Any, value: Any, mask: Any = None, *, causal: bool = False) -> Any:
    """``softmax(Q Kᵀ / √d) V``, with any number of leading axes.

    Parameters
    ----------
    query, key, value
        Of shapes ``(…, queries, d)``, ``(…, keys, d)``, ``(…, keys, features)``.
    mask
        True where a query may look at a key; broadcast against ``(…, queries, keys)``. A query that
        may look at none has NaN.
    causal
        Whether query ``i`` looks at keys ``0 … i`` alone.

    >>> attention(np.zeros((1, 2)), np.eye(2), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    d = np.shape(query)[-1]
    if np.shape(key)[-1] != d or np.shape(key)[-2] != np.shape(value)[-2]:
        raise ShapeMismatch(
            f"attention: query has shape {np.shape(query)}, key {np.shape(key)} and value "
            f"{np.shape(value)}. Query and key end in the same length, and each key has a value."
        )
    scores = query @ np.swapaxes(key, -1, -2) * (1.0 / math.sqrt(d))
    if causal:
        early = np.tri(np.shape(query)[-2], np.shape(key)[-2], dtype=bool)
        mask = early if mask is None else early & mask
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ value


def multi_head_attention(
    p: Parameters,
    x: Any,
    heads: int,
    context: Any = None,
    mask: Any = None,
    *,
    causal: bool = False,
) -> Any:
    """Attention in ``heads`` parts of the features, between linear layers.

    ``p`` has the parameters of four linear layers: ``query``, ``key``, ``value`` and ``output``.
    ``x`` is ``(…, length, features)``; keys and values come from ``context``, or from ``x``
    itself. Raises `ArgumentError` where the heads do not divide the features.

    >>> from chainrule import nn
    >>> rng = np.random.default_rng(0)
    >>> p = nn.init_multi_head_attention(rng, 8)
    >>> multi_head_attention(p, rng.normal(size=(5, 3, 8)), heads=2).shape
    (5, 3, 8)
    """
    context = x if context is None else context
    name = "multi_head_attention"
    query, key, value = (
        _split(linear(parameter(p, part, name), source), heads)
        for part, source in (("query", x), ("key", context), ("value", context))
    )
    found = np.swapaxes(attention(query, key, value, mask, causal=causal), -3, -2)
    joined = found.reshape(*np.shape(found)[:-2], np.shape(found)[-2] * np.shape(found)[-1])
    return linear(parameter(p, "output", name), joined)


def _split(y: Any, heads: int) -> Any:
    """(…, length, features) as (…, heads, length, features of a head)."""
    *leading, features = np.shape(y)
    if heads < 1 or features % heads:
        raise ArgumentError(
            f"multi_head_attention: {features} features do not part into {heads} heads. Give a "
            "number that divides them."
        )
    return np.swapaxes(y.reshape(*leading, heads, features // heads), -3, -2)
