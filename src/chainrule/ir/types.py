"""Types of the values in a graph: arrays, and tuples of arrays.

Sizes are integers; how a size is *called* (``N``) is a fact about a trace, not about a type.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int, ...]


class ArrayType(NamedTuple):
    """The type of an array: its shape, its dtype, and whether it is a Python scalar.

    ``weak`` marks a Python ``int``, ``float`` or ``complex``, whose dtype gives way to the dtype
    of whatever it meets (NEP 50). A named tuple, because types are hashed at every node.
    """

    shape: Shape
    dtype: np.dtype
    weak: bool = False

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def differentiable(self) -> bool:
        """Whether values of this type vary continuously (real or complex floating point)."""
        return self.dtype.kind in "fc"

    def strong(self) -> ArrayType:
        """The same type, no longer a Python scalar."""
        return ArrayType(self.shape, self.dtype) if self.weak else self

    def with_shape(self, shape: Shape) -> ArrayType:
        """An array of this dtype with another shape."""
        return ArrayType(shape, self.dtype)

    def __str__(self) -> str:
        if self.weak:
            return {"f": "float", "i": "int", "c": "complex", "b": "bool"}[self.dtype.kind]
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"


class TupleType(NamedTuple):
    """The type of a node with several results, such as ``eigh``; ``item`` projects one out."""

    items: tuple[ArrayType, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


Type: TypeAlias = ArrayType | TupleType


def type_of(value: object) -> ArrayType:
    """The type of a concrete array, NumPy scalar or Python scalar."""
    kind = type(value)
    if kind is float or kind is int or kind is complex:
        return ArrayType((), np.dtype(kind), True)
    array = np.asarray(value)
    return ArrayType(array.shape, array.dtype)
