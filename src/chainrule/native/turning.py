"""The row ``turning`` in generated code: rates of rotation divided by gaps between values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from .stacks import Params, Task, Types
from .text import Value


def turning_ranks(types: Types, params: Params) -> list[int]:
    """Two stacks of vectors, and any number of stacks of matrices."""
    return [1, 1, *[2] * (len(types) - 2)]


def turning(task: Task) -> Value:
    """What the row's reference does; it fails where that raises."""
    f, element = task.f, task.element
    (w, live, *rates), (out,), (n,) = task.inputs, task.outputs, task.shapes[0]
    sign, part, mode, phase = task.params
    noise = n * float(np.finfo(np.float64 if element == "double" else np.float32).eps)
    closeness = f.fmul(_largest(task, [w], n), 4 * noise)
    smallness = f.fmul(_largest(task, rates, n * n), 100 * noise)

    def entry(i: Value, j: Value) -> Value:
        at = f.binary("add", f.binary("mul", i, n), j)
        return reduce(f.fadd, [f.load(f.offset(r, element, at), element) for r in rates])

    outer = f.begin(n, [Value("false", "i1")])
    inner = f.begin(n, outer.carried)
    i, j = outer.index, inner.index
    rate = f.fadd(entry(i, j), f.fmul(entry(j, i), part))
    rate = f.fmul(rate, 0.5)
    here, there = (f.load(f.offset(w, element, k), element) for k in (j, i))
    gap = f.fadd(here, f.fmul(there, sign))
    closed = f.fcmp("ole", f.intrinsic("fabs", gap), closeness)
    lives = [f.load(f.offset(live, "i8", k), "i8") for k in (i, j)]
    used = f.binary("and", closed, f.icmp("ne", f.binary("or", *lives), 0))
    itself = f.icmp("eq", i, j)
    turns = f.fcmp("ugt", f.intrinsic("fabs", rate), smallness)
    refused = inner.carried[0]
    if mode != "forward":
        apart = f.binary("and", used, f.icmp("ne", i, j))
        refused = f.binary(
            "or", refused, apart if mode == "reverse" else f.binary("and", apart, turns)
        )
    if phase:
        refused = f.binary("or", refused, f.binary("and", f.binary("and", used, itself), turns))
    unknown: Value = f.constant(0.0, element)
    if mode == "forward":
        unsure = f.binary("and", used, f.fcmp("une", rate, 0.0))
        if sign < 0:
            unsure = f.binary("and", unsure, f.icmp("ne", i, j))
        unknown = f.select(unsure, f.constant(np.nan, element), 0.0)
    divided = f.fdiv(rate, f.select(closed, 1.0, gap))
    at = f.offset(out, element, f.binary("add", f.binary("mul", i, n), j))
    f.store(f.select(closed, unknown, divided), at)
    carried = f.end(inner, [refused])
    (failed,) = f.end(outer, carried)
    return failed


def _largest(task: Task, arrays: Sequence[Value], count: int) -> Value:
    """The largest modulus in any of some arrays; NaN if there is one."""
    f, element = task.f, task.element
    largest = f.constant(0.0, element)
    for array in arrays:
        loop = f.begin(count, [largest])
        size = f.intrinsic("fabs", f.load(f.offset(array, element, loop.index), element))
        (largest,) = f.end(loop, [f.intrinsic("maximum", loop.carried[0], size)])
    return largest
