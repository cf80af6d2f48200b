"""Schedules: the learning rate as a function of the number of the step, which counts from 0.

A schedule is any function of a number. These are plain NumPy, so that they compile with the rest
of the step; closed forms of ``torch.optim.lr_scheduler``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .transformation import Schedule, checked


def constant(rate: float) -> Schedule:
    """The same at every step.

    >>> constant(0.1)(7)
    0.1
    """
    rate = checked("rate", rate)
    return lambda step: rate


def step_decay(rate: float, every: int, factor: float = 0.1) -> Schedule:
    """``rate · factor^⌊step/every⌋`` (``StepLR``).

    >>> [round(float(step_decay(1.0, every=10)(k)), 6) for k in (0, 9, 10, 25)]
    [1.0, 1.0, 0.1, 0.01]
    """
    _steps("every", every)
    return lambda step: rate * factor ** np.floor(step / every)


def exponential(rate: float, factor: float, every: int = 1) -> Schedule:
    """``rate · factor^(step/every)`` (``ExponentialLR`` with ``every=1``).

    >>> [round(float(exponential(1.0, 0.5)(k)), 6) for k in (0, 1, 3)]
    [1.0, 0.5, 0.125]
    """
    _steps("every", every)
    return lambda step: rate * factor ** (step / every)


def cosine(rate: float, steps: int, end: float = 0.0) -> Schedule:
    """Half a cosine from ``rate`` down to ``end`` after ``steps`` steps, and ``end`` after that.

    ``end + (rate − end)·(1 + cos(π·step/steps))/2`` (``CosineAnnealingLR``; Loshchilov and Hutter
    2017).

    >>> [round(float(cosine(1.0, steps=100)(k)), 6) for k in (0, 50, 100, 150)]
    [1.0, 0.5, 0.0, 0.0]
    """
    _steps("steps", steps)
    return lambda step: (
        end + (rate - end) * (1 + np.cos(np.pi * np.minimum(step, steps) / steps)) / 2
    )


def linear(start: float, end: float, steps: int) -> Schedule:
    """A straight line from ``start`` to ``end`` in ``steps`` steps, and ``end`` after that.

    >>> [round(float(linear(1.0, 0.0, steps=4)(k)), 6) for k in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    _steps("steps", steps)
    return lambda step: start + (end - start) * np.minimum(step, steps) / steps


def warm_up(schedule: float | Schedule, steps: int, start: float = 0.0) -> Schedule:
    """The first ``steps`` steps by a straight line from ``start``, then ``schedule`` from its 0.

    The line ends where the schedule begins.

    >>> rate = warm_up(cosine(1.0, steps=100), steps=10)
    >>> [round(float(rate(k)), 6) for k in (0, 5, 10, 60)]
    [0.0, 0.5, 1.0, 0.5]
    """
    _steps("steps", steps)
    then: Schedule = schedule if callable(schedule) else constant(schedule)

    def rate(step: Any) -> Any:
        rise = start + (then(0) - start) * step / steps
        return np.where(step < steps, rise, then(np.maximum(step - steps, 0)))[()]

    return rate


def piecewise(rate: float, factors: Mapping[int, float]) -> Schedule:
    """``rate``, multiplied by a factor at each of some steps (``MultiStepLR``).

    >>> drops = piecewise(1.0, {10: 0.5, 20: 0.1})
    >>> [round(float(drops(k)), 6) for k in (9, 10, 20)]
    [1.0, 0.5, 0.05]
    """
    pairs = sorted(factors.items())

    def at(step: Any) -> Any:
        value: Any = rate
        for boundary, factor in pairs:
            chosen: Any = np.where(step >= boundary, value * factor, value)
            value = chosen[()]
        return value

    return at


def join(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """One schedule after the other, each from its own step 0; they change at the boundaries.

    >>> rate = join([constant(1.0), exponential(1.0, 0.5)], [3])
    >>> [round(float(rate(k)), 6) for k in (2, 3, 4)]
    [1.0, 1.0, 0.5]
    """
    if len(boundaries) != len(schedules) - 1:
        raise ArgumentError(
            f"join: {len(schedules)} schedules and {len(boundaries)} boundaries. "
            "Give one boundary between each two schedules."
        )

    def at(step: Any) -> Any:
        value = schedules[0](step)
        for schedule, boundary in zip(schedules[1:], boundaries, strict=True):
            own = schedule(np.maximum(step - boundary, 0))
            chosen: Any = np.where(step >= boundary, own, value)
            value = chosen[()]
        return value

    return at


def one_cycle(
    peak: float,
    steps: int,
    warm: float = 0.3,
    start_factor: float = 25.0,
    end_factor: float = 1e4,
) -> Schedule:
    """Up to ``peak`` and down again by half cosines (``OneCycleLR``; Smith and Topin 2018).

    From ``peak/start_factor`` to ``peak`` in the share ``warm`` of the steps, then down to
    ``peak/start_factor/end_factor`` at step ``steps − 1``.

    >>> rate = one_cycle(1.0, steps=101)
    >>> [round(float(rate(k)), 6) for k in (0, 29, 100)]
    [0.04, 0.999752, 4e-06]
    """
    _steps("steps", steps)
    checked("warm", warm, least=0.0, below=1.0)
    top = warm * steps - 1
    if not 0 < top < steps - 1:
        raise ArgumentError(
            f"one_cycle: {steps} steps, of which {warm:g} to warm up, leave no room to rise and "
            "fall. Give more steps, and warm between 0 and 1."
        )
    low = peak / start_factor

    def at(step: Any) -> Any:
        rise = _half_cosine(low, peak, step / top)
        fall = _half_cosine(peak, low / end_factor, (step - top) / (steps - 1 - top))
        return np.where(step <= top, rise, fall)[()]

    return at


def _half_cosine(start: float, end: float, share: Any) -> Any:
    """From ``start`` at share 0 to ``end`` at 1 and after."""
    return end + (start - end) * (1 + np.cos(np.pi * np.minimum(share, 1.0))) / 2


def _steps(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ArgumentError(f"{name} is {value!r}. Give a whole number of steps, 1 or more.")
