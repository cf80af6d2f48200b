"""Products by BLAS from generated code against NumPy."""

import ctypes
import itertools

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from chainrule.native import blas
from chainrule.native.text import STORAGE, Value
from tests.native.linked import linked, matrix

DTYPES = (np.float64, np.float32)
#: ``(alpha, beta)``
FACTORS = ((1, 0), (2, 1), (-1, 0.5), (0, 0), (0, 2))
SIZES = ((2, 3, 4), (7, 1, 5), (1, 7, 3), (5, 6, 1), (1, 1, 1), (20, 7, 13), (3, 4, 0), (0, 2, 3), (2, 0, 3))


def close(x, want):
    tolerance = 1e-12 if x.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(x, want, rtol=tolerance, atol=tolerance * np.abs(want).max(initial=1))


def laid_out(rng, shape, layout, dtype):
    """An array by rows (C), by columns (F), or either with gaps (c, f)."""
    if layout in "cf":
        wide = rng.normal(size=(shape[0] + 2, shape[1] + 3)).astype(dtype, order=layout.upper())
        return wide[1:-1, 1:-2]
    return rng.normal(size=shape).astype(dtype, order=layout)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layouts", ["".join(x) for x in itertools.product("CFcf", "CF", "CFcf")])
def test_gemm(layouts, dtype):
    rng = np.random.default_rng(0)
    cases = []
    for (m, n, k), (alpha, beta) in itertools.product(SIZES, FACTORS):
        shapes = (m, k), (k, n), (m, n)
        cases.append((alpha, beta, *(laid_out(rng, s, o, dtype) for s, o in zip(shapes, layouts, strict=True))))

    def build(f, *pointers):
        for i, (alpha, beta, *arrays) in enumerate(cases):
            a, b, c = (matrix(p, x) for p, x in zip(pointers[3 * i : 3 * i + 3], arrays, strict=True))
            assert a.is_blas_able
            blas.gemm(f, a, b, c, alpha, beta)

    wanted = []
    for alpha, beta, a, b, c in cases:
        wanted.append(alpha * (a @ b) + (beta * c if beta else 0))
        if beta == 0:
            c[...] = np.nan
    linked(3 * len(cases), build)(*itertools.chain(*(case[2:] for case in cases)))
    for (*_, c), want in zip(cases, wanted, strict=True):
        close(c, want)


def _gemv(a, x, incx, y, incy, *factors):
    linked(3, lambda f, p, q, r: blas.gemv(f, matrix(p, a), q, incx, r, incy, *factors))(a, x, y)


def _ger(x, incx, y, incy, a, alpha):
    linked(3, lambda f, p, q, r: blas.ger(f, p, incx, q, incy, matrix(r, a), alpha))(x, y, a)


def _syrk(a, c, *factors):
    linked(2, lambda f, p, q: blas.syrk(f, matrix(p, a), matrix(q, c), *factors))(a, c)


def _dot(count, x, incx, y, incy):
    out = np.full((), np.nan, x.dtype)
    element = STORAGE[x.dtype]
    linked(3, lambda f, p, q, r: f.store(blas.dot(f, element, count, p, incx, q, incy), r))(x, y, out)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", "CFcf")
def test_gemv(layout, dtype):
    rng = np.random.default_rng(1)
    for (m, n), (incx, incy) in itertools.product([(3, 5), (1, 4), (4, 1), (0, 2), (2, 0)], [(1, 1), (2, 3)]):
        a = laid_out(rng, (m, n), layout, dtype)
        x, y = rng.normal(size=(n, incx)).astype(dtype), rng.normal(size=(m, incy)).astype(dtype)
        for alpha, beta in FACTORS:
            want = y.copy()
            want[:, 0] = alpha * (a @ x[:, 0]) + (beta * y[:, 0] if beta else 0)
            out = y.copy()
            if beta == 0:
                out[:, 0] = np.nan
            _gemv(a, x, incx, out, incy, alpha, beta)
            close(out, want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", "CFcf")
def test_ger_and_syrk(layout, dtype):
    rng = np.random.default_rng(2)
    for m, n in [(3, 5), (1, 4), (4, 1), (1, 1), (0, 2), (2, 0), (9, 4)]:
        a = laid_out(rng, (m, n), layout, dtype)
        x, y = rng.normal(size=(m, 2)).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)
        want = a + 2 * np.outer(x[:, 0], y[:, 0])
        _ger(x, 2, y, 3, a, 2)
        close(a, want)
        for alpha, beta in FACTORS:
            c = laid_out(rng, (m, m), layout, dtype)
            c[...] = c + c.T
            want = alpha * (a @ a.T) + beta * c
            if beta == 0:
                c[...] = np.nan
            _syrk(a, c, alpha, beta)
            close(c, want)
        count = min(m, n)
        close(_dot(count, x, 2, y, 3), x[:count, 0] @ y[:count, 0])


def test_what_blas_cannot_read():
    pointer = Value("%p", "ptr")
    assert not blas.Matrix(pointer, 3, 4, 8, 2).is_blas_able
    assert not blas.Matrix(pointer, 3, 4, 0, 1).is_blas_able  # one row, repeated
    assert blas.Matrix(pointer, 3, 4, 4, 1).is_blas_able
    assert blas.Matrix(pointer, 3, 1, 5, 0).is_blas_able


def test_addresses():
    """The routine behind a symbol is the one of that name."""
    assert blas.is_library_symbol("blas_ddot")
    assert not blas.is_library_symbol("exp")
    width = ctypes.c_int32 if blas.integer() == "i32" else ctypes.c_int64
    x, n, one = np.arange(4.0), width(4), width(1)
    nrm2 = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_void_p] * 3)(blas.address("blas_dnrm2"))
    assert nrm2(ctypes.addressof(n), x.ctypes.data, ctypes.addressof(one)) == np.linalg.norm(x)
    with pytest.raises(KeyError):
        blas.address("blas_no_such_routine")


def test_one_thread_for_a_while():
    """The number of threads is one within, and after it what it was before."""
    seen = np.zeros(3, np.int32)

    def build(f, out):
        def note(k):
            count = f.external("blas_threads", [], "i32")
            f.store(count, f.offset(out, "i32", k))

        note(0)
        with blas.alone(f, 1000), blas.alone(f, 1000):
            note(1)
        note(2)

    try:
        get, put = blas.address("blas_threads"), blas.address("blas_set_threads")
    except IndexError:
        pytest.skip("not OpenBLAS")
    threads = ctypes.CFUNCTYPE(ctypes.c_int)(get)
    set_threads = ctypes.CFUNCTYPE(None, ctypes.c_int)(put)
    before = threads()
    try:
        for count in (1, 2):
            set_threads(count)
            linked(1, build)(seen)
            assert seen.tolist() == [count, 1, count]
    finally:
        set_threads(before)
