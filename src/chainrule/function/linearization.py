"""``jvp`` and ``vjp``: a function's linear approximation at a point, applied in either direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..calculus.jacobian import zeros
from ..calculus.pullback import pullback as pull
from ..calculus.pushforward import pushforward as push
from ..errors import ArgumentError
from ..ir.node import Node, input_node
from ..trace.recording import Trace, current, symbolic, tracing
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .engine import derive, finish, hand_over, record_outputs
from .nan import watch


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of ``f`` at ``primals`` and its derivative in the direction of ``tangents``.

    Both are tuples, one entry for each argument of ``f``; a tangent has its primal's shape and
    nesting. Forward mode: the cost is a small multiple of one evaluation.

    Raises
    ------
    ArgumentError
        When primals and tangents do not match.

    >>> import numpy as np
    >>> value, tangent = jvp(np.sin, (np.array([0.0, 1.0]),), (np.array([1.0, 0.0]),))
    >>> tangent
    array([1., 0.])
    """
    primals, tangents = _tuple(primals, "jvp", "primals"), _tuple(tangents, "jvp", "tangents")
    leaves, structure = flatten(primals)
    directions, other = flatten(tangents)
    if structure != other:
        raise ArgumentError(
            "jvp: the tangents are nested differently from the primals. Give one tangent for each "
            "primal, shaped alike."
        )
    with tracing() as trace:
        chosen, arguments = _traced(trace, leaves, structure)
        outputs, out_structure = record_outputs(trace, trace.run(f, *arguments))
        moving = [(k, t) for k, t in enumerate(chosen) if t is not None]
        seeds = [
            trace.input(_like(directions[k], leaves[k], structure.paths[k])).node for k, _ in moving
        ]
        sources = [t.node for _, t in moving]

        def pushed(outputs: Sequence[Node]) -> list[Node]:
            tangents = push(outputs, sources, seeds)
            pairs = zip(outputs, tangents, strict=True)
            return [*outputs, *(zeros(o.type) if t is None else t for o, t in pairs)]

        nodes = derive(("jvp", len(outputs), len(sources)), outputs, [*sources, *seeds], pushed)
        hand_over(trace)
    values = finish(nodes, trace.sources, trace.root.captured)
    n = len(outputs)
    if trace.parent is None:
        what = f"jvp of {getattr(f, '__name__', 'the function')}"
        watch(values[n:], trace, outputs, what, lambda: pushed(outputs)[n:])
    return out_structure.unflatten(values[:n]), out_structure.unflatten(values[n:])


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Pull]:
    """The value of ``f`` at ``primals``, and the function that pulls cotangents back.

    ``pull(cotangent)`` is a tuple with one entry for each argument: the transposed Jacobian (for
    complex numbers the adjoint) times the cotangent. It may be called any number of times.
    Arguments that have no derivative (integers, strings) get ``None``.

    >>> import numpy as np
    >>> value, pull = vjp(lambda x, y: x * y, np.array([1.0, 2.0]), 3.0)
    >>> pull(np.array([1.0, 1.0]))
    (array([3., 3.]), np.float64(3.0))
    """
    leaves, structure = flatten(primals)
    with tracing() as trace:
        chosen, arguments = _traced(trace, leaves, structure)
        outputs, out_structure = record_outputs(trace, trace.run(f, *arguments))
        hand_over(trace)
    captures = trace.root.captured
    values = finish(outputs, trace.sources, captures)
    inputs = [None if t is None else t.node for t in chosen]
    pulled = Pull(trace, outputs, out_structure, inputs, structure, captures)
    return out_structure.unflatten(values), pulled


class Pull:
    """The pullback of a function at a point; see :func:`vjp`."""

    def __init__(
        self,
        trace: Trace,
        outputs: list[Node],
        out_structure: Structure,
        inputs: list[Node | None],
        structure: Structure,
        captures: Mapping[Node, Any],
    ) -> None:
        self._trace = trace
        self._outputs, self._out_structure = outputs, out_structure
        self._inputs, self._structure = inputs, structure
        self._bindings, self._captures = trace.sources, captures

    def __call__(self, cotangent: Any) -> tuple[Any, ...]:
        """The cotangent of each argument."""
        given, structure = flatten(cotangent)
        if len(given) != len(self._outputs):
            raise ArgumentError(
                f"The cotangent has {structure.count} parts, and the function's value "
                f"{len(self._outputs)}. Give one for each, nested alike."
            )
        sources = [n for n in self._inputs if n is not None]
        level = max([1, *(n.level for n in sources)])
        seeds = [input_node(level, ("cotangent", k), o.type) for k, o in enumerate(self._outputs)]

        def pulled(outputs: Sequence[Node]) -> list[Node]:
            pairs = zip(sources, pull(outputs, sources, seeds), strict=True)
            return [zeros(x.type) if c is None else c for x, c in pairs]

        key = ("vjp", len(self._outputs), len(sources))
        nodes = derive(key, self._outputs, [*sources, *seeds], pulled)
        bindings = dict(self._bindings)
        for seed, output, value, path in zip(
            seeds, self._outputs, given, self._out_structure.paths, strict=True
        ):
            bindings[seed] = _like(value, symbolic(output), path or " of the value")
        values = finish(nodes, bindings, self._captures)
        if self._trace.parent is None and current() is None:
            derive_anew = partial(pulled, self._outputs)
            watch(values, self._trace, self._outputs, "the pullback", derive_anew, bindings)
        supply = iter(values)
        results = [None if n is None else next(supply) for n in self._inputs]
        answer: tuple[Any, ...] = self._structure.unflatten(results)
        return answer


def _tuple(value: Any, verb: str, what: str) -> tuple[Any, ...]:
    if not isinstance(value, tuple | list):
        raise ArgumentError(
            f"{verb}: the {what} are given as a {type(value).__name__}. Give a tuple with one entry "
            f"for each argument; for a single one write ({what[:-1]},)."
        )
    return tuple(value)


def _traced(
    trace: Trace, leaves: Sequence[Any], structure: Structure
) -> tuple[list[Tracer | None], Any]:
    """Each leaf that varies continuously as an input; the arguments with these in place."""
    chosen: list[Tracer | None] = []
    arguments = []
    for leaf in leaves:
        dtype = getattr(leaf, "dtype", None)
        continuous = isinstance(leaf, float | complex) or (dtype is not None and dtype.kind in "fc")
        made = trace.input(leaf) if continuous else None
        chosen.append(made)
        arguments.append(leaf if made is None else made)
    return chosen, structure.unflatten(arguments)


def _like(value: Any, model: Any, path: str) -> Any:
    """A tangent or cotangent cast to the dtype of its primal; refused if the shape differs."""
    if np.shape(value) != np.shape(model):
        raise ArgumentError(
            f"The direction {path} has shape {np.shape(value)}, and what it belongs to has "
            f"{np.shape(model)}. Give it that shape."
        )
    dtype = getattr(model, "dtype", None) or np.asarray(model).dtype
    if hasattr(value, "node"):
        return value if value.dtype == dtype else value.astype(dtype)
    array = np.asarray(value)
    if array.dtype.kind == "c" and dtype.kind != "c":
        raise ArgumentError(
            f"The direction {path} is complex, and what it belongs to is real. Give its real part."
        )
    return array if array.dtype == dtype else array.astype(dtype)
