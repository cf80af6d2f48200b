"""Random numbers in a loss: a generator set anew for each step, so that resuming is exact."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np


class Drawing:
    """The generator for the argument ``rng`` of a loss, if it has one.

    Its state at a step follows from the seed and the number of the step alone. It is one object
    throughout, so that a compiled step meets the same argument each time.
    """

    def __init__(self, loss: Callable[..., Any], seed: int) -> None:
        self.loss, self.seed = loss, seed
        try:
            self.wanted = "rng" in inspect.signature(loss).parameters
        except (TypeError, ValueError):  # a function of NumPy's
            self.wanted = False
        self.rng = np.random.Generator(np.random.PCG64(0))

    def arguments(self, step: int) -> tuple[np.random.Generator, ...]:
        """The generator as it is at a step, in a tuple; an empty one where none is wanted."""
        if not self.wanted:
            return ()
        # Three numbers: the orders of epochs are drawn from two.
        self.rng.bit_generator.state = np.random.PCG64((self.seed, step, 1)).state
        return (self.rng,)

    def given(self, params: Any, *rest: Any) -> Any:
        """The loss, of what `arguments` adds at the end."""
        if not self.wanted:
            return self.loss(params, *rest)
        return self.loss(params, *rest[:-1], rng=rest[-1])

    def evaluated(self, params: Any, *batch: Any) -> Any:
        """The loss without draws."""
        if not self.wanted:
            return self.loss(params, *batch)
        return self.loss(params, *batch, rng=None)

    def repeated(self, step: int) -> Callable[..., Any]:
        """The loss with the draws of a step, each time it is called."""
        return lambda params, *batch: self.given(params, *batch, *self.arguments(step))
