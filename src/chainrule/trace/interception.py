"""What NumPy's protocols do not reach, intercepted for the length of a trace.

``np.zeros(n)`` makes an array that could not hold a traced value, ``np.array([t, 1.0])`` and
``math.sin(t)`` would turn a traced value into plain numbers, and ``from numpy import zeros`` does
the same under a name in the user's own module. While a trace is at work, these names stand for
functions that know traced values; when it ends, each name stands for what it stood for before.

- Nothing is patched by ``import chainrule``; ``builtins`` never is. NumPy's own modules, those of
  chainrule and the standard library keep their names; only attributes of ``numpy``, ``math`` and
  ``cmath`` themselves, and names in other modules that stand for one of these functions, change.
- The process is patched when the first trace opens and restored when the last one closes, on
  whatever thread, under a lock. A thread that is not tracing passes straight through.
- A function of SciPy's that is written in Python is replaced from within (:mod:`.entrance`), so that
  a closure or a dictionary that holds it holds the replacement too.
- Where the names are is remembered, so that a trace costs one ``dict.update`` for each module.
- ``np.float64`` and ``float`` are classes that convert a traced number to a traced number. They
  are equal to the real ones, have their instances and subclasses, and work as a dtype; only
  ``type(x) is np.float64`` tells them apart. A module that says ``is float`` keeps its own.
- :class:`intercept` and the environment variable ``CHAINRULE_INTERCEPT=0`` switch it off.
"""

from __future__ import annotations

import cmath
import dis
import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ContextDecorator
from functools import cached_property, lru_cache, partial
from itertools import islice, pairwise
from operator import is_
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from .bytecode import codes, uses
from .dispatchers import compiled, source_of
from .functions import sparse
from .generators import Generators
from .iteration import vectorized
from .kinds import Kind, has
from .mathematics import NUMBERS
from .nesting import innermost
from .sizes import length_of
from .stack import stack
from .stand_ins import Table, stand_in


class intercept(ContextDecorator):  # noqa: N801 - used like a function
    """``with intercept(False):`` traces by NumPy's protocols alone.

    So does a function that it decorates. Creation functions, ``math`` and ``float`` are then left
    alone on this thread, and where they would lose a derivative there is an error.
    """

    def __init__(self, on: bool = True) -> None:
        self._on = on
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(stack.intercepting)
        stack.intercepting = self._on

    def __exit__(self, *exception: object) -> None:
        stack.intercepting = self._before.pop()


# -- where they are --------------------------------------------------------------------------------


class _Names:
    """Names in one module: what they stand for during a trace and otherwise."""

    __slots__ = ("added", "during", "fixed", "namespace", "otherwise", "size")

    def __init__(self, namespace: dict[str, Any], *, fixed: bool) -> None:
        self.namespace = namespace
        self.fixed = fixed  # it belongs to a library: no program changes it during a trace

    def scan(self, table: Table, *, within: bool) -> _Names:
        """Look through the module; ``within`` says that it uses the functions, and is not theirs."""
        namespace = self.namespace
        self.size = len(namespace)
        self.during: dict[str, Any] = {}
        self.otherwise: dict[str, Any] = {}
        self.added: list[str] = []
        by_id = table.by_id
        skipped: Any = table.for_lists if within and self.fixed else ()
        for name, value in namespace.copy().items():
            known = by_id.get(id(value))
            if known is not None and known[0] is value and id(value) not in skipped:
                self.during[name] = known[1]
                self.otherwise[name] = value
        if within and (not self.fixed or _computes(namespace)):
            for name, shadow in SHADOWS.items():
                if name not in namespace and _converts(namespace, name, called=self.fixed):
                    self.during[name] = shadow
                    self.added.append(name)
        return self

    def has_changed(self, table: Table) -> bool:
        """Whether names have come or gone since the scan, or mean something else now."""
        namespace = self.namespace
        if len(namespace) != self.size:
            return True
        if self.fixed:
            return False
        if not all(map(is_, map(namespace.get, self.otherwise), self.otherwise.values())):
            return True
        if namespace.get("__name__") != "__main__":
            return False
        # Names are rebound there all the time, perhaps to one of the functions.
        functions = sum(map(table.by_id.__contains__, map(id, namespace.values())))
        return functions != len(self.otherwise)

    def replace(self) -> None:
        self.namespace.update(self.during)

    def restore(self) -> None:
        namespace, during = self.namespace, self.during
        if self.fixed:
            namespace.update(self.otherwise)
        else:
            for name, value in self.otherwise.items():
                if namespace.get(name) is during[name]:  # else the program gave it another meaning
                    namespace[name] = value
        for name in self.added:
            if namespace.get(name) is during[name]:
                del namespace[name]


