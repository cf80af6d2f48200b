"""Which tool differentiates which of the programs: ``python benchmarks/programs/run.py``.

Each tool is given the text of a program with its usual, minimal change: another module for
``numpy``. chainrule is given the text as it stands. The gradient is compared with differences,
extrapolated; a value outside of 1e-5 is *wrong*, an exception is an *error*. Every tool runs in a
process of its own, every program under a limit of time. ``--markdown`` writes the table into
README.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import re
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
TOOLS = ("chainrule", "autograd", "jax", "casadi", "torch")
README = HERE / "README.md"
LIMIT = 120.0  # seconds a program


def text() -> str:
    """The programs, as a file."""
    return (HERE / "programs.py").read_text(encoding="utf-8")


def loaded(source: str) -> dict:
    """The programs of a text, by name, and where they are differentiated."""
    module = types.ModuleType("programs_as_given")
    sys.modules[module.__name__] = module
    exec(compile(source, "programs.py", "exec"), vars(module))  # noqa: S102 - our own text
    return {f.__name__: (f, np.array(x, float)) for f, x in module.PROGRAMS.items()}


def truth(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The gradient by central differences, extrapolated twice."""
    gradient = np.zeros(x.shape)
    for k in range(x.size):
        e = np.zeros(x.shape)
        e[k] = 1e-3
        a, b, c = ((f(x + e * h) - f(x - e * h)) / (2e-3 * h) for h in (1.0, 0.5, 0.25))
        p, q = (4 * b - a) / 3, (4 * c - b) / 3
        gradient[k] = (16 * q - p) / 15
    return gradient


def by_chainrule(name: str) -> np.ndarray:
    """The text as it stands."""
    import chainrule

    f, x = loaded(text())[name]
    return chainrule.grad(f)(x)


def by_autograd(name: str) -> np.ndarray:
    """``autograd.numpy`` for NumPy, and autograd's wrappers for the modules of SciPy it wraps."""
    import autograd

    source = text().replace("import numpy as np", "import autograd.numpy as np")
    source = source.replace("import scipy.special", "import autograd.scipy.special")
    source = source.replace("import scipy.stats", "import autograd.scipy.stats")
    source = re.sub(r"\bscipy\.(special|stats|linalg)\.(?=\w+\()", r"autograd.scipy.\1.", source)
    source = source.replace("import scipy.linalg", "import autograd.scipy.linalg")
    f, x = loaded(source)[name]
    return autograd.grad(f)(x)


def by_jax(name: str) -> np.ndarray:
    """``jax.numpy`` for NumPy, and ``jax.scipy`` for the modules of SciPy it has."""
    import jax

    jax.config.update("jax_enable_x64", True)
    source = text().replace("import numpy as np", "import jax\nimport jax.numpy as np")
    for module in ("special", "stats", "linalg", "signal"):
        source = source.replace(f"import scipy.{module}", f"import jax.scipy.{module}")
        source = re.sub(rf"\bscipy\.{module}\.(?=\w)", f"jax.scipy.{module}.", source)
        source = source.replace(f"jax.jax.scipy.{module}", f"jax.scipy.{module}")
    f, x = loaded(source)[name]
    return np.asarray(jax.grad(f)(jax.numpy.asarray(x)))


def by_casadi(name: str) -> np.ndarray:
    """A symbol for the argument: CasADi's symbols answer to NumPy's functions."""
    import casadi

    f, x = loaded(text())[name]
    symbol = casadi.SX.sym("p", x.size)
    made = f(symbol)
    return np.ravel(np.asarray(casadi.Function("g", [symbol], [casadi.gradient(made, symbol)])(x)))


def by_torch(name: str) -> np.ndarray:
    """``torch`` for NumPy."""
    import torch

    torch.set_default_dtype(torch.float64)
    source = text().replace("import numpy as np", "import torch as np\nimport torch")
    f, x = loaded(source)[name]
    leaf = torch.tensor(x, requires_grad=True)
    f(leaf).backward()
    return leaf.grad.numpy()


def outcome(tool: str, name: str) -> str:
    """``right``, ``wrong`` or ``error: …``."""
    warnings.simplefilter("ignore")
    f, x = loaded(text())[name]
    expected = truth(f, x)
    try:
        importlib.import_module(tool)
    except ImportError:
        return "not installed"
    try:
        found = np.asarray(globals()[f"by_{tool}"](name), float).reshape(expected.shape)
    except Exception as error:  # whatever a tool raises
        return f"error: {type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"
    far = np.max(np.abs(found - expected)) / (1 + np.max(np.abs(expected)))
    return "right" if far <= 1e-5 else f"wrong: {far:.0e}"


def _work(pipe: Any, tool: str, names: list[str]) -> None:
    for name in names:
        pipe.send(outcome(tool, name))


def tried(tool: str, names: list[str]) -> dict[str, str]:
    """The outcomes of a tool, from a process of its own, or another where it got stuck."""
    context = multiprocessing.get_context("spawn")
    results: dict[str, str] = {}
    while len(results) < len(names):
        rest = [name for name in names if name not in results]
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, tool, rest))
        process.start()
        theirs.close()
        for name in rest:
            stuck = False
            try:
                stuck = not ours.poll(LIMIT)
                found = f"error: no result in {LIMIT:.0f} s" if stuck else ours.recv()
            except EOFError:
                stuck, found = True, "error: the process died"
            results[name] = found
            print(f"{tool:10s} {name:22s} {found}", flush=True)
            if stuck:
                break
        process.kill()
        process.join()
    return results


def markdown(results: dict[str, dict[str, str]]) -> str:
    """The table: programs by tools, and the sums."""
    tools = list(results)
    lines = [f"| program | {' | '.join(tools)} |", "|---|" + "---|" * len(tools)]
    for name in results[tools[0]]:
        cells = [results[tool][name].split(":")[0] for tool in tools]
        lines.append(f"| {name} | {' | '.join('✓' if c == 'right' else c for c in cells)} |")
    sums = []
    for tool in tools:
        kinds = [r.split(":")[0] for r in results[tool].values()]
        sums.append(
            f"{kinds.count('right')} right, {kinds.count('wrong')} wrong, {kinds.count('error')} errors"
        )
    return "\n".join([*lines, f"| **{len(results[tools[0]])} programs** | {' | '.join(sums)} |"])


def main() -> None:
    """Try them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", nargs="*", default=list(TOOLS))
    parser.add_argument("--only", nargs="*", help="names of programs")
    parser.add_argument("--markdown", action="store_true", help="write the table to README.md")
    options = parser.parse_args()
    names = options.only or list(loaded(text()))
    results = {tool: tried(tool, names) for tool in options.tools}
    table = markdown(results)
    print(table)
    if options.markdown:
        opening = README.read_text(encoding="utf-8").partition("\n| program")[0]
        README.write_text(f"{opening}\n{table}\n", encoding="utf-8")
        (HERE / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
