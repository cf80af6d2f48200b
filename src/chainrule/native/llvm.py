"""LLVM: the machine at hand, and machine code from the text of a module.

The only file that imports llvmlite, and it does so on first use, because that takes 85 ms.

Code is position-independent, in the small code model: a constant is then an operand of the
instruction that uses it, where the code model that LLVM takes for a JIT needs a move of its
address for each. What the text does not define it imports by name, so that an object file says
nothing about this process and can be kept on disk.
"""

from __future__ import annotations

import itertools
import os
import platform
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from ..ir.forking import working
from . import cache as disk
from .text import Machine

#: To be changed with anything here that changes what a text compiles to.
_EDITION = "1"

#: What LLVM calls the processors of each level, the bytes of a register, and fused multiply-add.
_LEVELS = {
    "baseline": ("x86-64", 16, False),
    "avx2": ("x86-64-v3", 32, True),
    "avx512": ("x86-64-v4", 64, True),
}

#: The features of a processor without which it is not of the level.
_NEEDS = {
    "avx512": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "avx2": ("avx2", "fma", "bmi", "bmi2", "f16c"),
}

#: How hard the code generator tries: instruction selection and register allocation, or neither.
_OPTIMISATION = {"best": 1, "fast": 0}

_X86 = ("x86_64", "amd64")
_ARM = ("aarch64", "arm64")

_serial = itertools.count()

#: Code that nothing calls any more, to be freed by the next thread that holds the lock.
_freed: list[Any] = []

#: What LLVM knows of the code that is called, by the key that :class:`Code` has.
_trackers: dict[int, Any] = {}


# -- whether there is a compiler -------------------------------------------------------------------


@cache
def why_not() -> str:
    """Why there is no native code here, in one sentence; empty if there is."""
    architecture = platform.machine().lower()
    if architecture not in _X86 + _ARM:
        return (
            f"There is no native code for the processor {platform.machine() or 'of unknown kind'}."
        )
    if sys.maxsize < 2**32 or sys.byteorder != "little":
        return "Native code needs a 64-bit, little-endian Python."
    try:
        _binding()
    except ImportError as error:
        return f"Native code needs llvmlite, which cannot be imported: {error}."
    except (OSError, RuntimeError, AttributeError) as error:
        return f"llvmlite does not work here: {error}."
    return ""


def available() -> bool:
    """Whether native code can be made here: llvmlite imports, and knows the processor."""
    return not why_not()


@cache
def notice() -> None:
    """Say, once, that everything runs in NumPy, and why."""
    warnings.warn(
        f"{why_not()} Everything runs in NumPy instead: the same numbers, more slowly; "
        "`pip install llvmlite` brings the compiler.",
        RuntimeWarning,
        stacklevel=3,
    )


@cache
def _binding() -> Any:
    from llvmlite import binding

    with working:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
    return binding


# -- the machine -----------------------------------------------------------------------------------


@cache
def _host() -> tuple[str, str, str, frozenset[str]]:
    """The triple of this process; the processor's name, its features for LLVM, and as a set."""
    binding = _binding()
    triple = binding.get_process_triple()
    try:
        features = binding.get_host_cpu_features()
    except RuntimeError:  # the name of the processor implies them
        return triple, binding.get_host_cpu_name(), "", frozenset()
    present = frozenset(name for name, has in features.items() if has)
    return triple, binding.get_host_cpu_name(), features.flatten(), present


def levels() -> tuple[str, ...]:
    """The levels that this processor can run, lowest first; ``"host"`` is the last."""
    found = ["baseline"]
    if platform.machine().lower() in _X86:
        present = _host()[3]
        if present.issuperset(_NEEDS["avx2"]):
            found.append("avx2")
            if present.issuperset(_NEEDS["avx512"]):
                found.append("avx512")
    return (*found, "host")


def machine(level: str | None = None) -> Machine:
    """The machine to make code for: this one, or the part of it that a level stands for.

    ``level`` is one of :func:`levels`; by default, what the environment variable
    ``CHAINRULE_TARGET`` says, and ``"host"`` if that is not set.
    """
    return _machine(level or os.environ.get("CHAINRULE_TARGET") or "host")


@cache
def _machine(level: str) -> Machine:
    if level not in levels():
        raise ValueError(
            f"This machine has no level {level!r}. Choose one of {', '.join(levels())}."
        )
    triple, cpu, features, _ = _host()
    if platform.machine().lower() in _ARM:
        if level == "baseline":
            cpu, features = "generic", ""
        return Machine(triple, cpu, features, register=16, fma=True)
    widest = levels()[-2]
    name, register, fma = _LEVELS[widest if level == "host" else level]
    if level != "host":
        cpu, features = name, ""
    if register == 64:
        # Some models are set to keep to half a register; vectors here are written out in full.
        features = f"{features},-prefer-256-bit".lstrip(",")
    return Machine(triple, cpu, features, register, fma)


