"""Products written out where that makes a sum shorter: ``t ⊙ (1 − s) − (1 − t) ⊙ s`` is ``t − s``.

What is factored stays so otherwise; nothing is expanded that does not cancel.
"""

from __future__ import annotations

from fractions import Fraction

from ..ir.node import Node
from ..ops.monomial import ONE, SIGMOID, TOTAL, UNIT, Axis, Coefficient, Factor, Term
from .builder import Builder
from .terms import has_diagonal

Terms = list[tuple[Coefficient, Node]]

#: No more terms than this are looked at.
MOST = 24
#: Products of more factors than this are not written out.
LONGEST = 12


def expanded(algebra: Builder, terms: Terms, *, diagonal: bool = False) -> Terms | None:
    """The terms with products of sums written out, if there are then fewer factors in all.

    ``diagonal`` says that only sums with a diagonal matrix among their terms are.
    """
    opposite = _opposite(algebra, terms)
    if not opposite and not any(_sums(algebra.term(base), diagonal) for _, base in terms):
        return None
    alike = [(c, _replaced(algebra, base, opposite)) for c, base in terms] if opposite else terms
    collected = _collected(algebra, alike, diagonal)
    if collected is None or len(collected) > len(terms):
        return None
    before = sum(length(algebra, base) for _, base in terms)
    after = sum(length(algebra, base) for _, base in collected)
    return collected if after < before else None


def _opposite(algebra: Builder, terms: Terms) -> dict[Node, Node]:
    """``σ(−z)`` as ``1 − σ(z)``, where a sum has both."""
    found = dict.fromkeys(
        f.node for _, base in terms for f in algebra.term(base).factors if f.node.op is SIGMOID
    )
    made: dict[Node, Node] = {}
    for n in found if len(found) > 1 else ():
        other = algebra.apply(SIGMOID, [algebra.scale(n.args[0], -1)])
        if other in found and other not in made and algebra.split(n.args[0])[0].number < 0:
            axes = algebra.axes(n)
            one = algebra.constant(UNIT, axes)
            made[n] = algebra.total([one, algebra.scale(other, -1)])
    return made


def _replaced(algebra: Builder, base: Node, by: dict[Node, Node]) -> Node:
    """A term with some of its factors replaced."""
    view = algebra.term(base)
    if not any(f.node in by for f in view.factors):
        return base
    factors = tuple(f._replace(node=by.get(f.node, f.node)) for f in view.factors)
    return algebra.monomial(view._replace(factors=factors))


def over_common_denominator(algebra: Builder, terms: Terms) -> tuple[Terms, Factor] | None:
    """Numerators, and the denominator, where so the sum gets shorter: ``1/r − (a − b)/r²``."""
    found: list[Factor] = []
    for _, base in terms:
        view = algebra.term(base)
        names = {i: p for p, i in enumerate(view.out)}
        for f in view.factors:
            below = f.exponent < 0 and f.node.op is TOTAL and f.exponent.denominator <= 2
            if below and set(f.indices) <= set(names) and len(names) == len(view.out):
                found.append(f._replace(indices=tuple(names[i] for i in f.indices)))
    if not found:
        return None
    lowest = min(found, key=lambda f: f.exponent)
    for f in found:  # 1/√r − x²/r^(3/2) is 1/r^(3/2), where r = x² + 1
        apart = (f.exponent - lowest.exponent).denominator > 1
        if f.node is not lowest.node or f.indices != lowest.indices or apart:
            return None
    if lowest.exponent.denominator > 1 and len(found) < len(terms):
        return None
    up = lowest._replace(exponent=-lowest.exponent)
    numerators: Terms = []
    for c, base in terms:
        view = algebra.term(base)
        names = dict(enumerate(view.out))
        if len(set(view.out)) < len(view.out):
            return None
        factor = up._replace(indices=tuple(names[p] for p in up.indices))
        made = algebra.monomial(view._replace(factors=(*view.factors, factor)))
        k, rest = algebra.split(made)
        numerators.append((c * k, rest))
    collected = _collected(algebra, numerators)
    if collected is None or len(collected) >= len(terms):
        return None
    return collected, lowest


def _sums(view: Term, diagonal: bool) -> list[Factor]:
    """The factors of an elementwise product that are sums; a long one is a chain, and stays."""
    if len(set(view.out)) < len(view.out) or len(view.factors) > LONGEST:
        return []
    return [
        f
        for f in view.factors
        if f.node.op is TOTAL
        and f.exponent > 0
        and f.exponent.denominator == 1
        and f.exponent <= 3
        and set(f.indices) <= set(view.out)
        and len(set(f.indices)) == len(f.indices)
        and max(len(part.args) for part in f.node.args) <= LONGEST
        and (not diagonal or any(map(has_diagonal, f.node.args)))
    ]


def _collected(algebra: Builder, terms: Terms, diagonal: bool = False) -> Terms | None:
    """The terms written out, like ones together."""
    if sum(_leaves(algebra, base, diagonal) for _, base in terms) > MOST:
        return None
    sums: dict[tuple[Node, tuple[tuple[Axis, int], ...]], Fraction] = {}
    stack = [(c, base) for c, base in reversed(terms)]
    steps = 0
    while stack:
        steps += 1
        if steps > MOST:
            return None
        coefficient, base = stack.pop()
        if base.op is TOTAL:
            for part in reversed(base.args):
                c, b = algebra.split(part)
                stack.append((coefficient * c, b))
            continue
        view = algebra.term(base)
        chosen = _sums(view, diagonal)
        if not chosen:
            key = (base, coefficient.sizes)
            sums[key] = sums.get(key, Fraction(0)) + coefficient.number
            continue
        f = chosen[0]
        position = view.factors.index(f)
        left = (f._replace(exponent=f.exponent - ONE),) if f.exponent > 1 else ()
        for part in reversed(f.node.args):
            factors = (
                *view.factors[:position],
                Factor(part, f.indices),
                *left,
                *view.factors[position + 1 :],
            )
            c, b = algebra.split(algebra.monomial(view._replace(factors=factors, coefficient=UNIT)))
            stack.append((coefficient * c * view.coefficient, b))
    return [(Coefficient(n, s), base) for (base, s), n in sums.items() if n]


def _leaves(algebra: Builder, base: Node, diagonal: bool) -> int:
    """How many terms there are to look at: the product of how many each sum has."""
    count = 1
    for f in _sums(algebra.term(base), diagonal):
        count *= int(len(f.node.args) ** f.exponent)
        if count > MOST:
            break
    return count


def length(algebra: Builder, base: Node) -> int:
    """How much there is to read."""
    view = algebra.term(base)
    return 1 + sum(
        sum(length(algebra, part) for part in f.node.args) if f.node.op is TOTAL else 1
        for f in view.factors
    )
