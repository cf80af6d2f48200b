"""NumPy's functions as compositions of primitives, written in NumPy itself.

Each module holds functions with NumPy's own names and signatures, and a table ``FUNCTIONS`` from
NumPy's function to ours. A composition needs no derivative rule: it has that of its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from . import (
    covariance,
    fourier,
    histograms,
    linalg,
    matrix_equations,
    matrix_functions,
    pointwise,
    polynomials,
    products,
    reductions,
    refused,
    scipy_distance,
    scipy_fft,
    scipy_linalg,
    scipy_signal,
    scipy_stats,
    selection,
    sequences,
    sets,
    shaping,
    special,
    special_families,
    statistics,
)

#: NumPy callable -> the composition that records it.
FUNCTIONS: MappingProxyType[Any, Callable[..., Any]] = MappingProxyType(
    {
        **pointwise.FUNCTIONS,
        **shaping.FUNCTIONS,
        **selection.FUNCTIONS,
        **sequences.FUNCTIONS,
        **polynomials.FUNCTIONS,
        **sets.FUNCTIONS,
        **histograms.FUNCTIONS,
        **reductions.FUNCTIONS,
        **statistics.FUNCTIONS,
        **products.FUNCTIONS,
        **linalg.FUNCTIONS,
        **fourier.FUNCTIONS,
        **scipy_linalg.FUNCTIONS,
        **scipy_fft.FUNCTIONS,
        **scipy_signal.FUNCTIONS,
        **scipy_stats.FUNCTIONS,
        **scipy_distance.FUNCTIONS,
        **matrix_functions.FUNCTIONS,
        **matrix_equations.FUNCTIONS,
        **covariance.FUNCTIONS,
        **special.FUNCTIONS,
        **special_families.FUNCTIONS,
        **refused.FUNCTIONS,
    }
)
