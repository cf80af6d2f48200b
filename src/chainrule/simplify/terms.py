"""Questions about terms, and the smallest rewrites of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from ..ir.node import INPUT, Node
from ..ops.arithmetic import CONDITIONS
from ..ops.monomial import (
    BASIS,
    MONOMIAL,
    ONE,
    ONEHOT,
    SOFTMAX,
    TOTAL,
    UNIT,
    Coefficient,
    Factor,
    Term,
)
from ..ops.structural import slice_


def merged(factors: Sequence[Factor]) -> list[Factor]:
    """Powers of the same factor at the same indices, as one."""
    powers: dict[tuple[Node, tuple[int, ...]], Fraction] = {}
    for f in factors:
        key = (f.node, f.indices)
        powers[key] = powers.get(key, Fraction(0)) + f.exponent
    return [
        Factor(n, indices, ONE if p > 0 and is_indicator(n) else p)
        for (n, indices), p in powers.items()
        if p
    ]


def rooted(factors: list[Factor], coefficient: Coefficient) -> Coefficient:
    """Roots of sizes beside whole powers of them, in place: ``N/√N`` is ``√N``."""
    for k, f in enumerate(factors):
        if f.node.op is not MONOMIAL or f.node.args or f.indices or f.exponent.denominator != 2:
            continue
        inside: Coefficient = f.node.params[0]
        if inside.number != 1 or len(inside.sizes) != 1 or inside.sizes[0][1] != 1:
            continue
        size = Coefficient(ONE, inside.sizes)
        whole = f.exponent + dict(coefficient.sizes).get(inside.sizes[0][0], 0)
        left = Fraction(1, 2) if whole > 0 else Fraction(-1, 2)
        coefficient = coefficient * size ** int(f.exponent - left)
        factors[k] = f._replace(exponent=left)
    return coefficient


def lowered(factors: list[Factor]) -> Fraction:
    """Lower powers of ``m - 1`` for a condition ``m``, in place; the sign that comes of it."""
    sign = Fraction(1)
    for k, f in enumerate(factors):
        if f.exponent > 1 and f.exponent.denominator == 1 and _complement(f.node) == -1:
            sign *= (-1) ** (int(f.exponent) - 1)
            factors[k] = f._replace(exponent=ONE)
    return sign


def is_indicator(n: Node) -> bool:
    """Whether ``n`` is 0 or 1 everywhere, so that its powers are itself."""
    truth = n.op is INPUT and n.type.dtype.kind == "b"
    return truth or n.op.name in CONDITIONS or _complement(n) == 1


def _complement(n: Node) -> int:
    """1 for one minus a condition, -1 for a condition minus one, 0 for anything else."""
    if n.op is not TOTAL or len(n.args) != 2:
        return 0
    for one, other in (n.args, n.args[::-1]):
        if one.op is not MONOMIAL or one.args or one.params[0].magnitude() != UNIT:
            continue
        sign = int(one.params[0].number)
        if other.op is MONOMIAL and len(other.args) == 1:
            coefficient, _, exponents, *_ = other.params
            if coefficient != Coefficient(Fraction(-sign)) or exponents != (ONE,):
                return 0
            other = other.args[0]
        elif sign == 1:
            return 0
        return sign if other.op.name in CONDITIONS else 0
    return 0


def only_permutes(f: Factor, out: tuple[int, ...]) -> bool:
    """Whether the only thing that happens to a factor is another order of its axes."""
    return f.indices != out and sorted(f.indices) == sorted(out) and len(set(out)) == len(out)


def merges(term: Term, f: Factor) -> bool:
    """Whether what stands beside a sum cancels in it: ``p ⊙ (a − y ⊘ p)`` is ``p ⊙ a − y``.

    Of numbers every term must have a power to merge with.
    """
    beside = {g.node: g.exponent for g in term.factors if g.indices == f.indices and g is not f}
    if not beside:
        return False
    met = []
    for part in f.node.args:
        if part.op is not MONOMIAL:
            met.append(False)
            continue
        _, indices, exponents, out, _ = part.params
        powers = [
            (beside[a], p)
            for a, i, p in zip(part.args, indices, exponents, strict=True)
            if a in beside and i == out
        ]
        met.append(any(q + p == 0 if out else p != 1 for q, p in powers) or _at_one(part, beside))
    return any(met) if f.indices else all(met)


def _at_one(part: Node, beside: Mapping[Node, Fraction]) -> bool:
    """Whether ``part`` is ``eₖ / p[k]``, of a ``p`` that stands beside it."""
    if not any(a.op is BASIS for a in part.args):
        return False
    powers = zip(part.args, part.params[2], strict=True)
    return any(
        a.op is slice_ and beside.get(a.args[0], Fraction(0)) + exponent == 0
        for a, exponent in powers
    )


def has_diagonal(n: Node) -> bool:
    """Whether an index is repeated in the output."""
    return n.op is MONOMIAL and len(set(n.params[3])) < len(n.params[3])


def opens(term: Term, f: Factor, kept: Collection[Node]) -> bool:
    """Whether a sum with a diagonal is met by other arrays, or read otherwise than it stands.

    What is ``kept`` has a name, and is a matrix like any other.
    """
    if not any(map(has_diagonal, f.node.args)) or f.node in kept:
        return False
    alone = all(not g.indices for g in term.factors if g is not f)
    return not alone or not set(f.indices) <= set(term.out) or len(set(f.indices)) < len(f.indices)


def apart(term: Term, f: Factor) -> bool:
    """Whether a sum of matrices reads better term by term: its diagonal, or ``tr(AᵀB) − xᵀAx``."""
    if len(f.indices) == 1 and not term.out and len(term.factors) == 1:
        return any(_reads_diagonal(part) for part in f.node.args)
    if len(f.indices) != 2:
        return False
    if f.indices[0] == f.indices[1]:
        return True
    if term.out or len(term.factors) < 2:
        return False
    return any(
        part.op is MONOMIAL and len(part.args) > 1 and not _joined(part) for part in f.node.args
    )


def _reads_diagonal(n: Node) -> bool:
    """Whether a vector is the diagonal of a matrix, or a multiple of it."""
    return n.op is MONOMIAL and any(len(set(i)) < len(i) for i in n.params[1])


def _joined(n: Node) -> bool:
    """Whether the two indices of a matrix are connected by its factors."""
    _, indices, _, out, _ = n.params
    reached = {out[0]}
    for _ in indices:
        for own in indices:
            if reached & set(own):
                reached |= set(own)
    return out[1] in reached


def sums_inside(n: Node) -> bool:
    """Whether a monomial has indices that are summed over."""
    out = n.params[3]
    return any(i not in out for indices in n.params[1] for i in indices)


def find(merge: dict[int, int], i: int) -> int:
    """The index that ``i`` was merged into."""
    while i in merge:
        i = merge[i]
    return i


def weighs(term: Term, f: Factor) -> bool:
    """Whether softmax weights are summed against a sum."""
    summed = set(f.indices) - set(term.out)
    return any(g.node.op is SOFTMAX and summed & set(g.indices) for g in term.factors)


def weights_summed(
    factors: list[Factor], out: tuple[int, ...], indices: set[int]
) -> tuple[list[Factor], set[int]]:
    """Softmax weights that nothing else is multiplied with sum to 1, and so do one-hot rows."""
    for f in list(factors):
        if f.node.op not in (SOFTMAX, ONEHOT) or f.exponent != 1:
            continue
        summed = f.node.params[0] if f.node.op is SOFTMAX else (-1,)
        along = {f.indices[a] for a in summed}
        elsewhere = {i for g in factors if g is not f for i in g.indices} | set(out)
        if not along & elsewhere and len(f.indices) == len(set(f.indices)):
            factors = [g for g in factors if g is not f]
            indices = indices - along
    return factors, indices


def renaming(
    inner: Term, indices: tuple[int, ...], fresh: Iterator[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """The indices of an inlined term in the outer one, and which outer ones become equal."""
    rename: dict[int, int] = {}
    merge: dict[int, int] = {}
    for i, outer in zip(inner.out, indices, strict=True):
        if i in rename:
            a, b = find(merge, rename[i]), find(merge, outer)
            if a != b:
                merge[b] = a
        else:
            rename[i] = outer
    for i in inner.inner():
        if i not in rename:
            rename[i] = next(fresh)
    return rename, merge


def sized(term: Term, indices: set[int]) -> Term:
    """An index that no factor has gives its size; one of length 1 is renamed."""
    inside = term.inner()
    coefficient = term.coefficient
    for i in sorted(indices):
        if i not in inside and i not in term.out:
            coefficient = coefficient.by_size(term.axes[i])
    free = [i for i in dict.fromkeys(term.out) if i not in inside and term.axes[i].length == 1]
    summed = [
        i
        for i in dict.fromkeys(i for f in term.factors for i in f.indices)
        if i not in term.out and term.axes[i].length == 1
    ]
    if free and summed:
        rename = dict(zip(summed, free, strict=False))
        factors = tuple(
            f._replace(indices=tuple(rename.get(i, i) for i in f.indices)) for f in term.factors
        )
        return Term(coefficient, factors, term.out, term.axes)
    return term._replace(coefficient=coefficient)


def rational(value: float) -> Fraction:
    """What a float means: the decimal that it prints as, or the short fraction it is nearest to."""
    exact = Fraction(repr(value))
    if exact.denominator > 10**12:  # 1/3, and 1/3 - 1
        short = exact.limit_denominator(99)
        if abs(short - exact) <= abs(exact) * Fraction(4, 10**16):
            return short
    return exact


def shared_number(coefficients: Sequence[Coefficient]) -> Coefficient:
    """What is taken out of a sum of multiples, so that the first term is positive.

    No common divisor is left inside, so that equal sums are equal nodes; but decimals are left as
    they are, for ``S + 0.1I`` is not ``0.1(10S + I)``.
    """
    first = coefficients[0]
    magnitude = first.magnitude()
    if all(c.magnitude() == magnitude for c in coefficients[1:]):
        return first
    over = gcd(*(c.number.numerator for c in coefficients))
    under = lcm(*(c.number.denominator for c in coefficients))
    if under > 1000 or under % 5 == 0:
        over = under = 1
    outside = Coefficient(Fraction(-over if first.number < 0 else over, under))
    return outside * _shared_sizes(coefficients)


def _shared_sizes(coefficients: Sequence[Coefficient]) -> Coefficient:
    """The powers of sizes that all coefficients have."""
    powers = [dict(c.sizes) for c in coefficients]
    shared = []
    for axis, p in powers[0].items():
        each = [q.get(axis, 0) for q in powers]
        if all(q * p > 0 for q in each):
            shared.append((axis, min(each, key=abs)))
    return Coefficient(ONE, tuple(shared))


def once(trying: set[Any], key: Any, make: Callable[[], Node]) -> Node | None:
    """What ``make`` gives; ``None`` where it led back here, as what is taken out may go in again."""
    if key in trying:
        return None
    trying.add(key)
    made = make()
    trying.discard(key)
    return made
