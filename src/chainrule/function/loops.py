"""Loops over numbers: each value that the loop's variable takes is a symbol with its own definition.

Written out, the tenth iterate is a polynomial of degree 1024, and its derivative no shorter. Cut at
the user's variable, and at the cotangents that reverse mode makes on the way back, every piece is as
short as the loop's body, and pieces that are alike print as one recurrence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ..display.composed import Composed, reached
from ..display.layout import Layout, names_in
from ..display.naming import Alphabet
from ..ir.graph import substitute, toposort
from ..ir.node import INPUT, Node, input_node, node
from ..ir.types import ArrayType

#: Of fewer values than this a variable is written out.
FEWEST = 4


@dataclass(frozen=True)
class Cut:
    """A program whose pieces read symbols instead of each other."""

    outputs: tuple[Node, ...]
    #: For each symbol what it stands for, those of others first.
    pieces: Mapping[Node, Node]
    names: Mapping[Node, str]

    @property
    def roots(self) -> list[Node]:
        """All that is to be written: the results, then what the symbols stand for."""
        return [*self.outputs, *self.pieces.values()]

    def composed(self, whole: Composed) -> Composed:
        """The layouts of :attr:`roots` as results with definitions."""
        count = len(self.outputs)
        results, values = whole.results[:count], whole.results[count:]
        definitions = dict(whole.definitions)
        definitions |= {self.names[s]: x for s, x in zip(self.pieces, values, strict=True)}
        return Composed(results, reached(results, _in_order(definitions)))


def cut_at_loops(outputs: Sequence[Node], named: Mapping[Node, str], taken: set[str]) -> Cut | None:
    """The program cut where a number by one name has several values; ``None`` where there are none."""
    nodes = [n for n in toposort(outputs) if n not in outputs and _is_number(n)]
    counts = Counter(named[n] for n in nodes if n in named)
    loops = {name for name, count in counts.items() if count >= FEWEST}
    if not loops:
        return None
    alphabet = Alphabet(taken | set(named.values()) - loops)
    numbers: Counter[str] = Counter()
    symbols: dict[Node, Node] = {}
    names: dict[Node, str] = {}

    def enter(n: Node, name: str) -> None:
        symbols[n] = input_node(0, ("loop", name), n.type)
        names[symbols[n]] = name

    for n in nodes:
        if named.get(n) in loops:
            numbers[named[n]] += 1
            enter(n, alphabet.take(f"{named[n]}{numbers[named[n]]}"))
    forward = substitute(list(outputs), symbols)
    back = _on_the_way_back(forward, set(symbols.values()))
    if len(back) >= FEWEST:
        for k, n in enumerate(back):
            enter(n, alphabet.take(f"delta{len(back) - k}"))
    pieces: dict[Node, Node] = {}
    for n, symbol in symbols.items():
        args = substitute(list(n.args), symbols)
        pieces[symbol] = node(n.op, tuple(args), n.params, n.type)
    return Cut(tuple(substitute(forward, symbols)), pieces, names)


def _is_number(n: Node) -> bool:
    return type(n.type) is ArrayType and not n.type.shape and n.op is not INPUT and bool(n.args)


def _on_the_way_back(outputs: Sequence[Node], values: set[Node]) -> list[Node]:
    """The cotangents of the values: numbers that all that comes after them is made by.

    They have several users, and are made of one another. Where one product of a cotangent is shared
    too, what comes after reads the cotangent beside it, so that one is not among them.
    """
    nodes = toposort(outputs)
    users = Counter(a for n in nodes for a in n.args)
    moving: set[Node] = set(values)
    found: list[Node] = []
    place: dict[Node, int] = {}
    nearest: dict[Node, frozenset[Node]] = {}  # the shared numbers that a node is made of
    for n in nodes:
        if any(a in moving for a in n.args):
            moving.add(n)
        nearest[n] = frozenset[Node]().union(
            *(frozenset({a}) if a in place else nearest[a] for a in n.args)
        )
        if users[n] > 1 and n in moving and _is_number(n) and n.type.differentiable:
            place[n] = len(found)
            found.append(n)
    made = {a for n in found for a in nearest[n]} | {n for n in found if nearest[n]}
    steps = [0] * (len(found) + 1)
    for n in found:
        if nearest[n]:  # it goes round all between the first that it reads and itself
            steps[min(place[a] for a in nearest[n]) + 1] += 1
            steps[place[n]] -= 1
    passed = accumulate(steps)
    return [n for n, times in zip(found, passed, strict=False) if n in made and not times]


def _in_order(definitions: Mapping[str, Layout]) -> list[tuple[str, Layout]]:
    """Definitions, each after those that it reads."""
    done: dict[str, Layout] = {}
    stack = [(name, False) for name in reversed(list(definitions))]
    while stack:
        name, ready = stack.pop()
        if name in done:
            continue
        if ready:
            done[name] = definitions[name]
            continue
        stack.append((name, True))
        stack += [(m, False) for m in names_in(definitions[name]) if m in definitions and m not in done]
    return list(done.items())
