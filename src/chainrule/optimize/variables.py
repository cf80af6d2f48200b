"""The unknowns of a problem: any nested structure for the user, one vector for the solver."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotDifferentiable, ShapeMismatch
from ..function.vectors import ravel
from ..trace.tree import flatten

Vector = np.ndarray[Any, np.dtype[np.float64]]


class Variables:
    """``x0`` as a vector of float64, and the way back to its own nesting.

    A flat list or tuple of Python's numbers is an array, and integers are the floats they stand
    for, as for SciPy.

    >>> variables = Variables({"w": np.zeros(2), "b": 1.0}, "minimize")
    >>> variables.start
    array([0., 0., 1.])
    >>> variables.tree(np.array([3.0, 4.0, 5.0]))
    {'w': array([3., 4.]), 'b': np.float64(5.0)}
    """

    start: Vector
    size: int

    def __init__(self, x0: Any, verb: str, name: str = "x0") -> None:
        if type(x0) in (list, tuple) and x0 and all(type(v) in (int, float) for v in x0):
            x0 = np.array(x0, float)
        leaves, self.structure = flatten(x0)
        if any(map(_whole, leaves)):
            leaves = [np.asarray(v, float)[()] if _whole(v) else v for v in leaves]
            x0 = self.structure.unflatten(leaves)
        self._made = (x0, verb, name)
        self.name = name
        for leaf, path in zip(leaves, self.structure.paths, strict=True):
            _real(leaf, f"{name}{path}", verb)
        flat, self._unravel = ravel(self.structure.unflatten(leaves))
        self.start = np.array(flat, np.float64)
        self.size = self.start.size
        if not self.size:
            raise ArgumentError(
                f"{verb}: {name} holds no numbers, so there is nothing to find. "
                "Give the point to start from."
            )
        self.verb = verb
        self.shapes = [np.shape(leaf) for leaf in leaves]
        self._dtypes = tuple(np.asarray(leaf).dtype for leaf in leaves)
        #: Whether the user's structure is the vector itself.
        self.plain = (
            self.structure.kind is None
            and len(self.shapes[0]) == 1
            and getattr(leaves[0], "dtype", None) == np.float64
        )

    def __reduce__(self) -> Any:
        return Variables, self._made

    def tree(self, x: Any) -> Any:
        """The user's structure with the numbers of the vector ``x``. Differentiable."""
        return x if self.plain else self._unravel(x)

    def vector(self, tree: Any) -> Vector:
        """The vector with the numbers of ``tree``."""
        flat = tree if self.plain else ravel(tree)[0]
        return np.asarray(flat, np.float64)

    def like(self, tree: Any, what: str) -> Any:
        """The vector of a derivative that the user brings, refused in another shape."""
        flat = tree if self.plain else ravel(tree)[0]
        if self.size == 1 == np.size(flat):
            return np.reshape(flat, 1)
        if np.shape(flat) != (self.size,):
            shape = np.shape(tree) if self.structure.kind is None else np.shape(flat)
            raise ShapeMismatch(
                f"{self.verb}: {what} gives a gradient of shape {shape}, and {self.name} holds "
                f"{self.size} numbers. Return one partial derivative for each, nested like "
                f"{self.name}."
            )
        return flat

    @property
    def make(self) -> Hashable:
        """All that a program depends on: structure, shapes, types."""
        return self.structure, tuple(self.shapes), self._dtypes, self.plain

    @property
    def paths(self) -> list[str]:
        """How the user's program would write each leaf: ``x0['w']``."""
        return [f"{self.name}{path}" for path in self.structure.paths]

    def element(self, k: int) -> str:
        """How the user's program would write the number at ``k`` of the vector."""
        for path, shape in zip(self.paths, self.shapes, strict=True):
            size = int(np.prod(shape))
            if k < size:
                index = ", ".join(str(int(i)) for i in np.unravel_index(k, shape)) if shape else ""
                return f"{path}[{index}]" if index else path
            k -= size
        raise IndexError(k)


def _whole(leaf: Any) -> bool:
    """Whether a leaf is of integers."""
    return type(leaf) is int or getattr(getattr(leaf, "dtype", None), "kind", "") in ("i", "u")


def entered(fun: Any, x0: Any, args: tuple[Any, ...]) -> Any:
    """``x0``; as an array of one, where it is a number and ``fun`` reads ``x[0]``, as SciPy's may."""
    if not callable(fun) or not (type(x0) in (int, float) or isinstance(x0, np.number)):
        return x0
    try:
        fun(float(x0), *args)
    except (IndexError, TypeError):
        one = np.array([x0], float)
        try:
            fun(one, *args)
        except Exception:  # noqa: BLE001 (it is not that, and the search will meet it)
            return x0
        return one
    except Exception:  # noqa: BLE001 (so will it this)
        return x0
    return x0


def _real(leaf: Any, name: str, verb: str) -> None:
    if type(leaf) is float:
        return
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        raise ArgumentError(
            f"{verb}: {name} is a {type(leaf).__name__}, not a number or an array. "
            "Give floats, nested as you like in lists, tuples, dicts and dataclasses."
        )
    if dtype.kind == "b":
        raise NotDifferentiable(
            f"{verb}: {name} is of {dtype}, and there is no derivative by what is true or false. "
            f"Write floats: {name}.astype(float)."
        )
    if dtype.kind == "O":
        raise ArgumentError(
            f"{verb}: {name} is an array of objects. Write numbers: {name}.astype(float)."
        )
    if dtype.kind != "f":
        raise ArgumentError(
            f"{verb}: {name} is of {dtype}, and the unknowns must be real. "
            "Write complex unknowns as real and imaginary parts, side by side."
        )


def refuse_nan(verb: str, **named: Any) -> None:
    """Raise where an argument holds NaN, and say which and where."""
    for name, tree in named.items():
        leaves, structure = flatten(tree)
        for leaf, path in zip(leaves, structure.paths, strict=True):
            kind = getattr(getattr(leaf, "dtype", None), "kind", "f" if type(leaf) is float else "")
            if kind not in "fc" or not kind:
                continue
            bad = np.isnan(leaf)
            if np.any(bad):
                where = f" (first at {tuple(map(int, np.argwhere(bad)[0]))})" if np.ndim(leaf) else ""
                raise ArgumentError(
                    f"{verb}: {name}{path} holds {int(np.sum(bad))} NaN{where}. "
                    "Drop or fill those entries first."
                )
