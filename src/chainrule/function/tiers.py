"""Programs that prove hot become native code in the background.

A graph is evaluated by NumPy at once. Its runs are counted and timed; one that is run often, or
long, is compiled on a thread of its own and swapped in when it is ready. Nobody waits: the thread
gives way several times a millisecond, ends when there is nothing to compile, and what cannot be
compiled stays with NumPy.

`CHAINRULE_TIERS=off` in the environment, or ``with tiers(False):``, switch it off.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ContextDecorator
from typing import Any

import numpy as np

from ..ir.forking import working
from ..ir.graph import Graph
from ..ops.program import Program

#: A program is hot after this many runs, or this many seconds in more than one.
HOT_RUNS = 50
HOT_SECONDS = 0.02
#: Graphs with more nodes than this are left to NumPy, unless they are compiled by name.
MOST_NODES = 200_000
#: How long the compiling thread works at a stretch, and gives way, in seconds.
STRETCH, PAUSE = 4e-4, 1.5e-4

_log = logging.getLogger("chainrule")
_missed: Any = object()
_PLAIN = (np.ndarray, float, int, complex, np.float64)


def _miss(*values: Any) -> Any:
    return _missed


class tiers(ContextDecorator):  # noqa: N801 - used like a function
    """``with tiers(False):`` compiles nothing in the background, and runs by NumPy alone.

    For the whole process, on every thread; so does a function that it decorates, while it runs.
    """

    on = os.environ.get("CHAINRULE_TIERS", "").lower() not in ("off", "0", "no")

    def __init__(self, on: bool = True) -> None:
        self._on = on
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(tiers.on)
        tiers.on = self._on

    def __exit__(self, *exception: object) -> None:
        tiers.on = self._before.pop()


class Tiered:
    """A program that becomes native code when it proves hot. It is called as a `Program` is."""

    __slots__ = ("_fast", "_program", "_runs", "_single", "_spent", "graph", "settled")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._program = Program(graph)
        self._single = len(graph.outputs) == 1
        self._fast: Any = None
        self._runs = 0
        self._spent = 0.0
        #: Whether it is compiled, or is being, or cannot be.
        self.settled = False

    @property
    def is_native(self) -> bool:
        """Whether it is compiled."""
        return self._fast is not None

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The outputs, as arrays of their own."""
        fast = self._fast
        if fast is not None and tiers.on:
            try:
                made = fast(*values)
            except Exception:  # noqa: BLE001 (NumPy will tell what is wrong)
                made = _missed
            if made is not _missed:
                return [made] if self._single else list(made)
        if self.settled:
            return self._program(values)
        start = time.perf_counter()
        results = self._program(values)
        self._spent += time.perf_counter() - start
        self._runs += 1
        if self._runs >= HOT_RUNS or (self._spent > HOT_SECONDS and self._runs > 1):
            self._settle()
        return results

    def _settle(self) -> None:
        if tiers.on:
            _worker.add(self)

    def compile(self) -> None:
        """Make it native; what cannot be stays as it is."""
        with working:  # the first time, much is imported here
            from .execution import Reference, compile_graph, compiler

            if compiler() is None:
                return
            executable = compile_graph(self.graph, asked=False)
            if type(executable) is not Reference:
                self._fast = executable.entry(_miss)


class _Worker:
    """The thread that compiles. It lives as long as there is something to do."""

    def __init__(self) -> None:
        self._waiting: deque[Tiered] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: The one that ran last, which may be about to end.
        self._last: threading.Thread | None = None
        self._ending = False

    def add(self, program: Tiered) -> None:
        """Have ``program`` compiled."""
        with self._lock:
            if self._ending or program.settled:
                return
            program.settled = True
            if not program.graph.outputs or len(program.graph.order) > MOST_NODES:
                return
            self._waiting.append(program)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="chainrule compiler", daemon=True
                )
                self._last = self._thread
                try:
                    self._thread.start()
                except RuntimeError:  # no more threads, or the interpreter is about to end
                    self._thread = None
                    self._waiting.clear()

    def _work(self) -> None:
        profile = _yielding(self)
        try:
            while (program := self._next()) is not None:
                sys.setprofile(profile)
                try:
                    program.compile()
                except Exception:  # noqa: BLE001 (NumPy runs every graph)
                    _log.debug("not compiled: %r", program.graph, exc_info=True)
                finally:
                    sys.setprofile(None)
        except _Ended:
            self._thread = None

    def _next(self) -> Tiered | None:
        """What is to be compiled next; ``None`` ends the thread."""
        with self._lock:
            if self._waiting and not self._ending:
                return self._waiting.popleft()
            self._thread = None
            return None

    def drain(self) -> None:
        """Wait until all that was hot is compiled."""
        while (thread := self._thread or self._last) is not None and thread.is_alive():
            thread.join()

    def end(self) -> None:
        """Stop: the interpreter is about to end, and must not do so amid the compiler's work."""
        self._ending = True
        self.drain()

    def forked(self) -> None:
        """In a child process there is no such thread."""
        self._lock = threading.Lock()
        self._thread = self._last = None
        self._waiting.clear()

    @property
    def ending(self) -> bool:
        """Whether it must stop."""
        return self._ending


class _Ended(BaseException):
    """The interpreter is about to end."""


def _yielding(worker: _Worker) -> Any:
    """A profiler that lets other threads run, so that no call of theirs waits for this one."""
    last = time.perf_counter()

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last > STRETCH:
            if not worker.ending:
                time.sleep(PAUSE)
            elif event == "call" and _may_end(frame):
                raise _Ended
            last = time.perf_counter()

    return profile


def _may_end(frame: Any) -> bool:
    """Whether an exception may be raised as this function is called.

    Only as our own code calls our own: logging, for one, releases its lock by a call, which must
    not fail. And not below what a dying object calls, whose exceptions are printed.
    """
    for called in (frame, frame.f_back):
        if called is None or not called.f_globals.get("__name__", "").startswith(_OURS):
            return False
    while frame is not None:
        if frame.f_code.co_name in _LAST_WORDS:
            return False
        frame = frame.f_back
    return True


#: A finaliser, and what the table of nodes has called as one dies.
_LAST_WORDS = ("__del__", "_forget")
_OURS = __name__.partition(".")[0] + "."
_worker = _Worker()
atexit.register(_worker.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_worker.forked)


def drain() -> None:
    """Wait until all programs that proved hot are compiled."""
    _worker.drain()
