"""``jit``: a function compiled for the arguments that it meets."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..trace.recording import current
from ..trace.stack import stack
from ..trace.tree import Structure, flatten
from .arguments import parameter_names, refuse_foreign
from .paths import Effect, Path, Untraceable, aliased, failed, trace_path
from .watching import Place

#: After this many ways through it, a function is left as it is.
MOST_PATHS = 16
#: Kinds of arguments for which programs are kept.
MOST_VARIANTS = 64
#: A Python integer with more values than this becomes an input.
MOST_INTEGERS = 4
#: Paths that do not fit what is around them now are kept for when it changes back, some.
MOST_STALE = 4
#: After so many traces for arguments of one kind, tracing is given up.
MOST_TRACES = 64


def jit(f: Callable[..., Any], *, static: Any = (), threads: int = 1, **foreign: Any) -> Compiled:
    """``f`` compiled: traced when it meets arguments of a new kind, run as one program after.

    Parameters
    ----------
    f
        Any function of arrays, also one made by ``grad``, ``vmap`` and their kin.
    static
        Arguments, by position or name, that the program is made for: compiled anew for each value.
        They must be hashable.
    threads
        How many threads a large loop may use.

    Results and errors are those of ``f``. Decisions that Python takes on values are checked by the
    program; where one comes out otherwise, the new path is traced and both are kept. See the page
    on ``jit`` for what is watched, and what a compiled function does not do again.

    >>> import numpy as np
    >>> from chainrule import grad
    >>> slope = jit(grad(lambda x: np.sum(np.sin(x))))
    >>> slope(np.zeros(2))
    array([1., 1.])
    """
    refuse_foreign("jit", foreign)
    return Compiled(f, static, threads)


class Compiled:
    """See :func:`jit`."""

    verb = "jit"

    def __init__(self, f: Callable[..., Any], static: Any = (), threads: int = 1) -> None:
        if not callable(f):
            raise ArgumentError(
                f"jit takes a function, and was given a {type(f).__name__}. "
                "Write jit(f)(x), not jit(f(x))."
            )
        if type(threads) is not int or threads < 1:
            raise ArgumentError(f"jit: threads is {threads!r}. Write a whole number, 1 or more.")
        self.function, self.static, self.threads = f, static, threads
        update_wrapper(self, f, updated=())
        self.__name__ = f"jit({getattr(f, '__name__', type(f).__name__)})"
        self.__qualname__ = self.__name__
        self._positions, self._names = _static(static, f)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._variants: OrderedDict[Hashable, Variant] = OrderedDict()
        self._integers: dict[Hashable, set[Any]] = {}
        self._rebound: set[tuple[int, Any]] = set()
        self._effects = 0
        self._left: str | None = None
        self._hot: Callable[..., Any] = self._call

    def __reduce__(self) -> Any:
        return Compiled, (self.function, self.static, self.threads)

    def __repr__(self) -> str:
        return f"<{self.__name__}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        from types import MethodType

        return MethodType(self, instance)

    # -- a call ----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """What the function returns."""
        if keywords or stack.traces:
            return self._call(*args, **keywords)
        return self._hot(*args)

    def _call(self, *args: Any, **keywords: Any) -> Any:
        """A call that is looked at."""
        if current() is not None or self._left is not None:
            return self.function(*args, **keywords)
        try:
            call = _Call(self, args, keywords)
        except _Foreign:
            return self.function(*args, **keywords)
        variant = self._variants.get(call.key)
        if variant is None:
            with self._lock:
                variant = self._variants.setdefault(call.key, Variant())
                while len(self._variants) > MOST_VARIANTS:
                    self._variants.popitem(last=False)
        answer = variant.find(call)
        if answer is failed:
            with self._lock:
                if self._left is not None:
                    return self.function(*args, **keywords)
                answer = variant.find(call)  # another thread may have traced it by now
                if answer is failed:
                    return self._trace(variant, call)
        return self.function(*args, **keywords) if answer is aliased else answer

    def _trace(self, variant: Variant, call: _Call) -> Any:
        """The answer along a path that was never taken before."""
        stale = variant.drop(self._rebound)
        variant.traced += 1
        if len(variant.paths) >= MOST_PATHS:
            self._leave(f"it takes more than {MOST_PATHS} ways, by decisions on values")
            return self.function(*call.args, **call.keywords)
        if variant.traced > MOST_TRACES:
            self._leave(f"it is another function each time, for {stale} changes")
            return self.function(*call.args, **call.keywords)
        try:
            path = trace_path(
                self.function,
                call.values,
                call.rebuild,
                call.objects,
                self._rebound,
                threads=self.threads,
            )
            answer = path.run(call.values)
        except Exception as error:  # noqa: BLE001 (whatever it is, the function itself will tell)
            answer = self.function(*call.args, **call.keywords)
            if type(error) is Effect and not self._effects:
                self._effects += 1  # perhaps it fills a cache: one more try
            else:
                self._leave(str(error) if isinstance(error, Untraceable) else _reason(error))
            return answer
        if answer is failed:
            self._leave("a decision of it comes out otherwise when it is made again")
        if answer is failed or answer is aliased:
            return self.function(*call.args, **call.keywords)
        variant.paths = [path, *variant.paths]
        return answer

    def _leave(self, why: str) -> None:
        """Give up compiling the function, and say so once."""
        self._left = why
        self._hot = self.function
        warnings.warn(
            f"jit: {getattr(self.function, '__name__', 'the function')} is run without being "
            f"compiled, because {why}.",
            RuntimeWarning,
            stacklevel=5,
        )


def _reason(error: Exception) -> str:
    return f"it could not be traced ({type(error).__name__}: {str(error).splitlines()[0]})"


class Variant:
    """The paths for arguments of one kind, the one taken last first."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.traced = 0

    def drop(self, rebound: set[tuple[int, Any]]) -> str:
        """Drop old paths whose surroundings changed, and say what did.

        Floats that changed are noted in ``rebound``: they are inputs from then on.
        """
        what = ""
        kept: list[Path] = []
        for path in self.paths:
            stale = path.stale
            if isinstance(stale, Place):
                what = stale.name
                if type(stale.read()) is type(stale.value) and isinstance(
                    stale.value, float | np.floating
                ):
                    rebound.add(stale.identity)
                    continue
            if stale is None or len(kept) < MOST_STALE:
                kept.append(path)
        self.paths = kept
        return what

    def find(self, call: _Call) -> Any:
        """The answer along a path that is known, or `failed`."""
        for k, path in enumerate(self.paths):
            try:
                answer = path.run(call.values)
            except (ArithmeticError, ValueError):  # on the way to a check that fails, or in earnest
                continue
            if answer is not failed:
                if k:
                    paths = self.paths.copy()
                    paths.insert(0, paths.pop(k))
                    self.paths = paths
                return answer
        return failed


