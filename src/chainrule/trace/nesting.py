"""Traced values in nested lists: whether there are any, and what array the lists make.

Whatever may be traced has a method ``__trace__``, which gives the trace that it belongs to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .tracer import Tracer

_PLAIN: frozenset[type] = frozenset(
    {float, int, bool, complex, str, slice, type(None), np.ndarray, np.float64}
)


def innermost(values: Any) -> Any:
    """The innermost trace that any of ``values``, nested in lists and tuples, belongs to."""
    found = None
    for value in values.values() if isinstance(values, dict) else values:
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind is Tracer:
            trace = value.recorder
        elif kind is list or kind is tuple or kind is dict:
            trace = innermost(value)
        else:
            ask = getattr(kind, "__trace__", None)
            trace = None if ask is None else ask(value)
        if trace is not None and (found is None or trace.level > found.level):
            found = trace
    return found


_NUMBERS = frozenset({float, int, complex, bool, np.float64})


def shape_and_leaves(values: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of nested lists, and their elements in order: numbers, or arrays of one shape."""
    if isinstance(values, list | tuple) and all(
        type(v) in _NUMBERS or (type(v) is Tracer and not v.node.type.shape) for v in values
    ):
        return (len(values),), list(values)
    if not isinstance(values, list | tuple) or issubclass(type(values), Tracer):
        return np.shape(values), [values]
    parts = [shape_and_leaves(v) for v in values]
    if not parts:
        return (0,), []
    shape = parts[0][0]
    if any(p[0] != shape for p in parts):
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous "
            "shape"
        )
    leaves = [leaf for _, own in parts for leaf in own]
    own = np.shape(leaves[0]) if leaves else ()
    if any(np.shape(leaf) != own for leaf in leaves):
        # Arrays beside lists: take everything apart.
        leaves = [e for leaf in leaves for e in (np.ravel(leaf) if np.ndim(leaf) else [leaf])]
    return (len(parts), *shape), leaves


def dtype_of(leaf: Any) -> np.dtype:
    """The dtype of an element."""
    dtype = getattr(leaf, "dtype", None)
    return np.asarray(leaf).dtype if dtype is None else dtype
