"""``scipy.ndimage`` by name: linear filters as sums of shifted arrays, resampling as a matrix.

What SciPy's Python functions build on is replaced: a correlation along one axis and one over a
footprint. Gaussian filters, derivatives and the rest then are SciPy's own programs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ..site import here
from .selection import as_array

Function = Callable[..., Any]

#: The way that NumPy's pad continues an array, by the name that ndimage has for it.
_PADDING = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip

#: The most entries of a matrix that is made for a resampling.
_LARGEST = 1 << 24


def padded(x: Any, widths: list[tuple[int, int]], mode: str, cval: Any) -> Any:
    """``x`` continued beyond its borders, as ``mode`` says."""
    if mode not in _PADDING:
        raise ValueError(f"boundary mode not supported: {mode}")
    words: dict[str, Any] = {"constant_values": cval} if _PADDING[mode] == "constant" else {}
    lengths = np.shape(x)
    if (
        any(n == 1 and w != (0, 0) for n, w in zip(lengths, widths, strict=True))
        and mode == "mirror"
    ):
        return np.pad(x, widths, "edge")
    how: Any = _PADDING[mode]
    return np.pad(x, widths, how, **words)


def captured(value: Any, like: Any) -> Any:
    """An array that the program brings along, as one that a compiled program reads anew."""
    return like.recorder.lift(value) if hasattr(like, "recorder") else value


def settled(value: Any, like: Any) -> Any:
    """An argument that must be a number or an array of numbers, as that; a decision if an array."""
    if hasattr(type(value), "__record__"):
        t = like.recorder.lift(value)
        if t.node.level:
            return None
        return t.recorder.decide_array(t)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fciu":
        t = like.recorder.lift(value)
        return t.recorder.decide_array(t)
    return value


def stored(result: Any, output: Any) -> Any:
    """The result, in the array that the program gave for it or of the dtype that it named."""
    if output is None:
        return result
    if isinstance(output, np.ndarray):
        output[...] = result
        return output
    return result.astype(output)


def correlate1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """As :func:`scipy.ndimage.correlate1d`."""
    x = as_array(input)
    w = captured(as_array(weights), x)
    count = int(np.shape(w)[0])
    left = count // 2 + origin
    widths = [(0, 0)] * np.ndim(x)
    widths[axis] = (left, count - 1 - left)
    wide = np.moveaxis(padded(x, widths, mode, cval), axis, 0)
    n = int(np.shape(x)[axis])
    total = sum(w[k] * wide[k : k + n] for k in range(count))
    return stored(np.moveaxis(total, 0, axis), output)


def convolve1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """As :func:`scipy.ndimage.convolve1d`."""
    w = as_array(weights)[::-1]
    origin = -origin - (1 if not int(np.shape(w)[0]) % 2 else 0)
    return correlate1d(input, w, axis, output, mode, cval, origin)


def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Any:  # fmt: skip
    """As :func:`scipy.ndimage.uniform_filter1d`."""
    weights = np.full(int(size), 1.0 / size)
    return correlate1d(input, weights, axis, output, mode, cval, origin)


def _correlate_or_convolve(
    input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, convolution: bool,
    axes: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    w = captured(as_array(weights), x)
    if axes is not None and tuple(axes) != tuple(range(np.ndim(x))):
        raise _refused("a filter over some of the axes")
    origins = [int(origin)] * np.ndim(x) if np.ndim(origin) == 0 else [int(o) for o in origin]
    sizes = [int(n) for n in np.shape(w)]
    if convolution:
        w = w[(slice(None, None, -1),) * np.ndim(w)]
        origins = [-o - (not n % 2) for o, n in zip(origins, sizes, strict=True)]
    lefts = [n // 2 + o for n, o in zip(sizes, origins, strict=True)]
    modes = [mode] * np.ndim(x) if isinstance(mode, str) else list(mode)
    wide = x
    for axis, (n, left, how) in enumerate(zip(sizes, lefts, modes, strict=True)):
        widths = [(0, 0)] * np.ndim(x)
        widths[axis] = (left, n - 1 - left)
        wide = padded(wide, widths, how, cval)
    shape = np.shape(x)
    total: Any = 0.0
    for place in np.ndindex(*sizes):
        window = wide[tuple(slice(k, k + int(n)) for k, n in zip(place, shape, strict=True))]
        total = total + w[place] * window
    return stored(total, output)


# -- resampling: linear in the image ---------------------------------------------------------------


def _refused(what: str) -> UnsupportedFunction:
    return UnsupportedFunction(
        f"scipy.ndimage: {what} has no derivative here. Give the step a derivative of its own with "
        "chainrule.custom_derivative.",
        here(),
    )


def linear_in_first(function: Function, x: Any) -> Any:
    """``function(x)`` where ``function`` is affine: what it does to every unit array."""
    x = as_array(x)
    shape = tuple(int(n) for n in np.shape(x))
    rest = np.asarray(function(np.zeros(shape)))
    count = int(np.prod(shape))
    if count * rest.size > _LARGEST:
        raise _refused(f"resampling {count} elements to {rest.size}")
    matrix = np.empty((rest.size, count))
    for k in range(count):
        unit = np.zeros(shape)
        unit.reshape(-1)[k] = 1.0
        matrix[:, k] = np.ravel(function(unit) - rest)
    return np.reshape(matrix @ np.ravel(x), rest.shape) + rest


def _linear(path: str) -> Function:
    """A function that is affine in its first argument, while the others are plain."""
    module, _, name = path.rpartition(".")

    def function(input: Any, *args: Any, output: Any = None, **keywords: Any) -> Any:
        from importlib import import_module

        plain: Function = getattr(import_module(module), name)
        x = as_array(input)
        given = [settled(a, x) for a in args]
        words = {k: settled(a, x) for k, a in keywords.items()}
        lost = [a for a, b in zip((*args, *keywords.values()), (*given, *words.values()), strict=True)
                if a is not None and b is None]  # fmt: skip
        if lost or not hasattr(x, "recorder"):
            raise _refused(f"{name} by anything but the image")
        made = linear_in_first(lambda x: plain(x, *given, **words), x)
        if output is None and x.dtype.kind in "fc" and made.dtype != x.dtype:
            made = made.astype(x.dtype)  # the images of unit arrays are in double precision
        return stored(made, output)

    return function


def map_coordinates(
    input: Any, coordinates: Any, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.ndimage.map_coordinates`; by the coordinates, for order 1 inside the image."""
    coordinates = as_array(coordinates)
    if not hasattr(type(coordinates), "__record__") or not coordinates.node.level:
        return _linear("scipy.ndimage.map_coordinates")(
            input,
            coordinates,
            output=output,
            order=order,
            mode=mode,
            cval=cval,
            prefilter=prefilter,
        )
    if order != 1 or mode not in ("constant", "nearest"):
        raise _refused(
            "map_coordinates by its coordinates, but for order=1 and mode='nearest' or 'constant',"
        )
    x = as_array(input)
    total: Any = 0.0
    inside: Any = True
    lows, shares = [], []
    for axis, n in enumerate(np.shape(x)):
        at = coordinates[axis]
        if mode == "constant":
            inside = inside & (at >= 0) & (at <= n - 1)
        at = np.clip(at, 0.0, float(n - 1))
        low = np.minimum(np.floor(at), max(int(n) - 2, 0)).astype(int)
        lows.append(low)
        shares.append(at - low)
    for corner in np.ndindex(*(2,) * np.ndim(x)):
        weight: Any = 1.0
        index = []
        for axis, step in enumerate(corner):
            weight = weight * (shares[axis] if step else 1.0 - shares[axis])
            index.append(np.minimum(lows[axis] + step, int(np.shape(x)[axis]) - 1))
        total = total + weight * x[tuple(index)]
    return stored(np.where(inside, total, cval) if mode == "constant" else total, output)


