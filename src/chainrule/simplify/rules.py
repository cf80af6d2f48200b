"""The rule sheets, by what each preserves: ``EXACT`` the bits, ``STABLE`` the real numbers.

A rule of ``STABLE`` may round differently, and never worse: it neither cancels nor overflows where
its left side does not. Both keep first and second derivatives, at kinks too, so a program may be
rewritten before it is differentiated. What is true of real numbers only and serves reading, such
as ``exp(log x) = x``, is not here.
"""

from __future__ import annotations

import numpy as np

from ..ir.node import Node
from ..ops.special import expit, log_expit
from .bodies import inside
from .contractions import CONTRACTIONS
from .engine import Rules
from .folding import FOLDING
from .lengths import LENGTHS
from .moves import MOVES
from .pattern import Rule, literal
from .rows import ROWS
from .soft import SOFT
from .spreading import SPREADING


def _number_last(_: Node, c: Node) -> bool:
    return literal(c) is not None


def _moderate(*nodes: Node) -> bool:
    """Whether these are such numbers, far from over- and underflow with each other."""
    for n in nodes:
        value = literal(n)
        if value is None or not 1e-15 < abs(value) < 1e15:
            return False
    return True


def _scales(c: Node, d: Node, _: Node) -> bool:
    return _moderate(c, d)


_BOTH = {"c": "literal", "d": "literal"}
_ARITHMETIC = "fciu"
_ONE_TIMES = Rule("one times", lambda x: (1 * x, x), kinds=_ARITHMETIC)

#: The same bits. Adding ``-0.0`` changes nothing; adding ``0.0`` turns ``-0.0`` into ``0.0``, so
#: that is in the other sheet.
EXACT = (
    Rule("double negation", lambda x: (np.negative(-x), x), kinds=_ARITHMETIC),
    Rule("a negative is subtracted", lambda x, y: (x + (-y), x - y), kinds=_ARITHMETIC),
    Rule("subtracting a negative adds", lambda x, y: (x - (-y), x + y), kinds=_ARITHMETIC),
    Rule("a product of negatives", lambda x, y: ((-x) * (-y), x * y), kinds=_ARITHMETIC),
    Rule("a quotient of negatives", lambda x, y: ((-x) / (-y), x / y), kinds="fc"),
    _ONE_TIMES,
    Rule("minus one times", lambda x: (-1 * x, -x), kinds="fi"),
    Rule("over one", lambda x: (x / 1, x), kinds="f"),
    Rule("over minus one", lambda x: (x / -1, -x), kinds="f"),
    Rule("minus zero more", lambda x: (x + np.float64(-0.0), x), kinds="f"),
    Rule("zero less", lambda x: (x - 0, x), kinds="fiu"),
    Rule("power one", lambda x: (x**1, x), kinds="f"),
    Rule("a sign goes to the number", lambda x, c: (-(x * c), x * -c), when=_number_last, samples={"c": "literal"}),
    Rule("a number takes the sign", lambda x, c: ((-x) * c, x * -c), when=_number_last, samples={"c": "literal"}),
    Rule("either way the same", lambda m, x: (np.where(m, x, x), x), samples={"m": "truth"}, kinds="fciub"),
    Rule("the square of a size", lambda x: (np.abs(x) ** 2, x**2), kinds="f"),
    Rule("positive", lambda x: (+x, x), kinds=_ARITHMETIC),
)  # fmt: skip

#: ``log(1 + exp x)`` without overflow; its derivative is the logistic function.
SOFTPLUS = (
    Rule("softplus", lambda x: (np.log1p(np.exp(x)), np.logaddexp(0, x))),
    Rule("softplus, written out", lambda x: (np.log(1 + np.exp(x)), np.logaddexp(0, x))),
)

#: ``1/(1 + exp(−z))`` is one function, with one slope.
LOGISTIC = (
    Rule("logistic of x", lambda x: (np.exp(x) / (1 + np.exp(x)), expit(x))),
    Rule("logistic", lambda x, y: (x / (1 + np.exp(-y)), x * expit(y))),
    Rule("logistic of minus y", lambda x, y: (x / (1 + np.exp(y)), x * expit(-y))),
)

#: Its logarithm, with a slope in which nothing cancels.
LOG_LOGISTIC = (
    Rule("log of the logistic", lambda x: (np.log(expit(x)), log_expit(x))),
    Rule("log of the other logistic", lambda x: (np.log(1 - expit(x)), log_expit(-x))),
)

#: The same real numbers, as well conditioned or better.
STABLE = (
    Rule("zero more", lambda x: (x + 0, x), kinds=_ARITHMETIC),
    Rule("less from zero", lambda x: (0 - x, -x)),
    Rule("a size with its sign", lambda x: (np.abs(x) * np.sign(x), x)),
    Rule("a difference turned round", lambda x, y: (-(x - y), y - x)),
    Rule("two numbers multiply", lambda c, d, x: (c * (d * x), (c * d) * x), when=_scales, samples=_BOTH),
    Rule("two numbers divide", lambda c, d, x: ((c * x) / d, (c / d) * x), when=_scales, samples=_BOTH),
    Rule("a number over, a number times", lambda c, d, x: (c * (x / d), (c / d) * x), when=_scales, samples=_BOTH),
    Rule("two numbers over", lambda c, d, x: ((x / c) / d, x / (c * d)), when=_scales, samples=_BOTH),
    Rule("one over, times", lambda x, y: (x * (1 / y), x / y), samples={"y": "away"}),
    Rule("log of one plus", lambda x: (np.log(1 + x), np.log1p(x)), samples="positive"),
    Rule("log of one minus", lambda x: (np.log(1 - x), np.log1p(-x)), samples="unit"),
    Rule("exp minus one", lambda x: (np.exp(x) - 1, np.expm1(x))),
    Rule("one minus exp", lambda x: (1 - np.exp(x), -np.expm1(x))),
    *LOGISTIC,
    Rule("the other logistic", lambda x: (1 - expit(x), expit(-x))),
    *LOG_LOGISTIC[:1],
    *SOFTPLUS,
    Rule("log of a sum of two exponentials", lambda x, y: (np.log(np.exp(x) + np.exp(y)), np.logaddexp(x, y))),
)  # fmt: skip

ALGORITHMS = (*FOLDING, *MOVES, *ROWS, *CONTRACTIONS, *LENGTHS, *SOFT, *SPREADING)

#: What derived programs are rewritten by before they are run.
RULES: Rules = Rules((*ALGORITHMS, *EXACT, *STABLE, inside(lambda outputs: RULES(outputs))))  # noqa: PLW0108 (it is being made)

#: What a program is put into before it is differentiated for its formula: soft maxima shifted by
#: the maximum are what they are without it, and so ``log(1 + exp z)`` and the logistic function are
#: one function each. All else stays as the user wrote it.
RECOGNITIONS = Rules((*MOVES, *SOFT, *SOFTPLUS, *LOGISTIC, *LOG_LOGISTIC, _ONE_TIMES))

#: The same for a derivation, where a logarithm is differentiated before what is in it.
RECOGNISED = Rules((*MOVES, *SOFT, *SOFTPLUS, *LOGISTIC, _ONE_TIMES))
