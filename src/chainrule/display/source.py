"""A layout as NumPy source that stands alone: systems are solved, and nothing cancels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ..errors import FormulaError
from ..ops.elementwise import Elementwise
from ..ops.monomial import FACTOR, SIGMOID, Axis, Coefficient
from ..ops.structural import place, slice_
from ..ops.transcendental import tanh
from .code import ATOM, COMPARE, POWER, SUM, TERM, UNARY, Code, Program, full, lacking, wrapped
from .composed import Composed
from .constants import known_number
from .differences import named_matrix, without_unread
from .indexed import indexed
from .inplace import is_changed, padded, stated
from .inplace import statement as in_place
from .layout import Kind, Layout, fold
from .parameters import index_text
from .products import matrix_product, solving, trace
from .repeats import Repeats, Statement
from .text import named, nested, written

Writer = Callable[[Layout, Sequence[Code], Program], Code]

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
#: Slopes that are differences of nearly equal numbers for a large argument, by continued fractions.
_SLOPES = {
    "erfcx_slope": """def _erfcx_slope(x):
    far = np.maximum(x, 1.0)
    tail = (far + np.sqrt(far * far + 320)) / 2
    for k in range(160, 1, -1):
        tail = far + 0.5 * k / tail
    beyond = -1 / (np.sqrt(np.pi) * (far + 0.5 / tail) * tail)
    return np.where(x < 1, 2 * x * special.erfcx(x) - 2 / np.sqrt(np.pi), beyond)
""",
    "dawsn_slope": """def _dawsn_slope(x):
    square = x * x
    tail = 201 + 2 * square
    for n in range(99, 1, -1):
        tail = 2 * n + 1 + 2 * square - 4 * (n + 1) * square / tail
    rest = 8 * square / tail
    first = 3 + 2 * square - rest
    return (3 - 2 * square - rest) / ((1 + 2 * square - 4 * square / first) * first)
""",
}
_HELPERS |= {f"_{name}": text for name, text in _SLOPES.items()}
_INFIX = {
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
    "not_equal": "!=",
}  # fmt: skip


def write(composed: Composed, name: str, arguments: Sequence[str], program: Program) -> str:
    """A module with one function."""
    program.render = lambda x: _code(x, program)
    program.definitions = dict(composed.definitions)
    definitions, results = stated(solving(composed), program)
    program.definitions = dict(definitions)
    statements = [_statement(symbol, layout, program) for symbol, layout in definitions]
    returned = [full(_code(r, program), r, program) for r in results]
    statements = without_unread(statements, returned, definitions, program)
    ranks = {symbol: layout.rank for symbol, layout in definitions} | _ranks(composed)
    repeats = Repeats([*statements, Statement("", nested(program.structure, returned))], ranks)
    lines = [line for s in repeats() for line in written(s)]
    text = named("\n".join(lines), {**program.changed, **repeats.given}, arguments)
    heads = []
    for size, axis in program.axes.items():
        length = program.shape_of(axis)
        if length != size and re.search(rf"\b{size}\b", text):  # or a global of that name
            heads.append(f"{size} = {length}")
    body = "\n".join("    " + line for line in [*heads, *text.splitlines()])
    helpers = "".join(_HELPERS[h] + "\n\n" for h in sorted(program.helpers))
    modules = ["linalg"] * program.linalg + ["special"] * program.special
    imports = "import numpy as np\n" + f"from scipy import {', '.join(modules)}\n" * bool(modules)
    return f"{imports}\n\n{helpers}def {name}({', '.join(arguments)}):\n{body}\n"


def _statement(symbol: str, layout: Layout, program: Program) -> Statement:
    if is_changed(layout, program):
        return in_place(symbol, layout, program)
    return Statement(symbol, full(_code(layout, program), layout, program))


def _ranks(composed: Composed) -> dict[str, int]:
    """The number of axes of each name in the layouts."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    stack = [*composed.results, *(x for _, x in composed.definitions)]
    while stack:
        x = stack.pop()
        if id(x) not in seen:
            seen.add(id(x))
            stack.extend(x.children)
            if x.kind is Kind.NAME:
                found[x.data] = x.rank
    return found


