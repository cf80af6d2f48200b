"""The statements of docs/conventions.md about matrices, each by its label."""

from __future__ import annotations

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import UndefinedDerivative

A = np.array([[2.0, 0.3, -0.4], [0.3, 1.5, 0.2], [-0.4, 0.2, 1.1]])


def test_u6_eigenvectors_of_a_repeated_eigenvalue() -> None:
    with pytest.raises(UndefinedDerivative):
        cr.grad(lambda a: np.linalg.eigh(a)[1][0, 1])(np.eye(3))
    with pytest.raises(UndefinedDerivative):
        cr.grad(lambda a: np.linalg.svd(a)[0][0, 1])(np.eye(3))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), 2 * np.eye(3)),
        (lambda a: np.sum(np.linalg.eigh(a)[0]), np.eye(3)),
        (lambda a: np.sum(np.linalg.svd(a)[1] ** 2), 2 * np.eye(3)),
        (lambda a: np.sum(np.linalg.svd(a, compute_uv=False) ** 2), 2 * np.eye(3)),
    ],
)
def test_u6_symmetric_functions_of_repeated_eigenvalues_are_smooth(f: Any, expected: Any) -> None:
    np.testing.assert_allclose(cr.grad(f)(np.eye(3)), expected, atol=1e-14)


def test_u13_determinant_of_a_singular_matrix() -> None:
    S = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(cr.grad(np.linalg.det)(S), [[4, -2], [-2, 1]], atol=1e-14)
    zero = cr.grad(np.linalg.det)(np.zeros((3, 3)))
    np.testing.assert_array_equal(zero, 0)
    rank_one = np.outer([1.0, 2, 3], [1.0, 1, 1])
    np.testing.assert_allclose(cr.grad(np.linalg.det)(rank_one), 0, atol=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(np.linalg.cholesky(a)),
        lambda a: np.linalg.eigvalsh(a)[0],
        lambda a: np.linalg.eigh(a)[1][0, 0] ** 2,
    ],
)
def test_l1_one_triangle_is_read(f: Any) -> None:
    g = cr.grad(f)(A)
    assert not np.triu(g, 1).any()
    assert np.tril(g).any()
    symmetric = cr.grad(lambda a: f((a + a.T) / 2))(A)
    np.testing.assert_allclose(symmetric, symmetric.T, atol=1e-14)
    np.testing.assert_allclose(symmetric, (g + g.T) / 2, atol=1e-12)


@pytest.mark.parametrize(
    ("f", "bad"),
    [
        (lambda a: np.sum(np.linalg.inv(a)), np.zeros((2, 2))),
        (lambda a: np.sum(np.linalg.solve(a, np.ones(2))), np.ones((2, 2))),
        (lambda a: np.sum(np.linalg.cholesky(a)), -np.eye(2)),
    ],
)
def test_l2_numpys_refusals_are_kept(f: Any, bad: Any) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        f(bad)
    with pytest.raises(np.linalg.LinAlgError):
        cr.grad(f)(bad)


def test_l3_a_function_of_the_matrix_at_equal_eigenvalues() -> None:
    def f(a: Any) -> Any:
        w, v = np.linalg.eigh((a + a.T) / 2)
        return np.sum(A * ((v * np.exp(w)) @ v.T))

    symmetric = (A + A.T) / 2
    np.testing.assert_allclose(cr.grad(f)(np.eye(len(A))), np.e * symmetric)
    curved = cr.hvp(f)(np.eye(len(A)), symmetric)
    np.testing.assert_allclose(curved, np.e * symmetric @ symmetric)


def test_l4_general_eigenvectors_are_normalised() -> None:
    a = np.array([[1.0, 6.0], [-5.0, 1.5]])
    v, t = cr.jvp(lambda a: np.linalg.eig(a)[1], (a,), (np.ones((2, 2)),))
    np.testing.assert_allclose(np.sum(np.real(np.conj(v) * t), axis=0), 0, atol=1e-14)
    top = np.argmax(np.abs(v), axis=0)
    np.testing.assert_allclose(np.imag(t[top, [0, 1]]), 0, atol=1e-14)


@pytest.mark.parametrize(
    ("of_values", "of_matrix"),
    [
        (lambda w: np.sum(w**2), lambda a: np.trace(a @ a)),
        (lambda w: np.sum(w), np.trace),
        (lambda w: w @ w, lambda a: np.trace(a @ a)),
        (lambda w: np.prod(w), np.linalg.det),
        (lambda w: np.sum(w**3), lambda a: np.trace(a @ a @ a)),
    ],
)
@pytest.mark.parametrize("turn", [0.0, 1.0])
def test_u6_symmetric_functions_of_general_eigenvalues(of_values: Any, of_matrix: Any, turn: float) -> None:
    """To second order, where they are equal: they meet as real or as complex ones."""
    moved = np.array([[0.1, 1.0], [-turn, 0.3]])
    f = lambda e: np.real(of_values(np.linalg.eigvals(4 * np.eye(2) + e * moved)))  # noqa: E731
    g = lambda e: of_matrix(4 * np.eye(2) + e * moved)  # noqa: E731
    for e in (0.0, 0.2):
        np.testing.assert_allclose(cr.hessian(f)(e), cr.hessian(g)(e), atol=1e-9)
        np.testing.assert_allclose(cr.jit(cr.hessian(f))(e), cr.hessian(g)(e), atol=1e-9)
