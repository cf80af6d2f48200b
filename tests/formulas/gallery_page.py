"""The gallery as a page of the documentation, with pictures: ``python tests/formulas/gallery_page.py``."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import chainrule as cr
from tests.formulas.gallery import GALLERY, Entry

DOCS = Path(__file__).parents[2] / "docs"
OPENING = """# A gallery of formulas

Every formula on this page was printed by `chainrule`, from plain NumPy code, and is a test: the
[functions](../tests/formulas/gallery.py) stand in `tests/formulas/gallery.py`, and
`python tests/formulas/gallery_page.py` writes this page and its pictures. Before each was printed,
its own source was run on other examples and agreed with the derivative to 1e-10.

`σ` is the logistic function, `⊙` and `⊘` multiply and divide by elements, `^⊙2` squares by elements,
`𝟏` is a vector of ones and `𝟙[·]` is 1 where the condition holds, else 0. Where two sides of a kink
meet, a condition with one bound is ½ if the two share, as [the conventions](conventions.md) say. The
pictures are set by matplotlib, which draws a matrix of entries in one line.
"""


def sections() -> dict[str, list[Entry]]:
    """The entries by section, in order."""
    found: dict[str, list[Entry]] = {}
    for entry in GALLERY:
        found.setdefault(entry.section, []).append(entry)
    return found


def file_name(section: str) -> str:
    """The picture of a section."""
    return "formulas-" + re.sub(r"\W+", "-", section.lower()) + ".png"


def page() -> str:
    """The whole page, ``docs/gallery.md``."""
    parts = [OPENING]
    for section, entries in sections().items():
        rows = ["| | formula |", "|---|---|"]
        for entry in entries:
            text = str(cr.formula(entry.derivative)(*entry.arguments)).replace("|", "\\|")
            shown = "<br>".join(f"`{line.strip()}`" for line in text.splitlines())
            rows.append(f"| {entry.name} | {shown} |")
        picture = f"![The formulas of this section, set in LaTeX](images/{file_name(section)})"
        parts.append(f"## {section}\n\n" + "\n".join(rows) + f"\n\n{picture}\n")
    return "\n".join(parts)


def drawable(latex: str) -> str:
    """LaTeX without environments, which matplotlib does not have."""

    def rows(match: re.Match[str]) -> str:
        lines = match.group(1).replace(" & ", r",\; ").split(r" \\ ")
        return r"\left[" + r";\;\; ".join(lines) + r"\right]"

    # It draws stretched bars too small.
    for bar in (r"\|", "|"):
        latex = latex.replace(rf"\left{bar}", bar).replace(rf"\right{bar}", bar)
    latex = re.sub(r"\\begin\{bmatrix\} (.*?) \\end\{bmatrix\}", rows, latex)
    if latex.startswith(aligned := r"\begin{aligned} "):
        latex = latex.removeprefix(aligned).removesuffix(r" \end{aligned}")
        latex = latex.replace("&=", "=").replace(r" \\ ", r",\;\; ")
    return latex


def draw() -> None:
    """The pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["mathtext.fontset"] = "cm"
    import matplotlib.pyplot as plt

    (DOCS / "images").mkdir(exist_ok=True)
    for section, entries in sections().items():
        height = 0.5 * len(entries)
        figure = plt.figure(figsize=(9.6, height))
        for k, entry in enumerate(entries):
            formula = cr.formula(entry.derivative)(*entry.arguments)
            at = 1 - (k + 0.5) / len(entries)
            figure.text(0.01, at, f"${drawable(formula.latex)}$", fontsize=14, va="center")
        figure.savefig(DOCS / "images" / file_name(section), dpi=110, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")
    draw()
