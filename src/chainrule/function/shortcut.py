"""The short way of a call: a function written for one path, of arguments of one kind.

It checks what the path rests on (the nesting of the arguments, the static ones, what is around
the function), takes the inputs out of the arguments, calls the program, and puts the results
together. Where anything is otherwise, it gives `missed`. It is written as source
text, for each check is then a few instructions of the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from ..trace.tree import Structure
from .calls import Call, Static
from .paths import Path, apart, finish
from .watching import Attribute, Place, empty

#: With more checks than this there is no short way.
MOST_CHECKS = 256

missed: Any = object()


def miss(*inputs: Any, **keywords: Any) -> Any:
    """No answer."""
    return missed


class _NoShortcut(Exception):
    """The long way is the only one."""


def shortcut(path: Path, call: Call) -> Callable[..., Any]:
    """The short way of calls like ``call``. Where it does not lead to the answer it gives `missed`."""
    if not path.executable.graph.outputs:
        return miss
    try:
        return _Writer(path, call).function()
    except _NoShortcut:
        return miss


class _Writer:
    def __init__(self, path: Path, call: Call) -> None:
        self.path = path
        self.generators: list[str] = []
        self.names: dict[str, Any] = {"missed": missed, "ndarray": np.ndarray}
        self.checks: list[str] = []
        self.inputs: list[str] = []
        self._leaves, self._varying, self._at = call.leaves, set(call.varying), 0
        self._drawing = set(call.drawing)
        self.positional, self.named = call.structure.children
        self.plain = True

    def name(self, value: Any, stem: str = "v") -> str:
        """A name for ``value`` in the function."""
        made = f"{stem}{len(self.names)}"
        self.names[made] = value
        return made

    def function(self) -> Callable[..., Any]:
        path = self.path
        count = len(self.positional.children)
        for k, child in enumerate(self.positional.children):
            self._argument(f"a{k}", child)
        if self.named.children:
            self.plain = False
            self._keys("keywords", self.named)
            for key, child in zip(self.named.keys, self.named.children, strict=True):
                self._argument(f"keywords[{key!r}]", child)
        for place in path.fixed:
            self._fixed(place)
        for array, bits in path.contents:
            self.checks.append(f"{self.name(array)}.tobytes() == {self.name(bits)}")
        for whole, length in path.lengths:
            self.checks.append(f"len({self.name(whole)}) == {length}")
        for place, first in path.alias:
            self.checks.append(f"{self._read(place)} is {self._read(first)}")
        for place in path.typed:
            self._typed(place)
        self.inputs.extend(self._read(place) for place in path.hidden)
        self.inputs.extend(self.name(array) for array in path.captured)
        if len(self.checks) > MOST_CHECKS:
            raise _NoShortcut
        direct = path.results.direct
        arguments = [f"a{k}" for k in range(count)]
        self.plain = self.plain and not path.draws.steps
        plain = self.plain and not self.checks and self.inputs == arguments
        if plain and direct and not path.written:
            return path.executable.entry(miss)
        return self._compiled(arguments)

    def _compiled(self, arguments: list[str]) -> Callable[..., Any]:
        path = self.path
        self.names["fast"] = path.executable.entry(miss)
        lines = ["def call(*args" + (", **keywords):" if self.named.children else "):"), " try:"]
        again = "missed"
        if arguments:
            lines.append(f"  {', '.join(arguments)}, = args")
        else:
            lines.append(f"  if args: return {again}")
        if self.checks:
            checks = "\n   and ".join(self.checks)
            lines.append(f"  if not ({checks}):\n   return {again}")
        drawing = bool(path.draws.steps)
        lines.append(f"  inputs = ({', '.join(self.inputs)}{',' if self.inputs else ''})")
        if drawing:
            self.names["plan"] = path.draws
            given = f"({', '.join(self.generators)}{',' if self.generators else ''})"
            lines.append(f"  found = plan.generators({given}, inputs)")
        errors = "ValueError, KeyError, TypeError, IndexError, AttributeError"
        lines.append(f" except ({errors}):\n  return {again}")
        if path.written:
            self.names.update(apart=apart, finish=finish, path=path)
            lines.append(f" if not apart(inputs, path.written): return {again}")
        if drawing:  # in order and once: if this is not the path to take, they are put back
            lines.append(" before = plan.states(found)")
            lines.append(" inputs += tuple(plan.draw(found))")
        lines.append(" r = fast(*inputs)")
        back = "plan.restore(found, before); " if drawing else ""
        lines.append(f" if r is missed: {back}return {again}")
        single = len(path.executable.graph.outputs) == 1
        if path.written:
            outputs = "(r,)" if single else "r"
            lines.append(f" return finish(path, inputs, {outputs})")
        elif path.results.direct:
            lines.append(" return r")
        else:
            lines.append(f" return {self._result(single)}")
        source = "\n".join(lines)
        exec(compile(source, "<chainrule jit>", "exec"), self.names)  # noqa: S102 (written above)
        made: Callable[..., Any] = self.names["call"]
        return made

    # -- arguments -------------------------------------------------------------------------------

    def _argument(self, where: str, structure: Structure) -> None:
        kind = structure.kind
        if kind is None:
            k, self._at = self._at, self._at + 1
            if k in self._varying:
                self.inputs.append(where)
            elif k in self._drawing:
                self.plain = False
                self.checks.append(f"type({where}) is {self.name(type(self._leaves[k]))}")
                self.generators.append(where)
            else:
                self.plain = False
                self._static(where, self._leaves[k])
            return
        self.plain = False
        if kind is type(None):
            self.checks.append(f"{where} is None")
            return
        self.checks.append(f"type({where}) is {self.name(kind)}")
        if kind is dict:
            self._keys(where, structure)
        elif kind is list or kind is tuple:
            self.checks.append(f"len({where}) == {len(structure.children)}")
        elif not (is_dataclass(kind) and not structure.extra) and not hasattr(kind, "_fields"):
            raise _NoShortcut
        attributes = kind not in (dict, list, tuple)
        for key, child in zip(structure.keys, structure.children, strict=True):
            step = f".{key}" if attributes else f"[{self._key(key)}]"
            self._argument(where + step, child)

    def _key(self, key: Any) -> str:
        return repr(key) if type(key) in (int, str) else self.name(key)

    def _keys(self, where: str, structure: Structure) -> None:
        self.checks.append(f"[*{where}] == {self.name(list(structure.keys))}")

    def _static(self, where: str, leaf: Any) -> None:
        self._equal(where, leaf.value if type(leaf) is Static else leaf)

    def _equal(self, where: str, value: Any) -> None:
        """A check that something is ``value``, or a number or text equal to it."""
        kind = type(value)
        known = self.name(value)
        if kind in (int, str, bool) or (kind is float and value != 0):
            self.checks.append(
                f"((t := {where}) is {known} or (type(t) is {self.name(kind)} and t == {known}))"
            )
        else:
            self.checks.append(f"{where} is {known}")

    # -- places ----------------------------------------------------------------------------------

    def _read(self, place: Place) -> str:
        if type(place) is Attribute:
            inside = (
                f".__dict__[{place.key!r}]" if isinstance(place.owner, type) else f".{place.key}"
            )
            return self.name(place.owner) + inside
        if place.key is None:
            return f"{self.name(place.owner)}.cell_contents"
        return f"{self.name(place.owner)}[{self._key(place.key)}]"

    def _fixed(self, place: Place) -> None:
        if place.value is empty:
            raise _NoShortcut
        self._equal(self._read(place), place.value)

    def _typed(self, place: Place) -> None:
        value = place.value
        self.checks.append(f"type(t := {self._read(place)}) is {self.name(type(value))}")
        if type(value) is np.ndarray:
            self.checks.append(f"t.shape == {value.shape} and t.dtype == {self.name(value.dtype)}")

    # -- results ---------------------------------------------------------------------------------

    def _result(self, single: bool) -> str:
        supply = iter(self.path.results.leaves)

        def leaf() -> str:
            found = next(supply)
            if type(found) is list:
                return self.name(found[0])
            k, number = found
            value = "r" if single else f"r[{k}]"
            return value if number is None else f"{self.name(number)}({value})"

        def tree(structure: Structure) -> str:
            kind = structure.kind
            if kind is None:
                return leaf()
            if kind is type(None):
                return "None"
            children = [tree(child) for child in structure.children]
            if kind is tuple:
                return f"({', '.join(children)}{',' if children else ''})"
            if kind is list:
                return f"[{', '.join(children)}]"
            if kind is dict:
                pairs = zip(structure.keys, children, strict=True)
                return f"{{{', '.join(f'{self._key(k)}: {v}' for k, v in pairs)}}}"
            raise _Built

        try:
            return tree(self.path.results.structure)
        except _Built:
            return f"{self.name(self.path.results.build)}({'(r,)' if single else 'r'})"


class _Built(Exception):
    """Results of a kind that only its structure can make."""
