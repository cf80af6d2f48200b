"""The benchmarks measure what they say: on little data, every workload agrees with a derivative by hand."""

import json
import subprocess
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("no benchmarks in this distribution", allow_module_level=True)
sys.path.append(str(BENCHMARKS))

from measure import difference, truth  # noqa: E402
from minima import PROBLEMS  # noqa: E402
from peers import TOOLS, Unsupported, flat  # noqa: E402
from peers.c import compiler  # noqa: E402
from workloads import WORKLOADS  # noqa: E402


def agrees(w, tool):
    w = w.shrunk()
    args = w.args()
    call = TOOLS[tool].builder()(w, args)
    return difference(flat(call.read(call.run())), truth(w, args, tool)) < 1e-10


@pytest.mark.parametrize("w", WORKLOADS, ids=lambda w: w.name)
def test_chainrule_agrees_with_the_derivative_by_hand(w):
    assert agrees(w, "plain")


@pytest.mark.skipif(compiler() is None, reason="no C compiler")
def test_hand_written_c_agrees_too():
    compared = 0
    for w in WORKLOADS:
        try:
            assert agrees(w, "c"), w.name
            assert agrees(w, "ctypes"), w.name
            compared += 1
        except Unsupported:
            continue
    assert compared > len(WORKLOADS) / 2


def test_workloads_have_different_names():
    assert len({w.name for w in WORKLOADS}) == len(WORKLOADS)


def test_one_command_prints_the_tables_and_keeps_the_figures(tmp_path):
    kept = tmp_path / "results.json"
    options = ["--only", "toy of 3", "--tools", "plain,numpy", "--rounds", "1", "--markdown"]
    command = [sys.executable, str(BENCHMARKS / "run.py"), *options, "--output", str(kept)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "| Hessian, toy of 3 |" in printed
    (cells,) = json.loads(kept.read_text())["rows"].values()
    assert set(cells) == {"plain", "numpy"}
    for cell in cells.values():
        assert cell["seconds"] > 0
        assert cell["first"] > 0
        assert cell["error"] < 1e-10


def test_formulas_beside_sympy():
    pytest.importorskip("sympy")
    import formulas

    rows = formulas.beside()
    assert len(rows) == 20
    verdicts = {name: verdict for name, _, _, verdict, _ in rows}
    assert verdicts["P06"] == "right"
    assert verdicts["P12"] != "right"  # the gradient of log det is 0 there


def test_times_of_formulas():
    import formulas

    assert [name for name, *_ in formulas.times(1)] == [f"P{k:02d}" for k in range(1, 21)]


@pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)
def test_slopes_by_hand_are_those_of_the_functions(p):
    x = p.start() + 0.1 * np.sin(np.arange(p.start().size))
    exact = cr.grad(p.function(np))(x, *p.data())
    np.testing.assert_allclose(p.slope(x, *p.data()), exact, rtol=1e-9, atol=1e-9)


def test_the_time_to_a_minimum_is_that_of_one(tmp_path):
    kept = tmp_path / "minimize.json"
    options = ["--only", "breast", "--solvers", "^chainrule$", "--rounds", "1", "--cpu", "-1"]
    command = [sys.executable, str(BENCHMARKS / "minimize.py"), *options, "--output", str(kept)]
    printed = subprocess.run([*command, "--markdown"], check=True, capture_output=True, text=True).stdout
    assert "| chainrule |" in printed
    (cells,) = json.loads(kept.read_text()).values()
    assert cells["chainrule"]["slope"] <= 1e-8
    assert cells["chainrule"]["seconds"] > 0
