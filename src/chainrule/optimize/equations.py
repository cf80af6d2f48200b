"""A user's function with several values, with its Jacobian, by one vector."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import ArgumentError, DerivativeError, ShapeMismatch
from ..function.linearization import jvp
from ..function.vectors import ravel
from ..function.verbs import jacobian
from .objective import UNDEFINED, as_arguments, named
from .programs import Counted, Late, kept, watched
from .variables import Variables, Vector, entered, refuse_nan


class Values:
    """A function of the user's structure with several values, as one vector of the other."""

    def __init__(
        self, fun: Callable[..., Any], variables: Variables, given: dict[str, Any] | None = None
    ) -> None:
        self._fun, self._tree, self._given = watched(fun), variables.tree, given or {}

    def __call__(self, x: Any, *rest: Any) -> Any:
        """The values."""
        return ravel(self._fun(self._tree(x), *rest, **self._given))[0]


class Own:
    """The user's Jacobian."""

    def __init__(
        self, jac: Callable[..., Any], variables: Variables, given: dict[str, Any] | None = None
    ) -> None:
        self._jac, self._tree, self._given = watched(jac), variables.tree, given or {}

    def __call__(self, x: Any, *rest: Any) -> Any:
        """The matrix."""
        made = self._jac(self._tree(x), *rest, **self._given)
        if hasattr(made, "matmat"):  # a LinearOperator
            return np.stack([made.dot(e) for e in np.eye(made.shape[1])], axis=1)
        return made.toarray() if hasattr(made, "toarray") else made


class Product:
    """The Jacobian times a vector."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def __call__(self, x: Any, v: Any, *rest: Any) -> Any:
        """The product."""
        return jvp(lambda x: self._values(x, *rest), (x,), (v,))[1]


class Programs:
    """The values, the Jacobian, and its products, each compiled after a few calls."""

    def __init__(
        self, fun: Callable[..., Any], variables: Variables, given: dict[str, Any], jac: Any
    ) -> None:
        self.flat = flat = Values(fun, variables, given)
        self.values = Late(flat)
        self.jacobian = Late(Own(jac, variables, given) if callable(jac) else jacobian(flat))
        self.product = Late(Product(flat))


class Equations:
    """A function with several values: the values and the Jacobian, by one vector, for one search."""

    def __init__(
        self,
        variables: Variables,
        args: tuple[Any, ...],
        verb: str,
        values: Callable[..., Any],
        jacobian: Callable[..., Any],
        product: Callable[..., Any] | None = None,
    ) -> None:
        self.variables, self.args, self.verb = variables, args, verb
        self._values, self._jacobian = Counted(values), Counted(jacobian)
        self._product = Counted(product or jacobian)
        #: The user's own function by the vector.
        self.flat: Callable[..., Any] = values
        self._started = False
        self._last: tuple[Vector, Vector] = np.empty(0), np.empty(0)

    @classmethod
    def of(
        cls,
        fun: Callable[..., Any],
        x0: Any,
        args: Any,
        kwargs: dict[str, Any] | None = None,
        *,
        jac: Any = None,
        verb: str,
    ) -> Equations:
        """Those that a user's function gives."""
        if not callable(fun):
            raise ArgumentError(
                f"{verb} takes a function, and was given a {type(fun).__name__}. "
                f"Write {verb}(f, x0), not {verb}(f(x0), x0)."
            )
        further = as_arguments(args)
        given = kwargs or {}
        known = partial(fun, **given) if given else fun
        variables = Variables(entered(known, x0, further), verb)
        refuse_nan(verb, x0=variables.tree(variables.start), **named(further), **given)

        def create() -> Programs:
            return Programs(fun, variables, given, jac)

        made = create() if given else kept((fun, jac), variables.make, create)
        new = cls(variables, further, verb, made.values, made.jacobian, made.product)
        new.flat = made.flat
        return new

    def values(self, x: Vector) -> Vector:
        """The values, one vector. Where the function is not defined, NaN."""
        try:
            made = self._values(x, *self.args)
            if not self._started and np.iscomplexobj(made):
                raise ArgumentError(
                    f"{self.verb}: the function has complex values. Return real ones: the real and the "
                    "imaginary parts side by side."
                )
            values = np.asarray(made, np.float64)
        except UNDEFINED:
            if not self._started:
                raise
            values = np.full(self.count, np.nan)
        self._last = np.array(x), values
        return values

    @property
    def latest(self) -> Vector:
        """The point of the last values."""
        return self._last[0]

    def cost(self, x: Vector) -> float:
        """The sum of squares, where ``x`` is the point of the last values."""
        at, values = self._last
        values = values if at is x or np.array_equal(at, x) else self.values(x)
        return float(values @ values)

    def jacobian(self, x: Vector) -> Vector:
        """The matrix of first derivatives, values by unknowns."""
        made: Vector = np.asarray(self._jacobian(x, *self.args), np.float64)
        shape = (self.count, x.size)
        if made.shape == shape:
            return made
        if made.size != self.count * x.size or (made.ndim > 1 and 1 not in shape):
            raise ShapeMismatch(
                f"{self.verb}: jac gives an array of shape {made.shape}, and there are {self.count} "
                f"values of {x.size} unknowns. Return one of shape {shape}."
            )
        return made.reshape(shape)

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
