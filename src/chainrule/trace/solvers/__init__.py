"""SciPy's functions that are given functions: solvers and integrators.

What they are given may compute with traced values from around it, so each is called with the trace
and with SciPy's own function before its arguments, whether any of these is traced or not.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from . import fitting, integrate, optimize

#: Path of a function of SciPy -> what is called in its place while a trace is at work.
SOLVERS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {**optimize.SOLVERS, **fitting.SOLVERS, **integrate.SOLVERS}
)
