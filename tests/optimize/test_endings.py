"""Every way in which a search can end, in words; bad input; and what is kept when something raises."""

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize
from chainrule.errors import ArgumentError, NotScalar, ShapeMismatch


def valley(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# --------------------------------------------------------------------------------- not a number


@pytest.mark.parametrize("method", ["BFGS", "CG", "L-BFGS-B", "Nelder-Mead"])
def test_where_the_function_ends_the_lowest_point_is_given(method) -> None:
    """It falls towards 5, and is not defined beyond."""
    found = cr.minimize(
        lambda x: -x[0] + 0 * np.log(5 - x[0]) + x[1] ** 2, [0.0, 1.0], method=method
    )
    assert np.isfinite(found.fun)
    assert np.all(np.isfinite(found.x))
    assert found.fun <= 1.0
    if found.get("_undefined"):
        assert not found.success
        assert "Not a number" in found.message
        assert "lowest point before" in found.message


def test_newton_steps_back_from_there() -> None:
    found = cr.minimize(lambda x: -np.log(5 - x) + x**2 - x, 4.9)
    assert found.success
    np.testing.assert_allclose(1 / (5 - found.x) + 2 * found.x - 1, 0, atol=1e-9)


# ------------------------------------------------------------------------------------ no descent


def jump(x):
    """It has no minimum: it falls to the left down to 0, and is higher there."""
    return np.where(x[0] > 0, x[0] + x[1] ** 2, 1.0 + x[1] ** 2 - x[0])


def test_a_jump_is_no_minimum() -> None:
    found = cr.minimize(jump, [0.5, 0.3])
    assert not found.success
    assert "No descent" in found.message
    assert "kink or a jump" in found.message
    assert found.fun < 0.05


def test_a_kink_is_got_on_with_by_bfgs() -> None:
    found = cr.minimize(lambda x: np.sum(np.abs(x - np.array([1.0, 2.0])) ** 1.2) + np.abs(x[0] - x[1]), [4.0, -3.0])
    reference = scipy.optimize.minimize(
        lambda x: np.sum(np.abs(x - np.array([1.0, 2.0])) ** 1.2) + np.abs(x[0] - x[1]),
        [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14},
    )  # fmt: skip
    np.testing.assert_allclose(found.fun, reference.fun, atol=1e-4)


# --------------------------------------------------------------------------- unbounded, limit


def test_without_end_and_at_the_limit() -> None:
    falls = cr.minimize(lambda x: np.sum(x) - np.sum(np.sqrt(1 + x**2)) * 2, np.ones(3))
    assert not falls.success
    assert "Unbounded" in falls.message
    for method in ("newton", "least-squares", "BFGS", "L-BFGS-B"):
        short = cr.minimize(valley, [-1.2, 1.0], method=method, options={"maxiter": 2})
        assert not short.success
        assert "limit" in short.message, short.message
        assert short.fun <= valley(np.array([-1.2, 1.0]))


def test_a_flat_function_is_no_failure() -> None:
    found = cr.minimize(lambda x: np.sum(0 * x), np.ones(2))
    assert found.success
    assert "flat" in found.message


# ----------------------------------------------------------------- what is kept when it raises


def test_what_was_found_is_kept_in_the_error() -> None:
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > 6:
            raise RuntimeError("the disk is full")
        return valley(x)

    with pytest.raises(RuntimeError, match="disk is full") as caught:
        cr.minimize(f, [-1.2, 1.0], method="newton")
    best = caught.value.best
    assert best.fun == valley(best.x) <= valley(np.array([-1.2, 1.0]))
    assert not best.success
    assert "kept in the error's attribute best" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("method", [None, "newton", "BFGS", "SLSQP", "Nelder-Mead"])
def test_an_interrupt_keeps_the_best_point(method) -> None:
    seen = []

    def stop(x):
        seen.append(x)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        cr.minimize(lambda p: valley(p["x"]), {"x": np.array([-1.2, 1.0])}, method=method, callback=stop)
    best = caught.value.best
    assert best.x["x"].shape == (2,)
    assert best.fun == pytest.approx(valley(best.x["x"]))
    assert best.fun <= 24.2


# ------------------------------------------------------------------------------------- bad input


def wrong(x):
    return np.array([1.0, 2.0]) * cr.grad(valley)(x)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cr.minimize(valley, [-1.2, 1.0], jac=wrong), ArgumentError, r"jac is not the gradient of fun.* x0\[1\] is -176"),
        (lambda: cr.minimize(lambda x: (valley(x), wrong(x)), [-1.2, 1.0], jac=True), ArgumentError, "jac is not the gradient"),
        (lambda: cr.minimize(valley, [-1.2, 1.0], jac=lambda x: x[:1]), ShapeMismatch, r"shape \(1,\), and x0 holds 2"),
        (lambda: cr.minimize(valley, [-1.2, 1.0], hess=lambda x: np.eye(3)), ShapeMismatch, r"shape \(3, 3\)"),
        (lambda: cr.minimize(lambda x: x, np.ones(3)), NotScalar, "one real number"),
        (lambda: cr.minimize(lambda x: np.sum(x) * 1j, np.ones(3)), NotScalar, "complex"),
        (lambda: cr.minimize(lambda x: np.sum(np.abs(x)), np.ones(3) * 1j), ArgumentError, "the unknowns must be real"),
        (lambda: cr.minimize(lambda w, X, y: np.mean((X @ w - y) ** 2), np.ones(3), (np.ones((0, 3)), np.ones(0))), ArgumentError, r"args\[0\] is empty"),
        (lambda: cr.minimize(lambda w, X, y: np.mean((X @ w - y) ** 2), np.ones(3), (np.ones((5, 4)), np.ones(5))), Exception, r"4.*3|3.*4"),
        (lambda: cr.minimize(lambda w, X: np.mean((X @ w) ** 2), np.ones(2), (np.array([[1, np.nan]]),)), ArgumentError, r"args\[0\] holds 1 NaN \(first at \(0, 1\)\)"),
        (lambda: cr.minimize(valley, [0.5, 3.0], bounds=[(0, 1), (0, 1)]), ArgumentError, r"above its upper bound at x0\[1\]"),
        (lambda: cr.minimize(valley, [0.5, 0.5], bounds=[(0, 1)]), ArgumentError, "bounds"),
        (lambda: cr.minimize(valley, [0.5, 0.5], constraints={"type": "ineq", "fun": lambda x: np.log(x[0] - 1)}), ArgumentError, r"constraints\[0\] is nan at x0"),
        (lambda: cr.minimize(valley, "start"), ArgumentError, "x0 is a str"),
        (lambda: cr.minimize(valley, [0.5, 0.5], method="ipopt", options={"no_such": 1}), Exception, "cyipopt|no_such"),
        (lambda: cr.least_squares(lambda x: np.zeros(0) * x[0], [1.0]), ArgumentError, "returns nothing"),
        (lambda: cr.least_squares(lambda x: np.log(x), [-1.0]), ArgumentError, "is nan at x0"),
        (lambda: cr.root(lambda x: x[:1], [1.0, 2.0]), ArgumentError, "1 values for 2 unknowns"),
        (lambda: cr.curve_fit(lambda t, a: a * t, [], []), ArgumentError, "empty"),
    ],
)  # fmt: skip
def test_bad_input_is_told(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call()


def test_a_gradient_that_is_right_but_for_rounding_is_taken() -> None:
    def differences(x):
        return scipy.optimize.approx_fprime(x, valley, 1e-7)

    assert cr.minimize(valley, [-1.2, 1.0], jac=differences, method="L-BFGS-B").fun < 1e-4

    def at_a_kink(x):
        return np.sign(x) + (x == 0) * 0.5  # another subgradient than ours, which is as good

    assert cr.minimize(lambda x: np.sum(np.abs(x)), [0.0, 1.0], jac=at_a_kink, method="BFGS").fun < 1


def test_ipopt_is_asked_for_by_name() -> None:
    try:
        import cyipopt  # noqa: F401
    except ImportError:
        with pytest.raises(ArgumentError, match="needs the package cyipopt"):
            cr.minimize(valley, [-1.2, 1.0], method="ipopt")
        return
    disc = {"type": "ineq", "fun": lambda x: 1 - x @ x}
    found = cr.minimize(valley, [0.0, 0.0], method="ipopt", constraints=disc)
    assert found.success
    np.testing.assert_allclose(found.x, [0.786415, 0.617698], atol=1e-5)


# ---------------------------------------------------------------------- what only looks converged


def test_a_small_scale_is_no_excuse() -> None:
    for scale in (1e-12, 1e-6, 1e9):
        for method in (None, "newton"):
            found = cr.minimize(lambda x, a: a * valley(x), [-1.2, 1.0], scale, method=method)
            assert found.success
            np.testing.assert_allclose(found.x, 1, atol=1e-5)


def test_random_and_rounding_functions_are_not_trusted() -> None:
    rng = np.random.default_rng(0)
    found = cr.minimize(lambda x: np.sum(x**2) * 0 + rng.random(), [1.0, 2.0], method="BFGS")
    assert not found.success
    assert "Not to be trusted" in found.message
    steps = cr.minimize(lambda x: np.sum(np.round(x * 1000) ** 2), [1.0, 2.0])
    assert not steps.success
    assert "it rounds" in steps.message


def test_a_kink_with_a_slope_is_no_saddle() -> None:
    found = cr.minimize(lambda x: np.sum(np.abs(x) - x**2), [0.3, 0.2], bounds=[(-0.4, 0.4)] * 2)
    assert not found.success
    assert "No descent" in found.message


def test_a_search_that_becomes_too_slow_says_so() -> None:
    found = cr.minimize(
        lambda x: 0.001 * (np.abs(x[0] ** 10 - 20 * x[0] ** 9) + np.abs((x[1] + 3) ** 4)) ** 2,
        [3.0, 2.0], method="least-squares", options={"maxiter": 500},
    )  # fmt: skip
    assert found.success or "limit of 500" in found.message or "too slow" in found.message
