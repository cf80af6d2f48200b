"""The einsum normal form: smart constructors that keep every expression normal as it is built.

An expression is a coefficient times a base; a base is an atom, a function of normal expressions, a
monomial or a total. Products are flattened into one monomial each, so identities dissolve into a
renaming of indices; sums are flattened and collected as like terms. A product is distributed over
a sum only where the sum has a diagonal among its terms, for otherwise what is factored stays so.

The rules hold for real numbers, not for bits: what is made here is displayed, never compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np

from ..ir.node import Node, node
from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from ..ops.monomial import (
    MONOMIAL,
    SOFTMAX,
    TOTAL,
    UNIT,
    Axis,
    Coefficient,
    Factor,
    Order,
    Term,
    decode,
)
from ..ops.sandwich import sandwich
from .assumed import Assumed
from .equal import soft_of_equal
from .factoring import common_factors, paired
from .mirrored import may_be_mirrored, upright
from .rewriting import diagonals, like_terms, opened, shorter
from .terms import (
    apart,
    find,
    lowered,
    merged,
    merges,
    once,
    only_permutes,
    opens,
    rational,
    renaming,
    rooted,
    shared_number,
    sized,
    sums_inside,
    weighs,
    weights_summed,
)

Axes = tuple[Axis, ...]
#: What may replace some factors of a monomial, a total, or a function just built.
Recognition = Callable[["Algebra", Any], Any]


class Algebra:
    """Builds normal expressions; one for each derivation, since it numbers what it makes."""

    def __init__(self) -> None:
        self.order = Order()
        self.recognise_factors: Recognition = lambda algebra, term: None
        self.recognise_node: Recognition = lambda algebra, n: None
        #: Atoms that equal their transpose.
        self.symmetric: set[Node] = set()
        self.kept: set[Node] = set()  # sums with a name of their own
        self.mirrors: dict[tuple[Node, int, int], int] = {}
        self.assumed = Assumed()
        #: Whether what the terms of a sum share is taken out of it.
        self.factored = True
        self._fresh = count(1000)
        self._trying: set[Any] = set()
        self.expanding = False
        self._totals: dict[tuple[Node, ...], Node] = {}
        self._monomials: dict[Node, Node] = {}

    # -- views -----------------------------------------------------------------------------------

    def axes(self, n: Node) -> Axes:
        """The axes of a node."""
        return self.order.axes[n]

    def common_axes(self, nodes: Sequence[Node]) -> Axes:
        """The axes of nodes that stand side by side: what is repeated takes its length from others."""
        if len(nodes) == 1:
            return self.axes(nodes[0])
        return tuple(
            next((self.axes(n)[p] for n in nodes if self.varies(n, p)), axis)
            for p, axis in enumerate(self.axes(nodes[0]))
        )

    def atom(self, n: Node, axes: Axes) -> Node:
        """A node that is not looked into."""
        return self.order.add(n, axes)

    def term(self, n: Node) -> Term:
        """Any node as a term."""
        if n.op is MONOMIAL:
            return decode(n)
        axes = self.axes(n)
        indices = tuple(range(len(axes)))
        return Term(UNIT, (Factor(n, indices),), indices, dict(enumerate(axes)))

    def split(self, n: Node) -> tuple[Coefficient, Node]:
        """The coefficient of a node, and its base."""
        if n.op is not MONOMIAL or n.params[0] == UNIT:
            return UNIT, n
        term = decode(n)
        base, number = self.finished(term._replace(coefficient=UNIT)), term.coefficient
        if base.op is MONOMIAL and base.params[0] != UNIT:  # what cancelled has left one
            number = number * base.params[0]
            base = self.order.canonical(decode(base)._replace(coefficient=UNIT))
        return number, base

    def side_by_side(self, nodes: Sequence[Node]) -> tuple[Axes, list[Node]]:
        """The common axes of nodes, and the nodes on these."""
        axes = self.common_axes(nodes)
        return axes, [n if self.axes(n) == axes else self._on(n, axes) for n in nodes]

    def _on(self, n: Node, axes: Axes) -> Node:
        term = self.term(n)
        new = {**term.axes, **dict(zip(term.out, axes, strict=True))}
        return self.finished(term._replace(axes=new))

    # -- leaves ----------------------------------------------------------------------------------

    def constant(self, value: Coefficient, axes: Axes = ()) -> Node:
        """A number, repeated along ``axes``."""
        out = tuple(range(len(axes)))
        return self.order.canonical(Term(value, (), out, dict(enumerate(axes))))

    def number(self, value: float | Fraction, axes: Axes = ()) -> Node:
        """A number, repeated along ``axes``."""
        exact = value if isinstance(value, Fraction) else rational(float(value))
        return self.constant(Coefficient(exact), axes)

    def is_constant(self, n: Node) -> bool:
        """Whether ``n`` is a number, perhaps repeated."""
        return n.op is MONOMIAL and not n.args and len(set(n.params[3])) == len(n.params[3])

    def is_zero(self, n: Node) -> bool:
        """Whether ``n`` is zero by structure."""
        return n.op is MONOMIAL and n.params[0].number == 0

    # -- products --------------------------------------------------------------------------------

    def product(self, *nodes: Node) -> Node:
        """The elementwise product of nodes with the same axes."""
        axes = self.common_axes(nodes)
        out = tuple(range(len(axes)))
        factors = tuple(Factor(n, out) for n in nodes)
        return self.monomial(Term(UNIT, factors, out, dict(enumerate(axes))))

    def scale(self, n: Node, by: Coefficient | Fraction | int) -> Node:
        """A node times a number."""
        term = self.term(n)
        return self.finished(term._replace(coefficient=term.coefficient * by))

    def turned(self, n: Node) -> Node:
        """The transpose of a matrix."""
        rows, columns = self.axes(n)
        return self.monomial(Term(UNIT, (Factor(n, (0, 1)),), (1, 0), {0: rows, 1: columns}))

    def power(self, n: Node, exponent: Fraction) -> Node:
        """A node raised elementwise to a constant exponent."""
        term = self.term(n)
        out = tuple(range(len(term.out)))
        axes = dict(enumerate(self.axes(n)))
        return self.monomial(Term(UNIT, (Factor(n, out, exponent),), out, axes))

    def spread(self, n: Node, axes: Axes, positions: Sequence[int]) -> Node:
        """Repeat: axis ``k`` of the node becomes axis ``positions[k]`` of ``axes``."""
        out = tuple(range(len(axes)))
        return self.monomial(Term(UNIT, (Factor(n, tuple(positions)),), out, dict(enumerate(axes))))

    def monomial(self, term: Term) -> Node:
        """The normal form of a product."""
        if len(term.factors) == 1 and term.coefficient == UNIT:
            (only,) = term.factors
            if (
                only.exponent == 1
                and only.indices == term.out
                and len(set(term.out)) == len(term.out)
            ):
                return only.node
        there = all(f.node in self.order for f in term.factors)
        known = self.order.canonical(term) if there else None
        if known is not None and known in self._monomials:
            return self._monomials[known]
        result = self._monomial(term)
        if known is not None:
            self._monomials[known] = result
        return result

    def _monomial(self, term: Term) -> Node:
        coefficient, axes = term.coefficient, dict(term.axes)
        out = term.out
        indices = set(out) | term.inner()
        factors = merged(term.factors)
        while True:
            ready = []
            for position, f in enumerate(factors):
                if f.node.op is MONOMIAL:
                    if self._can_inline(f):
                        ready.append(position)
                        continue
                    factors[position], outside = self._numberless(self._narrowed(f))
                    coefficient = coefficient * outside
            if not ready:
                break
            # Contractions last: until then they may meet powers of themselves.
            position = min(ready, key=lambda k: sums_inside(factors[k].node))
            f = factors[position]
            inner = decode(f.node)
            rename, merge = renaming(inner, f.indices, self._fresh)
            for i, new in rename.items():
                axes.setdefault(new, inner.axes[i])
                indices.add(new)
            exponent = f.exponent
            coefficient = coefficient * inner.coefficient ** int(exponent)
            factors[position : position + 1] = [
                Factor(g.node, tuple(rename[i] for i in g.indices), g.exponent * exponent)
                for g in inner.factors
            ]
            if merge:
                factors = [
                    Factor(g.node, tuple(find(merge, i) for i in g.indices), g.exponent)
                    for g in factors
                ]
                out = tuple(find(merge, i) for i in out)
                indices = {find(merge, i) for i in indices}
            factors = merged(factors)
        coefficient = rooted(factors, coefficient * lowered(factors))
        if coefficient.number == 0:
            return self.constant(Coefficient(Fraction(0)), tuple(axes[i] for i in out))
        if self.symmetric or self.kept or any(may_be_mirrored(f.node) for f in factors):
            factors, sign = upright(self, factors, out)
            factors, coefficient = merged(factors), coefficient * sign
        factors, indices = weights_summed(factors, out, indices)
        made = Term(coefficient, tuple(factors), out, axes)
        made = sized(made, indices)
        changed = self.recognise_factors(self, made)
        if changed is not None:
            return self.monomial(changed)
        return self.finished(made)

    def finished(self, term: Term) -> Node:
        """The node of a flat term: itself, or a sum where it must be distributed."""
        if term.coefficient.number == 0:
            return self.constant(Coefficient(Fraction(0)), term.out_axes)
        if term.coefficient == UNIT and len(term.factors) == 1:
            (f,) = term.factors
            if f.exponent == 1 and f.indices == term.out and len(set(term.out)) == len(term.out):
                return f.node
        if len(term.factors) == 1:
            (f,) = term.factors
            terms = f.node.op is TOTAL and f.exponent == 1
            if terms and (only_permutes(f, term.out) or apart(term, f)):
                parts = [term._replace(factors=(Factor(p, f.indices),)) for p in f.node.args]
                return self.total([self.monomial(part) for part in parts])
            if f.node.op is TOTAL and f.exponent == 1:
                cancelled = self._cancelled(term, f)
                if cancelled is not None:
                    return cancelled
        else:
            for position, f in enumerate(term.factors):
                if f.node.op is TOTAL and f.exponent == 1:
                    cancelled = self._cancelled(term, f)
                    if cancelled is not None:
                        return cancelled
                if f.node.op is TOTAL and f.exponent == 1 and len(term.out) == len(f.indices) == 2:
                    found = opened(self, term, position)
                    if found is not None:
                        return found
                if (
                    f.node.op is TOTAL
                    and f.exponent == 1
                    and (opens(term, f, self.kept) or merges(term, f) or apart(term, f))
                ):
                    return self.total(
                        [
                            self.monomial(
                                term._replace(
                                    factors=(
                                        *term.factors[:position],
                                        Factor(part, f.indices),
                                        *term.factors[position + 1 :],
                                    )
                                )
                            )
                            for part in f.node.args
                        ]
                    )
        return self.order.canonical(term)

    def _cancelled(self, term: Term, f: Factor) -> Node | None:
        """The sum of a sum, term by term, where terms cancel: ``Σ (x − mean x)`` is 0."""
        others = [g for g in term.factors if g is not f]
        beside = {i for g in others for i in g.indices} | set(term.out)
        alone = [p for p, i in enumerate(f.indices) if i not in beside]
        even = any(
            not self.varies(part, p) or SOFTMAX in {a.op for a in part.args}
            for part in f.node.args
            for p in alone
        )
        if not even and not weighs(term, f):
            return None
        parts = [term._replace(factors=(*others, Factor(part, f.indices))) for part in f.node.args]
        whole = self.order.canonical(term)
        result = once(self._trying, whole, lambda: self.total([self.monomial(part) for part in parts]))
        if result is None:
            return None
        left = self.parts(self.split(result)[1]) or (result,)
        both = (self.varies(part, 0) and self.varies(part, 1) for part in f.node.args)
        bordered = len(f.indices) == 2 and not any(both)  # x𝟏ᵀ − 𝟏yᵀ
        return result if len(left) < len(f.node.args) + bordered else None

    def _can_inline(self, f: Factor) -> bool:
        if f.exponent == 1:
            return True
        if f.exponent.denominator != 1:
            return f.node.params[0] == UNIT and not f.node.args and self.is_constant(f.node)
        inner = decode(f.node)
        if inner.coefficient.number == 0 and f.exponent < 0:
            return False
        return inner.inner() <= set(inner.out) and len(set(inner.out)) == len(inner.out)

    def _numberless(self, f: Factor) -> tuple[Factor, Coefficient]:
        """A whole power of a number times something, and the power of that number."""
        if f.exponent.denominator != 1 or f.node.op is not MONOMIAL or not f.node.args:
            return f, UNIT
        coefficient, base = self.split(f.node)
        if coefficient == UNIT or coefficient.number == 0:
            return f, UNIT
        return f._replace(node=base), coefficient ** int(f.exponent)

    def _narrowed(self, f: Factor) -> Factor:
        """A power without the axes along which its base is constant."""
        kept = [p for p in range(len(f.indices)) if self.varies(f.node, p)]
        if len(kept) == len(f.indices):
            return f
        return Factor(self.without(f.node, kept), tuple(f.indices[p] for p in kept), f.exponent)

    # -- sums ------------------------------------------------------------------------------------

    def total(self, nodes: Sequence[Node]) -> Node:
        """The normal form of a sum of nodes with the same axes."""
        key = tuple(nodes)
        if key not in self._totals:
            self._totals[key] = self._total(nodes)
        return self._totals[key]

    def _total(self, nodes: Sequence[Node]) -> Node:
        axes, nodes = self.side_by_side(nodes)
        terms = like_terms(self, nodes)
        if not terms:
            return self.constant(Coefficient(Fraction(0)), axes)
        if len(terms) == 1:
            return self.scale(terms[0][1], terms[0][0])
        rank = self.order.rank
        terms.sort(key=lambda t: (rank(t[1]), not t[0].sizes, t[0].sizes))
        lower = self._constant_along(terms, axes)
        if lower is not None:
            return lower
        diagonal = diagonals(self, terms, axes)
        if diagonal is not None:
            return diagonal
        written_out = shorter(self, terms, axes) if self.factored else None
        if written_out is not None:
            return written_out
        ends = sandwich([base for _, base in terms]) is not None
        whole = tuple(terms)
        shared = common_factors(self, terms, axes, alone=ends) if self.factored else None
        made = None
        if shared is not None:
            made = once(self._trying, (0, whole), lambda: self.monomial(shared))
        elif len(terms) > 2 and self.factored and (fewer := paired(self, terms, axes)) is not None:
            pairs = [self.scale(base, c) for c, base in fewer]
            made = once(self._trying, (1, whole), lambda: self.total(pairs))
        return self._hoisted(terms, axes) if made is None else made

    def parts(self, base: Node) -> tuple[Node, ...] | None:
        """The terms of a sum, also where it is transposed or repeated along more axes."""
        if base.op is TOTAL:
            return base.args
        if base.op is not MONOMIAL or len(base.args) != 1 or base.args[0].op is not TOTAL:
            return None
        term = decode(base)
        (f,) = term.factors
        if f.exponent != 1 or not set(f.indices) <= set(term.out):
            return None
        if len(set(f.indices)) < len(f.indices) or len(set(term.out)) < len(term.out):
            return None
        return tuple(
            self.monomial(term._replace(factors=(Factor(part, f.indices),)))
            for part in base.args[0].args
        )

    def _constant_along(self, terms: list[tuple[Coefficient, Node]], axes: Axes) -> Node | None:
        """A sum whose terms are all repeated along some axis is summed without it."""
        kept = [p for p in range(len(axes)) if any(self.varies(base, p) for _, base in terms)]
        if len(kept) == len(axes):
            return None
        lower = self.total([self.scale(self.without(base, kept), c) for c, base in terms])
        return self.spread(lower, axes, kept)

    def varies(self, n: Node, position: int) -> bool:
        """Whether a node depends on its axis ``position``."""
        if n.op is not MONOMIAL:
            return True
        out = n.params[3]
        i = out[position]
        return out.count(i) > 1 or any(i in indices for indices in n.params[1])

    def without(self, n: Node, kept: Sequence[int]) -> Node:
        """A node without the axes along which it is constant."""
        term = self.term(n)
        return self.finished(term._replace(out=tuple(term.out[p] for p in kept)))

    def _hoisted(self, terms: list[tuple[Coefficient, Node]], axes: Axes) -> Node:
        """The sum with a coefficient in front that all terms share, the first one positive."""
        outside = shared_number([c for c, _ in terms])
        if not axes and any(base.op is TOTAL for _, base in terms):  # 2(x − 1) − 400xr stays
            outside = Coefficient(Fraction(-1 if terms[0][0].number < 0 else 1))
        if outside != UNIT:
            terms = [(c * outside**-1, base) for c, base in terms]
        made = node(TOTAL, tuple(self.scale(base, c) for c, base in terms))
        made = self.recognised(self.order.add(made, axes))
        return made if outside == UNIT else self.scale(made, outside)

    # -- functions -------------------------------------------------------------------------------

    def apply(self, op: Primitive, args: Sequence[Node], params: tuple[Any, ...] = ()) -> Node:
        """An elementwise function of nodes with the same axes. It commutes with repetition."""
        axes, args = self.side_by_side(args)
        if axes:
            kept = [p for p in range(len(axes)) if any(self.varies(a, p) for a in args)]
            if len(kept) < len(axes):
                lower = self.apply(op, [self.without(a, kept) for a in args], params)
                return self.spread(lower, axes, kept)
        if len(args) == 1 and args[0].op is MONOMIAL and len(args[0].args) == 1:
            term = decode(args[0])
            (f,) = term.factors
            if f.exponent == 1 and term.coefficient == UNIT and only_permutes(f, term.out):
                return self.monomial(
                    term._replace(factors=(Factor(self.apply(op, [f.node], params), f.indices),))
                )
        return self.opaque(op, args, params, axes)

    def opaque(
        self, op: Primitive, args: Sequence[Node], params: tuple[Any, ...], axes: Axes
    ) -> Node:
        """Any operation on normal arguments, as an atom of its own."""
        t = ArrayType(tuple(a.length for a in axes), np.dtype(float))
        return self.recognised(self.order.add(node(op, tuple(args), params, t), axes))

    def soft(self, op: Primitive, x: Node, along: tuple[int, ...]) -> Node:
        """Softmax or log-sum-exp over some axes; neither depends on a shift along them."""
        axes = self.axes(x)
        dropped = [a + len(axes) for a in along]
        kept = [k for k in range(len(axes)) if k not in dropped]
        coefficient, base = self.split(x)
        if not any(self.varies(x, p) for p in dropped):
            return soft_of_equal(self, op, x, dropped)
        if base.op is TOTAL:
            moved = [a for a in base.args if not any(self.varies(a, p) for p in dropped)]
            if moved:
                rest = [a for a in base.args if a not in moved]
                inner = self.soft(op, self.scale(self.total(rest), coefficient), along)
                if op is SOFTMAX:
                    return inner
                shift = self.scale(self.total(moved), coefficient)
                return self.total([inner, self.without(shift, kept)])
        result = axes if op is SOFTMAX else tuple(axes[k] for k in kept)
        return self.opaque(op, [x], (along,), result)

    def recognised(self, n: Node) -> Node:
        """What is known about a node just built."""
        found = self.recognise_node(self, n)
        return n if found is None else found
