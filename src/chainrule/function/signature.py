"""How a call of a user's function looks: its nesting, its types, and what its rule must return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.jacobian import zeros
from ..errors import ArgumentError
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, TupleType, Type
from ..ops.structural import broadcast
from ..trace.recording import Trace, symbolic
from ..trace.tracer import Tracer
from ..trace.tree import Structure


class Fixed:
    """A leaf among the arguments that is not an array: an option, an object."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        plain = type(value) in (bool, int, str, bytes)
        self._key = (type(value), value if plain else id(value))

    def __eq__(self, other: object) -> bool:
        return type(other) is Fixed and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True)
class Signature:
    """How one call looks: what varies is in the node's arguments, everything else is here.

    ``rule`` is the recorded rule, a graph of (primals, results, directions, captures); ``None``
    says that the rule runs on values. ``sizes`` are the axes of examples that batching has put in
    front. ``ticket`` is different at every call whose rule is recorded only when it is needed: its
    captures are not known yet, so nothing derived from it may be reused.
    """

    arguments: Structure
    fixed: tuple[Fixed | None, ...]
    types: tuple[ArrayType, ...]
    results: Structure
    result_types: tuple[ArrayType, ...]
    rule: Graph | None = None
    sizes: tuple[int, ...] = ()
    ticket: int = 0

    @property
    def moving(self) -> list[int]:
        """The operands that have a derivative."""
        return [k for k, t in enumerate(self.types) if t.differentiable]

    @property
    def moving_results(self) -> list[int]:
        """The results that have a derivative."""
        return [k for k, t in enumerate(self.result_types) if t.differentiable]

    def nested(self, operands: Sequence[Any], *, blank: bool = False) -> tuple[Any, ...]:
        """The arguments made of these operands; with ``blank``, ``None`` for all that is fixed."""
        supply = iter(operands)
        leaves = [next(supply) if f is None else None if blank else f.value for f in self.fixed]
        tree: tuple[Any, ...] = self.arguments.unflatten(leaves)
        return tree

    def directions(self, found: Sequence[Any], *, forward: bool) -> Any:
        """Directions for what moves, nested as the rule takes them; ``None`` for what does not."""
        moving = self.moving if forward else self.moving_results
        count = len(self.types if forward else self.result_types)
        places = dict(zip(moving, found, strict=True))
        leaves = [places.get(k) for k in range(count)]
        return self.nested(leaves, blank=True) if forward else self.results.unflatten(leaves)


def varies(leaf: Any) -> bool:
    """Whether a leaf is an operand of the node rather than part of its signature."""
    if type(leaf) in (Tracer, float, complex):
        return True
    return isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "fciub"


def aligned(tree: Any, structure: Structure, verb: str, what: str) -> list[Any]:
    """The leaves of ``tree``, which nests as ``structure`` does, or is ``None`` for zeros."""
    if structure.kind is None:
        return [tree]
    if tree is None:
        return [None] * structure.count
    named = structure.keys and isinstance(structure.keys[0], str) and not isinstance(tree, dict)
    try:
        children = [getattr(tree, str(k)) if named else tree[k] for k in structure.keys]
        complete = named or len(tree) == len(children)
    except (KeyError, IndexError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise ArgumentError(
            f"{verb} returned a {type(tree).__name__} that does not nest like {what}; return one "
            f"entry for each of {len(structure.children)}, None for zero."
        )
    return [
        leaf
        for child, part in zip(children, structure.children, strict=True)
        for leaf in aligned(child, part, verb, what)
    ]


def fitted(part: Any, t: ArrayType, verb: str, trace: Trace) -> Node:
    """What a rule returned for something of type ``t``, as a node of that type."""
    if part is None:
        return zeros(t)
    tracer = trace.lift(part)
    _same_shape(tuple(tracer.node.type.shape), tracer.node.type.dtype, t, verb)
    if tracer.node.type.dtype != t.dtype or tracer.node.type.weak:
        tracer = tracer.astype(t.dtype)
    if tracer.node.type.shape != t.shape:
        tracer = trace.lift(np.broadcast_to(tracer, t.shape))
    node: Node = tracer.node
    return node


def fitted_value(part: Any, t: ArrayType, verb: str) -> Any:
    """What a rule returned for something of type ``t``, as an array of that type."""
    array = np.zeros(()) if part is None else np.asarray(part)
    _same_shape(array.shape, array.dtype, t, verb)
    return np.broadcast_to(array.astype(t.dtype), t.shape)[()]


def _same_shape(shape: tuple[int, ...], dtype: np.dtype, t: ArrayType, verb: str) -> None:
    if shape not in (t.shape, ()):
        raise ArgumentError(
            f"{verb} returned an array of shape {shape} for something of shape {t.shape}; "
            "return one of the same shape."
        )
    if dtype.kind == "c" and t.dtype.kind != "c":
        raise ArgumentError(
            f"{verb} returned complex numbers for something real; return their real part."
        )


def joined(types: Sequence[ArrayType], sizes: tuple[int, ...]) -> Type:
    """The type of a node with these results, for ``sizes`` examples."""
    wide = tuple(ArrayType((*sizes, *t.shape), t.dtype) for t in types)
    return wide[0] if len(wide) == 1 else TupleType(wide)


def packed(results: list[Any]) -> Any:
    """Results as an evaluator returns them: one, or a tuple of several."""
    return results[0] if len(results) == 1 else tuple(results)


def for_all(
    arrays: Sequence[Any],
    sizes: tuple[int, ...],
    types: Sequence[ArrayType],
    one: Callable[[Sequence[Any]], list[Any]],
) -> list[Any]:
    """``one`` applied to every example along the leading axes."""
    if not sizes:
        return one(arrays)
    results = [np.empty((*sizes, *t.shape), t.dtype) for t in types]
    for index in np.ndindex(*sizes):
        for result, value in zip(results, one([a[index] for a in arrays]), strict=True):
            result[index] = value
    return results


def spread(args: Sequence[Array], batched: Sequence[bool], size: int) -> list[Array]:
    """All arguments with the axis of examples."""
    return [
        a if b else broadcast.bind((a,), (size, *np.shape(a)), tuple(range(-np.ndim(a), 0)))
        for a, b in zip(args, batched, strict=False)
    ]


def filled(directions: Sequence[Maybe], like: Sequence[Array]) -> list[Any]:
    """Directions with zeros where one is zero by structure."""
    return [
        symbolic(zeros(x.node.type)) if d is None else d
        for d, x in zip(directions, like, strict=True)
    ]


def placed(found: Sequence[Any], signature: Signature) -> Any:
    """Tangents of the results that move, as the walk wants them: one, or a tuple with gaps."""
    if len(signature.result_types) == 1:
        return found[0] if found else None
    places = dict(zip(signature.moving_results, found, strict=True))
    return tuple(places.get(k) for k in range(len(signature.result_types)))
