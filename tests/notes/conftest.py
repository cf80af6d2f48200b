"""The course notes' own data, and the formulas they print, each kept in one place.

The tests in this folder follow `docs/notes/calculus.md` heading by heading. The numbers come
from the notes' three demonstrations, which ran in PyTorch; `data/` holds their inputs and
results as float32.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parent / "data"

Demo = Mapping[str, np.ndarray]

# Every formula that the notes write down, as chainrule is to print its right-hand side. Several
# spellings are right where the notes or the notation leave a choice.
FORMULAS: dict[str, tuple[str, ...]] = {
    "mse by w": ("(2/N) Xᵀ(Xw + b − y)",),
    "mse by b": ("(2/N) sum(Xw + b − y)", "(2/N) 𝟏ᵀ(Xw + b − y)"),
    "mse twice by w": ("(2/N) XᵀX",),
    "toy jacobian": ("[[2x₁, 2, −1], [cos(x₁), x₃, x₂]]",),
    "toy hessian": ("[[2, 1, 0], [1, 6, 0], [0, 0, exp(x₃)]]",),
    "layer W2": ("hᵀG",),
    "layer W1 tanh": (
        "Xᵀ((GW₂ᵀ) ⊙ (1 − h^⊙2)) where h = tanh(XW₁ + 𝟏b₁ᵀ)",
        "Xᵀ((1 − h^⊙2) ⊙ (GW₂ᵀ)) where h = tanh(XW₁ + 𝟏b₁ᵀ)",
    ),
    "layer W1 logistic": (
        "Xᵀ((GW₂ᵀ) ⊙ h ⊙ (1 − h)) where h = σ(XW₁ + 𝟏b₁ᵀ)",
        "Xᵀ(h ⊙ (1 − h) ⊙ (GW₂ᵀ)) where h = σ(XW₁ + 𝟏b₁ᵀ)",
    ),
    "layer W1 relu": (
        "Xᵀ((GW₂ᵀ) ⊙ 𝟙[XW₁ + 𝟏b₁ᵀ > 0])",
        "Xᵀ(𝟙[XW₁ + 𝟏b₁ᵀ > 0] ⊙ (GW₂ᵀ))",
    ),
    "squared error W2": ("hᵀE",),
}


def squash(text: str) -> str:
    """Return the text without white space, which carries no meaning in a formula."""
    return "".join(text.split())


@pytest.fixture
def prints() -> Callable[[str, str], bool]:
    """Whether a formula's text is one of the spellings listed under a name."""

    def matches(text: str, name: str) -> bool:
        allowed = {squash(spelling) for spelling in FORMULAS[name]}
        assert squash(text) in allowed, f"{name}: printed {text!r}, wanted {FORMULAS[name]}"
        return True

    return matches


def read(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of one demonstration, as stored: float32 inputs, float64 losses."""
    with np.load(DATA / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


@pytest.fixture
def mse_demo() -> Demo:
    """200 rows of 5 features, targets, the zero start, and PyTorch's loss and gradients."""
    return read("demo1_mse")


@pytest.fixture
def toy_demo() -> Demo:
    """The point x0 with PyTorch's Jacobian and Hessian of the toy functions."""
    return read("demo2_jacobian_hessian")


@pytest.fixture
def mlp_demo() -> Demo:
    """A 20 → 32 → 1 network: data, starting weights, five losses, weights after five steps."""
    return read("demo3_mlp")
