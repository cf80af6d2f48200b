"""Calls of BLAS from generated code, through the function pointers that SciPy exports for Cython.

Fortran's conventions: every argument by its address, matrices by columns. A matrix by rows is its
transpose by columns, so every product of matrices with one stride of 1 is one call, and nothing is
copied. With ``beta`` 0 the output is overwritten, also where it was NaN.

Generated code names a routine ``blas_dgemm`` or ``lapack_dgesv``, and ``address`` says where it is.

OpenBLAS hands small work to its threads already: triangular systems from size 8, products from 100.
Where other programs use the processors, its threads wait for each other and 0.5 ms can become 20.
So a call of moderate size is made with one thread, and the number of threads put back after it,
which takes 7 ns (``alone``). Large ones keep the library's setting, as in NumPy.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from .text import Function, Operand, Value

#: The letter of a BLAS routine for the type of its elements.
LETTER = {"double": "d", "float": "s"}


class Matrix(NamedTuple):
    """A matrix in memory: strides are in elements, from one ``row`` or ``column`` to the next."""

    pointer: Value
    rows: int
    columns: int
    row: int
    column: int
    element: str = "double"

    @property
    def transpose(self) -> Matrix:
        """The same memory, read the other way."""
        return Matrix(self.pointer, self.columns, self.rows, self.column, self.row, self.element)

    @property
    def by_columns(self) -> int | None:
        """The leading dimension, if BLAS can read the matrix as one by columns."""
        least = max(1, self.rows)
        leading = least if self.rows == 0 or self.columns <= 1 else self.column
        return leading if (self.row == 1 or self.rows <= 1) and leading >= least else None

    @property
    def is_blas_able(self) -> bool:
        """Whether BLAS can read it, by columns or transposed."""
        return self.by_columns is not None or self.transpose.by_columns is not None


def contiguous(pointer: Value, rows: int, columns: int, element: str = "double") -> Matrix:
    """A C-contiguous matrix."""
    return Matrix(pointer, rows, columns, columns, 1, element)


# -- the library -----------------------------------------------------------------------------------


@cache
def address(symbol: str) -> int:
    """Where the routine ``blas_...`` or ``lapack_...`` is in memory.

    Raises:
        KeyError: if SciPy exports no such routine.
    """
    if symbol in _THREADS:
        return _thread_control()[_THREADS.index(symbol)]
    library, _, name = symbol.partition("_")
    if library == "blas":
        from scipy.linalg import cython_blas as module
    else:
        from scipy.linalg import cython_lapack as module
    capsule = module.__pyx_capi__[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    routine: int = get_pointer(capsule, get_name(capsule))
    return routine


def is_library_symbol(name: str) -> bool:
    """Whether generated code that declares ``name`` means a routine of BLAS or LAPACK."""
    return name.startswith(("blas_", "lapack_"))


@cache
def integer() -> str:
    """LLVM's type of the library's integers.

    Asked of the library itself, since names of C types do not tell: the length below is 1 if its
    lower half is read, and negative, so that the product is 0, if all of it is.
    """
    dot = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_void_p] * 5)(address("blas_ddot"))
    length, step, one = ctypes.c_int64(1 - 2**63), ctypes.c_int64(1), ctypes.c_double(1)
    at = ctypes.addressof
    return "i32" if dot(at(length), at(one), at(step), at(one), at(step)) == 1 else "i64"


# -- threads ---------------------------------------------------------------------------------------

#: The names in generated code of what says how many threads there are, and of what sets it.
_THREADS = ("blas_threads", "blas_set_threads")

#: Multiplications from which a product or a factorization is left to the library's threads: some
#: milliseconds' worth.
_LARGE = 2**27

#: The same for what takes each entry once.
_LONG = 2**22

#: Multiplications from which as many threads are worth while as the program may have.
_SHARED = 2**23


@cache
def _thread_control() -> tuple[int, ...]:
    """The addresses of the two functions of OpenBLAS; empty for another library."""
    from scipy.linalg import cython_blas

    try:
        library = ctypes.CDLL(cython_blas.__file__)  # and what it is linked with
    except OSError:
        return ()
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("", "64_"):
            names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            found = [getattr(library, n, None) for n in names]
            pointers = [ctypes.cast(x, ctypes.c_void_p).value for x in found if x is not None]
            if len(pointers) == 2:
                return tuple(p for p in pointers if p)
    return ()


@contextmanager
def alone(f: Function, work: int, least: int = 0, most: int = _LARGE) -> Iterator[None]:
    """Let what is emitted within run on one thread, if its ``work`` is between the limits.

    Large work may have the threads of the program. Only who changed the number of threads puts it
    back, so that of several callers at once the last one leaves it as the first one found it.
    """
    if not least <= work < most or not _thread_control():
        yield
        return
    threads = f.module.threads if work >= _SHARED else 1
    changed = f.call(_begin_alone(f, threads), [], "i32")
    yield
    f.call(_end_alone(f), [changed])


def _begin_alone(f: Function, threads: int) -> str:
    """A function that sets so many threads, and gives how many there were if it was more, or 0."""
    name = "begin_alone" if threads == 1 else "begin_together"
    if name not in f.module.functions:
        g = f.module.function(name, [], "i32", linkage="internal")
        count = g.external(_THREADS[0], [], "i32")
        several = g.icmp("sgt", count, threads)
        g.line(f"br {several}, label %several, label %one")
        g.label("several")
        g.external(_THREADS[1], [Value(str(threads), "i32")])
        g.ret(count)
        g.label("one")
        g.ret(Value("0", "i32"))
    return name


def _end_alone(f: Function) -> str:
    """A function that puts back what the other one changed."""
    name = "end_alone"
    if name not in f.module.functions:
        count = Value("%count", "i32")
        g = f.module.function(name, [count], linkage="internal")
        g.line(f"br {g.icmp('ne', count, 0)}, label %several, label %one")
        g.label("several")
        g.external(_THREADS[1], [count])
        g.ret()
        g.label("one")
        g.ret()
    return name


# -- arguments -------------------------------------------------------------------------------------


def char(f: Function, letter: str) -> Value:
    """The address of a letter."""
    return f.module.number("i8", ord(letter))


def whole(f: Function, number: int) -> Value:
    """The address of an integer."""
    return f.module.number(integer(), number)


def _read(f: Function, m: Matrix) -> tuple[Value, int]:
    """How to read a matrix: the letter for as it is or transposed, and the leading dimension."""
    leading = m.by_columns
    if leading is not None:
        return char(f, "N"), leading
    leading = m.transpose.by_columns
    assert leading is not None, f"neither stride is 1: {m}"
    return char(f, "T"), leading


def routine(f: Function, element: str, name: str, *args: Value, result: str = "void") -> Value:
    """Call a routine of BLAS for a type of elements: ``routine(f, "double", "gemm", ...)``."""
    return f.external(f"blas_{LETTER[element]}{name}", args, result)


# -- products --------------------------------------------------------------------------------------


def gemm(
    f: Function, a: Matrix, b: Matrix, c: Matrix, alpha: float = 1.0, beta: float = 0.0
) -> None:
    """``C = alpha A B + beta C``; each of them BLAS-able."""
    assert (c.rows, a.columns, c.columns) == (a.rows, b.rows, b.columns)
    if c.rows == 0 or c.columns == 0:
        return
    if a.columns == 0 or alpha == 0:
        scale(f, c, beta)
    elif c.columns == 1 and b.row > 0 and c.row > 0:
        gemv(f, a, b.pointer, b.row, c.pointer, c.row, alpha, beta)
    elif c.rows == 1 and a.column > 0 and c.column > 0:
        gemv(f, b.transpose, a.pointer, a.column, c.pointer, c.column, alpha, beta)
    elif c.by_columns is None:
        gemm(f, b.transpose, a.transpose, c.transpose, alpha, beta)
    else:
        letter_a, leading_a = _read(f, a)
        letter_b, leading_b = _read(f, b)
        sizes = [whole(f, n) for n in (c.rows, c.columns, a.columns)]
        factors = [f.module.number(c.element, v) for v in (alpha, beta)]
        with alone(f, c.rows * c.columns * a.columns, 2**16):
            routine(
                f, c.element, "gemm", letter_a, letter_b, *sizes, factors[0],
                a.pointer, whole(f, leading_a), b.pointer, whole(f, leading_b),
                factors[1], c.pointer, whole(f, c.by_columns),
            )  # fmt: skip


def gemv(
    f: Function,
    a: Matrix,
    x: Value,
    incx: int,
    y: Value,
    incy: int,
    alpha: float = 1.0,
    beta: float = 0.0,
) -> None:
    """``y = alpha A x + beta y``; steps are at least 1."""
    if a.rows == 0:
        return
    if a.columns == 0 or alpha == 0:
        scale(f, Matrix(y, a.rows, 1, incy, 1, a.element), beta)
        return
    letter, leading = _read(f, a)
    rows, columns = (a.rows, a.columns) if a.by_columns is not None else (a.columns, a.rows)
    with alone(f, rows * columns, 2**12, _LONG):
        routine(
            f, a.element, "gemv", letter, whole(f, rows), whole(f, columns),
            f.module.number(a.element, alpha), a.pointer, whole(f, leading),
            x, whole(f, max(incx, 1)), f.module.number(a.element, beta), y, whole(f, max(incy, 1)),
        )  # fmt: skip


def ger(
    f: Function, x: Value, incx: int, y: Value, incy: int, a: Matrix, alpha: float = 1.0
) -> None:
    """``A = A + alpha x yᵀ``."""
    if a.rows == 0 or a.columns == 0:
        return
    leading = a.by_columns
    if leading is None:
        ger(f, y, incy, x, incx, a.transpose, alpha)
        return
    with alone(f, a.rows * a.columns, 2**12, _LONG):
        routine(
            f, a.element, "ger", whole(f, a.rows), whole(f, a.columns),
            f.module.number(a.element, alpha), x, whole(f, max(incx, 1)),
            y, whole(f, max(incy, 1)), a.pointer, whole(f, leading),
        )  # fmt: skip


def dot(f: Function, element: str, count: int, x: Value, incx: int, y: Value, incy: int) -> Value:
    """``xᵀ y``."""
    if count == 0:
        return f.constant(0.0, element)
    steps = whole(f, incx), whole(f, incy)
    with alone(f, count, 2**12, _LONG):
        return routine(
            f, element, "dot", whole(f, count), x, steps[0], y, steps[1], result=element
        )


def syrk(f: Function, a: Matrix, c: Matrix, alpha: float = 1.0, beta: float = 0.0) -> None:
    """``C = alpha A Aᵀ + beta C`` for a symmetric C, at half of the work of ``gemm``."""
    n = a.rows
    assert c.rows == c.columns == n
    if n == 0:
        return
    if a.columns == 0 or alpha == 0:
        scale(f, c, beta)
        return
    if c.by_columns is None:
        c = c.transpose
    assert c.by_columns is not None
    letter, leading = _read(f, a)
    with alone(f, n * n * a.columns // 2, 2**14):
        routine(
            f, c.element, "syrk", char(f, "L"), letter, whole(f, n), whole(f, a.columns),
            f.module.number(c.element, alpha), a.pointer, whole(f, leading),
            f.module.number(c.element, beta), c.pointer, whole(f, c.by_columns),
        )  # fmt: skip
    mirror(f, c)


# -- loops over a matrix ---------------------------------------------------------------------------


def place(f: Function, m: Matrix, i: Value, j: Value) -> Value:
    """The address of an entry."""
    return f.offset(m.pointer, m.element, f.binary("add", _times(f, i, m.row), _times(f, j, m.column)))


def _times(f: Function, index: Operand, stride: int) -> Value:
    assert isinstance(index, Value)
    return index if stride == 1 else f.binary("mul", index, stride)


def scale(f: Function, m: Matrix, factor: float) -> None:
    """``M = factor M``; zeros, whatever was there, if it is 0."""
    if factor == 1 or m.rows == 0 or m.columns == 0:
        return
    rows = f.begin(m.rows)
    columns = f.begin(m.columns)
    at = place(f, m, rows.index, columns.index)
    zero = f.constant(0.0, m.element)
    f.store(zero if factor == 0 else f.fmul(f.load(at, m.element), factor), at)
    f.end(columns)
    f.end(rows)


def mirror(f: Function, m: Matrix) -> None:
    """Copy what is below the diagonal to above it."""
    if m.rows < 2:
        return
    rows = f.begin(m.rows - 1)
    i = f.binary("add", rows.index, 1)
    columns = f.begin(i)
    f.store(f.load(place(f, m, i, columns.index), m.element), place(f, m, columns.index, i))
    f.end(columns)
    f.end(rows)
