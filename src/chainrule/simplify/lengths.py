"""The square of a size without its root: ``‖x‖²`` is ``Σ x²``, smooth at the origin too.

A size has no second derivative at 0, its square has; so what is squared is recognised before a
program is differentiated.
"""

from __future__ import annotations

from ..ir.node import Node, constant, node
from ..ops import arithmetic as ar
from ..ops.reductions import norm
from ..ops.structural import reduce_sum
from .pattern import Algorithm, algorithm, literal


@algorithm(ar.square, ar.multiply, ar.power, heads={0: (norm, ar.absolute, ar.hypot)})
def the_square_of_a_size(n: Node) -> Node | None:
    """``‖x‖²`` is the sum of squares; ``|z|²``, a hypotenuse and even powers likewise."""
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
    if length.op is ar.absolute:
        return ar.abs2.build((x,)) if x.type.dtype.kind == "c" else None
    axes, order = length.params
    if order != 2 or x.type.dtype.kind not in "fc":
        return None
    squares = (ar.abs2 if x.type.dtype.kind == "c" else ar.square).build((x,))
    return node(reduce_sum, (squares,), (axes,))


LENGTHS: tuple[Algorithm, ...] = (the_square_of_a_size,)
