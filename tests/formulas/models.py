"""Models and losses as a stranger would write them, each with the text that was expected beforehand.

Sums of squares in many spellings, likelihoods, networks, matrix functions and entries: what the gallery
shows is not repeated. Where two texts read as well, the one that is printed stands here.
"""

from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
from scipy import special

#: A name, a derivative, its arguments, and the text.
CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...], str]] = []


def case(name: str, derivative: Callable[..., Any], arguments: tuple[Any, ...], text: str) -> None:
    """Add a case."""
    CASES.append((name, derivative, arguments, text))


# fmt: off
rng = np.random.default_rng(77)
N, d, k = 12, 5, 3
X = rng.normal(size=(N, d))
y = rng.normal(size=N)
Y = rng.normal(size=(N, k))
A, B, C = rng.normal(size=(3, d, d))
a, b, c, u, v, w, x = rng.normal(size=(7, d))
W = rng.normal(size=(d, k))
S = A @ A.T + np.eye(d)
t = (rng.random(N) < .5).astype(float)
T = np.eye(k)[rng.integers(0, k, N)]
counts = rng.integers(0, 6, N).astype(float)
labels = rng.integers(0, k, N)
s = np.sign(y)
q = rng.random(N) + .3
p = rng.random(d) + .2
P = rng.random(d) + .1
P = P / P.sum()
Q = rng.random(d) + .1
Q = Q / Q.sum()
K = np.cov(rng.normal(size=(N, 40)))
M = (rng.random((N, d)) < .6).astype(float)
U, V = rng.normal(size=(N, 2)), rng.normal(size=(d, 2))
lam, alpha, beta, nu, tau, sigma, eps, delta = .31, .7, 1.3, 4.5, .8, .9, .01, .6
mu = rng.normal(size=d)
off = rng.normal(size=N)
L = rng.normal(size=(N, N))
L = L @ L.T
grad, hess, jac, hvp, pb = cr.grad, cr.hessian, cr.jacobian, cr.hvp, cr.pullback
case("bilinear x", grad(lambda x: x @ A @ c), (x,), "Ac")
case("bilinear A^T", grad(lambda x: c @ A @ x), (x,), "Aᵀc")
def quad_lin(x): return 0.5 * x @ A @ x - b @ x + 3
case("quad lin", grad(quad_lin), (x,), "½(A + Aᵀ)x − b")
case("quad sym", grad(lambda x, Q, c: 0.5 * x @ Q @ x + c @ x), (cr.array("n"), cr.array("n", "n", symmetric=True), cr.array("n")), "Qx + c")
case("quad sym hess", hess(lambda x, Q, c: 0.5 * x @ Q @ x + c @ x), (cr.array("n"), cr.array("n", "n", symmetric=True), cr.array("n")), "Q")
case("trace AXB", grad(lambda X: np.trace(A @ X @ B)), (C,), "AᵀBᵀ")
case("trace XtAXB", grad(lambda X: np.trace(X.T @ A @ X @ B)), (C,), "AXB + AᵀXBᵀ")
case("trace (X-B)^T(X-B)", grad(lambda X: np.trace((X - B).T @ (X - B))), (C,), "2(X − B)")
case("det", grad(lambda S: np.linalg.det(S)), (S,), "det(S) S⁻ᵀ")
case("logdet AtSA", grad(lambda S: np.linalg.slogdet(W.T @ S @ W)[1]), (S,), "W(WᵀSW)⁻ᵀWᵀ")
case("logdet psd", grad(lambda S: np.linalg.slogdet(S)[1]), (cr.array("n", "n", positive_definite=True),), "S⁻¹")
case("tr inv A", grad(lambda S: np.trace(A @ np.linalg.inv(S))), (S,), "−S⁻ᵀAᵀS⁻ᵀ")
case("inv jac wrt vec", grad(lambda x: x @ np.linalg.inv(S) @ x), (x,), "(S⁻¹ + S⁻ᵀ)x")
case("solve jac", jac(lambda b: np.linalg.solve(A, b)), (b,), "A⁻¹")
case("frob AX-B", grad(lambda X: np.linalg.norm(A @ X - B)), (C,), "AᵀR / ‖R‖ where R = AX − B")
def rayleigh(x):
    n = x @ A @ x
    m = x @ x
    return n / m
case("rayleigh locals", grad(rayleigh), (x,), "(A + Aᵀ)x / m − 2nx / m² where n = xᵀAx, m = ‖x‖²")
case("commutator", grad(lambda X: np.sum((A @ X - X @ A) ** 2)), (C,), "2(AᵀR − RAᵀ) where R = AX − XA")
case("xxT", grad(lambda x: np.sum((A - np.outer(x, x)) ** 2)), (x,), "2(2xxᵀ − A − Aᵀ)x")
case("abT X", grad(lambda X: a @ X @ X.T @ a), (W,), "2aaᵀX")
case("XtX inv", grad(lambda b: np.sum((X @ b - y) ** 2) / sigma**2), (w,), "2Xᵀ(Xb − y) / sigma²")
def ridge_int(w, b):
    r = y - X @ w - b
    return np.mean(r**2) + lam * w @ w
case("ridge intercept w", grad(ridge_int), (w, .2), "2λw − (2/N) Xᵀr where r = y − Xw − b")
case("ridge intercept b", grad(ridge_int, wrt="b"), (w, .2), "−(2/N) sum(r) where r = y − Xw − b")
case("ridge intercept hess", hess(ridge_int), (w, .2), "(2/N) XᵀX + 2λI")
case("elastic", grad(lambda w: 0.5 * np.mean((X @ w - y) ** 2) + lam * (alpha * np.sum(np.abs(w)) + 0.5 * (1 - alpha) * np.sum(w**2))), (w,), "(1/N) Xᵀ(Xw − y) + λ(α sign(w) + (1 − α)w)")
def pm_logistic(w): return np.mean(np.log(1 + np.exp(-s * (X @ w))))
case("pm logistic", grad(pm_logistic), (w,), "−(1/N) Xᵀ(s ⊙ σ(−s ⊙ (Xw)))")
def margin_logistic(w):
    m = s * (X @ w)
    return np.sum(np.logaddexp(0, -m))
case("margin logistic", grad(margin_logistic), (w,), "−Xᵀ(s ⊙ σ(−m)) where m = s ⊙ (Xw)")
case("margin logistic hess", hess(margin_logistic), (w,), "Xᵀ diag(s^⊙2 ⊙ h ⊙ (1 − h)) X where m = s ⊙ (Xw), h = σ(m)")
def weighted_logistic(w, b):
    z = X @ w + b
    return np.sum(q * (np.logaddexp(0, z) - t * z)) / np.sum(q) + 0.5 * lam * w @ w
