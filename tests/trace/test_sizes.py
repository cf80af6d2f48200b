"""The lengths of axes: ordinary numbers, but for a formula they remember where they came from."""

import math
import pickle
from typing import Any

import numpy as np
import pytest
from chainrule.ir.graph import toposort
from chainrule.trace.recording import tracing
from chainrule.trace.sizes import Named

X, Y = np.ones((4, 3)), np.ones(4)


@pytest.fixture
def trace():
    with tracing(naming=True) as trace:
        yield trace


def sizes(trace: Any, value: Any) -> list[Any]:
    return [n for n in toposort([trace.lift(value).node]) if n.op.name == "size"]


def test_without_names_they_are_ordinary() -> None:
    with tracing() as trace:
        x = trace.input(X)
        assert type(x.shape) is tuple
        assert type(x.shape[0]) is int


def test_as_an_operand_they_are_recorded(trace) -> None:
    x = trace.input(X)
    N, d = x.shape
    for value in (
        x / N,
        2.0 / N * x,
        x * (N - 1),
        x * (N * d),
        x / math.sqrt(d),
        x / np.sqrt(d),
        x * -N,
        x + N**2,
    ):
        assert len(sizes(trace, value)) >= 1
        expected = trace.value(trace.lift(value).node)
        assert expected.shape == (4, 3)
    np.testing.assert_allclose(trace.value((x / np.sqrt(d)).node), X / np.sqrt(3))
    np.testing.assert_allclose(trace.value((2.0 / N * x).node), X / 2)


def test_otherwise_they_are_numbers(trace) -> None:
    x = trace.input(X)
    N, d = x.shape
    assert (N, d) == x.shape == (4, 3)
    assert isinstance(N, int)
    assert isinstance(1 / N, float)
    assert N // 2 == 2
    assert N % 3 == 1
    assert d < N
    assert hash(N) == hash(4)
    assert f"{N} {N:03d} {1 / N:.2f}" == "4 004 0.25"
    assert list(range(N)) == [0, 1, 2, 3]
    assert np.zeros((N, d)).shape == (4, 3)
    assert x.reshape(N * d).shape == (12,)
    assert x[N - 1].shape == (3,)
    assert x[: N // 2].shape == (2, 3)
    assert x[1:N].shape == (3, 3)
    assert type(pickle.loads(pickle.dumps(N))) is int  # noqa: S301
    assert type(2 * N) is type(2.0 * N) is type(-N) is Named
    assert [0] * N == [0, 0, 0, 0]
    assert {4: "four"}[N] == "four"
    assert np.prod(x.shape) == 12
    assert math.comb(N, 2) == 6
    assert sum([N, 1]) == 5
    assert max(N, d) == 4
    assert -N < N
    assert round(N / 3, 2) == 1.33
    assert N * 1j == 4j
    assert np.arange(3) * N == pytest.approx(np.arange(3) * 4)
    assert isinstance(np.add(N, 1), np.integer)


def test_the_names_under_which_they_are_kept(trace) -> None:
    x, y = trace.input(X), trace.input(Y)
    N, d = x.shape
    n = len(y)
    z = x * 2
    m = z.shape[1]
    mean = np.mean(x)
    assert n == N
    assert d == m
    names = trace.size_names.found()
    assert names == {(x.node, 0): "N", (x.node, 1): "d", (y.node, 0): "n", (z.node, 1): "m"}
    assert sizes(trace, mean)


def test_an_underscore_is_no_name(trace) -> None:
    _, d = trace.input(X).shape
    assert d == 3
    assert list(trace.size_names.found().values()) == ["d"]


def test_len_is_left_alone_afterwards() -> None:
    with tracing(naming=True):
        assert "len" in globals()
    assert "len" not in globals()
