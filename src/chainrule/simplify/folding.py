"""Numbers that stand in the program: sizes and arithmetic on literals are done here, once."""

from __future__ import annotations

import numpy as np

from ..ir.literal import Literal
from ..ir.node import CONSTANT, Node, node
from ..ops import PRIMITIVES
from ..ops.elementwise import Elementwise
from ..ops.structural import cast, size
from .pattern import Algorithm, algorithm


@algorithm(size)
def a_size_is_a_number(n: Node) -> Node | None:
    """The length of an axis is known."""
    return _number(np.asarray(n.args[0].type.shape[n.params[0]]), n)


@algorithm(*(p for p in PRIMITIVES if isinstance(p, Elementwise)), cast, heads={0: (CONSTANT,)})
def arithmetic_on_literals(n: Node) -> Node | None:
    """An operation on numbers that stand in the program is done by the row's own reference."""
    if n.type.shape or not all(a.op is CONSTANT for a in n.args):
        return None
    with np.errstate(all="ignore"):
        value = n.op.evaluate([a.params[0].array[()] for a in n.args], *n.params)
    return _number(np.asarray(value), n)


def _number(value: np.ndarray, like: Node) -> Node:
    return node(CONSTANT, (), (Literal(value.astype(like.type.dtype), weak=like.type.weak),))


FOLDING: tuple[Algorithm, ...] = (a_size_is_a_number, arithmetic_on_literals)
