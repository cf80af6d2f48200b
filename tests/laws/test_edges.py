"""The slopes of the conventions, row by row, and what a row alone cannot show."""

from __future__ import annotations

import pytest
from chainrule.ir.primitive import Primitive
from chainrule.ops import PRIMITIVES
from tests.laws.compositions import EXACT, REFUSED, SMOOTH, compositions
from tests.laws.edges import entries, slopes_at_edges


@pytest.mark.parametrize("row", [r for r in PRIMITIVES if entries(r)], ids=lambda row: row.name)
def test_slopes_at_edges(row: Primitive) -> None:
    slopes_at_edges(row)


COMPOSED = [r for r in PRIMITIVES if r.name in {*SMOOTH, *EXACT, *REFUSED}]


@pytest.mark.parametrize("row", COMPOSED, ids=lambda row: row.name)
def test_compositions(row: Primitive) -> None:
    compositions(row)
