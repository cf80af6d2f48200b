"""Convexity of products and of what is in order of size: entropies, ratios, geometric means, norms.

Rules for several varying factors at once, for logarithms of products, for the largest elements,
eigenvalues and singular values, and for pieces that meet with one slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..ir.node import Node
from ..ops.arithmetic import absolute
from ..ops.monomial import MONOMIAL, ONE, TOTAL, Factor, Term, decode
from ..ops.structural import slice_
from ..ops.transcendental import exp, log
from .bounds import NONE, NONNEGATIVE, POSITIVE, Signs
from .curvature import LOG_CONVEX, UNKNOWN, Curvature, Proof, both, either
from .normal import Algebra


class Together:
    """The rules that look at several factors, or several pieces, at once."""

    signs: Signs
    _logarithmic: dict[Node, Curvature]

    def __call__(self, n: Node) -> Curvature:
        """The curvature of each element of ``n``."""
        raise NotImplementedError

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
        if n.op.name in LOG_CONVEX and self(n.args[0]).affine is not None:
            above = self.signs.holds(n.args[0], POSITIVE) if n.op.name == "gamma" else NONE
            return Curvature(both(self(n.args[0]).affine, above))
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
            share += term.coefficient.exact() * count
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
