"""What a rule of translation works on: the algebra, the axes, and what is translated so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..ir.node import Node
from .axes import Axes
from .normal import Algebra


class State:
    """The normal forms of the nodes of one program, as far as they are known."""

    def __init__(self, algebra: Algebra, axes: Axes) -> None:
        self.algebra = algebra
        self.axes: Any = axes
        self.normal: dict[Node, Node] = {}
        #: What the program gives a name to.
        self.named: set[Node] = set()
        #: Inputs that hold 0, 1, 2, …: what a program reads rows by.
        self.counting: set[Node] = set()
        #: Inputs that hold the indices of windows of an array, backwards: what convolution reads.
        self.windows: set[Node] = set()


#: The normal form of a node from those of its arguments; ``None`` leaves it an atom.
Rule: TypeAlias = Callable[[State, Node, list[Node]], Node | None]
