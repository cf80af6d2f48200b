"""The arguments of `fit`, checked, with words for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import flatten
from .explain import bad_leaf
from .progress import Progress


def functions(callbacks: Any) -> tuple[Callable[[Progress], Any], ...]:
    """The callbacks, one or several."""
    one = callable(callbacks) or not isinstance(callbacks, Iterable)
    several: tuple[Any, ...] = (callbacks,) if one else tuple(callbacks)
    for callback in several:
        if not callable(callback):
            raise ArgumentError(
                f"fit: a callback is a {type(callback).__name__}. Give functions of a Progress."
            )
    return several


def floating(params: Any) -> Any:
    """The parameters as arrays and NumPy numbers."""
    leaves, structure = flatten(params)
    if not leaves:
        raise ArgumentError("fit: params holds no arrays. Give at least one array to train.")
    arrays = [np.asarray(leaf) for leaf in leaves]
    for array, path in zip(arrays, structure.paths, strict=True):
        if array.dtype.kind not in "fc":
            raise ArgumentError(
                f"fit: params{path} has dtype {array.dtype}, which has no derivative. "
                "Start from floating-point numbers, such as np.zeros(3) or 0.0."
            )
    found = bad_leaf(params)
    if found is not None:
        raise ArgumentError(f"fit: params start from {found}. Start from finite numbers.")
    return structure.unflatten([array.copy()[()] for array in arrays])


def whole(name: str, given: Any, least: int) -> None:
    """A whole number of at least so much."""
    if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < least:
        raise ArgumentError(f"fit: {name} is {given!r}. Give a whole number, {least} or more.")
