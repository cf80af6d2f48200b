"""A layout as LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ..ops.monomial import Axis, Coefficient
from .compose import Composed
from .layout import Kind, Layout, fold
from .naming import latex_name
from .unicode import ATOM, HADAMARD, POWER, PRODUCT, SIGN, SUM, Piece, decimal, summands

Sizes = Callable[[Axis], str]

_NAMED = {
    "sigmoid": r"\sigma({0})", "softplus": r"\operatorname{{softplus}}({0})",
    "logdet": r"\log\det({0})", "det": r"\det({0})", "softmax": r"\operatorname{{softmax}}({0})",
    "logsumexp": r"\operatorname{{logsumexp}}({0})", "relu": r"\operatorname{{relu}}({0})",
    "less": r"{0} < {1}", "less_equal": r"{0} \le {1}", "greater": r"{0} > {1}",
    "greater_equal": r"{0} \ge {1}", "equal": r"{0} = {1}", "not_equal": r"{0} \ne {1}",
    "logical_and": r"{0} \wedge {1}", "logical_or": r"{0} \vee {1}", "logical_not": r"\neg {0}",
}  # fmt: skip


def write(composed: Composed, sizes: Sizes) -> str:
    """The right-hand side, with its definitions."""
    text = ", ".join(_text(r, sizes) for r in composed.results)
    if composed.definitions:
        parts = [f"{latex_name(name)} = {_text(x, sizes)}" for name, x in composed.definitions]
        text += r" \quad\text{where}\quad " + r",\; ".join(parts)
    return text


def _text(layout: Layout, sizes: Sizes) -> str:
    letters = next((c.data.out for c in summands(layout) if c.kind is Kind.INDEXED), None)
    text = fold(layout, lambda x, parts: _write(x, parts, sizes)).text
    return text if letters is None else rf"\left[{letters}\right]\; {text}"


def _wrapped(p: Piece, hold: int) -> str:
    return p.text if p.hold >= hold else rf"\left({p.text}\right)"


def _number(c: Coefficient, sizes: Sizes) -> str:
    """A coefficient without its sign."""
    over = "".join(
        latex_name(sizes(a)) + (f"^{{{p}}}" if p > 1 else "") for a, p in c.sizes if p > 0
    )
    under = "".join(
        latex_name(sizes(a)) + (f"^{{{-p}}}" if p < -1 else "") for a, p in c.sizes if p < 0
    )
    value = abs(c.number)
    if not under and (value.denominator == 1 or value.denominator > 16):
        number = decimal(value)
        return over if value == 1 and over else number + over
    short = value.denominator <= 1000
    top = (str(value.numerator) if short else decimal(value)) + over
    if value.numerator == 1 and over and short:
        top = over
    bottom = (str(value.denominator) if short and value.denominator > 1 else "") + under
    return rf"\frac{{{top}}}{{{bottom}}}"


def _write(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    kind = x.kind
    if kind is Kind.NAME:
        return Piece(latex_name(x.data), ATOM)
    if kind is Kind.NUMBER:
        sign = "-" if x.data.number < 0 else ""
        return Piece(sign + _number(x.data, sizes), SIGN if sign else ATOM)
    if kind is Kind.ENTRY:
        name, index = x.data
        base = latex_name(name)
        low = ",".join(str(i + 1) for i in index)
        return Piece(f"{{{base}}}_{{{low}}}" if "_" in base else f"{base}_{{{low}}}", ATOM)
    if kind is Kind.PRODUCT or (kind is Kind.HADAMARD and not x.axes):
        return Piece(" ".join(_wrapped(p, PRODUCT) for p in parts), PRODUCT)
    if kind is Kind.HADAMARD:
        pieces = [rf"\left({p.text}\right)" if p.hold <= PRODUCT else p.text for p in parts]
        return Piece(r" \odot ".join(pieces), HADAMARD)
    if kind is Kind.DIVIDE:
        if x.axes and x.children[1].axes:
            return Piece(
                rf"{_wrapped(parts[0], HADAMARD)} \oslash {_wrapped(parts[1], POWER)}", HADAMARD
            )
        return Piece(rf"\frac{{{parts[0].text}}}{{{parts[1].text}}}", PRODUCT)
    if kind is Kind.POWER:
        exponent: Fraction = x.data
        if exponent == Fraction(1, 2):
            return Piece(rf"\sqrt{{{parts[0].text}}}", ATOM)
        shown = (
            str(exponent)
            if exponent.denominator == 1
            else f"{exponent.numerator}/{exponent.denominator}"
        )
        odot = r"\odot " if x.axes else ""
        return Piece(f"{{{_wrapped(parts[0], ATOM)}}}^{{{odot}{shown}}}", POWER)
    if kind is Kind.SUM:
        text = ""
        for k, (sign, p) in enumerate(zip(x.data, parts, strict=True)):
            piece = _wrapped(p, SUM if sign > 0 else SIGN)
            joint = (" + " if sign > 0 else " - ") if k else ("" if sign > 0 else "-")
            text += joint + (rf"\left({piece}\right)" if k and piece.startswith("-") else piece)
        return Piece(text, SUM)
    if kind is Kind.SCALE:
        return _scale(x, parts, sizes)
    if kind is Kind.TRANSPOSE:
        base = parts[0].text
        if x.children[0].kind is Kind.INVERSE and base.endswith("^{-1}"):
            return Piece(base[: -len("^{-1}")] + r"^{-\top}", POWER)
        return Piece(
            _wrapped(parts[0], POWER if parts[0].hold != POWER else ATOM) + r"^\top", POWER
        )
    if kind is Kind.INVERSE:
        return Piece(_wrapped(parts[0], ATOM) + "^{-1}", POWER)
    if kind is Kind.ROWS:
        return Piece(r"\mathbf{1} " + _wrapped(parts[0], ATOM) + r"^\top", PRODUCT)
    if kind is Kind.COLUMNS:
        return Piece(_wrapped(parts[0], PRODUCT) + r" \mathbf{1}^\top", PRODUCT)
    if kind in (Kind.FILL, Kind.SQUEEZE):
        return parts[0]
    if kind in (Kind.IDENTITY, Kind.ONES):
        return Piece("I" if kind is Kind.IDENTITY else r"\mathbf{1}", ATOM)
    if kind is Kind.NORM:
        return Piece(rf"\lVert {parts[0].text} \rVert", ATOM)
    if kind is Kind.INDICATOR:
        return Piece(rf"\mathbb{{1}}\left[{parts[0].text}\right]", ATOM)
    if kind is Kind.APPLY:
        return _applied(x, parts)
    if kind is Kind.REDUCE:
        return Piece(_NAMED[x.data[0].name].format(parts[0].text), ATOM)
    if kind is Kind.ARRAY:
        return Piece(_array(x.data, [p.text for p in parts]), ATOM)
    if kind is Kind.INDEXED:
        return _indexed(x, parts)
    if kind is Kind.ITEM:
        return Piece(
            rf"\operatorname{{{x.data[0].name}}}({', '.join(p.text for p in parts)})", ATOM
        )
    word = {
        Kind.DIAG: "diag", Kind.DIAGONAL: "diag", Kind.SUM_ALL: "sum", Kind.TRACE: "tr",
    }[kind]  # fmt: skip
    return Piece(rf"\operatorname{{{word}}}({parts[0].text})", ATOM)


def _applied(x: Layout, parts: Sequence[Piece]) -> Piece:
    op = x.data
    template = _NAMED.get(op.name) or op.latex
    if not template:
        inner = ", ".join(p.text for p in parts)
        word = op.name.replace("_", r"\_")
        return Piece(rf"\operatorname{{{word}}}({inner})", ATOM)
    if template.count("({") or op.precedence >= ATOM:
        hold = min(ATOM, op.precedence)
        return Piece(template.format(*(p.text for p in parts)), hold)
    return Piece(template.format(*(_wrapped(p, op.precedence + 1) for p in parts)), op.precedence)


def _scale(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    scaling = x.data
    k = scaling.numerators
    over, under, body = parts[:k], parts[k : k + scaling.denominators], parts[-1]
    number = _number(scaling.coefficient, sizes)
    pieces = [] if number == "1" else [number]
    pieces += [_wrapped(p, PRODUCT) for p in over]
    loose = HADAMARD if body.hold == HADAMARD and not under else PRODUCT
    main = _wrapped(body, loose)
    if under:
        bottom = " ".join(_wrapped(p, PRODUCT) for p in under)
        main = rf"\frac{{{body.text}}}{{{bottom}}}"
    text = " ".join([*pieces, main])
    negative = scaling.coefficient.number < 0
    return Piece("-" + text if negative else text, SIGN if negative else min(PRODUCT, body.hold))


def _array(shape: Sequence[int], texts: list[str]) -> str:
    if len(shape) > 2:
        return r"\left[" + ", ".join(texts) + r"\right]"
    columns = shape[-1] if len(shape) == 2 else 1
    rows = [" & ".join(texts[k : k + columns]) for k in range(0, len(texts), max(columns, 1))]
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def _indexed(x: Layout, parts: Sequence[Piece]) -> Piece:
    data = x.data
    inner = sorted({c for letters in data.factors for c in letters} - set(data.out))
    text = rf"\sum_{{{''.join(inner)}}} " if inner else ""
    pieces = [rf"\delta_{{{pair}}}" for pair in data.equal]
    pieces += [f"{{{_wrapped(p, ATOM)}}}_{{{s}}}" for p, s in zip(parts, data.factors, strict=True)]
    return Piece(text + (" ".join(pieces) or "1"), PRODUCT)
