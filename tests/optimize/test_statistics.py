"""Covariances and profiles: against statsmodels on real data, and where the answer is known."""

import pickle

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError
from scipy import optimize, special, stats
from tests.optimize.statsmodels_values import cancer, punishment

# What statsmodels_values.py prints.
# fmt: off
LOGIT = {
    "params": [0.974149851981, -4.907474031158, -1.649503285734, -1.640392460816, -0.751435244302],
    "observed": [0.208361167539, 0.546765774212, 0.250117986133, 0.292694716725, 0.277388065538],
    "sandwich": [0.210867495367, 0.483562688265, 0.237741247734, 0.282957569303, 0.334401106499],
    "scores": [0.206730154015, 0.624826268464, 0.266635086052, 0.307075308973, 0.235018498232],
    "llf": -89.8253894551506,
}
POISSON = {
    "params": [-6.801479860884, 2.611016519809, 0.778180150427, -0.94931107814, 0.296934933481, 2.301183321336, -1.872206799806],
    "observed": [4.14687308258, 0.518714883788, 0.794026042445, 0.229193016732, 0.437517569075, 0.428383796644, 0.428397930348],
    "sandwich": [3.380417657098, 0.342894484111, 0.952641133431, 0.188638959723, 0.338749347615, 0.443520437243, 0.436623567123],
    "scores": [10.378530957508, 1.383145476191, 1.089546885838, 0.369039483877, 0.982996313543, 0.704811061016, 0.663420490061],
    "llf": -31.927328694825114,
}
# fmt: on


def logistic(w, X, y):
    return np.logaddexp(0, X @ w) - y * (X @ w)


def counts(w, X, y):
    return np.exp(X @ w) - y * (X @ w) + special.gammaln(y + 1)


MODELS = {
    "logit": (logistic, cancer, LOGIT, special.expit, lambda m: m * (1 - m)),
    "poisson": (counts, punishment, POISSON, np.exp, lambda m: m),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    losses, data, known, link, variance = MODELS[request.param]
    if request.param == "logit":
        pytest.importorskip("sklearn")
    X, y = data()
    found = cr.minimize(lambda w, X, y: np.sum(losses(w, X, y)), np.zeros(X.shape[1]), (X, y))
    return found, losses, known, lambda w, X, y: link(X @ w), variance, (X, y)


def test_coefficients_and_likelihood(fitted) -> None:
    found, _, known, *_ = fitted
    assert found.success
    assert found.curvature == "minimum"
    np.testing.assert_allclose(found.x, known["params"], rtol=1e-9)
    np.testing.assert_allclose(-found.fun, known["llf"], rtol=1e-12)


@pytest.mark.parametrize("kind", ["observed", "sandwich", "scores"])
def test_standard_errors_of_each_kind(fitted, kind) -> None:
    found, losses, known, *_ = fitted
    np.testing.assert_allclose(
        found.standard_errors(kind, losses=losses), known[kind], rtol=1e-8
    )


def test_expected_information_is_the_observed_one_for_a_canonical_link(fitted) -> None:
    found, _, known, mean, variance, _ = fitted
    errors = found.standard_errors("expected", mean=mean, variance=variance)
    np.testing.assert_allclose(errors, known["observed"], rtol=1e-8)
    np.testing.assert_allclose(found.standard_errors(), known["observed"], rtol=1e-8)


def test_a_mean_that_was_minimised_has_the_same_errors(fitted) -> None:
    _, losses, known, _, _, (X, y) = fitted
    start = np.zeros(X.shape[1])
    found = cr.minimize(lambda w, X, y: np.mean(losses(w, X, y)), start, (X, y), tol=1e-12)
    for kind in ("observed", "sandwich", "scores"):
        errors = found.standard_errors(kind, losses=losses)
        np.testing.assert_allclose(errors, known[kind], rtol=1e-7)


def test_expected_and_observed_differ_where_the_link_is_not_canonical() -> None:
    """A rate as a straight line: the observed information weighs by y / m², the expected by 1 / m."""
    t, y = np.arange(1.0, 9), np.array([2.0, 1, 4, 6, 3, 9, 8, 7])
    found = cr.minimize(
        lambda p: np.sum(p["a"] + p["b"] * t - y * np.log(p["a"] + p["b"] * t)), {"a": 1.0, "b": 1.0}
    )
    X = np.column_stack([np.ones(8), t])
    m = found.x["a"] + found.x["b"] * t
    np.testing.assert_allclose(
        found.covariance(), np.linalg.inv(X.T @ (X * (y / m**2)[:, None])), rtol=1e-8
    )
    expected = found.covariance("expected", mean=lambda p: p["a"] + p["b"] * t, variance=lambda m: m)
    np.testing.assert_allclose(expected, np.linalg.inv(X.T @ (X / m[:, None])), rtol=1e-8)


def test_the_sandwich_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(40), rng.normal(size=40)])
    y = X @ [1.0, 2.0] + rng.normal(size=40) * np.abs(X[:, 1])
    found = cr.least_squares(lambda w: X @ w - y, np.zeros(2))
    inner = np.linalg.inv(X.T @ X)
    r = X @ found.x - y
    np.testing.assert_allclose(found.covariance(), inner * (r @ r) / 38, rtol=1e-9)
    robust = inner @ (X.T @ (X * r[:, None] ** 2)) @ inner
    np.testing.assert_allclose(found.covariance("sandwich"), robust, rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "robust"}, "no kind 'robust'"),
        ({"kind": "sandwich"}, "losses=f"),
        ({"kind": "scores"}, "losses=f"),
        ({"kind": "expected"}, "mean=f"),
        ({"kind": "expected", "mean": lambda w: w * np.ones(3), "variance": lambda m: -m}, "not above 0"),
        ({"kind": "scores", "losses": lambda w: np.exp(w) * np.ones(4) / 7}, "neither their sum nor their mean"),
    ],
)  # fmt: skip
def test_what_a_kind_needs_is_said(given, says) -> None:
    found = cr.minimize(lambda w: np.exp(w) - 2 * w, 0.5)
    with pytest.raises(ArgumentError, match=says):
        found.covariance(**given)
    with pytest.raises(ArgumentError, match="least squares have no kind"):
        cr.least_squares(lambda w: w - np.arange(3.0), 0.0).covariance("scores")
    with pytest.raises(ArgumentError, match="need no losses"):
        cr.least_squares(lambda w: w - np.arange(3.0), 0.0).covariance(losses=np.sin)


