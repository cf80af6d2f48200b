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
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    types: Sequence[ArrayType],
    result: object,
    *,
    workspace: int,
    keep: object = None,
    name: str = "bound",
    doc: str = "",
) -> Callable[[], Any]:
    """The Python function that runs a kernel on these arrays and returns ``result``.

    ``types`` are those of the inputs and outputs of the kernel; nothing is checked but here.
    Raises ValueError if an array is not of its type, or an output cannot be written to.
    """
    arrays = (*inputs, *outputs)
    for k, (array, t) in enumerate(zip(arrays, types, strict=True)):
        where = f"input {k}" if k < len(inputs) else f"output {k - len(inputs)}"
        if not is_readable(array, t):
            raise ValueError(f"The array for {where} must be {t.strong()} in C order.")
    for k, array in enumerate(outputs):
        if not array.flags.writeable:
            raise ValueError(f"The array for output {k} cannot be written to.")
        if any(other is not array and np.may_share_memory(other, array) for other in arrays):
            raise ValueError(f"The array for output {k} shares memory with another array.")
    table = np.array([objects.data(a) for a in arrays], np.uintp)
    items = (slow, _scratch(workspace), table, result)
    return _function(address, _METH_NOARGS, items, (keep, arrays), name, doc)


def is_readable(array: object, t: ArrayType) -> bool:
    """Whether it is an array of exactly type ``t`` that a kernel can read as it lies."""
    return (
        type(array) is np.ndarray
        and array.dtype == t.dtype
        and array.shape == t.shape
        and array.flags.c_contiguous
        and array.flags.aligned
    )


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
