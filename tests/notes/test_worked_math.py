"""Worked math: the derivative of the mean squared error by the linear weights, L(w, b) = (1/N)
‖y − (Xw + b)‖², by formula and by value."""

from collections.abc import Callable

import chainrule as cr
import numpy as np
import pytest
from numpy.testing import assert_allclose

rng = np.random.default_rng(4)
N, d = 23, 4
X = rng.normal(size=(N, d))
y = rng.normal(size=N)
w0 = rng.normal(size=d)
b0 = 0.3

Matcher = Callable[[str, str], bool]


def mse(w: np.ndarray, b: float) -> float:
    return np.mean((y - (X @ w + b)) ** 2)


def mse_of_all(X: np.ndarray, y: np.ndarray, w: np.ndarray, b: float) -> float:
    return np.mean((y - (X @ w + b)) ** 2)


def test_gradient_by_w_in_value() -> None:
    assert_allclose(cr.grad(mse)(w0, b0), 2 / N * X.T @ (X @ w0 + b0 - y), rtol=1e-12)


def test_gradient_by_b_in_value() -> None:
    """(2/N) 1ᵀ(Xw + b − y), which is 2 · mean(residuals)."""
    residuals = X @ w0 + b0 - y
    gradient = cr.grad(mse, wrt="b")(w0, b0)
    assert_allclose(gradient, 2 / N * np.ones(N) @ residuals, rtol=1e-12)
    assert_allclose(gradient, 2 * np.mean(residuals), rtol=1e-12)


def test_hessian_by_w_in_value() -> None:
    assert_allclose(cr.hessian(mse)(w0, b0), 2 / N * X.T @ X, rtol=1e-12)


def test_gradient_by_w_in_words(prints: Matcher) -> None:
    assert prints(cr.formula(cr.grad(mse, wrt="w"))(w0, b0).text, "mse by w")


def test_gradient_by_b_in_words(prints: Matcher) -> None:
    assert prints(cr.formula(cr.grad(mse, wrt="b"))(w0, b0).text, "mse by b")


def test_hessian_by_w_in_words(prints: Matcher) -> None:
    assert prints(cr.formula(cr.hessian(mse, wrt="w"))(w0, b0).text, "mse twice by w")


def test_the_same_formulas_from_declared_shapes(prints: Matcher) -> None:
    """No data at all: sizes by name stand for every argument."""
    declared = (cr.array("N", "d"), cr.array("N"), cr.array("d"), cr.array())
    by_w = cr.formula(cr.grad(mse_of_all, wrt="w"))(*declared)
    by_b = cr.formula(cr.grad(mse_of_all, wrt="b"))(*declared)
    twice = cr.formula(cr.hessian(mse_of_all, wrt="w"))(*declared)
    assert prints(by_w.text, "mse by w")
    assert prints(by_b.text, "mse by b")
    assert prints(twice.text, "mse twice by w")


def test_the_whole_statement_names_the_function_and_the_variable() -> None:
    statement = str(cr.formula(cr.grad(mse, wrt="w"))(w0, b0))
    assert "∇" in statement
    assert "mse" in statement
    assert "Xᵀ(Xw + b − y)" in statement


@pytest.mark.parametrize("wrt", ["w", "b"])
def test_the_printed_numpy_source_gives_the_same_number(wrt: str) -> None:
    formula = cr.formula(cr.grad(mse, wrt=wrt))(w0, b0)
    scope: dict[str, object] = {"X": X, "y": y}
    exec(formula.code("numpy"), scope)  # the source is this library's own output
    functions = [v for k, v in scope.items() if callable(v) and not k.startswith("_")]
    assert len(functions) == 1
    (function,) = functions
    assert_allclose(function(w0, b0), cr.grad(mse, wrt=wrt)(w0, b0), rtol=1e-12)


def test_latex() -> None:
    latex = cr.formula(cr.grad(mse, wrt="w"))(w0, b0).latex
    assert r"\frac{2}{N}" in latex
    assert r"X^" in latex


def test_the_derivation_by_hand_is_confirmed_and_a_slip_is_found() -> None:
    def gradients(w: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
        residual = X @ w + b - y
        return 2 / N * X.T @ residual, 2 / N * np.sum(residual)

    def wrong_sign(w: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
        by_w, by_b = gradients(w, b)
        return -by_w, by_b

    assert cr.check(mse, w0, b0, against=gradients)
    report = cr.check(mse, w0, b0, against=wrong_sign)
    assert not report
    assert "sign" in str(report)
