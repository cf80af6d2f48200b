"""``scipy.special``: ufuncs, Python functions, and what is differentiated by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special as sc
from chainrule.errors import UnsupportedFunction
from tests.trace.calls import assert_call

X = np.array([0.3, 1.2, 2.5])
Y = np.array([[0.4, -1.3], [2.2, 0.1]])

CALLS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "logsumexp": (lambda x: sc.logsumexp(x), (Y,)),
    "logsumexp along": (lambda x: sc.logsumexp(x, axis=0, keepdims=True), (Y,)),
    "logsumexp weighted": (lambda x: sc.logsumexp(x, b=np.array([1.0, 2.0])), (Y,)),
    "logsumexp signed": (
        lambda x: sc.logsumexp(x, b=np.array([1.0, -2.0]), return_sign=True)[0],
        (Y,),
    ),
    "softmax": (lambda x: sc.softmax(x, axis=1), (Y,)),
    "softmax of all": (lambda x: sc.softmax(x), (Y,)),
    "log_softmax": (lambda x: sc.log_softmax(x, axis=0), (Y,)),
    "polygamma": (lambda x: sc.polygamma(2, x), (X,)),
    "zeta": (lambda x: sc.zeta(3, x), (X,)),
    "multigammaln": (lambda x: sc.multigammaln(x, 3), (X + 3,)),
    "factorial": (lambda x: sc.factorial(x), (X,)),
    "comb": (lambda x: sc.comb(7, x), (X,)),
    "huber": (lambda x: sc.huber(0.7, x), (X,)),
    "pseudo_huber": (lambda d, x: sc.pseudo_huber(d, x), (X, X + 1)),
    "expm1": (lambda x: sc.expm1(x), (X,)),
    "log1p": (lambda x: sc.log1p(x), (X,)),
    "cbrt": (lambda x: sc.cbrt(x), (X,)),
    "digamma": (lambda x: sc.digamma(x), (X,)),
    "jn": (lambda x: sc.jn(2, x), (X,)),
    "gammainc": (lambda x: sc.gammainc(2.5, x), (X,)),
    "betainc": (lambda x: sc.betainc(2.5, 1.5, x / 3), (X,)),
    "beta by both": (lambda a, b: sc.beta(a, b), (X, X + 0.5)),
    "binom by both": (lambda n, k: sc.binom(n, k), (X + 4, X)),
    "xlogy by both": (lambda x, y: sc.xlogy(x, y), (X, X + 0.5)),
    "chdtr": (lambda x: sc.chdtr(3.0, x), (X,)),
}
if hasattr(sc, "softplus"):
    CALLS["softplus"] = (lambda x: sc.softplus(x), (Y,))


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: sc.gammainc(a, 1.0),
        lambda v: sc.jv(v, 1.0),
        lambda s: sc.zeta(s, 1.0),
        lambda a: sc.hyp1f1(a, 1.0, 0.5),
    ],
)
def test_a_parameter_without_a_formula_is_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedFunction, match="parameter"):
        cr.grad(f)(1.5)


def test_a_parameter_that_is_constant_is_not() -> None:
    assert np.isclose(cr.grad(lambda x: sc.jv(x.dtype.type(1.5), x))(1.0), sc.jvp(1.5, 1.0))


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (sc.xlogy, (0.0, 0.0), (-np.inf, 0.0)),
        (sc.xlogy, (0.0, 2.0), (np.log(2.0), 0.0)),
        (sc.xlogy, (2.0, 0.0), (-np.inf, np.inf)),
        (sc.xlog1py, (0.0, -1.0), (-np.inf, 0.0)),
        (sc.rel_entr, (0.0, 2.0), (-np.inf, 0.0)),
        (sc.kl_div, (1.0, 1.0), (0.0, 0.0)),
    ],
)
def test_two_arguments_at_the_edge(f: Any, x: tuple[float, ...], slope: tuple[float, ...]) -> None:
    with np.errstate(all="ignore"):
        found = cr.grad(lambda x, y: f(x, y), wrt=(0, 1))(*x)
    np.testing.assert_array_equal(found, slope)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (sc.expit, 800.0, 0.0),
        (sc.expit, -np.inf, 0.0),
        (sc.expit, 40.0, np.exp(-40.0)),
        (sc.log_expit, -800.0, 1.0),
        (sc.log_expit, np.inf, 0.0),
        (sc.erf, np.inf, 0.0),
        (sc.erfcx, np.inf, 0.0),
        (sc.erfcx, 1e9, -1e-18 / np.sqrt(np.pi)),
        (sc.dawsn, 1e9, -0.5e-18),
        (sc.log_ndtr, -1e6, 1e6),
        (sc.log_ndtr, np.inf, 0.0),
        (sc.ndtri, 1e-300, 1 / (1e-300 * 37.0740)),
        (sc.erfinv, 1.0, np.inf),
        (sc.entr, 0.0, np.inf),
        (sc.entr, np.exp(-1.0), 0.0),
        (sc.logit, 0.0, np.inf),
        (sc.i0e, 1e6, -0.5 * 1e-9 / np.sqrt(2 * np.pi)),
        (sc.k0e, 1e6, -0.5 * 1e-9 * np.sqrt(np.pi / 2)),
        (sc.j1, 0.0, 0.5),
        (sc.i1, 0.0, 0.5),
        (sc.exprel, 0.0, 0.5),
        (sc.gammaln, 1e300, np.log(1e300)),
    ],
)
def test_one_argument_far_out(f: Any, x: float, slope: float) -> None:
    with np.errstate(all="ignore"):
        found = cr.grad(lambda x: f(x))(x)
    np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-15)
