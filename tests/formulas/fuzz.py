"""Formulas of random programs, proved as text and as source, on data of other shapes.

Run as a program with a count (and a first seed), this tries so many:

    python tests/formulas/fuzz.py 1000
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections import Counter
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.display.naming import unicode_name
from chainrule.errors import ChainruleError, FormulaMismatch
from tests.formulas.programs import SHAPES, Wide
from tests.formulas.reading import Unreadable, read

LENGTHS = ({"N": 6, "d": 5, "k": 2}, {"N": 3, "d": 4, "k": 7}, {"N": 3, "d": 3, "k": 3})


def declared(name: str) -> Any:
    return cr.array(*SHAPES[name], positive_definite=name == "P")


def data(name: str, lengths: dict[str, int], rng: np.random.Generator) -> Any:
    shape = tuple(lengths[a] for a in SHAPES[name])
    value = rng.normal(size=shape)
    if name == "P":
        return value @ value.T + np.eye(len(value))
    return value if shape else float(value)


def examine(seed: int) -> tuple[str, str]:
    """What became of one program, and words on it; WRONG if the formula is not right."""
    program = Wide(seed)
    if program.wrt is None:
        return "constant", ""
    scope: dict[str, Any] = {"np": np}
    exec(f"def f({', '.join(program.names)}):\n    return {program.source}", scope)
    derivative = getattr(cr, program.kind)(scope["f"], wrt=program.wrt)
    names = list(program.names)
    arguments = [declared(name) for name in names]
    extra = None
    if program.kind == "pullback":
        extra = program.shape
        arguments.append(cr.array(*extra))
    if program.kind == "hvp":
        extra = SHAPES[program.wrt]
        arguments.insert(names.index(program.wrt) + 1, cr.array(*extra))
    words = f"{seed} {program.kind} of {program.source} by {program.wrt}"
    try:
        formula = cr.formula(derivative)(*arguments)
    except FormulaMismatch as error:
        return "WRONG (refused)", f"{words}: {error}"
    except ChainruleError as error:
        return "refused", f"{words}: {type(error).__name__}: {str(error)[:160]}"
    readable, defined = True, False
    found = re.search(r"def [a-z]\w*\((.*)\):", formula.code("numpy"))
    assert found is not None
    names = found.group(1).split(", ")
    used = dict.fromkeys(a for argument in arguments for a in argument.axes)
    own = {**LENGTHS[0], **dict(zip(used, (7, 4, 3), strict=False))}
    for k, lengths in enumerate((own, *LENGTHS) if formula.sizes else (own,)):
        rng = np.random.default_rng([seed, k])
        values: dict[str, Any] = {}
        for name in names:
            if name in program.names:
                values[name] = data(name, lengths, rng)
            else:
                values[name] = rng.normal(size=[lengths[a] for a in extra or ()])
        given = {n: v if np.ndim(v) else float(v) for n, v in values.items()}
        with np.errstate(all="ignore"):
            expected = np.asarray(derivative(*given.values()))
            if not np.isfinite(expected).all() or vanishing(program, given):
                continue
            defined = True
            edge = 1e-8 * max(1e-3, float(np.abs(expected).max(initial=0)))
            try:
                found = np.asarray(run(formula.code("numpy"), given))
            except Exception as error:  # noqa: BLE001 - whatever it is, the source does not run
                return "WRONG source", f"{words}: {error!r}\n{formula.code('numpy')}"
            if found.shape != expected.shape or not np.all(np.abs(found - expected) <= edge):
                return "WRONG source", f"{words}\n{formula}\n{formula.code('numpy')}\n{found}\n{expected}"
            symbols = {unicode_name(n): v for n, v in given.items()}
            try:
                shown = read(formula.text, {**symbols, **lengths}, expected.shape)
            except Unreadable as error:
                readable = False
                note = f"{words}\n{formula}\n{error}"
                continue
            if np.all(np.abs(shown - expected) <= edge):
                continue
            # A text is for reading: it may cancel where the source does not. Nearer to 0 it has to
            # agree, unless its own rounding errors hide everything there too.
            small = {n: v * 0.1 if n != "P" else v for n, v in given.items()}
            expected = np.asarray(derivative(*small.values()))
            symbols = {**{unicode_name(n): v for n, v in small.items()}, **lengths}
            shown = read(formula.text, symbols, expected.shape)
            edge = 1e-7 * max(1e-3, float(np.abs(expected).max(initial=0)))
            error = np.abs(shown - expected)
            if np.all(error <= edge):
                continue
            rough = read(formula.text, symbols, expected.shape, float)
            if error.max() <= np.abs(shown - rough).max():
                return "cancels", f"{words}\n{formula}"
            return "WRONG text", f"{words}\n{formula}\n{shown}\n{expected}"
    if not defined:
        return "undefined", words
    return ("right", "") if readable else ("unreadable", note)


def vanishing(program: Wide, given: dict[str, Any]) -> bool:
    """Whether a norm in the program is exactly 0 here, as where all under it is clipped.

    The length has no derivative there, or it is 0 by the clipping; as a formula it is 0/0.
    """
    lengths = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(np.linalg, name)

        def norm(self, *args: Any, **keywords: Any) -> Any:
            lengths.append(np.linalg.norm(*args, **keywords))
            return lengths[-1]

    class Numpy:
        linalg = Watched()

        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

    own = {name: given[name] for name in program.names}
    eval(program.source, {"np": Numpy(), **own})  # noqa: S307 - our own program
    return any(np.any(length == 0) for length in lengths)


def run(source: str, given: dict[str, Any]) -> Any:
    """The source on its own."""
    scope: dict[str, Any] = {}
    exec(source, scope)
    (function,) = (v for k, v in scope.items() if callable(v) and re.match("[a-z]+_f$", k))
    return function(*given.values())


def main(count: int, first: int = 0, shown: int = 8) -> int:
    """Try so many programs, and report; how many were wrong."""
    start = time.perf_counter()
    found, samples = Counter[str](), Counter[str]()
    for seed in range(first, first + count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                outcome, words = examine(seed)
            except Exception as error:  # noqa: BLE001 - of any kind, it is a bug
                outcome, words = "WRONG (crash)", f"{seed}: {type(error).__name__}: {error}"
        found[outcome] += 1
        samples[outcome] += 1
        if words and (outcome.startswith("WRONG") or samples[outcome] <= shown):
            print(f"{outcome}: {words}", flush=True)
    seconds = time.perf_counter() - start
    print(f"{count} programs in {seconds:.0f} s: {dict(sorted(found.items()))}")
    return sum(n for outcome, n in found.items() if outcome.startswith("WRONG"))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