# -- compiling -------------------------------------------------------------------------------------


def _free(freed: list[Any] = _freed, empty: Any = IndexError) -> None:
    try:
        while True:
            freed.pop().close()
    except empty:  # the collector may run within, and empty the list before
        pass


class Code:
    """Machine code in memory: it stays there as long as this object does."""

    __slots__ = ("__weakref__", "_key", "addresses", "size")

    def __init__(self, tracker: Any, exports: Iterable[str], size: int) -> None:
        # Not an attribute: in a cycle of garbage the collector would finalize the tracker too, and
        # it would be closed twice, at once on two threads.
        self._key = id(tracker)
        _trackers[self._key] = tracker
        #: Where each of the exported functions is.
        self.addresses: dict[str, int] = {name: tracker[name] for name in exports}
        #: Bytes of the object file it was linked from.
        self.size = size

    def __getitem__(self, name: str) -> int:
        return self.addresses[name]

    # At the end of the interpreter globals are gone, here and in llvmlite; memory is freed with it.
    def __del__(
        self,
        lock: Any = working,
        freed: list[Any] = _freed,
        trackers: Any = _trackers,
        free: Any = _free,
        ending: Any = sys.is_finalizing,
    ) -> None:
        if ending():
            return
        freed.append(trackers.pop(self._key))
        # Whoever drops code never waits for a compilation; that one frees it when it is done.
        if lock.acquire(blocking=False):
            try:
                free()
            finally:
                lock.release()


def compile_text(
    ir: str,
    exports: Iterable[str],
    imports: Mapping[str, int],
    machine: Machine,
    *,
    quality: str = "best",
    fast: Sequence[str] = (),
) -> Code:
    """Machine code of a module given as text.

    ``exports`` are the functions whose addresses are wanted; ``imports`` the addresses of what
    the module declares and this process does not export by that name (libm's functions it does).
    ``quality`` is ``"best"``, or ``"fast"`` for compiling fast: for very long scalar programs.
    ``fast`` are more modules, that belong to it and are compiled fast.

    No thread waits for another's compilation except to compile, and Python runs meanwhile. The
    same text is compiled once: the object file is kept on disk (:mod:`.cache`).
    """
    binding = _binding()
    parts = [(ir, quality), *((text, "fast") for text in fast)]
    edition = (_EDITION, binding.llvm_version_info, _version(), *machine)
    keys = [disk.key(*edition, how, text) for text, how in parts]
    images = [disk.load(key) for key in keys]
    with working:
        if None not in images:
            try:
                return _linked(images, exports, imports)
            except RuntimeError:  # not of this linker's making
                images = [None for _ in parts]
        made = [
            _object(text, machine, how) if image is None else image
            for image, (text, how) in zip(images, parts, strict=True)
        ]
        code = _linked(made, exports, imports)
        _free()
    for key, image, old in zip(keys, made, images, strict=True):
        if old is None:
            disk.save(key, image)
    return code


def assembly(ir: str, machine: Machine, *, quality: str = "best") -> str:
    """The assembly code of a module given as text."""
    with working:
        target = _target(machine, quality)
        return str(target.emit_assembly(_parsed(ir, target)))


@cache
def _version() -> str:
    import llvmlite

    return str(llvmlite.__version__)


def _object(ir: str, machine: Machine, quality: str) -> bytes:
    target = _target(machine, quality)
    return bytes(target.emit_object(_parsed(ir, target)))


def _parsed(ir: str, target: Any) -> Any:
    module = _binding().parse_assembly(ir)
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    if os.environ.get("CHAINRULE_VERIFY"):
        module.verify()
    return module


@cache
def _target(machine: Machine, quality: str) -> Any:
    windows = os.name == "nt"  # where LLVM links ELF objects, and only in the large model
    return (
        _binding()
        .Target.from_triple(machine.triple)
        .create_target_machine(
            cpu=machine.cpu,
            features=machine.features,
            opt=_OPTIMISATION[quality],
            reloc="default" if windows else "pic",
            codemodel="jitdefault" if windows else "small",
            jit=True,
        )
    )


@cache
def _linker() -> Any:
    # JITLink puts the parts of an object side by side, as the small code model requires.
    target = _target(_machine("host"), "best")
    return _binding().create_lljit_compiler(target, use_jit_link=os.name != "nt")


def _linked(images: Sequence[Any], exports: Iterable[str], imports: Mapping[str, int]) -> Code:
    names = list(exports)
    builder = _binding().JITLibraryBuilder()
    for image in images:
        builder.add_object_img(image)
    builder.add_current_process()
    for name, address in imports.items():
        builder.import_symbol(name, address)
    for name in names:
        builder.export_symbol(name)
    return Code(builder.link(_linker(), f"chainrule{next(_serial)}"), names, sum(map(len, images)))
