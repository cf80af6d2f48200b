"""What a derivative costs before a number is computed: microseconds for each recorded operation.

    python benchmarks/tracing_cost.py [--largest 100000] [--rounds 5]
    python benchmarks/tracing_cost.py --interception

*Cold*: the function was never seen; tracing, simplifying, differentiating, simplifying again,
planning and running it, each by itself. *Warm*: the same call again, which traces, finds its
program by identity and runs it. Medians of rounds, in microseconds of processor time for an
operation of the recorded program, of which there are ``operations``. Linear cost: equal rows.

``--interception``: what replacing and restoring names costs a trace, in milliseconds, with the
modules that SciPy's sub-packages load; and the nanoseconds that a replaced function adds to a call
on another thread, which does not trace.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import process_time
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.calculus.jacobian import ones
from chainrule.calculus.pullback import pullback
from chainrule.function.engine import forget
from chainrule.ir.graph import Graph, toposort
from chainrule.ops.program import Program
from chainrule.simplify.rules import RULES
from chainrule.trace.recording import tracing

COLUMNS = ("trace", "simplify", "differentiate", "simplify", "plan", "run", "cold", "warm")


def unrolled(count: int) -> tuple[Callable[..., Any], Any]:
    """A loop over a number: ``count`` operations one after another."""

    def f(x: float) -> Any:
        for _ in range(count // 3):
            x = np.sin(x) * 1.1 + x
        return x

    return f, 0.5


def vectors(count: int) -> tuple[Callable[..., Any], Any]:
    """The same on an array, with a sum, a mean and a product with a number on the way."""

    def f(x: np.ndarray) -> Any:
        for _ in range(count // 6):
            x = np.tanh(x * 0.9 + np.mean(x)) - 0.1 * x
        return np.sum(x)

    return f, np.linspace(-1.0, 1.0, 50)


def entries(count: int) -> tuple[Callable[..., Any], Any]:
    """Reads of single entries: ``x[i] * x[i + 1]``, added up."""

    def f(x: np.ndarray) -> Any:
        total = x[0]
        for i in range(count // 3):
            total = total + x[i] * x[i + 1]
        return total

    return f, np.linspace(-1.0, 1.0, count // 3 + 1)


def stages(f: Callable[..., Any], x: Any) -> tuple[int, list[float]]:
    """The operations recorded, and the seconds of each stage of a cold call."""
    ticks = [process_time()]

    def tick() -> None:
        ticks.append(process_time())

    with tracing() as trace:
        source = trace.input(x)
        output = f(source).node
        tick()
        simplify = RULES.simplifier()
        (primal,) = simplify([output])
        tick()
        pulled = pullback([primal], [source.node], [ones(primal.type)])
        tick()
        gradient = simplify([g for g in pulled if g is not None])
        tick()
        program = Program(Graph((source.node,), tuple(gradient)))
        tick()
        program([x])
        tick()
    return len(toposort([output])), [b - a for a, b in pairwise(ticks)]


def measure(make: Callable[[int], tuple[Callable[..., Any], Any]], count: int, rounds: int) -> str:
    """One row of the table."""
    f, x = make(count)
    g = cr.grad(f)
    rows = []
    operations = 1
    for _ in range(rounds):
        forget()
        operations, seconds = stages(f, x)
        forget()
        start = process_time()
        g(x)
        middle = process_time()
        g(x)
        rows.append([*seconds, middle - start, process_time() - middle])
    figures = [median(column) / operations * 1e6 for column in zip(*rows, strict=True)]
    return f"{make.__name__:10} {operations:10,} " + " ".join(f"{x:13.1f}" for x in figures)


def interception_cost(rounds: int) -> str:
    """What a trace costs by itself, the first time and later."""
    import sys
    import threading
    from timeit import timeit

    import scipy.integrate
    import scipy.optimize
    import scipy.stats
    from chainrule.trace.interception import _Interception, intercept

    def empty() -> None:
        with tracing():
            pass

    def later() -> float:
        return timeit(empty, timer=process_time, number=50) / 50 * 1e3

    fresh = _Interception()
    start = process_time()
    fresh.open()
    fresh.close()
    first = (process_time() - start) * 1e3
    empty()
    on = median(later() for _ in range(10 * rounds))
    with intercept(False):
        off = median(later() for _ in range(10 * rounds))
    plain = timeit(lambda: np.zeros(3), number=100_000)
    added: list[float] = []
    with tracing():
        other = threading.Thread(
            target=lambda: added.append(timeit(lambda: np.zeros(3), number=100_000) - plain)
        )
        other.start()
        other.join()
    return (
        f"{len(sys.modules)} modules (SciPy {scipy.__version__}): first trace {first:.2f} ms, later ones "
        f"{on:.3f} ms (without interception {off:.3f} ms); a call elsewhere {added[0] * 1e4:+.0f} ns"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interception", action="store_true", help="what replacing names costs")
    options = parser.parse_args()
    if options.interception:
        print(interception_cost(options.rounds))
        return
    print(f"{'program':10} {'operations':>10} " + " ".join(f"{c:>13}" for c in COLUMNS))
    for make in (unrolled, vectors, entries):
        count = 1000
        while count <= options.largest:
            print(measure(make, count, options.rounds), flush=True)
            count *= 10


if __name__ == "__main__":
    main()
