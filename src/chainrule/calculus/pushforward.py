"""Forward mode: push tangents of the inputs through a graph to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.collector import at_rest
from ..ir.graph import dependents, toposort
from ..ir.node import Node, item
from ..ir.types import TupleType
from ..trace.recording import SYMBOLIC, symbolic
from ..trace.tracer import Tracer


def dressed(n: Node) -> Any:
    """A node as a rule sees it: a traced array, or a tuple of them."""
    if type(n.type) is TupleType:
        return tuple(symbolic(item(n, k)) for k in range(len(n.type.items)))
    return Tracer(n, SYMBOLIC)  # symbolic(n), which is not worth a call here


@at_rest
def pushforward(
    outputs: Sequence[Node], inputs: Sequence[Node], tangents: Sequence[Node | None]
) -> list[Node | None]:
    """The tangent of each output, ``None`` where it is zero by structure.

    All ``inputs`` are of one trace; whatever does not depend on them is constant.
    """
    level = min((n.level for n in inputs), default=0)
    order = toposort(outputs, level)
    moving = dependents(order, inputs)
    known: dict[Node, Any] = {
        n: None if t is None else symbolic(t) for n, t in zip(inputs, tangents, strict=True)
    }
    for n in order:
        if n not in moving or n in known or not varies(n):
            continue
        incoming = [known.get(a) for a in n.args]
        if any(t is not None for t in incoming):
            params = (*n.params, *n.op.handed(pushforward))
            known[n] = n.op.jvp(dressed(n), [dressed(a) for a in n.args], incoming, *params)
    return [None if (t := known.get(o)) is None else t.node for o in outputs]


def varies(n: Node) -> bool:
    """Whether ``n`` can have a tangent: integers and booleans have none."""
    return type(n.type) is TupleType or n.type.dtype.kind in "fc"
