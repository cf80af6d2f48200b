"""The engine: rules applied bottom-up to a fixed point, each node once.

Nodes are interned, so a node's normal form is found once and shared. The walk is iterative, and
the rules that can apply at a node are found by its operation and those of its arguments; it
ends because every rule lowers the cost of :mod:`chainrule.simplify.cost`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from ..ir.collector import at_rest
from ..ir.node import Node, node
from ..ir.primitive import Primitive
from ..ops.structural import broadcast
from .pattern import AnyRule, Step, by_root


class Rules:
    """Rules indexed for lookup. Earlier ones are tried first among those that can apply."""

    def __init__(self, rules: Iterable[AnyRule]) -> None:
        self.rules = tuple(rules)

    @cached_property
    def _table(self) -> dict[Primitive, Step]:
        # Made at first use: compiling the rules is a good part of the time to import.
        return {op: _dispatcher(group) for op, group in by_root(self.rules).items()}

    def simplifier(self, level: int = 0) -> Simplifier:
        """Something that rewrites nodes of ``level`` and above, and remembers what it rewrote."""
        return Simplifier(self._table, level)

    def __call__(self, outputs: Sequence[Node], level: int = 0) -> list[Node]:
        """``outputs`` in normal form; nodes below ``level`` are left alone."""
        return self.simplifier(level)(outputs)


def _dispatcher(rules: Sequence[AnyRule]) -> Step:
    """One function for all rules of an operation, with the applicable ones found by look-up."""
    #: For an argument's place: what its operation, inside broadcasts, lets be tried.
    keyed: dict[int, dict[Primitive, list[Step]]] = {}
    others: tuple[list[Step], list[Step]] = ([], [])
    for rule in rules:
        for place, heads, step in rule.matchers():
            for head in heads:
                keyed.setdefault(place, {}).setdefault(head, []).append(step)
            if not heads:
                others[1].append(step)
                if not rule.of_arrays:
                    others[0].append(step)
    tables = sorted(keyed.items())
    of_scalars, of_arrays = map(tuple, others)

    def rewrite(n: Node) -> Node | None:
        for place, table in tables:
            arg = n.args[place]
            while arg.op is broadcast:
                (arg,) = arg.args
            for step in table.get(arg.op, ()):
                found = step(n)
                if found is not None and found is not n:
                    return found
        for step in of_arrays if getattr(n.type, "shape", True) else of_scalars:
            found = step(n)
            if found is not None and found is not n:
                return found
        return None

    return rewrite


class Simplifier:
    """Rewrites nodes; a second call goes on from what the first has found."""

    def __init__(self, table: dict[Primitive, Step], level: int) -> None:
        self._table = table
        self._level = level
        #: Each node met, and its normal form; a normal form maps to itself.
        self._done: dict[Node, Node] = {}

    @at_rest
    def __call__(self, outputs: Sequence[Node]) -> list[Node]:
        """``outputs`` in normal form."""
        done = self._done
        #: Nodes whose rewritten form is being rewritten itself.
        waiting: dict[Node, tuple[Node, Node]] = {}
        stack = list(outputs)
        while stack:
            n = stack[-1]
            if n in done:
                stack.pop()
                continue
            if waiting and n in waiting:
                rebuilt, rewritten = waiting.pop(n)
                done[n] = done[rebuilt] = done[rewritten]
                continue
            if n.level < self._level:
                done[n] = n
                continue
            ready = same = True
            for arg in n.args:
                normal = done.get(arg)
                if normal is None:
                    stack.append(arg)
                    ready = False
                elif normal is not arg:
                    same = False
            if not ready:
                continue
            rebuilt = n if same else node(n.op, tuple([done[a] for a in n.args]), n.params, n.type)
            goal = self._goal(rebuilt)
            if goal in done:
                done[n] = done[rebuilt] = done[goal]
            elif goal is rebuilt:
                done[n] = done[rebuilt] = rebuilt
            elif goal in waiting:
                raise AssertionError(f"rules undo each other at {rebuilt!r}")
            else:
                waiting[n] = (rebuilt, goal)
                stack.append(goal)
        return [done[o] for o in outputs]

    def _goal(self, n: Node) -> Node:
        """What ``n``, whose arguments are in normal form, is rewritten to: itself, if nothing."""
        rewrite = self._table.get(n.op)
        if rewrite is None or n in self._done:
            return n
        found = rewrite(n)
        return n if found is None else found
