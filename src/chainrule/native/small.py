"""Linear algebra on matrices of up to four rows, written out: a library call costs more than they do.

Elimination has partial pivoting, as in LAPACK. Where a pivot is so small that rounding could decide
whether the matrix is singular, or anything might leave the range, LAPACK is asked after all, at run
time, so that the verdict is always its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

from .stacks import Task
from .text import Function, Value

#: The most rows, and right-hand sides, that are written out.
MOST = 4

Rows = list[list[Value]]

#: A pivot counts if it is larger than this times the largest entry, and between the limits.
LIMITS = {"double": (1e-12, 1e-70, 1e70), "float": (1e-4, 1e-9, 1e9)}


def or_else(
    fast: Callable[[Task], Value], slow: Callable[[Task], Value | None]
) -> Callable[[Task], Value | None]:
    """``fast`` says whether its results count; where they do not, ``slow`` follows."""

    def one(task: Task) -> Value | None:
        f = task.f
        sound = fast(task)
        before, other, done = f.block, f.fresh("slow"), f.fresh("done")
        f.line(f"br {sound}, label %{done}, label %{other}")
        f.label(other)
        failed = slow(task)
        after = f.block
        f.line(f"br label %{done}")
        f.label(done)
        if failed is None:
            return None
        return f.value(f"phi i1 [false, %{before}], [{failed.text}, %{after}]", "i1")

    return one


# -- memory ----------------------------------------------------------------------------------------


def _load(task: Task, pointer: Value, rows: int, columns: int) -> Rows:
    f, element = task.f, task.element
    return [
        [f.load(f.offset(pointer, element, i * columns + j), element) for j in range(columns)]
        for i in range(rows)
    ]


def _store(task: Task, pointer: Value, rows: Rows) -> None:
    for k, x in enumerate(x for row in rows for x in row):
        task.f.store(x, task.f.offset(pointer, task.element, k))


def _larger(f: Function, x: Value, y: Value) -> Value:
    return f.select(f.fcmp("ogt", x, y), x, y)


def _minus(f: Function, x: Value, factor: Value, y: Value) -> Value:
    return f.muladd(f.fneg(factor), y, x)


# -- elimination -----------------------------------------------------------------------------------


class Eliminated(NamedTuple):
    """An upper triangle with what became of the columns beside it."""

    rows: Rows
    #: One over each pivot.
    inverses: list[Value]
    #: Whether rows changed places an odd number of times.
    odd: Value
    #: Whether the pivots are beyond doubt.
    sound: Value


def _eliminate(task: Task, rows: Rows) -> Eliminated:
    """Eliminate below the diagonal of the first columns, as many as there are rows."""
    f, n = task.f, len(rows)
    rows = [list(row) for row in rows]
    relative, least, most = LIMITS[task.element]
    sizes = [f.intrinsic("fabs", x) for row in rows for x in row[:n]]
    largest = reduce(lambda x, y: _larger(f, x, y), sizes)
    odd, inverses, pivots = Value("false", "i1"), [], []
    for c in range(n):
        for r in range(c + 1, n):
            upper, lower = (f.intrinsic("fabs", rows[k][c]) for k in (c, r))
            swap = f.fcmp("ogt", lower, upper)
            odd = f.binary("xor", odd, swap)
            for k in range(c, len(rows[c])):
                x, y = rows[c][k], rows[r][k]
                rows[c][k], rows[r][k] = f.select(swap, y, x), f.select(swap, x, y)
        pivots.append(f.intrinsic("fabs", rows[c][c]))
        inverses.append(f.fdiv(1.0, rows[c][c]))
        for r in range(c + 1, n):
            factor = f.fmul(rows[r][c], inverses[c])
            for k in range(c + 1, len(rows[c])):
                rows[r][k] = _minus(f, rows[r][k], factor, rows[c][k])
    bound = _larger(f, f.fmul(largest, relative), f.constant(least, task.element))
    sound = f.fcmp("olt", largest, most)
    for pivot in pivots:
        sound = f.binary("and", sound, f.fcmp("ogt", pivot, bound))
    return Eliminated(rows, inverses, odd, sound)


def _substitute(task: Task, found: Eliminated) -> Rows:
    """The solutions for the columns beside the triangle."""
    f, n = task.f, len(found.rows)
    solved: Rows = []
    for r in reversed(range(n)):
        row = found.rows[r][n:]
        for k, above in zip(range(r + 1, n), solved, strict=True):
            row = [_minus(f, x, found.rows[r][k], y) for x, y in zip(row, above, strict=True)]
        solved.insert(0, [f.fmul(x, found.inverses[r]) for x in row])
    return solved


def solve(task: Task) -> Value:
    """``A⁻¹B``."""
    n, *columns = task.shapes[1]
    a = _load(task, task.inputs[0], n, n)
    b = _load(task, task.inputs[1], n, columns[0] if columns else 1)
    found = _eliminate(task, [x + y for x, y in zip(a, b, strict=True)])
    _store(task, task.outputs[0], _substitute(task, found))
    return found.sound


def inverse(task: Task) -> Value:
    """``A⁻¹``."""
    f, n = task.f, task.shapes[0][0]
    a = _load(task, task.inputs[0], n, n)
    units = [[f.constant(float(i == j), task.element) for j in range(n)] for i in range(n)]
    found = _eliminate(task, [x + y for x, y in zip(a, units, strict=True)])
    _store(task, task.outputs[0], _substitute(task, found))
    return found.sound


def _determinant(task: Task) -> tuple[Value, Value]:
    f, n = task.f, task.shapes[0][0]
    found = _eliminate(task, _load(task, task.inputs[0], n, n))
    product = reduce(f.fmul, [found.rows[k][k] for k in range(n)])
    return f.select(found.odd, f.fneg(product), product), found.sound


def det(task: Task) -> Value:
    """The determinant."""
    product, sound = _determinant(task)
    task.f.store(product, task.outputs[0])
    return sound


def slogdet(task: Task) -> Value:
    """The determinant's sign and the logarithm of its modulus."""
    f = task.f
    product, sound = _determinant(task)
    one = f.constant(1.0, task.element)
    f.store(f.select(f.fcmp("olt", product, 0.0), f.fneg(one), one), task.outputs[0])
    f.store(f.intrinsic("log", f.intrinsic("fabs", product)), task.outputs[1])
    return sound


