"""What is the gradient of the mean squared error by w and b, and is it the textbook's?"""

import chainrule as cr
import numpy as np

rng = np.random.default_rng(0)
N, d = 200, 5
X = rng.normal(size=(N, d))
y = X @ rng.normal(size=d) + 0.5 + 0.1 * rng.normal(size=N)
w, b = np.zeros(d), 0.0


def mse(w: np.ndarray, b: float) -> float:
    """Return (1/N) ‖y − (Xw + b)‖²."""
    return np.mean((y - (X @ w + b)) ** 2)


def by_hand(w: np.ndarray, b: float) -> tuple[np.ndarray, float]:
    """Return the gradients as derived on paper."""
    residual = X @ w + b - y
    return (2 / N) * X.T @ residual, (2 / N) * np.sum(residual)


grad_w, grad_b = cr.grad(mse, wrt=("w", "b"))(w, b)

print("loss  ", mse(w, b))
print("by w  ", cr.formula(cr.grad(mse, wrt="w"))(w, b))
print("by b  ", cr.formula(cr.grad(mse, wrt="b"))(w, b))
print("grad w", grad_w, "  by hand", by_hand(w, b)[0])
print("grad b", grad_b, "  by hand", by_hand(w, b)[1])
print(cr.check(mse, w, b, against=by_hand))

assert np.allclose(grad_w, by_hand(w, b)[0], rtol=1e-12)
assert np.allclose(grad_b, by_hand(w, b)[1], rtol=1e-12)
assert cr.check(mse, w, b, against=by_hand)
