"""The models of ``models.py``: text, hygiene, and the printed text read back on other numbers."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import pytest
from tests.formulas.models import CASES
from tests.formulas.protocol import UGLY, canonical


@pytest.mark.parametrize(("derivative", "arguments", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])  # fmt: skip
def test_text(derivative: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    found = cr.formula(derivative)(*arguments).text
    assert canonical(found) == canonical(text), found
    if "[ij" not in text:
        assert not any(mark in found for mark in UGLY if mark not in text)
