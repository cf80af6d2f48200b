"""Operations that run a function of the user's, and take their derivative from a rule of his.

The function is never looked into. Its rule is: at every call it is recorded on stand-ins for the
arguments, the result and the direction, and becomes a graph that the node carries along, so what
derives from it is differentiated, batched and printed as anything else. A rule that cannot be
recorded, because it calls compiled code, becomes a node of its own that runs the rule on values.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import update_wrapper
from typing import Any

import numpy as np

from ..calculus.batch import batch
from ..calculus.jacobian import zeros
from ..calculus.pullback import pullback as pull
from ..errors import ArgumentError, TraceError
from ..ir.graph import Graph, dependents, substitute, toposort
from ..ir.node import INPUT, Node, constant, input_node
from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, Type, type_of
from ..trace.recording import Guard, Trace, current, symbolic, tracing
from ..trace.site import here
from ..trace.stack import suspended
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .rule import Rule
from .signature import (
    Fixed,
    Signature,
    filled,
    fitted,
    for_all,
    joined,
    packed,
    placed,
    spread,
    varies,
)


class _Running(threading.local):
    """Rules that are being recorded on this thread, innermost last: (function, primals, result)."""

    def __init__(self) -> None:
        self.rules: list[tuple[Custom, tuple[Node, ...], Any]] = []
        self.tickets = 0


_running = _Running()


class Custom(Primitive):
    """A function with a derivative rule; see :func:`~chainrule.custom_derivative`."""

    #: Whether the rule pushes tangents forward or pulls cotangents back.
    forward: bool
    #: Nobody knows, so a complex Jacobian through it is refused.
    holomorphic = False

    def __init__(self, f: Callable[..., Any], rule: Callable[..., Any]) -> None:
        update_wrapper(self, f, updated=())
        given = getattr(f, "__name__", "")
        self.name = given if given.isidentifier() else "custom"
        self.function = f
        self.rule = Rule(self.name, rule, forward=self.forward)
        try:
            self._signature: inspect.Signature | None = inspect.signature(f)
            count = len(self._signature.parameters)
        except (TypeError, ValueError):
            self._signature, count = None, 1
        self.text = f"{self.name}({', '.join(f'{{{k}}}' for k in range(count))})"

    def __reduce__(self) -> Any:
        return type(self), (self.function, self.rule.function)

    # -- a call ----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The function's value, recorded where an argument is traced."""
        args = self._positional(args, keywords)
        leaves, structure = flatten(args)
        trace = current()
        if trace is not None:
            leaves = [trace.lift(x) if hasattr(x, "__traced__") else x for x in leaves]
        if not any(type(x) is Tracer for x in leaves):
            with suspended():
                return self.function(*args)
        fixed = tuple(None if varies(x) else Fixed(x) for x in leaves)
        operands = [x for x, f in zip(leaves, fixed, strict=True) if f is None]
        again = self._under_way(operands)
        if again is not None:
            return again
        types = tuple(x.node.type if type(x) is Tracer else type_of(x) for x in operands)
        signature = Signature(structure, fixed, types, structure, ())
        values = [_concrete(x) for x in operands]
        results, form = self._run(values, signature)
        signature = replace(signature, results=form, result_types=tuple(map(type_of, results)))
        guards: list[Guard] = []
        captures: list[Any] = []
        if _running.rules or trace is None or any(not t.active for t in _recorders(operands)):
            _running.tickets += 1
            signature = replace(signature, ticket=_running.tickets)
        else:
            recorded = self._record_rule(operands, results, signature)
            if recorded is not None:
                signature, captures, guards = recorded
        out = self.bind([*operands, *captures], signature)
        outs = list(out) if isinstance(out, tuple) else [out]
        recorder = outs[0].recorder if outs else None
        if isinstance(recorder, Trace):
            for tracer, value in zip(outs, results, strict=True):
                recorder.values.setdefault(tracer.node, value)
            self._pass_on(guards, signature, [*operands], outs, recorder)
        return form.unflatten(outs)

    def _positional(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        if self._signature is None:
            if keywords:
                raise ArgumentError(
                    f"{self.name} does not tell the names of its arguments; call it without "
                    "keywords."
                )
            return args
        bound = self._signature.bind(*args, **keywords)
        bound.apply_defaults()
        if bound.kwargs:
            words = ", ".join(bound.kwargs)
            raise ArgumentError(
                f"{self.name} takes {words} by keyword only, and a rule gets its arguments by "
                "position; make them ordinary arguments."
            )
        return bound.args

    def _under_way(self, operands: Sequence[Any]) -> Any:
        """The result, if this is the rule asking for the value at its own primals."""
        nodes = tuple(x.node if type(x) is Tracer else None for x in operands)
        for custom, primals, result in reversed(_running.rules):
            if custom is self and primals == nodes:
                return result
        return None

    def _run(
        self, values: Sequence[Any], signature: Signature
    ) -> tuple[list[np.ndarray], Structure]:
        """The leaves of the function's value as arrays, and how they nest."""
        with suspended():
            leaves, form = flatten(self.function(*signature.nested(values)))
        if any(type(leaf) is Tracer or hasattr(leaf, "__traced__") for leaf in leaves):
            raise ArgumentError(
                f"{self.name} computes with a traced value that is not among its arguments, whose "
                "derivative would be lost; pass it as an argument.",
                here(),
            )
        arrays = [np.asarray(leaf) for leaf in leaves]
        for array in arrays:
            if array.dtype.kind not in "fciub":
                raise ArgumentError(
                    f"{self.name} returned {array.dtype} data; return numbers, in arrays.", here()
                )
        return arrays, form

    # -- the rule --------------------------------------------------------------------------------

    def _record_rule(
        self, operands: Sequence[Any], results: Sequence[Any], signature: Signature
    ) -> tuple[Signature, list[Any], list[Guard]] | None:
        """The signature with its rule as a graph, the captures, and the decisions."""
        with tracing() as trace:
            primals = [trace.input(x) for x in operands]
            outs = [trace.input(y) for y in results]
            nodes = self._applied(trace, signature, primals, outs)
            if nodes is None or trace.refusals:
                trace.refusals.clear()  # it will run on values instead
                return None
            given = [*trace.inputs]
            decided = [g.node for g in trace.guards]
            free = [n for n in toposort([*nodes, *decided]) if n.op is INPUT and n not in given]
            if any(n.level for n in free):
                raise ArgumentError(
                    f"{self.rule.verb} computes with a traced value that is not among its "
                    "arguments; pass it as an argument.",
                    here(),
                )
            directions = given[len(primals) + len(outs) :]
            if not dependents(toposort(decided), directions).isdisjoint(decided):
                return None  # it decides on the direction: no graph holds for all of them
            inputs = [*given, *free]
            captured = trace.root.captured
            captures = [captured[n] for n in free]
            guards = [
                Guard(n, g.kind, g.outcome, g.mark)
                for n, g in zip(decided, trace.guards, strict=True)
            ]
        graph = _closed(Graph(tuple(inputs), tuple(nodes)))
        bound = dict(zip(inputs, graph.inputs, strict=True))
        moved = substitute([g.node for g in guards], bound)
        guards = [Guard(n, g.kind, g.outcome, g.mark) for n, g in zip(moved, guards, strict=True)]
        return replace(signature, rule=graph), captures, guards

    def _applied(
        self, trace: Trace, signature: Signature, primals: Sequence[Tracer], outs: Sequence[Tracer]
    ) -> list[Node] | None:
        """What the rule records, one node for each result; ``None`` if it cannot be recorded."""
        sources, targets = self.rule.ends(signature)
        directions = [trace.input(np.zeros(t.shape, t.dtype)) for t in sources]
        result = signature.results.unflatten(outs)
        _running.rules.append((self, tuple(p.node for p in primals), result))
        try:
            found = self.rule.function(
                signature.nested(primals), signature.directions(directions, forward=self.forward)
            )
            parts = self.rule.parts(found, signature)
            return [
                fitted(p, t, self.rule.verb, trace) for p, t in zip(parts, targets, strict=True)
            ]
        except ArgumentError:
            raise
        except Exception:  # noqa: BLE001 - whatever compiled code says of traced arrays
            return None
        finally:
            _running.rules.pop()

    def _pass_on(
        self,
        guards: Sequence[Guard],
        signature: Signature,
        operands: Sequence[Any],
        outs: Sequence[Tracer],
        trace: Trace,
    ) -> None:
        """The rule's decisions become decisions of the trace."""
        if not guards or signature.rule is None:
            return
        count = len(operands) + len(outs)
        actual = [*(trace.lift(x).node for x in operands), *(y.node for y in outs)]
        env = dict(zip(signature.rule.inputs[:count], actual, strict=True))
        moved = substitute([g.node for g in guards], env)
        trace.guards.extend(
            Guard(n, g.kind, g.outcome, g.mark) for n, g in zip(moved, guards, strict=True)
        )

    # -- as a primitive --------------------------------------------------------------------------

    def infer(self, types: Sequence[ArrayType], signature: Signature) -> Type:
        return joined(signature.result_types, signature.sizes)

    def evaluate(self, arrays: Sequence[Any], signature: Signature) -> Any:
        primals = arrays[: len(signature.types)]
        return packed(
            for_all(primals, signature.sizes, signature.result_types, self._checked(signature))
        )

    def _checked(self, signature: Signature) -> Callable[[Sequence[Any]], list[Any]]:
        def one(values: Sequence[Any]) -> list[Any]:
            results, form = self._run(values, signature)
            types = tuple(map(type_of, results))
            if form != signature.results or types != signature.result_types:
                listed = ", ".join(map(str, types))
                expected = ", ".join(map(str, signature.result_types))
                raise TraceError(
                    f"{self.name} returned {listed} and had returned {expected} for arguments of "
                    "the same types; return arrays whose shapes depend on those alone."
                )
            return results

        return one

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, signature: Signature
    ) -> Array:
        count = len(signature.types)
        primals = spread(args[:count], batched, size)
        return self.bind(
            [*primals, *args[count:]], replace(signature, sizes=(size, *signature.sizes))
        )

    def _rule_nodes(
        self, out: Any, args: Sequence[Any], directions: Sequence[Any], signature: Signature
    ) -> list[Any]:
        """The rule, applied to symbols."""
        outs = list(out) if isinstance(out, tuple) else [out]
        count = len(signature.types)
        primals, captures = args[:count], args[count:]
        graph = signature.rule
        if graph is None and signature.ticket:
            graph = self._late(signature)
        if graph is None:
            found = self.rule.native.bind([*primals, *directions], signature)
            return list(found) if isinstance(found, tuple) else [found]
        nodes = list(graph.outputs)
        inputs = list(graph.inputs)
        per_example = len(inputs) - len(captures)
        for depth, size in enumerate(reversed(signature.sizes)):
            wide = [
                input_node(1, ("bound", k, depth), n.type.with_shape((size, *n.type.shape)))
                for k, n in enumerate(inputs[:per_example])
            ]
            nodes = batch(nodes, dict(zip(inputs, wide, strict=False)), size)
            inputs[:per_example] = wide
        actual = [x.node for x in (*primals, *outs, *directions, *captures)]
        return [symbolic(n) for n in substitute(nodes, dict(zip(inputs, actual, strict=True)))]

    def _late(self, signature: Signature) -> Graph | None:
        """The graph of a rule that was called from another rule: no values, captures as numbers."""
        with tracing() as trace:
            primals = [trace.input(_some(t)) for t in signature.types]
            outs = [trace.input(_some(t)) for t in signature.result_types]
            nodes = self._applied(trace, signature, primals, outs)
            if nodes is None or trace.refusals or trace.guards:
                trace.refusals.clear()
                return None
            known = {n: constant(a) for n, a in trace.root.captured.items()}
            graph = Graph(tuple(trace.inputs), tuple(substitute(nodes, known)))
        return _closed(graph)


