"""Where a program is defined, if that is a convex set.

A claim of convexity is about a convex domain. Each operation that is not defined everywhere asks
something of its argument, ``log`` that it is positive; the argument has it by its structure, or it
is concave and has it in the example, and then the points where it is positive are a convex set.
What asks for anything else leaves the domain unknown, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node
from ..ir.types import TupleType
from ..ops.elementwise import Elementwise
from ..ops.monomial import MONOMIAL, decode
from .bounds import NEGATIVE, NONE, NONNEGATIVE, POSITIVE, Hypothesis, Signs
from .convexity import Convexity
from .curvature import both
from .definite import Definiteness
from .translation import Translation

#: They take a square matrix that can be inverted.
_INVERTING = frozenset(["inv", "solve", "slogdet", "det", "cholesky", "triangular_solve"])
#: Twice differentiable wherever they are defined.
# fmt: off
SMOOTH = frozenset([
    "add", "subtract", "negative", "positive", "multiply", "divide", "reciprocal", "square",
    "power", "float_power", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt",
    "sin", "cos", "sinh", "cosh", "tanh", "arctan", "arcsinh", "arctanh", "arcsin", "arccos",
    "logaddexp", "logaddexp2", "expit", "log_expit", "xlogy", "entr", "rel_entr", "kl_div", "erf",
    "erfc", "ndtr", "log_ndtr", "gammaln", "softmax", "logsumexp", "log_softmax", "shares",
    "einsum", "sum", "broadcast", "transpose", "reshape", "slice", "gather", "take_along",
    "concatenate", "place", "cumsum", "astype", "inv", "solve", "slogdet", "det", "norm", "size",
    "input", "constant", "hypot", "item",
])
# fmt: on

#: Defined at the end of their domain too.
_CLOSED = frozenset(["xlogy", "rel_entr", "entr", "kl_div"])


class Domain:
    """The domain of one program, in terms of its normal form."""

    def __init__(
        self, translate: Translation, signs: Signs, definite: Definiteness, convexity: Convexity
    ) -> None:
        self.translate = translate
        self.signs = signs
        self.definite = definite
        self.convexity = convexity
        #: Why the domain is not known to be convex.
        self.unknown: list[Node] = []
        #: Whether the program is twice differentiable inside its domain.
        self.smooth = True
        #: What delimits the domain.
        self.hypotheses: set[Hypothesis] = set()

    def walk(self, roots: Sequence[Node]) -> None:
        """Look at every operation of the program, arguments first."""
        normal = self.translate.normal
        moving: set[Node] = set()
        for n in toposort(roots):
            if type(n.type) is TupleType:
                varies = any(a in moving for a in n.args)
            else:
                varies = n in normal and (
                    self.signs.varies(normal[n]) or any(a in moving for a in n.args)
                )
            if not varies:
                if (
                    n.op is CONSTANT
                    and n.type.dtype.kind == "f"
                    and np.isnan(n.params[0].array).any()
                ):
                    self.unknown.append(n)
                continue
            moving.add(n)
            self._look(n)

    def _look(self, n: Node) -> None:
        name = n.op.name
        if name not in SMOOTH:
            self.smooth = False
        if name == "stop_gradient":
            self.unknown.append(n)
        elif name in ("divide", "reciprocal"):
            self._nonzero(n, n.args[-1])
        elif name in ("power", "float_power"):
            self._power(n)
        elif name == "norm":
            self.smooth &= self._everywhere(n)
        elif name in ("sqrt", "hypot"):
            if name == "sqrt":
                self._above(n, n.args[0], strict=False)
            self.smooth &= self._everywhere(n)
        elif name in _INVERTING:
            self._invertible(n)
        elif name == "eigvalsh":
            self._symmetric(n)
        elif isinstance(n.op, Elementwise):
            self._interval(n)

    def _everywhere(self, n: Node) -> bool:
        """Whether a root is of what is positive, so that it has a slope everywhere."""
        return self.signs.holds(self.translate.normal[n], POSITIVE) is not None

    def _interval(self, n: Node) -> None:
        domain = n.op.domain  # type: ignore[attr-defined]
        intervals = domain if isinstance(domain[0], tuple) else (domain,) * len(n.args)
        algebra = self.signs.algebra
        for x, (low, high) in zip(n.args, intervals, strict=True):
            normal = self.translate.normal[x]
            if not self.signs.varies(normal):
                continue
            axes = algebra.axes(normal)
            if low > -inf:
                shifted = (
                    algebra.total([normal, algebra.number(Fraction(-low), axes)]) if low else normal
                )
                self._require(
                    n, shifted, strict=n.op.name not in ("xlogy", "rel_entr", "entr", "kl_div")
                )
            if high < inf:
                turned = algebra.scale(normal, -1)
                shifted = (
                    algebra.total([turned, algebra.number(Fraction(high), axes)])
                    if high
                    else turned
                )
                self._require(n, shifted, strict=True)

    def _power(self, n: Node) -> None:
        x, p = n.args
        exponent = self.translate.normal[p]
        if exponent.op is MONOMIAL and not exponent.args and not exponent.params[0].sizes:
            value = exponent.params[0].number
            if value.denominator == 1:
                if value < 0:
                    self._nonzero(n, x)
                return
            self._above(n, x, strict=value < 0)
            if value < 2:
                self.smooth &= self._everywhere(n)
            return
        self._above(n, x, strict=True)

    def _above(self, n: Node, x: Node, *, strict: bool) -> None:
        if self.signs.varies(self.translate.normal[x]):
            self._require(n, self.translate.normal[x], strict=strict)
        elif (
            self.signs.holds(self.translate.normal[x], POSITIVE if strict else NONNEGATIVE) is None
        ):
            self.unknown.append(n)

    def _require(self, n: Node, x: Node, *, strict: bool) -> bool:
        """Ask for ``x > 0``, or only ``x ≥ 0``."""
        found = self.signs.holds(x, POSITIVE if strict else NONNEGATIVE)
        if found is not None:
            self.hypotheses |= found
            return True
        if x.op.name == "prod":
            return self._require(n, x.args[0], strict=strict)
        if self._factors(n, x):
            return True
        value = self.signs.here(x)
        concave = self.convexity(x).concave
        if value is None or not value.size or concave is None or not value.min() > 0:
            # The logarithm of a determinant is that of a matrix.
            if not (x.op.name == "det" and x.args[0] in self.definite.positive):
                self.unknown.append(n)
            return False
        self._assume(x, "> 0", float(value.min()), concave)
        return True

    def _factors(self, n: Node, x: Node) -> bool:
        """Ask for a product to be positive by asking it of each factor, if the example has that."""
        if x.op is not MONOMIAL:
            return False
        term = decode(x)
        moving = [f for f in term.factors if self.signs.varies(f.node)]
        still = [f for f in term.factors if not self.signs.varies(f.node)]
        weights = self.signs.signed(term.coefficient, still, strict=True)
        if weights is None or weights[0] < 0 or term.inner() - set(term.out):
            return False
        if len(moving) == 1 and moving[0].exponent == 1 and not still:
            return False
        for f in moving:
            value = self.signs.here(f.node)
            concave = self.convexity(f.node).concave
            if value is None or not value.size or concave is None or not value.min() > 0:
                return False
        self.hypotheses |= weights[1]
        for f in moving:
            self._require(n, f.node, strict=True)
        return True

    def _assume(self, x: Node, relation: str, here: float, why: frozenset[Hypothesis]) -> None:
        hypothesis = Hypothesis(x, relation, "domain", here)
        self.hypotheses |= {hypothesis, *why}
        interval = POSITIVE if relation == "> 0" else NEGATIVE
        self.signs.assume(x, interval, frozenset([hypothesis, *why]))
        self.convexity.forget()

    def _nonzero(self, n: Node, x: Node) -> None:
        normal = self.translate.normal[x]
        if not self.signs.varies(normal):
            return
        for wanted in (POSITIVE, NEGATIVE):
            found = self.signs.holds(normal, wanted)
            if found is not None:
                self.hypotheses |= found
                return
        value = self.signs.here(normal)
        if value is None or not value.size:
            self.unknown.append(n)
            return
        shape = self.convexity(normal)
        if value.min() > 0 and shape.concave is not None:
            self._assume(normal, "> 0", float(value.min()), shape.concave)
        elif value.max() < 0 and shape.convex is not None:
            self._assume(normal, "< 0", float(value.max()), shape.convex)
        else:
            self.unknown.append(n)

    def _symmetric(self, n: Node) -> None:
        """Eigenvalues are of symmetric matrices, whichever half of them is read."""
        matrix = self.translate.normal[n.args[0]]
        value = self.signs.here(matrix)
        if self.definite.symmetric(matrix) is not None or matrix not in self.signs.variables:
            return
        if value is not None and np.array_equal(value, value.T):
            self.hypotheses.add(Hypothesis(matrix, "symmetric", "domain"))

    def _invertible(self, n: Node) -> None:
        matrix = self.translate.normal[n.args[0]]
        if not self.signs.varies(matrix):
            return
        if matrix in self.definite.positive:
            self.hypotheses |= self.definite.positive[matrix]
            return
        symmetric = self.definite.symmetric(matrix)
        value = self.signs.here(matrix)
        if value is None or value.ndim != 2 or not value.size or value.shape[0] != value.shape[1]:
            self.unknown.append(n)
            return
        if symmetric is None and np.allclose(value, value.T, 1e-12):
            for v in toposort([matrix]):  # S + I is symmetric if S is
                own = self.signs.here(v) if v in self.signs.variables and v.type.ndim == 2 else None
                if own is not None and np.array_equal(own, own.T):
                    self.definite.take_symmetric(v)
            symmetric = self.definite.symmetric(matrix)
        affine = self.convexity(matrix).affine
        if (
            symmetric is None
            or affine is None
            or (not np.array_equal(value, value.T) and not np.allclose(value, value.T, 1e-12))
        ):
            self.unknown.append(n)
            return
        least = float(np.linalg.eigvalsh(value).min())
        if least <= 0:
            self.unknown.append(n)
            return
        why = (
            both(symmetric, affine, frozenset([Hypothesis(matrix, "≻ 0", "domain", least)])) or NONE
        )
        self.definite.positive[matrix] = why
        self.hypotheses |= why
        self.convexity.forget()
