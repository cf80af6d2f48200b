"""What a row alone cannot show: results that only together have a derivative, masks that meet
infinite slopes, exponents that stand in the program.

Each is a small function of one array, traced and differentiated afresh (no cache is asked), so
that a changed rule is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.errors import UndefinedDerivative
from chainrule.ir.node import Node, input_node
from chainrule.ir.primitive import Primitive
from chainrule.ir.types import type_of
from chainrule.trace.recording import tracing
from tests.laws.arguments import direction, run
from tests.laws.truth import assert_close, assert_slope, real_inner, slopes

_rng = np.random.default_rng(8)
_tall = _rng.normal(size=(4, 2))
_square = _rng.normal(size=(3, 3))
_complex = _square + 1j * _rng.normal(size=(3, 3))
_complex_tall = _tall + 1j * _rng.normal(size=(4, 2))
_W = _rng.normal(size=(4, 4))


def _project(vectors: Any) -> Any:
    """A function of the space that columns span, whatever basis of it they are."""
    n = np.shape(vectors)[-2]
    return np.sum(np.real(vectors @ np.conjugate(np.swapaxes(vectors, -1, -2)) * _W[:n, :n]))


def _hermitian(a: Any) -> Any:
    return (a + np.conjugate(np.swapaxes(a, -1, -2))) / 2


#: Smooth functions, held against differences, by a row that they exercise.
SMOOTH: dict[str, list[tuple[Callable[[Any], Any], Any]]] = {
    "svd": [
        (lambda a: _project(np.linalg.svd(a)[0][:, 2:]), _tall),
        (lambda a: _project(np.linalg.svd(a)[0][:, :2]), _tall),
        (lambda a: _project(np.swapaxes(np.linalg.svd(a)[2][2:], 0, 1)), _tall.T),
        (lambda a: _project(np.linalg.svd(a)[0][:, 2:]), _complex_tall),
        (lambda a: _project(np.linalg.svd(a, full_matrices=False)[0][:, :1]), _complex_tall),
        (lambda a: _project(np.linalg.svd(a, full_matrices=False)[0][:, :1]), _complex_tall.T),
        (lambda a: np.sum(np.linalg.svd(a)[1] ** 3), _complex),
        (lambda a: np.sum(np.abs(np.linalg.svd(a)[2]) ** 4), _complex),
        (lambda a: np.linalg.svd(a)[0][0, 0] * np.linalg.svd(a)[1][0], _square),
    ],
    "eigh": [
        (lambda a: np.sum(np.linalg.eigh(_hermitian(a))[0] ** 3), _complex),
        (lambda a: np.sum(np.abs(np.linalg.eigh(_hermitian(a))[1]) ** 4), _complex),
        (lambda a: _project(np.linalg.eigh(_hermitian(a))[1][:, :2]), _complex),
        (lambda a: np.linalg.eigvalsh(a)[0] ** 2, _complex),
        (lambda a: np.sum(np.linalg.eigh(a, UPLO="U")[0] ** 3), _complex),
    ],
    "power": [
        *(
            (lambda x, n=n: np.sum(x**n), np.array([0.3, 1.7]))
            for n in (0, 1, 2, 3, 4, -1, 0.5, -2)
        ),
        *((lambda x, n=n: np.sum(x**n), np.array([-0.8, 1.2])) for n in (0, 1, 2, 3, -1, -2)),
        *((lambda x, n=n: np.sum(n**x), np.array([-0.8, 1.2])) for n in (2, 0.5)),
        *((lambda z, n=n: np.sum(np.real(z**n)), _complex[0]) for n in (1, 2, 3, 0.5)),
    ],
}

_zero = np.array([-1.0, 0.0, 4.0])
#: Functions with a slope that is infinite or NaN somewhere inside, and their gradients.
EXACT: dict[str, list[tuple[Callable[[Any], Any], Any, Any]]] = {
    "where": [
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), _zero, [0, 0, 0.25]),
        (lambda x: np.sum(np.where(x <= 0, 0, np.sqrt(x))), _zero, [0, 0, 0.25]),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0) * np.arange(3.0)), _zero, [0, 0, 0.5]),
        (
            lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0) - np.where(x > 1, 2 * np.sqrt(x), 0)),
            _zero,
            [0, 0, -0.25],
        ),
        (lambda x: np.sum(np.where(x > 0, np.where(x < 5, np.sqrt(x), 1), 0)), _zero, [0, 0, 0.25]),
        (lambda x: np.sum(np.where(x < 0, 0, np.sqrt(x))[2:]), _zero, [0, 0, 0.25]),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)[None].T[::-1]), _zero, [0, 0, 0.25]),
        (
            lambda x: np.sum(
                np.where(x > 0, np.where(x > 2, np.sqrt(x), 0), np.where(x > 1, np.sqrt(x), 0))
            ),
            _zero,
            [0, 0, 0.25],
        ),
        (
            lambda x: np.sum(np.where(x[:, None] > 0, np.sqrt(x)[:, None], 0) * np.ones(2)),
            _zero,
            [0, 0, 0.5],
        ),
    ],
    "place": [
        (lambda x: np.sqrt(x)[2], _zero, [0, 0, 0.25]),
        (lambda x: np.sqrt(x)[2] + np.log(x)[2], _zero, [0, 0, 0.5]),
        (lambda x: np.sum(np.sqrt(np.sqrt(x))[2:]), _zero, [0, 0, 0.25 * 4**-0.75]),
    ],
    "scatter_add": [
        (lambda x: np.sum(np.sqrt(x)[[2, 2]]), _zero, [0, 0, 0.5]),
        (lambda x: np.sum((2 * np.sqrt(x))[x > 0]), _zero, [0, 0, 0.5]),
    ],
    "max": [(lambda x: np.max(np.sqrt(x)), np.array([0.0, 1.0, 4.0]), [0, 0, 0.25])],
    "min": [(lambda x: np.min(-np.sqrt(x)), np.array([0.0, 1.0, 4.0]), [0, 0, -0.25])],
    "cummax": [
        (lambda x: np.maximum.accumulate(np.sqrt(x))[-1], np.array([1.0, 0.0, 4.0]), [0, 0, 0.25])
    ],
    "maximum": [
        (lambda x: np.maximum(np.sqrt(x[0]), x[1]), np.array([0.0, 2.0]), [0, 1]),
        (lambda x: np.minimum(-np.sqrt(x[0]), x[1]), np.array([0.0, -2.0]), [0, 1]),
    ],
    "power": [
        *(
            (lambda x, n=n: np.sum(x**n), np.array([0.0, 2.0]), [float(n == 1), n * 2.0 ** (n - 1)])
            for n in (0, 1, 2, 3)
        ),
        *(
            (
                lambda x, n=n: np.sum(x ** np.array([n, n])),
                np.array([0.0, 2.0]),
                [float(n == 1), n * 2.0 ** (n - 1)],
            )
            for n in (0.0, 1.0, 2.0, 3.0)
        ),
    ],
    "eigh": [
        (lambda a: np.sum(np.linalg.eigh(a)[0] ** 2), np.eye(2), 2 * np.eye(2)),
        (lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), np.eye(2), 2 * np.eye(2)),
    ],
    "svd": [(lambda a: np.sum(np.linalg.svd(a)[1] ** 2), np.eye(2), 2 * np.eye(2))],
}

#: Functions whose derivative does not exist, and must be refused.
REFUSED: dict[str, list[tuple[Callable[[Any], Any], Any]]] = {
    "eigh": [
        (lambda a: np.linalg.eigh(a)[1][0, 1], np.eye(2)),
        (
            lambda a: (
                np.real(np.linalg.eigh(_hermitian(a))[1][0, 0])
                + np.imag(np.linalg.eigh(_hermitian(a))[1][1, 0])
            ),
            _complex,
        ),
    ],
    "svd": [
        (lambda a: np.linalg.svd(a)[0][0, 1], np.eye(2)),
        (lambda a: np.linalg.svd(a)[0][0, 3], _tall),
        (lambda a: np.linalg.svd(a)[2][3, 0], _tall.T),
    ],
}


class Traced:
    """A function as nodes, with its derivatives both ways."""

    def __init__(self, f: Callable[[Any], Any], x: Any) -> None:
        self.at = x
        with tracing() as trace:
            argument = trace.input(x)
            out = trace.lift(f(argument)).node
            self.captured = dict(trace.root.captured)
        self.x: Node = argument.node
        self.out: Node = out
        self.t = input_node(1, "t", type_of(x))
        self.c = input_node(1, "c", out.type.strong())
        self.tangent = direction(x, 3)
        (pushed,) = pushforward([out], [self.x], [self.t])
        (pulled,) = pullback([out], [self.x], [self.c])
        self.pushed, self.pulled = pushed, pulled

    def value(self, n: Node | None) -> Any:
        """What a node is worth, with a cotangent of one."""
        if n is None:
            return np.zeros_like(self.at)
        inputs = [self.x, self.t, self.c, *self.captured]
        arrays = [self.at, self.tangent, np.float64(1.0), *self.captured.values()]
        return run([n], inputs, arrays)[0]


def compositions(row: Primitive) -> None:
    """Everything that is written down here for a row."""
    with np.errstate(all="ignore"):
        for k, (f, x) in enumerate(SMOOTH.get(row.name, ())):
            traced = Traced(f, x)
            ((value, error),) = slopes(lambda s, f=f, x=x, t=traced.tangent: [f(x + s * t)], 1e-2)
            what = f"{row.name}, smooth function {k}"
            assert_slope(traced.value(traced.pushed), (value, error), what, rtol=1e-7)
            found = real_inner([traced.value(traced.pulled)], [traced.tangent])
            assert_slope(found, (value, error), f"{what}, backward", rtol=1e-7)
        for k, (f, x, expected) in enumerate(EXACT.get(row.name, ())):
            traced = Traced(f, x)
            assert_close(traced.value(traced.pulled), expected, f"{row.name}, exact function {k}")
            along = np.sum(np.asarray(expected) * traced.tangent)
            assert_close(
                traced.value(traced.pushed), along, f"{row.name}, exact function {k}, forward"
            )
        for k, (f, x) in enumerate(REFUSED.get(row.name, ())):
            try:
                traced = Traced(f, x)
                found = traced.value(traced.pulled)
            except UndefinedDerivative:
                continue
            raise AssertionError(f"{row.name}, refused function {k}: found {found}")
