"""``scipy.fft`` by name: NumPy's transforms, and the cosine and sine transforms as matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .selection import as_array

Function = Callable[..., Any]


def along(matrix: np.ndarray, x: Any, axis: int) -> Any:
    """``matrix`` times every line of ``x`` along an axis."""
    moved = np.moveaxis(as_array(x), axis, -1)
    if moved.dtype.char in "fF":  # single precision stays so
        matrix = matrix.astype(np.float32)
    return np.moveaxis(np.matmul(moved, np.transpose(matrix)), -1, axis)


def _one(name: str) -> Function:
    function = getattr(np.fft, name)

    def transform(
        x: Any, n: Any = None, axis: int = -1, norm: Any = None, overwrite_x: bool = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        return function(as_array(x), n, axis, norm)

    return transform


def _several(name: str) -> Function:
    function = getattr(np.fft, name)
    two = name.endswith("2")

    def transform(
        x: Any, s: Any = None, axes: Any = (-2, -1) if two else None, norm: Any = None,
        overwrite_x: bool = False, workers: Any = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        x = as_array(x)
        if s is not None and axes is None:
            axes = tuple(range(-np.size(s), 0))
        return function(x, s, axes, norm)

    return transform


def _real(name: str) -> Function:
    """A cosine or sine transform: the matrix that it is on the unit vectors."""

    def transform(
        x: Any, type: int = 2, n: Any = None, axis: int = -1, norm: Any = None,
        overwrite_x: bool = False, workers: Any = None, orthogonalize: Any = None,
    ) -> Any:  # fmt: skip
        import scipy.fft

        x = as_array(x)
        eye = np.eye(int(np.shape(x)[axis]))
        words = {"axis": 0, "norm": norm, "orthogonalize": orthogonalize}
        return along(getattr(scipy.fft, name)(eye, type, n, **words), x, axis)

    return transform


def _real_several(name: str) -> Function:
    one = _real(name.removesuffix("n"))

    def transform(
        x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: Any = None,
        overwrite_x: bool = False, workers: Any = None, *, orthogonalize: Any = None,
    ) -> Any:  # fmt: skip
        x = as_array(x)
        if axes is None:
            axes = range(np.ndim(x)) if s is None else range(-np.size(s), 0)
        axes = [axes] if isinstance(axes, int) else list(axes)
        lengths = [None] * len(axes) if s is None else list(np.ravel(s))
        for axis, n in zip(axes, lengths, strict=True):
            n = None if n is None else int(n)
            x = one(x, type, n, axis, norm, orthogonalize=orthogonalize)
        return x

    return transform


def _shift(name: str) -> Function:
    function = getattr(np.fft, name)
    return lambda x, axes=None: function(as_array(x), axes)


FUNCTIONS: dict[Any, Function] = {
    f"scipy.fft.{name}": make(name)
    for make, names in (
        (_one, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")),
        (_several, ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")),
        (_real, ("dct", "idct", "dst", "idst")),
        (_real_several, ("dctn", "idctn", "dstn", "idstn")),
        (_shift, ("fftshift", "ifftshift")),
    )
    for name in names
}
