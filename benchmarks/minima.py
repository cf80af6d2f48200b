"""What is minimised: functions in plain NumPy style with their data, starts, and slopes by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Problem:
    """A function ``f(xp)(x, *data)`` to be minimised from ``start``."""

    name: str
    about: str
    function: Callable[[Any], Callable[..., Any]]
    data: Callable[[], tuple[np.ndarray, ...]]
    start: Callable[[], np.ndarray]
    #: The slope in NumPy by hand: what says whether a solver is there.
    slope: Callable[..., np.ndarray]
    #: Whether its matrix of second derivatives is small enough for methods that need it whole.
    small: bool = True


@cache
def cancer() -> tuple[np.ndarray, ...]:
    """569 tumours: 30 measurements, standardised, with a column of ones; benign or not."""
    with np.load(DATA / "breast_cancer.npz") as table:
        X, y = table["X"], table["y"]
    X = (X - X.mean(0)) / X.std(0)
    return np.column_stack([X, np.ones(len(X))]), y.astype(float)


@cache
def digits() -> tuple[np.ndarray, ...]:
    """1,797 images of 64 pixels, from 0 to 1, with a column of ones; the digit as a unit vector."""
    with np.load(DATA / "digits.npz") as table:
        X, y = table["X"], table["y"]
    return np.column_stack([X / 16.0, np.ones(len(X))]), np.eye(10)[y]


def logistic(xp: Any) -> Callable[..., Any]:
    """Two classes, with a ridge on all weights but the constant's."""

    def f(w: Any, X: Any, y: Any) -> Any:
        z = X @ w
        return xp.sum(xp.logaddexp(0.0, z) - y * z) + 0.5 * xp.sum(w[:-1] ** 2)

    return f


def logistic_slope(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    ridge = np.append(w[:-1], 0.0)
    return X.T @ (1 / (1 + np.exp(-(X @ w))) - y) + ridge


def softmax(xp: Any) -> Callable[..., Any]:
    """Ten classes, with a ridge on all weights but the constants'."""

    def f(w: Any, X: Any, Y: Any) -> Any:
        W = xp.reshape(w, (65, 10))
        z = X @ W
        top = xp.max(z, axis=1, keepdims=True)
        total = xp.log(xp.sum(xp.exp(z - top), axis=1)) + top[:, 0]
        return xp.sum(total - xp.sum(Y * z, axis=1)) + 0.5 * xp.sum(W[:-1] ** 2)

    return f


def softmax_slope(w: np.ndarray, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    W = w.reshape(65, 10)
    z = X @ W
    p = np.exp(z - z.max(1, keepdims=True))
    ridge = np.vstack([W[:-1], np.zeros(10)])
    return (X.T @ (p / p.sum(1, keepdims=True) - Y) + ridge).reshape(-1)


def rosenbrock(xp: Any) -> Callable[..., Any]:
    """A curved valley through 1,000 unknowns."""

    def f(x: Any) -> Any:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return f


def rosenbrock_slope(x: np.ndarray) -> np.ndarray:
    rise = x[1:] - x[:-1] ** 2
    slope = np.zeros(x.size)
    slope[1:] = 200 * rise
    slope[:-1] -= 400 * rise * x[:-1] + 2 * (1 - x[:-1])
    return slope


def _no_data() -> tuple[np.ndarray, ...]:
    return ()


PROBLEMS = (
    Problem("logistic regression, breast cancer", "569 × 31", logistic, cancer, lambda: np.zeros(31), logistic_slope),
    Problem("softmax regression, digits", "1,797 × 65 × 10", softmax, digits, lambda: np.zeros(650), softmax_slope, small=False),
    Problem("Rosenbrock, n = 1,000, from (-1.2, 1, …)", "1,000 unknowns", rosenbrock, _no_data, lambda: np.tile([-1.2, 1.0], 500), rosenbrock_slope, small=False),
    Problem("Rosenbrock, n = 1,000, from 2", "1,000 unknowns", rosenbrock, _no_data, lambda: np.full(1000, 2.0), rosenbrock_slope, small=False),
)  # fmt: skip
