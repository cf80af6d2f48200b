"""What the structure of a program says of its Hessian before any number is known."""

from __future__ import annotations

import numpy as np

from ..calculus.sparsity import pattern
from ..errors import ChainruleError
from ..function.jit import jit
from ..function.verbs import grad
from .objective import Objective

#: Below so many unknowns a dense Hessian is as good; above, the pattern takes too long to find.
FEWEST, MOST = 30, 20_000
#: A band is of use up to this share of the unknowns.
SHARE = 0.05
#: A product with the Hessian agrees with the band's to this, or there is no band.
AGREES = 1e-9


def band(objective: Objective) -> int | None:
    """How far from its diagonal the Hessian reaches, if that is not far; else None.

    By the structure of the gradient's program, and confirmed by one product at the start.
    """
    size = objective.variables.size
    if not FEWEST <= size <= MOST:
        return None
    x = objective.variables.start
    widest = max(1, int(SHARE * size) // 2)
    if not _seems(objective, widest):
        return None
    try:
        graph = jit(grad(objective.flat)).lower(x, *objective.args).graph
        found = pattern(graph.outputs[0], graph.inputs[0]).tocoo()
    except (ChainruleError, AttributeError, IndexError, MemoryError):
        return None
    width = int(np.abs(found.row - found.col).max(initial=0))
    return width if width <= widest and _confirmed(objective, width) else None


def _seems(objective: Objective, widest: int) -> bool:
    """Whether three columns of the Hessian stay near the diagonal: the pattern is worth finding."""
    size = objective.variables.size
    for k in (0, size // 2, size - 1):
        seed = np.zeros(size)
        seed[k] = 1.0
        rows = np.flatnonzero(objective.product(objective.variables.start, seed))
        if np.abs(rows - k).max(initial=0) > widest:
            return False
    return True


def _confirmed(objective: Objective, width: int) -> bool:
    from .newton import Banded

    rows = Banded(objective, width).at(objective.variables.start)
    v = np.random.default_rng(0).standard_normal(objective.variables.size)
    product = rows[0] * v
    for d in range(1, width + 1):
        product[d:] += rows[d, :-d] * v[:-d]
        product[:-d] += rows[d, :-d] * v[d:]
    true = objective.product(objective.variables.start, v)
    return bool(np.abs(product - true).max() <= AGREES * max(1e-300, np.abs(rows).max() * width + 1))
