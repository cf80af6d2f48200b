"""The reference evaluator: a graph as a list of NumPy calls, planned once and run often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..ir.collector import at_rest
from ..ir.graph import Graph
from ..ir.node import CONSTANT, INPUT, Node
from ..ir.types import ArrayType
from .contraction import einsum
from .elementwise import Elementwise, where
from .structural import broadcast, reduce_sum

#: Below this many elements a fresh array costs no more than the thought of reusing an old one.
_WORTH_REUSING = 1024


#: ``frame[slot] = function(*frame[args])``, after which the slots ``dead`` are dropped:
#: ``(function, args, slot, dead)``. A plain tuple, because there may be very many.
Step: TypeAlias = tuple[Callable[..., Any], tuple[int, ...], int, tuple[int, ...]]


class Program:
    """A graph planned for NumPy. Calling it with the values of the inputs gives the outputs.

    A value is dropped after its last use, or its memory is taken for the result, so the peak is
    what the computation needs. A broadcast that only elementwise operations read is left to
    NumPy's own broadcasting.
    """

    @at_rest
    def __init__(self, graph: Graph) -> None:
        order = graph.order
        given = set(graph.inputs)
        kept = set(graph.outputs)
        implicit = _implicit_broadcasts(order, kept)
        slots: dict[Node, int] = {n: k for k, n in enumerate(dict.fromkeys(graph.inputs))}
        count = len(slots)
        constants: dict[int, Any] = {}
        planned: list[Node] = []
        for n in order:
            if n in given:
                continue
            if n.op is INPUT:
                raise LookupError(f"the graph reads an input that is not bound: {n!r}")
            if n in implicit and _is_aligned(n):
                slots[n] = slots[n.args[0]]  # NumPy repeats it by itself
                continue
            slots[n] = count
            if n.op is CONSTANT:
                constants[count] = n.op.evaluate((), *n.params)
            else:
                planned.append(n)
            count += 1
        self._inputs = [slots[n] for n in graph.inputs]
        self._outputs = [slots[n] for n in graph.outputs]
        self._types = [n.type for n in graph.outputs]
        #: Values by slot: constants stay, the rest is computed.
        self._frame: list[Any] = [None] * count
        for slot, value in constants.items():
            self._frame[slot] = value
        self._steps = _steps(planned, slots, implicit, {*constants, *self._outputs})

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The outputs, as arrays of their own that share memory with no input."""
        taken = {id(_owner(v)) for v in values if type(v) is np.ndarray}
        pairs = zip(self.run(values), self._types, strict=True)
        return [_owned(value, t, taken) for value, t in pairs]

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


# -- planning --------------------------------------------------------------------------------------


def _steps(
    planned: Sequence[Node], slots: dict[Node, int], implicit: set[Node], protected: set[int]
) -> list[Step]:
    """A step for each of the ``planned`` nodes; ``protected`` slots are never dropped."""
    steps: list[Step] = []
    seen = set(protected)
    # Backwards, so that what is met first is read last.
    for n in reversed(planned):
        args = tuple([slots[a] for a in n.args])
        dead = tuple([a for a in dict.fromkeys(args) if a not in seen])
        seen.update(dead)
        if n in implicit:
            function: Callable[..., Any] = _alignment(n)
        else:
            function = n.op.evaluator([a.type for a in n.args], *n.params)
        steps.append((function, args, slots[n], dead))
    steps.reverse()
    if any(_is_large(n) for n in planned):
        _reuse(planned, steps)
    return steps


def _is_large(n: Node) -> bool:
    return type(n.type) is ArrayType and n.type.size >= _WORTH_REUSING


def _reuse(planned: Sequence[Node], steps: list[Step]) -> None:
    """Have ufuncs write over a large argument that was made here and is read for the last time."""
    #: Slots of which there may be views: what is not arithmetic may return one.
    viewed: set[int] = set()
    for n, (function, args, _, _) in zip(planned, steps, strict=True):
        if not _makes_new(n, function):
            viewed.update(args)
    mine: dict[int, ArrayType] = {}
    for k, (n, (function, args, slot, dead)) in enumerate(zip(planned, steps, strict=True)):
        if type(function) is np.ufunc:
            for a in dead:
                if mine.get(a) == n.type:
                    steps[k] = (_into(function, len(args), args.index(a)), args, slot, dead)
                    break
        if _is_large(n) and slot not in viewed and _makes_new(n, function):
            mine[slot] = n.type


def _makes_new(n: Node, function: Callable[..., Any]) -> bool:
    """Whether the result never shares memory with an argument."""
    op = n.op
    return (
        type(function) is np.ufunc
        or op is where
        or op is reduce_sum
        or (op is einsum and len(n.args) > 1)
    )


def _into(function: np.ufunc, count: int, k: int) -> Callable[..., Any]:
    """The ufunc with its result in place of argument ``k``, which nothing reads any more."""
    if count == 1:
        return lambda x: function(x, x)
    if count == 2:
        return (lambda x, y: function(x, y, x)) if k == 0 else lambda x, y: function(x, y, y)
    return lambda *xs: function(*xs, xs[k])


def _implicit_broadcasts(order: Iterable[Node], kept: set[Node]) -> set[Node]:
    """Broadcasts that every reader applies by itself, because another operand has the shape."""
    found = {n for n in order if n.op is broadcast and n not in kept}
    if not found:
        return found
    for n in order:
        explicit = [a for a in n.args if a in found]
        if explicit and not (
            isinstance(n.op, Elementwise)
            and not n.params
            and any(a.type.shape == n.type.shape and a.op is not broadcast for a in n.args)
        ):
            found.difference_update(explicit)
    return found


def _is_aligned(n: Node) -> bool:
    """Whether a broadcast repeats along leading axes only, as NumPy does unasked."""
    axes = n.params[1]
    return not axes or axes == tuple(range(-len(axes), 0))


def _alignment(n: Node) -> Callable[[Any], Any]:
    """The argument of a broadcast, with axes of length 1 where it is repeated."""
    shape, axes = n.params
    spread = [1] * len(shape)
    for length, axis in zip(n.args[0].type.shape, axes, strict=True):
        spread[axis] = length
    return lambda x: np.reshape(x, spread)


# -- results ---------------------------------------------------------------------------------------


def _owner(x: np.ndarray) -> Any:
    """The array, or other object, whose memory ``x`` shows."""
    base: Any = x
    while type(base) is np.ndarray and base.base is not None:
        base = base.base
    return base


def _owned(value: Any, t: Any, taken: set[int]) -> Any:
    """A result that the caller may write to; the arrays of memory in ``taken`` have owners."""
    if type(value) is not np.ndarray:
        return t.dtype.type(value)
    if value.dtype != t.dtype:  # a 0-d value of a weak type
        value = value.astype(t.dtype)
    if not value.ndim:
        return value[()]
    owner = _owner(value)
    if (
        type(owner) is not np.ndarray
        or id(owner) in taken
        or owner.size != value.size
        or not value.flags.writeable
    ):
        value = value.copy()
        owner = value
    taken.add(id(owner))
    return value


__all__ = ["Program"]
