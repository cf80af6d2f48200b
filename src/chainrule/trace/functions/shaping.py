"""Shapes and places: reshape, transpose, broadcast, stack, concatenate, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops import structural as st


def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    """As :func:`numpy.reshape`."""
    shape = newshape if shape is None else shape
    target = np.empty(np.shape(a), bool).reshape(shape).shape
    if order == "F":
        flipped = st.reshape(st.transpose(a), target[::-1])
        return st.transpose(flipped)
    return st.reshape(a, target)


def transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    """As :func:`numpy.transpose`."""
    return st.transpose(a, axes)


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """As :func:`numpy.broadcast_to`."""
    target = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    source = np.shape(array)
    if np.broadcast_shapes(source, target) != target:
        raise ValueError(f"could not broadcast {source} to {target}")
    if source == target:
        return array
    axes = [a for a in range(-len(source), 0) if source[a] == target[a]]
    return st.broadcast(st.reshape(array, tuple(source[a] for a in axes)), target, tuple(axes))


def ravel(a: Any, order: str = "C") -> Any:
    """As :func:`numpy.ravel`."""
    return reshape(a, -1, order)


def expand_dims(a: Any, axis: Any) -> Any:
    """As :func:`numpy.expand_dims`."""
    return st.reshape(a, np.expand_dims(np.empty(np.shape(a), bool), axis).shape)


def squeeze(a: Any, axis: Any = None) -> Any:
    """As :func:`numpy.squeeze`."""
    return st.reshape(a, np.squeeze(np.empty(np.shape(a), bool), axis).shape)


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """As :func:`numpy.moveaxis`."""
    return st.transpose(a, _permutation(np.moveaxis, np.ndim(a), source, destination))


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """As :func:`numpy.swapaxes`."""
    return st.transpose(a, _permutation(np.swapaxes, np.ndim(a), axis1, axis2))


def _permutation(function: Any, ndim: int, *args: Any) -> Sequence[int]:
    """The permutation that NumPy's function makes, read off the shape of an empty array."""
    probe = np.empty(range(2, ndim + 2), bool)
    return [n - 2 for n in function(probe, *args).shape]


def concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """As :func:`numpy.concatenate`."""
    parts = list(arrays)
    if axis is None:
        parts, axis = [np.ravel(p) for p in parts], 0
    ndim = np.ndim(parts[0])
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    probe = np.concatenate([np.empty(np.shape(p), bool) for p in parts], axis)  # NumPy's own checks
    del probe
    kind = np.result_type(*[p if isinstance(p, int | float) else p.dtype for p in map(_arrays, parts)])
    kind = kind if dtype is None else np.dtype(dtype)
    return st.concatenate([st.cast(p, kind) for p in parts], axis if axis < 0 else axis - ndim)


def _arrays(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)


def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """As :func:`numpy.stack`."""
    parts = list(arrays)
    if len({np.shape(p) for p in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    return concatenate([np.expand_dims(p, axis) for p in parts], axis, dtype=dtype)


FUNCTIONS = {
    np.reshape: reshape, np.transpose: transpose, np.broadcast_to: broadcast_to, np.ravel: ravel,
    np.expand_dims: expand_dims, np.squeeze: squeeze, np.moveaxis: moveaxis, np.swapaxes: swapaxes,
    np.concatenate: concatenate, np.stack: stack,
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
}  # fmt: skip
