"""Arrays put together, as blocks: ``[2 sum(r); 2Xᵀr]``, and pieces among zeros: ``[−r; 0] + [0; r]``."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest

rng = np.random.default_rng(3)
u, U = rng.normal(size=40), rng.normal(size=(20, 30))
A, X, w = rng.normal(size=(20, 10)), rng.normal(size=(30, 4)), rng.normal(size=5)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def with_intercept(w):
    return np.sum((X @ w[1:] + w[0]) ** 2)


def with_ones(w):
    return np.sum(np.logaddexp(0, np.column_stack([np.ones(30), X]) @ w))


def curvature(x):
    return np.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2)


TEXTS = (
    (cr.grad(rosenbrock), u, "[2x[:-1] − 400x[:-1] ⊙ r − 2; 0] + [0; 200r] where r = x[1:] − x[:-1]^⊙2"),
    (cr.grad(lambda x: np.sum(np.abs(np.diff(x)))), u, "Dᵀ sign(Dx) where D = diff(I)"),
    (cr.grad(curvature), u, "2DᵀDx where D = diff(I, 2)"),
    (cr.grad(lambda U: np.sum((U[1:] - U[:-1]) ** 2)), U, "2DᵀDU where D = diff(I)"),
    (cr.grad(lambda U: np.sum((U[:, 1:] - U[:, :-1]) ** 2)), U, "2UDᵀD where D = diff(I)"),
    (lambda U: np.hstack([U, A]) @ np.ones(40), U, "[U, A]𝟏"),
    (cr.jacobian(lambda x: np.concatenate([x, x**2])), u, "[I, 2 diag(x)]ᵀ"),
    (cr.grad(with_ones), w, "[𝟏, X]ᵀσ([𝟏, X]w)"),
    (cr.grad(with_intercept), w, "[2 sum(r); 2Xᵀr] where r = Xw[1:] + w₁"),
    (cr.grad(lambda x: x[4:-4] @ x[4:-4]), u, "pad(2x[4:36], [4:36])"),
)  # fmt: skip


@pytest.mark.parametrize(("f", "x", "text"), TEXTS, ids=[t[2] for t in TEXTS])
def test_text(f: Callable[..., Any], x: Any, text: str) -> None:
    assert cr.formula(f)(x).text == text


def test_latex() -> None:
    found = cr.formula(cr.grad(with_intercept))(w).latex
    assert r"\begin{bmatrix} 2 \operatorname{sum}(r) \\ 2 X^\top r \end{bmatrix}" in found
    assert r"\begin{bmatrix} \mathbf{1} & X \end{bmatrix}^\top" in cr.formula(cr.grad(with_ones))(w).latex


def test_of_a_declared_size_it_is_proved_for_others() -> None:
    found = cr.formula(cr.grad(rosenbrock))(cr.array("n"))
    assert found.text.endswith("[0; 200r] where r = x[1:] − x[:-1]^⊙2")
    assert found.sizes
