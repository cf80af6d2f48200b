"""Rewrite a graph for code generation: only operations that have loops of their own are left.

Soft maxima, lengths and contractions of many operands become the simpler operations that they are
made of, in the stable form that their reference has; calls are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Graph, substitute, toposort
from ..ir.node import ITEM, Node, node
from ..ops import reductions, softmax
from ..ops.arithmetic import divide, negative
from ..ops.contraction import Einsum, einsum, split_subscripts
from ..ops.control import call
from ..ops.elementwise import where
from ..ops.reductions import spread
from ..ops.structural import broadcast, cast, reduce_sum
from ..trace.recording import symbolic


def prepared(graph: Graph, check: Node | None) -> tuple[list[Node], Node | None]:
    """The outputs, and the check, in operations that are lowered as they are."""
    roots = [*graph.outputs, *([] if check is None else [check])]
    order = graph.order if check is None else toposort(roots)
    operations = {n.op for n in order}
    if call in operations:
        roots = _without_calls(roots)
        order = toposort(roots)
        operations = {n.op for n in order}
    if operations.isdisjoint(_RULES):
        return (roots, None) if check is None else (roots[:-1], roots[-1])
    done: dict[Node, Node] = {}
    for n in order:
        args = tuple([done[a] for a in n.args])
        rule = _RULES.get(n.op)
        new = n if args == n.args else node(n.op, args, n.params, n.type)
        if rule is not None:
            new = rule(new) or new
        done[n] = new
    new_roots = [done[r] for r in roots]
    return (new_roots, None) if check is None else (new_roots[:-1], new_roots[-1])


def _without_calls(roots: Sequence[Node]) -> list[Node]:
    """Calls written out, those in bodies of calls too."""
    done: dict[Node, Node] = {}
    results: dict[Node, list[Node]] = {}
    for n in toposort(roots):
        args = tuple(done[a] for a in n.args if a in done)
        if n.op is call:
            (body,) = n.params
            inside = _without_calls(body.outputs)
            results[n] = substitute(inside, dict(zip(body.inputs, args, strict=True)))
        elif n.op is ITEM and n.args[0] in results:
            done[n] = results[n.args[0]][n.params[0]]
        else:
            done[n] = n if args == n.args else node(n.op, args, n.params, n.type)
    return [done[r] for r in roots]


def _written(f: Callable[..., Any]) -> Callable[[Node], Node | None]:
    """A rule written in NumPy, on real arguments."""

    def rule(n: Node) -> Node | None:
        if any(a.type.dtype.kind != "f" for a in n.args):
            return None
        made: Node = f(*[symbolic(a) for a in n.args], *n.params).node
        return made if made.type == n.type else None

    return rule


def _logsumexp(x: Any, axes: tuple[int, ...]) -> Any:
    top = reductions.reduce_max(x, axes)
    is_top = x == spread(top, x, axes)
    rest = np.where(is_top, x.dtype.type(0), np.exp(x - spread(top, x, axes)))
    ties = reduce_sum(is_top.astype(x.dtype), axes)
    return top + (np.log1p(reduce_sum(rest, axes) / ties) + np.log(ties))


def _weight(x: Any) -> Any:
    """``exp(x)``, and 0 where it counts for nothing beside 1.

    Numbers so small are denormal, or become so when they are multiplied on, and processors take
    a hundred times as long for these.
    """
    least = np.log(1e-290) if x.dtype.itemsize == 8 else np.log(1e-30)
    return np.where(x < x.dtype.type(least), x.dtype.type(0), np.exp(x))


def _softmax(x: Any, axes: tuple[int, ...]) -> Any:
    weights = _weight(x - spread(reductions.reduce_max(x, axes), x, axes))
    return weights / spread(reduce_sum(weights, axes), x, axes)


def _shares(x: Any, axes: tuple[int, ...]) -> Any:
    top = spread(reductions.reduce_max(x, axes), x, axes)
    weights = np.where(x == top, x.dtype.type(1), _weight(x - top))
    return weights / spread(reduce_sum(weights, axes), x, axes)


def _log_softmax(x: Any, axes: tuple[int, ...]) -> Any:
    top = reductions.reduce_max(x, axes)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    shifted = x - spread(top, x, axes)
    return shifted - spread(np.log(reduce_sum(np.exp(shifted), axes)), x, axes)


def _norm(x: Any, axes: tuple[int, ...], ord: float) -> Any:
    if ord == 2:
        return np.sqrt(reduce_sum(x * x, axes))
    return reduce_sum(np.abs(x) ** x.dtype.type(ord), axes) ** x.dtype.type(1 / ord)


def _binary(n: Node) -> Node | None:
    """A contraction of many operands as contractions of two, in the cheapest order."""
    inputs, out = split_subscripts(n.params[0])
    if len(inputs) < 3 or len(set(out)) < len(out):
        return None
    lengths: dict[str, int] = {}
    for letters, a in zip(inputs, n.args, strict=True):
        lengths.update(zip(letters, a.type.shape, strict=True))
    if any(c not in lengths for c in out) or set("".join(inputs)) == set(out):
        return None
    import opt_einsum

    shapes = [a.type.shape for a in n.args]
    path, _ = opt_einsum.contract_path(
        f"{','.join(inputs)}->{out}", *shapes, shapes=True, optimize="auto"
    )
    work = list(zip(inputs, n.args, strict=True))
    for chosen in path:
        picked = [work.pop(k) for k in sorted(chosen, reverse=True)]
        needed = set(out).union(*(s for s, _ in work))
        letters = "".join(dict.fromkeys(c for s, _ in picked for c in s if c in needed))
        letters = letters if work else out
        made = node(
            einsum,
            tuple(a for _, a in picked),
            (f"{','.join(s for s, _ in picked)}->{letters}", ()),
        )
        work.append((letters, made))
    return work[0][1]


def _sum(n: Node) -> Node | None:
    """A sum of negatives is the negative of the sum, to the bit."""
    (a,) = n.args
    if a.op is not negative or n.type.dtype != a.type.dtype or n.type.dtype.kind != "f":
        return None
    return negative.build((node(reduce_sum, a.args, n.params, n.type),))


def _quotient(n: Node) -> Node | None:
    """A mask divided by what is the same for many of its places: two divisions for all of them."""
    mask, below = n.args
    if mask.op is not cast or mask.args[0].type.dtype != np.bool_ or below.op is not broadcast:
        return None
    (few,) = below.args
    if 4 * few.type.size > below.type.size or n.type.dtype != few.type.dtype:
        return None

    def spread_out(x: float) -> Node:
        made = np.divide(few.type.dtype.type(x), symbolic(few)).node
        return node(broadcast, (made,), below.params, below.type)

    return where.build((mask.args[0], spread_out(1.0), spread_out(0.0)))


_RULES: dict[Any, Callable[[Node], Node | None]] = {
    softmax.logsumexp: _written(_logsumexp),
    softmax.softmax: _written(_softmax),
    softmax.shares: _written(_shares),
    softmax.log_softmax: _written(_log_softmax),
    reductions.norm: _written(_norm),
    reduce_sum: _sum,
    divide: _quotient,
    einsum: _binary,
}

__all__ = ["Einsum", "prepared"]
