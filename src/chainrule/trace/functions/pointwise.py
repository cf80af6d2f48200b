"""Functions that work element by element and are not ufuncs: selection, complex parts, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import arithmetic as ar
from ...ops import elementwise as ew


def where(condition: Any, /, *choices: Any) -> Any:
    """As :func:`numpy.where`."""
    if not choices:
        return np.nonzero(condition)
    return ew.where(condition, *choices)


def real(val: Any) -> Any:
    """As :func:`numpy.real`."""
    return ar.real(val) if val.dtype.kind == "c" else val


def imag(val: Any) -> Any:
    """As :func:`numpy.imag`."""
    return ar.imag(val) if val.dtype.kind == "c" else np.zeros(np.shape(val), val.dtype)


FUNCTIONS = {np.where: where, np.real: real, np.imag: imag}
