"""Slopes at the places where mathematics leaves a choice or a formula divides zero by zero.

The expected numbers are those of ``docs/conventions.md``; an entry says what the pullback of ones
is, which for a number is the slope.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.ir.node import input_node
from chainrule.ir.primitive import Primitive
from chainrule.ops.elementwise import Elementwise
from tests.laws.arguments import Case, arity, cases, run

inf, nan = np.inf, np.nan

#: For rows of one argument: points, and the slope at each.
_ONE: dict[str, list[tuple[float, float]]] = {
    "absolute": [(0.0, 0), (-0.0, 0), (inf, 1), (-inf, -1), (nan, nan)],
    "fabs": [(0.0, 0), (-0.0, 0), (inf, 1), (-inf, -1), (nan, nan)],
    "relu": [(0.0, 0), (-0.0, 0), (-2.0, 0), (3.0, 1), (inf, 1), (-inf, 0), (nan, nan)],
    "sign": [(0.0, 0), (2.0, 0)],
    "floor": [(1.0, 0), (1.5, 0)],
    "ceil": [(1.0, 0), (1.5, 0)],
    "rint": [(0.5, 0), (1.3, 0)],
    "trunc": [(-1.0, 0), (1.3, 0)],
    "exp": [(-inf, 0), (inf, inf), (nan, nan)],
    "exp2": [(-inf, 0), (0.0, float(np.log(2.0)))],
    "expm1": [(-inf, 0), (0.0, 1)],
    "exprel": [(-inf, 0), (0.0, 0.5), (1e300, inf), (inf, inf), (nan, nan)],
    "log": [(0.0, inf), (inf, 0), (nan, nan)],
    "log2": [(0.0, inf), (inf, 0)],
    "log10": [(0.0, inf), (inf, 0)],
    "log1p": [(-1.0, inf), (inf, 0), (0.0, 1)],
    "sqrt": [(0.0, inf), (inf, 0), (-1.0, nan)],
    "cbrt": [(0.0, inf), (inf, 0), (-8.0, 1 / 12)],
    "sin": [(inf, nan), (0.0, 1)],
    "cos": [(inf, nan), (0.0, 0)],
    "arcsin": [(1.0, inf), (-1.0, inf), (2.0, nan)],
    "arccos": [(1.0, -inf), (-1.0, -inf), (2.0, nan)],
    "arctan": [(inf, 0), (-inf, 0)],
    "tanh": [
        (inf, 0),
        (-inf, 0),
        (0.0, 1),
        (20.0, 4 * np.exp(-40.0)),
        (-20.0, 4 * np.exp(-40.0)),
        (400.0, 0),
    ],
    "arcsinh": [(inf, 0), (-inf, 0), (0.0, 1), (1e200, 1e-200)],
    "arccosh": [(1.0, inf), (inf, 0), (0.5, nan)],
    "arctanh": [(1.0, inf), (-1.0, inf)],
    "reciprocal": [(0.0, -inf), (inf, 0)],
}

#: For rows of two: points, and the slope by each argument.
_TWO: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {
    "power": [
        ((0.0, 0.0), (0, -inf)),
        ((0.0, 1.0), (1, 0)),
        ((0.0, 2.0), (0, 0)),
        ((0.0, 0.5), (inf, 0)),
        ((-2.0, 3.0), (12, nan)),
        ((-2.0, 2.0), (-4, nan)),
        ((3.0, 0.0), (0, float(np.log(3.0)))),
        ((0.0, 3.0), (0, 0)),
        ((inf, 0.0), (0, inf)),
    ],
    "hypot": [((0.0, 0.0), (0, 0)), ((3.0, 0.0), (1, 0)), ((0.0, -2.0), (0, -1))],
    "heaviside": [((0.0, 0.3), (0, 1)), ((2.0, 0.3), (0, 0)), ((-2.0, 0.3), (0, 0))],
    "copysign": [((-2.0, 3.0), (-1, 0)), ((2.0, -3.0), (-1, 0)), ((-2.0, -3.0), (1, 0))],
    "remainder": [((3.0, 1.0), (1, -3)), ((-2.5, 1.0), (1, 3))],
    "fmod": [((3.0, 1.0), (1, -3)), ((-2.5, 1.0), (1, 2))],
    "floor_divide": [((3.0, 1.0), (0, 0))],
    "logaddexp": [
        ((-inf, 0.0), (0, 1)),
        ((0.0, -inf), (1, 0)),
        ((1e4, 0.0), (1, 0)),
        ((1e4, 1e4), (0.5, 0.5)),
    ],
    "logaddexp2": [((-inf, 0.0), (0, 1)), ((1e4, 1e4), (0.5, 0.5))],
    "arctan2": [((0.0, -1.0), (-1, 0)), ((0.0, 0.0), (nan, nan)), ((1.0, 0.0), (0, -1))],
    "divide": [((1.0, 0.0), (inf, -inf)), ((0.0, 2.0), (0.5, 0))],
    "maximum": [
        ((1.0, 1.0), (0.5, 0.5)),
        ((inf, inf), (0.5, 0.5)),
        ((2.0, 1.0), (1, 0)),
        ((nan, 1.0), (nan, nan)),
        ((1.0, nan), (nan, nan)),
        ((inf, 1.0), (1, 0)),
    ],
    "minimum": [
        ((1.0, 1.0), (0.5, 0.5)),
        ((-inf, -inf), (0.5, 0.5)),
        ((2.0, 1.0), (0, 1)),
        ((nan, 1.0), (nan, nan)),
        ((1.0, nan), (nan, nan)),
    ],
    "fmax": [
        ((1.0, 1.0), (0.5, 0.5)),
        ((nan, 1.0), (0, 1)),
        ((1.0, nan), (1, 0)),
        ((nan, nan), (nan, nan)),
        ((2.0, 1.0), (1, 0)),
    ],
    "fmin": [
        ((1.0, 1.0), (0.5, 0.5)),
        ((nan, 1.0), (0, 1)),
        ((1.0, nan), (1, 0)),
        ((nan, nan), (nan, nan)),
        ((2.0, 1.0), (0, 1)),
    ],
}
_TWO["float_power"] = _TWO["power"]

_A = np.array
#: For the other kinds: arrays, parameters, and the pullback of ones to each array.
_OTHER: dict[str, list[tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]]] = {
    "prod": [
        ((_A([0.0, 2.0, 3.0]),), ((-1,),), (_A([6.0, 0.0, 0.0]),)),
        ((_A([0.0, 2.0, 0.0]),), ((-1,),), (_A([0.0, 0.0, 0.0]),)),
    ],
    "cumprod": [((_A([2.0, 0.0, 3.0]),), (-1, False), (_A([1.0, 8.0, 0.0]),))],
    "max": [
        ((_A([1.0, 3.0, 3.0]),), ((-1,),), (_A([0.0, 0.5, 0.5]),)),
        ((_A([inf, 3.0, inf]),), ((-1,),), (_A([0.5, 0.0, 0.5]),)),
        ((_A([[2.0, 1.0], [2.0, 2.0]]),), ((-2,),), (_A([[0.5, 0.0], [0.5, 1.0]]),)),
        ((_A([1.0, nan]),), ((-1,),), (_A([nan, nan]),)),
    ],
    "min": [((_A([1.0, 1.0, 3.0, 1.0]),), ((-1,),), (_A([1 / 3, 1 / 3, 0.0, 1 / 3]),))],
    "cummax": [((_A([1.0, 1.0, 0.0, 2.0]),), (-1, False), (_A([2.0, 1.0, 0.0, 1.0]),))],
    "norm": [((np.zeros(3),), ((-1,), order), (np.zeros(3),)) for order in (2, 3)],
    "logsumexp": [
        ((_A([-inf, 0.0, 0.0]),), ((-1,),), (_A([0.0, 0.5, 0.5]),)),
        ((_A([1e4, 1e4]),), ((-1,),), (_A([0.5, 0.5]),)),
        ((_A([inf, 0.0, inf]),), ((-1,),), (_A([0.5, 0.0, 0.5]),)),
    ],
}


def entries(row: Primitive) -> list[tuple[Case, tuple[Any, ...]]]:
    """Cases at the edges of a row, with the pullback of ones to each argument."""
    name = row.name
    if name in _ONE and isinstance(row, Elementwise):
        return [(Case(row, (np.float64(x),)), (slope,)) for x, slope in _ONE[name]]
    if name in _TWO and isinstance(row, Elementwise):
        return [(Case(row, tuple(map(np.float64, point))), slopes) for point, slopes in _TWO[name]]
    return [(Case(row, arrays, params), slopes) for arrays, params, slopes in _OTHER.get(name, ())]


def slopes_at_edges(row: Primitive) -> None:
    """Both walks give the slopes of the conventions, and no other."""
    for case, expected in entries(row):
        inputs = case.inputs()
        (output,) = case.outputs(inputs)
        seed = input_node(1, "ones", output.type)
        every = [*inputs, seed]
        ones = np.ones(output.type.shape)[()]
        for k, slope in enumerate(expected):
            (pulled,) = pullback([output], [inputs[k]], [seed])
            _same(
                _value(pulled, every, (*case.arrays, ones), slope),
                slope,
                f"{case} at {case.arrays}",
            )
            if np.ndim(case.arrays[k]) == 0:
                tangent = input_node(1, "one", inputs[k].type)
                (pushed,) = pushforward([output], [inputs[k]], [tangent])
                found = _value(pushed, [*inputs, tangent], (*case.arrays, np.float64(1)), slope)
                _same(found, slope, f"{case} at {case.arrays}, forward")


def _value(n: Any, inputs: Any, arrays: Any, like: Any) -> Any:
    return np.zeros(np.shape(like)) if n is None else run([n], inputs, arrays)[0]


def _same(found: Any, expected: Any, what: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0, equal_nan=True, err_msg=what)


#: Numbers at which a rule may do something of its own.
_SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 50.0, -50.0, 1e-9, 1e150, inf, -inf, nan]
)


def probes(row: Primitive) -> list[Case]:
    """More arguments, not all with a derivative, on which a changed rule may show a difference."""
    found = [case for case, _ in entries(row)]
    found += [
        case.as_dtype(np.float32) for case in cases(row) if row.name not in ("constant", "astype")
    ]
    if isinstance(row, Elementwise) and all(
        np.result_type(a).kind == "f" for a in cases(row)[0].arrays
    ):
        n = arity(row)
        if n == 1:
            found.append(Case(row, (_SPECIAL,)))
        elif n == 2:
            x, y = np.meshgrid(_SPECIAL, _SPECIAL)
            found.append(Case(row, (x, y)))
    return found
