"""Products of matrices: tiles of accumulators in registers, or BLAS where it is faster.

An index is in both operands and the target (batch), in the left and the target (rows), in the right
and the target (columns), or in the operands alone (summed). Lanes run over a column index along
which the right operand and the target lie in a row; failing that, over a summed index along which
both operands do, and the lanes are added up at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import blas
from .nest import Pointers
from .plan import Product, View
from .registers import lanes_added
from .text import STORAGE, Function, Value

#: From how many multiplications on BLAS is worth its call.
_LARGE = 1 << 15
#: Below this length of every axis, own tiles beat it.
_SHORT = 24


class Axis(NamedTuple):
    """One index: its length, and how far a step goes in each operand and in the target."""

    size: int
    left: int
    right: int
    target: int


class Shape(NamedTuple):
    """The indices of a product by what they do."""

    batch: list[Axis]
    rows: list[Axis]
    columns: list[Axis]
    summed: list[Axis]

    def swapped(self) -> Shape:
        """The same product with the operands' parts exchanged."""
        flip = [[Axis(a.size, a.right, a.left, a.target) for a in g] for g in self]
        return Shape(flip[0], flip[2], flip[1], flip[3])


def shape_of(p: Product) -> Shape:
    """The indices of a product, those that run on as one merged."""
    left, right, out = p.letters
    strides = [
        dict(zip(ls, v.strides, strict=True)) for ls, v in zip(p.letters, _views(p), strict=True)
    ]
    groups: list[list[Axis]] = [[], [], [], []]
    order = [*out, *(c for c in left if c not in out)]
    for c in order:
        size = p.lengths[c]
        if size == 1:
            continue
        axis = Axis(size, *(s.get(c, 0) for s in strides))
        kind = 3 if c not in out else 0 if c in left and c in right else 1 if c in left else 2
        group = groups[kind]
        if group:
            before = group[-1]
            if all(b == a * size for a, b in zip(axis[1:], before[1:], strict=True)):
                group[-1] = Axis(before.size * size, *axis[1:])
                continue
        group.append(axis)
    return Shape(*groups)


def is_for_blas(s: Shape) -> bool:
    """Whether matrices of these lengths are left to BLAS, if they lie as it wants them."""
    if len(s.rows) > 1 or len(s.columns) > 1 or len(s.summed) != 1:
        return False
    row, column = (g[0].size if g else 1 for g in (s.rows, s.columns))
    inner = s.summed[0].size
    return row * column * inner >= _LARGE and min(row, column, inner) >= _SHORT


def _views(p: Product) -> tuple[View, View, View]:
    return p.left, p.right, p.target


def emit_product(f: Function, p: Product, pointers: Pointers) -> None:
    """The instructions of one product."""
    element = STORAGE[p.target.dtype]
    shape = shape_of(p)
    at = [f.offset(pointers(v.buffer), element, v.offset) for v in _views(p)]
    if any(a.size == 0 for g in shape[:3] for a in g):
        return
    Tiles(f, element, shape, p.adds).emit(at[0], at[1], at[2])


