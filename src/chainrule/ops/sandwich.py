"""Products that begin and end with the same matrices: ``Aᵀ diag(p) A − Aᵀp pᵀA``.

Their sum is ``Aᵀ(diag(p) − ppᵀ)A``, which no monomial of the normal form is, for a diagonal is
always multiplied out there; so it is kept as a sum, and displayed as this product.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Node
from .monomial import MONOMIAL, Factor, Term, decode


def sandwich(args: Sequence[Node]) -> tuple[Factor | None, list[Term], Factor | None] | None:
    """The matrices that all terms begin and end with, and what stands between them.

    Only where a diagonal stands there in some terms: other common factors are taken out before.
    """
    if any(n.op is not MONOMIAL for n in args):
        return None
    terms = [decode(n) for n in args]
    if any(len(t.out) != 2 or t.out[0] == t.out[1] for t in terms):
        return None
    left, right = _end(terms, 0), _end(terms, 1)
    for ends in ((left, right), (left, None), (None, right)):
        if ends == (None, None) or (ends[0] is None and right is None):
            continue
        inner = [_between(t, *ends) for t in terms]
        diagonals = sum(t.out[0] == t.out[1] for t in inner)
        if 0 < diagonals < len(terms) and all(t.factors for t in inner):
            return ends[0], inner, ends[1]
    return None


def _end(terms: Sequence[Term], side: int) -> Factor | None:
    """The matrix that all terms have on one side; its index there is 1, the other 0."""
    found: Factor | None = None
    for term in terms:
        i = term.out[side]
        there = [f for f in term.factors if i in f.indices]
        if len(there) != 1 or len(there[0].indices) != 2 or there[0].exponent != 1:
            return None
        key = there[0]._replace(indices=tuple(int(j == i) for j in there[0].indices))
        if sum(key.indices) != 1 or (found is not None and key != found):
            return None
        found = key
    return found


def _between(term: Term, left: Factor | None, right: Factor | None) -> Term:
    out = list(term.out)
    rest = list(term.factors)
    for side, end in enumerate((left, right)):
        if end is None:
            continue
        i = term.out[side]
        f = next((g for g in rest if i in g.indices), None)
        if f is None:  # one matrix has both ends
            return term._replace(factors=())
        out[side] = next((j for j in f.indices if j != i), i)
        rest.remove(f)
    return term._replace(factors=tuple(rest), out=tuple(out))
