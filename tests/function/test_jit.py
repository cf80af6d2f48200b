"""`jit(f)` is `f`: the same results and errors, however f is written and called."""

# ruff: noqa: PLE0643, PLR0124, S301, C416, RUF015 - the programs are of any kind

import copy
import math
import os
import pickle
import random
import threading
import warnings
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field, is_dataclass
from fractions import Fraction
from functools import partial

import chainrule as cr
import numpy as np
import pytest
from chainrule.errors import ArgumentError
from chainrule.function import paths

X = np.array([0.5, -1.0, 2.0])
RNG = np.random.default_rng(0)


def same(a, b):
    """Equal in type, structure and value, up to rounding and views."""
    if is_dataclass(b):
        return type(a) is type(b) and same(vars(a), vars(b))
    if isinstance(b, dict):
        assert type(a) is type(b)
        assert list(a) == list(b)
        return all(same(a[k], b[k]) for k in b)
    if isinstance(b, list | tuple):
        assert type(a) is type(b)
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, np.ndarray | np.generic):
        assert a.dtype == b.dtype
        assert np.shape(a) == np.shape(b)
        if b.dtype.kind in "fc":
            return np.allclose(a, b, rtol=1e-5 if b.dtype.itemsize < 8 else 1e-12, equal_nan=True)
        return np.array_equal(a, b)
    assert type(a) is type(b) or isinstance(a, type(b))
    return a == b or (a != a and b != b) or math.isclose(a, b)


def agree(f, *calls):
    """Three rounds of all calls, jitted and not; errors included."""
    g = cr.jit(f)
    for _ in range(3):
        for args in calls:
            try:
                expected, error = f(*copy.deepcopy(args)), None
            except Exception as e:  # noqa: BLE001 - whatever f raises
                expected, error = None, e
            if error is None:
                assert same(g(*args), expected)
            else:
                with pytest.raises(type(error)):
                    g(*args)
    return g


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - a user's


@dataclass
class State:
    w: np.ndarray
    b: float = 1.0
    name: str = "s"
    parts: list = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    w: np.ndarray
    n: int = 2


