"""A layout as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ..ops.indexing import gather
from ..ops.monomial import CONVOLUTION, DIFFERENCE, FACTOR, FRECHET, KRONECKER, Axis, Coefficient
from ..ops.structural import slice_
from .abbreviation import shape_of
from .composed import Composed
from .constants import known_number
from .entrywise import entry, is_indexed, letters_of, written_out
from .layout import Kind, Layout, fold, in_context, is_elementwise_power
from .naming import latex_name
from .parameters import along, blocks, index_text, parametrised
from .recurrence import collapsed
from .unicode import (
    ATOM,
    HADAMARD,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Piece,
    decimal,
    one_and,
    step_text,
)

#: A longer exponent is written as the argument of exp.
LONG = 32

Sizes = Callable[[Axis], str]
Writer = Callable[[Layout, Sequence[Piece], Sizes], Piece]

_NAMED = {
    "sigmoid": r"\sigma({0})", "softplus": r"\operatorname{{softplus}}({0})",
    "logdet": r"\log\det({0})", "det": r"\det({0})",
    "relu": r"\operatorname{{relu}}({0})",
    "less": r"{0} < {1}", "less_equal": r"{0} \leq {1}", "greater": r"{0} > {1}",
    "greater_equal": r"{0} \geq {1}", "equal": r"{0} = {1}", "not_equal": r"{0} \neq {1}",
    "between": r"\mathbb{{1}}\left[{0} < {1} < {2}\right]",
    "clip": r"\operatorname{{clip}}({1}, {0}, {2})",
    "logical_and": r"{0} \wedge {1}", "logical_or": r"{0} \vee {1}", "logical_not": r"\neg {0}",
}  # fmt: skip


def bold(text: str, names: set[str]) -> str:
    """LaTeX with the symbols ``names`` in bold."""
    for name in sorted(names, key=len, reverse=True):
        base, _, low = name.partition("_{")
        shown = rf"\boldsymbol{{{base}}}" if base.startswith("\\") else rf"\mathbf{{{base}}}"
        pattern = rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])"
        new = f"{shown}_{{{low}" if low else shown
        text = re.sub(pattern, lambda _, new=new: new, text)  # type: ignore[misc]
    return text


def write(composed: Composed, sizes: Sizes) -> str:
    """The right-hand side, with its definitions."""
    text = ", ".join(_text(r, sizes) for r in composed.results)
    if composed.definitions:
        parts = [_definition(name, x, sizes) for name, x in composed.definitions]
        text += r" \quad\text{where}\quad " + r",\; ".join(collapsed(parts, "latex"))
    return text


def statements(composed: Composed, sizes: Sizes, heads: Sequence[str]) -> str:
    """Several results, a line each, and the definitions below them: aligned at the equals signs."""
    rows = [(head, _text(r, sizes)) for head, r in zip(heads, composed.results, strict=True)]
    lines = [row.replace(" = ", " &= ", 1) for row in collapsed(rows, "latex")]
    parts = [_definition(name, x, sizes) for name, x in composed.definitions]
    for k, row in enumerate(collapsed(parts, "latex")):
        lines.append(("" if k else r"\text{where}\quad ") + row.replace(" = ", " &= ", 1))
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def _text(layout: Layout, sizes: Sizes) -> str:
    text = fold(written_out(layout), lambda x, parts: _write(x, parts, sizes)).text
    if layout.kind is Kind.FILL and text != "0":
        ones = r"\mathbf{1}" if layout.rank == 1 else r"\mathbf{1} \mathbf{1}^\top"
        text = ones if text == "1" else f"{text} {ones}"
    return text


def _definition(name: str, x: Layout, sizes: Sizes) -> tuple[str, str]:
    if not is_indexed(x):
        return latex_name(name), _text(x, sizes)
    letters = letters_of(x)
    shown = f"{{{latex_name(name)}}}_{{{letters}}}"
    return shown, _text(entry(x, letters, letters), sizes)


def _write(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return WRITERS[x.kind](x, in_context(x, parts, _filled), sizes)


def _filled(p: Piece) -> Piece:
    if p.text == "1":
        return Piece(r"\mathbf{1} \mathbf{1}^\top", PRODUCT)
    text = p.text if p.hold >= ATOM else f"\\left({p.text}\\right)"
    return Piece(rf"{text} \mathbf{{1}} \mathbf{{1}}^\top", PRODUCT)


def _wrapped(p: Piece, hold: int) -> str:
    return p.text if p.hold >= hold else rf"\left({p.text}\right)"


def _number(c: Coefficient, sizes: Sizes) -> str:
    """A coefficient without its sign."""
    value, known, below = known_number(abs(c.number))
    over = "".join(
        latex_name(sizes(a)) + (f"^{{{p}}}" if p > 1 else "") for a, p in c.sizes if p > 0
    )
    under = "".join(
        latex_name(sizes(a)) + (f"^{{{-p}}}" if p < -1 else "") for a, p in c.sizes if p < 0
    )
    if known is not None:
        over, under = (over, f"{known.latex} {under}") if below else (f"{known.latex} {over}", under)
    if not under and (value.denominator == 1 or value.denominator > 16):
        number = decimal(value)
        return over if value == 1 and over else number + over
    short = value.denominator <= 1000
    top = (str(value.numerator) if short else decimal(value)) + over
    if value.numerator == 1 and over and short:
        top = over
    bottom = (str(value.denominator) if short and value.denominator > 1 else "") + under
    return rf"\frac{{{top}}}{{{bottom}}}"


def _constant(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    sign = "-" if x.data.number < 0 else ""
    return Piece(sign + _number(x.data, sizes), SIGN if sign else ATOM)


def _entry(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    name, index = x.data
    base = latex_name(name)
    low = ",".join(str(i + 1) for i in index)
    return Piece(f"{{{base}}}_{{{low}}}" if "_" in base else f"{base}_{{{low}}}", ATOM)


def juxtaposed(texts: Sequence[str]) -> str:
    """Factors side by side, with a thin space beside a name of several letters."""
    result = texts[0]
    for text in texts[1:]:
        word = text.startswith(r"\mathrm") or _WORD.search(result)
        result += (r" \, " if word else " ") + text
    return result


_WORD = re.compile(r"\\mathrm\{[^{}]*\}(_\{\w+\})?(\^\\top|\^\{[^{}]*\})?$")


def _product(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    pieces = zip(x.children, parts, strict=True)
    return Piece(juxtaposed([_set_apart(c, p, PRODUCT) for c, p in pieces]), PRODUCT)


def _set_apart(c: Layout, p: Piece, hold: int) -> str:
    return rf"\left({p.text}\right)" if is_elementwise_power(c) else _wrapped(p, hold)


def _hadamard(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    if not x.axes:
        return _product(x, parts, sizes)
    pieces = [rf"\left({p.text}\right)" if p.hold <= PRODUCT else p.text for p in parts]
    return Piece(r" \odot ".join(pieces), HADAMARD)


def _divide(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    top, bottom = parts
    if x.axes and x.children[1].axes:
        return Piece(rf"{_wrapped(top, HADAMARD)} \oslash {_wrapped(bottom, POWER)}", HADAMARD)
    return Piece(rf"\frac{{{top.text}}}{{{bottom.text}}}", PRODUCT)


def _power(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    exponent: Fraction = x.data
    if exponent == Fraction(1, 2):
        return Piece(rf"\sqrt{{{parts[0].text}}}", ATOM)
    whole = exponent.denominator == 1
    shown = str(exponent) if whole else f"{exponent.numerator}/{exponent.denominator}"
    odot = r"\odot " if x.axes else ""
    return Piece(f"{{{_wrapped(parts[0], ATOM)}}}^{{{odot}{shown}}}", POWER)


def _sum(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    text = ""
    for sign, p in zip(x.data, parts, strict=True):
        piece = _wrapped(p, SUM if sign > 0 else SIGN)
        if not text:
            text = piece if sign > 0 else "-" + piece
            continue
        piece = rf"\left({piece}\right)" if piece.startswith("-") else piece
        text += (" + " if sign > 0 else " - ") + piece
    return Piece(text, SUM)


def _transpose(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    base = parts[0].text
    if x.children[0].kind is Kind.INVERSE and base.endswith("^{-1}"):
        return Piece(base[: -len("^{-1}")] + r"^{-\top}", POWER)
    # A second superscript needs braces around the first.
    if is_elementwise_power(x.children[0]):
        return Piece(_set_apart(x.children[0], parts[0], POWER) + r"^\top", POWER)
    inner = f"{{{base}}}" if parts[0].hold == POWER else _wrapped(parts[0], POWER)
    return Piece(inner + r"^\top", POWER)


def _applied(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    op = x.data
    if op.name == "step":
        condition = step_text(x, [p.text for p in parts], ">", "<")
        return Piece(rf"\mathbb{{1}}\left[{condition}\right]", ATOM)
    if op.name == "log1p":
        return Piece(rf"\log({one_and(parts[0].text, '-')})", ATOM)
    if op.name == "expm1":
        return Piece(f"e^{{{parts[0].text}}} - 1", SUM)
    if op.name == "exp" and (r"\frac" in parts[0].text or len(parts[0].text) > LONG):
        return Piece(rf"\exp\left({parts[0].text}\right)", ATOM)
    if op.name in ("power", "float_power"):
        odot = r"\odot " if x.axes else ""
        return Piece(rf"{{{_wrapped(parts[0], ATOM)}}}^{{{odot}{parts[1].text}}}", POWER)
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
    pieces += [
        rf"\left({p.text}\right)" if c.kind is Kind.PRODUCT else _wrapped(p, PRODUCT)
        for p, c in zip(over, x.children, strict=False)
    ]
    loose = HADAMARD if body.hold == HADAMARD and not under else PRODUCT
    main = _wrapped(body, loose)
    if under:
        bottom = " ".join(_wrapped(p, PRODUCT) for p in under)
        # A whole number goes above the line with the rest; a fraction stands before it.
        before = int(r"\frac" in number)
        above, pieces = pieces[before:], pieces[:before]
        top = juxtaposed([*above, main]) if above else body.text
        main = rf"\frac{{{top}}}{{{bottom}}}"
    text = juxtaposed(pieces if main == "1" and pieces and not under else [*pieces, main])
    hold = body.hold if loose == HADAMARD else PRODUCT
    negative = scaling.coefficient.number < 0
    return Piece("-" + text if negative else text, SIGN if negative else min(PRODUCT, hold))


def _array(shape: Sequence[int], texts: list[str]) -> str:
    if len(shape) > 2:
        return r"\left[" + ", ".join(texts) + r"\right]"
    columns = shape[-1] if len(shape) == 2 else 1
    rows = [" & ".join(texts[k : k + columns]) for k in range(0, len(texts), max(columns, 1))]
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def _at(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    power = x.children[0].kind is Kind.POWER and parts[0].hold == POWER
    inner = parts[0].text if power else f"{{{_wrapped(parts[0], ATOM)}}}"
    return Piece(f"{inner}_{{{x.data}}}", ATOM)


def _sigma(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return Piece(rf"\sum_{{{x.data}}} {_wrapped(parts[0], PRODUCT)}", PRODUCT)


def _along(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    name, letters = x.data
    return Piece(rf"\operatorname{{{name}}}_{{{letters}}}({parts[0].text})", ATOM)


def _called(word: str) -> Writer:
    return lambda x, parts, sizes: Piece(rf"\operatorname{{{word}}}({parts[0].text})", ATOM)


def _block(x: Layout, k: int | None, parts: Sequence[Piece]) -> str:
    """One block; a number that fills it is a multiple of ones."""
    if k is None:
        return "0"
    block = x.children[k]
    if block.kind is not Kind.FILL or all(a.length == 1 for a in block.axes):
        return parts[k].text
    return "\\mathbf{1}" if parts[k].text == "1" else f"{_wrapped(parts[k], PRODUCT)} \\mathbf{{1}}"


def _item(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    op = x.data[0]
    if op.name == "basis":
        return Piece(f"e_{{{x.data[1] + 1}}}", ATOM)
    if op is slice_:
        index = index_text(x.data[1], x.children[0].axes)
        return Piece(rf"{_wrapped(parts[0], ATOM)}[{index}]", ATOM)
    if op is gather:
        return Piece(f"{_wrapped(parts[0], ATOM)}[{parts[1].text}]", ATOM)
    if op is FACTOR:
        return Piece(rf"\operatorname{{{x.data[1]}}}({parts[0].text})_{{{x.data[2]}}}", ATOM)
    found = blocks(x)
    if found is not None:
        between = " & " if found.side_by_side else r" \\ "
        shown = [between.join(_block(x, k, parts) for k in line) for line in found.lines]
        text = " + ".join(rf"\begin{{bmatrix}} {line} \end{{bmatrix}}" for line in shown)
        return Piece(text, SUM if len(shown) > 1 else ATOM)
    if op is DIFFERENCE:
        order = x.axes[1].length - x.axes[0].length
        return Piece(r"\operatorname{diff}(I" + (f", {order})" if order > 1 else ")"), ATOM)
    if op is CONVOLUTION:
        return _call("conv", [parts[0].text])
    if op is KRONECKER:
        both = [rf"\left({p.text}\right)" if p.hold <= PRODUCT else p.text for p in parts]
        return Piece(r" \otimes ".join(both), HADAMARD)
    if op is FRECHET:
        return Piece(rf"L_{{\exp}}({', '.join(p.text for p in parts)})", ATOM)
    name, after = parametrised(x)
    parts = [_filled(p) if c.kind is Kind.FILL else p for c, p in zip(x.children, parts, strict=True)]
    return _call(name, [*(p.text for p in parts), *after])


def _call(name: str, arguments: Sequence[str]) -> Piece:
    name, along_axis, axis = name.partition("_row") if "_row" in name else name.partition("_col")
    word = name.replace("_", r"\_")
    low = rf"_{{\mathrm{{{along_axis[1:]}}}}}" if along_axis and not axis else ""
    shown = ", ".join(arguments).replace("×", r"\times ").replace("−", "-")
    return Piece(rf"\operatorname{{{word}}}{low}({shown})", ATOM)


def _columns(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return Piece(rf"{_set_apart(x.children[0], parts[0], PRODUCT)} \mathbf{{1}}^\top", PRODUCT)


def _rows(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    if len(parts) > 1:  # of a product
        return Piece(rf"\mathbf{{1}} {_wrapped(parts[1], PRODUCT)}", PRODUCT)
    return Piece(rf"\mathbf{{1}} {_set_apart(x.children[0], parts[0], ATOM)}^\top", PRODUCT)


def _entries(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    shape, more = shape_of(x)
    text = _array(shape, [p.text for p in parts])
    note = rf" \;\dots\;\text{{({more} more)}}" if more else ""
    return Piece(text + note, ATOM)


#: How each kind of layout is written.
WRITERS: dict[Kind, Writer] = {
    Kind.NAME: lambda x, parts, sizes: Piece(latex_name(x.data), ATOM),
    Kind.NUMBER: _constant,
    Kind.ENTRY: _entry,
    Kind.PRODUCT: _product,
    Kind.HADAMARD: _hadamard,
    Kind.DIVIDE: _divide,
    Kind.POWER: _power,
    Kind.SUM: _sum,
    Kind.SCALE: _scale,
    Kind.TRANSPOSE: _transpose,
    Kind.INVERSE: lambda x, parts, sizes: Piece(_wrapped(parts[0], ATOM) + "^{-1}", POWER),
    Kind.DIAG: _called("diag"),
    Kind.DIAGONAL: _called("diag"),
    Kind.IDENTITY: lambda x, parts, sizes: Piece("I", ATOM),
    Kind.ONES: lambda x, parts, sizes: Piece(r"\mathbf{1}", ATOM),
    Kind.ROWS: _rows,
    Kind.COLUMNS: _columns,
    Kind.FILL: lambda x, parts, sizes: parts[0],
    Kind.SQUEEZE: lambda x, parts, sizes: parts[0],
    Kind.APPLY: _applied,
    Kind.REDUCE: lambda x, parts, sizes: _call(
        along(x.data[0].name, x.data[1], len(x.children[0].axes)), [parts[0].text]
    ),
    Kind.INDICATOR: lambda x, parts, sizes: Piece(
        rf"\mathbb{{1}}\left[{parts[0].text}\right]", ATOM
    ),
    Kind.NORM: lambda x, parts, sizes: Piece(rf"\left\| {parts[0].text} \right\|", ATOM),
    Kind.SUM_ALL: _called("sum"),
    Kind.TRACE: _called("tr"),
    Kind.ARRAY: _entries,
    Kind.HEADED: lambda x, parts, sizes: Piece(
        rf"\left[{x.data}\right]\; {parts[0].text}", SUM - 1
    ),
    Kind.AT: _at,
    Kind.DELTA: lambda x, parts, sizes: Piece(rf"\delta_{{{x.data}}}", ATOM),
    Kind.SIGMA: _sigma,
    Kind.ALONG: _along,
    Kind.ITEM: _item,
}
