"""Curvature in figures and in words: the eigenvalues of a Hessian and what they say."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np

__all__ = ["eigenvalues", "in_words"]


def eigenvalues(loss: Callable[..., Any], arguments: tuple[Any, ...]) -> np.ndarray:
    """Return the eigenvalues, smallest first, of the Hessian by all arguments together."""
    vector, unravel = cr.ravel(arguments)

    def of_vector(v: np.ndarray) -> Any:
        return loss(*unravel(v))

    return np.asarray(np.linalg.eigvalsh(cr.hessian(of_vector)(vector)))


def in_words(values: np.ndarray) -> str:
    """Return what the eigenvalues of a Hessian say of the function around this point.

    >>> in_words(np.array([1.0, 3.0])), in_words(np.array([-1.0, 3.0]))
    ('strictly convex', 'saddle')
    """
    # An eigenvalue is known to the rounding error of the largest one.
    rounding = 100 * len(values) * np.finfo(float).eps * np.max(np.abs(values), initial=0.0)
    signs = {int(sign) for sign in np.where(np.abs(values) <= rounding, 0, np.sign(values))}
    if signs >= {-1, 1}:
        return "saddle"
    if signs <= {0}:
        return "flat"
    word = "convex" if 1 in signs else "concave"
    return word if 0 in signs else f"strictly {word}"
