"""Definitions that repeat with another index, as one: ``hₗ = tanh(hₗ₋₁Wₗ) for l = 2 … 20``.

What is written once stands for several definitions in which every subscript goes up or down by one
from each to the next, or stays. The source of a formula has them all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Fewer definitions than this are written out.
FEWEST = 4

_LOW = "₀₁₂₃₄₅₆₇₈₉"
_PATTERNS = {
    "unicode": re.compile(f"[{_LOW}]+"),
    "latex": re.compile(r"(?<=_\{)\d+(?=[,}])|(?<=,)\d+(?=\})"),
}


def collapsed(parts: Sequence[tuple[str, str]], notation: str) -> list[str]:
    """Definitions, each a name and what it stands for, as text; runs of like ones as one."""
    read = [_read(name, text, notation) for name, text in parts]
    lines: list[str] = []
    used: set[int] = set()
    for k, first in enumerate(read):
        if k in used:
            continue
        run = _run(k, read, used)
        if len(run) < FEWEST:
            lines.append(" = ".join(parts[k]))
            continue
        used.update(run)
        lines.append(_written(first, [read[j] for j in run], notation))
    return lines


class _Definition:
    """A definition without its subscripts, and these."""

    def __init__(self, skeleton: str, numbers: list[int]) -> None:
        self.skeleton = skeleton
        self.numbers = numbers


def _read(name: str, text: str, notation: str) -> _Definition:
    whole = f"{name} = {text}"
    numbers: list[int] = []

    def take(match: re.Match[str]) -> str:
        digits = match.group(0)
        numbers.append(int(digits.translate(str.maketrans(_LOW, "0123456789"))))
        return "\0"

    return _Definition(_PATTERNS[notation].sub(take, whole), numbers)


def _run(k: int, read: Sequence[_Definition], used: set[int]) -> list[int]:
    """The definitions after the ``k``-th that continue it, itself first."""
    first = read[k]
    if not first.numbers or first.skeleton.index("\0") > first.skeleton.index("="):
        return [k]
    run, steps = [k], None
    for j in range(k + 1, len(read)):
        other = read[j]
        if j in used or other.skeleton != first.skeleton:
            continue
        before = read[run[-1]].numbers
        moved = [b - a for a, b in zip(before, other.numbers, strict=True)]
        if abs(moved[0]) != 1 or any(abs(m) > 1 for m in moved):
            continue
        if steps is not None and moved != steps:
            continue
        steps = moved
        run.append(j)
    return run


def _written(first: _Definition, run: Sequence[_Definition], notation: str) -> str:
    own, last = first.numbers[0], run[-1].numbers[0]
    step = run[1].numbers[0] - own
    texts = []
    for k, number in enumerate(first.numbers):
        moved = run[1].numbers[k] - number
        if not moved:
            texts.append(_constant(number, notation))
        elif moved == step:
            texts.append(_index(number - own, "", notation))
        else:
            texts.append(_index(number + own, "-", notation))
    pieces = first.skeleton.split("\0")
    body = "".join(a + b for a, b in zip(pieces, [*texts, ""], strict=True))
    if notation == "latex":
        return rf"{body} \text{{ for }} l = {own}, \dots, {last}"
    return f"{body} for l = {own} … {last}"


def _constant(number: int, notation: str) -> str:
    if notation == "latex":
        return str(number)
    return str(number).translate(str.maketrans("0123456789", _LOW))


def _index(offset: int, sign: str, notation: str) -> str:
    """``l + offset``, or ``offset − l``."""
    if sign:
        if notation == "latex":
            return f"{offset}-l"
        return str(offset).translate(str.maketrans("0123456789", _LOW)) + "₋ₗ"
    if notation == "latex":
        return f"l{offset:+d}" if offset else "l"
    low = f"{offset:+d}".translate(str.maketrans("+-0123456789", "₊₋" + _LOW)) if offset else ""
    return "ₗ" + low
