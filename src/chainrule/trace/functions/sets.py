"""Sets and orders: which elements belong to the result is a decision of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops.indexing import take_along
from ...ops.reductions import argsort
from .reductions import lengths
from .selection import as_array, normalized, take, unique


def _decided(x: Any) -> np.ndarray:
    """The values of an array, kept as a decision if it is traced."""
    return x.recorder.decide_array(x) if hasattr(x, "recorder") else np.asarray(x)


def _flat(x: Any) -> Any:
    x = as_array(x)
    return np.ravel(x if hasattr(x, "dtype") else np.asarray(x))


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *,
    kind: Any = None,
) -> Any:  # fmt: skip
    """As :func:`numpy.isin`: booleans, with no derivative."""
    found = np.any(np.equal(np.expand_dims(as_array(element), -1), _flat(test_elements)), axis=-1)
    return ~found if invert else found


def union1d(ar1: Any, ar2: Any) -> Any:
    """As :func:`numpy.union1d`."""
    return unique(np.concatenate([_flat(ar1), _flat(ar2)]))


def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """As :func:`numpy.intersect1d`; a common element is that of the first array."""
    first, second = _flat(ar1), _flat(ar2)
    _, i, j = np.intersect1d(_decided(first), _decided(second), assume_unique, return_indices=True)
    common = take(first, i)
    return (common, i, j) if return_indices else common


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """As :func:`numpy.setdiff1d`."""
    first, second = _flat(ar1), _flat(ar2)
    values = _decided(first)
    chosen = np.arange(values.size) if assume_unique else np.unique(values, return_index=True)[1]
    return take(first, chosen[~np.isin(values[chosen], _decided(second))])


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """As :func:`numpy.setxor1d`."""
    both = np.concatenate([setdiff1d(ar1, ar2, assume_unique), setdiff1d(ar2, ar1, assume_unique)])
    return take(both, np.argsort(_decided(both), kind="stable"))


def _unique(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns the unique values, alone or first of several."""

    def of(x: Any, /, **keywords: Any) -> Any:
        found = function(_decided(x), **keywords)
        values = unique(x, equal_nan=False)
        return found._replace(values=values) if hasattr(found, "_replace") else values

    return of


def lexsort(keys: Any, axis: int = -1) -> Any:
    """As :func:`numpy.lexsort`: the last key comes first."""
    rows: Sequence[Any] = keys if isinstance(keys, list | tuple) else [keys[k] for k in range(len(keys))]
    order: Any = None
    for key in rows:
        place = normalized(axis, np.ndim(key))
        if order is None:
            order = argsort(key, place)
        else:
            order = take_along(order, argsort(take_along(key, order, place), place), place)
    return order


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """As :func:`numpy.trim_zeros`; where it is zero is a decision of the program."""
    ndim = np.ndim(filt)
    filled = _decided(np.not_equal(filt, 0))
    axes = range(ndim) if axis is None else [a % ndim for a in np.atleast_1d(axis)]
    index: list[Any] = [slice(None)] * ndim
    for a in axes:
        places = np.flatnonzero(filled.any(tuple(k for k in range(ndim) if k != a)))
        first = int(places[0]) if places.size and "f" in trim.lower() else 0
        last = int(places[-1]) + 1 if places.size and "b" in trim.lower() else None
        index[a] = slice(first, last if places.size else 0)
    return filt[tuple(index)]


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """As :func:`numpy.apply_over_axes`."""
    ndim = np.ndim(a)
    for axis in np.ravel(axes):
        result = func(a, int(axis) % ndim)
        a = result if np.ndim(result) == ndim else np.expand_dims(result, int(axis) % ndim)
    return a


def _shape_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the shape of an array alone."""
    return lambda arr, *args, **keywords: function(np.broadcast_to(0.0, lengths(arr)), *args, **keywords)


def _diagonal(arr: Any) -> Any:
    shape = lengths(arr)
    if len(shape) < 2 or len(set(shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length, and there must be two")
    return np.diag_indices(shape[0], len(shape))


def einsum_path(*operands: Any, **keywords: Any) -> Any:
    """As :func:`numpy.einsum_path`: of the shapes alone."""
    return np.einsum_path(
        *[np.broadcast_to(0.0, lengths(x)) if hasattr(x, "node") else x for x in operands], **keywords
    )


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.isin: isin, np.union1d: union1d, np.intersect1d: intersect1d, np.setdiff1d: setdiff1d,
    np.setxor1d: setxor1d, np.lexsort: lexsort, np.trim_zeros: trim_zeros,
    np.unique_all: _unique(np.unique_all), np.unique_counts: _unique(np.unique_counts),
    np.unique_inverse: _unique(np.unique_inverse), np.unique_values: _unique(np.unique_values),
    np.apply_over_axes: apply_over_axes, np.diag_indices_from: _diagonal,
    np.tril_indices_from: _shape_only(np.tril_indices_from),
    np.triu_indices_from: _shape_only(np.triu_indices_from), np.einsum_path: einsum_path,
}  # fmt: skip
