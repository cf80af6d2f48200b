"""Interned expression nodes.

A node is ``op(*args, *params)``: a primitive, the nodes it reads, and its static parameters. Two
nodes are the same object exactly when they are the same expression, so equality is ``is``, common
subexpressions are shared without looking for them, and a walk may rebuild freely.

A node holds no user array. What varies enters by :func:`input_node`, keyed by the nesting level of
the trace, a position and a type; so tracing the same program twice gives the very same nodes, and
a program compiled for the first is found again by identity.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Any
from weakref import ref

import numpy as np

from .literal import Literal
from .primitive import Primitive
from .types import ArrayType, TupleType, Type


class Node:
    """One operation applied to nodes. Made by :func:`node` only; never changed.

    ``level`` is the nesting depth of the innermost trace whose input it depends on, 0 for none: a
    walk at level ``k`` treats every node below ``k`` as a constant, which is what makes
    perturbation confusion impossible.
    """

    __slots__ = ("__weakref__", "args", "level", "op", "params", "type")

    op: Primitive
    args: tuple[Node, ...]
    params: tuple[Any, ...]
    type: Any  # Type; Any spares every rule a narrowing
    level: int

    def __repr__(self) -> str:
        words = [f"%{id(a) & 0xFFFF:04x}" for a in self.args] + [repr(p) for p in self.params]
        return f"{self.op.name}({', '.join(words)}): {self.type}"

    def __reduce__(self) -> Any:
        raise TypeError("a node is pickled as part of a Graph")


class _Reference(ref[Any]):
    """A weak reference that remembers its key in the table."""

    __slots__ = ("key",)

    key: Hashable


_table: dict[Hashable, _Reference] = {}


def _forget(reference: _Reference) -> None:
    if _table.get(reference.key) is reference:
        del _table[reference.key]


def node(
    op: Primitive,
    args: tuple[Node, ...] = (),
    params: tuple[Any, ...] = (),
    type: Type | None = None,
) -> Node:
    """The node for ``op(*args, *params)``: the existing one if there is one.

    ``type`` spares the inference when the caller knows the type already.
    """
    key = (op, params, args)
    reference = _table.get(key)
    if reference is not None:
        found: Node | None = reference()
        if found is not None:
            return found
    made = Node.__new__(Node)
    made.op = op
    made.args = args
    made.params = params
    made.type = op.infer([a.type for a in args], *params) if type is None else type
    level = 0
    for arg in args:
        if arg.level > level:  # noqa: PLR1730 - max() costs several times as much
            level = arg.level
    made.level = level
    reference = _Reference(made, _forget)
    reference.key = key
    # A lost race between threads costs a duplicate node, never a wrong one.
    _table[key] = reference
    return made


class _Input(Primitive):
    """A leaf: a value that is bound when the graph is evaluated."""

    name = "input"
    parameters = ("level", "position", "type")

    def infer(self, types: Sequence[ArrayType], level: int, position: Any, type: Type) -> Type:
        return type


class _Constant(Primitive):
    """A leaf: a number that stands in the program."""

    name = "constant"
    parameters = ("value",)

    def infer(self, types: Sequence[ArrayType], value: Literal) -> ArrayType:
        return ArrayType(value.array.shape, value.array.dtype, value.weak)

    def evaluate(self, arrays: Sequence[Any], value: Literal) -> Any:
        return value.array[()]

    def batch(self, args: Any, batched: Any, size: int, value: Literal) -> Any:
        raise AssertionError("a constant is never batched")


class _Item(Primitive):
    """One component of a node with several results."""

    name = "item"
    parameters = ("index",)

    def infer(self, types: Sequence[Any], index: int) -> ArrayType:
        (tuple_type,) = types
        assert isinstance(tuple_type, TupleType)
        return tuple_type.items[index]

    def evaluate(self, arrays: Sequence[Any], index: int) -> Any:
        return arrays[0][index]

    def jvp(self, out: Any, args: Any, tangents: Any, index: int) -> Any:
        return tangents[0][index]

    def batch(self, args: Any, batched: Any, size: int, index: int) -> Any:
        return args[0][index]


INPUT = _Input()
CONSTANT = _Constant()
ITEM = _Item()


def input_node(level: int, position: Hashable, type: Type) -> Node:
    """The input of a trace at nesting ``level``; level 0 is for captured values."""
    made = node(INPUT, (), (level, position, type), type)
    made.level = level
    return made


def constant(value: Any, *, weak: bool | None = None) -> Node:
    """A literal. An array filled with one value is better given as a broadcast of that value."""
    # Zero is left out: 0.0 and -0.0 are equal, so a cache would mix them up.
    if weak is None and type(value) in (float, int) and value:
        return _number(value)
    return node(CONSTANT, (), (Literal(value, weak=weak),))


@lru_cache(maxsize=4096, typed=True)
def _number(value: float) -> Node:
    return node(CONSTANT, (), (Literal(value),))


def item(tuple_node: Node, index: int) -> Node:
    """Component ``index`` of a node with several results."""
    return node(ITEM, (tuple_node,), (index,), tuple_node.type.items[index])


def is_literal(n: Node, value: float) -> bool:
    """Whether ``n`` is the scalar literal ``value`` (``-0.0`` is not ``0.0``)."""
    if n.op is not CONSTANT or n.type.shape:
        return False
    array = n.params[0].array
    return bool(array == value) and not (value == 0 and np.signbit(array.real))
