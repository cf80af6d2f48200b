"""The proof behind a certificate: trace, normalise, prove, look for counterexamples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..calculus.jacobian import jacobian as jacobian_nodes
from ..errors import ArgumentError, ChainruleError, NotDifferentiable, NotScalar
from ..ir.graph import dependents, toposort
from ..ir.node import Node
from ..ops.monomial import TOTAL
from ..simplify.bounds import NONE, Hypotheses, Hypothesis, Signs, example_value
from ..simplify.convexity import Convexity
from ..simplify.curvature import Curvature
from ..simplify.definite import Definiteness
from ..simplify.domain import Domain
from ..simplify.strictness import Piece, degree_two, pieces
from ..simplify.translation import Translation
from .arguments import Wrt, as_targets
from .curvature import hessian_nodes
from .derivation import Derivation
from .derivatives import (
    gradient_nodes,
)
from .engine import evaluate
from .symbols import function_name
from .witness import Witness, search

#: Hessians of more variables than this are not looked at as numbers.
MOST = 300
MARGIN = 1e-10


class Proof:
    """One call: trace, normalise, prove, look for counterexamples."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        keywords: dict[str, Any],
        wrt: Wrt,
        scope: dict[str, Any],
    ) -> None:
        self.f, self.args, self.keywords, self.wrt = f, args, keywords, wrt
        self.derivation = Derivation(f, args, keywords, scope)
        self.name = function_name(f)
        outputs = self.derivation.outputs
        if len(outputs) != 1 or outputs[0].type.shape or outputs[0].type.dtype.kind != "f":
            raise NotScalar(
                f"certificate: {self.name} has to have one real number as its value. "
                "Reduce it, for example with np.sum(...)."
            )
        self.output = outputs[0]
        self.inputs = self._variables()
        self.names = [self.derivation.symbols[n] for n in self.inputs]
        self.examples = {e.node: e for e in self.derivation.examples.known}
        self._cache: dict[Node, np.ndarray | None] = {}

    def _variables(self) -> list[Node]:
        d = self.derivation
        targets, _ = as_targets(self.wrt, self.f)
        found: list[Node] = []
        for target in targets:
            if target.position is not None and target.position >= len(d.arguments):
                raise ArgumentError(
                    f"certificate: wrt names {target}, and the call has {len(d.arguments)} "
                    "arguments. Name one that is given."
                )
            chosen = d.inputs_of(target)
            if not chosen:
                raise ArgumentError(
                    f"certificate: {target} is not a whole array of numbers among the arguments. "
                    "Name a whole argument, or a whole leaf of one."
                )
            found += [n for n in chosen if n not in found]
        for n in found:
            if n.type.dtype.kind != "f":
                raise NotDifferentiable(
                    f"certificate: {d.symbols[n]} holds {n.type.dtype} and is not a real variable. "
                    "Pass floats, or name another argument with wrt=."
                )
        return found

    # -- proving ---------------------------------------------------------------------------------

    def prepare(self, *, factored: bool, others: Sequence[Node] = ()) -> None:
        """Normalise the function, and find out where it is defined."""
        d = self.derivation
        self.translate: Translation = d.translation(others, factored=factored)
        self.translate.counting |= d.examples.counting()
        inside = set(toposort([self.output]))
        self.translate([n for n, _ in getattr(d, "events", d.trace.events) if n in inside])
        (self.normal,) = self.translate([self.output])
        self.translate([*d.symbols, *others])
        normal = self.translate.normal
        self.values = {normal[n]: e.value for n, e in self.examples.items() if n in normal}
        self._cache = {}
        declared = {}
        for n, e in self.examples.items():
            assumed: frozenset[str] = getattr(e.declared, "assumed", frozenset())
            if "positive" in assumed:
                declared[normal[n]] = "> 0"
            elif "nonnegative" in assumed:
                declared[normal[n]] = "≥ 0"
        self.signs = Signs(
            self.translate.algebra, [normal[n] for n in self.inputs], declared, self.here
        )
        self.definite = Definiteness(self.signs)
        for n, e in self.examples.items():
            if "positive_definite" in getattr(e.declared, "assumed", ()):
                why = frozenset([Hypothesis(normal[n], "≻ 0", "declared")])
                self.definite.positive[normal[n]] = why
        self.convexity = Convexity(self.signs, self.definite)
        self.domain = Domain(self.translate, self.signs, self.definite, self.convexity)
        self.domain.walk([self.output])

    def here(self, n: Node) -> np.ndarray | None:
        """The value of a normal form in the example."""
        return example_value(self.values, n, self._cache)

    def prove(self) -> tuple[str, Hypotheses, list[Piece], str]:
        """The verdict ``convex``, ``concave``, ``linear`` or nothing; what it takes; how."""
        self.prepare(factored=False)
        if self.domain.unknown or self._branches():
            return "", NONE, [], ""
        found = self._by_rules()
        if any(h.kind == "data" and h.subject.type.shape for h in found[1]):
            other = self._by_hessian()  # which may take less from the data
            if other[0] == found[0] and all(h.kind != "data" for h in other[1]):
                return other
            self.prepare(factored=False)
            found = self._by_rules()
        return found if found[0] else self._by_hessian()

    def _by_rules(self) -> tuple[str, Hypotheses, list[Piece], str]:
        """By the rules of disciplined convex programming."""
        shape: Curvature = self.convexity(self.normal)
        if shape.affine is not None:
            return "linear", shape.affine, [], "rules"
        for word, proof, sign in (("convex", shape.convex, 1), ("concave", shape.concave, -1)):
            if proof is not None:
                curved = list(pieces(self.normal, sign, self.signs, self.convexity))
                return word, proof, curved, "rules"
        return "", NONE, [], ""

    def _branches(self) -> bool:
        """Whether the program took a decision on the variables' values."""
        guards = [g.node for g in self.derivation.trace.guards]
        order = toposort([self.output, *guards])
        moving = dependents(order, self.inputs)
        return any(g in moving for g in guards)

    def _by_hessian(self) -> tuple[str, Hypotheses, list[Piece], str]:
        """By the form of the Hessian, or its numbers where it is constant."""
        if self.domain.smooth and len(self.inputs) == 1 and self.size() <= 10_000:
            nodes = hessian_nodes(self.output, self.inputs[0])
            for factored in (False, True):
                if nodes is None:
                    break
                self.prepare(factored=factored, others=[nodes])
                if self.domain.unknown:
                    continue
                matrix = self.translate.normal[nodes]
                for word, sign in (("convex", 1), ("concave", -1)):
                    proof = (
                        self.definite.signed(matrix, sign)
                        if self.inputs[0].type.ndim
                        else (self._number(matrix, sign))
                    )
                    if proof is not None:
                        return word, proof | self.domain.hypotheses, [], "hessian"
            self.prepare(factored=False)
        if degree_two(self.normal, self.signs, self.convexity) and self.size() <= MOST:
            low, high = self.spectrum()
            edge = MARGIN * max(abs(low), abs(high))
            name = "the least eigenvalue of the constant Hessian"
            if low >= -edge / 10:
                hypothesis = Hypothesis(self.normal, name + " is ≥ 0", "spectrum", low)
                return "convex", frozenset([hypothesis]), [], "quadratic"
            if high <= edge / 10:
                name = "the largest eigenvalue of the constant Hessian"
                hypothesis = Hypothesis(self.normal, name + " is ≤ 0", "spectrum", high)
                return "concave", frozenset([hypothesis]), [], "quadratic"
        return "", NONE, [], ""

    def _number(self, n: Node, sign: int) -> Hypotheses | None:
        for data in (False, True):
            interval, why = self.signs.interval(n, data=data)
            if interval.sign == sign:
                return why
        return None

    def size(self) -> int:
        """The number of variables."""
        return sum(n.type.size for n in self.inputs)

    # -- strictly, strongly ----------------------------------------------------------------------

    def sharpened(self, verdict: str, curved: list[Piece]) -> tuple[str, Hypotheses, float | None]:
        """How strictly: the word, what it takes beyond the verdict, and the modulus."""
        if verdict == "linear":
            return "", NONE, None
        sign = 1 if verdict == "convex" else -1
        for word, usable in (
            ("strongly", [p for p in curved if p.squared]),
            ("strictly", curved),
        ):
            found = self._covering(usable)
            if found is not None:
                return word, found, self._modulus(sign) if word == "strongly" else None
        found = self._injective([p for p in curved if p.squared])
        if found is not None:
            return "strongly", found, self._modulus(sign)
        if self.size() <= MOST and degree_two(self.normal, self.signs, self.convexity):
            low, high = sorted(sign * v for v in self.spectrum())
            if low > MARGIN * high:
                name = "the least eigenvalue" if sign > 0 else "the largest eigenvalue"
                relation = "> 0" if sign > 0 else "< 0"
                name = f"{name} of the constant Hessian is {relation}"
                why = Hypothesis(self.normal, name, "spectrum", sign * low)
                return "strongly", frozenset([why]), low
        found = self._injective(curved)
        return ("strictly", found, None) if found is not None else ("", NONE, None)

    def _covering(self, curved: list[Piece]) -> Hypotheses | None:
        """What it takes for the pieces to curve in each variable itself."""
        used: Hypotheses = NONE
        for n in self.inputs:
            normal = self.translate.normal[n]
            mine = [p for p in curved if self._itself(p.map) is normal]
            if not mine:
                return None
            used |= min((p.hypotheses for p in mine), key=len)
        return used

    def _itself(self, n: Node) -> Node:
        """The variable that a map is, up to a number before it and a constant beside it."""
        _, base = self.signs.algebra.split(n)
        if base.op is TOTAL:
            moving = [a for a in base.args if self.signs.varies(a)]
            if len(moving) == 1:
                return self._itself(moving[0])
        return base

    def _injective(self, curved: list[Piece]) -> Hypotheses | None:
        """What it takes for the affine maps of the pieces to lose nothing, by their rank here."""
        if not curved or not 0 < self.size() <= MOST:
            return None
        rows = [self._slope(p.map) for p in curved]
        if any(r is None for r in rows):
            return None
        matrix = np.concatenate([r for r in rows if r is not None])
        if matrix.shape[0] < matrix.shape[1]:
            return None
        least, largest = (float(s) for s in np.linalg.svd(matrix, compute_uv=False)[[-1, 0]])
        if not least > 1e-9 * largest:
            return None
        used: Hypotheses = NONE
        for p in curved:
            used |= p.hypotheses
        subject = curved[0].map if len(curved) == 1 else self.normal
        name = "injective" if len(curved) == 1 else "jointly injective"
        return used | {Hypothesis(subject, name, "rank", least)}

    def _slope(self, n: Node) -> np.ndarray | None:
        """The matrix of an affine node by all variables."""
        columns = []
        base = {self.translate.normal[v]: np.zeros(v.type.shape) for v in self.inputs}
        origin = example_value({**self.values, **base}, n, {})
        if origin is None:
            return None
        for v in self.inputs:
            for k in range(v.type.size):
                unit = np.zeros(v.type.size)
                unit[k] = 1.0
                moved = {**base, self.translate.normal[v]: unit.reshape(v.type.shape)}
                value = example_value({**self.values, **moved}, n, {})
                if value is None:
                    return None
                columns.append((value - origin).ravel())
        return np.stack(columns, axis=1)

    def _modulus(self, sign: int) -> float | None:
        if self.size() <= MOST and degree_two(self.normal, self.signs, self.convexity):
            return min(sign * v for v in self.spectrum())
        return None

    def spectrum(self) -> tuple[float, float]:
        """The least and the largest eigenvalue of the Hessian in the example."""
        points = [np.asarray(self.examples[n].value, float) for n in self.inputs]
        values = np.linalg.eigvalsh(self.matrix(points))
        return float(values.min()), float(values.max())

    def matrix(self, points: Sequence[np.ndarray]) -> np.ndarray:
        """The Hessian at a point, in all variables as one vector."""
        nodes = [
            n
            for row in jacobian_nodes(gradient_nodes(self.output, self.inputs), self.inputs)
            for n in row
        ]
        values = evaluate(nodes, self._at(points), {})
        sizes = [n.type.size for n in self.inputs]
        supply = iter(values)
        blocks = [[np.reshape(next(supply), (a, b)) for b in sizes] for a in sizes]
        whole: np.ndarray = np.block(blocks)
        matrix: np.ndarray = (whole + whole.T) / 2
        return matrix

    def call(self, parts: Sequence[Any]) -> float:
        """The function at a point, by its trace."""
        (value,) = evaluate([self.output], self._at(parts), {})
        return float(value)

    def _at(self, parts: Sequence[Any]) -> dict[Node, Any]:
        given = {n: e.value for n, e in self.examples.items()}
        return {**given, **dict(zip(self.inputs, parts, strict=True))}

    # -- counterexamples -------------------------------------------------------------------------

    def even(self) -> list[bool]:
        """Which variables are symmetric matrices, on the domain or as declared."""
        symmetric = {
            h.subject
            for h in self.domain.hypotheses
            if h.relation == "symmetric" and h.kind == "domain"
        }
        return [
            self.translate.normal[n] in symmetric
            or bool(getattr(self.examples[n].declared, "equals_its_transpose", False))
            for n in self.inputs
        ]

    def search(self, points: int) -> Witness:
        """Chords on the wrong side, about so many points."""
        starts = [np.asarray(self.examples[n].value, float) for n in self.inputs]
        even = self.even()

        def value(parts: Sequence[Any]) -> float:
            with np.errstate(all="ignore"):
                try:
                    if not self.inside(parts):
                        return np.nan
                    return float(self.call(parts))
                except (np.linalg.LinAlgError, ValueError, ZeroDivisionError, OverflowError):
                    return np.nan

        def shaped(k: int, x: np.ndarray) -> np.ndarray:
            return (x + x.T) / 2 if even[k] else x

        def draw(rng: np.random.Generator, width: float) -> list[np.ndarray]:
            made = []
            for k, (n, s) in enumerate(zip(self.inputs, starts, strict=True)):
                declared = self.examples[n].declared
                if declared is not None:
                    sizes = dict(self.derivation.sizes)
                    made.append(np.asarray(declared.example(sizes, rng), float))
                    continue
                spread = width * max(1.0, float(np.abs(s).max(initial=0)))
                made.append(s + shaped(k, spread * rng.normal(size=s.shape)))
            return made

        def direct(point: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
            return [shaped(k, rng.normal(size=p.shape)) for k, p in enumerate(point)]

        def curved(point: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
            if self.size() > 60:
                return
            try:
                _, vectors = np.linalg.eigh(self.matrix(point))
            except (ChainruleError, np.linalg.LinAlgError, ValueError):
                return
            for column in (vectors[:, 0], vectors[:, -1]):
                parts, start = [], 0
                for k, p in enumerate(point):
                    parts.append(shaped(k, column[start : start + p.size].reshape(p.shape)))
                    start += p.size
                yield parts

        return search(value, starts, draw, direct, curved, points)

    def inside(self, parts: Sequence[Any]) -> bool:
        """Whether a point is in the domain that the proof names."""
        normal = self.translate.normal
        point = {normal[n]: np.asarray(p) for n, p in zip(self.inputs, parts, strict=True)}
        for n, p in zip(self.inputs, parts, strict=True):
            assumed: frozenset[str] = getattr(self.examples[n].declared, "assumed", frozenset())
            if "positive" in assumed and not np.all(np.asarray(p) > 0):
                return False
            if "nonnegative" in assumed and not np.all(np.asarray(p) >= 0):
                return False
            if "positive_definite" in assumed and np.linalg.eigvalsh(p).min() <= 0:
                return False
        cache: dict[Node, np.ndarray | None] = {}
        for h in self.domain.hypotheses:
            if h.kind != "domain":
                continue
            value = example_value({**self.values, **point}, h.subject, cache)
            if value is None:
                continue
            if h.relation == "> 0" and not np.all(value > 0):
                return False
            if h.relation == "< 0" and not np.all(value < 0):
                return False
            if h.relation == "≻ 0" and np.linalg.eigvalsh((value + value.T) / 2).min() <= 0:
                return False
        return True
