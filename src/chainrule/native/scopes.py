"""What the loops of a nest are made of: accesses, what is known inside, sums on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ops.arithmetic import multiply, square
from .plan import Indirect, Statement, View
from .text import Value


@dataclass(eq=False)
class Place:
    """Where an access goes: the strides of a view, by loop."""

    view: View
    strides: list[int]
    depth: int = 0


@dataclass
class Scope:
    """What is known in the loops that are open: values, pointers, and which lanes are in use."""

    values: dict[Any, Value]
    pointers: dict[int, Value]
    width: int = 1
    mask: Value | None = None
    lanes: int = 1

    def inner(self) -> Scope:
        """A scope for the inside of a loop."""
        return Scope(dict(self.values), dict(self.pointers), self.width, self.mask, self.lanes)


@dataclass(eq=False)
class Sink:
    """A reduction on its way: from which loop on it is held in registers."""

    statement: Statement
    axes: frozenset[int]
    start: int
    #: Whether something is in memory already that it is combined with.
    partial: bool
    copies: list[Value] = field(default_factory=list)


def deal(sinks: Sequence[Sink], values: Sequence[Value]) -> None:
    """Give each sink as many values as it has accumulators."""
    supply = iter(values)
    for s in sinks:
        s.copies = [next(supply) for _ in s.copies]


def views_of(s: Statement) -> list[View]:
    """The views of memory that a statement reads and writes."""
    found: list[View] = []
    for r in (*s.reads, s.target):
        if isinstance(r, View):
            if r is not s.target or s.stored or s.reduce:
                found.append(r)
        elif isinstance(r, Indirect):
            found.append(r.view)
            found.extend(i for i, _, _ in r.indices if isinstance(i, View))
    return found


def sums_of_products(statements: Sequence[Statement]) -> dict[Statement, Statement]:
    """For each sum of a product that nothing else reads, the product."""
    reads = Counter(r for s in statements for r in within(s) if isinstance(r, Statement))
    found = {}
    for s in statements:
        m = s.reads[0]
        if (
            s.reduce == "add" and s.op == "copy" and isinstance(m, Statement) and reads[m] == 1
            and not m.stored and m.op in (multiply, square) and m.dtype.kind == "f"
        ):  # fmt: skip
            found[s] = m
    return found


def within(s: Statement) -> Iterator[Any]:
    """What a statement reads, index arrays among it."""
    for r in (*s.reads, s.target):
        if isinstance(r, Indirect):
            yield from (i for i, _, _ in r.indices)
        else:
            yield r
