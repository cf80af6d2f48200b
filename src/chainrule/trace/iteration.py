"""What NumPy does for each element while a trace is at work: ``vectorize``, ``nditer`` and their kin.

Each takes the trace, then NumPy's own function, then its arguments.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, Self

import numpy as np

from .aliases import Written, give_memory
from .buffers import Buffer
from .creation import array, as_array, elements
from .dispatch import unsupported
from .functions.selection import normalized
from .nesting import innermost
from .site import is_internal
from .tracer import Tracer

_frame = sys._getframe  # noqa: SLF001
_array, _asarray, _nditer = np.array, np.asarray, np.nditer


def vectorized(trace: Any, numpy: Any, self: Any, *args: Any, **keywords: Any) -> Any:
    """``np.vectorize(f)(…)``: ``f`` for each element, or for each part that its signature names."""
    if innermost((args, keywords)) is None:
        try:
            return numpy(self, *args, **keywords)
        except TypeError:  # the function itself closes over traced values
            if not trace.refusals:
                raise
            trace.refusals.pop()
    kept: set[Any] = set(self.excluded or ())
    names = [k for k in keywords if k not in kept]
    places = [k for k in range(len(args)) if k not in kept]
    held = [k for k in kept if isinstance(k, str)]
    if held:  # an argument may be excluded by its name and given by its position
        parameters = list(inspect.signature(self.pyfunc).parameters)
        places = [k for k in places if k >= len(parameters) or parameters[k] not in kept]

    def call(*row: Any) -> Any:
        given = list(args)
        for k, value in zip(places, row[: len(places)], strict=True):
            given[k] = value
        named = dict(zip(names, row[len(places) :], strict=True))
        return self.pyfunc(*given, **{**keywords, **named})

    arrays = [as_array(trace, _asarray, args[k]) for k in places]
    arrays += [as_array(trace, _asarray, keywords[k]) for k in names]
    if self.signature is not None:
        return _by_signature(trace, self.signature, call, arrays)
    arrays = list(np.broadcast_arrays(*arrays))
    shape = np.shape(arrays[0])
    rows = zip(*(elements(a) for a in arrays), strict=True)
    results = [call(*row) for row in rows]
    if results and isinstance(results[0], tuple):
        return tuple(
            np.reshape(array(trace, _array, list(r)), shape) for r in zip(*results, strict=True)
        )
    # A string of characters, or the list of types that SciPy's distributions put in its place.
    dtype = self.otypes[0] if self.otypes else None
    return np.reshape(array(trace, _array, results, dtype), shape)


def _by_signature(trace: Any, signature: str, call: Callable[..., Any], arrays: Any) -> Any:
    """A function of parts of arrays: the last axes, as many as the signature names."""
    inputs, outputs = (re.findall(r"\(([^)]*)\)", side) for side in signature.split("->"))
    own = [len([n for n in names.split(",") if n.strip()]) for names in inputs]
    if len(own) != len(arrays):
        raise TypeError(f"wrong number of positional arguments: expected {len(own)}")
    leads = [np.shape(a)[: np.ndim(a) - k] for a, k in zip(arrays, own, strict=True)]
    lead = np.broadcast_shapes(*leads)
    spread = [
        np.broadcast_to(a, lead + tuple(np.shape(a)[np.ndim(a) - k :]))
        for a, k in zip(arrays, own, strict=True)
    ]
    results = [call(*(a[index] for a in spread)) for index in product(*map(range, lead))]
    if len(outputs) > 1:
        columns = [array(trace, _array, list(r)) for r in zip(*results, strict=True)]
        return tuple(np.reshape(c, lead + tuple(np.shape(c)[1:])) for c in columns)
    stacked = array(trace, _array, results)
    return np.reshape(stacked, lead + tuple(np.shape(stacked)[1:]))


def along_axis(
    trace: Any, numpy: Any, func1d: Any, axis: int, arr: Any, *args: Any, **keywords: Any
) -> Any:
    """``apply_along_axis``."""
    arr = as_array(trace, _asarray, arr)
    moved = np.moveaxis(arr, axis, -1)
    lead = tuple(np.shape(moved)[:-1])
    rows = np.reshape(moved, (-1, np.shape(moved)[-1]))
    results = [func1d(rows[k], *args, **keywords) for k in range(np.shape(rows)[0])]
    stacked = array(trace, _array, results)
    own = np.ndim(stacked) - 1
    stacked = np.reshape(stacked, (*lead, *np.shape(stacked)[1:]))
    at = normalized(axis, np.ndim(arr)) + np.ndim(arr)
    return np.moveaxis(stacked, range(len(lead), len(lead) + own), range(at, at + own))


def enumerated(trace: Any, numpy: Any, arr: Any) -> Any:
    """``ndenumerate``."""
    if innermost((arr,)) is None:
        return numpy(arr)
    return _enumerated(as_array(trace, _asarray, arr))


def _enumerated(arr: Any) -> Iterator[Any]:
    for index in np.ndindex(*np.shape(arr)):
        yield index, arr[index]


# -- nditer ----------------------------------------------------------------------------------------


def iterated(
    trace: Any, numpy: Any, op: Any, flags: Any = None, op_flags: Any = None, *args: Any,
    **keywords: Any,
) -> Any:  # fmt: skip
    """``nditer``."""
    operands = list(op) if isinstance(op, list | tuple) else [op]
    # NumPy's own functions use it to iterate over shapes.
    internal = is_internal(_frame(2).f_code.co_filename)
    if internal or (innermost(operands) is None and not any(type(a) is Buffer for a in operands)):
        return numpy(op, flags or [], op_flags, *args, **keywords)
    several = isinstance(op, list | tuple)
    own = op_flags or []
    own = [own] * len(operands) if not own or isinstance(own[0], str) else list(own)
    return Elements(trace, operands, set(flags or ()), own, keywords, several=several)


_HARMLESS = frozenset({
    "multi_index", "c_index", "refs_ok", "zerosize_ok", "reduce_ok", "copy_if_overlap", "buffered",
    "common_dtype", "delay_bufalloc", "growinner",
})  # fmt: skip


class Elements:
    """As :class:`numpy.nditer`, element by element in C order, over arrays that may be traced."""

    def __init__(
        self, trace: Any, operands: Sequence[Any], flags: set[str], op_flags: Sequence[Any],
        keywords: dict[str, Any], *, several: bool,
    ) -> None:  # fmt: skip
        other = [*(flags - _HARMLESS), *(k for k in keywords if k not in ("order", "casting"))]
        if any(a is None for a in operands):
            other.append("an operand to be made")
        if keywords.get("order", "K") == "F":
            other.append('order="F"')
        if other:
            raise unsupported(f"np.nditer with {other[0]}", "a loop over np.ndindex(x.shape)")
        self._several = several
        self.operands = tuple(
            self._operand(trace, a, set(f)) for a, f in zip(operands, op_flags, strict=True)
        )
        written = [bool({"readwrite", "writeonly"} & set(f)) for f in op_flags]
        self.shape = np.broadcast_shapes(*(tuple(np.shape(a)) for a in self.operands))
        self._spread = [
            a if w or tuple(np.shape(a)) == self.shape else np.broadcast_to(a, self.shape)
            for a, w in zip(self.operands, written, strict=True)
        ]
        self._written = written
        self.ndim, self.nop = len(self.shape), len(self.operands)
        self.itersize = int(np.prod(self.shape))
        self.reset()

    @staticmethod
    def _operand(trace: Any, a: Any, flags: set[str]) -> Any:
        if {"readwrite", "writeonly"} & flags:
            return give_memory(a) if type(a) in (Tracer, Written) else a
        return as_array(trace, _asarray, a)

    def reset(self) -> None:
        """Go back to the first element."""
        self.index, self._started = 0, False

    @property
    def finished(self) -> bool:
        """Whether all elements were visited."""
        return self.index >= self.itersize

    @property
    def multi_index(self) -> tuple[int, ...]:
        """Where the current element is."""
        return tuple(int(k) for k in np.unravel_index(self.index, self.shape)) if self.ndim else ()

    def iternext(self) -> bool:
        """Go on to the next element, and say whether there is one."""
        self.index += 1
        return not self.finished

    def __getitem__(self, k: int) -> Any:
        at = self.multi_index
        a: Any = self._spread[k]
        return a[(*at, ...)] if self._written[k] else a[at]

    def __setitem__(self, k: int, value: Any) -> None:
        self._spread[k][self.multi_index] = value

    @property
    def value(self) -> Any:
        """The current element, or the tuple of those of several arrays."""
        row = tuple(self[k] for k in range(self.nop))
        return row if self._several and self.nop > 1 else row[0]

    def __iter__(self) -> Elements:
        return self

    def __next__(self) -> Any:
        if self._started:
            self.index += 1
        self._started = True
        if self.finished:
            raise StopIteration
        return self.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is left to be written back."""


#: NumPy function -> what it does during a trace.
ITERATION: dict[Callable[..., Any], Callable[..., Any]] = {
    np.apply_along_axis: along_axis, np.ndenumerate: enumerated, np.nditer: iterated,
}  # fmt: skip
