"""The arguments of a call to a compiled function: which of them vary, and what the others are.

Arrays, floats and complex numbers vary: a program is made for their types. All else is static: a
program is made for its value. A Python integer is static until it has had several values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.random import is_generator
from ..trace.tree import flatten
from .arguments import parameter_names

#: A Python integer with more values than this becomes an input.
MOST_INTEGERS = 4


class Foreign(Exception):
    """An argument that a trace does not know: the function runs as it is."""


class Static:
    """What stands for a static argument among the leaves."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @classmethod
    def of(cls, value: Any) -> Static:
        """A static argument, which must be hashable."""
        try:
            hash(value)
        except TypeError:
            raise ArgumentError(
                f"jit: a static argument is a {type(value).__name__}, which cannot be hashed. "
                "Give a tuple or a number; or leave it out of static."
            ) from None
        return cls(value)


class Call:
    """The arguments of one call: which of them vary, and what the others are."""

    def __init__(
        self,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        static: tuple[set[int], set[str]],
        integers: dict[Hashable, set[int]],
    ) -> None:
        self.args, self.keywords = args, keywords
        positions, names = static
        given: Any = (args, keywords)
        if positions or names:
            given = (
                tuple([Static.of(a) if k in positions else a for k, a in enumerate(args)]),
                {k: Static.of(a) if k in names else a for k, a in keywords.items()},
            )
        self.leaves, self.structure = flatten(given)
        kinds: list[Any] = []
        numbers: list[tuple[int, int]] = []
        for k, leaf in enumerate(self.leaves):
            kind = type(leaf)
            if kind is int and -(2**63) <= leaf < 2**63:
                numbers.append((k, leaf))
                kinds.append(int)
            else:
                kinds.append(describe(leaf))
        if numbers:
            base = (self.structure, tuple(kinds))
            for k, value in numbers:
                known = integers.setdefault((base, k), set())
                if len(known) <= MOST_INTEGERS:
                    known.add(value)
                if len(known) <= MOST_INTEGERS:
                    kinds[k] = (int, value)
        self.key: Hashable = (self.structure, tuple(kinds))
        drawing = [k for k, kind in enumerate(kinds) if type(kind) is _Drawing]
        self.varying = [k for k, kind in enumerate(kinds) if not _isstatics(kind) and k not in drawing]
        self.values = [self.leaves[k] for k in self.varying]
        #: The random generators, and which leaves they are.
        self.generators = [self.leaves[k] for k in drawing]
        self.drawing = drawing

    @property
    def objects(self) -> list[Any]:
        """The leaves that are no arrays."""
        return [
            leaf.value if type(leaf) is Static else leaf
            for k, leaf in enumerate(self.leaves)
            if k not in self.varying and k not in self.drawing
        ]

    def rebuild(
        self, inputs: Sequence[Any], copy: Callable[[Any], Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with ``inputs`` in place of what varies, and copies of the others."""
        leaves = list(self.leaves)
        for k, value in zip(self.varying, inputs, strict=True):
            leaves[k] = value
        varying = set(self.varying)
        for k, leaf in enumerate(leaves):
            if k not in varying:
                leaves[k] = copy(leaf.value if type(leaf) is Static else leaf)
        args, keywords = self.structure.unflatten(leaves)
        return args, keywords


#: Kinds of values that vary: their type is all that the program is made for.
_NUMERIC = "fciub"


def describe(leaf: Any) -> Hashable:
    """What a program must know of an argument: the type of an array, the value of another."""
    kind: Any = type(leaf)
    if kind is np.ndarray:
        if leaf.dtype.kind not in _NUMERIC or not leaf.dtype.isnative:
            raise Foreign
        return (leaf.dtype, *leaf.shape)
    if kind is float or kind is complex:
        return kind
    if kind is Static:
        return _Constant(leaf.value)
    if is_generator(leaf):
        return _Drawing(kind)
    if issubclass(kind, np.generic) and leaf.dtype.kind in _NUMERIC:
        return (leaf.dtype,)
    if hasattr(kind, "__array__") or hasattr(kind, "__array_priority__"):
        raise Foreign
    try:
        hash(leaf)
    except Exception:  # noqa: BLE001 (whatever a foreign class raises)
        raise Foreign from None
    return _Constant(leaf)


@dataclass(frozen=True)
class _Drawing:
    """A random generator: a program may draw from any of its type."""

    kind: type


class _Constant:
    """A static argument, equal to others of its type and value."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._hash = hash((type(value), value))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if type(other) is not _Constant or type(other.value) is not type(self.value):
            return False
        mine, theirs = self.value, other.value
        return mine is theirs or bool(mine == theirs and repr(mine) == repr(theirs))


def _isstatics(kind: Any) -> bool:
    return type(kind) is _Constant or (type(kind) is tuple and kind[0] is int)


def statics(static: Any, f: Callable[..., Any]) -> tuple[set[int], set[str]]:
    """Positions and names of the static arguments."""
    entries = (static,) if isinstance(static, int | str) else tuple(static)
    names = parameter_names(f)
    positions: set[int] = set()
    called: set[str] = set()
    for entry in entries:
        if isinstance(entry, str):
            called.add(entry)
            if names is not None:
                if entry in names:
                    positions.add(names.index(entry))
                elif not _takes_any_keyword(f):
                    raise ArgumentError(
                        f"jit: static names {entry!r}, and the function takes "
                        f"{', '.join(names) or 'no arguments'}. Name one of these."
                    )
        elif isinstance(entry, int) and not isinstance(entry, bool):
            position = entry + len(names) if entry < 0 and names is not None else entry
            positions.add(position)
            if names is not None and 0 <= position < len(names):
                called.add(names[position])
        else:
            raise ArgumentError(
                f"jit: static is {static!r}. Write an argument's position, its name, or a tuple "
                "of these."
            )
    return positions, called


def _takes_any_keyword(f: Callable[..., Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(f).parameters.values())
