"""Would the laws notice a mistake in a derivative rule? Make every simple mistake, and see.

    python tests/mutation.py            # all mutants, a few minutes on two cores
    python tests/mutation.py --sample 200

Every rule in ``chainrule.ops`` (the functions in ``partials=`` and ``adjoint=``, the methods
``jvp``, ``pullback`` and ``partial``, and what they call) is changed in its syntax tree, one place
at a time: a sign flipped, a factor two, a term or a conjugate dropped, operands or functions
swapped, an axis off by one. The changed code takes the place of the rule's own, and the laws run
over the rows that use it until one fails. A mutant that no law kills, yet changes a value, is a
hole in the laws.
"""

from __future__ import annotations

import argparse
import ast
import gc
import inspect
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from random import Random
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

if __name__ == "__main__":  # as a script, `tests` is not yet on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.ir.primitive import Primitive
from chainrule.ops import PRIMITIVES
from chainrule.ops.elementwise import Elementwise
from tests.laws import compositions, edges, first, higher
from tests.laws.arguments import Case, cases
from tests.laws.linear import Linear, pull, push
from tests.mutants import RULES, mutants

#: The laws that hold a derivative rule to its word, the cheapest first.
KILLERS: tuple[Callable[[Case], None], ...] = (
    first.pullback_is_the_adjoint,
    first.tangent_is_the_slope,
    first.half_precision_stays,
    first.transposing_twice_is_the_identity,
    first.rules_compute_on_arrays,
    higher.second_derivative,
    higher.third_derivative,
)

#: Rows on which a mutant is tried: what a whole kind shares need not be tried on every member.
ENOUGH = 12

#: Seconds after which a mutant counts as killed: it does not come back.
PATIENCE = 20.0


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one rule: where, and what to what."""

    module: str
    line: int
    number: int
    function: str
    change: str

    def __str__(self) -> str:
        return f"{self.module.removeprefix('chainrule.')}:{self.line} in {self.function}: {self.change}"


def modules() -> list[ModuleType]:
    """The modules that hold rules."""
    names = {type(row).__module__ for row in PRIMITIVES} | {
        f.__module__ for row in PRIMITIVES for f in _functions(row)
    }
    return [sys.modules[n] for n in sorted(names) if n.startswith("chainrule.ops.")]


def _functions(row: Primitive) -> Iterator[FunctionType]:
    for value in vars(row).values():
        for f in value if isinstance(value, tuple) else (value,):
            if isinstance(f, FunctionType):
                yield f


def all_mutants() -> list[Mutant]:
    """Every mutant of every rule, in order."""
    found = []
    for module in modules():
        tree = ast.parse(inspect.getsource(module))
        for number, (line, function, change, _) in enumerate(mutants(tree)):
            found.append(Mutant(module.__name__, line, number, function, change))
    return found


# -- putting changed code in place of a rule's own ---------------------------------------------------


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A module's code and all code within it, in the order of its constants."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _key(code: CodeType) -> tuple[Any, ...]:
    return code.co_qualname, code.co_firstlineno, tuple(code.co_positions())


def _forget() -> None:
    """Drop what rows keep of their rules' recordings: it is of other code now."""
    for row in PRIMITIVES:
        if isinstance(row, Elementwise):
            row._templates.clear()


