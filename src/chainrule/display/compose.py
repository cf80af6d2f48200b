"""From a normal form to layouts: the formula itself, and the definitions that it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import count

from ..errors import FormulaError
from ..ir.graph import toposort
from ..ir.node import CONSTANT, INPUT, Node
from ..ops.arithmetic import CONDITIONS, greater, relu
from ..ops.elementwise import Elementwise
from ..ops.monomial import (
    BASIS,
    BETWEEN,
    CLIP,
    CONVOLUTION,
    DET,
    DIFFERENCE,
    ENTRIES,
    FACTOR,
    INVERSE,
    LOGDET,
    LOGSUMEXP,
    MONOMIAL,
    SIGMOID,
    SOFTMAX,
    SOFTPLUS,
    STEP,
    TOEPLITZ,
    TOTAL,
    UNIT,
    Coefficient,
    Order,
    Term,
    decode,
)
from ..ops.parts import with_part, with_sum
from ..ops.sandwich import sandwich
from ..ops.structural import slice_
from .chains import nesting, product
from .composed import Composed, inlined, reached, without_notation
from .conditions import both_cases, turned_round
from .layout import (
    Kind,
    Layout,
    names_in,
    negated,
    scaled,
    sign_of,
    summed,
    transposed,
    without_sign,
)
from .matrix import Reduction
from .naming import Alphabet, entry_name, trailing_number, unicode_name
from .signs import (
    absorbed,
    distributed,
    is_weighted,
    stands_alone,
    subtracted,
    turns_round,
    weight,
)
from .sums import same_indices, with_transposes

_LETTERS = {
    TOEPLITZ: "t", DIFFERENCE: "d", CONVOLUTION: "c", SOFTMAX: "p", SIGMOID: "s", INVERSE: "K",
    MONOMIAL: "z", TOTAL: "r",
}  # fmt: skip
_HIDDEN = "hfguvqackbjlotw"  # e is for unit vectors


#: Elementwise products nested so deep are given names, as the layers of a network are.
DEEP = 4


class Composer:
    """Gives every node of a normal form its layout, arguments before users."""

    def __init__(
        self,
        order: Order,
        symbols: Mapping[Node, str],
        names: Mapping[Node, tuple[str, Coefficient]],
        taken: set[str],
        turned: Mapping[Node, Node] | None = None,
        shared: Mapping[Node, Sequence[Term]] | None = None,
    ) -> None:
        self._order = order
        #: Named also where one of them is a result; each with other ways to write it.
        self._shared = shared or {}
        self._turned = dict(turned or {})  # transposes of what has a name
        self._symbols = symbols  # of inputs and atoms
        self._names = dict(names)  # the user's own, of intermediates
        self._shown = {unicode_name(s) for s in (*taken, *(name for name, _ in names.values()))}
        self._alphabet = Alphabet(taken | {name for name, _ in names.values()})
        self._parts = sorted(
            (n for n in self._names if n.op is MONOMIAL and len(n.args) > 1),
            key=lambda n: (-len(n.args), order.rank(n)),
        )
        self._sums = sorted(
            (n for n in self._names if n.op is TOTAL), key=lambda n: (-len(n.args), order.rank(n))
        )
        self._layers: dict[Node, str] = {}
        self._invented_names: set[str] = set()
        #: What a named relu(z) is of: z > 0 is as well said of it.
        self._kept = {n.args[0]: n for n in self._names if n.op is relu}
        self._layouts: dict[Node, Layout] = {}
        self._signs: dict[Node, Coefficient] = {}
        self._definitions: dict[str, Layout] = {}
        self._subtracted: set[Node] = set()
        self._first: dict[Node, int] = {}  # the first symbol that a node reads

    def __call__(self, roots: Sequence[Node]) -> Composed:
        """Lay out ``roots``."""
        nodes = toposort(roots)
        self._roots = frozenset(roots)
        uses: dict[Node, int] = {}
        present = set(nodes)
        self._kept = {
            z: n for z, n in self._kept.items() if n in present and z not in self._names
        }
        self._subtracted = subtracted(nodes)
        for n in nodes:
            for arg in n.args:
                if not (arg in self._kept and self._is_positive(n)):
                    uses[arg] = uses.get(arg, 0) + 1
        for n in nodes:
            if n not in self._order:
                raise FormulaError(without_notation(n))
            self._first[n] = min(self._first[a] for a in n.args) if n.args else self._order.rank(n)
            if n.op is MONOMIAL and not n.args:
                self._first[n] = 1 << 60
            kept = self._kept.get(n.args[0]) if self._is_positive(n) else None
            if kept is not None and kept not in self._layouts:
                self._first[kept] = self._first[n]
                self._layouts[kept] = self._layout(kept)
                self._name(kept, uses.get(kept, 0), kept in roots)
            if n in self._layouts:
                continue
            self._layouts[n] = self._layout(n)
            self._name(n, uses.get(n, 0), n in roots)
        results = tuple(self._numeric(r) if r in self._names else self._whole(r) for r in roots)
        composed = Composed(results, reached(results, tuple(self._definitions.items())))
        return inlined(composed, self._invented_names) if self._shared else composed

    def _is_positive(self, n: Node) -> bool:
        """Whether ``n`` is ``z > 0``."""
        zero = n.args[1] if n.op is greater else None
        return zero is not None and self._is_number(zero) and not zero.params[0].number

    def _whole(self, n: Node) -> Layout:
        layout = self._numeric(n)
        sign = self._signs.get(n)
        return layout if sign is None else scaled(sign, (), (), layout)

    # -- names -----------------------------------------------------------------------------------

    def _name(self, n: Node, uses: int, is_root: bool) -> None:
        """Put the name of an intermediate in its place: the user's, or one for what recurs."""
        given = self._names.get(n)
        if given is None and n in self._turned and not (is_root and not uses):
            self._name_turned(n)
            return
        if n.op in (INPUT, CONSTANT, ENTRIES) or self._is_number(n) or self._is_element(n):
            return
        if given is not None and (uses or not is_root or n in self._shared):
            name, coefficient = given
        elif n.op is FACTOR:
            name, coefficient = self._alphabet.take(n.params[1]), UNIT
        elif uses > 1 and self._worth_naming(n):
            name, coefficient = self._invented(n), UNIT
            turned = n in self._subtracted and turns_round(self._layouts[n])
            if self._order.signs.get(n, -1 if turned else 1) < 0:  # as the program has it
                coefficient = Coefficient(Fraction(-1))
        else:
            return
        layout = self._layouts[n]
        body = self._indicated(n, layout)
        if coefficient != UNIT:
            body = (
                negated(body) if coefficient.number == -1 else scaled(coefficient**-1, (), (), body)
            )
        self._definitions[name] = body
        self._layouts[n] = Layout(Kind.NAME, (), layout.axes, name)
        if coefficient != UNIT:
            self._signs[n] = coefficient

    def _name_turned(self, n: Node) -> None:
        """The transpose of what the user gave a name: that name, transposed."""
        base = self._turned[n]
        given = self._names.get(base)
        if given is None or given[1].magnitude() != UNIT or n.op is MONOMIAL:
            return
        name, coefficient = given
        body = transposed(self._layouts[n])
        if name not in self._definitions:
            self._definitions[name] = negated(body) if coefficient.number < 0 else body
        named = Layout(Kind.NAME, (), body.axes, name)
        self._layouts[n] = Layout(Kind.TRANSPOSE, (named,), body.axes[::-1])
        if coefficient.number < 0:
            self._signs[n] = coefficient

    def _is_element(self, n: Node) -> bool:
        """Whether a node is one element of a named array."""
        return n.op is slice_ and n.args[0] in self._symbols and not n.type.shape

    def _is_number(self, n: Node) -> bool:
        return n.op is MONOMIAL and not n.args

    def _worth_naming(self, n: Node) -> bool:
        if n.op is MONOMIAL:
            term = decode(n)
            return len(n.args) > 1 and bool(term.out) and bool(term.inner() - set(term.out))
        if n.op in (TOEPLITZ, DIFFERENCE, CONVOLUTION):
            return True
        if n.op in (SOFTMAX, INVERSE):
            return n.op is SOFTMAX or self._layouts[n.args[0]].kind is not Kind.NAME
        if n.op is TOTAL:  # 1 − s is as short as a name for it
            numbers = any(map(self._is_number, n.args))
            return not (len(n.args) == 2 and numbers and all(map(self._is_short, n.args)))
        plain = (a.op is INPUT or self._is_number(a) or self._is_element(a) for a in n.args)
        return (n.op is SIGMOID and bool(n.type.shape)) or not all(plain)

    def _is_short(self, n: Node) -> bool:
        """Whether a node is a number or a letter, perhaps with a minus."""
        if n.op is MONOMIAL and len(n.args) == 1 and abs(n.params[0].number) == 1:
            whole = n.params[2][0].denominator == 1 and 0 < n.params[2][0] < 4
            whole = whole and n.params[1][0] == n.params[3]
            return self._layouts[n.args[0]].kind is Kind.NAME and whole
        return self._is_number(n) or self._layouts[n].kind is Kind.NAME

    def _invented(self, n: Node) -> str:
        letter = _LETTERS.get(n.op)
        matrix = n.type.ndim > 1
        candidates = (letter or "") + _HIDDEN
        name = self._alphabet.first(candidates.upper() if matrix else candidates)
        self._invented_names.add(name)
        return name

    def _lookup(self, whole: Node, term: Term) -> tuple[Layout, Coefficient] | None:
        """The name of a part of the product ``whole``, if the user gave it one."""
        if not self._names:
            return None
        n = self._order.canonical(term)
        given = self._names.get(n)
        if given is None or n is whole:
            return None
        name, coefficient = given
        if name not in self._definitions:
            self._definitions[name] = self._body(term, coefficient)
        axes = tuple(term.axes[i] for i in term.out)
        return Layout(Kind.NAME, (), axes, name), coefficient

    # -- layouts ---------------------------------------------------------------------------------

    def _numeric(self, n: Node) -> Layout:
        """The layout of a node where a number is meant."""
        return self._indicated(n, self._layouts[n])

    def _indicated(self, n: Node, layout: Layout) -> Layout:
        if n.op.name in CONDITIONS and layout.kind is not Kind.NAME:
            return Layout(Kind.INDICATOR, (layout,), layout.axes)
        return layout

    def _layout(self, n: Node) -> Layout:
        if n not in self._order:
            raise FormulaError(without_notation(n))
        axes = self._order.axes[n]
        if n in self._symbols:
            return Layout(Kind.NAME, (), axes, self._symbols[n])
        op = n.op
        if op is MONOMIAL:
            return self._monomial(n)
        if op is TOTAL:
            return self._total(n)
        if op is ENTRIES:
            return Layout(Kind.ARRAY, tuple(self._operand(a) for a in n.args), axes, n.params[0])
        if self._is_element(n):
            (array,) = n.args
            name, index = self._symbols[array], n.params[0]
            if entry_name(name, index) not in self._shown and not trailing_number(name):
                return Layout(Kind.ENTRY, (), (), (name, index))
            # x₁ is the name of something else, or x₁₂ might be.
            return Layout(Kind.ITEM, (self._layouts[array],), (), (slice_, index))
        if op is INVERSE:
            return Layout(Kind.INVERSE, (self._operand(n.args[0]),), axes)
        if op in (SIGMOID, SOFTPLUS, LOGDET, DET, STEP, BETWEEN, CLIP) or isinstance(op, Elementwise):
            logical = op.name in CONDITIONS
            turned = turned_round(op, [self._operand(a) for a in n.args], axes)
            if turned is not None:
                return turned
            if self._is_positive(n) and n.args[0] in self._kept:
                both = (self._layouts[self._kept[n.args[0]]], self._operand(n.args[1]))
                return Layout(Kind.APPLY, both, axes, op)
            children = tuple(
                self._layouts[a]
                if (logical or (op.name == "where" and k == 0))
                else self._operand(a)
                for k, a in enumerate(n.args)
            )
            return Layout(Kind.APPLY, children, axes, op)
        if op is BASIS and "e" in self._shown:  # e₁ would be an element of it
            identity = Layout(Kind.IDENTITY, (), (*axes, *axes))
            column = ((0, axes[0].length, 1), n.params[0])
            return Layout(Kind.ITEM, (identity,), axes, (slice_, column))
        if op in (SOFTMAX, LOGSUMEXP):
            return Layout(Kind.REDUCE, (self._operand(n.args[0]),), axes, (op, *n.params))
        return Layout(Kind.ITEM, tuple(self._operand(a) for a in n.args), axes, (op, *n.params))

    def _operand(self, n: Node) -> Layout:
        """A node as an argument, with the sign that its name took away."""
        layout = self._numeric(n)
        sign = self._signs.get(n)
        return layout if sign is None else scaled(sign, (), (), layout)

    def _total(self, n: Node) -> Layout:
        known = self._between(n) or self._both_cases(n)
        if known is not None:
            return known
        args = sorted(n.args, key=self._first.__getitem__)
        parts = [self._operand(arg) for arg in args]
        terms = [(sign_of(x), without_sign(x)) for x in parts]
        for part in self._sums:
            if part is not n:
                args, terms = self._with_sum(part, args, terms)
        return same_indices(terms) or summed(with_transposes(terms), self._order.axes[n])

    def _with_sum(
        self, part: Node, args: list[Node], terms: list[tuple[int, Layout]]
    ) -> tuple[list[Node], list[tuple[int, Layout]]]:
        """A sum in which some terms are the sum ``part``, which has a name, as that name."""
        found = with_sum(self._order, args, part)
        if found is None:
            return args, terms
        sign, places = found
        name, coefficient = self._names[part]
        sign *= int(coefficient.number)
        if name not in self._definitions:
            inside = [(sign * terms[k][0], terms[k][1]) for k in places]
            self._definitions[name] = summed(with_transposes(inside), self._order.axes[part])
        named = sign, Layout(Kind.NAME, (), self._order.axes[part], name)
        kept = [k for k in range(len(args)) if k not in places or k == places[0]]
        return (
            [part if k == places[0] else args[k] for k in kept],
            [named if k == places[0] else terms[k] for k in kept],
        )

    def _both_cases(self, n: Node) -> Layout | None:
        """A number and a multiple of a condition that has no name."""
        if len(n.args) != 2 or not any(map(self._is_number, n.args)):
            return None
        constant, other = n.args if self._is_number(n.args[0]) else n.args[::-1]
        weight, base = UNIT, other
        if other.op is MONOMIAL and len(other.args) == 1:
            (f,) = decode(other).factors
            if f.exponent != 1 or f.indices != (out := decode(other).out) or len(set(out)) < len(out):
                return None
            weight, base = other.params[0], f.node
        if (base.op is not STEP and base.op.name not in CONDITIONS) or base in self._signs:
            return None
        return both_cases(constant.params[0], weight, self._numeric(base))

    def _between(self, n: Node) -> Layout | None:
        """A sum of products that begin and end with the same matrices."""
        found = sandwich(n.args)
        if found is None:
            return None
        left, inner, right = found
        terms = []
        for term in inner:
            layout = Reduction(
                term,
                [self._operand(f.node) for f in term.factors],
                lambda t: None,
                self._order,
            ).result()
            terms.append((sign_of(layout), without_sign(layout)))
        middle = summed(terms, inner[0].out_axes)
        chain = [middle]
        if left is not None:
            end = self._numeric(left.node)
            chain.insert(0, end if left.indices == (1, 0) else transposed(end))
        if right is not None:
            end = self._numeric(right.node)
            chain.append(end if right.indices == (0, 1) else transposed(end))
        return product(chain)

    def _with_parts(self, whole: Node, term: Term) -> Term:
        """A product in which the parts that have a name are that name."""
        for part in self._parts:
            if part is whole or len(part.args) > len(term.factors):
                continue
            alone = part in self._shared
            ways = (decode(part), *self._shared.get(part, ()))
            found = (with_part(term, way, part, alone=alone) for way in ways)
            replaced = next((t for t in found if t is not None), None)
            if replaced is None:
                continue
            name, coefficient = self._names[part]
            inner = decode(part)
            self._define(part)
            self._layouts[part] = Layout(Kind.NAME, (), inner.out_axes, name)
            if coefficient != UNIT:
                self._signs[part] = coefficient
            share = inner.coefficient**-1
            term = replaced._replace(coefficient=replaced.coefficient * share)
        return term

    def _define(self, part: Node) -> None:
        """Write down what the name of a part stands for."""
        name, coefficient = self._names[part]
        if name not in self._definitions:
            self._definitions[name] = self._body(self._with_parts(part, decode(part)), coefficient)

    def _body(self, term: Term, sign: Coefficient) -> Layout:
        """What a name stands for that is a product, or minus one."""
        coefficient, layouts = self._factors(term._replace(coefficient=sign**-1))
        whole = term._replace(coefficient=coefficient)
        return Reduction(whole, layouts, lambda t: None, self._order).result()

    def _factors(self, term: Term) -> tuple[Coefficient, list[Layout]]:
        """The layouts of the factors of a product, and the number before them."""
        coefficient, layouts = self._signed(term)
        if coefficient.number < 0:
            odd = [f.exponent > 0 and f.exponent % 2 == 1 for f in term.factors]
            return absorbed(coefficient, layouts, odd)
        return coefficient, layouts

    def _signed(self, term: Term) -> tuple[Coefficient, list[Layout]]:
        """The same, no minus taken in."""
        layouts = []
        coefficient = term.coefficient
        for f in term.factors:
            layout = self._numeric(f.node)
            sign = self._signs.get(f.node)
            if f.node.op is TOTAL and f.exponent == 1 and layout.kind is Kind.SCALE:
                coefficient = coefficient * Fraction(sign_of(layout))
                layout = without_sign(layout)
            if sign is not None:
                if f.exponent.denominator == 1:
                    coefficient = coefficient * sign ** int(f.exponent)
                else:
                    layout = scaled(sign, (), (), layout)
            layouts.append(layout)
        return coefficient, layouts

    def _monomial(self, n: Node) -> Layout:
        term = decode(n)
        if term.coefficient != UNIT and self._names:
            base = self._order.canonical(term._replace(coefficient=UNIT))
            part = base in self._names and len(term.factors) > 1 and n not in self._roots
            if part or base in self._shared:  # −m, or 2m
                self._define(base)
                whole = Layout(Kind.NAME, (), term.out_axes, self._names[base][0])
                return scaled(term.coefficient * self._names[base][1], (), (), whole)
        term = self._with_parts(n, term)
        coefficient, layouts = self._signed(term)
        if (
            stands_alone(term)
            and layouts[0].kind is Kind.SUM
            and (
                coefficient == Coefficient(Fraction(-1))
                or (not coefficient.sizes and coefficient.number.denominator <= 10**9
                and any(weight(a).magnitude() != UNIT for a in term.factors[0].node.args))
                or (bool(self._shared) and any(map(is_weighted, layouts[0].children)))
            )
        ):
            return distributed(coefficient, layouts[0])
        coefficient, layouts = self._factors(term)
        signed = term._replace(coefficient=coefficient)
        lookup = partial(self._lookup, n)
        result = Reduction(signed, layouts, lookup, self._order).result()
        if nesting(result) < DEEP:
            return result
        return Reduction(signed, layouts, lookup, self._order, self._layer).result()

    def _layer(self, term: Term, layout: Layout) -> Layout:
        """A name for one layer of a deep product, numbered as what it is made of."""
        if layout.kind is not Kind.HADAMARD:
            return layout
        key = self._order.canonical(term)
        if key not in self._layers:
            numbers = [trailing_number(n) for n in names_in(layout) if n not in self._invented_names]
            wanted = min((int(n) for n in numbers if n.isdigit()), default=1)
            name = next(s for k in count(wanted) if (s := f"D{k}") not in self._definitions)
            name = self._alphabet.take(name)
            self._definitions[name] = layout
            self._layers[key] = name
        return Layout(Kind.NAME, (), layout.axes, self._layers[key])
