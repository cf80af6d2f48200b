"""The discrete Fourier transform: one row, of which NumPy's whole family is composed.

``X[k] = Σ x[n] exp(∓2πi kn/N)`` without a factor, so that the adjoint of one direction is the
other direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType
from .cumulative import within
from .structural import Structural, cast


class Fourier(Structural):
    """The transform along ``axis``; ``inverse`` has the sign of the exponent positive."""

    name = "fft"
    parameters = ("axis", "inverse")
    text = "fft({0})"
    latex = r"\mathcal{{F}}({0})"

    def __call__(self, x: Array, axis: int, inverse: bool = False) -> Array:
        """Transform along ``axis``, counted from the right."""
        return self.bind((x,), axis, inverse)

    def infer(self, types: Sequence[ArrayType], axis: int, inverse: bool) -> ArrayType:
        (x,) = types
        if not x.shape[axis]:
            raise ValueError("invalid number of data points (0) specified")
        single = x.dtype.char in "efF"
        return ArrayType(x.shape, np.dtype(np.complex64 if single else np.complex128))

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        return (params[0],)

    def evaluate(self, arrays: Sequence[Any], axis: int, inverse: bool) -> Any:
        if inverse:
            return np.fft.ifft(arrays[0], axis=axis, norm="forward")
        return np.fft.fft(arrays[0], axis=axis)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        axis: int,
        inverse: bool,
    ) -> Sequence[Maybe]:
        return (cast(self(ct, axis, not inverse), args[0].dtype),)

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        return within(out.shape, (params[0],))

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        x, y = np.random.default_rng(9).normal(size=(2, 3, 4))
        return (((x,), (-1, False)), ((x + 1j * y,), (-2, True)))


fft = Fourier()
