"""Reductions and running reductions: products, extrema, soft maxima, counts and ranks.

A product is differentiated without dividing by its factors, so that it is right where they are
zero, to any order. All of it comes from one row, the first-order linear recurrence
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
from .structural import broadcast, cast, concatenate, lead_all, reduce_sum, reshape, slice_

Examples = Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]


class Reduction(Primitive):
    """The kind: some of the trailing axes, ``axes``, are reduced to one number."""

    parameters = ("axes",)

    def __init__(self, function: Any, name: str, text: str, *, latex: str = "") -> None:
        self._function = function
        self.name = name
        self.text = text
        self.latex = latex

    def __call__(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Reduce ``axes``, counted from the right and ascending."""
        return self.bind((x,), axes)

    def dtype(self, dtype: np.dtype) -> np.dtype:
        """The dtype of the result."""
        return dtype

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        (x,) = types
        kept = tuple(n for k, n in enumerate(x.shape) if k - x.ndim not in axes)
        return ArrayType(kept, self.dtype(x.dtype))

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...]) -> Any:
        return self._function(arrays[0], axis=axes)

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, axes: tuple[int, ...]
    ) -> Array:
        return self.bind(args, axes)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        return reduce_sum.dependence(i, types, out, *params)

    def examples(self) -> Examples:
        x = np.random.default_rng(4).normal(size=(2, 3, 2))
        return (((x,), ((-2,),)), ((x,), ((-3, -1),)), ((x[0, 0],), ((-1,),)))


class Product(Reduction):
    """The product. The slope in one factor is the product of those before it and after it."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return _sum_dtype(dtype)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,) = params
        x, t = _as_last(args[0], axes), _as_last(tangents[0], axes)
        others = _shifted(cumprod(x, -1), -1, 1) * _shifted(cumprod(x, -1, True), -1, 1, True)
        return reduce_sum(others * t, (-1,))


class Extreme(Reduction):
    """The largest or the smallest; all that attain it share the derivative equally."""

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        if any(types[0].shape[a] == 0 for a in axes):
            raise ValueError(f"zero-size array to reduction operation {self.name}")
        return super().infer(types, axes)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,), (x,) = params, args
        # No element equals a result of NaN: the share is then 0/0.
        attained = cast(x == _spread(out, x, axes), out.dtype)
        share = attained / _spread(reduce_sum(attained, axes), x, axes)
        return reduce_sum(gate(share, tangents[0]), axes)


class LogSumExp(Reduction):
    """``log Σ exp x`` without overflow; the partial derivatives are the softmax weights."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return _real_dtype(self.name, dtype)

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        if any(types[0].shape[a] == 0 for a in axes):
            raise ValueError("zero-size array to reduction operation logsumexp")
        return super().infer(types, axes)

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...]) -> Any:
        x = _float(arrays[0])
        top = np.max(x, axis=axes, keepdims=True)
        with np.errstate(invalid="ignore"):
            rest = np.where(x == top, 0, np.exp(x - top))
        # The largest terms apart from the rest: exact where these no longer count beside 1.
        ties = np.sum(x == top, axis=axes, dtype=x.dtype)
        rest = np.sum(rest, axis=axes)
        return np.squeeze(top, axes) + (np.log1p(rest / ties) + np.log(ties))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,), (x,) = params, args
        return reduce_sum(shares(x, axes) * tangents[0], axes)


class Softmax(Reduction):
    """``exp x / Σ exp x``. Where the largest x is infinite SciPy's is NaN; ``shares``, the
    derivative of ``logsumexp``, has all that attain it share equally, as with ``max``."""

    def __init__(self, name: str, *, ties: bool) -> None:
        super().__init__(None, name, "softmax({0})", latex=r"\operatorname{{softmax}}({0})")
        self._ties = ties

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return _real_dtype(self.name, dtype)

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        return ArrayType(types[0].shape, self.dtype(types[0].dtype))

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...]) -> Any:
        x = _float(arrays[0])
        if not x.size:
            return x
        top = np.max(x, axis=axes, keepdims=True)
        with np.errstate(invalid="ignore"):
            weights = np.exp(x - top)
            if self._ties:
                weights = np.where(x == top, weights.dtype.type(1), weights)
        return weights / np.sum(weights, axis=axes, keepdims=True)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,), (t,) = params, tangents
        return out * (t - _spread(reduce_sum(out * t, axes), t, axes))

    def dependence(self, i: int, types: Any, out: ArrayType, *params: Any) -> Any:
        return _within(out.shape, *params)


