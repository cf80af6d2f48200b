"""Symmetric functions of the eigenvalues of a general matrix, by the matrix itself.

``Σ w``, ``Σ wᵏ`` and ``Π w`` are traces of powers and the determinant: smooth, to any order, also where
eigenvalues are equal and the vectors that belong to them have no derivative.
"""

from __future__ import annotations

from ..ir.node import ITEM, Node, node
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, split_subscripts
from ..ops.eigen import eig, eigvals, real_eigvals
from ..ops.factorizations import det
from ..ops.reductions import reduce_prod
from ..ops.structural import cast, reduce_sum
from .pattern import algorithm, literal

#: The highest power that is multiplied out.
_HIGHEST = 8


@algorithm(reduce_sum, reduce_prod, einsum)
def a_power_sum_of_eigenvalues(n: Node) -> Node | None:
    """``Σ wᵏ`` of the eigenvalues of a matrix is the trace of its power, ``Π w`` its determinant."""
    if not n.args:
        return None
    w, power = n.args[0], 1
    if n.op is einsum:
        inputs, output = split_subscripts(n.params[0])
        twice = len(inputs) == 2 and n.args[1] is w and inputs[0] == inputs[1]
        if not twice or output != inputs[0][:-1]:
            return None
        power = 2
    elif n.params[0] != (-1,) and (n.op is reduce_prod or -1 not in n.params[0]):
        return None
    if w.op is ar.square:
        (w,), power = w.args, 2 * power
    elif w.op is ar.power:
        exponent = literal(w.args[1])
        if not isinstance(exponent, int | float) or exponent != int(exponent) or exponent < 1:
            return None
        w, power = w.args[0], int(exponent) * power
    matrix = _matrix_of(w)
    if matrix is None or power > _HIGHEST or (n.op is reduce_prod and power > 1):
        return None
    a = cast.build((matrix,), n.type.dtype, False)
    if n.op is reduce_prod:
        product: Node = det.build((a,))
        return product
    lead = "ABCDEFGHIJKLMNOP"[: len(a.type.shape) - 2]
    whole = a
    for _ in range(power - 1):
        whole = einsum.build((whole, a), f"{lead}ij,{lead}jk->{lead}ik", ())
    trace: Node = einsum.build((whole,), f"{lead}ii->{lead}", ())
    rest = () if n.op is einsum else tuple(axis + 1 for axis in n.params[0][:-1])
    return node(reduce_sum, (trace,), (rest,)) if rest else trace


def _matrix_of(w: Node) -> Node | None:
    """The matrix whose eigenvalues ``w`` are."""
    if w.op is eigvals or w.op is real_eigvals:
        return w.args[0]
    taken = w.op is ITEM and w.params[0] == 0 and w.args[0].op is eig
    matrix: Node | None = w.args[0].args[0] if taken else None
    return matrix


#: The operations that make a program one to look at.
GENERAL = frozenset({eig, eigvals, real_eigvals})
