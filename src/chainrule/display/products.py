"""Matrix products as source: vectors first, systems solved, diagonals as scalings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .code import ATOM, SUM, TERM, UNARY, Code, Program, full, wrapped
from .composed import Composed
from .differences import Part, without_differences
from .layout import Kind, Layout, backwards, fold, transposed

#: A name, or some elements of it.
_ATOM = re.compile(r"[\w.]+(\[[^\[\]]*\])?")


def matrix_product(x: Layout, parts: Sequence[Code], program: Program) -> Code:
    """A chain of matrices, multiplied in the order that costs least: vectors first."""
    chain = [Part(c, p) for c, p in zip(x.children, parts, strict=True)]
    chain = without_differences(chain, program)
    return chain[0].code if len(chain) == 1 else _chain(chain, program)


def _is_column(x: Layout) -> bool:
    return x.rank == 1 and x.kind is not Kind.TRANSPOSE


def _is_row(x: Layout) -> bool:
    return x.rank == 1 and x.kind is Kind.TRANSPOSE


def _chain(chain: list[Part], program: Program) -> Code:
    for k in range(len(chain) - 1):
        if _is_column(chain[k].layout) and _is_row(chain[k + 1].layout):
            left, right = _chain(chain[: k + 1], program), _chain(chain[k + 1 :], program)
            return Code(f"np.outer({left.text}, {right.text})", ATOM)
    if len(chain) == 1:
        (only,) = chain
        return Code(
            full(only.code, only.layout, program), only.code.hold if only.code.full else ATOM
        )
    first, last = chain[0], chain[-1]
    if _is_column(last.layout) or not (_is_row(first.layout) or _solves(last.layout)):
        fold_right = _is_column(last.layout) or _solves(first.layout)
    else:
        fold_right = False
    if fold_right:
        rest = Part(_shape_like(chain[1:]), _chain(chain[1:], program))
        return _pair(first, rest, program)
    if _is_inverse(last.layout) and not _is_row(first.layout):
        return _divided(chain[:-1], last.layout, program)
    rest = Part(_shape_like(chain[:-1]), _chain(chain[:-1], program))
    return _pair(rest, last, program)


def _shape_like(chain: Sequence[Part]) -> Layout:
    """A stand-in for a partial product: only whether it is a row, a column or a matrix counts."""
    if len(chain) == 1:
        return chain[0].layout
    first, last = chain[0].layout, chain[-1].layout
    axes = (() if _is_row(first) else first.axes[:1]) + (() if _is_column(last) else last.axes[-1:])
    if len(axes) == 1 and _is_row(first):
        return Layout(Kind.TRANSPOSE, (), axes)
    return Layout(Kind.PRODUCT, (), axes)


def _solves(x: Layout) -> bool:
    return _is_inverse(x) or (x.kind is Kind.SUM and any(map(_solves, x.children)))


def _matrix(p: Part, program: Program, hold: int = TERM) -> str:
    text = full(p.code, p.layout, program)
    return text if not p.code.full else wrapped(p.code, hold)


def _pair(a: Part, b: Part, program: Program) -> Code:
    left, right = a.layout, b.layout
    if left.kind is Kind.DIAG:
        weights = a.code.text[len("np.diag(") : -1]
        spread = (
            f"({weights})"
            if right.rank == 1
            else f"({weights})[:, None]"
            if not _ATOM.fullmatch(weights)
            else f"{weights}[:, None]"
        )
        return Code(f"{spread} * {wrapped(b.code, UNARY)}", TERM)
    if right.kind is Kind.DIAG:
        weights = b.code.text[len("np.diag(") : -1]
        shown = weights if _ATOM.fullmatch(weights) else f"({weights})"
        return Code(f"{wrapped(a.code, TERM)} * {shown}", TERM)
    if right.kind is Kind.ONES and left.rank == 2:
        if left.kind is Kind.TRANSPOSE:
            return Code(f"{a.code.text[:-2]}.sum(axis=0)", ATOM)
        return Code(f"{wrapped(a.code, ATOM)}.sum(axis=1)", ATOM)
    if _solves(left):
        return _solved(left, a.code, b, program)
    if _is_row(left) and right.kind is Kind.INVERSE:
        return Code(f"np.linalg.solve({_turned(right.children[0], program)}, {a.code.text})", ATOM)
    if _is_row(left) and right.kind is Kind.TRANSPOSE and _solves(right):
        matrix = program.render(right.children[0].children[0]).text
        return Code(f"np.linalg.solve({matrix}, {a.code.text})", ATOM)
    bare = b.code.full and b.code.hold == TERM and not re.search(r" [*/] ", b.code.text)
    if _is_row(left) and bare:  # from the left it is a vector at each step too
        return Code(f"{_matrix(a, program)} @ {b.code.text}", TERM)
    return Code(f"{_matrix(a, program)} @ {_matrix(b, program, UNARY)}", TERM)


def _is_inverse(x: Layout) -> bool:
    """Whether a layout is an inverse, perhaps transposed."""
    if x.kind is Kind.TRANSPOSE and x.children:  # a stand-in has none
        (x,) = x.children
    return x.kind is Kind.INVERSE


def _divided(chain: list[Part], inverse: Layout, program: Program) -> Code:
    """``B A⁻¹`` as ``(A⁻ᵀ Bᵀ)ᵀ``."""
    turned = [Part(x, program.render(x)) for x in backwards([p.layout for p in chain])]
    right = _chain(turned, program).text
    if inverse.kind is Kind.INVERSE:
        matrix = _turned(inverse.children[0], program)
    else:
        (inner,) = inverse.children[0].children
        matrix = full(program.render(inner), inner, program)
    return Code(f"np.linalg.solve({matrix}, {right}).T", ATOM)


def _turned(x: Layout, program: Program) -> str:
    """The transpose of a matrix as an argument."""
    flipped = transposed(x)
    return full(program.render(flipped), flipped, program)


def solving(composed: Composed) -> Composed:
    """The same with systems solved: the names of inverses that only ever stand in products go."""
    inverses = {
        name: x
        for name, x in composed.definitions
        if _is_inverse(x)
    }
    if not inverses:
        return composed
    seen: set[int] = set()
    stack = [(x, False) for x in (*composed.results, *(x for _, x in composed.definitions))]
    while stack:
        x, multiplied = stack.pop()
        if x.kind is Kind.NAME and not multiplied:
            inverses.pop(x.data, None)
        if id(x) in seen:
            continue
        seen.add(id(x))
        whole = x.kind is Kind.PRODUCT or (x.kind is Kind.TRANSPOSE and multiplied)
        stack.extend((c, whole) for c in x.children)
    if not inverses:
        return composed

    def unnamed(x: Layout, children: Sequence[Layout]) -> Layout:
        if x.kind is Kind.NAME:
            return inverses.get(x.data, x)
        if all(a is b for a, b in zip(x.children, children, strict=True)):
            return x
        if x.kind is Kind.TRANSPOSE:
            return transposed(children[0])
        return Layout(x.kind, tuple(children), x.axes, x.data)

    return Composed(
        tuple(fold(r, unnamed) for r in composed.results),
        tuple((name, fold(x, unnamed)) for name, x in composed.definitions if name not in inverses),
    )


def _solved(left: Layout, code: Code, b: Part, program: Program) -> Code:
    """``A⁻¹b`` as a solve; a sum with inverses in it is applied term by term."""
    right = full(b.code, b.layout, program)
    if left.kind is Kind.INVERSE:
        inner = left.children[0]
        matrix = full(program.render(inner), inner, program)
        return Code(f"np.linalg.solve({matrix}, {right})", ATOM)
    if left.kind is Kind.TRANSPOSE:
        matrix = _turned(left.children[0].children[0], program)
        return Code(f"np.linalg.solve({matrix}, {right})", ATOM)
    text = ""
    for k, (sign, term) in enumerate(zip(left.data, left.children, strict=True)):
        piece = wrapped(_pair(Part(term, program.render(term)), b, program), TERM)
        text += (
            piece
            if not k and sign > 0
            else "-" + piece
            if not k
            else f" {'+' if sign > 0 else '-'} {piece}"
        )
    return Code(text, SUM)


def trace(inner: Layout, code: Code, program: Program) -> Code:
    """``tr(PQ)`` without the product's other entries."""
    if inner.kind is Kind.PRODUCT and len(inner.children) > 1:
        first = inner.children[0]
        rest = [Part(c, program.render(c)) for c in inner.children[1:]]
        if first.kind is Kind.TRANSPOSE:
            left = program.render(first.children[0])
        else:
            left = Code(wrapped(program.render(first), ATOM) + ".T", ATOM)
        return Code(
            f"np.sum({wrapped(left, TERM)} * {wrapped(_chain(rest, program), UNARY)})", ATOM
        )
    return Code(f"np.trace({code.text})", ATOM)
