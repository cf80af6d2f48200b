"""What a command prints: a page of 80 columns, styled on a terminal and plain text elsewhere."""

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

__all__ = ["Page", "number"]

WIDTH = 80
MARGIN = 2


class Page:
    """Prints headings, paragraphs, code, formulas and tables on one stream.

    On a terminal there is colour and there are rules. On a pipe or in a file there is only text,
    with the same words in the same places, so that two runs can be compared line by line.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        # Formulas need Unicode whatever the locale of a pipe says.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in {
            "utf-8",
            "utf8",
        }:
            stream.reconfigure(encoding="utf-8")
        self._stream = stream
        # Brackets and colons are mathematics here, never markup.
        self._console = Console(file=stream, markup=False, emoji=False, highlight=False)
        self.plain = not self._console.is_terminal
        # A dumb terminal has no width to ask for, and a pipe has none at all.
        known = self._console.is_terminal and not self._console.is_dumb_terminal
        self._console.width = min(WIDTH, self._console.width) if known else WIDTH

    def title(self, text: str) -> None:
        """Print the name of the whole page."""
        self._print(Text(text, style="bold"))
        self._underline("=" if self.plain else "━", len(text) if self.plain else None)

    def heading(self, text: str) -> None:
        """Print the heading of a section, with an empty line before it."""
        self.gap()
        self._print(Text(text, style="bold cyan"))
        self._underline("-" if self.plain else "─", len(text) if self.plain else None)

    def say(self, text: str) -> None:
        """Print a paragraph. Line breaks in `text` are only the source file's."""
        self._print(Text(" ".join(text.split())))

    def source(self, code: str) -> None:
        """Print Python source, indented."""
        if self.plain:
            self.block(code)
        else:
            shown = Syntax(code.rstrip(), "python", theme="ansi_dark", background_color="default")
            self._print(Padding(shown, (0, 0, 0, 2 * MARGIN)))

    def block(self, text: str) -> None:
        """Print lines exactly as they are, indented: never wrapped, so that they can be copied."""
        for line in text.rstrip().splitlines():
            self._print(Text(" " * 2 * MARGIN + line), soft_wrap=True)

    def formula(self, text: str) -> None:
        """Print one formula on lines of its own."""
        width = self._console.width - 2 * MARGIN
        shown = Text(_before_where(text, width), style="bold green")
        self._print(Padding(shown, (0, 0, 0, 2 * MARGIN)))

    def entries(self, rows: Iterable[tuple[str, str]], *, style: str = "bold green") -> None:
        """Print labelled formulas; a long one continues under its own beginning."""
        grid = Table.grid(padding=(0, 2), pad_edge=False)
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(style=style, overflow="fold")
        labelled = list(rows)
        labels = max((len(label) for label, _ in labelled), default=0)
        width = self._console.width - 2 * MARGIN - labels - 2
        for label, text in labelled:
            grid.add_row(Text(label), Text(_before_where(text, width)))
        self._print(Padding(grid, (0, 0, 0, 2 * MARGIN)))

    def derivation(self, lines: Sequence[tuple[str, str]]) -> None:
        """Print statements with the rule of each beside it, or below where there is no room."""
        width = self._console.width - 2 * MARGIN
        left = max((len(text) for text, _ in lines if len(text) < 0.62 * width), default=0)
        for text, rule in lines:
            shown = Text()
            shown.append(_before_where(text, width).replace("\n", "\n" + " " * MARGIN), "bold green")
            last = text.rpartition(" where ")[2] if len(text) > width else text
            if len(last) <= left and left + 2 + len(rule) <= width:
                shown.append(" " * (left - len(last) + 2) + rule, "dim")
            elif len(last) + 2 + len(rule) <= width:
                shown.append("  " + rule, "dim")
            else:
                shown.append("\n" + " " * 2 * MARGIN + rule, "dim")
            self._print(Padding(shown, (0, 0, 0, 2 * MARGIN)))

    def proof(self, text: str) -> None:
        """Print a certificate: its first line is the claim."""
        claim, _, rest = text.partition("\n")
        self.verdict(True, claim)
        for line in rest.splitlines():
            shown = Text(_before_where(line.strip(), self._console.width - 2 * MARGIN - 2))
            self._print(Padding(shown, (0, 0, 0, 2 * MARGIN + 2)))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print columns of figures, right-aligned under their names; words align left.

        A column whose name ends with a space is one of words.
        """
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        for name in header:
            words = name.endswith(" ")
            table.add_column(Text(name.strip()), justify="left" if words else "right")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._print(Padding(table, (0, 0, 0, 2 * MARGIN)))

    def verdict(self, holds: bool, text: str) -> None:
        """Print one claim with its mark: a tick where it holds, a cross where it does not."""
        mark, style = ("✓", "green") if holds else ("✗", "bold red")
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style=style)
        grid.add_column(style="" if holds else style)
        grid.add_row(Text(mark), Text(text))
        self._print(Padding(grid, (0, 0, 0, MARGIN)))

    def report(self, holds: bool, text: Callable[[int], str]) -> None:
        """Print the outcome of a check; `text` makes its lines for the width that it is given."""
        lines = text(self._console.width - MARGIN - 2)
        self.verdict(holds, " ".join(lines.split()) if holds else lines)

    def gap(self) -> None:
        """Print an empty line."""
        self._print(Text())

    def bar(self, fraction: float, width: int = 8) -> str:
        """Return a horizontal bar for a figure between 0 and 1."""
        filled = round(width * min(max(fraction, 0.0), 1.0))
        return ("#" if self.plain else "█") * filled

    def _print(self, content: RenderableType, *, soft_wrap: bool = False) -> None:
        """Print, and on plain pages without the blanks that fill a line up to the width."""
        if not self.plain:
            self._console.print(content, soft_wrap=soft_wrap)
            return
        with self._console.capture() as lines:
            self._console.print(content, soft_wrap=soft_wrap)
        self._stream.writelines(line.rstrip() + "\n" for line in lines.get().splitlines())

    def _underline(self, character: str, length: int | None) -> None:
        """Draw a rule under a heading: the words' length as plain text, else the page's width."""
        width = self._console.width if length is None else length
        self._print(Text(character * width, style="dim"))


def _before_where(text: str, width: int) -> str:
    """Break a formula that is too long for one line before its definitions.

    >>> print(_before_where("∇_w f = Xᵀ(σ(z) − t) where z = Xw", 24))
    ∇_w f = Xᵀ(σ(z) − t)
    where z = Xw
    """
    formula, where, definitions = text.partition(" where ")
    return f"{formula}\nwhere {definitions}" if where and len(text) > width else text


def number(value: float, digits: int = 4) -> str:
    """Return a figure with `digits` significant digits, in as few characters as are readable.

    >>> number(29074.4812), number(0.25), number(3.1e-13)
    ('2.907e+04', '0.25', '3.1e-13')
    """
    return f"{value:.{digits}g}"