case("weighted logistic w", grad(weighted_logistic), (w, .1), "Xᵀ(q ⊙ (σ(z) − t)) / sum(q) + λw where z = Xw + b")
case("weighted logistic b", grad(weighted_logistic, wrt="b"), (w, .1), "qᵀ(σ(z) − t) / sum(q) where z = Xw + b")
case("weighted logistic H", hess(weighted_logistic), (w, .1), "Xᵀ diag(q ⊙ s ⊙ (1 − s)) X / sum(q) + λI where z = Xw + b, s = σ(z)")
def poisson_off(w):
    eta = X @ w + off
    return np.sum(np.exp(eta) - counts * eta) + 0.5 * lam * np.sum(w**2)
case("poisson offset", grad(poisson_off), (w,), "Xᵀ(exp(η) − counts) + λw where η = Xw + off")
case("poisson offset H", hess(poisson_off), (w,), "Xᵀ diag(exp(η)) X + λI where η = Xw + off")
def gamma_glm(w):
    eta = X @ w
    return np.mean(y**2 * np.exp(-eta) + eta)
case("gamma glm", grad(gamma_glm), (w,), "(1/N) Xᵀ(1 − y^⊙2 ⊙ exp(−η)) where η = Xw")
case("gamma glm hess", hess(gamma_glm), (w,), "(1/N) Xᵀ diag(y^⊙2 ⊙ exp(−η)) X where η = Xw")
def student(w):
    r = y - X @ w
    return 0.5 * (nu + 1) * np.sum(np.log(1 + r**2 / nu))
case("student", grad(student), (w,), "−(ν + 1)Xᵀ(r ⊘ (ν + r^⊙2)) where r = y − Xw")
def cauchy(w):
    r = X @ w - y
    return np.sum(np.log1p(r**2))
case("cauchy", grad(cauchy), (w,), "2Xᵀ(r ⊘ (1 + r^⊙2)) where r = Xw − y")
def beta_ll(a, b, x): return np.sum((a - 1) * np.log(x) + (b - 1) * np.log(1 - x))
case("beta a", grad(beta_ll), (2.3, 1.7, rng.random(6) * .8 + .1), "sum(log(x))")
def gamma_ll(a, b, x): return np.sum(a * np.log(b) - special.gammaln(a) + (a - 1) * np.log(x) - b * x)
case("gamma a", grad(gamma_ll), (2.3, 1.7, p), "N(log(b) − ψ(a)) + sum(log(x))")
case("gamma b", grad(gamma_ll, wrt="b"), (2.3, 1.7, p), "Na / b − sum(x)")
def gauss(mu, s): return -0.5 * np.sum((y - mu) ** 2) / s**2 - N * np.log(s)
case("gauss mu", grad(gauss), (.3, 1.2), "(sum(y) − Nμ) / s²")
case("gauss s", grad(gauss, wrt="s"), (.3, 1.2), "‖y − μ‖² / s³ − N / s")
def gaussvec(mu, s): return np.sum(0.5 * ((y - mu) / s) ** 2 + np.log(s))
case("gauss mu vec", grad(gaussvec), (off, q), "(μ − y) ⊘ s^⊙2")
case("gauss s vec", grad(gaussvec, wrt="s"), (off, q), "1 ⊘ s − (y − μ)^⊙2 ⊘ s^⊙3")
def negbin(w):
    m = np.exp(X @ w)
    return -np.sum(counts * np.log(m / (m + nu)) + nu * np.log(nu / (m + nu)))
case("negbin", grad(negbin), (w,), "Xᵀ(m ⊙ (ν + counts) ⊘ (m + ν) − counts) where m = exp(Xw)")
case("clip loss", grad(lambda w: np.sum(np.clip(X @ w, -1, 1))), (w,), "Xᵀ𝟙[−1 < Xw < 1]")
case("indicator", grad(lambda w: np.sum((X @ w > 0) * (X @ w - y) ** 2)), (w,), "2Xᵀ(𝟙[z > 0] ⊙ (z − y)) where z = Xw")
def sq_hinge(w, b):
    m = 1 - s * (X @ w + b)
    return np.mean(np.maximum(0, m) ** 2) + 0.5 * lam * w @ w
case("sq hinge", grad(sq_hinge), (w, .1), "λw − (2/N) Xᵀ(s ⊙ relu(m)) where m = 1 − s ⊙ (Xw + b)")
def multinomial(W, b):
    Z = X @ W + b
    lse = np.log(np.sum(np.exp(Z), axis=1))
    return np.mean(lse - Z[np.arange(N), labels])
case("multinomial W", grad(multinomial), (W, np.zeros(k)), "(1/N) Xᵀ(softmax_row(Z) − onehot(labels)) where Z = XW + 𝟏bᵀ")
case("multinomial b", grad(multinomial, wrt="b"), (W, np.zeros(k)), "(1/N) (softmax_row(Z) − onehot(labels))ᵀ𝟏 where Z = XW + 𝟏bᵀ")
def onehot_ce(W):
    Z = X @ W
    logp = Z - special.logsumexp(Z, axis=1, keepdims=True)
    return -np.sum(T * logp) / N
case("onehot ce", grad(onehot_ce), (W,), "(1/N) Xᵀ(diag(T𝟏) softmax_row(Z) − T) where Z = XW")
def ref_class(W):
    Z = X @ W
    return np.sum(np.log(1 + np.sum(np.exp(Z), axis=1))) - np.sum(T * Z)
case("ref class", grad(ref_class), (W,), "Xᵀ(diag(1 ⊘ (H𝟏 + 1)) H − T) where Z = XW, H = exp(Z)")
case("kl p", grad(lambda p: np.sum(p * np.log(p / Q))), (P,), "log(p ⊘ Q) + 1")
case("kl softmax", grad(lambda z: -np.sum(P * np.log(np.exp(z) / np.sum(np.exp(z))))), (x,), "sum(P) softmax(z) − P")
case("entropy of softmax", grad(lambda z: np.sum(special.softmax(z) * a)), (x,), "p ⊙ (a − pᵀa) where p = softmax(z)")
case("js", grad(lambda p: np.sum(p * np.log(2 * p / (p + Q)) + Q * np.log(2 * Q / (p + Q)))), (P,), "log(2p ⊘ (p + Q))")
def mf(U, V, bu):
    E = M * (U @ V.T + bu[:, None] - X)
    return 0.5 * np.sum(E**2) + 0.5 * lam * (np.sum(U**2) + np.sum(V**2))
