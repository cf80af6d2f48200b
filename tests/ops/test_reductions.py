"""Reductions at zeros, ties, infinities, NaN and nothing."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule.ops import cumulative, reductions, softmax
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

inf, nan = np.inf, np.nan


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers, float)


@pytest.mark.parametrize(
    ("x", "slope"),
    [
        (vector(2, 3, 4), vector(12, 8, 6)),
        (vector(0, 3, 4), vector(12, 0, 0)),
        (vector(0, 0, 4), vector(0, 0, 0)),
        (vector(5), vector(1)),
        (vector(), vector()),
    ],
)
def test_a_product_has_its_slope_at_zeros(x: np.ndarray, slope: np.ndarray) -> None:
    assert_array_equal(cr.grad(np.prod)(x), slope)


def test_a_product_has_higher_slopes_at_zeros() -> None:
    x = vector(0, 0, 4, 5)
    assert_array_equal(cr.hessian(np.prod)(x)[:2, :2], [[0, 20], [20, 0]])
    third = cr.jacobian(cr.hessian(np.prod))(x)
    assert third[0, 1, 2] == third[1, 2, 0] == 5
    assert third[0, 2, 3] == 0


def test_a_running_product_has_its_slope_at_zeros() -> None:
    slope = cr.jacobian(np.cumprod)(vector(2, 0, 3, 5))
    assert_array_equal(slope, [[1, 0, 0, 0], [0, 2, 0, 0], [0, 6, 0, 0], [0, 30, 0, 0]])


@pytest.mark.parametrize(
    ("x", "slope"),
    [
        (vector(1, 3, 3), vector(0, 0.5, 0.5)),
        (vector(2, 2, 2, 2), vector(0.25, 0.25, 0.25, 0.25)),
        (vector(inf, 1, inf), vector(0.5, 0, 0.5)),
        (vector(-inf, -inf), vector(0.5, 0.5)),
        (vector(1, nan), vector(nan, nan)),
        (vector(0.0, -0.0), vector(0.5, 0.5)),
    ],
)
def test_all_that_attain_a_maximum_share_it(x: np.ndarray, slope: np.ndarray) -> None:
    assert_array_equal(cr.grad(np.max)(x), slope)
    assert_array_equal(cr.grad(np.min)(-x), slope)
    assert_array_equal(cr.grad(lambda t: np.maximum.accumulate(t)[-1])(x), slope)


def test_a_running_maximum_shares_among_those_so_far() -> None:
    slope = cr.jacobian(lambda x: np.maximum.accumulate(x))(vector(1, 1, 0, 2, 2))
    half = 0.5
    assert_array_equal(
        slope,
        [[1, 0, 0, 0, 0], [half, half, 0, 0, 0], [half, half, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, half, half]],
    )  # fmt: skip


def test_what_loses_takes_no_cotangent_however_steep() -> None:
    """√x is infinitely steep at 0, and 0 is not the largest."""
    assert_array_equal(cr.grad(lambda x: np.max(np.sqrt(x)))(vector(0, 4)), [0, 0.25])


@pytest.mark.parametrize("ord", [1, 1.5, 2, 3, 4, inf])
def test_a_norm_is_flat_at_the_origin(ord: float) -> None:
    assert_array_equal(cr.grad(lambda x: np.linalg.norm(x, ord))(np.zeros(3)), np.zeros(3))


def test_a_norm_has_no_second_derivative_at_the_origin() -> None:
    with pytest.warns(RuntimeWarning):
        assert np.isnan(cr.hessian(np.linalg.norm)(np.zeros(2))).all()


def test_a_norm_of_many_has_each_its_direction() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    slope = cr.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(x)
    assert_allclose(slope, [[0.6, 0.8], [0, 0]])


def test_a_standard_deviation_is_flat_at_equal_numbers() -> None:
    assert_array_equal(cr.grad(np.std)(np.ones(3)), np.zeros(3))


@pytest.mark.parametrize(
    ("x", "weights"),
    [
        (vector(1e4, 0), vector(1, 0)),
        (vector(-inf, 0), vector(0, 1)),
        (vector(inf, 0), vector(1, 0)),
        (vector(-inf, -inf), vector(0.5, 0.5)),
        (vector(inf, inf, 0), vector(0.5, 0.5, 0)),
    ],
)
def test_the_slope_of_a_soft_maximum_is_its_weights(x: np.ndarray, weights: np.ndarray) -> None:
    assert_array_equal(cr.grad(lambda t: special.logsumexp(t))(x), weights)


def test_soft_maxima_are_scipys() -> None:
    rng = np.random.default_rng(0)
    for x in (rng.normal(size=(3, 4)), 1e3 * rng.normal(size=(3, 4)), vector(0, -40, -800)):
        axes = tuple(range(-x.ndim, 0))
        assert_allclose(softmax.logsumexp(x, axes), special.logsumexp(x), rtol=1e-15)
        assert_allclose(softmax.softmax(x, (-1,)), special.softmax(x, -1), rtol=1e-14)
        assert_allclose(softmax.log_softmax(x, (-1,)), special.log_softmax(x, -1), rtol=1e-13)
    assert softmax.logsumexp(vector(-inf, -inf), (-1,)) == -inf


def test_a_small_term_counts_beside_a_large_one() -> None:
    """log(1 + 1e-18) is 1e-18, not log 1."""
    assert_allclose(softmax.logsumexp(vector(0, np.log(1e-18)), (-1,)), 1e-18)


@pytest.mark.parametrize("shape", [(9,), (9, 2), (9, 40)])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_recurrence_is_its_loop(shape: tuple[int, ...], reverse: bool) -> None:
    a, b = np.random.default_rng(1).normal(size=(2, *shape))
    axis = -len(shape)
    y = np.zeros(shape)
    order = range(8, -1, -1) if reverse else range(9)
    last = np.zeros(shape[1:])
    for j in order:
        last = y[j] = a[j] * last + b[j] if j != order[0] else b[j]
    assert_allclose(cumulative.linear_recurrence(a, b, axis, reverse), y)


def test_reductions_of_nothing() -> None:
    x = np.zeros((0, 2))
    assert_array_equal(cr.grad(lambda x: np.sum(np.sum(x, axis=0) ** 2))(x), x)
    assert_array_equal(cr.grad(lambda x: np.sum(np.cumsum(x, axis=0)))(x), x)
    assert_array_equal(cr.grad(lambda x: np.sum(np.cumprod(x, axis=1)))(x), x)
    assert_array_equal(cr.grad(lambda x: np.linalg.norm(x))(x), x)
    with pytest.raises(ValueError, match="zero-size"):
        cr.grad(lambda x: np.max(x))(x)


def test_reductions_of_a_number() -> None:
    for f in (np.sum, np.prod, np.max, np.min, np.mean, np.linalg.norm):
        assert cr.grad(f)(2.0) == 1
    assert cr.grad(np.var)(2.0) == 0


def test_ranks_have_no_slope() -> None:
    x = vector(3, 1, 2)
    assert_array_equal(cr.grad(lambda x: x[reductions.argmax(x, -1)])(x), [1, 0, 0])
    weights = vector(1, 2, 4)
    assert_array_equal(cr.grad(lambda x: x[reductions.argsort(x, -1)] @ weights)(x), [4, 1, 2])
