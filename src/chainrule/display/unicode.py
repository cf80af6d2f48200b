"""A layout as plain text: ``(2/N) Xᵀ(Xw + b − y)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from ..ops.indexing import gather
from ..ops.monomial import CONVOLUTION, DIFFERENCE, FACTOR, FRECHET, KRONECKER, Axis, Coefficient
from ..ops.structural import slice_
from .abbreviation import shape_of
from .composed import Composed
from .constants import known_number
from .entrywise import entry, is_entry, is_indexed, letters_of, written_out
from .layout import Kind, Layout, fold, in_context, is_elementwise_power, is_number
from .naming import entry_name, subscript, superscript, unicode_name
from .parameters import along, blocks, index_text, parametrised
from .recurrence import collapsed

# How tightly a piece of text holds together, loosest first.
CONDITION, SUM, SIGN, HADAMARD, PRODUCT, POWER, ATOM = 1, 3, 4, 5, 6, 7, 9

_FRACTIONS = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾"}
_NAMED = {
    "sigmoid": "σ({0})",
    "softplus": "softplus({0})",
    "logdet": "log det({0})",
    "det": "det({0})",
    "between": "𝟙[{0} < {1} < {2}]",
    "clip": "clip({1}, {0}, {2})",
}


class Piece(NamedTuple):
    """A piece of text, and how tightly it holds together."""

    text: str
    hold: int


Sizes = Callable[[Axis], str]
Writer = Callable[[Layout, Sequence["Piece"], Sizes], "Piece"]


def write(composed: Composed, sizes: Sizes) -> str:
    """The right-hand side, with its definitions after ``where``."""
    text = ", ".join(layout_text(r, sizes) for r in composed.results)
    if composed.definitions:
        parts = [definition(name, x, sizes) for name, x in composed.definitions]
        text += " where " + ", ".join(collapsed(parts, "unicode"))
    return text


#: Definitions longer than this, all together, have a line each.
WIDTH = 78


def statements(composed: Composed, sizes: Sizes, heads: Sequence[str]) -> str:
    """Several results, a line each under a name of its own, and the definitions below them."""
    rows = [(head, layout_text(r, sizes)) for head, r in zip(heads, composed.results, strict=True)]
    lines = collapsed(rows, "unicode")
    parts = [definition(name, x, sizes) for name, x in composed.definitions]
    if parts:
        defined = collapsed(parts, "unicode")
        short = sum(map(len, defined)) + 2 * len(defined) + len("where") <= WIDTH
        lines.append("where " + (", " if short else ",\n      ").join(defined))
    return "\n".join(lines)


def layout_text(layout: Layout, sizes: Sizes) -> str:
    """One layout as text; in index notation the indices of the result come first."""
    text = fold(written_out(layout), lambda x, parts: _write(x, parts, sizes)).text
    if layout.kind is Kind.FILL and text != "0":
        ones = "𝟏" if layout.rank == 1 else "𝟏𝟏ᵀ"
        loose = layout.children[0].kind is Kind.SUM or "/" in text
        shown = f"({text})" if loose and not text.startswith("(") else text
        text = ones if text == "1" else f"{shown} {ones}"
    return text.strip().replace(_EDGE, "") if layout.kind is Kind.FILL else text.replace(_EDGE, "")


def definition(name: str, x: Layout, sizes: Sizes) -> tuple[str, str]:
    """A name and what it stands for; what is in index notation is defined by its entry."""
    if not is_indexed(x):
        return unicode_name(name), layout_text(x, sizes)
    letters = letters_of(x)
    return f"{unicode_name(name)}_{letters}", layout_text(entry(x, letters, letters), sizes)


def decimal(value: Fraction) -> str:
    """A number: a short fraction, or a decimal."""
    if value.denominator == 1:
        return str(value.numerator).replace("-", "−")
    short = _FRACTIONS.get((abs(value.numerator), value.denominator))
    sign = "−" if value < 0 else ""
    if short:
        return sign + short
    if value.denominator <= 16 and value.denominator not in (5, 8, 10, 16):
        return f"{sign}{abs(value.numerator)}/{value.denominator}"
    return sign + repr(abs(float(value)))


def coefficient_text(c: Coefficient, sizes: Sizes) -> tuple[str, bool]:
    """A coefficient without its sign, and whether it stands in parentheses."""
    value, known, below = known_number(abs(c.number))
    over = [(sizes(a), p) for a, p in c.sizes if p > 0]
    under = [(sizes(a), -p) for a, p in c.sizes if p < 0]
    if known is not None:
        (under if below else over).insert(0, (known.text, 1))

    def powers(parts: list[tuple[str, int]]) -> str:
        return "".join(s + (superscript(p) if p > 1 else "") for s, p in parts)

    if not under:
        number = decimal(value)
        if value == 1 and over:
            number = ""
        if over and 1 < value.denominator <= 1000:  # N/2, as there is 2/N
            top = powers(over) if value.numerator == 1 else f"{value.numerator}{powers(over)}"
            return f"({top}/{value.denominator})", True
        fraction = "/" in number
        return (f"({number}){powers(over)}" if fraction else number + powers(over)), fraction
    short = value.denominator == 1 or value.denominator <= 1000
    top = str(value.numerator) if short else decimal(value)
    bottom = str(value.denominator) if short and value.denominator > 1 else ""
    top = powers(over) if top == "1" and over else top + powers(over)
    bottom += powers(under)
    if len(under) + (bottom[:1].isdigit()) > 1:
        bottom = f"({bottom})"
    return f"({top}/{bottom})", True


def _wrapped(p: Piece, hold: int) -> str:
    return p.text if p.hold >= hold else f"({p.text})"


# Stands around a word, so that two factors side by side are set apart; taken out at the end.
_EDGE = "\x01"
_LETTER = re.compile(r"[^\W_\x01][₀-₉]?|\d+")
_ALONE = re.compile(rf"{_LETTER.pattern}|\|[^|]+\||‖[^‖]+‖")
_AFTER_WORD = re.compile(_EDGE + "[ᵀ⁻⁰¹²³⁴-⁹]*$")


def _word(text: str) -> Piece:
    """A name or a call: of more than one letter it is kept apart from its neighbours."""
    long = re.match("[A-Za-z\u0370-\u03ff]{2}", text)
    return Piece(f"{_EDGE}{text}{_EDGE}" if long else text, ATOM)


def juxtaposed(texts: Sequence[str]) -> str:
    """Factors side by side, with a space where words would run together."""
    result = texts[0] if texts else ""
    for text in texts[1:]:
        apart = text.startswith(_EDGE) or _AFTER_WORD.search(result)
        result += (" " if apart else "") + text
    return result


def applied(template: str, precedence: int, parts: Sequence[Piece]) -> Piece:
    """A row's own notation, filled in."""
    if "{args}" in template:
        return _word(template.replace("{args}", ", ".join(p.text for p in parts)))
    if precedence >= ATOM:
        return _word(template.format(*(p.text for p in parts)))
    return Piece(template.format(*(_wrapped(p, precedence + 1) for p in parts)), precedence)


