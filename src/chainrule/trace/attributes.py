"""What an array or a number offers besides arithmetic: memory, bytes, text, its own description.

A traced array has no memory to show. What can be said of it is said; what would hand out plain
numbers is refused, with the line and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import TraceError
from .site import here


class _Unsized(TypeError, AttributeError):
    """A number has no length and cannot be iterated over; nor, if asked, the methods for it."""


class ofarrays:  # noqa: N801 - used like a decorator
    """A method that arrays have and numbers have not: ``hasattr(x, "__len__")`` tells them apart."""

    def __init__(self, method: Callable[..., Any], said: str) -> None:
        self._method, self._said = method, said
        self.__doc__ = method.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self._method
        if not instance.node.type.shape:
            raise _Unsized(self._said)
        return self._method.__get__(instance, owner)


def _refusing(what: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        """Refused: it would hand out plain numbers."""
        values = self.recorder.cut(self, f"x.{what}()")
        kind = values if values.shape else values[()]
        return getattr(kind, what)(*args, **keywords)

    method.__name__ = what
    return method


class Attributes:
    """What a traced array inherits."""

    __slots__ = ()

    node: Any
    recorder: Any
    shape: Any
    dtype: Any
    origin: Any

    # -- memory ----------------------------------------------------------------------------------

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of a fresh array in C order."""
        return np.broadcast_to(np.empty((), self.dtype), self.shape).copy().strides

    @property
    def base(self) -> Any:
        """The array that this is a view of, or ``None``."""
        origin = getattr(self, "origin", None)
        return None if origin is None else origin[0]

    @property
    def data(self) -> Any:
        """The memory, which is refused."""
        return self.recorder.cut(self, "x.data").data

    @property
    def ctypes(self) -> Any:
        """The memory, which is refused."""
        return self.recorder.cut(self, "x.ctypes").ctypes

    tobytes, tofile, dump, dumps, byteswap, getfield, hex, as_integer_ratio = map(
        _refusing,
        "tobytes tofile dump dumps byteswap getfield hex as_integer_ratio".split(),  # noqa: SIM905
    )

    def resize(self, *shape: Any, refcheck: bool = True) -> None:
        """Refused: memory of another size."""
        self._refuse("x.resize(…)", "x = np.resize(x, shape)")

    def setfield(self, value: Any, dtype: Any, offset: int = 0) -> None:
        """Refused: it writes bytes."""
        self._refuse("x.setfield(…)", "x[...] = value")

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """Of no effect."""

    def _refuse(self, what: str, instead: str) -> None:
        from .dispatch import unsupported

        raise unsupported(what, instead)

    # -- the array API ---------------------------------------------------------------------------

    @property
    def device(self) -> str:
        """Where it is."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        """Itself."""
        if device != "cpu":
            raise ValueError(f"unsupported device {device!r}")
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return np

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.recorder.cut(self, "a conversion by DLPack").__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    # -- numbers ---------------------------------------------------------------------------------

    def is_integer(self) -> bool:
        """Whether the number is a whole one: a decision of the program."""
        x: Any = self
        return bool(np.equal(np.floor(x), x))

    def __hash__(self) -> int:
        if self.node.type.shape:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return self.recorder.hashed(self)  # type: ignore[no-any-return]

    # -- in place --------------------------------------------------------------------------------

    def partition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
        """Partition in place."""
        x: Any = self
        x[...] = np.partition(x, kth, axis)


def no_part(memory: Any) -> Any:
    """What is not a view of memory: a part of a complex array that has none of its own."""
    raise TraceError(
        "a part of a complex traced array was written to. Write z.real = … or z.imag = … for the "
        "whole part, or copy it first.",
        here(),
    )
