"""The objectives, written once in plain NumPy style.

``OBJECTIVES[name](xp, ...)`` gives the function for a namespace that looks like NumPy. chainrule
gets NumPy itself, the other tools their own namespace; what follows ``xp`` are constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

Function = Callable[..., Any]


def rosenbrock(xp: Any) -> Function:
    def f(x: Any) -> Any:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return f


def mean_squared_error(xp: Any) -> Function:
    def f(w: Any, b: Any, X: Any, y: Any) -> Any:
        return xp.mean((y - (X @ w + b)) ** 2)

    return f


def logistic(xp: Any) -> Function:
    """Negative log-likelihood of targets in {0, 1}; stable for large margins."""

    def f(w: Any, X: Any, t: Any) -> Any:
        z = X @ w
        return xp.sum(xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0.0) - t * z)

    return f


def toy_map(xp: Any) -> Function:
    def f(x: Any) -> Any:
        return xp.stack([x[0] ** 2 + 2.0 * x[1] - x[2], xp.sin(x[0]) + x[1] * x[2]])

    return f


def toy(xp: Any) -> Function:
    def f(x: Any) -> Any:
        return x[0] ** 2 + 3.0 * x[1] ** 2 + xp.exp(x[2]) + x[0] * x[1]

    return f


def tanh_network(xp: Any) -> Function:
    def f(W1: Any, b1: Any, W2: Any, b2: Any, X: Any, Y: Any) -> Any:
        h = xp.tanh(X @ W1 + b1)
        return xp.mean((h @ W2 + b2 - Y) ** 2)

    return f


def regressor(xp: Any) -> Function:
    """A network of one hidden layer of ReLU, mean squared error."""

    def f(p: Sequence[Any], X: Any, y: Any) -> Any:
        W1, b1, W2, b2 = p
        h = xp.maximum(X @ W1 + b1, 0.0)
        return xp.mean(((h @ W2 + b2)[:, 0] - y) ** 2)

    return f


def classifier(xp: Any) -> Function:
    """A network of one hidden layer of ReLU, softmax cross-entropy against integer labels."""

    def f(p: Sequence[Any], X: Any, labels: Any) -> Any:
        W1, b1, W2, b2 = p
        h = xp.maximum(X @ W1 + b1, 0.0)
        z = h @ W2 + b2
        m = xp.max(z, axis=1, keepdims=True)
        normalizer = m[:, 0] + xp.log(xp.sum(xp.exp(z - m), axis=1))
        return xp.mean(normalizer - z[xp.arange(len(labels)), labels])

    return f


def log_sum_exp(xp: Any) -> Function:
    def f(x: Any) -> Any:
        m = xp.max(x)
        return m + xp.log(xp.sum(xp.exp(x - m)))

    return f


def k_means(xp: Any) -> Function:
    def f(centres: Any, points: Any) -> Any:
        distances = xp.sum((points[:, None, :] - centres[None]) ** 2, axis=2)
        return xp.sum(xp.min(distances, axis=1))

    return f


@cache
def below(d: int) -> np.ndarray:
    """Where a factor's entries below the diagonal are stored, counted from 1; 0 elsewhere."""
    where = np.zeros((d, d), int)
    columns, rows = np.triu_indices(d, 1)
    where[rows, columns] = 1 + np.arange(len(rows))
    return where


def gaussian_mixture(xp: Any, gamma: float = 1.0, m: int = 0) -> Function:
    """ADBench: log-likelihood of a Gaussian mixture with a Wishart prior.

    A factor is stored as the logarithms of its diagonal, then the columns below it.
    """

    def f(alphas: Any, means: Any, factors: Any, x: Any) -> Any:
        n, d = x.shape
        logs, rest = factors[:, :d], factors[:, d:]
        diagonal = xp.exp(logs)
        padded = xp.concatenate([xp.zeros_like(alphas)[:, None], rest], axis=1)
        lower = padded[:, xp.asarray(below(d))]
        centred = x[:, None, :] - means[None]
        scaled = diagonal * centred + xp.einsum("kij,nkj->nki", lower, centred)
        terms = alphas + xp.sum(logs, axis=1) - 0.5 * xp.sum(scaled**2, axis=2)
        top = xp.max(terms, axis=1)
        fit = xp.sum(top + xp.log(xp.sum(xp.exp(terms - top[:, None]), axis=1)))
        highest = xp.max(alphas)
        weights = highest + xp.log(xp.sum(xp.exp(alphas - highest)))
        prior = 0.5 * gamma**2 * (xp.sum(diagonal**2) + xp.sum(rest**2)) - m * xp.sum(logs)
        return fit - n * weights + prior - 0.5 * n * d * math.log(2.0 * math.pi)

    return f


