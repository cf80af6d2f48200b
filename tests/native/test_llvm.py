"""Machine code from text: every level of the processor, imports by name, threads, forks."""

import ctypes
import gc
import math
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
from chainrule.ir.forking import working
from chainrule.native import llvm
from chainrule.native.text import Module, Value

pytestmark = pytest.mark.skipif(not llvm.available(), reason=llvm.why_not())

TWICE = "define double @f(double %x) {\n %y = fadd double %x, %x\n ret double %y\n}\n"


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", "off")


def scalar(code, name="f"):
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(code[name])
    return lambda x, keep=code: function(x)


def lanes(machine):
    """X * y + 1 for a register of numbers."""
    module = Module(machine)
    x, y = Value("%x", "ptr"), Value("%y", "ptr")
    f = module.function("f", [x, y])
    width = machine.lanes("double")
    product = f.fmul(f.load(x, "double", width), f.load(y, "double", width))
    f.store(f.fadd(product, 1.0), y)
    f.ret()
    return str(module)


@pytest.mark.parametrize("quality", ["best", "fast"])
@pytest.mark.parametrize("level", llvm.levels() if llvm.available() else ())
def test_every_level_runs(level, quality):
    machine = llvm.machine(level)
    code = llvm.compile_text(lanes(machine), ["f"], {}, machine, quality=quality)
    x, y = np.arange(8.0), np.arange(8.0) + 2
    expected = np.where(np.arange(8) < machine.lanes("double"), x * y + 1, y)
    pointer = ctypes.c_void_p
    ctypes.CFUNCTYPE(None, pointer, pointer)(code["f"])(x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("level", "register"), [("baseline", "xmm"), ("avx2", "ymm"), ("avx512", "zmm")]
)
def test_a_level_uses_its_registers(level, register):
    if level not in llvm.levels() or "x86" not in llvm.machine().triple:
        pytest.skip("not a level of this processor")
    machine = llvm.machine(level)
    assert machine.register == {"xmm": 16, "ymm": 32, "zmm": 64}[register]
    assert machine.fma == (level != "baseline")
    assembly = llvm.assembly(lanes(machine), machine)
    assert f"%{register}0" in assembly
    host = llvm.machine("host")
    if host.register == machine.register:
        assert f"%{register}0" in llvm.assembly(lanes(host), host)


def test_a_constant_is_an_operand():
    """Nothing takes the address of a constant to read it."""
    machine = llvm.machine("baseline")
    assert "movabs" not in llvm.assembly(lanes(machine), machine)


def test_the_level_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("CHAINRULE_TARGET", "baseline")
    assert llvm.machine() == llvm.machine("baseline")
    monkeypatch.delenv("CHAINRULE_TARGET")
    assert llvm.machine() == llvm.machine("host")
    with pytest.raises(ValueError, match="no level 'vax'"):
        llvm.machine("vax")


def test_what_is_declared_is_found_by_name():
    ir = (
        "declare double @exp(double)\ndeclare double @mine(double)\n@thing = external global i8\n"
        "define double @f(double %x) {\n %y = call double @exp(double %x)\n"
        " %z = call double @mine(double %y)\n ret double %z\n}\n"
        "define ptr @where(double %x) {\n ret ptr @thing\n}\n"
    )
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    mine = kind(lambda x: x + 1)
    address = ctypes.cast(mine, ctypes.c_void_p).value
    imports = {"mine": address, "thing": id(float)}
    code = llvm.compile_text(ir, ["f", "where"], imports, llvm.machine())
    assert scalar(code)(1.0) == math.exp(1.0) + 1
    where = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_double)(code["where"])
    assert where(0.0) == id(float)


def test_what_is_nowhere_is_an_error():
    ir = "declare double @nowhere(double)\n" + TWICE.replace(
        "fadd double %x, %x", "call double @nowhere(double %x)"
    )
    with pytest.raises(RuntimeError, match="materialize"):
        llvm.compile_text(ir, ["f"], {}, llvm.machine())
    with pytest.raises(RuntimeError, match="expected"):
        llvm.compile_text("define nonsense", ["f"], {}, llvm.machine())


