"""What a composition gives: layouts of the results, and the definitions that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .layout import Kind, Layout


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
