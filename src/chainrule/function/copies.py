"""Copies of a function and of what it reads, in which some values are others.

A function is traced as a copy of itself: what leads to a replaced value is copied, function by
function and object by object, and nothing of the user's is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from .watching import Place, Surroundings, alike, contents, empty, is_derived


class Copies:
    """Copies of what was looked at, with other values in some places.

    Only what leads to one of ``values`` (by the identity of what they replace) is copied.
    """

    def __init__(self, around: Surroundings, values: dict[int, Any]) -> None:
        self._around, self._values = around, values
        self._objects, self._parts = around.objects, around.parts
        self._made: dict[int, Any] = {}
        self._globals: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._cells: dict[int, tuple[CellType, CellType, Any]] = {}
        self._leads = self._leading()
        self._checks: list[tuple[Any, Any]] = []

    def _leading(self) -> set[int]:
        """The objects from which one of the replaced values is reached."""
        readers: dict[int, list[int]] = {}
        for i, (o, _) in self._objects.items():
            for part in self._children(o):
                readers.setdefault(id(part), []).append(i)
        found: set[int] = set()
        waiting = list(self._values)
        while waiting:
            for i in readers.get(waiting.pop(), ()):
                if i not in found and self._objects[i][1]:
                    found.add(i)
                    waiting.append(i)
        return found

    def _children(self, o: Any) -> Iterator[Any]:
        for place in self._parts.get(id(o), ()):
            yield place.value
        kind = type(o)
        if kind is MethodType:
            yield from (o.__func__, o.__self__)
        elif kind is partial:
            yield from (o.func, o.args, o.keywords)
        elif kind is FunctionType:
            yield from (d for d in (o.__defaults__, o.__kwdefaults__) if d)
        elif is_derived(o):
            yield from vars(o).values()

    def of(self, value: Any) -> Any:
        """The copy of ``value``, or itself if nothing in it is replaced."""
        i = id(value)
        if i in self._values:
            return self._values[i]
        if i not in self._leads:
            return value
        if i in self._made:
            return self._made[i]
        return self._copy(value)

    def _copy(self, value: Any) -> Any:
        kind = type(value)
        i = id(value)
        made: Any
        if kind is FunctionType:
            made = FunctionType(
                value.__code__, self._namespace(value), value.__name__, None,
                tuple([self._cell(c) for c in value.__closure__ or ()]) or None,
            )  # fmt: skip
            self._made[i] = made
            made.__dict__.update(value.__dict__)
            made.__qualname__, made.__module__ = value.__qualname__, value.__module__
            made.__defaults__ = self.of(value.__defaults__)
            made.__kwdefaults__ = self.of(value.__kwdefaults__)
            self._fill(value)
            return made
        if kind is MethodType:
            return self._keep(i, MethodType(self.of(value.__func__), self.of(value.__self__)))
        if kind is partial:
            args, keywords = self.of(value.args), self.of(value.keywords)
            return self._keep(i, partial(self.of(value.func), *args, **keywords))
        if issubclass(kind, tuple):
            return self._keep(i, tuple.__new__(kind, [self.of(v) for v in value]))
        if kind is list:
            made = self._keep(i, [])
            made.extend(self.of(v) for v in value)
            self._checks.append((made, list(made)))
            return made
        if kind is dict:
            made = self._keep(i, {})
            made.update({k: self.of(v) for k, v in value.items()})
            self._checks.append((made, dict(made)))
            return made
        made = ModuleType(value.__name__) if isinstance(value, ModuleType) else _blank(kind)
        self._keep(i, made)
        vars(made).update(vars(value))
        parts = {p.key: p.value for p in self._parts.get(i, ())} or dict(vars(value))
        for key, held in parts.items():
            vars(made)[key] = self.of(held)
        self._checks.append((vars(made), dict(vars(made))))
        return made

    def _keep(self, i: int, made: Any) -> Any:
        self._made[i] = made
        return made

    def _namespace(self, f: FunctionType) -> dict[str, Any]:
        found = self._globals.get(id(f.__globals__))
        if found is None:
            names: dict[str, Any] = dict(f.__globals__)
            found = self._globals[id(f.__globals__)] = (names, {})
        return found[0]

    def _fill(self, f: FunctionType) -> None:
        """Replace in the copies of cells and globals what ``f`` reads."""
        for place in self._parts.get(id(f), ()):
            if place.key is None:
                _, cell, value = self._cells[id(place.owner)]
                if value is empty and place.value is not empty:
                    new = self.of(place.value)
                    cell.cell_contents = new
                    self._cells[id(place.owner)] = (place.owner, cell, new)
            else:
                names, known = self._globals[id(place.owner)]
                new = self.of(place.value)
                if new is not place.value:
                    names[place.key] = new
                known[place.key] = names[place.key]

    def _cell(self, cell: CellType) -> CellType:
        found = self._cells.get(id(cell))
        if found is None:
            found = self._cells[id(cell)] = (cell, CellType(), empty)
        return found[1]

    def put(self, place: Place, value: Any) -> bool:
        """Put a value in the copy of one global or cell; whether there is such a copy."""
        if place.key is None:
            found = self._cells.get(id(place.owner))
            if found is None:
                return False
            found[1].cell_contents = value
            self._cells[id(place.owner)] = (place.owner, found[1], value)
            return True
        namespace = self._globals.get(id(place.owner))
        if namespace is None:
            return False
        for names in namespace:
            names[place.key] = value
        return True

    def original(self, value: Any) -> Any:
        """What ``value`` is a copy of, if it is one."""
        for i, made in self._made.items():
            if made is value:
                return self._objects[i][0]
        return value

    def effect(self) -> str:
        """What the function changed in the copies, in words; empty if nothing."""
        for names, known in self._globals.values():
            for name, value in known.items():
                if names.get(name, empty) is not value:
                    return f"it changes {name}, which is outside of it"
        for _, cell, value in self._cells.values():
            if value is not empty and (contents(cell) is not value):
                return "it changes a variable outside of it"
        for o, before in self._checks:
            if len(o) != len(before) or not alike(o, before):
                return f"it changes a {type(o).__name__} outside of it"
        return ""


def _blank(kind: Any) -> Any:
    new: Callable[..., Any] = object.__new__
    return kind() if kind is SimpleNamespace else new(kind)
