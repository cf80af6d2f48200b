"""The Jacobian: the gradients of all outputs, stacked."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import breast_cancer

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Show the Jacobian of 569 predicted probabilities by ten weights."""
    X = breast_cancer().standard
    N, d = X.shape
    w = np.linspace(-0.5, 0.5, d)

    guide.say(
        f"""For f: ℝᵈ → ℝᵐ, the Jacobian J ∈ ℝ^{{m×d}} stacks the gradients of the outputs:
        Jᵢⱼ = ∂fᵢ/∂wⱼ. The data: {N} breast masses with {d} measurements each; the outputs: the
        probability, for each mass, that it is malignant."""
    )

    def probabilities(w: np.ndarray) -> Any:
        return 1 / (1 + np.exp(-(X @ w)))

    guide.show(probabilities)
    guide.formulas((cr.jacobian(probabilities), (w,), "diag(p ⊙ (1 − p)) X where p = σ(Xw)"))
    jacobian = cr.jacobian(probabilities)(w)
    p = probabilities(w)
    guide.claim(f"its shape is {N} × {d}", jacobian.shape == (N, d))
    guide.agree("derived and by hand agree", jacobian, (p * (1 - p))[:, None] * X)
    rows = (0, N // 2, N - 1)
    gradients = [cr.grad(lambda w, i=i: probabilities(w)[i])(w) for i in rows]
    guide.agree(f"rows {rows} are gradients of single outputs", jacobian[list(rows)], gradients)
    guide.confirm("numerical differentiation agrees", cr.check(probabilities, w))

    guide.say(
        """The chain rule for many variables multiplies Jacobians, J_{f∘g} = J_f J_g. Here g
        gives the scores z = Xw and f the probabilities:"""
    )

    def f(z: np.ndarray) -> Any:
        return 1 / (1 + np.exp(-z))

    def g(w: np.ndarray) -> Any:
        return X @ w

    guide.show(f, g)
    product = cr.jacobian(f)(g(w)) @ cr.jacobian(g)(w)
    guide.agree(f"J_f ({N}×{N}) times J_g ({N}×{d}) is the Jacobian", product, jacobian)


CHAPTER = Chapter("Jacobian", walk)
