"""``numpy.linalg``, and the functions of ``scipy.linalg`` that mean the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops import eigen as general
from ...ops import factorizations as fac
from ...ops import linalg as la
from ...ops import spectral as sp
from ...ops.contraction import einsum as contract
from ...ops.reductions import norm as norm_row
from ...ops.structural import cast, reshape
from ..site import here
from .products import dot
from .reductions import as_array, lengths, normalized_axes, with_kept_axes

# The named tuples that NumPy's functions return.
_EIG = type(np.linalg.eig(np.eye(1)))
_EIGH, _SVD = type(np.linalg.eigh(np.eye(1))), type(np.linalg.svd(np.eye(1)))
_QR, _SLOGDET = type(np.linalg.qr(np.eye(1))), type(np.linalg.slogdet(np.eye(1)))


def _matrix(a: Any, *, square: bool = False) -> Any:
    """A stack of matrices of floats."""
    a = as_array(a)
    if np.ndim(a) < 2:
        raise ValueError(f"a matrix has at least two axes, and this array has {np.ndim(a)}")
    if square and np.shape(a)[-1] != np.shape(a)[-2]:
        raise ValueError(f"last 2 dimensions of the array must be square, not {lengths(a)[-2:]}")
    return _inexact(a)


def _inexact(a: Any) -> Any:
    return cast(a, float) if a.dtype.kind in "iub" else a


def _hermitian_transpose(a: Any) -> Any:
    return la.adjoint(a)


def _unsupported(what: str, remedy: str) -> UnsupportedFunction:
    return UnsupportedFunction(f"{what} has no derivative here. {remedy}", here())


# -- systems ---------------------------------------------------------------------------------------


def solve(a: Any, b: Any) -> Any:
    """As :func:`numpy.linalg.solve`."""
    a, b = _matrix(a, square=True), _inexact(as_array(b))
    vector = np.ndim(b) == 1
    columns = lengths(b) if vector else lengths(b)[-2:]
    lead = np.broadcast_shapes(lengths(a)[:-2], () if vector else lengths(b)[:-2])
    a = np.broadcast_to(a, (*lead, *lengths(a)[-2:]))
    return la.solve(a, np.broadcast_to(b, (*lead, *columns)))


def inv(a: Any) -> Any:
    """As :func:`numpy.linalg.inv`."""
    return la.inv(_matrix(a, square=True))


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = 1e-15) -> Any:
    """As :func:`numpy.linalg.pinv`."""
    a = _matrix(a)
    cutoff = rtol if rcond is None else rcond
    if cutoff is None:
        cutoff = max(lengths(a)[-2:]) * np.finfo(a.dtype).eps
    return la.pinv(a, float(cutoff))


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """As :func:`numpy.linalg.lstsq`.

    The rank, and so the shape of the residuals, is a decision of the program on its values.
    """
    a, b = _matrix(a), _inexact(as_array(b))
    m, n = lengths(a)
    precision = float(np.finfo(np.result_type(a.dtype, b.dtype)).eps)
    cutoff = precision * max(m, n) if rcond is None else precision if rcond == -1 else float(rcond)
    columns = np.expand_dims(b, 1) if np.ndim(b) == 1 else b
    x = la.lstsq(a, columns, cutoff)
    s = sp.svdvals(a)
    rank = int(np.sum(s > cutoff * s[0])) if min(m, n) else 0
    if rank == n and m > n:
        apart = columns - a @ x
        square = np.abs(apart) if apart.dtype.kind == "c" else apart
        residuals = np.sum(np.square(square), axis=0)
    else:
        residuals = np.zeros(0, s.dtype)
    return x[:, 0] if np.ndim(b) == 1 else x, residuals, rank, s


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """As :func:`numpy.linalg.tensorsolve`."""
    a, b = as_array(a), as_array(b)
    if axes is not None:
        rest = [k for k in range(np.ndim(a)) if k not in axes]
        a = np.transpose(a, [*rest, *axes])
    shape = lengths(a)[-(np.ndim(a) - np.ndim(b)) :]
    size = int(np.prod(shape))
    return reshape(solve(np.reshape(a, (size, size)), np.ravel(b)), shape)


def tensorinv(a: Any, ind: int = 2) -> Any:
    """As :func:`numpy.linalg.tensorinv`."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = lengths(a)
    square = np.reshape(a, (int(np.prod(shape[ind:])), int(np.prod(shape[:ind]))))
    return reshape(inv(square), shape[ind:] + shape[:ind])


