"""Gaussian elimination on matrices of moderate size, by vectors along the rows.

A library call of this size spends most of its time on arranging the work. Pivots, doubts and the
way out are those of ``small``: this is the same with loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .small import LIMITS
from .stacks import Areas, Task
from .text import Function, Value

#: From here on the library is as fast.
MOST = 64

#: How many vectors of a row are written out, rather than visited by a loop.
_UNROLLED = 8


class Rows(NamedTuple):
    """Rows of a matrix and of right-hand sides beside it, each padded to whole vectors."""

    at: Value
    size: int
    lanes: int
    #: How many vectors of a row belong to the matrix, and how many to the right-hand sides.
    left: int
    right: int

    @property
    def stride(self) -> int:
        """Elements from one row to the next."""
        return (self.left + self.right) * self.lanes


def within(n: int, columns: int) -> bool:
    """Whether a system of this size, with so many right-hand sides, is one of these."""
    return 1 < n <= MOST and columns <= MOST


def areas(n: int, columns: int) -> Areas:
    """The scratch memory for the rows, with vectors as long as they may be."""
    if not within(n, columns):
        return {}
    return {"rows": ("", n * 16 * (-(-n // 16) + -(-columns // 16)))}


def _rows(task: Task, columns: int) -> Rows:
    n, lanes = task.shapes[0][0], task.f.machine.lanes(task.element)
    return Rows(task.areas["rows"], n, lanes, -(-n // lanes), -(-columns // lanes))


def _row(task: Task, rows: Rows, r: Value, first: int = 0) -> Value:
    f = task.f
    at = f.binary("mul", r, rows.stride)
    return f.offset(rows.at, task.element, f.binary("add", at, first * rows.lanes) if first else at)


def _entry(task: Task, rows: Rows, r: Value, c: Value) -> Value:
    at = task.f.offset(_row(task, rows, r), task.element, c)
    return task.f.load(at, task.element)


def _vectors(f: Function, count: int, body: Callable[[Value | int], None]) -> None:
    """Do something for each vector of a row."""
    if count <= _UNROLLED:
        for k in range(count):
            body(k)
    elif count:
        loop = f.begin(count)
        body(loop.index)
        f.end(loop)


def _at(task: Task, row: Value, k: Value | int, lanes: int) -> Value:
    f = task.f
    return f.offset(row, task.element, k * lanes if isinstance(k, int) else f.binary("mul", k, lanes))


# -- in and out ------------------------------------------------------------------------------------


def _parts(columns: int, lanes: int) -> list[tuple[int, int]]:
    """Where each vector of a row begins, and how many of its lanes there are."""
    return [(k, min(lanes, columns - k)) for k in range(0, columns, lanes)]


def _load(task: Task, rows: Rows, source: Value, columns: int, first: int) -> Value:
    """Copy a matrix to the rows; gives the largest modulus."""
    f, element, lanes = task.f, task.element, rows.lanes
    loop = f.begin(rows.size, [f.constant(0.0, element, lanes)])
    (largest,) = loop.carried
    line = f.offset(source, element, f.binary("mul", loop.index, columns))
    into = _row(task, rows, loop.index, first)
    for begin, count in _parts(columns, lanes):
        mask = None if count == lanes else f.first_lanes(count, lanes)
        x = f.load(f.offset(line, element, begin), element, lanes, mask)
        f.store(x, f.offset(into, element, begin))
        size = f.intrinsic("fabs", x)
        largest = f.select(f.fcmp("ogt", size, largest), size, largest)
    (found,) = f.end(loop, [largest])
    return f.reduce("fmax", found)


def _load_identity(task: Task, rows: Rows) -> None:
    f, element = task.f, task.element
    zero = f.constant(0.0, element, rows.lanes)
    loop = f.begin(rows.size)
    into = _row(task, rows, loop.index, rows.left)
    _vectors(f, rows.right, lambda k: f.store(zero, _at(task, into, k, rows.lanes)))
    f.store(f.constant(1.0, element), f.offset(into, element, loop.index))
    f.end(loop)


def _store(task: Task, rows: Rows, to: Value, columns: int) -> None:
    f, element, lanes = task.f, task.element, rows.lanes
    loop = f.begin(rows.size)
    line = f.offset(to, element, f.binary("mul", loop.index, columns))
    source = _row(task, rows, loop.index, rows.left)
    for begin, count in _parts(columns, lanes):
        mask = None if count == lanes else f.first_lanes(count, lanes)
        x = f.load(f.offset(source, element, begin), element, lanes)
        f.store(x, f.offset(line, element, begin), mask)
    f.end(loop)


# -- the elimination -------------------------------------------------------------------------------


def _pivot(task: Task, rows: Rows, r: Value, c: Value, best: Value, place: Value) -> list[Value]:
    """The larger of the best so far and the entry of this row, and its row."""
    f = task.f
    size = f.intrinsic("fabs", _entry(task, rows, r, c))
    larger = f.fcmp("ogt", size, best)
    return [f.select(larger, size, best), f.select(larger, r, place)]


def _eliminate(task: Task, rows: Rows) -> tuple[Value, Value]:
    """Eliminate below the diagonal; gives the smallest pivot, and whether swaps were odd."""
    f, element, n, lanes = task.f, task.element, rows.size, rows.lanes
    count = rows.left + rows.right
    none, origin = f.constant(-1.0, element), f.constant(0, "i64")
    search = f.begin(n, [none, origin])
    first = f.end(search, _pivot(task, rows, search.index, origin, *search.carried))
    loop = f.begin(n - 1, [*first, first[0], Value("false", "i1")])
    c = loop.index
    best, place, smallest, odd = loop.carried
    smallest = f.select(f.fcmp("olt", smallest, best), smallest, best)
    odd = f.binary("xor", odd, f.icmp("ne", place, c))
    upper, other = _row(task, rows, c), _row(task, rows, place)
    held: list[Value] = []

    def swap(k: Value | int) -> None:
        here, there = _at(task, upper, k, lanes), _at(task, other, k, lanes)
        x, y = f.load(here, element, lanes), f.load(there, element, lanes)
        f.store(x, there)
        f.store(y, here)
        held.append(y)

    _vectors(f, count, swap)
    inverse = f.fdiv(1.0, _entry(task, rows, c, c))
    after = f.binary("add", c, 1)
    below = f.begin(f.binary("sub", f.constant(n - 1, "i64"), c), [none, after])
    r = f.binary("add", below.index, after)
    line = _row(task, rows, r)
    factor = f.fneg(f.fmul(f.load(f.offset(line, element, c), element), inverse))
    wide = f.splat(factor, lanes)

    def update(k: Value | int) -> None:
        at = _at(task, line, k, lanes)
        row = held[k] if isinstance(k, int) else f.load(_at(task, upper, k, lanes), element, lanes)
        f.store(f.muladd(wide, row, f.load(at, element, lanes)), at)

    _vectors(f, count, update)
    found = f.end(below, _pivot(task, rows, r, after, *below.carried))
    last, _, smallest, odd = f.end(loop, [*found, smallest, odd])
    return f.select(f.fcmp("ogt", last, smallest), smallest, last), odd


def _substitute(task: Task, rows: Rows) -> None:
    """Solve for the right-hand sides, in place."""
    f, element, n, lanes = task.f, task.element, rows.size, rows.lanes
    loop = f.begin(n)
    r = f.binary("sub", f.constant(n - 1, "i64"), loop.index)
    here = _row(task, rows, r, rows.left)
    inverse = f.splat(f.fdiv(1.0, _entry(task, rows, r, r)), lanes)
    held: list[Value] = []

    def scale(k: Value | int) -> None:
        at = _at(task, here, k, lanes)
        held.append(f.fmul(f.load(at, element, lanes), inverse))
        f.store(held[-1], at)

    _vectors(f, rows.right, scale)
    head, done = f.fresh("above"), f.fresh("done")
    f.line(f"br {f.icmp('sgt', r, 0)}, label %{head}, label %{done}")
    f.label(head)
    above = f.begin(r)
    line = _row(task, rows, above.index, rows.left)
    factor = f.splat(f.fneg(_entry(task, rows, above.index, r)), lanes)

    def update(k: Value | int) -> None:
        at = _at(task, line, k, lanes)
        row = held[k] if isinstance(k, int) else f.load(_at(task, here, k, lanes), element, lanes)
        f.store(f.muladd(factor, row, f.load(at, element, lanes)), at)

    _vectors(f, rows.right, update)
    f.end(above)
    f.line(f"br label %{done}")
    f.label(done)
    f.end(loop)


def _sound(task: Task, largest: Value, smallest: Value) -> Value:
    f = task.f
    relative, least, most = LIMITS[task.element]
    large = f.binary("and", f.fcmp("ogt", smallest, least), f.fcmp("olt", largest, most))
    return f.binary("and", large, f.fcmp("ogt", smallest, f.fmul(largest, relative)))


# -- what it is for --------------------------------------------------------------------------------


def solve(task: Task) -> Value:
    """``A⁻¹B``."""
    n, *columns = task.shapes[1]
    count = columns[0] if columns else 1
    rows = _rows(task, count)
    largest = _load(task, rows, task.inputs[0], n, 0)
    _load(task, rows, task.inputs[1], count, rows.left)
    smallest, _ = _eliminate(task, rows)
    _substitute(task, rows)
    _store(task, rows, task.outputs[0], count)
    return _sound(task, largest, smallest)


def inverse(task: Task) -> Value:
    """``A⁻¹``."""
    n = task.shapes[0][0]
    rows = _rows(task, n)
    largest = _load(task, rows, task.inputs[0], n, 0)
    _load_identity(task, rows)
    smallest, _ = _eliminate(task, rows)
    _substitute(task, rows)
    _store(task, rows, task.outputs[0], n)
    return _sound(task, largest, smallest)


def _determinant(task: Task) -> tuple[Value, Value]:
    f, element, n = task.f, task.element, task.shapes[0][0]
    rows = _rows(task, 0)
    largest = _load(task, rows, task.inputs[0], n, 0)
    smallest, odd = _eliminate(task, rows)
    one = f.constant(1.0, element)
    loop = f.begin(n, [one, one, one])
    product, low, high = loop.carried
    product = f.fmul(product, _entry(task, rows, loop.index, loop.index))
    size = f.intrinsic("fabs", product)
    low = f.select(f.fcmp("olt", size, low), size, low)
    high = f.select(f.fcmp("ogt", size, high), size, high)
    product, low, high = f.end(loop, [product, low, high])
    bound = 1e280 if element == "double" else 1e30
    within = f.binary("and", f.fcmp("ogt", low, 1 / bound), f.fcmp("olt", high, bound))
    sound = f.binary("and", _sound(task, largest, smallest), within)
    return f.select(odd, f.fneg(product), product), sound


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
