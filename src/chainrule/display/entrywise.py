"""Index notation: an array by its entry ``[ij] Σ_k A_ik exp(B_kj)``, as far into it as that goes.

A layout stands for an array; what is written for one without a matrix notation is its entry, at
indices ``i, j, …`` of the result. The entry of a sum is the sum of entries, that of ``exp(R)`` is
``exp(R_ij)``; the indices go inside until they meet a name, or a matrix that has a notation. The
source is written from the layout itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ops.elementwise import Elementwise
from ..ops.monomial import BETWEEN, CLIP, LOGSUMEXP, SIGMOID, SOFTMAX, SOFTPLUS, STEP, UNIT
from .layout import Kind, Layout, Scaling, number, scaled

#: Indices, in the order in which they are given out.
LETTERS = "ijklmnpqrstuvw"

#: Functions of each element besides the rows of that kind.
_BY_ELEMENTS = (SIGMOID, SOFTPLUS, STEP, BETWEEN, CLIP)
_PASSED = (Kind.SUM, Kind.SCALE, Kind.HADAMARD, Kind.DIVIDE, Kind.POWER, Kind.INDICATOR, Kind.TRANSPOSE)


def is_indexed(x: Layout) -> bool:
    """Whether a layout is written by its entry: for something inside it has no other notation."""
    stack = [x]
    while stack:
        x = stack.pop()
        if x.kind is Kind.INDEXED:
            return True
        if not x.axes:
            continue
        if x.kind is Kind.REDUCE and len(x.data[1]) < x.children[0].rank > 2:
            return True  # along one of three axes
        soft = x.kind is Kind.REDUCE and x.data[0] in (SOFTMAX, LOGSUMEXP)
        product = x.kind is Kind.PRODUCT and x.rank <= 2
        if soft or product or x.kind in _PASSED or _is_function(x):
            stack.extend(c for c in x.children if c.axes)
    return False


def _is_function(x: Layout) -> bool:
    """Whether a layout is a function of each element."""
    return x.kind is Kind.APPLY and (isinstance(x.data, Elementwise) or x.data in _BY_ELEMENTS)


def letters_of(x: Layout) -> str:
    """The indices of an array, from i on."""
    return LETTERS[: x.rank]


def written_out(x: Layout) -> Layout:
    """The layout to write: what has no notation of its own is given by its entry."""
    if x.kind is Kind.INDEXED and not x.axes:
        return _product_of_entries(x, "", "")
    if x.axes and is_indexed(x):
        letters = letters_of(x)
        return Layout(Kind.HEADED, (entry(x, letters, letters),), x.axes, letters)
    if not any(map(_has_indexed, x.children)):
        return x
    if x.kind is Kind.SUM_ALL and is_indexed(x.children[0]):
        (body,) = x.children
        letters = letters_of(body)
        return _summed(letters, entry(body, letters, letters))
    return replace(x, children=tuple(map(written_out, x.children)))


def _has_indexed(x: Layout) -> bool:
    stack, seen = [x], set()
    while stack:
        x = stack.pop()
        if x.kind in (Kind.INDEXED, Kind.REDUCE) and is_indexed(x):
            return True
        if id(x) not in seen:
            seen.add(id(x))
            stack.extend(x.children)
    return False


def entry(x: Layout, letters: str, used: str) -> Layout:
    """The entry of ``x`` at ``letters``; sums are over letters that are not among the ``used``."""
    if not x.axes:
        return written_out(x)
    kind = x.kind
    if kind is Kind.INDEXED:
        return _product_of_entries(x, letters, used)
    if kind is Kind.SUM and not any(map(_goes_inside, x.children)):
        return Layout(Kind.AT, (written_out(x),), (), letters)  # (A + Aᵀ)_ij
    if kind in (Kind.SUM, Kind.HADAMARD, Kind.DIVIDE, Kind.INDICATOR):
        children = tuple(entry(c, letters, used) for c in x.children)
        return _times(children) if kind is Kind.HADAMARD else replace(x, children=children, axes=())
    if kind is Kind.SCALE:
        scaling: Scaling = x.data
        k = scaling.numerators
        outside = tuple(map(written_out, x.children[:-1]))
        body = entry(x.children[-1], letters, used)
        if body.kind is Kind.NUMBER:
            return scaled(scaling.coefficient, outside[:k], outside[k:], body)
        return replace(x, children=(*outside, body), axes=())
    if kind is Kind.POWER:
        (base,) = x.children
        if base.kind is Kind.NAME and x.data.denominator == 1:
            return Layout(Kind.AT, (replace(x, axes=()),), (), letters)
        return replace(x, children=(entry(base, letters, used),), axes=())
    if _is_function(x):
        return replace(x, children=tuple(entry(c, letters, used) for c in x.children), axes=())
    if kind is Kind.TRANSPOSE and x.rank == 2:
        return entry(x.children[0], letters[::-1], used)
    if kind in (Kind.FILL, Kind.ONES):
        return written_out(x.children[0]) if x.children else number(UNIT)
    if kind in (Kind.ROWS, Kind.COLUMNS):
        return entry(x.children[0], letters[1:] if kind is Kind.ROWS else letters[:1], used)
    if kind is Kind.IDENTITY:
        return Layout(Kind.DELTA, (), (), letters)
    if kind is Kind.DIAG:
        delta = Layout(Kind.DELTA, (), (), letters)
        return _times((delta, entry(x.children[0], letters[:1], used)))
    if kind is Kind.REDUCE and is_indexed(x):
        return _along(x, letters, used)
    if kind is Kind.PRODUCT and (is_indexed(x) or _is_outer(x)):
        return _chain(x, letters, used)
    return Layout(Kind.AT, (written_out(x),), (), letters)


def _goes_inside(x: Layout) -> bool:
    """Whether a term of a sum is shorter by its entry than as a matrix."""
    while x.kind is Kind.SCALE:
        x = x.children[-1]
    repeated = x.kind in (Kind.FILL, Kind.ROWS, Kind.COLUMNS)
    return repeated or is_indexed(x) or (x.kind is Kind.PRODUCT and _is_outer(x))


def _is_outer(x: Layout) -> bool:
    return len(x.children) == 2 and x.rank == 2 and x.children[0].rank == x.children[1].rank == 1


def _fresh(count: int, used: str) -> str:
    supply = [c for c in LETTERS if c not in used] + [c + "′" for c in LETTERS]
    return "".join(supply[:count])


def _product_of_entries(x: Layout, letters: str, used: str) -> Layout:
    data = x.data
    names = dict(zip(data.out, letters, strict=True))
    inner = [c for word in data.factors for c in word if c not in names]
    inner = list(dict.fromkeys(inner))
    names |= dict(zip(inner, _fresh(len(inner), used), strict=True))
    bound = "".join(names[c] for c in inner)
    deltas = [Layout(Kind.DELTA, (), (), "".join(names[c] for c in pair)) for pair in data.equal]
    taken, parts = used + bound, []
    for child, word in zip(x.children, data.factors, strict=True):
        made = entry(child, "".join(names[c] for c in word), taken)
        taken += made.data if made.kind is Kind.SIGMA else ""
        parts.append(made)
    return _side_by_side([*deltas, _summed(bound, _times(parts))])


def _chain(x: Layout, letters: str, used: str) -> Layout:
    """A matrix product of which a factor has no notation: sums over what stands between."""
    row = x.children[0].kind is Kind.TRANSPOSE and x.children[0].rank == 1
    ends = list(letters)
    here = "" if row else ends.pop(0)  # the index that the next factor begins with
    last = ends.pop() if ends else ""
    bound, parts = "", []
    for k, c in enumerate(x.children):
        plain = c.children[0] if c.kind is Kind.TRANSPOSE and c.rank == 1 else c
        final = last and all(d.kind is Kind.DIAG for d in x.children[k + 1 :])
        after = str(last) if final else _fresh(1, used + bound + letters)
        if plain.kind is Kind.DIAG and here:
            parts.append(entry(plain.children[0], here, used + bound))
        elif plain.rank == 1 and here:
            parts.append(entry(plain, here, used + bound))
            here = ""
        elif plain.rank == 1:  # a row: after a column, or the first
            bound += "" if final else after
            parts.append(entry(plain, after, used + bound))
            here = after
        else:
            bound += "" if final else after
            parts.append(entry(c, here + after, used + bound))
            here = after
    return _summed(bound, _times(parts))


def _along(x: Layout, letters: str, used: str) -> Layout:
    """``softmax_k(Z_ijk)``: over which index it goes."""
    (inside,) = x.children
    op, axes = x.data[0], sorted(a % inside.rank for a in x.data[1])
    over = _fresh(len(axes), used) if op is LOGSUMEXP else "".join(letters[a] for a in axes)
    whole, rest, new = "", iter(letters), iter(over)
    for k in range(inside.rank):
        whole += next(new) if k in axes and op is LOGSUMEXP else next(rest)
    body = entry(inside, whole, used + over)
    return Layout(Kind.ALONG, (body,), (), (op.name, over))


def _times(parts: Sequence[Layout]) -> Layout:
    """Numbers side by side; sums among them are one, before all of them."""
    bound = ""
    factors: list[Layout] = []
    for x in parts:
        if x.kind is Kind.SIGMA:
            bound += x.data
            x = x.children[0]
        factors.extend(x.children if x.kind is Kind.HADAMARD and not x.axes else (x,))
    under = [x.children[1] for x in factors if x.kind is Kind.DIVIDE]
    over = [x.children[0] if x.kind is Kind.DIVIDE else x for x in factors]
    body = _side_by_side(over)
    if under:
        body = Layout(Kind.DIVIDE, (body, _side_by_side(under)), ())
    return _summed(bound, body)


def _side_by_side(factors: Sequence[Layout]) -> Layout:
    rest = [x for x in factors if not (x.kind is Kind.NUMBER and x.data == UNIT)]
    if len(rest) < 2:
        return rest[0] if rest else number(UNIT)
    return Layout(Kind.HADAMARD, tuple(rest), ())


def _summed(bound: str, body: Layout) -> Layout:
    if not bound:
        return body
    if body.kind is Kind.SIGMA:
        return Layout(Kind.SIGMA, body.children, (), bound + body.data)
    return Layout(Kind.SIGMA, (body,), (), bound)


def is_entry(x: Layout) -> bool:
    """Whether a layout begins in index notation."""
    while x.kind is Kind.HADAMARD:
        x = x.children[0]
    return x.kind in (Kind.AT, Kind.DELTA, Kind.SIGMA)
