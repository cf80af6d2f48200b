"""Determinants and triangular factors of matrices.

Sources: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008; Murray, Differentiation of the Cholesky decomposition, 2016; Walter and
Lehmann, Algorithmic differentiation of linear algebra functions with application in optimum
experimental design, 2012, for the QR decomposition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, TupleType
from .linalg import (
    Example,
    MatrixFunction,
    adjoint,
    check_square,
    conjugated,
    hermitian,
    identity_like,
    inv,
    matrices,
    on_triangle,
    product,
    real_dtype,
    triangular_solve,
    tril,
    triu,
)
from .reductions import reduce_prod
from .spectral import svd_of_rule


class Determinant(MatrixFunction):
    """The determinant: ``d det A = Σ cof(A) ⊙ dA``, singular matrices included (Jacobi)."""

    name = "det"
    text = "det({0})"
    latex = r"\det({0})"

    def __call__(self, a: Array) -> Array:
        """The determinants of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return ArrayType(types[0].shape[:-2], types[0].dtype)

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return np.linalg.det(arrays[0])

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return product("ij,ij->", cofactor(args[0]), tangents[0])

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return (product(",ij->ij", ct, conjugated(cofactor(args[0]))),)

    def examples(self) -> Sequence[Example]:
        singular = matrices(3, 3)
        singular[2] = singular[0] - singular[1]
        return (
            ((matrices(3, 3),), ()),
            ((matrices(2, 2, 2, field="c"),), ()),
            ((singular,), ()),
        )


class Cofactor(Determinant):
    """The matrix of cofactors, ``det(A) A⁻ᵀ`` where that exists: the derivative of ``det``.

    Where A is singular or nearly so it comes from the singular value decomposition, by
    ``cof(UΣVᴴ) = det(U) det(Vᴴ) conj(U) cof(Σ) Vᵀ``. So does its derivative, in which the
    cofactor of the rows ``i, k`` and columns ``j, l`` of a diagonal matrix is a product of n − 2.
    """

    name = "cofactor"
    pullback = None  # type: ignore[assignment]
    text = "cof({0})"
    latex = r"\operatorname{{cof}}({0})"

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        (a,) = arrays
        result = np.empty(a.shape, a.dtype)
        for k in np.ndindex(a.shape[:-2]):
            result[k] = _cofactors(a[k])
        return result

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (a,), (t,) = args, tangents
        u, s, vh = svd_of_rule(a)
        n = np.shape(s)[-1]
        # Π s[k] over all k but i and j: a column and a row less.
        i, j, k = np.ogrid[:n, :n, :n]
        others = np.where((k == i) | (k == j), s.dtype.type(1), np.expand_dims(s, (-2, -3)))
        rest = reduce_prod(others, (-1,)) * (1 - np.eye(n, dtype=s.dtype))
        core = product("ji,jk,lk->il", conjugated(u), t, conjugated(vh))
        diagonal = product("ij,j->i", rest, product("ii->i", core))
        change = product("i->ii", diagonal) - rest * np.swapaxes(core, -1, -2)
        sign = np.expand_dims(det(u) * det(vh), (-1, -2))
        return sign * product("ij,jk,kl->il", conjugated(u), change, conjugated(vh))


class SignLogDeterminant(MatrixFunction):
    """The sign (for complex numbers, the phase) and the logarithm of the modulus of ``det``."""

    name = "slogdet"
    text = "slogdet({0})"

    def __call__(self, a: Array) -> tuple[Array, Array]:
        """``(sign, logabsdet)`` of a stack of matrices."""
        result: tuple[Array, Array] = self.bind((a,))
        return result

    def infer(self, types: Sequence[ArrayType]) -> TupleType:
        (a,) = types
        check_square(a)
        lead = a.shape[:-2]
        return TupleType((ArrayType(lead, a.dtype), ArrayType(lead, real_dtype(a.dtype))))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return tuple(np.linalg.slogdet(arrays[0]))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        rate = product("ij,ji->", inv(args[0]), tangents[0])
        if rate.dtype.kind != "c":
            return None, rate
        return out[0] * (1j * np.imag(rate)), np.real(rate)

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(3, 3),), ()),
            ((-matrices(2, 3, 3),), ()),
            ((matrices(2, 2, field="c"),), ()),
        )


def _cofactors(a: Any) -> Any:
    n = len(a)
    if n < 2:
        return np.ones_like(a)
    if not np.isfinite(a).all():
        return np.full_like(a, np.nan)
    try:
        inverse = np.linalg.inv(a)
        if np.linalg.norm(a) * np.linalg.norm(inverse) < 1e4:
            return np.linalg.det(a) * inverse.T
    except np.linalg.LinAlgError:
        pass
    u, s, vh = np.linalg.svd(a)
    others = np.prod(np.where(np.eye(n, dtype=bool), 1, s), axis=-1)
    return np.linalg.det(u) * np.linalg.det(vh) * (u.conj() * others) @ vh.conj()


