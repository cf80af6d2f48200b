"""Sums, products, extrema and other reductions; running ones; and those that skip NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops import cumulative as run
from ...ops import reductions as red
from ...ops.structural import cast, reduce_sum, reshape, size, stop_gradient
from ..stack import stack


def as_array(x: Any) -> Any:
    """A traced array as it is, anything else as an array."""
    return x if hasattr(x, "node") else np.asarray(x)


def lengths(x: Any) -> tuple[int, ...]:
    """The shape in plain integers, which no formula names."""
    return tuple([int(n) for n in (x.shape if hasattr(x, "shape") else np.shape(x))])


def normalized_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """``axis`` as NumPy takes it, as ascending axes counted from the right."""
    if axis is None:
        return tuple(range(-ndim, 0))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not ndim and axes in ((0,), (-1,)):  # NumPy lets a number have one axis here
        return ()
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
    shape = lengths(x)
    return reshape(out, tuple(1 if k - len(shape) in axes else n for k, n in enumerate(shape)))


def count(x: Any, axes: tuple[int, ...]) -> Any:
    """The number of elements reduced over: a product of sizes, which formulas can name."""
    naming = hasattr(x, "recorder") and x.recorder.naming
    total: Any = 1
    for a in axes:
        n = size(x, a) if naming else int(x.shape[a])
        total = n if type(total) is int and total == 1 else total * n
    return total


def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = 0, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.sum`."""
    a = as_array(a) if dtype is None else cast(as_array(a), dtype)
    if where is not True:
        a = np.where(where, a, np.zeros((), a.dtype))
    axes = normalized_axes(axis, a.ndim)
    result = reduce_sum(a, axes)
    if keepdims:
        result = with_kept_axes(result, a, axes)
    return result if type(initial) is int and initial == 0 else result + initial


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         *, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.mean`."""
    a = as_array(a)
    axes = normalized_axes(axis, a.ndim)
    if where is not True:
        counts = np.sum(np.broadcast_to(where, lengths(a)), axis=axes, keepdims=keepdims)
        total = sum(a, axes, dtype, keepdims=keepdims, where=where)
        return total / (cast(counts, total.dtype) if total.dtype.kind in "fc" else counts)
    return sum(a, axes, dtype, keepdims=keepdims) / count(a, axes)


def prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
         initial: Any = 1, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.prod`."""
    a = as_array(a) if dtype is None else cast(as_array(a), dtype)
    if where is not True:
        a = np.where(where, a, np.ones((), a.dtype))
    result = _reduced(red.reduce_prod, a, axis, keepdims)
    whole = stack.traces[0] if stack.traces else None
    shown = whole is not None and (whole.twice or (whole.naming and np.ndim(result)))
    if shown and a.dtype.kind == "f" and a.size > ENTRIES:
        result = _by_logarithms(result, a, axis, keepdims)
    return result if type(initial) is int and initial == 1 else result * initial


#: Longer products are not written entry by entry in a formula.
ENTRIES = 6


def _by_logarithms(result: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """The same product with derivatives by ``1/x``, as a formula has them: no factor is 0 there."""
    sizes = np.sum(0.5 * np.log(a * a), axis=axis, keepdims=keepdims)
    return stop_gradient(result) * np.exp(sizes - stop_gradient(sizes))


def _reduced(row: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    axes = normalized_axes(axis, a.ndim)
    result = row(a, axes) if axes else a
    return with_kept_axes(result, a, axes) if keepdims else result


def _extreme(row: red.Extreme, pick: np.ufunc) -> Callable[..., Any]:
    def extreme(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
                initial: Any = None, where: Any = True) -> Any:  # fmt: skip
        a = as_array(a)
        if where is not True:
            if initial is None:
                raise ValueError(f"{row.name} with where= needs initial=, the value of no elements")
            a = np.where(where, a, np.asarray(initial, a.dtype))
        if initial is not None and 0 in lengths(a):
            shape = np.max(np.empty(lengths(a)), axis, keepdims=bool(keepdims), initial=0).shape
            return np.full(shape, initial, a.dtype)
        result = _reduced(row, a, axis, keepdims)
        return result if initial is None else pick(result, initial)

    extreme.__name__ = row.name
    extreme.__doc__ = f"As :func:`numpy.{row.name}`."
    return extreme


max = _extreme(red.reduce_max, np.maximum)
min = _extreme(red.reduce_min, np.minimum)


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """As :func:`numpy.ptp`."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


def _truth(row: red.Truth, neutral: bool) -> Callable[..., Any]:
    def truth(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
              *, where: Any = True) -> Any:  # fmt: skip
        a = as_array(a)
        a = a if a.dtype.kind == "b" else a != 0
        if where is not True:
            a = np.where(where, a, neutral)
        return _reduced(row, a, axis, keepdims)

    truth.__name__ = row.name
    truth.__doc__ = f"As :func:`numpy.{row.name}`."
    return truth


