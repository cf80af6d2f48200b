"""Buffers: what was stored is what is read, in linear time, whatever the views."""

import time
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import toposort
from chainrule.trace.memory import is_poison, poison
from chainrule.trace.recording import tracing
from hypothesis import given, settings
from hypothesis import strategies as st

X = np.arange(1.0, 7.0)


@pytest.fixture
def trace():
    with tracing() as trace:
        yield trace


def node(trace: Any, value: Any) -> Any:
    return trace.lift(value).node


def value(trace: Any, x: Any) -> Any:
    return trace.value(node(trace, x))


def test_an_element_read_is_the_element_stored(trace) -> None:
    x = trace.input(X)
    t = x[0] * 2
    a = np.zeros((2, 3))
    a[1, 2] = t
    assert a[1, 2].node is t.node
    assert a[1][2].node is t.node
    assert a.T[2, 1].node is t.node
    assert a.flat[5].node is t.node
    assert a.item(5).node is t.node
    assert a[0, 0] == 0.0
    assert isinstance(a[0, 0], np.float64)


def test_a_whole_that_was_stored_as_one_is_that_one(trace) -> None:
    x = trace.input(X)
    a, b = np.empty(6), np.empty((4, 6))
    a[:] = x
    b[2] = x
    assert node(trace, a) is x.node
    assert node(trace, b[2]) is x.node
    assert node(trace, np.array(list(x))[3]) is x[3].node


def test_parts_of_a_piece_are_slices_of_it(trace) -> None:
    x = trace.input(X)
    a = np.zeros(8)
    a[1:7] = x
    n = node(trace, a[2:5])
    assert n.op.name == "slice"
    assert n.args == (x.node,)
    assert node(trace, a[1:7:2]).op.name == "slice"


def operations(trace: Any, x: Any) -> list[str]:
    return sorted({n.op.name for n in toposort([node(trace, x)])} - {"input", "constant"})


def test_numbers_are_placed_parts_are_joined_masks_select(trace) -> None:
    x = trace.input(X)
    numbers = np.array([x[0], x[1], 0.0, x[2]])
    assert node(trace, numbers).op.name == "place"
    parts = np.zeros(12)
    parts[:6], parts[6:] = x, x * 2
    assert node(trace, parts).op.name == "concatenate"
    rows = np.zeros((2, 6))
    rows[0], rows[1] = x, x * 2
    assert node(trace, rows).op.name == "concatenate"
    masked = np.zeros(6)
    masked[:] = x
    masked[[0, 2, 5]] = x[1]
    assert node(trace, masked).op.name == "where"
    corner = np.zeros((3, 3))
    corner[:2, 1:] = np.reshape(x[:4], (2, 2))
    assert operations(trace, corner) == ["place", "reshape", "slice"]


def test_constants_are_kept_beside_traced_values(trace) -> None:
    x = trace.input(X)
    a = np.full(4, 7.0)
    a[1] = x[0]
    a[2] = 3.0
    np.testing.assert_array_equal(value(trace, a), [7, 1, 3, 7])
    a[1] = -0.5  # no longer traced
    assert not a.is_traced()
    np.testing.assert_array_equal(value(trace, a), [7, -0.5, 3, 7])


def test_what_is_stored_does_not_change_later(trace) -> None:
    t = trace.input(X) * 1.0
    a = np.zeros((2, 6))
    a[0] = t
    t[0] = 100.0
    a[1] = t
    np.testing.assert_array_equal(value(trace, a), [X, [100.0, *X[1:]]])


def test_a_use_keeps_the_values_of_its_moment(trace) -> None:
    x = trace.input(X)
    a = np.ones(6)
    before = x * a
    a[0] = 5.0
    np.testing.assert_array_equal(value(trace, before), X)
    np.testing.assert_array_equal(value(trace, x * a), [5.0, *X[1:]])


def test_numpy_writing_in_c_is_noticed(trace) -> None:
    x = trace.input(X)
    a = np.zeros(3)
    a[:] = x[:3]
    np.random.default_rng(0).random(out=a[:2])
    expected = np.random.default_rng(0).random(2)
    np.testing.assert_array_equal(value(trace, a), [*expected, 3.0])
    assert a[0] == expected[0]


def test_numpy_reading_in_c_never_gives_a_wrong_number(trace) -> None:
    a = np.zeros(3)
    a[0] = trace.input(X)[0]
    plain = np.array(memoryview(a))
    assert np.isnan(plain[0])
    moved = np.zeros(3)
    memoryview(moved)[:] = memoryview(a)
    with pytest.raises(cr.errors.CutDerivative, match="compiled code"):
        trace.lift(moved)
    trace.refusals.clear()  # else it is raised again when the trace ends


def test_the_mark_is_a_nan_of_its_own() -> None:
    for kind in (np.float16, np.float32, np.float64, np.complex64, np.complex128):
        mark = np.array([poison(np.dtype(kind)), np.nan, 1.0], kind)
        assert np.isnan(mark[0])
        np.testing.assert_array_equal(is_poison(mark), [True, False, False])


