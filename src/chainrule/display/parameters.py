"""What stands beside the name of an operation in a formula: along which axis, on which diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import FormulaError
from ..ops.monomial import Axis
from ..ops.structural import concatenate, place
from .layout import Kind, Layout


def along(name: str, axes: tuple[int, ...], rank: int) -> str:
    """The name of what works within each row or column: ``softmax_row``."""
    if rank == 2 and axes == (-1,):
        return name + "_row"
    if rank == 2 and axes == (-2,):
        return name + "_col"
    if len(axes) < rank:
        return name + "_" + "".join(str(a % rank + 1) for a in axes)
    return name


def parametrised(x: Layout) -> tuple[str, list[str]]:
    """The name of an operation with its parameters, and those that follow its arguments."""
    op, *params = x.data
    known: dict[str, Any] = dict(zip(op.parameters, params, strict=False))
    rank = x.children[0].rank if x.children else 0
    name, after = str(op.name), []
    if name == "concatenate":
        return f"{name}_{known['axis'] % rank + 1}", []
    if "axes" in known:
        if not all(isinstance(a, int) for a in known["axes"]):
            raise FormulaError(f"{name} has no notation yet, so no formula with it can be shown.")
        name = along(name, tuple(known["axes"]), rank)
    elif "axis" in known:
        name = along(name, (known["axis"],), rank)
    if known.get("reverse"):
        name = f"reverse_{name}"
    if "shift" in known:
        after.append(str(known["shift"]).replace("-", "−"))
    if known.get("k"):
        after.append(str(known["k"]).replace("-", "−"))
    if name == "reshape":
        after.append("×".join(str(a.length) for a in x.axes))
    if name == "place":  # where in zeros it is put
        every = [(0, a.length, 1) for a in x.axes[: len(x.axes) - len(known["shape"])]]
        return "pad", [f"[{index_text([*every, *i], x.axes)}]" for i in known["indices"]]
    return name, after


def index_text(index: Sequence[int | tuple[int, int, int]], axes: Sequence[Axis]) -> str:
    """A basic index as Python writes it; what is near the end of a long axis is counted from there."""
    words = []
    for entry, axis in zip(index, axes, strict=True):
        if isinstance(entry, int):
            words.append(str(entry))
            continue
        length = axis.length
        start, count, step = entry
        stop = start + step * count
        if step > 0:
            far = length - (3 if length > 11 else 1 if length > 5 else 0)
            first = str(start - length if start >= far else start or "")
            last = "" if stop >= length else str(stop - length if stop >= far else stop)
        else:
            first = "" if start == length - 1 else str(start)
            last = "" if stop < 0 else str(stop)
        words.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    return ", ".join(words)


class Blocks(NamedTuple):
    """An array put together: a sum of rows or columns of blocks, each a child or ``None`` for zeros."""

    lines: tuple[tuple[int | None, ...], ...]
    side_by_side: bool


def blocks(x: Layout) -> Blocks | None:
    """Vectors and matrices joined, or put at the ends of zeros, as blocks."""
    if x.kind is not Kind.ITEM or not 1 <= x.rank <= 2:
        return None
    if x.data[0] is concatenate:
        along = x.data[1] % x.rank
        return Blocks((tuple(range(len(x.children))),), along == 1)
    if x.data[0] is not place:
        return None
    every = [(0, a.length, 1) for a in x.axes]
    runs, ways = [], set()
    for index in x.data[2]:
        entries = [*every[: x.rank - len(index)], *index]
        parted = [j for j, e in enumerate(entries) if e != every[j]]
        if len(parted) != 1:
            return None
        (j,) = parted
        ways.add(j)
        if isinstance(entries[j], int) and (x.rank, j) == (2, 0):
            return None  # a vector as a row
        start, count, step = (entries[j], 1, 1) if isinstance(entries[j], int) else entries[j]
        if step != 1:
            return None
        runs.append((start, count))
    if len(ways) != 1:
        return None
    (j,) = ways
    order = sorted(range(len(runs)), key=runs.__getitem__)
    stops = [start + count for start, count in (runs[k] for k in order)]
    if [runs[k][0] for k in order] == [0, *stops[:-1]] and stops[-1] == x.axes[j].length:
        return Blocks((tuple(order),), j == 1)
    length = x.axes[j].length
    lines = [_among_zeros(k, start, length - start - n) for k, (start, n) in enumerate(runs)]
    found = tuple(line for line in lines if line)
    return Blocks(found, j == 1) if len(found) == len(lines) else None


def _among_zeros(k: int, before: int, after: int) -> tuple[int | None, ...]:
    """One block and zeros: a few are shown each, many as a block at one side; else nothing."""
    if max(before, after) <= 2:
        return (*(None,) * before, k, *(None,) * after)
    return () if before and after else (None, k) if before else (k, None)
