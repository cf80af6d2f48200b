"""What are the Jacobian of a vector function and the Hessian of a scalar one, entry by entry?"""

import chainrule as cr
import numpy as np


def f(x: np.ndarray) -> np.ndarray:
    """Return two outputs of three inputs."""
    x1, x2, x3 = x
    return np.stack([x1**2 + 2 * x2 - x3, np.sin(x1) + x2 * x3])


def g(x: np.ndarray) -> float:
    """Return one output of three inputs."""
    x1, x2, x3 = x
    return x1**2 + 3 * x2**2 + np.exp(x3) + x1 * x2


x0 = np.array([0.2, -0.3, 0.5])
J = cr.jacobian(f)(x0)
H = cr.hessian(g)(x0)

print(cr.formula(cr.jacobian(f))(x0))
print(J)
print(cr.formula(cr.hessian(g))(x0))
print(H)
print("eigenvalues of the Hessian:", np.linalg.eigvalsh(H), "(all positive: convex here)")

assert np.allclose(J, [[0.4, 2, -1], [np.cos(0.2), 0.5, -0.3]], rtol=1e-14)
assert np.allclose(H, [[2, 1, 0], [1, 6, 0], [0, 0, np.exp(0.5)]], rtol=1e-14)
assert cr.check(f, x0)
assert cr.check(g, x0, order=2)
