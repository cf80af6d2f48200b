"""How do I train a convolutional network? Digits as images, by Adam."""

from functools import partial

import chainrule as cr
import numpy as np
from chainrule import nn, optim
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
images = X.reshape(-1, 1, 8, 8) / 16.0  # examples, channels, height, width
rng = np.random.default_rng(0)
order = rng.permutation(len(X))
train, test = order[:1437], order[1437:]


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


convolution, pool = partial(nn.conv2d, padding="same"), partial(nn.max_pool2d, size=2)
network = nn.sequential(
    ("edges", convolution), nn.relu, pool, ("shapes", convolution), nn.relu, pool, flat,
    ("out", nn.linear),
)  # fmt: skip
start = {
    "edges": nn.init_conv2d(rng, 1, 12, 3),
    "shapes": nn.init_conv2d(rng, 12, 24, 3),
    "out": nn.init_linear(rng, 24 * 2 * 2, 10),
}


def loss(p: dict, X: np.ndarray, y: np.ndarray) -> float:
    return nn.cross_entropy(network(p, X), y, label_smoothing=0.05)


epochs = 12
result = cr.fit(
    loss,
    start,
    (images[train], y[train]),
    optimizer=optim.adam(optim.one_cycle(1e-2, epochs * 45)),
    epochs=epochs,
)
read = np.argmax(network(result.params, images[test]), axis=1)
print(result.message, f"The loss is {result.loss:.4f}.")
print(f"{np.mean(read == y[test]):.1%} of the other digits are read right")

assert result.success
assert np.mean(read == y[test]) > 0.975
