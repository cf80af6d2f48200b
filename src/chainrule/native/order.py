"""The order in which nodes are computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..ir.node import CONSTANT, INPUT, Node
from ..ops import structural
from ..ops.elementwise import Elementwise

_MOVES = frozenset(
    {structural.broadcast, structural.transpose, structural.slice_, structural.reshape}
)


def late(order: Sequence[Node]) -> Iterator[Node]:
    """A topological order in which pointwise work on the inputs alone comes when it is needed.

    Done early it would be stored and loaded again: in ``0.9 * m + 0.1 * g`` the first product could
    be made before anything of ``g``, but is then an array of its own.
    """
    light: set[Node] = set()
    for n in order:
        op = n.op
        if op is CONSTANT or (
            (isinstance(op, Elementwise) or op in _MOVES)
            and all(a in light or a.op is INPUT for a in n.args)
        ):
            light.add(n)
    done: set[Node] = set()
    for n in order:
        if n in light:
            continue
        for a in n.args:
            if a in light and a not in done:
                yield from _needed(a, light, done)
        yield n
    for n in order:  # those that are results, and no more than that
        if n in light and n not in done:
            done.add(n)
            yield n


def _needed(n: Node, light: set[Node], done: set[Node]) -> Iterator[Node]:
    """A node after what it is made of, without recursion."""
    stack = [n]
    while stack:
        top = stack[-1]
        missing = [a for a in top.args if a in light and a not in done]
        if missing:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        if top not in done:
            done.add(top)
            yield top
