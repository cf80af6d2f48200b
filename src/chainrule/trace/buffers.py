"""Arrays made during a trace: real ndarrays that become traced where a traced value is stored.

A buffer behaves as the ordinary array it is until a traced value is written to its memory. From
then on, reading an element gives the very value that was stored there, and using the whole array
gives one node that puts it together. What is written to it and read back therefore costs nothing,
and n writes cost O(n).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CutDerivative
from ..ops.structural import cast, slice_
from .assembly import assemble
from .indexing import is_basic
from .memory import Memory, is_poison, poison
from .methods import TracedMethods, shares
from .nesting import dtype_of, innermost, shape_and_leaves
from .site import expression_of, mark, site_of
from .tracer import Tracer
from .views import VIEWS

#: A buffer of at most this many bytes is compared with itself before it is put together again.
_COMPARED = 1 << 16

_plain = np.ndarray.__getitem__
_put = np.ndarray.__setitem__


class Buffer(TracedMethods):
    """An array over a :class:`Memory`. Views of it are buffers over the same memory."""

    memory: Memory | None
    _windows: tuple[np.ndarray, np.ndarray] | None
    #: How it was put together last, and when: the count of changes, and what the memory held.
    _last: tuple[int, bytes, Tracer] | None

    def __array_finalize__(self, source: Any) -> None:
        self.memory = getattr(source, "memory", None)
        self._windows = None
        self._last = None

    # -- what the memory knows of this view ------------------------------------------------------

    def tables(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Owner and place of every element, or ``None`` if nothing traced was ever stored here."""
        memory = self.memory
        if memory is None or memory.owner is None:
            return None
        if self._windows is None:
            if not memory.holds(self.__array_interface__["data"][0]):
                # A copy that was made in C: it has memory of its own, in which nothing is known.
                # Arithmetic may have changed what the mark carries.
                if self.size and self.dtype.kind in "fc" and np.isnan(self.plain()).any():
                    raise escaped(memory.home)
                self.memory = Memory(self.plain(), memory.home)
                return None
            self._windows = memory.windows(self)
        return self._windows

    def is_traced(self) -> bool:
        """Whether any element is traced."""
        tables = self.tables()
        return tables is not None and bool(tables[0].any())

    def plain(self) -> np.ndarray:
        """The same memory as an ordinary array."""
        return np.ndarray.view(self, np.ndarray)

    def assembled(self, trace: Any) -> Tracer:
        """The whole array as one traced value; the same one as long as nothing is written."""
        tables = self.tables()
        values = self.plain()
        memory = self.memory
        if tables is None or memory is None or values.nbytes > _COMPARED:
            return self._assembled(trace, tables, values)
        bits = values.tobytes()
        last = self._last
        if last is not None and last[:2] == (memory.changes, bits) and last[2].recorder.active:
            return last[2].copy()  # type: ignore[no-any-return]
        made = self._assembled(trace, tables, values)
        self._last = (memory.changes, bits, made.copy())
        return made

    def _assembled(self, trace: Any, tables: Any, values: np.ndarray) -> Tracer:
        if tables is not None and self.memory is not None:
            owner, place = tables
            if self.size and owner.any():
                marked = is_poison(values)
                if (marked & (owner == 0)).any():
                    raise escaped(trace)
                if (owner != 0)[~marked].any():  # overwritten in C
                    owner = np.where(marked, owner, 0)
                if self.memory.recorder.level > trace.level or not trace.active:
                    trace = self.memory.recorder
                if owner.any():
                    constants = np.where(owner == 0, values, np.zeros((), self.dtype))
                    made: Tracer = assemble(owner, place, self.memory.pieces, constants, trace)
                    return made
        if self.size and self.dtype.kind in "fc" and is_poison(values).any():
            raise escaped(trace)
        snapshot: Tracer = trace.lift(trace.snapshot(values))
        return snapshot

    def __traced__(self, trace: Any) -> Tracer:
        return self.assembled(trace)

    def __trace__(self) -> Any:
        return self.memory.recorder if self.memory is not None and self.is_traced() else None

    def lifted(self) -> Tracer:
        """The whole array as one traced value of the trace that it belongs to."""
        assert self.memory is not None
        return self.assembled(self.memory.recorder)

    # -- elements --------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        tables = None if self.memory is None or self.memory.owner is None else self.tables()
        if tables is None:
            if type(index) is int or type(index) is slice or not _has_traced(index):
                return _plain(self, index)
            return self.lifted()[index]
        if not is_basic(index):
            return (
                self.lifted()[index]
                if tables[0].any() or _has_traced(index)
                else _plain(self, index)
            )
        value = _plain(self, index)
        if type(value) is Buffer:
            return value
        k = tables[0][index]
        if not k:
            if np.isnan(value) and is_poison(np.asarray(value)) and self.memory is not None:
                raise escaped(self.memory.home)
            return value
        if not np.isnan(value):  # no longer the mark: it was overwritten in C
            return value
        assert self.memory is not None
        piece = self.memory.pieces[k - 1]
        shape = piece.node.type.shape
        if not shape:
            return piece
        return slice_(piece, tuple(int(c) for c in np.unravel_index(tables[1][index], shape)))

    def __setitem__(self, index: Any, value: Any) -> None:
        traced = traced_value(value)
        if traced is None and not _has_traced(index):
            _put(self, index, value)
            self.forget(index)
            return
        if _has_traced(index):
            index = self._concrete(index, value if traced is None else traced)
            if index is None:
                return
            if traced is None:
                self[index] = value
                return
        assert traced is not None
        self._store(index, traced)

    def _concrete(self, index: Any, value: Any) -> Any:
        """A traced index as a concrete one, a decision of the program; ``None``: all is done.

        With one value for all, a traced mask selects, and stays traced.
        """
        if getattr(index, "dtype", None) == np.bool_ and np.ndim(index) and not np.ndim(value):
            mask = index
            for _ in range(self.ndim - np.ndim(index)):
                mask = np.expand_dims(mask, -1)
            chosen: Any = np.where(mask, value, self)
            self._store(Ellipsis, chosen)
            return None
        if isinstance(index, tuple):
            return tuple(concrete_index(e) for e in index)
        return concrete_index(index)

    def forget(self, index: Any) -> None:
        """What is at ``index`` is no longer traced."""
        tables = self.tables()
        if tables is not None and self.memory is not None:
            tables[0][index] = 0
            self.memory.changes += 1

    def _store(self, index: Any, value: Tracer) -> None:
        dtype = self.dtype
        t = value.node.type
        if not self.flags.writeable:
            raise ValueError("assignment destination is read-only")
        if dtype.kind not in "fc":
            # An integer or a truth value has no derivative: what is stored is a decision.
            _put(self, index, value.recorder.decide_array(cast(value, dtype)))
            return
        if t.weak:
            value = cast.bind((value,), dtype, False)
        elif t.dtype != dtype:
            if t.dtype.kind == "c" and dtype.kind == "f":
                raise TypeError(
                    f"a complex value cannot be stored in an array of {dtype}; make the array "
                    "with dtype=complex"
                )
            value = cast(value, dtype)
        if self._windows is None:
            if self.memory is None or not self.memory.holds(self.__array_interface__["data"][0]):
                self.memory = Memory(self.plain(), value.recorder)
            self._windows = self.memory.windows(self)
            getattr(self.memory.home, "root", self.memory.home).stored = mark(2)
        memory, (owner, place) = self.memory, self._windows
        assert memory is not None
        if t.shape:
            # The places go first: if the shapes do not fit, this raises and nothing has happened.
            place[index] = np.arange(t.size).reshape(t.shape)
            value = Tracer(value.node, value.recorder)  # what is stored does not change later
        else:
            place[index] = 0
        owner[index] = memory.add(value)
        _put(self, index, poison(dtype))

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(len(self)))

    # -- NumPy's protocols -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        out = keywords.get("out", ())
        trace = innermost(inputs)
        trace = innermost((keywords.get("where"),)) if trace is None else trace
        if (
            trace is None
            and out
            and method == "__call__"
            and keywords.get("where", True) is not True
        ):
            trace = innermost(out)
        if trace is None and method == "at":
            trace = innermost(inputs[:1])
        if trace is not None:
            return trace.ufunc(ufunc, method, inputs, keywords)
        plain = [x.plain() if type(x) is Buffer else x for x in inputs]
        if out:
            keywords["out"] = tuple(x.plain() if type(x) is Buffer else x for x in out)
        if type(keywords.get("where")) is Buffer:
            keywords["where"] = keywords["where"].plain()
        result = getattr(ufunc, method)(*plain, **keywords)
        for target in out:
            if type(target) is Buffer:
                target.forget(...)  # it was written to by NumPy itself
        if out:
            return out[0] if len(out) == 1 else out
        return self.alike(result)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, keywords: Any
    ) -> Any:
        if function in VIEWS and args and type(args[0]) is Buffer:
            result = super().__array_function__(function, types, args, keywords)
            parts = result if isinstance(result, list | tuple) else (result,)
            if all(shares(part_, args[0]) for part_ in parts) or not args[0].is_traced():
                return result
        trace = innermost((args, keywords))
        if trace is not None:
            return trace.function(function, args, keywords)
        result = super().__array_function__(function, types, args, keywords)
        if isinstance(result, np.ndarray) and result.base is not None:
            for arg in args:  # a view, as einsum gives, shares what is known of the memory
                memory = arg.memory if type(arg) is Buffer else None
                if memory is not None and memory.holds(result.__array_interface__["data"][0]):
                    view = result.view(Buffer)
                    view.memory = memory
                    return view
        return self.alike(result)

    def alike(self, result: Any) -> Any:
        """A result as a buffer, as long as the trace is at work."""
        home = None if self.memory is None else self.memory.home
        if home is None or not home.active:
            return result.plain() if type(result) is Buffer else result
        if isinstance(result, tuple | list):
            parts = [self.alike(r) for r in result]
            if hasattr(result, "_fields"):
                return type(result)(*parts)
            return type(result)(parts)
        if type(result) is np.ndarray:
            return buffer(result, home)
        if type(result) is Buffer and result.ndim and result.memory is not None:
            result.tables()
        return result