case("mf bias U", grad(mf), (U, V, off), "(M ⊙ E)V + λU where E = M ⊙ (UVᵀ + bu𝟏ᵀ − X)")
case("mf bias bu", grad(mf, wrt="bu"), (U, V, off), "(M ⊙ E)𝟏 where E = M ⊙ (UVᵀ + bu𝟏ᵀ − X)")
case("nmf kl", grad(lambda W, H: np.sum(W @ H - np.abs(X) * np.log(W @ H))), (np.abs(U), np.abs(V.T)), "(1 − |X| ⊘ (WH))Hᵀ")
case("pca var", grad(lambda w: -np.sum((X @ w) ** 2) / (w @ w)), (w,), "2(‖Xw‖²w / ‖w‖⁴ − XᵀXw / ‖w‖²)")
W1, b1, W2, b2, W3, b3 = rng.normal(size=(d, 6)), rng.normal(size=6), rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=(4, k)), rng.normal(size=k)
def relu_net(W1, b1, W2, b2):
    Z = X @ W1 + b1
    H = np.maximum(Z, 0)
    E = H @ W2 + b2 - Y4
    return np.mean(E**2)
Y4 = rng.normal(size=(N, 4))
case("relu net W1", grad(relu_net), (W1, b1, W2, b2), "(2/(Nk)) Xᵀ((EW₂ᵀ) ⊙ 𝟙[Z > 0]) where Z = XW₁ + 𝟏b₁ᵀ, H = relu(Z), E = HW₂ + 𝟏b₂ᵀ − Y₄")
case("relu net b2", grad(relu_net, wrt="b2"), (W1, b1, W2, b2), "(2/(Nk)) Eᵀ𝟏 where Z = XW₁ + 𝟏b₁ᵀ, H = relu(Z), E = HW₂ + 𝟏b₂ᵀ − Y₄")
def net3(W1, b1, W2, b2, W3, b3):
    H1 = np.tanh(X @ W1 + b1)
    H2 = np.tanh(H1 @ W2 + b2)
    E = H2 @ W3 + b3 - Y
    return 0.5 * np.sum(E**2)
six = (W1, b1, W2, b2, W3, b3)
case("net3 W3", grad(net3, wrt="W3"), six, "H₂ᵀE where H₁ = tanh(XW₁ + 𝟏b₁ᵀ), H₂ = tanh(H₁W₂ + 𝟏b₂ᵀ), E = H₂W₃ + 𝟏b₃ᵀ − Y")
case("net3 W2", grad(net3, wrt="W2"), six, "H₁ᵀ((EW₃ᵀ) ⊙ (1 − H₂^⊙2)) where H₁ = tanh(XW₁ + 𝟏b₁ᵀ), H₂ = tanh(H₁W₂ + 𝟏b₂ᵀ), E = H₂W₃ + 𝟏b₃ᵀ − Y")
case("net3 W1", grad(net3, wrt="W1"), six, "Xᵀ((((EW₃ᵀ) ⊙ (1 − H₂^⊙2))W₂ᵀ) ⊙ (1 − H₁^⊙2)) where H₁ = tanh(XW₁ + 𝟏b₁ᵀ), H₂ = tanh(H₁W₂ + 𝟏b₂ᵀ), E = H₂W₃ + 𝟏b₃ᵀ − Y")
case("net3 b2", grad(net3, wrt="b2"), six, "((EW₃ᵀ) ⊙ (1 − H₂^⊙2))ᵀ𝟏 where H₁ = tanh(XW₁ + 𝟏b₁ᵀ), H₂ = tanh(H₁W₂ + 𝟏b₂ᵀ), E = H₂W₃ + 𝟏b₃ᵀ − Y")
def clf(W1, W2):
    H = 1 / (1 + np.exp(-X @ W1))
    Z = H @ W2
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(N), labels])
case("sigmoid clf W1", grad(clf), (W1, rng.normal(size=(6, k))), "(1/N) Xᵀ(((softmax_row(Z) − onehot(labels))W₂ᵀ) ⊙ H ⊙ (1 − H)) where H = σ(XW₁), Z = HW₂")
def neuron(w, b): return 1 / (1 + np.exp(-(w @ x + b)))
case("neuron", grad(neuron), (w, .3), "s(1 − s)x where s = σ(wᵀx + b)")
def att(Qm, Km, Vm):
    S = Qm @ Km.T
    P = special.softmax(S, axis=1)
    return P @ Vm
Qm, Km, Vm = rng.normal(size=(4, d)), rng.normal(size=(7, d)), rng.normal(size=(7, k))
case("att V", pb(att, wrt="Vm"), (Qm, Km, Vm, rng.normal(size=(4, k))), "PᵀG where S = Qm Kmᵀ, P = softmax_row(S)")
def lap(f): return 0.5 * f @ L @ f
case("lap sym", grad(lap), (off,), "½(L + Lᵀ)f")
case("lap declared", grad(lambda f, L: 0.5 * f @ L @ f), (cr.array("n"), cr.array("n", "n", symmetric=True)), "Lf")
case("krr", grad(lambda a: np.sum((y - K @ a) ** 2) / (2 * N) + lam / 2 * a @ K @ a), (off,), "(1/N) Kᵀ(Ka − y) + ½λ(K + Kᵀ)a")
def gp(theta):
    C = theta * K + 0.1 * np.eye(N)
    return 0.5 * y @ np.linalg.solve(C, y) + 0.5 * np.linalg.slogdet(C)[1]
case("gp", grad(gp), (1.2,), "½(tr(C⁻¹K) − yᵀC⁻¹KC⁻¹y) where C = θK + 0.1I")
def gp_noise(s2):
    C = K + s2 * np.eye(N)
    return 0.5 * y @ np.linalg.solve(C, y) + 0.5 * np.linalg.slogdet(C)[1]
