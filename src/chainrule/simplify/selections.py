"""Rules of translation for conditions, selections and functions with a name of their own."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node
from ..ops import arithmetic as ar
from ..ops.monomial import MONOMIAL, SIGMOID, TOTAL, UNIT, Term
from ..ops.structural import broadcast, cast
from .clipping import chosen_at_ties
from .state import Rule, State
from .terms import is_indicator


def _where(t: State, n: Node, args: list[Node]) -> Node | None:
    """A selection with zero on one side is a product with the indicator, where that is total."""
    condition, a, b = args
    if t.algebra.is_constant(condition):
        return a if condition.params[0].number else b
    if _is_nan(n.args[2]):  # what is undefined is not shown
        return a
    if _is_nan(n.args[1]):
        return b
    unguarded = _unguarded(n)
    if unguarded in t.normal:
        return t.normal[unguarded]
    nonzero = condition.op is ar.not_equal and t.algebra.is_zero(condition.args[1])
    if nonzero and t.algebra.is_zero(b) and a.op is MONOMIAL and is_total(a):
        # Zero where a factor of it is zero: it is zero there by itself.
        powers = zip(a.args, a.params[2], strict=True)
        if any(x is condition.args[0] and p > 0 for x, p in powers):
            return a
    if t.algebra.is_zero(b) and a.op is MONOMIAL and is_indicator(condition):
        term = t.algebra.term(a)  # zero where it does not hold, being a multiple of it
        if any(f.node is condition and f.indices == term.out for f in term.factors):
            return a
    if t.algebra.is_zero(b) and a.op is MONOMIAL and _implied(t, condition, a):
        return a
    if nonzero and t.algebra.is_zero(b) and a.op is MONOMIAL:
        # As well where a product of some of its factors is, as of a share of what is largest.
        whole, part = t.algebra.term(a), t.algebra.term(condition.args[0])
        if whole.out == part.out and part.factors and all(f in whole.factors for f in part.factors):
            return a
    tied = chosen_at_ties(t.algebra, condition, a, b)
    if tied is not None:
        return tied
    opposite = _opposite(t, condition, a, b)
    if opposite is not None:
        return opposite
    constants = t.algebra.is_constant(a) + t.algebra.is_constant(b)
    if (
        constants
        and not (t.algebra.is_zero(a) or t.algebra.is_zero(b))
        and is_total(a)
        and is_total(b)
    ):
        axes = t.algebra.axes(condition)
        other = t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(condition, -1)])
        return t.algebra.total([t.algebra.product(condition, a), t.algebra.product(other, b)])
    if t.algebra.is_zero(b) and is_total(a):
        return t.algebra.product(condition, a)
    if t.algebra.is_zero(a) and is_total(b):
        axes = t.algebra.axes(condition)
        other = t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(condition, -1)])
        return t.algebra.product(other, b)
    return None


def _implied(t: State, condition: Node, product: Node) -> bool:
    """Whether a product is 0 where a condition fails, being with its factors: ``relu(u)``, u > 0."""
    held, whole = t.algebra.term(condition), t.algebra.term(product)
    if held.coefficient != UNIT or held.out != whole.out or held.inner() - set(held.out):
        return False
    for f in held.factors:
        if not is_indicator(f.node):
            return False
        found = [f.node]
        if f.node.op is ar.greater and t.algebra.is_zero(f.node.args[1]):
            found.append(t.algebra.apply(ar.relu, f.node.args[:1]))
        if not any(
            g.node in found and g.indices == f.indices and g.exponent > 0 for g in whole.factors
        ):
            return False
    return bool(held.factors)


def _unguarded(n: Node) -> Node | None:
    """What a selection keeps from single points at which ``x^y`` or ``log x`` are not defined."""
    condition, a, b = n.args
    opposite = condition.op.name in ("logical_not", "not_equal")
    kept, other = (a, b) if opposite else (b, a)
    if _uncast(other).op is not CONSTANT:
        return None
    test = condition.args[0] if condition.op.name == "logical_not" else condition
    test = _uncast(test)
    if test.op.name in ("bitwise_and", "logical_and"):
        tests = [m for m in map(_uncast, test.args) if m.op is ar.equal]
        above = any(_uncast(m).op is ar.greater for m in test.args)
        return kept if tests and above else None
    if test.op not in (ar.equal, ar.not_equal):
        return None
    compared = {m for m in map(_uncast, test.args) if m.op is not CONSTANT}
    inside = toposort([kept])
    slope = _uncast(kept).op is ar.subtract or any(m.op is ar.power for m in inside)
    return kept if slope and compared & set(inside) else None


def _uncast(n: Node) -> Node:
    while n.op is cast or n.op is broadcast:
        (n,) = n.args
    return n


def _is_nan(n: Node) -> bool:
    while n.op is broadcast or n.op is cast:
        (n,) = n.args
    return n.op is CONSTANT and n.type.dtype.kind == "f" and bool(np.isnan(n.params[0].array).all())


def _opposite(t: State, condition: Node, a: Node, b: Node) -> Node | None:
    """``where(x < 0, −c·x, c·x)`` is ``c·|x|``, and ``where(h, c·u, −c·u)`` is ``c·u·(2h − 1)``."""
    algebra = t.algebra
    (first, base), (second, other) = algebra.split(a), algebra.split(b)
    if base is not other or first != second * Fraction(-1) or algebra.is_constant(base):
        return None
    if condition.op in (ar.less, ar.less_equal, ar.greater, ar.greater_equal):
        x, zero = condition.args
        if algebra.is_zero(zero) and algebra.split(x)[1] is base:
            sign = algebra.split(x)[0].number * (-1 if condition.op.name.startswith("less") else 1)
            size = algebra.apply(ar.absolute, [base])
            return algebra.scale(size, first * (1 if sign > 0 else -1))
    axes = algebra.axes(condition)
    twice = algebra.total([algebra.scale(condition, 2), algebra.number(-1, axes)])
    return algebra.scale(algebra.product(twice, base), first)


#: Functions that are finite wherever their arguments are.
_TOTAL = frozenset(
    [
        "exp",
        "sin",
        "cos",
        "tanh",
        "arctan",
        "sigmoid",
        "softplus",
        "relu",
        "absolute",
        "sign",
        "maximum",
        "minimum",
        "softmax",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
        "heaviside",
        "logaddexp",
        "arcsinh",
        "input",
        "constant",
        "monomial",
        "total",
        "where",
        "logical_not",
        "logical_and",
        "logical_or",
        "expit",
        "step",
        "between",
        "clip",
    ]
)


def is_total(n: Node) -> bool:
    """Whether an expression is finite wherever its inputs are."""
    for m in toposort([n]):
        if m.op.name not in _TOTAL:
            return False
        if m.op is MONOMIAL and any(p < 0 or p.denominator > 1 for p in m.params[2]):
            return False
    return True


def _logical_not(t: State, n: Node, args: list[Node]) -> Node:
    axes = t.algebra.axes(args[0])
    return t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(args[0], -1)])


def _logical_and(t: State, n: Node, args: list[Node]) -> Node | None:
    """Two conditions of which one is written ``1 − h`` hold where their product is 1."""
    plain = [a.op is not TOTAL for a in args]
    if all(plain) or not all(map(is_indicator, args)):
        return None
    return t.algebra.product(*args)


def _not_equal(t: State, n: Node, args: list[Node]) -> Node | None:
    """A condition that is not 0 holds."""
    algebra, x = t.algebra, args[0]
    if not algebra.is_zero(args[1]):
        return None
    if is_indicator(x):
        return x
    term = algebra.term(x)
    whole = [f for f in term.factors if f.indices or f.exponent > 0]  # nothing over it is 0
    if len(whole) != 1 or not term.coefficient.number or not is_indicator(whole[0].node):
        return None
    (f,) = whole
    if f.indices == term.out:
        return f.node
    attained = f.node.op is ar.equal and not term.out and len(set(f.indices)) == len(f.indices)
    if attained and any(_largest(algebra.term(a), b) for a, b in (f.node.args, f.node.args[::-1])):
        return algebra.number(1, algebra.axes(x))
    return None


def _largest(term: Term, x: Node) -> bool:
    """Whether a term is the maximum or the minimum of all of ``x``, repeated: some element is it."""
    if len(term.factors) != 1 or term.coefficient != UNIT or term.factors[0].exponent != 1:
        return False
    n = term.factors[0].node
    return n.op.name in ("max", "min") and n.args[0] is x and not n.type.shape


def _gate(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.product(*args)


def _heaviside(t: State, n: Node, args: list[Node]) -> Node | None:
    x, at_zero = args
    if not t.algebra.is_constant(at_zero):
        return None
    zero = t.algebra.number(0, t.algebra.axes(x))
    above = t.algebra.apply(ar.greater, [x, zero])
    value = at_zero.params[0]
    if not value.number:
        return above
    if value.number == 1:
        return t.algebra.apply(ar.greater_equal, [x, zero])
    return t.algebra.total([above, t.algebra.scale(t.algebra.apply(ar.equal, [x, zero]), value)])


def _relu(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.apply(ar.relu, args)


def _sqrt(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.power(args[0], Fraction(1, 2))


def _expit(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.apply(SIGMOID, args)


#: By name of the operation.
RULES: dict[str, Rule] = {
    "sqrt": _sqrt,
    "where": _where,
    "logical_not": _logical_not,
    "logical_and": _logical_and,
    "not_equal": _not_equal,
    "gate": _gate,
    "heaviside": _heaviside,
    "expit": _expit,
}
