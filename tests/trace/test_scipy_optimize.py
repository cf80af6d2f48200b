"""Solvers of SciPy called on traced parameters: roots and minima differentiated implicitly."""

import math
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.optimize as so
from scipy.optimize import brentq
from tests.trace.agreement import assert_agrees, weighted

P = np.array([2.0, 1.3])
GRID = np.linspace(0, 2, 12)
MATRIX = np.random.default_rng(0).normal(size=(8, 3))
DATA = MATRIX @ [1.0, 2.0, -0.1] + 0.1 * np.random.default_rng(1).normal(size=8)


def cubic(x: Any, p: Any) -> Any:
    return x**3 - p[0] * x - p[1]


def pair(x: Any, p: Any) -> Any:
    return np.array([x[0] ** 2 + p[0] * x[1] - 3, x[0] * x[1] - p[1] / 2])


def bowl(x: Any, p: Any) -> Any:
    return np.sum((x**2 - p) ** 2) + np.sum((x - 1) ** 2)


ROOTS: dict[str, Callable[[Any], Any]] = {
    "brentq": lambda p: brentq(lambda x: cubic(x, p), 0, 5, xtol=1e-14),
    "brentq with args": lambda p: brentq(cubic, 0, 5, args=(p,), xtol=1e-14),
    "a traced bracket": lambda p: brentq(lambda x: cubic(x, p), p[1], 5, xtol=1e-14),
    "full_output": lambda p: so.brentq(cubic, 0, 5, (p,), xtol=1e-14, full_output=True)[1].root,
    "bisect": lambda p: so.bisect(lambda x: math.exp(x) - p[0] * x - p[1], 0, 5, xtol=1e-14),
    "newton": lambda p: so.newton(lambda x: cubic(x, p), 2.0, tol=1e-14),
    "newton with fprime": lambda p: so.newton(
        lambda x: cubic(x, p), 2.0, fprime=lambda x: 3 * x**2 - p[0], tol=1e-14
    ),
    "newton on an array": lambda p: weighted(
        so.newton(lambda x: x**3 - p * x - 1, np.array([2.0, 2.0]), tol=1e-14)
    ),
    "root_scalar": lambda p: so.root_scalar(
        lambda x: cubic(x, p), bracket=[0, 5], xtol=1e-14
    ).root,
    "fsolve": lambda p: weighted(so.fsolve(lambda x: pair(x, p), [1.0, 1.0], xtol=1e-13)),
    "fsolve of a list": lambda p: weighted(
        so.fsolve(lambda x, a: [x[0] ** 2 - a[0], x[0] * x[1] - a[1]], [1.0, 1.0], args=(p,), xtol=1e-13)
    ),
    "root": lambda p: weighted(so.root(lambda x: pair(x, p), [1.0, 1.0], tol=1e-13).x),
    "fixed_point": lambda p: so.fixed_point(lambda x: 0.3 * p[0] * np.cos(x) + p[1], 0.5, xtol=1e-13),
    "a branch": lambda p: brentq(
        lambda x: (x - p[0]) if x < 1 else (x - p[0]) * p[1], -1, 5, xtol=1e-14
    ),
    "a root in a root": lambda p: brentq(
        lambda x: brentq(lambda z: z**3 + z - x * p[0], 0, 9, xtol=1e-14) - p[1], 0, 9, xtol=1e-14
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROOTS)
def test_roots(name: str) -> None:
    assert_agrees(ROOTS[name], P)


MINIMA: dict[str, Callable[[Any], Any]] = {
    "minimize": lambda p: weighted(so.minimize(bowl, [1.0, 1.0], args=(p,), tol=1e-10).x),
    "its value": lambda p: so.minimize(bowl, [1.0, 1.0], args=(p,), tol=1e-10).fun,
    "with a gradient": lambda p: weighted(
        so.minimize(lambda x: (bowl(x, p), 4 * x * (x**2 - p) + 2 * (x - 1)), [1.0, 1.0], jac=True, tol=1e-12).x
    ),
    "bounds that do not hold": lambda p: weighted(
        so.minimize(bowl, [1.0, 1.0], args=(p,), bounds=[(0, 5), (0, 5)], tol=1e-14).x
    ),
    "minimize_scalar": lambda p: so.minimize_scalar(
        lambda x: (x**2 - p[0]) ** 2 + np.exp(x * p[1]), bracket=(0.3, 1), tol=1e-12
    ).x,
    "least_squares": lambda p: weighted(
        so.least_squares(
            lambda q: q[0] * np.exp(-q[1] * GRID) - p[0] * np.exp(-p[1] * GRID) - 0.1 * np.sin(5 * GRID),
            [1.0, 1.0], xtol=1e-15, ftol=1e-15, gtol=1e-15,
        ).x
    ),
    "curve_fit": lambda p: weighted(
        so.curve_fit(
            lambda t, a, b: a * np.exp(-b * t), GRID, p[0] * np.exp(-p[1] * GRID) + 0.1 * np.sin(5 * GRID), [1.0, 1.0]
        )[0]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MINIMA)
def test_minima(name: str) -> None:
    f = MINIMA[name]
    value, gradient = cr.value_and_grad(f)(P)
    np.testing.assert_allclose(value, f(P), rtol=1e-9)
    step = 1e-4
    slopes = [(f(P + d) - f(P - d)) / (2 * step) for d in step * np.eye(2)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-3, atol=1e-3)
    direction = np.array([0.6, -0.8])
    _, tangent = cr.jvp(f, (P,), (direction,))
    np.testing.assert_allclose(tangent, gradient @ direction, rtol=1e-5)


def test_the_fit_of_a_line_is_exact() -> None:
    """The best line is linear in the data, so its Jacobian is the pseudo-inverse."""
    columns = np.stack([np.ones(12), GRID], axis=1)

    def best(y: Any) -> Any:
        return so.minimize(lambda q: np.sum((columns @ q - y) ** 2), [0.0, 0.0], tol=1e-12).x

    np.testing.assert_allclose(cr.jacobian(best)(np.sin(GRID)), np.linalg.pinv(columns), atol=1e-10)


def test_nonnegative_least_squares() -> None:
    assert_agrees(lambda b: weighted(so.nnls(MATRIX, b)[0]) + so.nnls(MATRIX, b)[1], DATA)


@pytest.mark.parametrize(
    "f", [ROOTS["brentq"], ROOTS["fsolve"], ROOTS["a branch"], MINIMA["minimize"]]
)
def test_compiled_and_batched(f: Any) -> None:
    gradient = cr.grad(f)
    compiled = cr.jit(gradient)
    for scale in (1.0, 1.01, 1.02):
        np.testing.assert_allclose(compiled(P * scale), gradient(P * scale), rtol=1e-5)
    many = np.stack([P, P * 1.01, P * 1.02])
    np.testing.assert_allclose(cr.vmap(gradient)(many), [gradient(p) for p in many], rtol=1e-5)


def test_nothing_traced_is_left_to_scipy() -> None:
    assert cr.grad(lambda p: p * brentq(lambda x: x**2 - 2, 0, 2))(1.0) == brentq(
        lambda x: x**2 - 2, 0, 2
    )
    assert cr.grad(lambda p: p * so.minimize(lambda x: np.sum((x - 2) ** 2), [0.0]).nit)(1.0) > 0


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda p: so.newton(lambda x: (x - p[0]) ** 2, 1.0, maxiter=200), "multiple root"),
        (lambda p: np.sum(so.fsolve(lambda x: [x[0] + x[1] - p[0], 2 * x[0] + 2 * x[1] - 2 * p[0]], [0.0, 0.0])),
         "singular"),
        (lambda p: np.sum(so.minimize(lambda x: bowl(x, p), [1.0, 1.0], bounds=[(2, 5), (2, 5)]).x), "bound"),
    ],
    ids=["double root", "dependent equations", "active bound"],
)  # fmt: skip
def test_what_determines_no_derivative_is_an_error(f: Any, message: str) -> None:
    with pytest.raises(cr.errors.UndefinedDerivative, match=message):
        cr.grad(f)(P)


@pytest.mark.parametrize(
    "f",
    [
        lambda p: so.linprog(p, A_ub=[[-1.0, -1.0]], b_ub=[-1.0]).fun,
        lambda p: (
            so.minimize(bowl, [1.0, 1.0], args=(p,), constraints={"type": "eq", "fun": np.sum}).fun
        ),
        lambda p: so.curve_fit(lambda t, a, b: a + b * t, GRID, p[0] * GRID, [1.0, 1.0])[1][0, 0],
        lambda p: so.least_squares(lambda q: q - p, [0.0, 0.0], loss="huber").cost,
    ],
    ids=["linprog", "constraints", "covariance", "robust loss"],
)
def test_what_is_not_supported_says_so(f: Any) -> None:
    with pytest.raises(cr.errors.UnsupportedFunction, match=r"scipy\.optimize"):
        cr.grad(f)(P)