#: Built-in types that a module may convert numbers with, or ask for -> what stands for them.
SHADOWS: dict[str, Any] = {
    "float": NUMBERS[float], "complex": NUMBERS[complex], "type": Kind, "hasattr": has,
}  # fmt: skip


def _converts(namespace: dict[str, Any], name: str, *, called: bool) -> bool:
    """Whether the functions of a module use a built-in type, and never ask whether a type is it.

    ``called``: only as a function.
    """
    found = False
    for function in _functions(namespace):
        for code in codes(function.__code__):
            if name in code.co_names:
                after = list(uses(code, name))
                if "IS_OP" in after:
                    return False
                found = found or "CALL" in after or (not called and bool(after))
    return found


@lru_cache(4096)
def _compared(code: CodeType) -> frozenset[str]:
    """Which number types of NumPy a function compares by identity: ``x.dtype.type is np.float64``."""
    found = set()
    for part in codes(code):
        for name in _OF_NUMPY.intersection(part.co_names):
            steps = [i for i in dis.get_instructions(part) if i.opname not in ("CACHE", "NOP")]
            if any(i.argval == name and j.opname == "IS_OP" for i, j in pairwise(steps)):
                found.add(name)
    return frozenset(found)


_OF_NUMPY = frozenset(number.__name__ for number in NUMBERS if number.__module__ == "numpy")


def _functions(namespace: dict[str, Any]) -> Iterator[FunctionType]:
    """The functions of a module: by a name, in a class, in a container, or under a decorator."""
    for value in list(namespace.values()):
        yield from _held(value, namespace, 3)


