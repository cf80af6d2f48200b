"""Loops over rows and elements, rolled up: the same value, and no term left over."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.formulas.protocol import canonical

rng = np.random.default_rng(1)
N, d = 7, 4
X, y, A = rng.normal(size=(N, d)), rng.normal(size=N), rng.normal(size=(d, d))
w, lam = rng.normal(size=d), 0.3


def with_a_penalty(w: Any) -> Any:
    return sum((X[i] @ w - y[i]) ** 2 for i in range(N)) + lam * np.sum(w**2)


def two_terms_each(w: Any) -> Any:
    return sum(np.exp(X[i] @ w) - y[i] * (X[i] @ w) for i in range(N))


def by_zip(w: Any) -> Any:
    total = 0.0
    for row, target in zip(X, y, strict=True):
        total = total + np.maximum(0, 1 - target * (row @ w))
    return total / len(y)


def by_columns(w: Any) -> Any:
    return sum((X[:, j] * w[j] for j in range(d)), start=np.zeros(N)) @ y


def nested(x: Any) -> Any:
    total = 0.0
    for i in range(d):
        for j in range(d):
            total += A[i, j] * x[i] * x[j]
    return total


def into_a_buffer(w: Any) -> Any:
    out = np.zeros(N)
    for i in range(N):
        out[i] = X[i] @ w - y[i]
    return np.sum(out**2)


def comprehension(w: Any) -> Any:
    return np.mean(np.array([np.tanh(X[i] @ w) for i in range(N)]))


def part_of_the_rows(w: Any) -> Any:
    return sum((X[i] @ w) ** 2 for i in range(1, 5))


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (with_a_penalty, "2(Xᵀ(Xw − y) + λw)"),
        (two_terms_each, "Xᵀ(exp(Xw) − y)"),
        (by_zip, "−(1/N) Xᵀ(y ⊙ 𝟙[1 − (Xw) ⊙ y > 0])"),
        (by_columns, "Xᵀy"),
        (nested, "(A + Aᵀ)x"),
        (into_a_buffer, "2Xᵀ(Xw − y)"),
        (comprehension, "(1/N) Xᵀ(1 − tanh(Xw)^⊙2)"),
        (part_of_the_rows, "2X[1:5, :]ᵀX[1:5, :]w"),
    ],
)
def test_loops(f: Callable[..., Any], text: str) -> None:
    formula = cr.formula(cr.grad(f))(w)
    assert canonical(formula.text) == canonical(text)
    # The verb itself differentiates the loop as it was written.
    assert np.allclose(cr.grad(f)(w), cr.jacobian(lambda w: np.stack([f(w)]))(w)[0], atol=1e-12)


def test_terms_that_differ_otherwise_stay() -> None:
    def f(x: Any) -> Any:
        return x[0] ** 2 + x[1] ** 3 + x[2] ** 4

    assert cr.formula(cr.grad(f))(np.ones(3)).text == "[2x₁, 3x₂², 4x₃³]"


def test_long_arrays_of_entries_are_abbreviated() -> None:
    def folded(x: Any) -> Any:
        return sum(x[i] ** 2 * x[(i * i) % 30] for i in range(30))

    formula = cr.formula(cr.grad(folded))(rng.normal(size=30))
    assert formula.text.endswith("… (24 more)]")
    assert formula.text.count(", ") == 6
    assert "x₃₀" in formula.full_text
    assert r"\text{(24 more)}" in formula.latex


def test_a_long_array_made_of_slices_is_written_in_slices() -> None:
    def rosenbrock(x: Any) -> Any:
        return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))

    formula = cr.formula(cr.grad(rosenbrock))(rng.normal(size=30))
    assert "where r = x[1:] − x[:-1]^⊙2" in formula.text
    assert len(formula.text) < 100
    assert cr.formula(cr.grad(rosenbrock))(rng.normal(size=3)).text.startswith("[400x₁(x₁² − x₂)")
