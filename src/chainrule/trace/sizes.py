"""The lengths of axes as numbers that remember where they came from.

In a formula ``1 / N`` is to be read, not ``1 / 569``. While names are kept, a traced array's
``shape`` consists of integers that know their array and axis. Arithmetic with plain numbers gives
numbers that know their expression; as an operand beside a traced array they are recorded as what
they are. Otherwise they are ordinary integers and floats.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops import arithmetic as ar
from ..ops.structural import size as size_row
from .dispatch import row_of
from .site import Mark, assigned_names, is_internal
from .tracer import Tracer


class Named:
    """What the two kinds of numbers have in common: ``build`` makes the traced expression."""

    build: Callable[[Any], Tracer]

    def __traced__(self, trace: Any) -> Tracer:
        return self.build(trace)

    def __reduce__(self) -> Any:
        plain = _plain(self)
        return type(plain), (plain,)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        for x in inputs:
            if issubclass(type(x), Tracer):
                return x.recorder.ufunc(ufunc, method, inputs, keywords)
        plain = [_plain(x) for x in inputs]
        result = getattr(ufunc, method)(*plain, **keywords)
        if method == "__call__" and not keywords and isinstance(result, float | np.floating):
            row = row_of(ufunc)
            if row is not None and all(isinstance(x, int | float) for x in inputs):
                return _number(float(result), row, inputs)
        return result


class NamedInt(Named, int):
    """A length, or an integer made of lengths."""


class NamedFloat(Named, float):
    """A number made of lengths: ``1 / N``."""


def _plain(x: Any) -> Any:
    if isinstance(x, NamedInt):
        return int(x)
    return float(x) if isinstance(x, NamedFloat) else x


def _number(value: Any, row: Any, operands: Any) -> Any:
    made: Any = NamedInt(value) if type(value) is int else NamedFloat(value)

    def build(trace: Any) -> Tracer:
        return row(*(trace.lift(x) for x in operands))  # type: ignore[no-any-return]

    made.build = build
    return made


def _arithmetic(name: str, row: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Any, other: Any) -> Any:
        if not isinstance(other, int | float) or issubclass(type(other), Tracer):
            return NotImplemented
        value = getattr(_plain(self), name)(_plain(other))
        if value is NotImplemented:  # an int beside a float
            value = getattr(float(self), name)(float(other))
        return _number(value, row, (self, other)) if type(value) in (int, float) else value

    def backward(self: Any, other: Any) -> Any:
        if not isinstance(other, int | float) or issubclass(type(other), Tracer):
            return NotImplemented
        value = getattr(_plain(other), name)(_plain(self))
        if value is NotImplemented:
            value = getattr(float(other), name)(float(self))
        return _number(value, row, (other, self)) if type(value) in (int, float) else value

    return forward, backward


for _name, _row in {
    "add": ar.add, "sub": ar.subtract, "mul": ar.multiply, "truediv": ar.divide, "pow": ar.power,
}.items():  # fmt: skip
    _forward, _backward = _arithmetic(f"__{_name}__", _row)
    for _kind in (NamedInt, NamedFloat):
        setattr(_kind, f"__{_name}__", _forward)
        setattr(_kind, f"__r{_name}__", _backward)


def _negated(self: Any) -> Any:
    return _number(-_plain(self), ar.negative, (self,))


NamedInt.__neg__ = _negated  # type: ignore[method-assign]
NamedFloat.__neg__ = _negated  # type: ignore[method-assign]


class Shape(tuple[int, ...]):
    """A shape of named integers, which notices under what name one of them is kept."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        if type(item) is NamedInt:
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
    """The shape of ``x`` for the program, whose frame is ``depth`` above: plain for our own code."""
    shape: tuple[int, ...] = x.node.type.shape
    frame = sys._getframe(depth + 1)
    if is_internal(frame.f_code.co_filename):
        return shape
    made = Shape(_length(x, axis) for axis in range(len(shape)))
    _notice(list(tuple.__iter__(made)), depth + 2)
    return made


def length_of(x: Any) -> int:
    """``len(x)``, which Python itself would turn into a plain integer."""
    if type(x) is Tracer and x.recorder.naming and x.node.type.shape:
        made = _length(x, 0)
        _notice([made], 2)
        return made
    return len(x)


def _length(x: Tracer, axis: int) -> Any:
    made: Any = NamedInt(x.node.type.shape[axis])
    ndim = len(x.node.type.shape)
    wrapped = Tracer(x.node, x.recorder)

    def build(trace: Any) -> Tracer:
        return size_row(wrapped, axis - ndim)  # type: ignore[no-any-return]

    made.build = build
    made.axis = (x.node, axis)
    made.names = x.recorder.root.size_names
    return made


def _notice(lengths: list[Any], depth: int) -> None:
    frame = sys._getframe(depth)
    if lengths and not is_internal(frame.f_code.co_filename):
        axes = tuple(n.axis for n in lengths)
        lengths[0].names.add(axes, (frame.f_code, frame.f_lasti))
