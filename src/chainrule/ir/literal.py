"""Hashable wrappers that let concrete values stand among a node's parameters."""

from __future__ import annotations

from typing import Any

import numpy as np


class Literal:
    """A small constant array, compared by dtype, shape and bits.

    Bits, so that ``0.0`` differs from ``-0.0``, ``1`` from ``1.0`` and from ``True``, and a NaN
    equals itself. The array is a read-only copy.
    """

    __slots__ = ("_hash", "_key", "array", "weak")

    def __init__(self, value: Any, *, weak: bool | None = None) -> None:
        if weak is None:
            weak = type(value) in (int, float, complex)
        array = np.array(value)
        array.setflags(write=False)
        self.array = array
        self.weak = weak
        self._key = (array.dtype.str, array.shape, array.tobytes(), weak)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is Literal and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        if self.array.size > 8:
            return f"<{self.array.dtype}{list(self.array.shape)}>"
        return repr(self.array.tolist())

    def __reduce__(self) -> tuple[Any, ...]:
        return _literal, (self.array, self.weak)


def _literal(array: np.ndarray, weak: bool) -> Literal:
    return Literal(array, weak=weak)
