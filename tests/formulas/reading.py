"""An evaluator of formulas as text: what a reader makes of ``(2/N) Xᵀ(Xw − y) where …``.

It knows matrix notation and nothing of how the text was made: a vector is a column, a row is the
transpose of one, what stands side by side is multiplied, ``⊙`` and ``⊘`` go element by element and
bind looser than a product, and a number added to an array is added to every element. ``𝟏`` and
``I`` have the size that their surroundings ask for.

It computes with more digits than a double has where the machine does, since a text may cancel:
``1 − eᶻ(1 − s)`` does for a large z.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

SUPERSCRIPTS = {c: str(k) for k, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "-"}
FRACTIONS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4)}
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"


class Unreadable(Exception):
    """The text has no meaning here."""


@dataclass(frozen=True)
class Value:
    """A matrix; ``free`` marks axes of any length, ``eye`` a multiple of the identity."""

    array: Any
    free: tuple[bool, bool] = (False, False)
    eye: bool = False

    @property
    def scalar(self) -> bool:
        return self.array.shape == (1, 1) and not any(self.free) and not self.eye


def number(x: float) -> Value:
    return Value(np.array([[float(x)]], _precision[-1]))


#: The type to compute with; the last one holds.
_precision: list[Any] = [np.longdouble]


def inverse(x: Any) -> Any:
    """An inverse to all digits of its type: LAPACK's, made better by Newton's method."""
    found = np.linalg.inv(x.astype(float)).astype(x.dtype)
    for _ in range(2 * (x.dtype != float)):
        found = found + found @ (np.eye(len(x)) - x @ found)
    return found


def given(x: Any) -> Value:
    x = np.asarray(x, _precision[-1])
    if x.ndim > 2:
        return Value(x)
    return Value(x.reshape(-1, 1) if x.ndim == 1 else x.reshape(1, 1) if not x.ndim else x)


def spread(a: Value, shape: tuple[int, int]) -> Any:
    """The array at full size."""
    if a.eye:
        if shape[0] != shape[1]:
            raise Unreadable("I is square")
        return a.array * np.eye(shape[0])
    for free, have, want in zip(a.free, a.array.shape, shape, strict=True):
        if have != want and not free and not a.scalar:
            raise Unreadable(f"{a.array.shape} is not {shape}")
    return np.broadcast_to(a.array, shape)


def elementwise(f: Callable[..., Any], *values: Value) -> Value:
    if any(v.array.ndim > 2 for v in values):
        if any(v.array.ndim <= 2 and not v.scalar for v in values):
            raise Unreadable("more than two axes")
        return Value(f(*(v.array[0, 0] if v.scalar else v.array for v in values)))
    known = [1, 1]
    free = [True, True]
    for v in values:
        for k in range(2):
            if v.eye or v.free[k] or v.scalar:
                continue
            size = v.array.shape[k]
            if not free[k] and known[k] != size:
                raise Unreadable(f"sizes {known[k]} and {size} meet elementwise")
            known[k], free[k] = size, False
    if all(v.scalar for v in values):
        return Value(f(*(v.array for v in values)))
    if any(v.eye for v in values) and any(free):
        if len(values) == 1 or all(v.eye or v.scalar for v in values):
            return Value(f(*(v.array for v in values)), eye=True)
        raise Unreadable("the size of I is open")
    return Value(f(*(spread(v, (known[0], known[1])) for v in values)), (free[0], free[1]))


def times(a: Value, b: Value) -> Value:
    """What stands side by side."""
    if max(a.array.ndim, b.array.ndim) > 2:
        if not (a.scalar or b.scalar):
            raise Unreadable("more than two axes")
        return elementwise(np.multiply, a, b)
    if a.scalar or b.scalar or a.eye or b.eye:
        scale, other = (a, b) if a.scalar or (a.eye and not b.scalar) else (b, a)
        return Value(scale.array * other.array, other.free, other.eye and (scale.eye or scale.scalar))
    left, right = a.array, b.array
    if a.free[1] and b.free[0]:
        raise Unreadable("a sum over an open size")
    if a.free[1]:
        left = np.broadcast_to(left, (left.shape[0], right.shape[0]))
    if b.free[0]:
        right = np.broadcast_to(right, (left.shape[1], right.shape[1]))
    if left.shape[1] != right.shape[0]:
        raise Unreadable(f"{left.shape} times {right.shape}")
    return Value(left @ right, (a.free[0], b.free[1]))


def transposed(a: Value) -> Value:
    return Value(a.array.T, a.free[::-1], a.eye)


def concrete(a: Value) -> Any:
    if any(a.free) or a.eye:
        raise Unreadable("an open size")
    return a.array


def diagonal(a: Value) -> Value:
    x = concrete(a)
    if 1 in x.shape:
        if x.shape[1] != 1:
            raise Unreadable("diag of a row")
        return Value(np.diag(x[:, 0]))
    return Value(np.diag(x)[:, None])


def softmax(x: Any, axis: int | None) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def logsumexp(x: Any, axis: int | None) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top


def _reduced(f: Callable[..., Any]) -> Callable[[Value], Value]:
    return lambda a: Value(np.reshape(f(concrete(a)), (1, 1)))


def _rows(f: Callable[..., Any], axis: int) -> Callable[[Value], Value]:
    def apply(a: Value) -> Value:
        x = np.asarray(f(concrete(a), axis))
        return given(x) if x.ndim == 1 else Value(x if axis == 1 or x.shape[0] > 1 else x.T)

    return apply


def _keep(f: Callable[..., Any], axis: int | None) -> Callable[[Value], Value]:
    return lambda a: Value(f(concrete(a), axis))


def _each(f: Callable[..., Any]) -> Callable[..., Value]:
    return lambda *a: elementwise(f, *a)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{n: _each(getattr(np, n)) for n in ("exp", "log", "tanh", "sin", "cos", "sign", "cosh", "sinh")},
    **{n: _each(getattr(np, n)) for n in ("expm1", "log1p", "arctan", "logaddexp", "hypot")},
    "σ": _each(lambda x: 1 / (1 + np.exp(-x))),
    "softplus": _each(lambda x: np.logaddexp(0, x)),
    "relu": _each(lambda x: np.maximum(x, 0)),
    "max": lambda *a: _reduced(np.max)(*a) if len(a) == 1 else elementwise(np.maximum, *a),
    "min": lambda *a: _reduced(np.min)(*a) if len(a) == 1 else elementwise(np.minimum, *a),
    "where": _each(lambda m, a, b: np.where(m != 0, a, b)),
    "clip": _each(lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "step": _each(lambda x, y: np.heaviside(x - y, 0.5)),
    "sum": _reduced(np.sum),
    "tr": _reduced(np.trace),
    "det": _reduced(lambda x: np.linalg.det(x.astype(float))),
    "log det": _reduced(lambda x: np.linalg.slogdet(x.astype(float))[1]),
    "diag": diagonal,
    "softmax": _keep(softmax, None),
    "softmax_row": _keep(softmax, 1),
    "softmax_col": _keep(softmax, 0),
    "logsumexp": lambda a: Value(np.reshape(logsumexp(concrete(a), None), (1, 1))),
    "logsumexp_row": lambda a: Value(logsumexp(concrete(a), 1)),
    "logsumexp_col": lambda a: Value(logsumexp(concrete(a), 0).T),
    "max_row": lambda a: Value(np.max(concrete(a), axis=1, keepdims=True)),
    "max_col": lambda a: Value(np.max(concrete(a), axis=0)[:, None]),
    "min_row": lambda a: Value(np.min(concrete(a), axis=1, keepdims=True)),
    "min_col": lambda a: Value(np.min(concrete(a), axis=0)[:, None]),
    "shares": _keep(lambda x, axis: (x == x.max()) / np.sum(x == x.max()), None),
}  # fmt: skip
FUNCTIONS["lse"] = FUNCTIONS["logsumexp"]
FUNCTIONS["lse_row"] = FUNCTIONS["logsumexp_row"]
FUNCTIONS["lse_col"] = FUNCTIONS["logsumexp_col"]
COMPARISONS: dict[str, Callable[..., Any]] = {
    ">": np.greater, "<": np.less, "≥": np.greater_equal, "≤": np.less_equal, "=": np.equal,
    "≠": np.not_equal,
}  # fmt: skip


class Reader:
    """Reads one expression, left to right."""

    def __init__(self, text: str, names: Mapping[str, Value]) -> None:
        self.text, self.names, self.at = text, names, 0
        self.words = sorted(FUNCTIONS, key=len, reverse=True)
        self.known = sorted(names, key=len, reverse=True)
        #: How many ‖ and | are open, which then close.
        self.bars: list[str] = []

    def peek(self, *wanted: str) -> str | None:
        return next((w for w in wanted if self.text.startswith(w, self.at)), None)

    def take(self, *wanted: str) -> str | None:
        found = self.peek(*wanted)
        if found is not None:
            self.at += len(found)
        return found

    def need(self, wanted: str) -> None:
        if self.take(wanted) is None:
            raise Unreadable(f"{wanted!r} is missing at {self.text[self.at :]!r}")

    def whole(self) -> Value:
        value = self.condition()
        if self.at != len(self.text):
            raise Unreadable(f"left over: {self.text[self.at :]!r}")
        return value

    def condition(self) -> Value:
        value = self.comparison()
        while (word := self.take(" ∧ ", " ∨ ")) is not None:
            f = np.logical_and if word == " ∧ " else np.logical_or
            value = elementwise(lambda a, b, f=f: f(a, b).astype(float), value, self.comparison())
        return value

    def comparison(self) -> Value:
        value = self.sum()
        held: Value | None = None
        while (mark := self.take(*(f" {m} " for m in COMPARISONS))) is not None:
            other = self.sum()
            f = COMPARISONS[mark.strip()]
            more = elementwise(lambda a, b, f=f: f(a, b).astype(float), value, other)
            held = more if held is None else elementwise(np.multiply, held, more)
            value = other
        return value if held is None else held

    def sum(self) -> Value:
        negative = self.take("−") is not None
        value = self.hadamard()
        if negative:
            value = times(number(-1), value)
        while (mark := self.take(" + ", " − ")) is not None:
            other = self.hadamard()
            f = np.add if mark == " + " else np.subtract
            value = self.added(f, value, other)
        return value

    @staticmethod
    def added(f: Any, a: Value, b: Value) -> Value:
        if a.eye and b.eye:
            return Value(f(a.array, b.array), eye=True)
        if (a.eye and b.scalar) or (b.eye and a.scalar):
            raise Unreadable("a number beside I")
        return elementwise(f, a, b)

    def hadamard(self) -> Value:
        value = self.product()
        while (mark := self.take(" ⊙ ", " ⊘ ", " / ")) is not None:
            other = self.product()
            value = elementwise(np.multiply if mark == " ⊙ " else np.divide, value, other)
        return value

    def product(self) -> Value:
        value = self.factor()
        while True:
            if self.peek(" + ", " − ", " ⊙ ", " ⊘ ", " / ", ", ", " where ", " ∧ ", " ∨ "):
                return value
            if any(self.peek(f" {mark} ") for mark in COMPARISONS):
                return value
            if self.at == len(self.text) or self.text[self.at] in ")],/":
                return value
            if self.bars and self.peek(self.bars[-1]):
                return value
            self.take(" ")
            self.take("·")
            value = times(value, self.factor())

    def factor(self) -> Value:
        if self.take("√"):
            return elementwise(np.sqrt, self.factor())
        if self.take("¬"):
            return elementwise(lambda a: (a == 0).astype(float), self.factor())
        value = self.atom()
        while True:
            if self.take("⁻¹"):
                value = self.inverse(value)
            elif self.take("⁻ᵀ"):
                value = transposed(self.inverse(value))
            elif self.take("ᵀ"):
                value = transposed(value)
            elif self.at < len(self.text) and self.text[self.at] in SUPERSCRIPTS:
                digits = ""
                while self.at < len(self.text) and self.text[self.at] in SUPERSCRIPTS:
                    digits += SUPERSCRIPTS[self.text[self.at]]
                    self.at += 1
                if not value.scalar:
                    raise Unreadable("a power of a matrix")
                value = Value(value.array ** int(digits))
            elif (mark := self.take("^⊙", "^")) is not None:
                power = self.exponent()
                if mark == "^" and not value.scalar:
                    raise Unreadable("a power of a matrix")
                value = elementwise(lambda x, p=power: x**p, value)
            elif self.peek("["):
                value = self.indexed(value)
            else:
                return value

    @staticmethod
    def inverse(a: Value) -> Value:
        if a.scalar:
            return Value(1 / a.array)
        if a.eye:
            return Value(1 / a.array, eye=True)
        return Value(inverse(concrete(a)))

    def exponent(self) -> Any:
        found = re.compile(r"\((-?[0-9./]+)\)|(-?[0-9]+)").match(self.text, self.at)
        if not found:
            raise Unreadable("an exponent")
        self.at = found.end()
        p = Fraction(found.group(1) or found.group(2))
        return int(p) if p.denominator == 1 else float(p)

    def indexed(self, value: Value) -> Value:
        stop = self.text.index("]", self.at)
        words = self.text[self.at + 1 : stop].split(", ")
        self.at = stop + 1
        array = concrete(value)
        entries: list[Any] = []
        for word in words:
            parts = [int(p) if p else None for p in word.split(":")]
            entries.append(slice(*parts) if ":" in word else parts[0])
        if len(entries) == 1 and array.shape[1] == 1:
            entries.append(slice(None) if isinstance(entries[0], slice) else 0)
        return given(array[tuple(entries)])

    def indexed_notation(self) -> Value | None:
        """``[ij] δ_ij u_i`` up to the end of the bracket that it stands in."""
        from tests.formulas.indices import by_index

        head = re.compile(r"\[([a-z]{1,2})\] ").match(self.text, self.at)
        if head is None:
            return None
        depth, k = 0, head.end()
        while k < len(self.text) and (depth or self.text[k] not in "),"):
            depth += (self.text[k] in "([") - (self.text[k] in ")]")
            k += 1
        self.at = k
        return given(by_index(head.group(1), self.text[head.end() : k], self.names, None))

    def atom(self) -> Value:
        text = self.text
        if self.take("("):
            outer, self.bars = self.bars, []
            value = self.indexed_notation() or self.condition()
            self.bars = outer
            self.need(")")
            return value
        if bar := self.take("‖", "|"):
            self.bars.append(bar)
            value = self.sum()
            self.bars.pop()
            self.need(bar)
            if bar == "|":
                return elementwise(np.abs, value)
            return Value(np.reshape(np.sqrt(np.sum(concrete(value) ** 2)), (1, 1)))
        if self.take("𝟙["):
            outer, self.bars = self.bars, []
            value = self.condition()
            self.bars = outer
            self.need("]")
            return value
        if self.take("𝟏"):
            return Value(np.ones((1, 1)), (True, False))
        if (mark := self.take(*FRACTIONS)) is not None:
            above, below = FRACTIONS[mark]
            return Value(number(above).array / below)
        digits = re.compile(r"[0-9]+(\.[0-9]+)?(e-?[0-9]+)?").match(text, self.at)
        if digits:
            self.at = digits.end()
            value = number(float(digits.group()))
            if self.at < len(text) and text[self.at] == "/":
                self.at += 1
                return Value(value.array / self.below().array)
            return value
        word = next((w for w in self.words if text.startswith(w + "(", self.at)), None)
        if word is not None and word not in self.names:
            self.at += len(word) + 1
            outer, self.bars = self.bars, []
            values = [self.indexed_notation() or self.condition()]
            while self.take(", "):
                values.append(self.condition())
            self.bars = outer
            self.need(")")
            return FUNCTIONS[word](*values)
        name = self.take(*self.known)
        if name is not None:
            value = self.names[name]
            low = ""
            while self.at < len(text) and text[self.at] in SUBSCRIPTS:
                low += str(SUBSCRIPTS.index(text[self.at]))
                self.at += 1
            if low:
                array = concrete(value)
                index = [int(c) - 1 for c in low]
                if len(index) == 1 and array.shape[1] == 1:
                    index.append(0)
                if len(index) != 2:
                    raise Unreadable("an element")
                value = number(array[tuple(index)])
            if value.scalar and self.at < len(text) and text[self.at] == "/":
                self.at += 1
                return Value(value.array / self.below().array)
            return value
        if self.take("I"):
            return Value(np.ones((1, 1)), eye=True)
        raise Unreadable(f"at {text[self.at :]!r}")

    def below(self) -> Value:
        """What stands under a fraction bar without spaces: ``2/N``, ``1/(2N)``."""
        if self.peek("("):
            return self.factor()
        value = self.factor()
        while self.at < len(self.text) and self.text[self.at] not in ") ":
            value = times(value, self.factor())
        return value


def read(
    text: str, names: Mapping[str, Any], shape: tuple[int, ...], precision: Any = np.longdouble
) -> Any:
    """The value of a formula as an array of a given shape; ``names`` are those of the symbols."""
    _precision.append(precision)
    units = sorted(set(re.findall(f"e[{SUBSCRIPTS}]+", text))) if "e" not in names else []
    try:
        if not units:
            return _read(text, names, shape)
        return _with_units(text, names, shape, units)
    finally:
        _precision.pop()


def _with_units(
    text: str, names: Mapping[str, Any], shape: tuple[int, ...], units: Sequence[str]
) -> Any:
    """The value of a formula with unit vectors, whose lengths are those that fit."""
    lengths = sorted({int(v) for v in names.values() if np.ndim(v) == 0 and v == int(v) and v > 1})
    found: list[Any] = []
    for each in itertools.product(lengths, repeat=len(units)):
        vectors = {}
        for unit, length in zip(units, each, strict=True):
            place = int("".join(str(SUBSCRIPTS.index(c)) for c in unit[1:])) - 1
            vectors[unit] = np.eye(max(length, place + 1))[place]
        try:
            value = _read(text, {**names, **vectors}, shape)
        except (Unreadable, ValueError):
            continue
        if np.shape(value) == shape:
            found.append(value)
    if not found:
        raise Unreadable(f"no lengths of {', '.join(units)} fit")
    if any(not np.allclose(x, found[0], equal_nan=True) for x in found[1:]):
        raise Unreadable(f"several lengths of {', '.join(units)} fit")
    return found[0]


def _read(text: str, names: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    from tests.formulas.indices import LETTERS, by_index  # which reads matrices by this file

    values = {n: v if isinstance(v, Value) else given(v) for n, v in names.items()}
    body, _, definitions = text.partition(" where ")
    for part in split(definitions):
        name, _, expression = part.partition(" = ")
        letters = name.rpartition("_")[2]
        if name not in names and set(letters) <= set(LETTERS) and "_" in name and letters:
            found = by_index(letters, expression, values, None)
            values[name.rpartition("_")[0]] = Value(found[:, None] if found.ndim == 1 else found)
        else:
            values[name] = read_one(expression, values)
    if body.startswith("["):
        letters, _, rest = body[1:].partition("] ")
        if letters.isalpha():
            return by_index(letters, rest, values, shape)
    found = read_one(body, values)
    if len(shape) > 2 and found.array.shape == shape:
        return found.array
    two: Any = {0: (1, 1), 1: (*shape, 1)}.get(len(shape), shape)
    if len(two) != 2:
        raise Unreadable("more than two axes")
    if body == "0":
        return np.zeros(shape)
    return spread(found, two).reshape(shape)


def read_one(text: str, values: Mapping[str, Value]) -> Value:
    if text.startswith("[["):
        return Value(np.array([[concrete(read_one(e, values))[0, 0] for e in split(row[1:-1])]
                               for row in split(text[1:-1])]))
    if text.startswith("["):
        return given([concrete(read_one(e, values))[0, 0] for e in split(text[1:-1])])
    return Reader(text, values).whole()


def split(text: str) -> list[str]:
    """The definitions, at the commas that stand outside of brackets."""
    parts, depth, start = [], 0, 0
    for k, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append(text[start:k].strip())
            start = k + 1
    return [*parts, text[start:].strip()] if text else []
