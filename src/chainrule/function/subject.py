"""What is being checked: a function and its arguments, as a function of a list of arrays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import NotDifferentiable
from ..trace.tree import flatten
from .arguments import Wrt, as_targets, parameter_names, select
from .locate import magnitudes
from .numerical import Line, Plane


class Subject:
    """A function, the arrays among its arguments that vary, and how it moves with them.

    ``leaves`` are those arrays and ``names`` what the program calls them. Values are computed in
    double precision by plain NumPy, on copies; random generators start anew every time.
    """

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], wrt: Wrt | None) -> None:
        self.f = f
        self.args = args
        self.name = getattr(f, "__name__", type(f).__name__)
        self.elements: list[tuple[Any, ...]]
        self._rebuild: Callable[[Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]]
        if wrt is None:
            self._all_that_vary()
        else:
            targets, single = as_targets(wrt, f)
            chosen = select(f, targets, single, args, {}, "check")
            self.leaves = [np.asarray(leaf) for leaf in chosen.leaves]
            self.names, self._rebuild = list(chosen.names), chosen.rebuild
            self.elements = [
                element
                for structure, element in zip(chosen.structures, chosen.elements, strict=True)
                for _ in range(structure.count)
            ]
        dtypes = [leaf.dtype for leaf in self.leaves]
        #: Whether all arguments are real; only then can a complex step tell something.
        self.real = all(d.kind == "f" for d in dtypes)
        #: The precision of the coarsest argument.
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)
        wide = [np.complex128 if d.kind == "c" else np.float64 for d in dtypes]
        self._precise = [x.astype(w) for x, w in zip(self.leaves, wide, strict=True)]

    def _all_that_vary(self) -> None:
        leaves, structure = flatten(self.args)
        places = [k for k, leaf in enumerate(leaves) if _varies(leaf)]
        if not places:
            raise NotDifferentiable(
                f"check: no argument of {self.name} varies continuously, so there is no derivative "
                "to check; pass floating-point numbers."
            )
        given = parameter_names(self.f) or []
        top = [*given, *(f"argument {k}" for k in range(len(given), len(self.args)))]
        owners = [k for k, child in enumerate(structure.children) for _ in range(child.count)]
        paths = [p for child in structure.children for p in child.paths]
        self.leaves = [np.asarray(leaves[k]) for k in places]
        self.names = [top[owners[k]] + paths[k] for k in places]
        self.elements = [()] * len(places)

        def rebuild(values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            everything = list(leaves)
            for k, value in zip(places, values, strict=True):
                everything[k] = value
            return structure.unflatten(everything), {}

        self._rebuild = rebuild

    # -- running it ------------------------------------------------------------------------------

    def __call__(self, *leaves: Any) -> list[Any]:
        """The floating-point leaves of the function's value; the arguments may be traced."""
        args, keywords = self._rebuild(leaves)
        args, keywords = _rewound((args, keywords))
        found, _ = flatten(self.f(*args, **keywords))
        return [x for x in found if _varies(x)]

    def plain(self, leaves: Sequence[np.ndarray]) -> np.ndarray:
        """The function's value on arrays, as one row of numbers."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            outs = self(*[x.copy()[()] for x in leaves])
        rows = [np.ravel(np.asarray(out)) for out in outs]
        return np.concatenate(rows) if rows else np.zeros(0)

    def line(self, direction: Sequence[np.ndarray]) -> Line:
        """The function along a direction, as real numbers; raw for a complex step."""
        return partial(self._moved, direction)

    def plane(self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> Plane:
        """The function on the plane of two directions."""

        def plane(s: complex, t: complex) -> np.ndarray | None:
            return self._moved([s * a + t * b for a, b in zip(first, second, strict=True)], 1.0, s)

        return plane

    def _moved(
        self, direction: Sequence[np.ndarray], step: complex, kind: complex | None = None
    ) -> np.ndarray | None:
        points = [x + step * d for x, d in zip(self._precise, direction, strict=True)]
        try:
            row = self.plain(points)
        except Exception:  # noqa: BLE001 - outside of its domain, or not made for complex numbers
            return None
        return row if np.imag(step if kind is None else kind) else real_row(row)

    # -- directions ------------------------------------------------------------------------------

    def nowhere(self) -> list[np.ndarray]:
        """The zero direction."""
        return [np.zeros_like(x) for x in self._precise]

    def random(self, leaf: int, rng: np.random.Generator) -> list[np.ndarray]:
        """A direction that moves one argument, each entry by about its own size."""
        direction = self.nowhere()
        x = self._precise[leaf]
        steps = rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.0, x.shape)
        if x.dtype.kind == "c":
            steps = steps * np.exp(2j * np.pi * rng.uniform(size=x.shape))
        if self.elements[leaf]:
            mask = np.zeros(x.shape)
            mask[self.index(leaf)] = 1.0
            steps = steps * mask
        direction[leaf] = np.asarray(steps * magnitudes(x))
        return direction

    def unit(
        self, leaf: int, index: tuple[int, ...], unit: complex
    ) -> tuple[list[np.ndarray], float]:
        """A direction that moves one entry by about its own size, and by how much."""
        direction = self.nowhere()
        length = float(magnitudes(self._precise[leaf])[index])
        direction[leaf][index] = unit * length
        return direction, length

    def index(self, leaf: int) -> tuple[Any, ...]:
        """The part of a leaf that a path in ``wrt`` names."""
        return tuple(
            k for key in self.elements[leaf] for k in (key if isinstance(key, tuple) else (key,))
        )

    def entries(self, leaf: int, most: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
        """Indices of entries: all of them, or a sample of half of ``most``."""
        shape = self.leaves[leaf].shape
        numbers = np.ravel(np.arange(self.leaves[leaf].size).reshape(shape)[self.index(leaf)])
        if numbers.size > most:
            numbers = np.sort(rng.choice(numbers, most // 2, replace=False))
        return [tuple(map(int, np.unravel_index(k, shape))) for k in numbers]

    def entry(self, leaf: int, index: tuple[int, ...]) -> str:
        """What the program calls one entry."""
        return self.names[leaf] + (f"[{', '.join(map(str, index))}]" if index else "")


def _varies(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return isinstance(leaf, float | complex) if dtype is None else dtype.kind in "fc"


def _rewound(tree: Any) -> Any:
    """The same arguments with generators in the state in which they were given."""
    leaves, structure = flatten(tree)
    return structure.unflatten(
        [copy.deepcopy(x) if isinstance(x, np.random.Generator) else x for x in leaves]
    )


def real_row(row: np.ndarray) -> np.ndarray:
    """Real numbers in a row; complex ones as the real parts and then the imaginary ones."""
    return np.concatenate([row.real, row.imag]) if row.dtype.kind == "c" else row


def surroundings(f: Callable[..., Any]) -> list[tuple[str, Any]]:
    """What a function's program reads from outside, with its name there."""
    code = getattr(f, "__code__", None)
    if code is None:
        return []
    cells = zip(code.co_freevars, getattr(f, "__closure__", None) or (), strict=False)
    found: list[tuple[str, Any]] = []
    for name, cell in cells:
        try:
            found.append((name, cell.cell_contents))
        except ValueError:  # not assigned yet
            continue
    space = getattr(f, "__globals__", {})
    return found + [(name, space[name]) for name in code.co_names if name in space]
