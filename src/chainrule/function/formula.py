"""``formula``: a function or a derivative as matrix notation, shown only after it was verified."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..display import latex as latex_notation
from ..display import source as source_notation
from ..display import unicode as unicode_notation
from ..display.code import Program
from ..display.compose import Composed, Composer
from ..display.dialects import translated
from ..display.naming import Alphabet, unicode_name
from ..errors import FormulaError
from ..ir.graph import substitute, toposort
from ..ir.node import CONSTANT, INPUT, Node, constant, input_node
from ..ir.types import ArrayType
from ..ops.arithmetic import multiply
from ..ops.indexing import gather
from ..ops.monomial import MONOMIAL, UNIT, Axis, Coefficient
from ..ops.structural import slice_
from ..simplify.formula import by_entries, normaliser
from ..simplify.translation import Translation
from ..trace.recording import Trace, tracing
from ..trace.site import assigned_names
from ..trace.tree import flatten
from .abstract import Declared
from .derivatives import Derivative, Gradient
from .heading import heading
from .lifting import lifted
from .symbols import (
    SizeNames,
    argument_names,
    derived_from,
    function_name,
    is_array,
    literals_in,
    outside_values,
)
from .verification import Examples, agree


@dataclass(frozen=True)
class Step:
    """One line of a derivation: the rule, and what it gives."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.text}    ({self.rule})"


@dataclass(frozen=True)
class Formula:
    """A verified formula. ``str`` is the whole statement, ``text`` its right-hand side.

    ``latex`` is the statement in LaTeX, ``code("numpy")`` a stand-alone module with one function
    that computes it, ``steps`` how it came about.
    """

    heading: str
    text: str
    latex: str
    _sources: dict[str, str] = field(repr=False)
    _last: tuple[Step, ...] = field(repr=False)
    _before: Callable[[], tuple[Step, ...]] = field(repr=False, compare=False)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """How the formula comes about, from the function on; each line is verified by itself."""
        return (*self._before(), *self._last)

    def __str__(self) -> str:
        return f"{self.heading} = {self.text}"

    def __repr__(self) -> str:
        return f"<Formula {self}>"

    def code(self, dialect: str = "numpy") -> str:
        """Source that computes the formula, in ``numpy``, ``jax`` or ``torch``.

        It is a module with one function. What the original reads from outside it reads from
        outside too. PyTorch's takes tensors, also for numbers.

        Raises:
            ValueError: for another dialect.
            FormulaError: where PyTorch has no word for a function.
        """
        if dialect not in ("numpy", "jax", "torch"):
            raise ValueError(f"code({dialect!r}): the dialects are 'numpy', 'jax' and 'torch'.")
        if dialect not in self._sources:
            self._sources[dialect] = translated(self._sources["numpy"], dialect)
        return self._sources[dialect]

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


def formula(f: Callable[..., Any]) -> Callable[..., Formula]:
    """The formula of a function, or of any derivative of one.

    ``formula(f)(*args)`` takes example arguments as ``f`` does (or :func:`array` in place of any)
    and gives a :class:`Formula`. It was evaluated from its own printed source, on examples other
    than these, and agreed with ``f`` to 1e-10; what does not raises ``FormulaMismatch``.

    >>> import numpy as np
    >>> import chainrule as cr
    >>> X, y = np.ones((7, 2)), np.zeros(7)
    >>> def loss(w):
    ...     return np.sum((X @ w - y) ** 2)
    >>> print(formula(cr.grad(loss))(np.ones(2)))
    ∇_w loss = 2Xᵀ(Xw − y)
    """

    def formulate(*args: Any, **keywords: Any) -> Formula:
        caller = sys._getframe(1)  # noqa: SLF001 - what the caller calls a cotangent is its name
        return Derivation(f, args, keywords, {**caller.f_globals, **caller.f_locals}).formula()

    formulate.__name__ = f"formula({getattr(f, '__name__', 'f')})"
    formulate.__doc__ = f"The formula of {getattr(f, '__name__', 'f')} at example arguments."
    return formulate


