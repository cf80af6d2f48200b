"""``numpy.fft``: every transform as pads, slices and one complex transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ops.fourier import fft as transform
from .reductions import as_array, lengths

_SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _scaled(x: Any, n: int, norm: str | None, *, inverse: bool) -> Any:
    """With the factor that ``norm`` puts on this direction."""
    if norm == "ortho":
        return x / math.sqrt(n)
    divided = (norm in (None, "backward")) == inverse
    return x / n if divided else x


def _fitted(x: Any, n: int | None, axis: int) -> Any:
    """``x`` cut off or filled up with zeros to ``n`` along ``axis``."""
    length = lengths(x)[axis]
    if n is None or n == length:
        return x
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    index = [slice(None)] * np.ndim(x)
    if n < length:
        index[axis] = slice(n)
        return x[tuple(index)]
    widths = [(0, 0)] * np.ndim(x)
    widths[axis] = (0, n - length)
    return np.pad(x, widths)


def _one(x: Any, n: int | None, axis: int, norm: str | None, *, inverse: bool) -> Any:
    x = _fitted(as_array(x), n, axis)
    axis = axis if axis < 0 else axis - np.ndim(x)
    return _scaled(transform(x, axis, inverse), lengths(x)[axis], norm, inverse=inverse)


def fft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.fft`."""
    return _one(a, n, axis, norm, inverse=False)


def ifft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.ifft`."""
    return _one(a, n, axis, norm, inverse=True)


def rfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.rfft`: the half of the transform that says all of it."""
    a = as_array(a)
    if a.dtype.kind == "c":
        raise TypeError("rfft is for real numbers; use fft")
    whole = fft(a, n, axis, norm)
    index = [slice(None)] * np.ndim(whole)
    index[axis] = slice(lengths(whole)[axis] // 2 + 1)
    return whole[tuple(index)]


def irfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.irfft`: the missing half is the conjugate of the half that is given."""
    a = as_array(a)
    n = 2 * (lengths(a)[axis] - 1) if n is None else n
    half = np.moveaxis(_fitted(a, n // 2 + 1, axis), axis, -1)
    other = half[..., 1 : (n + 1) // 2][..., ::-1]
    other = np.conjugate(other) if other.dtype.kind == "c" else other
    whole = np.concatenate([half, other], axis=-1)
    return np.moveaxis(np.real(ifft(whole, None, -1, norm)), -1, axis)


def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.hfft`."""
    a = as_array(a)
    a = np.conjugate(a) if a.dtype.kind == "c" else a
    return irfft(a, n, axis, _SWAPPED[norm])


def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    """As :func:`numpy.fft.ihfft`."""
    return np.conjugate(rfft(a, n, axis, _SWAPPED[norm]))


def _axes_of(a: Any, s: Any, axes: Any) -> tuple[Sequence[int | None], Sequence[int]]:
    if axes is None:
        axes = range(-np.ndim(a), 0) if s is None else range(-len(s), 0)
    axes = list(axes)
    return [None if n in (None, -1) else int(n) for n in (s or [None] * len(axes))], axes


def _several(one: Callable[..., Any], axes: Any = None) -> Callable[..., Any]:
    default = axes

    def transformed(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None
    ) -> Any:
        sizes, along = _axes_of(a, s, axes)
        for n, axis in reversed(list(zip(sizes, along, strict=True))):
            a = one(a, n, axis, norm)
        return a

    return transformed


def _real_several(axes: Any = None) -> Callable[..., Any]:
    default = axes

    def transformed(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None
    ) -> Any:
        sizes, along = _axes_of(a, s, axes)
        a = rfft(a, sizes[-1], along[-1], norm)
        for n, axis in zip(sizes[:-1], along[:-1], strict=True):
            a = fft(a, n, axis, norm)
        return a

    return transformed


def _real_inverse_several(axes: Any = None) -> Callable[..., Any]:
    default = axes

    def transformed(
        a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None
    ) -> Any:
        sizes, along = _axes_of(a, s, axes)
        for n, axis in zip(sizes[:-1], along[:-1], strict=True):
            a = ifft(a, n, axis, norm)
        return irfft(a, sizes[-1], along[-1], norm)

    return transformed


def _shift(x: Any, axes: Any, *, back: bool) -> Any:
    x = as_array(x)
    axes = range(np.ndim(x)) if axes is None else [axes] if isinstance(axes, int) else axes
    shape = lengths(x)
    by = [-(shape[k] // 2) if back else shape[k] // 2 for k in axes]
    return np.roll(x, by, tuple(axes))


def fftshift(x: Any, axes: Any = None) -> Any:
    """As :func:`numpy.fft.fftshift`."""
    return _shift(x, axes, back=False)


def ifftshift(x: Any, axes: Any = None) -> Any:
    """As :func:`numpy.fft.ifftshift`."""
    return _shift(x, axes, back=True)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.fft.fft: fft, np.fft.ifft: ifft, np.fft.rfft: rfft, np.fft.irfft: irfft,
    np.fft.hfft: hfft, np.fft.ihfft: ihfft,
    np.fft.fftn: _several(fft), np.fft.ifftn: _several(ifft),
    np.fft.fft2: _several(fft, (-2, -1)), np.fft.ifft2: _several(ifft, (-2, -1)),
    np.fft.rfftn: _real_several(), np.fft.rfft2: _real_several((-2, -1)),
    np.fft.irfftn: _real_inverse_several(), np.fft.irfft2: _real_inverse_several((-2, -1)),
    np.fft.fftshift: fftshift, np.fft.ifftshift: ifftshift,
}  # fmt: skip
