"""Shapes and places: reshape, transpose, broadcast, join, split, pad and repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops import structural as st
from ...ops.indexing import gather
from .selection import as_array, normalized


def reshape(
    a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    """As :func:`numpy.reshape`."""
    shape = newshape if shape is None else shape
    target = _filled_in(shape, np.shape(a))
    if order == "F":
        flipped = st.reshape(st.transpose(a), target[::-1])
        return st.transpose(flipped)
    return st.reshape(a, target)


def _filled_in(shape: Any, source: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with its unknown length computed."""
    target = tuple([int(n) for n in shape]) if np.iterable(shape) else (int(shape),)
    size = rest = 1
    unknown = 0
    for n in source:
        size *= n
    for n in target:
        if n < 0:
            unknown += 1
        else:
            rest *= n
    if unknown == 1 and rest and size % rest == 0:
        return tuple([size // rest if n < 0 else n for n in target])
    if unknown or rest != size:
        np.broadcast_to(np.False_, source).reshape(shape)  # NumPy's own error
    return target


def transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    """As :func:`numpy.transpose`."""
    return st.transpose(a, axes)


def matrix_transpose(x: Any, /) -> Any:
    """As :func:`numpy.matrix_transpose`."""
    return swapaxes(x, -1, -2)


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """As :func:`numpy.broadcast_to`."""
    target = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    source = np.shape(array)
    if np.broadcast_shapes(source, target) != target:
        raise ValueError(
            f"operands could not be broadcast together with remapped shapes: {source} and {target}"
        )
    if source == target:
        return array
    axes = [a for a in range(-len(source), 0) if source[a] == target[a]]
    return st.broadcast(st.reshape(array, tuple(source[a] for a in axes)), target, tuple(axes))


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """As :func:`numpy.broadcast_arrays`."""
    arrays = [st.strong(a) if hasattr(a, "node") else np.asarray(a) for a in args]
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(broadcast_to(a, shape) for a in arrays)


def may_share_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    """As :func:`numpy.may_share_memory`, to which yes is always a right answer."""
    return True


def ravel(a: Any, order: str = "C") -> Any:
    """As :func:`numpy.ravel`."""
    return reshape(a, -1, "F" if order == "F" else "C")


def expand_dims(a: Any, axis: Any) -> Any:
    """As :func:`numpy.expand_dims`."""
    return st.reshape(a, _probed(np.expand_dims, a, axis))


def squeeze(a: Any, axis: Any = None) -> Any:
    """As :func:`numpy.squeeze`."""
    return st.reshape(a, _probed(np.squeeze, a, axis))


def _probed(function: Any, a: Any, *args: Any) -> tuple[int, ...]:
    """The shape that NumPy's function gives, found on an array that takes no memory."""
    shape: tuple[int, ...] = function(np.broadcast_to(np.False_, np.shape(a)), *args).shape
    return shape


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """As :func:`numpy.moveaxis`."""
    return st.transpose(a, _permutation(np.moveaxis, np.ndim(a), source, destination))


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """As :func:`numpy.swapaxes`."""
    return st.transpose(a, _permutation(np.swapaxes, np.ndim(a), axis1, axis2))


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """As :func:`numpy.rollaxis`."""
    return st.transpose(a, _permutation(np.rollaxis, np.ndim(a), axis, start))


def _permutation(function: Any, ndim: int, *args: Any) -> Sequence[int]:
    """The permutation that NumPy's function makes, read off the shape of an array."""
    probe = np.broadcast_to(np.False_, tuple(range(2, ndim + 2)))
    return [n - 2 for n in function(probe, *args).shape]


def atleast_1d(*arys: Any) -> Any:
    """As :func:`numpy.atleast_1d`."""
    made = tuple(st.reshape(a, np.shape(a) or (1,)) for a in map(as_array, arys))
    return made[0] if len(made) == 1 else made


def atleast_2d(*arys: Any) -> Any:
    """As :func:`numpy.atleast_2d`."""
    given = [as_array(a) for a in arys]
    made = tuple(st.reshape(a, (1,) * (2 - np.ndim(a)) + tuple(np.shape(a))) for a in given)
    return made[0] if len(made) == 1 else made


def atleast_3d(*arys: Any) -> Any:
    """As :func:`numpy.atleast_3d`."""
    given = [as_array(a) for a in arys]
    made = tuple(st.reshape(a, np.atleast_3d(np.empty(np.shape(a), bool)).shape) for a in given)
    return made[0] if len(made) == 1 else made


# -- joining ---------------------------------------------------------------------------------------


def concatenate(
    arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    """As :func:`numpy.concatenate`."""
    parts = list(arrays)
    if axis is None:
        parts, axis = [np.ravel(p) for p in parts], 0
    if not parts:
        raise ValueError("need at least one array to concatenate")
    ndim = np.ndim(parts[0])
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    axis = normalized(axis, ndim)
    shapes = [tuple(np.shape(p)) for p in parts]
    if len({(*s[: axis + len(s)], *s[axis + len(s) + 1 :]) for s in shapes}) > 1:
        np.concatenate([np.broadcast_to(np.False_, s) for s in shapes], axis)  # NumPy's own error
    kind = _common_dtype(parts) if dtype is None else np.dtype(dtype)
    return st.concatenate([st.cast(p, kind) for p in parts], axis)


def _common_dtype(parts: Sequence[Any]) -> np.dtype:
    return np.result_type(*{p.dtype if hasattr(p, "dtype") else np.asarray(p).dtype for p in parts})


def stack(
    arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    """As :func:`numpy.stack`."""
    parts = list(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    shape = np.shape(parts[0])
    if any(np.shape(p) != shape for p in parts):
        raise ValueError("all input arrays must have the same shape")
    if not shape and axis in (0, -1):
        kind = _common_dtype(parts) if dtype is None else np.dtype(dtype)
        return st.place(
            [st.cast(p, kind) for p in parts], (len(parts),), tuple((k,) for k in range(len(parts)))
        )
    return concatenate([np.expand_dims(p, axis) for p in parts], axis, dtype=dtype)


def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """As :func:`numpy.vstack`."""
    return concatenate([np.atleast_2d(p) for p in tup], 0, dtype=dtype)


def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """As :func:`numpy.hstack`."""
    parts = list(tup)
    if all(np.ndim(p) == 0 for p in parts):
        return stack(parts, 0, dtype=dtype)
    parts = [np.atleast_1d(p) for p in parts]
    return concatenate(parts, 0 if np.ndim(parts[0]) == 1 else 1, dtype=dtype)


def dstack(tup: Any) -> Any:
    """As :func:`numpy.dstack`."""
    return concatenate([np.atleast_3d(p) for p in tup], 2)


def column_stack(tup: Any) -> Any:
    """As :func:`numpy.column_stack`."""
    columns = [p if np.ndim(p) >= 2 else np.reshape(p, (-1, 1)) for p in tup]
    return concatenate(columns, 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """As :func:`numpy.append`."""
    return concatenate([arr, values], axis)


def block(arrays: Any) -> Any:
    """As :func:`numpy.block`."""

    def depth(x: Any) -> int:
        return 1 + max(map(depth, x), default=0) if isinstance(x, list) else 0

    def widest(x: Any) -> int:
        return max(map(widest, x), default=0) if isinstance(x, list) else np.ndim(x)

    levels = depth(arrays)
    ndim = max(levels, widest(arrays))

    def joined(x: Any, level: int) -> Any:
        if isinstance(x, list):
            return concatenate([joined(part, level + 1) for part in x], level - levels)
        return np.reshape(x, (1,) * (ndim - np.ndim(x)) + tuple(np.shape(x)))

    return joined(arrays, 0)


# -- splitting -------------------------------------------------------------------------------------


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As :func:`numpy.array_split`."""
    axis = normalized(axis, np.ndim(ary))
    length = np.shape(ary)[axis]
    numbers = np.array_split(np.arange(length), indices_or_sections)
    before = (slice(None),) * (axis + np.ndim(ary))
    parts = []
    start = 0
    for part in numbers:
        start = int(part[0]) if len(part) else start
        parts.append(ary[(*before, slice(start, start + len(part)))])
        start += len(part)
    return parts


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As :func:`numpy.split`."""
    length = np.shape(ary)[axis]
    if np.ndim(indices_or_sections) == 0 and length % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """As :func:`numpy.hsplit`."""
    return split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """As :func:`numpy.vsplit`."""
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """As :func:`numpy.dsplit`."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """As :func:`numpy.unstack`."""
    moved = np.moveaxis(x, axis, 0)
    return tuple(moved[k] for k in range(np.shape(moved)[0]))


# -- reversing and rolling -------------------------------------------------------------------------


def flip(m: Any, axis: Any = None) -> Any:
    """As :func:`numpy.flip`."""
    ndim = np.ndim(m)
    axes = range(-ndim, 0) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    flipped = {normalized(a, ndim) for a in axes}
    return m[tuple(slice(None, None, -1) if a in flipped else slice(None) for a in range(-ndim, 0))]


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """As :func:`numpy.rot90`."""
    first, second = axes
    k %= 4
    if k == 0:
        return m[:]
    if k == 2:
        return flip(flip(m, first), second)
    if k == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second)


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """As :func:`numpy.roll`."""
    if axis is None:
        return reshape(roll(np.ravel(a), shift, 0), np.shape(a))
    for by, given in zip(
        *np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis)), strict=True
    ):
        along = normalized(given, np.ndim(a))
        length = np.shape(a)[along]
        cut = -int(by) % length if length else 0
        if cut:
            before = (slice(None),) * (along + np.ndim(a))
            a = concatenate([a[(*before, slice(cut, None))], a[(*before, slice(None, cut))]], along)
    return a


# -- repeating and padding -------------------------------------------------------------------------


def tile(A: Any, reps: Any) -> Any:
    """As :func:`numpy.tile`."""
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = (1,) * (len(reps) - np.ndim(A)) + tuple(np.shape(A))
    reps = (1,) * (len(shape) - len(reps)) + tuple(int(r) for r in reps)
    # Each axis becomes two, a new one of length `reps` before it.
    spread = tuple(n for pair in zip(reps, shape, strict=True) for n in pair)
    split_ = st.reshape(A, tuple(n for length in shape for n in (1, length)))
    return st.reshape(
        broadcast_to(split_, spread), tuple(r * n for r, n in zip(reps, shape, strict=True))
    )


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """As :func:`numpy.repeat`."""
    if axis is None or not np.ndim(a):
        a, axis = np.ravel(a), 0
    axis = normalized(axis, np.ndim(a))
    shape = tuple(np.shape(a))
    at = axis + len(shape)
    counts = np.asarray(repeats)
    if counts.size == 1:
        count = int(counts.reshape(()))
        wide = broadcast_to(np.expand_dims(a, at + 1), (*shape[: at + 1], count, *shape[at + 1 :]))
        return st.reshape(wide, (*shape[:at], shape[at] * count, *shape[at + 1 :]))
    return gather(a, [np.repeat(np.arange(shape[at]), counts)], (axis,))


def resize(a: Any, new_shape: Any) -> Any:
    """As :func:`numpy.resize`."""
    shape = (new_shape,) if np.ndim(new_shape) == 0 else tuple(new_shape)
    flat = np.ravel(a)
    total, length = int(np.prod(shape)), np.shape(flat)[0]
    whole = tile(flat, -(-total // length))[:total] if length else st.zeros((total,), flat.dtype)
    return st.reshape(whole, shape)


def pad(array: Any, pad_width: Any, mode: Any = "constant", **keywords: Any) -> Any:
    """As :func:`numpy.pad`, in every mode."""
    ndim = np.ndim(array)
    widths = _pairs(pad_width, ndim)
    if callable(mode):
        raise TypeError(
            "np.pad with a function as its mode is not supported; write the padding out"
        )
    for axis, (before, after) in enumerate(widths):
        if before or after:
            options = {k: _pairs(v, ndim)[axis] if k in _PAIRED else v for k, v in keywords.items()}
            array = _padded(array, axis - ndim, int(before), int(after), mode, options)
    return array


_PAIRED = ("constant_values", "end_values", "stat_length")
_STATISTICS: dict[str, Any] = {
    "maximum": np.max,
    "minimum": np.min,
    "mean": np.mean,
    "median": np.median,
}


def _pairs(value: Any, ndim: int) -> list[tuple[Any, Any]]:
    """One (before, after) for each axis, as ``np.pad`` broadcasts its arguments."""
    if isinstance(value, dict):
        pairs = {k % ndim: v if np.ndim(v) else (v, v) for k, v in value.items()}
        return [tuple(pairs.get(k, (0, 0))) for k in range(ndim)]
    if value is None or np.ndim(value) == 0:
        return [(value, value)] * ndim
    rows = list(value)
    if np.ndim(rows[0]) == 0 and len(rows) == 2 and all(np.ndim(r) == 0 for r in rows):
        return [(rows[0], rows[1])] * ndim
    rows = [r if np.ndim(r) else (r, r) for r in rows]
    rows = [(r[0], r[-1]) for r in rows]
    return rows * ndim if len(rows) == 1 else rows


def _padded(x: Any, axis: int, before: int, after: int, mode: str, options: dict[str, Any]) -> Any:
    """``x`` padded along one axis."""
    length = np.shape(x)[axis]
    if (
        mode in ("edge", "reflect", "symmetric", "wrap")
        and options.get("reflect_type", "even") == "even"
    ):
        pad_numbers: Any = np.pad
        return gather(x, [pad_numbers(np.arange(length), (before, after), mode)], (axis,))
    if mode in ("constant", "empty"):
        low, high = options.get("constant_values", (0, 0))
        if not _is_zero(low) or not _is_zero(high):
            low, high = (
                np.broadcast_to(v, _with_length(x, axis, n))
                for v, n in ((low, before), (high, after))
            )
            return concatenate([st.cast(low, x.dtype), x, st.cast(high, x.dtype)], axis)
        index = tuple(
            (before, n, 1) if a == axis else (0, n, 1)
            for a, n in zip(range(-np.ndim(x), 0), np.shape(x), strict=True)
        )
        return st.place([x], _with_length(x, axis, before + length + after), (index,))
    first, last = _along(x, axis, slice(0, 1)), _along(x, axis, slice(length - 1, length))
    if mode in _STATISTICS:
        lengths = [min(s or length, length) for s in options.get("stat_length", (None, None))]
        first = _STATISTICS[mode](_along(x, axis, slice(0, lengths[0])), axis=axis, keepdims=True)
        last = _STATISTICS[mode](
            _along(x, axis, slice(length - lengths[1], length)), axis=axis, keepdims=True
        )
        low, high = (
            np.broadcast_to(v, _with_length(x, axis, n))
            for v, n in ((first, before), (last, after))
        )
    elif mode == "linear_ramp":
        ends = options.get("end_values", (0, 0))
        low = ends[0] + (first - ends[0]) * _ramp(np.arange(before) / max(before, 1), axis)
        high = ends[1] + (last - ends[1]) * _ramp(np.arange(after)[::-1] / max(after, 1), axis)
    elif mode in ("reflect", "symmetric"):  # reflect_type="odd": 2 edge − mirror image
        whole = x
        low = high = x[()]
        step = 1 if mode == "reflect" else 0
        while before or after:
            length = np.shape(whole)[axis]
            most = length - step
            b, a = min(before, most), min(after, most)
            first, last = (
                _along(whole, axis, slice(0, 1)),
                _along(whole, axis, slice(length - 1, length)),
            )
            low = 2 * first - flip(_along(whole, axis, slice(step, step + b)), axis)
            high = 2 * last - flip(_along(whole, axis, slice(most - a, most)), axis)
            whole = concatenate([low, whole, high], axis)
            before, after = before - b, after - a
        return whole
    else:
        raise ValueError(f"mode '{mode}' is not supported")
    return concatenate([low, x, high], axis, dtype=x.dtype)


def _is_zero(value: Any) -> bool:
    return not hasattr(value, "recorder") and not np.any(value)


def _with_length(x: Any, axis: int, length: int) -> tuple[int, ...]:
    shape = list(np.shape(x))
    shape[axis] = length
    return tuple(shape)


def _along(x: Any, axis: int, part: slice) -> Any:
    return x[(*(slice(None),) * (axis + np.ndim(x)), part)]


def _ramp(steps: np.ndarray, axis: int) -> np.ndarray:
    return steps.reshape(-1, *(1,) * (-axis - 1))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.reshape: reshape, np.transpose: transpose,
    np.broadcast_to: broadcast_to, np.broadcast_arrays: broadcast_arrays,
    np.may_share_memory: may_share_memory,
    np.ravel: ravel, np.expand_dims: expand_dims, np.squeeze: squeeze, np.moveaxis: moveaxis,
    np.swapaxes: swapaxes, np.rollaxis: rollaxis, np.matrix_transpose: matrix_transpose,
    np.atleast_1d: atleast_1d, np.atleast_2d: atleast_2d, np.atleast_3d: atleast_3d,
    np.concatenate: concatenate, np.stack: stack, np.vstack: vstack, np.hstack: hstack,
    np.dstack: dstack, np.column_stack: column_stack, np.append: append, np.block: block,
    np.array_split: array_split, np.split: split,
    np.hsplit: hsplit, np.vsplit: vsplit, np.dsplit: dsplit,
    np.flip: flip, np.fliplr: lambda m: flip(m, 1), np.flipud: lambda m: flip(m, 0),
    np.rot90: rot90, np.roll: roll, np.tile: tile, np.repeat: repeat, np.resize: resize,
    np.pad: pad,
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
}  # fmt: skip
if hasattr(np, "unstack"):  # NumPy 2.1
    FUNCTIONS[np.unstack] = unstack
