"""Polynomials by their coefficients, roots and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import linalg
from .selection import as_array
from .sequences import convolve
from .sets import _decided


def polyval(p: Any, x: Any) -> Any:
    """As :func:`numpy.polyval`: Horner's rule."""
    p, x = as_array(p), x if hasattr(x, "dtype") else np.asarray(x)
    y: Any = x * 0
    for k in range(np.shape(p)[0]):
        y = y * x + p[k]
    return y


def polyder(p: Any, m: int = 1) -> Any:
    """As :func:`numpy.polyder`."""
    for _ in range(m):
        n = np.shape(p)[0] - 1
        p = p[:-1] * np.arange(n, 0, -1)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """As :func:`numpy.polyint`."""
    constants = np.zeros(m) if k is None else np.broadcast_to(k, (m,))
    for level in range(m):
        n = np.shape(p)[0]
        p = np.concatenate([p / np.arange(n, 0, -1), constants[level : level + 1]])
    return p


def polyadd(a1: Any, a2: Any) -> Any:
    """As :func:`numpy.polyadd`."""
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    n = max(np.shape(a1)[0], np.shape(a2)[0])
    return np.pad(a1, (n - np.shape(a1)[0], 0)) + np.pad(a2, (n - np.shape(a2)[0], 0))


def polysub(a1: Any, a2: Any) -> Any:
    """As :func:`numpy.polysub`."""
    return polyadd(a1, np.negative(a2))


def polymul(a1: Any, a2: Any) -> Any:
    """As :func:`numpy.polymul`."""
    return convolve(a1, a2)


def polydiv(u: Any, v: Any) -> Any:
    """As :func:`numpy.polydiv`; how many coefficients of the rest are zero is a decision."""
    u, v = np.atleast_1d(as_array(u)) + 0.0, np.atleast_1d(as_array(v)) + 0.0
    m, n = int(np.shape(u)[0]) - 1, int(np.shape(v)[0]) - 1
    scale = 1.0 / v[0]
    quotient, rest = [], u
    for k in range(m - n + 1):
        quotient.append(scale * rest[k])
        rest = rest - np.pad(quotient[-1] * v, (k, m - n - k))
    while np.shape(rest)[0] > 1 and bool(np.isclose(rest[0], 0, rtol=1e-14)):
        rest = rest[1:]
    return (np.stack(quotient) if quotient else np.zeros(1)), rest


def roots(p: Any) -> Any:
    """As :func:`numpy.roots`: the eigenvalues of the companion matrix."""
    p = np.atleast_1d(as_array(p))
    places = np.flatnonzero(_decided(np.not_equal(p, 0)))
    if not places.size:
        return np.zeros(0)
    behind = int(np.shape(p)[0]) - 1 - int(places[-1])
    p = p[int(places[0]) : int(places[-1]) + 1]
    n = int(np.shape(p)[0]) - 1
    if not n:
        return np.zeros(behind)
    companion = np.concatenate([(-p[1:] / p[0])[None], np.eye(n - 1, n)])
    found = linalg.eigvals(companion)
    # From NumPy 2.5 on all eigenvalues are complex, but roots are real where they can be.
    is_new = found.dtype.kind == "c" and companion.dtype.kind == "f"
    if is_new and not np.any(_decided(np.not_equal(np.imag(found), 0))):
        found = np.real(found)
    return np.concatenate([found, np.zeros(behind, found.dtype)]) if behind else found


def poly(seq_of_zeros: Any) -> Any:
    """As :func:`numpy.poly`, of roots or of a square matrix."""
    zeros = np.atleast_1d(as_array(seq_of_zeros))
    if np.ndim(zeros) == 2:
        zeros = linalg.eigvals(zeros)
    a: Any = np.ones(1, zeros.dtype if zeros.dtype.kind in "fc" else float)
    for k in range(np.shape(zeros)[0]):
        a = np.pad(a, (0, 1)) - np.pad(a, (1, 0)) * zeros[k]
    if a.dtype.kind == "c":
        values = np.sort(_decided(zeros))
        if np.all(values == np.sort(values.conj())):
            a = np.real(a)
    return a


def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """As :func:`numpy.polyfit`: least squares on scaled powers."""
    x, y = as_array(x) + 0.0, as_array(y) + 0.0
    order = int(deg) + 1
    if rcond is None:
        rcond = int(np.size(x)) * np.finfo(x.dtype).eps
    powers, right = vander(x, order), y
    if w is not None:
        w = as_array(w) + 0.0
        powers = powers * w[:, None]
        right = y * w if np.ndim(y) == 1 else y * w[:, None]
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    solved, residuals, rank, s = linalg.lstsq(powers / scale, right, rcond)
    found = (solved.T / scale).T
    if full:
        return found, residuals, rank, s, rcond
    if not cov:
        return found
    scaled = powers / scale
    base = linalg.inv(scaled.T @ scaled) / np.outer(scale, scale)
    factor: Any = 1.0
    if cov != "unscaled":
        if int(np.size(x)) <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance")
        factor = residuals / (int(np.size(x)) - order)
        factor = factor[0] if np.ndim(y) == 1 else factor
    return found, base * factor if np.ndim(y) == 1 else base[:, :, None] * factor


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """As :func:`numpy.vander`."""
    count = np.shape(x)[0] if N is None else N
    columns: list[Any] = [np.ones(np.shape(x))]
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    columns = columns[:count]
    if not columns:
        return np.zeros((np.shape(x)[0], 0))
    return np.stack(columns if increasing else columns[::-1], axis=-1)


def _valnd(values: Callable[..., Any]) -> Callable[..., Any]:
    """A series in several variables: the values of its coefficients, axis by axis."""

    def valnd(*args: Any) -> Any:
        *points, c = args
        c = values(points[0], as_array(c), tensor=True)
        for x in points[1:]:
            c = values(x, c, tensor=False)
        return c

    return valnd


def _gridnd(values: Callable[..., Any]) -> Callable[..., Any]:
    def gridnd(*args: Any) -> Any:
        *points, c = args
        for x in points:
            c = values(x, as_array(c))
        return c

    return gridnd


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.polyval: polyval, np.polyder: polyder, np.polyint: polyint, np.polyadd: polyadd,
    np.polysub: polysub, np.polymul: polymul, np.polydiv: polydiv, np.roots: roots, np.poly: poly,
    np.polyfit: polyfit, np.vander: vander,
    np.polynomial.polynomial.polyval2d: _valnd(np.polynomial.polynomial.polyval),
    np.polynomial.polynomial.polygrid2d: _gridnd(np.polynomial.polynomial.polyval),
}  # fmt: skip
