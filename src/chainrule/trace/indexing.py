"""Indexing of traced arrays: NumPy's index expressions as slices, reshapes and gathers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import structural as st
from ..ops.indexing import gather
from ..ops.search import flatnonzero

_FULL = slice(None)


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``."""
    shape = x.node.type.shape
    kind = type(index)
    if kind is int and shape:  # the hot ones: a loop over an array, and a part of one
        length = shape[0]
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of bounds for axis 0 with size {length}")
        return st.slice_(x, (index % length, *[(0, n, 1) for n in shape[1:]]))
    if kind is slice and shape:
        part = sliced(index, shape[0])
        return (
            x.copy()
            if part == (0, shape[0], 1)
            else st.slice_(x, (part, *[(0, n, 1) for n in shape[1:]]))
        )
    basic = basic_index(shape, index)
    if basic is None:
        return _advanced(x, index)
    canonical, out = basic
    if any(e.__class__ is int or e != (0, n, 1) for e, n in zip(canonical, shape, strict=True)):
        x = st.slice_(x, canonical)
        return x if x.node.type.shape == out else st.reshape(x, out)
    return x.copy() if out == shape else st.reshape(x, out)


def sliced(entry: slice, length: int) -> tuple[int, int, int]:
    """The canonical form of a slice: start, count, step."""
    start, stop, step = entry.indices(length)
    count = len(range(start, stop, step))
    return (int(start), count, int(step)) if count else (0, 0, 1)


def basic_index(shape: tuple[int, ...], index: Any) -> tuple[st.BasicIndex, tuple[int, ...]] | None:
    """The canonical form of a basic index and the shape that it yields; ``None`` if not basic."""
    entries = index if type(index) is tuple else (index,)
    if not all(_is_basic_entry(e) or is_integer(e) for e in entries):
        return None
    canonical: list[Any] = []
    out: list[int] = []
    for entry, length in expanded(shape, entries):
        if entry is None:
            out.append(1)
        elif isinstance(entry, slice):
            canonical.append(sliced(entry, length))
            out.append(canonical[-1][1])
        else:
            if not -length <= entry < length:
                axis = len(canonical)
                raise IndexError(
                    f"index {entry} is out of bounds for axis {axis} with size {length}"
                )
            canonical.append(int(entry) % length)
    return tuple(canonical), tuple(out)


def is_basic(index: Any) -> bool:
    """Whether an index gives a view in NumPy: integers, slices, new axes and an ellipsis."""
    if type(index) is tuple:
        return all(_is_basic_entry(e) for e in index)
    return _is_basic_entry(index)


def _is_basic_entry(entry: Any) -> bool:
    if entry is None or entry is Ellipsis or type(entry) in (int, slice):
        return True
    return is_integer(entry) and type(entry) is not np.ndarray  # x[np.array(0)] is a copy


def is_integer(entry: Any) -> bool:
    """Whether an index entry is a plain integer (a boolean is not, a 0-d integer array is)."""
    kind = type(entry)
    if kind is np.ndarray:
        return entry.ndim == 0 and entry.dtype.kind in "iu"
    return issubclass(kind, int | np.integer) and kind is not bool


def expanded(shape: tuple[int, ...], entries: tuple[Any, ...]) -> list[tuple[Any, int]]:
    """Index entries, each with the length of the axis it is for, the ellipsis written out."""
    consumed = sum(1 for e in entries if e is not None and e is not Ellipsis)
    if consumed > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, "
            f"but {consumed} were indexed"
        )
    if not any(e is Ellipsis for e in entries):
        entries = (*entries, Ellipsis)
    lengths = iter(shape)
    result: list[tuple[Any, int]] = []
    seen = False
    for entry in entries:
        if entry is None:
            result.append((None, 1))
        elif entry is Ellipsis:
            if seen:
                raise IndexError("an index can only have a single ellipsis ('...')")
            seen = True
            result.extend((_FULL, next(lengths)) for _ in range(len(shape) - consumed))
        else:
            result.append((entry, next(lengths)))
    return result


# -- integer and boolean arrays --------------------------------------------------------------------


def _advanced(x: Any, index: Any) -> Any:
    shape = x.node.type.shape
    entries = index if type(index) is tuple else (index,)
    arrays = [_as_index(e) for e in entries]
    if any(_is_truth(e) for e in arrays):
        return _with_truth(x, arrays)
    flat, masked = _without_masks(shape, tuple(arrays))
    if masked is not None:
        x, flat = masked(x), tuple(flat)
        shape = x.node.type.shape
    # First the slices and new axes, then the arrays, each on an axis of its own.
    canonical: list[Any] = []
    placed: list[int] = []
    indices: list[tuple[int, Any]] = []
    for entry, length in expanded(shape, flat):
        if entry is None:
            placed.append(1)
            continue
        if isinstance(entry, slice):
            canonical.append(sliced(entry, length))
            placed.append(canonical[-1][1])
            continue
        indices.append((len(placed), _checked(entry, length, len(canonical))))
        canonical.append((0, length, 1))
        placed.append(length)
    if any(e != (0, n, 1) for e, n in zip(canonical, shape, strict=True)):
        x = st.slice_(x, tuple(canonical))
    x = st.reshape(x, tuple(placed))
    axes = [axis for axis, _ in indices]
    picked = gather(x, [i for _, i in indices], tuple(a - len(placed) for a in axes))
    if axes[-1] - axes[0] + 1 == len(axes) or axes[0] == 0:
        return picked
    # Arrays with a slice between them put the axes of the index in front.
    ndim = np.broadcast(*[np.empty(np.shape(i), bool) for _, i in indices]).ndim
    order = list(range(np.ndim(picked)))
    block = order[axes[0] : axes[0] + ndim]
    return st.transpose(picked, [*block, *order[: axes[0]], *order[axes[0] + ndim :]])


