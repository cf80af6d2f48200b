"""What a function reads besides its arguments: found by name, watched, and traced.

Closure cells, named globals, defaults, attributes of objects, entries of lists and dicts, also
those of the plain Python functions that it calls by name: each is a *place* that holds a value. An
array in a place becomes a hidden input of the program; the other values are what the program was
made for, and it is made anew where one is another.

To trace the hidden inputs, the function runs as a copy of itself in surroundings that are copies:
nothing of the user's is changed, on this thread or another, and what the function changes in them
is seen.
"""

from __future__ import annotations

import dis
import pickle
import random
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

#: More places than this are not looked at; nor lists and dicts with more entries than the other.
MOST_PLACES = 4000
MOST_ENTRIES = 256

empty: Any = object()


class Place:
    """Where a value is kept: a cell, or a key of a dict, list or tuple."""

    __slots__ = ("key", "name", "owner", "value")

    def __init__(self, owner: Any, key: Any, name: str) -> None:
        self.owner, self.key, self.name = owner, key, name
        self.value = self.read()

    def read(self) -> Any:
        """The value that is there now."""
        if self.key is None:
            return contents(self.owner)
        try:
            return self.owner[self.key]
        except (KeyError, IndexError):
            return empty

    def restore(self) -> None:
        """Put back the value that was there."""
        if type(self.owner) in (dict, list):
            self.owner[self.key] = self.value
        elif self.key is None and self.value is not empty:
            self.owner.cell_contents = self.value

    @property
    def identity(self) -> tuple[int, Any]:
        """Which place it is."""
        return id(self.owner), self.key

    @property
    def watched(self) -> bool:
        """Whether another value makes a difference to the program."""
        return type(self.owner) is not tuple

    def holds(self) -> bool:
        """Whether the value is the one that was there, or a number or text equal to it."""
        now = self.read()
        if now is self.value:
            return True
        kind = type(now)
        if kind is not type(self.value):
            return getattr(now, "__wrapped__", empty) is self.value and hasattr(now, "replacement")
        if kind in _VALUES or isinstance(now, np.generic):
            return repr(now) == repr(self.value)
        # What is intercepted while a trace is at work stands for what it replaces.
        return getattr(now, "__wrapped__", empty) is self.value and hasattr(now, "replacement")


class Attribute(Place):
    """An attribute of a class, or one that has a slot."""

    __slots__ = ()

    def read(self) -> Any:
        """The value that is there now."""
        if isinstance(self.owner, type):
            return vars(self.owner).get(self.key, empty)
        return getattr(self.owner, self.key, empty)

    def restore(self) -> None:
        """Put back the value that was there."""
        setattr(self.owner, self.key, self.value)


_VALUES = (int, float, complex, bool, str, bytes)
_CONTAINERS = (list, dict, tuple)


