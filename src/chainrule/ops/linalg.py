"""Linear algebra on the last two axes: inverses, solutions, determinants, triangular factors.

Each rule is a tangent written with products and the rows themselves; a rule that is linear in an
argument has its adjoint beside it. Sources: Giles, Collected matrix derivative results for forward
and reverse mode algorithmic differentiation, 2008; Murray, Differentiation of the Cholesky
decomposition, 2016; Seeger et al., Auto-differentiating linear algebra, 2017; Golub and Pereyra,
The differentiation of pseudo-inverses, 1973.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import UndefinedDerivative
from ..ir.primitive import Array, Maybe, Primitive, total
from ..ir.types import ArrayType
from .contraction import einsum
from .structural import Structural, cast, concatenate, lead_all, reshape, slice_

Example = tuple[tuple[Any, ...], tuple[Any, ...]]


# -- notation --------------------------------------------------------------------------------------


def product(subscripts: str, *operands: Array) -> Array:
    """A contraction of the last axes of stacks of matrices and vectors."""
    inputs, _, out = subscripts.partition("->")
    parts = inputs.split(",")
    lead = "ABCDEFGHIJKLMNOP"[: np.ndim(operands[0]) - len(parts[0])]
    return einsum(f"{','.join(lead + p for p in parts)}->{lead}{out}", *operands)


def adjoint(x: Array) -> Array:
    """The conjugate transpose."""
    return conjugated(np.swapaxes(x, -1, -2))


def conjugated(x: Array) -> Array:
    """The conjugate; of real numbers, themselves."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def matched(ct: Array, like: Array) -> Array:
    """A cotangent of ``like``, in its dtype: the real part, if ``like`` is real."""
    return cast(ct, like.dtype)


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a modulus."""
    return np.zeros((), dtype).real.dtype


def identity_like(x: Array) -> Any:
    """Identity matrices of the size of the columns of ``x``."""
    return np.broadcast_to(np.eye(np.shape(x)[-1], dtype=x.dtype), _square(np.shape(x)))


def _square(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-1])


def matrices(*shape: int, seed: int = 0, field: str = "f") -> Any:
    """Random well-conditioned matrices, to test on."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) + 3 * np.eye(shape[-2], shape[-1])
    return x + 1j * rng.normal(size=shape) if field == "c" else x


class MatrixFunction(Primitive):
    """The kind: a function of the matrices on the last two axes, for each of a stack of them."""

    raises = True

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        return types[0].ndim - 2

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Array:
        return self.bind(lead_all(args, batched, size), *params)


def check_square(t: ArrayType) -> None:
    """Refuse a matrix that is not square, as NumPy does."""
    if t.ndim < 2 or t.shape[-1] != t.shape[-2]:
        raise ValueError(f"the last two axes of {t} are not a square matrix")


# -- triangles -------------------------------------------------------------------------------------


class Triangle(Structural):
    """One triangle of a matrix, zeros elsewhere; its own adjoint. ``k`` moves the diagonal."""

    parameters = ("k",)

    def __init__(self, function: Any, name: str) -> None:
        self._function = function
        self.name = name
        self.text = name + "({0})"

    def __call__(self, x: Array, k: int = 0) -> Array:
        """The part of ``x`` on one side of its ``k``-th diagonal, this included."""
        return self.bind((x,), k)

    def infer(self, types: Sequence[ArrayType], k: int) -> ArrayType:
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any], k: int) -> Any:
        return self._function(arrays[0], k)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], k: int
    ) -> Sequence[Maybe]:
        return (self(ct, k),)

    def examples(self) -> Sequence[Example]:
        return (((matrices(3, 4),), (0,)), ((matrices(2, 3, 3),), (-1,)))


tril = Triangle(np.tril, "tril")
triu = Triangle(np.triu, "triu")