class Derivation:
    """One call: trace, name, normalise, lay out, verify, write."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        keywords: dict[str, Any],
        scope: dict[str, Any],
    ) -> None:
        self.f = f
        self.given = tuple(args), keywords
        self.scope = scope
        try:
            self._trace(lift=True)
        except Exception:  # noqa: BLE001 - some programs need plain values of what they read
            self._trace(lift=False)

    def _trace(self, *, lift: bool) -> None:
        """Run the function; ``lift`` says whether what it reads from outside is traced too."""
        args, keywords = self.given
        self.examples = Examples()
        self.symbols: dict[Node, str] = {}
        self.arguments: list[str] = []
        self.sizes: dict[str, int] = {}
        self.numbered: dict[str, str] = {}
        self.rng = np.random.default_rng(7)
        self.symmetric: list[Node] = []
        self.counts: dict[Node, str] = {}
        self.turned: dict[Node, Node] = {}  # the transposes of what has a name
        self.counted: dict[Node, Axis] = {}
        self.axis_names: dict[tuple[Node, int], str] = {}
        with tracing(naming=True) as trace:
            traced, traced_keywords = self._inputs(trace, args, keywords, self.scope)
            f = self.f
            if lift:
                f, outside = lifted(f, trace, set(self.symbols.values()) | set(self.arguments))
                for found in outside:
                    self.symbols[found.node] = found.name
                    self.examples.add(found.node, found.name, found.value, None, outside=True)
                    if type(found.value) is int:
                        self.counts[found.node] = found.name
            result = trace.run(f, *traced, **traced_keywords)
            leaves, self.structure = flatten(result)
            self.outputs = [trace.lift(leaf).node for leaf in leaves]
        self.trace = trace
        self._captured(trace)

    # -- what is called what ---------------------------------------------------------------------

    def _inputs(
        self, trace: Trace, args: Sequence[Any], keywords: dict[str, Any], scope: dict[str, Any]
    ) -> Any:
        names = [*argument_names(self.f, args, scope), *keywords]
        made = []
        for name, value in zip(names, [*args, *keywords.values()], strict=True):
            self.arguments.append(name)
            leaves, structure = flatten(value)
            traced = []
            for leaf, path in zip(leaves, structure.paths, strict=True):
                declared = leaf if isinstance(leaf, Declared) else None
                example = leaf if declared is None else declared.example(self.sizes, self.rng)
                if not is_array(example):
                    traced.append(leaf)
                    continue
                tracer = trace.input(example)
                traced.append(tracer)
                self.symbols[tracer.node] = name + path
                self.examples.add(tracer.node, name + path, example, declared)
                if declared is None:
                    continue
                for k, axis in enumerate(declared.axes):
                    if isinstance(axis, str):
                        self.axis_names[tracer.node, k] = axis
                if declared.equals_its_transpose:
                    self.symmetric.append(tracer.node)
            made.append(structure.unflatten(traced))
        return made[: len(args)], dict(zip(keywords, made[len(args) :], strict=True))

    def _captured(self, trace: Trace) -> None:
        """Arrays and numbers from outside, by the names that the function reads them under."""
        outside = outside_values(self.f)
        taken = set(self.symbols.values())
        counter = 0
        originals = trace.captures.originals
        env: dict[Node, Node] = {}
        named = {k: n for n, v in originals.items() for k, w in outside.items() if v is w}
        for n, array in originals.items():
            name = next((k for k, v in outside.items() if v is array and k not in taken), None)
            if name is None:
                source, made = derived_from(array, outside, taken, named)
                if made is not None:
                    base, build = made
                    env[n] = build(base)
                    if base is not None and base not in self.symbols:
                        self.symbols[base] = source
                        self.examples.add(base, source, outside[source], None, outside=True)
                    continue
                counter += 1
                name = f"c{counter}"
            taken.add(name)
            self.symbols[n] = name
            self.examples.add(n, name, array, None, outside=True)
        literals = literals_in(self.f)
        numbers = {
            float(v): k
            for k, v in reversed(outside.items())
            if isinstance(v, float)
            and v not in literals
            and v not in (0.0, 1.0, 2.0, -1.0, 0.5)
            and k not in taken
        }
        for n in toposort([*self.outputs, *(n for n, _ in trace.events)]) if numbers else ():
            if n.op is CONSTANT and not n.type.shape and n.type.dtype.kind == "f":
                value = float(n.params[0].array)
                name, ratio = next(
                    (
                        (k, r)
                        for r in (1.0, -1.0, 0.5, 2.0, -0.5, -2.0)
                        for v, k in numbers.items()
                        if v * r == value
                    ),
                    (None, 1.0),
                )
                if name is None or value in literals:
                    continue
                base = input_node(0, ("number", name, n.type.weak), n.type)
                env[n] = base if ratio == 1 else multiply.build((base, constant(ratio)))
                if base not in self.symbols:
                    self.symbols[base] = name
                    self.examples.add(base, name, value / ratio, None, outside=True)
        if not env:
            return
        self.outputs = substitute(self.outputs, env)
        self.events = list(
            zip(
                substitute([n for n, _ in trace.events], env),
                [m for _, m in trace.events],
                strict=True,
            )
        )

    # -- the formula -----------------------------------------------------------------------------

    def translation(self, others: Sequence[Node] = (), *, factored: bool = True) -> Translation:
        """The translation into normal form, with what is declared of the arguments."""
        translate = normaliser([*self.outputs, *others, *self.symbols], factored=factored)
        places = list(self.axis_names)
        for place in places:  # the same name is the same size
            first = next(p for p in places if self.axis_names[p] == self.axis_names[place])
            translate.axes.join(first, place)
        counting = self.examples.counting()
        for n in toposort(self.outputs):
            # Row by row, by 0, 1, 2, …: what is gathered is as long as what it is gathered from.
            by_row = n.op is gather and n.type.ndim == 1 and n.args[1] in counting
            if by_row and n.params[0][0] == -2:
                translate.axes.join((n.args[0], 0), (n, 0))
        for n in self.symmetric:
            translate.axes.join((n, 0), (n, 1))
            translate.algebra.symmetric.add(n)
        translate.counting |= counting
        self.counted = self._counted(translate)
        for n, axis in self.counted.items():
            translate.normal[n] = translate.algebra.constant(UNIT.by_size(axis))
        return translate

    def formula(self) -> Formula:
        """Normalise, lay out, verify and write."""
        events = getattr(self, "events", self.trace.events)
        named = self._locals(events)
        size_axes: dict[Axis, str] = {}
        translate = self.translation(list(named))
        for (n, k), name in self.trace.root.size_names.found().items():
            if n in translate.axes:
                size_axes.setdefault(translate.axes.of(n)[k], name)
        for (n, k), name in self.axis_names.items():
            size_axes[translate.axes.of(n)[k]] = name
        counted = self.counted
        size_axes.update((axis, self.counts[n]) for n, axis in counted.items())
        self._translate_in_order(translate)
        results = translate(self.outputs)
        names = self._names(translate, named, set(self.symbols.values()))
        order = translate.algebra.order
        symbols = {
            translate.normal[n]: s
            for n, s in self.symbols.items()
            if n in translate.normal and n not in self.counts
        }
        entries = by_entries(self.outputs, self._given())
        if entries is not None:
            (found, results), names = entries, {}
            order = found.algebra.order
            symbols = self.symbols
        taken = set(self.symbols.values())
        composed = Composer(order, symbols, names, taken, self.turned)(results)
        plain = self._unnumbered(names, {name for name, _ in composed.definitions})
        if plain != names:
            composed = Composer(order, symbols, plain, taken, self.turned)(results)
        unread = {name for n, name in self.counts.items() if n not in counted}
        shown = set(self.symbols.values()) - unread | {n for n, _ in composed.definitions}
        sizes = SizeNames(size_axes, shown)
        text = unicode_notation.write(composed, sizes)
        names_of = {axis: self.counts[n] for n, axis in counted.items()}
        code = self._source(composed, sizes, translate, names_of)
        agree(text, code, self.outputs, self.examples, self.arguments, self.functions)
        title, latex_title = heading(self.f, self.arguments)
        latex = f"{latex_title} = {latex_notation.write(composed, sizes)}"
        return Formula(
            title,
            text,
            latex,
            {"numpy": code},
            self._steps(composed, sizes, title, text),
            self._steps_before,
        )

    def _counted(self, translate: Translation) -> dict[Node, Axis]:
        """The integers from outside, as sizes: of an axis, if one alone is as long."""
        arrays = [n for n in self.symbols if n in translate.axes]
        known = dict.fromkeys(a for n in arrays for a in translate.axes.of(n))
        found: dict[Node, Axis] = {}
        read = set(toposort(self.outputs))
        for k, (n, name) in enumerate(self.counts.items()):
            if n not in read:
                continue
            value = int(next(e.value for e in self.examples.known if e.node is n))
            fitting = [a for a in known if a.length == value and a not in found.values()]
            counts = len(name) == 1 or name[0] in "nN"
            own = Axis(-1 - k, value)
            found[n] = fitting[0] if counts and len(fitting) == 1 else own
        return found

    def _given(self) -> set[Node]:
        """The inputs that are arguments, rather than read from outside."""
        return {e.node for e in self.examples.known if not e.outside}

    def _translate_in_order(self, translate: Translation) -> None:
        """Symbols first come in the order of the user's program, which the formula then follows."""
        inside = set(toposort(self.outputs))
        translate([n for n, _ in self.trace.events if n in inside])

    def _locals(self, events: Any) -> dict[Node, str]:
        """The user's own local names for what they computed; the first one for each value."""
        found: dict[Node, str] = {}
        for n, mark in events:
            if n.op is INPUT or n.op is CONSTANT or type(n.type) is not ArrayType:
                continue
            names = assigned_names(mark)
            if len(names) == 1 and names[0].isidentifier() and n.type.differentiable:
                found.setdefault(n, names[0])
        return found

    def _names(
        self, translate: Translation, named: dict[Node, str], taken: set[str]
    ) -> dict[Node, tuple[str, Coefficient]]:
        """The user's local names, for bases in normal form: ``r`` may stand for minus a base.

        A name that is used again and again, as in a loop, is numbered.
        """
        algebra = translate.algebra
        bases: dict[Node, tuple[str, Coefficient]] = {}
        for n, name in named.items():
            (normal,) = translate([n])
            coefficient, base = algebra.split(normal)
            plain = base.op is INPUT or base.op is slice_ or (base.op is MONOMIAL and not base.args)
            if not plain and not coefficient.sizes and abs(coefficient.number) == 1:
                bases.setdefault(base, (name, coefficient))
        turned = {algebra.turned(base): base for base in bases if base.type.ndim == 2}
        counts = Counter(name for name, _ in bases.values())
        self.turned = {n: base for n, base in turned.items() if n not in bases and n is not base}
        alphabet = Alphabet(taken | {name for name, count in counts.items() if count == 1})
        numbers: Counter[str] = Counter()
        found: dict[Node, tuple[str, Coefficient]] = {}
        for base, (name, coefficient) in bases.items():
            if counts[name] == 1:
                if name not in taken:
                    found[base] = name, coefficient
                continue
            numbers[name] += 1
            numbered = alphabet.take(f"{name}{numbers[name]}")
            self.numbered[numbered] = name
            found[base] = numbered, coefficient
        return found

    def _unnumbered(
        self, names: dict[Node, tuple[str, Coefficient]], shown: set[str]
    ) -> dict[Node, tuple[str, Coefficient]]:
        """The names, where a number is left out if no other value of that name is shown."""
        counts = Counter(self.numbered.get(name, name) for name in shown)
        taken = {*self.symbols.values(), *shown}
        plain: dict[Node, tuple[str, Coefficient]] = {}
        for base, (name, coefficient) in names.items():
            short = self.numbered.get(name, name)
            alone = name in shown and counts[short] == 1 and short not in taken
            plain[base] = short if alone else name, coefficient
        return plain

    def _source(
        self,
        composed: Composed,
        sizes: SizeNames,
        translate: Translation,
        counted: dict[Axis, str],
    ) -> str:
        lengths: dict[Axis, str] = {}
        for n, name in self.symbols.items():
            for k, axis in enumerate(translate.axes.of(n)):
                lengths.setdefault(axis, f"{name}.shape[{k}]")
        for axis, name in counted.items():
            lengths.setdefault(axis, name)
        program = Program(sizes, lengths.get)
        verb = getattr(self.f, "verb", "")
        name = f"{verb}_{function_name(self.f)}" if verb else function_name(self.f)
        code = source_notation.write(composed, name, self.arguments, program)
        self.functions = program.functions
        return code

    def _steps_before(self) -> tuple[Step, ...]:
        """The steps to what this is the derivative of: the function, or its gradient."""
        if not isinstance(self.f, Derivative):
            return ()
        args, _ = self.f.split(self.given[0], self.given[1])
        inner = self.f.function
        if self.f.verb in ("hessian", "hvp"):
            inner = Gradient(inner, self.f.wrt)
        try:
            return Derivation(inner, args, self.given[1], {}).formula().steps
        except FormulaError:
            return ()

    def _steps(
        self, composed: Composed, sizes: SizeNames, title: str, text: str
    ) -> tuple[Step, ...]:
        lines = [
            Step("with", f"{unicode_name(name)} = {unicode_notation.layout_text(layout, sizes)}")
            for name, layout in composed.definitions
        ]
        rule = RULE_OF.get(getattr(self.f, "verb", ""), "the function")
        return (*lines, Step(rule, f"{title} = {text.split(' where ', maxsplit=1)[0]}"))


#: The rule by which each derivative follows from the one before it.
RULE_OF = {
    "grad": "chain rule, from the result back",
    "value_and_grad": "chain rule, from the result back",
    "pullback": "chain rule, from the result back",
    "jacobian": "chain rule, every direction at once",
    "hessian": "chain rule, applied to the gradient",
    "hvp": "chain rule, applied to the gradient along a direction",
    "derivative": "chain rule",
}
