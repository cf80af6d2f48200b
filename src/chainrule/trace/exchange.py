"""Arrays of other libraries, taken over by DLPack: the same memory, as an array of NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError

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


def exchanged(x: Any) -> Any:
    """An array of another library as one of NumPy's; anything else as it is."""
    if not is_foreign(type(x)):
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
