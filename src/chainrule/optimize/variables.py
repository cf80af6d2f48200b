"""The unknowns of a problem: any nested structure for the user, one vector for the solver."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotDifferentiable, ShapeMismatch
from ..function.vectors import ravel
from ..trace.tree import Structure, flatten

Vector = np.ndarray[Any, np.dtype[np.float64]]


class Variables:
    """``x0`` as a vector of float64, and the way back to its own nesting.

    A flat list or tuple of Python's numbers is an array, as it is for SciPy. Arrays of integers
    are refused by name.

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
        elif type(x0) is int:
            x0 = float(x0)
        self._made = (x0, verb, name)
        leaves, self.structure = flatten(x0)
        self.name = name
        for leaf, path in zip(leaves, self.structure.paths, strict=True):
            _real(leaf, f"{name}{path}", verb)
        leaves = [float(v) if type(v) is int else v for v in leaves]
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


def _real(leaf: Any, name: str, verb: str) -> None:
    if type(leaf) in (int, float):
        return
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        raise ArgumentError(
            f"{verb}: {name} is a {type(leaf).__name__}, not a number or an array. "
            "Give floats, nested as you like in lists, tuples, dicts and dataclasses."
        )
    if dtype.kind in "iub":
        raise NotDifferentiable(
            f"{verb}: {name} is of {dtype}, and there is no derivative by whole numbers. "
            f"Write floats: {name}.astype(float)."
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


def broadcast(variables: Variables, given: Any, verb: str, what: str) -> Vector:
    """``given`` as one number for each unknown: a number, a vector, or a tree like ``x0``."""
    if np.ndim(given) == 0 and not isinstance(given, dict):
        return np.full(variables.size, float(given))
    leaves, structure = flatten(given)
    if structure == variables.structure:
        return np.concatenate(
            [
                np.broadcast_to(np.asarray(leaf, float), shape).reshape(-1)
                for leaf, shape in zip(leaves, variables.shapes, strict=True)
            ]
        )
    try:
        vector = np.asarray(given, float)
    except (TypeError, ValueError):
        vector = np.empty(0)
    if vector.shape == (variables.size,):
        return vector
    raise ArgumentError(
        f"{verb}: {what} does not fit {variables.name}, which holds {variables.size} numbers. "
        f"Give one number for all, or the structure of {variables.name}."
    )


def limits(variables: Variables, bounds: Any, verb: str) -> tuple[Vector, Vector] | None:
    """Lower and upper limits of each unknown, or None where there are none.

    ``bounds`` is a `scipy.optimize.Bounds`, one pair ``(low, high)`` for each number of a flat
    ``x0``, or a tree like ``x0`` with one pair at each leaf; None is no limit.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        low = broadcast(variables, bounds.lb, verb, "the lower bound")
        high = broadcast(variables, bounds.ub, verb, "the upper bound")
    else:
        pairs = _pairs(variables, bounds, verb)
        low = np.array([-np.inf if a is None else a for a, _ in pairs], float)
        high = np.array([np.inf if b is None else b for _, b in pairs], float)
    return feasible(variables, low, high, verb)


def feasible(
    variables: Variables, low: Vector, high: Vector, verb: str
) -> tuple[Vector, Vector] | None:
    """``low`` and ``high``, once they are in order and ``x0`` lies between them."""
    for bad, problem, remedy in (
        (~(low <= high), "the lower bound is not below the upper", "Exchange them"),
        (variables.start < low, "x0 lies below its lower bound", "Start inside the bounds"),
        (variables.start > high, "x0 lies above its upper bound", "Start inside the bounds"),
    ):
        if np.any(bad):
            k = int(np.argmax(bad))
            raise ArgumentError(
                f"{verb}: {problem} at {variables.element(k)} = {variables.start[k]:g} "
                f"(bounds {low[k]:g} to {high[k]:g}). {remedy}."
            )
    if np.all(np.isneginf(low)) and np.all(np.isposinf(high)):
        return None
    return low, high


def _pairs(variables: Variables, bounds: Any, verb: str) -> list[tuple[Any, Any]]:
    try:
        if len(bounds) == variables.size and all(_is_pair(b) for b in bounds):
            return [(a, b) for a, b in bounds]
    except TypeError:
        pass
    pairs: list[tuple[Any, Any]] = []
    sizes = iter([int(np.prod(shape)) for shape in variables.shapes])

    def walk(structure: Structure, given: Any, path: str) -> None:
        if structure.kind is None:
            pair = (None, None) if given is None else given
            if not _is_pair(pair):
                raise ArgumentError(
                    f"{verb}: the bounds at {path} are {pair!r}, not a pair (low, high). "
                    "Write one pair for each number of a flat x0, or for each array of a nested one."
                )
            pairs.extend([tuple(pair)] * next(sizes))
            return
        for key, step, child in zip(
            structure.keys, structure.steps, structure.children, strict=True
        ):
            inner = _child(given, key)
            walk(child, inner, path + step)

    walk(variables.structure, bounds, variables.name)
    return pairs


def _child(given: Any, key: Any) -> Any:
    if given is None:
        return None
    if isinstance(given, dict):
        return given.get(key)
    return getattr(given, key) if isinstance(key, str) else given[key]


def _is_pair(given: Any) -> bool:
    try:
        return len(given) == 2 and all(v is None or np.ndim(v) == 0 for v in given)
    except TypeError:
        return False


def nested_callback(callback: Callable[..., Any] | None, variables: Variables) -> Any:
    """SciPy's callback, given the user's structure instead of the vector."""
    if callback is None or variables.plain:
        return callback
    from inspect import signature

    try:
        names = list(signature(callback).parameters)
    except (TypeError, ValueError):
        names = []
    if names == ["intermediate_result"]:

        def whole(intermediate_result: Any) -> Any:
            result = type(intermediate_result)(intermediate_result)
            result.x = variables.tree(np.array(intermediate_result.x))
            return callback(intermediate_result=result)

        return whole

    def point(x: Any, *rest: Any) -> Any:
        return callback(variables.tree(np.array(x)), *rest)

    return point
