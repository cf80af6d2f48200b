"""The statements of docs/conventions.md, each by its label. Those on shapes, on types and on linear
algebra are in files of their own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import (
    NaNDerivative,
    NotHolomorphic,
    NotScalar,
)
from scipy import special
from scipy.special import logsumexp, softmax, xlogy

inf, nan = np.inf, np.nan
X = np.array([[0.3, -1.2, 0.5], [0.7, 0.1, -0.4]])
PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"


def slope(f: Callable[[Any], Any], x: float) -> float:
    """The slope of a function of a number, which both modes must agree on."""
    backward = float(cr.grad(f)(x))
    _, tangent = cr.jvp(f, (float(x),), (1.0,))
    assert float(tangent) == backward or np.isnan([float(tangent), backward]).all()
    return backward


def test_every_label_has_a_test() -> None:
    labels = set(re.findall(r"\*\*([A-Z]\d+)\*\*", PAGE.read_text()))
    here = "".join(path.read_text() for path in Path(__file__).parent.glob("test_conventions*.py"))
    tested = {label.upper() for label in re.findall(r"def test_([a-z]\d+)_", here)}
    # Formulas and chance are tested where they live.
    elsewhere = {"F1", "F2", "F3", "R2"}
    assert labels - tested - elsewhere == set()
    assert tested <= labels


# -- kinks, ties and steps -------------------------------------------------------------------------


def test_k1_abs_at_zero() -> None:
    for f in (np.abs, np.fabs, abs, np.absolute):
        for zero in (0.0, -0.0):
            assert slope(f, zero) == 0.0


def test_k2_maximum_with_a_literal_zero() -> None:
    for f in (
        lambda x: np.maximum(x, 0),
        lambda x: np.maximum(0.0, x),
        lambda x: np.maximum(x, 0.0),
    ):
        assert slope(f, 0.0) == 0.0
        assert slope(f, 1e-300) == 1.0


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, inf])
def test_k3_norm_of_the_zero_vector(order: Any) -> None:
    found = cr.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3))
    np.testing.assert_array_equal(found, 0)


def test_k4_hypot_at_the_origin() -> None:
    assert cr.grad(np.hypot, wrt=(0, 1))(0.0, 0.0) == (0.0, 0.0)


def test_k5_modulus_of_complex_zero() -> None:
    assert cr.grad(lambda z: np.abs(z))(0j) == 0
    assert cr.jvp(np.abs, (0j,), (1 + 1j,))[1] == 0


def test_k6_clip_at_its_bounds() -> None:
    for x in (0.0, 1.0, 0.5, -1.0, 2.0):
        found = slope(lambda x: np.clip(x, 0.0, 1.0), x)
        assert found == slope(lambda x: np.minimum(np.maximum(x, 0.0), 1.0), x)


def test_m1_ties_of_two() -> None:
    for f in (np.maximum, np.minimum, np.fmax, np.fmin):
        for x in (1.0, 0.0, inf, -inf):
            assert cr.grad(f, wrt=(0, 1))(x, x) == (0.5, 0.5)


def test_m2_ties_of_many() -> None:
    x = np.array([3.0, 1.0, 3.0, 3.0])
    third = [1 / 3, 0, 1 / 3, 1 / 3]
    np.testing.assert_allclose(cr.grad(np.max)(x), third)
    np.testing.assert_allclose(cr.grad(lambda x: np.min(-x))(x), np.negative(third))
    np.testing.assert_allclose(cr.grad(lambda x: x.max())(x), third)
    np.testing.assert_allclose(cr.grad(np.ptp)(x), [1 / 3, -1, 1 / 3, 1 / 3])


def test_m3_a_variable_that_happens_to_be_zero_is_a_tie() -> None:
    assert cr.grad(np.maximum, wrt=(0, 1))(0.0, 0.0) == (0.5, 0.5)


def test_m4_sort_moves_slopes_with_the_entries() -> None:
    x = np.array([2.0, 1.0, 2.0, 0.0])
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_array_equal(cr.grad(lambda x: np.sort(x) @ weights)(x), [100, 10, 1000, 1])


def test_m5_ties_with_nan() -> None:
    for f in (np.maximum, np.minimum):
        for pair in ((nan, 1.0), (1.0, nan)):
            assert np.isnan(cr.grad(f, wrt=(0, 1))(*pair)).all()
    for f in (np.fmax, np.fmin):
        assert cr.grad(f, wrt=(0, 1))(nan, 1.0) == (0.0, 1.0)
        assert cr.grad(f, wrt=(0, 1))(1.0, nan) == (1.0, 0.0)


@pytest.mark.parametrize("f", [np.floor, np.ceil, np.rint, np.trunc, np.sign, np.round])
def test_p1_steps_are_flat(f: Any) -> None:
    for x in (1.0, 0.5, 0.0, 1.3):
        assert slope(lambda x: f(x) + 0 * x, x) == 0.0
    assert slope(lambda x: np.heaviside(x, 0.5), 0.0) == 0.0
    assert slope(lambda x: (x >= 1) * 1.0 + 0 * x, 1.0) == 0.0


def test_p2_remainder() -> None:
    for x, y in ((3.5, 1.5), (-3.5, 1.5), (3.0, 1.0), (3.5, -2.0)):
        assert cr.grad(np.remainder, wrt=(0, 1))(x, y) == (1.0, -np.floor(x / y))


# -- selection -------------------------------------------------------------------------------------


def test_w1_where_never_leaks() -> None:
    assert slope(lambda x: np.where(x > 1, np.sqrt(x - 1), 0), 0.5) == 0.0
    assert slope(lambda x: np.where(x > 0, np.log(x), x), -1.0) == 1.0
    assert slope(lambda x: np.where(x > 0, 1 / x, 0.0), 0.0) == 0.0
    x = np.array([-1.0, 0.0, 4.0])
    found = cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x) * np.log(x), x**2)))(x)
    np.testing.assert_allclose(found, [-2, 0, (1 + np.log(4) / 2) / 2])
    # To second order as well.
    second = cr.hessian(lambda x: np.sum(np.where(x > 0, x * np.log(x), x**3)))(x)
    np.testing.assert_allclose(np.diag(second), [-6.0, 0.0, 0.25])


MASKED: dict[str, Callable[[Any], Any]] = {
    "twice": lambda x: np.where(x > 0, np.sqrt(x), 0) + np.where(x > 0, 2 * np.sqrt(x), 0),
    "less": lambda x: np.where(x > 0, 5 * np.sqrt(x), 0) - np.where(x > 0, 2 * np.sqrt(x), 0),
    "nested": lambda x: np.where(x < 5, np.where(x > 1, 3 * np.sqrt(x), 0), 7.0),
    "either": lambda x: np.where(
        x > 2, np.where(x > 0, 3 * np.sqrt(x), 0), np.where(x > 1, np.sqrt(x), 0)
    ),
    "negative": lambda x: -np.where(x > 0, -3 * np.sqrt(x), 0),
    "sliced": lambda x: 3 * np.where(np.isnan(x), 0, np.sqrt(x))[2:],
    "moved": lambda x: np.where(x > 0, 3 * np.sqrt(x), 0)[::-1].reshape(3, 1).T,
    "composed": lambda x: np.where(x > 0, 6 * np.log(np.sqrt(np.sqrt(x)) ** 4), 0),
    "read and masked": lambda x: np.concatenate([2 * np.sqrt(x)[2:], np.sqrt(x)[x > 0]]),
    "broadcast": lambda x: np.where(x[:, None] > 0, np.sqrt(x)[:, None], 0) * np.ones(3),
    "gated": lambda x: np.maximum(np.where(x > 0, 3 * np.sqrt(x), 0), 0),
}


@pytest.mark.parametrize("name", MASKED)
def test_w1_masks_that_nest_and_add_up_never_leak(name: str) -> None:
    x = np.array([-1.0, 0.0, 4.0])
    f = lambda x: np.sum(MASKED[name](x))  # noqa: E731 - a function of one line
    last = 0.75 if name != "composed" else 6 / 4
    np.testing.assert_allclose(cr.grad(f)(x), [0, 0, last])
    np.testing.assert_allclose(cr.jvp(f, (x,), (np.ones(3),))[1], last)
    assert np.isfinite(cr.hessian(f)(x)).all()


SELECTIONS: dict[str, Callable[[Any], Any]] = {
    "mask": lambda x: np.sum(np.sqrt(x)[x > 0]),
    "select": lambda x: np.sum(np.select([x > 0], [np.sqrt(x)], 0.0)),
    "choose": lambda x: np.sum(np.choose((x > 0).astype(int), [np.zeros(3), np.sqrt(x)])),
    "clip": lambda x: -4 * np.sum(np.clip(1 / x, 0.0, 10.0)),
    "where=": lambda x: np.sum(np.sqrt(x, out=np.zeros(3), where=x > 0)),
    "sum where=": lambda x: np.sum(np.sqrt(x), where=x > 0),
    "nansum": lambda x: np.sum(np.where(np.isnan(np.sqrt(x)), 0, np.sqrt(x))[2:]),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_w2_other_selections_never_leak(name: str) -> None:
    x = np.array([-1.0, 0.0, 4.0])
    np.testing.assert_allclose(cr.grad(SELECTIONS[name])(x), [0, 0, 0.25])


def test_w2_overwritten_entries_never_leak() -> None:
    def f(x: Any) -> Any:
        y = np.sqrt(x)
        y[x <= 0] = 0.0
        return np.sum(y)

    np.testing.assert_allclose(cr.grad(f)(np.array([-1.0, 0.0, 4.0])), [0, 0, 0.25])


ROWS: dict[str, Callable[[Any], Any]] = {
    "norm": lambda X: np.linalg.norm(X, axis=1),
    "another norm": lambda X: np.linalg.norm(X, 3, axis=1),
    "standard deviation": lambda X: np.std(X, axis=1),
    "logsumexp": lambda X: special.logsumexp(X, axis=1),
    "complex": lambda X: np.exp((1 + 1j) * X[:, 0]).imag * X[:, 1],
    "modulus": lambda X: np.abs(X[:, 0] + 1j * X[:, 1]),
    "running product": lambda X: np.cumprod(np.log(X), axis=1)[:, 1],
    "running maximum": lambda X: np.maximum.accumulate(np.log(X), axis=1)[:, 1],
    "softmax": lambda X: special.softmax(np.log(X), axis=1)[:, 1],
    "log_softmax": lambda X: special.log_softmax(np.log(X), axis=1)[:, 0],
    "sign": lambda X: np.sign(np.log(X) + 0.5j * X).real[:, 0],
    "transform": lambda X: np.abs(np.fft.fft(np.log(X), axis=1))[:, 1],
    "contraction": lambda X: np.einsum("ij,ij,jk->i", np.log(X), X, np.ones((2, 2))),
    "matrix": lambda X: np.log(X) @ np.array([1.0, 2.0]),
    "determinant": lambda X: np.linalg.det(np.log(X)[:, :, None] * X[:, None, :] + np.eye(2)),
    "solve": lambda X: np.linalg.solve(np.log(X)[:, :, None] * X[:, None] + np.eye(2), X[..., None])[..., 0, 0],
    "power": lambda X: np.linalg.matrix_power(np.log(X)[:, :, None] * X[:, None], 3)[:, 0, 1],
    "cholesky": lambda X: np.linalg.cholesky(X[:, :, None] * X[:, None] + np.eye(2))[:, 1, 0],
    "lambertw": lambda X: special.lambertw(X[:, 0] * np.exp(X[:, 1])).real,
}


@pytest.mark.parametrize("fill", [0.0, inf, nan])
@pytest.mark.parametrize("name", ROWS)
def test_w2_rows_that_are_left_out_never_leak(name: str, fill: float) -> None:
    f, kept = ROWS[name], np.array([True, False, True])

    def overwritten(X: Any) -> Any:
        y = f(X)
        y[~kept] = 1.0
        return np.sum(y)

    X = np.array([[0.5, 0.7], [fill, fill], [0.2, 0.3]])
    expected = cr.grad(lambda X: np.sum(f(X)))(X[kept])
    second = cr.hvp(lambda X: np.sum(f(X)))(X[kept], X[kept])
    programs = (overwritten, lambda X: np.sum(np.where(kept, f(X), 0)), lambda X: np.sum(f(X)[kept]))
    for program in programs:
        with np.errstate(all="ignore"):
            found = cr.grad(program)(X)
            curved = cr.hvp(program)(X, np.where(kept[:, None], X, 1.0))
        np.testing.assert_allclose(found[kept], expected)
        np.testing.assert_allclose(curved[kept], second)
        assert not found[1].any()
        assert not curved[1].any()


def test_w2_entries_written_one_by_one_are_contracted() -> None:
    """Found by the fuzz, seed 912218: a mask of places of which no axis is left."""

    def f(x: Any) -> Any:
        y = np.array([np.maximum(x, 0), x, np.maximum(x, 0), x])
        size = abs(y)
        a = np.zeros(6)
        b = a.reshape(2, 3)
        b.T[0] = size[:2]
        c = b[:, ::2]
        c *= size[1] + 1
        last = size * 1.0
        last[-1] = size[0] * size[-1]
        return last + 0.3 * np.sum(np.vdot(y, y)) + 0.3 * np.sum(a + 0.5)

    x = 0.518
    common = 0.3 * (8 * x + 2 * (2 * x + 1))
    np.testing.assert_allclose(cr.jacobian(f)(x), common + np.array([1, 1, 1, 2 * x]))


def test_w2_what_overflowed_is_computed_otherwise() -> None:
    """Lambert's W of an exponential, as solar cells have it: where it overflows, by iteration."""

    def f(x: Any) -> Any:
        w = special.lambertw(2 * x * np.exp(300 * x)).real
        beyond = np.logical_not(np.isfinite(w))
        logarithm = np.log(2 * x[beyond]) + 300 * x[beyond]
        v = logarithm
        for _ in range(4):
            v = v * (1 - np.log(v) + logarithm) / (1 + v)
        w[beyond] = v
        return np.sum(w)

    x = np.array([0.5, 3.0, 1.0, 4.0])
    with np.errstate(over="ignore"):
        found = cr.grad(f)(x)
        curved = cr.hvp(f)(x, np.ones(4))
        w = np.array([f(x[k : k + 1]) for k in range(4)])
    # w + log w = log 2x + 300 x
    slope = (1 / x + 300) * w / (1 + w)
    np.testing.assert_allclose(found, slope, rtol=1e-9)
    np.testing.assert_allclose(curved, slope**2 / (w * (1 + w)) - w / (1 + w) / x**2, rtol=1e-6)


