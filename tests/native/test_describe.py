"""Steps in words say what the steps do: one line for each statement."""

import re

import chainrule as cr
import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.native import llvm
from chainrule.native.describe import Description
from chainrule.native.program import compile_graph
from chainrule.ops import PRIMITIVES
from tests.laws.arguments import cases
from tests.native import example

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)


def steps(f, *args):
    return "\n".join(cr.jit(f).lower(*args).steps)


def logistic(w, X, y):
    return np.mean(np.logaddexp(0, -y * (X @ w)))


def test_a_gradient_is_loops_and_products():
    text = steps(cr.grad(logistic), np.zeros(50), np.ones((1000, 50)), np.ones(1000))
    assert "  out0[b] = sum over a of s1[a] × %1[a, b]" in text
    assert "  v2 = expit(v1)" in text


def test_parts_are_read_by_their_indices():
    text = steps(lambda x: x[1:, ::-1] * np.diag(x)[1:, None], np.ones((8, 8)))
    assert "%0[i + 1, -j + 7]" in text
    assert "%0[i + 1, i + 1]" in text


def test_a_selection_is_read_at_its_indices():
    text = steps(lambda x, k: x[k] * 2, np.ones((30, 4)), np.arange(20))
    assert "v0 = %0[%1[i], j]" in text


def test_blocks_of_a_strip_are_read_in_their_places():
    def distances(a, m, X):
        d = X[:, None, :] - m
        q = a - np.sum(d * d, -1)
        return np.sum(np.log(np.sum(np.exp(q), 1)))

    rng = np.random.default_rng(0)
    args = rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=(30_000, 3))
    text = steps(cr.grad(distances, wrt=(0, 1)), *args)
    assert re.search(r"strip for t < \d+, \d+ places each", text)
    assert re.search(r"%2\[\d+t \+ \w, \w\]", text)
    assert "out1[T, j] += sum over i of" in text or "out1[j, k] += sum over i of" in text


def test_threads_are_said():
    x = np.linspace(0, 1, 300_000)
    text = "\n".join(cr.jit(lambda x: np.sum(np.sin(x)), threads=2).lower(x).steps)
    assert re.search(r"strip for t < \d+, .*, 2 threads", text)


def test_calls_say_whom():
    text = steps(lambda a, b: np.sort(np.linalg.solve(a, b)), np.eye(20), np.ones(20))
    assert "linear algebra: s0 = solve(%0, %1)" in text
    assert "call back to NumPy: s1 = argsort(s0)" in text


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row.name)
def test_every_row_has_words(row):
    for case in cases(row):
        inputs = case.inputs()
        graph = Graph(tuple(inputs), tuple(case.outputs(inputs)))
        found = Description(compile_graph(graph).steps, graph)
        for text in (*found.steps, *found.scratch):
            assert not re.search(r"object at|View\(|dtype\(", text)


def test_the_page_shows_what_the_example_prints():
    if "avx2" not in llvm.levels():
        pytest.skip("the page shows code for processors with AVX2")
    text = example.PAGE.read_text(encoding="utf-8")
    assert unnumbered(example.written_anew(text)) == unnumbered(text)


def unnumbered(code):
    return re.sub(r"(%?[a-z]+)\d+(?=[,\]):\s])", r"\1", code)
