"""NumPy's reductions and statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.trace.calls import assert_call

rng = np.random.default_rng(0)
X = rng.normal(size=(3, 4))
C = rng.normal(size=(3, 4, 5))
V = rng.normal(size=5)
N = X.copy()
N[0, 1] = np.nan
Z = X + 1j * rng.normal(size=(3, 4))
MASK = X > 0
MOST = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 1]], bool)
WEIGHTS = np.arange(4.0) + 1

METHODS = (
    "linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf",
    "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
    "normal_unbiased",
)  # fmt: skip
REDUCTIONS = ("sum", "mean", "prod", "max", "min", "var", "std", "median")


@pytest.mark.parametrize("name", [*REDUCTIONS, "ptp", "amax", "amin"])
def test_axes(name: str) -> None:
    f = getattr(np, name)
    for axis in (None, 0, -1):
        assert_call(lambda a, axis=axis: f(a, axis=axis), X)
    assert_call(lambda a: f(a, axis=1, keepdims=True), X)
    if name != "ptp":
        assert_call(lambda a: f(a, axis=(0, 2)), C)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_without_nan(name: str) -> None:
    f = getattr(np, "nan" + name)
    for axis in (None, 0, -1):
        assert_call(lambda a, axis=axis: f(a, axis=axis), N)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_where_and_initial(name: str) -> None:
    f = getattr(np, name)
    assert_call(lambda a: f(a, axis=1, where=MASK, initial=-7.0), X)


@pytest.mark.parametrize("method", METHODS)
def test_quantile_methods(method: str) -> None:
    q = [0.1, 0.25, 0.5, 0.77, 1.0]
    assert_call(lambda a: np.quantile(a, q, axis=1, method=method), X)
    assert_call(lambda a: np.nanquantile(a, q, axis=1, method=method), N)


CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "mean where": (lambda a: np.mean(a, axis=0, where=MOST), (X,)),
    "var where": (lambda a: np.var(a, axis=0, where=MOST), (X,)),
    "std of one": (lambda a: np.std(a[:1], axis=0) * a, (X,)),
    "std where": (lambda a: np.std(a, axis=0, where=MOST), (X,)),
    "var ddof": (lambda a: np.var(a, ddof=1), (X,)),
    "std correction": (lambda a: np.std(a, axis=0, correction=1), (X,)),
    "var of complex numbers": (lambda a: np.var(a), (Z,)),
    "percentile": (lambda a: np.percentile(a, 30), (X,)),
    "percentile keepdims": (lambda a: np.percentile(a, [30, 50], axis=0, keepdims=True), (X,)),
    "quantile by q": (lambda q: np.quantile(X, q, axis=0), (np.array([0.31, 0.52]),)),
    "nanpercentile": (lambda a: np.nanpercentile(a, 30), (N,)),
    "average": (lambda a: np.average(a), (X,)),
    "weighted": (lambda a: np.average(a, axis=1, weights=WEIGHTS), (X,)),
    "by the weights": (lambda w: np.average(X, axis=1, weights=w), (np.abs(V[:4]),)),
    "returned": (lambda a: np.average(a, axis=1, weights=WEIGHTS, returned=True), (X,)),
    "cov": (lambda a: np.cov(a), (X,)),
    "cov of columns": (lambda a: np.cov(a, rowvar=False, ddof=0), (X,)),
    "cov of two": (lambda a, b: np.cov(a, b), (X, X[:1] ** 2)),
    "cov weighted": (lambda a: np.cov(a, aweights=WEIGHTS, fweights=[1, 2, 3, 1]), (X,)),
    "cov of one": (lambda a: np.cov(a), (V,)),
    "cov of complex numbers": (lambda a: np.cov(a), (Z,)),
    "corrcoef": (lambda a: np.corrcoef(a), (X,)),
    "cumsum": (lambda a: np.cumsum(a), (X,)),
    "cumsum along": (lambda a: np.cumsum(a, axis=1), (X,)),
    "cumprod": (lambda a: np.cumprod(a, axis=0), (X,)),
    "nancumsum": (lambda a: np.nancumsum(a, axis=0), (N,)),
    "nancumprod": (lambda a: np.nancumprod(a), (N,)),
    "running maximum": (lambda a: np.maximum.accumulate(a, axis=1), (X,)),
    "running minimum": (lambda a: np.minimum.accumulate(a), (X,)),
    "an index from a maximum": (lambda a: a[np.argmax(a, axis=0), np.arange(4)], (X,)),
    "an index as a number": (lambda a: a.max() * a.argmax(), (X,)),
    "an index without NaN": (lambda a: a[np.nanargmax(a, axis=0), np.arange(4)], (N,)),
    "a count": (lambda a: np.count_nonzero(a > 0) * a, (X,)),
    "any": (lambda a: np.where(np.any(a > 1, axis=0), a[0], a[1]), (X,)),
    "all": (lambda a: np.where(np.all(a > -1, axis=0), a[0], a[1]), (X,)),
}
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    CALLS["cumulative_sum"] = (lambda a: np.cumulative_sum(a, axis=1, include_initial=True), (X,))
    CALLS["cumulative_prod"] = (lambda a: np.cumulative_prod(a, axis=0), (X,))


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


def test_half_precision_stays() -> None:
    import chainrule as cr

    x = X.astype(np.float32)
    for name in REDUCTIONS:
        f = getattr(np, name)
        value, slope = cr.value_and_grad(lambda a, f=f: f(a))(x)
        assert np.asarray(value).dtype == f(x).dtype == slope.dtype == np.float32
