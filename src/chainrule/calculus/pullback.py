"""Reverse mode: pull cotangents of the outputs back through a graph to its inputs.

The transpose runs node by node: an operation either knows its own pullback, or is linearised on
the spot by its ``jvp`` and that small linear program is transposed. The tangent program of the
whole graph is never built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.collector import at_rest
from ..ir.graph import dependents, toposort
from ..ir.node import ITEM, Node, input_node, node
from ..ir.types import TupleType
from ..ops.rows import kept_apart
from ..trace.recording import symbolic
from .pushforward import dressed, varies


@at_rest
def pullback(
    outputs: Sequence[Node], inputs: Sequence[Node], cotangents: Sequence[Node | None]
) -> list[Node | None]:
    """The cotangent of each input, ``None`` where it is zero by structure.

    The adjoint of :func:`~chainrule.calculus.pushforward.pushforward` under the real inner
    product Re⟨a, b⟩. Cotangents of a node are collected as a list and added once.
    """
    level = min((n.level for n in inputs), default=0)
    order = toposort(outputs, level)
    moving = dependents(order, inputs)
    sources = set(inputs)
    pending: dict[Node, list[Any]] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if cotangent is not None and output in moving:
            pending.setdefault(output, []).append(cotangent)
    found: dict[Node, Node] = {}
    for n in reversed(order):
        incoming = pending.pop(n, None)
        if incoming is None:
            continue
        if n.op is ITEM:
            (whole,) = n.args
            pending.setdefault(whole, []).append((n.params[0], added(incoming)))
            continue
        if n in sources:
            found[n] = added(incoming)
            continue
        wanted = [a in moving and varies(a) for a in n.args]
        for arg, ct in zip(n.args, _pull(n, incoming, wanted), strict=True):
            if ct is not None and arg in moving:
                pending.setdefault(arg, []).append(ct.node)
    return [found.get(n) for n in inputs]


def _pull(n: Node, incoming: list[Any], wanted: list[bool]) -> Sequence[Any]:
    """Cotangents of the arguments of one node."""
    ct: Any
    if type(n.type) is TupleType:
        parts: list[list[Node]] = [[] for _ in n.type.items]
        for index, part in incoming:
            parts[index].append(part)
        ct = tuple(symbolic(added(p)) if p else None for p in parts)
    else:
        ct = symbolic(added(incoming))
    args = [dressed(a) for a in n.args]
    if n.op.pullback is not None:
        params = (*n.params, *n.op.handed(pullback))
        results = n.op.pullback(dressed(n), ct, args, wanted, *params)
        return kept_apart(n, ct if isinstance(ct, tuple) else (ct,), args, results)
    # Linearise this one operation, and transpose that.
    cts = ct if isinstance(ct, tuple) else (ct,)
    level = 1 + max(n.level, *(c.node.level for c in cts if c is not None))
    seeds = [
        input_node(level, ("tangent", i), a.type) if want else None
        for i, (a, want) in enumerate(zip(n.args, wanted, strict=True))
    ]
    tangents = [None if s is None else symbolic(s) for s in seeds]
    out = n.op.jvp(dressed(n), args, tangents, *n.params)
    outs = out if isinstance(out, tuple) else (out,)
    live = [
        (o.node, c.node) for o, c in zip(outs, cts, strict=True) if o is not None and c is not None
    ]
    if not live:
        return [None] * len(n.args)
    linear, weights = zip(*live, strict=True)
    pulled = iter(pullback(linear, [s for s in seeds if s is not None], weights))
    results = [next(pulled) if s is not None else None for s in seeds]
    return kept_apart(n, cts, args, [None if r is None else symbolic(r) for r in results])


def added(terms: list[Node]) -> Node:
    """The sum of cotangents. Pieces placed into zeros become one node, however many."""
    if len(terms) == 1:
        return terms[0]
    placed: dict[Any, list[Node]] = {}
    rest: list[Node] = []
    for term in terms:
        key = term.op.sum_key(*term.params)
        # One with more pieces than elements is done: in a long loop the next would hold all of them.
        if key is None or len(term.args) > max(term.type.size, 8):
            rest.append(term)
        else:
            placed.setdefault((term.op, key, term.type), []).append(term)
    for (op, _, _), group in placed.items():
        rest.append(group[0] if len(group) == 1 else op.sum_of(group))
    total: Any = symbolic(rest[0])
    for term in rest[1:]:
        total = total + symbolic(term)
    result: Node = total.node
    return result


__all__ = ["added", "node", "pullback"]
