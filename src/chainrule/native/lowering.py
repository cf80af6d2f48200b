"""How the kinds that are not elementwise become steps: contractions, pieces, indices.

Each rule adds the steps of a node to a schedule, and says whether it could.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ..ir.node import Node
from ..ops import cumulative, structural
from ..ops.contraction import Einsum, split_subscripts
from ..ops.control import Loop
from ..ops.indexing import AddAlong, Gather, ScatterAdd, TakeAlong, split_pieces
from ..ops.structural import BasicIndex
from .plan import (
    Buffer,
    Immediate,
    Indirect,
    Nest,
    Product,
    Scan,
    Shape,
    Source,
    Statement,
    View,
    count,
    row_major,
    whole,
)
from .repeat import lower_loop
from .schedule import Schedule


def _einsum(schedule: Schedule, n: Node) -> bool:
    """A contraction: a nest over all of its indices, or a product of matrices."""
    inputs, out = split_subscripts(n.params[0])
    lengths = schedule.lengths(n)
    sources = [schedule.sources[a] for a in n.args]
    if not inputs or len(set(out)) < len(out):
        return _spread(schedule, n, inputs, out, lengths, sources)
    letters = "".join(dict.fromkeys("".join(inputs) + out))
    summed = [c for c in letters if c not in out]
    whole_domain = next(
        (s for s in sorted(inputs, key=len) if set(s) == set(letters) and len(set(s)) == len(s)),
        None,
    )
    if not summed:
        whole_domain = out
    size = count(tuple(lengths[c] for c in letters))
    if len(inputs) == 2 and summed and n.type.dtype.kind == "f" and size > schedule.small:
        full = [k for k, ls in enumerate(inputs) if ls == whole_domain]
        # A matrix from memory with a vector; not one whose elements are in registers.
        if not full or (
            len(full) == 1
            and set(inputs[1 - full[0]]) != set(letters)
            and schedule.register(sources[full[0]], n.args[full[0]].type.shape) is None
        ):
            return _product(schedule, n, inputs, out, lengths, sources)
    domain_letters = whole_domain or out + "".join(summed)
    domain = tuple(lengths[c] for c in domain_letters)
    reads: list[Any] = [
        Immediate(s.value, s.dtype, domain)
        if isinstance(s, Immediate)
        else s.indexed(ls, domain_letters, lengths)
        for s, ls in zip(sources, inputs, strict=True)
    ]
    if not summed:
        schedule.pointwise(n, "product", reads)
        return True
    axes = frozenset(k for k, c in enumerate(domain_letters) if c in summed)
    kept = "".join(c for c in domain_letters if c in out)
    target = schedule.buffer(n)
    schedule.sources[n] = target
    spread = target.indexed(out, kept, lengths)
    strides = iter(spread.strides)
    view = View(
        target.buffer, 0, domain,
        tuple(0 if k in axes else next(strides) for k in range(len(domain))),
    )  # fmt: skip
    small = schedule.is_small(domain, reads)
    statement = Statement("product", reads, n.type.dtype, "add", axes, view, stored=not small)
    schedule.state(domain, statement)
    return True


def _spread(
    schedule: Schedule,
    n: Node,
    inputs: list[str],
    out: str,
    lengths: dict[str, int],
    sources: list[Source],
) -> bool:
    """A result with a repeated index: zeros, and what there is on the diagonal."""
    if len(inputs) > 1 or any(c not in out for s in inputs for c in s):
        return False
    target = schedule.buffer(n)
    schedule.sources[n] = target
    distinct = "".join(dict.fromkeys(out))
    shape = tuple(lengths[c] for c in distinct)
    one = Immediate(n.type.dtype.type(1), n.type.dtype, shape)
    x: Source = sources[0] if sources else one
    if isinstance(x, View):
        x = x.indexed(inputs[0], distinct, lengths)
    else:
        x = Immediate(x.value, x.dtype, shape)
    diagonal = target.indexed(out, distinct, lengths)
    _fill(schedule, target)
    schedule.copy(
        x, View(target.buffer, 0, shape, diagonal.strides), after=_after(schedule, target)
    )
    return True


def _after(schedule: Schedule, target: View) -> int:
    """The first step that may follow what has been written to a buffer."""
    return schedule.ready.get(target.buffer, -1) + 1


def _fill(schedule: Schedule, target: View) -> None:
    """Set a buffer to zeros."""
    zero = Immediate(target.dtype.type(0), target.dtype, target.shape)
    schedule.copy(zero, target)


def _product(
    schedule: Schedule,
    n: Node,
    inputs: list[str],
    out: str,
    lengths: dict[str, int],
    sources: list[Source],
) -> bool:
    """A product of two, each first summed over what it alone has."""
    views = []
    letters = []
    for k, (s, ls) in enumerate(zip(sources, inputs, strict=True)):
        if isinstance(s, Immediate):
            s = schedule.contiguous(s)
        other = inputs[1 - k]
        alone = [c for c in dict.fromkeys(ls) if c not in other and c not in out]
        kept = "".join(c for c in dict.fromkeys(ls) if c not in alone)
        if alone:  # summed in this operand only: first
            every = kept + "".join(alone)
            partial = whole(
                Buffer(s.dtype, count(tuple(lengths[c] for c in kept))),
                tuple(lengths[c] for c in kept),
            )
            domain = tuple(lengths[c] for c in every)
            axes = frozenset(range(len(kept), len(every)))
            spread = View(partial.buffer, 0, domain, (*partial.strides, *(0 for _ in alone)))
            statement = Statement(
                "copy", [s.indexed(ls, every, lengths)], s.dtype, "add", axes, spread, True
            )
            schedule.state(domain, statement)
            s = partial
        else:
            s = s.indexed(ls, kept, lengths)
        schedule.mark(s)
        views.append(s)
        letters.append(kept)
    target = schedule.buffer(n)
    schedule.sources[n] = target
    step = Product(views[0], views[1], target, (letters[0], letters[1], out), lengths)
    schedule.step(step, [target])
    return True


def _concatenate(schedule: Schedule, n: Node) -> bool:
    """Arrays one after the other: each copied to where it goes."""
    target = schedule.buffer(n)
    schedule.sources[n] = target
    axis = n.params[0] + len(n.type.shape)
    start = 0
    for a in n.args:
        length = a.type.shape[axis]
        view = View(target.buffer, start * target.strides[axis], a.type.shape, target.strides)
        schedule.copy(schedule.sources[a], view)
        start += length
    return True


def _place(schedule: Schedule, n: Node) -> bool:
    """Pieces in zeros; where they overlap they are added up."""
    target = schedule.buffer(n)
    schedule.sources[n] = target
    _, indices = n.params
    parts = [target.part(index) for index in indices]
    hits = np.zeros(target.buffer.size, np.int32) if target.buffer.size <= 1 << 22 else None
    if hits is not None and n.type.ndim == 1 and all(type(i[0]) is int for i in indices):
        np.add.at(hits, [p.offset for p in parts], 1)
    elif hits is not None:
        for p in parts:
            np.lib.stride_tricks.as_strided(
                hits[p.offset :] if count(p.shape) else hits[:0],
                p.shape,
                [s * hits.itemsize for s in p.strides],
            )[...] += 1
    once = hits is not None and int(hits.max(initial=0)) <= 1
    pieces = list(zip(n.args, parts, indices, strict=True))
    after = 0
    if hits is None or not hits.all() or not once:
        pieces.sort(key=lambda piece: -count(piece[1].shape))  # the largest is set, not added
        first, part, index = pieces[0]
        around = _around(target, index) if 2 * count(part.shape) >= target.buffer.size > 64 else None
        if around is None:
            _fill(schedule, target)
        else:
            for slab in around:
                _fill(schedule, slab)
            schedule.copy(schedule.sources[first], part)
            del pieces[0]
        after = _after(schedule, target)
    for a, part, _ in pieces:
        schedule.copy(schedule.sources[a], part, adds=not once, after=after)
        if not once:
            after = schedule.ready[target.buffer]
    return True


def _around(target: View, index: BasicIndex) -> list[View] | None:
    """What a part leaves of an array, in slabs, which may overlap each other but not the part."""
    ndim = len(target.shape)
    slabs = []
    for k, entry in enumerate(index, ndim - len(index)):
        length = target.shape[k]
        start, number, step = (entry % length, 1, 1) if isinstance(entry, int) else entry
        if step != 1:
            return None
        for begin, end in ((0, start), (start + number, length)):
            if begin < end:
                whole_axes = [(0, n, 1) for n in target.shape]
                whole_axes[k] = (begin, end - begin, 1)
                slabs.append(target.part(tuple(whole_axes)))
    return slabs


def _gather(schedule: Schedule, n: Node) -> bool:
    """A read at index arrays."""
    (axes,) = n.params
    x, *indices = (schedule.sources[a] for a in n.args)
    if isinstance(x, Immediate):
        return False
    ndim, spread = len(x.shape), len(n.args[1].type.shape)
    first = axes[0] + ndim
    indexed = [a + ndim for a in axes]
    rest = [k for k in range(ndim) if k not in indexed]
    before = len([k for k in rest if k < first])
    domain = n.type.shape
    strides = [x.strides[k] for k in rest]
    view = View(x.buffer, x.offset, domain, (*strides[:before], *(0,) * spread, *strides[before:]))
    where = tuple(range(before - len(domain), before + spread - len(domain)))
    pairs: list[Any] = [
        (_spread_index(schedule, i, domain, where), x.strides[k], x.shape[k])
        for i, k in zip(indices, indexed, strict=True)
    ]
    schedule.pointwise(n, "copy", [Indirect(view, pairs)])
    return True


def _spread_index(schedule: Schedule, index: Source, domain: Shape, axes: Sequence[int]) -> Source:
    """An index array repeated over a domain."""
    if isinstance(index, Immediate):
        return Immediate(index.value, index.dtype, domain)
    return index.broadcast(domain, axes)


def _scatter(schedule: Schedule, n: Node) -> bool:
    """Zeros, and each piece added at its index arrays."""
    _, axes = n.params
    target = schedule.buffer(n)
    schedule.sources[n] = target
    _fill(schedule, target)
    after = _after(schedule, target)
    ndim = len(target.shape)
    for value, indices, own in split_pieces([schedule.sources[a] for a in n.args], axes):
        spread = len(indices[0].shape)
        indexed = [a + ndim for a in own]
        rest = [k for k in range(ndim) if k not in indexed]
        before = len([k for k in rest if k < indexed[0]])
        domain = value.shape
        strides = [target.strides[k] for k in rest]
        view = View(
            target.buffer, 0, domain, (*strides[:before], *(0,) * spread, *strides[before:])
        )
        where = tuple(range(before - len(domain), before + spread - len(domain)))
        pairs: list[Any] = [
            (_spread_index(schedule, i, domain, where), target.strides[k], target.shape[k])
            for i, k in zip(indices, indexed, strict=True)
        ]
        statement = Statement(
            "copy", [value], target.dtype, target=Indirect(view, pairs), adds=True
        )
        _scattered(schedule, domain, statement, after)
        after = schedule.ready[target.buffer] + 1
    return True


def _scattered(schedule: Schedule, domain: Shape, statement: Statement, after: int) -> None:
    """A nest of its own, whose rounds may meet in one place."""
    for r in (*statement.reads, *(s for s, _, _ in statement.target.indices)):  # type: ignore[union-attr]
        if isinstance(r, View):
            schedule.mark(r)
    assert isinstance(statement.target, Indirect)
    statement.stored = True
    schedule.step(Nest(domain, [statement]), [statement.target.view])


def _take_along(schedule: Schedule, n: Node) -> bool:
    """A read at one index for every place along an axis."""
    (axis,) = n.params
    x, index = (schedule.sources[a] for a in n.args)
    if isinstance(x, Immediate):
        return False
    k = axis + len(x.shape)
    view = View(
        x.buffer, x.offset, n.type.shape,
        tuple(0 if j == k else s for j, s in enumerate(x.strides)),
    )  # fmt: skip
    schedule.pointwise(n, "copy", [Indirect(view, [(index, x.strides[k], x.shape[k])])])
    return True


def _add_along(schedule: Schedule, n: Node) -> bool:
    """Zeros, and values added at one index for every place along an axis."""
    length, axis = n.params
    value, index = (schedule.sources[a] for a in n.args)
    target = schedule.buffer(n)
    schedule.sources[n] = target
    _fill(schedule, target)
    k = axis + len(target.shape)
    view = View(
        target.buffer, 0, value.shape,
        tuple(0 if j == k else s for j, s in enumerate(target.strides)),
    )  # fmt: skip
    if index.shape != value.shape:
        axes = tuple(range(-len(index.shape), 0))
        index = _spread_index(schedule, index, value.shape, axes)
    pairs: list[Any] = [(index, target.strides[k], length)]
    statement = Statement("copy", [value], target.dtype, target=Indirect(view, pairs), adds=True)
    _scattered(schedule, value.shape, statement, 0)
    return True


def _reshape(schedule: Schedule, n: Node) -> bool:
    """A reshape that is no view: a copy, in the order of the argument."""
    source = schedule.sources[n.args[0]]
    target = schedule.buffer(n)
    schedule.sources[n] = target
    schedule.copy(source, View(target.buffer, 0, source.shape, row_major(source.shape)))
    return True


def _scan(schedule: Schedule, n: Node) -> bool:
    """A running reduction."""
    axis, reverse = n.params
    sources = []
    for a in n.args:
        source = schedule.sources[a]
        view = schedule.contiguous(source) if isinstance(source, Immediate) else source
        schedule.mark(view)
        sources.append(view)
    target = schedule.buffer(n)
    schedule.sources[n] = target
    kind = _SCANS[n.op]
    schedule.step(Scan(kind, sources, target, axis + len(target.shape), reverse), [target])
    return True


def _cast(schedule: Schedule, n: Node) -> bool:
    """Another dtype."""
    schedule.pointwise(n, structural.cast, [schedule.sources[n.args[0]]])
    return True


_SCANS: dict[Any, str] = {
    cumulative.cumsum: "add",
    cumulative.cumprod: "multiply",
    cumulative.cummax: "maximum",
    cumulative.cummin: "minimum",
    cumulative.linear_recurrence: "recurrence",
}

#: The kinds that have a rule here.
RULES: Mapping[type, Callable[[Schedule, Node], bool]] = MappingProxyType(
    {
        Einsum: _einsum,
        Loop: lower_loop,
        structural.Concatenate: _concatenate,
        structural.Place: _place,
        structural.Reshape: _reshape,
        structural.Cast: _cast,
        cumulative.CumulativeSum: _scan,
        cumulative.CumulativeProduct: _scan,
        cumulative.CumulativeExtreme: _scan,
        cumulative.LinearRecurrence: _scan,
        Gather: _gather,
        ScatterAdd: _scatter,
        TakeAlong: _take_along,
        AddAlong: _add_along,
    }
)
