"""Compiles one primitive into a loop over arrays: what the tests of the vector code run."""

import ctypes
from functools import cache

import llvmlite.binding as llvm
import numpy as np
from chainrule.native.text import STORAGE, Machine, Module, Value
from chainrule.native.vector import cast, lower

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()


@cache
def machine(fma=True):
    """This processor, or the plainest one of its kind."""
    features = llvm.get_host_cpu_features()
    wide = features.get("avx512f") or features.get("avx512vl")
    if not fma:
        return Machine(llvm.get_process_triple(), "x86-64", "", 16, False)
    has = bool(features.get("fma")) or not llvm.get_process_triple().startswith("x86")
    return Machine(
        llvm.get_process_triple(), llvm.get_host_cpu_name(), features.flatten(),
        64 if wide else 32 if features.get("avx2") else 16, has,
    )


def write(op, elements, out, width, fma, inline=False):
    module = Module(machine(fma))
    count = len(elements)
    pointers = [Value(f"%p{k}", "ptr") for k in range(count + 1)]
    f = module.function("kernel", [*pointers, Value("%n", "i64")], attributes=machine(fma).attributes)
    loop = f.begin(Value("%n", "i64"), step=width)
    args = []
    for pointer, element in zip(pointers, elements, strict=False):
        stored = "i8" if element == "i1" else element
        x = f.load(f.offset(pointer, stored, loop.index), stored, width)
        args.append(cast(f, x, element))
    y = lower(op, f, args, out, inline=inline)
    assert (y.element, y.width) == (out, width)
    stored = "i8" if out == "i1" else out
    f.store(cast(f, y, stored), f.offset(pointers[-1], stored, loop.index))
    f.end(loop)
    f.ret()
    return str(module)


def built(text, fma=True, level=1):
    """An engine with this code in it."""
    m = machine(fma)
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    target = llvm.Target.from_triple(m.triple)
    tm = target.create_target_machine(cpu=m.cpu, features=m.features, opt=level, jit=True)
    engine = llvm.create_mcjit_compiler(parsed, tm)
    engine.finalize_object()
    return engine


@cache
def kernel(op, elements, out, width=8, fma=True, inline=False):
    """A function of arrays."""
    engine = built(write(op, elements, out, width, fma, inline), fma)
    address = engine.get_function_address("kernel")
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(elements) + 1), ctypes.c_int64)(address)
    dtype = next(d for d, e in STORAGE.items() if e == ("i8" if out == "i1" else out))

    def run(*arrays):
        n = len(arrays[0])
        padded = -(-n // width) * width
        inputs = [np.ascontiguousarray(np.resize(a, padded)) for a in arrays]
        result = np.empty(padded, dtype)
        call(*[a.ctypes.data for a in inputs], result.ctypes.data, padded)
        return result[:n]

    run.engine = engine
    run.call = call
    return run


def element(dtype):
    return "i1" if np.dtype(dtype).kind == "b" else STORAGE[np.dtype(dtype)]
