"""SciPy's functions called by name, on traced arrays and on ordinary ones."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy
import scipy.linalg as sl
import scipy.sparse as ss
import scipy.special as sp
from scipy.linalg import solve
from scipy.special import logsumexp
from tests.trace.agreement import assert_agrees, weighted

A = np.array([[4.0, 1, 0.5], [1.2, 3, 0.2], [0.4, 0.3, 5]])
B = np.array([1.0, 2.0, 3.0])

LINEAR: dict[str, Callable[[Any], Any]] = {
    "solve": lambda A: solve(A, B),
    "solve for traced right-hand sides": lambda A: sl.solve(A, A.T),
    "solve symmetric": lambda A: sl.solve(A, B, assume_a="pos"),
    "solve lower": lambda A: sl.solve(A, B, assume_a="sym", lower=True),
    "solve transposed": lambda A: sl.solve(A, B, transposed=True),
    "solve_triangular": lambda A: sl.solve_triangular(A, B),
    "solve_triangular lower": lambda A: sl.solve_triangular(A, B, lower=True, trans=1),
    "solve_triangular unit": lambda A: sl.solve_triangular(A, B, unit_diagonal=True),
    "inv": lambda A: sl.inv(A),
    "det": lambda A: sl.det(A),
    "cholesky": lambda A: sl.cholesky(A @ A.T),
    "cholesky lower": lambda A: sl.cholesky(A @ A.T, lower=True),
    "cho_solve": lambda A: sl.cho_solve(sl.cho_factor(A @ A.T), B),
    "cho_solve lower": lambda A: sl.cho_solve(sl.cho_factor(A @ A.T, lower=True), B),
    "eigh": lambda A: sl.eigh(A + A.T)[0],
    "eigvalsh": lambda A: sl.eigvalsh(A + A.T),
    "svd": lambda A: sl.svd(A)[1],
    "svdvals": lambda A: sl.svdvals(A),
    "norm": lambda A: sl.norm(A),
    "lstsq": lambda A: sl.lstsq(A[:, :2], B)[0],
    "pinv": lambda A: sl.pinv(A[:, :2]),
    "block_diag": lambda A: sl.block_diag(A, A[0], 1.0),
    "toeplitz": lambda A: sl.toeplitz(A[0], A[1]),
    "logsumexp": lambda A: logsumexp(A),
    "softmax": lambda A: sp.softmax(A, axis=1),
    "log_softmax": lambda A: sp.log_softmax(A, axis=0),
    "huber": lambda A: sp.huber(1.05, A),
    "gammaln": lambda A: sp.gammaln(A),
}


@pytest.mark.parametrize("name", LINEAR)
def test_agrees_with_scipy(name: str) -> None:
    assert_agrees(lambda A: weighted(LINEAR[name](A)), A)


@pytest.mark.parametrize("make", [ss.csr_matrix, ss.csc_array, ss.coo_array, ss.lil_array, ss.dia_array, ss.bsr_array,
                                  ss.dok_array])  # fmt: skip
def test_sparse_times_traced(make: Any) -> None:
    S = make(np.where(A > 1, A, 0.0))

    def f(x):
        X = np.stack([x, x**2], axis=1)
        return (
            weighted(S @ x)
            + weighted(S @ X)
            + weighted(x @ S)
            + weighted(X.T @ S)
            + weighted(S.dot(x))
        )

    assert_agrees(f, B)
    np.testing.assert_allclose(S @ B, S.toarray() @ B)


def test_sparse_of_another_shape_is_refused() -> None:
    S = ss.csr_matrix(np.ones((2, 4)))
    with pytest.raises(ValueError, match="mismatch"):
        cr.grad(lambda x: np.sum(S @ x))(B)


def test_the_rosenbrock_function_of_scipy() -> None:
    from scipy.optimize import rosen, rosen_der, rosen_hess

    x = np.array([0.3, 0.5, 1.2, 0.7])
    np.testing.assert_allclose(cr.grad(rosen)(x), rosen_der(x))
    np.testing.assert_allclose(cr.hessian(rosen)(x), rosen_hess(x))


def test_a_density_of_scipy() -> None:
    from scipy.stats import multivariate_normal, norm

    points = np.arange(6.0).reshape(3, 2)

    def f(m):
        return np.sum(multivariate_normal.logpdf(points, mean=m, cov=np.eye(2) * 1.5))

    np.testing.assert_allclose(cr.grad(f)(np.ones(2)), np.sum(points - 1, axis=0) / 1.5)
    np.testing.assert_allclose(cr.grad(lambda m: norm.logpdf(2.0, m, 1.5))(1.0), 1 / 2.25)


def test_a_density_by_its_covariance_also_where_eigenvalues_are_repeated() -> None:
    from scipy.stats import multivariate_normal

    x, mean = np.array([0.3, -0.2, 1.0]), np.array([0.1, 0.2, 0.3])

    def f(C):
        C = (C + C.T) / 2
        frozen = multivariate_normal(mean, C)
        return multivariate_normal.logpdf(x, mean, C) + frozen.pdf(x) * frozen.entropy()

    for covariance in (A @ A.T, np.eye(3) * 1.5):
        assert_agrees(f, covariance)

    def singular(s):
        C = np.diag([1.0, 2.0, 0.0])
        return multivariate_normal.logpdf(x * [1, 1, 0], x * 0, s * C, allow_singular=True)

    assert_agrees(singular, np.array(1.3))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        cr.grad(lambda C: multivariate_normal.logpdf(x, mean, C))(np.diag([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match="semidefinite"):
        cr.grad(lambda C: multivariate_normal.logpdf(x, mean, C))(-np.eye(3))


VERSION = tuple(map(int, scipy.__version__.split(".")[:2]))


def test_statistics_of_scipy_that_mend_single_numbers() -> None:
    from scipy.stats import f_oneway, pearsonr, variation

    other = np.array([1.0, 3.0, 2.0, 5.0])
    x = np.array([0.3, 0.7, 1.1, 0.5])
    assert_agrees(lambda x: pearsonr(x, other).statistic, x)
    assert_agrees(lambda x: variation(x), x)
    if VERSION < (1, 18):
        assert_agrees(lambda x: f_oneway(x, other).statistic, x)
    else:  # it asks a number for its type, and then refuses to write to one
        with pytest.raises(ValueError, match="read-only"):
            cr.grad(lambda x: f_oneway(x, other).statistic)(x)


def test_the_density_of_beta() -> None:
    from scipy.stats import beta

    assert_agrees(lambda x: beta.pdf(x[0], x[1], x[2]), np.array([0.3, 1.7, 2.5]))