def _number(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    text, fraction = coefficient_text(x.data, sizes)
    negative = x.data.number < 0
    if fraction and text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    hold = SIGN if negative else PRODUCT if fraction or x.data.sizes else ATOM
    return Piece(("−" if negative else "") + text, hold)


def _entry(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return _word(entry_name(*x.data))


def _product(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    pieces = zip(x.children, parts, strict=True)
    return Piece(juxtaposed([_set_apart(c, p, PRODUCT) for c, p in pieces]), PRODUCT)


def _set_apart(c: Layout, p: Piece, hold: int) -> str:
    """A factor; ``(X^⊙2)𝟏`` does not read as an exponent of two factors."""
    return f"({p.text})" if is_elementwise_power(c) else _wrapped(p, hold)


def _hadamard(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    if not x.axes:
        return _product(x, parts, sizes)
    pieces = [f"({p.text})" if p.hold <= PRODUCT else p.text for p in parts]
    return Piece(" ⊙ ".join(pieces), HADAMARD)


def _divide(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    top, bottom = parts
    mark = " ⊘ " if x.children[0].axes and x.children[1].axes else " / "
    return Piece(_wrapped(top, HADAMARD) + mark + _wrapped(bottom, POWER), HADAMARD)


def _sum(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    text = ""
    for sign, p in zip(x.data, parts, strict=True):
        piece = _wrapped(p, SUM if sign > 0 else SIGN)
        if not text:
            text = piece if sign > 0 else "−" + piece
            continue
        piece = f"({piece})" if piece.startswith("−") else piece
        text += (" + " if sign > 0 else " − ") + piece
    return Piece(text, SUM)


def _transpose(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    base = parts[0].text
    if x.children[0].kind is Kind.INVERSE and base.endswith("⁻¹"):
        return Piece(base[:-1] + "ᵀ", POWER)
    return Piece(_set_apart(x.children[0], parts[0], POWER) + "ᵀ", POWER)


def _apply(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    op = x.data
    if op.name == "step":
        return Piece("𝟙[" + step_text(x, [p.text for p in parts], ">", "<") + "]", ATOM)
    if op.name == "log1p":  # names for what does not cancel; the source keeps them
        return _word(f"log({one_and(parts[0].text, '−')})")
    if op.name == "expm1":
        return Piece(f"exp({parts[0].text}) − 1", SUM)
    if op.name in _NAMED:
        return applied(_NAMED[op.name], ATOM, parts)
    if op.name in ("power", "float_power") and x.axes:
        return applied(op.text.replace("^", "^⊙"), op.precedence, parts)
    return applied(op.text, op.precedence, parts)


def one_and(text: str, minus: str) -> str:
    """1 plus what is written so."""
    return f"1 {minus} {text[len(minus) :]}" if text.startswith(minus) else f"1 + {text}"


def step_text(x: Layout, texts: Sequence[str], above: str, below: str) -> str:
    """The condition of a step, with a number on the right: ``x > 0``, ``x < 1``."""
    if is_number(x.children[0]):
        return f"{texts[1]} {below} {texts[0]}"
    return f"{texts[0]} {above} {texts[1]}"


def _block(x: Layout, k: int | None, parts: Sequence[Piece]) -> str:
    """One block; a number that fills it is a multiple of ones."""
    if k is None:
        return "0"
    block = x.children[k]
    if block.kind is not Kind.FILL or all(a.length == 1 for a in block.axes):
        return parts[k].text
    return "𝟏" if parts[k].text == "1" else f"{_wrapped(parts[k], PRODUCT)} 𝟏"


def _item(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    op = x.data[0]
    if op.name == "basis":
        return Piece("e" + subscript(x.data[1] + 1), ATOM)
    if op is slice_:
        index = index_text(x.data[1], x.children[0].axes)
        return Piece(f"{_wrapped(parts[0], ATOM)}[{index}]", ATOM)
    if op is gather:
        return Piece(f"{_wrapped(parts[0], ATOM)}[{parts[1].text}]", ATOM)
    if op is FACTOR:
        return _word(f"{x.data[1]}({parts[0].text}).{x.data[2]}")
    found = blocks(x)
    if found is not None:
        between = ", " if found.side_by_side else "; "
        shown = [between.join(_block(x, k, parts) for k in line) for line in found.lines]
        return Piece(" + ".join(f"[{line}]" for line in shown), SUM if len(shown) > 1 else ATOM)
    if op is DIFFERENCE:
        order = x.axes[1].length - x.axes[0].length
        return _word(f"diff(I, {order})" if order > 1 else "diff(I)")
    if op is CONVOLUTION:
        return _word(f"conv({parts[0].text})")
    if op is KRONECKER:
        return Piece(" ⊗ ".join(f"({p.text})" if p.hold <= PRODUCT else p.text for p in parts), HADAMARD)
    name, after = ("L_exp", []) if op is FRECHET else parametrised(x)
    parts = [_filled(p) if c.kind is Kind.FILL else p for c, p in zip(x.children, parts, strict=True)]
    return _word(f"{name}({', '.join([*(p.text for p in parts), *after])})")


def _called(word: str) -> Writer:
    return lambda x, parts, sizes: _word(f"{word}({parts[0].text})")


def _write(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return WRITERS[x.kind](x, in_context(x, parts, _filled), sizes)


def _filled(p: Piece) -> Piece:
    if p.text == "1":
        return Piece("𝟏𝟏ᵀ", PRODUCT)
    text = p.text if p.hold >= ATOM else f"({p.text})"
    return Piece(f"{text} 𝟏𝟏ᵀ", PRODUCT)


def _power(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    (base,) = parts
    exponent: Fraction = x.data
    if exponent == Fraction(1, 2):
        alone = _ALONE.fullmatch(base.text) or x.children[0].kind is Kind.AT
        return Piece("√" + (base.text.strip(_EDGE) if alone else f"({base.text})"), POWER)
    inner = _wrapped(base, ATOM)
    plain = exponent.denominator == 1
    if not x.axes and plain:
        return Piece(inner + superscript(int(exponent)), POWER)
    shown = str(exponent) if plain else f"({exponent})"
    return Piece(f"{inner}^{'⊙' if x.axes else ''}{shown}", POWER)


def _scale(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    scaling = x.data
    k = scaling.numerators
    over, under, body = parts[:k], parts[k : k + scaling.denominators], parts[-1]
    prefix, apart = coefficient_text(scaling.coefficient, sizes)
    if prefix == "1":
        prefix = ""
    # A scalar that is a product of arrays, xᵀAx, is set apart from what it multiplies.
    shown = [
        f"({p.text})" if c.kind is Kind.PRODUCT else _wrapped(p, PRODUCT)
        for p, c in zip(over, x.children, strict=False)
    ]
    scalars = juxtaposed(shown) if shown else ""
    loose = HADAMARD if body.hold == HADAMARD and not under else PRODUCT
    main = _wrapped(body, loose)
    words = all(c.kind is Kind.NAME for c in x.children[:k])
    if shown and x.children[-1].kind is Kind.PRODUCT and not x.children[-1].axes and not words:
        main = f"({body.text})"
    if loose == HADAMARD and x.children[-1].kind is Kind.DIVIDE and main[:1].isdigit():
        main = f"({body.text})"
    if under and "/" in main and x.children[-1].kind is Kind.NUMBER:
        main = f"({main})"
    if main == "1" and (prefix or scalars) and not under:
        main = ""  # an index that nothing has: the number is everywhere
    if prefix and main and main[:1] in "0123456789½⅓⅔¼¾" and not scalars:
        prefix += "·"
    rest = juxtaposed([piece for piece in (scalars, main) if piece])
    if prefix and (apart or rest.startswith(_EDGE) or is_entry(x.children[-1])):
        prefix += " "
    text = prefix + rest
    hold = min(PRODUCT, body.hold if loose == HADAMARD else PRODUCT)
    if under:
        bottom = (
            _wrapped(under[0], POWER)
            if len(under) == 1
            else "(" + juxtaposed([_wrapped(p, PRODUCT) for p in under]) + ")"
        )
        text, hold = f"{text} / {bottom}", HADAMARD
    if scaling.coefficient.number < 0:
        text, hold = "−" + text, SIGN
    return Piece(text, hold)


def _reduced(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    op, axes = x.data[0], x.data[1]
    name = along(op.name, axes, len(x.children[0].axes))
    return _word(f"{name}({parts[0].text})")


def _array(shape: Sequence[int], texts: list[str]) -> str:
    if len(shape) == 1:
        return "[" + ", ".join(texts) + "]"
    step = len(texts) // shape[0] if shape[0] else 0
    rows = [_array(shape[1:], texts[k * step : (k + 1) * step]) for k in range(shape[0])]
    return "[" + ", ".join(rows) + "]"


def _at(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return Piece(f"{_EDGE}{_wrapped(parts[0], POWER)}_{x.data}{_EDGE}".replace(_EDGE * 2, _EDGE), ATOM)


def _sigma(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return Piece(f"{_EDGE}Σ_{x.data} {_wrapped(parts[0], PRODUCT)}", PRODUCT)


def _along(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    name, letters = x.data
    return _word(f"{name}_{letters}({parts[0].text})")


def _columns(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    return Piece(_set_apart(x.children[0], parts[0], PRODUCT) + "𝟏ᵀ", PRODUCT)


def _rows(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    if len(parts) > 1:  # of a product, Xᵀ𝟏: 𝟏𝟏ᵀX
        return Piece(juxtaposed(["𝟏", _wrapped(parts[1], PRODUCT)]), PRODUCT)
    return Piece(f"𝟏{_set_apart(x.children[0], parts[0], POWER)}ᵀ", PRODUCT)


def _entries(x: Layout, parts: Sequence[Piece], sizes: Sizes) -> Piece:
    shape, more = shape_of(x)
    text = _array(shape, [p.text for p in parts])
    return Piece(f"{text[:-1]}, … ({more} more)]" if more else text, ATOM)


#: How each kind of layout is written.
WRITERS: dict[Kind, Writer] = {
    Kind.NAME: lambda x, parts, sizes: _word(unicode_name(x.data)),
    Kind.NUMBER: _number,
    Kind.ENTRY: _entry,
    Kind.PRODUCT: _product,
    Kind.HADAMARD: _hadamard,
    Kind.DIVIDE: _divide,
    Kind.POWER: _power,
    Kind.SUM: _sum,
    Kind.SCALE: _scale,
    Kind.TRANSPOSE: _transpose,
    Kind.INVERSE: lambda x, parts, sizes: Piece(_wrapped(parts[0], ATOM) + "⁻¹", POWER),
    Kind.DIAG: _called("diag"),
    Kind.DIAGONAL: _called("diag"),
    Kind.IDENTITY: lambda x, parts, sizes: Piece("I", ATOM),
    Kind.ONES: lambda x, parts, sizes: Piece("𝟏", ATOM),
    Kind.ROWS: _rows,
    Kind.COLUMNS: _columns,
    Kind.FILL: lambda x, parts, sizes: parts[0],
    Kind.SQUEEZE: lambda x, parts, sizes: parts[0],
    Kind.APPLY: _apply,
    Kind.REDUCE: _reduced,
    Kind.INDICATOR: lambda x, parts, sizes: Piece(f"𝟙[{parts[0].text}]", ATOM),
    Kind.NORM: lambda x, parts, sizes: Piece(f"‖{parts[0].text}‖", ATOM),
    Kind.SUM_ALL: _called("sum"),
    Kind.TRACE: _called("tr"),
    Kind.ARRAY: _entries,
    Kind.HEADED: lambda x, parts, sizes: Piece(f"[{x.data}] {parts[0].text}", CONDITION),
    Kind.AT: _at,
    Kind.DELTA: lambda x, parts, sizes: Piece(f"{_EDGE}δ_{x.data}{_EDGE}", ATOM),
    Kind.SIGMA: _sigma,
    Kind.ALONG: _along,
    Kind.ITEM: _item,
}
