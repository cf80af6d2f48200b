"""The call: what is exact goes to the kernel, all else to Python; nothing leaks, threads may share."""

import ctypes
import gc
import inspect
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from chainrule.ir.types import ArrayType, type_of
from chainrule.native import call, entry, llvm, objects
from chainrule.native.text import STORAGE, Module, Value

pytestmark = pytest.mark.skipif(
    not (llvm.available() and entry.usable()), reason=llvm.why_not() or objects.problem()
)

F8 = np.dtype(float)
STATM = Path("/proc/self/statm")


def doubling(inputs, *, workspace=0, status=0, release=False, rounds=0):
    """A module whose kernel doubles each input, by way of the workspace if there is one.

    With ``rounds`` it writes there and reads back again so many times.
    """
    module = Module(llvm.machine())
    table, space = Value("%table", "ptr"), Value("%workspace", "ptr")
    f = module.function("kernel", [table, space], "i32")
    for k, t in enumerate(inputs):
        source = f.load(f.offset(table, "ptr", k), "ptr")
        target = f.load(f.offset(table, "ptr", len(inputs) + k), "ptr")
        element = STORAGE[t.dtype]
        ways = [(source, target)] if not workspace else [(source, space), (space, target)]
        again = f.begin(max(1, rounds))
        for a, b in ways:
            if t.size:
                loop = f.begin(t.size)
                f.store(
                    f.load(f.offset(a, element, loop.index), element),
                    f.offset(b, element, loop.index),
                )
                f.end(loop)
        f.end(again)
        if t.size:
            loop = f.begin(t.size)
            place = f.offset(target, element, loop.index)
            x = f.load(place, element)
            f.store(f.fadd(x, x) if x.is_float else f.binary("or", x, x), place)
            f.end(loop)
    f.ret(Value(str(status), "i32"))
    outputs = [t.strong() for t in inputs]
    entry.emit_entry(module, inputs, outputs, workspace=workspace, release=release)
    entry.emit_bound(module, workspace=workspace, release=release)
    names = ["kernel", "entry", "bound"]
    return llvm.compile_text(str(module), names, entry.entry_imports(), module.machine)


def made(inputs, slow=None, **options):
    """The function, and the list of what was called slowly."""
    code = doubling(inputs, **options)
    missed = []

    def python(*args):
        missed.append(args)
        if slow is not None:
            return slow(*args)
        if len(args) != len(inputs):
            raise TypeError(f"{len(args)} arguments")
        results = [np.multiply(a, 2, dtype=t.dtype) for a, t in zip(args, inputs, strict=True)]
        return results[0] if len(results) == 1 else tuple(results)

    workspace = options.get("workspace", 0)
    return call.python_function(
        code["entry"], python, workspace=workspace, keep=code, name="f"
    ), missed


class Sub(np.ndarray):
    pass


def test_exact_arrays_go_to_the_kernel():
    shapes = [(3, 4), (5,), (2, 1, 3), (0, 7)]
    f, missed = made([ArrayType(s, F8) for s in shapes])
    args = [np.arange(float(np.prod(s))).reshape(s) + k for k, s in enumerate(shapes)]
    results = f(*args)
    assert type(results) is tuple
    assert not missed
    for a, r in zip(args, results, strict=True):
        np.testing.assert_array_equal(r, 2 * a)
        assert r.base is None
        assert r.flags.owndata
        assert r.flags.writeable
        assert r.flags.c_contiguous
        assert r.dtype is F8
    counts = {sys.getrefcount(x) for x in (*args[:-1], *results[:-1])}
    assert len(counts) == 1


@pytest.mark.parametrize("dtype", list(STORAGE), ids=str)
def test_every_dtype_in_memory(dtype):
    t = ArrayType((3,), dtype)
    f, missed = made([t])
    x = np.array([0, 1, 1], dtype)
    y = f(x)
    assert y.dtype is x.dtype
    assert y.tolist() == ((x + x).tolist() if dtype.kind == "f" else x.tolist())
    assert not missed
    one = dtype.type(1)
    g, missed = made([ArrayType((), dtype)])
    for number in (one, np.array(one)):
        assert type(g(number)) is dtype.type
    assert not missed


