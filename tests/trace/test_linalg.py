"""``numpy.linalg``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from numpy import linalg as npl
from tests.trace.calls import assert_call

rng = np.random.default_rng(0)
A = rng.normal(size=(3, 3)) + 2 * np.eye(3)
S = rng.normal(size=(2, 3, 3)) + 2 * np.eye(3)
X = rng.normal(size=(3, 4))
B = rng.normal(size=(3, 2))
C = rng.normal(size=(3, 4, 5))
V = rng.normal(size=5)
TALL = rng.normal(size=(5, 3))
Z = X + 1j * rng.normal(size=(3, 4))
W = A + 1j * rng.normal(size=(3, 3))

SHAPES = {"square": A, "tall": TALL, "wide": X, "stack": S}


def _symmetric(a: Any) -> Any:
    return (a + np.swapaxes(a, -1, -2)) / 2


def _gram(a: Any) -> Any:
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(a.shape[-1])


def _modulus(x: Any, arbitrary: bool) -> Any:
    """The sign of a vector is arbitrary."""
    return np.abs(x) if arbitrary else x


def _spectral(f: Callable[[Any], Any], a: Any) -> Any:
    w, v = npl.eigh(a)
    return (v * f(w)) @ np.conj(v.T)


def _product(pair: Any) -> Any:
    return pair[0] @ pair[1]


def _projector(v: Any) -> Any:
    return v @ v.T


def _put_together(a: Any) -> Any:
    u, s, vh = npl.svd(a)
    return (u[..., :3] * s[..., None, :]) @ vh[..., :3, :]


def _hermitian_svd(a: Any) -> Any:
    u, s, vh = npl.svd(_symmetric(a) - 2 * np.eye(3), hermitian=True)
    return (np.abs(u), s, np.abs(vh), (u * s) @ vh)


CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "svd of a Hermitian matrix": (_hermitian_svd, (A,)),
    **{
        f"{f.__name__} of no elements": (lambda a, f=f: f(a), (np.ones((2, 0, 0)),))
        for f in (npl.eig, npl.eigvals, npl.eigh, npl.svd, npl.svdvals, npl.qr, npl.matrix_norm)
    },
    "solve for a vector": (npl.solve, (A, V[:3])),
    "solve for a matrix": (npl.solve, (A, B)),
    "solve a stack for one matrix": (npl.solve, (S, B)),
    "solve one for a stack": (npl.solve, (A, S)),
    "solve a stack for one vector": (lambda b: npl.solve(S, b), (V[:3],)),
    "solve complex": (npl.solve, (W, Z)),
    "inv": (npl.inv, (S,)),
    "inv complex": (npl.inv, (W,)),
    "pinv": (npl.pinv, (TALL,)),
    "pinv of a wide matrix": (npl.pinv, (X,)),
    "pinv with the new tolerance": (lambda a: npl.pinv(a, rtol=None), (X,)),
    "det": (npl.det, (S,)),
    "det complex": (npl.det, (W,)),
    "slogdet": (lambda a: tuple(npl.slogdet(a)), (S,)),
    "slogdet complex": (lambda a: tuple(npl.slogdet(a)), (W,)),
    "logabsdet": (lambda a: npl.slogdet(a).logabsdet, (-S,)),
    "cholesky": (lambda a: npl.cholesky(_gram(a)), (S,)),
    "cholesky upper": (lambda a: npl.cholesky(_gram(a), upper=True), (S,)),
    "cholesky complex": (lambda a: npl.cholesky(_gram(a)), (W,)),
    "eigh": (
        lambda a: tuple(map(_modulus, npl.eigh(_symmetric(a)), (False, True))),
        (S,),
    ),
    "eigvalsh": (lambda a: npl.eigvalsh(_symmetric(a)), (S,)),
    "eigvalsh complex": (lambda a: npl.eigvalsh(_gram(a)), (W,)),
    "eigh of the other triangle": (lambda a: npl.eigh(a, "U")[0], (A,)),
    "moduli of complex vectors": (lambda a: np.abs(npl.eigh(_gram(a))[1]), (W,)),
    "a matrix function": (
        lambda a: _spectral(np.exp, _symmetric(a)),
        (A,),
    ),
    "a complex matrix function": (
        lambda a: _spectral(np.sqrt, _gram(a)),
        (W,),
    ),
    "the complex polar factor": (lambda a: _product(npl.svd(a)[::2]), (W,)),
    "the span of the rest": (lambda a: _projector(npl.svd(a)[0][:, 3:]), (TALL,)),
    "lstsq": (lambda a, b: npl.lstsq(a, b, rcond=None)[0], (TALL, V)),
    "lstsq residuals": (lambda a, b: npl.lstsq(a, b, rcond=None)[1], (TALL, V)),
    "lstsq of fewer": (lambda a, b: npl.lstsq(a, b)[0], (X, V[:3])),
    "lstsq of columns": (lambda a, b: npl.lstsq(a, b)[0], (TALL, rng.normal(size=(5, 2)))),
    "lstsq singular values": (lambda a: npl.lstsq(a, V)[3], (TALL,)),
    "multi_dot": (lambda a, b: npl.multi_dot([a, b, a, V[:3]]), (A, A)),
    "multi_dot of two": (lambda a: npl.multi_dot([a, a]), (A,)),
    "multi_dot from a vector": (lambda a: npl.multi_dot([V[:3], a, a]), (A,)),
    "norm of many axes": (lambda a: npl.norm(a), (C,)),
    "norm complex": (lambda a: npl.norm(a), (Z,)),
    "p-norm complex": (lambda a: npl.norm(a.ravel(), 3), (Z,)),
    "tensorsolve": (npl.tensorsolve, (rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3)))),
    "tensorinv": (lambda a: npl.tensorinv(a, 1), (rng.normal(size=(6, 2, 3)),)),
    "matrix_rank": (lambda a: a * npl.matrix_rank(a), (A,)),
    "matrix_transpose": (npl.matrix_transpose, (S,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape: str) -> None:
    a = SHAPES[shape]
    assert_call(
        lambda a: tuple(map(_modulus, npl.svd(a, full_matrices=False), (True, False, True))), a
    )
    assert_call(npl.svdvals, a)
    assert_call(lambda a: npl.svd(a, compute_uv=False), a)
    assert_call(_put_together, a)


@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape: str) -> None:
    assert_call(lambda a: tuple(npl.qr(a)), SHAPES[shape])
    assert_call(lambda a: npl.qr(a, mode="r"), SHAPES[shape])


def test_moduli_of_a_complex_triangle_have_a_second_derivative() -> None:
    def slope(a: Any) -> Any:
        return cr.grad(lambda a: np.sum(np.abs(npl.qr(a)[1])))(a)

    h = 1e-6
    found = cr.jvp(slope, (W,), (W.T,))[1]
    np.testing.assert_allclose(found, (slope(W + h * W.T) - slope(W - h * W.T)) / (2 * h), rtol=1e-6)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 7])
def test_matrix_power(n: int) -> None:
    assert_call(lambda a: npl.matrix_power(a, n), A)


@pytest.mark.parametrize("ord", [None, 1, 2, 3, -1, -2, 0.5, np.inf, -np.inf, 0])
def test_vector_norms(ord: Any) -> None:
    assert_call(lambda a: npl.norm(a, ord), V)
    assert_call(lambda a: npl.norm(a, ord, axis=0, keepdims=True), X)
    if ord is not None:
        assert_call(lambda a: npl.vector_norm(a, ord=ord), X)


@pytest.mark.parametrize("ord", [None, 1, 2, -1, -2, np.inf, -np.inf, "fro", "nuc"])
def test_matrix_norms(ord: Any) -> None:
    assert_call(lambda a: npl.norm(a, ord), X)
    assert_call(lambda a: npl.norm(a, ord, axis=(2, 0)), C)
    if ord is not None:
        assert_call(lambda a: npl.matrix_norm(a, ord=ord, keepdims=True), C)


@pytest.mark.parametrize("p", [None, 2, -2, 1, np.inf, "fro"])
def test_condition_numbers(p: Any) -> None:
    assert_call(lambda a: npl.cond(a, p), A)
