"""Functions that work element by element and are not ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops import arithmetic as ar
from ...ops.structural import cast, zeros
from .reductions import as_array


def real(val: Any) -> Any:
    """As :func:`numpy.real`."""
    return ar.real(val) if val.dtype.kind == "c" else val


def imag(val: Any) -> Any:
    """As :func:`numpy.imag`."""
    return ar.imag(val) if val.dtype.kind == "c" else zeros(np.shape(val), val.dtype)


def angle(z: Any, deg: bool = False) -> Any:
    """As :func:`numpy.angle`."""
    result = np.arctan2(np.imag(z), np.real(z))
    return result * (180 / np.pi) if deg else result


def real_if_close(a: Any, tol: float = 100) -> Any:
    """As :func:`numpy.real_if_close`; whether it is close is a decision of the program."""
    if a.dtype.kind != "c":
        return a
    limit = tol * np.finfo(a.dtype).eps if tol > 1 else tol
    return np.real(a) if bool(np.all(np.abs(np.imag(a)) < limit)) else a


_unset = object()


def clip(
    a: Any,
    a_min: Any = _unset,
    a_max: Any = _unset,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **keywords: Any,
) -> Any:
    """As :func:`numpy.clip`; a tie with a limit shares, as in ``maximum`` and ``minimum``."""
    low = min if a_min is _unset else a_min
    high = max if a_max is _unset else a_max
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """As :func:`numpy.round`: piecewise constant."""
    if a.dtype.kind in "iub" and decimals >= 0:
        return a
    if a.dtype.kind == "c":
        return round(np.real(a), decimals) + 1j * round(np.imag(a), decimals)
    if decimals == 0:
        return np.rint(a)
    scale = 10.0 ** abs(decimals)
    return np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale


def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """As :func:`numpy.nan_to_num`."""
    if not copy:
        x[...] = nan_to_num(x, True, nan, posinf, neginf)
        return x
    if x.dtype.kind == "c":
        parts = (nan_to_num(part, True, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        return next(parts) + 1j * next(parts)
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    x = np.where(np.isnan(x), nan, x)
    x = np.where(np.isposinf(x), limits.max if posinf is None else posinf, x)
    return np.where(np.isneginf(x), limits.min if neginf is None else neginf, x)


def isposinf(x: Any, out: Any = None) -> Any:
    """As :func:`numpy.isposinf`."""
    return np.isinf(x) & (x > 0)


def isneginf(x: Any, out: Any = None) -> Any:
    """As :func:`numpy.isneginf`."""
    return np.isinf(x) & (x < 0)


def sinc(x: Any) -> Any:
    """As :func:`numpy.sinc`: ``sin(πx) / (πx)``.

    Near zero it is its Taylor series, whose derivatives of any order are right there.
    """
    y = np.pi * x
    small = np.abs(y) < 0.25
    z = np.where(small, y, 0.0) ** 2
    # Σ (−z)^k / (2k+1)!: the first term left out is 0.25¹⁸/19! < 1e-28.
    series = 1.0 - z / 6 * (
        1
        - z
        / 20
        * (
            1
            - z / 42 * (1 - z / 72 * (1 - z / 110 * (1 - z / 156 * (1 - z / 210 * (1 - z / 272)))))
        )
    )
    away = np.where(small, 1.0, y)
    return np.where(small, series, np.sin(away) / away)


def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """As :func:`numpy.isclose`."""
    close = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    return close | (np.isnan(a) & np.isnan(b)) if equal_nan else close


def allclose(
    a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """As :func:`numpy.allclose`: a decision of the program."""
    return bool(np.all(isclose(a, b, rtol, atol, equal_nan)))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """As :func:`numpy.array_equal`: a decision of the program."""
    if tuple(np.shape(a1)) != tuple(np.shape(a2)):
        return False
    same = np.equal(a1, a2)
    return bool(np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same))


def array_equiv(a1: Any, a2: Any) -> bool:
    """As :func:`numpy.array_equiv`: a decision of the program."""
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return bool(np.all(np.equal(a1, a2)))


def iscomplexobj(x: Any) -> bool:
    """As :func:`numpy.iscomplexobj`."""
    return bool(x.dtype.kind == "c")


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """As :func:`numpy.result_type`."""
    kinds = {"f": float, "i": int, "c": complex, "b": bool}
    plain = [
        (kinds[x.dtype.kind]() if x.node.type.weak else x.dtype) if hasattr(x, "node") else x
        for x in arrays_and_dtypes
    ]
    return np.result_type(*plain)


def common_type(*arrays: Any) -> type:
    """As :func:`numpy.common_type`."""
    return np.common_type(*[np.empty(0, a.dtype) for a in arrays])


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """As :func:`numpy.can_cast`."""
    return np.can_cast(from_.dtype if hasattr(from_, "dtype") else from_, to, casting)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """As :func:`numpy.astype`."""
    return cast(x, dtype)


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """As :func:`numpy.copy`."""
    return a.copy()


def full_like(fill: Any) -> Any:
    """As ``np.full_like`` of a traced array: only its shape and dtype matter."""

    def like(
        a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any
    ) -> Any:
        return np.full(
            np.shape(a) if shape is None else shape, fill, a.dtype if dtype is None else dtype
        )

    return like


def _extended(function: Callable[..., Any], outside: Callable[[Any], Any]) -> Callable[..., Any]:
    """As the function of ``np.emath``: complex if some number is outside of the real domain."""

    def extended(x: Any, *rest: Any) -> Any:
        x = as_array(x)
        if x.dtype.kind != "c" and bool(np.any(outside(x))):
            x = cast(x, np.result_type(x.dtype, np.complex64))
        return function(x, *[r if hasattr(r, "dtype") else np.asarray(r) for r in rest])

    return extended


def _negative(x: Any) -> Any:
    return x < 0


def _beyond_one(x: Any) -> Any:
    return np.abs(x) > 1


_EXTENDED = {
    name: _extended(getattr(np, name), outside)
    for names, outside in (
        (("sqrt", "log", "log2", "log10", "power"), _negative),
        (("arccos", "arcsin", "arctanh"), _beyond_one),
    )
    for name in names
}


def _logn(n: Any, x: Any) -> Any:
    """As ``np.emath.logn``."""
    return _EXTENDED["log"](x) / _EXTENDED["log"](n)


def i0(x: Any) -> Any:
    """As :func:`numpy.i0`."""
    from scipy import special

    return special.i0(x)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """As :func:`numpy.unwrap`: it adds piecewise constant multiples of the period."""
    steps = np.diff(p, axis=axis)
    half = period / 2
    wrapped = np.mod(steps + half, period) - half
    wrapped = np.where((wrapped == -half) & (steps > 0), half, wrapped)
    limit = half if discont is None else max(discont, half)
    correction = np.where(np.abs(steps) < limit, 0.0, np.rint((wrapped - steps) / period) * period)
    widths = [(0, 0)] * np.ndim(p)
    widths[axis] = (1, 0)
    return p + np.pad(np.cumsum(correction, axis), widths)


def frexp(x: Any) -> Any:
    """As :func:`numpy.frexp`: the exponent is piecewise constant."""
    regular = np.isfinite(x) & (x != 0)
    size = np.abs(np.where(regular, x, 1.0))
    exponent = np.floor(np.log2(size)) + 1
    share = size * np.exp2(-exponent)  # next to a power of 2 the logarithm may be off by one
    exponent = exponent + np.where(share >= 1, 1.0, np.where(share < 0.5, -1.0, 0.0))
    mantissa = np.where(regular, x * np.exp2(-exponent), x)
    return cast(mantissa, x.dtype), cast(np.where(regular, exponent, 0.0), np.int32)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.real: real, np.imag: imag, np.angle: angle, np.real_if_close: real_if_close,
    np.clip: clip, np.round: round, np.around: round, np.fix: np.trunc, np.nan_to_num: nan_to_num,
    np.isposinf: isposinf, np.isneginf: isneginf, np.sinc: sinc,
    np.isclose: isclose, np.allclose: allclose,
    np.array_equal: array_equal, np.array_equiv: array_equiv,
    np.iscomplexobj: iscomplexobj, np.isrealobj: lambda x: not iscomplexobj(x),
    np.iscomplex: lambda x: np.imag(x) != 0, np.isreal: lambda x: np.imag(x) == 0,
    np.result_type: result_type, np.common_type: common_type, np.can_cast: can_cast,
    np.copy: copy, np.i0: i0, np.unwrap: unwrap,
    **{getattr(np.emath, name): function for name, function in _EXTENDED.items()},
    np.emath.logn: _logn,
    np.zeros_like: full_like(0), np.empty_like: full_like(0), np.ones_like: full_like(1),
}  # fmt: skip
if hasattr(np, "astype"):  # NumPy 2.1
    FUNCTIONS[np.astype] = astype
