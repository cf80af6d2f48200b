"""How do I model counts? Poisson regression: sit-ups of twenty men, by weight, waist and pulse."""

import chainrule as cr
import numpy as np
from sklearn.datasets import load_linnerud
from sklearn.linear_model import PoissonRegressor

men = load_linnerud()
situps = men.data[:, men.feature_names.index("Situps")]
X = (men.target - men.target.mean(axis=0)) / men.target.std(axis=0)


def negative_log_likelihood(p: dict) -> float:
    """Of counts with mean exp(Xw + b); log(situps!) does not depend on p."""
    z = X @ p["slopes"] + p["intercept"]
    return np.sum(np.exp(z) - situps * z)


print(cr.formula(cr.grad(negative_log_likelihood))({"slopes": np.zeros(3), "intercept": 0.0}))
found = cr.minimize(negative_log_likelihood, {"slopes": np.zeros(3), "intercept": 4.0})
errors = found.standard_errors()
print(found.message)
for name, slope, error in zip(men.target_names, found.x["slopes"], errors["slopes"], strict=True):
    print(f"{name:8} {slope:7.3f} ± {error:.3f}")

assert found.success
# The standard errors of statsmodels 0.14 (GLM, Poisson family).
assert np.allclose(errors["slopes"], [0.035213048615, 0.038821668917, 0.018311061291], rtol=1e-8)
assert np.allclose(errors["intercept"], 0.019658711452, rtol=1e-8)

sklearn = PoissonRegressor(alpha=0, solver="newton-cholesky", tol=1e-10).fit(X, situps)
assert np.allclose(found.x["slopes"], sklearn.coef_, rtol=0, atol=1e-6)
assert np.allclose(found.x["intercept"], sklearn.intercept_, rtol=0, atol=1e-6)
