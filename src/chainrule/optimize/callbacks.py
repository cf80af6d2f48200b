"""The user's callback: in any of SciPy's forms, for every method, in the user's structure."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from ..errors import ArgumentError
from .variables import Variables, Vector

#: Methods of SciPy's that stop at no callback, or say so in a way of their own.
DEAF = ("TNC", "COBYLA", "COBYQA")


class Halt(Exception):
    """The callback asked to stop, and the method knows of no such thing."""

    def __init__(self, x: Vector) -> None:
        super().__init__()
        self.x = x


class Callback:
    """What is to be called after each step, and whether it asked to stop.

    The forms are SciPy's: ``f(intermediate_result)`` with ``x`` and ``fun``; ``f(x)``; and for two
    arguments, ``f(x, state)`` with all that is known as an `OptimizeResult`. Raising `StopIteration`
    stops the search; of ``trust-constr``, and of two arguments, so does returning true.
    """

    def __init__(
        self, given: Any, variables: Variables, verb: str = "minimize", *, keep: bool = False
    ) -> None:
        if given is not None and not callable(given):
            raise ArgumentError(
                f"{verb}: callback is a {type(given).__name__}. Give a function of the point, "
                "callback(x), or callback(intermediate_result) for its value too."
            )
        self._given, self._variables = given, variables
        least, most, names = (1, 1, []) if given is None else _positional(given)
        #: Whether it asks for the value, or all that is known.
        self.whole = names == ["intermediate_result"]
        self._pair, self._may_take_two = least > 1, most > 1
        self.stopped = False
        self.steps = 0
        #: The points so far, where they are to be kept.
        self.points: list[Any] | None = [variables.tree(variables.start)] if keep else None

    def report(
        self, x: Vector, value: float | None, known: Any = None, *, pair: bool = False
    ) -> bool:
        """Call it; true where it asks to stop.

        ``known`` is what else is known, as SciPy tells it; ``pair``: SciPy's form here is of two.
        """
        self.steps += 1
        tree = self._variables.tree(x.copy())
        if self.points is not None:
            self.points.append(self._variables.tree(x.copy()))
        if self._given is None:
            return False
        two = self._pair or (pair and self._may_take_two)
        try:
            if self.whole or two:
                result = OptimizeResult({} if known is None else known)
                result.x = tree
                if value is not None:
                    result.fun = value
                result.setdefault("nit", self.steps)
                answer = (
                    self._given(intermediate_result=result)
                    if self.whole
                    else self._given(tree, result)
                )
            else:
                answer = self._given(tree)
        except StopIteration:
            self.stopped = True
            return True
        if (two or pair) and isinstance(answer, bool) and answer:
            self.stopped = True
        return self.stopped

    def scipys(self, method: str, value: Callable[[Vector], float] | None = None) -> Any:
        """It in the form that SciPy's ``method`` takes; ``value`` gives the value at a point."""
        if method in DEAF:

            def point(x: Vector, *rest: Any) -> None:
                asked = self.whole or self._pair
                if self.report(x, value(x) if asked and value is not None else None):
                    raise Halt(x.copy())

            return point

        def whole(intermediate_result: Any) -> None:
            known, pair = intermediate_result, method == "trust-constr"
            if self.report(np.asarray(known.x), known.get("fun"), known, pair=pair):
                raise StopIteration

        return whole


def reporting(
    given: Any, variables: Variables, verb: str = "minimize", *, keep: bool = False
) -> Callback | None:
    """The callback, if there is one, or points are to be kept."""
    return Callback(given, variables, verb, keep=keep) if given is not None or keep else None


def _positional(f: Callable[..., Any]) -> tuple[int, int, list[str]]:
    """How many arguments a function needs and takes by place, and its parameters' names."""
    try:
        parameters = signature(f).parameters
    except (TypeError, ValueError):
        return 1, 1, []
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    places = [p for p in parameters.values() if p.kind in kinds]
    return sum(p.default is Parameter.empty for p in places), len(places), list(parameters)
