"""Zeros by structure: a selection stays one however it is moved, so no infinity meets its zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.node import input_node, node
from chainrule.ir.types import ArrayType
from chainrule.ops.elementwise import support
from chainrule.ops.structural import place

X = np.array([0.5, 4.0])
I = np.array([1, 0, 1])  # noqa: E741 - places


def chosen(x: Any) -> Any:
    """4 where that is, and 0 in place of what is small."""
    return np.where(x > 1, x, 0.0)


MOVED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "gathered": (lambda x: chosen(x)[I], [0.25, 0.0, 0.25]),
    "turned round": (lambda x: chosen(x)[::-1], [0.25, 0.0]),
    "taken": (lambda x: np.take_along_axis(chosen(x), I, 0), [0.25, 0.0, 0.25]),
    "one element": (lambda x: chosen(x)[:1], [0.0]),
    "repeated": (lambda x: np.broadcast_to(chosen(x), (2, 2)), [[0.0, 0.25]] * 2),
    "transposed": (lambda x: np.broadcast_to(chosen(x), (2, 2)).T, [[0.0, 0.0], [0.25, 0.25]]),
    "negative": (lambda x: -np.negative(chosen(x)), [0.0, 0.25]),
    "in a sum": (lambda x: chosen(x) / 2 + chosen(x) / 2, [0.0, 0.25]),
    "moved, in a sum": (lambda x: chosen(x)[I[:2]] / 2 + chosen(x)[::-1] / 2, [0.25, 0.0]),
    "summed": (lambda x: np.sum(chosen(x)[:1]), 0.0),
    "added up as it runs": (lambda x: np.cumsum(chosen(x)), [0.0, 0.25]),
    "from the end": (lambda x: np.cumsum(chosen(x)[::-1])[:1], [0.25]),
    "stacked": (lambda x: np.stack([chosen(x), x]), [[0.0, 0.25], [0.5 / np.sqrt(0.5), 0.25]]),
    "joined": (lambda x: np.concatenate([chosen(x), np.zeros(1)]), [0.0, 0.25, 0.0]),
    "rolled": (lambda x: np.roll(chosen(x), 1), [0.25, 0.0]),
    "selected again": (lambda x: np.where(x > 2, chosen(x), 0.0), [0.0, 0.25]),
}


@pytest.mark.parametrize("name", MOVED)
def test_a_selection_that_is_moved_never_leaks(name: str) -> None:
    moved, slopes = MOVED[name]
    f = lambda x: np.sqrt(moved(x))  # noqa: E731 - a function of one line
    _, tangent = cr.jvp(f, (X,), (np.ones(2),))
    np.testing.assert_allclose(tangent, slopes, rtol=1e-15)
    pulled = cr.grad(lambda x: np.sum(f(x)))(X)
    np.testing.assert_allclose(np.sum(pulled), np.sum(slopes), rtol=1e-15)


def test_a_sum_with_what_varies_everywhere_has_no_structure() -> None:
    f = lambda x: np.sqrt(chosen(x) + x)  # noqa: E731 - a function of one line
    _, tangent = cr.jvp(f, (X,), (np.ones(2),))
    np.testing.assert_allclose(tangent, [0.5 / np.sqrt(0.5), 1 / np.sqrt(8.0)])


def test_pieces_that_cover_everything_leave_no_mask() -> None:
    piece = input_node(1, 0, ArrayType((2,), np.dtype(float)))
    first, second = ((0, 2, 1),), ((2, 2, 1),)
    everything = node(place, (piece, piece), ((4,), (first, second)))
    assert support(everything) is None
    assert support(node(place, (piece, piece), ((4,), (first, first)))) is not None
