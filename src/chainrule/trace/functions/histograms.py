"""Histograms: counts are piecewise constant; sums of weights, densities and edges are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.indexing import scatter_add
from ...ops.search import searchsorted
from ...ops.structural import cast, reshape
from .reductions import lengths
from .selection import as_array
from .sets import _decided


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """As :func:`numpy.histogram_bin_edges`; how many a rule makes is a decision of the program."""
    a = _array(a)
    if isinstance(bins, str):
        edges = np.histogram_bin_edges(_decided(a), bins, range, weights)
        count, bounds = len(edges) - 1, range
    elif np.ndim(bins):
        edges = as_array(bins)
        return edges if hasattr(edges, "dtype") else np.asarray(edges)
    else:
        count, bounds = int(bins), range
    if bounds is None:
        bounds = (np.min(a), np.max(a)) if a.size else (0.0, 1.0)
    first, last = bounds
    if bool(first == last):
        first, last = first - 0.5, last + 0.5
    return np.linspace(first, last, count + 1)


def _array(a: Any) -> Any:
    a = as_array(a)
    return a if hasattr(a, "dtype") else np.asarray(a)


def _bin(x: Any, edges: Any) -> Any:
    """For each number the place of its bin, and the number of bins if it lies in none."""
    count = int(np.shape(edges)[0]) - 1
    place = searchsorted(edges, x, "right") - 1
    place = np.where(x == edges[-1], count - 1, place)
    return np.where((x < edges[0]) | (x > edges[-1]) | np.isnan(x), count, place)


def _summed(place: Any, weights: Any, size: int) -> Any:
    """The sums of the weights, or the counts, in each bin."""
    place = cast(np.ravel(place), np.intp)
    if weights is None:
        ones = cast(np.ones(int(np.size(place))), float)
        return cast(scatter_add([(ones, (place,), (-1,))], (size + 1,))[:size], np.intp)
    weights = np.ravel(_array(weights))
    kind = weights.dtype if weights.dtype.kind in "fc" else np.dtype(float)
    total = scatter_add([(cast(weights, kind), (place,), (-1,))], (size + 1,))[:size]
    return total if weights.dtype.kind in "fc" else cast(total, weights.dtype)


def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """As :func:`numpy.histogram`."""
    a = _array(a)
    edges = histogram_bin_edges(a, bins, range, weights)
    count = int(np.shape(edges)[0]) - 1
    found = _summed(_bin(np.ravel(a), edges), weights, count)
    if density:
        found = found / np.diff(edges) / np.sum(found)
    return found, edges


def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """As :func:`numpy.histogramdd`."""
    sample = np.stack(sample, axis=-1) if isinstance(sample, list | tuple) else _array(sample)
    sample = sample if np.ndim(sample) == 2 else np.reshape(sample, (-1, 1))
    n = int(np.shape(sample)[1])
    each = list(bins) if np.ndim(bins) or isinstance(bins, list | tuple) else [bins] * n
    if len(each) != n:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * n if range is None else list(range)
    edges = [histogram_bin_edges(sample[:, k], each[k], ranges[k]) for k in np.arange(n)]
    counts = tuple(int(np.shape(e)[0]) - 1 for e in edges)
    flat: Any = 0
    outside: Any = False
    for k, e in enumerate(edges):
        place = _bin(sample[:, k], e)
        outside = outside | (place == counts[k])
        flat = flat * counts[k] + place
    size = int(np.prod(counts))
    found = reshape(cast(_summed(np.where(outside, size, flat), weights, size), float), counts)
    if density:
        total = np.sum(found)
        for k, e in enumerate(edges):
            found = found / np.reshape(np.diff(e), [-1 if j == k else 1 for j in np.arange(n)])
        found = found / total
    return found, edges


def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """As :func:`numpy.histogram2d`."""
    if not isinstance(bins, list | tuple) and np.ndim(bins) and lengths(bins)[0] not in (1, 2):
        bins = [bins, bins]  # the edges of both
    found, edges = histogramdd([_array(x), _array(y)], bins, range, density, weights)
    return found, edges[0], edges[1]


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.histogram: histogram, np.histogram_bin_edges: histogram_bin_edges,
    np.histogram2d: histogram2d, np.histogramdd: histogramdd,
}  # fmt: skip
