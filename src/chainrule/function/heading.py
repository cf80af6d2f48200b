"""The left-hand sides of a formula: ``∇_w mse``, ``∂f/∂x``, ``∇²_w mse``; one for each result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..display.naming import latex_name, subscript, superscript, unicode_name
from .arguments import Target
from .derivatives import Derivative, ElementwiseDerivative
from .symbols import function_name


def _target(t: Target, name: Callable[[str], str]) -> str:
    """What is differentiated by: a leaf of a nested argument by its own key."""
    if t.keys and isinstance(t.keys[-1], str):
        return name(str(t.keys[-1]))
    base = name(t.name)
    return base + "".join(f"[{k}]" for k in t.keys)


#: A left-hand side in plain text and in LaTeX.
Heading = tuple[str, str]


def heading(f: Callable[..., Any], arguments: Sequence[str]) -> Heading:
    """In plain text and in LaTeX; ``arguments`` are the names of those of the call."""
    if not isinstance(f, Derivative):
        name = function_name(f)
        return name, latex_name(name)
    inner, inner_latex = heading(f.function, arguments)
    if isinstance(f.function, Derivative):
        inner, inner_latex = f"({inner})", f"({inner_latex})"
    texts = [_target(t, unicode_name) for t in f.targets]
    latexes = [_target(t, latex_name) for t in f.targets]
    by = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    by_latex = latexes[0] if len(latexes) == 1 else f"({', '.join(latexes)})"
    return _by(f, (inner, inner_latex), (by, by_latex), arguments)


def headings(
    f: Callable[..., Any], arguments: Sequence[str], leaves: Sequence[str], paths: Sequence[str]
) -> list[Heading]:
    """For each of several results: of a derivative, by which of the ``leaves`` it is.

    ``paths`` are where the results stand in what the call returns, as a program would write it.
    """
    whole, whole_latex = heading(f, arguments)
    if not isinstance(f, Derivative):
        return [_part((whole, whole_latex), path) for path in paths]
    inner, inner_latex = heading(f.function, arguments)
    if isinstance(f.function, Derivative):
        inner, inner_latex = f"({inner})", f"({inner_latex})"
    own = inner, inner_latex
    named = [(unicode_name(s), latex_name(s)) for s in leaves]
    if f.verb == "hessian" and len(paths) == len(named) ** 2:
        pairs = [
            a if a == b else (f"({a[0]}, {b[0]})", f"({a[1]}, {b[1]})") for a in named for b in named
        ]
        return [_by(f, own, pair, arguments) for pair in pairs]
    if f.verb == "jacobian" and named and len(paths) % len(named) == 0:
        outs = [own]
        if len(paths) > len(named):
            groups = [paths[k : k + len(named)] for k in range(0, len(paths), len(named))]
            outs = [_part(own, _shared(group)) for group in groups]
        return [_by(f, out, by, arguments) for out in outs for by in named]
    if f.verb == "hvp" and len(paths) == len(named):
        low = [(f"({whole})_{a}", rf"\left({whole_latex}\right)_{{{b}}}") for a, b in named]
        return low if len(low) > 1 else [(whole, whole_latex)]
    found = [own] if f.verb == "value_and_grad" else []
    verb = "grad" if f.verb == "value_and_grad" else f.verb
    found += [_by(f, own, by, arguments, verb) for by in named]
    # What a function returns beside its value.
    rest = len(paths) - len(found)
    aux = "aux", r"\mathrm{aux}"
    beside = [aux] if rest == 1 else [_part(aux, f"[{k}]") for k in range(rest)]
    return found + beside if rest >= 0 else []


def _shared(paths: Sequence[str]) -> str:
    """Where a result stands whose derivatives by several variables are side by side."""
    if len(paths) == 1:
        return paths[0]
    same = [len(set(letters)) == 1 for letters in zip(*paths, strict=False)]
    length = same.index(False) if False in same else len(same)
    return paths[0][: paths[0].rfind("]", 0, length) + 1]


def _part(whole: Heading, path: str) -> Heading:
    """One of several results of a function: ``f₁``, or ``f['loss']``."""
    steps = path[1:-1].split("][") if path.startswith("[") else [path]
    if all(step.isdigit() for step in steps):
        numbers = [int(step) + 1 for step in steps]
        low = ",".join(map(subscript, numbers))
        return f"{whole[0]}{low}", f"{{{whole[1]}}}_{{{','.join(map(str, numbers))}}}"
    words = path.replace("'", "").strip("[].").replace("][", ".")
    return f"{whole[0]}.{words}", rf"{whole[1]}.\mathrm{{{words}}}".replace("_", r"\_")


def _by(
    f: Derivative, inside: Heading, variable: Heading, arguments: Sequence[str], verb: str = ""
) -> Heading:
    """A derivative by one variable, or by several in parentheses."""
    (inner, inner_latex), (by, by_latex) = inside, variable
    verb = verb or f.verb
    # A thin space before a name of several letters.
    thin = r" \, " if inner_latex.startswith(r"\mathrm") else " "
    # Braces only where the name itself would leave open how far the subscript goes.
    low = f"_{by}" if by.isidentifier() or len(by) < 4 or by.startswith("(") else f"_{{{by}}}"
    if isinstance(f, ElementwiseDerivative):
        if f.order <= 3:
            return inner + "′" * f.order, inner_latex + "'" * f.order
        return f"{inner}⁽{superscript(f.order)}⁾", f"{inner_latex}^{{({f.order})}}"
    if verb == "grad":
        return f"∇{low} {inner}", rf"\nabla_{{{by_latex}}}{thin}{inner_latex}"
    if verb == "value_and_grad":
        return f"{inner}, ∇{low} {inner}", rf"{inner_latex}, \nabla_{{{by_latex}}}{thin}{inner_latex}"
    if verb == "hessian":
        return f"∇²{low} {inner}", rf"\nabla^2_{{{by_latex}}}{thin}{inner_latex}"
    if verb == "hvp":
        direction = arguments[max((t.position or 0) for t in f.targets) + 1]
        return (
            f"∇²{low} {inner} · {unicode_name(direction)}",
            rf"\nabla^2_{{{by_latex}}}{thin}{inner_latex} \cdot {latex_name(direction)}",
        )
    jacobian = f"∂{inner}/∂{by}"
    jacobian_latex = rf"\frac{{\partial {inner_latex}}}{{\partial {by_latex}}}"
    if verb == "pullback":
        cotangent = arguments[-1]
        return (
            f"({jacobian})ᵀ {unicode_name(cotangent)}",
            rf"\left({jacobian_latex}\right)^\top {latex_name(cotangent)}",
        )
    return jacobian, jacobian_latex
