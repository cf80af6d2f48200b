"""Curvature: what it takes for a node to be convex or concave, and which functions are which."""

from __future__ import annotations

from typing import NamedTuple

from .bounds import NONE, Hypotheses

Proof = Hypotheses | None


class Curvature(NamedTuple):
    """What it takes for a node to be convex, and to be concave."""

    convex: Proof = None
    concave: Proof = None

    @property
    def affine(self) -> Proof:
        """What it takes to be both."""
        return both(self.convex, self.concave)

    def turned(self) -> Curvature:
        """Of minus the node."""
        return Curvature(self.concave, self.convex)


def both(*proofs: Proof) -> Proof:
    """What it takes for all."""
    used: Hypotheses = NONE
    for p in proofs:
        if p is None:
            return None
        used |= p
    return used


def either(*proofs: Proof) -> Proof:
    """The proof that takes least."""
    found = [p for p in proofs if p is not None]
    return min(found, key=len) if found else None


UNKNOWN = Curvature()
CONSTANT = Curvature(NONE, NONE)

# -- tables ----------------------------------------------------------------------------------------

INCREASING_CONVEX = frozenset(
    [
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "softplus",
        "relu",
        "logaddexp",
        "maximum",
        "logsumexp",
        "max",
        "exprel",
    ]
)
INCREASING_CONCAVE = frozenset(
    ["log", "log2", "log10", "log1p", "minimum", "min", "log_expit", "log_ndtr"]
)
#: Convex, decreasing where the argument is negative and increasing where it is positive.
EVEN_CONVEX = frozenset(["absolute", "fabs", "cosh", "i0"])
#: Convex on the positive half-line and concave on the negative one, increasing.
OUTWARD = frozenset(["sinh", "arctanh", "arcsin", "erfi"])
#: Concave on the positive half-line and convex on the negative one, increasing.
INWARD = frozenset(["tanh", "arctan", "arcsinh", "sigmoid", "expit", "cbrt", "erf", "ndtr"])
#: Their logarithms are convex.
LOG_CONVEX = frozenset(["cosh", "i0", "gamma"])
#: Concave, not monotone. On its domain, which is convex.
CONCAVE = frozenset(["entr"])
#: Convex, not monotone, on x > 0.
CONVEX_POSITIVE = frozenset(["gammaln", "loggamma", "gamma"])
#: Convex in both arguments together, and decreasing in the second where that is concave.
JOINTLY_CONVEX = frozenset(["rel_entr", "kl_div"])
#: Each element of the result is a sum of elements of the first argument.
GATHERS = frozenset(
    [
        "slice",
        "gather",
        "take_along",
        "reshape",
        "transpose",
        "broadcast",
        "concatenate",
        "place",
        "cumsum",
        "scatter_add",
        "add_along",
        "astype",
    ]
)
#: Strictly convex or strictly concave functions of one number.
STRICT = frozenset(
    [
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "softplus",
        "cosh",
        "log",
        "log2",
        "log10",
        "log1p",
        "entr",
        "gammaln",
        "loggamma",
        "log_expit",
        "log_ndtr",
        "i0",
    ]
)
