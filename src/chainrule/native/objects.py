"""Where CPython and NumPy keep what in their objects, for generated code that reads them.

The offsets are those of every CPython from 3.11 with a lock (GIL) and every NumPy from 2.0, on
64-bit machines. They are checked against live objects before the first use; where one does not
hold, kernels are called through ctypes.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from functools import cache
from typing import Any

import numpy as np

#: The dtypes whose arrays and scalars an entry reads and makes.
DTYPES = tuple(
    np.dtype(f"{kind}{size}")
    for kind, sizes in (("b", "1"), ("i", "1248"), ("u", "1248"), ("f", "248"), ("c", ("8", "16")))
    for size in sizes
)

#: Offsets in an object: of its type, and of the number in a float or NumPy scalar.
TYPE = 8
NUMBER = 16

#: Offsets in an array.
DATA = 16
NDIM = 24
SHAPE = 32
DTYPE = 56
FLAGS = 64

#: The offset of the first item in a tuple.
ITEMS = tuple.__basicsize__

#: The flags of an array that can be read as it lies: C-contiguous and aligned.
READABLE = 0x001 | 0x100

#: Functions of NumPy by their place in its table, which its binary interface fixes.
_NUMPY = {"PyArray_Scalar": 60, "PyArray_NewFromDescr": 94}

_PYTHON = (
    "PyErr_NoMemory",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyLong_AsLongLongAndOverflow",
    "PyMem_RawFree",
    "PyMem_RawMalloc",
    "PyObject_Vectorcall",
    "PyTuple_New",
    "Py_DecRef",
    "Py_IncRef",
)


@cache
def problem() -> str:
    """What keeps generated code from reading objects here; empty if nothing does."""
    if sys.implementation.name != "cpython":
        return "not CPython"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "a build without the global lock, where objects count references otherwise"
    if object.__basicsize__ != NUMBER or ctypes.sizeof(ctypes.c_void_p) != 8:
        return "objects of another size"
    try:
        return _mismatch()
    except (AttributeError, ImportError, ValueError, TypeError) as error:
        return f"the tables of functions are not as expected: {error}"


def _mismatch() -> str:
    """Which of the offsets does not hold."""
    x = np.arange(6.0).reshape(2, 3)[:, ::2]
    at = id(x)
    pair, number, turned = (at, at + 1), 0.75, 0.75j
    shape = _read(at + SHAPE, ctypes.c_void_p)
    seen = {
        "an object's type": _read(at + TYPE, ctypes.c_void_p) == id(np.ndarray),
        "an array's data": _read(at + DATA, ctypes.c_void_p) == x.ctypes.data,
        "an array's number of axes": _read(at + NDIM, ctypes.c_int) == x.ndim,
        "an array's shape": [_read(shape + 8 * k, ctypes.c_int64) for k in range(2)] == [2, 2],
        "an array's dtype": _read(at + DTYPE, ctypes.c_void_p) == id(x.dtype),
        "an array's flags": _read(at + FLAGS, ctypes.c_int) & 0x7FF == x.flags.num & 0x7FF,
        "a tuple's items": _read(id(pair) + ITEMS + 8, ctypes.c_void_p) == id(pair[1]),
        "a float's number": _read(id(number) + NUMBER, ctypes.c_double) == number,
        "a complex number": _read(id(turned) + NUMBER + 8, ctypes.c_double) == number,
    }
    for dtype in DTYPES:
        one = dtype.type(1)
        same = ctypes.string_at(id(one) + NUMBER, dtype.itemsize) == one.tobytes()
        seen[f"the number of a {dtype}"] = same
    for what, holds in seen.items():
        if not holds:
            return what
    return _strange_table()


def _strange_table() -> str:
    """Which entry of NumPy's table of functions is not the function we take it for."""
    table = _numpy_table()
    version = ctypes.CFUNCTYPE(ctypes.c_uint)(table[0])()
    if version >> 24 != 2:
        return f"NumPy's binary interface is of version {version >> 24}"
    dtype = np.dtype(np.float64)
    shape = (ctypes.c_int64 * 2)(2, 3)
    pointer, thing = ctypes.c_void_p, ctypes.py_object
    new = ctypes.PYFUNCTYPE(
        thing, thing, thing, ctypes.c_int, pointer, pointer, pointer, ctypes.c_int, pointer
    )(table[_NUMPY["PyArray_NewFromDescr"]])
    ctypes.pythonapi.Py_IncRef(thing(dtype))  # it takes one away
    made = new(np.ndarray, dtype, 2, shape, None, None, 0, None)
    if type(made) is not np.ndarray or made.shape != (2, 3) or made.dtype != dtype:
        return "PyArray_NewFromDescr"
    scalar = ctypes.PYFUNCTYPE(thing, pointer, thing, pointer)(table[_NUMPY["PyArray_Scalar"]])
    number = scalar(ctypes.addressof(ctypes.c_double(0.75)), dtype, None)
    if type(number) is not np.float64 or number != 0.75:
        return "PyArray_Scalar"
    return ""


@cache
def addresses() -> dict[str, int]:
    """The addresses of the objects and functions that generated code names."""
    found = {
        "PyArray_Type": id(np.ndarray),
        "PyBool_Type": id(bool),
        "PyComplex_Type": id(complex),
        "PyFloat_Type": id(float),
        "PyLong_Type": id(int),
        "Py_True": id(True),
        "Py_False": id(False),
    }
    for dtype in DTYPES:
        found[dtype_symbol(dtype)] = id(dtype)
        found[scalar_symbol(dtype)] = id(dtype.type)
    for name in _PYTHON:
        found[name] = _address(getattr(ctypes.pythonapi, name))
    table = _numpy_table()
    for name, place in _NUMPY.items():
        found[name] = table[place]
    return found


def data(array: np.ndarray) -> int:
    """The address of an array's data."""
    if problem():
        return int(array.ctypes.data)
    return int(_read(id(array) + DATA, ctypes.c_void_p) or 0)  # a tenth of the time


def dtype_symbol(dtype: np.dtype) -> str:
    """What the dtype is called in generated code."""
    return f"dtype.{dtype.name}"


def scalar_symbol(dtype: np.dtype) -> str:
    """What the type of NumPy's scalars of the dtype is called in generated code."""
    return f"scalar.{dtype.name}"


def _numpy_table() -> Any:
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    # A prototype of its own, so that nobody else's use of the function changes.
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(_address(pointer))
    return ctypes.cast(get(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))  # noqa: SLF001


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _read(address: int, kind: Any) -> Any:
    return kind.from_address(address).value
