"""The left-hand side of a formula: ``∇_w mse``, ``∂f/∂x``, ``∇²_w mse``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..display.naming import latex_name, superscript, unicode_name
from .arguments import Target
from .derivatives import Derivative, ElementwiseDerivative
from .symbols import function_name


def _target(t: Target, name: Callable[[str], str]) -> str:
    """What is differentiated by: a leaf of a nested argument by its own key."""
    if t.keys and isinstance(t.keys[-1], str):
        return name(str(t.keys[-1]))
    base = name(t.name)
    return base + "".join(f"[{k}]" for k in t.keys)


def heading(f: Callable[..., Any], arguments: Sequence[str]) -> tuple[str, str]:
    """In plain text and in LaTeX; ``arguments`` are the names of those of the call."""
    if not isinstance(f, Derivative):
        name = function_name(f)
        return name, latex_name(name)
    inner, inner_latex = heading(f.function, arguments)
    if isinstance(f.function, Derivative):
        inner, inner_latex = f"({inner})", f"({inner_latex})"
    # A thin space before a name of several letters.
    thin = r" \, " if inner_latex.startswith(r"\mathrm") else " "
    texts = [_target(t, unicode_name) for t in f.targets]
    latexes = [_target(t, latex_name) for t in f.targets]
    by = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    by_latex = latexes[0] if len(latexes) == 1 else f"({', '.join(latexes)})"
    # Braces only where the name itself would leave open how far the subscript goes.
    low = f"_{by}" if by.isidentifier() or len(by) < 4 or by.startswith("(") else f"_{{{by}}}"
    if isinstance(f, ElementwiseDerivative):
        if f.order <= 3:
            return inner + "′" * f.order, inner_latex + "'" * f.order
        return f"{inner}⁽{superscript(f.order)}⁾", f"{inner_latex}^{{({f.order})}}"
    if f.verb == "grad":
        return f"∇{low} {inner}", rf"\nabla_{{{by_latex}}}{thin}{inner_latex}"
    if f.verb == "value_and_grad":
        return f"{inner}, ∇{low} {inner}", rf"{inner_latex}, \nabla_{{{by_latex}}}{thin}{inner_latex}"
    if f.verb == "hessian":
        return f"∇²{low} {inner}", rf"\nabla^2_{{{by_latex}}}{thin}{inner_latex}"
    if f.verb == "hvp":
        direction = arguments[max((t.position or 0) for t in f.targets) + 1]
        return (
            f"∇²{low} {inner} · {unicode_name(direction)}",
            rf"\nabla^2_{{{by_latex}}}{thin}{inner_latex} \cdot {latex_name(direction)}",
        )
    jacobian = f"∂{inner}/∂{by}"
    jacobian_latex = rf"\frac{{\partial {inner_latex}}}{{\partial {by_latex}}}"
    if f.verb == "pullback":
        cotangent = arguments[-1]
        return (
            f"({jacobian})ᵀ {unicode_name(cotangent)}",
            rf"\left({jacobian_latex}\right)^\top {latex_name(cotangent)}",
        )
    return jacobian, jacobian_latex