def test_an_integer_array_holds_decisions(trace) -> None:
    x = trace.input(X)
    counts = np.zeros(2, int)
    counts[0] = x[3] + 0.5
    flags = np.zeros(2, bool)
    flags[1] = x[0] < x[1]
    assert counts.tolist() == [4, 0]
    assert flags.tolist() == [False, True]
    assert len(trace.guards) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.complex64])
def test_other_kinds_of_numbers(trace, dtype: Any) -> None:
    x = trace.input(X)
    a = np.zeros(3, dtype)
    a[0] = x[0]
    a[1:] = x[:2] * 2
    assert trace.lift(a).dtype == dtype
    np.testing.assert_array_equal(value(trace, a), np.array([1, 2, 4], dtype))
    with pytest.raises(TypeError):
        np.zeros(3)[0] = x[0] * 1j


def test_methods_answer_for_what_is_stored(trace) -> None:
    x = trace.input(X)
    a = np.zeros(6)
    a[:3] = x[:3]
    plain = np.array([1.0, 2, 3, 0, 0, 0])
    for name in ("sum", "mean", "max", "min", "prod", "std", "argmax", "cumsum", "copy", "round"):
        np.testing.assert_allclose(value(trace, getattr(a, name)()), getattr(plain, name)(), 1e-15)
    np.testing.assert_array_equal(value(trace, a.dot(x)), plain @ X)
    np.testing.assert_array_equal(value(trace, a.clip(1, 2)), plain.clip(1, 2))
    np.testing.assert_array_equal(value(trace, a.astype(np.float32)), plain)
    np.testing.assert_array_equal(value(trace, a.repeat(2)), plain.repeat(2))
    assert float(plain[5]) == a[5]
    assert [float(trace.value(node(trace, v))) for v in a] == plain.tolist()
    assert str(a[3:]) == "[0. 0. 0.]"
    assert bool(a[0] > 0.5)
    a.sort()
    np.testing.assert_array_equal(value(trace, a), np.sort(plain))


def test_ten_thousand_writes_and_reads_are_linear() -> None:
    def program(n: int) -> float:
        start = time.process_time()
        with tracing() as trace:
            x = trace.input(np.ones(n))
            a = np.zeros(n)
            a[0] = x[0]
            for k in range(1, n):
                a[k] = a[k - 1] * 0.5 + x[k]
            total = trace.lift(np.sum(a))
            assert len(toposort([total.node])) < 8 * n
        return time.process_time() - start

    program(100)
    small, large = min(program(1000) for _ in range(3)), program(10_000)
    print(f"{small:.3f} s for 1000, {large:.3f} s for 10000")
    assert large < 40 * small


# -- any program of writes -------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.data())
def test_any_program_of_writes(data: st.DataObject) -> None:
    """A random program of views and writes, on a buffer and on an ordinary array."""
    shape = data.draw(st.sampled_from([(5,), (3, 4), (2, 3, 2)]))
    x = np.random.default_rng(data.draw(st.integers(0, 3))).normal(size=8)
    with tracing() as trace:
        t = trace.input(x)
        traced: list[Any] = [np.zeros(shape)]
        # Not by np.zeros, which makes a buffer here.
        ordinary: list[Any] = [np.ndarray(shape, buffer=bytearray(8 * int(np.prod(shape))))]
        for _ in range(data.draw(st.integers(1, 12))):
            k = data.draw(st.integers(0, len(traced) - 1))
            a, b = traced[k], ordinary[k]
            action = data.draw(st.integers(0, 6))
            if action == 0 and b.ndim:
                start, step = (
                    data.draw(st.integers(0, b.shape[0] - 1)),
                    data.draw(st.sampled_from([1, 2, -1])),
                )
                traced.append(a[start::step])
                ordinary.append(b[start::step])
            elif action == 1:
                traced.append(a.T)
                ordinary.append(b.T)
            elif action == 2 and b.ndim > 1:
                traced.append(a[0])
                ordinary.append(b[0])
            elif action == 3:
                e = data.draw(st.integers(0, 7))
                a[...] = t[e] * 2
                b[...] = x[e] * 2
            elif action == 4 and b.size and b.ndim:
                i = tuple(data.draw(st.integers(0, n - 1)) for n in b.shape)
                e = data.draw(st.integers(0, 7))
                a[i] = a[i] + t[e]
                b[i] = b[i] + x[e]
            elif action == 5 and b.ndim == 1:
                a += t[: len(b)]
                b += x[: len(b)]
            elif action == 6:
                a[a > 0.5] = -1.5
                b[b > 0.5] = -1.5
        for a, b in zip(traced, ordinary, strict=True):
            np.testing.assert_array_equal(trace.value(trace.lift(a).node), b)