def test_w3_a_condition_has_no_derivative() -> None:
    assert slope(lambda x: np.where(x > 0, 1.0, 0.0) + 0 * x, 0.0) == 0.0


def test_w4_reads_add_up_and_overwriting_cuts() -> None:
    assert cr.grad(lambda x: x[0] + x[0] * 2 + np.sum(x[[0, 0]]))(np.ones(2))[0] == 5.0

    def f(x: Any) -> Any:
        y = np.zeros(2)
        y[0] = x[0] ** 2
        before = y[0]
        y[0] = x[1]
        return before + 10 * np.sum(y)

    np.testing.assert_array_equal(cr.grad(f)(np.array([3.0, 4.0])), [6.0, 10.0])


# -- complex numbers -------------------------------------------------------------------------------

Z = np.array([0.3 + 0.4j, -1.0 + 2.0j])


def test_c1_the_gradient_is_the_direction_of_steepest_ascent() -> None:
    np.testing.assert_allclose(cr.grad(lambda z: np.sum(np.abs(z) ** 2))(Z), 2 * Z)
    np.testing.assert_allclose(cr.grad(lambda z: np.sum(np.real(z * np.conj(z))))(Z), 2 * Z)
    np.testing.assert_allclose(cr.grad(lambda z: np.sum(z.real + 2 * z.imag))(Z), [1 + 2j, 1 + 2j])
    g = cr.grad(lambda z: np.sum(np.real(z**3)))(Z)
    h = 1e-6

    def f(z: np.ndarray) -> float:
        return float(np.sum(np.real(z**3)))

    for k, e in enumerate(np.eye(2)):
        by_real = (f(Z + h * e) - f(Z - h * e)) / (2 * h)
        by_imag = (f(Z + 1j * h * e) - f(Z - 1j * h * e)) / (2 * h)
        np.testing.assert_allclose(g[k], by_real + 1j * by_imag, rtol=1e-7)


