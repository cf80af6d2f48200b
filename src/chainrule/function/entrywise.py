"""Whether whole arrays read better than their entries, where a result can be written both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..ir.graph import toposort
from ..ir.node import Node
from ..ops.structural import slice_


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