def _code(layout: Layout, program: Program) -> Code:
    return fold(layout, lambda x, parts: WRITERS[x.kind](x, parts, program))


def _number(c: Coefficient, program: Program) -> Code:
    """A coefficient, its sign included; sizes by name."""
    value, known, below = known_number(c.number)
    over = [(a, p) for a, p in c.sizes if p > 0]
    under = [(a, -p) for a, p in c.sizes if p < 0]

    def powers(parts: Sequence[tuple[Axis, int]]) -> list[str]:
        return [program.size(a) + (f"**{p}" if p > 1 else "") for a, p in parts]

    short = value.denominator <= 1000 and abs(value.numerator) <= 10**6
    if not under and not over and known is None:
        if value.denominator == 1:
            text = str(value.numerator)
        elif short and not _is_decimal(value):
            text = f"{value.numerator} / {value.denominator}"
            return Code(text, TERM if value > 0 else UNARY)
        else:
            text = repr(float(value))
        return Code(text, ATOM if value >= 0 else UNARY)
    top = (
        []
        if value.numerator == 1 and short and (over or (known is not None and not below))
        else [str(value.numerator) if short else repr(float(value))]
    )
    top += powers(over)
    bottom = ([str(value.denominator)] if short and value.denominator > 1 else []) + powers(under)
    if known is not None:
        (bottom if below else top).append(known.source)
    text = " * ".join(top)
    if bottom:
        text += " / " + (bottom[0] if len(bottom) == 1 else f"({' * '.join(bottom)})")
    return Code(text, TERM)


def _is_decimal(value: Fraction) -> bool:
    """Whether a fraction is short as a decimal, to the last digit."""
    text = repr(float(value))
    return len(text) < 8 and Fraction(text) == value


