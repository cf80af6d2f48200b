"""Derivatives by hand in NumPy: the closed forms that an expert writes down, the truth of the table."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, exp, sin, sqrt
from typing import Any

import numpy as np
from objectives import RATE, below
from workloads import Workload

from peers import Call, Unsupported

Array = np.ndarray


def rosenbrock(x: Array) -> Array:
    r = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[:-1] = -400.0 * r * x[:-1] - 2.0 * (1.0 - x[:-1])
    g[1:] += 200.0 * r
    return g


def toy_map(x: Array) -> Array:
    a, b, c = x.tolist()
    return np.array([[2.0 * a, 2.0, -1.0], [cos(a), c, b]])


def toy(x: Array) -> Array:
    return np.array([[2.0, 1.0, 0.0], [1.0, 6.0, 0.0], [0.0, 0.0, exp(x[2])]])


def mean_squared_error(w: Array, b: float, X: Array, y: Array) -> tuple[Any, ...]:
    r = X @ w
    r += b
    r -= y
    r *= 2.0 / len(y)
    return X.T @ r, r.sum()


def mean_squared_error_hessian(w: Array, b: float, X: Array, y: Array) -> Array:
    H: Array = X.T @ X
    H *= 2.0 / len(y)
    return H


def expit(z: Array) -> Array:
    p = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, p) / (1.0 + p)


def logistic(w: Array, X: Array, t: Array) -> Array:
    g: Array = X.T @ (expit(X @ w) - t)
    return g


def logistic_hessian(w: Array, X: Array, t: Array) -> Array:
    p = expit(X @ w)
    A = X * np.sqrt(p * (1.0 - p))[:, None]
    H: Array = A.T @ A
    return H


def tanh_network(W1: Array, b1: Array, W2: Array, b2: Array, X: Array, Y: Array) -> Any:
    h = np.tanh(X @ W1 + b1)
    e = (h @ W2 + b2 - Y) * (2.0 / Y.size)
    d = (e @ W2.T) * (1.0 - h * h)
    return X.T @ d, d.sum(0), h.T @ e, e.sum(0)


def _network(p: list[Array], X: Array, error: Callable[[Array], Array]) -> list[Array]:
    """Of one hidden layer of ReLU; ``error`` makes the cotangent of the last layer in place."""
    W1, b1, W2, b2 = p
    h = X @ W1
    h += b1
    np.maximum(h, 0.0, out=h)
    z = h @ W2
    z += b2
    e = error(z)
    d = e @ W2.T
    d *= h > 0.0
    return [X.T @ d, d.sum(0), h.T @ e, e.sum(0)]


def regressor(p: list[Array], X: Array, y: Array) -> list[Array]:
    return _network(p, X, lambda z: (z - y[:, None]) * (2.0 / len(y)))


def classifier(p: list[Array], X: Array, labels: Array) -> list[Array]:
    def error(z: Array) -> Array:
        z -= z.max(axis=1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(axis=1, keepdims=True)
        z[np.arange(len(z)), labels] -= 1.0
        z /= len(z)
        return z

    return _network(p, X, error)


def sgd(gradient: Callable[..., list[Array]]) -> Callable[..., Any]:
    def step(p: list[Array], X: Array, y: Array) -> list[Array]:
        new = gradient(p, X, y)
        for a, g in zip(p, new, strict=True):
            g *= -RATE
            g += a
        return new

    return step


def adam(gradient: Callable[..., list[Array]]) -> Callable[..., Any]:
    def step(p: Any, m: Any, v: Any, t: float, X: Array, y: Array) -> Any:
        rate, spread = RATE / (1.0 - 0.9**t), 1.0 / (1.0 - 0.999**t)
        new: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
        for a, b, c, g in zip(p, m, v, gradient(p, X, y), strict=True):
            first, second = 0.9 * b, 0.999 * c
            first += 0.1 * g
            g *= g
            g *= 0.001
            second += g
            np.multiply(second, spread, out=g)
            np.sqrt(g, out=g)
            g += 1e-8
            np.divide(first, g, out=g)
            g *= -rate
            g += a
            for part, value in zip(new, (g, first, second), strict=True):
                part.append(value)
        return new

    return step


def log_sum_exp(x: Array) -> Array:
    e = x - x.max()
    np.exp(e, out=e)
    e /= e.sum()
    return e


def k_means(C: Array, P: Array) -> tuple[Array, Array]:
    k, d = C.shape
    nearest = (P @ (-2.0 * C.T) + (C * C).sum(1)).argmin(1)
    counts = np.bincount(nearest, minlength=k)[:, None].astype(float)
    sums = np.stack([np.bincount(nearest, P[:, j], k) for j in range(d)], axis=1)
    return 2.0 * (counts * C - sums), np.repeat(2.0 * counts, d, axis=1)


def gaussian_mixture(alphas: Array, means: Array, factors: Array, x: Array) -> tuple[Array, ...]:
    """By matrix products of all points with all factors; γ = 1, m = 0."""
    k, d = means.shape
    n = len(x)
    rows, columns = np.nonzero(below(d))
    stored = d - 1 + below(d)[rows, columns]
    each = np.arange(d)
    diagonal = np.exp(factors[:, :d])
    Q = np.zeros((k, d, d))
    Q[:, rows, columns] = factors[:, stored]
    Q[:, each, each] = diagonal
    Y = (x @ Q.reshape(k * d, d).T).reshape(n, k, d)
    Y -= np.matmul(Q, means[:, :, None])[:, :, 0]
    t = np.einsum("nkd,nkd->nk", Y, Y)
    t *= -0.5
    t += alphas + factors[:, :d].sum(1)
    t -= t.max(1, keepdims=True)
    t[t < -600.0] = -np.inf  # arithmetic on denormals would cost ten times the rest
    np.exp(t, out=t)
    t /= t.sum(1, keepdims=True)
    weights = t.sum(0)
    Y *= t[:, :, None]
    S = Y.sum(0)
    dQ = -(Y.reshape(n, k * d).T @ x).reshape(k, d, d)
    dQ += S[:, :, None] * means[:, None, :]
    prior = np.exp(alphas - alphas.max())
    out = np.empty_like(factors)
    out[:, :d] = weights[:, None] + dQ[:, each, each] * diagonal + diagonal**2
    out[:, stored] = dQ[:, rows, columns] + factors[:, stored]
    return weights - n * prior / prior.sum(), np.matmul(S[:, None, :], Q)[:, 0], out


def runge_kutta(y0: Array, mu: float, steps: int) -> tuple[Array, float]:
    """Forward and back over Python's own numbers: short arrays would be slower."""
    h = 0.01

    def force(y: Any) -> Any:
        r2 = y[0] * y[0] + y[1] * y[1]
        pull = -mu / (r2 * sqrt(r2))
        return y[2], y[3], pull * y[0], pull * y[1]

    def back(y: Any, g: Any) -> tuple[Any, float]:
        r2 = y[0] * y[0] + y[1] * y[1]
        cube = 1.0 / (r2 * sqrt(r2))
        s = g[2] * y[0] + g[3] * y[1]
        t = 3.0 * mu * cube * s / r2
        return (t * y[0] - mu * cube * g[2], t * y[1] - mu * cube * g[3], g[0], g[1]), -s * cube

    def plus(a: Any, scale: float, b: Any) -> Any:
        return tuple([p + scale * q for p, q in zip(a, b, strict=True)])

    y = tuple(y0.tolist())
    stages = []
    for _ in range(steps):
        k1 = force(y)
        a = plus(y, h / 2, k1)
        k2 = force(a)
        b = plus(y, h / 2, k2)
        k3 = force(b)
        c = plus(y, h, k3)
        k4 = force(c)
        stages.append((y, a, b, c))
        y = plus(plus(plus(plus(y, h / 6, k1), h / 3, k2), h / 3, k3), h / 6, k4)
    zero = (0.0, 0.0, 0.0, 0.0)
    g, gmu = plus(y, 1.0, y), 0.0
    for y, a, b, c in reversed(stages):
        v4, m4 = back(c, plus(zero, h / 6, g))
        v3, m3 = back(b, plus(plus(zero, h / 3, g), h, v4))
        v2, m2 = back(a, plus(plus(zero, h / 3, g), h / 2, v3))
        v1, m1 = back(y, plus(plus(zero, h / 6, g), h / 2, v2))
        for v in (v1, v2, v3, v4):
            g = plus(g, 1.0, v)
        gmu += m1 + m2 + m3 + m4
    return np.array(g), gmu


