"""The square of a size without its root: ``‖x‖²`` is ``Σ x²``, smooth at the origin too.

A size has no second derivative at 0, its square has; so what is squared is recognised before a
program is differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ..ir.graph import dependents, toposort
from ..ir.node import Node, constant, node
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, split_subscripts
from ..ops.elementwise import where
from ..ops.reductions import norm
from ..ops.structural import broadcast, reduce_sum
from ..ops.transcendental import exp, log
from .engine import Rules
from .pattern import Algorithm, algorithm, literal

#: Of one number; a product has two equal ones.
_SIZES = (ar.absolute, ar.fabs)


@algorithm(ar.square, ar.multiply, ar.power, heads={0: (norm, ar.hypot, *_SIZES)})
def the_square_of_a_size(n: Node) -> Node | None:
    """``‖x‖²`` is the sum of squares; ``|z|²``, ``|x| · |x|``, a hypotenuse and even powers likewise."""
    length = n.args[0]
    if n.op is ar.power:
        exponent = literal(n.args[1])
        if not isinstance(exponent, int | float) or exponent % 2 or exponent <= 0:
            return None
        half = exponent / 2
    elif n.args[-1] is not length:
        return None
    else:
        half = 1
    square = _squared(length)
    if square is None or half == 1:
        return square
    return ar.square.build((square,)) if half == 2 else ar.power.build((square, constant(float(half))))


def _squared(length: Node) -> Node | None:
    x = length.args[0]
    if length.op is ar.hypot:
        return ar.add.build(tuple(ar.square.build((a,)) for a in length.args))
    if length.op is ar.absolute or length.op is ar.fabs:
        if x.type.dtype.kind not in "fc":
            return None
        return (ar.abs2 if x.type.dtype.kind == "c" else ar.square).build((x,))
    axes, order = length.params
    if order != 2 or x.type.dtype.kind not in "fc":
        return None
    squares = (ar.abs2 if x.type.dtype.kind == "c" else ar.square).build((x,))
    return node(reduce_sum, (squares,), (axes,))


@algorithm(einsum)
def a_size_in_a_product_with_itself(n: Node) -> Node | None:
    """``Σ |x| · |x|`` is ``Σ x · x``: two equal factors of a contraction have no need of their sizes."""
    inputs, _ = split_subscripts(n.params[0])
    args = list(n.args)
    for (i, a), (j, b) in combinations(enumerate(n.args), 2):
        if a is b and inputs[i] == inputs[j] and a.op in _SIZES and a is args[i] and a is args[j]:
            (x,) = a.args
            if x.type.dtype.kind == "f":
                args[i] = args[j] = x
    return None if args == list(n.args) else node(einsum, tuple(args), n.params)


def smooth(outputs: Sequence[Node], inputs: Sequence[Node], level: int) -> list[Node]:
    """Powers of sizes, so that their second derivatives at 0 are what they are.

    ``|x| ** p`` is ``x²`` where an array ``p`` is 2; ``‖x‖³`` does not ask for derivatives of ``‖x‖``.
    It is done once, before a program is differentiated by ``inputs``, on which ``p`` does not depend.
    """
    if not any(n.op is ar.power for n in toposort(outputs)):
        return list(outputs)
    moving = dependents(toposort(outputs), inputs)

    @algorithm(ar.power, heads={0: _SIZES})
    def a_square_among_powers(n: Node) -> Node | None:
        length, p = n.args
        size = length.args[0] if length.op is broadcast else length
        if size.op not in _SIZES or p in moving or not _is_power(n):
            return None
        (x,) = size.args
        if x.type.dtype.kind != "f":
            return None
        if length is not size:
            x = node(broadcast, (x,), length.params)
        even = ar.equal.build((p, constant(2.0)))
        squared = ar.square.build((x,))
        if p.level:  # it may be differentiated by later: there it is x² exp((p − 2) log |x|)
            away = where.build((ar.equal.build((x, constant(0.0))), constant(1.0), length))
            beyond = ar.multiply.build((ar.subtract.build((p, constant(2.0))), log.build((away,))))
            squared = ar.multiply.build((squared, exp.build((beyond,))))
        rest = ar.power.build((length, where.build((even, constant(3.0), p))))
        return where.build((even, squared, rest))

    return Rules((a_square_among_powers, a_flat_power)).simplifier(level)(outputs)


@algorithm(ar.power)
def a_flat_power(n: Node) -> Node | None:
    """``‖x‖ ** c`` is as flat at 0 as ``‖x‖⁴``: from 3 on its third derivative has a kink at most."""
    base, exponent = n.args[0], literal(n.args[1])
    if not isinstance(exponent, int | float) or base.type.dtype.kind != "f":
        return None
    if 3 <= exponent < 4 and base.op in (norm, ar.hypot, ar.absolute):
        several = base.op is not ar.absolute or base.args[0].type.dtype.kind == "c"
        square = _squared(base) if several else None
    elif 1.5 <= exponent < 2 and (base.op in (reduce_sum, einsum) or not base.type.shape):
        square = base if _adds_squares(base) else None
    else:
        square = None
    if square is None:
        return None
    zero = ar.equal.build((base, constant(0.0)))
    away = where.build((zero, constant(1.0), base))
    return where.build((zero, ar.square.build((square,)), ar.power.build((away, n.args[1]))))


def _adds_squares(n: Node) -> bool:
    """Whether ``n`` is a sum of squares of real numbers, and so without a slope where it is 0."""
    if n.op is ar.add:
        return all(map(_adds_squares, n.args))
    if n.op is reduce_sum:
        return _adds_squares(n.args[0])
    if n.op is einsum and len(n.args) == 2:
        inputs, _ = split_subscripts(n.params[0])
        return n.args[0] is n.args[1] and inputs[0] == inputs[1]
    return n.op is ar.square or n.op is ar.abs2 or (n.op is ar.multiply and n.args[0] is n.args[1])


def _is_power(n: Node) -> bool:
    return n.op is ar.power and n.args[1].op is not where and literal(n.args[1]) is None


LENGTHS: tuple[Algorithm, ...] = (the_square_of_a_size, a_size_in_a_product_with_itself)
