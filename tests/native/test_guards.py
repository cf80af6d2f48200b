"""Sums over the places that a mask chooses: the same as with a 0 everywhere else."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.native import llvm

pytestmark = pytest.mark.skipif(not llvm.available(), reason="no compiler here")

RNG = np.random.default_rng(5)


def check(f, *args, guarded=True):
    assert ("one place each where" in "\n".join(cr.jit(f).lower(*args).steps)) is guarded
    with np.errstate(all="ignore"):
        expected = f(*args)
    np.testing.assert_allclose(cr.jit(f)(*args), expected, rtol=1e-12, atol=1e-12)


def rows(m, x, y):
    """Not an einsum: the mask is asked before anything else."""
    return np.sum(np.where(m[:, None], x / y, 0.0), axis=0)


@pytest.mark.parametrize("n", [16, 17, 23, 24, 100])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_one_axis(n, share):
    check(rows, RNG.random(n) < share, RNG.normal(size=(n, 9)), RNG.normal(size=(n, 9)))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 15])
def test_few_places_are_not_tested(n):
    check(
        rows, RNG.random(n) < 0.5, RNG.normal(size=(n, 9)), RNG.normal(size=(n, 9)), guarded=False
    )


def test_what_is_not_chosen_is_not_looked_at():
    x, y = RNG.normal(size=(2, 40, 8))
    m = np.arange(40) % 5 == 1
    x[0], y[2], x[3] = np.nan, 0.0, np.inf
    check(rows, m, x, y)


def test_what_is_chosen_counts_whatever_it_is():
    x, y = RNG.normal(size=(2, 40, 8))
    m = np.arange(40) % 5 == 1
    x[1], y[6] = np.nan, 0.0
    with np.errstate(all="ignore"):
        expected = rows(m, x, y)
    np.testing.assert_array_equal(np.isnan(cr.jit(rows)(m, x, y)), np.isnan(expected))


def test_a_mask_with_a_stride():
    m = RNG.random((30, 3)) < 0.3
    x, y = RNG.normal(size=(2, 30, 9))
    check(lambda m, x, y: rows(m[:, 1], x, y), m, x, y)


def test_truths_that_are_other_numbers_than_1():
    m = (np.arange(40) % 7 == 1).astype(np.uint8) * 3
    check(rows, m.view(np.bool_), *RNG.normal(size=(2, 40, 9)))


def test_a_mask_along_two_axes():
    def f(m, x, y):
        return np.sum(np.where(m[:, :, None], x[:, None, :] / y[None], 0.0), axis=0)

    for shape in [(40, 3), (17, 5), (100, 1)]:
        m = RNG.random(shape) < 0.2
        check(f, m, RNG.normal(size=(shape[0], 8)), RNG.normal(size=(shape[1], 8)))
        both = lambda m, x, y: np.sum(f(m, x, y), axis=0)  # noqa: E731
        check(both, m, RNG.normal(size=(shape[0], 8)), RNG.normal(size=(shape[1], 8)))


def test_a_sum_of_something_else_beside_it_is_not_guarded():
    def f(m, x, y):
        return np.sum(np.where(m[:, None], x / y, 0.0) + y, axis=0)

    check(f, RNG.random(40) < 0.5, *RNG.normal(size=(2, 40, 9)), guarded=False)


def least_distances(centres, points):
    distances = np.sum((points[:, None, :] - centres[None]) ** 2, axis=2)
    return np.sum(np.min(distances, axis=1))


@pytest.mark.parametrize("n", [17, 112, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_least_distances(n, threads):
    centres, points = RNG.normal(size=(10, 8)), RNG.normal(size=(n, 8))
    points[5] = centres[2]  # where nothing is to be done
    points[6], centres[3:5] = centres[3], centres[3]  # a tie
    slope = cr.grad(least_distances, ("centres", "points"))
    for x, y in zip(
        cr.jit(slope, threads=threads)(centres, points), slope(centres, points), strict=True
    ):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def test_least_distances_where_one_is_unknown():
    centres, points = RNG.normal(size=(10, 8)), RNG.normal(size=(100, 8))
    points[7, 3] = np.nan
    slope = cr.grad(least_distances, ("centres", "points"))
    for x, y in zip(cr.jit(slope)(centres, points), slope(centres, points), strict=True):
        np.testing.assert_array_equal(np.isnan(x), np.isnan(y))


def test_the_gradient_of_least_distances_is_guarded():
    slope = cr.jit(cr.grad(least_distances))
    steps = "\n".join(slope.lower(RNG.normal(size=(10, 8)), RNG.normal(size=(1000, 8))).steps)
    assert "one place each where" in steps
