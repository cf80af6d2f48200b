"""Integrals and differential equations of SciPy with traced parameters, limits and starting values."""

import math
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.integrate as si
import scipy.stats as st
from scipy.integrate import quad, solve_ivp
from tests.trace.agreement import assert_agrees, weighted

P = np.array([1.0, 0.7])
Y = np.arange(9.0) / 3

INTEGRALS: dict[str, Callable[[Any], Any]] = {
    "quad": lambda p: quad(lambda t: np.exp(-p[0] * t**2) * np.cos(p[1] * t), 0, 2)[0],
    "args": lambda p: quad(lambda t, a, b: math.exp(-a * t**2) * math.cos(b * t), 0, 2, args=(p[0], p[1]))[0],
    "the whole line": lambda p: quad(lambda t: np.exp(-p[0] * t**2) * np.cos(p[1] * t), -np.inf, np.inf)[0],
    "a half line": lambda p: quad(lambda t: np.exp(-p[0] * t) * t ** p[1], 0, np.inf)[0],
    "traced limits": lambda p: quad(lambda t: np.exp(-p[0] * t**2), p[1], 2 * p[0])[0],
    "many parameters": lambda p: quad(lambda t: np.sum(np.exp(-np.outer(p, np.arange(9.0)) * t)), 0, 2)[0],
    "an inner integral": lambda p: quad(lambda t: p[1] * quad(lambda s: np.exp(-p[0] * s * t), 0, 1)[0], 0, 2)[0],
    "dblquad": lambda p: si.dblquad(lambda y, x: np.exp(-p[0] * x * y) * p[1], 0, 1, 0, lambda x: x)[0],
    "quad_vec": lambda p: weighted(si.quad_vec(lambda t: np.array([np.exp(-p[0] * t), p[1] * t**2]), 0, 1)[0]),
    "fixed_quad": lambda p: si.fixed_quad(lambda t: np.exp(-p[0] * t**2) * p[1], 0, p[1], n=8)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGRALS)
def test_integrals(name: str) -> None:
    assert_agrees(INTEGRALS[name], P)