class Tiles:
    """The loops of one product."""

    def __init__(self, f: Function, element: str, shape: Shape, adds: bool) -> None:
        self.f = f
        self.element = element
        self.adds = adds
        self.lanes = f.machine.lanes(element)
        self.registers = 24 if f.machine.register == 64 else 10
        self.shape = shape
        self.flipped = False
        self.by_sum = False
        self._orient()

    def _orient(self) -> None:
        """Choose where the lanes run."""
        s = self.shape
        right = self._run(s.columns, "right")
        left = self._run(s.rows, "left")
        inner = self._run(s.summed, "both")
        # How much of a register is used; results in a row are stored at once.
        options = [
            (self._use(right), 2, "columns"),
            (self._use(left), 1, "rows"),
            (self._use(inner) * 0.75, 0, "sum"),
        ]
        use, _, best = max(options)
        if use == 0:
            best = "columns" if s.columns else "rows" if s.rows else "sum"
        if best == "rows":
            self.shape = s.swapped()
            self.flipped = True
        self.by_sum = best == "sum"

    def _use(self, axis: Axis | None) -> float:
        if axis is None:
            return 0.0
        return axis.size / (-(-axis.size // self.lanes) * self.lanes) + (axis.size >= self.lanes)

    def _run(self, axes: Sequence[Axis], side: str) -> Axis | None:
        for a in axes:
            if side == "both" and a.left == a.right == 1:
                return a
            if side == "right" and a.right == 1:
                return a
            if side == "left" and a.left == 1:
                return a
        return None

    # -- loops -----------------------------------------------------------------------------------

    def emit(self, left: Value, right: Value, target: Value) -> None:
        """All of it."""
        if self.flipped:
            left, right = right, left
        s = self.shape
        if any(a.size == 0 for a in s.summed):
            if not self.adds:
                self._over([*s.batch, *s.rows, *s.columns], (left, right, target), self._zero)
            return
        if self._blas(left, right, target):
            return
        rows, columns, summed = list(s.rows), list(s.columns), list(s.summed)
        if self.by_sum:
            lane = self._run(summed, "both") or (summed[-1] if summed else Axis(1, 0, 0, 0))
            summed = [*(a for a in summed if a is not lane), lane]
        else:
            lane = self._run(columns, "right") or (columns[-1] if columns else Axis(1, 0, 0, 0))
            columns = [*(a for a in columns if a is not lane), lane]
        row = rows.pop() if rows else Axis(1, 0, 0, 0)
        column = columns.pop() if columns else Axis(1, 0, 0, 0)
        outer = [*s.batch, *rows, *columns]
        tile = self._by_sum if self.by_sum else self._by_column
        self._over(outer, (left, right, target), lambda at: tile(at, row, column, summed))

    def _over(
        self,
        axes: Sequence[Axis],
        at: tuple[Value, Value, Value],
        inside: Callable[[tuple[Value, Value, Value]], None],
    ) -> None:
        if not axes:
            inside(at)
            return
        axis, *rest = axes
        if axis.size == 1:
            self._over(rest, at, inside)
            return
        loop = self.f.begin(axis.size)
        self._over(rest, self._moved(at, axis, loop.index), inside)
        self.f.end(loop)

    def _moved(
        self, at: tuple[Value, Value, Value], axis: Axis, index: Value | int
    ) -> tuple[Value, Value, Value]:
        moved = [self._step(p, index, s) for p, s in zip(at, axis[1:], strict=True)]
        return moved[0], moved[1], moved[2]

    def _step(self, pointer: Value, index: Value | int, stride: int) -> Value:
        """A pointer ``index`` steps on."""
        if stride == 0:
            return pointer
        if isinstance(index, int):
            return self.f.offset(pointer, self.element, index * stride)
        if stride != 1:
            index = self.f.value(f"mul i64 {index.text}, {stride}", "i64")
        return self.f.offset(pointer, self.element, index)

    def _tiled(self, size: int, tile: int, inside: Callable[[Value | int, int], None]) -> None:
        """Whole tiles in a loop, and one rest."""
        rounds, rest = divmod(size, tile)
        if rounds == 1:
            inside(0, tile)
        elif rounds:
            loop = self.f.begin(rounds * tile, (), tile)
            inside(loop.index, tile)
            self.f.end(loop)
        if rest:
            inside(rounds * tile, rest)

    # -- lanes along columns ---------------------------------------------------------------------

    def _by_column(
        self, at: tuple[Value, Value, Value], row: Axis, column: Axis, summed: Sequence[Axis]
    ) -> None:
        width = self.lanes
        while width > 1 and width // 2 >= column.size:
            width //= 2
        vectors = -(-column.size // width)
        if row.size == 1:
            across = min(vectors, self.registers - 8 if self.registers > 16 else self.registers)
        else:
            across = min(vectors, 3 if vectors % 3 == 0 or vectors > 4 else 2 if vectors > 1 else 1)
            if vectors == 4:
                across = 4
        down = max(1, min(row.size, self.registers // across))
        if down >= 8 and row.size % down:  # even tiles rather than a thin rest
            down = -(-row.size // -(-row.size // down))

        def rows(i: Value | int, count: int) -> None:
            here = self._moved(at, row, i)
            self._tiled(
                column.size, across * width,
                lambda j, size: self._column_tile(
                    self._moved(here, column, j), row, column, summed, count, size, width
                ),
            )  # fmt: skip

        self._tiled(row.size, down, rows)

    def _column_tile(
        self,
        at: tuple[Value, Value, Value],
        row: Axis,
        column: Axis,
        summed: Sequence[Axis],
        down: int,
        size: int,
        width: int,
    ) -> None:
        """``down`` rows of ``size`` columns, all in registers."""
        f = self.f
        left, right, target = at
        pieces = [(j, min(width, size - j)) for j in range(0, size, width)]
        zero = f.constant(0.0, self.element, width)
        total = 1
        for a in summed:
            total *= a.size
        copies = max(1, min(4, 8 // (down * len(pieces)), total))

        def inside(here: tuple[Value, Value], acc: list[Value], copy: int) -> None:
            bs = [
                self._vector(here[1], j * column.right, column.right, n, width) for j, n in pieces
            ]
            for i in range(down):
                a = f.splat(
                    f.load(f.offset(here[0], self.element, i * row.left), self.element), width
                )
                for k, b in enumerate(bs):
                    slot = (copy * down + i) * len(pieces) + k
                    acc[slot] = f.muladd(a, b, acc[slot])

        acc = self._sum(
            (left, right), list(summed), [zero] * (copies * down * len(pieces)), copies, inside
        )
        for i in range(down):
            for k, (j, n) in enumerate(pieces):
                x = acc[i * len(pieces) + k]
                for c in range(1, copies):
                    x = f.fadd(x, acc[(c * down + i) * len(pieces) + k])
                to = f.offset(target, self.element, i * row.target + j * column.target)
                self._result(x, to, column.target, n)

    def _vector(self, pointer: Value, offset: int, stride: int, count: int, width: int) -> Value:
        f = self.f
        pointer = f.offset(pointer, self.element, offset)
        if width == 1 or stride == 0:
            return f.splat(f.load(pointer, self.element), width)
        if stride == 1:
            mask = f.first_lanes(count, width) if count < width else None
            return f.load(pointer, self.element, width, mask)
        x = Value("zeroinitializer", self.element, width)
        for k in range(count):
            one = f.load(f.offset(pointer, self.element, k * stride), self.element)
            x = f.value(f"insertelement {x}, {one}, i64 {k}", self.element, width)
        return x

    def _result(self, x: Value, to: Value, stride: int, count: int) -> None:
        f = self.f
        if x.width == 1:
            if self.adds:
                x = f.fadd(f.load(to, self.element), x)
            f.store(x, to)
        elif stride == 1:
            mask = f.first_lanes(count, x.width) if count < x.width else None
            if self.adds:
                x = f.fadd(f.load(to, self.element, x.width, mask), x)
            f.store(x, to, mask)
        else:
            for k in range(count):
                here = f.offset(to, self.element, k * stride)
                one = f.lane(x, k)
                if self.adds:
                    one = f.fadd(f.load(here, self.element), one)
                f.store(one, here)

    def _sum(
        self,
        at: tuple[Value, Value],
        axes: list[Axis],
        acc: list[Value],
        copies: int,
        inside: Callable[[tuple[Value, Value], list[Value], int], None],
    ) -> list[Value]:
        """Run over the summed axes with accumulators; ``copies`` rounds of the last at once."""
        f = self.f
        if not axes:
            acc = list(acc)
            inside(at, acc, 0)
            return acc
        axis, *rest = axes

        def once(index: Value | int, acc: list[Value], copy: int) -> list[Value]:
            here = (self._step(at[0], index, axis.left), self._step(at[1], index, axis.right))
            if rest:
                return self._sum(here, rest, acc, copies, inside)
            acc = list(acc)
            inside(here, acc, copy)
            return acc

        step = copies if not rest else 1
        rounds, left = divmod(axis.size, step)
        if rounds * step <= 4:
            for k in range(axis.size):
                acc = once(k, acc, k % step)
            return acc
        loop = f.begin(rounds * step, acc, step)
        acc = loop.carried
        for k in range(step):
            index = f.value(f"add i64 {loop.index.text}, {k}", "i64") if k else loop.index
            acc = once(index, acc, k)
        acc = f.end(loop, acc)
        for k in range(left):
            acc = once(rounds * step + k, acc, k)
        return acc

    # -- lanes along the sum ---------------------------------------------------------------------

    def _by_sum(
        self, at: tuple[Value, Value, Value], row: Axis, column: Axis, summed: Sequence[Axis]
    ) -> None:
        # Results whose lanes are added up together are stored as one vector: rows by preference.
        if (column.target == 1 and row.target != 1) or row.size == 1:
            across = min(column.size, self.lanes)
            down = max(1, min(row.size, self.registers // across))
        else:
            down = min(row.size, self.lanes)
            across = max(1, min(column.size, self.registers // down))

        def rows(i: Value | int, count: int) -> None:
            here = self._moved(at, row, i)
            self._tiled(
                column.size, across,
                lambda j, size: self._sum_tile(
                    self._moved(here, column, j), row, column, summed, count, size
                ),
            )  # fmt: skip

        self._tiled(row.size, down, rows)

    def _sum_tile(
        self,
        at: tuple[Value, Value, Value],
        row: Axis,
        column: Axis,
        summed: Sequence[Axis],
        down: int,
        across: int,
    ) -> None:
        f = self.f
        left, right, target = at
        *outer, lane = summed
        width = self.lanes
        while width > 1 and width // 2 >= lane.size:
            width //= 2
        whole, rest = divmod(lane.size, width)
        zero = f.constant(0.0, self.element, width)
        copies = max(1, min(4, 8 // (down * across), whole or 1))

        def inside(here: tuple[Value, Value], acc: list[Value], copy: int, count: int) -> None:
            bs = [
                self._vector(here[1], k * column.right, lane.right, count, width)
                for k in range(across)
            ]
            for i in range(down):
                a = self._vector(here[0], i * row.left, lane.left, count, width)
                for k, b in enumerate(bs):
                    slot = (copy * down + i) * across + k
                    acc[slot] = f.muladd(a, b, acc[slot])

        def lanes(here: tuple[Value, Value], acc: list[Value], _: int) -> None:
            blocks = Axis(whole, lane.left * width, lane.right * width, 0)
            if whole:
                acc[:] = self._sum(
                    here, [blocks], acc, copies, lambda at, a, c: inside(at, a, c, width)
                )
            if rest:
                end = (
                    self._step(here[0], whole * width, lane.left),
                    self._step(here[1], whole * width, lane.right),
                )
                inside(end, acc, 0, rest)

        acc = self._sum((left, right), outer, [zero] * (copies * down * across), 1, lanes)
        sums = []
        for slot in range(down * across):
            x = acc[slot]
            for c in range(1, copies):
                x = f.fadd(x, acc[c * down * across + slot])
            sums.append(x)
        if down >= across:
            for k in range(across):
                to = f.offset(target, self.element, k * column.target)
                self._added([sums[i * across + k] for i in range(down)], to, row.target)
        else:
            for i in range(down):
                to = f.offset(target, self.element, i * row.target)
                self._added(sums[i * across : (i + 1) * across], to, column.target)

    def _added(self, vectors: list[Value], to: Value, stride: int) -> None:
        """Each vector's lanes added up, the results stored ``stride`` apart."""
        f = self.f
        group = vectors[0].width
        if stride == 1 and len(vectors) == group > 1:
            self._result(lanes_added(f, vectors), to, 1, group)
            return
        for k, x in enumerate(vectors):
            self._result(f.reduce("fadd", x), f.offset(to, self.element, k * stride), 0, 1)

    # -- others ----------------------------------------------------------------------------------

    def _zero(self, at: tuple[Value, Value, Value]) -> None:
        self.f.store(self.f.constant(0.0, self.element), at[2])

    def _blas(self, left: Value, right: Value, target: Value) -> bool:
        """By BLAS, if it is large and lies as BLAS wants it."""
        s = self.shape
        if not is_for_blas(s):
            return False
        row = s.rows[0] if s.rows else Axis(1, 0, 0, 0)
        column = s.columns[0] if s.columns else Axis(1, 0, 0, 0)
        (inner,) = s.summed
        e = self.element
        a = blas.Matrix(left, row.size, inner.size, row.left, inner.left, e)
        b = blas.Matrix(right, inner.size, column.size, inner.right, column.right, e)
        c = blas.Matrix(target, row.size, column.size, row.target, column.target, e)
        if not all(m.is_blas_able for m in (a, b, c)):
            return False

        if left.text == right.text and a == b.transpose and not s.batch and not self.adds:
            blas.syrk(self.f, a, c)  # half the work
            return True

        def one(at: tuple[Value, Value, Value]) -> None:
            blas.gemm(
                self.f,
                a._replace(pointer=at[0]),
                b._replace(pointer=at[1]),
                c._replace(pointer=at[2]),
                beta=1.0 if self.adds else 0.0,
            )

        self._over(s.batch, (left, right, target), one)
        return True
