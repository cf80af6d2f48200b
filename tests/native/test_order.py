"""What depends on the inputs alone is computed where it is needed."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.native import llvm
from chainrule.native.order import late
from chainrule.trace.recording import tracing


def names(f, *args):
    with tracing() as trace:
        inputs = [trace.input(np.asarray(a)) for a in args]
        outputs = [trace.lift(r).node for r in f(*inputs)]
    graph = Graph(tuple(t.node for t in inputs), tuple(outputs))
    order = list(late(graph.order))
    assert len(order) == len(set(order))
    assert {n for n in graph.order if n.args} == {n for n in order if n.args}
    seen = set(graph.inputs)
    for n in order:
        assert all(a in seen for a in n.args if a.args or a.op.name == "constant")
        seen.add(n)
    return [n.op.name for n in order if n.args]


def test_it_waits_for_its_first_use():
    x = np.ones((3, 3))
    assert names(lambda m, g: (np.sin(m) + (g @ g),), x, x)[-3:] == ["einsum", "sin", "add"]


def test_results_come_last_and_once():
    x = np.ones((3, 3))
    found = names(lambda m, g: (np.sin(m), np.cos(np.sin(m)), g @ g), x, x)
    assert found == ["einsum", "sin", "cos"]


@pytest.mark.skipif(not llvm.available(), reason="no compiler here")
def test_a_moving_average_is_one_loop():
    def step(m, a, b):
        return 0.9 * m + 0.1 * (a @ b)

    args = np.ones((40, 30)), np.ones((40, 50)), np.ones((50, 30))
    steps = cr.jit(step).lower(*args).steps
    assert len([s for s in steps if not s.startswith(" ")]) == 2
