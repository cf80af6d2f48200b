"""What NumPy's creation functions do while a trace is at work.

They make a :class:`~chainrule.trace.buffers.Buffer`, in which traced values may be stored, or put
traced values together. Each takes the trace, then NumPy's own function, then its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.structural import cast, strong
from .buffers import Buffer, buffer, nested
from .nesting import innermost, shape_and_leaves
from .tracer import Tracer

_NUMERIC = "fciub"


def _new(trace: Any, array: Any) -> Any:
    """An array that NumPy has just made."""
    if type(array) is np.ndarray and array.dtype.kind in _NUMERIC:
        return buffer(array, trace)
    return array


def made(trace: Any, numpy: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """``zeros``, ``ones``, ``eye`` and others that take no array."""
    return _new(trace, numpy(*map(_listed, args), **keywords))


def empty(
    trace: Any, numpy: Any, shape: Any, dtype: Any = float, order: Any = "C", **keywords: Any
) -> Any:
    """``empty``: with zeros in it, for memory that was used before may hold anything."""
    return _new(trace, _zeros(shape, dtype, order))


def full(
    trace: Any,
    numpy: Any,
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "C",
    **keywords: Any,
) -> Any:
    """``full``, of a value that may be traced."""
    owner = innermost((fill_value,))
    if owner is None:
        return _new(trace, numpy(shape, fill_value, dtype, order, **keywords))
    value = array(trace, _array, fill_value)
    new = _new(trace, _zeros(shape, value.dtype if dtype is None else dtype, order))
    new[...] = value
    return new


def like(fill: Any) -> Callable[..., Any]:
    """``zeros_like`` and its kin; the shape and dtype may be those of a traced array."""

    def function(
        trace: Any, numpy: Any, a: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
        shape: Any = None, **keywords: Any,
    ) -> Any:  # fmt: skip
        a = _listed(a)
        if not issubclass(type(a), Tracer | Buffer):
            plain = numpy(a, dtype=dtype, order=order, subok=subok, shape=shape, **keywords)
            return _new(trace, plain)
        kind = a.dtype if dtype is None else dtype
        return _new(trace, _full(a.shape if shape is None else shape, fill, kind))

    return function


def _listed(a: Any) -> Any:
    """``a``, or the traced array that a list of traced numbers is."""
    value = _traced(a) if type(a) in (list, tuple) else None
    return a if value is None else value


def full_like(
    trace: Any, numpy: Any, a: Any, fill_value: Any, dtype: Any = None, order: Any = "K",
    subok: bool = True,
    shape: Any = None, **keywords: Any,
) -> Any:  # fmt: skip
    """``full_like``, of a value that may be traced."""
    a = _listed(a)
    if not issubclass(type(a), Tracer | Buffer) and innermost((fill_value,)) is None:
        return _new(trace, numpy(a, fill_value, dtype, order, subok, shape, **keywords))
    a = a if hasattr(a, "dtype") else _asarray(a)
    kind = a.dtype if dtype is None else dtype
    return full(trace, _full, a.shape if shape is None else shape, fill_value, kind)


def array(
    trace: Any, numpy: Any, object: Any, dtype: Any = None, *, copy: Any = True, order: Any = "K",
    subok: bool = False, ndmin: int = 0, like: Any = None,
) -> Any:  # fmt: skip
    """``array``."""
    if dtype is not None and _is_object(dtype) and innermost((object,)) is not None:
        return _of_objects(object)
    value = _traced(object)
    always = copy is not None and copy is not False and getattr(copy, "name", "ALWAYS") == "ALWAYS"
    if value is None:
        if type(object) is Buffer:
            object = object.plain() if always else object
            if (
                not always
                and (dtype is None or np.dtype(dtype) == object.dtype)
                and object.ndim >= ndmin
            ):
                return object
        new = numpy(object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)
        return (
            new
            if new is object or (type(object) is np.ndarray and not always)
            else _new(trace, new)
        )
    if dtype is not None:
        value = cast(value, dtype)
    if value.ndim < ndmin:
        value = np.reshape(value, (1,) * (ndmin - value.ndim) + tuple(value.shape))
    if type(value) is Tracer and value.node.type.weak:
        value = strong(value)
    return value.copy() if always and value is object else value


def as_array(trace: Any, numpy: Any, a: Any, dtype: Any = None, *args: Any, **keywords: Any) -> Any:
    """``asarray`` and its kin."""
    if dtype is not None and _is_object(dtype) and innermost((a,)) is not None:
        return _of_objects(a)
    value = _traced(a)
    if value is None:
        if type(a) is Buffer and (dtype is None or np.dtype(dtype) == a.dtype):
            return a
        new = numpy(a, dtype, *args, **keywords)
        return new if new is a or isinstance(a, np.ndarray) else _new(trace, new)
    if dtype is not None and np.dtype(dtype) != value.dtype:
        return cast(value, dtype)
    if type(value) is Tracer and value.node.type.weak:
        return strong(value)
    return value


def copied(trace: Any, numpy: Any, a: Any, *args: Any, **keywords: Any) -> Any:
    """``copy``."""
    value = _traced(a)
    return _new(trace, numpy(a, *args, **keywords)) if value is None else value.copy()


def contiguous(trace: Any, numpy: Any, a: Any, dtype: Any = None, **keywords: Any) -> Any:
    """``ascontiguousarray`` and its kin: at least one axis."""
    value = as_array(trace, numpy, a, dtype, **keywords)
    return value if np.ndim(value) else np.reshape(value, (1,))


def require(
    trace: Any, numpy: Any, a: Any, dtype: Any = None, requirements: Any = None, **keywords: Any
) -> Any:
    """``require``."""
    return (
        numpy(a, dtype, requirements, **keywords)
        if _traced(a) is None
        else as_array(trace, _asarray, a, dtype)
    )


def from_iterable(
    trace: Any, numpy: Any, iter: Any, dtype: Any, count: int = -1, **keywords: Any
) -> Any:
    """``fromiter``."""
    items = (
        [item for _, item in zip(range(count), iter, strict=False)] if count >= 0 else list(iter)
    )
    return array(trace, _array, items, dtype)


def arange(trace: Any, numpy: Any, *args: Any, dtype: Any = None, **keywords: Any) -> Any:
    """``arange``; how many elements it has is a decision of the program."""
    if innermost(args) is None:
        return _new(trace, numpy(*args, dtype=dtype, **keywords))
    start, stop, step = (
        (0, args[0], 1) if len(args) == 1 else (*args, 1) if len(args) == 2 else args
    )
    count = max(int(np.ceil((stop - start) / step)), 0)
    result = start + step * _arange(count)
    return result if dtype is None else cast(result, dtype)


def _is_object(dtype: Any) -> bool:
    return bool(dtype is object or dtype == "O" or dtype == np.dtype(object))


def _of_objects(values: Any) -> np.ndarray:
    """An array of objects, some of which are traced numbers: Python's operators work on these."""
    try:
        shape, leaves = shape_and_leaves(values)
    except ValueError:  # lists of several lengths: an array of lists
        shape, leaves = (len(values),), list(values)
    if leaves and np.shape(leaves[0]) and len(leaves) < int(np.prod(shape)):
        leaves = [e for leaf in leaves for e in elements(leaf)]
    elif not isinstance(values, list | tuple):
        leaves = elements(values)
    made = np.empty(int(np.prod(shape)), object)
    for k, leaf in enumerate(leaves):
        made[k] = leaf
    return made.reshape(shape)


