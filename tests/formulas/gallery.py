"""Models and losses of the field, each with the formula that one would write on a whiteboard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import chainrule as cr
import numpy as np
import scipy.linalg as sl

rng = np.random.default_rng(3)
N, d, k = 11, 4, 3
X, y = rng.normal(size=(N, d)), rng.normal(size=N)
A, B = rng.normal(size=(2, d, d))
c, v, w, mu = rng.normal(size=(4, d))
W, G = rng.normal(size=(d, k)), rng.normal(size=(N, k))
S = X.T @ X + np.eye(d)
K = np.cov(rng.normal(size=(N, 40)))
L = np.diag([2.0, 3, 2, 3]) - np.ones((d, d))
C, R, Q, z = rng.normal(size=(3, d)), np.eye(3) + 0.1, 0.3 * np.eye(d), rng.normal(size=3)
U, V = rng.normal(size=(N, 2)), rng.normal(size=(d, 2))
M = (rng.random((N, d)) < 0.5).astype(float)
t = (rng.random(N) < 0.5).astype(float)
counts = rng.integers(0, 5, N).astype(float)
labels = rng.integers(0, k, N)
a = rng.normal(size=N)
p, q = rng.random((2, d)) + 0.2
g = rng.normal(size=N)
s, h = rng.normal(size=9), rng.normal(size=3)
event = (rng.random(N) < 0.7).astype(float)
at_risk = np.triu(np.ones((N, N)))
lam, delta, tau, nu = 0.31, 0.7, 0.9, 3.5
layers = (rng.normal(size=(d, 5)), rng.normal(size=5), rng.normal(size=(5, 6)), rng.normal(size=6), rng.normal(size=(6, k)))
heads = rng.normal(size=(3, 5, d))
s16 = rng.normal(size=16)


@dataclass(frozen=True)
class Entry:
    """A derivative, the text that its formula is to have, and the section that it stands in."""

    section: str
    name: str
    derivative: Callable[..., Any]
    arguments: tuple[Any, ...]
    text: str


def mse(w, b):
    return np.mean((X @ w + b - y) ** 2)


def logistic(w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - t * z) + lam / 2 * np.sum(w**2)


def cross_entropy(W):
    Z = X @ W
    Z = Z - Z.max(axis=1, keepdims=True)
    logp = Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(N), labels])


def huber(w):
    r = X @ w - y
    return np.sum(np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)))


def binary(w):
    s = 1 / (1 + np.exp(-X @ w))
    return -np.mean(t * np.log(s) + (1 - t) * np.log(1 - s))


def negative_binomial(w):
    mu = np.exp(X @ w)
    return np.sum((counts + nu) * np.log(nu + mu) - counts * np.log(mu))


def gaussian(m, s):
    return np.sum(0.5 * ((y - m) / s) ** 2 + np.log(s))


def normal(mu, Sigma):
    r = X - mu
    return 0.5 * np.sum(r * np.linalg.solve(Sigma, r.T).T) + 0.5 * N * np.linalg.slogdet(Sigma)[1]


def cox(beta):
    eta = X @ beta
    return -np.sum(event * (eta - np.log(at_risk @ np.exp(eta))))


def two_layers(W1, b1, w2, b2):
    h = np.tanh(X @ W1 + b1)
    r = h @ w2 + b2 - y
    return 0.5 * np.sum(r**2)


def three_layers(W1, b1, W2, b2, W3):
    H = np.tanh(X @ W1 + b1)
    Z = H @ W2 + b2
    return np.sum((np.maximum(Z, 0) @ W3 - G) ** 2)


def attention(Q, K, V):
    P = np.exp(Q @ K.T / np.sqrt(d))
    P = P / P.sum(axis=1, keepdims=True)
    return P @ V


def update(x):
    Kg = Q @ C.T @ np.linalg.inv(C @ Q @ C.T + R)
    return x + Kg @ (z - C @ x)


def evidence(P):
    S = C @ P @ C.T + R
    e = z - C @ mu
    return 0.5 * e @ np.linalg.solve(S, e) + 0.5 * np.linalg.slogdet(S)[1]


def reconstruction(W):
    R = X - X @ W @ W.T
    return np.sum(R**2)


def by_rows(w):
    total = 0.0
    for i in range(N):
        total += (X[i] @ w - y[i]) ** 2
    return total / N


def by_elements(x):
    return sum(A[i, j] * x[i] * x[j] for i in range(d) for j in range(d))


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def polar(x):
    return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])


def kept(params):
    return np.mean((X @ params["w"] + params["b"] - y) ** 2) + params["lam"] * np.sum(params["w"] ** 2)


def by_cholesky(Z):
    return np.sum(np.log(np.diag(np.linalg.cholesky(Z @ Z.T + np.eye(d)))))


grad, jacobian, hessian, hvp, pullback = cr.grad, cr.jacobian, cr.hessian, cr.hvp, cr.pullback

# fmt: off
GALLERY = (
    Entry("Sums, means and norms", "mean", grad(lambda x: np.mean(x)), (w,), "(1/N) 𝟏"),
    Entry("Sums, means and norms", "mean of squares", grad(lambda X: np.mean(X**2)), (X,), "(2/(Nd)) X"),
    Entry("Sums, means and norms", "variance", grad(lambda x: np.var(x)), (w,), "(2/N) (x − (1/N) sum(x))"),
    Entry("Sums, means and norms", "norm of a residual", grad(lambda x: np.linalg.norm(A @ x - c)), (w,), "Aᵀr / ‖r‖ where r = Ax − c"),
    Entry("Sums, means and norms", "norm, twice", hessian(lambda x: np.linalg.norm(x)), (w,), "I / ‖x‖ − xxᵀ / ‖x‖³"),
    Entry("Sums, means and norms", "Frobenius norm", grad(lambda W: np.linalg.norm(X @ W - G, "fro") ** 2), (W,), "2Xᵀ(XW − G)"),
    Entry("Sums, means and norms", "sum of absolute values", grad(lambda x: np.linalg.norm(A @ x, 1)), (w,), "Aᵀ sign(Ax)"),
    Entry("Sums, means and norms", "cosine similarity", grad(lambda x: x @ c / (np.linalg.norm(x) * np.linalg.norm(c))), (w,), "(c / ‖x‖ − (xᵀc)x / ‖x‖³) / ‖c‖"),
    Entry("Sums, means and norms", "direction", jacobian(lambda x: x / np.linalg.norm(x)), (w,), "I / ‖x‖ − xxᵀ / ‖x‖³"),
    Entry("Sums, means and norms", "product", grad(lambda x: np.prod(x)), (w,), "prod(x) ⊘ x"),

    Entry("Quadratic forms, traces and determinants", "bilinear form", grad(lambda A: c @ A @ w), (A,), "cwᵀ"),
    Entry("Quadratic forms, traces and determinants", "quadratic form by einsum", grad(lambda x: np.einsum("i,ij,j->", x, A, x)), (w,), "(A + Aᵀ)x"),
    Entry("Quadratic forms, traces and determinants", "fourth power", hessian(lambda x: (x @ x) ** 2), (w,), "8xxᵀ + 4‖x‖²I"),
    Entry("Quadratic forms, traces and determinants", "linear trace", grad(lambda Z: np.trace(A @ Z @ B)), (S,), "AᵀBᵀ"),
    Entry("Quadratic forms, traces and determinants", "quadratic trace", grad(lambda Z: np.trace(A @ Z @ B @ Z.T)), (S,), "AZB + AᵀZBᵀ"),
    Entry("Quadratic forms, traces and determinants", "its Hessian", hessian(lambda Z: np.trace(Z.T @ A @ Z)), (W,), "[ijkl] δ_jl (A + Aᵀ)_ik"),
    Entry("Quadratic forms, traces and determinants", "cube", grad(lambda Z: np.trace(np.linalg.matrix_power(Z, 3))), (B,), "3ZᵀZᵀ"),
    Entry("Quadratic forms, traces and determinants", "log-determinant", grad(lambda X: np.linalg.slogdet(X.T @ X)[1]), (X,), "2X(XᵀX)⁻¹"),
    Entry("Quadratic forms, traces and determinants", "log-determinant, twice", hessian(lambda S: np.linalg.slogdet(S)[1]), (S,), "[ijkl] −S⁻¹_jk S⁻¹_li"),
    Entry("Quadratic forms, traces and determinants", "determinant", grad(lambda S: np.linalg.det(S)), (S,), "det(S) S⁻ᵀ"),
    Entry("Quadratic forms, traces and determinants", "trace of an inverse", grad(lambda S: np.trace(np.linalg.inv(S))), (S,), "−S⁻ᵀS⁻ᵀ"),
    Entry("Quadratic forms, traces and determinants", "inverse form", grad(lambda S: c @ np.linalg.solve(S, c)), (S,), "−S⁻ᵀccᵀS⁻ᵀ"),
    Entry("Quadratic forms, traces and determinants", "experimental design", grad(lambda s: np.linalg.slogdet(X.T @ np.diag(s) @ X)[1]), (np.abs(y) + 0.1,), "((X(Xᵀ diag(s) X)⁻¹) ⊙ X)𝟏"),
    Entry("Quadratic forms, traces and determinants", "Rayleigh quotient", grad(lambda x: x @ A @ x / (x @ x)), (w,), "(A + Aᵀ)x / ‖x‖² − 2(xᵀAx)x / ‖x‖⁴"),
    Entry("Quadratic forms, traces and determinants", "general Rayleigh quotient", grad(lambda x: (x @ A @ x) / (x @ B @ x)), (w,), "(A + Aᵀ)x / (xᵀBx) − (xᵀAx)(B + Bᵀ)x / (xᵀBx)²"),

    Entry("Functions by elements", "soft-plus", grad(lambda x: np.sum(np.log1p(np.exp(A @ x)))), (w,), "Aᵀσ(Ax)"),
    Entry("Functions by elements", "ReLU", grad(lambda x: np.sum(np.maximum(A @ x, 0))), (w,), "Aᵀ𝟙[Ax > 0]"),
    Entry("Functions by elements", "clip", grad(lambda x: np.sum(np.clip(x, -1, 1) ** 2)), (w,), "2x ⊙ 𝟙[−1 < x < 1]"),
    Entry("Functions by elements", "indicator", grad(lambda x: np.sum((x > 0) * x**2)), (w,), "2 relu(x)"),
    Entry("Functions by elements", "soft-max", jacobian(lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()), (w,), "diag(p) − ppᵀ where p = softmax(x)"),
    Entry("Functions by elements", "log-sum-exp, twice", hessian(lambda x: np.log(np.sum(np.exp(A @ x)))), (w,), "Aᵀ(diag(p) − ppᵀ)A where p = softmax(Ax)"),
    Entry("Functions by elements", "with a temperature", grad(lambda x: tau * np.log(np.mean(np.exp(x / tau)))), (w,), "softmax(x / τ)"),
    Entry("Functions by elements", "product rule", jacobian(lambda x: x * np.sin(x)), (w,), "diag(sin(x) + x ⊙ cos(x))"),
    Entry("Functions by elements", "scaled linear map", jacobian(lambda x: x * (A @ x)), (w,), "diag(Ax) + diag(x) A"),
    Entry("Functions by elements", "logistic layer", jacobian(lambda x: 1 / (1 + np.exp(-(A @ x + c)))), (w,), "diag(s ⊙ (1 − s)) A where s = σ(Ax + c)"),
    Entry("Functions by elements", "log barrier, twice", hessian(lambda x: c @ x - np.sum(np.log(9 - X @ x))), (w,), "Xᵀ diag(1 ⊘ (Xx − 9)^⊙2) X"),
    Entry("Functions by elements", "Gaussian kernel", grad(lambda x: np.exp(-np.sum((x - c) ** 2) / (2 * tau**2))), (w,), "−exp(−½‖r‖² / τ²) r / τ² where r = x − c"),

    Entry("Regression and classification", "least squares, the bias", grad(mse, wrt="b"), (w, 0.2), "(2/N) sum(Xw + b − y)"),
    Entry("Regression and classification", "weighted least squares", grad(lambda w: (X @ w - y) @ np.diag(t) @ (X @ w - y)), (w,), "2Xᵀ(t ⊙ (Xw − y))"),
    Entry("Regression and classification", "elastic net", grad(lambda w: np.sum((y - X @ w) ** 2) / (2 * N) + lam * np.sum(np.abs(w))), (w,), "(1/N) Xᵀ(Xw − y) + λ sign(w)"),
    Entry("Regression and classification", "Huber loss", grad(huber), (w,), "Xᵀ(r ⊙ h + δ(1 − h) ⊙ sign(r)) where r = Xw − y, h = 𝟙[|r| ≤ δ]"),
    Entry("Regression and classification", "logistic regression", grad(logistic), (w, 0.2), "(1/N) Xᵀ(σ(z) − t) + λw where z = Xw + b"),
    Entry("Regression and classification", "its bias", grad(logistic, wrt="b"), (w, 0.2), "(1/N) sum(σ(z) − t) where z = Xw + b"),
    Entry("Regression and classification", "its Hessian", hessian(logistic), (w, 0.2), "(1/N) Xᵀ diag(s ⊙ (1 − s)) X + λI where z = Xw + b, s = σ(z)"),
    Entry("Regression and classification", "its product with a vector", hvp(logistic), (w, v, 0.2), "(1/N) Xᵀ((Xv) ⊙ s ⊙ (1 − s)) + λv where z = Xw + b, s = σ(z)"),
    Entry("Regression and classification", "binary cross-entropy", grad(binary), (w,), "(1/N) Xᵀ(s − t) where s = σ(Xw)"),
    Entry("Regression and classification", "cross-entropy of labels", grad(cross_entropy), (W,), "(1/N) Xᵀ(softmax_row(Z) − onehot(labels)) where Z = XW"),
    Entry("Regression and classification", "dictionary of parameters", grad(kept), ({"w": w, "b": 0.2, "lam": 0.1},), "(2/N) Xᵀr + 2λw, (2/N) sum(r), ‖w‖² where r = Xw + b − y"),
    Entry("Regression and classification", "kernel ridge regression", grad(lambda a: np.sum((y - K @ a) ** 2) + lam * a @ K @ a), (a,), "λ(K + Kᵀ)a + 2Kᵀ(Ka − y)"),

    Entry("Likelihoods and divergences", "Poisson", grad(lambda w: np.mean(np.exp(X @ w) - counts * (X @ w))), (w,), "(1/N) Xᵀ(exp(Xw) − counts)"),
    Entry("Likelihoods and divergences", "negative binomial", grad(negative_binomial), (w,), "Xᵀ((counts + ν) ⊙ μ ⊘ (ν + μ) − counts) where μ = exp(Xw)"),
    Entry("Likelihoods and divergences", "Gaussian, its mean", grad(gaussian), (0.3, 1.2), "(Nm − sum(y)) / s²"),
    Entry("Likelihoods and divergences", "Gaussian, its deviation", grad(gaussian, wrt="s"), (0.3, 1.2), "N / s − ‖y − m‖² / s³"),
    Entry("Likelihoods and divergences", "normal, its mean", grad(normal), (mu, S), "½(Σ⁻¹ + Σ⁻ᵀ)(Nμ − Xᵀ𝟏)"),
    Entry("Likelihoods and divergences", "normal, its covariance", grad(normal, wrt="Sigma"), (mu, S), "(N/2) Σ⁻ᵀ − ½Σ⁻ᵀrᵀrΣ⁻ᵀ where r = X − 𝟏μᵀ"),
    Entry("Likelihoods and divergences", "Mahalanobis distance", grad(lambda x: np.sqrt((x - mu) @ np.linalg.inv(S) @ (x - mu))), (w,), "½(S⁻¹ + S⁻ᵀ)r / √(rᵀS⁻¹r) where r = x − μ"),
    Entry("Likelihoods and divergences", "entropy, twice", hessian(lambda p: -np.sum(p * np.log(p))), (p,), "−diag(1 ⊘ p)"),
    Entry("Likelihoods and divergences", "Kullback-Leibler divergence", grad(lambda q: np.sum(p * np.log(p / q))), (q,), "−p ⊘ q"),
    Entry("Likelihoods and divergences", "Cox's partial likelihood", grad(cox), (w,), "Xᵀ((at_riskᵀ (event ⊘ (at_risk h))) ⊙ h − event) where η = Xβ, h = exp(η)"),

    Entry("Networks and signals", "one hidden layer", grad(two_layers), (layers[0], layers[1], layers[1] + 1, 0.1), "Xᵀ((rw₂ᵀ) ⊙ (1 − h^⊙2)) where h = tanh(XW₁ + 𝟏b₁ᵀ), r = hw₂ + b₂ − y"),
    Entry("Networks and signals", "its bias", grad(two_layers, wrt="b1"), (layers[0], layers[1], layers[1] + 1, 0.1), "((1 − h^⊙2)ᵀr) ⊙ w₂ where h = tanh(XW₁ + 𝟏b₁ᵀ), r = hw₂ + b₂ − y"),
    Entry("Networks and signals", "two hidden layers", grad(three_layers, wrt="W2"), layers, "2Hᵀ(((relu(Z) W₃ − G)W₃ᵀ) ⊙ 𝟙[Z > 0]) where H = tanh(XW₁ + 𝟏b₁ᵀ), Z = HW₂ + 𝟏b₂ᵀ"),
    Entry("Networks and signals", "a layer, pulled back", pullback(lambda W: np.tanh(X @ W)), (W, G), "Xᵀ(G ⊙ (1 − tanh(XW)^⊙2))"),
    Entry("Networks and signals", "attention, its queries", pullback(attention), (*heads, rng.normal(size=(5, d))), "(P ⊙ (GVᵀ − ((PV) ⊙ G)𝟏𝟏ᵀ))K / √d where P = softmax_row(QKᵀ / √d)"),
    Entry("Networks and signals", "attention, its values", pullback(attention, wrt="V"), (*heads, rng.normal(size=(5, d))), "PᵀG where P = softmax_row(QKᵀ / √d)"),
    Entry("Networks and signals", "convolution of a signal", grad(lambda h: np.sum(np.convolve(s, h, "valid") ** 2)), (h,), "2TᵀTh where T = toeplitz(s)"),
    Entry("Networks and signals", "Laplacian energy of a graph", grad(lambda f: f @ L @ f), (w,), "(L + Lᵀ)f"),
    Entry("Networks and signals", "the same by differences", grad(lambda f: 0.5 * np.sum(A * (f[:, None] - f[None, :]) ** 2)), (w,), "((f𝟏ᵀ − 𝟏fᵀ) ⊙ (A + Aᵀ))𝟏"),

    Entry("Matrices and filters", "matrix factorisation", grad(lambda U, V: np.sum((U @ V.T - X) ** 2) + lam * np.sum(U**2)), (U, V), "2((UVᵀ − X)V + λU)"),
    Entry("Matrices and filters", "with missing entries", grad(lambda U, V: np.sum(M * (U @ V.T - X) ** 2)), (U, V), "2((UVᵀ − X) ⊙ M)V"),
    Entry("Matrices and filters", "principal components", grad(lambda W: -np.trace(W.T @ S @ W)), (W,), "−(S + Sᵀ)W"),
    Entry("Matrices and filters", "reconstruction", grad(reconstruction), (W,), "−2(RᵀX + XᵀR)W where R = X − XWWᵀ"),
    Entry("Matrices and filters", "orthogonality", grad(lambda W: np.sum((W.T @ W - np.eye(k)) ** 2)), (W,), "4(WWᵀW − W)"),
    Entry("Matrices and filters", "Sylvester residual", grad(lambda Z: np.sum((A @ Z @ B - S) ** 2)), (A,), "2Aᵀ(AZB − S)Bᵀ"),
    Entry("Matrices and filters", "Kalman update", jacobian(update), (w,), "I − Kg C where Kg = QCᵀ(CQCᵀ + R)⁻¹"),
    Entry("Matrices and filters", "Kalman evidence", grad(evidence), (Q,), "½Cᵀ(S⁻ᵀ − S⁻ᵀeeᵀS⁻ᵀ)C where S = CPCᵀ + R, e = z − Cμ"),

    Entry("Linear maps", "roughness", grad(lambda x: np.sum(np.diff(x) ** 2)), (w,), "2DᵀDx where D = diff(I)"),
    Entry("Linear maps", "total variation", grad(lambda x: np.sum(np.abs(np.diff(x)))), (w,), "Dᵀ sign(Dx) where D = diff(I)"),
    Entry("Linear maps", "a filtered signal", grad(lambda x: np.sum(np.convolve(x, h, "valid") ** 2)), (s,), "2CᵀCx where C = conv(h)"),
    Entry("Linear maps", "running sums", jacobian(lambda x: np.cumsum(x)), (w,), "tril(𝟏𝟏ᵀ)"),
    Entry("Linear maps", "a circular lag", grad(lambda x: np.sum(np.roll(x, 1) * x)), (w,), "roll(x, 1) + roll(x, −1)"),
    Entry("Linear maps", "Kronecker product", lambda Z: np.kron(Z, A) @ s16, (S,), "(Z ⊗ A)s₁₆"),
    Entry("Linear maps", "exponential of a matrix", grad(lambda Z: c @ sl.expm(Z) @ w), (S,), "L_exp(Z, wcᵀ)ᵀ"),
    Entry("Linear maps", "log-determinant by Cholesky", grad(by_cholesky), (A,), "(ZZᵀ + I)⁻¹Z"),
    Entry("Linear maps", "largest eigenvalue", grad(lambda Z: np.linalg.eigvalsh(Z.T @ Z)[-1]), (X,), "2Zhhᵀ where V = eigh(ZᵀZ).V, h = V[:, 3]"),

    Entry("Loops and entries", "a loop over rows", grad(by_rows), (w,), "(2/N) Xᵀ(Xw − y)"),
    Entry("Loops and entries", "loops over elements", grad(by_elements), (w,), "(A + Aᵀ)x"),
    Entry("Loops and entries", "polar coordinates", jacobian(polar), (np.array([1.2, 0.4]),), "[[cos(x₂), −x₁ sin(x₂)], [sin(x₂), x₁ cos(x₂)]]"),
    Entry("Loops and entries", "Rosenbrock's function", grad(rosenbrock), (np.array([0.3, 0.4]),), "[−2(1 − x₁) − 400x₁r, 200r] where r = x₂ − x₁²"),
    Entry("Loops and entries", "its Hessian", hessian(rosenbrock), (np.array([0.3, 0.4]),), "[[1200x₁² + 2 − 400x₂, −400x₁], [−400x₁, 200]]"),
    Entry("Loops and entries", "a quotient", grad(lambda a, b: (a - b) / (a + b)), (0.7, 0.2), "2b / (a + b)²"),
    Entry("Loops and entries", "a power", grad(lambda x, n: np.sum(x**n)), (p, 2.5), "nx^⊙(n − 1)"),
)
# fmt: on