@pytest.mark.parametrize("dtype", objects.DTYPES, ids=str)
def test_every_dtype_that_only_passes_through(dtype):
    """A kernel may leave its work on a dtype to a call-back; the entry knows them all."""
    inputs = [ArrayType((2, 3), dtype), ArrayType((), dtype)]
    if dtype in (np.dtype(int), np.dtype(float), np.dtype(complex)):
        inputs.append(ArrayType((), dtype, weak=True))
    module = Module(llvm.machine())
    table = Value("%table", "ptr")
    f = module.function("kernel", [table, Value("%workspace", "ptr")], "i32")
    for k, t in enumerate(inputs):
        source = f.load(f.offset(table, "ptr", k), "ptr")
        target = f.load(f.offset(table, "ptr", len(inputs) + k), "ptr")
        loop = f.begin(t.size * dtype.itemsize)
        f.store(
            f.load(f.offset(source, "i8", loop.index), "i8"), f.offset(target, "i8", loop.index)
        )
        f.end(loop)
    f.ret(Value("0", "i32"))
    outputs = [t.strong() for t in inputs]
    assert entry.fits(inputs, outputs)
    entry.emit_entry(module, inputs, outputs, workspace=0)
    code = llvm.compile_text(str(module), ["entry"], entry.entry_imports(), module.machine)
    g = call.python_function(code["entry"], lambda *a: "slow", workspace=0, keep=code)
    x = (np.arange(6) % 2).reshape(2, 3).astype(dtype)
    args = [x, x[1, 2], x[1, 2].item()][: len(inputs)]
    for y, t, a in zip(g(*args), outputs, args, strict=True):
        assert type(y) is (np.ndarray if t.shape else dtype.type)
        assert y.dtype == dtype
        assert np.array_equal(y, a)


def test_other_dtypes_have_no_entry():
    for dtype in (np.dtype(">f8"), np.dtype("U3"), np.dtype(object), np.dtype("M8[s]")):
        assert not entry.fits([ArrayType((), dtype)], [])


BAD = {
    "dtype": lambda x: x.astype(np.float32),
    "integers": lambda x: x.astype(int),
    "byte order": lambda x: x.astype(">f8"),
    "shape": lambda x: np.ones((4, 3)),
    "length": lambda x: np.ones((2, 4)),
    "fewer axes": lambda x: np.ones(12),
    "order": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "unaligned": lambda x: (
        np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(F8).reshape(x.shape)
    ),
    "subclass": lambda x: x.view(Sub),
    "masked": np.ma.masked_array,
    "list": lambda x: x.tolist(),
    "0-d": lambda x: np.array(1.5),
    "number": lambda x: 1.5,
}


@pytest.mark.parametrize("kind", BAD)
def test_anything_else_goes_to_python(kind):
    t = ArrayType((3, 4), F8)
    f, missed = made([t, t], workspace=200)
    good = np.arange(12.0).reshape(3, 4)
    for args in ((BAD[kind](good), good), (good, BAD[kind](good))):
        results = f(*args)
        assert missed.pop()[0] is args[0]
        for a, r in zip(args, results, strict=True):
            np.testing.assert_array_equal(r, 2 * np.asarray(a))
    f(good, good)
    assert not missed


def test_what_python_raises_is_raised():
    t = ArrayType((3,), F8)
    f, _ = made([t, t])
    x = np.ones(3)
    for args in ((), (x,), (x, x, x)):
        with pytest.raises(TypeError, match=f"{len(args)} arguments"):
            f(*args)
    with pytest.raises(TypeError):
        f(x, None)
    with pytest.raises(TypeError):
        f(x, y=x)


def test_numbers_are_taken_by_their_exact_type():
    cases = [
        [1.5],
        [7],
        [np.float64(1.5), np.array(1.5)],
        [np.int64(3), np.array(3)],
        [np.float32(2), np.array(2, np.float32)],
        [np.bool_(False), np.array(True), True, False],
    ]
    for taken in cases:
        t = type_of(taken[0])
        f, missed = made([t], slow=lambda x: "slow")
        for x in taken:
            assert f(x) == (2 * x if t.dtype.kind == "f" else x)
            assert type(f(x)) is t.dtype.type
        assert not missed
        for x in [number for case in cases if case is not taken for number in case] + [2j, None]:
            assert f(x) == "slow"


def test_integers_beyond_64_bits_go_to_python():
    f, missed = made([type_of(7)], slow=lambda x: "slow")
    assert f(2**63 - 1) == 2**63 - 1
    assert f(-(2**63)) == -(2**63)
    assert not missed
    assert f(2**63) == f(-(2**63) - 1) == "slow"


@pytest.mark.parametrize("workspace", [0, 1000, 10_000])
@pytest.mark.parametrize("status", [1, 2, 3])
def test_when_the_kernel_gives_up_python_takes_over(status, workspace):
    t = ArrayType((100,), F8)
    f, missed = made([t, type_of(1.5)], status=status, workspace=workspace)
    x = np.ones(100)
    for _ in range(3):
        results = f(x, 1.5)
        assert results[0].tolist() == [2.0] * 100
        assert results[1] == 3.0
    assert len(missed) == 3


def reserved():
    """Bytes of address space, touched or not."""
    return int(STATM.read_text().split()[0]) * 4096 if STATM.exists() else 0


def in_use(function):
    """The mark on the memory that the function keeps."""
    return function.__self__[1][: entry.HEADER].view(np.int32)[0]


def resident():
    return int(STATM.read_text().split()[1]) * 4096


@pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
@pytest.mark.parametrize("status", [0, 1])
def test_no_call_leaks(status):
    big, t = ArrayType((50, 4), F8), ArrayType((3,), np.dtype(np.float32))
    inputs = [big, t, ArrayType((), F8), type_of(1.5), type_of(7)]
    code = doubling(inputs, status=status, workspace=10_000)
    f = call.python_function(code["entry"], lambda *args: None, workspace=10_000, keep=code)
    args = (np.ones((50, 4)), np.ones(3, np.float32), np.float64(1.0), 1.5, 12345)
    for _ in range(1000):
        f(*args)
    gc.collect()
    counted = [F8, t.dtype, np.ndarray, np.float64, None, *args]
    counts = [sys.getrefcount(thing) for thing in counted]
    memory = resident()
    for _ in range(100_000):
        f(*args)
    assert [sys.getrefcount(thing) for thing in counted] == pytest.approx(counts, abs=2)
    assert resident() - memory < 2**20


def test_it_all_goes_with_the_function():
    t = ArrayType((3,), F8)
    code = doubling([t], workspace=10_000)
    gone = weakref.ref(code)

    class Owner:
        def slow(self, *args):
            return None

    owner = Owner()
    owner.fast = call.python_function(code["entry"], owner.slow, workspace=10_000, keep=code)
    assert owner.fast(np.ones(3)).tolist() == [2.0] * 3
    del code, owner  # they hold each other
    gc.collect()
    assert gone() is None


def test_it_is_named_and_documented():
    code = doubling([ArrayType((3,), F8)])
    f = call.python_function(
        code["entry"],
        lambda x: x,
        workspace=0,
        keep=code,
        name="twice",
        doc="twice(x)\n--\n\nTwice x.",
    )
    assert f.__name__ == "twice"
    assert f.__doc__ == "Twice x."
    assert str(inspect.signature(f)) == "(x)"


@pytest.mark.parametrize("release", [False, True])
@pytest.mark.parametrize("workspace", [2400, 80_000])
def test_threads_call_at_once(release, workspace):
    n = workspace // 8
    f, missed = made([ArrayType((n,), F8)], workspace=workspace, release=release, rounds=20)
    wrong = []

    def work(k):
        x = np.full(n, float(k))
        for _ in range(100):
            wrong.extend([k] if not (f(x) == 2 * k).all() else [])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert not missed


def test_a_call_within_a_call_has_memory_of_its_own():
    """The kernel calls back, and what it calls back calls the same function."""
    module = Module(llvm.machine())
    table, space = Value("%table", "ptr"), Value("%workspace", "ptr")
    f = module.function("kernel", [table, space], "i32")
    x = f.load(f.load(f.offset(table, "ptr", 0), "ptr"), "double")
    f.store(x, space)
    f.external("again", [x])
    f.store(f.load(space, "double"), f.load(f.offset(table, "ptr", 1), "ptr"))
    f.ret(Value("0", "i32"))
    entry.emit_entry(module, [type_of(1.5)], [ArrayType((), F8)], workspace=2**20)
    depth, before = [], 0

    def again(x):
        if x > 0:
            depth.append(g(x - 1))

    back = ctypes.CFUNCTYPE(None, ctypes.c_double)(again)
    imports = entry.entry_imports() | {"again": ctypes.cast(back, ctypes.c_void_p).value}
    code = llvm.compile_text(str(module), ["entry"], imports, module.machine)
    g = call.python_function(code["entry"], lambda *a: "slow", workspace=2**20, keep=code)
    assert in_use(g) == 0
    for _ in range(300):
        assert g(5.0) == 5.0
        assert depth == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert in_use(g) == 0
        depth.clear()
        before = before or reserved()
    assert reserved() - before < 2**26  # 1500 pieces of memory were lent and given back


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_calls_what_its_parent_compiled():
    program = """
import os, sys, threading
import numpy as np
sys.path.insert(0, ".")
from tests.native.test_entry import F8, ArrayType, made
f, missed = made([ArrayType((5000,), F8)], workspace=40_000, release=True, rounds=10)
stop = False
def busy():
    while not stop:
        f(np.ones(5000))
thread = threading.Thread(target=busy)
thread.start()
for k in range(20):
    child = os.fork()
    if not child:
        right = all((f(np.full(5000, k)) == 2 * k).all() for _ in range(3))
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
thread.join()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "done", done.stderr


def test_out_of_memory_is_an_error():
    """Not a crash, and what was made before is dropped."""
    huge = ArrayType((2**45,), F8)
    module = Module(llvm.machine())
    f = module.function("kernel", [Value("%table", "ptr"), Value("%workspace", "ptr")], "i32")
    f.ret(Value("0", "i32"))
    t = type_of(1.5)
    entry.emit_entry(module, [t], [ArrayType((2**20,), F8), huge], workspace=0)
    entry.emit_entry(module, [t], [ArrayType((3,), F8)], workspace=2**55, name="greedy")
    code = llvm.compile_text(
        str(module), ["entry", "greedy"], entry.entry_imports(), module.machine
    )
    for name, workspace in (("entry", 0), ("greedy", 2**55)):
        g = call.python_function(code[name], lambda *a: "slow", workspace=workspace, keep=code)
        before = reserved()
        for _ in range(30):
            with pytest.raises(MemoryError):
                g(1.5)
        assert reserved() - before < 2**26
