"""Formulas of common losses and models: each verified before it is printed, each as written here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.formulas.protocol import canonical

rng = np.random.default_rng(3)
N, d, k, m = 11, 4, 3, 6
X = rng.normal(size=(N, d))
y = rng.normal(size=N)
A = rng.normal(size=(d, d))
c, w = rng.normal(size=(2, d))
W = rng.normal(size=(d, k))
U = rng.normal(size=(N, 2))
V = rng.normal(size=(d, 2))
K = rng.normal(size=(m, d))
t = (rng.random(N) < 0.5).astype(float)
counts = rng.integers(0, 5, N).astype(float)
labels = rng.integers(0, k, N)
q = rng.random(d) + 0.2
S = X.T @ X + np.eye(d)
lam = 0.31


@dataclass(frozen=True)
class Known:
    """A derivative and the text that it is to have."""

    name: str
    derivative: Callable[..., Any]
    arguments: tuple[Any, ...]
    text: str


def entropy(W):
    Z = X @ W
    return -np.mean(Z[np.arange(N), labels] - np.log(np.sum(np.exp(Z), axis=1)))


def binary(w):
    s = 1 / (1 + np.exp(-X @ w))
    return -np.sum(t * np.log(s) + (1 - t) * np.log(1 - s))


def logistic(w):
    return np.sum(np.log(1 + np.exp(-t * (X @ w)))) + lam / 2 * w @ w


def factorisation(U, V):
    return np.sum((U @ V.T - X) ** 2)


def huber(w):
    r = X @ w - y
    return np.sum(np.where(np.abs(r) < 1, 0.5 * r**2, np.abs(r) - 0.5))


def reconstruction(W):
    R = X - X @ W @ W.T
    return np.sum(R**2)


def kept_in_a_dictionary(params):
    return np.mean((X @ params["w"] + params["b"] - y) ** 2)


def sized(w, X, y):
    rows, _ = X.shape
    return np.sum((X @ w - y) ** 2) / rows


# fmt: off
KNOWN = (
    Known("norm", cr.grad(lambda x: np.linalg.norm(x)), (w,), "x / ‖x‖"),
    Known("squared norm", cr.grad(lambda x: np.linalg.norm(X @ x - y) ** 2), (w,), "2Xᵀ(Xx − y)"),
    Known("Hessian of a norm", cr.hessian(lambda x: np.sqrt(np.sum(x**2))), (w,), "I / ‖x‖ − xxᵀ / ‖x‖³"),
    Known("absolute values", cr.grad(lambda w: np.sum(np.abs(X @ w - y))), (w,), "Xᵀ sign(Xw − y)"),
    Known("Huber", cr.grad(huber), (w,), "Xᵀ(r ⊙ h + (1 − h) ⊙ sign(r)) where r = Xw − y, h = 𝟙[|r| < 1]"),
    Known("hinge", cr.grad(lambda w: np.sum(np.maximum(1 - y * (X @ w), 0))), (w,), "−Xᵀ(𝟙[1 − (Xw) ⊙ y > 0] ⊙ y)"),
    Known("Rayleigh quotient", cr.grad(lambda x: x @ A @ x / (x @ x)), (w,), "(A + Aᵀ)x / ‖x‖² − 2(xᵀAx)x / ‖x‖⁴"),
    Known("trace", cr.grad(lambda S: np.trace(np.linalg.inv(S) @ A)), (S,), "−S⁻ᵀAᵀS⁻ᵀ"),
    Known("determinant", cr.grad(lambda S: np.log(np.linalg.det(S))), (S,), "S⁻ᵀ"),
    Known("powers of a matrix", cr.grad(lambda S: np.trace(S @ S.T @ S @ S.T)), (X,), "4SSᵀS"),
    Known("mean softmax loss", cr.grad(entropy), (W,), "(1/N) Xᵀ(softmax_row(Z) − onehot(labels)) where Z = XW"),
    Known("binary cross-entropy", cr.grad(binary), (w,), "Xᵀ(s − t) where s = σ(Xw)"),
    Known("regularised logistic loss", cr.grad(logistic), (w,), "λw − Xᵀ(t ⊙ σ(−(Xw) ⊙ t))"),
    Known("its Hessian", cr.hessian(logistic), (w,), "Xᵀ diag(t^⊙2 ⊙ s ⊙ (1 − s)) X + λI where s = σ((Xw) ⊙ t)"),
    Known("Poisson", cr.grad(lambda w: np.sum(np.exp(X @ w) - counts * (X @ w))), (w,), "Xᵀ(exp(Xw) − counts)"),
    Known("Poisson, twice", cr.hessian(lambda w: np.sum(np.exp(X @ w) - counts * (X @ w))), (w,), "Xᵀ diag(exp(Xw)) X"),
    Known("Kullback-Leibler", cr.grad(lambda p: np.sum(p * np.log(p / q))), (q + 0.1,), "log(p ⊘ q) + 1"),
    Known("factorisation", cr.grad(factorisation, wrt="V"), (U, V), "2(UVᵀ − X)ᵀU"),
    Known("factorisation, twice", cr.hessian(factorisation), (U, V), "[ijkl] 2 δ_ik (VᵀV)_jl"),
    Known("reconstruction", cr.grad(reconstruction), (W,), "−2(XᵀR + RᵀX)W where R = X − XWWᵀ"),
    Known("log-sum-exp of scores", cr.grad(lambda x: np.log(np.sum(np.exp(X @ x)))), (w,), "Xᵀ softmax(Xx)"),
    Known("softmax", cr.jacobian(lambda x: np.exp(x) / np.sum(np.exp(x))), (w,), "diag(p) − ppᵀ where p = softmax(x)"),
    Known("logistic, by entries", cr.jacobian(lambda x: 1 / (1 + np.exp(-x))), (w,), "diag(s ⊙ (1 − s)) where s = σ(x)"),
    Known("tanh layer", cr.jacobian(lambda x: np.tanh(X @ x)), (w,), "diag(1 − tanh(Xx)^⊙2) X"),
    Known("tanh, twice", cr.hessian(lambda x: np.sum(np.tanh(X @ x))), (w,), "−2Xᵀ diag(h ⊙ (1 − h^⊙2)) X where h = tanh(Xx)"),
    Known("linear map", cr.jacobian(lambda x: X @ x), (w,), "X"),
    Known("outer product", cr.jacobian(lambda x: np.outer(x, x)), (w,), "[ijk] δ_ik x_j + δ_jk x_i"),
    Known("fourth powers, twice", cr.hessian(lambda x: np.sum(x**4)), (w,), "12 diag(x^⊙2)"),
    Known("scalar", cr.derivative(lambda x: np.sin(x) * np.exp(-(x**2))), (1.7,), "exp(−x²) (cos(x) − 2x sin(x))"),
    Known("tanh of a number, twice", cr.derivative(lambda x: np.tanh(x), order=2), (1.7,), "−2 tanh(x) (1 − tanh(x)²)"),
    Known("angle", cr.grad(lambda u, x: np.arctan2(u, x)), (0.7, 0.3), "x / (u² + x²)"),
    Known("length", cr.grad(lambda u, x: np.hypot(u, x)), (0.7, 0.3), "u / √(u² + x²)"),
    Known("minus an even power", cr.grad(lambda u, x, v: -u * (x - v) ** 2), (2.0, 0.3, 1.7), "−(x − v)²"),
    Known("minus an odd power", cr.grad(lambda u, x, v: -u * (x - v) ** 3), (2.0, 0.3, 1.7), "(v − x)³"),
    Known("third order", cr.derivative(lambda x: x**5, order=3), (1.7,), "60x²"),
    Known("Hessian times vector", cr.hvp(lambda w: np.mean((X @ w - y) ** 2)), (w, c), "(2/N) XᵀXc"),
    Known("dictionary", cr.grad(kept_in_a_dictionary), ({"w": w, "b": 0.2},), "(2/N) Xᵀr, (2/N) sum(r) where r = Xw + b − y"),
    Known("sizes by the user's names", cr.grad(sized), (w, X, y), "(2/rows) Xᵀ(Xw − y)"),
    Known("one entry of a gradient", cr.grad(lambda w: np.sum((X @ w - y) ** 2), wrt="w[2]"), (w,), "2(Xw − y)ᵀX[:, 2]"),
    Known("broadcast product", cr.grad(lambda x: np.sum(x[:, None] * x[None, :] * A)), (w,), "(A + Aᵀ)x"),
    Known("one score", cr.grad(lambda z: np.log(np.sum(np.exp(z))) - z[2]), (w,), "softmax(z) − e₃"),
    Known("log cosh", cr.grad(lambda w: np.sum(np.log(np.cosh(X @ w - y)))), (w,), "Xᵀ tanh(Xw − y)"),
    Known("soft-plus, twice", cr.hessian(lambda w: np.sum(np.log(1 + np.exp(X @ w)))), (w,), "Xᵀ diag(s ⊙ (1 − s)) X where s = σ(Xw)"),
    Known("quotient rule", cr.grad(lambda x: (x**2 + 1) / (x - 3)), (0.3,), "(2x − (x² + 1) / (x − 3)) / (x − 3)"),
    Known("function itself", lambda w: np.mean((X @ w - y) ** 2), (w,), "(1/N)‖Xw − y‖²"),
)
# fmt: on


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_text(known: Known) -> None:
    text = cr.formula(known.derivative)(*known.arguments).text
    assert canonical(text) == canonical(known.text), text


def test_symmetry_is_used() -> None:
    quadratic = cr.grad(lambda x, A: x @ A @ x)
    assert cr.formula(quadratic)(cr.array("n"), cr.array("n", "n")).text == "(A + Aᵀ)x"
    symmetric = cr.array("n", "n", symmetric=True)
    assert cr.formula(quadratic)(cr.array("n"), symmetric).text == "2Ax"


def test_equal_lengths_are_not_mixed_up() -> None:
    """With as many rows as columns the mean is still over the rows."""
    square, targets, weights = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=5)

    def loss(w: Any) -> Any:
        _, columns = square.shape
        return np.mean((square @ w - targets) ** 2) + np.mean(w**2) * columns

    def abstract(w: Any, X: Any, y: Any) -> Any:
        return np.mean((X @ w - y) ** 2) + np.mean(w**2)

    declared = (cr.array("d"), cr.array("N", "d"), cr.array("N"))
    text = cr.formula(cr.grad(abstract))(*declared).text
    assert canonical(text) == canonical("(2/N) Xᵀ(Xw − y) + (2/d) w")
    assert "/N) square" in cr.formula(cr.grad(loss))(weights).text