def test_c2_the_pullback_is_the_adjoint() -> None:
    c = 2.0 - 3.0j
    np.testing.assert_allclose(cr.pullback(lambda z: c * z)(Z, np.ones(2) + 0j), np.conj(c))
    A = np.array([[1 + 2j, 0.5], [3j, -1.0]])
    np.testing.assert_allclose(cr.pullback(lambda z: A @ z)(Z, Z), A.conj().T @ Z)


def test_c3_the_gradient_by_a_real_argument_is_real() -> None:
    x = np.array([0.3, 0.8])
    g = cr.grad(lambda x: np.abs(np.sum(np.exp(1j * x))) ** 2)(x)
    assert g.dtype == np.float64
    # |e^{ia} + e^{ib}|² = 2 + 2 cos(a - b)
    s = -2 * np.sin(x[0] - x[1])
    np.testing.assert_allclose(g, [s, -s])


def test_c4_a_complex_value_has_no_gradient() -> None:
    with pytest.raises(NotScalar, match="real"):
        cr.grad(lambda z: np.sum(z))(Z)


def test_c5_jacobians_are_holomorphic() -> None:
    np.testing.assert_allclose(cr.jacobian(lambda z: z**2)(Z), np.diag(2 * Z))
    np.testing.assert_allclose(cr.derivative(np.exp)(Z), np.exp(Z))
    for f in (np.conj, np.abs, np.real, lambda z: z * np.conj(z), lambda z: z.imag * z, np.sign):
        with pytest.raises(NotHolomorphic):
            cr.jacobian(f)(Z)
        with pytest.raises(NotHolomorphic):
            cr.derivative(f)(Z)
    J = cr.jacobian(lambda x: np.exp(1j * x))(np.array([0.5]))
    np.testing.assert_allclose(J, [[1j * np.exp(0.5j)]])


