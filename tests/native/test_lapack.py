"""The routines of linear algebra against their NumPy references."""

from functools import cache

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from chainrule.errors import UndefinedDerivative
from chainrule.ir.types import ArrayType
from chainrule.native.lapack import ROUTINES
from chainrule.ops import factorizations, linalg, spectral
from tests.native.linked import aligned, linked

SIZES = (0, 1, 2, 3, 7, 20)
DTYPES = (np.float64, np.float32)
TOLERANCE = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 2e-5}


@cache
def _compiled(op, types, params):
    routine = ROUTINES[op]
    assert routine.supports(types, params)
    scratch = routine.scratch(types, params)
    inferred = op.infer(types, *params)
    results = [inferred] if isinstance(inferred, ArrayType) else list(inferred.items)
    count = len(types)

    def build(f, *pointers):
        inputs, outputs = pointers[:count], pointers[count:-1]
        return routine.emit(f, inputs, outputs, pointers[-1], types, params)

    return linked(count + len(results) + 1, build), results, scratch


def run(op, arrays, params):
    """Whether the routine failed, and its results."""
    types = tuple(ArrayType(a.shape, a.dtype) for a in arrays)
    call, results, size = _compiled(op, types, params)
    outputs = [np.full(t.shape, np.nan, t.dtype) for t in results]
    scratch = aligned(size + 64)
    before = [a.copy() for a in arrays]
    failed = call(*arrays, *outputs, scratch)
    assert (scratch[size:] == 255).all(), "written beyond the scratch memory"
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
    return failed, outputs


def reference(op, arrays, params):
    """The results of NumPy; None if it raises."""
    try:
        results = op.evaluate(arrays, *params)
    except (np.linalg.LinAlgError, UndefinedDerivative):
        return None
    return list(results) if isinstance(results, tuple) else [results]


def agree(op, arrays, params):
    arrays = [np.ascontiguousarray(a) for a in arrays]
    failed, outputs = run(op, arrays, params)
    want = reference(op, arrays, params)
    assert failed == (want is None)
    if want is None:
        return
    for out, w in zip(outputs, want, strict=True):
        assert out.dtype == w.dtype
        tolerance = TOLERANCE[out.dtype]
        np.testing.assert_allclose(out, w, rtol=tolerance, atol=tolerance * _scale(w))


def _scale(w):
    finite = w[np.isfinite(w)]
    return np.abs(finite).max(initial=1e-30)


def square(n, dtype, lead=(), seed=0):
    x = np.random.default_rng(seed + n).normal(size=(*lead, n, n)) + 2 * np.eye(n)
    return x.astype(dtype)


def definite(n, dtype, lead=()):
    a = square(n, np.float64, lead)
    return (a @ np.swapaxes(a, -1, -2) + np.eye(n)).astype(dtype)


def general(*shape, dtype):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


ONE_MATRIX = (
    (linalg.inv, ()),
    (factorizations.det, ()),
    (factorizations.slogdet, ()),
    (factorizations.cofactor, ()),
    (factorizations.cholesky, ()),
    (factorizations.qr, ()),
    (spectral.eigh, (True,)),
    (spectral.eigh, (False,)),
    (spectral.eigvalsh, (True,)),
    (spectral.eigvalsh, (False,)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("op", "params"), ONE_MATRIX, ids=lambda x: getattr(x, "name", str(x)))
def test_square(op, params, n, dtype):
    make = definite if op is factorizations.cholesky else square
    agree(op, [make(n, dtype)], params)
    agree(op, [make(n, dtype, (2, 3))], params)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_systems(n, dtype):
    for lead in ((), (2, 3)):
        a = square(n, dtype, lead) + 3 * np.eye(n, dtype=dtype)
        agree(linalg.solve, [a, general(*lead, n, dtype=dtype)], (True,))
        for lower in (True, False):
            agree(linalg.triangular_solve, [a, general(*lead, n, dtype=dtype)], (True, lower))
        for count in (0, 1, 5, 70 if n == 7 else 17):
            b = general(*lead, n, count, dtype=dtype)
            agree(linalg.solve, [a, b], (False,))
            for lower in (True, False):
                agree(linalg.triangular_solve, [a, b], (False, lower))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (7, 3), (3, 7), (20, 20), (33, 9)])
