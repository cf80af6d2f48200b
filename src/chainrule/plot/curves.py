"""The course of training against the number of the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import BLUE, GREEN, GREY, ORANGE, axes_of, legend, logarithmic, pyplot, quiet, spread


def history(course: Any, axes: Any = None) -> Any:
    """Loss and gradient norm side by side; returns the two axes.

    ``course`` is what `chainrule.fit` returns, or its history. ``axes`` are two of your own.

    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import chainrule as cr
    >>> result = cr.fit(lambda w: np.sum(w**2), np.ones(2), steps=20)
    >>> left, right = history(result)
    >>> left.get_ylabel(), right.get_ylabel()
    ('loss', 'norm of the gradient')
    """
    if axes is None:
        _, axes = pyplot().subplots(1, 2, figsize=(9.0, 3.4), layout="constrained")
    left, right = axes
    loss_curve(course, left)
    gradient_norm_curve(course, right)
    return axes


def loss_curve(course: Any, axes: Any = None) -> Any:
    """The loss of each step, its mean over each epoch, and the validation loss where there is one.

    The axis is logarithmic where all losses are positive and spread over more than a decade.
    """
    seen = getattr(course, "history", course)
    axes = axes_of(axes)
    loss = np.asarray(seen.loss)
    steps = np.arange(1, len(loss) + 1)
    ends, means = np.asarray(seen.epoch_end), np.asarray(seen.epoch_loss)
    validation = np.asarray(seen.validation_loss)
    whole = len(ends) < len(loss)  # else each epoch is one step, and its mean is that step's loss
    if whole:
        axes.plot(steps, loss, color=GREY, linewidth=0.7, label="each step")
    marks: dict[str, Any] = {"markersize": 3.5} if len(ends) <= 40 else {"markersize": 0}
    axes.plot(
        ends if whole else steps,
        means if whole else loss,
        "o-",
        color=BLUE,
        linewidth=1.4,
        label="mean of an epoch" if whole else "each step",
        **marks,
    )
    if len(validation):
        axes.plot(
            ends[: len(validation)],
            validation,
            "s--",
            color=ORANGE,
            linewidth=1.4,
            label="validation",
            **marks,
        )
    if spread(np.concatenate([loss, validation])):
        logarithmic(axes)
    if whole or len(validation):
        legend(axes)
    return quiet(axes, xlabel="step", ylabel="loss")


def gradient_norm_curve(course: Any, axes: Any = None) -> Any:
    """The Euclidean norm of the gradient at each step, before clipping, and its running median."""
    seen = getattr(course, "history", course)
    axes = axes_of(axes)
    norm = np.asarray(seen.gradient_norm)
    steps = np.arange(1, len(norm) + 1)
    window = max(len(norm) // 40, 1)
    if window > 1:
        half = window // 2
        around = [norm[max(k - half, 0) : k + half + 1] for k in range(len(norm))]
        axes.plot(steps, norm, color=GREY, linewidth=0.7, label="each step")
        smooth = [float(np.median(part)) for part in around]
        axes.plot(
            steps, smooth, color=GREEN, linewidth=1.4, label=f"median of {2 * half + 1} steps"
        )
        legend(axes)
    else:
        axes.plot(steps, norm, color=GREEN, linewidth=1.4, label="each step")
    if spread(norm):
        logarithmic(axes)
    return quiet(axes, xlabel="step", ylabel="norm of the gradient")
