"""Chains of matrices and elementwise products: how they are joined, turned and read."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..ops.indexing import gather
from ..ops.monomial import ONEHOT, Axis
from .layout import Kind, Layout, backwards, divided, fold, names_in, power
from .naming import DIFFERENTIAL


def product(chain: Sequence[Layout]) -> Layout:
    """A matrix product, flat."""
    if len(chain) == 1:
        return chain[0]
    flat = tuple(c for x in chain for c in (x.children if x.kind is Kind.PRODUCT else (x,)))
    if len(flat) > 1 and _picks(flat[0], flat[1]):
        rows = Layout(
            Kind.ITEM,
            (flat[1], *flat[0].children),
            (*flat[0].axes[:1], *flat[1].axes[1:]),
            (gather, (-flat[1].rank,)),
        )
        return product([rows, *flat[2:]])
    first, last = flat[0], flat[-1]
    axes: tuple[Axis, ...] = ()
    if not (first.kind is Kind.TRANSPOSE and first.rank == 1):
        axes += first.axes[:1]
    if not (last.rank == 1 and last.kind is not Kind.TRANSPOSE):
        axes += last.axes[-1:]
    return Layout(Kind.PRODUCT, flat, axes)


def _picks(hot: Layout, x: Layout) -> bool:
    """Whether a product with one-hot rows reads rows of a symbol: ``b[labels]``."""
    return is_one_hot(hot) and x.kind is Kind.NAME


def is_one_hot(x: Layout) -> bool:
    """Whether a matrix has one-hot rows."""
    return x.kind is Kind.ITEM and x.data[0] is ONEHOT


def is_differential(x: Layout) -> bool:
    """Whether a factor is a differential, or a product with one."""
    if x.kind is Kind.NAME:
        return str(x.data).startswith(DIFFERENTIAL)
    if x.kind in (Kind.PRODUCT, Kind.TRANSPOSE, Kind.SCALE):
        return any(map(is_differential, x.children))
    return False


def has_differential(x: Layout) -> bool:
    """Whether a differential stands anywhere in a layout."""
    return any(name.startswith(DIFFERENTIAL) for name in names_in(x))


def is_letter(x: Layout) -> bool:
    """Whether a factor is a symbol, or a power of one."""
    return x.kind in (Kind.NAME, Kind.ENTRY) or (x.kind is Kind.POWER and is_letter(x.children[0]))


def is_transposed(x: Layout) -> bool:
    """Whether a factor is a transpose, or a product of transposes."""
    return x.kind is Kind.TRANSPOSE or (
        x.kind is Kind.PRODUCT and all(c.kind is Kind.TRANSPOSE for c in x.children)
    )


def quotient(parts: Sequence[Layout]) -> Layout:
    """Matrices multiplied elementwise, of which some are reciprocals."""
    over = [p for p in parts if not _is_reciprocal(p)]
    under = [p.children[1] for p in parts if _is_reciprocal(p)]
    return divided(over, under, parts[0].axes)


def _is_reciprocal(x: Layout) -> bool:
    return x.kind is Kind.DIVIDE and x.children[0].kind is Kind.FILL


def rotated(chain: Sequence[Layout]) -> Layout:
    """A product inside a trace, turned so that it has the fewest transposes."""
    flat = product(chain).children if len(chain) > 1 else tuple(chain)
    moved = [k for k, x in enumerate(flat) if is_differential(x)]
    if len(moved) == 1:  # tr(Gᵀ dX)
        (k,) = moved
        if flat[k].kind is Kind.TRANSPOSE:
            flat = backwards(flat)
            k = len(flat) - 1 - k
        return product([*flat[k + 1 :], *flat[: k + 1]])
    best = list(flat)
    turned = list(backwards(flat))
    if sum(x.kind is Kind.TRANSPOSE for x in turned) < sum(x.kind is Kind.TRANSPOSE for x in best):
        best = turned
    while best[0].kind is not Kind.TRANSPOSE and any(x.kind is Kind.TRANSPOSE for x in best):
        best = [*best[1:], best[0]]
    return product(best)


def nesting(x: Layout) -> int:
    """How many elementwise products of matrix products stand inside one another."""
    return fold(x, _nested)


def _nested(x: Layout, inside: Sequence[int]) -> int:
    layer = x.kind is Kind.HADAMARD and any(c.kind is Kind.PRODUCT for c in x.children)
    return max(inside, default=0) + layer


def with_powers(scalars: Sequence[Layout]) -> list[Layout]:
    """Numbers side by side, equal ones as powers: ``‖w‖²`` twice is ``‖w‖⁴``."""
    found: dict[object, tuple[Layout, Fraction]] = {}
    for x in scalars:
        base, exponent = (x.children[0], x.data) if x.kind is Kind.POWER else (x, Fraction(1))
        named = base.kind is Kind.NORM and base.children[0].kind is Kind.NAME
        key: object = (base.children[0].data,) if named else x
        if not named:
            base, exponent = x, Fraction(1)
        found[key] = base, exponent + (found[key][1] if key in found else 0)
    return [power(base, exponent) for base, exponent in found.values()]