class Surroundings:
    """All places that ``roots`` read, at one moment.

    ``rebound`` names places whose floats are to be hidden inputs: they were seen to change.
    """

    def __init__(self, roots: list[Any], rebound: set[tuple[int, Any]]) -> None:
        self.roots = roots
        self.rebound = rebound
        self.places: list[Place] = []
        #: The arrays, and floats that change, by identity: each with the places that hold it.
        self.hidden: dict[int, list[Place]] = {}
        #: Arrays that are read where they cannot be replaced: watched for what is in them.
        self.concrete: dict[int, np.ndarray] = {}
        self.generators: list[Any] = []
        self.names: set[str] = set()
        self.objects: dict[int, tuple[Any, bool]] = {}
        self.parts: dict[int, list[Place]] = {}
        self._seen: set[tuple[int, Any]] = set()
        self._look(roots)
        self.sequences = [
            (o, list(o) if type(o) is list else dict(o))
            for o, _ in self.objects.values()
            if type(o) in (list, dict)
        ]
        self.instances = [(o, _attributes(o)) for o, _ in self.objects.values() if _is_instance(o)]
        self._states = [(g, state_of(g)) for g in (*self.generators, *_global_generators())]

    # -- looking ---------------------------------------------------------------------------------

    def _look(self, roots: list[Any]) -> None:
        waiting: list[tuple[Any, bool, str]] = [(r, True, "") for r in roots]
        while True:
            known = len(self.names)
            while waiting and len(self.places) < MOST_PLACES:
                value, copied, name = waiting.pop()
                found = self.objects.get(id(value))
                if found is not None and (found[1] or not copied):
                    continue
                if not _is_scanned(value) and all(value is not r for r in roots):
                    continue
                self.objects[id(value)] = (value, copied)
                waiting.extend(self._enter(value, copied, name))
            if len(self.names) == known:
                return
            # More names are known now, by which attributes may be read.
            for value, copied in list(self.objects.values()):
                if _is_instance(value) or isinstance(value, ModuleType | type):
                    waiting.extend(self._enter(value, copied, ""))

    def _enter(self, value: Any, copied: bool, name: str) -> Iterator[tuple[Any, bool, str]]:
        kind: Any = type(value)
        if kind is FunctionType:
            read, attributes = names_in(value.__code__)
            self.names |= attributes
            named = [n for n in read if n in value.__globals__]
            yield from self._add(value, value.__globals__, sorted(named), copied)
            free = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
            for n, cell in free:
                yield from self._add(value, cell, [None], copied, n)
            for defaults in (value.__defaults__, value.__kwdefaults__):
                if defaults:
                    yield defaults, copied, name
        elif kind is MethodType:
            yield value.__func__, copied, name
            yield value.__self__, copied, name
        elif kind is partial:
            yield from ((v, copied, name) for v in (value.func, value.args, value.keywords))
        elif kind is dict or kind is list or issubclass(kind, tuple):
            keys = list(value) if kind is dict else list(range(len(value)))
            if len(keys) <= MOST_ENTRIES:
                yield from self._add(value, value, keys, copied)
        elif isinstance(value, ModuleType):
            named = [n for n in self.names if n in vars(value)]
            yield from self._add(value, vars(value), sorted(named), copied)
        elif isinstance(value, type):
            yield from self._class(value)
        elif is_derived(value):
            for part in list(vars(value).values()):
                if is_derived(part) or type(part) in (FunctionType, MethodType, partial):
                    yield part, copied, name
        elif _is_instance(value):
            held = getattr(value, "__dict__", {})
            whole = is_dataclass(value) and len(held) <= MOST_ENTRIES
            named = list(held) if whole else [n for n in self.names if n in held]
            copied = copied and _is_copied(value)
            yield from self._add(value, held, sorted(named), copied)
            yield from self._class(kind)
            yield from self._slots(value)
        elif isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
            self.generators.append(value)

    def _add(
        self, whole: Any, owner: Any, keys: list[Any], copied: bool, name: str = ""
    ) -> Iterator[tuple[Any, bool, str]]:
        parts = self.parts.setdefault(id(whole), [])
        for key in keys:
            place = Place(owner, key, name or str(key))
            value = place.value
            again = place.identity in self._seen
            if not again or all(p.identity != place.identity for p in parts):
                parts.append(place)
            if not again:
                self._seen.add(place.identity)
                self.places.append(place)
            if type(value) is np.ndarray and value.dtype.kind in "fciub" and value.dtype.isnative:
                if not copied:
                    self.concrete[id(value)] = value
                elif not again:
                    self.hidden.setdefault(id(value), []).append(place)
            elif (
                place.identity in self.rebound
                and not again
                and copied
                and isinstance(value, float | np.floating)
            ):
                self.hidden.setdefault(id(value), []).append(place)
            else:
                yield value, copied, place.name

    def _class(self, kind: type) -> Iterator[tuple[Any, bool, str]]:
        """The functions of a class that may be called, which run as they are; its attributes."""
        for base in kind.__mro__:
            if is_library(base.__module__):
                continue
            for name, member in list(vars(base).items()):
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if type(function) is FunctionType:
                    if name in self.names or (name.startswith("__") and name != "__init__"):
                        yield function, False, name
                elif name in self.names and not hasattr(type(member), "__get__"):
                    yield from self._attribute(base, name)

    def _slots(self, value: Any) -> Iterator[tuple[Any, bool, str]]:
        for base in type(value).__mro__:
            slots = vars(base).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name in self.names:
                    yield from self._attribute(value, name)

    def _attribute(self, owner: Any, name: str) -> Iterator[tuple[Any, bool, str]]:
        place = Attribute(owner, name, name)
        if place.identity in self._seen:
            return
        self._seen.add(place.identity)
        self.places.append(place)
        if type(place.value) is np.ndarray:
            self.concrete[id(place.value)] = place.value
        else:
            yield place.value, False, name

    # -- after a trace ---------------------------------------------------------------------------

    def drew(self) -> bool:
        """Whether random numbers were drawn."""
        return any(state_of(g) != state for g, state in self._states)

    def random_states(self) -> list[bytes]:
        """Where the random generators stand."""
        return [state_of(g) for g, _ in self._states]

    def rewind(self) -> None:
        """Put the random generators back to where they were."""
        for g, state in self._states:
            if state_of(g) != state:
                set_state(g, state)

    def effect(self) -> str:
        """What the function changed outside of itself, in words; empty if nothing."""
        for place in self.places:
            if not place.holds():
                return f"it changes {place.name}, which is outside of it"
        for o, before in self.sequences:
            now = list(o) if type(o) is list else dict(o)
            if len(now) != len(before) or not alike(now, before):
                return f"it changes a {type(o).__name__} outside of it"
        for o, attributes in self.instances:
            if not alike(_attributes(o), attributes):
                return f"it sets attributes of a {type(o).__name__}"
        return ""

    def restore(self) -> None:
        """Undo what :meth:`effect` sees, and what was drawn."""
        self.rewind()
        for o, before in self.sequences:
            if type(o) is list:
                o[:] = before
            else:
                o.clear()
                o.update(before)
        for o, attributes in self.instances:
            if attributes:
                vars(o).clear()
                vars(o).update(attributes)
        for place in self.places:
            if not place.holds():
                place.restore()


