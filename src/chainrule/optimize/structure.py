"""What the structure of a program says of its Hessian before any number is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.sparsity import pattern
from ..errors import ChainruleError
from ..function.derivatives import gradient_nodes
from ..function.engine import record_outputs
from ..simplify.rules import RULES
from ..trace.recording import tracing
from .matrices import Banded
from .objective import UNDEFINED, Objective
from .squares import NoSquares
from .variables import Vector

#: Below so many unknowns a dense Hessian is as good; above, the pattern takes too long to find.
FEWEST, MOST = 30, 200_000
#: A band is of use up to this share of the unknowns, colours up to this many.
SHARE, COLOURS = 0.05, 100
#: A sparse matrix is of use above so many unknowns.
FEWEST_SPARSE = 100
#: Two ways to the same product agree to this, or they are not the same.
AGREES = 1e-9


@dataclass(frozen=True)
class Kind:
    """A Hessian that is known to be banded or sparse: its matrix, and that in words."""

    matrix: Any
    words: str


def few(objective: Objective, *, gauss: bool) -> Kind | None:
    """The Hessian as a banded or sparse matrix, if by its structure it is one; else None.

    By the structure of the gradient's program, and confirmed by one product at the start. With
    ``gauss`` the matrix is Gauss and Newton's, whose elements are among the Hessian's.
    """
    size = objective.variables.size
    if not FEWEST <= size <= MOST or not objective.twice:
        return None
    kept = objective.programs.known
    if "pattern" not in kept:
        try:
            kept["pattern"] = _pattern(objective) if _seems(objective) else None
        except (ChainruleError, AttributeError, IndexError, MemoryError, *UNDEFINED):
            kept["pattern"] = None
    found = kept["pattern"]
    if found is None:
        return None
    made = _matrix(objective, found, gauss=gauss)
    if made is None or not _confirmed(objective, made.matrix):
        return None
    return made


def _matrix(objective: Objective, found: Any, *, gauss: bool) -> Kind | None:
    size = objective.variables.size
    places = found.tocoo()
    width = int(np.abs(places.row - places.col).max(initial=0))
    if width <= max(1, int(SHARE * size) // 2):
        words = f"banded, {width} beside the diagonal" if width else "diagonal"
        return Kind(Banded(objective, width, gauss=gauss), words)
    if size < FEWEST_SPARSE or found.nnz > 0.2 * size * size:
        return None
    from .sparse import Sparse

    matrix = Sparse(objective, found, gauss=gauss)
    if matrix.count > min(COLOURS, size // 3):
        return None
    share = found.nnz / size**2
    return Kind(matrix, f"sparse, {100 * share:.2g} % of it, in {matrix.count} colours")


def _pattern(objective: Objective) -> Any:
    """The places of the Hessian that may hold something, from the gradient's program."""
    with tracing() as trace:
        x = trace.input(objective.variables.start)
        outputs, _ = record_outputs(trace, trace.run(objective.flat, x, *objective.args))
        (slope,) = RULES(gradient_nodes(RULES(outputs)[0], [x.node]))
        found = pattern(slope, x.node)
    return (found + found.T).tocsr()


def _seems(objective: Objective) -> bool:
    """Whether three columns of the Hessian hold little: the pattern is worth finding."""
    size = objective.variables.size
    for k in (0, size // 2, size - 1):
        seed = np.zeros(size)
        seed[k] = 1.0
        column = objective.product(objective.variables.start, seed)
        if np.count_nonzero(column) > 0.2 * size:
            return False
    return True


def _confirmed(objective: Objective, matrix: Any) -> bool:
    """Whether the matrix, as the Hessian, has the Hessian's product with a random vector."""
    x = objective.variables.start
    gauss, matrix.gauss = matrix.gauss, False
    made = matrix.at(x)
    matrix.gauss = gauss
    v = np.random.default_rng(0).standard_normal(x.size)
    true = objective.product(x, v)
    product = _times(made, v) if isinstance(made, np.ndarray) else made @ v
    return bool(np.abs(product - true).max() <= AGREES * max(1.0, np.abs(true).max()))


def _times(rows: Vector, v: Vector) -> Vector:
    """A symmetric banded matrix, as LAPACK stores it, times a vector."""
    product: Vector = rows[0] * v
    for d in range(1, len(rows)):
        product[d:] += rows[d, :-d] * v[:-d]
        product[:-d] += rows[d, :-d] * v[d:]
    return product


def squares(objective: Objective) -> Vector | None:
    """The residuals at the start, if the function is a sum of squares by its structure; else None."""
    kept = objective.programs.known
    if not objective.twice or kept.get("squares") is False:
        return None
    x = objective.variables.start
    try:
        found: Vector = np.asarray(objective.programs.residuals(x, *objective.args))
    except (NoSquares, *UNDEFINED):
        kept["squares"] = False
        return None
    return found if np.all(np.isfinite(found)) else None
