"""The pictures of ``docs/plotting.md``, drawn by the page's own programs.

``python tests/plot/pictures.py`` runs them and saves each figure under the name by which the page
shows it, in order.
"""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "plotting.md"
SHOWN = re.compile(r"^!\[.+\]\((pictures/[a-z]+\.png)\)$", re.MULTILINE)
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def draw() -> None:
    """Run the page; each of its programs makes one figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    page, names = PAGE.read_text(encoding="utf-8"), {}
    programs, shown = PROGRAM.findall(page), SHOWN.findall(page)
    for program, name in zip(programs, shown, strict=True):
        exec(program, names)
        (number,) = plt.get_fignums()
        plt.figure(number).savefig(DOCS / name, dpi=80, pil_kwargs={"optimize": True})
        plt.close("all")


if __name__ == "__main__":
    draw()
