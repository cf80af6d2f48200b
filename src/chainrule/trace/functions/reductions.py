"""Sums, means and other reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.structural import cast, reduce_sum, reshape, size


def normalized_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """``axis`` as NumPy takes it, as ascending axes counted from the right."""
    if axis is None:
        return tuple(range(-ndim, 0))
    axes = axis if isinstance(axis, tuple) else (axis,)
    normal = sorted(int(a) for a in axes)
    for a in normal:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(a, ndim)
    normal = sorted(a if a < 0 else a - ndim for a in normal)
    if len(set(normal)) < len(normal):
        raise ValueError("duplicate value in 'axis'")
    return tuple(normal)


def with_kept_axes(out: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """``out``, reduced over ``axes`` of ``x``, with these axes kept at length 1."""
    shape = np.shape(x)
    return reshape(out, tuple(1 if k - len(shape) in axes else int(n) for k, n in enumerate(shape)))


def count(x: Any, axes: tuple[int, ...]) -> Any:
    """The number of elements reduced over: a product of sizes, which formulas can name."""
    total: Any = 1
    for a in axes:
        n = size(x, a) if x.recorder.naming else int(np.shape(x)[a])
        total = n if type(total) is int and total == 1 else total * n
    return total


def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = 0, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.sum`."""
    if dtype is not None:
        a = cast(a, dtype)
    if where is not True:
        a = np.where(where, a, np.zeros((), a.dtype))
    axes = normalized_axes(axis, np.ndim(a))
    result = reduce_sum(a, axes)
    if keepdims:
        result = with_kept_axes(result, a, axes)
    return result if type(initial) is int and initial == 0 else result + initial


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         *, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.mean`."""
    axes = normalized_axes(axis, np.ndim(a))
    if where is not True:
        counts = np.sum(np.broadcast_to(where, np.shape(a)), axis=axes, keepdims=keepdims)
        return sum(a, axes, dtype, keepdims=keepdims, where=where) / counts
    return sum(a, axes, dtype, keepdims=keepdims) / count(a, axes)


FUNCTIONS = {np.sum: sum, np.mean: mean}
