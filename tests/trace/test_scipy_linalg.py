"""``scipy.linalg`` by name, and the eigenvalues of general matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.linalg as sl
from numpy import linalg as npl
from tests.trace.calls import assert_call

rng = np.random.default_rng(0)
A = rng.normal(size=(3, 3)) + 3 * np.eye(3)
B = rng.normal(size=(3, 2))
TALL, WIDE = rng.normal(size=(5, 3)), rng.normal(size=(3, 5))
V = rng.normal(size=3)
X = rng.normal(size=6)
Z = A + 1j * rng.normal(size=(3, 3))
S = A @ A.T + np.eye(3)
APART = np.diag([0, 5.0, 11.0])
DIAGONAL, FIRST = np.array([1.0, 5.0, 9.0]), 5.0 * np.eye(6)[0]
TURNING = np.array([[1.0, 6.0], [-5.0, 1.5]])
BANDS = rng.normal(size=(4, 6)) + np.array([0.0, 5.0, 0.0, 0.0])[:, None]
HALF = np.stack([np.append(0.0, rng.normal(size=5)), rng.normal(size=6) + 5])
FLAH = HALF[::-1, ::-1].copy()


def _symmetric(a: Any) -> Any:
    return (a + np.conj(a.T)) / 2


def _positive(a: Any) -> Any:
    return a @ np.conj(a.T) + np.eye(len(a))


def _projector(q: Any) -> Any:
    return q @ np.conj(q.T)


CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "numpy eig": (lambda a: tuple(npl.eig(a)), (A + APART,)),
    "numpy eig with a complex pair": (lambda a: tuple(npl.eig(a)), (TURNING,)),
    "numpy eig complex": (lambda a: tuple(npl.eig(a)), (Z + APART,)),
    "numpy eigvals": (npl.eigvals, (A + APART,)),
    "numpy eigvals with a complex pair": (npl.eigvals, (TURNING,)),
    "numpy eigvals of a stack": (npl.eigvals, (np.stack([A + APART, 2 * A - APART]),)),
    "eig": (sl.eig, (A + APART,)),
    "eig with a complex pair": (sl.eig, (TURNING,)),
    "eigvals": (sl.eigvals, (A + APART,)),
    "expm": (sl.expm, (A,)),
    "expm complex": (sl.expm, (Z,)),
    "expm of a stack": (sl.expm, (np.stack([A, A.T]),)),
    "expm_frechet": (sl.expm_frechet, (A, S)),
    "sqrtm": (sl.sqrtm, (S,)),
    "sqrtm complex": (sl.sqrtm, (Z,)),
    "sqrtm that is complex": (sl.sqrtm, (np.diag([-1.0, 2, 3]) + 0.1 * A,)),
    "logm": (sl.logm, (A,)),
    "logm complex": (sl.logm, (Z,)),
    "fractional_matrix_power": (lambda a: sl.fractional_matrix_power(a, 0.3), (S,)),
    "fractional_matrix_power of an integer": (lambda a: sl.fractional_matrix_power(a, 2), (S,)),
    "signm": (sl.signm, (np.diag([1.0, -2, 3]) + 0.1 * A,)),
    "cosm": (sl.cosm, (A,)),
    "sinm": (sl.sinm, (A,)),
    "tanm": (sl.tanm, (A / 5,)),
    "coshm": (sl.coshm, (A,)),
    "sinhm": (sl.sinhm, (A,)),
    "tanhm": (sl.tanhm, (A / 3,)),
    "cosm complex": (sl.cosm, (Z,)),
    "eigh": (lambda a: sl.eigh(_symmetric(a)), (A,)),
    "eigh upper": (lambda a: sl.eigh(_symmetric(a), lower=False), (A,)),
    "eigh of two": (lambda a, b: sl.eigh(_symmetric(a), _positive(b)), (A, A / 4)),
    "eigvalsh of two": (lambda a, b: sl.eigvalsh(_symmetric(a), _positive(b)), (A, A / 4)),
    "eigh by index": (lambda a: sl.eigh(_symmetric(a), subset_by_index=[1, 2]), (A,)),
    "eigh by value": (lambda a: sl.eigh(_symmetric(a), subset_by_value=[-10, 3.0]), (A,)),
    "eigh_tridiagonal": (sl.eigh_tridiagonal, (V + DIAGONAL, V[:2])),
    "eigvalsh_tridiagonal": (sl.eigvalsh_tridiagonal, (V + DIAGONAL, V[:2])),
    "eigvals_banded": (sl.eigvals_banded, (HALF,)),
    "eigvals_banded lower": (lambda x: sl.eigvals_banded(x, lower=True), (FLAH,)),
    "qr": (lambda a: sl.qr(a, mode="economic"), (TALL,)),
    "qr full": (sl.qr, (WIDE,)),
    "qr mode r": (lambda a: sl.qr(a, mode="r"), (TALL,)),
    "qr pivoting": (lambda a: sl.qr(a, mode="economic", pivoting=True), (TALL,)),
    "rq": (sl.rq, (A,)),
    "polar": (sl.polar, (TALL,)),
    "polar left": (lambda a: sl.polar(a, "left"), (WIDE,)),
    "polar complex": (sl.polar, (Z,)),
    "orthogonal_procrustes": (sl.orthogonal_procrustes, (TALL, TALL + 0.3 * WIDE.T)),
    "orth": (sl.orth, (TALL,)),
    "orth of a projector": (lambda a: _projector(sl.orth(a)), (TALL,)),
    "null_space": (lambda a: _projector(sl.null_space(a)), (WIDE,)),
    "subspace_angles": (sl.subspace_angles, (TALL, TALL[:, :2] + 0.5 * WIDE.T[:, 1:])),
    "pinvh": (lambda a: sl.pinvh(_symmetric(a)), (A,)),
    "solve_banded": (lambda ab, b: sl.solve_banded((2, 1), ab, b), (BANDS, X)),
    "solve_banded columns": (lambda ab, b: sl.solve_banded((2, 1), ab, b), (BANDS, np.stack([X, X**2], 1))),
    "solveh_banded": (sl.solveh_banded, (HALF, X)),
    "solveh_banded lower": (lambda a, b: sl.solveh_banded(a, b, lower=True), (FLAH, X)),
    "cholesky_banded": (sl.cholesky_banded, (HALF,)),
    "cholesky_banded lower": (lambda a: sl.cholesky_banded(a, lower=True), (FLAH,)),
    "cho_solve_banded": (lambda a, b: sl.cho_solve_banded((sl.cholesky_banded(a), False), b), (HALF, X)),
    "cho_solve_banded lower": (
        lambda a, b: sl.cho_solve_banded((sl.cholesky_banded(a, lower=True), True), b), (FLAH, X)),
    "toeplitz of two": (sl.toeplitz, (V, X)),
    "toeplitz complex": (sl.toeplitz, (Z[0],)),
    "solve_toeplitz": (sl.solve_toeplitz, (X + FIRST, X)),
    "solve_toeplitz of two": (
        lambda c, r, b: sl.solve_toeplitz((c, r), b), (X + FIRST, X, X)),
    "matmul_toeplitz": (sl.matmul_toeplitz, (V, B)),
    "circulant": (sl.circulant, (V,)),
    "solve_circulant": (sl.solve_circulant, (V, V**2)),
    "hankel": (sl.hankel, (V, X)),
    "convolution_matrix": (lambda a: sl.convolution_matrix(a, 4), (V,)),
    "convolution_matrix same": (lambda a: sl.convolution_matrix(a, 3, "same"), (X,)),
    "convolution_matrix valid": (lambda a: sl.convolution_matrix(a, 4, "valid"), (X,)),
    "companion": (sl.companion, (V,)),
    "leslie": (sl.leslie, (V, V[:2])),
    "fiedler": (sl.fiedler, (V,)),
    "khatri_rao": (sl.khatri_rao, (A, WIDE[:, :3])),
    "diagsvd": (lambda s: sl.diagsvd(s, 3, 5), (V,)),
    "solve_sylvester": (sl.solve_sylvester, (A, S[:2, :2], B)),
    "solve_continuous_lyapunov": (sl.solve_continuous_lyapunov, (A, S)),
    "solve_discrete_lyapunov": (sl.solve_discrete_lyapunov, (A / 8, S)),
    "solve_discrete_lyapunov, larger": (
        lambda a, q: sl.solve_discrete_lyapunov(np.kron(a, np.eye(4)), np.kron(q, np.eye(4))), (A / 8, S)),
    "solve_continuous_are": (
        lambda a, b, q, r: sl.solve_continuous_are(a, b, _symmetric(q), _positive(r)), (A, B, S, A[:2, :2])),
    "solve_discrete_are": (
        lambda a, b, q, r: sl.solve_discrete_are(a, b, _symmetric(q), _positive(r)), (A / 3, B, S, A[:2, :2])),
    "lu": (sl.lu, (A[::-1].copy(),)),
    "lu of a tall matrix": (sl.lu, (TALL,)),
    "lu of a wide matrix": (sl.lu, (WIDE,)),
    "lu permuted": (lambda a: sl.lu(a, permute_l=True), (TALL,)),
    "lu with indices": (lambda a: sl.lu(a, p_indices=True), (A[::-1].copy(),)),
    "lu_factor": (sl.lu_factor, (A[::-1].copy(),)),
    "lu_solve": (lambda a, b: sl.lu_solve(sl.lu_factor(a), b), (A[::-1].copy(), B)),
    "lu_solve transposed": (lambda a, b: sl.lu_solve(sl.lu_factor(a), b, trans=1), (A[::-1].copy(), V)),
    "lstsq": (lambda a, b: sl.lstsq(a, b)[:2], (TALL, X[:5])),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_second_derivative(name: str) -> None:
    """Reverse over forward is the slope of the gradient."""
    f, args = CALLS[name]
    x, *rest = args
    if x.dtype.kind == "c":
        return  # the laws of the rows

    name = f.__name__

    def loss(x: Any) -> Any:
        # By its name in the module: that is what stands for another function while tracing.
        y = getattr(sl, name)(x, *rest) if hasattr(sl, name) else f(x, *rest)
        total = 0.0
        for part in y if isinstance(y, tuple) else (y,):
            if part.dtype.kind in "fc":
                weights = np.cos(np.arange(part.size) + 0.3).reshape(part.shape)
                total = total + np.sum(weights * (np.real(part) ** 2 + np.imag(part)))
        return total

    t = np.cos(1.0 + np.arange(x.size)).reshape(x.shape)
    gradient = cr.grad(loss)
    found = cr.hvp(loss)(x, t)
    h = 1e-4
    near = gradient(x + h * t) - gradient(x - h * t)
    far = gradient(x + 2 * h * t) - gradient(x - 2 * h * t)
    expected = (8 * near - far) / (12 * h)
    np.testing.assert_allclose(found, expected, atol=1e-6 * (1 + np.max(np.abs(expected))))


@pytest.mark.parametrize("name", ["sqrtm", "lu", "eigvals", "solve_sylvester", "eigh"])
def test_compiled(name: str) -> None:
    gradient = cr.grad(lambda a: np.sum(np.sin(np.abs(leaf(getattr(sl, name), a)))))

    def leaf(f: Callable[..., Any], a: Any) -> Any:
        if name == "solve_sylvester":
            return f(a, a.T, a @ a)
        return f(a)[-1] if name in ("lu", "eigh") else f(a)

    compiled = cr.jit(gradient)
    for a in (S, S + APART):
        np.testing.assert_allclose(compiled(a), gradient(a), rtol=1e-9, atol=1e-11)


def test_equal_singular_values_are_no_obstacle_to_a_polar_factor() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert_call(sl.polar, turn)
    assert np.all(np.isfinite(cr.hessian(lambda a: np.sum(sl.polar(a)[0] ** 3))(turn)))


def test_a_singular_equation_is_refused() -> None:
    with pytest.raises(npl.LinAlgError, match="singular"):
        cr.grad(lambda q: np.sum(sl.solve_sylvester(np.eye(2), -np.eye(2), q)))(np.ones((2, 2)))


def test_eigenvectors_of_a_repeated_eigenvalue_are_refused() -> None:
    with pytest.raises(cr.errors.UndefinedDerivative, match="repeated"):
        cr.grad(lambda a: np.real(npl.eig(a)[1][0, 0]))(np.eye(2))
    with pytest.raises(cr.errors.UndefinedDerivative, match="defective"):
        cr.grad(lambda a: np.real(npl.eigvals(a)[0]))(np.array([[1.0, 1.0], [0.0, 1.0]]))


def test_the_sum_of_equal_eigenvalues_is_smooth() -> None:
    np.testing.assert_allclose(cr.grad(lambda a: np.sum(np.real(npl.eigvals(a))))(2 * np.eye(3)), np.eye(3))


@pytest.mark.parametrize(
    "call",
    [
        lambda a: sl.eig(a, left=True)[0],
        lambda a: sl.eigvals(a, b=a),
        lambda a: sl.qr(a[:, :2])[0],
        lambda a: sl.eig_banded(a)[1],
        lambda a: sl.eigh(a, a, type=2)[0],
    ],
)
def test_what_is_refused_says_what_to_write(call: Callable[[Any], Any]) -> None:
    with pytest.raises(cr.errors.UnsupportedFunction, match=r"Use|use"):
        cr.grad(lambda a: np.sum(np.real(call(a))))(S)
