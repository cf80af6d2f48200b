"""Writing a kernel: its steps one after the other, in one function or, if it is long, in several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from . import blas
from .lapack import ROUTINES
from .long import Long
from .nest import Emission
from .plan import (
    Buffer,
    Callback,
    Immediate,
    Library,
    Nest,
    Product,
    Repeat,
    Scan,
    Share,
    Statement,
    Step,
    Straight,
    Strip,
    View,
    whole,
)
from .product import emit_product
from .registers import neutral
from .scan import emit_scan
from .schedule import Schedule
from .straight import Registers
from .text import STORAGE, Function, Module, Value

#: Instructions in a function, about: compiling takes more than linear time in its length.
_LONG = 3000

#: What threads that share a strip are given: so many words, the table and the workspace first, then
#: how many parts are dealt out, and the status of one that failed.
_FRAME, _COUNTER, _STATUS = 4, 2, 3


class KernelWriter:
    """Writes the functions of a program: the kernel, and parts of it if it is long."""

    def __init__(self, module: Module, schedule: Schedule, inputs: int) -> None:
        self.module = module
        #: The steps that are computed by NumPy, by the number that they are called by.
        self.callbacks: list[Callback] = []
        #: How many steps several threads do together.
        self.shared = 0
        self.schedule = schedule
        self._is_long = schedule.is_long
        self._inputs = inputs
        self._pointers: dict[Any, Value] = {}

    def _part(
        self,
        name: str,
        linkage: str,
        *,
        plain: bool = False,
        more: Sequence[Value] = (),
    ) -> Function:
        attributes = self.module.machine.attributes
        parameters = [Value("%table", "ptr"), Value("%workspace", "ptr"), *more]
        made = self.module.function(name, parameters, "i32", attributes, linkage)
        made.fast = plain
        self._pointers = {}
        self.f = made
        return made

    def pointer(self, b: Buffer) -> Value:
        """Where a buffer is, in the function that is being written."""
        if b.place == "constant":
            self.module.declare(f"const{b.index}", f"@const{b.index} = external global i8")
            return Value(f"@const{b.index}", "ptr")
        key = _key(b)
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
        many = self._is_long
        plain = many and bool(steps) and isinstance(steps[0], Straight)
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
                if self._is_long:
                    Long(f, step, self.pointer).emit()
                else:
                    Registers(f, step, self.pointer).emit()
            case Product():
                emit_product(f, step, self.pointer)
            case Strip():
                self._strip(step)
            case Repeat():
                self._repeat(step)
            case Scan():
                emit_scan(f, step, self.pointer)
            case Library():
                self._library(step)
            case Callback():
                self.module.declare("callback", "declare i32 @callback(ptr, ptr, i64)")
                number = f.constant(len(self.callbacks), "i64")
                self.callbacks.append(step)
                args = [Value("%table", "ptr"), Value("%workspace", "ptr"), number]
                self._unless(f.call("callback", args, "i32"))

    def _strip(self, step: Strip) -> None:
        if step.share is not None:
            self._shared(step, step.share)
            return
        if step.guard is not None:
            self._chosen(step, step.guard)
            return
        f = self.f
        loop = f.begin(step.trips * step.length, (), step.length)
        self._block(step, step.steps, loop.index)
        f.end(loop)
        self._rest(step)

    def _block(self, step: Strip, inside: Sequence[Step], place: Value) -> None:
        """What is done at one place on the way along a strip."""
        f = self.f
        for alias, stride in step.moved:
            assert alias.base is not None
            far = f.binary("mul", place, stride)
            base = self.pointer(alias.base)
            self._pointers[alias] = f.offset(base, STORAGE[alias.dtype], far)
        for inner in inside:
            self._step(inner)

    def _rest(self, step: Strip) -> None:
        if step.rest:
            end = self.f.constant(step.trips * step.length, "i64")
            self._block(step, step.rest, end)

    def _chosen(self, step: Strip, guard: View) -> None:
        """What is done at the places where a mask is true."""
        f = self.f
        (stride,) = (s for s, n in zip(guard.strides, guard.shape, strict=True) if s and n > 1)
        mask = f.offset(self.pointer(guard.buffer), "i8", guard.offset)

        # Of those that lie side by side, eight are tested at once: each is a bit of a number.
        whole = step.trips // 8 * 8 if stride == 1 else 0
        if whole:
            loop = f.begin(whole, (), 8)
            true = f.icmp("ne", f.load(f.offset(mask, "i8", loop.index), "i8", 8), 0)
            bits = f.convert("zext", f.value(f"bitcast {true} to i8", "i8"), "i64")
            self._if(bits, lambda: self._bits(step, loop.index, bits))
            f.end(loop)
        if step.trips > whole:
            loop = f.begin(step.trips - whole)
            place = f.binary("add", loop.index, whole)
            one = f.load(f.offset(mask, "i8", f.binary("mul", place, stride)), "i8")
            self._if(one, lambda: self._block(step, step.steps, place))
            f.end(loop)

    def _bits(self, step: Strip, first: Value, bits: Value) -> None:
        """What is done for each bit that is 1, of which there is one."""
        f = self.f
        head, before, done = f.fresh("bit"), f.block, f.fresh("done")
        left = Value("%" + f.fresh("left"), "i64")
        f.line(f"br label %{head}")
        f.label(head)
        line = len(f.lines)
        f.line("")  # the phi, written at the end
        self.module.declare("llvm.cttz.i64", "declare i64 @llvm.cttz.i64(i64, i1)")
        bit = f.value(f"call i64 @llvm.cttz.i64({left}, i1 true)", "i64")
        place = f.binary("add", first, bit)
        self._block(step, step.steps, place)
        rest = f.binary("and", left, f.binary("sub", left, 1))
        f.lines[line] = f"  {left.text} = phi i64 [{bits.text}, %{before}], [{rest.text}, %{f.block}]"
        f.line(f"br i1 {f.icmp('eq', rest, 0).text}, label %{done}, label %{head}")
        f.label(done)

    def _if(self, chosen: Value, then: Callable[[], None]) -> None:
        """Do something if a number is not 0."""
        f = self.f
        some, none = f.fresh("some"), f.fresh("none")
        f.line(f"br i1 {f.icmp('ne', chosen, 0).text}, label %{some}, label %{none}")
        f.label(some)
        then()
        f.line(f"br label %{none}")
        f.label(none)

    def _repeat(self, step: Repeat) -> None:
        """A loop of which each trip reads what the one before has carried on."""
        f = self.f
        outside, self._is_long = self._is_long, step.is_long
        loop = f.begin(step.trips)
        half = f.binary("and", loop.index, 1)
        other = f.binary("xor", half, 1)
        for old, new, far in step.carried:
            assert old.base is not None
            base, element = self.pointer(old.base), STORAGE[old.dtype]
            self._pointers[old] = f.offset(base, element, f.binary("mul", half, far))
            self._pointers[new] = f.offset(base, element, f.binary("mul", other, far))
        place = loop.index
        if step.reverse:
            place = f.binary("sub", f.constant(step.trips - 1, "i64"), place)
        for alias, view, stride in step.moved:
            element = STORAGE[alias.dtype]
            first = f.offset(self.pointer(view.buffer), element, view.offset)
            self._pointers[alias] = f.offset(first, element, f.binary("mul", place, stride))
        for inner in step.steps:
            self._step(inner)
        f.end(loop)
        self._is_long = outside

    # -- shared by threads -----------------------------------------------------------------------

    def _shared(self, step: Strip, share: Share) -> None:
        """Have several threads do a strip, and put their sums together."""
        outer = self.f, self._pointers
        name = f"strip{self.shared}"
        self.shared += 1
        part = self._one_part(f"{name}.part", step, share)
        self._dealt(f"{name}.work", part, step, share)
        self.f, self._pointers = outer
        f = self.f
        self.module.declare("share", "declare void @share(ptr, ptr, i64)")
        frame = f.space("ptr", 4)
        zero = f.constant(0, "i64")  # parts begun, and the status
        words = [Value("%table", "ptr"), Value("%workspace", "ptr"), zero, zero]
        for k, x in enumerate(words):
            f.store(x, f.offset(frame, "ptr", k))
        uses_blas = any("@blas_" in line for line in part.lines)
        # The library's own threads are not called by ours.
        with blas.alone(f, 0) if uses_blas else nullcontext():
            helpers = f.constant(share.threads - 1, "i64")
            f.call("share", [Value(f"@{name}.work", "ptr"), frame, helpers])
        self._unless(f.load(f.offset(frame, "ptr", _STATUS), "i32"))
        self._unless(f.load(f.offset(frame, "ptr", 3), "i32"))
        for b, kind, at in share.sums:
            # The sums of the parts, added up in order.
            room = share.nbytes // b.dtype.itemsize
            parts = Buffer(b.dtype, room * share.parts, "part", base=step.arena)
            parts.index = share.arena * share.threads + at
            domain = (share.parts, b.size)
            sums = Statement(
                "copy", [View(parts, 0, domain, (room, 1))], b.dtype,
                reduce=kind, axes=frozenset({0}), target=View(b, 0, domain, (0, 1)),
                stored=True, adds=True,
            )  # fmt: skip
            self._step(Nest(domain, [sums]))

    def _one_part(self, name: str, step: Strip, share: Share) -> Function:
        """A function that does the blocks from one place to another, with its own sums."""
        arena, sums = Value("%arena", "ptr"), Value("%sums", "ptr")
        first, end = Value("%first", "i64"), Value("%end", "i64")
        f = self._part(name, "internal", more=[arena, sums, first, end])
        self._pointers[_key(step.arena)] = arena
        for b, kind, at in share.sums:
            self._pointers[_key(b)] = f.offset(sums, "i8", at)
            target = whole(b, (b.size,))
            start = neutral(kind, b.dtype)
            if kind == "add" and b.dtype.kind == "f":
                start = -0.0  # which changes nothing at all
            fill = Immediate(start, b.dtype, target.shape)
            copy = Statement("copy", [fill], b.dtype, target=target, stored=True)
            self._step(Nest(target.shape, [copy]))
        loop = f.begin(f.binary("sub", end, first))
        place = f.binary("mul", f.binary("add", first, loop.index), step.length)
        self._block(step, step.steps, place)
        f.end(loop)
        if step.rest:
            last, done = f.fresh("last"), f.fresh("done")
            f.line(f"br {f.icmp('eq', end, step.trips)}, label %{last}, label %{done}")
            f.label(last)
            self._rest(step)
            f.line(f"br label %{done}")
            f.label(done)
        f.ret(f.constant(0, "i32"))
        return f

    def _dealt(self, name: str, part: Function, step: Strip, share: Share) -> None:
        """The function that each thread runs: one part after another, while there are any."""
        frame, slot = Value("%frame", "ptr"), Value("%slot", "i64")
        attributes = self.module.machine.attributes
        f = self.module.function(name, [frame, slot], "void", attributes, "internal")
        table, workspace = (f.load(f.offset(frame, "ptr", k), "ptr") for k in (0, 1))
        counter, failed = f.offset(frame, "ptr", _COUNTER), f.offset(frame, "ptr", _STATUS)
        own = f.offset(workspace, "i8", step.arena.index)
        arena = f.offset(own, "i8", f.binary("mul", slot, share.arena))
        all_sums = f.offset(own, "i8", share.arena * share.threads)
        f.line("br label %next")
        f.label("next")
        k = f.value(f"atomicrmw add {counter}, i64 1 monotonic", "i64")
        f.line(f"br {f.icmp('ult', k, share.parts)}, label %do, label %over")
        f.label("do")
        first, end = (
            f.binary("udiv", f.binary("mul", x, step.trips), share.parts)
            for x in (k, f.binary("add", k, 1))
        )
        sums = f.offset(all_sums, "i8", f.binary("mul", k, share.nbytes))
        status = f.call(part.name, [table, workspace, arena, sums, first, end], "i32")
        failed = f.offset(frame, "ptr", 3)
        f.line(f"atomicrmw or {failed}, {status} monotonic")
        f.line("br label %next")
        f.label("over")
        f.ret()

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


def _key(b: Buffer) -> Any:
    """What is the same for all that is at the same place of memory."""
    return b if b.place == "block" else (b.place, b.index, b.base)
