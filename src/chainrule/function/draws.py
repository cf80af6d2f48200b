"""Random draws of a compiled function: made again at every call, in order, before its program runs.

While a function is traced, each draw becomes an input of its program. What was drawn, from which
generator and with which arguments, is the *plan* of the path. A call finds the generators anew, makes
the draws, and hands them to the program. If it turns out that the call takes another path, the
generators are put back, so that they advance as if the function had run once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.node import Node
from ..trace.random import is_generator, loaded
from ..trace.tracer import Tracer
from .watching import Place


class Untraceable(Exception):
    """The function does what a compiled program could not repeat. The message says what."""


@dataclass(frozen=True)
class Argument:
    """The generator that is the so-manieth among the arguments."""

    number: int


@dataclass(frozen=True)
class Fixed:
    """A generator that is the same at every call: that of the functions of `numpy.random`."""

    generator: Any


@dataclass(frozen=True)
class Made:
    """A generator that the function makes, from an input of the program or from nothing."""

    maker: Callable[..., Any]
    seed: int | None


@dataclass(frozen=True)
class Step:
    """One draw: ``method(generator, *args, **keywords)``; whether its value is an input."""

    source: int
    method: Callable[..., Any]
    args: tuple[Any, ...]
    keywords: dict[str, Any]
    kept: bool


@dataclass(frozen=True)
class Plan:
    """The draws of a path."""

    sources: tuple[Argument | Fixed | Made | Place, ...]
    steps: tuple[Step, ...]

    def generators(self, given: Sequence[Any], values: Sequence[Any] = ()) -> list[Any]:
        """The generators of a call with ``given`` ones, and ``values``, among its arguments."""
        found: list[Any] = []
        for source in self.sources:
            kind = type(source)
            if kind is Argument:
                found.append(given[source.number])  # type: ignore[union-attr]
            elif kind is Fixed:
                found.append(source.generator)  # type: ignore[union-attr]
            elif kind is Made:
                k = source.seed  # type: ignore[union-attr]
                found.append(source.maker(None if k is None else int(values[k])))  # type: ignore[union-attr]
            else:
                found.append(source.read())  # type: ignore[union-attr]
        return found

    @property
    def changing(self) -> list[int]:
        """The sources that outlive a call."""
        return [k for k, source in enumerate(self.sources) if type(source) is not Made]

    def states(self, generators: Sequence[Any]) -> list[Any]:
        """Where the generators stand."""
        return [_state(generators[k]) for k in self.changing]

    def restore(self, generators: Sequence[Any], states: Sequence[Any]) -> None:
        """Put the generators back."""
        for k, state in zip(self.changing, states, strict=True):
            _set_state(generators[k], state)

    def draw(self, generators: Sequence[Any]) -> list[Any]:
        """Make the draws; those that are inputs of the program."""
        made = []
        for step in self.steps:
            value = step.method(generators[step.source], *step.args, **step.keywords)
            if step.kept:
                made.append(value)
        return made


NOTHING = Plan((), ())


def _state(generator: Any) -> Any:
    if hasattr(generator, "bit_generator"):
        return generator.bit_generator.state
    return generator.get_state(legacy=False)


def _set_state(generator: Any, state: Any) -> None:
    if hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


class Collected:
    """The draws of a function that is being traced."""

    def __init__(self, trace: Any, given: Sequence[Any], places: Sequence[Place]) -> None:
        self._trace, self._given, self._places = trace, given, places
        #: How many inputs of the program are arguments.
        self.arguments = 0
        self._steps: list[Step] = []
        self._nodes: list[Node | None] = []
        self._generators: list[Any] = []
        self._sources: list[Argument | Fixed | Made | Place] = []
        #: Made from a constant seed: what they draw is constant too.
        self._constant: list[Any] = []

    def refuse(self, why: str) -> None:
        """Give up: the function cannot be compiled."""
        raise Untraceable(why)

    def made(self, maker: Callable[..., Any], seed: Any) -> Any:
        """A generator that the function makes."""
        if is_generator(seed):
            return maker(seed)
        if type(seed) is Tracer:
            inputs = self._trace.inputs[: self.arguments]
            if seed.node not in inputs or seed.node.type.dtype.kind not in "iu":
                seed = int(seed)
            else:
                made = maker(int(self._trace.value(seed.node)))
                self._add(made, Made(maker, inputs.index(seed.node)))
                return made
        if seed is None:
            made = maker(None)
            self._add(made, Made(maker, None))
            return made
        if not isinstance(seed, int | np.integer | list | tuple):
            self.refuse(f"it makes a random generator from a {type(seed).__name__}")
        made = maker(seed)
        self._constant.append(made)
        return made

    def _add(self, generator: Any, source: Argument | Fixed | Made | Place) -> int:
        self._generators.append(generator)
        self._sources.append(source)
        return len(self._sources) - 1

    def _source(self, generator: Any) -> int:
        for k, known in enumerate(self._generators):
            if known is generator:
                return k
        for k, known in enumerate(self._given):
            if known is generator:
                return self._add(generator, Argument(k))
        for place in self._places:
            if place.value is generator:
                return self._add(generator, place)
        if generator is loaded().mtrand._rand:  # noqa: SLF001 (it has no other name)
            return self._add(generator, Fixed(generator))
        raise Untraceable("it draws from a random generator that it makes, or that is not watched")

    def draw(self, generator: Any, method: Callable[..., Any], args: Any, keywords: Any) -> Any:
        """What ``method(generator, …)`` draws now: an input of the program."""
        if any(known is generator for known in self._constant):
            return method(generator, *args, **keywords)
        args = tuple(_kept(a) for a in args)
        keywords = {k: _kept(v) for k, v in keywords.items()}
        source = self._source(generator)
        value = method(generator, *args, **keywords)
        numeric = isinstance(value, float | int | np.generic | np.ndarray)
        if value is not None and (not numeric or np.asarray(value).dtype.kind not in "fciub"):
            raise Untraceable(f"it draws a {type(value).__name__} of random numbers")
        self._steps.append(Step(source, method, args, keywords, value is not None))
        if value is None:
            self._nodes.append(None)
            return None
        made = self._trace.input(value)
        self._nodes.append(made.node)
        return made

    def plan(self, read: set[Node]) -> tuple[Plan, list[Node]]:
        """The plan of the path, and the inputs of its program, of which only those ``read`` count."""
        steps, nodes = [], []
        for step, n in zip(self._steps, self._nodes, strict=True):
            kept = n is not None and n in read
            steps.append(Step(step.source, step.method, step.args, step.keywords, kept))
            if n is not None and kept:
                nodes.append(n)
        return Plan(tuple(self._sources), tuple(steps)), nodes

    @property
    def places(self) -> list[Place]:
        """The places in which generators were found."""
        return [source for source in self._sources if isinstance(source, Place)]

    def repeat(self) -> None:
        """Make the draws once more, from the generators that outlive the call."""
        for step in self._steps:
            if type(self._sources[step.source]) is not Made:
                step.method(self._generators[step.source], *step.args, **step.keywords)


def _kept(value: Any) -> Any:
    """An argument of a draw as it is now."""
    return np.array(value) if isinstance(value, np.ndarray) else value
