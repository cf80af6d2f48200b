"""A derivative inside a derivative never takes one perturbation for the other.

The cases are those by which other systems were caught: Siskind and Pearlmutter, Nesting
forward-mode AD in a functional framework (2008), and Manzyuk et al., Perturbation confusion in
forward automatic differentiation of higher-order functions (2019).
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import EndedTrace


def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative of a function of a number, by tangents."""
    return lambda x: cr.jvp(f, (x,), (1.0,))[1]


def reverse(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative of a function of a number, by cotangents."""
    return lambda x: cr.vjp(f, x)[1](1.0)[0]


MODES = pytest.mark.parametrize("outer", [cr.grad, cr.derivative, forward, reverse])
INNER = pytest.mark.parametrize("inner", [cr.grad, cr.derivative, forward, reverse])


@MODES
@INNER
def test_the_inner_derivative_holds_the_outer_variable_constant(outer: Any, inner: Any) -> None:
    # d/dx x · (d/dy (x + y) at y = 1) = d/dx x · 1 = 1; a confused system says 2.
    assert float(outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0)) == 1.0


@MODES
@INNER
def test_the_inner_derivative_depends_on_the_outer_variable(outer: Any, inner: Any) -> None:
    # d/dx x · (d/dy (x · y) at y = 3) = d/dx x² = 2x.
    assert float(outer(lambda x: x * inner(lambda y: x * y)(3.0))(1.5)) == 3.0
    # d/dy sin(x y) at y = x is x cos x²; its derivative is cos x² - 2 x² sin x².
    x = 0.7
    found = outer(lambda x: inner(lambda y: np.sin(x * y))(x))(x)
    assert float(found) == pytest.approx(np.cos(x * x) - 2 * x * x * np.sin(x * x), rel=1e-14)


@MODES
@INNER
def test_the_inner_point_is_an_expression_of_the_outer_variable(outer: Any, inner: Any) -> None:
    # d/dy y³ at y = 2x is 12 x²; its derivative is 24 x.
    found = outer(lambda x: inner(lambda y: y**3)(2 * x))(0.5)
    assert float(found) == pytest.approx(12.0, rel=1e-14)


@MODES
@INNER
def test_the_inner_function_ignores_its_own_variable(outer: Any, inner: Any) -> None:
    assert float(outer(lambda x: x + inner(lambda y: x**2)(1.0))(3.0)) == 1.0


def test_three_levels_each_with_a_closure_over_the_others() -> None:
    def f(x: Any) -> Any:
        return cr.grad(lambda y: cr.grad(lambda z: x * y**2 * z**3)(x * y))(x)

    # ∂/∂z gives 3 x y² z² at z = xy: 3 x³ y⁴ (z held as x·y, which depends on y): d/dy = 12 x³ y³
    # at y = x: 12 x⁶; its derivative is 72 x⁵.
    assert float(f(1.1)) == pytest.approx(12 * 1.1**6, rel=1e-13)
    assert float(cr.grad(f)(1.1)) == pytest.approx(72 * 1.1**5, rel=1e-13)


def test_the_same_function_at_two_levels_at_once() -> None:
    def f(x: Any) -> Any:
        return x**3

    # f'(x) · f(x) = 3 x⁵; and the trace of f at one level is not found again at the other.
    assert float(cr.grad(lambda x: cr.grad(f)(x) * f(x))(2.0)) == pytest.approx(15 * 2.0**4)
    assert float(cr.grad(cr.grad(f))(2.0)) == 12.0


def test_an_outer_array_in_an_inner_gradient() -> None:
    A = np.array([[2.0, 1.0], [0.5, 3.0]])

    def outer(x: Any) -> Any:
        inner = cr.grad(lambda y: x @ A @ y * np.sum(y))
        return np.sum(inner(x) ** 2)

    x = np.array([0.3, -0.8])

    def plain(x: np.ndarray) -> float:
        g = A.T @ x * np.sum(x) + x @ A @ x
        return float(np.sum(g**2))

    h = 1e-6
    numeric = [(plain(x + h * e) - plain(x - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(cr.grad(outer)(x), numeric, rtol=1e-7)


def test_swapped_order_of_mixed_derivatives() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.exp(x * y) + x**2 * y

    xy = cr.grad(lambda y: cr.grad(lambda x: f(x, y))(0.4))(1.3)
    yx = cr.grad(lambda x: cr.grad(lambda y: f(x, y))(1.3))(0.4)
    assert float(xy) == pytest.approx(float(yx), rel=1e-14)


def test_a_leaked_array_raises() -> None:
    kept = []

    def f(x: Any) -> Any:
        kept.append(x * 2)
        return np.sum(x)

    cr.grad(f)(np.ones(3))
    with pytest.raises(EndedTrace):
        kept[0] + 1
    with pytest.raises(EndedTrace):
        np.sin(kept[0])
    with pytest.raises(EndedTrace):
        cr.grad(lambda x: np.sum(x * kept[0]))(np.ones(3))


def test_a_leaked_array_raises_where_it_meets_another_trace_of_its_level() -> None:
    # Inputs are nodes of a level: here the leaked one would be the very node of the new input.
    kept = []
    cr.grad(lambda x: (kept.append(x * 2), np.sum(x))[1])(np.ones(3))
    (leaked,) = kept
    uses = (
        lambda x: np.sum(x * leaked),
        lambda x: np.sum(leaked * x),
        lambda x: np.dot(x, leaked),
        lambda x: np.sum(np.stack([x, leaked])),
        lambda x: np.sum(np.where(leaked > 0, x, 0)),
        lambda x: np.sum(leaked),
        lambda x: np.sum(cr.grad(lambda y: np.sum(y * x))(leaked)),
    )
    for f in uses:
        with pytest.raises(EndedTrace):
            cr.grad(f)(np.ones(3))
    with pytest.raises(EndedTrace):
        cr.grad(lambda x: np.sum(x))(leaked)
    with pytest.raises(EndedTrace):
        cr.jvp(lambda x: x * 2, (np.ones(3),), (leaked,))


def test_an_array_of_another_thread_raises() -> None:
    here, there = Barrier(2), Barrier(2)
    lent: list[Any] = []
    raised: list[bool] = []

    def lender() -> None:
        def f(x: Any) -> Any:
            lent.append(x)
            here.wait()
            there.wait()
            return np.sum(x)

        cr.grad(f)(np.ones(3))

    def borrower() -> None:
        here.wait()
        try:
            cr.grad(lambda x: np.sum(x * lent[0]))(np.ones(3))
        except EndedTrace:
            raised.append(True)
        there.wait()

    threads = [Thread(target=lender), Thread(target=borrower)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert raised == [True]


def test_a_leak_from_an_inner_to_the_outer_function_raises() -> None:
    def f(x: Any) -> Any:
        kept = []
        cr.grad(lambda y: (kept.append(y), y * x)[1])(2.0)
        return x * kept[0]

    with pytest.raises(EndedTrace):
        cr.grad(f)(1.0)


def test_a_function_that_returns_a_closure_over_its_tracer_raises_when_that_is_called() -> None:
    # The curried derivative of Manzyuk et al.: the inner function escapes with the tracer in it.
    escaped = []

    def f(u: Any) -> Any:
        escaped.append(lambda x: x + u)
        return u

    cr.grad(f)(0.0)
    with pytest.raises(EndedTrace):
        escaped[0](1.0)


def test_an_exception_in_the_function_ends_its_trace() -> None:
    def bad(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        cr.grad(bad)(1.0)
    assert float(cr.grad(lambda x: x * x)(3.0)) == 6.0
    assert type(np.sin(1.0)) is np.float64


def test_threads_trace_at_once() -> None:
    start = Barrier(8)
    wrong: list[str] = []

    def work(k: int) -> None:
        rng = np.random.default_rng(k)
        start.wait()
        for _ in range(40):
            a, x = rng.normal(), rng.normal(size=5)

            def f(x: Any, a: float = a) -> Any:
                inner = cr.grad(lambda y: np.sum(np.sin(a * y) * x))
                return np.sum(inner(x) ** 2)

            found = cr.grad(f)(x)
            # inner = a cos(a x) x
            g = a * np.cos(a * x) * x
            expected = 2 * g * (a * np.cos(a * x) - a * a * np.sin(a * x) * x)
            if not np.allclose(found, expected, rtol=1e-12):
                wrong.append(f"thread {k}: {found} for {expected}")

    threads = [Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_one_derivative_object_in_many_threads() -> None:
    g = cr.grad(lambda x, y: np.sum(x**2 * y))
    results: dict[int, Any] = {}

    def work(k: int) -> None:
        for _ in range(50):
            results[k] = g(np.full(3, float(k)), np.arange(3.0))

    threads = [Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, found in results.items():
        np.testing.assert_array_equal(found, 2.0 * k * np.arange(3.0))
