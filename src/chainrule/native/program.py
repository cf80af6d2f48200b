"""A graph as machine code: what is called, and how it comes about."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.collector import at_rest
from ..ir.forking import working
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.types import ArrayType
from ..ops.program import Program
from . import blas, entry, llvm, pool
from .call import as_argument, bound_function, python_function
from .guards import guarded
from .kernel import KernelWriter
from .lowering import RULES
from .memory import assign
from .plan import Callback, Immediate, Source, Step
from .prepare import prepared
from .repeat import settle, traffic
from .schedule import Schedule
from .shares import shared
from .strips import stripped
from .text import Machine, Module

_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

#: From how many bytes of arrays on other threads may run Python during a call.
_LARGE = 1 << 18


class Executable:
    """A compiled graph. Calling it with the values of the inputs gives the outputs.

    The answer is ``None`` if ``check``, a condition on the inputs, does not hold.
    """

    def __init__(
        self, graph: Graph, check: Node | None, machine: Machine, quality: str, threads: int = 1
    ) -> None:
        self.graph = graph
        self.machine = machine
        self.inputs: list[ArrayType] = [n.type for n in graph.inputs]
        self.outputs: list[ArrayType] = [n.type for n in graph.outputs]
        self._check = check
        outputs, check = prepared(graph, check)
        same = all(a is b for a, b in zip(outputs, graph.outputs, strict=True))
        plain = graph if same else Graph(graph.inputs, tuple(outputs))
        schedule = Schedule(plain, check, RULES)
        kept = [] if schedule.check is None else [schedule.check.buffer]
        settle(schedule.steps, machine)
        schedule.steps = stripped(schedule.steps, machine, kept)
        if threads > 1:
            schedule.steps = shared(schedule.steps, machine, threads)
        self.steps: list[Step] = schedule.steps
        #: Bytes of scratch memory.
        self.workspace = assign(self.steps, kept)
        self.steps = schedule.steps = guarded(self.steps)
        self._constants = schedule.constants
        module = Module(machine, threads)
        writer = KernelWriter(module, schedule, len(self.inputs))
        writer.kernel()
        self._callbacks = writer.callbacks
        texts = module.texts()
        self._text = "\n".join(texts)
        imports = {f"const{k}": a.ctypes.data for k, a in enumerate(self._constants)}
        self._callback = _CALLBACK(self._call_back)
        imports["callback"] = ctypes.cast(self._callback, ctypes.c_void_p).value or 0
        if writer.shared:
            imports["share"] = pool.ready(threads)
        imports.update({n: blas.address(n) for n in module.declared() if blas.is_library_symbol(n)})
        self.code = llvm.compile_text(
            texts[0], ["kernel"], imports, machine, quality=quality, fast=texts[1:]
        )
        self._kernel = _KERNEL(self.code["kernel"])
        self._raised = threading.local()
        large = self.workspace + traffic(self.steps) + sum(
            t.size * t.dtype.itemsize for t in (*self.inputs, *self.outputs)
        )
        self._release = large > _LARGE or writer.shared > 0

    def text(self) -> str:
        """The program in LLVM's language."""
        return self._text

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        """The outputs, as arrays of their own; ``None`` if the check fails."""
        arrays = [as_argument(v, t) for v, t in zip(values, self.inputs, strict=True)]
        results = [np.empty(t.shape, t.dtype) for t in self.outputs]
        table = (ctypes.c_void_p * (len(arrays) + len(results)))(
            *[a.ctypes.data for a in (*arrays, *results)]
        )
        space = np.empty(self.workspace + 64, np.uint8)
        start = space.ctypes.data
        status = self._kernel(ctypes.addressof(table), start + -start % 64)
        if status == 1:
            return None
        if status == 2:
            error: Exception = self._raised.error
            raise error
        if status:  # a routine of LAPACK failed, or an index is out of bounds: the reference says how
            return Program(self.graph)(values) if self._holds(values) else None
        return [r if r.ndim else r[()] for r in results]

    def _holds(self, values: Sequence[Any]) -> bool:
        """Whether the check holds, by the reference; not if it cannot even be computed."""
        if self._check is None:
            return True
        try:
            return bool(Program(Graph(self.graph.inputs, (self._check,)))(values)[0])
        except (ArithmeticError, LookupError, ValueError):
            return False

    # -- steps in NumPy --------------------------------------------------------------------------

    def _call_back(self, table: int, workspace: int, k: int) -> int:
        step: Callback = self._callbacks[k]
        try:
            arrays = [self._array(s, table, workspace) for s in step.sources]
            with np.errstate(all="ignore"):
                result = step.compute(*arrays)
            several = type(result) is tuple
            for target, value in zip(step.targets, result if several else [result], strict=True):
                if target is not None:
                    self._array(target, table, workspace)[...] = value
        except Exception as error:  # noqa: BLE001 (told to the caller when the kernel returns)
            self._raised.error = error
            return 2
        return 0

    def _array(self, source: Source, table: int, workspace: int) -> Any:
        """A source as NumPy's array."""
        if isinstance(source, Immediate):
            return np.broadcast_to(np.asarray(source.value, source.dtype), source.shape)
        b = source.buffer
        if 0 in source.shape:
            return np.empty(source.shape, b.dtype)
        if b.place == "constant":
            base = self._constants[b.index].ctypes.data
        elif b.place == "scratch":
            base = workspace + b.index
        else:
            slot = b.index + (len(self.inputs) if b.place == "output" else 0)
            base = ctypes.c_void_p.from_address(table + 8 * slot).value or 0
        raw: Any = (ctypes.c_char * b.nbytes).from_address(base)
        flat = np.frombuffer(raw, b.dtype, b.size)
        strides = [s * b.dtype.itemsize for s in source.strides]
        return np.lib.stride_tricks.as_strided(flat[source.offset :], source.shape, strides)