class LogSoftmax(Reduction):
    """``x - log Σ exp x``, accurate where the weights themselves would underflow."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return _real_dtype(self.name, dtype)

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...]) -> ArrayType:
        return ArrayType(types[0].shape, self.dtype(types[0].dtype))

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...]) -> Any:
        x = _float(arrays[0])
        if not x.size:
            return x
        top = np.max(x, axis=axes, keepdims=True)
        shifted = x - np.where(np.isfinite(top), top, 0)
        with np.errstate(divide="ignore"):
            return shifted - np.log(np.sum(np.exp(shifted), axis=axes, keepdims=True))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,), (x,), (t,) = params, args, tangents
        return t - _spread(reduce_sum(shares(x, axes) * t, axes), t, axes)

    def dependence(self, i: int, types: Any, out: ArrayType, *params: Any) -> Any:
        return _within(out.shape, *params)


class Truth(Reduction):
    """``any`` and ``all``: no derivative."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return np.dtype(bool)


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
        rows, columns = _within(out.shape, (axis,))
        stride = int(np.prod(out.shape[axis + len(out.shape) + 1 :]))
        ahead = (columns - rows) // max(stride, 1)
        keep = ahead >= 0 if reverse else ahead <= 0
        return rows[keep], columns[keep]

    def examples(self) -> Examples:
        x = np.random.default_rng(5).normal(size=(3, 4))
        return (((x,), (-1, False)), ((x,), (-2, True)), ((x[0],), (-1, True)))


class CumulativeSum(Cumulative):
    """The running sum; its transpose is the running sum from the other end."""

    linear_in = (0,)

    def infer(self, types: Sequence[ArrayType], axis: int, reverse: bool) -> ArrayType:
        return ArrayType(types[0].shape, _sum_dtype(types[0].dtype))

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
        return ArrayType(types[0].shape, _sum_dtype(types[0].dtype))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        axis, reverse = params
        return linear_recurrence(
            args[0], _shifted(out, axis, 1, reverse) * tangents[0], axis, reverse
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
        same = cast(out == _shifted(out, axis, np.nan, reverse), out.dtype)
        attained = cast(args[0] == out, out.dtype)
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
            terms.append(tangents[0] * _shifted(out, axis, 0, reverse))
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
        terms = self(_shifted(coefficients, axis, 0, not reverse), ct, axis, not reverse)
        before = _shifted(out, axis, 0, reverse)
        by_a = terms * (np.conjugate(before) if before.dtype.kind == "c" else before)
        return _as_kind(by_a, a) if wanted[0] else None, _as_kind(terms, b) if wanted[1] else None

    def examples(self) -> Examples:
        a, b = np.random.default_rng(6).normal(size=(2, 3, 4))
        return (((a, b), (-1, False)), ((a, b), (-2, True)))


class Rank(Primitive):
    """``argmax``, ``argmin`` and ``argsort`` along one axis: integers, with no derivative."""

    parameters = ("axis",)

    def __init__(self, function: Any, name: str, *, reduces: bool) -> None:
        self._function = function
        self.name = name
        self.text = name + "({0})"
        self._reduces = reduces

    def __call__(self, x: Array, axis: int) -> Array:
        """Indices along ``axis``, counted from the right."""
        return self.bind((x,), axis)

    def infer(self, types: Sequence[ArrayType], axis: int) -> ArrayType:
        shape = list(types[0].shape)
        if self._reduces:
            if not shape.pop(axis):
                raise ValueError(f"attempt to get {self.name} of an empty sequence")
        return ArrayType(tuple(shape), np.dtype(np.intp))

    def evaluate(self, arrays: Sequence[Any], axis: int) -> Any:
        return self._function(arrays[0], axis=axis)

    def batch(self, args: Sequence[Array], batched: Sequence[bool], size: int, axis: int) -> Array:
        return self.bind(args, axis)

    def dependence(self, i: int, types: Any, out: Any, *params: Any) -> Any:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)

    def examples(self) -> Examples:
        x = np.array([[3.0, 1.0, 2.0], [0.5, 0.5, -1.0]])
        return (((x,), (-1,)), ((x,), (-2,)))


