"""Remainders of floating-point division, and what is rounded by them; exact."""

from __future__ import annotations

from .lanes import Lanes, by_lane, far, where


def _far(x: Lanes, y: Lanes) -> Lanes:
    return by_lane("fmod", x, y)


def fmod(x: Lanes, y: Lanes) -> Lanes:
    """The remainder with the sign of ``x``.

    The quotient may be one too high where it rounds up to an integer; the remainder by it is exact
    either way, and its sign tells.
    """
    a, b = abs(x), abs(y)
    n = (a / b).trunc()
    rest = (-n).fma(b, a)
    rest = where(rest < 0.0, rest + b, rest)
    rest = where(rest >= b, rest - b, rest)
    rest = where(a < b, a, rest)
    most, edge = {"double": (2.0**52, 2.0**900), "float": (2.0**22, 2.0**100)}[x.element]
    near = (n < most) & (a < edge) & (b > 1 / edge)
    return far(~near, _far, "fmod_far", rest.with_sign(x), x, y)


def remainder(x: Lanes, y: Lanes) -> Lanes:
    """The remainder with the sign of ``y``."""
    rest = fmod(x, y)
    other = where((rest < 0.0) ^ (y < 0.0), rest + y, rest)
    result = where(rest == 0.0, x.constant(0.0).with_sign(y), other)
    return where(y == 0.0, rest, result)


def floor_divide(x: Lanes, y: Lanes) -> Lanes:
    """The quotient rounded down, as NumPy finds it: from the remainder."""
    rest = fmod(x, y)
    quotient = (x - rest) / y
    quotient = where((rest != 0.0) & ((rest < 0.0) ^ (y < 0.0)), quotient - 1.0, quotient)
    down = quotient.floor()
    down = where(quotient - down > 0.5, down + 1.0, down)
    zero = x.constant(0.0).with_sign(x / y)
    return where(y == 0.0, x / y, where(quotient == 0.0, zero, down))
