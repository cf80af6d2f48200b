"""``array``: a declaration of sizes and assumptions that stands for an example argument."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import flatten

#: What named sizes are in examples: all different, so that no two axes can be mixed up unnoticed.
_LENGTHS = (7, 4, 3, 5, 6, 8, 9, 10)
#: What makes a matrix square.
_SQUARE = ("symmetric", "positive_definite", "diagonal", "orthogonal", "lower_triangular")
#: Assumptions that leave nothing, or nearly nothing, when made together; and what to write instead.
_APART = (
    ("diagonal", "positive", "its elements off the diagonal are 0; write nonnegative=True"),
    ("lower_triangular", "positive", "its elements above the diagonal are 0; write nonnegative=True"),
    ("lower_triangular", "symmetric", "such a matrix is diagonal; write diagonal=True"),
    ("orthogonal", "positive_definite", "only the identity is both"),
    ("orthogonal", "positive", "no matrix of size 2 or more is both"),
    ("orthogonal", "nonnegative", "such a matrix is a permutation; declare one of them"),
    ("orthogonal", "diagonal", "such a matrix has 1 and −1 on its diagonal; declare one of them"),
    ("orthogonal", "lower_triangular", "such a matrix is diagonal; declare one of them"),
    ("lower_triangular", "positive_definite", "such a matrix is diagonal; write diagonal=True"),
)  # fmt: skip


class Declared:
    """An array of which sizes and properties are known, and nothing else. See :func:`array`."""

    # Not a dataclass: those are containers of arguments, and this is one argument.
    def __init__(
        self,
        axes: tuple[str | int, ...],
        assumed: frozenset[str],
        labels: str | int | None = None,
    ) -> None:
        self.axes = axes
        self.assumed = assumed
        #: How many different labels its elements are, if they are labels.
        self.labels = labels

    def example(self, sizes: dict[str, int], rng: np.random.Generator) -> Any:
        """Numbers that obey the declaration; ``sizes`` gets the length of each new name."""
        shape = tuple(self._length(axis, sizes) for axis in self.axes)
        if self.labels is not None:
            labels = rng.integers(0, self._length(self.labels, sizes), shape)
            return labels if shape else int(labels)
        values = np.asarray(rng.normal(size=shape))
        if self.assumed & {"positive", "nonnegative"}:
            values = np.asarray(0.3 + rng.random(shape))
        if {"orthogonal", "symmetric"} <= self.assumed:  # a reflection
            mirror = values[:, :1] / np.linalg.norm(values[:, :1])
            values = np.eye(len(values)) - 2 * mirror * mirror.T
        elif "orthogonal" in self.assumed:
            values = np.linalg.qr(values)[0]
        elif "diagonal" in self.assumed:
            values = np.diag(np.diag(values))
            if "positive_definite" in self.assumed:
                values = np.abs(values) + 0.3 * np.eye(len(values))
        elif "positive_definite" in self.assumed:
            values = values @ values.T + len(values) * np.eye(len(values))
        elif "symmetric" in self.assumed:
            values = (values + values.T) / 2
        elif "lower_triangular" in self.assumed:
            values = np.tril(values) + 2 * np.eye(len(values))
        return values if shape else float(values)

    @staticmethod
    def _length(axis: str | int, sizes: dict[str, int]) -> int:
        if isinstance(axis, int):
            return axis
        if axis not in sizes:
            used = set(sizes.values())
            sizes[axis] = next(n for n in chain(_LENGTHS, count(11)) if n not in used)
        return sizes[axis]

    @property
    def equals_its_transpose(self) -> bool:
        """Whether the assumptions make it symmetric."""
        return bool(self.assumed & {"symmetric", "positive_definite", "diagonal"})

    def __str__(self) -> str:
        sizes = "×".join(map(str, self.axes))
        space = "ℝ" if self.labels is None else f"{{0, …, {self.labels} − 1}}"
        return f"{space}^{{{sizes}}}" if len(self.axes) > 1 else f"{space}^{sizes}" if sizes else space


def array(
    *sizes: str | int,
    symmetric: bool = False,
    positive_definite: bool = False,
    positive: bool = False,
    nonnegative: bool = False,
    diagonal: bool = False,
    orthogonal: bool = False,
    lower_triangular: bool = False,
    labels: str | int | None = None,
) -> Declared:
    """Stand for any example argument of :func:`formula`, by sizes and assumptions.

    Sizes are names (``"N"``) or lengths; the same name is the same size in every argument of a
    call, and the formula calls it so. No size is a scalar. ``labels=k`` are whole numbers from 0 to
    k − 1. What is assumed simplifies the formula (of a symmetric A, ``(A + Aᵀ)x`` is ``2Ax``) and
    holds for the examples that it is verified on; :func:`certificate` and :func:`check` take
    declared arguments as well.

    >>> import numpy as np
    >>> import chainrule as cr
    >>> quadratic = cr.grad(lambda x, A: x @ A @ x)
    >>> cr.formula(quadratic)(array("n"), array("n", "n", symmetric=True)).text
    '2Ax'
    >>> cr.formula(cr.grad(lambda x, Q: np.sum((Q @ x) ** 2)))(
    ...     array("n"), array("n", "n", orthogonal=True)).text
    '2x'
    """
    for size in sizes:
        _check_size(size, "a size")
        if isinstance(size, int) and size < 0:
            raise ArgumentError(f"array: a size is not negative, and this one is {size}.")
    given = {
        "symmetric": symmetric,
        "positive_definite": positive_definite,
        "positive": positive,
        "nonnegative": nonnegative,
        "diagonal": diagonal,
        "orthogonal": orthogonal,
        "lower_triangular": lower_triangular,
    }
    assumed = frozenset(k for k, v in given.items() if v)
    if labels is not None:
        _check_size(labels, "the number of labels")
        if assumed:
            raise ArgumentError(
                f"array: labels are whole numbers, and {' and '.join(sorted(assumed))} is of real "
                "arrays; declare one or the other."
            )
        if isinstance(labels, int) and labels < 1:
            raise ArgumentError(f"array: there are labels=1 or more, not {labels}.")
    square = [name for name in _SQUARE if name in assumed]
    if square and (len(sizes) != 2 or sizes[0] != sizes[1]):
        raise ArgumentError(
            f"array: a {square[0].replace('_', ' ')} array is square, and its sizes are "
            f"{sizes}; write array('n', 'n', {square[0]}=True)."
        )
    for first, second, why in _APART:
        if first in assumed and second in assumed:
            raise ArgumentError(
                f"array: {first}=True and {second}=True do not go together: {why}."
            )
    return Declared(tuple(sizes), assumed, labels)


def _check_size(size: Any, what: str) -> None:
    if isinstance(size, str) and not size.isidentifier():
        raise ArgumentError(f"array: {size!r} is not the name of {what}; write array('N', 'd').")
    if type(size) not in (str, int):
        raise ArgumentError(f"array: {what} is a name or a whole number, not {size!r}.")


def examples_of(args: Sequence[Any]) -> tuple[Any, ...]:
    """Arguments with numbers in place of what is declared; the same ones at every call."""
    sizes: dict[str, int] = {}
    rng = np.random.default_rng(7)
    made = []
    for value in args:
        leaves, structure = flatten(value)
        new = [x.example(sizes, rng) if isinstance(x, Declared) else x for x in leaves]
        made.append(structure.unflatten(new))
    return tuple(made)
