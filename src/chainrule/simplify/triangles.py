"""Which matrices are triangular, by what they are made of, and what follows: ``L⁻ᵀL⁻¹`` is ``S⁻¹``."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..ir.node import Node
from ..ops.linalg import tril, triu
from ..ops.monomial import INVERSE, LOGDET, MONOMIAL, TOTAL, UNIT, Factor, Term, decode
from ..ops.transcendental import log
from .builder import Builder
from .mirrored import mirrored


def is_lower(algebra: Builder, n: Node) -> bool:
    """Whether a matrix has zeros above its diagonal."""
    return _is_triangular(algebra, n, lower=True)


def is_upper(algebra: Builder, n: Node) -> bool:
    """Whether a matrix has zeros below its diagonal."""
    return _is_triangular(algebra, n, lower=False)


def _is_triangular(algebra: Builder, n: Node, *, lower: bool) -> bool:
    if n.op.name == "cholesky":
        return lower
    if n in algebra.assumed.lower:
        return lower
    if n.op is tril or n.op is triu:
        k = n.params[0]
        return (n.op is tril) == lower and (k <= 0 if lower else k >= 0)
    if n.op is INVERSE:
        return _is_triangular(algebra, n.args[0], lower=lower)
    if n.op is TOTAL:
        return all(_is_triangular(algebra, a, lower=lower) for a in n.args)
    if n.op is not MONOMIAL or len(n.params[3]) != 2:
        return False
    term = decode(n)
    a, b = term.out if lower else term.out[::-1]
    return a in _reached(b, _order(algebra, term))


def _order(algebra: Builder, term: Term) -> list[tuple[int, int]]:
    """Pairs of indices of which the first is at least the second wherever the term is not 0."""
    found: list[tuple[int, int]] = []
    for f in term.factors:
        if len(f.indices) == 2 and f.exponent > 0:
            high, low = f.indices
            if is_lower(algebra, f.node):
                found.append((high, low))
            if is_upper(algebra, f.node):
                found.append((low, high))
    return found


def _reached(start: int, pairs: Iterable[tuple[int, int]]) -> set[int]:
    """The indices that are at least ``start``."""
    seen, pending, known = {start}, [start], list(pairs)
    while pending:
        here = pending.pop()
        for high, low in known:
            if low == here and high not in seen:
                seen.add(high)
                pending.append(high)
    return seen


def pinned(algebra: Builder, n: Node) -> Node:
    """The diagonal of a triangular matrix, where all indices between the two ends are the same."""
    term = algebra.term(n)
    if n.op is TOTAL:
        return algebra.total([pinned(algebra, a) for a in n.args])
    i, j = term.out
    pairs = [(i if a == j else a, i if b == j else b) for a, b in _order(algebra, term)]
    after = _reached(i, pairs)
    before = {k for k in term.axes if i in _reached(k, pairs)}
    same = (after & before) | {i, j}

    def at(k: int) -> int:
        return i if k in same else k

    factors = tuple(f._replace(indices=tuple(map(at, f.indices))) for f in term.factors)
    return algebra.monomial(term._replace(factors=factors, out=(i, i)))


# -- Cholesky's factor -----------------------------------------------------------------------------


def factors(algebra: Builder, term: Term) -> Term | None:
    """``L⁻ᵀL⁻¹`` is ``S⁻¹``, and ``Σ log L_ii`` is ``½ log det S``, of a symmetric S = LLᵀ."""
    for k, f in enumerate(term.factors):
        found = _inverse(algebra, term, k, f) or _logarithm(algebra, term, k, f)
        found = found or _cancelled(algebra, term, f) or _covered(algebra, term, f)
        if found is not None:
            return found
    return None


def _matrix(algebra: Builder, n: Node) -> Node | None:
    """S for its factor L."""
    if n.op.name != "cholesky":
        return None
    (s,) = n.args
    even = s in algebra.assumed.even or mirrored(algebra, s, 0, 1) == 1
    return s if even else None


def _inverse(algebra: Builder, term: Term, k: int, f: Factor) -> Term | None:
    s = _matrix(algebra, f.node.args[0]) if f.node.op is INVERSE else None
    if s is None or len(f.indices) != 2 or f.indices[0] in term.out:
        return None
    row = f.indices[0]
    others = [g for m, g in enumerate(term.factors) if m != k]
    beside = [g for g in others if row in g.indices]
    inverse = algebra.opaque(INVERSE, [s], (), algebra.axes(s))
    if f.exponent == 2 and not beside and f.indices[1] != row:
        made = Factor(inverse, (f.indices[1], f.indices[1]))
        return term._replace(factors=(*others, made))
    if f.exponent != 1 or len(beside) != 1:
        return None
    (g,) = beside
    if g.node is not f.node or g.exponent != 1 or g.indices[0] != row or row in g.indices[1:]:
        return None
    rest = tuple(h for h in others if h is not g)
    return term._replace(factors=(*rest, Factor(inverse, (f.indices[1], g.indices[1]))))


def _cancelled(algebra: Builder, term: Term, f: Factor) -> Term | None:
    """``A⁻¹A`` is the identity, and ``LᵀS⁻¹`` is ``L⁻¹``."""
    if f.node.op is not INVERSE or len(f.indices) != 2 or f.exponent != 1:
        return None
    (matrix,) = f.node.args
    others = [g for g in term.factors if g is not f]
    for p in (0, 1):
        i, j = f.indices[1 - p], f.indices[p]
        beside = [g for g in others if j in g.indices]
        if i == j or j in term.out or len(beside) != 1:
            continue
        (g,) = beside
        if len(g.indices) != 2 or g.exponent != 1 or g.indices.count(j) > 1:
            continue
        k = g.indices[1 - g.indices.index(j)]
        rest = tuple(h for h in others if h is not g)
        if g.node is matrix and g.indices[1 - p] == j:
            return _joined(Term(term.coefficient, rest, term.out, term.axes), i, k)
        if _matrix(algebra, g.node) is matrix and g.indices[0] == j:
            inverse = algebra.opaque(INVERSE, [g.node], (), algebra.axes(g.node))
            return term._replace(factors=(*rest, Factor(inverse, (k, i))))
    return None


def _covered(algebra: Builder, term: Term, f: Factor) -> Term | None:
    """``L ⊙ tril(M)`` is ``L ⊙ M`` for a lower triangular L."""
    if f.node.op not in (tril, triu) or f.node.params[0] or f.exponent != 1:
        return None
    for g in term.factors:
        if g is f or len(g.indices) != 2 or g.exponent <= 0 or {*g.indices} != {*f.indices}:
            continue
        lower = (f.node.op is tril) == (g.indices == f.indices)
        if is_lower(algebra, g.node) if lower else is_upper(algebra, g.node):
            whole = f._replace(node=f.node.args[0])
            return term._replace(factors=tuple(whole if h is f else h for h in term.factors))
    return None


def _joined(term: Term, i: int, k: int) -> Term:
    """The term with two indices as one."""

    def at(m: int) -> int:
        return i if m == k else m

    factors = tuple(f._replace(indices=tuple(map(at, f.indices))) for f in term.factors)
    return term._replace(factors=factors, out=tuple(map(at, term.out)))


def _logarithm(algebra: Builder, term: Term, k: int, f: Factor) -> Term | None:
    if f.node.op is not log or f.exponent != 1 or len(f.indices) != 1:
        return None
    (i,) = f.indices
    others = tuple(g for m, g in enumerate(term.factors) if m != k)
    if i in term.out or any(i in g.indices for g in others):
        return None
    (inside,) = f.node.args
    if inside.op is not MONOMIAL or len(inside.args) != 1 or inside.params[0] != UNIT:
        return None
    (diagonal,) = decode(inside).factors
    s = _matrix(algebra, diagonal.node)
    if s is None or diagonal.exponent != 1 or len(set(diagonal.indices)) != 1:
        return None
    made = algebra.opaque(LOGDET, [s], (), ())
    return term._replace(
        coefficient=term.coefficient * Fraction(1, 2), factors=(*others, Factor(made, ()))
    )
