"""Products of arrays, all by one generalised ``einsum``."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_letters
from string import ascii_lowercase as letters
from typing import Any

import numpy as np

from ...ops import structural as st
from ...ops.contraction import einsum as contract
from .reductions import as_array


def _drop_unit_axes(x: Any, subscripts: str, other: dict[str, int]) -> tuple[Any, str]:
    """Drop an axis of length 1 that broadcasts against a longer one of the same index."""
    shape = np.shape(x)
    lengths = zip(subscripts, shape, strict=True)
    keep = [k for k, (c, n) in enumerate(lengths) if n != 1 or other.get(c, 1) == 1]
    if len(keep) == len(subscripts):
        return x, subscripts
    return st.reshape(x, tuple(int(shape[k]) for k in keep)), "".join(subscripts[k] for k in keep)


def matmul(x1: Any, x2: Any, /) -> Any:
    """As :func:`numpy.matmul`."""
    n1, n2 = np.ndim(x1), np.ndim(x2)
    if n1 == 0 or n2 == 0:
        raise ValueError("matmul: an operand is a scalar; use * instead")
    a, b = letters[: max(n1 - 2, 0)], letters[: max(n2 - 2, 0)]
    lead = letters[: max(len(a), len(b))]
    a, b = lead[len(lead) - len(a) :], lead[len(lead) - len(b) :]
    left, right = a + "xy"[2 - min(n1, 2) :], b + "yz"[: min(n2, 2)]
    sizes1 = dict(zip(left, np.shape(x1), strict=True))
    sizes2 = dict(zip(right, np.shape(x2), strict=True))
    if sizes1["y"] != sizes2["y"]:
        shapes = f"{tuple(np.shape(x1))} @ {tuple(np.shape(x2))}"
        raise ValueError(
            f"the inner sizes differ: {shapes} needs {sizes1['y']} = {sizes2['y']}"
        )
    batch = [{c: n for c, n in sizes.items() if c in lead} for sizes in (sizes1, sizes2)]
    out = lead + left.replace("y", "")[len(a) :] + right.replace("y", "")[len(b) :]
    x1, left = _drop_unit_axes(x1, left, batch[1])
    x2, right = _drop_unit_axes(x2, right, batch[0])
    return contract(f"{left},{right}->{out}", x1, x2)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """As :func:`numpy.dot`."""
    na, nb = np.ndim(a), np.ndim(b)
    if na == 0 or nb == 0:
        return np.multiply(a, b)
    left = letters[: na - 1] + "z"
    right = letters[na : na + nb - 2] + "z" + (letters[na + nb - 2] if nb > 1 else "")
    return contract(f"{left},{right}->{(left + right).replace('z', '')}", a, b)


def inner(a: Any, b: Any, /) -> Any:
    """As :func:`numpy.inner`."""
    na, nb = np.ndim(a), np.ndim(b)
    if na == 0 or nb == 0:
        return np.multiply(a, b)
    left, right = letters[: na - 1], letters[na : na + nb - 1]
    return contract(f"{left}z,{right}z->{left}{right}", a, b)


def outer(a: Any, b: Any, out: Any = None) -> Any:
    """As :func:`numpy.outer`."""
    return contract("i,j->ij", np.ravel(a), np.ravel(b))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """As :func:`numpy.tensordot`."""
    na, nb = np.ndim(a), np.ndim(b)
    if isinstance(axes, int):
        left_axes, right_axes = list(range(na - axes, na)), list(range(axes))
    else:
        first, second = axes
        left_axes = [k % na for k in ([first] if isinstance(first, int) else first)]
        right_axes = [k % nb for k in ([second] if isinstance(second, int) else second)]
    left, right = list(letters[:na]), list(letters[na : na + nb])
    for i, j in zip(left_axes, right_axes, strict=True):
        right[j] = left[i]
    summed = {left[i] for i in left_axes}
    out = [c for c in left + right if c not in summed]
    return contract(f"{''.join(left)},{''.join(right)}->{''.join(out)}", a, b)


# -- einsum ----------------------------------------------------------------------------------------


def einsum(
    *operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, **_: Any
) -> Any:
    """As :func:`numpy.einsum`, in all its forms."""
    subscripts, arrays = _parsed(operands)
    if dtype is not None:
        arrays = [st.cast(as_array(x), dtype) for x in arrays]
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise ValueError(
            f"einsum {subscripts!r} is for {len(inputs)} operands, and {len(arrays)} were given"
        )
    inputs, dots = _without_ellipses(inputs, arrays)
    if arrow:
        output = right.replace("...", dots)
    else:  # the indices that stand once, in alphabetical order
        every = "".join(inputs)
        output = dots + "".join(sorted(c for c in set(every) if every.count(c) == 1 and c not in dots))
    longest: dict[str, int] = {}
    for letters_of, x in zip(inputs, arrays, strict=True):
        for c, n in zip(letters_of, np.shape(x), strict=True):
            longest[c] = max(longest.get(c, 1), int(n)) if n else 0
    fitted = [_drop_unit_axes(x, s, longest) for x, s in zip(arrays, inputs, strict=True)]
    code = f"{','.join(s for _, s in fitted)}->{output}"
    return contract(code, *[x for x, _ in fitted])


def _parsed(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The subscripts as one string without blanks, and the arrays."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), [as_array(x) for x in operands[1:]]
    # The other form: array, list of axis numbers, array, list, ..., list for the result.
    arrays = [as_array(x) for x in operands[: len(operands) // 2 * 2 : 2]]
    named = [
        "".join("..." if k is Ellipsis else ascii_letters[k] for k in sublist)
        for sublist in operands[1::2]
    ]
    result = operands[-1] if len(operands) % 2 else None
    code = ",".join(named)
    if result is not None:
        code += "->" + "".join("..." if k is Ellipsis else ascii_letters[k] for k in result)
    return code, arrays


def _without_ellipses(inputs: list[str], arrays: list[Any]) -> tuple[list[str], str]:
    """Subscripts in which letters stand for the axes under an ellipsis; and these letters."""
    hidden = [
        np.ndim(x) - len(s) + 3 if "..." in s else 0 for s, x in zip(inputs, arrays, strict=True)
    ]
    free = [c for c in ascii_letters[::-1] if c not in "".join(inputs)]
    dots = "".join(free[: max(hidden)])
    return [s.replace("...", dots[len(dots) - n :]) for s, n in zip(inputs, hidden, strict=True)], dots


# -- diagonals -------------------------------------------------------------------------------------


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """As :func:`numpy.diagonal`."""
    if np.ndim(a) < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = (int(n) for n in np.shape(a)[-2:])
    first, second = max(-offset, 0), max(offset, 0)
    n = max(min(rows - first, columns - second), 0)
    if (n, n) != (rows, columns):
        a = a[..., first : first + n, second : second + n]
    lead = letters[: np.ndim(a) - 2]
    return contract(f"{lead}zz->{lead}z", a)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
          out: Any = None) -> Any:  # fmt: skip
    """As :func:`numpy.trace`."""
    a = a if dtype is None else st.cast(a, dtype)
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    if offset == 0 and np.shape(a)[-1] == np.shape(a)[-2]:
        lead = letters[: np.ndim(a) - 2]
        return contract(f"{lead}zz->{lead}", a)
    return np.sum(diagonal(a, offset, -2, -1), axis=-1)


def diag(v: Any, k: int = 0) -> Any:
    """As :func:`numpy.diag`."""
    if np.ndim(v) == 2:
        return diagonal(v, k)
    if np.ndim(v) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    square = contract("i->ii", v)
    if k == 0:
        return square
    n = int(np.shape(v)[0])
    m = n + abs(k)
    place = (max(-k, 0), n, 1), (max(k, 0), n, 1)
    return st.place([square], (m, m), (place,))


def diagflat(v: Any, k: int = 0) -> Any:
    """As :func:`numpy.diagflat`."""
    return diag(np.ravel(v), k)


# -- vectors ---------------------------------------------------------------------------------------


def vdot(a: Any, b: Any, /) -> Any:
    """As :func:`numpy.vdot`."""
    if np.shape(a) == np.shape(b):  # no need to lay them out in a line
        letters = "ijklmnopqrstuvwxyz"[: np.ndim(a)]
        return contract(f"{letters},{letters}->", _conjugate(as_array(a)), as_array(b))
    return contract("i,i->", _conjugate(np.ravel(a)), np.ravel(b))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """As :func:`numpy.linalg.vecdot`."""
    x1, x2 = (np.moveaxis(as_array(x), axis, -1) for x in (x1, x2))
    return einsum("...i,...i->...", _conjugate(x1), x2)


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if x.dtype.kind == "c" else x


def kron(a: Any, b: Any) -> Any:
    """As :func:`numpy.kron`."""
    a, b = as_array(a), as_array(b)
    ndim = max(np.ndim(a), np.ndim(b))
    a, b = (np.reshape(x, (1,) * (ndim - np.ndim(x)) + tuple(np.shape(x))) for x in (a, b))
    one, other = letters[:ndim], letters[ndim : 2 * ndim]
    every = "".join(c for pair in zip(one, other, strict=True) for c in pair)
    shape = tuple(int(m) * int(n) for m, n in zip(np.shape(a), np.shape(b), strict=True))
    return st.reshape(contract(f"{one},{other}->{every}", a, b), shape)


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1,
          axis: int | None = None) -> Any:  # fmt: skip
    """As :func:`numpy.cross`."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(as_array(a), axisa, -1), np.moveaxis(as_array(b), axisb, -1)
    sizes = int(np.shape(a)[-1]), int(np.shape(b)[-1])
    if not {*sizes} <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product (dimension must be 2 or 3)")
    if sizes == (2, 2):
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    x, y = (
        [v[..., k] if k < n else np.zeros((), v.dtype) for k in range(3)]
        for v, n in zip((a, b), sizes, strict=True)
    )
    parts = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.matmul: matmul, np.dot: dot, np.inner: inner, np.outer: outer, np.tensordot: tensordot,
    np.einsum: einsum, np.vdot: vdot, np.kron: kron, np.cross: cross,
    np.diagonal: diagonal, np.trace: trace, np.diag: diag, np.diagflat: diagflat,
    np.linalg.matmul: matmul, np.linalg.outer: outer, np.linalg.tensordot: tensordot,
    np.linalg.vecdot: vecdot,
    np.linalg.cross: lambda x1, x2, /, *, axis=-1: cross(x1, x2, axis=axis),
    np.linalg.diagonal: lambda x, /, *, offset=0: diagonal(x, offset, -2, -1),
    np.linalg.trace: lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1, dtype),
}  # fmt: skip
