"""Parts of a source that are made in place: what is placed in zeros, and labels taken off.

NumPy reuses the memory of what has no name by itself, so ``a * b + c`` needs no help. What pays is not
to make arrays of zeros as large as the whole: pieces are added to slices of one array, and ``P −
onehot(labels)`` takes 1 from one element of each row. Such a part is a statement of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..errors import FormulaError
from ..ops.monomial import SIGMOID, SOFTPLUS, Coefficient
from ..ops.structural import place
from .code import ATOM, SUM, TERM, Code, Program, full, wrapped
from .composed import Composed
from .layout import Kind, Layout, fold, negated, summed
from .parameters import index_text
from .repeats import Statement

#: What makes a new array.
_FRESH = (
    Kind.SUM, Kind.HADAMARD, Kind.SCALE, Kind.DIVIDE, Kind.APPLY, Kind.REDUCE, Kind.PRODUCT, Kind.POWER
)  # fmt: skip
#: Functions that make floats of integers.
_REAL = frozenset("exp expm1 log log1p sqrt tanh sin cos sinh cosh arctan divide".split())  # noqa: SIM905


def stated(composed: Composed, program: Program) -> tuple[list[tuple[str, Layout]], list[Layout]]:
    """Definitions and results, in which every part that is made in place has a name.

    The names given here stand for better ones; ``program.changed`` has how many axes each has.
    """
    definitions: list[tuple[str, Layout]] = []
    done: dict[int, Layout] = {}

    def named(root: Layout, own: bool) -> Layout:
        def combine(x: Layout, children: Sequence[Layout]) -> Layout:
            if id(x) in done:
                return done[id(x)]
            same = all(a is b for a, b in zip(x.children, children, strict=True))
            new = x if same else Layout(x.kind, tuple(children), x.axes, x.data)
            if is_changed(x, program) and not (own and x is root):
                name = f"changed{len(program.changed)}_"
                program.changed[name] = x.rank
                definitions.append((name, new))
                new = Layout(Kind.NAME, (), x.axes, name)
            done[id(x)] = new
            return new

        return fold(root, combine)

    for name, layout in composed.definitions:
        definitions.append((name, named(layout, own=True)))
    return definitions, [named(r, own=False) for r in composed.results]


def is_changed(x: Layout, program: Program) -> bool:
    """Whether a layout is made in place."""
    if not program.real:
        return False
    if x.kind is Kind.ITEM and x.data[0] is place:
        _, _, indices = x.data
        steps = any(not isinstance(e, int) and e[2] != 1 for index in indices for e in index)
        return len(indices) > 1 or steps
    return x.kind is Kind.SUM and _labelled(x, program) is not None


def statement(name: str, x: Layout, program: Program) -> Statement:
    """The statements that make ``x`` in place."""
    if x.kind is Kind.ITEM:
        return _placed(name, x, program)
    found = _labelled(x, program)
    assert found is not None
    rest, sign, onehot = found
    code = program.render(rest)
    text = full(code, rest, program)
    if rest.kind not in _FRESH or not code.full:
        text = f"np.copy({text})"
    (labels,) = onehot.children
    rows = program.size(onehot.axes[0])
    index = f"np.arange({rows}), {full(program.render(labels), labels, program)}"
    return Statement(name, text, [(f"{name}[{index}] {'+' if sign > 0 else '-'}=", "1")])


def _placed(name: str, x: Layout, program: Program) -> Statement:
    """Pieces in an array of zeros: the first is assigned, those after it are added."""
    _, _, indices = x.data
    shape = ", ".join(program.size(a) for a in x.axes)
    zeros = f"np.zeros(({shape}))" if x.rank > 1 else f"np.zeros({shape})"
    updates = []
    for k, (piece, index) in enumerate(zip(x.children, indices, strict=True)):
        lead = [(0, a.length, 1) for a in x.axes[: x.rank - len(index)]]
        code = program.render(piece)
        value, sign = wrapped(code, SUM), "+="
        if not k:
            sign = "="
        elif value[0] == "-" and code.hold >= TERM:
            value, sign = value[1:], "-="
        updates.append((f"{name}[{index_text([*lead, *index], x.axes)}] {sign}", value))
    return Statement(name, zeros, updates)


def _labelled(x: Layout, program: Program) -> tuple[Layout, int, Layout] | None:
    """A sum as the rest, a sign and one ``onehot(labels)``, where the rest is not of integers."""
    if x.rank != 2:
        return None
    found = [
        k for k, c in enumerate(x.children) if c.kind is Kind.ITEM and c.data[0].name == "onehot"
    ]
    if len(found) != 1:
        return None
    (k,) = found
    terms = [t for j, t in enumerate(zip(x.data, x.children, strict=True)) if j != k]
    if len(terms) == 1:
        ((sign, rest),) = terms
        rest = rest if sign > 0 else negated(rest)
    else:
        rest = summed(terms, x.axes)
    if not rest.children or not _is_real(rest, program):
        return None
    return rest, x.data[k], x.children[k]


def _is_real(x: Layout, program: Program) -> bool:
    """Whether a layout is not of integers, whatever the arguments are."""
    x = program.meaning(x)
    if x.kind in (Kind.REDUCE, Kind.NORM, Kind.DIVIDE, Kind.INVERSE, Kind.INDICATOR):
        return True
    if x.kind is Kind.APPLY:
        return x.data in (SIGMOID, SOFTPLUS) or x.data.name in _REAL
    if x.kind is Kind.POWER and (x.data < 0 or Fraction(x.data).denominator != 1):
        return True
    if x.kind is Kind.SCALE and (x.data.denominators or not _is_whole(x.data.coefficient)):
        return True
    through = (Kind.SUM, Kind.HADAMARD, Kind.SCALE, Kind.PRODUCT, Kind.TRANSPOSE)
    return x.kind in through and any(_is_real(c, program) for c in x.children)


def _is_whole(c: Coefficient) -> bool:
    return Fraction(c.number).denominator == 1 and all(p > 0 for _, p in c.sizes)


def padded(params: Sequence[Any], texts: Sequence[str], x: Layout) -> Code:
    """Pieces in zeros, each padded to the whole."""
    shape, indices = params
    pads = []
    for text, index in zip(texts, indices, strict=True):
        lead = [(0, a.length, 1) for a in x.axes[: len(x.axes) - len(index)]]
        index, whole = (*lead, *index), (*(n for _, n, _ in lead), *shape)
        widths = []
        for entry, length in zip(index, whole, strict=True):
            start, count = (entry, 1) if isinstance(entry, int) else entry[:2]
            if not isinstance(entry, int) and entry[2] != 1:
                raise FormulaError("every other element is placed; this has no notation yet.")
            widths.append((start, length - start - count))
        if any(isinstance(entry, int) for entry in index):  # these axes the piece does not have
            lengths = tuple(1 if isinstance(entry, int) else entry[1] for entry in index)
            text = f"np.reshape({text}, {lengths})"
        shown = str(widths[0]) if len(widths) == 1 else str(widths)
        pads.append(f"np.pad({text}, {shown})")
    return Code(" + ".join(pads), SUM if len(pads) > 1 else ATOM)
