"""Functions that write to their first argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """As :func:`numpy.copyto`."""
    dst[...] = src if where is True else np.where(where, src, dst)


def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """As :func:`numpy.put`."""
    size = int(np.size(a))
    places = np.ravel(ind)
    if mode == "wrap":
        places = places % size
    elif mode == "clip":
        places = np.clip(places, 0, size - 1)
    count = np.shape(places)[0]
    values = np.ravel(v)
    values = values[np.arange(count) % np.shape(values)[0]]
    if not np.ndim(a):
        if count:
            a[...] = values[count - 1]
        return
    a[np.unravel_index(places % size, np.shape(a))] = values


def putmask(a: Any, mask: Any, values: Any) -> None:
    """As :func:`numpy.putmask`."""
    values = np.ravel(values)
    repeated = values[np.arange(int(np.size(a))) % np.shape(values)[0]]
    a[...] = np.where(mask, np.reshape(repeated, np.shape(a)), a)


def place(arr: Any, mask: Any, vals: Any) -> None:
    """As :func:`numpy.place`."""
    (places,) = np.nonzero(np.ravel(mask))
    put(arr, places, vals)


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """As :func:`numpy.put_along_axis`."""
    if axis is None:
        put(arr, indices, values)
        return
    ndim = np.ndim(arr)
    shape = np.shape(arr)
    index = tuple(
        indices
        if a == axis % ndim
        else np.arange(shape[a]).reshape(tuple(-1 if k == a else 1 for k in range(ndim)))
        for a in range(ndim)
    )
    arr[index] = values


def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """As :func:`numpy.fill_diagonal` of a matrix."""
    shape = np.shape(a)
    count = min(shape)
    if len(shape) != 2 or (wrap and shape[0] > shape[1] + 1):
        raise TypeError("np.fill_diagonal is supported for a matrix, and without wrap=")
    every = np.arange(count)
    if np.ndim(val):
        val = np.ravel(val)
        val = val[every % np.shape(val)[0]]
    a[every, every] = val


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.copyto: copyto, np.put: put, np.putmask: putmask, np.place: place,
    np.put_along_axis: put_along_axis, np.fill_diagonal: fill_diagonal,
}  # fmt: skip
