"""An evaluator of index notation: ``[ij] −2 Σ_k α_i α_k exp(−½ Σ_l R²_ikl) R_ikj``.

Every array is spread over one axis for each letter, so that a product is one by elements, and a sum
over letters one over their axes. A sum goes as far as the product that it stands before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from tests.formulas.reading import (
    COMPARISONS,
    FRACTIONS,
    FUNCTIONS,
    SUPERSCRIPTS,
    Reader,
    Unreadable,
    Value,
    concrete,
    softmax,
)

LETTERS = "ijklmnpqrstuvw"
_HIGH = "".join(SUPERSCRIPTS)
#: Functions of each element, here on arrays of all letters.
_BY_ELEMENTS = (
    "exp", "log", "tanh", "sin", "cos", "sign", "cosh", "sinh", "expm1", "log1p", "arctan", "σ",
    "softplus", "relu", "logaddexp", "where", "max", "min",
)  # fmt: skip


def by_index(letters: str, text: str, values: Mapping[str, Value], shape: Any) -> Any:
    """The array whose entry at ``letters`` the text is; without a ``shape``, its own."""
    sizes = dict(zip(letters, shape, strict=True)) if shape is not None else {}
    found = _Entry(text, values, sizes).whole()
    places = [LETTERS.index(c) for c in letters]
    lengths = [sizes.get(c, found.shape[p]) for c, p in zip(letters, places, strict=True)]
    if shape is None and any(n == 1 for n in lengths):
        raise Unreadable("an index of open length")
    if any(n > 1 for p, n in enumerate(found.shape) if p not in places):
        raise Unreadable("an index that the result does not have")
    moved = np.transpose(found, [*places, *(p for p in range(len(LETTERS)) if p not in places)])
    return np.broadcast_to(moved.reshape(moved.shape[: len(letters)]), lengths)


class _Entry:
    def __init__(self, text: str, values: Mapping[str, Value], sizes: dict[str, int]) -> None:
        self.text, self.values, self.sizes, self.at = text, values, sizes, 0
        self.names = sorted(values, key=len, reverse=True)
        self.words = sorted(FUNCTIONS, key=len, reverse=True)

    def take(self, *wanted: str) -> str | None:
        found = next((w for w in wanted if self.text.startswith(w, self.at)), None)
        self.at += len(found or "")
        return found

    def need(self, wanted: str) -> None:
        if self.take(wanted) is None:
            raise Unreadable(f"{wanted!r} is missing at {self.text[self.at :]!r}")

    def match(self, pattern: str) -> re.Match[str] | None:
        found = re.compile(pattern).match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found

    def whole(self) -> Any:
        value = self.sum()
        if self.at != len(self.text):
            raise Unreadable(f"left over: {self.text[self.at :]!r}")
        return value

    def sum(self) -> Any:
        negative = self.take("−") is not None
        value = self.quotient() * (-1 if negative else 1)
        while mark := self.take(" + ", " − "):
            other = self.quotient()
            value = value + other if mark == " + " else value - other
        return value

    def quotient(self) -> Any:
        value = self.product()
        while self.take(" / "):
            value = value / self.product()
        return value

    def product(self) -> Any:
        value: Any = np.ones((1,) * len(LETTERS))
        deltas: list[str] = []
        sums = ""
        while self.at < len(self.text) and self.text[self.at] not in ")],":
            if any(self.text.startswith(f" {m} ", self.at) for m in ("+", "−", "/", *COMPARISONS)):
                break
            self.take(" ", "·")
            if found := self.match("Σ_([a-z]+) "):
                sums += found.group(1)
            elif found := self.match("δ_([a-z]{2})"):
                deltas.append(found.group(1))
            else:
                value = value * self.factor()
        for a, b in deltas:
            n = self.size(a, value) or self.size(b, value)
            if n is None:
                raise Unreadable("an index of open length")
            value = value * self.spread(np.eye(n), a + b)
        if any(self.size(c, value) is None for c in sums):
            raise Unreadable("a sum over an open length")
        full = [self.size(c, value) if c in sums else value.shape[k] for k, c in enumerate(LETTERS)]
        axes = tuple(LETTERS.index(c) for c in sums)
        return np.broadcast_to(value, full).sum(axis=axes, keepdims=True) if sums else value

    def size(self, letter: str, value: Any) -> int | None:
        n = value.shape[LETTERS.index(letter)]
        return int(n) if n > 1 else self.sizes.get(letter)

    def spread(self, array: Any, letters: str) -> Any:
        if array.ndim == 2 and len(letters) == 1 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != len(letters):
            raise Unreadable(f"{letters} for {array.ndim} axes")
        while True:  # a repeated letter is a diagonal
            again = next((c for c in letters if letters.count(c) > 1), None)
            if again is None:
                break
            first, second = (k for k, c in enumerate(letters) if c == again)
            array = np.diagonal(array, axis1=first, axis2=second)
            letters = letters.replace(again, "") + again
        order = sorted(range(len(letters)), key=lambda k: LETTERS.index(letters[k]))
        shape = [1] * len(LETTERS)
        for c, n in zip(letters, array.shape, strict=True):
            shape[LETTERS.index(c)] = n
        return np.transpose(array, order).reshape(shape)

    def factor(self) -> Any:
        if self.take("√"):
            return np.sqrt(self.factor())
        value = self.atom()
        if found := self.match(f"[{_HIGH}]+"):
            value = value ** int("".join(SUPERSCRIPTS[c] for c in found.group()))
        elif found := self.match(r"\^⊙?(?:\((-?\d+)/(\d+)\)|(-?\d+))"):
            top, bottom, alone = found.groups()
            value = value ** (int(alone) if alone else int(top) / int(bottom))
        return value

    def array(self) -> Any:
        """A name or a matrix with indices: ``R²_ijk``, ``S⁻¹_jk``, ``(VᵀV)_jl``."""
        start = self.at
        for name in self.names:
            if self.take(name) is None:
                continue
            power = self.match(f"[{_HIGH.replace('⁻', '')}]+")
            if found := self.match("_([a-z]+)"):
                array = self.values[name].array
                if power:
                    array = array ** int("".join(SUPERSCRIPTS[c] for c in power.group()))
                return self.spread(array, found.group(1))
            self.at = start
        reader = Reader(self.text, self.values)
        reader.at = start
        try:
            value = reader.factor()
        except (Unreadable, ValueError):
            return None
        self.at = reader.at
        if found := self.match("_([a-z]+)"):
            return self.spread(concrete(value), found.group(1))
        if value.scalar:
            return value.array[0, 0]
        self.at = start
        return None

    def atom(self) -> Any:
        found = self.array()
        if found is not None:
            return found
        if self.take("("):
            value = self.sum()
            self.need(")")
            return value
        if self.take("|"):
            value = self.sum()
            self.need("|")
            return np.abs(value)
        if self.take("𝟙["):
            value = self.sum()
            mark = self.take(*(f" {m} " for m in COMPARISONS)) or ""
            value = COMPARISONS[mark.strip()](value, self.sum()).astype(float) if mark else value
            self.need("]")
            return value
        if mark := self.take(*FRACTIONS):
            above, below = FRACTIONS[mark]
            return above / below
        if found := self.match(r"(softmax|logsumexp)_([a-z]+)\("):
            value = self.sum()
            self.need(")")
            (axis,) = map(LETTERS.index, found.group(2))
            if found.group(1) == "softmax":
                return softmax(value, axis)
            top = value.max(axis=axis, keepdims=True)
            return np.log(np.exp(value - top).sum(axis=axis, keepdims=True)) + top
        word = next((w for w in self.words if self.text.startswith(w + "(", self.at)), None)
        if word in _BY_ELEMENTS and word is not None:
            self.at += len(word) + 1
            values = [self.sum()]
            while self.take(", "):
                values.append(self.sum())
            self.need(")")
            return _called(word, values)
        raise Unreadable(f"at {self.text[self.at :]!r}")


def _called(word: str, values: list[Any]) -> Any:
    """An elementwise function of arrays over the letters, by the reader's own for matrices."""
    whole = np.broadcast_arrays(*values)
    flat = [Value(np.asarray(v).reshape(-1, 1)) for v in whole]
    if word in ("max", "min"):
        f = np.maximum if word == "max" else np.minimum
        return f(*whole)
    return FUNCTIONS[word](*flat).array.reshape(whole[0].shape)
