"""A linear recursion with constant coefficients: what a filter with feedback computes.

``y[n] = u[n] − a[1] y[n−1] − … − a[k] y[n−k]`` along the last axis, for ``a[0] = 1``. Its adjoint in
``u`` is the same recursion from the end to the beginning (Oppenheim and Schafer, Discrete-Time
Signal Processing, 2010, chapter 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe, Primitive, total
from ..ir.types import ArrayType
from .structural import lead_all


class Recursion(Primitive):
    """``recursion(a, u)``; ``a`` has the coefficients from ``a[1]`` on."""

    name = "recursion"
    text = "recursion({0}, {1})"
    linear_in = (1,)

    def __call__(self, a: Array, u: Array) -> Array:
        """The output for the input ``u``."""
        return self.bind((a, u))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        a, u = types
        if a.ndim < 1 or u.ndim < 1 or a.shape[:-1] not in ((), u.shape[: a.ndim - 1]):
            raise ValueError(f"a recursion with the coefficients {a} along the last axis of {u}")
        if u.dtype.kind != "f" or a.dtype != u.dtype:
            raise TypeError("a recursion takes real numbers of one precision")
        return u.strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        from scipy.signal import lfilter

        a, u = arrays
        if np.result_type(u).kind != "f":
            raise TypeError("a recursion takes real numbers of one precision")
        if np.ndim(a) > 1:
            return np.stack([self.evaluate((p, q)) for p, q in zip(a, u, strict=True)])
        if not np.size(u):
            return np.array(u)
        feedback = np.concatenate([np.ones(1, u.dtype), a])
        return lfilter(np.ones(1, u.dtype), feedback, u, axis=-1).astype(u.dtype)

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe]) -> Maybe:
        a, _ = args
        da, du = tangents
        parts = [du]
        if da is not None:
            parts.append(-sum(da[k] * delayed(out, k + 1) for k in range(np.shape(a)[-1])))
        driven = total(p for p in parts if p is not None)
        return None if driven is None else self(a, driven)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool]
    ) -> Sequence[Maybe]:
        a, _ = args
        back = self(a, ct[..., ::-1])[..., ::-1]
        slopes = None
        if wanted[0]:
            count = int(np.shape(a)[-1])
            slopes = np.stack([-np.sum(back * delayed(out, k + 1)) for k in range(count)])
        return [slopes, back if wanted[1] else None]

    def batch(self, args: Sequence[Array], batched: Sequence[bool], size: int) -> Array:
        if not batched[0]:
            return self(*args)
        return self(*lead_all(args, batched, size))

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        rng = np.random.default_rng(31)
        a = np.array([0.4, -0.2])
        return ((((a, rng.normal(size=6))), ()), (((a, rng.normal(size=(2, 5)))), ()))


def delayed(x: Array, steps: int) -> Array:
    """``x`` moved along its last axis by some steps, with zeros before it."""
    n = int(np.shape(x)[-1])
    if steps >= n:
        return 0 * x
    return np.concatenate([0 * x[..., :steps], x[..., : n - steps]], axis=-1)


recursion = Recursion()
