"""Every index expression of NumPy, against NumPy."""

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace.recording import tracing
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from tests.trace.agreement import assert_agrees, weighted

X = np.random.default_rng(3).normal(size=(3, 4, 2))
K, J = np.array([2, 0, 2]), np.array([[1, -1], [0, 2]])

INDICES: dict[str, Any] = {
    "integer": 1,
    "negative": -1,
    "numpy integer": np.int64(2),
    "0-d integer array": np.array(1),
    "all integers": (1, 2, 0),
    "slice": slice(1, None),
    "step": slice(None, None, 2),
    "backwards": slice(None, None, -1),
    "backwards part": slice(2, 0, -1),
    "empty slice": slice(2, 1),
    "out of bounds slice": slice(1, 99),
    "slices": (slice(0, 2), slice(None), slice(1, 2)),
    "ellipsis": (..., 1),
    "ellipsis alone": ...,
    "ellipsis within": (0, ..., 1),
    "nothing": (),
    "new axis": None,
    "new axes": (None, 0, None, ..., None),
    "integer array": K,
    "list": [0, 2],
    "empty list": [],
    "tuple in a tuple": ((0, 2),),
    "matrix of integers": J,
    "second axis": (slice(None), J),
    "last axis": (..., np.array([1, 0, 0])),
    "two arrays": (K, np.array([3, 1, 0])),
    "two that broadcast": (K[:, None], np.array([3, 1])),
    "three": (K, np.array([3, 1, 0]), np.array([0, 1, 0])),
    "array and integer": (K, 1),
    "integer and array": (1, np.array([3, 0])),
    "apart": (K, slice(None), np.array([0, 1, 1])),
    "apart from the second": (slice(None), J, None, np.array([0, 1])),
    "integer apart": (0, slice(None), np.array([0, 1, 1])),
    "array, slice": (K, slice(1, 3)),
    "array, ellipsis": (K, ..., 0),
    "slice, array, new axis": (slice(None), K, None),
    "mask": X[:, 0, 0] > 0,
    "mask of all": X > 0.2,
    "mask of two axes": X[:, :, 0] > 0,
    "mask of the last axes": (slice(None), X[0] > 0),
    "mask of an axis": (slice(None), np.array([True, False, True, True])),
    "mask and integer": (X[:, 0, 0] > -9, 1),
    "two masks": (np.array([True, False, True]), np.array([True, True, False, False])),
    "mask of nothing": np.zeros(3, bool),
    "true": True,
    "false": False,
    "true within": (True, 0),
}


@pytest.mark.parametrize("name", INDICES)
def test_agrees_with_numpy(name: str) -> None:
    index = INDICES[name]
    with tracing() as trace:
        assert trace.input(X)[index].shape == X[index].shape
    assert_agrees(lambda x: weighted(x[index]), X, second=False)


@pytest.mark.parametrize("name", [n for n in INDICES if "true" not in n and "false" not in n])
def test_writing_agrees_with_numpy(name: str) -> None:
    index = INDICES[name]

    def f(x):
        y = np.zeros(X.shape)
        y[...] = x**2
        y[index] = 3.0 * y[index] + x[0, 0, 0]
        y[index] *= x[1, 1, 1]
        return weighted(y)

    assert_agrees(f, X, second=False)


@pytest.mark.parametrize("index", [3, (0, 4), (0, 0, 0, 0), [5], np.array([-9]), (0, [1, 7]), 1.5, "a", np.array([0.5]),
                                   np.ones(4, bool), (..., ...)])  # fmt: skip
def test_what_numpy_refuses_is_refused(index: Any) -> None:
    with pytest.raises(IndexError):
        X[index]
    with pytest.raises(IndexError):
        cr.grad(lambda x: np.sum(x[index]))(X)


def test_indices_that_are_traced() -> None:
    def f(x):
        flat = np.ravel(x)
        k = np.argmax(flat)
        rows = np.argsort(x[:, 0, 0])
        return flat[k] ** 2 + weighted(x[rows]) + weighted(x[rows, 0]) + weighted(x[x > np.mean(x)])

    assert_agrees(f, X)


def test_a_mask_that_is_traced_is_decided_by_its_count_alone() -> None:
    with tracing() as trace:
        x = trace.input(np.array([1.0, -2.0, 3.0]))
        kept = x[x > 0]
        assert kept.shape == (2,)
        assert [g.outcome for g in trace.guards] == [2]


def test_indices_along_an_axis() -> None:
    order = np.argsort(X, axis=1)

    def f(x):
        y = np.zeros(X.shape)
        np.put_along_axis(y, order, x * x, axis=1)
        return weighted(np.take_along_axis(x, order[:, :2], axis=1)) + weighted(y)

    assert_agrees(f, X)


@settings(max_examples=200)
@given(st.data())
def test_any_index(data: st.DataObject) -> None:
    shape = data.draw(hn.array_shapes(min_dims=1, max_dims=4, max_side=4))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    index = data.draw(
        st.one_of(
            hn.basic_indices(shape, allow_newaxis=True),
            hn.integer_array_indices(shape, result_shape=hn.array_shapes(max_dims=2, max_side=3)),
            hn.arrays(bool, shape),
            hn.arrays(bool, shape[:1]),
        )
    )
    with tracing() as trace:
        traced = trace.input(x)[index]
        assert np.shape(traced) == np.shape(x[index])
        np.testing.assert_array_equal(trace.value(traced.node), x[index])
        buffer = np.zeros(shape)
        buffer[...] = trace.input(x)
        buffer[index] = trace.input(7.0)
        expected = x.copy()
        expected[index] = 7.0
        np.testing.assert_array_equal(trace.value(trace.lift(buffer).node), expected)
