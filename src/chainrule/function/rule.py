"""A derivative rule of the user's: what it gets, what it must return, how it runs on values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..calculus.jacobian import zeros
from ..calculus.pullback import pullback as pull
from ..errors import ChainruleError, UnsupportedFunction
from ..ir.primitive import Array, Maybe, Primitive
from ..ir.types import ArrayType, Type
from ..trace.recording import tracing
from ..trace.stack import suspended
from .engine import evaluate
from .signature import (
    Signature,
    aligned,
    filled,
    fitted,
    fitted_value,
    for_all,
    joined,
    packed,
    spread,
)


class Rule:
    """A ``jvp`` (``forward``) or a ``vjp``, and the two operations that run it on values."""

    def __init__(self, name: str, function: Callable[..., Any], *, forward: bool) -> None:
        self.name = name
        self.function = function
        self.forward = forward
        self.native = Linear(self, forward=forward)
        self.transposed = Linear(self, forward=not forward)

    @property
    def verb(self) -> str:
        """The rule as messages call it."""
        return f"the {'jvp' if self.forward else 'vjp'} of {self.name}"

    def ends(self, signature: Signature) -> tuple[list[ArrayType], list[ArrayType]]:
        """The types of the rule's directions, and of what it returns."""
        here_ = [signature.types[k].strong() for k in signature.moving]
        there = [signature.result_types[k] for k in signature.moving_results]
        return (here_, there) if self.forward else (there, here_)

    def parts(self, found: Any, signature: Signature) -> list[Any]:
        """What the rule returned, leaf by leaf, for everything that moves."""
        if self.forward:
            leaves = aligned(found, signature.results, self.verb, "the result")
            return [leaves[k] for k in signature.moving_results]
        structure = signature.arguments
        if len(structure.children) == 1 and not (isinstance(found, tuple) and len(found) == 1):
            found = (found,)
        leaves = aligned(found, structure, self.verb, "the arguments")
        kept = [x for x, f in zip(leaves, signature.fixed, strict=True) if f is None]
        return [kept[k] for k in signature.moving]


class Linear(Primitive):
    """A rule that runs on values: linear in the directions, which follow the primals.

    In the direction that the rule does not go, it is transposed on the spot.
    """

    def __init__(self, rule: Rule, *, forward: bool) -> None:
        self.rule = rule
        self.forward = forward
        self.name = f"{'jvp' if forward else 'vjp'}_{rule.name}"
        self.text = f"{self.name}({{0}})"

    def __reduce__(self) -> Any:
        return _direction, (self.rule, self.forward)

    @property
    def adjoint(self) -> Linear:
        """The same rule in the other direction."""
        return self.rule.transposed if self.forward == self.rule.forward else self.rule.native

    def _targets(self, signature: Signature) -> list[ArrayType]:
        if self.forward:
            return [signature.result_types[k] for k in signature.moving_results]
        return [signature.types[k].strong() for k in signature.moving]

    def infer(self, types: Sequence[ArrayType], signature: Signature) -> Type:
        return joined(self._targets(signature), signature.sizes)

    def evaluate(self, arrays: Sequence[Any], signature: Signature) -> Any:
        count = len(signature.types)

        def one(values: Sequence[Any]) -> list[Any]:
            if self.forward == self.rule.forward:
                return self._native(values[:count], values[count:], signature)
            return self._transposed(values[:count], values[count:], signature)

        return packed(for_all(arrays, signature.sizes, self._targets(signature), one))

    def _native(
        self, primals: Sequence[Any], directions: Sequence[Any], signature: Signature
    ) -> list[Any]:
        rule = self.rule
        with suspended():
            found = rule.function(
                signature.nested(primals), signature.directions(directions, forward=rule.forward)
            )
        parts = rule.parts(found, signature)
        _, targets = rule.ends(signature)
        return [fitted_value(p, t, rule.verb) for p, t in zip(parts, targets, strict=True)]

    def _transposed(
        self, primals: Sequence[Any], weights: Sequence[Any], signature: Signature
    ) -> list[Any]:
        """The transpose of the rule at these primals: recorded in its directions, if it can be."""
        rule = self.rule
        sources, targets = rule.ends(signature)
        with tracing() as trace:
            directions = [trace.input(np.zeros(t.shape, t.dtype)) for t in sources]
            seeds = [trace.input(np.asarray(w)).node for w in weights]
            try:
                found = rule.function(
                    signature.nested(primals),
                    signature.directions(directions, forward=rule.forward),
                )
                parts = rule.parts(found, signature)
                nodes = [
                    fitted(p, t, rule.verb, trace) for p, t in zip(parts, targets, strict=True)
                ]
            except Exception:  # noqa: BLE001 - whatever compiled code says of traced arrays
                nodes = None
            recorded = nodes is not None and not (trace.refusals or trace.guards)
            trace.refusals.clear()  # where it cannot be recorded it runs on values
            if nodes is not None and recorded:
                pulled = pull(nodes, [d.node for d in directions], seeds)
                wanted = [
                    zeros(t) if c is None else c for c, t in zip(pulled, sources, strict=True)
                ]
                return evaluate(wanted, trace.sources, trace.root.captured)
        return self._by_columns(primals, weights, sources, signature)

    def _by_columns(
        self,
        primals: Sequence[Any],
        weights: Sequence[Any],
        sources: Sequence[ArrayType],
        signature: Signature,
    ) -> list[Any]:
        """The transpose from one run of the rule for each element of its directions."""
        results = []
        for k, t in enumerate(sources):
            flat = np.zeros(t.size, t.dtype)
            for i in range(t.size):
                for unit in (1, 1j) if t.dtype.kind == "c" else (1,):
                    directions = [np.zeros(s.shape, s.dtype) for s in sources]
                    directions[k].flat[i] = unit
                    column = self._native(primals, directions, signature)
                    pairs = zip(column, weights, strict=True)
                    flat[i] += unit * sum(float(np.sum(np.conj(c) * w).real) for c, w in pairs)
            results.append(flat.reshape(t.shape)[()])
        return results

    def jvp(
        self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], signature: Signature
    ) -> Maybe:
        count = len(signature.types)
        if any(t is not None for t in tangents[:count]):
            raise self._first_order_only()
        directions = filled(tangents[count:], args[count:])
        return self.bind([*args[:count], *directions], signature)

    def pullback(
        self,
        out: Array,
        ct: Any,
        args: Sequence[Array],
        wanted: Sequence[bool],
        signature: Signature,
    ) -> Sequence[Maybe]:
        count = len(signature.types)
        if any(wanted[:count]):
            raise self._first_order_only()
        cts = ct if isinstance(ct, tuple) else (ct,)
        outs = out if isinstance(out, tuple) else (out,)
        found = self.adjoint.bind([*args[:count], *filled(cts, outs)], signature)
        return [None] * count + (list(found) if isinstance(found, tuple) else [found])

    def _first_order_only(self) -> ChainruleError:
        return UnsupportedFunction(
            f"{self.rule.verb} calls code that chainrule cannot look into, so it gives first "
            "derivatives only, and a second one was asked for. Write the rule in NumPy, with the "
            "compiled parts as functions of custom_derivative in their turn."
        )

    def batch(
        self, args: Sequence[Array], batched: Sequence[bool], size: int, signature: Signature
    ) -> Array:
        return self.bind(
            spread(args, batched, size), replace(signature, sizes=(size, *signature.sizes))
        )


def _direction(rule: Rule, forward: bool) -> Linear:
    return rule.native if forward == rule.forward else rule.transposed
