"""One monomial as matrix notation, by series-parallel reduction of its graph of indices.

Indices are the vertices of a graph; a vector sits on a vertex, a matrix is an edge. An index that
is summed over and has one edge left is a matrix times a vector; one with two edges is a matrix
product, with what sits on it as a diagonal between; parallel edges are an elementwise product. If
that ends with the indices of the result alone, the monomial has a matrix notation; otherwise what
is left is written with its indices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from ..ops.arithmetic import greater, greater_equal, less, less_equal
from ..ops.monomial import BETWEEN, STEP, UNIT, Axis, Coefficient, Factor, Order, Term
from .chains import (
    has_differential,
    is_differential,
    is_letter,
    is_one_hot,
    is_transposed,
    product,
    quotient,
    rotated,
    with_powers,
)
from .edges import Edge, Vertex
from .layout import (
    Indexing,
    Kind,
    Layout,
    as_rows,
    backwards,
    divided,
    hadamard,
    number,
    power,
    scaled,
)

LETTERS = "ijklmnpqrstuvw"

#: Matrices of zeros and ones.
MASKS = frozenset([greater, greater_equal, less, less_equal, STEP, BETWEEN])


def _columns(term: Term) -> set[int]:
    """Indices of length 1 that two matrices of one column share: ``E W₂ᵀ`` is their product."""
    readers: dict[int, list[bool]] = {}
    for f in term.factors:
        for i in set(f.indices):
            if term.axes[i].length == 1:
                others = [j for j in f.indices if j != i]
                column = len(others) == 1 and term.axes[others[0]].length != 1 and f.exponent == 1
                readers.setdefault(i, []).append(column)
    return {i for i, columns in readers.items() if columns == [True, True]}


#: The layout of a sub-product that has a name of its own, if it has.
Lookup = Callable[[Term], "tuple[Layout, Coefficient] | None"]


#: A name for an elementwise product inside a deep one.
Part = Callable[[Term, Layout], Layout]


class Reduction:
    """The reduction of one term, given the layouts of its factors."""

    def __init__(
        self,
        term: Term,
        layouts: Sequence[Layout],
        lookup: Lookup,
        order: Order,
        part: Part | None = None,
    ) -> None:
        self.term = term
        self.order = order
        self.part = part
        self.lookup = lookup
        self.coefficient = term.coefficient
        self.over: list[Layout] = []
        self.under: list[Layout] = []
        self.vertices: dict[int, Vertex] = {i: Vertex([], []) for i in term.axes}
        self.edges: list[Edge] = []
        self.wide: list[tuple[Layout, tuple[int, ...]]] = []
        self.columns = _columns(term)
        for f, layout in zip(term.factors, layouts, strict=True):
            self._place(f, layout)
        self._pick()

    def result(self) -> Layout:
        """The layout of the whole."""
        self._eliminate()
        self._close_wide()
        out = self.term.out
        summed = [i for i in self.term.inner() if i not in out and self._alive(i)]
        if len(out) > 2 and not self.coefficient.number:
            return Layout(Kind.FILL, (number(self.coefficient),), self.term.out_axes)
        self.over = with_powers(self.over)
        # Letters before functions, and differentials last: x sin(y) dx.
        self.over.sort(key=lambda x: (is_differential(x), not is_letter(x)))
        if len(out) > 2 and len(set(out)) == len(out) and not any(map(self._alive, out)) and not summed:
            body: Layout | None = self._filled(self.term.out_axes)
        elif self._goes_by_elements(out):
            body = quotient([x for x, _ in self.wide])
        elif self.wide or summed or len(out) > 2:
            body = self._indexed()
        elif not out:
            body = None
        elif len(out) == 1:
            body = self._vector(out[0])
        elif out[0] == out[1]:
            body = self._diagonal(out[0])
        else:
            body = self._matrix(*out)
        return scaled(self.coefficient, self.over, self.under, body)

    def _close_wide(self) -> None:
        """Arrays with more than two axes that are only multiplied and summed: a number."""
        if not self.wide:
            return
        indices = self.wide[0][1]
        met = {i for e in self.edges for i in (e.a, e.b)} | set(self.term.out)
        met |= {i for i, v in self.vertices.items() if v.over or v.under}
        if len(set(indices)) < len(indices) or met & set(indices):
            return
        if all(own == indices for _, own in self.wide):
            self.over.append(_sum_of(quotient([x for x, _ in self.wide])))
            self.wide = []

    def _goes_by_elements(self, out: tuple[int, ...]) -> bool:
        """Whether arrays with more than two axes are only multiplied by their elements."""
        if not self.wide or self.edges or len(set(out)) < len(out):
            return False
        if any(indices != out for _, indices in self.wide):
            return False
        return not any(v.over or v.under for v in self.vertices.values())

    # -- setting up ------------------------------------------------------------------------------

    def _place(self, f: Factor, layout: Layout) -> None:
        axes = self.term.axes
        unit = [
            k
            for k, i in enumerate(f.indices)
            if axes[i].length == 1 and i not in self.term.out and i not in self.columns
        ]
        indices = f.indices
        if unit:
            kept = [k for k in range(len(indices)) if k not in unit]
            layout = Layout(
                Kind.SQUEEZE, (layout,), tuple(layout.axes[k] for k in kept), tuple(unit)
            )
            indices = tuple(indices[k] for k in kept)
        inverted = f.exponent < 0
        layout = power(layout, abs(f.exponent))
        if not indices:
            (self.under if inverted else self.over).append(layout)
        elif len(indices) == 1 or (len(indices) == 2 and indices[0] == indices[1]):
            if len(indices) == 2:
                layout = Layout(Kind.DIAGONAL, (layout,), layout.axes[:1])
            vertex = self.vertices[indices[0]]
            (vertex.under if inverted else vertex.over).append(layout)
            vertex.factors += (f,)
        elif len(indices) == 2:
            if inverted:
                layout = divided([], [layout], layout.axes)
            back = None
            if f.node in self.order.symmetric:
                if layout.kind in (Kind.NAME, Kind.INVERSE):
                    layout = replace(layout, symmetric=True)
                back = (layout,)
            self.edges.append(Edge(*indices, (layout,), (f,), back=back))
        else:
            self.wide.append((divided([], [layout], layout.axes) if inverted else layout, indices))

    def _pick(self) -> None:
        """Rows of a symbol by their labels, rather than a product with one-hot rows."""
        for e in list(self.edges):
            meets = [f for f in self.edges if f is not e and e.b in (f.a, f.b)]
            ends = self.vertices[e.b]
            if not is_one_hot(e.chain[0]) or e.b in self.term.out or ends.over or ends.under:
                continue
            if len(meets) != 1 or len(meets[0].chain) > 1:
                continue
            (other,) = meets
            read = other.read(e.b)
            if read[0].kind is not Kind.NAME:
                continue
            end = other.b if other.a == e.b else other.a
            self.edges = [f for f in self.edges if f is not e and f is not other]
            chain = (product((*e.chain, *read)),)
            self.edges.append(Edge(e.a, end, chain, (*e.factors, *other.factors)))

    def _alive(self, i: int) -> bool:
        vertex = self.vertices[i]
        return (
            bool(vertex.over or vertex.under)
            or any(i in (e.a, e.b) for e in self.edges)
            or any(i in indices for _, indices in self.wide)
        )

    # -- reduction -------------------------------------------------------------------------------

    def _eliminate(self) -> None:
        pinned = set(self.term.out) | {i for _, indices in self.wide for i in indices}
        while True:
            summed = [i for i in self.term.axes if i not in pinned and self._alive(i)]
            if not summed:
                self._parallel()
                return
            if self._closed_pair(summed):
                continue
            self._parallel()
            best = None
            for i in summed:
                edges = [e for e in self.edges if i in (e.a, e.b)]
                if len(edges) > 2:
                    continue
                vertex = self.vertices[i]
                loaded = bool(vertex.over or vertex.under)
                # A loaded end first, on the side of the columns; a bare end last.
                cost = (
                    (3, 0)
                    if len(edges) == 2
                    else (0, 0)
                    if not edges
                    else (1 if loaded else 4, int(edges[0].b != i))
                )
                if best is None or cost < best[0]:
                    best = (cost, i, edges)
            if best is None:
                return
            _, i, edges = best
            if len(edges) == 2 and self._weighted(i, edges):
                continue
            (self._close, self._apply, self._join)[len(edges)](i, edges)

    def _weighted(self, i: int, edges: list[Edge]) -> bool:
        """Weights on both sides of an elementwise matrix are an outer product beside it."""
        weights = self.vertices[i]
        for e in edges:
            other = e.b if e.a == i else e.a
            ends = self.vertices[other]
            if (self.term.out and other not in self.term.out) or not _is_elementwise(e):
                continue
            if not (weights.over and ends.over) or weights.under or ends.under:
                continue
            self._outer(e, i, other)
            return True
        return False

    def _outer(self, e: Edge, i: int, j: int) -> None:
        """``diag(u) M diag(v)`` as ``(uvᵀ) ⊙ M``."""
        left, right = self.vertices[i], self.vertices[j]
        both = product((hadamard(left.over), *backwards((hadamard(right.over),))))
        chain = (hadamard([both, e.layout(i)]),)
        factors = (*left.factors, *e.factors, *right.factors)
        self.vertices[i], self.vertices[j] = Vertex([], []), Vertex([], [])
        self.edges = [f for f in self.edges if f is not e]
        self.edges.append(Edge(i, j, chain, factors, plain=False))

    def _parallel(self) -> None:
        """Parallel edges become one, and an edge from an index to itself sits on that index."""
        groups: dict[frozenset[int], list[Edge]] = {}
        for e in self.edges:
            groups.setdefault(frozenset((e.a, e.b)), []).append(e)
        self.edges = []
        for ends, group in groups.items():
            first = group[0]
            if len(ends) == 1:
                for e in group:
                    diagonal = Layout(Kind.DIAGONAL, (e.layout(e.a),), (self.term.axes[e.a],))
                    self.vertices[e.a].over.append(diagonal)
                    self.vertices[e.a].factors += e.factors
                continue
            if len(group) == 1:
                self.edges.append(first)
                continue
            parts = [e.layout(first.a) for e in group]
            if sum(map(is_transposed, parts)) > len(parts) / 2:
                first = Edge(first.b, first.a, (), ())
                parts = [e.layout(first.a) for e in group]
            factors = tuple(f for e in group for f in e.factors)
            whole = quotient(parts)
            if self.part is not None:
                rows_and_columns = (first.a, first.b)
                whole = self.part(Term(UNIT, factors, rows_and_columns, self.term.axes), whole)
            self.edges.append(Edge(first.a, first.b, (whole,), factors, plain=False))

    def _closed_pair(self, summed: list[int]) -> bool:
        """Two matrices between the same two summed indices: a trace, or a squared norm."""
        for e in self.edges:
            if e.a not in summed or e.b not in summed or e.a == e.b:
                continue
            if any(self.vertices[i].over or self.vertices[i].under for i in (e.a, e.b)):
                continue
            touching = [f for f in self.edges if {f.a, f.b} & {e.a, e.b}]
            if len(touching) == 1:
                self.over.append(_sum_of(e.layout(e.b if all(map(is_transposed, e.chain)) else e.a)))
            elif len(touching) == 2 and all({f.a, f.b} == {e.a, e.b} for f in touching):
                first, second = touching
                pieces = (*first.read(e.b), *second.read(e.a))
                sides = [f.layout(first.a) for f in touching]
                if all(f.plain and len(f.chain) == 1 for f in touching) and not any(
                    is_transposed(x) or has_differential(x) for x in sides
                ):
                    both = hadamard(sides)
                    self.over.append(Layout(Kind.SUM_ALL, (both,), ()))
                else:
                    self.over.append(Layout(Kind.TRACE, (rotated(pieces),), ()))
            else:
                continue
            self.edges = [f for f in self.edges if f not in touching]
            return True
        return False

    def _close(self, i: int, edges: list[Edge]) -> None:
        """An index on which all its factors sit: a sum, an inner product, a squared norm."""
        vertex = self.vertices[i]
        over = vertex.over
        if not vertex.under and len(over) == 1 and over[0].kind is Kind.POWER and over[0].data == 2:
            self.over.append(power(Layout(Kind.NORM, over[0].children, ()), Fraction(2)))
        elif not vertex.under and len(over) == 1 and over[0].kind is Kind.DIAGONAL:
            self.over.append(Layout(Kind.TRACE, over[0].children, ()))
        elif not vertex.under and len(over) == 2:
            left, right = over
            if right.kind is not Kind.PRODUCT and left.kind is Kind.PRODUCT:
                left, right = right, left
            ends = [f.node for f in vertex.factors]
            if len(ends) == 2 and self.order.first.get(frozenset(ends)) is ends[1]:
                left, right = right, left
            if is_differential(left) and not is_differential(right):
                left, right = right, left
            self.over.append(product((*backwards((left,)), right)))
        else:
            body = divided(over, vertex.under, (self.term.axes[i],))
            self.over.append(Layout(Kind.SUM_ALL, (body,), ()))
        self.vertices[i] = Vertex([], [])

    def _apply(self, i: int, edges: list[Edge]) -> None:
        """A matrix times what sits at its end."""
        (edge,) = edges
        vertex = self.vertices[i]
        other = edge.b if edge.a == i else edge.a
        axis = self.term.axes[i]
        if vertex.over or vertex.under:
            body = divided(vertex.over, vertex.under, (axis,))
            if self.part is not None and len(vertex.over) > 1:
                body = self.part(Term(UNIT, vertex.factors, (i,), self.term.axes), body)
        else:
            body = Layout(Kind.ONES, (), (axis,))
        factors = (*edge.factors, *vertex.factors)
        result = self._named(factors, (other,)) or product((*edge.read(other), body))
        self.vertices[i] = Vertex([], [])
        self.edges = [e for e in self.edges if e is not edge]
        target = self.vertices[other]
        target.over.append(result)
        target.factors += factors

    def _join(self, i: int, edges: list[Edge]) -> None:
        """Two matrices that meet at an index."""
        first, second = edges
        vertex = self.vertices[i]
        a = first.b if first.a == i else first.a
        b = second.b if second.a == i else second.a
        middle: tuple[Layout, ...] = ()
        if vertex.over or vertex.under:
            axis = self.term.axes[i]
            weights = divided(vertex.over, vertex.under, (axis,))
            middle = (Layout(Kind.DIAG, (weights,), (axis, axis)),)
        chain = (*first.read(a), *middle, *second.read(i))
        back = (*second.read(b), *middle, *first.read(i))
        factors = (*first.factors, *vertex.factors, *second.factors)
        self.vertices[i] = Vertex([], [])
        self.edges = [e for e in self.edges if e not in edges]
        for start, end in ((a, b), (b, a)):
            named = self._named(factors, (start, end))
            if named is not None:
                self.edges.append(Edge(start, end, (named,), factors))
                return
        self.edges.append(Edge(a, b, chain, factors, back=back))

    def _named(self, factors: tuple[Factor, ...], out: tuple[int, ...]) -> Layout | None:
        """The user's name for a part of the product, if there is one."""
        found = self.lookup(Term(UNIT, factors, out, self.term.axes))
        if found is None:
            return None
        named, coefficient = found
        self.coefficient = self.coefficient * coefficient
        return named

    # -- what is left ----------------------------------------------------------------------------

    def _vector(self, i: int) -> Layout | None:
        vertex = self.vertices[i]
        axes = (self.term.axes[i],)
        if vertex.over or vertex.under:
            return divided(vertex.over, vertex.under, axes)
        return self._filled(axes)

    def _filled(self, axes: tuple[Axis, ...]) -> Layout:
        """A number as every element; the scalar factors go inside."""
        inside = scaled(self.coefficient, self.over, self.under, None)
        self.coefficient, self.over, self.under = UNIT, [], []
        return Layout(Kind.FILL, (inside,), axes)

    def _diagonal(self, i: int) -> Layout:
        vertex = self.vertices[i]
        axis = self.term.axes[i]
        if vertex.over or vertex.under:
            body = divided(vertex.over, vertex.under, (axis,))
            return Layout(Kind.DIAG, (body,), (axis, axis))
        return Layout(Kind.IDENTITY, (), (axis, axis))

    def _matrix(self, i: int, j: int) -> Layout:
        rows, columns = (self.vertices[k] for k in (i, j))
        loaded = rows.over and columns.over and not rows.under and not columns.under
        if loaded and self.edges and _is_elementwise(self.edges[0]):
            self._outer(self.edges[0], i, j)
            rows, columns = (self.vertices[k] for k in (i, j))
        axes = (self.term.axes[i], self.term.axes[j])
        left = divided(rows.over, rows.under, axes[:1]) if rows.over or rows.under else None
        right = (
            divided(columns.over, columns.under, axes[1:])
            if columns.over or columns.under
            else None
        )
        if self.edges:
            (edge,) = self.edges
            chain = list(edge.read(i))
            if left is not None:
                chain.insert(0, Layout(Kind.DIAG, (left,), (axes[0], axes[0])))
            if right is not None:
                chain.append(Layout(Kind.DIAG, (right,), (axes[1], axes[1])))
            return product(chain)
        if left is not None and right is not None:
            return product((left, *backwards((right,))))
        if left is not None:
            return Layout(Kind.COLUMNS, (left,), axes)
        if right is not None:
            return as_rows(right, axes)
        return self._filled(axes)

    def _indexed(self) -> Layout:
        """Index notation for what has no matrix notation."""
        letters: dict[int, str] = {}
        out = ""
        equal = []
        supply = iter(LETTERS + "".join(c + "′" for c in LETTERS))
        for i in self.term.out:
            letter = next(supply)
            if i in letters:
                equal.append(letters[i] + letter)
            else:
                letters[i] = letter
            out += letter
        parts: list[tuple[Layout, tuple[int, ...]]] = []
        for i, vertex in self.vertices.items():
            if vertex.over or vertex.under:
                parts.append((divided(vertex.over, vertex.under, (self.term.axes[i],)), (i,)))
        parts.extend((e.layout(e.a), (e.a, e.b)) for e in self.edges)
        parts.extend(self.wide)
        for _, indices in parts:
            for i in indices:
                if i not in letters:
                    letters[i] = next(supply)
        names = tuple("".join(letters[i] for i in indices) for _, indices in parts)
        lengths = {letters[i]: self.term.axes[i] for i in letters}
        for letter, i in zip(out, self.term.out, strict=True):
            lengths[letter] = self.term.axes[i]
        data = Indexing(UNIT, out, names, tuple(equal), tuple(lengths.items()))
        children = tuple(x for x, _ in parts)
        return Layout(Kind.INDEXED, children, self.term.out_axes, data)


def _sum_of(x: Layout) -> Layout:
    """The sum of all elements; of squares a squared norm."""
    if x.kind is Kind.POWER and x.data == 2:
        return power(Layout(Kind.NORM, x.children, ()), Fraction(2))
    return Layout(Kind.SUM_ALL, (x,), ())


def _is_elementwise(e: Edge) -> bool:
    """Whether an edge is one matrix that was made entry by entry; a mask also by a name."""
    kinds = (Kind.SUM, Kind.HADAMARD, Kind.DIVIDE, Kind.APPLY, Kind.POWER, Kind.INDICATOR)
    if len(e.chain) != 1:
        return False
    mask = len(e.factors) == 1 and e.factors[0].node.op in MASKS
    return mask or e.chain[0].kind in kinds
