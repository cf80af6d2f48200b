"""Running reductions: sums, products and extrema along an axis, and the linear recurrence.

A running product is differentiated without dividing by its factors, so that it is right where
they are zero, to any order. All of it comes from one row, the first-order linear recurrence
``y[j] = a[j] y[j-1] + b[j]``: it is linear in ``b``, its tangent in ``a`` is another recurrence,
its transpose is the recurrence that runs the other way, and it is the tangent of a running
product. (Blelloch, Prefix sums and their applications, 1990, section 4, has it as a scan.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, Shape
from .elementwise import gate
from .structural import cast, concatenate, lead_all, slice_, sum_dtype


class Cumulative(Primitive):
    """The kind of running reductions along ``axis``, from the start or, ``reverse``, the end."""

    parameters = ("axis", "reverse")

    def __init__(self, function: Any, name: str, text: str) -> None:
        self._function = function
        self.name = name
        self.text = text

    def __call__(self, x: Array, axis: int, reverse: bool = False) -> Array:
        """Run along ``axis``, counted from the right."""
        return self.bind((x,), axis, reverse)

    def infer(self, types: Sequence[ArrayType], axis: int, reverse: bool) -> ArrayType:
        return ArrayType(types[0].shape, types[0].dtype)

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        return (params[0],)

    def evaluate(self, arrays: Sequence[Any], axis: int, reverse: bool) -> Any:
        x = np.asarray(arrays[0])
        if reverse:
            return np.flip(self._function(np.flip(x, axis), axis), axis)
        return self._function(x, axis)

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, axis: int, reverse: bool
    ) -> Array:
        return self.bind(lead_all(args, batched, size), axis, reverse)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        axis, reverse = params
        rows, columns = within(out.shape, (axis,))
        stride = int(np.prod(out.shape[axis + len(out.shape) + 1 :]))
        ahead = (columns - rows) // max(stride, 1)
        keep = ahead >= 0 if reverse else ahead <= 0
        return rows[keep], columns[keep]

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x = np.random.default_rng(5).normal(size=(3, 4))
        return (((x,), (-1, False)), ((x,), (-2, True)), ((x[0],), (-1, True)))


class CumulativeSum(Cumulative):
    """The running sum; its transpose is the running sum from the other end."""

    linear_in = (0,)
    sums = True

    def infer(self, types: Sequence[ArrayType], axis: int, reverse: bool) -> ArrayType:
        return ArrayType(types[0].shape, sum_dtype(types[0].dtype))

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        axis: int,
        reverse: bool,
    ) -> Sequence[Maybe]:
        return (self(ct, axis, not reverse),)


class CumulativeProduct(Cumulative):
    """The running product; its tangent is a linear recurrence, right where factors are zero."""

    def infer(self, types: Sequence[ArrayType], axis: int, reverse: bool) -> ArrayType:
        return ArrayType(types[0].shape, sum_dtype(types[0].dtype))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        axis, reverse = params
        return linear_recurrence(
            args[0], shifted(out, axis, 1, reverse) * tangents[0], axis, reverse
        )


class CumulativeExtreme(Cumulative):
    """The running maximum or minimum; all so far that attain it share the derivative equally."""

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        axis, reverse = params
        if not np.shape(out)[axis]:
            return tangents[0]
        # Sums that start anew whenever the extreme changes, of the elements that attain it.
        same = cast(out == shifted(out, axis, np.nan, reverse), out.dtype)
        attained = np.where(np.isnan(out), out, cast(args[0] == out, out.dtype))
        count = linear_recurrence(same, attained, axis, reverse)
        return linear_recurrence(same, gate(attained, tangents[0]), axis, reverse) / count


class LinearRecurrence(Cumulative):
    """``y[j] = a[j] y[j-1] + b[j]`` along ``axis`` from ``y[-1] = 0``; in reverse, from the end.

    The first ``a`` multiplies that 0 and is not read.
    """

    linear_in = (1,)

    def __call__(self, a: Array, b: Array, axis: int, reverse: bool = False) -> Array:  # type: ignore[override]
        """``y`` for coefficients ``a`` and terms ``b`` of one shape."""
        return self.bind((a, b), axis, reverse)

    def infer(self, types: Sequence[ArrayType], axis: int, reverse: bool) -> ArrayType:
        return ArrayType(types[1].shape, np.result_type(types[0].dtype, types[1].dtype))

    def evaluate(self, arrays: Sequence[Any], axis: int, reverse: bool) -> Any:
        a, b = (np.moveaxis(np.asarray(x), axis, 0) for x in arrays)
        dtype = np.result_type(a.dtype, b.dtype)
        if reverse:
            a, b = a[::-1], b[::-1]
        y = np.empty(b.shape, dtype)
        width = int(np.prod(b.shape[1:]))
        if width <= 8:  # few short rows: Python's numbers are faster than NumPy's
            for column in np.ndindex(b.shape[1:]):
                every = (slice(None), *column)
                y[every] = _recurrence(a[every].tolist(), b[every].tolist())
        elif len(b):
            y[0] = b[0]
            for j in range(1, len(b)):
                np.multiply(a[j], y[j - 1], out=y[j])
                y[j] += b[j]
        return np.moveaxis(y[::-1] if reverse else y, 0, axis)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        axis, reverse = params
        terms = [] if tangents[1] is None else [tangents[1]]
        if tangents[0] is not None:
            terms.append(tangents[0] * shifted(out, axis, 0, reverse))
        return self(args[0], terms[0] if len(terms) == 1 else terms[0] + terms[1], axis, reverse)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        axis: int,
        reverse: bool,
    ) -> Sequence[Maybe]:
        a, b = args
        coefficients = np.conjugate(a) if a.dtype.kind == "c" else a
        terms = self(shifted(coefficients, axis, 0, not reverse), ct, axis, not reverse)
        before = shifted(out, axis, 0, reverse)
        by_a = terms * (np.conjugate(before) if before.dtype.kind == "c" else before)
        return _as_kind(by_a, a) if wanted[0] else None, _as_kind(terms, b) if wanted[1] else None

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        a, b = np.random.default_rng(6).normal(size=(2, 3, 4))
        return (((a, b), (-1, False)), ((a, b), (-2, True)))


# fmt: off
cumsum      = CumulativeSum(np.cumsum,      "cumsum",  "cumsum({0})")
cumprod     = CumulativeProduct(np.cumprod, "cumprod", "cumprod({0})")
cummax      = CumulativeExtreme(np.maximum.accumulate, "cummax", "cummax({0})")
cummin      = CumulativeExtreme(np.minimum.accumulate, "cummin", "cummin({0})")
linear_recurrence = LinearRecurrence(None, "linear_recurrence", "recurrence({0}, {1})")
# fmt: on


def shifted(x: Array, axis: int, fill: float, back: bool = False) -> Array:
    """``x`` moved on by one place along ``axis``, or back by one; ``fill`` is what enters."""
    shape = tuple(np.shape(x))
    n = shape[axis]
    if not n:
        return x
    kept = (1 if back else 0, n - 1, 1)
    rest = slice_(x, tuple(kept if a == axis else (0, shape[a], 1) for a in range(-len(shape), 0)))
    entering = list(shape)
    entering[axis] = 1
    filled = np.broadcast_to(np.asarray(fill, x.dtype), entering)
    return concatenate((rest, filled) if back else (filled, rest), axis)


def within(shape: Shape, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of elements that differ in their place on ``axes`` alone."""
    count = int(np.prod(shape))
    lines = np.moveaxis(np.arange(count).reshape(shape), axes, range(-len(axes), 0))
    lines = lines.reshape(-1, int(np.prod([shape[a] for a in axes])))
    rows, columns = np.broadcast_arrays(lines[:, :, None], lines[:, None, :])
    return np.ravel(rows), np.ravel(columns)


def _recurrence(a: list[Any], b: list[Any]) -> list[Any]:
    y: Any = 0
    result = []
    for j, term in enumerate(b):
        y = a[j] * y + term if j else term
        result.append(y)
    return result


def _as_kind(x: Array, like: Array) -> Array:
    """The real part, if ``like`` is real."""
    return np.real(x) if x.dtype.kind == "c" and like.dtype.kind != "c" else x
