"""Code without loops for long programs, on the arrays of :mod:`.pieces`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from ..ops import arithmetic, elementwise, structural, transcendental
from . import vector
from .pieces import DTYPES, FEW, Cuts, Pieces, order_of
from .plan import Buffer, Immediate, Shape, Statement, View, count
from .registers import across, combine, element_of, neutral
from .straight import at_places
from .text import Function, Value
from .vector.table import BY_PRIMITIVE

#: Rows of one instruction that fast selection knows; of scalars, and of vectors.
_ROWS = {
    arithmetic.add, arithmetic.subtract, arithmetic.multiply, arithmetic.divide,
    arithmetic.square, transcendental.sqrt, "copy", "product",
}  # fmt: skip
_INSTRUCTIONS: dict[Any, str] = {
    arithmetic.add: "fadd", arithmetic.subtract: "fsub",
    arithmetic.multiply: "fmul", arithmetic.divide: "fdiv", "product": "fmul",
}  # fmt: skip
_SCALAR = _ROWS | {
    arithmetic.negative, arithmetic.reciprocal, elementwise.where,
    arithmetic.less, arithmetic.greater, arithmetic.less_equal, arithmetic.greater_equal,
}  # fmt: skip


class Long(Pieces):
    """Writes one run of statements of a long program."""

    def emit(self) -> None:
        """All statements, then the stores."""
        stored: dict[Buffer, None] = {}
        for domain, s in zip(self.step.domains, self.step.statements, strict=True):
            if count(domain) or s.reduce:
                if s.reduce:
                    self._reduction(domain, s)
                else:
                    self._pointwise(domain, s)
                if s.stored:
                    assert isinstance(s.target, View)
                    stored[s.target.buffer] = None
        for b in stored:
            self.spill(b)
        self.block(slow=False)

    # -- statements ------------------------------------------------------------------------------

    def _pointwise(self, domain: Shape, s: Statement) -> None:
        target = s.target
        assert isinstance(target, View)
        n = count(domain)
        if n <= FEW:
            columns = [self.elements(r, n) for r in s.reads]
            values = [self._value(s, args) for args in zip(*columns, strict=True)]
            if s.adds:
                old = self.elements(target, n)
                values = [self._combined("add", o, x) for o, x in zip(old, values, strict=True)]
            self.write_elements(target, values)
            return
        b, r = target.buffer, s.reads[0]
        if s.op == "copy" and not s.adds and isinstance(r, Immediate) and n == b.size <= self.step.most:
            self.forget(b)
            self.fills[b] = self.f.constant(r.value, element_of(r.dtype))
            return
        cuts = self.cuts([*s.reads, target] if s.adds else s.reads, n)
        made = []
        for start, m in cuts:
            x = self._value(s, [self.chunk(r, start, m) for r in s.reads])
            if s.adds:
                x = self._combined("add", self.chunk(target, start, m), x)
            made.append(x)
        self.write(target, cuts, made)

    def _reduction(self, domain: Shape, s: Statement) -> None:
        target = s.target
        assert isinstance(target, View)
        axes = sorted(s.axes)
        kept = [k for k in range(len(domain)) if k not in s.axes]
        shape = tuple(domain[k] for k in kept)
        view = View(target.buffer, target.offset, shape, tuple(target.strides[k] for k in kept))
        start = self.f.constant(neutral(s.reduce, s.dtype), element_of(s.dtype))
        n = count(shape)
        if n <= FEW:
            values = []
            for place in product(*(range(domain[k]) for k in kept)):
                fixed = tuple(zip(kept, place, strict=True))
                reads = [at_places(r, domain, fixed) for r in s.reads]
                values.append(self._total(s, reads, count(domain) // max(n, 1), start))
            if s.adds:
                old = self.elements(view, n)
                values = [self._combined(s.reduce, o, x) for o, x in zip(old, values, strict=True)]
            self.write_elements(view, values)
            return
        cuts: Cuts = ()
        totals: list[Value] = []
        for place in product(*(range(domain[k]) for k in axes)):
            fixed = tuple(zip(axes, place, strict=True))
            reads = [at_places(r, domain, fixed) for r in s.reads]
            cuts = cuts or self.cuts(reads, n)
            row = [self._value(s, [self.chunk(r, at, m) for r in reads]) for at, m in cuts]
            if totals:
                row = [self._combined(s.reduce, t, x) for t, x in zip(totals, row, strict=True)]
            totals = row
        if not totals:
            cuts = self.cuts([], n)
            totals = [start for _ in cuts]
        if s.adds:
            old = [self.chunk(view, at, m) for at, m in cuts]
            totals = [self._combined(s.reduce, o, x) for o, x in zip(old, totals, strict=True)]
        self.write(view, cuts, totals)

    def _total(self, s: Statement, reads: Sequence[Any], n: int, start: Value) -> Value:
        """All ``n`` elements of the reads in one."""
        wide = n > FEW and start.is_float and all(order_of(r) for r in reads)
        cuts = self.cuts(reads, n) if wide else [(k, 1) for k in range(n)]
        total: Value | None = None
        if wide:
            whole: Value | None = None
            for at, m in cuts:
                x = self._value(s, [self.chunk(r, at, m) for r in reads])
                if x.width == 1:
                    x = self.wide(x)
                if m == self.lanes:
                    whole = x if whole is None else self._combined(s.reduce, whole, x)
                else:
                    one = self._across(s.reduce, x, m)
                    total = one if total is None else self._combined(s.reduce, total, one)
            if whole is not None:
                one = self._across(s.reduce, whole, self.lanes)
                total = one if total is None else self._combined(s.reduce, one, total)
        else:
            columns = [self.elements(r, n) for r in reads]
            for args in zip(*columns, strict=True):
                x = self._value(s, args)
                total = x if total is None else self._combined(s.reduce, total, x)
        return start if total is None else total

    def _across(self, kind: str, x: Value, n: int) -> Value:
        def body(f: Function, p: Value) -> Value:
            if n < p.width:
                rest = f.constant(neutral(kind, DTYPES[p.element]), p.element, p.width)
                p = f.select(f.first_lanes(n, p.width), p, rest)
            return across(f, kind, p)

        return self.apart(f"across_{kind}_{x.element}x{x.width}_{n}", [x], x.element, 1, body)

    def _combined(self, kind: str, x: Value, y: Value) -> Value:
        if x.width < y.width:
            x = self.wide(x)
        elif y.width < x.width:
            y = self.wide(y)
        self.block(slow=not (x.is_float and kind in ("add", "multiply")))
        return combine(self.f, kind, x, y)

    def _value(self, s: Statement, args: Sequence[Value]) -> Value:
        f, op = self.f, s.op
        if op == "copy":
            return args[0]
        out = element_of(s.dtype)
        name = _INSTRUCTIONS.get(op)
        if name is not None and len(args) == 2:
            x, y = args
            if x.element == y.element == out and out in ("double", "float"):
                if x.width < y.width:
                    x = self.wide(x)
                elif y.width < x.width:
                    y = self.wide(y)
                elif x.width == 1:
                    x, y = self.held(x), self.held(y)
                if self.is_slow:
                    self.block(slow=False)
                return f.value(f"{name} {x.type} {x.text}, {y.text}", out, x.width)
        wide = max([a.width for a in args])
        row = None if type(op) is str else BY_PRIMITIVE.get(op)
        real = all(a.is_float or (wide == 1 and a.element == "i1") for a in args)
        if wide == 1:
            quick = real and op in _SCALAR
        else:
            quick = real and out in ("double", "float") and op in _ROWS
            if op is arithmetic.negative and real:
                op, quick = arithmetic.subtract, True
                args = [f.constant(-0.0, out), *args]
            elif op is arithmetic.reciprocal and real:
                op, quick = arithmetic.divide, True
                args = [f.constant(1.0, out), *args]
        quick = quick or (
            row is not None and row.long and real and all(a.element == out for a in args)
            and op is not arithmetic.power and op is not arithmetic.float_power
        )  # fmt: skip
        if wide > 1:
            spread = self.wide if quick else self.spread
            args = [a if a.width == wide else spread(a) for a in args]
        self.block(slow=not quick)
        if op == "product":
            result = args[0]
            for a in args[1:]:
                result = combine(f, "multiply", result, a)
            return result
        if op is structural.cast:
            return vector.cast(f, args[0], out)
        return vector.lower(op, f, args, out)
