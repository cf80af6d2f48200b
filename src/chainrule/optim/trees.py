"""Several trees of the same nesting, gone through side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import Structure, flatten

#: What a learning rate or a factor is made from: a number that is one for all elements.
_PYTHON = (bool, int, float)


def leaves_like(structure: Structure, tree: Any, what: str) -> list[Any]:
    """The leaves of ``tree``, which must be nested as ``structure`` is; dicts in any order.

    Raises `ArgumentError` where it is nested otherwise; ``what`` names the tree.
    """
    leaves, found = flatten(tree)
    if found == structure:
        return leaves
    by_path = dict(zip(found.paths, leaves, strict=True))
    if len(by_path) == structure.count and set(by_path) == set(structure.paths):
        return [by_path[path] for path in structure.paths]
    missing = [path or "a single array" for path in structure.paths if path not in by_path]
    extra = [path or "a single array" for path in found.paths if path not in structure.paths]
    said = [
        f"{name} {', '.join(paths[:3])}"
        for name, paths in (("is without", missing), ("has besides", extra))
        if paths
    ] or ["is of other types"]
    raise ArgumentError(
        f"{what} are not nested as they should be: the tree {' and '.join(said)}. "
        "Give one array for each place, in the same tuples, lists and dicts."
    )


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any, what: str = "the trees") -> Any:
    """``f`` of the leaves of one tree, or of several that are nested alike, in that nesting.

    >>> tree_map(lambda p, g: p - 0.5 * g, {"w": 1.0, "b": (2.0,)}, {"w": 4.0, "b": (2.0,)})
    {'w': -1.0, 'b': (1.0,)}
    """
    leaves, structure = flatten(tree)
    others = [leaves_like(structure, other, what) for other in rest]
    return structure.unflatten([f(*row) for row in zip(leaves, *others, strict=True)])


def zeros_like(tree: Any) -> Any:
    """Zeros in the nesting, the shapes and the dtypes of ``tree``; numbers stay numbers."""
    return tree_map(lambda leaf: np.zeros_like(leaf)[()], tree)


def cast(factor: Any, leaf: Any) -> Any:
    """A factor computed in float64, in the precision of the leaf it is to multiply.

    Python's own numbers take on the precision of what they meet; others, such as a learning rate
    computed from the number of the step, would turn float32 parameters into float64.
    """
    if type(factor) in _PYTHON or not hasattr(factor, "dtype"):
        return factor
    dtype = getattr(leaf, "dtype", None)
    return factor if dtype is None or factor.dtype == dtype else factor.astype(dtype)


def global_norm(tree: Any) -> Any:
    """The Euclidean norm of all numbers of a tree, as one vector: ``sqrt(Σ |x|²)``.

    >>> float(global_norm({"w": np.array([3.0, 0.0]), "b": 4.0}))
    5.0
    """
    leaves, _ = flatten(tree)
    return np.sqrt(sum(np.sum(_squares(leaf)) for leaf in leaves) if leaves else 0.0)


def _squares(leaf: Any) -> Any:
    kind = getattr(getattr(leaf, "dtype", None), "kind", "c" if isinstance(leaf, complex) else "f")
    return leaf.real**2 + leaf.imag**2 if kind == "c" else leaf * leaf
