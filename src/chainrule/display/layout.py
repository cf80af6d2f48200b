"""The layout of a formula: a tree of matrix notation, from which every notation is written.

A layout says what stands where, not how it looks: ``PRODUCT`` is a matrix product, ``HADAMARD`` an
elementwise one. Its ``axes`` are those of the array it stands for; a row vector is the
``TRANSPOSE`` of a vector. Because text and source come from the same tree, evaluating the source
verifies the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from typing import Any, TypeVar

from ..ops.monomial import ONE, UNIT, Axis, Coefficient

T = TypeVar("T")


class Kind(Enum):
    """What a layout is; in brackets what ``data`` holds."""

    NAME = auto()  # a symbol [identifier]
    NUMBER = auto()  # a number times sizes [Coefficient]
    ENTRY = auto()  # one element of a named array [identifier, index]
    PRODUCT = auto()  # a matrix product
    HADAMARD = auto()  # an elementwise product
    DIVIDE = auto()  # elementwise, two children
    POWER = auto()  # elementwise [exponent]
    SUM = auto()  # [signs]
    SCALE = auto()  # numbers times a body [Scaling]
    TRANSPOSE = auto()
    INVERSE = auto()
    DIAG = auto()  # the diagonal matrix of a vector
    DIAGONAL = auto()  # the diagonal of a matrix
    IDENTITY = auto()
    ONES = auto()
    ROWS = auto()  # a vector as every row of a matrix
    COLUMNS = auto()  # a vector as every column
    FILL = auto()  # a number as every element
    SQUEEZE = auto()  # without axes of length 1 [positions]
    APPLY = auto()  # a function [operation]
    REDUCE = auto()  # a function over some axes [operation, axes]
    INDICATOR = auto()  # 1 where a condition holds
    NORM = auto()
    SUM_ALL = auto()
    TRACE = auto()
    ARRAY = auto()  # an array of entries [shape]
    INDEXED = auto()  # what needs index notation [Indexing]
    # The entry that is written for it:
    HEADED = auto()  # an array by its entry [indices]
    AT = auto()  # an entry of an array [indices]
    DELTA = auto()  # 1 where two indices are equal [indices]
    SIGMA = auto()  # a sum over indices [indices]
    ALONG = auto()  # a function over some indices [name, indices]
    ITEM = auto()  # any other operation [operation, parameters]


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the children of a ``SCALE`` divide: scalar factors, scalar divisors, and the body."""

    coefficient: Coefficient
    numerators: int
    denominators: int


@dataclass(frozen=True, slots=True)
class Indexing:
    """Index notation: the letters of the result, those of each factor, and equal indices."""

    coefficient: Coefficient
    out: str
    factors: tuple[str, ...]
    equal: tuple[str, ...]
    lengths: tuple[tuple[str, Axis], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """One node of the tree."""

    kind: Kind
    children: tuple[Layout, ...]
    axes: tuple[Axis, ...]
    data: Any = None
    symmetric: bool = False

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.axes)


def fold(root: Layout, combine: Callable[[Layout, Sequence[T]], T]) -> T:
    """Combine from the leaves up, without recursion; what is shared is done once."""
    done: dict[int, T] = {}
    stack = [root]
    while stack:
        current = stack[-1]
        if id(current) in done:
            stack.pop()
            continue
        missing = [c for c in reversed(current.children) if id(c) not in done]
        if missing:
            stack.extend(missing)
        else:
            stack.pop()
            done[id(current)] = combine(current, [done[id(c)] for c in current.children])
    return done[id(root)]


def _is_diagonal(x: Layout) -> bool:
    while x.kind is Kind.SCALE:
        x = x.children[-1]
    return x.kind in (Kind.IDENTITY, Kind.DIAG)


def in_context(x: Layout, parts: Sequence[T], filled: Callable[[T], T]) -> list[T]:
    """The written children of ``x``, with what they need where they stand.

    A number in every element is ``filled`` in beside a diagonal, where it could be taken for a
    multiple of the identity.
    """
    if x.kind is not Kind.SUM or x.rank != 2 or not any(map(_is_diagonal, x.children)):
        return list(parts)
    return [
        filled(p) if c.kind is Kind.FILL else p for c, p in zip(x.children, parts, strict=True)
    ]


def names_in(root: Layout) -> list[str]:
    """The names that a layout has, each once, from the left."""
    found: dict[str, None] = {}
    stack = [root]
    while stack:
        x = stack.pop()
        if x.kind is Kind.NAME:
            found.setdefault(str(x.data))
        stack.extend(reversed(x.children))
    return list(found)


# -- constructors that keep a layout tidy ----------------------------------------------------------


def number(value: Coefficient) -> Layout:
    """A scalar constant."""
    return Layout(Kind.NUMBER, (), (), value)


