"""The progress of training: what callbacks are told, and the bar on the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

#: Seconds between two drawings of the bar.
PAUSE = 0.1


@dataclass
class Progress:
    """What a callback is told after each step.

    ``step`` and ``epoch`` count from 1; ``loss`` and ``gradient_norm`` are those of the step before
    its update, ``params`` those after it. At the end of an epoch ``epoch_loss`` is its mean, and
    ``validation_loss`` is there if there is a validation set; both are ``None`` otherwise.
    """

    step: int
    epoch: int
    loss: float
    gradient_norm: float
    nest: Callable[[], Any] = field(repr=False)
    rate: Callable[[], float | None] = field(repr=False, default=lambda: None)
    epoch_loss: float | None = None
    validation_loss: float | None = None

    @property
    def params(self) -> Any:
        """The parameters after the step, nested as they were given."""
        return self.nest()

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the step, where the optimiser tells it."""
        return self.rate()


class Bar:
    """A bar by rich on standard error: epoch, loss, learning rate, steps each second, time left.

    ``shown`` is ``None`` for a bar where standard error is a terminal.
    """

    def __init__(self, shown: bool | None, total: int | None, done: int) -> None:
        self.bar: Any = None
        self.next = 0.0
        self.validation = ""
        if shown is False:
            return
        from rich.console import Console

        console = Console(stderr=True, force_terminal=True if shown else None)
        if not (console.is_terminal or console.is_jupyter):
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Rich

        self.bar = Rich(
            TextColumn("{task.description}"),
            # Numbers come first where the terminal is narrow.
            *([BarColumn(bar_width=min(40, console.width - 86))] if console.width >= 96 else []),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            auto_refresh=False,
        )
        self.task = self.bar.add_task("compiling", total=total, completed=done, rate="")
        self.begun, self.start = time.perf_counter(), done

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.start()
            self.bar.refresh()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.refresh()
            self.bar.stop()

    def show(self, at: Progress) -> None:
        """Draw, unless that was done a moment ago."""
        if self.bar is None:
            return
        now = time.perf_counter()
        if self.next == 0.0:  # the first step has the compiler in it
            self.begun, self.start = now, at.step
        if at.validation_loss is not None:
            self.validation = f"  val {at.validation_loss:.4g}"
        due = now >= self.next
        if not due and at.epoch_loss is None:
            return
        loss = at.loss if at.epoch_loss is None else at.epoch_loss
        seconds = now - self.begun
        rate = f"{_short((at.step - self.start) / seconds)} steps/s" if seconds > 0 else ""
        words = f"epoch {at.epoch}  loss {loss:.4g}{self.validation}"
        if at.learning_rate is not None:
            words += f"  lr {at.learning_rate:.3g}"
        self.bar.update(self.task, completed=at.step, description=words, rate=rate)
        if due:
            self.next = now + PAUSE
            self.bar.refresh()


def _short(rate: float) -> str:
    """Three digits, without an exponent.

    >>> _short(0.12345), _short(45678.9)
    ('0.123', '45679')
    """
    return f"{rate:.3g}" if rate < 1000 else f"{rate:.0f}"
