"""How does back-propagation train a two-layer network, and what are its formulas?"""

import chainrule as cr
import numpy as np

rng = np.random.default_rng(1)
N, d, hidden = 64, 20, 32
X = rng.normal(size=(N, d))
y = rng.normal(size=(N, 1))
params = {
    "W1": rng.normal(size=(d, hidden)) / np.sqrt(d),
    "b1": np.zeros(hidden),
    "W2": rng.normal(size=(hidden, 1)) / np.sqrt(hidden),
    "b2": np.zeros(1),
}


def loss(W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray) -> float:
    """Return half the squared error of h = relu(XW1 + b1), ŷ = hW2 + b2, by row."""
    h = np.maximum(0, X @ W1 + b1)
    E = h @ W2 + b2 - y
    return 0.5 * np.mean(E**2)


def loss_of(params: dict[str, np.ndarray]) -> float:
    """Return the loss of the parameters as one dictionary."""
    return loss(**params)


for name in ("W2", "W1"):
    print(cr.formula(cr.grad(loss, wrt=name))(*params.values()))

step = cr.value_and_grad(loss_of)
losses = []
for number in range(5):
    value, gradient = step(params)  # a dictionary, as the parameters are
    params = {name: params[name] - 0.05 * gradient[name] for name in params}
    losses.append(value)
    print(f"step {number + 1}  loss={value:.4f}")

# The same gradients, by the notes' two formulas.
pre = X @ params["W1"] + params["b1"]
cotangent = (np.maximum(0, pre) @ params["W2"] + params["b2"] - y) / N
by_w2 = np.maximum(0, pre).T @ cotangent
by_w1 = X.T @ ((cotangent @ params["W2"].T) * (pre > 0))
_, gradient = step(params)

assert np.all(np.diff(losses) < 0)
assert np.allclose(gradient["W2"], by_w2, rtol=1e-12)
assert np.allclose(gradient["W1"], by_w1, rtol=1e-12)
