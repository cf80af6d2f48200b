"""Functions of NumPy that compute on sets, histograms, polynomials and places in an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from numpy.polynomial import (
    Chebyshev,
    Polynomial,
    chebyshev,
    hermite_e,
    laguerre,
    legendre,
    polynomial,
)
from tests.trace.agreement import assert_agrees, weighted

X = np.array([0.3, 1.2, -0.7, 2.2])
C = np.array([1.0, 2.0, -0.5, 0.3])
AT = np.array([0.1, 0.2, 0.6, 0.9])
MASK = np.array([True, False, True, False])
KEYS = np.array([0, 1, 0, 1])


def _written(write: Callable[[Any, Any], Any], start: Callable[[Any], Any] = np.copy) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        y = start(x)
        write(y, x)
        return y

    return f


def _matrix(x: Any) -> Any:
    return np.outer(x[:2], x[2:]) + np.diag(x[:2])


CALLS: dict[str, Callable[[Any], Any]] = {
    "roots": lambda x: np.real(np.roots(np.array([x[0] + 0.5, -4.0, 1.0]) + 0.1 * x[:3])),
    "roots with zeros": lambda x: np.roots(np.concatenate([np.zeros(1), x[:2], np.zeros(2)])),
    "polydiv": lambda x: np.concatenate(np.polydiv(x, np.array([1.0, 2.0]))),
    "polydiv by a traced one": lambda x: np.concatenate(np.polydiv(C, x[:2])),
    "poly of roots": lambda x: np.poly(x),
    "poly of a matrix": lambda x: np.poly(_matrix(x)),
    "polyfit": lambda x: np.polyfit(C, x, 2),
    "polyfit by the places": lambda x: np.polyfit(x, C, 1, w=np.array([1.0, 2.0, 1.0, 0.5])),
    "polyfit cov": lambda x: np.polyfit(C, x, 1, cov=True)[1],
    "polyfit unscaled": lambda x: np.polyfit(x, C, 1, cov="unscaled")[1],
    "polyfit full": lambda x: np.polyfit(C, x, 1, full=True)[1],
    "poly1d": lambda x: np.poly1d(x)(0.4),
    "polynomial.polyval": lambda x: polynomial.polyval(x, C),
    "polynomial.polyval2d": lambda x: polynomial.polyval2d(x, x, np.outer(C, C)),
    "polynomial.polygrid2d": lambda x: polynomial.polygrid2d(x, x, np.outer(C, C)),
    "polynomial.polyfit": lambda x: polynomial.polyfit(C, x, 2),
    "Polynomial": lambda x: Polynomial(C)(x),
    "Polynomial of traced coefficients": lambda x: Polynomial(x)(0.4),
    "Chebyshev": lambda x: Chebyshev(C)(x),
    "chebval": lambda x: chebyshev.chebval(0.3, x),
    "legval": lambda x: legendre.legval(x, C),
    "hermeval": lambda x: hermite_e.hermeval(x, C),
    "lagval": lambda x: laguerre.lagval(x, C),
    "chebfit": lambda x: chebyshev.chebfit(C, x, 2),
    "put": _written(lambda y, x: np.put(y, [0, 2], x[:2] * 2)),
    "place in zeros": _written(lambda y, x: np.place(y, MASK, x[:2] ** 2), lambda x: np.zeros_like(x)),
    "putmask": _written(lambda y, x: np.putmask(y, MASK, x**2)),
    "copyto": _written(lambda y, x: np.copyto(y, x**2, where=MASK), lambda x: np.zeros_like(x)),
    "put_along_axis": _written(lambda y, x: np.put_along_axis(y, np.array([1, 2]), x[:2] ** 2, 0)),
    "fill_diagonal": _written(lambda y, x: np.fill_diagonal(y, x), lambda x: np.zeros((4, 4))),
    "histogram of weights": lambda x: np.histogram(AT, bins=3, weights=x)[0],
    "histogram density": lambda x: np.histogram(AT, bins=3, weights=x**2, density=True)[0],
    "histogram counts": lambda x: np.histogram(x, bins=3, range=(-1, 3))[0] * x[:3],
    "histogram edges": lambda x: np.histogram(x, bins=3)[1],
    "histogram by a rule": lambda x: np.histogram(x, bins="sturges")[1],
    "histogram of traced bins": lambda x: np.histogram(AT, bins=np.sort(x), density=True)[0],
    "histogram_bin_edges": lambda x: np.histogram_bin_edges(x, 4),
    "histogram2d": lambda x: np.histogram2d(AT, AT[::-1], bins=2, weights=x)[0],
    "histogramdd density": lambda x: np.histogramdd(
        np.stack([AT, AT**2], 1), bins=2, weights=x**2, density=True)[0],
    "histogramdd of lists": lambda x: np.histogramdd(
        [[x[0], x[1]], [0.2, x[3]]], [[x[2], 1.5], [0.0, 9.0]])[0] * x[0],
    "tril of a vector": lambda x: np.tril(x) + np.triu(x, 1),
    "atleast_1d of lists": lambda x: np.concatenate(
        [a * x[0] for a in np.atleast_1d([x[0], x[1]], [0.1, 0.2, 0.7])]),
    "zeros_like a list": lambda x: x[:2] + np.zeros_like([x[0], x[1]]) + np.ones_like([x[2], 2.0]),
    "full_like a list": lambda x: np.full_like([[x[0]], [x[1]]], x[2]),
    "logspace of lists": lambda x: np.logspace([x[0], x[1]], [x[2], 0.5], 4),
    "ediff1d to a number": lambda x: np.ediff1d(1.5, [x[0], 0.3]),
    "union1d": lambda x: np.union1d(x, [5.0, -3.0]),
    "setdiff1d": lambda x: np.setdiff1d(x, [7.0]),
    "setxor1d": lambda x: np.setxor1d(x, [9.0, 5.0]),
    "isin": lambda x: x * np.isin(x, [7.3, 2.9]),
    "unique_values": lambda x: np.unique_values(x),
    "unique_all": lambda x: np.unique_all(x).values,
    "lexsort": lambda x: x[np.lexsort((x, KEYS))],
    "trim_zeros": lambda x: np.trim_zeros(np.concatenate([np.zeros(2), x, np.zeros(1)])),
    "apply_over_axes": lambda x: np.apply_over_axes(np.sum, np.outer(x, x), [0, 1]),
    "frexp": lambda x: np.frexp(x)[0],
    "diag_indices_from": lambda x: np.outer(x, x)[np.diag_indices_from(np.outer(x, x))],
    "tril_indices_from": lambda x: np.outer(x, x)[np.tril_indices_from(np.outer(x, x), -1)],
    "matmul with axes": lambda x: np.matmul(np.outer(x, C), np.outer(C, x), axes=[(0, 1), (1, 0), (1, 0)]),
    "vecdot along an axis": lambda x: np.vecdot(np.outer(x, C), np.outer(C, x), axis=0),
    "vecdot kept": lambda x: np.vecdot(np.outer(x, C), np.outer(C, x), axis=0, keepdims=True),
    "matvec with axes": lambda x: np.matvec(np.outer(x, x**2), x, axes=[(1, 0), (0,), (0,)]),
    "multiply.at, twice": _written(lambda y, x: np.multiply.at(y, [0, 2, 0], x[1:]), lambda x: np.full(4, 0.5)),
    "maximum.at, twice": _written(lambda y, x: np.maximum.at(y, [1, 1, 1], x[:3]), lambda x: np.zeros(4)),
    "weighted quantile": lambda x: np.quantile(x, [0.4, 0.9], weights=C**2, method="inverted_cdf"),
    "weighted percentile": lambda x: np.percentile(
        np.outer(x, C), 40, axis=1, weights=C**2, method="inverted_cdf", keepdims=True),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_call(name: str) -> None:
    assert_agrees(lambda x: weighted(CALLS[name](x)), X)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_types(name: str) -> None:
    expected, found = CALLS[name](X), cr.jvp(CALLS[name], (X,), (C,))[0]
    assert (np.shape(found), np.asarray(found).dtype) == (np.shape(expected), np.asarray(expected).dtype)


def test_counts_are_integers() -> None:
    counts = cr.jvp(lambda x: np.histogram(x, bins=[-1, 0, 1, 3])[0], (X,), (X,))[0]
    np.testing.assert_array_equal(counts, np.histogram(X, bins=[-1, 0, 1, 3])[0])
    assert np.issubdtype(np.asarray(counts).dtype, np.integer)


def test_an_element_of_both_sets_is_that_of_the_first() -> None:
    gradient = cr.grad(lambda x: np.sum(np.intersect1d(x, [1.2, 2.2]) ** 2))(X)
    np.testing.assert_allclose(gradient, [0, 2.4, 0, 4.4])


def test_the_mantissa_of_zero_and_infinity() -> None:
    x = np.array([0.0, np.inf, -8.0, 5e-324])
    mantissa, exponent = cr.jvp(np.frexp, (x,), (np.ones(4),))[0]
    expected = np.frexp(x)
    np.testing.assert_array_equal(mantissa[:3], expected[0][:3])
    np.testing.assert_array_equal(exponent[:3], expected[1][:3])
