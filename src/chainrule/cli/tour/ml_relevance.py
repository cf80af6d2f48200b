"""ML relevance: logistic regression by gradient descent, and by Newton's method."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.descent import Fit, descend
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import breast_cancer

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Fit logistic regression to the breast-cancer table, with gradients and with Hessians."""
    table = breast_cancer()
    X, t = table.standard, table.target
    N, d = X.shape
    guide.say(
        f"""Back-propagation applies the chain rule to compute the gradients of a loss;
        optimisers follow them down; second-order methods use the Hessian for curvature-aware
        steps. Logistic regression: is a breast mass malignant, from {d} measurements of each of
        {N} masses? The last term keeps the weights small."""
    )

    def loss(w: np.ndarray, b: float) -> Any:
        z = X @ w + b
        return np.mean(np.logaddexp(0, z) - t * z) + 0.005 * np.sum(w**2)

    guide.show(loss)
    start = (np.zeros(d), 0.0)
    guide.formulas(
        (cr.grad(loss, wrt="w"), start, "(1/N) Xᵀ(σ(z) − t) + 0.01w where z = Xw + b"),
        (cr.grad(loss, wrt="b"), start, "(1/N) sum(σ(z) − t) where z = Xw + b"),
        (
            cr.hessian(loss, wrt="w"),
            start,
            "(1/N) Xᵀ diag(s ⊙ (1 − s)) X + 0.01I where z = Xw + b, s = σ(z)",
        ),
    )

    def by_hand(w: np.ndarray, b: float) -> tuple[Any, Any]:
        residual = 1 / (1 + np.exp(-(X @ w + b))) - t
        return X.T @ residual / N + 0.01 * w, np.mean(residual)

    guide.confirm("the gradients by hand pass the check", cr.check(loss, *start, against=by_hand))
    guide.confirm("numerical differentiation agrees", cr.check(loss, *start))
    guide.confirm("and for second derivatives", cr.check(loss, *start, order=2))

    guide.say("Gradient descent:")
    w, b = descend(guide, Fit(loss, start, by_hand, rate=0.5, shown=(0, 1, 5, 20, 50, 100, 200)))
    right = float(np.mean((X @ w + b > 0) == (t > 0.5)))
    guide.claim(f"it classifies {right:.1%} of the {N} masses right", right > 0.93)
    _newton(guide, loss, start, float(loss(w, b)))


def _newton(guide: Guide, loss: Any, start: tuple[Any, ...], reached: float) -> None:
    """Minimise the same loss by Newton's method."""
    guide.say("Newton's method solves with the Hessian at each step, and needs far fewer:")
    met = [start]

    def of_pair(p: Any) -> Any:
        return loss(*p)

    found = cr.minimize(of_pair, start, method="newton", callback=met.append)
    rows = []
    for count, p in enumerate(met):
        by_w, by_b = cr.grad(loss, wrt=("w", "b"))(*p)
        norm = float(np.hypot(np.linalg.norm(by_w), by_b))
        rows.append((str(count), f"{float(loss(*p)):.12f}", number(norm, 2)))
    guide.table(("step", "loss", "‖∇‖"), rows)
    guide.claim(
        f"{found.nit} Newton steps make the gradient vanish", found.success and norm < 1e-8
    )
    guide.claim("where they end, the curvature is that of a minimum", found.curvature == "minimum")
    guide.claim(
        f"they end {number(reached - found.fun, 2)} below gradient descent", found.fun < reached
    )


CHAPTER = Chapter("ML Relevance", walk)
