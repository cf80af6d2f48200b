"""``formula``: a function or a derivative as matrix notation, shown only after it was verified."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..errors import FormulaError
from .derivation import Derivation
from .statement import Formula, Step, Symbol
from .steps import steps_of

__all__ = ["Formula", "Step", "Symbol", "formula"]


def formula(f: Callable[..., Any]) -> Callable[..., Formula]:
    """The formula of a function, or of any derivative of one.

    ``formula(f)(*args)`` takes example arguments as ``f`` does (or :func:`array` in place of any)
    and gives a :class:`Formula`. It was evaluated from its own printed source, on examples other
    than these, and agreed with ``f`` to 1e-10; what does not raises ``FormulaMismatch``.

    >>> import numpy as np
    >>> import chainrule as cr
    >>> X, y = np.ones((7, 2)), np.zeros(7)
    >>> def loss(w):
    ...     return np.sum((X @ w - y) ** 2)
    >>> print(formula(cr.grad(loss))(np.ones(2)))
    ∇_w loss = 2Xᵀ(Xw − y)
    """

    def formulate(*args: Any, **keywords: Any) -> Formula:
        caller = sys._getframe(1)  # noqa: SLF001 - what the caller calls a cotangent is its name
        derivation = Derivation(f, args, keywords, {**caller.f_globals, **caller.f_locals})
        try:
            return derivation.formula(steps_of)
        except RecursionError as error:
            raise FormulaError(
                "This program nests too deep for a formula. Give parts of it functions of their own, or "
                "ask for a derivative of fewer steps."
            ) from error

    formulate.__name__ = f"formula({getattr(f, '__name__', 'f')})"
    formulate.__doc__ = f"The formula of {getattr(f, '__name__', 'f')} at example arguments."
    return formulate
