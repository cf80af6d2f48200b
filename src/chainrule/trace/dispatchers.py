"""Functions that Numba compiles: a traced argument is given to the Python function they were made of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .buffers import Buffer
from .iteration import vectorized
from .nesting import innermost


def _kind(module: str, name: str) -> Any:
    """A class of Numba's, if Numba is loaded."""
    return getattr(sys.modules.get(module), name, None)


def compiled() -> list[tuple[Any, Callable[..., Any]]]:
    """The classes of what ``njit`` and ``vectorize`` make, and what a call becomes during a trace.

    The first argument runs something with all names as they are without a trace.
    """
    classes = {
        _kind("numba.core.dispatcher", "Dispatcher"): _dispatched,
        _kind("numba.np.ufunc.dufunc", "DUFunc"): _for_each,
    }
    return [(kind, call) for kind, call in classes.items() if kind is not None]


def source_of(function: Any) -> tuple[Any, ...]:
    """The Python function within a compiled one, which is told by its type alone."""
    kind = _kind("numba.core.dispatcher", "Dispatcher")
    return (function.py_func,) if kind is not None and issubclass(type(function), kind) else ()


def _dispatched(
    outside: Callable[..., Any], trace: Any, original: Callable[..., Any], self: Any, *args: Any,
    **keywords: Any,
) -> Any:  # fmt: skip
    if innermost((args, keywords)) is not None:
        return self.py_func(*args, **keywords)
    plain = [_plain(a) for a in args]
    words = {k: _plain(a) for k, a in keywords.items()}
    if not words and tuple(map(self.typeof_pyval, plain)) in self.overloads:
        return original(self, *plain)
    # Numba reads the names of NumPy when it compiles, and keeps what they stand for.
    return outside(lambda: original(self, *plain, **words))


def _for_each(
    outside: Callable[..., Any], trace: Any, original: Callable[..., Any], self: Any, *args: Any,
    **keywords: Any,
) -> Any:  # fmt: skip
    if innermost((args, keywords)) is None or keywords:
        return outside(lambda: original(self, *map(_plain, args), **keywords))
    each = np.vectorize(self._dispatcher.py_func)
    return vectorized(trace, original, each, *args)


def _plain(a: Any) -> Any:
    """A buffer as the ordinary array that compiled code knows, over the same memory."""
    if type(a) is Buffer:
        return a.plain()
    return tuple(map(_plain, a)) if type(a) is tuple else a
