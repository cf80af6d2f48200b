"""Rules inside the bodies of calls and loops, which are programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ..ir.graph import Graph
from ..ir.node import Node, node
from ..ops.control import call, loop
from .fusing import fused
from .loops import trimmed
from .pattern import Algorithm, algorithm


def inside(rules: Callable[[Sequence[Node]], list[Node]]) -> Algorithm:
    """The rule that brings the body of a call or a loop to normal form by ``rules``, this one too."""
    rewritten = lru_cache(maxsize=256)(lambda body: body.map(fused).map(rules).map(trimmed))

    @algorithm(call, loop)
    def a_body_in_normal_form(n: Node) -> Node | None:
        """What a call or a loop does is rewritten as a program of its own."""
        body: Graph = rewritten(n.params[0])
        return None if body == n.params[0] else node(n.op, n.args, (body, *n.params[1:]))

    return a_body_in_normal_form
