"""Programs by which NumPy code meets a traced array, beyond the 52 of `test_constructs`.

Each is right to second order, compiled or not, or refused by name. Written as people write.
"""

import cmath, collections, copy, ctypes, dataclasses, decimal, fractions, functools, hashlib, itertools
import json, math
import numbers, operator, pickle, statistics, struct, array, warnings

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.special

X = np.array([1.3, 2.2, 0.7])
A = np.array([[2.0, 1, 0], [1, 3, 0.5], [0, 0.5, 4]])
RIGHT = {}
REFUSED = {}


def right(f):
    RIGHT[f.__name__] = f
    return f


def refused(words):
    def mark(f):
        REFUSED[f.__name__] = f, words
        return f

    return mark


@right
def arr_tolist(x):
    return sum(t**2 for t in np.array([x[0], x[1]]).tolist())


@right
def mask_assign(x):
    a = np.zeros(3)
    a[x > 1] = x[0]
    return np.sum(a * x)


@right
def mask_iadd(x):
    a = np.ones(3)
    a[x > 1] += x[0]
    return np.sum(a * x)


@right
def fancy_iadd(x):
    a = np.ones(3)
    a[[0, 2]] += x[:2]
    return np.sum(a**2)


@right
def mul_at(x):
    a = np.ones(4)
    np.multiply.at(a, np.array([0, 1, 2]), x**2)
    return np.sum(a**2)


@right
def np_put(x):
    a = np.zeros(4)
    np.put(a, [0, 2], x[:2])
    return np.sum(a**2)


@right
def np_place(x):
    a = np.arange(3.0)
    np.place(a, a > 0.5, x[:2])
    return np.sum(a**2)


@right
def np_putmask(x):
    a = np.arange(3.0)
    np.putmask(a, a > 0.5, x)
    return np.sum(a**2)


@right
def np_copyto(x):
    a = np.zeros(3)
    np.copyto(a, x)
    return np.sum(a**2)


@right
def np_copyto_where(x):
    a = np.ones(3)
    np.copyto(a, x, where=x > 1)
    return np.sum(a**2)


@right
def fill_diagonal(x):
    a = np.zeros((3, 3))
    np.fill_diagonal(a, x)
    return np.linalg.det(a + A)


@right
def put_along(x):
    a = np.zeros((2, 3))
    np.put_along_axis(a, np.array([[0], [2]]), x[:2].reshape(2, 1), 1)
    return np.sum(a**2)


@right
def ufunc_where(x):
    return np.sum(np.sqrt(x, where=x > 1, out=np.zeros(3)))


@right
def divide_where(x):
    return np.sum(np.divide(1.0, x, out=np.zeros_like(x), where=x != 0))


@right
def sum_where(x):
    return np.sum(x**2, where=x > 1) + np.mean(x, where=x > 1) + np.max(x, where=x < 2, initial=0.0)


@right
def view_of_view(x):
    a = np.zeros((2, 3))
    v = a[1]
    w = v[1:]
    w[:] = x[:2]
    w[0] *= 2
    return np.sum(a**2)


@right
def reshape_buf(x):
    a = np.zeros(6)
    b = a.reshape(2, 3)
    b[0] = x
    b.T[0, 1] = x[0]
    return np.sum(a**2)


@right
def nditer(x):
    s = 0.0
    for t in np.nditer(x):
        s = s + t**2
    return s


@right
def nditer_rw(x):
    a = np.array(x)
    with np.nditer(a, op_flags=["readwrite"]) as it:
        for t in it:
            t[...] = 2 * t
    return np.sum(a**2)


@right
def nditer_multi(x):
    s = 0.0
    for a, b in np.nditer([x, np.ones(3)]):
        s = s + a * b
    return s


@right
def ndenumerate(x):
    s = 0.0
    for i, t in np.ndenumerate(x):
        s = s + (i[0] + 1) * t**2
    return s


@right
def vectorize_sig(x):
    return np.sum(np.vectorize(lambda t: t**2, signature="(n)->(n)")(np.stack([x, x])))


@right
def vectorize_excl(x):
    return np.sum(np.vectorize(lambda t, q: t**q, excluded=["q"])(x, q=2))


