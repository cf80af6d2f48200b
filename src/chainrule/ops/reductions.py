"""Reductions: products, extrema, lengths, truth and ranks.

The derivative of a product does not divide by its factors, that of a length does not divide by
zero, and an extremum is differentiated by whatever attains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType
from .arithmetic import toward
from .cumulative import cumprod, shifted
from .elementwise import gate, scaled
from .structural import broadcast, cast, reduce_sum, reshape, sum_dtype


class Reduction(Primitive):
    """The kind: some of the trailing axes, ``axes``, are reduced to one number."""

    parameters: ClassVar[tuple[str, ...]] = ("axes",)

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

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x = np.random.default_rng(4).normal(size=(2, 3, 2))
        return (((x,), ((-2,),)), ((x,), ((-3, -1),)), ((x[0, 0],), ((-1,),)))


class Product(Reduction):
    """The product. The slope in one factor is the product of those before it and after it."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return sum_dtype(dtype)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes,) = params
        x, t = _as_last(args[0], axes), _as_last(tangents[0], axes)
        others = shifted(cumprod(x, -1), -1, 1) * shifted(cumprod(x, -1, True), -1, 1, True)
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
        return reduce_sum(gate(_share(out, x, axes), tangents[0]), axes)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        (axes,), (x,) = params, args
        return (gate(_share(out, x, axes), spread(ct, x, axes)),)


class Norm(Reduction):
    """The length ``(Σ |x|^ord)^(1/ord)``; its slope is 0 at the origin, a subgradient there."""

    parameters = ("axes", "ord")

    def __call__(self, x: Array, axes: tuple[int, ...], ord: float = 2) -> Array:
        """The length over ``axes``, counted from the right and ascending."""
        return self.bind((x,), axes, ord)

    def infer(self, types: Sequence[ArrayType], axes: tuple[int, ...], ord: float) -> ArrayType:  # type: ignore[override]
        kept, dtype, _ = super().infer(types, axes)
        return ArrayType(kept, np.abs(np.zeros((), dtype)).dtype)

    def evaluate(self, arrays: Sequence[Any], axes: tuple[int, ...], ord: float) -> Any:  # type: ignore[override]
        x = np.asarray(arrays[0])
        if ord == 2:
            square = x.real**2 + x.imag**2 if x.dtype.kind == "c" else x * x
            return np.sqrt(np.sum(square, axis=axes))
        return np.sum(np.abs(x) ** ord, axis=axes) ** np.asarray(1 / ord, x.real.dtype)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (axes, ord), (x,) = params, args
        direction = _direction(out, x, axes, ord)
        if x.dtype.kind == "c":
            return reduce_sum(np.real(scaled(tangents[0], np.conjugate(direction))), axes)
        return reduce_sum(scaled(tangents[0], direction), axes)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        (axes, ord), (x,) = params, args
        return (scaled(spread(ct, x, axes), _direction(out, x, axes, ord)),)

    def batch(  # type: ignore[override]
        self,
        args: Sequence[Array],
        batched: Sequence[bool],
        size: int,
        axes: tuple[int, ...],
        ord: float,
    ) -> Array:
        return self.bind(args, axes, ord)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        return reduce_sum.dependence(i, types, out, params[0])

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, y = np.random.default_rng(7).normal(size=(2, 2, 3))
        return (((x,), ((-1,), 2)), ((x,), ((-2, -1), 3)), ((x + 1j * y,), ((-2,), 2)))


class Truth(Reduction):
    """``any`` and ``all``: no derivative."""

    def dtype(self, dtype: np.dtype) -> np.dtype:
        return np.dtype(bool)


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
        if self._reduces and not shape.pop(axis):
            raise ValueError(f"attempt to get {self.name} of an empty sequence")
        return ArrayType(tuple(shape), np.dtype(np.intp))

    def evaluate(self, arrays: Sequence[Any], axis: int) -> Any:
        return self._function(arrays[0], axis=axis)

    def batch(self, args: Sequence[Array], batched: Sequence[bool], size: int, axis: int) -> Array:
        return self.bind(args, axis)

    def dependence(self, i: int, types: Any, out: Any, *params: Any) -> Any:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x = np.array([[3.0, 1.0, 2.0], [0.5, 0.5, -1.0]])
        return (((x,), (-1,)), ((x,), (-2,)))


# fmt: off
reduce_prod = Product(np.prod, "prod", "prod({0})", latex=r"\prod {0}")
reduce_max  = Extreme(np.max,  "max",  "max({0})",  latex=r"\max {0}")
reduce_min  = Extreme(np.min,  "min",  "min({0})",  latex=r"\min {0}")
norm        = Norm(None, "norm", "‖{0}‖", latex=r"\left\| {0} \right\|")
reduce_any  = Truth(np.any,    "any",  "any({0})")
reduce_all  = Truth(np.all,    "all",  "all({0})")
argmax      = Rank(np.argmax,  "argmax",  reduces=True)
argmin      = Rank(np.argmin,  "argmin",  reduces=True)
argsort     = Rank(lambda x, axis: np.argsort(x, axis, kind="stable"), "argsort", reduces=False)
# fmt: on


def _share(out: Array, x: Array, axes: tuple[int, ...]) -> Array:
    """How much of an extremum each element has; of a NaN, which none attains, 0/0."""
    attained = cast(x == spread(out, x, axes), out.dtype)
    return attained / spread(reduce_sum(attained, axes), x, axes)


def _direction(out: Array, x: Array, axes: tuple[int, ...], ord: float) -> Array:
    """The slope of a length: a vector of length 1 in the dual norm."""
    length = spread(out, x, axes)
    if ord == 2:
        return toward(x, length)
    size = np.abs(x)
    return toward(x, size) * toward(size, length) ** (ord - 1)


def spread(out: Array, x: Array, axes: tuple[int, ...]) -> Array:
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
