"""What the pictures have in common: colours that everyone can tell apart, and quiet axes."""

from __future__ import annotations

from typing import Any

import numpy as np

#: The palette of Okabe and Ito (2008), told apart with any colour vision.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"
GREY = "0.6"
#: For surfaces: even steps in lightness, so that it survives printing in grey.
SURFACE = "viridis"


def pyplot() -> Any:
    """``matplotlib.pyplot``, imported when something is to be drawn.

    Raises `ImportError` with the command that installs it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib. Install it: python -m pip install 'chainrule[examples]'."
        ) from error
    return plt


def axes_of(axes: Any, width: float = 5.0, height: float = 3.6) -> Any:
    """The user's axes, or new ones in a figure of their own (in inches)."""
    if axes is not None:
        return axes
    _, made = pyplot().subplots(figsize=(width, height), layout="constrained")
    return made


def quiet(axes: Any, title: str | None = None, **labels: str) -> Any:
    """No frame above and to the right; labels; returns the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set(**labels)
    if title:
        axes.set_title(title, fontsize="medium", loc="left")
    return axes


def legend(axes: Any) -> None:
    """A legend within the axes, which lets what is behind it shine through."""
    axes.legend(framealpha=0.8, edgecolor="none", fontsize="small")


def legend_above(axes: Any) -> None:
    """A legend above the axes, where it covers nothing, in rows of three."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, frameon=False,
            fontsize="small", columnspacing=1.2, handletextpad=0.5, borderaxespad=0.2,
        )  # fmt: skip


def logarithmic(axes: Any) -> None:
    """A logarithmic vertical axis, with numbers at 1, 2 and 5 where there are few decades."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 500 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def signed(number: float) -> str:
    """Three digits, with a minus sign that is one."""
    return f"{number:.3g}".replace("-", "−")


def spread(values: Any) -> bool:
    """Whether numbers are best drawn on a logarithmic axis: positive, over more than a decade."""
    finite = np.asarray(values)[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > 10 * finite.min())
