"""The call: functions of CPython's own kind, generated around a kernel.

A kernel takes a table of pointers to data and scratch memory. The *entry* is what Python calls:
it checks each argument against the type it was compiled for, makes the results, and calls the
kernel. Whatever is not exactly as expected (a dtype, a shape, a list, a subclass, the number of
arguments, a guard that does not hold) goes to a Python function, `slow`, with the arguments as
they came, so an entry has no errors of its own.

The *bound* function takes no arguments: its table was filled when it was made.

Both find what they need in the object that CPython passes as ``self``: a tuple, whose items
nothing can clear while the function lives.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.types import ArrayType
from . import objects
from .text import Function, Module, Value

#: Scratch memory of at most so many bytes is on the stack.
ON_STACK = 4096

#: Scratch memory of at most so many bytes is kept from call to call.
KEPT = 2**28

#: Before the scratch memory that is kept: whether it is in use.
HEADER = 64

#: A call is branches and calls of others: there is nothing to optimise but the time to compile it.
_PLAIN = "nounwind noinline optnone"

#: The items of ``self``.
_SLOW, _SCRATCH, _TABLE, _RESULT = range(4)


def usable() -> bool:
    """Whether generated code can read the objects of this Python."""
    return not objects.problem()


def fits(inputs: Sequence[ArrayType], outputs: Sequence[ArrayType]) -> bool:
    """Whether there can be an entry for these types."""
    return usable() and all(
        type(t) is ArrayType and t.dtype in objects.DTYPES for t in (*inputs, *outputs)
    )


def entry_imports() -> dict[str, int]:
    """The addresses that a module with an entry imports."""
    return objects.addresses()


# -- the code --------------------------------------------------------------------------------------


def emit_entry(
    module: Module,
    inputs: Sequence[ArrayType],
    outputs: Sequence[ArrayType],
    *,
    workspace: int,
    release: bool = False,
    kernel: str = "kernel",
    name: str = "entry",
) -> None:
    """Append the entry of a kernel to its module.

    ``workspace`` is how many bytes of scratch memory the kernel needs; with ``release``, other
    threads run Python meanwhile.
    """
    self, args, count = Value("%self", "ptr"), Value("%args", "ptr"), Value("%count", "i64")
    f = module.function(name, [self, args, count], "ptr", _PLAIN)
    writer = _Writer(f, self, kernel, workspace, release)
    table = f.space("ptr", max(1, len(inputs) + len(outputs)))
    results = f.space("ptr", max(1, len(outputs)))
    check, discard = _check(module, f"{name}.check"), _discard(module, f"{name}.discard")

    writer.require(f.icmp("eq", count, len(inputs)), "slow")
    for k, t in enumerate(inputs):
        thing = f.load(f.offset(args, "ptr", k), "ptr")
        f.store(writer.argument(thing, t, check), f.offset(table, "ptr", k))

    for k in range(len(outputs)):
        f.store(_null(), f.offset(results, "ptr", k))
    memory: dict[int, Value] = {}
    for k, t in enumerate(outputs):
        if t.shape:
            made = writer.array(t)
            f.store(made, f.offset(results, "ptr", k))
            writer.require(_given(f, made), "failed")
            data = f.load(f.offset(made, "i8", objects.DATA), "ptr")
        else:
            data = memory[k] = f.space("i8", t.dtype.itemsize)
        f.store(data, f.offset(table, "ptr", len(inputs) + k))

    status = writer.run(table)
    writer.require(f.icmp("eq", status, 0), "unfit")
    for k, data in memory.items():
        made = writer.scalar(data, outputs[k])
        f.store(made, f.offset(results, "ptr", k))
        writer.require(_given(f, made), "failed")
    if len(outputs) == 1:
        f.ret(f.load(results, "ptr"))
    else:
        pair = f.external("PyTuple_New", [Value(str(len(outputs)), "i64")], "ptr")
        writer.require(_given(f, pair), "failed")
        for k in range(len(outputs)):
            made = f.load(f.offset(results, "ptr", k), "ptr")
            f.store(made, f.offset(pair, "i8", objects.ITEMS + 8 * k))
        f.ret(pair)

    all_of_them = [results, Value(str(len(outputs)), "i64")]
    f.label("memory")
    f.external("PyErr_NoMemory", [], "ptr")
    f.line("br label %failed")
    f.label("failed")
    f.call(discard, all_of_them)
    f.ret(_null())
    f.label("unfit")
    f.call(discard, all_of_them)
    f.line("br label %slow")
    f.label("slow")
    writer.leave(args, count)


def emit_bound(
    module: Module,
    *,
    workspace: int,
    release: bool = False,
    kernel: str = "kernel",
    name: str = "bound",
) -> None:
    """Append the function of no arguments that runs a kernel on the table it was made with."""
    self = Value("%self", "ptr")
    f = module.function(name, [self, Value("%nothing", "ptr")], "ptr", _PLAIN)
    writer = _Writer(f, self, kernel, workspace, release)
    status = writer.run(f.load(f.offset(writer.item(_TABLE), "i8", objects.DATA), "ptr"))
    writer.require(f.icmp("eq", status, 0), "slow")
    result = writer.item(_RESULT)
    f.external("Py_IncRef", [result])
    f.ret(result)
    f.label("memory")
    f.external("PyErr_NoMemory", [], "ptr")
    f.ret(_null())
    f.label("slow")
    writer.leave(_null(), Value("0", "i64"))


class _Writer:
    """The parts of an entry, written into a function with the labels `slow` and `memory`."""

    def __init__(
        self, f: Function, self_: Value, kernel: str, workspace: int, release: bool
    ) -> None:
        self.f = f
        self.self = self_
        self.kernel = kernel
        self.workspace = workspace
        self.release = release

    def require(self, condition: Value, otherwise: str) -> None:
        """Go on if it holds."""
        on = self.f.fresh("on")
        self.f.line(f"br {condition}, label %{on}, label %{otherwise}")
        self.f.label(on)

    def item(self, k: int) -> Value:
        """An item of ``self``."""
        return self.f.load(self.f.offset(self.self, "i8", objects.ITEMS + 8 * k), "ptr")

    def symbol(self, name: str) -> Value:
        """The address of an object."""
        self.f.module.declare(name, f"@{name} = external global i8")
        return Value(f"@{name}", "ptr")

    # -- arguments -------------------------------------------------------------------------------

    def argument(self, thing: Value, t: ArrayType, check: str) -> Value:
        """A pointer to the data of an argument, which must be of type ``t``."""
        if t.weak:
            if t.dtype.kind == "i":
                return self.python_int(thing)
            return self.python_number(
                thing, {"f": "PyFloat_Type", "c": "PyComplex_Type"}[t.dtype.kind]
            )
        if t.shape:
            return self.readable(thing, t, check)
        return self.zero_dimensional(thing, t, check)

    def readable(self, thing: Value, t: ArrayType, check: str) -> Value:
        """The data of an array."""
        f = self.f
        dtype = self.symbol(objects.dtype_symbol(t.dtype))
        ndim = Value(str(t.ndim), "i32")
        data = f.call(check, [thing, dtype, ndim, _shape(f.module, t)], "ptr")
        self.require(_given(f, data), "slow")
        return data

    def python_number(self, thing: Value, expected: str) -> Value:
        """The number in a Python float or complex number."""
        f = self.f
        kind = f.load(f.offset(thing, "i8", objects.TYPE), "ptr")
        self.require(f.icmp("eq", kind, self.symbol(expected)), "slow")
        return f.offset(thing, "i8", objects.NUMBER)

    def python_int(self, thing: Value) -> Value:
        """The number in a Python integer, if it is one of 64 bits."""
        f = self.f
        kind = f.load(f.offset(thing, "i8", objects.TYPE), "ptr")
        self.require(f.icmp("eq", kind, self.symbol("PyLong_Type")), "slow")
        over, number = f.space("i32", 1), f.space("i64", 1)
        value = f.external("PyLong_AsLongLongAndOverflow", [thing, over], "i64")
        self.require(f.icmp("eq", f.load(over, "i32"), 0), "slow")
        f.store(value, number)
        return number

    def zero_dimensional(self, thing: Value, t: ArrayType, check: str) -> Value:
        """The number in a NumPy scalar, an array without axes, or, for booleans, Python's own."""
        f = self.f
        found = f.fresh("found")
        kind = f.load(f.offset(thing, "i8", objects.TYPE), "ptr")
        ways: list[tuple[Value, str]] = []

        def accept(condition: Value, data: Value) -> None:
            other = f.fresh("other")
            ways.append((data, f.block))
            f.line(f"br {condition}, label %{found}, label %{other}")
            f.label(other)

        inside = f.offset(thing, "i8", objects.NUMBER)
        accept(f.icmp("eq", kind, self.symbol(objects.scalar_symbol(t.dtype))), inside)
        if t.dtype.kind == "b":
            for name, number in (("Py_True", 1), ("Py_False", 0)):
                data = Value(f.module.constant("i8", [number]), "ptr")
                accept(f.icmp("eq", thing, self.symbol(name)), data)
        ways.append((self.readable(thing, t, check), f.block))
        f.line(f"br label %{found}")
        f.label(found)
        choices = ", ".join(f"[{data.text}, %{block}]" for data, block in ways)
        return f.value(f"phi ptr {choices}", "ptr")

    # -- results ---------------------------------------------------------------------------------

    def array(self, t: ArrayType) -> Value:
        """A new array, or null with an exception set."""
        dtype = self.symbol(objects.dtype_symbol(t.dtype))
        self.f.external("Py_IncRef", [dtype])  # the next function takes one away
        none, zero = _null(), Value("0", "i32")
        kind, ndim = self.symbol("PyArray_Type"), Value(str(t.ndim), "i32")
        shape = _shape(self.f.module, t)
        return self.f.external(
            "PyArray_NewFromDescr", [kind, dtype, ndim, shape, none, none, zero, none], "ptr"
        )

    def scalar(self, data: Value, t: ArrayType) -> Value:
        """A new NumPy scalar, or null with an exception set."""
        dtype = self.symbol(objects.dtype_symbol(t.dtype))
        return self.f.external("PyArray_Scalar", [data, dtype, _null()], "ptr")

    # -- the kernel ------------------------------------------------------------------------------

    def run(self, table: Value) -> Value:
        """Call the kernel on the table, with scratch memory; its status."""
        f = self.f
        if not self.workspace:
            return self.invoke(table, _null())
        if self.workspace <= ON_STACK:
            return self.invoke(table, f.space("i8", self.workspace))
        if self.workspace > KEPT:
            own = self.allocate()
            status = self.invoke(table, self.aligned(own))
            f.external("PyMem_RawFree", [own])
            return status
        # The memory that is kept, unless another call has it.
        kept = f.load(f.offset(self.item(_SCRATCH), "i8", objects.DATA), "ptr")
        pair = f.value(f"cmpxchg {kept}, i32 0, i32 1 acquire monotonic", "{ i32, i1 }")
        free = f.value(f"extractvalue {pair}, 1", "i1")
        scratch = f.offset(kept, "i8", HEADER)
        before, taken, ready = f.block, f.fresh("taken"), f.fresh("ready")
        f.line(f"br {free}, label %{ready}, label %{taken}")
        f.label(taken)
        own = self.allocate()
        instead = self.aligned(own)
        after = f.block
        f.line(f"br label %{ready}")
        f.label(ready)
        place = self.either(scratch, before, instead, after)
        own = self.either(_null(), before, own, after)
        status = self.invoke(table, place)
        give, drop, on = f.fresh("give"), f.fresh("drop"), f.fresh("on")
        f.line(f"br {free}, label %{give}, label %{drop}")
        f.label(give)
        f.line(f"store atomic i32 0, {kept} release, align 4")
        f.line(f"br label %{on}")
        f.label(drop)
        f.external("PyMem_RawFree", [own])
        f.line(f"br label %{on}")
        f.label(on)
        return status

    def invoke(self, table: Value, workspace: Value) -> Value:
        """Call the kernel; its status."""
        f = self.f
        if not self.release:
            return f.call(self.kernel, [table, workspace], "i32")
        thread = f.external("PyEval_SaveThread", [], "ptr")
        status = f.call(self.kernel, [table, workspace], "i32")
        f.external("PyEval_RestoreThread", [thread])
        return status

    def allocate(self) -> Value:
        """Scratch memory for this call alone."""
        size = Value(str(self.workspace + HEADER), "i64")
        own = self.f.external("PyMem_RawMalloc", [size], "ptr")
        self.require(_given(self.f, own), "memory")
        return own

    def aligned(self, pointer: Value) -> Value:
        """The next address that begins a cache line."""
        f = self.f
        number = f.convert("ptrtoint", pointer, "i64")
        number = f.binary("and", f.binary("add", number, 63), -64)
        return f.convert("inttoptr", number, "ptr")

    def either(self, x: Value, from_x: str, y: Value, from_y: str) -> Value:
        """``x`` or ``y``, by the block that we come from."""
        return self.f.value(f"phi ptr [{x.text}, %{from_x}], [{y.text}, %{from_y}]", "ptr")

    def leave(self, args: Value, count: Value) -> None:
        """Return what `slow` makes of the arguments."""
        names = _null()
        self.f.ret(
            self.f.external("PyObject_Vectorcall", [self.item(_SLOW), args, count, names], "ptr")
        )


