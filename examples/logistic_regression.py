"""How do I fit a model by maximum likelihood, with standard errors? Logistic regression by Newton."""

from importlib.resources import files

import chainrule as cr
import numpy as np

with files("chainrule").joinpath("data/breast_cancer.csv").open() as table:
    names = table.readline().strip().split(",")
    data = np.loadtxt(table, delimiter=",")

COLUMNS = ["mean_radius", "mean_texture", "mean_smoothness"]
X = data[:, [names.index(c) for c in COLUMNS]]
X = (X - X.mean(axis=0)) / X.std(axis=0)
malignant = data[:, -1]


def negative_log_likelihood(p: dict) -> float:
    z = X @ p["slopes"] + p["intercept"]
    return np.sum(np.logaddexp(0, z) - malignant * z)


found = cr.minimize(negative_log_likelihood, {"slopes": np.zeros(3), "intercept": 0.0})
errors = found.standard_errors()
print(found.message)
for name, slope, error in zip(COLUMNS, found.x["slopes"], errors["slopes"], strict=True):
    print(f"{name:16} {slope:7.3f} ± {error:.3f}")

assert found.success
assert found.curvature == "minimum"

# The textbook's way: the inverse of the information matrix XᵀWX.
A = np.column_stack([X, np.ones(len(X))])
p = 1 / (1 + np.exp(-A @ np.append(found.x["slopes"], found.x["intercept"])))
information = A.T @ (A * (p * (1 - p))[:, None])
assert np.allclose(found.covariance(), np.linalg.inv(information), rtol=1e-8)
