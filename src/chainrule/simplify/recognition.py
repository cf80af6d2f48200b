"""What a formula calls by its name: ``1/(1 + e⁻ᶻ)`` is ``σ(z)``, ``log Σ eˣ`` a log-sum-exp.

Equations of elementwise functions are data: a left and a right side, both plain NumPy, valid for
all real numbers. They are put into normal form themselves, and the left sides are then looked for
among the factors of monomials and in functions just built. What sums over an axis follows as code.

Display only: the right sides are for reading, not for computing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..calculus.pushforward import pushforward
from ..ir.graph import toposort
from ..ir.node import INPUT, Node, constant, input_node, node
from ..ir.types import ArrayType
from ..ops.arithmetic import absolute, equal, greater, less, maximum, minimum, power, relu
from ..ops.elementwise import Elementwise
from ..ops.monomial import (
    BASIS,
    LOGSUMEXP,
    MONOMIAL,
    SIGMOID,
    SOFTMAX,
    SOFTPLUS,
    TOTAL,
    UNIT,
    Coefficient,
    Factor,
    Term,
    decode,
)
from ..ops.transcendental import exp, log, tanh
from ..trace.recording import symbolic
from .axes import Axes
from .clipping import between, clip, compared, step
from .matrices import sliced
from .normal import Algebra
from .translation import Translation

Sides = tuple[Any, Any]
Binding = dict[Node, Node]

#: In order: the left side of a later equation is normalised with the earlier ones at work.
EQUATIONS: tuple[Callable[[Any], Sides], ...] = (
    lambda z: (np.logaddexp(0.0, z), SOFTPLUS(z)),
    lambda z: (np.logaddexp(z, 0.0), SOFTPLUS(z)),
    lambda z: (np.log(1 + np.exp(z)), SOFTPLUS(z)),
    lambda z: (np.log1p(np.exp(z)), SOFTPLUS(z)),
    lambda z: (1 / (1 + np.exp(z)), SIGMOID(-z)),
    lambda z: (np.exp(z) * SIGMOID(-z), SIGMOID(z)),
    lambda z: (SIGMOID(z) * SIGMOID(-z), SIGMOID(z) * (1 - SIGMOID(z))),
    lambda z: (np.exp(z) * (1 - SIGMOID(z)), SIGMOID(z)),
    lambda z: (np.exp(z - SOFTPLUS(z)), SIGMOID(z)),
    lambda z: (np.exp(-SOFTPLUS(z)), SIGMOID(-z)),
    lambda z: (np.log(SIGMOID(z)), -SOFTPLUS(-z)),
    lambda x: (_slope(tanh, x), 1 - np.tanh(x) ** 2),
    lambda x: (_slope(tanh, x, 2), -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)),
    lambda x: (np.sinh(x) / np.cosh(x), np.tanh(x)),
    lambda x: (np.sign(x) * np.abs(x), x),
    lambda x: (np.sign(x) * x, np.abs(x)),
    lambda x: (np.sign(x) / np.abs(x), 1 / x),
    lambda x: (np.where(x > 0, 1.0, 0.0) * x, relu(x)),
    lambda x: (np.where(x > 0, 1.0, 0.0) * relu(x), relu(x)),
)


def _slope(op: Elementwise, x: Any, order: int = 1) -> Any:
    """A row's own derivative, in whatever form it is computed."""
    slope = op.partial(0, op(x), (x,))
    for _ in range(order - 1):
        (tangent,) = pushforward([slope.node], [x.node], [constant(1.0, weak=False)])
        slope = symbolic(tangent or constant(0.0, weak=False))
    return slope


@dataclass(frozen=True)
class Equation:
    """One equation in normal form; ``variable`` stands for any expression."""

    left: Node
    right: Node
    variable: Node
    coefficient: Coefficient
    factors: tuple[Factor, ...]
    #: Whether the left side is even in the variable: then the one without a minus is chosen.
    even: bool = False


