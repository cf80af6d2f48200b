"""Structural sparsity: which elements of an output can depend on which elements of an input."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.graph import dependents, toposort
from ..ir.node import ITEM, Node
from ..ir.types import TupleType


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
        if n in known or n not in moving:
            continue
        if type(n.type) is TupleType or n.op is ITEM:  # several results: each depends on everything
            joined = known[n.args[0]] if n.op is ITEM else None
            if joined is None:
                parts = [known[a] for a in n.args if a in known]
                joined = sparse.csr_matrix(sum(p.sum(axis=0) for p in parts) > 0)
            else:
                joined = sparse.csr_matrix(np.ones((n.type.size, 1), bool)) @ joined
            known[n] = joined
            continue
        if n.type.dtype.kind not in "fc":
            continue
        total = None
        for i, arg in enumerate(n.args):
            if arg not in known:
                continue
            pairs = n.op.dependence(i, [a.type for a in n.args], n.type, *n.params)
            if pairs is None:
                local = sparse.csr_matrix(np.ones((n.type.size, arg.type.size), bool))
            else:
                ones = np.ones(len(pairs[0]), bool)
                local = sparse.csr_matrix((ones, pairs), shape=(n.type.size, arg.type.size))
            term = (local @ known[arg]).astype(bool)
            total = term if total is None else total + term
        if total is not None:
            known[n] = total
    found = known.get(output)
    if found is None:
        return sparse.csr_matrix((output.type.size, x.type.size), dtype=bool)
    return found


def is_elementwise(output: Node, x: Node) -> bool:
    """Whether element ``i`` of ``output`` depends on element ``i`` of ``x`` alone, by structure."""
    if output.type.shape != x.type.shape:
        return False
    coordinates = pattern(output, x).tocoo()
    return bool((coordinates.row == coordinates.col).all())
