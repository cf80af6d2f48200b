"""Calling compiled code from Python: functions around an entry, and kernels through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.types import ArrayType
from . import objects
from .entry import HEADER, KEPT, ON_STACK

_METH_NOARGS, _METH_FASTCALL = 0x0004, 0x0080


class _MethodDefinition(ctypes.Structure):
    """CPython's `PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_MAKE = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)


def python_function(
    address: int,
    slow: Callable[..., Any],
    *,
    workspace: int,
    keep: object = None,
    name: str = "entry",
    doc: str = "",
) -> Callable[..., Any]:
    """The Python function of an entry at ``address``; ``keep`` is what must live as long.

    The address is one of a :class:`~.llvm.Code`, which belongs into ``keep``.
    """
    items = (slow, _scratch(workspace), None, None)
    return _function(address, _METH_FASTCALL, items, keep, name, doc)


def bound_function(
    address: int,
    slow: Callable[[], Any],
    arrays: Sequence[np.ndarray],
    result: object,
    *,
    workspace: int,
    keep: object = None,
    name: str = "bound",
    doc: str = "",
) -> Callable[[], Any]:
    """The Python function that runs a kernel on these arrays, inputs and then outputs.

    They must be readable as they lie, the outputs writable, and all of exactly the kernel's
    types: nothing is checked when it is called. It returns ``result``.
    """
    table = np.array([objects.data(a) for a in arrays], np.uintp)
    items = (slow, _scratch(workspace), table, result)
    return _function(address, _METH_NOARGS, items, (keep, tuple(arrays)), name, doc)


def _function(
    address: int, convention: int, items: tuple[Any, ...], keep: object, name: str, doc: str
) -> Callable[..., Any]:
    definition = _MethodDefinition(name.encode(), address, convention, doc.encode() or None)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    self = (*items, definition, keep)
    made: Callable[..., Any] = make(ctypes.addressof(definition), self, __name__)
    return made


def _scratch(workspace: int) -> np.ndarray | None:
    """Memory to keep for a kernel, after a header that says whether it is in use."""
    if not ON_STACK < workspace <= KEPT:
        return None
    block = np.empty(workspace + HEADER + 63, np.uint8)
    block = block[-objects.data(block) % 64 :]
    block[:HEADER] = 0
    return block


# -- without an entry ------------------------------------------------------------------------------

_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def call_kernel(address: int, arrays: Sequence[np.ndarray], workspace: int) -> int:
    """Call a kernel on arrays of exactly its types, inputs and then outputs; its status.

    Python runs in other threads meanwhile.
    """
    table = (ctypes.c_void_p * len(arrays))(*[objects.data(a) for a in arrays])
    memory = np.empty(workspace + 63, np.uint8)
    place = objects.data(memory)
    status: int = _KERNEL(address)(table, place + -place % 64)
    return status


def as_argument(value: Any, t: ArrayType) -> np.ndarray:
    """The array of exactly type ``t`` that a kernel can read; a copy only if it must be."""
    array = np.asarray(value, t.dtype, order="C")
    if array.shape != t.shape:
        raise ValueError(f"An array of shape {array.shape} was given where {t} is meant.")
    return array if array.flags.aligned else array.copy()
