"""Linear maps that have a name: rotations, running sums, triangles, Kronecker products, ``L(A, E)``.

For display: reasoning about curvature reads the parts that a program writes them with.
"""

from __future__ import annotations

from ..ir.node import Node
from ..ops.arithmetic import greater
from ..ops.linalg import expm, tril, triu
from ..ops.monomial import (
    FRECHET,
    KRONECKER,
    MONOMIAL,
    ROLL,
    TOTAL,
    UNIT,
    Axis,
    Factor,
    Term,
    decode,
)
from ..ops.structural import concatenate, slice_
from .builder import Builder
from .convolution import spread_over_windows
from .differences import placed_differences
from .matrices import side_by_side
from .mirrored import mirrored
from .state import Rule, State
from .triangles import is_lower, is_upper, pinned

# -- rotations -------------------------------------------------------------------------------------


def rotated(algebra: Builder, pieces: list[Node], along: int, axes: tuple[Axis, ...]) -> Node | None:
    """The end of an array put before its beginning; of a sum of arrays, term by term."""
    if len(pieces) != 2:
        return None
    (c, last), (d, first) = map(algebra.split, pieces)
    if c != d:
        return None
    if last.op is TOTAL and first.op is TOTAL and len(last.args) == len(first.args):
        left = list(first.args)
        parts = []
        for x in last.args:
            made = None
            for y in left:
                made = rotated(algebra, [x, y], along, axes)
                if made is not None:
                    left.remove(y)
                    break
            if made is None:
                return None
            parts.append(made)
        return algebra.scale(algebra.total(parts), c)
    if last.op is not slice_ or first.op is not slice_ or last.args != first.args:
        return None
    (x,) = last.args
    own = algebra.axes(x)
    if [a.length for a in own] != [a.length for a in axes]:
        return None
    length = own[along].length
    for k, (a, b) in enumerate(zip(last.params[0], first.params[0], strict=True)):
        if k != along and not a == b == (0, own[k].length, 1):
            return None
    a, b = last.params[0][along], first.params[0][along]
    if type(a) is int or a != (length - a[1], a[1], 1) or b != (0, length - a[1], 1):
        return None
    return algebra.scale(_rolled(algebra, x, a[1], along), c)


def _rolled(algebra: Builder, x: Node, shift: int, along: int) -> Node:
    axes = algebra.axes(x)
    if x.op is ROLL and x.params[1] == along - len(axes):
        return _rolled(algebra, x.args[0], shift + x.params[0], along)
    shift %= axes[along].length
    if not shift:
        return x
    shift = shift if 2 * shift <= axes[along].length else shift - axes[along].length
    return algebra.opaque(ROLL, [x], (shift, along - len(axes)), axes)


def placed(t: State, n: Node, args: list[Node]) -> Node | None:
    """What is put together without a gap, if it is an array rotated; else differences."""
    axes = t.axes.of(n)
    side = side_by_side(n.params[1], axes)
    if side is None:
        return placed_differences(t, n, args)
    along, order = side
    return rotated(t.algebra, [args[k] for k in order], along, axes)


def joined(t: State, n: Node, args: list[Node]) -> Node | None:
    """Pieces put together, if they are an array rotated."""
    axes = t.axes.of(n)
    return rotated(t.algebra, args, n.params[0] % len(axes), axes) if t.algebra.factored else None


# -- running sums, triangles -----------------------------------------------------------------------


def running_sum(t: State, n: Node, args: list[Node]) -> Node | None:
    """``cumsum(I)`` is the matrix with ones in a triangle."""
    (x,), (axis, reverse) = args, n.params
    if x.op is not MONOMIAL or not t.algebra.factored:
        return None
    term = decode(x)
    position = axis % len(term.out)
    i = term.out[position]
    if term.out.count(i) < 2:
        return None
    new = max(term.axes) + 1
    both = (term.axes[i], term.axes[i])
    ones = t.algebra.constant(UNIT, both)
    triangle = t.algebra.opaque(tril, [ones], (0,), both)
    out = (*term.out[:position], new, *term.out[position + 1 :])
    indices = (i, new) if reverse else (new, i)
    every = {**term.axes, new: term.axes[i]}
    return t.algebra.monomial(
        Term(term.coefficient, (*term.factors, Factor(triangle, indices)), out, every)
    )


