"""Convolution and pooling of images: (examples, channels, height, width), as PyTorch has them.

Windows are not copied out one by one: what stands at one place in all windows is a strided view of
the image, and pooling is a reduction over these views. A convolution puts the views for the columns
of its kernel side by side and is a sum of one product for each row, so that neither the program nor
the memory grows with the number of places in the kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeMismatch
from .layers import Parameters, parameter

Size = int | tuple[int, int]


def conv2d(
    p: Parameters, x: Any, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> Any:
    """Cross-correlation with a kernel: ``weight`` is (outputs, inputs, height, width).

    ``y[n, o, i, j] = bias[o] + Σ weight[o, c, k, l] x[n, c, i·stride + k, j·stride + l]``, with
    ``padding`` rows and columns of zeros put around ``x``; ``"same"`` keeps height and width, for
    stride 1. A size is one number, or one for each axis.

    Raises `ShapeMismatch` where channels differ or the kernel is larger than the image.

    >>> kernel = {"weight": np.ones((1, 1, 2, 2)), "bias": np.zeros(1)}
    >>> conv2d(kernel, np.arange(9.0).reshape(1, 1, 3, 3))
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    weight = parameter(p, "weight", "conv2d")
    if np.ndim(weight) != 4 or np.ndim(x) != 4 or np.shape(weight)[1] != np.shape(x)[1]:
        raise ShapeMismatch(
            f"conv2d: x has shape {np.shape(x)} and weight {np.shape(weight)}. Give x as (examples, "
            "channels, height, width) and weight as (outputs, channels, height, width)."
        )
    steps, gaps = _pair(stride, "conv2d: stride", 1), _pair(dilation, "conv2d: dilation", 1)
    size = np.shape(weight)[2:]
    reach = (gaps[0] * (size[0] - 1) + 1, gaps[1] * (size[1] - 1) + 1)
    if padding == "same":
        if steps != (1, 1):
            raise ArgumentError(
                f"conv2d: padding='same' with stride {stride}. Give the padding in numbers."
            )
        around = [((r - 1) // 2, r // 2) for r in reach]
    else:
        around = [(n, n) for n in _pair(padding, "conv2d: padding", 0)]
    x = _padded(x, around, 0.0)
    _fit("conv2d", x, reach)
    down, right = (_starts(x, axis, reach, steps, gaps) for axis in (0, 1))
    columns = np.stack([x[..., part] for part in right], axis=2)
    y = sum(
        np.einsum("ock,nckhw->nohw", weight[:, :, i], columns[:, :, :, part], optimize=True)
        for i, part in enumerate(down)
    )
    return y + p["bias"][:, None, None] if "bias" in p else y


def max_pool2d(x: Any, size: Size, stride: Size | None = None, padding: Size = 0) -> Any:
    """The largest number in each window; windows stand side by side unless there is a stride.

    Equal largest numbers share the derivative, where PyTorch gives it all to the first.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    return np.max(_windows(x, size, stride, padding, -np.inf, "max_pool2d"), axis=-1)


def avg_pool2d(x: Any, size: Size, stride: Size | None = None, padding: Size = 0) -> Any:
    """The mean of each window; zeros that are put around the image count.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    return np.mean(_windows(x, size, stride, padding, 0.0, "avg_pool2d"), axis=-1)


def _windows(x: Any, size: Size, stride: Size | None, padding: Size, fill: float, name: str) -> Any:
    """The windows of a pooling, their places along a last axis."""
    if np.ndim(x) < 2:
        raise ShapeMismatch(
            f"{name}: x has shape {np.shape(x)}. Give images: height and width stand last."
        )
    reach = _pair(size, f"{name}: size", 1)
    steps = reach if stride is None else _pair(stride, f"{name}: stride", 1)
    around = _pair(padding, f"{name}: padding", 0)
    if any(2 * a > r for a, r in zip(around, reach, strict=True)):
        raise ArgumentError(
            f"{name}: padding {padding} is more than half of the size {size}, so that windows would "
            "lie outside the image. Give less."
        )
    padded = _padded(x, [(n, n) for n in around], fill)
    _fit(name, padded, reach)
    down, right = (_starts(padded, axis, reach, steps, (1, 1)) for axis in (0, 1))
    return np.stack([padded[..., i, j] for i in down for j in right], axis=-1)


def _fit(name: str, x: Any, reach: tuple[int, int]) -> None:
    height, width = np.shape(x)[-2:]
    if height < reach[0] or width < reach[1]:
        raise ShapeMismatch(
            f"{name}: a window of {reach[0]} by {reach[1]} does not fit into images of {height} by "
            f"{width}, padding included. Give a smaller one, or more padding."
        )


def _starts(
    x: Any, axis: int, reach: tuple[int, int], steps: tuple[int, int], gaps: tuple[int, int]
) -> list[slice]:
    """For each place in a window along one axis, what stands there in all windows."""
    last = np.shape(x)[axis - 2] - reach[axis]
    return [slice(k, k + last + 1, steps[axis]) for k in range(0, reach[axis], gaps[axis])]


def _padded(x: Any, around: list[tuple[int, int]], fill: float) -> Any:
    if not any(map(any, around)):
        return x
    return np.pad(x, [(0, 0)] * (np.ndim(x) - 2) + around, constant_values=fill)


def _pair(value: Any, what: str, least: int) -> tuple[int, int]:
    pair = value if isinstance(value, tuple) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) and n >= least for n in pair):
        raise ArgumentError(
            f"{what} is {value!r}. Give a whole number, {least} or more, or a pair of them."
        )
    return int(pair[0]), int(pair[1])
