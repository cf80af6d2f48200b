"""The source of a formula as a person would write it, and what must hold of any source."""

import ast
import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.formulas import gallery
from tests.formulas.gallery import GALLERY

rng = np.random.default_rng(11)
N, d, k = 12, 5, 3
X, y = rng.normal(size=(N, d)), rng.normal(size=N)
labels = rng.integers(0, k, N)
W, U, u = rng.normal(size=(d, k)), rng.normal(size=(20, 30)), rng.normal(size=40)
V1, b1, v2 = rng.normal(size=(d, 4)), rng.normal(size=4), rng.normal(size=4)
Q, K, V = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 6))
S = np.cov(rng.normal(size=(5, 40))) + np.eye(5)
x = rng.normal(size=5)
layers = [(rng.normal(size=(5, 4)), np.zeros(4)), (rng.normal(size=(4, 2)), np.zeros(2))]


def cross_entropy(W):
    Z = X @ W
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(len(labels)), labels])


def roughness(U):
    return np.sum((U[1:] - U[:-1]) ** 2) + np.sum((U[:, 1:] - U[:, :-1]) ** 2)


def kernel(alpha, X):
    K = np.exp(-np.sum((X[:, None] - X[None]) ** 2, axis=-1) / 2)
    return alpha @ K @ alpha


def network(p):
    H = np.tanh(X @ p["V1"] + p["b1"])
    r = H @ p["v2"] - y
    return np.mean(r**2)


