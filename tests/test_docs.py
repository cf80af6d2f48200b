"""The programs in the documentation run, and print what stands below them.

All blocks of a page are one program, as they are to its reader.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from chainrule.function.execution import compiler

ROOT = Path(__file__).parents[1]
PROGRAM = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if "```python" in path.read_text(encoding="utf-8")
]
BETWEEN = "--- the next block ---"


def printed_by(programs: list[str]) -> list[str]:
    """Return what each program prints, one after another in one interpreter."""
    whole = f"\nprint('{BETWEEN}')\n".join(programs)
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", "-c", whole],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(f"{BETWEEN}\n")


def test_there_are_pages_with_programs() -> None:
    assert {path.name for path in PAGES} >= {"README.md", "check.md", "formulas.md", "native.md"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_program_prints_what_stands_below_it(path: Path) -> None:
    if path.stem == "native" and compiler() is None:
        pytest.skip("the page shows native code")
    text = path.read_text(encoding="utf-8")
    blocks = PROGRAM.findall(text)
    assert len(blocks) == text.count("```python")
    found = printed_by([program for program, _ in blocks])
    assert found == [shown for _, shown in blocks]
