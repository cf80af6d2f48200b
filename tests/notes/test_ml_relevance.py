"""ML relevance: back-propagation is the chain rule through layers, optimisers follow gradients,
second-order methods use the Hessian."""

from itertools import pairwise
from typing import Any

import chainrule as cr
import numpy as np
from numpy.testing import assert_allclose


def test_backpropagation_is_the_chain_rule_through_layers() -> None:
    """Pulling a cotangent back layer by layer, by hand, gives the gradient of the whole."""
    rng = np.random.default_rng(3)
    widths = [4, 6, 5, 3, 1]
    weights = [rng.normal(size=s) / np.sqrt(s[0]) for s in pairwise(widths)]
    x = rng.normal(size=(7, 4))

    def layer(h: np.ndarray, w: np.ndarray) -> np.ndarray:
        return np.tanh(h @ w)

    def loss(weights: list[np.ndarray]) -> float:
        h = x
        for w in weights:
            h = layer(h, w)
        return np.mean(h**2)

    h, pulls = x, []
    for w in weights:
        h, pull = cr.vjp(layer, h, w)
        pulls.append(pull)
    cotangent: Any = cr.grad(lambda h: np.mean(h**2))(h)
    by_layer = []
    for pull in reversed(pulls):
        cotangent, by_weight = pull(cotangent)
        by_layer.append(by_weight)

    gradient = cr.grad(loss)(weights)
    assert isinstance(gradient, list)
    for whole, part in zip(gradient, reversed(by_layer), strict=True):
        assert_allclose(whole, part, rtol=1e-12, atol=1e-15)


def logistic_problem() -> tuple[np.ndarray, np.ndarray]:
    """Return two overlapping groups of points with labels: a strictly convex fit."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 4))
    return x, (x @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=60) > 0).astype(float)


def test_gradient_descent_minimises_the_loss() -> None:
    x, t = logistic_problem()

    def loss(w: np.ndarray) -> float:
        z = x @ w
        return np.mean(np.logaddexp(0, z) - t * z)

    value_and_grad = cr.value_and_grad(loss)
    w, losses = np.zeros(4), []
    for _ in range(400):
        value, gradient = value_and_grad(w)
        losses.append(value)
        w = w - 1.0 * gradient
    assert np.all(np.diff(losses) < 0)
    assert np.linalg.norm(cr.grad(loss)(w)) < 1e-2


def test_newton_uses_the_hessian_and_needs_far_fewer_steps() -> None:
    x, t = logistic_problem()

    def loss(w: np.ndarray) -> float:
        z = x @ w
        return np.mean(np.logaddexp(0, z) - t * z)

    w = np.zeros(4)
    for _ in range(15):
        w = w - np.linalg.solve(cr.hessian(loss)(w), cr.grad(loss)(w))
    assert np.linalg.norm(cr.grad(loss)(w)) < 1e-12


def test_newton_solves_a_quadratic_in_one_step() -> None:
    x, t = logistic_problem()

    def loss(w: np.ndarray) -> float:
        return np.mean((x @ w - t) ** 2)

    w = np.ones(4) - np.linalg.solve(cr.hessian(loss)(np.ones(4)), cr.grad(loss)(np.ones(4)))
    assert_allclose(w, np.linalg.lstsq(x, t, rcond=None)[0], rtol=1e-12)
