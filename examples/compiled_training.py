"""How do I make a training loop fast? Logistic regression with momentum: `jit`, then `bind`."""

import time
from collections.abc import Callable

import chainrule as cr
import numpy as np

rng = np.random.default_rng(3)
N, d = 1000, 20
X = rng.normal(size=(N, d))
y = (X @ rng.normal(size=d) + 0.5 * rng.normal(size=N) > 0).astype(float)


def loss(w: np.ndarray) -> float:
    """Return the mean log-loss of the logistic model, and a little ridge."""
    z = X @ w
    return np.mean(np.logaddexp(0, z) - y * z) + 1e-3 * np.sum(w**2)


def step(w: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Take one step of gradient descent with momentum; return the loss before it, too."""
    value, gradient = cr.value_and_grad(loss)(w)
    v = 0.9 * v - 0.5 * gradient
    return w + v, v, value


def train(step: Callable) -> tuple[np.ndarray, list[float], float]:
    """Take 200 steps from zero; return the weights, the losses and the seconds."""
    w, v = np.zeros(d), np.zeros(d)
    step(w, v)  # the first call of a compiled function compiles
    losses, start = [], time.perf_counter()
    for _ in range(200):
        w, v, value = step(w, v)
        losses.append(float(value))
    return w, losses, time.perf_counter() - start


by_numpy, losses, slow = train(step)
compiled, _, fast = train(cr.jit(step))  # gradient and update are one program

# Bound to its arrays, a call has no arguments: its results lie in the same arrays each time.
w, v = np.zeros(d), np.zeros(d)
run = cr.jit(step).bind(w, v)
start = time.perf_counter()
for _ in range(200):
    w[:], v[:], value = run()
bound = time.perf_counter() - start

print(f"loss {losses[0]:.4f} before training, {losses[-1]:.4f} after 200 steps")
for name, seconds in (("step", slow), ("jit(step)", fast), ("jit(step).bind(w, v)", bound)):
    print(f"{name:21} {seconds / 200 * 1e6:8.1f} µs a step")

assert losses[-1] < 0.5 * losses[0]
assert np.allclose(compiled, by_numpy, rtol=1e-9)
assert np.allclose(w, by_numpy, rtol=1e-9)
