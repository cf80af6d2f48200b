"""A program that picks single elements, ``x[0]**2 + 2*x[1]``, as expressions of those elements.

Each entry of the result is followed through the program to the elements that it depends on, so
that what is only moved about (stacked, placed, broadcast) leaves no trace. Sums are written out,
which pays for small arrays alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, INPUT, Node, node
from ..ir.types import TupleType
from ..ops.contraction import einsum, split_subscripts
from ..ops.cumulative import cumprod, cumsum, linear_recurrence
from ..ops.elementwise import Elementwise
from ..ops.monomial import ENTRIES, Axis
from ..ops.reductions import reduce_prod
from ..ops.structural import (
    broadcast,
    cast,
    concatenate,
    place,
    reduce_sum,
    reshape,
    size,
    slice_,
    stop_gradient,
    transpose,
)
from .normal import Algebra
from .translation import RULES, Translation

Index = tuple[int, ...]
Place = tuple[Node, Index]

#: More entries than this are not written out, longer sums neither; nor are more steps taken.
MOST, LONGEST, STEPS = 64, 6, 20_000


class NoEntries(Exception):
    """The program has a step that mixes its elements."""


class _Scalars:
    """The axes of an entry: none."""

    @staticmethod
    def of(n: Node) -> tuple[Axis, ...]:
        return ()


def picks_elements(roots: Sequence[Node], given: set[Node]) -> bool:
    """Whether a program reads or fills parts of arrays that depend on what is ``given``."""
    moving = set(given)
    for n in toposort(roots):
        if any(a in moving for a in n.args):
            moving.add(n)
            if n.op in (slice_, place, concatenate):
                return True
    return False


class Entries(Translation):
    """Normal forms of single entries."""

    def __init__(self, algebra: Algebra) -> None:
        super().__init__(algebra, _Scalars())  # type: ignore[arg-type]
        self._known: dict[Place, Node] = {}

    def array(self, n: Node) -> Node:
        """A whole array, entry by entry."""
        if type(n.type) is TupleType or n.type.size > MOST:
            raise NoEntries
        entries = [self.entry(n, index) for index in np.ndindex(n.type.shape)]
        if not n.type.shape:
            return entries[0]
        axes = tuple(Axis(-1 - k, length) for k, length in enumerate(n.type.shape))
        return self.algebra.opaque(ENTRIES, entries, (n.type.shape,), axes)

    def entry(self, n: Node, index: Index) -> Node:
        """One element of a node, in normal form."""
        known = self._known
        stack: list[Place] = [(n, index)]
        while stack:
            current = stack[-1]
            if current in known:
                stack.pop()
                continue
            if len(known) + len(stack) > STEPS:
                raise NoEntries
            needed = self._needs(*current)
            missing = [p for p in needed if p not in known]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            known[current] = self._combine(*current, [known[p] for p in needed])
        return known[n, index]

    def _needs(self, n: Node, index: Index) -> list[Place]:
        """The elements that an element is made of, in the order that ``_combine`` takes them."""
        op = n.op
        if op in (INPUT, CONSTANT, size):
            return []
        if isinstance(op, Elementwise) or op in (cast, stop_gradient):
            return [(a, index) for a in n.args]
        if op in (broadcast, transpose, reshape, slice_):
            return [(n.args[0], _source(n, index))]
        if op is place:
            within = [_inside(index, where) for where in n.params[1]]
            return [(a, i) for a, i in zip(n.args, within, strict=True) if i is not None]
        if op is concatenate:
            return [_joined(n, index)]
        if op is reduce_sum:
            return [(n.args[0], full) for full in _spread(n.args[0].type.shape, n.params[0], index)]
        if op is einsum:
            return [p for group in self._groups(n, index) for p in group]
        if op is reduce_prod:
            return [(n.args[0], full) for full in _spread(n.args[0].type.shape, n.params[0], index)]
        if op is cumsum or op is cumprod:
            return [(n.args[0], full) for full in _so_far(n, index)]
        if op is linear_recurrence:
            a, b = n.args
            met = [(n, full) for full in _so_far(n, index)]
            if len(met) == 1:
                return [(b, index)]
            return [(b, index), (a, index), met[1] if n.params[1] else met[-2]]
        raise NoEntries

    @staticmethod
    def _groups(n: Node, index: Index) -> list[list[Place]]:
        """The products that an element of a contraction sums."""
        inputs, output = split_subscripts(n.params[0])
        fixed: dict[str, int] = {}
        for letter, i in zip(output, index, strict=True):
            if fixed.setdefault(letter, i) != i:
                return []  # off the diagonal
        lengths = {
            c: s
            for letters, a in zip(inputs, n.args, strict=True)
            for c, s in zip(letters, a.type.shape, strict=True)
        }
        free = [c for c in lengths if c not in fixed]
        if int(np.prod([lengths[c] for c in free])) > LONGEST:
            raise NoEntries
        groups = []
        for choice in product(*(range(lengths[c]) for c in free)):
            at = {**fixed, **dict(zip(free, choice, strict=True))}
            groups.append(
                [
                    (a, tuple(at[c] for c in letters))
                    for letters, a in zip(inputs, n.args, strict=True)
                ]
            )
        return groups

    def _combine(self, n: Node, index: Index, parts: list[Node]) -> Node:
        algebra, op = self.algebra, n.op
        if op is INPUT:
            if not index:
                return algebra.atom(n, ())
            algebra.atom(n, tuple(Axis(-1 - k, m) for k, m in enumerate(n.type.shape)))
            return algebra.atom(node(slice_, (n,), (index,)), ())
        if op is CONSTANT:
            value = n.params[0].array[index]
            if value.dtype.kind not in "fiub" or not np.isfinite(value):
                raise NoEntries
            return algebra.number(float(value))
        if op is size:
            return algebra.number(n.args[0].type.shape[n.params[0]])
        if isinstance(op, Elementwise):
            if n.type.dtype.kind == "b" and all(map(algebra.is_constant, parts)):
                values = [np.asarray(p.params[0].value()) for p in parts]
                if op.name.startswith("logical_"):
                    values = [v != 0 for v in values]
                return algebra.number(float(op.evaluate(values, *n.params)))
            rule = RULES.get(op.name)
            found = rule(self, n, parts) if rule is not None else None
            return algebra.apply(op, parts, n.params) if found is None else found
        if op is reduce_prod or op is cumprod:
            return algebra.product(*parts) if parts else algebra.number(1)
        if op is linear_recurrence and len(parts) > 1:
            return algebra.total([parts[0], algebra.product(*parts[1:])])
        if op in (place, reduce_sum, cumsum):
            return algebra.total(parts) if parts else algebra.number(0)
        if op is einsum:
            groups = self._groups(n, index)
            width = len(n.args)
            terms = [
                algebra.product(*parts[k * width : (k + 1) * width]) if width else algebra.number(1)
                for k in range(len(groups))
            ]
            return algebra.total(terms) if terms else algebra.number(0)
        return parts[0]


def _source(n: Node, index: Index) -> Index:
    """The element of its argument that an element of a moved array is."""
    shape = n.args[0].type.shape
    if n.op is broadcast:
        return tuple(index[a] for a in n.params[1])
    if n.op is slice_:
        return _read(index, n.params[0], len(shape))
    if n.op is reshape:
        flat = int(np.ravel_multi_index(index, n.type.shape)) if index else 0
        return tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()
    order = n.params[0]
    source = list(index)
    for k, a in enumerate(order):
        source[a] = index[len(index) - len(order) + k]
    return tuple(source)


def _joined(n: Node, index: Index) -> Place:
    """The element of one of the arrays that were joined."""
    axis = n.params[0]
    position = index[axis]
    source = list(index)
    for arg in n.args:
        length = arg.type.shape[axis]
        if position < length:
            source[axis] = position
            return arg, tuple(source)
        position -= length
    raise NoEntries


def _read(index: Index, where: Any, ndim: int) -> Index:
    """The element of the whole that an element of a slice is."""
    lead = ndim - len(where)
    rest = iter(index[lead:])
    inner = [e if isinstance(e, int) else e[0] + e[2] * next(rest) for e in where]
    return (*index[:lead], *inner)


def _so_far(n: Node, index: Index) -> list[Index]:
    """The elements that a running sum or product has met, in order."""
    axis, backwards = n.params
    axis += n.type.ndim
    places = range(index[axis], n.type.shape[axis]) if backwards else range(index[axis] + 1)
    if len(places) > LONGEST:
        raise NoEntries
    return [(*index[:axis], k, *index[axis + 1 :]) for k in places]


def _inside(index: Index, where: Any) -> Index | None:
    """The element of a placed piece that an element of the whole is, if it is one."""
    lead = len(index) - len(where)
    inside = list(index[:lead])
    for i, e in zip(index[lead:], where, strict=True):
        if isinstance(e, int):
            if i != e:
                return None
            continue
        start, count, step = e
        k, rest = divmod(i - start, step)
        if rest or not 0 <= k < count:
            return None
        inside.append(k)
    return tuple(inside)


def _spread(shape: tuple[int, ...], axes: Sequence[int], index: Index) -> Iterator[Index]:
    """All elements that are summed into one."""
    dropped = [a + len(shape) for a in axes]
    if int(np.prod([shape[a] for a in dropped])) > LONGEST:
        raise NoEntries
    kept = [k for k in range(len(shape)) if k not in dropped]
    for choice in product(*(range(shape[a]) for a in dropped)):
        full = [0] * len(shape)
        for k, i in zip(kept, index, strict=True):
            full[k] = i
        for k, i in zip(dropped, choice, strict=True):
            full[k] = i
        yield tuple(full)