def transposed(x: Layout) -> Layout:
    """The transpose, written with as few transposes as it takes."""
    if x.kind is Kind.TRANSPOSE:
        return x.children[0]
    if x.symmetric or x.kind in (Kind.DIAG, Kind.IDENTITY):
        return x
    flipped = x.axes[::-1]
    if x.kind is Kind.ROWS:
        return Layout(Kind.COLUMNS, x.children[:1], flipped)
    if x.kind is Kind.COLUMNS:
        return as_rows(x.children[0], flipped)
    if x.kind is Kind.FILL:
        return Layout(Kind.FILL, x.children, flipped)
    if x.kind is Kind.PRODUCT and x.rank == 2:
        return Layout(Kind.PRODUCT, backwards(x.children), flipped)
    if x.kind is Kind.SCALE and x.rank == 2:
        return Layout(Kind.SCALE, (*x.children[:-1], transposed(x.children[-1])), flipped, x.data)
    if x.kind in (Kind.HADAMARD, Kind.SUM, Kind.DIVIDE) and x.rank == 2:
        each = [transposed(c) for c in x.children]
        if sum(map(_transposes, each)) <= sum(map(_transposes, x.children)):
            if x.kind is Kind.SUM:
                return summed(list(zip(x.data, each, strict=True)), flipped)
            return Layout(x.kind, tuple(each), flipped, x.data)
    if x.kind is Kind.DIVIDE and x.children[0].kind is Kind.FILL and x.rank == 2:
        return Layout(Kind.DIVIDE, tuple(map(transposed, x.children)), flipped)
    return Layout(Kind.TRANSPOSE, (x,), flipped)


def as_rows(x: Layout, axes: tuple[Axis, ...]) -> Layout:
    """A vector as every row; a product also as the row that it is, ``𝟏ᵀX``."""
    if x.kind is not Kind.PRODUCT:
        return Layout(Kind.ROWS, (x,), axes)
    turned = Layout(Kind.PRODUCT, backwards(x.children), x.axes)
    return Layout(Kind.ROWS, (x, turned), axes)


def is_elementwise_power(x: Layout) -> bool:
    """Whether it is written with an exponent that begins with ⊙."""
    if x.kind is Kind.APPLY and x.data.name in ("power", "float_power"):
        return bool(x.axes)
    return x.kind is Kind.POWER and bool(x.axes) and x.data != Fraction(1, 2)


def backwards(chain: Sequence[Layout]) -> tuple[Layout, ...]:
    """The transpose of a product, factor by factor and flat; of a column it is a row."""
    result: list[Layout] = []
    for x in reversed(chain):
        flipped = transposed(x)
        if flipped.kind is Kind.PRODUCT:
            result.extend(flipped.children)
        elif flipped.kind is Kind.TRANSPOSE and x.kind is Kind.PRODUCT:
            result.extend(backwards(x.children))
        else:
            result.append(flipped)
    return tuple(result)


def _transposes(x: Layout) -> int:
    if x.kind is Kind.PRODUCT:
        return sum(map(_transposes, x.children))
    # S⁻ᵀ is no longer than S⁻¹.
    return int(x.kind is Kind.TRANSPOSE and x.children[0].kind is not Kind.INVERSE)


def power(x: Layout, exponent: Fraction) -> Layout:
    """An elementwise power; a norm absorbs it, being positive."""
    if exponent == 1:
        return x
    if x.kind is Kind.POWER and (x.children[0].kind is Kind.NORM or exponent.denominator == 1):
        return power(x.children[0], x.data * exponent)
    return Layout(Kind.POWER, (x,), x.axes, exponent)


def hadamard(parts: Sequence[Layout]) -> Layout:
    """An elementwise product: matrix products first, then in the order given."""
    if len(parts) == 1:
        return parts[0]
    flat = _powers([c for p in parts for c in (p.children if p.kind is Kind.HADAMARD else (p,))])
    if len(flat) == 1:
        return flat[0]
    flat.sort(key=lambda p: p.kind is not Kind.PRODUCT)
    return Layout(Kind.HADAMARD, tuple(flat), parts[0].axes)


def _powers(parts: list[Layout]) -> list[Layout]:
    """Matrix products that stand side by side more than once, as a power: ``(Xw)^⊙2``."""
    found: list[Layout] = []
    for p in parts:
        for k, q in enumerate(found):
            base, times = (q.children[0], q.data) if q.kind is Kind.POWER else (q, ONE)
            if p.kind is Kind.PRODUCT and times > 0 and same(base, p):
                found[k] = power(base, times + 1)
                break
        else:
            found.append(p)
    return found


def same(a: Layout, b: Layout) -> bool:
    """Whether two layouts read the same."""
    if a is b:
        return True
    alike = a.kind is b.kind and a.data == b.data and len(a.children) == len(b.children)
    return alike and a.axes == b.axes and all(map(same, a.children, b.children))


def divided(over: Sequence[Layout], under: Sequence[Layout], axes: tuple[Axis, ...]) -> Layout:
    """Elementwise products over one another."""
    if over:
        top = hadamard(over)
    else:
        one = number(UNIT)
        top = Layout(Kind.FILL, (one,), axes) if axes else one
    return Layout(Kind.DIVIDE, (top, hadamard(under)), top.axes) if under else top