def test_c6_on_a_branch_cut_the_slope_is_that_of_numpys_value() -> None:
    for z in (complex(-4.0, 0.0), complex(-4.0, -0.0)):
        found = cr.derivative(np.sqrt)(np.array(z))
        np.testing.assert_allclose(found, 0.5 / np.sqrt(np.array(z)))


@pytest.mark.parametrize("f", [np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh, np.log])
def test_c6_along_the_cuts_of_inverse_functions(f: Any) -> None:
    for x, side in itertools.product((-1.3, 1.3), (0.0, -0.0)):
        for z, along in ((complex(x, side), 1), (complex(side, x), 1j)):
            found = cr.derivative(f)(np.array(z))
            beyond, before = (
                complex(z.real + h, z.imag) if along == 1 else complex(z.real, z.imag + h) for h in (1e-6, -1e-6)
            )
            slope = (f(np.array(beyond)) - f(np.array(before))) / (2e-6 * along)
            np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-8)


# -- points where there is no finite slope ---------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.sqrt, -1.0),
        (np.arcsin, 2.0),
        (np.arccos, -2.0),
        (np.arccosh, 0.5),
    ],
)
def test_u1_no_slope_where_there_is_no_value(f: Any, x: float) -> None:
    assert np.isnan(slope(f, x))


