"""How do I give SciPy's optimisers exact derivatives? Rosenbrock, by BFGS and by Newton-CG."""

import chainrule as cr
import numpy as np
from scipy.optimize import minimize


def rosenbrock(x: np.ndarray) -> float:
    """Return the banana-shaped valley whose minimum is at (1, …, 1)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


x0 = np.array([-1.2, 1.0, -0.5, 0.8])

exact = minimize(cr.value_and_grad(rosenbrock), x0, jac=True, method="BFGS")
differences = minimize(rosenbrock, x0, method="BFGS")
newton = minimize(
    cr.value_and_grad(rosenbrock), x0, jac=True, hessp=cr.hvp(rosenbrock), method="Newton-CG"
)

for name, result in (
    ("BFGS, exact gradient", exact),
    ("BFGS, differences", differences),
    ("Newton-CG, exact hvp", newton),
):
    error = np.max(np.abs(result.x - 1))
    print(f"{name:22} {result.nfev:4} evaluations   largest error {error:.1e}")

assert np.allclose(exact.x, 1, atol=1e-5)
assert np.allclose(newton.x, 1, atol=1e-4)
assert exact.nfev < differences.nfev
assert np.linalg.norm(cr.grad(rosenbrock)(exact.x)) < 1e-4