_VARIABLE = input_node(0, ("variable", 0), ArrayType((), np.dtype(float)))


@cache
def equations() -> tuple[Equation, ...]:
    """All equations, normalised."""
    done: list[Equation] = []
    algebra = Algebra()
    recogniser = Recogniser(done)
    algebra.recognise_factors = recogniser.factors
    algebra.recognise_node = recogniser.node
    for sides in EQUATIONS:
        left, right = (t.node for t in sides(symbolic(_VARIABLE)))
        translate = Translation(algebra, Axes(toposort([left, right])))
        left, right = translate([left, right])
        term = algebra.term(left)
        opposite = {_VARIABLE: algebra.scale(_VARIABLE, -1)}
        even = instantiated(algebra, left, opposite, ()) is left
        done.append(Equation(left, right, _VARIABLE, term.coefficient, term.factors, even))
        recogniser.index()
    return tuple(done)


class Recogniser:
    """Applies equations while an algebra builds."""

    def __init__(self, known: Sequence[Equation]) -> None:
        self._known = known
        self._by_op: dict[Any, list[Equation]] = {}
        self._products: list[Equation] = []
        self.index()

    def index(self) -> None:
        """Sort the equations by the operation at the top of their left side."""
        self._by_op.clear()
        self._products.clear()
        for e in self._known:
            if e.left.op is MONOMIAL:
                self._products.append(e)
            else:
                self._by_op.setdefault(e.left.op, []).append(e)

    def node(self, algebra: Algebra, n: Node) -> Node | None:
        """What a function just built is known as."""
        if n.op is TOTAL:
            found = step(algebra, n)
            if found is not None:
                return found
        found = compared(algebra, n)
        if found is not None:
            return found
        if n.op is minimum or n.op is maximum:
            found = clip(algebra, n)
            if found is not None:
                return found
        if n.op is log:
            found = _log_sum_exp(algebra, n)
            if found is not None:
                return found
        for e in self._by_op.get(n.op, ()):
            for binding in matches(algebra, e.left, n, {}):
                return instantiated(algebra, e.right, binding, algebra.axes(n))
        return None

    def factors(self, algebra: Algebra, term: Term) -> Term | None:
        """A monomial in which some factors were recognised."""
        found = (
            _softmax(algebra, term)
            or _apart(algebra, term)
            or between(algebra, term)
            or _raised(algebra, term)
            or _picked(algebra, term)
        )
        if found is not None:
            return found
        ops = {f.node.op for f in term.factors}
        for e in self._products:
            if all(f.node.op in ops or f.node.op is INPUT for f in e.factors):
                found = _in_product(algebra, e, term)
                if found is not None:
                    return found
        return None


def _in_product(algebra: Algebra, e: Equation, term: Term) -> Term | None:
    """Replace factors at the same indices that are together the left side of ``e``."""
    for indices in dict.fromkeys(f.indices for f in term.factors):
        here = [f for f in term.factors if f.indices == indices]
        if len(here) < len(e.factors):
            continue
        for chosen, found, sign in _choices(algebra, list(e.factors), here, {}):
            axes = tuple(term.axes[i] for i in indices)
            variable = found[e.variable]
            if e.even:
                variable = _upright(algebra, e, variable)
            right = instantiated(algebra, e.right, {e.variable: variable}, axes)
            times = min(int(g.exponent / f.exponent) for f, g in chosen)
            rest = list(term.factors)
            for f, g in chosen:
                position = rest.index(g)
                left = g.exponent - f.exponent * times
                rest[position : position + 1] = [g._replace(exponent=left)] if left else []
            rest.append(Factor(right, indices, Fraction(times)))
            coefficient = term.coefficient * e.coefficient**-times * sign
            return term._replace(coefficient=coefficient, factors=tuple(rest))
    return None