# -------------------------------------------------------------------------------------- profiles


def test_the_profile_of_a_rate_is_its_likelihood() -> None:
    """One unknown: the interval solves 2 (f(t) - f) = χ², which SciPy does by itself."""
    waits = np.array([0.3, 1.2, 0.7, 2.9, 0.4])

    def nll(rate):
        return np.sum(rate * waits - np.log(rate))

    found = cr.minimize(nll, 1.0)
    profile = found.profile()
    limit = found.fun + stats.chi2.ppf(0.95, 1) / 2
    low = optimize.brentq(lambda t: nll(t) - limit, 0.01, found.x)
    high = optimize.brentq(lambda t: nll(t) - limit, found.x, 10)
    np.testing.assert_allclose([profile.low, profile.high], [low, high], rtol=1e-7)
    assert profile.name == "x0"
    assert "95 % interval" in str(profile)


def test_the_profile_of_a_variance_with_a_mean_fitted_anew() -> None:
    """Of a normal sample with mean profiled out, the deviance is known in closed form."""
    data = np.random.default_rng(1).normal(2.0, 3.0, 30)

    def nll(p):
        return np.sum(((data - p["m"]) / p["s"]) ** 2 / 2 + np.log(p["s"]))

    found = cr.minimize(nll, {"m": 0.0, "s": 1.0})
    profile = found.profile("s", level=0.9)
    n, s = data.size, data.std()
    limit = stats.chi2.ppf(0.9, 1)
    for end in (profile.low, profile.high):
        deviance = n * ((s / end) ** 2 - 1) + 2 * n * np.log(end / s)
        np.testing.assert_allclose(deviance, limit, rtol=1e-6)
    np.testing.assert_allclose(profile.points[:, 0], data.mean())  # the mean stays where it is
    np.testing.assert_allclose(profile.points[:, 1], profile.values)
    assert np.all(np.diff(profile.roots) > 0)
    same = (found.profile(1), found.profile("['s']"), found.profile("x['s']"))
    assert {p.low for p in same} == {same[0].low}
    mean = cr.minimize(lambda p: nll(p) / n, {"m": 0.0, "s": 1.0}, tol=1e-12)
    np.testing.assert_allclose(mean.profile("s", level=0.9, scale=n).low, profile.low, rtol=1e-6)


def test_the_profile_of_a_straight_line_is_students_interval() -> None:
    t = np.arange(6.0)
    y = np.array([0.2, 0.9, 2.3, 2.8, 4.1, 5.2])
    found = cr.least_squares(lambda p: p["a"] + p["b"] * t - y, {"a": 0.0, "b": 0.0})
    known = stats.linregress(t, y)
    half = stats.t.ppf(0.975, 4)
    profile = found.profile("b")
    np.testing.assert_allclose(profile.low, known.slope - half * known.stderr, rtol=1e-7)
    np.testing.assert_allclose(profile.high, known.slope + half * known.stderr, rtol=1e-7)


def test_an_open_profile_and_one_that_ends_at_a_bound() -> None:
    """What saturates above has no upper end; below it has."""
    found = cr.minimize(lambda p: 2 * (np.tanh(p) - 0.5) ** 2, 0.0)
    open_ = found.profile(level=0.9)
    assert open_.high == np.inf
    np.testing.assert_allclose(4 * (np.tanh(open_.low) - 0.5) ** 2, stats.chi2.ppf(0.9, 1), rtol=1e-6)
    bounded = cr.minimize(lambda p: (p - 0.1) ** 2, 0.5, bounds=[(0, 1)])
    profile = bounded.profile()
    assert profile.low == 0
    assert profile.high == 1


def test_profiles_that_cannot_be() -> None:
    found = cr.minimize(lambda p: np.sum((p["w"] - 1) ** 2), {"w": np.zeros(2)})
    with pytest.raises(ArgumentError, match=r"no unknown 'v'.*\['w'\]\[0\]"):
        found.profile("v")
    with pytest.raises(ArgumentError, match="level is 95"):
        found.profile(0, level=95)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 (made in this line)
    np.testing.assert_array_equal(again.covariance(), found.covariance())
    with pytest.raises(ArgumentError, match="without its function"):
        again.profile(0)
    two = cr.minimize(lambda x: (x**2 - 1) ** 2 + 0.3 * x, 1.0)
    assert two.x > 0
    with pytest.raises(ArgumentError, match="no global minimum"):
        two.profile(0, scale=2.0)
