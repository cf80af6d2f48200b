"""What stands beside the name of an operation in a formula: along which axis, on which diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import FormulaError
from ..ops.monomial import Axis
from .layout import Layout

#: What joins arrays: side by side, or one below the other.
_JOINS = {(1, -1): "concatenate", (2, -1): "hstack", (2, -2): "vstack"}


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
        return _JOINS.get((rank, known["axis"]), f"{name}_{known['axis'] % rank + 1}"), []
    if "axes" in known:
        if not all(isinstance(a, int) for a in known["axes"]):
            raise FormulaError(f"{name} has no notation yet, so no formula with it can be shown.")
        name = along(name, tuple(known["axes"]), rank)
    elif "axis" in known:
        name = along(name, (known["axis"],), rank)
    if known.get("reverse"):
        name = f"reverse_{name}"
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
            far = length - 1 if length > 5 else length
            first = str(start - length if start >= far else start or "")
            last = "" if stop >= length else str(stop - length if stop >= far else stop)
        else:
            first = "" if start == length - 1 else str(start)
            last = "" if stop < 0 else str(stop)
        words.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    return ", ".join(words)
