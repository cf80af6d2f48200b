"""What the rules of calls and loops do with bodies: plan them, and give them further variables.

A rule works on the body's own nodes. The variables that it adds there, for tangents and the like,
are inputs named by a role and a number; closing the derived body names them by position anew.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..ir.graph import Graph, dependents, toposort
from ..ir.node import Node, constant, input_node, node
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType
from . import arithmetic as ar
from .elementwise import where
from .program import Program
from .structural import broadcast, cast, concatenate, place, reshape, slice_, transpose, zeros


@lru_cache(maxsize=256)
def planned(body: Graph) -> Program:
    """The body as a program, planned once for all nodes that hold it."""
    return Program(body)


def fit(what: str, types: Sequence[ArrayType], variables: Sequence[Node]) -> None:
    """Refuse types that are not those of the variables."""
    if len(types) != len(variables):
        raise ValueError(f"the body takes {len(variables)} arguments, not {len(types)}")
    for k, (t, v) in enumerate(zip(types, variables, strict=True)):
        if (t.shape, t.dtype) != (v.type.shape, v.type.dtype):
            raise ValueError(f"{what} {k} is {t}, and the body takes {v.type}")


# -- variables of a body ---------------------------------------------------------------------------


def variable(role: str, number: int, like: Node) -> Node:
    """A further variable for a body, of the type of ``like``."""
    return input_node(1, (role, number), like.type.strong())


def widened(variables: Sequence[Node], batched: Sequence[bool], size: int) -> dict[Node, Node]:
    """For each batched variable, the one that stands for all its examples."""
    return {
        v: input_node(1, ("examples", i), v.type.with_shape((size, *v.type.shape)))
        for i, v in enumerate(variables)
        if batched[i]
    }


def chosen(marks: Sequence[bool], items: Sequence[Any]) -> list[Any]:
    """The items that are marked."""
    return [item for item, mark in zip(items, marks, strict=True) if mark]


def grown(marks: list[bool], more: Iterable[bool]) -> bool:
    """Set the first marks where ``more`` says so; whether any of these is new."""
    before = list(marks)
    for k, m in enumerate(more):
        marks[k] = marks[k] or m
    return marks != before


def frontier(linear: Sequence[Node], seeds: Sequence[Node]) -> list[Node]:
    """What ``linear`` reads that does not depend on the ``seeds``, but for literals.

    What is only repeated along new axes is repeated again rather than kept.
    """
    order = toposort(linear)
    moving = dependents(order, seeds)
    found: dict[Node, None] = {}
    for n in (*linear, *(a for m in order if m in moving for a in m.args)):
        source = n
        while source not in moving and source.op is broadcast:
            (source,) = source.args
        if source not in moving and source.level:
            found[source] = None
    return list(found)


#: What is computed again rather than kept, if what it is computed from is kept anyway.
_CHEAP = frozenset({
    ar.add, ar.subtract, ar.negative, ar.multiply, ar.square, ar.less, ar.less_equal, ar.greater,
    ar.greater_equal, ar.equal, ar.maximum, ar.minimum, ar.absolute, ar.real, ar.imag, ar.conjugate, where,
    broadcast, reshape, transpose, slice_, place, concatenate, cast,
})  # fmt: skip

#: At most so many operations are done again for a value.
_AGAIN = 6


def lighter(found: Sequence[Node], free: Container[Node], varying: Container[Node]) -> list[Node]:
    """What to keep for ``found`` to be computed from: as few bytes as cheap operations allow.

    What is ``free`` is at hand, and what is not ``varying`` is kept once for all trips.
    """
    kept = dict.fromkeys(n for n in found if n not in free)
    read = dict.fromkeys(n for n in found if n in free)
    for n in sorted(kept, key=lambda n: -_bytes(n)):
        if n not in varying:
            continue
        leaves: dict[Node, None] = {}
        inside = [n]
        for m in inside:
            if m.op not in _CHEAP:
                break
            for a in m.args:
                if not a.level or a in leaves:
                    continue
                if a in kept or a in free or a not in varying or a.op not in _CHEAP:
                    leaves[a] = None
                elif a not in inside:
                    inside.append(a)
            if len(inside) > _AGAIN:
                break
        else:
            more = [a for a in leaves if a not in kept and a not in free]
            if sum(_bytes(a) for a in more if a in varying) < _bytes(n):
                del kept[n]
                kept.update(dict.fromkeys(more))
                read.update(dict.fromkeys(a for a in leaves if a in free))
    return [*read, *kept]


def _bytes(n: Node) -> int:
    size: int = n.type.size * n.type.dtype.itemsize
    return size


# -- types -----------------------------------------------------------------------------------------


def zero(t: ArrayType) -> Node:
    """Zeros as a node."""
    scalar = constant(t.dtype.type(0))
    return node(broadcast, (scalar,), (t.shape, ())) if t.shape else scalar


def typed(n: Node, like: Node) -> Node:
    """``n`` as the dtype of what it is a tangent or cotangent of."""
    dtype = like.type.dtype
    return n if n.type.dtype == dtype else cast.build((n,), dtype, False)


def conformed(t: Array, variable: Node) -> Array:
    """An operand of the dtype that ``variable`` has."""
    return cast(t, variable.type.dtype)


def start(t: Maybe, primal: Array, variable: Node) -> Array:
    """A tangent or cotangent to begin with: zeros if it is zero by structure."""
    return zeros(np.shape(primal), variable.type.dtype) if t is None else conformed(t, variable)
