"""Linear maps by their names: differences, rotations, triangles, Kronecker products, ``expm``."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.linalg as sl
from tests.formulas.protocol import canonical

rng = np.random.default_rng(9)
n = 7
A, C, P, W = rng.normal(size=(4, n, n))
S = A @ A.T + n * np.eye(n)
L = np.linalg.cholesky(S)
x, b, g = rng.normal(size=(3, n))
taps = rng.normal(size=3)
B, U, X = rng.normal(size=(4, 3)), rng.normal(size=(6, 5)), rng.normal(size=(8, 3))
small, v = rng.normal(size=(2, 2)), rng.normal(size=2 * n)


def log_det(S):
    return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(S))))


def evidence(S):
    L = np.linalg.cholesky(S)
    a = sl.solve_triangular(L, x, lower=True)
    return 0.5 * a @ a + np.sum(np.log(np.diag(L)))


def roughness(U):
    return np.sum((U[1:] - U[:-1]) ** 2) + np.sum((U[:, 1:] - U[:, :-1]) ** 2)


def trend(x):
    return 0.5 * np.sum((x - b) ** 2) + 0.3 * np.sum(np.abs(np.diff(x, n=2)))


# fmt: off
TEXTS: tuple[tuple[Callable[..., Any], tuple[Any, ...], str], ...] = (
    (cr.grad(lambda x: np.sum(np.diff(x) ** 2)), (x,), "2DᵀDx where D = diff(I)"),
    (cr.hessian(lambda x: np.sum(np.diff(x) ** 2)), (x,), "2DᵀD where D = diff(I)"),
    (cr.jacobian(lambda x: np.exp(np.diff(x))), (x,), "diag(exp(Dx)) D where D = diff(I)"),
    (cr.grad(lambda x: np.sum(np.abs(x[1:] - x[:-1]))), (x,), "Dᵀ sign(Dx) where D = diff(I)"),
    (cr.grad(lambda x: np.sum(np.diff(x, n=2) ** 2)), (x,), "2DᵀDx where D = diff(I, 2)"),
    (cr.grad(lambda x: np.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2)), (x,), "2DᵀDx where D = diff(I, 2)"),
    (cr.grad(trend), (x,), "x + 0.3Dᵀ sign(Dx) − b where D = diff(I, 2)"),
    (cr.grad(roughness), (U,), "2(UDᵀD + HᵀHU) where D = diff(I), H = diff(I)"),
    (cr.grad(lambda x: np.sum(np.roll(x, 1) * x)), (x,), "roll(x, 1) + roll(x, −1)"),
    (cr.grad(lambda x: np.sum((np.roll(x, 2) - x) ** 2)), (x,), "4x − 2 roll(x, 2) − 2 roll(x, −2)"),
    (cr.jacobian(lambda x: np.cumsum(x)), (x,), "tril(𝟏𝟏ᵀ)"),
    (cr.jacobian(lambda x: np.cumsum(np.exp(x))), (x,), "tril(𝟏𝟏ᵀ) diag(exp(x))"),
    (cr.grad(lambda A: np.sum(np.triu(A @ P) ** 2)), (A,), "2 triu(AP) Pᵀ"),
    (cr.pullback(lambda A: np.tril(A @ P, -1)), (A, C), "tril(C, −1) Pᵀ"),
    (lambda A: np.kron(A, P) @ v, (small,), "(A ⊗ P)v"),
    (cr.grad(lambda A: np.sum(np.kron(A, B) ** 2)), (small,), "2‖B‖²A"),
    (cr.grad(lambda A: v @ np.kron(A, P) @ v), (small,), "reshape(v, 2×7) P reshape(v, 2×7)ᵀ"),
    (lambda x: np.outer(x, b).ravel(), (x,), "x ⊗ b"),
    (log_det, (S,), "log det(S)"),
    (evidence, (S,), "½(log det(S) + xᵀS⁻¹x)"),
    (cr.grad(lambda W: 0.5 * log_det(W @ W.T + np.eye(n))), (W,), "(WWᵀ + I)⁻¹W"),
    (cr.grad(lambda X: np.linalg.eigvalsh(X.T @ X)[-1]), (X,), "2Xhhᵀ where V = eigh(XᵀX).V, h = V[:, 2]"),
    (cr.grad(lambda b: np.sum(sl.solve_triangular(L, b, lower=True) ** 2)), (b,), "2L⁻ᵀL⁻¹b"),
    (cr.grad(lambda x: np.sum(np.convolve(x, g[:3], "valid") ** 2)), (x,), "2CᵀCx where C = conv(g[:3])"),
    (cr.jacobian(lambda x: np.convolve(x, taps, "valid")), (x,), "conv(taps)"),
    (cr.pullback(lambda x: np.convolve(x, taps, "valid")), (x, b[:5]), "conv(taps)ᵀ g"),
    (cr.grad(lambda taps: np.sum(np.convolve(x, taps, "valid") ** 2)), (taps,), "2TᵀT taps where T = toeplitz(x)"),
    (cr.hessian(lambda x: np.prod(x)), (x,), "prod(x) ((1 ⊘ x)(1 ⊘ x)ᵀ − diag(1 ⊘ x^⊙2))"),
    (cr.hvp(lambda x: np.prod(x)), (x, b), "prod(x) (sum(b ⊘ x) ⊘ x − b ⊘ x^⊙2)"),
    (cr.grad(lambda X: np.sum(np.prod(X, axis=1))), (X,), "diag(prod_row(X)) (1 ⊘ X)"),
    (cr.jacobian(lambda x: (x - x.mean()) / x.std()), (x,), "√N((I − (1/N) 𝟏𝟏ᵀ) / ‖r‖ − rrᵀ / ‖r‖³) where r = x − (1/N) sum(x)"),
    (lambda A: sl.expm(A) @ x, (A,), "expm(A) x"),
    (cr.grad(lambda A: np.trace(sl.expm(A))), (A,), "expm(A)ᵀ"),
    (cr.grad(lambda A: x @ sl.expm(A) @ b), (A,), "L_exp(A, bxᵀ)ᵀ"),
    (cr.derivative(lambda t: sl.expm(t * A) @ x), (0.3,), "L_exp(tA, A)x"),
)
# fmt: on


@pytest.mark.parametrize(("f", "arguments", "text"), TEXTS)
def test_text(f: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    found = cr.formula(f)(*arguments).text
    assert canonical(found) == canonical(text), found


def test_a_matrix_that_is_not_symmetric_keeps_its_triangle() -> None:
    """Cholesky's reads the lower triangle; of a computed matrix nothing says that it has two equal."""
    text = cr.formula(cr.grad(lambda S: 0.5 * log_det(S)))(S).text
    assert text.startswith("½(tril(S⁻¹ + S⁻ᵀ, −1)"), text


def test_differences_as_source() -> None:
    formula = cr.formula(cr.grad(lambda x: np.sum(np.diff(x) ** 2)))(x)
    assert "return -2 * np.diff(np.pad(np.diff(x), (1, 1)))" in formula.code("numpy")
    hessian = cr.formula(cr.hessian(lambda x: np.sum(np.diff(x) ** 2)))(x)
    assert "D = np.diff(np.eye(" in hessian.code("numpy")


def test_expm_as_source() -> None:
    formula = cr.formula(cr.grad(lambda A: x @ sl.expm(A) @ b))(A)
    assert "from scipy import linalg" in formula.code("numpy")
    assert "linalg.expm_frechet(A, np.outer(b, x), compute_expm=False).T" in formula.code("numpy")
    assert r"L_{\exp}(A, b x^\top)" in formula.latex
