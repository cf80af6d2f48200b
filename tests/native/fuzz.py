"""Random NumPy programs, run natively and held against the NumPy reference, and JAX if it is there.

    python tests/native/fuzz.py --programs 20000 --seed 0

The value, the gradient and a Hessian-vector product of each, jitted and not.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

if __name__ == "__main__":  # as a script, `tests` is not yet on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import chainrule as cr
from chainrule.trace.tree import flatten
from tests.fuzz import _directions
from tests.native.sound import checked
from tests.programs import Source, generate
from tests.templates import TEMPLATES


def agree(found: Any, expected: Any, what: str, rtol: float = 1e-9) -> None:
    """Raise unless two nested results are the same but for rounding."""
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape, f"{what}: shape {a.shape}, not {b.shape}"
        assert a.dtype == b.dtype, f"{what}: {a.dtype}, not {b.dtype}"
        scale = 1 + np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)


def check(program: Source, *, jax: bool = False) -> None:
    """Raise unless native code gives what the reference gives."""
    f, args = program.compiled(), tuple(program.arguments)
    plain = f(*args)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(plain))

    def loss(p: Any) -> Any:
        return np.sum(f(*p) * weights)

    both = cr.value_and_grad(loss)
    expected = both(args)
    fast = cr.jit(both)
    agree(fast(args), expected, "value and gradient")
    agree(fast(args), expected, "value and gradient, called again")
    tangents = _directions(args, 2)
    product = cr.hvp(loss)
    agree(cr.jit(product)(args, tangents), product(args, tangents), "Hessian-vector product", 1e-8)
    if jax:
        _against_jax(program, args, weights, expected)


def _against_jax(program: Source, args: Any, weights: Any, expected: Any) -> None:
    """The gradient against that of JAX, where JAX can run the program at all."""
    import jax
    import jax.numpy as jnp
    import jax.scipy.special as jss

    namespace: dict[str, Any] = {"np": jnp, "ss": jss, **program.constants}
    exec(compile(program.text, "<program>", "exec"), namespace)
    g = namespace["f"]
    try:
        value, gradient = jax.value_and_grad(lambda p: jnp.sum(g(*p) * weights))(args)
    except Exception:  # noqa: BLE001 - it writes in place, or has no such function
        return
    if not np.allclose(value, expected[0], rtol=1e-7, atol=1e-7):
        return  # `row *= 2` changes no array of JAX's: there it is another program
    for a, b in zip(_by_name(gradient), _by_name(expected[1]), strict=True):
        agree(np.asarray(a), np.asarray(b), "gradient by JAX", 1e-7)


def _by_name(tree: Any) -> list[Any]:
    """The leaves of nested arguments, those in a dictionary in the order of their names."""
    if isinstance(tree, dict):
        tree = [tree[k] for k in sorted(tree)]
    return [x for t in tree for x in _by_name(t)] if isinstance(tree, list | tuple) else [tree]


class _Loud(logging.Handler):
    """Where a graph could not be compiled, NumPy would stand in for it: that is a finding too."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            raise record.exc_info[1]


@contextmanager
def loud() -> Iterator[None]:
    """Have failures to compile raise."""
    log, handler = logging.getLogger("chainrule"), _Loud()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "jit: ", RuntimeWarning)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.setLevel(level)


def verdict(seed: int, jax: bool) -> tuple[str, str]:
    """``("ok", "")``, or what went wrong, with the program."""
    program = generate(Random(seed), TEMPLATES)  # noqa: S311 - not a secret
    try:
        with np.errstate(all="ignore"):
            check(program, jax=jax)
    except cr.errors.UnsupportedFunction:
        return "unsupported", ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
        return "failed", f"seed {seed}: {type(error).__name__} at {place}: {error}\n{program.script()}\n"
    return "ok", ""


def _span(span: tuple[int, int, bool]) -> tuple[Counter[str], list[str]]:
    first, last, jax = span
    if jax:
        import jax as library

        library.config.update("jax_enable_x64", True)
    with loud(), checked():
        verdicts = [verdict(seed, jax) for seed in range(first, last)]
    return Counter(kind for kind, _ in verdicts), [text for _, text in verdicts if text]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; the exit code says whether all programs passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first program")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", type=int, default=5, help="how many failing programs to print")
    parser.add_argument("--jax", action="store_true", help="compare with JAX too")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    last, step = chosen.seed + chosen.programs, 50
    spans = [(k, min(k + step, last), chosen.jax) for k in range(chosen.seed, last, step)]
    counts: Counter[str] = Counter()
    shown = 0
    with get_context("spawn").Pool(chosen.processes) as pool:
        for one, reports in pool.imap(_span, spans):
            counts += one
            for report in reports[: max(chosen.show - shown, 0)]:
                print(report, flush=True)
                shown += 1
            if counts.total() % 1000 < step:
                print(f"… {counts.total()} {dict(counts)}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    print(f"{chosen.programs} programs in {seconds:.0f} s: {dict(counts)}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