@right
def vectorize_deco(x):
    @np.vectorize
    def g(t):
        return t**3

    return np.sum(g(x))


@right
def frompyfunc(x):
    g = np.frompyfunc(lambda t: t**2, 1, 1)
    return np.sum(g(x))


@right
def fromiter(x):
    return np.sum(np.fromiter((t**2 for t in x), float))


@right
def reduce_op(x):
    return functools.reduce(operator.mul, list(x))


@right
def accumulate_(x):
    return sum(itertools.accumulate(x, operator.mul))


@right
def sorted_(x):
    return sum((k + 1) * t**2 for k, t in enumerate(sorted(x)))


@right
def max_key(x):
    return max(x, key=lambda t: abs(t - 2)) ** 2


@right
def stat_mean(x):
    return statistics.mean(x) ** 2


@right
def stat_fmean(x):
    return statistics.fmean(x) ** 2


@right
def stat_stdev(x):
    return statistics.stdev(x) ** 2


@right
def stat_median(x):
    return statistics.median(x) ** 2


@right
def stat_normal(x):
    return statistics.NormalDist(x[0], 2.0).pdf(x[1])


@right
def frac(x):
    return float(fractions.Fraction(1, 3)) * x[0] ** 2


@right
def dataclass_(x):
    @dataclasses.dataclass
    class D:
        a: float
        b: float = 2.0

    d = D(x[0])
    return d.a**2 * d.b + dataclasses.asdict(d)["a"]


@right
def namedtuple_(x):
    T = collections.namedtuple("T", "a b")
    t = T(x[0], x[1])
    return t.a * t.b


@right
def deepcopy_(x):
    y = copy.deepcopy(x)
    y[0] = 0
    return np.sum(x**2) + np.sum(y**3)


@right
def generator_(x):
    def g():
        for t in x:
            yield t**2

    return sum(g())


@right
def iadd_arg(x):
    y = x * 1
    y += x
    y *= y
    y /= 2
    y -= 1
    y **= 2
    return np.sum(y)


@right
def sliding(x):
    return np.sum(
        np.lib.stride_tricks.sliding_window_view(x, 2) ** 2 * np.arange(4.0).reshape(2, 2)
    )


