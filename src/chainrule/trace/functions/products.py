"""Products of arrays, all by one generalised ``einsum``."""

from __future__ import annotations

from string import ascii_lowercase as letters
from typing import Any

import numpy as np

from ...ops import structural as st
from ...ops.contraction import einsum as contract


def _drop_unit_axes(x: Any, subscripts: str, other: dict[str, int]) -> tuple[Any, str]:
    """Drop an axis of length 1 that broadcasts against a longer one of the same index."""
    keep = [k for k, (c, n) in enumerate(zip(subscripts, np.shape(x), strict=True)) if n != 1 or other.get(c, 1) == 1]
    if len(keep) == len(subscripts):
        return x, subscripts
    shape = np.shape(x)
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
        raise ValueError(
            f"the inner sizes differ: {tuple(np.shape(x1))} @ {tuple(np.shape(x2))} needs {sizes1['y']} = {sizes2['y']}"
        )
    batch = {c: n for c, n in sizes1.items() if c in lead}, {c: n for c, n in sizes2.items() if c in lead}
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


FUNCTIONS = {np.matmul: matmul, np.dot: dot, np.inner: inner, np.outer: outer, np.tensordot: tensordot}
