"""Random draws with traced parameters: NumPy's values, NumPy's states, and derivatives along the draw."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special as ss
from chainrule.trace.random import RULES, WHY
from scipy import stats
from tests.trace.agreement import differences

X = np.array([1.3, 0.8, 2.1])
SPREAD = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
MAKERS = [np.random.default_rng, np.random.RandomState]

Draws = Callable[[Any, Any], Any]


def _covariance(x):
    return np.diag(x) + 0.1 * np.outer(x, x)


def _shuffled(r, x):
    y = x * 2
    r.shuffle(y)
    a = np.zeros(3)
    a[:] = x
    r.shuffle(a)
    b = np.arange(3.0)
    r.shuffle(b)
    return np.sum(y * np.arange(3)) + np.sum(a * b)


def _written_to(r, x):
    drawn = r.normal(size=3)
    drawn[0] = x[0]
    return np.sum(drawn * x)


#: Programs that draw, for both kinds of generators.
REPARAMETERISED: dict[str, Draws] = {
    "normal": lambda r, x: np.sum(r.normal(x, x[0], (4, 3)) ** 2) + r.normal(x[0], x[1]) ** 2,
    "uniform": lambda r, x: np.sum(r.uniform(x[1], x, 3) ** 2) + r.uniform(high=x[0]),
    "exponential": lambda r, x: np.sum(r.exponential(x) ** 2),
    "laplace": lambda r, x: np.sum(r.laplace(x, x[0]) ** 2),
    "logistic": lambda r, x: np.sum(r.logistic(x, x[0]) ** 2),
    "gumbel": lambda r, x: np.sum(r.gumbel(x, scale=x[0]) ** 2),
    "lognormal": lambda r, x: np.sum(r.lognormal(x * 0.1, x[0] * 0.1) ** 2),
    "rayleigh": lambda r, x: np.sum(r.rayleigh(x) ** 2),
    "weibull": lambda r, x: np.sum(r.weibull(x) ** 2),
    "pareto": lambda r, x: np.sum(r.pareto(x + 3) ** 2),
    "power": lambda r, x: np.sum(r.power(x) ** 2),
    "triangular": lambda r, x: np.sum(r.triangular(-x, x * 0.1, x, (5, 3)) ** 2),
    "gamma": lambda r, x: np.sum(r.gamma([1.0, 2.0, 0.3], x) ** 2),
    "multivariate_normal": lambda r, x: np.sum(
        r.multivariate_normal(x, _covariance(x), size=(2, 2)) ** 2 * np.arange(3)
    ) + np.sum(r.multivariate_normal(x, _covariance(x))),
    "choice": lambda r, x: np.sum(r.choice(x, 5) ** 2)
    + np.sum(r.choice(x, 2, replace=False, p=[0.2, 0.5, 0.3])),
    "permutation": lambda r, x: np.sum(r.permutation(x) * np.arange(3))
    + np.sum(r.permutation(np.outer(x, x)) * SPREAD),
    "shuffle": _shuffled,
    "written to": _written_to,
    "constants": lambda r, x: np.sum(r.standard_normal(3) * x)
    + r.standard_exponential() * x[0]
    + np.sum(r.standard_gamma(2.0, 3) * x)
    + np.sum(r.poisson(3.0, 3) * x)
    + np.sum(r.beta(2.0, x.shape[0], 3) * x),
    "a decision": lambda r, x: np.sum(x**2) if r.uniform() < 0.5 else np.sum(r.normal(x)),
}
OF_GENERATORS: dict[str, Draws] = {
    "permuted": lambda r, x: np.sum(r.permuted(np.outer(x, x), axis=1) * SPREAD),
    "cholesky": lambda r, x: np.sum(
        r.multivariate_normal(x, _covariance(x), size=2, method="cholesky") ** 2 * np.arange(3)
    ),
    "eigh": lambda r, x: np.sum(
        r.multivariate_normal(x, _covariance(x), size=2, method="eigh") ** 2 * np.arange(3)
    ),
    "columns": lambda r, x: np.sum(r.permutation(np.outer(x, x), axis=1) * SPREAD),
}


def state(r: Any) -> Any:
    return repr(r.bit_generator.state if hasattr(r, "bit_generator") else r.get_state(legacy=False))


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", [*REPARAMETERISED, *OF_GENERATORS])
def test_values_states_and_derivatives(name: str, maker: Any) -> None:
    if name in OF_GENERATORS and maker is np.random.RandomState:
        return
    f = {**REPARAMETERISED, **OF_GENERATORS}[name]
    plain, drawn, compiled = maker(3), maker(3), maker(3)
    expected = f(plain, X.copy())
    value, gradient = cr.value_and_grad(lambda x: f(drawn, x))(X.copy())
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    assert state(drawn) == state(plain)
    slopes = differences(lambda x: f(maker(3), x), X)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7)
    v = np.array([1.0, -0.5, 0.25])
    product = cr.hvp(lambda x: f(maker(3), x))(X.copy(), v)
    slope = differences(
        lambda t: np.sum(cr.grad(lambda x: f(maker(3), x))(X + t * v) * v), np.zeros(())
    )
    np.testing.assert_allclose(product @ v, slope, rtol=1e-5, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is compiled
        both = cr.jit(cr.value_and_grad(f, wrt=1))
        for k in range(3):
            value, gradient = both(compiled, X * (1 + 0.1 * k))
            again = maker(3)
            for j in range(k + 1):
                expected = f(again, X * (1 + 0.1 * j))
            np.testing.assert_allclose(value, expected, rtol=1e-12)
            assert state(compiled) == state(again)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(
    ("f", "cdf", "quantile"),
    [
        (lambda r, x: r.standard_gamma(x, (5, 3)), ss.gammainc, ss.gammaincinv),
        (
            lambda r, x: r.gamma(0.2 * x, x[0], (5, 3)),
            lambda x, z: ss.gammainc(0.2 * x, z / x[0]),
            lambda x, u: x[0] * ss.gammaincinv(0.2 * x, u),
        ),
        (
            lambda r, x: r.chisquare(x, (5, 3)),
            lambda x, z: ss.gammainc(x / 2, z / 2),
            lambda x, u: 2 * ss.gammaincinv(x / 2, u),
        ),
        (
            lambda r, x: r.beta(x, 2 * x[0], (5, 3)),
            lambda x, z: ss.betainc(x, 2 * x[0], z),
            lambda x, u: ss.betaincinv(x, 2 * x[0], u),
        ),
        (lambda r, x: r.standard_t(9 * x, (5, 3)), lambda x, z: ss.stdtr(9 * x, z), lambda x, u: ss.stdtrit(9 * x, u)),
        (
            lambda r, x: r.f(9 * x, 20 * x[0], (5, 3)),
            lambda x, z: ss.fdtr(9 * x, 20 * x[0], z),
            lambda x, u: ss.fdtri(9 * x, 20 * x[0], u),
        ),
    ],
    ids=["standard_gamma", "gamma", "chisquare", "beta", "standard_t", "f"],
)
def test_quantiles_at_a_fixed_probability(f: Any, cdf: Any, quantile: Any, maker: Any) -> None:
    drawn, plain = maker(3), maker(3)
    z = f(plain, X)
    u = cdf(X, z)
    weights = np.cos(np.arange(15.0)).reshape(5, 3)

    def cost(r, x):
        return np.sum(weights * f(r, x) ** 2)

    value, gradient = cr.value_and_grad(cost, wrt=1)(drawn, X)
    np.testing.assert_allclose(value, np.sum(weights * z**2), rtol=1e-13)
    assert state(drawn) == state(plain)
    # Each entry of the quantiles by differences: far in a tail they know fewer digits.
    slopes = differences(lambda x: np.sum(weights * quantile(x, u) ** 2), X)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6)
    v = np.array([1.0, -0.5, 0.25])
    product = cr.hvp(cost, wrt=1)(maker(3), X, v)
    truth = differences(
        lambda t: differences(lambda x: np.sum(weights * quantile(x, u) ** 2), X + t * v) @ v,
        np.zeros(()),
    )
    np.testing.assert_allclose(product @ v, truth, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("maker", MAKERS)
def test_wald(maker: Any) -> None:
    z = maker(3).wald(X, X[0])
    u = stats.invgauss.cdf(z, X / X[0], scale=X[0])
    moved = [stats.invgauss.ppf(u, (X + h) / X[0], scale=X[0]) for h in (1e-4, -1e-4)]
    found = cr.grad(lambda x: np.sum(maker(3).wald(x, X[0])))(X.copy())
    np.testing.assert_allclose(found, (moved[0] - moved[1]) / 2e-4, rtol=1e-6)


@pytest.mark.parametrize("maker", MAKERS)
def test_dirichlet(maker: Any) -> None:
    """Its mean is the derivative of ``alpha / Σ alpha``, and the shares always add up."""
    plain, drawn = maker(3), maker(3)
    expected = plain.dirichlet(X, 500)
    found, pull = cr.vjp(lambda x: drawn.dirichlet(x, 500), X)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert state(drawn) == state(plain)
    np.testing.assert_allclose(pull(np.ones_like(found))[0], 0.0, atol=1e-8)
    slope = pull(np.tile([1.0, 0.0, 0.0], (500, 1)))[0] / 500
    np.testing.assert_allclose(slope, (np.eye(3)[0] - X[0] / X.sum()) / X.sum(), atol=0.03)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda r, x: np.sum(r.poisson(x)), r"`r\.poisson\(x\)` draws from poisson.*whole numbers"),
        (lambda r, x: r.choice(3, p=x / np.sum(x)), "choice"),
        (lambda r, x: r.noncentral_f(x[0], 3, 1), "noncentral_f.*how many random numbers"),
        (lambda r, x: np.sum(r.dirichlet(x / 100)), "dirichlet"),
        (lambda r, x: r.vonmises(x[0], 1.0), "vonmises"),
        (lambda r, x: r.integers(0, x[0]), "integers"),
    ],
)
def test_what_has_no_derivative_along_the_draw_is_refused(f: Draws, words: str) -> None:
    with pytest.raises(cr.errors.CutDerivative, match=words) as caught:
        cr.grad(f, wrt=1)(np.random.default_rng(0), X.copy())
    assert caught.value.site.filename == __file__
    assert "stop_gradient" in str(caught.value)


def test_a_constant_parameter_may_be_anything() -> None:
    def f(r, x):
        return np.sum(r.poisson(cr.stop_gradient(x)) * x)

    drawn = np.random.default_rng(0).poisson(X)
    np.testing.assert_array_equal(cr.grad(f, wrt=1)(np.random.default_rng(0), X), drawn)


def test_a_negative_scale_is_refused_as_numpy_does() -> None:
    with pytest.raises(ValueError, match="scale < 0"):
        cr.grad(lambda x: np.random.default_rng(0).normal(0.0, x))(-1.0)


def test_the_functions_of_the_module_and_names_for_them() -> None:
    np.random.seed(4)  # noqa: NPY002 - the old way
    expected = np.random.normal(2.0, 3.0, 3) + np.random.rand(3)  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    value, gradient = cr.value_and_grad(
        lambda s: np.sum(np.random.normal(2.0, s, 3) + np.random.rand(3))  # noqa: NPY002
    )(3.0)
    np.testing.assert_allclose(value, np.sum(expected), rtol=1e-14)
    np.random.seed(4)  # noqa: NPY002
    np.testing.assert_allclose(gradient, np.sum(np.random.standard_normal(3)))  # noqa: NPY002


def test_the_page_names_every_method_with_parameters() -> None:
    page = (Path(__file__).parents[2] / "docs" / "interception.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:all.*?|the array.*?|none.*?) \| (.*) \|$", page, re.MULTILINE)
    named = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    assert set().union(*named[:3]) == set(RULES)
    assert len(named) == 4
    assert named[3] <= set(WHY)
    assert not named[3] & set(RULES)


def test_the_methods_are_put_back() -> None:
    before = [dict(vars(c)) for c in (np.random.Generator, np.random.RandomState)]
    with pytest.raises(ZeroDivisionError):
        cr.grad(lambda x: np.random.default_rng(0).normal(x) / 0 * (1 / 0))(1.0)
    assert [dict(vars(c)) for c in (np.random.Generator, np.random.RandomState)] == before
    assert type(np.random.default_rng(0).normal(np.zeros(3))) is np.ndarray
