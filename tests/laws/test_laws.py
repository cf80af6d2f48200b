"""Every law, for every row. A new row joins by existing, and fails if nothing exercises it."""

from __future__ import annotations

import pytest
from chainrule.errors import UnsupportedFunction
from chainrule.ir.primitive import Primitive
from chainrule.ops import PRIMITIVES
from tests.laws.arguments import cases
from tests.laws.higher import second_derivative, third_derivative
from tests.laws.statements import LAWS, Law

#: Rows that are a slope themselves, and whose own second derivative has no formula.
REFUSED_TWICE = frozenset({
    "gamma_by_a", "beta_by_a", "beta_by_b", "elliprd", "kolmogorov_slope",
})  # fmt: skip


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_row_has_examples(row: Primitive) -> None:
    assert cases(row), f"{row.name} has no examples(): the laws cannot hold it to anything"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_law(row: Primitive, law: Law) -> None:
    for case in cases(row):
        try:
            law(case)
        except UnsupportedFunction:
            # No formula for a derivative of that order, by that parameter: refused, not wrong.
            if law is not third_derivative and not (
                law is second_derivative and row.name in REFUSED_TWICE
            ):
                raise
