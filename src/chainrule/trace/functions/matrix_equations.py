"""``scipy.linalg``: systems with banded, circulant and Toeplitz matrices, and matrix equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops import equations as eq
from ...ops import factorizations as fac
from ...ops.indexing import take_along
from ...ops.linalg import adjoint, triangular_solve
from ...ops.structural import cast
from . import linalg
from .reductions import lengths
from .selection import as_array


def _floats(*arrays: Any) -> list[Any]:
    """The arguments as arrays of one dtype, not of integers."""
    found = [x if hasattr(x, "dtype") else np.asarray(x) for x in map(as_array, arrays)]
    dtype = np.result_type(np.float64 if all(x.dtype.kind in "iub" for x in found) else np.float32,
                           *[x.dtype for x in found])  # fmt: skip
    return [cast(x, dtype) for x in found]


def _columns(solver: Callable[[Any], Any], b: Any) -> Any:
    """``solver`` on the columns of ``b``, which may be one."""
    return solver(np.expand_dims(b, -1))[..., 0] if np.ndim(b) == 1 else solver(b)


# -- bands -----------------------------------------------------------------------------------------


def solve_banded(l_and_u: Any, ab: Any, b: Any, *_: Any, **__: Any) -> Any:
    """As :func:`scipy.linalg.solve_banded`."""
    below, above = map(int, l_and_u)
    ab, b = _floats(ab, b)
    return _columns(lambda columns: eq.banded(ab, columns, below, above), b)


def solveh_banded(
    ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.solveh_banded`."""
    ab, b = _floats(ab, b)
    width = lengths(ab)[-2] - 1
    upper = eq.adjoint_bands(ab, width, 0) if lower else ab
    under = ab if lower else eq.adjoint_bands(ab, 0, width)
    both = np.concatenate([upper, under[..., 1:, :]], axis=-2)
    return _columns(lambda columns: eq.banded(both, columns, width, width), b)


