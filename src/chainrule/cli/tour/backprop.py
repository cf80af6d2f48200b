"""Backprop through layers: a two-layer network, layer by layer and as a whole."""

from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.descent import Fit, descend
from chainrule.cli.tour.guide import Chapter, Guide
from chainrule.cli.tour.tables import diabetes

__all__ = ["CHAPTER"]

HIDDEN = 4


def walk(guide: Guide) -> None:
    """Fit a small network to the diabetes table."""
    table = diabetes()
    X, y = table.standard, table.target[:, None]
    N, d = X.shape
    guide.say(
        f"""A two-layer network, h = σ(XW1 + b1), ŷ = hW2 + b2, with σ = tanh and {HIDDEN} hidden
        units. The chain rule, layer by layer from the back: ∂L/∂W2 = hᵀ ∂L/∂ŷ and
        ∂L/∂W1 = Xᵀ((∂L/∂ŷ W2ᵀ) ⊙ σ'(XW1 + b1))."""
    )

    def loss(W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray) -> Any:
        h = np.tanh(X @ W1 + b1)
        E = h @ W2 + b2 - y
        return np.mean(E**2)

    rng = np.random.default_rng(0)
    start = (
        rng.normal(size=(d, HIDDEN)) / np.sqrt(d),
        np.zeros(HIDDEN),
        rng.normal(size=(HIDDEN, 1)) / np.sqrt(HIDDEN),
        np.zeros(1),
    )
    guide.show(loss)
    guide.formulas(
        (cr.grad(loss, wrt="W2"), start, "(2/N) hᵀE"),
        (cr.grad(loss, wrt="W1"), start, "(2/N) Xᵀ((EW₂ᵀ) ⊙ (1 − h^⊙2))"),
    )

    def by_hand(W1: Any, b1: Any, W2: Any, b2: Any) -> tuple[Any, ...]:
        h = np.tanh(X @ W1 + b1)
        E = 2 / N * (h @ W2 + b2 - y)
        back = (E @ W2.T) * (1 - h**2)
        return X.T @ back, back.sum(axis=0), h.T @ E, E.sum(axis=0)

    guide.show(by_hand)
    guide.confirm("the layers by hand pass the check", cr.check(loss, *start, against=by_hand))
    guide.confirm("numerical differentiation agrees", cr.check(loss, *start))
    guide.confirm("and for second derivatives", cr.check(loss, *start, order=2))

    guide.say("Gradient descent, back-propagation at every step:")
    ended = descend(guide, Fit(loss, start, by_hand, rate=0.1, shown=(0, 1, 5, 20, 100, 300)))
    linear = np.linalg.lstsq(np.column_stack([X, np.ones(N)]), y, rcond=None)[1][0] / N
    guide.claim(
        f"it ends below the best linear fit, {number(linear)}", float(loss(*ended)) < linear
    )


CHAPTER = Chapter("Backprop-through-layers (chain rule in practice)", walk)
