"""Slopes of maxima as steps: 1 above, 0 below and ½ at a tie; two of them are an interval.

``½ 𝟙[x = a] + 𝟙[x > a]`` is a step, written ``𝟙[x > a]``; the value at the tie is a convention.
"""

from __future__ import annotations

from fractions import Fraction

from ..ir.node import Node
from ..ops.arithmetic import equal, greater, greater_equal, less, less_equal, maximum, minimum
from ..ops.monomial import BETWEEN, CLIP, STEP, TOTAL, Coefficient, Factor, Term
from .builder import Builder
from .expanding import length

_COMPARISONS = (greater, greater_equal, less, less_equal, equal, STEP)


def step(algebra: Builder, n: Node) -> Node | None:
    """A sum that is a condition and half a tie."""
    if n.op is not TOTAL or len(n.args) != 2:
        return None
    (first, tie), (second, strict) = (algebra.split(a) for a in n.args)
    if tie.op is not equal:
        (first, tie), (second, strict) = (second, strict), (first, tie)
    if tie.op is not equal or strict.op not in (greater, less) or second != first * 2:
        return None
    if set(tie.args) != set(strict.args):
        return None
    a, b = strict.args
    made = _step(algebra, a, b) if strict.op is greater else _step(algebra, b, a)
    return algebra.scale(made, second)


def chosen_at_ties(algebra: Builder, condition: Node, a: Node, b: Node) -> Node | None:
    """``where(x = y, ½, 𝟙[x > y])``, as it is of two numbers."""
    if condition.op is not equal or b.op not in (greater, less) or not algebra.is_constant(a):
        return None
    if a.params[0].exact() != Fraction(1, 2) or set(condition.args) != set(b.args):
        return None
    return _step(algebra, *(b.args if b.op is greater else b.args[::-1]))


def _step(algebra: Builder, above: Node, below: Node) -> Node:
    """1 where ``above > below``; a bound that does not come into it is left out."""
    for k, (x, other) in enumerate(((above, below), (below, above))):
        if x.op not in (maximum, minimum) or not algebra.is_constant(other):
            continue
        for y, bound in (x.args, x.args[::-1]):
            if not algebra.is_constant(bound):
                continue
            gap = bound.params[0].value() - other.params[0].value()
            if (gap < 0) == (x.op is maximum) and gap:
                return _step(algebra, y, other) if not k else _step(algebra, other, y)
    return algebra.apply(STEP, [above, below])


def compared(algebra: Builder, n: Node) -> Node | None:
    """A condition in a shorter form: ``τr > (τ − 1)r`` is ``r > 0``, and ``h ∧ h`` is ``h``."""
    if n.op.name in ("logical_and", "logical_or") and n.args[0] is n.args[1]:
        return n.args[0]
    if n.op.name in ("logical_and", "logical_or") and any(map(algebra.is_constant, n.args)):
        number, other = n.args if algebra.is_constant(n.args[0]) else n.args[::-1]
        holds = bool(number.params[0].number)
        return other if holds == (n.op.name == "logical_and") else number
    if n.op not in _COMPARISONS or any(map(algebra.is_constant, n.args)):
        return None
    a, b = n.args
    gap = algebra.total([a, algebra.scale(b, -1)])
    if algebra.is_constant(gap) or length(algebra, gap) >= length(algebra, a) + length(algebra, b):
        return None
    coefficient, base = algebra.split(gap)
    if coefficient.sizes:
        return None
    zero = algebra.constant(Coefficient(Fraction(0)), algebra.axes(base))
    sides = [base, zero] if coefficient.number > 0 else [zero, base]
    if n.op is STEP:
        return _step(algebra, *sides)
    return algebra.apply(n.op, sides)


def clip(algebra: Builder, n: Node) -> Node | None:
    """``min(max(x, a), b)`` of numbers a < b."""
    outer = _bounded(algebra, n)
    if outer is None:
        return None
    inner = _bounded(algebra, outer[0])
    if inner is None or inner[0].op is n.op or outer[0].op is n.op:
        return None
    bounds = sorted((outer[1], inner[1]), key=lambda c: c.params[0].value())
    if (n.op is minimum) != (bounds[1] is outer[1]):
        return None
    return algebra.apply(CLIP, [bounds[0], inner[0], bounds[1]])


def _bounded(algebra: Builder, n: Node) -> tuple[Node, Node] | None:
    if n.op not in (maximum, minimum):
        return None
    for x, bound in (n.args, n.args[::-1]):
        if algebra.is_constant(bound) and not algebra.is_constant(x):
            return x, bound
    return None


def between(algebra: Builder, term: Term) -> Term | None:
    """Two steps as an interval, and what is clipped where it is not."""
    lower = upper = None
    for f in term.factors:
        if f.node.op is STEP and algebra.is_constant(f.node.args[1]):
            lower = f
        elif f.node.op is STEP and algebra.is_constant(f.node.args[0]):
            upper = f
        elif f.node.op in (STEP, BETWEEN):
            found = _unclipped(algebra, term, f)
            if found is not None:
                return found
    for one in (lower, upper):
        found = _unclipped(algebra, term, one) if one is not None else None
        if found is not None:
            return found
    if lower is None or upper is None or lower.indices != upper.indices:
        return None
    x, low = lower.node.args
    high, y = upper.node.args
    if x is not y:
        return None
    made = algebra.apply(BETWEEN, [low, x, high])
    rest = tuple(f for f in term.factors if f is not lower and f is not upper)
    return term._replace(factors=(*rest, Factor(made, lower.indices)))


def _unclipped(algebra: Builder, term: Term, f: Factor) -> Term | None:
    """``clip(x) ⊙ 𝟙[a < x < b]`` is ``x ⊙ 𝟙[a < x < b]``, and so for one bound."""
    for g in term.factors:
        if g.indices != f.indices or g.exponent != 1:
            continue
        if g.node.op is CLIP and f.node.op is BETWEEN and g.node.args == f.node.args:
            inside = g.node.args[1]
        elif f.node.op is STEP and g.node.op in (maximum, minimum) and set(g.node.args) == set(
            f.node.args
        ):
            bound = next((a for a in g.node.args if algebra.is_constant(a)), None)
            if bound is None or (g.node.op is maximum) != (f.node.args[1] is bound):
                continue
            inside = next(a for a in g.node.args if a is not bound)
        else:
            continue
        rest = tuple(h for h in term.factors if h is not g)
        return term._replace(factors=(*rest, Factor(inside, g.indices)))
    return None
