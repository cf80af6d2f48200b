"""``minimize``: structure, choice, bounds, constraints, endings, statistics, errors."""

import pickle
from typing import NamedTuple

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize
from chainrule.errors import ArgumentError, NotDifferentiable, NotScalar


def valley(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


class Point(NamedTuple):
    a: float
    b: np.ndarray


def test_the_result_has_the_structure_of_the_start() -> None:
    found = cr.minimize(
        lambda p: (p.a - 1) ** 2 + np.sum((p.b - p.a) ** 2), Point(0.0, np.zeros((2, 2)))
    )
    assert type(found.x) is Point
    assert found.x.b.shape == (2, 2)
    assert type(found.jac) is Point
    np.testing.assert_allclose(found.x.b, 1)
    assert found.covariance().shape == (5, 5)
    assert found.standard_errors().b.shape == (2, 2)
    assert isinstance(found, scipy.optimize.OptimizeResult)


def test_a_flat_list_is_an_array_and_args_are_passed() -> None:
    found = cr.minimize(lambda x, c, d: np.sum((x - c) ** 2) * d, [0, 1], (np.array([3.0, 4.0]), 2))
    np.testing.assert_allclose(found.x, [3, 4])
    assert cr.minimize(lambda x, c: (x - c) ** 2, 0.0, 2.0).x == 2.0


def test_float32_stays_and_size_one_is_a_number() -> None:
    found = cr.minimize(lambda x: (x - 1) ** 2, np.zeros(1, np.float32))
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, [1])


@pytest.mark.parametrize(
    ("f", "given", "method", "why"),
    [
        (valley, {}, "least-squares", "a sum of 6 squares of 4 unknowns"),
        (valley, {"bounds": [(0, 2)] * 4}, "least-squares", "squares"),
        (valley, {"constraints": {"type": "ineq", "fun": lambda x: 2 - x[0]}}, "SLSQP", "constraints"),
        (lambda x: valley(x) + np.sum(np.exp(x) - np.e * x), {}, "newton", "the Hessian of 4 unknowns is cheap"),
        (lambda x: valley(x) + np.sum(np.exp(x) - np.e * x), {"bounds": [(0, 2)] * 4}, "newton", "cheap"),
        (valley, {"jac": lambda x: cr.grad(valley)(x)}, "BFGS", "your own"),
        (valley, {"hess": lambda x: cr.hessian(valley)(x)}, "newton", "your own"),
        (valley, {"hessp": lambda x, v: cr.hvp(valley)(x, v)}, "newton", "product by 4 unknowns is your own"),
    ],
)  # fmt: skip
def test_the_choice_says_why(f, given, method, why) -> None:
    found = cr.minimize(f, np.zeros(4), **given)
    assert found.success
    assert found.method == method
    assert f"Method {method}, because" in found.message
    assert why in found.message
    np.testing.assert_allclose(found.x, 1, atol=1e-5)


def test_a_banded_hessian_is_found_and_solved_as_one() -> None:
    start = np.tile([-1.2, 1.0], 200)
    found = cr.minimize(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), start)
    assert "banded, 1 beside the diagonal" in found.message
    assert found.success
    assert found.gradient_norm < 1e-7
    full = cr.minimize(
        lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2) + np.sum(x - 1) ** 2, start
    )
    assert "too many for a dense Hessian: it goes by products" in full.message
    assert full.success
    np.testing.assert_allclose(full.x, 1, atol=1e-6)


def test_wider_bands_and_indefinite_ones() -> None:
    c = np.linspace(1, 2, 100)

    def f(x):
        return np.sum(c * np.cos(x)) + np.sum((x[2:] - x[:-2]) ** 2) + np.sum(x**4) / 10

    found = cr.minimize(f, np.full(100, 0.01))
    assert "banded, 2 beside the diagonal" in found.message
    assert found.curvature == "minimum"
    dense = cr.minimize(f, np.full(100, 0.01), method="newton", options={"banded": False})
    assert dense.curvature == "minimum"
    assert dense.method == "newton"
    np.testing.assert_allclose(found.fun, dense.fun)


def test_a_start_on_a_banded_saddle_is_left() -> None:
    found = cr.minimize(lambda x: np.sum(np.cos(x)) + np.sum((x[1:] - x[:-1]) ** 2), np.zeros(250))
    assert "banded" in found.message
    assert found.success
    assert found.fun < -200  # from 250, where it started without slope


@pytest.mark.parametrize(
    "method",
    ["Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA",
     "SLSQP", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov", "newton",
     "lbfgs", "trust-region", "steihaug"],
)  # fmt: skip
def test_every_method_by_name(method) -> None:
    found = cr.minimize(
        lambda p: (p["a"] - 1) ** 2 + np.exp(p["b"]) - p["b"], {"a": 0.5, "b": 0.3}, method=method
    )
    np.testing.assert_allclose([found.x["a"], found.x["b"]], [1, 0], atol=2e-3)


