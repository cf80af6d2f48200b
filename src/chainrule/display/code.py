"""Pieces of NumPy source, and what a generated function needs besides its expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..errors import FormulaError
from ..ops.elementwise import Elementwise
from ..ops.monomial import Axis
from ..trace.tree import Structure
from .layout import Kind, Layout

# Python's precedences, loosest first.
COMPARE, SUM, TERM, UNARY, POWER, ATOM = 1, 3, 5, 6, 7, 9


class Code(NamedTuple):
    """An expression, how tightly it holds, and the axes of its layout that it lacks.

    Along these it has length 1, or no axis if no other comes before: NumPy's broadcasting repeats
    it there where it meets the rest.
    """

    text: str
    hold: int
    missing: frozenset[int] = frozenset()

    @property
    def full(self) -> bool:
        """Whether it has the shape of its layout."""
        return not self.missing


def lacking(x: Layout, parts: Sequence[Code]) -> frozenset[int]:
    """The axes that an elementwise operation lacks: those that all of its parts lack."""
    every = frozenset(range(x.rank))
    for c, p in zip(x.children, parts, strict=True):
        every &= p.missing if c.rank else frozenset(range(x.rank))
    return every


@dataclass
class Program:
    """What a function needs besides its expressions."""

    sizes: Callable[[Axis], str]
    shape_of: Callable[[Axis], str | None]
    axes: dict[str, Axis] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    definitions: dict[str, Layout] = field(default_factory=dict)
    #: The source of any layout; set by what writes all of them.
    render: Callable[[Layout], Code] = field(default=lambda x: Code("", ATOM))
    #: The user's own functions, which the source calls by name.
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    #: Whether it calls a function of SciPy's that NumPy lacks, special or of matrices.
    special: bool = False
    linalg: bool = False
    #: Whether all numbers are real, so that arrays of zeros can hold them.
    real: bool = True
    #: How the results are nested; without it they are a tuple.
    structure: Structure | None = None
    #: Names for parts that are made in place, which stand for better ones, with their ranks.
    changed: dict[str, int] = field(default_factory=dict)

    def function(self, op: Elementwise) -> str:
        """What the source calls a function: NumPy's, else SciPy's, else the user's own."""
        try:
            made = op.function
        except AttributeError:  # a row whose reference is written here
            from scipy import special

            if not hasattr(special, op.name):
                raise FormulaError(
                    f"{op.name} has no NumPy source, so a formula with it cannot be verified."
                ) from None
            self.special = True
            return f"special.{op.name}"
        if not isinstance(made, np.ufunc):
            if getattr(np, op.name, None) is made:
                return f"np.{op.name}"
            self.functions[op.name] = made
            return op.name
        name: str = made.__name__
        if getattr(np, name, None) is made:
            return f"np.{name}"
        self.special = True
        return f"special.{name}"

    def meaning(self, x: Layout) -> Layout:
        """What a name stands for."""
        return self.definitions.get(x.data, x) if x.kind is Kind.NAME else x

    def size(self, axis: Axis) -> str:
        """The name of a length; a length that no argument has is a number."""
        if self.shape_of(axis) is None:
            return str(axis.length)
        name = self.sizes(axis)
        self.axes[name] = axis
        return name

    def helper(self, name: str) -> str:
        """A function of our own that the source then brings along."""
        self.helpers.add(name)
        return name


def full(code: Code, x: Layout, program: Program) -> str:
    """The text for an array of the full shape of its layout."""
    if code.full or not x.axes:
        return code.text
    shape = ", ".join(program.size(a) for a in x.axes)
    shape = f"({shape})" if len(x.axes) > 1 else shape
    return (
        f"np.full({shape}, {code.text})"
        if x.kind is Kind.FILL
        else f"np.broadcast_to({code.text}, {shape})"
    )


def wrapped(c: Code, hold: int) -> str:
    """The text, in parentheses if it holds together less tightly than ``hold``."""
    return c.text if c.hold >= hold else f"({c.text})"
