"""``root``: every method, structure, and what it says where there is none."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError
from tests.optimize.mgh import PROBLEMS

SQUARE = [
    "rosenbrock", "helical_valley", "powell_badly_scaled", "discrete_boundary",
    "discrete_integral", "broyden_tridiagonal", "broyden_banded", "brown_almost_linear",
]  # fmt: skip


@pytest.mark.parametrize("method", [None, "hybr", "newton"])
@pytest.mark.parametrize("name", SQUARE)
def test_systems_of_the_mgh_set(name, method) -> None:
    p = PROBLEMS[name]
    found = cr.root(p.residuals, p.start, method=method)
    assert found.success, found.message
    assert np.max(np.abs(found.fun)) < 1e-8


@pytest.mark.parametrize(
    "method", ["lm", "krylov", "df-sane", "newton-krylov"]
)
@pytest.mark.parametrize("name", ["discrete_boundary", "broyden_tridiagonal"])
def test_the_other_methods(name, method) -> None:
    p = PROBLEMS[name]
    found = cr.root(p.residuals, p.start, method=method)
    assert found.success, found.message
    assert np.max(np.abs(found.fun)) < 1e-4


def test_many_unknowns_need_no_matrix() -> None:
    n = 2000
    found = cr.root(PROBLEMS["broyden_tridiagonal"].residuals, -np.ones(n))
    assert found.method == "newton-krylov"
    assert "too many for a dense Jacobian" in found.message
    assert found.success
    assert np.max(np.abs(found.fun)) < 1e-8


@pytest.mark.parametrize("method", [None, "newton", "newton-krylov"])
def test_structure_of_unknowns_and_equations(method) -> None:
    def equations(p, target):
        return {"a": p["x"] ** 2 + np.sum(p["y"] ** 2) - target, "b": p["y"] - p["x"] * np.ones(2)}

    found = cr.root(equations, {"x": 1.0, "y": np.zeros(2)}, args=12.0, method=method)
    assert found.success
    np.testing.assert_allclose(found.x["x"], 2)
    np.testing.assert_allclose(found.x["y"], 2)


def test_jitted_and_not_are_equal() -> None:
    def f(x):
        return np.stack([x[0] ** 2 + x[1] - 3, np.exp(x[1]) - x[0]])

    np.testing.assert_allclose(
        cr.root(f, [1.0, 1.0]).x, cr.root(cr.jit(f), [1.0, 1.0]).x, rtol=1e-12
    )


@pytest.mark.parametrize("method", [None, "newton", "newton-krylov"])
def test_where_there_is_none(method) -> None:
    found = cr.root(lambda x: x**2 + 1, [1.0], method=method)
    assert not found.success
    assert "No root found" in found.message
    assert "least_squares" in found.message


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: cr.root(lambda x: x[:1], [1.0, 2.0]), "1 values for 2 unknowns"),
        (lambda: cr.root(lambda x: np.log(x), [-1.0]), "value 0 of 1 of the function is nan"),
        (lambda: cr.root(lambda x: x, [1.0], method="newtons"), "no method 'newtons'"),
        (lambda: cr.root(lambda x: x, [1.0], method="newton", options={"a": 1}), "no option 'a'"),
        (lambda: cr.root(1.0, [1.0]), "takes a function"),
    ],
)
def test_errors(call, says) -> None:
    with pytest.raises(ArgumentError, match=says):
        call()
