"""A graph as machine code: steps, memory, LLVM, and the function that is called."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Graph
from ..ir.node import Node
from ..ops.program import Program
from . import blas, llvm
from .lapack import ROUTINES
from .memory import assign
from .nest import Emission
from .plan import Buffer, Callback, Immediate, Library, Nest, Product, Source, Step, Straight, Strip, View
from .prepare import prepared
from .product import emit_product
from .schedule import Schedule
from .straight import Registers
from .strips import stripped
from .text import STORAGE, Function, Machine, Module, Value

#: Instructions in a function, about: compiling takes more than linear time in its length.
_LONG = 3000

_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class Executable:
    """A compiled graph. Calling it with the values of the inputs gives the outputs.

    The answer is ``None`` if ``check``, a condition on the inputs, does not hold.
    """

    def __init__(
        self, graph: Graph, check: Node | None, machine: Machine, quality: str
    ) -> None:
        self.graph = graph
        outputs, check = prepared(graph, check)
        self.inputs = [n.type for n in graph.inputs]
        self.outputs = [n.type for n in graph.outputs]
        schedule = Schedule(Graph(graph.inputs, tuple(outputs)), check)
        self._constants = schedule.constants
        kept = [] if schedule.check is None else [schedule.check.buffer]
        self.steps = schedule.steps = stripped(schedule.steps, machine, kept)
        self.workspace = assign(self.steps, kept)
        module = Module(machine)
        _Writer(module, schedule, len(self.inputs), len(self.outputs)).kernel()
        self.module = module
        imports = {f"const{k}": a.ctypes.data for k, a in enumerate(self._constants)}
        self._callback = _CALLBACK(self._call_back)
        address = ctypes.cast(self._callback, ctypes.c_void_p).value
        assert address is not None
        imports["callback"] = address
        imports.update(
            {name: blas.address(name) for name in module.declared() if blas.is_library_symbol(name)}
        )
        self.code = llvm.compile_text(str(module), ["kernel"], imports, machine, quality=quality)
        self._kernel = _KERNEL(self.code["kernel"])
        self._raised = threading.local()

    def text(self) -> str:
        """The program in LLVM's language."""
        return str(self.module)

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        arrays = [
            np.require(v, t.dtype, ["C", "A"]).reshape(t.shape)
            for v, t in zip(values, self.inputs, strict=True)
        ]
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
            raise self._raised.error
        if status:  # a routine of LAPACK failed: the reference says how
            return Program(self.graph)(values)
        return [r if r.ndim else r[()] for r in results]

    def _call_back(self, table: int, workspace: int, k: int) -> int:
        step = self.steps[k]
        assert isinstance(step, Callback)
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
        if b.place == "constant":
            base = self._constants[b.index].ctypes.data
        elif b.place == "scratch":
            base = workspace + b.index
        else:
            slot = b.index + (len(self.inputs) if b.place == "output" else 0)
            base = ctypes.c_void_p.from_address(table + 8 * slot).value or 0
        size = b.dtype.itemsize
        if 0 in source.shape:
            return np.empty(source.shape, b.dtype)
        raw = (ctypes.c_char * max(b.nbytes, 1)).from_address(base)
        flat = np.frombuffer(raw, b.dtype, b.size)
        strides = [s * size for s in source.strides]
        return np.lib.stride_tricks.as_strided(flat[source.offset :], source.shape, strides)


