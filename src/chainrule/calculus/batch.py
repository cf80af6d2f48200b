"""Batching: the same program for a whole axis of examples at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..ir.graph import toposort
from ..ir.node import Node
from ..ir.types import TupleType
from ..ops.structural import broadcast
from ..trace.recording import symbolic
from .pushforward import dressed


def batch(outputs: Sequence[Node], env: Mapping[Node, Node], size: int) -> list[Node]:
    """``outputs``, each with a leading axis of length ``size``.

    ``env`` maps nodes to what they are in the batch, with that axis; all else is shared.
    """
    level = min((n.level for n in env), default=0)
    known: dict[Node, Any] = {n: symbolic(b) for n, b in env.items()}
    for n in toposort(outputs, level):
        if n in known or not any(a in known for a in n.args):
            continue
        batched = [a in known for a in n.args]
        args = [known[a] if b else dressed(a) for a, b in zip(n.args, batched, strict=True)]
        known[n] = n.op.batch(args, batched, size, *n.params, *n.op.handed(batch))
    results = []
    for o in outputs:
        if o in known:
            results.append(known[o].node)
        else:
            assert type(o.type) is not TupleType
            results.append(
                broadcast.bind(
                    (symbolic(o),), (size, *o.type.shape), tuple(range(-o.type.ndim, 0))
                ).node
            )
    return results
