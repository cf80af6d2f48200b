"""Deep networks: layers have names, and repeated ones are a recurrence; the source has them all."""

from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.display.recurrence import collapsed

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(2, 9, 4))


def deep(params: Any) -> Any:
    h = X
    for p in params[:-1]:
        h = np.maximum(h @ p["W"] + p["b"], 0)
    out = h @ params[-1]["W"] + params[-1]["b"]
    return np.sum((out - Y) ** 2)


def layers(count: int) -> list[dict[str, np.ndarray]]:
    return [{"W": rng.normal(size=(4, 4)), "b": rng.normal(size=4)} for _ in range(count)]


def test_a_deep_network_is_a_recurrence() -> None:
    formula = cr.formula(cr.grad(deep, wrt="params[0]['W']"))(layers(20))
    assert formula.text == (
        "2XᵀD₁ where h₁ = relu(XW₁ + 𝟏b₁ᵀ), hₗ = relu(hₗ₋₁Wₗ + 𝟏bₗᵀ) for l = 2 … 19, "
        "out = h₁₉W₂₀ + 𝟏b₂₀ᵀ, D₁₉ = ((out − Y)W₂₀ᵀ) ⊙ 𝟙[h₁₉ > 0], "
        "Dₗ = (Dₗ₊₁Wₗ₊₁ᵀ) ⊙ 𝟙[hₗ > 0] for l = 18 … 1"
    )
    assert r"D_{l} = \left(D_{l+1} W_{l+1}^\top\right)" in formula.latex
    assert formula.code().count("np.maximum") == 19


def test_the_length_is_linear_in_the_depth() -> None:
    sources = [len(cr.formula(cr.grad(deep))(layers(n)).code()) for n in (8, 16, 32)]
    assert sources[2] - sources[1] < 2.4 * (sources[1] - sources[0])


def test_few_layers_stay_written_out() -> None:
    text = cr.formula(cr.grad(deep, wrt="params[0]['W']"))(layers(3)).text
    assert "for l" not in text
    assert "D" not in text


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([(f"h{k}", "a") for k in "₁₂₃"], ["h₁ = a", "h₂ = a", "h₃ = a"]),
        ([(f"h{k}", "a") for k in "₁₂₃₄"], ["hₗ = a for l = 1 … 4"]),
        (
            [("h₁", "x"), ("h₂", "h₁W₇"), ("h₃", "h₂W₆"), ("h₄", "h₃W₅"), ("h₅", "h₄W₄")],
            ["h₁ = x", "hₗ = hₗ₋₁W₉₋ₗ for l = 2 … 5"],
        ),
        ([("h₁", "x₂"), ("h₂", "x₂"), ("h₃", "x₂"), ("h₄", "x₂")], ["hₗ = x₂ for l = 1 … 4"]),
        ([("h₁", "x₂"), ("h₂", "x₄"), ("h₃", "x₆"), ("h₄", "x₈")], ["h₁ = x₂", "h₂ = x₄", "h₃ = x₆", "h₄ = x₈"]),
    ],
)
def test_runs(parts: list[tuple[str, str]], lines: list[str]) -> None:
    assert collapsed(parts, "unicode") == lines
