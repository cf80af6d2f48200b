"""Textbook functions and what is known of their curvature; the table in docs/certificates.md.

Boyd and Vandenberghe, *Convex optimization* (2004), chapters 3 and 6; run as a program, this file
writes the table anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
from scipy import special

rng = np.random.default_rng(4)
X = rng.normal(size=(9, 3))
y = rng.normal(size=9)
t = (y > 0).astype(float)
s = np.sign(y)
counts = rng.integers(0, 5, 9).astype(float)
labels = rng.integers(0, 4, 9)
A = rng.normal(size=(3, 3))
P = A @ A.T + np.eye(3)
R = rng.random((3, 3)) + 0.1
c = rng.normal(size=3)
q = rng.random(3) + 0.3
lam, delta = 0.7, 0.9
x = rng.normal(size=3)
p = rng.random(3) + 0.2
W = rng.normal(size=(3, 4))
S = P + np.eye(3)
path = np.cumsum(rng.normal(size=8))
times = np.argsort(y)


@dataclass(frozen=True)
class Known:
    """A function, its arguments, and what it is."""

    name: str
    source: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    verdict: str
    wrt: Any = 0


def cox(w: Any) -> Any:
    risk = X[times] @ w
    return -np.sum(risk) + sum(np.log(np.sum(np.exp(risk[k:]))) for k in range(9))


def softmax_loss(W: Any) -> Any:
    Z = X @ W
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(9), labels])


def huber(w: Any) -> Any:
    r = X @ w - y
    return np.sum(np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - 0.5 * delta)))


def cross_entropy(w: Any) -> Any:
    f = 1 / (1 + np.exp(-(X @ w)))
    return -np.mean(t * np.log(f) + (1 - t) * np.log(1 - f))


def _known() -> list[Known]:
    made: list[Known] = []

    def add(name: str, source: str, verdict: str, *arguments: Any, wrt: Any = 0) -> None:
        names = {**globals(), "special": special}
        function = names[source] if source in names else eval(source, names)  # noqa: S307
        made.append(Known(name, source, function, arguments, verdict, wrt))

    # fmt: off
    add("affine function", "lambda x: c @ x + 2.0", "linear", x)
    add("least squares", "lambda w: np.sum((X @ w - y) ** 2)", "strongly convex", x)
    add("mean squared error", "lambda w: np.mean((y - X @ w) ** 2)", "strongly convex", x)
    add("ridge", "lambda w: np.mean((y - X @ w) ** 2) + lam * w @ w", "strongly convex", x)
    add("lasso", "lambda w: np.sum((y - X @ w) ** 2) + lam * np.sum(np.abs(w))", "strongly convex", x)
    add("elastic net", "lambda w: np.sum(np.abs(w)) + lam * np.sum(w**2)", "strongly convex", x)
    add("weighted least squares", "lambda w: np.sum(q[0] * (X @ w - y) ** 2)", "strongly convex", x)
    add("convex quadratic", "lambda x: x @ P @ x + c @ x", "strongly convex", x)
    add("concave quadratic", "lambda x: -x @ P @ x + c @ x", "strongly concave", x)
    add("indefinite quadratic", "lambda x: x @ (A + A.T - 3 * np.diag(q)) @ x", "neither", x)
    add("bilinear form", "lambda x, z: x @ A @ z", "neither", x, c, wrt=(0, 1))
    add("bilinear form, one side", "lambda x, z: x @ A @ z", "linear", x, c)
    add("logistic regression", "lambda w: np.mean(np.logaddexp(0, X @ w) - t * (X @ w))", "strictly convex", x)
    add("logistic loss, signs", "lambda w: np.sum(np.log1p(np.exp(-s * (X @ w))))", "strictly convex", x)
    add("logistic with regulariser", "lambda w: np.sum(np.log1p(np.exp(-s * (X @ w)))) + 0.5 * lam * w @ w", "strongly convex", x)
    add("binary cross-entropy", "cross_entropy", "convex", x)
    add("hinge loss", "lambda w: np.sum(np.maximum(0, 1 - s * (X @ w)))", "convex", x)
    add("squared hinge loss", "lambda w: np.sum(np.maximum(0, 1 - s * (X @ w)) ** 2)", "convex", x)
    add("support vector machine", "lambda w: np.sum(np.maximum(0, 1 - s * (X @ w))) + lam * w @ w", "strongly convex", x)
    add("exponential loss", "lambda w: np.sum(np.exp(-s * (X @ w)))", "strictly convex", x)
    add("Poisson regression", "lambda w: np.sum(np.exp(X @ w) - counts * (X @ w))", "strictly convex", x)
    add("Huber loss", "huber", "convex", x)
    add("pseudo-Huber loss", "lambda w: np.sum(np.sqrt(1 + (X @ w - y) ** 2))", "strictly convex", x)
    add("log-cosh loss", "lambda x: np.sum(np.log(np.cosh(x)))", "convex", x)
    add("quantile loss", "lambda w: np.sum(np.maximum(0.3 * (y - X @ w), -0.7 * (y - X @ w)))", "convex", x)
    add("absolute deviations", "lambda w: np.sum(np.abs(X @ w - y))", "convex", x)
    add("largest deviation", "lambda w: np.max(np.abs(X @ w - y))", "convex", x)
    add("multinomial logistic regression", "softmax_loss", "convex", W)
    add("Cox partial likelihood", "cox", "convex", x)
    add("log-sum-exp", "lambda x: np.log(np.sum(np.exp(x)))", "convex", x)
    add("log-sum-exp of affine", "lambda x: np.log(np.sum(np.exp(X @ x + y)))", "convex", x)
    add("maximum", "lambda x: np.max(X @ x)", "convex", x)
    add("minimum", "lambda x: np.min(X @ x)", "concave", x)
    add("sum of the two largest", "lambda x: np.sum(np.sort(x)[-2:])", "convex", x)
    add("Euclidean norm", "lambda x: np.linalg.norm(x)", "convex", x)
    add("distance", "lambda x: np.linalg.norm(X @ x - y)", "convex", x)
    add("sum of absolute values", "lambda x: np.sum(np.abs(x))", "convex", x)
    add("largest absolute value", "lambda x: np.linalg.norm(x, np.inf)", "convex", x)
    add("p-norm", "lambda x: np.sum(np.abs(x) ** 3) ** (1 / 3)", "convex", x)
    add("group lasso", "lambda W: np.sum(np.linalg.norm(W, axis=1))", "convex", W)
    add("Frobenius norm", "lambda W: np.linalg.norm(W)", "convex", W)
    add("nuclear norm", "lambda W: np.linalg.norm(W, 'nuc')", "convex", W)
    add("spectral norm", "lambda W: np.linalg.norm(W, 2)", "convex", W)
    add("largest eigenvalue", "lambda S: np.linalg.eigvalsh(S)[-1]", "convex", S)
    add("smallest eigenvalue", "lambda S: np.linalg.eigvalsh(S)[0]", "concave", S)
    add("total variation", "lambda x: np.sum(np.abs(np.diff(x)))", "convex", path)
    add("smoothness", "lambda x: np.sum(np.diff(x) ** 2)", "convex", path)
    add("smoothed signal", "lambda x: np.sum((x - path) ** 2) + lam * np.sum(np.diff(x, 2) ** 2)", "strongly convex", path)
    add("negative entropy", "lambda x: np.sum(x * np.log(x))", "strictly convex", p)
    add("entropy", "lambda x: -np.sum(x * np.log(x))", "strictly concave", p)
    add("Kullback-Leibler divergence", "lambda x: np.sum(x * np.log(x / q))", "convex", p)
    add("Kullback-Leibler divergence, both", "lambda x, z: np.sum(x * np.log(x / z))", "convex", p, q, wrt=(0, 1))
    add("relative entropy", "lambda x, z: np.sum(special.rel_entr(x, z))", "convex", p, q, wrt=(0, 1))
    add("log barrier", "lambda x: -np.sum(np.log(x))", "strictly convex", p)
    add("analytic centre", "lambda x: -np.sum(np.log(3 - X @ x))", "strictly convex", x / 9)
    add("logarithm", "lambda x: np.sum(np.log(1 + x))", "strictly concave", p)
    add("square roots", "lambda x: np.sum(np.sqrt(x))", "strictly concave", p)
    add("reciprocals", "lambda x: np.sum(1 / x)", "strictly convex", p)
    add("harmonic mean", "lambda x: 1 / np.sum(1 / x)", "not found", p)
    add("geometric mean", "lambda x: np.prod(x) ** (1 / 3)", "concave", p)
    add("geometric mean by logarithms", "lambda x: np.exp(np.mean(np.log(x)))", "concave", p)
    add("quadratic over linear", "lambda x, z: np.sum(x**2) / z", "convex", x, 0.8, wrt=(0, 1))
    add("fourth powers", "lambda x: np.sum(x**4)", "strictly convex", x)
    add("cubes", "lambda x: np.sum(x**3)", "neither", x)
    add("cubes of positive numbers", "lambda x: np.sum(x**3)", "strictly convex", cr.array("n", positive=True))
    add("powers 3/2", "lambda x: np.sum(x**1.5)", "strictly convex", p)
    add("exponential of a quadratic", "lambda x: np.exp(x @ P @ x)", "convex", x)
    add("Gaussian bump", "lambda x: np.exp(-x @ x)", "neither", x)
    add("sines", "lambda x: np.sum(np.sin(x))", "neither", x)
    add("Rosenbrock", "lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2", "neither", x)
    add("log-determinant", "lambda S: np.linalg.slogdet(S)[1]", "concave", S)
    add("log of the determinant", "lambda S: -np.log(np.linalg.det(S))", "convex", S)
    add("D-optimal design", "lambda x: np.linalg.slogdet(X.T @ (x[:, None] * X) + np.eye(3))[1]", "concave", np.ones(9))
    add("trace of the inverse", "lambda S: np.trace(np.linalg.inv(S))", "convex", S)
    add("matrix fractional", "lambda x, S: x @ np.linalg.solve(S, x)", "convex", x, S, wrt=(0, 1))
    add("Gaussian log-likelihood, precision", "lambda S: 0.5 * c @ S @ c - 0.5 * np.linalg.slogdet(S)[1]", "convex", S)
    add("matrix factorisation", "lambda U, V: np.sum((R - U @ V.T) ** 2)", "neither", A, P, wrt=(0, 1))
    add("matrix factorisation, one factor", "lambda U, V: np.sum((R - U @ V.T) ** 2)", "strongly convex", A, P)
    add("Rayleigh quotient", "lambda x: x @ P @ x / (x @ x)", "neither", x)
    add("neural network", "lambda w: np.sum((np.tanh(X @ w) - y) ** 2)", "neither", x)
    add("log-normal barrier", "lambda x: np.sum(special.gammaln(x))", "strictly convex", p)
    add("probit", "lambda w: -np.sum(special.log_ndtr(s * (X @ w)))", "strictly convex", x)
    add("dictionary of weights", "lambda m: np.mean((X @ m['w'] + m['b'] - y) ** 2)", "strongly convex", {"w": x, "b": 0.3})
    add("declared quadratic", "lambda x, Q: x @ Q @ x", "strongly convex", cr.array("n"), cr.array("n", "n", positive_definite=True))
    add("perspective of the square", "lambda x, z: x @ x / z", "convex", x, 0.7, wrt=(0, 1))
    add("perspective of the negative logarithm", "lambda x, z: np.sum(-z * np.log(x / z))", "convex", p, q, wrt=(0, 1))
    add("quadratic over affine", "lambda x: np.sum((A @ x) ** 2) / (c @ x + 10)", "convex", x / 9)
    add("matrix fractional, both", "lambda x, S: x @ np.linalg.solve(S, x)", "convex", x, S, wrt=(0, 1))
    add("log-determinant of a sum", "lambda S: np.linalg.slogdet(S + P)[1]", "concave", S)
    add("log-determinant of a compression", "lambda S: np.linalg.slogdet(X[:2] @ S @ X[:2].T)[1]", "concave", S)
    add("determinant", "lambda S: np.linalg.det(S)", "neither", S)
    add("Gaussian log-likelihood, covariance", "lambda S: np.linalg.slogdet(S)[1] + c @ np.linalg.solve(S, c)", "neither", S)
    add("logistic, weights of both signs", "lambda w: np.sum(y * np.logaddexp(0, -s * (X @ w)))", "neither", x)
    add("logistic, negative weights", "lambda w: np.sum(-y**2 * np.logaddexp(0, -s * (X @ w)))", "concave", x)
    add("sigmoid loss", "lambda w: np.sum(1 / (1 + np.exp(-s * (X @ w))))", "neither", x)
    add("Itakura-Saito, first argument", "lambda x: np.sum(x / q - np.log(x / q))", "strictly convex", p)
    add("Itakura-Saito, second argument", "lambda x: np.sum(q / x - np.log(q / x))", "neither", p)
    add("product of two numbers", "lambda x, z: x * z", "neither", 0.3, 0.4, wrt=(0, 1))
    add("ratio of two numbers", "lambda x, z: x / z", "neither", 0.3, 0.4, wrt=(0, 1))
    add("difference of distances", "lambda x: np.linalg.norm(x) - np.linalg.norm(x - c)", "neither", x)
    add("distance from a line, squared", "lambda x: x @ x - (c @ x) ** 2 / (c @ c)", "convex", x)
    add("Cauchy loss", "lambda w: np.sum(np.log1p((X @ w - y) ** 2))", "neither", x)
    add("Welsch loss", "lambda w: np.sum(1 - np.exp(-((X @ w - y) ** 2)))", "neither", x)
    add("linear-exponential loss", "lambda w: np.sum(np.exp(y - X @ w) + X @ w)", "strictly convex", x)
    add("Gamma regression", "lambda w: np.sum(y**2 * np.exp(-X @ w) + X @ w)", "convex", x)
    add("margin of the largest score", "lambda W: np.sum(np.max(X @ W, axis=1) - (X @ W)[np.arange(9), labels])", "convex", W)
    add("entropy of a softmax", "lambda x: np.sum(special.entr(special.softmax(x)))", "neither", x)
    add("double well", "lambda x: np.sum((x**2 - 1) ** 2)", "neither", x)
    add("logit barrier", "lambda x: -np.sum(np.log(x) + np.log(1 - x))", "strictly convex", p / 2)
    add("largest sizes", "lambda x: np.sum(np.sort(np.abs(x))[-2:])", "convex", x)
    add("variance", "lambda x: np.var(x)", "convex", x)
    add("standard deviation", "lambda x: np.std(x)", "convex", x)
    add("coefficient of variation", "lambda x: np.std(x) / np.mean(x)", "neither", p)
    add("norm cubed", "lambda x: np.linalg.norm(x) ** 3", "convex", x)
    add("forward and backward", "lambda x: np.max(x[::-1] - x)", "convex", x)
    # fmt: on
    return made


KNOWN = _known()


def table() -> str:
    """The rows for the documentation."""
    rows = ["| function | NumPy | verdict | holds |", "|---|---|---|---|"]
    for known in KNOWN:
        found = cr.certificate(known.function, *known.arguments, wrt=known.wrt)
        source = known.source.partition(": ")[2] or known.source
        code = source.replace("|", "\\|")
        rows.append(f"| {known.name} | `{code}` | {found.verdict} | {found.holds} |")
    return "\n".join(rows)


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "certificates.md"
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- table -->\n")
    _, _, tail = rest.partition("\n<!-- end of table -->")
    page.write_text(
        f"{head}<!-- table -->\n{table()}\n<!-- end of table -->{tail}", encoding="utf-8"
    )
