"""``fit``: a loss, parameters and data in; trained parameters and their history out."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..function.jit import jit
from ..function.tiers import tiers
from ..function.verbs import value_and_grad
from ..function.watching import Surroundings
from ..trace.tree import flatten
from .arguments import floating, functions, whole
from .batches import ArrayBatches, Batch, Batches, batches_of
from .checkpoint import Checkpoint, same
from .drawing import Drawing
from .explain import explained
from .history import FitResult, History, rates_of
from .optimizers import adam
from .progress import Bar, Progress
from .transformation import GradientTransformation, apply_updates
from .trees import global_norm, leaves_like

#: Training whose loss is so many times the first one (or 1) has diverged.
DIVERGED = 1e8
#: How often the data is gone through, unless it is said.
EPOCHS = 10


def fit(
    loss: Callable[..., Any],
    params: Any,
    data: Any = None,
    *,
    optimizer: GradientTransformation | None = None,
    batch_size: int | None = 32,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    shuffle: bool = True,
    validation: Any = None,
    patience: int | None = None,
    callbacks: Callable[[Progress], Any] | Iterable[Callable[[Progress], Any]] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
    compile: bool = True,
) -> FitResult:
    """Train: minimise the mean of a loss over data, by mini-batches.

    Each step (loss, gradient, optimiser, update) is one compiled program, made before the first.
    The same seed gives the same bits, also after a kill and a resumption.

    Parameters
    ----------
    loss
        ``loss(params, *batch)``, plain NumPy, the mean over the examples of the batch. If it has an
        argument named ``rng``, that is a generator, drawn anew from ``(seed, step)`` at each step,
        for dropout and its kin; to evaluate it is ``None``.
    params
        Where to start: floating-point arrays and numbers in any nesting. They are not changed.
    data
        ``(X, y)``, a tuple of arrays with one row for each example, is batched and spread over the
        arguments of the loss: ``loss(params, X, y)``. One array, or a dict or other nesting of
        arrays, is one argument. Memory-mapped arrays are read by rows. Anything else that can be
        iterated over is taken to yield batches; so is what a function returns, called once for
        each epoch. ``None``: the loss depends on the parameters alone, and an epoch is one step.
    optimizer
        From `chainrule.optim`; ``adam()`` unless given.
    batch_size
        Examples in a step; the last batch of an epoch has what is left. ``None``: all at once.
    epochs, steps
        When to end: 10 epochs unless one of them is given; whichever comes first.
    seed, shuffle
        Each epoch has an order of its own, drawn from ``(seed, epoch)``.
    validation
        Like ``data``, but arrays only: their loss is evaluated, all at once, after each epoch.
    patience
        End after so many epochs without a new best validation loss (loss, without a validation
        set), and return the best parameters.
    callbacks
        Functions of a `Progress`, called after each step; training ends when one returns true.
    checkpoint, checkpoint_every
        A folder to save the state of training in, after each epoch or each so many steps.
    resume
        Whether to go on from a checkpoint found in that folder. Training of the same parameters,
        data and seed goes on bit by bit; others are refused.
    progress
        Whether to show a bar; where standard error is a terminal unless given.
    compile
        ``False`` runs every step by NumPy, to debug.

    Raises
    ------
    ArgumentError
        Where an argument makes no sense, or ``params`` hold a number that is not finite. What goes
        wrong later (a number that is not finite, divergence, Ctrl-C) loses nothing: it ends training
        with a warning and a result whose ``success`` is false and whose ``message`` explains it. An
        error of the loss, the data or a callback is raised as it is; its attribute ``result`` is what
        had been trained.

    >>> rng = np.random.default_rng(0)
    >>> X, w = rng.normal(size=(100, 3)), np.array([1.0, -2.0, 0.5])
    >>> def loss(w, X, y):
    ...     return np.mean((X @ w - y) ** 2)
    >>> result = fit(loss, np.zeros(3), (X, X @ w), optimizer=adam(0.05), epochs=60)
    >>> np.round(result.params, 3), result.message
    (array([ 1. , -2. ,  0.5]), 'Ended after 60 epochs, as asked.')
    """
    for name, given in (
        ("batch_size", batch_size),
        ("epochs", epochs),
        ("steps", steps),
        ("patience", patience),
        ("checkpoint_every", checkpoint_every),
    ):
        if given is not None:
            whole(name, given, 1)
    whole("seed", seed, 0)
    if not callable(loss):
        raise ArgumentError(
            f"fit: loss is a {type(loss).__name__}. Give a function loss(params, *batch)."
        )
    if optimizer is not None and not hasattr(optimizer, "update"):
        raise ArgumentError(
            f"fit: optimizer is {getattr(optimizer, '__name__', repr(optimizer))!r}, which is not an "
            "optimiser. Give what a call makes: optimizer=chainrule.optim.adam(1e-3)."
        )
    batches = batches_of(data, batch_size, int(seed), shuffle)
    if batches.once and epochs not in (None, 1):
        raise ArgumentError(
            f"fit: epochs={epochs}, but data is an iterator, which can be read once. "
            "Give a function that returns a new one for each epoch."
        )
    if epochs is None and (batches.once or steps is None):
        epochs = 1 if batches.once else EPOCHS
    training = _Training(
        loss, optimizer or adam(), batches, floating(params), int(seed), compile
    )
    if validation is not None:
        training.validation = ArrayBatches(validation, None, 0, shuffle=False, what="validation")
    called = functions(callbacks)
    if checkpoint is not None:
        training.keep(Checkpoint(checkpoint), checkpoint_every, resume)
    training.limits = epochs, steps, patience
    total = None if batches.count is None or epochs is None else epochs * batches.count
    total = steps if total is None else min(total, steps or total)
    with tiers(False), Bar(progress, total, training.run.step) as bar:
        return training.train(called, bar)


@dataclass
class _Run:
    """Where training stands; what is not in here is the same in each process."""

    #: Leaves, flat: a tuple of arrays is what a compiled function takes and gives fastest.
    params: tuple[Any, ...]
    state: tuple[Any, ...]
    best: tuple[Any, ...]
    epoch: int = 0
    batch: int = 0
    step: int = 0
    #: Sum of losses times examples, and number of examples, of the epoch under way.
    total: float = 0.0
    examples: int = 0
    best_loss: float = math.inf
    waited: int = 0
    loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    epoch_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    epoch_end: list[int] = field(default_factory=list)

    NUMBERS = ("epoch", "batch", "step", "total", "examples", "waited")
    LISTS = ("loss", "gradient_norm", "epoch_loss", "validation_loss", "epoch_end")
    TREES = ("params", "state", "best")


class _Training:
    """The loop, and what it needs at hand."""

    def __init__(
        self,
        loss: Callable[..., Any],
        optimizer: GradientTransformation,
        batches: Batches,
        params: Any,
        seed: int,
        compiled: bool,
    ) -> None:
        self.drawing, self.batches = Drawing(loss, seed), batches
        self.rate = getattr(optimizer, "learning_rate", None)
        leaves, self.nesting = flatten(params)
        kept, self.state_nesting = flatten(optimizer.init(params))
        first = tuple(leaves)
        self.run = _Run(first, tuple([np.asarray(x)[()] for x in kept]), first)
        objective = value_and_grad(self.drawing.given)
        several, own, kept_as = len(leaves), self.nesting, self.state_nesting

        def step(*given: Any) -> Any:
            params = own.unflatten(given[:several])
            state = kept_as.unflatten(given[several : several + kept_as.count])
            value, grads = objective(params, *given[several + kept_as.count :])
            updates, state = optimizer.update(grads, state, params)
            params = apply_updates(params, updates)
            state = leaves_like(kept_as, state, "the states that update returns")
            return (*flatten(params)[0], *state, value, global_norm(grads))

        name = getattr(loss, "__name__", type(loss).__name__)
        step.__name__ = step.__qualname__ = f"the training step of {name}"
        self.plain: Callable[..., Any] = step
        self.step: Callable[..., Any] = jit(step) if compiled else step
        self.evaluate: Callable[..., Any] = self.drawing.evaluated
        if compiled:
            self.evaluate = jit(self.evaluate)
        self.compiled = compiled
        self.validation: ArrayBatches | None = None
        self.checkpoint: Checkpoint | None = None
        self.every: int | None = None
        self.limits: tuple[int | None, int | None, int | None] = (None, None, None)
        self.resumed = ""

    # -- the loop --------------------------------------------------------------------------------

    def train(self, callbacks: Sequence[Callable[[Progress], Any]], bar: Bar) -> FitResult:
        """Train until something ends it."""
        try:
            message = self._ended()
            if message is None:
                self._compile()
                message = self._epochs(callbacks, bar)
        except _BrokenOffError as broken:
            warnings.warn(str(broken), RuntimeWarning, stacklevel=3)
            return self._result(str(broken), success=False)
        except KeyboardInterrupt:
            return self._result(f"Interrupted after {self.run.step} steps.", success=False)
        except Exception as error:
            if self.run.step:
                self._salvage(error)
            raise
        self._save()
        return self._result(message, success=True)

    def _salvage(self, error: Exception) -> None:
        """Lose nothing of what was trained before an error of the loss, the data or a callback."""
        self._save()
        where = f"after step {self.run.step} (epoch {self.run.epoch + 1})"
        with suppress(AttributeError):  # an exception that takes no attributes
            error.result = self._result(f"Broken off {where}: {error}", success=False)  # type: ignore[attr-defined]
            error.add_note(f"This was {where} of fit; the exception's `result` is what came of it.")

    def _compile(self) -> None:
        """Meet all that arrays will give, so that nothing is compiled in the middle."""
        if not self.compiled:
            return
        around = Surroundings([self.drawing.loss], set())
        with np.errstate(all="ignore"):
            for batch, _ in self.batches.kinds():
                self._stepped(batch)
            if self.validation is not None:
                self.evaluate(self._params(), *self.validation.whole())
        around.rewind()  # what a generator of the loss's own gave is for the first step

    def _stepped(self, batch: Batch) -> Any:
        """What a step makes of a batch; where training stands is not changed."""
        run = self.run
        return self.step(*run.params, *run.state, *batch, *self.drawing.arguments(run.step))

    def _ended(self) -> str | None:
        """Why training is at its end, before the next step."""
        run, (epochs, steps, patience) = self.run, self.limits
        if patience is not None and run.waited >= patience:
            what = "validation loss" if self.validation else "loss"
            best = run.best_loss
            return f"Ended early: no better {what} than {best:.6g} in {patience} epochs."
        if epochs is not None and run.epoch >= epochs:
            return f"Ended after {_counted(run.epoch, 'epoch')}, as asked."
        if steps is not None and run.step >= steps:
            return f"Ended after {_counted(run.step, 'step')}, as asked."
        return None

    def _epochs(self, callbacks: Sequence[Callable[[Progress], Any]], bar: Bar) -> str:
        run, steps = self.run, self.limits[1]
        watched = bool(callbacks) or bar.bar is not None
        for _ in count():
            last: Progress | None = None
            # One batch is held back, to know the last of an epoch when it is there.
            upcoming = self.batches.epoch(run.epoch, run.batch)
            item = next(upcoming, None)
            if item is None and run.batch == 0:
                raise ArgumentError(
                    f"fit: data gave no batch in epoch {run.epoch + 1}. An iterator can be read "
                    "once; give a function that returns a new one for each epoch."
                )
            while item is not None:
                value, norm = self._one(*item)
                item = next(upcoming, None)
                if watched or item is None or steps is not None:
                    last = self._progress(value, norm, run.epoch + 1)
                    if item is None:
                        self._close(last)
                    bar.show(last)
                    stop = [True for callback in callbacks if callback(last)]
                    message = "Ended by a callback." if stop else self._ended()
                    if message is not None:
                        return message
                if (self.every and run.step % self.every == 0) or (not self.every and not run.batch):
                    self._save()
            if last is None:  # the checkpoint was made after the last batch
                self._close(self._progress(math.nan, math.nan, run.epoch + 1))
                message = self._ended()
                if message is not None:
                    return message
        raise AssertionError  # count() has no end

    def _one(self, batch: Batch, examples: int) -> tuple[float, float]:
        """One step: its loss, and the norm of the gradient."""
        run = self.run
        made = self._stepped(batch)
        value, norm = float(made[-2]), float(made[-1])
        first = abs(run.loss[0]) if run.loss else math.inf
        if not (math.isfinite(value) and math.isfinite(norm)):
            what = "loss" if not math.isfinite(value) else "gradient"
            shown = f"{what} is {value if what == 'loss' else norm}"
            rows = self.batches.rows(run.epoch, run.batch)
            loss = self.drawing.repeated(run.step)
            why = explained(loss, self._params(), batch, run.loss, rows)
        elif value > DIVERGED and value > DIVERGED * first:
            shown = f"loss is {value:.3g}, after {run.loss[0]:.3g} at the first"
            why = "Training has diverged: give a smaller learning rate, or clip_by_global_norm."
        else:
            several = len(run.params)
            run.params, run.state = made[:several], made[several:-2]
            run.loss.append(value)
            run.gradient_norm.append(norm)
            run.step, run.batch = run.step + 1, run.batch + 1
            run.total, run.examples = run.total + value * examples, run.examples + examples
            return value, norm
        raise _BrokenOffError(
            f"fit broke off at step {run.step + 1} (epoch {run.epoch + 1}, batch {run.batch + 1}): "
            f"the {shown}. {why}"
        )

    def _progress(self, value: float, norm: float, epoch: int) -> Progress:
        rate, step = self.rate, self.run.step
        shown = (lambda: float(rate(np.int64(step - 1)))) if callable(rate) else lambda: rate
        return Progress(step, epoch, value, norm, self._params, shown)

    def _close(self, at: Progress) -> None:
        """The end of an epoch."""
        run = self.run
        at.epoch_loss = run.total / run.examples
        run.epoch_loss.append(at.epoch_loss)
        run.epoch_end.append(run.step)
        if self.validation is not None:
            batch = self.validation.whole()
            at.validation_loss = float(self.evaluate(self._params(), *batch))
            if not math.isfinite(at.validation_loss):
                why = explained(
                    self.drawing.evaluated, self._params(), batch, run.loss, whose="The validation set"
                )
                raise _BrokenOffError(
                    f"fit broke off after epoch {run.epoch + 1} (step {run.step}): the validation "
                    f"loss is {at.validation_loss}. {why}"
                )
            run.validation_loss.append(at.validation_loss)
        watched = at.epoch_loss if at.validation_loss is None else at.validation_loss
        run.waited += 1
        if watched < run.best_loss:
            run.best, run.best_loss, run.waited = run.params, watched, 0
        run.epoch, run.batch, run.total, run.examples = run.epoch + 1, 0, 0.0, 0

    def _params(self) -> Any:
        return self.nesting.unflatten(self.run.params)

    def _result(self, message: str, *, success: bool) -> FitResult:
        run = self.run
        best = self.limits[2] is not None and run.epoch_loss
        course = {name: np.array(getattr(run, name)) for name in _Run.LISTS}
        history = History(**course, learning_rate=rates_of(self.rate, run.step))
        last = run.epoch_loss or run.loss or [math.nan]
        still = ""
        if run.gradient_norm and not any(run.gradient_norm):
            still = " The gradient was 0 at every step: does the loss depend on params?"
        return FitResult(
            params=self.nesting.unflatten(run.best) if best else self._params(),
            state=self.state_nesting.unflatten(run.state),
            loss=last[-1],
            epochs=run.epoch,
            steps=run.step,
            success=success,
            message=message + self.resumed + still,
            history=history,
        )

    # -- checkpoints -----------------------------------------------------------------------------

    def keep(self, checkpoint: Checkpoint, every: int | None, resume: bool) -> None:
        """Save to a checkpoint from now on, and go on from what is there."""
        self.checkpoint, self.every = checkpoint, every
        found = checkpoint.load() if resume else None
        if found is None:
            return
        about, arrays = found
        same(about, self._identity(), checkpoint.folder)
        run = self.run
        for name in _Run.TREES:
            size = len(getattr(run, name))
            setattr(run, name, tuple([arrays[f"{name}/{k}"][()] for k in range(size)]))
        for name in _Run.LISTS:
            setattr(run, name, arrays[f"history/{name}"].tolist())
        for name in _Run.NUMBERS:
            setattr(run, name, about[name])
        if about["left"]:  # jit gave it up: NumPy's rounding from then on
            self.step = self.plain
        run.best_loss = math.inf if about["best_loss"] is None else about["best_loss"]
        self.resumed = f" (Resumed from step {run.step}.)"

    def _identity(self) -> dict[str, Any]:
        about = self.batches.identity()
        for name, structure in (("params", self.nesting), ("state", self.state_nesting)):
            about[name] = [
                f"{path}: {np.asarray(leaf).dtype}{list(np.shape(leaf))}"
                for leaf, path in zip(getattr(self.run, name), structure.paths, strict=True)
            ]
        return about

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        run = self.run
        about: dict[str, Any] = {name: getattr(run, name) for name in _Run.NUMBERS}
        about["best_loss"] = run.best_loss if math.isfinite(run.best_loss) else None
        about["left"] = self.step is self.plain or getattr(self.step, "_left", None) is not None
        about["identity"] = self._identity()
        arrays = {f"history/{name}": np.array(getattr(run, name)) for name in _Run.LISTS}
        for name in _Run.TREES:
            for k, leaf in enumerate(getattr(run, name)):
                arrays[f"{name}/{k}"] = leaf
        try:
            self.checkpoint.save(run.step, about, arrays)
        except OSError as error:
            warnings.warn(
                f"fit: the checkpoint could not be written ({error}); training goes on without it.",
                RuntimeWarning,
                stacklevel=4,
            )


class _BrokenOffError(Exception):
    """Training cannot go on."""


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
