"""From a graph to steps: which nodes are computed together, in which loops, and where they lie.

Nodes are taken in order. What only moves elements becomes a view. A pointwise operation joins the
first nest over the same domain in which all that it reads is at hand; a reduction joins the nest
that makes its argument. So what is read in one place is loaded once and stays in registers, and is
stored only if something reads it from elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Graph, toposort
from ..ir.node import CONSTANT, INPUT, ITEM, Node
from ..ir.types import ArrayType, TupleType
from ..ops import reductions, structural
from ..ops.contraction import Einsum, split_subscripts
from ..ops.elementwise import Elementwise
from .axes import is_cheap
from .lapack import ROUTINES
from .memory import begin
from .order import late
from .plan import (
    Buffer,
    Callback,
    Immediate,
    Indirect,
    Library,
    Nest,
    Shape,
    Source,
    Statement,
    Step,
    Straight,
    View,
    count,
    row_major,
    whole,
)
from .registers import element_of
from .scopes import within
from .text import STORAGE
from .vector import supports

#: How many statements a nest may have: beyond that it is compiled in pieces.
MOST = 400

#: Up to how many elements an array is one vector, in code without loops.
SMALL = 16

#: How many statements such code may have in one piece.
LONG = 500

#: From how many nodes on a program is long, and up to how many elements an array is small there.
MANY = 1000
SMALL_IF_LONG = 64

#: Rows that reduce, and how their values are put together.
REDUCTIONS = {
    structural.reduce_sum: "add",
    reductions.reduce_prod: "multiply",
    reductions.reduce_max: "maximum",
    reductions.reduce_min: "minimum",
    reductions.reduce_any: "or",
    reductions.reduce_all: "and",
}

#: The dtypes that generated code computes in.
NATIVE = frozenset(STORAGE)

Reads = Statement | Source | Indirect


class Schedule:
    """The steps of a graph, and the source of each of its nodes."""

    def __init__(
        self,
        graph: Graph,
        check: Node | None,
        rules: Mapping[type, Callable[[Schedule, Node], bool]],
        *,
        given: Mapping[Node, Source] | None = None,
        targets: Sequence[View] | None = None,
        constants: list[np.ndarray] | None = None,
    ) -> None:
        """Make the steps.

        ``given`` and ``targets`` say where inputs and outputs lie: by default in arrays of their
        own. ``constants`` are those of the program that this is a part of.
        """
        self.graph = graph
        self.rules = rules
        self.steps: list[Step] = []
        self.sources: dict[Node, Source] = dict(given or {})
        #: Arrays that stand in the program: passed by address.
        self.constants: list[np.ndarray] = [] if constants is None else constants
        self._maker: dict[Buffer, Statement] = {}
        #: Of arrays that code without loops puts together, the last statement that made a part.
        self._part: dict[Buffer, Statement] = {}
        self.ready: dict[Buffer, int] = {}  # the last step that writes to a buffer
        self._nests: dict[Shape | None, list[int]] = {}
        self._items: dict[Node, list[View]] = {}
        self._native: dict[Any, bool] = {}
        self._copies: dict[tuple[int, Statement], Statement] = {}
        wanted = {n: k for k, n in reversed(list(enumerate(graph.outputs)))}
        if given is None:
            for k, n in enumerate(dict.fromkeys(graph.inputs)):
                buffer = Buffer(n.type.dtype, n.type.size, "input", k)
                self.sources[n] = whole(buffer, n.type.shape)
        if targets is None:
            types = [n.type for n in graph.outputs]
            buffers = [Buffer(t.dtype, t.size, "output", k) for k, t in enumerate(types)]
            targets = [whole(b, t.shape) for b, t in zip(buffers, types, strict=True)]
        self._wanted = wanted
        self._targets = targets
        self._kept = {t.buffer for t in targets}
        order = graph.order if check is None else toposort([*graph.outputs, check])
        #: Whether it is long and mostly scalars or short vectors, and small how many elements are.
        short = [n for n in order if type(n.type) is ArrayType and n.args and n.type.size <= SMALL]
        self.is_long = len(short) > MANY
        self.small = SMALL_IF_LONG if self.is_long else SMALL
        for n in order if self.is_long else late(order):
            if n not in self.sources:
                self._add(n)
        #: Where the truth lies without which the results are not valid.
        self.check = None if check is None else self.contiguous(self.sources[check])
        for n, target in zip(graph.outputs, targets, strict=True):
            source = self.sources[n]
            if not (
                isinstance(source, View) and source.is_whole and source.buffer is target.buffer
            ):
                self.copy(source, target)
        for step in self.steps:
            if isinstance(step, Nest):
                _drop_unread(step)
        self.steps = [s for s in self.steps if not isinstance(s, Nest | Straight) or s.statements]
        begin(self.steps)

    # -- nodes -----------------------------------------------------------------------------------

    def _add(self, n: Node) -> None:
        op = n.op
        if op is CONSTANT:
            self.sources[n] = self._constant(n)
        elif op is ITEM:
            self._item(n)
        elif op is INPUT:
            raise LookupError(f"the graph reads an input that is not bound: {n!r}")
        elif op is structural.size:
            length = n.args[0].type.shape[n.params[0]]
            self.sources[n] = Immediate(length, np.dtype(np.int64), ())
        else:
            view = self._moved(n)
            if view is not None:
                self.sources[n] = view
                return
            rule = self.rules.get(type(op))
            if type(n.type) is TupleType and rule is not None and rule(self, n):
                return
            if self._is_native(n):
                if isinstance(op, Elementwise):
                    self.pointwise(n, op, [self.sources[a] for a in n.args])
                    return
                if op in REDUCTIONS:
                    self._reduction(n)
                    return
                if rule is not None and rule(self, n):
                    return
            routine = ROUTINES.get(op)
            types = [a.type for a in n.args]
            if routine is not None and routine.supports(types, n.params):
                self._library(n, routine)
                return
            self._callback(n)

    def _is_native(self, n: Node) -> bool:
        """Whether generated code can hold all values of a node, and compute it if pointwise."""
        types = tuple([a.type for a in n.args])
        key = (n.op, types, n.type) if len(types) < 4 else None
        known = self._native.get(key)
        if known is None:
            known = all(type(t) is ArrayType and t.dtype in NATIVE for t in (n.type, *types))
            if known and isinstance(n.op, Elementwise):
                elements = [element_of(t.dtype) for t in types]
                known = supports(n.op, elements, element_of(n.type.dtype))
            if key is not None:
                self._native[key] = known
        return known

    def _constant(self, n: Node) -> Source:
        array = n.params[0].array
        if not array.shape:
            return Immediate(array[()], array.dtype, ())
        if array.size and (array == array.flat[0]).all() and array.dtype.kind in "fib":
            first = array.flat[0]
            if first or not np.signbit(array).any():
                return Immediate(first, array.dtype, array.shape)
        buffer = Buffer(array.dtype, array.size, "constant", len(self.constants))
        self.constants.append(np.array(array, order="C"))
        return whole(buffer, array.shape)

    def _moved(self, n: Node) -> Source | None:
        """The source of a node that only moves elements, if it is a view of its argument's."""
        op = n.op
        if not n.args or type(n.type) is not ArrayType:
            return None
        x = self.sources.get(n.args[0])
        if x is None:
            return None
        if op is structural.stop_gradient:
            return x
        if op is structural.cast and n.type.dtype == x.dtype:
            return x
        if isinstance(x, Immediate):
            if op in _MOVES:
                return Immediate(x.value, x.dtype, n.type.shape)
            if op is structural.cast and x.dtype.kind in "fib" and n.type.dtype.kind in "fib":
                return Immediate(n.type.dtype.type(x.value), n.type.dtype, x.shape)
            return None
        if op is structural.broadcast:
            return x.broadcast(*n.params)
        if op is structural.transpose:
            return x.transpose(*n.params)
        if op is structural.slice_:
            return x.part(*n.params)
        if op is structural.reshape:
            return x.reshape(*n.params)
        if isinstance(op, Einsum) and len(n.args) == 1:
            (letters,), out = split_subscripts(n.params[0])
            if set(letters) <= set(out) and len(set(out)) == len(out):
                return x.indexed(letters, out, self.lengths(n))
        return None

    def lengths(self, n: Node) -> dict[str, int]:
        """The length of each index of a contraction."""
        subscripts, sizes = n.params
        inputs, _ = split_subscripts(subscripts)
        lengths = dict(sizes)
        for letters, a in zip(inputs, n.args, strict=True):
            lengths.update(zip(letters, a.type.shape, strict=True))
        return lengths

    def buffer(self, n: Node, t: ArrayType | None = None) -> View:
        """Room for a node: its output's, if it is one."""
        t = t or n.type
        k = self._wanted.get(n)
        buffer = Buffer(t.dtype, t.size) if k is None else self._targets[k].buffer
        return whole(buffer, t.shape)

    # -- nests -----------------------------------------------------------------------------------

    def place(self, domain: Shape, reads: Sequence[Source | Indirect], after: int = 0) -> int:
        """The first nest over ``domain`` in which all that is read is at hand."""
        small = self.is_small(domain, reads)
        first = after
        if small and after and isinstance(self.steps[after - 1], Straight):
            first = after - 1
        # What is read at index arrays is read from memory.
        reached = [] if small else [r.view for r in reads if isinstance(r, Indirect)]
        for source in reads if small else self._direct(reads):
            if not isinstance(source, View):
                continue
            ready = self.ready.get(source.buffer, -1)
            if ready + 1 <= first:
                continue
            if small:
                held = ready >= 0 and isinstance(self.steps[ready], Straight)
            else:
                held = (
                    not any(source is v for v in reached)
                    and self.register(source, domain) is not None
                )
            first = ready if held else ready + 1
        known = self._nests.setdefault(None if small else domain, [])
        most = LONG if small else MOST
        for at in range(bisect_left(known, first), len(known)):
            k = known[at]
            step = self.steps[k]
            assert isinstance(step, Nest | Straight)
            if len(step.statements) < most:
                return k
        known.append(len(self.steps))
        self.steps.append(Straight([], [], self.small) if small else Nest(domain, []))
        return known[-1]

    def is_small(self, domain: Shape, reads: Sequence[Any]) -> bool:
        """Whether a statement is one vector, without loops."""
        return count(domain) <= self.small and Indirect not in map(type, reads)

    def _direct(self, reads: Sequence[Source | Indirect]) -> list[Source]:
        found: list[Source] = []
        for r in reads:
            if isinstance(r, Indirect):
                found.append(r.view)
                found.extend(s for s, _, _ in r.indices if not isinstance(s, Statement))
            else:
                found.append(r)
        return found

    def register(self, source: Source, domain: Shape) -> Statement | None:
        """The statement whose value, element for element, is the source, if there is one."""
        if isinstance(source, Immediate):
            return None
        maker = self._maker.get(source.buffer)
        if maker is None or maker.reduce or source.shape != domain or not source.is_whole:
            return None
        return maker

    def state(
        self, domain: Shape, statement: Statement, *, after: int = 0, make: bool = True
    ) -> int:
        """Put a statement in a nest over ``domain``; its reads are sources until now."""
        k = self.place(domain, statement.reads, after)  # type: ignore[arg-type]
        step = self.steps[k]
        assert isinstance(step, Nest | Straight)
        straight = isinstance(step, Straight)

        def resolved(source: Any) -> Any:
            if isinstance(source, Indirect):
                self.mark(source.view)
                pairs = [(resolved(s), stride, n) for s, stride, n in source.indices]
                return Indirect(source.view, pairs)
            if isinstance(source, Immediate):
                return source
            here = self.ready.get(source.buffer) == k
            maker = None if straight else self.register(source, domain)
            if maker is not None and here:
                return maker
            if maker is not None and isinstance(step, Nest) and is_cheap(maker, domain):
                return self._again(maker, k, step)
            if not (straight and here):
                self.mark(source)
            return source

        statement.reads = [resolved(r) for r in statement.reads]
        if isinstance(statement.target, Indirect):
            statement.target = resolved(statement.target)
        step.statements.append(statement)
        if isinstance(step, Straight):
            step.domains.append(domain)
        target = statement.target
        if target is not None:
            buffer = target.view.buffer if isinstance(target, Indirect) else target.buffer
            before = self.ready.get(buffer, k)
            self.ready[buffer] = max(k, before)
            if make and not isinstance(target, Indirect):
                self._maker[buffer] = statement
            kept = straight and buffer.size <= self.small and before == k
            statement.stored |= not (make or kept) or buffer in self._kept
            if straight and not make:
                if before != k and buffer in self._part:
                    self._part[buffer].stored = True
                self._part[buffer] = statement
        return k

    def _again(self, maker: Statement, k: int, nest: Nest) -> Statement:
        """The same statement in another nest, to be computed anew rather than kept in memory."""
        key = (k, maker)
        found = self._copies.get(key)
        if found is None:
            reads = list(maker.reads)
            found = self._copies[key] = Statement(maker.op, reads, maker.dtype, target=maker.target)
            nest.statements.append(found)
        return found

    def mark(self, source: Source) -> None:
        """Something reads this from memory."""
        if isinstance(source, View):
            for known in (self._maker, self._part):
                maker = known.get(source.buffer)
                if maker is not None:
                    maker.stored = True

    def pointwise(self, n: Node, op: Any, reads: list[Any]) -> None:
        """Compute a node element by element."""
        target = self.buffer(n)
        self.sources[n] = target
        self.state(n.type.shape, Statement(op, reads, n.type.dtype, target=target))

    def copy(self, source: Source, target: View, *, adds: bool = False, after: int = 0) -> None:
        """Have the elements of a source put, or added, to a part of a buffer."""
        if 0 in source.shape:
            return
        if target.dtype not in NATIVE:
            self.mark(source)
            sources = [source, target] if adds else [source]
            move = _sum if adds else _same
            self.step(Callback("copy", move, sources, [target]), [target])
            return
        statement = Statement("copy", [source], target.dtype, target=target, adds=adds)
        self.state(source.shape, statement, make=False, after=after)

    def _reduction(self, n: Node) -> None:
        (axes,) = n.params
        (a,) = n.args
        x = self.sources[a]
        reduced = frozenset(axis + len(a.type.shape) for axis in axes)
        reads: list[Any] = [x]
        if n.type.dtype != a.type.dtype:
            cast = whole(Buffer(n.type.dtype, a.type.size), a.type.shape)
            self.state(a.type.shape, Statement(structural.cast, reads, n.type.dtype, target=cast))
            reads = [cast]
        self._sink(n, "copy", reads, a.type.shape, reduced, REDUCTIONS[n.op])

    def _sink(
        self, n: Node, op: str, reads: list[Any], domain: Shape, axes: frozenset[int], kind: str
    ) -> None:
        target = self.buffer(n)
        self.sources[n] = target
        strides = iter(target.strides)
        spread = tuple(0 if k in axes else next(strides) for k in range(len(domain)))
        view = View(target.buffer, 0, domain, spread)
        small = self.is_small(domain, reads)
        statement = Statement(op, reads, n.type.dtype, kind, axes, view, stored=not small)
        self.state(domain, statement)
        if not small:
            self._maker[target.buffer].stored = True

    # -- other steps -----------------------------------------------------------------------------

    def step(self, step: Step, targets: Sequence[View | None]) -> None:
        """Append a step that writes to ``targets``."""
        self.steps.append(step)
        for t in targets:
            if t is not None:
                self.ready[t.buffer] = len(self.steps) - 1

    def contiguous(self, source: Source) -> View:
        """The source as an array in order: itself, or a copy."""
        if isinstance(source, View) and source.strides == row_major(source.shape):
            self.mark(source)
            return source
        target = whole(Buffer(source.dtype, count(source.shape)), source.shape)
        self.copy(source, target)
        self.mark(target)
        return target

    def _results(self, n: Node) -> list[View]:
        if type(n.type) is TupleType:
            views = [whole(Buffer(t.dtype, t.size), t.shape) for t in n.type.items]
            self._items[n] = views
            return views
        view = self.buffer(n)
        self.sources[n] = view
        return [view]

    def results(self, n: Node, views: list[View]) -> None:
        """Say where the results of a node with several lie."""
        self._items[n] = views

    def _item(self, n: Node) -> None:
        self.sources[n] = self._items[n.args[0]][n.params[0]]

    def _library(self, n: Node, routine: Any) -> None:
        sources = [self.contiguous(self.sources[a]) for a in n.args]
        types = [a.type for a in n.args]
        scratch = Buffer(np.dtype(np.int8), routine.scratch(types, n.params))
        targets = self._results(n)
        self.step(Library(n, sources, targets, scratch), targets)

    def _callback(self, n: Node) -> None:
        sources = [self.sources[a] for a in n.args]
        for s in sources:
            self.mark(s)
        targets = self._results(n)
        compute = n.op.evaluator([a.type for a in n.args], *n.params)
        self.step(Callback(n.op.name, compute, sources, list(targets)), targets)


def _drop_unread(nest: Nest) -> None:
    """Leave out what neither memory nor a statement that stays takes up."""
    needed: set[Statement] = set()
    for s in reversed(nest.statements):
        if s.stored or s.reduce or s in needed:
            needed.add(s)
            needed.update(r for r in within(s) if isinstance(r, Statement))
    nest.statements = [s for s in nest.statements if s in needed]


def _same(x: Any) -> Any:
    return x


def _sum(x: Any, y: Any) -> Any:
    return x + y


_MOVES = {structural.broadcast, structural.transpose, structural.slice_, structural.reshape}
