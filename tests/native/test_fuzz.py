"""A few random programs, jitted and not; `tests/native/fuzz.py` runs any number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chainrule.native import llvm
from tests.native import fuzz

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    with fuzz.loud():
        yield


@pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy")
@pytest.mark.parametrize("part", range(5))
def test_native_programs_give_what_numpy_gives(part: int) -> None:
    for seed in range(40 * part, 40 * part + 40):
        kind, report = fuzz.verdict(seed, jax=False)
        assert kind in ("ok", "unsupported"), report


@pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy")
@pytest.mark.parametrize("seed", [71887])
def test_programs_that_were_wrong_once(seed: int) -> None:
    kind, report = fuzz.verdict(seed, jax=False)
    assert kind == "ok", report
