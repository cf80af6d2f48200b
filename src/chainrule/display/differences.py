"""Products with matrices of differences as source: ``Dx`` is ``np.diff(x)``, without the matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..ops.linalg import expm
from ..ops.monomial import CONVOLUTION, DIFFERENCE, FRECHET
from .code import ATOM, UNARY, Code, Program, full
from .layout import Kind, Layout
from .repeats import Statement
from .text import written


class Part(NamedTuple):
    """A factor of a product, and its source."""

    layout: Layout
    code: Code


def without_differences(chain: Sequence[Part], program: Program) -> list[Part]:
    """The factors with differences taken of what is beside them, if there is anything else."""
    parts = list(chain)
    while len(parts) > 1:
        found = next((k for k in range(len(parts)) if _order(parts[k].layout, program)), None)
        plain = [k for k in range(len(parts)) if not _order(parts[k].layout, program)]
        if found is None or not plain:
            return parts
        # The one that is next to something else.
        pairs = [(k, m) for k in plain for m in (k - 1, k + 1) if 0 <= m < len(parts)]
        k, m = next((k, m) for k, m in pairs if _order(parts[m].layout, program))
        left = m < k
        column = parts[k].layout.rank == 1 and parts[k].layout.kind is not Kind.TRANSPOSE
        row = parts[k].layout.rank == 1 and not column
        if (left and row) or (not left and column):
            return parts
        parts[min(k, m) : max(k, m) + 1] = [_taken(parts[k], parts[m], left, program)]
    return parts


def without_unread(
    statements: Sequence[Statement],
    results: Sequence[str],
    definitions: Sequence[tuple[str, Layout]],
    program: Program,
) -> list[Statement]:
    """The statements, without matrices of differences that nothing is multiplied with any more."""
    kept = list(statements)
    for name, x in definitions:
        if _order(x, program):
            others = [s for s in kept if s.target != name]
            texts = [*results, *(line for s in others for line in written(s))]
            if not any(re.search(rf"\b{name}\b", text) for text in texts):
                kept = others
    return kept


def named_matrix(x: Layout, texts: Sequence[str], program: Program) -> Code | None:
    """The matrix of differences itself, that of a convolution, ``expm`` and its derivative."""
    op = x.data[0]
    if op is DIFFERENCE:
        times = f"{_order(x, program)}, " if _order(x, program) > 1 else ""
        return Code(f"np.diff(np.eye({program.size(x.axes[1])}), {times}axis=0)", ATOM)
    if op is CONVOLUTION:
        rows, columns = (a.length for a in x.axes)
        around, size = columns, columns - rows + 1
        index = f"np.arange({rows})[:, None] - np.arange({columns}) + {around + size - 1}"
        return Code(f"np.pad({texts[0]}, ({around}, {around}))[{index}]", ATOM)
    if op is not expm and op is not FRECHET:
        return None
    program.linalg = True
    option = ", compute_expm=False" if op is FRECHET else ""
    return Code(f"linalg.{op.name}({', '.join(texts)}{option})", ATOM)


def _order(x: Layout, program: Program) -> int:
    turned = x.kind is Kind.TRANSPOSE and x.children  # what stands in for a product has none
    x = program.meaning(x.children[0] if turned else x)
    if x.kind is not Kind.ITEM or x.data[0] is not DIFFERENCE:
        return 0
    return x.axes[1].length - x.axes[0].length


def _taken(of: Part, matrix: Part, left: bool, program: Program) -> Part:
    """Differences along the rows, or the columns; of the adjoint, with zeros around."""
    turned = matrix.layout.kind is Kind.TRANSPOSE
    order = _order(matrix.layout, program)
    adjoint = turned == left
    text = full(of.code, of.layout, program)
    rank = of.layout.rank
    axis = ", axis=0" if rank == 2 and left else ""
    times = f", {order}" if order > 1 else ""
    if not adjoint:
        made = Code(f"np.diff({text}{times}{axis})", ATOM)
    else:
        sides = f"({order}, {order})", "(0, 0)"
        both = sides if left else sides[::-1]
        width = sides[0] if rank == 1 else f"({both[0]}, {both[1]})"
        made = Code(f"np.diff(np.pad({text}, {width}){times}{axis})", ATOM)
        if order % 2:
            made = Code(f"-{made.text}", UNARY)
    new = matrix.layout.axes[0] if left else matrix.layout.axes[-1]
    axes = (new, *of.layout.axes[1:]) if left else (*of.layout.axes[:-1], new)
    kind = Kind.TRANSPOSE if rank == 1 and of.layout.kind is Kind.TRANSPOSE else Kind.PRODUCT
    return Part(Layout(kind, (), axes), made)
