"""The set of Moré, Garbow & Hillstrom, from the standard starts, by the automatic choice."""

from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from tests.optimize.mgh import PROBLEMS
from tests.optimize.nist import MODELS

#: What is known to be a local minimum only: (problem, function that finds it).
LOCAL = {
    ("freudenstein_roth", "minimize"),
    ("trigonometric", "minimize"),
    ("freudenstein_roth", "least_squares"),
    ("trigonometric", "least_squares"),
}


def near(found, known) -> bool:
    return abs(found - known) <= 1e-6 * (abs(known) or 1.0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimize_finds_a_published_minimum(name) -> None:
    p = PROBLEMS[name]
    found = cr.minimize(p.value, p.start)
    assert found.success, found.message
    assert found.curvature in ("minimum", "flat")
    allowed = p.minima if (name, "minimize") in LOCAL else p.minima[:1]
    assert any(near(found.fun, known) for known in allowed)


@pytest.mark.parametrize("name", PROBLEMS)
def test_least_squares_finds_a_published_minimum(name) -> None:
    p = PROBLEMS[name]
    found = cr.least_squares(p.residuals, p.start)
    assert found.success, found.message
    allowed = p.minima if (name, "least_squares") in LOCAL else p.minima[:1]
    assert any(near(2 * found.cost, known) for known in allowed)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-exact", "trust-ncg"])
@pytest.mark.parametrize("name", ["rosenbrock", "beale", "wood", "powell_singular"])
def test_scipys_methods_on_exact_derivatives(name, method) -> None:
    p = PROBLEMS[name]
    found = cr.minimize(p.value, p.start, method=method, tol=1e-10)
    assert found.fun < 1e-7
    assert np.max(np.abs(found.jac)) == found.gradient_norm


def test_the_page_has_a_row_for_each_problem() -> None:
    """``python tests/optimize/table.py`` writes it."""
    page = Path(__file__).parents[2] / "docs" / "problems.md"
    if not page.exists():
        pytest.skip("no documentation in this distribution")
    rows = [line.split("|")[1].strip() for line in page.read_text("utf-8").splitlines() if "|" in line]
    assert {name.replace("_", " ") for name in PROBLEMS} | set(MODELS) <= set(rows)
