"""The 35 problems of Moré, Garbow & Hillstrom, Testing Unconstrained Optimization Software (1981).

Each has its residuals, its standard start, and the published minima of the sum of squares, the
global one first.
"""

from dataclasses import dataclass

import numpy as np

# fmt: off
BARD = np.array([.14, .18, .22, .25, .29, .32, .35, .39, .37, .58, .73, .96, 1.34, 2.10, 4.39])
GAUSS = np.array([.0009, .0044, .0175, .0540, .1295, .2420, .3521, .3989, .3521, .2420, .1295, .0540, .0175, .0044, .0009])
MEYER = np.array([34780., 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872])
KOWALIK = np.array([.1957, .1947, .1735, .1600, .0844, .0627, .0456, .0342, .0323, .0235, .0246])
KOWALIK_U = np.array([4, 2, 1, .5, .25, .167, .125, .1, .0833, .0714, .0625])
OSBORNE1 = np.array([.844, .908, .932, .936, .925, .908, .881, .850, .818, .784, .751, .718, .685, .658, .628, .603, .580, .558, .538, .522, .506, .490, .478, .467, .457, .448, .438, .431, .424, .420, .414, .411, .406])
OSBORNE2 = np.array([1.366, 1.191, 1.112, 1.013, .991, .885, .831, .847, .786, .725, .746, .679, .608, .655, .616, .606, .602, .626, .651, .724, .649, .649, .694, .644, .624, .661, .612, .558, .533, .495, .500, .423, .395, .375, .372, .391, .396, .405, .428, .429, .523, .562, .607, .653, .672, .708, .633, .668, .645, .632, .591, .559, .597, .625, .739, .710, .729, .720, .636, .581, .428, .292, .162, .098, .054])
# fmt: on


def count(n):
    return np.arange(1.0, n + 1)


def rosenbrock(x):
    return np.stack([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]])


def freudenstein_roth(x):
    a = -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]
    return np.stack([a, -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])


def powell_badly_scaled(x):
    return np.stack([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return np.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x):
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** count(3))


