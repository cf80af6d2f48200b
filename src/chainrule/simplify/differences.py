"""Differences of what follows and what precedes: ``x[1:] − x[:-1]`` is ``Dx``, and its adjoint ``Dᵀ``.

``D`` is the matrix of differences, ``diff(I)``; of differences of differences, ``diff(I, 2)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..ir.node import Node
from ..ops.monomial import DIFFERENCE, UNIT, Axis, Coefficient, Factor, Term
from ..ops.structural import slice_
from .builder import Builder
from .state import State


def difference(algebra: Builder, axis: Axis, shorter: Axis) -> Node:
    """The matrix ``D`` with ``(Dx)_i = x_{i+1} − x_i``."""
    one = algebra.constant(UNIT, (axis,))
    return algebra.opaque(DIFFERENCE, [one], (shorter.number,), (shorter, axis))


def with_differences(algebra: Builder, n: Node) -> Node | None:
    """A sum in which what follows is taken away from what precedes: ``x[1:] − x[:-1]`` is ``Dx``."""
    terms = [algebra.split(a) for a in n.args]
    twice = _second(algebra, terms)
    if twice is not None:
        made, used = twice
        return algebra.total([made, *(a for j, a in enumerate(n.args) if j not in used)])
    for k, (c, first) in enumerate(terms):
        if first.op is not slice_:
            continue
        for m, (d, second) in enumerate(terms):
            if d != c * -1 or second.op is not slice_ or second.args != first.args:
                continue
            along = _shifted(first.params[0], second.params[0], algebra.axes(first.args[0]))
            if along is None:
                continue
            made = algebra.scale(_applied(algebra, first, along), c)
            rest = [a for j, a in enumerate(n.args) if j not in (k, m)]
            return algebra.total([made, *rest])
    return None


def _second(
    algebra: Builder, terms: Sequence[tuple[Coefficient, Node]]
) -> tuple[Node, set[int]] | None:
    """``x[2:] − 2x[1:-1] + x[:-2]`` is ``Dx`` with second differences."""
    for m, (c, middle) in enumerate(terms):
        if middle.op is not slice_:
            continue
        half = c * Fraction(-1, 2)
        same = [
            k for k, (d, x) in enumerate(terms)
            if d == half and x.op is slice_ and x.args == middle.args
        ]  # fmt: skip
        for a in same:
            for b in same:
                axes = algebra.axes(middle.args[0])
                places = [terms[k][1].params[0] for k in (a, m, b)]
                along = _consecutive(places, axes)
                if along is not None:
                    made = algebra.scale(_applied(algebra, middle, along), half)
                    return made, {a, m, b}
    return None


def _consecutive(places: Sequence[Any], axes: tuple[Axis, ...]) -> int | None:
    """The axis along which three slices begin at 0, 1 and 2 and are two shorter than the whole."""
    found = None
    for k, axis in enumerate(axes):
        here = [place[k] for place in places]
        if all(e == (0, axis.length, 1) for e in here):
            continue
        if found is not None or here != [(s, axis.length - 2, 1) for s in range(3)]:
            return None
        found = k
    return found


def _shifted(later: Any, sooner: Any, axes: tuple[Axis, ...]) -> int | None:
    """The axis along which one slice is all but the first of an array, the other all but the last."""
    found = None
    for k, (a, b, axis) in enumerate(zip(later, sooner, axes, strict=True)):
        n = axis.length
        if a == b == (0, n, 1):
            continue
        if (a, b) != ((1, n - 1, 1), (0, n - 1, 1)) or found is not None:
            return None
        found = k
    return found


def _applied(algebra: Builder, part: Node, along: int) -> Node:
    """``Dx`` along an axis, where ``part`` is ``x[1:]``, or ``x[1:-1]`` for second differences."""
    (x,) = part.args
    axes, new = algebra.axes(x), algebra.axes(part)
    matrix = difference(algebra, axes[along], new[along])
    inside = tuple(range(len(axes)))
    out = tuple(len(axes) if k == along else k for k in inside)
    every = {**dict(enumerate(axes)), len(axes): new[along]}
    factors = (Factor(matrix, (len(axes), along)), Factor(x, inside))
    return algebra.monomial(Term(UNIT, factors, out, every))


def repeated(algebra: Builder, term: Term) -> Term | None:
    """Differences of differences: one matrix, ``diff(I, 2)``."""
    for f in term.factors:
        if f.node.op is not DIFFERENCE or f.exponent != 1:
            continue
        k = f.indices[1]
        beside = [g for g in term.factors if g is not f and k in g.indices]
        if k in term.out or len(beside) != 1:
            continue
        (g,) = beside
        if g.node.op is not DIFFERENCE or g.exponent != 1 or g.indices[0] != k:
            continue
        axes = (term.axes[f.indices[0]], term.axes[g.indices[1]])
        made = Factor(difference(algebra, axes[1], axes[0]), (f.indices[0], g.indices[1]))
        rest = tuple(h for h in term.factors if h is not f and h is not g)
        return term._replace(factors=(*rest, made))
    return None


def placed_differences(t: State, n: Node, args: list[Node]) -> Node | None:
    """What is put in zeros at two places next to each other, once with a minus: ``Dᵀr``."""
    axes = t.axes.of(n)
    whole = [(0, a.length, 1) for a in axes]
    places = [(*whole[: len(axes) - len(index)], *index) for index in n.params[1]]
    if len(args) < 2 or any(type(e) is int or e[2] != 1 for place in places for e in place):
        return None
    left = list(range(len(args)))
    parts = []
    if len(args) == 3:
        order = sorted(left, key=lambda k: places[k])
        along3 = _consecutive([places[k] for k in order], axes)
        (c, base), *others = [t.algebra.split(args[k]) for k in order]
        if along3 is not None and others == [(c * -2, base), (c, base)]:
            return _adjoint(t, args[order[0]], along3, axes)
    while left:
        found = None
        c, base = t.algebra.split(args[left[0]])
        for j in left[1:]:
            if t.algebra.split(args[j]) != (c * -1, base):
                continue
            for plus, minus in ((left[0], j), (j, left[0])):
                along = _shifted(places[plus], places[minus], axes)
                if along is not None:
                    found = plus, minus, along
        if found is None:
            return None
        plus, minus, along = found
        left = [k for k in left if k not in (plus, minus)]
        parts.append(_adjoint(t, args[plus], along, axes))
    return t.algebra.total(parts)


def _adjoint(t: State, x: Node, along: int, axes: tuple[Axis, ...]) -> Node:
    """``Dᵀx`` along an axis."""
    shorter = t.algebra.axes(x)[along]
    matrix = difference(t.algebra, axes[along], shorter)
    inside = tuple(len(axes) if k == along else k for k in range(len(axes)))
    every = {**dict(enumerate(axes)), len(axes): shorter}
    factors = (Factor(matrix, (len(axes), along)), Factor(x, inside))
    return t.algebra.monomial(Term(UNIT, factors, tuple(range(len(axes))), every))