case("gp noise", grad(gp_noise), (.4,), "½(tr(C⁻¹) − yᵀC⁻¹C⁻¹y) where C = K + s₂I")
case("maha", grad(lambda x: (x - mu) @ np.linalg.solve(S, x - mu)), (x,), "(S⁻¹ + S⁻ᵀ)(x − μ)")
case("maha pd", grad(lambda x, m, S: 0.5 * (x - m) @ np.linalg.solve(S, x - m)), (cr.array("n"), cr.array("n"), cr.array("n", "n", positive_definite=True)), "S⁻¹(x − m)")
Cxy, Cxx, Cyy = A, S, B @ B.T + np.eye(d)
def cca(u, v): return u @ Cxy @ v / np.sqrt((u @ Cxx @ u) * (v @ Cyy @ v))
case("cca", grad(cca), (u, v), "Cxy v / √((vᵀ Cyy v)(uᵀ Cxx u)) − ½(vᵀ Cyy v)(uᵀ Cxy v)(Cxx + Cxxᵀ)u / ((vᵀ Cyy v)(uᵀ Cxx u))^(3/2)")
case("ica", grad(lambda W: np.sum(np.log(np.cosh(X @ W.T))) - N * np.linalg.slogdet(W)[1]), (A,), "tanh(XWᵀ)ᵀX − NW⁻ᵀ")
def triplet(a):
    return np.maximum(0, np.sum((a - b) ** 2) - np.sum((a - c) ** 2) + alpha)
case("triplet", grad(triplet), (x,), "2𝟙[‖a − b‖² + α − ‖a − c‖² > 0](c − b)")
negs = rng.normal(size=(7, d))
def w2v(h): return -np.log(1 / (1 + np.exp(-h @ a))) - np.sum(np.log(1 / (1 + np.exp(negs @ h))))
case("word2vec", grad(w2v), (x,), "negsᵀσ(negs h) − σ(−hᵀa)a")
def infonce(Z):
    S = Z @ Z1.T / tau
    return np.mean(special.logsumexp(S, axis=1) - np.diag(S))
Z1 = rng.normal(size=(6, d))
case("infonce", grad(infonce), (rng.normal(size=(6, d)),), "(1/N) (softmax_row(S) Z₁ − Z₁) / τ where S = ZZ₁ᵀ / τ")
case("hvp logistic", hvp(pm_logistic), (w, v), "(1/N) Xᵀ(s^⊙2 ⊙ h ⊙ (1 − h) ⊙ (Xv)) where h = σ(s ⊙ (Xw))")
case("jac normalise", jac(lambda x: x / np.sum(x)), (p,), "I / sum(x) − x𝟏ᵀ / sum(x)²")
case("jac softplus aff", jac(lambda x: np.log1p(np.exp(A @ x + b))), (x,), "diag(σ(Ax + b)) A")
case("jac relu", jac(lambda x: np.maximum(A @ x, 0)), (x,), "diag(𝟙[Ax > 0]) A")
case("jac quadratics", jac(lambda x: np.array([x @ A @ x, x @ B @ x])), (x,), "e₂xᵀ(B + Bᵀ) + e₁xᵀ(A + Aᵀ)")
case("hess quartic", hess(lambda x: 0.25 * np.sum((x**2 - 1) ** 2)), (x,), "diag(3x^⊙2 − 1)")
case("hess ||Ax||^4", hess(lambda x: (x @ S @ x) ** 2), (x,), "2R(xxᵀR + (xᵀSx)I) where R = S + Sᵀ")
case("hess gauss", hess(lambda x: -np.exp(-0.5 * np.sum((x - c) ** 2))), (x,), "exp(−½‖r‖²) (I − rrᵀ) where r = x − c")
case("hess entropy", hess(lambda p: np.sum(p * np.log(p))), (p,), "diag(1 ⊘ p)")
case("mean of norms", grad(lambda W: np.sum(np.sqrt(np.sum(W**2, axis=1)))), (W,), "diag(1 ⊘ √((W^⊙2)𝟏)) W")
case("pairwise", grad(lambda x: np.sum((x[:, None] - x[None, :]) ** 2)), (x,), "4Nx − 4 sum(x)")
case("einsum", grad(lambda x: np.einsum("ij,i,j->", A, x, x) + np.einsum("i,i->", b, x)), (x,), "(A + Aᵀ)x + b")
case("scalar chain", cr.derivative(lambda x: np.log(1 + x**2)), (.7,), "2x / (1 + x²)")
case("scalar quot", cr.derivative(lambda x: np.sin(x) / x), (.7,), "cos(x) / x − sin(x) / x²")
case("sigmoid''", cr.derivative(lambda x: 1 / (1 + np.exp(-x)), order=2), (.7,), "σ(x)(1 − σ(x))(1 − 2σ(x))")
case("swish", jac(lambda x: x / (1 + np.exp(-x))), (x,), "diag(s ⊙ (1 + x ⊙ (1 − s))) where s = σ(x)")
case("dict", grad(lambda m: np.sum((X @ m["w"] + m["b"] - y) ** 2), wrt="m['b']"), ({"w": w, "b": .1},), "2 sum(Xw + b − y)")
case("ordinal", grad(lambda eta: -np.log(1 / (1 + np.exp(-(beta - eta))) - 1 / (1 + np.exp(-(alpha - eta))))), (.3,), "(s(1 − s) − h(1 − h)) / (s − h) where s = σ(β − η), h = σ(α − η)")
case("norm aff", grad(lambda w: np.linalg.norm(X @ w - y) + lam * np.linalg.norm(w)), (w,), "Xᵀr / ‖r‖ + λw / ‖w‖ where r = Xw − y")
case("exp quad", grad(lambda x: np.exp(-0.5 * x @ S @ x)), (x,), "−½exp(−½xᵀSx) (S + Sᵀ)x")
case("log quad", grad(lambda x: np.log(1 + x @ S @ x)), (x,), "(S + Sᵀ)x / (1 + xᵀSx)")
case("log norm", grad(lambda x: np.log(np.sum((A @ x - b) ** 2))), (x,), "2Aᵀr / ‖r‖² where r = Ax − b")
case("cos sim hess free", grad(lambda x: 1 - x @ a / (np.linalg.norm(x) * np.linalg.norm(a))), (x,), "((xᵀa)x / ‖x‖³ − a / ‖x‖) / ‖a‖")
case("log-lik mixture", grad(lambda pi: -np.sum(np.log(np.exp(Y) @ pi))), (P[:k],), "−exp(Y)ᵀ(1 ⊘ (exp(Y) π))")
case("tsne-ish student", grad(lambda x: np.sum(np.log(1 + np.sum((x - negs) ** 2, axis=1)))), (x,), "2Rᵀ(1 ⊘ ((R^⊙2)𝟏 + 1)) where R = 𝟏xᵀ − negs")
case("var", grad(lambda x: np.var(x, ddof=1)), (x,), "2(x − (1/N) sum(x)) / (N − 1)")
case("std", grad(lambda x: np.std(x)), (x,), "r / (√N‖r‖) where r = x − (1/N) sum(x)")
def whiten(W):
    R = W.T @ S @ W - np.eye(k)
    return np.sum(R**2)
