"""Derivations: one rule to a line, each verified when it is written."""

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.display import source
from chainrule.display.layout import Kind
from chainrule.errors import FormulaMismatch
from tests.formulas.cases import CASES, Case
from tests.formulas.test_breadth import KNOWN, A, Known, S, W, X, c, w, y

rng = np.random.default_rng(4)
G = rng.normal(size=(11, 3))


def lines(f: Any, *arguments: Any) -> list[str]:
    return [step.text for step in cr.formula(f)(*arguments).steps]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_every_formula_has_a_derivation_that_ends_with_it(known: Known) -> None:
    formula = cr.formula(known.derivative)(*known.arguments)
    assert formula.steps[-1].text == str(formula)
    assert formula.steps[-1].latex == formula.latex
    assert all(step.rule for step in formula.steps)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_derivations_of_the_cases(case: Case) -> None:
    formula = cr.formula(getattr(cr, case.kind)(case.function, wrt=case.wrt))(*case.arguments)
    assert formula.steps[-1].text == str(formula)


def test_a_composition_with_named_parts() -> None:
    def net(W1: Any, w2: Any) -> Any:
        h = np.tanh(X @ W1)
        r = h @ w2 - y
        return 0.5 * np.sum(r**2)

    assert lines(cr.grad(net), W, rng.normal(size=3)) == [
        "net = ½‖r‖²",
        "r = hw₂ − y",
        "h = tanh(A)",
        "A = XW₁",
        "d net = rᵀ dr",
        "dr = dh w₂",
        "dh = dA ⊙ (1 − h^⊙2)",
        "dA = X dW₁",
        "d net = tr(((rw₂ᵀ) ⊙ (1 − h^⊙2))ᵀX dW₁)",
        "∇_W₁ net = Xᵀ((rw₂ᵀ) ⊙ (1 − h^⊙2)) where h = tanh(XW₁), r = hw₂ − y",
    ]


def test_a_function_of_a_number() -> None:
    f = cr.grad(lambda x: x * np.exp(-(x**2) / 2))
    formula = cr.formula(f)(0.7)
    assert [(s.text, s.rule) for s in formula.steps] == [
        ("f = xv", "the function"),
        ("v = exp(u)", "where"),
        ("u = −½x²", "where"),
        ("df = x dv + v dx", "product rule"),
        ("dv = v du", "derivative of exp"),
        ("du = −x dx", "power rule"),
        ("df = v(1 − x²) dx", "chain rule: insert dv, du"),
        ("∇_x f = exp(−½x²) (1 − x²)", "divide by dx"),
    ]


def test_a_function_of_a_matrix() -> None:
    formula = cr.formula(cr.grad(lambda S: c @ np.linalg.solve(S, c) + np.linalg.slogdet(S)[1]))(S)
    assert [s.text for s in formula.steps] == [
        "f = cᵀS⁻¹c + log det(S)",
        "df = tr(S⁻¹ dS) − cᵀS⁻¹ dS S⁻¹c",
        "∇_S f = S⁻ᵀ − S⁻ᵀccᵀS⁻ᵀ",
    ]
    assert formula.steps[-1].rule == "read off: df = tr(∇ᵀ dS)"


def test_other_derivatives() -> None:
    jacobian = cr.formula(cr.jacobian(lambda x: np.tanh(A @ x)))(w)
    assert jacobian.steps[-1].rule == "read off: df = J dx"
    pullback = cr.formula(cr.pullback(lambda W: np.tanh(X @ W)))(W, G)
    assert "⟨G, ·⟩" in pullback.steps[-1].rule
    second = cr.formula(cr.hvp(lambda w: np.mean((X @ w - y) ** 2)))(w, c)
    assert second.steps[-1].rule == "along the direction: dw = c"
    third = cr.formula(cr.derivative(lambda x: np.sin(x), order=3))(0.4)
    assert [s.text for s in third.steps][-3:] == ["f′ = cos(x)", "f′′ = −sin(x)", "f′′′ = −cos(x)"]


def test_every_line_has_every_notation() -> None:
    formula = cr.formula(cr.grad(lambda w: np.mean((X @ w - y) ** 2)))(w)
    line = formula.steps[2]
    assert line.text == "df = (2/N) rᵀ dr"
    assert line.latex == r"\mathrm{d}f = \frac{2}{N} r^\top \, \mathrm{d}r"
    assert "r.shape[0]" in line.code() or "X.shape[0]" in line.code()
    assert "jnp" not in line.code()
    assert "np." not in line.code("torch")


def test_a_wrong_line_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is run and compared: with a wrong notation there is no derivation."""
    formula = cr.formula(cr.grad(lambda w: np.sum(np.exp(w) * w)))(w)
    monkeypatch.setitem(source.WRITERS, Kind.HADAMARD, lambda x, parts, program: parts[0])
    with pytest.raises(FormulaMismatch):
        _ = formula.steps