any = _truth(red.reduce_any, False)
all = _truth(red.reduce_all, True)


def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """As :func:`numpy.count_nonzero`."""
    return sum(as_array(a) != 0, axis, np.intp, keepdims=keepdims)


def _place_of(row: red.Rank) -> Callable[..., Any]:
    def place(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        a = as_array(a)
        if axis is None:
            result = row(np.ravel(a), -1)
            return reshape(result, (1,) * np.ndim(a)) if keepdims else result
        axes = normalized_axes(axis, a.ndim)
        result = row(a, axes[0])
        return with_kept_axes(result, a, axes) if keepdims else result

    place.__name__ = row.name
    place.__doc__ = f"As :func:`numpy.{row.name}`."
    return place


argmax = _place_of(red.argmax)
argmin = _place_of(red.argmin)


# -- running ---------------------------------------------------------------------------------------


def _running(row: Any) -> Callable[..., Any]:
    def running(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        a = as_array(a) if dtype is None else cast(as_array(a), dtype)
        if axis is None or not a.ndim:
            a, axis = np.ravel(a), -1
        return row(a, normalized_axes(axis, a.ndim)[0])

    running.__name__ = row.name
    running.__doc__ = f"As :func:`numpy.{row.name}`."
    return running


cumsum = _running(run.cumsum)
cumprod = _running(run.cumprod)


def _cumulative(running: Callable[..., Any], first: int) -> Callable[..., Any]:
    """The array API's form of a running reduction, which may begin with the empty one."""

    def cumulative(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None,
                   include_initial: bool = False) -> Any:  # fmt: skip
        if axis is None:
            if np.ndim(x) > 1:
                raise ValueError("a running reduction of an array with several axes needs axis=")
            axis = 0
        result = running(x, axis, dtype)
        if not include_initial:
            return result
        shape = list(lengths(result))
        shape[axis] = 1
        return np.concatenate([np.full(shape, first, result.dtype), result], axis=axis)

    return cumulative


# -- without NaN -----------------------------------------------------------------------------------


def _filled(reduction: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    """A reduction in which NaN counts as the neutral element."""

    def skipping(a: Any, *args: Any, **keywords: Any) -> Any:
        a = as_array(a)
        if a.dtype.kind in "fc":
            a = np.where(np.isnan(a), np.asarray(neutral, a.dtype), a)
        return reduction(a, *args, **keywords)

    return skipping


def _nan_extreme(extreme: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    fill = _filled(extreme, neutral)

    def skipping(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **rest: Any) -> Any:
        a = as_array(a)
        if a.dtype.kind not in "fc":
            return extreme(a, axis, keepdims=keepdims, **rest)
        empty = all(np.isnan(a), axis, keepdims=keepdims)
        return np.where(empty, np.asarray(np.nan, a.dtype), fill(a, axis, keepdims=keepdims, **rest))

    return skipping


def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
            *, where: Any = True) -> Any:  # fmt: skip
    """As :func:`numpy.nanmean`."""
    a = as_array(a)
    if a.dtype.kind not in "fc":
        return mean(a, axis, dtype, keepdims=keepdims, where=where)
    return mean(a, axis, dtype, keepdims=keepdims, where=~np.isnan(a) & where)


def _nan_place(place: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    def skipping(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        if np.any(all(np.isnan(a), axis)):
            raise ValueError("All-NaN slice encountered")
        return _filled(place, neutral)(a, axis, keepdims=keepdims)

    return skipping


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: sum, np.mean: mean, np.prod: prod,
    np.max: max, np.min: min, np.amax: max, np.amin: min, np.ptp: ptp,
    np.any: any, np.all: all, np.count_nonzero: count_nonzero,
    np.argmax: argmax, np.argmin: argmin,
    np.cumsum: cumsum, np.cumprod: cumprod,
    (np.maximum, "accumulate"): _running(run.cummax), (np.minimum, "accumulate"): _running(run.cummin),
    np.nansum: _filled(sum, 0), np.nanprod: _filled(prod, 1),
    np.nancumsum: _filled(cumsum, 0), np.nancumprod: _filled(cumprod, 1),
    np.nanmax: _nan_extreme(max, -np.inf), np.nanmin: _nan_extreme(min, np.inf),
    np.nanargmax: _nan_place(argmax, -np.inf), np.nanargmin: _nan_place(argmin, np.inf),
    np.nanmean: nanmean,
}  # fmt: skip
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    FUNCTIONS[np.cumulative_sum] = _cumulative(cumsum, 0)
    FUNCTIONS[np.cumulative_prod] = _cumulative(cumprod, 1)
