"""The derivatives of a user's function by one vector: traced, compiled, and kept between searches.

A search makes few calls or many. The first calls trace the function anew, which takes a
millisecond; then it is compiled. What was compiled serves the next search for the same function,
or for one that was defined anew with the same code on the same data.
"""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property, partial
from types import FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np

from ..function.batching import vmap
from ..function.jit import jit
from ..function.linearization import jvp, vjp
from ..function.verbs import hessian, hvp, jacobian, value_and_grad
from .squares import Residuals
from .variables import Variables

T = TypeVar("T")

#: A derivative is traced anew for so many calls, and compiled after: short searches never wait.
PATIENCE = 8
#: Functions of which the compiled derivatives are kept.
MOST_KEPT = 8


class Late:
    """A function that is compiled once it has been called a few times."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._run: Callable[..., Any] = f
        self._calls = 0

    def __call__(self, *args: Any) -> Any:
        """What the function returns."""
        if self._calls < PATIENCE:
            self._calls += 1
            if self._calls == PATIENCE:
                self._run = jit(self._run)
        return self._run(*args)


class Counted:
    """A function that counts its calls, for one search."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._f = f
        self.calls = 0

    def __call__(self, *args: Any) -> Any:
        """What the function returns."""
        self.calls += 1
        return self._f(*args)


# What is around a user's function is watched by compiled code through objects of ours, but not
# through closures of ours: so these are classes.


class Flat:
    """A function of the user's structure, as one of the vector."""

    def __init__(self, fun: Callable[..., Any], variables: Variables, first: bool = False) -> None:
        self._fun, self._tree = watched(fun), variables.tree
        self._plain, self._first = variables.plain, first

    def __call__(self, x: Any, *rest: Any) -> Any:
        """The value; a single element counts as a number."""
        value = self._fun(x if self._plain else self._tree(x), *rest)
        value = value[0] if self._first else value
        if type(value) is int:  # the same everywhere, as where only constraints count
            return np.float64(value)
        return np.reshape(value, ()) if np.ndim(value) > 0 and np.size(value) == 1 else value


class Pair:
    """The value and the user's own gradient, from one function or two."""

    def __init__(
        self, flat: Flat, fun: Callable[..., Any], variables: Variables, *, together: bool
    ) -> None:
        self._flat, self._fun, self._tree = flat, watched(fun), variables.tree
        self._like, self._together = variables.like, together

    def __call__(self, x: Any, *rest: Any) -> Any:
        """Both."""
        if self._together:
            value, slope = self._fun(self._tree(x), *rest)
            return value, self._like(slope, "fun with jac=True")
        return self._flat(x, *rest), self._like(self._fun(self._tree(x), *rest), "jac")


class Own:
    """The user's Hessian, or its product with a vector."""

    def __init__(self, fun: Callable[..., Any], variables: Variables, *, product: bool) -> None:
        self._fun, self._tree, self._vector = watched(fun), variables.tree, variables.vector
        self._product = product

    def __call__(self, x: Any, *rest: Any) -> Any:
        """A matrix or a vector."""
        if not self._product:
            return self._fun(self._tree(x), *rest)
        v, *others = rest
        return self._vector(self._fun(self._tree(x), self._tree(v), *others))


class Batched:
    """A product with a vector, as one with each row of a matrix."""

    def __init__(self, product: Callable[..., Any]) -> None:
        self._product = product

    def __call__(self, x: Any, rows: Any, *rest: Any) -> Any:
        """The products, row by row."""
        return vmap(lambda v: self._product(x, v, *rest))(rows)


class GaussNewton:
    """Gauss and Newton's matrix, ``2 JᵀJ`` of the residuals, times a vector."""

    def __init__(self, residuals: Residuals) -> None:
        self._residuals = residuals

    def __call__(self, x: Any, v: Any, *rest: Any) -> Any:
        """The product."""

        def at(x: Any) -> Any:
            return self._residuals(x, *rest)

        _, along = jvp(at, (x,), (v,))
        return 2 * vjp(at, x)[1](along)[0]


