"""How a graph is run for good: as native code where there is a compiler, else by NumPy.

This is the one place that knows of both. `CHAINRULE_JIT=off` chooses NumPy.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..ir.graph import Graph
from ..ir.node import Node
from ..ops.program import Program


class Executable(Protocol):
    """A graph that is ready to run, with a check of the decisions that it rests on."""

    graph: Graph
    workspace: int

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        """The outputs; ``None`` when the check failed."""

    def entry(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the inputs that gives the one output, or the tuple of them.

        It calls ``slow`` with the same arguments where one is of another type or a check fails.
        """

    def bind(
        self, values: Sequence[Any], outputs: Sequence[Any], result: Any, slow: Callable[[], Any]
    ) -> Callable[[], Any]:
        """A function of nothing that computes ``outputs`` from ``values`` as they are then.

        It returns ``result``; or what ``slow()`` does, where the check fails.
        """

    def text(self) -> str:
        """The code."""


class Reference:
    """A graph run by NumPy: the reference of native code, and what stands in for it."""

    def __init__(self, graph: Graph, check: Node | None) -> None:
        self.graph = graph
        self._checked = check is not None
        outputs = graph.outputs if check is None else (*graph.outputs, check)
        self._program = Program(Graph(graph.inputs, outputs))
        self.workspace = _peak(graph)

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        """The outputs, as arrays of their own; ``None`` when the check failed."""
        if not self._checked:
            return self._program(values)
        results = self._program(values)
        return results if results.pop() else None

    def entry(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """See :class:`Executable`."""
        return checked_entry(self, slow)

    def bind(
        self, values: Sequence[Any], outputs: Sequence[Any], result: Any, slow: Callable[[], Any]
    ) -> Callable[[], Any]:
        """See :class:`Executable`."""
        return copying_bind(self, values, outputs, result, slow)

    @property
    def steps(self) -> list[str]:
        """The operations, in the order in which they run."""
        return [repr(n) for n in self.graph.order if n.args]

    def text(self) -> str:
        """The graph: there is no other code."""
        return str(self.graph)


def checked_entry(executable: Executable, slow: Callable[..., Any]) -> Callable[..., Any]:
    """An entry that looks at each input in Python."""
    kinds = [(n.type.shape, n.type.dtype, n.type.weak) for n in executable.graph.inputs]
    single = len(executable.graph.outputs) == 1

    def fast(*values: Any) -> Any:
        if len(values) != len(kinds):
            return slow(*values)
        for value, (shape, dtype, weak) in zip(values, kinds, strict=True):
            if weak:
                if type(value) not in _WEAK[dtype.kind]:
                    return slow(*values)
            elif (
                type(value) is not np.ndarray or value.shape != shape or value.dtype != dtype
            ) and not (isinstance(value, np.generic) and not shape and value.dtype == dtype):
                return slow(*values)
        try:
            results = executable(values)
        except (ArithmeticError, LookupError, ValueError):  # perhaps on the way to a check that fails
            results = None
        if results is None:
            return slow(*values)
        return results[0] if single else tuple(results)

    return fast


_WEAK: dict[str, tuple[type, ...]] = {"f": (float,), "c": (complex,), "i": (int,)}


def copying_bind(
    executable: Executable,
    values: Sequence[Any],
    outputs: Sequence[Any],
    result: Any,
    slow: Callable[[], Any],
) -> Callable[[], Any]:
    """A bound call that copies its results to where they belong."""

    def bound() -> Any:
        try:
            made = executable(values)
        except (ArithmeticError, LookupError, ValueError):
            made = None
        if made is None:
            return slow()
        for target, value in zip(outputs, made, strict=True):
            target[...] = value
        return result

    return bound


def _peak(graph: Graph) -> int:
    """Bytes of the intermediate values that are alive at once, at most."""
    last: dict[Node, int] = {}
    order = graph.order
    for k, n in enumerate(order):
        for a in n.args:
            last[a] = k
    kept = {*graph.inputs, *graph.outputs}
    ends: dict[int, list[Node]] = {}
    for n, k in last.items():
        ends.setdefault(k, []).append(n)
    held = most = 0
    for k, n in enumerate(order):
        if n not in kept and n.args:
            held += _bytes(n)
        most = max(most, held)
        held -= sum(_bytes(a) for a in ends.get(k, ()) if a not in kept and a.args)
    return most


def _bytes(n: Node) -> int:
    kind = n.type
    return sum(t.size * t.dtype.itemsize for t in getattr(kind, "items", (kind,)))


class _Plain:
    """A compiled graph whose calls are looked at in Python."""

    def __init__(self, executable: Any) -> None:
        self._executable = executable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executable, name)

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        found: list[Any] | None = self._executable(values)
        return found

    entry, bind = checked_entry, copying_bind
    graph: Graph
    workspace: int
    text: Callable[[], str]


_log = logging.getLogger("chainrule")
_compiler: Any = None


def compiler(*, notify: bool = False) -> Any:
    """The module of native code; ``None`` where it is switched off or there is none.

    ``notify``: say once why there is none.
    """
    global _compiler  # noqa: PLW0603 (found once)
    if os.environ.get("CHAINRULE_JIT", "").lower() in ("off", "0", "no"):
        return None
    if _compiler is None:
        from ..native import llvm

        if llvm.available():
            from ..native import program

            _compiler = program
        else:
            _compiler = False
    if _compiler is False and notify:
        from ..native import llvm

        llvm.notice()
    return _compiler or None


def compile_graph(
    graph: Graph, check: Node | None = None, *, threads: int = 1, asked: bool = True
) -> Executable:
    """``graph`` ready to run, where ``check``, a truth value of the same inputs, is true.

    Raises ValueError if `CHAINRULE_TARGET` names no level of this machine. Should the compiler fail
    on a graph, that is said in a warning if the user ``asked`` for native code; NumPy runs it.
    """
    native = compiler(notify=asked)
    if native is not None:
        machine = native.llvm.machine()
        try:
            made: Executable = native.compile_graph(
                graph, check, machine=machine, threads=threads
            )
        except Exception as error:  # noqa: BLE001 (NumPy runs every graph)
            _log.debug("no native code for %r", graph, exc_info=True)
            message = (
                f"jit: no machine code could be made ({type(error).__name__}: {error}), which is a "
                "fault of chainrule; please report it. NumPy runs the function instead."
            )
            if asked:
                warnings.warn(message, RuntimeWarning, stacklevel=2)
        else:
            return made if hasattr(made, "entry") else _Plain(made)
    return Reference(graph, check)
