"""A sample of the mutants of the derivative rules is killed; ``tests/mutation.py`` tries all."""

from __future__ import annotations

import pytest
from tests.mutation import sampled, trials

SAMPLE = 96
SHARES = 4


def test_there_are_mutants_of_every_module() -> None:
    assert len(sampled(1 << 30)) > 1_000


@pytest.mark.parametrize("share", range(SHARES))
def test_sampled_mutants_are_killed(share: int) -> None:
    lived = [
        f"{verdict}: {mutant} [{rows}]"
        for mutant, verdict, rows in trials(sampled(SAMPLE)[share::SHARES], processes=1)
        if verdict == "survived"
    ]
    assert not lived, "\n".join(lived)
