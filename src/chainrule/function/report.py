"""What a check found, and how it says so."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CheckFailed, Site

WIDTH = 80
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One number that is not what it should be.

    ``mode`` says how it was computed ("forward mode", "reverse mode", "yours"), ``entry`` which
    derivative it is; ``truth`` names the method that gave what was expected.
    """

    mode: str
    argument: str
    entry: str
    expected: Any
    found: Any
    truth: str


@dataclass(frozen=True)
class Report:
    """The outcome of a check; true when everything agrees.

    ``findings`` are the numbers that disagree, ``diagnosis`` what is probably wrong, ``operation``
    and ``site`` where. ``comparisons`` counts what was compared, and ``undecided`` where values of
    the function could not tell.
    """

    function: str
    arguments: tuple[str, ...]
    order: int
    truth: str
    comparisons: int
    undecided: int
    findings: tuple[Finding, ...] = ()
    diagnosis: str | None = None
    operation: str | None = None
    site: Site | None = None
    yours: bool = False

    def __bool__(self) -> bool:
        return not self.findings and (self.comparisons > self.undecided or not self.comparisons)

    def require(self) -> None:
        """Raise `CheckFailed`, with this report as its message, if anything is wrong."""
        if not self:
            raise CheckFailed(str(self))

    def __str__(self) -> str:
        return self.text(WIDTH)

    def text(self, width: int) -> str:
        """The report in lines of at most `width` characters."""
        if not self.findings:
            return self._agreement(width)
        subject = "your derivative" if self.yours else "the derivative"
        counted = f"{len(self.findings)} of {self.comparisons} numbers of {subject} disagree."
        lines = _wrapped(f"{self.function}: WRONG. {counted}", "", width)
        if self.diagnosis:
            lines += _wrapped(self.diagnosis, "  diagnosis  ", width)
        if self.site is not None:
            lines += _wrapped(str(self.site), "  where      ", width)
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            number = _number(finding.found)
            groups.setdefault((finding.entry or finding.argument, number), []).append(finding)
        for (name, number), group in list(groups.items())[:SHOWN]:
            modes = " and ".join(dict.fromkeys(finding.mode for finding in group))
            first = group[0]
            lines += _wrapped(f"{name} ({modes})", "  entry      ", width)
            lines += _wrapped(f"{_number(first.expected)} ({first.truth})", "  expected   ", width)
            lines += _wrapped(number, "  found      ", width)
        if len(groups) > SHOWN:
            lines.append(f"  and {len(groups) - SHOWN} more.")
        return "\n".join(lines)

    def _agreement(self, width: int) -> str:
        names = ", ".join(self.arguments)
        what = "First and second derivatives" if self.order == 2 else "First derivatives"
        told = self.comparisons - self.undecided
        if self.comparisons and not told:
            text = (
                f"{self.function}: UNDECIDED. Values of the function near here tell no derivative."
            )
        else:
            mine = "Your derivative agrees" if self.yours else f"{what} by {names} agree"
            count = f"{told} comparison{'s' if told != 1 else ''}"
            rest = f", {self.undecided} undecided" if self.undecided else ""
            text = f"{self.function}: right. {mine} with {self.truth} ({count}{rest})."
        return "\n".join(_wrapped(text, "", width))


def _wrapped(text: str, label: str, width: int) -> list[str]:
    blank = " " * max(len(label), 2)
    return textwrap.wrap(text, width, initial_indent=label, subsequent_indent=blank)


def _number(x: Any) -> str:
    if isinstance(x, str):
        return x
    value = np.asarray(x)[()]
    return f"{value:.8g}" if np.ndim(value) == 0 else f"shape {np.shape(value)}"
