"""The Hessian: local curvature, convex, concave or neither."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.curvature import eigenvalues, in_words
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import breast_cancer, diabetes

__all__ = ["CHAPTER"]


def walk(guide: Guide) -> None:
    """Show one function of each kind of curvature."""
    guide.say(
        """The matrix of second derivatives, Hᵢⱼ = ∂²f / (∂wᵢ ∂wⱼ), captures local curvature.
        Positive eigenvalues curve up (convex), negative ones down (concave), both make a
        saddle."""
    )
    _convex(guide)
    _concave(guide)
    _saddle(guide)


def _convex(guide: Guide) -> None:
    table = diabetes()
    X, y = table.standard, table.target

    def mse(w: np.ndarray) -> Any:
        return np.mean((y - X @ w) ** 2)

    w = np.zeros(X.shape[1])
    guide.show(mse)
    guide.formulas((cr.hessian(mse), (w,), "(2/N) XᵀX"))
    guide.agree("derived and by hand agree", cr.hessian(mse)(w), 2 / len(y) * X.T @ X)
    _judge(guide, mse, w, "strictly convex")


def _concave(guide: Guide) -> None:
    table = breast_cancer()
    X, t = table.standard, table.target

    def log_likelihood(w: np.ndarray) -> Any:
        z = X @ w
        return np.sum(t * z - np.logaddexp(0, z))

    w = np.zeros(X.shape[1])
    guide.show(log_likelihood)
    by_hand = "−Xᵀ diag(s ⊙ (1 − s)) X where z = Xw, s = σ(z)"
    guide.formulas((cr.hessian(log_likelihood), (w,), by_hand))
    s = 1 / (1 + np.exp(-(X @ w)))
    expected = -X.T @ ((s * (1 - s))[:, None] * X)
    guide.agree("derived and by hand agree", cr.hessian(log_likelihood)(w), expected)
    _judge(guide, log_likelihood, w, "strictly concave")


def _saddle(guide: Guide) -> None:
    table = diabetes()
    x, y = table.column("bmi"), table.target

    def two_layers(p: np.ndarray) -> Any:
        u, v = p
        return np.mean((y - v * np.tanh(u * x)) ** 2)

    p = np.zeros(2)
    guide.say("The smallest two-layer network, one weight in each layer, at zero:")
    guide.show(two_layers)
    c = float(-2 * np.mean(x * y))
    hessian = cr.hessian(two_layers)(p)
    guide.agree(
        f"by hand its Hessian there is [[0, c], [c, 0]], c = {number(c)}", hessian, [[0, c], [c, 0]]
    )
    _judge(guide, two_layers, p, "saddle")


def _judge(guide: Guide, f: Callable[..., Any], w: np.ndarray, expected: str) -> None:
    """Print the eigenvalues; claim the curvature, and that numbers show it too."""
    values = eigenvalues(f, (w,))
    word = in_words(values)
    guide.claim(
        f"eigenvalues from {number(values[0])} to {number(values[-1])}: {word}", word == expected
    )
    guide.confirm("numerical second derivatives agree", cr.check(f, w, order=2))


CHAPTER = Chapter("Hessian", walk)
