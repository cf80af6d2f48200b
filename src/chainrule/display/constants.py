"""Decimals that are short multiples of a known number: 6.283185307179586 is written 2π."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple


class Known(NamedTuple):
    """A number with a sign of its own, in every notation."""

    value: float
    text: str
    latex: str
    source: str


_KNOWN = (
    Known(math.pi, "π", r"\pi", "np.pi"),
    Known(math.pi**2, "π²", r"\pi^{2}", "np.pi**2"),
    Known(math.sqrt(2 * math.pi), "√(2π)", r"\sqrt{2 \pi}", "(2 * np.pi)**0.5"),
    Known(math.sqrt(math.pi), "√π", r"\sqrt{\pi}", "np.pi**0.5"),
    Known(math.sqrt(2 / math.pi), "√(2/π)", r"\sqrt{2 / \pi}", "(2 / np.pi)**0.5"),
    Known(math.sqrt(2), "√2", r"\sqrt{2}", "2**0.5"),
    Known(math.sqrt(3), "√3", r"\sqrt{3}", "3**0.5"),
    Known(math.log(2), "log(2)", r"\log(2)", repr(math.log(2))),
    Known(math.log(10), "log(10)", r"\log(10)", repr(math.log(10))),
)


@lru_cache(maxsize=4096)
def known_number(value: Fraction) -> tuple[Fraction, Known | None, bool]:
    """A number as a short one times or over a known one, and whether it is over it.

    >>> short, known, below = known_number(Fraction("6.283185307179586"))
    >>> str(short), known.text, below
    ('2', 'π', False)
    >>> short, known, below = known_number(Fraction("-0.39894228040143265"))
    >>> str(short), known.text, below
    ('-1', '√(2π)', True)
    """
    found: list[tuple[Fraction, Known | None, bool]] = []
    for known in _KNOWN if value.denominator > 10**9 else ():
        for below in (False, True):
            ratio = value * Fraction(known.value) if below else value / Fraction(known.value)
            found += [
                (short, known, below)
                for short in (ratio.limit_denominator(100), Fraction(f"{float(ratio):.7g}"))
                if short and abs(ratio - short) <= abs(short) * Fraction(4, 10**15)
            ]
    plain = value, None, False
    return min(found, key=lambda f: abs(f[0].numerator) + f[0].denominator, default=plain)
