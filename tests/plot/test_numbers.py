"""The numbers behind the pictures: eigenvalues, their density, and directions."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.plot.around import Around
from chainrule.plot.directions import directions_of, normalised
from chainrule.plot.eigenvalues import density, lanczos, quadrature, top

RNG = np.random.default_rng(2)


def quadratic(n, seed=0):
    """A quadratic whose Hessian has known eigenvalues, in a basis that is not the axes."""
    rng = np.random.default_rng(seed)
    values = np.linspace(-1.0, 5.0, n)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    H = (Q * values) @ Q.T
    return (lambda x, A: x @ A @ x / 2), H, values, Q


@pytest.mark.parametrize("n", [3, 40, 300])  # dense, and by Lanczos' method
def test_the_largest_eigenvalues(n):
    loss, H, values, Q = quadratic(n)
    found, vectors = top(Around(loss, np.zeros(n), (H,)), 2)
    np.testing.assert_allclose(found, values[::-1][:2], rtol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(vectors * Q[:, ::-1][:, :2], axis=0)), 1, rtol=1e-6)
    assert (vectors[np.argmax(np.abs(vectors), axis=0), range(2)] > 0).all()


@pytest.mark.parametrize("n", [4, 300])
def test_where_the_hessian_is_zero_all_directions_are_alike(n):
    found, vectors = top(Around(np.sum, np.ones(n), ()), 2)
    assert found.tolist() == [0, 0]
    np.testing.assert_array_equal(vectors.T @ vectors, np.eye(2))


def test_the_hessian_is_exact():
    def loss(p, x):
        return np.mean(np.tanh(x @ p["w"]) * p["v"])

    p = {"w": RNG.normal(size=(3, 2)), "v": RNG.normal(size=2)}
    x = RNG.normal(size=(7, 3))
    around = Around(loss, p, (x,))
    vector, unravel = cr.ravel(p)
    H = cr.hessian(lambda v: loss(unravel(v), x))(vector)
    np.testing.assert_allclose(around.hessian(), H, atol=1e-14)


def test_lanczos_makes_the_same_eigenvalues():
    _, H, values, _ = quadratic(20)
    diagonal, beside = lanczos(lambda v: H @ v, RNG.normal(size=20), 20)
    T = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    np.testing.assert_allclose(np.linalg.eigvalsh(T), values, atol=1e-12)


def test_lanczos_stops_where_the_space_is_closed():
    diagonal, beside = lanczos(lambda v: 2.0 * v, RNG.normal(size=50), 10)
    np.testing.assert_allclose(diagonal, [2.0])
    assert len(beside) == 0
    zero, _ = lanczos(lambda v: 0.0 * v, RNG.normal(size=5), 5)
    assert zero.tolist() == [0.0]


def test_quadrature_has_the_moments():
    """The sum of the weights is 1 and the mean that of a probe; the trace on average."""
    loss, H, values, _ = quadratic(200)
    places, weights = quadrature(Around(loss, np.zeros(200), (H,)), 30, 40, RNG)
    assert weights.sum() == pytest.approx(1)
    assert places.min() == pytest.approx(-1, abs=0.05)
    assert places.max() == pytest.approx(5, abs=0.05)
    for power in (1, 2, 3):
        assert weights @ places**power == pytest.approx(np.mean(values**power), rel=0.05)


def test_the_density_is_one():
    grid = np.linspace(-10, 10, 4001)
    curve = density(np.array([0.0, 3.0]), np.array([0.25, 0.75]), 0.3, grid)
    assert np.sum(curve) * (grid[1] - grid[0]) == pytest.approx(1)
    assert grid[np.argmax(curve)] == pytest.approx(3)


def test_filters_have_the_norms_of_the_parameters():
    p = {
        "b": RNG.normal(size=4),
        "kernel": RNG.normal(size=(5, 2, 3, 3)),
        "s": 2.0,
        "w": 10 * RNG.normal(size=(3, 4)),
    }
    around = Around(lambda p: p["s"], p, ())
    v = normalised(around, RNG.normal(size=around.size), "filter")
    by_name = dict(zip(around.names, around.leaves(v), strict=True))
    w, kernel = by_name["['w']"], by_name["['kernel']"]
    np.testing.assert_allclose(np.linalg.norm(w, axis=0), np.linalg.norm(p["w"], axis=0))
    for own, there in zip(kernel, p["kernel"], strict=True):
        assert np.linalg.norm(own) == pytest.approx(np.linalg.norm(there))
    assert np.linalg.norm(by_name["['b']"]) == pytest.approx(np.linalg.norm(p["b"]))
    assert abs(by_name["['s']"]) == pytest.approx(2)


def test_random_directions_are_orthogonal_and_follow_the_seed():
    around = Around(lambda w: np.sum(w**2), RNG.normal(size=30), ())
    draw = lambda seed: directions_of(  # noqa: E731
        around, ("random", "random"), "unit", np.random.default_rng(seed)
    )[0]
    one, other = draw(1)
    assert abs(one @ other) < 1e-14
    assert np.linalg.norm(one) == pytest.approx(1)
    np.testing.assert_array_equal(draw(1), [one, other])
    assert not np.array_equal(draw(2), [one, other])