def sigmoid(xp: Any, z: Any) -> Any:
    return 1.0 / (1.0 + xp.exp(-z))


def lstm_step(xp: Any, main: Any, extra: Any, states: list[Any], x: Any, target: Any) -> Any:
    """One character: the new states, and the log-likelihood of the next one."""
    b = len(x)
    x = x * extra[0]
    new: list[Any] = []
    for layer in range(0, len(states), 2):
        h, c = states[layer], states[layer + 1]
        gates = xp.concatenate([x, h, x, h]) * main[layer] + main[layer + 1]
        keep, enter = sigmoid(xp, gates[:b]), sigmoid(xp, gates[b : 2 * b])
        leave, change = sigmoid(xp, gates[2 * b : 3 * b]), xp.tanh(gates[3 * b :])
        c = c * keep + enter * change
        x = leave * xp.tanh(c)
        new += [x, c]
    y = x * extra[1] + extra[2]
    return new, xp.sum(target * (y - xp.log(xp.sum(xp.exp(y)) + 2.0)))


def lstm(xp: Any) -> Function:
    """ADBench: the loss of an LSTM with diagonal weights that predicts each next character."""

    def f(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        states = [state[i] for i in range(len(state))]
        total = 0.0
        for t in range(len(sequence) - 1):
            states, likelihood = lstm_step(xp, main, extra, states, sequence[t], sequence[t + 1])
            total = total + likelihood
        return -total / ((len(sequence) - 1) * sequence.shape[1])

    return f


def kepler(xp: Any, y: Any, mu: Any) -> Any:
    r2 = y[0] * y[0] + y[1] * y[1]
    pull = -mu / (r2 * xp.sqrt(r2))
    return xp.stack([y[2], y[3], pull * y[0], pull * y[1]])


def rk4_step(xp: Any, y: Any, mu: Any, h: float = 0.01) -> Any:
    k1 = kepler(xp, y, mu)
    k2 = kepler(xp, y + h / 2 * k1, mu)
    k3 = kepler(xp, y + h / 2 * k2, mu)
    k4 = kepler(xp, y + h * k3, mu)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def runge_kutta(xp: Any, steps: int) -> Function:
    """Where a planet is after so many steps of the classical Runge-Kutta method."""

    def f(y: Any, mu: Any) -> Any:
        for _ in range(steps):
            y = rk4_step(xp, y, mu)
        return xp.sum(y * y)

    return f


def recurrence(xp: Any, steps: int = 250) -> Function:
    """``4 * steps`` scalar operations one after another."""

    def f(x: Any) -> Any:
        y = x
        for _ in range(steps):
            y = xp.sin(y) * 0.9 + x / 1.5
        return y

    return f


OBJECTIVES: dict[str, Callable[..., Function]] = {
    f.__name__: f
    for f in (
        rosenbrock, mean_squared_error, logistic, toy_map, toy, tanh_network, regressor, classifier,
        log_sum_exp, k_means, gaussian_mixture, lstm, runge_kutta, recurrence,
    )
}  # fmt: skip


RATE = 1e-3


def sgd(xp: Any, gradient: Function) -> Function:
    """One step of gradient descent: the new parameters."""

    def step(p: Sequence[Any], X: Any, y: Any) -> Any:
        return [a - RATE * g for a, g in zip(p, gradient(p, X, y), strict=True)]

    return step


def adam(xp: Any, gradient: Function) -> Function:
    """Step number ``t`` of Adam: the new parameters and both new moments."""

    def step(p: Sequence[Any], m: Sequence[Any], v: Sequence[Any], t: Any, X: Any, y: Any) -> Any:
        slopes = gradient(p, X, y)
        m = [0.9 * a + 0.1 * g for a, g in zip(m, slopes, strict=True)]
        v = [0.999 * a + 0.001 * g**2 for a, g in zip(v, slopes, strict=True)]
        rate, spread = RATE / (1.0 - 0.9**t), 1.0 / (1.0 - 0.999**t)
        p = [a - rate * b / (xp.sqrt(c * spread) + 1e-8) for a, b, c in zip(p, m, v, strict=True)]
        return p, m, v

    return step


STEPS = {"SGD step": sgd, "Adam step": adam}
