"""Between which numbers the elements of a normal form lie, whatever its variables are.

Interval arithmetic over the graph, in exact rationals: ``σ(z)`` lies in (0, 1), so ``σ ⊙ (1 − σ)``
does, and a sum of squares is not negative. Where the structure does not tell the sign of what does
not vary, the data may; what was read from them is a hypothesis, and is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..ir.graph import toposort
from ..ir.node import CONSTANT, Node
from ..ops.arithmetic import CONDITIONS
from ..ops.monomial import MONOMIAL, TOTAL, Coefficient, Factor, decode
from .normal import Algebra

Number: TypeAlias = Fraction | float


class Interval(NamedTuple):
    """An interval; an end is open if the bound itself is not reached."""

    low: Number = -inf
    high: Number = inf
    low_open: bool = False
    high_open: bool = False

    @property
    def sign(self) -> int:
        """1 if nothing in it is negative, -1 if nothing is positive, else 0."""
        return 1 if self.low >= 0 else -1 if self.high <= 0 else 0

    @property
    def positive(self) -> bool:
        """Whether all of it is above 0."""
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def negative(self) -> bool:
        """Whether all of it is below 0."""
        return self.high < 0 or (self.high == 0 and self.high_open)

    def within(self, other: Interval) -> bool:
        """Whether it lies in ``other``."""
        below = self.low > other.low or (
            self.low == other.low and (self.low_open or not other.low_open)
        )
        above = self.high < other.high or (
            self.high == other.high and (self.high_open or not other.high_open)
        )
        return below and above


EVERYTHING = Interval()
POSITIVE = Interval(Fraction(0), inf, low_open=True)
NONNEGATIVE = Interval(Fraction(0))
NEGATIVE = Interval(-inf, Fraction(0), high_open=True)
NONPOSITIVE = Interval(-inf, Fraction(0))
UNIT_INTERVAL = Interval(Fraction(0), Fraction(1))
OPEN_UNIT = Interval(Fraction(0), Fraction(1), low_open=True, high_open=True)
ABOVE_ONE = Interval(Fraction(1))


@dataclass(frozen=True)
class Hypothesis:
    """What a proof takes for granted, and how far it holds in the example.

    ``kind`` is ``data`` for what was read from the example's arrays, ``domain`` for a region of the
    variables, and ``declared`` for an assumption of the user's.
    """

    subject: Node
    relation: str
    kind: str
    here: float | None = None


Hypotheses: TypeAlias = frozenset[Hypothesis]
NONE: Hypotheses = frozenset()

# -- arithmetic of intervals -----------------------------------------------------------------------


def _times(a: Number, b: Number) -> Number:
    return Fraction(0) if a == 0 or b == 0 else a * b


def added(a: Interval, b: Interval) -> Interval:
    """The sums."""
    return Interval(
        a.low + b.low, a.high + b.high, a.low_open or b.low_open, a.high_open or b.high_open
    )


def multiplied(a: Interval, b: Interval) -> Interval:
    """The products."""
    ends = []
    for x, x_open in ((a.low, a.low_open), (a.high, a.high_open)):
        for y, y_open in ((b.low, b.low_open), (b.high, b.high_open)):
            value = _times(x, y)
            # 0 is reached if either factor reaches it.
            reached = (not x_open and not y_open) or (
                value == 0 and ((x == 0 and not x_open) or (y == 0 and not y_open))
            )
            ends.append((value, not reached))
    low, high = min(v for v, _ in ends), max(v for v, _ in ends)
    return Interval(
        low,
        high,
        all(o for v, o in ends if v == low),
        all(o for v, o in ends if v == high),
    )


def scaled(a: Interval, by: Number) -> Interval:
    """The multiples."""
    if by == 0:
        return Interval(Fraction(0), Fraction(0))
    if by > 0:
        return Interval(_times(a.low, by), _times(a.high, by), a.low_open, a.high_open)
    return Interval(_times(a.high, by), _times(a.low, by), a.high_open, a.low_open)


def hull(intervals: Iterable[Interval]) -> Interval:
    """The least interval that holds all of these."""
    parts = list(intervals)
    low, high = min(p.low for p in parts), max(p.high for p in parts)
    return Interval(
        low,
        high,
        all(p.low_open for p in parts if p.low == low),
        all(p.high_open for p in parts if p.high == high),
    )


def raised(a: Interval, p: Fraction) -> Interval:
    """The powers; where they are defined."""
    if p == 1:
        return a
    if p.denominator != 1:
        a = Interval(max(a.low, Fraction(0)), a.high, a.low_open and a.low >= 0, a.high_open)
        if p < 0:
            return POSITIVE
        above = a.low >= 1
        below = a.high <= 1
        return Interval(
            Fraction(1) if above else Fraction(0),
            Fraction(1) if below else inf,
            a.positive and not above,
        )
    n = int(p)
    if n < 0:
        if a.positive:
            low = Fraction(0) if a.high == inf else 1 / Fraction(a.high) ** -n
            high = inf if a.low == 0 else 1 / Fraction(a.low) ** -n
            return Interval(low, high, a.high == inf or a.high_open, a.low_open)
        if a.negative:
            size = raised(scaled(a, -1), p)
            return size if n % 2 == 0 else scaled(size, -1)
        return POSITIVE if n % 2 == 0 else EVERYTHING
    if n % 2 == 0:
        if a.low < 0 < a.high:
            high, wide = (a.high, a.high_open) if a.high > -a.low else (-a.low, a.low_open)
            a = Interval(Fraction(0), high, False, wide)
        elif a.high <= 0:
            a = scaled(a, -1)
    return Interval(
        a.low**n if a.low > -inf else -inf,
        a.high**n if a.high < inf else inf,
        a.low_open,
        a.high_open,
    )


# -- functions -------------------------------------------------------------------------------------

#: Increasing functions through the origin: they keep the sign.
_KEEPS_SIGN = frozenset(
    [
        "tanh",
        "arctan",
        "arcsinh",
        "sinh",
        "expm1",
        "log1p",
        "cbrt",
        "erf",
        "arcsin",
        "arctanh",
        "tan",
        "sign",
        "erfi",
        "dawsn",
        "relu",
    ]
)
_RANGES: dict[str, Interval] = {
    "sigmoid": OPEN_UNIT,
    "expit": OPEN_UNIT,
    "ndtr": OPEN_UNIT,
    "exp": POSITIVE,
    "exp2": POSITIVE,
    "exp10": POSITIVE,
    "softplus": POSITIVE,
    "erfcx": POSITIVE,
    "tanh": Interval(Fraction(-1), Fraction(1), low_open=True, high_open=True),
    "erf": Interval(Fraction(-1), Fraction(1), low_open=True, high_open=True),
    "erfc": Interval(Fraction(0), Fraction(2), low_open=True, high_open=True),
    "sin": Interval(Fraction(-1), Fraction(1)),
    "cos": Interval(Fraction(-1), Fraction(1)),
    "sign": Interval(Fraction(-1), Fraction(1)),
    "cosh": ABOVE_ONE,
    "i0": ABOVE_ONE,
    "absolute": NONNEGATIVE,
    "fabs": NONNEGATIVE,
    "relu": NONNEGATIVE,
    "softmax": Interval(Fraction(0), Fraction(1), low_open=True),
    "svdvals": NONNEGATIVE,
    "onehot": UNIT_INTERVAL,
    "log_expit": NEGATIVE,
    "log_ndtr": NEGATIVE,
    "kl_div": NONNEGATIVE,
    "expm1": Interval(Fraction(-1), low_open=True),
    **dict.fromkeys(CONDITIONS, UNIT_INTERVAL),
    "logical_not": UNIT_INTERVAL,
}
#: Their results are among the elements of the first argument.
_PICKS = frozenset(
    [
        "max",
        "min",
        "slice",
        "gather",
        "take_along",
        "reshape",
        "transpose",
        "broadcast",
        "sort",
        "astype",
    ]
)


def _function(n: Node, args: list[Interval]) -> Interval:
    name = n.op.name
    found = _RANGES.get(name, EVERYTHING)
    if name in _KEEPS_SIGN:
        (a,) = args
        low, low_open = found.low, found.low_open
        high, high_open = found.high, found.high_open
        if a.low >= 0:
            low, low_open = Fraction(0), a.positive
        if a.high <= 0:
            high, high_open = Fraction(0), a.negative
        return Interval(low, high, low_open, high_open)
    if name in ("exp", "exp2") and args[0].sign:
        return ABOVE_ONE if args[0].sign > 0 else Interval(Fraction(0), Fraction(1), low_open=True)
    if name in ("absolute", "fabs"):
        return size_of(args[0])
    if name == "log":
        (a,) = args
        return NONNEGATIVE if a.low >= 1 else NONPOSITIVE if a.high <= 1 else EVERYTHING
    if name in _PICKS:
        return args[0]
    if name == "concatenate":
        return hull(args)
    if name == "place":
        return hull([*args, Interval(Fraction(0), Fraction(0))])
    if name == "where":
        return hull(args[1:])
    if name in ("maximum", "logaddexp"):
        a, b = args
        first = a if a.low >= b.low else b
        high = inf if name == "logaddexp" else max(a.high, b.high)
        return Interval(first.low, high, first.low_open)
    if name == "minimum":
        a, b = args
        last = a if a.high <= b.high else b
        return Interval(min(a.low, b.low), last.high, False, last.high_open)
    if name in ("cumsum", "prod", "cumprod") and args[0].sign > 0:
        return NONNEGATIVE
    if name == "logsumexp" and args[0].low >= 0:
        return NONNEGATIVE
    return found


def size_of(a: Interval) -> Interval:
    """The absolute values."""
    if a.low >= 0:
        return a
    if a.high <= 0:
        return scaled(a, -1)
    return Interval(Fraction(0), max(-a.low, a.high))


class Signs:
    """The intervals of the nodes of one derivation."""

    def __init__(
        self,
        algebra: Algebra,
        variables: Iterable[Node],
        declared: Mapping[Node, str],
        here: Callable[[Node], np.ndarray | None],
    ) -> None:
        self.algebra = algebra
        self.variables = frozenset(variables)
        self.declared = dict(declared)
        #: The value of a node in the example.
        self.here = here
        #: What is known of the variables' expressions on the domain.
        self.domain: dict[Node, tuple[Interval, Hypotheses]] = {}
        self._varies: dict[Node, bool] = {}
        self._known: dict[tuple[Node, bool], tuple[Interval, Hypotheses]] = {}

    def varies(self, n: Node) -> bool:
        """Whether a node depends on the variables."""
        if n not in self._varies:
            for m in toposort([n]):
                if m not in self._varies:
                    self._varies[m] = m in self.variables or any(self._varies[a] for a in m.args)
        return self._varies[n]

    def assume(self, n: Node, interval: Interval, hypotheses: Hypotheses) -> None:
        """Take for granted where ``n`` lies, and its multiples."""
        coefficient, base = self.algebra.split(n)
        by = 1 / coefficient.exact()
        self.domain[base] = scaled(interval, by), hypotheses
        self._known.clear()

    def interval(self, n: Node, *, data: bool = False) -> tuple[Interval, Hypotheses]:
        """Where the elements of ``n`` lie; from its ``data`` as well, if asked."""
        if (n, data) not in self._known:
            for m in toposort([n]):
                if (m, data) not in self._known:
                    self._known[m, data] = self._interval(m, data)
        return self._known[n, data]

    def holds(self, n: Node, wanted: Interval) -> Hypotheses | None:
        """What it takes for all elements of ``n`` to lie in ``wanted``; ``None`` if they may not."""
        for data in (False, True):
            found, hypotheses = self.interval(n, data=data)
            if found.within(wanted):
                return hypotheses
        return None

    def signed(
        self, coefficient: Coefficient, factors: Iterable[Factor], *, strict: bool = False
    ) -> tuple[int, Hypotheses] | None:
        """The sign of a product, and what that takes; ``None`` if it has none."""
        sign = -1 if coefficient.number < 0 else 1
        used: set[Hypothesis] = set()
        for f in factors:
            for data in (False, True):
                found, hypotheses = self.interval(f.node, data=data)
                power = raised(found, f.exponent)
                if power.positive or power.negative or (power.sign and not strict):
                    sign *= power.sign
                    used |= hypotheses
                    break
            else:
                return None
        return sign, frozenset(used)

    # -- one node --------------------------------------------------------------------------------

    def _interval(self, n: Node, data: bool) -> tuple[Interval, Hypotheses]:
        found, hypotheses = self._structural(n, data)
        if n in self.domain:
            better, why = self.domain[n]
            if not found.within(better):
                return better, why
        if data and found.sign == 0 and not self.varies(n):
            read = self._read(n)
            if read is not None:
                return read
        return found, hypotheses

    def _read(self, n: Node) -> tuple[Interval, Hypotheses] | None:
        """The sign that the data have."""
        value = self.here(n)
        if value is None or not value.size or value.dtype.kind not in "fiub":
            return None
        low, high = float(value.min()), float(value.max())
        if low > 0:
            return POSITIVE, frozenset([Hypothesis(n, "> 0", "data", low)])
        if low >= 0:
            return NONNEGATIVE, frozenset([Hypothesis(n, "≥ 0", "data", low)])
        if high < 0:
            return NEGATIVE, frozenset([Hypothesis(n, "< 0", "data", high)])
        if high <= 0:
            return NONPOSITIVE, frozenset([Hypothesis(n, "≤ 0", "data", high)])
        return None

    def _structural(self, n: Node, data: bool) -> tuple[Interval, Hypotheses]:
        declared = self.declared.get(n)
        if declared is not None:
            wanted = POSITIVE if declared == "> 0" else NONNEGATIVE
            return wanted, frozenset([Hypothesis(n, declared, "declared")])
        if n.op is CONSTANT:
            value = n.params[0].array
            if value.dtype.kind not in "fiub" or not value.size or not np.isfinite(value).all():
                return EVERYTHING, NONE
            ends = (Fraction(float(value.min())), Fraction(float(value.max())))
            return Interval(*ends), NONE
        parts = [self._known[a, data] for a in n.args]
        if n.op is TOTAL:
            result, used = parts[0]
            for part, more in parts[1:]:
                result, used = added(result, part), used | more
            return self._needed(result, used)
        if n.op is MONOMIAL:
            return self._product(n, parts)
        if not n.args:
            return EVERYTHING, NONE
        plain = _function(n, [EVERYTHING for _ in parts])
        result = _function(n, [p for p, _ in parts])
        used = frozenset().union(*(h for _, h in parts))
        return (plain, NONE) if plain == result else (result, used)

    def _needed(self, found: Interval, used: Hypotheses) -> tuple[Interval, Hypotheses]:
        return (found, NONE) if found == EVERYTHING else (found, used)

    def _product(
        self, n: Node, parts: list[tuple[Interval, Hypotheses]]
    ) -> tuple[Interval, Hypotheses]:
        term = decode(n)
        result = Interval(term.coefficient.exact(), term.coefficient.exact())
        used: set[Hypothesis] = set()
        for f, (part, why) in zip(term.factors, parts, strict=True):
            bare = raised(EVERYTHING, f.exponent)
            power = raised(part, f.exponent)
            result = multiplied(result, power)
            if power != bare:
                used |= why
        inner = term.inner() - set(term.out)
        count = prod(term.axes[i].length for i in inner)
        result = scaled(result, Fraction(count)) if count else Interval(Fraction(0), Fraction(0))
        if len(set(term.out)) < len(term.out):
            result = hull([result, Interval(Fraction(0), Fraction(0))])
        return self._needed(result, frozenset(used))


def example_value(
    values: Mapping[Node, Any], n: Node, cache: dict[Node, np.ndarray | None]
) -> np.ndarray | None:
    """The value of a normal form, from those of its leaves; ``None`` if it cannot be had."""
    for m in toposort([n]):
        if m in cache:
            continue
        if m in values:
            cache[m] = np.asarray(values[m])
            continue
        args = [cache[a] for a in m.args]
        if any(a is None for a in args):
            cache[m] = None
            continue
        named = _NAMED.get(m.op.name)
        try:
            with np.errstate(all="ignore"):
                made = named(*args, *m.params) if named else m.op.evaluate(args, *m.params)
            cache[m] = None if isinstance(made, tuple) else np.asarray(made)
        except (NotImplementedError, ValueError, TypeError, IndexError, np.linalg.LinAlgError):
            cache[m] = None
    return cache[n]


def _softmax(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    e = np.exp(x - x.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


def _logsumexp(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    top = x.max(axis=axes, keepdims=True)
    return np.squeeze(top, axes) + np.log(np.exp(x - top).sum(axis=axes))


#: The named functions of normal forms, which have no reference of their own.
_NAMED: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "inverse": np.linalg.inv,
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "det": np.linalg.det,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
}
