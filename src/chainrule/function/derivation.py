"""A derivation: trace, name, normalise, lay out, verify and write one function or derivative."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..display import latex as latex_notation
from ..display import source as source_notation
from ..display import unicode as unicode_notation
from ..display.abbreviation import abbreviated
from ..display.code import Program
from ..display.compose import Composer
from ..display.composed import Composed
from ..display.naming import Alphabet, latex_name, told_apart, unicode_name
from ..errors import FormulaError
from ..ir.graph import substitute, toposort
from ..ir.node import CONSTANT, INPUT, Node, constant, input_node
from ..ops.arithmetic import divide, multiply
from ..ops.indexing import gather
from ..ops.monomial import MONOMIAL, UNIT, Axis, Coefficient
from ..ops.structural import slice_
from ..simplify.formula import by_entries, normaliser
from ..simplify.rolling import rolled
from ..simplify.translation import Translation
from ..trace.recording import Trace, tracing
from ..trace.tree import flatten
from .abstract import Declared
from .arguments import Target
from .derivatives import Derivative
from .entrywise import reads_better, written, written_entries
from .heading import Heading, heading, headings
from .lifting import lifted
from .loops import cut_at_loops
from .sharing import Names, Shared, with_shared
from .sizes import elsewhere, join_results
from .statement import Formula, Step, Symbol
from .symbols import (
    SizeNames,
    argument_names,
    derived_from,
    function_name,
    held_as,
    is_array,
    is_second,
    literals_in,
    observed,
    outside_values,
    values_by_name,
)
from .verification import Examples, agree, is_real


class Derivation:
    """One call: trace, name, normalise, lay out, verify, write."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        keywords: dict[str, Any],
        scope: dict[str, Any],
        sizes: Mapping[str, int] | None = None,
        twice: bool = False,
    ) -> None:
        self.f, self.scope, self.wanted_sizes = f, scope, sizes or {}
        self.given = tuple(args), keywords
        self.twice = twice or is_second(f)
        try:
            self._trace(lift=True)
        except Exception:  # noqa: BLE001 - some programs need plain values of what they read
            self._trace(lift=False)

    def _trace(self, *, lift: bool) -> None:
        """Run the function; ``lift`` says whether what it reads from outside is traced too."""
        args, keywords = self.given
        self.examples, self.symbols = Examples(), dict[Node, str]()
        self.arguments: list[str] = []
        self.sizes: dict[str, int] = dict(self.wanted_sizes)
        self.numbered: dict[str, str] = {}
        self.rng = np.random.default_rng(7)
        self.symmetric, self.counts = list[Node](), dict[Node, str]()
        self.turned: dict[Node, Node] = {}  # the transposes of what has a name
        self.counted: dict[Node, Axis] = {}
        self.axis_names: dict[tuple[Node, int], str] = {}
        with tracing(naming=True) as trace:
            trace.twice = self.twice
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
            self.outputs = rolled([trace.lift(leaf).node for leaf in leaves])
        self.trace = trace
        self.examples.sizes = self.sizes
        self._captured(trace)

    # -- what is called what ---------------------------------------------------------------------

    def _inputs(
        self, trace: Trace, args: Sequence[Any], keywords: dict[str, Any], scope: dict[str, Any]
    ) -> Any:
        names = [*argument_names(self.f, args, scope), *keywords]
        values = [*args, *keywords.values()]
        paths = [n + p for n, v in zip(names, values, strict=True) for p in flatten(v)[1].paths]
        called = told_apart(paths)
        made = []
        for name, value in zip(names, values, strict=True):
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
                self.symbols[tracer.node] = called[name + path]
                self.examples.add(tracer.node, called[name + path], example, declared)
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
        taken, counter = set(self.symbols.values()), 0
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
                if not array.ndim and array.dtype.kind == "f":  # a number, made on the way
                    env[n] = constant(array[()])
                    continue
                name = trace.captures.names.get(n) or held_as(array, outside, self.f)
                if not name.isidentifier() or name in taken or name in outside:
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

    def inputs_of(self, target: Target) -> list[Node]:
        """The inputs that a target names: an argument, or the leaves of one."""
        given = target.position
        name = target.name if given is None else self.arguments[given]
        path = name + "".join(target.steps)
        below = (path + "[", path + ".")
        return [
            n for n, s in self.symbols.items() if n.level and (s == path or s.startswith(below))
        ]

    def translation(self, others: Sequence[Node] = (), *, factored: bool = True) -> Translation:
        """The translation into normal form, with what is declared of the arguments."""
        # What the function did relates sizes, also where its derivative no longer shows it.
        events = [n for n, _ in getattr(self, "events", self.trace.events)]
        roots = [*self.outputs, *others, *self.symbols, *events]
        translate = normaliser(roots, factored=factored)
        places = list(self.axis_names)
        for place in places:  # the same name is the same size
            first = next(p for p in places if self.axis_names[p] == self.axis_names[place])
            translate.axes.join(first, place)
        counting = self.examples.counting()
        for n in toposort([*self.outputs, *others]):
            # Row by row, by 0, 1, 2, …: what is gathered is as long as what it is gathered from.
            by_row = n.op is gather and n.type.ndim == 1 and n.args[1] in counting
            if by_row and n.params[0][0] == -2:
                for a in n.args:
                    translate.axes.join((a, 0), (n, 0))
        targets = self.f.targets if isinstance(self.f, Derivative) else ()
        inputs = [n for target in targets for n in self.inputs_of(target)]
        join_results(self.f, inputs, self.outputs, translate)
        for n in self.symmetric:
            translate.axes.join((n, 0), (n, 1))
            translate.algebra.symmetric.add(n)
        if all(e.declared is not None for e in self.examples.known if e.node.type.ndim):
            translate.axes.adopt(list(self.axis_names))
        else:
            translate.axes.adopt_repeated()
        assumed = translate.algebra.assumed
        for e in self.examples.known:
            observed(e.node, e.value, assumed)
            if e.declared is not None:
                for name in e.declared.assumed & {"orthogonal", "positive", "nonnegative"}:
                    getattr(assumed, name).add(e.node)
        translate.counting |= counting
        translate.windows |= self.examples.windows()
        self.counted = self._counted(translate)
        for n, axis in self.counted.items():
            translate.normal[n] = translate.algebra.constant(UNIT.by_size(axis))
        return translate

    def written(self) -> tuple[Composed, SizeNames, Translation, str, str]:
        """Normalise and lay out: the layouts, names of sizes, the text and the source."""
        named = self.local_names()
        taken = {*self.symbols.values(), *self.axis_names.values()}
        taken.update(self.trace.root.size_names.found().values())
        entries = by_entries(self.outputs, self.given_nodes())
        cut = cut_at_loops(self.outputs, named, taken) if entries is None else None
        translate = self.translation(list(named) if cut is None else [*cut.pieces, *cut.roots])
        if cut is None:
            translate.named.update(named)
            self.translate_in_order(translate)
        else:
            translate([*self.symbols, *cut.pieces])
        results = translate(self.outputs if cut is None else cut.roots)
        names = self._names(translate, named, set(self.symbols.values())) if cut is None else {}
        order = translate.algebra.order
        symbols = {
            translate.normal[n]: s
            for n, s in {**self.symbols, **(cut.names if cut else {})}.items()
            if n in translate.normal and n not in self.counts
        }

        def compose(names: Names, shared: Shared) -> Composed:
            every = taken | set(symbols.values())
            made = Composer(order, symbols, names, every, self.turned, shared)(results)
            return made if cut is None else cut.composed(made)

        def composition(names: Names) -> Composed:
            if len(results) > 1 and cut is None:
                return with_shared(self.outputs, translate, names, taken, compose)
            return compose(names, {})

        def whole() -> tuple[Composed, SizeNames, str]:
            composed = composition(names)
            plain = self._unnumbered(names, {name for name, _ in composed.definitions})
            if plain != names:
                composed = composition(plain)
            sizes = self.size_names(translate, {n for n, _ in composed.definitions})
            return composed, sizes, unicode_notation.write(composed, sizes)

        if entries is None:
            composed, sizes, text = whole()
        else:
            found, single = entries
            written_entries(found, [n for n, _ in self.trace.events])
            composed = Composer(found.algebra.order, self.symbols, {}, taken, self.turned)(single)
            sizes = self.size_names(translate, {n for n, _ in composed.definitions})
            text = unicode_notation.write(composed, sizes)
            try:
                other = whole()
            except FormulaError:
                other = None
            many = abbreviated(composed) is not composed or bool(self.axis_names)
            if other is not None and reads_better(other[2], text, self.outputs, many=many):
                composed, sizes, text = other
        names_of = {axis: self.counts[n] for n, axis in self.counted.items()}
        code = self._source(composed, sizes, translate, names_of)
        return composed, sizes, translate, text, code

    def formula(self, steps: Callable[[Derivation], tuple[Step, ...]] | None = None) -> Formula:
        """Write, and verify what is written; ``steps`` says how it came about, when asked."""
        composed, sizes, translate, text, code = self.written()
        agree(text, code, self.outputs, self.examples, self.arguments, self.functions)
        tried = elsewhere(self, text, code)
        title, latex_title = heading(self.f, self.arguments)
        short = abbreviated(composed)
        latex = f"{latex_title} = {latex_notation.write(short, sizes)}"
        statement = ""
        heads = self._headings() if len(self.outputs) > 1 else []
        if len(heads) == len(self.outputs) > 1:
            statement = unicode_notation.statements(short, sizes, [head for head, _ in heads])
            latex = latex_notation.statements(short, sizes, [head for _, head in heads])
        return Formula(
            title,
            text if short is composed else unicode_notation.write(short, sizes),
            latex,
            self._legend(code, translate, sizes),
            {"numpy": code},
            (lambda: steps(self)) if steps is not None else tuple,
            frozenset(self.counts.values()),
            tried,
            text,
            statement,
            self.examples.array(code),
        )

    def _headings(self) -> list[Heading]:
        """What each of several results is called."""
        targets = self.f.targets if isinstance(self.f, Derivative) else ()
        leaves: list[str] = []
        for target in targets:
            leaves += [self.symbols[n] for n in self.inputs_of(target)] or [str(target)]
        return headings(self.f, self.arguments, leaves, self.structure.paths)

    def size_names(self, translate: Translation, taken: set[str]) -> SizeNames:
        """The names of sizes: the program's own, then letters, from the data's axes on."""
        known: dict[Axis, str] = {}
        for (n, k), name in self.trace.root.size_names.found().items():
            if n in translate.axes:
                known.setdefault(translate.axes.of(n)[k], name)
        for (n, k), name in self.axis_names.items():
            known[translate.axes.of(n)[k]] = name
        known.update((axis, self.counts[n]) for n, axis in self.counted.items())
        unread = {name for n, name in self.counts.items() if n not in self.counted}
        names = SizeNames(known, set(self.symbols.values()) - unread | taken)
        read = set(toposort(self.outputs))
        arrays = [e for e in self.examples.known if e.node in read and e.node.type.ndim]
        # Rows of data are N and its columns d; then what else there is, as the program reads it.
        rank = translate.algebra.order.rank
        arrays.sort(
            key=lambda e: (e.node.type.ndim != 2, not e.outside, rank(translate.normal[e.node]))
        )
        for e in arrays:
            for axis in translate.axes.of(e.node):
                names(axis)
        return names

    def _legend(self, code: str, translate: Translation, sizes: SizeNames) -> tuple[Symbol, ...]:
        """The arguments and what is read from outside, as far as the formula has them."""
        words = set(re.findall(r"\w+", code))
        legend = []
        for e in self.examples.known:
            if e.node in self.counts or not set(re.findall(r"[A-Za-z_]\w*", e.name)[-1:]) <= words:
                continue
            names = [sizes(a) if a.length != 1 else "1" for a in translate.axes.of(e.node)]
            role = "read from outside" if e.outside else "argument"
            legend.append(
                Symbol(
                    unicode_name(e.name),
                    latex_name(e.name),
                    tuple(names),
                    role,
                    tuple(map(latex_name, names)),
                    e.node.type.dtype.kind in "iub",
                )
            )
        return tuple(legend)

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

    def given_nodes(self) -> set[Node]:
        """The inputs that are arguments, rather than read from outside."""
        return {e.node for e in self.examples.known if not e.outside}

    def translate_in_order(self, translate: Translation) -> None:
        """Symbols first come in the order of the user's program, which the formula then follows."""
        inside = set(toposort(self.outputs))
        events = [n for n, _ in getattr(self, "events", self.trace.events)]
        translate([n for n in events if n in inside])
        # 1/(1 + exp(−z)) may have been recognised since.
        translate([n for n in events if n.op is divide and n not in inside])
        translate.algebra.order.written = len(translate.algebra.order)
        written(translate, [n for n in events if n in inside])

    def local_names(self) -> dict[Node, str]:
        """The user's own local names for what they computed; the first one for each value."""
        return values_by_name(getattr(self, "events", self.trace.events))

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
            if not plain and coefficient.number:
                bases.setdefault(base, (name, coefficient**-1))
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
        program.structure = self.structure
        program.real = is_real(self.outputs)
        code = source_notation.write(composed, name, self.arguments, program)
        self.functions = program.functions
        return code
