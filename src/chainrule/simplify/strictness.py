"""What makes a convex sum strictly or strongly convex: terms that are curved in affine maps.

A sum ``Σ φ_k(A_k x) + convex`` of strictly convex ``φ_k`` is strictly convex if the maps ``A_k``
together lose nothing, and strongly convex if those under squares do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..ir.node import Node
from ..ops.monomial import MONOMIAL, TOTAL, Factor, Term, decode
from ..ops.transcendental import log
from .bounds import NONE, NONNEGATIVE, POSITIVE, Hypotheses, Signs
from .convexity import Convexity
from .curvature import STRICT, both


class Piece(NamedTuple):
    """An affine map that a term curves in: ``squared`` by a square, else in some strict way.

    ``weight`` is the least second derivative along it, if the term is a plain square of numbers.
    """

    map: Node
    squared: bool
    hypotheses: Hypotheses
    weight: float | None = None


def pieces(n: Node, sign: int, signs: Signs, convexity: Convexity) -> Iterator[Piece]:
    """The maps in which ``sign`` times a scalar node is strictly convex."""
    coefficient, base = signs.algebra.split(n)
    if base.op is TOTAL:
        direction = sign if coefficient.number > 0 else -sign
        for part in base.args:
            for piece in pieces(part, direction, signs, convexity):
                factor = abs(float(coefficient.exact()))
                weight = None if piece.weight is None else piece.weight * factor
                yield piece._replace(weight=weight)
        return
    yield from _of_term(signs.algebra.term(n), sign, signs, convexity)


def _of_term(term: Term, sign: int, signs: Signs, convexity: Convexity) -> Iterator[Piece]:
    moving = [f for f in term.factors if signs.varies(f.node)]
    still = [f for f in term.factors if not signs.varies(f.node)]
    if not moving:
        return
    if len(moving) == 2 and moving[0].node is moving[1].node and len(still) == 1:
        yield from _quadratic(term, moving, still[0], sign, signs, convexity)
        return
    weights = signs.signed(term.coefficient, still, strict=True)
    if weights is None:
        return
    direction = sign * weights[0]
    indices = moving[0].indices
    if len(set(indices)) < len(indices) or set(indices) & set(term.out):
        return
    if len(moving) == 2 and _is_entropy(moving, signs) and direction > 0:
        (x,) = (f for f in moving if f.node.op is not log)
        affine = convexity(x.node).affine
        if affine is not None:
            yield Piece(x.node, False, affine | weights[1])
        return
    if len(moving) != 1:
        return
    (f,) = moving
    if f.node.op is TOTAL and f.exponent == 1:
        for part in f.node.args:
            whole = tuple(Factor(part, g.indices) if g is f else g for g in term.factors)
            made = signs.algebra.monomial(term._replace(factors=whole))
            if not (made.op is MONOMIAL and any(g.node is f.node for g in decode(made).factors)):
                yield from pieces(made, sign, signs, convexity)
        return
    affine = convexity(f.node).affine
    if affine is not None:
        why = affine | weights[1]
        p = f.exponent
        if p == 2 and direction > 0:
            yield Piece(
                f.node, True, why, None if still else 2 * abs(float(term.coefficient.exact()))
            )
        elif p.denominator == 1 and p > 0 and p % 2 == 0 and direction > 0:
            yield Piece(f.node, False, why)
        else:
            above = signs.holds(f.node, POSITIVE)
            curved = direction > 0 if p < 0 or p > 1 else direction < 0
            if above is not None and p != 1 and curved:
                yield Piece(f.node, False, why | above)
        return
    yield from _of_function(f, direction, weights[1], signs, convexity)


def _quadratic(
    term: Term,
    moving: list[Factor],
    matrix: Factor,
    direction: int,
    signs: Signs,
    convexity: Convexity,
) -> Iterator[Piece]:
    """``xᵀAx`` with a definite A."""
    ends = tuple(i for f in moving for i in f.indices)
    whole = sorted(ends) == sorted(matrix.indices) and all(f.exponent == 1 for f in moving)
    affine = convexity(moving[0].node).affine
    if not whole or len(ends) != 2 or matrix.exponent != 1 or affine is None:
        return
    proof = convexity.definite.signed(matrix.node, 1)
    if proof is None or term.coefficient.number * direction < 0:
        return
    if any(h.relation == "≻ 0" and h.subject is matrix.node for h in proof):
        yield Piece(moving[0].node, True, affine | proof)


def _of_function(
    f: Factor, direction: int, why: Hypotheses, signs: Signs, convexity: Convexity
) -> Iterator[Piece]:
    n, p = f.node, f.exponent
    if p == 1 and len(n.args) == 1 and n.op.name in STRICT:
        affine = convexity(n.args[0]).affine
        proof = convexity(n).convex if direction > 0 else convexity(n).concave
        both_ways = both(affine, proof)
        if both_ways is not None:
            yield Piece(n.args[0], False, why | both_ways)
        return
    # √(c + Σ x²), with c > 0.
    if p.denominator != 1 and p * 2 >= 1 and direction > 0 and n.op is TOTAL and p < 1:
        if convexity.power(n, p).convex is None:
            return
        constant = [a for a in n.args if not signs.varies(a)]
        positive = [signs.holds(a, POSITIVE) for a in constant]
        if not constant or positive[0] is None:
            return
        for a in n.args:
            if signs.varies(a) and a.op is MONOMIAL and len(decode(a).factors) == 1:
                term = decode(a)
                (g,) = term.factors
                affine = convexity(g.node).affine
                if g.exponent == 2 and affine is not None and term.coefficient.number > 0:
                    yield Piece(g.node, False, why | affine | (positive[0] or NONE))


def _is_entropy(moving: list[Factor], signs: Signs) -> bool:
    for x, f in (moving, moving[::-1]):
        if f.node.op is log and f.exponent == x.exponent == 1:
            (inside,) = f.node.args
            if inside is x.node and f.indices == x.indices:
                return signs.holds(x.node, NONNEGATIVE) is not None
    return False


def degree_two(n: Node, signs: Signs, convexity: Convexity) -> bool:
    """Whether a node is a polynomial of degree 2 at most in its variables."""
    if not signs.varies(n) or convexity(n).affine is not None:
        return True
    if n.op is TOTAL:
        return all(degree_two(a, signs, convexity) for a in n.args)
    if n.op is not MONOMIAL:
        return False
    moving = [f for f in decode(n).factors if signs.varies(f.node)]
    if any(f.exponent not in (1, 2) for f in moving):
        return False
    if len(moving) == 1 and moving[0].exponent == 1:
        return degree_two(moving[0].node, signs, convexity)
    return sum(f.exponent for f in moving) == 2 and all(
        convexity(f.node).affine is not None for f in moving
    )
