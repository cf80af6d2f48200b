"""LLVM IR as text: a module of functions, written instruction by instruction.

A :class:`Value` is a scalar or a vector of lanes; every arithmetic method of a :class:`Function`
takes values of one type and width, and plain Python numbers where a constant is meant, so that the
same emitter writes scalar and vector code, in double and in single precision.

Labels and values share one namespace in LLVM; both are numbered here, so none is ever used twice.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

#: LLVM's name for the elements of an array in memory.
STORAGE: dict[np.dtype, str] = {
    np.dtype(np.float64): "double",
    np.dtype(np.float32): "float",
    np.dtype(np.int64): "i64",
    np.dtype(np.int32): "i32",
    np.dtype(np.bool_): "i8",
}


class Value(NamedTuple):
    """An SSA value or constant: its text, the type of an element, and how many lanes it has."""

    text: str
    element: str
    width: int = 1

    @property
    def type(self) -> str:
        """LLVM's name of the type."""
        return self.element if self.width == 1 else f"<{self.width} x {self.element}>"

    @property
    def is_float(self) -> bool:
        """Whether it is of floating point."""
        return self.element in ("double", "float")

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


#: A value, or a number that becomes a constant of the other operand's type.
Operand = Value | float | int | bool


class Machine(NamedTuple):
    """What the code generator must know of the processor."""

    triple: str
    cpu: str
    features: str
    #: Bytes in the widest vector register that is worth using.
    register: int
    #: Whether a fused multiply-add is one instruction.
    fma: bool

    @property
    def attributes(self) -> str:
        """The attributes of a function: all that pass vectors to one another must have the same."""
        bits = 8 * self.register
        return f'nounwind "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'

    def lanes(self, element: str) -> int:
        """How many elements of a type fill a register."""
        return self.register // {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 8}[element]


class Module:
    """Functions, the declarations they need, and constants in memory."""

    def __init__(self, machine: Machine, threads: int = 1) -> None:
        self.machine = machine
        #: How many threads may work on a large step.
        self.threads = threads
        self.functions: dict[str, Function] = {}
        self._declared: dict[str, str] = {}
        self._globals: list[str] = []
        self._count = 0

    def declare(self, name: str, line: str) -> None:
        """Declare an external function once."""
        self._declared.setdefault(name, line)

    def constant(self, element: str, numbers: Sequence[float] | Sequence[int]) -> str:
        """The name of an array of constants."""
        name = f"@c{self._count}"
        self._count += 1
        body = ", ".join(f"{element} {literal(v, element)}" for v in numbers)
        self._globals.append(
            f"{name} = private unnamed_addr constant [{len(numbers)} x {element}] [{body}], align 64"
        )
        return name

    def number(self, element: str, value: float) -> Value:
        """The address of a constant in memory, one for all who ask for it."""
        text = literal(value, element)
        name = f"@{element}.{text}"
        line = f"{name} = private unnamed_addr constant {element} {text}, align 8"
        self._declared.setdefault(name, line)
        return Value(name, "ptr")

    def declared(self) -> list[str]:
        """The names of the external functions, intrinsics among them."""
        return [n for n in self._declared if n[0] != "@" and n not in self.functions]

    def raw(self, line: str) -> None:
        """A global given as text."""
        self._globals.append(line)

    def function(
        self,
        name: str,
        parameters: Sequence[Value],
        result: str = "void",
        attributes: str = "nounwind",
        linkage: str = "",
    ) -> Function:
        """A new function; ``parameters`` are values named ``%...``."""
        made = Function(self, name, parameters, result, attributes, linkage)
        self.functions[name] = made
        return made

    def __str__(self) -> str:
        return self._text(self.functions)

    def _text(self, functions: Mapping[str, Function]) -> str:
        parts = [*self._globals, *(str(f) for f in functions.values())]
        parts.extend(line for name, line in self._declared.items() if name not in self.functions)
        parts.extend(f.declaration for n, f in self.functions.items() if n not in functions)
        return "\n".join(parts) + "\n"

    def texts(self) -> list[str]:
        """One text, or two: of what is to be compiled well, and of what is to be compiled fast."""
        if not any(f.fast for f in self.functions.values()):
            return [str(self)]
        for f in self.functions.values():
            f.linkage = "hidden"
        return [
            self._text({n: f for n, f in self.functions.items() if f.fast == fast})
            for fast in (False, True)
        ]


def literal(value: float | bool, element: str) -> str:
    """A number as LLVM writes it: floating point by its bits."""
    if element in ("double", "float"):
        number = float(value)
        if element == "float":
            number = float(np.float32(number))
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    if element == "i1":
        return "true" if value else "false"
    if element == "ptr":
        return "null"
    return str(int(value))


