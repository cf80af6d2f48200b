"""Writing a kernel: its steps one after the other, in one function or, if it is long, in several."""

from __future__ import annotations

from typing import Any

from .lapack import ROUTINES
from .nest import Emission
from .plan import Buffer, Callback, Library, Nest, Product, Step, Straight, Strip, View
from .product import emit_product
from .schedule import Schedule
from .straight import Registers
from .text import STORAGE, Function, Module, Value

#: Instructions in a function, about: compiling takes more than linear time in its length.
_LONG = 3000

#: From how many statements without loops on they are compiled fast: they run nearly as fast then.
_MANY = 1000
_PLAIN = " optnone noinline"


class KernelWriter:
    """Writes the functions of a program: the kernel, and parts of it if it is long."""

    def __init__(self, module: Module, schedule: Schedule, inputs: int) -> None:
        self.module = module
        #: The steps that are computed by NumPy, by the number that they are called by.
        self.callbacks: list[Callback] = []
        self.schedule = schedule
        self._inputs = inputs
        self._pointers: dict[Any, Value] = {}

    def _part(self, name: str, linkage: str, *, plain: bool = False) -> Function:
        attributes = self.module.machine.attributes + (_PLAIN if plain else "")
        parameters = [Value("%table", "ptr"), Value("%workspace", "ptr")]
        made = self.module.function(name, parameters, "i32", attributes, linkage)
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
        many = sum(len(s.statements) for s in steps if isinstance(s, Straight)) > _MANY
        plain = many and isinstance(steps[0], Straight)
        parts = [self._part("kernel", "", plain=plain)]
        for step in steps:
            if len(self.f.lines) > _LONG or plain != (many and isinstance(step, Straight)):
                plain = many and isinstance(step, Straight)
                self.f.ret(self.f.constant(0, "i32"))
                parts.append(self._part(f"part{len(parts)}", "internal", plain=plain))
            self._step(step)
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

    def _step(self, step: Step) -> None:
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
                number = f.constant(len(self.callbacks), "i64")
                self.callbacks.append(step)
                args = [Value("%table", "ptr"), Value("%workspace", "ptr"), number]
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
        for inner in step.steps:
            self._step(inner)
        f.end(loop)
        if step.rest:
            enter(f.constant(step.trips * step.length, "i64"))
            for inner in step.rest:
                self._step(inner)

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