def test_u1_but_for_the_logarithms() -> None:
    for f, x, expected in (
        (np.log, -2.0, -1 / 2),
        (np.log2, -2.0, -1 / (2 * np.log(2))),
        (np.log10, -2.0, -1 / (2 * np.log(10))),
        (np.log1p, -3.0, -1 / 2),
        (np.arctanh, 2.0, -1 / 3),
    ):
        assert np.isclose(slope(f, x), expected, rtol=1e-14)
        with np.errstate(invalid="ignore"):
            assert np.isnan(f(x))


def test_u2_vertical_tangents() -> None:
    for f, x, expected in (
        (np.sqrt, 0.0, inf),
        (np.log, 0.0, inf),
        (np.cbrt, 0.0, inf),
        (np.arcsin, 1.0, inf),
        (np.arcsin, -1.0, inf),
        (np.arccos, 1.0, -inf),
        (np.arccos, -1.0, -inf),
    ):
        assert slope(f, x) == expected


def test_u3_slopes_at_infinity() -> None:
    assert slope(np.exp, -inf) == 0
    assert slope(np.log, inf) == 0
    for f in (np.tanh, np.arctan):
        assert slope(f, inf) == slope(f, -inf) == 0
    assert (slope(np.abs, inf), slope(np.abs, -inf)) == (1, -1)
    assert np.isnan(slope(np.sin, inf))
    assert np.isnan(slope(np.cos, -inf))


