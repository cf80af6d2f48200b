"""What a function reads from outside, as symbols: ``c @ A`` stays ``Aᵀc`` when both are globals.

Such steps meet no traced array, so NumPy does them and leaves no record. To see them, the function
runs as a copy of itself in which its globals and closure variables are inputs of the trace; nothing
of the user's is changed. Numbers are lifted too: integers remain integers for whoever counts with
them, and are read as the sizes that they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from ..ir.node import Node
from ..trace.recording import Trace
from ..trace.sizes import Named
from .copies import Copies
from .watching import Place, Surroundings


@dataclass(frozen=True)
class Lifted:
    """A value from outside as an input of the trace."""

    node: Node
    name: str
    value: Any


def lifted(
    f: Callable[..., Any], trace: Trace, taken: set[str]
) -> tuple[Callable[..., Any], list[Lifted]]:
    """A copy of ``f`` that reads inputs of ``trace`` where it read arrays and numbers from outside.

    Only variables are lifted, which the source of a formula can name; not what is in lists or
    objects, and nothing whose name is ``taken`` by an argument.
    """
    around = Surroundings([f], set())
    variables = [p for p in around.places if _is_variable(p, around) and p.name not in taken]
    arrays: dict[int, tuple[Place, Any]] = {}
    numbers: list[Place] = []
    names: set[str] = set()
    for place in variables:
        value = place.value
        if type(value) is np.ndarray and value.dtype.kind in "fc" and value.dtype.isnative:
            # The same array under a second name is the same array.
            if id(value) in arrays or place.name in names or id(value) in around.concrete:
                continue
            arrays[id(value)] = place, trace.input(value)
            names.add(place.name)
        elif type(value) in (int, float) and place.name not in names and _says_something(value):
            numbers.append(place)
            names.add(place.name)
    found = [Lifted(t.node, p.name, p.value) for p, t in arrays.values()]
    replaced = {i: t for i, (_, t) in arrays.items()}
    # A number is replaced in its own place alone: Python keeps one object for equal small numbers.
    copies = Copies(around, {**replaced, **{id(p.value): p.value for p in numbers}})
    made = copies.of(f)
    for place in numbers:
        tracer = trace.input(place.value)
        if copies.put(place, Named(place.value, _itself, (tracer,))):
            found.append(Lifted(tracer.node, place.name, place.value))
    return made, found


def _itself(x: Any) -> Any:
    return x


def _says_something(value: Any) -> bool:
    """Whether a number is worth a name: 0, 1, 2 and ½ are as plain as their names."""
    return value not in (0, 1, -1, 2, 0.5) and np.isfinite(value)


def _is_variable(place: Place, around: Surroundings) -> bool:
    """Whether a place is a global or a closure variable of a function that is copied."""
    if type(place) is not Place or place.name.startswith("__"):
        return False
    if place.key is None:
        return True
    if type(place.owner) is not dict or not str(place.key).isidentifier():
        return False
    return any(
        type(o) is FunctionType and copied and o.__globals__ is place.owner
        for o, copied in around.objects.values()
    )
