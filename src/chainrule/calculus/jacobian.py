"""Whole Jacobians: every tangent or cotangent at once, seeded with the identity as a symbol.

The seed is the contraction ``->ii``, never an array of numbers, so the identity dissolves into a
renaming of indices wherever a contraction meets it, and what remains is the closed form.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Node, constant, input_node, node
from ..ops.contraction import einsum
from ..ops.structural import broadcast, transpose
from ..trace.recording import symbolic
from .batch import batch
from .pullback import pullback
from .pushforward import pushforward


def zeros(t: object) -> Node:
    """Zeros of a type, taking no memory."""
    shape, dtype = t.shape, t.dtype  # type: ignore[attr-defined]
    scalar = constant(dtype.type(0))
    return scalar if not shape else node(broadcast, (scalar,), (tuple(shape), ()))


def ones(t: object) -> Node:
    """Ones of a type, taking no memory."""
    shape, dtype = t.shape, t.dtype  # type: ignore[attr-defined]
    scalar = constant(dtype.type(1))
    return scalar if not shape else node(broadcast, (scalar,), (tuple(shape), ()))


def identity(x: Node) -> Node:
    """The identity on arrays like ``x``: shape ``x.shape + x.shape``."""
    letters = "abcdefghijklmnopqrstuvwxyz"[: x.type.ndim]
    if not letters:
        return ones(x.type)
    seed = node(
        einsum, (), (f"->{letters}{letters}", tuple(zip(letters, x.type.shape, strict=True)))
    )
    return symbolic(seed).astype(x.type.dtype).node  # type: ignore[no-any-return]


def _seeded(results: Sequence[Node], seed: Node, like: Node) -> list[Node]:
    """``results``, linear in the node ``seed``, with leading axes for every element of ``like``."""
    shape = like.type.shape
    nodes = list(results)
    current = seed
    for k in reversed(range(len(shape))):  # one axis at a time: indices stay apart
        if k == 0:
            wide = identity(like)
        else:
            wide = input_node(seed.level, ("seeds", k), like.type.with_shape(shape[k:] + shape))
        nodes = batch(nodes, {current: wide}, shape[k])
        current = wide
    return nodes


def forward_jacobian(outputs: Sequence[Node], x: Node) -> list[Node]:
    """The derivative of each output by ``x``, of shape ``output.shape + x.shape``, by tangents."""
    if not x.type.shape:
        tangents = pushforward(outputs, [x], [ones(x.type)])
        return [zeros(o.type) if t is None else t for o, t in zip(outputs, tangents, strict=True)]
    seed = input_node(x.level + 1, ("seed", 0), x.type)
    tangents = pushforward(outputs, [x], [seed])
    live = [t for t in tangents if t is not None]
    wide = iter(_seeded(live, seed, x))
    results = []
    for o, t in zip(outputs, tangents, strict=True):
        if t is None:
            results.append(zeros(o.type.with_shape(o.type.shape + x.type.shape)))
            continue
        result = symbolic(next(wide))
        n = x.type.ndim
        total = n + o.type.ndim
        results.append(transpose(result, [*range(n, total), *range(n)]).node)
    return results


def reverse_jacobian(output: Node, inputs: Sequence[Node]) -> list[Node]:
    """The derivative of ``output`` by each input, by cotangents."""
    if not output.type.shape:
        pulled = pullback([output], inputs, [ones(output.type)])
        return [zeros(x.type) if c is None else c for x, c in zip(inputs, pulled, strict=True)]
    seed = input_node(1 + max([output.level, *(x.level for x in inputs)]), ("seed", 0), output.type)
    pulled = pullback([output], inputs, [seed])
    live = [c for c in pulled if c is not None]
    wide = iter(_seeded(live, seed, output))
    return [
        zeros(x.type.with_shape(output.type.shape + x.type.shape)) if c is None else next(wide)
        for x, c in zip(inputs, pulled, strict=True)
    ]


def jacobian(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[list[Node]]:
    """``result[i][j]`` is the derivative of output ``i`` by input ``j``; the cheaper mode for each.

    Forward mode costs one pass for each element of the input, reverse mode one for each element
    of the output; at a tie forward mode, which stores nothing.
    """

    def pushed(x: Node, o: Node) -> bool:
        # A complex output is pushed to: pulling back gives the adjoint, not the Jacobian.
        return bool(x.type.size <= o.type.size or o.type.dtype.kind == "c")

    table: list[list[Node | None]] = [[None] * len(inputs) for _ in outputs]
    for j, x in enumerate(inputs):
        forward = [i for i, o in enumerate(outputs) if pushed(x, o)]
        for i, result in zip(
            forward, forward_jacobian([outputs[i] for i in forward], x), strict=True
        ):
            table[i][j] = result
    for i, output in enumerate(outputs):
        reverse = [j for j, x in enumerate(inputs) if not pushed(x, output)]
        if reverse:
            for j, result in zip(
                reverse, reverse_jacobian(output, [inputs[j] for j in reverse]), strict=True
            ):
                table[i][j] = result
    return [[n for n in row if n is not None] for row in table]