case("whiten named", grad(whiten), (W,), "2(SWRᵀ + SᵀWR) where R = WᵀSW − I")
def ortho(W):
    E = W.T @ W - np.eye(k)
    return 0.25 * np.sum(E**2)
case("ortho named", grad(ortho), (W,), "WE where E = WᵀW − I")
def lin_tanh(x):
    h = np.tanh(A @ x + b)
    return 0.5 * h @ h
case("tanh sq", grad(lin_tanh), (x,), "Aᵀ(h ⊙ (1 − h^⊙2)) where h = tanh(Ax + b)")
def own_softmax(z):
    e = np.exp(z)
    p = e / np.sum(e)
    return -np.sum(a * np.log(p))
case("own softmax named", grad(own_softmax), (x,), "sum(a) p − a where p = softmax(z)")
def own_sigmoid(w):
    p = 1 / (1 + np.exp(-(X @ w)))
    return 0.5 * np.sum((p - t) ** 2)
case("brier", grad(own_sigmoid), (w,), "Xᵀ((p − t) ⊙ p ⊙ (1 − p)) where p = σ(Xw)")
def bce_named(w, b):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
case("bce named", grad(bce_named), (w, .1), "(1/N) Xᵀ(p − t) where p = σ(Xw + b)")
case("bce named b", grad(bce_named, wrt="b"), (w, .1), "(1/N) sum(p − t) where p = σ(Xw + b)")
case("bce named hess", hess(bce_named), (w, .1), "(1/N) Xᵀ diag(p ⊙ (1 − p)) X where p = σ(Xw + b)")
def mse_yhat(w, b):
    y_hat = X @ w + b
    return np.mean((y_hat - y) ** 2)
case("y_hat", grad(mse_yhat), (w, .1), "(2/N) Xᵀ(ŷ − y) where ŷ = Xw + b")
def pred(w, b):
    pred = X @ w + b
    err = pred - y
    return np.mean(err**2)
case("err", grad(pred), (w, .1), "(2/N) Xᵀ err where pred = Xw + b, err = pred − y")
def gls(beta):
    r = y - X @ beta
    return r @ np.linalg.solve(K, r)
case("gls", grad(gls), (w,), "−Xᵀ(K⁻¹ + K⁻ᵀ)r where r = y − Xβ")
case("gls hess", hess(gls), (w,), "Xᵀ(K⁻¹ + K⁻ᵀ)X")
def gls_pd(beta, X, y, Omega):
    r = y - X @ beta
    return 0.5 * r @ np.linalg.inv(Omega) @ r
pdargs = (cr.array("p"), cr.array("n", "p"), cr.array("n"), cr.array("n", "n", positive_definite=True))
case("gls pd", grad(gls_pd), pdargs, "−XᵀΩ⁻¹r where r = y − Xβ")
case("gls pd hess", hess(gls_pd), pdargs, "XᵀΩ⁻¹X")
case("gls wrt Omega", grad(gls_pd, wrt="Omega"), pdargs, "−½Ω⁻¹rrᵀΩ⁻¹ where r = y − Xβ")
def kal(x):
    e = z3 - H @ x
    return 0.5 * e @ np.linalg.solve(Rm, e) + 0.5 * (x - mu) @ np.linalg.solve(S, x - mu)
z3, H, Rm = rng.normal(size=3), rng.normal(size=(3, d)), np.eye(3) * .5 + .1
case("map kalman", grad(kal), (x,), "½((S⁻¹ + S⁻ᵀ)(x − μ) − Hᵀ(Rm⁻¹ + Rm⁻ᵀ)e) where e = z₃ − Hx")
def gmm1(mu, logvar):
    var = np.exp(logvar)
    return 0.5 * np.sum((y - mu) ** 2) / var + 0.5 * N * logvar
case("gauss logvar", grad(gmm1, wrt="logvar"), (.2, .1), "½(N − ‖y − μ‖² / var) where var = exp(logvar)")
def vae_kl(mu, logvar): return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
case("vae kl mu", grad(vae_kl), (b, c), "μ")
case("vae kl lv", grad(vae_kl, wrt="logvar"), (b, c), "½(exp(logvar) − 1)")
def focal(z):
    p = 1 / (1 + np.exp(-z))
    return -np.sum((1 - p) ** 2 * np.log(p))
case("focal", grad(focal), (x,), "(1 − p)^⊙2 ⊙ (p + 2p ⊙ log σ(z) − 1) where p = σ(z)")
def lstsq_cols(B): return 0.5 * np.sum((X @ B - Y) ** 2) + 0.5 * lam * np.sum(B**2)
case("multi ridge", grad(lstsq_cols), (W,), "Xᵀ(XB − Y) + λB")
case("multi ridge hess", hess(lstsq_cols), (W,), "[ijkl] λ δ_ik δ_jl + δ_jl (XᵀX)_ik")
def lse_reg(w):
    z = X @ w
    return np.log(np.sum(np.exp(z))) + lam * np.sum(np.abs(w))
case("lse reg", grad(lse_reg), (w,), "Xᵀ softmax(z) + λ sign(w) where z = Xw")
case("lse reg jac hess", hess(lambda w: np.log(np.sum(np.exp(X @ w)))), (w,), "Xᵀ(diag(p) − ppᵀ)X where p = softmax(Xw)")
def softmin(x): return -tau * np.log(np.sum(np.exp(-x / tau)))
case("softmin", grad(softmin), (x,), "softmax(−x / τ)")
def smooth_l1(x): return np.sum(np.sqrt(x**2 + eps))
case("charbonnier", grad(smooth_l1), (x,), "x ⊘ √(x^⊙2 + ε)")
case("charbonnier hess", hess(smooth_l1), (x,), "ε diag(1 ⊘ (x^⊙2 + ε)^⊙(3/2))")
def wls_named(w):
    r = y - X @ w
    return 0.5 * np.sum(q * r**2)
case("wls", grad(wls_named), (w,), "−Xᵀ(q ⊙ r) where r = y − Xw")
case("wls hess", hess(wls_named), (w,), "Xᵀ diag(q) X")
case("wls q", hvp(wls_named), (w, v), "Xᵀ(q ⊙ (Xv))")
def exp_smooth(x):
    d = x - c
    return np.exp(-d @ d / (2 * sigma**2))
case("rbf sigma", grad(exp_smooth), (x,), "−exp(−½‖d‖² / sigma²) d / sigma² where d = x − c")
def cosine(u, v):
    nu_ = np.sqrt(u @ u)
    return u @ v / (nu_ * np.sqrt(v @ v))