def _upright(algebra: Algebra, e: Equation, variable: Node) -> Node:
    """A variable without its minus, unless it is with it that the program has the function."""
    opposite = algebra.scale(variable, -1)
    if any(f.node.op is SIGMOID for f in e.factors):
        own, other = (node(SIGMOID, (x,), (), variable.type) for x in (variable, opposite))
        written = [algebra.order.is_written(n) for n in (own, other)]
        if any(written) and not all(written):
            return variable if written[0] else opposite
    return opposite if algebra.split(variable)[0].number < 0 else variable


def _choices(
    algebra: Algebra, wanted: list[Factor], here: list[Factor], binding: Binding
) -> Iterator[tuple[list[tuple[Factor, Factor]], Binding, int]]:
    """Ways to pick factors that match the wanted ones, and the sign by which they differ."""
    if not wanted:
        yield [], binding, 1
        return
    # What binds the variable most surely comes first: a function before the bare variable.
    first = next((f for f in wanted if f.node.op is not INPUT), wanted[0])
    others = [f for f in wanted if f is not first]
    for g in here:
        ratio = g.exponent / first.exponent
        if ratio.denominator != 1 or ratio < 1:
            continue
        rest = [h for h in here if h is not g]
        signs = (1, -1) if first.node.op is TOTAL and g.node.op is TOTAL and ratio == 1 else (1,)
        for sign in signs:
            candidate = g.node if sign > 0 else algebra.scale(g.node, -1)
            for bound in matches(algebra, first.node, candidate, binding):
                for chosen, final, rest_sign in _choices(algebra, others, rest, bound):
                    yield [(first, g), *chosen], final, sign * rest_sign


# -- matching --------------------------------------------------------------------------------------


def matches(algebra: Algebra, pattern: Node, n: Node, binding: Binding) -> Iterator[Binding]:
    """The ways in which ``n`` is an instance of ``pattern``."""
    if pattern is _VARIABLE:
        bound = binding.get(pattern)
        if bound is None:
            if not algebra.is_constant(n):
                yield {**binding, pattern: n}
        elif bound is n:
            yield binding
        return
    if pattern.op is MONOMIAL or pattern.op is TOTAL:
        yield from _linear_matches(algebra, pattern, n, binding)
        return
    if pattern.op is n.op and pattern.params == n.params and len(pattern.args) == len(n.args):
        yield from _all(algebra, list(zip(pattern.args, n.args, strict=True)), binding)


def _all(algebra: Algebra, pairs: list[tuple[Node, Node]], binding: Binding) -> Iterator[Binding]:
    if not pairs:
        yield binding
        return
    for bound in matches(algebra, *pairs[0], binding):
        yield from _all(algebra, pairs[1:], bound)


class _Entry(NamedTuple):
    """One monomial of a sum, with the coefficient that it has in the whole."""

    coefficient: Coefficient
    factors: tuple[Factor, ...]
    out: tuple[int, ...]
    outer: Coefficient
    node: Node

    @property
    def is_variable(self) -> bool:
        """Whether it is the bare variable of an equation, which matches all that remains."""
        return (
            len(self.factors) == 1
            and self.factors[0].node is _VARIABLE
            and self.factors[0].exponent == 1
        )


def _linear(n: Node) -> list[_Entry]:
    """An expression as a sum of monomials, whatever sign stands before it."""
    outer = UNIT
    if n.op is MONOMIAL and len(n.args) == 1 and n.args[0].op is TOTAL:
        term = decode(n)
        if term.factors[0].exponent == 1 and term.factors[0].indices == term.out:
            outer, n = term.coefficient, n.args[0]
    result = []
    for part in n.args if n.op is TOTAL else (n,):
        if part.op is MONOMIAL:
            term = decode(part)
            coefficient = outer * term.coefficient
            result.append(_Entry(coefficient, term.factors, term.out, outer, part))
        else:
            indices = tuple(range(part.type.ndim))
            result.append(_Entry(outer, (Factor(part, indices),), indices, outer, part))
    return result