class Patches:
    """The live functions of one module, by the code they were compiled from."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.source = inspect.getsource(module)
        self.tree = ast.parse(self.source)
        self.places = _places(compile(self.tree, str(module.__file__), "exec"))
        self.functions: dict[tuple[Any, ...], list[FunctionType]] = {}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__globals__ is vars(module):
                self.functions.setdefault(_key(thing.__code__), []).append(thing)

    @contextmanager
    def applied(self, number: int) -> Iterator[None]:
        """Mutant ``number`` in force."""
        changed = deepcopy(self.tree)
        *_, apply = next(m for k, m in enumerate(mutants(changed)) if k == number)
        apply()
        file = str(self.module.__file__)
        module = compile(ast.fix_missing_locations(changed), file, "exec")
        undo = []
        try:
            for place, new in _places(module).items():
                old = self.places.get(place)
                if old is None or _same(old, new):
                    continue
                for f in self.functions.get(_key(old), ()):
                    undo.append((f, f.__code__))
                    f.__code__ = new
            _forget()
            yield
        finally:
            for f, code in undo:
                f.__code__ = code
            _forget()


def _places(module: CodeType) -> dict[tuple[Any, ...], CodeType]:
    """The code of every function by its name, its line, and which it is of several there."""
    found: dict[tuple[Any, ...], CodeType] = {}
    for code in _codes(module):
        several = 0
        while (code.co_qualname, code.co_firstlineno, several) in found:
            several += 1
        found[code.co_qualname, code.co_firstlineno, several] = code
    return found


def _same(a: CodeType, b: CodeType) -> bool:
    """Whether two codes do the same, wherever they stand."""

    def content(code: CodeType) -> Any:
        constants = [
            content(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts
        ]
        return code.co_code, code.co_names, code.co_varnames, constants

    return bool(content(a) == content(b))


# -- judging -----------------------------------------------------------------------------------------


def _reached(rows: Sequence[Primitive]) -> dict[tuple[str, int], list[Primitive]]:
    """For each function of ``chainrule.ops``, the rows whose laws run it, the quickest row first."""
    found: dict[tuple[str, int], list[tuple[float, Primitive]]] = {}
    for row in rows:
        seen: set[tuple[str, int]] = set()

        def note(frame: Any, event: str, arg: Any, seen: set[tuple[str, int]] = seen) -> None:
            code = frame.f_code
            if "chainrule" in code.co_filename:
                seen.add((code.co_filename, code.co_firstlineno))

        started = time.perf_counter()
        sys.setprofile(note)
        try:
            compositions.compositions(row)
            for case in cases(row):
                with suppress(Exception):  # what cannot be derived is for the laws to report
                    _derive(case)
        finally:
            sys.setprofile(None)
        for place in seen:
            found.setdefault(place, []).append((time.perf_counter() - started, row))
    return {k: [row for _, row in sorted(v, key=lambda pair: pair[0])] for k, v in found.items()}


def _derive(case: Case) -> None:
    """Run every rule that the laws run, without a number computed."""
    linear = Linear(case)
    first = [n for n in push(linear) if n is not None]
    pulled = [n for n in pull(linear) if n is not None]
    second = pushforward([*first, *pulled], linear.sources, linear.seconds)
    third = [n for n in second if n is not None]
    pushforward(third, linear.sources, linear.tangents)
    pullback(third, linear.sources, third)


def judge(rows: Sequence[Primitive]) -> str | None:
    """The first law that fails, or ``None`` if all hold."""
    for law, row in product(KILLERS, rows):
        for case in cases(row):
            try:
                law(case)
            except Exception as error:  # noqa: BLE001 - any failure kills
                return f"{case}, {law.__name__}: {type(error).__name__}"
    for row in rows:
        try:
            edges.slopes_at_edges(row)
            compositions.compositions(row)
        except Exception as error:  # noqa: BLE001 - any failure kills
            return f"{row.name} at its edges: {type(error).__name__}"
    return None


def fingerprint(rows: Sequence[Primitive]) -> list[Any]:
    """The numbers that the rules give on other arguments than the laws', edges among them."""
    numbers: list[Any] = []
    for row in rows:
        for case in (*cases(row), *edges.probes(row)):
            linear = Linear(case)
            nodes = [*push(linear), *pull(linear)]
            numbers.append(np.array([n is None for n in nodes]))
            given = linear.arrays
            for scale in (1.0, 0.83):
                linear.arrays = [
                    np.asarray(a * scale if np.result_type(a).kind in "fc" else a, n.type.dtype)[()]
                    for a, n in zip(given, linear.every, strict=True)
                ]
                numbers += linear.values([n for n in nodes if n is not None])
    return numbers