class DirectExecutable(Executable):
    """A compiled graph with entries that Python calls directly."""

    def entry(self, slow: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the inputs that gives the one output, or the tuple of them.

        It calls ``slow`` with the same arguments where one is of another type or a check fails.
        """
        module = self._around()
        entry.emit_entry(
            module, self.inputs, self.outputs, workspace=self.workspace, release=self._release
        )
        code = self._compiled(module, "entry")
        return python_function(
            code["entry"], slow, workspace=self.workspace, keep=(self, code), name="entry"
        )

    def bind(
        self, values: Sequence[Any], outputs: Sequence[Any], result: Any, slow: Callable[[], Any]
    ) -> Callable[[], Any]:
        """A function of nothing that computes ``outputs`` from ``values`` as they are then.

        It returns ``result``; or what ``slow()`` does, where the check fails.
        """
        module = self._around()
        entry.emit_bound(module, workspace=self.workspace, release=self._release)
        code = self._compiled(module, "bound")
        types = [*self.inputs, *self.outputs]
        return bound_function(
            code["bound"], slow, [np.asarray(v) for v in values], list(outputs), types, result,
            workspace=self.workspace, keep=(self, code),
        )  # fmt: skip

    def _around(self) -> Module:
        """A module that calls the kernel."""
        module = Module(self.machine)
        module.declare("kernel", "declare i32 @kernel(ptr, ptr)")
        return module

    def _compiled(self, module: Module, name: str) -> llvm.Code:
        imports = {**entry.entry_imports(), "kernel": self.code["kernel"]}
        return llvm.compile_text(str(module), [name], imports, self.machine, quality="fast")


@at_rest
def compile_graph(
    graph: Graph,
    check: Node | None = None,
    *,
    machine: Machine | None = None,
    threads: int = 1,
    quality: str = "best",
) -> Executable:
    """Compile a graph; ``check`` is a truth computed from its inputs, without which it is not valid.

    Large loops are shared by up to so many ``threads``.
    """
    types = [n.type for n in (*graph.inputs, *graph.outputs)]
    direct = entry.fits(types, []) and all(t.dtype.kind in "fcbiu" for t in types)
    kind = DirectExecutable if direct else Executable
    with working:
        return kind(graph, check, machine or llvm.machine(), quality, threads)
