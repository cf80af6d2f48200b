"""Choosing elements: by condition, by index, by order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops import structural as st
from ...ops.elementwise import where as select_elements
from ...ops.indexing import gather, scatter_add, take_along
from ...ops.reductions import argsort as argsort_row
from ...ops.search import argpartition as argpartition_row
from ...ops.search import searchsorted as searchsorted_row
from ..indexing import nonzero, places, unravel


def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """As :func:`numpy.where`."""
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return select_elements(condition, x, y)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """As :func:`numpy.select`."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = select_elements(condition, choice, result)
    return result


def choose(a: Any, choices: Sequence[Any], out: Any = None, mode: str = "raise") -> Any:
    """As :func:`numpy.choose`."""
    count = len(choices)
    if mode == "wrap":
        a = np.remainder(a, count)
    elif mode == "clip":
        a = np.clip(a, 0, count - 1)
    result = choices[-1]
    for k in range(count - 2, -1, -1):
        result = select_elements(np.equal(a, k), choices[k], result)
    return np.broadcast_to(result, np.broadcast_shapes(np.shape(a), np.shape(result)))


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **keywords: Any) -> Any:
    """As :func:`numpy.piecewise`; the functions are called on the elements where they apply."""
    conditions = [condlist] if np.ndim(condlist) == np.ndim(x) else list(condlist)
    functions = list(funclist)
    if len(functions) == len(conditions) + 1:
        conditions.append(~np.any(np.stack(conditions), axis=0))
    result = np.zeros(np.shape(x), x.dtype if hasattr(x, "dtype") else float)
    for condition, function in zip(conditions, functions, strict=True):
        if callable(function):
            flat = places(np.ravel(condition))
            if not np.size(flat):
                continue
            value = function(np.take(np.ravel(x), flat), *args, **keywords)
            value = np.broadcast_to(value, np.shape(flat))
            value = st.reshape(
                scatter_add([(value, (flat,), (-1,))], (int(np.size(x)),)), np.shape(x)
            )
        else:
            value = function
        result = select_elements(condition, st.cast(value, result.dtype), result)
    return result


# -- by index --------------------------------------------------------------------------------------


