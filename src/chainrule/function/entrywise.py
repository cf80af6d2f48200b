"""Results entry by entry or as whole arrays: which reads better, and how sums are written in both."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..ir.graph import toposort
from ..ir.node import Node
from ..ops.arithmetic import add, subtract
from ..ops.structural import slice_
from ..simplify.entries import Entries, NoEntries
from ..simplify.translation import Translation


def reads_better(whole: str, entries: str, outputs: Sequence[Node], *, many: bool) -> bool:
    """Whether a formula of whole arrays is shorter, and has no indices and no parts put together.

    Parts may be put together where the program reads no single elements. Unit vectors that put
    single entries in their places make it read as if it were twice as long. Of ``many`` entries only
    a few are shown, and parts of vectors put together say more.
    """
    scattered = re.search(r"reshape\(|Σ_|^\[[ij]|I\[|diag\(", whole)
    if many and not scattered and 2 * len(whole) < len(entries):
        return True
    pieces = r"pad\(|\[0[;,]|[;,] 0\]|reshape\(|Σ_|^\[[ij]"
    read = (n for n in toposort(outputs) if n.op is slice_)
    if any(type(e) is int for n in read for e in n.params[0]):
        pieces += r"|;|concatenate|\[[a-z]*:"
    placed = len(re.findall("e[₀-₉]", whole)) > 1
    return not re.search(pieces, whole) and len(whole) * (1 + placed) < len(entries)


def written(translate: Translation, nodes: Sequence[Node]) -> None:
    """Note how the program writes its sums: ``x − c``, and not ``c − x``."""
    algebra = translate.algebra
    for n in nodes:
        if n.op in (add, subtract):
            number, base = algebra.split(translate.normal[n])
            algebra.order.write(base, number)


def written_entries(entries: Entries, nodes: Sequence[Node]) -> None:
    """The same for sums of numbers, where a result is written entry by entry."""
    algebra = entries.algebra
    for n in nodes:
        if n.op in (add, subtract) and not n.type.shape:
            try:
                number, base = algebra.split(entries.entry(n, ()))
            except NoEntries:
                continue
            algebra.order.write(base, number)
