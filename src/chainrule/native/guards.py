"""Sums of ``where(mask, x, 0)`` over places of which the mask chooses few.

The gradient of a least distance adds up, for each centre, the few points that are nearest to it. If
the mask is known at each place before anything else is read there, and there is something to do at a
place, the places come one by one and those left out cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.elementwise import where
from .plan import Buffer, Immediate, Indirect, Nest, Repeat, Statement, Step, Strip, View, count
from .strips import reset

#: So few places are not worth a test; and so little to do at a place is done sooner than tested.
_PLACES, _WORK = 16, 8


def guarded(steps: Sequence[Step]) -> list[Step]:
    """The same steps, such sums with a test at each place."""
    made: list[Step] = []
    left = list(reversed(steps))
    while left:
        step = left.pop()
        if isinstance(step, Strip | Repeat):
            step.steps = guarded(step.steps)
        if isinstance(step, Strip):
            step.rest = guarded(step.rest)
        axes = _axes(step) if isinstance(step, Nest) else None
        if axes is None:
            made.append(step)
            continue
        assert isinstance(step, Nest)
        nests = [step]
        while left and _goes_along(step, left[-1]):
            nests.append(left.pop())  # type: ignore[arg-type]
        made += [reset(step, s) for s in step.statements if s.reduce and not s.adds]
        made.append(_strip(nests, axes))
    return made


def _axes(nest: Nest) -> list[int] | None:
    """The axes of the mask of a nest, last the one along which it is tested, if that is worth it."""
    mask = _mask(nest)
    if mask is None:
        return None
    along = [k for k, stride in enumerate(mask.strides) if stride and nest.domain[k] > 1]
    reduced = [k for k in along if all(k in s.axes for s in nest.statements if s.reduce)]
    if not reduced:
        return None
    axis = min(reduced, key=lambda k: mask.strides[k])
    places = count(tuple(nest.domain[k] for k in along))
    if nest.domain[axis] < _PLACES or count(nest.domain) < _WORK * places:
        return None
    return [*(k for k in along if k != axis), axis]


def _goes_along(first: Nest, step: Step) -> bool:
    """Whether a step is for the places of the same mask, and only adds to what there is.

    What it would set first might lie where the one before reads.
    """
    if not isinstance(step, Nest) or step.domain != first.domain or _mask(step) != _mask(first):
        return False
    sums = [s for s in step.statements if s.reduce]
    return _axes(step) == _axes(first) and all(s.adds for s in sums)


def _strip(nests: list[Nest], axes: Sequence[int]) -> Strip:
    """Nests along some axes, one place each: the last one where their mask is true."""
    axis, *more = axes
    place = _Place(axis, chosen=not more)
    guard = None if more else _mask(nests[0])
    trips = nests[0].domain[axis]
    inner = [place.nest(n) for n in nests]
    steps: list[Step] = [_strip(inner, more)] if more else [*inner]
    arena = Buffer(np.dtype(np.int8), 0)
    return Strip(trips, 1, steps, [], list(place.moved.values()), arena, guard=guard)


def _mask(nest: Nest) -> View | None:
    """The condition without which all that a nest does is to add 0."""
    mask: View | None = None
    for s in nest.statements:
        if not s.reduce:
            if s.stored:
                return None
            continue
        chosen = _chosen(s)
        condition = None if chosen is None else chosen.reads[0]
        if s.reduce != "add" or not isinstance(condition, View) or condition.dtype != np.bool_:
            return None
        if mask is not None and mask != condition:
            return None
        mask = condition
    return mask


def _chosen(s: Statement) -> Statement | None:
    """The ``where(…, x, 0)`` that a statement adds up."""
    if s.op == "copy" and isinstance(s.reads[0], Statement):
        s = s.reads[0]
    if s.op is not where:
        return None
    other = s.reads[2]
    return s if isinstance(other, Immediate) and other.value == 0 else None


class _Place:
    """What nests are at one place along an axis; there, if it is ``chosen``, their mask is true."""

    def __init__(self, axis: int, *, chosen: bool) -> None:
        self.axis = axis
        self.chosen = chosen
        #: What stands for each array at a place, and how far it is to the next.
        self.moved: dict[tuple[Buffer, int], tuple[Buffer, int]] = {}

    def nest(self, nest: Nest) -> Nest:
        """A nest at one place."""
        domain = (*nest.domain[: self.axis], 1, *nest.domain[self.axis + 1 :])
        copies: dict[Statement, Statement] = {}

        def seen(r: Any) -> Any:
            if isinstance(r, Statement):
                return copies[r]
            if isinstance(r, Immediate):
                return r._replace(shape=domain)
            if isinstance(r, Indirect):
                return Indirect(seen(r.view), [(seen(s), t, n) for s, t, n in r.indices])
            stride = r.strides[self.axis]
            if not stride:
                return r._replace(shape=domain)
            b = r.buffer
            if (b, stride) not in self.moved:
                self.moved[b, stride] = Buffer(b.dtype, b.size, "block", base=b), stride
            return View(self.moved[b, stride][0], r.offset, domain, r.strides)

        wheres = [_chosen(s) for s in nest.statements if s.reduce and self.chosen]
        for s in nest.statements:
            op, reads = ("copy", s.reads[1:2]) if s in wheres else (s.op, s.reads)
            copies[s] = replace(
                s, op=op, reads=[seen(r) for r in reads],
                target=seen(s.target) if s.reduce else None, adds=bool(s.reduce),
            )  # fmt: skip
        return Nest(domain, list(copies.values()))
