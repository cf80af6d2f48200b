"""The graph of a monomial's indices: what sits on them, and the matrices between them."""

from __future__ import annotations

from dataclasses import dataclass

from ..ops.monomial import Factor
from .chains import product
from .layout import Layout, backwards


@dataclass
class Vertex:
    """What sits on an index: layouts multiplied and divided by, and the factors they came from."""

    over: list[Layout]
    under: list[Layout]
    factors: tuple[Factor, ...] = ()


@dataclass
class Edge:
    """A chain of matrices from index ``a`` to index ``b``."""

    a: int
    b: int
    chain: tuple[Layout, ...]
    factors: tuple[Factor, ...]
    plain: bool = True
    #: The chain from the side of ``b``, where that is not every matrix transposed.
    back: tuple[Layout, ...] | None = None

    def read(self, start: int) -> tuple[Layout, ...]:
        """The chain from the side of ``start``."""
        if start == self.a:
            return self.chain
        return backwards(self.chain) if self.back is None else self.back

    def layout(self, start: int) -> Layout:
        """The chain as one matrix, rows on the side of ``start``."""
        return product(self.read(start))
