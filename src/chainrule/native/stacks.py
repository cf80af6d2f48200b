"""What routines on stacks of matrices share: the loop over the stack, memory, calls of LAPACK."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from .blas import LETTER, address, alone, char, integer, whole
from .text import STORAGE, Function, Value

#: Types of the operands, or the parameters of the primitive.
Types = Sequence[ArrayType]
Params = Sequence[Any]

#: Scratch memory by name: the type of its elements (``""`` for the matrix's own, ``"integer"``
#: for the library's integers), and how many.
Areas = Mapping[str, tuple[str, int]]

#: The operands' shapes without the axes of the stack.
Shapes = Sequence[tuple[int, ...]]

_BYTES = {"double": 8, "float": 4, "i64": 8, "i32": 4}


class Task(NamedTuple):
    """One matrix of a stack: where its operands, results and scratch memory are."""

    f: Function
    element: str
    inputs: list[Value]
    outputs: list[Value]
    areas: dict[str, Value]
    shapes: Shapes
    params: Params
    #: The type of the elements of the arrays, which may be shorter than what is computed in.
    stored: str

    @property
    def work(self) -> int:
        """About how many multiplications it takes."""
        return max(math.prod(s) * max(s, default=0) for s in self.shapes)


def _matrices(types: Types, params: Params) -> Sequence[int]:
    return [2] * len(types)


def _none(shapes: Shapes, element: str, params: Params) -> Areas:
    return {}


def _always(shapes: Shapes, params: Params) -> bool:
    return True


class Routine(NamedTuple):
    """Generated code for a primitive on stacks of matrices."""

    op: Primitive
    #: Emits the work on one matrix; gives an ``i1`` that says whether it failed, or None if it cannot.
    one: Callable[[Task], Value | None]
    areas: Callable[[Shapes, str, Params], Areas] = _none
    #: How many axes of each operand belong to one matrix.
    ranks: Callable[[Types, Params], Sequence[int]] = _matrices
    #: Whether the shapes of one matrix are within what is emitted.
    accepts: Callable[[Shapes, Params], bool] = _always
    #: The positions of operands that are boolean.
    booleans: frozenset[int] = frozenset()
    #: Whether the reference computes in single precision; NumPy's own ``linalg`` never does.
    single: bool = False

    def supports(self, types: Types, params: Params) -> bool:
        """Whether there is code for operands of these types."""
        dtype = types[0].dtype
        if dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
            return False
        for k, t in enumerate(types):
            if t.weak or t.dtype != (np.dtype(np.bool_) if k in self.booleans else dtype):
                return False
        leads, one = self._split(types, params)
        return len(set(leads)) == 1 and self.accepts([t.shape for t in one], params)

    def scratch(self, types: Types, params: Params) -> int:
        """Bytes of scratch memory; the same ones for every matrix of the stack."""
        _, one = self._split(types, params)
        element = self._element(types)
        return sum(_size(a, element) for a in self._areas(one, params).values())

    def _element(self, types: Types) -> str:
        return STORAGE[types[0].dtype] if self.single else "double"

    def _results(self, one: Types, params: Params) -> Shapes:
        inferred = self.op.infer(one, *params)
        found = [inferred] if isinstance(inferred, ArrayType) else inferred.items
        return [t.shape for t in found]

    def _areas(self, one: Types, params: Params) -> Areas:
        shapes, element = [t.shape for t in one], self._element(one)
        areas = dict(self.areas(shapes, element, params))
        if element != STORAGE[one[0].dtype]:  # copies in double precision
            for k, shape in enumerate([*shapes, *self._results(one, params)]):
                areas[f"wide {k}"] = "", math.prod(shape)
        return areas

    def emit(
        self,
        f: Function,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        scratch: Value,
        types: Types,
        params: Params,
    ) -> Value | None:
        """Emit the work on the whole stack; gives an ``i1``, whether any failed, or None.

        ``scratch`` is aligned to 64 bytes.
        """
        (lead, *_), one = self._split(types, params)
        element, stored = self._element(types), STORAGE[types[0].dtype]
        shapes, results = [t.shape for t in one], self._results(one, params)
        count = math.prod(lead)
        if count == 0 or not any(math.prod(r) for r in results):
            return None
        areas, at = {}, 0
        for name, area in self._areas(one, params).items():
            areas[name] = f.offset(scratch, "i8", at)
            at += _size(area, element)
        if count == 1:
            task = Task(f, element, [*inputs], [*outputs], areas, shapes, params, stored)
            return self._widened(task, results)
        loop = f.begin(count, [Value("false", "i1")])

        def moved(pointer: Value, shape: tuple[int, ...], kind: str = stored) -> Value:
            return f.offset(pointer, kind, f.binary("mul", loop.index, math.prod(shape)))

        given = [
            moved(p, s, "i8" if k in self.booleans else stored)
            for k, (p, s) in enumerate(zip(inputs, shapes, strict=True))
        ]
        made = [moved(p, s) for p, s in zip(outputs, results, strict=True)]
        task = Task(f, element, given, made, areas, shapes, params, stored)
        failed = self._widened(task, results)
        (before,) = loop.carried
        (any_failed,) = f.end(
            loop, [before if failed is None else f.binary("or", before, failed)]
        )
        return None if failed is None else any_failed

    def _widened(self, task: Task, results: Shapes) -> Value | None:
        """The work on one matrix, in double precision if the reference takes that."""
        f, element, stored = task.f, task.element, task.stored
        if element == stored:
            return self.one(task)
        given = [task.areas[f"wide {k}"] for k in range(len(task.inputs))]
        made = [task.areas[f"wide {len(given) + k}"] for k in range(len(task.outputs))]
        for to, source, shape in zip(given, task.inputs, task.shapes, strict=True):
            convert(f, to, element, source, stored, math.prod(shape))
        failed = self.one(task._replace(inputs=given, outputs=made))
        for to, source, shape in zip(task.outputs, made, results, strict=True):
            convert(f, to, stored, source, element, math.prod(shape))
        return failed

    def _split(
        self, types: Types, params: Params
    ) -> tuple[list[tuple[int, ...]], list[ArrayType]]:
        ranks = self.ranks(types, params)
        pairs = list(zip(types, ranks, strict=True))
        return [t.shape[: t.ndim - r] for t, r in pairs], [
            t.with_shape(t.shape[t.ndim - r :]) for t, r in pairs
        ]


def _size(area: tuple[str, int], element: str) -> int:
    kind, count = area
    each = _BYTES[integer() if kind == "integer" else kind or element]
    return -(-count * each // 64) * 64


# -- copies ----------------------------------------------------------------------------------------


def copy(f: Function, element: str, to: Value, source: Value, count: int) -> None:
    """Copy neighbouring elements."""
    if count:
        name, size = "llvm.memcpy.p0.p0.i64", f.constant(count * _BYTES[element], "i64")
        f.module.declare(name, f"declare void @{name}(ptr, ptr, i64, i1)")
        f.call(name, [to, source, size, Value("false", "i1")])


def clear(f: Function, element: str, to: Value, count: int) -> None:
    """Fill with zeros."""
    if count:
        name, size = "llvm.memset.p0.i64", f.constant(count * _BYTES[element], "i64")
        f.module.declare(name, f"declare void @{name}(ptr, i8, i64, i1)")
        f.call(name, [to, Value("0", "i8"), size, Value("false", "i1")])


def convert(f: Function, to: Value, element: str, source: Value, stored: str, count: int) -> None:
    """Copy neighbouring elements in another precision."""
    op = "fpext" if element == "double" else "fptrunc"
    done = 0
    for width in (8, 1):
        blocks = (count - done) // width
        if blocks == 0:
            continue
        begin, into = f.offset(source, stored, done), f.offset(to, element, done)
        loop = f.begin(blocks)
        at = f.binary("mul", loop.index, width)
        x = f.load(f.offset(begin, stored, at), stored, width)
        f.store(f.convert(op, x, element), f.offset(into, element, at))
        f.end(loop)
        done += blocks * width


def transpose(
    f: Function,
    element: str,
    to: Value,
    source: Value,
    rows: int,
    columns: int,
    *,
    stride: int | None = None,
    to_stride: int | None = None,
) -> None:
    """Copy a matrix by rows to one by columns, several rows at a time.

    ``stride`` is from one row to the next in the source, ``to_stride`` from one column to the next.
    """
    stride, to_stride = stride or columns, to_stride or rows
    if (rows == 1 and to_stride == 1) or (columns == 1 and stride == 1):
        copy(f, element, to, source, rows * columns)
        return
    done = 0
    for width in (8, 1):
        blocks = (rows - done) // width
        if blocks == 0 or columns == 0:
            continue
        first, into = f.offset(source, element, done * stride), f.offset(to, element, done)
        block = f.begin(blocks)
        below = f.offset(first, element, f.binary("mul", block.index, width * stride))
        into = f.offset(into, element, f.binary("mul", block.index, width))
        across = f.begin(columns)
        at = f.offset(below, element, across.index)
        gathered = None
        for k in range(width):
            entry = f.load(f.offset(at, element, k * stride), element)
            gathered = entry if width == 1 else _insert(f, gathered, entry, k, width)
        assert gathered is not None
        f.store(gathered, f.offset(into, element, f.binary("mul", across.index, to_stride)))
        f.end(across)
        f.end(block)
        done += blocks * width


def _insert(f: Function, into: Value | None, x: Value, k: int, width: int) -> Value:
    kind = Value("", x.element, width).type
    start = "poison" if into is None else into.text
    return f.value(f"insertelement {kind} {start}, {x}, i64 {k}", x.element, width)


# -- LAPACK --------------------------------------------------------------------------------------


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


def call(task: Task, name: str, *args: Value | str | int) -> Value:
    """Call LAPACK, with ``info`` as the last argument; gives whether it failed."""
    f = task.f
    info = f.space(integer(), 1)
    given = [
        a if isinstance(a, Value) else char(f, a) if isinstance(a, str) else whole(f, a)
        for a in args
    ]
    with alone(f, task.work):
        f.external(f"lapack_{LETTER[task.element]}{name}", [*given, info])
    return f.icmp("ne", f.load(info, integer()), 0)