@right
def errstate(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(np.log(x))


@right
def testing_arr(x):
    np.testing.assert_array_less(x, 5)
    np.testing.assert_array_equal(np.sign(x), np.ones(3))
    return np.sum(x**2)


@right
def warn(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.sum(np.sqrt(x))


@right
def block(x):
    return np.linalg.det(np.block([[A, x[:, None]], [x[None, :], np.array([[5.0]])]]))


@right
def s_(x):
    return np.sum(x[np.s_[1:]] ** 2)


@right
def mgrid(x):
    g = np.mgrid[0:3]
    return np.sum(g * x)


@right
def ogrid(x):
    a, b = np.ogrid[0:3, 0:3]
    return np.sum((a * x) * (b * x))


@right
def ix(x):
    m = np.outer(x, x)
    return np.sum(m[np.ix_([0, 2], [1, 2])] ** 2)


@right
def meshgrid(x):
    a, b = np.meshgrid(x, x**2)
    return np.sum(a * b)


@right
def datetime(x):
    t = np.array(["2020-01-01", "2020-01-03"], dtype="datetime64[D]")
    d = (t[1] - t[0]) / np.timedelta64(1, "D")
    return x[0] ** 2 * d


@right
def obj(x):
    a = np.empty(3, dtype=object)
    for k in range(3):
        a[k] = x[k]
    return np.sum(a**2)


@right
def obj2(x):
    a = np.array([x[0], x[1]], dtype=object)
    return np.sum(a**2)


@right
def obj_dot(x):
    a = np.array(list(x), dtype=object)
    return a.dot(a)


@right
def ragged(x):
    return len(np.array([x[:2], x], dtype=object)) * x[0]


@right
def complex_(x):
    return abs(complex(x[0], x[1])) ** 2


@right
def complex_attr(x):
    z = complex(x[0], x[1])
    return z.real * z.imag + (z * z.conjugate()).real


@right
def np_complex(x):
    return np.abs(np.complex128(x[0] + 1j * x[1])) ** 2


@right
def divmod_(x):
    q, r = divmod(x[1], 1.0)
    return r**2 + q


@right
def round_(x):
    return round(x[0], 1) * x[1]


@right
def is_integer(x):
    return x[0] ** 2 if not float(x[0]).is_integer() else x[0]


@right
def np_select(x):
    return np.sum(np.select([x < 1, x < 2], [x**2, x**3], 0.0))


@right
def piecewise(x):
    return np.sum(np.piecewise(x, [x < 1, x >= 1], [lambda t: t**2, lambda t: t**3]))


@right
def insert(x):
    return np.sum(np.insert(x, 1, x[0]) ** 2 * np.arange(4.0)) + np.sum(np.delete(x, 1) ** 2)


@right
def pad(x):
    return np.sum(np.pad(x, 2, mode="reflect") ** 2)


@right
def newaxis(x):
    return np.sum((x[:, None] - x[None, :]) ** 2)


@right
def assign_rev(x):
    a = np.zeros(3)
    a[::-1] = x
    a[::2] *= 2
    return np.sum(a * np.arange(3.0))


@right
def swap(x):
    a = x.copy()
    a[0], a[1] = a[1], a[0]
    return np.sum(a**2 * np.arange(3.0))


@right
def swap_rows(x):
    a = np.outer(x, x)
    a[[0, 1]] = a[[1, 0]]
    return np.sum(a * A)


@right
def buf_partition(x):
    y = np.zeros(3)
    y[:] = x
    y.partition(1)
    return np.sum(y * np.arange(3.0))


@right
def buf_flat(x):
    y = np.zeros((2, 2))
    y.flat[1] = x[0]
    y.flat[[2, 3]] = x[1:]
    return sum(t**2 for t in y.flat)


@right
def buf_lists(x):
    y = np.zeros(3)
    y[:] = x
    return math.fsum(y) + sum(y.tolist()) + math.sqrt(y[0]) + float(y[1])


@right
def buf_scipy(x):
    y = np.zeros(3)
    y[:] = x
    return np.sum(scipy.special.erf(y)) + np.sum(scipy.linalg.solve(A, y) ** 2)


@right
def buf_dot2(x):
    y = np.zeros(3)
    y[:] = x
    return np.sum(A @ y) + y.dot(A).sum()


@right
def buf_sparse(x):
    y = np.zeros(3)
    y[:] = x
    return np.sum((scipy.sparse.csr_matrix(A) @ y) ** 2)


@right
def math_floor(x):
    return math.floor(x[1]) * x[0] + math.ceil(x[0]) * x[1] + math.trunc(x[1]) * x[0]


@right
def math_copysign(x):
    return math.copysign(x[0], -1.0) * x[1] + math.fmod(x[1], 1.5) * x[0]


@right
def math_dist(x):
    return math.dist([x[0], 1.0], [0.0, x[1]])


@right
def map_(x):
    return sum(map(math.sin, x))


@right
def revd(x):
    return sum(k * t**2 for k, t in enumerate(reversed(x)))


@right
def match_(x):
    match x[0]:
        case float():
            return x[0] ** 2
        case _:
            return x[1]


@right
def isnum(x):
    return (
        x[0] ** 2 if isinstance(x[0], numbers.Number) and isinstance(x[0], numbers.Real) else x[1]
    )


@right
def isseq(x):
    return x[0] ** 2 if isinstance(x, (list, tuple, np.ndarray)) else x[1]


@right
def typ(x):
    return x[0] ** 2 if type(x) is np.ndarray else x[1]


@right
def hasattr_(x):
    return x[0] ** 2 if hasattr(x, "__len__") and not hasattr(x[0], "__len__") else x[1]


@right
def dtype_type(x):
    return x[0] ** 2 if x.dtype.type is np.float64 else x[1]


@right
def common_type(x):
    return x[0] ** 2 if np.common_type(x) is np.float64 else x[1]


@right
def strides(x):
    return x.strides[0] * x[0]


@right
def base(x):
    return x[0] ** 2 if x.base is None else x[0]


@right
def device(x):
    return x[0] ** 2 if x.device == "cpu" else x[1]


@right
def array_namespace(x):
    xp = x.__array_namespace__()
    return xp.sum(x**2)


@right
def callable_in(x):
    return np.fromfunction(lambda i: i * x[0], (3,)).sum()


@right
def poly1d_c(x):
    return np.poly1d([1.0, 2.0, 3.0])(x[0])


@right
def Polynomial_c(x):
    return np.polynomial.Polynomial([1.0, 2.0, 3.0])(x[0])


@right
def bool_idx_list(x):
    return np.sum(x[[True, False, True]] ** 2)


@right
def mask_nd_write(x):
    m = np.outer(x, x)
    m[m > 2] = 0
    m[x < 1] = x
    m[:, 0][x > 1] = 1.0
    return np.sum(m**2)


@right
def aug_tuple(x):
    m = np.zeros((3, 3))
    m[np.arange(3), np.arange(3)] += x
    m[[0, 1], :] *= 2
    return np.sum(m**2 + m)


@right
def tril_assign(x):
    L = np.zeros((2, 2))
    L[np.tril_indices(2)] = x
    return np.sum((L @ L.T) ** 2)


@right
def diag_view(x):
    L = np.eye(3)
    L[np.diag_indices(3)] = np.exp(x)
    return np.linalg.slogdet(L)[1] ** 2


@right
def einsum_view(x):
    L = np.zeros((3, 3))
    np.einsum("ii->i", L)[:] = x
    return np.sum(L**2)


@right
def try_exc(x):
    try:
        return math.sqrt(x[0] - 5)
    except ValueError:
        return x[0] ** 2


@right
def log_exc(x):
    s = 0.0
    for t in x:
        try:
            s += math.log(t - 1)
        except ValueError:
            s += t**2
    return s


@right
def exp_over(x):
    try:
        return math.exp(1000 * x[0])
    except OverflowError:
        return x[0] ** 2


@right
def np_iterable(x):
    return x[0] ** 2 if np.iterable(x) and not np.iterable(x[0]) else x[1]


@right
def outer_buf(x):
    o = np.zeros((3, 3))
    np.outer(x, x, out=o)
    return np.sum(o * A)


@right
def matmul_out(x):
    o = np.zeros(3)
    np.matmul(A, x, out=o)
    np.dot(A, x, o)
    return np.sum(o**2)


@right
def cumsum_out(x):
    o = np.zeros(3)
    np.cumsum(x, out=o)
    return np.sum(o**2)


@right
def einsum_out(x):
    o = np.zeros(3)
    np.einsum("ij,j->i", A, x, out=o)
    return np.sum(o**2)


@right
def clip_out(x):
    o = np.zeros(3)
    np.clip(x, 1, 2, out=o)
    return np.sum(o**2)


@right
def concat_out(x):
    o = np.zeros(6)
    np.concatenate([x, x], out=o)
    return np.sum(o**2)


@right
def class_prog(x):
    class Net:
        def __init__(s, w):
            s.w = np.asarray(w)
            s.log = []

        def __call__(s, v):
            s.log.append(v)
            return s.w * v

    n = Net(x)
    n(2.0)
    return np.sum(n(3.0) ** 2) + np.sum(n.log[0])


@right
def append_loop(x):
    a = np.array([])
    for t in x:
        a = np.append(a, t**2)
    return np.sum(a)


@right
def while_conv(x):
    t = x.copy()
    while np.max(np.abs(t - np.cos(t))) > 1e-12:
        t = t - (t - np.cos(t)) / (1 + np.sin(t)) * 1.0
    return np.sum(t * x)


@right
def recursion(x):
    def r(k):
        return x[0] if k == 0 else r(k - 1) * x[1]

    return r(3)


@right
def inner_nonlocal(x):
    t = 0.0

    def add(v):
        nonlocal t
        t += v

    for v in x:
        add(v**2)
    return t


@right
def shape_assign(x):
    y = x * 2
    y.shape = (3, 1)
    return np.sum(y @ y.T)


@right
def try_float(x):
    try:
        v = float(x)
    except TypeError:
        v = x[0] ** 2
    return v


@right
def sum_start(x):
    return sum(x, start=x[0]) + sum([x, x * 2])[0]


@right
def dtype_type(x):
    return x[0] ** 2 if x.dtype.type is np.float64 else x[1]


@right
def setitem_slice_obj(x):
    a = np.zeros((3, 4))
    s = slice(1, 3)
    a[s, np.array([0, 2])] = x[:2]
    a[..., -1] = x
    return np.sum(a**2)


@right
def neg_fancy(x):
    a = np.zeros(4)
    a[-2:] = x[:2]
    a[[-4]] = x[2]
    return np.sum(a**2 * np.arange(1, 5))


@right
def boolean_scalar_mask(x):
    a = np.zeros(3)
    a[True] = x
    return np.sum(a**2)


@right
def newaxis_assign(x):
    a = np.zeros((1, 3))
    a[0, :, None] = x[:, None]
    return np.sum(a**2)


@right
def bcast_assign(x):
    a = np.zeros((2, 3))
    a[:] = x
    a[:, 1:2] = x[0]
    return np.sum(a**2)


@right
def iadd_mask_2d(x):
    a = np.outer(x, x)
    a[a > 1] -= x[0]
    return np.sum(a**2)


@right
def where_out(x):
    a = np.zeros(3)
    np.add(x, 1, out=a, where=x > 1)
    np.sqrt(a, out=a)
    return np.sum(a * x)


@right
def at_2d(x):
    a = np.zeros((2, 2))
    np.add.at(a, ([0, 0, 1], [1, 1, 0]), x)
    return np.sum(a**2)


@right
def out_self(x):
    y = x.copy()
    np.exp(y, out=y)
    np.multiply(y, y, out=y)
    return np.sum(y)


@right
def iter_rows_write(x):
    a = np.stack([x, x])
    for r in a:
        r[0] = r[1] * 2
    return np.sum(a**2)


@right
def list_of_buffers(x):
    l = [np.zeros(2) for _ in range(3)]
    for k, b in enumerate(l):
        b[:] = x[k]
    return np.sum(np.array(l) ** 2) + np.sum(np.concatenate(l))


@right
def dict_acc(x):
    from collections import defaultdict

    d = defaultdict(float)
    for k, t in enumerate(x):
        d[k % 2] += t**2
    return d[0] * d[1]


@right
def npsum_generator(x):
    return sum(np.sin(t) for t in x) + np.sum(np.fromiter((t for t in x), dtype=float, count=3))


@right
def str_key(x):
    return {"a": x[0]}.get("a") * x[1]


@right
def lambda_default(x):
    fs = [lambda t, k=k: t**k for k in range(3)]
    return sum(f(t) for f, t in zip(fs, x))


@right
def walrus(x):
    return (y := x[0] ** 2) + y * x[1]


@right
def starred(x):
    a, *b = x
    return a * sum(b)


@right
def complex_abs(x):
    return abs(x[0] + 1j * x[1])


@right
def floor_mod(x):
    return x[1] // 0.5 * x[0] + x[1] % 0.5


@right
def npmod(x):
    return np.sum(np.mod(x, 0.6) * x) + np.sum(np.fmod(x, 0.6))


@right
def int_cast_arr(x):
    return np.sum(x.astype(int) * x)


@right
def view_float(x):
    return np.sum(x.view(np.float64) ** 2)


@right
def copy_order(x):
    return np.sum(np.asfortranarray(np.outer(x, x))[0] ** 2)


@right
def poly_class(x):
    return np.polynomial.Polynomial([x[0], x[1]])(2.0)


@right
def chararr(x):
    return x[0] * len("abc")


@right
def npfinfo(x):
    return x[0] + np.finfo(float).eps


@right
def isin_dtype(x):
    return x[0] ** 2 if x.dtype in (np.float32, np.float64) else x[1]


@right
def isinst_tuple(x):
    return x[0] ** 2 if isinstance(x[0], (int, float, np.number)) else x[1]


@right
def abc_seq(x):
    import collections.abc as c

    return x[0] ** 2 if not isinstance(x, c.Sequence) else x[1]


@right
def abc_iter(x):
    import collections.abc as c

    return x[0] ** 2 if isinstance(x, c.Iterable) else x[1]


@right
def try_len(x):
    try:
        n = len(x[0])
    except TypeError:
        n = 1
    return n * x[0] ** 2


@right
def try_iter(x):
    try:
        s = sum(t for t in x[0])
    except TypeError:
        s = x[0] ** 2
    return s


@right
def scalar_index(x):
    return x[0][()] ** 2


@right
def scalar_shape(x):
    return x[0].reshape(1)[0] ** 2 + x[1].ndim + x[0].size * x[1]


@right
def getattr_def(x):
    return getattr(x, "foo", x[0]) ** 2


@refused("operations of its own")
def matrix_(x):
    return np.sum(np.asarray(np.matrix(A) * np.matrix(x).T))


@refused("operations of its own")
def matrix_of_constants(x):
    return np.sum(np.asmatrix(A) + x)


class Metres(np.ndarray):
    """Numbers with a unit: what a sum of them means is decided here."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        if not all(isinstance(x, Metres) for x in inputs):
            return NotImplemented
        return getattr(ufunc, method)(*[np.asarray(x) for x in inputs], **keywords)


@refused("Metres has operations of its own")
def units(x):
    return np.sum(np.ones(1).view(Metres) * x)


@refused("compiled")
def buf_dot(x):
    y = np.zeros(3)
    y[:] = x
    return A.dot(y).sum()


@refused("longdouble")
def longdouble(x):
    return np.longdouble(x[0]) ** 2


@refused("Tracer|traced|bytes-like")
def memview(x):
    return np.sum(np.asarray(memoryview(x)))


@refused("compiled")
def buf_memview(x):
    y = np.zeros(3)
    y[:] = x
    return sum(memoryview(y))


@refused("tobytes")
def buf_tobytes(x):
    y = np.zeros(3)
    y[:] = x
    return np.sum(np.frombuffer(y.tobytes()))


@refused("pickling")
def pickle_(x):
    return pickle.loads(pickle.dumps(x)).sum()


@refused("key")
def memo(x):
    @functools.lru_cache
    def f(t):
        return t**2

    return f(x[0])


@refused("key")
def dict_key(x):
    d = {x[0]: 1}
    return x[0] ** 2


@refused("hex")
def hex_(x):
    return float.fromhex(float(x[0]).hex()) * x[1]


@refused("integer_ratio")
def as_int_ratio(x):
    return float(x[0]).as_integer_ratio()[0] * x[1]


@refused("data")
def data_(x):
    return np.asarray(x.data).sum()


@refused("masked_array")
def masked(x):
    m = np.ma.masked_array(x, mask=[0, 1, 0])
    return m.sum() ** 2


@refused("Decimal")
def decimal_(x):
    return float(decimal.Decimal(float(x[0]))) * x[1]


@refused("resize")
def resize_m(x):
    y = x.copy()
    y.resize(2)
    return np.sum(y**2)


@refused("float")
def ctypes_double(x):
    return ctypes.c_double(x[0]).value * x[1]


@refused("float")
def array_array2(x):
    return sum(array.array("d", [x[0]])) * x[1]


@refused("byteswap")
def byteswap(x):
    return np.sum(x.byteswap().byteswap())


@refused("setfield")
def buf_setfield(x):
    y = np.zeros(3)
    y[:] = x
    y.setfield(1.0, float)
    return np.sum(y * x)


@refused("float")
def struct_pack(x):
    return struct.unpack("d", struct.pack("d", x[0]))[0] * x[1]


@refused("outside")
def struct_array(x):
    a = np.zeros(3, dtype=[("p", float), ("q", float)])
    a["p"] = x
    return np.sum(a["p"] ** 2)


@refused("JSON")
def a_number_as_json(x):
    return len(json.dumps(x[0])) * x[0]


@refused("JSON")
def arrays_as_json(x):
    return len(json.dumps({"x": [x]})) * x[0]


@refused("was given a traced array")
def an_array_as_bytes(x):
    return len(bytes(x)) * x[0]


@refused("buffer")
def the_digest_of_an_array(x):
    return len(hashlib.sha256(x).digest()) * x[0]


@refused(r"x\.ctypes would cut")
def the_address_of_an_array_of_numbers(x):
    a = np.zeros(3)
    a[0] = x[0]
    return ctypes.c_double.from_address(a.ctypes.data).value * x[0]


@refused("was given a traced array")
def a_number_as_an_index(x):
    return [1.0, 2.0, 3.0][x[0]] * x[0]
