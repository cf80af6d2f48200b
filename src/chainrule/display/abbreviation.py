"""Long arrays of entries, shown by their first ones: ``[2x₁, 2x₂, … (98 more)]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from .composed import Composed, reached
from .layout import Kind, Layout

#: More entries than this are abbreviated, to so many rows and columns.
MOST, ROWS, COLUMNS = 24, 4, 6


class Shown(NamedTuple):
    """The shape of what is shown of an array, and how many entries are not."""

    shape: tuple[int, ...]
    more: int


def abbreviated(composed: Composed) -> Composed:
    """The same with long arrays cut short, and only the definitions that are then needed."""
    results = tuple(map(_cut, composed.results))
    if all(a is b for a, b in zip(results, composed.results, strict=True)):
        return composed
    return replace(composed, results=results, definitions=reached(results, composed.definitions))


def _cut(x: Layout) -> Layout:
    if x.kind is not Kind.ARRAY or len(x.children) <= MOST or len(x.data) > 2:
        return x
    rows, columns = (x.data[0], 1) if len(x.data) == 1 else x.data
    wide = min(columns, COLUMNS)
    tall = min(rows, ROWS if columns > 1 else COLUMNS)
    kept = [x.children[i * columns + j] for i in range(tall) for j in range(wide)]
    shape = (tall,) if len(x.data) == 1 else (tall, wide)
    return Layout(Kind.ARRAY, tuple(kept), x.axes, Shown(shape, len(x.children) - len(kept)))


def shape_of(x: Layout) -> tuple[Sequence[int], int]:
    """The shape that is shown of an array, and the number of entries that are not."""
    return (x.data.shape, x.data.more) if isinstance(x.data, Shown) else (x.data, 0)