case("cosine", grad(cosine), (u, v), "(v / ‖u‖ − (uᵀv)u / ‖u‖³) / ‖v‖")
def log_det_chol(S):
    L = np.linalg.cholesky(S)
    return 2 * np.sum(np.log(np.diag(L)))
case("logdet low rank", grad(lambda U: np.linalg.slogdet(np.eye(d) + U @ U.T)[1]), (V,), "2(UUᵀ + I)⁻¹U")
case("trace quad weights", grad(lambda w: np.trace(A @ np.diag(w) @ B)), (w,), "(Aᵀ ⊙ B)𝟏")
case("diag quad", grad(lambda w: x @ np.diag(w) @ x), (w,), "x^⊙2")
case("sum outer", grad(lambda x: np.sum(np.outer(x, b) * A)), (x,), "Ab")
case("frob inner", grad(lambda X: np.sum(A * X)), (C,), "A")
case("sum AX", grad(lambda X: np.sum(A @ X)), (C,), "Aᵀ𝟏𝟏ᵀ")
case("mean cols", grad(lambda X: np.sum((X - X.mean(axis=0)) ** 2)), (X,), "2X − (2/N) 𝟏𝟏ᵀX")
case("row softmax ce mat", grad(lambda Z: np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(N), labels])), (Y,), "(1/N) (softmax_row(Z) − onehot(labels))")
case("col softmax", grad(lambda Z: np.sum(np.log(np.sum(np.exp(Z), axis=0)))), (Y,), "softmax_col(Z)")
case("pullback affine", pb(lambda W, b: X @ W + b), (W, np.zeros(k), cr.array(N, k)) if 0 else (W, np.zeros(k), Y), "XᵀG")
case("pullback affine b", pb(lambda W, b: X @ W + b, wrt="b"), (W, np.zeros(k), Y), "Gᵀ𝟏")
case("pullback relu", pb(lambda W: np.maximum(X @ W, 0)), (W, Y), "Xᵀ(G ⊙ 𝟙[XW > 0])")
case("pullback softmax", pb(lambda Z: special.softmax(Z, axis=1)), (Y, Y), "P ⊙ (G − (P ⊙ G)𝟏𝟏ᵀ) where P = softmax_row(Z)")
case("pullback inv", pb(lambda S: np.linalg.inv(S)), (S, A), "−S⁻ᵀGS⁻ᵀ")
case("pullback matmul", pb(lambda A, B: A @ B, wrt="A"), (A, B, C), "GBᵀ")
case("pullback norm", pb(lambda x: x / np.linalg.norm(x)), (x, a), "g / ‖x‖ − (xᵀg)x / ‖x‖³")
case("hvp quad", hvp(lambda x: 0.5 * x @ A @ x), (x, v), "½(A + Aᵀ)v")
case("hvp lse", hvp(lambda x: np.log(np.sum(np.exp(x)))), (x, v), "p ⊙ (v − pᵀv) where p = softmax(x)")
case("hvp mf", hvp(lambda U: 0.5 * np.sum((U @ V.T - X) ** 2)), (U, U), "vVᵀV")
def cox2(beta):
    h = np.exp(X @ beta)
    return np.sum(np.log(R01 @ h)) - np.sum(X @ beta)
R01 = np.triu(np.ones((N, N)))
case("cox2", grad(cox2), (w,), "Xᵀ((R₀₁ᵀ (1 ⊘ (R₀₁ h))) ⊙ h − 1) where h = exp(Xβ)")
case("zip", grad(lambda lam: -np.sum(counts * np.log(lam) - lam)), (1.3,), "N − sum(counts) / λ")
case("bernoulli", grad(lambda p: -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))), (.4,), "(N − sum(t)) / (1 − p) − sum(t) / p")
case("bernoulli vec", grad(lambda p: -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))), (rng.random(N)*.8+.1,), "(1 − t) ⊘ (1 − p) − t ⊘ p")
case("exponential", grad(lambda rate: N * np.log(rate) - rate * np.sum(q)), (.4,), "N / rate − sum(q)")
case("laplace", grad(lambda mu: np.sum(np.abs(y - mu)) / b0), (.4,), "−sum(sign(y − μ)) / b₀")
b0 = .7
case("weibull", grad(lambda k: np.sum(np.log(k) + (k - 1) * np.log(q) - q**k)), (1.4,), "sum(log(q)) + N / k − log(q)ᵀ (q^⊙k)")
case("von mises", grad(lambda mu: kappa * np.sum(np.cos(y - mu))), (.2,), "κ sum(sin(y − μ))")
kappa = 1.7
case("logistic map", hess(lambda x: x[0] * x[1] ** 2 + np.sin(x[2])), (x[:3],), "[[0, 2x₂, 0], [2x₂, 2x₁, 0], [0, 0, −sin(x₃)]]")
case("spherical", jac(lambda p: np.array([p[0] * np.sin(p[1]) * np.cos(p[2]), p[0] * np.sin(p[1]) * np.sin(p[2]), p[0] * np.cos(p[1])])), (rng.random(3),), "[[sin(p₂) cos(p₃), p₁ cos(p₂) cos(p₃), −p₁ sin(p₂) sin(p₃)], [sin(p₂) sin(p₃), p₁ cos(p₂) sin(p₃), p₁ sin(p₂) cos(p₃)], [cos(p₂), −p₁ sin(p₂), 0]]")
case("lorenz", jac(lambda s: np.array([10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]])), (rng.random(3),), "[[−10, 10, 0], [28 − s₃, −1, −s₁], [s₂, s₁, −8/3]]")
case("himmelblau", grad(lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2), (x[:2],), "[2r + 4x₁h, 2h + 4x₂r] where r = x₁ + x₂² − 7, h = x₂ + x₁² − 11")
case("sin cos", grad(lambda x: np.sum(np.sin(A @ x) ** 2)), (x,), "2Aᵀ(sin(z) ⊙ cos(z)) where z = Ax")
case("three products", jac(lambda x: A @ (x * (B @ x))), (x,), "A(diag(Bx) + diag(x) B)")
case("jac residual", jac(lambda w: y - X @ w), (w,), "−X")
case("jac sigma net", jac(lambda x: W2m @ np.tanh(W1m @ x + bm)), (x,), "W2m diag(1 − tanh(W1m x + bm)^⊙2) W1m")
W1m, W2m, bm = rng.normal(size=(6, d)), rng.normal(size=(2, 6)), rng.normal(size=6)
case("hess ls sum w", hess(lambda w: 0.5 * np.sum((X @ w - y) ** 2) + 0.5 * lam * np.sum(w**2)), (w,), "XᵀX + λI")
case("hess log", hess(lambda w: np.sum(np.log1p((X @ w) ** 2))), (w,), "2Xᵀ diag((1 − 2(Xw)^⊙2 ⊘ r) ⊘ r) X where r = (Xw)^⊙2 + 1")
case("float power", grad(lambda x: np.sum(np.abs(x) ** 1.5)), (x,), "(3/2) √|x| ⊙ sign(x)")
case("group lasso", grad(lambda w: np.linalg.norm(w[:2]) + np.linalg.norm(w[2:])), (w,), "[w[:2] / ‖w[:2]‖; w[2:] / ‖w[2:]‖]")
case("two-block dict", grad(lambda th: 0.5 * np.sum((X @ th["W"] + th["b"] - Y) ** 2)), ({"W": W, "b": np.zeros(k)},), "XᵀR, Rᵀ𝟏 where R = XW + 𝟏bᵀ − Y")
def r2(w):
    pred = X @ w
    resid = pred - y
    return resid @ resid / N
