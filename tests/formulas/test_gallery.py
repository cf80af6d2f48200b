"""The gallery: text, value and stand-alone source of every formula, in all dialects installed."""

import importlib
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from tests.formulas import gallery, gallery_page
from tests.formulas.gallery import GALLERY, Entry
from tests.formulas.protocol import canonical, is_clean

entries = pytest.mark.parametrize("entry", GALLERY, ids=lambda e: f"{e.section}: {e.name}")
OUTSIDE = {k: v for k, v in vars(gallery).items() if isinstance(v, int | float | np.ndarray)}


def run(code: str, convert: Any, arguments: Any) -> list[np.ndarray]:
    scope: dict[str, Any] = {k: v if isinstance(v, int) else convert(v) for k, v in OUTSIDE.items()}
    before = set(scope)
    exec(code, scope)
    made = {k: f for k, f in scope.items() if k not in before and hasattr(f, "__code__")}
    (function,) = (f for k, f in made.items() if not k.startswith("_"))
    given = [{k: convert(v) for k, v in a.items()} if isinstance(a, dict) else convert(a) for a in arguments]
    result = function(*given)
    return leaves(result)


def leaves(value: Any) -> list[np.ndarray]:
    if isinstance(value, dict):
        return [np.asarray(v) for v in value.values()]
    return [np.asarray(v) for v in (value if isinstance(value, tuple) else (value,))]


@entries
def test_formula(entry: Entry) -> None:
    formula = cr.formula(entry.derivative)(*entry.arguments)
    assert canonical(formula.text) == canonical(entry.text), formula.text
    assert is_clean(formula.text, entry.text)
    expected = leaves(entry.derivative(*entry.arguments))
    found = run(formula.code(), lambda x: x, entry.arguments)
    for one, other in zip(found, expected, strict=True):
        assert np.max(np.abs(one - other)) <= 1e-11 * max(1, np.max(np.abs(other)))


@pytest.mark.parametrize("dialect", ["jax", "torch"])
def test_other_dialects(dialect: str) -> None:
    library = pytest.importorskip(dialect)
    if dialect == "jax":
        library.config.update("jax_enable_x64", True)
        convert = importlib.import_module("jax.numpy").asarray
    else:
        doubles = library.float64

        def convert(x: Any) -> Any:
            real = np.asarray(x).dtype.kind == "f"
            return library.as_tensor(x, dtype=doubles if real else None)

    for entry in GALLERY:
        formula = cr.formula(entry.derivative)(*entry.arguments)
        found = run(formula.code(dialect), convert, entry.arguments)
        for one, other in zip(found, run(formula.code(), lambda x: x, entry.arguments), strict=True):
            assert np.allclose(one, other, rtol=1e-9, atol=1e-11), entry.name


def test_legend() -> None:
    formula = cr.formula(cr.grad(gallery.logistic))(gallery.w, 0.2)
    assert [str(s) for s in formula.legend] == [
        "w ∈ ℝ^d",
        "b ∈ ℝ",
        "X ∈ ℝ^{N×d}",
        "t ∈ ℝ^N",
        "λ ∈ ℝ",
    ]
    assert formula.legend[2].latex == r"X \in \mathbb{R}^{N \times d}"
    labels = cr.formula(cr.grad(gallery.cross_entropy))(gallery.W).legend[-1]
    assert str(labels) == "labels ∈ ℤ^N"


def test_notebooks_show_mathematics() -> None:
    formula = cr.formula(cr.grad(gallery.mse))(gallery.w, 0.2)
    assert formula._repr_latex_().startswith(r"$\displaystyle \nabla_{w} \, \mathrm{mse} = \frac{2}{N}")
    assert r"X \in \mathbb{R}^{N \times d}" in formula._repr_html_()
    assert formula.to_latex(bold_arrays=True) == (
        r"\nabla_{\mathbf{w}} \, \mathrm{mse} = "
        r"\frac{2}{N} \mathbf{X}^\top \left(\mathbf{X} \mathbf{w} + b - \mathbf{y}\right)"
    )


def test_the_page_is_current() -> None:
    """``python tests/formulas/gallery_page.py`` writes it."""
    written = (gallery_page.DOCS / "gallery.md").read_text(encoding="utf-8")
    assert written == gallery_page.page()
    for section in gallery_page.sections():
        assert (gallery_page.DOCS / "images" / gallery_page.file_name(section)).exists()


@entries
def test_latex_compiles(entry: Entry) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    formula = cr.formula(entry.derivative)(*entry.arguments)
    mathtext.MathTextParser("path").parse(f"${gallery_page.drawable(formula.latex)}$")
