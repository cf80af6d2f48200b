"""What several results share: ``D`` in ``∇_W₁ = XᵀD`` and ``∇_b₁ = Dᵀ𝟏``, as backpropagation has it.

Reverse mode computes the cotangent of each layer once, for all that it is made of: in the program
of a gradient such a value has several users. Products among those are given a name, if two results
are shorter for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..display.composed import Composed
from ..display.layout import Kind, Layout, names_in
from ..display.naming import Alphabet, trailing_number
from ..ir.graph import toposort
from ..ir.node import Node
from ..ir.types import ArrayType
from ..ops.monomial import MONOMIAL, TOTAL, Coefficient, Factor, Term, decode
from ..simplify.translation import Translation

Names = dict[Node, tuple[str, Coefficient]]
#: What is shared, and the same product with sums of matrices transposed, as it may also be met.
Shared = dict[Node, list[Term]]

#: Letters for what is shared, by the number of axes.
LETTERS = ("c", "delta", "D")


def with_shared(
    outputs: Sequence[Node],
    translate: Translation,
    names: Names,
    taken: set[str],
    compose: Callable[[Names, Shared], Composed],
) -> Composed:
    """The layouts of several results, with names for what they share."""
    candidates = _candidates(outputs, translate, names)
    if not candidates:
        return compose(names, {})
    alphabet = Alphabet(taken | {name for name, _ in names.values()})
    given = {base: (alphabet.take("shared0"), c**-1) for base, c in candidates.items()}
    first = compose({**names, **given}, _turned(given, translate))
    definitions = dict(first.definitions)
    layouts = [*first.results, *definitions.values()]
    counts = Counter(name for x in layouts for name in names_in(x))
    kept = {
        base: (name, c)
        for base, (name, c) in given.items()
        if counts[name] > 1 and _is_long(definitions[name])
    }
    if kept:
        kept = _called(kept, definitions, taken | {name for name, _ in names.values()})
    return compose({**names, **kept}, _turned(kept, translate))


def _candidates(
    outputs: Sequence[Node], translate: Translation, names: Names
) -> dict[Node, Coefficient]:
    """Products with several users, in normal form: what is multiplied, and its coefficient."""
    nodes = toposort(outputs)
    users = Counter(a for n in nodes for a in set(n.args))
    users.update(set(outputs))
    found: dict[Node, Coefficient] = {}
    for n in nodes:
        if users[n] < 2 or type(n.type) is not ArrayType or not n.type.shape or not n.args:
            continue
        coefficient, base = translate.algebra.split(translate([n])[0])
        if base.op is MONOMIAL and len(base.args) > 1 and base not in names:
            found.setdefault(base, coefficient)
    return found


def _turned(names: Names, translate: Translation) -> Shared:
    found: Shared = {}
    for base in names:
        term = decode(base)
        factors = tuple(
            Factor(translate.algebra.turned(f.node), f.indices[::-1], f.exponent)
            if f.node.op is TOTAL and len(f.indices) == 2
            else f
            for f in term.factors
        )
        found[base] = [] if factors == term.factors else [term._replace(factors=factors)]
    return found


def _is_long(x: Layout) -> bool:
    """Whether a product is worth a name: one by elements, or of three matrices."""
    while x.kind is Kind.SCALE:
        x = x.children[-1]
    return x.kind is Kind.HADAMARD or (x.kind is Kind.PRODUCT and len(x.children) > 2)


def _called(kept: Names, definitions: dict[str, Layout], taken: set[str]) -> Names:
    """The same under letters; several of one letter are numbered, as what they are made of is."""
    alphabet = Alphabet(taken)
    letters = {base: LETTERS[min(base.type.ndim, 2)] for base in kept}
    counts = Counter(letters.values())
    own = {name for name, _ in kept.values()}
    found: Names = {}
    given: set[str] = set()
    for base, (name, coefficient) in kept.items():
        letter = letters[base]
        if counts[letter] > 1:
            number = min(_numbers(definitions[name], definitions, own), default=1)
            while f"{letter}{number}" in given:
                number += 1
            letter += str(number)
        given.add(letter)
        found[base] = alphabet.take(letter), coefficient
    return found


def _numbers(x: Layout, definitions: dict[str, Layout], own: set[str]) -> list[int]:
    """The subscripts of what a product is made of; of a name without one, of what that is."""
    found = []
    for name in names_in(x):
        low = trailing_number(name)
        if low.isdigit() and name not in own:
            found.append(int(low))
        elif name in definitions and name not in own:
            found += [int(s) for s in map(trailing_number, names_in(definitions[name])) if s.isdigit()]
    return found
