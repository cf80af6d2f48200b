"""Which axes of a program are one and the same, found by union over the operations.

A size is an integer in a type; that two sizes are equal numbers proves nothing, for the number of
rows and the number of columns may agree by chance. What proves it is an operation that needs them
equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..ir.node import INPUT, ITEM, Node
from ..ir.types import TupleType
from ..ops.contraction import einsum, split_subscripts
from ..ops.elementwise import Elementwise
from ..ops.indexing import gather, scatter_add
from ..ops.monomial import ANONYMOUS, Axis
from ..ops.structural import (
    broadcast,
    cast,
    concatenate,
    place,
    reduce_sum,
    reshape,
    slice_,
    stop_gradient,
    transpose,
)

#: Linear algebra on square matrices: both axes of these arguments are one.
_SQUARE = frozenset({"solve", "inv", "slogdet", "det", "cholesky", "eigh", "trace", "matrix_power"})
#: Operations that keep the shape of their first argument.
_SHAPE_KEEPING = frozenset(
    {"softmax", "shares", "log_softmax", "cumsum", "cumprod", "sort", "linear_recurrence"}
)


class Axes:
    """The axes of every node of a program, numbered in order of first use."""

    def __init__(self, order: Iterable[Node]) -> None:
        self._parents: list[int] = []
        self._lengths: list[int] = []
        self._slots: dict[Node, tuple[int, ...]] = {}
        self._found: dict[int, Axis] = {}
        self._own: set[int] | None = None  # those of inputs, when the first axis is asked for
        order = list(order)
        users = Counter(a for n in order for a in n.args)
        #: Nodes that several others read, with the axes along which they are only repeated numbers:
        #: equal nodes are one object, and prove nothing of who else reads them.
        everywhere = _repeated(order)
        self._repeated = {
            n: free for n, free in everywhere.items() if users[n] > 1 and any(free)
        }
        self._met: dict[int, list[int]] = {}
        for n in order:
            if type(n.type) is TupleType:
                self._square(n.op.name, n.args[0])
                continue
            self._slots[n] = tuple(self._new(length) for length in n.type.shape)
            self._relate(n)
        for slot, met in reversed(self._met.items()):  # all who read it agree
            if len({self._root(m) for m in met}) == 1:
                self._union(slot, met[0])

        self._free = {
            self._slots[n][k] for n, free in everywhere.items() for k, f in enumerate(free) if f
        }

    def of(self, n: Node) -> tuple[Axis, ...]:
        """The axes of ``n``."""
        return tuple(self._axis(s) for s in self._slots[n])

    def __contains__(self, n: Node) -> bool:
        return n in self._slots

    def join(self, first: tuple[Node, int], second: tuple[Node, int]) -> None:
        """Declare two axes to be one; before any is asked for."""
        self._union(self._slots[first[0]][first[1]], self._slots[second[0]][second[1]])

    # -- union and find --------------------------------------------------------------------------

    def _new(self, length: int) -> int:
        self._parents.append(len(self._parents))
        self._lengths.append(length)
        return len(self._parents) - 1

    def _root(self, slot: int) -> int:
        parents = self._parents
        while parents[slot] != slot:
            parents[slot] = parents[parents[slot]]
            slot = parents[slot]
        return slot

    def _union(self, a: int, b: int) -> None:
        a, b = self._root(a), self._root(b)
        if a != b and self._lengths[a] == self._lengths[b]:
            self._parents[max(a, b)] = min(a, b)

    def adopt(self, places: Sequence[tuple[Node, int]]) -> None:
        """Take every axis of no argument for that one of ``places`` which is as long.

        For sizes that were chosen to be all different; what is derived so is to be tried for
        other ones.
        """
        known = {self._root(self._slots[n][k]) for n, k in places}
        by_length: dict[int, set[int]] = {}
        for root in known:
            by_length.setdefault(self._lengths[root], set()).add(root)
        mine = self._roots_of_inputs()
        for slot, length in enumerate(self._lengths):
            fitting = by_length.get(length, set())
            if len(fitting) == 1 and self._root(slot) not in mine:
                self._union(slot, next(iter(fitting)))

    def adopt_repeated(self) -> None:
        """Take an axis of a number that is only repeated for that of the inputs which is as long.

        Where two axes of inputs are, nothing says which one it is.
        """
        mine = self._roots_of_inputs()
        by_length: dict[int, set[int]] = {}
        for root in mine:
            by_length.setdefault(self._lengths[root], set()).add(root)
        for slot in sorted(self._free):
            fitting = by_length.get(self._lengths[slot], set())
            if len(fitting) == 1 and self._root(slot) not in mine and self._lengths[slot] > 1:
                self._union(slot, next(iter(fitting)))

    def _roots_of_inputs(self) -> set[int]:
        return {self._root(s) for n, slots in self._slots.items() if n.op is INPUT for s in slots}

    def _axis(self, slot: int) -> Axis:
        if self._own is None:
            self._own = self._roots_of_inputs()
        root = self._root(slot)
        if root not in self._found:
            number = root if root in self._own else ANONYMOUS + root
            self._found[root] = Axis(number, self._lengths[root])
        return self._found[root]

    # -- what the operations prove ---------------------------------------------------------------

    def _relate(self, n: Node) -> None:
        op, out, slots = n.op, self._slots[n], self._slots
        if isinstance(op, Elementwise) or op in (cast, stop_gradient) or op.name in _SHAPE_KEEPING:
            for arg in n.args:
                if len(slots[arg]) == len(out):
                    free = self._repeated.get(arg, ())
                    for k, (a, b) in enumerate(zip(slots[arg], out, strict=True)):
                        if not free or not free[k]:
                            self._union(a, b)
                        else:
                            self._met.setdefault(a, []).append(b)
        elif op is einsum:
            self._einsum(n)
        elif op in (slice_, place):
            self._partial(n)
        elif op in (broadcast, transpose, reshape, concatenate):
            self._moved(n)
        elif op is reduce_sum or (op.parameters[:1] == ("axes",) and len(n.args) == 1):
            source = slots[n.args[0]]
            kept = tuple(s for k, s in enumerate(source) if k - len(source) not in n.params[0])
            self._pair(kept, out)
        elif op in (gather, scatter_add):
            self._picked(n)
        elif n.args:
            self._linear_algebra(n)

    def _picked(self, n: Node) -> None:
        """Rows of an array by a vector of their numbers, and rows added up so."""
        slots = self._slots
        every = (n.params[0],) if n.op is gather else n.params[1]
        if len(n.args) != 2 * len(every):
            return
        for x, labels, axes in zip(n.args[::2], n.args[1::2], every, strict=True):
            whole, rows = (x, n) if n.op is gather else (n, x)
            if labels.type.ndim != 1 or len(slots[whole]) != len(slots[rows]):
                continue
            for k, (a, b) in enumerate(zip(slots[whole], slots[rows], strict=True)):
                at = k - len(slots[whole]) == axes[0]
                self._union(slots[labels][0] if at else a, b)

    def _moved(self, n: Node) -> None:
        """Axes that come out elsewhere, or beside new ones."""
        op, out, slots = n.op, self._slots[n], self._slots
        source = slots[n.args[0]]
        if op is broadcast:
            self._pair(source, tuple(out[a] for a in n.params[1]))
        elif op is transpose:
            lead = len(source) - len(n.params[0])
            self._pair(source[:lead] + tuple(source[a] for a in n.params[0]), out)
        elif op is reshape:
            self._reshape(source, out)
        else:
            for arg in n.args:
                for k, (a, b) in enumerate(zip(slots[arg], out, strict=True)):
                    if k - len(out) != n.params[0]:
                        self._union(a, b)

    def _linear_algebra(self, n: Node) -> None:
        name, slots = n.op.name, self._slots
        if n.op is ITEM:
            self._factor(n)
            return
        self._square(name, n.args[0])
        if name in ("inv", "cholesky", "matrix_power"):
            self._pair(slots[n.args[0]], slots[n])
        elif name == "solve":
            right = slots[n.args[1]]
            self._pair(right, slots[n])
            self._union(slots[n.args[0]][-1], right[-1 if len(right) == 1 else -2])

    def _factor(self, n: Node) -> None:
        """The first factor has the rows of the matrix, and the last one its columns."""
        (whole,) = n.args
        source, out = self._slots.get(whole.args[0], ()), self._slots[n]
        if len(source) == len(out) == 2 and whole.op.name in ("svd", "qr", "eigh"):
            self._union(source[0], out[0])
            if n.params[0]:
                self._union(source[1], out[1])
        elif len(out) == 1 and whole.op.name == "eigh":
            self._union(source[0], out[0])

    def _pair(self, first: tuple[int, ...], second: tuple[int, ...]) -> None:
        for a, b in zip(first, second, strict=False):
            self._union(a, b)

    def _square(self, name: str, arg: Node) -> None:
        if name in _SQUARE and type(arg.type) is not TupleType and len(self._slots[arg]) >= 2:
            shape = arg.type.shape
            if shape[-1] == shape[-2]:
                self._union(self._slots[arg][-1], self._slots[arg][-2])

    def _reshape(self, source: tuple[int, ...], out: tuple[int, ...]) -> None:
        """Axes of length 1 come and go; if all others stay, they are the same."""
        kept = [s for s in source if self._lengths[s] != 1]
        left = [s for s in out if self._lengths[s] != 1]
        if [self._lengths[s] for s in kept] == [self._lengths[s] for s in left]:
            self._pair(tuple(kept), tuple(left))

    def _einsum(self, n: Node) -> None:
        inputs, output = split_subscripts(n.params[0])
        first: dict[str, int] = {}
        rows = [*((letters, self._slots[a]) for letters, a in zip(inputs, n.args, strict=True))]
        for letters, slots in (*rows, (output, self._slots[n])):
            for letter, slot in zip(letters, slots, strict=True):
                self._union(first.setdefault(letter, slot), slot)

    def _partial(self, n: Node) -> None:
        """An axis that is read or filled whole is the same axis."""
        out = self._slots[n]
        if n.op is slice_:
            pieces = [(out, self._slots[n.args[0]], n.params[0])]
        else:
            pieces = [
                (self._slots[a], out, index) for a, index in zip(n.args, n.params[1], strict=True)
            ]
        for small, big, index in pieces:
            lead = len(big) - len(index)
            self._pair(small[:lead], big[:lead])
            rest = iter(small[lead:])
            for slot, entry in zip(big[lead:], index, strict=True):
                if isinstance(entry, int):
                    continue
                part = next(rest)
                if tuple(entry) == (0, self._lengths[slot], 1):
                    self._union(slot, part)


def _repeated(order: Sequence[Node]) -> dict[Node, tuple[bool, ...]]:
    """The axes along which a node is one number, repeated, and has no length of its own."""
    found: dict[Node, tuple[bool, ...]] = {}
    for n in order:
        if n.op is broadcast:
            inner = found.get(n.args[0], (False,) * n.args[0].type.ndim)
            ndim = n.type.ndim
            kept = {a + ndim: k for k, a in enumerate(n.params[1])}
            found[n] = tuple(k not in kept or inner[kept[k]] for k in range(ndim))
        elif isinstance(n.op, Elementwise) and n.args and type(n.type) is not TupleType:
            each = [found.get(a) for a in n.args if a.type.ndim == n.type.ndim]
            if each and all(each):
                found[n] = tuple(map(all, zip(*(e for e in each if e), strict=True)))
    return found
