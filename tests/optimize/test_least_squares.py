"""``least_squares`` and ``curve_fit`` against SciPy's: structure, bounds, losses, errors."""

import warnings

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize
from chainrule.errors import ArgumentError, NotDifferentiable, ShapeMismatch

T = np.linspace(0, 4, 30)
RNG = np.random.default_rng(3)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.02 * RNG.standard_normal(T.size)


def model(t, a, k, c):
    return a * np.exp(-k * t) + c


def residual(p):
    return model(T, p["a"], p["k"], p["c"]) - Y


START = {"a": 1.0, "k": 1.0, "c": 0.0}


def test_nested_unknowns_and_standard_errors() -> None:
    found = cr.least_squares(residual, START)
    popt, pcov = scipy.optimize.curve_fit(model, T, Y, [1, 1, 0])
    np.testing.assert_allclose(cr.ravel(found.x)[0], popt, rtol=1e-6)
    np.testing.assert_allclose(found.covariance(), pcov, rtol=1e-4)
    errors = found.standard_errors()
    assert list(errors) == ["a", "k", "c"]
    assert found.success
    assert "because" in found.message


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_robust_losses(loss) -> None:
    y = Y.copy()
    y[5] += 10
    found = cr.least_squares(lambda p: model(T, *p) - y, [1.0, 1.0, 0.0], loss=loss, f_scale=0.05)
    scipys = scipy.optimize.least_squares(
        lambda p: model(T, *p) - y, [1.0, 1.0, 0.0], loss=loss, f_scale=0.05, xtol=1e-12, ftol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(found.x, scipys.x, rtol=1e-4)
    np.testing.assert_allclose(found.x, [2.5, 1.3, 0.5], atol=0.1)
    assert "robust" in found.message


@pytest.mark.parametrize(
    "bounds",
    [
        {"k": (0, 1.2)},
        ({"a": -np.inf, "k": 0.0, "c": -np.inf}, {"a": np.inf, "k": 1.2, "c": np.inf}),
        scipy.optimize.Bounds([-np.inf, 0, -np.inf], [np.inf, 1.2, np.inf]),
    ],
)
@pytest.mark.parametrize("method", [None, "dogbox"])
def test_bounds(bounds, method) -> None:
    found = cr.least_squares(residual, START, bounds=bounds, method=method)
    np.testing.assert_allclose(found.x["k"], 1.2, rtol=1e-6)
    assert "at their bounds" in found.message
    assert found.standard_errors()["k"] == 0
    assert found.standard_errors()["a"] > 0


def test_jitted_and_not_are_equal_and_args_pass() -> None:
    def off(p, t, y):
        return model(t, *p) - y

    one = cr.least_squares(off, [1.0, 1.0, 0.0], args=(T, Y))
    other = cr.least_squares(cr.jit(off), [1.0, 1.0, 0.0], args=(T,), kwargs={"y": Y})
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12)


def test_what_is_not_determined_is_named() -> None:
    found = cr.least_squares(lambda p: (p["a"] + p["b"]) * T - Y, {"a": 0.0, "b": 0.0})
    assert found.curvature == "flat"
    assert "leave 1 direction" in found.message
    with pytest.raises(ArgumentError, match=r"x0\['a'\]"):
        found.covariance()


def test_a_limit_is_told() -> None:
    found = cr.least_squares(residual, START, max_nfev=2)
    assert not found.success
    assert "Not converged" in found.message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"method": "lm", "bounds": (0, 5)}, "takes no bounds"),
        ({"method": "lm", "loss": "huber"}, "takes no loss"),
        ({"method": "marquardt"}, "no method 'marquardt'"),
        ({"bounds": (2.0, 5.0)}, "below its lower bound"),
        ({"bounds": (np.zeros(4), 5.0)}, "does not fit x0"),
    ],
)
def test_errors_of_arguments(given, says) -> None:
    with pytest.raises(ArgumentError, match=says):
        cr.least_squares(residual, START, **given)


def test_errors_of_data() -> None:
    with pytest.raises(ArgumentError, match=r"args\[0\] holds 1 NaN"):
        cr.least_squares(lambda p, y: p - y, [1.0], args=(np.array([1, np.nan]),))
    with pytest.raises(ArgumentError, match="value 0 of 1 of the function is nan"):
        cr.least_squares(np.log, [-1.0])
    with pytest.raises(NotDifferentiable, match="x0"):
        cr.least_squares(lambda p: p, np.array([True, False]))


# ----------------------------------------------------------------------------------- curve_fit


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"sigma": np.linspace(0.1, 0.3, 30)},
        {"sigma": np.linspace(0.1, 0.3, 30), "absolute_sigma": True},
        {"sigma": np.diag(np.linspace(0.1, 0.3, 30)) + 0.01, "absolute_sigma": True},
        {"sigma": 0.2, "absolute_sigma": True},
        {"bounds": (0, [5, 4, 3])},
        {"method": "lm", "p0": [1, 1, 1]},
    ],
)
def test_curve_fit_is_scipys(given) -> None:
    ours, theirs = cr.curve_fit(model, T, Y, **given), scipy.optimize.curve_fit(model, T, Y, **given)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4)


def test_curve_fit_takes_integers_lists_and_a_jacobian() -> None:
    popt, _ = cr.curve_fit(lambda x, a, b: a * x + b, range(4), [1, 3, 5, 7])
    np.testing.assert_allclose(popt, [2, 1])
    popt, _ = cr.curve_fit(
        lambda x, a, b: a * x + b,
        np.arange(4),
        [1, 3, 5, 8],
        jac=lambda x, a, b: np.stack([x, np.ones(4)], 1),
    )
    np.testing.assert_allclose(popt, np.polyfit(range(4), [1, 3, 5, 8], 1))
    five = cr.curve_fit(model, T, Y, full_output=True)
    assert len(five) == 5
    assert five[2]["fvec"].shape == T.shape


def test_curve_fit_without_a_covariance() -> None:
    with pytest.warns(scipy.optimize.OptimizeWarning, match="not determined"):
        _, pcov = cr.curve_fit(lambda x, a, b: (a + b) * x, T, Y, [1.0, 1.0])
    assert np.all(np.isinf(pcov))
    with warnings.catch_warnings(), pytest.raises(ArgumentError, match="holds 1 NaN"):
        cr.curve_fit(model, T, np.where(T == 0, np.nan, Y))
    with pytest.raises(ShapeMismatch, match="f\\(xdata"):
        cr.curve_fit(lambda x, a: a * x[:3], T, Y)
    with pytest.raises(ArgumentError, match="Give p0"):
        cr.curve_fit(lambda x, *p: p[0] * x, T, Y)
    with pytest.raises(RuntimeError, match="Optimal parameters not found"):
        cr.curve_fit(model, T, Y, maxfev=2)


@pytest.mark.parametrize("method", ["trf", "gauss-newton"])
def test_the_callback_sees_the_users_structure(method) -> None:
    seen = []

    def callback(x) -> None:
        seen.append(x["k"])

    found = cr.least_squares(residual, START, method=method, callback=callback)
    np.testing.assert_allclose(seen[-1], found.x["k"], rtol=1e-5)