case("resid dot", grad(r2), (w,), "(2/N) Xᵀ resid where pred = Xw, resid = pred − y")
case("np.dot", grad(lambda w: np.dot(X @ w - y, X @ w - y)), (w,), "2Xᵀ(Xw − y)")
case("norm sq", grad(lambda w: np.linalg.norm(y - X @ w) ** 2 / 2), (w,), "Xᵀ(Xw − y)")
case("sse half", grad(lambda w: 0.5 * ((X @ w - y) ** 2).sum()), (w,), "Xᵀ(Xw − y)")
case("mean method", grad(lambda w: ((X @ w - y) ** 2).mean()), (w,), "(2/N) Xᵀ(Xw − y)")
case("einsum mse", grad(lambda w: np.einsum("i,i->", X @ w - y, X @ w - y)), (w,), "2Xᵀ(Xw − y)")
case("matmul fn", grad(lambda w: np.sum(np.square(np.matmul(X, w) - y))), (w,), "2Xᵀ(Xw − y)")
case("tikhonov", grad(lambda w: np.sum((X @ w - y) ** 2) + lam * np.sum((B @ w) ** 2)), (w,), "2(Xᵀ(Xw − y) + λBᵀBw)")
case("tikhonov H", hess(lambda w: np.sum((X @ w - y) ** 2) + lam * np.sum((B @ w) ** 2)), (w,), "2(XᵀX + λBᵀB)")
case("prox", grad(lambda x: 0.5 * np.sum((A @ x - b) ** 2) + np.sum((x - c) ** 2) / (2 * tau)), (x,), "Aᵀ(Ax − b) + (x − c) / τ")
case("logistic mean z", grad(lambda w: np.mean(np.log1p(np.exp(X @ w)) - t * (X @ w))), (w,), "(1/N) Xᵀ(σ(Xw) − t)")
case("logistic logaddexp -", grad(lambda w: np.mean(np.logaddexp(0, -s * (X @ w)))), (w,), "−(1/N) Xᵀ(s ⊙ σ(−s ⊙ (Xw)))")
def sm_loss(W):
    Z = X @ W
    P = special.softmax(Z, axis=1)
    return -np.sum(T * np.log(P)) / N
case("softmax named", grad(sm_loss), (W,), "(1/N) Xᵀ(diag(T𝟏) P − T) where Z = XW, P = softmax_row(Z)")
def sm_vec(x):
    z = A @ x + b
    p = np.exp(z) / np.sum(np.exp(z))
    return -np.log(p[2])