def contents(cell: Any) -> Any:
    """What is in a cell, or `empty`."""
    try:
        return cell.cell_contents
    except ValueError:
        return empty


def alike(now: Any, before: Any) -> bool:
    """Whether two lists or dicts have the same objects as entries."""
    if type(now) is dict:
        return list(now) == list(before) and all(now[k] is before[k] for k in now)
    return all(a is b for a, b in zip(now, before, strict=True))


# -- what is looked at -----------------------------------------------------------------------------


def _is_scanned(value: Any) -> bool:
    kind: Any = type(value)
    if kind is FunctionType:
        return not is_library(value.__module__)
    if kind in (MethodType, partial) or kind in _CONTAINERS:
        return True
    if isinstance(value, tuple):
        return hasattr(kind, "_fields")
    if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
        return True
    if isinstance(value, ModuleType):
        return not is_library(value.__name__)
    if isinstance(value, type):
        return not is_library(value.__module__)
    return is_derived(value) or _is_instance(value)


def is_derived(value: Any) -> bool:
    """Whether it is a function that chainrule made of another, or holds one for its methods."""
    module = type(value).__module__
    return module.startswith("chainrule.") and (
        callable(value) or (module.startswith("chainrule.optim.") and hasattr(value, "__dict__"))
    )


def _is_instance(value: Any) -> bool:
    """Whether it is an object with attributes, of a class of the user's."""
    kind: Any = type(value)
    return (
        (hasattr(value, "__dict__") or hasattr(kind, "__slots__"))
        and not isinstance(value, type | ModuleType)
        and kind not in (FunctionType, MethodType, partial)
        and (kind is SimpleNamespace or not is_library(kind.__module__))
    )


def _attributes(value: Any) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))


def _is_copied(value: Any) -> bool:
    """Whether an object may be replaced by one with the same attributes."""
    kind: Any = type(value)
    if kind is SimpleNamespace:
        return True
    if any(getattr(base, "__slots__", ()) for base in kind.__mro__):
        return False
    return kind.__new__ is object.__new__ and kind.__basicsize__ <= _Plain.__basicsize__


class _Plain:
    pass


@lru_cache(1024)
def names_in(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals and the attributes that a function names, functions in it included."""
    read: set[str] = set()
    attributes: set[str] = set()
    waiting = [code]
    while waiting:
        code = waiting.pop()
        for step in dis.get_instructions(code):
            if step.opname in _OF_GLOBALS:
                read.add(step.argval)
        attributes |= set(code.co_names)
        waiting.extend(c for c in code.co_consts if isinstance(c, CodeType))
    return frozenset(read), frozenset(attributes)


_OF_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})


@lru_cache(4096)
def is_library(module: str | None) -> bool:
    """Whether a module is not the user's own: its state is not watched."""
    top = (module or "").partition(".")[0]
    if top in _LIBRARIES:
        return True
    path = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return "site-packages" in path or "dist-packages" in path


_LIBRARIES = frozenset({"numpy", "scipy", "chainrule", *sys.stdlib_module_names} - {"__main__"})


# -- random numbers --------------------------------------------------------------------------------


def _global_generators() -> list[Any]:
    """The generators behind the functions of `numpy.random` and `random`."""
    found: list[Any] = []
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        found.append(numpy_random.mtrand._rand)  # noqa: SLF001 (it has no other name)
    found.append(random._inst)  # noqa: SLF001 (nor has this)
    return found


def state_of(generator: Any) -> bytes:
    """Where a generator stands."""
    if isinstance(generator, random.Random):
        return pickle.dumps(generator.getstate())
    if isinstance(generator, np.random.Generator):
        return pickle.dumps(generator.bit_generator.state)
    return pickle.dumps(generator.get_state(legacy=False))


def set_state(generator: Any, state: bytes) -> None:
    """Put a generator back."""
    value = pickle.loads(state)  # noqa: S301 (made above)
    if isinstance(generator, random.Random):
        generator.setstate(value)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = value
    else:
        generator.set_state(value)