class PushedForward(Custom):
    """A function with a rule for tangents. Its pullback is the transpose, made by the walk."""

    forward = True

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], signature: Signature
    ) -> Maybe:
        directions = filled(
            [tangents[k] for k in signature.moving], [args[k] for k in signature.moving]
        )
        return placed(self._rule_nodes(out, args, directions, signature), signature)


class PulledBack(Custom):
    """A function with a rule for cotangents. Its pushforward is the transpose of that."""

    forward = False

    def pullback(
        self,
        out: Array,
        ct: Any,
        args: Sequence[Array],
        wanted: Sequence[bool],
        signature: Signature,
    ) -> Sequence[Maybe]:
        cts = ct if isinstance(ct, tuple) else (ct,)
        outs = out if isinstance(out, tuple) else (out,)
        moving = signature.moving_results
        directions = filled([cts[k] for k in moving], [outs[k] for k in moving])
        found = dict(
            zip(signature.moving, self._rule_nodes(out, args, directions, signature), strict=True)
        )
        return [found.get(k) if want else None for k, want in enumerate(wanted)]

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], signature: Signature
    ) -> Maybe:
        outs = out if isinstance(out, tuple) else (out,)
        moving = [outs[k].node for k in signature.moving_results]
        pushed = [(k, t.node) for k, t in enumerate(tangents) if t is not None]
        level = 1 + max(
            n.level for n in (*moving, *(a.node for a in args), *(t for _, t in pushed))
        )
        seeds = [input_node(level, ("cotangent", k), n.type) for k, n in enumerate(moving)]
        found = dict(
            zip(
                signature.moving,
                self._rule_nodes(out, args, [symbolic(s) for s in seeds], signature),
                strict=True,
            )
        )
        live = [(found[k].node, t) for k, t in pushed]
        linear, weights = zip(*live, strict=True)
        results = pull(linear, seeds, weights)
        tangents_ = [
            symbolic(zeros(n.type) if r is None else r)
            for r, n in zip(results, moving, strict=True)
        ]
        return placed(tangents_, signature)


def _recorders(operands: Sequence[Any]) -> list[Any]:
    return [x.recorder for x in operands if type(x) is Tracer]


def _concrete(x: Any) -> Any:
    """The value of an operand, or some value of its type where none is at hand."""
    if type(x) is not Tracer:
        return x
    if isinstance(x.recorder, Trace):
        return x.recorder.value(x.node)
    return _some(x.node.type)


def _some(t: ArrayType) -> Any:
    return np.ones(t.shape, t.dtype)[()]


def _closed(graph: Graph) -> Graph:
    """The same graph with inputs known by position alone, so that equal rules are one graph."""
    bound = tuple(input_node(1, ("bound", k), n.type) for k, n in enumerate(graph.inputs))
    return Graph(
        bound, tuple(substitute(graph.outputs, dict(zip(graph.inputs, bound, strict=True))))
    )
