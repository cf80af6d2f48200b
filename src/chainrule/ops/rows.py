"""Cotangents of functions of rows: where a row's own is zero by structure, so is what it pulls back.

A solve, a softmax, a running product mixes the elements of a row, or of a matrix of a stack, and
leaves one row apart from another. Pulled back, the zeros of a row that a selection left out become
zeros again, except where they are multiplied with an infinity or a NaN of that row: there they
are put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.node import Node, node
from ..ir.primitive import Array, Maybe
from .contraction import einsum, split_subscripts
from .elementwise import logical_or, support, where
from .reductions import reduce_any
from .steady import cover, given, steady
from .structural import broadcast, reshape, transpose


def kept_apart(
    n: Node, cotangents: Sequence[Maybe], args: Sequence[Array], results: Sequence[Maybe]
) -> Sequence[Maybe]:
    """``results`` of pulling ``cotangents`` back through ``n``, with the rows left out at zero."""
    if n.op is einsum:
        return _of_product(n, cotangents[0], results)
    apart = n.op.apart([a.type for a in n.args], *n.params)
    if apart is None:
        return results
    row: Any = None
    for ct in cotangents:
        if ct is None:
            continue
        mask = support(ct.node)
        if mask is None:
            return results
        ndim = len(mask.type.shape)
        axes = tuple(range(apart - ndim, 0)) if isinstance(apart, int) else apart
        if len(axes) == ndim:
            return results
        covering = cover(mask, axes)
        if covering is None and given(mask):
            covering = node(reduce_any, (mask,), (axes,))
        if covering is None:
            return results
        row = ct.wrap(covering) if row is None else logical_or(row, ct.wrap(covering))
    if row is None:
        return results
    kept: list[Maybe] = []
    for r in results:
        if r is None or (isinstance(apart, int) and tuple(r.shape[:apart]) != tuple(row.shape)):
            kept.append(r)
            continue
        shape = list(r.shape)
        for a in range(apart, r.ndim) if isinstance(apart, int) else apart:
            shape[a] = 1
        kept.append(where(reshape(row, tuple(shape)), r, 0.0))
    return kept


def _of_product(n: Node, ct: Array, results: Sequence[Maybe]) -> Sequence[Maybe]:
    """Of a contraction the factors that share an index of the mask could be infinite there."""
    inputs, output = split_subscripts(n.params[0])
    if len(inputs) < 2 or len(set(output)) < len(output):
        return results
    mask = support(ct.node)
    if mask is None:
        return results
    ndim = len(output)
    loose = {c for k, c in enumerate(output) if not steady(mask, (k - ndim,))}
    if not loose:
        return results
    kept = list(results)
    for i, r in enumerate(results):
        mine = inputs[i]
        others = {c for j, s in enumerate(inputs) if j != i for c in s}
        if r is None or len(set(mine)) < len(mine) or not loose & set(mine) & others:
            continue
        gone = tuple(k - ndim for k, c in enumerate(output) if c not in mine)
        covering = cover(mask, gone)
        if covering is None:
            continue
        left = [c for c in output if c in mine]
        turned = transpose(ct.wrap(covering), sorted(range(len(left)), key=lambda k: mine.index(left[k])))
        places = tuple(sorted(mine.index(c) - len(mine) for c in left))
        kept[i] = where(broadcast(turned, tuple(r.shape), places), r, 0.0)
    return kept
