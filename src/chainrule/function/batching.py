"""``vmap``: a function of one example becomes a function of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from ..calculus.batch import batch
from ..errors import ArgumentError
from ..ir.literal import Literal
from ..ir.node import Node
from ..ops.indexing import gather
from ..trace.recording import Guard, Trace, current, tracing
from ..trace.tracer import Tracer
from ..trace.tree import Structure, flatten
from .arguments import refuse_foreign
from .engine import finish, record_outputs


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0, **foreign: Any) -> Vectorized:
    """``f`` applied along an axis of its arguments, all examples at once.

    Parameters
    ----------
    f
        A function of one example.
    in_axes
        The axis of each argument that counts the examples: one for all, or a tuple with one entry
        for each argument (``None``: the same for every example; nested like the argument where
        parts of it differ).
    out_axes
        Where that axis goes in the results.

    A program that branches on values is traced once for each way that examples take: the branch
    conditions are evaluated for all examples, and those that differ are regrouped.

    >>> import numpy as np
    >>> from chainrule import grad
    >>> per_example = vmap(grad(lambda w, x: (w @ x) ** 2), in_axes=(None, 0))
    >>> per_example(np.array([1.0, 2.0]), np.eye(2))
    array([[2., 0.],
           [0., 4.]])
    """
    refuse_foreign("vmap", foreign)
    return Vectorized(f, in_axes, out_axes)


class Vectorized:
    """See :func:`vmap`."""

    verb = "vmap"

    def __init__(self, f: Callable[..., Any], in_axes: Any, out_axes: Any) -> None:
        if not callable(f):
            raise ArgumentError(
                f"vmap takes a function, and was given a {type(f).__name__}. Write vmap(f)(xs)."
            )
        self.function, self.in_axes, self.out_axes = f, in_axes, out_axes
        update_wrapper(self, f, updated=())
        self.__name__ = f"vmap({getattr(f, '__name__', type(f).__name__)})"

    def __reduce__(self) -> Any:
        return Vectorized, (self.function, self.in_axes, self.out_axes)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The results for all examples."""
        leaves, structure = flatten((args, keywords))
        axes = self._axes(args, keywords)
        size = _size(leaves, axes, structure)
        outer = current()
        if outer is not None:
            return self._batched(outer, leaves, axes, size, structure)
        with tracing() as trace:
            inputs = [
                leaf if axis is None else trace.input(_array(leaf))
                for leaf, axis in zip(leaves, axes, strict=True)
            ]
            result = self._batched(trace, inputs, axes, size, structure)
            outputs, out_structure = record_outputs(trace, result)
        return out_structure.unflatten(finish(outputs, trace.sources, trace.root.captured))

    def _axes(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> list[int | None]:
        """The batch axis of each leaf. Keyword arguments are batched along their first axis."""
        given = self.in_axes
        if isinstance(given, list):
            given = tuple(given)
        if not isinstance(given, tuple):
            given = (given,) * len(args)
        if len(given) != len(args):
            raise ArgumentError(
                f"vmap: in_axes has {len(given)} entries, and the call {len(args)} arguments. "
                "Give one for each."
            )
        axes: list[int | None] = []
        for axis, arg in zip(given, args, strict=True):
            axes.extend(_spread(axis, arg))
        for value in keywords.values():
            axes.extend(_spread(0, value))
        return axes

    def _batched(
        self,
        outer: Trace,
        leaves: Sequence[Any],
        axes: Sequence[int | None],
        size: int,
        structure: Structure,
    ) -> Any:
        """The results with their batch axis in place, recorded on ``outer``."""
        rows: list[Any] = [
            leaf if axis is None else moved(outer.lift(leaf), axis, 0)
            for leaf, axis in zip(leaves, axes, strict=True)
        ]
        waiting: list[np.ndarray] = [np.arange(size)]
        done: list[tuple[np.ndarray, list[Tracer]]] = []
        out_structure: Structure | None = None
        while waiting:
            group = waiting.pop()
            whole = len(group) == size
            part = [
                row if axis is None or whole else _rows(row, group)
                for row, axis in zip(rows, axes, strict=True)
            ]
            outputs, out_structure, agrees = self._one_path(
                outer, part, axes, len(group), structure
            )
            if agrees.all():
                done.append((group, outputs))
            else:  # examples that branch otherwise than the first are traced for themselves
                kept = np.flatnonzero(agrees)
                waiting.append(group[~agrees])
                waiting.append(group[kept])
        assert out_structure is not None
        results = done[0][1] if len(done) == 1 else _interleaved(done)
        positions = _spread(self.out_axes, out_structure.unflatten(results))
        placed = [
            moved(r, 0, axis) if axis else r for r, axis in zip(results, positions, strict=True)
        ]
        return out_structure.unflatten(placed)

    def _one_path(
        self,
        outer: Trace,
        rows: Sequence[Any],
        axes: Sequence[int | None],
        size: int,
        structure: Structure,
    ) -> tuple[list[Tracer], Structure, np.ndarray]:
        """Trace the first example, batch what it recorded, and see which examples decide alike."""
        env: dict[Node, Node] = {}
        with tracing() as trace:
            arguments = []
            for row, axis in zip(rows, axes, strict=True):
                if axis is None:
                    arguments.append(row)
                else:
                    made = trace.input(row[0])
                    env[made.node] = row.node
                    arguments.append(made)
            args, keywords = structure.unflatten(arguments)
            outputs, out_structure = record_outputs(
                trace, trace.run(self.function, *args, **keywords)
            )
            guards = [g for g in trace.guards if g.node.level == trace.level]
        wide = batch([*outputs, *(g.node for g in guards)], env, size)
        agrees = np.ones(size, bool)
        for guard, n in zip(guards, wide[len(outputs) :], strict=True):
            values = outer.value(n)
            agrees &= np.array([guard.holds(v) for v in values], bool)
            # How the examples were grouped is a decision of the enclosing trace.
            decided: Any = Literal(values)  # a decision that is the array itself
            if guard.kind is not Literal:
                decided = tuple(guard.kind(v) for v in np.ravel(values))
            outer.guards.append(Guard(n, guard.kind, decided, guard.mark))
        outer.guards.extend(g for g in trace.guards if g.node.level < trace.level)
        return [Tracer(n, outer) for n in wide[: len(outputs)]], out_structure, agrees


def _spread(axis: Any, tree: Any) -> list[Any]:
    """One axis for each leaf of ``tree``; ``axis`` is a number, or nests like the tree's top."""
    if axis is None or isinstance(axis, int):
        return [axis] * flatten(tree)[1].count
    pairs: list[Any] = []
    if isinstance(tree, dict) and isinstance(axis, dict):
        for key, value in tree.items():
            pairs.extend(_spread(axis.get(key), value))
    elif (
        isinstance(tree, tuple | list) and isinstance(axis, tuple | list) and len(tree) == len(axis)
    ):
        for a, value in zip(axis, tree, strict=True):
            pairs.extend(_spread(a, value))
    else:
        raise ArgumentError(
            f"vmap: the axes {axis!r} do not nest like the argument they are for. "
            "Give one number for all of it, or nest them alike."
        )
    return pairs


def moved(x: Any, source: int, destination: int) -> Any:
    """As :func:`numpy.moveaxis`, on what is traced."""
    return np.moveaxis(x, source, destination)


def _rows(x: Any, index: np.ndarray) -> Any:
    """The examples of ``x`` at ``index``."""
    return gather(x, (index,), (-np.ndim(x),))


def _array(leaf: Any) -> Any:
    return leaf if type(leaf) is Tracer else np.asarray(leaf)


def _size(leaves: Sequence[Any], axes: Sequence[int | None], structure: Structure) -> int:
    """The number of examples, which all batched leaves must agree on."""
    sizes = {}
    for leaf, axis, path in zip(leaves, axes, structure.paths, strict=True):
        if axis is None:
            continue
        shape = np.shape(leaf)
        if not -len(shape) <= axis < len(shape):
            raise ArgumentError(
                f"vmap: argument {path} has shape {shape}, which has no axis {axis}. "
                "Use in_axes=None for what is not batched."
            )
        sizes[path] = int(shape[axis])
    if not sizes:
        raise ArgumentError("vmap: no argument is batched. Give at least one an axis in in_axes.")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{path}: {n}" for path, n in sizes.items())
        raise ArgumentError(
            f"vmap: the arguments have different numbers of examples ({listed}). "
            "Give all the same, or use in_axes=None for what is not batched."
        )
    (size,) = set(sizes.values())
    if size == 0:
        raise ArgumentError(
            "vmap: there are no examples, the batch axis has length 0. Give at least one."
        )
    return size


def _interleaved(done: Sequence[tuple[np.ndarray, list[Tracer]]]) -> list[Any]:
    """Results of the groups, put back in the order of the examples."""
    order = np.argsort(np.concatenate([group for group, _ in done]))
    return [
        _rows(np.concatenate([outputs[k] for _, outputs in done], axis=0), order)
        for k in range(len(done[0][1]))
    ]
