"""Linear algebra where it is delicate: singular, repeated, one triangle, complex, empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import UndefinedDerivative
from chainrule.ops import linalg as la
from numpy import linalg as npl
from numpy.testing import assert_allclose, assert_array_equal

I3 = np.eye(3)
DOUBLE = np.diag([1.0, 1.0, 3.0])
LOW = np.outer([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0])
rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3))
SPD = A @ A.T + I3


# -- determinants ----------------------------------------------------------------------------------


def test_the_slope_of_a_determinant_is_the_cofactors_also_where_it_is_zero() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    assert_allclose(cr.grad(npl.det)(a), [[4, -2], [-2, 1]])
    assert_array_equal(cr.grad(npl.det)(np.zeros((3, 3))), np.zeros((3, 3)))
    assert_allclose(cr.grad(npl.det)(A), npl.det(A) * npl.inv(A).T)


def test_the_second_slope_of_a_determinant_where_it_is_zero() -> None:
    signs = np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]])
    for a in (np.zeros((2, 2)), np.ones((2, 2)), np.eye(2)):
        assert_allclose(cr.hessian(npl.det)(a).reshape(4, 4), signs, atol=1e-14)


def test_a_singular_matrix_has_cofactors_next_to_regular_ones() -> None:
    stack = np.stack([I3, np.zeros((3, 3)), A])
    slope = cr.grad(lambda a: np.sum(npl.det(a)))(stack)
    assert_allclose(slope, [I3, np.zeros((3, 3)), npl.det(A) * npl.inv(A).T], atol=1e-14)


# -- repeated eigenvalues and singular values ------------------------------------------------------


def test_symmetric_functions_of_repeated_eigenvalues_are_smooth() -> None:
    for f in (
        lambda a: np.sum(npl.eigvalsh(a) ** 3),
        lambda a: np.sum(npl.eigh(a)[0] ** 3),
        lambda a: np.sum(npl.eigh(a).eigenvalues ** 3),
    ):
        assert_allclose(cr.grad(f)(I3), 3 * I3)


def _spectral(f: Callable[[Any], Any], a: Any) -> Any:
    w, v = npl.eigh(a)
    return np.sum((v * f(w)) @ v.T * A)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: npl.eigh(a)[1][0, 0],
        lambda a: np.sum(npl.eigh(a)[1]),
        lambda a: npl.svd(a)[0][0, 1],
    ],
)
def test_vectors_of_repeated_values_are_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UndefinedDerivative):
        cr.grad(f)(I3)


@pytest.mark.parametrize(("f", "slope"), [(np.exp, np.e), (np.log, 1.0)])
def test_a_function_of_the_matrix_is_smooth_where_values_are_equal(
    f: Callable[[Any], Any], slope: float
) -> None:
    lower = np.tril(A + A.T, -1) + np.diag(np.diag(A))
    assert_allclose(cr.grad(lambda a: _spectral(f, a))(I3), slope * lower)


def test_forward_mode_says_nan_where_reverse_mode_refuses() -> None:
    with pytest.warns(RuntimeWarning):
        _, tangent = cr.jvp(lambda a: npl.eigh(a)[1], (DOUBLE,), (SPD,))
    assert np.isnan(tangent[:, :2]).all()
    assert np.isfinite(tangent[:, 2]).all()


def test_vectors_beside_repeated_values_have_a_slope() -> None:
    """The third eigenvalue of DOUBLE stands alone: its vector moves, the others are not used."""

    def f(a: Any) -> Any:
        w, v = npl.eigh((a + a.T) / 2)
        return w[2] * v[0, 2] * v[2, 2]

    h = 1e-6
    t = SPD
    slope = (f(DOUBLE + h * t) - f(DOUBLE - h * t)) / (2 * h)
    assert_allclose(np.sum(cr.grad(f)(DOUBLE) * t), slope, rtol=1e-8)
    assert_allclose(cr.jvp(f, (DOUBLE,), (t,))[1], slope, rtol=1e-8)


def test_the_part_of_low_rank_is_smooth_beside_zeros() -> None:
    def f(a: Any) -> Any:
        u, s, v = npl.svd(a)
        return (u[:, :1] * s[:1] @ v[:1])[0, 0]

    h, t = 1e-6, rng.normal(size=LOW.shape)
    slope = (f(LOW + h * t) - f(LOW - h * t)) / (2 * h)
    assert_allclose(np.sum(cr.grad(f)(LOW) * t), slope, rtol=1e-7)


def test_norms_by_singular_values_have_a_subgradient() -> None:
    assert_allclose(cr.grad(lambda a: npl.norm(a, 2))(np.eye(2)), np.eye(2) / 2)
    assert_allclose(cr.grad(lambda a: npl.norm(a, "nuc"))(np.eye(2)), np.eye(2))
    slope = cr.grad(lambda a: npl.norm(a, "nuc"))(np.zeros((2, 2)))
    assert npl.norm(slope, 2) <= 1 + 1e-15


def test_the_phase_of_a_complex_vector_is_refused_and_its_modulus_is_not() -> None:
    h = np.array([[2, 1j], [-1j, 3]])
    with pytest.raises(UndefinedDerivative, match="phase"):
        cr.grad(lambda a: np.real(npl.eigh(a)[1][1, 0]))(h)
    assert np.isfinite(cr.grad(lambda a: np.abs(npl.eigh(a)[1][1, 0]))(h)).all()


def test_vectors_that_complete_a_basis_have_a_slope_in_their_span_only() -> None:
    def span(a: Any) -> Any:
        rest = npl.svd(a)[2][2:]
        return np.sum((rest.T @ rest) * W)

    wide = rng.normal(size=(2, 5))
    W = rng.normal(size=(5, 5))
    h, t = 1e-6, rng.normal(size=wide.shape)
    slope = (span(wide + h * t) - span(wide - h * t)) / (2 * h)
    assert_allclose(np.sum(cr.grad(span)(wide) * t), slope, rtol=1e-6)
    with pytest.raises(UndefinedDerivative):
        cr.grad(lambda a: npl.svd(a)[2][3, 0])(wide)


# -- one triangle ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "lower"),
    [
        (lambda a: np.sum(npl.cholesky(a)), True),
        (lambda a: np.sum(npl.cholesky(a, upper=True)), False),
        (lambda a: np.sum(npl.eigvalsh(a) ** 2), True),
        (lambda a: np.sum(npl.eigvalsh(a, "U") ** 2), False),
        (lambda a: np.sum(npl.eigh(a)[1] ** 3), True),
    ],
)
def test_only_the_triangle_that_is_read_has_a_slope(f: Callable[[Any], Any], lower: bool) -> None:
    slope = cr.grad(f)(SPD)
    other = np.triu(slope, 1) if lower else np.tril(slope, -1)
    assert_array_equal(other, np.zeros((3, 3)))
    assert np.abs(slope).sum() > 0


# -- systems ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "a"),
    [
        (lambda a: np.sum(npl.inv(a)), np.ones((2, 2))),
        (lambda a: np.sum(npl.solve(a, np.ones(2))), np.zeros((2, 2))),
        (lambda a: np.sum(npl.cholesky(a)), -np.eye(2)),
    ],
)
def test_what_numpy_refuses_is_refused(f: Callable[[Any], Any], a: np.ndarray) -> None:
    with pytest.raises(npl.LinAlgError):
        f(a)
    with pytest.raises(npl.LinAlgError):
        cr.grad(f)(a)


@pytest.mark.parametrize("f", [npl.pinv, lambda a: npl.lstsq(a, np.ones(3))[0]])
def test_least_squares_of_deficient_rank_have_no_slope(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UndefinedDerivative, match="rank"):
        cr.grad(lambda a: np.sum(f(a)))(np.ones((3, 2)))


def test_a_batch_of_right_hand_sides_factors_the_matrix_once() -> None:
    seen: list[tuple[int, ...]] = []
    evaluate = la.Solve.evaluate

    def counted(self: Any, arrays: Any, *params: Any) -> Any:
        seen.append(np.shape(arrays[0]))
        return evaluate(self, arrays, *params)

    la.Solve.evaluate = counted  # type: ignore[method-assign]
    try:
        b = rng.normal(size=(5, 3))
        found = cr.vmap(lambda b: npl.solve(SPD, b))(b)
    finally:
        la.Solve.evaluate = evaluate  # type: ignore[method-assign]
    assert_allclose(found, npl.solve(SPD, b.T).T)
    assert all(len(shape) == 2 for shape in seen)


def test_empty_and_one_by_one() -> None:
    assert cr.grad(npl.det)(np.zeros((0, 0))).shape == (0, 0)
    assert_array_equal(cr.grad(npl.det)(np.zeros((1, 1))), [[1]])
    assert cr.grad(lambda a: np.sum(npl.inv(a)))(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert_allclose(cr.grad(lambda a: npl.inv(a)[0, 0])(np.full((1, 1), 2.0)), [[-0.25]])


def test_integers_become_floats_as_in_numpy() -> None:
    b = np.array([1.0, 2.0])
    found = cr.jacobian(lambda b: npl.solve(np.array([[2, 0], [0, 4]]), b))(b)
    assert_allclose(found, [[0.5, 0], [0, 0.25]])


def test_float32_stays() -> None:
    a = SPD.astype(np.float32)
    for f in (npl.det, lambda a: np.sum(npl.inv(a)), lambda a: np.sum(npl.cholesky(a)), npl.norm):
        assert cr.grad(f)(a).dtype == np.float32


# -- the exponential, and laws of calculus ---------------------------------------------------------


def test_the_exponential_of_matrices() -> None:
    assert_allclose(la.expm(np.zeros((2, 2))), np.eye(2))
    with pytest.raises(ValueError, match="square"):
        la.expm.infer([la.ArrayType((2, 3), np.dtype(float))])


@pytest.mark.parametrize("dtype", [float, complex])
def test_identities_between_slopes(dtype: Any) -> None:
    """The slope of log|det A| is A⁻ᴴ, and d ‖A⁻¹‖² agrees with the same by solving."""
    a = SPD.astype(dtype)
    if dtype is complex:
        a = a + 0.3j * A
    by_log = cr.grad(lambda a: npl.slogdet(a)[1])(a)
    assert_allclose(by_log, npl.inv(a).conj().T)
    one = cr.grad(lambda a: np.sum(np.abs(npl.inv(a)) ** 2))(a)
    other = cr.grad(lambda a: np.sum(np.abs(npl.solve(a, np.eye(3))) ** 2))(a)
    assert_allclose(one, other)
