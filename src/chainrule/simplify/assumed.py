"""What follows from assumptions about arguments: ``QᵀQ = I``, and ``|x| = x`` of what is positive.

For display, like all of the normal form. What is printed with them is verified on examples that
obey them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..ir.node import Node
from ..ops.arithmetic import absolute, greater, greater_equal, less, less_equal, relu, sign
from ..ops.monomial import MONOMIAL, TOTAL, Factor, Term, decode
from ..ops.transcendental import exp

_SIGNED = frozenset([absolute, relu, sign, greater, greater_equal, less, less_equal])


@dataclass
class Assumed:
    """The inputs that are assumed to be something."""

    orthogonal: set[Node] = field(default_factory=set)
    positive: set[Node] = field(default_factory=set)
    nonnegative: set[Node] = field(default_factory=set)
    #: Matrices that are given symmetric.
    even: set[Node] = field(default_factory=set)
    #: And those that are given with zeros above the diagonal.
    lower: set[Node] = field(default_factory=set)

    def factors(self, algebra: Any, term: Term) -> Term | None:
        """A monomial in which an orthogonal matrix met itself, and is gone."""
        if not self.orthogonal:
            return None
        for k, f in enumerate(term.factors):
            if f.node.op is MONOMIAL and f.exponent == 2:
                turned = self._turned(algebra, term, k)
                if turned is not None:
                    return turned
            if f.node not in self.orthogonal:
                continue
            for m in range(k, len(term.factors)):
                g = term.factors[m]
                if g.node is not f.node or f.exponent != (2 if m == k else 1) or g.exponent > 2:
                    continue
                found = _met(term, k, m)
                if found is not None:
                    return found
        return None

    def _turned(self, algebra: Any, term: Term, k: int) -> Term | None:
        """``Σ (Qu)²`` is ``Σ u²``."""
        f = term.factors[k]
        beside = {i for n, h in enumerate(term.factors) if n != k for i in h.indices}
        inner = decode(f.node)
        for position, index in enumerate(f.indices):
            if index in beside or index in term.out or f.indices.count(index) > 1:
                continue
            a = inner.out[position]
            having = [g for g in inner.factors if a in g.indices]
            if inner.out.count(a) > 1 or len(having) != 1 or having[0].node not in self.orthogonal:
                continue
            (q,) = having
            other = q.indices[1] if q.indices[0] == a else q.indices[0]
            if other == a or other in inner.out or q.exponent != 1:
                continue
            rest = tuple(g for g in inner.factors if g is not q)
            out = tuple(other if i == a else i for i in inner.out)
            if not any(other in g.indices for g in rest):
                continue
            made = algebra.monomial(Term(inner.coefficient, rest, out, inner.axes))
            factors = (*term.factors[:k], Factor(made, f.indices, f.exponent), *term.factors[k + 1 :])
            return term._replace(factors=factors)
        return None

    def node(self, algebra: Any, n: Node) -> Node | None:
        """A function of what has a sign, as what it then is."""
        if n.op not in _SIGNED or not (self.positive or self.nonnegative):
            return None
        x = n.args[0]
        if len(n.args) == 2 and not algebra.is_zero(n.args[1]):
            return None
        if n.op in (absolute, relu):
            return x if self.above(x, strict=False) else None
        axes = algebra.axes(n)
        if n.op in (sign, greater) and self.above(x, strict=True):
            return _number(algebra, 1, axes)
        if n.op is greater_equal and self.above(x, strict=False):
            return _number(algebra, 1, axes)
        if (n.op is less and self.above(x, strict=False)) or (
            n.op is less_equal and self.above(x, strict=True)
        ):
            return _number(algebra, 0, axes)
        return None

    def above(self, n: Node, *, strict: bool) -> bool:
        """Whether every element is positive, or at least not negative."""
        if n in self.positive or n.op is exp:
            return True
        if n in self.nonnegative:
            return not strict
        if n.op is TOTAL:
            signs = [self.above(a, strict=False) for a in n.args]
            return all(signs) and (not strict or any(self.above(a, strict=True) for a in n.args))
        if n.op is MONOMIAL:
            term = decode(n)
            if term.coefficient.number <= 0 or len(set(term.out)) < len(term.out):
                return bool(term.coefficient.number == 0 and not strict)
            if 0 in {a.length for a in term.axes.values()}:
                return False
            return all(self.above(f.node, strict=strict or f.exponent < 0) for f in term.factors)
        return False


def _met(term: Term, k: int, m: int) -> Term | None:
    """``Σ_a Q_ai Q_aj`` is ``δ_ij``, and so is ``Σ_a Q_ia Q_ja``."""
    f, g = term.factors[k], term.factors[m]
    rest = [h for n, h in enumerate(term.factors) if n not in (k, m)]
    beside = {i for h in rest for i in h.indices} | set(term.out)
    for side in (0, 1):
        summed, kept = f.indices[side], (f.indices[1 - side], g.indices[1 - side])
        if g.indices[side] != summed or summed in beside or summed in kept:
            continue
        i, j = kept
        coefficient = term.coefficient
        if i == j and i not in beside:
            coefficient = coefficient.by_size(term.axes[i])

        def renamed(index: int, i: int = i, j: int = j) -> int:
            return i if index == j else index

        factors = tuple(Factor(h.node, tuple(map(renamed, h.indices)), h.exponent) for h in rest)
        if i != j and not {i, j} & beside:
            coefficient = coefficient.by_size(term.axes[i])
        return Term(coefficient, factors, tuple(map(renamed, term.out)), term.axes)
    return None


def _number(algebra: Any, value: int, axes: Any) -> Node:
    made: Node = algebra.number(Fraction(value), axes)
    return made
