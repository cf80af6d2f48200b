"""Convolution as a matrix product: ``Ta`` with windows of the signal, or ``Cx`` with the kernel.

A program reads windows of x, each backwards, and multiplies them by the kernel a. By the kernel that
is linear with ``T = toeplitz(x)``; by the signal with ``C = conv(a)``, and the adjoint adds up ``Cᵀr``.
"""

from __future__ import annotations

from ..ir.node import Node
from ..ops.monomial import CONVOLUTION, TOEPLITZ, Factor, Term
from .builder import Builder
from .state import State


def spread_over_windows(t: State, n: Node, args: list[Node]) -> Node | None:
    """What is added up where windows were read: ``r_i a_j`` there is ``Cᵀr``."""
    if len(n.args) != 2 or n.args[1] not in t.windows or n.params[1] != ((-1,),):
        return None
    term = t.algebra.term(args[0])
    i, j = term.out[-2:]
    kernels = [f for f in term.factors if j in f.indices]
    if len(kernels) != 1 or kernels[0].indices != (j,) or term.out.count(j) > 1:
        return None
    (kernel,) = kernels
    if kernel.exponent != 1:
        return None
    axes = t.axes.of(n)
    new = max(term.axes) + 1
    rows = term.axes[i]
    matrix = t.algebra.opaque(CONVOLUTION, [kernel.node], (axes[-1].length,), (rows, axes[-1]))
    rest = tuple(f for f in term.factors if f is not kernel)
    factors = (*rest, Factor(matrix, (i, new)))
    out = (*term.out[:-2], new)
    return t.algebra.monomial(Term(term.coefficient, factors, out, {**term.axes, new: axes[-1]}))


def factors(algebra: Builder, term: Term) -> Term | None:
    """``Ta`` as ``Cx`` beside a ``C`` of the same kernel."""
    present = [f.node for f in term.factors if f.node.op is CONVOLUTION]
    for f in term.factors if present else ():
        if f.node.op is not TOEPLITZ or f.exponent != 1:
            continue
        i, j = f.indices
        beside = [g for g in term.factors if g is not f and j in g.indices]
        if j in term.out or len(beside) != 1 or beside[0].indices != (j,) or beside[0].exponent != 1:
            continue
        matrix = next((c for c in present if c.args == (beside[0].node,)), None)
        (signal,) = f.node.args
        if matrix is None or algebra.axes(signal)[0].length != matrix.params[0]:
            continue
        new = max(term.axes) + 1
        rest = tuple(g for g in term.factors if g is not f and g is not beside[0])
        made = (Factor(matrix, (i, new)), Factor(signal, (new,)))
        axes = {**term.axes, new: algebra.axes(matrix)[1]}
        return Term(term.coefficient, (*rest, *made), term.out, axes)
    return None
