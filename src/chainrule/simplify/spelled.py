"""Rows that are computed without cancellation, in the words that a reader has for them."""

from __future__ import annotations

from fractions import Fraction

from ..ir.node import Node
from ..ops.arithmetic import logical_and, logical_not, logical_or, logical_xor, power
from ..ops.elementwise import Elementwise
from ..ops.special import beta, gamma, k0e, k1e, psi
from ..ops.transcendental import exp
from .state import Rule, State


def _psi_step(t: State, n: Node, args: list[Node]) -> Node:
    """``ψ(a + b) − ψ(a)``."""
    a, b = args
    algebra = t.algebra
    both = algebra.apply(psi, [algebra.total([a, b])])
    return algebra.total([both, algebra.scale(algebra.apply(psi, [a]), -1)])


def _k0e_slope(t: State, n: Node, args: list[Node]) -> Node:
    """``K₀ − K₁``, both times ``eˣ``."""
    algebra = t.algebra
    return algebra.total([algebra.apply(k0e, args), algebra.scale(algebra.apply(k1e, args), -1)])


def _k1e_slope(t: State, n: Node, args: list[Node]) -> Node:
    """``K₁ − K₀ − K₁ / x``, all times ``eˣ``."""
    algebra = t.algebra
    first, second = algebra.apply(k0e, args), algebra.apply(k1e, args)
    over = algebra.product(second, algebra.power(args[0], Fraction(-1)))
    return algebra.total([second, algebra.scale(first, -1), algebra.scale(over, -1)])


def _ratio(t: State, n: Node, args: list[Node]) -> Node:
    """``x ⊘ y``, which is 0 where x is."""
    return t.algebra.product(args[0], t.algebra.power(args[1], Fraction(-1)))


def _gamma_density(t: State, n: Node, args: list[Node]) -> Node:
    """``x^(a − 1) exp(−x) / Γ(a)``."""
    (a, x), algebra = args, t.algebra
    inverse = algebra.power(algebra.apply(gamma, [a]), Fraction(-1))
    fading = algebra.apply(exp, [algebra.scale(x, -1)])
    return algebra.product(_one_less(t, x, a), fading, inverse)


def _beta_density(t: State, n: Node, args: list[Node]) -> Node:
    """``x^(a − 1) (1 − x)^(b − 1) / B(a, b)``."""
    (a, b, x), algebra = args, t.algebra
    rest = algebra.total([algebra.number(1, algebra.axes(x)), algebra.scale(x, -1)])
    inverse = algebra.power(algebra.apply(beta, [a, b]), Fraction(-1))
    return algebra.product(_one_less(t, x, a), _one_less(t, rest, b), inverse)


def _one_less(t: State, x: Node, exponent: Node) -> Node:
    """``x`` to the power of ``exponent − 1``."""
    algebra = t.algebra
    less = algebra.total([exponent, algebra.number(-1, algebra.axes(exponent))])
    coefficient, _ = algebra.split(less)
    if algebra.is_constant(less) and not coefficient.sizes and coefficient.number.denominator <= 12:
        return algebra.power(x, coefficient.number)
    return algebra.apply(power, [x, less])


def _of_truths(op: Elementwise) -> Rule:
    """An operation on bits, where they are truths; what is true by itself needs no mention."""

    def rule(t: State, n: Node, args: list[Node]) -> Node | None:
        if n.type.dtype.kind != "b":
            return None
        if op is logical_and:
            args = [a for a in args if not _is_true(t, a)] or args[:1]
            if len(args) == 1:
                return args[0]
        return t.algebra.apply(op, args)

    return rule


def _is_true(t: State, n: Node) -> bool:
    return t.algebra.is_constant(n) and bool(t.algebra.split(n)[0].number)


#: By name of the operation.
RULES: dict[str, Rule] = {
    "psi_step": _psi_step,
    "k0e_slope": _k0e_slope,
    "k1e_slope": _k1e_slope,
    "ratio": _ratio,
    "gamma_density": _gamma_density,
    "beta_density": _beta_density,
    "bitwise_and": _of_truths(logical_and),
    "bitwise_or": _of_truths(logical_or),
    "bitwise_xor": _of_truths(logical_xor),
    "invert": _of_truths(logical_not),
}
