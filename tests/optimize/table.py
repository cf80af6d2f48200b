"""Writes ``docs/problems.md``: which method solves which problem.

    python tests/optimize/table.py

takes about a minute. In the tables of Moré, Garbow & Hillstrom's problems a cell is the number of
evaluations; in NIST's it is the number of digits of the parameters that are the certified ones.
"""

import sys
import warnings
from pathlib import Path

import chainrule as cr
import numpy as np
import scipy.optimize

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from tests.optimize.mgh import PROBLEMS  # noqa: E402
from tests.optimize.nist import MODELS, digits, load  # noqa: E402

METHODS = ["newton", "least-squares", "trust-exact", "trust-ncg", "Newton-CG", "BFGS", "L-BFGS-B", "CG"]
PAGE = ROOT / "docs" / "problems.md"

INTRODUCTION = """# Which method solves which problem

Made by `python tests/optimize/table.py`.

## Moré, Garbow and Hillstrom's problems

The 35 problems of *Testing Unconstrained Optimization Software* (1981), each from its standard start. A
cell is the number of evaluations of the function until the search ended within 1e-6 of a published
minimum; *local* marks one that is known to be local, — a search that ended elsewhere or gave up. In the
first column `minimize` chooses; `least_squares` is given the residuals. SciPy's methods run with exact
derivatives and `tol=1e-10`.

"""
NIST = """
## NIST's regressions

The 27 non-linear regressions of NIST's *Statistical Reference Datasets*: how many digits of the worst
parameter agree with the certified ones, from NIST's first start and its second. Our defaults, and
SciPy's `least_squares` with its defaults, with its own differences and with tolerances of 1e-14.

"""


def outcome(p, found, count):
    """A cell: how many evaluations, and whether it is a published minimum."""
    values = [k for k, known in enumerate(p.minima) if abs(found - known) <= 1e-6 * (abs(known) or 1.0)]
    if not values:
        return "—"
    return f"{count}" if values[0] == 0 else f"{count} local"


def unconstrained():
    """A row for each problem."""
    headings = ["problem", "unknowns", "`minimize`", "chosen", *METHODS, "`least_squares`"]
    lines = [headings, ["---"] * len(headings)]
    solved = dict.fromkeys(["auto", *METHODS, "residuals"], 0)
    for name, p in PROBLEMS.items():
        auto = cr.minimize(p.value, p.start)
        cells = [outcome(p, auto.fun, auto.nfev)]
        solved["auto"] += cells[0] != "—"
        line = [name.replace("_", " "), str(len(p.start)), cells[0], auto.method]
        for method in METHODS:
            given = {} if method in ("newton", "least-squares") else {"tol": 1e-10}
            try:
                found = cr.minimize(p.value, p.start, method=method, **given)
                cell = outcome(p, found.fun, found.nfev)
            except Exception:  # noqa: BLE001 (a cell)
                cell = "—"
            solved[method] += cell != "—"
            line.append(cell)
        found = cr.least_squares(p.residuals, p.start)
        line.append(outcome(p, 2 * found.cost, found.nfev))
        solved["residuals"] += line[-1] != "—"
        lines.append(line)
    counts = [str(n) for n in solved.values()]
    lines.append(["**solved, of 35**", "", counts[0], "", *counts[1:]])
    return lines


def regressions():
    """A row for each data set."""
    ways = ["chainrule", "SciPy", "SciPy, tolerances 1e-14"]
    headings = ["data", "parameters", *ways]
    lines = [headings, ["---"] * len(headings)]
    reached = [0, 0, 0]
    for name in MODELS:
        p = load(name)
        line = [name, str(len(p.parameters))]
        for k in range(3):
            cells = []
            for start in p.starts:
                cells.append(fitted(p, start, k))
                reached[k] += cells[-1] >= 6
            line.append(", ".join(str(int(c)) for c in cells))
        lines.append(line)
    lines.append(["**six digits, of 54**", "", *map(str, reached)])
    return lines


def fitted(p, start, way):
    """How many digits one way finds from one start."""
    if way == 0:
        x = cr.least_squares(lambda b: p.model(b, p.x) - p.y, start).x
    else:
        given = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14} if way == 2 else {}
        try:
            x = scipy.optimize.least_squares(lambda b: p.model(b, p.x) - p.y, start, **given).x
        except ValueError:
            return 0.0
    return max(0.0, float(digits(x, p.parameters)))


def markdown(lines):
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main():
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        text = INTRODUCTION + markdown(unconstrained()) + NIST + markdown(regressions())
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
