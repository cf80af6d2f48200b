"""chainrule: calculus for the NumPy code you already have.

Derivatives of plain NumPy functions as formulas one can read, as numbers one can trust, and as
code that is fast.

>>> import numpy as np
>>> import chainrule as cr
>>> cr.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
array([1., 1.])
"""

from .function.abstract import array
from .function.batching import vmap
from .function.check import check
from .function.custom import custom_derivative, elementwise
from .function.formula import Formula, formula
from .function.linearization import jvp, vjp
from .function.vectors import ravel, stop_gradient
from .function.verbs import derivative, grad, hessian, hvp, jacobian, pullback, value_and_grad

__version__ = "0.1.0"

__all__ = [
    "Formula",
    "array",
    "check",
    "custom_derivative",
    "derivative",
    "elementwise",
    "formula",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "pullback",
    "ravel",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]
