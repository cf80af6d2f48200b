"""Every law, for every row. A new row joins by existing, and fails if nothing exercises it."""

from __future__ import annotations

import pytest
from chainrule.ir.primitive import Primitive
from chainrule.ops import PRIMITIVES
from tests.laws.arguments import cases
from tests.laws.statements import LAWS, Law


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_row_has_examples(row: Primitive) -> None:
    assert cases(row), f"{row.name} has no examples(): the laws cannot hold it to anything"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_law(row: Primitive, law: Law) -> None:
    for case in cases(row):
        law(case)