def _alike(a: list[Any], b: list[Any]) -> bool:
    """Whether two fingerprints are equal up to rounding."""
    if len(a) != len(b):
        return False
    return all(
        np.shape(x) == np.shape(y)
        and np.allclose(x, y, rtol=1e-4 if np.result_type(x).itemsize < 8 else 1e-9, equal_nan=True)
        for x, y in zip(a, b, strict=True)
    )


class _TooLong(BaseException):
    """Raised by the alarm, through whatever the mutant is doing."""


class Court:
    """All that is needed to try mutants, made once in each process."""

    def __init__(self) -> None:
        self.patches = {m.__name__: Patches(m) for m in modules()}
        self.reached = _reached(PRIMITIVES)

    def rows(self, mutant: Mutant) -> list[Primitive]:
        """The rows that use the mutated function."""
        patch = self.patches[mutant.module]
        found: list[Primitive] = []
        for code in patch.places.values():
            if patch.functions.get(_key(code)) and _covers(code, mutant):
                place = (str(patch.module.__file__), code.co_firstlineno)
                found += [row for row in self.reached.get(place, ()) if row not in found]
        return found

    def verdict(self, mutant: Mutant) -> tuple[Mutant, str, str]:
        """``killed``, ``unreached``, ``equivalent`` or ``survived``, and by what."""
        rows = self.rows(mutant)
        if not rows:
            return mutant, "unreached", ""
        rows = rows[:: 1 + len(rows) // ENOUGH]
        with self.patches[mutant.module].applied(mutant.number), _alarm():
            try:
                by = judge(rows)
            except _TooLong:
                by = "does not end"
        if by is not None:
            return mutant, "killed", by
        before = fingerprint(rows)
        with self.patches[mutant.module].applied(mutant.number), _alarm():
            try:
                same = _alike(fingerprint(rows), before)
            except (Exception, _TooLong):  # noqa: BLE001 - it changes what happens, at least
                same = False
        return mutant, "equivalent" if same else "survived", ", ".join(r.name for r in rows[:4])


def _covers(code: CodeType, mutant: Mutant) -> bool:
    lines = [p[0] for p in code.co_positions() if p[0] is not None]
    return code.co_qualname.endswith(mutant.function) and code.co_firstlineno <= mutant.line <= max(
        lines, default=0
    )


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise _TooLong

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


_court: list[Court] = []


def _try(mutant: Mutant) -> tuple[Mutant, str, str]:
    if not _court:
        _court.append(Court())
    return _court[0].verdict(mutant)


def trials(chosen: Sequence[Mutant], processes: int) -> list[tuple[Mutant, str, str]]:
    """The verdict on each mutant."""
    if processes == 1:
        return [_try(m) for m in chosen]
    with get_context("spawn").Pool(processes) as pool:
        return list(pool.imap(_try, chosen, chunksize=8))


def sampled(count: int, seed: int = 0) -> list[Mutant]:
    """A fixed sample of the mutants, in order."""
    every = all_mutants()
    return every if count >= len(every) else sorted(Random(seed).sample(every, count))  # noqa: S311


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants and list those that live; the exit code says whether a value changed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=1 << 30, help="how many mutants to try")
    parser.add_argument("--only", default="", help="only mutants whose description has this in it")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    found = trials([m for m in sampled(chosen.sample) if chosen.only in str(m)], chosen.processes)
    for kind in ("equivalent", "unreached", "survived"):
        for mutant, verdict, detail in found:
            if verdict == kind:
                print(f"{kind:10} {mutant}  [{detail}]")
    counts = {
        kind: sum(v == kind for _, v, _ in found)
        for kind in ("killed", "equivalent", "unreached", "survived")
    }
    print(
        f"{len(found)} mutants of {len(RULES)} kinds of rule in {time.perf_counter() - started:.0f} s: {counts}"
    )
    return 1 if counts["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
