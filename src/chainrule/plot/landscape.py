"""A loss around a point, along one direction or over the plane of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .around import Around
from .directions import directions_of
from .style import (
    BLUE,
    GREY,
    RED,
    SURFACE,
    axes_of,
    legend,
    legend_above,
    logarithmic,
    pyplot,
    quiet,
    spread,
)


def landscape(
    loss: Callable[..., Any],
    params: Any,
    data: tuple[Any, ...] = (),
    directions: Any = ("random", "random"),
    *,
    span: float | tuple[float, float] = 1.0,
    points: int | None = None,
    normalise: str | None = "filter",
    path: Sequence[Any] = (),
    log: bool | None = None,
    seed: int = 0,
    axes: Any = None,
) -> Any:
    """Draw ``loss(params + a·d, *data)`` against ``a``, or against ``a`` and ``b`` for two directions.

    Parameters
    ----------
    loss, params, data
        The loss is called as ``loss(params, *data)``, ``data`` being a tuple. ``params`` are in the
        middle of the picture.
    directions
        One direction, or a pair. Each is ``"random"``; ``"eigenvector"``, the one along which the
        loss is curved most (the second of a pair: next to most); or a tree like ``params``.
    span
        How far to go in units of the direction: from ``-span`` to ``span``, or a pair.
    points
        How many values along each direction; 201 for one, 51 for two, unless given.
    normalise
        Random directions have in each filter the norm of the parameters there (``"filter"``), or
        unit length (``"unit"``), or are as drawn (None).
    path
        Parameters on the way, drawn where they fall when projected onto the plane (or the line).
    log
        Whether the loss is on a logarithmic scale; where it is positive and spread, unless given.
    seed
        Of the random directions.
    axes
        Your own axes of matplotlib to draw in.

    Returns
    -------
    The axes of matplotlib; the values are in its lines, or in ``axes.collections``.

    Raises
    ------
    ArgumentError
        Where a direction is no direction, or the loss is not finite at the parameters.

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> axes = landscape(lambda w: np.sum(w**2), np.array([1.0, 2.0]), directions="eigenvector")
    >>> axes.get_ylabel()
    'loss'
    """
    single = isinstance(directions, str) or not isinstance(directions, tuple | list)
    if not single and _is_tree(directions, params):
        single = True
    given = (directions,) if single else tuple(directions)
    if len(given) not in (1, 2):
        raise ArgumentError(f"plot: there are {len(given)} directions. Give one, or a pair.")
    low, high = (-span, span) if isinstance(span, int | float) else span
    if not low < high:
        raise ArgumentError(f"plot: span is {span!r}. Give a positive number, or (low, high).")
    count = points if points is not None else (201 if len(given) == 1 else 51)
    if count < 2:
        raise ArgumentError(f"plot: points is {points!r}. Give 2 or more.")
    around = Around(loss, params, data)
    rows, names = directions_of(around, given, normalise, np.random.default_rng(seed))
    centre = around.value(np.zeros(len(rows)), rows)
    if not np.isfinite(centre):
        raise ArgumentError(f"plot: the loss is {centre} at params. Start from where it is finite.")
    # Shares of the directions at each point of the path: the nearest point of the plane.
    moves = [around.vector_of(p, f"path[{k}]") - around.vector for k, p in enumerate(path)]
    way = np.array([np.linalg.lstsq(rows.T, move, rcond=None)[0] for move in moves])
    shifts = np.linspace(low, high, count)
    if len(given) == 1:
        values = np.array([around.value(np.array([a]), rows) for a in shifts])
        return _line(shifts, values, centre, names[0], way, log, axes, around, rows)
    grid = np.array([[around.value(np.array([a, b]), rows) for a in shifts] for b in shifts])
    return _surface(shifts, grid, names, way, log, axes)


def _is_tree(directions: Any, params: Any) -> bool:
    """Whether a tuple or list is one direction, nested like the parameters."""
    if type(directions) is not type(params) or any(isinstance(d, str) for d in directions):
        return False
    return [np.shape(d) for d in directions] == [np.shape(p) for p in params]


def _line(
    shifts: Any, values: Any, centre: float, name: str, way: Any, log: bool | None, axes: Any,
    around: Around, rows: Any,
) -> Any:  # fmt: skip
    axes = axes_of(axes)
    axes.plot(shifts, values, color=BLUE, linewidth=1.6, label="loss")
    if len(way):
        heights = [around.value(w, rows) for w in way]
        axes.plot(way[:, 0], heights, ".-", color=RED, linewidth=0.8, label="path, projected")
    if shifts[0] <= 0 <= shifts[-1]:
        axes.axvline(0.0, color=GREY, linewidth=0.7, linestyle=":")
        axes.plot([0.0], [centre], "o", color=RED, markersize=6, label="params")
    if log or (log is None and spread(values)):
        logarithmic(axes)
    legend(axes)
    return quiet(axes, xlabel=name, ylabel="loss")


def _surface(
    shifts: Any, grid: Any, names: list[str], way: Any, log: bool | None, axes: Any
) -> Any:
    axes = axes_of(axes, 5.4, 4.2)
    contours(axes, shifts, shifts, grid, log)
    if len(way):
        axes.plot(way[:, 0], way[:, 1], color="white", linewidth=2.6)
        axes.plot(
            way[:, 0], way[:, 1], ".-", color=RED, linewidth=1.2, markersize=4,
            label="path, projected",
        )  # fmt: skip
        axes.set(xlim=(shifts[0], shifts[-1]), ylim=(shifts[0], shifts[-1]))
    if shifts[0] <= 0 <= shifts[-1]:
        axes.plot(
            [0.0], [0.0], "o", color=RED, markeredgecolor="white", markersize=7, label="params"
        )
    legend_above(axes)
    axes.locator_params(nbins=5)
    axes.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    return axes


def contours(
    axes: Any,
    x: Any,
    y: Any,
    values: Any,
    log: bool | None,
    name: str = "loss",
    *,
    bar: bool = True,
) -> None:
    """Filled contours, and a bar for them; on a logarithmic scale where the numbers are spread."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator

    finite = np.isfinite(values)
    if not np.any(finite):
        raise ArgumentError("plot: there is no finite value in the picture. Look nearer.")
    if log is None:
        log = spread(values)
    low, high = float(values[finite].min()), float(values[finite].max())
    if log and low <= 0:
        raise ArgumentError(
            f"plot: the smallest value is {low:.3g}, which no logarithmic scale has. Write log=False."
        )
    shown: dict[str, Any] = {"cmap": SURFACE}
    if log:
        shown |= {"levels": np.geomspace(low, max(high, 1.01 * low), 25), "norm": LogNorm()}
    else:
        shown |= {"levels": MaxNLocator(24).tick_values(low, high)}
    masked = np.ma.masked_invalid(values)
    filled = axes.contourf(x, y, masked, **shown)
    filled.set_edgecolor("face")  # no hairlines between the bands in a PDF
    thin = {"colors": "white", "linewidths": 0.35, "alpha": 0.5}
    axes.contour(x, y, masked, levels=filled.levels[::3], **thin)
    if not bar:
        return
    made = pyplot().colorbar(filled, ax=axes, label=name)
    if not log:
        made.set_ticks([t for t in MaxNLocator(6).tick_values(low, high) if low <= t <= high])
    else:
        decades = np.log10(high / low)
        base: Any = LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf))
        ticks = [
            m * 10.0**k
            for k in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
            for m in ((1, 2, 5) if decades < 2.5 else (1,))
        ]
        made.set_ticks([t for t in ticks if low <= t <= high] or [low, high])
        made.ax.minorticks_off()
        made.ax.yaxis.set_major_formatter(base if decades >= 2.5 else "{x:.3g}")