def _linear_matches(
    algebra: Algebra, pattern: Node, n: Node, binding: Binding
) -> Iterator[Binding]:
    wanted, there = _linear(pattern), _linear(n)
    bare = sum(w.is_variable for w in wanted)
    if len(there) == len(wanted) or (bare and len(there) > len(wanted)):
        wanted.sort(key=lambda w: w.is_variable)
        yield from _entries(algebra, wanted, there, binding)


def _entries(
    algebra: Algebra, wanted: list[_Entry], there: list[_Entry], binding: Binding
) -> Iterator[Binding]:
    if not wanted:
        if not there:
            yield binding
        return
    first, others = wanted[0], wanted[1:]
    if first.is_variable:
        if there and not others:
            rest = algebra.total([algebra.scale(t.node, t.outer) for t in there])
            yield from matches(
                algebra, _VARIABLE, algebra.scale(rest, first.coefficient**-1), binding
            )
        return
    exponents = sorted(f.exponent for f in first.factors)
    for t in there:
        if (size := _of_size(first, t)) is not None:  # 4|r| is 2|x| for x = 2r
            scaled = algebra.scale(t.factors[0].node.args[0], size)
            for bound in matches(algebra, first.factors[0].node.args[0], scaled, binding):
                yield from _entries(algebra, others, [u for u in there if u is not t], bound)
            continue
        if t.coefficient != first.coefficient or any(f.indices != t.out for f in t.factors):
            continue
        if sorted(f.exponent for f in t.factors) != exponents:
            continue
        for chosen, bound, sign in _choices(algebra, list(first.factors), list(t.factors), binding):
            if sign > 0 and all(f.exponent == g.exponent for f, g in chosen):
                yield from _entries(algebra, others, [u for u in there if u is not t], bound)


def _of_size(wanted: _Entry, there: _Entry) -> Coefficient | None:
    """The positive number that makes a multiple of ``|r|`` the wanted one, if both are such."""
    for e in (wanted, there):
        if len(e.factors) != 1 or e.factors[0].exponent != 1 or e.factors[0].indices != e.out:
            return None
        if e.factors[0].node.op is not absolute:
            return None
    ratio = there.coefficient * wanted.coefficient**-1
    return ratio if ratio.number > 0 else None


def instantiated(algebra: Algebra, n: Node, binding: Binding, axes: tuple[Any, ...]) -> Node:
    """The pattern ``n`` with its variable replaced, on ``axes``."""
    made: dict[Node, Node] = {}
    for m in toposort([n]):
        if m is _VARIABLE:
            made[m] = binding[m]
        elif m.op is MONOMIAL:
            term = decode(m)
            parts = [algebra.power(made[f.node], f.exponent) for f in term.factors]
            made[m] = (
                algebra.scale(algebra.product(*parts), term.coefficient)
                if parts
                else algebra.constant(term.coefficient, axes)
            )
        elif m.op is TOTAL:
            made[m] = algebra.total([made[a] for a in m.args])
        else:
            made[m] = algebra.apply(m.op, [made[a] for a in m.args], m.params)
    return made[n]


# -- what sums over an axis ------------------------------------------------------------------------


def _exponential_sum(n: Node) -> tuple[Node, tuple[int, ...], tuple[int, ...]] | None:
    """``(e, kept, summed)`` when ``n`` is the sum of an exponential over some axes."""
    if n.op is not MONOMIAL or len(n.args) != 1 or n.args[0].op is not exp:
        return None
    term = decode(n)
    (f,) = term.factors
    if term.coefficient != UNIT or f.exponent != 1 or len(set(f.indices)) < len(f.indices):
        return None
    kept = tuple(k for k, i in enumerate(f.indices) if i in term.out)
    summed = tuple(k - len(f.indices) for k, i in enumerate(f.indices) if i not in term.out)
    if tuple(f.indices[k] for k in kept) != term.out or not summed:
        return None
    return f.node, kept, summed


def _log_sum_exp(algebra: Algebra, n: Node) -> Node | None:
    found = _exponential_sum(n.args[0])
    if found is None:
        return None
    e, _, summed = found
    return algebra.soft(LOGSUMEXP, e.args[0], summed)


