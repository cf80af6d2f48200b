"""A derivative that comes out as NaN is spoken of as NumPy speaks of an invalid operation."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import NaNDerivative, Site
from ..ir.node import Node
from ..trace.recording import Trace
from ..trace.site import is_internal
from .locate import first_nan

#: The flag by which NumPy tells an error handler of an invalid operation.
_INVALID = 8


def watch(
    values: Iterable[Any],
    trace: Trace,
    outputs: Sequence[Node],
    what: str,
    derive: Callable[[], Sequence[Node]],
    bindings: Mapping[Node, Any] | None = None,
) -> None:
    """Speak up if a derivative is NaN where arguments and value are numbers.

    ``np.errstate(invalid=…)`` says how: by a warning, by raising `NaNDerivative`, not at all.
    ``derive`` makes the derivative's nodes anew, in the terms of the program; it is called, and
    the line looked for, only where there is something to say.
    """
    if not _any_nan(values):
        return
    mode = np.geterr()["invalid"]
    if mode == "ignore" or _any_nan(trace.sources.values()):
        return
    if _any_nan(trace.value(o) for o in outputs if o.level <= trace.level):
        return
    known = {**trace.sources, **trace.captured, **(bindings or {})}
    fault = first_nan(derive(), known, trace)
    where, site = "", None
    if fault is not None:
        where = f" It arises in {fault.operation}, whose derivative {fault.what}."
        site = fault.site
    message = (
        f"invalid value encountered: {what} is NaN, though its value is a number.{where} "
        "Use one function for the whole step (np.linalg.norm for np.sqrt(np.sum(x**2))), or choose "
        "the argument of the step by np.where so that it stays where its slope is finite."
    )
    _speak(mode, message, site)


def _any_nan(values: Iterable[Any]) -> bool:
    for value in values:
        plain = "f" if isinstance(value, float) else ""
        kind = getattr(getattr(value, "dtype", None), "kind", plain)
        if kind in ("f", "c") and np.isnan(value).any():
            return True
    return False


def _speak(mode: str, message: str, site: Site | None) -> None:
    error = NaNDerivative(message, site)
    if mode == "raise":
        raise error
    if mode == "warn":
        warnings.warn(str(error), RuntimeWarning, stacklevel=_depth())
    elif mode == "print":
        sys.stdout.write(f"Warning: {error}\n")
    else:
        handler: Any = np.geterrcall()
        if mode == "call":
            handler("invalid value", _INVALID)
        else:
            handler.write(f"Warning: {error}\n")


def _depth() -> int:
    """How many frames up the user's own program is, for `warnings.warn` in the caller."""
    depth, frame = 0, sys._getframe(1)  # noqa: SLF001 - the way to look up frames
    while is_internal(frame.f_code.co_filename) and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth + 1