SAMPLED: dict[str, Callable[[Any], Any]] = {
    "simpson": lambda y: si.simpson(y, dx=0.1) + si.simpson(y**2, x=np.linspace(0, 1, 9) ** 2),
    "simpson of an even number": lambda y: si.simpson(y[1:] ** 2, dx=0.1),
    "trapezoid": lambda y: si.trapezoid(y**2, dx=0.1),
    "cumulative_trapezoid": lambda y: weighted(si.cumulative_trapezoid(y**2, dx=0.1, initial=0)),
    "cumulative_simpson": lambda y: weighted(si.cumulative_simpson(y**2, dx=0.1, initial=0)),
    "romb": lambda y: si.romb(y**2, dx=0.1),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_integrals_of_samples(name: str) -> None:
    assert_agrees(SAMPLED[name], Y)


def test_a_mean_under_a_density() -> None:
    def second_moment(p: Any) -> Any:
        return quad(lambda t: t**2 * st.norm.pdf(t, p[0], p[1]), -np.inf, np.inf)[0]

    np.testing.assert_allclose(cr.grad(second_moment)(P), 2 * P, rtol=1e-9)


def test_a_kink_that_moves_has_a_first_derivative_and_no_second() -> None:
    def f(p: Any) -> Any:
        return quad(lambda t: np.maximum(t - p, 0), 0, 1, epsabs=1e-13)[0]

    np.testing.assert_allclose(cr.grad(f)(0.3), -0.7)
    with pytest.raises(cr.errors.UndefinedDerivative, match=r"jumps at 0\.3"):
        cr.grad(cr.grad(f))(0.3)


def test_a_jump_that_moves_is_refused() -> None:
    def f(p: Any) -> Any:
        return quad(lambda t: np.where(t < p, 1.0, 2.0), 0, 1)[0]

    with pytest.raises(cr.errors.UndefinedDerivative, match=r"jumps at 0\.3"):
        cr.grad(f)(0.3)
    compiled = cr.jit(cr.grad(lambda p: quad(lambda t: np.where(t < p, 1.0, 2.0), 0, 1)[0]))
    assert compiled(1.5) == 0
    with pytest.raises(cr.errors.UndefinedDerivative, match=r"jumps at 0\.3"):
        compiled(0.3)


def test_a_branch_on_the_variable_is_refused() -> None:
    with pytest.raises(cr.errors.UnsupportedFunction, match="branches"):
        cr.grad(lambda p: quad(lambda t: t * p if t < 0.5 else p, 0, 1)[0])(0.3)


def test_integrals_are_compiled_and_batched() -> None:
    gradient = cr.grad(INTEGRALS["a half line"])
    compiled = cr.jit(gradient)
    many = np.stack([P, P * 1.1])
    for p in many:
        np.testing.assert_allclose(compiled(p), gradient(p), rtol=1e-10)
    np.testing.assert_allclose(cr.vmap(gradient)(many), [gradient(p) for p in many], rtol=1e-10)


# -- differential equations ------------------------------------------------------------------------


def oscillator(t: Any, y: Any, k: Any, c: Any) -> Any:
    return [y[1], -k * y[0] - c * y[1]]


def closed_form(p: Any, t: float) -> Any:
    """The damped oscillator that starts at 1 with no speed."""
    w = np.sqrt(p[0] - p[1] ** 2 / 4)
    return np.exp(-p[1] * t / 2) * (np.cos(w * t) + p[1] / (2 * w) * np.sin(w * t))


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_solve_ivp(method: str) -> None:
    loose = method == "RK23"

    def f(p: Any) -> Any:
        tolerance = {"rtol": 1e-5, "atol": 1e-6} if loose else {"rtol": 1e-8, "atol": 1e-9}
        found = solve_ivp(
            oscillator, (0, 2), [1.0, 0.0], method, [0.7, 2.0], args=(p[0], p[1]), **tolerance
        )
        return found.y[0, 0] + 2 * found.y[0, 1]

    def exact(p: Any) -> Any:
        return closed_form(p, 0.7) + 2 * closed_form(p, 2.0)

    value, gradient = cr.value_and_grad(f)(P)
    np.testing.assert_allclose(value, f(P), rtol=1e-14)
    np.testing.assert_allclose(gradient, cr.grad(exact)(P), rtol=1e-3 if loose else 1e-5)
    v = np.array([0.6, -0.8])
    if method in ("RK23", "LSODA"):
        np.testing.assert_allclose(
            cr.hvp(f)(P, v), cr.hvp(exact)(P, v), rtol=5e-2 if loose else 1e-4
        )
        np.testing.assert_allclose(cr.jvp(f, (P,), (v,))[1], gradient @ v, rtol=1e-8)


def test_dense_output_and_events() -> None:
    def falls(t: Any, y: Any) -> Any:
        return y[0]

    falls.terminal = True  # type: ignore[attr-defined]

    def f(p: Any) -> Any:
        found = solve_ivp(
            lambda t, y: [y[1], -p[0]],
            (0, 20),
            [1.0, p[1]],
            events=falls,
            dense_output=True,
            rtol=1e-8,
            atol=1e-10,
        )
        return found.t_events[0][0] + found.sol(0.5)[0]

    # It falls for (v + sqrt(v² + 2g)) / g; after half a unit of time it is at 1 + v / 2 − g / 8.
    exact = cr.grad(
        lambda p: (p[1] + np.sqrt(p[1] ** 2 + 2 * p[0])) / p[0] + 1 + p[1] / 2 - p[0] / 8
    )
    np.testing.assert_allclose(cr.grad(f)(P), exact(P), rtol=1e-6)


@pytest.mark.parametrize("times", [[0.1, 0.5, 0.9], [0.9, 0.5, 0.1]])
def test_odeint_by_its_times(times: list[float]) -> None:
    start = np.array([0.3, 0.4])

    def solved(t: Any) -> Any:
        return si.odeint(lambda y, t, k: -k * y * np.cos(t), start, t, (1.3,), rtol=1e-11, atol=1e-12)

    def exact(t: Any) -> Any:
        return start * np.exp(-1.3 * (np.sin(t) - np.sin(t[0])))[:, None]

    t = np.array(times)
    for made in (cr.jacobian, lambda f: cr.jit(cr.jacobian(f))):
        np.testing.assert_allclose(made(solved)(t), made(exact)(t), atol=1e-9)
    with pytest.raises(cr.errors.UnsupportedFunction, match="branches"):
        cr.grad(lambda t: np.sum(si.odeint(lambda y, t: -y if y[0] > 0.2 else -2 * y, start, t)))(t)


def test_odeint() -> None:
    times = np.linspace(0, 2, 5)

    def f(p: Any) -> Any:
        return si.odeint(oscillator, [1.0, 0.0], times, args=(p[0], p[1]), tfirst=True)[3, 0]

    def exact(p: Any) -> Any:
        return closed_form(p, times[3])

    value, gradient = cr.value_and_grad(f)(P)
    assert value == f(P)
    np.testing.assert_allclose(gradient, cr.grad(exact)(P), rtol=1e-6)
    np.testing.assert_allclose(cr.hessian(f)(P), cr.hessian(exact)(P), rtol=1e-5)
    compiled = cr.jit(cr.grad(f))
    for p in (P, P * 1.1):
        np.testing.assert_allclose(compiled(p), cr.grad(exact)(p), rtol=1e-6)


def test_a_stiff_equation() -> None:
    """``y' = −k (y − cos t)`` with a rate so large that explicit methods give up."""

    def f(p: Any) -> Any:
        return solve_ivp(
            lambda t, y: -3e5 * p * (y - np.cos(t)),
            (0, 1),
            [2.0],
            "Radau",
            [1.0],
            rtol=1e-6,
            atol=1e-8,
        ).y[0, 0]

    # To the first order in 1 / k, y = cos t + sin t / k.
    np.testing.assert_allclose(cr.grad(f)(1.0), -np.sin(1.0) / 3e5, rtol=2e-2)


def test_an_implicit_method_with_events_is_refused() -> None:
    with pytest.raises(cr.errors.UnsupportedFunction, match="Radau"):
        cr.grad(
            lambda p: solve_ivp(lambda t, y: -p * y, (0, 1), [1.0], "Radau", dense_output=True).y[
                0, -1
            ]
        )(1.0)