PROGRAMS = {
    "arithmetic": (lambda x: x * 2 + 1, (X,)),
    "two": (lambda x, y: x @ y, (X, X)),
    "float": (lambda x: x * 2, (3.0,)),
    "float of math": (lambda x: math.sin(x) + 1, (3.0,)),
    "int": (lambda n: n * 2, (3,)),
    "int as size": (lambda n: np.zeros(n) + n, (3,)),
    "bool": (lambda x, flag: x if flag else -x, (X, True), (X, False)),
    "string": (lambda x, s: x * len(s), (X, "abc"), (X, "ab")),
    "none": (lambda x, y=None: x if y is None else x + y, (X,), (X, None), (X, 1.0)),
    "function": (lambda f, x: f(x), (np.sin, X), (np.cos, X), (len, X)),
    "complex": (lambda z: z * np.conj(z) + abs(z), (X + 1j,), (1 + 2j,)),
    "float32": (lambda x: np.exp(x) * 2.0, (X.astype(np.float32),)),
    "int array": (lambda x: x // 2 + x % 3, (np.arange(5),)),
    "bool array": (lambda x: x & ~x | x, (np.array([True, False]),)),
    "uint8": (lambda x: x + x, (np.array([200, 100], np.uint8),)),
    "scalar of numpy": (lambda x: x * 2, (np.float32(1.5),), (np.float64(2.5),), (np.int64(3),)),
    "0-d": (lambda x: x * 2 + 1, (np.array(2.0),)),
    "empty": (lambda x: (x * 2, x.sum()), (np.zeros((0, 3)),)),
    "fortran": (lambda x: x @ x.T, (np.asfortranarray(RNG.normal(size=(3, 4))),)),
    "strided": (lambda x: x * 2, (np.arange(10.0)[::2],), (np.arange(6.0).reshape(2, 3).T,)),
    "broadcast": (lambda x: x + 1, (np.broadcast_to(X, (2, 3)),)),
    "big endian": (lambda x: x + 1, (X.astype(">f8"),)),
    "list of arrays": (lambda xs: [x * 2 for x in xs], ([X, X * 2],), ([X],), ([],)),
    "list of floats": (lambda xs: sum(xs), ([1.0, 2.0],), ([1.0, 2.0, 3.0],)),
    "dict": (lambda p: {"w": p["w"] * p["b"], "n": None}, ({"w": X, "b": 2.0},)),
    "ordered dict": (lambda p: list(p.values())[0] * 2, (OrderedDict(a=X, b=X),)),
    "order of a dict": (
        lambda p: [v for v in p.values()][0],
        ({"a": X, "b": 2 * X},),
        ({"b": 2 * X, "a": X},),
    ),
    "named tuple": (lambda p: Pair(p.b, p.a * 2), (Pair(X, 2.0),)),
    "star": (lambda *xs: sum(xs), (X,), (X, X), (X, X, 2.0)),
    "keywords": (lambda x, **k: x * k.get("a", 1.0), (X,)),
    "nothing": (lambda: np.ones(3) * 2, ()),
    "returns none": (lambda x: None, (X,)),
    "returns nothing traced": (lambda x: (1, "a", [2.0]), (X,)),
    "returns arguments": (lambda x, y: (x, y, x), (X, 2.0)),
    "returns views": (lambda x: (x[1:], x.T, x.reshape(3, 1)), (X,)),
    "shape": (lambda x: x.reshape(x.shape[0], -1) * x.ndim, (np.ones((2, 3, 4)),)),
    "generator": (lambda x: sum(v * v for v in x), (X,)),
    "iteration": (lambda x: [v + 1 for v in x], (X,)),
    "tolist": (lambda x: sum(x.tolist()), (X,)),
    "mask": (lambda x: x[x > 0].sum(), (X,), (-X,), (X * 0,)),
    "where": (lambda x: np.where(x > 0, x, 0.0), (X,), (-X,)),
    "argmax": (lambda x: x[np.argmax(x)], (X,), (-X,)),
    "index array": (lambda x, i: x[i], (X, np.array([0, 2, 2])), (X, np.array([1, 0, 0]))),
    "index": (lambda x, i: x[i], (X, 0), (X, 1), (X, -1), (X, 5)),
    "buffer": (
        lambda x: [b := np.zeros(3), b.__setitem__(1, x[0] * 2), b][-1],
        (X,),
    ),
    "float of an element": (lambda x: x * float(x[0]), (X,), (2 * X,)),
    "int of an element": (lambda x: x * int(x[0]), (X,), (4 * X,), (-3 * X,)),
    "text": (lambda x: f"{x[0]:.2f} {x.sum()}", (X,), (2 * X,)),
    "round to int": (lambda x: round(x), (2.6,), (3.4,), (-2.5,)),
    "pow": (lambda x, n: x**n, (X, 2), (X, -1), (np.abs(X), 0.5), (2, 3), (2.0, 3)),
    "sort": (lambda x: (np.sort(x), np.argsort(x)), (X,), (-X,)),
    "unique": (np.unique, (X,), (np.ones(3),)),
    "histogram": (lambda x: np.histogram(x, bins=3)[0], (X,)),
    "round": (lambda x: round(x, 1), (3.14159,)),
    "sqrt of a negative": (lambda x: np.sqrt(x), (X,)),
    "divide by zero": (lambda x: x / (x - x), (X,)),
    "shape error": (lambda x, y: x + y, (X, np.ones(2)), (X, X)),
    "type error": (lambda x: x + "a", (X,)),
    "own error": (lambda x: [][3], (X,)),
    "singular": (lambda a: np.linalg.inv(a), (np.zeros((2, 2)),), (np.eye(2),)),
    "error on a branch": (
        lambda x: x if x.sum() > 0 else [][0],
        (X,),
        (-X,),
    ),
    "wrong count": (lambda x, y: x + y, (X,), (X, X)),
    "dataclass": (
        lambda s: State(s.w * s.b, s.b, s.name, [s.w]),
        (State(X),),
        (State(X, 2.0, "t"),),
    ),
    "frozen": (lambda s: s.w * s.n, (Frozen(X),), (Frozen(X, 3),)),
    "fraction": (lambda x, q: x * float(q), (X, Fraction(1, 2)), (X, Fraction(1, 3))),
    "slice": (lambda x, s: x[s], (X, slice(1, None)), (X, slice(0, 1))),
    "set": (lambda x, s: x * len(s), (X, {1, 2}), (X, {1})),
    "dtype": (lambda x, d: x.astype(d), (X, np.dtype("f4")), (X, np.float64), (X, "f4")),
    "masked array": (lambda x: x.sum(), (np.ma.array(X, mask=[0, 1, 0]),)),
    "object array": (lambda x: x.sum(), (np.array([1, Fraction(1, 2)], object),)),
    "string array": (lambda x: len(x), (np.array(["a", "b"]),)),
    "lists as arrays": (lambda x: np.asarray(x) * 2, ([1.0, 2.0],), ([[1.0], [2.0]],)),
    "large integer": (lambda x, n: x * (n % 7), (X, 2**70)),
    "nan": (lambda x: x if x != x else 0.0, (math.nan,), (1.0,)),
    "signed zero": (lambda x: np.copysign(1.0, x), (0.0,), (-0.0,)),
    "linear algebra": (lambda a: np.linalg.solve(a, a[0]), (RNG.normal(size=(3, 3)),)),
    "try": (lambda x: _tried(x), (X,)),
    "recursion": (lambda x: _power(x, 5), (X,)),
    "closure made inside": (lambda x: (lambda y: y * x)(x), (X,)),
    "functools": (partial(lambda a, x, b=1.0: a * x + b, X, b=2.0), (X,)),
    "grad": (cr.grad(lambda x: np.sum(np.sin(x) ** 2)), (X,)),
    "grad of a branch": (cr.grad(lambda x: x.sum() if x[0] > 0 else (x**2).sum()), (X,), (-X,)),
    "hessian": (cr.hessian(lambda x: np.sum(x**3)), (X,)),
    "vmap": (cr.vmap(lambda x: x.sum() * x), (np.ones((2, 3)),)),
    "vmap of a branch": (
        cr.vmap(lambda x: x if x > 0 else -2 * x),
        (X,),
        (-X,),
        (np.abs(X),),
    ),
    "vmap of grad": (cr.vmap(cr.grad(lambda x: np.sum(x**3))), (np.ones((2, 3)),)),
    "jvp": (lambda x, v: cr.jvp(np.sin, (x,), (v,)), (X, X)),
    "vjp": (lambda x, c: cr.vjp(np.sin, x)[1](c), (X, X)),
    "value and gradient": (cr.value_and_grad(lambda p: np.sum(p["w"] ** 2)), ({"w": X},)),
    "grad of jit": (cr.grad(cr.jit(lambda x: np.sum(x**3))), (X,)),
    "jit in jit": (lambda x: cr.jit(lambda y: y * x)(x) + 1, (X,)),
    "grad of an integer": (cr.grad(lambda x: x * 2.0), (3,)),
    "not scalar": (cr.grad(lambda x: x * 2.0), (X,)),
}


def _tried(x):
    try:
        return x + np.ones(7)
    except ValueError:
        return x - 1


def _power(x, n):
    return 1.0 if n == 0 else x * _power(x, n - 1)


@pytest.mark.filterwarnings("ignore:jit")
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_is_the_function(name):
    f, *calls = PROGRAMS[name]
    agree(f, *calls)


@pytest.mark.parametrize(
    "name",
    [
        "arithmetic", "float", "dict", "dataclass", "mask", "where", "grad", "grad of a branch",
        "hessian", "vmap", "vmap of a branch", "vmap of grad", "jit in jit", "buffer", "generator",
        "returns views", "keywords", "named tuple", "singular", "functools", "vjp",
    ],
)  # fmt: skip
def test_these_are_compiled(name):
    f, *calls = PROGRAMS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert agree(f, *calls)._left is None


def test_keywords_and_defaults(monkeypatch):
    def f(x, a=1.0, *, b=2.0, flag=True):
        return x * a + (b if flag else 0)

    g = cr.jit(f)
    for _ in range(3):
        assert same(g(X), f(X))
        assert same(g(X, 2.0), f(X, 2.0))
        assert same(g(X, b=3.0), f(X, b=3.0))
        assert same(g(X, flag=False, b=3.0), f(X, flag=False, b=3.0))
        assert same(g(x=X, a=5.0), f(x=X, a=5.0))
    counted = []
    monkeypatch.setattr(paths, "_trace", lambda *a: counted.append(a))
    g(X, b=4.0)
    g(x=X, a=6.0)
    assert not counted
    with pytest.raises(TypeError):
        g(X, c=1)
    with pytest.raises(TypeError):
        g()


def test_random_branches():
    def f(x):
        if x.sum() > 0:
            if x[0] > 0:
                return x * 2 if x[1] > x[2] else x - 1
            return np.sin(x)
        return -x

    g = cr.jit(f)
    for x in RNG.normal(size=(300, 3)):
        assert np.allclose(g(x), f(x), rtol=1e-15)
    assert len(next(iter(g._variants.values())).paths) == 4


def test_a_convergence_loop():
    def root(a, x):
        steps = 0
        while abs(x * x - a) > 1e-12:
            x = (x + a / x) / 2
            steps += 1
        return x, steps

    g, dg = cr.jit(root), cr.jit(cr.grad(lambda a: root(a, 1.0)[0]))
    for a in RNG.uniform(0.5, 9.0, size=200):
        value, steps = g(float(a), 1.0)
        assert (value, steps) == pytest.approx(root(a, 1.0), rel=1e-14)
        assert dg(float(a)) == pytest.approx(0.5 / math.sqrt(a))
    assert g._left is None


def test_too_many_paths():
    def f(x):
        return x * int(x[0])

    g = cr.jit(f)
    with pytest.warns(RuntimeWarning, match="jit: f is run without being compiled") as record:  # noqa: PT031
        for k in range(40):
            x = np.array([float(k), 1.0])
            assert np.array_equal(g(x), f(x))
    assert len(record) == 1


def test_integers_become_inputs_when_they_vary(monkeypatch):
    counted = []
    original = paths._trace
    monkeypatch.setattr(paths, "_trace", lambda *a: (counted.append(1), original(*a))[1])

    def f(x, t):
        return x / (1 - 0.9**t)

    g = cr.jit(f)
    for t in range(1, 40):
        assert np.allclose(g(X, t), f(X, t), rtol=1e-14)
    assert len(counted) <= 6


def test_kinds_of_arguments_are_bounded():
    g = cr.jit(lambda x: x.sum())
    for n in range(100):
        assert g(np.ones(n)) == n
    assert len(g._variants) <= 64


def test_static():
    def f(x, n, mode="a"):
        return [x * k for k in range(n)] if mode == "a" else x

    for static in (("n", "mode"), (1, "mode"), (1, 2), (-2, -1)):
        g = cr.jit(f, static=static)
        for args, keywords in [((X, 2), {}), ((X, 3), {"mode": "b"}), ((X,), {"n": 2})]:
            assert same(g(*args, **keywords), f(*args, **keywords))
    assert same(cr.jit(f, static="n")(X, 2), f(X, 2))
    g = cr.jit(lambda x, a: x * a, static="a")
    assert same([g(X, 2.0), g(X, 3.0), g(X, 2.0)], [X * 2, X * 3, X * 2])
    with pytest.raises(ArgumentError, match="ndarray, which cannot be hashed"):
        g(X, X)
    with pytest.raises(ArgumentError, match="takes x, a"):
        cr.jit(lambda x, a: x, static="b")
    with pytest.raises(ArgumentError, match="position"):
        cr.jit(lambda x, a: x, static=(1.5,))


def test_wrong_use():
    with pytest.raises(ArgumentError, match=r"jit\(f\)\(x\)"):
        cr.jit(3.0)
    with pytest.raises(ArgumentError, match="threads"):
        cr.jit(np.sin, threads=0)
    with pytest.raises(ArgumentError, match="static_argnums"):
        cr.jit(np.sin, static_argnums=0)


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.float16, np.int32, np.complex64, bool]
)
def test_dtypes_stay(dtype):
    x = np.array([1, 0, 1]).astype(dtype)
    g = cr.jit(lambda x: (x, x * x, x.sum(), x + x))
    for y in (x, np.ones(3), x):
        assert same(g(y), (y, y * y, y.sum(), y + y))


