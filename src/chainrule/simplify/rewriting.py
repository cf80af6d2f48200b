"""Sums and products in a form that reads better: what an algebra tries on what it builds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..ir.node import Node
from ..ops.monomial import INVERSE, MONOMIAL, TOTAL, UNIT, Axis, Coefficient, Factor, Term, decode
from ..ops.sandwich import sandwich
from .builder import Builder
from .expanding import expanded, over_common_denominator

Axes = tuple[Axis, ...]


def diagonals(algebra: Builder, terms: list[tuple[Coefficient, Node]], axes: Axes) -> Node | None:
    """A sum of diagonal matrices is one: ``diag(a + b)``."""
    views = [algebra.term(base) for _, base in terms]
    if len(axes) != 2 or any(v.out[0] != v.out[-1] or not v.factors for v in views):
        return None
    parts = [
        algebra.monomial(v._replace(out=v.out[:1], coefficient=c * v.coefficient))
        for (c, _), v in zip(terms, views, strict=True)
    ]
    return algebra.monomial(Term(UNIT, (Factor(algebra.total(parts), (0,)),), (0, 0), {0: axes[0]}))


def kept_whole(algebra: Builder, nodes: Sequence[Node]) -> Node | None:
    """A sum that all other terms are products with: ``r − αAᵀr``, whatever r is the sum of."""
    bases = [algebra.split(n)[1] for n in nodes]
    if len(bases) < 2:
        return None
    for base in bases:
        others = [b for b in bases if b is not base]
        if base.op is TOTAL and others and all(
            b.op is MONOMIAL and base in b.args and len(b.args) > 1 for b in others
        ):
            return base
    return None


def shorter(algebra: Builder, terms: list[tuple[Coefficient, Node]], axes: Axes) -> Node | None:
    """The sum where products are written out, if terms of them cancel."""
    if algebra.expanding:
        return None
    algebra.expanding = True
    try:
        fewer, below = expanded(algebra, terms), None
        if fewer is None:
            fewer = expanded(algebra, terms, diagonal=True)
        if fewer is None:
            quotient = over_common_denominator(algebra, terms)
            if quotient is not None:
                fewer, below = quotient
    finally:
        algebra.expanding = False
    if fewer is None:
        return None
    if not fewer:
        return algebra.constant(Coefficient(Fraction(0)), axes)
    made = algebra.total([algebra.scale(base, c) for c, base in fewer])
    if below is None:
        return made
    out = tuple(range(len(axes)))
    factors = (Factor(made, out), below)
    return algebra.monomial(Term(UNIT, factors, out, dict(enumerate(axes))))


def opened(algebra: Builder, term: Term, position: int) -> Node | None:
    """``diag(p) (A − 𝟏pᵀA)`` multiplied out, to be displayed as ``(diag(p) − ppᵀ)A``."""
    f = term.factors[position]
    if all(algebra.varies(part, p) for part in f.node.args for p in (0, 1)):
        return None
    beside = [g for g in term.factors if len(g.indices) == 1 and g.indices[0] in f.indices]
    matrices = [{a for a in part.args or (part,) if a.type.ndim == 2} for part in f.node.args]
    if not beside or not set.intersection(*matrices):
        return None
    around = term.factors[:position], term.factors[position + 1 :]
    parts = [
        algebra.monomial(term._replace(factors=(*around[0], Factor(part, f.indices), *around[1])))
        for part in f.node.args
    ]
    return algebra.total(parts) if sandwich([algebra.split(p)[1] for p in parts]) else None


def is_symmetric(algebra: Builder, n: Node) -> bool:
    """Whether a matrix provably equals its transpose: ``XᵀX + λI``, and its inverse."""
    if n in algebra.symmetric:
        return True
    axes = algebra.axes(n)
    if len(axes) != 2 or axes[0] != axes[1]:
        return False
    if n.op is INVERSE:
        return is_symmetric(algebra, n.args[0])
    if n.op is TOTAL:
        return all(is_symmetric(algebra, a) for a in n.args)
    if n.op is not MONOMIAL:
        return False
    term = decode(n)
    return algebra.order.canonical(term._replace(out=term.out[::-1])) is n


def upright(algebra: Builder, f: Factor, out: tuple[int, ...]) -> Factor:
    """A symmetric matrix always with its indices the same way round."""
    if len(f.indices) != 2 or not is_symmetric(algebra, f.node):
        return f
    algebra.order.symmetric.add(f.node)

    def place(i: int) -> tuple[bool, int]:
        return (False, out.index(i)) if i in out else (True, i)

    return f._replace(indices=tuple(sorted(f.indices, key=place)))


def cleared(algebra: Builder, term: Term) -> Term | None:
    """A number divided by beside a sum as well as in it: ``1/(ν(r²/ν + 1))`` is ``1/(r² + ν)``."""
    for f in term.factors:
        if f.node.op is not TOTAL or f.exponent >= 0 or f.exponent.denominator != 1:
            continue
        for g in term.factors:
            if g.indices or g is f or g.exponent >= 0:
                continue
            powers = [
                max((-h.exponent for h in algebra.term(part).factors if h.node is g.node), default=0)
                for part in f.node.args
            ]
            q = max(powers)
            if q <= 0 or g.exponent > f.exponent * q:
                continue
            axes = algebra.axes(f.node)
            out = tuple(range(len(axes)))
            parts = [
                algebra.monomial(
                    Term(
                        UNIT,
                        (Factor(part, out), Factor(g.node, (), Fraction(q))),
                        out,
                        dict(enumerate(axes)),
                    )
                )
                for part in f.node.args
            ]
            left = g.exponent - f.exponent * q
            rest = [h for h in term.factors if h is not f and h is not g]
            beside = [g._replace(exponent=left)] if left else []
            new = f._replace(node=algebra.total(parts))
            return term._replace(factors=(*rest, *beside, new))
    return None
