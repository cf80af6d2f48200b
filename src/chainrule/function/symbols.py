"""What the symbols of a formula are called: arguments, captured values, intermediates, sizes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from ..ir.node import CONSTANT, INPUT, Node, constant, input_node, node
from ..ir.types import ArrayType, type_of
from ..ops.arithmetic import greater, multiply, negative, subtract
from ..ops.contraction import einsum
from ..ops.linalg import tril
from ..ops.monomial import Axis
from ..ops.structural import broadcast, transpose
from ..simplify.assumed import Assumed
from ..trace.site import assigned_names
from .derivatives import Derivative, HessianVectorProduct, Pullback

#: Sizes without a name of their own, in order of use.
SIZES = ("N", "d", "k", "m", "n", "p", "q", "l")


def innermost(f: Callable[..., Any]) -> Callable[..., Any]:
    """The user's own function under the verbs applied to it."""
    while True:
        inner = getattr(f, "function", None)
        if inner is None or not callable(inner):
            return f
        f = inner


def function_name(f: Callable[..., Any]) -> str:
    """A name for the user's function; a lambda is f."""
    name = getattr(innermost(f), "__name__", "f")
    return name if str(name).isidentifier() else "f"


def argument_names(
    f: Callable[..., Any], values: Sequence[Any], scope: Mapping[str, Any]
) -> list[str]:
    """Names for the positional arguments of one call of ``f``.

    A cotangent or a direction, which has no parameter of its own, is called what the caller calls
    it in ``scope``, or G, g and v.
    """
    if isinstance(f, Pullback):
        names = argument_names(f.function, values[:-1], scope)
        axes = getattr(values[-1], "axes", None)  # of what was declared
        usual = "G" if (np.ndim(values[-1]) if axes is None else len(axes)) > 1 else "g"
        return [*names, _called(values[-1], scope, names) or _free(usual, names)]
    if isinstance(f, HessianVectorProduct):
        position = max((t.position or 0) for t in f.targets) + 1
        rest = [*values[:position], *values[position + 1 :]]
        names = argument_names(f.function, rest, scope)
        direction = _called(values[position], scope, names) or _free("v", names)
        return [*names[:position], direction, *names[position:]]
    if isinstance(f, Derivative):
        return argument_names(f.function, values, scope)
    known = list(_positional(f))
    names = known[: len(values)]
    return [*names, *(_free(f"x{k}", names) for k in range(len(names), len(values)))]


def _positional(f: Callable[..., Any]) -> Iterator[str]:
    try:
        parameters = inspect.signature(innermost(f)).parameters.values()
    except (TypeError, ValueError):
        return
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            for k in range(1, 100):
                yield f"{p.name}{k}"
        elif p.kind is not p.VAR_KEYWORD:
            yield p.name


def _called(value: Any, scope: Mapping[str, Any], taken: Sequence[str]) -> str | None:
    if not isinstance(value, np.ndarray):
        return None
    for name, held in scope.items():
        if held is value and name not in taken and not name.startswith("_"):
            return name
    return None


def _free(wanted: str, taken: Sequence[str]) -> str:
    """A name that is free, and does not look like another: ``v_`` would be written ``v``."""
    name, k = wanted, 0
    while name in taken:
        k += 1
        name = f"{wanted}{k}"
    return name


def outside_values(f: Callable[..., Any]) -> dict[str, Any]:
    """What a function, and the functions it calls, read from outside: by name."""
    found: dict[str, Any] = {}
    pending: list[Any] = [innermost(f)]
    seen: set[int] = set()
    while pending and len(seen) < 64:
        current = innermost(pending.pop(0))
        current = getattr(current, "__func__", current)
        if not isinstance(current, FunctionType) or id(current) in seen:
            continue
        seen.add(id(current))
        read = _names_in(current.__code__)
        values = {n: current.__globals__[n] for n in read if n in current.__globals__}
        for name, cell in zip(current.__code__.co_freevars, current.__closure__ or (), strict=True):
            try:
                values[name] = cell.cell_contents
            except ValueError:
                continue
        for default_name, default in _defaults(current):
            values.setdefault(default_name, default)
        for name, value in values.items():
            if callable(value):
                pending.append(value)
            else:
                found.setdefault(name, value)
    return found


def held_as(array: np.ndarray, outside: Mapping[str, Any], f: Callable[..., Any]) -> str:
    """What holds an array inside what a function reads: a key, or an attribute; else nothing."""
    for value in (getattr(innermost(f), "__self__", None), *outside.values()):
        inside = value if isinstance(value, dict) else getattr(value, "__dict__", {})
        for key, held in inside.items():
            if held is array and isinstance(key, str):
                return key
    return ""


def _defaults(f: FunctionType) -> Iterator[tuple[str, Any]]:
    values = f.__defaults__ or ()
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    yield from zip(names[len(names) - len(values) :], values, strict=True)
    yield from (f.__kwdefaults__ or {}).items()


