"""What programs written for SciPy pass to it, right or wrong: taken as there, or refused in words."""

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize
from chainrule.errors import ArgumentError

METHODS = [
    "Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP",
    "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov", "newton", "least-squares", None,
]  # fmt: skip
START = np.array([-1.2, 1.0, 2.0])


def hills(x):
    return np.sum((x - 1) ** 4) + np.sum(x**2)


def winding(x):
    return np.sum((x - 1) ** 4) + np.sum((x[1:] - x[:-1] ** 2) ** 2) + 0.001 * (x[0] - x[1]) ** 2


# ------------------------------------------------------------------------------------- callbacks


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["point", "whole", "two"])
def test_every_method_stops_at_a_callback_of_each_form(method, form) -> None:
    seen = []

    def keep(x):
        seen.append(x)
        if len(seen) == 2:
            raise StopIteration

    def whole(intermediate_result):
        assert intermediate_result.fun == pytest.approx(winding(intermediate_result.x["x"]))
        keep(intermediate_result.x)

    def two(x, state):
        keep(x)
        np.testing.assert_array_equal(state.x["x"], x["x"])

    given = {"point": keep, "whole": whole, "two": two}[form]
    found = cr.minimize(lambda p: winding(p["x"]), {"x": START}, method=method, callback=given)
    assert len(seen) == 2
    assert seen[0]["x"].shape == (3,)
    assert not found.success
    assert found.status == 99
    assert "Stopped by the callback" in found.message
    assert np.isfinite(found.fun)


def test_a_callback_serves_the_method_that_takes_over() -> None:
    """SLSQP cannot begin there; trust-constr, whose callbacks have two arguments in SciPy, can."""
    seen = []
    found = cr.minimize(
        lambda x: 4 * x[0] ** 2 + 2 * x[1] ** 2 + 2 * x[2] ** 2 - 33 * x[0] + 16 * x[1] - 24 * x[2],
        np.zeros(3),
        constraints=[
            {"type": "eq", "fun": lambda x: 3 * x[0] - 2 * x[1] ** 2 - 7},
            {"type": "eq", "fun": lambda x: 4 * x[0] - x[2] ** 2 - 11},
        ],
        callback=seen.append,
    )
    assert found.method == "trust-constr"
    assert found.success
    assert len(seen) > 3


def test_true_stops_trust_constr_alone() -> None:
    assert cr.minimize(hills, START, method="BFGS", callback=lambda x: True).success
    assert not cr.minimize(hills, START, method="trust-constr", callback=lambda x: True).success


# --------------------------------------------------------------------------------------- options


def test_options_of_scipys_default_methods_do_no_harm() -> None:
    for given in (
        {"options": {"gtol": 1e-6, "eps": 1e-8, "norm": np.inf}},
        {"options": {"maxfun": 1000, "ftol": 1e-9, "maxcor": 5}, "bounds": [(-2, 2)] * 3},
        {"options": {"ftol": 1e-9, "disp": False}, "constraints": {"type": "ineq", "fun": lambda x: x}},
    ):
        assert cr.minimize(winding, np.full(3, 0.5), **given).success
    short = cr.minimize(winding, START, options={"maxfun": 3}, bounds=[(-5, 5)] * 3)
    assert not short.success
    assert short.nit <= 3


def test_the_way_and_the_ending_are_told_on_request(capsys) -> None:
    for method in (None, "newton"):
        found = cr.minimize(winding, START, method=method, options={"disp": True, "return_all": True})
        assert found.message in capsys.readouterr().out
        np.testing.assert_array_equal(found.allvecs[0], START)
        assert len(found.allvecs) > 3
        np.testing.assert_allclose(found.allvecs[-1], found.x, atol=1e-4)


def test_tolerances_below_rounding_are_taken() -> None:
    for tol in (0, 1e-20, 1e-3):
        for method in (None, "least-squares", "newton", "BFGS"):
            assert cr.minimize(hills, START, tol=tol, method=method).gradient_norm < 1e-2
        found = cr.least_squares(lambda x: x - 1, START, ftol=tol, xtol=tol, gtol=tol, method="lm")
        np.testing.assert_allclose(found.x, 1)