def cholesky_banded(
    ab: Any, overwrite_ab: bool = False, lower: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.cholesky_banded`, with zeros where SciPy leaves what was there."""
    (ab,) = _floats(ab)
    width, n = lengths(ab)[-2] - 1, lengths(ab)[-1]
    dense = from_bands(ab if lower else eq.adjoint_bands(ab, 0, width), width, 0)
    factor = to_bands(fac.cholesky(dense), width, 0)
    corner = np.arange(width + 1)[:, None] + np.arange(n) >= n
    factor = np.where(corner, ab if lower else 0, factor)
    if lower:
        return factor
    corner = np.arange(width + 1)[:, None] + np.arange(n) < width
    return np.where(corner, ab, eq.adjoint_bands(factor, width, 0))


def cho_solve_banded(
    cb_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.cho_solve_banded`."""
    cb, lower = cb_and_lower
    cb, b = _floats(cb, b)
    width = lengths(cb)[-2] - 1
    if lower:
        under, upper = cb, eq.adjoint_bands(cb, width, 0)
    else:
        under, upper = eq.adjoint_bands(cb, 0, width), cb

    def solver(columns: Any) -> Any:
        return eq.banded(upper, eq.banded(under, columns, width, 0), 0, width)

    return _columns(solver, b)


def from_bands(ab: Any, below: int, above: int) -> Any:
    """The matrix of which ``ab[above + i − j, j]`` is entry (i, j)."""
    n = lengths(ab)[-1]
    i, j = np.arange(n)[:, None], np.arange(n)
    row = above + i - j
    inside = (row >= 0) & (row <= below + above)
    entries = take_along(ab, np.broadcast_to(np.where(inside, row, 0), (*lengths(ab)[:-2], n, n)), -2)
    return np.where(inside, entries, np.zeros((), ab.dtype))


def to_bands(a: Any, below: int, above: int) -> Any:
    """The diagonals of a matrix, as ``from_bands`` takes them."""
    n = lengths(a)[-1]
    row = np.arange(below + above + 1)[:, None] - above + np.arange(n)
    inside = (row >= 0) & (row < n)
    places = np.broadcast_to(np.where(inside, row, 0), (*lengths(a)[:-2], *row.shape))
    return np.where(inside, take_along(a, places, -2), np.zeros((), a.dtype))


# -- circulant and Toeplitz ------------------------------------------------------------------------


def toeplitz(c: Any, r: Any = None) -> Any:
    """As :func:`scipy.linalg.toeplitz`: of stacks, or before SciPy 1.17 of what is flattened."""
    c = np.atleast_1d(as_array(c))
    r = np.conj(c) if r is None else np.atleast_1d(as_array(r))
    if not _of_stacks():
        c, r = np.ravel(c), np.ravel(r)
    lead = np.broadcast_shapes(lengths(c)[:-1], lengths(r)[:-1])
    n, m = lengths(c)[-1], lengths(r)[-1]
    c, r = np.broadcast_to(c, (*lead, n)), np.broadcast_to(r, (*lead, m))
    values = np.concatenate([c[..., ::-1], r[..., 1:]], axis=-1)
    return values[..., np.arange(n)[::-1, None] + np.arange(m)]


def _of_stacks() -> bool:
    """Whether the SciPy at hand takes stacks of vectors and matrices everywhere."""
    import scipy

    return tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)


def _toeplitz_of(c_or_cr: Any) -> Any:
    if isinstance(c_or_cr, tuple):
        return toeplitz(*c_or_cr)
    return toeplitz(c_or_cr)


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """As :func:`scipy.linalg.solve_toeplitz`, by way of the whole matrix."""
    b = as_array(b)
    found = linalg.solve(_toeplitz_of(c_or_cr), np.reshape(b, (np.shape(b)[0], -1)))
    return np.reshape(found, np.shape(b))


def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    """As :func:`scipy.linalg.matmul_toeplitz`, by way of the whole matrix."""
    return np.tensordot(_toeplitz_of(c_or_cr), as_array(x), 1)


def circulant(c: Any) -> Any:
    """As :func:`scipy.linalg.circulant`."""
    c = np.atleast_1d(as_array(c))
    n = int(np.shape(c)[-1])
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


def solve_circulant(
    c: Any, b: Any, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0,
    outaxis: int = 0,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.solve_circulant`; a singular matrix is an error."""
    c, b = np.atleast_1d(as_array(c)), np.atleast_1d(as_array(b))
    fc = np.fft.fft(np.moveaxis(c, caxis, -1), axis=-1)
    size = np.abs(fc)
    if tol is None:
        tol = np.max(size, axis=-1, keepdims=True) * np.shape(c)[caxis] * np.finfo(float).eps
    if bool(np.any(size <= tol)):
        raise np.linalg.LinAlgError("near singular circulant matrix.")
    x = np.fft.ifft(np.fft.fft(np.moveaxis(b, baxis, -1), axis=-1) / fc, axis=-1)
    if c.dtype.kind != "c" and b.dtype.kind != "c":
        x = np.real(x)
    return np.moveaxis(x, -1, outaxis) if outaxis != -1 else x


def hankel(c: Any, r: Any = None) -> Any:
    """As :func:`scipy.linalg.hankel`."""
    c = np.ravel(as_array(c))
    r = np.zeros(np.shape(c), c.dtype) if r is None else np.ravel(as_array(r))
    n, m = int(np.shape(c)[0]), int(np.shape(r)[0])
    return np.concatenate([c, r[1:]])[np.arange(n)[:, None] + np.arange(m)]


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """As :func:`scipy.linalg.convolution_matrix` of a vector."""
    a = as_array(a)
    length = int(np.shape(a)[0])
    rows = np.arange(length + n - 1)
    if mode != "full":
        short, long = sorted((length, n))
        start = short - 1 if mode == "valid" else (short - 1) // 2
        rows = rows[start : start + (long - short + 1 if mode == "valid" else long)]
    place = rows[:, None] - np.arange(n)
    inside = (place >= 0) & (place < length)
    return np.where(inside, a[np.where(inside, place, 0)], np.zeros((), a.dtype))


def companion(a: Any) -> Any:
    """As :func:`scipy.linalg.companion`."""
    a = np.atleast_1d(as_array(a))
    if bool(np.any(a[..., 0] == 0)):
        raise ValueError("The first coefficient of `a` must not be zero.")
    first = -a[..., 1:] / (1.0 * a[..., :1])
    n = int(np.shape(first)[-1])
    below = np.broadcast_to(np.eye(n - 1, n), (*np.shape(first)[:-1], n - 1, n))
    return np.concatenate([np.expand_dims(first, -2), below], axis=-2)


def leslie(f: Any, s: Any) -> Any:
    """As :func:`scipy.linalg.leslie`."""
    f, s = np.atleast_1d(as_array(f)), np.atleast_1d(as_array(s))
    return np.concatenate([f[None, :], np.pad(np.diag(s), ((0, 0), (0, 1)))])


def fiedler(a: Any) -> Any:
    """As :func:`scipy.linalg.fiedler`."""
    a = np.atleast_1d(as_array(a))
    return np.abs(a[..., :, None] - a[..., None, :])


def khatri_rao(a: Any, b: Any) -> Any:
    """As :func:`scipy.linalg.khatri_rao`."""
    a, b = as_array(a), as_array(b)
    both = np.expand_dims(a, -2) * np.expand_dims(b, -3)
    return np.reshape(both, (*np.shape(both)[:-3], -1, np.shape(a)[-1]))


def block_diag(*arrs: Any) -> Any:
    """As :func:`scipy.linalg.block_diag`."""
    blocks = [np.atleast_2d(as_array(a)) for a in arrs]
    lead = np.broadcast_shapes(*[lengths(b)[:-2] for b in blocks])
    width = sum(lengths(b)[-1] for b in blocks)
    rows, start = [], 0
    for block in blocks:
        height, across = lengths(block)[-2:]
        widths = [(0, 0)] * (len(lead) + 1) + [(start, width - start - across)]
        rows.append(np.pad(np.broadcast_to(block, (*lead, height, across)), widths))
        start += across
    return np.concatenate(rows, axis=-2)


def diagsvd(s: Any, M: int, N: int) -> Any:
    """As :func:`scipy.linalg.diagsvd`."""
    n = int(np.shape(s)[0])
    if n not in (M, N):
        raise ValueError("Length of s must be M or N.")
    return np.pad(np.diag(as_array(s)), ((0, M - n), (0, N - n)))


# -- equations -------------------------------------------------------------------------------------


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """As :func:`scipy.linalg.solve_sylvester`."""
    return eq.sylvester(*_floats(a, b, q))


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """As :func:`scipy.linalg.solve_continuous_lyapunov`."""
    a, q = _floats(a, q)
    return eq.sylvester(a, adjoint(a), q)


def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """As :func:`scipy.linalg.solve_discrete_lyapunov`."""
    return eq.stein(*_floats(a, q))


def _riccati(name: str, row: Any) -> Callable[..., Any]:
    def solver(
        a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
    ) -> Any:
        if e is not None or s is not None:
            raise linalg._unsupported(  # noqa: SLF001 - the same family
                f"scipy.linalg.{name} with e= or s=", "Use the standard form, with A, B, Q and R."
            )
        return row(*_floats(a, b, q, r))

    solver.__name__ = name
    solver.__doc__ = f"As :func:`scipy.linalg.{name}`."
    return solver


# -- triangular factors ----------------------------------------------------------------------------


def _packed(a: Any, order: Any) -> tuple[Any, Any]:
    """L and U of a matrix, with its rows in another order."""
    m, n = lengths(a)[-2:]
    k = min(m, n)
    rows = take_along(a, np.broadcast_to(np.expand_dims(order, -1), lengths(a)), -2)
    square = fac.lu(rows[..., :k, :k])
    low, up = np.tril(square, -1) + np.eye(k, dtype=a.dtype), np.triu(square)
    if m > n:  # L has more rows: X with X U = rest
        rest = np.swapaxes(rows[..., k:, :], -1, -2)
        more = np.swapaxes(triangular_solve(np.swapaxes(up, -1, -2), rest, True), -1, -2)
        low = np.concatenate([low, more], axis=-2)
    if n > m:
        up = np.concatenate([up, triangular_solve(low, rows[..., k:], True)], axis=-1)
    return low, up


def lu(
    a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True,
    p_indices: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.lu`: the exchange of rows is constant nearby."""
    (a,) = _floats(a)
    order = fac.lu_order(a)
    low, up = _packed(a, order)
    back = np.argsort(order, axis=-1)
    if permute_l:
        return take_along(low, np.broadcast_to(np.expand_dims(back, -1), lengths(low)), -2), up
    if p_indices:
        return cast(back, np.int32), low, up
    m = lengths(a)[-2]
    return cast(np.expand_dims(back, -1) == np.arange(m), np.abs(a).dtype), low, up


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """As :func:`scipy.linalg.lu_factor`."""
    (a,) = _floats(a)
    m, n = lengths(a)[-2:]
    low, up = _packed(a, fac.lu_order(a))
    k = min(m, n)
    strict = np.tril(low, -1)
    if n > m:
        strict = np.pad(strict, ((0, 0), (0, n - k)))
    if m > n:
        up = np.pad(up, ((0, m - k), (0, 0)))
    return strict + up, fac.lu_swaps(a)


def lu_solve(
    lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.lu_solve`."""
    packed, swaps = lu_and_piv
    packed, b = _floats(packed, b)
    n = lengths(packed)[-1]
    order: Any = np.arange(n)
    for k in range(n):  # the exchanges, one after the other
        other, at = swaps[k], np.arange(n)
        order = np.where(at == k, order[other], np.where(at == other, order[k], order))
    low, up = np.tril(packed, -1) + np.eye(n, dtype=packed.dtype), np.triu(packed)

    def solver(columns: Any) -> Any:
        if trans == 0:
            return triangular_solve(up, triangular_solve(low, columns[order], True), False)
        flip: Callable[[Any], Any] = adjoint if trans == 2 else lambda x: np.swapaxes(x, -1, -2)
        found = triangular_solve(flip(low), triangular_solve(flip(up), columns, True), False)
        return found[np.argsort(order)]

    return _columns(solver, b)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        solve_banded, solveh_banded, cholesky_banded, cho_solve_banded, toeplitz, solve_toeplitz,
        matmul_toeplitz, circulant, solve_circulant, hankel, convolution_matrix, companion, leslie,
        fiedler, khatri_rao, block_diag, diagsvd, solve_sylvester, solve_continuous_lyapunov,
        solve_discrete_lyapunov, _riccati("solve_continuous_are", eq.continuous_riccati),
        _riccati("solve_discrete_are", eq.discrete_riccati), lu, lu_factor, lu_solve,
    )
}  # fmt: skip
FUNCTIONS["scipy.linalg.solve_lyapunov"] = solve_continuous_lyapunov
