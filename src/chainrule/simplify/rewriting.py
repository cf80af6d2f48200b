"""Sums and products in a form that reads better: what an algebra tries on what it builds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..ir.node import Node
from ..ops.monomial import MONOMIAL, TOTAL, UNIT, Axis, Coefficient, Factor, Term, decode
from ..ops.parts import with_part
from ..ops.sandwich import sandwich
from .builder import Builder
from .expanding import expanded, over_common_denominator

Axes = tuple[Axis, ...]


def diagonals(algebra: Builder, terms: list[tuple[Coefficient, Node]], axes: Axes) -> Node | None:
    """A sum of diagonal arrays is one: ``diag(a + b)``, and ``[ijk] δ_ij (A + B)_ik``."""
    views = [algebra.term(base) for _, base in terms]
    pattern = [views[0].out.index(i) for i in views[0].out]
    kept = sorted(set(pattern))
    if len(kept) == len(axes) or any(
        not v.factors or [v.out.index(i) for i in v.out] != pattern for v in views
    ):
        return None
    parts = [
        algebra.monomial(
            v._replace(out=tuple(v.out[p] for p in kept), coefficient=c * v.coefficient)
        )
        for (c, _), v in zip(terms, views, strict=True)
    ]
    whole = Factor(algebra.total(parts), tuple(kept))
    return algebra.monomial(Term(UNIT, (whole,), tuple(pattern), {p: axes[p] for p in kept}))


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


Terms = list[tuple[Coefficient, Node]]


def like_terms(algebra: Builder, nodes: Sequence[Node]) -> Terms:
    """The terms of a sum of nodes, like ones together.

    Sums among them are opened; but a multiple of a sum of numbers, ``2(x₁ − 1)``, only where one of
    its terms then meets its like.
    """
    sums: dict[tuple[Node, Any], Fraction] = {}
    numbers = not algebra.axes(nodes[0])
    whole_sum = kept_whole(algebra, nodes)
    kept: list[tuple[Coefficient, Node]] = []

    def open_up(stack: Terms, *, keep: bool) -> None:
        while stack:
            outer, n = stack.pop()
            coefficient, base = algebra.split(n)
            coefficient = outer * coefficient
            parts = algebra.parts(base) if base is not whole_sum else None
            if parts is None:
                key = (base, coefficient.sizes)
                sums[key] = sums.get(key, Fraction(0)) + coefficient.number
            elif keep and coefficient.magnitude() != UNIT:
                kept.append((coefficient, base))
            else:
                stack.extend((coefficient, part) for part in reversed(parts))

    open_up([(UNIT, n) for n in reversed(nodes)], keep=numbers)
    while kept:
        bodies = [{algebra.split(p)[1] for p in base.args} for _, base in kept]
        met = {base for base, _ in sums}
        for k, own in enumerate(bodies):
            if own & met.union(*bodies[:k], *bodies[k + 1 :]):
                open_up([kept.pop(k)], keep=False)
                break
        else:
            break
    for coefficient, base in kept:
        sums[base, coefficient.sizes] = coefficient.number
    return [(Coefficient(number, sizes), base) for (base, sizes), number in sums.items() if number]


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


def lengthened(algebra: Builder, term: Term) -> Term | None:
    """``‖x‖²`` beside a power of the same, as one power: ``‖x‖²x / ‖x‖`` is ``‖x‖x``."""
    for f in term.factors:
        whole_power = f.exponent.denominator == 1 and f.exponent > 0
        if f.indices or f.node.op is not MONOMIAL or whole_power:
            continue
        rest = tuple(g for g in term.factors if g is not f)
        whole = with_part(term._replace(factors=rest), decode(f.node), f.node, alone=True)
        if whole is None or f.node.params[0] != UNIT:
            continue
        factors = tuple(g for g in whole.factors if g.node is not f.node)
        left = (f._replace(exponent=f.exponent + 1),) if f.exponent != -1 else ()
        return term._replace(factors=(*factors, *left))
    return None


def rooted(term: Term) -> Term | None:
    """``N / √N`` is ``√N``: a power of a size beside a root of it."""
    powers = dict(term.coefficient.sizes)
    for f in term.factors:
        number = f.node.params[0] if f.node.op is MONOMIAL and not f.node.args else UNIT
        if f.exponent.denominator == 1 or number.number != 1 or len(number.sizes) != 1:
            continue
        ((axis, own),) = number.sizes
        if own != 1 or powers.get(axis, 0) * f.exponent >= 0:
            continue
        step = 1 if f.exponent < 0 else -1
        rest = tuple(g for g in term.factors if g is not f)
        left = Coefficient(Fraction(1), ((axis, -step),))
        whole = f._replace(exponent=f.exponent + step)
        return term._replace(coefficient=term.coefficient * left, factors=(*rest, whole))
    return None
