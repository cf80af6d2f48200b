"""chainrule: calculus for the NumPy code you already have.

Derivatives of plain NumPy functions as formulas one can read, as numbers one can trust, and as
code that is fast.

>>> import numpy as np
>>> import chainrule as cr
>>> cr.grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
array([1., 1.])
"""

import typing as _typing
from importlib import import_module as _import_module

from .function.batching import vmap
from .function.linearization import jvp, vjp
from .function.tiers import tiers
from .function.vectors import ravel, stop_gradient
from .function.verbs import derivative, grad, hessian, hvp, jacobian, pullback, value_and_grad
from .trace.interception import intercept

if _typing.TYPE_CHECKING:
    from . import nn, optim, plot
    from .function.abstract import array
    from .function.certificate import Certificate, certificate
    from .function.check import check
    from .function.custom import custom_derivative, elementwise
    from .function.formula import Formula, formula
    from .function.jit import jit
    from .optim.training import fit
    from .optimize.curve_fit import curve_fit
    from .optimize.least_squares import least_squares
    from .optimize.minimize import minimize
    from .optimize.root import root

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "Formula",
    "array",
    "certificate",
    "check",
    "curve_fit",
    "custom_derivative",
    "derivative",
    "elementwise",
    "fit",
    "formula",
    "grad",
    "hessian",
    "hvp",
    "intercept",
    "jacobian",
    "jit",
    "jvp",
    "least_squares",
    "minimize",
    "nn",
    "optim",
    "plot",
    "pullback",
    "ravel",
    "root",
    "stop_gradient",
    "tiers",
    "value_and_grad",
    "vjp",
    "vmap",
]

#: Names that are imported when first used, and where they are: most programs need none of them.
_LATE = {
    "Formula": "function.formula",
    "Certificate": "function.certificate",
    "array": "function.abstract",
    "certificate": "function.certificate",
    "check": "function.check",
    "curve_fit": "optimize.curve_fit",
    "custom_derivative": "function.custom",
    "elementwise": "function.custom",
    "fit": "optim.training",
    "formula": "function.formula",
    "jit": "function.jit",
    "least_squares": "optimize.least_squares",
    "minimize": "optimize.minimize",
    "root": "optimize.root",
}
#: Modules among the public names, imported when first used.
_MODULES = ("nn", "optim", "plot")


def __getattr__(name: str) -> _typing.Any:
    if name in _MODULES:
        return _import_module(f".{name}", __name__)
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(f".{_LATE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
