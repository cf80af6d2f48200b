"""How does the result of an iteration change with its input? Derivatives through `while`."""

import chainrule as cr
import numpy as np


def cube_root(a: float) -> float:
    """Return a^(1/3) by Newton's method, looping until it has converged."""
    x = a
    while abs(x**3 - a) > 1e-12 * abs(a):
        x = x - (x**3 - a) / (3 * x**2)
    return x


def kepler(eccentricity: float, mean_anomaly: float) -> float:
    """Return the eccentric anomaly E that solves E − e sin(E) = M."""
    angle, step = mean_anomaly, 1.0
    while abs(step) > 1e-13:
        step = (angle - eccentricity * np.sin(angle) - mean_anomaly) / (
            1 - eccentricity * np.cos(angle)
        )
        angle = angle - step
    return angle


a = 5.0
slope = cr.grad(cube_root)(a)
curvature = cr.grad(cr.grad(cube_root))(a)
print("cube root of 5:", cube_root(a), "  slope:", slope, "  curvature:", curvature)

e, m = 0.3, 1.2
by_e, by_m = cr.grad(kepler, wrt=("eccentricity", "mean_anomaly"))(e, m)
anomaly = kepler(e, m)
print("eccentric anomaly:", anomaly, "  by e:", by_e, "  by M:", by_m)

assert np.isclose(slope, a ** (-2 / 3) / 3, rtol=1e-10)
assert np.isclose(curvature, -2 / 9 * a ** (-5 / 3), rtol=1e-6)
assert np.isclose(by_e, np.sin(anomaly) / (1 - e * np.cos(anomaly)), rtol=1e-10)
assert np.isclose(by_m, 1 / (1 - e * np.cos(anomaly)), rtol=1e-10)
