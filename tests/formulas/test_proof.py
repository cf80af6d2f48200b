"""Proof before print: no wrong text under fuzzing, and a wrong notation is caught."""

import os

import chainrule as cr
import numpy as np
import pytest
from chainrule.display import source
from chainrule.display.layout import Kind
from chainrule.display.naming import latex_name, unicode_name
from chainrule.errors import FormulaError, FormulaMismatch
from tests.formulas.programs import DATA, Program

COUNT = int(os.environ.get("CHAINRULE_FORMULAS", "160"))
rng = np.random.default_rng(1)


@pytest.mark.parametrize("block", range(8))
def test_random_programs(block: int) -> None:
    """Every formula of a random program is right, or is refused; nearly all are given."""
    refused = []
    for seed in range(block, COUNT, 8):
        program = Program(seed)
        if program.wrt is None:
            continue
        scope: dict[str, object] = {"np": np}
        exec(f"def f({', '.join(program.names)}):\n    return {program.source}", scope)
        verb = cr.hessian if program.second else cr.grad
        arguments = [DATA[name] for name in program.names]
        try:
            formula = cr.formula(verb(scope["f"], wrt=program.wrt))(*arguments)
        except FormulaMismatch as error:
            pytest.fail(f"{program.source} by {program.wrt}: {error}")
        except FormulaError as error:
            refused.append((seed, program.source, error))
            continue
        assert "None" not in formula.text
        assert formula.text.count("(") == formula.text.count(")")
    assert len(refused) <= COUNT // 80, refused


def test_a_wrong_notation_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(source.WRITERS, Kind.TRANSPOSE, lambda x, parts, program: parts[0])
    A, x = rng.normal(size=(3, 3)), rng.normal(size=3)
    with pytest.raises(FormulaMismatch, match="not shown"):
        cr.formula(cr.grad(lambda x: np.sum((A @ x) ** 2)))(x)


def test_what_cannot_be_compared_is_not_shown() -> None:
    with pytest.raises(FormulaError):
        cr.formula(lambda x: np.sum(np.arccosh(x)))(np.array([-1.0, -2.0]))


def test_steps_lead_from_the_function_to_the_result() -> None:
    X, y = rng.normal(size=(9, 2)), rng.normal(size=9)

    def mse(w):
        return np.mean((y - X @ w) ** 2)

    texts = [step.text for step in cr.formula(cr.hessian(mse))(np.ones(2)).steps]
    assert texts == [
        "mse = (1/N) ‖r‖²",
        "r = y − Xw",
        "d mse = (2/N) rᵀ dr",
        "dr = −X dw",
        "d mse = −(2/N) rᵀX dw",
        "∇_w mse = (2/N) Xᵀ(Xw − y)",
        "d(∇_w mse) = (2/N) XᵀX dw",
        "∇²_w mse = (2/N) XᵀX",
    ]


def test_headings() -> None:
    f, w = (lambda w: np.sum(w**3)), np.ones(2)
    assert str(cr.formula(cr.grad(f))(w)) == "∇_w f = 3w^⊙2"
    assert str(cr.formula(cr.hessian(f))(w)) == "∇²_w f = 6 diag(w)"
    assert str(cr.formula(cr.derivative(lambda t: t**3, order=2))(2.0)) == "f′′ = 6t"
    v = np.ones(2)
    assert str(cr.formula(cr.hvp(f))(w, v)) == "∇²_w f · v = 6v ⊙ w"


@pytest.mark.parametrize(
    ("name", "text", "latex"),
    [
        ("lam", "λ", r"\lambda"),
        ("W1", "W₁", "W_{1}"),
        ("mu", "μ", r"\mu"),
        ("y_hat", "y\u0302", r"\hat{y}"),
        ("params['w']", "w", "w"),
        ("layers[0]['W']", "W₁", "W_{1}"),
        ("Sigma", "Σ", r"\Sigma"),
        ("sigma", "sigma", r"\sigma"),
        ("Tgt", "Tgt", r"\mathrm{Tgt}"),
    ],
)
def test_names(name: str, text: str, latex: str) -> None:
    assert (unicode_name(name), latex_name(name)) == (text, latex)


def test_the_source_does_not_cancel() -> None:
    """At z = 40 the formula s(1 − s) loses every digit; its source does not."""
    z = np.array([40.0, -40.0, 0.5])
    formula = cr.formula(cr.jacobian(lambda z: 1 / (1 + np.exp(-z))))(z)
    assert "s ⊙ (1 − s)" in formula.text
    scope: dict[str, object] = {}
    exec(formula.code("numpy"), scope)
    (function,) = (v for k, v in scope.items() if callable(v) and not k.startswith("_"))
    exact = np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2
    assert np.allclose(np.diag(function(z)), exact, rtol=1e-13)


def test_numbers_stay_exact() -> None:
    x = rng.normal(size=3)
    text = cr.formula(cr.grad(lambda x: np.sum(x**2) / 3))(x).text
    assert text == "⅔x"


def test_what_a_function_makes_or_holds_has_its_own_name() -> None:
    A, b, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    held = {"A": A, "b": b}
    found = cr.formula(cr.grad(lambda x: np.sum((held["A"] @ x - held["b"]) ** 2)))(x)
    assert found.text == "2Aᵀ(Ax − b)"

    def smoothness(x):
        D = np.diff(np.eye(3), axis=0)
        return np.sum((D @ x) ** 2)

    assert cr.formula(cr.grad(smoothness))(x).text == "2DᵀDx"


@pytest.mark.parametrize("labels", [np.array([0, 1, 2, 0, 0, 1]), np.repeat([0, 1, 2], 2)])
def test_rows_by_labels(labels: np.ndarray) -> None:
    """``b[groups]`` is a product with one-hot rows, also where the labels are 0, 1, 2, …"""
    y, b = rng.normal(size=6), rng.normal(size=3)

    def mixed(b):
        r = y - b[labels]
        return np.sum(r**2)

    found = cr.formula(cr.grad(mixed))(b)
    assert found.text == "−2 onehot(labels)ᵀ r where r = y − b[labels]"
    scope = {"y": y, "labels": labels}
    exec(found.code(), scope)
    assert np.allclose(scope["grad_mixed"](b), cr.grad(mixed)(b))
    won, lost = np.array([0, 1, 1]), np.array([2, 2, 0])
    pairs = cr.formula(cr.grad(lambda b: np.sum(np.log1p(np.exp(b[lost] - b[won])))))(b)
    assert pairs.text == "Rᵀσ(Rb) where R = onehot(lost) − onehot(won)"
    order = np.arange(3)
    with_order = cr.formula(cr.grad(lambda b: np.sum(b[order] ** 2)))(b)
    assert "order" in with_order.text


def test_a_name_with_a_minus_inside_a_product_that_has_a_name() -> None:
    """``r = P(y − βx)`` where ``P = I − H``: both are kept with the sign of the program."""
    H, x, y = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)

    def rest(beta):
        P = np.eye(4) - H
        r = P @ (y - beta * x)
        return r @ r

    assert cr.formula(cr.grad(rest))(0.3).text == "−2rᵀPx where P = I − H, r = P(y − βx)"


def test_what_nests_too_deep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and not with Python's own error from inside."""

    def endless(self: object, *args: object) -> object:
        return endless(self, *args)

    monkeypatch.setattr("chainrule.function.derivation.Derivation.written", endless)
    with pytest.raises(FormulaError, match="nests too deep"):
        cr.formula(cr.grad(lambda x: x @ x))(np.ones(3))
