"""``scipy.linalg``: functions of matrices, eigenvectors, and bases of subspaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops import eigen, factorizations, spectral
from ...ops import equations as eq
from ...ops.linalg import adjoint, expm, hermitian, triangular_solve
from ...ops.structural import cast, stop_gradient
from . import linalg
from .matrix_equations import _floats, from_bands
from .reductions import lengths
from .selection import as_array


def _refused(what: str, remedy: str) -> Exception:
    return linalg._unsupported(f"scipy.linalg.{what}", remedy)  # noqa: SLF001 - the same family


def _matrix(a: Any) -> Any:
    (a,) = _floats(a)
    if np.ndim(a) < 2 or lengths(a)[-1] != lengths(a)[-2]:
        raise ValueError(f"expected a square matrix, but got shape {lengths(a)}")
    return a


# -- analytic functions ----------------------------------------------------------------------------


def _expm(A: Any) -> Any:
    """As :func:`scipy.linalg.expm`."""
    A = as_array(A)
    if not np.ndim(A):  # a number counts as a matrix of one
        return np.reshape(np.exp(cast(A, np.result_type(A.dtype, float))), (1, 1))
    return expm(_matrix(A))


def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """As :func:`scipy.linalg.expm_frechet`: a block of the exponential of a block matrix."""
    A, E = _floats(A, E)
    n = lengths(A)[-1]
    whole = expm(np.block([[A, E], [np.zeros((n, n)), A]]))
    change = whole[:n, n:]
    return (whole[:n, :n], change) if compute_expm else change


def _real_of(a: Any, function: Callable[[Any], Any]) -> Any:
    """A function that is real for a real matrix without eigenvalues on the negative axis."""
    a = _matrix(a)
    if a.dtype.kind != "c":
        w = eigen.eigvals(a)
        if bool(np.any((np.imag(w) == 0) & (np.real(w) < 0))):  # a decision of the program
            a = cast(a, np.result_type(a.dtype, np.complex64))
    return function(a)


def sqrtm(A: Any, *_: Any, **__: Any) -> Any:
    """As :func:`scipy.linalg.sqrtm`."""
    return _real_of(A, eigen.sqrtm)


def logm(A: Any, *_: Any, **__: Any) -> Any:
    """As :func:`scipy.linalg.logm`."""
    return _real_of(A, eigen.logm)


def fractional_matrix_power(A: Any, t: Any) -> Any:
    """As :func:`scipy.linalg.fractional_matrix_power` of a regular matrix: ``exp(t log A)``."""
    if isinstance(t, int | float) and t == int(t):
        return linalg.matrix_power(A, int(t))
    return expm(t * logm(A))


def signm(A: Any, *_: Any, **__: Any) -> Any:
    """As :func:`scipy.linalg.signm` of a regular matrix: ``A (A²)^(−1/2)``."""
    A = _matrix(A)
    return linalg.solve(sqrtm(A @ A), A)


def _turned(a: Any) -> tuple[Any, Any]:
    """``exp(±iA)``."""
    a = _matrix(a)
    forth = expm(1j * a)
    return forth, np.conj(forth) if a.dtype.kind != "c" else expm(-1j * a)


def cosm(A: Any) -> Any:
    """As :func:`scipy.linalg.cosm`."""
    if as_array(A).dtype.kind != "c":
        return np.real(_turned(A)[0])
    forth, back = _turned(A)
    return 0.5 * (forth + back)


def sinm(A: Any) -> Any:
    """As :func:`scipy.linalg.sinm`."""
    if as_array(A).dtype.kind != "c":
        return np.imag(_turned(A)[0])
    forth, back = _turned(A)
    return -0.5j * (forth - back)


def tanm(A: Any) -> Any:
    """As :func:`scipy.linalg.tanm`."""
    return linalg.solve(cosm(A), sinm(A))


def coshm(A: Any) -> Any:
    """As :func:`scipy.linalg.coshm`."""
    A = _matrix(A)
    return 0.5 * (expm(A) + expm(-A))


def sinhm(A: Any) -> Any:
    """As :func:`scipy.linalg.sinhm`."""
    A = _matrix(A)
    return 0.5 * (expm(A) - expm(-A))


def tanhm(A: Any) -> Any:
    """As :func:`scipy.linalg.tanhm`."""
    return linalg.solve(coshm(A), sinhm(A))


# -- eigenvectors ----------------------------------------------------------------------------------


def eig(
    a: Any, b: Any = None, left: bool = False, right: bool = True, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.eig`, with eigenvectors on the right."""
    if homogeneous_eigvals or left or b is not None:
        raise _refused(
            "eig with left=, b= or homogeneous_eigvals=",
            "For two matrices use eig(np.linalg.solve(b, a)); for the vectors on the left, eig of "
            "a.conj().T.",
        )
    w, v = eigen.eig(_matrix(a))
    if not right:
        return w
    real = as_array(a).dtype.kind != "c" and bool(np.all(np.imag(w) == 0))
    return w, np.real(v) if real else v