def test_rectangles(shape, dtype):
    m, n = shape
    for lead in ((), (3,)):
        a = general(*lead, m, n, dtype=dtype)
        for op in (spectral.svd, spectral.svd_of_rule):
            agree(op, [a], (False,))
        agree(spectral.svdvals, [a], ())
        agree(linalg.pinv, [a], (1e-15,))
        agree(linalg.pinv, [a], (0.5,))
        agree(linalg.regular_pinv, [a], (1e-15,))
        for count in (1, 4):
            agree(linalg.lstsq, [a, general(*lead, m, count, dtype=dtype)], (1e-15,))
        if m >= n:
            agree(factorizations.qr, [a], ())
        _completed(a)


def _completed(a):
    """The columns that complete a basis are arbitrary; what they span is not."""
    failed, (u, s, vt) = run(spectral.svd, [a], (True,))
    w, t, wt = np.linalg.svd(a)
    k, tolerance = s.shape[-1], TOLERANCE[a.dtype]
    assert not failed
    for x, y in (
        (np.abs(u[..., :k]), np.abs(w[..., :k])),
        (s, t),
        (np.abs(vt[..., :k, :]), np.abs(wt[..., :k, :])),
        ((u[..., :k] * s[..., None, :]) @ vt[..., :k, :], a),
        (u @ np.swapaxes(u, -1, -2), w @ np.swapaxes(w, -1, -2)),
        (np.swapaxes(vt, -1, -2) @ vt, np.swapaxes(wt, -1, -2) @ wt),
    ):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * _scale(t))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_singular(n, dtype):
    a = square(n, dtype)
    a[-1] = 0
    stack = np.stack([square(n, dtype), a, square(n, dtype)])
    b = general(n, 2, dtype=dtype)
    for x in (a, a.T, stack):
        agree(linalg.inv, [x], ())
        agree(factorizations.det, [x], ())
        agree(factorizations.slogdet, [x], ())
        if n > 1:
            assert run(factorizations.cofactor, [np.ascontiguousarray(x)], ())[0]
        assert run(linalg.regular_pinv, [np.ascontiguousarray(x)], (1e-15,))[0]
    agree(linalg.solve, [a, b], (False,))
    agree(linalg.solve, [a, b[:, 0]], (True,))
    for lower in (True, False):
        agree(linalg.triangular_solve, [a, b], (False, lower))
        agree(linalg.triangular_solve, [a, b[:, 0]], (True, lower))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_the_verdict_is_the_references(n, dtype):
    """Also where rounding decides whether a matrix is singular."""
    rng = np.random.default_rng(n)
    for k in range(60):
        a = rng.integers(-3, 4, size=(n, n)).astype(dtype)
        if k % 2:
            a[0] = a[1:].sum(axis=0) if k % 4 == 1 else a[1] / 3
        want = reference(linalg.inv, [a], ())
        for op, params, arrays in (
            (linalg.inv, (), [a]),
            (linalg.solve, (True,), [a, a[0].copy()]),
            (linalg.solve, (False,), [a, a[:, :2].copy()]),
        ):
            assert run(op, arrays, params)[0] == (want is None)
        if want is None:
            agree(factorizations.slogdet, [a], ())
        a = a @ a.T
        want = reference(factorizations.cholesky, [a], ())
        assert run(factorizations.cholesky, [a], ())[0] == (want is None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [2, 4, 9])
