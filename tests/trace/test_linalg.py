"""``numpy.linalg``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import linalg as L
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


CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "solve for a vector": (L.solve, (A, V[:3])),
    "solve for a matrix": (L.solve, (A, B)),
    "solve a stack for one matrix": (L.solve, (S, B)),
    "solve one for a stack": (L.solve, (A, S)),
    "solve a stack for one vector": (lambda b: L.solve(S, b), (V[:3],)),
    "solve complex": (L.solve, (W, Z)),
    "inv": (L.inv, (S,)),
    "inv complex": (L.inv, (W,)),
    "pinv": (L.pinv, (TALL,)),
    "pinv of a wide matrix": (L.pinv, (X,)),
    "pinv with the new tolerance": (lambda a: L.pinv(a, rtol=None), (X,)),
    "det": (L.det, (S,)),
    "det complex": (L.det, (W,)),
    "slogdet": (lambda a: tuple(L.slogdet(a)), (S,)),
    "slogdet complex": (lambda a: tuple(L.slogdet(a)), (W,)),
    "logabsdet": (lambda a: L.slogdet(a).logabsdet, (-S,)),
    "cholesky": (lambda a: L.cholesky(_gram(a)), (S,)),
    "cholesky upper": (lambda a: L.cholesky(_gram(a), upper=True), (S,)),
    "cholesky complex": (lambda a: L.cholesky(_gram(a)), (W,)),
    "eigh": (
        lambda a: (lambda r: (r.eigenvalues, np.abs(r.eigenvectors)))(L.eigh(_symmetric(a))),
        (S,),
    ),
    "eigvalsh": (lambda a: L.eigvalsh(_symmetric(a)), (S,)),
    "eigvalsh complex": (lambda a: L.eigvalsh(_gram(a)), (W,)),
    "eigh of the other triangle": (lambda a: L.eigh(a, "U")[0], (A,)),
    "moduli of complex vectors": (lambda a: np.abs(L.eigh(_gram(a))[1]), (W,)),
    "a matrix function": (
        lambda a: (lambda w, v: (v * np.exp(w)) @ v.T)(*L.eigh(_symmetric(a))),
        (A,),
    ),
    "a complex matrix function": (
        lambda a: (lambda w, v: (v * np.sqrt(w)) @ v.conj().T)(*L.eigh(_gram(a))),
        (W,),
    ),
    "the complex polar factor": (lambda a: (lambda u, s, v: u @ v)(*L.svd(a)), (W,)),
    "the span of the rest": (lambda a: (lambda u: u[:, 3:] @ u[:, 3:].T)(L.svd(a)[0]), (TALL,)),
    "lstsq": (lambda a, b: L.lstsq(a, b, rcond=None)[0], (TALL, V)),
    "lstsq residuals": (lambda a, b: L.lstsq(a, b, rcond=None)[1], (TALL, V)),
    "lstsq of fewer": (lambda a, b: L.lstsq(a, b)[0], (X, V[:3])),
    "lstsq of columns": (lambda a, b: L.lstsq(a, b)[0], (TALL, rng.normal(size=(5, 2)))),
    "lstsq singular values": (lambda a: L.lstsq(a, V)[3], (TALL,)),
    "multi_dot": (lambda a, b: L.multi_dot([a, b, a, V[:3]]), (A, A)),
    "multi_dot of two": (lambda a: L.multi_dot([a, a]), (A,)),
    "multi_dot from a vector": (lambda a: L.multi_dot([V[:3], a, a]), (A,)),
    "norm of many axes": (lambda a: L.norm(a), (C,)),
    "norm complex": (lambda a: L.norm(a), (Z,)),
    "p-norm complex": (lambda a: L.norm(a.ravel(), 3), (Z,)),
    "tensorsolve": (L.tensorsolve, (rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3)))),
    "tensorinv": (lambda a: L.tensorinv(a, 1), (rng.normal(size=(6, 2, 3)),)),
    "matrix_rank": (lambda a: a * L.matrix_rank(a), (A,)),
    "matrix_transpose": (L.matrix_transpose, (S,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize("shape", SHAPES)
def test_svd(shape: str) -> None:
    a = SHAPES[shape]
    assert_call(
        lambda a: (lambda r: (np.abs(r.U), r.S, np.abs(r.Vh)))(L.svd(a, full_matrices=False)), a
    )
    assert_call(L.svdvals, a)
    assert_call(lambda a: L.svd(a, compute_uv=False), a)
    assert_call(
        lambda a: (lambda u, s, v: (u[..., :3] * s[..., None, :]) @ v[..., :3, :])(*L.svd(a)), a
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_qr(shape: str) -> None:
    assert_call(lambda a: tuple(L.qr(a)), SHAPES[shape])
    assert_call(lambda a: L.qr(a, mode="r"), SHAPES[shape])


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 7])
def test_matrix_power(n: int) -> None:
    assert_call(lambda a: L.matrix_power(a, n), A)


@pytest.mark.parametrize("ord", [None, 1, 2, 3, -1, -2, 0.5, np.inf, -np.inf, 0])
def test_vector_norms(ord: Any) -> None:
    assert_call(lambda a: L.norm(a, ord), V)
    assert_call(lambda a: L.norm(a, ord, axis=0, keepdims=True), X)
    if ord is not None:
        assert_call(lambda a: L.vector_norm(a, ord=ord), X)


@pytest.mark.parametrize("ord", [None, 1, 2, -1, -2, np.inf, -np.inf, "fro", "nuc"])
def test_matrix_norms(ord: Any) -> None:
    assert_call(lambda a: L.norm(a, ord), X)
    assert_call(lambda a: L.norm(a, ord, axis=(2, 0)), C)
    if ord is not None:
        assert_call(lambda a: L.matrix_norm(a, ord=ord, keepdims=True), C)


@pytest.mark.parametrize("p", [None, 2, -2, 1, np.inf, "fro"])
def test_condition_numbers(p: Any) -> None:
    assert_call(lambda a: L.cond(a, p), A)
