"""Run a function on traced arguments, derive nodes from what it did, and turn these into values.

At the outermost level the derived nodes are evaluated; inside another trace they are spliced into
it, so verbs nest to any depth.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import numpy as np

from ..ir.graph import Graph, substitute, toposort
from ..ir.node import INPUT, Node
from ..ops.special import expit
from ..ops.transcendental import exp
from ..simplify.fusing import fused
from ..simplify.lengths import smooth
from ..simplify.loops import trimmed
from ..simplify.rerolling import rerolled
from ..simplify.rolling import rolled
from ..simplify.rules import RECOGNITIONS, RULES
from ..simplify.spectra import SPECTRA, has_spectra
from ..trace.recording import Guard, Trace, current
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .tiers import Tiered


class _Cache:
    """Derived graphs by what they were derived from, bounded by count and by nodes.

    Nodes are interned, so an unchanged trace finds its entry by identity. Entries hold their
    graphs strongly: what keeps a program alive is this cache.
    """

    def __init__(self, entries: int = 512, nodes: int = 4_000_000) -> None:
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._limit, self._most, self._held = entries, nodes, 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """The entry for ``key``, made if it is new; ``make`` also says how many nodes it holds."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                return found[0]
        value, weight = make()
        with self._lock:
            self._entries[key] = (value, weight)
            self._held += weight
            while len(self._entries) > 1 and (
                len(self._entries) > self._limit or self._held > self._most
            ):
                self._held -= self._entries.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Drop every entry."""
        with self._lock:
            self._entries.clear()
            self._held = 0


_derived = _Cache()
_programs = _Cache()
#: Results of :func:`derive` that are in normal form already.
_simplified: WeakSet[Node] = WeakSet()


def forget() -> None:
    """Empty the caches, so that what comes next is derived and planned anew."""
    for cache in (_derived, _programs):
        cache.clear()
    _simplified.clear()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a function did: its output leaves as nodes, how they nest, and the trace."""

    trace: Trace
    outputs: list[Node]
    structure: Structure


def record_outputs(trace: Trace, result: Any) -> tuple[list[Node], Structure]:
    """The leaves of a function's result as nodes of ``trace``."""
    leaves, structure = flatten(result)
    return [trace.lift(leaf).node for leaf in leaves], structure


def hand_over(trace: Trace) -> None:
    """Hand what a finished trace knows to the one around it, spliced like its results.

    Its guards, because a decision on an inner value is a decision on outer ones; and its events
    where names are kept, because a name belongs to its expression wherever that ends up.
    """
    outer = trace.parent
    if outer is None or not (trace.guards or trace.naming):
        return
    env = {n: outer.lift(value).node for n, value in trace.sources.items()}
    nodes = substitute([g.node for g in trace.guards], env)
    outer.guards.extend(
        Guard(n, g.kind, g.outcome, g.mark)
        for n, g in zip(nodes, trace.guards, strict=True)
        if n.level
    )
    if trace.naming:
        nodes = substitute([n for n, _ in trace.events], env)
        outer.events.extend((n, mark) for n, (_, mark) in zip(nodes, trace.events, strict=True))


def derive(
    key: Hashable,
    outputs: Sequence[Node],
    others: Sequence[Node],
    rule: Callable[[Sequence[Node]], Sequence[Node]],
) -> list[Node]:
    """The nodes that ``rule`` derives from ``outputs``; looked up if they were derived before.

    ``key`` names the rule and its options; with ``outputs`` and ``others`` it must determine the
    result. The outputs are simplified before (so that ``log(sum(exp(x)))`` is differentiated as
    what it is, and a loop that was unrolled as a loop) and the result after; not where names are
    kept, for a formula reads the program as it was written.
    """
    trace = current()
    naming = trace is not None and trace.naming

    def make() -> tuple[list[Node], int]:
        if naming:
            written = rolled(outputs)
            if _has_exponentials(written):
                written = RECOGNITIONS.simplifier(max(n.level for n in others))(written)
            nodes = list(rule(written))
        else:
            # Inside another trace, what is not of this one is left to that one.
            level = min((n.level for n in others), default=0)
            simplify = RULES.simplifier(level if level > 1 else 0)
            prepared = simplify(rerolled(outputs, level))
            if has_spectra(prepared):
                prepared = SPECTRA.simplifier(level if level > 1 else 0)(prepared)
            prepared = smooth(prepared, others, level if level > 1 else 0)
            nodes = simplify(fused(rule(prepared), level))
            smaller = trimmed(nodes, level)
            if smaller != nodes:
                nodes = simplify(smaller)
            if level <= 1:
                _simplified.update(nodes)
        return nodes, len(toposort(nodes))

    found: list[Node] = _derived.get((key, naming, tuple(outputs), tuple(others)), make)
    return found


def _has_exponentials(outputs: Sequence[Node]) -> bool:
    return any(n.op is exp or n.op is expit for n in toposort(outputs))


def finish(
    nodes: Sequence[Node], bindings: Mapping[Node, Any], captures: Mapping[Node, Any]
) -> list[Any]:
    """Turn derived nodes into values.

    ``bindings`` gives each input of the trace its value, ``captures`` the hidden inputs theirs.
    Inside another trace the nodes are spliced in and the results are traced.
    """
    outer = current()
    if outer is None:
        return evaluate(nodes, bindings, captures)
    # What this same run captured has its place already: its copies are no new arrays.
    foreign = () if captures is outer.root.captured else captures.items()
    env = {n: outer.lift(value).node for n, value in (*foreign, *bindings.items())}
    return [outer_tracer(outer, n) for n in substitute(nodes, env)]


def outer_tracer(trace: Trace, n: Node) -> Tracer:
    """A node as a traced array of ``trace``."""
    return Tracer(n, trace)


def evaluate(
    nodes: Sequence[Node], bindings: Mapping[Node, Any], captures: Mapping[Node, Any]
) -> list[Any]:
    """The values of ``nodes``, by a program that is planned once for the same nodes."""

    def make() -> tuple[tuple[Tiered, list[Node]], int]:
        final = nodes if all(n in _simplified for n in nodes) else RULES(nodes)
        order = toposort(final)
        inputs = [n for n in order if n.op is INPUT]
        return (Tiered(Graph(tuple(inputs), tuple(final))), inputs), len(order)

    program, inputs = _programs.get(tuple(nodes), make)
    values = []
    for n in inputs:
        value = bindings.get(n, _absent)
        values.append(captures[n] if value is _absent else value)
    results: list[Any] = program(values)
    return results


_absent = object()


def concrete(value: Any) -> Any:
    """An array or scalar as the evaluator takes it."""
    return value if isinstance(value, np.ndarray) else np.asarray(value)[()]
