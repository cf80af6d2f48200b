"""The eigenvalues of a Hessian, as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .around import Around
from .eigenvalues import DENSE, density, quadrature
from .style import BLUE, GREY, RED, axes_of, legend, quiet, signed


def hessian_spectrum(
    loss: Callable[..., Any],
    params: Any,
    data: tuple[Any, ...] = (),
    *,
    method: str | None = None,
    steps: int = 80,
    probes: int = 8,
    seed: int = 0,
    axes: Any = None,
) -> Any:
    """Draw the eigenvalues of the Hessian of ``loss(params, *data)`` by the parameters.

    Parameters
    ----------
    method
        ``"exact"`` forms the Hessian and draws each eigenvalue by its rank: for some hundreds of
        parameters. ``"lanczos"`` draws their density, estimated from products with vectors alone
        (Ghorbani, Krishnan and Xiao, An investigation into neural net optimization via Hessian
        eigenvalue density, 2019). Unless given, exact up to 500 parameters.
    steps, probes, seed
        Of Lanczos' method: how many products for each random probe, how many probes, how drawn.
    axes
        Your own axes of matplotlib to draw in.

    Returns
    -------
    The axes of matplotlib.

    Raises
    ------
    ArgumentError
        Where ``method`` is another word, or the Hessian is not finite.

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> axes = hessian_spectrum(lambda w: np.sum(np.arange(1.0, 4.0) * w**2), np.ones(3))
    >>> axes.get_lines()[0].get_ydata()
    array([6., 4., 2.])
    """
    if method not in (None, "exact", "lanczos"):
        raise ArgumentError(f"plot: method is {method!r}. Write 'exact' or 'lanczos'.")
    for name, number in (("steps", steps), ("probes", probes)):
        if number < 1:
            raise ArgumentError(f"plot: {name} is {number!r}. Give 1 or more.")
    around = Around(loss, params, data)
    around.probe()
    axes = axes_of(axes)
    if method == "exact" or (method is None and around.size <= DENSE):
        return _exact(around, axes)
    return _density(around, steps, probes, np.random.default_rng(seed), axes)


def _exact(around: Around, axes: Any) -> Any:
    values = np.linalg.eigvalsh(around.hessian())[::-1]
    ranks = np.arange(1, values.size + 1)
    size = 4 if values.size <= 60 else 2
    rounding = 1e-12 * np.abs(values).max(initial=0.0)
    for rows, colour, label in (
        (values > rounding, BLUE, "positive"),
        (np.abs(values) <= rounding, GREY, "zero, to rounding"),
        (values < -rounding, RED, "negative"),
    ):
        if np.any(rows):
            number = int(rows.sum())
            axes.plot(
                ranks[rows], values[rows], "o", color=colour, markersize=size,
                label=f"{number} {label}",
            )  # fmt: skip
    largest = float(np.abs(values).max(initial=0.0))
    smallest = float(np.abs(values[np.abs(values) > rounding]).min(initial=largest))
    if smallest < largest / 1000 and values[-1] > rounding:
        axes.set_yscale("log")
    else:
        axes.axhline(0.0, color=GREY, linewidth=0.7)
        if smallest < largest / 1000:
            _both_ways(axes, values, max(largest * 1e-6, smallest))
    legend(axes)
    return quiet(
        axes, f"{values.size} eigenvalues of the Hessian", xlabel="rank", ylabel="eigenvalue"
    )


def _both_ways(axes: Any, values: Any, least: float) -> None:
    """A logarithmic axis on both sides of 0, with so few ticks that their labels do not meet."""
    axes.set_yscale("symlog", linthresh=least)
    start, last = np.ceil(np.log10(least)), np.floor(np.log10(np.abs(values).max()))
    powers = 10.0 ** np.arange(last, start - 1, -max(1, np.ceil((last - start) / 3)))[::-1]
    above = [p for p in powers if p <= values.max()]
    below = [-p for p in powers[::-1] if -p >= values.min()]
    axes.set_yticks([*below, 0.0, *above])
    low, high = min(3 * values.min(), -least), max(3 * values.max(), least)
    axes.set_ylim(low, high)
    axes.minorticks_off()


def _density(around: Around, steps: int, probes: int, rng: np.random.Generator, axes: Any) -> Any:
    places, weights = quadrature(around, probes, steps, rng)
    reach = max(float(places.max() - places.min()), 1e-12 * float(np.abs(places).max(initial=1.0)))
    width = reach / 200
    grid = np.linspace(places.min() - 5 * width, places.max() + 5 * width, 1500)
    curve = density(places, weights, width, grid)
    # A single eigenvalue among all: what is far below it is the tail of a bell and means nothing.
    least = 0.2 / around.size / (width * np.sqrt(2 * np.pi)) / probes
    axes.fill_between(grid, least, np.maximum(curve, least), color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(grid, np.maximum(curve, least), color=BLUE, linewidth=1.2, label="density")
    axes.axvline(0.0, color=GREY, linewidth=0.7, linestyle=":")
    ends = [float(places.min()), float(places.max())]
    ends = [0.0 if abs(end) < 1e-10 * reach else end for end in ends]
    axes.plot(ends, (least, least), "^", color=RED, markersize=6, clip_on=False, zorder=3)
    axes.set_yscale("log")
    axes.set_ylim(bottom=least)
    return quiet(
        axes,
        f"Hessian of {around.size:,} parameters: from {signed(ends[0])} to {signed(ends[1])}",
        xlabel="eigenvalue",
        ylabel="density of eigenvalues",
    )
