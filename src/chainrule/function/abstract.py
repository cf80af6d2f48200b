"""``array``: a declaration of sizes and assumptions that stands for an example argument."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

import numpy as np

from ..errors import ArgumentError

#: What named sizes are in examples: all different, so that no two axes can be mixed up unnoticed.
_LENGTHS = (7, 4, 3, 5, 6, 8, 9, 10)


class Declared:
    """An array of which sizes and properties are known, and nothing else. See :func:`array`."""

    # Not a dataclass: those are containers of arguments, and this is one argument.
    def __init__(self, axes: tuple[str | int, ...], assumed: frozenset[str]) -> None:
        self.axes = axes
        self.assumed = assumed

    def example(self, sizes: dict[str, int], rng: np.random.Generator) -> Any:
        """Numbers that obey the declaration; ``sizes`` gets the length of each new name."""
        for axis in self.axes:
            if isinstance(axis, str) and axis not in sizes:
                used = set(sizes.values())
                sizes[axis] = next(n for n in chain(_LENGTHS, count(11)) if n not in used)
        shape = tuple(sizes[a] if isinstance(a, str) else a for a in self.axes)
        values = np.asarray(
            0.3 + rng.random(shape) if "positive" in self.assumed else rng.normal(size=shape)
        )
        if "orthogonal" in self.assumed:
            values = np.linalg.qr(values)[0]
        elif "diagonal" in self.assumed:
            values = np.diag(np.diag(values))
        elif "positive_definite" in self.assumed:
            values = values @ values.T + len(values) * np.eye(len(values))
        elif "symmetric" in self.assumed:
            values = (values + values.T) / 2
        return values if shape else float(values)

    @property
    def equals_its_transpose(self) -> bool:
        """Whether the assumptions make it symmetric."""
        return bool(self.assumed & {"symmetric", "positive_definite", "diagonal"})

    def __str__(self) -> str:
        sizes = "×".join(map(str, self.axes))
        return f"ℝ^{{{sizes}}}" if len(self.axes) > 1 else f"ℝ^{sizes}" if sizes else "ℝ"


def array(
    *sizes: str | int,
    symmetric: bool = False,
    positive_definite: bool = False,
    positive: bool = False,
    diagonal: bool = False,
    orthogonal: bool = False,
) -> Declared:
    """Stand for any example argument of :func:`formula`, by sizes and assumptions.

    Sizes are names (``"N"``) or lengths; the same name is the same size in every argument of a
    call, and the formula calls it so. No size is a scalar. What is assumed simplifies the formula
    (of a symmetric A, ``(A + Aᵀ)x`` is ``2Ax``) and holds for the examples that it is verified on.

    >>> import numpy as np
    >>> import chainrule as cr
    >>> quadratic = cr.grad(lambda x, A: x @ A @ x)
    >>> cr.formula(quadratic)(array("n"), array("n", "n", symmetric=True)).text
    '2Ax'
    """
    for size in sizes:
        if isinstance(size, str) and not size.isidentifier():
            raise ArgumentError(
                f"array: {size!r} is not the name of a size; write array('N', 'd')."
            )
        if type(size) not in (str, int):
            raise ArgumentError(f"array: a size is a name or a whole number, not {size!r}.")
    square = symmetric or positive_definite or diagonal or orthogonal
    if square and (len(sizes) != 2 or sizes[0] != sizes[1]):
        raise ArgumentError(
            "array: symmetric, positive definite, diagonal and orthogonal arrays are square; "
            "write array('n', 'n', …)."
        )
    given = {
        "symmetric": symmetric,
        "positive_definite": positive_definite,
        "positive": positive,
        "diagonal": diagonal,
        "orthogonal": orthogonal,
    }
    return Declared(tuple(sizes), frozenset(k for k, v in given.items() if v))
