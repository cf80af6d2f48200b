"""A rule traced once for given types, and from then on copied node by node.

Running a rule on traced arrays goes through NumPy's dispatch for every operation. For one that
only depends on the types of its arguments the nodes come out the same each time, so they are
kept as a list and made anew from that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ir.graph import toposort
from ..ir.node import Node, input_node, node


class Template:
    """The nodes that ``rule`` records on arguments like ``args``. It is false if there are none."""

    def __init__(self, rule: Callable[..., Any], args: Sequence[Any]) -> None:
        variables = [input_node(0, ("template", k), a.node.type) for k, a in enumerate(args)]
        result = getattr(rule(*[args[0].wrap(v) for v in variables]), "node", None)
        self._steps: list[tuple[Any, tuple[int, ...], Any, Any]] = []
        #: Nodes that stand in the rule itself: its literals.
        self._fixed: list[Node] = []
        self._result = -1
        if result is None:
            return
        parts = [n for n in toposort([result]) if n not in variables]
        self._fixed = [n for n in parts if not n.args]
        place = {n: k for k, n in enumerate([*variables, *self._fixed])}
        for n in parts:
            if n.args:
                place[n] = len(place)
                step = (n.op, tuple([place[a] for a in n.args]), n.params, n.type)
                self._steps.append(step)
        self._result = place[result]

    def __bool__(self) -> bool:
        return self._result >= 0

    def __call__(self, args: Sequence[Any]) -> Any:
        """What the rule records on ``args``."""
        made = [a.node for a in args]
        made += self._fixed
        for op, places, params, t in self._steps:
            made.append(node(op, tuple([made[k] for k in places]), params, t))
        return args[0].wrap(made[self._result])
