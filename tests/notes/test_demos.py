"""The notes' three demonstrations, on their own data, with their own numbers.

PyTorch computed them in float32; so does NumPy when it is given float32, and chainrule keeps
that. In float64 the same programs agree to the precision of the stored numbers.
"""

from collections.abc import Callable, Mapping

import chainrule as cr
import numpy as np
import pytest
from numpy.testing import assert_allclose

Demo = Mapping[str, np.ndarray]
Matcher = Callable[[str, str], bool]
Params = dict[str, np.ndarray]

both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class TestGradientOfMse:
    """Demonstration 1: gradient of the mean squared error by w and b."""

    @both_precisions
    def test_loss_and_gradients(self, mse_demo: Demo, dtype: type) -> None:
        X, y, w, b = (mse_demo[name].astype(dtype) for name in ("X", "y", "w", "b"))

        def loss(w: np.ndarray, b: np.ndarray) -> float:
            y_hat = X @ w + b
            return np.mean((y - y_hat) ** 2)

        value, (by_w, by_b) = cr.value_and_grad(loss, wrt=("w", "b"))(w, b)
        assert_allclose(value, 4.777043, rtol=1e-6)
        assert_allclose(value, mse_demo["loss"], rtol=1e-6)
        assert by_w.dtype == by_b.dtype == dtype
        assert by_b.shape == (1,)
        assert_allclose(by_b, [-0.5867], atol=5e-5)
        assert_allclose(by_b, mse_demo["grad_b"], rtol=2e-6)
        assert_allclose(by_w, mse_demo["grad_w"], rtol=2e-6)

    def test_analytic_check(self, mse_demo: Demo) -> None:
        X, y, w, b = (mse_demo[name].astype(np.float64) for name in ("X", "y", "w", "b"))
        N = len(y)

        def loss(w: np.ndarray, b: np.ndarray) -> float:
            return np.mean((y - (X @ w + b)) ** 2)

        by_w, by_b = cr.grad(loss, wrt=("w", "b"))(w, b)
        assert_allclose(by_w, 2.0 / N * X.T @ (X @ w + b - y), rtol=1e-12)
        assert_allclose(by_b, [2.0 / N * np.sum(X @ w + b - y)], rtol=1e-12)


class TestJacobianAndHessian:
    """Demonstration 2: the toy functions f: ℝ³ → ℝ² and g: ℝ³ → ℝ."""

    @staticmethod
    def f(x: np.ndarray) -> np.ndarray:
        x1, x2, x3 = x
        return np.stack([x1**2 + 2 * x2 - x3, np.sin(x1) + x2 * x3])

    @staticmethod
    def f_as_array(x: np.ndarray) -> np.ndarray:
        x1, x2, x3 = x
        return np.array([x1**2 + 2 * x2 - x3, np.sin(x1) + x2 * x3])

    @staticmethod
    def g(x: np.ndarray) -> float:
        x1, x2, x3 = x
        return x1**2 + 3 * x2**2 + np.exp(x3) + x1 * x2

    @both_precisions
    def test_jacobian(self, toy_demo: Demo, dtype: type) -> None:
        x0 = toy_demo["x0"].astype(dtype)
        for function in (self.f, self.f_as_array):
            jacobian = cr.jacobian(function)(x0)
            assert jacobian.shape == (2, 3)
            assert jacobian.dtype == dtype
            assert_allclose(jacobian, toy_demo["jacobian"], rtol=1e-6)

    @both_precisions
    def test_hessian(self, toy_demo: Demo, dtype: type) -> None:
        hessian = cr.hessian(self.g)(toy_demo["x0"].astype(dtype))
        assert hessian.shape == (3, 3)
        assert hessian.dtype == dtype
        assert_allclose(hessian, toy_demo["hessian"], rtol=1e-6)

    def test_exact_values(self) -> None:
        x0 = np.array([0.2, -0.3, 0.5])
        assert_allclose(cr.jacobian(self.f)(x0), [[0.4, 2, -1], [np.cos(0.2), 0.5, -0.3]])
        assert_allclose(cr.hessian(self.g)(x0), [[2, 1, 0], [1, 6, 0], [0, 0, np.exp(0.5)]])

    def test_formulas(self, prints: Matcher) -> None:
        x0 = np.array([0.2, -0.3, 0.5])
        assert prints(cr.formula(cr.jacobian(self.f))(x0).text, "toy jacobian")
        assert prints(cr.formula(cr.jacobian(self.f_as_array))(x0).text, "toy jacobian")
        assert prints(cr.formula(cr.hessian(self.g))(x0).text, "toy hessian")


class TestBackpropagation:
    """Demonstration 3: five SGD steps of a 20 → 32 → 1 network with ReLU, rate 1e-2."""

    @both_precisions
    def test_five_steps(self, mlp_demo: Demo, dtype: type) -> None:
        X, y = (mlp_demo[name].astype(dtype) for name in ("X", "y"))
        params: Params = {name: mlp_demo[name].astype(dtype) for name in ("W1", "b1", "W2", "b2")}

        def loss(params: Params) -> float:
            h = np.maximum(0, X @ params["W1"] + params["b1"])
            y_hat = h @ params["W2"] + params["b2"]
            return np.mean((y_hat - y) ** 2)

        losses = []
        step = cr.value_and_grad(loss)
        for _ in range(5):
            value, gradient = step(params)
            losses.append(value)
            assert list(gradient) == list(params)
            for name, change in gradient.items():
                assert change.dtype == dtype
                params[name] = params[name] - dtype(1e-2) * change

        assert [f"{value:.4f}" for value in losses] == [
            f"{value:.4f}" for value in mlp_demo["losses"]
        ]
        assert f"{losses[0]:.4f}" == "1.1069"
        assert f"{losses[4]:.4f}" == "1.0311"
        assert_allclose(losses, mlp_demo["losses"], rtol=1e-6)
        for name, array in params.items():
            assert_allclose(array, mlp_demo[f"{name}_after"], rtol=1e-5, atol=1e-7)
