"""What a compiled function runs, to be looked at; and the same on fixed buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..ir.graph import Graph
from ..native.describe import Description
from ..trace.tree import flatten
from .execution import Reference
from .paths import Path, aliased, failed


class Lowered:
    """The program for some arguments, at each stage: see ``jit(f).lower``.

    ``graph`` is the simplified graph, ``steps`` are the operations and loops in the order in which
    they run, ``llvm`` is the code.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    @property
    def graph(self) -> Graph:
        """The simplified graph: the arguments that vary and the hidden inputs, to the results."""
        return self._path.executable.graph

    @property
    def steps(self) -> list[str]:
        """What runs, in order: each loop, product or call in words."""
        return self._described()[0]

    def _described(self) -> tuple[list[str], list[str]]:
        """The steps, and where intermediate values lie."""
        executable: Any = self._path.executable
        if isinstance(executable, Reference):
            return executable.steps, []
        made = Description(executable.steps, self.graph)
        return made.steps, made.scratch

    @property
    def llvm(self) -> str:
        """The code, in LLVM's language; the graph where there is no compiler."""
        return self._path.executable.text()

    @property
    def memory(self) -> int:
        """Bytes of the results and of the intermediate values that are alive at once."""
        outputs = sum(n.type.size * n.type.dtype.itemsize for n in self.graph.outputs)
        return int(self._path.executable.workspace + outputs)

    def __repr__(self) -> str:
        return f"<{self._name}: {len(self.steps)} steps, {self.memory} bytes>"

    def __str__(self) -> str:
        steps, scratch = self._described()
        parts = {
            "graph": str(self.graph),
            "steps": "\n".join(steps),
            "scratch": "\n".join(scratch),
            "code": self.llvm,
        }
        return "\n\n".join(f"{name}\n{text}" for name, text in parts.items() if text)


def bind(
    path: Path,
    values: Sequence[Any],
    generators: Sequence[Any],
    out: Any,
    plain: Callable[[], Any],
) -> Callable[[], Any]:
    """The program on the very arrays ``values``, and with results in ``out`` or new arrays.

    ``plain`` is the function itself on its arguments, for when a decision comes out otherwise.
    """
    inputs = [*values, *(place.read() for place in path.hidden), *path.captured]
    types = [n.type for n in path.executable.graph.outputs]
    count = len(types) - len(path.written)
    if out is None:
        given = [np.empty(t.shape, t.dtype) for t in types[:count]]
        result = path.results.build(given)
    else:
        given, structure = flatten(out)
        if structure != path.results.structure or len(given) != count:
            raise ArgumentError(
                "bind: out is nested otherwise than the results. Give an array for each of them."
            )
        for array, t in zip(given, types, strict=False):
            if type(array) is not np.ndarray or array.shape != t.shape or array.dtype != t.dtype:
                raise ArgumentError(f"bind: out holds {array!r:.60} for {t}. Give such an array.")
        result = out
    for target in given:
        if any(type(x) is np.ndarray and np.may_share_memory(x, target) for x in inputs):
            raise ArgumentError("bind: out shares memory with an argument. Give other arrays.")
    written = [np.empty(t.shape, t.dtype) for t in types[count:]]

    def slow() -> Any:
        made, _ = flatten(plain())
        arrays = [m for m, leaf in zip(made, path.results.leaves, strict=True) if _varies(leaf)]
        for target, value in zip(given, arrays, strict=True):
            target[...] = value
        return result

    if path.draws.steps:

        def drawing() -> Any:
            answer = path.run(values, generators)
            if answer is failed or answer is aliased:
                return slow()
            made, _ = flatten(answer)
            for target, value in zip(given, made, strict=False):
                target[...] = value
            return result

        return drawing

    # Code reads arrays in C order alone: of the others, copies that are made at each call.
    staged = [
        (k, np.empty(x.shape, x.dtype))
        for k, x in enumerate(inputs)
        if type(x) is np.ndarray and not (x.flags.c_contiguous and x.flags.aligned)
    ]
    read = list(inputs)
    for k, copy in staged:
        read[k] = copy
    targets = [
        x if x.flags.c_contiguous and x.flags.aligned else np.empty(x.shape, x.dtype) for x in given
    ]
    moved = [(x, t) for x, t in zip(given, targets, strict=True) if x is not t]
    if not (written or staged or moved):
        return path.executable.bind(read, targets, result, slow)
    run = path.executable.bind(read, [*targets, *written], _done, slow)

    def bound() -> Any:
        for k, copy in staged:
            np.copyto(copy, inputs[k])
        if run() is not _done:
            return result  # the function itself gave it, and wrote to its arguments
        for x, target in moved:
            np.copyto(x, target)
        for k, new in zip(path.written, written, strict=True):
            np.copyto(inputs[k], new)
        return result

    return bound


_done: Any = object()


def _varies(leaf: Any) -> bool:
    return type(leaf) is tuple
