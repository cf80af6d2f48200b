"""Graphs, and the walks over nodes that everything else is made of. All are iterative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .node import INPUT, Node, input_node, node


def toposort(roots: Iterable[Node], level: int = 0) -> list[Node]:
    """Nodes reachable from ``roots`` of at least ``level``, arguments before users.

    The order depends on the expressions alone, so it is the same in every process.
    """
    done: set[Node] = set()
    order: list[Node] = []
    for root in roots:
        if root in done or root.level < level:
            continue
        stack = [root]
        while stack:
            current = stack[-1]
            if current in done:
                stack.pop()
                continue
            ready = True
            for arg in reversed(current.args):
                if arg not in done and arg.level >= level:
                    stack.append(arg)
                    ready = False
            if ready:
                stack.pop()
                done.add(current)
                order.append(current)
    return order


def rebuild(n: Node, args: tuple[Node, ...]) -> Node:
    """``n`` with other arguments of the same types."""
    return n if args == n.args else node(n.op, args, n.params, n.type)


def substitute(outputs: Sequence[Node], env: Mapping[Node, Node], level: int = 0) -> list[Node]:
    """``outputs`` with nodes replaced as ``env`` says (a node by one of the same type).

    Nodes below ``level`` are left alone.
    """
    done = dict(env)
    for n in toposort(outputs, level):
        if n not in done:
            changed = False
            args = []
            for arg in n.args:
                new = done.get(arg, arg)
                changed = changed or new is not arg
                args.append(new)
            done[n] = node(n.op, tuple(args), n.params, n.type) if changed else n
    return [done.get(o, o) for o in outputs]


def dependents(order: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The nodes of a topological ``order`` that depend on any of ``sources``, these included."""
    found = set(sources)
    for n in order:
        for arg in n.args:
            if arg in found:
                found.add(n)
                break
    return found


def use_counts(order: Iterable[Node]) -> dict[Node, int]:
    """How often each node is read by the others."""
    counts: dict[Node, int] = {}
    for n in order:
        for arg in n.args:
            counts[arg] = counts.get(arg, 0) + 1
    return counts


@dataclass(frozen=True, repr=False)
class Graph:
    """A function as data: ``outputs`` as expressions of ``inputs``.

    Every input that the outputs need must be among ``inputs``. Names and source lines are not
    here but with the trace. Nodes are interned, so graphs are equal exactly when their inputs and
    outputs are, and a graph may be a parameter of a node: the body of a call or a loop.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]

    @cached_property
    def order(self) -> list[Node]:
        """All nodes, arguments before users."""
        return toposort(self.outputs)

    def map(self, function: Callable[[Sequence[Node]], Sequence[Node]]) -> Graph:
        """The graph with its outputs rewritten."""
        return Graph(self.inputs, tuple(function(self.outputs)))

    def closed(self) -> Graph:
        """The same function with inputs known by position alone.

        Functions that do the same are then one graph, whatever their inputs were called. Whoever
        makes a body lifts what it captures to inputs of its own first: a graph that reads any
        other input is refused.
        """
        bound = tuple(input_node(1, ("bound", k), n.type) for k, n in enumerate(self.inputs))
        if bound == self.inputs:
            graph = self
        else:
            env = dict(zip(self.inputs, bound, strict=True))
            graph = Graph(bound, tuple(substitute(self.outputs, env)))
        for n in graph.order:
            if n.op is INPUT and n not in bound:
                raise LookupError(f"a body reads what is not an input of it: {n!r}")
        return graph

    def __repr__(self) -> str:
        inputs, outputs = (", ".join(str(n.type) for n in ns) for ns in (self.inputs, self.outputs))
        return f"<graph ({inputs}) → ({outputs})>"

    def __str__(self) -> str:
        bodies: dict[Graph, str] = {}  # the graphs that nodes hold, each printed once, below
        blocks = [_text(self, bodies)]
        while len(blocks) <= len(bodies):
            body, name = list(bodies.items())[len(blocks) - 1]
            blocks.append(f"{name}: {_text(body, bodies)}")
        return "\n".join(blocks)

    def __reduce__(self) -> Any:
        """A flat list, so that pickling does not recurse through a deep graph."""
        order = list(dict.fromkeys([*self.inputs, *self.order]))
        index = {n: k for k, n in enumerate(order)}
        flat = [(n.op, tuple(index[a] for a in n.args), n.params, n.type, n.level) for n in order]
        return _unflatten, (flat, [index[n] for n in self.inputs], [index[n] for n in self.outputs])


def _text(graph: Graph, bodies: dict[Graph, str]) -> str:
    """The lines of one graph. The graphs that its nodes hold are named in ``bodies``."""
    names = {n: f"%{k}" for k, n in enumerate(dict.fromkeys([*graph.inputs, *graph.order]))}
    lines = [f"inputs {', '.join(f'{names[n]}: {n.type}' for n in graph.inputs)}"]
    given = set(graph.inputs)
    for n in graph.order:
        if n not in given:
            words = [names[a] for a in n.args]
            for p in n.params:
                word = bodies.setdefault(p, f"@{len(bodies)}") if type(p) is Graph else repr(p)
                words.append(word)
            lines.append(f"  {names[n]} = {n.op.name}({', '.join(words)}): {n.type}")
    lines.append(f"return {', '.join(names[n] for n in graph.outputs)}")
    return "\n".join(lines)


def _unflatten(flat: list[Any], inputs: list[int], outputs: list[int]) -> Graph:
    nodes: list[Node] = []
    for op, args, params, type, level in flat:
        made = node(op, tuple(nodes[k] for k in args), params, type)
        made.level = level
        nodes.append(made)
    return Graph(tuple(nodes[k] for k in inputs), tuple(nodes[k] for k in outputs))