def attention(Q):
    Z = Q @ np.swapaxes(K, -1, -2)
    E = np.exp(Z - np.max(Z, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True) @ V


def evidence(S):
    return 0.5 * x @ np.linalg.solve(S, x) + 0.5 * np.linalg.slogdet(S)[1]


def precision(S):
    P = np.linalg.inv(S)
    return x @ P @ x + np.sum((P @ x) ** 2)


def stacked(p):
    h = X
    for A, b in p:
        h = np.tanh(h @ A + b)
    return np.sum(h**2)


def distance(a, b):
    return np.sum(a - b) / np.linalg.norm(a - b) ** 2


def even(u):
    return np.sum(u[::2] ** 3) + u[1] * u[3]


def with_labels(Z):
    return 0.5 * np.sum(Z**2) - np.sum(Z[np.arange(len(labels)), labels])


SOURCES: tuple[tuple[Callable[..., Any], tuple[Any, ...], str], ...] = (
    (cr.grad(cross_entropy), (W,), """
        N = X.shape[0]
        Z = X @ W
        H = _softmax(Z, -1)
        H[np.arange(N), labels] -= 1
        return X.T @ H / N
    """),
    (cr.grad(with_labels), (X @ W,), """
        d = Z.shape[1]
        return Z - 1.0 * (labels[:, None] == np.arange(d))
    """),
    (cr.grad(roughness), (U,), """
        return 2 * (-np.diff(np.pad(np.diff(U), ((0, 0), (1, 1)))) \
- np.diff(np.pad(np.diff(U, axis=0), ((1, 1), (0, 0))), axis=0))
    """),
    (cr.grad(kernel), (y, X), """
        K = np.exp(-0.5 * np.sum((X[:, None] - X)**2, axis=-1))
        return 2 * (K @ alpha)
    """),
    (cr.grad(network), ({"V1": V1, "b1": b1, "v2": v2},), """
        N = X.shape[0]
        G = X @ p['V1'] + p['b1']
        H = np.tanh(G)
        r = H @ p['v2'] - y
        D = 2 / N * (np.outer(r, p['v2']) * np.cosh(G)**-2)
        return {'V1': X.T @ D, 'b1': D.sum(axis=0), 'v2': 2 / N * (H.T @ r)}
    """),
    (attention, (Q,), """
        Z = Q @ np.swapaxes(K, -1, -2)
        return _softmax(Z, -1) @ V
    """),
    (cr.grad(evidence), (S,), """
        return 0.5 * (np.linalg.inv(S).T - np.outer(np.linalg.solve(S.T, x), np.linalg.solve(S, x)))
    """),
    (cr.grad(precision), (S,), """
        h = np.linalg.solve(S, x)
        return -np.outer(np.linalg.solve(S.T, 2 * h + x), h)
    """),
    (cr.grad(distance), (x, x + 1 / np.arange(1, 6)), """
        r = a - b
        t = r @ r
        return 1 / t - 2 * np.sum(r) * r / t**2
    """),
    (cr.grad(even), (u,), """
        N = u.shape[0]
        h = np.zeros(N)
        h[3] = u[1]
        h[1] += u[3]
        h[::2] += 3 * u[::2]**2
        return h
    """),
    (cr.grad(lambda u: u @ u[::-1]), (u,), "return 2 * u[::-1]"),
    (cr.grad(stacked), (layers,), """
        H = X @ p[0][0] + p[0][1]
        h1 = np.tanh(H)
        G = h1 @ p[1][0] + p[1][1]
        h2 = np.tanh(G)
        D2 = 2 * (h2 * np.cosh(G)**-2)
        D1 = D2 @ p[1][0].T * np.cosh(H)**-2
        return [(X.T @ D1, D1.sum(axis=0)), (h1.T @ D2, D2.sum(axis=0))]
    """),
)  # fmt: skip


def body(code: str) -> str:
    """The lines of the function."""
    return inspect.cleandoc(code.rsplit("\n\n\n", maxsplit=1)[-1].partition(":\n")[2])


def called(code: str, given: tuple[Any, ...], outside: dict[str, Any]) -> Any:
    scope = dict(outside)
    exec(code, scope)
    name = code.rpartition("\ndef ")[2].partition("(")[0]
    return scope[name](*given)


def frozen(value: Any) -> Any:
    """The same, which may only be read."""
    if isinstance(value, dict):
        return {name: frozen(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(frozen(v) for v in value)
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.setflags(write=False)
    return value


@pytest.mark.parametrize(("f", "given", "text"), SOURCES, ids=[f.__name__ for f, _, _ in SOURCES])
def test_as_one_would_write_it(f: Callable[..., Any], given: tuple[Any, ...], text: str) -> None:
    assert body(cr.formula(f)(*given).code()) == inspect.cleandoc(text)


def test_results_are_nested_as_the_function_returns_them() -> None:
    found = called(cr.formula(cr.grad(stacked))(layers).code(), (layers,), {"X": X})
    expected = cr.grad(stacked)(layers)
    assert [tuple(a.shape for a in pair) for pair in found] == [tuple(a.shape for a in p) for p in layers]
    for pair, other in zip(found, expected, strict=True):
        for one, two in zip(pair, other, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-13)


OUTSIDE = {name: v for name, v in vars(gallery).items() if isinstance(v, int | float | np.ndarray)}
EVERY = [(e.name, e.derivative, e.arguments, OUTSIDE) for e in GALLERY] + [
    (f.__name__, f, given, dict(globals())) for f, given, _ in SOURCES
]


@pytest.mark.parametrize(("f", "given", "outside"), [e[1:] for e in EVERY], ids=[e[0] for e in EVERY])
def test_laws(f: Callable[..., Any], given: tuple[Any, ...], outside: dict[str, Any]) -> None:
    """What it is given stays as it was, no work is done twice, and lines can be read."""
    code = cr.formula(f)(*given).code()
    called(code, frozen(given), {k: frozen(v) for k, v in outside.items()})
    function = ast.parse(code).body[-1]
    work = Counter(
        ast.unparse(n)
        for n in ast.walk(function)
        if (isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult))
        or (isinstance(n, ast.Call) and ast.unparse(n.func) not in FREE)
    )
    assert not [text for text, count in work.items() if count > 1]
    assert max(map(len, code.splitlines())) <= 140


#: Functions that are not work.
FREE = ("np.eye", "np.ones", "np.zeros", "np.arange", "np.diag", "np.sqrt", "np.swapaxes", "np.reshape")


def test_a_product_is_not_negated_before_it_is_made() -> None:
    """``-X.T @ r`` would turn all of X round."""
    code = cr.formula(cr.grad(lambda w: -np.sum(np.exp(X @ w))))(np.zeros(d)).code()
    assert body(code) == "return -(X.T @ np.exp(X @ w))"


@pytest.mark.parametrize("width", ["float32", "float64"])
def test_the_type_and_place_of_new_tensors(width: str) -> None:
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, width)
    f, given = cr.hessian(lambda w: np.sum(np.logaddexp(0, X @ w)) + np.sum(w**2)), np.zeros(d)
    code = cr.formula(f)(given).code("torch")
    tensor = torch.tensor(X, dtype=dtype)
    found = called(code, (torch.zeros(d, dtype=dtype),), {"X": tensor})
    assert found.dtype == dtype
    np.testing.assert_allclose(found, f(given), rtol=1e-5)
    # A tensor without data complains of anything that is somewhere else.
    nowhere = called(code, (torch.zeros(d, dtype=dtype, device="meta"),), {"X": tensor.to("meta")})
    assert nowhere.shape == (d, d)
