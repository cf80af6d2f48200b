"""The profile of an unknown: what the fit costs with it held elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLUE, GREY, RED, axes_of, legend, quiet, signed


def profile(course: Any, axes: Any = None) -> Any:
    """Draw the profile of one unknown, its interval, and the parabola that standard errors assume.

    ``course`` has ``name``, ``estimate``, ``level``, ``low`` and ``high`` (the ends of the interval),
    and as arrays ``values`` and ``roots``, the signed square roots of the deviance. Where the profile
    is not the parabola, standard errors mislead and the interval does not.

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from types import SimpleNamespace
    >>> values = np.linspace(1.0, 3.0, 21)
    >>> course = SimpleNamespace(
    ...     name="k", estimate=2.0, level=0.95, low=1.6, high=2.4, values=values, roots=5 * (values - 2)
    ... )
    >>> profile(course).get_xlabel()
    'k'
    """
    axes = axes_of(axes)
    values, roots = np.asarray(course.values, float), np.asarray(course.roots, float)
    ends = [float(end) for end in (course.low, course.high) if np.isfinite(end)]
    from scipy.interpolate import PchipInterpolator

    # The roots are nearly straight, so this is true between the values; it makes no waves.
    smooth = PchipInterpolator(values, roots)
    fine = np.linspace(values[0], values[-1], 401)
    deviance = smooth(fine) ** 2
    axes.plot(fine, deviance, color=BLUE, linewidth=1.6, label="all others fitted anew")
    near = np.argsort(np.abs(values - course.estimate))[:3]
    slope = float(np.polyfit(values[near] - course.estimate, roots[near], 1)[0])
    parabola = (slope * (fine - course.estimate)) ** 2
    axes.plot(fine, parabola, "--", color=GREY, linewidth=1.1, label="by its standard error")
    if ends:
        level = float(np.mean([smooth(end) ** 2 for end in ends]))
        inside = (fine >= course.low) & (fine <= course.high)
        axes.fill_between(
            fine, 0, np.minimum(deviance, level), where=inside, color=BLUE, alpha=0.15, linewidth=0
        )
        axes.plot(
            ends, [level] * len(ends), "o", color=RED, markersize=5,
            label=f"{100 * course.level:g} % interval",
        )  # fmt: skip
        for end in ends:
            axes.plot([end, end], [0, level], color=RED, linewidth=0.9)
        axes.set_ylim(0, 2.2 * level)
    else:
        axes.set_ylim(bottom=0)
    legend(axes)
    low, high = (signed(end) if np.isfinite(end) else "open" for end in (course.low, course.high))
    found = f"{course.name} = {signed(course.estimate)}"
    title = f"{found}, {100 * course.level:g} % interval {low} to {high}"
    return quiet(axes, title, xlabel=course.name, ylabel="deviance")
