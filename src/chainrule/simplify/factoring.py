"""Common factors of a sum: ``Ax + Aᵀx`` is ``(A + Aᵀ)x``, and ``s − s ⊙ s`` is ``s ⊙ (1 − s)``."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..ir.node import INPUT, Node
from ..ops.monomial import MONOMIAL, UNIT, Axis, Coefficient, Factor, Term
from ..ops.structural import slice_
from .builder import Builder

#: With more factors than this, no subset of them is tried.
MOST = 8


def common_factors(
    algebra: Builder,
    terms: list[tuple[Coefficient, Node]],
    axes: tuple[Axis, ...],
    *,
    alone: bool = False,
) -> Term | None:
    """The sum of ``terms`` as a product with what they all have in common, if anything.

    Factors agree when they are the same node at the same output indices, and at summed indices
    that can be given the same names in every term. If taking all of them out does not read well,
    those without summed indices are tried alone. ``alone`` asks for scalars alone.
    """
    views = [algebra.term(base) for _, base in terms]
    if any(not v.factors for v in views):
        return None
    if alone or any(len(set(v.out)) < len(v.out) for v in views):
        return _shared_numbers(algebra, [c for c, _ in terms], views, axes)
    views = [_aligned(v, k) for k, v in enumerate(views)]
    coefficients = [c for c, _ in terms]
    found = _taken_out(algebra, coefficients, views, contracted=True)
    if found is None and len(views[0].factors) <= MOST:
        # One factor with summed indices may be all that is in the way.
        for f in views[0].factors:
            if not set(f.indices) <= set(views[0].out):
                found = found or _taken_out(
                    algebra, coefficients, views, contracted=True, without=f
                )
    return found or _taken_out(algebra, coefficients, views, contracted=False)


def _shared_numbers(
    algebra: Builder, coefficients: Sequence[Coefficient], views: list[Term], axes: tuple[Axis, ...]
) -> Term | None:
    """Beside a diagonal, scalars alone are taken out: ``h(xxᵀ − I)``."""
    shared = (f for f in views[0].factors if not f.indices)
    common = [f for f in dict.fromkeys(shared) if all(f in v.factors for v in views[1:])]
    if not common:
        return None
    parts = []
    for coefficient, view in zip(coefficients, views, strict=True):
        rest = list(view.factors)
        for f in common:  # once: what stands there twice stays once
            rest.remove(f)
        parts.append(algebra.monomial(view._replace(coefficient=coefficient, factors=tuple(rest))))
    out = tuple(range(len(axes)))
    inner = Factor(algebra.total(parts), out)
    return Term(UNIT, (*common, inner), out, dict(enumerate(axes)))


def _taken_out(
    algebra: Builder,
    coefficients: Sequence[Coefficient],
    views: list[Term],
    *,
    contracted: bool,
    without: Factor | None = None,
) -> Term | None:
    """The product; ``contracted`` says whether factors with summed indices are taken out too."""
    first = views[0]
    common: list[Factor] = []
    names: list[dict[int, int]] = [{} for _ in views]  # summed indices, as the first term has them
    rests = [list(v.factors) for v in views]
    out = set(first.out)
    for f in first.factors:
        if f is without or (not contracted and not set(f.indices) <= out):
            continue
        found = []
        for k, rest in enumerate(rests):
            match = _find(f, rest, names[k] if k else {i: i for i in f.indices}, out)
            if match is None:
                break
            found.append(match)
        else:
            exponent = min((r[0].exponent for r in found), key=abs)
            common.append(f._replace(exponent=exponent))
            for own, remaining, (g, naming) in zip(names, rests, found, strict=True):
                own.update(naming)
                position = remaining.index(g)
                left = g.exponent - exponent
                remaining[position : position + 1] = [g._replace(exponent=left)] if left else []
    if not common:
        return None
    renamed = [
        [g._replace(indices=tuple(names[k].get(i, i) for i in g.indices)) for g in rest]
        for k, rest in enumerate(rests)
    ]
    shared = {i for f in common for i in f.indices}
    visible = out | shared
    supports = [{i for g in rest for i in g.indices} & visible for rest in renamed]
    widest = max(supports, key=len)
    if any(not s <= widest for s in supports):
        return None
    if len(widest) > max(2, len(first.out)):
        return None  # an array of three axes reads worse than two matrices
    summed = shared - out
    beside = [f for f in common if set(f.indices) <= widest and set(f.indices) & out]
    pieces = [_falls_apart([*beside, *rest], widest) for rest in renamed]
    if summed and any(pieces):
        matrix = any(set(f.indices) & out and set(f.indices) - out for f in common)
        if not all(pieces) or not matrix:  # (abᵀ + baᵀ)X, but Aw + (vᵀw)u, not (A + uvᵀ)w
            return None
    all_axes = {
        i: a
        for k, v in enumerate(views)
        for i, a in ((names[k].get(j, j), b) for j, b in v.axes.items())
    }
    order = [
        i
        for i in dict.fromkeys((*first.out, *(i for f in common for i in f.indices)))
        if i in widest
    ]
    parts = []
    for coefficient, rest in zip(coefficients, renamed, strict=True):
        parts.append(algebra.monomial(Term(coefficient, tuple(rest), tuple(order), all_axes)))
    inner = algebra.total(parts)
    factors = (*common, Factor(inner, tuple(order)))
    return Term(UNIT, factors, first.out, all_axes)


def paired(
    algebra: Builder, terms: list[tuple[Coefficient, Node]], axes: tuple[Axis, ...]
) -> list[tuple[Coefficient, Node]] | None:
    """Two terms that differ by a transpose alone, as one: ``Ax + Aᵀx`` among other terms."""
    heads: dict[object, int] = {}
    for k, (coefficient, base) in enumerate(terms):
        view = algebra.term(base)
        head = (coefficient, tuple(sorted((id(f.node), f.exponent) for f in view.factors)))
        first = heads.setdefault(head, k)
        if first == k or len(view.factors) < 2:
            continue
        shared = common_factors(algebra, [(UNIT, terms[first][1]), (UNIT, base)], axes)
        if shared is None:
            continue
        merged = algebra.monomial(shared)
        rest = [t for j, t in enumerate(terms) if j not in (first, k)]
        return [(coefficient, merged), *rest]
    return None


def _falls_apart(rest: Sequence[Factor], visible: set[int]) -> bool:
    """Whether the visible indices of a product are not connected by its factors."""
    groups: list[set[int]] = [{i} for i in visible]
    for f in rest:
        indices = set(f.indices)
        if not indices:
            continue
        touching = [g for g in groups if g & indices]
        groups = [g for g in groups if not g & indices]
        groups.append(indices.union(*touching))
    return sum(bool(g & visible) for g in groups) > 1


def _aligned(view: Term, k: int) -> Term:
    """The term with output indices 0, 1, … and summed ones that no other term has."""
    names = {i: p for p, i in enumerate(view.out)}
    for j, i in enumerate(i for f in view.factors for i in f.indices):
        names.setdefault(i, 100_000 * (k + 1) + j)
    factors = tuple(f._replace(indices=tuple(names[i] for i in f.indices)) for f in view.factors)
    axes = {names[i]: a for i, a in view.axes.items() if i in names}
    return Term(view.coefficient, factors, tuple(range(len(view.out))), axes)


def _find(
    wanted: Factor, rest: list[Factor], naming: dict[int, int], out: set[int]
) -> tuple[Factor, dict[int, int]] | None:
    """A factor of ``rest`` that agrees with ``wanted``, and how its summed indices are named."""
    for g in rest:
        if g.node is not wanted.node or not _divides(wanted, g):
            continue
        new = dict(naming)
        for i, j in zip(wanted.indices, g.indices, strict=True):
            if i in out or j in out:
                if i != j:
                    break
            elif new.get(j, i) != i or (j not in new and i in new.values()):
                break
            else:
                new[j] = i
        else:
            return g, new
    return None


def _divides(f: Factor, g: Factor) -> bool:
    """Whether the two powers share a factor worth taking out: of a variable only the same power."""
    if f.exponent == g.exponent:
        return True
    same_sign = f.exponent * g.exponent > 0
    whole = Fraction(f.exponent).denominator == Fraction(g.exponent).denominator == 1
    return same_sign and whole and f.node.op not in (INPUT, MONOMIAL, slice_)
