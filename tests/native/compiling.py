"""Compiles one primitive into a loop over arrays: what the tests of the vector code run."""

import ctypes
from functools import cache

import numpy as np
from chainrule.native import llvm
from chainrule.native.text import STORAGE, Module, Value
from chainrule.native.vector import cast, lower


def machine(fma=True):
    """This processor, or the plainest one of its kind."""
    return llvm.machine(None if fma else "baseline")


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


@cache
def kernel(op, elements, out, width=8, fma=True, inline=False):
    """A function of arrays."""
    text = write(op, elements, out, width, fma, inline)
    code = llvm.compile_text(text, ["kernel"], {}, machine(fma))
    address = code["kernel"]
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(elements) + 1), ctypes.c_int64)(address)
    dtype = next(d for d, e in STORAGE.items() if e == ("i8" if out == "i1" else out))

    def run(*arrays):
        n = len(arrays[0])
        padded = -(-n // width) * width
        inputs = [np.ascontiguousarray(np.resize(a, padded)) for a in arrays]
        result = np.empty(padded, dtype)
        call(*[a.ctypes.data for a in inputs], result.ctypes.data, padded)
        return result[:n]

    run.code = code
    run.call = call
    return run


def element(dtype):
    return "i1" if np.dtype(dtype).kind == "b" else STORAGE[np.dtype(dtype)]
