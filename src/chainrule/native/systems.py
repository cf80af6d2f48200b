"""Systems, determinants and triangular factors by LAPACK, for one matrix of a stack.

Where a matrix by rows can be read as its transpose by columns without a change to pivots, signs or
verdicts, nothing is copied but the operand to the result: QR as the LQ of the transpose, triangular
systems from the right, and Cholesky by the other triangle if no pivot is in doubt.
"""

from __future__ import annotations

import math

from .blas import alone, char, integer, routine, whole
from .small import LIMITS
from .stacks import Areas, Params, Shapes, Task, Types, call, clear, copy, transpose, workspace
from .text import Value

# -- systems ---------------------------------------------------------------------------------------


def system_ranks(types: Types, params: Params) -> list[int]:
    """The operands are matrices, but for a right-hand side that is a vector."""
    return [2, 1 if params[0] else 2]


def solve_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """The matrix by columns, its pivots, and the right-hand sides by columns."""
    (n, _), b = shapes
    areas = {"a": ("", n * n), "pivots": ("integer", n)}
    return areas if params[0] else areas | {"b": ("", math.prod(b))}


def solve(task: Task) -> Value:
    """``A⁻¹B`` by ``gesv``; fails if A is singular."""
    f, element = task.f, task.element
    (a, b), (x,), ((n, _), (_, *columns)) = task.inputs, task.outputs, task.shapes
    count = columns[0] if columns else 1
    transpose(f, element, task.areas["a"], a, n, n)
    rhs = x if count == 1 else task.areas["b"]
    transpose(f, element, rhs, b, n, count)
    failed = call(task, "gesv", n, count, task.areas["a"], n, task.areas["pivots"], rhs, n)
    if count > 1:
        transpose(f, element, x, rhs, count, n)
    return failed


def triangular_solve(task: Task) -> Value:
    """``A⁻¹B`` for a triangle of A; fails if there is a zero on its diagonal."""
    f, element = task.f, task.element
    (a, b), (x,), ((n, _), (_, *columns)) = task.inputs, task.outputs, task.shapes
    _, lower = task.params
    # By columns the memory holds Aᵀ, whose triangle is the other one.
    uplo = char(f, "U" if lower else "L")
    copy(f, element, x, b, math.prod(task.shapes[1]))
    size, no, one = whole(f, n), char(f, "N"), whole(f, 1)
    if columns in ([], [1]):
        with alone(f, n * n):
            routine(f, element, "trsv", uplo, char(f, "T"), no, size, a, size, x, one)
    else:
        count, scale = whole(f, columns[0]), f.module.number(element, 1.0)
        side = char(f, "R")
        with alone(f, task.work):
            routine(f, element, "trsm", side, uplo, no, no, count, size, scale, a, size, x, count)
    loop = f.begin(n, [Value("false", "i1")])
    entry = f.load(f.offset(a, element, f.binary("mul", loop.index, n + 1)), element)
    (zero,) = f.end(loop, [f.binary("or", loop.carried[0], f.fcmp("oeq", entry, 0.0))])
    return zero


def factored_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """The factors by columns, and the pivots."""
    n = shapes[0][0]
    return {"a": ("", n * n), "pivots": ("integer", n)}


def _factored(task: Task) -> Value:
    """Factor the first operand into scratch memory, by columns; gives whether it is singular."""
    n, a = task.shapes[0][0], task.areas["a"]
    transpose(task.f, task.element, a, task.inputs[0], n, n)
    return call(task, "getrf", n, n, a, n, task.areas["pivots"])


def _identity(task: Task, out: Value, n: int) -> None:
    f = task.f
    clear(f, task.element, out, n * n)
    loop = f.begin(n)
    at = f.offset(out, task.element, f.binary("mul", loop.index, n + 1))
    f.store(f.constant(1.0, task.element), at)
    f.end(loop)


def inverse(task: Task) -> Value:
    """``A⁻¹`` by ``getrf``; fails if A is singular."""
    n, out = task.shapes[0][0], task.outputs[0]
    failed = _factored(task)
    _identity(task, out, n)
    # The transpose of the inverse by columns is the inverse by rows.
    call(task, "getrs", "T", n, n, task.areas["a"], n, task.areas["pivots"], out, n)
    return failed


def least_squares_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """Both operands by columns, the singular values, and what ``gelsd`` asks for."""
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


