"""IPOPT itself, by ``cyipopt``: where that is not installed, nothing here runs.

``pip install cyipopt`` needs IPOPT's headers and library, which CasADi's wheel holds, too.
"""

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from chainrule.errors import ArgumentError
from tests.optimize.test_constraints import PROBLEMS

pytest.importorskip("cyipopt")


def valley(p):
    return (1 - p["a"]) ** 2 + 100 * (p["b"] - p["a"] ** 2) ** 2


START = {"a": -1.2, "b": 1.0}


@pytest.mark.parametrize("number", PROBLEMS)
def test_the_published_minimum_is_found(number) -> None:
    f, start, bounds, above, equal, minimum = PROBLEMS[number]
    constraints = [
        *({"type": "ineq", "fun": g} for g in above),
        *({"type": "eq", "fun": g} for g in equal),
    ]
    steps = []
    found = cr.minimize(
        f, np.array(start, float), bounds=bounds, constraints=constraints, method="ipopt", callback=steps.append
    )
    assert found.success, found.message
    assert found.method == "ipopt"
    assert len(steps) == found.nit
    np.testing.assert_allclose(found.fun, minimum, rtol=1e-7, atol=1e-7)
    if constraints:
        assert found.violation < 1e-9
        assert found.stationarity < 1e-6
    if bounds is not None:
        low, high = (np.array([a if a is not None else s for a in side], float)
                     for side, s in zip(zip(*bounds, strict=True), (-np.inf, np.inf), strict=True))  # fmt: skip
        assert np.all((low <= found.x) & (found.x <= high))


def test_derivatives_are_exact_and_counted() -> None:
    found = cr.minimize(valley, START, method="ipopt")
    np.testing.assert_allclose([found.x["a"], found.x["b"]], 1, rtol=1e-12)
    assert found.curvature == "minimum"
    assert found.nhev == found.nit
    bound = cr.minimize(valley, START, method="ipopt", bounds={"a": (None, 0.5)})
    assert bound.success, bound.message
    assert "at their bounds" in bound.message
    np.testing.assert_allclose([bound.x["a"], bound.x["b"]], [0.5, 0.25], rtol=1e-8)


@pytest.mark.parametrize("matrix", [np.array([[1.0, 1.0]]), scipy.sparse.csr_matrix([[1.0, 1.0]])])
def test_linear_constraints(matrix) -> None:
    line = scipy.optimize.LinearConstraint(matrix, 1, 1)
    found = cr.minimize(valley, START, method="ipopt", constraints=line)
    assert found.success
    np.testing.assert_allclose(found.x["a"] + found.x["b"], 1, rtol=1e-12)
    slope = cr.ravel(found.jac)[0]
    np.testing.assert_allclose(slope + found.multipliers, 0, atol=1e-8)


def test_how_it_can_end() -> None:
    def stop(x):
        raise StopIteration

    assert "Stopped by the callback" in cr.minimize(valley, START, method="ipopt", callback=stop).message
    short = cr.minimize(valley, START, method="ipopt", options={"maxiter": 3})
    assert not short.success
    assert "limit of 3 steps" in short.message
    apart = [{"type": "ineq", "fun": lambda p: p["a"] - 2}, {"type": "ineq", "fun": lambda p: 1 - p["a"]}]
    none = cr.minimize(valley, START, method="ipopt", constraints=apart)
    assert not none.success
    assert "Infeasible" in none.message
    falls = cr.minimize(lambda x: -np.sum(x), [1.0, 2.0], method="ipopt")
    assert not falls.success
    assert "Unbounded" in falls.message
    back = cr.minimize(lambda x: x[0] - np.log(x[0]), [1e-3], method="ipopt")  # it steps below 0
    assert back.success
    with pytest.raises(ArgumentError, match="takes no option 'no_such'"):
        cr.minimize(valley, START, method="ipopt", options={"no_such": 1})


def test_what_raises_is_raised_with_the_best_point() -> None:
    calls = []

    def full(x):
        calls.append(1)
        if len(calls) > 4:
            raise RuntimeError("the disk is full")
        return np.sum((x - 1) ** 4)

    with pytest.raises(RuntimeError, match="disk is full") as caught:
        cr.minimize(full, [3.0, 4.0], method="ipopt")
    assert caught.value.best.fun <= 97
