"""Sums in index notation that read better as one term.

``δ_jl A_ik + δ_jl A_ki`` is ``δ_jl (A + Aᵀ)_ik``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ops.monomial import Axis, Coefficient
from .layout import Kind, Layout, scaled, summed, transposed


def same_indices(terms: Sequence[tuple[int, Layout]]) -> Layout | None:
    """A sum in index notation whose terms differ by the matrix alone, as one term."""
    parts = []
    for sign, x in terms:
        coefficient = Coefficient()
        if x.kind is Kind.SCALE:
            if len(x.children) != 1:
                return None
            coefficient, x = x.data.coefficient, x.children[-1]
        if x.kind is not Kind.INDEXED or len(x.children) != 1 or x.children[0].rank != 2:
            return None
        parts.append((sign, coefficient, x))
    first = parts[0][2].data
    (letters,) = first.factors
    matrices: list[tuple[int, Layout]] = []
    for sign, coefficient, x in parts:
        (own,) = x.data.factors
        if coefficient != parts[0][1] or x.data.out != first.out or x.data.equal != first.equal:
            return None
        if own not in (letters, letters[::-1]):
            return None
        (matrix,) = x.children
        matrices.append((sign, matrix if own == letters else transposed(matrix)))
    axes: tuple[Axis, ...] = matrices[0][1].axes
    whole = Layout(Kind.INDEXED, (summed(matrices, axes),), parts[0][2].axes, first)
    return scaled(parts[0][1], (), (), whole)


def with_transposes(terms: Sequence[tuple[int, Layout]]) -> list[tuple[int, Layout]]:
    """The terms of a sum, of which ``½S`` and ``½Sᵀ`` are one, where there are others."""
    found = list(terms)
    for k, (sign, x) in enumerate(found):
        for other in found[k + 1 :] if x.kind is Kind.SCALE and len(found) > 2 else ():
            y = other[1]
            if other[0] != sign or y.kind is not Kind.SCALE or y.data != x.data:
                continue
            body, turned = x.children[-1], y.children[-1]
            same = turned.kind is Kind.TRANSPOSE and turned.children[0] is body
            if same and x.rank == 2 and x.children[:-1] == y.children[:-1]:
                both = summed([(1, body), (1, turned)], x.axes)
                found[k] = sign, Layout(Kind.SCALE, (*x.children[:-1], both), x.axes, x.data)
                found.remove(other)
                return with_transposes(found)
    return found
