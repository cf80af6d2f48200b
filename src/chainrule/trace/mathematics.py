"""``math``, ``cmath``, ``float`` and ``complex`` while a trace is at work.

Python's own functions on numbers would turn a traced number into a plain one, and its derivative
would be lost. During a trace they record instead, where they meet a traced number.
"""

from __future__ import annotations

import builtins
import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.structural import cast, reshape
from . import domain
from .buffers import Buffer, nested
from .dispatch import row_of
from .nesting import innermost
from .sizes import Named
from .stack import stack
from .text import Text
from .tracer import Tracer


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _prod(iterable: Any, *, start: Any = 1) -> Any:
    for x in iterable:
        start = start * x
    return start


def _fsum(seq: Any) -> Any:
    return builtins.sum(seq)


def _sumprod(p: Any, q: Any) -> Any:
    return builtins.sum(x * y for x, y in zip(p, q, strict=True))


def _hypot(*coordinates: Any) -> Any:
    if len(coordinates) == 2:
        return np.hypot(*coordinates)
    return np.linalg.norm(nested(list(coordinates), innermost(coordinates)))


def _special(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return function


def _modf(x: Any) -> Any:
    whole = np.trunc(x)
    return x - whole, whole


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> bool:
    size = np.maximum(np.abs(a), np.abs(b))
    return bool(np.abs(a - b) <= np.maximum(rel_tol * size, abs_tol))


def _remainder(x: Any, y: Any) -> Any:
    return x - np.rint(x / y) * y


def _polar(x: Any) -> Any:
    return np.abs(x), np.angle(x)


def _rect(r: Any, phi: Any) -> Any:
    return r * np.cos(phi) + 1j * (r * np.sin(phi))


#: A function of `math`, by name -> the same on traced numbers.
MATH: dict[str, Callable[..., Any]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh,
    "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt,
    "copysign": np.copysign, "cos": np.cos,
    "cosh": np.cosh, "degrees": np.degrees, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "fabs": np.fabs, "fmod": np.fmod, "hypot": _hypot, "log": _log, "log10": np.log10,
    "log1p": np.log1p, "log2": np.log2, "pow": np.power, "radians": np.radians, "sin": np.sin,
    "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
    "ldexp": lambda x, i: x * 2.0**i,
    "dist": lambda p, q: _hypot(*[x - y for x, y in zip(p, q, strict=True)]),
    "prod": _prod, "fsum": _fsum, "sumprod": _sumprod, "modf": _modf, "remainder": _remainder,
    "erf": _special("erf"), "erfc": _special("erfc"), "gamma": _special("gamma"),
    "lgamma": _special("gammaln"),
    "isfinite": lambda x: bool(np.isfinite(x)), "isinf": lambda x: bool(np.isinf(x)),
    "isnan": lambda x: bool(np.isnan(x)), "isclose": _isclose,
}  # fmt: skip

#: The same for `cmath`.
CMATH: dict[str, Callable[..., Any]] = {
    **{name: MATH[name] for name in (
        "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log", "log10",
        "sin", "sinh", "sqrt", "tan", "tanh", "isfinite", "isinf", "isnan", "isclose",
    )},
    "phase": np.angle, "polar": _polar, "rect": _rect,
}  # fmt: skip
_REAL = frozenset({"sqrt", "log", "log10", "acos", "asin", "acosh", "atanh"})


def _numbers(data: Any) -> Any:
    if hasattr(data, "shape"):
        return data
    values = list(data)
    return nested(values, innermost(values))


def _variance(data: Any, center: Any = None, *, ddof: int) -> Any:
    x = _numbers(data)
    middle = np.mean(x) if center is None else center
    return np.sum((x - middle) ** 2) / (np.size(x) - ddof)


#: Functions of the module `statistics`, which work in exact fractions.
STATISTICS: dict[str, Callable[..., Any]] = {
    "statistics.mean": lambda data: np.mean(_numbers(data)),
    "statistics.variance": lambda data, xbar=None: _variance(data, xbar, ddof=1),
    "statistics.pvariance": lambda data, mu=None: _variance(data, mu, ddof=0),
    "statistics.stdev": lambda data, xbar=None: np.sqrt(_variance(data, xbar, ddof=1)),
    "statistics.pstdev": lambda data, mu=None: np.sqrt(_variance(data, mu, ddof=0)),
    "statistics.geometric_mean": lambda data: np.exp(np.mean(np.log(_numbers(data)))),
    "statistics.harmonic_mean": lambda data: 1 / np.mean(1 / _numbers(data)),
}


def functions() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Each function of `math` and `cmath` -> what it does during a trace."""
    table = {}
    for module, names in ((math, MATH), (cmath, CMATH)):
        for name, replacement in names.items():
            original = getattr(module, name, None)  # some are new in later versions of Python
            if original is not None:
                table[original] = _on_numbers(
                    replacement, as_complex=module is cmath and name in _REAL
                )
    return table


def _on_numbers(replacement: Callable[..., Any], *, as_complex: bool) -> Callable[..., Any]:
    def function(trace: Any, original: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        if innermost(args) is None and not (
            trace.naming and any(isinstance(x, Named) for x in args)
        ):
            return original(*args, **keywords)
        args = tuple(_number(x) for x in args)
        if not keywords:
            domain.check(trace, original, args)
        if as_complex:
            args = tuple(cast(x, complex) if isinstance(x, Tracer) else x for x in args)
        row = row_of(replacement) if isinstance(replacement, np.ufunc) else None
        return _python(replacement(*args, **keywords) if row is None else row(*args))

    return function


def _python(x: Any) -> Any:
    """A traced result as a Python number, which is weak."""
    if isinstance(x, tuple):
        return tuple(map(_python, x))
    if not issubclass(type(x), Tracer) or x.node.type.weak:
        return x
    kind = float if x.dtype.kind == "f" else complex if x.dtype.kind == "c" else int
    return cast.bind((x,), np.dtype(kind), True)


def _number(x: Any) -> Any:
    """A traced array of one element as the number that it is."""
    kind = type(x)
    if kind is Buffer or (kind is not Tracer and issubclass(kind, Tracer)):
        x = x.lifted() if kind is Buffer and x.is_traced() else x
    if issubclass(type(x), Tracer) and x.ndim and x.size == 1:
        return reshape(x, ())
    return x


# -- float and complex -----------------------------------------------------------------------------


def _traced_number(x: Any, *, one: bool) -> Any:
    """``x`` if it is traced, else ``None``; ``one`` for a scalar of an array of one element."""
    if not stack.traces or not stack.intercepting:
        return None
    kind = type(x)
    if kind is Buffer:
        if not x.is_traced():
            return None
        x = x.lifted()
    elif not issubclass(kind, Tracer):
        return None
    if not one:
        return x
    if x.size != 1:
        raise TypeError("only length-1 arrays can be converted to Python scalars")
    return reshape(x, ())


def shadow(number: type) -> type:
    """A class that stands for a number type: the same, but a traced number stays traced.

    It has the type's dtype, so that ``dtype=float`` works; it compares and hashes as the type
    does; and what is an instance of the type is one of it.
    """
    dtype = np.dtype(number)
    weak = number in (float, complex)

    class Meta(type(number)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, number)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, number)

        def __eq__(cls, other: object) -> bool:
            return other is cls or other is number or NotImplemented  # `dtype` may know

        def __hash__(cls) -> int:
            return hash(number)

        def __repr__(cls) -> str:
            return repr(number)

    def new(cls: type, x: Any = 0, *args: Any, **keywords: Any) -> Any:
        if keywords:
            x = keywords.get("real", x)
            args = (keywords["imag"],) if "imag" in keywords else args
        if args and innermost((x, *args)) is not None:
            if dtype.kind != "c" or len(args) > 1:
                raise TypeError(f"{number.__name__}() takes one number, and was given more")
            imag = _traced_number(args[0], one=True)
            x = (x if (real := _traced_number(x, one=True)) is None else real) + 1j * (
                args[0] if imag is None else imag
            )
            args = ()
        if type(x) is Text and (known := x.read()) is not None:
            x = known
        traced = _traced_number(x, one=weak)  # NumPy's types convert arrays, element by element
        if traced is None:
            return number(x, *args)
        if traced.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError(
                f"{number.__name__}() argument must be a real number, not a complex one"
            )
        made = cast(traced, dtype)
        same = made.node.type.weak == weak
        return made if same else cast.bind((made,), dtype, weak)

    return Meta(number.__name__, (number,), {
        "__new__": new, "__doc__": number.__doc__, "__module__": number.__module__,
        "__qualname__": number.__qualname__, "dtype": dtype, "__slots__": (),
    })  # fmt: skip


#: Number types -> what stands for them during a trace.
NUMBERS: dict[type, type] = {
    number: shadow(number)
    for number in (
        builtins.float,
        builtins.complex,
        np.float64,
        np.float32,
        np.complex128,
        np.complex64,
        np.int64,
        np.int32,
    )
}
