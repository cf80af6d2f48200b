"""Twenty derivatives with the formula that a person would write, and its value by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.formulas.data import (
    W1,
    W2,
    A,
    L,
    M,
    N,
    S,
    Tgt,
    U,
    V,
    X,
    Yh,
    b,
    b1,
    b2,
    c,
    lam,
    mu,
    t,
    w,
    x,
    x3,
    y,
    z,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A function, what is asked of it, and what is to come out."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    wrt: str
    kind: str
    texts: tuple[str, ...]
    reference: Callable[[], Any]


def logistic(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def softmax(v: Any) -> Any:
    e = np.exp(v - v.max())
    return e / e.sum()


def P01(w, b):
    return np.mean((y - (X @ w + b)) ** 2)


def P04(w):
    return np.mean((X @ w - y) ** 2) + lam * np.sum(w**2)


def P05(x):
    r = M @ x - z
    return np.sum(r**2)


def P06(x):
    return x @ A @ x


def P08(w):
    z = X @ w
    return np.sum(np.logaddexp(0, z) - t * z)


def P10(x):
    return np.log(np.sum(np.exp(x)))


def P12(S):
    return np.linalg.slogdet(S)[1]


def P13(S):
    return np.trace(S.T @ A @ S)


def P14(U, V):
    return np.sum((U @ V.T - Tgt) ** 2)


def P15(W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    E = H @ W2 + b2 - Yh
    return 0.5 * np.sum(E**2)


def P17(x):
    return np.sqrt(np.sum(x**2))


def P18(x):
    return np.stack([x[0] ** 2 + 2 * x[1] - x[2], np.sin(x[0]) + x[1] * x[2]])


def P19(x):
    return np.exp(np.sin(x))


def P20(mu, S):
    r = c - mu
    return -0.5 * (r @ np.linalg.solve(S, r)) - 0.5 * np.linalg.slogdet(S)[1]


s = logistic(X @ w)
p = softmax(x)
H = np.tanh(X @ W1 + b1)
E = H @ W2 + b2 - Yh
LAYERS = "where H = tanh(XW₁ + 𝟏b₁ᵀ), E = HW₂ + 𝟏b₂ᵀ − Yh"

# fmt: off
CASES = (
    Case("P01", P01, (w, b), "w", "grad", ("(2/N) Xᵀ(Xw + b − y)",), lambda: 2 / N * X.T @ (X @ w + b - y)),
    Case("P02", P01, (w, b), "b", "grad", ("(2/N) sum(Xw + b − y)", "(2/N) 𝟏ᵀ(Xw + b − y)"), lambda: 2 / N * np.sum(X @ w + b - y)),
    Case("P03", P01, (w, b), "w", "hessian", ("(2/N) XᵀX",), lambda: 2 / N * X.T @ X),
    Case("P04", P04, (w,), "w", "grad", ("(2/N) Xᵀ(Xw − y) + 2λw",), lambda: 2 / N * X.T @ (X @ w - y) + 2 * lam * w),
    Case("P05", P05, (x,), "x", "grad", ("2Mᵀr where r = Mx − z",), lambda: 2 * M.T @ (M @ x - z)),
    Case("P06", P06, (x,), "x", "grad", ("(A + Aᵀ)x", "Ax + Aᵀx"), lambda: (A + A.T) @ x),
    Case("P07", P06, (x,), "x", "hessian", ("A + Aᵀ",), lambda: A + A.T),
    Case("P08", P08, (w,), "w", "grad", ("Xᵀ(σ(z) − t) where z = Xw", "Xᵀ(s − t) where z = Xw, s = σ(z)"), lambda: X.T @ (s - t)),
    Case("P09", P08, (w,), "w", "hessian", ("Xᵀ diag(s ⊙ (1 − s)) X where z = Xw, s = σ(z)", "Xᵀ diag(σ(z) ⊙ (1 − σ(z))) X where z = Xw"), lambda: X.T @ np.diag(s * (1 - s)) @ X),
    Case("P10", P10, (x,), "x", "grad", ("softmax(x)",), lambda: p),
    Case("P11", P10, (x,), "x", "hessian", ("diag(p) − ppᵀ where p = softmax(x)",), lambda: np.diag(p) - np.outer(p, p)),
    Case("P12", P12, (S,), "S", "grad", ("S⁻ᵀ", "(S⁻¹)ᵀ", "(Sᵀ)⁻¹"), lambda: np.linalg.inv(S).T),
    Case("P13", P13, (S,), "S", "grad", ("(A + Aᵀ)S", "AS + AᵀS"), lambda: (A + A.T) @ S),
    Case("P14", P14, (U, V), "U", "grad", ("2(UVᵀ − Tgt)V",), lambda: 2 * (U @ V.T - Tgt) @ V),
    Case("P15", P15, (W1, b1, W2, b2), "W1", "grad", ("Xᵀ((EW₂ᵀ) ⊙ (1 − H^⊙2)) " + LAYERS,), lambda: X.T @ ((E @ W2.T) * (1 - H**2))),
    Case("P16", P15, (W1, b1, W2, b2), "W2", "grad", ("HᵀE " + LAYERS,), lambda: H.T @ E),
    Case("P17", P17, (x,), "x", "grad", ("x / ‖x‖",), lambda: x / np.sqrt(x @ x)),
    Case("P18", P18, (x3,), "x", "jacobian", ("[[2x₁, 2, −1], [cos(x₁), x₃, x₂]]",), lambda: np.array([[2 * x3[0], 2, -1], [np.cos(x3[0]), x3[2], x3[1]]])),
    Case("P19", P19, (x,), "x", "jacobian", ("diag(exp(sin(x)) ⊙ cos(x))", "diag(f ⊙ cos(x)) where f = exp(sin(x))"), lambda: np.diag(np.exp(np.sin(x)) * np.cos(x))),
    Case("P20", P20, (mu, S), "mu", "grad", ("½(S⁻¹ + S⁻ᵀ)r where r = c − μ",), lambda: 0.5 * (np.linalg.inv(S) + np.linalg.inv(S).T) @ (c - mu)),
)
# fmt: on

assert L not in X.shape, "sizes are distinct"
