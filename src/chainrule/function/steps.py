"""The derivation of a formula by the chain rule, as on a whiteboard: one rule to a line.

The function is taken apart into named intermediates: the user's own, and the arguments of whatever
is not linear. Each is differentiated for itself, in differentials, from the result inwards:

    mse = (1/N)‖r‖²          with r = Xw − y
    d mse = (2/N)rᵀ dr       square
    dr = X dw                linearity
    d mse = (2/N)rᵀX dw      chain rule: insert dr
    ∇_w mse = (2/N)Xᵀr       read off, since d mse = (∇_w mse)ᵀ dw

A differential is linear in those after it, so it is one pushforward of a part of the program, with
symbols for what goes in; every line is evaluated from its own source and compared with that.
J. R. Magnus and H. Neudecker, Matrix Differential Calculus, Wiley 2019, teach it so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.pushforward import pushforward
from ..display import latex as latex_notation
from ..display import source as source_notation
from ..display import unicode as unicode_notation
from ..display.code import Program
from ..display.compose import Composer
from ..display.composed import Composed
from ..display.naming import DIFFERENTIAL, Alphabet, last_key, latex_name, unicode_name
from ..ir.graph import substitute, toposort
from ..ir.node import CONSTANT, INPUT, Node, input_node, node
from ..ir.types import ArrayType
from ..ops.arithmetic import add, negative, subtract
from ..ops.monomial import UNIT, Axis, Coefficient
from ..ops.structural import broadcast, cast, reshape, size
from ..simplify.formula import by_entries
from ..simplify.rules import RECOGNISED
from .derivation import Derivation
from .derivatives import Derivative, Gradient
from .engine import evaluate
from .heading import heading
from .statement import Step
from .symbols import function_name
from .verification import Examples, agree, is_real

#: With more intermediates than this a derivation only repeats itself.
MOST = 12

#: Letters for intermediates without a name: numbers, vectors, matrices.
LETTERS = ("uvabcstpq", "rzuvabhpq", "ABCDEFPQRST")

#: What the derivative of an operation is called, besides its own name.
RULES = {
    "multiply": "product rule", "einsum": "product rule", "divide": "quotient rule",
    "square": "power rule", "power": "power rule", "sqrt": "power rule",
    "norm": "derivative of a norm",
    "solve": "dS⁻¹ = −S⁻¹ dS S⁻¹", "inv": "dS⁻¹ = −S⁻¹ dS S⁻¹",
    "slogdet": "d log det S = tr(S⁻¹ dS)", "det": "d det S = det(S) tr(S⁻¹ dS)",
    "reciprocal": "power rule", "float_power": "power rule",
}  # fmt: skip


def steps_of(derivation: Derivation) -> tuple[Step, ...]:
    """The lines from the function to the formula of ``derivation``."""
    f = derivation.f
    if not isinstance(f, Derivative):
        return (_statement(derivation, "the function"),)
    args, _ = f.split(derivation.given[0], derivation.given[1])
    keywords = derivation.given[1]
    if f.verb in ("grad", "value_and_grad", "pullback", "jacobian"):
        return _first(derivation, Derivation(f.function, args, keywords, {}))
    if f.verb in ("hessian", "hvp"):
        slope = Gradient(f.function, f.wrt)
        first = steps_of(Derivation(slope, args, keywords, {}))
        return (*first, *_second(derivation, Derivation(slope, args, keywords, {}, twice=True)))
    if f.verb == "derivative":
        return _repeated(derivation, args, keywords)
    return (_statement(derivation, "the chain rule"),)


def _statement(derivation: Derivation, rule: str) -> Step:
    """The whole formula as a line of its own."""
    made = derivation.formula()
    return Step(rule, str(made), made.latex, made.code())


def _repeated(
    derivation: Derivation, args: Sequence[Any], keywords: dict[str, Any]
) -> tuple[Step, ...]:
    """A derivative of a function of one number, order by order."""
    f: Any = derivation.f
    inner = Derivation(f.function, args, keywords, {})
    first = type(f)(f.function, f.wrt, order=1)
    base = Derivation(first, args, keywords, derivation.scope)
    lines = list(_first(base, inner))
    for order in range(2, f.order + 1):
        each = Derivation(type(f)(f.function, f.wrt, order=order), args, keywords, {})
        lines.append(_statement(each, "differentiate again"))
    return tuple(lines)


def _first(derivation: Derivation, inner: Derivation) -> tuple[Step, ...]:
    f: Any = derivation.f
    last = _statement(derivation, "")
    targets = _leaves(inner, f)
    start = (_statement(inner, "the function"),)
    if targets is None or len(inner.outputs) != 1 or not targets:
        return (*start, Step("chain rule", last.text, last.latex, last.source))
    if by_entries(inner.outputs, inner.given_nodes()) is not None:
        return (*start, Step("chain rule, entry by entry", last.text, last.latex, last.source))
    lines = _Lines(inner, targets)
    names = [lines.names[t] for t in targets]
    return (*lines.written(), Step(_read_off(f, lines, names), last.text, last.latex, last.source))


def _read_off(f: Any, lines: _Lines, names: Sequence[str]) -> str:
    """Why the last line follows from the one before it."""
    whole = lines.differential(lines.output_name)
    by = [unicode_name(DIFFERENTIAL + name) for name in names]
    rank = max(n.type.ndim for n in lines.targets)
    if f.verb == "pullback":
        return "its adjoint: move all but the differential to the other side of ⟨G, ·⟩"
    if lines.inner.outputs[0].type.ndim:
        return f"read off: {whole} = J {by[0]}"
    if len(names) > 1:
        return "read off what each differential is multiplied by"
    if rank == 0:
        return f"divide by {by[0]}"
    product = f"tr(∇ᵀ {by[0]})" if rank == 2 else f"∇ᵀ {by[0]}"
    return f"read off: {whole} = {product}"


def _second(derivation: Derivation, gradient: Derivation) -> tuple[Step, ...]:
    """From a gradient to the Hessian, or to its product with a direction."""
    f: Any = derivation.f
    last = _statement(derivation, "")
    targets = _leaves(gradient, f)
    if targets is None or len(gradient.outputs) != 1 or len(targets) != 1:
        return (Step("chain rule, on the gradient", last.text, last.latex, last.source),)
    if by_entries(gradient.outputs, gradient.given_nodes()) is not None:
        return (Step("differentiate each entry", last.text, last.latex, last.source),)
    lines = _Lines(gradient, targets, together=True)
    by = unicode_name(DIFFERENTIAL + lines.names[targets[0]])
    head = heading(gradient.f, gradient.arguments)
    whole = f"d({head[0]})", rf"\mathrm{{d}}\left({head[1]}\right)"
    rule = f"read off: d∇ = ∇² {by}"
    if f.verb == "hvp":
        position = max((t.position or 0) for t in f.targets) + 1
        rule = f"along the direction: {by} = {unicode_name(derivation.arguments[position])}"
    total = lines.total(*whole, "chain rule, on the gradient")
    return (total, Step(rule, last.text, last.latex, last.source))


def _leaves(inner: Derivation, f: Any) -> list[Node] | None:
    """The inputs that a derivative is by; none for one element of an array."""
    found: list[Node] = []
    for target in f.targets:
        path = str(target) if target.name in inner.arguments else None
        if path is None and target.position is not None and target.position < len(inner.arguments):
            path = inner.arguments[target.position] + "".join(target.steps)
        given = inner.given_nodes()
        leaves = [
            n
            for n, name in inner.symbols.items()
            if n in given and path and (name == path or name.startswith((path + "[", path + ".")))
        ]
        if not leaves:
            return None
        found.extend(leaves)
    return found


@dataclass(frozen=True)
class _Part:
    """An intermediate: its own expression in terms of others, and its differential."""

    name: str
    value: Node
    tangent: Node | None
    rule: str


class _Lines:
    """The lines for one function and the inputs that it is differentiated by."""

    def __init__(self, inner: Derivation, targets: list[Node], *, together: bool = False) -> None:
        self.inner = inner
        self.targets = targets
        named = inner.local_names()
        self.output, *found = RECOGNISED([inner.outputs[0], *named])
        self.named = dict(zip(found, named.values(), strict=True))
        self.moving = _moving([self.output], targets)
        words = {word for name in inner.symbols.values() for word in re.findall(r"\w+", name)}
        self._alphabet = Alphabet({*words, *inner.counts.values()})
        keys = [last_key(inner.symbols[t]) for t in targets]
        own = Alphabet(set())  # a leaf is called by its last key
        self.names = {t: own.take(k) for t, k in zip(targets, keys, strict=True)}
        self.output_name = function_name(inner.f)
        cuts = [] if together else self._cuts()
        self._places: dict[Node, Node] = {}  # a symbol for each intermediate
        self._differentials: dict[Node, Node] = {}
        for n in [*targets, *cuts]:
            name = self.names[n]
            if n not in targets:
                self._places[n] = input_node(0, ("step", name), n.type)
            d = input_node(0, ("step", DIFFERENTIAL + name), n.type)
            self._differentials[n] = d
        self.parts = [self._part(n, self.names[n]) for n in cuts]
        self.whole = self._part(self.output, self.output_name)
        tangents = [self._differentials[t] for t in targets]
        (self.tangent,) = pushforward([self.output], targets, tangents)
        self._prepare(cuts)

    def differential(self, name: str) -> str:
        """The differential of a function, by its own name."""
        return f"d{name}" if len(name) == 1 else f"d {name}"

    # -- taking the function apart ---------------------------------------------------------------

    def _cuts(self) -> list[Node]:
        """The intermediates, arguments before users."""
        named = self.named
        order = [n for n in toposort([self.output]) if n in self.moving and n not in self.targets]
        wanted: dict[Node, str] = {}
        affine: dict[Node, bool] = {}
        for n in order:
            if n in named and n is not self.output and type(n.type) is ArrayType:
                wanted.setdefault(n, named[n])
            affine[n] = all(affine.get(a, True) for a in n.args) and _is_linear(n, self.moving)
            if not _is_linear(n, self.moving):
                for a in map(_unsigned, n.args):
                    # The product rule takes what is linear as it is.
                    if n.op.name in ("einsum", "multiply") and affine.get(a, True):
                        continue
                    if a in self.moving and a not in self.targets and type(a.type) is ArrayType:
                        wanted.setdefault(a, "")
        wanted.pop(self.output, None)
        if len(wanted) > MOST:
            wanted = {n: name for n, name in wanted.items() if name}
        if len(wanted) > MOST:
            wanted = {}
        for n in order:
            if n in wanted:
                given, letters = wanted[n], LETTERS[min(n.type.ndim, 2)]
                take, first = self._alphabet.take, self._alphabet.first
                self.names[n] = take(given) if given else first(letters)
        return [n for n in order if n in wanted]

    def _part(self, n: Node, name: str) -> _Part:
        """The expression of ``n`` in the intermediates before it, differentiated."""
        before = {m: place for m, place in self._places.items() if m is not n}
        args = substitute(list(n.args), before)
        value = node(n.op, tuple(args), n.params, n.type) if n.args else n
        inside = set(toposort([value]))
        sources, tangents = [], []
        for m, d in self._differentials.items():
            place = m if m in self.targets else before.get(m)
            if place is not None and place in inside:
                sources.append(place)
                tangents.append(d)
        (tangent,) = pushforward([value], sources, tangents)
        own = self._places.get(n)
        if tangent is not None and own is not None:  # what was computed has a name
            (tangent,) = substitute([tangent], {value: own})
        return _Part(name, value, tangent, _rule(value, set(sources)))

    # -- writing ---------------------------------------------------------------------------------

    def _prepare(self, cuts: list[Node]) -> None:
        """Normal forms for all lines together, so that sizes and operands agree."""
        inner = self.inner
        parts = (*self.parts, self.whole)
        every = [n for p in parts for n in (p.value, p.tangent) if n is not None]
        if self.tangent is not None:
            every.append(self.tangent)
        roots = [*every, *self._places.values(), *self._differentials.values(), *cuts]
        self.translate = inner.translation(roots)
        self._relate()
        self.translate.named.update(cuts)
        inner.translate_in_order(self.translate)
        self.translate(roots)
        self.sizes = inner.size_names(self.translate, set(self.names.values()))
        self.symbols = {
            self.translate.normal[n]: s
            for n, s in inner.symbols.items()
            if n in self.translate.normal and n not in inner.counts
        }
        self.examples = Examples(list(inner.examples.known), inner.examples.sizes)
        values = {e.node: e.value for e in inner.examples.known}
        rng = np.random.default_rng(11)
        for n, place in self._places.items():
            self.symbols[self.translate.normal[place]] = self.names[n]
            (value,) = evaluate([n], values, values)
            self.examples.add(place, self.names[n], np.asarray(value)[()], None)
        for n, d in self._differentials.items():
            name = DIFFERENTIAL + self.names[n]
            self.symbols[self.translate.normal[d]] = name
            self.examples.add(d, name, rng.normal(size=d.type.shape)[()], None)
        self.given: dict[Node, tuple[str, Coefficient]] = {}
        for n in cuts:
            coefficient, base = self.translate.algebra.split(self.translate.normal[n])
            if not coefficient.sizes and abs(coefficient.number) == 1 and base not in self.symbols:
                self.given.setdefault(base, (self.names[n], coefficient))

    def _relate(self) -> None:
        """What stands for an intermediate has its axes, and its differential too."""
        for n, place in [*self._places.items(), *self._differentials.items()]:
            for k in range(n.type.ndim):
                self.translate.axes.join((n, k), (place, k))

    def written(self) -> tuple[Step, ...]:
        """All lines but the last."""
        name = self.output_name
        lines = [self._line(name, latex_name(name), self.whole.value, "the function")]
        lines += [
            self._line(unicode_name(p.name), latex_name(p.name), p.value, "where")
            for p in reversed(self.parts)
        ]
        differentials = [p for p in (self.whole, *reversed(self.parts)) if p.tangent is not None]
        for p in differentials:
            d = DIFFERENTIAL + p.name
            text = self.differential(name) if p is self.whole else unicode_name(d)
            (value,) = self.translate([p.value])
            own = {value: (p.name, UNIT)} if p is not self.whole and value not in self.symbols else {}
            lines.append(self._line(text, latex_name(d), p.tangent, p.rule, own))
        if self.parts:
            inserted = ", ".join(unicode_name(DIFFERENTIAL + p.name) for p in reversed(self.parts))
            d = DIFFERENTIAL + name
            rule = f"chain rule: insert {inserted}"
            lines.append(self.total(self.differential(name), latex_name(d), rule))
        return tuple(lines)

    def total(self, text: str, latex: str, rule: str) -> Step:
        """The differential of the whole, in those of the inputs."""
        return self._line(text, latex, self.tangent, rule, self.given)

    def _line(
        self,
        text: str,
        latex: str,
        n: Node | None,
        rule: str,
        given: dict[Node, tuple[str, Coefficient]] | None = None,
    ) -> Step:
        if n is None:
            return Step(rule, f"{text} = 0", f"{latex} = 0", "")
        (normal,) = self.translate([n])
        taken = {*self.symbols.values(), *self.names.values()}
        composer = Composer(self.translate.algebra.order, self.symbols, given or {}, taken)
        composed = composer([normal])
        known = set(self.names.values())
        shown = Composed(
            composed.results, tuple((k, x) for k, x in composed.definitions if k not in known)
        )
        right = unicode_notation.write(shown, self.sizes)
        code = self._verified(composed, n, right)
        right_latex = latex_notation.write(shown, self.sizes)
        return Step(rule, f"{text} = {right}", f"{latex} = {right_latex}", code)

    def _verified(self, composed: Composed, n: Node, text: str) -> str:
        """The source of a line, after it was compared with what the line says."""
        lengths: dict[Axis, str] = {}
        inner = self.inner
        for e in self.examples.known:
            if e.node not in inner.counts and e.node in self.translate.axes:
                for k, axis in enumerate(self.translate.axes.of(e.node)):
                    lengths.setdefault(axis, f"{e.name}.shape[{k}]")
        for m, axis in inner.counted.items():
            lengths.setdefault(axis, inner.counts[m])
        program = Program(self.sizes, lengths.get)
        own = [e.name for e in self.examples.known if e.name not in inner.symbols.values()]
        arguments = [*inner.arguments, *own]
        program.real = is_real([n])
        code = source_notation.write(composed, "line", arguments, program)
        agree(text, code, [n], self.examples, arguments, program.functions)
        return code


def _moving(roots: Sequence[Node], sources: Sequence[Node]) -> set[Node]:
    """What changes with the sources; a length does not, nor does a condition."""
    moving = set(sources)
    for n in toposort(roots):
        real = type(n.type) is not ArrayType or n.type.dtype.kind in "fc"
        if real and n.op is not size and any(a in moving for a in n.args):
            moving.add(n)
    return moving


def _plain(n: Node) -> Node:
    """A node without what only moves or repeats it."""
    while n.op in (broadcast, reshape, cast):
        (n,) = n.args
    return n


def _unsigned(n: Node) -> Node:
    """The same without a minus or a number beside it: of ``1 − p`` no more is to be said than of p."""
    n = _plain(n)
    while n.op in (negative, add, subtract):
        varying = [a for a in map(_plain, n.args) if a.op is not CONSTANT]
        if len(varying) != 1:
            break
        (n,) = varying
    return n


def _is_linear(n: Node, moving: set[Node]) -> bool:
    """Whether the tangent of ``n`` does not depend on what moves."""
    if n.op in (INPUT, CONSTANT) or type(n.type) is not ArrayType:
        return n.op in (INPUT, CONSTANT)
    if any(type(a.type) is not ArrayType for a in n.args):
        return True  # part of a tuple, of which the whole was asked
    places = [input_node(0, ("place", k), a.type) for k, a in enumerate(n.args)]
    own = [p for p, a in zip(places, n.args, strict=True) if a in moving]
    tangents = [input_node(0, ("tangent", k), p.type) for k, p in enumerate(own)]
    again = node(n.op, tuple(places), n.params, n.type)
    (tangent,) = pushforward([again], own, tangents)
    return tangent is None or not set(toposort([tangent])) & set(own)


def _rule(value: Node, sources: set[Node]) -> str:
    """The rules by which the differential of an expression follows."""
    moving = _moving([value], list(sources))
    found = [
        RULES.get(n.op.name, f"derivative of {n.op.name}")
        for n in toposort([value])
        if n in moving
        and n not in sources
        and (type(n.type) is not ArrayType or not _is_linear(n, moving))
    ]
    words = list(dict.fromkeys(found))
    return " and ".join(words) if words else "linearity"
