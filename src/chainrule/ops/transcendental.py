"""Exponentials, logarithms, trigonometric and hyperbolic functions: one row each.

The partials are written for accuracy over the whole domain: ``(1 - x) * (1 + x)`` rather than
``1 - x**2``, the reciprocal hyperbolic cosine squared rather than ``1 - tanh**2``.
Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 4.2 to 4.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.primitive import Array
from .elementwise import Elementwise
from .special import expit

_LN2, _LN10 = float(np.log(2.0)), float(np.log(10.0))


def _cosh_squared_reciprocal(out: Array, x: Array) -> Array:
    if x.dtype.kind == "c":
        return (1 - out) * (1 + out)
    # 1 - tanh(x)**2 cancels for large |x|; this form underflows gently and never overflows. The
    # function of e is the same of 1/e, so that which side 0 is on does not show in any derivative;
    # abs(x), whose slope at 0 is 0, would make the third one 0 there.
    e = np.exp(np.where(x < 0, 2 * x, -2 * x))
    return 4 * e / ((1 + e) * (1 + e))


def _leg(function: Any, out: Array, x: Array) -> Array:
    """``√(1 − x²)``; of complex numbers, by the angle, that on the sheet of a branch cut which NumPy takes."""
    return function(out) if x.dtype.kind == "c" else np.sqrt((1 - x) * (1 + x))


def _arcsinh_slope(out: Array, x: Array) -> Array:
    if x.dtype.kind == "c":
        return 1 / np.cosh(out)
    return 1 / np.hypot(1, x)  # never overflows


def _turned(x: Array, y: Array) -> Array:
    """``x / (x² + y²)``, without the overflow of a square."""
    length = np.hypot(x, y)
    return x / length / length


# fmt: off
exp      = Elementwise(np.exp,     "exp({0})",   partials=(lambda out, x: out,), latex="e^{{{0}}}")
exp2     = Elementwise(np.exp2,    "2^{0}", 7,   partials=(lambda out, x: _LN2 * out,), latex="2^{{{0}}}")
expm1    = Elementwise(np.expm1,   "expm1({0})", partials=(lambda out, x: np.exp(x),))
log      = Elementwise(np.log,     "log({0})",   partials=(lambda out, x: 1 / x,), latex=r"\log({0})", domain=(0, np.inf))
log2     = Elementwise(np.log2,    "log₂({0})",  partials=(lambda out, x: 1 / (_LN2 * x),), latex=r"\log_2({0})", domain=(0, np.inf))
log10    = Elementwise(np.log10,   "log₁₀({0})", partials=(lambda out, x: 1 / (_LN10 * x),), latex=r"\log_{{10}}({0})", domain=(0, np.inf))
log1p    = Elementwise(np.log1p,   "log1p({0})", partials=(lambda out, x: 1 / (1 + x),), domain=(-1, np.inf))
sqrt     = Elementwise(np.sqrt,    "√{0}", 8,    partials=(lambda out, x: 0.5 / out,), latex=r"\sqrt{{{0}}}", domain=(0, np.inf))
cbrt     = Elementwise(np.cbrt,    "∛{0}", 8,    partials=(lambda out, x: 1 / (3 * out * out),), latex=r"\sqrt[3]{{{0}}}")

sin      = Elementwise(np.sin,     "sin({0})",    partials=(lambda out, x: np.cos(x),),  latex=r"\sin({0})")
cos      = Elementwise(np.cos,     "cos({0})",    partials=(lambda out, x: -np.sin(x),), latex=r"\cos({0})")
tan      = Elementwise(np.tan,     "tan({0})",    partials=(lambda out, x: 1 + out * out,), latex=r"\tan({0})")
arcsin   = Elementwise(np.arcsin,  "arcsin({0})", partials=(lambda out, x: 1 / _leg(np.cos, out, x),),  latex=r"\arcsin({0})", domain=(-1, 1))
arccos   = Elementwise(np.arccos,  "arccos({0})", partials=(lambda out, x: -1 / _leg(np.sin, out, x),), latex=r"\arccos({0})", domain=(-1, 1))
arctan   = Elementwise(np.arctan,  "arctan({0})", partials=(lambda out, x: 1 / (1 + x * x),), latex=r"\arctan({0})")
sinh     = Elementwise(np.sinh,    "sinh({0})",   partials=(lambda out, x: np.cosh(x),), latex=r"\sinh({0})")
cosh     = Elementwise(np.cosh,    "cosh({0})",   partials=(lambda out, x: np.sinh(x),), latex=r"\cosh({0})")
tanh     = Elementwise(np.tanh,    "tanh({0})",   partials=(_cosh_squared_reciprocal,),  latex=r"\tanh({0})")
arcsinh  = Elementwise(np.arcsinh, "arcsinh({0})", partials=(_arcsinh_slope,), latex=r"\operatorname{{arsinh}}({0})")
arccosh  = Elementwise(np.arccosh, "arccosh({0})", partials=(lambda out, x: 1 / (np.sinh(out) if x.dtype.kind == "c" else np.sqrt(x - 1) * np.sqrt(x + 1)),), latex=r"\operatorname{{arcosh}}({0})", domain=(1, np.inf))
arctanh  = Elementwise(np.arctanh, "arctanh({0})", partials=(lambda out, x: 1 / ((1 - x) * (1 + x)),), latex=r"\operatorname{{artanh}}({0})", domain=(-1, 1))
arctan2  = Elementwise(np.arctan2, "arctan2({0}, {1})", partials=(lambda out, y, x: _turned(x, y), lambda out, y, x: -_turned(y, x)))
deg2rad  = Elementwise(np.deg2rad, "deg2rad({0})", linear_in=(0,), partials=(lambda out, x: np.pi / 180,))
radians  = Elementwise(np.radians, "radians({0})", linear_in=(0,), partials=(lambda out, x: np.pi / 180,))
rad2deg  = Elementwise(np.rad2deg, "rad2deg({0})", linear_in=(0,), partials=(lambda out, x: 180 / np.pi,))
degrees  = Elementwise(np.degrees, "degrees({0})", linear_in=(0,), partials=(lambda out, x: 180 / np.pi,))

# log(exp x + exp y) and its base-2 twin: the partials are the softmax weights of the two. They come
# from x − y, for exp(x − out) has the rounding error of out, which may be large, in its exponent.
logaddexp  = Elementwise(np.logaddexp,  "logaddexp({0}, {1})",  partials=(lambda out, x, y: expit(x - y), lambda out, x, y: expit(y - x)))
logaddexp2 = Elementwise(np.logaddexp2, "logaddexp2({0}, {1})", partials=(lambda out, x, y: expit(_LN2 * (x - y)), lambda out, x, y: expit(_LN2 * (y - x))))
# fmt: on
