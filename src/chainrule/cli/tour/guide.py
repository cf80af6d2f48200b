"""What leads through a chapter: it prints, and keeps account of every claim made on the way."""

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import Page, number
from chainrule.errors import ChainruleError, FormulaError

__all__ = ["Chapter", "Claim", "Guide"]


@dataclass(frozen=True)
class Claim:
    """One statement that was checked while it was printed."""

    chapter: str
    text: str
    holds: bool


@dataclass(frozen=True)
class Chapter:
    """A heading of the course notes, and the function that walks through it."""

    title: str
    walk: Callable[["Guide"], None]


class Guide:
    """Prints a chapter's text, code, formulas and figures, and collects its claims."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.claims: list[Claim] = []
        self._chapter = ""
        self._claiming = False

    def say(self, text: str) -> None:
        """Print a paragraph, with an empty line before it."""
        self._part()
        self.page.say(text)

    def show(self, *functions: Callable[..., Any]) -> None:
        """Print functions as a user would write them: without the tour's annotations."""
        for function in functions:
            self._part()
            self.page.source(plain_source(function))

    def formulas(self, *derivatives: tuple[Callable[..., Any], tuple[Any, ...], str]) -> None:
        """Derive and print formulas: each a derivative, its arguments, and the one by hand.

        An empty third entry is a formula that nobody derived by hand.
        """
        self._part()
        for differentiated, arguments, by_hand in derivatives:
            try:
                derived = str(cr.formula(differentiated)(*arguments))
            except FormulaError as error:
                self.claim(f"a formula can be shown: {_first_line(error)}", False)
                continue
            rows = [("derived", derived)]
            if by_hand:
                rows.append(("by hand", by_hand))
            self.page.entries(rows)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, with an empty line before it."""
        self._part()
        self.page.table(header, rows)

    def entries(self, rows: list[tuple[str, str]]) -> None:
        """Print labelled figures, with an empty line before them."""
        self._part()
        self.page.entries(rows, style="")

    def lead(self, chapter: Chapter) -> None:
        """Walk through a chapter; one that breaks off is a claim that does not hold."""
        self._chapter = chapter.title
        try:
            chapter.walk(self)
        except ChainruleError as error:
            self.claim(f"the chapter goes on to its end: {_first_line(error)}", False)

    def claim(self, text: str, holds: bool) -> None:
        """Print a statement with its mark, and remember it."""
        if not self._claiming:
            self._part()
            self._claiming = True
        self.claims.append(Claim(self._chapter, text, holds))
        self.page.verdict(holds, text)

    def _part(self) -> None:
        """Set off what follows by an empty line."""
        self.page.gap()
        self._claiming = False

    def agree(self, text: str, found: Any, expected: Any, tolerance: float = 1e-9) -> None:
        """Claim that two arrays are equal; the largest relative difference is part of the text."""
        difference = relative_difference((found,), (expected,))
        self.claim(f"{text} (difference {number(difference, 1)})", difference <= tolerance)

    def confirm(self, text: str, report: Any) -> None:
        """Claim what a report of `chainrule.check` confirms; print the report where it does not."""
        self.claim(text, bool(report))
        if not report:
            self.page.report(False, report.text)


def _first_line(error: ChainruleError) -> str:
    return str(error).partition("\n")[0]


def relative_difference(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """Return the largest difference of two lists of arrays, relative to the largest entry of all.

    Arrays of different shapes differ infinitely, and so does one that has a NaN.
    """
    pairs = [(np.asarray(f), np.asarray(e)) for f, e in zip(found, expected, strict=True)]
    if any(f.shape != e.shape for f, e in pairs):
        return np.inf
    scale = max(np.max(np.abs(e), initial=np.finfo(float).tiny) for _, e in pairs)
    difference = max(float(np.max(np.abs(f - e), initial=0.0)) for f, e in pairs) / scale
    return np.inf if np.isnan(difference) else float(difference)


def plain_source(function: Callable[..., Any]) -> str:
    """Return a function's source with its bare signature, at the left margin."""
    source = dedent(inspect.getsource(function))
    first = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    body = source.splitlines()[first.body[0].lineno - 1 :]
    parameters = ", ".join(inspect.signature(function).parameters)
    return "\n".join([f"def {first.name}({parameters}):", *body])
