"""Proof before print: the printed source is run on fresh examples and compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FormulaError, FormulaMismatch
from ..ir.graph import toposort
from ..ir.node import Node
from ..trace.tree import flatten
from .engine import evaluate

TOLERANCE = {8: 1e-10, 4: 1e-3, 2: 3e-1}


@dataclass(frozen=True)
class Example:
    """One input of a derivation: its symbol in the source, and a value."""

    node: Node
    name: str
    value: Any
    declared: Any
    outside: bool


@dataclass
class Examples:
    """The inputs of a derivation, and values for them."""

    known: list[Example] = field(default_factory=list)
    #: The sizes that were declared by name.
    sizes: Mapping[str, int] = field(default_factory=dict)

    def array(self, code: str) -> str:
        """An array of floats that the source reads: an argument if there is one, else a number."""
        words = set(re.findall(r"\w+", code.partition("):")[2]))
        found = [
            e
            for e in self.known
            if e.node.type.dtype.kind == "f" and set(re.findall(r"[A-Za-z_]\w*", e.name)[-1:]) <= words
        ]
        found.sort(key=lambda e: (not e.node.type.ndim, e.outside))
        usable = (e.name for e in found if e.node.type.ndim or not e.outside)
        return next(usable, "")

    def add(self, n: Node, name: str, value: Any, declared: Any, *, outside: bool = False) -> None:
        """Add an input; ``outside`` says that the function reads it as a global."""
        self.known.append(Example(n, name, value, declared, outside))

    def counting(self) -> set[Node]:
        """The inputs that hold 0, 1, 2, …, which programs read rows by."""
        return {
            e.node
            for e in self.known
            if e.node.type.dtype.kind in "iu"
            and e.node.type.ndim == 1
            and np.array_equal(e.value, np.arange(e.node.type.size))
        }

    def windows(self) -> set[Node]:
        """The inputs that hold the indices of windows of a vector, each backwards."""
        found = set()
        for e in self.known:
            if e.node.type.dtype.kind in "iu" and e.node.type.ndim == 2:
                count, width = e.node.type.shape
                if np.array_equal(e.value, np.arange(count)[:, None] + np.arange(width)[::-1]):
                    found.add(e.node)
        return found

    def values(self, how: str, rng: np.random.Generator) -> dict[Node, Any]:
        """A value for every input: as given, or changed a little."""
        return {e.node: _changed(e, how, rng, self.sizes) for e in self.known}


def _changed(e: Example, how: str, rng: np.random.Generator, sizes: Mapping[str, int]) -> Any:
    value = e.value
    array = np.asarray(value)
    if how == "as given" or not array.size:
        return value
    if e.declared is not None:
        own = {
            a: n for a, n in zip(e.declared.axes, array.shape, strict=True) if isinstance(a, str)
        }
        return e.declared.example({**sizes, **own}, rng)
    if array.dtype.kind not in "fc":
        return _exchanged(array, rng) if isinstance(value, np.ndarray) else value
    new = moved(array, rng) if how == "moved" else array * (1 + 0.05 * rng.random(array.shape))
    new = _like(array, new).astype(array.dtype)
    return new if isinstance(value, np.ndarray) else type(value)(new)


def _exchanged(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels and counts in another order; what counts rows, or is in order, stays as it is."""
    if array.ndim != 1 or array.dtype.kind not in "iub" or np.all(array[1:] >= array[:-1]):
        return array
    return rng.permutation(array)


def moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers near those of an array, of the same kind: positive, probabilities, 0 and 1."""
    spread = float(np.std(array) or np.abs(array).max() or 1.0)
    near = array + 0.2 * spread * rng.normal(size=array.shape)
    if array.dtype.kind == "c" or not np.isfinite(array).all():
        return near
    if array.ndim and array.size > 1 and np.isin(array, (0.0, 1.0)).all() and array.any():
        return rng.permutation(array.ravel()).reshape(array.shape) if array.ndim == 1 else array
    low, high = float(array.min()), float(array.max())
    if low > 0 and high < 1:
        odds = np.log(array) - np.log1p(-array) + 0.4 * rng.normal(size=array.shape)
        near = 1 / (1 + np.exp(-odds))
    elif low > 0 or (low == 0 and array.ndim):
        near = array * np.exp(0.2 * rng.normal(size=array.shape))
    return near


def _like(array: np.ndarray, new: np.ndarray) -> np.ndarray:
    """``new`` with what ``array`` has by structure: sums of 1, order, symmetry, definiteness."""
    if array.dtype.kind != "f" or not array.ndim:
        return new
    if array.ndim == 2 and array.shape[0] == array.shape[1] and len(array) > 1:
        if np.allclose(array @ array.T, np.eye(len(array)), atol=1e-9):
            return np.asarray(np.linalg.qr(new)[0])
        if np.array_equal(array, array.T):
            new = (new + new.T) / 2
            values = np.linalg.eigvalsh(array) if np.isfinite(array).all() else np.zeros(1)
            if values.min() > 0:  # positive definite matrices may be meant to be
                least = float(np.linalg.eigvalsh(new).min())
                new = new + max(0.0, float(values.min()) / 2 - least) * np.eye(len(new))
        return np.where(array == 0, 0.0, new) if _triangular(array) else new
    if array.min() >= 0 and array.shape[-1] > 1:
        total = array.sum(axis=-1, keepdims=True)
        if np.allclose(total, 1, atol=1e-12):
            return np.asarray(new / new.sum(axis=-1, keepdims=True))
    if array.ndim == 1 and len(array) > 2 and np.all(array[1:] > array[:-1]):
        return np.sort(new)
    return new


def _triangular(array: np.ndarray) -> bool:
    return not np.any(np.triu(array, 1)) or not np.any(np.tril(array, -1))


_ILL_CONDITIONED = (
    "The derivative is so ill-conditioned at these examples that rounding errors hide whether its "
    "formula is right; if it is not 0 throughout, as where its terms cancel, give examples with "
    "better conditioned matrices."
)


def is_real(outputs: Sequence[Node]) -> bool:
    """Whether nothing on the way to ``outputs`` is complex."""
    return not any(
        hasattr(n.type, "dtype") and n.type.dtype.kind == "c" for n in toposort(outputs)
    )


def agree(
    text: str,
    code: str,
    outputs: Sequence[Node],
    examples: Examples,
    arguments: Sequence[str],
    functions: Mapping[str, Any],
) -> None:
    """Raise ``FormulaMismatch`` unless the source computes what the derivative does."""
    rng = np.random.default_rng(20260101)
    width = min(
        (
            n.type.dtype.itemsize // (2 if n.type.dtype.kind == "c" else 1)
            for n in toposort(outputs)
            if hasattr(n.type, "dtype") and n.type.dtype.kind in "fc"
        ),
        default=8,
    )
    tolerance = TOLERANCE.get(width, 1e-10)
    scope: dict[str, Any] = dict(functions)
    exec(compile(code, "<formula>", "exec"), scope)  # noqa: S102 - our own output
    function = next(v for k, v in reversed(scope.items()) if callable(v) and not k.startswith("_"))
    compared, shaky, undefined = 0, False, False
    failure: Exception | None = None
    for how in ("moved", "scaled", "as given"):
        values = examples.values(how, rng)
        try:
            expected = evaluate(outputs, values, values)
        except (np.linalg.LinAlgError, FloatingPointError):
            continue
        usable = np.any if how == "as given" else np.all
        if not all(usable(np.isfinite(x)) for x in expected if np.size(x)):
            continue
        scope.update({e.name: values[e.node] for e in examples.known if e.outside})
        with np.errstate(all="ignore"):
            try:
                found = _call(function, values, examples, arguments)
            except Exception as error:  # noqa: BLE001 - whatever it is, the source does not run
                failure = error
                break
        results = flatten(found)[0]
        pairs = list(zip(results, expected, strict=True))
        wrong = next(((a, b) for a, b in pairs if not _close(a, b, tolerance)), None)
        if wrong is not None:
            blurred = _by_rounding(
                pairs, outputs, values, rng, lambda v: _call(function, v, examples, arguments)
            )
            if blurred is not None:
                if blurred > 0.1:
                    raise FormulaError(_ILL_CONDITIONED)
                shaky = True
                continue
            if _undefined(pairs, outputs, values):
                undefined = True
                continue
            a, b = wrong
            raise FormulaMismatch(
                f"the formula {text!r} does not evaluate to the derivative, so it is not "
                f"shown: its source gives {_brief(a)}, the derivative is {_brief(b)}.\n{code}"
            )
        compared += 1
        if compared == 2:
            break
    if failure is not None:
        raise FormulaMismatch(
            f"the source of the formula {text!r} does not run, so it is not shown "
            f"({type(failure).__name__}: {failure}).\n{code}"
        ) from failure
    if not compared and shaky:
        raise FormulaError(_ILL_CONDITIONED)
    if not compared and undefined:
        raise FormulaError(
            "A norm or a root is 0 at these examples and near them, where the formula is 0/0; give "
            "examples at which none of them vanishes."
        )
    if not compared:
        raise FormulaError(
            "The derivative is not finite at these examples nor near them, so its formula cannot "
            "be verified; give examples inside the function's domain."
        )


def shaken(value: Any, rng: np.random.Generator) -> Any:
    """A value with relative changes of a few thousand units in the last place."""
    array = np.asarray(value)
    if array.dtype.kind not in "fc":
        return value
    step = 4096 * float(np.finfo(array.dtype).eps)
    signs = rng.choice([-1.0, 1.0], size=array.shape)
    if array.ndim == 2 and array.shape[0] == array.shape[1] and np.array_equal(array, array.T):
        signs = np.triu(signs) + np.triu(signs, 1).T
    return (array * (1 + step * signs)).astype(array.dtype)[()]


def _by_rounding(
    pairs: Sequence[tuple[Any, Any]],
    outputs: Sequence[Node],
    values: dict[Node, Any],
    rng: np.random.Generator,
    source: Callable[[dict[Node, Any]], Any],
) -> float | None:
    """What part of the derivative rounding can change, if it explains how two results differ.

    A derivative that is 0 because its terms cancel is nothing but rounding errors, and so is what
    the source gives: both then change as a whole where the inputs change in their last digits.
    """
    noise = [0.0] * len(pairs)
    for _ in range(3):
        nearby = {n: shaken(v, rng) for n, v in values.items()}
        expected = evaluate(outputs, nearby, nearby)
        with np.errstate(all="ignore"):
            found = source(nearby)
        results = flatten(found)[0]
        for k, ((a, b), c, d) in enumerate(zip(pairs, expected, results, strict=True)):
            if np.shape(a) != np.shape(b) or not np.isfinite(a).all() or not np.isfinite(d).all():
                return None
            changes = np.abs(np.asarray(b) - c), np.abs(np.asarray(a) - d)
            noise[k] = max(noise[k], *(float(np.max(x, initial=0)) for x in changes))
    # The largest of three changes is an estimate; a few times it is rounding still.
    noise = [4 * n for n in noise]
    if any(np.any(np.abs(np.asarray(a) - b) > n) for (a, b), n in zip(pairs, noise, strict=True)):
        return None
    sizes = [float(np.max(np.abs(b), initial=0)) for _, b in pairs]
    return max((n / max(s, 1e-300) for n, s in zip(noise, sizes, strict=True)), default=0.0)


def _undefined(
    pairs: Sequence[tuple[Any, Any]], outputs: Sequence[Node], values: dict[Node, Any]
) -> bool:
    """Whether the source is 0/0 and otherwise right, since a norm or a root of the program is 0.

    The derivative is 0 there where all that is under it is clipped, and by convention elsewhere.
    """
    if not all(_close(a, b, _tolerance(b)) or _not_a_number(a, b) for a, b in pairs):
        return False
    lengths = [n for n in toposort(outputs) if n.op.name in ("norm", "sqrt", "hypot")]
    if not lengths or not any(np.isnan(a).any() for a, _ in pairs):
        return False
    return any(bool(np.any(np.asarray(x) == 0)) for x in evaluate(lengths, values, values))


#: What is wrong with a source that is 0/0 where the derivative is not, and right elsewhere.
UNDEFINED = "its source is 0/0 there"


def _not_a_number(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not np.isnan(a).any():
        return False
    return _close(np.where(np.isnan(a), b, a), b, _tolerance(b))


def _explained(a: Any, b: Any, c: Any) -> bool:
    """Whether ``a`` and ``b`` differ by no more than what rounding does to ``b``, shown by ``c``."""
    a, b, c = (np.asarray(x) for x in (a, b, c))
    if a.shape != b.shape or not np.isfinite(a).all():
        return False
    with np.errstate(all="ignore"):
        allowed = float(np.max(np.abs(b - c), initial=0))
        scale = float(np.max(np.abs(b), initial=0))
        return bool(allowed < 0.1 * scale and np.all(np.abs(a - b) <= allowed))


def disagreement(
    code: str,
    arguments: Sequence[Any],
    scope: Mapping[str, Any],
    expected: Sequence[Any],
    nearby: Sequence[Any] | None = None,
) -> str | None:
    """How the source fails to give ``expected`` on these arguments; ``None`` if it does not.

    ``nearby`` is what is expected on arguments that differ by rounding errors, where that is asked.
    """
    names: dict[str, Any] = dict(scope)
    exec(compile(code, "<formula>", "exec"), names)  # noqa: S102 - our own output
    function = next(v for k, v in reversed(names.items()) if callable(v) and not k.startswith("_"))
    try:
        found = function(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the source does not run
        return f"its source does not run ({type(error).__name__}: {error})"
    results = flatten(found)[0]
    for k, (a, b) in enumerate(zip(results, expected, strict=True)):
        if _close(a, b, _tolerance(b)):
            continue
        if nearby is None or not _explained(a, b, nearby[k]):
            if _not_a_number(a, b):
                return UNDEFINED
            return f"its source gives {_brief(a)}, the derivative is {_brief(b)}"
    return None


def _tolerance(x: Any) -> float:
    dtype = np.asarray(x).dtype
    width = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    return TOLERANCE.get(width, 1e-10) * 100


def _call(
    function: Any, values: dict[Node, Any], examples: Examples, arguments: Sequence[str]
) -> Any:
    by_name = {e.name: values[e.node] for e in examples.known if not e.outside}
    return function(*(by_name.get(name, _Leaves(name, by_name)) for name in arguments))


class _Leaves:
    """Stands for a nested argument: reads its leaves by path."""

    def __init__(self, path: str, leaves: dict[str, Any]) -> None:
        self._path = path
        self._leaves = leaves

    def _at(self, path: str) -> Any:
        return self._leaves[path] if path in self._leaves else _Leaves(path, self._leaves)

    def __getitem__(self, key: Any) -> Any:
        return self._at(f"{self._path}[{key!r}]")

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self._at(f"{self._path}.{key}")


def _close(a: Any, b: Any, tolerance: float) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if not b.size:
        return True
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(b)
        scale = max(1e-300, float(np.max(np.abs(b[finite]), initial=0)))
        close = np.abs(a - b) <= tolerance * max(scale, 1e-3)
    return bool(np.all(close | ~finite))


def _brief(x: Any) -> str:
    x = np.asarray(x)
    return (
        f"an array of shape {x.shape}, {np.array2string(x.ravel()[:4], precision=6)}"
        if x.ndim
        else repr(float(x.real))
    )