def matrix_power(a: Any, n: int) -> Any:
    """As :func:`numpy.linalg.matrix_power`: by squaring."""
    a = as_array(a)
    if n < 0:
        a, n = inv(a), -n
    if n == 0:
        return np.broadcast_to(np.eye(lengths(a)[-1], dtype=a.dtype), lengths(a))
    result, square = None, a
    while True:
        n, odd = divmod(n, 2)
        if odd:
            result = square if result is None else result @ square
        if not n:
            return result
        square = square @ square


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """As :func:`numpy.linalg.multi_dot`: one contraction, done in the cheapest order."""
    parts = [as_array(x) for x in arrays]
    if len(parts) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(parts) == 2:
        return dot(*parts)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(parts) + 1]
    codes = [letters[k : k + 2] for k in range(len(parts))]
    if np.ndim(parts[0]) == 1:
        codes[0] = codes[0][1:]
    if np.ndim(parts[-1]) == 1:
        codes[-1] = codes[-1][:-1]
    ends = codes[0][:-1] + codes[-1][1:]
    return contract(f"{','.join(codes)}->{ends}", *parts)


# -- determinants and factors ----------------------------------------------------------------------


def det(a: Any) -> Any:
    """As :func:`numpy.linalg.det`."""
    return fac.det(_matrix(a, square=True))


def slogdet(a: Any) -> Any:
    """As :func:`numpy.linalg.slogdet`."""
    return _SLOGDET(*fac.slogdet(_matrix(a, square=True)))


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """As :func:`numpy.linalg.cholesky`."""
    a = _matrix(a, square=True)
    if upper:
        return _hermitian_transpose(fac.cholesky(_hermitian_transpose(a)))
    return fac.cholesky(a)


def qr(a: Any, mode: str = "reduced") -> Any:
    """As :func:`numpy.linalg.qr`."""
    a = _matrix(a)
    m, n = lengths(a)[-2:]
    if mode not in ("reduced", "r", "complete") or (mode == "complete" and m > n):
        raise _unsupported(f"np.linalg.qr with mode={mode!r}", "Use mode='reduced'.")
    if m >= n:
        q, r = fac.qr(a)
    else:  # the first columns decide; the others are only expressed by them
        q, square = fac.qr(a[..., :m])
        r = np.concatenate((square, _hermitian_transpose(q) @ a[..., m:]), axis=-1)
    if r.dtype.kind == "c":
        r = np.triu(r)  # zeros by structure: the curvature of |z| at 0 meets none of them
    return r if mode == "r" else _QR(q, r)


# -- eigenvalues and singular values ---------------------------------------------------------------


def eigh(a: Any, UPLO: str = "L") -> Any:
    """As :func:`numpy.linalg.eigh`."""
    return _EIGH(*sp.eigh(_matrix(a, square=True), UPLO.upper() == "L"))


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """As :func:`numpy.linalg.eigvalsh`."""
    return sp.eigvalsh(_matrix(a, square=True), UPLO.upper() == "L")


def eig(a: Any) -> Any:
    """As :func:`numpy.linalg.eig`; whether all eigenvalues are real is a decision of the program."""
    a = _matrix(a, square=True)
    w, v = general.eig(a)
    if a.dtype.kind != "c" and _all_real(w):
        w, v = np.real(w), np.real(v)
    return _EIG(w, v)


def eigvals(a: Any) -> Any:
    """As :func:`numpy.linalg.eigvals`; whether all of them are real is a decision of the program."""
    a = _matrix(a, square=True)
    w = general.eigvals(a)
    return general.real_eigvals(a) if a.dtype.kind != "c" and _all_real(w) else w


def _all_real(w: Any) -> bool:
    """Whether NumPy gives these eigenvalues as real numbers: before 2.5, if all of them are."""
    return _REAL_IF_ALL_ARE and bool(np.all(np.imag(w) == 0))


_REAL_IF_ALL_ARE = np.lib.NumpyVersion(np.__version__) < "2.5.0"


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """As :func:`numpy.linalg.svd`."""
    a = _matrix(a)
    if not compute_uv:
        return sp.svdvals(a)
    if hermitian:
        w, v = eigh(a)
        order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
        w = np.take_along_axis(w, order, -1)
        v = np.take_along_axis(v, np.expand_dims(order, -2), -1)
        return _SVD(v, np.abs(w), _hermitian_transpose(v * np.expand_dims(np.sign(w), -2)))
    m, n = lengths(a)[-2:]
    return _SVD(*sp.svd(a, bool(full_matrices) and m != n))


