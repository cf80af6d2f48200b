"""Elementwise non-linearities, and softmax.

Each computes on NumPy arrays and records on traced ones. Values and derivatives are accurate in
the tails: no overflow, and no cancellation of numbers near 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..errors import ArgumentError
from ..ops import softmax as soft

_TANH = math.sqrt(2 / math.pi)


def relu(x: Any) -> Any:
    """``max(x, 0)``, of slope 0 at 0.

    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return np.maximum(x, 0.0)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """``x`` where it is positive, else ``negative_slope · x``.

    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return np.where(x > 0, x, negative_slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where it is positive, else ``alpha (eˣ − 1)`` (Clevert et al., 2016).

    >>> elu(np.array([-1.0, 2.0]))
    array([-0.63212056,  2.        ])
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def gelu(x: Any, approximate: str = "none") -> Any:
    """``x Φ(x)``, with Φ the normal distribution function (Hendrycks and Gimpel, 2016).

    ``approximate="tanh"`` is their ``x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))``. Raises
    `ArgumentError` for another word.

    >>> gelu(np.array([-1.0, 0.0, 1.0]))
    array([-0.15865525,  0.        ,  0.84134475])
    """
    if approximate == "none":
        return x * special.ndtr(x)
    if approximate == "tanh":
        return 0.5 * x * (1.0 + np.tanh(_TANH * (x + 0.044715 * x**3)))
    raise ArgumentError(
        f"gelu: approximate is {approximate!r}. Write 'none' for the exact function, or 'tanh'."
    )


def silu(x: Any) -> Any:
    """``x σ(x)``, also called swish (Elfwing et al., 2018).

    >>> silu(np.array([-1.0, 0.0, 1.0]))
    array([-0.26894142,  0.        ,  0.73105858])
    """
    return x * special.expit(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent.

    >>> tanh(np.array([0.0, 1.0]))
    array([0.        , 0.76159416])
    """
    return np.tanh(x)


def sigmoid(x: Any) -> Any:
    """``1 / (1 + e⁻ˣ)``.

    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    return special.expit(x)


def softplus(x: Any) -> Any:
    """``log(1 + eˣ)``, without overflow.

    >>> softplus(np.array([0.0, 1000.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    return np.logaddexp(x, 0.0)


def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """``eˣ / Σ eˣ`` along ``axis``, without overflow.

    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    return soft.softmax(x, _from_the_right(x, axis, "softmax")) if np.ndim(x) else x * 0.0 + 1.0


def log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """``x − log Σ eˣ`` along ``axis``, accurate where the weights themselves would be 0.

    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    return soft.log_softmax(x, _from_the_right(x, axis, "log_softmax")) if np.ndim(x) else x * 0.0


def _from_the_right(x: Any, axis: int | tuple[int, ...], name: str) -> tuple[int, ...]:
    """Axes counted from the last, as rows of primitives take them."""
    ndim = int(np.ndim(x))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(-ndim <= a < ndim for a in axes):
        raise ArgumentError(f"{name}: axis is {axis}, and x of shape {np.shape(x)} has none such.")
    return tuple(sorted({a if a < 0 else a - ndim for a in axes}))