def _check(module: Module, name: str) -> str:
    """A function that gives the data of an array, and null if it is not of the type expected."""
    thing, dtype, shape = Value("%thing", "ptr"), Value("%dtype", "ptr"), Value("%shape", "ptr")
    ndim = Value("%ndim", "i32")
    f = module.function(name, [thing, dtype, ndim, shape], "ptr", _PLAIN, "internal")
    module.declare("PyArray_Type", "@PyArray_Type = external global i8")

    def require(condition: Value) -> None:
        on = f.fresh("on")
        f.line(f"br {condition}, label %{on}, label %no")
        f.label(on)

    def field(offset: int, element: str) -> Value:
        return f.load(f.offset(thing, "i8", offset), element)

    require(f.icmp("eq", field(objects.TYPE, "ptr"), Value("@PyArray_Type", "ptr")))
    require(f.icmp("eq", field(objects.DTYPE, "ptr"), dtype))
    require(f.icmp("eq", field(objects.NDIM, "i32"), ndim))
    flags = f.binary("and", field(objects.FLAGS, "i32"), objects.READABLE)
    require(f.icmp("eq", flags, objects.READABLE))
    f.line(f"br {f.icmp('eq', ndim, 0)}, label %yes, label %axes")
    f.label("axes")
    theirs = field(objects.SHAPE, "ptr")
    axes = f.begin(f.convert("zext", ndim, "i64"))
    length = f.load(f.offset(theirs, "i64", axes.index), "i64")
    require(f.icmp("eq", length, f.load(f.offset(shape, "i64", axes.index), "i64")))
    f.end(axes)
    f.line("br label %yes")
    f.label("yes")
    f.ret(field(objects.DATA, "ptr"))
    f.label("no")
    f.ret(_null())
    return name


def _discard(module: Module, name: str) -> str:
    """A function that drops the results there are so far."""
    results, count = Value("%results", "ptr"), Value("%count", "i64")
    f = module.function(name, [results, count], "void", _PLAIN, "internal")
    f.line(f"br {f.icmp('eq', count, 0)}, label %none, label %some")
    f.label("some")
    each = f.begin(count)
    made = f.load(f.offset(results, "ptr", each.index), "ptr")
    drop, on = f.fresh("drop"), f.fresh("on")
    f.line(f"br {_given(f, made)}, label %{drop}, label %{on}")
    f.label(drop)
    f.external("Py_DecRef", [made])
    f.line(f"br label %{on}")
    f.label(on)
    f.end(each)
    f.line("br label %none")
    f.label("none")
    f.ret()
    return name


def _null() -> Value:
    return Value("null", "ptr")


def _given(f: Function, pointer: Value) -> Value:
    """Whether it is not null."""
    return f.icmp("ne", pointer, _null())


def _shape(module: Module, t: ArrayType) -> Value:
    """The lengths of the axes, in memory."""
    if not t.shape:
        return _null()
    return Value(module.constant("i64", t.shape), "ptr")
