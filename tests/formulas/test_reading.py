"""Formulas as text: read back by an evaluator of their own, at the declared sizes and at others."""

import os

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import FormulaMismatch
from tests.formulas.fuzz import examine
from tests.formulas.reading import Unreadable, read

COUNT = int(os.environ.get("CHAINRULE_FORMULAS", "160")) // 2
rng = np.random.default_rng(2)
X, w, y = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=5)
NAMES = {"X": X, "w": w, "y": y, "λ": 0.7, "N": 5, "d": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(2/N) Xᵀ(Xw − y) + 2λw", 2 / 5 * X.T @ (X @ w - y) + 1.4 * w),
        ("2λI + XᵀX", 1.4 * np.eye(3) + X.T @ X),
        ("I / ‖w‖ − wwᵀ / ‖w‖³", np.eye(3) / np.linalg.norm(w) - np.outer(w, w) / np.linalg.norm(w) ** 3),
        ("diag(s ⊙ (1 − s)) where z = X[:3, :]w, s = σ(z)", np.diag(np.exp(X[:3] @ w) / (1 + np.exp(X[:3] @ w)) ** 2)),
        ("[ijk] δ_ij w_k", np.einsum("ij,k->ijk", np.eye(3), w)),
        ("[ij] (wwᵀ)_ij + Σ_k X_ki X_kj", np.outer(w, w) + X.T @ X),
        ("−½w ⊙ w^⊙2 ⊘ exp(−w)", -0.5 * w**3 / np.exp(-w)),
        ("[[2w₁, 0], [X₁₂, 1]]", np.array([[2 * w[0], 0], [X[0, 1], 1]])),
        ("Xᵀ(𝟙[1 − (Xw) ⊙ y > 0] ⊙ y)", X.T @ ((1 - X @ w * y > 0) * y)),
    ],
)  # fmt: skip
def test_the_evaluator(text: str, value: np.ndarray) -> None:
    assert np.allclose(read(text, NAMES, value.shape), value)


@pytest.mark.parametrize("text", ["Xw + w", "wX", "XX", "I − 1", "Xw ⊙ w", "X(w", "q"])
def test_what_has_no_meaning(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text, NAMES, (5,))


@pytest.mark.parametrize("block", range(4))
def test_random_programs(block: int) -> None:
    """No text and no source is wrong, also for other sizes; nearly all are read."""
    outcomes = []
    for seed in range(block, COUNT, 4):
        outcome, words = examine(seed)
        assert not outcome.startswith("WRONG"), words
        outcomes.append(outcome)
    assert outcomes.count("right") > 0.6 * len(outcomes)


def test_names_that_look_alike() -> None:
    """A direction is called otherwise than the arguments, to the eye as well."""
    found = cr.formula(cr.hvp(lambda v: np.sum(v**3)))(cr.array("n"), cr.array("n"))
    assert str(found) == "∇²_v f · v₁ = 6v₁ ⊙ v"


def test_sizes() -> None:
    """A size that the derivative no longer shows is still the user's; one of nothing is a number."""
    found = cr.formula(cr.grad(lambda w, X: np.sum((X + w) ** 2)))(cr.array("d"), cr.array("N", "d"))
    assert found.sizes == (("d", 8), ("N", 5))
    assert "for other sizes" in found.proof
    twice = cr.formula(cr.hessian(lambda w, X: np.sum((X + w) ** 2)))
    assert twice(cr.array("d"), cr.array("N", "d")).text == "2NI"
    assert twice(w, X).text == "10I"
    last = cr.formula(cr.grad(lambda w: w[-1] ** 2 * w[0]))(cr.array("d"))
    assert last.sizes == ()
    assert "for these sizes" in last.proof


def test_what_holds_for_one_size_alone_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule.display.code import Program

    monkeypatch.setattr(Program, "size", lambda self, axis: "7")
    with pytest.raises(FormulaMismatch, match="other sizes"):
        cr.formula(cr.hessian(lambda w: w @ w))(cr.array("d"))


def test_parameters_of_operations_are_shown() -> None:
    A = rng.normal(size=(4, 3))
    assert cr.formula(lambda A: np.max(A, axis=1))(A).text == "max_row(A)"
    assert cr.formula(lambda A: np.max(A))(A).text == "max(A)"
    assert cr.formula(lambda A: np.cumsum(A, axis=0))(A).text == "cumsum_col(A)"


def test_a_number_beside_the_identity() -> None:
    """``I − 1/d`` could be a multiple of the identity; the ones are written out."""
    centred = cr.formula(cr.jacobian(lambda x: x - np.mean(x)))(cr.array("d"))
    assert centred.text == "I − (1/d) 𝟏𝟏ᵀ"


def test_softmax_of_what_is_equal() -> None:
    found = cr.formula(lambda x: np.exp(0 * x) / np.sum(np.exp(0 * x)))(cr.array("d"))
    assert found.text == "(1/d) 𝟏"
