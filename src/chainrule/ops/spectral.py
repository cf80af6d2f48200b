"""Eigenvalues and singular values, with their vectors.

The vectors turn at a rate that is divided by the gap between two values. Where two values are
equal there is no such rate; what is asked for may still have a derivative, if it does not depend
on how the vectors are turned among themselves. So the division is a row of its own, ``turning``,
which refuses where it would be by 0.

Sources: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008; Magnus, On differentiating eigenvalues and eigenvectors, 1985; Townsend,
Differentiating the singular value decomposition, 2016; for complex matrices Wan and Zhang,
Automatic differentiation for complex valued SVD, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import UndefinedDerivative
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, TupleType
from .elementwise import support
from .linalg import (
    Example,
    MatrixFunction,
    adjoint,
    check_square,
    conjugated,
    hermitian,
    matched,
    matrices,
    on_triangle,
    product,
    real_dtype,
)


class Turning(MatrixFunction):
    """``rate[i, j] / (w[j] ± w[i])``: how fast vector ``j`` turns towards vector ``i``.

    The rate is the sum of any number of terms, of which only the Hermitian (``part`` 1) or the
    skew-Hermitian (−1) part counts. Where the gap is 0, that depends on the ``mode``:

    - ``reverse``: an error if either vector is ``live``, which is to say used by the program's
      structure. A rate that happens to be 0 shows nothing: the vectors may have turned by any
      angle already, and in ``V f(w) Vᴴ`` it is the product of a gap of 0 and an unknown slope of f.
    - ``forward``: NaN unless the rate is 0, for it is not known yet what will be used.
    - ``complement``: an error unless the rate is 0. The vectors are arbitrary at every point, so a
      program that has a value at all depends on their span alone.

    With ``phase`` a rate on the diagonal is an error: nobody may ask for the phase of a vector.
    """

    name = "turning"
    parameters = ("sign", "part", "mode", "phase")
    text = "turning({args})"

    @property
    def linear_in(self) -> Any:  # type: ignore[override]
        """Every term of the rate."""
        return range(2, 1 << 30)

    def __call__(
        self,
        w: Array,
        live: Array,
        *rates: Array,
        sign: int,
        part: int,
        mode: str = "forward",
        phase: bool = False,
    ) -> Array:
        """``w`` and ``live`` are stacks of vectors, the ``rates`` of matrices."""
        return self.bind((w, live, *rates), sign, part, mode, phase)

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        if types[0].dtype.kind == "c":
            raise TypeError("the values are real")
        return ArrayType(types[2].shape, np.result_type(*[t.dtype for t in types[2:]]))

    def evaluate(
        self, arrays: Sequence[Any], sign: int, part: int, mode: str, phase: bool
    ) -> Any:
        w, live, *rates = arrays
        n = w.shape[-1]
        rate = sum(rates)
        rate = (rate + part * np.swapaxes(rate, -1, -2).conj()) / 2
        gap = w[..., None, :] + sign * w[..., :, None]
        noise = n * float(np.finfo(w.dtype).eps)
        closed = np.abs(gap) <= 4 * noise * _largest(w[..., None, :])
        itself = np.eye(n, dtype=bool)
        used = closed & (live[..., None, :] | live[..., :, None])
        scale = np.max([_largest(r) for r in rates], axis=0)
        turns = ~(np.abs(rate) <= 100 * noise * scale)
        if mode != "forward" and (used & ~itself & (turns | (mode == "reverse"))).any():
            raise UndefinedDerivative(
                "vectors that belong to a repeated eigenvalue or singular value have no "
                "derivative; use what does not depend on their choice, such as a symmetric "
                "function of the values alone, or a function of the matrix, (V * f(w)) @ V.T"
            )
        if phase and (used & itself & turns).any():
            raise UndefinedDerivative(
                "the phase of a complex eigenvector or singular vector is arbitrary, and has no "
                "derivative; use what does not depend on it, such as the modulus of a component"
            )
        nothing = (rate == 0) | ~used | (itself & (sign < 0)) | (mode != "forward")
        return np.where(
            closed, np.where(nothing, 0, np.nan), rate / np.where(closed, 1, gap)
        ).astype(rate.dtype)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        w, live, *_ = args
        dw, _, *rates = tangents
        sign, part, mode, _ = params
        terms = [r for r in rates if r is not None]
        if dw is not None:
            terms.append(-out * (np.expand_dims(dw, -2) + sign * np.expand_dims(dw, -1)))
        return self(w, live, *terms, sign=sign, part=part, mode=mode)

    def pullback(
        self,
        out: Array,
        ct: Array,
        args: Sequence[Array],
        wanted: Sequence[bool],
        sign: int,
        part: int,
        mode: str,
        phase: bool,
    ) -> Sequence[Maybe]:
        w, live, *rates = args
        # For sign −1 the division makes Hermitian skew-Hermitian, and the other way round.
        back = self(w, live, ct, sign=sign, part=part * sign, mode=mode)
        ct_w = None
        if wanted[0]:
            share = np.real(conjugated(back) * out)
            ct_w = matched(-(np.sum(share, axis=-2) + sign * np.sum(share, axis=-1)), w)
        pulled = [matched(back, r) if w else None for r, w in zip(rates, wanted[2:], strict=True)]
        return ct_w, None, *pulled

    def examples(self) -> Sequence[Example]:
        w = np.array([0.5, 1.0, 2.5])
        live = np.ones(3, bool)
        a, c = matrices(3, 3), matrices(3, 3, field="c")
        return (
            ((w, live, a), (-1, 1, "forward", False)),
            ((w, live, a, matrices(3, 3, seed=1)), (1, -1, "forward", False)),
            ((w, live, a), (-1, -1, "reverse", True)),
            ((w, live, c), (-1, -1, "reverse", False)),
            ((w, live, c), (1, -1, "forward", False)),
        )


def _largest(x: Any) -> Any:
    """The largest modulus in each matrix of a stack."""
    return np.max(np.abs(x), axis=(-1, -2), initial=0, keepdims=True)


turning = Turning()


class Eigh(MatrixFunction):
    """Eigenvalues, ascending, and eigenvectors of a Hermitian matrix, read in one triangle.

    With ``G = Vᴴ dA V``: ``dw = diag G`` and ``dV = V (G ⊘ gaps)``. A complex vector is moved so
    that its phase stays as still as it can.
    """

    name = "eigh"
    parameters = ("lower",)
    text = "eigh({0})"

    def __call__(self, a: Array, lower: bool = True) -> tuple[Array, Array]:
        """``(w, V)`` of a stack of matrices."""
        result: tuple[Array, Array] = self.bind((a,), lower)
        return result

    def infer(self, types: Sequence[ArrayType], lower: bool) -> TupleType:
        (a,) = types
        check_square(a)
        return TupleType((ArrayType(a.shape[:-1], real_dtype(a.dtype)), a.strong()))

    def evaluate(self, arrays: Sequence[Any], lower: bool) -> Any:
        return tuple(np.linalg.eigh(arrays[0], "L" if lower else "U"))

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        w, v = out
        rate = product("ji,jk,kl->il", conjugated(v), hermitian(tangents[0], lower=params[0]), v)
        dw = product("ii->i", rate)
        dv = v @ turning(w, _all_live(w), rate, sign=-1, part=1)
        return np.real(dw) if dw.dtype.kind == "c" else dw, dv

    def pullback(
        self, out: Array, ct: Any, args: Sequence[Array], wanted: Sequence[bool], lower: bool
    ) -> Sequence[Maybe]:
        (w, v), (ct_w, ct_v) = out, ct
        core = None if ct_w is None else product("i->ii", ct_w)
        if ct_v is not None:
            live = _live(ct_v, -2, w)
            rate = adjoint(v) @ ct_v
            turn = turning(w, live, rate, sign=-1, part=-1, mode="reverse", phase=_phased(v))
            core = turn if core is None else core + turn
        return (on_triangle(product("ij,jk,lk->il", v, core, conjugated(v)), lower),)

    def examples(self) -> Sequence[Example]:
        return (
            ((matrices(3, 3),), (True,)),
            ((matrices(2, 2, 2),), (False,)),
        )


class EigenvaluesHermitian(Eigh):
    """The eigenvalues alone. Their slopes are finite, also where they are repeated."""

    name = "eigvalsh"
    text = "eigvalsh({0})"
    pullback = None  # type: ignore[assignment]

    def infer(self, types: Sequence[ArrayType], lower: bool) -> ArrayType:  # type: ignore[override]
        return super().infer(types, lower).items[0]

    def evaluate(self, arrays: Sequence[Any], lower: bool) -> Any:
        return np.linalg.eigvalsh(arrays[0], "L" if lower else "U")

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        _, v = eigh(args[0], *params)
        dw = product("ji,jk,ki->i", conjugated(v), hermitian(tangents[0], lower=params[0]), v)
        return np.real(dw) if dw.dtype.kind == "c" else dw


def _phased(v: Array) -> bool:
    return bool(v.dtype.kind == "c")


def _all_live(w: Array) -> Any:
    return np.ones(np.shape(w), bool)


def _live(ct: Maybe, axis: int, w: Array) -> Array:
    """Which vectors a cotangent reaches, by its structure."""
    if ct is None:
        return np.zeros(np.shape(w), bool)
    described = getattr(ct, "node", None)
    mask = None if described is None else support(described)
    return _all_live(w) if mask is None else np.any(ct.wrap(mask), axis=axis)


class SVD(MatrixFunction):
    """``A = U diag(s) Vᴴ`` with s descending; ``full`` completes U and V to bases.

    With ``P = Uᴴ dA V = E + D``, Hermitian and skew-Hermitian: ``ds = diag P``, and U turns by
    ``E[i, j] / (s[j] − s[i]) + D[i, j] / (s[j] + s[i])``, V by the difference of the two. Vectors
    beyond these span the complement, and only what depends on that span alone is differentiable.
    """

    parameters: ClassVar[tuple[str, ...]] = ("full",)
    text = "svd({0})"

    def __init__(self, name: str = "svd", *, phase: bool = True) -> None:
        self.name = name
        #: Whether to refuse what depends on the phase of a complex vector.
        self._phase = phase

    def __call__(self, a: Array, full: bool = False) -> tuple[Array, Array, Array]:
        """``(U, s, Vᴴ)`` of a stack of matrices."""
        result: tuple[Array, Array, Array] = self.bind((a,), full)
        return result

    def infer(self, types: Sequence[ArrayType], full: bool) -> TupleType:
        (a,) = types
        *lead, m, n = a.shape
        k = min(m, n)
        return TupleType(
            (
                ArrayType((*lead, m, m if full else k), a.dtype),
                ArrayType((*lead, k), real_dtype(a.dtype)),
                ArrayType((*lead, n if full else k, n), a.dtype),
            )
        )

    def evaluate(self, arrays: Sequence[Any], full: bool) -> Any:
        (a,) = arrays
        if self._phase or np.isfinite(a).all():
            return tuple(np.linalg.svd(a, full))
        # The determinant of NaN is NaN: a rule must not raise where the function does not.
        out = tuple(np.full(t.shape, np.nan, t.dtype) for t in self.infer([ArrayType(a.shape, a.dtype)], full).items)
        for k in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[k]).all():
                for whole, part in zip(out, np.linalg.svd(a[k], full), strict=True):
                    whole[k] = part
        return out

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        (t,) = tangents
        (u, u_rest), s, (v, v_rest) = _bases(out)
        rate = adjoint(u) @ t @ v
        ds = product("ii->i", rate)
        together = turning(s, _all_live(s), rate, sign=-1, part=1)
        apart = turning(s, _all_live(s), rate, sign=1, part=-1)
        du = u @ (together + apart)
        dv = v @ (together - apart)
        m, n = np.shape(t)[-2:]
        if m > n:
            du = du + _over(t @ v - u @ rate, s)
        if n > m:
            dv = dv + _over(adjoint(t) @ u - v @ adjoint(rate), s)
        if u_rest is not None:
            du = np.concatenate((du, -u @ adjoint(_over(adjoint(u_rest) @ t @ v, s))), axis=-1)
        if v_rest is not None:
            dv = np.concatenate((dv, -v @ adjoint(_over(adjoint(v_rest) @ adjoint(t) @ u, s))), axis=-1)
        return du, np.real(ds) if ds.dtype.kind == "c" else ds, adjoint(dv)

    def pullback(
        self, out: Array, ct: Any, args: Sequence[Array], wanted: Sequence[bool], full: bool
    ) -> Sequence[Maybe]:
        (u, u_rest), s, (v, v_rest) = _bases(out)
        ct_u, ct_s, ct_vh = ct
        k = np.shape(s)[-1]
        m, n = np.shape(args[0])[-2:]
        core = None if ct_s is None else product("i->ii", ct_s)
        by_a = None
        if ct_u is not None or ct_vh is not None:
            live = _live(None if ct_u is None else ct_u[..., :k], -2, s) | _live(
                None if ct_vh is None else ct_vh[..., :k, :], -1, s
            )
            by_u = [] if ct_u is None else [adjoint(u) @ ct_u[..., :k]]
            by_v = [] if ct_vh is None else [adjoint(ct_vh[..., :k, :] @ v)]
            apart = [*by_u, *(-r for r in by_v)]
            phase = self._phase and _phased(u)
            turn = turning(s, live, *by_u, *by_v, sign=-1, part=-1, mode="reverse", phase=phase)
            turn = turn + turning(s, live, *apart, sign=1, part=-1, mode="reverse", phase=phase)
            core = turn if core is None else core + turn
            if ct_u is not None and m > n:
                by_a = _beyond(u, u_rest, ct_u, s) @ adjoint(v)
            if ct_vh is not None and n > m:
                by_a = u @ adjoint(_beyond(v, v_rest, adjoint(ct_vh), s))
        within = u @ core @ adjoint(v)
        return (within if by_a is None else within + by_a,)

    def examples(self) -> Sequence[Example]:
        a = matrices(3, 3) * np.array([1.0, 2.0, 4.0])
        return (((a,), (False,)), ((a[:, :2],), (False,)), ((a[:2],), (False,)), ((a,), (True,)))


class SingularValues(SVD):
    """The singular values alone."""

    parameters = ()
    text = "svdvals({0})"
    pullback = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("svdvals")

    def __call__(self, a: Array) -> Array:  # type: ignore[override]
        """The singular values, descending, of a stack of matrices."""
        return self.bind((a,))

    def infer(self, types: Sequence[ArrayType]) -> ArrayType:  # type: ignore[override]
        return super().infer(types, False).items[1]

    def evaluate(self, arrays: Sequence[Any]) -> Any:  # type: ignore[override]
        return np.linalg.svd(arrays[0], compute_uv=False)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        u, _, vh = svd(args[0])
        ds = product("ji,jk,ik->i", conjugated(u), tangents[0], conjugated(vh))
        return np.real(ds) if ds.dtype.kind == "c" else ds

    def examples(self) -> Sequence[Example]:
        return tuple((arrays, ()) for arrays, _ in super().examples()[:3])


def _bases(out: Sequence[Array]) -> tuple[Any, Array, Any]:
    """The vectors that belong to singular values, and the others, if there are any."""
    u, s, vh = out
    k = np.shape(s)[-1]
    v = adjoint(vh)
    sides = [
        (x, None) if np.shape(x)[-1] == k else (x[..., :k], x[..., k:]) for x in (u, v)
    ]
    return sides[0], s, sides[1]


def _beyond(u: Array, rest: Array | None, ct: Array, s: Array) -> Array:
    """What a cotangent of vectors asks of their movement out of their own span."""
    k = np.shape(s)[-1]
    scaled = _over(ct[..., :k], s)
    result = scaled - u @ (adjoint(u) @ scaled)
    if rest is None:
        return result
    ct_rest = ct[..., k:]
    # Within the complement its vectors may not turn: 0, or the error that they do.
    turn = adjoint(rest) @ ct_rest
    zeros = np.zeros(np.shape(turn)[:-1], s.dtype)
    refused = turning(zeros, _all_live(zeros), turn, sign=-1, part=-1, mode="complement", phase=_phased(u))
    result = result - rest @ adjoint(_over(adjoint(u) @ ct_rest, np.expand_dims(s, -1), rows=True))
    return result + np.sum(refused, axis=(-1, -2), keepdims=True)


def _over(x: Array, s: Array, *, rows: bool = False) -> Array:
    """``x`` with its columns divided by ``s``; a column of zeros stays one where s is 0."""
    return np.where(x == 0, 0, x / (s if rows else np.expand_dims(s, -2)))


eigh = Eigh()
eigvalsh = EigenvaluesHermitian()
svd = SVD()
#: For rules in which the phases cancel by construction, and what is left of them is noise.
svd_of_rule = SVD("svd_of_rule", phase=False)
svdvals = SingularValues()
