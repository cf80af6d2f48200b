"""The gradient vector: the direction of steepest ascent."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]

DIRECTIONS = 10_000


def walk(guide: Guide) -> None:
    """Let random directions compete with the gradient."""
    table = diabetes()
    X, y = table.standard, table.target
    w = np.linspace(-0.3, 0.3, X.shape[1])

    guide.say("∇f(w) = [∂f/∂w₁, …, ∂f/∂w_d]ᵀ is the direction of steepest ascent.")

    def mse(w: np.ndarray) -> Any:
        return np.mean((y - X @ w) ** 2)

    guide.show(mse)
    guide.formulas((cr.grad(mse), (w,), "(2/N) Xᵀ(Xw − y)"))
    gradient = cr.grad(mse)(w)
    guide.agree("derived and by hand agree", gradient, 2 / len(y) * X.T @ (X @ w - y))

    steepness = float(np.linalg.norm(gradient))
    directions = np.random.default_rng(0).normal(size=(DIRECTIONS, len(w)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    step = 1e-3
    climbs = np.mean((y - (w + step * directions) @ X.T) ** 2, axis=1) - mse(w)
    along = float(mse(w + step * gradient / steepness) - mse(w))
    downhill = float(mse(w - step * gradient / steepness) - mse(w))
    guide.table(
        ("direction of a step of length 0.001 ", "climb", "climb / step"),
        [
            ("along the gradient", number(along), number(along / step)),
            (f"best of {DIRECTIONS:,} random", number(climbs.max()), number(climbs.max() / step)),
            ("against the gradient", number(downhill), number(downhill / step)),
            ("‖∇f‖, the slope along the gradient", "", number(steepness)),
        ],
    )
    guide.claim(
        f"none of {DIRECTIONS:,} random directions climbs higher", bool(along > climbs.max())
    )
    slope = cr.jvp(mse, (w,), (gradient / steepness,))[1]
    guide.agree("the slope along the gradient is its length", slope, steepness)
    guide.claim("one step against it lowers the error", downhill < 0)


CHAPTER = Chapter("Gradient Vector", walk)
