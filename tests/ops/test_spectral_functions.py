"""Functions of a matrix written with its eigenvalues and vectors: smooth where values are equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.linalg as sl

rng = np.random.default_rng(0)
B = rng.normal(size=(3, 3))
V = rng.normal(size=3)
Program = Callable[[Any], Any]


def _symmetric(a: Any) -> Any:
    return (a + a.T) / 2


def _of_both(f: Callable[[Any, Any], Any]) -> Program:
    return lambda a: f(*np.linalg.eigh(_symmetric(a)))


def _of_values(f: Callable[[Any], Any]) -> Program:
    return lambda a: f(np.linalg.eigvalsh(_symmetric(a)))


def _exp(a: Any) -> Any:
    return sl.expm(_symmetric(a))


def _ridge(a: Any) -> Any:
    w, v = np.linalg.eigh(_symmetric(a))
    return np.sum(B * ((v * (w / (w + a[0, 0] ** 2))) @ v.T))


#: Written with eigenvectors, and without.
PAIRS: dict[str, tuple[Program, Program]] = {
    "scaled columns": (_of_both(lambda w, v: np.sum(B * ((v * np.exp(w)) @ v.T))), lambda a: np.sum(B * _exp(a))),
    "a diagonal matrix": (
        _of_both(lambda w, v: np.sum(B * (v @ np.diag(np.exp(w)) @ v.T))), lambda a: np.sum(B * _exp(a))),
    "einsum": (
        _of_both(lambda w, v: np.sum(B * np.einsum("ij,j,kj->ik", v, np.exp(w), v))), lambda a: np.sum(B * _exp(a))),
    "scaled rows": (
        _of_both(lambda w, v: np.sum(B * (v @ (np.exp(w)[:, None] * np.conj(v.T))))), lambda a: np.sum(B * _exp(a))),
    "times a vector": (
        _of_both(lambda w, v: np.sum(np.sin(v @ (np.exp(w / 9) * (v.T @ V))))),
        lambda a: np.sum(np.sin(sl.expm(_symmetric(a) / 9) @ V))),
    "quadratic form": (_of_both(lambda w, v: np.sum(np.exp(w) * (v.T @ V) ** 2)), lambda a: V @ _exp(a) @ V),
    "inverse": (_of_both(lambda w, v: np.sum(B * ((v / w) @ v.T))), lambda a: np.sum(B * np.linalg.inv(_symmetric(a)))),
    "solution": (_of_both(lambda w, v: (v @ np.diag(1 / w) @ v.T @ V) @ V), lambda a: V @ np.linalg.solve(_symmetric(a), V)),
    "square of the root": (
        _of_both(lambda w, v: np.sum(B * (((v * np.sqrt(w)) @ v.T) @ ((v * np.sqrt(w)) @ v.T)))),
        lambda a: np.sum(B * _symmetric(a))),
    "with a number": (
        _ridge, lambda a: np.sum(B * (_symmetric(a) @ np.linalg.inv(_symmetric(a) + a[0, 0] ** 2 * np.eye(3))))),
    "identity": (_of_both(lambda w, v: np.sum(B * (v @ v.T))), lambda a: np.sum(B) + 0 * np.sum(a)),
    "sum of exponentials": (_of_values(lambda w: np.sum(np.exp(w))), lambda a: np.trace(_exp(a))),
    "sum of logarithms": (_of_values(lambda w: np.sum(np.log(w))), lambda a: np.linalg.slogdet(_symmetric(a))[1]),
    "sum of cubes": (
        _of_both(lambda w, v: np.sum(w**3)), lambda a: np.trace(_symmetric(a) @ _symmetric(a) @ _symmetric(a))),
    "square of a sum": (_of_values(lambda w: np.sum(w) ** 2), lambda a: np.trace(a) ** 2),
}  # fmt: skip

PLACES = {
    "identity": 2 * np.eye(3),
    "two of three": np.diag([1.0, 1.0, 3.0]),
    "turned": np.eye(3) + 0.5 * np.outer(V, V),
    "nearly equal": np.diag([1.0, 1 + 1e-9, 3.0]),
    "apart": _symmetric(B) + 4 * np.eye(3),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", PAIRS)
def test_first_and_second_derivatives(name: str, place: str) -> None:
    written, meant = PAIRS[name]
    a = PLACES[place]
    t = np.cos(np.arange(9.0)).reshape(3, 3)
    expected = cr.grad(meant)(a)
    scale = 1e-10 * (1 + np.max(np.abs(expected)))
    np.testing.assert_allclose(cr.grad(written)(a), expected, atol=scale)
    curved = cr.hvp(meant)(a, t)
    scale = 1e-9 * (1 + np.max(np.abs(curved)))
    np.testing.assert_allclose(cr.hvp(written)(a, t), curved, atol=scale)
    forward = cr.jvp(lambda s: cr.jvp(lambda r: written(a + s * t + r * t), (0.0,), (1.0,))[1], (0.0,), (1.0,))[1]
    np.testing.assert_allclose(forward, np.sum(curved * t), atol=scale)


def test_the_whole_hessian_at_the_identity() -> None:
    written, meant = PAIRS["quadratic form"]
    np.testing.assert_allclose(cr.hessian(written)(np.eye(3)), cr.hessian(meant)(np.eye(3)), atol=1e-12)


def test_compiled_and_batched() -> None:
    written, meant = PAIRS["inverse"]
    gradient = cr.jit(cr.grad(written))
    stack = np.stack([2 * np.eye(3), PLACES["apart"]])
    expected = np.stack([cr.grad(meant)(a) for a in stack])
    np.testing.assert_allclose(np.stack([gradient(a) for a in stack]), expected, atol=1e-12)
    np.testing.assert_allclose(cr.vmap(cr.grad(written))(stack), expected, atol=1e-12)


def test_eigenvalues_on_both_sides_of_a_kink() -> None:
    """The nearest positive matrix, of one with eigenvalues just above and just below 0."""
    turn = sl.expm(B - B.T)
    a = (turn * np.array([-1e-3, 1e-3, 1.0])) @ turn.T
    f = _of_both(lambda w, v: np.sum(B * ((v * np.maximum(w, 0)) @ v.T)))
    t = _symmetric(np.cos(np.arange(9.0)).reshape(3, 3))
    h = 1e-7
    slope = (f(a + h * t) - f(a - h * t)) / (2 * h)
    np.testing.assert_allclose(np.sum(cr.grad(f)(a) * t), slope, rtol=1e-6)


def test_complex() -> None:
    c = B + 1j * rng.normal(size=(3, 3))

    def hermitian(a: Any) -> Any:
        return (a + np.conj(a.T)) / 2

    def written(a: Any) -> Any:
        w, v = np.linalg.eigh(hermitian(a))
        return np.real(np.sum(c * ((v * np.exp(w)) @ np.conj(v.T))))

    for a in (np.eye(3) + 0j, c):
        expected = cr.grad(lambda a: np.real(np.sum(c * sl.expm(hermitian(a)))))(a)
        np.testing.assert_allclose(cr.grad(written)(a), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_real_functions_with_complex_numbers(dtype: Any) -> None:
    def written(p: Any) -> Any:
        a, t = p
        turned = np.exp(1j * t) * np.linalg.svd(a)[1]
        return np.sum(turned.real - 2 * turned.imag + np.abs(turned + 1j * t) ** 2)

    def meant(p: Any) -> Any:
        a, t = p
        size = np.sum(np.linalg.svd(a)[1])
        turn = np.cos(t) - 2 * np.sin(t) + 2 * t * np.sin(t)
        return size * turn + np.sum(a * a) + len(a) * t * t

    p, v = (np.eye(3, dtype=dtype), dtype(0.7)), (B.astype(dtype), dtype(0.3))
    rtol = 1e-4 if dtype is np.float32 else 1e-11
    for verb in (lambda f: cr.grad(f)(p), lambda f: cr.hvp(f)(p, v)):
        for found, expected in zip(verb(written), verb(meant), strict=True):
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=10 * rtol)


def test_stacks_of_matrices() -> None:
    stack = np.stack([2 * np.eye(3), PLACES["two of three"]])

    def written(a: Any) -> Any:
        w, v = np.linalg.eigh(a)
        return np.sum(np.sin(np.einsum("nij,nj,nkj->nik", v, w**2, v)))

    lower = np.tril(np.ones((3, 3)), -1) * 2 + np.eye(3)
    expected = cr.grad(lambda a: np.sum(np.sin(a @ a)))(stack)
    expected = lower * (expected + np.swapaxes(expected, -1, -2)) / 2
    np.testing.assert_allclose(cr.grad(written)(stack), expected, atol=1e-12)


def test_what_depends_on_the_vectors_is_refused_still() -> None:
    with pytest.raises(cr.errors.UndefinedDerivative, match="repeated"):
        cr.grad(_of_both(lambda w, v: v[0, 0] ** 2))(np.eye(3))
    with pytest.raises(cr.errors.UndefinedDerivative, match="repeated"):
        # Different weights for equal values: not a function of the matrix.
        cr.grad(_of_both(lambda w, v: np.sum(B * ((v * (w * np.arange(3.0))) @ v.T))))(np.eye(3))


# -- singular values -------------------------------------------------------------------------------


def _weights(like: Any) -> Any:
    return np.cos(np.arange(like.size) + 0.3).reshape(like.shape)


def _of_all(f: Callable[[Any, Any, Any], Any]) -> Program:
    def program(a: Any) -> Any:
        found = f(*np.linalg.svd(a, full_matrices=False))
        return np.sum(_weights(found) * found)

    return program


def _weighted(f: Callable[[Any], Any]) -> Program:
    return lambda a: np.sum(_weights(f(a)) * f(a))


def _nuclear(a: Any) -> Any:
    if a.shape[0] < a.shape[1]:
        a = a.T
    return np.trace(a.T @ sl.polar(a)[0])


def _gram(a: Any) -> Any:
    return a.T @ a if a.shape[0] >= a.shape[1] else a @ a.T


SINGULAR: dict[str, tuple[Program, Program]] = {
    "polar factor": (
        _of_all(lambda u, s, vh: u @ vh), lambda a: np.sum(_weights(a) * sl.polar(a, "left" if len(a) < a.shape[1] else "right")[0])),
    "put together": (_of_all(lambda u, s, vh: (u * s) @ vh), _weighted(lambda a: a)),
    "pseudo-inverse": (_of_all(lambda u, s, vh: (vh.T / s) @ u.T), _weighted(np.linalg.pinv)),
    "cube": (_of_all(lambda u, s, vh: u @ np.diag(s**3) @ vh), _weighted(lambda a: a @ a.T @ a)),
    "gram of rows": (_of_all(lambda u, s, vh: (u * s**2) @ u.T), _weighted(lambda a: a @ a.T)),
    "gram of columns": (_of_all(lambda u, s, vh: vh.T @ np.diag(s**2) @ vh), _weighted(lambda a: a.T @ a)),
    "ridge": (
        _of_all(lambda u, s, vh: (vh.T * (s / (s**2 + 0.5))) @ u.T),
        _weighted(lambda a: np.linalg.inv(a.T @ a + 0.5 * np.eye(a.shape[1])) @ a.T)),
    "least squares": (
        lambda a: (lambda u, s, vh: np.sum(np.sin(vh.T @ ((u.T @ np.ones(len(a))) / s))))(
            *np.linalg.svd(a, full_matrices=False)),
        lambda a: np.sum(np.sin(np.linalg.pinv(a) @ np.ones(len(a))))),
    "nuclear norm": (lambda a: np.linalg.norm(a, "nuc"), _nuclear),
    "sum of squares": (lambda a: np.sum(np.linalg.svd(a, compute_uv=False) ** 2), lambda a: np.sum(a * a)),
    "sum of logarithms": (
        lambda a: np.sum(np.log(np.linalg.svd(a)[1])), lambda a: 0.5 * np.linalg.slogdet(_gram(a))[1]),
}  # fmt: skip

MATRICES = {
    "identity": 2 * np.eye(3),
    "two of three": np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 2]]),
    "apart": B + 2 * np.eye(3),
    "tall": 2 * np.eye(4, 2),
    "wide": 2 * np.eye(2, 4),
}


@pytest.mark.parametrize("place", MATRICES)
@pytest.mark.parametrize("name", SINGULAR)
def test_singular_values(name: str, place: str) -> None:
    written, meant = SINGULAR[name]
    a = MATRICES[place]
    t = np.cos(np.arange(a.size)).reshape(a.shape)
    value, gradient = cr.value_and_grad(written)(a)
    np.testing.assert_allclose(value, written(a), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, cr.grad(meant)(a), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(cr.hvp(written)(a, t), cr.hvp(meant)(a, t), rtol=1e-8, atol=1e-9)


def test_the_nuclear_norm_at_a_matrix_of_less_rank_has_a_subgradient() -> None:
    a = np.outer([3.0, 4.0], [0.0, 1.0, 0.0])
    gradient = cr.grad(lambda a: np.linalg.norm(a, "nuc"))(a)
    np.testing.assert_allclose(gradient, a / 5, atol=1e-14)


def test_the_polar_factor_of_a_singular_matrix_is_refused() -> None:
    with pytest.raises((cr.errors.UndefinedDerivative, np.linalg.LinAlgError)):
        cr.grad(_of_all(lambda u, s, vh: u @ vh))(np.ones((2, 2)))


def test_complex_singular_values() -> None:
    c = B + 1j * rng.normal(size=(3, 3))
    weights = _weights(B)

    def written(a: Any) -> Any:
        u, s, vh = np.linalg.svd(a)
        return np.real(np.sum(weights * ((u * s**3) @ vh)))

    for a in (2 * np.eye(3) + 0j, c):
        expected = cr.grad(lambda a: np.real(np.sum(weights * (a @ np.conj(a.T) @ a))))(a)
        np.testing.assert_allclose(cr.grad(written)(a), expected, rtol=1e-9, atol=1e-10)
