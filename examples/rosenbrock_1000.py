"""How do I minimise a function of 1,000 unknowns? Rosenbrock's, whose Hessian is tridiagonal."""

import chainrule as cr
import numpy as np


def rosenbrock(x: np.ndarray) -> float:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


start = np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 200)  # as in SciPy's tutorial
found = cr.minimize(rosenbrock, start)
print(found.message)
print(f"{found.nit} steps; the farthest unknown is {np.max(abs(found.x - 1)):.0e} from 1")

# It was seen that each unknown meets its neighbours alone, so a step solves a banded system.
assert found.success
assert found.method == "newton"
assert "banded" in found.message
assert np.allclose(found.x, 1, rtol=0, atol=1e-10)

# By first derivatives alone there are more steps, and fewer digits.
other = cr.minimize(rosenbrock, start, method="L-BFGS-B", tol=1e-12)
print(f"L-BFGS-B takes {other.nit} steps and comes within {np.max(abs(other.x - 1)):.0e}")
assert other.nit > found.nit
assert np.allclose(other.x, 1, rtol=0, atol=1e-3)
