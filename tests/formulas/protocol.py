"""When a printed formula counts as the expected one.

White space carries no meaning, the operands of + and ⊙ and the definitions after "where" may
stand in any order; nothing else may differ.
"""

import re

OPENING, CLOSING = "([", ")]"
# What no matrix formula should need.
UGLY = ("δ", "Σ_", "einsum", "𝟏𝟏ᵀ", "ᵀᵀ", "1·", "+ −", "I ·")


def canonical(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the right-hand side and its definitions in a form that can be compared."""
    body, _, definitions = text.partition(" where ")
    parts = split("".join(definitions.split()), ",") if definitions else []
    named = (part.split("=", 1) for part in parts)
    return ordered(body), tuple(sorted(f"{name}={ordered(value)}" for name, value in named))


def ordered(text: str) -> str:
    """Sort the operands of sums and of elementwise products, from the inside out."""
    text = "".join(text.split())
    result, start = "", 0
    while start < len(text):
        if text[start] in OPENING:
            stop = closing(text, start)
            inner = split(text[start + 1 : stop], ",")
            result += text[start] + ",".join(map(ordered, inner)) + text[stop]
            start = stop + 1
        else:
            result += text[start]
            start += 1
    terms = re.findall(r"[+−]?(?:[^+−()\[\]]|\x00)+", flat := masked(result))
    pieces, position = [], 0
    for term in terms:
        pieces.append(result[position : position + len(term)])
        position += len(term)
    if position != len(flat):
        pieces = [result]
    signed = [piece if piece[0] in "+−" else "+" + piece for piece in pieces]
    factors = ("⊙".join(sorted(split(piece[1:], "⊙"))) for piece in signed)
    joined = (piece[0] + product for piece, product in zip(signed, factors, strict=True))
    return "".join(sorted(joined))


def masked(text: str) -> str:
    """Replace what stands in brackets, and the exponents of ^⊙, by a neutral character."""
    result, depth = [], 0
    for k, character in enumerate(text):
        depth += character in OPENING
        hidden = depth > 0 or text[k - 1 : k + 1] == "^⊙"
        result.append("\x00" if hidden else character)
        depth -= character in CLOSING
    return "".join(result)


def split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside of brackets."""
    pieces, start = [], 0
    for k, character in enumerate(masked(text)):
        if character == separator:
            pieces.append(text[start:k])
            start = k + 1
    return [*pieces, text[start:]]


def closing(text: str, start: int) -> int:
    """Return where the bracket that opens at ``start`` closes."""
    depth = 0
    for k in range(start, len(text)):
        depth += text[k] in OPENING
        depth -= text[k] in CLOSING
        if not depth:
            return k
    return len(text) - 1


def is_clean(text: str, expected: str) -> bool:
    """Whether a formula is free of noise and about as short as the expected one."""
    noise = [mark for mark in UGLY if mark in text and mark not in expected]
    return not noise and len(text) <= 1.3 * len(expected) + 8
