"""Soft maxima: ``log Σ exp x`` and the softmax weights, without overflow.

Each is a row of its own with its own derivative: differentiating the textbook formula would
divide infinities where a weight underflows. The weights are the derivative of ``logsumexp``.
(Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions, 2021.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType
from .cumulative import within
from .elementwise import scaled
from .reductions import Reduction, spread
from .structural import reduce_sum


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
        return reduce_sum(scaled(tangents[0], shares(x, axes)), axes)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        (axes,), (x,) = params, args
        return (scaled(spread(ct, x, axes), shares(x, axes)),)


class Softmax(Reduction):
    """``exp x / Σ exp x``.

    Where the largest x is infinite SciPy's is NaN; ``shares``, the derivative of ``logsumexp``, has
    all that attain it share equally, as with ``max``.
    """

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
        return out * (t - spread(reduce_sum(out * t, axes), t, axes))

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return (self.jvp(out, args, (ct,), *params),)  # its Jacobian is symmetric

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        return params[0]  # type: ignore[no-any-return]

    def dependence(self, i: int, types: Any, out: ArrayType, *params: Any) -> Any:
        return within(out.shape, *params)


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
        return t - spread(reduce_sum(shares(x, axes) * t, axes), t, axes)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        (axes,), (x,) = params, args
        return (ct - shares(x, axes) * spread(reduce_sum(ct, axes), ct, axes),)

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        return params[0]  # type: ignore[no-any-return]

    def dependence(self, i: int, types: Any, out: ArrayType, *params: Any) -> Any:
        return within(out.shape, *params)


# fmt: off
logsumexp   = LogSumExp(None,  "logsumexp", "logsumexp({0})", latex=r"\operatorname{{logsumexp}}({0})")
log_softmax = LogSoftmax(None, "log_softmax", "log_softmax({0})", latex=r"\log\operatorname{{softmax}}({0})")
softmax     = Softmax("softmax", ties=False)
shares      = Softmax("shares",  ties=True)
# fmt: on


def _real_dtype(name: str, dtype: np.dtype) -> np.dtype:
    if dtype.kind == "c":
        raise TypeError(f"{name} is for real numbers")
    return dtype if dtype.kind == "f" else np.dtype(float)


def _float(x: Any) -> Any:
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)
