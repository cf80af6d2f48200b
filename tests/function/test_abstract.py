"""Declared arguments: what is assumed simplifies, holds in the examples, and is refused where absurd."""

from itertools import combinations
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError
from chainrule.function.abstract import Declared

KEYWORDS = (
    "symmetric", "positive_definite", "positive", "nonnegative", "diagonal", "orthogonal", "lower_triangular",
)  # fmt: skip
HOLDS = {
    "symmetric": lambda a: np.array_equal(a, a.T),
    "positive_definite": lambda a: np.linalg.eigvalsh(a).min() > 0 and np.allclose(a, a.T),
    "positive": lambda a: np.all(a > 0),
    "nonnegative": lambda a: np.all(a >= 0),
    "diagonal": lambda a: np.array_equal(a, np.diag(np.diag(a))),
    "orthogonal": lambda a: np.allclose(a.T @ a, np.eye(len(a))),
    "lower_triangular": lambda a: np.array_equal(a, np.tril(a)),
}


def formula(f: Any, *args: Any, by: Any = 0) -> str:
    return cr.formula(cr.grad(f, wrt=by))(*args).text


@pytest.mark.parametrize("chosen", [*combinations(KEYWORDS, 1), *combinations(KEYWORDS, 2)])
def test_examples_obey(chosen: tuple[str, ...]) -> None:
    """Every combination is refused, or has examples that obey all of it."""
    try:
        declared = cr.array("n", "n", **dict.fromkeys(chosen, True))
    except ArgumentError as error:
        words = str(error)
        if "do not go together" not in words:
            raise
        return
    for seed in range(3):
        value = declared.example({}, np.random.default_rng(seed))
        assert all(HOLDS[name](value) for name in chosen), value


def test_labels() -> None:
    value = cr.array("N", labels="k").example({"k": 3}, np.random.default_rng(0))
    assert value.dtype.kind == "i"
    assert set(value) <= {0, 1, 2}

    def loss(W: Any, X: Any, y: Any) -> Any:
        Z = X @ W
        return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(len(y)), y])

    found = cr.formula(cr.grad(loss))(cr.array("d", "k"), cr.array("N", "d"), cr.array("N", labels="k"))
    assert found.text == "(1/N) Xᵀ(softmax_row(Z) − onehot(y)) where Z = XW"
    assert "N" in dict(found.sizes)


def test_assumptions_simplify() -> None:
    n, Q, A = cr.array("n"), cr.array("n", "n", orthogonal=True), cr.array("n", "n")
    sym, pd = cr.array("n", "n", symmetric=True), cr.array("n", "n", positive_definite=True)
    x = cr.array("n", positive=True)
    assert formula(lambda x, Q: np.sum((Q @ x) ** 2), n, Q) == "2x"
    assert formula(lambda x, Q: np.sum((Q.T @ x) ** 2), n, Q) == "2x"
    assert formula(lambda x, Q: np.linalg.norm(Q @ x), n, Q) == "x / ‖x‖"
    assert formula(lambda x, Q: np.sum((Q @ x) ** 2), n, A) == "2QᵀQx"
    assert formula(lambda x, Q: np.linalg.inv(Q) @ x @ x, n, Q) == "(Q + Qᵀ)x"
    assert formula(lambda A, Q: np.linalg.norm(Q @ A @ Q.T) ** 2, A, Q) == "2A"
    assert formula(lambda x, A: x @ A @ x, n, sym) == "2Ax"
    assert formula(lambda x, A: x @ np.linalg.inv(A) @ x, n, pd) == "2A⁻¹x"
    assert formula(lambda x: np.sum(np.abs(x) ** 2), x) == "2x"
    assert formula(lambda x: np.sum(np.maximum(x, 0) ** 3), x) == "3x^⊙2"
    assert formula(lambda x: np.sum(np.abs(x)), x) == "𝟏"
    assert formula(lambda x: np.sum(np.abs(x)), n) == "sign(x)"


@pytest.mark.parametrize("seed", range(12))
def test_an_orthogonal_matrix_among_others(seed: int) -> None:
    """Programs with Q in many places: the formula agrees for other orthogonal matrices and sizes."""
    rng = np.random.default_rng(seed)
    pieces = ["Q", "Q.T", "A", "A.T", "np.diag(x)", "np.outer(x, x)", "np.linalg.inv(Q)"]
    chain = " @ ".join(pieces[k] for k in rng.integers(0, len(pieces), 4))
    form = ("np.trace({})", "np.sum(({}) ** 2)", "x @ ({}) @ x", "np.sum({})")[seed % 4]
    scope: dict[str, Any] = {"np": np}
    exec(f"def f(x, A, Q):\n    return {form.format(chain)}", scope)
    by = "A" if seed % 3 else "x"
    args = cr.array("n"), cr.array("n", "n"), cr.array("n", "n", orthogonal=True)
    found = cr.formula(cr.grad(scope["f"], wrt=by))(*args)
    assert found.sizes


def test_certificates_and_checks_take_declared_arguments() -> None:
    assert cr.certificate(lambda x: np.sum(x**3), cr.array("n", nonnegative=True)).convex
    assert cr.check(lambda x, A: x @ A @ x, cr.array("n"), cr.array("n", "n"))
    rows = cr.array("N", labels="k")
    assert cr.check(lambda w, k: np.sum(w[k] ** 2), cr.array("k"), rows, wrt=0)


@pytest.mark.parametrize(
    ("sizes", "keywords", "words"),
    [
        (("n", "m"), {"symmetric": True}, "a symmetric array is square"),
        (("n",), {"positive_definite": True}, "a positive definite array is square"),
        (("n", "n"), {"diagonal": True, "positive": True}, "off the diagonal"),
        (("n",), {"labels": 3, "positive": True}, "labels are whole numbers"),
        (("n",), {"labels": 0}, "labels=1 or more"),
        (("n m",), {}, "not the name"),
        ((2.0,), {}, "a name or a whole number"),
        ((-1,), {}, "not negative"),
    ],
)
def test_refusals(sizes: Any, keywords: Any, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        cr.array(*sizes, **keywords)


def test_text() -> None:
    assert str(cr.array("N", "d")) == "ℝ^{N×d}"
    assert str(cr.array("N", labels="k")) == "{0, …, k − 1}^N"
    assert isinstance(cr.array(), Declared)