class Cholesky(MatrixFunction):
    """The lower L with ``A = LLᴴ``; A is read in its lower triangle.

    ``dL = L Φ(L⁻¹ dA L⁻ᴴ)``, where Φ takes the lower triangle with half of the diagonal.
    """

    name = "cholesky"
    text = "cholesky({0})"

    def __call__(self, a: Array) -> Array:
        """The factors of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return np.linalg.cholesky(arrays[0])

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        half = triangular_solve(out, hermitian(tangents[0]), True)
        return out @ self._half(triangular_solve(out, adjoint(half), True))

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        upper = adjoint(out)
        half = triangular_solve(upper, self._half(upper @ ct), False)
        return (on_triangle(adjoint(triangular_solve(upper, adjoint(half), False))),)

    def _half(self, x: Array) -> Array:
        return tril(x) - 0.5 * product("i->ii", product("ii->i", x))

    def examples(self) -> Sequence[Example]:
        a, c = matrices(2, 3, 3), matrices(2, 2, field="c")
        return (((a @ adjoint(a),), ()), ((c @ adjoint(c),), ()))


class QR(MatrixFunction):
    """``A = QR`` with orthonormal columns in Q and R upper triangular.

    A has at least as many rows as columns, and these are independent.

    ``dΩ = Qᴴ dQ`` is skew-Hermitian, and ``dC = Qᴴ dA R⁻¹ = dΩ + dR R⁻¹`` is that plus an upper
    triangle: so the strict lower triangle of dC is that of dΩ. For complex matrices the diagonal
    of R is real, which leaves the imaginary part of that of dC to dΩ.
    """

    name = "qr"
    text = "qr({0})"

    def __call__(self, a: Array) -> tuple[Array, Array]:
        """``(Q, R)``, reduced, of a stack of matrices."""
        result: tuple[Array, Array] = self.bind((a,))
        return result

    def infer(self, types: Sequence[ArrayType]) -> TupleType:
        (a,) = types
        *lead, m, n = a.shape
        if m < n:
            raise ValueError(f"qr: {a} has more columns than rows")
        return TupleType((ArrayType(a.shape, a.dtype), ArrayType((*lead, n, n), a.dtype)))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return tuple(np.linalg.qr(arrays[0]))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        q, r = out
        # dA R⁻¹, by a solve with the transpose of R
        along = np.swapaxes(
            triangular_solve(np.swapaxes(r, -1, -2), np.swapaxes(tangents[0], -1, -2), True), -1, -2
        )
        core = adjoint(q) @ along
        strict = tril(core, -1)
        turn = strict - adjoint(strict)
        if core.dtype.kind == "c":
            turn = turn + 1j * product("i->ii", np.imag(product("ii->i", core)))
        stretch = core - turn
        return along - q @ stretch, stretch @ r

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(4, 3),), ()),
            ((matrices(2, 2, 2),), ()),
            ((matrices(3, 2, field="c"),), ()),
        )


class LU(MatrixFunction):
    """``A = LU`` without exchanging rows, L with a diagonal of ones, side by side in one matrix.

    With ``C = L⁻¹ dA U⁻¹``: ``dL = L tril(C, −1)`` and ``dU = triu(C) U`` (de Hoog, Anderssen and
    Lukas, Differentiation of matrix functionals using triangular factorization, 2011).
    """

    name = "lu"
    text = "lu({0})"

    def __call__(self, a: Array) -> Array:
        """``L − 1 + U`` of a stack of matrices whose rows need no exchange."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        a = np.array(arrays[0])
        for k in range(a.shape[-1] - 1):
            a[..., k + 1 :, k] /= a[..., k, k][..., None]
            a[..., k + 1 :, k + 1 :] -= a[..., k + 1 :, k, None] * a[..., k, None, k + 1 :]
        return a

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        upper = triu(out)
        lower = tril(out, -1) + identity_like(out)
        left = triangular_solve(lower, tangents[0], True)
        flipped = triangular_solve(np.swapaxes(upper, -1, -2), np.swapaxes(left, -1, -2), True)
        core = np.swapaxes(flipped, -1, -2)
        return lower @ tril(core, -1) + triu(core) @ upper

    def examples(self) -> Sequence[Example]:
        return (((matrices(3, 3),), ()), ((matrices(2, 2, 2, field="c"),), ()))


class Order(MatrixFunction):
    """How a factorization exchanges rows or columns: integers, with no derivative."""

    def __init__(
        self, name: str, compute: Callable[[Any], Any], length: Callable[[int, int], int]
    ) -> None:
        self.name = name
        self.text = name + "({0})"
        self._compute = compute
        self._length = length  # of the answer, by the rows and columns of the matrix

    def __call__(self, a: Array) -> Array:
        """The places, for each of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        *lead, m, n = types[0].shape
        return ArrayType((*lead, self._length(m, n)), np.dtype(np.int32))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        (a,) = arrays
        places = np.empty((*a.shape[:-2], self._length(*a.shape[-2:])), np.int32)
        for k in np.ndindex(a.shape[:-2]):
            places[k] = self._compute(a[k])
        return places

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return None

    def examples(self) -> Sequence[Example]:
        return (((matrices(3, 3)[::-1],), ()), ((matrices(2, 4, 3, seed=1),), ()))


def _rows(a: Any) -> Any:
    from scipy.linalg import lu

    return np.argsort(lu(a, p_indices=True)[0]) if a.size else np.arange(len(a))


def _swaps(a: Any) -> Any:
    from scipy.linalg import lu_factor

    return lu_factor(a, check_finite=False)[1]


def _columns(a: Any) -> Any:
    from scipy.linalg import qr

    return qr(a, mode="r", pivoting=True)[1]


lu_order = Order("lu_order", _rows, lambda m, n: m)
lu_swaps = Order("lu_swaps", _swaps, min)
qr_order = Order("qr_order", _columns, lambda m, n: n)
det = Determinant()
cofactor = Cofactor()
slogdet = SignLogDeterminant()
cholesky = Cholesky()
qr = QR()
lu = LU()
