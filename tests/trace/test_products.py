"""NumPy's products of arrays, ``einsum`` in all its forms, and diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.trace.calls import assert_call

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))
Y = X.T.copy()
B = rng.normal(size=(3, 2))
A = rng.normal(size=(3, 3))
S = rng.normal(size=(2, 3, 3))
C = rng.normal(size=(3, 4, 5))
V = rng.normal(size=5)
Z = X + 1j * rng.normal(size=(3, 4))

EINSUM: dict[str, tuple[np.ndarray, ...]] = {
    "ij,jk": (X, Y),
    "ij,jk->ki": (X, Y),
    "ij , jk": (X, Y),
    "...ij,...jk->...ik": (S, S[:1]),
    "ii": (A,),
    "ii->i": (A,),
    "i,j": (V, V),
    "ij->j": (X,),
    "ba": (X,),
    "...i,i": (X.T, X[:, 0]),
    "ij,ij->": (X, X),
    "ij,ij->ij": (X, X[:1]),
    "ij,kj,kl->il": (X, X, B),
    "...,...": (X, X),
    "i...,i...->...": (X, X),
}


@pytest.mark.parametrize("subscripts", EINSUM)
def test_einsum(subscripts: str) -> None:
    assert_call(lambda *operands: np.einsum(subscripts, *operands), *EINSUM[subscripts])


CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "einsum by lists": (lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), (X, Y)),
    "einsum by lists, implicit": (lambda a, b: np.einsum(a, [0, 1], b, [1, 2]), (X, Y)),
    "einsum by lists with an ellipsis": (
        lambda a, b: np.einsum(a, [..., 0, 1], b, [..., 1, 2], [..., 0, 2]),
        (S, S),
    ),
    "einsum optimized": (lambda a, b: np.einsum("ij,jk", a, b, optimize=True), (X, Y)),
    "matmul": (np.matmul, (S, S)),
    "matmul broadcast": (np.matmul, (S, B)),
    "dot": (np.dot, (X, Y)),
    "dot of many axes": (lambda a: np.dot(S, a), (C.transpose(1, 0, 2).copy(),)),
    "inner": (np.inner, (X, X)),
    "outer": (np.outer, (V, V)),
    "tensordot": (lambda a: np.tensordot(a, C, ([0, 1], [0, 1])), (C,)),
    "vdot": (np.vdot, (X, X)),
    "vdot of complex numbers": (lambda a: np.vdot(a, Z), (Z,)),
    "vecdot": (lambda a, b: np.linalg.vecdot(a, b), (X, X)),
    "kron": (np.kron, (X, B)),
    "kron of a vector": (np.kron, (V, X)),
    "kron with a vector": (np.kron, (X, V)),
    "cross": (np.cross, (X[:, :3], X[:, 1:])),
    "cross along": (lambda a, b: np.cross(a, b, axis=0), (X, X**2)),
    "linalg.cross": (lambda a: np.linalg.cross(a[:, :3], a[:, 1:]), (X,)),
    "diagflat": (lambda a: np.diagflat(a, 1), (X,)),
    "trace of axes": (lambda a: np.trace(a, axis1=1, axis2=2), (C,)),
    "linalg.trace": (lambda a: np.linalg.trace(a, offset=1), (S,)),
    "linalg.diagonal": (lambda a: np.linalg.diagonal(a, offset=-1), (S,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize("k", [-1, 0, 2, 5])
def test_diagonals(k: int) -> None:
    assert_call(lambda a: np.diag(a, k), X)
    assert_call(lambda a: np.diag(a, k), V)
    assert_call(lambda a: np.trace(a, k), X)
    assert_call(lambda a: np.diagonal(a, k, 0, 2), C)
