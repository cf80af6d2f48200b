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


#: What an entry knows of a type, and the places of the fields.
_RECORD = "{ ptr, ptr, ptr, ptr, i64 }"
_FIRST, _SECOND, _DTYPE, _SHAPE, _NDIM = range(5)

#: Bytes for the largest number.
_NUMBER = 16


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
    writer = _EntryWriter(f, self, kernel, workspace, release, [t.strong() for t in outputs])
    writer.require(f.icmp("eq", count, len(inputs)), "slow")
    table = f.space("ptr", len(inputs) + len(outputs) + 1)
    writer.take(inputs, args, table)
    writer.make(f.offset(table, "ptr", len(inputs)))
    writer.require(f.icmp("eq", writer.run(table), 0), "unfit")
    writer.give()
    f.label("memory")
    f.external("PyErr_NoMemory", [], "ptr")
    f.line("br label %failed")
    f.label("failed")
    writer.discard()
    f.ret(_null())
    f.label("unfit")
    writer.discard()
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


class _EntryWriter(_Writer):
    """The parts of an entry that handle arguments and results.

    It has the labels `unfit` and `failed` as well, where results are dropped.
    """

    def __init__(
        self,
        f: Function,
        self_: Value,
        kernel: str,
        workspace: int,
        release: bool,
        outputs: Sequence[ArrayType],
    ) -> None:
        super().__init__(f, self_, kernel, workspace, release)
        self.count = len(outputs)
        self.any_number = not all(t.shape for t in outputs)
        self.records = _records(f.module, f"{f.name}.outputs", outputs)
        self.results = f.space("ptr", self.count + 1)
        self.numbers = f.space("i8", _NUMBER * self.count + 1)

    def take(self, inputs: Sequence[ArrayType], args: Value, table: Value) -> None:
        """Check the arguments, and fill the table with pointers to their data."""
        f = self.f
        if not inputs:
            return
        records = _records(f.module, f"{f.name}.inputs", inputs)
        check = _check(f.module, f"{f.name}.check")
        each = f.begin(len(inputs))
        thing = f.load(f.offset(args, "ptr", each.index), "ptr")
        data = f.call(check, [thing, f.offset(records, _RECORD, each.index)], "ptr")
        self.require(_given(f, data), "slow")
        f.store(data, f.offset(table, "ptr", each.index))
        f.end(each)
        for k, t in enumerate(inputs):
            if not t.shape and t.dtype.kind in "ib":
                thing, place = f.load(f.offset(args, "ptr", k), "ptr"), f.offset(table, "ptr", k)
                if t.dtype.kind == "b":
                    self.python_bool(thing, place)
                elif t.weak:
                    self.python_int(thing, place)

    def python_int(self, thing: Value, place: Value) -> None:
        """Have ``place`` point to the number in a Python integer, if it is one of 64 bits."""
        f = self.f
        over, number = f.space("i32", 1), f.space("i64", 1)
        value = f.external("PyLong_AsLongLongAndOverflow", [thing, over], "i64")
        self.require(f.icmp("eq", f.load(over, "i32"), 0), "slow")
        f.store(value, number)
        f.store(number, place)

    def python_bool(self, thing: Value, place: Value) -> None:
        """Have ``place`` point to the truth of a Python boolean, if it is one."""
        f = self.f
        for name, truth in (("Py_True", 1), ("Py_False", 0)):
            found, on = f.fresh("found"), f.fresh("on")
            it = f.icmp("eq", thing, _symbol(f.module, name))
            f.line(f"br {it}, label %{found}, label %{on}")
            f.label(found)
            f.store(Value(f.module.constant("i8", [truth]), "ptr"), place)
            f.line(f"br label %{on}")
            f.label(on)

    def make(self, table: Value) -> None:
        """Make the arrays of the results, and memory for the numbers, for the kernel to fill."""
        f = self.f
        if not self.count:
            return
        each = f.begin(self.count)
        f.store(_null(), f.offset(self.results, "ptr", each.index))
        f.end(each)
        each = f.begin(self.count)
        place = f.offset(table, "ptr", each.index)
        array, number, on = f.fresh("array"), f.fresh("number"), f.fresh("on")
        ndim = self.field(each.index, _NDIM, "i32")
        f.line(f"br {f.icmp('ne', ndim, 0)}, label %{array}, label %{number}")
        f.label(number)
        f.store(f.offset(self.numbers, f"[{_NUMBER} x i8]", each.index), place)
        f.line(f"br label %{on}")
        f.label(array)
        kind, none, zero = _symbol(f.module, "PyArray_Type"), _null(), Value("0", "i32")
        dtype, shape = self.field(each.index, _DTYPE), self.field(each.index, _SHAPE)
        f.external("Py_IncRef", [dtype])  # the next function takes one away
        new = f.external(
            "PyArray_NewFromDescr", [kind, dtype, ndim, shape, none, none, zero, none], "ptr"
        )
        f.store(new, f.offset(self.results, "ptr", each.index))
        self.require(_given(f, new), "failed")
        f.store(f.load(f.offset(new, "i8", objects.DATA), "ptr"), place)
        f.line(f"br label %{on}")
        f.label(on)
        f.end(each)

    def field(self, k: Value, place: int, element: str = "ptr") -> Value:
        """A field of the record of result ``k``."""
        record = self.f.offset(self.records, _RECORD, k)
        return self.f.load(self.f.offset(record, "ptr", place), element)

    def give(self) -> None:
        """Return the result, or a tuple of them, with NumPy's scalars for the numbers."""
        f = self.f
        if self.any_number:
            each = f.begin(self.count)
            number, on = f.fresh("number"), f.fresh("on")
            ndim = self.field(each.index, _NDIM, "i32")
            f.line(f"br {f.icmp('ne', ndim, 0)}, label %{on}, label %{number}")
            f.label(number)
            data = f.offset(self.numbers, f"[{_NUMBER} x i8]", each.index)
            new = f.external(
                "PyArray_Scalar", [data, self.field(each.index, _DTYPE), _null()], "ptr"
            )
            f.store(new, f.offset(self.results, "ptr", each.index))
            self.require(_given(f, new), "failed")
            f.line(f"br label %{on}")
            f.label(on)
            f.end(each)
        if self.count == 1:
            f.ret(f.load(self.results, "ptr"))
            return
        several = f.external("PyTuple_New", [Value(str(self.count), "i64")], "ptr")
        self.require(_given(f, several), "failed")
        if self.count:
            items = f.offset(several, "i8", objects.ITEMS)
            each = f.begin(self.count)
            new = f.load(f.offset(self.results, "ptr", each.index), "ptr")
            f.store(new, f.offset(items, "ptr", each.index))
            f.end(each)
        f.ret(several)

    def discard(self) -> None:
        """Drop the results there are so far."""
        f = self.f
        if not self.count:
            return
        each = f.begin(self.count)
        made = f.load(f.offset(self.results, "ptr", each.index), "ptr")
        drop, on = f.fresh("drop"), f.fresh("on")
        f.line(f"br {_given(f, made)}, label %{drop}, label %{on}")
        f.label(drop)
        f.external("Py_DecRef", [made])
        f.line(f"br label %{on}")
        f.label(on)
        f.end(each)


