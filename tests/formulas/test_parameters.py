"""Several results: a line each under its own name, and what they share named once."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest

rng = np.random.default_rng(6)
N, d, h, k = 20, 3, 4, 2
X, y, Y = rng.normal(size=(N, d)), rng.normal(size=N), rng.normal(size=(N, k))
W1, b1, W2, b2 = rng.normal(size=(d, h)), np.zeros(h), rng.normal(size=(h, k)), np.zeros(k)
w, x = rng.normal(size=h), rng.normal(size=d)
U, V, Q, G = rng.normal(size=(4, 5, 3))


def network(params):
    H = np.tanh(X @ params["W1"] + params["b1"])
    r = H @ params["w2"] + params["b2"] - y
    return np.mean(r**2)


def classifier(W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    Z = H @ W2 + b2
    P = np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True)
    return -np.mean(np.sum(Y * np.log(P), axis=1))


def three_layers(W1, b1, W2, b2, w3, b3):
    H1 = np.tanh(X @ W1 + b1)
    H2 = np.maximum(H1 @ W2 + b2, 0)
    r = H2 @ w3 + b3 - y
    return np.sum(r**2)


def attention(Q, K, V):
    P = np.exp(Q @ K.T)
    P = P / P.sum(1, keepdims=True)
    return P @ V


def logistic(w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - (y > 0) * z)


def recurrent(W, U, b):
    h = np.zeros(4)
    for t in range(3):
        h = np.tanh(W @ X[t] + U @ h + b)
    return np.sum(h**2)


def deep(params):
    h = X
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
    return np.sum((h @ params[-1]["W"] + params[-1]["b"] - Y) ** 2)


PARAMETERS = {"W1": W1, "b1": b1, "w2": w, "b2": 0.3}
LAYERS = [{"W": rng.normal(size=(d, d)), "b": np.zeros(d)} for _ in range(8)]
LAYERS += [{"W": rng.normal(size=(d, k)), "b": np.zeros(k)}]

BACKPROPAGATION = """\
∇_W₁ network = XᵀD
∇_b₁ network = Dᵀ𝟏
∇_w₂ network = (2/N) Hᵀr
∇_b₂ network = (2/N) sum(r)
where H = tanh(XW₁ + 𝟏b₁ᵀ), r = Hw₂ + b₂ − y, D = (2/N) (rw₂ᵀ) ⊙ (1 − H^⊙2)"""

STATEMENTS: tuple[tuple[Callable[..., Any], tuple[Any, ...], str], ...] = (
    (cr.grad(network), (PARAMETERS,), BACKPROPAGATION),
    (cr.value_and_grad(network), (PARAMETERS,), "network = (1/N) ‖r‖²\n" + BACKPROPAGATION),
    (
        cr.grad(classifier, wrt=(0, 1, 2, 3)),
        (W1, b1, W2, b2),
        """\
∇_W₁ classifier = XᵀD
∇_b₁ classifier = Dᵀ𝟏
∇_W₂ classifier = (1/N) HᵀR
∇_b₂ classifier = (1/N) Rᵀ𝟏
where H = tanh(XW₁ + 𝟏b₁ᵀ),
      Z = HW₂ + 𝟏b₂ᵀ,
      P = softmax_row(Z),
      R = diag(Y𝟏) P − Y,
      D = (1/N) (RW₂ᵀ) ⊙ (1 − H^⊙2)""",
    ),
    (
        cr.grad(three_layers, wrt=(0, 1, 2, 3, 4, 5)),
        (W1, b1, W2, b2, np.ones(k), 0.1),
        """\
∇_W₁ three_layers = XᵀD₁
∇_b₁ three_layers = D₁ᵀ𝟏
∇_W₂ three_layers = H₁ᵀD₂
∇_b₂ three_layers = D₂ᵀ𝟏
∇_w₃ three_layers = 2H₂ᵀr
∇_b₃ three_layers = 2 sum(r)
where H₁ = tanh(XW₁ + 𝟏b₁ᵀ),
      H₂ = relu(H₁W₂ + 𝟏b₂ᵀ),
      r = H₂w₃ + b₃ − y,
      D₂ = 2(rw₃ᵀ) ⊙ 𝟙[H₂ > 0],
      D₁ = (D₂W₂ᵀ) ⊙ (1 − H₁^⊙2)""",
    ),
    (
        cr.grad(deep),
        (LAYERS,),
        """\
