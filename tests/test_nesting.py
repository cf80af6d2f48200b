"""Every verb composes with every other, to any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.laws.truth import assert_slope, slopes

X = np.array([0.4, -0.9, 1.3])
V = np.array([0.5, 1.0, -0.7])
W = np.array([-0.2, 0.3, 0.8])


def f(x: Any) -> Any:
    """Generic, smooth, and with no symmetry between its entries."""
    return np.sum(np.sin(x) * x) + x[0] * x[1] ** 2 * np.exp(0.3 * x[2]) + np.tanh(x @ V)


def _slope(g: Callable[[np.ndarray], Any], x: np.ndarray, t: np.ndarray) -> Any:
    return slopes(lambda s: [g(x + s * t)], 1e-2)[0]


def _plain_gradient(x: np.ndarray) -> np.ndarray:
    e = np.exp(0.3 * x[2])
    rest = np.array([x[1] ** 2 * e, 2 * x[0] * x[1] * e, 0.3 * x[0] * x[1] ** 2 * e])
    return np.cos(x) * x + np.sin(x) + rest + V * (1 - np.tanh(x @ V) ** 2)


def test_gradient_by_hand() -> None:
    np.testing.assert_allclose(cr.grad(f)(X), _plain_gradient(X), rtol=1e-13)


HESSIANS: dict[str, Callable[[np.ndarray], Any]] = {
    "hessian": cr.hessian(f),
    "jacobian of grad": cr.jacobian(cr.grad(f)),
    "grads of grad": lambda x: np.stack(
        [cr.grad(lambda y, k=k: cr.grad(f)(y)[k])(x) for k in range(3)]
    ),
    "jvps of grad": lambda x: np.stack([cr.jvp(cr.grad(f), (x,), (e,))[1] for e in np.eye(3)], 1),
    "hvps": lambda x: np.stack([cr.hvp(f)(x, e) for e in np.eye(3)], 1),
    "vmap of hvp": lambda x: cr.vmap(cr.hvp(f), in_axes=(None, 0), out_axes=1)(x, np.eye(3)),
    "vmap of jvp of grad": lambda x: cr.vmap(lambda e: cr.jvp(cr.grad(f), (x,), (e,))[1])(
        np.eye(3)
    ),
    "vjp of grad": lambda x: np.stack([cr.vjp(cr.grad(f), x)[1](e)[0] for e in np.eye(3)]),
    "pullback of grad": lambda x: cr.vmap(lambda e: cr.pullback(cr.grad(f))(x, e))(np.eye(3)),
    "grad of grad dot v": lambda x: np.stack(
        [cr.grad(lambda y, e=e: cr.grad(f)(y) @ e)(x) for e in np.eye(3)]
    ),
    "grad of jvp": lambda x: np.stack(
        [cr.grad(lambda y, e=e: cr.jvp(f, (y,), (e,))[1])(x) for e in np.eye(3)]
    ),
    "jacobian of pullback": cr.jacobian(lambda x: cr.pullback(f)(x, 1.0)),
    "jacobian of value_and_grad": lambda x: cr.jacobian(cr.value_and_grad(f))(x)[1],
}


@pytest.mark.parametrize("name", HESSIANS)
def test_every_road_to_the_hessian(name: str) -> None:
    found = HESSIANS[name](X)
    np.testing.assert_allclose(found, cr.hessian(f)(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found, np.transpose(found), rtol=1e-12, atol=1e-13)
    for k, e in enumerate(np.eye(3)):
        assert_slope(found[:, k], _slope(_plain_gradient, X, e), name)


@pytest.mark.parametrize("name", HESSIANS)
def test_third_derivative_by_every_road(name: str) -> None:
    def along(x: Any) -> Any:
        return V @ HESSIANS[name](x) @ V

    third = cr.grad(along)(X)
    np.testing.assert_allclose(third, cr.grad(lambda x: V @ cr.hvp(f)(x, V))(X), rtol=1e-11)
    assert_slope(third @ W, _slope(along, X, W), name)
    assert_slope(cr.jvp(along, (X,), (W,))[1], _slope(along, X, W), name)


def test_fourth_and_fifth_derivatives_of_a_number() -> None:
    g: Any = lambda x: x**5 + np.sin(x)  # noqa: E731 - it is wrapped again and again
    expected = [
        lambda x: x**5 + np.sin(x),
        lambda x: 5 * x**4 + np.cos(x),
        lambda x: 20 * x**3 - np.sin(x),
        lambda x: 60 * x**2 - np.cos(x),
        lambda x: 120 * x + np.sin(x),
        lambda x: 120 + np.cos(x),
        lambda x: -np.sin(x),
    ]
    for order, exact in enumerate(expected):
        assert float(g(0.7)) == pytest.approx(float(exact(0.7)), rel=1e-13), order
        plain = cr.derivative(lambda x: x**5 + np.sin(x), order=order)(0.7)
        assert float(plain) == pytest.approx(float(exact(0.7)), rel=1e-13)
        g = cr.grad(g) if order % 2 else cr.derivative(g)


def test_hessian_of_a_function_that_calls_grad() -> None:
    def penalty(x: Any) -> Any:
        return np.sum(cr.grad(f)(x) ** 2)

    H = cr.hessian(penalty)(X)
    for k, e in enumerate(np.eye(3)):
        assert_slope(H[:, k], _slope(cr.grad(penalty), X, e), "penalty")
    assert_slope(
        cr.grad(penalty)(X) @ V, _slope(lambda x: np.sum(_plain_gradient(x) ** 2), X, V), ""
    )


def test_jacobian_of_hvp_by_each_argument() -> None:
    by_v = cr.jacobian(cr.hvp(f), wrt=1)(X, V)
    np.testing.assert_allclose(by_v, cr.hessian(f)(X), rtol=1e-12)
    by_x = cr.jacobian(cr.hvp(f))(X, V)
    for k, e in enumerate(np.eye(3)):
        assert_slope(by_x[:, k], _slope(lambda x: cr.hvp(f)(x, V), X, e), "hvp")


def test_grad_through_vmap_and_vmap_of_grad() -> None:
    xs = np.stack([X, V, W])

    def one(w: Any, x: Any) -> Any:
        return np.tanh(w @ x) * np.sum(x**2)

    def total(w: Any) -> Any:
        return np.sum(cr.vmap(one, in_axes=(None, 0))(w, xs) ** 2)

    def looped(w: Any) -> Any:
        return sum(one(w, x) ** 2 for x in xs)

    w = np.array([0.3, 0.1, -0.4])
    np.testing.assert_allclose(cr.grad(total)(w), cr.grad(looped)(w), rtol=1e-12)
    np.testing.assert_allclose(cr.hessian(total)(w), cr.hessian(looped)(w), rtol=1e-12, atol=1e-14)
    per_example = cr.vmap(cr.grad(one), in_axes=(None, 0))(w, xs)
    np.testing.assert_allclose(per_example, np.stack([cr.grad(one)(w, x) for x in xs]), rtol=1e-12)
    # A gradient of a sum over a batch of gradients.
    mixed = cr.grad(lambda w: np.sum(cr.vmap(cr.grad(one), in_axes=(None, 0))(w, xs) ** 2))(w)
    by_loop = cr.grad(lambda w: sum(np.sum(cr.grad(one)(w, x) ** 2) for x in xs))(w)
    np.testing.assert_allclose(mixed, by_loop, rtol=1e-12)


def test_vmap_within_vmap_within_grad() -> None:
    a, b = np.arange(1.0, 4.0), np.array([0.5, -0.2])

    def table(a: Any) -> Any:
        rows = cr.vmap(lambda p: cr.vmap(lambda q: np.sin(p * q))(b))(a)
        return np.sum(rows**2)

    plain = np.sum(2 * np.sin(np.outer(a, b)) * np.cos(np.outer(a, b)) * b, axis=1)
    np.testing.assert_allclose(cr.grad(table)(a), plain, rtol=1e-12)


def test_vmap_of_a_branching_function_under_grad() -> None:
    xs = np.array([-1.5, -0.2, 0.3, 2.0])

    def branch(x: Any) -> Any:
        return x**3 if x > 0 else np.sin(x)

    found = cr.grad(lambda xs: np.sum(cr.vmap(branch)(xs)))(xs)
    np.testing.assert_allclose(found, np.where(xs > 0, 3 * xs**2, np.cos(xs)), rtol=1e-13)
    twice = cr.vmap(cr.grad(cr.grad(branch)))(xs)
    np.testing.assert_allclose(twice, np.where(xs > 0, 6 * xs, -np.sin(xs)), rtol=1e-13)


def test_vmap_of_masks_that_select_a_number_of_their_own() -> None:
    """Examples of which masks select other counts, and other places, are grouped by these."""

    def f(x: Any) -> Any:
        y = x.copy()
        for _ in range(3):
            y[y > 0.5] *= 0.5
            y += 0.3 * x
        return y * np.sum(x[x > 0])

    many = cr.vmap(f)
    fast, nested = cr.jit(many), cr.jit(cr.vmap(many))
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(2, 4, 3))
        expected = np.array([[f(row) for row in rows] for rows in x])
        for found in (many(x[0]), fast(x[0])):
            np.testing.assert_allclose(found, expected[0])
        np.testing.assert_allclose(nested(x), expected)


def test_vjp_of_vjp_is_linear_in_the_cotangent() -> None:
    def g(x: Any) -> Any:
        return np.stack([x[0] * x[1], np.sin(x[2])])

    c = np.array([0.3, -1.1])
    _, pull = cr.vjp(lambda c: cr.vjp(g, X)[1](c)[0], c)
    np.testing.assert_allclose(pull(V)[0], cr.jvp(g, (X,), (V,))[1], rtol=1e-14)


def test_jvp_of_jvp_is_the_second_directional_derivative() -> None:
    inner = lambda x: cr.jvp(f, (x,), (V,))[1]  # noqa: E731 - a function of one line
    assert cr.jvp(inner, (X,), (W,))[1] == pytest.approx(W @ cr.hessian(f)(X) @ V, rel=1e-12)


def test_gradient_descent_inside_a_differentiated_function() -> None:
    """The derivative of where training ends by where it starts, and by its step."""

    def train(start: Any, rate: Any) -> Any:
        x = start
        for _ in range(4):
            x = x - rate * cr.grad(f)(x)
        return f(x)

    def plain(start: np.ndarray, rate: float) -> Any:
        x = start
        for _ in range(4):
            x = x - rate * _plain_gradient(x)
        return f(x)

    by_start, by_rate = cr.grad(train, wrt=(0, 1))(X, 0.05)
    assert_slope(by_start @ V, _slope(lambda x: plain(x, 0.05), X, V), "by start")
    assert_slope(by_rate, slopes(lambda s: [plain(X, 0.05 + s)], 1e-3)[0], "by rate")


def test_closures_over_two_outer_levels() -> None:
    def outer(a: Any) -> Any:
        def middle(b: Any) -> Any:
            return cr.grad(lambda c: np.sin(a * c) * b**2)(b)

        return cr.grad(middle)(a)

    def by_hand(a: float) -> float:
        # middle(b) = a cos(a b) b²; its derivative is 2ab cos(ab) - a² b² sin(ab), at b = a.
        return 2 * a * a * np.cos(a * a) - a**4 * np.sin(a * a)

    assert float(outer(0.8)) == pytest.approx(by_hand(0.8), rel=1e-14)
    ((value, error),) = slopes(lambda s: [by_hand(0.8 + s)])
    assert_slope(cr.grad(outer)(0.8), (value, error), "outer")


def test_derivatives_of_a_closed_over_array_that_changes_between_calls() -> None:
    scale = np.ones(3)
    g = cr.grad(lambda x: np.sum(cr.grad(lambda y: np.sum(scale * y**3))(x)))
    np.testing.assert_allclose(g(X), 6 * X)
    scale[:] = [1.0, 2.0, 3.0]
    np.testing.assert_allclose(g(X), 6 * scale * X)


def test_nested_arguments_through_nested_verbs() -> None:
    p = {"w": X, "b": (V, 0.3)}

    def g(p: Any) -> Any:
        return np.sum(np.sin(p["w"]) * p["b"][0]) * p["b"][1]

    inner = cr.grad(g)
    second = cr.grad(lambda p: np.sum(inner(p)["w"] ** 2))(p)
    expected = cr.grad(lambda p: np.sum((np.cos(p["w"]) * p["b"][0] * p["b"][1]) ** 2))(p)
    np.testing.assert_allclose(second["w"], expected["w"], rtol=1e-12)
    np.testing.assert_allclose(second["b"][0], expected["b"][0], rtol=1e-12)
    assert float(second["b"][1]) == pytest.approx(float(expected["b"][1]), rel=1e-12)
    blocks = cr.hessian(g)(p)
    np.testing.assert_allclose(blocks["w"]["b"][0], np.diag(np.cos(X) * 0.3), rtol=1e-12)
    np.testing.assert_allclose(blocks["b"][1]["w"], np.cos(X) * V, rtol=1e-12)


def test_stop_gradient_at_every_level() -> None:
    g = lambda x: np.sum(cr.stop_gradient(x) * x**2)  # noqa: E731 - a function of one line
    np.testing.assert_allclose(cr.grad(g)(X), 2 * X * X)
    np.testing.assert_allclose(cr.hessian(g)(X), np.diag(2 * X))


def test_linear_functions_have_no_second_derivative() -> None:
    assert not np.any(cr.hessian(lambda x: x @ V)(X))
    assert float(cr.grad(cr.grad(lambda x: 3.0 * x))(2.0)) == 0.0
