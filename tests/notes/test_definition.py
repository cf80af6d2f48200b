"""Definition: the derivative is a rate of change, the gradient collects partial derivatives, and
the chain rule multiplies the derivatives of the parts."""

from collections.abc import Callable
from dataclasses import dataclass

import chainrule as cr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

Map = Callable[[np.ndarray], np.ndarray]

# Smooth maps from vectors to vectors of the same length: elementwise ones, and ones whose
# outputs mix all inputs.
SMOOTH: dict[str, Map] = {
    "sin": lambda x: np.sin(x),
    "tanh": lambda x: np.tanh(x),
    "bell": lambda x: np.exp(-(x**2)),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "cube": lambda x: x**3 / (1.0 + x**2),
    "root": lambda x: np.sqrt(1.0 + x**2),
    "neighbours": lambda x: x * np.roll(x, 1) - 0.5 * x,
    "softmax": lambda x: np.exp(x) / np.sum(np.exp(x)),
    "unit": lambda x: x / np.sqrt(1.0 + np.sum(x**2)),
    "running sum": lambda x: np.cumsum(np.cos(x)),
}


@dataclass(frozen=True)
class Composition:
    """Smooth maps, then a random matrix that changes the dimension, then smooth maps.

    A class, so that a failing example shows which maps it was made of.
    """

    before: list[str]
    rows: int
    columns: int
    seed: int
    after: list[str]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        matrix = np.random.default_rng(self.seed).normal(size=(self.rows, self.columns))
        for name in self.before:
            x = SMOOTH[name](x)
        x = matrix / np.sqrt(self.columns) @ x
        for name in self.after:
            x = SMOOTH[name](x)
        return x


def maps(inputs: int, outputs: int) -> st.SearchStrategy[Composition]:
    """Draw a smooth map ℝ^inputs → ℝ^outputs."""
    names = st.lists(st.sampled_from(sorted(SMOOTH)), max_size=2)
    return st.builds(
        Composition, names, st.just(outputs), st.just(inputs), st.integers(0, 99), names
    )


def test_a_derivative_is_the_limit_of_the_rate_of_change() -> None:
    """Difference quotients approach the derivative as the step shrinks, at first order."""

    def f(x: float) -> float:
        return np.sin(x) * np.exp(x)

    slope = cr.derivative(f)(0.7)
    steps = 10.0 ** -np.arange(1, 7)
    errors = [abs((f(0.7 + h) - f(0.7)) / h - slope) for h in steps]
    assert_allclose(np.divide(errors[1:], errors[:-1]), 0.1, rtol=0.05)


def test_a_gradient_is_the_vector_of_the_partial_derivatives() -> None:
    def f(x: np.ndarray) -> float:
        return x[0] ** 2 * x[1] + np.sin(x[2]) * x[0]

    x = np.array([0.3, -1.1, 2.0])
    partials = [cr.grad(f, wrt=f"x[{j}]")(x) for j in range(3)]
    assert_allclose(cr.grad(f)(x), partials, rtol=1e-14)
    assert_allclose(partials, [2 * x[0] * x[1] + np.sin(x[2]), x[0] ** 2, np.cos(x[2]) * x[0]])


@pytest.mark.parametrize("outer", ["sin", "tanh", "bell", "softplus", "cube", "root"])
@pytest.mark.parametrize("inner", ["sin", "tanh", "bell", "softplus", "cube", "root"])
def test_chain_rule_of_one_variable(outer: str, inner: str) -> None:
    """(f∘g)' = (f'∘g)·g', at a hundred points at once."""
    f, g = SMOOTH[outer], SMOOTH[inner]
    x = np.linspace(-3, 3, 100)
    whole = cr.derivative(lambda t: f(g(t)))(x)
    assert_allclose(whole, cr.derivative(f)(g(x)) * cr.derivative(g)(x), rtol=1e-12, atol=1e-14)


@given(st.data())
def test_chain_rule_of_many_variables(data: st.DataObject) -> None:
    """J_{f∘g}(x) = J_f(g(x)) J_g(x), for random maps between random dimensions."""
    d, k, m = (data.draw(st.integers(1, 5), label=label) for label in "dkm")
    g = data.draw(maps(d, k), label="g")
    f = data.draw(maps(k, m), label="f")
    x = np.random.default_rng(data.draw(st.integers(0, 999), label="seed")).normal(size=d)

    whole = cr.jacobian(lambda t: f(g(t)))(x)
    product = cr.jacobian(f)(g(x)) @ cr.jacobian(g)(x)
    assert whole.shape == (m, d)
    assert_allclose(whole, product, rtol=1e-10, atol=1e-12)


@given(st.data())
def test_chain_rule_of_both_modes(data: st.DataObject) -> None:
    """Tangents push through g and then f; cotangents pull back through f and then g."""
    d, k, m = 4, 3, 2
    g = data.draw(maps(d, k), label="g")
    f = data.draw(maps(k, m), label="f")
    rng = np.random.default_rng(data.draw(st.integers(0, 999), label="seed"))
    x, tangent, cotangent = rng.normal(size=d), rng.normal(size=d), rng.normal(size=m)

    def whole(t: np.ndarray) -> np.ndarray:
        return f(g(t))

    middle, pushed = cr.jvp(g, (x,), (tangent,))
    assert_allclose(
        cr.jvp(whole, (x,), (tangent,))[1],
        cr.jvp(f, (middle,), (pushed,))[1],
        rtol=1e-10,
        atol=1e-12,
    )
    (at_middle,) = cr.vjp(f, middle)[1](cotangent)
    (at_start,) = cr.vjp(g, x)[1](at_middle)
    assert_allclose(cr.vjp(whole, x)[1](cotangent)[0], at_start, rtol=1e-10, atol=1e-12)
