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
