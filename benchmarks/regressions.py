"""NIST's 27 regressions from both starts: how long, and how many digits, beside SciPy's.

    python benchmarks/regressions.py [--rounds N] [--markdown]

Every way fits all 54 in turn, in one process with one thread; a figure is the median of the rounds, of
what a fit takes after a first one. Models and data are those of ``tests/optimize/nist.py``.
"""

from __future__ import annotations

import os

from measure import ENVIRONMENT

os.environ.update(ENVIRONMENT)

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.optimize
from table import Table, shown

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.optimize import nist

TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
Fit = Callable[[np.ndarray], np.ndarray]


def chainrule(p: Any, model: Any) -> Fit:
    import chainrule as cr

    def residuals(b: Any, x: Any, y: Any) -> Any:
        return model(b, x) - y

    return lambda start: cr.least_squares(residuals, start, args=(p.x, p.y)).x


def scipys(options: dict[str, Any]) -> Callable[..., Fit]:
    def make(p: Any, model: Any) -> Fit:
        def residuals(b: Any) -> Any:
            return model(b, p.x) - p.y

        return lambda start: scipy.optimize.least_squares(residuals, start, **options).x

    return make


def with_jax(p: Any, model: Any) -> Fit:
    """SciPy with the Jacobian of JAX, both compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    names = dict(vars(sys.modules[model.__module__]))

    def traced(b: Any) -> Any:
        before, nist.np = nist.np, jnp  # the models are written for NumPy's name
        try:
            return model(b, p.x) - p.y
        finally:
            nist.np = before

    assert "np" in names
    values, slopes = jax.jit(traced), jax.jit(jax.jacfwd(traced))
    return lambda start: scipy.optimize.least_squares(
        lambda b: np.asarray(values(b)), start, lambda b: np.asarray(slopes(b)), x_scale="jac", **TIGHT
    ).x


WAYS: dict[str, Callable[..., Fit]] = {
    "chainrule": chainrule,
    "SciPy, its defaults": scipys({}),
    "SciPy, tolerances 1e-14": scipys(TIGHT),
    "SciPy, lm, tolerances 1e-14": scipys({"method": "lm", **TIGHT}),
    "SciPy + JAX, tolerances 1e-14": with_jax,
}


def attempt(fit: Fit, start: np.ndarray, p: Any) -> tuple[float, float]:
    """Seconds and digits."""
    begin = time.perf_counter()
    try:
        x = fit(np.array(start, float))
    except (ValueError, RuntimeError):
        return time.perf_counter() - begin, 0.0
    return time.perf_counter() - begin, max(0.0, float(nist.digits(x, p.parameters)))


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ways = dict(WAYS)
    if find_spec("jax") is None:
        print("no row SciPy + JAX: jax is not installed", file=sys.stderr)
        del ways["SciPy + JAX, tolerances 1e-14"]
    total: dict[str, list[float]] = {way: [] for way in ways}
    digits: dict[str, list[float]] = {way: [] for way in ways}
    first: dict[str, list[float]] = {way: [] for way in ways}
    with np.errstate(all="ignore"):
        for name, model in nist.MODELS.items():
            p = nist.load(name)
            fits = {way: make(p, model) for way, make in ways.items()}
            for start in p.starts:
                for way, fit in fits.items():
                    seconds, reached = attempt(fit, start, p)
                    first[way].append(seconds)
                    digits[way].append(reached)
                for fit in fits.values():
                    attempt(fit, start, p)  # what is compiled late is compiled now
                found: dict[str, list[float]] = {way: [] for way in ways}
                for _ in range(options.rounds):
                    for way, fit in fits.items():
                        found[way].append(attempt(fit, start, p)[0])
                for way in ways:
                    total[way].append(median(found[way]))
    own = sum(total["chainrule"])
    lines = [
        [way, shown(sum(total[way])), f"{sum(total[way]) / own:.2g}×", shown(median(total[way])),
         f"{sum(d >= 6 for d in digits[way])}", f"{min(digits[way]):.1f}", shown(sum(first[way]))]
        for way in ways
    ]  # fmt: skip
    headings = ["", "all 54 fits", "÷ chainrule", "median fit", "of six digits", "fewest", "first time"]
    made = Table("NIST's regressions, from both starts", headings, lines)
    if options.markdown:
        print(f"\n{made.title}\n\n{made.markdown()}")
    else:
        made.show()


if __name__ == "__main__":
    main()
