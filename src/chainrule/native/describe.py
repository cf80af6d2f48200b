"""Steps in words: what each computes, over which indices, from where to where.

One line for each statement. Arrays are named by where they lie: ``%0`` is an input, numbered as
in the graph; ``out0`` an output; ``const0`` an array that stands in the program; ``s0`` scratch
memory; ``b0`` memory for one block of a strip. What has no memory is in a register: ``v0``, or
``r0`` for a whole small array in straight code. ``.flat[…]`` counts elements, where they lie in
no order of indices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..ir.graph import Graph
from ..ops import structural
from .plan import (
    Buffer,
    Callback,
    Immediate,
    Indirect,
    Library,
    Nest,
    Product,
    Repeat,
    Scan,
    Shape,
    Statement,
    Step,
    Straight,
    Strip,
    View,
    count,
    row_major,
)

_LETTERS = "ijklmnpquvwxyz"
_BLOCKS = "tTuU"
_WORDS = {
    "add": "sum", "multiply": "product", "maximum": "max", "minimum": "min", "or": "any", "and": "all",
}  # fmt: skip


class Term(NamedTuple):
    """An index, how far it goes with each step, and its length; 1 if that is for others to know."""

    name: str
    stride: int
    length: int


class Description:
    """A program in words: ``steps``, each as one line or several, and ``scratch``, what lies where."""

    def __init__(self, steps: Sequence[Step], graph: Graph) -> None:
        self._known: dict[tuple[str, int], Shape] = {
            **{("input", k): n.type.shape for k, n in enumerate(graph.inputs)},
            **{("output", k): n.type.shape for k, n in enumerate(graph.outputs)},
        }
        self._shapes: dict[Buffer, Shape] = {}
        self._names: dict[Buffer, str] = {}
        #: Buffers that a block sees moved: by how much with each place, which block, its length.
        self._moved: dict[Buffer, tuple[int, str, int]] = {}
        #: Of those that are rows: where the first begins.
        self._starts: dict[Buffer, int] = {}
        self._depth = 0
        for v in _views(steps):
            self._learn(v)
        self.steps = ["\n".join(self._step(s)) for s in steps]

    @property
    def scratch(self) -> list[str]:
        """The arrays in the workspace, and at which byte each begins: some take turns."""
        return [
            f"{name} at {b.index}: {b.dtype}[{', '.join(map(str, self._shapes.get(b, (b.size,))))}]"
            for b, name in self._names.items()
            if name.startswith("s")
        ]

    # -- arrays ----------------------------------------------------------------------------------

    def _learn(self, v: View) -> None:
        """Take the shape of a buffer from a view of all of it."""
        b = v.buffer
        axes = sorted(
            ((s, n) for s, n in zip(v.strides, v.shape, strict=True) if n != 1 and s), reverse=True
        )
        shape = tuple(n for _, n in axes)
        if count(shape) == b.size and row_major(shape) == tuple(s for s, _ in axes):
            self._shapes.setdefault(b, shape)

    def _name(self, b: Buffer, letter: str = "") -> str:
        fixed = {"input": "%", "output": "out", "constant": "const"}.get(b.place)
        if fixed is not None:
            return f"{fixed}{b.index}"
        found = self._names.get(b)
        if found is None:
            letter = letter or ("s" if b.place == "scratch" else "b")
            number = sum(name.startswith(letter) for name in self._names.values())
            found = self._names[b] = f"{letter}{number}"
        return found

    def _place(
        self, v: View, names: Sequence[str], more: Sequence[Term] = (), kind: str = ""
    ) -> str:
        """Elements of a view; ``names`` are those of its axes."""
        terms = [
            Term(name, s, n)
            for name, s, n in zip(names, v.strides, v.shape, strict=True)
            if s and n != 1
        ]
        terms += more
        b, offset = v.buffer, v.offset
        while b in self._moved:
            offset += self._starts.get(b, 0)
            stride, block, length = self._moved[b]
            terms = _in_block(terms, stride, block, length)
            assert b.base is not None
            b = b.base
        name = self._name(b, kind)
        shape = self._known.get((b.place, b.index)) or self._shapes.get(b) or (b.size,)
        indices = _indices(terms, offset, shape, b.size)
        if indices is None:
            return f"{name}.flat[{_sum(offset, [(t.name, t.stride) for t in terms])}]"
        return f"{name}[{', '.join(indices)}]" if indices else name

    def _array(self, source: Any) -> str:
        """An array as a whole."""
        if isinstance(source, Immediate):
            return _number(source.value)
        name = self._name(source.buffer)
        return name if source.is_whole else f"a view of {name}"

    # -- statements ------------------------------------------------------------------------------

    def _read(self, r: Any, names: Sequence[str], values: dict[Statement, str]) -> str:
        if isinstance(r, Statement):
            return values[r]
        if isinstance(r, Immediate):
            return _number(r.value)
        if isinstance(r, Indirect):
            more = [Term(self._read(s, names, values), stride, n) for s, stride, n in r.indices]
            return self._place(r.view, names, more)
        return self._place(r, names)

    def _statement(
        self, s: Statement, domain: Shape, names: Sequence[str], reads: Sequence[str]
    ) -> str:
        if s.op == "copy":
            text = reads[0]
        elif s.op == "product":
            text = " × ".join(reads)
        elif s.op is structural.cast:
            text = f"{s.dtype}({reads[0]})"
        else:
            text = f"{s.op.name}({', '.join(reads)})"
        if s.reduce:
            over = ", ".join(names[k] for k in sorted(s.axes) if domain[k] != 1)
            text = f"{_WORDS[s.reduce]} over {over} of {text}" if over else text
        return text

    def _nest(self, nest: Nest) -> Iterator[str]:
        names = _letters(nest.domain)
        yield _over(nest.domain, names)
        used = {r for s in nest.statements for r in s.reads if isinstance(r, Statement)}
        for s in nest.statements:
            used |= {i for r in (*s.reads, s.target) if isinstance(r, Indirect)
                     for i, _, _ in r.indices if isinstance(i, Statement)}  # fmt: skip
        values: dict[Statement, str] = {}
        for s in nest.statements:
            text = self._statement(
                s, nest.domain, names, [self._read(r, names, values) for r in s.reads]
            )
            targets = []
            if s.target is not None and (s.stored or s.reduce):
                targets = [f"{self._read(s.target, names, values)} {_equals(s)}"]
            if s in used or not targets:
                values[s] = f"v{len(values)}"
                targets.append(f"{values[s]} =")
            yield f"  {' '.join(targets)} {text}"

    def _straight(self, step: Straight) -> Iterator[str]:
        yield "without loops"
        stored = {s.target.buffer for s in step.statements if s.stored and type(s.target) is View}
        made: set[Buffer] = set()
        for domain, s in zip(step.domains, step.statements, strict=True):
            names = _letters(domain)

            def at(r: Any, names: Sequence[str] = names) -> str:
                kept = type(r) is View and r.buffer in made and r.buffer not in stored
                return self._place(r, names, kind="r") if kept else self._read(r, names, {})

            assert isinstance(s.target, View)
            reads = [at(r) for r in s.reads]
            made.add(s.target.buffer)
            text = f"{at(s.target)} {_equals(s)} {self._statement(s, domain, names, reads)}"
            over = _over(domain, names)
            yield f"  {text}" + ("" if over == "once" else f"  {over}")

    # -- steps -----------------------------------------------------------------------------------

    def _step(self, step: Step) -> Iterator[str]:
        """The lines of one step."""
        match step:
            case Nest():
                yield from self._nest(step)
            case Straight():
                yield from self._straight(step)
            case Product():
                yield from self._product(step)
            case Strip():
                yield from self._strip(step)
            case Repeat():
                yield from self._repeat(step)
            case Scan():
                given = ", ".join(self._array(v) for v in step.sources)
                way = ", from the end" if step.reverse else ""
                made = self._array(step.target)
                word = _WORDS.get(step.kind, step.kind)
                yield f"running {word} along axis {step.axis}{way}: {made} = {given}"
            case Library():
                given = ", ".join(self._array(v) for v in step.sources)
                made = ", ".join(self._array(v) for v in step.targets)
                yield f"linear algebra: {made} = {step.node.op.name}({given})"
            case Callback():
                given = ", ".join(self._array(v) for v in step.sources)
                made = ", ".join("_" if v is None else self._array(v) for v in step.targets)
                yield f"call back to NumPy: {made} = {step.name}({given})"

    def _repeat(self, repeat: Repeat) -> Iterator[str]:
        trip = _BLOCKS[min(self._depth, len(_BLOCKS) - 1)]
        way = ", from the last to the first" if repeat.reverse else ""
        yield f"repeat for {trip} < {repeat.trips}{way}"
        for old, new, _ in repeat.carried:
            self._names[new] = f"next {self._name(old, 'c')}"
        for alias, view, stride in repeat.moved:
            self._moved[alias] = (stride, trip, 1)
            self._starts[alias] = view.offset
        self._depth += 1
        for inner in repeat.steps:
            yield from (f"  {line}" for line in self._step(inner))
        self._depth -= 1

    def _product(self, p: Product) -> Iterator[str]:
        lengths = {c: n for c, n in p.lengths.items() if any(c in s for s in p.letters)}
        yield f"product {_over(tuple(lengths.values()), tuple(lengths))}"
        left, right, out = (
            self._place(v, ls) for v, ls in zip((p.left, p.right, p.target), p.letters, strict=True)
        )
        over = ", ".join(c for c in lengths if c not in p.letters[2])
        yield f"  {out} {'+=' if p.adds else '='} sum over {over} of {left} × {right}"

    def _strip(self, strip: Strip) -> Iterator[str]:
        block = _BLOCKS[min(self._depth, len(_BLOCKS) - 1)]
        what = "one place" if strip.length == 1 else f"{strip.length} places"
        rest = ", the last fewer" if strip.rest else ""
        threads = f", {strip.share.threads} threads" if strip.share else ""
        guard = strip.guard
        where = "" if guard is None else f" where {self._place(guard, [block] * len(guard.shape))}"
        yield f"strip for {block} < {strip.trips + bool(strip.rest)}, {what} each{rest}{threads}{where}"
        for alias, stride in strip.moved:
            self._moved[alias] = (stride, block, strip.length)
        self._depth += 1
        for inner in strip.steps if strip.trips else strip.rest:
            yield from (f"  {line}" for line in self._step(inner))
        self._depth -= 1


# -- indices ---------------------------------------------------------------------------------------


def _indices(terms: Sequence[Term], offset: int, shape: Shape, size: int) -> list[str] | None:
    """What stands for each axis of an array of this shape, if each index stays within its axis."""
    if count(shape) != size:
        return None
    found: list[list[tuple[str, int]]] = [[] for _ in shape]
    least, most = [0] * len(shape), [0] * len(shape)
    starts = []
    for k, unit in enumerate(row_major(shape)):
        start, offset = divmod(offset, max(unit, 1))
        starts.append(start)
        least[k] = most[k] = start
    for name, stride, length in terms:
        left, sign = abs(stride), 1 if stride > 0 else -1
        for k, unit in enumerate(row_major(shape)):
            times, left = divmod(left, max(unit, 1))
            if times:
                found[k].append((name, sign * times))
                reach = sign * times * (length - 1)
                least[k], most[k] = least[k] + min(reach, 0), most[k] + max(reach, 0)
    if any(low < 0 or high >= n for low, high, n in zip(least, most, shape, strict=True)):
        return None
    return [_sum(s, f) for s, f, n in zip(starts, found, shape, strict=True) if n != 1]


def _sum(start: int, parts: Sequence[tuple[str, int]]) -> str:
    """A sum of multiples of indices."""
    text = ""
    for name, times in parts:
        factor = "" if abs(times) == 1 else str(abs(times))
        inner = f"({name})" if factor and (" " in name) else name
        sign = ("-" if times < 0 else "") if not text else (" - " if times < 0 else " + ")
        text += f"{sign}{factor}{inner}"
    if not text:
        return str(start)
    return text + (f" + {start}" if start > 0 else f" - {-start}" if start else "")


def _in_block(terms: Sequence[Term], stride: int, block: str, length: int) -> list[Term]:
    """The indices of a view that moves on with each block."""
    lead = block if length == 1 else f"{length}{block}"
    made: list[Term] = []
    for t in terms:
        if t.stride == stride and lead:
            t = Term(f"{lead} + {t.name}", stride, 1)
            lead = ""
        made.append(t)
    return [*made, Term(lead, stride, 1)] if lead else made


def _letters(domain: Shape) -> list[str]:
    letters = iter(_LETTERS)
    return ["0" if n == 1 else next(letters, "_") for n in domain]


def _equals(s: Statement) -> str:
    """How the value is put where it goes: what is there may be added to, or compared with."""
    return {"maximum": "max=", "minimum": "min="}.get(s.reduce, "+=") if s.adds else "="


def _over(domain: Sequence[int], names: Sequence[str]) -> str:
    ranges = [f"{c} < {n}" for c, n in zip(names, domain, strict=True) if n != 1]
    return f"for {', '.join(ranges)}" if ranges else "once"


def _number(value: Any) -> str:
    if isinstance(value, np.bool_ | bool):
        return str(bool(value))
    return f"{value:g}" if isinstance(value, np.floating | float) else str(value)


def _views(steps: Sequence[Step]) -> Iterator[View]:
    """All the views of steps."""
    for step in steps:
        match step:
            case Nest() | Straight():
                for s in step.statements:
                    for r in (s.target, *s.reads):
                        if isinstance(r, View):
                            yield r
            case Product():
                yield from (step.target, step.left, step.right)
            case Strip():
                yield from _views(step.steps)
            case Repeat():
                yield from _views(step.steps)
                yield from (*step.targets, *step.sources)
            case Scan() | Library() | Callback():
                yield from (v for v in (*step.targets, *step.sources) if isinstance(v, View))