# ---------------------------------------------------------------------------------------- starts


def test_starts_of_integers_and_of_one_number() -> None:
    for start in (np.array([3, 4]), np.array([3, 4], np.uint8), {"x": np.array([3, 4])}):
        tree = isinstance(start, dict)
        found = cr.minimize((lambda p: hills(p["x"])) if tree else hills, start)
        x = found.x["x"] if tree else found.x
        assert x.dtype == np.float64
        np.testing.assert_allclose(x, 0.4102454876985416)
    assert cr.minimize(lambda x: (x[0] - 2) ** 2, 3).x.shape == (1,)  # as if it were [3.0]
    assert np.shape(cr.minimize(lambda x: (x - 2) ** 2, 3).x) == ()
    np.testing.assert_allclose(cr.root(lambda x: [x[0] ** 2 - 2], 1).x, [2**0.5])
    np.testing.assert_allclose(cr.least_squares(lambda x: x[0] ** 2 - 2, 1).x, [2**0.5])
    with pytest.raises(IndexError):
        cr.minimize(lambda x: x[1] ** 2, 3.0)


def test_an_empty_leaf_is_no_unknown() -> None:
    found = cr.minimize(lambda p: np.sum(p["a"]) + (p["b"] - 1) ** 2, {"a": np.zeros(0), "b": 2.0})
    assert found.x["a"].shape == (0,)
    assert found.x["b"] == pytest.approx(1)
    assert found.covariance().shape == (1, 1)


# ---------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    "bounds",
    [
        {"w": (0, 0.4)},
        {"w": [(0, 0.4), (None, 0.4)], "b": None},
        {"w": (np.zeros(2), np.array([0.4, 0.4])), "b": (None, None)},
        {"w": np.array([[0, 0.4], [0, 0.4]])},
        scipy.optimize.Bounds(-np.inf, [np.inf, 0.4, 0.4]),
        [(None, None), (0, 0.4), (0, 0.4)],
    ],
)
def test_nested_bounds_in_each_form(bounds) -> None:
    found = cr.minimize(
        lambda p: hills(p["w"]) + p["b"] ** 2, {"b": 1.0, "w": np.full(2, 0.2)}, bounds=bounds
    )
    np.testing.assert_allclose(found.x["w"], 0.4)
    np.testing.assert_allclose(found.x["b"], 0, atol=1e-8)
    assert found.success


