"""The measured figures as tables: run times, first calls, goals, and the README's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peers import TOOLS

Cells = Mapping[str, Mapping[str, Any]]
Rows = Mapping[str, Cells]


@dataclass(frozen=True)
class Table:
    """A title, headings and rows of text."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.headings, ["---"] * len(self.headings), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def text(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def show(self) -> None:
        """Print it, by rich where that is installed."""
        try:
            from rich.console import Console
            from rich.table import Table as Rich
        except ImportError:
            print(f"\n{self.title}\n{self.text()}")
            return
        grid = Rich(title=self.title, title_justify="left")
        for i, heading in enumerate(self.headings):
            grid.add_column(heading, justify="right" if i else "left", no_wrap=True)
        for row in self.rows:
            grid.add_row(*row)
        console = Console()
        if not console.is_terminal:
            console = Console(width=300)
        console.print(grid)


def shown(seconds: float) -> str:
    """Three digits in a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.9995:
            digits = f"{seconds * scale:.3g}"
            return f"{seconds * scale:.0f} {unit}" if "e" in digits else f"{digits} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def seconds(cells: Cells, tool: str) -> float | None:
    found: float | None = cells.get(tool, {}).get("seconds")
    return found


def fastest(cells: Cells, tools: Sequence[str]) -> tuple[str, float] | None:
    """Which of the tools is fastest, and its seconds."""
    found = [(t, s) for t in tools if (s := seconds(cells, t)) is not None]
    return min(found, key=lambda pair: pair[1], default=None)


def short(problem: str) -> str:
    """What a cell says instead of a figure."""
    return "—" if problem.startswith("—") else problem.split(":", maxsplit=1)[0]


def columns(rows: Rows) -> list[str]:
    """The tools of which there is anything."""
    return [tool for tool in TOOLS if any(tool in cells for cells in rows.values())]


def run_times(rows: Rows) -> Table:
    tools = columns(rows)
    lines = []
    for name, cells in rows.items():
        line = [name]
        for tool in tools:
            cell = cells.get(tool, {})
            line.append(
                shown(cell["seconds"]) if "seconds" in cell else short(cell.get("problem", ""))
            )
        lines.append(line)
    title = "One call, median of interleaved rounds, one thread, float64"
    return Table(title, ["", *(TOOLS[t].heading for t in tools)], lines)


def first_calls(rows: Rows) -> Table:
    tools = [t for t in columns(rows) if t not in {"c", "ctypes", "numpy", "differences"}]
    lines = [
        [name, *(shown(c["first"]) if "first" in (c := cells.get(t, {})) else "" for t in tools)]
        for name, cells in rows.items()
    ]
    title = "First call: building, tracing, compiling, running"
    return Table(title, ["", *(TOOLS[t].heading for t in tools)], lines)


def ratio(of: float | None, to: float | None, miss: bool = False) -> str:
    """How many times the one is of the other; a missed goal is marked."""
    if of is None or to is None:
        return ""
    return f"{of / to:.2f}×" + (" !" if miss else "")


def beside(time: float | None, limit: float | None, overhead: float, factor: float) -> str:
    """A time beside the limit: a ratio, or a difference where calling is most of the work."""
    if time is None or limit is None:
        return ""
    mark = " !" if time > factor * limit + overhead else ""
    if limit < 1e-6:
        return f"+{shown(max(time - limit, 0.0))}{mark}"
    return f"{time / limit:.2f}×{mark}"


CALLS = [name for name, tool in TOOLS.items() if tool.peer == "call"]
BOUND = [name for name, tool in TOOLS.items() if tool.peer]


def goals(rows: Rows) -> Table:
    """Each goal as a ratio; those that are missed end in ``!``."""
    headings = [
        "jit ÷ fastest peer", "bound ÷ fastest peer", "jit : limit", "bound : limit",
        "JAX ÷ jit", "PyTorch ÷ jit", "gradient ÷ objective",
        "first ÷ JAX's first",
    ]  # fmt: skip
    lines = []
    for name, cells in rows.items():
        jit, bound, objective = (seconds(cells, t) for t in ("jit", "bound", "objective"))
        limit = fastest(cells, ["c", "numpy"])
        blas = "c" not in cells or "seconds" not in cells["c"]
        line = [name]
        for time, tools in ((jit, CALLS), (bound, BOUND)):
            peer = fastest(cells, tools)
            if time is None or peer is None:
                line.append("")
                continue
            slack = 1.05 if blas else 1.0
            line.append(
                f"{ratio(time, peer[1])} {TOOLS[peer[0]].heading}" + " !" * (time > slack * peer[1])
            )
        for time, overhead in ((jit, 1.5e-6), (bound, 0.2e-6)):
            line.append(beside(time, limit[1] if limit else None, overhead, 1.05 if blas else 1.5))
        for peer in ("jax", "torch"):
            other = seconds(cells, peer)
            missed = bool(jit and other and jit < 1e-3 and other < 4.0 * jit and not blas)
            line.append(ratio(other, jit, missed))
        of_kind = objective if name.startswith("gradient,") else None
        line.append(ratio(jit, of_kind, bool(jit and of_kind and jit > 3.0 * of_kind)))
        first, theirs = (cells.get(t, {}).get("first") for t in ("jit", "jax"))
        line.append(ratio(first, theirs, bool(first and theirs and first > 0.2 * theirs)))
        lines.append(line)
    title = "Goals; the limit is the faster of C and NumPy by hand; ! is a goal missed"
    return Table(title, ["", *headings], lines)


def multiple(x: float) -> str:
    """Two digits."""
    if x < 0.01:
        return "< 0.01×"
    return f"{x:.0f}×" if x >= 99.5 else f"{x:.2g}×"


#: The columns of the README: a heading, and the tools of which the fastest counts.
README = {
    "C by hand": ["c"],
    "NumPy by hand": ["numpy"],
    "without `jit`": ["tiers"],
    "in NumPy": ["plain"],
    "JAX": ["jax"],
    "PyTorch": ["torch"],
    "`torch.compile`": ["compile"],
    "autograd": ["autograd"],
    "CasADi": ["casadi", "casadi-bound", "casadi-c"],
    "numba": ["numba"],
}


def readme(rows: Rows) -> Table:
    """The time of chainrule, and how many times the others take as long."""
    there = set(columns(rows))
    others = {heading: tools for heading, tools in README.items() if there & set(tools)}
    lines = []
    for name, cells in rows.items():
        jit, bound = seconds(cells, "jit"), seconds(cells, "bound")
        line = [name, *(shown(t) if t else "—" for t in (jit, bound))]
        for tools in others.values():
            best = fastest(cells, tools)
            line.append(multiple(best[1] / jit) if best and jit else "—")
        lines.append(line)
    title = "Time of one call; the others as multiples of the first column"
    return Table(title, ["", "`jit`", "`bind`", *others], lines)
