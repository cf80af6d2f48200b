"""Machine code of the elementwise rows against NumPy, and against 40 digits."""

import warnings

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from chainrule import ops
from chainrule.native.text import Module, Value
from chainrule.native.vector import lower, supports
from chainrule.native.vector.table import BY_PRIMITIVE, ROWS
from chainrule.ops import arithmetic as A
from chainrule.ops import elementwise as E
from chainrule.ops import structural as S
from tests.native import accuracy
from tests.native.compiling import element, kernel, machine

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
    for width, fma in ((1, True), (8, True), (2, False)):
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


LONG = [op for op, row in BY_PRIMITIVE.items() if row.long]
PLACES = [0.0, 1.0, 0.5, 2.0, 3.0, 7.0, 20.0, 100.0, 1e30, 1e-30, np.inf]


def special_values(dtype):
    info = np.finfo(dtype)
    near = [info.tiny, info.tiny / 8, info.smallest_subnormal, info.max, 1 + info.eps, 1 - info.epsneg]
    edges = [709.78, 709.79, 745.1, 745.2, 88.72, 88.73, 103.9, 104.0, 1e10, 2.0**31]
    numbers = np.array([*PLACES, *near, *edges], dtype)
    return np.concatenate([numbers, -numbers, [dtype(np.nan)]])


#: Where SciPy's own value is off, or where it gives up before the result is out of range.
KNOWN = {
    "kl_div": lambda x, y: (y > 0) & ((np.abs(x - y) < 1e-3 * x) | (x / y > 1e30) | (x / y < 1e-30)),
    "boxcox": lambda x, p: np.isinf(p) | (np.abs(p * np.log(x)) > 2) & (x > 0) | (x == np.inf) | (np.abs(x - 1) < 1e-6),
    "cosm1": lambda x: (np.abs(x) > 100) | (np.abs(x) < 1e-7),
    "exprel": lambda x: x > 700,
    "expit": lambda x: x < -80,
    "ndtr": lambda x: x < -5,
    "log_ndtr": lambda x: x > 5,
    "erfcx": lambda x: x < -9,
    "gammaln": lambda x: (np.abs(x) < 1e-300) | (x == -np.inf),
    "loggamma": lambda x: (np.abs(x) < 1e-300) | (x == -np.inf),
    "psi": lambda x: x < 0,
    "gamma": lambda x: x < 0,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", LONG, ids=str)
def test_special_values_are_those_of_numpy(op, dtype):
    if op.name == "float_power" and dtype == np.float32:
        return  # NumPy has it in double precision only
    values = special_values(dtype)
    args = [a.ravel() for a in np.meshgrid(*[values] * arity(op), indexing="ij")]
    with np.errstate(all="ignore"):
        known = KNOWN.get(op.name, lambda *args: np.zeros(args[0].shape, bool))(*args)
    args = [a[~known] for a in args]
    expected = reference(op, args)
    kind = element(dtype)
    results = [
        kernel(op, (kind,) * len(args), kind, width, fma)(*args)
        for width, fma in ((1, True), (64 // np.dtype(dtype).itemsize, True), (2, False))
    ]
    np.testing.assert_array_equal(results[0], results[1])  # wherever it lies
    small = 64 * np.finfo(dtype).eps
    for got in results[1:]:
        with np.errstate(all="ignore"):
            size = np.abs(expected)
            if op.name in ("logaddexp", "logaddexp2", "kl_div"):  # differences
                size = np.maximum(size, np.max(np.abs(args), axis=0))
            bound = small + size * small if op.name in ("gammaln", "loggamma", "psi") else 8 * np.spacing(size)
            finite = np.isfinite(got) & np.isfinite(expected)
            good = (got == expected) | (np.isnan(got) & np.isnan(expected)) | finite & (np.abs(got - expected) <= bound)
        wrong = np.flatnonzero(~good)
        assert not len(wrong), [(*(a[i] for a in args), got[i], expected[i]) for i in wrong[:4]]
        zeros = (got == 0) & (expected == 0)
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(expected[zeros]))


@pytest.mark.parametrize("name", accuracy.CASES)
def test_accuracy(name):
    for dtype in (np.float64, np.float32):
        case = accuracy.CASES[name]
        worst, where = accuracy.measure(name, dtype, 100, width=64 // np.dtype(dtype).itemsize)
        assert worst <= case.bound, (dtype, where)
        # Without the instruction the error is a little larger.
        worst, where = accuracy.measure(name, dtype, 60, fma=False, width=2)
        assert worst <= case.bound + 0.5, (dtype, where)


def test_the_page_lists_every_function():
    text = accuracy.PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in accuracy.CASES)
    for row in text.splitlines():
        if row.startswith("| `"):
            cells = [c.strip() for c in row.split("|")[1:-1]]
            bound = accuracy.CASES[cells[0].strip("`")].bound
            assert max(float(cells[1]), float(cells[3])) <= bound


@pytest.mark.parametrize("name", ["exp", "sin", "log1p", "power", "fmod", "gammaln"])
def test_an_element_is_the_same_in_every_width(name):
    op = accuracy.NAMES[name]
    args = accuracy.draw(accuracy.CASES[name], np.float64, 40)
    kinds = ("double",) * len(args)
    first = kernel(op, kinds, "double", 1)(*args)
    for width in (2, 4, 8, 16):
        np.testing.assert_array_equal(kernel(op, kinds, "double", width)(*args), first)
    np.testing.assert_array_equal(kernel(op, kinds, "double", 8, True, True)(*args), first)


def test_exponents_that_stand_in_the_program():
    module = Module(machine())
    f = module.function("f", [Value("%x", "double", 4)])
    for exponent in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0):
        lower(A.power, f, [f.parameters[0], f.constant(exponent, "double", 4)], "double")
    assert "call" not in str(f).replace("call <4 x double> @llvm.sqrt", "")
    lower(A.power, f, [f.parameters[0], f.constant(7.0, "double", 4)], "double")
    assert "@power_f64x4" in str(f)


def test_every_row_is_a_primitive():
    assert len(BY_PRIMITIVE) == len(ROWS)
    assert set(BY_PRIMITIVE) <= set(ops.PRIMITIVES)
    assert not supports(A.less, ("double", "float"), "i1")
    assert not supports(S.reduce_sum, ("double",), "double")
