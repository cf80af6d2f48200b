"""Functions of arrays from generated code that calls libraries."""

import ctypes

import numpy as np
from chainrule.native import blas, llvm
from chainrule.native.text import STORAGE, Module, Value


def linked(count, build):
    """Compile ``build(f, *pointers)``, a function of addresses, into one of arrays.

    ``build`` may give an ``i1``; so does the function.
    """
    machine = llvm.machine()
    module = Module(machine)
    pointers = [Value(f"%p{k}", "ptr") for k in range(count)]
    f = module.function("kernel", pointers, "i32")
    result = build(f, *pointers)
    f.ret(f.constant(0, "i32") if result is None else f.convert("zext", result, "i32"))
    imports = {s: blas.address(s) for s in module.declared() if blas.is_library_symbol(s)}
    code = llvm.compile_text(str(module), ["kernel"], imports, machine)
    call = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * count)(code["kernel"])

    def run(*arrays):
        return bool(call(*[a.ctypes.data for a in arrays]))

    run.code = code
    return run


def matrix(pointer, x):
    """How generated code sees an array of two axes."""
    strides = [s // x.itemsize for s in x.strides]
    return blas.Matrix(pointer, *x.shape, *strides, STORAGE[x.dtype])


def aligned(size):
    """Scratch memory, filled with what is no number."""
    memory = np.full(size + 64, 255, np.uint8)
    return memory[-memory.ctypes.data % 64 :][:size]