# -- arguments -------------------------------------------------------------------------------------


class _Foreign(Exception):
    """An argument that a trace does not know: the function runs as it is."""


class _Static:
    """What stands for a static argument among the leaves."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class _Call:
    """The arguments of one call: which of them vary, and what the others are."""

    def __init__(self, owner: Compiled, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.args, self.keywords = args, keywords
        if owner._positions or owner._names:  # noqa: SLF001 (the class it belongs to)
            given: Any = (
                tuple(
                    _Static(a) if k in owner._positions else a  # noqa: SLF001
                    for k, a in enumerate(args)
                ),
                {
                    k: _Static(a) if k in owner._names else a  # noqa: SLF001
                    for k, a in keywords.items()
                },
            )
        else:
            given = (args, keywords)
        self.leaves, self.structure = flatten(given)
        kinds: list[Any] = []
        integers: list[tuple[int, int]] = []
        for k, leaf in enumerate(self.leaves):
            kind = type(leaf)
            if kind is int and -(2**63) <= leaf < 2**63:
                integers.append((k, leaf))
                kinds.append(int)
            else:
                kinds.append(describe(leaf))
        if integers:
            base = (self.structure, tuple(kinds))
            seen = owner._integers  # noqa: SLF001
            for k, value in integers:
                known = seen.setdefault((base, k), set())
                if len(known) <= MOST_INTEGERS:
                    known.add(value)
                if len(known) <= MOST_INTEGERS:
                    kinds[k] = (int, value)
        self.key: Hashable = (self.structure, tuple(kinds))
        self.varying = [k for k, kind in enumerate(kinds) if not _is_static(kind)]
        self.values = [self.leaves[k] for k in self.varying]

    @property
    def objects(self) -> list[Any]:
        """The leaves that are no arrays."""
        return [
            leaf.value if type(leaf) is _Static else leaf
            for k, leaf in enumerate(self.leaves)
            if k not in self.varying
        ]

    def rebuild(
        self, inputs: Sequence[Any], copy: Callable[[Any], Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with ``inputs`` in place of what varies, and copies of the others."""
        leaves = list(self.leaves)
        for k, value in zip(self.varying, inputs, strict=True):
            leaves[k] = value
        varying = set(self.varying)
        for k, leaf in enumerate(leaves):
            if k not in varying:
                leaves[k] = copy(leaf.value if type(leaf) is _Static else leaf)
        args, keywords = self.structure.unflatten(leaves)
        return args, keywords


