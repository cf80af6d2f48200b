"""Indexing of traced arrays: NumPy's index expressions in canonical form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import structural as st


def basic_index(shape: tuple[int, ...], index: Any) -> tuple[st.BasicIndex, tuple[int, ...]] | None:
    """The canonical form of a basic index and the shape that it yields; ``None`` if it is not basic."""
    entries = list(index) if isinstance(index, tuple) else [index]
    consumed = sum(1 for e in entries if e is not None and e is not Ellipsis)
    if consumed > len(shape):
        raise IndexError(f"too many indices: the array has {len(shape)} axes, and {consumed} were indexed")
    if Ellipsis not in [e for e in entries if not hasattr(e, "shape")]:
        entries.append(Ellipsis)
    canonical: list[Any] = []
    out: list[int] = []
    axis = 0
    for entry in entries:
        if entry is None:
            out.append(1)
        elif entry is Ellipsis:
            for _ in range(len(shape) - consumed):
                canonical.append((0, shape[axis], 1))
                out.append(shape[axis])
                axis += 1
        elif isinstance(entry, slice):
            start, stop, step = entry.indices(shape[axis])
            count = len(range(start, stop, step))
            canonical.append((start, count, step) if count else (0, 0, 1))
            out.append(count)
            axis += 1
        elif isinstance(entry, int | np.integer) and not isinstance(entry, bool):
            length = shape[axis]
            if not -length <= entry < length:
                raise IndexError(f"index {entry} is out of bounds for axis {axis} with size {length}")
            canonical.append(int(entry) % length)
            axis += 1
        else:
            return None
    return tuple(canonical), tuple(out)


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``."""
    shape = tuple(map(int, x.node.type.shape))
    basic = basic_index(shape, index)
    if basic is None:
        raise NotImplementedError("advanced indexing")
    canonical, out = basic
    if any(isinstance(e, int) or e != (0, n, 1) for e, n in zip(canonical, shape, strict=True)):
        x = st.slice_(x, canonical)
    return st.reshape(x, out)
