"""Random programs in every run: the same ones each time, shrunk to the shortest when one fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.fuzz import verdict
from tests.programs import generate
from tests.templates_state import EVERY

#: Programs in all, over the shares that the processes of one run divide among themselves.
PROGRAMS = 2_000
SHARES = 8


def _share(number: int, counts: Counter[str]) -> Callable[[], None]:
    @seed(number)
    @settings(max_examples=PROGRAMS // SHARES, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def programs(rng: Random) -> None:
        kind, report = verdict(0, generate(rng, EVERY))
        assert kind in ("ok", "no truth"), report
        counts[kind] += 1

    run: Callable[[], None] = programs
    return run


@pytest.mark.parametrize("share", range(SHARES))
def test_random_programs(share: int) -> None:
    counts: Counter[str] = Counter()
    _share(share, counts)()
    assert counts["no truth"] <= 0.02 * counts["ok"], counts


def test_a_number_names_the_same_program_everywhere() -> None:
    one, other = (generate(Random(7), EVERY) for _ in range(2))  # noqa: S311 - not a secret
    assert one.script() == other.script()
    assert "def f(" in one.script()
