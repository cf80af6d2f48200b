"""Samples on a grid: differences, integrals, interpolation, convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops import structural as st
from ...ops.indexing import gather
from .selection import as_array, normalized

#: What stands in NumPy for an argument that was not given.
UNSET: Any = np._NoValue  # noqa: SLF001


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """As :func:`numpy.diff`."""
    if n == 0:
        return a
    axis = normalized(axis, np.ndim(a))
    ends = [_end(end, a, axis) for end in (prepend, append)]
    if any(end is not None for end in ends):
        a = np.concatenate([p for p in (ends[0], a, ends[1]) if p is not None], axis)
    lead = (slice(None),) * (axis + np.ndim(a))
    for _ in range(n):
        later, earlier = a[(*lead, slice(1, None))], a[(*lead, slice(None, -1))]
        a = later != earlier if a.dtype == np.bool_ else later - earlier
    return a


def _end(end: Any, a: Any, axis: int) -> Any:
    """What goes before or after ``a``; a number is one layer."""
    if end is None or end is UNSET:
        return None
    shape = [1 if k - np.ndim(a) == axis else n for k, n in enumerate(np.shape(a))]
    return np.broadcast_to(end, tuple(shape)) if np.ndim(end) == 0 else end


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """As :func:`numpy.ediff1d`."""
    ary = ary if hasattr(ary, "dtype") else np.asarray(ary)
    result = diff(np.ravel(ary))
    parts = [to_begin, result, to_end]
    return np.concatenate(
        [st.cast(np.ravel(as_array(p)), ary.dtype) for p in parts if p is not None]
    )


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """As :func:`numpy.gradient`: second-order differences on a grid, even or uneven."""
    ndim = np.ndim(f)
    given = range(-ndim, 0) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [normalized(a, ndim) for a in given]
    if not varargs:
        spacings: list[Any] = [1.0] * len(axes)
    elif len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        spacings = list(varargs) * len(axes)
    elif len(varargs) == len(axes):
        spacings = list(varargs)
    else:
        raise TypeError("invalid number of arguments")
    dtype = f.dtype if f.dtype.kind in "fc" else float
    results = [
        st.cast(_slopes(f, h, a, edge_order), dtype) for a, h in zip(axes, spacings, strict=True)
    ]
    return results[0] if len(axes) == 1 else tuple(results)


def _slopes(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    lead = (slice(None),) * (axis + np.ndim(f))
    length = np.shape(f)[axis]
    if length < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )

    def at(start: int | None, stop: int | None) -> Any:
        return f[(*lead, slice(start, stop))]

    if np.ndim(h) == 0:
        inner = (at(2, None) - at(None, -2)) / (2 * h)
        if edge_order == 1:
            first, last = (at(1, 2) - at(0, 1)) / h, (at(-1, None) - at(-2, -1)) / h
        else:
            first = (-1.5 * at(0, 1) + 2 * at(1, 2) - 0.5 * at(2, 3)) / h
            last = (0.5 * at(-3, -2) - 2 * at(-2, -1) + 1.5 * at(-1, None)) / h
        return np.concatenate([first, inner, last], axis)
    steps = np.diff(h)
    wide = (-1, *(1,) * (-axis - 1))
    before, after = np.reshape(steps[:-1], wide), np.reshape(steps[1:], wide)
    inner = (
        -after / (before * (before + after)) * at(None, -2)
        + (after - before) / (before * after) * at(1, -1)
        + before / (after * (before + after)) * at(2, None)
    )
    if edge_order == 1:
        first, last = (at(1, 2) - at(0, 1)) / steps[0], (at(-1, None) - at(-2, -1)) / steps[-1]
    else:
        p, q = steps[0], steps[1]
        first = (
            -(2 * p + q) / (p * (p + q)) * at(0, 1)
            + (p + q) / (p * q) * at(1, 2)
            - p / (q * (p + q)) * at(2, 3)
        )
        p, q = steps[-2], steps[-1]
        last = (
            q / (p * (p + q)) * at(-3, -2)
            - (p + q) / (p * q) * at(-2, -1)
            + (2 * q + p) / (q * (p + q)) * at(-1, None)
        )
    return np.concatenate([first, inner, last], axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """As :func:`numpy.trapezoid`."""
    y, x = as_array(y), as_array(x)
    axis = normalized(axis, np.ndim(y))
    lead = (slice(None),) * (axis + np.ndim(y))
    width = dx
    if x is not None:
        width = (
            diff(x, axis=axis) if np.ndim(x) > 1 else np.reshape(diff(x), (-1, *(1,) * (-axis - 1)))
        )
    return np.sum(
        width * (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2.0, axis=axis
    )


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    """As :func:`numpy.interp`. At a knot the slope is that of the piece to the right."""
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if period is not None:
        period = abs(period)
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    last = np.shape(xp)[0] - 1
    if last == 0:
        inside = fp[0] + 0 * x
    else:
        j = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, last - 1)
        x0, f0 = gather(xp, [j], (-1,)), gather(fp, [j], (-1,))
        slope = (gather(fp, [j + 1], (-1,)) - f0) / (gather(xp, [j + 1], (-1,)) - x0)
        inside = np.where(x == xp[last], fp[last], f0 + slope * (x - x0))
    inside = np.where(x < xp[0], fp[0] if left is None else left, inside)
    return np.where(x > xp[last], fp[last] if right is None else right, inside)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """As :func:`numpy.convolve`."""
    a, v = np.atleast_1d(as_array(a)), np.atleast_1d(as_array(v))
    if np.shape(v)[0] > np.shape(a)[0]:
        a, v = v, a
    n, m = int(np.shape(a)[0]), int(np.shape(v)[0])
    if not m:
        raise ValueError("v cannot be empty")
    if mode == "full":
        a, n = np.pad(a, (m - 1, m - 1)), n + 2 * (m - 1)
    elif mode == "same":
        a, n = np.pad(a, (m // 2, (m - 1) // 2)), n + m - 1
    # Windows of the longer array, as rows: one matrix product.
    windows = np.arange(n - m + 1)[:, None] + np.arange(m)[::-1]
    return gather(a, [windows], (-1,)) @ v


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """As :func:`numpy.correlate`."""
    a, v = as_array(a), as_array(v)
    if np.shape(v)[0] > np.shape(a)[0]:  # NumPy swaps the two, and reverses the result
        return (
            convolve(a, np.conj(v)[::-1], mode)
            if mode == "full"
            else np.conj(correlate(v, a, mode))[::-1]
        )
    return convolve(a, np.conj(v)[::-1], mode)


# -- grids and triangles ---------------------------------------------------------------------------


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """As :func:`numpy.linspace`."""
    num = int(num)
    parts = num - 1 if endpoint else num
    fractions = np.arange(num) / max(parts, 1)
    ndim = max(np.ndim(start), np.ndim(stop))
    fractions = fractions.reshape(-1, *(1,) * ndim)
    result = start * (1.0 - fractions) + stop * fractions
    if dtype is not None:
        result = st.cast(np.floor(result) if np.dtype(dtype).kind in "iu" else result, dtype)
    result = np.moveaxis(result, 0, axis) if ndim else result
    return (result, (stop - start) / parts if parts else np.nan) if retstep else result


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    """As :func:`numpy.logspace`."""
    start, stop, base = as_array(start), as_array(stop), as_array(base)
    result = base ** linspace(start, stop, num, endpoint, axis=axis)
    return result if dtype is None else st.cast(result, dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """As :func:`numpy.geomspace`, of positive ends."""
    result = np.exp(linspace(np.log(start), np.log(stop), num, endpoint, axis=axis))
    return result if dtype is None else st.cast(result, dtype)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """As :func:`numpy.meshgrid`."""
    ndim = len(xi)
    order = list(range(ndim))
    if indexing == "xy" and ndim > 1:
        order[0], order[1] = 1, 0
    columns = []
    for k, x in enumerate(xi):
        flat = np.ravel(x)
        columns.append(
            st.reshape(
                flat, tuple(int(np.shape(flat)[0]) if a == order[k] else 1 for a in range(ndim))
            )
        )
    return tuple(columns) if sparse else np.broadcast_arrays(*columns)


def tril(m: Any, k: int = 0) -> Any:
    """As :func:`numpy.tril`."""
    return np.where(np.tri(*_corner(m), k, bool), m, np.zeros((), m.dtype))


def triu(m: Any, k: int = 0) -> Any:
    """As :func:`numpy.triu`."""
    return np.where(np.tri(*_corner(m), k - 1, bool), np.zeros((), m.dtype), m)


def _corner(m: Any) -> tuple[int, int]:
    """The size of each matrix; a vector is each row of a square one."""
    rows, columns = np.shape(m)[-2:] if np.ndim(m) > 1 else (np.shape(m)[0],) * 2
    return rows, columns


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.diff: diff, np.ediff1d: ediff1d, np.gradient: gradient, np.trapezoid: trapezoid,
    np.interp: interp, np.convolve: convolve, np.correlate: correlate,
    np.linspace: linspace, np.logspace: logspace, np.geomspace: geomspace, np.meshgrid: meshgrid,
    np.tril: tril, np.triu: triu,
}  # fmt: skip
