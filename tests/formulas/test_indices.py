"""Index notation: an array by its entry, and symmetry by which two sums are one."""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.formulas.reading import read

rng = np.random.default_rng(8)
X, Z = rng.normal(size=(8, 3)), rng.normal(size=(6, 3))
alpha, h = rng.normal(size=8), rng.normal(size=8)
T, U, B, C = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5)), rng.normal(size=(3, 3)), rng.normal(size=(4, 2))
Q, K, V, G = rng.normal(size=(4, 2, 6, 3))
L = rng.normal(size=(8, 8))


def kernel(X, h):
    R = X[:, None, :] - X[None, :, :]
    K = np.exp(-0.5 * np.sum(R**2, axis=-1))
    return alpha @ K @ h


def energy(X):
    R = X[:, None, :] - X[None, :, :]
    K = np.exp(-0.5 * np.sum(R**2, axis=-1))
    return alpha @ K @ alpha


def distances(X):
    D = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=-1)
    return np.sum(np.sqrt(D + 1))


def to_others(X):
    R = X[:, None, :] - Z[None, :, :]
    return np.sum(np.exp(-np.sum(R**2, axis=-1)))


def heads(Q, K, V):
    S = np.einsum("hid,hjd->hij", Q, K)
    P = np.exp(S)
    P = P / P.sum(-1, keepdims=True)
    return np.einsum("hij,hjd->hid", P, V)


def evidence(T):
    return np.sum(np.log(np.sum(np.exp(T), axis=-1)))


def laplacian(f):
    return 0.5 * np.sum(L * (f[:, None] - f[None, :]) ** 2)


# fmt: off
TEXTS: tuple[tuple[Callable[..., Any], tuple[Any, ...], str], ...] = (
    (cr.grad(energy), (X,), "[ij] −2 Σ_k α_i α_k K_ik R_ikj where R_ijk = X_ik − X_jk, K_ij = exp(−½ Σ_k R²_ijk)"),
    (cr.grad(kernel), (X, h), "[ij] −Σ_k K_ik (α_i h_k + h_i α_k) R_ikj where R_ijk = X_ik − X_jk, K_ij = exp(−½ Σ_k R²_ijk)"),
    (cr.grad(to_others), (X,), "[ij] −2 Σ_k exp(−Σ_l R²_ikl) R_ikj where R_ijk = X_ik − Z_jk"),
    (cr.grad(laplacian), (h,), "((f𝟏ᵀ − 𝟏fᵀ) ⊙ (L + Lᵀ))𝟏"),
    (cr.pullback(lambda T: T @ U), (T, rng.normal(size=(2, 3, 5))), "[ijk] Σ_l G_ijl U_ikl"),
    (cr.grad(lambda T: np.sum((T @ U) ** 2)), (T,), "[ijk] 2 Σ_lm T_ijl U_ilm U_ikm"),
    (cr.grad(lambda T: np.sum(T**3)), (T,), "3T^⊙2"),
    (cr.grad(lambda T: np.sum(np.exp(T) * np.sin(T))), (T,), "exp(T) ⊙ (sin(T) + cos(T))"),
    (cr.grad(evidence), (T,), "[ijk] softmax_k(T_ijk)"),
    (cr.pullback(heads), (Q, K, V, G), "[ijk] Σ_l K_ilk P_ijl (Σ_m G_ijm V_ilm − Σ_mn P_ijm G_ijn V_imn) where S_ijk = Σ_l Q_ijl K_ikl, P_ijk = softmax_k(S_ijk)"),
    (cr.pullback(heads, wrt="V"), (Q, K, V, G), "[ijk] Σ_l P_ilj G_ilk where S_ijk = Σ_l Q_ijl K_ikl, P_ijk = softmax_k(S_ijk)"),
    (cr.hessian(lambda W: np.sum(np.tanh(W @ C) ** 2)), (rng.normal(size=(3, 4)),), "[ijkl] 2 δ_ik Σ_m C_jm C_lm (1 − H²_im)(1 − 3 H²_im) where H = tanh(WC)"),
    (cr.hvp(lambda T: np.sum(np.tanh(T) ** 2)), (T, G[:, :3, :1] + T), "2v ⊙ (1 − tanh(T)^⊙2) ⊙ (1 − 3 tanh(T)^⊙2)"),
    (cr.grad(lambda T: np.var(T)), (T,), "(2/(Ndk)) (T − (1/(Ndk)) sum(T))"),
    (cr.grad(lambda T: np.linalg.norm(T)), (T,), "T / ‖T‖"),
    (cr.grad(lambda T: np.sum(T.mean(axis=0) ** 2)), (T,), "[ijk] (2/N²) Σ_l T_ljk"),
)
# fmt: on
SYMBOLS = {"α": alpha, "X": X, "Z": Z, "U": U, "B": B, "C": C, "L": L}


@pytest.mark.parametrize(("f", "arguments", "text"), TEXTS)
def test_text(f: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    """The text is this one, and what a reader makes of it is the derivative."""
    found = cr.formula(f)(*arguments)
    assert found.text == text
    value = np.asarray(f(*arguments))
    names = {**SYMBOLS, **{s.name: x for s, x in zip(found.legend, arguments, strict=False)}}
    names |= dict(zip(_named(f), arguments, strict=False))
    names |= {"G": arguments[-1], "v": arguments[-1]}
    names |= dict(zip("Ndk", np.shape(arguments[0]), strict=False))
    np.testing.assert_allclose(np.asarray(read(found.text, names, value.shape), float), value, rtol=1e-9)


def _named(f: Any) -> tuple[str, ...]:
    code = f.function.__code__
    return tuple(code.co_varnames[: code.co_argcount])


def test_latex() -> None:
    latex = cr.formula(cr.grad(energy))(X).latex
    assert r"\left[ij\right]\; -2 \sum_{k} {\alpha}_{i} {\alpha}_{k} {K}_{ik} {R}_{ikj}" in latex
    assert r"{K}_{ij} = \exp\left(-\frac{1}{2} \sum_{k} {R}^{2}_{ijk}\right)" in latex


def test_what_is_not_symmetric_stays_two() -> None:
    """Exchanging two axes changes more than the sign."""

    def skewed(X: Any) -> Any:
        R = X[:, None, :] - 2 * X[None, :, :]
        return alpha @ np.exp(-np.sum(R**2, axis=-1)) @ alpha

    text = cr.formula(cr.grad(skewed))(X).text
    assert "K_ki" in text or "_ki" in text, text
