"""Arrays of other libraries, taken over by DLPack: the same memory, as an array of NumPy's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ArgumentError, TraceError
from .site import here

_PLAIN: frozenset[type] = frozenset({np.ndarray, np.float64, float, int, complex, bool, str})
_ndarray, _generic = np.ndarray, np.generic


def is_foreign(kind: type) -> bool:
    """Whether values of a type are arrays of another library."""
    return (
        kind not in _PLAIN
        and hasattr(kind, "__dlpack__")
        and not issubclass(kind, _ndarray | _generic)
        and not hasattr(kind, "__trace__")
    )


#: What a subclass of ndarray has of its own if its arrays mean more than their numbers.
_MEANING = (
    "__array_ufunc__", "__array_function__", "__add__", "__radd__", "__mul__", "__rmul__", "__matmul__",
    "__truediv__", "__pow__", "__sub__", "__rsub__",
)  # fmt: skip


@lru_cache(maxsize=256)
def has_meaning(kind: type) -> bool:
    """Whether arrays of a type have units, masks or products of their own."""
    if not issubclass(kind, _ndarray):
        return hasattr(kind, "__array_ufunc__") and hasattr(kind, "units")
    return not kind.__module__.startswith(f"{__package__}.") and any(
        getattr(kind, name) is not getattr(_ndarray, name) for name in _MEANING
    )


def meaningless(kind: type) -> TraceError:
    """The error for an array whose meaning a traced one would lose."""
    return TraceError(
        f"{kind.__module__}.{kind.__name__} has operations of its own (units, masks, products), and a "
        "traced array beside it would lose them. Use plain arrays: np.asarray(x), or x.value of a "
        "quantity.",
        here(),
    )


def keep_meaning(kinds: Iterable[Any]) -> None:
    """Refuse to see a traced array as one of a type that would mean something else."""
    for kind in kinds:
        if isinstance(kind, type) and has_meaning(kind):
            raise meaningless(kind)


def exchanged(x: Any) -> Any:
    """An array of another library as one of NumPy's; anything else as it is."""
    kind = type(x)
    if kind is not _ndarray and has_meaning(kind):  # type: ignore[arg-type]
        raise meaningless(kind)
    if not is_foreign(kind):
        return x
    try:
        return np.from_dlpack(x)
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(
            f"a {type(x).__module__}.{type(x).__name__} does not give its numbers to NumPy: {said}. "
            "Give an array in main memory, of a type that NumPy has, without a gradient of its own."
        ) from error


def arrays(tree: Any) -> Any:
    """The same nesting, in which arrays of other libraries are NumPy's."""
    kind = type(tree)
    if kind in _PLAIN:
        return tree
    if kind is list or kind is tuple:
        made = [arrays(x) for x in tree]
        same = all(a is b for a, b in zip(made, tree, strict=True))
        return tree if same else kind(made)
    if kind is dict:
        values = {k: arrays(x) for k, x in tree.items()}
        return tree if all(values[k] is tree[k] for k in tree) else values
    return exchanged(tree)
