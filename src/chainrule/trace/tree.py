"""Nested arguments and results: what is nested, laid out flat and put back.

Tuples, lists, dicts, named tuples, dataclasses and ``None`` nest; everything else is a leaf. A
:class:`Structure` is all of a tree but its leaves, and two trees of the same make have equal
structures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Any

from .exchange import exchanged, is_foreign


@dataclass(frozen=True)
class Structure:
    """The nesting of a tree: ``kind`` is the container's type, ``None`` for a leaf.

    ``steps`` names each child as the user's program would write it: ``"[0]"``, ``"['w']"``,
    ``".a"``. ``keys`` are the dict's keys or the fields' names; ``extra`` is what else the
    container needs to be made again: the factory of a ``defaultdict``, what a dataclass carries
    besides its fields.
    """

    kind: type | None = None
    keys: tuple[Hashable, ...] = ()
    children: tuple[Structure, ...] = ()
    extra: Any = field(default=None, compare=False)

    @cached_property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(child.count for child in self.children)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """How each leaf is reached from the whole, as source text: ``"['w'][0].b"``."""
        if self.kind is None:
            return ("",)
        return tuple(
            step + path
            for step, child in zip(self.steps, self.children, strict=True)
            for path in child.paths
        )

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """How each child is reached from the container."""
        kind = self.kind
        if kind is not None and (_is_named_tuple(kind) or is_dataclass(kind)):
            return tuple(f".{key}" for key in self.keys)
        return tuple(f"[{key!r}]" for key in self.keys)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with the given leaves, in order."""
        if self is LEAF:
            (leaf,) = leaves
            return leaf
        supply = iter(leaves)
        try:
            tree = self.build(supply)
        except StopIteration:
            raise ValueError(f"a tree of {self.count} leaves was given fewer") from None
        if next(supply, self) is not self:
            raise ValueError(f"a tree of {self.count} leaves was given more")
        return tree

    def build(self, supply: Iterator[Any]) -> Any:
        """The tree with the next leaves of ``supply``."""
        kind: Any = self.kind
        if kind is None:
            return next(supply)
        children = [
            next(supply) if child.kind is None else child.build(supply) for child in self.children
        ]
        if kind is tuple or kind is list:
            return kind(children)
        if kind is dict:
            return dict(zip(self.keys, children, strict=True))
        if kind is type(None):
            return None
        if is_dataclass(kind):
            # Not by calling it: __init__ and __post_init__ may convert or check what they get.
            new: Any = object.__new__
            made = new(kind)
            for name, value in (*self.extra, *zip(self.keys, children, strict=True)):
                object.__setattr__(made, str(name), value)
            return made
        if _is_named_tuple(kind):
            return tuple.__new__(kind, children)
        if issubclass(kind, defaultdict):
            return kind(self.extra, zip(self.keys, children, strict=True))
        if issubclass(kind, dict):
            return kind(zip(self.keys, children, strict=True))
        return kind(children)


LEAF = Structure()
_NONE = Structure(type(None))


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of ``tree`` in order, and its structure.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": (3.0, None)})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> structure.paths
    ("['w'][0]", "['w'][1]", "['b'][0]")
    >>> structure.unflatten([4.0, 5.0, 6.0])
    {'w': [4.0, 5.0], 'b': (6.0, None)}
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    # By the type and never by isinstance: a traced array answers isinstance as an ndarray does.
    kind = type(tree)
    if tree is None:
        return _NONE
    keys: tuple[Hashable, ...]
    extra: Any = None
    if issubclass(kind, dict):
        keys, children = tuple(tree), tuple(tree.values())
        if issubclass(kind, defaultdict):
            extra = tree.default_factory
    elif is_dataclass(kind):
        known = [f.name for f in fields(tree) if hasattr(tree, f.name)]
        keys, children = tuple(known), tuple(getattr(tree, name) for name in known)
        state = getattr(tree, "__dict__", {})
        extra = tuple((name, value) for name, value in state.items() if name not in known)
    elif _is_named_tuple(kind):
        keys, children = tree._fields, tuple(tree)
    elif issubclass(kind, tuple | list):
        keys, children = tuple(range(len(tree))), tuple(tree)
    else:
        leaves.append(exchanged(tree) if is_foreign(kind) else tree)
        return LEAF
    return Structure(kind, keys, tuple([_flatten(child, leaves) for child in children]), extra)
