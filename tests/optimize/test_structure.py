"""What is read from the program: sums of squares, bands, sparse Hessians; and what is kept."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.optimize import programs
from chainrule.optimize.sparse import colours
from chainrule.optimize.squares import NoSquares, Residuals
from scipy import sparse

rng = np.random.default_rng(1)
X = rng.normal(size=(20, 3))
y = X @ np.ones(3) + rng.normal(size=20)
R = rng.normal(size=(3, 3))
w3 = np.array([1.0, 2.0, 3.0])
w20 = np.linspace(1, 2, 20)

# ---------------------------------------------------------------------------------- sums of squares

SQUARES = {
    "sum": lambda w: np.sum((X @ w - y) ** 2),
    "mean": lambda w: np.mean((X @ w - y) ** 2),
    "half of a product": lambda w: 0.5 * ((X @ w - y) @ (X @ w - y)),
    "norm": lambda w: 0.5 * np.linalg.norm(X @ w - y) ** 2,
    "standard deviations": lambda w: np.sum(((X @ w - y) / w20) ** 2),
    "weights": lambda w: np.sum(w20 * (X @ w - y) ** 2),
    "weights of rows": lambda w: np.sum(w3 * np.sum((R * w) ** 2, axis=1)),
    "weights of columns": lambda w: np.mean(np.sum((R * w - 1) ** 2, axis=0) / w3),
    "einsum of rows": lambda w: np.sum(w3 * np.einsum("ij,ij->i", R * w, R * w)),
    "ridge": lambda w: np.mean((X @ w - y) ** 2) + 0.1 * w @ w,
    "square": lambda w: np.square(np.tanh(X @ w) - y).mean(),
    "product": lambda w: np.sum((X @ w - y) * (X @ w - y)),
    "vdot": lambda w: np.vdot(X @ w - y, X @ w - y) / 20,
    "terms of a loop": lambda w: sum((np.exp(w[0] * t) - w[1]) ** 2 for t in range(3)),
    "a size": lambda w: np.sum(np.abs(X @ w - y) ** 2),
    "fourth powers": lambda w: np.sum(w**4) + (w[0] - 1) ** 2,
    "a constant more": lambda w: np.sum((X @ w - y) ** 2) / 2 - 3,
    "one for all": lambda w: np.sum((R * w) ** 2 + w[0] ** 2),
    "one for all, weighted": lambda w: np.sum(w3 * (w**2 + w[0] ** 2)),
    "frobenius": lambda w: np.linalg.norm(R * w) ** 2 / 3,
}
OTHERS = {
    "a difference": lambda w: w @ w - np.sum((X @ w - y) ** 2),
    "a form": lambda w: w @ (R.T @ R) @ w,
    "an exponential": lambda w: np.sum(np.exp(w)),
    "a weight that moves": lambda w: np.sum(w * (X @ w).sum() ** 2),
    "an odd power": lambda w: np.sum(w**3),
    "a root": lambda w: np.linalg.norm(X @ w - y),
}


@pytest.mark.parametrize("name", SQUARES)
def test_a_sum_of_squares_is_read_however_it_is_written(name) -> None:
    f, x = SQUARES[name], np.array([0.3, -0.2, 0.7])
    r = Residuals(f)(x)
    rest = f(x) - r @ r
    np.testing.assert_allclose(f(2 * x) - np.sum(Residuals(f)(2 * x) ** 2), rest, atol=1e-12)
    J = cr.jacobian(Residuals(f))(x)
    np.testing.assert_allclose(2 * J.T @ r, cr.grad(f)(x), rtol=1e-10, atol=1e-12)
    found = cr.minimize(f, x)
    assert found.method == "least-squares"
    assert found.success
    np.testing.assert_allclose(found.fun, cr.minimize(f, x, method="newton").fun, atol=1e-10)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_sum_of_squares_is_not_taken_for_one(name) -> None:
    with pytest.raises(NoSquares):
        Residuals(OTHERS[name])(np.array([0.3, -0.2, 0.7]))


def test_a_negative_weight_is_a_matter_of_numbers() -> None:
    def f(x, sign):
        return np.sum((x - 1) ** 2) * sign[0] + np.sum((x - 1) ** 2) * 2

    assert cr.minimize(f, np.zeros(2), np.array([1.0])).method == "least-squares"
    assert cr.minimize(f, np.zeros(2), np.array([-1.0])).method == "newton"


def test_large_residuals_are_finished_by_newton() -> None:
    """Brown and Dennis's problem, on which Gauss-Newton steps converge slowly."""
    t = np.arange(1, 21) / 5

    def f(x):
        r = (x[0] + x[1] * t - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2
        return np.sum(r**2)

    found = cr.minimize(f, [25.0, 5.0, -5.0, -1.0])
    assert found.success
    assert "Newton's method went on" in found.message
    assert found.nit < 200
    np.testing.assert_allclose(found.fun, 85822.2016263563, rtol=1e-12)


def test_least_squares_may_be_asked_for() -> None:
    assert cr.minimize(SQUARES["mean"], np.zeros(3), method="gauss-newton").success
    with pytest.raises(cr.errors.ArgumentError, match="not written as one"):
        cr.minimize(lambda w: np.sum(np.exp(w) - w), np.zeros(3), method="least-squares")


def test_callbacks_and_limits_of_least_squares() -> None:
    def f(p):
        return (1 - p["a"]) ** 2 + 100 * (p["b"] - p["a"] ** 2) ** 2

    seen = []
    found = cr.minimize(f, {"a": -1.2, "b": 1.0}, callback=lambda p: seen.append(p["a"]))
    assert found.success
    assert len(seen) >= 5
    assert seen[-1] == pytest.approx(1, abs=1e-3)

    def stop(intermediate_result):
        raise StopIteration

    found = cr.minimize(f, {"a": -1.2, "b": 1.0}, callback=stop)
    assert not found.success
    assert "Stopped by the callback" in found.message


# ------------------------------------------------------------------------------ bands and sparsity


def test_a_long_rosenbrock_valley_takes_about_as_many_steps_as_unknowns() -> None:
    """A valley through 400 unknowns: what one step can straighten is one of them."""

    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    found = cr.minimize(f, np.tile([-1.2, 1.0], 200))
    assert "a sum of squares, and the Hessian of 400 unknowns is banded, 1 beside" in found.message
    assert found.success
    assert found.nit < 600
    np.testing.assert_allclose(found.x, 1, rtol=1e-9)


def test_a_diagonal_hessian() -> None:
    c = np.linspace(-1, 1, 50)
    found = cr.minimize(lambda x: np.sum(np.exp(x) - c * x), np.zeros(50), bounds=[(-2, None)] * 50)
    assert "is diagonal" in found.message
    np.testing.assert_allclose(found.x, np.log(np.maximum(c, np.exp(-2.0))), atol=1e-8)
    assert np.all(found.x >= -2)


def grid(x):
    """A membrane over a square, bound to an obstacle of springs: every point has four neighbours."""
    z = np.reshape(x, (15, 15))
    bend = np.sum((z[1:] - z[:-1]) ** 2) + np.sum((z[:, 1:] - z[:, :-1]) ** 2)
    return bend + np.sum(np.cosh(z) - z)


def test_a_sparse_hessian_is_coloured_and_solved_as_one() -> None:
    found = cr.minimize(grid, np.zeros(225))
    assert "is sparse" in found.message
    assert found.success
    dense = cr.minimize(grid, np.zeros(225), method="newton", options={"banded": False})
    np.testing.assert_allclose(found.x, dense.x, atol=1e-9)
    assert found.gradient_norm < 1e-10


def test_an_indefinite_sparse_hessian_and_one_with_bounds() -> None:
    def f(x):
        z = np.reshape(x, (15, 15))
        bend = np.sum((z[1:] - z[:-1]) ** 2) + np.sum((z[:, 1:] - z[:, :-1]) ** 2)
        return 0.1 * bend + np.sum(np.cos(z) + z**4 / 40)

    found = cr.minimize(f, np.zeros(225))  # a maximum, without slope
    assert "is sparse" in found.message
    assert found.success
    assert found.curvature in (None, "minimum")
    assert found.fun < 100
    held = cr.minimize(f, np.full(225, 0.1), bounds=[(0, 1)] * 225)
    assert held.success
    assert np.all((held.x >= 0) & (held.x <= 1))
    assert held.gradient_norm < 1e-7
    np.testing.assert_allclose(held.x, 1)


def test_columns_of_one_colour_share_no_row() -> None:
    some = sparse.random(40, 40, 0.05, rng=np.random.default_rng(3)) + sparse.identity(40)
    pattern = sparse.csr_matrix((some + some.T) != 0)
    given = colours(pattern)
    for colour in range(given.max() + 1):
        rows = pattern[:, given == colour].toarray()
        assert np.all(rows.sum(axis=1) <= 1)


def test_many_unknowns_go_by_products() -> None:
    A = np.random.default_rng(0).normal(size=(80, 400))
    found = cr.minimize(lambda x: np.sum(np.logaddexp(0, A @ x)) + np.sum(x**2), np.zeros(400))
    assert "it goes by products" in found.message
    assert found.success
    assert found.gradient_norm < 1e-6
    tight = cr.minimize(
        lambda x: np.sum(np.logaddexp(0, A @ x)) + np.sum(x**2), np.zeros(400), tol=1e-11
    )
    assert tight.gradient_norm < 1e-11


# ------------------------------------------------------------------------------------- what is kept


def test_what_was_compiled_serves_the_next_search() -> None:
    def make():
        return lambda x, c: np.sum(np.exp(x) - c * x)

    cr.minimize(make(), np.zeros(3), np.array([1.0, 2.0, 3.0]), options={"gtol": 1e-12})
    made = next(reversed(programs._kept.values()))[0]
    for _ in range(3):
        cr.minimize(make(), np.zeros(3), np.array([1.0, 2.0, 3.0]))
    compiled = made.pair._run
    assert len(compiled._variants) == 1
    again = cr.minimize(make(), np.ones(3), np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(again.x, np.log([1, 2, 4]), atol=1e-12)
    assert next(reversed(programs._kept.values()))[0] is made
    assert made.pair._run is compiled
    (variant,) = compiled._variants.values()
    assert variant.traced == 1


def test_what_is_kept_reads_what_is_there_now() -> None:
    scale = np.array([1.0, 2.0])

    def make(shift):
        return lambda x: np.sum(np.exp(x * scale) - shift * x)

    one, other = make(1.0), make(2.0)
    for f, shift in ((one, 1.0), (other, 2.0)) * 6:
        found = cr.minimize(f, np.zeros(2))
        np.testing.assert_allclose(found.x, np.log(shift / scale) / scale, atol=1e-8)
    scale[0] = 3.0
    np.testing.assert_allclose(
        cr.minimize(one, np.zeros(2)).x, np.log(1 / scale) / scale, atol=1e-8
    )

    class Model:
        def __init__(self, c):
            self.c = c

        def loss(self, x):
            return np.sum(np.exp(x) - self.c * x)

    model = Model(np.array([1.0, 2.0]))
    for _ in range(10):
        cr.minimize(model.loss, np.zeros(2))
    model.c = np.array([5.0, 6.0])
    np.testing.assert_allclose(cr.minimize(model.loss, np.zeros(2)).x, np.log([5, 6]))


def test_a_loop_variable_that_changes_is_seen() -> None:
    found = [cr.minimize(lambda x: np.exp(x) - c * x, 0.0).x for c in (1.0, 2.0, 3.0) * 5]  # noqa: B023 (used at once)
    np.testing.assert_allclose(found, np.log([1, 2, 3] * 5), atol=1e-8)


def test_not_more_is_kept_than_a_few() -> None:
    programs.forget()
    for k in range(2 * programs.MOST_KEPT):
        cr.minimize(lambda x, k=k: (x - k) ** 2, 0.0)
    assert len(programs._kept) == programs.MOST_KEPT