def take(
    a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Any:
    """As :func:`numpy.take`."""
    if axis is None or not np.ndim(a):
        a, axis = np.ravel(a), 0
    ndim = np.ndim(a)
    axis = normalized(axis, ndim)
    length = np.shape(a)[axis]
    if isinstance(indices, list | tuple):
        indices = np.asarray(indices, np.intp)
    if mode == "wrap":
        indices = np.remainder(indices, length)
    elif mode == "clip":
        indices = np.clip(indices, 0, length - 1)
    return a[(*(slice(None),) * (axis + ndim), indices)]


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """As :func:`numpy.take_along_axis`."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    ndim = np.ndim(arr)
    if np.ndim(indices) != ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    axis = normalized(axis, ndim)
    shape, theirs = list(np.shape(arr)), list(np.shape(indices))
    length, count = shape[axis], theirs[axis]
    shape[axis] = theirs[axis] = 1
    lead = list(np.broadcast_shapes(tuple(shape), tuple(theirs)))
    arr = np.broadcast_to(arr, (*lead[: axis + ndim], length, *lead[axis + ndim + 1 :]))
    indices = np.broadcast_to(indices, (*lead[: axis + ndim], count, *lead[axis + ndim + 1 :]))
    return take_along(arr, indices, axis)


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    """As :func:`numpy.compress`."""
    return take(
        a, places(condition if hasattr(condition, "dtype") else np.asarray(condition)), axis
    )


def extract(condition: Any, arr: Any) -> Any:
    """As :func:`numpy.extract`."""
    return take(np.ravel(arr), places(np.ravel(condition)))


def argwhere(a: Any) -> Any:
    """As :func:`numpy.argwhere`."""
    return np.transpose(np.stack(nonzero(np.atleast_1d(a))))


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """As :func:`numpy.delete`."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    length = np.shape(arr)[axis]
    return take(arr, np.delete(np.arange(length), obj), axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """As :func:`numpy.insert`."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    ndim = np.ndim(arr)
    axis = axis % ndim
    length = np.shape(arr)[axis]
    if np.ndim(obj) == 0 and np.ndim(values) > 0 and not isinstance(obj, slice):
        # For one place, `values` is put in as it stands, its first axis along `axis`.
        values = np.moveaxis(np.expand_dims(values, tuple(range(ndim - np.ndim(values)))), 0, axis)
        count = np.shape(values)[axis]
        numbers = np.insert(np.arange(length), obj, np.full(count, -1))
    else:
        numbers = np.insert(np.arange(length), obj, -1)
        count = int(np.sum(numbers < 0))
    shape = list(np.shape(arr))
    shape[axis] = count
    values = st.cast(np.broadcast_to(values, tuple(shape)), arr.dtype)
    order = np.where(numbers < 0, length + np.cumsum(numbers < 0) - 1, numbers)
    return take(np.concatenate([arr, values], axis), order, axis)


# -- by order --------------------------------------------------------------------------------------


def argsort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """As :func:`numpy.argsort`, always stable."""
    if axis is None:
        a, axis = np.ravel(a), -1
    return argsort_row(a, normalized(axis, np.ndim(a)))


def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    """As :func:`numpy.sort`."""
    if axis is None:
        a, axis = np.ravel(a), -1
    axis = normalized(axis, np.ndim(a))
    return take_along(a, argsort_row(a, axis), axis)


def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """As :func:`numpy.argpartition`."""
    if axis is None:
        a, axis = np.ravel(a), -1
    length = np.shape(a)[axis]
    places_ = tuple(int(k) % length for k in np.atleast_1d(kth))
    return np.moveaxis(argpartition_row(np.moveaxis(a, axis, -1), places_), -1, axis)


def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Any:
    """As :func:`numpy.partition`."""
    if axis is None:
        a, axis = np.ravel(a), -1
    return take_along(a, argpartition(a, kth, axis), normalized(axis, np.ndim(a)))


def sort_complex(a: Any) -> Any:
    """As :func:`numpy.sort_complex`."""
    return sort(st.cast(a, np.result_type(a.dtype, np.complex64)))


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """As :func:`numpy.searchsorted`: integers, with no derivative."""
    if sorter is not None:
        a = take(a, sorter)
    return searchsorted_row(a, v, side)


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """As :func:`numpy.digitize`."""
    ascending = bool(np.all(bins[1:] >= bins[:-1]))
    if ascending:
        return searchsorted_row(bins, x, "left" if right else "right")
    return np.size(bins) - searchsorted_row(bins[::-1], x, "right" if right else "left")


def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: int | None = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """As :func:`numpy.unique`; which elements are equal is a decision of the program."""
    values = ar.recorder.decide_array(ar)
    _, index, inverse, counts = np.unique(values, True, True, True, axis, equal_nan=equal_nan)
    result = [take(np.ravel(ar) if axis is None else ar, index, 0 if axis is None else axis)]
    wanted = (return_index, return_inverse, return_counts)
    result += [r for r, want in zip((index, inverse, counts), wanted, strict=True) if want]
    return result[0] if len(result) == 1 else tuple(result)


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """As :func:`numpy.bincount`, differentiable in the weights."""
    if hasattr(x, "recorder"):
        x = x.recorder.decide_array(x)
    if weights is None:
        return np.bincount(x, minlength=minlength)
    x = np.asarray(x)
    length = max(int(x.max()) + 1 if x.size else 0, minlength)
    return scatter_add([(st.cast(weights, float), (x,), (-1,))], (length,))


def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """As :func:`numpy.lib.stride_tricks.sliding_window_view`."""
    windows = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    axes = (range(np.ndim(x)) if axis is None else axis if np.iterable(axis) else (axis,))
    axes = tuple(normalized(a, np.ndim(x)) + np.ndim(x) for a in axes)
    if len(axes) != len(windows):
        raise ValueError("window_shape must have one length for each axis")
    for at, width in zip(axes, map(int, windows), strict=True):
        count = int(np.shape(x)[at]) - width + 1
        if width < 0 or count < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        index = np.arange(count)[:, None] + np.arange(width)
        x = np.moveaxis(gather(x, (index,), (at - np.ndim(x),)), at + 1, -1)
    return x


def as_array(x: Any) -> Any:
    """A list or tuple as an array, of which some elements may be traced."""
    if not isinstance(x, list | tuple):
        return x
    if any(hasattr(type(e), "__record__") for e in x):
        return np.stack(x)
    return (
        np.stack([as_array(e) for e in x])
        if x and isinstance(x[0], list | tuple)
        else np.asarray(x)
    )


def normalized(axis: Any, ndim: int) -> int:
    """An axis counted from the right."""
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    number = int(axis)
    return number if number < 0 else number - ndim


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: where, np.select: select, np.choose: choose, np.piecewise: piecewise,
    np.take: take, np.take_along_axis: take_along_axis, np.compress: compress, np.extract: extract,
    np.nonzero: nonzero, np.flatnonzero: lambda a: places(np.ravel(a)), np.argwhere: argwhere,
    np.delete: delete, np.insert: insert,
    np.argsort: argsort, np.sort: sort, np.argpartition: argpartition, np.partition: partition,
    np.sort_complex: sort_complex, np.searchsorted: searchsorted, np.digitize: digitize,
    np.unique: unique, np.unravel_index: lambda indices, shape, order="C": unravel(indices, shape),
    np.bincount: bincount, np.lib.stride_tricks.sliding_window_view: sliding_window_view,
}  # fmt: skip
