"""What builds normal expressions, as those see it who help it build."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

from ..ir.node import Node
from ..ir.primitive import Primitive
from ..ops.monomial import Axis, Coefficient, Order, Term

Axes = tuple[Axis, ...]


class Builder(Protocol):
    """See :class:`chainrule.simplify.normal.Algebra`, where each of these is explained."""

    order: Order
    symmetric: set[Node]
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
