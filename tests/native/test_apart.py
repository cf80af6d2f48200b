"""Short arrays put together from numbers and taken apart again."""

import chainrule as cr
import numpy as np
import pytest
from chainrule.native import llvm
from chainrule.native.apart import kept_apart
from chainrule.native.plan import Buffer, Immediate, Statement, Straight, View, whole

pytestmark = pytest.mark.skipif(not llvm.available(), reason="no compiler here")

RNG = np.random.default_rng(8)
REAL = np.dtype(np.float64)


def element(b, k):
    return View(b, k, (), ())


def setting(b, k, source):
    return Statement("copy", [source], REAL, target=element(b, k))


def test_arrays_of_single_elements_stay_apart():
    x, y = Buffer(REAL, 4), Buffer(REAL, 4)
    one = Immediate(1.0, REAL, ())
    together = Statement("copy", [whole(x, (4,))], REAL, target=whole(y, (4,)))
    single = [setting(x, k, one) for k in range(4)]
    domains = [(), (), (), (), (4,)]
    assert kept_apart(Straight(domains, [*single, together], 16)) == {x, y}
    assert kept_apart(Straight(domains[3:], [*single[3:], together], 16)) == set()


def test_long_arrays_are_vectors():
    x = Buffer(REAL, 9)
    single = [setting(x, k, Immediate(1.0, REAL, ())) for k in range(9)]
    assert kept_apart(Straight([()] * 9, single, 16)) == set()


def planet(y, steps):
    """Three axes: positions, then velocities."""

    def force(y):
        r = np.sqrt(y[0] ** 2 + y[1] ** 2 + y[2] ** 2)
        pull = -1 / r**3
        return np.array([y[3], y[4], y[5], pull * y[0], pull * y[1], pull * y[2]])

    for _ in range(steps):
        y = y + 0.01 * force(y + 0.005 * force(y))
    return np.sum(y * y) + y[1] * np.max(y)


@pytest.mark.parametrize("steps", [1, 2, 60])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_orbit(steps, dtype):
    y = np.array([1, 0.1, 0.2, 0.1, 1, 0.1], dtype)
    for f in (lambda y: planet(y, steps), cr.grad(lambda y: planet(y, steps))):
        found = cr.jit(f)(y)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, f(y), rtol=1e-12 if dtype == np.float64 else 2e-4)


@pytest.mark.parametrize("seed", range(40))
def test_random_mixtures_of_elements_and_arrays(seed):
    """Sizes of all kinds, reads in any order, sums, writes in place, whole arrays in between."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, size=3)
    plan = [(rng.integers(7), *rng.integers(0, 1000, size=4)) for _ in range(12)]

    def f(x, y, z):
        values = [x, y, z]
        for kind, *picks in plan:
            a, b = values[picks[0] % len(values)], values[picks[1] % len(values)]
            n, m = len(a), len(b)
            if kind == 0:
                new = np.array([a[picks[2] % n] * b[picks[3] % m], b[0] + a[-1], a[0], b[m // 2]])
            elif kind == 1:
                new = np.tanh(a) * b[picks[2] % m]
            elif kind == 2:
                new = a[::-1] + 0.5 * a
            elif kind == 3:
                new = a * np.sum(b) / m
            elif kind == 4:
                new = np.zeros(n)
                new[picks[2] % n] += b[picks[3] % m]
                new[picks[3] % n] -= a[picks[2] % n] ** 2
            elif kind == 5:
                new = np.stack([a[picks[2] % n], np.maximum(b[picks[3] % m], 0.0)])
            else:
                new = np.concatenate([a[: n // 2], b[m // 2 :]])
            values.append(new)
        return values[-1], values[-2] * 2.0, np.sum(values[-3] ** 2) + values[-4][0]

    args = [rng.normal(size=n) for n in sizes]
    for found, expected in zip(cr.jit(f)(*args), f(*args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    loss = lambda *args: sum(np.sum(np.sin(v)) for v in f(*args))  # noqa: E731
    slope = cr.grad(loss, (0, 1, 2))
    for found, expected in zip(cr.jit(slope)(*args), slope(*args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
