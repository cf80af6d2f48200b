"""Products of SciPy's sparse matrices with traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.indexing import gather, scatter_add


def matmul(A: Any, x: Any) -> Any:
    """``A @ x`` for a sparse ``A`` and a traced vector or matrix ``x``."""
    entries = A.tocoo()
    if entries.ndim != 2 or np.ndim(x) not in (1, 2):
        raise TypeError(
            "a sparse array times a traced one is supported for a matrix and a vector or matrix"
        )
    if A.shape[1] != np.shape(x)[0]:
        raise ValueError(f"matmul: dimension mismatch: {A.shape} @ {tuple(np.shape(x))}")
    rows, columns = entries.row, entries.col
    if np.ndim(x) == 1:
        return scatter_add(
            [(entries.data * gather(x, [columns], (-1,)), (rows,), (-1,))], (A.shape[0],)
        )
    picked = entries.data[:, None] * gather(x, [columns], (-2,))
    return scatter_add([(picked, (rows,), (-2,))], (A.shape[0], int(np.shape(x)[1])))


def rmatmul(A: Any, x: Any) -> Any:
    """``x @ A``."""
    return np.transpose(matmul(A.T, np.transpose(x)))