def watched(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` in a form that compiled code looks into: an object's method in place of the object."""
    kind = type(f)
    if kind in (FunctionType, MethodType, partial) or kind.__module__.startswith("chainrule."):
        return f
    call = getattr(f, "__call__", None)  # noqa: B004 (the bound method is wanted)
    return call if type(call) is MethodType else f


class Programs:
    """A scalar function of a vector and its derivatives, each made when first asked for."""

    def __init__(
        self, fun: Callable[..., Any], variables: Variables, jac: Any, hess: Any, hessp: Any
    ) -> None:
        self._fun, self._variables = fun, variables
        self._jac, self._hess, self._hessp = jac, hess, hessp
        #: What was found out about it.
        self.known: dict[str, Any] = {}
        self.flat = Flat(fun, variables, first=jac is True)

    @cached_property
    def value(self) -> Late:
        """The value."""
        return Late(self.flat)

    @cached_property
    def pair(self) -> Late:
        """The value and the gradient."""
        if self._jac is True:
            return Late(Pair(self.flat, self._fun, self._variables, together=True))
        if callable(self._jac):
            return Late(Pair(self.flat, self._jac, self._variables, together=False))
        return Late(value_and_grad(self.flat))

    @cached_property
    def hessian(self) -> Late:
        """The matrix of second derivatives, ``(n, n)``."""
        if callable(self._hess):
            return Late(Own(self._hess, self._variables, product=False))
        return Late(hessian(self.flat))

    @cached_property
    def product(self) -> Late:
        """The Hessian times a vector."""
        if callable(self._hessp):
            return Late(Own(self._hessp, self._variables, product=True))
        return Late(hvp(self.flat))

    @cached_property
    def products(self) -> Late:
        """The Hessian times each row of a matrix: ``(p, n)``."""
        return Late(Batched(hvp(self.flat)))

    @cached_property
    def residuals(self) -> Late:
        """What the value is the sum of squares of, but for a constant."""
        return Late(Residuals(self.flat))

    @cached_property
    def slopes(self) -> Late:
        """The Jacobian of the residuals."""
        return Late(jacobian(Residuals(self.flat)))

    @cached_property
    def gauss_products(self) -> Late:
        """Gauss and Newton's matrix times each row of a matrix."""
        return Late(Batched(GaussNewton(Residuals(self.flat))))


# -- kept between searches -------------------------------------------------------------------------

_kept: OrderedDict[Hashable, tuple[Any, tuple[Any, ...], Any]] = OrderedDict()
_lock = threading.Lock()


def programs(
    fun: Callable[..., Any], variables: Variables, jac: Any, hess: Any, hessp: Any
) -> Programs:
    """The derivatives of ``fun`` for unknowns of this make: those of an earlier search, if any."""
    given = (fun, jac, hess, hessp)
    return kept(given, variables.make, lambda: Programs(fun, variables, jac, hess, hessp))


def kept(given: tuple[Any, ...], make: Hashable, create: Callable[[], T]) -> T:
    """What ``create`` made of these functions for unknowns of this make, now or before."""
    identities = [_identity(f) for f in given]
    key = (tuple(key for key, _ in identities), make)
    with _lock:
        found = _kept.get(key)
        if found is not None:
            own, before, _ = found
            # What was kept must read what the new one reads: its own cells may hold others by now.
            if tuple(_identity(f)[0] for f in before) == key[0]:
                _kept.move_to_end(key)
                return own  # type: ignore[no-any-return]
        made = create()
        _kept[key] = made, given, identities
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
        return made


def forget() -> None:
    """Drop what was kept."""
    with _lock:
        _kept.clear()


atexit.register(forget)  # compiled code is let go while all that it needs for that is there


def _identity(f: Any) -> tuple[Hashable, Any]:
    """What a function is, by its code and the very objects it was made with; and these objects.

    Two functions of the same identity do the same as long as both read the same objects.
    """
    if type(f) is FunctionType:
        cells = [_contents(cell) for cell in f.__closure__ or ()]
        parts = [f.__globals__, *cells, *(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        names = tuple(f.__kwdefaults__ or ())
        return ("function", f.__code__, names, tuple(map(id, parts)), bool(f.__dict__) and id(f)), (
            f,
            parts,
        )
    if type(f) is MethodType:
        return ("method", id(f.__self__), id(f.__func__)), f
    if type(f) is partial:
        parts = [*f.args, *f.keywords.values()]
        return ("partial", id(f.func), tuple(f.keywords), tuple(map(id, parts))), (f, parts)
    return ("object", id(f)), f


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
