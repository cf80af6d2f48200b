"""What ``formula`` gives: a verified statement in every notation, its legend and its derivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from ..display.dialects import translated
from ..display.latex import bold
from ..display.naming import unicode_name


@dataclass(frozen=True)
class Step:
    """One line of a derivation: the rule, and what it gives, in all notations."""

    rule: str
    text: str
    latex: str = ""
    source: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.text}    ({self.rule})"

    def code(self, dialect: str = "numpy") -> str:
        """Source that computes the right-hand side from the symbols in it."""
        return self.source if dialect == "numpy" else translated(self.source, dialect)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


@dataclass(frozen=True)
class Symbol:
    """One symbol of a formula, and what it stands for: ``X ∈ ℝ^{N×d}``."""

    name: str
    latex_name: str
    sizes: tuple[str, ...]
    role: str
    latex_sizes: tuple[str, ...] = ()
    integer: bool = False

    def __str__(self) -> str:
        space = "ℤ" if self.integer else "ℝ"
        sizes = "×".join(self.sizes)
        power = f"^{{{sizes}}}" if len(self.sizes) > 1 or len(sizes) > 1 else f"^{sizes}"
        return f"{self.name} ∈ {space}{power if sizes else ''}"

    @property
    def latex(self) -> str:
        """The same in LaTeX."""
        space = r"\mathbb{Z}" if self.integer else r"\mathbb{R}"
        sizes = r" \times ".join(self.latex_sizes)
        return rf"{self.latex_name} \in {space}" + (f"^{{{sizes}}}" if sizes else "")


@dataclass(frozen=True)
class Formula:
    """A verified formula. ``str`` is the whole statement, ``text`` its right-hand side.

    Several results, as of a gradient by several arguments, have a line each in the statement, under
    names of their own; in ``text`` they stand side by side.

    ``latex`` is the statement in LaTeX, ``code("numpy")`` a stand-alone module with one function
    that computes it, ``legend`` what its symbols are, ``steps`` how it came about.
    """

    heading: str
    text: str
    latex: str
    legend: tuple[Symbol, ...]
    _sources: dict[str, str] = field(repr=False)
    _derived: Callable[[], tuple[Step, ...]] = field(repr=False, compare=False)
    _integers: frozenset[str] = field(default=frozenset(), repr=False)
    #: Other sizes for which the source was run and compared; none where a size is a given number.
    sizes: tuple[tuple[str, int], ...] = ()
    #: ``text`` with every entry, where ``text`` says ``… (n more)`` of a long array of entries.
    full_text: str = field(default="", repr=False)
    #: The whole statement, where there are several results.
    _statement: str = field(default="", repr=False)
    #: An array of the source, whose type and device PyTorch's new tensors have.
    _like: str = field(default="", repr=False)

    @property
    def proof(self) -> str:
        """What was done to verify it, in a sentence."""
        text = "evaluated from its printed source on two other examples, it agrees to 1e-10"
        if self.sizes:
            sizes = ", ".join(f"{unicode_name(name)} = {n}" for name, n in self.sizes)
            return f"{text}, and for other sizes ({sizes}) too"
        return f"{text}, for these sizes"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation by the chain rule, from the function on; each line was verified.

        A line has ``text``, ``latex``, ``code()`` and the ``rule`` by which it follows.
        """
        return self._derived()

    def __str__(self) -> str:
        return self._statement or f"{self.heading} = {self.text}"

    def __repr__(self) -> str:
        return f"<Formula {self}>"

    def code(self, dialect: str = "numpy") -> str:
        """Source that computes the formula, in ``numpy``, ``jax`` or ``torch``.

        It is a module with one function. What the original reads from outside it reads from
        outside too. PyTorch's takes tensors, also for numbers.

        Raises:
            ValueError: for another dialect.
            FormulaError: where PyTorch has no word for a function.
        """
        if dialect not in ("numpy", "jax", "torch"):
            raise ValueError(f"code({dialect!r}): the dialects are 'numpy', 'jax' and 'torch'.")
        if dialect not in self._sources:
            self._sources[dialect] = translated(
                self._sources["numpy"], dialect, self._integers, self._like
            )
        return self._sources[dialect]

    def to_latex(self, *, bold_arrays: bool = False) -> str:
        """The statement in LaTeX; ``bold_arrays`` sets vectors and matrices in bold, upright."""
        if not bold_arrays:
            return self.latex
        arrays = {s.latex_name for s in self.legend if s.sizes}
        return bold(self.latex, arrays)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_html_(self) -> str:
        rows = ", ".join(f"\\({s.latex}\\)" for s in self.legend)
        legend = f'<div style="opacity: 0.7">with {rows}</div>' if rows else ""
        return (
            f'<div title="{escape(str(self))}">\\(\\displaystyle {escape(self.latex)}\\)</div>'
            f"{legend}"
        )
