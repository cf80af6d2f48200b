"""Edges of NumPy's and SciPy's functions: numbers, nothing at all, single precision, stacks."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy
from scipy import fft, linalg, ndimage, signal, special
from tests.trace.agreement import assert_agrees, weighted

X = np.array([0.3, 1.2, -0.7, 2.2, 0.9, 1.7])
Z = X + 1j * X[::-1] ** 2
ROWS = X.reshape(2, 3)

CALLS: dict[str, Callable[[Any], Any]] = {
    "median filter": lambda x: ndimage.median_filter(x.reshape(2, 3), 3),
    "rank filter": lambda x: ndimage.rank_filter(x, 1, size=4, mode="nearest", origin=1),
    "percentile filter": lambda x: ndimage.percentile_filter(x, 70, size=3, mode="wrap"),
    "maximum filter": lambda x: ndimage.maximum_filter(x.reshape(2, 3), (1, 2), mode="constant"),
    "minimum filter along an axis": lambda x: ndimage.minimum_filter1d(x, 3, mode="mirror"),
    "grey dilation": lambda x: ndimage.grey_dilation(x, structure=np.array([0.1, 0.5, 0.2])),
    "medfilt": lambda x: signal.medfilt(x, 3),
    "medfilt2d": lambda x: signal.medfilt2d(x.reshape(2, 3), [1, 3]),
    "order_filter": lambda x: signal.order_filter(x, np.ones(3), 0),
    "a filter of complex numbers": lambda x: np.abs(signal.lfilter([1, 0.5], [1, -0.2], x * np.exp(1j * x))),
    "emath": lambda x: np.abs(np.emath.sqrt(x) * np.emath.log(x) + np.emath.power(x, 0.3)),
    "emath inverses": lambda x: np.real(np.emath.arccos(x) * np.emath.arctanh(x)) + np.emath.logn(2, x * x),
    "deviation of one of a column": lambda x: np.std(
        x.reshape(2, 3), axis=0, where=[[True, True, False], [True, False, True]]) * x[:3],
    "compress": lambda x: x.reshape(2, 3).compress([True, False, True], axis=1),
    "trim_zeros of a matrix": lambda x: np.trim_zeros(np.pad(x.reshape(2, 3), ((1, 0), (2, 1)))),
    "clip": lambda x: x.clip(0, 1) * x,
    "a number along an axis": lambda x: np.cumsum(x[0], axis=0) + np.take(x[1], [0], axis=-1)
    + np.repeat(x[2], 1, axis=0) + special.logsumexp(x[3], axis=-1, keepdims=True),
    "expm of a number": lambda x: linalg.expm(x[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    assert_agrees(lambda x: weighted(CALLS[name](x)), X)


@pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17), reason="SciPy 1.17 takes stacks"
)
def test_toeplitz_and_blocks_of_stacks() -> None:
    assert_agrees(lambda x: weighted(linalg.toeplitz(x.reshape(2, 3), x[:2])), X)
    assert_agrees(lambda x: weighted(linalg.block_diag(x.reshape(2, 1, 3), x.reshape(2, 3, 1))), X)


SINGLE: dict[str, Callable[[Any], Any]] = {
    "mean where": lambda x: np.mean(x, where=x > 0),
    "std where": lambda x: np.std(x, axis=0, where=x > 0),
    "nanmean": lambda x: np.nanmean(x, axis=-1),
    "nanvar": lambda x: np.nanvar(x),
    "a composition of scipy.special": lambda x: special.inv_boxcox(x, 0.3) + special.gdtr(1, 2, x * x),
    "float_power": lambda x: np.float_power(x, 2.0),
    "polyval at a number": lambda x: np.polyval(x, 1.3),
    "cov": lambda x: np.cov(x, x * x),
    "dct": lambda x: fft.dct(x),
    "shift": lambda x: ndimage.shift(x, 0.3, order=1),
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_dtypes_are_numpys(name: str, dtype: str) -> None:
    f, x = SINGLE[name], X.astype(dtype)
    expected = np.asarray(f(x))
    found = cr.jvp(f, (x,), (x,))
    assert [np.asarray(r).dtype for r in found] == [expected.dtype] * 2
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


NOTHING: dict[str, Callable[[Any], Any]] = {
    "nanmedian": lambda x: np.nanmedian(x[:0]),
    "nanpercentile": lambda x: np.nanpercentile(x.reshape(2, 3)[:, :0], 40, axis=1),
    "logsumexp": lambda x: special.logsumexp(x[:0], axis=-1, keepdims=True),
    "resize": lambda x: np.resize(x[:0], (2, 3)),
    "variance of too few": lambda x: np.var(x[:2], ddof=3),
    "deviation of too few": lambda x: np.std(x.reshape(2, 3), axis=0, ddof=2),
    "covariance of too few": lambda x: np.cov(x.reshape(2, 3), ddof=4),
    "variance of too few where": lambda x: np.var(x, ddof=2, where=x < 0),
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.filterwarnings("ignore")
def test_of_nothing(name: str) -> None:
    f = NOTHING[name]
    np.testing.assert_array_equal(cr.jvp(f, (X,), (X,))[0], f(X))
