"""Where the mini-batches of training come from: arrays, iterables, or nothing at all.

A batch is the tuple of what the loss is given after the parameters. The order of an epoch is drawn
from the seed and the number of the epoch alone, so that training goes on in the middle of one, in
another process, as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import Structure, flatten
from .trees import tree_map

Batch = tuple[Any, ...]
#: Data of up to so many bytes is copied, in the order of the epoch.
SMALL = 2**25


class Batches:
    """One batch an epoch, of nothing: the loss depends on the parameters alone."""

    #: How many batches an epoch has, where that is known.
    count: int | None = 1
    #: The number of examples, where that is known.
    examples: int | None = None
    #: Whether it can be gone through only once.
    once = False

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """The batches of an epoch from the given one on, each with its number of examples."""
        if start == 0:
            yield (), 1

    def kinds(self) -> Iterator[tuple[Batch, int]]:
        """A batch of each size that will come, as far as that is known."""
        return iter(())

    def rows(self, number: int, k: int) -> np.ndarray | None:
        """Which rows of the data batch ``k`` of an epoch has, where they are known by number."""
        return None

    def identity(self) -> dict[str, Any]:
        """What must be the same for training to be resumed."""
        return {"data": "none"}


class ArrayBatches(Batches):
    """Batches from arrays that agree in their first axis; memory-mapped ones are read by rows."""

    def __init__(
        self, data: Any, batch_size: int | None, seed: int, shuffle: bool, what: str = "data"
    ) -> None:
        if isinstance(data, Iterator) or callable(data):
            raise ArgumentError(
                f"fit: {what} is a {type(data).__name__}. Give arrays, such as (X, y)."
            )
        self.spread = type(data) is tuple
        leaves, self.structure = flatten(data)
        self.leaves = [_rows(x, what + p) for x, p in zip(leaves, self.paths, strict=True)]
        lengths = {len(leaf) for leaf in self.leaves}
        if len(lengths) > 1:
            sizes = ", ".join(
                f"{what}{p} has {len(x)}" for x, p in zip(self.leaves, self.paths, strict=True)
            )
            raise ArgumentError(
                f"fit: the arrays of {what} have different numbers of rows: {sizes}. "
                "The first axis counts the examples, and must be the same in all."
            )
        if not lengths or not min(lengths):
            raise ArgumentError(f"fit: {what} has no examples. Give at least one row.")
        self.examples: int = lengths.pop()
        self.size = min(int(batch_size or self.examples), self.examples)
        self.seed, self.shuffle = seed, shuffle and self.size < self.examples
        self.count: int = -(-self.examples // self.size)
        # Small data is put in order once an epoch; of other data each batch is gathered by itself.
        self._small = all(type(leaf) is np.ndarray for leaf in self.leaves) and (
            sum(leaf.nbytes for leaf in self.leaves) <= SMALL
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """How each array is reached."""
        return self.structure.paths

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """The batches of an epoch; the last one has what is left over."""
        order, leaves = self._order(number), self.leaves
        if order is not None and self._small:
            leaves, order = [leaf.take(order, axis=0) for leaf in leaves], None
        # What nests no deeper is its own tuple, which is faster to make than to nest.
        flat = self.spread and all(child.kind is None for child in self.structure.children)
        for k in range(start, self.count):
            rows: Any = slice(k * self.size, (k + 1) * self.size)
            rows = rows if order is None else order[rows]
            picked = [np.asarray(leaf[rows]) for leaf in leaves]
            yield tuple(picked) if flat else self.batch(picked), len(picked[0])

    def _order(self, number: int) -> np.ndarray | None:
        if not self.shuffle:
            return None
        return np.random.default_rng((self.seed, number)).permutation(self.examples)

    def rows(self, number: int, k: int) -> np.ndarray:
        """The numbers of the rows."""
        rows = slice(k * self.size, (k + 1) * self.size)
        order = self._order(number)
        return np.arange(self.examples)[rows] if order is None else order[rows]

    def kinds(self) -> Iterator[tuple[Batch, int]]:
        """The first batch, and the last if it is shorter."""
        yield next(self.epoch(0))
        if self.examples % self.size:
            yield next(self.epoch(0, self.count - 1))

    def whole(self) -> Batch:
        """All examples at once."""
        return self.batch(self.leaves)

    def batch(self, leaves: list[Any]) -> Batch:
        """The arguments of the loss that these arrays make."""
        tree = self.structure.unflatten(leaves)
        return tree if self.spread else (tree,)

    def identity(self) -> dict[str, Any]:
        """The number of examples, and how they are put in batches."""
        return {
            "data": "arrays",
            "examples": self.examples,
            "batch_size": self.size,
            "seed": self.seed,
            "shuffle": self.shuffle,
        }


class StreamBatches(Batches):
    """Batches from an iterable, or from a function that makes one for each epoch."""

    count = None

    def __init__(self, data: Any) -> None:
        self.make: Callable[[], Iterable[Any]] = data if callable(data) else lambda: data
        self.once = not callable(data) and iter(data) is data

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """What the iterable yields; tuples and lists are spread over the loss's arguments."""
        for item in islice(self.make(), start, None):
            for leaf in flatten(item)[0]:
                unmasked(leaf, "a batch of data")
            tree = tree_map(np.asarray, item)
            leaves, _ = flatten(tree)
            size = next((len(leaf) for leaf in leaves if leaf.ndim), 1)
            if not size:
                raise ArgumentError("fit: a batch of data is empty. Give batches of some rows.")
            yield (tuple(tree) if type(item) in (tuple, list) else (tree,)), size

    def identity(self) -> dict[str, Any]:
        """An iterable is trusted to yield the same again."""
        return {"data": "iterable"}


def batches_of(data: Any, batch_size: int | None, seed: int, shuffle: bool) -> Batches:
    """The batches that ``data`` stands for.

    Raises `ArgumentError` for what is neither arrays nor an iterable of batches.
    """
    if data is None:
        return Batches()
    if isinstance(data, list):
        if data and all(isinstance(item, tuple | dict) for item in data):
            return StreamBatches(data)
        raise ArgumentError(
            "fit: data is a list, which could be arrays or batches. "
            "Write a tuple of arrays, (X, y), or a list of batches that are tuples."
        )
    nested = flatten(data)[1] != Structure()
    if nested or isinstance(data, np.ndarray):
        return ArrayBatches(data, batch_size, seed, shuffle)
    if callable(data) or (isinstance(data, Iterable) and not hasattr(data, "__array__")):
        return StreamBatches(data)
    if hasattr(data, "__array__"):
        return ArrayBatches(data, batch_size, seed, shuffle)
    raise ArgumentError(
        f"fit: data is a {type(data).__name__}. Give arrays, (X, y), an iterable of batches, or "
        "a function that returns one for each epoch."
    )


def _rows(leaf: Any, name: str) -> np.ndarray:
    unmasked(leaf, name)
    array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
    if array.dtype.kind not in "fciub":
        raise ArgumentError(
            f"fit: {name} has dtype {array.dtype}. Give arrays of numbers; encode the rest first."
        )
    if not array.ndim:
        raise ArgumentError(
            f"fit: {name} is a single number. Give arrays whose first axis counts the examples, lists "
            "of numbers by np.array; what is the same for all of them belongs in the loss itself."
        )
    return array


def unmasked(leaf: Any, name: str) -> None:
    """Refuse masked arrays: what the mask hides would be trained on."""
    if isinstance(leaf, np.ma.MaskedArray):
        raise ArgumentError(
            f"fit: {name} is a masked array, whose mask would be lost. Leave masked examples out, or "
            "give the mask to the loss as an array of its own."
        )
