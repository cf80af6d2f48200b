"""Values in registers: how they are loaded, stored, and put together by a reduction."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import structural
from ..ops.arithmetic import maximum, minimum
from . import vector
from .plan import Statement
from .text import STORAGE, Function, Value

_EXTREMA = {"maximum": maximum, "minimum": minimum}


def element_of(dtype: np.dtype) -> str:
    """The element of a value in a register: a truth is one bit there."""
    return "i1" if dtype == np.bool_ else STORAGE[dtype]


def load(
    f: Function, dtype: np.dtype, at: Value, width: int = 1, mask: Value | None = None
) -> Value:
    """Elements as values in registers."""
    x = f.load(at, STORAGE[dtype], width, mask)
    return f.icmp("ne", x, 0) if dtype == np.bool_ else x


def store(f: Function, x: Value, at: Value, mask: Value | None = None) -> None:
    """Values in registers as elements."""
    if x.element == "i1":
        x = f.convert("zext", x, "i8")
    f.store(x, at, mask)


def neutral(kind: str, dtype: np.dtype) -> Any:
    """What changes nothing when it is combined."""
    if kind == "add":
        return 0
    if kind in ("multiply", "and"):
        return 1
    if kind == "or":
        return 0
    low = kind == "maximum"
    if dtype.kind == "f":
        return -np.inf if low else np.inf
    if dtype.kind == "b":
        return 0 if low else 1
    return np.iinfo(dtype).min if low else np.iinfo(dtype).max


def combine(f: Function, kind: str, x: Value, y: Value) -> Value:
    """Two values as one."""
    if x.element == "i1":
        return f.binary("and" if kind in ("and", "multiply", "minimum") else "or", x, y)
    if kind == "add":
        return f.fadd(x, y) if x.is_float else f.binary("add", x, y)
    if kind == "multiply":
        return f.fmul(x, y) if x.is_float else f.binary("mul", x, y)
    return vector.lower(_EXTREMA[kind], f, [x, y], x.element)


def computed(f: Function, s: Statement, args: list[Value]) -> Value:
    """What a statement makes of the values it reads; of scalars alone, a scalar."""
    width = max(a.width for a in args)
    args = [f.splat(a, width) for a in args]
    out = element_of(s.dtype)
    if s.op == "copy":
        return args[0]
    if s.op == "product":
        result = args[0]
        for a in args[1:]:
            result = combine(f, "multiply", result, a)
        return result
    if s.op is structural.cast:
        return vector.cast(f, args[0], out)
    return vector.lower(s.op, f, args, out)


def across(f: Function, kind: str, x: Value) -> Value:
    """All lanes as one value."""
    if kind == "add" and x.is_float:
        return f.reduce("fadd", x)
    while x.width > 1:
        half = x.width // 2
        low, high = (f.shuffle(x, None, range(k, k + half)) for k in (0, half))
        if half == 1:
            low, high = (f.lane(x, k) for k in (0, 1))
        x = combine(f, kind, low, high)
    return x


def lanes_added(f: Function, vectors: list[Value]) -> Value:
    """A vector of the sums of the lanes of as many vectors as it has lanes."""
    width = vectors[0].width
    half = 1
    while len(vectors) > 1:
        merged = []
        for x, y in zip(vectors[::2], vectors[1::2], strict=True):
            # Lanes of x go where bit `half` is clear, those of y where it is set.
            first = [k if not k & half else width + (k ^ half) for k in range(width)]
            second = [k ^ half if not k & half else width + k for k in range(width)]
            merged.append(f.fadd(f.shuffle(x, y, first), f.shuffle(x, y, second)))
        vectors = merged
        half *= 2
    return vectors[0]