# -- writing in place ------------------------------------------------------------------------------


def test_arguments_written_in_place():
    def step(p, v, lr):
        v *= 0.9
        v -= lr * p["w"]
        p["w"] += v
        return v.sum()

    g = cr.jit(step)
    a, b = ({"w": X.copy()}, X.copy()), ({"w": X.copy()}, X.copy())
    for _ in range(5):
        assert math.isclose(g(*a, 0.1), step(*b, 0.1))
        assert np.allclose(a[0]["w"], b[0]["w"])
        assert np.allclose(a[1], b[1])
    shared, other = X.copy(), X.copy()
    assert math.isclose(g({"w": shared}, shared, 0.1), step({"w": other}, other, 0.1))
    assert np.array_equal(shared, other)
    locked = X.copy()
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        g({"w": X.copy()}, locked, 0.1)


def test_elements_and_views_written_in_place():
    def f(x):
        x[0] = x[1] * 2
        x[1:][:] = 7.0
        return x

    g = cr.jit(f)
    for _ in range(3):
        a, b = X.copy(), X.copy()
        assert np.array_equal(g(a), f(b))
        assert np.array_equal(a, b)


def test_dicts_and_lists_changed():
    def f(p, xs):
        p["w"] = p["w"] * 2
        xs.append(p["w"])
        return p["w"]

    g = cr.jit(f)
    a, b = ({"w": X}, []), ({"w": X}, [])
    with pytest.warns(RuntimeWarning, match="changes a list, a dict"):
        g(*a)
    g(*a)
    f(*b)
    f(*b)
    assert same(a, b)


