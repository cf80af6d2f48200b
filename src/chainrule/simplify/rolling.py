"""Loops over rows, rolled up again: ``Σᵢ (xᵢᵀw − yᵢ)²`` of unrolled terms is ``‖Xw − y‖²``.

Terms of a sum that differ by an element or a row of the same array alone, one after the other, are
one term, batched over that axis, and summed. Loops within loops are rolled from the inside out.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..calculus.batch import batch
from ..ir.graph import substitute, toposort
from ..ir.node import CONSTANT, Node, node
from ..ir.types import ArrayType
from ..ops.arithmetic import add
from ..ops.structural import concatenate, place, reduce_sum, reshape, slice_, transpose
from .pattern import is_number

#: Fewer terms than this are left as they are; so are longer sums than the other.
FEWEST, MOST = 3, 4096

#: A place that varies from term to term: a reading in the first term, and the axis that it picks.
Place = tuple[Node, int]


def rolled(outputs: Sequence[Node]) -> list[Node]:
    """``outputs`` with sums of like terms rolled up, where there are any."""
    order = toposort(outputs)
    if not any(n.op is slice_ for n in order):
        return list(outputs)
    inside = {a for n in order if n.op is add for a in n.args if a.op is add}
    kinds = _kinds(order)
    env: dict[Node, Node] = {}
    for n in order:
        if n.op in (place, concatenate) and type(n.type) is ArrayType:
            found = _stacked(n)
            if found is not None:
                env[n] = found
            continue
        if n.op is not add or n in inside:
            continue
        terms = _terms(n)
        if FEWEST <= len(terms) <= MOST:
            found = _sum(terms, kinds)
            if found is not None and found.type.shape == n.type.shape:
                env[n] = found
    return substitute(outputs, env) if env else list(outputs)


def _kinds(order: Sequence[Node]) -> dict[Node, int]:
    """A number for each node, the same for nodes that differ by the indices they read at alone."""
    known: dict[object, int] = {}
    kinds: dict[Node, int] = {}
    for n in order:
        if n.op is slice_:
            index = tuple(None if isinstance(e, int) else tuple(e) for e in n.params[0])
            key: object = (slice_, kinds[n.args[0]], index)
        elif n.args:
            key = (n.op, n.params, tuple(kinds[a] for a in n.args))
        else:
            key = n
        kinds[n] = known.setdefault(key, len(known))
    return kinds


def _sum(terms: Sequence[Node], kinds: dict[Node, int]) -> Node | None:
    """The sum of the terms, those of one kind rolled up where they are like enough."""
    groups: dict[int, list[Node]] = {}
    for term in terms:
        groups.setdefault(kinds[term], []).append(term)
    parts: list[Node] = []
    rolled_up = False
    for group in groups.values():
        made = _rolled(group) if len(group) >= FEWEST else None
        rolled_up |= made is not None
        parts.extend(group if made is None else [made])
    if not rolled_up:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = add.build((total, part))
    return total


def _terms(n: Node) -> list[Node]:
    """The terms of a chain of additions, in order; a zero to begin with is none."""
    found: list[Node] = []
    stack = [n]
    while stack:
        current = stack.pop()
        if current.op is add and len(found) < MOST:
            stack.extend(reversed(current.args))
        elif not (current.op is CONSTANT and is_number(current, 0)):
            found.append(current)
    return found


def _rolled(terms: list[Node]) -> Node | None:
    """The sum of terms that are alike, as one batched term; none if they are not."""
    # In the first term two indices may agree by chance, as in x[0] x[0].
    for template in dict.fromkeys((terms[0], terms[1], terms[-1])):
        varying = _varying(template, terms)
        if varying is None:
            continue
        steps = {tuple(v - values[0] for v in values) for values in varying.values()}
        if steps == {tuple(range(len(terms)))}:
            made = _batched(template, varying, len(terms))
            if made is not None:
                return node(reduce_sum, (made,), ((-made.type.ndim,),))
        elif len(steps) > 1:
            return _nested(terms, varying)
    return None


def _varying(template: Node, terms: Sequence[Node]) -> dict[Place, list[int]] | None:
    """The places at which terms differ, each with its index in every term."""
    places: dict[Place, list[int]] = {}
    reading: set[Node] = set()
    for n in toposort([template]):
        if n.op is slice_ or any(a in reading for a in n.args):
            reading.add(n)
    for k, term in enumerate(terms):
        if not _align(template, term, places, k, reading):
            return None
    varying = {p: values for p, values in places.items() if len(set(values)) > 1}
    if not varying or any(len(v) != len(terms) for v in varying.values()):
        return None
    return varying


def _nested(terms: Sequence[Node], varying: dict[Place, list[int]]) -> Node | None:
    """Loops within loops, from the inside out."""
    # Loops within loops: the slowest index stays the same longest.
    slow = min(varying.values(), key=lambda values: len(set(values)))
    groups: dict[int, list[Node]] = {}
    for term, value in zip(terms, slow, strict=True):
        groups.setdefault(value, []).append(term)
    if not 1 < len(groups) < len(terms):
        return None
    rows: list[Node] = []
    for group in groups.values():
        row = _rolled(group) if len(group) > 1 else None
        if row is None:
            return None
        rows.append(row)
    return _rolled(rows)


def _align(
    first: Node, other: Node, places: dict[Place, list[int]], k: int, reading: set[Node]
) -> bool:
    """Whether two terms differ by what they read alone; notes what the ``k``-th one reads."""
    pending = [(first, other)]
    seen: set[tuple[Node, Node]] = set()
    while pending:
        a, b = pending.pop()
        if (a, b) in seen:
            continue
        seen.add((a, b))
        if a.op is slice_ and b.op is slice_ and a.args == b.args:
            for axis, (i, j) in enumerate(zip(a.params[0], b.params[0], strict=False)):
                if isinstance(i, int) != isinstance(j, int):
                    return False
                if isinstance(i, int):
                    values = places.setdefault((a, axis), [])
                    if len(values) == k:
                        values.append(int(j))
                    elif values[-1] != j:
                        return False
                elif i != j:
                    return False
            continue
        if a is b and a not in reading:
            continue
        if a.op is not b.op or a.params != b.params or len(a.args) != len(b.args):
            return False
        if not a.args and a is not b:
            return False
        pending.extend(zip(a.args, b.args, strict=True))
    return True


def _batched(term: Node, varying: dict[Place, list[int]], count: int) -> Node | None:
    """One term over the whole of the axes that it reads step by step, and the sum of that."""
    env: dict[Node, Node] = {}
    for (read, axis), values in varying.items():
        if read in env:
            return None  # a diagonal
        (x,) = read.args
        lead = x.type.ndim - len(read.params[0])
        index = list(read.params[0])
        index[axis] = (values[0], count, 1)
        whole = all(
            not isinstance(e, int) and tuple(e) == (0, length, 1)
            for e, length in zip(index, x.type.shape[lead:], strict=True)
        )
        part = x if whole else node(slice_, (x,), (tuple(index),))
        position = lead + sum(not isinstance(e, int) for e in index[:axis])
        if position:
            ndim = part.type.ndim
            axes = (position, *(k for k in range(ndim) if k != position))
            part = node(transpose, (part,), (tuple(k - ndim for k in axes),))
        env[read] = part
    (made,) = batch([term], env, count)
    return made


def _stacked(n: Node) -> Node | None:
    """An array put together from one element or row after the other."""
    terms = list(n.args)
    if len(terms) < FEWEST or any(a.type.shape != terms[0].type.shape for a in terms):
        return None
    if n.op is place:
        for k, (entry, *rest) in enumerate(n.params[1]):
            whole = [(0, length, 1) for length in n.type.shape[1:]]
            if entry != k or [tuple(e) if isinstance(e, tuple) else e for e in rest] != whole:
                return None
        if len(terms) != n.type.shape[0]:
            return None
    elif n.op is not concatenate or n.params[0] != -n.type.ndim or terms[0].type.shape[0] != 1:
        return None
    for template in dict.fromkeys((terms[0], terms[1], terms[-1])):
        varying = _varying(template, terms)
        if varying is None:
            continue
        steps = {tuple(v - values[0] for v in values) for values in varying.values()}
        if steps == {tuple(range(len(terms)))}:
            made = _batched(template, varying, len(terms))
            if made is not None:
                same = made.type.shape == n.type.shape
                return made if same else node(reshape, (made,), (n.type.shape,))
    return None
