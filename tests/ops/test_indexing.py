"""Gathers and scatters, and the zeros that their structure keeps."""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.ir.graph import toposort
from chainrule.ops.indexing import add_along, gather, scatter_add, take_along
from chainrule.trace.recording import tracing
from numpy.testing import assert_array_equal

X = np.arange(24.0).reshape(2, 3, 4)


def test_gather_is_numpys_indexing() -> None:
    i, j = np.array([[0, 1], [1, -1]]), np.array([3, 0])
    assert_array_equal(gather(X, (i,), (-3,)), X[i])
    assert_array_equal(gather(X, (i,), (-2,)), X[:, i])
    assert_array_equal(gather(X, (i, j), (-2, -1)), X[:, i, j])
    assert_array_equal(gather(X, (i, j), (-3, -1)), np.moveaxis(X[i, :, j], -1, -1))
    assert_array_equal(gather(X, (np.array(1), np.array(2)), (-3, -1)), X[1, :, 2])


def test_scatter_adds_up_what_hits_twice() -> None:
    found = scatter_add([(np.array([1.0, 2.0, 4.0]), (np.array([2, 0, 2]),), (-1,))], (4,))
    assert_array_equal(found, [2, 0, 5, 0])


def test_scatter_of_pieces_on_different_axes() -> None:
    rows = (np.ones((2, 4)), (np.array([0, 0]),), (-2,))
    columns = (np.ones((3, 1)), (np.array([1]),), (-1,))
    expected = np.zeros((3, 4))
    expected[0] += 2
    expected[:, 1] += 1
    assert_array_equal(scatter_add([rows, columns], (3, 4)), expected)


def test_scatter_keeps_the_dtype() -> None:
    where = (np.array([1, 1]),)
    for dtype in (bool, int, np.float32, float, complex, np.longdouble):
        found = scatter_add([(np.ones(2, dtype), where, (-1,))], (3,))
        assert found.dtype == dtype
        assert_array_equal(found, np.array([0, 2, 0]).astype(dtype))


def test_along_an_axis() -> None:
    order = np.argsort(-X[0], axis=-2)
    assert_array_equal(take_along(X[0], order, -2), np.take_along_axis(X[0], order, 0))
    added = add_along(np.ones((2, 3)), np.array([[0, 0, 1], [3, 3, 3]]), 4, -1)
    assert_array_equal(added, [[2, 1, 0, 0], [0, 0, 0, 3]])


def test_what_is_not_read_has_slope_zero_where_it_is_steep() -> None:
    """√x is infinitely steep at 0; an entry that is not read is no part of the function."""
    x = np.array([0.0, 4.0, 9.0])
    i = np.array([1, 2, 2])
    assert_array_equal(cr.grad(lambda x: np.sum(np.sqrt(x)[i]))(x), [0, 0.25, 1 / 3])
    assert_array_equal(cr.grad(lambda x: np.sqrt(x)[1:][i[:1] - 1][0])(x), [0, 0.25, 0])
    assert_array_equal(cr.grad(lambda x: np.sort(np.sqrt(x))[-1])(x), [0, 0, 1 / 6])
    assert_array_equal(cr.grad(lambda x: np.sum(np.sqrt(x)[x > 1]))(x), [0, 0.25, 1 / 6])
    y = x.reshape(3, 1) * np.ones(2)
    slope = cr.grad(lambda y: np.sum(np.take_along_axis(np.sqrt(y), np.array([[1, 2]]), 0)))(y)
    assert_array_equal(slope, [[0, 0], [0.25, 0], [0, 1 / 6]])


def test_many_reads_are_one_scatter() -> None:
    x = np.arange(50.0)
    rng = np.random.default_rng(0)
    with tracing() as trace:
        t = trace.input(x)
        reads = [t[rng.integers(0, 50, 3)] for _ in range(40)]
        total = reads[0]
        for read in reads[1:]:
            total = total * read
        (slope,) = pullback([np.sum(total).node], [t.node], [np.sum(total).node])
    assert slope is not None
    assert sum(n.op is scatter_add for n in toposort([slope])) == 1


def test_batched_indices() -> None:
    i = np.array([[0, 2], [1, 1], [2, 0]])
    f = lambda x, i: np.sum(np.sin(x)[i] ** 2)  # noqa: E731
    x = np.random.default_rng(2).normal(size=(3, 3))
    found = cr.vmap(cr.grad(f))(x, i)
    assert_array_equal(found, np.stack([cr.grad(f)(a, b) for a, b in zip(x, i, strict=True)]))
    shared = cr.vmap(cr.grad(f), in_axes=(None, 0))(x[0], i)
    assert_array_equal(shared, np.stack([cr.grad(f)(x[0], b) for b in i]))
