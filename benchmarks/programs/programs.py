"""Thirty plain NumPy and SciPy programs, each written as its author would without any AD in mind.

Every function takes one vector of floats and returns one number. ``PROGRAMS`` lists them with the
place where they are differentiated. The text is given to every tool as it stands, with at most the
import of NumPy exchanged.
"""

import math

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.special
import scipy.stats


def rk4_pendulum(p):
    """A damped pendulum, a thousand steps of Runge and Kutta."""
    state = np.array([p[0], 0.0])

    def slope(y):
        return np.array([y[1], -p[1] * np.sin(y[0]) - p[2] * y[1]])

    h = 0.005
    for _ in range(1000):
        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state[0]


def heat_equation(p):
    """An explicit scheme that writes to slices of an array."""
    u = np.zeros(21)
    u[5:10] = p[0]
    u[10:16] = p[1]
    for _ in range(50):
        new = u.copy()
        new[1:-1] = u[1:-1] + p[2] * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = new
    return np.sum(u**2)


def kalman_likelihood(p):
    """The log-likelihood of a local-level model."""
    observed = np.array([1.1, 0.9, 1.4, 1.3, 1.8, 2.1, 1.7])
    mean, variance, total = 0.0, 10.0, 0.0
    for y in observed:
        predicted = variance + p[0] ** 2
        spread = predicted + p[1] ** 2
        gain = predicted / spread
        total += -0.5 * (math.log(2 * math.pi * spread) + (y - mean) ** 2 / spread)
        mean = mean + gain * (y - mean)
        variance = (1 - gain) * predicted
    return total


def garch_likelihood(p):
    """A variance recursion stored in np.empty."""
    returns = np.sin(np.arange(40.0)) * 0.8
    variance = np.empty(40)
    variance[0] = returns.var()
    for t in range(1, 40):
        variance[t] = p[0] + p[1] * returns[t - 1] ** 2 + p[2] * variance[t - 1]
    return -0.5 * np.sum(np.log(variance) + returns**2 / variance)


def gaussian_process(p):
    """The evidence of a Gaussian process, by a Cholesky factor."""
    x = np.linspace(0, 1, 12)
    y = np.sin(6 * x)
    K = p[0] ** 2 * np.exp(-0.5 * (x[:, None] - x[None, :]) ** 2 / p[1] ** 2)
    K[np.diag_indices(12)] += p[2] ** 2
    L = np.linalg.cholesky(K)
    a = scipy.linalg.solve_triangular(L, y, lower=True)
    return -0.5 * a @ a - np.sum(np.log(np.diag(L)))


def mixture_likelihood(p):
    """A mixture of two Gaussians, by logsumexp."""
    x = np.array([-1.2, -0.7, 0.1, 1.9, 2.3, 2.8])
    w = 1 / (1 + np.exp(-p[0]))
    parts = np.stack([
        np.log(w) + scipy.stats.norm.logpdf(x, p[1], np.exp(p[2])),
        np.log(1 - w) + scipy.stats.norm.logpdf(x, p[3], np.exp(p[4])),
    ])
    return np.sum(scipy.special.logsumexp(parts, axis=0))


def gamma_regression(p):
    """A likelihood from scipy.stats."""
    x = np.linspace(0, 1, 8)
    y = np.array([0.5, 0.9, 1.1, 1.7, 1.4, 2.2, 2.9, 3.1])
    return np.sum(scipy.stats.gamma.logpdf(y, p[2], scale=np.exp(p[0] + p[1] * x) / p[2]))


def black_scholes(p):
    """The price of a call option."""
    s, k, r, sigma, t = p
    d1 = (math.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * math.sqrt(t))
    d2 = d1 - sigma * math.sqrt(t)
    return s * scipy.stats.norm.cdf(d1) - k * math.exp(-r * t) * scipy.stats.norm.cdf(d2)


def implied_volatility(p):
    """The volatility at which a formula gives a price, by bisection."""

    def price(sigma):
        d1 = (np.log(p[0] / 100) + sigma**2 / 2) / sigma
        return p[0] * scipy.special.ndtr(d1) - 100 * scipy.special.ndtr(d1 - sigma) - p[1]

    return scipy.optimize.brentq(price, 0.01, 3.0, xtol=1e-14)


def kepler(p):
    """Kepler's equation, iterated until it converges."""
    mean, eccentricity = p
    anomaly = mean
    while True:
        step = (anomaly - eccentricity * np.sin(anomaly) - mean) / (1 - eccentricity * np.cos(anomaly))
        anomaly = anomaly - step
        if abs(step) < 1e-14:
            break
    return anomaly


def lotka_volterra(p):
    """A model of population by scipy.integrate.solve_ivp."""

    def slope(t, y):
        return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]

    found = scipy.integrate.solve_ivp(slope, (0, 3), [1.0, 0.8], rtol=1e-8, atol=1e-8)
    return found.y[0, -1]


