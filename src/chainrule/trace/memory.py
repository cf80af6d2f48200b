"""Memory that remembers which of its elements were written as traced values.

NumPy's views share memory, so what was written is kept with the memory and not with an array: for
each element, which traced value (its *piece*) stands there and which element of that piece it is.
Any array over the same memory finds its own elements in these two tables by its address and
strides, so a write through one view is seen through all others, made before or after.

In the memory itself a traced element is a NaN with a payload of its own. Code that reads it
behind our back gets NaN instead of a wrong number, and code that writes there behind our back is
noticed, because the payload is gone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .tracer import Tracer

_PAYLOAD = {
    2: np.uint16(0x7E43),
    4: np.uint32(0x7FC0_4352),
    8: np.uint64(0x7FF8_6368_6169_6E21),
}


@cache
def poison(dtype: np.dtype) -> Any:
    """The NaN that marks a traced element."""
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        both = np.array([poison(part), poison(part)], part)
        return both.view(dtype)[0] if dtype.itemsize <= 16 else dtype.type(complex(np.nan, np.nan))
    bits = _PAYLOAD.get(dtype.itemsize)
    return dtype.type(np.nan) if bits is None else np.array([bits]).view(dtype)[0]


def is_poison(array: np.ndarray) -> np.ndarray:
    """Where ``array`` holds the mark."""
    if array.dtype.kind == "c":
        array = array.real
    bits: Any = _PAYLOAD.get(array.dtype.itemsize)
    found: np.ndarray = np.isnan(array) if bits is None else array.view(bits.dtype) == bits
    return found


class Memory:
    """One block of memory, and the log of the traced values that were written to it.

    ``home`` is the trace in which it was made; ``recorder`` the innermost trace that a value in
    it belongs to. ``owner`` holds for each element 0, or 1 + the number of its piece in
    ``pieces``; ``place`` which element of the piece it is. Both are made at the first write.
    """

    __slots__ = (
        "array",
        "changes",
        "home",
        "itemsize",
        "owner",
        "pieces",
        "place",
        "recorder",
        "start",
        "stop",
    )

    owner: np.ndarray | None
    place: np.ndarray

    def __init__(self, array: np.ndarray, home: Any) -> None:
        while type(array.base) is np.ndarray:
            array = array.base
        self.array = array
        self.start: int = array.__array_interface__["data"][0]
        self.stop: int = self.start + array.nbytes
        self.itemsize = array.itemsize
        self.owner = None
        self.pieces: list[Tracer] = []
        self.home = home
        self.recorder = home
        self.changes = 0

    def holds(self, address: int) -> bool:
        """Whether an address lies in this memory."""
        return self.start <= address < self.stop

    def windows(self, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The parts of ``owner`` and ``place`` for the elements of ``view``, as views of them."""
        if self.owner is None:
            count = self.array.size
            self.owner = np.zeros(count, np.intp)
            self.place = np.empty(count, np.intp)
        if view.itemsize != self.itemsize:
            raise TypeError(
                f"a {view.dtype} view of {self.array.dtype} memory that holds traced values is not "
                "supported; use an array of its own"
            )
        width = self.owner.itemsize
        offset = (view.__array_interface__["data"][0] - self.start) // self.itemsize * width
        strides = tuple(s // self.itemsize * width for s in view.strides)
        shape = view.shape
        return (
            np.ndarray(shape, np.intp, self.owner, offset, strides),
            np.ndarray(shape, np.intp, self.place, offset, strides),
        )

    def add(self, piece: Tracer) -> int:
        """Take in a traced value; its number, from 1."""
        if piece.recorder.level > self.recorder.level or not self.recorder.active:
            self.recorder = piece.recorder
        self.pieces.append(piece)
        self.changes += 1
        return len(self.pieces)
