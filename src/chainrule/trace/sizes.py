"""The lengths of axes as numbers that remember where they came from.

In a formula ``1 / N`` is to be read, not ``1 / 569``. While names are kept, a traced array's
``shape`` consists of numbers that know their array and axis. Arithmetic among them, and with plain
numbers, gives numbers that know their expression; as an operand beside a traced array they are
recorded as what they are. In every other respect they are the integers and floats they stand for.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops import arithmetic as ar
from ..ops.structural import size as size_row
from .dispatch import row_of
from .site import Mark, assigned_names, is_internal
from .tracer import Tracer

_frame = sys._getframe  # noqa: SLF001


class Named:
    """A number made of lengths. It is no subclass of ``int``: ``2.0 / N`` would not ask one."""

    __slots__ = ("_row", "axis", "operands", "value")

    #: The node and the axis that this is the length of, if it is one.
    axis: tuple[Any, int] | None

    def __init__(self, value: Any, row: Any, operands: tuple[Any, ...], axis: Any = None) -> None:
        self.value = value
        self._row = row
        self.operands = operands
        self.axis = axis

    def __traced__(self, trace: Any) -> Tracer:
        if self.axis is not None:
            (array,) = self.operands
            return size_row(array, self.axis[1] - array.ndim)  # type: ignore[no-any-return]
        return self._row(*(trace.lift(x) for x in self.operands))  # type: ignore[no-any-return]

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__array"):
            raise AttributeError(name)
        return getattr(self.value, name)

    def __reduce__(self) -> Any:
        return type(self.value), (self.value,)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return repr(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return operator.index(self.value)

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self.value, ndigits)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        for x in inputs:
            if issubclass(type(x), Tracer):
                return x.recorder.ufunc(ufunc, method, inputs, keywords)
        result = getattr(ufunc, method)(*map(_plain, inputs), **keywords)
        if method == "__call__" and not keywords and isinstance(result, float | np.floating):
            row = row_of(ufunc)
            if row is not None and all(isinstance(x, int | float) for x in inputs):
                return Named(float(result), row, inputs)
        return result


def _plain(x: Any) -> Any:
    return x.value if type(x) is Named else x


def _arithmetic(function: Callable[..., Any], row: Any) -> tuple[Callable[..., Any], ...]:
    """The two methods of an operator whose result is named where ``row`` is given."""

    def forward(self: Named, other: Any) -> Any:
        if type(other) not in _NUMBERS:
            return NotImplemented
        value = function(self.value, _plain(other))
        return (
            Named(value, row, (self, other)) if row is not None and type(value) in _REAL else value
        )

    def backward(self: Named, other: Any) -> Any:
        if type(other) not in _NUMBERS:
            return NotImplemented
        value = function(other, self.value)
        return (
            Named(value, row, (other, self)) if row is not None and type(value) in _REAL else value
        )

    return forward, backward


_NUMBERS: frozenset[type] = frozenset({int, float, complex, bool, Named})
_REAL = (int, float)
_OPERATORS: dict[str, Any] = {
    "add": ar.add, "sub": ar.subtract, "mul": ar.multiply, "truediv": ar.divide, "pow": ar.power,
    "floordiv": None, "mod": None,
}  # fmt: skip
for _name, _row in _OPERATORS.items():
    _forward, _backward = _arithmetic(getattr(operator, _name), _row)
    setattr(Named, f"__{_name}__", _forward)
    setattr(Named, f"__r{_name}__", _backward)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Named, f"__{_name}__", _arithmetic(getattr(operator, _name), None)[0])


def _unary(name: str) -> Callable[[Named], Any]:
    function = getattr(operator, name)

    def method(self: Named) -> Any:
        return Named(-self.value, ar.negative, (self,)) if name == "neg" else function(self.value)

    return method


for _name in ("neg", "pos", "abs"):
    setattr(Named, f"__{_name}__", _unary(_name))


# -- shapes ----------------------------------------------------------------------------------------


class Shape(tuple[int, ...]):
    """A shape of named integers, which notices under what name one of them is kept."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        if type(item) is Named:
            _notice([item], 2)
        return item


class SizeNames:
    """The places where the program read a length, from which the names of axes follow."""

    def __init__(self) -> None:
        self._reads: list[tuple[tuple[Any, ...], Mark]] = []

    def add(self, axes: tuple[Any, ...], where: Mark) -> None:
        """Lengths were read at ``where``: one, or those of all axes."""
        self._reads.append((axes, where))

    def found(self) -> dict[tuple[Any, int], str]:
        """Names by node and axis, counted from the left: ``N`` for ``N, d = X.shape``."""
        names: dict[tuple[Any, int], str] = {}
        for axes, where in self._reads:
            assigned = assigned_names(where)
            if len(assigned) == len(axes):
                for axis, name in zip(axes, assigned, strict=True):
                    if name != "_":
                        names.setdefault(axis, name)
        return names


def shape_of(x: Tracer, depth: int) -> tuple[int, ...]:
    """The shape of ``x`` for whoever stands ``depth`` frames above: plain for our own code."""
    shape: tuple[int, ...] = x.node.type.shape
    frame = _frame(depth + 1)
    if is_internal(frame.f_code.co_filename):
        return shape
    made: list[Any] = [_length(x, axis) for axis in range(len(shape))]
    _notice(made, depth + 2)
    return Shape(made)


def length_of(x: Any) -> int:
    """``len(x)``, which Python itself would turn into a plain integer."""
    if type(x) is Tracer and x.recorder.naming and x.node.type.shape:
        made: Any = _length(x, 0)
        _notice([made], 2)
        return made  # type: ignore[no-any-return]
    return len(x)


def _length(x: Tracer, axis: int) -> Named:
    array = Tracer(x.node, x.recorder)
    return Named(x.node.type.shape[axis], size_row, (array,), (x.node, axis))


def _notice(lengths: list[Any], depth: int) -> None:
    """Remember the place where the program read all of ``lengths`` at once."""
    frame = _frame(depth)
    if lengths and not is_internal(frame.f_code.co_filename):
        names = lengths[0].operands[0].recorder.root.size_names
        names.add(tuple(n.axis for n in lengths), (frame.f_code, frame.f_lasti))
