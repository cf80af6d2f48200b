"""Python's garbage collector at rest while a walk makes nodes.

Nodes hold each other without cycles, so they are freed by their reference counts alone. The
collector, which runs each time so and so many objects have been made, finds nothing among them
and looks at all of them again and again: a quarter of the time of a walk over a long program.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def at_rest(walk: Callable[_P, _R]) -> Callable[_P, _R]:
    """``walk`` without the collector, which is at work again when it ends, however it ends.

    Where it is off already, by the user's wish or by an outer walk's, it stays off.
    """

    @wraps(walk)
    def resting(*args: _P.args, **keywords: _P.kwargs) -> _R:
        if not gc.isenabled():
            return walk(*args, **keywords)
        gc.disable()
        try:
            return walk(*args, **keywords)
        finally:
            gc.enable()

    return resting