def buffer(array: np.ndarray, home: Any) -> Buffer:
    """``array``, which was made just now, as a buffer of a trace."""
    made = array.view(Buffer)
    made.memory = Memory(array, home)
    return made


def escaped(trace: Any) -> CutDerivative:
    """The error for a traced element that compiled code has read as a plain number."""
    # Where it was read is not known: the mark may have gone through any number of operations.
    where = getattr(trace, "root", trace).stored or mark(2)
    error = CutDerivative(
        f"what `{expression_of(where) or 'this line'}` stored in an array was read there by compiled "
        "code, which sees plain numbers and would lose the derivative. Use NumPy's functions on the "
        "array (`A @ x` for `A.dot(x)`, np.copy for bytes and memoryviews).",
        site_of(where),
    )
    trace.refuse(error)
    return error


# -- finding traced values -------------------------------------------------------------------------


def traced_value(value: Any) -> Tracer | None:
    """``value`` as a traced array, or ``None`` if nothing in it is traced."""
    kind = type(value)
    if kind is Tracer:
        return value  # type: ignore[no-any-return]
    if kind is Buffer:
        return value.lifted() if value.is_traced() else None
    if issubclass(kind, Tracer):
        return Tracer(value.node, value.recorder)
    if kind is list or kind is tuple:
        trace = innermost(value)
        if trace is not None:
            return traced_value(nested(value, trace))
    return None


def nested(values: Any, trace: Any) -> Any:
    """Nested lists of which some elements are traced, as one array: as :func:`numpy.array`."""
    shape, leaves = shape_and_leaves(values)
    dtype = np.result_type(*{dtype_of(leaf) for leaf in leaves})
    made = buffer(np.zeros(shape, dtype), trace)
    own = np.shape(leaves[0]) if leaves else ()
    parts = made.reshape(-1, *own)
    for k, leaf in enumerate(leaves):
        parts[k] = leaf
    return made


def _has_traced(index: Any) -> bool:
    if type(index) is tuple:
        return any(_has_traced(e) for e in index)
    if type(index) is list:
        return innermost(index) is not None
    return issubclass(type(index), Tracer)


def concrete_index(entry: Any) -> Any:
    """One entry of an index as a concrete one; a traced one is a decision of the program."""
    if issubclass(type(entry), Tracer):
        if not entry.ndim:
            return bool(entry) if entry.dtype == np.bool_ else int(entry)
        return entry.recorder.decide_array(entry)
    return [concrete_index(e) for e in entry] if type(entry) is list else entry
