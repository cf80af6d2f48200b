"""Where in the user's program a derivative goes wrong: the operation, and its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.jacobian import ones
from ..calculus.pullback import pullback as pull
from ..calculus.pushforward import dressed
from ..errors import ChainruleError, Site
from ..ir.graph import toposort
from ..ir.node import INPUT, ITEM, Node, input_node, node
from ..ir.types import TupleType
from ..trace.recording import Trace, tracing
from ..trace.site import Mark, site_of
from .engine import evaluate, record_outputs
from .numerical import EPS, Estimate, Line, first, judge


@dataclass(frozen=True)
class Fault:
    """An operation whose derivative is wrong, or makes the first NaN; ``what`` is the predicate."""

    operation: str
    site: Site | None
    what: str


def fault_of(function: Callable[..., Sequence[Any]], leaves: Sequence[Any]) -> Fault | None:
    """The operation at which the derivative of a function goes wrong or becomes NaN."""
    with tracing() as trace:
        inputs = [trace.input(x) for x in leaves]
        outputs, _ = record_outputs(trace, function(*inputs))
    found = wrong_partial(trace)
    if found is not None:
        return found
    weights = [ones(o.type) for o in outputs]
    pulled = [n for n in pull(outputs, [x.node for x in inputs], weights) if n is not None]
    return first_nan(pulled, {**trace.sources, **trace.root.captured}, trace)


# -- wrong partials --------------------------------------------------------------------------------


def wrong_partial(trace: Trace) -> Fault | None:
    """The first operation of a trace whose own derivative disagrees with its own differences."""
    rng = np.random.default_rng(0)
    seen: set[Node] = set()
    for event, mark in trace.events:
        n = event.args[0] if event.op is ITEM else event
        if n in seen or n.level < trace.level:
            continue
        seen.add(n)
        what = _local_fault(n, trace, rng)
        if what is not None:
            return Fault(n.op.name, site_of(mark), what)
    return None


def _local_fault(n: Node, trace: Trace, rng: np.random.Generator) -> str | None:
    """What is wrong with the derivative of one operation at its values in this trace."""
    values = [trace.value(a) for a in n.args]
    if any(type(a.type) is TupleType for a in n.args):
        return None
    level = 1 + max((a.level for a in n.args), default=0)
    moving = [k for k, a in enumerate(n.args) if a.type.differentiable and a.level >= trace.level]
    inputs = {k: input_node(level, ("at", k), n.args[k].type) for k in moving}
    args = [inputs.get(k, a) for k, a in enumerate(n.args)]
    made = node(n.op, tuple(args), n.params, n.type)
    bindings: dict[Node, Any] = {x: values[k] for k, x in inputs.items()}
    for k in moving:
        direction = rng.normal(size=np.shape(values[k])) * magnitudes(values[k])
        seed = input_node(level, ("tangent", k), n.args[k].type)
        tangents = [dressed(seed) if j == k else None for j in range(len(args))]
        given = {**bindings, seed: direction.astype(n.args[k].type.dtype)[()]}
        line = _line(n, values, k, direction)
        truth = first(line, analytic=all(v.dtype.kind == "f" for v in map(np.asarray, values)))
        if truth.value.size == 0:
            continue
        try:
            pushed = made.op.jvp(dressed(made), [dressed(a) for a in args], tangents, *n.params)
            found = _flat(_computed(pushed, made, given, trace))
            what = _difference(found, truth, line, f"argument {k}")
            if what is None and made.op.pullback is not None:
                what = _pulled(made, args, k, (given, trace), (direction, truth, line), rng)
        except (ChainruleError, NotImplementedError, ValueError) as error:
            return f"by argument {k} cannot be computed: {error}"
        if what is not None:
            return what
    return None


def _pulled(
    made: Node,
    args: Sequence[Node],
    k: int,
    where: tuple[Mapping[Node, Any], Trace],
    pushed: tuple[np.ndarray, Estimate, Line],
    rng: np.random.Generator,
) -> str | None:
    """What is wrong with the pullback of one operation, by ⟨c, Jt⟩ = ⟨Jᵀc, t⟩."""
    given, trace = where
    direction, truth, line = pushed
    types = made.type.items if type(made.type) is TupleType else (made.type,)
    level = 2 + max((a.level for a in args), default=0)
    seeds = [input_node(level, ("cotangent", j), t) for j, t in enumerate(types)]
    weights = [rng.normal(size=t.shape).astype(t.dtype)[()] for t in types]
    cts = tuple(dressed(s) for s in seeds)
    pullback: Any = made.op.pullback
    found = pullback(
        dressed(made),
        cts if type(made.type) is TupleType else cts[0],
        [dressed(a) for a in args],
        [j == k for j in range(len(args))],
        *made.params,
    )[k]
    everything = {**given, **dict(zip(seeds, weights, strict=True))}
    (pulled,) = _computed(found, args[k], everything, trace)
    total = np.sum(np.conj(pulled) * direction).real
    row = _flat(weights)

    def weighed(step: complex) -> np.ndarray | None:
        there = line(step)
        return None if there is None else np.atleast_1d(np.sum(row * there))

    expected = truth.contracted(row)
    return _difference(np.asarray(total), expected, weighed, f"argument {k}, in reverse mode")


def _computed(found: Any, like: Node, bindings: Mapping[Node, Any], trace: Trace) -> list[Any]:
    """The values of tangents or cotangents of ``like``, with zeros for what is zero."""
    types = like.type.items if type(like.type) is TupleType else (like.type,)
    parts = found if isinstance(found, tuple) else (found,)
    results = []
    for part, t in zip(parts, types, strict=True):
        if part is None:
            results.append(np.zeros(t.shape, t.dtype))
            continue
        known = {**trace.root.captured, **bindings}
        for n in toposort([part.node]):
            if n.op is INPUT and n not in known:
                known[n] = trace.value(n)
        results.extend(evaluate([part.node], known, {}))
    return results


def _line(n: Node, values: Sequence[Any], k: int, direction: np.ndarray) -> Line:
    def line(step: complex) -> np.ndarray | None:
        moved = [v + step * direction if j == k else v for j, v in enumerate(values)]
        try:
            with np.errstate(all="ignore"):
                out = n.op.evaluate(moved, *n.params)
        except Exception:  # noqa: BLE001 - outside of its domain, or not made for complex numbers
            return None
        raw = list(out) if isinstance(out, tuple) else [out]
        return _flat(raw) if np.imag(step) == 0 else np.concatenate([np.ravel(r) for r in raw])

    return line


def _flat(parts: Any) -> np.ndarray:
    """Real numbers in a row; complex ones as two."""
    rows = [np.ravel(p) for p in (parts if isinstance(parts, list) else [parts])]
    rows = [np.concatenate([r.real, r.imag]) if r.dtype.kind == "c" else r for r in rows]
    return np.concatenate(rows).astype(float) if rows else np.zeros(0)


def magnitudes(x: Any) -> np.ndarray:
    """How far each entry may be moved: its own size, for a zero the typical size of the others."""
    sizes = np.abs(np.asarray(x))
    positive = sizes[(sizes > 0) & np.isfinite(sizes)]
    typical = float(np.median(positive)) if positive.size else 1.0
    return np.where((sizes > 0) & np.isfinite(sizes), sizes, typical)


def _difference(found: np.ndarray, truth: Estimate, line: Line | None, where: str) -> str | None:
    top = float(np.max(np.abs(truth.value), initial=0.0, where=np.isfinite(truth.value)))
    if np.shape(np.atleast_1d(found)) != np.shape(np.atleast_1d(truth.value)):
        return f"is wrong by {where}: {np.size(found)} numbers in place of {truth.value.size}"
    wrong = judge(found, truth, line, top, EPS).wrong
    if not wrong.any():
        return None
    k = int(np.argmax(wrong))
    expected, got = np.atleast_1d(truth.value)[k], np.atleast_1d(found)[k]
    return f"is wrong by {where}: {got:.6g} where differences give {expected:.6g}"


# -- NaN -------------------------------------------------------------------------------------------


def first_nan(nodes: Sequence[Node], bindings: Mapping[Node, Any], trace: Trace) -> Fault | None:
    """The operation of the user's at which NaN enters the derived ``nodes``."""
    values = values_of(nodes, bindings)
    start = next((n for n in nodes if _has(np.isnan, values.get(n))), None)
    if start is None:
        return None
    origin = _back(start, lambda n: _has(np.isnan, values.get(n)))
    suspects = [a for a in origin.args if _has(np.isinf, values.get(a))]
    cause = _back(suspects[0], lambda n: _has(np.isinf, values.get(n))) if suspects else origin
    marks: dict[Node, Mark | None] = {}
    for n, mark in trace.events:
        marks.setdefault(n, mark)
    found = nearest(cause, marks)
    if found is None:
        return None
    slope = "infinite" if suspects else "NaN"
    return Fault(found.op.name, site_of(marks[found]), f"is {slope} here")


