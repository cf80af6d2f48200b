"""The rule sheets as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node
from ..ops.arithmetic import negative
from ..ops.structural import broadcast, cast
from .contractions import CONTRACTIONS
from .folding import FOLDING
from .lengths import LENGTHS
from .moves import MOVES
from .pattern import Algorithm, Rule
from .rows import ROWS
from .rules import EXACT, STABLE
from .soft import SOFT
from .spreading import SPREADING

_OPENING = """# The rules of simplification

This page is written by `chainrule.simplify.sheet`. A program is rewritten by these rules before it
is differentiated and after, bottom-up, until none applies. Each lowers one cost: the numbers
computed, then the moves. Patterns are matched through broadcasts, and in every order of the
operands of `+`, `⊙`, `max` and `min`."""

_STABLE = """\
Rounding may differ, never for the worse; first and second derivatives are kept, at kinks too. What
these never do: expand `(a − b)²`, cancel `exp(log x)`, form `eᶻ ⊘ (1 + eᶻ)`. `c` and `d` are
numbers that stand in the program."""

_ALGORITHMS = """\
What no equation of variables can say. What lies off a diagonal, or outside the places that an
array was put in, is zero by structure: it stays zero whatever it is multiplied with."""


def expression(n: Node) -> str:
    """A side of a rule, in the notation of the rows."""
    text: dict[Node, tuple[str, int]] = {}
    for m in toposort([n]):
        if m.op is CONSTANT:
            value = m.params[0].array.item()
            number = f"{value:g}".replace("-", "−")
            text[m] = (number, 4 if number.startswith("−") else 9)
        elif not m.args:
            text[m] = (str(m.params[1][1]), 9)
        elif m.op is broadcast or m.op is cast:
            text[m] = text[m.args[0]]
        else:
            parts = []
            for k, a in enumerate(m.args):
                inner, strength = text[a]
                # The right operand of − and ⊘ needs brackets at equal strength, too.
                tight = strength > m.op.precedence or (strength == m.op.precedence and not k)
                signed = inner.startswith("−") and (k or m.op is negative)
                if (tight and not signed and strength != 5) or m.op.precedence == 9:
                    parts.append(inner)
                else:
                    parts.append(f"({inner})")
            text[m] = (m.op.text.format(*parts), m.op.precedence)
    return text[n][0]


def table(rules: Iterable[Rule]) -> str:
    """Rules as rows of a table."""
    rows = ["| rule | is rewritten to | name |", "|---|---|---|"]
    for rule in rules:
        left, right = expression(rule.left), expression(rule.right)
        rows.append(f"| `{left}` | `{right}` | {rule.name} |")
    return "\n".join(rows)


def algorithms(rules: Iterable[Algorithm]) -> str:
    """Algorithms as a list: what each does, in its own words."""
    return "\n".join(f"- *{r.name.replace('_', ' ')}*. {' '.join(r.doc.split())}" for r in rules)


def page() -> str:
    """The whole page, ``docs/rules.md``."""
    groups = {
        "Numbers that stand in the program": FOLDING,
        "Moves, composed": MOVES,
        "Rows, put together again": ROWS,
        "Contractions": CONTRACTIONS,
        "Arithmetic before spreading": SPREADING,
        "Squares of lengths, without the root": LENGTHS,
        "Soft maxima, recognised": SOFT,
    }
    parts = [
        _OPENING,
        "## Exact: the same bits",
        "Adding −0 changes nothing; adding 0 turns −0 into 0, so that rule is in the other sheet.",
        table(EXACT),
        "## Stable: the same real numbers, as well conditioned or better",
        _STABLE,
        table(STABLE),
        "## Algorithms",
        _ALGORITHMS,
        *(f"### {title}\n\n{algorithms(rules)}" for title, rules in groups.items()),
    ]
    return "\n\n".join(parts) + "\n"
