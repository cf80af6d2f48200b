"""Factors of a matrix by letters: ``X = U diag(s) Vᵀ`` is ``svd(X).U`` and so on."""

from __future__ import annotations

from ..ir.node import Node
from ..ops.monomial import FACTOR
from .state import State

#: By factorisation, the letters of what it gives, and which of these are given transposed.
FACTORS: dict[str, tuple[tuple[str, bool], ...]] = {
    "svd": (("U", False), ("s", False), ("V", True)),
    "eigh": (("w", False), ("V", False)),
    "qr": (("Q", False), ("R", False)),
}


def values(t: State, n: Node, args: list[Node]) -> Node | None:
    """Singular values or eigenvalues without the vectors; for reading, not for reasoning."""
    if n.args[0].type.ndim != 2 or not t.algebra.factored:
        return None
    of, place = ("svd", 1) if n.op.name == "svdvals" else ("eigh", 0)
    letter, turned = FACTORS[of][place]
    return t.algebra.opaque(FACTOR, args, (of, letter, place, turned), t.axes.of(n))


def factor(t: State, n: Node, matrix: Node) -> Node:
    """The normal form of one result of a factorisation of ``matrix``."""
    (whole,), place = n.args, n.params[0]
    letter, turned = FACTORS[whole.op.name][place]
    axes = t.axes.of(n)
    params = (whole.op.name, letter, place, turned)
    made = t.algebra.opaque(FACTOR, [matrix], params, axes[::-1] if turned else axes)
    if whole.op.name == "eigh" and letter == "V":
        t.algebra.assumed.orthogonal.add(made)
    return t.algebra.turned(made) if turned else made