class _Writer:
    """Writes the functions of a program: the kernel, and parts of it if it is long."""

    def __init__(self, module: Module, schedule: Schedule, inputs: int, outputs: int) -> None:
        self.module = module
        self.schedule = schedule
        self._inputs = inputs
        self._parts: list[Function] = []
        self._pointers: dict[Any, Value] = {}

    def _part(self, name: str, linkage: str) -> Function:
        made = self.module.function(
            name, [Value("%table", "ptr"), Value("%workspace", "ptr")], "i32", self.module.machine.attributes, linkage
        )
        self._pointers = {}
        self.f = made
        return made

    def pointer(self, b: Buffer) -> Value:
        """Where a buffer is, in the function that is being written."""
        if b.place == "constant":
            self.module.declare(f"const{b.index}", f"@const{b.index} = external global i8")
            return Value(f"@const{b.index}", "ptr")
        key = b if b.place == "block" else (b.place, b.index, b.base)
        found = self._pointers.get(key)
        if found is None:
            if b.place == "part":
                assert b.base is not None
                base = self.pointer(b.base)
                found = self.f.hoist(f"getelementptr i8, {base}, i64 {b.index}", "ptr")
                self._pointers[key] = found
                return found
            if b.place == "scratch":
                text = f"getelementptr i8, ptr %workspace, i64 {b.index}"
                found = self.f.hoist(text, "ptr")
            else:
                slot = b.index + (self._inputs if b.place == "output" else 0)
                at = self.f.hoist(f"getelementptr ptr, ptr %table, i64 {slot}", "ptr")
                found = self.f.hoist(f"load ptr, ptr {at.text}, align 8", "ptr")
            self._pointers[key] = found
        return found

    def kernel(self) -> None:
        """The whole program."""
        steps = self.schedule.steps
        parts = [self._part("kernel", "")]
        for k, step in enumerate(steps):
            if len(self.f.lines) > _LONG:
                self.f.ret(self.f.constant(0, "i32"))
                parts.append(self._part(f"part{len(parts)}", "internal"))
            self._step(k, step)
        if len(parts) == 1:
            self._end()
            return
        self.f.ret(self.f.constant(0, "i32"))
        first = parts[0]
        # The kernel itself calls the parts one after the other.
        del self.module.functions["kernel"]
        first.name, first.linkage = "part0", "internal"
        self.module.functions["part0"] = first
        self._part("kernel", "")
        for k in range(len(parts)):
            args = [Value("%table", "ptr"), Value("%workspace", "ptr")]
            self._unless(self.f.call(f"part{k}", args, "i32"))
        self._end()

    def _end(self) -> None:
        f, check = self.f, self.schedule.check
        if check is None:
            f.ret(f.constant(0, "i32"))
            return
        holds = f.load(f.offset(self.pointer(check.buffer), "i8", check.offset), "i8")
        f.ret(f.convert("zext", f.icmp("eq", holds, 0), "i32"))

    def _unless(self, status: Value) -> None:
        """Return a status that is not 0."""
        f = self.f
        bad, good = f.fresh("bad"), f.fresh("good")
        f.line(f"br i1 {f.icmp('eq', status, 0).text}, label %{good}, label %{bad}")
        f.label(bad)
        f.ret(status)
        f.label(good)

    def _step(self, k: int, step: Step) -> None:
        f = self.f
        match step:
            case Nest():
                Emission(f, step, self.pointer).emit()
            case Straight():
                Registers(f, step, self.pointer).emit()
            case Product():
                emit_product(f, step, self.pointer)
            case Strip():
                self._strip(step)
            case Library():
                self._library(step)
            case Callback():
                self.module.declare("callback", "declare i32 @callback(ptr, ptr, i64)")
                args = [Value("%table", "ptr"), Value("%workspace", "ptr"), f.constant(k, "i64")]
                self._unless(f.call("callback", args, "i32"))

    def _strip(self, step: Strip) -> None:
        f = self.f

        def enter(place: Value) -> None:
            for alias, stride in step.moved:
                assert alias.base is not None
                far = f.binary("mul", place, stride)
                base = self.pointer(alias.base)
                self._pointers[alias] = f.offset(base, STORAGE[alias.dtype], far)

        loop = f.begin(step.trips * step.length, (), step.length)
        enter(loop.index)
        for k, inner in enumerate(step.steps):
            self._step(k, inner)
        f.end(loop)
        if step.rest:
            enter(f.constant(step.trips * step.length, "i64"))
            for k, inner in enumerate(step.rest):
                self._step(k, inner)

    def _library(self, step: Library) -> None:
        f = self.f

        def at(v: View) -> Value:
            return f.offset(self.pointer(v.buffer), f"[{v.dtype.itemsize} x i8]", v.offset)

        failed = ROUTINES[step.node.op].emit(
            f,
            [at(v) for v in step.sources],
            [at(v) for v in step.targets],
            self.pointer(step.scratch),
            [a.type for a in step.node.args],
            step.node.params,
        )
        if failed is not None:
            status = f.select(failed, f.constant(3, "i32"), f.constant(0, "i32"))
            self._unless(status)


def compile_graph(
    graph: Graph,
    check: Node | None = None,
    *,
    machine: Machine | None = None,
    threads: int = 1,
    quality: str = "best",
) -> Executable:
    """Compile a graph; ``check`` is a truth computed from its inputs, without which it is not valid."""
    return Executable(graph, check, machine or llvm.machine(), quality)


__all__ = ["Callable", "Executable", "compile_graph"]
