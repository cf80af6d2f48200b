"""The primitives: one row each, grouped by kind, with NumPy as the reference evaluator.

:data:`PRIMITIVES` lists every row; :data:`UFUNCS` says which row answers to a NumPy ufunc.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from ..ir.primitive import Primitive
from . import (
    arithmetic,
    bessel,
    contraction,
    control,
    cumulative,
    eigen,
    elementwise,
    equations,
    factorizations,
    fourier,
<<<<<<< HEAD
    incomplete,
=======
    implicit,
>>>>>>> 2f27686 (SciPy's solvers and integrators by name: roots and minima by the implicit function theorem, integrals under the integral sign, differential equations by traced steps)
    indexing,
    integrals,
    linalg,
<<<<<<< HEAD
    orthogonal,
    probability,
=======
    quadrature,
>>>>>>> 2f27686 (SciPy's solvers and integrators by name: roots and minima by the implicit function theorem, integrals under the integral sign, differential equations by traced steps)
    reductions,
    search,
    slopes,
    softmax,
    special,
    spectral,
    structural,
    transcendental,
)
from .elementwise import Elementwise

_MODULES = (
    structural,
    indexing,
    elementwise,
    arithmetic,
    transcendental,
    contraction,
    cumulative,
    reductions,
    search,
    softmax,
    linalg,
    spectral,
    factorizations,
    equations,
    eigen,
    fourier,
    slopes,
    special,
    incomplete,
    bessel,
    orthogonal,
    integrals,
    probability,
    control,
    implicit,
    quadrature,
)

#: Every row, in the order of the files.
PRIMITIVES: tuple[Primitive, ...] = tuple(
    dict.fromkeys(value for module in _MODULES for value in vars(module).values() if isinstance(value, Primitive))
)

#: NumPy ufunc -> the row that records it.
UFUNCS: MappingProxyType[np.ufunc, Elementwise] = MappingProxyType(
    {p.ufunc: p for p in PRIMITIVES if isinstance(p, Elementwise) and p.ufunc is not None}
)
