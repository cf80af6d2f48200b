"""Core concepts: partial derivatives, the gradient vector, the Jacobian, the Hessian."""

from collections.abc import Callable

import chainrule as cr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose


def landscape(x: np.ndarray) -> float:
    """A scalar function of any number of variables, curved and coupled in all of them."""
    return np.sum(np.sin(x) * np.roll(x, 1)) + np.log1p(np.sum(x**2)) + np.prod(np.cos(x))


class TestPartialDerivatives:
    """∂f/∂xⱼ treats the other variables as constants."""

    @pytest.mark.parametrize("j", range(4))
    def test_of_one_entry(self, j: int) -> None:
        x = np.array([0.4, -1.3, 2.2, 0.7])

        def others_constant(t: float) -> float:
            return landscape(np.array([t if i == j else x[i] for i in range(4)]))

        partial = cr.grad(landscape, wrt=f"x[{j}]")(x)
        assert np.shape(partial) == ()
        assert_allclose(partial, cr.grad(others_constant)(x[j]), rtol=1e-13)
        assert_allclose(partial, cr.grad(landscape)(x)[j], rtol=1e-13)

    def test_of_a_negative_index(self) -> None:
        x = np.array([0.4, -1.3, 2.2])
        assert_allclose(cr.grad(landscape, wrt="x[-1]")(x), cr.grad(landscape)(x)[2], rtol=1e-13)

    def test_of_a_dictionary_entry(self) -> None:
        rng = np.random.default_rng(0)
        data = rng.normal(size=(7, 3))
        params = {"w": rng.normal(size=3), "b": 0.25}

        def loss(params: dict[str, np.ndarray]) -> float:
            return np.mean((data @ params["w"] + params["b"]) ** 2)

        partial = cr.grad(loss, wrt="params['w']")(params)
        assert_allclose(partial, 2 / 7 * data.T @ (data @ params["w"] + 0.25), rtol=1e-13)
        assert_allclose(partial, cr.grad(loss)(params)["w"], rtol=1e-13)

    def test_of_an_argument_by_name_or_position(self) -> None:
        def f(a: float, b: float) -> float:
            return a**2 * np.exp(b)

        assert_allclose(cr.grad(f, wrt="b")(3.0, 0.5), 9 * np.exp(0.5))
        assert_allclose(cr.grad(f, wrt=1)(3.0, 0.5), 9 * np.exp(0.5))
        assert_allclose(cr.grad(f, wrt=("a", "b"))(3.0, 0.5), (6 * np.exp(0.5), 9 * np.exp(0.5)))


class TestGradientVector:
    """∇f(x) = [∂f/∂x₁, …, ∂f/∂x_d]ᵀ is the direction of steepest ascent."""

    @given(st.integers(2, 8), st.integers(0, 999))
    def test_no_unit_direction_beats_it(self, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=size)
        gradient = cr.grad(landscape)(x)
        steepest = cr.jvp(landscape, (x,), (gradient / np.linalg.norm(gradient),))[1]
        assert_allclose(steepest, np.linalg.norm(gradient), rtol=1e-12)

        directions = rng.normal(size=(200, size))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        slopes = [cr.jvp(landscape, (x,), (v,))[1] for v in directions]
        assert np.max(slopes) <= steepest * (1 + 1e-12)

    def test_a_real_step_along_it_climbs_highest(self) -> None:
        """Not only to first order: actual steps on the actual function."""
        rng = np.random.default_rng(5)
        x = rng.normal(size=6)
        gradient = cr.grad(landscape)(x)
        step = 1e-4
        directions = rng.normal(size=(2000, 6))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        climbs = [landscape(x + step * v) for v in directions]
        assert landscape(x + step * gradient / np.linalg.norm(gradient)) > np.max(climbs)

    def test_it_has_the_shape_of_its_argument(self) -> None:
        for shape in [(3,), (2, 3), (), (0,), (2, 1, 2)]:
            x = np.full(shape, 0.5)
            assert np.shape(cr.grad(lambda t: np.sum(np.sin(t)))(x)) == shape


class TestJacobian:
    """J ∈ ℝ^{m×d} stacks the gradients of the outputs: J_ij = ∂f_i/∂x_j."""

    @staticmethod
    def outputs(x: np.ndarray) -> np.ndarray:
        return np.stack([x[0] * x[1], np.sin(x[2]) + x[0] ** 2, np.sum(x**3), x[1] / x[2]])

    def test_it_stacks_gradients(self) -> None:
        x = np.array([0.5, -1.2, 0.8])
        jacobian = cr.jacobian(self.outputs)(x)
        assert jacobian.shape == (4, 3)

        def one(i: int) -> Callable[[np.ndarray], float]:
            return lambda t: self.outputs(t)[i]

        assert_allclose(jacobian, np.stack([cr.grad(one(i))(x) for i in range(4)]), rtol=1e-13)

    def test_its_entries_are_partial_derivatives(self) -> None:
        x = np.array([0.5, -1.2, 0.8])
        columns = [cr.jacobian(self.outputs, wrt=f"x[{j}]")(x) for j in range(3)]
        assert_allclose(cr.jacobian(self.outputs)(x), np.stack(columns, axis=1), rtol=1e-13)


class TestHessian:
    """H_ij = ∂²f/∂x_i∂x_j captures local curvature."""

    def test_its_entries_are_second_partial_derivatives(self) -> None:
        x = np.array([0.4, -1.3, 2.2])
        hessian = cr.hessian(landscape)(x)
        assert hessian.shape == (3, 3)
        assert_allclose(hessian, hessian.T, rtol=1e-12)
        assert_allclose(hessian, cr.jacobian(cr.grad(landscape))(x), rtol=1e-12)
        for i in range(3):
            for j in range(3):
                mixed = cr.grad(lambda t, i=i: cr.grad(landscape)(t)[i], wrt=0)(x)[j]
                assert_allclose(hessian[i, j], mixed, rtol=1e-12)

    def test_convex_concave_and_saddle(self) -> None:
        def bowl(x: np.ndarray) -> float:
            return np.log(np.sum(np.exp(x))) + np.sum(x**2)

        def hill(x: np.ndarray) -> float:
            return np.sum(np.log(x)) - x @ x

        def saddle(x: np.ndarray) -> float:
            return x[0] ** 2 - x[1] ** 2 + x[2] ** 2

        x = np.array([0.6, 1.1, 0.3])
        assert np.all(np.linalg.eigvalsh(cr.hessian(bowl)(x)) > 0)
        assert np.all(np.linalg.eigvalsh(cr.hessian(hill)(x)) < 0)
        assert_allclose(np.linalg.eigvalsh(cr.hessian(saddle)(x)), [-2, 2, 2])

    def test_curvature_along_a_direction(self) -> None:
        """vᵀHv is the second derivative of the function along the line x + tv."""
        rng = np.random.default_rng(2)
        x, v = rng.normal(size=(2, 5))
        along = cr.derivative(lambda t: landscape(x + t * v), order=2)(0.0)
        assert_allclose(v @ cr.hessian(landscape)(x) @ v, along, rtol=1e-11)
        assert_allclose(v @ cr.hvp(landscape)(x, v), along, rtol=1e-11)
