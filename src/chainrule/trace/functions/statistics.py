"""Statistics: variances, weighted means, covariances, and quantiles by way of a sort."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops.indexing import gather, take_along
from ...ops.reductions import argsort, norm
from ...ops.structural import cast, reshape
from ..site import here
from .reductions import as_array, count, lengths, normalized_axes, with_kept_axes
from .reductions import mean as mean_of
from .reductions import sum as sum_of


def _deviations(a: Any, axes: tuple[int, ...], mean: Any, where: Any, ddof: Any) -> tuple[Any, Any]:
    """The differences from the mean, and by how many their squares are divided."""
    center = mean_of(a, axes, keepdims=True, where=where) if mean is None else mean
    apart = a - center
    if where is True:
        n = count(a, axes)
    else:
        apart = np.where(where, apart, np.zeros((), apart.dtype))
        n = sum_of(np.broadcast_to(where, lengths(a)), axes)
    if type(ddof) is int and ddof == 0:
        return apart, n
    # Fewer than are taken off leave none, as in NumPy: what is divided by that is no number.
    return apart, _left(n, a, axes, ddof) if where is True else np.maximum(n - ddof, 0)


def _left(n: Any, a: Any, axes: tuple[int, ...], ddof: Any) -> Any:
    return n - ddof if math.prod(lengths(a)[k] for k in axes) > ddof else 0.0


def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Any:  # fmt: skip
    """As :func:`numpy.var`."""
    a = as_array(a) if dtype is None else cast(as_array(a), dtype)
    axes = normalized_axes(axis, np.ndim(a))
    apart, n = _deviations(a, axes, mean, where, ddof if correction is None else correction)
    real = apart.dtype.kind != "c"
    squares = np.square(apart) if real else np.real(apart) ** 2 + np.imag(apart) ** 2
    total = sum_of(squares, axes)
    result = total / (cast(n, total.dtype) if hasattr(n, "dtype") else n)
    return with_kept_axes(result, a, axes) if keepdims else result


def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, *, where: Any = True, mean: Any = None,
        correction: Any = None) -> Any:  # fmt: skip
    """As :func:`numpy.std`. It is a length, so that its slope at equal elements is 0."""
    a = as_array(a) if dtype is None else cast(as_array(a), dtype)
    axes = normalized_axes(axis, np.ndim(a))
    apart, n = _deviations(a, axes, mean, where, ddof if correction is None else correction)
    if mean is None and all(lengths(a)[k] == 1 for k in axes):
        # An element alone has no deviation, whatever it is: the result is constant, not at a kink.
        length = np.real(sum_of(a - a, axes))
    else:
        length = norm(apart, axes) if axes else np.abs(apart)
        if where is not True and mean is None and axes:
            alone = sum_of(np.broadcast_to(where, lengths(a)), axes) == 1
            length = np.where(alone, np.zeros((), length.dtype), length)
    result = length / cast(np.sqrt(n), length.dtype)
    return with_kept_axes(result, a, axes) if keepdims else result


def _skipping_nan(statistic: Callable[..., Any]) -> Callable[..., Any]:
    def skipping(a: Any, *args: Any, where: Any = True, **keywords: Any) -> Any:
        a = as_array(a)
        there = ~np.isnan(a) & where if a.dtype.kind in "fc" else where
        return statistic(a, *args, where=there, **keywords)

    skipping.__name__ = f"nan{statistic.__name__}"
    skipping.__doc__ = f"As :func:`numpy.nan{statistic.__name__}`."
    return skipping


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False,
            *, keepdims: Any = False) -> Any:  # fmt: skip
    """As :func:`numpy.average`."""
    a = as_array(a)
    if weights is None:
        result = mean_of(a, axis, keepdims=keepdims)
        total: Any = a.size / result.size
    else:
        weights = as_array(weights)
        if lengths(weights) != lengths(a):
            axes = [k + np.ndim(a) for k in normalized_axes(axis, np.ndim(a))]
            shape = [n if k in axes else 1 for k, n in enumerate(lengths(a))]
            weights = np.broadcast_to(reshape(weights, tuple(shape)), lengths(a))
        total = sum_of(weights, axis, keepdims=keepdims)
        result = sum_of(a * weights, axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, np.broadcast_to(total, lengths(result))


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
        fweights: Any = None, aweights: Any = None, *, dtype: Any = None) -> Any:  # fmt: skip
    """As :func:`numpy.cov`."""
    x = _rows(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _rows(y, rowvar)], axis=0)
    x = cast(x, np.result_type(x.dtype, np.float64) if dtype is None else dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights: Any = None
    if fweights is not None:
        weights = fweights
    if aweights is not None:
        weights = aweights if weights is None else weights * aweights
    x_mean = average(x, 1, weights, keepdims=True)
    apart = x - x_mean
    if weights is None:
        weighted, divisor = apart, _left(count(x, (-1,)), x, (-1,), ddof)
    else:
        weighted = apart * weights
        divisor = sum_of(weights)
        if aweights is None:
            divisor = divisor - ddof
        elif ddof:
            divisor = divisor - ddof * sum_of(weights * aweights) / divisor
    other = np.conjugate(apart.T) if x.dtype.kind == "c" else apart.T
    return np.squeeze(weighted @ other / divisor)


def _rows(m: Any, rowvar: bool) -> Any:
    x = as_array(m)
    if np.ndim(x) > 2:
        raise ValueError("m has more than 2 dimensions")
    if np.ndim(x) < 2:
        return reshape(x, (1, x.size))
    return x if rowvar else x.T


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None, **_: Any) -> Any:
    """As :func:`numpy.corrcoef`."""
    c = cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return c / np.expand_dims(deviation, 1) / deviation


# -- quantiles -------------------------------------------------------------------------------------

#: Hyndman and Fan, Sample quantiles in statistical packages, 1996: α and β of the methods that
#: interpolate. The place of quantile q among n numbers is ``n q + α + q (1 − α − β) − 1``.
_PLOTTING = {
    "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0), "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip


def _places(n: Any, q: Any, method: str) -> tuple[Any, Any]:
    """Where quantile ``q`` of ``n`` sorted numbers lies: the place before it, and how far past."""
    if method in _PLOTTING:
        alpha, beta = _PLOTTING[method]
        place = n * q + (alpha + q * (1 - alpha - beta)) - 1
        before = np.floor(place)
        beyond = np.where((place < 0) | (place >= n - 1), 0.0, place - before)
        return before, beyond
    if method in ("lower", "higher", "nearest", "midpoint"):
        place = (n - 1) * q
        low, high = np.floor(place), np.ceil(place)
        if method == "midpoint":
            return low, np.where(low == high, 0.0, 0.5)
        return {"lower": low, "higher": high, "nearest": np.rint(place)}[method], 0.0
    if method in ("inverted_cdf", "averaged_inverted_cdf"):
        place = n * q - 1
        before = np.floor(place)
        if method == "inverted_cdf":
            return np.where(place == before, before, before + 1), 0.0
        return before, np.where(place == before, 0.5, 1.0)
    if method == "closest_observation":
        place = n * q - 1.5
        before = np.floor(place)
        return np.where((place == before) & (before % 2 == 1), before, before + 1), 0.0
    raise ValueError(f"{method!r} is not a method of np.quantile")


def _flat(a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """``a`` with the axes to reduce as one, the last; and these axes."""
    axes = normalized_axes(axis, np.ndim(a))
    ndim = np.ndim(a)
    kept = [k for k in range(ndim) if k - ndim not in axes]
    shape = lengths(a)
    moved = np.transpose(a, [*kept, *(k + ndim for k in axes)])
    return reshape(moved, (*(shape[k] for k in kept), int(np.prod([shape[k] for k in axes])))), axes


def _quantiles(a: Any, q: Any, axis: Any, method: str, keepdims: bool, skip_nan: bool) -> Any:
    a = as_array(a)
    if a.dtype.kind in "iub":
        a = cast(a, float)
    q = as_array(q)
    if not hasattr(q, "node") and not ((q >= 0) & (q <= 1)).all():
        raise ValueError("Quantiles must be in the range [0, 1]")
    flat, axes = _flat(a, axis)
    length = lengths(flat)[-1]
    if skip_nan and not length:  # of nothing, NaN
        flat, length = np.full((*lengths(flat)[:-1], 1), np.nan, a.dtype), 1
    ordered = take_along(flat, argsort(flat, -1), -1)  # NaN last
    several = reshape(q, (int(q.size),))
    if skip_nan:
        n = sum_of(~np.isnan(flat), -1, keepdims=True)
        before, beyond = _places(n, several, method)
        last = np.maximum(n - 1, 0)
    else:
        before, beyond = _places(length, several, method)
        last = length - 1
    low = cast(np.clip(before, 0, last), np.intp)
    high = cast(np.clip(before + 1, 0, last), np.intp)
    lower, upper = (_read(ordered, k) for k in (low, high))
    result = lower + cast(as_array(beyond), a.dtype) * (upper - lower)
    if skip_nan:
        undefined: Any = np.equal(n, 0)
    else:
        undefined = np.isnan(ordered[..., -1:])
    result = np.where(undefined, np.asarray(np.nan, a.dtype), result)
    result = np.moveaxis(result, -1, 0)
    shape = tuple(1 if k - np.ndim(a) in axes else n for k, n in enumerate(lengths(a)))
    return reshape(result, lengths(q) + (shape if keepdims else lengths(flat)[:-1]))


def _read(ordered: Any, k: Any) -> Any:
    if np.ndim(k) == 1:
        return gather(ordered, (k,), (-1,))
    return take_along(ordered, np.broadcast_to(k, (*lengths(ordered)[:-1], lengths(k)[-1])), -1)


def _weighted(a: Any, q: Any, axis: Any, weights: Any, keepdims: bool) -> Any:
    """The element at which the sum of the weights, in ascending order, reaches the quantile."""
    a, q, weights = as_array(a), as_array(q), as_array(weights)
    if lengths(weights) != lengths(a):
        axes = [k + np.ndim(a) for k in normalized_axes(axis, np.ndim(a))]
        wide = tuple(n if k in axes else 1 for k, n in enumerate(lengths(a)))
        weights = np.broadcast_to(reshape(weights, wide), lengths(a))
    flat, axes_ = _flat(a, axis)
    order = argsort(flat, -1)
    ordered = take_along(flat, order, -1)
    reached = np.cumsum(take_along(_flat(weights, axis)[0], order, -1), axis=-1)
    reached = np.where(reached[..., :1] == 0, np.where(reached == 0, -1.0, reached), reached)
    share = reshape(q, (int(np.size(q)), *(1,) * np.ndim(flat)))
    below = np.sum((reached / reached[..., -1:])[None] < share, axis=-1)
    below = np.moveaxis(np.minimum(below, lengths(flat)[-1] - 1), 0, -1)
    result = np.moveaxis(take_along(ordered, cast(below, np.intp), -1), -1, 0)
    shape = tuple(1 if k - np.ndim(a) in axes_ else n for k, n in enumerate(lengths(a)))
    return reshape(result, lengths(q) + (shape if keepdims else lengths(flat)[:-1]))


def _quantile(name: str, *, scale: float, skip_nan: bool) -> Callable[..., Any]:
    def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                 method: str = "linear", keepdims: Any = False, *, weights: Any = None,
                 interpolation: Any = None) -> Any:  # fmt: skip
        method = method if interpolation is None else interpolation
        share = as_array(q) if scale == 1 else as_array(q) / scale
        if weights is not None:
            if method != "inverted_cdf":
                raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
            if skip_nan:
                raise UnsupportedFunction(
                    f"np.{name} with weights= has no derivative here. Leave the NaN out of the array "
                    f"and the weights, and use np.{name[3:]}.",
                    here(),
                )
            return _weighted(a, share, axis, weights, bool(keepdims))
        return _quantiles(a, share, axis, method, bool(keepdims), skip_nan)

    quantile.__name__ = name
    quantile.__doc__ = f"As :func:`numpy.{name}`."
    return quantile


def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
           keepdims: Any = False) -> Any:  # fmt: skip
    """As :func:`numpy.median`: of an even number, the mean of the middle two."""
    a = as_array(a)
    if a.dtype.kind in "iub":
        a = cast(a, float)
    flat, axes = _flat(a, axis)
    n = lengths(flat)[-1]
    if not n:
        return mean_of(a, axis, keepdims=keepdims)
    ordered = take_along(flat, argsort(flat, -1), -1)
    result = ordered[..., n // 2]
    if n % 2 == 0:
        result = (ordered[..., n // 2 - 1] + result) / 2
    result = np.where(np.isnan(ordered[..., -1]), np.asarray(np.nan, a.dtype), result)
    return with_kept_axes(result, a, axes) if keepdims else result


def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
              keepdims: Any = False) -> Any:  # fmt: skip
    """As :func:`numpy.nanmedian`."""
    return _quantiles(a, 0.5, axis, "linear", bool(keepdims), skip_nan=True)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.var: var, np.std: std, np.nanvar: _skipping_nan(var), np.nanstd: _skipping_nan(std),
    np.average: average, np.cov: cov, np.corrcoef: corrcoef,
    np.median: median, np.nanmedian: nanmedian,
    np.quantile: _quantile("quantile", scale=1, skip_nan=False),
    np.percentile: _quantile("percentile", scale=100, skip_nan=False),
    np.nanquantile: _quantile("nanquantile", scale=1, skip_nan=True),
    np.nanpercentile: _quantile("nanpercentile", scale=100, skip_nan=True),
}  # fmt: skip