def hermitian(x: Array, *, lower: bool = True) -> Array:
    """The Hermitian matrix of which LAPACK reads one triangle; of the diagonal, the real part."""
    strict = tril(x, -1) if lower else triu(x, 1)
    diagonal = product("ii->i", x)
    if x.dtype.kind == "c":
        diagonal = np.real(diagonal)
    return strict + adjoint(strict) + product("i->ii", diagonal)


def on_triangle(ct: Array, lower: bool = True) -> Array:
    """The adjoint of ``hermitian``: what the entries of one triangle stand for."""
    both = ct + adjoint(ct)
    diagonal = product("ii->i", ct)
    if ct.dtype.kind == "c":
        diagonal = np.real(diagonal)
    return (tril(both, -1) if lower else triu(both, 1)) + product("i->ii", diagonal)


# -- systems ---------------------------------------------------------------------------------------


class Solve(MatrixFunction):
    """``A⁻¹B`` without the inverse; ``vector`` says that B is a stack of vectors."""

    name = "solve"
    parameters: ClassVar[tuple[str, ...]] = ("vector",)
    text = "{0}⁻¹{1}"
    latex = "{0}^{{-1}}{1}"
    precedence = 6
    linear_in = (1,)

    def __call__(self, a: Array, b: Array, *params: Any) -> Array:
        """Solve with stacks of the same leading axes."""
        vector = np.ndim(b) < np.ndim(a)
        return self.bind((a, b), vector, *params)

    def infer(self, types: Sequence[ArrayType], vector: bool, *params: Any) -> ArrayType:
        a, b = types
        check_square(a)
        if b.shape[: a.ndim - 1] != a.shape[:-1]:
            raise ValueError(f"the rows of {a} and {b} differ")
        return ArrayType(b.shape, np.result_type(a.dtype, b.dtype))

    def evaluate(self, arrays: Sequence[Any], vector: bool, *params: Any) -> Any:
        a, b = arrays
        return self._solve(a, b[..., None], *params)[..., 0] if vector else self._solve(a, b, *params)

    def _solve(self, a: Any, b: Any, *params: Any) -> Any:
        return np.linalg.solve(a, b)

    def _flipped(self, *params: Any) -> tuple[Any, ...]:
        """The further parameters for the adjoint matrix."""
        return params

    def _read(self, x: Array, *params: Any) -> Array:
        """The part of the matrix that is read."""
        return x

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        da, db = tangents
        if da is not None:
            by_a = product("ij,j->i" if params[0] else "ij,jk->ik", self._read(da, *params[1:]), out)
            db = -by_a if db is None else db - by_a
        return self.bind((args[0], db), *params)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        vector: bool,
        *params: Any,
    ) -> Sequence[Maybe]:
        a, b = args
        ct_b = self.bind((adjoint(a), ct), vector, *self._flipped(*params))
        ct_a = None
        if wanted[0]:
            by_a = product("i,j->ij" if vector else "ik,jk->ij", ct_b, conjugated(out))
            ct_a = matched(-self._read(by_a, *params), a)
        return ct_a, matched(ct_b, b) if wanted[1] else None

    def batch(
        self,
        args: Sequence[Array],
        batched: Sequence[bool],
        size: int,
        vector: bool,
        *params: Any,
    ) -> Array:
        a, b = args
        if batched[0]:
            return self.bind(lead_all(args, batched, size), vector, *params)
        # Many right-hand sides for one matrix are the columns of one: it is factored once.
        *lead, rows = np.shape(b)[1:] if vector else np.shape(b)[1:-1]
        columns = np.moveaxis(b, 0, -1)
        wide = reshape(columns, (*lead, rows, size if vector else size * np.shape(b)[-1]))
        solved = self.bind((a, wide), False, *params)
        return np.moveaxis(reshape(solved, np.shape(columns)), -1, 0)

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(3, 3), matrices(3, 3, seed=1)[0]), (True,)),
            ((matrices(2, 3, 3), matrices(2, 3, 2, seed=1)), (False,)),
            ((matrices(3, 3, field="c"), matrices(3, 2, seed=1, field="c")), (False,)),
        )


