"""``scipy.linalg`` by name: its functions are written in C, and ask no array what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import linalg
from .selection import as_array


def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: Any = None, transposed: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.solve`; of a symmetric matrix only one triangle is read."""
    a = as_array(a)
    if assume_a in ("sym", "pos", "her", "symmetric", "positive definite", "hermitian"):
        a = _from_triangle(a, lower)
    elif assume_a in ("lower triangular", "upper triangular"):
        a = np.tril(a) if assume_a.startswith("lower") else np.triu(a)
    return linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


def _from_triangle(a: Any, lower: bool) -> Any:
    half = np.tril(a, -1) if lower else np.triu(a, 1)
    diagonal = np.where(np.eye(np.shape(a)[-1], dtype=bool), a, 0)
    return half + diagonal + np.conj(np.swapaxes(half, -1, -2))


def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False,
    overwrite_b: bool = False, check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.solve_triangular`."""
    a = np.tril(as_array(a)) if lower else np.triu(as_array(a))
    if unit_diagonal:
        a = np.where(np.eye(np.shape(a)[-1], dtype=bool), 1.0, a)
    if trans in (1, "T"):
        a = np.swapaxes(a, -1, -2)
    elif trans in (2, "C"):
        a = np.conj(np.swapaxes(a, -1, -2))
    return linalg.solve(a, b)


def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, **_: Any) -> Any:
    """As :func:`scipy.linalg.inv`."""
    return linalg.inv(a)


def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """As :func:`scipy.linalg.det`."""
    return linalg.det(a)


def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.cholesky`."""
    a = as_array(a)
    factor = linalg.cholesky(a if lower else np.conj(np.swapaxes(a, -1, -2)))
    return factor if lower else np.conj(np.swapaxes(factor, -1, -2))


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.cho_factor`, with zeros in the other triangle."""
    return cholesky(a, lower), lower


def cho_solve(
    c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.cho_solve`."""
    factor, lower = c_and_lower
    first = solve_triangular(factor, b, trans=0 if lower else 2, lower=lower)
    return solve_triangular(factor, first, trans=2 if lower else 0, lower=lower)


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False,
    check_finite: bool = True, lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.svd`."""
    found = linalg.svd(a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """As :func:`scipy.linalg.svdvals`."""
    return linalg.svd(a, compute_uv=False)


def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.norm`."""
    return linalg.norm(a, ord, axis, keepdims)


def lstsq(a: Any, b: Any, cond: Any = None, **_: Any) -> Any:
    """As :func:`scipy.linalg.lstsq`."""
    x, residuals, rank, s = linalg.lstsq(a, b, cond)
    if np.ndim(b) == 1 and np.size(residuals):
        residuals = residuals[0]
    return x, residuals, rank, s


def pinv(a: Any, *, atol: Any = None, rtol: Any = None, **_: Any) -> Any:
    """As :func:`scipy.linalg.pinv`."""
    return linalg.pinv(a) if rtol is None else linalg.pinv(a, rtol)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        solve, solve_triangular, inv, det, cholesky, cho_factor, cho_solve, svd,
        svdvals, norm, lstsq, pinv,
    )
}  # fmt: skip