def test_bounds_of_a_nested_start() -> None:
    def f(p):
        return np.sum((p["w"] - 3) ** 2) + (p["b"] + 1) ** 2

    start = {"w": np.full(2, 0.5), "b": 0.0}
    found = cr.minimize(f, start, bounds={"w": (0, 1)})
    np.testing.assert_allclose(found.x["w"], 1)
    np.testing.assert_allclose(found.x["b"], -1)
    assert found.gradient_norm < 1e-6
    assert "at their bounds" in found.message
    np.testing.assert_allclose(np.diag(found.covariance()), [0, 0, 0.5])


@pytest.mark.parametrize("method", [None, "trust-constr"])
@pytest.mark.parametrize(
    "constraint",
    [
        {"type": "ineq", "fun": lambda p: 1 - p["x"] ** 2 - p["y"] ** 2},
        scipy.optimize.NonlinearConstraint(lambda p: p["x"] ** 2 + p["y"] ** 2, -np.inf, 1),
    ],
)
def test_constraints_with_exact_derivatives(method, constraint) -> None:
    found = cr.minimize(
        lambda p: (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2,
        {"x": 0.0, "y": 0.5},
        method=method,
        constraints=constraint,
    )
    assert found.success, found.message
    np.testing.assert_allclose([found.x["x"], found.x["y"]], [0.786415, 0.617698], atol=1e-4)
    assert found.violation < 1e-8
    with pytest.raises(ArgumentError, match="constraints"):
        found.covariance()


def test_jitted_and_not_are_equal() -> None:
    one, other = cr.minimize(valley, [-1.2, 1.0]), cr.minimize(cr.jit(valley), [-1.2, 1.0])
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12)
    assert one.nit == other.nit


def test_a_users_own_derivatives_are_used() -> None:
    asked = []

    def slope(x):
        asked.append(x)
        return cr.grad(valley)(x)

    assert cr.minimize(valley, [-1.2, 1.0], jac=slope, method="BFGS").success
    assert asked
    both = cr.minimize(cr.value_and_grad(valley), [-1.2, 1.0], jac=True, method="BFGS")
    np.testing.assert_allclose(both.x, 1, atol=1e-5)


def test_value_and_gradient_share_one_evaluation() -> None:
    found = cr.minimize(valley, [-1.2, 1.0], method="BFGS")
    scipys = scipy.optimize.minimize(
        cr.value_and_grad(valley), [-1.2, 1.0], jac=True, method="BFGS"
    )
    assert found.nfev == found.njev == scipys.nfev
    np.testing.assert_allclose(found.x, scipys.x, rtol=1e-9)


@pytest.mark.parametrize("method", ["newton", "BFGS"])
def test_the_callback_sees_the_users_structure_and_can_stop(method) -> None:
    seen = []

    def callback(p):
        seen.append(p["x"])
        if len(seen) == 3:
            raise StopIteration

    found = cr.minimize(
        lambda p: valley(p["x"]), {"x": np.array([-1.2, 1.0])}, method=method, callback=callback
    )
    assert len(seen) == 3
    assert not found.success
    assert "Stopped by the callback" in found.message


# ------------------------------------------------------------------------------------- endings


@pytest.mark.parametrize(
    ("f", "start", "given", "success", "says"),
    [
        (lambda x: np.sum(x**2), [1.0, 2.0], {}, True, "Converged to a minimum"),
        (lambda x: (x[0] - x[1]) ** 2, [1.0, 2.0], {}, True, "flat along some direction"),
        (lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0], {"method": "BFGS"}, False, "A saddle"),
        (lambda x: -np.sum(x**2), [0.0, 0.0], {"method": "BFGS"}, False, "A maximum"),
        (lambda x: np.sum(x) - x[0] ** 2, [1.0, 2.0], {}, False, "Unbounded"),
        (np.sum, [1.0, 2.0], {}, False, "Unbounded"),
        (np.sum, [1.0, 2.0], {"method": "BFGS"}, False, "Unbounded"),
        (lambda x: abs(float(x[0]) - 1), [0.0], {"method": "Nelder-Mead"}, True, "no derivative"),
        (valley, [-1.2, 1.0], {"method": "newton", "options": {"maxiter": 3}}, False, "limit of 3"),
        (valley, [-1.2, 1.0], {"method": "BFGS", "options": {"maxiter": 3}}, False, "limit of 3"),
        (lambda x: np.max(np.abs(x)) + x[0] ** 2 * np.abs(x[1] - x[0]), [3.0, 2.1], {}, False, "No descent"),
    ],
)  # fmt: skip
def test_every_ending_in_words(f, start, given, success, says) -> None:
    found = cr.minimize(f, start, **given)
    assert says in found.message
    assert found.success is success or found.success == success