@pytest.mark.parametrize("method", [None, "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "newton", "Powell"])
def test_an_unknown_that_bounds_hold(method) -> None:
    found = cr.minimize(hills, np.ones(3), bounds=[(1, 1), (0, 2), (None, None)], method=method)
    np.testing.assert_allclose(found.x, [1, 0.4102454876985416, 0.4102454876985416], atol=1e-3)
    assert cr.minimize(hills, np.ones(2), bounds=[(1, 1), (1, 1)]).success


# --------------------------------------------------------------------------------------- the rest


def test_the_inverse_hessian_that_scipys_results_have() -> None:
    found = cr.minimize(lambda x: np.sum((x - 1) ** 4) + np.sum(x**2) / 2, START)
    assert found.method != "BFGS"
    np.testing.assert_allclose(found.hess_inv, found.covariance())
    assert cr.minimize(hills, START, method="BFGS").hess_inv.shape == (3, 3)
    assert not hasattr(cr.minimize(lambda x: (x[0] - x[1]) ** 2, [1.0, 2.0]), "hess_inv")
    assert not hasattr(found, "no_such")


def test_no_search_that_hardly_moved_counts_as_converged() -> None:
    found = cr.minimize(winding, START, method="L-BFGS-B", options={"ftol": 1.0})
    assert found.gradient_norm > 0.1
    assert not found.success


def test_roots_as_scipy_is_asked_for_them() -> None:
    both = cr.root(lambda x: (np.array([x[0] ** 2 - 2]), np.array([[2 * x[0]]])), [1.0], jac=True)
    np.testing.assert_allclose(both.x, [2**0.5])
    assert cr.root(lambda x: x**2 - 2, [1.0], method="HYBR").success
    more = cr.root(lambda x: [x[0] - 1, x[1] - 2, x[0] + x[1] - 3], [0.0, 0.0], method="lm")
    assert more.success
    overflows = cr.root(lambda x: x + 0.1 * np.cos(x) - 1, [1.0, 2.0], method="linearmixing")
    assert not overflows.success
    assert "OverflowError" in overflows.message

    def stop(x, values):
        assert x["a"].shape == values.shape == (2,)
        raise StopIteration

    for method in ("newton", "krylov"):
        found = cr.root(lambda p: p["a"] ** 2 - 2, {"a": np.ones(2)}, method=method, callback=stop)
        assert not found.success
        assert "stopped by the callback" in found.message
    with pytest.warns(RuntimeWarning, match="calls no callback"):
        cr.root(lambda p: p["a"] ** 2 - 2, {"a": np.ones(2)}, callback=stop)


def test_curve_fit_as_scipy_is_asked_for_it() -> None:
    t = np.linspace(0, 4, 30)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * np.sin(37 * t)

    def model(t, a, b, c):
        return a * np.exp(-b * t) + c

    popt, _ = cr.curve_fit(model, t, y)
    legacy = cr.curve_fit(model, t, y, method="lm", ftol=1e-10, xtol=1e-10, gtol=0, maxfev=500, epsfcn=1e-9)
    np.testing.assert_allclose(legacy[0], popt, rtol=1e-6)
    holes = np.array(y)
    holes[3] = np.nan
    omitted = cr.curve_fit(model, t, holes, nan_policy="omit", sigma=np.full(30, 0.1))
    without = cr.curve_fit(model, np.delete(t, 3), np.delete(y, 3))
    np.testing.assert_allclose(omitted[0], without[0])
    np.testing.assert_allclose(omitted[1], without[1])
    for given, says in (
        ({"nan_policy": "raise"}, "ydata holds 1 NaN"),
        ({"nan_policy": "propagate"}, "nan_policy is 'propagate'"),
        ({"factor": 10}, "no option 'factor'"),
    ):
        with pytest.raises(ArgumentError, match=says):
            cr.curve_fit(model, t, holes if "nan_policy" in given else y, **given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bounds": [(0, 1)] * 2}, "holds 3 numbers, are 2 pairs"),
        ({"bounds": [(0, 1)] * 4}, "holds 3 numbers, are 4 pairs"),
        ({"bounds": ()}, "are 0 pairs"),
        ({"bounds": [(np.nan, 3)] * 3}, "a bound is NaN"),
        ({"bounds": scipy.optimize.Bounds([0, 0], [1, 1])}, "lower bound does not fit x0"),
        ({"bounds": 3}, "not pairs"),
        ({"bounds": [(1, 1), (-9, 9), (-9, 9)], "method": "least-squares", "x0": np.ones(3)}, r"hold x0\[0\] at one value"),
        ({"options": [1]}, "options is a list"),
        ({"options": {"foo": 1}}, "no option 'foo'"),
        ({"options": {"maxiter": "many"}}, "maxiter"),
        ({"tol": "small"}, "tol is 'small'"),
        ({"tol": -1}, "tol is -1"),
        ({"callback": 3}, "callback is a int"),
        ({"constraints": scipy.optimize.LinearConstraint([[1, 2]], 0, 1)}, "of 2 columns, and x0 holds 3"),
        ({"x0": np.array([1.0, 2.0], object)}, "array of objects"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(given, says) -> None:
    with pytest.raises(ArgumentError, match=says):
        cr.minimize(hills, **({"x0": START} | given))


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ({"W": (0, 1)}, r"there is no x0\['W'\] to bound"),
        ([(0, 1)], "the bounds at x0 are"),
        ({"w": (np.zeros(3), np.ones(3))}, r"the bounds at x0\['w'\], which holds 2 numbers"),
    ],
)
def test_bounds_that_are_nested_otherwise_are_refused(bounds, says) -> None:
    with pytest.raises(ArgumentError, match=says):
        cr.minimize(lambda p: hills(p["w"]) + p["b"] ** 2, {"w": np.full(2, 0.2), "b": 1.0}, bounds=bounds)


def test_complex_residuals_are_refused() -> None:
    with pytest.raises(ArgumentError, match="complex values"):
        cr.least_squares(lambda x: x * 1j, START)
    with pytest.raises(ArgumentError, match="complex values"):
        cr.root(lambda x: x * 1j, START)


# ------------------------------------------------------------------- what SciPy's own tests pass


class Remembering:
    """Value and slope with a cache, as many programs have it."""

    def __init__(self) -> None:
        self.x = None

    def update(self, x):
        if self.x is None or not np.array_equal(x, self.x):
            self.x = np.copy(x)
            self.value, self.slope = winding(x), cr.grad(winding)(x)

    def fun(self, x):
        self.update(x)
        return self.value

    def grad(self, x):
        self.update(x)
        return self.slope


def test_a_function_with_a_cache() -> None:
    ours = Remembering()
    found = cr.minimize(ours.fun, START, jac=ours.grad, method="BFGS")
    assert found.success
    assert type(ours.x) is np.ndarray
    alone = Remembering()
    with pytest.raises(cr.errors.EndedTrace) as caught:
        cr.minimize(alone.fun, START)
    assert "as a cache" in "".join(caught.value.__notes__)


def test_derivatives_of_ones_own_in_every_shape() -> None:
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import aslinearoperator

    for hess in (lambda x: 2.0, lambda x: csr_matrix([[2.0]]), lambda x: aslinearoperator(np.eye(1) * 2)):
        found = cr.minimize(lambda x: x[0] ** 2, [1.0], jac=lambda x: 2 * x[0], hess=hess)
        np.testing.assert_allclose(found.x, 0, atol=1e-9)
    for jac in (lambda x: [2.0, 0.0], lambda x: csr_matrix([[2.0, 0.0]]), lambda x: aslinearoperator(np.array([[2.0, 0.0]]))):  # fmt: skip
        found = cr.least_squares(lambda x: 2 * x[:1] - 1, [1.0, 3.0], jac=jac)
        np.testing.assert_allclose(found.x[0], 0.5)
    with pytest.raises(cr.errors.ShapeMismatch, match=r"shape \(2,\), and there are 1 values of 3"):
        cr.least_squares(lambda x: x[:1], START, jac=lambda x: np.ones(2))
    disc = scipy.optimize.NonlinearConstraint(
        lambda x: x @ x, -np.inf, 1, jac=lambda x: csr_matrix(2 * x[None])
    )
    assert cr.minimize(hills, np.full(3, 0.1), constraints=disc, method="trust-constr").success


def test_a_solution_at_a_bound_is_on_it() -> None:
    for method in (None, "newton", "least-squares", "L-BFGS-B"):
        found = cr.minimize(hills, np.full(3, 0.2), bounds=[(0, 0.3), (0.1, None), (None, 0.35)], method=method)
        assert found.x[0] == 0.3
        assert found.x[2] == 0.35
        assert found.success


def test_feasible_points_alone_and_constraints_of_matrices() -> None:
    found = cr.minimize(lambda x: 0, [2.0, 3.0], constraints={"type": "ineq", "fun": lambda x: 1 - x @ x})
    assert found.success
    assert found.x @ found.x <= 1 + 1e-9
    with pytest.warns(PendingDeprecationWarning):
        rows = scipy.optimize.LinearConstraint(np.matrix([[1.0, 1.0]]), -np.inf, 1)
    assert cr.minimize(hills, [0.1, 0.1], constraints=rows).success
