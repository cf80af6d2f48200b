"""How long the longest call takes while its program is compiled in the background.

    python benchmarks/delays.py [--seconds 3] [--processes 5]

``grad(f)`` is called again and again, in processes of its own: with the compiler in the background,
and without. A row says for each the median call, the longest after the first, and by how much the
longest is longer where there is a compiler: what a call is delayed by it, together with whatever
else the machine does in the meantime. All in milliseconds, medians of the processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import median
from time import perf_counter
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.function.tiers import tiers

PROGRAMS = ("logistic", "network", "loop")


def program(name: str) -> tuple[Any, tuple[Any, ...]]:
    """A gradient and its arguments."""
    rng = np.random.default_rng(0)
    if name == "logistic":

        def logistic(w: Any, X: Any, y: Any) -> Any:
            return np.mean(np.logaddexp(0, -y * (X @ w)))

        X = rng.normal(size=(1000, 50))
        return cr.grad(logistic), (np.zeros(50), X, np.sign(X[:, 0]))
    if name == "network":

        def network(p: Any, X: Any, y: Any) -> Any:
            return np.mean((np.tanh(X @ p[0] + p[1]) @ p[2] - y) ** 2)

        p = [rng.normal(size=(20, 32)), np.zeros(32), rng.normal(size=(32, 1))]
        return cr.grad(network), (p, rng.normal(size=(64, 20)), rng.normal(size=(64, 1)))

    def loop(x: Any) -> Any:
        for k in range(100):
            x = np.sin(x) + 0.1 * x * np.cos(k * x)
        return np.sum(x)

    return cr.grad(loop), (rng.normal(size=100),)


def calls(name: str, seconds: float, compiling: bool) -> list[float]:
    """How long each call but the first takes."""
    slope, args = program(name)
    times = []
    with tiers(compiling):
        slope(*args)
        end = perf_counter() + seconds
        while (start := perf_counter()) < end:
            slope(*args)
            times.append(perf_counter() - start)
    return times


def measured(name: str, seconds: float, compiling: bool) -> tuple[float, float]:
    """The median and the longest call of a process, in milliseconds."""
    command = [sys.executable, __file__, "--one", name, str(seconds), str(int(compiling))]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    middle, longest = json.loads(run.stdout)
    return middle, longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        times = calls(options.one[0], float(options.one[1]), options.one[2] == "1")
        print(json.dumps([1e3 * median(times), 1e3 * max(times)]))
        return
    print(f"{'ms':10}{'never compiled':>24}{'in the background':>24}{'delay':>8}")
    print(f"{'':10}{'median':>12}{'longest':>12}{'median':>12}{'longest':>12}")
    for name in PROGRAMS:
        pairs = [
            [measured(name, options.seconds, compiling) for compiling in (False, True)]
            for _ in range(options.processes)
        ]
        row = [median(pair[k][j] for pair in pairs) for k in (0, 1) for j in (0, 1)]
        cells = "".join(f"{x:12.3f}" for x in row)
        print(f"{name:10}{cells}{row[3] - row[1]:8.2f}")


if __name__ == "__main__":
    main()
