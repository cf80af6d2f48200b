"""Where values lie: buffers, and views of them.

A node that only moves elements (a transpose, a broadcast, a slice, most reshapes) computes nothing:
its value is a :class:`View` of the buffer of another. Strides count elements, so that a broadcast
is a stride of 0 and a diagonal the sum of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..ir.node import Node
from ..ops.structural import BasicIndex

Shape: TypeAlias = tuple[int, ...]


@dataclass(eq=False, slots=True)
class Buffer:
    """Room for one array: an input, an output, a constant, or scratch in the workspace.

    ``index`` says which input, output or constant; of scratch, how many bytes into the workspace.
    """

    dtype: np.dtype
    size: int
    place: str = "scratch"
    index: int = -1
    #: Of a "part": the buffer it is in, at ``index`` bytes; of a "block", the one it moves along.
    base: Buffer | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return self.size * self.dtype.itemsize


class View(NamedTuple):
    """Elements of a buffer as an array."""

    buffer: Buffer
    offset: int
    shape: Shape
    strides: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the elements."""
        return self.buffer.dtype

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its buffer, in order."""
        return (
            self.offset == 0
            and self.strides == row_major(self.shape)
            and self.buffer.size == count(self.shape)
        )

    def broadcast(self, shape: Shape, axes: Sequence[int]) -> View:
        """Repeated: axis ``k`` becomes axis ``axes[k]``, counted from the right."""
        strides = [0] * len(shape)
        for stride, axis in zip(self.strides, axes, strict=True):
            strides[axis] = stride
        return View(self.buffer, self.offset, shape, tuple(strides))

    def transpose(self, axes: Sequence[int]) -> View:
        """The trailing axes permuted."""
        lead = range(len(self.shape) - len(axes))
        order = (*lead, *(a + len(self.shape) for a in axes))
        shape, strides = (tuple(x[k] for k in order) for x in (self.shape, self.strides))
        return View(self.buffer, self.offset, shape, strides)

    def part(self, index: BasicIndex) -> View:
        """Part of the trailing axes, as ``slice`` takes it."""
        lead = len(self.shape) - len(index)
        offset = self.offset
        shape, strides = list(self.shape[:lead]), list(self.strides[:lead])
        for entry, stride, length in zip(
            index, self.strides[lead:], self.shape[lead:], strict=True
        ):
            if isinstance(entry, int):
                offset += (entry % length) * stride
            else:
                start, number, step = entry
                offset += start * stride if number else 0
                shape.append(number)
                strides.append(stride * step)
        return View(self.buffer, offset, tuple(shape), tuple(strides))

    def reshape(self, shape: Shape) -> View | None:
        """Under another shape, if that is a view: runs of axes that lie together may be regrouped."""
        if 0 in self.shape:
            return View(self.buffer, self.offset, shape, row_major(shape))
        old = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        new = [n for n in shape if n != 1]
        strides: list[int] = []
        i = j = 0
        while i < len(old) and j < len(new):
            have, want, i2, j2 = old[i][0], new[j], i + 1, j + 1
            while have != want:
                if have < want:
                    have *= old[i2][0]
                    i2 += 1
                else:
                    want *= new[j2]
                    j2 += 1
            for (_, s), (n, t) in zip(old[i : i2 - 1], old[i + 1 : i2], strict=True):
                if s != n * t:
                    return None
            step = old[i2 - 1][1]
            run = []
            for n in reversed(new[j:j2]):
                run.append(step)
                step *= n
            strides.extend(reversed(run))
            i, j = i2, j2
        supply = iter(strides)
        return View(
            self.buffer, self.offset, shape, tuple(0 if n == 1 else next(supply) for n in shape)
        )

    def indexed(self, letters: str, wanted: str, lengths: dict[str, int]) -> View:
        """The axes named by ``letters`` (repeated: a diagonal) in the order ``wanted``.

        An index that the array does not have is repeated along.
        """
        strides: dict[str, int] = {}
        for c, stride in zip(letters, self.strides, strict=True):
            strides[c] = strides.get(c, 0) + stride
        return View(
            self.buffer,
            self.offset,
            tuple(lengths[c] for c in wanted),
            tuple(strides.get(c, 0) for c in wanted),
        )


class Immediate(NamedTuple):
    """A number that stands in the program, as an array of any shape."""

    value: Any
    dtype: np.dtype
    shape: Shape


Source: TypeAlias = View | Immediate


def whole(buffer: Buffer, shape: Shape) -> View:
    """All of a buffer, in order."""
    return View(buffer, 0, shape, row_major(shape))


def row_major(shape: Shape) -> tuple[int, ...]:
    """The strides of an array whose last axis varies fastest."""
    strides = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def count(shape: Shape) -> int:
    """The number of elements."""
    size = 1
    for n in shape:
        size *= n
    return size


@dataclass(eq=False)
class Statement:
    """One value for every element of a nest's domain, or one reduction over some of its axes.

    ``op`` is a row, or ``"copy"`` (of the one read) or ``"product"`` (of all reads). ``reads`` are
    statements of the same nest, or sources in memory with the shape of the domain; ``indices`` are
    what is added to the place of a read by index arrays. ``target`` is where the value goes, with
    the shape of the domain (stride 0 along reduced axes), and ``None`` if it stays in registers.
    """

    op: Any
    reads: list[Statement | Source | Indirect]
    dtype: np.dtype
    reduce: str = ""
    axes: frozenset[int] = frozenset()
    target: View | Indirect | None = None
    stored: bool = False
    #: Whether the target is added to rather than set.
    adds: bool = False


@dataclass(eq=False)
class Indirect:
    """A view read or written at index arrays: for each, its source, stride and axis length."""

    view: View
    indices: list[tuple[Statement | Source, int, int]]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the elements."""
        return self.view.dtype


