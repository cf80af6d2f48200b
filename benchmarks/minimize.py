"""The time to a minimum: how long each solver takes until the largest slope is at most 1e-8.

    python benchmarks/minimize.py [--only REGEX] [--solvers REGEX] [--rounds N] [--markdown]

Each solver has a process of its own, pinned to the same core with one thread; the rounds of the
solvers alternate, and a figure is the median of the rounds. A solver is told the loosest tolerance
with which it gets there; whether it does is judged by a gradient by hand. All functions are compiled
before: the first solve, with what is compiled for it, is timed by itself. The figures are kept in
``minimize.json`` beside this file; ``--report`` prints them again.
"""

from __future__ import annotations

import os

from measure import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import argparse
import json
import multiprocessing
import re
import sys
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import solvers
from minima import PROBLEMS
from table import Table, shown

HERE = Path(__file__).parent
#: The largest slope that counts as there, and seconds until a solver is given up.
THERE, PATIENCE = 1e-8, 120.0
#: Seconds of all rounds of a solver together, about.
BUDGET = 10.0


def serve(solver: str, connection: Any, cpu: int | None) -> None:
    """One solver's process: prepares problems and runs them until the parent hangs up."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    warnings.simplefilter("ignore")
    build, _, method = solvers.SOLVERS[solver]
    run: Any = None
    while True:
        try:
            what, k = connection.recv()
        except EOFError:
            return
        try:
            if what == "prepare":
                run, answer = prepare(build, PROBLEMS[k], method)
                connection.send((answer, None))
            else:
                start = time.perf_counter()
                run()
                connection.send((time.perf_counter() - start, None))
        except solvers.NotForThis as error:
            connection.send((None, f"— {error}"))
        except Exception as error:
            connection.send((None, f"{type(error).__name__}: {str(error).splitlines()[:1]}"))


def prepare(build: Any, problem: Any, method: str) -> tuple[Any, dict[str, Any]]:
    """The call with the loosest tolerance that gets there, else the closest; and what it reached."""
    start = time.perf_counter()
    make = build(problem, method)
    first, best = None, (np.inf, None, None)
    for tol in solvers.TOLERANCES:
        run = make(tol)
        x = np.asarray(run())
        first = first or time.perf_counter() - start
        slope = float(np.abs(problem.slope(x, *problem.data())).max())
        if slope < best[0]:
            best = (slope, run, float(problem.function(np)(x, *problem.data())))
        if slope <= THERE or time.perf_counter() - start > PATIENCE / 3:
            break
    slope, run, value = best
    last = np.inf
    for _ in range(4):  # some compile anew, or only now
        begin = time.perf_counter()
        run()
        last, before = time.perf_counter() - begin, last
        if last > before / 2 or last > 1.0:
            break
    return run, {"first": first, "slope": slope, "value": value}


class Worker:
    """The parent's end of a solver's process."""

    def __init__(self, solver: str, cpu: int | None) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.solver = solver
        self.connection, other = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(solver, other, cpu), daemon=True)
        self.process.start()
        other.close()

    def ask(self, what: str, k: int) -> tuple[Any, str | None]:
        try:
            self.connection.send((what, k))
            if self.connection.poll(PATIENCE):
                answer: tuple[Any, str | None] = self.connection.recv()
                return answer
            problem = f"> {PATIENCE:g} s"
        except (EOFError, ConnectionError, BrokenPipeError):
            problem = "crashes"
        self.stop()
        return None, problem

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def measure(k: int, workers: list[Worker], rounds: int) -> dict[str, dict[str, Any]]:
    """The cells of one problem."""
    cells: dict[str, dict[str, Any]] = {}
    ready = []
    for worker in workers:
        if not worker.process.is_alive():
            cells[worker.solver] = {"problem": "crashed before"}
            continue
        answer, problem = worker.ask("prepare", k)
        cells[worker.solver] = {"problem": problem} if problem else answer
        if problem is None:
            ready.append(worker)
    times: dict[str, list[float]] = {w.solver: [] for w in ready}
    for _ in range(rounds):
        for worker in list(ready):
            if sum(times[worker.solver]) > BUDGET:
                continue
            seconds, problem = worker.ask("round", k)
            if problem is None:
                times[worker.solver].append(seconds)
            else:
                cells[worker.solver]["problem"] = problem
                ready.remove(worker)
    for solver, found in times.items():
        if found:
            cells[solver] |= {"seconds": median(found), "spread": [min(found), max(found)]}
    return cells


def tables(rows: dict[str, Any]) -> list[Table]:
    """A table for each problem, the fastest that gets there first."""
    made = []
    for name, cells in rows.items():
        own = cells.get("chainrule", {}).get("seconds")

        def order(item: tuple[str, dict[str, Any]]) -> tuple[bool, float]:
            cell = item[1]
            return cell.get("slope", np.inf) > THERE, cell.get("seconds", np.inf)

        lines = []
        for solver, cell in sorted(cells.items(), key=order):
            if cell.get("problem"):
                lines.append([solver, cell["problem"].split(":")[0], "", "", "", ""])
                continue
            there = cell["slope"] <= THERE
            ratio = f"{cell['seconds'] / own:.2g}×" if own else ""
            lines.append(
                [solver, shown(cell["seconds"]), ratio, f"{cell['slope']:.0e}{'' if there else ' !'}",
                 f"{cell['value']:.10g}", shown(cell["first"])]
            )  # fmt: skip
        headings = ["", "time", "÷ chainrule", "largest slope", "value", "first solve"]
        made.append(Table(f"{name}; ! does not get to {THERE:g}", headings, lines))
    return made


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="problems whose name matches")
    parser.add_argument("--solvers", default="", metavar="REGEX", help="solvers whose name matches")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", type=int, help="the core to run on (-1: any); the last if not given")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--report", action="store_true", help="print what was measured before")
    parser.add_argument("--output", type=Path, default=HERE / "minimize.json")
    return parser.parse_args()


def main() -> None:
    """Measure, keep, print."""
    options = parsed()
    rows: dict[str, Any] = json.loads(options.output.read_text()) if options.output.exists() else {}
    wanted = [k for k, p in enumerate(PROBLEMS) if re.search(options.only, p.name)]
    if not options.report:
        cpu = options.cpu
        if cpu is None and hasattr(os, "sched_getaffinity"):
            cpu = max(os.sched_getaffinity(0))
        workers = []
        for name in solvers.SOLVERS:
            if not re.search(options.solvers, name):
                continue
            lacks = solvers.missing(name)
            if lacks:
                print(f"no row {name}: {lacks} is not installed", file=sys.stderr)
            else:
                workers.append(Worker(name, None if cpu == -1 else cpu))
        for k in wanted:
            rows[PROBLEMS[k].name] = measure(k, workers, options.rounds)
            options.output.write_text(json.dumps(rows, indent=1) + "\n")
            print(PROBLEMS[k].name, file=sys.stderr, flush=True)
        for worker in workers:
            worker.stop()
    for made in tables({PROBLEMS[k].name: rows[PROBLEMS[k].name] for k in wanted}):
        if options.markdown:
            print(f"\n{made.title}\n\n{made.markdown()}")
        else:
            made.show()


if __name__ == "__main__":
    main()