def scaled(
    coefficient: Coefficient, over: Sequence[Layout], under: Sequence[Layout], body: Layout | None
) -> Layout:
    """Numbers times a body; without a body, the last scalar factor is it."""
    over = list(over)
    if body is not None and body.kind is Kind.SCALE:
        inner: Scaling = body.data
        k = inner.numerators
        over += body.children[:k]
        under = [*under, *body.children[k : k + inner.denominators]]
        coefficient, body = coefficient * inner.coefficient, body.children[-1]
    if body is not None and body.kind is Kind.NUMBER:
        coefficient, body = coefficient * body.data, None
    if body is None:
        if over:
            body = over.pop()
        elif not under:
            return number(coefficient)
        else:
            body = number(coefficient.magnitude())
            coefficient = Coefficient(Fraction(-1 if coefficient.number < 0 else 1))
    if coefficient == UNIT and not over and not under:
        return body
    if body.kind is Kind.FILL:  # the numbers go inside what is repeated
        inside = scaled(coefficient, over, under, body.children[0])
        return Layout(Kind.FILL, (inside,), body.axes)
    if body.kind is Kind.DIVIDE and body.children[0].kind is Kind.FILL:
        (one,) = body.children[0].children
        if one.kind is Kind.NUMBER and one.data == UNIT:  # 2 ⊘ x, not 2(1 ⊘ x)
            inside = scaled(coefficient.magnitude(), over, under, None)
            top = Layout(Kind.FILL, (inside,), body.axes)
            body = Layout(Kind.DIVIDE, (top, body.children[1]), body.axes)
            over, under = [], []
            coefficient = Coefficient(Fraction(-1 if coefficient.number < 0 else 1))
            if coefficient == UNIT:
                return body
    data = Scaling(coefficient, len(over), len(under))
    return Layout(Kind.SCALE, (*over, *under, body), body.axes, data)


def negated(x: Layout) -> Layout:
    """Minus a layout: the signs of a sum turn round."""
    if x.kind is Kind.SUM:
        return summed([(-s, c) for s, c in zip(x.data, x.children, strict=True)], x.axes)
    return scaled(Coefficient(Fraction(-1)), (), (), x)


def sign_of(x: Layout) -> int:
    """-1 for what begins with a minus."""
    if x.kind is Kind.NUMBER:
        return -1 if x.data.number < 0 else 1
    if x.kind is Kind.FILL:
        return sign_of(x.children[0])
    return -1 if x.kind is Kind.SCALE and x.data.coefficient.number < 0 else 1


def without_sign(x: Layout) -> Layout:
    """A layout with the minus before it taken away, if there is one."""
    if sign_of(x) > 0:
        return x
    if x.kind is Kind.NUMBER:
        return number(x.data.magnitude())
    if x.kind is Kind.FILL:
        return Layout(Kind.FILL, (without_sign(x.children[0]),), x.axes)
    scaling: Scaling = x.data
    k = scaling.numerators
    over, under = x.children[:k], x.children[k:-1]
    return scaled(scaling.coefficient.magnitude(), over, under, x.children[-1])


def _turned_round(term: tuple[int, Layout]) -> tuple[int, Layout]:
    """``− (a − b) / c`` as ``+ (b − a) / c``, where that begins with no number."""
    sign, x = term
    if sign > 0 or x.kind is not Kind.SCALE or x.children[-1].kind is not Kind.SUM:
        return term
    body = x.children[-1]
    if 2 * sum(s < 0 for s in body.data) < len(body.data) or starts_with_number(body):
        return term
    return 1, Layout(Kind.SCALE, (*x.children[:-1], negated(body)), x.axes, x.data)


def starts_with_number(x: Layout) -> bool:
    """Whether a sum is like ``1 − s``, which is not turned round."""
    return is_number(x.children[0]) and x.rank < 2


def is_number(x: Layout) -> bool:
    """Whether a layout is a number, perhaps repeated."""
    return x.kind is Kind.NUMBER or (x.kind is Kind.FILL and is_number(x.children[0]))


def summed(terms: Sequence[tuple[int, Layout]], axes: tuple[Axis, ...]) -> Layout:
    """A sum: what is added before what is taken away, transposes and constants last."""

    def late(term: tuple[int, Layout]) -> tuple[bool, bool, bool]:
        sign, x = term
        return sign < 0, is_number(x), x.kind is Kind.TRANSPOSE

    flat: list[tuple[int, Layout]] = []
    for sign, x in terms:  # a − (b − c) is a − b + c
        inner = zip(x.data, x.children, strict=True) if x.kind is Kind.SUM else ((1, x),)
        flat += [(sign * s, c) for s, c in inner]
    ordered = sorted(map(_turned_round, flat), key=late)
    signs = tuple(s for s, _ in ordered)
    return Layout(Kind.SUM, tuple(x for _, x in ordered), axes, signs)
