"""numba: derivatives by hand as loops, for it does not differentiate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from workloads import Workload

from peers import Call, Unsupported

compiled = njit(fastmath=True, error_model="numpy")
ROWS = 16


def rosenbrock() -> Callable[..., Any]:
    @compiled
    def gradient(x: Any) -> Any:
        g = np.zeros_like(x)
        for i in range(len(x) - 1):
            r = x[i + 1] - x[i] * x[i]
            g[i] -= 400.0 * r * x[i] + 2.0 * (1.0 - x[i])
            g[i + 1] += 200.0 * r
        return g

    return gradient


def toy_map() -> Callable[..., Any]:
    @compiled
    def jacobian(x: Any) -> Any:
        J = np.empty((2, 3))
        J[0, 0], J[0, 1], J[0, 2] = 2.0 * x[0], 2.0, -1.0
        J[1, 0], J[1, 1], J[1, 2] = np.cos(x[0]), x[2], x[1]
        return J

    return jacobian


def toy() -> Callable[..., Any]:
    @compiled
    def hessian(x: Any) -> Any:
        H = np.zeros((3, 3))
        H[0, 0], H[0, 1], H[1, 0], H[1, 1], H[2, 2] = 2.0, 1.0, 1.0, 6.0, np.exp(x[2])
        return H

    return hessian


def mean_squared_error() -> Callable[..., Any]:
    @compiled
    def gradient(w: Any, b: Any, X: Any, y: Any) -> Any:
        n, d = X.shape
        g, total = np.zeros(d), 0.0
        for i in range(n):
            r = b - y[i]
            for j in range(d):
                r += X[i, j] * w[j]
            for j in range(d):
                g[j] += r * X[i, j]
            total += r
        for j in range(d):
            g[j] *= 2.0 / n
        return g, total * (2.0 / n)

    return gradient


def logistic() -> Callable[..., Any]:
    @compiled
    def gradient(w: Any, X: Any, t: Any) -> Any:
        n, d = X.shape
        g = np.zeros(d)
        r = np.zeros(ROWS)
        for start in range(0, n, ROWS):
            rows = min(ROWS, n - start)
            for i in range(rows):
                z = 0.0
                for j in range(d):
                    z += X[start + i, j] * w[j]
                r[i] = z
            for i in range(rows):
                r[i] = 1.0 / (1.0 + np.exp(-r[i])) - t[start + i]
            for i in range(rows):
                for j in range(d):
                    g[j] += r[i] * X[start + i, j]
        return g

    return gradient


def log_sum_exp() -> Callable[..., Any]:
    @compiled
    def gradient(x: Any) -> Any:
        top, total = x[0], 0.0
        for a in x:
            top = max(top, a)
        g = np.empty_like(x)
        for i in range(len(x)):
            g[i] = np.exp(x[i] - top)
            total += g[i]
        for i in range(len(x)):
            g[i] /= total
        return g

    return gradient


def k_means() -> Callable[..., Any]:
    @compiled
    def both(C: Any, P: Any) -> Any:
        k, d = C.shape
        gradient, curvature = np.zeros_like(C), np.zeros_like(C)
        for x in P:
            best, nearest = np.inf, 0
            for c in range(k):
                s = 0.0
                for j in range(d):
                    s += (x[j] - C[c, j]) ** 2
                if s < best:
                    best, nearest = s, c
            for j in range(d):
                gradient[nearest, j] += 2.0 * (C[nearest, j] - x[j])
                curvature[nearest, j] += 2.0
        return gradient, curvature

    return both


def runge_kutta() -> Callable[..., Any]:
    @compiled
    def force(y: Any, mu: Any, f: Any) -> None:
        r2 = y[0] * y[0] + y[1] * y[1]
        pull = -mu / (r2 * np.sqrt(r2))
        f[0], f[1], f[2], f[3] = y[2], y[3], pull * y[0], pull * y[1]

    @compiled
    def back(y: Any, mu: Any, g: Any, v: Any) -> Any:
        r2 = y[0] * y[0] + y[1] * y[1]
        cube = 1.0 / (r2 * np.sqrt(r2))
        s = g[2] * y[0] + g[3] * y[1]
        t = 3.0 * mu * cube * s / r2
        v[0], v[1] = t * y[0] - mu * cube * g[2], t * y[1] - mu * cube * g[3]
        v[2], v[3] = g[0], g[1]
        return -s * cube

    @compiled
    def gradient(y0: Any, mu: Any, steps: int) -> Any:
        h = 0.01
        stages = np.empty((steps + 1, 4, 4))
        k, v, gmu = np.empty((4, 4)), np.empty((4, 4)), 0.0
        stages[0, 0] = y0
        for n in range(steps):
            s = stages[n]
            for stage, part in ((1, h / 2), (2, h / 2), (3, h)):
                force(s[stage - 1], mu, k[stage - 1])
                for i in range(4):
                    s[stage, i] = s[0, i] + part * k[stage - 1, i]
            force(s[3], mu, k[3])
            for i in range(4):
                slope = k[0, i] + 2.0 * k[1, i] + 2.0 * k[2, i] + k[3, i]
                stages[n + 1, 0, i] = s[0, i] + h / 6 * slope
        g, u = 2.0 * stages[steps, 0], np.zeros(4)
        for n in range(steps - 1, -1, -1):
            v[:] = 0.0
            for stage, weight, part in (
                (3, h / 6, 0.0),
                (2, h / 3, h),
                (1, h / 3, h / 2),
                (0, h / 6, h / 2),
            ):
                for i in range(4):
                    u[i] = weight * g[i] + (part * v[stage + 1, i] if stage < 3 else 0.0)
                gmu += back(stages[n, stage], mu, u, v[stage])
            for i in range(4):
                g[i] += v[0, i] + v[1, i] + v[2, i] + v[3, i]
        return g, gmu

    return gradient


LOOPS: dict[str, Callable[[], Callable[..., Any]]] = {
    f.__name__: f
    for f in (
        rosenbrock, toy_map, toy, mean_squared_error, logistic, log_sum_exp, k_means, runge_kutta,
    )
}  # fmt: skip


def make(w: Workload, args: tuple[Any, ...]) -> Call:
    if w.objective not in LOOPS or (w.kind == "Hessian" and w.objective != "toy"):
        raise Unsupported("no loops by hand")
    f = LOOPS[w.objective]()
    constants = tuple(w.constants.values())
    return Call(lambda: f(*args, *constants))
