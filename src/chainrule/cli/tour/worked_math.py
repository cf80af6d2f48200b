"""Worked math: linear regression, its two gradients derived on paper and by the machine."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.descent import Fit, descend
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Fit linear regression to the diabetes table."""
    table = diabetes()
    X, y = table.standard, table.target
    N, d = X.shape
    guide.say(
        f"""Model: ŷ = Xw + b, with N = {N} patients and d = {d} measurements. Mean squared
        error: L(w, b) = (1/N) ‖y − (Xw + b)‖²."""
    )

    def mse(w: np.ndarray, b: float) -> Any:
        return np.mean((y - (X @ w + b)) ** 2)

    start = (np.zeros(d), 0.5)
    guide.show(mse)
    guide.formulas(
        (cr.grad(mse, wrt="w"), start, "(2/N) Xᵀ(Xw + b − y)"),
        (cr.grad(mse, wrt="b"), start, "(2/N) 𝟏ᵀ(Xw + b − y)"),
        (cr.hessian(mse, wrt="w"), start, "(2/N) XᵀX"),
    )

    def by_hand(w: np.ndarray, b: float) -> tuple[Any, Any]:
        residual = X @ w + b - y
        return 2 / N * X.T @ residual, 2 / N * np.sum(residual)

    guide.show(by_hand)
    guide.confirm("the derivation by hand passes the check", cr.check(mse, *start, against=by_hand))
    guide.confirm("numerical differentiation agrees", cr.check(mse, *start))
    guide.confirm("and for second derivatives", cr.check(mse, *start, order=2))
    guide.agree(
        "the derivative by b is 2 · mean(residuals)",
        cr.grad(mse, wrt="b")(*start),
        2 * np.mean(X @ start[0] + start[1] - y),
    )

    guide.say("Gradient descent:")
    w, b = descend(guide, Fit(mse, start, by_hand, rate=0.2, shown=(0, 1, 5, 20, 100, 500)))
    exact = np.linalg.lstsq(np.column_stack([X, np.ones(N)]), y, rcond=None)[0]
    best = float(mse(exact[:-1], exact[-1]))
    excess = float(mse(w, b)) - best
    guide.claim(
        f"it ends {number(excess, 1)} above the least-squares solution, {best:.5f}", excess < 1e-2
    )
    guide.say(
        f"""The condition number of the Hessian, {number(np.linalg.cond(2 / N * X.T @ X), 3)}, is
        why the last digits take so many steps: two of the serum measurements say nearly the
        same. Newton's method does not mind:"""
    )
    newton = cr.minimize(lambda p: mse(*p), start, method="newton")
    guide.claim("Newton's method needs one step", newton.nit == 1)
    guide.agree("and arrives at the least-squares weights", newton.x[0], exact[:-1])

    guide.say("The same as residuals, for which standard errors follow from the Jacobian:")
    found = cr.least_squares(lambda p: y - (X @ p[0] + p[1]), start)
    errors = found.standard_errors()
    shown = sorted(range(d), key=lambda k: -abs(found.x[0][k] / errors[0][k]))[:4]
    guide.table(
        ("measurement", "weight", "standard error"),
        [(table.names[k], number(found.x[0][k], 3), number(errors[0][k], 3)) for k in shown],
    )
    residual = mse(*found.x) * N / (N - d - 1)
    textbook = np.sqrt(np.diag(np.linalg.inv(X.T @ X)) * residual)
    guide.agree("the standard errors are √(s² diag (XᵀX)⁻¹)", errors[0], textbook)


CHAPTER = Chapter("Worked Math: Derivative of MSE wrt Linear Weights", walk)
