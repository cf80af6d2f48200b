"""Rules of translation for linear algebra, norms, soft maxima, labels and parts of arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..ir.node import INPUT, Node
from ..ops.arithmetic import absolute
from ..ops.monomial import (
    BASIS,
    DET,
    INVERSE,
    LOGSUMEXP,
    MONOMIAL,
    ONEHOT,
    SOFTMAX,
    TOEPLITZ,
    TOTAL,
    UNIT,
    Axis,
    Factor,
    Term,
    decode,
)
from ..ops.structural import concatenate, slice_, transpose
from .normal import Algebra
from .products import summed
from .state import Rule, State
from .terms import rational


def square_function(t: State, op: Any, matrix: Node, n: Node) -> Node:
    """A function of a square matrix; ``f(Aᵀ)`` is ``f(A)`` for the determinant."""
    term = t.algebra.term(matrix)
    if len(term.factors) == 1 and term.coefficient == UNIT:
        (f,) = term.factors
        if f.exponent == 1 and f.indices == term.out[::-1] and len(term.out) == 2:
            matrix = f.node
    return t.algebra.opaque(op, [matrix], (), t.axes.of(n))


def _soft(op: Any) -> Rule:
    def rule(t: State, n: Node, args: list[Node]) -> Node:
        return t.algebra.soft(op, args[0], n.params[0])

    return rule


def _log_softmax(t: State, n: Node, args: list[Node]) -> Node:
    axes = t.algebra.axes(args[0])
    dropped = {a + len(axes) for a in n.params[0]}
    kept = [k for k in range(len(axes)) if k not in dropped]
    lse = t.algebra.soft(LOGSUMEXP, args[0], n.params[0])
    return t.algebra.total([args[0], t.algebra.scale(t.algebra.spread(lse, axes, kept), -1)])


def _inverse(t: State, matrix: Node, axes: tuple[Any, ...]) -> Node:
    """``A⁻¹``: numbers go outside, and the inverse of a transpose is the transpose."""
    algebra = t.algebra
    if matrix in algebra.assumed.orthogonal:
        flipped = Term(UNIT, (Factor(matrix, (1, 0)),), (0, 1), dict(enumerate(axes)))
        return algebra.monomial(flipped)
    if matrix in algebra.symmetric:
        inverse = algebra.opaque(INVERSE, [matrix], (), axes)
        algebra.symmetric.add(inverse)
        return inverse
    if matrix.op is TOTAL and len(axes) == 2:
        turned = algebra.turned(matrix)
        if turned in algebra.order and algebra.order.rank(turned) < algebra.order.rank(matrix):
            inner = algebra.opaque(INVERSE, [turned], (), axes)
            every = {0: axes[0], 1: axes[1]}
            return algebra.monomial(Term(UNIT, (Factor(inner, (1, 0)),), (0, 1), every))
    term = algebra.term(matrix)
    if len(axes) == 2 and len(term.factors) == 1 and term.coefficient.number != 0:
        (f,) = term.factors
        outside = term.coefficient**-1
        if f.exponent == 1 and sorted(f.indices) == sorted(term.out):
            inner = algebra.opaque(INVERSE, [f.node], (), algebra.axes(f.node))
            flipped = Term(outside, (Factor(inner, f.indices),), term.out, term.axes)
            return algebra.monomial(flipped)
    return algebra.opaque(INVERSE, [matrix], (), axes)


def _inv(t: State, n: Node, args: list[Node]) -> Node:
    return _inverse(t, args[0], t.axes.of(n))


def _solve(t: State, n: Node, args: list[Node]) -> Node | None:
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


def _triangular_solve(t: State, n: Node, args: list[Node]) -> Node | None:
    """``L⁻¹b``, for a factor that has one triangle; of others, the other one is not read."""
    matrix, lower = n.args[0], n.params[1]
    turned = matrix.op is transpose
    if (matrix.args[0] if turned else matrix).op.name != "cholesky" or lower == turned:
        return None
    return _solve(t, n, args)


def _norm(t: State, n: Node, args: list[Node]) -> Node | None:
    axes, order = n.params
    if n.args[0].type.dtype.kind != "f":
        return None
    exponent = rational(float(order)) if np.isfinite(order) else Fraction(0)
    if exponent != 2 and exponent.denominator <= 12 and exponent > 0:
        sizes = t.algebra.apply(absolute, args)
        inside = summed(t, t.algebra.power(sizes, exponent), axes)
        return t.algebra.power(inside, 1 / exponent)
    if exponent != 2:
        return None
    squares = t.algebra.power(args[0], Fraction(2))
    return t.algebra.power(summed(t, squares, axes), Fraction(1, 2))


def _cofactor(t: State, n: Node, args: list[Node]) -> Node | None:
    """The derivative of the determinant, ``det(A) A⁻ᵀ``."""
    if n.type.ndim != 2:
        return None
    axes = t.axes.of(n)
    determinant = t.algebra.opaque(DET, args, (), ())
    factors = (Factor(determinant, ()), Factor(_inverse(t, args[0], axes), (1, 0)))
    return t.algebra.monomial(Term(UNIT, factors, (0, 1), dict(enumerate(axes))))


def _one_hot(t: State, rows: Node, labels: Node, axes: tuple[Axis, ...]) -> Node | None:
    """The matrix with a 1 in each row, in the column of its label, if every row has one label."""
    if rows not in t.counting or len(axes) != 2 or rows.type.shape != (axes[0].length,):
        return None
    return t.algebra.opaque(ONEHOT, [t.normal[labels]], (), axes)


def _gather(t: State, n: Node, args: list[Node]) -> Node | None:
    """One element of each row, by its label: a sum over the row against one-hot rows."""
    if n.params[0] == (-1,) and n.args[1] in t.windows and n.args[0].type.ndim == 1:
        return t.algebra.opaque(TOEPLITZ, args[:1], n.type.shape[1:], t.axes.of(n))
    axes = t.algebra.axes(args[0])
    if len(n.args) == 2 and n.args[1].type.ndim == 1:
        return _rows(t, args[0], n.args[1], t.axes.of(n), *n.params[0], added=False)
    if n.params[0] != (-2, -1) or n.args[0].type.ndim != 2:
        return None
    hot = _one_hot(t, n.args[1], n.args[2], axes)
    if hot is None:
        return None
    both = dict(enumerate(axes))
    return t.algebra.monomial(
        Term(UNIT, (Factor(args[0], (0, 1)), Factor(hot, (0, 1))), (0,), both)
    )


def _place(t: State, n: Node, args: list[Node]) -> Node | None:
    """What is put at a single place of an axis, in zeros: a multiple of ``eₖ``, or ``eₖxᵀ``."""
    axes = t.axes.of(n)
    both = dict(enumerate(axes))
    parts = []
    side = side_by_side(n.params[1], axes)
    if side is not None:
        along, order = side
        arrays = [args[k] for k in order]
        if len(axes) == 1:  # a number among vectors is one of length 1
            one = (Axis(-1, 1),)
            arrays = [x if t.algebra.axes(x) else t.algebra.spread(x, one, ()) for x in arrays]
        return t.algebra.opaque(concatenate, arrays, (along - len(axes),), axes)
    alone = n.params[1][0] if len(args) == 1 else ()
    if len(alone) == len(axes) and _turns(alone, axes) is not None:  # put back as it was read
        return sliced(t.algebra, args[0], alone, axes)
    pieces = zip(args, n.params[1], strict=True)
    for x, index in sorted(pieces, key=lambda p: [e for e in p[1] if type(e) is int]):
        lead = len(axes) - len(index)
        entries = (*((0, a.length, 1) for a in axes[:lead]), *index)
        if any(e != (0, a.length, 1) for e, a in zip(entries, axes, strict=True) if type(e) is tuple):
            return None
        factors = [Factor(x, tuple(k for k, e in enumerate(entries) if type(e) is tuple))]
        for k, e in enumerate(entries):
            if type(e) is not tuple:
                unit = t.algebra.constant(UNIT, axes[k : k + 1])
                factors.append(Factor(t.algebra.opaque(BASIS, [unit], (e,), axes[k : k + 1]), (k,)))
        parts.append(t.algebra.monomial(Term(UNIT, tuple(factors), tuple(both), both)))
    return t.algebra.total(parts) if parts else None


def side_by_side(indices: Any, axes: tuple[Axis, ...]) -> tuple[int, list[int]] | None:
    """The axis that pieces fill one after the other, without a gap, and in which order they do."""
    whole = [(0, a.length, 1) for a in axes]
    places = [(*whole[: len(axes) - len(index)], *index) for index in indices]
    parted = [k for k, every in enumerate(whole) if any(place[k] != every for place in places)]
    if len(parted) != 1 or len(places) < 2:
        return None
    (along,) = parted
    starts = [(e, 1, 1) if type(e := place[along]) is int else e for place in places]
    if any(step != 1 for _, _, step in starts) or all(type(p[along]) is int for p in places):
        return None
    if len(axes) > 1 and any(type(p[along]) is int for p in places):
        return None
    order = sorted(range(len(starts)), key=starts.__getitem__)
    stop = 0
    for k in order:
        if starts[k][0] != stop:
            return None
        stop += starts[k][1]
    return (along, order) if stop == axes[along].length else None


def _rows(
    t: State, x: Node, labels: Node, axes: tuple[Axis, ...], along: int, *, added: bool
) -> Node | None:
    """Parts of ``x`` by their labels, a product with one-hot rows; added up, with these transposed."""
    own = t.algebra.axes(x)
    if len(own) != len(axes) or t.normal[labels].op is not INPUT:
        return None
    position, summed = along % len(axes), len(axes)
    ends = (own[position], axes[position])
    hot = t.algebra.opaque(ONEHOT, [t.normal[labels]], (), ends if added else ends[::-1])
    both = (summed, position) if added else (position, summed)
    read = tuple(summed if k == position else k for k in range(len(own)))
    every = {**dict(enumerate(axes)), summed: own[position]}
    factors = (Factor(hot, both), Factor(x, read))
    return t.algebra.monomial(Term(UNIT, factors, tuple(range(len(axes))), every))


def _scatter_add(t: State, n: Node, args: list[Node]) -> Node | None:
    axes = t.axes.of(n)
    pieces = list(zip(args[::2], n.args[1::2], n.params[1], strict=False))
    if len(n.args) == 2 * len(n.params[1]) and all(k.type.ndim == 1 for _, k, _ in pieces):
        made = [_rows(t, x, labels, axes, *along, added=True) for x, labels, along in pieces]
        known = [m for m in made if m is not None]
        return t.algebra.total(known) if len(known) == len(made) else None
    if n.params[1] != ((-2, -1),):
        return None
    axes = t.axes.of(n)
    hot = _one_hot(t, n.args[1], n.args[2], axes)
    if hot is None:
        return None
    factors = (Factor(args[0], (0,)), Factor(hot, (0, 1)))
    return t.algebra.monomial(Term(UNIT, factors, (0, 1), dict(enumerate(axes))))


def _slice(t: State, n: Node, args: list[Node]) -> Node | None:
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
    every = tuple((0, a.length, 1) for a in axes)  # backwards, an array has the same axes
    if tuple(places) == every and all(a == b for a, b in zip(axes, new, strict=True)):
        return n
    turned = _turns(places, axes)
    if turned is not None and n.op is slice_ and algebra.axes(n.args[0]) == axes:
        before = _turns(n.params[0], axes)
        if before is not None:
            both = [a != b for a, b in zip(turned, before, strict=True)]
            again = tuple(
                (a.length - 1, a.length, -1) if b else (0, a.length, 1)
                for b, a in zip(both, axes, strict=True)
            )
            return sliced(algebra, n.args[0], again, axes)
    if n.op is TOTAL:
        return algebra.total([sliced(algebra, a, places, new) for a in n.args])
    if n.op is MONOMIAL and not n.args and n.params[3] == (0, 0) and new.count(None) == 1:
        (k,) = (e for e, a in zip(places, new, strict=True) if a is None)
        along = axes[:1]
        if along == tuple(a for a in new if a is not None):  # a row of the identity
            row = algebra.opaque(BASIS, [algebra.constant(UNIT, along)], (k,), along)
            return algebra.scale(row, n.params[0])
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


def _turns(places: Any, axes: tuple[Axis, ...]) -> list[bool] | None:
    """Which axes are read backwards, if all are read as a whole."""
    found = []
    for e, a in zip(places, axes, strict=True):
        if e not in ((0, a.length, 1), (a.length - 1, a.length, -1)):
            return None
        found.append(a.length > 1 and e[0] > 0)
    return found


def _triangle(t: State, n: Node, args: list[Node]) -> Node | None:
    """A diagonal matrix is its own triangle, or there is nothing in it."""
    (x,), (k,) = args, n.params
    if x.op is not MONOMIAL or x.params[3] != (0, 0):
        return None
    inside = k >= 0 if n.op.name == "tril" else k <= 0
    return x if inside else t.algebra.number(0, t.axes.of(n))


def _det(t: State, n: Node, args: list[Node]) -> Node:
    return square_function(t, DET, args[0], n)


#: Operation name -> how its normal form is made. What is not here stays an atom.


#: By name of the operation.
RULES: dict[str, Rule] = {
    "place": _place,
    "tril": _triangle,
    "triu": _triangle,
    "softmax": _soft(SOFTMAX),
    "shares": _soft(SOFTMAX),
    "logsumexp": _soft(LOGSUMEXP),
    "log_softmax": _log_softmax,
    "inv": _inv,
    "solve": _solve,
    "triangular_solve": _triangular_solve,
    "det": _det,
    "slice": _slice,
    "norm": _norm,
    "cofactor": _cofactor,
    "gather": _gather,
    "scatter_add": _scatter_add,
}
