"""What a ufunc or a NumPy function does when it meets a traced array."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ShapeMismatch, TraceError, UnsupportedFunction
from ..ir.node import Node
from ..ir.primitive import Primitive
from ..ops import PRIMITIVES, UFUNCS
from ..ops.arithmetic import relu
from ..ops.elementwise import Elementwise, literal_of
from ..ops.indexing import scatter_add
from ..ops.structural import cast
from .functions import FUNCTIONS
from .functions.pointwise import clip, frexp
from .functions.refused import REFUSED, message
from .functions.selection import normalized
from .site import here

_DOUBLE = np.dtype(float)

#: What stands for an argument that was not given.
UNSET: Any = np._NoValue  # noqa: SLF001


def ufunc(
    trace: Any, function: np.ufunc, method: str, inputs: Any, keywords: dict[str, Any]
) -> Any:
    """``function.method(*inputs, **keywords)``."""
    try:
        return _dispatched(trace, function, method, inputs, keywords)
    except ValueError as error:
        if type(error) is not ValueError:  # LinAlgError and our own say it themselves
            raise
        raise misfit(_name(function), inputs, error) from None


def _dispatched(
    trace: Any, function: np.ufunc, method: str, inputs: Any, keywords: dict[str, Any]
) -> Any:
    if method == "__call__":
        if not keywords:
            return _called(function, inputs)
        return _with_keywords(trace, function, inputs, keywords)
    if method == "at":
        return _at(trace, function, *inputs)
    target = keywords.pop("out", None)
    result = _METHODS[method](function, *inputs, **keywords) if method in _METHODS else None
    if result is None:
        raise unsupported(f"{_name(function)}.{method}")
    if target is not None and target[0] is not None:
        return trace.assign(target[0], result)
    return result


def _called(function: np.ufunc, inputs: Sequence[Any]) -> Any:
    row = row_of(function)
    if row is not None:
        if function is np.maximum:
            for x, other in (inputs, inputs[::-1]):
                if not hasattr(other, "node") and literal_of(other) == 0 and x.dtype.kind != "c":
                    return relu(x)
        return row(*inputs)
    composite = FUNCTIONS.get(function)
    if composite is None:
        name = function.__name__
        by_name: Any = f"scipy.special.{name}"
        composite = _COMPOSITES.get(name) or FUNCTIONS.get(by_name)
    if composite is None and all(set(t) <= set("O->") for t in function.types):
        return _for_each(function, inputs)  # what np.frompyfunc makes
    if composite is None:
        raise unsupported(_name(function))
    result = composite(*inputs)
    if any(getattr(x, "dtype", _DOUBLE).char in "fF" for x in inputs) and hasattr(result, "dtype"):
        # Constants of a composition are double; the ufunc says what comes of single precision.
        given = [x.dtype if hasattr(x, "dtype") else type(x) for x in inputs]
        kind = function.resolve_dtypes((*given, *(None,) * function.nout))[function.nin]
        result = cast(result, kind) if result.dtype != kind else result
    return result


def _for_each(function: np.ufunc, inputs: Sequence[Any]) -> Any:
    """A Python function for each element."""
    arrays = np.broadcast_arrays(*inputs)
    shape = np.shape(arrays[0])
    results = []
    for index in np.ndindex(*shape):
        row = [np.empty((), object) for _ in arrays]
        for cell, a in zip(row, arrays, strict=True):
            cell[()] = a[index]
        results.append(function(*row))
    if function.nout == 1:
        return np.reshape(np.stack(results), shape) if shape else results[0]
    return tuple(np.reshape(np.stack(r), shape) for r in zip(*results, strict=True))


@lru_cache(maxsize=1024)
def row_of(function: np.ufunc) -> Elementwise | None:
    """The row that answers to a ufunc of NumPy or SciPy."""
    row = UFUNCS.get(function)
    if row is not None or function.__name__ in _NUMPY_NAMES or function.nout > 1:
        return row
    for p in PRIMITIVES:
        # A row names a function of SciPy by its path, so that it need not be imported.
        known = p._function if isinstance(p, Elementwise) else None  # noqa: SLF001
        if known is function:
            return p  # type: ignore[return-value]
        if isinstance(known, str) and known.endswith(f".{function.__name__}"):
            found: Any = p
            if found.function is function:
                return found  # type: ignore[no-any-return]
    return None


_NUMPY_NAMES = frozenset(name for name, value in vars(np).items() if isinstance(value, np.ufunc))

#: Ufuncs that are compositions of others, by name; ``clip`` is that of the array method.
_COMPOSITES: dict[str, Callable[..., Any]] = {
    "clip": clip,
    "frexp": frexp,
    "divmod": lambda x, y: (np.floor_divide(x, y), np.remainder(x, y)),
    "modf": lambda x: (x - np.trunc(x), np.trunc(x)),
    "ldexp": lambda x, n: x * np.exp2(n),
    "vecdot": lambda x, y: np.sum(np.conj(x) * y, axis=-1),
    "matvec": lambda A, x: np.matmul(A, np.expand_dims(x, -1))[..., 0],
    "vecmat": lambda x, A: np.matmul(np.expand_dims(np.conj(x), -2), A)[..., 0, :],
}


def _with_keywords(trace: Any, function: np.ufunc, inputs: Any, keywords: dict[str, Any]) -> Any:
    """A call with ``out=``, ``where=``, ``dtype=`` or, for a product of matrices, ``axis=``."""
    targets = keywords.pop("out", (None,))
    mask = keywords.pop("where", True)
    dtype = keywords.pop("dtype", None)
    for harmless in ("casting", "order", "subok"):
        keywords.pop(harmless, None)
    placed = {k: keywords.pop(k) for k in ("axes", "axis", "keepdims") if k in keywords}
    if keywords or (placed and function.signature is None):
        words = ", ".join(f"{k}=" for k in (*keywords, *placed))
        raise unsupported(f"np.{function.__name__} with {words}", "np.moveaxis before and after")
    back: Callable[[Any], Any] = lambda result: result  # noqa: E731 - the axes stay where they are
    if placed:
        inputs, back = _moved(function, inputs, **placed)
    if dtype is not None:
        inputs = [cast(x, dtype) if hasattr(x, "dtype") else np.asarray(x, dtype) for x in inputs]
    result = back(_called(function, inputs))
    results = result if isinstance(result, tuple) else (result,)
    if mask is not True:
        # Without out= NumPy leaves the rest undefined; zero is as good as anything.
        rest = [0 if t is None else t for t in (*targets, *(None,) * len(results))]
        results = tuple(
            cast(np.where(mask, r, old), r.dtype) for r, old in zip(results, rest, strict=False)
        )
    if any(t is not None for t in targets):
        results = tuple(
            r if t is None else trace.assign(t, r) for r, t in zip(results, targets, strict=True)
        )
    return results if isinstance(result, tuple) else results[0]


def _moved(
    function: np.ufunc, inputs: Sequence[Any], axes: Any = None, axis: Any = None, keepdims: Any = False
) -> tuple[list[Any], Callable[[Any], Any]]:
    """Operands of a product of matrices with their axes last, and what puts those of the result back."""
    assert function.signature is not None
    taken, _, made = function.signature.partition("->")
    cores = [len([c for c in core.split(",") if c]) for core in taken.strip("()").split("),(")]
    out = len([c for c in made.strip("()").split(",") if c])
    if axes is None:
        axes = [(axis,) if axis is not None else tuple(range(-core, 0)) for core in cores]
    axes = [a if isinstance(a, tuple) else (a,) for a in axes]
    if len(axes) == len(cores):
        axes.append(axes[0] if keepdims and not out else tuple(range(-out, 0)))
    moved = [
        np.moveaxis(x, a, tuple(range(-core, 0))) if core else x
        for x, a, core in zip(inputs, axes, cores, strict=False)
    ]

    def back(result: Any) -> Any:
        if keepdims:
            return np.expand_dims(result, axes[-1])
        return np.moveaxis(result, tuple(range(-out, 0)), axes[-1]) if out else result

    return moved, back


# -- the methods of ufuncs -------------------------------------------------------------------------


def _logaddexp(x: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis)


_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any, np.logaddexp: _logaddexp,
}  # fmt: skip
_ACCUMULATIONS: dict[Any, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}


def _reduce(
    function: np.ufunc, x: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False,
    initial: Any = UNSET, where: Any = True,
) -> Any:  # fmt: skip
    if dtype is not None:
        x = cast(x, dtype)
    options: dict[str, Any] = {} if where is True else {"where": where}
    if initial is not UNSET and initial is not None:
        options["initial"] = initial
    reduction = _REDUCTIONS.get(function)
    if reduction is not None:
        return reduction(x, axis=axis, keepdims=bool(keepdims), **options)
    if isinstance(axis, tuple) or axis is None or options:
        return None
    axis = normalized(axis, np.ndim(x))
    result = _fold(function, x, axis)[-1]
    return np.expand_dims(result, axis) if keepdims else result


def _accumulate(function: np.ufunc, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    if dtype is not None:
        x = cast(x, dtype)
    running = _ACCUMULATIONS.get(function)
    axis = normalized(axis, np.ndim(x))
    if running is not None:
        return running(x, axis=axis)
    composite = FUNCTIONS.get((function, "accumulate"))
    if composite is not None:
        return composite(x, axis=axis)
    return np.stack(_fold(function, x, axis), axis=axis)


def _fold(function: np.ufunc, x: Any, axis: int) -> list[Any]:
    """The running results of a ufunc along an axis, one by one."""
    moved = np.moveaxis(x, axis, 0)
    results = [moved[0]]
    for k in range(1, np.shape(moved)[0]):
        results.append(function(results[-1], moved[k]))
    return results


def _outer(function: np.ufunc, a: Any, b: Any, **keywords: Any) -> Any:
    left = np.reshape(a, tuple(np.shape(a)) + (1,) * np.ndim(b))
    return function(left, b, **keywords)


def _reduceat(function: np.ufunc, x: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Any:
    moved = np.moveaxis(x, axis, 0)
    starts = [int(i) for i in np.asarray(indices)]
    parts = []
    for k, start in enumerate(starts):
        stop = starts[k + 1] if k + 1 < len(starts) else np.shape(moved)[0]
        parts.append(
            moved[start] if start >= stop else _reduce(function, moved[start:stop], 0, dtype)
        )
    return np.moveaxis(np.stack(parts), 0, axis)


_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce, "accumulate": _accumulate, "outer": _outer, "reduceat": _reduceat,
}  # fmt: skip


def _at(trace: Any, function: np.ufunc, target: Any, index: Any, value: Any = None) -> None:
    """``np.add.at`` and its kin: an update in place in which an element may be hit twice."""
    if function in (np.add, np.subtract):
        shape = tuple(np.shape(target))
        numbers = np.arange(int(np.prod(shape))).reshape(shape)[index]
        values = np.broadcast_to(value, numbers.shape)
        values = values if function is np.add else np.negative(values)
        added = scatter_add(
            [(np.ravel(values), (np.ravel(numbers),), (-1,))], (int(np.prod(shape)),)
        )
        trace.assign(target, target + np.reshape(added, shape))
        return
    numbers = np.arange(int(np.size(target))).reshape(np.shape(target))[index]
    if len(np.unique(numbers)) == numbers.size:
        part = target[index]
        target[index] = function(part) if value is None else function(part, value)
        return
    # An element that is hit several times is updated in turns.
    flat = np.ravel(numbers)
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], flat[order], side="left")
    turn = np.empty(flat.size, int)
    turn[order] = np.arange(flat.size) - first
    several: Any = None if value is None else np.ravel(np.broadcast_to(value, numbers.shape))
    for k in np.arange(turn.max() + 1):
        (now,) = np.nonzero(turn == k)
        where = np.unravel_index(flat[now], np.shape(target))
        part = target[where]
        target[where] = function(part) if several is None else function(part, several[now])


# -- functions -------------------------------------------------------------------------------------


def function(trace: Any, called: Callable[..., Any], args: Any, keywords: Any) -> Any:
    """``called(*args, **keywords)``."""
    composite = FUNCTIONS.get(called)
    if composite is None:
        raise unsupported(qualified(called))
    target = keywords.get("out")
    try:
        if target is None:
            return composite(*args, **keywords)
        result = composite(*args, **{k: v for k, v in keywords.items() if k != "out"})
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise misfit(qualified(called), args, error) from None
    return trace.assign(target, result)


def named_out(called: Callable[..., Any], args: Any, keywords: Any) -> tuple[Any, Any]:
    """The arguments with ``out`` as a keyword, where it was given by position."""
    names = _positional(FUNCTIONS[called]) if called in FUNCTIONS else []
    if "out" not in names[: len(args)]:
        return args, keywords
    place = names.index("out")
    return args[:place], {**keywords, **dict(zip(names[place:], args[place:], strict=False))}


@lru_cache(maxsize=1024)
def _positional(composite: Callable[..., Any]) -> list[str]:
    """The names of the parameters that may be given by position."""
    parameters = inspect.signature(composite).parameters.values()
    return [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]


def _name(function: np.ufunc) -> str:
    """A ufunc's name as a program would write it."""
    name = function.__name__
    known = function.types and getattr(sys.modules.get("scipy.special"), name, None) is function
    return f"np.{name}" if name in _NUMPY_NAMES else f"scipy.special.{name}" if known else name


