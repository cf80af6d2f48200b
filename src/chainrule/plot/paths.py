"""A function of two unknowns as contours, with the ways that optimisers took on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..function.jit import jit
from .landscape import contours
from .style import BLACK, ORANGE, PINK, RED, SKY, axes_of, legend_above

#: Of the paths; blue and green would be lost on the surface.
_LINES = (RED, BLACK, PINK, ORANGE, SKY)
_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def contour(
    fun: Callable[..., Any],
    paths: Any = None,
    args: tuple[Any, ...] = (),
    *,
    span: tuple[tuple[float, float], tuple[float, float]] | None = None,
    points: int = 201,
    log: bool | None = None,
    minimum: Any = None,
    labels: tuple[str, str] = ("$x_1$", "$x_2$"),
    bar: bool = True,
    axes: Any = None,
) -> Any:
    """Draw the contours of ``fun(x, *args)`` for ``x`` of two numbers, and paths on it.

    Parameters
    ----------
    fun
        Takes an array of shape (2,) and gives a number.
    paths
        An array of shape (steps, 2), or a dict of these by name, for a legend.
    span
        ``((low, high), (low, high))`` for the two unknowns; unless given, what the paths need.
    points
        How many values along each axis.
    log
        Whether the colours are on a logarithmic scale of ``fun`` less its least value in the
        picture; where that is spread over more than a decade, unless given.
    minimum
        A point to mark with a star.
    labels
        Of the two axes.
    bar
        Whether a bar beside the picture says what the colours mean.
    axes
        Your own axes of matplotlib to draw in.

    Returns
    -------
    The axes of matplotlib.

    Raises
    ------
    ArgumentError
        Where a path has another shape or numbers that are not finite, or nothing says where to look.

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> axes = contour(lambda x: x @ x, np.array([[1.0, 2.0], [0.1, 0.2]]))
    >>> axes.get_xlabel()
    '$x_1$'
    """
    named = dict(paths) if isinstance(paths, Mapping) else {} if paths is None else {"": paths}
    ways = {name: _way(way, name) for name, way in named.items()}
    star = None if minimum is None else _way(np.asarray(minimum, float)[None], "minimum")[0]
    if span is None:
        span = _around([*ways.values(), *([] if star is None else [star[None]])])
    (left, right), (bottom, top) = span
    if not (left < right and bottom < top):
        raise ArgumentError(f"plot: span is {span!r}. Give ((low, high), (low, high)).")
    x, y = np.linspace(left, right, points), np.linspace(bottom, top, points)
    compiled = jit(fun)
    values = np.array([[float(compiled(np.array([a, b]), *args)) for a in x] for b in y])
    finite = values[np.isfinite(values)]
    least = float(finite.min()) if finite.size else 0.0
    if star is not None:
        least = min(least, float(compiled(star, *args)))
    above = values - least
    positive = above[above > 0]
    if log is None:
        log = bool(positive.size and positive.max() > 100 * np.median(positive))
        log = log or bool(positive.size and np.median(positive) > 100 * np.quantile(positive, 0.01))
    axes = axes_of(axes, 5.6, 4.2)
    if log and positive.size:
        floor = max(float(np.quantile(positive, 0.002)), float(positive.max()) * 1e-8)
        contours(axes, x, y, np.maximum(above, floor), True, _above(least), bar=bar)
    else:
        contours(axes, x, y, values, False, "value", bar=bar)
    for k, (name, way) in enumerate(ways.items()):
        line: dict[str, Any] = {"color": _LINES[k % len(_LINES)], "linewidth": 1.3}
        mark = _MARKS[k % len(_MARKS)]
        axes.plot(way[:, 0], way[:, 1], color="white", linewidth=2.8, alpha=0.9)
        small = 3.0 if len(way) <= 60 else 0.0
        axes.plot(way[:, 0], way[:, 1], marker=mark, markersize=small, **line, label=name or None)
    for way in ways.values():
        axes.plot(*way[0], "o", color="white", markeredgecolor="black", markersize=6)
    if star is not None:
        axes.plot(
            *star,
            "*",
            color="white",
            markeredgecolor="black",
            markersize=14,
            label="minimum" if any(ways) else None,
        )
    legend_above(axes)
    wide = axes.get_position().width * axes.figure.get_figwidth() > 3
    axes.locator_params(nbins=6 if wide else 3)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel=labels[0], ylabel=labels[1])
    return axes


def _above(least: float) -> str:
    return "value" if abs(least) < 1e-12 else f"value less {least:.4g}"


def _way(way: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(way, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ArgumentError(
            f"plot: the path {name!r} has shape {array.shape}. Give an array of shape (steps, 2)."
        )
    if not np.all(np.isfinite(array)):
        raise ArgumentError(
            f"plot: the path {name!r} has numbers that are not finite. Draw it up to there."
        )
    return array


def _around(ways: list[np.ndarray]) -> Any:
    if not ways:
        raise ArgumentError(
            "plot: nothing says where to look. Give span=((low, high), (low, high))."
        )
    every = np.concatenate(ways)
    low, high = every.min(axis=0), every.max(axis=0)
    room = 0.12 * np.where(high > low, high - low, max(float(np.max(high - low)), 1.0))
    return tuple((float(a), float(b)) for a, b in zip(low - room, high + room, strict=True))
