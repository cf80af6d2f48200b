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

P, Q, U, WHOLE = X + 0.2, X + 1.1, np.array([0.2, 0.45, 0.7]), np.array([1, 2, 3])
#: Functions of several results, families, distributions: their arguments, and which are traced.
FAMILIES: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    **dict.fromkeys(("airy", "airye", "kelvin", "sici", "shichi", "fresnel", "iti0k0", "itj0y0", "it2i0k0",
                     "it2j0y0", "wofz", "lambertw", "sindg", "cosdg", "tandg", "cotdg"), ((P,), (0,))),
    **dict.fromkeys(("jvp", "yvp", "ivp", "kvp", "h1vp", "h2vp"), ((2.5, P), (1,))),
    **dict.fromkeys(("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"), ((WHOLE, P), (1,))),
    "pbdv": ((1.5, P), (1,)), "pbwa": ((1.5, P), (1,)), "ellipj": ((P, U), (0, 1)),
    "ellipkinc": ((P, U), (0, 1)), "ellipeinc": ((P, U), (0, 1)), "agm": ((P, Q), (0, 1)),
    "voigt_profile": ((P, Q, U), (0, 1, 2)), "assoc_laguerre": ((P, 3, 1.0), (0,)),
    "sph_harm_y": ((3, -2, P, Q), (2, 3)), "diric": ((P, 5), (0,)), "perm": ((Q + 2, P), (0, 1)),
    "radian": ((P, P, Q), (0, 1, 2)), "poch": ((P, Q), (0, 1)), "powm1": ((P, Q), (0, 1)),
    "boxcox": ((P, U), (0, 1)), "boxcox1p": ((P, U), (0, 1)), "inv_boxcox1p": ((P, U), (0, 1)),
    "gammainc": ((P, Q), (0, 1)), "gammaincc": ((P, Q), (0, 1)), "gammaincinv": ((Q, U), (0, 1)),
    "betainc": ((P, Q, U), (0, 1, 2)), "betaincc": ((P, Q, U), (0, 1, 2)), "betaincinv": ((P, Q, U), (0, 1, 2)),
    "chdtr": ((P, Q), (0, 1)), "chdtrc": ((P, Q), (0, 1)), "chdtri": ((P, U), (0, 1)),
    "gdtr": ((P, Q, P), (0, 1, 2)), "gdtrc": ((P, Q, P), (0, 1, 2)), "gdtrix": ((P, Q, U), (0, 1, 2)),
    "gdtria": ((U, Q, P), (0, 1, 2)), "pdtr": ((2.0, P), (1,)), "pdtrc": ((2.0, P), (1,)),
    "pdtri": ((WHOLE, U), (1,)), "bdtr": ((2.0, 5, U), (2,)), "bdtrc": ((2.0, 5, U), (2,)),
    "bdtri": ((2.0, 5, U), (2,)), "nbdtr": ((2, 5, U), (2,)), "nbdtrc": ((2, 5, U), (2,)),
    "nbdtri": ((2, 5, U), (2,)), "fdtr": ((P, Q, P), (0, 1, 2)), "fdtrc": ((P, Q, P), (0, 1, 2)),
    "fdtri": ((P, Q, U), (0, 1, 2)), "stdtr": ((P, Q), (0, 1)), "stdtrit": ((Q, U), (0, 1)),
    "chndtr": ((P, 3.0, Q), (0, 2)), "nrdtrimn": ((U, P, Q), (0, 1, 2)), "nrdtrisd": ((P, U - 0.1, Q), (0, 1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str) -> None:
    given, traced = FAMILIES[name]

    def f(*args: Any) -> Any:
        every = list(given)
        for i, a in zip(traced, args, strict=True):
            every[i] = a
        return getattr(sc, name)(*every)

    assert_call(f, *[np.asarray(given[i], float) for i in traced])


def test_a_small_shape_parameter_keeps_its_digits() -> None:
    """∂ₐP(a, x), of which JAX and TensorFlow have their own series: here by the definition."""
    h = 1e-5
    for a, x in ((0.02, 1e-4), (30.0, 28.0), (200.0, 230.0)):
        slope = (sc.gammainc(a + a * h, x) - sc.gammainc(a - a * h, x)) / (2 * a * h)
        np.testing.assert_allclose(cr.grad(lambda a, x=x: sc.gammainc(a, x))(a), slope, rtol=1e-7)


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str) -> None:
    f, args = CALLS[name]
    assert_call(f, *args)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: sc.hyp2f1(a, 1.0, 2.0, 0.5),
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


@pytest.mark.parametrize("f", [sc.gamma, sc.loggamma, sc.psi])
@pytest.mark.parametrize("z", [0.7 + 0.3j, -1.3 + 0.4j, -3.6 - 5.0j, 30.0 + 2.0j, 0.2 + 40.0j])
def test_the_gamma_function_of_complex_numbers(f: Any, z: complex) -> None:
    at = lambda h: f(np.array(z + h))  # noqa: E731 - a function of one line
    h = 1e-3
    first = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    second = (16 * (at(h) + at(-h)) - (at(2 * h) + at(-2 * h)) - 30 * at(0)) / (12 * h * h)
    np.testing.assert_allclose(cr.derivative(f)(np.array(z)), first, rtol=1e-8)
    np.testing.assert_allclose(cr.derivative(f, order=2)(np.array(z)), second, rtol=1e-5, atol=1e-9)
