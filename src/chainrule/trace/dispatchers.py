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
    """The classes of what ``njit`` and ``vectorize`` make, and what a call becomes during a trace."""
    classes = {
        _kind("numba.core.dispatcher", "Dispatcher"): _dispatched,
        _kind("numba.np.ufunc.dufunc", "DUFunc"): _for_each,
    }
    return [(kind, call) for kind, call in classes.items() if kind is not None]


def source_of(function: Any) -> tuple[Any, ...]:
    """The Python function within a compiled one, which is told by its type alone."""
    kind = _kind("numba.core.dispatcher", "Dispatcher")
    return (function.py_func,) if kind is not None and issubclass(type(function), kind) else ()


def _dispatched(trace: Any, original: Callable[..., Any], self: Any, *args: Any, **keywords: Any) -> Any:
    if innermost((args, keywords)) is None:
        plain = [_plain(a) for a in args]
        try:
            return original(self, *plain, **{k: _plain(a) for k, a in keywords.items()})
        except Exception as error:
            # What is compiled now finds names of NumPy's that stand for our functions.
            if not type(error).__module__.startswith("numba."):
                raise
    return self.py_func(*args, **keywords)


def _for_each(trace: Any, original: Callable[..., Any], self: Any, *args: Any, **keywords: Any) -> Any:
    if innermost((args, keywords)) is None or keywords:
        return original(self, *map(_plain, args), **keywords)
    each = np.vectorize(self._dispatcher.py_func)
    return vectorized(trace, original, each, *args)


def _plain(a: Any) -> Any:
    """A buffer as the ordinary array that compiled code knows, over the same memory."""
    if type(a) is Buffer:
        return a.plain()
    return tuple(map(_plain, a)) if type(a) is tuple else a
