"""The Hessian in words: diagonal, banded, a Gram matrix, low rank plus diagonal, Kronecker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.jacobian import jacobian as jacobian_nodes
from ..calculus.sparsity import pattern
from ..errors import ChainruleError
from ..ir.node import Node
from ..ops.monomial import DIFFERENCE, TOTAL, Term
from .arguments import Wrt
from .derivation import Derivation
from .derivatives import gradient_nodes
from .verbs import hessian

__all__ = ["Structure", "hessian_nodes", "structure_of"]

#: Sparsity is looked for in Hessians of up to this many variables.
MOST = 400


@dataclass(frozen=True)
class Structure:
    """The Hessian as a formula, and what its form is called."""

    statement: str
    words: str | None


def hessian_nodes(output: Node, x: Node) -> Node | None:
    """The Hessian of a scalar node by one input; ``None`` if there is no rule for it."""
    try:
        (row,) = jacobian_nodes(gradient_nodes(output, [x]), [x])
        return row[0]
    except (ChainruleError, NotImplementedError):
        return None


def structure_of(
    f: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], wrt: Wrt, size: int
) -> Structure | None:
    """The structure of a function's Hessian by one argument; ``None`` where it has no formula."""
    if isinstance(wrt, tuple):
        return None
    try:
        derivation = Derivation(hessian(f, wrt), args, keywords, {})
        shown = derivation.formula()
    except (ChainruleError, NotImplementedError, RecursionError):
        return None
    if len(derivation.outputs) != 1:
        return None
    translate = derivation.translation()
    (normal,) = translate(derivation.outputs)
    words = _words(translate.algebra, normal, size)
    if words is None or any(n.op is DIFFERENCE for n in normal.args):
        words = _banded(f, args, keywords, wrt, size) or words
    return Structure(str(shown), words)


def _words(algebra: Any, n: Node, size: int) -> str | None:
    rank = len(n.type.shape)
    if rank not in (2, 4):
        return None
    parts = [_of_term(algebra.term(p)) for p in _terms(algebra, n)]
    if not parts:
        return "zero"
    kinds = {kind for kind, _ in parts}
    low = sum(r for kind, r in parts if kind in ("rank one", "Gram", "product"))
    if algebra.is_zero(n):
        return "zero"
    if kinds == {"identity"}:
        return "a multiple of the identity"
    if kinds <= {"identity", "diagonal"}:
        return "diagonal"
    if kinds <= {"Kronecker"}:
        return "a Kronecker product" if len(parts) == 1 else "a sum of Kronecker products"
    if rank == 4:
        return None
    if kinds & {"identity", "diagonal"} and low < size and "other" not in kinds:
        return f"diagonal plus rank {low}" if low > 1 else "diagonal plus rank one"
    if kinds == {"rank one"}:
        return "of rank one" if len(parts) == 1 else f"of rank {low} at most"
    if kinds == {"Gram"} and len(parts) == 1:
        return f"a Gram matrix of rank {low} at most" if low < size else "a Gram matrix"
    return None


def _terms(algebra: Any, n: Node) -> list[Node]:
    """The terms of a sum, whatever number stands before it."""
    _, base = algebra.split(n)
    return list(base.args) if base.op is TOTAL else [base]


def _of_term(term: Term) -> tuple[str, int]:
    """What one term of a Hessian is, and its rank at most."""
    k = len(term.out) // 2
    left, right = term.out[:k], term.out[k:]
    if k == 2:
        tied = sum(a == b for a, b in zip(left, right, strict=True))
        return (
            "identity"
            if tied == 2 and not term.factors
            else "diagonal"
            if tied == 2
            else "Kronecker"
            if tied == 1
            else "other"
        ), 0
    (i,), (j,) = left, right
    if i == j:
        return ("diagonal" if any(i in f.indices for f in term.factors) else "identity"), 0
    links = [set(f.indices) for f in term.factors]
    if not _joined(links, i, j, None):
        return "rank one", 1
    inner = sorted(term.inner() - {i, j})
    cuts = [term.axes[m].length for m in inner if not _joined(links, i, j, m)]
    mirrored = sorted(
        (f.node.op.name, id(f.node)) for f in term.factors if i in f.indices
    ) == sorted((f.node.op.name, id(f.node)) for f in term.factors if j in f.indices)
    if not cuts:
        return "other", min(term.axes[i].length, term.axes[j].length)
    return ("Gram" if mirrored else "product"), min(cuts)


def _joined(links: Sequence[set[int]], i: int, j: int, without: int | None) -> bool:
    """Whether factors lead from one index to another, not by way of ``without``."""
    reached = {i}
    while True:
        more = set().union(*(s for s in links if s & reached)) - {without} if links else set()
        if more <= reached:
            return j in reached
        reached |= more


def _banded(
    f: Callable[..., Any], args: Sequence[Any], keywords: dict[str, Any], wrt: Wrt, size: int
) -> str | None:
    """Whether the Hessian stays near its diagonal, by the dependences of the gradient."""
    if not 3 < size <= MOST:
        return None
    try:
        derivation = Derivation(f, args, keywords, {})
        found = [n for n in derivation.symbols if n.level and n.type.size == size]
        if len(found) != 1 or found[0].type.ndim != 1:
            return None
        gradient = gradient_nodes(derivation.outputs[0], found)[0]
        places = pattern(gradient, found[0]).tocoo()
    except (ChainruleError, NotImplementedError):
        return None
    width = int(np.abs(places.row - places.col).max(initial=0))
    if width == 0:
        return "diagonal"
    if width == 1:
        return "tridiagonal"
    return f"banded, {width} on either side" if width <= size // 3 else None
