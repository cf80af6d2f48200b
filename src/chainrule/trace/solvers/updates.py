"""SciPy's updates of single elements, ``at(x, index).set(y)``, of a traced number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nesting import innermost


def _update(
    trace: Any, original: Callable[..., Any], self: Any, kind: Any, in_place: Any, *args: Any,
    **keywords: Any,
) -> Any:  # fmt: skip
    """A number cannot be written to, so the update of one is a choice; an array is a copy."""
    x, index = self._x, self._idx
    if np.ndim(x) or np.ndim(index) or innermost((x, *args)) is None:
        return original(self, kind, in_place, *args, **keywords)
    y = args[-1]
    chosen = index is Ellipsis or (type(index) is tuple and not index) or index
    if np.ndim(y):  # one value for each place that is chosen: there is one, or none
        if not bool(chosen):
            return x
        y = np.reshape(y, ())
    return np.where(chosen, y if in_place is None else in_place(x, y), x)


SOLVERS: dict[str, Callable[..., Any]] = {
    "scipy._lib.array_api_extra._lib._at.at._op": _update,
}
