"""Structural sparsity: which elements of an output can depend on which elements of an input."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.graph import dependents, toposort
from ..ir.node import ITEM, Node
from ..ir.types import TupleType
from .pushforward import varies


def pattern(output: Node, x: Node) -> Any:
    """A SciPy CSR matrix of booleans, ``output.size`` by ``x.size``, that covers every non-zero.

    It holds for all values of the inputs: an element is left out only if the program's structure
    excludes the dependence.
    """
    from scipy import sparse

    order = toposort([output], x.level)
    moving = dependents(order, [x])
    known: dict[Node, Any] = {x: sparse.identity(x.type.size, dtype=bool, format="csr")}
    for n in order:
        if n in known or n not in moving or not varies(n):
            continue
        terms = [_direct(n, i) @ known[arg] for i, arg in enumerate(n.args) if arg in known]
        if terms:
            known[n] = sum(terms[1:], terms[0]).astype(bool)
    found = known.get(output)
    if found is None:
        return sparse.csr_matrix((output.type.size, x.type.size), dtype=bool)
    return found


def _direct(n: Node, i: int) -> Any:
    """Which elements of ``n`` depend on which of its argument ``i``.

    A node with several results is one row, which stands for all elements of all of them.
    """
    from scipy import sparse

    arg = n.args[i]
    if type(n.type) is TupleType or n.op is ITEM:
        shape = [1 if type(t) is TupleType else t.size for t in (n.type, arg.type)]
        return sparse.csr_matrix(np.ones(shape, bool))
    pairs = n.op.dependence(i, [a.type for a in n.args], n.type, *n.params)
    if pairs is None:
        return sparse.csr_matrix(np.ones((n.type.size, arg.type.size), bool))
    ones = np.ones(len(pairs[0]), bool)
    return sparse.csr_matrix((ones, pairs), shape=(n.type.size, arg.type.size))


def is_elementwise(output: Node, x: Node) -> bool:
    """Whether element ``i`` of ``output`` depends on element ``i`` of ``x`` alone, by structure."""
    if output.type.shape != x.type.shape:
        return False
    coordinates = pattern(output, x).tocoo()
    return bool((coordinates.row == coordinates.col).all())
