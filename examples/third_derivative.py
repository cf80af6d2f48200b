"""What is a third derivative: of one variable by formula, of several along a direction?"""

import chainrule as cr
import numpy as np


def f(x: float) -> float:
    """Return x³ sin(x)."""
    return x**3 * np.sin(x)


def g(x: np.ndarray) -> float:
    """Return log Σ exp(x), the generating function of cumulants."""
    return np.log(np.sum(np.exp(x)))


x = np.linspace(-2, 2, 9)
third = cr.derivative(f, order=3)(x)
nested = cr.derivative(cr.derivative(cr.derivative(f)))(x)
by_hand = (6 - 9 * x**2) * np.sin(x) + (18 * x - x**3) * np.cos(x)

print(cr.formula(cr.derivative(f, order=3))(0.7))
print("f'''  ", third)
print("by hand", by_hand)

# The third derivative of log Σ exp in a direction v is the third central moment of v under p.
point, v = np.array([0.3, -1.0, 0.8]), np.array([1.0, 2.0, -0.5])
along = cr.grad(lambda s: cr.hvp(g)(point + s * v, v) @ v)(0.0)
p = np.exp(point) / np.sum(np.exp(point))
moment = p @ (v - p @ v) ** 3
print("third derivative of log Σ exp along v:", along, "  third moment:", moment)

assert np.allclose(third, by_hand, rtol=1e-12)
assert np.allclose(nested, by_hand, rtol=1e-12)
assert np.allclose(along, moment, rtol=1e-12)
