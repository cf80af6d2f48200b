"""Partial derivatives: the other variables are constants."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Show ∂f/∂w_j for each measurement, and that it is an ordinary derivative."""
    table = diabetes()
    X, y = table.standard, table.target
    w = np.zeros(X.shape[1])

    guide.say(
        """For f(w₁, …, w_d), the partial derivative ∂f/∂wⱼ treats the other variables as
        constants. With one weight for each of ten measurements of a patient:"""
    )

    def mse(w: np.ndarray) -> Any:
        return np.mean((y - X @ w) ** 2)

    guide.show(mse)
    guide.say("""A path names the variable: cr.grad(mse, wrt="w[2]") is ∂f/∂w₃.""")
    rows, partials, alone = [], [], []
    for j, name in enumerate(table.names):

        def others_constant(t: float, j: int = j) -> Any:
            return mse(np.array([t if i == j else w[i] for i in range(len(w))]))

        partials.append(float(cr.grad(mse, wrt=f"w[{j}]")(w)))
        alone.append(float(cr.grad(others_constant)(w[j])))
        rows.append((f"{name} ", f"w[{j}]", f"{partials[-1]:+.6f}"))
    guide.table(("measurement ", "variable", "∂f/∂wⱼ at w = 0"), rows)
    steepest = table.names[int(np.argmax(np.abs(partials)))]
    guide.say(f"At w = 0 the error is most sensitive to the weight of {steepest!r}.")
    guide.agree("each is the derivative with the other weights held constant", partials, alone)
    guide.agree("together they are the gradient", partials, cr.grad(mse)(w))
    guide.agree("by hand they are −2 times correlations", partials, -2 * X.T @ y / len(y))
    guide.claim(
        f"the correlation of 'bmi' with progression is {number(-partials[2] / 2)}",
        bool(np.isclose(np.corrcoef(X[:, 2], y)[0, 1], -partials[2] / 2)),
    )


CHAPTER = Chapter("Partial Derivatives", walk)
