"""One question asked of many programs: do the value and the derivatives agree with differences?"""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np

Program = Callable[[Any], Any]

_WEIGHTS = np.random.default_rng(7).normal(size=4096)


def weighted(y: Any) -> Any:
    """A number made of every element of ``y``, each counted differently."""
    y = np.ravel(y)
    return np.sum(y * y * _WEIGHTS[: y.size]) + np.sum(y * _WEIGHTS[-y.size :] if y.size else y)


def differences(f: Program, x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The gradient by central differences, extrapolated twice to sixth order."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):

        def central(h: float, index: tuple[int, ...] = index) -> float:
            low, high = x.copy(), x.copy()
            low[index] -= h
            high[index] += h
            return float((f(high) - f(low)) / (2 * h))

        a, b, c = central(step), central(step / 2), central(step / 4)
        p, q = (4 * b - a) / 3, (4 * c - b) / 3
        gradient[index] = (16 * q - p) / 15
    return gradient


def assert_agrees(f: Program, x: np.ndarray, *, second: bool = True) -> None:
    """Value, gradient and a Hessian-vector product of ``f`` at ``x`` are what NumPy says."""
    x = np.array(x, float)
    value, gradient = cr.value_and_grad(f)(x.copy())
    np.testing.assert_allclose(value, f(x.copy()), rtol=1e-12, atol=1e-12)
    expected = differences(f, x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)
    if second:
        v = np.cos(np.arange(x.size)).reshape(x.shape)
        product = cr.hvp(f)(x.copy(), v)
        slope = differences(lambda t: np.sum(cr.grad(f)(x + t * v) * v), np.zeros(()))
        np.testing.assert_allclose(np.sum(product * v), slope, rtol=1e-5, atol=1e-6)
