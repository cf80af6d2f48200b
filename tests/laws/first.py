"""Laws of the first derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from chainrule.calculus.pullback import pullback
from chainrule.calculus.pushforward import pushforward
from chainrule.ops.elementwise import Elementwise
from chainrule.trace.recording import symbolic
from tests.laws.arguments import HELD, Case
from tests.laws.linear import Linear, is_single, pull, push
from tests.laws.truth import assert_close, assert_slope, complex_step, real_inner


def tangent_is_the_slope(case: Case) -> None:
    linear = Linear(case)
    pushed = pushforward(linear.outputs, linear.sources, linear.tangents)
    found = linear.values(pushed)
    if not linear.sources:
        return
    smooth = list(linear.weighted)
    expected = linear.along([linear.outputs[k] for k in smooth], linear.tangents)
    low = any(is_single(n) for n in (*linear.outputs, *linear.sources))
    for k, truth in zip(smooth, expected, strict=True):
        value = np.zeros(np.shape(truth[0])) if found[k] is None else found[k]
        assert_slope(
            value, truth, str(case), rtol=1e-4 if low else 1e-8, worst=1e-2 if low else 1e-5
        )
    if not low and _takes_complex_steps(case):
        moving = [None] * len(case.arrays)
        for i, t in zip(linear.varying, linear.tangents, strict=True):
            moving[i] = linear.given(t)

        def function(*arrays: Any) -> Sequence[Any]:
            return case.with_arrays(arrays).value()

        exact = complex_step(function, case.arrays, moving)
        for k in smooth:
            assert_close(
                np.zeros(np.shape(exact[k])) if found[k] is None else found[k],
                exact[k],
                f"{case} by complex step",
                1e-13,
            )


#: Functions of SciPy that are rough beside the real line: a step of 1e-30 is lost there.
ROUGH = frozenset({"airy_ai", "airy_aip", "airy_bi", "airy_bip", "si", "ci", "shi", "chi"})


def _takes_complex_steps(case: Case) -> bool:
    """Whether the row's NumPy function is the same analytic function off the real line."""
    row = case.row
    if (
        any(np.result_type(a).kind == "c" for a in case.arrays)
        or row.name in HELD
        or row.name == "astype"
        or row.name in ROUGH
    ):
        return False
    if any(np.result_type(v).kind == "c" for v in case.value()):
        return False
    if not isinstance(row, Elementwise):
        return row.name in {"einsum", "prod", "cumsum", "cumprod", "linear_recurrence", "sum"}
    if not row.holomorphic or row.gated or row.name in {"sign", "cbrt"}:
        return False
    try:
        row.dtypes(
            [
                np.dtype(complex) if i in case.varying else np.result_type(a)
                for i, a in enumerate(case.arrays)
            ]
        )
    except TypeError:
        return False
    return isinstance(row._function, np.ufunc)


def pullback_is_the_adjoint(case: Case) -> None:
    """⟨Jt, c⟩ = ⟨t, Jᵀc⟩, for all arguments together and for each alone."""
    linear = Linear(case)
    subsets = [list(range(len(linear.sources)))]
    if len(linear.sources) > 1:
        subsets += [[i] for i in subsets[0]]
    for subset in subsets:
        sources = [linear.sources[i] for i in subset]
        tangents = [linear.tangents[i] for i in subset]
        pushed = pushforward(linear.outputs, sources, tangents)
        pulled = pullback(linear.outputs, sources, linear.cotangents)
        for x, p in zip(sources, pulled, strict=True):
            assert p is None or p.type.shape == x.type.shape, f"{case}: cotangent {p} of {x.type}"
            assert p is None or p.type.dtype == x.type.dtype, f"{case}: cotangent {p} of {x.type}"
        for o, p in zip(linear.outputs, pushed, strict=True):
            assert p is None or p.type.shape == o.type.shape, f"{case}: tangent {p} of {o.type}"
            assert p is None or p.type.dtype == o.type.dtype, f"{case}: tangent {p} of {o.type}"
        cotangents = [None if c is None else linear.given(c) for c in linear.cotangents]
        left = real_inner(linear.values(pushed), cotangents)
        right = real_inner([linear.given(t) for t in tangents], linear.values(pulled))
        low = any(is_single(n) for n in (*linear.outputs, *sources))
        assert abs(left - right) <= (1e-4 if low else 1e-10) * (1 + abs(left)), (
            f"{case}: ⟨Jt, c⟩ = {left}, ⟨t, Jᵀc⟩ = {right}"
        )


def half_precision_stays(case: Case) -> None:
    """float32 in, float32 out: the tangent has its primal's dtype, and so has the cotangent."""
    if not any(np.result_type(a) == np.float64 for a in case.arrays) or case.row.name in (
        "constant",
        "astype",
    ):
        return
    double, single = Linear(case), Linear(case.as_dtype(np.float32))
    single.arrays = [
        np.asarray(a).astype(n.type.dtype) for a, n in zip(double.arrays, single.every, strict=True)
    ]
    for walk in (push, pull):
        low, high = walk(single), walk(double)
        for like, n in zip(single.outputs if walk is push else single.sources, low, strict=True):
            assert n is None or n.type.dtype == like.type.dtype, f"{case}: {n} for {like.type}"
        for a, b in zip(single.values(low), double.values(high), strict=True):
            if b is not None:
                assert_close(a, b, f"{case} in float32", rtol=2e-4)


def rules_compute_on_arrays(case: Case) -> None:
    """A rule is plain NumPy: on arrays it computes what it records on traced arrays."""
    linear = Linear(case)
    if not linear.sources or not linear.weighted:
        return
    tangents: list[Any] = [None] * len(case.arrays)
    recorded: list[Any] = [None] * len(case.arrays)
    inputs = linear.inputs
    for i, t in zip(linear.varying, linear.tangents, strict=True):
        tangents[i], recorded[i] = linear.given(t), symbolic(t)
    # Operands as the node has them: of one shape and dtype.
    made = case.row.build(tuple(inputs), *case.params)
    if any(a is not b for a, b in zip(made.args, inputs, strict=True)) or made.op is not case.row:
        return
    outs = case.row.evaluate(case.arrays, *case.params)
    found = case.row.jvp(outs, case.arrays, tangents, *case.params, *case.row.handed(pushforward))
    expected = linear.values(push(linear))
    for f, e in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
        assert (f is None) == (e is None)
        if e is not None:
            assert_close(f, e, f"{case} on arrays")


def transposing_twice_is_the_identity(case: Case) -> None:
    linear = Linear(case)
    positions = [i for i in linear.varying if i in case.row.linear_in]
    for i in positions:
        (output,) = linear.outputs
        x, t = linear.inputs[i], linear.tangents[linear.varying.index(i)]
        once = pullback([output], [x], linear.cotangents)[0]
        if once is None:
            continue
        (c,) = linear.cotangents
        assert c is not None
        if x.type.dtype.kind == "c" and output.type.dtype.kind != "c":
            continue  # linear over the reals: the adjoint law says it all
        (twice,) = pullback([once], [c], [t])
        (forward,) = pushforward([output], [x], [t])
        assert_close(
            linear.values([twice])[0], linear.values([forward])[0], f"{case}, argument {i}"
        )
        if case.row.name == "astype":
            continue
        # The other arguments may add a constant.
        (applied,) = linear.values([output], {x: linear.given(t)})
        (rest,) = linear.values([output], {x: 0 * linear.given(t)})
        assert_close(
            linear.values([forward])[0], applied - rest, f"{case} is not linear in argument {i}"
        )
