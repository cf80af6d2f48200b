"""Convexity by rules on the normal form, as in disciplined convex programming.

Each element of each node is constant, affine, convex, concave or none of these in all variables
together. A function of a node follows from what the function is (convex and increasing, of convex,
is convex), a monomial from its weights and its factors. Grant, Boyd and Ye, *Disciplined convex
programming* (2006); Boyd and Vandenberghe, *Convex optimization* (2004), chapter 3.

A proof is the set of what it takes for granted; ``None`` is no proof.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

from ..ir.graph import toposort
from ..ir.node import Node
from ..ops.monomial import INVERSE, LOGDET, MONOMIAL, TOTAL, Term, decode
from ..ops.structural import slice_
from ..ops.transcendental import exp
from .bounds import (
    NEGATIVE,
    NONE,
    NONNEGATIVE,
    NONPOSITIVE,
    POSITIVE,
    Hypotheses,
    Hypothesis,
    Signs,
)
from .curvature import (
    CONCAVE,
    CONSTANT,
    CONVEX_POSITIVE,
    EVEN_CONVEX,
    GATHERS,
    INCREASING_CONCAVE,
    INCREASING_CONVEX,
    INWARD,
    JOINTLY_CONVEX,
    OUTWARD,
    UNKNOWN,
    Curvature,
    Proof,
    both,
    either,
)
from .definite import Definiteness
from .jointly import Together


class Convexity(Together):
    """The curvature of the nodes of one derivation."""

    def __init__(self, signs: Signs, definite: Definiteness) -> None:
        self.signs = signs
        self.definite = definite
        self._known: dict[Node, Curvature] = {}
        self._logarithmic: dict[Node, Curvature] = {}

    def __call__(self, n: Node) -> Curvature:
        """The curvature of each element of ``n``."""
        if n not in self._known:
            for m in toposort([n]):
                if m not in self._known:
                    varies = self.signs.varies(m)
                    self._known[m] = self._curvature(m) if varies else CONSTANT
        return self._known[n]

    def forget(self) -> None:
        """Start again: more is known of the domain."""
        self._known.clear()
        self._logarithmic.clear()

    # -- one node --------------------------------------------------------------------------------

    def _curvature(self, n: Node) -> Curvature:
        if n in self.signs.variables:
            return CONSTANT  # affine: both convex and concave, for nothing
        if n.op is TOTAL:
            parts = [self(a) for a in n.args]
            return Curvature(both(*(p.convex for p in parts)), both(*(p.concave for p in parts)))
        if n.op is MONOMIAL:
            return self._monomial(decode(n))
        return self._function(n)

    def _function(self, n: Node) -> Curvature:
        name, args = n.op.name, n.args
        parts = [self(a) for a in args]
        if name in ("max", "min") and args[0].op.name in ("eigvalsh", "svdvals"):
            affine = self(args[0].args[0]).affine
            if name == "max":
                return Curvature(affine)
            return Curvature(concave=affine if args[0].op.name == "eigvalsh" else None)
        if n.op is exp:
            return Curvature(parts[0].convex, self._geometric(args[0]))
        if name in INCREASING_CONVEX:
            return Curvature(both(*(p.convex for p in parts)))
        if name == "log":
            return self._log(n, parts[0])
        if name in INCREASING_CONCAVE:
            return Curvature(concave=both(*(p.concave for p in parts)))
        if name in EVEN_CONVEX or name in OUTWARD or name in INWARD:
            return self._odd_or_even(name, args[0], parts[0])
        if name in CONCAVE:
            return Curvature(concave=parts[0].affine)
        if name in CONVEX_POSITIVE:
            return Curvature(both(parts[0].affine, self.signs.holds(args[0], POSITIVE)))
        if name in JOINTLY_CONVEX:
            second = parts[1].affine if name == "kl_div" else parts[1].concave
            return Curvature(both(parts[0].affine, second))
        if name in GATHERS:
            return self._gathered(n, parts)
        if n.op is LOGDET:
            return Curvature(concave=both(parts[0].affine, self.definite.positive.get(args[0])))
        if name in {"eigvalsh", "svdvals"}:
            return UNKNOWN  # in order of size: see _ordered
        if name == "where":
            return self._huber(n)
        if name == "power":
            return self._power(args[0], args[1], parts)
        return self._linear(n, parts)

    def _log(self, n: Node, x: Curvature) -> Curvature:
        inner = self.logarithmic(n.args[0])
        convex = inner.convex
        if n.args[0].op.name == "det":
            return Curvature(
                concave=both(
                    self(n.args[0].args[0]).affine, self.definite.positive.get(n.args[0].args[0])
                )
            )
        return Curvature(convex, either(x.concave, inner.concave))

    def _odd_or_even(self, name: str, x: Node, of: Curvature) -> Curvature:
        above = self.signs.holds(x, NONNEGATIVE)
        below = self.signs.holds(x, NONPOSITIVE)
        if name in EVEN_CONVEX:
            linear = name in ("absolute", "fabs")
            return Curvature(
                either(of.affine, both(above, of.convex), both(below, of.concave)),
                either(both(above, of.concave), both(below, of.convex)) if linear else None,
            )
        if name in INWARD:
            above, below = below, above
        return Curvature(both(above, of.convex), both(below, of.concave))

    def _gathered(self, n: Node, parts: list[Curvature]) -> Curvature:
        if any(self.signs.varies(a) for a in n.args if a.op.name == "argsort"):
            return UNKNOWN
        if n.op is slice_ and n.args[0].op.name in ("eigvalsh", "svdvals"):
            return self._ordered(n)
        moving = parts if n.op.name in ("concatenate", "place") else parts[:1]
        if any(self.signs.varies(a) for a in n.args[len(moving) :]):
            return UNKNOWN
        return Curvature(both(*(p.convex for p in moving)), both(*(p.concave for p in moving)))

    def _linear(self, n: Node, parts: list[Curvature]) -> Curvature:
        varying = [k for k, a in enumerate(n.args) if self.signs.varies(a)]
        if len(varying) == 1 and varying[0] in n.op.linear_in:
            affine = parts[varying[0]].affine
            return Curvature(affine, affine)
        return UNKNOWN

    def _power(self, x: Node, p: Node, parts: list[Curvature]) -> Curvature:
        """``x ** p`` with an exponent from the data, of positive numbers."""
        if self.signs.varies(p):
            # c ** x is exp(x log c).
            if not self.signs.varies(x) and self.signs.holds(x, POSITIVE) is not None:
                return Curvature(both(self.signs.holds(x, POSITIVE), parts[1].affine))
            return UNKNOWN
        value = self.signs.here(p)
        above = self.signs.holds(x, POSITIVE)
        if value is None or not value.size or above is None:
            return UNKNOWN
        low, high = float(value.min()), float(value.max())
        if low >= 1:
            hold = frozenset([Hypothesis(p, "≥ 1", "data", low)])
            return Curvature(both(above, hold, parts[0].convex))
        if low >= 0 and high <= 1:
            hold = frozenset([Hypothesis(p, "in [0, 1]", "data", low)])
            return Curvature(None, both(above, hold, parts[0].concave))
        if high <= 0:
            hold = frozenset([Hypothesis(p, "≤ 0", "data", high)])
            return Curvature(both(above, hold, parts[0].concave))
        return UNKNOWN

    # -- monomials -------------------------------------------------------------------------------

    def _monomial(self, term: Term) -> Curvature:
        moving = [f for f in term.factors if self.signs.varies(f.node)]
        still = [f for f in term.factors if not self.signs.varies(f.node)]
        if len(moving) == 1:
            (f,) = moving
            inner = self._ordered_sum(term, f) or self.power(f.node, f.exponent)
            weights = self.signs.signed(term.coefficient, still)
        else:
            inner, weights = self._together(moving), self.signs.signed(term.coefficient, still)
        results = [self._quadratic(term), self._inverses(term)]
        affine = inner.affine if len(moving) == 1 else None
        if affine is not None:
            return Curvature(affine, affine)
        if weights is not None and inner != UNKNOWN:
            sign, why = weights
            signed = inner if sign > 0 else inner.turned()
            results.append(Curvature(both(signed.convex, why), both(signed.concave, why)))
        return Curvature(
            either(*(r.convex for r in results)), either(*(r.concave for r in results))
        )

    def power(self, x: Node, p: Fraction) -> Curvature:
        """The curvature of ``x ** p``, elementwise."""
        of = self(x)
        if p == 1:
            return of
        above, below = self.signs.holds(x, NONNEGATIVE), self.signs.holds(x, NONPOSITIVE)
        if p.denominator == 1 and p > 0:
            outside = both(above, of.convex)
            if p % 2 == 0:
                return Curvature(
                    either(of.affine, outside, both(below, of.concave), self._norm(x, p))
                )
            return Curvature(outside, both(below, of.concave))
        if p.denominator == 1:
            strictly = self.signs.holds(x, POSITIVE)
            under = self.signs.holds(x, NEGATIVE)
            low = both(under, of.convex)
            convex = both(strictly, of.concave)
            return Curvature(either(convex, low), None) if p % 2 == 0 else Curvature(convex, low)
        if p < 0:
            return Curvature(both(self.signs.holds(x, POSITIVE), of.concave))
        if p < 1:
            return Curvature(self._norm(x, p), either(of.concave, self._product_root(x, p)))
        return Curvature(either(both(of.affine, above), both(above, of.convex), self._norm(x, p)))

    def _product_root(self, x: Node, p: Fraction) -> Proof:
        """``prod(x) ** p`` with ``p`` at most one over the number of factors."""
        if x.op.name != "prod":
            return None
        (inner,) = x.args
        count = Fraction(inner.type.size, max(1, x.type.size))
        above = self.signs.holds(inner, NONNEGATIVE)
        return both(above, self(inner).concave) if p * count <= 1 else None

    def _norm(self, x: Node, p: Fraction) -> Proof:
        """``x ** p`` where ``x`` is a sum of ``q``-th powers, ``p q ≥ 1``: a norm, or more."""
        found = self.degree(x)
        return found[1] if found is not None and found[0] * p >= 1 else None

    def degree(self, x: Node) -> tuple[Fraction | float, Hypotheses] | None:
        """The largest ``q`` such that ``x`` is a sum of ``q``-th powers of convex ``|·|`` terms."""
        least: Fraction | float = inf
        used: Hypotheses = NONE
        for part in x.args if x.op is TOTAL else (x,):
            found = self._degree(part)
            if found is None:
                return None
            least = min(least, found[0])
            used |= found[1]
        return (least, used) if least >= 1 else None

    def _degree(self, n: Node) -> tuple[Fraction | float, Hypotheses] | None:
        if not self.signs.varies(n):
            why = self.signs.holds(n, NONNEGATIVE)
            return None if why is None else (inf, why)
        term = self.signs.algebra.term(n)
        moving = [f for f in term.factors if self.signs.varies(f.node)]
        still = [f for f in term.factors if not self.signs.varies(f.node)]
        if len(moving) == 1 and n.op is MONOMIAL:
            (f,) = moving
            weights = self.signs.signed(term.coefficient, still)
            of = self(f.node)
            even = f.exponent.denominator == 1 and f.exponent % 2 == 0
            base = either(
                of.affine if even else None, both(of.convex, self.signs.holds(f.node, NONNEGATIVE))
            )
            if base is None or weights is None or weights[0] < 0 or f.exponent < 1:
                return None
            return f.exponent, base | weights[1]
        if n.op is MONOMIAL and len(moving) == 2:
            proof = self._quadratic(term).convex
            return None if proof is None else (Fraction(2), proof)
        proof = both(self(n).convex, self.signs.holds(n, NONNEGATIVE))
        return None if proof is None else (Fraction(1), proof)

    def _quadratic(self, term: Term) -> Curvature:
        """``xᵀAx``, and every form that is its own mirror image about the variables."""
        moving = [k for k, f in enumerate(term.factors) if self.signs.varies(f.node)]
        if len(moving) != 2 or any(term.factors[k].exponent != 1 for k in moving):
            return UNKNOWN
        first, second = (term.factors[k] for k in moving)
        if first.node is not second.node:
            return UNKNOWN
        affine = self(first.node).affine
        if affine is None or len(set(term.out)) < len(term.out):
            return UNKNOWN
        swap = {i: i for i in term.out}
        proofs = [
            both(affine, self.definite.mirrored(term, swap, sign, moving)) for sign in (1, -1)
        ]
        return Curvature(*proofs)

    def _inverses(self, term: Term) -> Curvature:
        """``xᵀS⁻¹x`` and ``tr(S⁻¹A)``, in all of x and S together."""
        inverses = [
            k
            for k, f in enumerate(term.factors)
            if f.node.op is INVERSE and self.signs.varies(f.node)
        ]
        others = [
            k for k, f in enumerate(term.factors) if self.signs.varies(f.node) and k not in inverses
        ]
        if len(inverses) != 1 or len(others) not in (0, 2):
            return UNKNOWN
        inverse = term.factors[inverses[0]].node
        matrix = inverse.args[0]
        definite = both(self(matrix).affine, self.definite.positive.get(matrix))
        if definite is None or any(term.factors[k].exponent != 1 for k in (*inverses, *others)):
            return UNKNOWN
        affine = both(*(self(term.factors[k].node).affine for k in others))
        if affine is None or len(set(term.out)) < len(term.out):
            return UNKNOWN
        swap = {i: i for i in term.out}
        proof = self.definite.mirrored(term, swap, 1, others, {inverse: definite})
        if proof is None and not others:
            proof = self._traced(term, inverses[0])
        return Curvature(both(affine, definite, proof))

    def _traced(self, term: Term, position: int) -> Proof:
        """``tr(S⁻¹A)`` with ``A ⪰ 0``."""
        f = term.factors[position]
        rest = [g for k, g in enumerate(term.factors) if k != position]
        if f.indices[0] == f.indices[1]:
            weights = self.signs.signed(term.coefficient, rest)
            return weights[1] if weights is not None and weights[0] > 0 else None
        if term.out or len(rest) != 1 or sorted(rest[0].indices) != sorted(f.indices):
            return None
        found = self.signs.signed(term.coefficient, [])
        if found is None or found[0] < 0 or rest[0].exponent != 1:
            return None
        return self.definite.semidefinite(rest[0].node)
