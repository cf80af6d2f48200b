"""Arithmetic, comparison, logic, rounding and complex parts: one row each.

The columns: reference, notation, precedence, partial derivatives in ``(out, *args)``.
Precedences: 1 comparison, 3 sum, 4 sign, 5 product, 7 power, 9 atom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.node import Node, is_literal
from ..ir.primitive import Array, Maybe
from .elementwise import (
    Elementwise,
    Extremum,
    RealLinear,
    gate,
    literal_of,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    scaled,
    support,
    where,
)
from .structural import cast

# fmt: off
add         = Elementwise(np.add,         "{0} + {1}", 3, linear_in=(0, 1), partials=(1, 1))
subtract    = Elementwise(np.subtract,    "{0} − {1}", 3, linear_in=(0, 1), partials=(1, -1))
negative    = Elementwise(np.negative,    "−{0}",      4, linear_in=(0,),   partials=(-1,))
positive    = Elementwise(np.positive,    "{0}",       9, linear_in=(0,),   partials=(1,))
multiply    = Elementwise(np.multiply,    "{0} ⊙ {1}", 5, linear_in=(0, 1), partials=(lambda out, x, y: y, lambda out, x, y: x))
divide      = Elementwise(np.divide,      "{0} ⊘ {1}", 5, linear_in=(0,),   partials=(lambda out, x, y: 1 / y, lambda out, x, y: -(out / y)), latex=r"\frac{{{0}}}{{{1}}}")
reciprocal  = Elementwise(np.reciprocal,  "1 ⊘ {0}",   5, partials=(lambda out, x: -(out * out),), latex=r"\frac{{1}}{{{0}}}")
square      = Elementwise(np.square,      "{0}^⊙2",    7, partials=(lambda out, x: 2 * x,), latex=r"{{{0}}}^{{\odot 2}}")
# fmt: on


class Power(Elementwise):
    """``x ** y``; ``x ** 2`` with the 2 standing in the program is recorded as ``square``."""

    reads_literals = True

    def build(self, nodes: tuple[Node, ...], *params: Any) -> Node:
        x, y = nodes
        wide = self.name != "float_power" or x.type.dtype.char in "dD"
        if y.type.weak and is_literal(y, 2.0) and x.type.dtype.kind in "fc" and wide:
            return square.build((x,))
        return super().build((x, y), *params)


def _power_x(out: Array, x: Array, y: Array) -> Array:
    c = literal_of(y)
    if c is not None:  # an exponent that stands in the program
        return 0.0 * x if c == 0 else c if c == 1 else c * x if c == 2 else c * x ** (c - 1)
    # y = 0 gives the constant 1, also at x = 0, where x ** (y - 1) is infinite.
    return np.where(y == 0, 0.0, y * x ** np.where(y == 0, 1.0, y - 1)).astype(out.dtype)


def _power_y(out: Array, x: Array, y: Array) -> Array:
    # 0 ** y is 0 for every y > 0: flat, although log 0 is not finite.
    flat = (x == 0) & (np.real(y) > 0)
    return np.where(flat, 0.0, out * np.log(np.where(flat, 1.0, x))).astype(out.dtype)


# fmt: off
power       = Power(np.power, "{0}^{1}", 7, partials=(_power_x, _power_y), latex="{{{0}}}^{{{1}}}", domain=((0.0, np.inf), (-np.inf, np.inf)))
float_power = Power(np.float_power, "{0}^{1}", 7, partials=(_power_x, _power_y), latex="{{{0}}}^{{{1}}}", domain=((0.0, np.inf), (-np.inf, np.inf)))
floor_divide = Elementwise(np.floor_divide, "⌊{0} / {1}⌋", 9, partials=(None, None))
remainder   = Elementwise(np.remainder, "{0} mod {1}", 5, partials=(1, lambda out, x, y: -np.floor_divide(x, y)))
fmod        = Elementwise(np.fmod, "fmod({0}, {1})", partials=(1, lambda out, x, y: -np.trunc(x / y)))
hypot       = Elementwise(np.hypot, "hypot({0}, {1})", partials=(lambda out, x, y: toward(x, out), lambda out, x, y: toward(y, out)))
copysign    = Elementwise(np.copysign, "copysign({0}, {1})", partials=(lambda out, x, y: np.copysign(1.0, x) * np.copysign(1.0, y), None))
fabs        = Elementwise(np.fabs, "|{0}|", partials=(lambda out, x: np.sign(x),), latex=r"\left| {0} \right|")
nextafter   = Elementwise(np.nextafter, "nextafter({0}, {1})", partials=(1, None))
heaviside   = Elementwise(np.heaviside, "heaviside({0}, {1})", partials=(None, lambda out, x, y: np.where(x == 0, 1.0, 0.0).astype(out.dtype)))

floor       = Elementwise(np.floor, "⌊{0}⌋", partials=(None,))
ceil        = Elementwise(np.ceil,  "⌈{0}⌉", partials=(None,))
rint        = Elementwise(np.rint,  "round({0})", partials=(None,))
trunc       = Elementwise(np.trunc, "trunc({0})", partials=(None,))

maximum     = Extremum(np.maximum, "max({0}, {1})")
minimum     = Extremum(np.minimum, "min({0}, {1})")
fmax        = Extremum(np.fmax,    "fmax({0}, {1})")
fmin        = Extremum(np.fmin,    "fmin({0}, {1})")

less          = Elementwise(np.less,          "{0} < {1}", 1, partials=(None, None))
less_equal    = Elementwise(np.less_equal,    "{0} ≤ {1}", 1, partials=(None, None))
greater       = Elementwise(np.greater,       "{0} > {1}", 1, partials=(None, None))
greater_equal = Elementwise(np.greater_equal, "{0} ≥ {1}", 1, partials=(None, None))
equal         = Elementwise(np.equal,         "{0} = {1}", 1, partials=(None, None))
logical_xor   = Elementwise(np.logical_xor, "{0} ⊻ {1}", 2, partials=(None, None))
bitwise_and   = Elementwise(np.bitwise_and, "{0} ∧ {1}", 2, partials=(None, None))
bitwise_or    = Elementwise(np.bitwise_or,  "{0} ∨ {1}", 2, partials=(None, None))
bitwise_xor   = Elementwise(np.bitwise_xor, "{0} ⊻ {1}", 2, partials=(None, None))
invert        = Elementwise(np.invert, "¬{0}", 6, partials=(None,))
isnan         = Elementwise(np.isnan, "isnan({0})", partials=(None,))
isinf         = Elementwise(np.isinf, "isinf({0})", partials=(None,))
isfinite      = Elementwise(np.isfinite, "isfinite({0})", partials=(None,))
signbit       = Elementwise(np.signbit, "signbit({0})", partials=(None,))
# fmt: on


class Toward(Elementwise):
    """The direction ``x / length``, 0 at the origin, where its own slope is infinite or NaN."""

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        *loop, out = np.divide.resolve_dtypes((*operands, None))
        return loop, out

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        x, length = arrays
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(length == 0, length, x / length)[()]

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        return lambda x, length: self.evaluate((x, length))


class Relu(Elementwise):
    """``maximum(x, 0)`` with the 0 standing in the program: slope 0 at 0."""

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        dtype = np.dtype(operands[0])
        return (dtype,), dtype

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        return np.maximum(arrays[0], 0)

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        return lambda x: np.maximum(x, 0)


class Absolute(Elementwise):
    """``|x|``, also of complex numbers, where the result is real; slope 0 at 0."""

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        dtype = np.dtype(operands[0])
        return (dtype,), np.abs(np.zeros((), dtype)).dtype

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        (x,), (t,) = args, tangents
        if x.dtype.kind != "c":
            return super().jvp(out, args, tangents)
        return np.real(scaled(t, np.conjugate(self.slope(x, out))))

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        (x,) = args
        if x.dtype.kind != "c":
            return super().pullback(out, ct, args, wanted)
        return (scaled(cast(ct, x.dtype), self.slope(x, out)),)

    def slope(self, x: Array, out: Array) -> Array:
        """The direction in which the size of a complex number grows, as fast as it does."""
        return toward(x, out)


class SquaredSize(Absolute):
    """``|x|²`` without the root of ``|x|``, so that it has second derivatives at 0 too."""

    def evaluate(self, arrays: Sequence[Any], *params: Any) -> Any:
        (x,) = arrays
        return np.square(x.real) + np.square(x.imag) if x.dtype.kind == "c" else np.square(x)

    def evaluator(self, types: Sequence[Any], *params: Any) -> Any:
        return lambda x: self.evaluate((x,))

    def slope(self, x: Array, out: Array) -> Array:
        return 2 * x


class Sign(Elementwise):
    """The sign, which only jumps; of a complex number its direction ``z / |z|``, which turns."""

    def jvp(self, out: Array, args: Sequence[Array], tangents: Sequence[Maybe], *params: Any) -> Maybe:
        return _turned(out, args[0], tangents[0])

    def pullback(
        self, out: Array, ct: Array, args: Sequence[Array], wanted: Sequence[bool], *params: Any
    ) -> Sequence[Maybe]:
        return (_turned(out, args[0], ct),)


def _turned(out: Array, z: Array, t: Array) -> Maybe:
    """The part of ``t`` across the direction ``out``, over the length: its own adjoint."""
    if z.dtype.kind != "c":
        return None
    across = (t - out * np.real(np.conjugate(out) * t)) / np.abs(z)
    mask = support(t.node) if hasattr(t, "node") else None
    return across if mask is None else where(t.wrap(mask), across, 0.0)


# fmt: off
sign      = Sign(np.sign, "sign({0})", partials=(None,), latex=r"\operatorname{{sign}}({0})", holomorphic=False)
toward: Elementwise = Toward("chainrule.toward", "{0} ⊘ {1}", 5, partials=(lambda out, x, n: 1 / n, lambda out, x, n: -(out / n)), latex=r"\frac{{{0}}}{{{1}}}", domain=((-np.inf, np.inf), (0, np.inf)))
relu      = Relu("chainrule.relu", "relu({0})", gated=True, partials=(lambda out, x: np.heaviside(x, 0.0),))
absolute  = Absolute(np.absolute, "|{0}|", partials=(lambda out, x: np.sign(x),), latex=r"\left| {0} \right|", holomorphic=False)
abs2      = SquaredSize("chainrule.abs2", "|{0}|²", partials=(lambda out, x: 2 * x,), latex=r"\left| {0} \right|^2", holomorphic=False)
real      = RealLinear("numpy.real", "Re({0})", real=True,  adjoint=lambda ct, x: cast(ct, x.dtype))
imag      = RealLinear("numpy.imag", "Im({0})", real=True,  adjoint=lambda ct, x: scaled(cast(ct, x.dtype), 1j) if x.dtype.kind == "c" else None)
conjugate = RealLinear(np.conjugate, "conj({0})", real=False, adjoint=lambda ct, x: np.conjugate(ct), latex=r"\overline{{{0}}}")
# fmt: on

#: Rows that are true or false of numbers, by name: in a formula 1 where they hold, and 0 elsewhere.
CONDITIONS = frozenset(
    row.name
    for row in list(vars().values())
    if isinstance(row, Elementwise)
    and {"d->?", "dd->?"} & set(getattr(getattr(np, row.name, None), "types", ()))
)

__all__ = ["CONDITIONS", "gate", "logical_and", "logical_not", "logical_or", "not_equal", "where"]
