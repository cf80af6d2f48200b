"""``scipy.signal`` by name: filters with feedback as recursions, convolutions by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ops.recursion import delayed, recursion
from ..site import here
from .scipy_fft import along
from .scipy_ndimage import captured, neighbours, padded, settled
from .selection import as_array

Function = Callable[..., Any]


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """As :func:`scipy.signal.lfilter`."""
    b, a, x = np.atleast_1d(as_array(b)), np.atleast_1d(as_array(a)), as_array(x)
    like = next((v for v in (x, b, a) if hasattr(v, "recorder")), x)
    b, a = captured(b, like), captured(a, like)
    b, a = b / a[0], a[1:] / a[0]
    x = np.moveaxis(x, axis, -1) * 1.0
    if x.dtype.kind == "c" and a.dtype.kind != "c" and b.dtype.kind != "c":
        a, x = np.concatenate([np.ones(1), a]), np.moveaxis(x, -1, axis)
        start: Any = (None, None) if zi is None else (np.real(as_array(zi)), np.imag(as_array(zi)))
        parts = [lfilter(b, a, p, axis, z) for p, z in zip((np.real(x), np.imag(x)), start, strict=True)]
        if zi is None:
            return parts[0] + 1j * parts[1]
        return tuple(re + 1j * im for re, im in zip(*parts, strict=True))
    if any(np.result_type(v.dtype).kind == "c" for v in (a, b, x)):
        raise UnsupportedFunction(
            "scipy.signal.lfilter of complex numbers has no derivative here. Filter the real and "
            "the imaginary part.",
            here(),
        )
    taps, poles = int(np.shape(b)[0]), int(np.shape(a)[0])
    driven = sum(b[k] * delayed(x, k) for k in range(taps))
    order = max(taps - 1, poles)
    if zi is None:
        y = recursion(a, driven) if poles else driven
        return np.moveaxis(y, -1, axis)
    zi = np.moveaxis(as_array(zi), axis, -1) * 1.0
    n = int(np.shape(x)[-1])
    if n < order:
        raise UnsupportedFunction(
            f"scipy.signal.lfilter of {n} samples with a state of {order} has no derivative here. "
            "Filter more samples at once.",
            here(),
        )
    wide = tuple(int(s) for s in np.shape(driven))
    zi = np.broadcast_to(zi, (*wide[:-1], order))
    driven = driven + np.concatenate([zi, np.zeros((*wide[:-1], n - order))], axis=-1)
    y = recursion(a, driven) if poles else driven
    # The state after the last sample, of the transposed direct form.
    last = []
    for k in range(order):
        state: Any = np.zeros(wide[:-1])
        for j in range(k + 1, order + 1):
            at = n - (j - k)
            if j < taps:
                state = state + b[j] * x[..., at]
            if j <= poles:
                state = state - a[j - 1] * y[..., at]
        last.append(state)
    zf = np.stack(last, axis=-1) if last else np.zeros((*wide[:-1], 0))
    return np.moveaxis(y, -1, axis), np.moveaxis(zf, -1, axis)


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """As :func:`scipy.signal.sosfilt`."""
    sos, y = as_array(sos), as_array(x)
    sos = captured(sos, y)
    states = []
    for k in range(int(np.shape(sos)[0])):
        b, a = sos[k, :3], sos[k, 3:]
        if zi is None:
            y = lfilter(b, a, y, axis)
        else:
            y, state = lfilter(b, a, y, axis, as_array(zi)[k])
            states.append(state)
    return y if zi is None else (y, np.stack(states))


_BORDERS = {"fill": "constant", "symm": "reflect", "wrap": "wrap"}


def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """As :func:`scipy.signal.convolve2d`."""
    x, k = as_array(in1), as_array(in2)
    if mode == "valid" and any(p < q for p, q in zip(np.shape(x), np.shape(k), strict=True)):
        x, k = k, x
    (n, m), (p, q) = ([int(v) for v in np.shape(a)] for a in (x, k))
    k = captured(k, x)
    wide = padded(x, [(p - 1, p - 1), (q - 1, q - 1)], _BORDERS[boundary], fillvalue)
    rows, columns = n + p - 1, m + q - 1
    total: Any = 0.0
    for i in range(p):
        for j in range(q):
            window = wide[p - 1 - i : p - 1 - i + rows, q - 1 - j : q - 1 - j + columns]
            total = total + k[i, j] * window
    if mode == "full":
        return total
    if mode == "same":
        i, j = (p - 1) // 2, (q - 1) // 2
        return total[i : i + n, j : j + m]
    return total[p - 1 : n, q - 1 : m]


def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Any:
    """As :func:`scipy.signal.correlate2d`."""
    x, k = as_array(in1), np.conj(as_array(in2))
    swapped = mode == "valid" and any(p < q for p, q in zip(np.shape(x), np.shape(k), strict=True))
    if swapped:
        return np.conj(correlate2d(np.conj(k), x, mode))[::-1, ::-1]
    if mode == "same":
        (n, m), (p, q) = ([int(v) for v in np.shape(a)] for a in (x, k))
        full = convolve2d(x, k[::-1, ::-1], "full", boundary, fillvalue)
        return full[p // 2 : p // 2 + n, q // 2 : q // 2 + m]
    return convolve2d(x, k[::-1, ::-1], mode, boundary, fillvalue)


def _full(x: Any, k: Any, axes: list[int]) -> Any:
    """The full convolution along some axes: a sum over the smaller operand's elements."""
    if np.size(k) > np.size(x):
        x, k = k, x
    lengths = {a: int(np.shape(k)[a]) for a in axes}
    k = captured(k, x)
    widths = [(lengths[a] - 1, lengths[a] - 1) if a in axes else (0, 0) for a in range(np.ndim(x))]
    wide = np.pad(x, widths)
    total: Any = 0.0
    for place in np.ndindex(*(lengths[a] for a in axes)):
        window: list[Any] = [slice(None)] * np.ndim(x)
        pick: list[Any] = [slice(None)] * np.ndim(k)
        for a, i in zip(axes, place, strict=True):
            start = lengths[a] - 1 - i
            window[a] = slice(start, start + int(np.shape(x)[a]) + lengths[a] - 1)
            pick[a] = slice(i, i + 1)
        total = total + k[tuple(pick)] * wide[tuple(window)]
    return total


