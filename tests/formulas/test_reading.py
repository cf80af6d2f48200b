"""Formulas as text: read back by an evaluator of their own, at the declared sizes and at others."""

import os

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import FormulaError, FormulaMismatch
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
    """A size that the derivative no longer shows is still the user's, if it is one of them alone."""
    found = cr.formula(cr.grad(lambda w, X: np.sum((X + w) ** 2)))(cr.array("d"), cr.array("N", "d"))
    assert found.sizes == (("d", 8), ("N", 5))
    assert "for other sizes" in found.proof
    twice = cr.formula(cr.hessian(lambda w, X: np.sum((X + w) ** 2)))
    assert twice(cr.array("d"), cr.array("N", "d")).text == "2NI"
    assert twice(w, X).text == "2NI"
    assert twice(w, X[:3]).text == "6I"  # as many rows as columns
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


@pytest.mark.parametrize("seed", [40917, 41088, 41172, 50012, 50190, 50738, 405489, 660043, 770787])
def test_programs_that_were_wrong_once(seed: int) -> None:
    outcome, words = examine(seed)
    assert not outcome.startswith("WRONG"), words


def test_the_evaluator_has_digits_to_spare() -> None:
    """The text may cancel; what it means does not."""
    z, exact = 30.0, 1 / (1 + np.exp(30.0))
    assert read("1 − s where s = σ(z)", {"z": z}, ()) == pytest.approx(exact, rel=1e-5, abs=0)
    if np.finfo(np.longdouble).eps < np.finfo(float).eps:
        rough = read("1 − s where s = σ(z)", {"z": z}, (), float)
        assert rough != pytest.approx(exact, rel=1e-5, abs=0)
    A = rng.normal(size=(4, 4))
    assert np.abs(read("A⁻¹A − I", {"A": A}, (4, 4))).max() < 1e-15


def test_a_number_on_the_diagonal_is_no_constant() -> None:
    """``𝟙[A > 0] ⊙ (I − 1/d)``: what is not a tie stays beside a strict comparison."""

    def f(A):
        W = np.where(A > 0, A, 2 * A)
        return np.trace(W) - np.sum(W) / 4

    A = rng.normal(size=(4, 4))
    expected = np.where(A > 0, 1, 2) * (np.eye(4) - 1 / 4)
    text = cr.formula(cr.grad(f))(A).text
    assert np.allclose(read(text, {"A": A}, (4, 4)), expected)


def test_ties_read_transposed_are_not_those_of_a_comparison() -> None:
    def f(A, B):
        return np.sum((A > B) * (1.0 - (A == B).T) * A)

    A = np.round(rng.normal(size=(4, 4)))
    B = np.round(rng.normal(size=(4, 4)))
    text = cr.formula(cr.grad(f))(A, B).text
    assert np.allclose(read(text, {"A": A, "B": B}, (4, 4)), (A > B) * (1.0 - (A == B).T))


def test_no_definition_has_the_name_of_a_size() -> None:
    """A size that is called k leaves k to no definition, though it is a good name for a number."""
    f = cr.hessian(lambda u: np.log(np.sum(np.exp(u))) ** 2 * np.sum(np.exp(np.outer(u, u)), axis=1)[0])
    for name in "zsprktqhfg":
        found = cr.formula(f)(cr.array(name))
        assert f" {name} = " not in found.text


def test_where_a_norm_vanishes_nothing_is_proved() -> None:
    def clipped(x):
        return np.linalg.norm(np.maximum(x, 0))

    assert cr.formula(cr.grad(clipped))(np.array([1.0, -2.0])).text
    with pytest.raises(FormulaError, match="0/0"):
        cr.formula(cr.grad(clipped))(np.array([-1.0, -2.0]))


def test_what_is_nothing_but_rounding_errors_is_not_shown() -> None:
    """The direction of ``s u`` does not depend on s > 0: a derivative of 0, whose terms cancel."""
    u, v = rng.normal(size=(2, 6))

    def along(s, u, v):
        w = s * np.sqrt(u**2 + 1)
        return 1e6 * (v @ (w / np.linalg.norm(w)))

    with pytest.raises(FormulaError, match="its terms cancel") as found:
        cr.formula(cr.grad(along))(1.3, u, v)
    assert not isinstance(found.value, FormulaMismatch)


@pytest.mark.parametrize(
    ("f", "shapes", "text"),
    [
        (lambda v: np.outer(v, v)[1, 0] * 2.5, "n", "(5/2) (v₁e₂ + v₂e₁)"),
        (lambda X: np.var(X[:, 0]), "mn", "(2/m) (X[:, 0] − (1/m) sum(X[:, 0]))e₁ᵀ"),
        (lambda X: (np.exp(X) @ X.T)[0] @ X[:, 1], "nn", None),
        (lambda X: np.sum(np.exp(X) / np.sum(np.exp(X), axis=1, keepdims=True), axis=0)[1], "mn", None),
    ],
)  # fmt: skip
def test_single_elements_are_unit_vectors(f: object, shapes: str, text: str | None) -> None:
    found = cr.formula(cr.grad(f))(cr.array(*shapes))
    assert "pad" not in found.text
    if text is not None:
        assert found.text == text


def test_a_part_of_a_batch_is_padded_along_its_own_axis() -> None:
    u = rng.normal(size=5)
    f = cr.jacobian(lambda u: np.exp(np.outer(u, u))[1:4, 1:3] @ u[:2])
    scope: dict[str, object] = {}
    exec(cr.formula(f)(u).code("numpy"), scope)
    (function,) = (v for k, v in scope.items() if callable(v) and k.endswith("_f"))
    assert np.allclose(function(u), f(u))  # type: ignore[operator]


@pytest.mark.parametrize("seed", [200347, 201208, 212872, 213877, 221960, 224483])
def test_programs_that_were_wrong_later(seed: int) -> None:
    """Rounding of a reference, a name that looks like an element, 0/0, e₁ of e, a factor twice."""
    outcome, words = examine(seed)
    assert not outcome.startswith("WRONG"), words


def test_a_small_fraction_of_a_size_keeps_its_number() -> None:
    """``N / 4096``: the source left the fraction out, and the formula was refused for it."""
    found = cr.formula(cr.grad(lambda v: np.sum(v + 0.5**6) ** 2 / 64))(rng.normal(size=5))
    assert "0.000488" in found.code("numpy") or "2048" in found.code("numpy")