# -- triangles -------------------------------------------------------------------------------------


def cholesky(task: Task) -> Value:
    """The lower factor."""
    f, element, n = task.f, task.element, task.shapes[0][0]
    relative, least, most = LIMITS[element]
    a = _load(task, task.inputs[0], n, n)
    lower = [[f.constant(0.0, element)] * n for _ in range(n)]
    sound = Value("true", "i1")
    for j in range(n):
        left = a[j][j]
        for k in range(j):
            left = _minus(f, left, lower[j][k], lower[j][k])
        bound = _larger(f, f.fmul(a[j][j], relative), f.constant(least, element))
        sound = f.binary("and", sound, f.fcmp("ogt", left, bound))
        sound = f.binary("and", sound, f.fcmp("olt", left, most))
        lower[j][j] = f.intrinsic("sqrt", left)
        scale = f.fdiv(1.0, lower[j][j])
        for i in range(j + 1, n):
            x = a[i][j]
            for k in range(j):
                x = _minus(f, x, lower[i][k], lower[j][k])
            lower[i][j] = f.fmul(x, scale)
    _store(task, task.outputs[0], lower)
    return sound


def triangular_solve(task: Task) -> Value:
    """``A⁻¹B`` for a triangle of A; gives whether A is singular."""
    f, (n, *columns), (_, lower) = task.f, task.shapes[1], task.params
    a = _load(task, task.inputs[0], n, n)
    solved = _load(task, task.inputs[1], n, columns[0] if columns else 1)
    singular = Value("false", "i1")
    order = range(n) if lower else range(n - 1, -1, -1)
    for at, r in enumerate(order):
        for k in order[:at]:
            solved[r] = [
                _minus(f, x, a[r][k], y) for x, y in zip(solved[r], solved[k], strict=True)
            ]
        solved[r] = [f.fdiv(x, a[r][r]) for x in solved[r]]
        singular = f.binary("or", singular, f.fcmp("oeq", a[r][r], 0.0))
    _store(task, task.outputs[0], solved)
    return singular