def lstm(main: Array, extra: Array, state: Array, text: Array) -> tuple[Array, Array]:
    layers, b, n = len(main) // 2, text.shape[1], len(text) - 1
    weights = main[::2].reshape(layers, 4, b)
    biases = main[1::2].reshape(layers, 4, b)
    h, c = state[::2].copy(), state[1::2].copy()
    tape, errors = [], np.empty((n, b))
    top = np.empty((n, b))
    inputs = text[:-1] * extra[0]
    for t in range(n):
        x = inputs[t]
        for i in range(layers):
            z = np.stack([x, h[i], x, h[i]])
            gates = z * weights[i] + biases[i]
            gates[:3] = 1.0 / (1.0 + np.exp(-gates[:3]))
            gates[3] = np.tanh(gates[3])
            new = c[i] * gates[0] + gates[1] * gates[3]
            bent = np.tanh(new)
            tape.append((z, gates, c[i].copy(), bent))
            c[i] = new
            h[i] = x = gates[2] * bent
        top[t] = x
        e = np.exp(x * extra[1] + extra[2])
        errors[t] = e * (text[t + 1].sum() / (2.0 + e.sum())) - text[t + 1]
    errors /= n * b
    gweights, gbiases = np.zeros_like(weights), np.zeros_like(biases)
    dh, dc = np.zeros((layers, b)), np.zeros((layers, b))
    dinputs = np.empty((n, b))
    turn = np.empty((4, b))
    for t in reversed(range(n)):
        dx = errors[t] * extra[1]
        for i in reversed(range(layers)):
            z, gates, before, bent = tape[t * layers + i]
            d = dx + dh[i]
            cell = dc[i] + d * gates[2] * (1.0 - bent * bent)
            turn[0], turn[1], turn[2], turn[3] = before, gates[3], d * bent, gates[1]
            turn[[0, 1, 3]] *= cell
            turn[:3] *= gates[:3] * (1.0 - gates[:3])
            turn[3] *= 1.0 - gates[3] ** 2
            gweights[i] += turn * z
            gbiases[i] += turn
            back = turn * weights[i]
            dx, dh[i], dc[i] = back[0] + back[2], back[1] + back[3], cell * gates[0]
        dinputs[t] = dx
    gmain = np.empty_like(main)
    gmain[::2], gmain[1::2] = gweights.reshape(layers, -1), gbiases.reshape(layers, -1)
    gextra = [(dinputs * text[:-1]).sum(0), (errors * top).sum(0), errors.sum(0)]
    return gmain, np.stack(gextra)


