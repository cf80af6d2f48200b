"""The methods of NumPy's random generators, intercepted for the length of a trace.

A generator reaches a program in any way: as an argument, from a closure, as an attribute. So it is
the methods of the two classes that are replaced, where Python looks them up, and put back when the
last trace ends. The classes are NumPy's own types, which take no attributes; their dictionaries are
reached as the garbage collector reaches them, and the interpreter is told that they changed. Where
that is not possible nothing is replaced: draws with traced parameters are then refused, and a function
that draws is not compiled.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any

from .random import drawn, loaded
from .site import is_ours
from .stack import stack

_frame = sys._getframe  # noqa: SLF001

#: Our own code that draws what the user's program asks for.
_LAYERS = "chainrule.nn"


class Generators:
    """The classes, with what their methods are during a trace and otherwise."""

    def __init__(self) -> None:
        self._classes: list[tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any]]] = []
        #: The functions of `numpy.random`, which are methods of one generator.
        self.functions: list[tuple[Any, Any]] = []
        #: ``default_rng``, and what stands in for it.
        self.found = False

    def find(self) -> bool:
        """Look for NumPy's generators if they were imported; whether they are new."""
        module: Any = loaded()
        if self.found or module is None or not hasattr(module, "default_rng"):
            return False
        self.found = True
        for owner in (module.Generator, module.RandomState):
            space = _dictionary(owner)
            if space is None:
                return False
            methods = {n: m for n, m in space.items() if callable(m) and not n.startswith("_")}
            during = {n: _method(n, m, methods) for n, m in methods.items()}
            self._classes.append((owner, space, during, methods))
        methods = self._classes[1][3]
        for name, value in vars(module).copy().items():
            if type(value) is MethodType and name in methods:
                self.functions.append((value, _function(name, value, methods)))
        self.functions.append((module.default_rng, _maker(module.default_rng)))
        return True

    def replace(self) -> None:
        """A trace opens."""
        for owner, space, during, _ in self._classes:
            space.update(during)
            _modified(owner)

    def restore(self) -> None:
        """The last trace has closed."""
        for owner, space, _, otherwise in self._classes:
            space.update(otherwise)
            _modified(owner)


def _dictionary(owner: Any) -> dict[str, Any] | None:
    """The dictionary behind ``vars(owner)``."""
    if sys.implementation.name != "cpython":
        return None
    found = [d for d in gc.get_referents(vars(owner)) if type(d) is dict]
    return found[0] if len(found) == 1 and found[0] == dict(vars(owner)) else None


def _modified(owner: Any) -> None:
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))


def _plain() -> bool:
    """Whether nothing is traced here, or the draw is not the program's own."""
    if not stack.traces or not stack.intercepting:
        return True
    caller = _frame(2)
    return is_ours(caller.f_code.co_filename) and not str(
        caller.f_globals.get("__name__", "")
    ).startswith(_LAYERS)


def _method(name: str, original: Callable[..., Any], methods: dict[str, Any]) -> Any:
    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        if _plain():
            return original(self, *args, **keywords)
        return drawn(stack.traces[-1], self, name, methods, args, keywords)

    return update_wrapper(method, original)


def _function(name: str, original: Any, methods: dict[str, Any]) -> Any:
    def function(*args: Any, **keywords: Any) -> Any:
        if _plain():
            return original(*args, **keywords)
        return drawn(stack.traces[-1], original.__self__, name, methods, args, keywords)

    return update_wrapper(function, original)


def _maker(original: Callable[..., Any]) -> Any:
    def default_rng(seed: Any = None) -> Any:
        if _plain():
            return original(seed)
        draws = stack.traces[-1].root.draws
        if draws is None:
            return original(seed)
        return draws.made(original, seed)

    return update_wrapper(default_rng, original)
