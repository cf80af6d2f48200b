"""The statements of docs/conventions.md on shapes and on types of number, each by its label."""

from __future__ import annotations

import builtins
import dataclasses
import math
from typing import Any, NamedTuple

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import CutDerivative, NotDifferentiable
from scipy import special

# -- shapes and results ----------------------------------------------------------------------------

X = np.array([[0.3, -1.2, 0.5], [0.7, 0.1, -0.4]])


def test_s1_gradient_has_the_shape_of_the_argument() -> None:
    assert cr.grad(lambda x: np.sum(x**2))(X).shape == X.shape


def test_s2_value_and_gradient() -> None:
    value, gradient = cr.value_and_grad(lambda x: np.sum(x**2))(X)
    assert value == np.sum(X**2)
    np.testing.assert_array_equal(gradient, 2 * X)


def test_s3_jacobian_has_result_then_argument() -> None:
    J = cr.jacobian(lambda x: np.sin(x[0]))(X)
    assert J.shape == (3, 2, 3)
    np.testing.assert_allclose(J[1, 0, 1], np.cos(X[0, 1]))


def test_s4_hessian_has_the_argument_twice() -> None:
    assert cr.hessian(lambda x: np.sum(x**3))(X).shape == (2, 3, 2, 3)


def test_s5_derivative_of_each_entry_by_its_own() -> None:
    np.testing.assert_allclose(cr.derivative(np.sin)(X), np.cos(X))


def test_s6_hvp() -> None:
    np.testing.assert_allclose(cr.hvp(lambda x: np.sum(x**3))(X, X + 1), 6 * X * (X + 1))


def test_s7_pullback() -> None:
    c = np.array([1.0, -2.0])
    found = cr.pullback(lambda x: np.sum(x, axis=1))(X, c)
    np.testing.assert_array_equal(found, np.repeat(c[:, None], 3, 1))


def test_s8_jvp() -> None:
    out, tangent = cr.jvp(lambda x: np.sum(x**2, axis=0), (X,), (X,))
    np.testing.assert_allclose(out, np.sum(X**2, 0))
    np.testing.assert_allclose(tangent, 2 * np.sum(X**2, 0))


def test_s9_vjp() -> None:
    out, pull = cr.vjp(lambda x, y: x @ y, X, X.T)
    assert out.shape == (2, 2)
    by_x, by_y = pull(np.eye(2))
    np.testing.assert_allclose(by_x, X)
    np.testing.assert_allclose(by_y, X.T)


def test_s10_several_arguments_give_a_tuple() -> None:
    f = lambda a, b: np.sum(a * b)  # noqa: E731 - a function of one line
    pair = cr.grad(f, wrt=("b", "a"))(X, 2 * X)
    assert type(pair) is tuple
    np.testing.assert_array_equal(pair[0], X)
    np.testing.assert_array_equal(pair[1], 2 * X)
    assert type(cr.grad(f, wrt="a")(X, X)) is np.ndarray