def _entry(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    name, index = x.data
    return Code(f"{name}[{', '.join(map(str, index))}]", ATOM)


def _hadamard(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    first, *others = parts
    pieces = [wrapped(first, TERM), *(wrapped(p, UNARY) for p in others)]
    return Code(" * ".join(pieces), TERM, lacking(x, parts))


def _divide(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    top, bottom = parts
    text = f"{wrapped(top, TERM)} / {wrapped(bottom, UNARY)}"
    return Code(text, TERM, lacking(x, parts))


def _transpose(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    (inner,) = parts
    if x.rank == 1:
        return inner
    if not inner.full:
        return Code(full(inner, x.children[0], program) + ".T", ATOM)
    return Code(wrapped(inner, ATOM) + ".T", ATOM)


def _squeeze(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    ndim = len(x.children[0].axes)
    index = ", ".join("0" if k in x.data else ":" for k in range(ndim))
    whole = parts[0] if parts[0].full else Code(full(parts[0], x.children[0], program), ATOM)
    return Code(f"{wrapped(whole, ATOM)}[{index}]", ATOM)


def _columns(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    (inner,) = parts
    if not inner.full:  # a number
        return inner._replace(missing=frozenset({0, 1}))
    return Code(f"{wrapped(inner, ATOM)}[:, None]", ATOM, frozenset({1}))


def _rows(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    inner = parts[0]
    return inner._replace(missing=frozenset({0} if inner.full else {0, 1}))


def _reduce(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    op, axes = x.data[0], x.data[1]
    name = program.helper("_" + op.name)
    axis = axes[0] if len(axes) == 1 else axes
    return Code(f"{name}({full(parts[0], x.children[0], program)}, {axis})", ATOM)


def _of_full(function: str) -> Writer:
    """A NumPy function of the whole array."""

    def write_call(x: Layout, parts: Sequence[Code], program: Program) -> Code:
        return Code(f"{function}({full(parts[0], x.children[0], program)})", ATOM)

    return write_call


def _of_size(function: str) -> Writer:
    """A NumPy function of a length."""
    return lambda x, parts, program: Code(f"{function}({program.size(x.axes[0])})", ATOM)


def _power(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    (base,) = parts
    exponent: Fraction = x.data
    if x.children[0].kind is Kind.NORM and exponent.denominator == 1 and exponent % 2 == 0:
        square = _square(x.children[0].children[0], program)
        return square if exponent == 2 else Code(f"{wrapped(square, ATOM)}**{exponent / 2}", POWER)
    if exponent == Fraction(1, 2):
        return Code(f"np.sqrt({base.text})", ATOM, base.missing)
    shown = str(exponent) if exponent.denominator == 1 else f"({exponent})"
    return Code(f"{wrapped(base, ATOM)}**{shown}", POWER, base.missing)


def _square(x: Layout, program: Program) -> Code:
    """The squared norm of an array: no root is taken."""
    inner = program.render(x)
    whole = Code(full(inner, x, program), inner.hold if inner.full else ATOM)
    if x.rank == 1 and whole.text.isidentifier():
        return Code(f"{whole.text} @ {whole.text}", TERM)
    return Code(f"np.sum({wrapped(whole, ATOM)}**2)", ATOM)


def _sum(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    stable = _complement(x, parts, program)
    if stable is not None:
        return stable
    text = ""
    for k, (sign, p) in enumerate(zip(x.data, parts, strict=True)):
        piece = wrapped(p, TERM)
        text += (
            piece
            if not k and sign > 0
            else "-" + piece
            if not k
            else f" {'+' if sign > 0 else '-'} {piece}"
        )
    return Code(text.replace(" + -", " - "), SUM, lacking(x, parts))


def _complement(x: Layout, parts: Sequence[Code], program: Program) -> Code | None:
    """``1 − σ(z)`` as ``σ(−z)`` and ``1 − tanh(z)²`` by the hyperbolic cosine: no cancellation."""
    if x.data != (1, -1) or parts[0].text != "1":
        return None
    second = program.meaning(x.children[1])
    if second.kind is Kind.APPLY and second.data is SIGMOID:
        inner = _code(second.children[0], program)
        return Code(f"{program.helper('_sigmoid')}(-{wrapped(inner, UNARY)})", ATOM, parts[1].missing)
    if second.kind is Kind.POWER and second.data == 2:
        base = program.meaning(second.children[0])
        if base.kind is Kind.APPLY and base.data is tanh:
            inner = _code(base.children[0], program)
            return Code(f"np.cosh({inner.text})**-2", POWER, parts[1].missing)
    return None


def _scale(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    scaling = x.data
    k = scaling.numerators
    over, under, body = parts[:k], list(parts[k : k + scaling.denominators]), parts[-1]
    pieces = []
    c: Coefficient = scaling.coefficient
    sign = "-" if c.number < 0 else ""
    magnitude = c.magnitude()
    if magnitude != Coefficient():
        divisor = _divisor(magnitude, program)
        if divisor is None:
            pieces.append(wrapped(_number(c, program), TERM))
            sign = ""
        else:
            under[:0] = divisor
    pieces += [wrapped(p, UNARY) for p in over]
    # A minus before a product of matrices would turn the first of them round.
    if body.hold == UNARY and body.text.startswith("-np.diff(") and pieces and not under:  # 2 * -x
        pieces[0] = pieces[0][1:] if pieces[0].startswith("-") else f"-{pieces[0]}"
        body = Code(body.text[1:], ATOM)
    alone = not pieces and not (sign and " @ " in body.text)
    pieces.append(wrapped(body, TERM if alone else UNARY))
    text = sign + " * ".join(pieces)
    hold = UNARY if sign and len(pieces) == 1 else TERM
    if under:
        bottom = (
            wrapped(under[0], UNARY)
            if len(under) == 1
            else "(" + " * ".join(wrapped(p, UNARY) for p in under) + ")"
        )
        text, hold = f"{text} / {bottom}", TERM
    return Code(text, hold, body.missing)


def _divisor(c: Coefficient, program: Program) -> list[Code] | None:
    """What a coefficient like 1 / N divides by."""
    number = Fraction(c.number)
    if abs(number.numerator) != 1 or number.denominator > 1000:
        return None
    if not c.sizes or any(p > 0 for _, p in c.sizes):
        return None
    whole = [] if number.denominator == 1 else [Code(str(number.denominator), ATOM)]
    return [
        *whole,
        *(
            Code(program.size(a) + (f"**{-p}" if p < -1 else ""), ATOM if p == -1 else POWER)
            for a, p in c.sizes
        ),
    ]


def _difference(a: Code, b: Code) -> str:
    if b.text == "0":
        return a.text
    if b.text[0] == "-" and b.hold >= UNARY:
        return f"{wrapped(a, SUM)} + {b.text[1:]}"
    return f"{wrapped(a, SUM)} - {wrapped(b, TERM)}"


def _apply(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    op = x.data
    missing = lacking(x, parts)
    name = op.name
    if name in _INFIX:
        return Code(
            f"{wrapped(parts[0], SUM)} {_INFIX[name]} {wrapped(parts[1], SUM)}", COMPARE, missing
        )
    args = ", ".join(p.text for p in parts)
    if name == "sigmoid":
        return Code(f"{program.helper('_sigmoid')}({args})", ATOM, missing)
    if name == "step":
        return Code(f"np.heaviside({_difference(*parts)}, 0.5)", ATOM, missing)
    if name == "between":
        low, middle, high = parts
        above = f"np.heaviside({_difference(middle, low)}, 0.5)"
        below = f"np.heaviside({_difference(high, middle)}, 0.5)"
        return Code(f"{above} * {below}", TERM, missing)
    if name == "clip":
        low, middle, high = parts
        return Code(f"np.clip({middle.text}, {low.text}, {high.text})", ATOM, missing)
    if name == "softplus":
        return Code(f"np.logaddexp(0, {args})", ATOM, missing)
    if name == "relu":
        return Code(f"np.maximum({args}, 0)", ATOM, missing)
    if name in _SLOPES:
        program.special = True
        return Code(f"{program.helper('_' + name)}({args})", ATOM, missing)
    if name == "lambertw":
        program.special = True
        return Code(f"special.lambertw({args}).real", ATOM, missing)
    if name == "logdet":
        return Code(f"np.linalg.slogdet({args})[1]", ATOM)
    if name == "det":
        return Code(f"np.linalg.det({args})", ATOM)
    if name == "power":
        return Code(f"{wrapped(parts[0], ATOM)}**{wrapped(parts[1], ATOM)}", POWER, missing)
    if isinstance(op, Elementwise):
        return Code(f"{program.function(op)}({args})", ATOM, missing)
    raise FormulaError(f"{name} has no NumPy source, so a formula with it cannot be verified.")


# -- the rest --------------------------------------------------------------------------------------


def _nested(shape: Sequence[int], texts: list[str]) -> str:
    if not shape:
        return texts[0]
    if len(shape) == 1:
        return "[" + ", ".join(texts) + "]"
    step = len(texts) // shape[0] if shape[0] else 0
    rows = [_nested(shape[1:], texts[k * step : (k + 1) * step]) for k in range(shape[0])]
    return "[" + ", ".join(rows) + "]"


_ITEMS = {
    "gather": "{0}[{1}]",
    "concatenate": "np.concatenate([{all}], {axis})", "cholesky": "np.linalg.cholesky({0})",
    "cumprod": "np.cumprod({0}, {axis})",
    "tril": "np.tril({0}, {k})", "triu": "np.triu({0}, {k})", "cumsum": "np.cumsum({0}, {axis})",
    "kronecker": "np.kron({0}, {1})",
    "roll": "np.roll({0}, {shift}, {axis})",
    "prod": "np.prod({0}, {axes})", "max": "np.max({0}, {axes})", "min": "np.min({0}, {axes})",
}  # fmt: skip


_OF_VECTOR = frozenset({"cumsum", "cumprod", "prod", "max", "min"})


def _item(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    op, *params = x.data
    texts = [full(p, c, program) for p, c in zip(parts, x.children, strict=True)]
    known = dict(zip(op.parameters, params, strict=False))
    if op is slice_:
        index = index_text(params[0], x.children[0].axes)
        return Code(f"{wrapped(parts[0], ATOM) if parts[0].full else texts[0]}[{index}]", ATOM)
    if op.name == "reshape":
        return Code(f"np.reshape({texts[0]}, {params[0]})", ATOM)
    if op.name == "basis":
        return Code(f"np.eye({program.size(x.axes[0])})[{params[0]}]", ATOM)
    if op.name == "toeplitz":
        rows, width = (a.length for a in x.axes)
        index = f"np.arange({width - 1}, {width + rows - 1})[:, None] - np.arange({width})"
        return Code(f"{wrapped(parts[0], ATOM)}[{index}]", ATOM)
    if op.name == "onehot":
        return Code(f"1.0 * ({texts[0]}[:, None] == np.arange({program.size(x.axes[-1])}))", TERM)
    if op is FACTOR:
        name, _, position, turned = params
        option = ", full_matrices=False" if name == "svd" else ""
        transpose = ".T" if turned else ""
        return Code(f"np.linalg.{name}({texts[0]}{option})[{position}]{transpose}", ATOM)
    made = named_matrix(x, texts, program)
    if made is not None:
        return made
    if op is place:
        return padded(params, texts, x)
    template = _ITEMS.get(op.name)
    if not template:
        raise FormulaError(f"{op.name} has no notation yet, so no formula with it can be shown.")
    of_vector = x.children[0].rank == 1 and op.name in _OF_VECTOR  # it has one axis
    if known.get("reverse"):
        axis = known["axis"]
        if of_vector:
            return Code(f"np.{op.name}({wrapped(parts[0], ATOM)}[::-1])[::-1]", ATOM)
        return Code(f"np.flip(np.{op.name}(np.flip({texts[0]}, {axis}), {axis}), {axis})", ATOM)
    if of_vector:
        return Code(f"np.{op.name}({texts[0]})", ATOM)
    return Code(template.format(*texts, all=", ".join(texts), **known), ATOM)


#: How each kind of layout is written.
WRITERS: dict[Kind, Writer] = {
    Kind.NAME: lambda x, parts, program: Code(x.data, ATOM),
    Kind.NUMBER: lambda x, parts, program: _number(x.data, program),
    Kind.ENTRY: _entry,
    Kind.PRODUCT: matrix_product,
    Kind.HADAMARD: _hadamard,
    Kind.DIVIDE: _divide,
    Kind.POWER: _power,
    Kind.SUM: _sum,
    Kind.SCALE: _scale,
    Kind.TRANSPOSE: _transpose,
    Kind.INVERSE: _of_full("np.linalg.inv"),
    Kind.DIAG: _of_full("np.diag"),
    Kind.DIAGONAL: _of_full("np.diag"),
    Kind.IDENTITY: _of_size("np.eye"),
    Kind.ONES: _of_size("np.ones"),
    Kind.ROWS: _rows,
    Kind.COLUMNS: _columns,
    Kind.FILL: lambda x, parts, program: parts[0]._replace(missing=frozenset(range(x.rank))),
    Kind.SQUEEZE: _squeeze,
    Kind.APPLY: _apply,
    Kind.REDUCE: _reduce,
    Kind.INDICATOR: lambda x, parts, program: Code(
        f"np.where({parts[0].text}, 1.0, 0.0)", ATOM, parts[0].missing
    ),
    Kind.NORM: _of_full("np.linalg.norm"),
    Kind.SUM_ALL: _of_full("np.sum"),
    Kind.TRACE: lambda x, parts, program: trace(x.children[0], parts[0], program),
    Kind.ARRAY: lambda x, parts, program: Code(
        f"np.array({_nested(x.data, [p.text for p in parts])})", ATOM
    ),
    Kind.INDEXED: indexed,
    Kind.ITEM: _item,
}