def elements(a: Any) -> list[Any]:
    """The elements in order; the traced ones as traced numbers."""
    flat = np.ravel(a)
    return [flat[k] for k in range(np.shape(flat)[0])]


def _traced(value: Any) -> Any:
    """``value`` as a traced array or a buffer that holds traced values, else ``None``."""
    kind = type(value)
    if kind is Tracer:
        return value
    if kind is list or kind is tuple:
        owner = innermost(value)
        return None if owner is None else nested(value, owner)
    if kind is Buffer:
        return value if value.is_traced() else None
    return value if issubclass(kind, Tracer) else None


def is_scalar(trace: Any, numpy: Any, element: Any) -> bool:
    """``isscalar``."""
    return not element.ndim if issubclass(type(element), Tracer) else numpy(element)


class Joiner:
    """``np.r_`` and ``np.c_`` of traced arrays."""

    def __init__(self, numpy: Any, current: Callable[[], Any]) -> None:
        self._numpy, self._current = numpy, current

    def __getattr__(self, name: str) -> Any:
        return getattr(self._numpy, name)

    def __getitem__(self, key: Any) -> Any:
        entries = key if isinstance(key, tuple) else (key,)
        trace = self._current()
        if trace is None or innermost(entries) is None:
            return self._numpy[key]
        axis, ndmin, first = self._numpy.axis, self._numpy.ndmin, self._numpy.trans1d
        if isinstance(entries[0], str):
            axis, ndmin, first = _directive(entries[0], axis, ndmin, first)
            entries = entries[1:]
        parts = []
        for entry in entries:
            if isinstance(entry, slice):
                part = self._numpy[entry].ravel()
                own = 1
            else:
                part = array(trace, _array, entry, copy=None)
                own = np.ndim(part)
            # New axes go before those that the entry has, but for `first` of them.
            missing = max(ndmin, 1) - own
            if missing > 0:
                lead = (first if first >= 0 else first + missing + 1) if own else missing
                part = np.reshape(
                    part, (1,) * lead + tuple(np.shape(part)) + (1,) * (missing - lead)
                )
            parts.append(part)
        return np.concatenate(parts, axis=axis)

    def __len__(self) -> int:
        return 0


def _directive(text: str, axis: int, ndmin: int, first: int) -> tuple[int, int, int]:
    """What ``np.r_["0,2,0", …]`` says: the axis, the least number of axes, where one axis goes."""
    try:
        numbers = [int(n) for n in text.split(",")]
    except ValueError:
        raise TypeError(
            f"np.r_[{text!r}, …] of traced arrays is not supported; use np.stack or np.concatenate"
        ) from None
    return tuple((*numbers, *(axis, ndmin, first)[len(numbers) :])[:3])  # type: ignore[return-value]


# NumPy's own functions, from before anything was intercepted.
_array, _asarray, _zeros, _full, _arange = np.array, np.asarray, np.zeros, np.full, np.arange

#: NumPy function -> what it does during a trace.
CREATION: dict[Callable[..., Any], Callable[..., Any]] = {
    np.zeros: made, np.ones: made, np.eye: made, np.identity: made, np.tri: made, np.empty: empty,
    np.full: full, np.full_like: full_like,
    np.zeros_like: like(0), np.empty_like: like(0), np.ones_like: like(1),
    np.array: array, np.asarray: as_array, np.asanyarray: as_array, np.asarray_chkfinite: as_array,
    np.ascontiguousarray: contiguous, np.asfortranarray: contiguous, np.require: require,
    np.fromiter: from_iterable, np.arange: arange, np.linspace: made, np.logspace: made,
    np.geomspace: made, np.copy: copied, np.fromfunction: made, np.indices: made,
    np.isscalar: is_scalar,
}  # fmt: skip
