"""The statements of a source as lines.

What had no name gets a letter, results are nested as the function returns them, and lines are cut to
a readable length.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from ..trace.tree import Structure
from .naming import Alphabet
from .repeats import Statement

_WIDTH = 96
_LETTERS = "hgfuvqackbjlotwe"
_NUMBERS = "tqcbauvwrsfghjlo"


def named(text: str, placeholders: Mapping[str, int], arguments: Sequence[str]) -> str:
    """The text with letters for placeholders, those of matrices in capitals, in order of place."""
    if not placeholders:
        return text
    taken = {*re.findall(r"[^\W\d]\w*", text), *arguments}
    both = {t.swapcase() for t in taken if len(t) == 1}  # H beside h would be hard to read
    alphabet = Alphabet(taken | both | set("NdkmnpIL"))  # sizes may have the last ones
    chosen: dict[str, str] = {}

    def choose(match: re.Match[str]) -> str:
        placeholder = match.group()
        rank = placeholders.get(placeholder)
        if rank is None:
            return placeholder
        if placeholder not in chosen:
            letters = _LETTERS.upper() if rank > 1 else _LETTERS if rank else _NUMBERS
            chosen[placeholder] = alphabet.first(letters)
        return chosen[placeholder]

    return re.sub(r"\b(?:changed|shared)\d+_(?!\w)", choose, text)


def nested(structure: Structure | None, texts: Sequence[str]) -> str:
    """The results in the dicts, lists and tuples that the function returns them in."""
    if structure is not None and not structure.children:
        structure = None
    if structure is not None and _is_plain(structure):
        supply = iter(texts)
        return _nest(structure, supply, outermost=True)
    return texts[0] if len(texts) == 1 else ", ".join(texts) or "()"


def _is_plain(s: Structure) -> bool:
    return s.kind in (None, dict, list, tuple, type(None)) and all(map(_is_plain, s.children))


def _nest(s: Structure, supply: Iterator[str], outermost: bool = False) -> str:
    if s.kind is None:
        return next(supply)
    if s.kind is type(None):
        return "None"
    parts = [_nest(c, supply) for c in s.children]
    if s.kind is dict:
        return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(s.keys, parts, strict=True)) + "}"
    if s.kind is list:
        return f"[{', '.join(parts)}]"
    inside = ", ".join(parts) + ("," if len(parts) == 1 else "")
    return inside if outermost and len(parts) > 1 else f"({inside})"


def written(s: Statement) -> list[str]:
    """The lines of a statement."""
    lines = broken(f"{s.target} = " if s.target else "return ", s.text)
    for head, value in s.updates:
        lines += broken(f"{head} ", value)
    return lines


def broken(head: str, text: str) -> list[str]:
    """One line, or several where it would be too long: by results, else by terms."""
    if len(head) + len(text) <= _WIDTH:
        return [head + text]
    raw = text.encode()
    tree = ast.parse(f"({text}\n)", mode="eval").body
    if isinstance(tree, ast.Dict | ast.List) and text[0] in "{[":
        ends = [v.end_col_offset for v in (tree.values if isinstance(tree, ast.Dict) else tree.elts)]
        return _rows(head + text[0], raw, 1, _commas(raw, ends), len(raw) - 1, text[-1])
    if isinstance(tree, ast.Call) and len(tree.args) == 1 and isinstance(tree.args[0], ast.List):
        inner, start = tree.args[0], tree.args[0].col_offset
        stop = (inner.end_col_offset or 0) - 2
        cuts = _commas(raw, [e.end_col_offset for e in inner.elts])
        return _rows(head + raw[:start].decode(), raw, start, cuts, stop, raw[stop:].decode())
    if isinstance(tree, ast.Tuple) and tree.col_offset == 0:  # its parenthesis is not in the text
        cuts = _commas(raw, [e.end_col_offset for e in tree.elts])
        return _rows(head + "(", raw, 0, cuts, len(raw), ")")
    cuts = _signs(raw, tree)
    if not cuts:
        return [head + text]
    return _rows(head + "(", raw, 0, cuts, len(raw), ")")


def _rows(first: str, raw: bytes, start: int, cuts: Sequence[int], end: int, last: str) -> list[str]:
    pieces = [
        "    " + raw[a:b].decode().strip()
        for a, b in zip([start, *cuts], [*cuts, end], strict=True)
    ]
    if pieces[0].endswith(","):
        pieces[-1] += ","
    return [first, *pieces, last]


def _commas(raw: bytes, ends: Sequence[int | None]) -> list[int]:
    """Where the elements after the first begin, given where each ends."""
    return [raw.index(b",", end - 1) + 1 for end in ends[:-1] if end is not None]


def _signs(raw: bytes, tree: ast.expr) -> list[int]:
    """Where the terms of a sum begin, but the first."""
    cuts = []
    while isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub):
        tree = tree.left
        end = tree.end_col_offset
        assert end is not None
        sign = end - 1
        while raw[sign : sign + 1] not in (b"+", b"-"):
            sign += 1
        cuts.append(sign)
        if b")" in raw[end - 1 : sign]:
            break
    return cuts[::-1]
