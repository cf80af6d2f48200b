"""Functions of a matrix that are written with its eigenvalues and eigenvectors, recognised.

``V f(w) Vᴴ`` and ``Σ f(w)`` are smooth where eigenvalues are equal, though the vectors are not;
so are ``U f(s) Vᴴ`` and its kin where singular values are. What is contracted with one index of
vectors, which two factors V and functions of w alone have, is
a function of the matrix: see :mod:`chainrule.ops.spectral_functions`. A program is rewritten so
before it is differentiated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ir.graph import Graph, toposort
from ..ir.node import ITEM, Node, constant, input_node, item, node
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, split_subscripts
from ..ops.equations import polar_factor
from ..ops.spectral import eigh, eigvalsh, svd, svdvals
from ..ops.spectral_functions import How, body_of, spectral_function, spectral_sum
from ..ops.structural import broadcast, cast, place, reduce_sum, slice_, transpose
from .characteristic import GENERAL, a_power_sum_of_eigenvalues
from .engine import Rules
from .pattern import algorithm

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST = 10


#: An array, the names of its indices, and whether it is conjugated.
Factor = tuple[Node, str, bool]


@dataclass
class _Factors:
    """A product of arrays with named indices, of which some are summed."""

    found: list[Factor] = field(default_factory=list)
    used: int = 0

    def letter(self) -> str:
        """A new index."""
        self.used += 1
        return _LETTERS[self.used - 1]

    def expand(self, n: Node, letters: str, conjugate: bool = False) -> bool:
        """Take ``n`` apart; whether there is room for it."""
        if len(self.found) > _MOST or self.used > len(_LETTERS) - 8:
            return False
        if n.op is ar.multiply:
            return all(self.expand(a, letters, conjugate) for a in n.args)
        if n.op is ar.divide:
            below, named = n.args[1], letters
            if below.op is broadcast:
                named = "".join(letters[k] for k in below.params[1])
                (below,) = below.args
            over = ar.reciprocal.build((below,))
            return self.expand(n.args[0], letters, conjugate) and self.expand(over, named, conjugate)
        if n.op is ar.square and _has_vectors(n.args[0]):
            return all(self.expand(n.args[0], letters, conjugate) for _ in range(2))
        if n.op is transpose:
            axes = n.params[0]
            inner = {axis: letters[k] for k, axis in enumerate(axes)}
            inside = "".join(inner[k] for k in range(-len(axes), 0))
            return self.expand(n.args[0], inside, conjugate)
        if n.op is cast and n.type.dtype.kind == "c" and n.args[0].type.dtype.kind == "f":
            return self.expand(n.args[0], letters, conjugate)
        if n.op is ar.conjugate:
            return self.expand(n.args[0], letters, not conjugate)
        if n.op is reduce_sum and _has_vectors(n.args[0]):
            rest = iter(letters)
            gone = n.params[0]
            places = range(-n.args[0].type.ndim, 0)
            inside = "".join(self.letter() if k in gone else next(rest) for k in places)
            return self.expand(n.args[0], inside, conjugate)
        if n.op is broadcast and _has_vectors(n.args[0]):
            return self.expand(n.args[0], "".join(letters[k] for k in n.params[1]), conjugate)
        if n.op is einsum and not n.params[1] and _has_vectors(n):
            inputs, out = split_subscripts(n.params[0])
            if len(set(out)) == len(out):
                names = dict(zip(out, letters, strict=True))
                for c in "".join(inputs):
                    if c not in names:
                        names[c] = self.letter()
                return all(
                    self.expand(a, "".join(names[c] for c in code), conjugate)
                    for a, code in zip(n.args, inputs, strict=True)
                )
        self.found.append((n, letters, conjugate))
        return len(self.found) <= _MOST


def _has_vectors(n: Node, depth: int = 6) -> bool:
    """Whether eigenvectors or eigenvalues are among the factors of ``n``."""
    if n.op is ITEM:
        return n.args[0].op is eigh or n.args[0].op is svd
    if n.op is eigvalsh or n.op is svdvals:
        return True
    if not depth or not n.args:
        return False
    return any(_has_vectors(a, depth - 1) for a in n.args)


@algorithm(einsum, reduce_sum)
def a_function_of_a_matrix(n: Node) -> Node | None:
    """``V f(w) Vᴴ`` and ``U f(s) Vᴴ``, in whatever contraction, are functions of the matrix."""
    if n.type.dtype.kind not in "fc" or not _has_vectors(n):
        return None
    factors = _Factors()
    out = "".join(factors.letter() for _ in range(n.type.ndim))
    if n.op is einsum:
        code = split_subscripts(n.params[0])[1]
        if n.params[1] or len(set(code)) != len(code):
            return None
    if not factors.expand(n, out):
        return None
    count = Counter(c for _, letters, _ in factors.found for c in set(letters))
    for index in count:
        if index not in out:
            found = _summed_over(factors.found, index, out)
            if found is not None:
                return found
    return None


def _summed_over(factors: Sequence[Factor], index: str, out: str) -> Node | None:
    """The contraction with what carries ``index`` made one function of a matrix."""
    inside = [f for f in factors if index in f[1]]
    vectors = [f for f in inside if _is_vectors(f[0])]
    rest = [f for f in inside if not _is_vectors(f[0])]
    found: _Function | None = None
    if len(vectors) == 2:
        found = _of_vectors(vectors, index)
    elif not vectors and rest:
        known = _source(rest[0][0])
        found = None if known is None else _Function(known, rest[0][1][:-1], "", "", "")
    if found is None or any(letters != found.lead + index for _, letters, _ in rest):
        return None
    outside = _without(factors, index)
    if not rest:
        return _identity(outside, found, out)
    vector = rest[0][0]
    for other, _, _ in rest[1:]:
        vector = ar.multiply.build((vector, other))
    values = found.values
    if vector.type.dtype.kind != "f":
        return None
    matrix = values.args[0] if values.op is not ITEM else values.args[0].args[0]
    made = body_of(vector, lambda m: m is values or _same(m, values), matrix.type.shape[:-2])
    if made is None:
        return None
    function = _recorded(found, matrix, *made)
    if function is None:
        return None
    outside.append((function, found.lead + found.row + found.column, found.turned))
    return _contracted(outside, out)


@dataclass(frozen=True)
class _Function:
    """A function of a matrix: the node of its values, the indices, the kind of vectors."""

    values: Node
    lead: str
    row: str
    column: str
    kind: str  # "", or which vectors: "w", "uv", "uu", "vv"
    turned: bool = False


def _is_vectors(n: Node) -> bool:
    return n.op is ITEM and (
        (n.args[0].op is eigh and n.params[0] == 1) or (n.args[0].op is svd and n.params[0] != 1)
    )


def _of_vectors(vectors: Sequence[Factor], index: str) -> _Function | None:
    """Two factors of vectors with one index in common."""
    (v, first, turned), (other, second, other_turned) = vectors
    source = v.args[0]
    if other.args[0] is not source:
        return None
    complex_ = v.type.dtype.kind == "c"
    ends = []
    for x, letters in ((v, first), (other, second)):
        rows = source.op is svd and x.params[0] == 2  # Vᴴ has its vectors in rows
        lead, i, j = letters[:-2], letters[-2], letters[-1]
        if rows:
            i, j = j, i
        if j != index or i == index or index in lead:
            return None
        ends.append((lead, i, rows))
    (lead_one, i, first_rows), (lead_two, k, second_rows) = ends
    if lead_one != lead_two:
        return None
    if source.op is eigh:
        if complex_ and turned == other_turned:
            return None
        if turned:
            i, k = k, i
        return _Function(item(source, 0), lead_one, i, k, "w")
    if lead_one or (source.params[0] and len(set(source.args[0].type.shape[-2:])) > 1):
        return None
    values = item(source, 1)
    if first_rows != second_rows:
        if complex_ and turned != other_turned:
            return None
        if first_rows:
            i, k = k, i
        return _Function(values, "", i, k, "uv", complex_ and turned)
    if complex_ and turned == other_turned:
        return None
    # U and conj(U), or conj(Vᴴ) and Vᴴ.
    if turned != first_rows and complex_:
        i, k = k, i
    return _Function(values, "", i, k, "vv" if first_rows else "uu")


def _recorded(found: _Function, matrix: Node, body: Graph, numbers: Sequence[Node]) -> Node | None:
    """The function as a node, of the matrix or, for singular values, of what it is a block of."""
    values = found.values
    if values.op is eigvalsh or (values.op is ITEM and values.args[0].op is eigh):
        lower = (values if values.op is eigvalsh else values.args[0]).params[0]
        row = spectral_function if found.kind else spectral_sum
        return node(row, (matrix, *numbers), (body, How(lower)))
    m, n = matrix.type.shape[-2:]
    if matrix.type.ndim != 2:
        return None
    turned = transpose.build((matrix,), (-1, -2))
    if matrix.type.dtype.kind == "c":
        turned = ar.conjugate.build((turned,))
    whole = place.build((turned,), (m + n, m + n), (((m, n, 1), (0, m, 1)),))
    how = How(True, "odd" if found.kind == "uv" else "even", abs(m - n))
    if not found.kind:
        total = node(spectral_sum, (whole, *numbers), (body, how))
        return ar.multiply.build((total, constant(total.type.dtype.type(0.5))))
    function = node(spectral_function, (whole, *numbers), (body, how))
    first, second = (0, m, 1), (m, n, 1)
    blocks = {"uv": (first, second), "uu": (first, first), "vv": (second, second)}
    return slice_.build((function,), blocks[found.kind])


def _same(m: Node, values: Node) -> bool:
    """Whether two nodes are the eigenvalues, or the singular values, of one matrix."""
    known = _values_of(m)
    return known is not None and known == _values_of(values)


def _values_of(n: Node) -> tuple[Any, ...] | None:
    if n.op is eigvalsh:
        return (eigh, n.args[0], n.params)
    if n.op is svdvals:
        return (svd, n.args[0])
    if n.op is ITEM and n.args[0].op is eigh and n.params[0] == 0:
        return (eigh, n.args[0].args[0], n.args[0].params)
    if n.op is ITEM and n.args[0].op is svd and n.params[0] == 1:
        return (svd, n.args[0].args[0])
    return None


def _without(factors: Sequence[Factor], index: str) -> list[Factor]:
    return [f for f in factors if index not in f[1]]


def _contracted(factors: Sequence[Factor], out: str) -> Node | None:
    """The contraction of factors, or the one factor there is."""
    operands = [ar.conjugate.build((x,)) if c and x.type.dtype.kind == "c" else x for x, _, c in factors]
    codes = ",".join(letters for _, letters, _ in factors)
    if len(operands) == 1 and codes == out:
        return operands[0]
    return einsum.build(tuple(operands), f"{codes}->{out}", ()) if set(out) <= set(codes) else None


def _identity(outside: list[Factor], found: _Function, out: str) -> Node | None:
    """``V Vᴴ`` is the identity, ``U Vᴴ`` the polar factor, ``U Uᴴ`` the projector on the columns."""
    matrix = found.values.args[0].args[0]
    if found.lead:
        return None
    if found.kind == "w":
        one = einsum.build((), "->ii", (("i", matrix.type.shape[-1]),))
    elif found.kind == "uv":
        one = node(polar_factor, (matrix,))
    else:
        x = input_node(1, "number", found.values.type.with_shape(()))
        unit = Graph((x,), (constant(x.type.dtype.type(1)),)).closed()
        made = _recorded(found, matrix, unit, ())
        if made is None:
            return None
        one = made
    contracted = _contracted([*outside, (one, found.row + found.column, found.turned)], out)
    if contracted is None or contracted.type.dtype == matrix.type.dtype:
        return contracted
    return cast.build((contracted,), matrix.type.dtype, False)


def _source(n: Node) -> Node | None:
    """The eigenvalues or singular values that a vector is made of."""
    return next((m for m in toposort([n]) if _values_of(m) is not None), None)


def has_spectra(outputs: Sequence[Node]) -> bool:
    """Whether a program takes eigenvalues at all."""
    return any(n.op in _DECOMPOSITIONS for n in toposort(outputs))


_DECOMPOSITIONS = GENERAL | {eigh, eigvalsh, svd, svdvals}


#: What a program with eigenvalues is rewritten by before it is differentiated.
SPECTRA = Rules((a_power_sum_of_eigenvalues, a_function_of_a_matrix))
