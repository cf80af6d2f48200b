"""A function of numbers that computes with traced values from around it, made a closed graph.

Solvers and integrators call a function many times, at numbers of their choosing. It is recorded
once, with those numbers as inputs and all else it reads as operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...ir.graph import Graph, substitute, toposort
from ...ir.node import CONSTANT, Node, input_node
from ..nesting import innermost
from ..tracer import Tracer


@dataclass(frozen=True)
class Closure:
    """What a function computes: ``graph`` of the inputs and of ``operands``, which it reads.

    ``guards`` are the decisions that it took on values which depend on its inputs.
    """

    graph: Graph
    operands: list[Any]
    guards: list[Any]
    inputs: list[Node]

    @property
    def traced(self) -> list[Node]:
        """What the inputs of the graph stand for in the guards."""
        return [*self.inputs, *(x.node for x in self.operands)]

    @property
    def moves(self) -> bool:
        """Whether any operand is a traced value with a derivative."""
        return any(x.node.level and x.node.type.differentiable for x in self.operands)

    def decide(self, trace: Any, actual: Sequence[Any]) -> None:
        """Make the decisions those of ``trace``, taken where the inputs are ``actual``."""
        env = {n: trace.lift(x).node for n, x in zip(self.inputs, actual, strict=True)}
        moved = substitute([g.node for g in self.guards], env)
        trace.guards.extend(replace(g, node=n) for g, n in zip(self.guards, moved, strict=True))


def closed(trace: Any, f: Callable[..., Any], values: Sequence[Any]) -> Closure:
    """``f`` recorded at ``values``: one array, or a tuple of them, as outputs."""
    with trace.opened() as inner:
        inputs = [inner.input(np.asarray(v, float)[()]) for v in values]
        made = f(*inputs)
        results = made if type(made) is tuple else (made,)
        outputs = [inner.lift(lifted(y)).node for y in results]
        guards = list(inner.guards)
    level = inputs[0].node.level
    nodes = [t.node for t in inputs]
    decided = [g.node for g in guards]
    operands = _operands([*outputs, *decided], level)
    variables = [input_node(level, ("operand", k), n.type.strong()) for k, n in enumerate(operands)]
    bound = dict(zip(operands, variables, strict=True))
    graph = Graph((*nodes, *variables), tuple(substitute(outputs, bound)))
    given = [_owned(trace, n) for n in operands]
    return Closure(graph, given, guards, nodes)


def lifted(y: Any) -> Any:
    """What a function of the user's gave, as one array: traced, or an ordinary one."""
    owner = innermost((y,))
    return np.asarray(y) if owner is None else owner.lift(y)


def _operands(outputs: Sequence[Node], level: int) -> list[Node]:
    """What the outputs read that is not of this level, but for numbers that stand there."""
    found: dict[Node, None] = {}
    for n in toposort(outputs, level):
        for a in (*n.args, *((n,) if n.level < level else ())):
            if a.level < level and a.op is not CONSTANT:
                found[a] = None
    for n in outputs:
        if n.level < level and n.op is not CONSTANT:
            found[n] = None
    return list(found)


def _owned(trace: Any, n: Node) -> Any:
    """A node of an outer trace as an array of its trace."""
    while trace.parent is not None and trace.level > n.level:
        trace = trace.parent
    return Tracer(n, trace)


@contextmanager
def unrecorded(trace: Any) -> Iterator[None]:
    """What is recorded inside is forgotten, and so is what the program decided there."""
    kept = []
    at: Any = trace
    while at is not None:
        kept.append((at, len(at.events), len(at.guards), len(at.refusals)))
        at = at.parent
    try:
        yield
    finally:
        for at, events, guards, refusals in kept:
            del at.events[events:], at.guards[guards:], at.refusals[refusals:]


def concrete(trace: Any, f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` as a function of plain numbers: its value, with all that is traced as it stands."""

    def run(*args: Any, **keywords: Any) -> Any:
        with unrecorded(trace):
            return plain(f(*args, **keywords))

    return run


def plain(y: Any) -> Any:
    """The concrete value of anything, traced or not."""
    kind = type(y)
    if kind is tuple or kind is list:
        return kind([plain(v) for v in y])
    owner = innermost((y,))
    if owner is None:
        return y.plain() if hasattr(y, "plain") else y
    t = owner.lift(y)
    return t.recorder.value(t.node)