def _records(module: Module, name: str, types: Sequence[ArrayType]) -> Value:
    """What is expected or made, in memory: a record for each type.

    Its fields: two types of Python whose objects will do, a dtype and a shape of arrays that will
    do, and their number of axes.
    """

    def address(symbol: str) -> str:
        return str(_symbol(module, symbol))

    lines = []
    for t in types:
        first = second = dtype = shape = "ptr null"
        if t.weak:
            kinds = {"f": "PyFloat_Type", "i": "PyLong_Type", "c": "PyComplex_Type"}
            first = address(kinds[t.dtype.kind])
        else:
            dtype = address(objects.dtype_symbol(t.dtype))
            if t.shape:
                shape = f"ptr {module.constant('i64', t.shape)}"
            else:
                first = address(objects.scalar_symbol(t.dtype))
                if t.dtype.kind == "b":
                    second = address("PyBool_Type")
        lines.append(f"{_RECORD} {{ {first}, {second}, {dtype}, {shape}, i64 {t.ndim} }}")
    body = ",\n  ".join(lines)
    module.raw(f"@{name} = internal constant [{len(types)} x {_RECORD}] [\n  {body}]")
    return Value(f"@{name}", "ptr")


def _check(module: Module, name: str) -> str:
    """A function that gives the data of an argument, and null if it is not as the record says."""
    thing, record = Value("%thing", "ptr"), Value("%record", "ptr")
    f = module.function(name, [thing, record], "ptr", _PLAIN, "internal")

    def require(condition: Value) -> None:
        on = f.fresh("on")
        f.line(f"br {condition}, label %{on}, label %no")
        f.label(on)

    def field(offset: int, element: str) -> Value:
        return f.load(f.offset(thing, "i8", offset), element)

    def expected(k: int, element: str = "ptr") -> Value:
        return f.load(f.offset(record, "ptr", k), element)

    kind = field(objects.TYPE, "ptr")
    for k in (_FIRST, _SECOND):
        on = f.fresh("on")
        f.line(f"br {f.icmp('eq', kind, expected(k))}, label %number, label %{on}")
        f.label(on)
    require(f.icmp("eq", kind, _symbol(module, "PyArray_Type")))
    require(f.icmp("eq", field(objects.DTYPE, "ptr"), expected(_DTYPE)))
    ndim = field(objects.NDIM, "i32")
    require(f.icmp("eq", ndim, expected(_NDIM, "i32")))
    flags = f.binary("and", field(objects.FLAGS, "i32"), objects.READABLE)
    require(f.icmp("eq", flags, objects.READABLE))
    f.line(f"br {f.icmp('eq', ndim, 0)}, label %yes, label %axes")
    f.label("axes")
    shape, wanted = field(objects.SHAPE, "ptr"), expected(_SHAPE)
    axes = f.begin(f.convert("zext", ndim, "i64"))
    length = f.load(f.offset(shape, "i64", axes.index), "i64")
    require(f.icmp("eq", length, f.load(f.offset(wanted, "i64", axes.index), "i64")))
    f.end(axes)
    f.line("br label %yes")
    f.label("yes")
    f.ret(field(objects.DATA, "ptr"))
    f.label("number")
    f.ret(f.offset(thing, "i8", objects.NUMBER))
    f.label("no")
    f.ret(_null())
    return name


def _null() -> Value:
    return Value("null", "ptr")


def _given(f: Function, pointer: Value) -> Value:
    """Whether it is not null."""
    return f.icmp("ne", pointer, _null())


def _symbol(module: Module, name: str) -> Value:
    """The address of an object."""
    module.declare(name, f"@{name} = external global i8")
    return Value(f"@{name}", "ptr")
