"""Functions that Numba compiles are traced through the Python they were made of."""

import math
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.trace.agreement import assert_agrees

nb: Any = pytest.importorskip("numba")
X = np.array([0.3, 0.5, 0.7])


@nb.njit
def _length(a, b):
    return math.sqrt(a * a + b)


@nb.njit
def _walk(x):
    out = np.empty(x.size)
    total = 0.0
    for i in nb.prange(x.size):
        out[i] = _length(x[i], 1.0) * float(i + 1)
        total += out[i]
    return total + np.sum(out**2)


@nb.njit("float64(float64[:])")
def _signed(x):
    return x.sum()


@nb.vectorize
def _each(a, b):
    return a * a if a > b else math.sin(a)


def _around(x):
    start = np.zeros(3)  # made during the trace, and given to compiled code as it is
    start[0] = 2.0
    return _walk(start) * x[0] + _walk(x) * _signed(x) + np.sum(_each(x, 0.4))


@pytest.mark.parametrize("f", [_walk, _signed, _around])
def test_compiled_functions(f):
    assert_agrees(f, X)
    np.testing.assert_allclose(cr.jit(cr.grad(f))(X), cr.grad(f)(X))


def test_compiled_for_the_first_time_during_a_trace():
    @nb.njit
    def ramp(n):
        return np.arange(n) * np.ones(n)

    def f(x):
        return np.sum(x * ramp(3))

    np.testing.assert_array_equal(cr.grad(f)(X), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(ramp(2), [0.0, 1.0])


def test_the_class_is_as_before():
    kind = type(_walk)
    before = kind.__call__
    cr.grad(_around)(X)
    assert kind.__call__ is before
    assert _walk(X) == _walk.py_func(X)


def test_generalised_ufuncs_are_refused_by_name():
    @nb.guvectorize(["void(float64[:],float64[:])"], "(n)->()")
    def total(x, out):
        out[0] = x.sum()

    with pytest.raises(cr.errors.UnsupportedFunction, match="total has no derivative here"):
        cr.grad(lambda x: total(x))(X)
