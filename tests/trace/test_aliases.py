"""Updates in place: every alias and every view sees what NumPy would show it."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace.aliases import Written
from tests.trace.agreement import assert_agrees, weighted

#: ``type``, under a name that is not intercepted.
real_type = type
X = np.array([[1.0, 2.5], [3.0, 0.7]])

PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def program(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[f.__name__] = f
    return f


@program
def an_alias_is_the_same_array(x):
    a = x
    a *= 2
    return weighted(x)


@program
def a_row_is_a_view(x):
    row = x[0]
    row += x[1]
    return weighted(x) + weighted(row)


@program
def a_view_sees_a_later_write(x):
    column = x[:, 1]
    x[0, 1] = x[1, 0] ** 2
    return weighted(column)


@program
def the_transpose_is_a_view(x):
    y = x.T
    x[0, 1] = x[0, 0] * 3
    y[1, 1] += 7 * x[0, 0]
    return weighted(x) + weighted(y)


@program
def reshape_and_ravel_are_views(x):
    y = x.reshape(-1)
    y[1:3] = x[1]
    np.ravel(x)[0] *= 2
    return weighted(x)


@program
def a_view_of_a_view(x):
    corner = x[1:][:, :1].T
    corner[0, 0] = x[0, 0] * 5
    return weighted(x)


@program
def a_backwards_view(x):
    y = x[::-1, ::-1]
    y[0] = x[0] * 2
    return weighted(x) + weighted(y)


@program
def new_axes_and_moved_axes(x):
    y = np.moveaxis(x[None], 0, -1)
    y[0, 1, 0] = x[1, 1] ** 2
    np.swapaxes(x, 0, 1)[1] += 1.0
    return weighted(x)


@program
def parts_of_a_split(x):
    a, b = np.split(x, 2)
    a[...] = b * b
    return weighted(x)


@program
def rows_of_an_iteration(x):
    for row in x:
        row *= row[0]
    return weighted(x)


@program
def a_list_of_rows(x):
    rows = [x[k] for k in range(2)]
    for row in rows:
        row *= 2
    return weighted(x)


@program
def a_copy_is_not_a_view(x):
    y = x.copy()
    y[0] = 1.0
    z = x.flatten()
    z[0] = 0.0
    w = x.astype(float)
    w *= 2
    return weighted(x) + weighted(y) + weighted(z) + weighted(w)


@program
def an_indexed_copy_is_not_a_view(x):
    y = x[[0, 1]]
    y *= 2
    z = x[x > 2]
    z[0] = 0.0
    return weighted(x) + weighted(y) + weighted(z)


@program
def a_result_is_not_a_view(x):
    y = np.maximum(x, -1e9)
    y += 1
    z = np.round(x * 1.0, 12) * 0 + np.concatenate([x])
    z[0] = 3.0
    return weighted(x) + weighted(y) + weighted(z)


@program
def rebinding_is_not_writing(x):
    y = x[:, 0]
    y = y * 2
    y[0] = 1.0
    return weighted(x) + weighted(y)


@program
def scalars_are_immutable(x):
    s = x[0, 0]
    t = s
    t += 1.0
    return s * t * weighted(x)


@program
def all_operators(x):
    y = x.copy()
    y += x
    y -= 0.5 * x[0]
    y *= x
    y /= x[1]
    y **= 2
    y @= x
    return weighted(y)


@program
def a_mask_with_one_value(x):
    x[x > 2] = 0.0
    return weighted(x)


@program
def a_mask_scaled(x):
    x[x > 2] *= 3.0
    return weighted(x)


@program
def a_mask_with_many_values(x):
    x[x > 2] = x[x <= 2] * 2
    return weighted(x)


@program
def integer_arrays(x):
    x[[0, 1], [1, 0]] = x[[0, 1], [0, 1]]
    return weighted(x)


@program
def the_last_write_of_several_wins(x):
    y = np.zeros(3)
    y[[0, 0, 2]] = [x[0, 0], x[0, 1], x[1, 0]]
    return weighted(y)


@program
def swapped_rows(x):
    x[[0, 1]] = x[[1, 0]]
    return weighted(x)


@program
def rows_that_follow_each_other(x):
    x[0] = x[1]
    x[1] = x[0] * 2
    return weighted(x)


@program
def out_of_a_ufunc(x):
    np.add(x, x, out=x)
    np.multiply(x[0], x[1], out=x[0])
    return weighted(x)


@program
def where_of_a_ufunc(x):
    np.multiply(x, 10.0, out=x, where=np.array([[True, False], [False, True]]))
    return weighted(x)


@program
def ufunc_at(x):
    np.add.at(x, ([0, 0, 1], [0, 0, 1]), x[0, 1])
    np.subtract.at(x, 0, x[1])
    np.multiply.at(x, ([1], [0]), 2.0)
    return weighted(x)


@program
def functions_that_write(x):
    np.copyto(x, x[0] * 2, where=[True, False])
    np.put(x, [3], x[0, 0])
    np.fill_diagonal(x, x[0, 1])
    np.putmask(x, x > 4, x / 2)
    return weighted(x)


@program
def more_functions_that_write(x):
    y = np.zeros((2, 2))
    np.put_along_axis(y, np.array([[1], [0]]), x[:, :1], axis=1)
    np.place(x, x > 2.6, [x[0, 0]])
    return weighted(x) + weighted(y)


@program
def methods_that_write(x):
    y = x.copy()
    y.sort(axis=0)
    z = x.copy()
    z.fill(x[0, 1])
    x.put([0], x[1, 1])
    x.flat[1] = x[1, 0]
    return weighted(x) + weighted(y) + weighted(z)


@program
def standardised_in_place(x):
    x -= x.mean(axis=0)
    x /= x[0, 0] + 3.0
    return weighted(x)


@program
def elimination_in_place(x):
    x[1] -= x[0] * (x[1, 0] / x[0, 0])
    return x[0, 0] * x[1, 1] + weighted(x)


@program
def an_array_under_another_shape(x):
    y = x.copy()
    y.shape = (4,)
    z = np.zeros((2, 2))
    z[0] = x[1]
    z.shape = (4, 1)
    z[3] = x[0, 0]
    return weighted(y) + weighted(z)


@program
def the_real_part_of_a_real_array(x):
    x.real[0] = x[1] * 2
    y = np.asarray(x, float).astype(float, copy=False)
    y[1] = x[0]
    np.nan_to_num(x, copy=False)
    return weighted(x)


@program
def parts_of_a_complex_array(x):
    z = x + 1j * x[::-1]
    z.real = x[0]
    z.imag = z.imag + 2.0
    z.real = z.real * x
    return (
        weighted(z.real)
        + weighted(z.imag)
        + weighted(z.view(float))
        + weighted(np.abs(x.view(complex)))
    )


@program
def out_by_position(x):
    y = np.zeros(2)
    np.sum(x, 0, None, y)
    z = np.zeros((2, 2))
    np.dot(x, x, z)
    np.clip(x, 0.8, 2.7, x)
    return weighted(x) + weighted(y) + weighted(z)


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_numpy(name: str) -> None:
    assert_agrees(PROGRAMS[name], X)


def test_the_caller_keeps_his_array() -> None:
    x = X.copy()

    def f(x):
        x *= 2
        return np.sum(x)

    np.testing.assert_array_equal(cr.grad(f)(x), np.full((2, 2), 2.0))
    np.testing.assert_array_equal(x, X)


def test_an_update_alone_costs_no_memory() -> None:
    def f(x):
        y = x * 1.0
        y += x
        assert real_type(y) is not Written
        y[0] += 1.0
        assert real_type(y) is Written
        return np.sum(y * x)

    cr.grad(f)(X)


@pytest.mark.parametrize(
    ("update", "error"),
    [
        (lambda x: x.__iadd__(np.ones((3, 2, 2))), ValueError),
        (lambda x: x.__iadd__(1j * x), TypeError),
        (lambda x: x.__setitem__(0, np.ones(3)), ValueError),
        (lambda x: x.__setitem__(7, 1.0), IndexError),
        (lambda x: x.__setitem__((0, 0), x), ValueError),
        (lambda x: np.add(x, np.ones((3, 2, 2)), out=x), ValueError),
        (lambda x: np.broadcast_to(x, (3, 2, 2)).__setitem__(0, 1.0), ValueError),
        (lambda x: np.diagonal(x).__setitem__(0, 1.0), ValueError),
    ],
)
def test_what_numpy_refuses_is_refused(update: Callable[[Any], Any], error: type) -> None:
    with pytest.raises(error):
        update(X.copy())

    def f(x):
        update(x)
        return np.sum(x)

    with pytest.raises(error):
        cr.grad(f)(X)


def test_an_inner_value_stored_in_an_outer_array() -> None:
    """d/dx of x · d/dy (y² x), with the product kept in an array of the outer function."""

    def outer(x):
        kept = np.zeros(2)

        def inner(y):
            kept[0] = x
            return y * y * kept[0]

        return x * cr.grad(inner)(3.0) + kept[0]

    np.testing.assert_allclose(cr.grad(outer)(2.0), 2 * 6.0 * 2.0 + 1.0)


def test_an_inner_value_that_leaves_by_an_outer_array_says_so() -> None:
    def outer(x):
        kept = np.zeros(1)

        def inner(y):
            kept[0] = y
            return y * y

        cr.grad(inner)(x)
        return np.sum(kept)

    with pytest.raises(cr.errors.EndedTrace):
        cr.grad(outer)(2.0)


@pytest.mark.parametrize("x", [1.5, np.array(1.5)])
def test_arrays_without_axes_are_written_to(x) -> None:
    def f(x):
        y = np.asarray(x * 2)
        y[y > 1] = 3 * x
        y[...] = y * x
        z = np.where(x > 0, x, 1.0)
        z[np.isnan(z)] = 7.0
        w = np.copy(x)
        w[w > 1] = np.asarray(x * 4)[w > 1]
        v = np.array(x)
        v[()] = x * 5
        return y + z + w + v

    assert cr.value_and_grad(f)(x) == (f(x), 6 * 1.5 + 10)
    assert cr.jit(cr.value_and_grad(f))(x) == (f(x), 6 * 1.5 + 10)


def test_an_array_without_axes_that_has_two_names_is_not() -> None:
    def f(x):
        y = np.array(x * 1.0)
        w = y
        w[...] = 2 * x
        return y * x

    def g(x):
        y = np.array(x * 1.0)
        w = y.reshape(1)
        y[...] = 2 * x
        return w[0] * x

    for program in (f, g):
        with pytest.raises(TypeError, match="another name"):
            cr.grad(program)(1.5)


def test_a_part_that_is_all_that_is_left_of_a_complex_array() -> None:
    def f(x):
        y = np.exp(x * 1j).imag
        y[0] = x[1]
        z = (x[1:] * (1 + 2j))[:1].imag
        z *= 3.0
        return np.sum(y) + z[0]

    np.testing.assert_allclose(
        cr.grad(f)(np.array([0.3, 0.5, 0.7])), [0, 1 + np.cos(0.5) + 6, np.cos(0.7)]
    )


@pytest.mark.parametrize("part", [lambda z: z.real, lambda z: z[1:].real, lambda z: z.T.imag])
def test_a_part_of_what_others_see_is_refused(part) -> None:
    def f(x):
        z = x * (1 + 1j)
        y = part(z)
        y[0] = 3.0
        return np.sum(np.abs(z))

    def g(x):
        z = x * (1 + 1j)
        y, w = part(z), z[::-1]
        del z
        y[0] = 3.0
        return np.sum(np.abs(w))

    for program in (f, g):
        with pytest.raises(TypeError, match=r"z\.real ="):
            cr.grad(program)(X)


def test_a_write_to_a_part_of_a_complex_array_is_refused() -> None:
    def f(x):
        z = x * (1 + 1j)
        z.real[0] = 3.0
        return np.sum(np.abs(z))

    with pytest.raises(TypeError, match=r"z\.real ="):
        cr.grad(f)(X)
