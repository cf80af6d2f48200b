"""Soft maxima in their textbook spellings, recognised: they overflow, the rows do not.

``log(sum(exp(x)))`` is infinite at ``x = 1000``, and its derivative NaN. Written so, with or
without the customary shift by the maximum, it is ``logsumexp`` of :mod:`chainrule.ops.softmax`.
This is done before a program is differentiated, so that its derivatives are sound as well.
"""

from __future__ import annotations

from ..ir.node import Node, constant, node
from ..ops import arithmetic as ar
from ..ops import transcendental as tr
from ..ops.softmax import log_softmax, logsumexp, shares, softmax
from ..ops.structural import broadcast, reduce_sum
from .pattern import Algorithm, algorithm, lifted, literal, spread


@algorithm(tr.log)
def log_of_a_sum_of_exponentials(n: Node) -> Node | None:
    """``log(Σ exp x)`` is ``logsumexp(x)``; of a mean, less the logarithm of the count."""
    if n.type.dtype.kind != "f":
        return None
    inner, path = _outside(n.args[0])
    count = None
    if inner.op is ar.divide and (count := literal(inner.args[1])) is not None:
        inner, more = _outside(inner.args[0])
        path += more
    if inner.op is not reduce_sum or inner.args[0].op is not tr.exp:
        return None
    (x,), (axes,) = inner.args[0].args, inner.params
    if 0 in x.type.shape or (count is not None and count.real <= 0):
        return None
    total = lifted(node(logsumexp, (x,), (axes,)), path)
    if count is None:
        return total
    return ar.subtract.build((total, tr.log.build((constant(count),))))


def _outside(n: Node) -> tuple[Node, tuple[Node, ...]]:
    """What is inside broadcasts, and these, outermost first."""
    path: list[Node] = []
    while n.op is broadcast:
        path.append(n)
        (n,) = n.args
    return n, tuple(path)


@algorithm(ar.divide, of_arrays=True)
def exponentials_over_their_sum(n: Node) -> Node | None:
    """``exp x / Σ exp x`` is ``softmax(x)``."""
    above, below = n.args
    if above.op is not tr.exp or below.op is not broadcast or n.type.dtype.kind != "f":
        return None
    (total,) = below.args
    if total.op is not reduce_sum or total.args[0] is not above:
        return None
    return node(softmax, above.args, total.params) if _spans(below, total.params[0]) else None


def _spans(repeated: Node, axes: tuple[int, ...]) -> bool:
    """Whether the broadcast repeats over ``axes``, and over nothing else."""
    shape, kept = repeated.params
    return {*kept, *axes} == set(range(-len(shape), 0)) and not set(kept).intersection(axes)


@algorithm(tr.log, heads={0: (softmax,)})
def log_of_softmax(n: Node) -> Node | None:
    """``log softmax(x)`` where the weight itself would underflow."""
    (x,) = n.args
    return node(log_softmax, x.args, x.params) if x.op is softmax else None


@algorithm(ar.subtract, of_arrays=True)
def less_its_logsumexp(n: Node) -> Node | None:
    """``x − logsumexp(x)`` is ``log_softmax(x)``."""
    x, repeated = n.args
    if repeated.op is not broadcast or repeated.args[0].op is not logsumexp:
        return None
    (total,) = repeated.args
    if total.args[0] is not x or not _spans(repeated, total.params[0]):
        return None
    return node(log_softmax, (x,), total.params)


@algorithm(softmax, shares, log_softmax, heads={0: (ar.subtract, ar.add)})
def a_shift_does_not_matter(n: Node) -> Node | None:
    """``softmax(x − m)`` with ``m`` the same along the axes is ``softmax(x)``."""
    shifted = _shifted(n.args[0], n.params[0])
    return None if shifted is None else node(n.op, (shifted[0],), n.params)


@algorithm(ar.add, heads={0: (logsumexp,), 1: (logsumexp,)})
def a_shift_taken_back(n: Node) -> Node | None:
    """``m + logsumexp(x − m)`` with ``m`` the same along the axes is ``logsumexp(x)``."""
    for outer, m in (n.args, n.args[::-1]):
        total, path = _outside(outer)
        if total.op is not logsumexp:
            continue
        shifted = _shifted(total.args[0], total.params[0])
        if shifted is None or shifted[1] is None:
            continue
        (axes,) = total.params
        kept = [a for a in range(-total.args[0].type.ndim, 0) if a not in axes]
        places = {a: k - len(kept) for k, a in enumerate(kept)}
        mine = spread(
            shifted[1].args[0], total.type.shape, tuple(places[a] for a in shifted[1].params[1])
        )
        if lifted(mine, path) is m:
            return lifted(node(logsumexp, (shifted[0],), (axes,)), path)
    return None


def _shifted(n: Node, axes: tuple[int, ...]) -> tuple[Node, Node | None] | None:
    """``x`` and what is subtracted from it, where that is the same along ``axes``."""
    if n.op is ar.subtract:
        x, m = n.args
        if m.op is broadcast and not set(m.params[1]).intersection(axes):
            return x, m
    if n.op is ar.add:
        for x, m in (n.args, n.args[::-1]):
            if m.op is broadcast and not set(m.params[1]).intersection(axes):
                return x, None
    return None


SOFT: tuple[Algorithm, ...] = (
    log_of_a_sum_of_exponentials,
    exponentials_over_their_sum,
    log_of_softmax,
    less_its_logsumexp,
    a_shift_does_not_matter,
    a_shift_taken_back,
)
