"""Native code gives what the NumPy reference gives: every row, and programs of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.ir.primitive import Primitive
from chainrule.native import llvm
from chainrule.native.program import compile_graph
from chainrule.ops import PRIMITIVES
from tests.laws.arguments import Case, cases

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)


def compiled(case: Case) -> tuple[list[Any], list[Any]]:
    """What native code and the reference make of a case."""
    inputs = case.inputs()
    outputs = case.outputs(inputs)
    with np.errstate(all="ignore"):
        expected = case.value()
    found = compile_graph(Graph(tuple(inputs), tuple(outputs)))(case.arrays)
    assert found is not None
    return found, expected


def assert_same(found: list[Any], expected: list[Any], row: Primitive) -> None:
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype or b.ndim == 0
        assert a.shape == b.shape
        if b.dtype.kind in "fc":
            eps = float(np.finfo(b.dtype).eps)
            np.testing.assert_allclose(a, b, rtol=200 * eps, atol=50 * eps, equal_nan=True)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [float, np.float32], ids=["double", "single"])
@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_native_is_the_reference(row: Primitive, dtype: Any) -> None:
    for case in cases(row):
        found, expected = compiled(case.as_dtype(dtype))
        assert_same(found, expected, row)