def test_u4_nan_stays_where_it_is() -> None:
    x = np.array([1.0, nan, 2.0])
    np.testing.assert_array_equal(
        np.isnan(cr.grad(lambda x: np.sum(np.sin(x) * x))(x)), [False, True, False]
    )
    mixed = cr.grad(lambda x: np.sum(x[:2]) ** 2 + x[2] ** 2)(x)
    np.testing.assert_array_equal(np.isnan(mixed), [True, True, False])
    np.testing.assert_array_equal(
        cr.grad(lambda x: np.sum(np.where(np.isnan(x), 0, x)))(x), [1, 0, 1]
    )


def test_u5_nan_of_a_derivative_is_reported() -> None:
    f = lambda x: np.sqrt(x) * 0.0  # noqa: E731 - a function of one line
    with pytest.warns(RuntimeWarning):
        assert np.isnan(cr.grad(f)(0.0))
    with np.errstate(invalid="raise"), pytest.raises(NaNDerivative, match="sqrt"):
        cr.grad(f)(0.0)


def test_u7_small_powers_at_zero() -> None:
    assert [slope(lambda x, n=n: x**n, 0.0) for n in (0, 1, 2)] == [0, 1, 0]
    for n, expected in ((0.0, 0), (1.0, 1), (2.0, 0)):
        assert cr.grad(lambda x, y: x**y)(0.0, n) == expected
        assert cr.grad(lambda x, n=n: np.sum(x ** np.array([n])))(0.0) == expected
    assert cr.derivative(lambda x: x**2, order=2)(0.0) == 2.0
    assert cr.derivative(lambda x: x**1, order=2)(0.0) == 0.0
    assert cr.derivative(lambda x: x**3, order=3)(0.0) == 6.0


def test_u8_zero_to_a_power() -> None:
    for y in (0.5, 1.0, 2.0):
        assert cr.grad(lambda x, y: x**y, wrt=1)(0.0, y) == 0.0


