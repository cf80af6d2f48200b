"""Laws of what a row says of its value: type, promotion, planning, pickling, notation."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from string import Formatter

import numpy as np
from chainrule.ir.graph import Graph
from chainrule.ir.node import input_node
from chainrule.ir.types import TupleType, type_of
from chainrule.ops.elementwise import Elementwise
from tests.laws.arguments import Case, run
from tests.laws.linear import Linear, pull, push
from tests.laws.truth import assert_close


def type_agrees_with_evaluation(case: Case) -> None:
    for variant in _precisions(case):
        inputs = variant.inputs()
        made = variant.row.build(tuple(inputs), *variant.params)
        types = made.type.items if isinstance(made.type, TupleType) else (made.type,)
        arrays = run(list(made.args), inputs, variant.arrays)
        values = made.op.evaluate(arrays, *made.params)
        for value, t in zip(values if isinstance(values, tuple) else (values,), types, strict=True):
            assert np.shape(value) == t.shape, f"{variant}: shape {np.shape(value)}, typed {t}"
            assert np.result_type(value) == t.dtype, (
                f"{variant}: dtype {np.result_type(value)}, typed {t}"
            )
            assert not t.weak or variant.row.name == "size" or not variant.arrays, (
                f"{variant}: only Python's own numbers are weak, typed {t}"
            )


def _precisions(case: Case) -> Iterator[Case]:
    yield case
    if any(np.result_type(a) == np.float64 for a in case.arrays) and case.row.name not in (
        "constant",
        "astype",
    ):
        yield case.as_dtype(np.float32)


def promotion_is_numpys(case: Case) -> None:
    """A ufunc's dtype is NumPy's own, with Python numbers weak (NEP 50)."""
    row = case.row
    if not isinstance(row, Elementwise) or not isinstance(row._function, np.ufunc):
        return
    if row._function.nout > 1:
        return  # one of several results
    n = len(case.arrays)
    for position in range(n):
        number = np.ravel(case.arrays[position])[0].item()
        arrays = [
            np.asarray(a).astype(np.float32) if np.result_type(a) == np.float64 else a
            for a in case.arrays
        ]
        arrays[position] = number
        expected = row.function(*arrays)
        found = row.build(tuple(input_node(1, k, type_of(a)) for k, a in enumerate(arrays))).type
        assert found.dtype == expected.dtype, f"{row.name}{arrays}: {found}, NumPy {expected.dtype}"
        assert found.shape == np.shape(expected)
        assert found.weak == (n == 1 and expected.dtype.kind != "b")


def evaluator_is_evaluate(case: Case) -> None:
    inputs = case.inputs()
    made = case.row.build(tuple(inputs), *case.params)
    arrays = run(list(made.args), inputs, case.arrays)
    expected = made.op.evaluate(arrays, *made.params)
    found = made.op.evaluator([a.type for a in made.args], *made.params)(*arrays)
    if not isinstance(expected, tuple):
        expected, found = (expected,), (found,)
    for e, f in zip(expected, found, strict=True):
        assert_close(f, e, str(case), rtol=1e-14)
    outputs = case.outputs(inputs)
    for e, o, f in zip(expected, outputs, run(outputs, inputs, case.arrays), strict=True):
        assert_close(f, e, str(case), rtol=1e-14)
        assert np.result_type(f) == o.type.dtype


def graphs_pickle(case: Case) -> None:
    """A graph of the row and of its derivatives comes back as the very same nodes."""
    linear = Linear(case)
    nodes = [
        *linear.outputs,
        *(n for n in (*push(linear), *pull(linear)) if n is not None),
    ]
    graph = Graph(tuple(linear.every), tuple(nodes))
    again = pickle.loads(pickle.dumps(graph))  # noqa: S301 - our own bytes
    assert len(again.outputs) == len(nodes)
    for a, b in zip(again.outputs, nodes, strict=True):
        assert a is b, f"{case}: {a} is not {b}"


def templates_format(case: Case) -> None:
    row = case.row
    operands = [f"x{k}" for k in range(len(case.arrays))]
    named = dict(zip(row.parameters, map(str, case.params), strict=True))
    for template in (row.text, row.latex):
        fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        assert len(fields) == len({*fields}) or row.name == "square", (
            f"{row.name}: {template!r} repeats"
        )
        shown = template.format(*operands, args=", ".join(operands), name="N", **named)
        assert "{" not in template or any(
            name in shown for name in (*operands, "N", *named.values())
        )
    if row.text and "{args}" not in row.text and operands and row.name != "size":
        assert "{0}" in row.text, f"{row.name}: {row.text!r} shows no operand"
    assert row.latex.count("{") == row.latex.count("}"), f"{row.name}: {row.latex!r}"
