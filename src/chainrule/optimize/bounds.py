"""Bounds of the unknowns, in SciPy's forms and in nested ones, as two vectors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.tree import Structure, flatten
from .variables import Variables, Vector


def broadcast(variables: Variables, given: Any, verb: str, what: str) -> Vector:
    """``given`` as one number for each unknown: a number, a vector, or a tree like ``x0``."""
    if np.ndim(given) == 0 and not isinstance(given, dict):
        return np.full(variables.size, float(given))
    leaves, structure = flatten(given)
    if structure == variables.structure:
        with suppress(ValueError):
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
    if vector.shape in ((variables.size,), (1,)):
        return np.broadcast_to(vector, variables.size).copy()
    raise ArgumentError(
        f"{verb}: {what} does not fit {variables.name}, which holds {variables.size} numbers. "
        f"Give one number for all, or the structure of {variables.name}."
    )


def limits(variables: Variables, bounds: Any, verb: str) -> tuple[Vector, Vector] | None:
    """Lower and upper limits of each unknown, or None where there are none.

    ``bounds`` is a `scipy.optimize.Bounds`, one pair ``(low, high)`` for each number of a flat
    ``x0``, or a tree like ``x0`` with, at each leaf, a pair of numbers or of arrays like the leaf, or
    one pair for each of its numbers; None is no limit.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        low = broadcast(variables, bounds.lb, verb, "the lower bound")
        high = broadcast(variables, bounds.ub, verb, "the upper bound")
    else:
        low, high = _limits(variables, bounds, verb)
    return feasible(variables, low, high, verb)


def feasible(
    variables: Variables, low: Vector, high: Vector, verb: str
) -> tuple[Vector, Vector] | None:
    """``low`` and ``high``, once they are in order and ``x0`` lies between them."""
    for bad, problem, remedy in (
        (np.isnan(low) | np.isnan(high), "a bound is NaN", "Write None for no limit"),
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


def _limits(variables: Variables, bounds: Any, verb: str) -> tuple[Vector, Vector]:
    lows: list[Vector] = []
    highs: list[Vector] = []
    shapes = iter(variables.shapes)

    def leaf(given: Any, path: str) -> None:
        shape = next(shapes)
        size = int(np.prod(shape))
        pairs = given
        if given is None or _is_pair(given):
            pairs = [(None, None) if given is None else given] * size
        elif _is_pair_of_arrays(given):
            try:
                ends = [np.broadcast_to(np.asarray(end, float), shape).ravel() for end in given]
            except ValueError:
                ends = []
            pairs = list(zip(*ends, strict=True)) if ends else [()] * (size + 1)
        if isinstance(pairs, str | dict) or not hasattr(pairs, "__len__"):
            raise ArgumentError(
                f"{verb}: the bounds at {path} are {given!r}, not pairs (low, high). Write one pair "
                "for all of its numbers, or for each."
            )
        if len(pairs) != size or not all(map(_is_pair, pairs)):
            count = f"{len(pairs)} pair{'s' * (len(pairs) != 1)}"
            what = count if all(map(_is_pair, pairs)) else repr(given)
            numbers = f"{size} number{'s' * (size != 1)}"
            raise ArgumentError(
                f"{verb}: the bounds at {path}, which holds {numbers}, are {what}. Write one pair "
                "(low, high) for each number of a flat x0, or for each array of a nested one."
            )
        lows.append(np.array([-np.inf if a is None else a for a, _ in pairs], float))
        highs.append(np.array([np.inf if b is None else b for _, b in pairs], float))

    def walk(structure: Structure, given: Any, path: str) -> None:
        if structure.kind is None:
            leaf(given, path)
            return
        for step, child, inner in zip(
            structure.steps, structure.children, _children(structure, given, path), strict=True
        ):
            walk(child, inner, path + step)

    flat = hasattr(bounds, "__len__") and not isinstance(bounds, dict)
    if flat and len(bounds) == variables.size and all(map(_is_pair, bounds)):
        lows = [np.array([-np.inf if a is None else a for a, _ in bounds], float)]
        highs = [np.array([np.inf if b is None else b for _, b in bounds], float)]
    else:
        try:
            walk(variables.structure, bounds, variables.name)
        except _Misfit as why:
            raise ArgumentError(
                f"{verb}: {why}. Nest bounds like {variables.name}, with None where there are none."
            ) from None
    return np.concatenate(lows), np.concatenate(highs)


class _Misfit(Exception):
    """Bounds that are not nested like the start."""


def _children(structure: Structure, given: Any, path: str) -> list[Any]:
    """The bounds of each part of a nested ``x0``."""
    keys = structure.keys
    if given is None:
        return [None] * len(keys)
    if isinstance(given, dict):
        strange = [key for key in given if key not in keys]
        if not strange:
            return [given.get(key) for key in keys]
        problem = f"there is no {path}[{strange[0]!r}] to bound"
    elif isinstance(given, list | tuple) and len(given) == len(keys):
        return list(given)
    elif all(isinstance(key, str) and hasattr(given, key) for key in keys):
        return [getattr(given, str(key)) for key in keys]
    else:
        problem = f"the bounds at {path} are {given!r}"
    raise _Misfit(problem)


def _is_pair(given: Any) -> bool:
    try:
        return len(given) == 2 and all(
            v is None or (np.ndim(v) == 0 and not isinstance(v, str)) for v in given
        )
    except TypeError:
        return False


def _is_pair_of_arrays(given: Any) -> bool:
    return (
        type(given) is tuple
        and len(given) == 2
        and any(isinstance(v, np.ndarray) for v in given)
    )
