"""Matrix equations that are linear in the unknown, and Riccati's, whose tangent is one of them.

``AX + XB = Q`` is Sylvester's; its tangent is another one for the same A and B, its adjoint one
for the adjoints of A and B. Sources: Kao and Hennequin, Automatic differentiation of Sylvester,
Lyapunov, and algebraic Riccati equations, 2020; Giles, 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..ir.primitive import Array, Maybe, total
from ..ir.types import ArrayType
from .indexing import take_along
from .linalg import (
    Example,
    MatrixFunction,
    adjoint,
    check_square,
    conjugated,
    identity_like,
    matched,
    matrices,
    solve,
)
from .structural import cast, reshape


def each(compute: Any, *stacks: Any) -> Any:
    """``compute`` for each of a stack of matrices."""
    lead = stacks[0].shape[:-2]
    if not lead:
        return compute(*stacks)
    results = [compute(*[s[k] for s in stacks]) for k in np.ndindex(lead)]
    return np.stack(results).reshape(lead + results[0].shape) if results else np.zeros(stacks[-1].shape)


class Sylvester(MatrixFunction):
    """The X with ``AX + XB = Q``."""

    name = "solve_sylvester"
    text = "sylvester({args})"
    linear_in = (2,)

    def __call__(self, a: Array, b: Array, q: Array) -> Array:
        """Solve for stacks of the same leading axes."""
        return self.bind((a, b, q))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        a, b, q = types
        check_square(a)
        check_square(b)
        if q.shape[-2:] != (a.shape[-1], b.shape[-1]):
            raise ValueError(f"the right-hand side {q} does not fit {a} and {b}")
        return ArrayType(q.shape, np.result_type(a.dtype, b.dtype, q.dtype))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        from scipy.linalg import solve_sylvester

        def solver(a: Any, b: Any, q: Any) -> Any:
            x = solve_sylvester(a, b, q)
            noise = 100 * float(np.finfo(x.dtype).eps) * (np.linalg.norm(a) + np.linalg.norm(b))
            if np.linalg.norm(q) < noise * np.linalg.norm(x) or not np.isfinite(x).all():
                raise np.linalg.LinAlgError(
                    "the equation AX + XB = Q is singular: an eigenvalue of A is the negative of one of B"
                )
            return x

        return each(solver, *arrays).astype(np.result_type(*arrays), copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        a, b, _ = args
        da, db, dq = tangents
        terms = [dq, None if da is None else -(da @ out), None if db is None else -(out @ db)]
        return self(a, b, cast(total(terms), out.dtype))

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        a, b, q = args
        back = self(adjoint(a), adjoint(b), ct)
        across = adjoint(out)
        return (
            matched(-(back @ across), a) if wanted[0] else None,
            matched(-(across @ back), b) if wanted[1] else None,
            matched(back, q) if wanted[2] else None,
        )

    def examples(self) -> Sequence[Example]:
        a, b, q = matrices(3, 3), matrices(2, 2, seed=1), matrices(3, 2, seed=2)
        return (
            ((a, b, q), ()),
            ((matrices(2, 2, 2), matrices(2, 2, 2, seed=3), matrices(2, 2, 2, seed=4)), ()),
            ((matrices(3, 3, field="c"), b, matrices(3, 2, seed=2, field="c")), ()),
        )


def stein(a: Array, q: Array) -> Array:
    """The X with ``X = A X Aᴴ + Q``: the discrete Lyapunov equation."""
    n = int(np.shape(a)[-1])
    if n < 10:  # as one linear system
        outer = np.expand_dims(a, (-1, -3)) * np.expand_dims(conjugated(a), (-2, -4))
        square = reshape(outer, (*np.shape(a)[:-2], n * n, n * n))
        flat = reshape(q, (*np.shape(q)[:-2], n * n))
        return reshape(solve(identity_like(square) - square, flat), np.shape(q))
    # The bilinear transformation makes it a continuous one (Gajic and Qureshi, 1995).
    identity = identity_like(a)
    across = adjoint(a)
    beyond = np.linalg.inv(across + identity)
    b = (across - identity) @ beyond
    c = 2 * (np.linalg.inv(a + identity) @ q) @ beyond
    return sylvester(adjoint(b), b, -c)


def _hermitian(x: Array) -> Array:
    return 0.5 * (x + adjoint(x))


class Riccati(MatrixFunction):
    """The stabilising X of an algebraic Riccati equation in (A, B, Q, R).

    Continuous: ``AᴴX + XA − XBR⁻¹BᴴX + Q = 0``; discrete: ``X = AᴴXA − AᴴXB(R + BᴴXB)⁻¹BᴴXA + Q``.
    Of Q and R, the Hermitian part counts. With the feedback K and the closed loop C = A − BK, a tangent solves the Lyapunov equation of C.
    """

    text = "riccati({args})"

    def __init__(self, name: str, *, discrete: bool) -> None:
        self.name = name
        self._discrete = discrete

    def __call__(self, a: Array, b: Array, q: Array, r: Array) -> Array:
        """Solve for stacks of the same leading axes."""
        return self.bind((a, b, q, r))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        check_square(types[0])
        return ArrayType(types[2].shape, np.result_type(*[t.dtype for t in types]))

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        from scipy import linalg

        solver = linalg.solve_discrete_are if self._discrete else linalg.solve_continuous_are
        a, b, q, r = arrays
        return each(solver, a, b, _hermitian(q), _hermitian(r)).astype(np.result_type(*arrays), copy=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        a, b, _, r = args
        da, db, dq, dr = tangents
        r = _hermitian(r)
        b_h = adjoint(b)
        if self._discrete:
            k = np.linalg.solve(r + b_h @ out @ b, b_h @ out @ a)
            before = adjoint(a - b @ k) @ out
        else:
            k = np.linalg.solve(r, b_h @ out)
            before = out
        one_sided = [None if da is None else before @ da, None if db is None else -(before @ db @ k)]
        half = total(one_sided)
        terms = [
            None if dq is None else _hermitian(dq),
            None if dr is None else adjoint(k) @ _hermitian(dr) @ k,
        ]
        if half is not None:
            terms += [half, adjoint(half)]
        change = cast(total(terms), out.dtype)
        across = adjoint(a - b @ k)
        if self._discrete:
            return stein(cast(across, out.dtype), change)
        return sylvester(across, adjoint(across), -change)

    def examples(self) -> Sequence[Example]:
        a, b = matrices(3, 3), matrices(3, 2, seed=1)
        return (((a / 4, b, np.diag([1.0, 2.0, 3.0]), np.diag([1.0, 0.5])), ()),)


class Banded(MatrixFunction):
    """``A⁻¹B`` for a matrix given by its diagonals: ``ab[u + i − j, j]`` is ``A[i, j]``.

    The corners of ``ab`` that lie outside of the matrix are not read.
    """

    name = "solve_banded"
    parameters: ClassVar[tuple[str, ...]] = ("below", "above")
    text = "{0}⁻¹{1}"
    precedence = 6
    linear_in = (1,)

    def __call__(self, ab: Array, b: Array, below: int, above: int) -> Array:
        """Solve for the columns of ``b``."""
        return self.bind((ab, b), below, above)

    def infer(self, types: Sequence[ArrayType], below: int, above: int) -> ArrayType:
        ab, b = types
        if ab.shape[-2] != below + above + 1 or ab.shape[-1] != b.shape[-2]:
            raise ValueError(f"the diagonals {ab} do not fit {b} with {below} below and {above} above")
        return ArrayType(b.shape, np.result_type(ab.dtype, b.dtype))

    def evaluate(self, arrays: Sequence[Any], below: int, above: int) -> Any:
        from scipy.linalg import solve_banded

        return each(lambda ab, b: solve_banded((below, above), ab, b, check_finite=False), *arrays)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        ab, _ = args
        dab, db = tangents
        if dab is not None:
            inside, column = _columns(int(np.shape(ab)[-1]), *params)
            entries = np.where(inside, _along(dab, column), np.zeros((), dab.dtype))
            by_a = np.sum(np.expand_dims(entries, -1) * out[..., column, :], axis=-3)
            db = -by_a if db is None else db - by_a
        return self.bind((ab, cast(db, out.dtype)), *params)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        below: int,
        above: int,
    ) -> Sequence[Maybe]:
        ab, b = args
        back = self(adjoint_bands(ab, below, above), ct, above, below)
        ct_ab = None
        if wanted[0]:
            n = int(np.shape(ab)[-1])
            row = np.arange(below + above + 1)[:, None] - above + np.arange(n)
            products = back[..., np.clip(row, 0, n - 1), :] * np.expand_dims(conjugated(out), -3)
            inside = (row >= 0) & (row < n)
            ct_ab = matched(-np.where(inside, np.sum(products, axis=-1), np.zeros((), out.dtype)), ab)
        return ct_ab, matched(back, b) if wanted[1] else None

    def examples(self) -> Sequence[Example]:
        ab = np.random.default_rng(12).normal(size=(4, 5)) + 4 * np.eye(4)[1][:, None]
        b = np.random.default_rng(13).normal(size=(5, 2))
        return (
            ((ab, b), (2, 1)),
            ((np.stack([ab, ab + 0.1]), np.stack([b, b])), (2, 1)),
            ((ab + 0.3j * ab[::-1], b), (2, 1)),
        )


class PolarFactor(MatrixFunction):
    """The U of ``A = UP`` with orthonormal columns, or rows, for A of full rank.

    With ``P = UᴴA``: ``dU = UX + (1 − UUᴴ) dA P⁻¹`` where ``PX + XP = Uᴴ dA − dAᴴ U``. No vector of
    a singular value is in it, so that equal ones make no difference.
    """

    name = "polar_factor"
    text = "polar({0})"

    def __call__(self, a: Array) -> Array:
        """The factors of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:
        return types[0].strong()

    def evaluate(self, arrays: Sequence[Any]) -> Any:
        u, _, vh = np.linalg.svd(arrays[0], full_matrices=False)
        return u @ vh

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (a,), (t,) = args, tangents
        m, n = np.shape(a)[-2:]
        wide = m < n
        u, a, t = (adjoint(x) if wide else x for x in (out, a, t))
        p = _hermitian(adjoint(u) @ a)
        along = adjoint(u) @ t
        change = u @ sylvester(p, p, along - adjoint(along))
        if m != n:
            change = change + adjoint(solve(p, adjoint(t - u @ along)))
        return adjoint(change) if wide else change

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(3, 3),), ()),
            ((matrices(4, 2),), ()),
            ((matrices(2, 3, field="c"),), ()),
        )


def _columns(n: int, below: int, above: int) -> tuple[Any, Any]:
    """For each diagonal, the column of its entry in each row, and whether there is one."""
    column = np.arange(n) - np.arange(below + above + 1)[:, None] + above
    return (column >= 0) & (column < n), np.clip(column, 0, n - 1)


def _along(bands: Array, column: Any) -> Array:
    return take_along(bands, np.broadcast_to(column, np.shape(bands)[:-2] + column.shape), -1)


def adjoint_bands(ab: Array, below: int, above: int) -> Array:
    """The diagonals of the conjugate transpose, which has ``above`` of them below the main one."""
    inside, column = _columns(int(np.shape(ab)[-1]), below, above)
    entries = np.where(inside, conjugated(_along(ab, column)), np.zeros((), ab.dtype))
    return entries[..., ::-1, :]


sylvester = Sylvester()
continuous_riccati = Riccati("solve_continuous_are", discrete=False)
discrete_riccati = Riccati("solve_discrete_are", discrete=True)
banded = Banded()
polar_factor = PolarFactor()