def reaction_odeint(p):
    """Two reactions by scipy.integrate.odeint."""

    def slope(y, t):
        return [-p[0] * y[0], p[0] * y[0] - p[1] * y[1], p[1] * y[1]]

    return scipy.integrate.odeint(slope, [1.0, 0.0, 0.0], [0.0, 1.0, 2.0], rtol=1e-10, atol=1e-12)[-1, 1]


def planck_integral(p):
    """An integral over a half line by scipy.integrate.quad."""
    value, _ = scipy.integrate.quad(lambda x: x ** p[0] / (np.exp(p[1] * x) - 1), 0, np.inf)
    return value


def spline_energy(p):
    """The bending energy of a cubic spline through the data."""
    spline = scipy.interpolate.CubicSpline(np.arange(5.0), p)
    return np.sum(spline(np.linspace(0, 4, 30), 2) ** 2)


def filtered_signal(p):
    """A second-order filter applied forward and back."""
    signal = np.cos(np.arange(30.0))
    b = np.array([p[0], p[1]])
    a = np.array([1.0, p[2]])
    return np.sum(scipy.signal.lfilter(b, a, signal) ** 2)


def blurred_image(p):
    """The distance of a blurred image from another one."""
    image = p.reshape(4, 5)
    return np.sum((scipy.ndimage.gaussian_filter(image, 1.0) - np.eye(4, 5)) ** 2)


def robot_arm(p):
    """Where the hand of a robot is: a product of matrices built from angles."""
    T = np.eye(4)
    for k, angle in enumerate(p):
        c, s = math.cos(angle), math.sin(angle)
        link = np.eye(4)
        link[:2, :2] = [[c, -s], [s, c]]
        link[0, 3] = 1.0 / (k + 1)
        T = T @ link
    return T[0, 3] ** 2 + T[1, 3]


def truss(p):
    """The compliance of a frame, its stiffness matrix assembled entry by entry."""
    K = np.zeros((6, 6))
    for e in range(5):
        k = p[e] * np.array([[1.0, -1.0], [-1.0, 1.0]])
        for i in range(2):
            for j in range(2):
                K[e + i, e + j] += k[i, j]
    K[0, 0] += 10.0
    f = np.zeros(6)
    f[-1] = 1.0
    return f @ np.linalg.solve(K, f)


def lennard_jones(p):
    """The energy of four atoms, over all pairs."""
    atoms = p.reshape(4, 3)
    energy = 0.0
    for i in range(4):
        for j in range(i):
            r = np.linalg.norm(atoms[i] - atoms[j])
            energy += 4 * ((1 / r) ** 12 - (1 / r) ** 6)
    return energy


def viterbi_like(p):
    """A dynamic program with np.maximum and out=."""
    score = np.zeros(3)
    moves = np.array([[0.0, -1.0, -2.0], [-1.0, 0.0, -1.0], [-2.0, -1.0, 0.0]])
    work = np.empty((3, 3))
    for t in range(4):
        np.add(score[:, None], moves, out=work)
        score = work.max(axis=0) + p[3 * t : 3 * t + 3]
    return score.max()


def masked_statistics(p):
    """A trimmed mean, by a mask and by assignment to a copy."""
    x = p.copy()
    x[x > 2.0] = 2.0
    kept = x[np.abs(x - x.mean()) < 1.5]
    return kept.mean() + np.median(x)


def hidden_markov(p):
    """The forward recursion of a hidden Markov model."""
    A = np.exp(p[:4].reshape(2, 2))
    A /= A.sum(axis=1, keepdims=True)
    emission = scipy.special.expit(p[4:6])
    alpha = np.array([0.5, 0.5])
    total = 0.0
    for symbol in [1, 0, 1, 1, 0]:
        alpha = alpha @ A
        alpha = alpha * np.where(symbol, emission, 1 - emission)
        scale = alpha.sum()
        total += np.log(scale)
        alpha = alpha / scale
    return total


def diffraction(p):
    """The intensity of light behind slits: Bessel functions and an FFT."""
    x = np.linspace(-1, 1, 16)
    aperture = np.exp(-((x - p[0]) ** 2) / p[1] ** 2) * scipy.special.jv(0, p[2] * x)
    return np.abs(np.fft.fft(aperture)[3]) ** 2


def nelson_siegel(p):
    """The fit of a yield curve, with np.asarray and np.where."""
    maturity = np.asarray([0.25, 1, 2, 5, 10, 30])
    rates = np.asarray([0.012, 0.014, 0.017, 0.021, 0.025, 0.028])
    x = maturity / p[3]
    load = np.where(x > 0, (1 - np.exp(-x)) / x, 1.0)
    model = p[0] + p[1] * load + p[2] * (load - np.exp(-x))
    return np.sum((model - rates) ** 2)


