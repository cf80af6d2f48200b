"""How do I fit a model by maximum likelihood, with standard errors? Logistic regression by Newton."""

from importlib.resources import files

import chainrule as cr
import numpy as np
from sklearn.linear_model import LogisticRegression

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


start = {"slopes": np.zeros(3), "intercept": 0.0}
found = cr.minimize(negative_log_likelihood, start, method="newton")
errors = found.standard_errors()
print(found.message)
for name, slope, error in zip(COLUMNS, found.x["slopes"], errors["slopes"], strict=True):
    print(f"{name:16} {slope:7.3f} ± {error:.3f}")

assert found.success
assert found.curvature == "minimum"

# The standard errors of statsmodels 0.14 (Logit).
STATSMODELS = [0.542340530337, 0.245430164021, 0.267642194956]
assert np.allclose(errors["slopes"], STATSMODELS, rtol=1e-9)

# The same coefficients as scikit-learn's.
sklearn = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
sklearn.fit(X, malignant)
assert np.allclose(found.x["slopes"], sklearn.coef_[0], rtol=0, atol=1e-6)
assert np.allclose(found.x["intercept"], sklearn.intercept_, rtol=0, atol=1e-6)
