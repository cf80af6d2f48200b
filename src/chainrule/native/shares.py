"""Shares: which steps several threads do together, and what each part of them has of its own.

The blocks of a strip are independent but for what is added up along it. They are dealt out in a
number of parts that does not depend on who does them; each part adds up in sums of its own, from
the neutral element on, and these are put together in order. So results are the same at every call.
A large nest or product becomes a strip for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .axes import work_of
from .memory import ALIGNMENT, touched
from .plan import Buffer, Indirect, Nest, Product, Share, Step, Strip, View, count, whole
from .product import is_for_blas, shape_of
from .strips import divided
from .text import Machine

#: From how many simple operations on a step is worth the time that a thread takes to wake up.
_WORTH = 1 << 20

#: Into how many parts a strip is dealt, if it has as many blocks and not many more threads come.
_PARTS = 16

#: Threads at most.
_MOST = 64

#: Bytes that the sums of all parts may take.
_SUMS = 1 << 26


def shared(steps: Sequence[Step], machine: Machine, threads: int) -> list[Step]:
    """The steps, the large ones as strips that are shared by ``threads``."""
    threads = min(threads, _MOST)
    found: list[Step] = []
    for step in steps:
        made = _divided(step, machine, threads)
        strip = made[-1]
        if isinstance(strip, Strip):
            strip.share = _share(strip, threads)
            if strip.share is not None:
                share = strip.share
                strip.arena.size = share.arena * share.threads + share.nbytes * share.parts
                found.extend(made)
                continue
        found.append(step)
    return found


def _divided(step: Step, machine: Machine, threads: int) -> list[Step]:
    """A large step as a strip, after what must be in place before it."""
    axis: Any = None
    parts = max(_PARTS, 4 * threads)
    if not isinstance(step, Nest | Product) or _work(step) < _WORTH:
        return [step]
    if isinstance(step, Nest):
        axis = _longest(step, parts)
        lengths: Any = step.domain
    elif not is_for_blas(shape_of(step)):
        names = [c for c in step.letters[2] if step.lengths[c] >= parts]
        names = names or [c for c in step.letters[0] if step.lengths[c] >= 8 * parts]
        axis = max(names, key=lambda c: step.lengths[c], default=None)
        lengths = step.lengths
    if axis is None:
        return [step]
    size = lengths[axis]
    length = -(-size // parts)
    if length > 64:  # whole vectors
        length = -(-length // 64) * 64
    return divided(step, axis, size, length, machine)


def _longest(nest: Nest, parts: int) -> int | None:
    """The axis to divide: the outermost that is long, rather one that nothing is added up along."""
    last = len(nest.domain) - 1
    long = [k for k, n in enumerate(nest.domain) if n >= (64 * parts if k == last else parts)]
    added = {a for s in nest.statements for a in s.axes if s.reduce}
    return next((k for k in long if k not in added), long[0] if long else None)


def _work(step: Step) -> float:
    """How much computing a step is, in simple operations."""
    if isinstance(step, Nest):
        return count(step.domain) * sum(work_of(s) for s in step.statements)
    if isinstance(step, Product):
        names = set("".join(step.letters))
        return float(count(tuple(step.lengths[c] for c in names)))
    if isinstance(step, Strip):
        return step.trips * sum(map(_work, step.steps)) + sum(map(_work, step.rest))
    return 0.0


# -- what a strip writes -----------------------------------------------------------------------


@dataclass(eq=False)
class _Use:
    """A view that a step within a strip reads or writes; ``kind`` is how it adds to it."""

    view: View
    writes: bool
    kind: str = ""
    indirect: bool = False


def _share(strip: Strip, threads: int) -> Share | None:
    """How to share a strip; nothing if that is not worth while, or its blocks are not independent."""
    work = _work(strip)
    if work < _WORTH or strip.trips < 2:
        return None
    moved = dict(strip.moved)
    nested = dict(_nested([*strip.steps, *strip.rest]))
    sums: dict[Any, tuple[Buffer, set[str]]] = {}
    written: set[Any] = set()
    read: set[Any] = set()
    for use in _uses([*strip.steps, *strip.rest]):
        b = use.view.buffer
        along: int | None = None
        while b.place == "block":
            assert b.base is not None
            along = moved.get(b, along)
            b = b.base
        if b.place == "part":
            continue
        if not use.writes:
            if along is None:
                read.add(_identity(b))
        elif along is not None:
            if use.indirect or not _apart(use.view, strip, nested):
                return None
            written.add(_identity(b))
        elif use.kind:
            sums.setdefault(_identity(b), (b, set()))[1].add(use.kind)
        else:
            return None
    if written & read or sums.keys() & (written | read):
        return None
    if any(len(kinds) > 1 for _, kinds in sums.values()):
        return None
    placed = []
    nbytes = elements = 0
    for b, (kind,) in sums.values():
        placed.append((b, kind, nbytes))
        nbytes += -(-b.nbytes // ALIGNMENT) * ALIGNMENT
        elements += b.size
    parts = min(strip.trips, max(_PARTS, 4 * threads))
    if nbytes:
        parts = min(parts, int(work / (12 * elements)), _SUMS // nbytes)
    if parts < 2:
        return None
    return Share(min(threads, parts), parts, strip.arena.size, placed, nbytes)


def _identity(b: Buffer) -> Any:
    """What is the same for all that stands for the same memory."""
    return (b.place, b.index) if b.place in ("input", "output") else b


def _uses(steps: Sequence[Step]) -> Iterator[_Use]:
    """What the steps within a strip read and write, those in strips of their own too."""
    for step in steps:
        if isinstance(step, Nest):
            for s in step.statements:
                for r in s.reads:
                    yield from _of_read(r)
                t = s.target
                kind = (s.reduce or "add") if s.adds else ""
                if isinstance(t, Indirect):
                    yield _Use(t.view, True, kind, indirect=True)
                    for i, _, _ in t.indices:
                        yield from _of_read(i)
                elif t is not None and (s.stored or s.reduce):
                    yield _Use(t, True, kind)
        elif isinstance(step, Product):
            yield from (_Use(v, False) for v in (step.left, step.right))
            yield _Use(step.target, True, "add" if step.adds else "")
        elif isinstance(step, Strip):
            yield from _uses([*step.steps, *step.rest])
        else:  # not known to be independent
            yield from (_Use(whole(b, (b.size,)), True) for b in touched(step))


def _nested(steps: Sequence[Step]) -> Iterator[tuple[Buffer, tuple[int, int]]]:
    """What moves in strips within: over how many places at least, and how far with each."""
    for step in steps:
        if isinstance(step, Strip):
            for alias, stride in step.moved:
                yield alias, (step.trips * step.length, stride)
            yield from _nested([*step.steps, *step.rest])


def _of_read(r: Any) -> Iterator[_Use]:
    if isinstance(r, View):
        yield _Use(r, False)
    elif isinstance(r, Indirect):
        yield _Use(r.view, False)
        for i, _, _ in r.indices:
            yield from _of_read(i)


def _apart(v: View, strip: Strip, nested: Mapping[Buffer, tuple[int, int]]) -> bool:
    """Whether what is written at one place along the strip is written at no other."""
    strides = dict(strip.moved)
    steps = [(n, abs(s)) for n, s in zip(v.shape, v.strides, strict=True) if s and n > 1]
    b = v.buffer
    along = 0
    while b.place == "block" and b.base is not None:
        if b in strides:
            along = strides[b]
        else:
            steps.append(nested[b])
        b = b.base
    own = next((x for x in steps if x[1] == along and x[0] <= strip.length), None)
    if own is not None:
        steps.remove(own)
    steps.append((strip.trips * strip.length, along))
    reach = 0
    for n, s in sorted(steps, key=lambda x: x[1]):
        if s <= reach:
            return False
        reach += (n - 1) * s
    return True
