"""How do I teach chainrule a function of my own? An elementwise one, and one in compiled code."""

import chainrule as cr
import numpy as np
from scipy.interpolate import CubicSpline

# A smooth square root: three lines are a primitive, with a notation and all derivatives.
soft_root = cr.elementwise(
    lambda x: np.sqrt(1.0 + x**2), "softroot({0})", partials=(lambda out, x: x / out,)
)

# Compiled code that chainrule cannot look into, with the derivative that its author provides.
spline = CubicSpline(np.linspace(0, 4, 9), np.sin(np.linspace(0, 4, 9)))
smooth = cr.custom_derivative(
    lambda x: spline(x), jvp=lambda primals, tangents: spline(primals[0], 1) * tangents[0]
)


def energy(x: np.ndarray) -> float:
    """Return a sum that uses the first."""
    return np.sum(soft_root(x))


def profile(x: np.ndarray) -> float:
    """Return a sum that uses the second."""
    return np.sum(smooth(x) ** 2)


x = np.array([0.5, 1.0, 3.0])
print(cr.formula(cr.grad(energy))(x))
print("gradient", cr.grad(energy)(x))
print("Hessian\n", cr.hessian(energy)(x))
print("through the spline", cr.grad(profile)(x))
print(cr.check(energy, x))
print(cr.check(profile, x))

root = np.sqrt(1 + x**2)
assert np.allclose(cr.grad(energy)(x), x / root, rtol=1e-14)
assert np.allclose(cr.hessian(energy)(x), np.diag(root**-3), rtol=1e-12)
assert np.allclose(cr.grad(profile)(x), 2 * spline(x) * spline(x, 1), rtol=1e-14)
assert cr.check(energy, x, order=2)
assert cr.check(profile, x)
