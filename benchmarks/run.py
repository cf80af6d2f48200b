"""One table: every workload in every tool that is installed, as ratios to chainrule.

    python benchmarks/run.py [--only TEXT] [--rounds 15]

One process, one thread, rounds interleaved over the tools, medians; each tool's result is compared
with chainrule's before it is timed (differences to 1e-4, the others to 1e-8). Compilation is not
counted. A ratio above 1 says how many times chainrule's time the tool takes.
"""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from tools import Call, present
from workloads import WORKLOADS, Workload


def seconds(call: Call, least: float = 0.005) -> float:
    """Time of one call, from as many as fill ``least`` seconds."""
    count = 0
    start = perf_counter()
    while True:
        call()
        count += 1
        elapsed = perf_counter() - start
        if elapsed > least:
            return elapsed / count


def measure(w: Workload, rounds: int) -> dict[str, float | str]:
    """Median seconds of each tool, or why there is none."""
    calls: dict[str, Call] = {}
    answers: dict[str, float | str] = {}
    truth: Any = None
    for name, make in present().items():
        try:
            call = make(w)
            if call is None:
                answers[name] = "—"
                continue
            value = np.asarray(call())
        except Exception as error:
            answers[name] = f"raises {type(error).__name__}"
            continue
        if truth is None:
            truth = value
        tolerance = 1e-4 if name == "SciPy differences" else 1e-8
        if np.max(np.abs(value - truth)) > tolerance * max(1.0, np.max(np.abs(truth))):
            answers[name] = "WRONG"
            continue
        calls[name] = call
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(seconds(call))
    return answers | {name: median(t) for name, t in times.items()}


def shown(s: float) -> str:
    """Seconds in a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if s * scale >= 1:
            return f"{s * scale:.3g} {unit}"
    return f"{s * 1e9:.3g} ns"


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    names = list(present())
    print(f"| workload | derivative | {' | '.join(names)} |")
    print("|---|---|" + "---|" * len(names))
    for w in WORKLOADS:
        if options.only not in f"{w.name} {w.kind}":
            continue
        found = measure(w, options.rounds)
        base = found["chainrule"]
        cells = []
        for name in names:
            value = found[name]
            if isinstance(value, str):
                cells.append(value)
            elif name == "chainrule":
                cells.append(shown(value))
            else:
                assert isinstance(base, float)
                cells.append(f"{value / base:.2g}×")
        print(f"| {w.name} | {w.kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