#: More products than this go by Fourier transform.
_DIRECT = 128


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """As :func:`scipy.signal.convolve`."""
    return fftconvolve(in1, in2, mode)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """As :func:`scipy.signal.fftconvolve`."""
    x, k = as_array(in1), as_array(in2)
    if np.ndim(x) != np.ndim(k):
        raise ValueError("in1 and in2 should have the same dimensionality")
    if not np.ndim(x):
        return x * k
    chosen = (
        list(range(np.ndim(x))) if axes is None else [a % np.ndim(x) for a in np.atleast_1d(axes)]
    )
    if mode == "valid" and any(int(np.shape(x)[a]) < int(np.shape(k)[a]) for a in chosen):
        x, k = k, x
    before, kernel = ([int(n) for n in np.shape(v)] for v in (x, k))
    if min(np.size(x), np.size(k)) <= _DIRECT:
        found = _full(x, k, chosen)
    else:
        lengths = [before[a] + kernel[a] - 1 for a in chosen]
        if "c" in (x.dtype.kind, k.dtype.kind):
            product = np.fft.fftn(x, lengths, chosen) * np.fft.fftn(k, lengths, chosen)
            found = np.fft.ifftn(product, lengths, chosen)
        else:
            product = np.fft.rfftn(x, lengths, chosen) * np.fft.rfftn(k, lengths, chosen)
            found = np.fft.irfftn(product, lengths, chosen)
    if mode == "full":
        return found
    cut: list[Any] = [slice(None)] * np.ndim(x)
    for a in chosen:
        n = before[a] if mode == "same" else before[a] - kernel[a] + 1
        start = (before[a] + kernel[a] - 1 - n) // 2
        cut[a] = slice(start, start + n)
    return found[tuple(cut)]


def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """As :func:`scipy.signal.oaconvolve`."""
    return fftconvolve(in1, in2, mode, axes)


def _by_matrix(name: str, first: int = 0) -> Function:
    """A function that is linear along an axis: the matrix that it is on the unit vectors."""

    def function(*args: Any, axis: int = -1, **keywords: Any) -> Any:
        import scipy.signal

        plain: Function = getattr(scipy.signal, name)
        x = as_array(args[first])
        others = [None if k == first else settled(a, x) for k, a in enumerate(args)]
        words = {k: settled(a, x) for k, a in keywords.items()}
        given: dict[Any, Any] = {**dict(enumerate(args)), **keywords}
        found: dict[Any, Any] = {**dict(enumerate(others)), **words}
        if any(found[k] is None and given[k] is not None for k in given if k != first):
            raise UnsupportedFunction(
                f"scipy.signal.{name} is differentiated by the signal alone. Keep its other "
                "arguments constant.",
                here(),
            )
        eye = np.eye(int(np.shape(x)[axis]))
        others[first] = eye
        return along(plain(*others, axis=0, **words), x, axis)

    return function


def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    """As :func:`scipy.signal.medfilt`: zeros stand beyond the borders."""
    x = np.atleast_1d(as_array(volume))
    sizes = np.broadcast_to(3 if kernel_size is None else kernel_size, np.ndim(x))
    if not np.all(sizes % 2):
        raise ValueError("Each element of kernel_size should be odd.")
    return order_filter(x, np.ones(sizes, bool), int(np.prod(sizes)) // 2)


def order_filter(a: Any, domain: Any, rank: int) -> Any:
    """As :func:`scipy.signal.order_filter`."""
    near = neighbours(as_array(a), domain, "constant", 0.0, [0] * np.ndim(a))
    return np.sort(near, axis=-1)[..., int(rank)]


FUNCTIONS: dict[Any, Function] = {
    **{f"scipy.signal.{f.__name__}": f
       for f in (lfilter, sosfilt, convolve2d, correlate2d, convolve, fftconvolve, oaconvolve)},
    "scipy.signal.upfirdn": _by_matrix("upfirdn", 1),
    "scipy.signal.resample_poly": _by_matrix("resample_poly"),
    "scipy.signal.medfilt": medfilt, "scipy.signal.order_filter": order_filter,
    "scipy.signal.medfilt2d": lambda input, kernel_size=3: medfilt(input, kernel_size),
}  # fmt: skip
