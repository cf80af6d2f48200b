"""Arrays that a program brings along from outside: the hidden inputs of a trace."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..errors import TraceError
from ..ir.node import Node, input_node
from ..ir.types import type_of
from .entrance import is_exchanged
from .site import here, user_frame

#: Arrays of at most this many bytes are copied.
SMALL = 1 << 16


class Captures:
    """The hidden inputs, in order of first use, each with the values it had then.

    A small array is copied; if it was written to since, its next use is another input. A large one
    is bound as it is, and made read-only until the trace ends, so that a write to it raises. Two
    views of the same elements are one input.
    """

    def __init__(self) -> None:
        #: The values of each hidden input.
        self.bound: dict[Node, np.ndarray] = {}
        #: The user's own array that each hidden input was.
        self.originals: dict[Node, np.ndarray] = {}
        #: Whether the local names of arrays are wanted, and those that were found.
        self.naming = False
        self.names: dict[Node, str] = {}
        #: Arrays that were made read-only.
        self.held: list[np.ndarray] = []
        self._known: dict[int, tuple[Node, np.ndarray, bytes | None]] = {}
        self._placed: dict[Any, Node] = {}

    def node(self, array: np.ndarray) -> Node:
        """The hidden input for an array, the same one at each use."""
        known = self._known.get(id(array))
        if known is not None:
            made, _, bits = known
            if bits is None or bits == array.tobytes():
                return made
        elif array.dtype.kind not in "fciub":
            raise TraceError(
                f"an array of dtype {array.dtype} cannot take part in a computation with traced "
                "arrays. Convert it to numbers, with astype(float).",
                here(),
            )
        bits = array.tobytes() if array.nbytes <= SMALL else None
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype, bits)
        found = self._placed.get(key)
        if found is None:
            found = self._placed[key] = input_node(0, len(self._placed), type_of(array))
            if bits is None:
                self._hold(array)
            self.bound[found] = array if bits is None else array.copy()
            self.originals[found] = array
            if self.naming:
                self._name(found, array)
        self._known[id(array)] = (found, array, bits)
        return found

    def _name(self, found: Node, array: np.ndarray) -> None:
        """Remember the local variable that holds an array, where the program first uses it."""
        frame = user_frame(3)
        while frame is not None and is_exchanged(frame.f_code):
            frame = frame.f_back
        for name, value in (frame.f_locals if frame is not None else {}).items():
            if not issubclass(type(value), np.ndarray):  # a traced array says that it is one
                continue
            plain = np.ndarray.view(value, np.ndarray)
            if plain.dtype == array.dtype and np.array_equal(plain, array):  # it may be a copy
                self.names[found] = name
                return

    def _hold(self, array: np.ndarray) -> None:
        """Make an array read-only until the trace ends, and those that it is a view of.

        Where other threads are at work they may be writing to other parts of these, so there it
        is the array alone.
        """
        base: Any = array
        while type(base) is np.ndarray and (base is array or threading.active_count() == 1):
            if base.flags.writeable:
                base.flags.writeable = False
                self.held.append(base)
            base = base.base

    def release(self) -> None:
        """Make the arrays writeable again."""
        for array in reversed(self.held):
            array.flags.writeable = True
