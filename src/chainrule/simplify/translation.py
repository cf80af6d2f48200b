"""From a traced program to its normal form, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, INPUT, ITEM, Node
from ..ir.types import TupleType
from ..ops import arithmetic as ar
from ..ops.contraction import split_subscripts
from ..ops.elementwise import Elementwise
from ..ops.monomial import (
    DET,
    INVERSE,
    LOGDET,
    LOGSUMEXP,
    MONOMIAL,
    ONEHOT,
    SIGMOID,
    SOFTMAX,
    TOTAL,
    UNIT,
    Axis,
    Factor,
    Term,
    decode,
)
from ..ops.structural import broadcast, cast, slice_
from .axes import Axes
from .normal import Algebra, is_indicator

HALF = Fraction(1, 2)


class Translation:
    """The normal forms of the nodes of one program."""

    def __init__(self, algebra: Algebra, axes: Axes) -> None:
        self.algebra = algebra
        self.axes = axes
        self.normal: dict[Node, Node] = {}
        #: Inputs that hold 0, 1, 2, …: what a program reads rows by.
        self.counting: set[Node] = set()

    def __call__(self, roots: Sequence[Node]) -> list[Node]:
        """The normal forms of ``roots``, and of all that they are made of."""
        for n in toposort(roots):
            if n not in self.normal and type(n.type) is not TupleType:
                self.normal[n] = self._translate(n)
        return [self.normal[n] for n in roots]

    def _translate(self, n: Node) -> Node:
        rule = RULES.get(n.op.name)
        if n.op is ITEM:
            whole = n.args[0]
            args = [self.normal[a] for a in whole.args]
            if whole.op.name == "slogdet" and n.params[0] == 1:
                return self.square_function(LOGDET, args[0], n)
            return self.algebra.atom(n, self.axes.of(n))
        args = [self.normal[a] for a in n.args]
        if rule is not None:
            found = rule(self, n, args)
            if found is not None:
                return found
        if isinstance(n.op, Elementwise):
            return self.algebra.apply(n.op, args, n.params)
        if n.op is INPUT or not n.args:
            return self.algebra.atom(n, self.axes.of(n))
        return self.algebra.opaque(n.op, args, n.params, self.axes.of(n))

    def square_function(self, op: Any, matrix: Node, n: Node) -> Node:
        """A function of a square matrix; ``f(Aᵀ)`` is ``f(A)`` for the determinant."""
        term = self.algebra.term(matrix)
        if len(term.factors) == 1 and term.coefficient == UNIT:
            (f,) = term.factors
            if f.exponent == 1 and f.indices == term.out[::-1] and len(term.out) == 2:
                matrix = f.node
        return self.algebra.opaque(op, [matrix], (), self.axes.of(n))


Rule = Callable[[Translation, Node, list[Node]], Node | None]


def _constant(t: Translation, n: Node, args: list[Node]) -> Node | None:
    array = n.params[0].array
    if array.ndim or array.dtype.kind not in "fiub" or not np.isfinite(array):
        return None
    return t.algebra.number(float(array))


def _size(t: Translation, n: Node, args: list[Node]) -> Node:
    axis = t.axes.of(n.args[0])[n.params[0]]
    return t.algebra.constant(UNIT.by_size(axis))


def _add(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.total(args)


def _subtract(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.total([args[0], t.algebra.scale(args[1], -1)])


def _multiply(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.product(*args)


def _divide(t: Translation, n: Node, args: list[Node]) -> Node | None:
    if t.algebra.is_zero(args[1]):
        return None
    return t.algebra.product(args[0], t.algebra.power(args[1], Fraction(-1)))


def _power(t: Translation, n: Node, args: list[Node]) -> Node | None:
    algebra, (x, y) = t.algebra, args
    if not algebra.is_constant(y) or y.params[0].sizes:
        return None
    exponent = y.params[0].number
    if exponent.denominator > 12:
        return None
    if not exponent:
        return algebra.number(1, t.axes.of(n))
    return algebra.power(x, exponent)


def _broadcast(t: Translation, n: Node, args: list[Node]) -> Node:
    axes = t.axes.of(n)
    return t.algebra.spread(args[0], axes, [a + len(axes) for a in n.params[1]])


def _transpose(t: Translation, n: Node, args: list[Node]) -> Node:
    axes = t.axes.of(n.args[0])
    lead = len(axes) - len(n.params[0])
    order = (*range(lead), *(a + len(axes) for a in n.params[0]))
    term = Term(UNIT, (Factor(args[0], tuple(range(len(axes)))),), order, dict(enumerate(axes)))
    return t.algebra.monomial(term)


def _reshape(t: Translation, n: Node, args: list[Node]) -> Node | None:
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


def _sum(t: Translation, n: Node, args: list[Node]) -> Node:
    return _summed(t, args[0], n.params[0])


def _summed(t: Translation, x: Node, dropped: Sequence[int]) -> Node:
    axes = t.algebra.axes(x)
    out = tuple(i for i in range(len(axes)) if i - len(axes) not in dropped)
    term = Term(UNIT, (Factor(x, tuple(range(len(axes)))),), out, dict(enumerate(axes)))
    return t.algebra.monomial(term)


def _einsum(t: Translation, n: Node, args: list[Node]) -> Node:
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
    return t.algebra.monomial(Term(UNIT, tuple(factors), tuple(numbers[c] for c in output), axes))


def _same(t: Translation, n: Node, args: list[Node]) -> Node:
    return args[0]


def _where(t: Translation, n: Node, args: list[Node]) -> Node | None:
    """A selection with zero on one side is a product with the indicator, where that is total."""
    condition, a, b = args
    if _is_nan(n.args[2]):  # what is undefined is not shown
        return a
    if _is_nan(n.args[1]):
        return b
    opposite = _opposite(t, condition, a, b)
    if opposite is not None:
        return opposite
    constants = t.algebra.is_constant(a) + t.algebra.is_constant(b)
    if (
        constants
        and not (t.algebra.is_zero(a) or t.algebra.is_zero(b))
        and is_total(a)
        and is_total(b)
    ):
        axes = t.algebra.axes(condition)
        other = t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(condition, -1)])
        return t.algebra.total([t.algebra.product(condition, a), t.algebra.product(other, b)])
    if t.algebra.is_zero(b) and is_total(a):
        return t.algebra.product(condition, a)
    if t.algebra.is_zero(a) and is_total(b):
        axes = t.algebra.axes(condition)
        other = t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(condition, -1)])
        return t.algebra.product(other, b)
    return None


def _is_nan(n: Node) -> bool:
    while n.op is broadcast or n.op is cast:
        (n,) = n.args
    return n.op is CONSTANT and n.type.dtype.kind == "f" and bool(np.isnan(n.params[0].array).all())


def _opposite(t: Translation, condition: Node, a: Node, b: Node) -> Node | None:
    """``where(x < 0, −c·x, c·x)`` is ``c·|x|``, and ``where(h, c·u, −c·u)`` is ``c·u·(2h − 1)``."""
    algebra = t.algebra
    (first, base), (second, other) = algebra.split(a), algebra.split(b)
    if base is not other or first != second * Fraction(-1) or algebra.is_constant(base):
        return None
    if condition.op in (ar.less, ar.less_equal, ar.greater, ar.greater_equal):
        x, zero = condition.args
        if algebra.is_zero(zero) and algebra.split(x)[1] is base:
            sign = algebra.split(x)[0].number * (-1 if condition.op.name.startswith("less") else 1)
            size = algebra.apply(ar.absolute, [base])
            return algebra.scale(size, first * (1 if sign > 0 else -1))
    axes = algebra.axes(condition)
    twice = algebra.total([algebra.scale(condition, 2), algebra.number(-1, axes)])
    return algebra.scale(algebra.product(twice, base), first)


#: Functions that are finite wherever their arguments are.
_TOTAL = frozenset(
    [
        "exp",
        "sin",
        "cos",
        "tanh",
        "arctan",
        "sigmoid",
        "softplus",
        "relu",
        "absolute",
        "sign",
        "maximum",
        "minimum",
        "softmax",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
        "heaviside",
        "logaddexp",
        "arcsinh",
        "input",
        "constant",
        "monomial",
        "total",
        "where",
        "logical_not",
        "logical_and",
        "logical_or",
        "expit",
    ]
)


def is_total(n: Node) -> bool:
    """Whether an expression is finite wherever its inputs are."""
    for m in toposort([n]):
        if m.op.name not in _TOTAL:
            return False
        if m.op is MONOMIAL and any(p < 0 or p.denominator > 1 for p in m.params[2]):
            return False
    return True


def _logical_not(t: Translation, n: Node, args: list[Node]) -> Node:
    axes = t.algebra.axes(args[0])
    return t.algebra.total([t.algebra.number(1, axes), t.algebra.scale(args[0], -1)])


def _not_equal(t: Translation, n: Node, args: list[Node]) -> Node | None:
    """A condition that is not 0 holds."""
    return args[0] if t.algebra.is_zero(args[1]) and is_indicator(args[0]) else None


def _gate(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.product(*args)


def _heaviside(t: Translation, n: Node, args: list[Node]) -> Node | None:
    x, at_zero = args
    if not t.algebra.is_constant(at_zero):
        return None
    zero = t.algebra.number(0, t.algebra.axes(x))
    above = t.algebra.apply(ar.greater, [x, zero])
    value = at_zero.params[0]
    if not value.number:
        return above
    if value.number == 1:
        return t.algebra.apply(ar.greater_equal, [x, zero])
    return t.algebra.total([above, t.algebra.scale(t.algebra.apply(ar.equal, [x, zero]), value)])


def _relu(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.apply(ar.relu, args)


def _sqrt(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.power(args[0], HALF)


def _expit(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.algebra.apply(SIGMOID, args)


def _soft(op: Any) -> Rule:
    def rule(t: Translation, n: Node, args: list[Node]) -> Node:
        return t.algebra.opaque(op, args, n.params[:1], t.axes.of(n))

    return rule


def _log_softmax(t: Translation, n: Node, args: list[Node]) -> Node:
    axes = t.algebra.axes(args[0])
    dropped = {a + len(axes) for a in n.params[0]}
    kept = [k for k in range(len(axes)) if k not in dropped]
    lse = t.algebra.opaque(LOGSUMEXP, args, n.params[:1], tuple(axes[k] for k in kept))
    return t.algebra.total([args[0], t.algebra.scale(t.algebra.spread(lse, axes, kept), -1)])


def _inverse(t: Translation, matrix: Node, axes: tuple[Any, ...]) -> Node:
    """``A⁻¹``; of a transpose the transpose, of a diagonal the reciprocals, and constants go out."""
    algebra = t.algebra
    if matrix in algebra.symmetric:
        inverse = algebra.opaque(INVERSE, [matrix], (), axes)
        algebra.symmetric.add(inverse)
        return inverse
    term = algebra.term(matrix)
    if len(axes) == 2 and len(term.factors) == 1 and term.coefficient.number != 0:
        (f,) = term.factors
        outside = term.coefficient**-1
        if f.exponent == 1 and sorted(f.indices) == sorted(term.out):
            inner = algebra.opaque(INVERSE, [f.node], (), algebra.axes(f.node))
            flipped = Term(outside, (Factor(inner, f.indices),), term.out, term.axes)
            return algebra.monomial(flipped)
    return algebra.opaque(INVERSE, [matrix], (), axes)


def _inv(t: Translation, n: Node, args: list[Node]) -> Node:
    return _inverse(t, args[0], t.axes.of(n))


def _solve(t: Translation, n: Node, args: list[Node]) -> Node | None:
    matrix, right = args
    if n.args[0].type.ndim != 2 or n.args[1].type.ndim not in (1, 2):
        return None
    axes = t.axes.of(n.args[0])
    inverse = _inverse(t, matrix, axes)
    columns = t.axes.of(n.args[1])[1:]
    every = {0: axes[0], 1: axes[1], **dict(enumerate(columns, 2))}
    tail = tuple(range(2, 2 + len(columns)))
    factors = (Factor(inverse, (0, 1)), Factor(right, (1, *tail)))
    return t.algebra.monomial(Term(UNIT, factors, (0, *tail), every))


def _norm(t: Translation, n: Node, args: list[Node]) -> Node | None:
    axes, order = n.params
    if order != 2 or n.args[0].type.dtype.kind != "f":
        return None
    squares = t.algebra.power(args[0], Fraction(2))
    return t.algebra.power(_summed(t, squares, axes), HALF)


def _cofactor(t: Translation, n: Node, args: list[Node]) -> Node | None:
    """The derivative of the determinant, ``det(A) A⁻ᵀ``."""
    if n.type.ndim != 2:
        return None
    axes = t.axes.of(n)
    determinant = t.algebra.opaque(DET, args, (), ())
    factors = (Factor(determinant, ()), Factor(_inverse(t, args[0], axes), (1, 0)))
    return t.algebra.monomial(Term(UNIT, factors, (0, 1), dict(enumerate(axes))))


def _one_hot(t: Translation, rows: Node, labels: Node, axes: tuple[Axis, ...]) -> Node | None:
    """The matrix with a 1 in each row, in the column of its label, if every row has one label."""
    if rows not in t.counting or len(axes) != 2 or rows.type.shape != (axes[0].length,):
        return None
    return t.algebra.opaque(ONEHOT, [t.normal[labels]], (), axes)


def _gather(t: Translation, n: Node, args: list[Node]) -> Node | None:
    """One element of each row, by its label: a sum over the row against one-hot rows."""
    if n.params[0] != (-2, -1) or n.args[0].type.ndim != 2:
        return None
    axes = t.algebra.axes(args[0])
    hot = _one_hot(t, n.args[1], n.args[2], axes)
    if hot is None:
        return None
    both = dict(enumerate(axes))
    return t.algebra.monomial(
        Term(UNIT, (Factor(args[0], (0, 1)), Factor(hot, (0, 1))), (0,), both)
    )


def _scatter_add(t: Translation, n: Node, args: list[Node]) -> Node | None:
    if n.params[1] != ((-2, -1),):
        return None
    axes = t.axes.of(n)
    hot = _one_hot(t, n.args[1], n.args[2], axes)
    if hot is None:
        return None
    factors = (Factor(args[0], (0,)), Factor(hot, (0, 1)))
    return t.algebra.monomial(Term(UNIT, factors, (0, 1), dict(enumerate(axes))))


def _slice(t: Translation, n: Node, args: list[Node]) -> Node | None:
    """Part of a product is the product of parts; parts of atoms remain."""
    (x,) = args
    index = n.params[0]
    whole = t.algebra.axes(x)
    lead = len(whole) - len(index)
    every = tuple((0, a.length, 1) for a in whole[:lead])
    places = (*every, *index)
    axes = iter(t.axes.of(n))
    new = tuple(None if isinstance(e, int) else next(axes) for e in places)
    return sliced(t.algebra, x, places, new)


def sliced(algebra: Algebra, n: Node, places: Any, new: tuple[Axis | None, ...]) -> Node:
    """``n`` read at basic indices; ``new`` are the axes that are left, ``None`` where one goes."""
    axes = algebra.axes(n)
    if all(a == b for a, b in zip(axes, new, strict=True)):
        return n
    if n.op is TOTAL:
        return algebra.total([sliced(algebra, a, places, new) for a in n.args])
    if n.op is MONOMIAL and len(set(n.params[3])) == len(n.params[3]):
        term = decode(n)
        at = {i: k for k, i in enumerate(term.out)}
        left = dict(term.axes)
        for i, k in at.items():
            if new[k] is not None:
                left[i] = new[k]  # type: ignore[assignment]
        factors = []
        for f in term.factors:
            own = algebra.axes(f.node)
            inner = tuple(
                places[at[i]] if i in at else (0, a.length, 1)
                for i, a in zip(f.indices, own, strict=True)
            )
            kept = tuple(new[at[i]] if i in at else a for i, a in zip(f.indices, own, strict=True))
            part = sliced(algebra, f.node, inner, kept)
            indices = tuple(i for i, a in zip(f.indices, kept, strict=True) if a is not None)
            factors.append(Factor(part, indices, f.exponent))
        out = tuple(i for i, k in at.items() if new[k] is not None)
        return algebra.monomial(Term(term.coefficient, tuple(factors), out, left))
    left_axes = tuple(a for a in new if a is not None)
    return algebra.opaque(slice_, [n], (tuple(places),), left_axes)


def _det(t: Translation, n: Node, args: list[Node]) -> Node:
    return t.square_function(DET, args[0], n)


#: Operation name -> how its normal form is made. What is not here stays an atom.
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
    "sqrt": _sqrt,
    "power": _power,
    "float_power": _power,
    "broadcast": _broadcast,
    "transpose": _transpose,
    "reshape": _reshape,
    "sum": _sum,
    "einsum": _einsum,
    "astype": _same,
    "stop_gradient": _same,
    "where": _where,
    "logical_not": _logical_not,
    "not_equal": _not_equal,
    "gate": _gate,
    "toward": _divide,
    "heaviside": _heaviside,
    "expit": _expit,
    "softmax": _soft(SOFTMAX),
    "shares": _soft(SOFTMAX),
    "logsumexp": _soft(LOGSUMEXP),
    "log_softmax": _log_softmax,
    "inv": _inv,
    "solve": _solve,
    "det": _det,
    "slice": _slice,
    "norm": _norm,
    "cofactor": _cofactor,
    "gather": _gather,
    "scatter_add": _scatter_add,
}
