"""Tips: verify automatic derivatives with small analytic checks, probe curvature in double
precision, and expect ill-conditioned losses to need more than plain gradients."""

from collections.abc import Callable

import chainrule as cr
import numpy as np
import pytest
from numpy.testing import assert_allclose


class TestVerifyWithAnalyticChecks:
    """A check must pass what is right and name what is wrong."""

    @staticmethod
    def f(x: np.ndarray) -> float:
        return np.sum(x**3) + x[0] * x[1]

    @staticmethod
    def right(x: np.ndarray) -> np.ndarray:
        return 3 * x**2 + np.array([x[1], x[0], 0.0])

    def test_passes_what_is_right(self) -> None:
        x = np.array([0.5, -1.5, 2.0])
        assert cr.check(self.f, x)
        assert cr.check(self.f, x, order=2)
        assert cr.check(self.f, x, against=self.right)

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda x: -TestVerifyWithAnalyticChecks.right(x),
            lambda x: 2 * TestVerifyWithAnalyticChecks.right(x),
            lambda x: 3 * x**2,
            lambda x: TestVerifyWithAnalyticChecks.right(x) + np.array([0, 0, 1e-4]),
        ],
        ids=["sign", "factor", "missing term", "one entry"],
    )
    def test_names_what_is_wrong(self, wrong: Callable[[np.ndarray], np.ndarray]) -> None:
        assert not cr.check(self.f, np.array([0.5, -1.5, 2.0]), against=wrong)


class TestDoublePrecisionForCurvature:
    """The Hessian of an ill-conditioned least-squares loss, in single and double precision."""

    @staticmethod
    def errors() -> dict[str, float]:
        """Return, for each precision, the relative error of the Hessian's smallest eigenvalue.

        The columns of X are orthogonal with lengths 1 to 1e-3, so the Hessian 2XᵀX of
        ‖Xw − y‖² has the known eigenvalues 2 to 2e-6, in a rotated basis.
        """
        rng = np.random.default_rng(0)
        columns, _ = np.linalg.qr(rng.normal(size=(40, 4)))
        rotation, _ = np.linalg.qr(rng.normal(size=(4, 4)))
        X = columns * np.array([1.0, 1e-1, 1e-2, 1e-3]) @ rotation
        y = rng.normal(size=40)
        errors = {}
        for dtype in (np.float32, np.float64):
            data, targets = X.astype(dtype), y.astype(dtype)

            def loss(
                w: np.ndarray, data: np.ndarray = data, targets: np.ndarray = targets
            ) -> float:
                return np.sum((data @ w - targets) ** 2)

            hessian = cr.hessian(loss)(np.zeros(4, dtype))
            assert hessian.dtype == dtype
            smallest = np.linalg.eigvalsh(hessian.astype(np.float64))[0]
            errors[np.dtype(dtype).name] = abs(smallest - 2e-6) / 2e-6
        return errors

    def test_side_by_side(self) -> None:
        errors = self.errors()
        print(*(f"{name}: {error:.1e}" for name, error in errors.items()), sep="   ")
        assert 1e-5 < errors["float32"] < 1e0
        assert errors["float64"] < 1e-8
        assert errors["float64"] < errors["float32"] / 1e4


def test_gradient_clipping_keeps_the_direction() -> None:
    """A clipped gradient is a legal thing to differentiate, and points the same way."""

    def clipped(x: np.ndarray) -> np.ndarray:
        gradient = cr.grad(lambda t: np.sum(np.exp(t)))(x)
        return gradient * np.minimum(1.0, 1.0 / np.linalg.norm(gradient))

    x = np.array([3.0, 1.0, -1.0])
    assert_allclose(np.linalg.norm(clipped(x)), 1.0)
    assert_allclose(clipped(x) * np.linalg.norm(np.exp(x)), np.exp(x))
    # On the sphere, the derivative of a unit vector is perpendicular to it.
    assert_allclose(clipped(x) @ cr.jacobian(clipped)(x), 0, atol=1e-14)


def test_an_ill_conditioned_loss_wants_second_order_steps() -> None:
    """Condition number 1e4: a hundred gradient steps crawl where one Newton step arrives."""
    scales = np.array([1.0, 1e4])

    def loss(x: np.ndarray) -> float:
        return 0.5 * np.sum(scales * (x - 1.0) ** 2)

    x = np.zeros(2)
    for _ in range(100):
        x = x - 1e-4 * cr.grad(loss)(x)
    assert loss(x) > 0.4

    start = np.zeros(2)
    newton = start - np.linalg.solve(cr.hessian(loss)(start), cr.grad(loss)(start))
    assert loss(newton) < 1e-20