def ridge_by_lstsq(p):
    """The error of ridge regression by its penalty and a scale."""
    X = np.vander(np.linspace(0, 1, 8), 4)
    y = np.cos(3 * np.linspace(0, 1, 8))
    A = np.vstack([X * p[1], np.sqrt(p[0]) * np.eye(4)])
    b = np.concatenate([y, np.zeros(4)])
    w, *_ = np.linalg.lstsq(A, b, rcond=None)
    return np.mean((X @ w - y) ** 2)


def tuned_model(p):
    """The validation error of a model that scipy.optimize fits."""
    x = np.linspace(0, 1, 10)
    y = np.exp(x) + 0.1 * np.sin(9 * x)

    def loss(w):
        return np.sum((w[0] + w[1] * x - y) ** 2) + p[0] * w[1] ** 2 + p[1] * w[0] ** 2

    w = scipy.optimize.minimize(loss, np.zeros(2), tol=1e-10).x
    return (w[0] + 1.2 * w[1] - np.exp(1.2)) ** 2


def equilibrium(p):
    """The balance of a chemical mixture by scipy.optimize.fsolve."""

    def balance(x):
        return [x[0] * x[1] - p[0] * x[2], x[0] + x[2] - p[1], x[1] + x[2] - 1.0]

    return scipy.optimize.fsolve(balance, [0.5, 0.5, 0.5], xtol=1e-13)[2]


def interpolated_table(p):
    """A look-up by np.interp, np.searchsorted and np.polyval."""
    grid = np.linspace(0, 1, 6)
    table = np.polyval([1.0, -2.0, p[0], p[1]], grid)
    k = np.searchsorted(grid, p[2])
    return np.interp(p[2], grid, table) + table[k]


def survival(p):
    """A Weibull survival model with censored data, by lists and np.array."""
    times = [0.5, 1.1, 1.9, 2.4, 3.0]
    died = [1, 1, 0, 1, 0]
    terms = []
    for t, d in zip(times, died):
        hazard = (t / p[1]) ** p[0]
        terms.append(d * (np.log(p[0] / t) + np.log(hazard)) - hazard)
    return np.array(terms).sum()


def random_walk_bridge(p):
    """A path built by cumulative sums, reversed views and in-place operations."""
    path = np.cumsum(p)
    path -= np.linspace(0, 1, len(p)) * path[-1]
    mirrored = path[::-1]
    mirrored *= 0.5
    return np.max(np.abs(path)) + np.sum(path**2)


def attitude(p):
    """A unit quaternion turned by rates, normalised at each step."""
    q = np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(20):
        wx, wy, wz = p
        omega = np.array([[0, -wx, -wy, -wz], [wx, 0, wz, -wy], [wy, -wz, 0, wx], [wz, wy, -wx, 0]])
        q = q + 0.05 * omega @ q
        q /= np.linalg.norm(q)
    return q[1] * q[2]


PROGRAMS = {
    rk4_pendulum: [0.5, 2.0, 0.1],
    heat_equation: [1.0, 2.0, 0.2],
    kalman_likelihood: [0.4, 0.6],
    garch_likelihood: [0.1, 0.2, 0.5],
    gaussian_process: [1.1, 0.3, 0.2],
    mixture_likelihood: [0.2, -0.8, -0.3, 2.2, -0.4],
    gamma_regression: [-0.5, 1.7, 4.0],
    black_scholes: [105.0, 100.0, 0.03, 0.25, 0.8],
    implied_volatility: [105.0, 14.0],
    kepler: [0.9, 0.4],
    lotka_volterra: [1.1, 0.6, 0.9, 0.5],
    reaction_odeint: [0.8, 0.5],
    planck_integral: [3.0, 1.2],
    spline_energy: [0.1, 0.9, 0.3, -0.4, 0.8],
    filtered_signal: [0.5, 0.3, -0.4],
    blurred_image: [0.1 * k for k in range(20)],
    robot_arm: [0.3, -0.5, 0.8],
    truss: [1.0, 2.0, 1.5, 0.8, 1.2],
    lennard_jones: [0, 0, 0, 1.1, 0.1, 0, 0.2, 1.2, 0.1, 0.4, 0.5, 1.1],
    viterbi_like: [0.3, 0.1, -0.2, 0.5, 0.9, 0.2, -0.4, 0.6, 0.1, 0.8, 0.2, 0.3],
    masked_statistics: [0.4, 1.1, 2.6, -0.3, 0.9, 1.8, 0.2],
    hidden_markov: [0.4, -0.2, 0.1, 0.6, 0.3, -0.7],
    diffraction: [0.1, 0.6, 3.0],
    nelson_siegel: [0.03, -0.02, -0.01, 1.8],
    ridge_by_lstsq: [0.1, 1.3],
    tuned_model: [0.3, 0.2],
    equilibrium: [0.4, 1.2],
    interpolated_table: [0.4, 0.3, 0.57],
    survival: [1.4, 2.1],
    random_walk_bridge: [0.3, -0.4, 0.9, 0.2, -0.7],
    attitude: [0.4, -0.3, 0.7],
}
