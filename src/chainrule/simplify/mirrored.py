"""Arrays that equal themselves, or minus themselves, with two axes exchanged.

``X_ik − X_jk`` is minus itself with i and j exchanged, so its squares are not changed by that, nor is
``K = exp(−½ Σ_k R²_ijk)``. A factor that is such an array always has its indices the same way round,
so that terms which differ by that alone are one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ..ir.node import Node
from ..ops.elementwise import Elementwise
from ..ops.monomial import INVERSE, MONOMIAL, TOTAL, Factor, decode
from .builder import Builder

_EVEN = frozenset(["abs", "cos", "cosh"])
_ODD = frozenset(["sin", "tan", "sinh", "tanh", "arctan", "arcsinh", "sign", "cbrt", "erf"])


def mirrored(algebra: Builder, n: Node, p: int, q: int) -> int:
    """1 if ``n`` does not change when two axes are exchanged, -1 if its sign does; 0 otherwise."""
    key = n, p, q
    if key not in algebra.mirrors:
        algebra.mirrors[key] = 0  # while it is asked
        algebra.mirrors[key] = _mirrored(algebra, n, p, q)
    return algebra.mirrors[key]


def _mirrored(algebra: Builder, n: Node, p: int, q: int) -> int:
    axes = algebra.axes(n)
    if axes[p] != axes[q]:
        return 0
    if n in algebra.symmetric:
        return 1
    if n.op is INVERSE:
        return mirrored(algebra, n.args[0], p, q)
    if isinstance(n.op, Elementwise):
        signs = [mirrored(algebra, a, p, q) for a in n.args]
        if all(s == 1 for s in signs):
            return 1
        if len(signs) == 1 and signs[0] == -1:
            return 1 if n.op.name in _EVEN else -1 if n.op.name in _ODD else 0
        return 0
    if n.op is TOTAL:
        own = Counter(map(algebra.split, n.args))
        turned = [algebra.split(_exchanged(algebra, a, p, q)) for a in n.args]
        if own == Counter(turned):
            return 1
        return -1 if own == Counter((c * -1, base) for c, base in turned) else 0
    if n.op is not MONOMIAL:
        return 0
    term = decode(n)
    if len(axes) == 2 and all(f.node.type.ndim < 3 for f in term.factors):
        return int(algebra.order.canonical(term._replace(out=term.out[::-1])) is n)
    turned_term = _exchanged(algebra, n, p, q)
    if turned_term is n:
        return 1
    return -1 if algebra.split(turned_term) == (term.coefficient * -1, algebra.split(n)[1]) else 0


def _exchanged(algebra: Builder, n: Node, p: int, q: int) -> Node:
    term = algebra.term(n)
    out = list(term.out)
    out[p], out[q] = out[q], out[p]
    return algebra.monomial(term._replace(out=tuple(out)))


def upright(
    algebra: Builder, factors: Sequence[Factor], out: Sequence[int]
) -> tuple[list[Factor], int]:
    """Factors with their indices in order, those of the result first, and the sign of that."""
    pairs = [_upright(algebra, _as_first_met(algebra, f), out) for f in factors]
    return [f for f, _ in pairs], math.prod(sign for _, sign in pairs)


def _as_first_met(algebra: Builder, f: Factor) -> Factor:
    """A sum of matrices that was there before transposed: that, with its indices turned round."""
    if f.node.op is not TOTAL or len(f.indices) != 2:
        return f
    turned = algebra.total([algebra.turned(a) for a in f.node.args])
    if turned.op is not TOTAL or algebra.order.rank(turned) >= algebra.order.rank(f.node):
        return f
    return f._replace(node=turned, indices=f.indices[::-1])


def _upright(algebra: Builder, f: Factor, out: Sequence[int]) -> tuple[Factor, int]:
    indices = list(f.indices)
    sign = 1

    def place(i: int) -> tuple[bool, int]:
        return (False, out.index(i)) if i in out else (True, i)

    whole = f.exponent.denominator == 1
    for p in range(len(indices)):
        for q in range(p + 1, len(indices)):
            found = mirrored(algebra, f.node, p, q)
            if not found or (found < 0 and not whole):
                continue
            if found > 0 and len(indices) == 2:
                algebra.order.symmetric.add(f.node)
            if place(indices[p]) > place(indices[q]):
                indices[p], indices[q] = indices[q], indices[p]
                sign *= found if f.exponent % 2 == 1 else 1
    return f._replace(indices=tuple(indices)), sign


def may_be_mirrored(n: Node) -> bool:
    """Whether it is worth asking: an inverse, a function of elements, what has three axes."""
    by_elements = n.op is TOTAL or isinstance(n.op, Elementwise)
    return n.op is INVERSE or n.type.ndim > 2 or (n.type.ndim == 2 and by_elements)
