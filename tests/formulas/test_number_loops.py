"""Loops over numbers: a recurrence there, and one back."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest


def square_root(a):
    x = 1.0
    for _ in range(6):
        x = 0.5 * (x + a / x)
    return x


def logistic_map(r):
    x = 0.3
    for _ in range(8):
        x = r * x * (1 - x)
    return x


def damped(x):
    y = x
    for _ in range(8):
        y = np.sin(y) + 0.1 * y * y
    return y


def euler(theta, y0):
    y = y0
    for _ in range(7):
        y = y - 0.1 * theta * np.sin(y)
    return y**2


TEXTS = (
    (cr.grad(square_root), (2.7,),
     ("½δ₁(1 − a / x₁²) + δ₁ / x₁ + δ₂ / x₂ + δ₃ / x₃ + δ₄ / x₄ + ½ / x₅ where x₁ = ½(a + 1), "
     "xₗ = ½(a / xₗ₋₁ + xₗ₋₁) for l = 2 … 5, δ₄ = ¼(1 − a / x₅²), δ₃ = ½δ₄(1 − a / x₄²), "
     "δ₂ = ½δ₃(1 − a / x₃²), δ₁ = ½δ₂(1 − a / x₂²)")),
    (cr.grad(damped), (0.7,),
     ("δ₁(0.2x + cos(x)) where y₁ = sin(x) + 0.1x², yₗ = sin(yₗ₋₁) + 0.1yₗ₋₁² for l = 2 … 7, "
     "δ₇ = 0.2y₇ + cos(y₇), δₗ = δₗ₊₁(0.2yₗ + cos(yₗ)) for l = 6 … 1")),
)  # fmt: skip


@pytest.mark.parametrize(("f", "given", "text"), TEXTS, ids=["square root", "damped"])
def test_text(f: Callable[..., Any], given: tuple[float, ...], text: str) -> None:
    assert cr.formula(f)(*given).text == text


@pytest.mark.parametrize("f", [cr.grad(logistic_map), logistic_map, cr.grad(euler, (0, 1))])
def test_source(f: Callable[..., Any]) -> None:
    """It has every value of the loop, and computes what the derivative is."""
    given = (2.9,) if "euler" not in f.__name__ else (1.3, 0.4)
    found = cr.formula(f)(*given)
    scope: dict[str, Any] = {}
    exec(found.code(), scope)
    function = next(v for k, v in scope.items() if k.endswith(("map", "euler")))
    np.testing.assert_allclose(function(*given), f(*given), rtol=1e-12)
    assert "for l =" in found.text


def test_as_long_as_the_loop() -> None:
    """Sixteen times as many trips are written in as many more lines, not in their square."""
    lengths = []
    for n in (8, 128):

        def f(x: float, n: int = n) -> Any:
            y = x
            for _ in range(n):
                y = np.sin(y) + 0.1 * y * y
            return y

        lengths.append(len(cr.formula(cr.grad(f))(0.7).code()))
    assert lengths[1] < 20 * lengths[0]
