"""Which rows of the data pull hardest on the fit? One gradient for each example, by vmap."""

import chainrule as cr
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(50, 3))
t = (X @ [1.5, -2.0, 0.5] + 0.5 * rng.normal(size=50) > 0).astype(float)
w = np.array([1.5, -2.0, 0.5])
wrong = np.argmax(np.abs(X @ w))
t[wrong] = 1 - t[wrong]  # the clearest row of all gets the wrong label


def loss_of_row(w: np.ndarray, x: np.ndarray, label: float) -> float:
    """Return the logistic loss of one example."""
    z = x @ w
    return np.logaddexp(0, z) - label * z


per_example = cr.vmap(cr.grad(loss_of_row), in_axes=(None, 0, 0))(w, X, t)
one_by_one = np.stack([cr.grad(loss_of_row)(w, x, label) for x, label in zip(X, t, strict=True)])
by_hand = (1 / (1 + np.exp(-X @ w)) - t)[:, None] * X

norms = np.linalg.norm(per_example, axis=1)
print("shape of the gradients:", per_example.shape)
print("the rows that pull hardest:", np.argsort(norms)[::-1][:3], "  the wrong label:", wrong)
print("their gradient norms:      ", np.sort(norms)[::-1][:3])

assert per_example.shape == (50, 3)
assert np.allclose(per_example, one_by_one, rtol=1e-12)
assert np.allclose(per_example, by_hand, rtol=1e-12)
assert np.argmax(norms) == wrong