def triangle(t: State, n: Node, args: list[Node]) -> Node | None:
    """One triangle of a matrix: of what is triangular itself, that, its diagonal or nothing."""
    (x,), (k,) = args, n.params
    return one_triangle(t.algebra, x, k, lower=n.op is tril)


def one_triangle(algebra: Builder, x: Node, k: int, *, lower: bool) -> Node:
    """The entries of ``x`` on and below its k-th diagonal, or on and above it."""
    axes = algebra.axes(x)
    coefficient, base = algebra.split(x)
    if algebra.is_zero(x):
        return x
    if len(axes) == 2:
        within, beyond = (is_lower, is_upper) if lower else (is_upper, is_lower)
        inside = k >= 0 if lower else k <= 0
        if inside and within(algebra, base):
            return x
        if beyond(algebra, base) and not (inside and k):
            if not inside:
                return algebra.number(0, axes)
            return pinned(algebra, x)
        if base.op in (tril, triu) and (base.op is tril) == lower:
            least = min(k, base.params[0]) if lower else max(k, base.params[0])
            return algebra.scale(one_triangle(algebra, base.args[0], least, lower=lower), coefficient)
        if base.op is TOTAL and k == 0 and any(_opened(algebra, a, lower) is not a for a in base.args):
            parts = [one_triangle(algebra, a, 0, lower=lower) for a in base.args]
            return algebra.scale(algebra.total(parts), coefficient)
        opened = _opened(algebra, base, lower) if k == 0 else base
        if opened is not base:
            return algebra.scale(one_triangle(algebra, opened, 0, lower=lower), coefficient)
    made = algebra.opaque(tril if lower else triu, [base], (k,), axes)
    return algebra.scale(made, coefficient)


def _opened(algebra: Builder, n: Node, lower: bool) -> Node:
    """``tril(U tril(M))`` is ``tril(UM)`` for an upper triangular U: what is left out stays above."""
    if n.op is not MONOMIAL or len(n.args) < 2 or len(n.params[3]) != 2:
        return n
    term = decode(n)
    within = tril if lower else triu
    for k, f in enumerate(term.factors):
        if f.node.op is not within or f.node.params[0] or f.exponent != 1:
            continue
        rest = [g for m, g in enumerate(term.factors) if m != k]
        outer = is_upper if lower else is_lower
        (i, j), (a, b) = term.out, f.indices
        if len(rest) != 1 or len(rest[0].indices) != 2:
            continue
        (g,) = rest
        left = b == j and {*g.indices} == {i, a} and a not in (i, j)
        right = a == i and {*g.indices} == {b, j} and b not in (i, j)
        if not (left or right):
            continue
        wanted = (i, a) if left else (b, j)
        upright = g.node if g.indices == wanted else algebra.turned(g.node)
        if outer(algebra, upright):
            inner = Factor(f.node.args[0], f.indices)
            return algebra.monomial(term._replace(factors=(g, inner)))
    return n


def selected(t: State, n: Node, args: list[Node]) -> Node | None:
    """A selection by a mask that is a triangle of ones."""
    condition = n.args[0]
    if condition.op is not greater or condition.args[0].op is not tril or n.type.ndim != 2:
        return None
    k = condition.args[0].params[0]
    _, a, b = args
    if t.algebra.is_zero(b):
        return one_triangle(t.algebra, a, k, lower=True)
    return one_triangle(t.algebra, b, k + 1, lower=False) if t.algebra.is_zero(a) else None