def test_u9_products_with_zeros() -> None:
    np.testing.assert_array_equal(cr.grad(np.prod)(np.array([0.0, 2.0, 3.0])), [6, 0, 0])
    np.testing.assert_array_equal(cr.grad(np.prod)(np.array([0.0, 2.0, 0.0])), [0, 0, 0])
    H = cr.hessian(np.prod)(np.array([0.0, 2.0, 0.0]))
    np.testing.assert_array_equal(H, [[0, 0, 2], [0, 0, 0], [2, 0, 0]])
    J = cr.jacobian(np.cumprod)(np.array([2.0, 0.0, 3.0]))
    np.testing.assert_array_equal(J, [[1, 0, 0], [0, 2, 0], [0, 6, 0]])


def test_u10_sinc_at_zero() -> None:
    assert slope(np.sinc, 0.0) == 0.0
    assert cr.derivative(np.sinc, order=2)(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-12)


def test_u11_xlogy_at_zero() -> None:
    assert cr.grad(lambda x, y: xlogy(x, y), wrt=1)(0.0, 2.0) == 0.0
    assert cr.grad(lambda x, y: xlogy(x, y), wrt=1)(0.0, 0.0) == 0.0


def test_u12_under_a_local_name() -> None:
    from scipy.special import logsumexp

    np.testing.assert_allclose(cr.grad(logsumexp)(np.array([1e4, 1e4])), [0.5, 0.5])


def test_u12_soft_maxima_never_overflow() -> None:
    big = np.array([1e4, 1e4, 0.0])
    np.testing.assert_allclose(cr.grad(lambda x: logsumexp(x))(big), [0.5, 0.5, 0])
    low = np.array([-inf, 0.0, 0.0])
    np.testing.assert_allclose(cr.grad(lambda x: logsumexp(x))(low), [0, 0.5, 0.5])
    J = cr.jacobian(lambda x: softmax(x))(big)
    np.testing.assert_allclose(J[:2, :2], [[0.25, -0.25], [-0.25, 0.25]])
    assert cr.grad(np.logaddexp, wrt=(0, 1))(1e4, 0.0) == (1.0, 0.0)
    assert cr.grad(np.logaddexp, wrt=(0, 1))(-inf, 0.0) == (0.0, 1.0)


@pytest.mark.parametrize("f", [lambda x: np.linalg.norm(x), lambda x: np.hypot(x[0], x[1])])
def test_u14_a_norm_has_no_second_derivative_at_zero(f: Any) -> None:
    zero = np.zeros(2)
    assert not cr.grad(f)(zero).any()
    with pytest.warns(RuntimeWarning, match="NaN"):
        assert np.isnan(cr.hessian(f)(zero)).all()
    with np.errstate(invalid="raise"), pytest.raises(NaNDerivative):
        cr.hessian(f)(zero)


