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
    implicit,
    incomplete,
    indexing,
    integrals,
    linalg,
    orthogonal,
    probability,
    quadrature,
    recursion,
    reductions,
    search,
    slopes,
    softmax,
    sparse_systems,
    special,
    spectral,
    spectral_functions,
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
    spectral_functions,
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
    recursion,
    sparse_systems,
)

#: Every row, in the order of the files.
PRIMITIVES: tuple[Primitive, ...] = tuple(
    dict.fromkeys(value for module in _MODULES for value in vars(module).values() if isinstance(value, Primitive))
)

#: NumPy ufunc -> the row that records it.
UFUNCS: MappingProxyType[np.ufunc, Elementwise] = MappingProxyType(
    {p.ufunc: p for p in PRIMITIVES if isinstance(p, Elementwise) and p.ufunc is not None}
)