def both_triangles(algebra: Builder, n: Node) -> Node | None:
    """``tril(A, −1) + tril(A, −1)ᵀ`` of a symmetric matrix is all of it but the diagonal."""
    if len(algebra.axes(n)) != 2:
        return None
    terms = [algebra.split(a) for a in n.args]
    for c, base in terms:
        if base.op is not tril or base.params[0] not in (0, -1):
            continue
        turned = algebra.turned(base)
        (matrix,) = base.args
        if (c, turned) not in terms or mirrored(algebra, matrix, 0, 1) != 1:
            continue
        both = ((c, base), (c, turned))
        rest = [a for a, t in zip(n.args, terms, strict=True) if t not in both]
        sign = 1 if base.params[0] == 0 else -1  # the diagonal is there twice, or not at all
        diagonal = algebra.scale(_diagonal(algebra, matrix), sign)
        return algebra.total(
            [algebra.scale(matrix, c), algebra.scale(diagonal, c), *rest]
        )
    return None


def _diagonal(algebra: Builder, matrix: Node) -> Node:
    axes = algebra.axes(matrix)
    return algebra.monomial(Term(UNIT, (Factor(matrix, (0, 0)),), (0, 0), {0: axes[0]}))


# -- reshaping -------------------------------------------------------------------------------------


def reshaped(t: State, n: Node, args: list[Node]) -> Node | None:
    """Axes that are put together make a Kronecker product; what is taken apart again is as before."""
    (x,) = args
    algebra = t.algebra
    if not algebra.factored:
        return None
    coefficient, base = algebra.split(x)
    if coefficient != UNIT:
        made = _reshaped(t, n, base)
        if made is None:
            made = algebra.opaque(n.op, [base], n.params, t.axes.of(n))
        return algebra.scale(made, coefficient)
    return _reshaped(t, n, base)


def _reshaped(t: State, n: Node, x: Node) -> Node | None:
    algebra, axes = t.algebra, t.axes.of(n)
    if x.op is n.op and [a.length for a in algebra.axes(x.args[0])] == [a.length for a in axes]:
        return x.args[0]
    if x.op is KRONECKER:
        left, right = x.args
        term = _interleaved(algebra, left, right)
        if tuple(a.length for a in term.out_axes) == tuple(a.length for a in axes):
            return algebra.monomial(term)
    if x.op is MONOMIAL:
        return _put_together(algebra, decode(x), axes) or _taken_apart(algebra, n, decode(x), axes)
    return None


def _interleaved(algebra: Builder, left: Node, right: Node) -> Term:
    a, b = algebra.axes(left), algebra.axes(right)
    r = len(a)
    every = {2 * k: a[k] for k in range(r)} | {2 * k + 1: b[k] for k in range(r)}
    factors = (
        Factor(left, tuple(2 * k for k in range(r))),
        Factor(right, tuple(2 * k + 1 for k in range(r))),
    )
    return Term(UNIT, factors, tuple(range(2 * r)), every)


def _put_together(algebra: Builder, term: Term, axes: tuple[Axis, ...]) -> Node | None:
    """``A_ik B_jl`` with i and j one axis, and k and l another, is ``A ⊗ B``."""
    out, r = term.out, len(axes)
    if len(out) != 2 * r or len(set(out)) < len(out) or r > 2:
        return None
    lengths = [a.length for a in term.out_axes]
    if any(lengths[2 * k] * lengths[2 * k + 1] != axes[k].length for k in range(r)):
        return None
    groups = [set(out[0::2]), set(out[1::2])]
    members: list[list[Factor]] = [[], []]
    left = list(term.factors)
    grown = True
    while grown:
        grown = False
        for f in list(left):
            for group, inside in zip(groups, members, strict=True):
                if group & set(f.indices):
                    group |= set(f.indices)
                    inside.append(f)
                    left.remove(f)
                    grown = True
                    break
    if left or groups[0] & groups[1] or not all(members):
        return None
    parts = [
        algebra.monomial(Term(UNIT, tuple(inside), out[k::2], term.axes))
        for k, inside in enumerate(members)
    ]
    return algebra.scale(algebra.opaque(KRONECKER, parts, (), axes), term.coefficient)


