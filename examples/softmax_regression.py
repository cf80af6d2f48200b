"""How do I classify without a hidden layer? Softmax regression on handwritten digits, by Adam."""

import chainrule as cr
import numpy as np
from chainrule import nn, optim
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
X = X / 16.0
rng = np.random.default_rng(0)
order = rng.permutation(len(X))
train, test = order[:1437], order[1437:]


def loss(p: dict, X: np.ndarray, y: np.ndarray) -> float:
    return nn.cross_entropy(nn.linear(p, X), y) + 1e-4 * np.sum(p["weight"] ** 2)


start = nn.init_linear(rng, 64, 10, nn.zeros)
result = cr.fit(
    loss,
    start,
    (X[train], y[train]),
    optimizer=optim.adam(optim.cosine(0.02, 60 * 23)),
    batch_size=64,
    epochs=60,
)
logits = nn.linear(result.params, X[test])
accuracy = np.mean(np.argmax(logits, axis=1) == y[test])
print(result.message, f"The loss is {result.loss:.4f}.")
print(f"{accuracy:.1%} of the other digits are read right")

assert result.success
assert accuracy > 0.97
