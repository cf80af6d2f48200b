"""The constructs, and more of their kind: value, gradient, second derivative; compiled or not."""

import ctypes
import warnings
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.sparse.linalg
from tests.trace import seams, test_constructs
from tests.trace.agreement import assert_agrees

X = seams.X
V = np.array([0.5, -1.0, 0.25])
EVERY = {**test_constructs.RIGHT, **seams.RIGHT}




@pytest.mark.parametrize("name", seams.RIGHT)
def test_right_to_second_order(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # of np.matrix
        assert_agrees(seams.RIGHT[name], X)


@pytest.mark.parametrize("name", EVERY)
def test_compiled(name: str) -> None:
    f = EVERY[name]

    def all_three(x: Any) -> Any:
        return *cr.value_and_grad(f)(x), cr.hvp(f)(x, V)

    compiled = cr.jit(all_three)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        for x in (X, X * 1.001):
            for found, expected in zip(compiled(x.copy()), all_three(x.copy()), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    assert compiled._left is None


@pytest.mark.parametrize("name", seams.REFUSED)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_refused_with_the_line(name: str) -> None:
    f, words = seams.REFUSED[name]
    with pytest.raises((cr.errors.ChainruleError, TypeError), match=words) as caught:
        cr.grad(f)(X.copy())
    if isinstance(caught.value, cr.errors.ChainruleError):
        assert caught.value.site is not None
        assert caught.value.site.function in (name, "<lambda>", "f")


def test_a_refusal_names_the_line_if_the_program_makes_another_error_of_it() -> None:
    def f(x: Any) -> Any:
        try:
            return np.sum(np.longdouble(x[0]))
        except TypeError as error:
            raise KeyError("mine") from error

    with pytest.raises(cr.errors.CutDerivative):
        cr.grad(f)(X)


def test_compiled_code_does_not_write_to_an_argument_by_way_of_its_value() -> None:
    x = X.copy()

    def f(x: Any) -> Any:
        return np.sum(scipy.sparse.linalg.spsolve(MATRIX, x)) + _doubled(x)

    np.testing.assert_array_equal(cr.jit(f)(x), f(X.copy()))
    np.testing.assert_array_equal(x, X)


MATRIX = scipy.sparse.csc_matrix(seams.A)


def _doubled(x: Any) -> Any:
    values = ctypes.c_double.from_buffer(np.asarray(x, dtype="O").astype(float))
    values.value *= 2
    return values.value