def qualified(called: Callable[..., Any]) -> str:
    """The function's name as a program would write it: ``np.linalg.eig``."""
    module = getattr(called, "__module__", None) or ""
    parts = [p for p in module.split(".") if not p.startswith("_") and p not in ("lib", "core")]
    return ".".join(["np" if p == "numpy" else p for p in parts] + [called.__name__])


def misfit(what: str, operands: Sequence[Any], error: Exception) -> ShapeMismatch:
    """The error for arrays that do not fit: the function, their shapes, the user's line."""
    shapes = [str(tuple(map(int, s))) for s in _shapes(operands)]
    listed = " and ".join([", ".join(shapes[:-1]), shapes[-1]] if len(shapes) > 1 else shapes)
    reason = str(error).rstrip(".")
    if reason.startswith("shape mismatch"):
        reason = "they do not broadcast together"
    given = f"arrays of shapes {listed}" if len(shapes) > 1 else f"an array of shape {listed}"
    given = given if shapes else "what does not fit"
    return ShapeMismatch(
        f"{what} was given {given}: {reason}. Compare that with what the line means; x[:, None], "
        "x.T and x.reshape(…) change a shape.",
        here(),
    )


def unfit(op: Primitive, nodes: Sequence[Node], error: Exception) -> Exception:
    """The error for operands that an operation does not take."""
    if isinstance(error, ValueError):
        name = f"np.{op.name}" if hasattr(np, op.name) else op.name
        return misfit(name, [n.type for n in nodes], error)
    types = ", ".join(str(n.type) for n in nodes)
    return TraceError(f"{op.name} of {types}: {error}", here())


def _shapes(operands: Sequence[Any]) -> list[tuple[int, ...]]:
    """The shapes of the arrays among arguments, also in a list of arrays."""
    found: list[tuple[int, ...]] = []
    for x in operands:
        if hasattr(x, "shape"):
            found.append(x.shape)
        elif isinstance(x, list | tuple):
            found.extend(y.shape for y in x if hasattr(y, "shape"))
    return found


def unsupported(what: str, instead: str | None = None) -> UnsupportedFunction:
    """The error that names a function, the user's line, and what to write instead."""
    if instead is None and what in REFUSED:
        return UnsupportedFunction(message(what, *REFUSED[what]), here())
    remedy = f"Use {instead}" if instead else "Write it with functions that have one"
    return UnsupportedFunction(
        f"{what} has no derivative here. {remedy}, or give the step a derivative of its own with "
        "chainrule.custom_derivative.",
        here(),
    )