# -- by their order --------------------------------------------------------------------------------


def neighbours(x: Any, footprint: Any, mode: Any, cval: Any, origins: list[int]) -> Any:
    """For each element those under the footprint around it, along a new last axis."""
    footprint = np.asarray(footprint, bool)
    sizes = footprint.shape
    modes = [mode] * np.ndim(x) if isinstance(mode, str) else list(mode)
    wide = x
    for axis, (n, o, how) in enumerate(zip(sizes, origins, modes, strict=True)):
        widths = [(0, 0)] * np.ndim(x)
        widths[axis] = (n // 2 + o, n - 1 - n // 2 - o)
        wide = padded(wide, widths, how, cval)
    shape = [int(n) for n in np.shape(x)]
    return np.stack([
        wide[tuple(slice(k, k + n) for k, n in zip(place, shape, strict=True))]
        for place in np.argwhere(footprint).tolist()
    ], axis=-1)  # fmt: skip


def _around(x: Any, size: Any, footprint: Any, mode: Any, cval: Any, origin: Any, axes: Any) -> Any:
    ndim = np.ndim(x)
    if axes is not None and sorted(a % ndim for a in np.atleast_1d(axes)) != list(range(ndim)):
        raise _refused("a filter over some of the axes")
    if footprint is None:
        footprint = np.ones([int(n) for n in np.broadcast_to(size, ndim)], bool)
    origins = [int(o) for o in np.broadcast_to(origin, ndim)]
    return neighbours(x, footprint, mode, cval, origins)


def _rank_filter(
    input: Any, rank: Any, size: Any = None, footprint: Any = None, output: Any = None,
    mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, operation: str = "rank",
    axes: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    near = _around(x, size, footprint, mode, cval, origin, axes)
    count = int(np.shape(near)[-1])
    if operation == "median":
        rank = count // 2
    elif operation == "percentile":
        share = float(rank) + (100.0 if rank < 0 else 0.0)
        rank = count - 1 if share == 100.0 else int(count * share / 100.0)
    return stored(np.sort(near, axis=-1)[..., int(rank)], output)


def _min_or_max_filter(
    input: Any, size: Any, footprint: Any, structure: Any, output: Any, mode: Any, cval: Any,
    origin: Any, minimum: Any, axes: Any = None,
) -> Any:  # fmt: skip
    x = as_array(input)
    if structure is not None:
        structure = as_array(structure)
        footprint = np.ones(np.shape(structure), bool) if footprint is None else footprint
    near = _around(x, size, footprint, mode, cval, origin, axes)
    if structure is not None:
        heights = structure[np.asarray(footprint, bool)]
        near = near - heights if minimum else near + heights
    return stored(np.min(near, axis=-1) if minimum else np.max(near, axis=-1), output)


def _extreme_1d(minimum: bool) -> Function:
    def function(
        input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
        cval: Any = 0.0, origin: int = 0,
    ) -> Any:  # fmt: skip
        x = as_array(input)
        size, axis = int(size), axis % np.ndim(x)
        sizes, origins = np.ones(np.ndim(x), int), [0] * np.ndim(x)
        sizes[axis], origins[axis] = size, int(origin)
        near = neighbours(x, np.ones(sizes, bool), mode, cval, origins)
        return stored(np.min(near, axis=-1) if minimum else np.max(near, axis=-1), output)

    return function


#: Functions that are given arrays to write to, so their arguments are handed over as they are.
WRITING: dict[str, Function] = {
    "scipy.ndimage._filters.correlate1d": correlate1d,
    "scipy.ndimage._filters.convolve1d": convolve1d,
    "scipy.ndimage._filters.uniform_filter1d": uniform_filter1d,
    "scipy.ndimage._filters._correlate_or_convolve": _correlate_or_convolve,
    "scipy.ndimage.map_coordinates": map_coordinates,
    **{f"scipy.ndimage.{name}": _linear(f"scipy.ndimage.{name}")
       for name in ("affine_transform", "shift", "zoom", "rotate", "geometric_transform",
                    "spline_filter", "spline_filter1d", "fourier_gaussian", "fourier_shift")},
    "scipy.ndimage._filters._min_or_max_filter": _min_or_max_filter,
    "scipy.ndimage._filters._rank_filter": _rank_filter,
    "scipy.ndimage._filters.minimum_filter1d": _extreme_1d(True),
    "scipy.ndimage._filters.maximum_filter1d": _extreme_1d(False),
}  # fmt: skip
