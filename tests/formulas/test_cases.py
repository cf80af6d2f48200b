"""The twenty cases: value, text, the source on its own, and the same bytes in every process."""

import os
import subprocess
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from tests.formulas import data
from tests.formulas.cases import CASES, Case
from tests.formulas.protocol import canonical, is_clean

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def derivative(case: Case) -> object:
    return getattr(cr, case.kind)(case.function, wrt=case.wrt)


@cases
def test_value(case: Case) -> None:
    value, expected = derivative(case)(*case.arguments), np.asarray(case.reference())
    assert np.shape(value) == expected.shape
    assert np.max(np.abs(value - expected)) <= 1e-9 * max(1, np.max(np.abs(expected)))


@cases
def test_text(case: Case) -> None:
    text = cr.formula(derivative(case))(*case.arguments).text
    assert canonical(text) in [canonical(expected) for expected in case.texts], text
    assert is_clean(text, case.texts[0]), text


@cases
def test_source_runs_alone(case: Case) -> None:
    source = cr.formula(derivative(case))(*case.arguments).code("numpy")
    outside = {key: getattr(data, key) for key in vars(data) if not key.startswith("_")}
    scope = {key: value for key, value in outside.items() if key not in ("np", "rng")}
    before = set(scope)
    exec(source, scope)
    (function,) = (v for k, v in scope.items() if k not in before and callable(v) and k[0] != "_")
    value = derivative(case)(*case.arguments)
    assert np.max(np.abs(function(*case.arguments) - value)) <= 1e-12 * max(
        1, np.max(np.abs(value))
    )


PRINT_ALL = """
import chainrule as cr
from tests.formulas.cases import CASES
for case in CASES:
    formula = cr.formula(getattr(cr, case.kind)(case.function, wrt=case.wrt))(*case.arguments)
    print(formula, formula.latex, formula.code("numpy"), *formula.steps, sep="\\n")
"""


def test_the_same_bytes_in_every_process() -> None:
    root = Path(__file__).parents[2]
    printed = set()
    for seed in ("0", "1", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        environment["PYTHONPATH"] = os.pathsep.join([str(root), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", PRINT_ALL], env=environment, capture_output=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1


def test_the_order_of_operands_does_not_count() -> None:
    assert canonical("a ⊙ (b + c) − d where d = e + f") == canonical(
        "−d + (c + b) ⊙ a where d = f + e"
    )
    assert canonical("a − b") != canonical("b − a")
    assert canonical("(1 − H^⊙2) ⊙ B") == canonical("B ⊙ (1 − H^⊙2)")
