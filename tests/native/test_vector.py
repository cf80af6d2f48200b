"""Machine code of the elementwise rows against NumPy, and against 40 digits."""

import warnings

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from chainrule import ops
from chainrule.native.vector import supports
from chainrule.native.vector.table import BY_PRIMITIVE, ROWS
from chainrule.ops import arithmetic as A
from chainrule.ops import elementwise as E
from chainrule.ops import structural as S
from tests.native.compiling import element, kernel

TYPES = {"f": (np.float64, np.float32), "i": (np.int64, np.int32), "b": (np.bool_,)}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1.5, -2.5, 3.0, -7.0, np.inf, -np.inf, np.nan, 1e-30, -1e30, 5e-324]
WHOLE = [0, 1, -1, 2, -2, 3, -7, 100, -101, 2**31 - 1, -(2**31)]


def samples(dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind == "i":
        info = np.iinfo(dtype)
        return np.array([*WHOLE, info.max, info.min], dtype)
    rng = np.random.default_rng(3)
    spread = np.exp(rng.uniform(-60, 60, 20)) * rng.choice([-1, 1], 20)
    with np.errstate(over="ignore", under="ignore"):
        return np.array([*SPECIAL, np.finfo(dtype).tiny / 3, np.finfo(dtype).max, *spread, *rng.normal(size=20)], dtype)


def grid(dtype, arity):
    return [a.ravel() for a in np.meshgrid(*[samples(dtype)] * arity, indexing="ij")]


def inputs(op, dtype, arity):
    if op is E.where:
        x, y = grid(dtype, 2)
        return [np.arange(len(x)) % 3 == 0, x, y]
    return grid(dtype, arity)


BASIC = [
    (op, kind, dtype)
    for op, row in BY_PRIMITIVE.items()
    if not row.long
    for kind in row.kinds
    for dtype in TYPES[kind]
]


def reference(op, args):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(op.evaluate(args))


def arity(op):
    return 3 if op is E.where else len(op.partials) if getattr(op, "partials", None) else 1


@pytest.mark.parametrize(("op", "kind", "dtype"), BASIC, ids=lambda v: str(getattr(v, "__name__", v)))
def test_short_functions_are_those_of_numpy(op, kind, dtype):
    args = inputs(op, dtype, arity(op))
    try:
        expected = reference(op, args)
    except TypeError:
        pytest.skip("NumPy has no such function")
    elements, out = tuple(map(element, [a.dtype for a in args])), element(expected.dtype)
    assert supports(op, elements, out)
    for width, fma in ((1, True), (4, True), (8, True), (2, False)):
        got = kernel(op, elements, out, width, fma)(*args)
        np.testing.assert_array_equal(got, expected)
        if expected.dtype.kind == "f" and op.name not in ("fmax", "fmin"):
            number = ~np.isnan(expected)
            np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("source", [np.float64, np.float32, np.int64, np.int32, np.bool_])
@pytest.mark.parametrize("target", [np.float64, np.float32, np.int64, np.int32, np.bool_])
def test_casts_are_those_of_numpy(source, target):
    x = samples(source)
    if x.dtype.kind == "f" and np.dtype(target).kind == "i":
        with np.errstate(invalid="ignore"):
            x = x[np.abs(x) < 2e9]
    with np.errstate(all="ignore"):
        expected = x.astype(target)
    for width in (1, 8):
        got = kernel(S.cast, (element(source),), element(target), width)(x)
        np.testing.assert_array_equal(got, expected)


def test_every_row_is_a_primitive():
    assert len(BY_PRIMITIVE) == len(ROWS)
    assert set(BY_PRIMITIVE) <= set(ops.PRIMITIVES)
    assert not supports(A.less, ("double", "float"), "i1")
    assert not supports(S.reduce_sum, ("double",), "double")
