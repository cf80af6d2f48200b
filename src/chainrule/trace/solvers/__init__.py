"""SciPy's functions that are given functions: solvers and integrators.

What they are given may compute with traced values from around it, so each is called with the trace
and with SciPy's own function before its arguments, whether any of these is traced or not. So are
functions that are given an array to write to.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from ..functions.scipy_ndimage import WRITING
from ..nesting import innermost
from . import fitting, integrate, interpolate, optimize, sparse, updates


def _as_they_are(composite: Callable[..., Any]) -> Callable[..., Any]:
    """A function that writes to an argument, which must stay the program's own array."""

    def replacement(trace: Any, original: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        if innermost((args, keywords)) is None:
            return original(*args, **keywords)
        return composite(*args, **keywords)

    return replacement


#: Path of a function of SciPy -> what is called in its place while a trace is at work.
SOLVERS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        **optimize.SOLVERS,
        **fitting.SOLVERS,
        **integrate.SOLVERS,
        **interpolate.SOLVERS,
        **sparse.SOLVERS,
        **updates.SOLVERS,
        **{path: _as_they_are(f) for path, f in WRITING.items()},
    }
)