∇_W₁ deep = XᵀD₁
∇_bₗ deep = Dₗᵀ𝟏 for l = 1 … 8
∇_Wₗ deep = hₗ₋₁ᵀDₗ for l = 2 … 8
∇_W₉ deep = 2h₈ᵀR
∇_b₉ deep = 2Rᵀ𝟏
where h₁ = tanh(XW₁ + 𝟏b₁ᵀ),
      hₗ = tanh(hₗ₋₁Wₗ + 𝟏bₗᵀ) for l = 2 … 8,
      R = h₈W₉ + 𝟏b₉ᵀ − Y,
      D₈ = 2(RW₉ᵀ) ⊙ (1 − h₈^⊙2),
      Dₗ = (Dₗ₊₁Wₗ₊₁ᵀ) ⊙ (1 − hₗ^⊙2) for l = 7 … 1""",
    ),
    (
        cr.pullback(attention, wrt=(0, 1, 2)),
        (U, V, Q, G),
        """\
(∂attention/∂Q)ᵀ G = DK
(∂attention/∂K)ᵀ G = DᵀQ
(∂attention/∂V)ᵀ G = PᵀG
where P = softmax_row(QKᵀ), D = P ⊙ (GVᵀ − ((PV) ⊙ G)𝟏𝟏ᵀ)""",
    ),
    (
        cr.grad(logistic, wrt=("w", "b")),
        (x, 0.1),
        """\
∇_w logistic = (1/N) Xᵀr
∇_b logistic = (1/N) sum(r)
where z = Xw + b, r = σ(z) − 𝟙[y > 0]""",
    ),
    (
        cr.grad(recurrent, wrt=(0, 1, 2)),
        (rng.normal(size=(4, 3)), rng.normal(size=(4, 4)), np.zeros(4)),
        """\
∇_W recurrent = δ₁X[0, :]ᵀ + δ₂X[1, :]ᵀ + δ₃X[2, :]ᵀ
∇_U recurrent = δ₃h₂ᵀ + δ₂h₁ᵀ
∇_b recurrent = δ₃ + δ₂ + δ₁
where h₁ = tanh(WX[0, :] + b),
      h₂ = tanh(WX[1, :] + Uh₁ + b),
      h₃ = tanh(WX[2, :] + Uh₂ + b),
      δ₃ = 2h₃ ⊙ (1 − h₃^⊙2),
      δ₂ = (Uᵀδ₃) ⊙ (1 − h₂^⊙2),
      δ₁ = (Uᵀδ₂) ⊙ (1 − h₁^⊙2)""",
    ),
    (
        cr.grad(lambda W, b: np.sum(np.tanh(W @ x + b) ** 2), wrt=(0, 1)),
        (W1.T, w),
        "∇_W f = δxᵀ\n∇_b f = δ\nwhere h = tanh(Wx + b), δ = 2h ⊙ (1 − h^⊙2)",
    ),
    (
        cr.hessian(lambda m, s: np.sum(np.exp(m * s)), wrt=(0, 1)),
        (0.3, 0.4),
        "∇²_m f = s²h\n∇²_(m, s) f = h(ms + 1)\n∇²_(s, m) f = h(ms + 1)\n∇²_s f = m²h\nwhere h = exp(ms)",
    ),
    (cr.jacobian(lambda x: (x @ x, np.exp(x))), (x,), "∂f₁/∂x = 2x\n∂f₂/∂x = diag(exp(x))"),
    (lambda x: {"size": x @ x, "slope": np.exp(x)}, (x,), "f.size = ‖x‖²\nf.slope = exp(x)"),
    (cr.grad(lambda x: (x @ x, np.exp(x)), has_aux=True), (x,), "∇_x f = 2x\naux = exp(x)"),
)


@pytest.mark.parametrize(("f", "arguments", "statement"), STATEMENTS)
def test_statement(f: Callable[..., Any], arguments: tuple[Any, ...], statement: str) -> None:
    assert str(cr.formula(f)(*arguments)) == statement


def test_latex_is_aligned() -> None:
    latex = cr.formula(cr.grad(network))(PARAMETERS).latex
    assert latex.startswith(r"\begin{aligned} \nabla_{W_{1}} \, \mathrm{network} &= X^\top D \\ ")
    assert r"\text{where}\quad H &= \tanh(X W_{1}" in latex
    assert latex.endswith(r"\end{aligned}")


def test_the_source_shares_as_the_text_does() -> None:
    """It is run, and gives what the text says, by the names of the parameters."""
    formula = cr.formula(cr.grad(network))(PARAMETERS)
    assert formula.text.startswith("XᵀD, Dᵀ𝟏, (2/N) Hᵀr, (2/N) sum(r) where")
    space: dict[str, Any] = {"X": X, "y": y}
    exec(formula.code("numpy"), space)
    assert formula.code("numpy").count("np.outer") == 1
    slopes = cr.grad(network)(PARAMETERS)
    found = space["grad_network"](PARAMETERS)
    assert list(found) == list(PARAMETERS)
    for name in PARAMETERS:
        np.testing.assert_allclose(found[name], slopes[name], rtol=1e-12)
