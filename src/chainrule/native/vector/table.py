"""Which row of :mod:`chainrule.ops` is which machine code: one table, and its look-up."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from ...ir.primitive import Primitive
from ...ops import arithmetic, elementwise, slopes, special, structural, transcendental
from ..text import Function, Value
from . import (
    basic,
    compositions,
    error,
    exponential,
    gamma,
    logarithm,
    remainders,
    trigonometric,
)
from .lanes import FORMATS, Emitter, Lanes, cast, in_double, shared, where


class Row(NamedTuple):
    """How a primitive is written."""

    emit: Emitter
    #: Which types it takes: f, i, b for numbers of floating point, integers and Booleans.
    kinds: str = "f"
    #: Whether it gives a Boolean of whatever it takes.
    predicate: bool = False
    #: Whether a module holds one copy, which is called.
    long: bool = False
    #: The code for integers and Booleans, if it is another.
    whole: Emitter | None = None


def _predicates() -> dict[str, Row]:
    comparisons: dict[str, Emitter] = {
        "less": lambda x, y: x < y,
        "less_equal": lambda x, y: x <= y,
        "greater": lambda x, y: x > y,
        "greater_equal": lambda x, y: x >= y,
        "equal": lambda x, y: x == y,
        "not_equal": lambda x, y: x != y,
        "logical_and": lambda x, y: basic.true(x) & basic.true(y),
        "logical_or": lambda x, y: basic.true(x) | basic.true(y),
        "logical_xor": lambda x, y: basic.true(x) ^ basic.true(y),
        "logical_not": lambda x: ~basic.true(x),
        "isnan": basic.isnan,
        "isinf": basic.isinf,
        "isfinite": basic.isfinite,
        "signbit": basic.signbit,
    }
    return {name: Row(emit, "fib", predicate=True) for name, emit in comparisons.items()}


ROWS: dict[str, Row] = {
    **_predicates(),
    "add": Row(basic.add, "fib"),
    "subtract": Row(lambda x, y: x - y, "fi"),
    "multiply": Row(basic.multiply, "fib"),
    "divide": Row(lambda x, y: x / y),
    "negative": Row(basic.negative, "fi"),
    "positive": Row(basic.identity, "fi"),
    "square": Row(basic.square, "fi"),
    "reciprocal": Row(lambda x: 1.0 / x),
    "where": Row(where, "fib"),
    "gate": Row(basic.gate, "fib"),
    "toward": Row(basic.toward),
    "ratio": Row(basic.ratio),
    "relu": Row(basic.relu, "fib"),
    "maximum": Row(basic.maximum, "fib"),
    "minimum": Row(basic.minimum, "fib"),
    "fmax": Row(basic.fmax, "fib"),
    "fmin": Row(basic.fmin, "fib"),
    "absolute": Row(basic.fabs, "fib"),
    "fabs": Row(basic.fabs),
    "sign": Row(basic.sign, "fi"),
    "sqrt": Row(basic.sqrt),
    "floor": Row(partial(basic.rounding, "floor"), "fib"),
    "ceil": Row(partial(basic.rounding, "ceil"), "fib"),
    "trunc": Row(partial(basic.rounding, "trunc"), "fib"),
    "rint": Row(partial(basic.rounding, "rint")),
    "copysign": Row(Lanes.with_sign),
    "heaviside": Row(basic.heaviside),
    "bitwise_and": Row(lambda x, y: x & y, "ib"),
    "bitwise_or": Row(lambda x, y: x | y, "ib"),
    "bitwise_xor": Row(lambda x, y: x ^ y, "ib"),
    "invert": Row(lambda x: ~x, "ib"),
    "floor_divide": Row(remainders.floor_divide, "fi", long=True, whole=basic.whole_floor_divide),
    "remainder": Row(remainders.remainder, "fi", long=True, whole=basic.whole_remainder),
    "fmod": Row(remainders.fmod, "fi", long=True, whole=basic.whole_fmod),
    "real": Row(basic.identity, "fi"),
    "imag": Row(basic.zero, "fi"),
    "conjugate": Row(basic.identity, "fi"),
    "stop_gradient": Row(basic.identity, "fib"),
    "deg2rad": Row(basic.in_radians),
    "radians": Row(basic.in_radians),
    "rad2deg": Row(basic.in_degrees),
    "degrees": Row(basic.in_degrees),
    **{
        name: Row(getattr(module, name), long=True)
        for module, names in (
            (exponential, "exp exp2 exp10 expm1 sinh cosh tanh expit exprel"),
            (logarithm, "log log2 log10 log1p arcsinh arccosh arctanh logit log_expit"),
            (logarithm, "logaddexp logaddexp2 power cbrt hypot"),
            (trigonometric, "sin cos tan arcsin arccos arctan arctan2"),
            (error, "erf erfc erfcx ndtr log_ndtr"),
            (compositions, "entr rel_entr kl_div xlogy xlog1py boxcox cosm1"),
        )
        for name in names.split()
    },
    "float_power": Row(logarithm.power, long=True),
    "gammaln": Row(in_double(gamma.gammaln, "gammaln"), long=True),
    "loggamma": Row(in_double(gamma.loggamma, "loggamma"), long=True),
    "psi": Row(in_double(gamma.psi, "psi"), long=True),
    "gamma": Row(gamma.gamma, long=True),
}


def _rows() -> dict[Primitive, Row]:
    found: dict[Primitive, Row] = {}
    modules = (structural, elementwise, arithmetic, transcendental, special, slopes)
    for name, row in ROWS.items():
        op = next(vars(m)[name] for m in modules if name in vars(m))
        assert isinstance(op, Primitive)
        found[op] = row
    return found


#: The same by the primitive itself: a function of the user's may have any name.
BY_PRIMITIVE = _rows()


def _kind(element: str) -> str:
    return "f" if element in FORMATS else "b" if element == "i1" else "i"


@lru_cache(maxsize=1024)
def _operands(op: Primitive, elements: tuple[str, ...], out: str) -> list[str] | None:
    """The types that the operands are converted to, or ``None`` if there is no code for them."""
    row = BY_PRIMITIVE.get(op)
    if row is None:
        return None
    if row.predicate:
        fits = out == "i1" and all(e == elements[0] and _kind(e) in row.kinds for e in elements)
        return list(elements) if fits else None
    if _kind(out) not in row.kinds or any(
        "fib".index(_kind(e)) < "fib".index(_kind(out)) for e in elements
    ):
        return None
    return ["i1" if op is elementwise.where and k == 0 else out for k in range(len(elements))]


def supports(op: Primitive, arg_elements: Sequence[str], out: str) -> bool:
    """Whether there is machine code for a primitive of elements of these types."""
    if op is structural.cast:
        return True
    return _operands(op, tuple(arg_elements), out) is not None


def lower(
    op: Primitive, f: Function, args: Sequence[Value], out: str, *, inline: bool = False
) -> Value:
    """Write the instructions of a primitive; ``out`` is the type of an element of the result.

    A long function is written once in the module and called, unless ``inline`` asks for its
    instructions here.
    """
    if op is structural.cast:
        return cast(f, args[0], out)
    row = BY_PRIMITIVE[op]
    elements = _operands(op, tuple([a.element for a in args]), out)
    assert elements is not None, f"no code for {op}"
    lanes = [Lanes(f, cast(f, a, e)) for a, e in zip(args, elements, strict=True)]
    if op is arithmetic.power or op is arithmetic.float_power:
        exponent = _literal(args[1])
        simple = None if exponent is None else logarithm.literal_power(lanes[0], exponent)
        if simple is not None:
            return simple.v
    emit = row.emit if row.whole is None or out in FORMATS else row.whole
    if row.long and out in FORMATS and not inline:
        return shared(emit, op.name, *lanes).v
    return emit(*lanes).v


def _literal(x: Value) -> float | None:
    """The number that a constant is, a whole one or one of floating point."""
    text = x.text.removeprefix(f"splat ({x.element} ").removesuffix(")")
    if text.startswith("0x") and x.element in FORMATS:
        return float(struct.unpack("<d", struct.pack("<Q", int(text, 16)))[0])
    return float(text) if text.lstrip("-").isdigit() else None
