"""Linear algebra in generated code: a table of routines, one row for each primitive.

Each one does what NumPy does for that primitive, with the same LAPACK routine on the same matrix,
so that signs, pivots and the verdict on singular matrices are those of the reference. Where a
matrix by rows can be read as its transpose by columns without a change to any of these
(Cholesky by its other triangle, QR as the LQ of the transpose, triangular systems from the right),
nothing is copied but the operand to the result.

A routine that fails says so; the program then evaluates by NumPy, which raises the right error.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from functools import cache, partial

import numpy as np

from ..ir.primitive import Primitive
from ..ops import factorizations, linalg, spectral
from .blas import LETTER, Matrix, address, char, contiguous, gemm, integer, routine, whole
from .stacks import Areas, Params, Routine, Shapes, Task, Types, clear, copy, transpose
from .text import Value

# -- the library -----------------------------------------------------------------------------------


@cache
def workspace(element: str, name: str, *args: str | int | None) -> tuple[int, int]:
    """The lengths of the real and the integer workspace that a routine asks for.

    ``args`` are its arguments: None for an array, −1 for the length of the workspace before it,
    and 0 for ``info``, the last. Integers may come without a length, right before ``info``.
    """
    wide = np.dtype(np.int32 if integer() == "i32" else np.int64)
    dtype = np.dtype(np.float64 if element == "double" else np.float32)
    memory = [
        np.frombuffer(bytearray(a, "ascii"), np.uint8)
        if isinstance(a, str)
        else np.zeros(64, np.uint8)
        if a is None
        else np.array(a, wide)
        for a in args
    ]
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(args))
    call(address(f"lapack_{LETTER[element]}{name}"))(*[m.ctypes.data for m in memory])
    lengths = [k for k, a in enumerate(args) if a == -1]
    real = memory[lengths[0] - 1].view(dtype)[0]
    if element == "float":  # a length may have been rounded down
        real = np.nextafter(real, np.float32(np.inf))
    at = lengths[1] - 1 if len(lengths) > 1 else len(args) - 2
    integers = memory[at].view(wide)[0] if args[at] is None else 0
    return math.ceil(real), int(integers)


def _call(task: Task, name: str, *args: Value | str | int) -> Value:
    """Call LAPACK, with ``info`` as the last argument; gives whether it failed."""
    f = task.f
    info = f.space(integer(), 1)
    given = [
        a if isinstance(a, Value) else char(f, a) if isinstance(a, str) else whole(f, a)
        for a in args
    ]
    f.external(f"lapack_{LETTER[task.element]}{name}", [*given, info])
    return f.icmp("ne", f.load(info, integer()), 0)


# -- systems ---------------------------------------------------------------------------------------


def _system_ranks(types: Types, params: Params) -> list[int]:
    return [2, 1 if params[0] else 2]


def _solve_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    (n, _), b = shapes
    areas = {"a": ("", n * n), "pivots": ("integer", n)}
    return areas if params[0] else areas | {"b": ("", math.prod(b))}


def _solve(task: Task) -> Value:
    f, element = task.f, task.element
    (a, b), (x,), ((n, _), (_, *columns)) = task.inputs, task.outputs, task.shapes
    count = columns[0] if columns else 1
    transpose(f, element, task.areas["a"], a, n, n)
    rhs = x if count == 1 else task.areas["b"]
    transpose(f, element, rhs, b, n, count)
    failed = _call(task, "gesv", n, count, task.areas["a"], n, task.areas["pivots"], rhs, n)
    if count > 1:
        transpose(f, element, x, rhs, count, n)
    return failed


def _triangular_solve(task: Task) -> Value:
    f, element = task.f, task.element
    (a, b), (x,), ((n, _), (_, *columns)) = task.inputs, task.outputs, task.shapes
    _, lower = task.params
    # By columns the memory holds Aᵀ, whose triangle is the other one.
    uplo = char(f, "U" if lower else "L")
    copy(f, element, x, b, math.prod(task.shapes[1]))
    size, no, one = whole(f, n), char(f, "N"), whole(f, 1)
    if columns in ([], [1]):
        routine(f, element, "trsv", uplo, char(f, "T"), no, size, a, size, x, one)
    else:
        count, scale = whole(f, columns[0]), f.module.number(element, 1.0)
        routine(
            f, element, "trsm", char(f, "R"), uplo, no, no, count, size, scale, a, size, x, count
        )
    loop = f.begin(n, [Value("false", "i1")])
    entry = f.load(f.offset(a, element, f.binary("mul", loop.index, n + 1)), element)
    (zero,) = f.end(loop, [f.binary("or", loop.carried[0], f.fcmp("oeq", entry, 0.0))])
    return zero


def _factored_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    n = shapes[0][0]
    return {"a": ("", n * n), "pivots": ("integer", n)}


def _factored(task: Task) -> Value:
    """Factor the first operand into scratch memory, by columns; gives whether it is singular."""
    n, a = task.shapes[0][0], task.areas["a"]
    transpose(task.f, task.element, a, task.inputs[0], n, n)
    return _call(task, "getrf", n, n, a, n, task.areas["pivots"])


def _identity(task: Task, out: Value, n: int) -> None:
    f = task.f
    clear(f, task.element, out, n * n)
    loop = f.begin(n)
    at = f.offset(out, task.element, f.binary("mul", loop.index, n + 1))
    f.store(f.constant(1.0, task.element), at)
    f.end(loop)


def _inverse(task: Task) -> Value:
    n, out = task.shapes[0][0], task.outputs[0]
    failed = _factored(task)
    _identity(task, out, n)
    # The transpose of the inverse by columns is the inverse by rows.
    _call(task, "getrs", "T", n, n, task.areas["a"], n, task.areas["pivots"], out, n)
    return failed


def _least_squares_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    (m, n), (_, count) = shapes
    k, long = min(m, n), max(m, n)
    work, integers = workspace(
        element, "gelsd", m, n, count, None, m, None, long, None, None, None, None, -1, None, 0
    )
    integers = max(integers, (3 * k.bit_length() + 11) * k)
    return {
        "a": ("", m * n),
        "b": ("", long * count),
        "s": ("", k),
        "work": ("", work),
        "integers": ("integer", integers),
    }


def _least_squares(task: Task) -> Value:
    f, element, areas = task.f, task.element, task.areas
    (m, n), (_, count) = task.shapes
    long = max(m, n)
    transpose(f, element, areas["a"], task.inputs[0], m, n)
    transpose(f, element, areas["b"], task.inputs[1], m, count, to_stride=long)
    length = _least_squares_areas(task.shapes, element, task.params)["work"][1]
    failed = _call(
        task, "gelsd", m, n, count, areas["a"], m, areas["b"], long, areas["s"],
        f.module.number(element, task.params[0]), f.space(integer(), 1),
        areas["work"], length, areas["integers"],
    )  # fmt: skip
    transpose(f, element, task.outputs[0], areas["b"], count, n, stride=long)
    return failed


# -- determinants ----------------------------------------------------------------------------------


def _determinant(task: Task) -> tuple[Value, Value, Value]:
    """``(p, e, singular)``: the determinant is ``p · 2^(512 e)``, in double precision.

    ``p`` stays within 2^±256, so a product on the way neither overflows nor underflows.
    """
    f, n = task.f, task.shapes[0][0]
    singular = _factored(task)
    kind = integer()
    start = [f.constant(1.0, "double"), f.constant(0.0, "double")]
    loop = f.begin(n, start)
    product, exponent = loop.carried
    entry = f.load(
        f.offset(task.areas["a"], task.element, f.binary("mul", loop.index, n + 1)), task.element
    )
    if task.element == "float":
        entry = f.convert("fpext", entry, "double")
    pivot = f.load(f.offset(task.areas["pivots"], kind, loop.index), kind)
    if kind == "i32":
        pivot = f.convert("sext", pivot, "i64")
    moved = f.icmp("ne", pivot, f.binary("add", loop.index, 1))
    entry = f.select(moved, f.fneg(entry), entry)
    for _ in range(2):
        entry, exponent = _within(task, entry, exponent)
    product = f.fmul(product, entry)
    for _ in range(2):
        product, exponent = _within(task, product, exponent)
    product, exponent = f.end(loop, [product, exponent])
    return f.select(singular, 0.0, product), exponent, singular


def _within(task: Task, x: Value, exponent: Value) -> tuple[Value, Value]:
    """``x`` times 2^±512 where it is far from 1, and the exponent that makes up for it."""
    f = task.f
    size = f.intrinsic("fabs", x)
    large, small = f.fcmp("ogt", size, 2.0**256), f.fcmp("olt", size, 2.0**-256)
    shift = f.select(large, f.constant(1.0, "double"), f.constant(0.0, "double"))
    shift = f.select(small, f.constant(-1.0, "double"), shift)
    factor = f.select(large, f.constant(2.0**-512, "double"), f.constant(1.0, "double"))
    factor = f.select(small, f.constant(2.0**512, "double"), factor)
    return f.fmul(x, factor), f.fadd(exponent, shift)


def _narrow(task: Task, x: Value) -> Value:
    return task.f.convert("fptrunc", x, "float") if task.element == "float" else x


def _product(task: Task, product: Value, exponent: Value) -> Value:
    """The determinant as a number, by at most one step that is not exact."""
    f = task.f
    for k in range(4):
        up, down = f.fcmp("ogt", exponent, k), f.fcmp("olt", exponent, -k)
        factor = f.select(up, f.constant(2.0**512, "double"), 1.0)
        product = f.fmul(product, f.select(down, f.constant(2.0**-512, "double"), factor))
    return _narrow(task, product)


def _det(task: Task) -> None:
    f = task.f
    if task.shapes[0][0] == 0:
        f.store(f.constant(1.0, task.element), task.outputs[0])
        return
    product, exponent, _ = _determinant(task)
    f.store(_product(task, product, exponent), task.outputs[0])


def _cofactor(task: Task) -> Value | None:
    """``det(A) A⁻ᵀ``; it fails where this is not to be trusted."""
    f, element, n, out = task.f, task.element, task.shapes[0][0], task.outputs[0]
    if n == 1:
        f.store(f.constant(1.0, element), out)
        return None
    product, exponent, failed = _determinant(task)
    _identity(task, out, n)
    # By columns the inverse, so by rows its transpose.
    _call(task, "getrs", "N", n, n, task.areas["a"], n, task.areas["pivots"], out, n)
    sizes = [
        routine(f, element, "nrm2", whole(f, n * n), x, whole(f, 1), result=element)
        for x in (task.inputs[0], out)
    ]
    sound = f.fcmp("olt", f.fmul(*sizes), 1e4)
    scale = _product(task, product, exponent)
    loop = f.begin(n * n)
    at = f.offset(out, element, loop.index)
    f.store(f.fmul(f.load(at, element), scale), at)
    f.end(loop)
    return f.binary("or", failed, f.binary("xor", sound, Value("true", "i1")))


def _slogdet(task: Task) -> None:
    f = task.f
    if task.shapes[0][0] == 0:
        f.store(f.constant(1.0, task.element), task.outputs[0])
        f.store(f.constant(0.0, task.element), task.outputs[1])
        return
    product, exponent, singular = _determinant(task)
    sign = f.select(f.fcmp("olt", product, 0.0), f.constant(-1.0, "double"), 1.0)
    sign = f.select(singular, 0.0, sign)
    size = f.intrinsic("log", f.intrinsic("fabs", product))
    logarithm = f.fadd(size, f.fmul(exponent, 512 * math.log(2)))
    logarithm = f.select(singular, -math.inf, logarithm)
    f.store(_narrow(task, sign), task.outputs[0])
    f.store(_narrow(task, logarithm), task.outputs[1])


# -- triangular and orthogonal factors -------------------------------------------------------------


def _cholesky(task: Task) -> Value:
    f, element, n, out = task.f, task.element, task.shapes[0][0], task.outputs[0]
    copy(f, element, out, task.inputs[0], n * n)
    failed = _call(task, "potrf", "U", n, out, n)
    _clear_strictly(task, out, n, upper=True)
    return failed


def _clear_strictly(task: Task, m: Value, n: int, *, upper: bool) -> None:
    """Zeros strictly above or strictly below the diagonal."""
    f = task.f
    if n < 2:
        return
    outer = f.begin(n - 1)
    after = f.binary("add", outer.index, 1)
    if upper:
        first = f.binary("add", f.binary("mul", outer.index, n + 1), 1)
        count = f.binary("sub", f.constant(n - 1, "i64"), outer.index)
    else:
        first, count = f.binary("mul", after, n), after
    start = f.offset(m, task.element, first)
    inner = f.begin(count)
    f.store(f.constant(0.0, task.element), f.offset(start, task.element, inner.index))
    f.end(inner)
    f.end(outer)


def _qr_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    m, n = shapes[0]
    first, _ = workspace(element, "gelqf", n, m, None, n, None, None, -1, 0)
    second, _ = workspace(element, "orglq", n, m, n, None, n, None, None, -1, 0)
    return {"tau": ("", n), "work": ("", max(first, second))}


def _qr(task: Task) -> None:
    f, element, areas = task.f, task.element, task.areas
    (q, r), (m, n) = task.outputs, task.shapes[0]
    work = _qr_areas(task.shapes, element, task.params)["work"][1]
    copy(f, element, q, task.inputs[0], m * n)
    _call(task, "gelqf", n, m, q, n, areas["tau"], areas["work"], work)
    copy(f, element, r, q, n * n)
    _clear_strictly(task, r, n, upper=False)
    _call(task, "orglq", n, m, n, q, n, areas["tau"], areas["work"], work)


# -- spectra ---------------------------------------------------------------------------------------


def _eigen_areas(vectors: str, shapes: Shapes, element: str, params: Params) -> Areas:
    n = shapes[0][0]
    uplo = "L" if params[0] else "U"
    work, integers = workspace(
        element, "syevd", vectors, uplo, n, None, n, None, None, -1, None, -1, 0
    )
    return {"a": ("", n * n), "work": ("", work), "integers": ("integer", integers)}


def _eigen(vectors: str, task: Task) -> Value:
    f, element, n, areas = task.f, task.element, task.shapes[0][0], task.areas
    lengths = _eigen_areas(vectors, task.shapes, element, task.params)
    transpose(f, element, areas["a"], task.inputs[0], n, n)
    failed = _call(
        task, "syevd", vectors, "L" if task.params[0] else "U", n, areas["a"], n, task.outputs[0],
        areas["work"], lengths["work"][1], areas["integers"], lengths["integers"][1],
    )  # fmt: skip
    if vectors == "V":
        transpose(f, element, task.outputs[1], areas["a"], n, n)
    return failed


def _svd_job(params: Params) -> str:
    return "A" if params[0] else "S"


def _singular_areas(job: str, shapes: Shapes, element: str) -> Areas:
    """The vectors too are written here first, by columns."""
    m, n = shapes[0]
    k = min(m, n)
    rows = 1 if job == "N" else n if job == "A" else k
    work, _ = workspace(
        element, "gesdd", job, m, n, None, m, None, None, m, None, rows, None, -1, None, 0
    )
    areas = {"a": ("", m * n), "work": ("", work), "integers": ("integer", 8 * k)}
    if job != "N":
        areas |= {"u": ("", m * (m if job == "A" else k)), "vt": ("", rows * n)}
    return areas


def _singular(task: Task, job: str, values: Value) -> Value:
    """Decompose the first operand; ``values`` is where the singular values go."""
    m, n = task.shapes[0]
    areas, a = task.areas, task.areas["a"]
    transpose(task.f, task.element, a, task.inputs[0], m, n)
    rows = 1 if job == "N" else n if job == "A" else min(m, n)
    length = _singular_areas(job, task.shapes, task.element)["work"][1]
    return _call(
        task, "gesdd", job, m, n, a, m, values, areas.get("u", a), m, areas.get("vt", a), rows,
        areas["work"], length, areas["integers"],
    )  # fmt: skip


def _svd(task: Task) -> Value:
    (u, s, vt), (m, n), areas = task.outputs, task.shapes[0], task.areas
    job = _svd_job(task.params)
    failed = _singular(task, job, s)
    columns, rows = (m, n) if job == "A" else (min(m, n), min(m, n))
    transpose(task.f, task.element, u, areas["u"], columns, m)
    transpose(task.f, task.element, vt, areas["vt"], n, rows)
    return failed


def _pinv_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    return {**_singular_areas("S", shapes, element), "s": ("", min(shapes[0]))}


def _pinv(task: Task, *, regular: bool) -> Value:
    f, element, areas = task.f, task.element, task.areas
    (m, n), (rcond,) = task.shapes[0], task.params
    k = min(m, n)
    failed = _singular(task, "S", areas["s"])

    def wide(x: Value) -> Value:
        return f.convert("fpext", x, "double") if element == "float" else x

    largest = wide(f.load(areas["s"], element))
    if regular:
        eps = float(np.finfo(np.float64 if element == "double" else np.float32).eps)
        least = wide(f.load(f.offset(areas["s"], element, k - 1), element))
        cutoff = f.fmul(largest, max(rcond, max(m, n) * eps))
        failed = f.binary("or", failed, f.fcmp("ole", least, cutoff))
    # V diag(1 / s) Uᵀ, with zeros for what is too small.
    columns = f.begin(k)
    value = f.load(f.offset(areas["s"], element, columns.index), element)
    kept = f.fcmp("ogt", wide(value), f.fmul(largest, rcond))
    factor = f.select(kept, f.fdiv(1.0, value), 0.0)
    start = f.offset(areas["u"], element, f.binary("mul", columns.index, m))
    rows = f.begin(m)
    at = f.offset(start, element, rows.index)
    f.store(f.fmul(f.load(at, element), factor), at)
    f.end(rows)
    f.end(columns)
    v = Matrix(areas["vt"], n, k, k, 1, element)
    gemm(f, v, Matrix(areas["u"], k, m, m, 1, element), contiguous(task.outputs[0], n, m, element))
    return failed


# -- the table -------------------------------------------------------------------------------------


def _sized(shapes: Shapes, params: Params) -> bool:
    return all(math.prod(s) for s in shapes)


def _rows() -> list[Routine]:
    return [
        Routine(linalg.solve, _solve, _solve_areas, _system_ranks),
        Routine(linalg.triangular_solve, _triangular_solve, ranks=_system_ranks),
        Routine(linalg.inv, _inverse, _factored_areas),
        Routine(linalg.pinv, partial(_pinv, regular=False), _pinv_areas, accepts=_sized),
        Routine(linalg.regular_pinv, partial(_pinv, regular=True), _pinv_areas, accepts=_sized),
        Routine(linalg.lstsq, _least_squares, _least_squares_areas, accepts=_sized),
        Routine(factorizations.det, _det, _factored_areas),
        Routine(factorizations.slogdet, _slogdet, _factored_areas),
        Routine(factorizations.cofactor, _cofactor, _factored_areas),
        Routine(factorizations.cholesky, _cholesky),
        Routine(factorizations.qr, _qr, _qr_areas),
        Routine(spectral.eigh, partial(_eigen, "V"), partial(_eigen_areas, "V")),
        Routine(spectral.eigvalsh, partial(_eigen, "N"), partial(_eigen_areas, "N")),
        *(
            Routine(
                op,
                _svd,
                lambda shapes, element, params: _singular_areas(_svd_job(params), shapes, element),
                accepts=_sized,
            )
            for op in (spectral.svd, spectral.svd_of_rule)
        ),
        Routine(
            spectral.svdvals,
            lambda task: _singular(task, "N", task.outputs[0]),
            lambda shapes, element, params: _singular_areas("N", shapes, element),
        ),
    ]


#: The routine for each primitive that has one.
ROUTINES: Mapping[Primitive, Routine] = {r.op: r for r in _rows()}
