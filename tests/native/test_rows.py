"""Every row on views of arrays of many lengths: what nests and products make of odd strides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chainrule.ir.graph import Graph
from chainrule.ir.node import Node, input_node
from chainrule.ir.primitive import Primitive
from chainrule.ir.types import type_of
from chainrule.native import llvm
from chainrule.native.program import compile_graph
from chainrule.ops import PRIMITIVES, reductions, structural
from chainrule.ops.contraction import einsum
from chainrule.ops.elementwise import Elementwise
from chainrule.ops.program import Program
from tests.laws.arguments import cases
from tests.native.long import graph_of
from tests.native.sound import assert_sound

if not llvm.available():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

LENGTHS = (0, 1, 7, 8, 9, 1000)
FLOATS = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["double", "single"])

#: Rows whose result near a zero is a difference of numbers about 1 in size: measured by those.
CANCELLING = {"logaddexp", "logaddexp2", "kl_div", "gammaln", "loggamma", "psi"}

#: Rows of which SciPy itself is some units off: native code is held to 40 digits elsewhere.
ROUGH = {"erfc", "erfcx", "ndtr", "log_ndtr", "gamma"}


def build(op: Any, *args: Node, params: tuple[Any, ...] = ()) -> Node:
    made: Node = op.build(args, *params)
    return made


def run(inputs: list[Node], outputs: list[Node], arrays: list[Any]) -> tuple[list[Any], list[Any]]:
    """What native code makes of a graph, and the reference."""
    graph = Graph(tuple(inputs), tuple(outputs))
    executable = compile_graph(graph)
    assert_sound(executable)
    found = executable(arrays)
    assert found is not None
    return found, Program(graph)(arrays)


def views(x: Node, n: int) -> list[Node]:
    """An input of ``(3, 2n)`` as arrays that lie in memory in every way."""
    cut = build(structural.slice_, x, params=(((0, 3, 1), (0, n, 1)),))
    every = build(structural.slice_, x, params=(((0, 3, 1), (0, n, 2)),))
    back = build(structural.slice_, x, params=(((2, 3, -1), (max(2 * n - 1, 0), n, -1)),))
    turned = build(structural.transpose, cut, params=((-1, -2),))
    return [cut, every, back, turned]


def spread(sample: Any, shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Any:
    """Numbers of the kind and range of a sample."""
    sample = np.asarray(sample)
    if sample.dtype.kind != "f":
        return rng.choice(sample.ravel(), shape)
    drawn = rng.uniform(sample.min(), sample.max(), shape)
    return drawn.astype(dtype)


def ulps(a: Any, b: Any, least: float = 0.0) -> float:
    """How far two arrays are apart, at most, in units of the last place of the second.

    Numbers below ``least`` count as that large.
    """
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    if b.dtype.kind != "f":
        np.testing.assert_array_equal(a, b)
        return 0.0
    odd = ~np.isfinite(b)
    np.testing.assert_array_equal(a[odd], b[odd])
    gap = np.abs(a[~odd].astype(np.float64) - b[~odd]) / np.spacing(
        np.maximum(np.abs(b[~odd]), b.dtype.type(least))
    )
    return float(np.max(gap, initial=0.0))


ELEMENTWISE = [row for row in PRIMITIVES if isinstance(row, Elementwise)]


@FLOATS
@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_a_function_of_views(row: Primitive, dtype: Any) -> None:
    given = next(c for c in cases(row) if all(np.result_type(a).kind != "c" for a in c.arrays))
    rng = np.random.default_rng(4)
    inputs: list[Node] = []
    outputs: list[Node] = []
    arrays: list[Any] = []
    for n in LENGTHS:
        mine = [spread(a, (3, 2 * n), dtype, rng) for a in given.arrays]
        nodes = [input_node(1, len(inputs) + k, type_of(a)) for k, a in enumerate(mine)]
        inputs.extend(nodes)
        arrays.extend(mine)
        outputs.append(build(row, *nodes, params=given.params))
        if n in (0, 9):  # every argument lies otherwise
            seen = [views(x, n) for x in nodes]
            for k in range(3):
                args = [v[(k + j) % 3] for j, v in enumerate(seen)]
                outputs.append(build(row, *args, params=given.params))
            outputs.append(build(row, *(v[3] for v in seen), params=given.params))
    found, expected = run(inputs, outputs, arrays)
    least = 1.0 if row.name in CANCELLING else 0.0
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(found, expected, strict=True)]
    worst = max(ulps(a, b, least) for a, b in pairs)
    assert worst <= (16 if row.name in ROUGH else 4)


# -- reductions ------------------------------------------------------------------------------------

REDUCTIONS: list[Any] = [
    structural.reduce_sum, reductions.reduce_prod, reductions.reduce_max, reductions.reduce_min,
    reductions.reduce_any, reductions.reduce_all,
]  # fmt: skip


def axes_of(ndim: int) -> list[tuple[int, ...]]:
    """Every choice of axes, counted from the right."""
    every = range(-ndim, 0)
    return [tuple(a for a in every if 1 << (a + ndim) & bits) for bits in range(1, 1 << ndim)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("row", REDUCTIONS, ids=lambda row: row.name)
def test_a_reduction_over_any_axes(row: Any, n: int, dtype: Any) -> None:
    logical = row in (reductions.reduce_any, reductions.reduce_all)
    if logical and dtype is not np.bool_:
        pytest.skip("of truths alone")
    if n == 0 and row in (reductions.reduce_max, reductions.reduce_min):
        pytest.skip("there is none of nothing")
    rng = np.random.default_rng(n)
    if dtype is np.bool_:
        drawn = [rng.random(s) < 0.9 for s in ((n,), (3, 2 * n), (2, n, 3))]
    elif dtype is np.int64:
        drawn = [rng.integers(-3, 4, s) for s in ((n,), (3, 2 * n), (2, n, 3))]
    else:
        signs = [rng.choice([-1.0, 1.0], s) for s in ((n,), (3, 2 * n), (2, n, 3))]
        drawn = [(s * rng.uniform(0.97, 1.03, s.shape)).astype(dtype) for s in signs]
    inputs = [input_node(1, k, type_of(a)) for k, a in enumerate(drawn)]
    arrays = [inputs[0], *views(inputs[1], n), inputs[2]]
    arrays += [build(structural.transpose, inputs[2], params=((-1, -3, -2),))]
    try:
        outputs = [
            build(row, x, params=(axes,)) for x in arrays for axes in axes_of(len(x.type.shape))
        ]
    except TypeError:
        pytest.skip("no such row for the dtype")
    found, expected = run(inputs, outputs, drawn)
    size = max(6 * n, 1)
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if b.dtype.kind != "f" or row.name in ("max", "min"):
            np.testing.assert_array_equal(a, b)
            continue
        eps = np.finfo(b.dtype).eps
        if row is structural.reduce_sum:
            np.testing.assert_allclose(a, b, rtol=0, atol=1.1 * size * eps)
        else:
            np.testing.assert_allclose(a, b, rtol=2 * size * eps)


@FLOATS
def test_the_error_of_a_sum_does_not_grow_with_its_length(dtype: Any) -> None:
    x = np.random.default_rng(0).uniform(0, 1, 3_000_000).astype(dtype)
    graph, values = graph_of(
        lambda x: (np.sum(x), np.mean(x * x + 1), np.max(x), np.sum(x > 0.5)), x
    )
    found = compile_graph(graph)(values)
    wide = x.astype(np.longdouble)
    exact = (np.sum(wide), np.mean(wide**2 + 1), np.max(x), np.sum(x > 0.5))
    for a, b in zip(found, exact, strict=True):  # type: ignore[arg-type]
        assert abs(a - b) <= 4 * np.finfo(dtype).eps * abs(b)


# -- contractions ----------------------------------------------------------------------------------

PRODUCTS = [
    "i,i->", "ij,j->i", "i,ij->j", "ij,jk->ik", "ij,kj->ik", "ji,jk->ik", "ji,kj->ik", "ij,jk->ki",
    "i,j->ij", "bij,bjk->bik", "bij,bkj->bik", "ij,ij->", "ij,ij->i", "ij,ij->j", "ij,ji->", "ij->ji",
    "ij->", "ij->i", "ij->j", "ii->", "ii->i", "i->ii", "i->ij", "ii,i->i", "ij,jk,kl->il", "i,ij,j->",
    "bi,bij,bj->b", "bij,ij->b", "ijk,kl->ijl", "ijk,jkl->il", "ijk,ijl->kl", "i,i,i->i", "ij,j->ij",
    "ijk,k->ij", "ijk,j->ik", "b,bij->ij", "bij,k->ijk", "iij,j->i", "ij,ik->jk", "ij,ik->ijk",
    "ijkl,kl->ij", "ii,ij->j",
]  # fmt: skip
SIZES = [dict.fromkeys("ijklb", n) for n in (0, 1, 3, 8)] + [
    {"i": 7, "j": 9, "k": 5, "l": 2, "b": 3},
    {"i": 33, "j": 17, "k": 40, "l": 9, "b": 2},
    {"i": 2, "j": 130, "k": 3, "l": 4, "b": 17},
    {"i": 64, "j": 3, "k": 65, "l": 1, "b": 5},
    {"i": 1, "j": 50, "k": 31, "l": 8, "b": 1},
]
BLAS = {"i": 65, "j": 48, "k": 97, "l": 30, "b": 3}


@FLOATS
@pytest.mark.parametrize("subscripts", PRODUCTS)
def test_a_contraction_of_any_shape(subscripts: str, dtype: Any) -> None:
    rng = np.random.default_rng(6)
    left, out = subscripts.split("->")
    terms = left.split(",")
    inputs: list[Node] = []
    outputs: list[Node] = []
    arrays: list[Any] = []
    bounds = []
    large = [BLAS] if len(set("".join(terms))) < 4 else []
    for lengths in [*SIZES, *large]:
        free = tuple((c, lengths[c]) for c in dict.fromkeys(out) if c not in left)
        for turned in (False, True):
            mine = []
            for t in terms:
                shape = tuple(lengths[c] for c in t)
                x = rng.uniform(-1, 1, (*shape[:-1], 2 * shape[-1])).astype(dtype)
                node = input_node(1, len(inputs), type_of(x))
                inputs.append(node)
                arrays.append(x)
                if turned:  # every other element of the last axis, from the end
                    n = shape[-1]
                    last = (2 * n - 1, n, -2) if n else (0, 0, 1)
                else:
                    last = (0, shape[-1], 1)
                index = (*((0, k, 1) for k in shape[:-1]), last)
                mine.append(build(structural.slice_, node, params=(index,)))
            outputs.append(build(einsum, *mine, params=(subscripts, free)))
            summed = [lengths[c] for c in dict.fromkeys(left) if c not in out and c != ","]
            bounds.append(float(np.prod(summed or [1])))
    found, expected = run(inputs, outputs, arrays)
    for a, b, n in zip(found, expected, bounds, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=4 * (n + 2) * np.finfo(dtype).eps)


# -- moves of elements -----------------------------------------------------------------------------


def moved(x: Any, y: Any, at: Any, row: Any, to: Any, mask: Any) -> list[Any]:
    """Reads and writes of every kind; ``at`` has places in ``y``, ``row`` and ``to`` some in ``x``."""
    n, m = x.shape
    found = [
        x[row], x[:, to], x[row[:, None], to], x[::-1][row], x.T[to], x[row][:, to], y[at], y[::-1][at],
        x[row, 0], x[0, to], x[-1, to][::-1], np.take(x, at % m, axis=1), x.T[to][:, row],
        np.concatenate([x, x[::-1], x[:1]]), np.concatenate([x.T, x.T[:, ::-1]], axis=1),
        np.concatenate([y, y[:1] * 2, y[1:]]), np.stack([y, y[::-1]]), np.stack([y, -y], axis=1),
        np.take_along_axis(x, np.broadcast_to(to, (n, len(to))), 1), np.pad(x, ((1, 2), (0, 1))),
        np.roll(x, 2, axis=0), np.roll(x, -1, axis=1), np.tile(y, 3), np.repeat(y, 2), np.diff(y),
        np.where(mask, x, 0.5), x[:, ::2], x[::2, ::-2], np.swapaxes(x[None], 0, 2), np.tril(x), np.triu(x, 1),
        np.flip(x), np.ravel(x.T), x.T.reshape(n, m), np.moveaxis(x[:, :, None] * y[:2], 2, 0),
    ]  # fmt: skip
    whole = np.zeros_like(x)
    whole[1:] = x[:-1]
    whole[:, ::2] += x[:, ::2]
    whole[:2, :2] *= 3
    summed = np.zeros_like(y)
    np.add.at(summed, at, y[at] * 2)
    rows = np.zeros_like(x)
    np.add.at(rows, row, x[row] + 1)
    both = np.zeros_like(x)
    np.add.at(both, (row[:, None], to), x[row[:, None], to])
    put = np.zeros_like(x)
    put[row] = x[row] * 2
    band = np.zeros((n + 2, m))
    for k in range(3):
        band[k : k + n] += x
    return [*found, whole, summed, rows, both, put, band]


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (5, 16), (9, 8), (40, 7), (7, 130)], ids=str)
def test_moves_of_elements(shape: tuple[int, int]) -> None:
    n, m = shape
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=shape), rng.normal(size=2 * n)
    at, row, to = rng.integers(-n, n, 3 * n), rng.integers(-n, n, n + 3), rng.integers(-m, m, 4)
    args = (x, y, at, row, to, x > 0)
    graph, values = graph_of(moved, *args)
    executable = compile_graph(graph)
    assert_sound(executable)
    found = executable(values)
    assert found is not None
    for k, (a, b, c) in enumerate(zip(found, Program(graph)(values), moved(*args), strict=True)):
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14, err_msg=f"result {k}")
        np.testing.assert_allclose(a, c, rtol=1e-14, atol=1e-14, err_msg=f"result {k}")