def test_code_is_freed_with_its_object():
    code = llvm.compile_text(TWICE, ["f"], {}, llvm.machine())
    gone = weakref.ref(code)
    assert scalar(code)(1.5) == 3.0
    del code
    gc.collect()
    assert gone() is None


def test_dropping_code_waits_for_no_compilation():
    code = llvm.compile_text(TWICE, ["f"], {}, llvm.machine())
    begun, done = threading.Event(), threading.Event()

    def compile_for_long():
        with working:
            begun.set()
            done.wait(30)

    thread = threading.Thread(target=compile_for_long)
    thread.start()
    begun.wait(30)
    del code
    gc.collect()
    assert thread.is_alive()
    assert llvm._freed
    done.set()
    thread.join()
    llvm.compile_text(TWICE, ["f"], {}, llvm.machine())
    assert not llvm._freed


def test_many_codes_come_and_go():
    resource = pytest.importorskip("resource")
    array = (
        "@big = internal constant [100000 x double] [" + ", ".join(["double 1.0"] * 100000) + "]\n"
    )
    image = llvm._object(
        array + TWICE.replace("fadd double %x, %x", "load double, ptr @big"), llvm.machine(), "fast"
    )
    for k in range(60):
        llvm._linked([image], ["f"], {})
        if k == 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 10 * len(image) // 1024  # kilobytes; fifty images were linked


def test_threads_compile_at_once():
    results = {}

    def work(k):
        ir = TWICE.replace("%x, %x", f"%x, {float(k)}")
        for _ in range(5):
            results[k] = scalar(llvm.compile_text(ir, ["f"], {}, llvm.machine()))(1.0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: 1.0 + k for k in range(8)}


def run(program, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "CHAINRULE_CACHE": "off", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_llvmlite_is_imported_when_code_is_made():
    program = "import sys; from chainrule.native import llvm, entry, call; print('llvmlite' in sys.modules)"
    assert run(program) == "False"


def test_without_llvmlite_there_is_one_notice():
    program = """
import sys, warnings
sys.modules["llvmlite"] = None
from chainrule.ir.forking import working
from chainrule.native import llvm
assert not llvm.available()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    llvm.notice(); llvm.notice()
print(len(seen), seen[0].category.__name__, "llvmlite" in str(seen[0].message))
"""
    assert run(program) == "1 RuntimeWarning True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_compiles_whatever_its_parent_was_doing():
    program = f"""
import ctypes, os, threading
from chainrule.ir.forking import working
from chainrule.native import llvm
ir = {TWICE!r}
kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
def make(k):
    code = llvm.compile_text(ir.replace("%x, %x", f"%x, {{float(k)}}"), ["f"], {{}}, llvm.machine())
    return kind(code["f"])(1.0)
make(0)
stop = False
def busy():
    k = 0
    while not stop:
        make(k := k + 1)
thread = threading.Thread(target=busy)
thread.start()
for k in range(10):
    child = os.fork()
    if not child:
        os._exit(0 if make(1000 + k) == 1001.0 + k else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
thread.join()
print("done")
"""
    assert run(program) == "done"


def test_code_in_a_cycle_of_garbage_is_freed_once() -> None:
    """The collector finalizes all of a cycle: what LLVM keeps of the code must be no part of it."""
    text = "define i64 @f() { ret i64 7 }"
    code = llvm.compile_text(text, ["f"], {}, llvm.machine())
    key, tracker = code._key, llvm._trackers[code._key]
    cycle: list[object] = [code]
    cycle.append(cycle)
    assert all(tracker is not x for x in gc.get_referents(code))
    del code, cycle
    gc.collect()
    assert key not in llvm._trackers