def test_results_are_arrays_of_their_own():
    w = X.copy()
    g = cr.jit(lambda x: (x, x, w, x[1:]))
    x = X.copy()
    for _ in range(3):
        results = g(x)
        for r in results:
            r += 1
        assert np.array_equal(x, X)
        assert np.array_equal(w, X)
        assert np.array_equal(results[0], results[1])


def test_subclasses_of_ndarray():
    class Tagged(np.ndarray):
        pass

    x = X.view(Tagged)
    g = cr.jit(lambda x: x * 2)
    g(X)
    assert type(g(x)) is Tagged


# -- as an object ----------------------------------------------------------------------------------


@cr.jit
def decorated(x):
    """What it does."""
    return x * 2


def plain(x):
    return x * 3


def test_it_looks_like_the_function():
    assert decorated.__doc__ == "What it does."
    assert decorated.__wrapped__(2) == 4
    assert repr(decorated) == "<jit(decorated)>"
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    g = cr.jit(plain, static=(), threads=2)
    for other in (pickle.loads(pickle.dumps(g)), copy.copy(g), copy.deepcopy(g)):
        assert np.array_equal(other(X), X * 3)
        assert other.threads == 2


def test_lower_memory_bind():
    g = cr.jit(cr.grad(lambda x: np.sum(np.sin(x) ** 2)))
    lowered = g.lower(X)
    assert "sin" in str(lowered.graph)
    assert lowered.steps
    assert str(lowered.graph) in str(lowered)
    assert lowered.llvm
    assert g.memory(X) >= X.nbytes
    assert g.memory(np.ones(10_000)) < 10 * 80_000

    x = X.copy()
    run = g.bind(x)
    first = run()
    assert np.allclose(first, g(x))
    x[:] = 2.0
    assert run() is first
    assert np.allclose(first, g(x))
    out = np.empty(3)
    assert g.bind(x, out=out)() is out
    assert np.allclose(out, g(x))
    with pytest.raises(ArgumentError, match="out"):
        g.bind(x, out=np.empty(2))
    with pytest.raises(ArgumentError, match="shares memory"):
        g.bind(x, out=x)

    scaled = cr.jit(lambda x: 2 * x)
    for y in (np.arange(6.0).reshape(2, 3).T, np.arange(8.0)[::2]):
        out = np.empty((*y.shape, 2))[..., 0]
        run = scaled.bind(y, out=out)
        for value in (1.0, 5.0):
            y[0] = value
            assert np.array_equal(run(), 2 * y)
            assert np.array_equal(out, 2 * y)

    def update(x, g):
        x -= g * np.sum(x)
        return x * 2

    a, b = X.copy(), X.copy()
    run = cr.jit(update).bind(a, 0.1)
    for _ in range(3):
        assert np.allclose(run(), update(b, 0.1))
        assert np.allclose(a, b)

    branch = cr.jit(lambda x: {"a": x * 2 if x[0] > 0 else -x})
    run = branch.bind(x)
    assert np.array_equal(run()["a"], x * 2)
    x[0] = -1.0
    assert np.array_equal(run()["a"], -x)

    with pytest.raises(ArgumentError, match="random"):
        cr.jit(lambda x: x * random.random()).lower(X)  # noqa: S311
    with pytest.raises(ArgumentError, match="arrays of numbers"):
        g.lower(np.ma.array(X))