#: Kinds of values that vary: their type is all that the program is made for.
_NUMERIC = "fciub"


def describe(leaf: Any) -> Hashable:
    """What a program must know of an argument: the type of an array, the value of another."""
    kind: Any = type(leaf)
    if kind is np.ndarray:
        if leaf.dtype.kind not in _NUMERIC or not leaf.dtype.isnative:
            raise _Foreign
        return (leaf.dtype, *leaf.shape)
    if kind is float or kind is complex:
        return kind
    if kind is _Static:
        return _Constant(leaf.value)
    if issubclass(kind, np.generic) and leaf.dtype.kind in _NUMERIC:
        return (leaf.dtype,)
    if hasattr(kind, "__array__") or hasattr(kind, "__array_priority__"):
        raise _Foreign
    try:
        hash(leaf)
    except TypeError:
        raise _Foreign from None
    return _Constant(leaf)


class _Constant:
    """A static argument, equal to others of its type and value."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._hash = hash((type(value), value))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if type(other) is not _Constant or type(other.value) is not type(self.value):
            return False
        mine, theirs = self.value, other.value
        return mine is theirs or bool(mine == theirs and repr(mine) == repr(theirs))


def _is_static(kind: Any) -> bool:
    return type(kind) is _Constant or (type(kind) is tuple and kind[0] is int)


def _static(static: Any, f: Callable[..., Any]) -> tuple[set[int], set[str]]:
    """Positions and names of the static arguments."""
    entries = (static,) if isinstance(static, int | str) else tuple(static)
    names = parameter_names(f)
    positions: set[int] = set()
    called: set[str] = set()
    for entry in entries:
        if isinstance(entry, str):
            called.add(entry)
            if names is not None:
                if entry in names:
                    positions.add(names.index(entry))
                elif not _takes_any_keyword(f):
                    raise ArgumentError(
                        f"jit: static names {entry!r}, and the function takes "
                        f"{', '.join(names) or 'no arguments'}. Name one of these."
                    )
        elif isinstance(entry, int) and not isinstance(entry, bool):
            position = entry + len(names) if entry < 0 and names is not None else entry
            positions.add(position)
            if names is not None and 0 <= position < len(names):
                called.add(names[position])
        else:
            raise ArgumentError(
                f"jit: static is {static!r}. Write an argument's position, its name, or a tuple "
                "of these."
            )
    return positions, called


def _takes_any_keyword(f: Callable[..., Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(f).parameters.values())


__all__ = ["Compiled", "Structure", "jit"]
