"""Integrals of one variable: ``integral`` holds the integrand as a graph, and is evaluated by SciPy.

Differentiation under the integral sign, with Leibniz' terms at the limits: the tangent of
``∫ₐᵇ f(t, p) dt`` is ``∫ₐᵇ ∂f/∂p · dp dt + f(b) db − f(a) da``. Each is an integral of its own,
adapted to its own integrand, so a derivative is as accurate as the value.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UndefinedDerivative
from ..ir.graph import Graph, dependents
from ..ir.node import Node, input_node
from ..ir.primitive import Array, Maybe
from ..ir.types import ArrayType, TupleType
from .arithmetic import floor_divide, multiply
from .bodies import conformed, fit, planned, typed, variable, zero
from .control import Walk, inlined
from .implicit import EachExample
from .transcendental import exp

Options = tuple[tuple[str, Any], ...]
#: What an integral that is a derivative is computed to.
_OWN: Options = (("epsabs", 1e-11), ("epsrel", 1e-11), ("limit", 200))
#: The most numbers that are integrated one by one.
_FEW = 12


class Integral(EachExample):
    """``∫ body(t, *p) dt`` from ``a`` to ``b``; the operands are ``a``, ``b``, then ``p``."""

    name = "integral"
    parameters = ("body", "options")
    text = "integral({args})"

    def __call__(
        self, body: Graph, operands: Sequence[Array], options: Options = _OWN
    ) -> tuple[Array, ...]:
        """The integrals of the outputs of ``body``."""
        return tuple(self.bind(tuple(operands), body.closed(), options))

    def infer(self, types: Sequence[ArrayType], body: Graph, options: Options) -> TupleType:
        fit("operand", types[2:], body.inputs[1:])
        if any(t.dtype.kind not in "fiu" or t.shape for t in types[:2]):
            raise TypeError("the limits of an integral are real numbers")
        return TupleType(tuple(o.type.strong() for o in body.outputs))

    def evaluate(self, arrays: Sequence[Any], body: Graph, options: Options) -> tuple[Any, ...]:
        a, b, *p = arrays
        for name, value in options:
            if name == "unbroken":
                check_jumps(value, float(a), float(b), p[: len(value.inputs) - 1])
        types = [o.type for o in body.outputs]
        sizes = [t.size for t in types]
        run, dtype = planned(body).run, body.inputs[0].type.dtype
        tail = next((v for k, v in options if k == "tail"), None)

        def flat(t: Any) -> np.ndarray:
            outputs = run([dtype.type(t), *p])
            numbers = np.concatenate([np.ravel(y) for y in outputs]) if outputs else np.zeros(0)
            return numbers if tail is None else _beyond(numbers, tail, dtype.type(t), p)

        words = {k: v for k, v in options if k not in ("unbroken", "tail")}
        numbers = _integrated(flat, float(a), float(b), sum(sizes), words)
        parts = np.split(numbers, np.cumsum(sizes)[:-1])
        return tuple(
            np.asarray(x, t.dtype).reshape(t.shape)[()] for x, t in zip(parts, types, strict=True)
        )

    def jvp(
        self, out: Any, args: Sequence[Array], tangents: Sequence[Maybe], body: Graph,
        options: Options, walk: Walk,
    ) -> tuple[Maybe, ...]:  # fmt: skip
        t, *p = body.inputs
        a, b, *given = args
        seeds = {
            k: variable("tangent", k, v) for k, v in enumerate(p) if tangents[2 + k] is not None
        }
        results: list[Maybe] = [None] * len(body.outputs)
        if seeds:
            pushed = walk(body.outputs, [p[k] for k in seeds], list(seeds.values()))
            if steps(body, [p[k] for k in seeds]):  # zero or not, it is looked for jumps
                pushed = [
                    zero(o.type) if n is None else n
                    for n, o in zip(pushed, body.outputs, strict=True)
                ]
            live = {
                k: typed(n, o)
                for k, (n, o) in enumerate(zip(pushed, body.outputs, strict=True))
                if n is not None
            }
            if live:
                operands = [*given, *(conformed(tangents[2 + k], s) for k, s in seeds.items())]
                found = self._integrals(
                    (t, *p, *seeds.values()), live.values(), [a, b, *operands], body, options
                )
                results = _with(results, dict(zip(live, found, strict=True)))
        for limit, tangent, sign in ((b, tangents[1], 1), (a, tangents[0], -1)):
            if tangent is not None:
                ends = inlined(body, [limit, *given])
                results = [
                    _plus(r, sign * (tangent * y)) for r, y in zip(results, ends, strict=True)
                ]
        return tuple(results)

    def pullback(
        self, out: Any, ct: Sequence[Maybe], args: Sequence[Array], wanted: Sequence[bool],
        body: Graph, options: Options, walk: Walk,
    ) -> Sequence[Maybe]:  # fmt: skip
        t, *p = body.inputs
        a, b, *given = args
        results: list[Maybe] = [None] * len(args)
        seeds = {
            k: variable("cotangent", k, o) for k, o in enumerate(body.outputs) if ct[k] is not None
        }
        moving = [k for k in range(len(p)) if wanted[2 + k]]
        if moving and seeds:
            pulled = walk(
                [body.outputs[k] for k in seeds], [p[k] for k in moving], list(seeds.values())
            )
            if steps(body, [p[k] for k in moving]):
                pulled = [
                    zero(p[k].type) if n is None else n for k, n in zip(moving, pulled, strict=True)
                ]
            live = {
                2 + k: typed(n, p[k]) for k, n in zip(moving, pulled, strict=True) if n is not None
            }
            if live:
                operands = [*given, *(conformed(ct[k], s) for k, s in seeds.items())]
                found = self._integrals(
                    (t, *p, *seeds.values()), live.values(), [a, b, *operands], body, options
                )
                results = _with(results, dict(zip(live, found, strict=True)))
        for k, limit, sign in ((1, b, 1), (0, a, -1)):
            if wanted[k] and seeds:
                ends = inlined(body, [limit, *given])
                parts = [np.sum(ct[i] * ends[i]) for i in seeds]
                results[k] = sign * sum(parts[1:], parts[0])
        return results

    def _integrals(
        self, inputs: Sequence[Node], outputs: Any, operands: Sequence[Array], body: Graph,
        options: Options,
    ) -> tuple[Array, ...]:  # fmt: skip
        """Integrals of derivatives of ``body``, which must not jump where its parameters say."""
        kept = tuple((k, v) for k, v in options if k in ("points", "tail"))
        if not any(k == "tail" for k, _ in kept):
            kept += (("tail", body.closed()),)
        if steps(body):
            kept += (("unbroken", body.closed()),)
        return self(Graph(tuple(inputs), tuple(outputs)), operands, _OWN + kept)

    def examples(self) -> Sequence[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        t, p = (input_node(1, k, ArrayType((), np.dtype(float))) for k in range(2))
        body = Graph((t, p), (exp.build((multiply.build((t, p)),)), multiply.build((t, p))))
        return (((np.float64(0.2), np.float64(1.1), np.float64(0.7)), (body.closed(), _OWN)),)


def _beyond(numbers: np.ndarray, tail: Graph, t: Any, p: Sequence[Any]) -> np.ndarray:
    """The derivatives of an integrand at ``t``, zero where it has underflowed to zero itself.

    Far out on a half line ``x³ / (eˣ − 1)`` is 0, and the formula of its derivative ``∞ / ∞``.
    """
    lost = np.isnan(numbers)
    if lost.any():
        values = planned(tail).run([t, *p[: len(tail.inputs) - 1]])
        if all(np.all(np.asarray(y) == 0) for y in values):
            return np.where(lost, 0.0, numbers)
    return numbers


def _plus(x: Maybe, y: Array) -> Array:
    return y if x is None else x + y


def _with(results: Sequence[Maybe], found: dict[int, Array]) -> list[Maybe]:
    return [found.get(k, r) for k, r in enumerate(results)]


def _integrated(f: Any, a: float, b: float, count: int, options: dict[str, Any]) -> np.ndarray:
    """The integrals of ``count`` numbers."""
    from scipy.integrate import quad, quad_vec

    if np.isnan(a) or np.isnan(b) or not count:
        return np.full(count, np.nan)
    own = tuple(options.items())[: len(_OWN)] == _OWN
    if count <= _FEW or not own:
        values = np.zeros(count)
        for k in range(count):
            with warnings.catch_warnings():
                if own:
                    warnings.simplefilter("ignore")
                values[k], error = quad(lambda t, k=k: f(t)[k], a, b, **options)[:2]
            if own:
                _check(values[k], error)
        return values
    points = options.get("points")
    value, error = quad_vec(f, a, b, epsabs=1e-11, epsrel=1e-11, norm="max", points=points)
    _check(np.max(np.abs(value)), error)
    return np.asarray(value)


def _check(value: Any, error: float) -> None:
    if not error <= 1e-6 * (1 + abs(value)):
        raise UndefinedDerivative(
            f"the derivative of an integral is an integral that does not converge: {value:.6g} "
            f"with an error of {error:.1g}. Split the integral where its integrand is not smooth, "
            "or substitute a variable in which it is."
        )


# -- jumps -----------------------------------------------------------------------------------------


def steps(body: Graph, moving: Sequence[Node] | None = None) -> list[Node]:
    """Operations of an integrand that jump at places which depend on its parameters."""
    t, *p = body.inputs
    by_t = dependents(body.order, [t])
    by_p = dependents(
        body.order, [v for v in p if v.type.differentiable] if moving is None else moving
    )
    found = []
    for n in body.order:
        if n in by_t and n in by_p and type(n.type) is ArrayType:
            partials = getattr(n.op, "partials", None)
            if n.op.name == "remainder":
                found.append(floor_divide.build(n.args))
            elif not n.type.differentiable or (
                partials is not None and all(p is None for p in partials)
            ) or n.op.name == "heaviside":  # fmt: skip
                found.append(n)
    return found


def places(a: float, b: float, count: int = 400) -> np.ndarray:
    """Places between the limits, wherever these are."""
    a, b = min(a, b), max(a, b)
    u = (np.arange(count) + 0.5) / count
    if np.isfinite(a) and np.isfinite(b):
        return a + u * (b - a)
    s = u / (1 - u)
    if np.isfinite(a):
        return a + s
    return b - s[::-1] if np.isfinite(b) else np.concatenate([-s[::-1], s])


def check_jumps(body: Graph, a: float, b: float, given: Sequence[Any]) -> None:
    """Refuse to differentiate an integrand that jumps at a place which depends on the parameters.

    Differentiation under the integral sign would miss what the moving jump adds. Where its
    comparisons change their minds, the values on both sides are compared.
    """
    t = body.inputs[0].type.dtype.type
    switches, value = planned(Graph(body.inputs, tuple(steps(body)))).run, planned(body).run

    def state(x: float) -> bytes:
        return b"".join(np.asarray(y).tobytes() for y in switches([t(x), *given]))

    def heights(x: float) -> np.ndarray:
        return np.concatenate([np.ravel(y) for y in value([t(x), *given])])

    spots = places(a, b)
    states = [state(x) for x in spots]
    scale = np.max([np.abs(np.nan_to_num(heights(x))) for x in spots[::8]], axis=0)
    for k in range(len(spots) - 1):
        low, high, left = spots[k], spots[k + 1], states[k]
        if left == states[k + 1]:
            continue
        while low < (middle := 0.5 * (low + high)) < high:
            low, high = (middle, high) if state(middle) == left else (low, middle)
        below, above = heights(low), heights(high)
        if not np.all(np.abs(above - below) <= 1e-7 * (scale + np.abs(below))):
            raise UndefinedDerivative(
                f"an integrand jumps at {low:.6g}, a place that may depend on the parameters, and "
                "the integral is differentiated by them. Split it there into two: a limit may "
                "depend on the parameters."
            )


integral = Integral()
