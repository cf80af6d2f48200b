"""Functions of a matrix that are written with its eigenvalues and eigenvectors, recognised.

``V f(w) Vᴴ`` and ``Σ f(w)`` are smooth where eigenvalues are equal, though the vectors are not.
What is contracted with one eigenvector index, which two factors V and functions of w alone have, is
a function of the matrix: see :mod:`chainrule.ops.spectral_functions`. A program is rewritten so
before it is differentiated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ir.graph import toposort
from ..ir.node import ITEM, Node, node
from ..ops import arithmetic as ar
from ..ops.contraction import einsum, split_subscripts
from ..ops.spectral import eigh, eigvalsh
from ..ops.spectral_functions import body_of, spectral_function, spectral_sum
from ..ops.structural import broadcast, cast, reduce_sum, transpose
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
        if n.op is ar.divide and n.args[1].op is broadcast:
            (below,), (_, kept) = n.args[1].args, n.args[1].params
            over = ar.reciprocal.build((below,))
            return self.expand(n.args[0], letters, conjugate) and self.expand(
                over, "".join(letters[k] for k in kept), conjugate
            )
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
        return n.args[0].op is eigh
    if n.op is eigvalsh:
        return True
    if not depth or not n.args:
        return False
    return any(_has_vectors(a, depth - 1) for a in n.args)


@algorithm(einsum, reduce_sum)
def a_function_of_a_hermitian_matrix(n: Node) -> Node | None:
    """``V f(w) Vᴴ``, in whatever contraction it stands, is one function of the matrix."""
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
    vectors = [f for f in inside if _component(f[0]) == 1]
    rest = [f for f in inside if _component(f[0]) != 1]
    if len(vectors) not in (0, 2):
        return None
    lead = inside[0][1][: -2 if vectors else -1] if not vectors else vectors[0][1][:-2]
    if any(letters != lead + index for _, letters, _ in rest) or not (rest or vectors):
        return None
    if vectors:
        (v, first, turned), (other, second, other_turned) = vectors
        if v is not other or any(f[:-2] != lead or f[-1] != index for f in (first, second)):
            return None
        if index in first[:-1] + second[:-1] or (v.type.dtype.kind == "c" and turned == other_turned):
            return None
        if turned:
            first, second = second, first
        (matrix,), (lower,) = v.args[0].args, v.args[0].params
    else:
        known = _source(rest[0][0])
        if known is None:
            return None
        matrix, lower = known
    if not rest:
        return None if lead else _identity(factors, index, first[-2], second[-2], matrix, out)
    vector = rest[0][0]
    for other, _, _ in rest[1:]:
        vector = ar.multiply.build((vector, other))
    if vector.type.dtype.kind != "f":
        return None
    shape = matrix.type.shape[:-2]
    found = body_of(vector, lambda m: _eigenvalues_of(m, matrix, lower), shape)
    if found is None:
        return None
    body, numbers = found
    args = (matrix, *numbers)
    outside = _without(factors, index)
    if vectors:
        function = node(spectral_function, args, (body, lower))
        outside.append((function, lead + first[-2] + second[-2], False))
    else:
        outside.append((node(spectral_sum, args, (body, lower)), lead, False))
    return _contracted(outside, out)


def _without(factors: Sequence[Factor], index: str) -> list[Factor]:
    return [f for f in factors if index not in f[1]]


def _contracted(factors: Sequence[Factor], out: str) -> Node | None:
    """The contraction of factors, or the one factor there is."""
    operands = [ar.conjugate.build((x,)) if c and x.type.dtype.kind == "c" else x for x, _, c in factors]
    codes = ",".join(letters for _, letters, _ in factors)
    if len(operands) == 1 and codes == out:
        return operands[0]
    return einsum.build(tuple(operands), f"{codes}->{out}", ()) if set(out) <= set(codes) else None


def _identity(
    factors: Sequence[Factor], index: str, row: str, column: str, matrix: Node, out: str
) -> Node | None:
    """``V Vᴴ`` is the identity."""
    one = einsum.build((), "->ii", (("i", matrix.type.shape[-1]),))
    found = _contracted([*_without(factors, index), (one, row + column, False)], out)
    if found is None or found.type.dtype == matrix.type.dtype:
        return found
    return cast.build((found,), matrix.type.dtype, False)


def _component(n: Node) -> int | None:
    return n.params[0] if n.op is ITEM and n.args[0].op is eigh else None


def _eigenvalues_of(n: Node, matrix: Node, lower: bool) -> bool:
    if n.op is eigvalsh:
        return n.args[0] is matrix and n.params == (lower,)
    return _component(n) == 0 and n.args[0].args[0] is matrix and n.args[0].params == (lower,)


def _source(n: Node) -> tuple[Node, bool] | None:
    """The matrix whose eigenvalues a vector is made of."""
    for m in toposort([n]):
        if m.op is eigvalsh:
            return m.args[0], m.params[0]
        if _component(m) == 0:
            return m.args[0].args[0], m.args[0].params[0]
    return None


def has_spectra(outputs: Sequence[Node]) -> bool:
    """Whether a program takes eigenvalues at all."""
    return any(n.op is eigh or n.op is eigvalsh for n in toposort(outputs))


#: What a program with eigenvalues is rewritten by before it is differentiated.
SPECTRA = Rules((a_function_of_a_hermitian_matrix,))