class Point(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass
class Layer:
    w: Any
    b: Any


def test_s11_nested_arguments_keep_their_structure() -> None:
    p = {"point": Point(1.0, np.ones(2)), "layer": Layer(np.ones(3), 2.0), "list": [(3.0,)]}

    def f(p: Any) -> Any:
        total = p["point"].x ** 2 + np.sum(p["point"].y) + p["list"][0][0] ** 3
        return total + np.sum(p["layer"].w * p["layer"].b)

    g = cr.grad(f)(p)
    assert type(g) is dict
    assert type(g["point"]) is Point
    assert type(g["layer"]) is Layer
    assert g["point"].x == 2.0
    assert g["list"] == [(27.0,)]
    np.testing.assert_array_equal(g["layer"].w, [2.0, 2.0, 2.0])
    H = cr.hessian(lambda a, b: np.sum(a * b * b), wrt=(0, 1))(np.ones(2), np.ones(2))
    assert len(H) == len(H[0]) == 2
    np.testing.assert_array_equal(H[0][1], 2 * np.eye(2))


def test_s12_aux_comes_back_as_plain_arrays() -> None:
    g, aux = cr.grad(lambda x: (np.sum(x**2), {"half": x / 2}), has_aux=True)(X)
    np.testing.assert_array_equal(g, 2 * X)
    assert type(aux["half"]) is np.ndarray
    np.testing.assert_array_equal(aux["half"], X / 2)


def test_s13_results_share_no_memory() -> None:
    x = np.ones(3)
    for result in (
        cr.grad(lambda x: x @ x / 2)(x),
        cr.jvp(lambda x: x, (x,), (x,))[0],
        cr.jvp(lambda x: x, (x,), (x,))[1],
        cr.value_and_grad(lambda x: np.sum(x))(x)[1],
        cr.vjp(lambda x: x, x)[0],
    ):
        assert not np.shares_memory(result, x)
        np.add(result, 1, out=result)
    np.testing.assert_array_equal(x, 1)


def test_s14_numbers_and_empty_arrays() -> None:
    assert cr.grad(lambda x: x**2)(np.array(3.0)).shape == ()
    empty = np.zeros((0, 3))
    assert cr.grad(lambda x: np.sum(x**2))(empty).shape == (0, 3)
    assert cr.jacobian(lambda x: x**2)(np.zeros(0)).shape == (0, 0)


# -- types of number -------------------------------------------------------------------------------


def test_t1_the_function_computes_what_it_computes_alone() -> None:
    for x in (X, X.astype(np.float32), np.float32(0.5), 0.5):
        for f in (
            lambda x: np.sum(np.sin(x) * 2.0),
            lambda x: np.mean(x) + 1,
            lambda x: np.sum(x * np.arange(3.0)),
        ):
            value, _ = cr.value_and_grad(f)(x)
            assert np.result_type(value) == np.result_type(f(x))
            np.testing.assert_allclose(value, f(x), rtol=1e-6)


#: What makes of a Python number a NumPy scalar, and what leaves it a Python number.
NUMBERS = {
    "np.sin(x)": lambda x: np.sin(x),
    "np.add(1, x)": lambda x: np.add(1, x),
    "np.maximum(x, 0)": lambda x: np.maximum(x, 0),
    "np.mean(x)": lambda x: np.mean(x),
    "np.clip(x, 0, 1)": lambda x: np.clip(x, 0, 1),
    "np.where(x > 0, x, 2.0)": lambda x: np.where(x > 0, x, 2.0),
    "np.reshape(x, ())": lambda x: np.reshape(x, ()),
    "np.asarray(x)": lambda x: np.asarray(x),
    "np.array([x, 2.0])": lambda x: np.array([x, 2.0]),
    "np.float64(x)": lambda x: np.float64(x),
    "special.erf(x)": lambda x: special.erf(x),
    "np.sin(x) * x": lambda x: np.sin(x) * x,
    "x * 2.0": lambda x: x * 2.0,
    "x ** 2 - 1 / x": lambda x: x**2 - 1 / x,
    "abs(-x)": lambda x: abs(-x),
    "x.real": lambda x: x.real,
    "divmod(x, 0.3)[1]": lambda x: divmod(x, 0.3)[1],
    "divmod(1.1, x)[0]": lambda x: divmod(1.1, x)[0],
    "round(x, 1)": lambda x: round(x, 1),
    "math.sin(x)": lambda x: math.sin(x),
    "math.sin(np.float64(x))": lambda x: math.sin(np.float64(x)),
    "math.log(x, 3)": lambda x: math.log(x, 3),
    "math.modf(x)[0]": lambda x: math.modf(x)[0],
    "float(np.sin(x))": lambda x: float(np.sin(x)),
    "float(np.float32(x))": lambda x: float(np.float32(x)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_t1_numpy_makes_a_python_number_strong_and_python_does_not(name: str) -> None:
    narrow = np.ones(2, np.float32)

    def f(x: float) -> Any:
        return np.sum(NUMBERS[name](x) * narrow)

    value, slope = cr.value_and_grad(f)(0.5)
    assert value.dtype == f(0.5).dtype
    np.testing.assert_allclose(value, f(0.5), rtol=1e-6)
    h = 1e-6
    wide = np.ones(2)
    g = lambda x: np.sum(NUMBERS[name](x) * wide)  # noqa: E731 - a function of one line
    if "round" not in name and "float32" not in name:
        np.testing.assert_allclose(slope, (g(0.5 + h) - g(0.5 - h)) / (2 * h), rtol=1e-5, atol=1e-5)


def test_t2_a_derivative_has_the_dtype_of_its_argument() -> None:
    x = X.astype(np.float32)
    g = cr.grad(lambda x: np.sum(x.astype(float) * np.arange(3.0)))(x)
    assert g.dtype == np.float32
    assert cr.hessian(lambda x: np.sum(x**3))(x).dtype == np.float32
    assert cr.vjp(lambda x: x * 2.0, x)[1](x)[0].dtype == np.float32
    by_x, by_y = cr.grad(lambda x, y: np.sum(x * y), wrt=(0, 1))(x, X)
    assert (by_x.dtype, by_y.dtype) == (np.float32, np.float64)


def test_t3_python_numbers_are_weak() -> None:
    x = X.astype(np.float32)
    value, gradient = cr.value_and_grad(lambda x: np.sum(2.0 * x + 1))(x)
    assert value.dtype == gradient.dtype == np.float32
    seen = []
    cr.grad(lambda a, x: seen.append((a * x).dtype) or np.sum(a * x), wrt=1)(0.5, x)
    assert seen == [np.float32]
    assert cr.grad(lambda a: np.sum(a * x))(0.5).dtype == np.float64


def test_t4_integers_have_no_derivative() -> None:
    for bad in (3, np.arange(3), np.array([True]), np.int32(1)):
        with pytest.raises(NotDifferentiable, match="steps"):
            cr.grad(lambda steps: np.sum(steps * 1.0))(bad)
    # Those that no derivative is asked for may be of any type.
    assert cr.grad(lambda x, n, name: x**n)(2.0, 3, "cubic") == 12.0


def test_t5_conversions_to_integers_are_constants() -> None:
    assert cr.grad(lambda x: x * int(x))(2.5) == 2.0
    assert cr.grad(lambda x: x * np.asarray(x).astype(int))(2.5) == 2.0
    assert cr.grad(lambda x: (x > 0) * x**2)(3.0) == 6.0


def test_t6_a_cut_derivative_is_an_error() -> None:
    # In a user's module `float(x)` is seen; what reaches Python's own conversion is refused.
    for f in (lambda x: builtins.float(x) * x, lambda x: builtins.complex(x).real):
        with pytest.raises(CutDerivative):
            cr.grad(f)(0.5)