case("softmax nll vec", grad(sm_vec), (x,), "Aᵀ(p − e₃) where z = Ax + b, p = softmax(z)")
case("temperature ce", grad(lambda z: special.logsumexp(z / tau) - z[0] / tau), (x,), "(softmax(z / τ) − e₁) / τ")
case("kl gauss", grad(lambda m, ls: 0.5 * np.sum(np.exp(2 * ls) + m**2 - 1 - 2 * ls), wrt="ls"), (b, c), "exp(2ls) − 1")
case("gaussian nll cov", grad(lambda S: 0.5 * np.linalg.slogdet(S)[1] + 0.5 * c @ np.linalg.inv(S) @ c), (S,), "½(S⁻ᵀ − S⁻ᵀccᵀS⁻ᵀ)")
case("gaussian nll prec pd", grad(lambda P, C: np.trace(C @ P) - np.linalg.slogdet(P)[1]), (cr.array("n", "n", positive_definite=True), cr.array("n", "n", symmetric=True)), "C − P⁻¹")
case("woodbury", grad(lambda U: np.linalg.slogdet(S + U @ U.T)[1]), (V,), "(K + Kᵀ)U where K = (S + UUᵀ)⁻¹")
case("trace lasso", grad(lambda X: np.trace(X @ X.T @ A)), (C,), "(A + Aᵀ)X")
case("procrustes", grad(lambda R: np.sum((A @ R - B) ** 2)), (C,), "2Aᵀ(AR − B)")
case("procrustes orth", grad(lambda R: -2 * np.trace(R.T @ A.T @ B)), (C,), "−2AᵀB")
case("lyapunov", grad(lambda P: np.sum((A @ P @ A.T - P + B) ** 2)), (C,), "2(AᵀRA − R) where R = APAᵀ − P + B")
case("commut mat", jac(lambda x: A @ B @ x), (x,), "AB")
case("jac norm sq", jac(lambda x: np.array([np.sum(x**2), np.sum(x)])), (x[:3],), "2e₁xᵀ + e₂𝟏ᵀ")
case("jac affine relu net", jac(lambda x: W2m @ np.maximum(W1m @ x, 0)), (x,), "W2m diag(𝟙[W1m x > 0]) W1m")
W1m, W2m = rng.normal(size=(6, d)), rng.normal(size=(2, 6))
case("jac hadamard", jac(lambda x: (A @ x) * (B @ x)), (x,), "diag(Bx) A + diag(Ax) B")
case("jac div", jac(lambda x: (A @ x) / (1 + x @ x)), (x,), "A(I / r − 2xxᵀ / r²) where r = ‖x‖² + 1")
case("hess bilinear", hess(lambda x: (a @ x) * (b @ x)), (x,), "abᵀ + baᵀ")
case("hess cubic", hess(lambda x: (a @ x) ** 3), (x,), "6(aᵀx)aaᵀ")
case("hess exp", hess(lambda x: np.exp(a @ x)), (x,), "exp(aᵀx) aaᵀ")
case("hess log", hess(lambda x: -np.log(a @ x)), (np.abs(x),), "aaᵀ / (aᵀx)²")
case("hess logdet barrier", hess(lambda x: -np.sum(np.log(b - A @ x))), (x * 0,), "Aᵀ diag(1 ⊘ (Ax − b)^⊙2) A")
case("hess softplus sum", hess(lambda x: np.sum(np.logaddexp(0, A @ x))), (x,), "Aᵀ diag(s ⊙ (1 − s)) A where s = σ(Ax)")
case("hess sin", hess(lambda x: np.sum(np.sin(A @ x))), (x,), "−Aᵀ diag(sin(Ax)) A")
case("hess huberlike", hess(lambda x: np.sum(np.sqrt(1 + x**2))), (x,), "diag(1 ⊘ (x^⊙2 + 1)^⊙(3/2))")
case("hess rosen sep", hess(lambda x: x[0] ** 4 + x[0] * x[1] + (1 + x[1]) ** 2), (x[:2],), "[[12x₁², 1], [1, 2]]")
case("third scalar", cr.derivative(lambda x: np.exp(2 * x), order=3), (.3,), "8 exp(2x)")
case("tanh'", cr.derivative(lambda x: np.tanh(x)), (.3,), "1 − tanh(x)²")
case("arctan'", cr.derivative(lambda x: np.arctan(x)), (.3,), "1 / (1 + x²)")
case("x^x", cr.derivative(lambda x: x**x), (.3,), "x^x (log(x) + 1)")
case("ln(ln)", cr.derivative(lambda x: np.log(np.log(x))), (3.3,), "1 / (x log(x))")
case("gauss pdf", cr.derivative(lambda x: np.exp(-x**2 / 2) / np.sqrt(2 * np.pi)), (.3,), "−(1/√(2π)) x exp(−½x²)")
case("logistic scalar", cr.derivative(lambda x: np.log(1 + np.exp(x))), (.3,), "σ(x)")
case("scalar params", grad(lambda a, b: np.sum((y - a * X[:, 0] - b) ** 2)), (.2, .1), "2X[:, 0]ᵀ(aX[:, 0] + b − y)")
case("exp decay k", grad(lambda A0, k: np.sum((y - A0 * np.exp(-k * off)) ** 2), wrt="k"), (.7, .3), "2A₀ sum(off ⊙ h ⊙ (y − A₀h)) where h = exp(−k off)")
case("hubers local", grad(lambda x: np.sum(np.where(np.abs(x) < 1, 0.5 * x**2, np.abs(x) - 0.5))), (x,), "x ⊙ h + (1 − h) ⊙ sign(x) where h = 𝟙[|x| < 1]")
case("relu sq", grad(lambda w: np.sum(np.maximum(X @ w, 0) ** 2)), (w,), "2Xᵀ relu(Xw)")
case("leaky", grad(lambda w: np.sum(np.maximum(0.1 * (X @ w), X @ w))), (w,), "Xᵀ(𝟙[z > 0] + 0.1𝟙[z < 0]) where z = Xw")
case("abs smooth", grad(lambda x: np.sum(np.abs(A @ x - b)) + lam * np.sum(x**2)), (x,), "Aᵀ sign(Ax − b) + 2λx")
case("max", grad(lambda x: np.max(x)), (x,), "h / sum(h) where h = 𝟙[x = max(x)]")
case("lp4", grad(lambda x: np.sum(x**4) ** 0.25), (x,), "x^⊙3 / sum(x^⊙4)^(3/4)")
case("weighted norm", grad(lambda x: np.sqrt(x @ S @ x)), (x,), "½(S + Sᵀ)x / √(xᵀSx)")
case("sym weighted norm", grad(lambda x, S: np.sqrt(x @ S @ x)), (cr.array("n"), cr.array("n", "n", positive_definite=True)), "Sx / √(xᵀSx)")
case("diag param", grad(lambda s: np.sum((np.diag(s) @ x - b) ** 2)), (c,), "2x ⊙ (s ⊙ x − b)")
case("outer param", grad(lambda u, v: np.sum((np.outer(u, v) - A) ** 2)), (u, v), "2(uvᵀ − A)v")
case("kron-free vec", grad(lambda X: np.sum((A @ X @ B - C) ** 2)), (S,), "2Aᵀ(AXB − C)Bᵀ")
case("lagrangian", grad(lambda x, nu: 0.5 * x @ x + nu @ (A @ x - b)), (x, c), "x + Aᵀν")
case("lagr nu", grad(lambda x, nu: 0.5 * x @ x + nu @ (A @ x - b), wrt="nu"), (x, c), "Ax − b")
case("aug lagr", grad(lambda x, nu: c @ x + nu @ (A @ x - b) + 0.5 * lam * np.sum((A @ x - b) ** 2)), (x, u), "c + Aᵀ(ν + λ(Ax − b))")
case("portfolio", grad(lambda w: alpha * w @ S @ w - mu @ w), (w,), "α(S + Sᵀ)w − μ")
case("sharpe", grad(lambda w: mu @ w / np.sqrt(w @ S @ w)), (w,), "μ / √(wᵀSw) − ½(μᵀw)(S + Sᵀ)w / (wᵀSw)^(3/2)")
case("softsign", jac(lambda x: x / (1 + np.abs(x))), (x,), "diag(1 ⊘ (1 + |x|)^⊙2)")
case("hopfield", grad(lambda x: -np.log(np.sum(np.exp(X @ x))) + 0.5 * x @ x), (x,), "x − Xᵀ softmax(Xx)")
case("rbm", grad(lambda v_: -b @ v_ - np.sum(np.log(1 + np.exp(A @ v_ + c)))), (x,), "−b − Aᵀσ(Av + c)")
case("ising", grad(lambda s_: -0.5 * s_ @ A @ s_ - b @ s_), (x,), "−½(A + Aᵀ)s − b")
case("bradley-terry", grad(lambda th: -np.sum(np.log(special.expit(X @ th)))), (w,), "−Xᵀσ(−X th)")
case("mom", grad(lambda w: np.mean(X @ w) ** 2), (w,), "(2/N²) sum(Xw) Xᵀ𝟏")
case("cov trace", grad(lambda W: np.trace(W.T @ X.T @ X @ W) / N), (W,), "(2/N) XᵀXW")
case("dpp", grad(lambda L: np.linalg.slogdet(L)[1] - np.linalg.slogdet(L + np.eye(d))[1]), (S,), "L⁻ᵀ − (L + I)⁻ᵀ")
# fmt: on