def jennrich_sampson(x):
    i = count(10)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def helical_valley(x):
    turn = np.arctan(x[1] / x[0]) / (2 * np.pi) + np.where(x[0] < 0, 0.5, 0.0)
    return np.stack([10 * (x[2] - 10 * turn), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


def bard(x):
    u = count(15)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def gaussian(x):
    t = (8 - count(15)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - GAUSS


def meyer(x):
    return x[0] * np.exp(x[1] / (45 + 5 * count(16) + x[2])) - MEYER


def gulf(x):
    t = count(99) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


def box(x):
    t = count(10) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def powell_singular(x):
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    return np.stack(
        [a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2]
    )


def wood(x):
    a, b, c, d = x
    return np.stack([
        10 * (b - a**2), 1 - a, 90**0.5 * (d - c**2), 1 - c,
        10**0.5 * (b + d - 2), (b - d) / 10**0.5,
    ])  # fmt: skip


def kowalik_osborne(x):
    u = KOWALIK_U
    return KOWALIK - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    t = count(20) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def osborne1(x):
    t = 10 * (count(33) - 1)
    return OSBORNE1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    t = count(13) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def osborne2(x):
    t = (count(65) - 1) / 10
    made = x[0] * np.exp(-t * x[4])
    for k in range(3):
        made = made + x[1 + k] * np.exp(-((t - x[8 + k]) ** 2) * x[5 + k])
    return OSBORNE2 - made


def watson(x):
    t, j = count(29)[:, None] / 29, np.arange(len(x))
    slope = np.sum(j[1:] * x[1:] * t ** (j[1:] - 1), axis=1)
    inner = slope - np.sum(x * t**j, axis=1) ** 2 - 1
    return np.concatenate([inner, x[:1], x[1:2] - x[:1] ** 2 - 1])


def penalty1(x):
    return np.concatenate([1e-5**0.5 * (x - 1), np.sum(x**2, keepdims=True) - 0.25])


def penalty2(x):
    n = len(x)
    e, i = np.exp(x / 10), count(n)
    y = np.exp(i[1:] / 10) + np.exp((i[1:] - 1) / 10)
    return np.concatenate([
        x[:1] - 0.2,
        1e-5**0.5 * (e[1:] + e[:-1] - y),
        1e-5**0.5 * (e[1:] - np.exp(-0.1)),
        np.sum((n - i + 1) * x**2, keepdims=True) - 1,
    ])  # fmt: skip


def variably_dimensioned(x):
    s = np.sum(count(len(x)) * (x - 1), keepdims=True)
    return np.concatenate([x - 1, s, s**2])


def trigonometric(x):
    n = len(x)
    return n - np.sum(np.cos(x)) + count(n) * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    return np.concatenate([x[:-1] + np.sum(x) - (len(x) + 1), np.prod(x, keepdims=True) - 1])


def discrete_boundary(x):
    n = len(x)
    h, zero = 1 / (n + 1), np.zeros(1)
    before, after = np.concatenate([zero, x[:-1]]), np.concatenate([x[1:], zero])
    return 2 * x - before - after + h**2 * (x + count(n) * h + 1) ** 3 / 2


def discrete_integral(x):
    n = len(x)
    h = 1 / (n + 1)
    t = count(n) * h
    cube = (x + t + 1) ** 3
    low = np.cumsum(t * cube)
    high = np.sum((1 - t) * cube) - np.cumsum((1 - t) * cube)
    return x + h * ((1 - t) * low + t * high) / 2


def broyden_tridiagonal(x):
    zero = np.zeros(1)
    before, after = np.concatenate([zero, x[:-1]]), np.concatenate([x[1:], zero])
    return (3 - 2 * x) * x - before - 2 * after + 1


def broyden_banded(x):
    n = len(x)
    i, j = np.arange(n)[:, None], np.arange(n)
    near = (j >= i - 5) & (j <= i + 1) & (j != i)
    return x * (2 + 5 * x**2) + 1 - near.astype(float) @ (x * (1 + x))


def linear_full(x, m=20):
    rest = -2 / m * np.sum(x) - 1
    return np.concatenate([x + rest, rest * np.ones(m - len(x))])


def linear_rank_one(x, m=20):
    return count(m) * np.sum(count(len(x)) * x) - 1


def linear_zero_columns(x, m=20):
    weights = count(len(x)) * np.r_[0.0, np.ones(len(x) - 2), 0.0]
    factors = np.r_[0.0, count(m - 2), 0.0]
    return factors * np.sum(weights * x) - 1


def chebyquad(x):
    n = len(x)
    before, now, means = np.ones(n), 2 * x - 1, []
    for i in range(1, n + 1):
        means.append(np.mean(now) + (1 / (i**2 - 1) if i % 2 == 0 else 0.0))
        before, now = now, 2 * (2 * x - 1) * now - before
    return np.stack(means)


@dataclass(frozen=True)
class Problem:
    """Residuals, start, published minima of the sum of squares."""

    residuals: object
    start: np.ndarray
    minima: tuple[float, ...]

    def value(self, x):
        return np.sum(self.residuals(x) ** 2)


def row(residuals, start, *minima):
    return residuals.__name__, Problem(residuals, np.array(start, float), minima)


T10 = count(10) / 11
PROBLEMS = dict([
    row(rosenbrock, [-1.2, 1], 0),
    row(freudenstein_roth, [0.5, -2], 0, 48.98425367924),
    row(powell_badly_scaled, [0, 1], 0),
    row(brown_badly_scaled, [1, 1], 0),
    row(beale, [1, 1], 0),
    row(jennrich_sampson, [0.3, 0.4], 124.3621823556),
    row(helical_valley, [-1, 0, 0], 0),
    row(bard, [1, 1, 1], 8.214877306578e-3, 17.42869333333),
    row(gaussian, [0.4, 1, 0], 1.127932769619e-8),
    row(meyer, [0.02, 4000, 250], 87.94585517018),
    row(gulf, [5, 2.5, 0.15], 0, 0.038),
    row(box, [0, 10, 20], 0),
    row(powell_singular, [3, -1, 0, 1], 0),
    row(wood, [-3, -1, -3, -1], 0),
    row(kowalik_osborne, [0.25, 0.39, 0.415, 0.39], 3.075056038492e-4, 1.027345e-3),
    row(brown_dennis, [25, 5, -5, -1], 85822.20162636),
    row(osborne1, [0.5, 1.5, -1, 0.01, 0.02], 5.464894697483e-5),
    row(biggs, [1, 2, 1, 1, 1, 1], 0, 5.655649925500e-3),
    row(osborne2, [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5], 4.013773629355e-2),
    row(watson, np.zeros(6), 2.287670053552e-3),
    row(penalty1, count(10), 7.087651467090e-5),
    row(penalty2, np.full(10, 0.5), 2.936605374570e-4),
    row(variably_dimensioned, 1 - count(10) / 10, 0),
    row(trigonometric, np.full(10, 0.1), 0, 2.795056122e-5, 4.218633888e-5),
    row(brown_almost_linear, np.full(10, 0.5), 0, 1),
    row(discrete_boundary, T10 * (T10 - 1), 0),
    row(discrete_integral, T10 * (T10 - 1), 0),
    row(broyden_tridiagonal, -np.ones(10), 0),
    row(broyden_banded, -np.ones(10), 0),
    row(linear_full, np.ones(10), 10),
    row(linear_rank_one, np.ones(10), 20 * 19 / (2 * 41)),
    row(linear_zero_columns, np.ones(10), (400 + 60 - 6) / (2 * 37)),
    row(chebyquad, count(8) / 9, 3.516873725678e-3),
])  # fmt: skip
PROBLEMS["extended_rosenbrock"] = Problem(rosenbrock, np.tile([-1.2, 1.0], 10), (0,))
PROBLEMS["extended_powell"] = Problem(powell_singular, np.tile([3.0, -1, 0, 1], 5), (0,))
