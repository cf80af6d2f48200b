"""``scipy.spatial.distance`` by name: pairwise distances in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ..site import here
from .selection import as_array

Function = Callable[..., Any]


def _root(square: Any) -> Any:
    """The root, with slope 0 at 0: the distance of a point from itself."""
    live = square > 0
    return np.where(live, np.sqrt(np.where(live, square, 1.0)), 0.0)


def _quotient(a: Any, b: Any) -> Any:
    live = b != 0
    return np.where(live, a / np.where(live, b, 1.0), 0.0)


def _minkowski(d: Any, p: Any, w: Any) -> Any:
    size = np.abs(d)
    weights = 1.0 if w is None else w
    if p == np.inf:
        return np.max(size if w is None else np.where(np.asarray(w) > 0, size, 0.0), axis=-1)
    if p == 1:
        return np.sum(weights * size, axis=-1)
    total = np.sum(weights * size**p, axis=-1)
    live = total > 0
    return np.where(live, np.where(live, total, 1.0) ** (1.0 / p), 0.0)


def _cosine(x: Any, y: Any, w: Any) -> Any:
    weights = 1.0 if w is None else w
    inner = np.sum(weights * x * y, axis=-1)
    return 1.0 - inner / np.sqrt(
        np.sum(weights * x * x, axis=-1) * np.sum(weights * y * y, axis=-1)
    )


def _correlation(x: Any, y: Any, w: Any) -> Any:
    weights = np.ones(np.shape(x)[-1]) if w is None else w
    weights = weights / np.sum(weights)
    x = x - np.sum(weights * x, axis=-1, keepdims=True)
    y = y - np.sum(weights * y, axis=-1, keepdims=True)
    return _cosine(x, y, weights)


def _between(x: Any, y: Any, metric: str, words: dict[str, Any]) -> Any:
    """The distances along the last axis of arrays that broadcast."""
    w = words.get("w")
    weights = 1.0 if w is None else w
    d = x - y
    if metric in ("euclidean", "sqeuclidean"):
        square = np.sum(weights * d * d, axis=-1)
        return square if metric == "sqeuclidean" else _root(square)
    if metric in ("cityblock", "manhattan"):
        return _minkowski(d, 1, w)
    if metric == "chebyshev":
        return _minkowski(d, np.inf, w)
    if metric == "minkowski":
        return _minkowski(d, words.get("p", 2), w)
    if metric == "cosine":
        return _cosine(x, y, w)
    if metric == "correlation":
        return _correlation(x, y, w)
    if metric == "braycurtis":
        top = np.sum(weights * np.abs(d), axis=-1)
        return top / np.sum(weights * np.abs(x + y), axis=-1)
    if metric == "canberra":
        return np.sum(weights * _quotient(np.abs(d), np.abs(x) + np.abs(y)), axis=-1)
    if metric == "seuclidean" and words.get("V") is not None:
        return _root(np.sum(d * d / words["V"], axis=-1))
    if metric == "mahalanobis" and words.get("VI") is not None:
        return _root(np.sum((d @ words["VI"]) * d, axis=-1))
    raise UnsupportedFunction(
        f"scipy.spatial.distance with the metric {metric!r} has no derivative here. The metrics "
        "with one are euclidean, sqeuclidean, cityblock, chebyshev, minkowski, cosine, "
        "correlation, braycurtis, canberra, seuclidean with V and mahalanobis with VI.",
        here(),
    )


_SHORT = {"l2": "euclidean", "l1": "cityblock", "sqeuclid": "sqeuclidean", "cos": "cosine"}


def _name(metric: Any) -> Any:
    return _SHORT.get(metric, metric) if isinstance(metric, str) else metric


def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, **words: Any) -> Any:
    """As :func:`scipy.spatial.distance.cdist`."""
    a, b = as_array(XA), as_array(XB)
    if callable(metric):
        return np.array([[metric(x, y, **words) for y in b] for x in a])
    return _between(a[:, None, :], b[None, :, :], _name(metric), words)


def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, **words: Any) -> Any:
    """As :func:`scipy.spatial.distance.pdist`."""
    x = as_array(X)
    i, j = np.triu_indices(int(np.shape(x)[0]), 1)
    if callable(metric):
        return np.array([metric(x[p], x[q], **words) for p, q in zip(i, j, strict=True)])
    return _between(x[i], x[j], _name(metric), words)


def squareform(X: Any, force: str = "no", checks: bool = True) -> Any:
    """As :func:`scipy.spatial.distance.squareform`."""
    x = as_array(X)
    if np.ndim(x) == 2:
        return x[np.triu_indices(int(np.shape(x)[0]), 1)]
    n = round((1 + (1 + 8 * int(np.shape(x)[0])) ** 0.5) / 2)
    place = np.zeros((n, n), int)
    place[np.triu_indices(n, 1)] = 1 + np.arange(int(np.shape(x)[0]))
    place = place + np.transpose(place)
    return np.concatenate([np.zeros(1), x])[place]


def _of_two(metric: str) -> Function:
    names = {"minkowski": ("p", "w"), "mahalanobis": ("VI",), "seuclidean": ("V",)}.get(
        metric, ("w",)
    )

    def distance(u: Any, v: Any, *rest: Any, **words: Any) -> Any:
        words |= dict(zip(names, rest, strict=False))
        return _between(as_array(u), as_array(v), metric, words)

    return distance


_METRICS = (
    "euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation",
    "braycurtis", "canberra", "seuclidean", "mahalanobis",
)  # fmt: skip

FUNCTIONS: dict[Any, Function] = {
    "scipy.spatial.distance.cdist": cdist,
    "scipy.spatial.distance.pdist": pdist,
    "scipy.spatial.distance.squareform": squareform,
    **{f"scipy.spatial.distance.{name}": _of_two(name) for name in _METRICS},
}
