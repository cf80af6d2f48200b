"""The reference evaluator: a graph as a list of NumPy calls, planned once and run often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Graph
from ..ir.node import INPUT, ITEM
from ..ir.types import TupleType
from .elementwise import Elementwise
from .structural import broadcast


class Program:
    """A graph planned for NumPy. Calling it with the values of the inputs gives the outputs.

    A value is dropped after its last use, so the peak is what the computation needs. A broadcast
    that only elementwise operations read is left to NumPy's own broadcasting.
    """

    def __init__(self, graph: Graph) -> None:
        order = graph.order
        slots = {n: k for k, n in enumerate(dict.fromkeys([*graph.inputs, *order]))}
        self._inputs = [slots[n] for n in graph.inputs]
        self._outputs = [slots[n] for n in graph.outputs]
        self._types = [n.type for n in graph.outputs]
        #: Values by slot: constants stay, the rest is computed.
        self._frame: list[Any] = [None] * len(slots)
        self._steps: list[tuple[Callable[..., Any], tuple[int, ...], int, tuple[int, ...]]] = []
        given = set(graph.inputs)
        kept = set(graph.outputs)
        implicit = _implicit_broadcasts(order, kept)
        last: dict[int, int] = {}
        pending: list[tuple[Callable[..., Any], tuple[int, ...], int]] = []
        for n in order:
            if n in given:
                continue
            if not n.args and n.op is not INPUT:
                value = n.op.evaluate((), *n.params)
                self._frame[slots[n]] = value
                continue
            if n.op is INPUT:
                raise LookupError(f"the graph reads an input that is not bound: {n!r}")
            args = tuple(slots[a] for a in n.args)
            if n in implicit:
                function: Callable[..., Any] = _alignment(n)
            else:
                function = n.op.evaluator([a.type for a in n.args], *n.params)
            for a in args:
                last[a] = len(pending)
            pending.append((function, args, slots[n]))
        protected = {slots[n] for n in kept} | {k for k, v in enumerate(self._frame) if v is not None}
        for k, (function, args, slot) in enumerate(pending):
            dead = tuple({a for a in args if last[a] == k and a not in protected})
            self._steps.append((function, args, slot, dead))

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The outputs, as arrays of their own that share memory with no input."""
        results = [_owned(r, t) for r, t in zip(self.run(values), self._types, strict=True)]
        given = {id(v) for v in values if type(v) is np.ndarray}
        return [r.copy() if id(r) in given else r for r in results]

    def run(self, values: Sequence[Any]) -> list[Any]:
        """The outputs as they come: they may be views of inputs, and read-only."""
        frame = self._frame.copy()
        for slot, value in zip(self._inputs, values, strict=True):
            frame[slot] = value
        with np.errstate(all="ignore"):
            for function, args, slot, dead in self._steps:
                if len(args) == 1:
                    frame[slot] = function(frame[args[0]])
                elif len(args) == 2:
                    frame[slot] = function(frame[args[0]], frame[args[1]])
                else:
                    frame[slot] = function(*[frame[a] for a in args])
                for a in dead:
                    frame[a] = None
        return [frame[k] for k in self._outputs]


def _owned(value: Any, t: Any) -> Any:
    """A result that the caller may write to."""
    if type(value) is np.ndarray:
        if value.dtype != t.dtype:  # a 0-d value of a weak type
            value = value.astype(t.dtype)
        if not value.ndim:
            return value[()]
        return value if value.flags.owndata and value.flags.writeable else value.copy()
    return t.dtype.type(value)


def _implicit_broadcasts(order: Sequence[Any], kept: set[Any]) -> set[Any]:
    """Broadcasts that every reader applies by itself, because another operand has the shape."""
    found = {n for n in order if n.op is broadcast and n not in kept}
    for n in order:
        explicit = [a for a in n.args if a in found]
        if explicit and not (
            isinstance(n.op, Elementwise)
            and not n.params
            and any(a.type.shape == n.type.shape and a.op is not broadcast for a in n.args)
        ):
            found.difference_update(explicit)
    return found


def _alignment(n: Any) -> Callable[[Any], Any]:
    """The argument of a broadcast, with axes of length 1 where it is repeated."""
    shape, axes = n.params
    source = n.args[0].type.shape
    if not axes or axes == tuple(range(-len(axes), 0)):
        return lambda x: x
    spread = [1] * len(shape)
    for length, axis in zip(source, axes, strict=True):
        spread[axis] = length
    return lambda x: np.reshape(x, spread)


__all__ = ["ITEM", "Program", "TupleType"]
