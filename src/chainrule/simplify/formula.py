"""A traced program in its normal form for display: one call."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.graph import toposort
from ..ir.node import INPUT, Node
from ..ops.cumulative import cumprod
from ..ops.monomial import TOTAL, Term
from ..ops.reductions import reduce_prod
from ..ops.transcendental import exp
from . import convolution, triangles
from .axes import Axes
from .differences import repeated, with_differences
from .entries import LONGEST, Entries, NoEntries, picks_elements
from .normal import Algebra
from .operators import both_triangles
from .recognition import Recogniser, equations
from .rewriting import cleared, lengthened, rooted
from .translation import Translation


def normaliser(roots: Sequence[Node], *, factored: bool = True) -> Translation:
    """The translation of a program into normal form, recognitions included.

    Not ``factored``, sums stay sums: ``x log x − x``, not ``x (log x − 1)``. That is harder to read
    and easier to reason about term by term.
    """
    algebra = _algebra()
    algebra.factored = factored
    return Translation(algebra, Axes(toposort(roots)))


def by_entries(roots: Sequence[Node], given: set[Node]) -> tuple[Entries, list[Node]] | None:
    """The results entry by entry, for a small program that picks elements of what is ``given``."""
    moving = given & set(toposort(roots)) or {n for n in toposort(roots) if n.op is INPUT}
    if not picks_elements(roots, moving or set(toposort(roots))):
        return None
    entries = Entries(_algebra())
    try:
        if any(n.op in (cumprod, reduce_prod) for n in toposort(roots)):
            for n in toposort(roots):  # a product in the order of its elements
                if n.op is INPUT and n in given and n.type.size <= LONGEST:
                    entries.array(n)
        return entries, [entries.array(n) for n in roots]
    except NoEntries:
        return None


def _algebra() -> Algebra:
    algebra = Algebra()
    recogniser = Recogniser(equations())
    assumed = algebra.assumed

    def factors(algebra: Algebra, term: Term) -> Term | None:
        found = assumed.factors(algebra, term) or recogniser.factors(algebra, term)
        found = found or cleared(algebra, term) or lengthened(algebra, term) or rooted(term)
        if found is None and algebra.factored:
            found = triangles.factors(algebra, term) or repeated(algebra, term)
            found = found or convolution.factors(algebra, term)
        return found

    def node(algebra: Algebra, n: Node) -> Node | None:
        if n.op is exp and algebra.is_zero(n.args[0]):
            return algebra.number(1, algebra.axes(n))
        found = assumed.node(algebra, n) or recogniser.node(algebra, n)
        if found is None and n.op is TOTAL and algebra.factored:
            found = with_differences(algebra, n) or both_triangles(algebra, n)
        return found

    algebra.recognise_factors = factors
    algebra.recognise_node = node
    return algebra
