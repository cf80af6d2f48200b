"""Interleaved medians: one process for each tool, one round of each after the other.

A process of its own keeps the tools out of each other's way: one that crashes, hangs, starts
threads or changes how floating point works spoils its own cells only. The parent asks them in
turn, so a machine that slows down slows all of them down.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from itertools import repeat
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import numpy as np
from peers import TOOLS, Call, Unsupported, flat
from workloads import WORKLOADS, Workload, point

#: One thread, in every tool: NumPy's and SciPy's BLAS, torch, XLA. Nothing comes from a cache.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_COMPILATION_CACHE": "false",
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
    "CHAINRULE_CACHE": "0",
}

#: Seconds of one round of one tool, of all its rounds together, and until it is given up.
ROUND, BUDGET, PATIENCE = 0.01, 3.0, 300.0

#: What a tool loads and starts on first use is not charged to the first row.
WARM_UP = Workload("warm-up", "toy", "gradient", point(0.1, 0.2, 0.3))

#: The largest difference from the truth, by ADBench's measure.
TOLERANCE = {"differences": 1e-4}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """ADBench's measure: the largest of |a - b| / max(1, |a| + |b|)."""
    if a.shape != b.shape:
        return float("inf")
    return float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(a) + np.abs(b)), initial=0.0))


class Stopwatch:
    """Repeats a call as often as fills a round."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.count = 1

    def seconds(self, count: int) -> float:
        if self.call.repeat is not None:
            return self.call.repeat(count)
        run = self.call.run
        start = time.perf_counter()
        for _ in repeat(None, count):
            run()
        return time.perf_counter() - start

    def settle(self, last: float) -> None:
        """Call it until that takes as long as before: some tools compile anew in a second call."""
        for _ in range(4):
            last, before = self.seconds(1), last
            if last > before / 2:
                return

    def round(self, least: float) -> float:
        """Seconds of one call."""
        while True:
            elapsed = self.seconds(self.count)
            if elapsed >= least / 2:
                return elapsed / self.count
            grow = 0.75 * least / elapsed if elapsed else 100.0
            self.count = max(self.count + 1, int(self.count * min(grow, 100.0)))


def serve(tool: str, parent: Connection, cpu: int | None) -> None:
    """One tool's process: does what the parent asks until it hangs up."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})  # no pool can have a second thread at work
    os.environ.update(TOOLS[tool].environment)
    warnings.simplefilter("ignore")
    try:
        make = TOOLS[tool].builder()
    except Exception as error:
        parent.send((None, f"{type(error).__name__}: {error}"))
        return
    with suppress(Exception):
        warm_up = make(WARM_UP, WARM_UP.args())
        warm_up.run()
    parent.send(("ready", None))
    watch: Stopwatch | None = None
    while True:
        try:
            what, about = parent.recv()
        except EOFError:
            return
        try:
            if what == "prepare":
                watch = call = args = result = None  # the memory of the row before
                gc.collect()
                workload = WORKLOADS[about]
                args = workload.args()
                start = time.perf_counter()
                call = make(workload, args)
                result = call.run()
                first = time.perf_counter() - start
                value = flat(call.read(result))
                watch = Stopwatch(call)
                watch.settle(first)
                parent.send(((value, first), None))
            else:
                assert watch is not None
                parent.send((watch.round(about), None))
        except Unsupported as error:
            parent.send((None, f"— {error}"))
        except Exception as error:
            line = (str(error).splitlines() or [""])[0]
            parent.send((None, f"raises {type(error).__name__}: {line[:200]}"))


class Worker:
    """The parent's end of a tool's process; started anew after it was given up."""

    def __init__(self, tool: str, cpu: int | None, patience: float = PATIENCE) -> None:
        self.tool, self.cpu, self.patience = tool, cpu, patience
        self.missing = self.start()

    def start(self) -> str | None:
        """Why there is no such tool, or ``None``."""
        spawn = multiprocessing.get_context("spawn")
        self.connection, other = spawn.Pipe()
        arguments = (self.tool, other, self.cpu)
        self.process = spawn.Process(target=serve, args=arguments, daemon=False)
        self.process.start()
        other.close()
        return self.receive()[1]

    def receive(self) -> tuple[Any, str | None]:
        try:
            if self.connection.poll(self.patience):
                answer: tuple[Any, str | None] = self.connection.recv()
                return answer
            problem = f"> {self.patience:g} s"
        except (EOFError, ConnectionError):
            problem = "crashes"
        self.stop()
        return None, problem

    def ask(self, what: str, about: Any) -> tuple[Any, str | None]:
        """The answer, or what the cell says instead."""
        if not self.process.is_alive():
            problem = self.start()
            if problem is not None:
                return None, problem
        try:
            self.connection.send((what, about))
        except (BrokenPipeError, ConnectionError):
            return None, "crashes"
        return self.receive()

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def truth(w: Workload, args: tuple[Any, ...], tool: str) -> np.ndarray:
    """What the tool must answer: a derivative by hand, or the objective in NumPy."""
    if tool == "objective":
        return flat(w.function(np)(*w.primal_args(args)))
    by_hand = TOOLS["numpy"].builder()(w, args)
    return flat(by_hand.run())


def measure(w: Workload, workers: Iterable[Worker], rounds: int) -> dict[str, dict[str, Any]]:
    """The cells of one row: seconds, those of the first call, or why there are none."""
    args = w.args()
    truths: dict[bool, np.ndarray] = {}
    cells: dict[str, dict[str, Any]] = {}
    ready: list[Worker] = []
    for worker in workers:
        tool = worker.tool
        answer, problem = worker.ask("prepare", WORKLOADS.index(w))
        if problem is not None:
            cells[tool] = {"problem": problem}
            continue
        value, first = answer
        if (tool == "objective") not in truths:
            truths[tool == "objective"] = truth(w, args, tool)
        error = difference(value, truths[tool == "objective"])
        cells[tool] = {"first": first, "error": error}
        if not error <= TOLERANCE.get(tool, 1e-8):
            cells[tool]["problem"] = "WRONG"
            continue
        ready.append(worker)
    times: dict[str, list[float]] = {worker.tool: [] for worker in ready}
    spent = dict.fromkeys(times, 0.0)
    for _ in range(rounds):
        for worker in list(ready):
            tool = worker.tool
            if times[tool] and spent[tool] + max(times[tool]) > BUDGET:
                continue
            start = time.perf_counter()
            seconds, problem = worker.ask("round", ROUND)
            spent[tool] += time.perf_counter() - start
            if problem is None:
                times[tool].append(seconds)
            else:
                cells[tool]["problem"] = problem
                ready.remove(worker)
    for tool, found in times.items():
        if found and "problem" not in cells[tool]:
            spread = [min(found), max(found)]
            cells[tool] |= {"seconds": median(found), "spread": spread, "rounds": len(found)}
    return cells
