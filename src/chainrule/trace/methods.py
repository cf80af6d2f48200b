"""The methods of ndarray, for an array of which some elements may be traced.

NumPy's own compute in C, on memory in which a traced element is a NaN. Where something is traced,
these ask the traced value instead; where nothing is, they are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .nesting import innermost
from .tracer import Tracer


class TracedMethods(np.ndarray):
    """What a buffer inherits. It adds the questions that these methods ask."""

    memory: Any
    _windows: Any
    _last: Any

    def is_traced(self) -> bool:
        """Whether any element is traced."""
        raise NotImplementedError

    def plain(self) -> np.ndarray:
        """The same memory as an ordinary array."""
        raise NotImplementedError

    def lifted(self) -> Tracer:
        """The whole array as one traced value of the trace that it belongs to."""
        raise NotImplementedError

    def alike(self, result: Any) -> Any:
        """A result of NumPy as a buffer, as long as the trace is at work."""
        raise NotImplementedError

    # -- where a concrete value is needed --------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.lifted()) if self.is_traced() else bool(self.plain())

    def __float__(self) -> float:
        return float(self.lifted() if self.is_traced() else self.plain())

    def __int__(self) -> int:
        return int(self.lifted() if self.is_traced() else self.plain())

    def __complex__(self) -> complex:
        return complex(self.lifted() if self.is_traced() else self.plain())

    def __repr__(self) -> str:
        return repr(self.lifted() if self.is_traced() else self.plain())

    def __str__(self) -> str:
        return str(self.lifted() if self.is_traced() else self.plain())

    def __format__(self, spec: str) -> str:
        return format(self.lifted() if self.is_traced() else self.plain(), spec)

    def __reduce__(self) -> Any:
        return self.plain().__reduce__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __copy__(self) -> Any:
        return self.copy()

    # -- methods ---------------------------------------------------------------------------------

    @property
    def ctypes(self) -> Any:
        """Its address for compiled code, which could read plain numbers there alone."""
        return self.lifted().ctypes if self.is_traced() else self.plain().ctypes

    @property
    def flat(self) -> Any:
        """The elements in order; of a traced array, as one axis that can be written to."""
        home = None if self.memory is None else self.memory.home
        if (home is None or not home.active) and not self.is_traced():
            return self.plain().flat
        return self.reshape(-1)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.reshape(-1)[...] = value

    @property
    def real(self) -> Any:
        """The real part."""
        return (
            self.lifted().real
            if self.dtype.kind == "c" and self.is_traced()
            else np.ndarray.real.__get__(self)
        )

    @real.setter
    def real(self, value: Any) -> None:
        self[...] = value + 1j * self.imag if self.dtype.kind == "c" else value

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return (
            self.lifted().imag
            if self.dtype.kind == "c" and self.is_traced()
            else np.ndarray.imag.__get__(self)
        )

    @imag.setter
    def imag(self, value: Any) -> None:
        self[...] = self.real + 1j * value

    @property
    def shape(self) -> Any:
        """The lengths of the axes."""
        return np.ndarray.shape.__get__(self)

    @shape.setter
    def shape(self, shape: Any) -> None:
        put: Any = np.ndarray.shape
        put.__set__(self, shape)
        self._windows = self._last = None

    def view(self, *args: Any, **keywords: Any) -> Any:
        """A view; of a traced array, under another dtype, a value of its own."""
        made = super().view(*args, **keywords)
        if type(made) is type(self) and made.itemsize != self.itemsize and self.is_traced():
            return self.lifted().view(*args, **keywords)
        return made

    def copy(self, order: Any = "C") -> Any:
        """A copy, with memory of its own."""
        if self.is_traced():
            return self.lifted().copy()
        return self.alike(self.plain().copy(order))

    def reshape(self, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
        """A view where NumPy gives one."""
        result = super().reshape(*shape, order=order)
        if not self.is_traced() or shares(result, self):
            return result
        return self.lifted().reshape(*shape, order=order)

    def ravel(self, order: Any = "C") -> Any:
        """A view where NumPy gives one."""
        return self.reshape(-1, order=order)

    def item(self, *index: Any) -> Any:
        """An element as a Python number, or as the traced value that was stored."""
        if len(index) == 1 and isinstance(index[0], tuple):
            (index,) = index
        if len(index) == 1 and self.ndim != 1:
            index = tuple(int(k) for k in np.unravel_index(range(self.size)[index[0]], self.shape))
        if not index and self.size == 1:
            index = (0,) * self.ndim
        value = self[index] if self.is_traced() else self.plain()[index]
        return value if issubclass(type(value), Tracer) else value.item()

    @property
    def __pandas_priority__(self) -> int:
        if not self.is_traced():
            raise AttributeError("__pandas_priority__")
        return 5000  # Series leave it to us

    def fill(self, value: Any) -> None:
        """Set every element."""
        self[...] = value

    def sort(self, axis: Any = -1, kind: Any = None, order: Any = None, **keywords: Any) -> None:
        """Sort in place."""
        if self.is_traced():
            self[...] = np.sort(self.lifted(), axis)
        else:
            self.plain().sort(axis, kind, order, **keywords)

    def partition(self, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
        """Partition in place."""
        if self.is_traced():
            self[...] = np.partition(self.lifted(), kth, axis)
        else:
            self.plain().partition(kth, axis, kind, order)

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        """Another shape and size in place, as compiled code gives what it made with ``np.empty``."""
        if self.is_traced():
            self.lifted().resize(*shape)
        own = self.memory is not None and self.nbytes == self.memory.array.nbytes
        resized = np.array(self.plain(), order="C") if own else self.plain()
        resized.resize(*shape, refcheck=False)  # a view cannot be, and NumPy says so
        # An array over memory of ours has none of its own to change: it is given some.
        restore: Any = super().__setstate__
        restore((1, resized.shape, resized.dtype, False, resized.tobytes()))
        self.memory = type(self.memory)(self.plain(), self.memory.home)
        self._windows = self._last = None

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """Set elements by their flat places."""
        self.reshape(-1)[indices] = values


def shares(view: Any, of: Any) -> bool:
    """Whether ``view`` is a view of the memory of ``of``."""
    return (
        type(view) is type(of)
        and of.memory is not None
        and (not view.size or of.memory.holds(view.__array_interface__["data"][0]))
    )


_REDIRECTED = (
    "all", "any", "argmax", "argmin", "argsort", "astype", "choose", "clip", "compress", "conj",
    "conjugate", "cumprod", "cumsum", "dot", "flatten", "max", "mean", "min", "nonzero",
    "prod", "repeat", "round", "searchsorted", "std", "sum", "take", "tolist", "trace", "var",
)  # fmt: skip


def _redirected(name: str) -> Callable[..., Any]:
    """A method of ndarray that computes in C: on a traced array, that of the traced value."""
    ordinary = getattr(np.ndarray, name)

    def method(self: TracedMethods, *args: Any, **keywords: Any) -> Any:
        if self.is_traced() or innermost((args, keywords)) is not None:
            return getattr(self.lifted(), name)(*args, **keywords)
        return self.alike(ordinary(self.plain(), *args, **keywords))

    method.__name__ = name
    method.__doc__ = f"As :meth:`numpy.ndarray.{name}`."
    return method


for _name in _REDIRECTED:
    setattr(TracedMethods, _name, _redirected(_name))


def _handed_out(name: str) -> Callable[..., Any]:
    """A method that hands out bytes: of a traced array, what the traced value says to it."""

    def method(self: TracedMethods, *args: Any, **keywords: Any) -> Any:
        whole = self.lifted() if self.is_traced() else self.plain()
        return getattr(whole, name)(*args, **keywords)

    method.__name__ = name
    method.__doc__ = f"As :meth:`numpy.ndarray.{name}`, where nothing is traced."
    return method


for _name in ("tobytes", "tofile", "dump", "dumps", "byteswap", "getfield", "setfield"):
    setattr(TracedMethods, _name, _handed_out(_name))
