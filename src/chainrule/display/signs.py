"""Where a number or a minus before a sum goes: into it, or into what has a name."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..ir.node import Node
from ..ops.monomial import MONOMIAL, TOTAL, UNIT, Coefficient, Term
from .layout import Kind, Layout, negated, scaled, sign_of, starts_with_number, summed, without_sign


def stands_alone(term: Term) -> bool:
    """Whether a term is a number times a sum, and nothing else."""
    if len(term.factors) != 1 or len(set(term.out)) < len(term.out):
        return False  # on a diagonal it is not what it is alone
    (f,) = term.factors
    return f.node.op is TOTAL and f.exponent == 1 and f.indices == term.out


def weight(n: Node) -> Coefficient:
    """The number that a term of a sum is multiplied with; a whole number alone is no such."""
    if n.op is not MONOMIAL or (not n.args and n.params[0].number.denominator == 1):
        return UNIT
    coefficient: Coefficient = n.params[0]
    return coefficient


def distributed(coefficient: Coefficient, x: Layout) -> Layout:
    """``2(x + y)`` stays, and ``2(λw + z/N)`` is ``2λw + (2/N) z``."""
    terms = []
    for sign, child in zip(x.data, x.children, strict=True):
        whole = scaled(coefficient, (), (), child)
        terms.append((sign * sign_of(whole), without_sign(whole)))
    return summed(terms, x.axes)


def absorbed(
    coefficient: Coefficient, layouts: list[Layout], odd: Sequence[bool]
) -> tuple[Coefficient, list[Layout]]:
    """A minus goes into the first sum that reads as well for it: −(y − Xw) is Xw − y.

    ``odd`` says of each factor whether its power is an odd one: in another a minus is lost.
    """
    for k, layout in enumerate(layouts):
        if layout.kind is not Kind.SUM or not odd[k]:
            continue
        minus = sum(s < 0 for s in layout.data)
        constant_first = starts_with_number(layout)
        alone = len(layouts) == 1 and abs(coefficient.number) == 1 and minus
        if (
            alone
            or 2 * minus > len(layout.data)
            or (2 * minus == len(layout.data) and not constant_first)
        ):
            flipped = list(layouts)
            flipped[k] = negated(layout)
            return coefficient * Fraction(-1), flipped
    return coefficient, layouts


def is_weighted(x: Layout) -> bool:
    """Whether a layout has a number before it."""
    return x.kind is Kind.SCALE and x.data.coefficient.magnitude() != UNIT


def turns_round(x: Layout) -> bool:
    """Whether minus a sum reads as well: ``p − y`` for ``y − p``, but not ``s − 1``."""
    if x.kind is not Kind.SUM or not any(s < 0 for s in x.data):
        return False
    return not starts_with_number(x) or 2 * sum(s < 0 for s in x.data) > len(x.data)


def subtracted(nodes: Sequence[Node]) -> set[Node]:
    """The sums that are used with a minus before them more often than not."""
    balance: dict[Node, int] = {}
    for n in nodes:
        negative = n.op is MONOMIAL and n.params[0].number < 0
        powers: dict[Node, Fraction] = {}
        for k, arg in enumerate(n.args):
            if arg.op is TOTAL:
                exponent = n.params[2][k] if n.op is MONOMIAL else Fraction(1)
                powers[arg] = powers.get(arg, Fraction(0)) + exponent
        for arg, exponent in powers.items():
            odd = exponent % 2 == 1  # in another power a minus is lost
            balance[arg] = balance.get(arg, 0) + (-1 if negative and odd else 1)
    return {n for n, count in balance.items() if count < 0}
