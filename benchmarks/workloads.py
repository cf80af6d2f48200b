"""What is measured: an objective written once against a NumPy-like namespace, and its data.

``make(xp)`` gives the objective for a namespace; chainrule and finite differences get plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Workload:
    """One row of the table: the derivative ``kind`` of ``make(xp)`` by its first argument."""

    name: str
    kind: str
    make: Callable[[Any], Callable[..., Any]]
    args: tuple[Any, ...]


def rosenbrock(xp: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return f


def mean_squared_error(xp: Any) -> Callable[..., Any]:
    def f(w: Any, X: Any, y: Any) -> Any:
        return xp.mean((y - X @ w) ** 2)

    return f


def logistic(xp: Any) -> Callable[..., Any]:
    def f(w: Any, X: Any, t: Any) -> Any:
        z = X @ w
        return xp.sum(xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0.0 * z) - t * z)

    return f


def two_layers(xp: Any) -> Callable[..., Any]:
    def f(W1: Any, b1: Any, W2: Any, b2: Any, X: Any, Y: Any) -> Any:
        h = xp.tanh(X @ W1 + b1)
        return xp.mean((h @ W2 + b2 - Y) ** 2)

    return f


def recurrence(xp: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        y = x
        for _ in range(250):
            y = xp.sin(y) * 0.9 + x / 1.5
        return y

    return f


def toy(xp: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        return x[0] ** 2 + 3.0 * x[1] ** 2 + xp.exp(x[2]) + x[0] * x[1]

    return f


def _normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


WORKLOADS = (
    Workload("Rosenbrock, 2 unknowns", "gradient", rosenbrock, (np.array([1.3, 0.7]),)),
    Workload("Rosenbrock, 1,000 unknowns", "gradient", rosenbrock, (_normal(1000),)),
    Workload("least squares, 200 × 5", "gradient", mean_squared_error, (_normal(5), _normal(200, 5), _normal(200))),
    Workload("least squares, 100,000 × 100", "gradient", mean_squared_error, (_normal(100), _normal(100_000, 100), _normal(100_000))),
    Workload("logistic, 1,000 × 50", "gradient", logistic, (_normal(50), _normal(1000, 50), (_normal(1000) > 0) * 1.0)),
    Workload("two layers, 20→32→1, 64 rows", "gradient", two_layers, (0.3 * _normal(20, 32), _normal(32), 0.3 * _normal(32, 1), _normal(1), _normal(64, 20), _normal(64, 1))),
    Workload("loop of 1,000 scalar operations", "gradient", recurrence, (np.array(0.5),)),
    Workload("toy function of 3", "hessian", toy, (np.array([0.2, -0.3, 0.5]),)),
    Workload("logistic, 1,000 × 50", "hessian", logistic, (_normal(50), _normal(1000, 50), (_normal(1000) > 0) * 1.0)),
    Workload("least squares, 1,000 × 100", "hessian", mean_squared_error, (_normal(100), _normal(1000, 100), _normal(1000))),
)  # fmt: skip
