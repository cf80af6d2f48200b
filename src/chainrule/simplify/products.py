"""Rules of translation for arithmetic and structure: what becomes monomials and totals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..ir.node import Node
from ..ops.contraction import split_subscripts
from ..ops.monomial import UNIT, Factor, Term
from ..ops.reductions import reduce_prod
from ..ops.structural import concatenate, slice_
from .state import Rule, State


def _constant(t: State, n: Node, args: list[Node]) -> Node | None:
    array = n.params[0].array
    if array.ndim or array.dtype.kind not in "fiub" or not np.isfinite(array):
        return None
    return t.algebra.number(float(array))


def _size(t: State, n: Node, args: list[Node]) -> Node:
    axis = t.axes.of(n.args[0])[n.params[0]]
    return t.algebra.constant(UNIT.by_size(axis))


def _add(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.total(args)


def _subtract(t: State, n: Node, args: list[Node]) -> Node:
    return t.algebra.total([args[0], t.algebra.scale(args[1], -1)])


def _multiply(t: State, n: Node, args: list[Node]) -> Node:
    whole = _all_but_one(n)
    if whole in t.normal:
        x = t.normal[whole]
        product = t.algebra.opaque(reduce_prod, [x], ((-1,),), ())
        spread = t.algebra.spread(product, t.algebra.axes(x), ())
        return t.algebra.product(spread, t.algebra.power(x, Fraction(-1)))
    return t.algebra.product(*args)


def _all_but_one(n: Node) -> Node | None:
    """The vector of which ``n`` is, in each place, the product of all other elements."""
    before, after = n.args
    if before.op is not concatenate or after.op is not concatenate or n.type.ndim != 1:
        return None
    if len(before.args) != 2 or len(after.args) != 2:
        return None
    left, right = before.args[1], after.args[0]
    if left.op is not slice_ or right.op is not slice_:
        return None
    (first,), (second,) = left.args, right.args
    if first.op.name != "cumprod" or second.op.name != "cumprod" or first.args != second.args:
        return None
    last = n.type.size - 1
    if left.params[0] != ((0, last, 1),) or right.params[0] != ((1, last, 1),):
        return None
    return first.args[0] if (first.params[1], second.params[1]) == (False, True) else None


def _divide(t: State, n: Node, args: list[Node]) -> Node | None:
    if t.algebra.is_zero(args[1]):
        return None
    return t.algebra.product(args[0], t.algebra.power(args[1], Fraction(-1)))


def _power(t: State, n: Node, args: list[Node]) -> Node | None:
    algebra, (x, y) = t.algebra, args
    if not algebra.is_constant(y):
        return None
    exponent = y.params[0].exact()  # a count as an exponent is the number that it is
    if exponent.denominator > 12:
        short = exponent.limit_denominator(12)  # 1/3 as a float means a third
        if float(short) != float(exponent):
            return None
        exponent = short
    if not exponent:
        return algebra.number(1, t.axes.of(n))
    return algebra.power(x, exponent)


def _broadcast(t: State, n: Node, args: list[Node]) -> Node:
    axes = t.axes.of(n)
    return t.algebra.spread(args[0], axes, [a + len(axes) for a in n.params[1]])


def _transpose(t: State, n: Node, args: list[Node]) -> Node:
    axes = t.axes.of(n.args[0])
    lead = len(axes) - len(n.params[0])
    order = (*range(lead), *(a + len(axes) for a in n.params[0]))
    term = Term(UNIT, (Factor(args[0], tuple(range(len(axes)))),), order, dict(enumerate(axes)))
    return t.algebra.monomial(term)


def _reshape(t: State, n: Node, args: list[Node]) -> Node | None:
    """Axes of length 1 come and go: one is summed away, another repeated along."""
    before, after = t.axes.of(n.args[0]), t.axes.of(n)
    kept = [k for k, a in enumerate(before) if a.length != 1]
    left = [k for k, a in enumerate(after) if a.length != 1]
    if [before[k].length for k in kept] != [after[k].length for k in left]:
        return None
    axes = dict(enumerate(before))
    out = []
    places = iter(kept)
    for k, axis in enumerate(after):
        i = next(places) if axis.length != 1 else len(before) + k
        axes.setdefault(i, axis)
        out.append(i)
    term = Term(UNIT, (Factor(args[0], tuple(range(len(before)))),), tuple(out), axes)
    return t.algebra.monomial(term)


def _sum(t: State, n: Node, args: list[Node]) -> Node:
    return summed(t, args[0], n.params[0])


def summed(t: State, x: Node, dropped: Sequence[int]) -> Node:
    """The sum over some axes, counted from the right."""
    axes = t.algebra.axes(x)
    out = tuple(i for i in range(len(axes)) if i - len(axes) not in dropped)
    term = Term(UNIT, (Factor(x, tuple(range(len(axes)))),), out, dict(enumerate(axes)))
    return t.algebra.monomial(term)


def _einsum(t: State, n: Node, args: list[Node]) -> Node:
    inputs, output = split_subscripts(n.params[0])
    numbers: dict[str, int] = {}
    for letter in (*output, *"".join(inputs)):
        numbers.setdefault(letter, len(numbers))
    axes = {numbers[c]: a for c, a in zip(output, t.axes.of(n), strict=True)}
    factors = []
    for letters, arg, raw in zip(inputs, args, n.args, strict=True):
        indices = tuple(numbers[c] for c in letters)
        axes.update(zip(indices, t.axes.of(raw), strict=True))
        factors.append(Factor(arg, indices))
    if len(inputs) == 2 and not output and inputs[0] == inputs[1]:
        bases = [t.algebra.split(a)[1] for a in args]
        t.algebra.order.first.setdefault(frozenset(bases), bases[0])
    return t.algebra.monomial(Term(UNIT, tuple(factors), tuple(numbers[c] for c in output), axes))


def _hypot(t: State, n: Node, args: list[Node]) -> Node:
    squares = [t.algebra.power(a, Fraction(2)) for a in args]
    return t.algebra.power(t.algebra.total(squares), Fraction(1, 2))


def _same(t: State, n: Node, args: list[Node]) -> Node:
    return args[0]


#: By name of the operation.
RULES: dict[str, Rule] = {
    "constant": _constant,
    "size": _size,
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": lambda t, n, args: t.algebra.scale(args[0], -1),
    "positive": _same,
    "reciprocal": lambda t, n, args: t.algebra.power(args[0], Fraction(-1)),
    "square": lambda t, n, args: t.algebra.power(args[0], Fraction(2)),
    "power": _power,
    "float_power": _power,
    "hypot": _hypot,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _reshape,
    "sum": _sum,
    "einsum": _einsum,
    "astype": _same,
    "stop_gradient": _same,
    "toward": _divide,
}
