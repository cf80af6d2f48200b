"""A sum of squares read from a program: ``sum(r²)``, means and halves of it, weights, ridges.

What is found are residuals ``r`` with ``f(x) = Σ rᵢ(x)² + constant``. Their Jacobian gives the
Gauss-Newton matrix ``2 JᵀJ``, which is never indefinite, and least squares its own methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ChainruleError
from ..function.derivatives import Derivative
from ..ir.graph import dependents, toposort
from ..ir.node import CONSTANT, Node
from ..ops.arithmetic import add, divide, multiply, power, square, subtract
from ..ops.contraction import einsum
from ..ops.structural import broadcast, reduce_sum
from ..trace.recording import symbolic
from ..trace.tree import Structure


class NoSquares(ChainruleError):
    """A function that is not written as a sum of squares."""


class Residuals(Derivative):
    """``Residuals(f)(x)`` is the vector of what ``f`` is the sum of squares of.

    Raises `NoSquares` where ``f`` is not written as one. A residual whose weight is negative is
    NaN: that is a matter of numbers.

    >>> import numpy as np
    >>> X, y = np.eye(2), np.array([1.0, 3.0])
    >>> Residuals(lambda w: np.mean((X @ w - y) ** 2) + 4 * w[0] ** 2)(np.ones(2)) ** 2
    array([0., 2., 4.])
    """

    verb = "residuals"

    def derive(
        self, outputs: Sequence[Node], inputs: Sequence[Node], directions: Sequence[Node]
    ) -> Sequence[Node]:
        """The residuals, as one vector."""
        found = residuals(outputs[0], inputs)
        parts = [np.reshape(r, -1) for r in found]
        made: Any = np.concatenate(parts) if len(parts) > 1 else parts[0]
        return [made.node]

    def assemble(self, values: Sequence[Any], chosen: Any, structure: Structure) -> Any:
        """The vector."""
        return values[0]


def residuals(output: Node, inputs: Sequence[Node]) -> list[Any]:
    """Arrays ``r`` with ``output = Σ sum(r²)`` and what does not depend on the inputs, as nodes."""
    level = max(x.level for x in inputs)
    moving = dependents(toposort([output], level), inputs)
    found: list[Any] = []
    open_: list[tuple[Node, Any]] = [(output, None)]
    while open_:
        n, weight = open_.pop()
        if n not in moving:
            continue  # a constant moves no minimum
        taken = _term(n, weight, moving)
        if taken is None:
            raise NoSquares(f"A sum of squares was looked for, and {n.op.name} is none.")
        inner, root = taken
        open_.extend(inner)
        if root is not None:
            found.append(root if weight is None else np.sqrt(weight) * root)
    if not found:
        raise NoSquares("The value does not depend on the unknowns.")
    return found[::-1]


def _term(n: Node, weight: Any, moving: Any) -> tuple[list[tuple[Node, Any]], Any] | None:
    """What is left of a term with its weight: further terms, and the root of a square."""
    op, args = n.op, n.args
    if op is add:
        return [(a, weight) for a in args], None
    if op is subtract and args[1] not in moving:
        return [(args[0], weight)], None
    if op is multiply:
        if args[0] is args[1]:
            return [], symbolic(args[0])
        for inner, factor in (args, args[::-1]):
            if factor not in moving:
                return [(inner, _times(weight, symbolic(factor)))], None
        return None
    if op is divide and args[1] not in moving:
        over: Any = symbolic(args[1])
        return [(args[0], _times(weight, 1 / over))], None
    if op is square:
        return [], symbolic(args[0])
    if op is power:
        return _even(n)
    if op is reduce_sum:
        return [(args[0], _spread(weight, n.params[0]))], None
    if op is broadcast and not args[0].type.shape:  # one number, as often as there are elements
        often = n.type.size if weight is None else np.sum(np.broadcast_to(weight, n.type.shape))
        return [(args[0], often)], None
    if op is einsum:
        return _inner(n, weight)
    return None


def _times(weight: Any, factor: Any) -> Any:
    return factor if weight is None else weight * factor


def _spread(weight: Any, axes: tuple[int, ...]) -> Any:
    """A weight of sums as one of what was summed."""
    if weight is None or not np.ndim(weight):
        return weight
    return np.expand_dims(weight, axes)


def _even(n: Node) -> tuple[list[Any], Any] | None:
    """The root of an even power."""
    exponent = n.args[1]
    while exponent.op is broadcast:
        (exponent,) = exponent.args
    if exponent.op is not CONSTANT or exponent.type.shape:
        return None
    value = float(exponent.params[0].array)
    if value <= 0 or value % 2:
        return None
    base: Any = symbolic(n.args[0])
    return [], base if value == 2 else base ** (value / 2)


def _inner(n: Node, weight: Any) -> tuple[list[Any], Any] | None:
    """The root of a product of an array with itself, summed over some of its axes."""
    if len(n.args) != 2 or n.args[0] is not n.args[1]:
        return None
    terms, result = n.params[0].split("->")
    first, second = terms.split(",")
    kept = [letter for letter in first if letter in result]
    if first != second or len(set(first)) < len(first) or "".join(kept) != result:
        return None
    summed = tuple(k - len(first) for k, letter in enumerate(first) if letter not in result)
    root: Any = symbolic(n.args[0])
    if weight is None or not np.ndim(weight):
        return [], root
    return [], np.sqrt(_spread(weight, summed)) * root / np.sqrt(weight)