def test_calls_inside_a_trace_are_traced():
    inner = cr.jit(lambda x, y: x * y)
    inner(X, X)  # compiled, and yet
    assert np.allclose(cr.grad(lambda x: np.sum(inner(x, X)))(X), X)
    assert np.allclose(cr.vmap(inner)(np.ones((2, 3)), np.ones((2, 3))), 1)
    assert "x" in str(cr.formula(cr.grad(cr.jit(lambda x: np.sum(x**2))))(X))


def test_threads():
    def f(x):
        return x * 2 if x.sum() > 0 else x.reshape(-1) + 1

    g = cr.jit(f)
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(100):
            x = rng.normal(size=rng.integers(1, 5))
            if not np.array_equal(g(x), f(x)):
                failures.append(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork():
    g = cr.jit(lambda x: x * 2)
    g(X)
    g._lock.acquire()  # another thread is tracing at the moment of the fork
    pid = os.fork()
    if not pid:
        os._exit(0 if np.array_equal(g(np.ones(7)), 2 * np.ones(7)) else 1)
    g._lock.release()
    assert os.waitpid(pid, 0)[1] == 0


def test_options_leave_it_to_numpy(monkeypatch):
    monkeypatch.setenv("CHAINRULE_JIT", "off")
    g = cr.jit(lambda x: np.sin(x))
    assert np.array_equal(g(X), np.sin(X))
    assert "define" not in g.lower(X).llvm


def test_many_arguments_and_results():
    def f(*xs):
        return {f"r{k}": x * k for k, x in enumerate(xs)}

    agree(f, tuple(np.full(2, float(k)) for k in range(60)))
