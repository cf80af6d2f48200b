"""Problems with constraints and bounds, of Hock & Schittkowski (1981), by their numbers there."""

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize

# fmt: off
#: Function, start, bounds, inequalities (≥ 0), equations (= 0), the published minimum.
PROBLEMS = {
    3: (lambda x: x[1] + 1e-5 * (x[1] - x[0])**2, [10, 1], [(None, None), (0, None)], [], [], 0.0),
    5: (lambda x: np.sin(x[0] + x[1]) + (x[0] - x[1])**2 - 1.5 * x[0] + 2.5 * x[1] + 1, [0, 0], [(-1.5, 4), (-3, 3)], [], [], -(3**0.5) / 2 - np.pi / 3),
    7: (lambda x: np.log(1 + x[0]**2) - x[1], [2, 2], None, [], [lambda x: (1 + x[0]**2)**2 + x[1]**2 - 4], -(3**0.5)),
    10: (lambda x: x[0] - x[1], [-10, 10], None, [lambda x: -3 * x[0]**2 + 2 * x[0] * x[1] - x[1]**2 + 1], [], -1.0),
    12: (lambda x: 0.5 * x[0]**2 + x[1]**2 - x[0] * x[1] - 7 * x[0] - 7 * x[1], [0, 0], None, [lambda x: 25 - 4 * x[0]**2 - x[1]**2], [], -30.0),
    18: (lambda x: 0.01 * x[0]**2 + x[1]**2, [2, 2], [(2, 50), (0, 50)], [lambda x: x[0] * x[1] - 25, lambda x: x[0]**2 + x[1]**2 - 25], [], 5.0),
    29: (lambda x: -x[0] * x[1] * x[2], [1, 1, 1], None, [lambda x: 48 - x[0]**2 - 2 * x[1]**2 - 4 * x[2]**2], [], -16 * 2**0.5),
    45: (lambda x: 2 - np.prod(x) / 120, [0.5] * 5, [(0, k) for k in range(1, 6)], [], [], 1.0),
    61: (lambda x: 4 * x[0]**2 + 2 * x[1]**2 + 2 * x[2]**2 - 33 * x[0] + 16 * x[1] - 24 * x[2], [0, 0, 0], None, [], [lambda x: 3 * x[0] - 2 * x[1]**2 - 7, lambda x: 4 * x[0] - x[2]**2 - 11], -143.6461422),
    71: (lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], [1, 5, 5, 1], [(1, 5)] * 4, [lambda x: np.prod(x) - 25], [lambda x: x @ x - 40], 17.0140173),
    79: (lambda x: (x[0] - 1)**2 + (x[0] - x[1])**2 + (x[1] - x[2])**2 + (x[2] - x[3])**4 + (x[3] - x[4])**4, [2] * 5, None, [], [lambda x: x[0] + x[1]**2 + x[2]**3 - 2 - 3 * 2**0.5, lambda x: x[1] - x[2]**2 + x[3] + 2 - 2 * 2**0.5, lambda x: x[0] * x[4] - 2], 0.0787768209),
    110: (lambda x: np.sum(np.log(x - 2)**2 + np.log(10 - x)**2) - np.prod(x)**0.2, [9] * 10, [(2.001, 9.999)] * 10, [], [], -45.77846971),
}
# fmt: on


@pytest.mark.parametrize("number", PROBLEMS)
def test_the_published_minimum_is_found(number) -> None:
    f, start, bounds, above, equal, minimum = PROBLEMS[number]
    constraints = [
        *({"type": "ineq", "fun": g} for g in above),
        *({"type": "eq", "fun": g} for g in equal),
    ]
    found = cr.minimize(f, np.array(start, float), bounds=bounds, constraints=constraints)
    assert found.success, found.message
    np.testing.assert_allclose(found.fun, minimum, rtol=1e-7, atol=1e-7)
    if constraints:
        assert found.violation < 1e-7
        assert found.stationarity < 1e-6
    else:
        assert found.gradient_norm < 1e-6


def test_where_slsqp_cannot_begin_trust_constr_does() -> None:
    f, start, _, _, equal, _ = PROBLEMS[61]
    found = cr.minimize(f, np.array(start, float), constraints=[{"type": "eq", "fun": g} for g in equal])
    assert found.method == "trust-constr"
    assert "SLSQP found no solution" in found.message


def test_a_slope_that_no_constraint_holds_is_no_solution() -> None:
    """One step of SLSQP from a feasible point: the constraint is not even active."""
    disc = {"type": "ineq", "fun": lambda x: 10 - x @ x}
    found = cr.minimize(
        lambda x: np.sum((x - 1) ** 4), np.zeros(2), method="SLSQP", constraints=disc, options={"maxiter": 1}
    )
    assert not found.success
    assert found.stationarity > 1e-3
    assert found.violation == 0


def test_bounds_on_a_function_of_many_unknowns() -> None:
    """Non-negative least squares, beside SciPy's own solver."""
    rng = np.random.default_rng(2)
    A, b = rng.normal(size=(120, 60)), rng.normal(size=120)
    found = cr.minimize(lambda x: np.sum((A @ x - b) ** 2), np.ones(60), bounds=[(0, None)] * 60)
    known, residual = scipy.optimize.nnls(A, b)
    np.testing.assert_allclose(found.x, known, atol=1e-8)
    np.testing.assert_allclose(found.fun, residual**2)
    assert np.sum(found.x == 0) == np.sum(known == 0)
    assert found.gradient_norm < 1e-8
