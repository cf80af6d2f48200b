"""A model fitted by gradient descent, with every derivative on the way checked and shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.cli.page import number
from chainrule.cli.tour.curvature import eigenvalues, in_words
from chainrule.cli.tour.guide import Guide, relative_difference

__all__ = ["Fit", "descend"]

DIFFERENCE = 1e-10  # by hand and derived: both are float64, in a different order of operations


@dataclass(frozen=True)
class Fit:
    """A loss to minimise: where to start, its gradients by hand, how far to go, what to show."""

    loss: Callable[..., Any]
    start: tuple[Any, ...]
    by_hand: Callable[..., tuple[Any, ...]]
    rate: float
    shown: tuple[int, ...]
    """The steps at which everything is checked and printed; the last one ends the fit."""


def descend(guide: Guide, fit: Fit) -> tuple[Any, ...]:
    """Fit by `chainrule.fit`, print a table of the way, claim what it shows; return the end."""
    last = fit.shown[-1]
    met = {0: fit.start}

    def keep(at: Any) -> None:
        if at.step in fit.shown:
            met[at.step] = at.params

    trained = cr.fit(
        lambda parameters: fit.loss(*parameters),
        fit.start,
        optimizer=cr.optim.sgd(fit.rate),
        steps=last,
        callbacks=keep,
        progress=False,
    )
    losses = [*trained.history.loss, float(fit.loss(*trained.params))]
    step = cr.value_and_grad(fit.loss, wrt=tuple(range(len(fit.start))))
    rows: list[tuple[str, ...]] = []
    by_hand, by_numbers = [], []
    for count, parameters in met.items():
        value, gradients = step(*parameters)
        difference = relative_difference(gradients, fit.by_hand(*parameters))
        by_hand.append(difference <= DIFFERENCE)
        by_numbers.append(bool(cr.check(fit.loss, *parameters)))
        values = eigenvalues(fit.loss, parameters)
        norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
        rows.append(
            (
                str(count),
                f"{value:.5f}",
                guide.page.bar(value / losses[0]),
                number(norm, 2),
                number(difference, 1),
                "agree" if by_numbers[-1] else "differ",
                number(values[0], 2),
                number(values[-1], 2),
                in_words(values).removeprefix("strictly "),
            )
        )

    guide.table(
        ("step", "loss", " ", "‖∇‖", "by hand", "truth ", "λ min", "λ max", "curvature "), rows
    )
    guide.claim(f"at every step shown, ∇ is the gradient by hand ({len(rows)} steps)", all(by_hand))
    guide.claim("at every step shown, ∇ is what numerical differentiation finds", all(by_numbers))
    guide.claim(
        f"the loss falls at each of {last} steps",
        len(losses) == last + 1 and bool(np.all(np.diff(losses) < 0)),
    )
    return tuple(trained.params)
