"""``jit``: a function compiled for the arguments that it meets."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import update_wrapper
from typing import Any
from weakref import WeakSet

import numpy as np

from ..errors import ArgumentError
from ..trace.stack import stack
from .arguments import refuse_foreign
from .calls import Call, Foreign, statics
from .draws import Untraceable
from .lowered import Lowered, bind
from .paths import Effect, Path, aliased, failed, trace_path
from .shortcut import miss, missed, shortcut
from .watching import Place

#: After this many ways through it, a function is left as it is.
MOST_PATHS = 16
#: Kinds of arguments for which programs are kept.
MOST_VARIANTS = 64
#: Paths that do not fit what is around them now are kept for when it changes back, some.
MOST_STALE = 4
#: So many short ways are tried before the long one.
MOST_RECENT = 4
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
        self._static = statics(static, f)
        self._reset()
        _alive.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._variants: OrderedDict[Hashable, Variant] = OrderedDict()
        self._integers: dict[Hashable, set[Any]] = {}
        self._rebound: set[tuple[int, Any]] = set()
        self._effects = 0
        self._left: str | None = None
        #: How calls are tried first: positional ones, and those with keywords.
        self._hot: Callable[..., Any] = miss
        self._named: Callable[..., Any] = miss
        #: Short ways of the last calls, without and with keywords.
        self._recent: list[list[Callable[..., Any]]] = [[], []]

    def __reduce__(self) -> Any:
        f = self.function
        name = getattr(f, "__qualname__", "")
        found: Any = sys.modules.get(getattr(f, "__module__", None) or "")
        for step in name.split("."):
            found = getattr(found, step, None)
        if found is self:  # it decorates a function, and goes by its name
            return name
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
        if stack.traces:
            return self.function(*args, **keywords)
        answer = self._named(*args, **keywords) if keywords else self._hot(*args)
        return self._other(args, keywords) if answer is missed else answer

    def _other(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The answer by another of the short ways, else the long way."""
        for short in self._recent[bool(keywords)]:
            answer = short(*args, **keywords)
            if answer is not missed:
                if keywords:
                    self._named = short
                else:
                    self._hot = short
                return answer
        return self._answer(args, keywords)

    # -- what it runs ----------------------------------------------------------------------------

    def lower(self, *args: Any, **keywords: Any) -> Lowered:
        """The program for these arguments, to be looked at: graph, steps, code."""
        return Lowered(self._path("lower", args, keywords)[0], self.__name__)

    def memory(self, *args: Any, **keywords: Any) -> int:
        """How many bytes the program for these arguments takes at once, results included."""
        return self.lower(*args, **keywords).memory

    def bind(self, *args: Any, out: Any = None, **keywords: Any) -> Callable[[], Any]:
        """A function of nothing, which runs the program on these very arrays.

        It reads them as they are then, and writes its results to the same arrays each time: those
        of ``out``, or new ones. What is around the function is as it was when it was bound.
        """
        path, call = self._path("bind", args, keywords)
        return bind(path, call.values, call.generators, out, lambda: self.function(*args, **keywords))

    def _path(
        self, verb: str, args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[Path, Call]:
        if stack.traces:
            raise ArgumentError(f"jit: {verb} is called inside a function that is being traced.")
        try:
            call = Call(args, keywords, self._static, self._integers)
        except Foreign:
            raise ArgumentError(
                f"jit: {verb} was given an argument that no program is compiled for. "
                "Give arrays of numbers."
            ) from None
        with self._lock:
            try:
                return self._traced(call), call
            except Untraceable as why:
                raise ArgumentError(
                    f"jit: {self.__name__} has no program to {verb}, because {why}."
                ) from None

    def _traced(self, call: Call) -> Path:
        return trace_path(
            self.function,
            call.values,
            call.rebuild,
            call.objects,
            self._rebound,
            generators=call.generators,
            threads=self.threads,
        )

    # -- the long way ----------------------------------------------------------------------------

    def _answer(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The answer along any path."""
        if stack.traces or self._left is not None:
            return self.function(*args, **keywords)
        try:
            call = Call(args, keywords, self._static, self._integers)
        except Foreign:
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
                    answer = self._trace(variant, call)
        else:
            self._shorten(variant.paths[0], call)
        return self.function(*args, **keywords) if answer is aliased else answer

    def _shorten(self, path: Path, call: Call) -> None:
        """Make the way of this call the first to be tried."""
        if path.short is None:
            path.short = shortcut(path, call)
        if path.short is miss:
            return
        recent = self._recent[bool(call.keywords)]
        if path.short not in recent:
            self._recent[bool(call.keywords)] = [path.short, *recent[: MOST_RECENT - 1]]
        if call.keywords:
            self._named = path.short
        else:
            self._hot = path.short

    def _trace(self, variant: Variant, call: Call) -> Any:
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
            path = self._traced(call)
            answer = path.run(call.values, call.generators)
        except Exception as error:  # noqa: BLE001 (whatever it is, the function itself will tell)
            variant.traced -= 1  # where the function raises too, there was nothing to trace
            answer = self.function(*call.args, **call.keywords)
            variant.traced += 1
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
        self._shorten(path, call)
        return answer

    def _leave(self, why: str) -> None:
        """Give up compiling the function, and say so once."""
        self._left = why
        self._hot = self._named = self.function
        warnings.warn(
            f"jit: {getattr(self.function, '__name__', 'the function')} is run without being "
            f"compiled, because {why}.",
            RuntimeWarning,
            stacklevel=5,
        )


#: All compiled functions: their locks are made anew in a child process.
_alive: WeakSet[Compiled] = WeakSet()


def _forked() -> None:
    for compiled in list(_alive):
        compiled._lock = threading.RLock()  # noqa: SLF001 (its own class)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


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

    def find(self, call: Call) -> Any:
        """The answer along a path that is known, or `failed`."""
        for k, path in enumerate(self.paths):
            try:
                answer = path.run(call.values, call.generators)
            except (ArithmeticError, LookupError, ValueError):
                continue  # on the way to a check that fails, or in earnest
            if answer is not failed:
                if k:
                    paths = self.paths.copy()
                    paths.insert(0, paths.pop(k))
                    self.paths = paths
                return answer
        return failed


__all__ = ["Compiled", "jit"]
