"""Eigenvalues and eigenvectors of general matrices, and functions of general matrices.

Where ``A V = V diag(w)``: with ``C = V⁻¹ dA V``, ``dw = diag C`` and ``dV = V (C ⊘ gaps)``, moved
along V so that it stays normalised as LAPACK does it: length 1, the largest component real.
Sources: Magnus, On differentiating eigenvalues and eigenvectors, 1985; Boeddeker et al., On the
computation of complex-valued gradients with application to statistically optimum beamforming,
2017; for functions of matrices Najfeld and Havel, 1995, and Mathias, A chain rule for matrix
functions and applications, 1996.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import UndefinedDerivative
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, TupleType
from .equations import each
from .indexing import take_along
from .linalg import (
    Example,
    Exponential,
    MatrixFunction,
    check_square,
    conjugated,
    matrices,
    product,
    solve,
)
from .structural import cast


def _complex(dtype: np.dtype) -> np.dtype:
    return np.result_type(dtype, np.complex64)


class Parting(MatrixFunction):
    """``rate[i, j] / (w[j] − w[i])`` off the diagonal, 0 on it.

    Where two eigenvalues are equal it is an error, or NaN in forward mode, where it is not known
    yet which vectors will be used.
    """

    name = "parting"
    parameters = ("mode",)
    text = "parting({args})"
    linear_in = (1,)

    def __call__(self, w: Array, rate: Array, mode: str = "forward") -> Array:
        """``w`` is a stack of vectors, ``rate`` of matrices."""
        return self.bind((w, rate), mode)

    def infer(self, types: Sequence[ArrayType], mode: str) -> ArrayType:
        return ArrayType(types[1].shape, np.result_type(types[0].dtype, types[1].dtype))

    def evaluate(self, arrays: Sequence[Any], mode: str) -> Any:
        w, rate = arrays
        n = w.shape[-1]
        gap = w[..., None, :] - w[..., :, None]
        itself = np.eye(n, dtype=bool)
        noise = 4 * n * float(np.finfo(w.dtype).eps)
        closed = (np.abs(gap) <= noise * np.max(np.abs(w), axis=-1, initial=0)[..., None, None]) & ~itself
        if mode != "forward" and closed.any():
            raise UndefinedDerivative(
                "the eigenvectors that belong to a repeated eigenvalue have no derivative; use "
                "what does not depend on their choice, such as a symmetric function of the values "
                "alone, or, for a function of the matrix, scipy.linalg.expm, logm or sqrtm"
            )
        result = np.where(itself, 0, rate / np.where(itself | closed, 1, gap))
        return np.where(closed, np.nan, result).astype(np.result_type(w, rate))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (w, _), (dw, rate) = args, tangents
        if dw is not None:
            turn = out * (np.expand_dims(dw, -2) - np.expand_dims(dw, -1))
            rate = -turn if rate is None else rate - turn
        return self(w, rate)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], mode: str
    ) -> Sequence[Maybe]:
        w, rate = args
        back = self(conjugated(w), ct, "reverse")
        ct_w = None
        if wanted[0]:
            share = back * conjugated(out)
            ct_w = cast(np.sum(share, axis=-1) - np.sum(share, axis=-2), w.dtype)
        return ct_w, cast(back, rate.dtype) if wanted[1] else None

    def examples(self) -> Sequence[Example]:
        w = np.array([0.5, 1.0 + 0.5j, 2.5])
        return (((w, matrices(3, 3, field="c")), ("forward",)), ((w, matrices(3, 3, field="c")), ("reverse",)))


class Eig(MatrixFunction):
    """``(w, V)``, both complex, of a general matrix."""

    name = "eig"
    text = "eig({0})"

    def __call__(self, a: Array) -> tuple[Array, Array]:
        """``(w, V)`` of a stack of matrices."""
        result: tuple[Array, Array] = self.bind((a,))
        return result

    def infer(self, types: Sequence[ArrayType]) -> TupleType:
        (a,) = types
        check_square(a)
        dtype = _complex(a.dtype)
        return TupleType((ArrayType(a.shape[:-1], dtype), ArrayType(a.shape, dtype)))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        w, v = np.linalg.eig(arrays[0])
        dtype = _complex(arrays[0].dtype)
        return w.astype(dtype, copy=False), v.astype(dtype, copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        w, v = out
        rate = independent(v, cast(tangents[0], v.dtype) @ v)
        moved = v @ parting(w, rate)
        # Along each vector it may move freely: its length stays 1, its largest component real.
        stretch = cast(np.real(product("ij,ij->j", conjugated(v), moved)), v.dtype)
        top = np.expand_dims(np.argmax(np.abs(v), axis=-2), -2)
        largest = take_along(v, top, -2)[..., 0, :]
        spin = np.imag(take_along(moved, top, -2)[..., 0, :] / largest)
        return product("ii->i", rate), moved - v * np.expand_dims(stretch + 1j * spin, -2)

    def examples(self) -> Sequence[Example]:
        apart = np.diag([0.0, 7.0, 15.0])
        turning = np.array([[1.0, 6.0], [-5.0, 1.5]])
        return (
            ((matrices(3, 3) + apart,), ()),
            ((turning,), ()),
            (((matrices(3, 3, field="c") + apart)[None],), ()),
        )


class Eigvals(Eig):
    """The eigenvalues alone, complex."""

    name = "eigvals"
    text = "eigvals({0})"

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:  # type: ignore[override]
        return super().infer(types).items[0]

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return np.linalg.eigvals(arrays[0]).astype(_complex(arrays[0].dtype), copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        _, v = eig(args[0])
        rate = independent(v, cast(tangents[0], v.dtype) @ v)
        return product("ii->i", rate)


class RealEigvals(Eigvals):
    """The eigenvalues of a matrix all of whose eigenvalues are real, as real numbers."""

    name = "real_eigvals"
    text = "eigvals({0})"

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:  # type: ignore[override]
        (a,) = types
        check_square(a)
        if a.dtype.kind == "c":
            raise TypeError("real_eigvals is for real numbers")
        return ArrayType(a.shape[:-1], np.result_type(a.dtype, np.float32))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        (a,) = arrays
        return np.real(np.linalg.eigvals(a)).astype(np.result_type(a.dtype, np.float32), copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return np.real(super().jvp(out, args, tangents))

    def examples(self) -> Sequence[Example]:
        apart = np.diag([0.0, 7.0, 15.0])
        return (((matrices(3, 3) + apart,), ()), (((matrices(3, 3, seed=2) + apart)[None],), ()))


class Independent(type(solve)):  # type: ignore[misc]
    """``V⁻¹B``, refused where the vectors are dependent within rounding: the matrix is defective."""

    name = "independent"

    def _solve(self, a: Any, b: Any, *params: Any) -> Any:
        s = np.linalg.svd(a, compute_uv=False)
        if a.size and (s[..., -1] <= 1e2 * float(np.finfo(a.dtype).eps) * s[..., 0]).any():
            raise UndefinedDerivative(
                "the eigenvalues of a defective matrix (a repeated eigenvalue with too few "
                "eigenvectors) have no derivative; use a function of the matrix itself, such as "
                "its trace, determinant or powers, or scipy.linalg.expm, logm or sqrtm"
            )
        return np.linalg.solve(a, b)


class OfMatrix(Exponential):
    """An analytic function of a matrix, by its dotted name in SciPy.

    As for the exponential, the tangent is a block of the function of a block matrix.
    """

    def __init__(self, path: str, text: str, latex: str, like: Callable[[Any], Any]) -> None:
        self._path = path
        self.name = path.rpartition(".")[2]
        self.text = text
        self.latex = latex
        #: What makes an example of any matrix: the function is real there.
        self._like = like

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        module, _, name = self._path.rpartition(".")
        function = getattr(import_module(module), name)
        (a,) = arrays
        precise = a.astype(np.result_type(a.dtype, float), copy=False)  # in single SciPy warns of its error
        return each(function, precise).astype(a.dtype, copy=False)

    def examples(self) -> Sequence[Example]:
        return (
            ((self._like(matrices(3, 3)),), ()),
            ((self._like(matrices(2, 2, 2, field="c")),), ()),
        )


class Reference(MatrixFunction):
    """Vectors as SciPy chooses them, from which their signs are taken: a constant."""

    def __init__(self, name: str, compute: Callable[..., Any], arity: int) -> None:
        self.name = name
        self.text = name + "({args})"
        self._compute = compute
        self._arity = arity

    def __call__(self, *arrays: Array) -> Array:
        """The vectors, for each of a stack of matrices."""
        return self.bind(arrays)

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return each(self._compute, *arrays).astype(arrays[0].dtype, copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return None

    def examples(self) -> Sequence[Example]:
        a = matrices(3, 3)
        return (((a @ a.T, a.T @ a)[: self._arity], ()),)


def _pencil(a: Any, b: Any) -> Any:
    from scipy.linalg import eigh

    return eigh(a, b)[1]


def _hermitian(a: Any) -> Any:
    from scipy.linalg import eigh

    return eigh(a)[1]


def _hermitian_upper(a: Any) -> Any:
    from scipy.linalg import eigh

    return eigh(a, lower=False)[1]


def _tridiagonal(a: Any) -> Any:
    from scipy.linalg import eigh_tridiagonal

    return eigh_tridiagonal(np.diagonal(a), np.diagonal(a, -1))[1]


def _rq(a: Any) -> Any:
    from scipy.linalg import rq

    return rq(a)[1]


def _square(a: Any) -> Any:
    return a @ np.conj(np.swapaxes(a, -1, -2)) + 0.3 * a


parting = Parting()
eig = Eig()
eigvals = Eigvals()
real_eigvals = RealEigvals()
independent = Independent()
hermitian_vectors = Reference("hermitian_vectors", _hermitian, 1)
hermitian_vectors_upper = Reference("hermitian_vectors_upper", _hermitian_upper, 1)
tridiagonal_vectors = Reference("tridiagonal_vectors", _tridiagonal, 1)
pencil_vectors = Reference("pencil_vectors", _pencil, 2)
rq_rows = Reference("rq_rows", _rq, 1)
sqrtm = OfMatrix("scipy.linalg.sqrtm", "{0}^½", "{0}^{{1/2}}", _square)
logm = OfMatrix("scipy.linalg.logm", "log({0})", r"\log {0}", _square)
