"""What stands in for a function while a trace is at work, and which functions those are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import update_wrapper
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from .buffers import nested
from .creation import CREATION, Joiner
from .entrance import entrance
from .functions import FUNCTIONS
from .iteration import ITERATION
from .mathematics import NUMBERS, STATISTICS, functions
from .nesting import innermost
from .site import is_ours
from .solvers import SOLVERS
from .stack import current, stack

_frame = sys._getframe  # noqa: SLF001


def stand_in(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is ``replacement`` for a program being traced, and ``original`` otherwise."""

    def function(*args: Any, **keywords: Any) -> Any:
        traces = stack.traces
        if not traces or not stack.intercepting or is_ours(_frame(1).f_code.co_filename):
            return original(*args, **keywords)
        return replacement(traces[-1], original, *args, **keywords)

    function.replacement = replacement  # type: ignore[attr-defined]
    return update_wrapper(function, original)


def _list_taker(original: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in for a function that may be given a list of traced numbers."""

    def function(*args: Any, **keywords: Any) -> Any:
        for a in args:
            if type(a) in _SEQUENCES and stack.traces and stack.intercepting:
                return original(*map(_as_array, args), **keywords)
        return original(*args, **keywords)

    return update_wrapper(function, original)


def _joiner(original: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in for a function that joins a list of arrays, each of which may be a list."""

    def function(arrays: Any, *args: Any, **keywords: Any) -> Any:
        if type(arrays) in _SEQUENCES and stack.traces and stack.intercepting:
            arrays = [_as_array(a) for a in arrays]
        return original(arrays, *args, **keywords)

    return update_wrapper(function, original)


def _by_name(composite: Callable[..., Any]) -> Callable[..., Any]:
    """What a function of SciPy's does during a trace: our own where an argument is traced."""

    def replacement(trace: Any, original: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        if innermost((args, keywords)) is None:
            return original(*args, **keywords)
        lifted = [_as_array(a) if type(a) is list else a for a in trace.lifted(args)]
        return composite(*lifted, **trace.lifted(keywords))

    return replacement


_SEQUENCES = (list, tuple)


def _as_array(a: Any) -> Any:
    if type(a) not in _SEQUENCES:
        return a
    owner = innermost(a)
    return a if owner is None else owner.lift(nested(a, owner))


# -- which names, and what they stand for ----------------------------------------------------------

#: These join a list of arrays; these take a list that means something else.
_JOINS: frozenset[Any] = frozenset({
    np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.linalg.multi_dot,
    np.histogramdd,
})  # fmt: skip
_TAKES_LISTS: frozenset[Any] = frozenset({np.block, np.select, np.choose, np.einsum, np.piecewise})


class Table:
    """Stand-ins by the identity of what they stand for."""

    def __init__(self) -> None:
        self.by_id: dict[int, tuple[Any, Any]] = {}
        self.back: dict[int, Any] = {}
        #: Functions written in Python, and the code by which they are replaced.
        self.codes: dict[int, tuple[FunctionType, CodeType, Callable[..., Any]]] = {}
        #: Those that matter only where somebody writes a list of traced numbers.
        self.for_lists: set[int] = set()
        table: dict[Any, Any] = dict(FUNCTIONS)
        self.dotted = {k: value for k, value in table.items() if isinstance(k, str)} | STATISTICS
        self.dotted |= SOLVERS
        for original, replacement in {**CREATION, **ITERATION, **functions()}.items():
            self.add(original, stand_in(original, replacement))
        for original in FUNCTIONS:
            if (
                isinstance(original, FunctionType | type(np.sum)) and original not in _TAKES_LISTS
                and id(original) not in self.by_id
            ):  # fmt: skip
                make = _joiner if original in _JOINS else _list_taker
                self.add(original, make(original))
                self.for_lists.add(id(original))
        for number, shadow in NUMBERS.items():
            if number.__module__ == "numpy":
                self.add(number, shadow)
        self.add(np.r_, Joiner(np.r_, _intercepting_trace))
        self.add(np.c_, Joiner(np.c_, _intercepting_trace))

    def add(self, original: Any, substitute: Any) -> None:
        """Let ``substitute`` stand in for ``original``."""
        self.by_id[id(original)] = (original, substitute)
        self.back[id(substitute)] = original

    def replacement(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """What ``function`` does during a trace, after the trace and itself as arguments."""
        if id(function) in self.codes:
            return self.codes[id(function)][2]
        _, substitute = self.by_id.get(id(function), (None, None))
        return getattr(substitute, "replacement", None)

    def resolve(self) -> bool:
        """Look for functions that are known by their dotted names, in modules that are loaded."""
        found = False
        for path in list(self.dotted):
            module, _, name = path.rpartition(".")
            owner = sys.modules.get(module)
            if owner is None:  # a method: what holds it is a class of a module
                module, _, kind = module.rpartition(".")
                # As it lies there: SciPy imports a module of its own when it is asked for it.
                owner = vars(sys.modules.get(module, _NOTHING)).get(kind)
            original = None if owner is None else getattr(owner, name, None)
            if original is not None:
                composite = self.dotted.pop(path)
                # A solver is given a function, which may compute with traced values around it.
                replacement = composite if path in SOLVERS else _by_name(composite)
                if isinstance(original, FunctionType):
                    code = entrance(original, replacement)
                    self.codes[id(original)] = original, code, replacement
                elif not isinstance(original, np.ufunc):  # those come by the protocol
                    self.add(original, stand_in(original, replacement))
                    found = True
        return found


#: Stands for a module that is not loaded.
_NOTHING = ModuleType("nothing")


def _intercepting_trace() -> Any:
    return current() if stack.intercepting else None
