"""``type`` and ``hasattr`` while a trace is at work: to both, a traced array is an ``ndarray``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sizes import Named
from .stack import stack

_ndarray = np.ndarray


class _Meta(type):
    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        made = type(*args, **keywords)
        if len(args) != 1 or keywords or not stack.traces or not stack.intercepting:
            return made
        if not hasattr(made, "__trace__"):
            return made
        if issubclass(made, _ndarray):
            return _ndarray  # a buffer
        return type(args[0].value) if issubclass(made, Named) else args[0].__class__

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, type)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, type)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is type

    def __hash__(cls) -> int:
        return hash(type)

    def __repr__(cls) -> str:
        return repr(type)


class Kind(type, metaclass=_Meta):
    """Stands for the built-in ``type`` in modules that ask for the type of a value."""


def has(x: Any, name: str, /) -> bool:
    """Stands for the built-in ``hasattr``: a traced number has no more than a number has."""
    if stack.traces and stack.intercepting and hasattr(type(x), "__trace__"):
        return hasattr(Kind(x), name)
    return hasattr(x, name)
