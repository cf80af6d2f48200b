"""What a primitive is: one object that answers every question a walk asks of an operation.

A subclass of :class:`Primitive` is a *kind* (elementwise, reduction, contraction, ...): it answers
each question once for all its members. An instance is a primitive: a row of data.

Rules receive and return array-likes. They are written in NumPy, so they compute on arrays and
record on traced arrays; a rule can be tested without any differentiation engine, and the
primitives need not know the tracer: whatever has a ``__record__`` method is asked to record.

The vocabulary, used throughout: the *primal* is the function's own value; a *tangent* is a
direction of change of a primal, pushed forward from arguments to result; a *cotangent* is the
sensitivity of a final scalar to a primal, pulled back from result to arguments. ``None`` stands
for a tangent or cotangent that is structurally zero.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from .node import Node
    from .types import ArrayType, Type

#: An ndarray, a scalar, or a traced array: what rules compute with.
Array = Any
Maybe = Any  # Array | None, for a structural zero


class Primitive:
    """The questions every operation answers. ``params`` are a node's static parameters.

    ========================================  ====================================================
    ``infer(types, *params)``                 the type of the result
    ``evaluate(arrays, *params)``             its value: the reference semantics, in NumPy
    ``evaluator(types, *params)``             a function of the arrays, planned once per node
    ``jvp(out, args, tangents, *params)``     the tangent of the result
    ``pullback(out, ct, args, wanted, ...)``  cotangents of the ``wanted`` arguments
    ``batch(args, batched, size, *params)``   the same operation with one more leading axis
    ``dependence(i, types, type, *params)``   which results depend on which elements of argument i
    ``build(nodes, *params)``                 the node(s) that record it: explicit casts, broadcasts
    ========================================  ====================================================

    Axes among the parameters count from the right, so that a leading batch axis changes none.
    """

    name: str
    #: Names of the parameters, for printing and for the reference page.
    parameters: ClassVar[tuple[str, ...]] = ()
    #: Notation: a template over the operands, its LaTeX, and its binding strength.
    text: str = ""
    latex: str = ""
    precedence: int = 9
    #: Positions in which the result is linear when the other arguments are held fixed.
    linear_in: tuple[int, ...] = ()
    #: Whether each result is a sum of some elements of the only argument.
    sums: bool = False
    #: Whether running it can raise on values (``LinAlgError``): such nodes run while tracing.
    raises: bool = False

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return _primitive, _home(self)

    # -- recording or computing ------------------------------------------------------------------

    def bind(self, args: Sequence[Array], *params: Any) -> Array:
        """Record on the first argument that records, else compute."""
        for arg in args:
            record = getattr(type(arg), "__record__", None)
            if record is not None:
                return record(arg, self, args, params)
        for k, arg in enumerate(args):  # an array in which traced values were stored is one itself
            ask = getattr(type(arg), "__trace__", None)
            trace = None if ask is None else ask(arg)
            if trace is not None:
                return self.bind([*args[:k], trace.lift(arg), *args[k + 1 :]], *params)
        return self.evaluate(args, *params)

    def build(self, nodes: tuple[Node, ...], *params: Any) -> Node:
        """The node that records this operation on ``nodes``."""
        from .node import node  # the one cycle of the IR: nodes hold primitives

        return node(self, nodes, params)

    def handed(self, walk: Callable[..., Any]) -> tuple[Any, ...]:
        """What a walk hands to its rule after the node's parameters: nothing.

        A rule of an operation that holds graphs is handed the walk itself, to apply to them. So
        operations need not know the walks, nor the walks the operations.
        """
        return ()

    # -- what a kind must answer -----------------------------------------------------------------

    def infer(self, types: Sequence[ArrayType], *params: Any) -> Type:
        """The type of the result."""
        raise NotImplementedError(f"{self.name} has no type rule")

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        """The value of the result, by NumPy."""
        raise NotImplementedError(f"{self.name} has no reference evaluation")

    def evaluator(self, types: Sequence[ArrayType], *params: Any) -> Callable[..., Any]:
        """A function of the arrays alone; a kind that plans (``einsum``) does so here, once."""
        evaluate = self.evaluate
        return lambda *arrays: evaluate(arrays, *params)

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any
    ) -> Maybe:
        """Push tangents forward. The default is linearity in each of ``linear_in``."""
        live = [i for i, t in enumerate(tangents) if t is not None]
        if not all(i in self.linear_in for i in live):
            raise NotImplementedError(f"{self.name} has no derivative rule")
        return total(self.bind([*args[:i], tangents[i], *args[i + 1 :]], *params) for i in live)

    #: Pull a cotangent back to the wanted arguments. ``None`` on a kind that has only a ``jvp``:
    #: the walk then linearises the one operation and transposes that.
    pullback: Callable[..., Sequence[Maybe]] | None = None

    def apart(self, types: Sequence[ArrayType], *params: Any) -> int | tuple[int, ...] | None:
        """How the result falls into rows that have nothing to do with each other, if it does.

        A number says that the first so many axes of all arguments and results are those of a
        stack; axes, counted from the right, that along these elements depend on one another, and
        that arguments and results have one shape.
        """
        return None

    def sum_key(self, *params: Any) -> Any:
        """Nodes of this operation with equal keys and types add up to one node: ``sum_of`` them.

        ``None`` says that they do not.
        """
        return None

    def sum_of(self, nodes: Sequence[Node]) -> Node:
        """The sum of several nodes of this operation, as one."""
        raise NotImplementedError

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, *params: Any
    ) -> Array:
        """The same operation where the ``batched`` arguments have one more leading axis."""
        raise NotImplementedError(f"{self.name} has no batching rule")

    def dependence(
        self, i: int, types: Sequence[ArrayType], out: ArrayType, *params: Any
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Pairs (flat index of result, flat index of argument ``i``) that may depend.

        ``None`` says that every element of the result may depend on every element of it.
        """
        return None

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Arguments and parameters on which the laws are tested: ``((arrays, params), ...)``."""
        return ()


def total(terms: Any) -> Maybe:
    """The sum of tangents or cotangents, where ``None`` is a structural zero."""
    result = None
    for term in terms:
        if term is not None:
            result = term if result is None else result + term
    return result


@cache
def _home(primitive: Primitive) -> tuple[str, str]:
    """The module and the name in it by which a primitive is found again."""
    kind = type(primitive).__module__.rpartition(".")[0]
    found = [
        (
            not module.startswith(kind),
            module,
            name,
        )  # a row beside its kind goes before an import of it
        # Copies are made in one step; other threads may run between any two pairs of a list.
        for module, namespace in sys.modules.copy().items()
        for name, value in dict(getattr(namespace, "__dict__", {})).items()
        if value is primitive
    ]
    if not found:
        raise PicklingError(f"the primitive {primitive.name!r} is not a global name of any module")
    _, module, name = min(found)
    return module, name


def _primitive(module: str, name: str) -> Primitive:
    """Find a primitive again when a graph is unpickled."""
    found = getattr(import_module(module), name)
    assert isinstance(found, Primitive)
    return found
