"""The square of a length without its root: ``‖x‖²`` is ``Σ x²``, smooth at the origin too.

A length has no second derivative at 0, its square has; so what is squared is recognised before a
program is differentiated.
"""

from __future__ import annotations

from ..ir.node import Node, node
from ..ops import arithmetic as ar
from ..ops.reductions import norm
from ..ops.structural import reduce_sum
from .pattern import Algorithm, algorithm


@algorithm(ar.square, ar.multiply, heads={0: (norm,)})
def the_square_of_a_norm(n: Node) -> Node | None:
    """``‖x‖²`` is the sum of squares."""
    length = n.args[0]
    if length.op is not norm or n.args[-1] is not length:
        return None
    (x,), (axes, order) = length.args, length.params
    if order != 2 or x.type.dtype.kind != "f":
        return None
    return node(reduce_sum, (ar.square.build((x,)),), (axes,))


LENGTHS: tuple[Algorithm, ...] = (the_square_of_a_norm,)
