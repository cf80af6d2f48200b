"""A user's function with its derivatives, as functions of one vector, counted and compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, DerivativeError
from ..function.jit import jit
from ..function.linearization import jvp
from ..function.vectors import ravel
from ..function.verbs import hessian, hvp, jacobian, value_and_grad
from .variables import Variables, Vector, refuse_nan

#: A derivative is traced anew for so many calls, and compiled after: short searches never wait.
PATIENCE = 8

#: What a function may raise where it is not defined. A search steps back from there.
UNDEFINED = (ArithmeticError, np.linalg.LinAlgError)


class Late:
    """A function that is compiled once it has been called a few times. It counts its calls."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._run: Callable[..., Any] = f
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        """What the function returns."""
        self.calls += 1
        if self.calls == PATIENCE:
            self._run = jit(self._run)
        return self._run(*args)


@contextmanager
def quietly() -> Iterator[None]:
    """Without the notices of functions that cannot be compiled: they run as they are."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", message="jit: ", category=RuntimeWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"scipy\.optimize\._trust")
        yield


def as_arguments(args: Any) -> tuple[Any, ...]:
    """The further arguments of a function, which SciPy allows to be one that is not a tuple."""
    return args if isinstance(args, tuple) else (args,)


def _named(args: tuple[Any, ...]) -> dict[str, Any]:
    return {f"args[{k}]": a for k, a in enumerate(args)}


class Objective:
    """A function to be minimised: value, gradient, Hessian and its products, by one vector.

    The value and the gradient come from one evaluation, which is kept for the point it was made
    at. Derivatives that the user brings (``jac``, ``hess``, ``hessp``, as SciPy takes them) are
    used; the others are exact.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        x0: Any,
        args: Any = (),
        *,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        verb: str = "minimize",
    ) -> None:
        if not callable(fun):
            raise ArgumentError(
                f"{verb} takes a function, and was given a {type(fun).__name__}. "
                f"Write {verb}(f, x0), not {verb}(f(x0), x0)."
            )
        self.variables = variables = Variables(x0, verb)
        self.args = as_arguments(args)
        self.verb = verb
        refuse_nan(verb, x0=variables.tree(variables.start), **_named(self.args))
        plain = variables.plain

        def flat(x: Any, *rest: Any) -> Any:
            value = fun(x if plain else variables.tree(x), *rest)
            value = value[0] if jac is True else value
            return np.reshape(value, ()) if np.ndim(value) > 0 and np.size(value) == 1 else value

        self.flat = flat
        self._value = Late(flat)
        self._pair = Late(self._with_gradient(fun, jac))
        self._hess = Late(self._user(hess) if callable(hess) else hessian(flat))
        self._hessp = Late(self._user(hessp) if callable(hessp) else hvp(flat))
        self._at: Vector | None = None
        self._known: tuple[float, Vector] = (np.nan, variables.start)

    def _with_gradient(self, fun: Callable[..., Any], jac: Any) -> Callable[..., Any]:
        if jac is True:

            def pair(x: Any, *rest: Any) -> Any:
                value, slope = fun(self.variables.tree(x), *rest)
                return value, self.variables.vector(slope)

            return pair
        if callable(jac):
            return lambda x, *rest: (
                self.flat(x, *rest),
                self.variables.vector(jac(self.variables.tree(x), *rest)),
            )
        return value_and_grad(self.flat)

    def _user(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, *rest: f(self.variables.tree(x), *rest)

    # -- evaluations -----------------------------------------------------------------------------

    def value(self, x: Vector) -> float:
        """The value alone, for methods that ask for no gradient."""
        return float(self._value(x, *self.args))

    def pair(self, x: Vector) -> tuple[float, Vector]:
        """Value and gradient. Where the function is not defined, NaN."""
        at = self._at
        if at is not None and np.array_equal(at, x):
            return self._known
        try:
            value, slope = self._pair(x, *self.args)
            known = float(value), np.asarray(slope, np.float64)
        except UNDEFINED:
            if at is None:
                raise
            known = np.nan, np.full(x.size, np.nan)
        self._at, self._known = np.array(x), known
        return known

    def fun(self, x: Vector) -> float:
        """The value, kept with the gradient."""
        return self.pair(x)[0]

    def gradient(self, x: Vector) -> Vector:
        """The gradient, kept with the value."""
        return self.pair(x)[1]

    def hessian(self, x: Vector) -> Vector:
        """The matrix of second derivatives, ``(n, n)``."""
        return np.asarray(self._hess(x, *self.args), np.float64)

    def product(self, x: Vector, v: Vector) -> Vector:
        """The Hessian times a vector."""
        return np.asarray(self._hessp(x, np.asarray(v, np.float64), *self.args), np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How often each was evaluated: ``nfev``, ``njev``, ``nhev`` (products are counted too)."""
        return {
            "nfev": self._value.calls + self._pair.calls,
            "njev": self._pair.calls,
            "nhev": self._hess.calls + self._hessp.calls,
        }

    def begin(self, *, gradient: bool = True) -> None:
        """See that the value at the start is a number, and the gradient, if it is used."""
        start = self.variables.start
        value, slope = self.pair(start) if gradient else (self.value(start), start)
        if not np.isfinite(value):
            raise ArgumentError(
                f"{self.verb}: fun is {value} at x0. Start where it is a finite number."
            )
        bad = ~np.isfinite(slope)
        if np.any(bad):
            k = int(np.argmax(bad))
            raise ArgumentError(
                f"{self.verb}: the derivative of fun by {self.variables.element(k)} is {slope[k]} "
                "at x0, though its value is a number. Start elsewhere, or see "
                "cr.check(fun, x0) for the step that makes it."
            )


class Equations:
    """A function with several values: the values and the Jacobian, by one vector."""

    def __init__(
        self,
        fun: Callable[..., Any],
        x0: Any,
        args: Any = (),
        kwargs: dict[str, Any] | None = None,
        *,
        jac: Any = None,
        verb: str,
    ) -> None:
        if not callable(fun):
            raise ArgumentError(
                f"{verb} takes a function, and was given a {type(fun).__name__}. "
                f"Write {verb}(f, x0), not {verb}(f(x0), x0)."
            )
        self.variables = variables = Variables(x0, verb)
        self.args = as_arguments(args)
        self.verb = verb
        given = kwargs or {}
        refuse_nan(verb, x0=variables.tree(variables.start), **_named(self.args), **given)

        def flat(x: Any, *rest: Any) -> Any:
            return ravel(fun(variables.tree(x), *rest, **given))[0]

        def matrix(x: Any, *rest: Any) -> Any:
            return jac(variables.tree(x), *rest, **given)

        def product(x: Any, v: Any, *rest: Any) -> Any:
            return jvp(lambda x: flat(x, *rest), (x,), (v,))[1]

        self.flat = flat
        self._values = Late(flat)
        self._jacobian = Late(matrix if callable(jac) else jacobian(flat))
        self._product = Late(product)
        self._started = False

    def values(self, x: Vector) -> Vector:
        """The values, one vector. Where the function is not defined, NaN."""
        try:
            return np.asarray(self._values(x, *self.args), np.float64)
        except UNDEFINED:
            if not self._started:
                raise
            return np.full(self.count, np.nan)

    def jacobian(self, x: Vector) -> Vector:
        """The matrix of first derivatives, values by unknowns."""
        return np.asarray(self._jacobian(x, *self.args), np.float64)

    def product(self, x: Vector, v: Vector) -> Vector:
        """The Jacobian times a vector."""
        return np.asarray(self._product(x, np.asarray(v, np.float64), *self.args), np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How often each was evaluated."""
        return {"nfev": self._values.calls, "njev": self._jacobian.calls + self._product.calls}

    def begin(self, *, matrix: bool = True) -> Vector:
        """The values at the start; they and the Jacobian, if it is used, must be numbers."""
        values = self.values(self.variables.start)
        if values.size == 0:
            raise ArgumentError(f"{self.verb}: the function returns nothing. Return an array.")
        self.count = values.size
        self._started = True
        if not np.all(np.isfinite(values)):
            k = int(np.argmin(np.isfinite(values)))
            raise ArgumentError(
                f"{self.verb}: value {k} of {values.size} of the function is {values[k]} at x0. "
                "Start where all are finite numbers, and look for NaN in the data."
            )
        if not matrix:
            return values
        try:
            slopes = self.jacobian(self.variables.start)
        except DerivativeError as error:
            raise ArgumentError(f"{self.verb}: there is no Jacobian at x0. {error.message}") from error
        if not np.all(np.isfinite(slopes)):
            row, column = np.argwhere(~np.isfinite(slopes))[0]
            raise ArgumentError(
                f"{self.verb}: the derivative of value {row} by {self.variables.element(int(column))} "
                f"is {slopes[row, column]} at x0. Start elsewhere."
            )
        return values
