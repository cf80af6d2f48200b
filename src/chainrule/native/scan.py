"""Running reductions: one loop along the axis that carries what there is so far.

Neighbouring places of another axis run in lanes where there is one; otherwise it is one element
after the other, as NumPy does it, and to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import vector
from .nest import Pointers
from .plan import Scan, View
from .registers import combine, element_of, load, store
from .text import STORAGE, Function, Value


def emit_scan(f: Function, scan: Scan, pointers: Pointers) -> None:
    """The instructions of one running reduction."""
    if 0 in scan.target.shape:
        return
    views = [*scan.sources, scan.target]
    at = [f.offset(pointers(v.buffer), STORAGE[v.dtype], v.offset) for v in views]
    others = [k for k, n in enumerate(scan.target.shape) if k != scan.axis and n > 1]
    lane = next((k for k in reversed(others) if all(v.strides[k] == 1 for v in views)), None)
    _Scan(f, scan, views, lane).over([k for k in others if k != lane], at)


class _Scan:
    """The loops of one running reduction."""

    def __init__(self, f: Function, scan: Scan, views: Sequence[View], lane: int | None) -> None:
        self.f = f
        self.scan = scan
        self.views = views
        self.lane = lane
        widest = max((STORAGE[v.dtype] for v in views), key=lambda e: 8 // f.machine.lanes(e))
        self.most = min(f.machine.lanes(widest), f.machine.lanes("float"))

    def over(self, axes: Sequence[int], at: Sequence[Value]) -> None:
        """Loop over the axes along which nothing is carried."""
        if not axes:
            self._lanes(at)
            return
        loop = self.f.begin(self.scan.target.shape[axes[0]])
        self.over(axes[1:], self._moved(at, axes[0], loop.index))
        self.f.end(loop)

    def _moved(self, at: Sequence[Value], axis: int, index: Value | int) -> list[Value]:
        f = self.f
        moved = []
        for p, v in zip(at, self.views, strict=True):
            stride = v.strides[axis]
            if isinstance(index, int):
                moved.append(f.offset(p, STORAGE[v.dtype], index * stride))
            else:
                moved.append(f.offset(p, STORAGE[v.dtype], f.binary("mul", index, stride)))
        return moved

    def _lanes(self, at: Sequence[Value]) -> None:
        if self.lane is None:
            self._along(at, 1, None)
            return
        f, width = self.f, self.most
        n = self.scan.target.shape[self.lane]
        whole, rest = divmod(n, width)
        if whole:
            loop = f.begin(whole * width, (), width)
            self._along(self._moved(at, self.lane, loop.index), width, None)
            f.end(loop)
        if rest:
            mask = f.first_lanes(rest, width) if width > 1 else None
            self._along(self._moved(at, self.lane, whole * width), width, mask)

    def _along(self, at: Sequence[Value], width: int, mask: Value | None) -> None:
        """From one end of the axis to the other."""
        f, scan = self.f, self.scan
        n = scan.target.shape[scan.axis]
        first = n - 1 if scan.reverse else 0
        here = self._moved(at, scan.axis, first)
        *_, y = self._values(here, width, mask)
        store(f, y, here[-1], mask)
        if n == 1:
            return
        loop = f.begin(n - 1, [y])
        index = (
            f.binary("sub", n - 2, loop.index) if scan.reverse else f.binary("add", loop.index, 1)
        )
        here = self._moved(at, scan.axis, index)
        values = self._values(here, width, mask)
        y = self._next(loop.carried[0], values)
        store(f, y, here[-1], mask)
        f.end(loop, [y])

    def _values(self, at: Sequence[Value], width: int, mask: Value | None) -> list[Value]:
        out = element_of(self.scan.target.dtype)
        return [
            vector.cast(self.f, load(self.f, v.dtype, p, width, mask), out)
            for v, p in zip(self.scan.sources, at, strict=False)
        ]

    def _next(self, before: Value, values: list[Any]) -> Value:
        f = self.f
        if self.scan.kind == "recurrence":
            a, b = values
            return combine(f, "add", combine(f, "multiply", a, before), b)
        return combine(f, self.scan.kind, before, values[0])
