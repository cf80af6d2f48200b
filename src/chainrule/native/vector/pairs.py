"""Numbers as unevaluated sums of two, where one alone would lose the last bits.

Dekker, A floating-point technique for extending the available precision, 1971; products and
quotients by the fused multiply-add: Muller et al., Handbook of Floating-Point Arithmetic, 4.7.
"""

from __future__ import annotations

from typing import NamedTuple

from .lanes import Lanes, Other


class Pair(NamedTuple):
    """``high + low``, where ``high`` is nearly all of it."""

    high: Lanes
    low: Lanes

    @property
    def total(self) -> Lanes:
        """The nearest number."""
        return self.high + self.low

    def __neg__(self) -> Pair:
        return Pair(-self.high, -self.low)

    @property
    def normal(self) -> Pair:
        """The same with a low part that is below the last place of the other."""
        return ordered_sum(self.high, self.low)

    def scaled(self, factor: Other) -> Pair:
        """The product with a power of two."""
        return Pair(self.high * factor, self.low * factor)


def ordered_sum(x: Lanes, y: Lanes) -> Pair:
    """``x + y`` without error, if ``x`` is 0 or at least as large as ``y``."""
    high = x + y
    return Pair(high, y - (high - x))


def exact_sum(x: Lanes, y: Lanes) -> Pair:
    """``x + y`` without error."""
    high = x + y
    back = high - x
    return Pair(high, (x - (high - back)) + (y - back))


def exact_product(x: Lanes, y: Lanes) -> Pair:
    """``x * y`` without error."""
    high = x * y
    return Pair(high, x.fma(y, -high))


def product(x: Pair, y: Pair) -> Pair:
    """The product of two pairs."""
    high, low = exact_product(x.high, y.high)
    return Pair(high, low + x.high.fma(y.low, x.low * y.high))


def quotient(x: Pair, y: Pair) -> Pair:
    """The quotient of two pairs, with one division."""
    inverse = 1.0 / y.high
    high = x.high * inverse
    rest = (-high).fma(y.high, x.high)
    return Pair(high, (-high).fma(y.low, rest + x.low) * inverse)


def root(x: Pair) -> Pair:
    """The square root; of 0 too."""
    high = x.high.sqrt()
    rest = (-high).fma(high, x.high) + x.low
    return Pair(high, rest / (high + high).clamp(x.high.format.tiny, None))


def single(x: Lanes) -> Pair:
    """A number as a pair."""
    return Pair(x, x.constant(0.0))
