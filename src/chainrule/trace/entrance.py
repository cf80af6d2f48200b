"""Functions written in Python are replaced from within: by their code, whoever holds them.

A program may keep ``logsumexp`` in a closure, a dictionary, a default or a partial, where no name
in a module leads to it. What it keeps is the function object, and the code of that object can be
exchanged for the length of a trace. Functions written in C have no code to exchange.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from .site import is_ours
from .stack import stack

_frame = sys._getframe  # noqa: SLF001


def entrance(original: FunctionType, replacement: Callable[..., Any]) -> CodeType:
    """Code for ``original`` that is ``replacement`` for a program being traced.

    ``replacement`` takes the trace, the function as it was, and the arguments.
    """
    plain = FunctionType(
        original.__code__, original.__globals__, original.__name__, original.__defaults__,
        original.__closure__,
    )  # fmt: skip
    plain.__kwdefaults__ = original.__kwdefaults__

    def called(*args: Any, **keywords: Any) -> Any:
        traces = stack.traces
        # Two frames up is the caller: between it and this function is the exchanged code.
        if not traces or not stack.intercepting or is_ours(_frame(2).f_code.co_filename):
            return plain(*args, **keywords)
        return replacement(traces[-1], plain, *args, **keywords)

    code = original.__code__
    return _TEMPLATE.replace(
        co_consts=tuple(called if c == _PLACE else c for c in _TEMPLATE.co_consts),
        co_freevars=code.co_freevars,  # as many as the function has, though none is read
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_name=code.co_name,
    )


_PLACE = "what is called"


def _template(*args: Any, **keywords: Any) -> Any:
    called: Any = "what is called"  # a constant of the code, for which the function itself is put
    return called(*args, **keywords)


_TEMPLATE = _template.__code__


def is_exchanged(code: CodeType) -> bool:
    """Whether a frame runs exchanged code: it has free variables that nothing filled.

    Its ``f_locals`` must not be read, for Python would follow them.
    """
    return code.co_code == _TEMPLATE.co_code
