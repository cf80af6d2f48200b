"""What the README promises is what runs."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOUR = "python -m pip install '.[examples]' && chainrule tour"
TESTS = "python -m pip install '.[test]' && python -m pytest"


@pytest.mark.parametrize("command", [TOUR, TESTS])
def test_the_two_commands_are_in_the_readme(command: str) -> None:
    assert f"    {command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_test_command_as_it_stands_there() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith(f"\n{TESTS}\n")
