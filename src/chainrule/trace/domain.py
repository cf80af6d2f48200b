"""Errors that Python's own numbers raise: ``math.sqrt(-1.0)``, ``1.0 / 0.0``.

Where Python raises, NumPy goes on with NaN or infinity, and so does a traced program: a later
``np.where`` may drop it. But where the program has a ``try`` to catch the error, raising or not is a
decision that it takes on a value, and it is taken as Python would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CutDerivative
from .site import here, is_internal
from .tracer import Tracer

_frame = sys._getframe  # noqa: SLF001

#: The functions of `math` that raise for some numbers -> for which they do not.
DOMAINS: dict[str, Callable[..., Any]] = {
    "sqrt": lambda x: x >= 0, "log": lambda x, base=2.0: np.logical_and(x > 0, base > 0),
    "log10": lambda x: x > 0, "log2": lambda x: x > 0, "log1p": lambda x: x > -1,
    "acos": lambda x: np.abs(x) <= 1, "asin": lambda x: np.abs(x) <= 1, "acosh": lambda x: x >= 1,
    "atanh": lambda x: np.abs(x) < 1, "fmod": lambda x, y: y != 0, "remainder": lambda x, y: y != 0,
    "exp": lambda x: x < 709.78, "expm1": lambda x: x < 709.78, "exp2": lambda x: x < 1024,
    "cosh": lambda x: np.abs(x) < 710.47, "sinh": lambda x: np.abs(x) < 710.47,
    "gamma": lambda x: np.logical_or(x > 0, np.floor(x) != x),
    "lgamma": lambda x: np.logical_or(x > 0, np.floor(x) != x),
    "pow": lambda x, y: np.logical_or(x > 0, np.logical_or(
        np.logical_and(x < 0, np.floor(y) == y), np.logical_and(x == 0, y >= 0))),
}  # fmt: skip


def check(trace: Any, original: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Raise what ``original`` raises for the numbers at hand, where the program may catch it."""
    domain = DOMAINS.get(original.__name__)
    if domain is None or trace.naming:
        return
    if is_caught() and not domain(*args):
        original(*map(number, args))


def check_divisor(trace: Any, divisor: Any, said: str) -> None:
    """Raise what Python raises where it divides its own numbers by zero."""
    if type(divisor) is Tracer:
        asked = divisor.node.type.weak and not trace.naming
    else:
        asked = isinstance(divisor, int | float) and not isinstance(divisor, np.generic)
    if asked and is_caught() and not divisor:
        raise ZeroDivisionError(said)


def hashed(trace: Any, x: Tracer) -> int:
    """The hash of a number: a decision where there is no derivative to cut."""
    if trace.carries(x) and (trace.root.differentiated or x.node.level > trace.root.level):
        # Not remembered as refused: code that keeps results tries, and then does without.
        raise CutDerivative(
            "a traced number was used as a key, of a dict, a set or a cache, which would keep it "
            "beyond its time. Use a name or an index as the key, or chainrule.stop_gradient(x).",
            here(),
        )
    return hash(trace.root.decide_array(x)[()])


def number(x: Any) -> Any:
    """The concrete number."""
    return np.asarray(x.recorder.value(x.node)).item() if type(x) is Tracer else x


def is_caught() -> bool:
    """Whether the program may catch an error that is raised here."""
    frame: Any = _frame(2)
    while frame is not None:
        code = frame.f_code
        if not is_internal(code.co_filename):
            if code.co_exceptiontable:
                return True
        elif code.co_name == "run" and code.co_filename.endswith("recording.py"):
            return False
        frame = frame.f_back
    return False
