"""The traces at work on this thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Stack(threading.local):
    """Traces, outermost first, and whether they intercept what NumPy's protocols do not reach."""

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.intercepting = os.environ.get("CHAINRULE_INTERCEPT", "1") != "0"


stack = _Stack()


def current() -> Any:
    """The innermost trace at work on this thread, or ``None``."""
    traces = stack.traces
    return traces[-1] if traces else None


@contextmanager
def suspended() -> Iterator[None]:
    """No trace is at work inside: for a function of the user's that runs on plain arrays."""
    traces, stack.traces = stack.traces, []
    try:
        yield
    finally:
        stack.traces = traces