def _apart(algebra: Algebra, term: Term) -> Term | None:
    """``𝟙[x > y] ⊙ (1 − 𝟙[x = y])``: what is greater is not equal."""
    strict = [f for f in term.factors if f.node.op in (greater, less)]
    for f in strict:
        for g in term.factors:
            if g.indices != f.indices or g.node.op is not TOTAL or g.exponent != 1:
                continue
            constant, tied = None, False
            for part in g.node.args:
                view = algebra.term(part)
                if algebra.is_constant(part):
                    constant = view.coefficient
                    continue
                # A number on the diagonal alone, and ties read transposed, are something else.
                if len(view.factors) != 1 or view.factors[0].indices != view.out:
                    break
                ties = view.factors[0].node
                if ties.op is not equal or set(ties.args) != set(f.node.args):
                    break
                tied = True
            else:
                if constant is not None and tied:
                    rest = tuple(h for h in term.factors if h is not g)
                    return term._replace(coefficient=term.coefficient * constant, factors=rest)
    return None


def _picked(algebra: Algebra, term: Term) -> Term | None:
    """What is summed against ``eₖ`` is its element, row or column at k."""
    for f in term.factors:
        if f.node.op is not BASIS or f.exponent != 1:
            continue
        (i,), (k,) = f.indices, f.node.params
        met = [g for g in term.factors if g is not f and i in g.indices]
        if i in term.out and not any(g.indices == (i,) for g in met):
            continue
        if any(g.node.op is BASIS for g in met):
            continue
        made = [g for g in term.factors if g is not f and g not in met]
        if i in term.out:  # x ⊙ eₖ is x[k] eₖ
            made.append(f)
        for g in met:
            pairs = list(zip(g.indices, algebra.axes(g.node), strict=True))
            places = tuple(k if j == i else (0, a.length, 1) for j, a in pairs)
            left = tuple(None if j == i else a for j, a in pairs)
            part = sliced(algebra, g.node, places, left)
            made.append(Factor(part, tuple(j for j in g.indices if j != i), g.exponent))
        return term._replace(factors=tuple(made))
    return None


def _raised(algebra: Algebra, term: Term) -> Term | None:
    """``x · x^(y − 1)`` as ``x^y``, where the exponent gets shorter."""
    for f in term.factors:
        if f.node.op is not power or f.exponent != 1 or f.node.args[1].op is not TOTAL:
            continue
        base, exponent = f.node.args
        for g in term.factors:
            if g.node is not base or g.indices != f.indices or g.exponent.denominator != 1:
                continue
            axes = algebra.axes(exponent)
            more = algebra.total([exponent, algebra.number(g.exponent, axes)])
            if more.op is TOTAL and len(more.args) >= len(exponent.args):
                continue
            raised = (
                algebra.power(base, more.params[0].exact())
                if algebra.is_constant(more) and not more.params[0].sizes
                else algebra.apply(power, [base, more])
            )
            rest = tuple(h for h in term.factors if h is not f and h is not g)
            return term._replace(factors=(*rest, Factor(raised, f.indices)))
    return None


def _softmax(algebra: Algebra, term: Term) -> Term | None:
    """``exp(x)ᵢ / Σ exp(x)`` among the factors of a monomial."""
    for g in term.factors:
        if g.exponent >= 0 or g.exponent.denominator > 1:
            continue
        found = _exponential_sum(g.node)
        if found is None:
            continue
        e, kept, summed = found
        for f in term.factors:
            if f.node is e and f.exponent >= 1 and tuple(f.indices[k] for k in kept) == g.indices:
                rest = []
                for h in term.factors:
                    left = h.exponent - (h is f) + (h is g)
                    if left:
                        rest.append(h._replace(exponent=left))
                weights = algebra.soft(SOFTMAX, e.args[0], summed)
                rest.append(Factor(weights, f.indices))
                return term._replace(factors=tuple(rest))
    return None
