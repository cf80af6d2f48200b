"""What the README promises is what runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = "python -m pip install '.[examples]' && chainrule tour"
TESTS = "python -m pip install '.[test]' && python -m pytest"


@pytest.mark.parametrize("command", [TOUR, TESTS])
def test_the_two_commands_are_in_the_readme(command: str) -> None:
    assert f"    {command}\n" in README


def test_ci_runs_the_test_command_as_it_stands_there() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith(f"\n{TESTS}\n")


def test_the_program_prints_what_stands_below_it() -> None:
    blocks = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", README, re.DOTALL)
    assert blocks is not None
    program, printed = blocks.groups()
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "error", "-c", program],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
