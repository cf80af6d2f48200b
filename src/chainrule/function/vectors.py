"""``stop_gradient`` and ``ravel``: small verbs on values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..ops.structural import stop_gradient as hold
from ..trace.tree import flatten


def stop_gradient(x: Any) -> Any:
    """``x``, held constant: its derivative counts as zero.

    >>> import numpy as np
    >>> from chainrule import grad
    >>> float(grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    leaves, structure = flatten(x)
    return structure.unflatten([hold(leaf) for leaf in leaves])


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """All numbers of a nested structure as one vector, and the function that puts them back.

    Both directions are differentiable. The vector has the dtype that NumPy promotes to; each leaf
    gets its own dtype back.

    >>> vector, unravel = ravel({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> unravel(vector * 2)
    {'w': array([[2., 4.]]), 'b': np.float64(6.0)}
    """
    leaves, structure = flatten(tree)
    shapes = [np.shape(leaf) for leaf in leaves]
    dtypes = [leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype for leaf in leaves]
    sizes = [int(np.prod(s)) for s in shapes]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
    vector = np.concatenate([np.reshape(leaf, -1) for leaf in leaves]) if leaves else np.zeros(0)

    def unravel(flat: Any) -> Any:
        """The nested structure with the numbers of ``flat``."""
        if np.shape(flat) != (offsets[-1],):
            raise ArgumentError(
                f"unravel: the vector has shape {np.shape(flat)}; it must have ({offsets[-1]},)."
            )
        parts = []
        for k, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True)):
            part = np.reshape(flat[offsets[k] : offsets[k + 1]], shape)
            part = part if part.dtype == dtype else part.astype(dtype)
            parts.append(part[()] if not shape and isinstance(part, np.ndarray) else part)
        return structure.unflatten(parts)

    return vector, unravel