class Loop(NamedTuple):
    """A loop that is being written: its index and the values it carries round."""

    index: Value  # type: ignore[assignment]  # hides `tuple.index`
    carried: list[Value]
    head: str
    before: str
    line: int
    stop: str
    step: int


class Function:
    """One function: the emitter of its instructions."""

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: Sequence[Value],
        result: str,
        attributes: str,
        linkage: str,
    ) -> None:
        self.module = module
        self.machine = module.machine
        self.name = name
        self.parameters = list(parameters)
        self.linkage = linkage
        #: Whether it is for compiling fast: it stands in a text of its own then.
        self.fast = False
        self._signature = (result, ", ".join(map(str, parameters)), attributes)
        self.lines: list[str] = ["entry:"]
        #: The label of the block that is being written.
        self.block = "entry"
        self._count = 0
        self._hoisted: list[str] = []

    def __str__(self) -> str:
        result, parameters, attributes = self._signature
        head = f"define {self.linkage} {result} @{self.name}({parameters}) {attributes} {{"
        return "\n".join([head, self.lines[0], *self._hoisted, *self.lines[1:], "}"])

    @property
    def declaration(self) -> str:
        """What a module says that calls it in another."""
        result, _, attributes = self._signature
        types = ", ".join(p.type for p in self.parameters)
        return f"declare {result} @{self.name}({types}) {attributes}"

    # -- the bare instructions -------------------------------------------------------------------

    def fresh(self, stem: str = "v") -> str:
        """A name that is not in use."""
        self._count += 1
        return f"{stem}{self._count}"

    def line(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append("  " + text)

    def value(self, text: str, element: str, width: int = 1) -> Value:
        """An instruction with a result."""
        name = "%" + self.fresh()
        self.lines.append(f"  {name} = {text}")
        return Value(name, element, width)

    def label(self, name: str) -> None:
        """Begin the block ``name``; the one before must have ended with a branch."""
        self.lines.append(f"{name}:")
        self.block = name

    def constant(self, value: Operand, element: str, width: int = 1) -> Value:
        """A constant, the same in every lane."""
        assert not isinstance(value, Value)
        text = literal(value, element)
        if width > 1:
            text = f"splat ({element} {text})"
        return Value(text, element, width)

    def like(self, value: Operand, other: Value) -> Value:
        """``value``, as a constant of the type of ``other`` if it is a number."""
        if isinstance(value, Value):
            return value
        return self.constant(value, other.element, other.width)

    def _both(self, x: Operand, y: Operand) -> tuple[Value, Value]:
        if isinstance(x, Value):
            return x, self.like(y, x)
        assert isinstance(y, Value)
        return self.like(x, y), y

    def binary(self, op: str, x: Operand, y: Operand) -> Value:
        """A binary instruction by its LLVM name, flags included: ``"fadd reassoc"``."""
        a, b = self._both(x, y)
        return self.value(f"{op} {a.type} {a.text}, {b.text}", a.element, a.width)

    # -- floating point --------------------------------------------------------------------------

    def fadd(self, x: Operand, y: Operand) -> Value:
        """``x + y``."""
        return self.binary("fadd", x, y)

    def fsub(self, x: Operand, y: Operand) -> Value:
        """``x - y``."""
        return self.binary("fsub", x, y)

    def fmul(self, x: Operand, y: Operand) -> Value:
        """``x * y``."""
        return self.binary("fmul", x, y)

    def fdiv(self, x: Operand, y: Operand) -> Value:
        """``x / y``."""
        return self.binary("fdiv", x, y)

    def fneg(self, x: Value) -> Value:
        """``-x``."""
        return self.value(f"fneg {x.type} {x.text}", x.element, x.width)

    def fma(self, x: Operand, y: Operand, z: Operand) -> Value:
        """``x * y + z``, rounded once."""
        one = next(v for v in (x, y, z) if isinstance(v, Value))
        return self.intrinsic("fma", *(self.like(v, one) for v in (x, y, z)))

    def muladd(self, x: Operand, y: Operand, z: Operand) -> Value:
        """``x * y + z`` by whatever is fastest; for sums of products, where rounding is free."""
        if self.machine.fma:
            return self.fma(x, y, z)
        return self.fadd(self.fmul(x, y), z)

    def intrinsic(self, name: str, *args: Value, result: str | None = None) -> Value:
        """An intrinsic that is overloaded by the type of its first argument: ``"sqrt"``."""
        first = args[0]
        short = {"double": "f64", "float": "f32"}.get(first.element, first.element)
        suffix = short if first.width == 1 else f"v{first.width}{short}"
        full = f"llvm.{name}.{suffix}"
        element = result or first.element
        width = 1 if name.startswith("vector.reduce") else first.width
        out = Value("", element, width)
        self.module.declare(
            full, f"declare {out.type} @{full}({', '.join(a.type for a in args)})"
        )
        return self.value(
            f"call {out.type} @{full}({', '.join(map(str, args))})", element, width
        )

    def fcmp(self, predicate: str, x: Operand, y: Operand) -> Value:
        """A comparison of floating point: ``"olt"``, ``"une"``, ``"uno"``, ..."""
        a, b = self._both(x, y)
        return self.value(f"fcmp {predicate} {a.type} {a.text}, {b.text}", "i1", a.width)

    def icmp(self, predicate: str, x: Operand, y: Operand) -> Value:
        """A comparison of integers: ``"eq"``, ``"slt"``, ..."""
        a, b = self._both(x, y)
        return self.value(f"icmp {predicate} {a.type} {a.text}, {b.text}", "i1", a.width)

    def select(self, condition: Value, x: Operand, y: Operand) -> Value:
        """``x`` where the condition holds, else ``y``."""
        a, b = self._both(x, y)
        return self.value(f"select {condition}, {a}, {b}", a.element, a.width)

    def convert(self, op: str, x: Value, element: str) -> Value:
        """A conversion by its LLVM name: ``"sitofp"``, ``"fptrunc"``, ``"bitcast"``, ``"zext"``."""
        to = Value("", element, x.width)
        return self.value(f"{op} {x} to {to.type}", element, x.width)

    # -- lanes -----------------------------------------------------------------------------------

    def splat(self, x: Value, width: int) -> Value:
        """A scalar in every lane."""
        if width in (1, x.width):
            return x
        if x.text[0] != "%":  # a constant
            return Value(f"splat ({x.element} {x.text})", x.element, width)
        t = Value("", x.element, width).type
        one = self.value(f"insertelement {t} poison, {x}, i64 0", x.element, width)
        zeros = f"<{width} x i32> zeroinitializer"
        return self.value(f"shufflevector {one}, {t} poison, {zeros}", x.element, width)

    def lane(self, x: Value, k: int) -> Value:
        """One lane of a vector."""
        if x.width == 1:
            return x
        return self.value(f"extractelement {x}, i64 {k}", x.element)

    def shuffle(self, x: Value, y: Value | None, picks: Sequence[int]) -> Value:
        """A vector of lanes of ``x`` and, numbered after these, ``y``; -1 is any."""
        other = f"{x.type} poison" if y is None else str(y)
        mask = ", ".join("i32 poison" if k < 0 else f"i32 {k}" for k in picks)
        return self.value(
            f"shufflevector {x}, {other}, <{len(picks)} x i32> <{mask}>", x.element, len(picks)
        )

    def reduce(self, kind: str, x: Value) -> Value:
        """All lanes in one: ``"fadd"``, ``"fmul"``, ``"fmaximum"``, ``"add"``, ``"or"``, ..."""
        if x.width == 1:
            return x
        if kind in ("fadd", "fmul"):
            start = literal(0.0 if kind == "fadd" else 1.0, x.element)
            short = {"double": "f64", "float": "f32"}[x.element]
            full = f"llvm.vector.reduce.{kind}.v{x.width}{short}"
            self.module.declare(full, f"declare {x.element} @{full}({x.element}, {x.type})")
            return self.value(
                f"call reassoc {x.element} @{full}({x.element} {start}, {x})", x.element
            )
        return self.intrinsic(f"vector.reduce.{kind}", x)

    # -- memory ----------------------------------------------------------------------------------

    def offset(self, pointer: Value, element: str, count: Value | int) -> Value:
        """The address ``count`` elements on."""
        if isinstance(count, int):
            if count == 0:
                return pointer
            return self.value(f"getelementptr {element}, {pointer}, i64 {count}", "ptr")
        return self.value(f"getelementptr {element}, {pointer}, {count}", "ptr")

    def load(self, pointer: Value, element: str, width: int = 1, mask: Value | None = None) -> Value:
        """One element or a vector of neighbours; lanes outside the mask are zero and not read."""
        size = {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 1, "ptr": 8, "i1": 1}[element]
        out = Value("", element, width)
        if mask is None:
            return self.value(f"load {out.type}, {pointer}, align {size}", element, width)
        short = {"double": "f64", "float": "f32"}.get(element, element)
        full = f"llvm.masked.load.v{width}{short}.p0"
        self.module.declare(full, f"declare {out.type} @{full}(ptr, i32, {mask.type}, {out.type})")
        return self.value(
            f"call {out.type} @{full}({pointer}, i32 {size}, {mask}, {out.type} zeroinitializer)",
            element,
            width,
        )

    def store(self, x: Value, pointer: Value, mask: Value | None = None) -> None:
        """Store one element, or a vector to neighbours, where the mask allows."""
        size = {"double": 8, "i64": 8, "float": 4, "i32": 4, "i8": 1, "ptr": 8, "i1": 1}[x.element]
        if mask is None:
            self.line(f"store {x}, {pointer}, align {size}")
            return
        short = {"double": "f64", "float": "f32"}.get(x.element, x.element)
        full = f"llvm.masked.store.v{x.width}{short}.p0"
        self.module.declare(full, f"declare void @{full}({x.type}, ptr, i32, {mask.type})")
        self.line(f"call void @{full}({x}, {pointer}, i32 {size}, {mask})")

    def first_lanes(self, count: int | Value, width: int) -> Value:
        """A mask of the first ``count`` lanes."""
        if width == 1 and isinstance(count, int):
            return self.constant(count > 0, "i1")
        if isinstance(count, int):
            bits = ", ".join(f"i1 {'true' if k < count else 'false'}" for k in range(width))
            return Value(f"<{bits}>", "i1", width)
        numbers = Value("<" + ", ".join(f"i64 {k}" for k in range(width)) + ">", "i64", width)
        return self.icmp("ult", numbers, self.splat(count, width))

    # -- control ---------------------------------------------------------------------------------

    def begin(self, stop: int | Value, carried: Sequence[Value] = (), step: int = 1) -> Loop:
        """Begin a loop of an index from 0 below ``stop``, which is at least 1.

        ``carried`` are values that go round; the loop's own stand for them inside.
        """
        head, before = self.fresh("loop"), self.block
        self.line(f"br label %{head}")
        self.label(head)
        line = len(self.lines)
        index = Value("%" + self.fresh("i"), "i64")
        inside = [Value("%" + self.fresh("r"), v.element, v.width) for v in carried]
        self.lines.extend([""] * (1 + len(carried)))  # the phis, written at the end
        for k, v in enumerate(carried):
            self.lines[line + 1 + k] = v.text
        text = stop.text if isinstance(stop, Value) else str(stop)
        return Loop(index, inside, head, before, line, text, step)

    def end(self, loop: Loop, carried: Sequence[Value] = ()) -> list[Value]:
        """End a loop; gives what the last round makes of the carried values."""
        nxt = self.value(f"add nuw nsw i64 {loop.index.text}, {loop.step}", "i64")
        done = self.value(f"icmp sge i64 {nxt.text}, {loop.stop}", "i1")
        after, latch = self.fresh("done"), self.block
        self.line(f"br i1 {done.text}, label %{after}, label %{loop.head}")
        self.lines[loop.line] = (
            f"  {loop.index.text} = phi i64 [0, %{loop.before}], [{nxt.text}, %{latch}]"
        )
        for k, (inside, new) in enumerate(zip(loop.carried, carried, strict=True)):
            start = self.lines[loop.line + 1 + k]
            self.lines[loop.line + 1 + k] = (
                f"  {inside.text} = phi {inside.type} [{start}, %{loop.before}], "
                f"[{new.text}, %{latch}]"
            )
        self.label(after)
        return list(carried)

    def call(self, name: str, args: Sequence[Value], result: str = "void", width: int = 1) -> Value:
        """Call a function of the module, or an external one (which must be declared)."""
        out = Value("", result, width)
        text = f"call {out.type} @{name}({', '.join(map(str, args))})"
        if result == "void":
            self.line(text)
            return out
        return self.value(text, result, width)

    def external(self, name: str, args: Sequence[Value], result: str = "void") -> Value:
        """Call an external function of scalars, declared by the types of these arguments."""
        types = ", ".join(a.type for a in args)
        self.module.declare(name, f"declare {result} @{name}({types}) nounwind")
        return self.call(name, args, result)

    def space(self, element: str, count: int) -> Value:
        """Memory of the function's own on the stack, for a few elements, set aside once."""
        name = "%" + self.fresh("s")
        self._hoisted.append(f"  {name} = alloca [{count} x {element}], align 64")
        return Value(name, "ptr")

    def hoist(self, text: str, element: str) -> Value:
        """An instruction at the very beginning of the function."""
        name = "%" + self.fresh("h")
        self._hoisted.append(f"  {name} = {text}")
        return Value(name, element)

    def ret(self, x: Value | None = None) -> None:
        """Return."""
        self.line("ret void" if x is None else f"ret {x}")
