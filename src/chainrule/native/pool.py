"""Threads that help with large loops: they wait in machine code, and never run Python again.

A kernel shares work by a call of `share(work, frame, helpers)`: `work(frame, slot)` is called in
slot 0 by the thread that calls, and in slots 1, 2, ... by up to so many helpers that are free. Work
deals itself out in parts, by a counter in the frame, so any number of threads finishes it: a helper
that has not begun when nothing is left to do is not waited for.

Nothing here needs the interpreter's lock, so it matters not who holds it, and no signal of Python's
is handled half way. A child process has no helpers, and does its work alone until it compiles.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache

from . import llvm
from .text import Function, Module, Value

#: Helpers at most.
MOST = 63

#: Bytes of a helper's record, and of the head before the first, which is how many there are.
_RECORD = 64
#: Where its fields are: what it is doing, its slot, what it calls with what, and two locks.
_STATE, _SLOT, _WORK, _FRAME, _WAKE, _DONE = 0, 8, 16, 24, 32, 40
#: Its states. One who calls takes a free one and offers it work; it begins, or finds the offer
#: withdrawn.
_FREE, _OFFERED, _BUSY, _WITHDRAWN, _TAKEN = range(5)

_pool = ctypes.create_string_buffer((MOST + 2) * _RECORD)
_start = ctypes.addressof(_pool) + -ctypes.addressof(_pool) % _RECORD
_count = ctypes.c_int32.from_address(_start)
_lock = threading.Lock()


def ready(threads: int) -> int:
    """The address of `share`, when there are helpers for so many threads."""
    with _lock:
        code = _code()
        serve = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code["serve"])
        while _count.value < min(threads - 1, MOST):
            record = _start + _RECORD * (_count.value + 1)
            ctypes.memset(record, 0, _RECORD)
            for field in (_WAKE, _DONE):
                ctypes.c_void_p.from_address(record + field).value = _closed_lock()
            helper = threading.Thread(
                target=serve, args=(record,), name=f"chainrule-{_count.value + 1}", daemon=True
            )
            try:
                helper.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                break
            _count.value += 1
        return code["share"]


def _forked() -> None:
    """In a child process: there are no helpers."""
    global _lock  # noqa: PLW0603 (another thread may have held it)
    _lock = threading.Lock()
    _count.value = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _closed_lock() -> int:
    """A lock of CPython's own, taken; any thread may release it, and needs no interpreter for it."""
    make, take = ctypes.pythonapi.PyThread_allocate_lock, ctypes.pythonapi.PyThread_acquire_lock
    make.restype, make.argtypes = ctypes.c_void_p, []
    take.restype, take.argtypes = ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]
    lock: int | None = make()
    if lock is None:
        raise MemoryError
    take(lock, 1)
    return lock


@cache
def _code() -> llvm.Code:
    machine = llvm.machine()
    module = Module(machine)
    module.declare("pool", "@pool = external global i8")
    _write_serve(module)
    _write_share(module)
    imports = {"pool": _start}
    for name in ("PyThread_acquire_lock", "PyThread_release_lock"):
        function = getattr(ctypes.pythonapi, name)
        imports[name] = ctypes.cast(function, ctypes.c_void_p).value or 0
    code = llvm.compile_text(str(module), ["serve", "share"], imports, machine)
    # Helpers wait in it until the process ends, when this module is gone.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(code))
    return code


def _field(f: Function, record: Value, place: int) -> Value:
    return f.offset(record, "i8", place)


def _changed(f: Function, record: Value, before: int, after: int) -> Value:
    """Whether the state was ``before``; it is ``after`` then."""
    pair = f.value(f"cmpxchg {record}, i32 {before}, i32 {after} acq_rel acquire", "{ i32, i1 }")
    return f.value(f"extractvalue {pair}, 1", "i1")


def _set(f: Function, record: Value, state: int) -> None:
    f.line(f"store atomic i32 {state}, {record} release, align 64")


def _acquire(f: Function, record: Value, which: int) -> None:
    lock = f.load(_field(f, record, which), "ptr")
    f.external("PyThread_acquire_lock", [lock, Value("1", "i32")], "i32")


def _release(f: Function, record: Value, which: int) -> None:
    f.external("PyThread_release_lock", [f.load(_field(f, record, which), "ptr")])


def _write_serve(module: Module) -> None:
    """What a helper does, for ever."""
    record = Value("%record", "ptr")
    f = module.function("serve", [record])
    f.line("br label %wait")
    f.label("wait")
    _acquire(f, record, _WAKE)
    f.line(f"br {_changed(f, record, _OFFERED, _BUSY)}, label %begin, label %late")
    f.label("begin")
    work, frame = (f.load(_field(f, record, k), "ptr") for k in (_WORK, _FRAME))
    f.line(f"call void {work.text}({frame}, {f.load(_field(f, record, _SLOT), 'i64')})")
    _release(f, record, _DONE)  # who waits for it sets it free
    f.line("br label %wait")
    f.label("late")
    _set(f, record, _FREE)
    f.line("br label %wait")


def _write_share(module: Module) -> None:
    work, frame, helpers = Value("%work", "ptr"), Value("%frame", "ptr"), Value("%helpers", "i64")
    f = module.function("share", [work, frame, helpers])
    mine = f.space("ptr", MOST + 1)
    met, taken = f.space("i64", 1), f.space("i64", 1)
    for counter in (met, taken):
        f.store(Value("0", "i64"), counter)
    pool = Value("@pool", "ptr")
    there = f.convert("zext", f.value(f"load atomic i32, {pool} acquire, align 64", "i32"), "i64")
    f.line("br label %look")
    f.label("look")
    k, n = f.load(met, "i64"), f.load(taken, "i64")
    enough = f.binary("or", f.icmp("sge", n, helpers), f.icmp("sge", k, there))
    f.line(f"br {enough}, label %start, label %try")
    f.label("try")
    after = f.binary("add", k, 1)
    f.store(after, met)
    record = f.offset(pool, f"[{_RECORD} x i8]", after)
    f.line(f"br {_changed(f, record, _FREE, _TAKEN)}, label %offer, label %look")
    f.label("offer")
    f.store(record, f.offset(mine, "ptr", n))
    slot = f.binary("add", n, 1)
    f.store(slot, taken)
    for what, place in ((work, _WORK), (frame, _FRAME), (slot, _SLOT)):
        f.store(what, _field(f, record, place))
    _set(f, record, _OFFERED)
    _release(f, record, _WAKE)
    f.line("br label %look")
    f.label("start")
    f.line(f"call void {work.text}({frame}, i64 0)")
    f.store(Value("0", "i64"), met)
    f.line("br label %next")
    f.label("next")
    k = f.load(met, "i64")
    f.line(f"br {f.icmp('sge', k, f.load(taken, 'i64'))}, label %over, label %withdraw")
    f.label("withdraw")
    f.store(f.binary("add", k, 1), met)
    record = f.load(f.offset(mine, "ptr", k), "ptr")
    f.line(f"br {_changed(f, record, _OFFERED, _WITHDRAWN)}, label %next, label %finish")
    f.label("finish")
    _acquire(f, record, _DONE)
    _set(f, record, _FREE)
    f.line("br label %next")
    f.label("over")
    f.ret()