def least_squares(task: Task) -> Value:
    """``A⁺b`` by ``gelsd``."""
    f, element, areas = task.f, task.element, task.areas
    (m, n), (_, count) = task.shapes
    long = max(m, n)
    transpose(f, element, areas["a"], task.inputs[0], m, n)
    transpose(f, element, areas["b"], task.inputs[1], m, count, to_stride=long)
    length = least_squares_areas(task.shapes, element, task.params)["work"][1]
    failed = call(
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


def det(task: Task) -> None:
    """The determinant; 0 if A is singular."""
    f = task.f
    if task.shapes[0][0] == 0:
        f.store(f.constant(1.0, task.element), task.outputs[0])
        return
    product, exponent, _ = _determinant(task)
    f.store(_product(task, product, exponent), task.outputs[0])


def cofactor(task: Task) -> Value | None:
    """``det(A) A⁻ᵀ``; it fails where this is not to be trusted."""
    f, element, n, out = task.f, task.element, task.shapes[0][0], task.outputs[0]
    if n == 1:
        f.store(f.constant(1.0, element), out)
        return None
    product, exponent, failed = _determinant(task)
    _identity(task, out, n)
    # By columns the inverse, so by rows its transpose.
    call(task, "getrs", "N", n, n, task.areas["a"], n, task.areas["pivots"], out, n)
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


def slogdet(task: Task) -> None:
    """The determinant's sign and the logarithm of its modulus; 0 and −∞ if A is singular."""
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


def cholesky_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """The matrix by columns, for where it comes to that."""
    n = shapes[0][0]
    return {"a": ("", n * n)}


def cholesky_in_place(task: Task) -> Value:
    """The lower factor by ``potrf`` on the other triangle; gives whether it is beyond doubt."""
    f, element, n, out = task.f, task.element, task.shapes[0][0], task.outputs[0]
    copy(f, element, out, task.inputs[0], n * n)
    failed = call(task, "potrf", "U", n, out, n)
    loop = f.begin(n, [failed])
    at = f.binary("mul", loop.index, n + 1)
    root = f.load(f.offset(out, element, at), element)
    bound = f.fmul(f.load(f.offset(task.inputs[0], element, at), element), LIMITS[element][0])
    small = f.fcmp("ule", f.fmul(root, root), bound)
    (doubtful,) = f.end(loop, [f.binary("or", loop.carried[0], small)])
    _clear_strictly(task, out, n, upper=True)
    return f.binary("xor", doubtful, Value("true", "i1"))


def cholesky(task: Task) -> Value:
    """The lower factor by ``potrf`` as NumPy calls it; fails if A is not positive definite."""
    f, element, n, a = task.f, task.element, task.shapes[0][0], task.areas["a"]
    transpose(f, element, a, task.inputs[0], n, n)
    failed = call(task, "potrf", "L", n, a, n)
    transpose(f, element, task.outputs[0], a, n, n)
    _clear_strictly(task, task.outputs[0], n, upper=True)
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


def qr_areas(shapes: Shapes, element: str, params: Params) -> Areas:
    """The factors of the reflections, and what the two routines ask for."""
    m, n = shapes[0]
    first, _ = workspace(element, "gelqf", n, m, None, n, None, None, -1, 0)
    second, _ = workspace(element, "orglq", n, m, n, None, n, None, None, -1, 0)
    return {"tau": ("", n), "work": ("", max(first, second))}


def qr(task: Task) -> None:
    """The factors by ``gelqf`` and ``orglq`` on the transpose."""
    f, element, areas = task.f, task.element, task.areas
    (q, r), (m, n) = task.outputs, task.shapes[0]
    work = qr_areas(task.shapes, element, task.params)["work"][1]
    copy(f, element, q, task.inputs[0], m * n)
    call(task, "gelqf", n, m, q, n, areas["tau"], areas["work"], work)
    copy(f, element, r, q, n * n)
    _clear_strictly(task, r, n, upper=False)
    call(task, "orglq", n, m, n, q, n, areas["tau"], areas["work"], work)


# -- triangles -------------------------------------------------------------------------------------


def triangle(task: Task, *, upper: bool) -> None:
    """One side of the diagonal that is ``k`` above the main one, this included; else zeros."""
    f, element, (m, n), (k,) = task.f, task.element, task.shapes[0], task.params
    outer = f.begin(m)
    limit = f.binary("add", outer.index, k)
    begin = f.binary("mul", outer.index, n)
    source, to = (f.offset(p, element, begin) for p in (task.inputs[0], task.outputs[0]))
    done = 0
    for width in (8, 1):
        blocks = (n - done) // width
        if blocks == 0:
            continue
        inner = f.begin(blocks)
        at = f.binary("add", f.binary("mul", inner.index, width), done)
        column = f.splat(at, width)
        if width > 1:
            steps = ", ".join(f"i64 {j}" for j in range(width))
            column = f.binary("add", column, Value(f"<{steps}>", "i64", width))
        kept = f.icmp("sge" if upper else "sle", column, f.splat(limit, width))
        x = f.load(f.offset(source, element, at), element, width)
        f.store(f.select(kept, x, 0.0), f.offset(to, element, at))
        f.end(inner)
        done += blocks * width
    f.end(outer)
