"""Functions of the user's own: an elementwise one in three lines, and a rule for any other."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, NotHolomorphic
from ..ir.primitive import Array, Maybe
from ..ops.elementwise import Elementwise, Partial
from .arguments import refuse_foreign
from .opaque import Custom, PulledBack, PushedForward

Domain = tuple[float, float] | tuple[tuple[float, float], ...]


def elementwise(
    function: Callable[..., Any],
    text: str,
    partials: tuple[Partial, ...],
    *,
    latex: str = "",
    domain: Domain = (-np.inf, np.inf),
    holomorphic: bool = False,
) -> UserElementwise:
    """A function that works element by element, as a primitive with a notation and derivatives.

    Parameters
    ----------
    function
        Computes it: any callable of arrays that broadcasts as NumPy's ufuncs do. It only ever
        sees ordinary arrays, so it may call compiled code.
    text
        How formulas show it, ``{0}`` standing for the first operand: ``"softroot({0})"``.
    partials
        One for each argument: a function ``(out, *args)`` in NumPy, where ``out`` is the
        function's own value; a number; or ``None`` where it is piecewise constant. Partials are
        differentiated in their turn, so they must depend on their arguments alone.
    latex
        The notation in LaTeX, if it differs.
    domain
        Where it is defined: one interval, or one for each argument.
    holomorphic
        Whether it is complex differentiable. If not, a derivative by a complex argument is
        refused.

    >>> import numpy as np, chainrule as cr
    >>> soft_root = elementwise(
    ...     lambda x: np.sqrt(1 + x**2), "softroot({0})", partials=(lambda out, x: x / out,)
    ... )
    >>> float(cr.grad(soft_root)(0.75))
    0.6
    >>> float(cr.derivative(soft_root, order=2)(0.0))
    1.0
    """
    checked: tuple[Any, Any] = (function, partials)  # whatever a caller without types passed
    if not callable(checked[0]):
        raise ArgumentError(
            f"elementwise takes the function that computes it, and was given a "
            f'{type(function).__name__}; write elementwise(np.cbrt, "cbrt({{0}})", partials=…).'
        )
    if not isinstance(checked[1], tuple) or not partials:
        raise ArgumentError(
            "elementwise: partials is a tuple with one entry for each argument; for a function of "
            "one argument write partials=(lambda out, x: …,), with the comma."
        )
    return UserElementwise(
        function, text, partials=partials, latex=latex, domain=domain, holomorphic=holomorphic
    )


class UserElementwise(Elementwise):
    """A row whose reference is any callable that broadcasts; see :func:`elementwise`."""

    def __init__(self, function: Callable[..., Any], text: str, **keywords: Any) -> None:
        word = re.match(r"\w+", text)
        given = getattr(function, "__name__", "<lambda>")
        name = given if given.isidentifier() else word.group() if word else "elementwise"
        super().__init__(function, text, name=name, **keywords)
        self._remake = (function, text, keywords)
        self._types: dict[tuple[Any, ...], tuple[tuple[np.dtype, ...], np.dtype]] = {}
        self.__name__ = name
        self.__module__ = getattr(function, "__module__", None) or __name__

    def __reduce__(self) -> Any:
        return _by_name(self) or (_elementwise, self._remake)

    def __call__(self, *args: Array) -> Array:
        count = len(self.partials or ())
        if len(args) != count:
            raise ArgumentError(
                f"{self.name} was called with {len(args)} arguments, and its partials are "
                f"{count}; give elementwise one partial for each argument."
            )
        return self.bind(args)

    def dtypes(self, operands: Sequence[Any]) -> tuple[Sequence[np.dtype], np.dtype]:
        key = tuple(operands)
        known = self._types.get(key)
        if known is None:
            examples = [o() if isinstance(o, type) else np.zeros((), o) for o in operands]
            common = np.result_type(*examples)
            loop = tuple(common if isinstance(o, type) else np.dtype(o) for o in operands)
            intervals = _intervals(self.domain, len(loop))
            with np.errstate(all="ignore"):
                inside = [np.full(1, _inside(*i), d) for i, d in zip(intervals, loop, strict=True)]
                known = self._types[key] = loop, np.asarray(self.function(*inside)).dtype
        return known

    def partial(self, i: int, out: Array, args: Sequence[Array]) -> Maybe:
        if args[i].dtype.kind == "c" and not self.holomorphic:
            raise NotHolomorphic(
                f"{self.name} was made for real numbers, and its argument {i} is complex; if its "
                "partial holds there too, make it with elementwise(…, holomorphic=True)."
            )
        partial = super().partial(i, out, args)
        if partial is None or type(partial) is int:
            return partial
        shape, whole = np.shape(partial), np.shape(out)
        if len(shape) > len(whole) or np.broadcast_shapes(shape, whole) != whole:
            raise ArgumentError(
                f"the partial {i} of {self.name} has shape {shape}, and the function's value "
                f"{whole}; a partial is computed element by element from (out, *args)."
            )
        # A tangent has the dtype of its primal.
        same = not hasattr(partial, "dtype") or partial.dtype == out.dtype
        return partial if same else partial.astype(out.dtype)


def _elementwise(function: Any, text: str, keywords: dict[str, Any]) -> UserElementwise:
    return UserElementwise(function, text, **keywords)


def _intervals(domain: Domain, count: int) -> list[tuple[float, float]]:
    if isinstance(domain[0], tuple):
        return list(domain)
    return [domain] * count


def _inside(low: float, high: float) -> float:
    """A point well inside an interval."""
    if np.isfinite(low) and np.isfinite(high):
        return (low + high) / 2
    return max(low + 1, 1) if np.isfinite(low) else min(high - 1, 1)


def _by_name(thing: Any) -> str | None:
    """The global name of an object in its own module, by which pickle finds it again."""
    module = sys.modules.get(thing.__module__)
    return (
        next((name for name, value in vars(module).items() if value is thing), None)
        if module
        else None
    )


def custom_derivative(
    f: Callable[..., Any],
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    **foreign: Any,
) -> Custom:
    """``f`` with a derivative that its author provides; one of the two rules is enough.

    ``f`` is not looked into: it runs on ordinary arrays, so it may call compiled code. The result
    is called as ``f`` is.

    Parameters
    ----------
    f
        Any function of arrays. Arguments and result may be nested.
    jvp
        ``jvp(primals, tangents)`` returns the tangent of the result. ``primals`` and ``tangents``
        are tuples with one entry for each argument; what has no derivative has the tangent
        ``None``.
    vjp
        ``vjp(primals, cotangent)`` returns the cotangents of the arguments: a tuple with one entry
        for each (for a single argument the entry will do), ``None`` for zero.

    A rule is linear in its tangents or cotangent; the other direction is its transpose. Written in
    NumPy it is recorded and differentiated in its turn, to any order; calling the function made
    here on the rule's own primals costs nothing there. A rule that calls compiled code runs as it
    is, and gives first derivatives only.

    Raises
    ------
    ArgumentError
        When a rule returns what does not fit the function's arguments or result.

    >>> import numpy as np, chainrule as cr
    >>> cube = custom_derivative(
    ...     lambda x: x**3, jvp=lambda primals, tangents: 3 * primals[0] ** 2 * tangents[0]
    ... )
    >>> float(cr.grad(cube)(2.0)), float(cr.grad(cr.grad(cube))(2.0))
    (12.0, 12.0)
    """
    refuse_foreign("custom_derivative", foreign)
    if not callable(f):
        raise ArgumentError(
            f"custom_derivative takes a function, and was given a {type(f).__name__}; "
            "write custom_derivative(f, jvp=…)."
        )
    if (jvp is None) == (vjp is None):
        raise ArgumentError(
            f"custom_derivative takes one rule, and was given {'none' if jvp is None else 'two'}; "
            "write custom_derivative(f, jvp=…) or custom_derivative(f, vjp=…)."
        )
    return PushedForward(f, jvp) if jvp is not None else PulledBack(f, vjp)  # type: ignore[arg-type]
