"""Random NumPy programs, differentiated every way and held against differences and each other.

    python tests/fuzz.py --programs 100000 --seed 0

A failing program is printed as source that runs by itself.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

if __name__ == "__main__":  # as a script, `tests` is not yet on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import chainrule as cr
from chainrule.trace.tree import flatten
from tests.laws.truth import slopes
from tests.programs import Source, generate
from tests.templates_state import EVERY


class NoTruth(Exception):
    """The program sits on a kink, or is too wild for differences: it says nothing."""


def _inner(a: Any, b: Any) -> float:
    pairs = zip(flatten(a)[0], flatten(b)[0], strict=True)
    return float(sum(np.sum(np.real(x) * np.real(y)) for x, y in pairs))


def _directions(like: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    leaves, structure = flatten(like)
    drawn = [rng.uniform(-1, 1, np.shape(leaf)) for leaf in leaves]
    return structure.unflatten([t if t.ndim else float(t) for t in drawn])


def _moved(args: Any, tangents: Any, s: Any) -> Any:
    leaves, structure = flatten(args)
    return structure.unflatten(
        [a + s * t for a, t in zip(leaves, flatten(tangents)[0], strict=True)]
    )


def _agree(found: Any, expected: Any, error: Any, what: str, rtol: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    scale = 1 + np.max(np.abs(expected), initial=0.0)
    if np.any(error > 1e-4 * scale):
        raise NoTruth(what)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    gap = np.abs(found - expected)
    assert np.all(gap <= 20 * error + rtol * scale), (
        f"{what}: found {found}, expected {expected} ± {error}"
    )


def check(program: Source, *, second: bool = True, batched: bool = True) -> None:
    """Raise unless every derivative of the program is right."""
    f, args = program.compiled(), tuple(program.arguments)
    plain = f(*args)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(plain))

    def loss(p: Any) -> Any:
        return np.sum(f(*p) * weights)

    value, gradient = cr.value_and_grad(loss)(args)
    np.testing.assert_allclose(
        value, np.sum(plain * weights), rtol=1e-11, atol=1e-11, err_msg="value"
    )
    assert np.result_type(value) == np.float64
    tangents = _directions(args, 2)
    out, tangent = cr.jvp(f, args, tangents)
    np.testing.assert_allclose(out, plain, rtol=1e-11, atol=1e-11, err_msg="value by jvp")

    # The slope, by two independent truths.
    if program.analytic:
        h = 1e-30
        exact = np.imag(f(*_moved(args, tangents, 1j * h))) / h
        _agree(tangent, exact, 0.0, "jvp against complex step", 1e-10)
        slope = float(np.sum(exact * weights))
        _agree(_inner(gradient, tangents), slope, 0.0, "gradient against complex step", 1e-10)
    else:
        ((slope, error),) = slopes(lambda s: [f(*_moved(args, tangents, s))], 4e-3, 6)
        _agree(tangent, slope, error, "jvp against differences", 1e-7)
    # ⟨Jt, c⟩ = ⟨t, Jᵀc⟩
    cotangent = _directions(plain, 3)
    _, pull = cr.vjp(f, *args)
    left, right = np.sum(tangent * cotangent), _inner(pull(cotangent), tangents)
    assert abs(left - right) <= 1e-9 * (1 + abs(left)), f"⟨Jt, c⟩ = {left}, ⟨t, Jᵀc⟩ = {right}"
    left, right = np.sum(tangent * weights), _inner(gradient, tangents)
    assert abs(left - right) <= 1e-9 * (1 + abs(left)), f"jvp {left}, gradient {right}"
    for leaf, like in zip(flatten(gradient)[0], flatten(args)[0], strict=True):
        assert np.shape(leaf) == np.shape(like)
        assert np.result_type(leaf) == np.float64
    if second:
        _second_order(loss, args, tangents)
    if batched:
        _batched(f, args, plain)


def _second_order(loss: Callable[..., Any], args: Any, tangents: Any) -> None:
    gradient = cr.grad(loss)
    others = _directions(args, 5)
    found = cr.hvp(loss)(args, tangents)
    truth = slopes(lambda s: flatten(gradient(_moved(args, tangents, s)))[0], 4e-3, 4)
    for leaf, (value, error) in zip(flatten(found)[0], truth, strict=True):
        _agree(leaf, value, error, "hvp against differences of the gradient", 1e-6)
    left, right = _inner(found, others), _inner(cr.hvp(loss)(args, others), tangents)
    assert abs(left - right) <= 1e-8 * (1 + abs(left)), f"⟨Hv, t⟩ = {left}, ⟨v, Ht⟩ = {right}"


def _batched(f: Callable[..., Any], args: Any, plain: Any) -> None:
    leaves, structure = flatten(args)
    examples = [
        structure.unflatten([leaf * s if np.ndim(leaf) else float(leaf * s) for leaf in leaves])
        for s in (1.0, 1.02, 0.97)
    ]
    try:
        expected = [f(*e) for e in examples]
    except ValueError:
        return  # of another example a mask kept nothing, of which there is no maximum
    if len({np.shape(e) for e in expected}) > 1:
        return  # a mask kept more elements of one example than of another
    stacked = structure.unflatten(
        [np.stack([np.asarray(leaf) * s for s in (1.0, 1.02, 0.97)]) for leaf in leaves]
    )
    found = cr.vmap(f)(*stacked)
    np.testing.assert_allclose(
        found, np.stack(expected), rtol=1e-9, atol=1e-9, err_msg="vmap against a loop"
    )


def verdict(seed: int, program: Source) -> tuple[str, str]:
    """``("ok", "")``, or what went wrong: a kind, and a report with the program."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Mean of empty slice")  # of another example
            check(program)
    except NoTruth:
        return "no truth", ""
    except cr.errors.UnsupportedFunction as error:
        return "unsupported", str(error).splitlines()[0]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
        head = f"seed {seed}: {type(error).__name__} at {place}: {error}"
        return "failed", f"{head}\n{program.script()}\n"
    return "ok", ""


def _span(span: tuple[int, int]) -> tuple[Counter[str], Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    unsupported: Counter[str] = Counter()
    reports: list[str] = []
    for seed in range(*span):
        kind, report = verdict(seed, generate(Random(seed), EVERY))  # noqa: S311 - not a secret
        counts[kind] += 1
        if kind == "failed":
            reports.append(report)
        elif kind == "unsupported":
            unsupported[report] += 1
    return counts, unsupported, reports


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzz and report; the exit code says whether all programs passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first program")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", type=int, default=5, help="how many failing programs to print")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    last, step = chosen.seed + chosen.programs, 200
    spans = [(k, min(k + step, last)) for k in range(chosen.seed, last, step)]
    counts: Counter[str] = Counter()
    unsupported: Counter[str] = Counter()
    reports: list[str] = []
    with get_context("spawn").Pool(chosen.processes) as pool:
        for one, other, found in pool.imap(_span, spans):
            counts += one
            unsupported += other
            for report in found[: max(chosen.show - len(reports), 0)]:
                print(report, flush=True)
            reports += found
            done = counts.total()
            if done % 2000 < step:
                print(f"… {done} {dict(counts)}", file=sys.stderr, flush=True)
    for reason, count in unsupported.most_common():
        print(f"{count:6} {reason}")
    seconds = time.perf_counter() - started
    print(f"{chosen.programs} programs in {seconds:.0f} s: {dict(counts)}")
    return 1 if counts["failed"] or counts["unsupported"] else 0


if __name__ == "__main__":
    sys.exit(main())
