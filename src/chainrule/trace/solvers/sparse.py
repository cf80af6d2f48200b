"""``scipy.sparse.linalg``: systems with a sparse matrix and a traced right-hand side, or entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import UnsupportedFunction
from ...ir.literal import Literal
from ...ops.sparse_systems import Places, sparse_solve
from ..nesting import innermost
from ..site import here
from .closures import lifted

Function = Callable[..., Any]


def solved(trace: Any, A: Any, b: Any, trans: str = "N") -> Any:
    """``A⁻¹ b``, recorded."""
    entries = A.tocoo()
    rows, columns = entries.row.astype(int), entries.col.astype(int)
    places = Places(Literal(rows), Literal(columns), int(A.shape[0]))
    if trans in ("T", "H"):
        places = places.transposed()
    return sparse_solve(trace.lift(entries.data * 1.0), trace.lift(lifted(b)) * 1.0, places)


def spsolve(trace: Any, original: Function, A: Any, b: Any, *args: Any, **words: Any) -> Any:
    """As :func:`scipy.sparse.linalg.spsolve` of a dense right-hand side."""
    if innermost((b,)) is None:
        return original(A, b, *args, **words)
    x = lifted(b)
    column = np.ndim(x) == 2 and int(np.shape(x)[1]) == 1
    return solved(trace, A, np.reshape(x, (-1,)) if column else x)


class Factorized:
    """A factorization of SciPy's, which also solves for traced right-hand sides."""

    def __init__(self, factors: Any, A: Any) -> None:
        self._factors = factors
        self._matrix = A

    def __getattr__(self, name: str) -> Any:
        return getattr(self._factors, name)

    def solve(self, b: Any, trans: str = "N") -> Any:
        """As ``SuperLU.solve``."""
        owner = innermost((b,))
        if owner is None:
            return self._factors.solve(b, trans)
        return solved(owner, self._matrix, b, trans)


def splu(trace: Any, original: Function, A: Any, *args: Any, **words: Any) -> Any:
    """As :func:`scipy.sparse.linalg.splu`."""
    return Factorized(original(A, *args, **words), A)


def factorized(trace: Any, original: Function, A: Any) -> Any:
    """As :func:`scipy.sparse.linalg.factorized`."""
    from scipy.sparse.linalg import splu as plain_splu

    return splu(trace, plain_splu, A.tocsc()).solve


_PATH = "scipy.sparse.linalg"


def _built(name: str) -> Function:
    def function(trace: Any, original: Function, *args: Any, **words: Any) -> Any:
        if innermost((args, words)) is None:
            return original(*args, **words)
        given = type(args[0]).__name__ if name.endswith("__init__") else name
        raise UnsupportedFunction(
            f"scipy.sparse.{given} of traced entries has no derivative here: compiled code sorts "
            "them. Multiply by them before or after a constant matrix (d * (A @ x)), or use a dense "
            "matrix.",
            here(),
        )

    return function


SOLVERS: dict[str, Function] = {
    f"{_PATH}.spsolve": spsolve,
    f"{_PATH}.splu": splu,
    f"{_PATH}.factorized": factorized,
    **{f"scipy.sparse.{name}": _built(name) for name in ("diags", "diags_array", "spdiags")},
    **{
        f"scipy.sparse.{name}.__init__": _built("__init__")
        for name in ("csr_array", "coo_array", "dia_array", "bsr_array")
    },
}
