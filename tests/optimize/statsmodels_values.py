"""What statsmodels finds, as constants of ``test_statistics.py``.

    python tests/optimize/statsmodels_values.py

prints them anew, with statsmodels and scikit-learn installed (0.15.0 and 1.9.1 made those there).
"""

import numpy as np


def cancer():
    """Four measurements of 569 tumours, standardised, and whether they are benign."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, [0, 1, 4, 8]]
    return np.c_[np.ones(len(X)), (X - X.mean(0)) / X.std(0)], 1.0 * y


#: Executions in 17 states in 1997 (Gill, Generalized Linear Models, 2001): count, median income,
#: percentages poor and black, log of violent crimes per 100,000, whether in the South, share with a degree.
PUNISHMENT = np.array([
    [37, 34453, 16.7, 12.2, 644, 1, .16], [9, 41534, 12.5, 20.0, 351, 1, .27],
    [6, 35802, 10.6, 11.2, 591, 0, .21], [4, 26954, 18.4, 16.1, 524, 1, .16],
    [3, 31468, 14.8, 25.9, 565, 1, .19], [2, 32552, 18.8, 3.5, 632, 0, .25],
    [2, 40873, 11.6, 15.3, 886, 0, .25], [2, 34861, 13.1, 30.1, 997, 1, .21],
    [1, 42562, 9.4, 4.3, 405, 0, .31], [1, 31900, 14.3, 15.4, 1051, 1, .24],
    [1, 37421, 8.2, 8.2, 537, 0, .19], [1, 33305, 16.4, 7.2, 321, 0, .16],
    [1, 32108, 18.4, 32.1, 929, 1, .18], [1, 45844, 9.3, 27.4, 931, 0, .29],
    [1, 34743, 10.0, 4.0, 435, 0, .24], [1, 29709, 15.2, 7.7, 597, 0, .21],
    [1, 36777, 11.7, 1.8, 463, 0, .25],
])  # fmt: skip


def punishment():
    """The table as a design with a constant, its columns of a similar size, and the counts."""
    count, income, poor, black, crime, south, degree = PUNISHMENT.T
    columns = [income / 1e4, poor / 10, black / 10, np.log(crime), south, 10 * degree]
    return np.column_stack([np.ones(len(count)), *columns]), count


def main() -> None:
    import statsmodels.api as sm

    np.set_printoptions(precision=12, suppress=True, linewidth=100)
    for name, model, (X, y) in (("logit", sm.Logit, cancer()), ("poisson", sm.Poisson, punishment())):
        fitted = model(y, X).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
        robust = model(y, X).fit(disp=0, method="newton", tol=1e-14, maxiter=100, cov_type="HC0")
        scores = model(y, X).score_obs(fitted.params)
        print(name, "params", repr(fitted.params), "bse", repr(fitted.bse), sep="\n")
        print("HC0", repr(robust.bse), sep="\n")
        print("opg", repr(np.sqrt(np.diag(np.linalg.inv(scores.T @ scores)))), sep="\n")
        print("llf", fitted.llf)


if __name__ == "__main__":
    main()
