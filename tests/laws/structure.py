"""Laws of batching and of sparsity."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from chainrule.calculus.batch import batch
from chainrule.calculus.pushforward import pushforward
from chainrule.calculus.sparsity import pattern
from chainrule.ir.node import input_node
from chainrule.ir.types import type_of
from tests.laws.arguments import Case, run
from tests.laws.linear import Linear
from tests.laws.truth import assert_close

#: Rows whose nodes are gone, or constant, before a graph is batched.
UNBATCHED = frozenset({"constant", "size"})


def batch_is_a_loop(case: Case) -> None:
    if case.row.name in UNBATCHED:
        return
    n = len(case.arrays)
    every = range(n)
    subsets = (
        [c for r in range(1, n + 1) for c in combinations(every, r)]
        if n <= 3
        else [*((i,) for i in every), tuple(every)]
    )
    inputs = case.inputs()
    outputs = case.outputs(inputs)
    for subset in subsets:
        stacked = [np.stack(_variants(a)) if i in subset else a for i, a in enumerate(case.arrays)]
        wide = [input_node(1, ("wide", i), type_of(a)) for i, a in enumerate(stacked)]
        nodes = batch(outputs, {inputs[i]: wide[i] for i in subset}, 3)
        shared = [x if i not in subset else wide[i] for i, x in enumerate(inputs)]
        found = run(nodes, shared, stacked)
        for k in range(3):
            example = [a[k] if i in subset else a for i, a in enumerate(stacked)]
            expected = run(outputs, inputs, example)
            for o, f, e in zip(outputs, found, expected, strict=True):
                assert f.shape == (3, *o.type.shape), f"{case} batched in {subset}: shape {f.shape}"
                assert f.dtype == o.type.dtype
                assert_close(f[k], e, f"{case} batched in {subset}, example {k}", 1e-12)


def _variants(a: Any) -> list[Any]:
    """Three arguments of one type that a row takes as gladly: elements in another order."""
    a = np.asarray(a)
    if a.ndim and a.dtype.kind not in "fc":
        return [a, np.roll(a, 1), np.roll(a, 2)]
    return [a, (a * 1.03).astype(a.dtype), (a * 0.96).astype(a.dtype)]


def pattern_covers_the_non_zeros(case: Case) -> None:
    linear = Linear(case)
    for x, t in zip(linear.sources, linear.tangents, strict=True):
        if not x.type.size or x.type.weak:
            continue
        pushed = pushforward(linear.outputs, [x], [t])
        for k in linear.weighted:
            if pushed[k] is None:
                continue
            covered = np.asarray(pattern(linear.outputs[k], x).todense()).astype(bool)
            assert covered.shape == (linear.outputs[k].type.size, x.type.size)
            for column in range(x.type.size):
                unit = np.zeros(x.type.size, x.type.dtype)
                unit[column] = 1
                (change,) = linear.values([pushed[k]], {t: unit.reshape(x.type.shape)[()]})
                hit = np.ravel(change) != 0
                assert not np.any(hit & ~covered[:, column]), (
                    f"{case}: column {column} of argument {x}"
                )


def declared_linearity(case: Case) -> None:
    """The derivative in ``linear_in`` does not depend on that argument."""
    linear = Linear(case)
    for i in linear.varying:
        if i in case.row.linear_in and case.row.name != "stop_gradient":
            x, t = linear.inputs[i], linear.tangents[linear.varying.index(i)]
            pushed = pushforward(linear.outputs, [x], [t])
            again = pushforward([p for p in pushed if p is not None], [x], [t])
            for v in linear.values(again):
                assert v is None or not np.any(v), f"{case}: bends in argument {i}"
