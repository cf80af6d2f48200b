"""Parts of a product that have a name of their own: ``QCᵀS⁻¹`` inside a longer chain is ``K``."""

from __future__ import annotations

from collections.abc import Iterator

from ..ir.node import Node
from ..ops.monomial import Factor, Term


def with_part(term: Term, part: Term, made: Node, *, alone: bool = False) -> Term | None:
    """``term`` with the factors of ``part`` replaced by ``made``, if they are among its factors.

    The summed indices of the part must be met by nothing else in the term. There must be something
    else in it, unless the part may stand ``alone``, summed or on a diagonal.
    """
    summed = alone and set(term.out) < set(term.inner())
    if len(part.factors) > len(term.factors) or len(set(part.out)) < len(part.out):
        return None
    for used, names in _matches(list(part.factors), list(term.factors), {}):
        rest = tuple(f for f in term.factors if not any(f is u for u in used))
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
        if f.node is not first.node or f.exponent != first.exponent:
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
