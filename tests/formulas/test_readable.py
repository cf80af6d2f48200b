"""How a formula is put: what is taken out of a sum, what is left in it, and how numbers are written."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
import scipy.special as sp
from tests.formulas.protocol import canonical

rng = np.random.default_rng(4)
A, C, S = rng.normal(size=(3, 4, 4))
X, D = rng.normal(size=(11, 4)), rng.normal(size=(4, 6))
a, b, x = rng.normal(size=(3, 4))
y, counts = rng.normal(size=11), rng.integers(0, 5, 11).astype(float)
p = rng.random(4) + 0.3
alpha, gamma, tau = 0.6, 1.7, 0.8


def residual(x):
    r = x - alpha * A @ x - b
    return r @ r


def layer_norm(x):
    return (x - np.mean(x)) / np.sqrt(np.var(x) + 0.01)


def spring(x):
    return 0.5 * gamma * (np.linalg.norm(x - a) - tau) ** 2


def batch_norm(X):
    m = X.mean(0)
    v = X.var(0)
    return (X - m) / np.sqrt(v + 0.01)


def covariance(X):
    m = X.mean(0)
    R = X - m
    C = R.T @ R / len(X)
    return np.trace(C @ C)


def pinball(w):
    r = y - X @ w
    return np.sum(np.maximum(tau * r, (tau - 1) * r))


# fmt: off
TEXTS = (
    ("rank one, twice", cr.grad(lambda W: a @ W @ W.T @ b), D, "(abᵀ + baᵀ)W"),
    ("a symmetric inverse", cr.grad(lambda W: np.linalg.slogdet(np.eye(4) + W @ W.T)[1]), D, "2(WWᵀ + I)⁻¹W"),
    ("a residual beside itself", cr.grad(residual), x, "2(r − αAᵀr) where r = x − αAx − b"),
    ("a scalar beside the identity", cr.hessian(lambda x: np.exp(-0.5 * x @ x)), x, "exp(−½‖x‖²) (xxᵀ − I)"),
    ("one power of a norm", cr.hessian(lambda x: alpha / np.linalg.norm(x)), x, "α(3xxᵀ / ‖x‖⁵ − I / ‖x‖³)"),
    ("letters first", cr.grad(spring), x, "γ(‖r‖ − τ)r / ‖r‖ where r = x − a"),
    ("layer norm", cr.jacobian(layer_norm), x, "(I − (1/N) 𝟏𝟏ᵀ) / √h − (1/N) rrᵀ / h^(3/2) where r = x − (1/N) sum(x), h = (1/N) ‖r‖² + 0.01"),
    ("what was centred", cr.grad(lambda x: np.var(A @ x)), x, "(2/N) Aᵀ(Ax − (1/N) sum(Ax))"),
    ("sums of columns", cr.grad(lambda W: np.sum(W.sum(axis=0) ** 2)), D, "2𝟏𝟏ᵀW"),
    ("sums of rows", cr.grad(lambda W: np.sum(W.sum(axis=1) ** 2)), D, "2W𝟏𝟏ᵀ"),
    ("a quotient of products", cr.grad(lambda x: (a @ x) / (b @ x)), x, "a / (bᵀx) − (aᵀx)b / (bᵀx)²"),
    ("powers that meet", cr.grad(lambda W: np.sum(W @ C - D.T * np.log(W @ C))), np.abs(D.T), "(1 − Dᵀ ⊘ (WC))Cᵀ"),
    ("a diagonal of products", cr.grad(lambda x: np.trace(np.diag(x) @ A @ np.diag(x) @ C)), x, "(Aᵀ ⊙ C + A ⊙ Cᵀ)x"),
    ("x to the x", cr.grad(lambda x: np.sum(x**x)), p, "x^⊙x ⊙ (log(x) + 1)"),
    ("a third", cr.grad(lambda x: np.sum(x**3) ** (1 / 3)), p, "x^⊙2 / sum(x^⊙3)^(2/3)"),
    ("a largest size", cr.grad(lambda x: np.linalg.norm(x, np.inf)), x, "(h ⊙ sign(x)) / sum(h) where h = 𝟙[|x| = max(|x|)]"),
    ("log of a size", cr.grad(lambda S: np.log(np.abs(np.linalg.det(S)))), S, "S⁻ᵀ"),
    ("π", cr.grad(lambda x: np.sum(x**2 - np.cos(2 * np.pi * x))), x, "2x + 2π sin(2πx)"),
    ("GELU", cr.grad(lambda x: np.sum(x * sp.ndtr(x))), x, "Φ(x) + (1/√(2π)) x ⊙ exp(−½x^⊙2)"),
    ("decimals", cr.grad(lambda x: np.sum(np.tanh(x + 0.0447 * x**3))), x, "(1 − tanh(x + 0.0447x^⊙3)^⊙2) ⊙ (0.1341x^⊙2 + 1)"),
    ("a slope of tanh", cr.grad(lambda x: np.sum(np.tanh(2 * (x + x**3)))), x, "2(1 − tanh(2(x + x^⊙3))^⊙2) ⊙ (3x^⊙2 + 1)"),
    ("two slopes", cr.grad(lambda x: np.sum(np.where(x > 0, x, 0.01 * x))), x, "𝟙[x > 0] + 0.01𝟙[x ≤ 0]"),
    ("ELU", cr.grad(lambda x: np.sum(np.where(x > 0, x, alpha * (np.exp(x) - 1)))), x, "𝟙[x > 0] + α exp(x) ⊙ 𝟙[x ≤ 0]"),
    ("a shorter condition", cr.grad(pinball), x, "−Xᵀ((τ − 1)𝟙[r < 0] + τ𝟙[r > 0]) where r = y − Xw"),
    ("squared hinge, twice", cr.hessian(lambda w: np.sum(np.maximum(0, 1 - X @ w) ** 2)), x, "2Xᵀ diag(𝟙[1 − Xw > 0]) X"),
    ("a count of numbers", cr.grad(lambda lam: np.sum(counts * np.log(lam) - lam)), 0.8, "sum(counts) / λ − N"),
    ("a multiple of the identity", cr.grad(lambda S: np.linalg.slogdet(S + 0.1 * np.eye(4))[1]), S, "(S + 0.1I)⁻ᵀ"),
    ("singular vectors", cr.grad(lambda W: np.linalg.norm(W, "nuc")), D, "UVᵀ where U = svd(W).U, V = svd(W).V"),
    ("a norm by powers", cr.grad(lambda x: np.linalg.norm(x, 3)), x, "(x ⊙ |x|) / sum(|x|^⊙3)^(2/3)"),
    ("eigenvalues", cr.grad(lambda S: np.sum(np.linalg.eigvalsh(S))), S @ S.T, "I"),
    ("a cross product", cr.jacobian(lambda x: np.cross(x, p[:3])), x[:3], "[[0, p₃, −p₂], [−p₃, 0, p₁], [p₂, −p₁, 0]]"),
    ("a product, twice", cr.hessian(lambda x: np.prod(x[:2]) * x[2]), x[:3], "[[0, x₃, x₂], [x₃, 0, x₁], [x₂, x₁, 0]]"),
    ("one of several", cr.grad(lambda z: -np.log(np.exp(z[1]) / np.sum(np.exp(z)))), x, "softmax(z) − e₂"),
    ("a mean by its name", cr.grad(covariance), X, "(4/N) RC where m = (1/N) Xᵀ𝟏, R = X − 𝟏mᵀ, C = (1/N) RᵀR"),
    ("nothing", cr.hessian(lambda W: a @ W @ np.ones(6)), D, "0"),
)
# fmt: on


@pytest.mark.parametrize(("derivative", "argument", "text"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])  # fmt: skip
def test_text(derivative: Callable[..., Any], argument: Any, text: str) -> None:
    found = cr.formula(derivative)(argument).text
    assert canonical(found) == canonical(text), found


def test_an_element_is_not_taken_for_a_name() -> None:
    """The direction is called v₁, and so the first element of v is not."""
    found = cr.formula(cr.hvp(lambda W, v: v[0] * np.sum(W**2)))(
        cr.array("m", "n"), cr.array("m", "n"), cr.array("k")
    )
    assert canonical(found.text) == canonical("2v[0] v₁")


def test_known_numbers_in_source() -> None:
    wave = cr.formula(cr.grad(lambda x: np.sum(np.sin(2 * np.pi * x))))(x)
    assert "2 * np.pi" in wave.code("numpy")
    assert r"2 \pi" in wave.latex or r"2\pi" in wave.latex


def test_a_mean_is_called_what_it_is() -> None:
    """``m`` is the mean of X, not the sum that the mean is computed from."""
    text = cr.formula(batch_norm)(X).text
    assert text.endswith("where m = (1/N) Xᵀ𝟏, R = X − 𝟏mᵀ, v = (1/N) (R^⊙2)ᵀ𝟏"), text
