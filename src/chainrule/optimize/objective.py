"""A user's function with its derivatives, as functions of one vector, counted, for one search."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import ArgumentError, ChainruleError, ShapeMismatch
from .programs import Counted, programs
from .variables import Variables, Vector, entered, refuse_nan

#: What a function may raise where it is not defined. A search steps back from there.
UNDEFINED = (ArithmeticError, np.linalg.LinAlgError)
#: A gradient of the user's that differs by this from the true one, and from differences, is wrong.
WRONG = 1e-3


@contextmanager
def quietly() -> Iterator[None]:
    """Without the notices of functions that cannot be compiled: they run as they are."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", message="jit: ", category=RuntimeWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"scipy\.optimize\._trust")
        yield


def as_arguments(args: Any) -> tuple[Any, ...]:
    """The further arguments of a function, which SciPy allows to be one that is not a tuple.

    Columns of tables are copied once: compiled code reads arrays that lie in one piece.
    """
    given = args if isinstance(args, tuple) else (args,)
    return tuple(
        np.ascontiguousarray(a) if type(a) is np.ndarray and not a.flags.c_contiguous else a
        for a in given
    )


def named(args: tuple[Any, ...]) -> dict[str, Any]:
    """Further arguments by what messages call them."""
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
        self.args = as_arguments(args)
        self.variables = variables = Variables(entered(fun, x0, self.args), verb)
        self.verb = verb
        #: Whether the value, the slope and the curvature are ours, and exact.
        self.exact = jac is not True and not callable(jac)
        self.own_hessian = callable(hess)
        self.own_product = callable(hessp)
        #: Whether the second derivatives are ours: where the first are the user's, perhaps not.
        self.twice = self.exact and not (self.own_hessian or self.own_product)
        refuse_nan(verb, x0=variables.tree(variables.start), **named(self.args))
        self.programs = made = programs(fun, variables, jac, hess, hessp)
        self.flat = made.flat
        self._value, self._pair = Counted(made.value), Counted(made.pair)
        self._hess, self._hessp = Counted(made.hessian), Counted(made.product)
        self._many: dict[bool, Counted] = {}
        self._at: Vector = np.empty(0)
        self._known: tuple[float, Vector] = (np.nan, self._at)
        self._bent: tuple[Vector, Vector] = self._at, self._at
        self._started = False
        self._further = 0, 0
        #: The value at the start.
        self.first = np.nan
        #: The largest slope there.
        self.steep = 1.0
        #: The lowest value so far and where it was met.
        self.best: tuple[float, Vector] = (np.inf, variables.start)

    # -- evaluations -----------------------------------------------------------------------------

    def value(self, x: Vector) -> float:
        """The value alone, for methods that ask for no gradient."""
        found = float(self._value(x, *self.args))
        if found < self.best[0]:
            self.best = found, np.array(x)
        return found

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Value and gradient at ``x``, which is never written to again. Elsewhere than there, NaN."""
        try:
            value, slope = self._pair(x, *self.args)
            known = float(value), slope if type(slope) is np.ndarray else np.asarray(slope, float)
        except UNDEFINED:
            if not self._started:
                raise
            known = np.nan, np.full(x.size, np.nan)
        self._at, self._known = x, known
        if known[0] < self.best[0]:
            self.best = known[0], x
        return known

    def pair(self, x: Vector) -> tuple[float, Vector]:
        """Value and gradient. Where the function is not defined, NaN."""
        at = self._at
        if at is x or (at.size == x.size and np.array_equal(at, x)):
            return self._known
        return self.evaluate(np.array(x, np.float64))

    @property
    def latest(self) -> Vector:
        """The point that was evaluated last."""
        return self._at

    def fun(self, x: Vector) -> float:
        """The value, kept with the gradient."""
        return self.pair(x)[0]

    def gradient(self, x: Vector) -> Vector:
        """The gradient, kept with the value."""
        return self.pair(x)[1]

    def hessian(self, x: Vector) -> Vector:
        """The matrix of second derivatives, ``(n, n)``; that of the last point is kept."""
        at, known = self._bent
        if at is x or (at.size == x.size and np.array_equal(at, x)):
            return known
        made = self._hess(x, *self.args)
        if self.own_hessian:
            if hasattr(made, "matmat"):  # a LinearOperator
                made = np.stack([made.dot(e) for e in np.eye(x.size)], axis=1)
            made = made.toarray() if hasattr(made, "toarray") else np.asarray(made, np.float64)
            made = made.reshape(1, 1) if x.size == made.size == 1 else made
            if made.shape != (x.size, x.size):
                raise ShapeMismatch(
                    f"{self.verb}: hess gives a matrix of shape {made.shape}, and there are {x.size} "
                    f"unknowns. Return one of shape ({x.size}, {x.size})."
                )
        found = np.asarray(made, np.float64)
        self._bent = np.array(x, np.float64), found
        return found

    def product(self, x: Vector, v: Vector) -> Vector:
        """The Hessian times a vector."""
        return np.asarray(self._hessp(x, np.asarray(v, np.float64), *self.args), np.float64)

    def products(self, x: Vector, rows: Vector, *, gauss: bool) -> Vector:
        """The Hessian, or Gauss and Newton's matrix, times each of the rows."""
        run = self._many.get(gauss)
        if run is None:
            made = self.programs
            run = self._many[gauss] = Counted(made.gauss_products if gauss else made.products)
        return np.asarray(run(x, rows, *self.args), np.float64)

    @property
    def counts(self) -> dict[str, int]:
        """How often each was evaluated: ``nfev``, ``njev``, ``nhev`` (products are counted too)."""
        many = sum(f.calls for f in self._many.values())
        return {
            "nfev": self._value.calls + self._pair.calls + self._further[0],
            "njev": self._pair.calls + self._further[1],
            "nhev": self._hess.calls + self._hessp.calls + many,
        }

    def more(self, counts: dict[str, int]) -> None:
        """Count evaluations that were made of its residuals."""
        self._further = counts["nfev"], counts["njev"]

    def wavers(self, x: Vector, value: float) -> bool:
        """Whether the function gives another value at the same point when it is asked again."""
        try:
            again = float(self.programs.pair(x, *self.args)[0])
        except Exception:  # noqa: BLE001 (it may count its calls)
            return False
        return not abs(again - value) <= 1e-6 * max(1.0, abs(value), abs(self.first))

    def steps_down(self, x: Vector) -> bool:
        """Whether the function is lower a little way off, where its derivatives are all 0."""
        rng = np.random.default_rng(0)
        here = self.value(x)
        for k in range(16):
            off = 10.0 ** -(2 + k % 2) * np.maximum(1.0, np.abs(x)) * rng.uniform(-1, 1, x.size)
            try:
                if self.value(x + off) < here - 1e-12 * abs(here):
                    return True
            except UNDEFINED:
                return False
        return False

    # -- the start -------------------------------------------------------------------------------

    def begin(self, *, gradient: bool = True) -> None:
        """See that the value at the start is a number, and the gradient, if it is used."""
        start = self.variables.start
        value, slope = self.evaluate(start) if gradient else (self.value(start), start)
        if not np.isfinite(value):
            raise ArgumentError(
                f"{self.verb}: fun is {value} at x0. Start where it is a finite number{self._empty()}."
            )
        bad = ~np.isfinite(slope)
        if np.any(bad):
            k = int(np.argmax(bad))
            raise ArgumentError(
                f"{self.verb}: the derivative of fun by {self.variables.element(k)} is {slope[k]} "
                "at x0, though its value is a number. Start elsewhere, or see "
                "cr.check(fun, x0) for the step that makes it."
            )
        self._started = True
        self.first = value
        self.steep = float(np.abs(slope).max(initial=0.0)) if gradient else 1.0
        if gradient and not self.exact:
            self._compare(start, slope)

    def _empty(self) -> str:
        for name, a in named(self.args).items():
            if np.shape(a) and not np.size(a):
                return f", and give data: {name} is empty"
        return ""

    def _compare(self, x: Vector, slope: Vector) -> None:
        """Refuse a gradient of the user's that is not this function's.

        It must differ both from the exact one and from central differences: then it is no matter
        of a kink, or of a function that is no NumPy.
        """
        from ..function.verbs import grad
        from ..function.watching import Surroundings

        around = Surroundings([self.flat], set())
        try:
            true = np.asarray(grad(self.flat)(x, *self.args), float)
        except (ChainruleError, *UNDEFINED, TypeError, ValueError):
            return
        finally:
            around.restore()  # what the function keeps from call to call is not to be traced
        off = np.abs(slope - true)
        scale = max(float(np.abs(true).max()), float(np.abs(slope).max()))
        k = int(np.argmax(off))
        if not off[k] > WRONG * scale:
            return
        step = np.zeros(x.size)
        step[k] = 1e-6 * max(1.0, abs(x[k]))
        try:
            down, here, up = (float(self._value(x + s * step, *self.args)) for s in (-1, 0, 1))
        except UNDEFINED:
            return
        # At a kink, whatever lies between the slopes on either side is one of its gradients.
        sides = sorted(((here - down) / step[k], (up - here) / step[k]))
        near = 0.1 * off[k]
        if sides[0] - near < true[k] < sides[1] + near and not (
            sides[0] - near < slope[k] < sides[1] + near
        ):
            raise ArgumentError(
                f"{self.verb}: jac is not the gradient of fun. At x0 its derivative by "
                f"{self.variables.element(k)} is {slope[k]:.6g}, and the true one is {true[k]:.6g}. "
                "Leave jac out, or see cr.check(fun, x0, against=jac)."
            )
