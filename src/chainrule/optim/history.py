"""What came of training: the parameters, and the losses on the way, as arrays and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class History:
    """The course of training.

    ``loss`` and ``gradient_norm`` have one number for each step, before its update (the norm
    before clipping); ``epoch_loss``, the mean over the examples, and ``validation_loss`` have one
    for each whole epoch; ``epoch_end`` is the number of steps taken by then. ``learning_rate`` has
    one number for each step too, and none where the optimiser does not tell it.
    """

    loss: np.ndarray
    gradient_norm: np.ndarray
    epoch_loss: np.ndarray
    validation_loss: np.ndarray
    epoch_end: np.ndarray
    learning_rate: np.ndarray

    def plot(self, axes: Any = None) -> Any:
        """Draw loss and gradient norm against the step: `chainrule.plot.history`.

        Returns the two axes of matplotlib; ``axes`` are two of your own to draw in. Raises
        `ImportError` without matplotlib.
        """
        from ..plot.curves import history

        return history(self, axes)


def rates_of(rate: Any, steps: int) -> np.ndarray:
    """The learning rate at each of so many steps."""
    if rate is None:
        return np.zeros(0)
    if not callable(rate):
        return np.full(steps, float(rate))
    return np.array([float(rate(np.int64(k))) for k in range(steps)])


@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fit` returns.

    ``params`` are the parameters, nested as they were given: the last ones, with ``patience`` the
    best ones, after a failure the last good ones. ``state`` is the optimiser's, ``loss`` the mean
    over the last whole epoch. ``success`` is false where training broke off, and ``message`` says
    in words how it ended.
    """

    params: Any
    state: Any
    loss: float
    epochs: int
    steps: int
    success: bool
    message: str
    history: History

    def plot(self, axes: Any = None) -> Any:
        """Draw the history: see `History.plot`."""
        return self.history.plot(axes)

    def __repr__(self) -> str:
        return (
            f"FitResult(success={self.success}, loss={self.loss:.6g}, epochs={self.epochs}, "
            f"steps={self.steps}, message={self.message!r})"
        )