def _held(value: Any, namespace: dict[str, Any], depth: int) -> Iterator[FunctionType]:
    """The functions of the module that ``value`` is or holds, no deeper than ``depth``."""
    # By the type alone: to look at an attribute of a lazy object would load what it stands for.
    kind = type(value)
    members: Iterable[Any] = ()
    if kind is FunctionType:
        if value.__globals__ is namespace:
            yield value
        members = [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
    elif kind is staticmethod or kind is classmethod:
        members = (value.__func__,)
    elif kind is property:
        members = (value.fget,)
    elif kind is partial or kind is cached_property:
        members = (value.func,)
    elif kind is dict or kind is list or kind is tuple:
        members = islice(value.values() if kind is dict else value, 256)
    elif issubclass(kind, type) and vars(value).get("__module__") == namespace.get("__name__"):
        members = vars(value).values()
    else:
        members = source_of(value)
    if depth:
        for member in list(members):
            yield from _held(member, namespace, depth - 1)


def _is_full(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _computes(namespace: dict[str, Any]) -> bool:
    """Whether a module has to do with numbers: it imports NumPy or math, or something of theirs."""
    return any(
        value is np or value is math or _is_numpys(value) for value in list(namespace.values())
    )


def _is_numpys(value: Any) -> bool:
    kind = type(value)
    if kind is type or kind is FunctionType or kind is type(np.sum):
        return str(value.__module__).startswith("numpy")
    return kind is np.ufunc or kind is np.ndarray or kind is np.dtype


def _spaces(f: FunctionType) -> list[dict[str, Any]]:
    """The namespaces of a function and of those in its closure, and in theirs."""
    found = [f.__globals__]
    seen = {id(f)}
    waiting = [f]
    while waiting:
        for cell in waiting.pop().__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if type(value) is FunctionType and id(value) not in seen:
                seen.add(id(value))
                waiting.append(value)
                if value.__globals__ is not found[-1]:
                    found.append(value.__globals__)
    return found


class _Interception:
    """The patch, and the count of traces that need it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.count = 0
        self.table: Table | None = None
        self.modules: dict[str, _Names | None] = {}
        self.fixed: list[_Names] = []
        self.own: list[_Names] = []
        self.methods: list[tuple[Any, str, Any, Any]] = []
        self.generators = Generators()
        self.named = False
        #: The namespaces of modules, by identity; others that a traced function had lately, and now.
        self.spaces: set[int] = set()
        self.loose: dict[int, _Names] = {}
        self.entered: list[_Names] = []
        self.loaded: Any = None

    def open(self, *, naming: bool = False) -> None:
        """A trace opens; ``naming`` says that it keeps names."""
        with self.lock:
            if self.count:
                self.count += 1
                return
            self.scan()
            self.count = 1
            self._replace()
            if naming:
                self.named = True
                for names in self.own:
                    if not names.fixed:
                        names.namespace.setdefault("len", length_of)

    def _replace(self) -> None:
        for names in (*self.fixed, *self.own):
            names.replace()
        for owner, name, substitute, _ in self.methods:
            setattr(owner, name, substitute)
        self.generators.replace()

    def outside(self, call: Callable[[], Any]) -> Any:
        """``call()`` with every name as it is without a trace, on all threads."""
        with self.lock:
            entered = self.entered[:]
            self._restore()
            try:
                return call()
            finally:
                self._replace()
                for names in entered:
                    names.replace()
                self.entered = entered

    def called(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """What to run for ``f``: ``grad(logsumexp)`` is given the very function that is replaced.

        A number type that ``f`` compares by identity keeps its name while ``f`` runs.
        """
        if stack.intercepting:
            f = next(iter(source_of(f)), f)
        if self.count and type(f) is FunctionType:
            for space in _spaces(f):
                if id(space) not in self.spaces:
                    self._enter(space)
            for number in _compared(f.__code__):
                for names in (*self.fixed, *self.own):
                    original = names.otherwise.get(number)
                    if isinstance(original, type):
                        names.namespace[number] = original
        replacement = (self.table or Table()).replacement(f)
        if replacement is None or not stack.intercepting:
            return f
        return lambda *args, **keywords: replacement(stack.traces[-1], f, *args, **keywords)

    def _enter(self, space: dict[str, Any]) -> None:
        """Replace names in a namespace of no module, such as ``exec`` is given."""
        with self.lock:
            assert self.table is not None
            names = self.loose.get(id(space))
            if names is None or names.namespace is not space:
                names = _Names(space, fixed=False).scan(self.table, within=True)
            elif names in self.entered:
                return
            elif names.has_changed(self.table):
                names.scan(self.table, within=True)
            self.loose[id(space)] = names
            while len(self.loose) > _MOST_LOOSE:
                del self.loose[next(iter(self.loose))]
            names.replace()
            self.entered.append(names)

    def close(self) -> None:
        """A trace closes."""
        with self.lock:
            self.count -= 1
            if self.count:
                return
            self._restore()
            for names in self.own if self.named else ():
                if names.namespace.get("len") is length_of:
                    del names.namespace["len"]
            self.named = False
            if _loaded() != self.loaded:
                self.clean()

    def _restore(self) -> None:
        self.generators.restore()
        while self.entered:
            self.entered.pop().restore()
        for owner, name, _, original in self.methods:
            setattr(owner, name, original)
        for names in (*self.own, *self.fixed):
            names.restore()

    def scan(self) -> None:
        """Find the names in modules that are new, and in the user's own that have grown."""
        if self.table is None:
            self.table = Table()
            every = [np, np.linalg, np.fft, math, cmath]
            self.fixed = [_Names(vars(m), fixed=True).scan(self.table, within=False) for m in every]
            self._method(np.vectorize, "__call__", vectorized)
        if _loaded() != self.loaded:
            self.loaded = _loaded()
            if self.generators.find():
                for original, substitute in self.generators.functions:
                    self.table.add(original, substitute)
                space = vars(sys.modules["numpy.random"])
                self.fixed.append(_Names(space, fixed=True).scan(self.table, within=False))
                self.modules.clear()
                self.own.clear()
            if self.table.resolve():
                self.modules.clear()
                self.own.clear()
            exchanged = {id(owner) for owner, *_ in self.methods}
            for function, code, _ in self.table.codes.values():
                if id(function) not in exchanged:
                    self.methods.append((function, "__code__", code, function.__code__))
            self._sparse()
            self._dispatchers()
            for name, module in sys.modules.copy().items():
                known = self.modules.get(name, _unseen)
                if known is None and name == "__main__":  # it may stand for another module now
                    known = _unseen
                if known is _unseen or (known is not None and known.namespace is not vars(module)):
                    self.modules[name] = self._look(name, module)
            self.own = [names for names in self.modules.values() if names is not None]
            loaded: list[Any] = list(sys.modules.values())
            self.spaces = {id(vars(m)) for m in loaded if isinstance(m, ModuleType)}
        for names in self.own:
            if names.has_changed(self.table):
                names.scan(self.table, within=True)

    def _look(self, name: str, module: Any) -> _Names | None:
        assert self.table is not None
        top = name.partition(".")[0]
        if top in _LEFT_ALONE or not isinstance(module, ModuleType):
            return None
        installed = _is_installed(module)
        names = _Names(vars(module), fixed=installed).scan(self.table, within=True)
        # A module of the user may yet define or import more; one that is installed will not.
        return names if names.during or not installed else None

    def _method(self, owner: type, name: str, replacement: Callable[..., Any]) -> None:
        original = owner.__dict__[name]
        self.methods.append((owner, name, stand_in(original, replacement), original))

    def _sparse(self) -> None:
        base = getattr(sys.modules.get("scipy.sparse._base"), "_spbase", None)
        if base is None or any(owner is base for owner, *_ in self.methods):
            return
        for module in [m for n, m in sys.modules.copy().items() if n.startswith("scipy.sparse._")]:
            for owner in list(vars(module).values()):
                if isinstance(owner, type) and owner.__module__ == module.__name__:
                    for name, product in (
                        ("_matmul_dispatch", sparse.matmul),
                        ("_rmatmul_dispatch", sparse.rmatmul),
                    ):
                        if name in owner.__dict__:
                            self._method(owner, name, _product(product))

    def _dispatchers(self) -> None:
        for owner, call in compiled():
            if not any(o is owner for o, *_ in self.methods):
                original = owner.__call__
                inside = stand_in(original, partial(call, self.outside))
                self.methods.append((owner, "__call__", inside, original))

    def clean(self) -> None:
        """Modules that were imported during a trace may have taken a stand-in for the function."""
        assert self.table is not None
        for name, module in sys.modules.copy().items():
            known = self.modules.get(name, _unseen)
            new = known is _unseen or (known is not None and known.namespace is not vars(module))
            if new and isinstance(module, ModuleType):
                namespace = vars(module)
                for key, value in namespace.copy().items():
                    original = self.table.back.get(id(value))
                    if original is not None:
                        namespace[key] = original

    def forked(self) -> None:
        """In a child process only the forking thread is left."""
        self.lock = threading.RLock()
        if self.count and not stack.traces:
            self.count = 1
            self.close()


def _loaded() -> tuple[int, str]:
    """What changes when a module is loaded."""
    while True:
        try:
            return len(sys.modules), next(reversed(sys.modules))
        except RuntimeError:  # another thread loaded one just now
            continue


def _product(product: Callable[..., Any]) -> Callable[..., Any]:
    def replacement(trace: Any, original: Callable[..., Any], self: Any, other: Any) -> Any:
        owner = innermost((other,))
        return original(self, other) if owner is None else product(self, owner.lift(other))

    return replacement


def _is_installed(module: ModuleType) -> bool:
    path = getattr(module, "__file__", None)
    return path is not None and ("site-packages" in path or "dist-packages" in path)


# The module `statistics` is Python code on numbers, like any other program.
_LEFT_ALONE = frozenset(
    {"numpy", "chainrule", *sys.stdlib_module_names} - {"__main__", "statistics"}
)
_unseen: Any = object()
#: So many namespaces of no module are remembered.
_MOST_LOOSE = 32
interception = _Interception()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=interception.forked)
