"""Backprop through layers: for h = σ(XW1 + b1), ŷ = hW2 + b2 and any loss L(ŷ, y),

∂L/∂W2 = hᵀ ∂L/∂ŷ and ∂L/∂W1 = Xᵀ(((∂L/∂ŷ) W2ᵀ) ⊙ σ'(XW1 + b1)).

"Any loss" is a cotangent with a name of its own: the network is pulled back, not a loss.
"""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from numpy.testing import assert_allclose

Matcher = Callable[[str, str], bool]
Activation = Callable[[Any], Any]

rng = np.random.default_rng(6)
N, d, hidden, k = 11, 4, 5, 3
X = rng.normal(size=(N, d))
y = rng.normal(size=(N, k))
W1 = rng.normal(size=(d, hidden))
b1 = rng.normal(size=hidden)
W2 = rng.normal(size=(hidden, k))
b2 = rng.normal(size=k)
G = rng.normal(size=(N, k))

ACTIVATIONS: dict[str, tuple[Activation, Activation]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "logistic": (lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "relu": (lambda z: np.maximum(0, z), lambda z: np.where(z > 0, 1.0, 0.0)),
}

LOSSES: dict[str, Callable[[Any], Any]] = {
    "squared": lambda y_hat: np.mean((y_hat - y) ** 2),
    "absolute": lambda y_hat: np.sum(np.abs(y_hat - y)),
    "pseudo-Huber": lambda y_hat: np.sum(np.sqrt(1 + (y_hat - y) ** 2) - 1),
}

activations = pytest.mark.parametrize("name", sorted(ACTIVATIONS))
losses = pytest.mark.parametrize("loss", sorted(LOSSES))


def network(name: str) -> Callable[..., Any]:
    """Return the two-layer network with one activation, as the notes write it."""
    sigma, _ = ACTIVATIONS[name]

    def net(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        h = sigma(X @ W1 + b1)
        return h @ W2 + b2

    return net


def by_hand(name: str, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the notes' ∂L/∂W1 and ∂L/∂W2 for the cotangent ∂L/∂ŷ."""
    sigma, slope = ACTIVATIONS[name]
    z = X @ W1 + b1
    return X.T @ ((cotangent @ W2.T) * slope(z)), sigma(z).T @ cotangent


@activations
def test_values_for_any_cotangent(name: str) -> None:
    net = network(name)
    first, second = by_hand(name, G)
    pulled = cr.pullback(net, wrt=("W1", "W2"))(W1, b1, W2, b2, G)
    assert_allclose(pulled[0], first, rtol=1e-11, atol=1e-13)
    assert_allclose(pulled[1], second, rtol=1e-11, atol=1e-13)


@activations
@losses
def test_values_for_several_losses(name: str, loss: str) -> None:
    """The gradient of the whole loss is the pullback of the loss's own gradient."""
    net, final = network(name), LOSSES[loss]
    cotangent = cr.grad(final)(net(W1, b1, W2, b2))
    first, second = by_hand(name, cotangent)

    def whole(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        return final(net(W1, b1, W2, b2))

    gradient = cr.grad(whole, wrt=("W1", "W2"))(W1, b1, W2, b2)
    assert_allclose(gradient[0], first, rtol=1e-11, atol=1e-13)
    assert_allclose(gradient[1], second, rtol=1e-11, atol=1e-13)


@activations
def test_formula_of_the_last_layer(name: str, prints: Matcher) -> None:
    formula = cr.formula(cr.pullback(network(name), wrt="W2"))(W1, b1, W2, b2, G)
    # The definition of h differs with the activation; the right-hand side itself does not.
    assert prints(formula.text.split("where")[0], "layer W2")


@activations
def test_formula_of_the_first_layer(name: str, prints: Matcher) -> None:
    formula = cr.formula(cr.pullback(network(name), wrt="W1"))(W1, b1, W2, b2, G)
    assert prints(formula.text, f"layer W1 {name}")


def test_formula_of_the_last_layer_under_squared_loss(prints: Matcher) -> None:
    def loss(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        h = np.tanh(X @ W1 + b1)
        E = h @ W2 + b2 - y
        return 0.5 * np.sum(E**2)

    formula = cr.formula(cr.grad(loss, wrt="W2"))(W1, b1, W2, b2)
    assert prints(formula.text.split("where")[0], "squared error W2")
