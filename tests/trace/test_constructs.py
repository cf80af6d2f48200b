"""The 52 constructs by which other people's code meets a traced array, and more of their kind.

Each is right to second order, or raises an error that says what to write instead; none is silently
wrong. Written as such code is: with names imported from NumPy and math, and never with us in mind.
"""

import cmath
import math
from collections.abc import Callable
from math import sin
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.special
from numpy import array, zeros
from scipy.special import logsumexp
from tests.trace.agreement import assert_agrees

X = np.array([1.3, 2.2, 0.7])
A = np.array([[2.0, 1, 0], [1, 3, 0.5], [0, 0.5, 4]])
S = scipy.sparse.csr_matrix(A)
OUTSIDE = np.ones(3)

RIGHT: dict[str, Callable[[Any], Any]] = {}
REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {}


def right(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    RIGHT[f.__name__] = f
    return f


def refused(words: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def mark(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        REFUSED[f.__name__] = f, words
        return f

    return mark


# -- what NumPy's protocols bring ------------------------------------------------------------------


@right
def ufunc(x):
    return np.sum(np.sin(x) * np.exp(-x))


@right
def reduction(x):
    return np.sum(x) * np.mean(x) * np.prod(x) + np.max(x) + np.min(x)


@right
def matmul(x):
    return x @ A @ x + (A @ x) @ np.dot(A, x)


@right
def methods(x):
    return (
        x.sum() * x.mean()
        + x.reshape(3, 1).T.ravel().dot(x)
        + x.std() * x.max()
        + x.clip(1, 2).sum()
    )


@right
def fancy_index(x):
    return np.sum(x[[0, 2, 2]] ** 2 * x[np.array([1, 1, 0])])


@right
def mask_read(x):
    return np.sum(x[x > 1] ** 3)


@right
def mask_write(x):
    y = x.copy()
    y[y > 1] = 0.5 * y[2]
    return np.sum(y**2)


@right
def mask_write_of_as_many(x):
    y = np.zeros(3)
    y[x > 1] = x[x > 1] ** 2
    return np.sum(y * x)


@right
def where(x):
    return np.sum(np.where(x > 1, x**2, np.sin(x)))


@right
def joining(x):
    return np.sum(np.concatenate([x, x**2]) * np.arange(6.0)) + np.sum(np.stack([x, x * x[0]]) ** 2)


@right
def solve_inv_det(x):
    M = A + np.outer(x, x)
    return np.linalg.solve(M, x) @ x + np.linalg.det(M) + np.sum(np.linalg.inv(M) ** 2)


@right
def einsum(x):
    return np.einsum("i,ij,j->", x, A, x**2)


@right
def interp(x):
    return np.sum(np.interp(x, [0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 5.0]) ** 2)


@right
def special_functions(x):
    return np.sum(scipy.special.erf(x) * scipy.special.gammaln(x) + scipy.special.expit(x) ** 2)


@right
def data_dependent_if(x):
    return x[0] ** 2 if x[1] > x[0] else x[2] ** 3


@right
def data_dependent_while(x):
    t = x[0]
    while abs(t * t - x[1]) > 1e-13:
        t = 0.5 * (t + x[1] / t)
    return t * x[2]


@right
def builtin_sum_min_max(x):
    return sum(x) ** 2 + max(x[0], x[1]) * min(x) + abs(x[0]) + sum(t**2 for t in x)


# -- arrays that are filled ------------------------------------------------------------------------


@right
def zeros_and_items(x):
    a = np.zeros(3)
    a[0] = x[0] * 2
    a[1] = a[0] * x[1]
    return np.sum(a * x)


@right
def empty_and_slices(x):
    a = np.empty((2, 3))
    a[0] = x
    a[1, :] = x**2
    return np.sum(a[0] * a[1]) + a[1, 2]


@right
def write_through_a_view(x):
    a = np.zeros((2, 3))
    row = a[1]
    row[:] = x * x
    first = a.T[0]
    first[0] = x[0]
    return np.sum(a**2)


@right
def added_to_a_buffer(x):
    a = np.zeros(3)
    a += x
    a[1:] += x[:2] * 2
    a *= x
    return np.sum(a**2)


@right
def zeros_like_and_items(x):
    a = np.zeros_like(x)
    a[1] = x[0] * x[1]
    b = np.empty_like(A)
    b[:] = x
    b[0, 1] = a[1]
    return np.sum(a) + np.sum(b**2)


@right
def out_keyword(x):
    a = np.zeros(3)
    np.sin(x, out=a)
    np.multiply(a, x, a)
    b = np.empty(())
    np.sum(a, out=b)
    return b * a[0]


@right
def copy_then_write(x):
    y = x.copy()
    y[0] = 0.0
    z = np.copy(x)
    z[1] *= y[2]
    w = np.array(x)
    w += z
    return np.sum(y**2) + np.sum(z * x) + np.sum(w)


@right
def array_of_scalars_and_nested(x):
    return np.sum(np.array([x[0], 2.0, x[1] * x[2]]) ** 2 * np.array([[x[0], 1], [1, x[2]]])[0, 0])


@right
def array_of_rows(x):
    return np.sum(np.array([x, x**2, [x[0], 0.0, 1.0]]) ** 2)


@right
def asarray(x):
    return np.sum(np.asarray(x) ** 2) + np.sum(np.asarray([x[0], x[1]]) ** 3)


@right
def asarray_of_an_unusual_kind(x):
    y = np.ascontiguousarray(np.asanyarray(x, dtype=np.float64))
    return np.sum(np.require(y, requirements="C") ** 2)


@right
def names_imported_from_numpy(x):
    a = zeros(3)
    a[0] = x[0]
    a[1:] = x[1:] ** 2
    return np.sum(a * array([x[0], 1.0, x[2]]))


@right
def dtype_float(x):
    a = np.zeros(3, dtype=float)
    a[0] = x[0] * 2
    return np.sum(a.astype(float) ** 2) + np.sum(np.array([x[1]], dtype=np.float64))


@right
def atleast_1d(x):
    return np.sum(np.atleast_1d(x[0]) ** 2) + np.sum(np.atleast_2d(x) ** 3)


@right
def ravel(x):
    return np.sum(np.outer(x, x).ravel() ** 2 * np.arange(9.0))


@right
def list_append_then_array(x):
    found = []
    for k in range(3):
        found.append(x[k] ** 2)  # noqa: PERF401 - as people write
    return np.sum(np.array(found) * np.arange(1.0, 4.0))


@right
def astype(x):
    return np.sum(x.astype(np.float64) ** 2)


@right
def item(x):
    return x[0].item() ** 2 + x.item(1)


@right
def python_float(x):
    return float(x[0]) ** 2 * float(np.sum(x))


@right
def numpy_float(x):
    return np.float64(x[0]) ** 3


@right
def math_functions(x):
    return (
        sin(x[0]) * math.exp(x[1]) + math.hypot(*x) + math.atan2(x[0], x[1]) + math.sqrt(x[2]) ** 3
    )


@right
def math_of_more(x):
    return (
        math.prod(x)
        + math.fsum(x) ** 2
        + math.log(x[0], x[1])
        + math.erf(x[2])
        + math.pow(x[0], x[1])
    )


@right
def cmath_functions(x):
    return abs(cmath.exp(1j * x[0] + x[1])) ** 2


@right
def int_as_index(x):
    return x[int(x[0])] ** 2 + x[round(x[1])] + math.floor(x[1]) * x[0]


@right
def traced_index(x):
    return x[np.argmax(x)] ** 2 + np.sum(x[np.argsort(x)] * np.arange(3.0))


@right
def isinstance_checks(x):
    assert isinstance(x, np.ndarray)
    assert isinstance(x[0], float)
    assert isinstance(x[0], np.floating)
    assert isinstance(x[0] * 2, np.float64)
    assert not isinstance(x[0], np.ndarray)
    assert isinstance(np.zeros(3), np.ndarray)
    assert np.isscalar(x[0])
    return np.sum(x**2)


@right
def dtype_checks(x):
    assert x.dtype == np.float64
    assert x.dtype == float
    assert np.issubdtype(x.dtype, np.floating)
    return np.sum(x**2) if x.dtype.kind == "f" else 0.0


@right
def r_and_c(x):
    return np.sum(np.r_[x, 1.0, x[0], 0:2] ** 2 * np.arange(7)) + np.sum(np.c_[x, x * x] ** 2)


@right
def r_and_c_of_matrices(x):
    m = np.outer(x, x)
    a = np.r_[m, A[:1], m] * np.arange(21).reshape(7, 3)
    b = np.c_["1,3,1", m, A] * np.r_["-1", x, x, 1:4, 0:1:9j][:, None, None][:1]
    return np.sum(a**2) + np.sum(b**2) + np.sum(np.r_["0,2,0", x, x] ** 3)


@right
def numpy_types_convert_arrays(x):
    places = np.int64(x)  # 1, 2, 0
    return np.sum(np.float64(x)[places] * x) + np.sum(np.complex128(x) * 1j * x).imag


@right
def apply_along_axis(x):
    return np.sum(np.apply_along_axis(lambda v: v * v[0], 0, np.stack([x, x**2])))


@right
def vectorize(x):
    return np.sum(np.vectorize(lambda t: t**2 if t > 1 else t)(x))


@right
def scipy_solve(x):
    return np.sum(scipy.linalg.solve(A, x) ** 2)


@right
def scipy_by_name(x):
    return logsumexp(x) + np.sum(scipy.special.softmax(x) ** 2)


@right
def add_at(x):
    a = np.zeros(2)
    np.add.at(a, [0, 0, 1], x)
    return np.sum(a**2)


@right
def full_of_a_traced_value(x):
    a = np.full(3, x[0])
    a[1] = x[1]
    return np.sum(a**2 * x) + np.sum(np.full_like(x, x[2]))


@right
def linspace_between_traced_values(x):
    return np.sum(np.linspace(x[0], x[1], 5) ** 2)


@right
def arange_from_a_traced_value(x):
    return np.sum(np.arange(x[0], 5.0, 0.5) ** 2)


@right
def try_around_asarray(x):
    try:
        y = np.asarray(x)
    except Exception:  # noqa: BLE001 - as people write
        y = np.zeros(3)
    return np.sum(y**2)


@right
def sparse_matmul(x):
    return (
        np.sum((S @ x) ** 2)
        + np.sum(S.dot(x) * (x @ S))
        + np.sum((S @ np.stack([x, x * x], 1)) ** 2)
    )


@right
def lists_of_traced_numbers(x):
    return (
        np.sum([x[0] ** 2, x[1]])
        + np.linalg.norm([x[0], x[1]])
        + np.max([x[0], x[2]]) * np.mean([x[0], 3.0])
    )


@right
def unpacking(x):
    a, b, c = x
    first, *rest = np.stack([x, x * 2])
    return a * b * c + np.sum(first * rest[0])


@right
def accumulated_in_a_0d_array(x):
    total = np.zeros(())
    for t in x:
        total += t**2
    return total


@right
def ufunc_methods(x):
    return (
        np.sum(np.multiply.outer(x, x) ** 2)
        + np.add.reduce(x) ** 2
        + np.sum(np.add.accumulate(x) ** 2)
    )


@right
def complex_buffer(x):
    z = np.zeros(2, complex)
    z[0] = x[0] + 1j * x[1]
    z[1] = x[2]
    return np.sum(np.abs(z) ** 2) + z[0].real * z.imag[0]


@right
def formatted(x):
    percent = "%.2f of %g" % (x[0], np.sum(x))  # noqa: UP031 - as much code has it
    return x[0] ** 2 * (5.0 % x[1]) + len(f"{x[0]:.2f}") + len(str(x)) + len(percent)


@right
def closure_array_that_is_read(x):
    return np.sum(OUTSIDE * x) ** 2


@right
def eye_with_an_entry(x):
    M = np.eye(3)
    M[0, 1] = x[0]
    return np.linalg.det(M @ np.diag(x)) + np.sum(M)


@right
def lists_within_joins_and_operators(x):
    y = np.concatenate([[x[0], 1.0], x[1:]]) * np.hstack([[x[2]], [2.0, x[1]], x[0]])
    z = x + [x[1], 0.0, x[2]]  # noqa: RUF005 (a construct as people write it)
    M = np.vstack([[x[0], x[1]], [1.0, x[2]]])
    return np.sum(y) + np.sum(z**2) + np.dot(A, [x[0], x[1], 2.0])[0] + np.linalg.det(M)


@right
def a_buffer_used_often(x):
    a = np.zeros(3)
    a[0] = x[0]
    first = np.sum(a * x)
    second = np.sum(np.exp(a)) * first
    a[1] = x[1]
    return second + np.sum(a * x)


# -- what Python cannot be made to see -------------------------------------------------------------


@refused(r"A @")
def method_of_an_array_from_outside(x):
    return np.sum(A.dot(x))


@refused(r"made outside")
def write_into_an_array_from_outside(x):
    OUTSIDE[0] = x[0]
    return np.sum(OUTSIDE)


@refused(r"np\.array")
def write_into_a_result_of_outside_arrays(x):
    scaled = A * 2
    scaled[0] = x
    return np.sum(scaled)


@refused(r"np\.array\(\[")
def ufunc_of_a_list(x):
    return np.sum(np.exp([x[0], x[1]]))


@refused("made outside")
def a_refusal_that_is_swallowed(x):
    try:  # noqa: SIM105 - as people write
        OUTSIDE[0] = x[0]
    except Exception:  # noqa: BLE001, S110
        pass
    return np.sum(OUTSIDE) + x[0]


@refused("spacing")
def a_function_without_a_derivative(x):
    return np.sum(np.spacing(x))


@pytest.fixture(autouse=True)
def _outside_is_ones() -> None:
    OUTSIDE[:] = 1.0


@pytest.mark.parametrize("name", RIGHT)
def test_right_to_second_order(name: str) -> None:
    assert_agrees(RIGHT[name], X)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_line_and_the_remedy(name: str) -> None:
    f, words = REFUSED[name]
    with pytest.raises(cr.errors.ChainruleError, match=words) as caught:
        cr.grad(f)(X.copy())
    site = caught.value.site
    assert site is not None
    assert site.filename == __file__
    assert site.function == name


@pytest.mark.parametrize("name", RIGHT)
def test_numpy_is_as_before(name: str) -> None:
    before = dict(vars(np)), dict(vars(math)), dict(globals())
    cr.grad(RIGHT[name])(X.copy())
    assert before == (dict(vars(np)), dict(vars(math)), dict(globals()))