# fmt: off
reduce_prod = Product(np.prod, "prod", "prod({0})", latex=r"\prod {0}")
reduce_max  = Extreme(np.max,  "max",  "max({0})",  latex=r"\max {0}")
reduce_min  = Extreme(np.min,  "min",  "min({0})",  latex=r"\min {0}")
reduce_any  = Truth(np.any,    "any",  "any({0})")
reduce_all  = Truth(np.all,    "all",  "all({0})")
logsumexp   = LogSumExp(None,  "logsumexp", "logsumexp({0})", latex=r"\operatorname{{logsumexp}}({0})")
log_softmax = LogSoftmax(None, "log_softmax", "log_softmax({0})", latex=r"\log\operatorname{{softmax}}({0})")
softmax     = Softmax("softmax", ties=False)
shares      = Softmax("shares",  ties=True)

cumsum      = CumulativeSum(np.cumsum,      "cumsum",  "cumsum({0})")
cumprod     = CumulativeProduct(np.cumprod, "cumprod", "cumprod({0})")
cummax      = CumulativeExtreme(np.maximum.accumulate, "cummax", "cummax({0})")
cummin      = CumulativeExtreme(np.minimum.accumulate, "cummin", "cummin({0})")
linear_recurrence = LinearRecurrence(None, "linear_recurrence", "recurrence({0}, {1})")

argmax      = Rank(np.argmax,  "argmax",  reduces=True)
argmin      = Rank(np.argmin,  "argmin",  reduces=True)
argsort     = Rank(lambda x, axis: np.argsort(x, axis, kind="stable"), "argsort", reduces=False)
# fmt: on


# -- axes and shapes -------------------------------------------------------------------------------


def _spread(out: Array, x: Array, axes: tuple[int, ...]) -> Array:
    """``out``, reduced over ``axes`` of ``x``, repeated to the shape of ``x``."""
    ndim = np.ndim(x)
    return broadcast(out, np.shape(x), tuple(a for a in range(-ndim, 0) if a not in axes))


def _as_last(x: Array, axes: tuple[int, ...]) -> Array:
    """``x`` with ``axes`` as one axis, the last."""
    ndim = np.ndim(x)
    if axes == (-1,):
        return x
    kept = [a for a in range(ndim) if a - ndim not in axes]
    shape = np.shape(x)
    x = np.transpose(x, [*kept, *(a + ndim for a in axes)])
    return reshape(x, (*(shape[a] for a in kept), int(np.prod([shape[a] for a in axes]))))


def _shifted(x: Array, axis: int, fill: float, back: bool = False) -> Array:
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


def _within(shape: Shape, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of elements that differ in their place on ``axes`` alone."""
    count = int(np.prod(shape))
    lines = np.moveaxis(np.arange(count).reshape(shape), axes, range(-len(axes), 0))
    lines = lines.reshape(-1, int(np.prod([shape[a] for a in axes])))
    rows, columns = np.broadcast_arrays(lines[:, :, None], lines[:, None, :])
    return np.ravel(rows), np.ravel(columns)


# -- numbers ---------------------------------------------------------------------------------------


def _recurrence(a: list[Any], b: list[Any]) -> list[Any]:
    y: Any = 0
    result = []
    for j, term in enumerate(b):
        y = a[j] * y + term if j else term
        result.append(y)
    return result


def _sum_dtype(dtype: np.dtype) -> np.dtype:
    """NumPy sums and multiplies small integers as its largest."""
    if dtype.kind in "bui" and dtype.itemsize < 8:
        return np.dtype(np.uint64 if dtype.kind == "u" else np.int64)
    return dtype


def _real_dtype(name: str, dtype: np.dtype) -> np.dtype:
    if dtype.kind == "c":
        raise TypeError(f"{name} is for real numbers")
    return dtype if dtype.kind == "f" else np.dtype(float)


def _float(x: Any) -> np.ndarray:
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _as_kind(x: Array, like: Array) -> Array:
    """The real part, if ``like`` is real."""
    return np.real(x) if x.dtype.kind == "c" and like.dtype.kind != "c" else x