@dataclass(eq=False)
class Nest:
    """Statements over one domain of indices: loops of which all share the loads."""

    domain: Shape
    statements: list[Statement]


@dataclass(eq=False)
class Straight:
    """Statements over small domains, without loops; arrays of up to ``most`` elements are vectors.

    ``begun`` are the buffers of which an earlier step has written a part.
    """

    domains: list[Shape]
    statements: list[Statement]
    most: int
    begun: set[Buffer] = field(default_factory=set)


@dataclass(eq=False)
class Product:
    """A sum of products of two operands over ``summed``: a (batched) product of matrices.

    Operands and target are given by index letters. ``adds`` has it added to the target.
    """

    left: View
    right: View
    target: View
    letters: tuple[str, str, str]
    lengths: dict[str, int]
    adds: bool = False


@dataclass(eq=False)
class Scan:
    """A running reduction along ``axis``, from the end if ``reverse``: of what ``kind`` says."""

    kind: str
    sources: list[View]
    target: View
    axis: int
    reverse: bool

    @property
    def targets(self) -> list[View]:
        """What it writes."""
        return [self.target]


@dataclass(eq=False)
class Library:
    """A routine of LAPACK: ``node`` on contiguous arrays, with some scratch of its own."""

    node: Node
    sources: list[View]
    targets: list[View]
    scratch: Buffer


@dataclass(eq=False)
class Callback:
    """An operation computed by its NumPy reference, called from the program."""

    name: str
    compute: Callable[..., Any]
    sources: list[Source]
    targets: list[View | None]


@dataclass(eq=False)
class Strip:
    """Steps done block by block along one axis of theirs, so that what they make stays close.

    ``steps`` do one block of ``length`` places, ``rest`` the last, shorter one. ``moved`` are the
    buffers that a block sees the part of: for each, how many elements it moves on with a place.
    With a ``guard``, blocks of one place are done where this view, of truths, is true.
    """

    trips: int
    length: int
    steps: list[Step]
    rest: list[Step]
    moved: list[tuple[Buffer, int]]
    arena: Buffer
    share: Share | None = None
    guard: View | None = None


@dataclass(eq=False)
class Repeat:
    """Steps done ``trips`` times, one after the other: a loop whose trips depend on those before.

    What goes round lies in one half of a buffer and then in the other. ``carried`` says for each:
    the buffers that the steps read and write, which stand for the halves of their base, and how
    many elements are from one half to the other. ``moved`` are the rows that a trip sees of an
    array: the buffer that stands for a row, where the first is, and how far it is to the next.
    ``sources`` and ``targets`` are all that is read and written outside.
    """

    trips: int
    reverse: bool
    steps: list[Step]
    is_long: bool
    carried: list[tuple[Buffer, Buffer, int]]
    moved: list[tuple[Buffer, View, int]]
    sources: list[View]
    targets: list[View]
    arena: Buffer


@dataclass(eq=False)
class Share:
    """How several threads do a strip: its blocks are dealt out in ``parts``.

    The strip's arena has one of ``arena`` bytes for each thread; behind these, for each part the
    ``nbytes`` of its sums. Those are, for each buffer that is added up, by what operation, and
    where among the sums of a part.
    """

    threads: int
    parts: int
    arena: int
    sums: list[tuple[Buffer, str, int]]
    nbytes: int


Step: TypeAlias = Nest | Straight | Product | Scan | Library | Callback | Strip | Repeat