def recurrence(x: float, steps: int = 250) -> float:
    y, slope = x, 1.0
    for _ in range(steps):
        slope = cos(y) * 0.9 * slope + 1.0 / 1.5
        y = sin(y) * 0.9 + x / 1.5
    return slope


GRADIENTS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        rosenbrock, toy_map, toy, mean_squared_error, logistic, tanh_network, regressor, classifier,
        log_sum_exp, k_means, gaussian_mixture, runge_kutta, lstm, recurrence,
    )
}  # fmt: skip
HESSIANS = {
    "toy": toy,
    "logistic": logistic_hessian,
    "mean_squared_error": mean_squared_error_hessian,
}
STEPS = {"SGD step": sgd, "Adam step": adam}


def make(w: Workload, args: tuple[Any, ...]) -> Call:
    f = (HESSIANS if w.kind == "Hessian" else GRADIENTS)[w.objective]
    if w.kind in STEPS:
        f = STEPS[w.kind](f)
    return Call(lambda: f(*args, **w.constants))


def differences(w: Workload, args: tuple[Any, ...]) -> Call:
    """SciPy's own, as ``minimize`` falls back to; twice over they have no digits left."""
    if w.kind != "gradient" or w.wrt != 0:
        raise Unsupported("one unknown array")
    from scipy.optimize import approx_fprime

    f = w.function(np)
    x = np.asarray(args[0], float)
    if x.size > 10_000:
        raise Unsupported("one evaluation for each unknown")

    def value(v: Array) -> float:
        return float(f(v.reshape(x.shape), *args[1:]))

    return Call(lambda: approx_fprime(x.reshape(-1), value, 1.5e-8))
