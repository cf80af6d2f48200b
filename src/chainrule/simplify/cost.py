"""The cost that every rule lowers, which is why rewriting ends.

A pair, compared in order: how many numbers are computed, then how many moves and leaves the
expression has. Both are sums over the expression as a *tree*, so a rewrite that lowers the cost
of a part lowers the cost of the whole, whatever is shared.
"""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import NamedTuple

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node
from ..ops.arithmetic import hypot
from ..ops.contraction import einsum, split_subscripts
from ..ops.elementwise import Elementwise
from ..ops.reductions import norm
from ..ops.structural import Structural, broadcast, cast, place, reduce_sum, reshape


class Cost(NamedTuple):
    """Numbers computed; moves and leaves."""

    arithmetic: int
    moves: int


def cost(n: Node) -> Cost:
    """The cost of ``n`` as a tree."""
    known: dict[Node, Cost] = {}
    for m in toposort([n]):
        parts = [known[a] for a in m.args]
        known[m] = Cost(
            _arithmetic(m) + sum(p.arithmetic for p in parts),
            _moves(m) + sum(p.moves for p in parts),
        )
    return known[n]


def _arithmetic(n: Node) -> int:
    """How many numbers the operation computes; arithmetic on literals is done once and is free."""
    if not n.args or all(a.op is CONSTANT for a in n.args):
        return 0
    if n.op is hypot:  # two squares, their sum, its root
        return int(4 * n.type.size)
    if isinstance(n.op, Elementwise) or n.op is cast:
        return int(n.type.size)
    if n.op is einsum:
        inputs, out = split_subscripts(n.params[0])
        lengths = dict(n.params[1])
        for letters, a in zip(inputs, n.args, strict=True):
            lengths.update(zip(letters, a.type.shape, strict=True))
        if len(inputs) == 1 and set(inputs[0]) <= set(out):
            return 0
        return len(inputs) * int(prod(lengths[c] for c in set("".join(inputs))))
    if n.op is reduce_sum:
        return int(n.args[0].type.size)
    if n.op is norm:  # squares, their sum, its root
        return int(2 * n.args[0].type.size + n.type.size)
    if isinstance(n.op, Structural):
        return 0
    return sum(int(a.type.size) for a in n.args)


def _moves(n: Node) -> int:
    if not n.args:
        return 1
    if n.op is broadcast:
        return 2
    if n.op is reduce_sum or n.op is reshape:
        return 8
    # To move fewer axes is less, so what is repeated is moved before it is repeated.
    axes = sum(int(a.type.ndim) for a in n.args)
    # To write to places is more than to read at them.
    return 4 + axes + int(n.op is place or (n.op is einsum and not _in_order(n.params[0])))


def _in_order(subscripts: str) -> bool:
    """Whether indices are named in order of appearance."""
    letters = "".join(dict.fromkeys(c for c in subscripts if c not in ",->"))
    return letters == ascii_letters[: len(letters)]
