"""How do I train a small neural network? Handwritten digits, by Adam, its rate falling to 0."""

import chainrule as cr
import numpy as np
from chainrule import optim
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
X = X / 16.0
rng = np.random.default_rng(0)
order = rng.permutation(len(X))
train, test = order[:1437], order[1437:]


def logits(p: dict, X: np.ndarray) -> np.ndarray:
    hidden = np.maximum(X @ p["W1"] + p["b1"], 0.0)
    return hidden @ p["W2"] + p["b2"]


def cross_entropy(p: dict, X: np.ndarray, y: np.ndarray) -> float:
    z = logits(p, X)
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(y)), y])


start = {
    "W1": rng.normal(size=(64, 64)) * np.sqrt(2 / 64),
    "b1": np.zeros(64),
    "W2": rng.normal(size=(64, 10)) * np.sqrt(2 / 64),
    "b2": np.zeros(10),
}
epochs, batches = 20, -(-len(train) // 32)
result = cr.fit(
    cross_entropy,
    start,
    (X[train], y[train]),
    optimizer=optim.adam(optim.cosine(5e-3, epochs * batches)),
    epochs=epochs,
    validation=(X[test], y[test]),
)
accuracy = np.mean(np.argmax(logits(result.params, X[test]), axis=1) == y[test])

for epoch in (0, 4, 9, 19):
    print(
        f"epoch {epoch + 1:2}   loss {result.history.epoch_loss[epoch]:.4f}"
        f"   on other digits {result.history.validation_loss[epoch]:.4f}"
    )
print(f"{result.steps} steps; {accuracy:.1%} of the other digits are read right")

assert result.success
assert accuracy > 0.97