def _taken_apart(algebra: Builder, n: Node, term: Term, axes: tuple[Axis, ...]) -> Node | None:
    """A product of which axes are taken apart, each for itself, is the product of such."""
    if len(set(term.out)) < len(term.out) or len(term.factors) < 2:
        return None
    supply = list(axes)
    groups: dict[int, list[Axis]] = {}
    for i, axis in zip(term.out, term.out_axes, strict=True):
        size = 1
        group: list[Axis] = []
        while supply and (size < axis.length or not group):
            group.append(supply.pop(0))
            size *= group[-1].length
        if size != axis.length:
            return None
        groups[i] = group
    if supply or all(len(g) == 1 for g in groups.values()):
        return None
    fresh = max(term.axes) + 1
    names: dict[int, list[int]] = {}
    every = dict(term.axes)
    for i, new in groups.items():
        names[i] = list(range(fresh, fresh + len(new)))
        every |= dict(zip(names[i], new, strict=True))
        fresh += len(new)
    factors = []
    for f in term.factors:
        own = [a for i in f.indices for a in groups.get(i, [term.axes[i]])]
        indices = tuple(j for i in f.indices for j in names.get(i, [i]))
        node = f.node
        if len(own) > len(f.indices):
            node = algebra.opaque(n.op, [node], (tuple(a.length for a in own),), tuple(own))
        factors.append(Factor(node, indices, f.exponent))
    out = tuple(j for i in term.out for j in names[i])
    return algebra.monomial(Term(term.coefficient, tuple(factors), out, every))


# -- the exponential of a matrix -------------------------------------------------------------------


def exponential_slice(t: State, n: Node, args: list[Node]) -> Node | None:
    """The block of ``exp [[A, E], [0, A]]`` beside the diagonal: the derivative at A along E."""
    (x,) = n.args
    if x.op is not expm or n.type.ndim != 2 or x.args[0].op is not concatenate:
        return None
    rows = x.args[0].args
    size = n.type.shape[0]
    if n.params[0] != ((0, size, 1), (size, size, 1)) or len(rows) != 2:
        return None
    top, bottom = rows
    if top.op is not concatenate or bottom.op is not concatenate:
        return None
    a, e = (t.normal[m] for m in top.args)
    if top.args[0] is not bottom.args[1] or not t.algebra.is_zero(t.normal[bottom.args[0]]):
        return None
    return frechet(t.algebra, a, e)


def frechet(algebra: Builder, a: Node, e: Node) -> Node:
    """``L(A, E)``, linear in E; along the identity it is ``exp(A)``."""
    axes = algebra.axes(a)
    coefficient, base = algebra.split(e)
    if base.op is TOTAL:
        return algebra.scale(algebra.total([frechet(algebra, a, p) for p in base.args]), coefficient)
    if base.op is MONOMIAL and not base.args and base.params[3] == (0, 0):
        return algebra.scale(algebra.opaque(expm, [a], (), axes), coefficient)
    return algebra.scale(algebra.opaque(FRECHET, [a, base], (), axes), coefficient)


def _either(first: Rule, second: Rule) -> Rule:
    """The first rule that has something to say; the first for display alone."""

    def rule(t: State, n: Node, args: list[Node]) -> Node | None:
        found = first(t, n, args) if t.algebra.factored else None
        return second(t, n, args) if found is None else found

    return rule


def _none(t: State, n: Node, args: list[Node]) -> Node | None:
    return None


def extended(rules: dict[str, Rule]) -> dict[str, Rule]:
    """Rules of translation, and before each what is known here of its operation."""
    own: dict[str, Rule] = {
        "place": placed, "concatenate": joined, "cumsum": running_sum, "tril": triangle,
        "triu": triangle, "where": selected, "slice": exponential_slice,
        "scatter_add": spread_over_windows,
    }  # fmt: skip
    made = {name: _either(rule, rules.get(name, _none)) for name, rule in own.items()}
    return {**rules, **made, "reshape": _either(rules["reshape"], reshaped)}
