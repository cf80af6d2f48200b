"""Arrays from outside: bound by reference, seen as they are when they are used."""

import threading

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace.captures import SMALL
from chainrule.trace.recording import tracing

BIG = SMALL // 8 + 1


def test_one_array_is_one_hidden_input() -> None:
    data = np.arange(3.0)
    with tracing() as trace:
        x = trace.input(np.ones(3))
        _ = x * data + data
        _ = x * data[:] + data.T
        assert len(trace.captured) == 1
        _ = x * data[::-1]
        assert len(trace.captured) == 2
        assert next(iter(trace.captures.originals.values())) is data


def test_a_change_between_calls_is_seen() -> None:
    data = np.ones(2)
    gradient = cr.grad(lambda x: np.sum(x * data))
    assert gradient(np.ones(2))[0] == 1.0
    data[0] = 5.0
    assert gradient(np.ones(2))[0] == 5.0


def test_a_write_to_a_small_array_during_the_call_is_seen() -> None:
    work = np.ones(2)

    def f(x):
        first = np.sum(x * work)
        work[0] = 10.0
        return first + 100 * np.sum(x * work)

    np.testing.assert_array_equal(cr.grad(f)(np.ones(2)), [1001.0, 101.0])


def test_a_write_to_a_large_array_after_its_use_raises() -> None:
    work = np.ones(BIG)

    def f(x):
        first = np.sum(x * work)
        work[0] = 10.0
        return first

    with pytest.raises(cr.errors.TraceError, match=r"np\.array"):
        cr.grad(f)(2.0)
    assert work.flags.writeable
    work[0] = 1.0


def test_a_write_through_the_base_of_a_view_raises() -> None:
    work = np.ones((2, BIG))

    def f(x):
        first = np.sum(x * work[0])
        work[0, 0] = 10.0
        return first

    if threading.active_count() == 1:
        with pytest.raises(cr.errors.TraceError):
            cr.grad(f)(2.0)
    assert work.flags.writeable


def test_large_arrays_are_not_copied_and_stay_as_they_were() -> None:
    data = np.ones(BIG)
    locked = np.ones(BIG)
    locked.flags.writeable = False
    with tracing() as trace:
        _ = trace.input(2.0) * data * locked
        assert any(a is data for a in trace.captured.values())
        assert not data.flags.writeable
    assert data.flags.writeable
    assert not locked.flags.writeable


def test_an_array_of_objects_is_refused() -> None:
    data = np.array([1, "a"], dtype=object)
    with pytest.raises(cr.errors.TraceError, match="dtype object"):
        cr.grad(lambda x: np.sum(x * data))(np.ones(2))