def eigvals(
    a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.eigvals` of one matrix."""
    if homogeneous_eigvals or b is not None:
        raise _refused(
            "eigvals with b= or homogeneous_eigvals=",
            "Use eigvals(np.linalg.solve(b, a)); the order may differ.",
        )
    return eigen.eigvals(_matrix(a))


def eigh(
    a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False,
    overwrite_a: bool = False, overwrite_b: bool = False, type: int = 1, check_finite: bool = True,
    subset_by_index: Any = None, subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.eigh`, also of two matrices."""
    a = _matrix(a)
    if b is None:
        w, v = spectral.eigh(a, bool(lower))
        known = eigen.hermitian_vectors if lower else eigen.hermitian_vectors_upper
        v = v if eigvals_only else _facing(v, known(hermitian(a, lower=lower)))
    elif type != 1:
        raise _refused("eigh with type=2 or 3", "Use type=1 of a and inv(b), or of products with b.")
    else:
        w, v = _of_pencil(a, _matrix(b), lower)
    chosen = slice(None)
    if subset_by_index is not None:
        first, last = map(int, subset_by_index)
        chosen = slice(first, last + 1)
    elif subset_by_value is not None:
        low, high = subset_by_value
        first, last = int(np.sum(w <= low)), int(np.sum(w <= high))
        chosen = slice(first, last)
    if b is None and eigvals_only:
        w = spectral.eigvalsh(a, bool(lower))
    return w[..., chosen] if eigvals_only else (w[..., chosen], v[..., chosen])


def _of_pencil(a: Any, b: Any, lower: bool) -> tuple[Any, Any]:
    """``a v = w b v``, by the Cholesky factor of ``b``, with SciPy's signs."""
    a, b = hermitian(a, lower=lower), hermitian(b, lower=lower)
    factor = factorizations.cholesky(b)
    half = triangular_solve(factor, a, True)
    w, y = spectral.eigh(adjoint(triangular_solve(factor, adjoint(half), True)))
    v = triangular_solve(adjoint(factor), y, False)
    return w, _facing(v, eigen.pencil_vectors(a, b))


def _facing(v: Any, known: Any) -> Any:
    """``v`` with each vector turned as SciPy's drivers have it: they choose signs in other ways."""
    along = stop_gradient(np.sum(np.conj(v) * known, axis=-2, keepdims=True))
    if v.dtype.kind != "c":
        return v * np.where(along < 0, -1.0, 1.0)
    return v * np.where(along == 0, 1.0, along / np.abs(along))


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, **options: Any) -> Any:
    """As :func:`scipy.linalg.eigvalsh`."""
    return eigh(a, b, lower=lower, eigvals_only=True, **options)


