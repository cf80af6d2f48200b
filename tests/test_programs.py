"""Plain programs, as their authors wrote them: gradients against differences, compiled and not."""

import sys
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("no benchmarks in this distribution", allow_module_level=True)
sys.path.append(str(BENCHMARKS))

from programs.programs import PROGRAMS, rk4_pendulum  # noqa: E402
from programs.run import truth  # noqa: E402

QUICK = [f for f in PROGRAMS if f is not rk4_pendulum]


@pytest.mark.parametrize("f", QUICK, ids=lambda f: f.__name__)
def test_the_gradient_is_that_of_the_program(f: Any) -> None:
    x = np.array(PROGRAMS[f], float)
    value, gradient = cr.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-9)
    expected = truth(f, x)
    scale = 1 + np.max(np.abs(expected))
    np.testing.assert_allclose(gradient / scale, expected / scale, atol=1e-5)
    _, tangent = cr.jvp(f, (x,), (np.cos(np.arange(x.size)),))
    np.testing.assert_allclose(
        tangent / scale, gradient @ np.cos(np.arange(x.size)) / scale, atol=1e-5
    )


@pytest.mark.parametrize(
    "name",
    ["kepler", "truss", "garch_likelihood", "implied_volatility", "equilibrium", "spline_energy"],
)
def test_compiled(name: str) -> None:
    f = next(f for f in PROGRAMS if f.__name__ == name)
    x = np.array(PROGRAMS[f], float)
    gradient = cr.grad(f)
    compiled = cr.jit(gradient)
    for scale in (1.0, 1.01):
        np.testing.assert_allclose(compiled(x * scale), gradient(x * scale), rtol=1e-9, atol=1e-12)