def svdvals(x: Any, /) -> Any:
    """As :func:`numpy.linalg.svdvals`."""
    return sp.svdvals(_matrix(x))


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """As :func:`numpy.linalg.matrix_rank`: integers, with no derivative."""
    A = as_array(A)
    if np.ndim(A) < 2:
        return cast(np.any(A != 0), np.intp)
    s = svdvals(A)
    if tol is None:
        share = max(lengths(A)[-2:]) * float(np.finfo(s.dtype).eps) if rtol is None else rtol
        tol = np.max(s, axis=-1, keepdims=True) * np.expand_dims(share, -1)
    else:
        tol = np.expand_dims(tol, -1)
    return np.sum(s > tol, axis=-1)


def cond(x: Any, p: Any = None) -> Any:
    """As :func:`numpy.linalg.cond`."""
    x = _matrix(x)
    if p is None or p in (2, -2):
        s = sp.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


# -- norms -----------------------------------------------------------------------------------------


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """As :func:`numpy.linalg.norm`."""
    x = _inexact(as_array(x))
    ndim = np.ndim(x)
    every = normalized_axes(axis, ndim)
    if ord is None and (axis is None or len(every) == 2):
        result = norm_row(x, every) if every else np.abs(x)
    elif len(every) == 1:
        result = _vector_norm(x, ord, every)
    elif len(every) == 2:
        rows, columns = (-2, -1) if axis is None else axis
        moved = np.moveaxis(x, (rows, columns), (-2, -1))
        result = _matrix_norm(moved, ord)
    else:
        raise ValueError("Improper number of dimensions to norm.")
    return with_kept_axes(result, x, every) if keepdims else result


def _vector_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord is None or ord == 2:
        return norm_row(x, axes)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")  # noqa: TRY004 - as NumPy does
    if ord == np.inf:
        return np.max(np.abs(x), axis=axes)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axes)
    if ord == 0:
        return cast(np.sum(x != 0, axis=axes), la.real_dtype(x.dtype))
    if ord == 1:
        return np.sum(np.abs(x), axis=axes)
    return norm_row(x, axes, float(ord))


def _matrix_norm(x: Any, ord: Any) -> Any:
    if ord in ("fro", "f"):
        return norm_row(x, (-2, -1))
    if ord == "nuc":
        return np.sum(sp.svdvals(x), axis=-1)
    if ord in (1, -1, 2, -2, np.inf, -np.inf):
        axis = -2 if abs(ord) == 1 else -1
        values = sp.svdvals(x) if abs(ord) == 2 else np.sum(np.abs(x), axis=axis)
        return np.max(values, axis=-1) if ord > 0 else np.min(values, axis=-1)
    raise ValueError("Invalid norm order for matrices.")


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """As :func:`numpy.linalg.vector_norm`."""
    x = _inexact(as_array(x))
    axes = normalized_axes(axis, np.ndim(x))
    result = _vector_norm(x, ord, axes) if axes else np.abs(x)
    return with_kept_axes(result, x, axes) if keepdims else result


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """As :func:`numpy.linalg.matrix_norm`."""
    return norm(x, ord, (-2, -1), keepdims)


def _or_nothing(numpy: Callable[..., Any], composite: Callable[..., Any]) -> Callable[..., Any]:
    """``composite``; but an array without elements has no derivative to lose, and NumPy knows."""

    @wraps(composite)
    def function(a: Any, *args: Any, **keywords: Any) -> Any:
        shape = lengths(as_array(a))
        if 0 in shape:
            return numpy(np.zeros(shape, _inexact(as_array(a)).dtype), *args, **keywords)
        return composite(a, *args, **keywords)

    return function


_OF_NOTHING: dict[Any, Callable[..., Any]] = {
    np.linalg.qr: qr, np.linalg.eig: eig, np.linalg.eigvals: eigvals, np.linalg.eigh: eigh,
    np.linalg.eigvalsh: eigvalsh, np.linalg.svd: svd, np.linalg.svdvals: svdvals,
    np.linalg.matrix_rank: matrix_rank, np.linalg.norm: norm, np.linalg.matrix_norm: matrix_norm,
}  # fmt: skip

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.linalg.solve: solve, np.linalg.inv: inv, np.linalg.pinv: pinv, np.linalg.lstsq: lstsq,
    np.linalg.tensorsolve: tensorsolve, np.linalg.tensorinv: tensorinv,
    np.linalg.matrix_power: matrix_power, np.linalg.multi_dot: multi_dot,
    np.linalg.det: det, np.linalg.slogdet: slogdet, np.linalg.cholesky: cholesky,
    np.linalg.cond: cond, np.linalg.vector_norm: vector_norm,
    **{numpy: _or_nothing(numpy, composite) for numpy, composite in _OF_NOTHING.items()},
    np.linalg.matrix_transpose: lambda x, /: np.swapaxes(x, -1, -2),
}  # fmt: skip