def values_of(nodes: Sequence[Node], bindings: Mapping[Node, Any]) -> dict[Node, Any]:
    """The value of every node that ``nodes`` come from."""
    values: dict[Node, Any] = {}
    with np.errstate(all="ignore"):
        for n in toposort(nodes):
            if n.op is INPUT:
                values[n] = bindings[n]
            else:
                values[n] = n.op.evaluate([values[a] for a in n.args], *n.params)
    return values


def _has(test: Callable[[Any], Any], value: Any) -> bool:
    array = np.asarray(0.0 if value is None or isinstance(value, tuple) else value)
    return array.dtype.kind in "fc" and bool(np.any(test(array)))


def _back(n: Node, bad: Callable[[Node], bool]) -> Node:
    """The earliest bad node that ``n`` comes from through bad nodes."""
    while True:
        earlier = next((a for a in n.args if bad(a)), None)
        if earlier is None:
            return n
        n = earlier


def nearest(n: Node, marks: Mapping[Node, Mark | None]) -> Node | None:
    """The operation of the user's that ``n`` is, or is soonest computed from."""
    row, seen = [n], {n}
    while row:
        for candidate in row:
            if candidate in marks:
                return candidate
        row = [a for b in row for a in b.args if a not in seen]
        seen.update(row)
    return None