def _as_index(entry: Any) -> Any:
    """An index entry as a slice, an integer, or an array, which may be traced."""
    if entry is None or entry is Ellipsis or isinstance(entry, slice) or is_integer(entry):
        return entry
    if type(entry) in (bool, np.bool_):
        return entry
    if not hasattr(type(entry), "__record__"):
        if isinstance(entry, list | tuple) and any(hasattr(type(e), "__record__") for e in entry):
            return np.stack(entry)  # indices of which some are traced
        entry = np.asarray(entry)
        if entry.size == 0 and entry.ndim == 1 and entry.dtype == float:
            entry = entry.astype(np.intp)  # an empty list
    if entry.dtype.kind not in "iub":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return entry


def _is_truth(entry: Any) -> bool:
    return type(entry) in (bool, np.bool_) or (
        getattr(entry, "dtype", None) == np.bool_ and np.ndim(entry) == 0
    )


def _with_truth(x: Any, entries: list[Any]) -> Any:
    """``x[True]`` has a new axis of length 1, ``x[False]`` one of length 0."""
    chosen = all(bool(e) for e in entries if _is_truth(e))
    rest = tuple(e for e in entries if not _is_truth(e))
    if any(hasattr(e, "shape") for e in rest):
        raise IndexError("a boolean scalar beside index arrays is not supported")
    return getitem(x, (None, *rest))[slice(0, 1 if chosen else 0)]


def _without_masks(shape: tuple[int, ...], entries: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    """Boolean arrays turned into integer ones, and what must be done to the array before.

    A mask over several axes lays these out as one, so that one index array does for it. That is
    only possible for a single mask; several are turned into one index array for each axis.
    """
    masks = [e for e in entries if getattr(e, "dtype", None) == np.bool_]
    if not masks:
        return entries, None
    result: list[Any] = []
    laid: Any = None
    consumed = sum(np.ndim(e) if any(e is m for m in masks) else 1 for e in entries
                   if e is not None and e is not Ellipsis)  # fmt: skip
    if consumed > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, "
            f"but {consumed} were indexed"
        )
    axis = 0
    for e in entries:
        if e is None:
            result.append(e)
        elif e is Ellipsis:
            result.append(e)
            axis += len(shape) - consumed
        elif any(e is m for m in masks):
            own = np.shape(e)
            if own != shape[axis : axis + len(own)]:
                raise IndexError(
                    f"boolean index did not match indexed array along axis {axis}; the array has "
                    f"shape {shape} and the index {own}"
                )
            if len(own) == 1 or len(masks) > 1:
                result.extend(nonzero(e))
            else:
                first = axis
                shape_after = (*shape[:first], int(np.prod(own)), *shape[first + len(own) :])
                laid = lambda x, s=shape_after: st.reshape(x, s)  # noqa: E731
                result.append(places(e))
            axis += len(own)
        else:
            result.append(e)
            axis += 1
    return tuple(result), laid


def places(mask: Any) -> Any:
    """Where ``mask`` is true, as flat places. How many there are is a decision of the program."""
    if not hasattr(type(mask), "__record__"):
        return np.flatnonzero(mask)
    mask = mask if mask.dtype == np.bool_ else mask != 0
    count = int(np.sum(mask))
    return flatnonzero(mask, count)


def nonzero(a: Any) -> tuple[Any, ...]:
    """As :func:`numpy.nonzero`."""
    shape = np.shape(a)
    if not shape:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).")
    if not hasattr(type(a), "__record__"):
        return np.nonzero(a)
    return unravel(places(a), shape)


def unravel(flat: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Flat places as one index for each axis of ``shape``."""
    result: list[Any] = []
    for length in reversed(shape[1:]):
        result.append(np.remainder(flat, length))
        flat = np.floor_divide(flat, length)
    return (flat, *reversed(result))


def _checked(index: Any, length: int, axis: int) -> Any:
    """An index array whose entries are in bounds."""
    if is_integer(index):
        index = np.intp(index)
    values = index.recorder.peek(index.node) if hasattr(type(index), "__record__") else index
    if values is not None and np.size(values):
        low, high = np.min(values), np.max(values)
        if low < -length or high >= length:
            wrong = high if high >= length else low
            raise IndexError(f"index {wrong} is out of bounds for axis {axis} with size {length}")
    return index
