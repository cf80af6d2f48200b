"""Parts of a product that have a name of their own: ``QCᵀS⁻¹`` inside a longer chain is ``K``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..ir.node import Node
from .monomial import MONOMIAL, ONE, UNIT, Coefficient, Factor, Order, Term


def with_part(term: Term, part: Term, made: Node, *, alone: bool = False) -> Term | None:
    """``term`` with the factors of ``part`` replaced by ``made``, if they are among its factors.

    The summed indices of the part must be met by nothing else in the term. There must be something
    else in it, unless the part may stand ``alone``, summed or on a diagonal.
    """
    summed = alone and set(term.out) < set(term.inner())
    if len(part.factors) > len(term.factors) or len(set(part.out)) < len(part.out):
        return None
    for used, names in _matches(list(part.factors), list(term.factors), {}):
        left = [
            f._replace(exponent=f.exponent - p.exponent)
            for f, p in zip(used, part.factors, strict=True)
            if f.exponent != p.exponent
        ]
        rest = (*(f for f in term.factors if not any(f is u for u in used)), *left)
        outer = {i for f in rest for i in f.indices} | set(term.out)
        inner = {names[i] for i in part.inner() - set(part.out)}
        if inner & outer or not (rest or summed):
            continue
        factor = Factor(made, tuple(names[i] for i in part.out))
        return term._replace(factors=(*rest, factor))
    return None


def _matches(
    wanted: list[Factor], there: list[Factor], names: dict[int, int]
) -> Iterator[tuple[list[Factor], dict[int, int]]]:
    """The ways to find factors, with the index in the term for each index of the part."""
    if not wanted:
        yield [], names
        return
    first, *others = wanted
    for f in there:
        if f.node is not first.node or not _reaches(f, first):
            continue
        new = dict(names)
        for i, j in zip(first.indices, f.indices, strict=True):
            if new.get(i, j) != j or (i not in new and j in new.values()):
                break
            new[i] = j
        else:
            rest = [g for g in there if g is not f]
            for used, final in _matches(others, rest, new):
                yield [f, *used], final


def _reaches(f: Factor, wanted: Factor) -> bool:
    """Whether a factor has the power that is wanted, or a higher one of the same kind."""
    if f.exponent == wanted.exponent:
        return True
    whole = f.exponent.denominator == wanted.exponent.denominator == 1
    return whole and f.exponent > wanted.exponent > 0


def with_sum(order: Order, terms: Sequence[Node], part: Node) -> tuple[int, list[int]] | None:
    """Where the terms of ``part`` stand among ``terms``, and the sign that they have there."""
    if len(part.args) >= len(terms):
        return None
    weighed = [_weighed(order, n) for n in terms]
    for sign in (1, -1):
        wanted = [_weighed(order, n) for n in part.args]
        signed = [(coefficient * sign, body) for coefficient, body in wanted]
        if all(w in weighed for w in signed):
            return sign, sorted(weighed.index(w) for w in signed)
    return None


def _weighed(order: Order, n: Node) -> tuple[Coefficient, Any]:
    """A term as its coefficient and the rest."""
    if n.op is not MONOMIAL:
        axes = order.axes[n]
        indices = tuple(range(len(axes)))
        term = Term(UNIT * -1, (Factor(n, indices, ONE),), indices, dict(enumerate(axes)))
        return UNIT, _weighed(order, order.canonical(term))[1]
    return n.params[0], (n.args, n.params[1:])