def test_badly_scaled(n, dtype):
    a = square(n, dtype) * np.array(np.logspace(-12, 12, n), dtype)
    agree(factorizations.slogdet, [a], ())
    agree(factorizations.det, [a * dtype(1e-3)], ())
    x = run(linalg.solve, [a, general(n, dtype=dtype)], (True,))[1][0]
    residual = a.astype(float) @ x - general(n, dtype=dtype)
    assert np.abs(residual).max() < TOLERANCE[np.dtype(dtype)] * 10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_not_definite(n, dtype):
    a = definite(n, dtype)
    a[n // 2, n // 2] = -1
    agree(factorizations.cholesky, [a], ())
    agree(factorizations.cholesky, [np.stack([definite(n, dtype), a])], ())
    agree(factorizations.cholesky, [np.zeros((n, n), dtype)], ())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (12, 9), (2, 4, 20), (0, 3)])
def test_triangles(shape, dtype):
    for op in (linalg.tril, linalg.triu):
        for k in (-20, -1, 0, 2, 20):
            agree(op, [general(*shape, dtype=dtype)], (k,))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad, dtype):
    """The verdict is NumPy's, and what comes out is not finite where NumPy's is not."""
    a = definite(3, dtype)
    a[1, 1] = bad
    for op, params in ((*ONE_MATRIX[:3], *ONE_MATRIX[4:], (spectral.svd, (False,)))):
        failed, outputs = run(op, [a], params)
        want = reference(op, [a], params)
        assert failed == (want is None), op
        if want is not None:
            for out, w in zip(outputs, want, strict=True):
                assert np.isfinite(out).all() == np.isfinite(w).all(), op


def test_only_one_triangle_is_read():
    a = definite(5, np.float64)
    lower = np.where(np.tri(5, dtype=bool), a, 1e3)
    agree(factorizations.cholesky, [lower], ())
    agree(spectral.eigh, [lower], (True,))
    agree(spectral.eigh, [lower], (False,))
    agree(linalg.triangular_solve, [np.where(np.tri(5, dtype=bool), a, np.nan), a[0]], (True, True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_determinants_beyond_the_range(dtype):
    big = 1e30 if dtype == np.float32 else 1e250
    for scale in ((big, big, big), (big, big, 1 / big), (1 / big, 1 / big, 1 / big), (big, 1 / big, 1)):
        a = np.diag(np.array([*scale, -1.0]).astype(dtype))
        a = np.ascontiguousarray(a[[1, 0, 2, 3]])
        agree(factorizations.slogdet, [a], ())
        with np.errstate(over="ignore"):
            agree(factorizations.det, [a], ())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["forward", "reverse", "complement"])
@pytest.mark.parametrize("w", [[0.5, 1.0, 2.5], [0.5, 0.5, 2.5], [0.0, 1.0, -1.0], [1.0, np.nan, 1.0]])
def test_turning(w, mode, dtype):
    w = np.array(w, dtype)
    plain, other = general(3, 3, dtype=dtype), general(3, 4, dtype=dtype)[:, :3]
    still, symmetric = np.zeros_like(plain), plain + plain.T
    cases = [(plain,), (plain, other), (still,), (symmetric,), (np.full_like(plain, np.nan),)]
    for sign, part, phase in ((-1, 1, False), (-1, -1, True), (1, -1, False), (1, 1, True)):
        for live in ([1, 1, 1], [0, 0, 1], [0, 0, 0]):
            live = np.array(live, bool)
            for rates in cases:
                agree(spectral.turning, [w, live, *rates], (sign, part, mode, phase))
    stack = [np.stack([x, y]) for x, y in ((w, w * 2), (live, ~live), (plain, other))]
    agree(spectral.turning, stack, (-1, 1, mode, False))


def test_what_is_not_supported():
    t = ArrayType((3, 3), np.dtype(np.complex128))
    assert not ROUTINES[linalg.inv].supports([t], ())
    t = ArrayType((3, 3), np.dtype(np.int64))
    assert not ROUTINES[linalg.inv].supports([t], ())
    one, two = ArrayType((3, 3), np.dtype(np.float32)), ArrayType((3,), np.dtype(np.float64))
    assert not ROUTINES[linalg.solve].supports([one, two], (True,))