def test_u14_only_the_zero_row_is_undefined() -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]])
    with pytest.warns(RuntimeWarning, match="NaN"):
        second = cr.hessian(lambda X: np.sum(np.linalg.norm(X, axis=1)))(rows)
    undefined = np.zeros((3, 2, 3, 2), bool)
    undefined[1, :, 1, :] = True
    np.testing.assert_array_equal(np.isnan(second), undefined)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.norm(x) ** 2,
        lambda x: np.linalg.norm(x) * np.linalg.norm(x),
        lambda x: np.sum(np.abs(x) ** 2),
        lambda x: np.sum(np.abs(x) * np.abs(x)),
        lambda x: np.fabs(x) @ np.fabs(x),
        lambda x: np.sum(np.fabs(x) ** 2),
        lambda x: np.sum(np.abs(x) * np.sign(x) * x),
        lambda x: np.sum(np.square(np.linalg.norm(x[None], axis=0))),
        lambda x: np.hypot(x[0], x[1]) ** 2,
        lambda x: np.abs(x[0] + 1j * x[1]) ** 2,
        lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2) / 2,
        lambda x: np.linalg.norm(x * np.exp(1j)) ** 2,
        lambda x: np.sum(x**2) + np.linalg.norm(x) ** 4 + np.abs(x[0] + 1j * x[1]) ** 6,
    ],
)
def test_u14_the_square_of_a_norm_is_smooth(f: Any) -> None:
    np.testing.assert_array_equal(cr.hessian(f)(np.zeros(2)), 2 * np.eye(2))
    np.testing.assert_array_equal(cr.hvp(f)(np.zeros(2), np.array([1.0, 3.0])), [2.0, 6.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linalg.norm(x) ** 3,
        lambda x: (x @ x) ** 1.5 + np.sum(x**2) ** np.sqrt(np.pi),
        lambda x: (x[0] ** 2 + x[1] ** 2) ** 1.5,
        lambda x: np.hypot(x[0], x[1]) ** 3.5,
        lambda x: np.sum(np.abs(x[0] + 1j * x[1]) ** 3),
    ],
)
def test_u14_the_cube_of_a_norm_is_flat(f: Any) -> None:
    zero, x, v = np.zeros(2), np.array([0.3, 0.4]), np.array([1.0, 2.0])
    for hessian in (cr.hessian(f), cr.jit(cr.hessian(f)), cr.jacobian(cr.jacobian(f))):
        assert not hessian(zero).any()
    slope = (cr.grad(f)(x + 1e-5 * v) - cr.grad(f)(x - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(cr.hvp(f)(x, v), slope, rtol=1e-8)
    assert not cr.hvp(f)(zero, v).any()


@pytest.mark.parametrize("powers", [np.arange(2, 6), np.array([2.0, 2.5, 4.0, 2.0])])
def test_u14_squares_among_powers(powers: Any) -> None:
    f = lambda x, p: np.sum(np.abs(x) ** p)  # noqa: E731 - a function of one line
    even = np.where(powers == 2, 2.0, 0.0)
    for g in (lambda x: f(x, powers), lambda x: f(x, np.array(powers * 1.0))):
        np.testing.assert_array_equal(np.diag(cr.hessian(g)(np.zeros(4))), even)
        np.testing.assert_array_equal(np.diag(cr.jit(cr.hessian(g))(np.zeros(4))), even)
    x, p = np.array([0.5, 0.3, 0.2, 0.7]), powers * 1.0
    mixed = x ** (p - 1) * (1 + p * np.log(x))  # by x and then by p
    found = cr.jacobian(lambda p: cr.grad(f)(x, p))(p)
    np.testing.assert_allclose(np.diag(found), mixed)
    np.testing.assert_allclose(np.diag(cr.jacobian(lambda x: cr.grad(f, wrt="p")(x, p))(x)), mixed)


# -- constants -------------------------------------------------------------------------------------


def test_r1_stop_gradient() -> None:
    f = lambda x: np.sum(x * cr.stop_gradient(x))  # noqa: E731 - a function of one line
    np.testing.assert_array_equal(cr.grad(f)(X), X)
    assert not cr.hessian(f)(X).any()
    assert cr.jvp(f, (X,), (X,))[1] == pytest.approx(np.sum(X * X))
    np.testing.assert_array_equal(cr.vmap(cr.stop_gradient)(X), X)
    np.testing.assert_array_equal(cr.stop_gradient(X), X)


def test_r3_surrounding_arrays_are_read_at_each_call() -> None:
    scale = np.ones(3)
    g = cr.grad(lambda x: np.sum(scale * x))
    np.testing.assert_array_equal(g(np.ones(3)), [1, 1, 1])
    scale[1] = 5.0
    np.testing.assert_array_equal(g(np.ones(3)), [1, 5, 1])
    scale = np.full(3, 2.0)
    np.testing.assert_array_equal(g(np.ones(3)), [2, 2, 2])
