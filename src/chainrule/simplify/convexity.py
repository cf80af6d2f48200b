"""Convexity by rules on the normal form, as in disciplined convex programming.

Each element of each node is constant, affine, convex, concave or none of these in all variables
together. A function of a node follows from what the function is (convex and increasing, of convex,
is convex), a monomial from its weights and its factors. Grant, Boyd and Ye, *Disciplined convex
programming* (2006); Boyd and Vandenberghe, *Convex optimization* (2004), chapter 3.

A proof is the set of what it takes for granted; ``None`` is no proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import NamedTuple

from ..ir.graph import toposort
from ..ir.node import Node
from ..ops.arithmetic import absolute
from ..ops.monomial import INVERSE, LOGDET, MONOMIAL, ONE, TOTAL, Factor, Term, decode
from ..ops.structural import slice_
from ..ops.transcendental import exp, log
from .bounds import (
    NEGATIVE,
    NONE,
    NONNEGATIVE,
    NONPOSITIVE,
    POSITIVE,
    Hypotheses,
    Hypothesis,
    Signs,
    exact,
)
from .definite import Definiteness
from .normal import Algebra

Proof = Hypotheses | None


class Curvature(NamedTuple):
    """What it takes for a node to be convex, and to be concave."""

    convex: Proof = None
    concave: Proof = None

    @property
    def affine(self) -> Proof:
        """What it takes to be both."""
        return both(self.convex, self.concave)

    def turned(self) -> Curvature:
        """Of minus the node."""
        return Curvature(self.concave, self.convex)


def both(*proofs: Proof) -> Proof:
    """What it takes for all."""
    used: Hypotheses = NONE
    for p in proofs:
        if p is None:
            return None
        used |= p
    return used


def either(*proofs: Proof) -> Proof:
    """The proof that takes least."""
    found = [p for p in proofs if p is not None]
    return min(found, key=len) if found else None


UNKNOWN = Curvature()
CONSTANT = Curvature(NONE, NONE)

# -- tables ----------------------------------------------------------------------------------------

_INCREASING_CONVEX = frozenset(
    [
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "softplus",
        "relu",
        "logaddexp",
        "maximum",
        "logsumexp",
        "max",
        "exprel",
    ]
)
_INCREASING_CONCAVE = frozenset(
    ["log", "log2", "log10", "log1p", "minimum", "min", "log_expit", "log_ndtr"]
)
#: Convex, decreasing where the argument is negative and increasing where it is positive.
_EVEN_CONVEX = frozenset(["absolute", "fabs", "cosh", "i0"])
#: Convex on the positive half-line and concave on the negative one, increasing.
_OUTWARD = frozenset(["sinh", "arctanh", "arcsin", "erfi"])
#: Concave on the positive half-line and convex on the negative one, increasing.
_INWARD = frozenset(["tanh", "arctan", "arcsinh", "sigmoid", "expit", "cbrt", "erf", "ndtr"])
#: Concave, not monotone. On its domain, which is convex.
_CONCAVE = frozenset(["entr"])
#: Convex, not monotone, on x > 0.
_CONVEX_POSITIVE = frozenset(["gammaln", "loggamma", "gamma"])
#: Convex in both arguments together, and decreasing in the second where that is concave.
_JOINTLY_CONVEX = frozenset(["rel_entr", "kl_div"])
#: Each element of the result is a sum of elements of the first argument.
_GATHERS = frozenset(
    [
        "slice",
        "gather",
        "take_along",
        "reshape",
        "transpose",
        "broadcast",
        "concatenate",
        "place",
        "cumsum",
        "scatter_add",
        "add_along",
        "astype",
    ]
)
#: Strictly convex or strictly concave functions of one number.
STRICT = frozenset(
    [
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "softplus",
        "cosh",
        "log",
        "log2",
        "log10",
        "log1p",
        "entr",
        "gammaln",
        "loggamma",
        "log_expit",
        "log_ndtr",
        "i0",
    ]
)


class Convexity:
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
        if n.op is exp:
            return Curvature(parts[0].convex, self._geometric(args[0]))
        if name in _INCREASING_CONVEX:
            return Curvature(both(*(p.convex for p in parts)))
        if name == "log":
            return self._log(n, parts[0])
        if name in _INCREASING_CONCAVE:
            return Curvature(concave=both(*(p.concave for p in parts)))
        if name in _EVEN_CONVEX or name in _OUTWARD or name in _INWARD:
            return self._odd_or_even(name, args[0], parts[0])
        if name in _CONCAVE:
            return Curvature(concave=parts[0].affine)
        if name in _CONVEX_POSITIVE:
            return Curvature(both(parts[0].affine, self.signs.holds(args[0], POSITIVE)))
        if name in _JOINTLY_CONVEX:
            second = parts[1].affine if name == "kl_div" else parts[1].concave
            return Curvature(both(parts[0].affine, second))
        if name in _GATHERS:
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
        if name in _EVEN_CONVEX:
            linear = name in ("absolute", "fabs")
            return Curvature(
                either(of.affine, both(above, of.convex), both(below, of.concave)),
                either(both(above, of.concave), both(below, of.convex)) if linear else None,
            )
        if name in _INWARD:
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

    # -- products of several factors -------------------------------------------------------------

    def _together(self, moving: Sequence[Factor]) -> Curvature:
        """One element of a product of several varying factors."""
        results = [self._entropy(moving), self._powers(moving)]
        parts = [self._log_factor(f) for f in moving]
        results.append(Curvature(both(*(p.convex for p in parts))))
        return Curvature(
            either(*(r.convex for r in results)), either(*(r.concave for r in results))
        )

    def _entropy(self, moving: Sequence[Factor]) -> Curvature:
        """``x log x``, and ``x log(x/y)`` in both together, for positive x and y."""
        if len(moving) != 2 or any(f.exponent != 1 for f in moving):
            return UNKNOWN
        for x, f in (moving, moving[::-1]):
            if f.node.op is not log:
                continue
            affine = both(self(x.node).affine, self.signs.holds(x.node, NONNEGATIVE))
            if affine is None:
                continue
            (inside,) = f.node.args
            if inside is x.node and f.indices == x.indices:
                return Curvature(affine)
            if inside.op is not MONOMIAL:
                continue
            found = self._ratio(x, decode(inside), f.indices)
            if found is not None:
                sign, proof = found
                proof = both(affine, proof)
                return Curvature(proof) if sign > 0 else Curvature(concave=proof)
        return UNKNOWN

    def _ratio(self, x: Factor, inside: Term, indices: tuple[int, ...]) -> tuple[int, Proof] | None:
        """Whether ``inside`` is ``c x / y`` or ``c y / x``, with ``y`` concave and positive."""
        place = dict(zip(inside.out, indices, strict=True))
        if len(place) < len(indices) or inside.inner() - set(inside.out):
            return None
        moving = [f for f in inside.factors if self.signs.varies(f.node)]
        still = [f for f in inside.factors if not self.signs.varies(f.node)]
        weights = self.signs.signed(inside.coefficient, still, strict=True)
        if weights is None or weights[0] < 0:
            return None
        own = [
            f
            for f in moving
            if f.node is x.node and tuple(place[i] for i in f.indices) == x.indices
        ]
        others = [f for f in moving if f not in own]
        if len(own) != 1 or abs(own[0].exponent) != 1 or len(others) > 1:
            return None
        sign = int(own[0].exponent)
        proof: Proof = weights[1]
        for y in others:
            if y.exponent != -sign:
                return None
            proof = both(proof, self(y.node).concave, self.signs.holds(y.node, POSITIVE))
        return sign, proof

    def _powers(self, moving: Sequence[Factor]) -> Curvature:
        """``∏ x_k ^ p_k`` of positive numbers: geometric means, ``x² / y`` and their kin."""
        exponents = [f.exponent for f in moving]
        above = [self.signs.holds(f.node, NONNEGATIVE) for f in moving]
        parts = [self(f.node) for f in moving]
        if all(p > 0 for p in exponents):
            fine = sum(exponents) <= 1
            return Curvature(concave=both(*above, *(p.concave for p in parts)) if fine else None)
        strictly = [self.signs.holds(f.node, POSITIVE) for f in moving if f.exponent < 0]
        falling = both(
            *strictly, *(c.concave for c, p in zip(parts, exponents, strict=True) if p < 0)
        )
        rising = [k for k, p in enumerate(exponents) if p > 0]
        if not rising:
            return Curvature(falling)
        if len(rising) > 1 or sum(exponents) < 1:
            return UNKNOWN
        (k,) = rising
        even = exponents[k].denominator == 1 and exponents[k] % 2 == 0
        top = either(both(above[k], parts[k].convex), parts[k].affine if even else None)
        return Curvature(both(falling, top))

    # -- logarithms ------------------------------------------------------------------------------

    def _log_factor(self, f: Factor) -> Curvature:
        part = self.logarithmic(f.node)
        return part if f.exponent > 0 else part.turned()

    def logarithmic(self, n: Node) -> Curvature:
        """Whether the logarithm of a positive node is convex or concave."""
        if n not in self._logarithmic:
            self._logarithmic[n] = self._of_logarithm(n)
        return self._logarithmic[n]

    def _of_logarithm(self, n: Node) -> Curvature:
        if n.op is exp:
            return self(n.args[0])
        above = self.signs.holds(n, POSITIVE)
        if above is None:
            return UNKNOWN
        if not self.signs.varies(n):
            return Curvature(above, above)
        concave = both(above, self(n).concave)
        if n.op.name in ("sigmoid", "expit", "ndtr"):
            concave = either(concave, self(n.args[0]).concave)
        if n.op is TOTAL:
            concave = either(concave, self._complement(n))
            return Curvature(both(*(self.logarithmic(a).convex for a in n.args)), concave)
        if n.op is MONOMIAL:
            term = decode(n)
            found = self.signs.signed(
                term.coefficient,
                [f for f in term.factors if not self.signs.varies(f.node)],
                strict=True,
            )
            if found is None or found[0] < 0:
                return Curvature(None, concave)
            parts = [self._log_factor(f) for f in term.factors if self.signs.varies(f.node)]
            alone = not term.inner() - set(term.out)
            product = both(found[1], *(p.concave for p in parts)) if alone else None
            return Curvature(both(found[1], *(p.convex for p in parts)), either(concave, product))
        return Curvature(None, concave)

    def _complement(self, n: Node) -> Proof:
        """``log(1 − σ(z))`` is ``−softplus(z)``, and ``1 − Φ(z)`` is ``Φ(−z)``."""
        if len(n.args) != 2:
            return None
        for one, other in (n.args, n.args[::-1]):
            if not self.signs.algebra.is_constant(one):
                continue
            coefficient, base = self.signs.algebra.split(other)
            plain = one.op is MONOMIAL and one.params[0].number == 1 and not one.params[0].sizes
            if plain and coefficient.number == -1 and not coefficient.sizes:
                base = self.signs.algebra.term(base).factors[0].node
                if base.op.name in ("sigmoid", "expit", "ndtr"):
                    return self(base.args[0]).convex
        return None

    def _geometric(self, x: Node) -> Proof:
        """``exp(Σ c log x)`` with ``c ≥ 0`` and ``Σ c ≤ 1``: a geometric mean."""
        share, used = Fraction(0), NONE
        for part in self.signs.algebra.split(x)[1].args if x.op is TOTAL else (x,):
            if not self.signs.varies(part):
                continue
            term = self.signs.algebra.term(part)
            if len(term.factors) != 1 or term.coefficient.number < 0:
                return None
            (f,) = term.factors
            if f.node.op is not log or f.exponent != 1:
                return None
            concave = self(f.node.args[0]).concave
            if concave is None:
                return None
            used |= concave
            inner = set(f.indices) - set(term.out)
            count = Fraction(1)
            for i in inner:
                count *= term.axes[i].length
            share += exact(term.coefficient) * count
        return used if share <= 1 else None

    # -- what is in order of size ----------------------------------------------------------------

    def _ordered(self, n: Node) -> Curvature:
        """The largest or smallest of the eigenvalues, or singular values, of an affine matrix."""
        (values,) = n.args
        affine = self(values.args[0]).affine
        entry = n.params[0][-1]
        if not isinstance(entry, int):
            return UNKNOWN
        last = values.type.shape[-1] - 1
        if values.op.name == "svdvals":
            return Curvature(affine if entry == 0 else None)
        return Curvature(affine if entry == last else None, affine if entry == 0 else None)

    def _ordered_sum(self, term: Term, f: Factor) -> Curvature | None:
        """The sum of the largest elements, eigenvalues or singular values."""
        x, start, count = f.node, 0, None
        if not f.indices:
            return None
        if x.op is slice_ and isinstance(x.params[0][-1], tuple):
            start, count, step = x.params[0][-1]
            (x,) = x.args
            if step != 1:
                return None
        alone = f.indices[-1] not in term.out and not any(
            f.indices[-1] in g.indices for g in term.factors if g is not f
        )
        if not alone or f.indices.count(f.indices[-1]) > 1:
            return None
        length = x.type.shape[-1]
        count = length if count is None else count
        largest, smallest = start + count == length, start == 0
        if x.op.name == "svdvals" and smallest and f.exponent >= 1:
            return Curvature(self(x.args[0]).affine)
        if f.exponent != 1:
            return None
        if x.op.name == "eigvalsh":
            affine = self(x.args[0]).affine
            return Curvature(affine if largest else None, affine if smallest else None)
        if (
            x.op.name == "take_along"
            and x.params[-1] in (-1, (-1,))
            and x.args[1].op.name == "argsort"
            and x.args[1].args[0] is x.args[0]
        ):
            of = self(x.args[0])
            return Curvature(of.convex if largest else None, of.concave if smallest else None)
        return None

    # -- pieces ----------------------------------------------------------------------------------

    def _huber(self, n: Node) -> Curvature:
        """``where(|r| ≤ δ, r²/2, δ (|r| − δ/2))``, and multiples: the pieces meet with one slope."""
        condition, inner, outer = n.args
        if not self.signs.varies(condition):
            if self.signs.algebra.is_zero(condition):
                return self(outer)
            parts = self(inner), self(outer)
            return Curvature(both(*(p.convex for p in parts)), both(*(p.concave for p in parts)))
        if condition.op.name in ("greater", "greater_equal"):
            if not self.signs.varies(condition.args[0]):  # δ > |r|
                delta, size = condition.args
            else:
                (size, delta), inner, outer = condition.args, outer, inner
        elif condition.op.name in ("less", "less_equal"):
            size, delta = condition.args
            if not self.signs.varies(size):
                (delta, size), inner, outer = condition.args, outer, inner
        else:
            return UNKNOWN
        algebra = self.signs.algebra
        if size.op is not absolute or self.signs.varies(delta):
            return UNKNOWN
        (r,) = size.args
        affine = self(r).affine
        coefficient, base = algebra.split(inner)
        square = algebra.power(r, Fraction(2))
        outside, plain = algebra.split(square)
        if base is not plain or affine is None:
            return UNKNOWN
        # Both are c times the same: c r² inside, c (2 δ |r| − δ²) outside.
        c = coefficient * outside**-1
        line = algebra.total(
            [
                algebra.scale(algebra.product(delta, size), 2),
                algebra.scale(algebra.power(delta, Fraction(2)), -1),
            ]
        )
        if not algebra.is_zero(
            algebra.total([algebra.scale(line, c), algebra.scale(expanded(algebra, outer), -1)])
        ):
            return UNKNOWN
        why = both(affine, self.signs.holds(delta, NONNEGATIVE))
        return Curvature(why) if c.number > 0 else Curvature(concave=why)


def expanded(algebra: Algebra, n: Node) -> Node:
    """A product with one sum in it, as the sum of products."""
    if n.op is not MONOMIAL:
        return n
    term = decode(n)
    for k, f in enumerate(term.factors):
        if f.node.op is TOTAL and f.exponent == ONE:
            parts = []
            for part in f.node.args:
                factors = (*term.factors[:k], Factor(part, f.indices), *term.factors[k + 1 :])
                parts.append(algebra.monomial(term._replace(factors=factors)))
            return algebra.total(parts)
    return n
