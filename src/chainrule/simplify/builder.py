"""What builds normal expressions, as those see it who help it build."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

from ..ir.node import Node
from ..ir.primitive import Primitive
from ..ops.monomial import Axis, Coefficient, Order, Term
from .assumed import Assumed

Axes = tuple[Axis, ...]


class Builder(Protocol):
    """See :class:`chainrule.simplify.normal.Algebra`, where each of these is explained."""

    order: Order
    symmetric: set[Node]
    assumed: Assumed
    mirrors: dict[tuple[Node, int, int], int]
    expanding: bool

    def axes(self, n: Node) -> Axes:
        """The axes of a node."""
        ...

    def term(self, n: Node) -> Term:
        """Any node as a term."""
        ...

    def split(self, n: Node) -> tuple[Coefficient, Node]:
        """The coefficient of a node, and its base."""
        ...

    def turned(self, n: Node) -> Node:
        """The transpose of a matrix."""
        ...

    def number(self, value: float | Fraction, axes: Axes = ()) -> Node:
        """A number, repeated along ``axes``."""
        ...

    def opaque(
        self, op: Primitive, args: Sequence[Node], params: tuple[Any, ...], axes: Axes
    ) -> Node:
        """Any operation on normal arguments, as an atom of its own."""
        ...

    def is_zero(self, n: Node) -> bool:
        """Whether ``n`` is zero by structure."""
        ...

    def parts(self, base: Node) -> tuple[Node, ...] | None:
        """The terms of a sum, also where it is transposed or repeated."""
        ...

    def monomial(self, term: Term) -> Node:
        """The normal form of a product."""
        ...

    def total(self, nodes: Sequence[Node]) -> Node:
        """The normal form of a sum."""
        ...

    def scale(self, n: Node, by: Coefficient | Fraction | int) -> Node:
        """A node times a number."""
        ...

    def constant(self, value: Coefficient, axes: Axes = ()) -> Node:
        """A number, repeated along ``axes``."""
        ...

    def apply(self, op: Primitive, args: Sequence[Node], params: tuple[object, ...] = ()) -> Node:
        """An elementwise function."""
        ...

    def is_constant(self, n: Node) -> bool:
        """Whether ``n`` is a number, perhaps repeated."""
        ...

    def varies(self, n: Node, position: int) -> bool:
        """Whether a node depends on its axis ``position``."""
        ...