class TriangularSolve(Solve):
    """``A⁻¹B`` for the lower or upper triangle of A; the other one is not read."""

    name = "triangular_solve"
    parameters = ("vector", "lower")

    def _solve(self, a: Any, b: Any, *params: Any) -> Any:
        from scipy.linalg import solve_triangular

        (lower,) = params
        if a.ndim == 2:
            return solve_triangular(a, b, lower=lower, check_finite=False)
        x = np.empty(b.shape, np.result_type(a, b))
        for k in np.ndindex(a.shape[:-2]):
            x[k] = solve_triangular(a[k], b[k], lower=lower, check_finite=False)
        return x

    def _flipped(self, lower: bool) -> tuple[Any, ...]:
        return (not lower,)

    def _read(self, x: Array, lower: bool) -> Array:
        return tril(x) if lower else triu(x)

    def examples(self) -> Sequence[Example]:
        return tuple(
            (arrays, (*params, lower))
            for (arrays, params), lower in zip(super().examples(), (True, False, True), strict=True)
        )


class Inverse(MatrixFunction):
    """The inverse: ``d(A⁻¹) = −A⁻¹ dA A⁻¹``."""

    name = "inv"
    text = "{0}⁻¹"
    latex = "{0}^{{-1}}"

    def __call__(self, a: Array) -> Array:
        """Invert a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        return np.linalg.inv(arrays[0])

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return -product("ij,jk,kl->il", out, tangents[0], out)

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        across = conjugated(out)
        return (-product("ji,jk,lk->il", across, ct, across),)

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(3, 3),), ()),
            ((matrices(2, 2, 2),), ()),
            ((matrices(3, 3, field="c"),), ()),
        )


class PseudoInverse(MatrixFunction):
    """The Moore-Penrose inverse.

    It is differentiable where the rank does not change nearby, so the derivative is written with
    ``regular_pinv``, which refuses a matrix of deficient rank.
    """

    parameters = ("rcond",)
    text = "{0}⁺"
    latex = "{0}^{{+}}"

    def __init__(self, name: str, *, regular: bool) -> None:
        self.name = name
        self._regular = regular

    def __call__(self, a: Array, rcond: float = 1e-15) -> Array:
        """Singular values below ``rcond`` times the largest count as zero."""
        return self.bind((a,), rcond)

    def infer(self, types: Sequence[ArrayType], rcond: float) -> ArrayType:
        *lead, m, n = types[0].shape
        return ArrayType((*lead, n, m), types[0].dtype)

    def evaluate(self, arrays: Sequence[Any], rcond: float) -> Any:
        (a,) = arrays
        if self._regular and a.size:
            s = np.linalg.svd(a, compute_uv=False)
            cutoff = max(rcond, max(a.shape[-2:]) * float(np.finfo(a.dtype).eps))
            if (s[..., -1] <= cutoff * s[..., 0]).any():
                raise UndefinedDerivative(
                    "a least-squares solution or pseudo-inverse has no derivative where the matrix "
                    "has deficient rank; remove dependent columns or rows, or add a ridge term"
                )
        return np.linalg.pinv(a, rcond)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (a,), (t,), (rcond,) = args, tangents, params
        p = regular_pinv(a, rcond)
        p_h, t_h = adjoint(p), adjoint(t)
        m, n = np.shape(a)[-2:]
        result = -product("ij,jk,kl->il", p, t, p)
        if m > n:  # the columns span less than the space
            beyond = identity_like(p) - a @ p
            result = result + product("ij,jk,kl,lm->im", p, p_h, t_h, beyond)
        if n > m:
            beyond = identity_like(a) - p @ a
            result = result + product("ij,jk,kl,lm->im", beyond, t_h, p_h, p)
        return result

    def examples(self) -> Sequence[Example]:
        return (((matrices(4, 2),), (1e-15,)), ((matrices(2, 3, field="c"),), (1e-15,)))


class LeastSquares(MatrixFunction):
    """The x of least length among those of least ``‖Ax − b‖``: ``A⁺b``, for A of full rank."""

    name = "lstsq"
    parameters = ("rcond",)
    text = "{0}⁺{1}"
    latex = "{0}^{{+}}{1}"

    def __call__(self, a: Array, b: Array, rcond: float) -> Array:
        """Solve for the columns of ``b``."""
        return self.bind((a, b), rcond)

    def infer(self, types: Sequence[ArrayType], rcond: float) -> ArrayType:
        a, b = types
        if a.shape[:-1] != b.shape[:-1]:
            raise ValueError(f"the rows of {a} and {b} differ")
        shape = (*a.shape[:-2], a.shape[-1], b.shape[-1])
        return ArrayType(shape, np.result_type(a.dtype, b.dtype))

    def evaluate(self, arrays: Sequence[Any], rcond: float) -> Any:
        a, b = arrays
        if a.ndim == 2:
            return np.linalg.lstsq(a, b, rcond)[0]
        x = np.empty((*a.shape[:-2], a.shape[-1], b.shape[-1]), np.result_type(a, b))
        for k in np.ndindex(a.shape[:-2]):
            x[k] = np.linalg.lstsq(a[k], b[k], rcond)[0]
        return x

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (a, b), (da, db), (rcond,) = args, tangents, params
        p = regular_pinv(a, rcond)
        m, n = np.shape(a)[-2:]
        terms = [None if db is None else p @ db]
        if da is not None:
            da_h, p_h = adjoint(da), adjoint(p)
            terms.append(-(p @ (da @ out)))
            if m > n:
                terms.append(p @ (p_h @ (da_h @ (b - a @ out))))
            if n > m:
                shift = da_h @ (p_h @ out)
                terms.append(shift - p @ (a @ shift))
        return total(terms)

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(4, 2), matrices(4, 1, seed=1)), (1e-15,)),
            ((matrices(2, 3), matrices(2, 2, seed=1)), (1e-15,)),
            ((matrices(3, 2, field="c"), matrices(3, 1, seed=1, field="c")), (1e-15,)),
        )


class Exponential(MatrixFunction):
    """The matrix exponential.

    Its tangent is a block of the exponential of a block matrix: ``exp [[A, E], [0, A]]`` has
    ``exp(A)`` on the diagonal and the tangent by ``E`` beside it (Najfeld and Havel, Derivatives
    of the matrix exponential, 1995).
    """

    name = "expm"
    text = "exp({0})"
    latex = "e^{{{0}}}"

    def __call__(self, a: Array) -> Array:
        """The exponentials of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        from scipy.linalg import expm

        return expm(arrays[0])

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        return self._beside(args[0], tangents[0])

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        # tr(X L(E)) = tr(L(X) E), also on a branch cut, where f(Aᴴ) may not be f(A)ᴴ.
        return (adjoint(self._beside(args[0], adjoint(ct))),)

    def _beside(self, a: Array, e: Array) -> Array:
        n = np.shape(a)[-1]
        nothing = np.zeros(np.shape(a), a.dtype)
        rows = concatenate((a, e), -1), concatenate((nothing, a), -1)
        return slice_(self(concatenate(rows, -2)), ((0, n, 1), (n, n, 1)))

    def examples(self) -> Sequence[Example]:
        return (((matrices(3, 3) / 3,), ()), ((matrices(2, 2, 2, field="c") / 3,), ()))


solve = Solve()
triangular_solve = TriangularSolve()
inv = Inverse()
pinv = PseudoInverse("pinv", regular=False)
regular_pinv = PseudoInverse("regular_pinv", regular=True)
lstsq = LeastSquares()
expm = Exponential()