def eigh_tridiagonal(
    d: Any, e: Any, eigvals_only: bool = False, select: str = "a", select_range: Any = None,
    check_finite: bool = True, tol: float = 0.0, lapack_driver: str = "auto",
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.eigh_tridiagonal`, by way of the whole matrix."""
    d, e = _floats(d, e)
    whole = np.diag(d) + np.diag(e, -1)
    chosen = slice(None)
    if select in ("i", "index", 2):
        chosen = slice(int(select_range[0]), int(select_range[1]) + 1)
    elif select not in ("a", "all", 0):
        raise _refused("eigh_tridiagonal with select='v'", "Select among all of them afterwards.")
    if eigvals_only:
        return spectral.eigvalsh(whole)[chosen]
    w, v = spectral.eigh(whole)
    return w[chosen], _facing(v, eigen.tridiagonal_vectors(whole))[:, chosen]


def eigvalsh_tridiagonal(d: Any, e: Any, select: str = "a", select_range: Any = None, **_: Any) -> Any:
    """As :func:`scipy.linalg.eigvalsh_tridiagonal`."""
    return eigh_tridiagonal(d, e, True, select, select_range)


def eigvals_banded(
    a_band: Any, lower: bool = False, overwrite_a_band: bool = False, select: str = "a",
    select_range: Any = None, check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.eigvals_banded`, by way of the whole matrix."""
    (bands,) = _floats(a_band)
    width = lengths(bands)[-2] - 1
    under = bands if lower else eq.adjoint_bands(bands, 0, width)
    w = spectral.eigvalsh(from_bands(under, width, 0))
    if select in ("i", "index", 2):
        return w[int(select_range[0]) : int(select_range[1]) + 1]
    if select not in ("a", "all", 0):
        raise _refused("eigvals_banded with select='v'", "Select among all of them afterwards.")
    return w


def eig_banded(a_band: Any, lower: bool = False, eigvals_only: bool = False, **options: Any) -> Any:
    """As :func:`scipy.linalg.eig_banded`, of which only the eigenvalues are differentiated."""
    if not eigvals_only:
        raise _refused(
            "eig_banded with its eigenvectors",
            "Use eigvals_only=True, or scipy.linalg.eigh of the whole matrix.",
        )
    options = {k: v for k, v in options.items() if k in ("select", "select_range")}
    return eigvals_banded(a_band, lower, **options)


# -- orthogonal factors and subspaces --------------------------------------------------------------


def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full",
    pivoting: bool = False, check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.qr`; the columns that complete a basis are arbitrary, and refused."""
    (a,) = _floats(a)
    m, n = lengths(a)[-2:]
    order: tuple[Any, ...] = ()
    if pivoting:
        places = factorizations.qr_order(a)
        order = (places,)
        a = np.take_along_axis(a, np.expand_dims(places, -2), -1)
    if mode == "raw" or (mode in ("full", "qr") and m > n):
        raise _refused(f"qr with mode={mode!r}", "Use mode='economic'.")
    q, r = linalg.qr(a)
    if mode == "r":
        if m > n:
            r = np.concatenate([r, np.zeros((*lengths(r)[:-2], m - n, n), r.dtype)], axis=-2)
        return (r, *order)
    return (q, r, *order)


def rq(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full",
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.rq` of a square matrix: QR of its rows in reverse order."""
    a = _matrix(a)
    q, r = linalg.qr(adjoint(a[..., ::-1, :]))
    r, q = adjoint(r)[..., ::-1, ::-1], adjoint(q)[..., ::-1, :]
    # LAPACK reflects, so its signs are those of its own last reflections.
    known = stop_gradient(eigen.rq_rows(a))
    turn = stop_gradient(np.sign(np.real(np.sum(np.conj(q) * known, axis=-1))))
    q, r = np.expand_dims(turn, -1) * q, r * np.expand_dims(turn, -2)
    return r if mode == "r" else (r, q)


def polar(a: Any, side: str = "right") -> Any:
    """As :func:`scipy.linalg.polar` of a matrix of full rank."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    (a,) = _floats(a)
    u = eq.polar_factor(a)
    return u, _hermitian_part(adjoint(u) @ a if side == "right" else a @ adjoint(u))


def _hermitian_part(x: Any) -> Any:
    return 0.5 * (x + adjoint(x))


def orthogonal_procrustes(A: Any, B: Any, check_finite: bool = True) -> Any:
    """As :func:`scipy.linalg.orthogonal_procrustes`."""
    A, B = _floats(A, B)
    product = np.swapaxes(np.swapaxes(B, -1, -2) @ np.conj(A), -1, -2)
    return eq.polar_factor(product), np.sum(spectral.svdvals(product), axis=-1)


def _rank(s: Any, shape: tuple[int, ...], rcond: Any) -> int:
    cutoff = float(np.finfo(s.dtype).eps) * max(shape[-2:]) if rcond is None else rcond
    return int(np.sum(s > np.max(s) * cutoff)) if np.size(s) else 0


def orth(A: Any, rcond: Any = None) -> Any:
    """As :func:`scipy.linalg.orth`; the rank is a decision of the program."""
    (A,) = _floats(A)
    u, s, _ = spectral.svd(A)
    return u[:, : _rank(s, lengths(A), rcond)]


def null_space(A: Any, rcond: Any = None, **_: Any) -> Any:
    """As :func:`scipy.linalg.null_space`: differentiable in what depends on the space alone."""
    (A,) = _floats(A)
    m, n = lengths(A)
    _, s, vh = spectral.svd(A, m != n)
    return adjoint(vh[_rank(s, (m, n), rcond) :])


def subspace_angles(A: Any, B: Any) -> Any:
    """As :func:`scipy.linalg.subspace_angles`."""
    A, B = _floats(A, B)
    if lengths(A)[0] != lengths(B)[0]:
        raise ValueError("A and B must have the same number of rows")
    first, second = linalg.qr(A)[0], linalg.qr(B)[0]
    across = adjoint(first) @ second
    cosines = spectral.svdvals(across)
    if lengths(first)[1] >= lengths(second)[1]:
        rest = second - first @ across
    else:
        rest = first - second @ adjoint(across)
    near = np.square(cosines) >= 0.5  # there the sine is the accurate one
    sines = np.where(near, spectral.svdvals(rest), 0.0)
    rest_of_cosines = np.where(near, 0.0, cosines[::-1])
    return np.where(near, np.arcsin(np.minimum(sines, 1.0)), np.arccos(np.minimum(rest_of_cosines, 1.0)))


def pinvh(
    a: Any, atol: Any = None, rtol: Any = None, lower: bool = True, return_rank: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """As :func:`scipy.linalg.pinvh`: the pseudo-inverse of the Hermitian matrix in one triangle."""
    a = hermitian(_matrix(a), lower=lower)
    found = linalg.pinv(a, rtol=rtol)
    return (found, linalg.matrix_rank(a, rtol=rtol)) if return_rank else found


_expm.__name__ = "expm"
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    f"scipy.linalg.{function.__name__}": function
    for function in (
        _expm, expm_frechet, sqrtm, logm, fractional_matrix_power, signm, cosm, sinm, tanm, coshm,
        sinhm, tanhm, eig, eigvals, eigh, eigvalsh, eigh_tridiagonal, eigvalsh_tridiagonal,
        eigvals_banded, eig_banded, qr, rq, polar, orthogonal_procrustes, orth, null_space,
        subspace_angles, pinvh,
    )
}  # fmt: skip
