"""What a composition gives: layouts of the results, and the definitions that they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ir.node import Node
from .layout import Kind, Layout, fold


@dataclass(frozen=True)
class Composed:
    """Layouts of the results, and of the intermediates by name, in order of definition."""

    results: tuple[Layout, ...]
    definitions: tuple[tuple[str, Layout], ...]


def reached(
    results: Sequence[Layout], definitions: Sequence[tuple[str, Layout]]
) -> tuple[tuple[str, Layout], ...]:
    """The definitions that the results need, those of others first."""
    known = dict(definitions)
    wanted = list(results)
    seen: set[int] = set()
    needed: set[str] = set()
    while wanted:
        x = wanted.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        wanted.extend(x.children)
        if x.kind is Kind.NAME and x.data in known and x.data not in needed:
            needed.add(x.data)
            wanted.append(known[x.data])
    # They were made arguments before users.
    return tuple((name, x) for name, x in definitions if name in needed)


def inlined(composed: Composed, names: set[str]) -> Composed:
    """The same with those of the ``names`` that are read once put in their place."""
    layouts = [*composed.results, *(x for _, x in composed.definitions)]
    counts = Counter(name for x in layouts for name in _occurrences(x))
    once = {k: x for k, x in composed.definitions if k in names and counts[k] == 1}
    if not once:
        return composed
    placed: dict[str, Layout] = {}

    def put(x: Layout, children: Sequence[Layout]) -> Layout:
        if x.kind is Kind.NAME and x.data in once:
            return placed[x.data]
        same = all(a is b for a, b in zip(children, x.children, strict=True))
        return x if same else replace(x, children=tuple(children))

    definitions = []
    for name, x in composed.definitions:
        whole = fold(x, put)
        if name in once:
            placed[name] = whole
        else:
            definitions.append((name, whole))
    results = tuple(fold(x, put) for x in composed.results)
    return Composed(results, tuple(definitions))


def _occurrences(x: Layout) -> list[str]:
    """The names in a layout, as often as they stand there."""
    found = []
    stack = [x]
    while stack:
        x = stack.pop()
        if x.kind is Kind.NAME:
            found.append(str(x.data))
        stack.extend(x.children)
    return found


def without_notation(n: Node) -> str:
    """Why a formula with ``n`` in it cannot be shown."""
    return f"{n.op.name} has no notation yet, so no formula with it can be shown."
