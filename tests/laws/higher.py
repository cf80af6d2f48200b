"""Laws of the second and third derivatives."""

from __future__ import annotations

import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.ir.node import input_node
from tests.laws.arguments import Case, direction
from tests.laws.linear import Linear, is_single, pull, push
from tests.laws.truth import assert_close, assert_slope, real_inner


def second_derivative(case: Case) -> None:
    """It is symmetric, and the slope of the first; reverse mode differentiates to the same."""
    linear = Linear(case)
    first = push(linear)
    live = [n for n in first if n is not None]
    if not live or any(map(is_single, live)):
        return
    one = pushforward(live, linear.sources, linear.seconds)
    swapped = pushforward(
        [n for n in pushforward(linear.outputs, linear.sources, linear.seconds) if n is not None],
        linear.sources,
        linear.tangents,
    )
    a, b = linear.values(one), linear.values(swapped)
    expected = linear.along(live, linear.seconds)
    for p, q, truth in zip(a, b, expected, strict=True):
        zero = np.zeros(truth[0].shape)
        there, back = zero if p is None else p, zero if q is None else q
        assert_close(there, back, f"{case}: not symmetric", 1e-9)
        assert_slope(there, truth, f"{case}: second derivative", rtol=1e-7)
    pulled = [n for n in pull(linear) if n is not None]
    if pulled:
        pushed = pushforward(pulled, linear.sources, linear.seconds)
        for found, truth in zip(
            linear.values(pushed), linear.along(pulled, linear.seconds), strict=True
        ):
            value = np.zeros(truth[0].shape) if found is None else found
            assert_slope(value, truth, f"{case}: derivative of the pullback", rtol=1e-7)


def third_derivative(case: Case) -> None:
    linear = Linear(case)
    nodes = [n for n in push(linear) if n is not None]
    nodes = [n for n in pushforward(nodes, linear.sources, linear.seconds) if n is not None]
    if not nodes or any(map(is_single, nodes)):
        return
    third = pushforward(nodes, linear.sources, linear.tangents)
    for found, truth in zip(
        linear.values(third), linear.along(nodes, linear.tangents), strict=True
    ):
        value = np.zeros(truth[0].shape) if found is None else found
        assert_slope(value, truth, f"{case}: third derivative", rtol=1e-6)
    # Reverse over forward over forward reaches the same numbers.
    weights = [input_node(1, ("w", k), n.type) for k, n in enumerate(nodes)]
    arrays = [direction(np.zeros(n.type.shape, n.type.dtype), 71 + k) for k, n in enumerate(nodes)]
    pulled = pullback(nodes, linear.sources, weights)
    linear.every = [*linear.every, *weights]
    linear.arrays = [*linear.arrays, *arrays]
    left = real_inner(linear.values(third), arrays)
    right = real_inner([linear.given(t) for t in linear.tangents], linear.values(pulled))
    assert abs(left - right) <= 1e-9 * (1 + abs(left)), (
        f"{case}: {left} by tangents, {right} by cotangents"
    )
