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
from ..simplify.fusing import fused
from ..simplify.loops import trimmed
from ..simplify.rerolling import rerolled
from ..simplify.rules import RULES
from ..trace.random import is_generator
from ..trace.recording import Guard, Trace, symbolic, tracing
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .copies import Copies
from .draws import NOTHING, Collected, Plan, Untraceable
from .execution import Executable, compile_graph
from .watching import Place, Surroundings


class Effect(Untraceable):
    """The function changed something outside of itself; perhaps only this once."""


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


def read_results(
    trace: Trace, result: Any, known: Sequence[Any], original: Callable[[Any], Any]
) -> tuple[list[Node], Results]:
    """The nodes and the make of what a function returned.

    An object that is one of ``known``, which came from the caller, is passed through; ``original``
    finds it where the function was given a copy.
    """
    values, structure = flatten(result)
    nodes: list[Node] = []
    leaves: list[tuple[int, type | None] | list[Any]] = []
    for value in values:
        kind = type(value)
        traced = issubclass(kind, Tracer) or hasattr(kind, "__traced__")
        if not traced and kind is not np.ndarray:
            value = original(value)
            if is_generator(value):
                raise Untraceable("it returns a random generator")
            if isinstance(value, float) and trace.stored is not None:
                trace.lift(value)  # to see that it is none that lost its derivative
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
    """A program, its hidden inputs, and what it does besides returning results.

    The inputs are the arguments that vary, then what is in the places of ``hidden``, then the
    arrays of ``captured``, which are held by reference.
    """

    executable: Executable
    results: Results
    hidden: tuple[Place, ...]
    captured: tuple[np.ndarray, ...]
    #: Places whose values the program is made for.
    fixed: tuple[Place, ...]
    #: Places of arrays that only the type matters of; places that hold the same array.
    typed: tuple[Place, ...]
    alias: tuple[tuple[Place, Place], ...]
    #: Arrays that were read as plain numbers, with their elements.
    contents: tuple[tuple[np.ndarray, bytes], ...]
    #: Lists and dicts with their lengths.
    lengths: tuple[tuple[Any, int], ...]
    #: Inputs that are written to, whose new values are the last outputs.
    written: tuple[int, ...]
    #: The random draws, whose values are the inputs after all others.
    draws: Plan = NOTHING
    #: The short way of a call along this path.
    short: Callable[..., Any] | None = None

    @property
    def stale(self) -> Place | str | None:
        """What is no longer as it was, of all that the program is made for."""
        for place in self.fixed:
            if not place.holds():
                return place
        for place in (*self.hidden, *self.typed):
            if not _is_like(place.read(), place.value):
                return place
        for place, first in self.alias:
            if place.read() is not first.read():
                return place
        for array, bits in self.contents:
            if array.tobytes() != bits:
                return "an array"
        for whole, length in self.lengths:
            if len(whole) != length:
                return f"a {type(whole).__name__}"
        return None

    def run(self, values: Sequence[Any], generators: Sequence[Any] = ()) -> Any:
        """The results for ``values`` of the arguments; `failed` if this is not the path to take.

        ``generators`` are the random ones among the arguments. `aliased` if arguments share memory
        and one of them is written to.
        """
        if self.stale is not None:
            return failed
        inputs = [*values, *(place.read() for place in self.hidden), *self.captured]
        if self.written and not apart(inputs, self.written):
            return aliased
        if not self.draws.steps:
            outputs = self.executable(inputs)
            return failed if outputs is None else finish(self, inputs, outputs)
        found = self.draws.generators(generators, values)
        before = self.draws.states(found)
        outputs = None
        try:
            inputs.extend(self.draws.draw(found))
            outputs = self.executable(inputs)
        finally:
            if outputs is None:  # it is not the path to take, or the function itself is to raise
                self.draws.restore(found, before)
        return failed if outputs is None else finish(self, inputs, outputs)


def finish(path: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """The results, after what was written to arguments is in them."""
    first = len(outputs) - len(path.written)
    for k, new in zip(path.written, outputs[first:], strict=True):
        np.copyto(inputs[k], new)
    return path.results.build(outputs)


def _is_like(now: Any, before: Any) -> bool:
    """Whether a value may take the place of another in a hidden input."""
    if type(now) is not type(before):
        return False
    if type(now) is np.ndarray:
        return bool(now.shape == before.shape and now.dtype == before.dtype)
    return True


def apart(inputs: Sequence[Any], written: Sequence[int]) -> bool:
    """Whether what is ``written`` may be, and shares memory with no other input."""
    arrays = [(k, x) for k, x in enumerate(inputs) if type(x) is np.ndarray]
    return all(
        inputs[w].flags.writeable
        and all(k == w or not np.may_share_memory(inputs[w], x) for k, x in arrays)
        for w in written
    )


class _Sign:
    """A value that stands for the lack of an answer."""


failed: Any = _Sign()
aliased: Any = _Sign()


# -- tracing ---------------------------------------------------------------------------------------


def trace_path(
    f: Callable[..., Any],
    sources: Sequence[Any],
    rebuild: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]],
    objects: Sequence[Any],
    rebound: set[tuple[int, Any]],
    *,
    generators: Sequence[Any] = (),
    threads: int = 1,
) -> Path:
    """Run ``f`` on traced arguments, and compile what it did.

    ``sources`` are the values of the inputs, and ``rebuild`` makes arguments of traced ones;
    ``objects`` are the other arguments, and ``generators`` the random ones. Random numbers that
    were drawn are put back: the path draws them when it runs. Whatever goes wrong, all is as it
    was before.
    """
    around = Surroundings([f, *objects, *generators], rebound)
    try:
        try:
            return _trace(f, sources, rebuild, objects, generators, around, True, threads)
        except Untraceable:
            raise
        except Exception:
            if not around.hidden:
                raise
            around.restore()
            return _trace(f, sources, rebuild, objects, generators, around, False, threads)
    except BaseException:
        around.restore()
        raise


