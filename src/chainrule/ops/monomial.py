"""Monomials and their sums: what an expression of arrays is made of once it is normalised.

A monomial is a generalised ``einsum`` with a coefficient and exponents,

    ``out[o] = c · Σ  f₁[i]^p₁ · f₂[j]^p₂ · …``,

summed over every index that is not in the output. An index may be repeated in the output (a
diagonal; with no factor, the identity) and may stand there alone (a broadcast). The coefficient is
a rational number times powers of sizes, so ``2/N`` is exact and keeps its name.

These rows are the result of simplification and the input of display; no trace records them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..ir.node import Node, node
from ..ir.primitive import Primitive
from ..ir.types import ArrayType
from .contraction import plan

_FLOAT = np.dtype(float)
ONE = Fraction(1)


#: From this number on an axis is of no argument: its size has no name, and is its length.
ANONYMOUS = 1 << 30


class Axis(NamedTuple):
    """An axis of a program: all places that are provably equally long are one axis.

    ``number`` counts axes in order of first use; the length alone says nothing, since two axes
    may happen to be equally long.
    """

    number: int
    length: int


class Coefficient(NamedTuple):
    """A rational number times powers of sizes."""

    number: Fraction = ONE
    sizes: tuple[tuple[Axis, int], ...] = ()

    def __mul__(self, other: Any) -> Coefficient:
        """The product with another coefficient, or with a number."""
        if not isinstance(other, Coefficient):
            return Coefficient(self.number * other, self.sizes)
        if not other.sizes:
            return Coefficient(self.number * other.number, self.sizes)
        powers = dict(self.sizes)
        for axis, power in other.sizes:
            powers[axis] = powers.get(axis, 0) + power
        sizes = tuple(sorted((a, p) for a, p in powers.items() if p))
        return Coefficient(self.number * other.number, sizes)

    def __pow__(self, exponent: int) -> Coefficient:
        return Coefficient(self.number**exponent, tuple((a, p * exponent) for a, p in self.sizes))

    def by_size(self, axis: Axis) -> Coefficient:
        """Times the length of ``axis``."""
        if axis.number >= ANONYMOUS:
            return self * axis.length
        return self if axis.length == 1 else self * Coefficient(ONE, ((axis, 1),))

    def magnitude(self) -> Coefficient:
        """Without the sign."""
        return Coefficient(abs(self.number), self.sizes)

    def exact(self) -> Fraction:
        """The number that it is here, exactly."""
        number = self.number
        for axis, power in self.sizes:
            number *= Fraction(axis.length) ** power
        return number

    def value(self) -> float:
        """The number that it is."""
        number = float(self.number)
        for axis, power in self.sizes:
            number *= float(axis.length) ** power
        return number


UNIT = Coefficient()


class Factor(NamedTuple):
    """A node, the index on each of its axes, and the exponent it is raised to elementwise."""

    node: Node
    indices: tuple[int, ...]
    exponent: Fraction = ONE


class Term(NamedTuple):
    """A monomial while it is being rewritten; the indices are any integers."""

    coefficient: Coefficient
    factors: tuple[Factor, ...]
    out: tuple[int, ...]
    axes: Mapping[int, Axis]

    @property
    def out_axes(self) -> tuple[Axis, ...]:
        """The axes of the result."""
        return tuple(self.axes[i] for i in self.out)

    def inner(self) -> set[int]:
        """The indices that factors have."""
        return {i for f in self.factors for i in f.indices}


class Monomial(Primitive):
    """The row. ``axes[i]`` is the axis of index ``i``."""

    name = "monomial"
    parameters = ("coefficient", "indices", "exponents", "out", "axes")
    text = "{coefficient} {args}"

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        """The shape of the output; always float64."""
        *_, out, axes = params
        return ArrayType(tuple(axes[i].length for i in out), _FLOAT)

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        """By the planned contraction."""
        coefficient, indices, exponents, out, axes = params
        letters = [chr(0x100 + i) for i in range(len(axes))]
        subscripts = ",".join("".join(letters[i] for i in s) for s in indices)
        subscripts += "->" + "".join(letters[i] for i in out)
        sizes = tuple((letters[i], a.length) for i, a in enumerate(axes))
        powers = [
            np.asarray(x) ** (float(p) if p.denominator > 1 or p < 0 else int(p))
            for x, p in zip(arrays, exponents, strict=True)
        ]
        contract = plan(subscripts, sizes, tuple(np.shape(x) for x in powers))
        return coefficient.value() * contract(*powers)


class Total(Primitive):
    """The sum of any number of arrays of one shape."""

    name = "total"
    text = "{args}"

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        """The shape of each; always float64."""
        return ArrayType(types[0].shape, _FLOAT)

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        """The sum, from the left."""
        result = arrays[0]
        for x in arrays[1:]:
            result = result + x
        return result


class Named(Primitive):
    """A function with a name of its own in formulas, whatever the program composed it from."""

    def __init__(self, name: str, parameters: tuple[str, ...] = ()) -> None:
        self.name = name
        self.parameters = parameters  # type: ignore[misc]

    def __call__(self, x: Any) -> Any:
        """Record it on a traced array."""
        return self.bind((x,))

    def infer(self, types: Sequence[ArrayType], *params: Any) -> ArrayType:
        """The shape of the argument; those that reduce it are made with their type given."""
        return ArrayType(types[0].shape, _FLOAT)


MONOMIAL = Monomial()
TOTAL = Total()

SIGMOID = Named("sigmoid")
SOFTPLUS = Named("softplus")
#: 1 above 0, 0 below, and ½ at 0: the slope of a maximum whose ties share.
STEP = Named("step")
#: The same between two bounds, of (lower, x, upper); and x itself, moved to the nearer bound.
BETWEEN, CLIP = Named("between"), Named("clip")
INVERSE = Named("inverse")
LOGDET = Named("logdet")
DET = Named("det")
SOFTMAX = Named("softmax", ("axes",))
LOGSUMEXP = Named("logsumexp", ("axes",))
#: One of the matrices that a factorisation gives: its name, its letter, where it is, and whether
#: NumPy gives its transpose.
FACTOR = Named("factor", ("of", "letter", "place", "turned"))
#: Rows that have a 1 in the column of their label.
ONEHOT = Named("onehot")
#: The vector with a 1 in one place: eₖ.
BASIS = Named("basis", ("place",))
#: The windows of a vector as rows, each backwards: what a convolution is the product with.
TOEPLITZ = Named("toeplitz", ("width",))
#: The matrix of differences, (Dx)ᵢ = xᵢ₊₁ − xᵢ; the number of its axis of rows tells it from others.
DIFFERENCE = Named("difference", ("rows",))
#: The matrix that convolves with a vector, where that lies wholly in what it is multiplied by.
CONVOLUTION = Named("convolution", ("columns",))
#: An array rotated by so many places along an axis.
ROLL = Named("roll", ("shift", "axis"))
KRONECKER = Named("kronecker")
#: L(A, E), the derivative of the exponential of a matrix at A along E.
FRECHET = Named("expm_frechet")
#: An array given by its entries, in C order.
ENTRIES = Named("entries", ("shape",))


def decode(n: Node) -> Term:
    """A monomial node as a term."""
    coefficient, indices, exponents, out, axes = n.params
    factors = tuple(map(Factor, n.args, indices, exponents))
    return Term(coefficient, factors, out, dict(enumerate(axes)))


class Order:
    """The order in which the nodes of one derivation were first made.

    Operands are sorted by it: formulas follow the order of the user's program, and come out the
    same in every process.
    """

    def __init__(self) -> None:
        self._ranks: dict[Node, int] = {}
        #: How many of them are of the program itself, rather than of its derivative.
        self.written = 0
        #: Sums that the program has, and the sign with which it has them: ``x − c``.
        self.signs: dict[Node, int] = {}
        #: Matrices that were proved to equal their transposes.
        self.symmetric: set[Node] = set()
        self.axes: dict[Node, tuple[Axis, ...]] = {}
        #: The vector that comes first in an inner product of two, where the program has it.
        self.first: dict[frozenset[Node], Node] = {}

    def add(self, n: Node, axes: tuple[Axis, ...]) -> Node:
        """Give ``n`` its rank, if it is new, and its axes."""
        if n not in self._ranks:
            self._ranks[n] = len(self._ranks)
            self.axes[n] = axes
        return n

    def rank(self, n: Node) -> int:
        """The rank of ``n``."""
        return self._ranks[n]

    def is_written(self, n: Node) -> bool:
        """Whether ``n`` is in the program that is differentiated."""
        return self._ranks.get(n, self.written) < self.written

    def write(self, base: Node, coefficient: Coefficient) -> None:
        """Note that the program has a multiple of ``base``; of sums the sign is kept."""
        if base.op is TOTAL and coefficient.magnitude() == UNIT:
            self.signs.setdefault(base, int(coefficient.number))

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, n: Node) -> bool:
        return n in self._ranks

    def canonical(self, term: Term) -> Node:
        """The node of a term: factors sorted, indices numbered by first appearance."""
        factors = self.sorted(term)
        numbers: dict[int, int] = {}
        for i in (*term.out, *(i for f in factors for i in f.indices)):
            numbers.setdefault(i, len(numbers))
        axes = tuple(term.axes[i] for i in numbers)
        indices = tuple(tuple(numbers[i] for i in f.indices) for f in factors)
        exponents = tuple(f.exponent for f in factors)
        out = tuple(numbers[i] for i in term.out)
        params = (term.coefficient, indices, exponents, out, axes)
        made = node(MONOMIAL, tuple(f.node for f in factors), params)
        return self.add(made, term.out_axes)

    def sorted(self, term: Term) -> list[Factor]:
        """The factors in canonical order: by rank, and equal ones by what their indices meet."""
        ranks = self._ranks
        heads = [(ranks[f.node], f.exponent) for f in term.factors]
        if len(set(heads)) == len(heads):  # mostly nothing is repeated
            return [f for _, f in sorted(zip(heads, term.factors, strict=True), key=lambda p: p[0])]
        colours: dict[int, Any] = dict.fromkeys(term.inner(), ())
        for position, i in enumerate(term.out):
            colours[i] = (*colours.get(i, ()), position)
        for _ in range(3):
            meets: dict[int, list[Any]] = {i: [] for i in colours}
            for head, f in zip(heads, term.factors, strict=True):
                for position, i in enumerate(f.indices):
                    meets[i].append((head, position, tuple(colours[j] for j in f.indices)))
            keys = {i: (repr(colours[i]), repr(sorted(map(repr, meets[i])))) for i in colours}
            order = {key: k for k, key in enumerate(sorted(set(keys.values())))}
            colours = {i: (order[key],) for i, key in keys.items()}
        pairs = sorted(
            zip(heads, term.factors, strict=True),
            key=lambda p: (p[0], tuple(colours[i] for i in p[1].indices)),
        )
        return [f for _, f in pairs]
