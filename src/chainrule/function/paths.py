"""The paths of a compiled function: what it does where its decisions come out one way.

A path is traced with the arguments at hand. Every decision that Python took on a value is in the
trace as a guard; a path holds the one truth value that all its guards make, and its program finds
that out by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.graph import Graph, toposort
from ..ir.literal import Literal
from ..ir.node import CONSTANT, INPUT, Node
from ..simplify.rules import RULES
from ..trace.recording import Guard, Trace, symbolic, tracing
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .execution import Executable, compile_graph


class Untraceable(Exception):
    """The function does what a compiled program could not repeat. The message says what."""


# -- guards ----------------------------------------------------------------------------------------


def condition(guards: Sequence[Guard]) -> Node | None:
    """The truth value that all ``guards`` hold; ``None`` if there are none."""
    seen: set[Any] = set()
    held: Any = None
    for guard in guards:
        key = (guard.node, guard.kind, guard.outcome)
        if key in seen:
            continue
        seen.add(key)
        holds = _holds(guard)
        if holds is not None:
            held = holds if held is None else np.logical_and(held, holds)
    return None if held is None else held.node


def _holds(guard: Guard) -> Any:
    """Whether one guard holds, as a traced truth value."""
    x: Any = symbolic(guard.node)
    kind = x.dtype.kind
    if guard.kind is Literal:
        return _same(x, guard.outcome.array)
    if guard.kind is bool:
        truth = x if kind == "b" else np.not_equal(x, 0)
        if type(guard.outcome) is tuple:
            return _all(np.equal(truth, np.reshape(np.array(guard.outcome), x.shape)))
        truth = np.reshape(truth, ())
        return truth if guard.outcome else np.logical_not(truth)
    if guard.kind is int:
        whole = np.trunc(x) if kind == "f" else x
        if type(guard.outcome) is tuple:
            return _all(np.equal(whole, np.reshape(np.array(guard.outcome), x.shape)))
        return np.equal(np.reshape(whole, ()), guard.outcome)
    raise Untraceable(f"it decides by a {guard.kind.__name__}")


def _same(x: Any, array: np.ndarray) -> Any:
    """Whether ``x`` is ``array`` to the bit, but for what a NaN carries."""
    if not array.size:
        return None
    if array.dtype.kind == "c":
        return np.logical_and(_same(np.real(x), array.real), _same(np.imag(x), array.imag))
    equal = np.equal(x, array)
    if array.dtype.kind == "f":
        if np.isnan(array).any():
            equal = np.where(np.isnan(array), np.isnan(x), equal)
        if not array.all():
            equal = np.logical_and(equal, np.equal(np.signbit(x), np.signbit(array)))
    return _all(equal)


def _all(x: Any) -> Any:
    return np.all(x) if np.ndim(x) else x


# -- results ---------------------------------------------------------------------------------------

#: What a function may return besides arrays, the same object at each call.
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type, np.dtype, np.generic, range)


@dataclass(frozen=True)
class Results:
    """How the outputs of a program make the results of the function.

    ``leaves`` says of each result which output it is and whether as a Python number; or, in a
    list of one, the very object.
    """

    structure: Structure
    leaves: tuple[tuple[int, type | None] | list[Any], ...]

    @property
    def direct(self) -> str:
        """``"one"`` or ``"tuple"`` where the results are just the outputs, else ``""``."""
        plain = all(type(leaf) is tuple and leaf == (k, None) for k, leaf in enumerate(self.leaves))
        if not plain or not self.leaves:
            return ""
        if self.structure.kind is None:
            return "one"
        flat = self.structure.kind is tuple and all(
            child.kind is None for child in self.structure.children
        )
        return "tuple" if flat and len(self.leaves) > 1 else ""

    def build(self, outputs: Sequence[Any]) -> Any:
        """The results of the function."""
        made = []
        for leaf in self.leaves:
            if type(leaf) is list:
                made.append(leaf[0])
            else:
                k, number = leaf
                made.append(outputs[k] if number is None else number(outputs[k]))
        return self.structure.unflatten(made)


_NUMBER = {"f": float, "c": complex, "i": int, "u": int, "b": bool}


def read_results(trace: Trace, result: Any, known: Sequence[Any]) -> tuple[list[Node], Results]:
    """The nodes and the make of what a function returned.

    An object that is one of ``known``, which came from the caller, is passed through.
    """
    values, structure = flatten(result)
    nodes: list[Node] = []
    leaves: list[tuple[int, type | None] | list[Any]] = []
    for value in values:
        kind = type(value)
        traced = issubclass(kind, Tracer) or hasattr(kind, "__traced__")
        if not traced and kind is not np.ndarray:
            if not isinstance(value, _PLAIN) and all(value is not k for k in known):
                raise Untraceable(f"it returns a {kind.__name__} that it made")
            leaves.append([value])
            continue
        if kind is np.ndarray and value.dtype.kind not in "fciub":
            raise Untraceable(f"it returns an array of {value.dtype}")
        n = trace.lift(value).node
        number = _NUMBER.get(n.type.dtype.kind) if n.type.weak else None
        leaves.append((len(nodes), number))
        nodes.append(n)
    return nodes, Results(structure, tuple(leaves))


# -- a path ----------------------------------------------------------------------------------------


@dataclass
class Path:
    """A program, its hidden inputs, and what it does besides returning results."""

    executable: Executable
    results: Results
    #: The arrays that hidden inputs are, which follow the arguments: held by reference.
    captured: tuple[np.ndarray, ...]
    #: Inputs that are written to, whose new values are the last outputs.
    written: tuple[int, ...]
    guarded: bool

    def run(self, values: Sequence[Any]) -> Any:
        """The results for ``values`` of the inputs; `failed` where it is not the path to take."""
        outputs = self.executable([*values, *self.captured])
        if outputs is None:
            return failed
        if self.written:
            first = len(outputs) - len(self.written)
            for k, new in zip(self.written, outputs[first:], strict=True):
                np.copyto(values[k], new)
        return self.results.build(outputs)


class _Failed:
    """The only value of its kind: no path, no answer."""


failed: Any = _Failed()


def trace_path(
    f: Callable[..., Any],
    sources: Sequence[Any],
    rebuild: Callable[[Trace, Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]],
    known: Sequence[Any],
    *,
    threads: int = 1,
) -> Path:
    """Run ``f`` on traced arguments, and compile what it did.

    ``sources`` are the values of the inputs, and ``rebuild`` makes arguments of traced ones.
    """
    with tracing(differentiated=False) as trace:
        inputs = [trace.input(value) for value in sources]
        own = [t.node for t in inputs]
        args, keywords = rebuild(trace, inputs)
        given, before = flatten((args, keywords))
        result = trace.run(f, *args, **keywords)
        after, structure = flatten((args, keywords))
        if structure != before or any(a is not b for a, b in zip(given, after, strict=True)):
            raise Untraceable("it changes a list, a dict or an object among its arguments")
        nodes, results = read_results(trace, result, known)
        written = [k for k, (t, n) in enumerate(zip(inputs, own, strict=True)) if t.node is not n]
        nodes.extend(trace.lift(inputs[k]).node for k in written)
        check = condition(trace.guards)
    return _compiled(trace, own, nodes, check, results, written, threads)


def _compiled(
    trace: Trace,
    own: Sequence[Node],
    nodes: Sequence[Node],
    check: Node | None,
    results: Results,
    written: Sequence[int],
    threads: int,
) -> Path:
    final = RULES([*nodes, *(() if check is None else (check,))])
    if check is not None:
        check = final.pop()
        if check.op is CONSTANT and bool(check.params[0].array):
            check = None
    roots = [*final, *(() if check is None else (check,))]
    hidden = [n for n in toposort(roots) if n.op is INPUT and n.level == 0]
    originals = [trace.captures.originals[n] for n in hidden]
    for n, array in zip(hidden, originals, strict=True):
        if not _unchanged(array, trace.captured[n]):
            raise Untraceable("it writes to an array from outside")
    graph = Graph((*own, *hidden), tuple(final))
    executable = compile_graph(graph, check, threads=threads)
    return Path(executable, results, tuple(originals), tuple(written), check is not None)


def _unchanged(array: np.ndarray, bound: np.ndarray) -> bool:
    return array is bound or array.tobytes() == bound.tobytes()