def test_a_saddle_is_left() -> None:
    found = cr.minimize(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [0.0, 0.0])
    assert found.curvature == "minimum"
    np.testing.assert_allclose(abs(found.x[1]), 0.5**0.5)


def test_infeasible_constraints_are_told() -> None:
    apart = [
        {"type": "ineq", "fun": lambda x: x[0] - 2},
        {"type": "ineq", "fun": lambda x: 1 - x[0]},
    ]
    found = cr.minimize(lambda x: np.sum(x**2), [0.0, 0.0], constraints=apart)
    assert not found.success
    assert "Infeasible" in found.message


def test_a_search_steps_back_from_where_the_function_is_not_defined() -> None:
    found = cr.minimize(lambda x: x - np.log(x), 1e-3)
    assert found.success
    np.testing.assert_allclose(found.x, 1)


# ---------------------------------------------------------------------------------- statistics


def test_standard_errors_of_a_likelihood() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(2.0, 3.0, 500)

    def nll(p):
        return np.sum(((data - p["m"]) / p["s"]) ** 2 / 2 + np.log(p["s"]))

    found = cr.minimize(nll, {"m": 0.0, "s": 1.0})
    s = np.std(data)
    np.testing.assert_allclose(found.x["m"], data.mean())
    np.testing.assert_allclose(found.standard_errors()["m"], s / 500**0.5)
    np.testing.assert_allclose(found.standard_errors()["s"], s / 1000**0.5)


def test_what_is_not_determined_is_named() -> None:
    found = cr.minimize(lambda p: (p["a"] + p["b"] - 1) ** 2 + p["c"] ** 2, {"a": 0.0, "b": 0.0, "c": 1.0})
    assert found.curvature == "flat"
    with pytest.raises(ArgumentError, match=r"x0\['[ab]'\], x0\['[ab]'\]"):
        found.covariance()


def test_a_result_pickles() -> None:
    found = cr.minimize(lambda p: np.sum((p["x"] - 1) ** 2), {"x": np.zeros(2)})
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 (made one line above)
    np.testing.assert_array_equal(again.covariance(), found.covariance())
    assert again.message == found.message
    assert "_variables" not in repr(again)


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cr.minimize(lambda x: x**2, np.zeros(2)), NotScalar, "shape"),
        (lambda: cr.minimize(np.sum, np.zeros(2, bool)), NotDifferentiable, "x0 is of bool"),
        (lambda: cr.minimize(lambda p: p["w"], {"w": np.array(True)}), NotDifferentiable, r"x0\['w'\]"),
        (lambda: cr.minimize(np.sum, [0.0, np.nan]), ArgumentError, "x0 holds 1 NaN"),
        (lambda: cr.minimize(lambda x, d: np.sum(x * d), np.ones(2), np.array([1, np.nan])), ArgumentError, r"args\[0\] holds 1 NaN"),
        (lambda: cr.minimize(lambda x: np.log(x[0]), [-1.0]), ArgumentError, "fun is nan at x0"),
        (lambda: cr.minimize(lambda x: np.sqrt(x[1]) + x[0], [1.0, 0.0]), ArgumentError, r"by x0\[1\] is inf"),
        (lambda: cr.minimize(np.sum, [0.0], bounds=[(1, 2)]), ArgumentError, r"below its lower bound at x0\[0\]"),
        (lambda: cr.minimize(np.sum, [0.0], bounds=[(2, 1)]), ArgumentError, "not below the upper"),
        (lambda: cr.minimize(valley, [0.0, 1.0], method="BGFS"), ArgumentError, "Did you mean 'BFGS'"),
        (lambda: cr.minimize(valley, [0.0, 1.0], method="BFGS", bounds=[(0, 1)] * 2), ArgumentError, "takes no bounds"),
        (lambda: cr.minimize(valley, [0.0, 1.0], options={"gto": 1}, method="newton"), ArgumentError, "no option 'gto'"),
        (lambda: cr.minimize(3.0, [0.0, 1.0]), ArgumentError, "takes a function"),
        (lambda: cr.minimize(valley, []), ArgumentError, "no numbers"),
        (lambda: cr.minimize(valley, {"x": "a"}), ArgumentError, r"x0\['x'\] is a str"),
        (lambda: cr.minimize(valley, [0.0, 1.0], constraints={"type": "le", "fun": valley}), ArgumentError, "type 'le'"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call()
