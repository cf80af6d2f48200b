"""One table: derivatives of the same functions in every tool that is installed.

    python benchmarks/run.py [--only REGEX] [--tools a,b] [--rounds N] [--markdown]

Each tool has a process of its own, pinned to the same core with one thread; the rounds of the
tools alternate, and a figure is the median of the rounds. Each result is compared with a
derivative by hand before it is timed. The first call, with what is compiled for it, is timed by
itself. Inputs and results are native to the tool and stay where they are. The figures are kept in
``results.json`` beside this file; ``--report`` prints them again.
"""

from __future__ import annotations

import os

from measure import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import argparse
import json
import platform
import re
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import table
from measure import PATIENCE, Worker, measure
from peers import TOOLS
from peers.c import compiler
from workloads import WORKLOADS, Workload

HERE = Path(__file__).parent


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(": ")[1] for x in lines if x.startswith("model name")), platform.machine())


def machine() -> dict[str, str]:
    """Where and with what the figures were measured."""
    found = {"date": time.strftime("%Y-%m-%d %H:%M"), "processor": processor()}
    for package in [
        "chainrule",
        "numpy",
        "scipy",
        "llvmlite",
        *sorted({t.package for t in TOOLS.values()}),
    ]:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def start(names: list[str], cpu: int | None, patience: float) -> list[Worker]:
    """A process for each tool that there is; the others are named."""
    workers = []
    for name in names:
        tool = TOOLS[name]
        problem = None if tool.installed else f"{tool.package} is not installed"
        if tool.module == "c" and compiler() is None:
            problem = "there is no C compiler"
        if problem is None:
            worker = Worker(name, cpu, patience)
            problem = worker.missing
            if problem is None:
                workers.append(worker)
            else:
                worker.stop()
        if problem is not None:
            print(f"no column {tool.heading}: {problem}", file=sys.stderr)
    return workers


def chosen(options: argparse.Namespace) -> list[Workload]:
    """The rows that are asked for."""
    return [
        w for w in WORKLOADS if re.search(options.only, w.name) and options.group in {"", w.group}
    ]


def report(results: dict[str, Any], options: argparse.Namespace) -> None:
    """The tables of what was measured."""
    rows = {w.name: results["rows"][w.name] for w in chosen(options) if w.name in results["rows"]}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()))
    if options.readme:
        print(table.readme(rows).markdown())
        return
    for made in (table.run_times(rows), table.first_calls(rows), table.goals(rows)):
        if options.markdown:
            print(f"\n{made.title}\n\n{made.markdown()}")
        else:
            made.show()


def parsed() -> argparse.Namespace:
    tools = "".join(
        f"\n  {n:13} {t.about}{'' if t.usual else ' (if asked for)'}" for n, t in TOOLS.items()
    )
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=f"tools:{tools}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="workloads whose name matches")
    parser.add_argument(
        "--group",
        default="",
        choices=["", "goals", "more"],
        help="goals, or more: further ones; both if not given",
    )
    parser.add_argument("--tools", default="", metavar="A,B", help="these; +A,B: these also")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds until a tool is given up"
    )
    parser.add_argument(
        "--cpu", type=int, help="the core to run on (-1: any); the last one if not given"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--readme", action="store_true", help="print the README's table")
    parser.add_argument("--report", action="store_true", help="print what was measured before")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    usual = [name for name, tool in TOOLS.items() if tool.usual]
    asked = options.tools.lstrip("+").split(",") if options.tools else []
    if unknown := [name for name in asked if name not in TOOLS]:
        parser.error(f"no such tool: {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    more = options.tools.startswith("+") or not asked
    options.tools = [name for name in TOOLS if name in asked or (more and name in usual)]
    return options


def main() -> None:
    """Measure, keep, print."""
    options = parsed()
    results: dict[str, Any] = {"machine": machine(), "rows": {}}
    if options.output.exists():
        kept = json.loads(options.output.read_text())
        results = kept if options.report else results | {"rows": kept["rows"]}
    if not options.report:
        cpu = options.cpu
        if cpu is None and hasattr(os, "sched_getaffinity"):
            cpu = max(os.sched_getaffinity(0))
        workers = start(options.tools, None if cpu == -1 else cpu, options.patience)
        for w in chosen(options):
            begin = time.perf_counter()
            cells = results["rows"][w.name] = measure(w, workers, options.rounds)
            for tool, cell in cells.items():
                if "problem" in cell and not cell["problem"].startswith("—"):
                    print(f"  {tool}: {cell['problem']}", file=sys.stderr)
            print(f"{w.name}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
            options.output.write_text(json.dumps(results, indent=1) + "\n")
        for worker in workers:
            worker.stop()
    report(results, options)


if __name__ == "__main__":
    main()
