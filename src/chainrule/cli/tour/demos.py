"""The notes' two small demonstrations: gradient of MSE by w and b; Jacobian and Hessian."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.tour.curvature import eigenvalues, in_words
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["GRADIENT_OF_MSE", "JACOBIAN_AND_HESSIAN"]


def gradient_of_mse(guide: Guide) -> None:
    """Repeat the first demonstration in single precision, as the notes have it."""
    table = diabetes()
    X = table.standard.astype(np.float32)
    y = table.target.astype(np.float32)
    N, d = X.shape
    w, b = np.zeros(d, np.float32), np.full(1, 0.25, np.float32)
    guide.say(
        """The first demonstration, in single precision as the notes ran it, with a bias of
        shape (1,). The gradients keep the precision and the shapes of their arguments:"""
    )

    def loss(w: np.ndarray, b: np.ndarray) -> Any:
        y_hat = X @ w + b
        return np.mean((y - y_hat) ** 2)

    guide.show(loss)
    value, (by_w, by_b) = cr.value_and_grad(loss, wrt=("w", "b"))(w, b)
    analytic_w = (2.0 / N) * X.T @ (X @ w + b - y)
    analytic_b = (2.0 / N) * np.sum(X @ w + b - y)
    shown = 5
    guide.entries(
        [
            ("loss", f"{value:.6f}"),
            ("grad w (chainrule)", f"{_row(by_w[:shown])} …"),
            ("grad w (analytic)", f"{_row(analytic_w[:shown])} …"),
            ("grad b (chainrule)", _row(by_b)),
            ("grad b (analytic)", _row(analytic_b)),
        ]
    )
    guide.agree("grad w is the analytic one", by_w, analytic_w, tolerance=1e-5)
    guide.agree("grad b is the analytic one", by_b, analytic_b[None], tolerance=1e-5)
    guide.claim(
        f"both are float32, of shapes ({d},) and (1,)",
        by_w.dtype == by_b.dtype == np.float32 and (by_w.shape, by_b.shape) == ((d,), (1,)),
    )


def jacobian_and_hessian(guide: Guide) -> None:
    """Repeat the second demonstration: toy functions, entry by entry."""
    guide.say("The second demonstration: two functions of x ∈ ℝ³, entry by entry.")

    def f(x: np.ndarray) -> Any:
        x1, x2, x3 = x
        return np.stack([x1**2 + 2 * x2 - x3, np.sin(x1) + x2 * x3])

    def g(x: np.ndarray) -> Any:
        x1, x2, x3 = x
        return x1**2 + 3 * x2**2 + np.exp(x3) + x1 * x2

    x0 = np.array([0.2, -0.3, 0.5])
    guide.show(f, g)
    guide.formulas(
        (cr.jacobian(f), (x0,), "[[2x₁, 2, −1], [cos(x₁), x₃, x₂]]"),
        (cr.hessian(g), (x0,), "[[2, 1, 0], [1, 6, 0], [0, 0, exp(x₃)]]"),
    )
    J, H = cr.jacobian(f)(x0), cr.hessian(g)(x0)
    guide.agree("the Jacobian at x0 is the notes'", J, [[0.4, 2, -1], [np.cos(0.2), 0.5, -0.3]])
    guide.agree("the Hessian at x0 is the notes'", H, [[2, 1, 0], [1, 6, 0], [0, 0, np.exp(0.5)]])
    guide.confirm("numerical differentiation agrees on f", cr.check(f, x0))
    guide.confirm("and on the second derivatives of g", cr.check(g, x0, order=2))
    values = eigenvalues(g, (x0,))
    guide.claim(
        f"the eigenvalues {_row(values)} make g {in_words(values)} here",
        in_words(values) == "strictly convex",
    )


def _row(values: Any) -> str:
    """Return a few numbers on one line."""
    return "  ".join(f"{value:+.6f}" for value in np.ravel(values))


GRADIENT_OF_MSE = Chapter("Small Python Demos: gradient of MSE wrt w, b", gradient_of_mse)
JACOBIAN_AND_HESSIAN = Chapter(
    "Small Python Demos: Jacobian and Hessian (toy functions)", jacobian_and_hessian
)