def _trace(
    f: Callable[..., Any],
    sources: Sequence[Any],
    rebuild: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]],
    objects: Sequence[Any],
    generators: Sequence[Any],
    around: Surroundings,
    replacing: bool,
    threads: int,
) -> Path:
    concrete = dict(around.concrete)
    hidden = list(around.hidden.values())
    if not replacing:
        concrete.update({id(p.value): p.value for p, *_ in hidden})
        hidden = []
    if sum(getattr(a, "nbytes", 0) for a in concrete.values()) > MOST_CONCRETE:
        raise Untraceable("it reads large arrays where changes would not be seen")
    with tracing(differentiated=False) as trace:
        trace.draws = collected = Collected(trace, generators, around.places)
        inputs = [trace.input(value) for value in sources]
        own = [t.node for t in inputs]
        collected.arguments = len(own)
        given = [trace.input(places[0].value) for places in hidden]
        own_hidden = [t.node for t in given]
        new = {id(p[0].value): t for p, t in zip(hidden, given, strict=True)}
        copies = Copies(around, new)
        args, keywords = rebuild(inputs, copies.of)
        leaves, before = flatten((args, keywords))
        result = trace.run(copies.of(f), *args, **keywords)
        after, structure = flatten((args, keywords))
        if structure != before or any(a is not b for a, b in zip(leaves, after, strict=True)):
            raise Untraceable("it changes a list, a dict or an object among its arguments")
        nodes, results = read_results(trace, result, objects, copies.original)
        moved = [
            (k, t)
            for k, (t, n) in enumerate(zip([*inputs, *given], [*own, *own_hidden], strict=True))
            if t.node is not n
        ]
        nodes.extend(trace.lift(t).node for _, t in moved)
        check = condition(trace.guards)
    if around.drew():
        _rewind(around, collected)
    effect = copies.effect() or around.effect()
    if effect:
        raise Effect(effect)
    final = RULES(fused(rerolled([*nodes, *(() if check is None else (check,))])))
    final = RULES(trimmed(final))
    if check is not None:
        check = final.pop()
        if check.op is CONSTANT and bool(check.params[0].array):
            check = None
    order = toposort([*final, *(() if check is None else (check,))])
    captured = [n for n in order if n.op is INPUT and n.level == 0]
    originals = tuple(trace.captures.originals[n] for n in captured)
    for n, array in zip(captured, originals, strict=True):
        if array is not trace.captured[n] and array.tobytes() != trace.captured[n].tobytes():
            raise Effect("it writes to an array from outside")
    read = set(order)
    used = [
        k
        for k, n in enumerate(own_hidden)
        if n in read or any(at == len(own) + k for at, _ in moved)
    ]
    place_of = {k: len(own) + i for i, k in enumerate(used)}
    plan, drawn = collected.plan(read)
    graph = Graph((*own, *(own_hidden[k] for k in used), *captured, *drawn), tuple(final))
    first = {id(places[0]) for places in hidden}
    varying = {id(p) for p in (*collected.places, *(p for places in hidden for p in places))}
    return Path(
        executable=compile_graph(graph, check, threads=threads),
        results=results,
        hidden=tuple(hidden[k][0] for k in used),
        captured=originals,
        fixed=tuple(p for p in around.places if id(p) not in varying and p.watched),
        typed=(
            *(places[0] for k, places in enumerate(hidden) if k not in place_of),
            *collected.places,
        ),
        alias=tuple((p, places[0]) for places in hidden for p in places if id(p) not in first),
        contents=tuple((a, a.tobytes()) for a in concrete.values() if type(a) is np.ndarray),
        lengths=tuple((o, len(before)) for o, before in around.sequences),
        written=tuple(k if k < len(own) else place_of[k - len(own)] for k, _ in moved),
        draws=plan,
    )


def _rewind(around: Surroundings, collected: Collected) -> None:
    """Put the random generators back, if the draws that were seen are all that there were."""
    after = around.random_states()
    around.rewind()
    collected.repeat()
    if around.random_states() != after:
        raise Untraceable("it draws random numbers where that is not seen")
    around.rewind()


#: Bytes of arrays that are compared at each call, because they were read as plain numbers.
MOST_CONCRETE = 1 << 16
