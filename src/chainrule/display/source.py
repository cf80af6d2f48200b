"""A layout as NumPy source that stands alone: systems are solved, and nothing cancels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..errors import FormulaError
from ..ops.elementwise import Elementwise
from ..ops.monomial import SIGMOID, Axis, Coefficient
from ..ops.structural import place, slice_
from ..ops.transcendental import tanh
from .compose import Composed
from .layout import Kind, Layout, fold
from .unicode import index_text

# Python's precedences, loosest first.
COMPARE, SUM, TERM, UNARY, POWER, ATOM = 1, 3, 5, 6, 7, 9

_HELPERS = {
    "_sigmoid": """def _sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)
""",
    "_softmax": """def _softmax(z, axis):
    e = np.exp(z - np.max(z, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)
""",
    "_logsumexp": """def _logsumexp(z, axis):
    top = np.max(z, axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.sum(np.exp(z - top), axis))
""",
}
_INFIX = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
    "not_equal": "!=",
}  # fmt: skip


class Code(NamedTuple):
    """An expression, how tightly it holds, and whether it has the full shape of its layout.

    What is not full is repeated by NumPy's broadcasting where it meets the rest.
    """

    text: str
    hold: int
    full: bool = True


@dataclass
class Program:
    """What a function needs besides its expressions."""

    sizes: Callable[[Axis], str]
    shape_of: Callable[[Axis], str | None]
    axes: dict[str, Axis] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    definitions: dict[str, Layout] = field(default_factory=dict)
    #: The user's own functions, which the source calls by name.
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    #: Whether it calls a function of SciPy's that NumPy lacks.
    special: bool = False

    def function(self, op: Elementwise) -> str:
        """What the source calls a function: NumPy's, else SciPy's, else the user's own."""
        made = op.function
        if not isinstance(made, np.ufunc):
            self.functions[op.name] = made
            return op.name
        name = made.__name__
        if getattr(np, name, None) is made:
            return f"np.{name}"
        self.special = True
        return f"special.{name}"

    def meaning(self, x: Layout) -> Layout:
        """What a name stands for."""
        return self.definitions.get(x.data, x) if x.kind is Kind.NAME else x

    def size(self, axis: Axis) -> str:
        """The name of a length; a length that no argument has is a number."""
        if self.shape_of(axis) is None:
            return str(axis.length)
        name = self.sizes(axis)
        self.axes[name] = axis
        return name

    def helper(self, name: str) -> str:
        """A function of our own that the source then brings along."""
        self.helpers.add(name)
        return name


def write(composed: Composed, name: str, arguments: Sequence[str], program: Program) -> str:
    """A module with one function."""
    lines = []
    program.definitions = dict(composed.definitions)
    for symbol, layout in composed.definitions:
        lines.append(f"{symbol} = {_full(_code(layout, program), layout, program)}")
    results = [_result(r, program) for r in composed.results]
    lines.append(f"return {', '.join(results)}" if len(results) != 1 else f"return {results[0]}")
    heads = []
    for size, axis in program.axes.items():
        heads.append(f"{size} = {program.shape_of(axis)}")
    body = "\n".join("    " + line for line in [*heads, *lines])
    helpers = "".join(_HELPERS[h] + "\n\n" for h in sorted(program.helpers))
    imports = "import numpy as np\n" + "from scipy import special\n" * program.special
    return f"{imports}\n\n{helpers}def {name}({', '.join(arguments)}):\n{body}\n"


def _code(layout: Layout, program: Program) -> Code:
    return fold(layout, lambda x, parts: _write(x, parts, program))


def _result(layout: Layout, program: Program) -> str:
    return _full(_code(layout, program), layout, program)


def _full(code: Code, x: Layout, program: Program) -> str:
    if code.full or not x.axes:
        return code.text
    shape = ", ".join(program.size(a) for a in x.axes)
    return (
        f"np.full(({shape},), {code.text})"
        if x.kind is Kind.FILL
        else f"np.broadcast_to({code.text}, ({shape},))"
    )


def _wrapped(c: Code, hold: int) -> str:
    return c.text if c.hold >= hold else f"({c.text})"


def _number(c: Coefficient, program: Program) -> Code:
    """A coefficient, its sign included; sizes by name."""
    value = c.number
    over = [(a, p) for a, p in c.sizes if p > 0]
    under = [(a, -p) for a, p in c.sizes if p < 0]

    def powers(parts: Sequence[tuple[Axis, int]]) -> list[str]:
        return [program.size(a) + (f"**{p}" if p > 1 else "") for a, p in parts]

    short = value.denominator <= 1000 and abs(value.numerator) <= 10**6
    if not under and not over:
        if value.denominator == 1:
            text = str(value.numerator)
        elif short and value.denominator not in (2, 4, 5, 8, 10):
            text = f"{value.numerator} / {value.denominator}"
            return Code(text, TERM if value > 0 else UNARY)
        else:
            text = repr(float(value))
        return Code(text, ATOM if value >= 0 else UNARY)
    top = (
        []
        if value.numerator == 1 and over
        else [str(value.numerator) if short else repr(float(value))]
    )
    top += powers(over)
    bottom = ([str(value.denominator)] if short and value.denominator > 1 else []) + powers(under)
    text = " * ".join(top)
    if bottom:
        text += " / " + (bottom[0] if len(bottom) == 1 else f"({' * '.join(bottom)})")
    return Code(text, TERM)


def _write(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    kind = x.kind
    if kind is Kind.NAME:
        return Code(x.data, ATOM)
    if kind is Kind.NUMBER:
        return _number(x.data, program)
    if kind is Kind.ENTRY:
        name, index = x.data
        return Code(f"{name}[{', '.join(map(str, index))}]", ATOM)
    if kind is Kind.PRODUCT:
        return _product(x, parts, program)
    if kind is Kind.HADAMARD:
        return Code(
            " * ".join(
                _wrapped(p, TERM) if k == 0 else _wrapped(p, UNARY) for k, p in enumerate(parts)
            ),
            TERM,
            any(p.full for p in parts) or not x.axes,
        )
    if kind is Kind.DIVIDE:
        top, bottom = parts
        return Code(
            f"{_wrapped(top, TERM)} / {_wrapped(bottom, UNARY)}", TERM, top.full or bottom.full
        )
    if kind is Kind.POWER:
        return _power(x, parts[0])
    if kind is Kind.SUM:
        return _sum(x, parts, program)
    if kind is Kind.SCALE:
        return _scale(x, parts, program)
    if kind is Kind.TRANSPOSE:
        if x.rank == 1:
            return parts[0]
        if not parts[0].full:
            return Code(_full(parts[0], x.children[0], program) + ".T", ATOM)
        return Code(_wrapped(parts[0], ATOM) + ".T", ATOM)
    if kind is Kind.INVERSE:
        return Code(f"np.linalg.inv({_full(parts[0], x.children[0], program)})", ATOM)
    if kind in (Kind.DIAG, Kind.DIAGONAL):
        return Code(f"np.diag({_full(parts[0], x.children[0], program)})", ATOM)
    if kind is Kind.IDENTITY:
        return Code(f"np.eye({program.size(x.axes[0])})", ATOM)
    if kind is Kind.ONES:
        return Code(f"np.ones({program.size(x.axes[0])})", ATOM)
    if kind is Kind.ROWS:
        return Code(parts[0].text, parts[0].hold, full=False)
    if kind is Kind.COLUMNS:
        return Code(f"{_wrapped(parts[0], ATOM)}[:, None]", ATOM, full=False)
    if kind is Kind.FILL:
        return Code(parts[0].text, parts[0].hold, full=False)
    if kind is Kind.SQUEEZE:
        ndim = len(x.children[0].axes)
        index = ", ".join("0" if k in x.data else ":" for k in range(ndim))
        return Code(f"{_wrapped(parts[0], ATOM)}[{index}]", ATOM)
    if kind is Kind.NORM:
        return Code(f"np.linalg.norm({_full(parts[0], x.children[0], program)})", ATOM)
    if kind is Kind.SUM_ALL:
        return Code(f"np.sum({_full(parts[0], x.children[0], program)})", ATOM)
    if kind is Kind.TRACE:
        return _trace(x.children[0], parts[0], program)
    if kind is Kind.INDICATOR:
        return Code(f"np.where({parts[0].text}, 1.0, 0.0)", ATOM, parts[0].full)
    if kind is Kind.APPLY:
        return _apply(x, parts, program)
    if kind is Kind.REDUCE:
        op, axes = x.data[0], x.data[1]
        axis = axes[0] if len(axes) == 1 else axes
        name = program.helper({"softmax": "_softmax", "logsumexp": "_logsumexp"}[op.name])
        return Code(f"{name}({_full(parts[0], x.children[0], program)}, {axis})", ATOM)
    if kind is Kind.ARRAY:
        return Code(f"np.array({_nested(x.data, [p.text for p in parts])})", ATOM)
    if kind is Kind.INDEXED:
        return _indexed(x, parts, program)
    return _item(x, parts, program)


def _power(x: Layout, base: Code) -> Code:
    exponent: Fraction = x.data
    if exponent == Fraction(1, 2):
        return Code(f"np.sqrt({base.text})", ATOM, base.full)
    shown = str(exponent) if exponent.denominator == 1 else f"({exponent})"
    return Code(f"{_wrapped(base, ATOM)}**{shown}", POWER, base.full)


def _sum(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    stable = _complement(x, parts, program)
    if stable is not None:
        return stable
    text = ""
    for k, (sign, p) in enumerate(zip(x.data, parts, strict=True)):
        piece = _wrapped(p, TERM)
        text += (
            piece
            if not k and sign > 0
            else "-" + piece
            if not k
            else f" {'+' if sign > 0 else '-'} {piece}"
        )
    return Code(text, SUM, any(p.full for p in parts) or not x.axes)


def _complement(x: Layout, parts: Sequence[Code], program: Program) -> Code | None:
    """``1 − σ(z)`` as ``σ(−z)`` and ``1 − tanh(z)²`` by the hyperbolic cosine: no cancellation."""
    if x.data != (1, -1) or parts[0].text not in ("1",):
        return None
    second = program.meaning(x.children[1])
    if second.kind is Kind.APPLY and second.data is SIGMOID:
        inner = _code(second.children[0], program)
        return Code(f"{program.helper('_sigmoid')}(-{_wrapped(inner, UNARY)})", ATOM, parts[1].full)
    if second.kind is Kind.POWER and second.data == 2:
        base = program.meaning(second.children[0])
        if base.kind is Kind.APPLY and base.data is tanh:
            inner = _code(base.children[0], program)
            return Code(f"np.cosh({inner.text})**-2", POWER, parts[1].full)
    return None


def _scale(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    scaling = x.data
    k = scaling.numerators
    over, under, body = parts[:k], parts[k : k + scaling.denominators], parts[-1]
    pieces = []
    c: Coefficient = scaling.coefficient
    sign = ""
    if c == Coefficient(Fraction(-1)):
        sign = "-"
    elif c != Coefficient():
        pieces.append(_wrapped(_number(c, program), TERM))
    pieces += [_wrapped(p, UNARY) for p in over]
    pieces.append(_wrapped(body, UNARY if pieces else TERM))
    text = sign + " * ".join(pieces)
    hold = UNARY if sign and len(pieces) == 1 else TERM
    if under:
        bottom = (
            _wrapped(under[0], UNARY)
            if len(under) == 1
            else "(" + " * ".join(_wrapped(p, UNARY) for p in under) + ")"
        )
        text, hold = f"{text} / {bottom}", TERM
    return Code(text, hold, body.full)


def _apply(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    op = x.data
    full = any(p.full for p in parts) or not x.axes
    name = op.name
    if name in _INFIX:
        return Code(
            f"{_wrapped(parts[0], SUM)} {_INFIX[name]} {_wrapped(parts[1], SUM)}", COMPARE, full
        )
    args = ", ".join(p.text for p in parts)
    if name == "sigmoid":
        return Code(f"{program.helper('_sigmoid')}({args})", ATOM, full)
    if name == "softplus":
        return Code(f"np.logaddexp(0, {args})", ATOM, full)
    if name == "relu":
        return Code(f"np.maximum({args}, 0)", ATOM, full)
    if name == "logdet":
        return Code(f"np.linalg.slogdet({args})[1]", ATOM)
    if name == "det":
        return Code(f"np.linalg.det({args})", ATOM)
    if name == "power":
        return Code(f"{_wrapped(parts[0], ATOM)}**{_wrapped(parts[1], ATOM)}", POWER, full)
    if isinstance(op, Elementwise):
        return Code(f"{program.function(op)}({args})", ATOM, full)
    raise FormulaError(f"{name} has no NumPy source, so a formula with it cannot be verified.")


# -- products --------------------------------------------------------------------------------------


class _Part(NamedTuple):
    layout: Layout
    code: Code


def _product(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    """A chain of matrices, multiplied in the order that costs least: vectors first."""
    chain = [_Part(c, p) for c, p in zip(x.children, parts, strict=True)]
    return _chain(chain, program)


def _is_column(x: Layout) -> bool:
    return x.rank == 1 and x.kind is not Kind.TRANSPOSE


def _is_row(x: Layout) -> bool:
    return x.rank == 1 and x.kind is Kind.TRANSPOSE


def _chain(chain: list[_Part], program: Program) -> Code:
    for k in range(len(chain) - 1):
        if _is_column(chain[k].layout) and _is_row(chain[k + 1].layout):
            left, right = _chain(chain[: k + 1], program), _chain(chain[k + 1 :], program)
            return Code(f"np.outer({left.text}, {right.text})", ATOM)
    if len(chain) == 1:
        (only,) = chain
        return Code(
            _full(only.code, only.layout, program), only.code.hold if only.code.full else ATOM
        )
    first, last = chain[0], chain[-1]
    if _is_column(last.layout) or not (_is_row(first.layout) or _solves(last.layout)):
        fold_right = _is_column(last.layout) or _solves(first.layout)
    else:
        fold_right = False
    if fold_right:
        rest = _Part(_shape_like(chain[1:]), _chain(chain[1:], program))
        return _pair(first, rest, program)
    rest = _Part(_shape_like(chain[:-1]), _chain(chain[:-1], program))
    return _pair(rest, last, program)


def _shape_like(chain: Sequence[_Part]) -> Layout:
    """A stand-in for a partial product: only whether it is a row, a column or a matrix counts."""
    if len(chain) == 1:
        return chain[0].layout
    first, last = chain[0].layout, chain[-1].layout
    axes = (() if _is_row(first) else first.axes[:1]) + (() if _is_column(last) else last.axes[-1:])
    if len(axes) == 1 and _is_row(first):
        return Layout(Kind.TRANSPOSE, (), axes)
    return Layout(Kind.PRODUCT, (), axes)


def _solves(x: Layout) -> bool:
    return (
        x.kind is Kind.INVERSE
        or (x.kind is Kind.TRANSPOSE and bool(x.children) and x.children[0].kind is Kind.INVERSE)
        or (x.kind is Kind.SUM and any(_solves(c) for c in x.children))
    )


def _matrix(p: _Part, program: Program, hold: int = TERM) -> str:
    text = _full(p.code, p.layout, program)
    return text if not p.code.full else _wrapped(p.code, hold)


def _pair(a: _Part, b: _Part, program: Program) -> Code:
    left, right = a.layout, b.layout
    if left.kind is Kind.DIAG:
        weights = a.code.text[len("np.diag(") : -1]
        spread = (
            f"({weights})"
            if right.rank == 1
            else f"({weights})[:, None]"
            if not weights.isidentifier()
            else f"{weights}[:, None]"
        )
        return Code(f"{spread} * {_wrapped(b.code, UNARY)}", TERM)
    if right.kind is Kind.DIAG:
        weights = b.code.text[len("np.diag(") : -1]
        shown = weights if weights.isidentifier() else f"({weights})"
        return Code(f"{_wrapped(a.code, TERM)} * {shown}", TERM)
    if right.kind is Kind.ONES and left.rank == 2:
        if left.kind is Kind.TRANSPOSE:
            return Code(f"{a.code.text[:-2]}.sum(axis=0)", ATOM)
        return Code(f"{_wrapped(a.code, ATOM)}.sum(axis=1)", ATOM)
    if _solves(left):
        return _solved(left, a.code, b, program)
    if _solves(right) and left.rank == 2:
        flipped = Layout(Kind.TRANSPOSE, (left,), left.axes[::-1])
        if right.kind is Kind.INVERSE:
            matrix = right.children[0]
            inner = a.code.text
            inverse = _code(matrix, program)
            return Code(f"np.linalg.solve({_wrapped(inverse, ATOM)}.T, ({inner}).T).T", ATOM)
        del flipped
    return Code(f"{_matrix(a, program)} @ {_matrix(b, program, UNARY)}", TERM)


def _solved(left: Layout, code: Code, b: _Part, program: Program) -> Code:
    """``A⁻¹b`` as a solve; a sum with inverses in it is applied term by term."""
    right = _full(b.code, b.layout, program)
    if left.kind is Kind.INVERSE:
        return Code(
            f"np.linalg.solve({_full(_code(left.children[0], program), left.children[0], program)}, {right})",
            ATOM,
        )
    if left.kind is Kind.TRANSPOSE:
        matrix = _code(left.children[0].children[0], program)
        return Code(f"np.linalg.solve({_wrapped(matrix, ATOM)}.T, {right})", ATOM)
    text = ""
    for k, (sign, term) in enumerate(zip(left.data, left.children, strict=True)):
        piece = _wrapped(_pair(_Part(term, _code(term, program)), b, program), TERM)
        text += (
            piece
            if not k and sign > 0
            else "-" + piece
            if not k
            else f" {'+' if sign > 0 else '-'} {piece}"
        )
    return Code(text, SUM)


def _trace(inner: Layout, code: Code, program: Program) -> Code:
    """``tr(PQ)`` without the product's other entries."""
    if inner.kind is Kind.PRODUCT and len(inner.children) > 1:
        first = inner.children[0]
        rest = [_Part(c, _code(c, program)) for c in inner.children[1:]]
        if first.kind is Kind.TRANSPOSE:
            left = _code(first.children[0], program)
        else:
            left = Code(_wrapped(_code(first, program), ATOM) + ".T", ATOM)
        return Code(
            f"np.sum({_wrapped(left, TERM)} * {_wrapped(_chain(rest, program), UNARY)})", ATOM
        )
    return Code(f"np.trace({code.text})", ATOM)


# -- the rest --------------------------------------------------------------------------------------


def _nested(shape: Sequence[int], texts: list[str]) -> str:
    if not shape:
        return texts[0]
    if len(shape) == 1:
        return "[" + ", ".join(texts) + "]"
    step = len(texts) // shape[0] if shape[0] else 0
    rows = [_nested(shape[1:], texts[k * step : (k + 1) * step]) for k in range(shape[0])]
    return "[" + ", ".join(rows) + "]"


def _indexed(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    """Index notation, evaluated by ``np.einsum``; equal indices by an identity matrix."""
    data = x.data
    names: dict[str, str] = {}
    plain = iter("ijklmnpqrstuvwabcdefgh")
    for letter, _ in data.lengths:
        names[letter] = next(plain)
    lengths = dict(data.lengths)
    operands = [_full(p, c, program) for p, c in zip(parts, x.children, strict=True)]
    subs = ["".join(names[c] for c in letters) for letters in data.factors]
    for a, b in data.equal:
        operands.append(f"np.eye({program.size(lengths[a])})")
        subs.append(names[a] + names[b])
    present = set("".join(subs))
    for letter in data.out:
        if names[letter] not in present:
            operands.append(f"np.ones({program.size(lengths[letter])})")
            subs.append(names[letter])
    out = "".join(names[c] for c in data.out)
    return Code(f"np.einsum('{','.join(subs)}->{out}', {', '.join(operands)})", ATOM)


_ITEMS = {
    "place": "", "concatenate": "np.concatenate([{all}], {axis})",
    "tril": "np.tril({0}, {k})", "triu": "np.triu({0}, {k})",
    "cumsum": "np.cumsum({0}, {axis})", "prod": "np.prod({0}, {axes})", "max": "np.max({0}, {axes})",
    "min": "np.min({0}, {axes})", "onehot": "", "cholesky": "np.linalg.cholesky({0})",
}  # fmt: skip


def _item(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    op, *params = x.data
    texts = [_full(p, c, program) for p, c in zip(parts, x.children, strict=True)]
    known = dict(zip(op.parameters, params, strict=False))
    if op is slice_:
        index = index_text(params[0], x.children[0].axes)
        return Code(f"{_wrapped(parts[0], ATOM) if parts[0].full else texts[0]}[{index}]", ATOM)
    if op.name == "reshape":
        return Code(f"np.reshape({texts[0]}, {params[0]})", ATOM)
    if op.name == "onehot":
        return Code(f"1.0 * ({texts[0]}[:, None] == np.arange({program.size(x.axes[-1])}))", TERM)
    if op is place:
        return _placed(params, texts, x)
    if known.get("reverse"):
        axis = known["axis"]
        return Code(f"np.flip(np.{op.name}(np.flip({texts[0]}, {axis}), {axis}), {axis})", ATOM)
    template = _ITEMS.get(op.name)
    if not template:
        raise FormulaError(f"{op.name} has no notation yet, so no formula with it can be shown.")
    return Code(template.format(*texts, all=", ".join(texts), **known), ATOM)


def _placed(params: Sequence[Any], texts: Sequence[str], x: Layout) -> Code:
    """Pieces in zeros, each padded to the whole."""
    shape, indices = params
    pads = []
    for text, index in zip(texts, indices, strict=True):
        widths = []
        for entry, length in zip(index, shape, strict=True):
            if isinstance(entry, int) or entry[2] != 1:
                raise FormulaError("single elements are placed; this has no notation yet.")
            widths.append((entry[0], length - entry[0] - entry[1]))
        shown = str(widths[0]) if len(widths) == 1 else str(widths)
        pads.append(f"np.pad({text}, {shown})")
    return Code(" + ".join(pads), SUM if len(pads) > 1 else ATOM)
