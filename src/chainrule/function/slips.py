"""Slips of the pen: which change of the program makes the wrong derivative come out.

A derivative by hand usually goes wrong in one place: a term is left out, a factor forgotten, a sign
turned. So the program, and its derivative, are spoiled in one place after the other, and where the
outcome is the derivative that was given, that place is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.jacobian import ones
from ..calculus.pullback import pullback
from ..errors import Site
from ..ir.graph import substitute, toposort
from ..ir.node import Node
from ..ops import arithmetic as ar
from ..ops.structural import broadcast, cast, reshape
from ..trace.recording import Trace, tracing
from ..trace.site import Mark, expression_of, site_of
from .engine import record_outputs
from .locate import nearest, values_of
from .subject import Subject, surroundings

#: Operations that are spoiled at most; each takes about a millisecond.
MOST = 200


@dataclass(frozen=True)
class Slip:
    """What was probably done, in words, and where in the program of the function."""

    text: str
    site: Site | None


def find_slip(subject: Subject, leaf: int, yours: np.ndarray, close: float) -> Slip | None:
    """The slip that turns the gradient by one argument into ``yours``."""
    if not np.isfinite(yours).all():
        return None
    with tracing() as trace:
        traced = [trace.input(x) for x in subject.leaves]
        outputs, _ = record_outputs(trace, subject(*traced))
    inputs = [x.node for x in traced]
    bindings = {**trace.sources, **trace.root.captured}
    marks: dict[Node, Mark | None] = {}
    for n, mark in trace.events:
        marks.setdefault(n, mark)

    def gradient(output: Node) -> Node | None:
        return pullback([output], [inputs[leaf]], [ones(output.type)])[0]

    whole = gradient(outputs[0])
    if outputs[0].type.shape or whole is None:
        return None

    def same(n: Node | None) -> bool:
        if n is None:
            found: Any = np.zeros(yours.shape)
        else:
            found = np.asarray(values_of([n], bindings)[n])
        found = found[subject.index(leaf)]
        top = float(np.max(np.abs(yours), initial=0.0))
        with np.errstate(invalid="ignore"):
            return found.shape == yours.shape and bool(np.all(np.abs(found - yours) <= close * top))

    known = {**dict(zip(inputs, subject.names, strict=True)), **_outside(subject, trace)}
    spoiled = [(n, c, outputs[0]) for n, c in _changes(outputs, trace.level)]
    spoiled += [(n, c, whole) for n, c in _changes([whole], trace.level)]
    # A term is forgotten more often than a factor, and a term of the function is the plainer word.
    for n, change, root in sorted(spoiled, key=lambda s: _ORDER.index(s[1].slip)):
        (result,) = substitute([root], {n: change.node})
        if same(result if root is whole else gradient(result)):
            return _told(n, change, marks, known)
    return None


def _outside(subject: Subject, trace: Trace) -> dict[Node, str]:
    """The names of what the function takes from its surroundings."""
    outside = surroundings(subject.f)
    found = {}
    for n, array in trace.root.captured.items():
        name = next((name for name, value in outside if _same(value, array)), None)
        if name is not None:
            found[n] = name
    return found


def _same(value: Any, array: np.ndarray) -> bool:
    """Whether a trace holds this array, or a copy or view of it."""
    return type(value) is np.ndarray and value.shape == array.shape and np.array_equal(value, array)


_ORDER = ("a missing term", "a sign", "a missing factor", "a missing divisor", "a missing function")
#: What only moves or repeats an array leaves it under its name.
_SAME = (broadcast, cast, reshape)


@dataclass(frozen=True)
class _Change:
    """Another node in the place of one: what is left when ``part`` is dropped or turned."""

    node: Node
    slip: str
    part: Node


def _changes(roots: Sequence[Node], level: int) -> Iterator[tuple[Node, _Change]]:
    """Everything that may have been forgotten or turned, for each operation."""
    for n in [m for m in toposort(roots) if m.level >= level][-MOST:]:
        for change in _changes_of(n):
            if change.node.type.shape == n.type.shape and change.node.type.dtype == n.type.dtype:
                yield n, change


def _changes_of(n: Node) -> Iterator[_Change]:
    op = n.op
    if op in (ar.add, ar.subtract):
        a, b = n.args
        yield _Change(a, "a missing term", b)
        yield _Change(b if op is ar.add else ar.negative.build((b,)), "a missing term", a)
        turned = ar.subtract if op is ar.add else ar.add
        yield _Change(turned.build((a, b)), "a sign", b)
        if op is ar.add:
            yield _Change(ar.subtract.build((b, a)), "a sign", a)
    elif op is ar.multiply:
        a, b = n.args
        yield _Change(a, "a missing factor", b)
        yield _Change(b, "a missing factor", a)
    elif op is ar.divide:
        yield _Change(n.args[0], "a missing divisor", n.args[1])
    elif op is ar.negative:
        yield _Change(n.args[0], "a sign", n.args[0])
    elif len(n.args) == 1 and n.type == n.args[0].type:
        yield _Change(n.args[0], "a missing function", n)


def _told(
    n: Node,
    change: _Change,
    marks: Mapping[Node, Mark | None],
    known: Mapping[Node, str],
) -> Slip:
    """The slip in the words of the user's program."""
    part = change.part
    while part.op in _SAME and part not in marks:
        (part,) = part.args
    near = nearest(part, marks)
    where = near if near is not None else nearest(n, marks)
    mark = None if where is None else marks[where]
    if part in known:
        name: str | None = known[part]
    elif part in marks:
        name = expression_of(marks[part])
    else:
        name = expression_of(mark)
        name = None if name is None else f"the one from {name}"
    text = change.slip if name is None else f"{change.slip}: {name}"
    how = "with its sign turned" if change.slip == "a sign" else "without it"
    return Slip(f"{text}; {how}, yours comes out", site_of(mark))