def _names_in(code: CodeType) -> list[str]:
    names = list(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names += _names_in(inner)
    return names


def literals_in(f: Callable[..., Any]) -> set[float]:
    """The numbers that stand in the text of a function."""
    found: set[float] = set()
    code = getattr(innermost(f), "__code__", None)
    pending = [code] if isinstance(code, CodeType) else []
    while pending:
        current = pending.pop()
        for literal in current.co_consts:
            if isinstance(literal, CodeType):
                pending.append(literal)
            elif isinstance(literal, int | float):
                found.add(float(literal))
    return found


def derived_from(
    array: np.ndarray, outside: Mapping[str, Any], taken: set[str], known: Mapping[str, Node]
) -> tuple[str, tuple[Node | None, Callable[[Any], Node]] | None]:
    """What an unnamed array was made of before it met a traced one: ``-t``, ``1 - t`` or ``X.T``.

    Such steps run in plain NumPy and leave no record; they are recognised by every bit of their
    result, for arrays with enough of them that this is no accident.
    """
    square = array.ndim == 2 and array.dtype.kind == "f" and array.shape[0] == array.shape[1] > 1
    if square and array[0, 0] and np.array_equal(array, array[0, 0] * np.eye(len(array))):
        identity = node(einsum, (), ("->ii", (("i", len(array)),)))
        if array[0, 0] == 1:
            return "I", (None, lambda _: identity)
        number = constant(float(array[0, 0]))
        spread = node(broadcast, (number,), (array.shape, ()))
        return "I", (None, lambda _: multiply.build((spread, identity)))
    if len(np.unique(array)) < 2 or array.size < 3:
        return "", None
    if array.ndim == 2 and array.dtype.kind == "b":  # the mask of a triangle
        rows, columns = array.shape
        k = int(array[0].sum()) - 1
        if np.array_equal(array, np.tri(rows, columns, k, bool)):
            ones = node(broadcast, (constant(1.0),), (array.shape, ()))
            return "tri", (None, lambda _: greater.build((node(tril, (ones,), (k,)), constant(0.0))))
    steps: list[tuple[Callable[[Any], Any], Callable[[Node], Node]]] = [
        (np.asarray, lambda n: n),
        (np.negative, lambda n: negative.build((n,))),
        (lambda v: 1 - v, lambda n: subtract.build((constant(1.0), n))),
        (np.transpose, lambda n: node(transpose, (n,), (tuple(range(-1, -n.type.ndim - 1, -1)),))),
    ]
    for name, value in outside.items():
        if (
            not isinstance(value, np.ndarray)
            or value.dtype != array.dtype
            or value.dtype.kind != "f"
        ):
            continue
        for compute, build in steps:
            made = compute(value)
            if made.shape == array.shape and np.array_equal(made, array):
                base = known.get(name) or input_node(0, ("outside", name), type_of(value))
                return name, (base, build)
    return "", None


class SizeNames:
    """Names for axes, given in the order in which they are first written."""

    def __init__(self, given: Mapping[Axis, str], taken: set[str]) -> None:
        self._names = dict(given)
        self._taken = taken | set(given.values())

    def __call__(self, axis: Axis) -> str:
        """The name of an axis."""
        name = self._names.get(axis)
        if name is None:
            name = next((s for s in SIZES if s not in self._taken), f"n{axis.number}")
            self._names[axis] = name
            self._taken.add(name)
        return name


def is_second(f: Callable[..., Any]) -> bool:
    """Whether a function is differentiated more than once."""
    nested = isinstance(f, Derivative) and isinstance(f.function, Derivative)
    return nested or getattr(f, "verb", "") in ("hessian", "hvp") or getattr(f, "order", 1) > 1


def is_array(value: Any) -> bool:
    """Whether an argument stands for numbers that vary, rather than for an option."""
    return isinstance(value, np.ndarray | np.floating | float | complex) and not isinstance(
        value, bool
    )


def observed(n: Node, value: Any, assumed: Assumed) -> None:
    """Note of a matrix that it is given symmetric, or with zeros above the diagonal."""
    if np.ndim(value) != 2 or value.shape[0] != value.shape[1] or value.dtype.kind != "f":
        return
    if len(value) > 1 and np.array_equal(value, value.T):
        assumed.even.add(n)
    if len(value) > 1 and np.array_equal(value, np.tril(value)):
        assumed.lower.add(n)


def last_of_calls(events: Sequence[tuple[Node, Any]]) -> Iterator[tuple[Node, Any]]:
    """The events without those inside of one call: of ``m = X.mean(0)`` not the sum, which m is not.

    What one instruction records without a pause is one call, or in a loop of one line as many as
    there are operations like the last.
    """
    start = 0
    for k, (n, mark) in enumerate(events):
        if k + 1 < len(events) and events[k + 1][1] == mark:
            continue
        yield from (e for e in events[start : k + 1] if e[0].op is n.op)
        start = k + 1


def values_by_name(events: Sequence[tuple[Node, Any]]) -> dict[Node, str]:
    """The local names that a program assigned what it computed to; the first one for each value."""
    found: dict[Node, str] = {}
    for n, mark in last_of_calls(events):
        if n.op is INPUT or n.op is CONSTANT or type(n.type) is not ArrayType:
            continue
        names = assigned_names(mark)
        if len(names) == 1 and names[0].isidentifier() and n.type.differentiable:
            found.setdefault(n, names[0])
    return found
